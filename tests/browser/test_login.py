from __future__ import annotations

import re

from playwright.sync_api import expect

from tests.browser.conftest import ready
from tests.school import PASSWORD


def test_a_wrong_password_says_so_and_the_right_one_leads_to_the_overview(page_as):
    page = page_as(None, "/", forgives="status of 401")
    expect(page).to_have_url(re.compile("/login"))
    page.fill("#username", "principal")
    page.fill("#password", "不是這個密碼")
    page.click("button[type=submit]")
    expect(page.get_by_role("alert")).to_contain_text("帳號或密碼不對")
    page.fill("#username", "principal")
    page.fill("#password", PASSWORD)
    page.click("button[type=submit]")
    ready(page)
    expect(page.locator("h1")).to_contain_text("總覽")
    expect(page.locator(".lc-nav [aria-current=page]")).to_have_text("總覽")


def test_the_login_leads_to_the_page_that_was_asked_for(page_as, place):
    name = place.school.homeroom_class
    page = page_as(None, f"/certification?class={name}")
    page.fill("#username", "principal")
    page.fill("#password", PASSWORD)
    page.click("button[type=submit]")
    ready(page)
    expect(page.locator("#certification-class")).to_have_value(name)


def test_logging_out_ends_the_session_and_back_shows_nothing(page_as, place):
    page = page_as("principal")
    ready(page)
    page.get_by_role("button", name="登出").click()
    expect(page).to_have_url(re.compile("/login"))
    page.go_back()
    expect(page.locator("#password")).to_be_visible()
    assert place.school.homeroom_class not in page.content()
    page.goto("/certification")
    expect(page).to_have_url(re.compile("/login"))


def test_the_browser_keeps_nothing_about_people(page_as, place):
    page = page_as("principal")
    ready(page)
    page.goto("/certification")
    ready(page)
    kept = page.evaluate("JSON.stringify([{...localStorage}, {...sessionStorage}])")
    assert kept == "[{},{}]"
    assert {cookie["name"] for cookie in page.context.cookies()} == {"licheng", "lang", "theme"}
