from __future__ import annotations

import re

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import ready

CALLBACKS = re.compile("_dash-update-component")


@pytest.mark.parametrize(("status", "words"), [(500, "代碼 500"), (403, "權限"), (413, "太大")])
def test_a_refused_callback_shows_a_banner(page_as, status, words):
    page = page_as("principal", forgives=f"status of {status}|script|Callback|_dash")
    ready(page)
    page.route(CALLBACKS, lambda route: route.fulfill(status=status, json={"error": "no"}))
    page.select_option("#overview-grade", "2")
    banner = page.locator("#failure-banner")
    expect(banner).to_have_attribute("role", "alert")
    expect(banner).to_contain_text(words)
    page.unroute(CALLBACKS)
    banner.get_by_role("button", name="重新載入").click()
    ready(page)
    expect(page.locator("#overview-grade")).to_have_value("2")
    expect(banner).to_be_hidden()


def test_a_server_out_of_reach_shows_a_banner(page_as):
    page = page_as("principal", forgives="ERR_|script|Callback|_dash")
    ready(page)
    page.route(CALLBACKS, lambda route: route.abort())
    page.select_option("#overview-grade", "2")
    expect(page.locator("#failure-banner")).to_contain_text("連不上伺服器")


def test_a_callback_answered_with_401_goes_to_the_login_and_back_to_the_question(page_as):
    page = page_as("principal", forgives="status of 401|script|Callback|_dash")
    ready(page)
    page.context.clear_cookies(name="licheng")
    page.route(CALLBACKS, lambda route: route.fulfill(status=401, json={"error": "login required"}))
    page.select_option("#overview-grade", "2")
    expect(page).to_have_url(re.compile(r"/login\?next="))
    expect(page.locator("input[name=next]")).to_have_value(re.compile("grade=2"))
