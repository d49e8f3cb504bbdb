"""教師認證: what waits for whom and since when, and whether anybody is out of line, fairly."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

import numpy as np
import pandas as pd

from dashboard.services.filters import View
from dashboard.services.store import Store
from data.db import reading
from data.instants import DAY_US, NEVER, from_us, to_us
from data.metrics import Question, arrivals, backlog, completion, funnel, waits
from data.metrics.completion import STATES, states
from data.queries import waiting_items

QUEUE_ROWS = 500


@dataclass(frozen=True)
class Certification:
    """Everything 教師認證 shows, in numbers.

    school: the totals. teachers: per-teacher completion, waiting, ages and context, empty where the role sees no
    teacher by name. points, limits: the funnel; named tells whether its points may be labelled. queue: single items,
    oldest first, for those who have to act on them. subjects: waits and arrivals of each subject with an item, and waited:
    the same waits of all; empty where a subject of the own class would stand for its teacher. response_days: the setting.
    """

    school: dict[str, Any]
    teachers: pd.DataFrame
    points: pd.DataFrame
    limits: pd.DataFrame
    target: float
    dispersion: float
    named: bool
    queue: pd.DataFrame
    queue_total: int
    judged_unreleased: int
    waited: dict[str, Any]
    subjects: pd.DataFrame
    response_days: int


def certification(store: Store, view: View) -> Certification:
    """Compute 教師認證 for a view; kept per data version, scope and question."""
    return store.kept((*view.key, "certification"), lambda: _compute(store, view))


def _compute(store: Store, view: View) -> Certification:
    ledger, filters, scope = view.ledger, view.filters, view.scope
    as_of_us = to_us(filters.as_of)
    ask = Question(filters.term, filters.as_of, by="school", stage="certify")
    school = completion.answer(ledger, ask).iloc[0].to_dict()
    duties = ledger.of_term(filters.term)
    state = states(duties, as_of_us)
    waiting = (state == STATES.index("open")) | (state == STATES.index("overdue"))
    undone = duties[waiting]
    judged = int((undone["decided_at"].to_numpy() <= as_of_us).sum())
    teachers = _teachers(view, ask) if scope.teachers in ("all", "unit") else pd.DataFrame()
    assessed = funnel.answer(view.whole, Question(filters.term, filters.as_of, by="teacher", stage="certify"))
    named = scope.teachers == "all"
    points = assessed.rename(columns={"name": "label"})
    if scope.teachers == "unit":
        points = points.assign(label=points["label"].where(points["key"].isin(set(teachers.get("key", []))), ""))
    elif scope.teachers != "all":
        points = points.iloc[:0]
    queue, total = _queue(store, view, undone, as_of_us)
    waited = waits.answer(ledger, ask).iloc[0].to_dict()
    return Certification(
        school=school,
        teachers=teachers,
        points=points[points["decided"] > 0],
        limits=funnel_limits(points),
        target=float(assessed["target"].iloc[0]) if len(assessed) else float("nan"),
        dispersion=float(assessed["dispersion"].iloc[0]) if len(assessed) else 1.0,
        named=named,
        queue=queue,
        queue_total=total,
        judged_unreleased=judged,
        waited=waited,
        subjects=_subjects(view, ask) if scope.teachers != "none" else pd.DataFrame(),
        response_days=ledger.settings.minimum_response_days,
    )


def _teachers(view: View, ask: Question) -> pd.DataFrame:
    ledger = view.ledger
    by_teacher = replace(ask, by="teacher")
    table = completion.answer(ledger, by_teacher)
    waiting = backlog.answer(ledger, by_teacher).drop(columns=["name", "overdue"])
    table = table.astype({"key": "str"}).merge(waiting.astype({"key": "str"}), on="key")  # no rows give no type
    units = dict(zip(ledger.labels["teacher"], ledger.labels["unit"][ledger.teachers["unit"].to_numpy()], strict=True))
    table["unit"] = [str(units.get(key, "")) for key in table["key"]]
    arrived = arrivals.answer(ledger, by_teacher)
    table["late_share"] = table["key"].map(arrived.set_index("key")["last_48h_share"])  # context for any delay
    if view.scope.teachers == "unit":
        table = table[table["unit"] == view.scope.unit]
    if view.filters.teacher is not None:
        table = table[table["key"] == view.filters.teacher]
    return table.reset_index(drop=True)


def _subjects(view: View, ask: Question) -> pd.DataFrame:
    by_subject = replace(ask, by="subject")
    rows = waits.answer(view.ledger, by_subject)
    arrived = arrivals.answer(view.ledger, by_subject)[["key", "sent", "no_window", "last_48h"]]
    rows = rows.astype({"key": "str"}).merge(arrived.astype({"key": "str"}), on="key")  # no rows give no type
    return rows[rows["started"] > 0].reset_index(drop=True)


def funnel_limits(points: pd.DataFrame) -> pd.DataFrame:
    """Return the control limits of a funnel over the numbers of decided items that its points span (columns decided, target)."""
    decided = points["decided"][points["decided"] > 0] if len(points) else pd.Series(dtype="int64")
    if decided.empty:
        return pd.DataFrame(columns=["n", "lower_95", "upper_95", "lower_998", "upper_998"])
    grid = np.unique(np.round(np.geomspace(3, max(int(decided.max() * 1.05), 12), 40)).astype(int))
    target = float(points["target"].iloc[0])
    columns = {"lower_95": 0.025, "upper_95": 0.975, "lower_998": 0.001, "upper_998": 0.999}
    return pd.DataFrame({"n": grid} | {name: funnel.limit(grid, target, p) for name, p in columns.items()})


def _queue(store: Store, view: View, undone: pd.DataFrame, as_of_us: int) -> tuple[pd.DataFrame, int]:
    """Single items for those who may see the students: a teacher his own, a homeroom teacher his class's (without the teacher's name)."""
    is_narrow = (
        view.scope.classes is not None or view.filters.teacher is not None or view.filters.class_name is not None
    )
    if not is_narrow or not view.scope.lists_items:
        return pd.DataFrame(), 0
    return oldest_first(store, undone, as_of_us, most=QUEUE_ROWS, with_students=True), len(undone)


def oldest_first(store: Store, undone: pd.DataFrame, as_of_us: int, *, most: int, with_students: bool) -> pd.DataFrame:
    """List waiting duties as single items, the oldest first and at most so many; the student is "" to who may not see any."""
    oldest = undone.sort_values("opened_at", kind="stable").head(most)
    with reading(store.engine) as connection:
        items = waiting_items(connection, [int(duty) for duty in oldest["duty_id"]])
    rows = oldest.merge(items, left_on="duty_id", right_on="round_id", suffixes=("_code", ""))
    if not with_students:
        rows[["student_number", "student_name"]] = ""
    return pd.DataFrame(
        {
            "sent_at": [_when(us) for us in rows["opened_at"]],
            "due_at": [_when(us) for us in rows["due_at"]],
            "waiting_days": (as_of_us - rows["opened_at"]) / DAY_US,
            "is_overdue": rows["due_at"] <= as_of_us,
            "is_judged": rows["decided_at"] <= as_of_us,
            **{name: rows[name] for name in ("class_name", "subject", "student_number", "student_name", "item_number")},
        }
    )


def _when(us: int) -> datetime | None:
    return None if us == NEVER else from_us(us)
