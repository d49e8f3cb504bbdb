from __future__ import annotations

import re

from playwright.sync_api import expect

from dashboard.access.roles import Role
from dashboard.access.scope import scope_for
from dashboard.services.certification import certification
from dashboard.services.filters import open_view
from tests.browser.conftest import ready


def offered(page, control: str) -> list[str]:
    options = page.locator(f"{control} option").evaluate_all("(options) => options.map((option) => option.value)")
    return [value for value in options if value not in ("", "all")]


def test_a_homeroom_teacher_sees_the_own_class_and_no_other(page_as, place):
    name = place.school.homeroom_class
    page = page_as("homeroom")
    ready(page)
    assert page.locator("#overview-classes .lc-cell-link").all_inner_texts() == [name]
    expect(page.locator(".lc-trust")).to_contain_text(f"您可檢視：{name} 班")
    page.goto("/certification")
    ready(page)
    assert offered(page, "#certification-class") == [name]
    assert offered(page, "#certification-teacher") == []


def test_a_homeroom_teacher_asking_for_another_class_still_sees_the_own(page_as, place):
    _version, ledger = place.store.ledger()
    other = next(name for name in ledger.classes["name"] if name != place.school.homeroom_class)
    page = page_as("homeroom", f"/certification?class={other}")
    ready(page)
    assert other not in page.locator("#main").inner_text()


def test_a_teacher_sees_the_own_queue_and_no_other(page_as, place):
    code = place.school.teacher_code
    _version, ledger = place.store.ledger()
    (mine,) = ledger.teachers.loc[ledger.teachers["code"] == code, "name"]
    page = page_as("teacher", "/certification")
    ready(page)
    view = open_view(place.store, scope_for(Role.TEACHER, classes=[], staff_code=code, unit=""), {})
    total = certification(place.store, view).queue_total
    assert total > 0
    expect(page.locator("#certification-list-title")).to_contain_text(f"待認證 {total} 件")
    expect(page.locator(".lc-trust")).to_contain_text("您可檢視：自己的認證")
    text = page.locator("#main").inner_text()
    assert [name for name in ledger.teachers["name"] if name != mine and name in text] == []


def test_a_teacher_starts_at_the_own_page_and_is_told_why_there_is_no_overview(page_as):
    page = page_as("teacher", "/")
    expect(page.locator(".lc-empty")).to_contain_text("您的角色不能看這一頁")
    expect(page.locator(".lc-nav a")).to_have_text(["教師認證", "敘獎", "個人資料"])
    page.get_by_role("link", name="前往可以看的頁面").click()
    ready(page)
    expect(page).to_have_url(re.compile("/certification"))
