"""/privacy: everybody sees what is held of themselves, who looked, and the register; nobody sees another's."""

from __future__ import annotations

import json

import pytest
from sqlalchemy import func, select

from data.db import reading
from data.models import AuditEvent, Outcome, Staff
from data.regulation.processing import REGISTER
from tests.app.conftest import fire
from tests.school import ROLES

SHOW = "..privacy-head.children...privacy-body.children.."


def ask(client, theme="light"):
    return fire(client, SHOW, inputs={"theme.data": theme})


def said(client):
    answer = ask(client)
    assert answer.status_code == 200
    return json.dumps(answer.json, ensure_ascii=False)


def look_at_teacher(client, code):
    inputs = {f"teachers-{each}.value": "all" for each in ("term", "asof", "division")}
    answer = fire(client, "..teachers-head.children...teachers-body.children..", inputs=inputs | {"teachers-teacher.value": code, "theme.data": "light"})  # fmt: skip
    assert answer.status_code == 200


@pytest.mark.parametrize("username", ROLES)
def test_everybody_sees_their_own_account_and_the_register(client_for, username):
    shown = said(client_for(username))
    assert f"帳號 {username}" in shown
    assert [other for other in ROLES if other != username and f"帳號 {other}" in shown] == []
    assert all(entry.title in shown for entry in REGISTER if entry.personal)


def test_nobody_sees_it_without_a_login(client_for):
    assert ask(client_for()).status_code == 401


def test_a_teacher_learns_who_looked_by_role_and_not_by_name(client_for, place):
    code = place.school.teacher_code
    look_at_teacher(client_for("secretary"), code)
    look_at_teacher(client_for("teacher"), code)
    shown = said(client_for("teacher"))
    assert "執行秘書" in shown
    assert "您自己" in shown
    assert "secretary" not in shown
    with reading(place.store.engine) as connection:
        name = connection.execute(select(Staff.name).where(Staff.staff_code == code)).scalar_one()
        wanted = (AuditEvent.about == f"teacher:{code}") & AuditEvent.action.in_(["view_teacher", "export"])
        views = connection.execute(select(func.count()).select_from(AuditEvent).where(wanted)).scalar_one()
        items = connection.execute(
            select(func.count()).select_from(Outcome).where(Outcome.teacher_code == code)
        ).scalar_one()
    assert f"共 {views} 次" in shown
    assert f'"{items}"' in shown
    assert name not in shown


def test_looking_at_another_teacher_is_not_shown_to_this_one(client_for, place):
    client, before = client_for("teacher"), said(client_for("teacher"))
    with reading(place.store.engine) as connection:
        others = select(Outcome.teacher_code).where(
            Outcome.teacher_code != place.school.teacher_code, Outcome.teacher_code != ""
        )
        other = connection.execute(others.order_by(Outcome.id.desc()).limit(1)).scalar_one()
    look_at_teacher(client_for("principal"), other)
    count = before.split("；共 ")[-1].split(" 次")[0]
    assert said(client).split("；共 ")[-1].split(" 次")[0] == count
    assert f"教師代碼 {other}" not in said(client)


def test_who_has_no_code_is_told_that_no_page_is_about_them(client_for):
    assert "沒有以您為名的頁面" in said(client_for("admin"))
