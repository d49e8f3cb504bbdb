"""Roles of accounts: given for days, held for somebody who is away, revoked; as a plain rule says, on both databases."""

from __future__ import annotations

import json
from datetime import date, datetime, timedelta

import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import delete, func, insert, select, update

from dashboard.access.roles import ROLES, Role
from dashboard.services import accounts, grants, second_factor
from dashboard.services.grants import AccountError
from data.db import reading, writing
from data.instants import TAIPEI
from data.models import AuditEvent, Grant, GrantClass, User, UserSession
from data.school import write_setting
from tests.unit.builders import take_in, write_small_school

PASSWORD = "正確的馬兒電池訂書針 7"
TODAY = datetime.now(TAIPEI).date()
DAY = timedelta(days=1)
YEAR = (pd.Timestamp(TODAY) + pd.DateOffset(years=1)).date()  # the same day of the next year
FIRST = date(2025, 1, 1)


@pytest.fixture
def people(store, tmp_path):
    """A school with an administrator, a head, a teacher and a member."""
    take_in(store.engine, write_small_school(tmp_path / "files"))  # of 113
    accounts.add_user(store, "root", PASSWORD, role="admin", classes=[])
    accounts.add_user(store, "head", PASSWORD, role="section_chief", classes=[], unit="教務處註冊組")
    accounts.add_user(store, "wang", PASSWORD, role="teacher", classes=[], staff_code="T001")
    accounts.add_user(store, "lin", PASSWORD, role="member", classes=[])
    return store


def account(store, token, **options):
    return accounts.account_of(store, token, idle_minutes=30, session_hours=8, **options)


def number_of(store, username, role=None):
    return next(each.id for each in grants.list_grants(store, username) if role in (None, each.role))


days = st.integers(0, 8).map(lambda n: FIRST + n * DAY)
a_grant = st.tuples(days, st.none() | days, st.booleans(), st.none() | st.integers(0, 5))


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(made=st.lists(a_grant, max_size=6), on=days, disabled=st.none() | st.sampled_from([1, 2]))
def test_a_role_is_held_on_its_days_until_revoked_and_for_another_only_while_that_one_holds_it(
    store, made, on, disabled
):
    stamp = datetime(2025, 1, 1, tzinfo=TAIPEI)
    with writing(store.engine) as connection:
        connection.execute(delete(User))
        for user in (1, 2):
            values = {"id": user, "username": f"u{user}", "password_hash": "", "staff_code": "", "created_at": stamp, "failed_count": 0, "disabled_at": stamp if user == disabled else None}  # fmt: skip
            connection.execute(insert(User).values(values))
        for number, (starts_on, ends_on, is_revoked, source) in enumerate(made):
            values = {
                "id": number + 1, "user_id": 1 + number % 2, "role": "member", "unit": "", "starts_on": starts_on, "ends_on": ends_on,
                "delegated_from_id": source + 1 if source is not None and source < number else None, "reason": "", "granted_by": "x",
                "granted_at": stamp, "revoked_by": "x" if is_revoked else "", "revoked_at": stamp if is_revoked else None,
            }  # fmt: skip
            connection.execute(insert(Grant).values(values))

    def holds(number):
        starts_on, ends_on, is_revoked, _ = made[number]
        return starts_on <= on and (ends_on is None or on <= ends_on) and not is_revoked

    expected = set()
    for number, (*_, source) in enumerate(made):
        is_deputy = source is not None and source < number
        if holds(number) and (not is_deputy or (holds(source) and 1 + source % 2 != disabled)):
            expected.add(number + 1)
    with reading(store.engine) as connection:
        found = [each.id for user in (1, 2) for each in grants.held_by(connection, user, on=on)]
    assert sorted(found) == sorted(expected)
    assert {each.id for each in grants.list_grants(store, on=on) if each.is_in_force} == expected


def test_one_person_acts_in_one_role_at_a_time_and_changes_it_by_a_new_login_that_ends_when_the_old_would(people):
    grants.give(people, "wang", role="homeroom", classes=["101"], by="root")
    began = datetime.now(TAIPEI)
    token = accounts.log_in(people, "wang", PASSWORD, at=began)
    first = account(people, token)
    assert (first.role, first.classes, [held.role for held in first.held]) == (
        "teacher",
        frozenset(),
        ["teacher", "homeroom"],
    )
    later = began + timedelta(minutes=20)
    changed = accounts.act_as(people, first, number_of(people, "wang", "homeroom"), at=later)
    assert account(people, token) is None
    second = account(people, changed, at=later)
    assert (second.role, second.classes) == ("homeroom", frozenset({(113, "101")}))
    with reading(people.engine) as connection:
        assert connection.execute(select(UserSession.created_at)).scalars().all() == [began]
    assert (
        accounts.act_as(people, first, number_of(people, "wang", "homeroom")) is None
    )  # the ended login changes nothing


def test_nobody_acts_in_a_role_of_another_or_one_that_has_ended_or_is_to_come(people):
    account_of_wang = account(people, accounts.log_in(people, "wang", PASSWORD))
    to_come = grants.give(people, "wang", role="member", starts_on=TODAY + DAY, by="root")
    ended = grants.give(people, "wang", role="auditor", by="root")
    grants.revoke(people, "wang", ended, by="root")
    for number in (number_of(people, "head"), to_come, ended, 0, 999):
        assert accounts.act_as(people, account_of_wang, number) is None
    assert account(people, account_of_wang.session_token).role == "teacher"


def test_a_homeroom_teacher_of_112_is_not_one_of_113(people):
    number = grants.give(people, "wang", role="homeroom", classes=["112:101"], by="root")
    acting = account(
        people, accounts.act_as(people, account(people, accounts.log_in(people, "wang", PASSWORD)), number)
    )
    assert acting.classes == frozenset({(112, "101")})


@pytest.mark.parametrize("year", ["99999999999", "9" * 5000, "2024", "11", "１１３", "-13", "x"])
def test_a_class_of_no_school_year_is_refused_in_words(people, year):
    with pytest.raises(AccountError, match="113:101"):
        grants.give(people, "wang", role="homeroom", classes=[f"{year}:101"], by="root")


def test_a_revoked_role_ends_its_logins_and_those_of_the_deputy_and_stays_on_record(people):
    source = number_of(people, "head")
    deputy = grants.delegate(people, "lin", from_grant_id=source, ends_on=TODAY + 3 * DAY, reason="公假", by="root")
    token = accounts.act_as(people, account(people, accounts.log_in(people, "lin", PASSWORD)), deputy)
    acting = account(people, token)
    assert (acting.role, acting.unit, acting.on_behalf_of) == ("section_chief", "教務處註冊組", "head")
    of_head = accounts.log_in(people, "head", PASSWORD)
    grants.revoke(people, "head", source, by="root")
    assert account(people, token) is account(people, of_head) is None
    assert accounts.log_in(people, "head", PASSWORD) is None  # no role, no login
    assert account(people, accounts.log_in(people, "lin", PASSWORD)).role == "member"
    kept = {each.id: each for each in grants.list_grants(people)}
    assert (kept[source].revoked_at is not None, kept[source].is_in_force, kept[deputy].is_in_force) == (
        True,
        False,
        False,
    )
    with reading(people.engine) as connection:
        logged = connection.execute(select(AuditEvent.action, AuditEvent.about).order_by(AuditEvent.id)).all()
    assert ("role_delegated", "account:lin") in logged
    assert ("role_revoked", "account:head") in logged


def test_a_role_ends_with_its_last_day(people):
    number = grants.give(people, "wang", role="auditor", ends_on=TODAY, by="root")
    token = accounts.act_as(people, account(people, accounts.log_in(people, "wang", PASSWORD)), number)
    midnight = datetime.combine(TODAY + DAY, datetime.min.time(), TAIPEI)
    with writing(people.engine) as connection:
        connection.execute(update(UserSession).values(seen_at=midnight, created_at=midnight))
    assert account(people, token, at=midnight - timedelta(microseconds=1)).role == "auditor"
    assert account(people, token, at=midnight) is None


def logged(store, action):
    with reading(store.engine) as connection:
        asked = (
            select(AuditEvent.about, AuditEvent.detail)
            .where(AuditEvent.action == action)
            .order_by(AuditEvent.id.desc())
        )
        about, detail = connection.execute(asked).first()
    return about, json.loads(detail)


def test_the_log_says_of_a_role_what_whoever_checks_it_a_year_later_asks(people):
    last = (TODAY + 3 * DAY).isoformat()
    number = grants.give(people, "wang", role="homeroom", classes=["101", "112:102"], starts_on=TODAY + DAY, by="root")
    first = (TODAY + DAY).isoformat()
    said = {"role": "homeroom", "grant": number, "classes": ["112:102", "113:101"], "from": first, "to": ""}
    assert logged(people, "role_granted") == ("account:wang", said)
    source = number_of(people, "head")
    deputy = grants.delegate(people, "lin", from_grant_id=source, ends_on=TODAY + 3 * DAY, reason=" 公\u3000假\n第二行\x00", by="root")  # fmt: skip
    said = {"role": "section_chief", "grant": deputy, "unit": "教務處註冊組", "from": TODAY.isoformat(), "to": last, "for": "head", "from_grant": source}  # fmt: skip
    assert logged(people, "role_delegated") == ("account:lin", said | {"reason": "公 假 第二行"})
    grants.revoke(people, "lin", deputy, by="root")
    assert logged(people, "role_revoked") == ("account:lin", said | {"deputies": 0})
    over = grants.delegate(people, "lin", from_grant_id=source, ends_on=TODAY, reason="公假", by="root")
    to_come = TODAY + 2 * DAY
    grants.delegate(people, "wang", from_grant_id=source, starts_on=to_come, ends_on=to_come, reason="公假", by="root")
    with writing(people.engine) as connection:
        connection.execute(update(Grant).where(Grant.id == over).values(ends_on=TODAY - DAY))
    grants.revoke(people, "head", source, by="root")
    about, said = logged(people, "role_revoked")
    assert (about, said["unit"], said["to"], said["deputies"]) == ("account:head", "教務處註冊組", "", 1)
    assert "for" not in said


REFUSED = [
    (lambda s: grants.give(s, "nobody", role="member", by="root"), "沒有「nobody」這個帳號"),
    (lambda s: grants.give(s, "lin", role="king", by="root"), "沒有「king」這個角色"),
    (lambda s: grants.give(s, "lin", role="homeroom", by="root"), "要指定班級"),
    (lambda s: grants.give(s, "lin", role="teacher", by="root"), "要有教師代碼"),
    (lambda s: grants.give(s, "lin", role="section_chief", by="root"), "要指定處室組別"),
    (lambda s: grants.give(s, "lin", role="member", by="root"), "已經有同樣的職務"),
    (lambda s: grants.give(s, "wang", role="member", starts_on=TODAY - DAY, by="root"), "起日不能早於今天"),
    (lambda s: grants.give(s, "wang", role="member", ends_on=TODAY - DAY, by="root"), "迄日"),
    (lambda s: grants.give(s, "wang", role="member", starts_on=TODAY + 2 * DAY, ends_on=TODAY + DAY, by="root"), "迄日"),
    (lambda s: grants.delegate(s, "head", from_grant_id=number_of(s, "head"), ends_on=TODAY, reason="假", by="root"), "自己"),
    (lambda s: grants.delegate(s, "lin", from_grant_id=number_of(s, "head"), ends_on=None, reason="假", by="root"), "迄日與原因"),
    (lambda s: grants.delegate(s, "lin", from_grant_id=number_of(s, "head"), ends_on=TODAY, reason=" ", by="root"), "迄日與原因"),
    (lambda s: grants.delegate(s, "lin", from_grant_id=number_of(s, "wang"), ends_on=TODAY, reason="假", by="root"), "不能代理"),
    (lambda s: grants.delegate(s, "lin", from_grant_id=number_of(s, "root"), ends_on=TODAY, reason="假", by="root"), "不能代理"),
    (lambda s: grants.delegate(s, "lin", from_grant_id=number_of(s, "head"), ends_on=TODAY, reason="假" * 201, by="root"), "不能超過 200"),
    (lambda s: grants.delegate(s, "lin", from_grant_id=number_of(s, "head"), ends_on=YEAR + DAY, reason="假", by="root"), "代理最長一年；更久請直接授予職務"),
    (lambda s: grants.delegate(s, "lin", from_grant_id=number_of(s, "head"), starts_on=TODAY + 9 * DAY, ends_on=YEAR + 10 * DAY, reason="假", by="root"), "代理最長一年"),
    (lambda s: grants.delegate(s, "lin", from_grant_id=number_of(s, "head"), starts_on=YEAR + DAY, ends_on=YEAR + DAY, reason="假", by="root"), "起日要在一年以內"),
    (lambda s: grants.delegate(s, "lin", from_grant_id=number_of(s, "head"), starts_on=date.max, ends_on=date.max, reason="假", by="root"), "起日要在一年以內"),
    (lambda s: grants.delegate(s, "lin", from_grant_id=number_of(s, "head"), ends_on=date.max, reason="假", by="root"), "代理最長一年"),
    (lambda s: grants.delegate(s, "lin", from_grant_id=999, ends_on=TODAY, reason="假", by="root"), "找不到"),
    (lambda s: grants.revoke(s, "lin", number_of(s, "head"), by="root"), "沒有編號"),
    (lambda s: grants.revoke(s, "root", number_of(s, "root"), by="x"), "最後一個系統管理者"),
    (lambda s: accounts.set_staff_code(s, "wang", ""), "教師代碼"),
]  # fmt: skip


def test_what_cannot_be_given_or_taken_is_refused_in_words_and_changes_nothing(people):
    def everything():
        with reading(people.engine) as connection:
            counted = [connection.execute(select(func.count()).select_from(each)).scalar() for each in (Grant, GrantClass, AuditEvent)]  # fmt: skip
            return counted, connection.execute(select(Grant.id, Grant.revoked_at).order_by(Grant.id)).all()

    before = everything()
    for change, said in REFUSED:
        with pytest.raises(AccountError, match=said):
            change(people)
        assert everything() == before, said


def test_what_is_held_for_another_cannot_be_handed_on_nor_last_longer_than_it(people):
    grants.give(people, "wang", role="convener", ends_on=TODAY + DAY, by="root")
    source = number_of(people, "wang", "convener")
    with pytest.raises(AccountError, match="只到"):
        grants.delegate(people, "lin", from_grant_id=source, ends_on=TODAY + 2 * DAY, reason="假", by="root")
    deputy = grants.delegate(people, "lin", from_grant_id=source, ends_on=TODAY + DAY, reason="假", by="root")
    with pytest.raises(AccountError, match="不能再請別人代理"):
        grants.delegate(people, "head", from_grant_id=deputy, ends_on=TODAY, reason="假", by="root")


def test_a_deputy_may_stand_in_for_a_whole_year_from_any_day_of_the_next_one(people):
    source = number_of(people, "head")
    grants.delegate(people, "lin", from_grant_id=source, ends_on=YEAR, reason="留職停薪", by="root")
    grants.delegate(
        people, "wang", from_grant_id=source, starts_on=YEAR, ends_on=YEAR + 360 * DAY, reason="留職停薪", by="root"
    )


def test_a_year_after_the_29th_of_february_is_the_28th(people, monkeypatch):
    monkeypatch.setattr(grants, "today", lambda: date(2028, 2, 29))
    source = grants.give(people, "wang", role="convener", starts_on=date(2028, 2, 29), by="root")
    asked = {"from_grant_id": source, "reason": "假", "by": "root"}
    with pytest.raises(AccountError, match="最長一年"):
        grants.delegate(people, "lin", ends_on=date(2029, 3, 1), **asked)
    grants.delegate(people, "lin", ends_on=date(2029, 2, 28), **asked)


def test_nobody_stands_in_for_a_role_before_its_first_day(people):
    source = grants.give(people, "wang", role="convener", starts_on=TODAY + 2 * DAY, by="root")
    asked = {"from_grant_id": source, "ends_on": TODAY + 3 * DAY, "reason": "假", "by": "root"}
    with pytest.raises(AccountError, match="才開始"):
        grants.delegate(people, "lin", **asked)
    deputy = grants.delegate(people, "lin", starts_on=TODAY + 2 * DAY, **asked)
    assert deputy in {each.id for each in grants.list_standing(people)}
    grants.revoke(people, "wang", source, by="root")
    assert not {deputy, source} & {each.id for each in grants.list_standing(people)}  # nothing is to come of it


def test_only_who_looks_and_changes_nothing_may_be_an_auditor_as_well(people):
    refused = {"admin", "convener", "executive_secretary", "section_chief"}  # typed here on purpose
    scope = {"homeroom": {"classes": ["101"]}, "section_chief": {"unit": "教務處註冊組"}}
    auditor = grants.give(people, "wang", role="auditor", starts_on=TODAY + DAY, ends_on=TODAY + 3 * DAY, by="root")
    for role in set(Role) - {"auditor", "teacher"}:  # a teacher wang is already
        for first, last in ((0, None), (0, 1), (2, 2), (3, None)):  # a day in common
            given = {
                "role": role,
                "starts_on": TODAY + first * DAY,
                "ends_on": None if last is None else TODAY + last * DAY,
            }
            if role not in refused:
                grants.revoke(
                    people, "wang", grants.give(people, "wang", **given, **scope.get(role, {}), by="root"), by="root"
                )
                continue
            with pytest.raises(AccountError, match=f"稽核不能同時擔任{ROLES[role].title}.*編號 {auditor}"):
                grants.give(people, "wang", **given, **scope.get(role, {}), by="root")
        grants.give(people, "wang", role=role, starts_on=TODAY + 4 * DAY, **scope.get(role, {}), by="root")  # and none
    for holder in ("head", "root"):
        with pytest.raises(AccountError, match="稽核不能同時擔任"):
            grants.give(people, holder, role="auditor", starts_on=TODAY + 9 * DAY, by="root")
    with pytest.raises(AccountError, match="稽核不能同時擔任組長"):
        grants.delegate(
            people, "wang", from_grant_id=number_of(people, "head"), ends_on=TODAY + DAY, reason="公假", by="root"
        )
    grants.revoke(people, "wang", auditor, by="root")
    deputy = grants.delegate(
        people, "wang", from_grant_id=number_of(people, "head"), ends_on=TODAY + DAY, reason="公假", by="root"
    )
    with pytest.raises(AccountError, match=f"稽核不能同時擔任組長.*編號 {deputy}"):
        grants.give(people, "wang", role="auditor", ends_on=TODAY, by="root")
    assert {role for role in Role if grants.are_in_conflict(role, Role.AUDITOR)} == refused
    assert not any(
        grants.are_in_conflict(one, other) for one in set(Role) - {"auditor"} for other in set(Role) - {"auditor"}
    )


def test_what_a_deputy_holds_of_a_disabled_account_is_worth_nothing_until_it_is_enabled_again(people):
    source = number_of(people, "head")
    deputy = grants.delegate(people, "lin", from_grant_id=source, ends_on=TODAY + 3 * DAY, reason="公假", by="root")
    token = accounts.act_as(people, account(people, accounts.log_in(people, "lin", PASSWORD)), deputy)
    assert account(people, token).role == "section_chief"
    accounts.disable_user(people, "head", by="root")
    assert account(people, token) is None
    own = account(people, accounts.log_in(people, "lin", PASSWORD))
    assert [held.role for held in own.held] == ["member"]
    assert accounts.act_as(people, own, deputy) is None
    with pytest.raises(AccountError, match="已停用"):
        grants.delegate(people, "wang", from_grant_id=source, ends_on=TODAY, reason="公假", by="root")
    assert deputy in {each.id for each in grants.list_standing(people)}  # to be seen and revoked
    accounts.enable_user(people, "head", by="root")
    assert account(people, token) is None  # a login that has ended stays ended
    assert accounts.act_as(people, own, deputy) is not None


def test_a_disabled_account_stands_in_for_nobody_and_the_log_says_how_many_deputies_end_with_one(people):
    source = number_of(people, "head")
    accounts.disable_user(people, "lin", by="root")
    with pytest.raises(AccountError, match="代理人的帳號「lin」已停用"):
        grants.delegate(people, "lin", from_grant_id=source, ends_on=TODAY, reason="公假", by="root")
    grants.delegate(people, "wang", from_grant_id=source, ends_on=TODAY, reason="公假", by="root")
    assert accounts.disable_user(people, "head", by="root") == 1
    with reading(people.engine) as connection:
        said = select(AuditEvent.detail).where(AuditEvent.action == "user_disabled").order_by(AuditEvent.id.desc())
        assert json.loads(connection.execute(said).scalars().first()) == {"deputies": 1}


def test_the_last_administrator_without_an_end_cannot_be_disabled(people):
    grants.give(people, "lin", role="admin", ends_on=TODAY + DAY, by="root")
    with pytest.raises(AccountError, match="最後一個"):
        accounts.disable_user(people, "root")
    grants.give(people, "wang", role="admin", by="root")
    accounts.disable_user(people, "root")
    accounts.disable_user(people, "head")  # no administrator: nothing to look at


def test_a_second_factor_that_one_role_asks_for_is_asked_for_in_all(people):
    with writing(people.engine) as connection:
        write_setting(connection, "second_factor", "required")
    token = accounts.log_in(people, "wang", PASSWORD)
    assert not account(people, token).must_set_up_second_factor
    grants.give(people, "wang", role="executive_secretary", by="root")
    acting = account(people, token)
    assert (acting.role, acting.must_set_up_second_factor) == ("teacher", True)
    assert second_factor.state_of(people, acting).is_required
