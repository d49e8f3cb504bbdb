"""The audit log: one event a row, each sealed with a secret over its content and the row before it (docs/adr/0012)."""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Iterable, Mapping
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import datetime
from itertools import chain
from typing import Any, Final

from sqlalchemy import BigInteger, Connection, delete, func, insert, inspect, select, text, type_coerce

from data.instants import to_us
from data.models import AuditEvent

GENESIS: Final = "0" * 64  # what the first row says came before it
KEY: Final = "audit_key"  # the engine's execution option that holds the chain's secret (data.db.open_engine)
NO_KEY: Final = b"none"  # as that secret: there is a log, and what sealed it is elsewhere
PRUNED: Final = "audit_pruned"
# In which role, and for whom, the person of this request acts: part of every event of the request.
_acting: Final[ContextVar[Mapping[str, str]]] = ContextVar("acting", default={})  # noqa: B039 - never written to
_LOCK: Final = 4118  # PostgreSQL's; SQLite has one writer by nature
_LONGEST: Final = 200


@dataclass(frozen=True, slots=True)
class Entry:
    """A row as it is sealed: the instant as microseconds, detail as the text that is stored."""

    sequence: int
    happened_us: int
    actor: str
    action: str
    about: str
    detail: str
    previous_hash: str
    hash: str = ""


@dataclass(frozen=True, slots=True)
class Fault:
    """What is wrong with the rows first to last: changed, missing, unlinked, or cut (the anchored head is not there)."""

    kind: str
    first: int
    last: int


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a look at the whole chain found; number and hash are those of its last row. noted: where the noted seal is, else 0."""

    count: int
    number: int
    hash: str
    faults: tuple[Fault, ...]
    noted: int = 0


def seal(entry: Entry, *, key: bytes) -> str:
    """Return the seal of a row: HMAC-SHA256 over its content in one fixed form, its place and the seal before it."""
    content = [
        entry.sequence,
        entry.happened_us,
        entry.actor,
        entry.action,
        entry.about,
        entry.detail,
        entry.previous_hash,
    ]
    written = json.dumps(content, ensure_ascii=True, separators=(",", ":"))
    return hmac.new(key, written.encode("ascii"), hashlib.sha256).hexdigest()


def find_faults(entries: Iterable[Entry], *, key: bytes, head: str = "", after: Entry | None = None) -> Verdict:
    """Look at every row in order. head: the seal of a row noted elsewhere earlier; without one a cut tail cannot be seen.

    changed: the content, the place or the seal is not what was sealed (an inserted row has no seal that fits either).
    missing: places that no row has. unlinked: a sound row that does not follow the row before it. A log may begin later
    than at 1 where a sound row says that what came before was removed in due time (prune). after: the row before the first
    of them, where not all are looked at.
    """
    faults: list[Fault] = []
    before, count, noted = after or Entry(0, 0, "", "", "", "", "", GENESIS), 0, 0
    beginning: dict[str, Any] = {}
    begins_rightly = True
    for entry in entries:
        count += 1
        if count == 1 and entry.sequence > 1 and after is None:
            beginning, begins_rightly = {"through": entry.sequence - 1, "hash": entry.previous_hash}, False
            first = Fault("missing", 1, entry.sequence - 1)
        elif entry.sequence > before.sequence + 1:
            _note(faults, "missing", before.sequence + 1, entry.sequence - 1)
        if seal(entry, key=key) != entry.hash:
            _note(faults, "changed", entry.sequence, entry.sequence)
        elif entry.sequence == before.sequence + 1 and entry.previous_hash != before.hash:
            _note(faults, "unlinked", entry.sequence, entry.sequence)
        elif entry.action == PRUNED and beginning.items() <= json.loads(entry.detail).items():
            begins_rightly = True
        if entry.hash == head:
            noted = entry.sequence
        before = entry
    if not begins_rightly:
        faults.insert(0, first)
    if head and not noted:
        faults.append(Fault("cut", before.sequence, before.sequence))
    return Verdict(count, before.sequence, before.hash, tuple(faults), noted)


def _note(faults: list[Fault], kind: str, first: int, last: int) -> None:
    """Add a fault, or make the last one longer: a wrong key would say a hundred thousand lines else."""
    if faults and faults[-1].kind == kind and faults[-1].last == first - 1:
        first = faults.pop().first
    faults.append(Fault(kind, first, last))


def act(**said: str) -> None:
    """Say in which role, and for whom, what this thread does from now on is done; said with nothing, in none."""
    _acting.set({name: value for name, value in said.items() if value})


def append(
    connection: Connection, *, at: datetime, actor: str, action: str, detail: Mapping[str, Any] | None = None, about: str = ""
) -> None:  # fmt: skip
    """Write one event at the chain's end, in the transaction of what it tells of; call it last in that transaction.

    actor: an account's name. about: whom or what it is about, as `kind:code`. detail: codes and counts. No personal names.
    Raises NoKeyError, so that nothing of the transaction is done.
    """
    if connection.get_execution_options().get(KEY) == NO_KEY:
        raise NoKeyError
    if connection.dialect.name == "postgresql":
        # Taken last and held until the commit, so that every writer locks in the same order and none can deadlock.
        connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _LOCK})
    last = connection.execute(
        select(AuditEvent.sequence, AuditEvent.hash).order_by(AuditEvent.sequence.desc()).limit(1)
    ).first()
    entry = Entry(
        (last.sequence if last else 0) + 1, to_us(at), one_line(actor), action, one_line(about),
        _written({**_acting.get(), **(detail or {})}), last.hash if last else GENESIS,
    )  # fmt: skip
    values = {
        "sequence": entry.sequence, "happened_at": at, "actor": entry.actor, "action": entry.action, "about": entry.about,
        "detail": entry.detail, "previous_hash": entry.previous_hash, "hash": seal(entry, key=key_of(connection)),
    }  # fmt: skip
    connection.execute(insert(AuditEvent).values(values))


def _written(detail: Mapping[str, Any]) -> str:
    return json.dumps(detail, ensure_ascii=False)


def one_line(said: str) -> str:
    """Return text from outside as one line that both databases take."""
    return "".join(each if each.isprintable() else "\ufffd" for each in said)[:_LONGEST]


def key_of(connection: Connection) -> bytes:
    """Return the chain's secret that the engine was opened with."""
    key: bytes = connection.get_execution_options().get(KEY, b"")
    return key


def pseudonym(said: str, *, key: bytes) -> str:
    """Return what stands for a number or name in the log: the same each time, and nobody's without the secret."""
    return hmac.new(key, f"pseudonym:{said}".encode("utf-8", "replace"), hashlib.sha256).hexdigest()[:20]


def read_entries(connection: Connection, *, since: int = 0) -> Iterable[Entry]:
    """Read the chain from a place on in order, a piece at a time, as it is stored: a date past all calendars must not stop the look."""
    stored = type_coerce(AuditEvent.happened_at, BigInteger)
    columns = (AuditEvent.sequence, stored, AuditEvent.actor, AuditEvent.action, AuditEvent.about,
               AuditEvent.detail, AuditEvent.previous_hash, AuditEvent.hash)  # fmt: skip
    ordered = select(*columns).where(AuditEvent.sequence >= since).order_by(AuditEvent.sequence, AuditEvent.id)
    found = connection.execute(ordered, execution_options={"yield_per": 5000})
    for row in found:
        place = row.sequence if isinstance(row.sequence, int) else 0  # SQLite takes text where a number is due
        yield Entry(place, *row[1:])


def verify(connection: Connection, *, head: str = "", newest: int = 0) -> Verdict:
    """Look at the stored chain, or at that many of its newest rows only: a million takes a quarter of a minute."""
    since = read_head(connection)[0] - newest if newest else 0
    entries = iter(read_entries(connection, since=max(since, 0)))
    after = next(entries, None) if since > 0 else None
    if after is not None and after.sequence > since:  # the row to begin from is missing itself
        entries, after = chain([after], entries), Entry(since - 1, 0, "", "", "", "", "")
    return find_faults(entries, key=key_of(connection), head=head, after=after)


def is_begun(connection: Connection) -> bool:
    """Tell whether there is a sealed log with anything in it: a new database has none, nor has one from before the seals."""
    here, table = inspect(connection), AuditEvent.__tablename__
    is_sealed = here.has_table(table) and "sequence" in {each["name"] for each in here.get_columns(table)}
    return is_sealed and read_head(connection)[0] > 0


def read_head(connection: Connection) -> tuple[int, str]:
    """Return number and seal of the last row, to be noted where nobody who can write the database can reach."""
    last = connection.execute(
        select(AuditEvent.sequence, AuditEvent.hash).order_by(AuditEvent.sequence.desc()).limit(1)
    ).first()
    return (last.sequence, last.hash) if last else (0, GENESIS)


class NoKeyError(ValueError):
    """The log was sealed with a secret that is not here, so nothing may be added to it."""

    def __init__(self) -> None:
        super().__init__(
            "沒有寫入任何資料：這個資料夾沒有這個資料庫的金鑰（audit.key）。請到原來的資料夾執行，或以 LICHENG_INSTANCE_DIR 指定它；"
            "金鑰遺失時的做法在 docs/operations.md 的「稽核紀錄」"
        )


class BrokenChainError(ValueError):
    """The chain is not whole, so nothing may be removed from it."""


def prune(connection: Connection, *, before: datetime, by: str, at: datetime) -> int:
    """Remove what is older than `before` from the chain's beginning; return how many rows that was.

    The event that says so holds the place and the seal of the last row removed: what is left can be looked at as before.
    Raises BrokenChainError where the chain is not whole: removing rows would hide what was done to them.
    """
    if verify(connection).faults:
        raise BrokenChainError
    kept = connection.execute(select(func.min(AuditEvent.sequence)).where(AuditEvent.happened_at >= before)).scalar()
    old = select(AuditEvent.sequence, AuditEvent.hash).order_by(AuditEvent.sequence.desc()).limit(1)
    last = connection.execute(old if kept is None else old.where(AuditEvent.sequence < kept)).first()
    if last is None:
        return 0
    append(connection, at=at, actor=by, action=PRUNED, detail={"through": last.sequence, "hash": last.hash})
    triggers = _without_triggers(connection)
    removed = connection.execute(delete(AuditEvent).where(AuditEvent.sequence <= last.sequence)).rowcount
    for statement in triggers:
        connection.execute(text(statement))
    return int(removed)


def _without_triggers(connection: Connection) -> list[str]:
    """Take the triggers away for the rest of the transaction; return what puts them back."""
    if connection.dialect.name == "postgresql":
        connection.execute(text("ALTER TABLE audit_events DISABLE TRIGGER USER"))
        return ["ALTER TABLE audit_events ENABLE TRIGGER USER"]
    found = text("SELECT name, sql FROM sqlite_master WHERE type = 'trigger' AND tbl_name = 'audit_events'")
    triggers = connection.execute(found).all()
    for trigger in triggers:
        connection.execute(text(f"DROP TRIGGER {trigger.name}"))
    return [trigger.sql for trigger in triggers]
