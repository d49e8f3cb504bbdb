"""總覽's last chart: how far the 課程學習成果 of a school year have come, as the report leak counts them."""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd

from dashboard.services.filters import View
from dashboard.services.store import Store
from dashboard.services.suppression import leak_of_items
from data.instants import to_us
from data.metrics import Question, receipts

STEPS = ("uploaded", "certified", "selected", "submitted", "received", "confirmed")


@dataclass(frozen=True, slots=True)
class Leak:
    """How many items have come how far; None where nothing is known yet. The two last say how they were counted.

    submitted_by, received_by: item, count, or empty where nothing is known.
    """

    year: int
    steps: dict[str, int | None]
    submitted_by: str
    received_by: str


def leak_of(store: Store, view: View) -> Leak:
    """Count the items of a view's school year; kept per data version, scope and question."""
    return store.kept((*view.key, "leak"), lambda: _compute(store, view))


def _compute(store: Store, view: View) -> Leak:
    year, as_of = view.filters.term // 10, view.filters.as_of
    # Rounds belong to the school: a part of it, asked alone, would take an older one for the latest.
    rounds = receipts.rounds_at(store.ledger()[1], year, to_us(as_of))
    ask = Question(year * 10, as_of, "school", "upload")
    row = leak_of_items(view.ledger, view.scope, ask, rounds=rounds).iloc[0]
    steps = {step: None if pd.isna(row[step]) else int(row[step]) for step in STEPS}
    return Leak(year, steps, str(row["submitted_by"]), str(row["received_by"]))
