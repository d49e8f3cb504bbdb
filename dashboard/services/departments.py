"""One department: how its stages and classes stand, and its certifying day by day against the year before."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import timedelta

import pandas as pd

from dashboard.services.filters import View
from dashboard.services.overview import Overview, overview
from dashboard.services.participation import Participation, class_table, take_part
from dashboard.services.receipts import Receipts, desk
from dashboard.services.store import Store
from data.ledger import Ledger
from data.metrics import Question, trend

DAYS_AFTER = 28  # the days are followed no longer than so many after the end of certifying

COUNTS = ("expected", "on_time", "late", "open", "overdue", "exempt")
SELECTED = ("outcome", "performance")


@dataclass(frozen=True)
class Department:
    """Everything about one department, in numbers.

    overall: of 總覽, asked for this department. upload, selection: participation, held back where few. classes: one row a
    class with COUNTS, completion, status, enrolled, participants and state of uploads and selections, and 收訖; grades:
    a row a grade and day (key, day, done, expected, and done_before and expected_before, NaN where there was no such day),
    key empty for the whole department.
    """

    name: str
    overall: Overview
    upload: Participation
    selection: Participation
    receipts: Receipts
    classes: pd.DataFrame
    grades: pd.DataFrame


def department_of(store: Store, view: View) -> Department | None:
    """Compute the page of the view's department; None where the scope or the term has no such one. Kept per question."""
    if view.filters.department is None:
        return None
    return store.kept((*view.key, "department"), lambda: _compute(store, view, str(view.filters.department)))


def department_classes(store: Store, view: View) -> pd.DataFrame:
    """Return the classes of a view, stage by stage; what is held back or not known is NA, and never 0."""
    return store.kept((*view.key, "department classes"), lambda: _classes(store, view))


def _compute(store: Store, view: View, name: str) -> Department:
    return Department(
        name=name,
        overall=overview(store, view),
        upload=take_part(store, view, "upload"),
        selection=take_part(store, view, "select"),
        receipts=desk(store, view),
        classes=department_classes(store, view),
        grades=_grades(store, view),
    )


def _classes(store: Store, view: View) -> pd.DataFrame:
    result = overview(store, view)
    status_of = {cell.class_name: cell.status for cell in result.cells if cell.stage == "certify"}
    table = result.classes[["key", *COUNTS, "completion"]].assign(status=result.classes["key"].map(status_of))
    uploads, selections = (class_table(take_part(store, view, stage)) for stage in ("upload", "select"))
    taken = uploads[["class", "enrolled", "outcome_participants", "outcome_items", "outcome_state"]].rename(
        columns={"class": "key", "outcome_participants": "uploaders", "outcome_items": "items", "outcome_state": "upload_state"}
    )  # fmt: skip
    columns = {f"{kind}_{name}": f"select_{kind}_{name}" for kind in SELECTED for name in ("participants", "state")}
    chosen = selections[["class", *columns]].rename(columns={"class": "key"} | columns)
    received = (
        desk(store, view).classes[["key", "confirmed", "in_round", "state"]].rename(columns={"state": "receipt_state"})
    )
    for frame in (table, taken, chosen, received):
        frame["key"] = frame["key"].astype("str")  # no rows give no type
    table = table.merge(taken, on="key", how="left").merge(chosen, on="key", how="left")
    return table.merge(received, on="key", how="left")


def _grades(store: Store, view: View) -> pd.DataFrame:
    """Return the days of each grade and of the whole, with the counts of the year before at the end of the same working day."""
    ledger, filters = view.ledger, view.filters
    end = overview(store, view).window_end
    as_of = filters.as_of if end is None else min(filters.as_of, end + timedelta(days=DAYS_AFTER))
    last = (as_of - timedelta(microseconds=1)).date().isoformat()  # midnight ends a day and begins none
    parts = []
    for by in ("grade", "department"):
        ask = Question(filters.term, as_of, by=by, stage="certify")
        rows, before = (_days(ledger, each) for each in (ask, replace(ask, term=ask.term - 10)))
        before = before.groupby(["key", "working_day"], as_index=False).last().drop(columns="day")
        rows = rows[rows["day"] <= last].merge(before, on=["key", "working_day"], how="left", suffixes=("", "_before"))
        if by == "department":
            rows = rows[rows["key"] == filters.department].assign(key="")
        parts.append(rows)
    table = pd.concat(parts, ignore_index=True)
    if table.empty:
        return table
    return table[table.groupby("key")["expected"].transform("max") > 0].reset_index(drop=True)


def _days(ledger: Ledger, question: Question) -> pd.DataFrame:
    rows = trend.answer(ledger, question)
    return pd.DataFrame(
        {
            "key": rows["key"].astype("str"), "day": rows["day"].astype("str"), "working_day": rows["working_day"].astype("int64"),
            "done": rows["on_time"].astype("int64") + rows["late"].astype("int64"), "expected": rows["expected"].astype("int64"),
        }
    )  # fmt: skip
