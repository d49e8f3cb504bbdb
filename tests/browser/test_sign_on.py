"""The second step and the school's accounts as a person meets them, the content security policy included."""

from __future__ import annotations

import os
import re
from datetime import timedelta
from pathlib import Path

import pyotp
import pytest
from playwright.sync_api import expect
from pydantic import SecretStr

from dashboard.services import accounts, single_sign_on
from tests.app.oidc_server import CLIENT, SECRET, Provider
from tests.browser.conftest import ready
from tests.school import PASSWORD


def look(page, name):
    """Keep a picture where somebody asked for one."""
    if folder := os.environ.get("LICHENG_PICTURES"):
        page.screenshot(path=Path(folder) / f"{name}.png", full_page=True)


@pytest.fixture
def provider(app, monkeypatch):
    monkeypatch.setenv("AUTHLIB_INSECURE_TRANSPORT", "1")  # the provider's own check of its own http
    running = Provider()
    values = {"oidc_issuer": running.issuer, "oidc_client_id": CLIENT, "oidc_client_secret": SecretStr(SECRET)}
    old = app.server.config["LICHENG_SETTINGS"]
    monkeypatch.setitem(app.server.config, "LICHENG_SETTINGS", old.model_copy(update=values))
    yield running
    running.stop()


def test_the_school_s_account_leads_through_the_provider_to_the_page_that_was_asked_for(page_as, place, provider):
    accounts.add_user(place.store, "by-school", PASSWORD, role="convener", classes=[])
    single_sign_on.link(place.store, "by-school", issuer=provider.issuer, subject="by-school")
    provider.person = {"sub": "by-school"}
    page = page_as(None, "/receipts", forgives="asks another host: http://localhost")
    look(page, "login")
    page.get_by_role("link", name="以學校帳號登入").click()
    ready(page)
    expect(page).to_have_url(re.compile("/receipts$"))
    provider.person = {"sub": "somebody else"}
    page = page_as(None, "/login", forgives="asks another host: http://localhost|status of 403")
    page.get_by_role("link", name="以學校帳號登入").click()
    expect(page.get_by_role("alert")).to_contain_text("沒有登入成功")
    look(page, "login-refused")


@pytest.mark.parametrize(("width", "scheme", "language"), [(1366, "light", "zh_Hant_TW"), (360, "dark", "en")])
def test_a_second_factor_is_set_up_and_asked_for(page_as, place, width, scheme, language):
    name = f"steps-{width}"
    accounts.add_user(place.store, name, PASSWORD, role="convener", classes=[])
    page = page_as(name, "/account", width=width, color_scheme=scheme, language=language)
    look(page, f"account-{width}")
    page.locator("a[href='/account/second-factor']").click()
    look(page, f"start-{width}")
    page.fill("#password", PASSWORD)
    page.click("main form button")
    clock = pyotp.TOTP(page.locator(".lc-secret").inner_text())
    assert page.locator(".lc-qr").evaluate("each => each.naturalWidth") > 100
    look(page, f"scan-{width}")
    page.fill("#code", clock.at(accounts._now() - timedelta(seconds=30)))
    page.click("main form button")
    expect(page.locator(".lc-codes li")).to_have_count(10)
    look(page, f"codes-{width}")
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    page.click("main section a.btn")
    look(page, f"on-{width}")
    page = page_as(None, "/login?next=/account", width=width, color_scheme=scheme, language=language)
    page.fill("#username", name)
    page.fill("#password", PASSWORD)
    page.click("button[type=submit]")
    expect(page.locator("#code")).to_be_focused()
    look(page, f"code-{width}")
    page.fill("#code", clock.at(accounts._now()))
    page.click("button[type=submit]")
    expect(page).to_have_url(re.compile("/account$"))
