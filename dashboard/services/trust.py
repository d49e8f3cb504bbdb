"""Where a figure comes from: the newest imports, whether they are stale, and the next deadline."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import numpy as np

from dashboard.services.filters import View
from dashboard.services.store import Store
from data.corrections import BY_HAND
from data.db import reading
from data.instants import TAIPEI, from_us, to_us
from data.metrics.completion import STATES, states
from data.queries import LastImport, last_imports
from data.regulation.calendar import working_calendar
from data.rosters.kinds import all_kinds

STALE_WORKING_DAYS = 3
DAILY = "outcomes"  # the list that a school brings in day by day


@dataclass(frozen=True, slots=True)
class Trust:
    """What the trust line says. imported_at, kind, source and sha256: the newest import of what the page rests on."""

    as_of: datetime
    imported_at: datetime | None
    kind: str
    source: str
    sha256: str
    is_stale: bool
    stale_days: int
    next_deadline: tuple[str, datetime, int] | None  # task, the instant the window ends, certifications due by then


def trust_of(store: Store, view: View, *, rests_on: Sequence[str]) -> Trust:
    """Say what the figures of a view rest on. rests_on: kinds of rosters.

    Only the certification list comes daily, so that only what rests on it grows stale: a list handed in once a year does not.
    """
    deadline = store.kept((*view.key, "deadline"), lambda: _next_deadline(view))
    with reading(store.engine) as connection:
        imports: list[LastImport] = last_imports(connection)
    lists = [one for one in imports if one.kind in rests_on]
    newest = max(lists, key=lambda one: one.imported_us, default=None)
    if newest is None:
        return Trust(view.filters.as_of, None, "", "", "", is_stale=False, stale_days=0, next_deadline=deadline)
    imported_at = from_us(newest.imported_us)
    today = datetime.now(TAIPEI).date()
    days = int(np.busday_count(imported_at.date(), today, busdaycal=working_calendar()))
    return Trust(
        view.filters.as_of, imported_at, newest.kind, newest.file_name, newest.sha256[:8],
        is_stale=newest.kind == DAILY and days > STALE_WORKING_DAYS, stale_days=days, next_deadline=deadline,
    )  # fmt: skip


@dataclass(frozen=True, slots=True)
class Source:
    """The newest import of a kind, as an export names it. title: the kind in words."""

    title: str
    file_name: str
    sha256: str
    imported_at: datetime


def sources_of(store: Store) -> list[Source]:
    """Return the imports that the figures rest on: the newest of each kind, newest first."""
    titles = {kind.key: kind.title for kind in all_kinds()} | {BY_HAND: "人工登錄"}
    with reading(store.engine) as connection:
        imports = last_imports(connection)
    return [
        Source(
            titles.get(one.kind, one.kind),
            "" if one.kind == BY_HAND else one.file_name,
            one.sha256,
            from_us(one.imported_us),
        )
        for one in imports
    ]  # what is entered by hand says whom it is about and why: no file, and not for everybody who may export


def _next_deadline(view: View) -> tuple[str, datetime, int] | None:
    windows = view.whole.windows_of(view.filters.term, "upload", "certify")
    windows = windows[windows["ends_at"] > to_us(view.filters.as_of)]
    if view.filters.grade is not None:
        windows = windows[windows["grade"] == view.filters.grade]
    if windows.empty:
        return None
    first = windows.sort_values("ends_at").iloc[0]
    task, ends_us = str(first["task"]), int(first["ends_at"])
    if task != "certify":  # uploading is the student's choice: nothing of it is due
        return task, from_us(ends_us), 0
    duties = view.ledger.of_term(view.filters.term)
    is_open = states(duties, to_us(view.filters.as_of)) == STATES.index("open")
    return task, from_us(ends_us), int((is_open & (duties["due_at"].to_numpy() <= ends_us)).sum())
