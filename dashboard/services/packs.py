"""Packs: what a meeting's evidence needs beside the pages, and the frozen files themselves."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import pandas as pd
from sqlalchemy import Connection

from dashboard.services.accounts import record
from dashboard.services.filters import View
from dashboard.services.store import Store
from data.db import reading, writing
from data.instants import NEVER, TAIPEI, to_us
from data.metrics import Question, completion, crosscheck
from data.metrics.change import CAUSES, change
from data.packs import BrokenPackError, Pack, add_pack, find_pack, list_packs
from data.queries import training_sessions
from data.rosters.windows import TASKS

__all__ = [
    "Pack",
    "by_department",
    "calendar_ahead",
    "cross_checks",
    "freeze",
    "frozen_already",
    "moved_since",
    "now",
    "pack",
    "packs",
    "training_held",
]


def by_department(view: View) -> pd.DataFrame:
    """Return the completion of certifying by department, as the report says it."""
    return completion.answer(
        view.ledger, Question(view.filters.term, view.filters.as_of, by="department", stage="certify")
    )


def cross_checks(view: View) -> tuple[int, int]:
    """Return how many counts of the platform are known, and how many of them differ from the ledger's."""
    ask = Question(view.filters.term, view.filters.as_of, by="teacher", stage="certify")
    found = crosscheck.answer(view.ledger, ask)
    return len(found), int((found["difference"] != 0).sum())


def calendar_ahead(view: View) -> pd.DataFrame:
    """Return the windows of the term and its school year that end after as_of: task, grade, starts_at, last_at, unit."""
    ledger, term = view.ledger, view.filters.term
    windows = pd.concat([ledger.windows_of(term), ledger.windows_of(term // 10 * 10)])
    windows = windows[windows["ends_at"] > to_us(view.filters.as_of)].sort_values(["ends_at", "task", "grade"])
    return pd.DataFrame(
        {
            "task": [_title(task) for task in windows["task"]], "grade": windows["grade"], "starts_at": windows["starts_at"],
            "last_at": [end - 1 if end != NEVER else NEVER for end in windows["ends_at"]], "unit": windows["unit"],
        }
    ).reset_index(drop=True)  # fmt: skip


def _title(task: str) -> str:
    return next((title for title, known in TASKS.items() if known == task.removesuffix("_1").removesuffix("_2")), task)


def training_held(store: Store, view: View) -> pd.DataFrame:
    """Return the sessions held in the school year by as_of: kind, audience, sessions, attendees (NA where none was counted)."""
    with reading(store.engine) as connection:
        frame = training_sessions(connection, view.filters.term // 10)
    frame = frame[frame["held_at"] <= to_us(view.filters.as_of)]
    held = frame.groupby(["kind", "audience"], sort=True)["attendee_count"].agg(["size", lambda n: n.sum(min_count=1)])
    held.columns = pd.Index(["sessions", "attendees"])
    return held.reset_index()


def frozen_already(store: Store, views: Mapping[str, View]) -> list[int]:
    """Return the numbers of these editions where each was frozen before, of the same term, hour and data; empty where one was not.

    Frozen again they would say the same and stay for good: a pack is never removed.
    """
    with reading(store.engine) as connection:
        found = [
            _frozen_of(connection, edition, view.filters.term, view.filters.as_of, view.version)
            for edition, view in views.items()
        ]
    return [number for number in found if number] if all(found) else []


def _frozen_of(connection: Connection, edition: str, term: int, as_of: datetime, version: int | None) -> int:
    """Return the number of the newest edition of a term and hour where it was counted from this data version; else 0."""
    asked = (edition, term, _hour(as_of))
    same = (each.id for each in list_packs(connection) if (each.edition, each.term, _hour(each.as_of)) == asked)
    newest = next(same, 0)
    try:
        found = find_pack(connection, newest)
    except BrokenPackError:  # what somebody changed stands for nothing
        return 0
    return newest if found is not None and version is not None and _version_of(found[1]) == version else 0


def _hour(as_of: datetime) -> datetime:
    """Return the hour that an instant ends or lies in: a window closes on the hour, so that none does within one."""
    return (as_of.astimezone(TAIPEI) - timedelta(microseconds=1)).replace(minute=0, second=0, microsecond=0)


def _version_of(archive: bytes) -> int | None:
    with zipfile.ZipFile(io.BytesIO(archive)) as opened:
        manifest: dict[str, Any] = json.loads(opened.read("manifest.json"))
    return manifest.get("data_version")  # packs from before it was noted have none


def freeze(store: Store, made: Sequence[tuple[Pack, bytes]], *, by: str) -> list[int]:
    """Keep the editions of a pack with their archives, all or none, and return their numbers; those there are where somebody was quicker."""
    with writing(store.engine) as connection:
        there = [
            _frozen_of(connection, each.edition, each.term, each.as_of, _version_of(content)) for each, content in made
        ]
        if made and all(there):
            return there
        ids = [add_pack(connection, each, content) for each, content in made]
    for each, _content in made:
        detail: dict[str, object] = {"term": each.term, "as_of": each.as_of.isoformat(), "edition": each.edition, "sha256": each.sha256}  # fmt: skip
        record(store, by, "pack_frozen", detail)
    return ids


def packs(store: Store, *, editions: frozenset[str]) -> list[Pack]:
    """Return the packs of these editions, newest first."""
    with reading(store.engine) as connection:
        return [each for each in list_packs(connection) if each.edition in editions]


def pack(store: Store, number: int, *, editions: frozenset[str]) -> tuple[Pack, bytes] | None:
    """Return a pack with its archive; None where there is none of these editions by that number."""
    with reading(store.engine) as connection:
        found = find_pack(connection, number)
    return found if found is not None and found[0].edition in editions else None


@dataclass(frozen=True)
class Moved:
    """A pack then and now, in counts of certifying: expected, done, overdue, waiting.

    frozen: as it was frozen; recounted: the same instant as counted today, later imports may say more of it; causes: one
    row a cause from there to now.
    """

    frozen: dict[str, int]
    recounted: dict[str, int]
    now: dict[str, int]
    causes: pd.DataFrame
    as_of: datetime


def moved_since(store: Store, view: View, frozen: Pack) -> Moved:
    """Explain what became of a pack's certifications until the view's instant; the parts sum to the change."""
    found = pack(store, frozen.id, editions=frozenset({frozen.edition}))
    assert found is not None  # nosec B101 # noqa: S101 - a pack is never removed
    rows = _frozen_rows(found[1], "departments")
    as_of = max(view.filters.as_of, frozen.as_of)
    question = Question(view.filters.term, as_of, stage="certify", since=frozen.as_of)
    levels = change(view.ledger, view.ledger, question).set_index("cause").drop(columns=["key", "name", "completion"])
    levels = levels.astype("int64")
    levels["waiting"] = levels["open"] + levels["overdue"]
    total = {name: sum(int(row[name]) for row in rows) for name in ("expected", "on_time", "late", "open", "overdue")}
    then = {
        "expected": total["expected"], "done": total["on_time"] + total["late"], "overdue": total["overdue"],
        "waiting": total["open"] + total["overdue"],
    }  # fmt: skip
    causes = levels.loc[list(CAUSES)].reset_index()
    return Moved(then, levels.loc["before"].to_dict(), levels.loc["after"].to_dict(), causes, as_of)


def _frozen_rows(archive: bytes, key: str) -> list[dict[str, Any]]:
    with zipfile.ZipFile(io.BytesIO(archive)) as opened:
        evidence = json.loads(opened.read("evidence.json"))
    (table,) = [table for part in evidence["parts"] for table in part["tables"] if table["key"] == key]
    keys = [column["key"] for column in table["columns"]]
    return [dict(zip(keys, row, strict=True)) for row in table["rows"]]


def now() -> datetime:
    """Return the present to the second, as a pack states it."""
    return datetime.now(TAIPEI).replace(microsecond=0)
