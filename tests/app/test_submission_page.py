"""/submission: the checklist's figures are the report's at every instant, and nothing is said before it is known."""

from __future__ import annotations

import csv
import io
import re
import sys
from dataclasses import replace
from datetime import date, timedelta

import numpy as np
import pytest

from dashboard.access.roles import Role
from dashboard.access.scope import scope_for
from dashboard.services.filters import open_view
from dashboard.services.leak import leak_of
from dashboard.services.reports import report
from dashboard.services.submission import submission
from data.instants import NEVER, from_us
from data.ledger import STAGES
from tests.app.conftest import fire
from tests.app.test_receipts_page import grids, parts, texts, tiles_of

NAMES = ("term", "asof", "division", "grade", "dept")
EVERYBODY = ("principal", "secretary", "chief", "homeroom", "teacher", "admin")
ALLOWED = {"principal", "secretary", "chief"}
SECRETARY = scope_for(Role.EXECUTIVE_SECRETARY, classes=frozenset(), staff_code="", unit="")
CONVENER = scope_for(Role.CONVENER, classes=frozenset(), staff_code="", unit="")


def page_module(app):
    """The page as Dash has imported it; importing it anew would register it twice."""
    assert app
    return sys.modules["dashboard.pages.submission"]


def ask(client, **query):
    inputs = {f"submission-{name}.value": query.get(name, "all") for name in NAMES} | {"theme.data": "light"}
    return fire(client, "..submission-head.children...submission-body.children..", inputs=inputs)


def body_of(client, **query):
    answer = ask(client, **query)
    assert answer.status_code == 200
    return answer.json["response"]["submission-body"]["children"]


def past_term(place):
    return f"{int(place.school.current_term) // 10 - 1}2"


def rows_of(body):
    """The checklist as rows of text: 名冊, 學期或學年, 負責單位, 期程, 情形, 完成日, 匯入列數."""
    found = []
    for table in parts(body, "Table"):
        for each in parts(table, "Tbody"):
            (row, *_) = list(parts(each, "Tr"))
            found.append(["".join(texts(cell["props"]["children"])) for cell in row["children"]])
    return found


def windows_of(place, prefix, term):
    _, ledger = place.store.ledger()
    windows, digits = ledger.windows, int(term)
    own = windows["school_year"].eq(digits // 10) & windows["semester"].isin([0, digits % 10])
    return windows[own & windows["task"].str.startswith(prefix)]


def instants(place, term):
    """Days before, in and after windows of 提交, and today."""
    windows = windows_of(place, "submit_", term)
    edges = sorted({int(each) for column in ("starts_at", "ends_at") for each in windows[column]})
    chosen = [edges[0], edges[1], edges[len(edges) // 2], edges[-1]]
    return [(from_us(us) + timedelta(days=step)).date().isoformat() for us in chosen for step in (-2, 1)] + [""]


def until(day):
    return (date.fromisoformat(day) + timedelta(days=1)).isoformat() if day else ""


def reported(place, stage, term, day, *, by="school"):
    return report(place.store, "completion", term=term, stage=stage, by=by, as_of=until(day))


def numbers(text):
    found = re.search(r"([\d,]+)/([\d,]+)", text)
    return (int(found[1].replace(",", "")), int(found[2].replace(",", ""))) if found else None


@pytest.mark.parametrize("username", EVERYBODY)
def test_the_page_and_its_files_answer_the_roles_that_may_and_no_other(client_for, username):
    client, status = client_for(username), 200 if username in ALLOWED else 403
    assert ask(client).status_code == status
    assert [client.get(f"/exports/{key}.csv").status_code for key in ("submission", "registration")] == [status] * 2


def test_nobody_gets_it_without_a_login(client_for):
    assert ask(client_for()).status_code == 401


@pytest.mark.parametrize("position", range(9))
def test_tiles_rows_and_files_are_the_reports_at_every_instant(client_for, place, position):
    client, term = client_for("secretary"), past_term(place)
    day = instants(place, term)[position]
    body, year = body_of(client, term=term, asof=day), f"{term[:3]}0"
    submit = [reported(place, "submit", each, day).iloc[0] for each in (term, year)]
    total = {name: int(sum(row[name] for row in submit)) for name in ("expected", "on_time", "late", "open", "overdue")}
    tiles, rows = tiles_of(body), rows_of(body)
    done = total["on_time"] + total["late"]
    assert numbers(tiles["提交完成"][0]) == ((done, total["expected"]) if total["expected"] else None)
    assert numbers(tiles["提交逾期"][0]) == ((total["overdue"], total["expected"]) if total["expected"] else None)
    states = [row[4] for row in rows]
    for word, n in (("✓已完成", done), ("●進行中", total["open"]), ("✕逾期", total["overdue"])):
        assert states.count(word) == n, word
    assert len(rows) - states.count("—未開放") == total["expected"]
    assert sum("逾期" in row[5] for row in rows) == total["late"]
    file = client.get(f"/exports/submission.csv?term={term}&asof={day}").data.decode("utf-8-sig")
    listed = [row for row in csv.DictReader(io.StringIO(file)) if row["情形"]]
    assert [row["情形"] for row in listed] == [state[1:] for state in states]
    register = reported(place, "register", term, day, by="class")
    expected, ready = int(register["expected"].sum()), int((register["on_time"] + register["late"]).sum())
    assert numbers(tiles["登錄完成"][0]) == ((ready, expected) if expected else None)
    by_class = register.set_index("key")
    for row in grids(body)["submission-classes"]:
        counts = by_class.loc[row["name"]]
        assert (row["done"], row["expected"]) == (counts["on_time"] + counts["late"], counts["expected"])
        cells = [row[kind] for kind in ("enrolment", "counselling", "position", "grades") if row.get(kind)]
        assert sum(cell.startswith("done|") for cell in cells) == row["done"]
        assert sum(cell.startswith("overdue|") for cell in cells) == counts["overdue"]
        assert sum(not cell.startswith("not_open|") for cell in cells) == row["expected"]
    file = client.get(f"/exports/registration.csv?term={term}&asof={day}").data.decode("utf-8-sig")
    listed = [row for row in csv.DictReader(io.StringIO(file)) if row["情形"]]
    assert sum(row["情形"] == "已完成" for row in listed) == ready


def test_the_rosters_of_the_term_and_of_its_year_and_both_batches_stand_together(client_for, place):
    rows = rows_of(body_of(client_for("secretary"), term=past_term(place)))
    terms = {row[1] for row in rows}
    year = int(past_term(place)) // 10
    assert terms == {f"{year}-2 學期", f"{year} 學年度"}
    batches = {row[0] for row in rows if "梯次" in row[0]}
    assert len(batches) == 6
    ends = [re.search(r"至 (\d+)/(\d+)/(\d+)", row[3]) for row in rows]
    days = [tuple(map(int, end.groups())) for end in ends if end]
    assert days == sorted(days)


def test_a_moved_deadline_says_its_first_end(client_for, place):
    _, ledger = place.store.ledger()
    moved = ledger.windows[ledger.windows["task"].str.startswith("submit_") & (ledger.windows["ends_at"] != ledger.windows["original_ends_at"])]  # fmt: skip
    assert len(moved)
    term = f"{moved['school_year'].iloc[0]}{moved['semester'].iloc[0] or 2}"
    rows = rows_of(body_of(client_for("secretary"), term=term))
    assert sum("原訂至" in row[3] for row in rows) == moved["task"].nunique()


def test_nothing_done_later_is_told_before(place):
    view = open_view(place.store, SECRETARY, {"term": past_term(place)})
    now = submission(place.store, view)
    for each in now.rosters:
        if each.done_at is None:
            continue
        before = replace(view, filters=replace(view.filters, as_of=each.done_at - timedelta(seconds=1)))
        key = (each.name, each.batch, each.term)
        then = {(r.name, r.batch, r.term): r for r in submission(place.store, before).rosters}[key]
        assert then.done_at is None
        assert then.state in ("open", "overdue", "not_open")
        assert all(book.submitted_at <= before.filters.as_of for book in then.books)


def test_rows_and_matched_rows_are_those_of_the_books(place):
    _, ledger = place.store.ledger()
    view = open_view(place.store, SECRETARY, {"term": past_term(place)})
    known = ledger.submissions[ledger.submissions["row_count"] > 0]
    said = {(r.term // 10, b.name, r.batch): (b.row_count, b.matched_count) for r in submission(place.store, view).rosters for b in r.books if b.row_count is not None}  # fmt: skip
    expected = {(row.school_year, row.roster, row.batch): (row.row_count, row.matched_count) for row in known.itertuples() if row.school_year == int(past_term(place)) // 10}  # fmt: skip
    assert said == expected
    assert said


def test_the_next_deadline_stands_on_top(client_for, place):
    term = past_term(place)
    windows = windows_of(place, "submit_", term)
    day = from_us(int(windows["starts_at"].min())).date() + timedelta(days=1)
    body = body_of(client_for("secretary"), term=term, asof=day.isoformat())
    first = next(each for each in parts(body, "Ul") if "lc-findings" in each["className"])
    words = "".join(texts(first["children"][0]))
    assert "下一個" in words
    result = submission(place.store, open_view(place.store, SECRETARY, {"term": term, "asof": day.isoformat()}))
    undone = [each.ends_at for each in result.rosters if each.state in ("open", "not_open")]
    registers = result.registers[result.registers["state"].isin(["open", "not_open"])]
    assert result.next_due.ends_at == min([*undone, *(from_us(us) for us in registers["ends_at"] if us != NEVER)])


def test_a_filter_by_grade_narrows_the_classes_and_keeps_the_rosters(client_for, place):
    client, term = client_for("secretary"), past_term(place)
    whole, narrow = body_of(client, term=term), body_of(client, term=term, grade="3")
    assert rows_of(whole) == rows_of(narrow)
    names = {row["name"] for row in grids(narrow)["submission-classes"]}
    assert names < {row["name"] for row in grids(whole)["submission-classes"]}
    assert names


def test_a_late_roster_says_how_many_days(app, place):
    view = open_view(place.store, SECRETARY, {"term": past_term(place)})
    duties = view.ledger.duties.copy()
    own = (duties["stage"] == STAGES.index("submit")).to_numpy() & (duties["due_at"] != NEVER).to_numpy()
    duties.loc[own, "done_at"] = duties.loc[own, "due_at"] + 2 * 86_400_000_000
    result = result_with(place, view, seconds=1, duties=duties)
    assert {each.state for each in result.rosters} == {"late"}
    with app.server.test_request_context():
        # The end is exclusive: two days after it is the third day after the last.
        assert all("逾期 3 天完成" in page_module(app)._done_words(each) for each in result.rosters)


def result_with(place, view, *, seconds, **changes):
    """The page's figures over a changed ledger; another as_of keeps what is kept apart from what others are told."""
    ledger = replace(view.ledger, **changes, _by_term={})
    moment = view.filters.as_of - timedelta(seconds=seconds)
    return submission(
        place.store, replace(view, filters=replace(view.filters, as_of=moment), ledger=ledger, whole=ledger)
    )


def test_a_school_that_has_no_window_and_handed_in_nothing_is_told_how(app, place, monkeypatch):
    for scope, links in ((SECRETARY, True), (CONVENER, False)):
        view = open_view(place.store, scope, {"term": past_term(place)})
        certify = view.ledger.duties[view.ledger.duties["stage"] == STAGES.index("certify")]
        result = result_with(place, view, seconds=2, duties=certify.reset_index(drop=True))
        assert not result.rosters
        assert result.registers.empty
        assert result.next_due is None
        with app.server.test_request_context():
            monkeypatch.setattr(page_module(app), "may", lambda _permission, links=links: links)
            text = str(page_module(app)._nothing(view).to_plotly_json())
        assert "作業期程" in text
        assert ("/imports" in text) is links


@pytest.mark.parametrize("value", [["1141"], {"a": 1}, None, 7, "x" * 5000, "１１４２", "-1"])
def test_forged_filters_are_never_an_error(client_for, value):
    assert ask(client_for("principal"), term=value, asof=value, grade=value, dept=value).status_code == 200


def test_the_body_stays_small(client_for, place):
    for day in instants(place, past_term(place)):
        assert len(ask(client_for("secretary"), term=past_term(place), asof=day).data) < 120_000


def test_the_overviews_last_chart_has_the_figures_of_the_report(app, client_for, place):
    term = past_term(place)
    row = report(place.store, "leak", term=f"{term[:3]}0", stage="upload", by="school").iloc[0]
    steps = leak_of(place.store, open_view(place.store, SECRETARY, {"term": term})).steps
    assert {step: (None if np.isnan(float(n)) else int(n)) for step, n in row[list(steps)].astype("Float64").astype(float).items()} == steps  # fmt: skip
    output = "..overview-head.children...overview-body.children.."
    asked = next(each["inputs"] for each in app.callback_map.values() if f"{each['output']}" and "overview-body.children" in str(each["output"]))  # fmt: skip
    inputs = {f"{each['id']}.{each['property']}": "all" for each in asked}
    answer = fire(client_for("secretary"), output, inputs=inputs | {"overview-term.value": term, "theme.data": "light"})
    body = answer.json["response"]["overview-body"]["children"]
    words = "".join(texts(body))
    assert f"上傳 {steps['uploaded']:,} 件、認證通過 {steps['certified']:,} 件" in words
    assert "件數不得列為評量或獎懲依據" in words
