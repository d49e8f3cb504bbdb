"""Reminders: what waits for each teacher, since when and until when, for those whom the scope names."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

import numpy as np
import numpy.typing as npt
import pandas as pd

from dashboard.access.scope import Scope
from dashboard.services.filters import View
from dashboard.services.store import Store
from data.db import reading
from data.instants import DAY_US, NEVER, TAIPEI, from_us, to_us
from data.ledger import holders
from data.metrics.completion import STATES, states
from data.queries import waiting_items

COLUMNS = (
    "teacher_code", "teacher_name", "unit", "subject", "class_name", "item", "student_number", "sent_at", "last_at",
    "due_at", "days", "is_overdue", "is_judged",
)  # fmt: skip
_LAST_MOMENT_US = 1_000_000  # the last whole second before an exclusive end


@dataclass(frozen=True, slots=True)
class Part:
    """The waiting items of a subject and class of a teacher. due_at: the exclusive end that comes first, None where none is set."""

    subject: str
    class_name: str
    items: int
    overdue: int
    oldest_at: datetime
    due_at: datetime | None


@dataclass(frozen=True, slots=True)
class Reminder:
    """What one teacher is reminded of, the part with the oldest item first."""

    teacher_code: str
    teacher_name: str
    items: int
    overdue: int
    judged: int  # decided already, and not released
    oldest_at: datetime
    oldest_days: float
    parts: tuple[Part, ...]


def waiting(store: Store, view: View) -> pd.DataFrame:
    """Return one row an item that waits (COLUMNS), by teacher code and oldest first; empty where the scope names nobody.

    What waited at the view's as_of and waits to this day, under whoever holds it now: nobody is reminded of work that is
    done or has been handed over. sent_at, due_at (exclusive) and last_at (the last second in time) are microseconds of
    UTC, NEVER without a deadline; days: from sent_at to as_of. student_number is empty where the scope may not see students.
    """
    ledger, scope = view.ledger, view.scope
    as_of_us = to_us(view.filters.as_of)
    now_us = to_us(max(datetime.now(TAIPEI), store.loaded_at, view.filters.as_of))
    duties = ledger.of_term(view.filters.term)
    undone = duties[_waits(duties, as_of_us) & _waits(duties, now_us)]
    holder = holders(ledger, undone, now_us)
    named = _named(view)[holder]
    undone, holder = undone[named], holder[named]
    with reading(store.engine) as connection:
        items = waiting_items(connection, [int(duty) for duty in undone["duty_id"]])
    items = items.set_index("round_id").reindex(undone["duty_id"])
    due_at = undone["due_at"].to_numpy()
    units = ledger.labels["unit"][ledger.teachers["unit"].to_numpy()]
    frame = pd.DataFrame(
        {
            "teacher_code": np.append(ledger.labels["teacher"], "")[holder],
            "teacher_name": np.append(ledger.teachers["name"].to_numpy(dtype=object), "")[holder],
            "unit": np.append(units, "")[holder],
            "subject": items["subject"].to_numpy(),
            "class_name": items["class_name"].to_numpy(),
            "item": items["item_number"].to_numpy(),
            "student_number": items["student_number"].to_numpy() if scope.lists_items else "",
            "sent_at": undone["opened_at"].to_numpy(),
            "last_at": np.where(due_at == NEVER, NEVER, due_at - _LAST_MOMENT_US),
            "due_at": due_at,
            "days": (as_of_us - undone["opened_at"].to_numpy()) / DAY_US,
            "is_overdue": due_at <= as_of_us,
            "is_judged": undone["decided_at"].to_numpy() <= as_of_us,
        }
    )
    return frame.sort_values(["teacher_code", "sent_at"], kind="stable", ignore_index=True)


def reminders(store: Store, view: View) -> list[Reminder]:
    """Return the reminder of each teacher with something waiting, by teacher code; what nobody holds reminds nobody."""
    frame = waiting(store, view)
    frame = frame[frame["teacher_code"] != ""]
    found = []
    for code, rows in frame.groupby("teacher_code", sort=True):
        parts = [
            Part(
                str(subject),
                str(name),
                len(part),
                int(part["is_overdue"].sum()),
                from_us(part["sent_at"].min()),
                _due(part),
            )
            for (subject, name), part in rows.groupby(["subject", "class_name"], sort=False)
        ]
        found.append(
            Reminder(
                str(code), str(rows["teacher_name"].iloc[0]), len(rows), int(rows["is_overdue"].sum()), int(rows["is_judged"].sum()),
                from_us(rows["sent_at"].min()), float(rows["days"].max()), tuple(parts),
            )
        )  # fmt: skip
    return found


def names_teachers(scope: Scope) -> bool:
    """Tell whether the scope names any teacher who could be reminded."""
    return scope.teachers in ("all", "unit", "self")


def _waits(duties: pd.DataFrame, as_of_us: int) -> npt.NDArray[np.bool_]:
    state = states(duties, as_of_us)
    result: npt.NDArray[np.bool_] = (state == STATES.index("open")) | (state == STATES.index("overdue"))
    return result


def _named(view: View) -> npt.NDArray[np.bool_]:
    """Tell for each teacher code whether the view names him; the last place is for what nobody holds."""
    ledger, scope = view.ledger, view.scope
    codes, units = ledger.labels["teacher"], ledger.labels["unit"][ledger.teachers["unit"].to_numpy()]
    if scope.teachers == "unit":
        named = units == scope.unit
    elif scope.teachers == "self":
        named = codes == scope.staff_code
    else:
        named = np.full(len(codes), scope.teachers == "all")
    if view.filters.teacher is not None:
        named = named & (codes == view.filters.teacher)
    everything = scope.teachers == "all" and view.filters.teacher is None
    return np.append(named.astype(bool), everything)


def _due(rows: pd.DataFrame) -> datetime | None:
    first = int(rows["due_at"].min())
    return None if first == NEVER else from_us(first)
