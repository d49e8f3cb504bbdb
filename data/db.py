"""The engine of a process: SQLite by default, PostgreSQL by URL; every writing transaction is immediate."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, Engine, Table, create_engine, event, func, insert, select, text, update
from sqlalchemy.engine import make_url

from data.models import DataVersion

MIGRATIONS = Path(__file__).parent / "migrations"
NEWEST = "head"


def normalise_url(url: str) -> str:
    """Name the installed PostgreSQL driver where the URL names none."""
    for plain in ("postgresql://", "postgres://"):
        if url.startswith(plain):
            return "postgresql+psycopg://" + url.removeprefix(plain)
    return url


def open_engine(url: str, *, audit_key: bytes = b"") -> Engine:
    """Open the database at url. SQLite: WAL, synchronous=FULL, foreign keys on; its folder is made when missing.

    audit_key: the secret that seals the audit log (data.audit); every connection of the engine carries it.
    """
    carried = {"audit_key": audit_key}
    url = normalise_url(url)
    parsed = make_url(url)
    if parsed.get_backend_name() != "sqlite":
        return create_engine(url, hide_parameters=True, pool_pre_ping=True, execution_options=carried)
    if parsed.database and parsed.database != ":memory:":
        file = Path(parsed.database)
        file.parent.mkdir(parents=True, exist_ok=True)
        if not file.exists():
            file.touch(mode=0o600)  # it holds the data of minors; WAL files take the same mode
    engine = create_engine(url, hide_parameters=True, connect_args={"timeout": 30}, execution_options=carried)

    @event.listens_for(engine, "connect")
    def _configure(connection: sqlite3.Connection, _record: object) -> None:
        connection.isolation_level = None  # the driver must not begin transactions of its own
        for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON", "busy_timeout=30000"):
            connection.execute(f"PRAGMA {pragma}")

    @event.listens_for(engine, "begin")
    def _begin(connection: Connection) -> None:
        # A deferred BEGIN that later wants to write fails at once when another writer is there; an immediate one waits.
        read_only = connection.get_execution_options().get("read_only", False)
        connection.exec_driver_sql("BEGIN" if read_only else "BEGIN IMMEDIATE")

    return engine


@contextmanager
def reading(engine: Engine) -> Iterator[Connection]:
    """A consistent view of the database for reading."""
    options: dict[str, Any] = {"read_only": True}
    if engine.dialect.name == "postgresql":
        options["isolation_level"] = "REPEATABLE READ"
    with engine.connect().execution_options(**options) as connection, connection.begin():
        yield connection


@contextmanager
def writing(engine: Engine) -> Iterator[Connection]:
    """One transaction that writes: all of it or nothing."""
    with engine.begin() as connection:
        if engine.dialect.name == "postgresql":  # SQLite has one writer by nature; imports must not cross here either
            connection.execute(text("SELECT pg_advisory_xact_lock(4117)"))
        yield connection


def insert_rows(connection: Connection, table: Table, columns: Sequence[str], rows: Iterable[tuple[Any, ...]]) -> None:
    """Insert plain tuples (instants as microseconds) the fastest way the driver has."""
    names = ", ".join(columns)
    if connection.dialect.name == "postgresql":
        cursor = connection.connection.cursor()
        with cursor.copy(f"COPY {table.name} ({names}) FROM STDIN") as copy:
            for row in rows:
                copy.write_row(row)
        return
    marks = ", ".join("?" * len(columns))
    batch = list(rows)
    if batch:
        statement = f"INSERT INTO {table.name} ({names}) VALUES ({marks})"  # nosec B608 # noqa: S608 - names are our own columns
        connection.exec_driver_sql(statement, batch)


def next_id(connection: Connection, table: Table) -> int:
    """Return the first free id of a table; within a writing transaction nobody else takes it."""
    return int(connection.execute(select(func.coalesce(func.max(table.c.id), 0))).scalar_one()) + 1


def raise_data_version(connection: Connection) -> None:
    """Raise the number that is part of every cache key."""
    connection.execute(update(DataVersion).values(version=DataVersion.version + 1))


def read_data_version(connection: Connection) -> int:
    """Return the current data version."""
    return int(connection.execute(select(DataVersion.version)).scalar_one())


def _config(connection: Connection) -> Config:
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    config.attributes["connection"] = connection
    return config


def migrate(engine: Engine) -> None:
    """Bring the database to the newest schema, in one transaction; run again it changes nothing."""
    with writing(engine) as connection:
        migrate_to(connection, NEWEST)
        if connection.execute(select(DataVersion.id)).first() is None:
            connection.execute(insert(DataVersion).values(id=1, version=1))


def migrate_to(connection: Connection, revision: str) -> None:
    """Bring the schema up to a revision, in the transaction of the connection."""
    command.upgrade(_config(connection), revision)


def knows_revision(revision: str) -> bool:
    """Tell whether the code has a schema revision; one that it does not have is a newer version's."""
    return revision in {each.revision for each in ScriptDirectory(str(MIGRATIONS)).walk_revisions()}


def schema_revision(engine: Engine) -> tuple[str | None, str | None]:
    """Return the database's revision and the newest one the code knows."""
    with reading(engine) as connection:
        current = MigrationContext.configure(connection).get_current_revision()
        return current, ScriptDirectory.from_config(_config(connection)).get_current_head()
