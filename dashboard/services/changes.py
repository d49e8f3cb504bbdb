"""Why the number moved: a view's certifications between two instants, cause by cause."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

import pandas as pd

from dashboard.services.filters import View
from dashboard.services.store import Store
from data.instants import TAIPEI
from data.metrics import Question
from data.metrics.change import CAUSES, change

USUAL_DAYS = 7


@dataclass(frozen=True)
class Change:
    """The step of a view between two instants. levels: before and after; causes: one row a cause, in the order of CAUSES.

    Columns: cause, expected, done, on_time, late, open, overdue, exempt and waiting (open and overdue together).
    """

    since: datetime
    as_of: datetime
    before: dict[str, int]
    after: dict[str, int]
    causes: pd.DataFrame


def certify_change(store: Store, view: View) -> Change:
    """Explain what became of a view's certifications since the day asked for, a week before as_of where none is."""
    return store.kept((*view.key, "change"), lambda: _compute(view))


def _end_of_day(instant: datetime) -> datetime:
    """A day on the screen is asked for as its end, so that the same day says the same whenever it is looked at."""
    day = (instant - timedelta(microseconds=1)).date()
    return datetime(day.year, day.month, day.day, tzinfo=TAIPEI) + timedelta(days=1)


def _compute(view: View) -> Change:
    filters = view.filters
    since = filters.since or _end_of_day(filters.as_of - timedelta(days=USUAL_DAYS))
    table = change(view.ledger, view.ledger, Question(filters.term, filters.as_of, stage="certify", since=since))
    table["waiting"] = table["open"] + table["overdue"]
    levels = table.set_index("cause").drop(columns=["key", "name", "completion"]).astype("int64")
    return Change(
        since=since,
        as_of=filters.as_of,
        before=levels.loc["before"].to_dict(),
        after=levels.loc["after"].to_dict(),
        causes=levels.loc[list(CAUSES)].reset_index(),
    )
