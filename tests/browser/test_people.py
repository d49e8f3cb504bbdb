from __future__ import annotations

import re

from playwright.sync_api import expect
from sqlalchemy import delete

from dashboard.access.roles import Role
from dashboard.access.scope import scope_for
from dashboard.services.certification import certification
from dashboard.services.filters import open_view
from dashboard.services.grants import list_grants
from data.db import writing
from data.models import Grant, User
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


def test_a_form_that_is_refused_says_why_and_keeps_what_was_typed(page_as, place):
    page = page_as("admin", "/admin", forgives="400")
    page.get_by_text("再授予一個職務").click()
    page.select_option("#admin-grant-name", "member")
    page.select_option("#admin-grant-role", "section_chief")
    page.fill("#admin-grant-to", "2099-12-31")
    page.get_by_role("button", name="授予職務").click()
    fault = page.locator(".lc-form-fault")
    expect(fault).to_contain_text("組長要指定處室組別")
    assert page.input_value("#admin-grant-to") == "2099-12-31"
    page.fill("#admin-grant-unit", place.school.chief_unit)
    page.get_by_role("button", name="授予職務").click()
    page.get_by_text("188/12/31").first.wait_for()
    (given,) = [each for each in list_grants(place.store, "member") if str(each.ends_on) == "2099-12-31"]
    assert given.role == "section_chief"
    with writing(place.store.engine) as connection:
        connection.execute(delete(Grant).where(Grant.id == given.id))


def test_an_invitation_is_refused_in_its_form_and_its_link_is_shown_in_place_once(page_as, place):
    page = page_as("admin", "/admin", forgives="400")
    page.get_by_text("邀請新的人").click()
    page.fill("#admin-new-name", "reg01")
    page.select_option("#admin-new-role", "section_chief")
    page.get_by_role("button", name="新增帳號並給連結").click()
    expect(page.locator(".lc-form-fault")).to_contain_text("組長要指定處室組別")
    assert page.input_value("#admin-new-name") == "reg01"
    page.fill("#admin-new-unit", place.school.chief_unit)
    page.get_by_role("button", name="新增帳號並給連結").click()
    expect(page.get_by_role("heading", name="給 reg01 的連結")).to_be_visible()
    assert "/invite/" in page.input_value("#link")
    expect(page.locator("#link")).to_be_focused()
    page.get_by_role("link", name="回系統管理").click()
    expect(page.get_by_role("heading", name="系統管理")).to_be_visible()
    assert page.locator("#link").count() == 0
    with writing(place.store.engine) as connection:
        connection.execute(delete(User).where(User.username == "reg01"))
