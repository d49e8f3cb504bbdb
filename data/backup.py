"""Backups: either database as one portable SQLite file, written in one consistent view and read again before it counts."""

from __future__ import annotations

import errno
import hashlib
import json
import os
import sqlite3
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from datetime import date, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from alembic.runtime.migration import MigrationContext
from sqlalchemy import Connection, Engine, String, inspect
from sqlalchemy.exc import DBAPIError

from data.db import reading
from data.instants import TAIPEI

# Short-lived secrets: a copy of them is only good to whoever steals it. The tables are empty after a restore.
NOT_KEPT = ("user_sessions", "login_links", "pending_logins")
APPLICATION_ID = 0x4C434842  # in SQLite's header: this file is one of ours
FORMAT = 1
ROWS_AT_ONCE = 5000
_NO_ROOM = {errno.ENOSPC, errno.EFBIG, errno.EDQUOT}
_ENCODE = json.JSONEncoder(separators=(",", ":"), default=lambda value: value.hex()).encode


class BackupError(ValueError):
    """Why a backup cannot be made, read or restored, in one line for the person."""


@dataclass(frozen=True, slots=True)
class Manifest:
    """What a backup says of itself. tables: rows and SHA-256 of each. key_marks: by which a secret key is recognised."""

    product_version: str
    schema_revision: str
    made_at: datetime
    dialect: str
    key_marks: dict[str, str] = field(default_factory=dict)
    tables: dict[str, tuple[int, str]] = field(default_factory=dict)

    @property
    def row_count(self) -> int:
        """Return the rows of all tables."""
        return sum(rows for rows, _ in self.tables.values())


def write_backup(
    engine: Engine, path: Path, *, key_marks: Mapping[str, str] | None = None, at: datetime | None = None
) -> Manifest:
    """Write a backup, check it, and put its SHA-256 beside it; nothing is ever overwritten and nobody is kept waiting.

    The file gets its name only when it is whole: until then the name is taken by an empty file.
    """
    digest_file = digest_path(path)
    if path.exists() or digest_file.exists():
        raise BackupError(f"{path} 已經有了；備份不會蓋掉任何檔案，請換一個檔名")
    part = path.with_name(path.name + ".part")
    with _plain_words(path.parent):
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        try:
            os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
        except FileExistsError:
            raise BackupError(f"{path} 已經有了；備份不會蓋掉任何檔案，請換一個檔名") from None
        try:
            part.unlink(missing_ok=True)
            os.close(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
            made = _fill(engine, part, key_marks=key_marks or {}, at=at or datetime.now(TAIPEI))
            with open_backup(part) as (_, read):
                if read != made:
                    raise BackupError("寫好的備份讀回來和資料庫不一樣，已刪除；請檢查磁碟")
            _flush(part)
            write_private(digest_file, f"{file_digest(part)}  {path.name}\n")
            part.replace(path)
            _flush(path.parent)
        except BaseException:
            for each in (part, digest_file, path):
                each.unlink(missing_ok=True)
            raise
    return made


@contextmanager
def open_backup(path: Path) -> Iterator[tuple[sqlite3.Connection, Manifest]]:
    """Open a backup that is whole, as its SHA-256 beside it, its manifest and every row agree. Raises BackupError."""
    name = path.name
    try:
        with path.open("rb") as file:
            head = file.read(16)
    except OSError:
        raise BackupError(f"讀不到備份檔 {path}") from None
    if head != b"SQLite format 3\0":
        raise BackupError(f"{name} 不是歷程的備份檔，或沒有寫完")
    said = digest_path(path)
    if said.exists() and said.read_text(encoding="utf-8").split()[:1] != [file_digest(path)]:
        raise BackupError(f"{name} 的內容和 {said.name} 不符：檔案被改過或傳輸時損壞了")
    broken = f"{name} 損壞了，讀不出完整的內容"
    try:
        with closing(_open_file(path)) as file_connection:
            manifest = _read_manifest(file_connection, name)
            if file_connection.execute("PRAGMA quick_check(1)").fetchone() != ("ok",):
                raise BackupError(broken)
            for table, expected in manifest.tables.items():
                rows = file_connection.execute(f"SELECT * FROM {quoted(table)} ORDER BY rowid")  # nosec B608 # noqa: S608 - checked to be one of its tables
                if digest_of(rows) != expected:
                    raise BackupError(f"{name} 裡「{table}」的內容和清單不符：檔案被改過或損壞了")
            yield file_connection, manifest
    except sqlite3.DatabaseError:
        raise BackupError(broken) from None


def read_manifest(path: Path) -> Manifest:
    """Return what a backup says of itself, without reading all of it. Raises BackupError."""
    try:
        with closing(_open_file(path)) as file_connection:
            return _read_manifest(file_connection, path.name)
    except sqlite3.DatabaseError:
        raise BackupError(f"{path.name} 不是歷程的備份檔，或沒有寫完") from None


def digest_path(path: Path) -> Path:
    """Return where the SHA-256 of a backup lies."""
    return path.with_name(path.name + ".sha256")


def file_digest(path: Path) -> str:
    """Return the SHA-256 of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def write_private(path: Path, text: str) -> None:
    """Write a new file that its owner alone can read, down to the disk."""
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "w", encoding="utf-8", newline="\n") as out:
        out.write(text)
        out.flush()
        os.fsync(out.fileno())


# --- tables as plain rows ---------------------------------------------------------------------------------------------


def tables_of(connection: Connection) -> dict[str, list[str]]:
    """Return the columns of every table as the database has them, which may be an older schema than the code's."""
    seen = inspect(connection)
    left_out = {"alembic_version", *NOT_KEPT}
    return {
        name: [column["name"] for column in seen.get_columns(name)]
        for name in sorted(seen.get_table_names())
        if name not in left_out
    }


def rows_of(connection: Connection, table: str, columns: Sequence[str]) -> Iterator[tuple[Any, ...]]:
    """Yield a table's rows in the order of its key, alike on both databases: whole numbers, text, bytes and nothing."""
    seen = inspect(connection)
    kinds = {column["name"]: column["type"] for column in seen.get_columns(table)}
    key = seen.get_pk_constraint(table)["constrained_columns"] or list(columns)
    is_postgresql = connection.dialect.name == "postgresql"
    order = [
        quoted(name) + (' COLLATE "C"' if is_postgresql and isinstance(kinds[name], String) else "") for name in key
    ]
    statement = f"SELECT {', '.join(map(quoted, columns))} FROM {quoted(table)} ORDER BY {', '.join(order)}"  # nosec B608 # noqa: S608 - names are the database's own
    result = connection.exec_driver_sql(statement, execution_options={"yield_per": ROWS_AT_ONCE})
    for rows in result.partitions():
        yield from (tuple(map(_plain, row)) for row in rows) if is_postgresql else map(tuple, rows)


def digest_of(rows: Iterable[tuple[Any, ...]]) -> tuple[int, str]:
    """Return how many rows there are, and the SHA-256 of their values in order."""
    digest, count = hashlib.sha256(), 0
    for row in rows:
        digest.update(_ENCODE(row).encode() + b"\n")
        count += 1
    return count, digest.hexdigest()


def quoted(name: str) -> str:
    """Return a name as both databases read it."""
    return '"' + name.replace('"', '""') + '"'


def _plain(value: Any) -> Any:
    if isinstance(value, bool):
        return int(value)
    if isinstance(value, date):
        return value.isoformat()
    return bytes(value) if isinstance(value, memoryview) else value


# --- the file ---------------------------------------------------------------------------------------------------------


def _fill(engine: Engine, path: Path, *, key_marks: Mapping[str, str], at: datetime) -> Manifest:
    tables: dict[str, tuple[int, str]] = {}
    with closing(sqlite3.connect(path, isolation_level=None)) as out, reading(engine) as connection:
        if engine.dialect.name == "postgresql":
            connection.exec_driver_sql("SET TRANSACTION READ ONLY")
        # Nobody reads this file before it is whole; a journal would be a second copy of it.
        for pragma in (
            "journal_mode=OFF",
            "synchronous=OFF",
            f"application_id={APPLICATION_ID}",
            f"user_version={FORMAT}",
        ):
            out.execute(f"PRAGMA {pragma}")
        out.execute("BEGIN")
        for name, columns in tables_of(connection).items():
            out.execute(f"CREATE TABLE {quoted(name)} ({', '.join(map(quoted, columns))})")
            tables[name] = digest_of(_copied(out, name, columns, rows_of(connection, name, columns)))
        revision = MigrationContext.configure(connection).get_current_revision()
        if revision is None:
            raise BackupError("資料庫還沒有建立，沒有可以備份的內容")
        made = Manifest(_product_version(), revision, at, engine.dialect.name, dict(key_marks), tables)
        _write_manifest(out, made)
        out.execute("COMMIT")
    return made


def _copied(
    out: sqlite3.Connection, name: str, columns: Sequence[str], rows: Iterable[tuple[Any, ...]]
) -> Iterator[tuple[Any, ...]]:
    """Pass rows on, having written them."""
    statement = f"INSERT INTO {quoted(name)} VALUES ({', '.join('?' * len(columns))})"  # nosec B608 # noqa: S608 - names are the database's own
    batch: list[tuple[Any, ...]] = []
    for row in rows:
        batch.append(row)
        if len(batch) >= ROWS_AT_ONCE:
            out.executemany(statement, batch)
            batch.clear()
        yield row
    out.executemany(statement, batch)


def _write_manifest(out: sqlite3.Connection, made: Manifest) -> None:
    said = {
        "product_version": made.product_version, "schema_revision": made.schema_revision, "made_at": made.made_at.isoformat(),
        "dialect": made.dialect,
    } | {f"key:{name}": mark for name, mark in made.key_marks.items()}  # fmt: skip
    out.execute("CREATE TABLE backup_manifest (name TEXT PRIMARY KEY, value TEXT)")
    out.executemany("INSERT INTO backup_manifest VALUES (?, ?)", said.items())
    out.execute("CREATE TABLE backup_tables (name TEXT PRIMARY KEY, row_count INTEGER, sha256 TEXT)")
    rows = [(name, count, digest) for name, (count, digest) in made.tables.items()]
    out.executemany("INSERT INTO backup_tables VALUES (?, ?, ?)", rows)


def _open_file(path: Path) -> sqlite3.Connection:
    opened = sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro&immutable=1", uri=True, isolation_level=None)
    opened.execute("PRAGMA trusted_schema=OFF")  # it may come from anywhere
    return opened


def _read_manifest(file_connection: sqlite3.Connection, name: str) -> Manifest:
    (application_id,) = file_connection.execute("PRAGMA application_id").fetchone()
    (file_format,) = file_connection.execute("PRAGMA user_version").fetchone()
    if application_id != APPLICATION_ID:
        raise BackupError(f"{name} 不是歷程的備份檔，或沒有寫完")
    if file_format > FORMAT:
        raise BackupError(f"{name} 是較新版本的歷程做的，請先升級")
    made_of = file_connection.execute("SELECT type, name FROM sqlite_schema WHERE name NOT LIKE 'sqlite_%'").fetchall()
    try:
        said = dict(file_connection.execute("SELECT name, value FROM backup_manifest"))
        listed = file_connection.execute("SELECT name, row_count, sha256 FROM backup_tables ORDER BY name").fetchall()
        manifest = Manifest(
            said["product_version"], said["schema_revision"], datetime.fromisoformat(said["made_at"]).astimezone(TAIPEI),
            said["dialect"], {key[4:]: mark for key, mark in said.items() if key.startswith("key:")},
            {table: (count, digest) for table, count, digest in listed},
        )  # fmt: skip
    except (KeyError, TypeError, ValueError, AttributeError):
        raise BackupError(f"{name} 的清單讀不懂：檔案被改過或損壞了") from None
    expected = {("table", each) for each in (*manifest.tables, "backup_manifest", "backup_tables")}
    if set(made_of) != expected:
        raise BackupError(f"{name} 裡有不該有的東西，或少了資料表：檔案被改過或損壞了")
    return manifest


def _product_version() -> str:
    try:
        return version("licheng")
    except PackageNotFoundError:  # run from a checkout
        return "checkout"


def _flush(path: Path) -> None:
    """Bring a file, or a folder's entries where the system can do that, down to the disk."""
    try:
        handle = os.open(path, os.O_RDONLY)
    except PermissionError:  # Windows opens no folder
        return
    try:
        os.fsync(handle)
    except OSError as error:
        if error.errno in _NO_ROOM:
            raise
    finally:
        os.close(handle)


@contextmanager
def _plain_words(folder: Path) -> Iterator[None]:
    """Turn a full disk and a folder that cannot be written into one clear line."""
    try:
        yield
    except OSError as error:
        if is_no_room(error):
            raise BackupError(no_room(folder)) from None
        raise BackupError(f"不能寫入 {folder}：{error.strerror or error}") from None
    except sqlite3.OperationalError as error:
        raise BackupError(no_room(folder) if is_no_room(error) else f"不能寫入 {folder}：{error}") from None
    except DBAPIError as error:
        raise BackupError(f"資料庫讀不出來，沒有做成備份：{type(error.orig).__name__}") from None


def is_no_room(error: BaseException) -> bool:
    """Tell whether a write failed as the disk took no more."""
    if isinstance(error, DBAPIError):
        return error.orig is not None and is_no_room(error.orig)
    if isinstance(error, OSError):
        return error.errno in _NO_ROOM
    if isinstance(error, sqlite3.Error):
        code = getattr(error, "sqlite_errorcode", 0) & 0xFF
        return code in (sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR)
    return getattr(error, "sqlstate", "") == "53100"  # PostgreSQL's disk_full


def no_room(folder: Path) -> str:
    """Say that the disk is full."""
    return f"磁碟空間不足（{folder}），沒有改變任何資料；請清出空間後再試"
