from __future__ import annotations

import re

from playwright.sync_api import Page, expect

from tests.browser.conftest import figures, heading, ready


def other_term(page: Page) -> str:
    """Return a term that the page offers and does not show."""
    control = page.locator("#overview-term")
    values = control.locator("option").evaluate_all("(options) => options.map((option) => option.value)")
    return next(value for value in values if value and value != control.input_value())


def choose_term(page: Page, term: str) -> None:
    page.select_option("#overview-term", term)
    title = f"{term[:3]} 學年度第 {term[3]} 學期"
    expect(page.locator("h1")).to_contain_text(title)
    ready(page)


def test_a_filter_changes_address_heading_and_figures_and_back_restores_them(page_as):
    page = page_as("principal")
    ready(page)
    title, drawn, address = heading(page), figures(page), page.url
    term = other_term(page)
    choose_term(page, term)
    assert f"term={term}" in page.url
    assert figures(page) != drawn
    page.go_back()
    expect(page).to_have_url(address)
    expect(page.locator("h1")).to_have_text(title)
    ready(page)
    assert figures(page) == drawn
    assert page.locator("#overview-term").input_value() != term


def test_forward_goes_where_back_came_from(page_as):
    page = page_as("principal")
    ready(page)
    term = other_term(page)
    choose_term(page, term)
    chosen = page.url
    page.go_back()
    expect(page.locator("#overview-term")).not_to_have_value(term)
    page.go_forward()
    expect(page).to_have_url(chosen)
    expect(page.locator("#overview-term")).to_have_value(term)


def test_a_link_with_a_query_reproduces_the_page(page_as):
    page = page_as("principal")
    ready(page)
    choose_term(page, other_term(page))
    grade = page.locator("#overview-grade option:not([value=all]):not([value=''])").first.get_attribute("value")
    page.select_option("#overview-grade", grade)
    expect(page).to_have_url(re.compile(f"grade={grade}"))
    expect(page.locator("#overview-table-title")).to_contain_text("3 班")
    ready(page)
    other = page_as("secretary", page.url)
    ready(other)
    assert heading(other) == heading(page)
    assert figures(other) == figures(page)
    assert other.locator("#overview-grade").input_value() == grade


def test_a_day_in_the_past_shows_the_figures_of_that_day(page_as):
    page = page_as("principal")
    ready(page)
    shown = page.locator(".lc-trust").inner_text()
    page.fill("#overview-asof", "2026-10-05")
    page.keyboard.press("Enter")
    expect(page.locator(".lc-trust")).not_to_have_text(shown)
    expect(page.locator(".lc-trust")).to_contain_text("115/10/")
    expect(page).to_have_url(re.compile("asof=2026-10-05"))


def test_a_query_that_nobody_understands_says_so(page_as):
    page = page_as("principal", "/?klass=1")
    expect(page.locator(".lc-empty")).to_contain_text("網址裡有看不懂的條件")
    page.get_by_role("link", name="重新開啟").click()
    ready(page)
