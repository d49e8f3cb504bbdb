"""Restoring a backup: the schema is built anew and filled in one transaction, and what was there before is kept."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

from sqlalchemy import Boolean, Connection, Engine, MetaData, Table, func, insert, inspect, select, table, text, update

from data.audit import append, read_head
from data.backup import BackupError, Manifest, digest_of, open_backup, quoted, rows_of, tables_of
from data.db import insert_rows, knows_revision, migrate_to, read_data_version, writing
from data.instants import TAIPEI
from data.jobs import CANCELLED, ENDED
from data.models import AuditEvent, DataVersion, Job

SAYS_IT_IS_USED = ("users", "imports", "settings", "jobs")  # a database with a row in one of these is somebody's
JOB_ENDED = "資料庫由備份還原，這一次交件的檔案不在了；請重新交檔"


def restore(
    engine: Engine,
    path: Path,
    *,
    by: str,
    replace: bool = False,
    keep: Callable[[], str] = lambda: "",
    at: datetime | None = None,
) -> Manifest:
    """Put a backup in place of an empty database, or with replace of a used one: all of it or nothing.

    keep: called while nobody else can write and before anything is dropped; returns under what name the old database is
    kept. A backup of an older schema is migrated. Nobody stays logged in, hand-ins that had not ended are cancelled, and the
    data version is one that no cache has seen. Raises BackupError.
    """
    moment = at or datetime.now(TAIPEI)
    with open_backup(path) as (file, manifest):
        if not knows_revision(manifest.schema_revision):
            raise BackupError(
                f"{path.name} 是較新版本的歷程做的（結構 {manifest.schema_revision}），請先升級歷程再還原"
            )
        with writing(engine) as connection:
            version = _version_of(connection)
            kept, head = "", _head_of(connection)
            if is_used(connection):
                if not replace:
                    raise BackupError(
                        "資料庫裡已經有資料；確定要換成備份的內容，請加上 --replace（現有的資料會另外留存）"
                    )
                kept = keep()
            _drop_everything(connection)
            migrate_to(connection, manifest.schema_revision)
            _fill(connection, file, manifest)
            migrate_to(connection, "head")
            _settle(connection, above=version, at=moment)
            detail = {
                "file": path.name,
                "made_at": manifest.made_at.isoformat(),
                "rows": manifest.row_count,
                "kept": kept,
            }
            append(connection, at=moment, actor=by, action="backup_restored", detail=detail | head)
    return manifest


def is_used(connection: Connection) -> bool:
    """Tell whether a database holds anything that somebody put there."""
    there = set(inspect(connection).get_table_names())
    return any(
        connection.execute(select(text("1")).select_from(table(name)).limit(1)).first() is not None
        for name in SAYS_IT_IS_USED
        if name in there
    )


def _version_of(connection: Connection) -> int:
    if DataVersion.__tablename__ not in inspect(connection).get_table_names():
        return 0
    found = connection.execute(select(func.max(DataVersion.version))).scalar()
    return int(found or 0)


def _head_of(connection: Connection) -> dict[str, Any]:
    """Return where the log of the old database ended, so that the kept copy can be held against it."""
    seen = inspect(connection)
    name = AuditEvent.__tablename__
    if name not in seen.get_table_names() or "hash" not in {column["name"] for column in seen.get_columns(name)}:
        return {}
    number, seal = read_head(connection)
    return {"old_log_number": number, "old_log_head": seal} if number else {}


def _drop_everything(connection: Connection) -> None:
    """Empty the schema: triggers first, as those of the audit log refuse to let rows go; children before parents."""
    if connection.dialect.name == "sqlite":
        for kind, name in connection.exec_driver_sql(
            "SELECT type, name FROM sqlite_schema WHERE type IN ('trigger', 'view')"
        ).all():
            connection.exec_driver_sql(f"DROP {kind} {quoted(name)}")
    for name in reversed(_in_order(connection)):
        cascade = "" if connection.dialect.name == "sqlite" else " CASCADE"
        connection.exec_driver_sql(f"DROP TABLE {quoted(name)}{cascade}")
    if connection.dialect.name == "postgresql":
        functions = connection.exec_driver_sql(
            "SELECT p.oid::regprocedure::text FROM pg_proc p WHERE p.pronamespace = current_schema()::regnamespace"
            " AND NOT EXISTS (SELECT 1 FROM pg_depend d WHERE d.objid = p.oid AND d.deptype = 'e')"
        ).scalars()
        for signature in list(functions):
            connection.exec_driver_sql(f"DROP FUNCTION {signature} CASCADE")


def _in_order(connection: Connection) -> list[str]:
    """Return every table, parents before their children."""
    ordered = inspect(connection).get_sorted_table_and_fkc_names()
    return [name for name, _ in ordered if name is not None]


def _fill(connection: Connection, file: Any, manifest: Manifest) -> None:
    """Copy every row as it was, and read it back."""
    there = tables_of(connection)
    odd = sorted(set(manifest.tables) - set(there))
    if odd:
        raise BackupError(f"備份裡有這個版本沒有的資料表：{'、'.join(odd)}")
    with _without_triggers(connection):
        for name in _in_order(connection):
            if name not in manifest.tables:
                continue
            connection.exec_driver_sql(f"DELETE FROM {quoted(name)}")  # nosec B608 # noqa: S608 - what a migration put there by itself
            columns = [row[1] for row in file.execute(f"PRAGMA table_info({quoted(name)})")]
            if set(columns) - set(there[name]):
                raise BackupError(f"備份裡「{name}」的欄位和這個版本不同")
            rows = file.execute(f"SELECT * FROM {quoted(name)} ORDER BY rowid")  # nosec B608 # noqa: S608 - one of the backup's tables
            truths = _truths(connection, name, columns)  # asked before: a COPY leaves no room for another question
            insert_rows(connection, Table(name, MetaData()), [quoted(each) for each in columns], _typed(rows, truths))
            if digest_of(rows_of(connection, name, columns)) != manifest.tables[name]:
                raise BackupError(f"「{name}」寫入後讀回來和備份不一樣；沒有改變任何資料")
            if connection.dialect.name == "postgresql":
                _count_on(connection, name)
    if (
        connection.dialect.name == "sqlite"
        and connection.exec_driver_sql("PRAGMA foreign_key_check").first() is not None
    ):
        raise BackupError("備份裡有資料指向不存在的資料；沒有改變任何資料")


def _truths(connection: Connection, name: str, columns: list[str]) -> list[int]:
    """Return the places of truth values that PostgreSQL wants back as such; dates it reads as text."""
    if connection.dialect.name == "sqlite":
        return []
    kinds = {column["name"]: column["type"] for column in inspect(connection).get_columns(name)}
    return [position for position, each in enumerate(columns) if isinstance(kinds[each], Boolean)]


def _typed(rows: Any, truths: list[int]) -> Iterator[tuple[Any, ...]]:
    for row in rows:
        values = list(row)
        for position in truths:
            values[position] = None if values[position] is None else bool(values[position])
        yield tuple(values)


@contextmanager
def _without_triggers(connection: Connection) -> Iterator[None]:
    """Fill as if no trigger were there: the log that may only grow has to be put back once."""
    if connection.dialect.name == "sqlite":
        connection.exec_driver_sql("PRAGMA defer_foreign_keys=ON")
        found = connection.exec_driver_sql("SELECT name, sql FROM sqlite_schema WHERE type = 'trigger'").all()
        for name, _ in found:
            connection.exec_driver_sql(f"DROP TRIGGER {quoted(name)}")
        yield
        for _, statement in found:
            connection.exec_driver_sql(statement)
        return
    states = {"O": "ENABLE", "A": "ENABLE ALWAYS", "R": "ENABLE REPLICA"}
    triggers = connection.exec_driver_sql(
        "SELECT t.tgrelid::regclass::text, t.tgname, t.tgenabled FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid"
        " WHERE NOT t.tgisinternal AND c.relnamespace = current_schema()::regnamespace AND t.tgenabled <> 'D'"
    ).all()
    for on, name, _ in triggers:
        connection.exec_driver_sql(f"ALTER TABLE {on} DISABLE TRIGGER {quoted(name)}")
    yield
    for on, name, state in triggers:
        state = state.decode() if isinstance(state, bytes) else state
        connection.exec_driver_sql(f"ALTER TABLE {on} {states[state]} TRIGGER {quoted(name)}")


def _count_on(connection: Connection, name: str) -> None:
    """Let PostgreSQL's own numbering go on after the highest id."""
    for column in inspect(connection).get_pk_constraint(name)["constrained_columns"]:
        asked = text("SELECT pg_get_serial_sequence(:name, :column)")
        sequence = connection.execute(asked, {"name": quoted(name), "column": column}).scalar()
        if sequence is not None:
            highest = f"SELECT max({quoted(column)}) AS m FROM {quoted(name)}"  # nosec B608 # noqa: S608 - the database's own names
            statement = f"SELECT setval(:sequence, coalesce(m, 1), m IS NOT NULL) FROM ({highest}) AS found"  # nosec B608 # noqa: S608
            connection.execute(text(statement), {"sequence": sequence})


def _settle(connection: Connection, *, above: int, at: datetime) -> None:
    """Leave nothing half-done: hand-ins are over, and every cache will see that the data are others."""
    waiting = Job.state.not_in(ENDED)
    connection.execute(update(Job).where(waiting).values(state=CANCELLED, error=JOB_ENDED, plan="", finished_at=at))
    found = connection.execute(select(DataVersion.id)).first()
    if found is None:
        connection.execute(insert(DataVersion).values(id=1, version=above + 1))
        return
    version = max(above, read_data_version(connection)) + 1
    connection.execute(update(DataVersion).values(version=version))
