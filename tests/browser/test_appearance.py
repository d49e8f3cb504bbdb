from __future__ import annotations

import re

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import figures, heading, ready

CHINESE = re.compile(r"[\u4e00-\u9fff]")


def test_the_language_switch_shows_english_headings_and_says_so(page_as):
    page = page_as("principal")
    ready(page)
    expect(page.locator("html")).to_have_attribute("lang", "zh-Hant-TW")
    page.get_by_role("link", name="English").click()
    ready(page)
    expect(page.locator("html")).to_have_attribute("lang", "en")
    for path in ("/", "/certification"):
        page.goto(path)
        ready(page)
        assert [
            text for text in page.locator("h1, h2, .lc-field label").all_inner_texts() if CHINESE.search(text)
        ] == []
    page.get_by_role("link", name="中文").click()
    expect(page.locator("html")).to_have_attribute("lang", "zh-Hant-TW")


def test_the_dark_switch_changes_the_document_and_the_figures(page_as):
    page = page_as("principal")
    ready(page)
    light, title = figures(page), heading(page)
    expect(page.locator("html")).to_have_attribute("data-bs-theme", "light")
    page.locator("[data-theme-switch]").click()
    expect(page.locator("html")).to_have_attribute("data-bs-theme", "dark")
    page.wait_for_function(
        "(before) => JSON.stringify(document.querySelector('.js-plotly-plot').layout) !== JSON.stringify(JSON.parse(before)[1])",
        arg=light[0],
    )
    ready(page)
    assert all(now != before for now, before in zip(figures(page), light, strict=True))
    assert heading(page) == title
    page.reload()
    ready(page)
    expect(page.locator("html")).to_have_attribute("data-bs-theme", "dark")


def test_the_system_s_dark_preference_is_followed_from_the_first_figure(page_as):
    page = page_as("principal", color_scheme="dark")
    ready(page)
    expect(page.locator("html")).to_have_attribute("data-bs-theme", "dark")
    light = page_as("principal", color_scheme="light")
    ready(light)
    assert figures(page)[0] != figures(light)[0]


@pytest.mark.parametrize("language", ["zh_Hant_TW", "en"])
@pytest.mark.parametrize("width", [320, 360])
def test_nothing_scrolls_sideways_on_a_phone(page_as, width, language):
    page = page_as("principal", "/", width=width, language=language)
    for path in ("/", "/certification"):
        page.goto(path)
        ready(page)
        widest = page.evaluate(
            """() => [document.documentElement.scrollWidth, document.body.scrollWidth,
                ...[...document.querySelectorAll('main h1, main .lc-card')].map((e) => e.getBoundingClientRect().right)]"""
        )
        assert max(widest) <= width, path


def test_the_menu_opens_and_closes_on_a_phone(page_as):
    page = page_as("principal", width=360)
    ready(page)
    link = page.locator(".lc-nav").get_by_role("link", name="教師認證")
    expect(link).to_be_hidden()
    page.get_by_role("button", name="選單").click()
    link.click()
    ready(page)
    expect(page.locator("h1")).to_contain_text("教師認證")
    expect(link).to_be_hidden()
