"""/uploads and /selection: the same figures as the report, in words and colours that judge nobody."""

from __future__ import annotations

import csv
import io
import itertools
import json
import re

import pytest

from dashboard.components.words import voluntary_rule
from dashboard.services.reports import report
from tests.app.conftest import fire

PAGES = {"uploads": "upload", "selection": "select"}
NAMES = ("term", "asof", "division", "grade", "dept")
EVERYBODY = ("principal", "secretary", "chief", "homeroom", "teacher", "admin")
ALLOWED = {"principal", "secretary", "chief", "homeroom"}
FAULTS = ("未上傳", "未勾選", "未參與", "缺交", "缺件", "落後", "逾期", "需注意", "最低", "最高", "墊底", "第一名")
JUDGING = ("lc-done", "lc-on_track", "lc-attention", "lc-overdue")


def ask(client, where, **query):
    inputs = {f"{where}-{name}.value": query.get(name, "all") for name in NAMES} | {"theme.data": "light"}
    return fire(client, f"..{where}-head.children...{where}-body.children..", inputs=inputs)


def body_of(client, where, **query):
    answer = ask(client, where, **query)
    assert answer.status_code == 200
    return answer.json["response"][f"{where}-body"]["children"]


def parts(node, kind):
    """Give the properties of every component of a kind."""
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


def past_term(place):
    """The second term of last year: what was uploaded is complete, and its selections were imported."""
    return f"{int(place.school.current_term) // 10 - 1}2"


def terms_of(place, where):
    return [past_term(place)] if where == "selection" else [place.school.current_term, past_term(place)]


def numbers(cell):
    found = re.search(r"(\d+)/(\d+)", cell.replace(",", ""))
    return (int(found[1]), int(found[2])) if found else (None, None)


@pytest.mark.parametrize(("where", "username"), itertools.product(PAGES, EVERYBODY))
def test_the_page_answers_the_roles_that_may_and_no_other(client_for, where, username):
    assert ask(client_for(username), where).status_code == (200 if username in ALLOWED else 403)


@pytest.mark.parametrize("where", PAGES)
def test_nobody_gets_it_without_a_login(client_for, where):
    assert ask(client_for(), where).status_code == 401


@pytest.mark.parametrize("where", PAGES)
def test_every_number_is_the_one_of_the_report(client_for, place, where):
    client = client_for("secretary")
    for term in terms_of(place, where):
        body = body_of(client, where, term=term)
        (table,) = parts(body, "AgGrid")
        tiles = [
            numbers(" ".join(texts(tile))) for tile in parts(body, "Div") if "lc-tile " in f"{tile.get('className')} "
        ]
        for position, kind in enumerate(("outcome", "performance")):
            asked = term if (where, kind) == ("uploads", "outcome") else f"{term[:3]}0"
            by_class = report(place.store, "participation", term=asked, stage=PAGES[where], by="class", kind=kind)
            rows = {row["name"]: row for row in table["rowData"]}
            assert list(rows) == by_class["key"].tolist()
            for row in by_class.itertuples():
                if row.enrolled:
                    assert numbers(rows[row.key][kind]) == (row.participants, row.enrolled)
                    assert rows[row.key][f"{kind}_items"] == row.items
            school = report(place.store, "participation", term=asked, stage=PAGES[where], by="school", kind=kind).iloc[
                0
            ]
            assert tiles[2 * position : 2 * position + 2] == [(school["participants"], school["enrolled"])] * 2


@pytest.mark.parametrize("where", PAGES)
def test_the_file_holds_the_numbers_of_the_report(client_for, place, where):
    term = past_term(place)
    answer = client_for("secretary").get(f"/exports/{where}.csv?term={term}")
    rows = list(csv.reader(io.StringIO(answer.data.decode("utf-8-sig"))))
    for kind, first in (("outcome", 2), ("performance", 7 if where == "uploads" else 8)):
        asked = term if (where, kind) == ("uploads", "outcome") else f"{term[:3]}0"
        by_class = report(place.store, "participation", term=asked, stage=PAGES[where], by="class", kind=kind)
        shown = [[row[0], *map(int, (row[1], row[first], row[first + 1]))] for row in rows[1 : len(by_class) + 1]]
        assert shown == by_class[["key", "enrolled", "participants", "items"]].to_numpy().tolist()


@pytest.mark.parametrize(("where", "grade"), itertools.product(PAGES, ("1", "3")))
def test_a_grade_is_that_row_of_the_report(client_for, place, where, grade):
    term = past_term(place)
    body = body_of(client_for("secretary"), where, term=term, grade=grade)
    asked = term if where == "uploads" else f"{term[:3]}0"
    row = report(place.store, "participation", term=asked, stage=PAGES[where], by="grade").set_index("key").loc[grade]
    first = next(tile for tile in parts(body, "Div") if "lc-tile " in f"{tile.get('className')} ")
    assert numbers(" ".join(texts(first))) == (row["participants"], row["enrolled"])


@pytest.mark.parametrize("where", PAGES)
def test_no_word_and_no_colour_judges(client_for, place, where):
    for username, term in itertools.product(("secretary", "homeroom"), (place.school.current_term, past_term(place))):
        body = body_of(client_for(username), where, term=term)
        words, whole = " ".join(texts(body)), json.dumps(body, ensure_ascii=False)
        assert [word for word in FAULTS if word in words] == []
        assert [css for css in JUDGING if css in whole] == []


@pytest.mark.parametrize("where", PAGES)
def test_the_rule_stands_under_every_chart(client_for, place, where):
    body = body_of(client_for("secretary"), where, term=past_term(place))
    cards = [each for each in parts(body, "Section") if list(parts(each, "Graph"))]
    assert len(cards) >= 4
    assert all(voluntary_rule() in " ".join(texts(each)) for each in cards)


@pytest.mark.parametrize("where", PAGES)
def test_every_percentage_stands_with_its_numbers(client_for, place, where):
    body = body_of(client_for("secretary"), where, term=past_term(place))
    for tile in parts(body, "Div"):
        words = " ".join(texts(tile))
        if "lc-tile " in f"{tile.get('className')} " and "%" in words:
            assert re.search(r"\d/\d", words)
    for item in parts(body, "Li"):
        words = " ".join(texts(item))
        assert "%" not in words or re.search(r"\d+ 人中有 [\d,]+ 人", words)


@pytest.mark.parametrize("where", PAGES)
def test_the_body_weighs_at_most_120_kb_and_each_figure_12(client_for, place, where):
    body = body_of(client_for("secretary"), where, term=past_term(place))
    assert len(json.dumps(body, ensure_ascii=False).encode()) <= 120_000
    for graph in parts(body, "Graph"):
        assert len(json.dumps(graph["figure"], ensure_ascii=False).encode()) <= 12_000


@pytest.mark.parametrize("where", PAGES)
def test_each_class_leads_to_its_page_and_keeps_the_question(client_for, place, where):
    term = past_term(place)
    (table,) = parts(body_of(client_for("secretary"), where, term=term), "AgGrid")
    assert all(re.fullmatch(rf"/classes/[^/?]+\?term={term}", row["href"]) for row in table["rowData"])


@pytest.mark.parametrize("where", PAGES)
def test_a_homeroom_teacher_gets_only_the_own_class(client_for, place, where):
    _, ledger = place.store.ledger()
    own = place.school.homeroom_class
    for query in ({}, {"term": past_term(place)}, {"grade": "2"}, {"dept": "資訊科"}):
        text = json.dumps(ask(client_for("homeroom"), where, **query).json, ensure_ascii=False)
        assert [
            name for name in set(ledger.classes["name"]) - {own} if f'"{name}"' in text or f"{name} 班" in text
        ] == []


@pytest.mark.parametrize("where", PAGES)
def test_files_are_offered_and_given_within_the_permission(client_for, where):
    for username in EVERYBODY:
        for suffix in ("csv", "xlsx", "ods"):
            status = client_for(username).get(f"/exports/{where}.{suffix}").status_code
            assert status == (200 if username in ALLOWED else 403)


def test_before_the_window_opens_nothing_is_nought(client_for, place):
    year = int(past_term(place)) // 10 + 1911
    body = body_of(client_for("secretary"), "selection", term=past_term(place), asof=f"{year + 1}-03-01")
    words = " ".join(texts(body))
    assert "未開放" in words
    assert "0%" not in words
    assert not list(parts(body, "Graph"))


def test_between_the_opening_and_the_import_there_are_no_data(client_for, place):
    year = int(place.school.current_term) // 10 - 1  # over, whatever the day, and imported today
    body = body_of(client_for("secretary"), "selection", term=f"{year}2", asof=f"{year + 1912}-07-30")
    words = " ".join(texts(body))
    assert "尚無資料" in words
    assert "%" not in words


def test_a_year_without_windows_says_so(client_for, place):
    words = " ".join(texts(body_of(client_for("secretary"), "selection", term=place.school.current_term)))
    if place.school.current_term.endswith("1"):  # the demo school announces selections with the second term
        assert "沒有公告勾選期程" in words
        assert "%" not in words


@pytest.mark.parametrize("where", PAGES)
def test_a_question_without_classes_says_so(client_for, place, where):
    body = body_of(client_for("homeroom"), where, term=past_term(place))  # the class is one of this year
    assert "這個條件下沒有班級" in " ".join(texts(body))
    assert not list(parts(body, "Graph"))


def test_over_the_cap_is_a_question_to_the_data(client_for, place):
    words = " ".join(texts(body_of(client_for("secretary"), "selection", term=past_term(place))))
    assert "資料檢查" in words
    assert "請查匯出檔是否重複" in words
    uploads = " ".join(texts(body_of(client_for("secretary"), "uploads", term=past_term(place))))
    assert "資料檢查" not in uploads  # the school has set no cap


@pytest.mark.parametrize(
    ("where", "value"), itertools.product(PAGES, (["1151"], {"a": 1}, None, 7, "x" * 5000, "１１５１"))
)
def test_forged_filter_values_are_never_an_error(client_for, where, value):
    assert ask(client_for("principal"), where, term=value, asof=value, grade=value, dept=value).status_code == 200
