"""Who was at school, and in which 處室, at an instant: absences with a return, arrivals, and colleagues who move."""

from __future__ import annotations

import pandas as pd
import pytest

from data.instants import NEVER, parse_as_of, to_us
from data.ledger import build
from data.metrics import Question, completion, participation
from data.schema import FRAMES, SchoolSettings, conform


def us(text):
    return to_us(parse_as_of(text))


SENT, DUE = us("2024-11-01"), us("2025-02-11")
STUDENT = {"in_school": True, "left_at": NEVER, "left_is_dated": False}


def ledger_of(*, changes=(), enrolment=STUDENT, moves=(), done_at=NEVER, years=(113,)):
    """A class of one student, who sent one item to T1 and has uploaded it."""
    tables = {
        "staff": [("T1", "王一", "學務處")],
        "classes": [(year, "101", 1, "普通科", "T1") for year in years],
        "enrolments": [(year, 1, "101", 1, "普通科", "日間部", *enrolment.values()) for year in years],
        "sections": [(113, 1, "101", "數學", "T1", "王一")],
        "windows": [(113, 1, 1, "certify", us("2024-08-30"), DUE, DUE, "")],
        "rounds": [(1, 1, 113, 1, 1, "數學", "T1", SENT, done_at, done_at, "" if done_at == NEVER else "T1", True)],
        "uploads": [("outcome", 113, 1, 1, "M1", SENT)],
        "enrolment_changes": list(changes),
        "staff_units": list(moves),
    }
    frames = {
        name: conform(pd.DataFrame(tables.get(name, []), columns=list(columns)), columns) for name, columns in FRAMES.items()
    }  # fmt: skip
    return build(frames, SchoolSettings())


def duty(ledger, day):
    table = completion.answer(ledger, Question(1131, parse_as_of(day), stage="certify"))
    return tuple(table[["expected", "open", "exempt"]].iloc[0])


def enrolled(ledger, day):
    table = participation.answer(ledger, Question(1131, parse_as_of(day), stage="upload"))
    return tuple(table[["enrolled", "participants", "items"]].iloc[0])


HERE, AWAY = ((1, 1, 1), (1, 1, 0)), ((0, 0, 0), (0, 0, 1))


@pytest.mark.parametrize(
    ("day", "state"),
    [("2024-11-30", HERE), ("2024-12-01", AWAY), ("2025-01-14", AWAY), ("2025-01-15", HERE), ("2025-02-01", HERE)],
)
def test_a_student_on_leave_is_neither_counted_nor_waited_for_until_the_day_of_return(day, state):
    ledger = ledger_of(changes=[(113, 1, "suspend", us("2024-12-01")), (113, 1, "resume", us("2025-01-15"))])
    assert (enrolled(ledger, day), duty(ledger, day)) == state


@pytest.mark.parametrize("change", ["transfer_out", "withdraw", "graduate", "suspend"])
def test_who_left_by_a_dated_change_left_on_that_day(change):
    ledger = ledger_of(changes=[(113, 1, change, us("2024-12-01"))])
    assert (enrolled(ledger, "2024-11-30"), duty(ledger, "2024-11-30")) == HERE
    assert (enrolled(ledger, "2024-12-01"), duty(ledger, "2024-12-01")) == AWAY


def test_a_dated_change_says_more_than_a_roster_without_a_date():
    undated = {"in_school": False, "left_at": us("2025-01-20"), "left_is_dated": False}
    ledger = ledger_of(enrolment=undated, changes=[(113, 1, "transfer_out", us("2024-12-01"))])
    assert enrolled(ledger, "2024-11-30") == HERE[0]
    assert duty(ledger, "2024-12-02") == AWAY[1]


def test_who_transferred_in_was_not_there_before():
    ledger = ledger_of(changes=[(113, 1, "transfer_in", us("2024-10-15"))])
    assert enrolled(ledger, "2024-10-14") == (0, 0, 0)
    assert enrolled(ledger, "2024-11-02") == (1, 1, 1)


def test_lending_a_student_to_another_school_leaves_him_enrolled():
    ledger = ledger_of(changes=[(113, 1, "lend", us("2024-12-01"))])
    assert (enrolled(ledger, "2024-12-15"), duty(ledger, "2024-12-15")) == HERE


def test_who_comes_back_a_year_later_is_waited_for_again():
    changes = [(113, 1, "suspend", us("2024-12-01")), (114, 1, "resume", us("2025-09-01"))]
    ledger = ledger_of(changes=changes, years=(113, 114))
    assert duty(ledger, "2025-08-31") == (0, 0, 1)
    assert duty(ledger, "2025-09-01")[::2] == (1, 0)


def units(ledger, day):
    table = completion.answer(ledger, Question(1131, parse_as_of(day), by="unit", stage="certify"))
    return {row["key"]: row["expected"] for row in table.to_dict("records") if row["expected"]}


MOVED = [("T1", "教務處", us("2025-08-20"))]


@pytest.mark.parametrize("day", ["2024-12-01", "2025-03-01", "2025-08-19", "2025-08-21", "2026-01-01"])
def test_a_colleague_who_moves_next_year_takes_no_past_term_along(day):
    assert units(ledger_of(moves=MOVED), day) == {"教務處": 1}


def test_work_done_before_a_move_within_the_term_stays_with_the_old_unit():
    moves = [("T1", "教務處", us("2024-12-01"))]
    assert units(ledger_of(moves=moves, done_at=us("2024-11-20")), "2025-01-01") == {"教務處": 1}
    assert units(ledger_of(moves=moves), "2024-11-30") == {"教務處": 1}
    assert units(ledger_of(moves=moves), "2025-01-01") == {"學務處": 1}


def test_two_moves_are_told_apart():
    moves = [("T1", "教務處", us("2024-11-15")), ("T1", "輔導處", us("2024-12-15"))]
    assert [units(ledger_of(moves=moves), day) for day in ("2024-11-10", "2024-12-01", "2025-01-01")] == [
        {"教務處": 1}, {"輔導處": 1}, {"學務處": 1},
    ]  # fmt: skip
