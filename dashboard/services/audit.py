"""The audit log as people ask for it: what it holds of a day, a person or a thing, and whether its chain is whole."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Any

import pandas as pd
from sqlalchemy import Select, func, or_, select

from dashboard.services.store import Store
from data.audit import (
    GENESIS,
    BrokenChainError,
    Fault,
    Verdict,
    act,
    append,
    key_of,
    one_line,
    pseudonym,
    read_head,
    verify,
)
from data.audit import prune as remove_old
from data.db import reading
from data.instants import TAIPEI
from data.models import AuditEvent
from data.school import read_settings

__all__ = ["GENESIS", "BrokenChainError", "Checked", "Event", "Fault", "Query", "Verdict", "about_student", "act", "check", "head_of", "look_at", "prune", "read_query", "record"]  # fmt: skip

PAGE_ROWS = 50
CHECKED_ROWS = 20_000  # on the page: a third of a second
MOST_EXPORTED = 50_000


@dataclass(frozen=True, slots=True)
class Query:
    """What is asked of the log. about: the codes under which the thing may stand, none where nothing was asked."""

    since: datetime | None = None
    until: datetime | None = None  # exclusive
    action: str = ""
    actor: str = ""
    about: tuple[str, ...] = ()
    page: int = 1


@dataclass(frozen=True, slots=True)
class Event:
    """An event as it is shown. about_kind, about_code: the two halves of `kind:code`."""

    number: int
    at: datetime
    actor: str
    action: str
    about_kind: str
    about_code: str
    detail: Mapping[str, Any]
    hash: str


@dataclass(frozen=True, slots=True)
class Checked:
    """What a look at the chain found, when that was, and how many events there are in all."""

    verdict: Verdict
    at: datetime
    total: int


def record(store: Store, *, actor: str, action: str, about: str = "", detail: Mapping[str, Any] | None = None) -> None:
    """Write one event that is no part of a change; what fails here must not happen."""
    with (
        store.engine.begin() as connection
    ):  # not data.db.writing: on PostgreSQL that waits for a running import to end
        append(connection, at=datetime.now(TAIPEI), actor=actor, action=action, about=about, detail=detail)


def about_student(store: Store, number: str) -> str:
    """Return what stands for a student in the log: the same for the same 學號, which cannot be read back from it."""
    with store.engine.connect() as connection:
        key = key_of(connection)
        connection.rollback()
    return f"student:{pseudonym(number, key=key)}"


def read_query(store: Store, asked: Mapping[str, str]) -> Query:
    """Read a page's query; what nobody understands asks for nothing. about: a 教師代碼, 學號, class, account or import."""
    first, last = _day(asked.get("from", "")), _day(asked.get("to", ""))
    page = asked.get("page", "")
    return Query(
        since=None if first is None else datetime.combine(first, time(), TAIPEI),
        until=None if last is None else datetime.combine(last + timedelta(days=1), time(), TAIPEI),
        action=one_line(asked.get("action", "")),
        actor=one_line(asked.get("actor", "").strip()),
        about=_codes(store, one_line(asked.get("about", "").strip())),
        page=int(page) if page.isascii() and page.isdigit() and 0 < int(page) < 10**6 else 1,
    )


def _day(said: str) -> date | None:
    try:
        day = date.fromisoformat(said)
    except ValueError:
        return None
    return day if date(2000, 1, 1) <= day < date(2200, 1, 1) else None


def _codes(store: Store, said: str) -> tuple[str, ...]:
    if not said:
        return ()
    kinds = ("teacher", "account", "class", "setting", "import", "student")
    return (said, *(f"{kind}:{said}" for kind in kinds), about_student(store, said))


def look_at(store: Store, query: Query, *, limit: int = PAGE_ROWS) -> tuple[int, list[Event]]:
    """Return how many events match, and a page of them, newest first."""
    chosen = _chosen(query)
    with reading(store.engine) as connection:
        total = connection.execute(select(func.count()).select_from(chosen.subquery())).scalar_one()
        newest = chosen.order_by(AuditEvent.sequence.desc()).limit(limit).offset((query.page - 1) * limit)
        return int(total), [_event(row) for row in connection.execute(newest)]


def _chosen(query: Query) -> Select[Any]:
    wanted = select(AuditEvent)
    if query.since is not None:
        wanted = wanted.where(AuditEvent.happened_at >= query.since)
    if query.until is not None:
        wanted = wanted.where(AuditEvent.happened_at < query.until)
    if query.action:
        wanted = wanted.where(AuditEvent.action == query.action)
    if query.actor:
        wanted = wanted.where(AuditEvent.actor == query.actor)
    if query.about:
        of_any_year = AuditEvent.about.like("class:%") & AuditEvent.about.endswith(
            f":{query.about[0]}", autoescape=True
        )
        wanted = wanted.where(or_(AuditEvent.about.in_(query.about), of_any_year))
    return wanted


def _event(row: Any) -> Event:
    kind, _, code = row.about.partition(":")
    try:
        detail = json.loads(row.detail)
    except ValueError:  # somebody wrote past data.audit: the chain says so
        detail = {}
    return Event(
        row.sequence, row.happened_at, row.actor, row.action, kind, code, detail if isinstance(detail, dict) else {}, row.hash
    )  # fmt: skip


def check(store: Store, *, head: str = "", newest: int = 0) -> Checked:
    """Look at the whole chain, or at that many of its newest events."""
    with reading(store.engine) as connection:
        total = connection.execute(select(func.count()).select_from(AuditEvent)).scalar_one()
        return Checked(verify(connection, head=head, newest=newest), datetime.now(TAIPEI), int(total))


def prune(store: Store, *, by: str, dry_run: bool = False) -> tuple[int, datetime]:
    """Remove what is older than the school's retention says; return how many events, and from which day on they stay.

    Raises BrokenChainError where the chain is not whole.
    """
    now = datetime.now(TAIPEI)
    with store.engine.connect() as connection, connection.begin() as transaction:
        years = read_settings(connection).audit_retention_years
        midnight = datetime.combine(now.date(), time(), TAIPEI)
        first_kept = (pd.Timestamp(midnight) - pd.DateOffset(years=years)).to_pydatetime()
        removed = remove_old(connection, before=first_kept, by=by, at=now)
        if dry_run:
            transaction.rollback()
    return removed, first_kept


def head_of(store: Store) -> tuple[int, str]:
    """Return number and seal of the newest event."""
    with reading(store.engine) as connection:
        return read_head(connection)
