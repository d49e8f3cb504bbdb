"""Why the number moved: causes that sum to the whole, told row by row in plain Python."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from data.instants import DAY_US, from_us
from data.ledger import build
from data.metrics import Question, ReportError, completion
from data.metrics.change import CAUSES, COUNTS, STEPS, change
from data.schema import SchoolSettings
from tests.unit.test_metrics import BASE, DUE, EXTENDED, frames_of, worlds

HOUR = 3_600_000_000
spans = st.tuples(st.integers(0, 60 * 24), st.integers(0, 60 * 24)).map(sorted)
GROUPINGS = ("school", "class", "department", "subject", "teacher", "unit")


def ledger_of(world):
    return build(frames_of(world), SchoolSettings())


def asked(by, since, as_of):
    return Question(1131, from_us(as_of), by=by, stage="certify", since=from_us(since))


def levels(ledger, by, as_of):
    table = completion.answer(ledger, Question(1131, from_us(as_of), by=by, stage="certify"))
    table["done"] = table["on_time"] + table["late"]
    return {row["key"]: {name: int(row[name]) for name in COUNTS} for row in table.to_dict("records")}


@given(worlds, worlds, spans, st.sampled_from(GROUPINGS))
def test_the_causes_sum_to_the_change_for_any_two_versions_and_instants(first, second, span, by):
    """Two unrelated worlds are a history with every cause in it: rows gone, new, moved, excused, due at another time."""
    before, after = ledger_of(first), ledger_of(second)
    since, as_of = (BASE + hours * HOUR for hours in span)
    table = change(before, after, asked(by, since, as_of))
    was, now = levels(before, by, since), levels(after, by, as_of)
    nothing = dict.fromkeys(COUNTS, 0)
    assert sorted(table["key"].unique()) == list(table["key"].unique())
    for key, rows in table.groupby("key"):
        rows = rows.set_index("cause")
        assert list(rows.index) == list(STEPS)
        assert {name: int(rows.at["before", name]) for name in COUNTS} == was.get(key, nothing)
        assert {name: int(rows.at["after", name]) for name in COUNTS} == now.get(key, nothing)
        summed = rows.loc[["before", *CAUSES], list(COUNTS)].sum()
        assert summed.tolist() == rows.loc["after", list(COUNTS)].tolist()
    assert set(was) | set(now) >= set(table.loc[table[list(COUNTS)].abs().sum(axis=1) > 0, "key"])


@given(worlds, spans)
def test_between_two_instants_of_one_version_each_duty_moves_for_its_own_reason(world, span):
    since, as_of = (BASE + hours * HOUR for hours in span)
    ledger = ledger_of(world)
    table = change(ledger, ledger, asked("school", since, as_of)).set_index("cause")
    told = Counter()
    for duty in ledger.duties.itertuples():
        was_there, is_there = duty.opened_at <= since, duty.opened_at <= as_of
        was_done, is_done = duty.done_at <= since, duty.done_at <= as_of
        excused_then, excused_now = duty.exempt_at <= since, duty.exempt_at <= as_of
        if was_there and not was_done and excused_now and not excused_then:
            told["roster", "expected"] -= 1
        if is_there and not was_there:
            told["new_work", "expected"] += not excused_now
        if is_done and not was_done:
            told["work_done", "done"] += 1
            told["work_done", "expected"] += excused_now  # done work stays counted
        if is_there and not is_done and not excused_now and since < duty.due_at <= as_of:
            told["deadline_passed", "overdue"] += 1
    for cause in CAUSES:
        assert table.at[cause, "expected"] == told[cause, "expected"], cause
        assert table.at[cause, "done"] == told[cause, "done"], cause
    assert table.at["deadline_passed", "overdue"] == told["deadline_passed", "overdue"]
    assert table.loc[["reimport", "rule"], list(COUNTS)].abs().to_numpy().sum() == 0


WORLD = {
    "rounds": [
        {
            "student": 0,
            "teacher": "T1",
            "certifier": "T1",
            "subject": "數學",
            "sent": 0,
            "wait": None,
            "released": False,
        }
    ],
    "left": {},
    "deputy": None,
    "window": "plain",
}


def explained(before, after, since, as_of, by="school"):
    table = change(ledger_of(before), ledger_of(after), asked(by, since, as_of))
    moved = table[table["cause"].isin(CAUSES)]
    moved = moved[moved[list(COUNTS)].abs().sum(axis=1) > 0]
    return [
        (row["key"], row["cause"], {name: row[name] for name in COUNTS if row[name]})
        for row in moved.to_dict("records")
    ]


def with_round(**changes):
    return WORLD | {"rounds": [WORLD["rounds"][0] | changes]}


def test_an_extension_is_a_change_of_rule_and_takes_the_overdue_back():
    found = explained(WORLD, WORLD | {"window": "extended"}, DUE, DUE)
    assert found == [("school", "rule", {"open": 1, "overdue": -1})]


def test_what_was_done_earlier_and_only_seen_in_a_later_list_is_a_re_import():
    found = explained(WORLD, with_round(wait=5, released=True), BASE + DAY_US, BASE + DAY_US)
    assert found == [("school", "reimport", {"done": 1, "on_time": 1, "open": -1})]


def test_a_student_who_left_is_the_roster_s_part():
    found = explained(WORLD, WORLD | {"left": {0: (True, 1)}}, BASE, BASE + 2 * DAY_US)
    assert found == [("school", "roster", {"expected": -1, "open": -1, "exempt": 1})]


def test_a_deputy_takes_the_work_over_and_nobody_s_total_is_lost():
    found = explained(WORLD, WORLD | {"deputy": (1, 5)}, BASE, BASE + 2 * DAY_US, by="teacher")
    assert found == [
        ("T1", "staff", {"expected": -1, "open": -1}),
        ("T2", "staff", {"expected": 1, "open": 1}),
    ]


def test_a_deadline_that_passes_is_nobody_s_doing_but_time_s():
    assert explained(WORLD, WORLD, DUE - 1, DUE) == [("school", "deadline_passed", {"open": -1, "overdue": 1})]
    assert explained(WORLD | {"window": "extended"}, WORLD | {"window": "extended"}, DUE - 1, EXTENDED - 1) == []


def test_without_a_beginning_or_with_one_after_the_end_the_question_is_refused():
    ledger = ledger_of(WORLD)
    with pytest.raises(ReportError, match="--since"):
        change(ledger, ledger, Question(1131, from_us(DUE), stage="certify"))
    with pytest.raises(ReportError, match="早於"):
        change(ledger, ledger, asked("school", DUE, DUE - 1))


def test_the_rate_s_parts_sum_to_its_change_where_something_was_expected_throughout():
    world = WORLD | {"rounds": [WORLD["rounds"][0], WORLD["rounds"][0] | {"wait": 30, "released": True}]}
    table = change(ledger_of(world), ledger_of(world), asked("school", BASE + DAY_US, DUE)).set_index("cause")
    parts = table.loc[["before", *CAUSES], "completion"]
    assert parts.sum() == pytest.approx(table.at["after", "completion"])
    assert table.at["work_done", "completion"] == 0.5


def test_an_empty_group_has_no_rate_and_no_change():
    ledger = ledger_of(WORLD | {"rounds": []})
    table = change(ledger, ledger, asked("class", BASE, DUE))
    assert table["completion"].isna().all()
    assert (table[list(COUNTS)] == 0).all(axis=None)
