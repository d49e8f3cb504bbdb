"""The one place where small groups and small numbers are held back from who has nothing to do for them."""

from __future__ import annotations

from dataclasses import replace
from zlib import crc32

import numpy as np
import numpy.typing as npt
import pandas as pd

from dashboard.access.roles import PERMISSIONS, Permission
from dashboard.access.scope import Scope
from data.ledger import Ledger, narrow
from data.metrics import Question, leak, participation, receipts
from data.metrics.completion import ratio
from data.schema import SchoolSettings
from data.suppression import deidentify, fewest_students, in_steps

Ints = npt.NDArray[np.int64]
_CONFIRMED = ("confirmed_late", "confirmed", "disputed", "unseen", "deemed")
_REPORTED = ("answered_late", "answered", "dispute_open", "dispute_overdue")


def protect(ledger: Ledger, scope: Scope) -> Ledger:
    """Return the ledger that a scope is counted from: merged groups alone, where the scope is suppressed.

    Every page, finding, hover text, chart and export counts from it, so that none of them can forget.
    """
    return deidentify(ledger, size=ledger.settings.suppression_size) if scope.suppressed else ledger


def fewest_shown(settings: SchoolSettings, scope: Scope) -> int:
    """Return how many students a row must have; 0 for those who act for the students, and where groups are merged already."""
    if scope.suppressed or Permission.VIEW_STUDENT in PERMISSIONS[scope.role]:
        return 0
    return settings.suppression_size


def merged_below(settings: SchoolSettings) -> tuple[int, int]:
    """Return the students and the teachers that a class needs to stand by itself in a suppressed scope."""
    return fewest_students(settings.suppression_size), settings.suppression_size


# --- counts of students: a suppressed scope gets them in steps, added up from the classes it sees -----------------------


def participation_of(ledger: Ledger, scope: Scope, ask: Question) -> pd.DataFrame:
    """Answer the metric participation for a scope; items of a class of which no students show are none either."""
    table = participation.answer(ledger, ask)
    if not scope.suppressed:
        return table
    rows = participation.answer(ledger, replace(ask, by="class"))
    over, at, some, enrolled, items = (
        rows[name].fillna(0).to_numpy(dtype=np.int64)
        for name in ("over_cap", "at_cap", "participants", "enrolled", "items")
    )
    code, size = _codes(ledger, ask, rows["key"]), ledger.settings.suppression_size
    parts = in_steps(np.column_stack([over, at, some - over - at, enrolled - some]), code=code, size=size)
    shown = parts[:, :3].sum(axis=1)
    items = np.where(shown > 0, in_steps(items[:, np.newaxis], code=code, size=size)[:, 0], 0)
    counts = {"enrolled": parts.sum(axis=1), "participants": shown, "items": items, "at_cap": parts[:, 1], "over_cap": parts[:, 0]}  # fmt: skip
    sums = _added_up(ledger, ask, rows["key"], pd.DataFrame(counts), onto=table["key"])
    sums["participation"] = ratio(sums["participants"].to_numpy(), sums["enrolled"].to_numpy())
    for name in ("at_cap", "over_cap"):
        sums[name] = sums[name].astype("Int64").where(table[name].notna())
    return table.assign(**sums)


def receipts_of(ledger: Ledger, scope: Scope, ask: Question, *, rounds: pd.DataFrame) -> pd.DataFrame:
    """Answer the metric receipts for a scope; a report is a student's, and counts like one."""
    table = receipts.count(ledger, ask, rounds=rounds)
    if not scope.suppressed:
        return table
    size, parts = ledger.settings.suppression_size, []
    kinds = receipts.count(ledger, replace(ask, by="kind"), rounds=rounds)["key"].tolist()
    for kind in kinds:
        rows = receipts.count(_of_kind(ledger, kind), replace(ask, by="class"), rounds=rounds)
        rows["confirmed"] -= rows["confirmed_late"]
        rows["answered"] -= rows["answered_late"]
        # Of the kind alone, not of which others there are: under another filter or day its steps would begin elsewhere.
        code = _codes(ledger, ask, rows["key"]) + crc32(kind.encode())
        counts = {
            name: column
            for names in (_CONFIRMED, _REPORTED)
            for name, column in zip(
                names, in_steps(rows[list(names)].to_numpy(dtype=np.int64), code=code, size=size).T, strict=True
            )
        }
        of = {"by_kind": kind} if ask.by == "kind" else {}
        parts.append(pd.DataFrame(counts).assign(key=rows["key"].astype("str"), **of))
    if not parts:
        return table
    found = pd.concat(parts, ignore_index=True)
    key = found.pop("by_kind") if ask.by == "kind" else None
    named = found.pop("key")
    sums = (
        _added_up(ledger, ask, named, found, onto=table["key"])
        if key is None
        else found.groupby(key.to_numpy()).sum().reindex(table["key"], fill_value=0).reset_index(drop=True)
    )
    sums["confirmed"] += sums["confirmed_late"]
    sums["answered"] += sums["answered_late"]
    sums["in_round"] = sums[list(receipts.STANDINGS)].sum(axis=1)
    sums["disputes"] = sums[["answered", "dispute_open", "dispute_overdue"]].sum(axis=1)
    return table.assign(**sums)


def leak_of_items(ledger: Ledger, scope: Scope, ask: Question, *, rounds: pd.DataFrame) -> pd.DataFrame:
    """Answer the metric leak for a scope and the whole of a ledger: a single item would be a single student's."""
    table = leak.count(ledger, ask, rounds=rounds)
    if not scope.suppressed:
        return table
    rows = leak.count(ledger, replace(ask, by="class"), rounds=rounds)
    code, size = _codes(ledger, ask, rows["key"]), ledger.settings.suppression_size
    for step in leak.STEPS:
        items = rows[step].fillna(0).to_numpy(dtype=np.int64)[:, np.newaxis]
        table[step] = table[step].where(table[step].isna(), int(in_steps(items, code=code, size=size).sum()))
    return table


def students_by_items(
    items: Ints, known: npt.NDArray[np.bool_], group: Ints, *, most: int, settings: SchoolSettings, scope: Scope
) -> tuple[Ints, int]:
    """Count students by their items, 0 to `most` and more, and all whose count is known. A row of items, known, group a student.

    A suppressed scope's counts add up to those of participation_of: the same students are split more finely, from the most
    items down.
    """
    least = min(most, int(items[known].max())) if known.any() else -1
    if not scope.suppressed:
        counts = (
            np.bincount(np.minimum(items[known], most), minlength=4) if known.any() else np.zeros(0, dtype=np.int64)
        )
        return counts.astype(np.int64), int(known.sum())
    codes, row = np.unique(group, return_inverse=True)
    column = np.where(known, most - np.minimum(items, most), most + 1)
    parts = np.bincount(row * (most + 2) + column, minlength=len(codes) * (most + 2)).reshape(len(codes), most + 2)
    shown = in_steps(parts.astype(np.int64), code=codes.astype(np.int64), size=settings.suppression_size).sum(axis=0)
    counts = shown[most::-1]
    longest = max(4, int(np.flatnonzero(counts).max(initial=0)) + 1) if least >= 0 else 0
    return counts[:longest], int(counts.sum())


def items_by_day(
    days: Ints, student: Ints, group: Ints, *, span: range, settings: SchoolSettings, scope: Scope
) -> Ints:
    """Count items day by day over a span of days, each with its student and group; see participation_of."""

    def counted(chosen: Ints) -> Ints:
        return np.bincount(chosen - span.start, minlength=len(span)).cumsum().astype(np.int64)

    if not scope.suppressed:
        return counted(days)
    result = np.zeros(len(span), dtype=np.int64)
    size = settings.suppression_size
    for code in np.unique(group):
        mine = group == code
        first = pd.Series(days[mine]).groupby(student[mine]).min().to_numpy()
        codes = np.full(len(span), code, dtype=np.int64)
        items, people = (
            in_steps(counted(each)[:, np.newaxis], code=codes, size=size)[:, 0] for each in (days[mine], first)
        )
        result += np.where(people > 0, items, 0)
    return result


def rows_in_steps(matched: int, rest: int, *, size: int) -> tuple[int, int]:
    """Return the rows of a roster of the whole school that find a student and those that do not, in steps."""
    shown = in_steps(np.array([[matched, rest]]), code=np.array([0]), size=size)
    return int(shown[0, 0]), int(shown[0, 1])


def median_told(scope: Scope, settings: SchoolSettings, participants: int) -> bool:
    """Tell whether a median of so many students is shown: that of one is what he has."""
    return not scope.suppressed or participants >= fewest_students(settings.suppression_size)


def _classes(ledger: Ledger, ask: Question) -> pd.DataFrame:
    """Return the classes of the question's year by name, with their codes; what is merged has one name, and the first code."""
    classes = ledger.classes[ledger.classes["school_year"] == ask.term // 10]
    return classes.assign(code=classes.index).drop_duplicates("name").set_index("name")


def _codes(ledger: Ledger, ask: Question, names: pd.Series[str]) -> Ints:
    return _classes(ledger, ask)["code"].reindex(names).fillna(0).to_numpy(dtype=np.int64)


def _added_up(
    ledger: Ledger, ask: Question, names: pd.Series[str], counts: pd.DataFrame, *, onto: pd.Series[str]
) -> pd.DataFrame:
    """Add the classes' counts up to the rows of a table, whose keys are onto."""
    classes = _classes(ledger, ask).reindex(names)
    if ask.by == "school":
        key = np.full(len(names), onto.iloc[0], dtype=object)
    elif ask.by == "grade":
        key = classes["grade"].astype("Int64").astype("str").to_numpy(dtype=object)
    elif ask.by == "department":
        key = np.append(ledger.labels["department"], "")[classes["department"].fillna(-1).to_numpy(dtype=np.int64)]
    else:
        key = names.to_numpy(dtype=object)
    return counts.groupby(key).sum().reindex(onto, fill_value=0).reset_index(drop=True)


def _of_kind(ledger: Ledger, kind: str) -> Ledger:
    """Return the ledger with what is said of one kind of 收訖明細 alone."""
    of = np.append(ledger.labels["kind"], "")[ledger.duties["kind"].to_numpy()] == kind
    alone = narrow(ledger, duties=np.asarray(of, dtype=bool))
    return replace(alone, receipts=alone.receipts[alone.receipts["kind"] == kind].reset_index(drop=True))
