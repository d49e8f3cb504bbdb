"""學生: one student's own items in the order of time, for those who have to act and within their scope."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pandas as pd

from dashboard.services.filters import View
from dashboard.services.store import Store
from data.db import reading
from data.instants import NEVER, to_us
from data.ledger import holders
from data.metrics import receipts
from data.metrics.completion import STATES, states
from data.metrics.receipts import STANDINGS
from data.queries import class_roster, outcomes_of, performances_of, student_by_number

LONGEST: Final = 40  # no 學號 is longer, and what is longer is not looked up
EVENTS = (
    "at", "what", "school_year", "semester", "detail", "place", "item", "uploaded_at", "sent_at", "due_at", "done_at", "state",
    "teacher", "outcomes", "performances",
)  # fmt: skip


@dataclass(frozen=True)
class Student:
    """A student whom the scope has: positions are the enrolments that it has, class and seat those of the newest."""

    student_id: int
    number: str
    name: str
    positions: tuple[int, ...]
    class_name: str
    seat: int | None


@dataclass(frozen=True)
class Story:
    """What happened, newest first (EVENTS): instants in microseconds, NEVER where there is none.

    what: outcome, performance, selection, receipt or dispute. state of an outcome: uploaded, open, overdue, unreleased,
    exempt, passed or failed; of a receipt one of STANDINGS; of a dispute a state of duties. item: the number of the item or of the
    round. outcomes, performances: how many are selected, NaN where not said. shows_teachers: the scope names some.
    """

    events: pd.DataFrame
    shows_teachers: bool


def find(store: Store, view: View, number: str) -> Student | None:
    """Look a student up by 學號; None alike for a number that does not exist and one that the scope does not have."""
    if not view.scope.sees_students or not number.isprintable() or not 0 < len(number) <= LONGEST:
        return None
    return store.kept((*view.key, "student", number), lambda: _find(store, view, number))


def _find(store: Store, view: View, number: str) -> Student | None:
    with reading(store.engine) as connection:
        row = student_by_number(connection, number)
    if row is None:
        return None
    students = view.whole.enrolments
    mine = (students["student_id"].to_numpy() == row[0]) & students["visible"].to_numpy(dtype=bool)
    mine &= students["came_at"].to_numpy() <= to_us(view.filters.as_of)
    positions = np.flatnonzero(mine)
    if not len(positions):
        return None
    newest = students.iloc[positions[np.argmax(students["school_year"].to_numpy()[positions])]]
    name = str(np.append(view.whole.labels["class"], "")[newest["class"]])
    with reading(store.engine) as connection:
        roster = class_roster(connection, int(newest["school_year"]), name)
    seat = roster.loc[roster["student_id"] == row[0], "seat_number"].dropna()
    return Student(row[0], number, row[1], tuple(map(int, positions)), name, int(seat.iloc[0]) if len(seat) else None)


def story(store: Store, view: View, student: Student) -> Story:
    """Tell what the student did and what was done with it, by as_of, in the school years that the scope has."""
    ledger = view.whole
    years = set(ledger.enrolments["school_year"].to_numpy()[list(student.positions)].tolist())
    with reading(store.engine) as connection:
        outcomes = outcomes_of(connection, student.student_id)
        performances = performances_of(connection, student.student_id)
    parts = [
        _outcomes(view, student, outcomes[outcomes["school_year"].isin(years)]),
        _performances(view, performances[performances["school_year"].isin(years)]),
        _selections(view, student),
        _receipts(store, view, student, years),
        _disputes(view, student),
    ]
    events = [event for part in parts for event in part]
    frame = pd.DataFrame([_BLANK | event for event in events], columns=list(EVENTS))
    frame = frame.sort_values("at", ascending=False, kind="stable", ignore_index=True)
    return Story(frame, view.scope.teachers in ("all", "unit"))


_BLANK: Final[dict[str, Any]] = {
    "semester": 0, "detail": "", "place": "", "item": "", "uploaded_at": NEVER, "sent_at": NEVER, "due_at": NEVER,
    "done_at": NEVER, "state": "", "teacher": "", "outcomes": float("nan"), "performances": float("nan"),
}  # fmt: skip


def _outcomes(view: View, student: Student, items: pd.DataFrame) -> list[dict[str, Any]]:
    ledger, as_of_us = view.whole, to_us(view.filters.as_of)
    duties = ledger.duties
    own = duties["enrolment"].isin(student.positions).to_numpy() & (duties["item"].to_numpy() >= 0)
    duties = duties[own & (duties["opened_at"].to_numpy() <= as_of_us)]
    found = states(duties, as_of_us)
    names = _teacher_names(view, holders(ledger, duties, as_of_us))
    sent = {
        int(duty["duty_id"]): duty | {"found": STATES[state], "teacher": name}
        for duty, state, name in zip(duties.to_dict("records"), found, names, strict=True)
    }
    sent_items = {int(duty["item"]) for duty in sent.values()}
    result: list[dict[str, Any]] = []
    seen: set[int] = set()
    for item in items.to_dict("records"):
        outcome, uploaded_at = int(item["outcome_id"]), int(item["uploaded_at"])
        event = {
            "what": "outcome", "school_year": item["school_year"], "semester": item["semester"], "detail": item["subject"],
            "place": item["class_name"], "item": item["item_number"], "uploaded_at": uploaded_at,
        }  # fmt: skip
        duty = sent.get(int(item["round_id"]))
        if duty is not None:
            result.append(event | _certified(duty, as_of_us))
        elif outcome not in sent_items and outcome not in seen and uploaded_at <= as_of_us:
            result.append(event | {"at": uploaded_at, "state": "uploaded"})
        seen.add(outcome)
    return result


def _certified(duty: dict[str, Any], as_of_us: int) -> dict[str, Any]:
    """Say how the certifying of one sending stands; what is judged but not released is the teacher's to know yet."""
    state = str(duty["found"])
    done = state in ("on_time", "late")
    if done:
        state = "passed" if duty["passed"] else "failed"
    elif state != "exempt" and duty["decided_at"] <= as_of_us:
        state = "unreleased"
    return {
        "at": duty["done_at"] if done else duty["opened_at"], "sent_at": duty["opened_at"], "due_at": duty["due_at"],
        "done_at": duty["done_at"] if done else NEVER, "state": state, "teacher": duty["teacher"],
    }  # fmt: skip


def _teacher_names(view: View, codes: npt.NDArray[Any]) -> list[str]:
    """Name the teachers whom the scope may see by name."""
    if view.scope.teachers not in ("all", "unit"):
        return [""] * len(codes)
    teachers = view.whole.teachers
    units = view.whole.labels["unit"][teachers["unit"].to_numpy()]
    shown = [
        str(name) if view.scope.teachers == "all" or unit == view.scope.unit else ""
        for name, unit in zip(teachers["name"], units, strict=True)
    ]
    return [shown[code] if code >= 0 else "" for code in codes]


def _performances(view: View, items: pd.DataFrame) -> list[dict[str, Any]]:
    known = items[items["uploaded_at"] <= to_us(view.filters.as_of)]
    return [
        {
            "what": "performance", "at": row["uploaded_at"], "uploaded_at": row["uploaded_at"], "state": "uploaded",
            "school_year": row["school_year"], "detail": row["category"],
        }
        for row in known.to_dict("records")
    ]  # fmt: skip


def _selections(view: View, student: Student) -> list[dict[str, Any]]:
    """Each change of the counts, known from its import on."""
    rows = view.whole.selections
    rows = rows[rows["enrolment"].isin(student.positions) & (rows["known_at"] <= to_us(view.filters.as_of))]
    return [
        {
            "what": "selection", "at": row["known_at"], "school_year": row["school_year"],
            "outcomes": row["outcome_count"], "performances": row["performance_count"], "state": "selected",
        }
        for row in rows.to_dict("records")
    ]  # fmt: skip


def _receipts(store: Store, view: View, student: Student, years: set[int]) -> list[dict[str, Any]]:
    as_of_us, whole = to_us(view.filters.as_of), store.ledger()[1]
    result = []
    for year in sorted(years):
        rounds = receipts.rounds_at(whole, year, as_of_us)
        said = receipts.standing(view.whole, year, as_of_us, rounds=rounds)
        said = said[said["enrolment"].isin(student.positions)]
        rows = view.whole.receipts
        rows = rows[rows["enrolment"].isin(student.positions) & (rows["school_year"] == year)]
        acted = rows.set_index(["kind", "round_number"])[["acted_at", "known_at"]]
        known_at = rounds.set_index("kind")["known_at"]
        for row in said.to_dict("records"):
            state = STANDINGS[row["state"]]
            acted_at, told_at = acted.loc[(row["kind"], row["round_number"])].astype("int64").tolist()
            done_at = (acted_at if acted_at != NEVER else told_at) if state in ("confirmed", "disputed") else NEVER
            at = done_at if done_at != NEVER else min(int(known_at[row["kind"]]), as_of_us)
            event = {
                "what": "receipt",
                "at": at,
                "school_year": year,
                "detail": row["kind"],
                "item": str(row["round_number"]),
            }
            result.append(event | {"done_at": done_at, "state": state})
    return result


def _disputes(view: View, student: Student) -> list[dict[str, Any]]:
    ledger, as_of_us = view.whole, to_us(view.filters.as_of)
    result = []
    for year in sorted(set(ledger.enrolments["school_year"].to_numpy()[list(student.positions)].tolist())):
        duties = ledger.of_term(int(year) * 10, "confirm")
        own = duties["enrolment"].isin(student.positions).to_numpy() & (duties["opened_at"].to_numpy() <= as_of_us)
        duties = duties[own]
        for duty, state in zip(duties.to_dict("records"), states(duties, as_of_us), strict=True):
            result.append(
                {
                    "what": "dispute", "at": duty["opened_at"], "school_year": year, "state": STATES[state],
                    "detail": str(np.append(ledger.labels["kind"], "")[duty["kind"]]), "sent_at": duty["opened_at"],
                    "due_at": duty["due_at"], "done_at": duty["done_at"] if duty["done_at"] <= as_of_us else NEVER,
                }
            )  # fmt: skip
    return result
