"""/receipts: the desk's figures are the report's, the student's side is never a fault, and nobody sees another class's people."""

from __future__ import annotations

import csv
import io
import json
import re
from dataclasses import replace
from datetime import date, timedelta

import pandas as pd
import pytest

from dashboard.access.roles import Role
from dashboard.access.scope import scope_for
from dashboard.services import accounts
from dashboard.services.filters import open_view
from dashboard.services.receipts import PERSONAL, desk
from dashboard.services.reports import report
from data.db import reading
from data.instants import DAY_US, NEVER, from_us
from data.queries import disputes_of
from tests.app.conftest import fire
from tests.school import PASSWORD

NAMES = ("term", "asof", "division", "grade", "dept")
EVERYBODY = ("principal", "secretary", "chief", "homeroom", "teacher", "admin")
ALLOWED = {"principal", "secretary", "chief", "homeroom"}
FAULTS = ("未確認", "缺交", "缺件", "落後", "墊底", "不確認")


def ask(client, **query):
    inputs = {f"receipts-{name}.value": query.get(name, "all") for name in NAMES} | {"theme.data": "light"}
    return fire(client, "..receipts-head.children...receipts-body.children..", inputs=inputs)


def body_of(client, **query):
    answer = ask(client, **query)
    assert answer.status_code == 200
    return answer.json["response"]["receipts-body"]["children"]


def parts(node, kind):
    if isinstance(node, list):
        for each in node:
            yield from parts(each, kind)
    elif isinstance(node, dict):
        if node.get("type") == kind:
            yield node["props"]
        yield from parts(list(node.values()), kind)


def texts(node):
    if isinstance(node, str):
        yield node
    elif isinstance(node, list):
        for each in node:
            yield from texts(each)
    elif isinstance(node, dict) and node.get("type") not in ("Graph", "AgGrid"):
        yield from texts((node.get("props") or node).get("children"))


def grids(body):
    return {each["id"]: each["rowData"] for each in parts(body, "AgGrid")}


def numbers(cell):
    found = re.search(r"(\d+)/(\d+)", cell.replace(",", ""))
    return (int(found[1]), int(found[2])) if found else None


def tiles_of(body):
    found = {}
    for each in parts(body, "Div"):
        if "lc-tile " in f"{each.get('className')} ":
            label, *rest = list(texts(each["children"]))
            found[label] = (" ".join(rest), each["className"])
    return found


def past_term(place):
    """The second term of last year: its 收訖 took place in September and is closed by now."""
    return f"{int(place.school.current_term) // 10 - 1}2"


def windows_of(place):
    _, ledger = place.store.ledger()
    windows = ledger.windows[(ledger.windows["task"] == "confirm") & (ledger.windows["school_year"] == int(past_term(place)) // 10)]  # fmt: skip
    return windows.sort_values("ends_at")


def day_of(microseconds):
    return from_us(microseconds).date().isoformat()


def instants(place):
    """A day before the first window, one in it, one in the last one, and now."""
    windows = windows_of(place)
    first, last = windows.iloc[0], windows.iloc[-1]
    return [
        day_of(first["starts_at"] - 3 * DAY_US), day_of(first["starts_at"] + 2 * DAY_US), day_of(last["starts_at"] + 4 * DAY_US), "",
    ]  # fmt: skip


@pytest.fixture(scope="session")
def last_years_homeroom(place):
    """A homeroom teacher of a class of last year that has a report; the demo's own has one only of this year."""
    _, ledger = place.store.ledger()
    duties = ledger.of_term(int(past_term(place)) // 10 * 10, "confirm")
    name = str(ledger.labels["class"][int(duties["class"].iloc[0])])
    year = int(past_term(place)) // 10
    accounts.add_user(place.store, "lastyear", PASSWORD, role="homeroom", classes=[f"{year}:{name}"])
    return name


@pytest.mark.parametrize("username", EVERYBODY)
def test_the_page_answers_the_roles_that_may_and_no_other(client_for, username):
    assert ask(client_for(username)).status_code == (200 if username in ALLOWED else 403)


def test_nobody_gets_it_without_a_login(client_for):
    assert ask(client_for()).status_code == 401


@pytest.mark.parametrize("position", range(4))
def test_every_number_is_the_one_of_the_report_in_tiles_tables_and_files(client_for, place, position):
    client, term, day = client_for("secretary"), past_term(place), instants(place)[position]
    body = body_of(client, term=term, asof=day)
    until = (date.fromisoformat(day) + timedelta(days=1)).isoformat() if day else ""
    year = f"{int(term) // 10}0"
    asked = {"term": year, "stage": "confirm", "as_of": until}
    total = report(place.store, "receipts", by="school", **asked).iloc[0]
    by_class = report(place.store, "receipts", by="class", **asked).set_index("key")
    if position == 0:
        assert total["in_round"] == 0
        assert "未開放" in list(texts(body))
        assert not grids(body)
        return
    tiles = tiles_of(body)
    for label, name in (
        ("已確認", "confirmed"),
        ("回報問題", "disputed"),
        ("未表示", "unseen"),
        ("視同確認", "deemed"),
    ):
        if label in tiles:
            assert numbers(tiles[label][0]) == (total[name], total["in_round"])
        else:
            assert total[name] == 0
    waiting = total["dispute_open"] + total["dispute_overdue"]
    assert numbers(tiles["待答覆"][0]) in ((waiting, total["disputes"]), None)
    found = grids(body)
    assert (
        len(found["receipts-disputes"]) == total["disputes"] if total["disputes"] else "receipts-disputes" not in found
    )
    for row in found["receipts-detail"]:
        counts = by_class.loc[row["name"]]
        if counts["in_round"]:
            assert [row[name] for name in ("confirmed", "disputed", "unseen", "deemed", "in_round")] == [
                counts[name] for name in ("confirmed", "disputed", "unseen", "deemed", "in_round")
            ]
        else:
            assert row["confirmed"] is None
            assert row["state"]
        assert row["reports"] == counts["disputes"]
    tables = {json.loads(each["data-table"])["caption"]: json.loads(each["data-table"]) for each in parts(body, "Div") if each.get("data-table")}  # fmt: skip
    drawn = [row for row in tables["各班收訖的情形"]["rows"] if row[1].isdigit()]
    assert sum(int(row[1]) for row in drawn) == total["confirmed"]
    assert sum(int(row[5]) for row in drawn) == total["in_round"]
    answer = client.get(f"/exports/receipts.csv?term={term}&asof={day}")
    rows = list(csv.DictReader(io.StringIO(answer.data.decode("utf-8-sig"))))
    rows = [row for row in rows if row["收訖人次"]]
    assert sum(int(row["已確認"]) for row in rows) == total["confirmed"]
    assert sum(int(row["視同確認"]) for row in rows) == total["deemed"]


def test_the_overview_has_the_same_figures(client_for, place):
    client, term = client_for("secretary"), past_term(place)
    for day in instants(place)[1:]:
        inputs = {
            f"overview-{name}.value": {"term": term, "asof": day}.get(name, "all")
            for name in ("term", "asof", "vs", *NAMES[2:])
        }
        answer = fire(client, "..overview-head.children...overview-body.children..", inputs=inputs | {"theme.data": "light"})  # fmt: skip
        over = tiles_of(answer.json["response"]["overview-body"]["children"])["收訖已確認"][0]
        assert numbers(over) == numbers(tiles_of(body_of(client, term=term, asof=day))["已確認"][0])
        assert "視同確認" in over or "未表示" in over


def test_the_students_side_has_no_status_and_no_fault_word_at_any_time(client_for, place):
    client = client_for("secretary")
    for day in instants(place):
        body = body_of(client, term=past_term(place), asof=day)
        for label, (_, css) in tiles_of(body).items():
            if label != "待答覆":
                assert css == "lc-tile"
        words = "".join(texts(body))
        assert not [word for word in FAULTS if word in words]


def test_a_closed_window_has_deemed_and_nobody_unseen_and_deemed_is_not_confirmed(client_for, place):
    tiles = tiles_of(body_of(client_for("secretary"), term=past_term(place)))
    assert "未表示" not in tiles
    confirmed, whole = numbers(tiles["已確認"][0])
    disputed, deemed = numbers(tiles["回報問題"][0])[0], numbers(tiles["視同確認"][0])[0]
    assert deemed > 0
    assert confirmed + disputed + deemed == whole


def test_a_year_whose_window_nobody_announced_says_so_and_leads_to_the_last_one(client_for, place):
    body = body_of(client_for("secretary"), term=place.school.current_term)
    assert "尚無資料" in list(texts(body))
    (link,) = parts(body, "A")
    assert f"term={past_term(place)}" in link["href"]


def test_a_year_without_a_class_of_ones_own_says_so(client_for, place, last_years_homeroom):
    body = body_of(client_for("lastyear"), term=place.school.current_term)
    assert "這個條件下沒有班級" in list(texts(body))
    assert not grids(body)


def secrets(place):
    """The persons and the words behind every report of last year."""
    _, ledger = place.store.ledger()
    duties = ledger.of_term(int(past_term(place)) // 10 * 10, "confirm")
    names = ledger.labels["class"][duties["class"].to_numpy()]
    with reading(place.store.engine) as connection:
        said = disputes_of(connection, [int(each) for each in duties["duty_id"]]).set_index("dispute_id")
    return said.reindex(duties["duty_id"]).assign(class_name=names)


def test_a_convener_sees_reports_and_their_clocks_and_no_student(client_for, place):
    said = secrets(place)
    client = client_for("principal")
    answer = ask(client, term=past_term(place))
    files = [client.get(f"/exports/disputes.csv?term={past_term(place)}").data.decode("utf-8-sig")]
    for text in (json.dumps(answer.json, ensure_ascii=False), *files):
        assert str(said["number"].iloc[0]) in text
        for row in said.itertuples():
            assert row.student_name not in text
            assert row.student_number not in text
            assert row.description not in text


def test_a_secretary_sees_whose_reports_they_are(client_for, place):
    said = secrets(place)
    rows = grids(body_of(client_for("secretary"), term=past_term(place)))["receipts-disputes"]
    assert {row["number"] for row in rows} == set(said["number"])
    for row in rows:
        owner = said[said["number"] == row["number"]].iloc[0]
        assert row["student"] == f"{owner['student_number']} {owner['student_name']}"
        assert row["words"][:50] == owner["description"][:50]


def test_a_homeroom_teacher_gets_the_own_class_and_not_a_byte_of_another(client_for, place, last_years_homeroom):
    own = last_years_homeroom
    said, client = secrets(place), client_for("lastyear")
    foreign = said[said["class_name"] != own]
    assert len(foreign)
    assert (said["class_name"] == own).any()
    _, ledger = place.store.ledger()
    others = set(ledger.labels["class"]) - {own}
    for query in ({}, {"grade": "3"}, {"dept": "資訊科"}):
        answer = ask(client, term=past_term(place), **query)
        text = json.dumps(answer.json, ensure_ascii=False)
        for row in foreign.itertuples():
            for secret in (row.number, row.student_number, row.student_name):
                assert f'"{secret}"' not in text
                assert f"{secret} " not in text
        assert not [name for name in others if f'"{name}"' in text or f"/classes/{name}" in text]
    mine = grids(body_of(client, term=past_term(place)))["receipts-disputes"]
    assert {row["number"] for row in mine} == set(said.loc[said["class_name"] == own, "number"])
    listed = client.get(f"/exports/disputes.csv?term={past_term(place)}").data.decode("utf-8-sig")
    for row in foreign.itertuples():
        assert row.student_name not in listed
        assert row.number not in listed


@pytest.mark.parametrize("username", ["teacher", "admin"])
def test_who_may_not_see_the_page_gets_no_file_of_it(client_for, username):
    for key in ("receipts", "disputes"):
        assert client_for(username).get(f"/exports/{key}.csv").status_code == 403


@pytest.mark.parametrize("value", [["1141"], {"a": 1}, None, 7, "x" * 5000, "１１４２", "-1"])
def test_forged_filters_are_never_an_error(client_for, value):
    assert ask(client_for("principal"), term=value, asof=value, grade=value, dept=value).status_code == 200


def test_the_body_stays_small(client_for, place):
    for day in instants(place):
        assert len(ask(client_for("secretary"), term=past_term(place), asof=day).data) < 120_000


CONVENER = scope_for(Role.CONVENER, classes=frozenset(), staff_code="", unit="")
SECRETARY = scope_for(Role.EXECUTIVE_SECRETARY, classes=frozenset(), staff_code="", unit="")


def desk_with(app, place, scope, *, as_of=None, **changes):
    """The desk over a changed ledger; the as_of keeps what is kept apart from what others are told."""
    view = open_view(place.store, scope, {"term": past_term(place)})
    moment = as_of or view.filters.as_of + timedelta(seconds=sum(map(ord, "".join(changes))))
    ledger = replace(view.ledger, **changes, _by_term={})
    with app.server.app_context():
        return desk(place.store, replace(view, filters=replace(view.filters, as_of=moment), ledger=ledger))


def answered_at(ledger, answer):
    duties = ledger.duties.copy()
    own = (duties["stage"] == 3).to_numpy()
    duties.loc[own, "done_at"] = answer(duties.loc[own])
    return duties


def test_all_answered_and_all_overdue_are_both_said(app, place):
    _, ledger = place.store.ledger()
    prompt = desk_with(app, place, SECRETARY, duties=answered_at(ledger, lambda own: own["opened_at"] + DAY_US))
    assert set(prompt.disputes["state"]) == {"on_time"}
    assert prompt.total["answered"] == prompt.total["disputes"] == len(prompt.disputes)
    never = desk_with(app, place, SECRETARY, duties=answered_at(ledger, lambda own: NEVER), settings=ledger.settings)
    assert set(never.disputes["state"]) == {"overdue"}
    assert never.disputes["due_at"].is_monotonic_increasing
    assert never.total["dispute_overdue"] == len(never.disputes)


def test_a_class_of_fewer_than_five_is_held_back_from_who_need_not_act(app, place):
    _, ledger = place.store.ledger()
    year = int(past_term(place)) // 10
    own = ledger.receipts["school_year"].to_numpy() == year
    classes = ledger.enrolments["class"].to_numpy()[ledger.receipts["enrolment"].to_numpy()]
    code = classes[own][0]
    few = ledger.receipts[own & ((classes != code) | (ledger.receipts.groupby(classes).cumcount() < 4).to_numpy())]
    name = ledger.labels["class"][code]
    for scope, state in ((CONVENER, "few"), (SECRETARY, "known")):
        result = desk_with(app, place, scope, receipts=few)
        row = result.classes.set_index("key").loc[name]
        assert row["state"] == state
        assert pd.isna(row["in_round"]) if state == "few" else row["in_round"] == 4
        assert state == "known" or name not in set(result.disputes["class"])
    alone = desk_with(app, place, CONVENER, receipts=few[classes[few.index] == code], classes=ledger.classes)
    assert alone.held_back


def test_words_and_persons_never_reach_a_desk_that_may_not_name_them(app, place):
    result = desk_with(app, place, CONVENER)
    assert not result.named
    assert set(result.disputes[list(PERSONAL)].to_numpy().ravel()) == {""}
