"""提交與登錄: which rosters and records the units owe, when they are due, and which of them are done."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

import numpy as np
import pandas as pd

from dashboard.services.filters import View
from dashboard.services.store import Store
from dashboard.services.suppression import rows_in_steps
from data.instants import NEVER, from_us, to_us
from data.ledger import EVENING, ROSTER_PARTS, YEAR_ROSTERS, Ledger
from data.metrics import Question, completion
from data.metrics.completion import STATES, states

REGISTERS = ("enrolment", "counselling", "position", "grades")  # in the order of a term
ROSTERS = ("academic", "outcomes", "positions", "performances")
NOT_OPEN = "not_open"  # announced, its window still to come
COUNTS = ("expected", "on_time", "late", "open", "overdue")
_BEHIND = ("overdue", "open", NOT_OPEN, "late", "on_time", "exempt")  # what is furthest behind first


@dataclass(frozen=True, slots=True)
class Book:
    """A book of a roster: when it was first handed in, and the rows of its file, of which so many found their student.

    row_count and matched_count are None where the file itself was not imported.
    """

    name: str
    submitted_at: datetime
    row_count: int | None
    matched_count: int | None


@dataclass(frozen=True, slots=True)
class Roster:
    """A roster that a unit owes: of a term (1151), a school year (1150) or a 高三 batch (1 or 2; 0: none).

    state: one of completion.STATES, or not_open. starts_at, ends_at, original_ends_at: None where no window was announced;
    ends are exclusive.
    """

    name: str
    batch: int
    is_evening: bool
    term: int
    unit: str
    starts_at: datetime | None
    ends_at: datetime | None
    original_ends_at: datetime | None
    state: str
    done_at: datetime | None
    books: tuple[Book, ...]


@dataclass(frozen=True, slots=True)
class Due:
    """The next deadline: of a roster or of a kind of record, with how many of all are still to be done."""

    roster: Roster | None
    register: str
    unit: str
    starts_at: datetime | None
    ends_at: datetime
    waiting: int
    whole: int


@dataclass(frozen=True)
class Submission:
    """Everything 提交與登錄 shows, in numbers.

    rosters: of the term and of its school year, the earliest deadline first. submit: COUNTS of them, as completion --stage
    submit says. registers: class, kind, unit, state, starts_at, ends_at, done_at, one row a class and kind. register: COUNTS
    of them; classes: COUNTS by class with its name as key; kinds: COUNTS by kind with unit and window. unannounced: of ROSTERS
    those that nobody announced nor handed in.
    """

    term: int
    rosters: tuple[Roster, ...]
    submit: dict[str, int]
    registers: pd.DataFrame
    register: dict[str, int]
    classes: pd.DataFrame
    kinds: pd.DataFrame
    next_due: Due | None
    unannounced: tuple[str, ...]


def submission(store: Store, view: View) -> Submission:
    """Compute 提交與登錄 for a view; kept per data version, scope and question."""
    return store.kept((*view.key, "submission"), lambda: _compute(view))


def roster_table(result: Submission) -> pd.DataFrame:
    """Return the rosters as a table, one row each; instants are NaT where there is none."""
    rows = [
        {
            "name": each.name, "batch": each.batch, "is_evening": each.is_evening, "term": each.term, "unit": each.unit,
            "starts_at": each.starts_at, "ends_at": each.ends_at, "original_ends_at": each.original_ends_at,
            "state": each.state, "done_at": each.done_at, "row_count": _sum(each.books, "row_count"),
            "matched_count": _sum(each.books, "matched_count"),
        }
        for each in result.rosters
    ]  # fmt: skip
    columns = ("name", "batch", "is_evening", "term", "unit", "starts_at", "ends_at", "original_ends_at", "state", "done_at", "row_count", "matched_count")  # fmt: skip
    table = pd.DataFrame(rows, columns=list(columns))
    return table.astype({"row_count": "Int64", "matched_count": "Int64"})


def _sum(books: tuple[Book, ...], name: str) -> int | None:
    counts = [getattr(book, name) for book in books if getattr(book, name) is not None]
    return sum(counts) if counts else None


def _compute(view: View) -> Submission:
    term, as_of = view.filters.term, view.filters.as_of
    # A filter by grade or department keeps what is owed for a class; rosters are the whole school's.
    rosters = sorted(
        (roster for each in (term, term // 10 * 10) for roster in _rosters(view.whole, each, as_of)),
        key=lambda roster: (
            to_us(roster.ends_at) if roster.ends_at else NEVER, ROSTERS.index(roster.name), roster.batch, roster.is_evening,
        ),
    )  # fmt: skip
    if view.scope.suppressed:  # 進修部 hands in a book of its own, and may be few
        size = view.ledger.settings.suppression_size
        rosters = [
            replace(each, books=() if each.name == "outcomes" else tuple(_in_steps(book, size) for book in each.books))
            for each in rosters
        ]
    parts = [
        completion.answer(view.whole, Question(each, as_of, "school", "submit")) for each in (term, term // 10 * 10)
    ]
    classes = completion.answer(view.ledger, Question(term, as_of, "class", "register"))[["key", *COUNTS]]
    registers = _registers(view.ledger, term, as_of)
    # Of classes that are merged in this scope, what is furthest behind stands for all.
    shown = registers.loc[registers["state"].map(_BEHIND.index).sort_values(kind="stable").index]
    shown = shown.drop_duplicates(["class", "kind"]).sort_index(ignore_index=True)
    return Submission(
        term=term,
        rosters=tuple(rosters),
        submit=_total(pd.concat(parts)),
        registers=shown,
        register=_total(classes),
        classes=classes,
        kinds=_kinds(registers),
        next_due=_next_due(rosters, registers, as_of),
        unannounced=tuple(name for name in ROSTERS if name not in {roster.name for roster in rosters}),
    )


def _in_steps(book: Book, size: int) -> Book:
    """A row is a student's, and so is one that finds no student."""
    if book.row_count is None or book.matched_count is None:
        return book
    matched, rest = rows_in_steps(book.matched_count, book.row_count - book.matched_count, size=size)
    return replace(book, matched_count=matched, row_count=matched + rest)


def _total(rows: pd.DataFrame) -> dict[str, int]:
    return {name: int(rows[name].sum()) for name in COUNTS}


def _states(duties: pd.DataFrame, as_of_us: int) -> list[str]:
    """Name each duty's state; "" is one that nobody announced and that is done later: nobody knows of it yet."""
    found = states(duties, as_of_us)
    announced = duties["due_at"].to_numpy() != NEVER
    names = [*STATES, ""]
    return [NOT_OPEN if state < 0 and said else names[state] for state, said in zip(found, announced, strict=True)]


def _instant(microseconds: int) -> datetime | None:
    return None if microseconds == NEVER else from_us(microseconds)


def part_of(kind: str) -> tuple[str, int, bool]:
    """Take the ledger's name of a roster apart: which one, of which 高三 batch (0: none), whether of 進修部."""
    name, _, batch = kind.removesuffix("_evening").partition("_")
    return name, int(batch or 0), kind.endswith("_evening")


def _rosters(ledger: Ledger, term: int, as_of: datetime) -> list[Roster]:
    as_of_us = to_us(as_of)
    duties = ledger.of_term(term, "submit")
    result = []
    for duty, state in zip(duties.to_dict("records"), _states(duties, as_of_us), strict=True):
        if not state:
            continue
        kind = str(ledger.labels["kind"][duty["kind"]])
        name, batch, is_evening = part_of(kind)
        starts_at = _starts(ledger, "submit_" + kind.removesuffix("_evening"), term)
        result.append(
            Roster(
                name=name,
                batch=batch,
                is_evening=is_evening,
                term=term,
                unit=_unit(ledger, duty["unit"]),
                starts_at=_instant(starts_at),
                ends_at=_instant(duty["due_at"]),
                original_ends_at=_instant(duty["original_due_at"]),
                state=state,
                done_at=_instant(duty["done_at"]) if duty["done_at"] <= as_of_us else None,
                books=_books(ledger, name, batch, term, as_of_us, is_evening=is_evening),
            )
        )
    return result


def _unit(ledger: Ledger, code: int) -> str:
    return str(ledger.labels["unit"][code]) if code >= 0 else ""


def _starts(ledger: Ledger, task: str, term: int) -> int:
    own = ledger.windows_of(term, task)
    return int(own["starts_at"].min()) if len(own) else NEVER


def _books(
    ledger: Ledger, name: str, batch: int, term: int, as_of_us: int, *, is_evening: bool
) -> tuple[Book, ...]:  # fmt: skip
    """Return the books of a roster known by as_of, each once: its first time, and the rows of the school's own file."""
    said = ledger.submissions
    said = said[(said["source"] != "receipt") & (said["submitted_at"] <= as_of_us) & (said["batch"] == batch)]
    said = said[said["school_year"] == term // 10]
    if not (name in YEAR_ROSTERS or batch):
        said = said[said["semester"] == term % 10]
    if name == "outcomes":
        said = said[(said["division"] == EVENING) == is_evening]
    books = []
    for part in ROSTER_PARTS.get(name, (name,)):
        rows = said[said["roster"] == part]
        if rows.empty:
            continue
        # The database's dump lists what the school's own file lists; only what was entered by hand has no rows.
        files = rows[rows["row_count"] > 0]
        files = files[files["source"] == ("school" if (files["source"] == "school").any() else "central")]
        counts = [int(files[column].sum()) if len(files) else None for column in ("row_count", "matched_count")]
        books.append(Book(part, from_us(rows["submitted_at"].min()), *counts))
    return tuple(books)


def _registers(ledger: Ledger, term: int, as_of: datetime) -> pd.DataFrame:
    as_of_us = to_us(as_of)
    duties = ledger.of_term(term, "register")
    shown = np.append(ledger.classes["visible"].to_numpy(dtype=bool), False)[duties["class"].to_numpy()]
    duties = duties[shown]
    kinds = ledger.labels["kind"][duties["kind"].to_numpy()]
    done_at = duties["done_at"].to_numpy()
    frame = pd.DataFrame(
        {
            "class": ledger.labels["class"][duties["class"].to_numpy()],
            "kind": kinds,
            "unit": np.append(ledger.labels["unit"], "")[duties["unit"].to_numpy()],
            "state": _states(duties, as_of_us),
            "starts_at": _register_starts(ledger, term, kinds, duties["grade"].to_numpy()),
            "ends_at": duties["due_at"].to_numpy(),
            "done_at": np.where(done_at <= as_of_us, done_at, NEVER),
        }
    )
    frame["order"] = [REGISTERS.index(kind) for kind in frame["kind"]]
    frame = frame[frame["state"] != ""].sort_values(["class", "order"], ignore_index=True)
    return frame.drop(columns="order")


def _register_starts(ledger: Ledger, term: int, kinds: Any, grades: Any) -> list[int]:
    windows = ledger.windows_of(term)
    pairs = zip(windows["task"], windows["grade"], strict=True)
    starts = dict(zip(pairs, windows["starts_at"], strict=True))
    return [int(starts.get((f"register_{kind}", grade), NEVER)) for kind, grade in zip(kinds, grades, strict=True)]


def _kinds(registers: pd.DataFrame) -> pd.DataFrame:
    """Count by kind: COUNTS, not_open, the unit and the first start and last end, NEVER where there is none."""
    rows = []
    for kind in REGISTERS:
        part = registers[registers["kind"] == kind]
        if part.empty:
            continue
        counts = {name: int((part["state"] == name).sum()) for name in (*COUNTS[1:], NOT_OPEN)}
        starts, ends = (part.loc[part[name] != NEVER, name] for name in ("starts_at", "ends_at"))
        rows.append(
            {"kind": kind, "expected": sum(counts.values()) - counts[NOT_OPEN]} | counts
            | {
                "unit": "、".join(sorted(set(part["unit"]) - {""})), "starts_at": starts.min() if len(starts) else NEVER,
                "ends_at": ends.max() if len(ends) else NEVER,
            }
        )  # fmt: skip
    columns = ["kind", *COUNTS, NOT_OPEN, "unit", "starts_at", "ends_at"]
    return pd.DataFrame(rows, columns=columns).astype({"starts_at": "int64", "ends_at": "int64"})


def _next_due(rosters: list[Roster], registers: pd.DataFrame, as_of: datetime) -> Due | None:
    """Find what is to be done and due first after as_of, open or announced; of a kind of record, all classes due then."""
    found = [
        Due(roster, "", roster.unit, roster.starts_at, roster.ends_at, 1, 1)
        for roster in rosters
        if roster.state in ("open", NOT_OPEN) and roster.ends_at is not None
    ]
    undone = registers[registers["state"].isin(["open", NOT_OPEN]) & (registers["ends_at"] != NEVER)]
    for (ends_at, kind), part in undone.groupby(["ends_at", "kind"]):
        whole = int(((registers["kind"] == kind) & (registers["ends_at"] == ends_at)).sum())
        starts_at = _instant(int(part["starts_at"].min()))
        found.append(Due(None, str(kind), str(part["unit"].iloc[0]), starts_at, from_us(ends_at), len(part), whole))
    return min((due for due in found if due.ends_at > as_of), key=lambda due: due.ends_at, default=None)
