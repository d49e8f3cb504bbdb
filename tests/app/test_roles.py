"""Several roles of one person in the browser: one acted in at a time, changed by a new login, given and taken on /admin; as the wrong person too."""

from __future__ import annotations

import json
import re
from datetime import datetime, timedelta

import pytest
from sqlalchemy import delete, select

from dashboard.components.dates import roc_date
from dashboard.services import accounts, grants
from data.db import reading, writing
from data.instants import TAIPEI
from data.models import AuditEvent, Grant, User
from tests.app.conftest import fire
from tests.app.test_matrix import route
from tests.school import PASSWORD, ROLES

TODAY = datetime.now(TAIPEI).date()


@pytest.fixture
def both(place):
    """A homeroom teacher who teaches too; gone after the test. Returns the number of the second role."""
    accounts.add_user(place.store, "both", PASSWORD, role="homeroom", classes=[place.school.homeroom_class], staff_code=place.school.teacher_code)  # fmt: skip
    yield grants.give(place.store, "both", role="teacher", by="root")
    with writing(place.store.engine) as connection:
        connection.execute(delete(User).where(User.username == "both"))


def change(client, number):
    return client.post("/account/role", data={"grant": str(number)})


def page(client):
    return client.get("/account").get_data(as_text=True)


def layout_of(client):
    return client.get("/_dash-layout").status_code


def newest_event(place, action):
    with reading(place.store.engine) as connection:
        asked = select(AuditEvent).where(AuditEvent.action == action).order_by(AuditEvent.sequence.desc())
        return connection.execute(asked).first()


def test_the_role_acted_in_decides_what_is_seen_and_b2_changing_it_gives_a_new_id(client_for, place, both):
    client = client_for("both")
    name = client.application.config["SESSION_COOKIE_NAME"]
    before = client.get_cookie(name).value
    assert f"您可檢視：{place.school.homeroom_class} 班" in page(client)
    students = "/exports/class_students.csv"
    asked = {"class": place.school.homeroom_class}
    assert client.get(students, query_string=asked).status_code == 200
    answer = change(client, both)
    assert (answer.status_code, answer.headers["Location"]) == (302, "/certification")
    assert "您可檢視：自己的認證" in page(client)
    assert client.get(students, query_string=asked).status_code == 403
    replayed = client.application.test_client()
    replayed.set_cookie(name, before)
    assert replayed.get("/account", headers={"Accept": "application/json"}).status_code == 401
    event = newest_event(place, "role_taken")
    assert (event.actor, json.loads(event.detail)["role"]) == ("both", "teacher")
    refused = newest_event(place, "refused")
    assert (refused.actor, json.loads(refused.detail)["role"]) == ("both", "teacher")


def test_nobody_takes_the_role_of_another_by_its_number(client_for, place, both):
    with reading(place.store.engine) as connection:
        numbers = connection.execute(select(Grant.id).join(User).where(User.username == "admin")).scalars().all()
    for username in ("teacher", "member", "both"):
        for number in (*numbers, 0, 10**8, "9" * 40, "x", "", "１"):
            client = client_for(username)
            assert change(client, number).status_code == 403
            assert layout_of(client) == 200  # and the role of before goes on
    assert change(client_for(), both).status_code == 401
    hostile = client_for("both")
    headers = {"Sec-Fetch-Site": "cross-site"}
    assert hostile.post("/account/role", data={"grant": str(both)}, headers=headers).status_code == 403


def test_a11_a_role_taken_back_or_at_its_end_is_worth_nothing_at_the_next_request(client_for, place, both):
    client = client_for("both")
    change(client, both)
    assert layout_of(client) == 200
    admin = client_for("admin")
    assert admin.post("/admin/roles/revoke", data={"grant": f"{both}:both"}).status_code == 303
    assert layout_of(client) == 401
    again = client_for("both")  # with the role that is left
    assert "您可檢視：自己的認證" not in page(again)
    assert change(again, both).status_code == 403


def test_a_deputy_acts_within_the_scope_of_who_is_away_until_the_last_day_and_the_page_and_the_log_say_for_whom(client_for, place, both):  # fmt: skip
    admin = client_for("admin")
    with reading(place.store.engine) as connection:
        source = connection.execute(select(Grant.id).join(User).where(User.username == "chief")).scalar()
    data = {"name": "both", "grant": str(source), "reason": "公假", "to": (TODAY + timedelta(days=2)).isoformat()}
    assert admin.post("/admin/roles/delegate", data=data).status_code == 303
    deputy = grants.list_grants(place.store, "both")[-1]
    client = client_for("both")
    change(client, deputy.id)
    assert "組長（代理 chief）" in page(client)
    file = client.get("/exports/teachers.csv")
    assert file.status_code == 200
    assert "由 both（組長（代理 chief）） 於 " in file.data.decode()
    event = newest_event(place, "export")
    detail = json.loads(event.detail)
    assert (event.actor, detail["role"], detail["on_behalf_of"]) == ("both", "section_chief", "chief")
    with writing(place.store.engine) as connection:
        connection.execute(Grant.__table__.update().where(Grant.id == deputy.id).values(ends_on=TODAY - timedelta(days=1)))  # fmt: skip
    assert layout_of(client) == 401


@pytest.mark.parametrize("username", [None, *sorted(set(ROLES) - {"admin"})])
def test_nobody_but_the_administrator_gives_or_takes_roles(client_for, place, both, username):
    client = client_for(username)
    before = [(each.id, each.revoked_at) for each in grants.list_grants(place.store)]
    for step, data in {
        "grant": {"name": username or "both", "role": "admin"},
        "delegate": {"name": "both", "grant": "1", "reason": "x", "to": TODAY.isoformat()},
        "revoke": {"grant": f"{both}:both"},
    }.items():
        assert client.post(f"/admin/roles/{step}", data=data).status_code == (401 if username is None else 403)
    assert [(each.id, each.revoked_at) for each in grants.list_grants(place.store)] == before


def test_the_administrator_gives_no_role_to_oneself_and_a_wrong_form_is_refused_in_words(client_for, place, both):
    admin = client_for("admin")
    before = len(grants.list_grants(place.store))
    for step, data, said in [
        ("grant", {"name": "admin", "role": "convener"}, "不能授予或收回自己的職務"),
        ("revoke", {"grant": "1:admin"}, "不能授予或收回自己的職務"),
        ("grant", {"name": "both", "role": "king"}, "沒有「king」這個角色"),
        ("grant", {"name": "both", "role": "member", "to": "明天"}, "不是日期"),
        ("grant", {"name": "both", "role": "member", "to": "0001-01-01"}, "迄日"),
        ("delegate", {"name": "both", "grant": "x", "reason": "假", "to": TODAY.isoformat()}, "找不到"),
        ("revoke", {"grant": "９:both"}, "沒有編號"),
        ("revoke", {}, "沒有「」這個帳號"),
    ]:
        answer = admin.post(f"/admin/roles/{step}", data=data)
        assert (answer.status_code, said in answer.get_data(as_text=True)) == (400, True), (step, data)
    assert admin.post("/admin/roles/else", data={"name": "both"}).status_code == 404
    assert len(grants.list_grants(place.store)) == before


def test_a_form_sent_by_the_page_is_told_where_to_go_and_b8_with_the_headers_of_every_answer(client_for, both):
    admin, data = client_for("admin"), {"grant": f"{both}:both"}
    answer = admin.post("/admin/roles/revoke", data=data, headers={"X-Licheng-Form": "1"})
    assert (answer.status_code, answer.get_json(), "Location" in answer.headers) == (
        200,
        {"location": "/admin?done=revoke"},
        False,
    )
    page = admin.get("/account").headers
    same = [name for name, _ in page if name.startswith(("X-", "Cache-", "Content-Security-", "Referrer-", "Cross-"))]
    assert len(same) == 7
    assert [answer.headers[name] for name in same] == [page[name] for name in same]
    away = client_for().get("/certification", headers={"X-Licheng-Form": "1", "Accept": "text/html"})
    assert away.status_code == 302  # what nobody sent as a form is answered as ever


def test_the_bar_offers_the_other_roles_and_nothing_to_who_has_one(client_for, both):
    bar = str(route(client_for("both"), "/").get_json())
    assert ("'/account/role'" in bar, f"'value': '{both}'" in bar) == (True, True)
    assert "/account/role" not in str(route(client_for("homeroom"), "/").get_json())
    assert "您有 2 個職務" in page(client_for("both"))
    assert "個職務，一次用一個" not in page(client_for("homeroom"))


def body_of(client):
    answer = fire(client, "..admin-head.children...admin-body.children..", inputs={"theme.data": "light"})
    return json.dumps(answer.get_json(), ensure_ascii=False)


def day(number):
    return roc_date(TODAY + timedelta(days=number), weekday=False)


def test_the_page_says_what_was_done_by_a_code_and_never_what_the_address_says(client_for, both):
    admin = client_for("admin")
    data = {"name": "both", "role": "member", "to": TODAY.isoformat()}
    assert admin.post("/admin/roles/grant", data=data).headers["Location"] == "/admin?done=grant"
    assert "{'children': '✓ 已授予職務。', 'className': 'lc-form-done', 'role': 'status'}" in str(route(admin, "/admin", "?done=grant").get_json())  # fmt: skip
    plain = route(admin, "/admin").get_json()
    for step in ("grant", "delegate", "revoke", "disable", "enable", "logout", "second_factor"):
        assert "✓ 已" in str(route(admin, "/admin", f"?done={step}").get_json()), step
    for said in ("", "granted", "<b>x</b>", "已授予職務。", "__class__"):
        assert route(admin, "/admin", f"?done={said}").get_json() == plain
    for query in ("?done=grant&done=revoke", "?undone=grant", "?done=grant&x=1"):
        assert "看不懂的條件" in str(route(admin, "/admin", query).get_json())
    assert "已授予職務" not in str(route(client_for("auditor"), "/admin", "?done=grant").get_json())
    assert "看不懂的條件" in str(route(admin, "/privacy", "?done=grant").get_json())  # a page that has no such form


def test_a_role_is_shown_with_its_number_and_days_and_one_to_come_says_from_when(client_for, place, both):
    to_come = grants.give(place.store, "both", role="member", starts_on=TODAY + timedelta(days=3), by="root")
    own, shown = page(client_for("both")), body_of(client_for("admin"))
    for seen in (own, shown):
        assert f"編號 {both}，{day(0)} 起，沒有迄日" in seen
        assert f"編號 {to_come}，{day(3)} 起，沒有迄日" in seen
    assert f'<span class="lc-badge lc-not_open">{day(3)} 起</span>' in own
    assert f'"{day(3)} 起"' in shown
    assert f'value="{to_come}"' not in own  # nobody acts in it yet
    assert change(client_for("both"), to_come).status_code == 403


def test_who_is_away_and_who_stands_in_both_see_it_and_nobody_else_does(client_for, place, both):
    with reading(place.store.engine) as connection:
        source = connection.execute(select(Grant.id).join(User).where(User.username == "chief")).scalar()
    deputy = grants.delegate(place.store, "both", from_grant_id=source, ends_on=TODAY + timedelta(days=2), reason="公假", by="root")  # fmt: skip
    later = grants.delegate(
        place.store, "member", from_grant_id=source, starts_on=TODAY + timedelta(days=3), ends_on=TODAY + timedelta(days=4), reason="公假", by="root"
    )  # fmt: skip
    away, standing_in, other = (page(client_for(name)) for name in ("chief", "both", "secretary"))
    assert f"由 both 代理（編號 {deputy}，{day(0)} 至 {day(2)}）" in away
    assert re.search(rf"由 member 代理（編號 {later}，{day(3)} 至 {day(4)}） <span class=[^>]+>{day(3)} 起", away)
    assert "組長（代理 chief）" in standing_in
    assert f"編號 {deputy}，{day(0)} 至 {day(2)}" in standing_in
    assert [name for name in ("both", "chief", "member") if f"由 {name} 代理" in other + standing_in] == []
    assert "組長（代理 chief）" in body_of(client_for("admin"))
    grants.revoke(place.store, "member", later, by="root")
    assert "由 member 代理" not in page(client_for("chief"))


def test_a11_disabling_who_is_away_ends_what_the_deputy_holds_of_it_at_the_next_request(client_for, place, both):
    with reading(place.store.engine) as connection:
        source = connection.execute(select(Grant.id).join(User).where(User.username == "chief")).scalar()
    deputy = grants.delegate(place.store, "both", from_grant_id=source, ends_on=TODAY, reason="公假", by="root")
    client = client_for("both")
    change(client, deputy)
    assert client.get("/exports/teachers.csv").status_code == 200
    for step in ("disable", "enable"):
        assert (
            client_for("admin").post("/admin/accounts/change", data={"name": "chief", "step": step}).status_code == 303
        )
        assert layout_of(client) == 401, step  # a login that has ended stays ended
        again = client_for("both")
        for seen in (page(again), body_of(client_for("admin"))):
            assert ("chief 的帳號已停用" in seen) == (step == "disable")
        assert change(again, deputy).status_code == (403 if step == "disable" else 302)


def test_an_auditor_is_given_no_role_that_changes_what_is_audited_and_keeps_those_held(client_for, place):
    admin, before = client_for("admin"), len(grants.list_grants(place.store))
    for data in ({"name": "auditor", "role": "section_chief", "unit": place.school.chief_unit}, {"name": "chief", "role": "auditor"}):  # fmt: skip
        answer = admin.post("/admin/roles/grant", data=data)
        assert (answer.status_code, "稽核不能同時擔任組長" in answer.get_data(as_text=True)) == (400, True)
    assert len(grants.list_grants(place.store)) == before
