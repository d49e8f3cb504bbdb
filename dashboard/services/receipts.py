"""收訖: where the students stand in the round that counts, and the clock of each report that the unit has to answer."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from dashboard.services.filters import View
from dashboard.services.store import Store
from dashboard.services.suppression import fewest_shown, receipts_of
from data.db import reading
from data.instants import NEVER, from_us, to_us
from data.metrics import Question, receipts
from data.metrics.completion import STATES, states
from data.metrics.receipts import STANDINGS
from data.queries import disputes_of

COUNTS = ("round_number", "in_round", *STANDINGS, "confirmed_late", *receipts.DUTIES)
PERSONAL = ("student_number", "student_name", "error_kind", "description")
DISPUTES = (
    "number", "kind", "category", "class", "unit", "raised_at", "due_at", "answered_at", "state", *PERSONAL,
)  # fmt: skip
_FIRST = ("overdue", "open", "late", "on_time")  # what is shown first


@dataclass(frozen=True, slots=True)
class Window:
    """When the students of some grades may answer: [starts_at, ends_at)."""

    grades: tuple[int, ...]
    starts_at: datetime
    ends_at: datetime


@dataclass(frozen=True)
class Receipts:
    """Everything 收訖 shows, in numbers.

    total, classes, kinds: rows of the metric receipts (COUNTS), students being how many people are in the round. classes
    and kinds have state as well: known, not_open, no_data (nothing handed in) or few (held back: the counts are NA). kinds
    have known_at, the import of the round, NaN where there is none. disputes: DISPUTES, the most urgent first; instants in
    microseconds of UTC, answered_at NEVER where it waits; PERSONAL is empty unless named. held_back: so few students that
    nothing of them is shown. windows: of these grades, the first to start first.
    earlier_term: a term of the last school year before this one that has a round, 0 where there is none.
    """

    year: int
    state: str
    total: dict[str, Any]
    classes: pd.DataFrame
    kinds: pd.DataFrame
    disputes: pd.DataFrame
    named: bool
    held_back: bool
    windows: tuple[Window, ...]
    earlier_term: int


def desk(store: Store, view: View) -> Receipts:
    """Compute 收訖 for a view; kept per data version, scope and question."""
    return store.kept((*view.key, "receipts"), lambda: _compute(store, view))


def receipt_counts(store: Store, view: View, by: str) -> pd.DataFrame:
    """Answer the metric receipts for a view's school year, in the round that counts for the whole school.

    A scope or filter that is asked alone would take an older round for the latest where this one leaves its students out.
    """
    year, as_of = view.filters.term // 10, view.filters.as_of
    ask = Question(year * 10, as_of, by, "confirm")
    return receipts_of(view.ledger, view.scope, ask, rounds=_rounds(store, year, as_of))


def receipts_state(view: View, in_round: int) -> str:
    """Tell how a year's 收訖 stands for a view: open, closed, not_open (no window has begun) or no_data (nothing handed in)."""
    as_of_us = to_us(view.filters.as_of)
    windows = _windows(view)
    if in_round:
        return "closed" if len(windows) and (windows["ends_at"] <= as_of_us).all() else "open"
    return "no_data" if (windows["starts_at"] <= as_of_us).any() else "not_open"


def _rounds(store: Store, year: int, as_of: datetime) -> pd.DataFrame:
    version, whole = store.ledger()
    return store.kept((version, year, as_of, "rounds"), lambda: receipts.rounds_at(whole, year, to_us(as_of)))


def _windows(view: View) -> pd.DataFrame:
    """Return the year's windows of the grades that the view shows."""
    year, classes = view.filters.term // 10, view.ledger.classes
    shown = classes[(classes["school_year"] == year) & classes["visible"]]
    windows = view.ledger.windows_of(year * 10, receipts.TASK)
    return windows[windows["grade"].isin(shown["grade"].unique())]


def _compute(store: Store, view: View) -> Receipts:
    year, as_of = view.filters.term // 10, view.filters.as_of
    rounds = _rounds(store, year, as_of)
    people = receipts.standing(view.ledger, year, to_us(as_of), rounds=rounds)
    labels = np.append(view.ledger.labels["class"], "")
    total = receipt_counts(store, view, "school").iloc[0].to_dict() | {"students": people["enrolment"].nunique()}
    fewest = fewest_shown(view.ledger.settings, view.scope)
    classes = _rows(
        view, receipt_counts(store, view, "class"), people, labels[people["class"].to_numpy()], fewest=fewest
    )
    kinds = _rows(
        view, receipt_counts(store, view, "kind"), people, people["kind"].to_numpy(dtype=object), fewest=fewest
    )
    kinds["known_at"] = rounds.set_index("kind")["known_at"].reindex(kinds["key"]).to_numpy()
    few = set(classes.loc[classes["state"] == "few", "key"])
    return Receipts(
        year=year,
        state=receipts_state(view, int(total["in_round"])),
        total=total,
        classes=classes,
        kinds=kinds,
        disputes=_disputes(store, view, few),
        named=view.scope.sees_students,
        held_back=0 < total["students"] < fewest,
        windows=tuple(
            Window(tuple(sorted(int(grade) for grade in part["grade"])), from_us(starts), from_us(ends))
            for (starts, ends), part in _windows(view).groupby(["starts_at", "ends_at"])
        ),
        earlier_term=_earlier_term(store, view),
    )


def _rows(
    view: View, table: pd.DataFrame, people: pd.DataFrame, group: npt.NDArray[np.object_], *, fewest: int
) -> pd.DataFrame:
    """Add to the metric's rows how many students they are, and why a row has no counts."""
    students = people["enrolment"].groupby(group.astype(str)).nunique().reindex(table["key"]).fillna(0).astype(int)
    table = table.assign(students=students.to_numpy())
    classes = view.ledger.classes[view.ledger.classes["school_year"] == view.filters.term // 10]
    begun = _windows(view)
    begun = begun[begun["starts_at"] <= to_us(view.filters.as_of)]
    waiting = set(classes.loc[~classes["grade"].isin(begun["grade"]), "name"])
    table["state"] = [
        "few" if 0 < people_ < fewest else "known" if count else "not_open" if key in waiting else "no_data"
        for key, count, people_ in table[["key", "in_round", "students"]].itertuples(index=False, name=None)
    ]
    counts = ["students", *COUNTS]
    table[counts] = table[counts].astype("Int64")
    table.loc[table["state"] == "few", counts] = pd.NA
    return table


def _disputes(store: Store, view: View, few: set[str]) -> pd.DataFrame:
    """List the reports raised by as_of; few: classes so small that a report is not laid to them."""
    ledger, as_of_us = view.ledger, to_us(view.filters.as_of)
    duties = ledger.of_term(view.filters.term // 10 * 10, "confirm")
    # A report is one student's.
    duties = duties.iloc[:0] if view.scope.suppressed else duties[duties["opened_at"].to_numpy() <= as_of_us]
    with reading(store.engine) as connection:
        said = disputes_of(connection, [int(duty) for duty in duties["duty_id"]])
    said = said.set_index("dispute_id").reindex(duties["duty_id"]).fillna("")
    if not view.scope.sees_students:
        said[list(PERSONAL)] = ""
    classes = np.append(ledger.labels["class"], "")[duties["class"].to_numpy()]
    done_at = duties["done_at"].to_numpy()
    frame = pd.DataFrame(
        {
            **{name: said[name].to_numpy() for name in ("number", "category", *PERSONAL)},
            "kind": np.append(ledger.labels["kind"], "")[duties["kind"].to_numpy()],
            "class": ["" if name in few else name for name in classes],
            "unit": np.append(ledger.labels["unit"], "")[duties["unit"].to_numpy()],
            "raised_at": duties["opened_at"].to_numpy(),
            "due_at": duties["due_at"].to_numpy(),
            # Later answers are not given yet.
            "answered_at": np.where(done_at <= as_of_us, done_at, NEVER),
            "state": np.array(STATES, dtype=object)[states(duties, as_of_us)],
        }
    )[list(DISPUTES)]
    answered = frame["state"].isin(["late", "on_time"])
    # What waits comes by its deadline, the earliest first; what is answered by its time, the newest first.
    moment = frame["due_at"].where(~answered, -frame["answered_at"])
    order = pd.DataFrame({"group": frame["state"].map(_FIRST.index).where(~answered, 9), "moment": moment})
    return frame.loc[order.sort_values(["group", "moment"], kind="stable").index].reset_index(drop=True)


def _earlier_term(store: Store, view: View) -> int:
    """Find the newest earlier school year with a round in the scope; its second term opens it."""
    year, as_of, whole = view.filters.term // 10, view.filters.as_of, view.whole
    years = sorted({int(each) for each in whole.receipts["school_year"].unique() if each < year}, reverse=True)
    for each in years:
        terms = [term for term in view.choices.terms if term // 10 == each]
        if terms and len(receipts.standing(whole, each, to_us(as_of), rounds=_rounds(store, each, as_of))):
            return terms[0]
    return 0
