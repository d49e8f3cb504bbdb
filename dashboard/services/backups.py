"""Backups and restoring, as one door for the command line and the page: files, secret keys, and what the log keeps of it."""

from __future__ import annotations

import hashlib
import json
import sqlite3
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from sqlalchemy import Engine, func, select
from sqlalchemy.engine import make_url
from sqlalchemy.exc import DBAPIError

from dashboard.services.audit import record
from dashboard.services.store import Store
from dashboard.settings import read_secret
from data.backup import (
    BackupError,
    Manifest,
    digest_path,
    file_digest,
    is_no_room,
    no_room,
    open_backup,
    read_manifest,
    write_backup,
    write_private,
)
from data.db import open_engine, reading
from data.instants import TAIPEI
from data.models import AuditEvent
from data.restore import restore

__all__ = ["BackupError", "Made", "Shelved", "last_backup_at", "list_backups", "put_back", "take_backup"]

MADE = "backup_made"
NOT_A_KEY_TO_KEEP = {"session"}  # signs cookies: a restored school logs in anew


@dataclass(frozen=True, slots=True)
class Made:
    """A backup that was just made and read again."""

    path: Path
    size_bytes: int
    manifest: Manifest
    keys_path: Path | None


@dataclass(frozen=True, slots=True)
class Restored:
    """What a restore did. kept: where the old database is; notes: what the person should know, a line each."""

    manifest: Manifest
    kept: str
    notes: list[str]


@dataclass(frozen=True, slots=True)
class Shelved:
    """A file in the instance's folder of backups; manifest is None where it is not one that was finished."""

    path: Path
    size_bytes: int
    manifest: Manifest | None


def backups_folder(instance_dir: Path) -> Path:
    """Return where backups go that nobody gives another place."""
    return instance_dir / "backups"


def take_backup(store: Store, path: Path | None, *, by: str, with_keys: bool = False) -> Made:
    """Make a backup at path, by default under a dated name in the instance's folder of backups. Raises BackupError.

    with_keys: the instance's secret keys go into a second file beside it, which belongs in another place: whoever has both
    can tell 身分證號 by trying them all.
    """
    moment = datetime.now(TAIPEI)
    path = path or backups_folder(store.instance_dir) / f"licheng-{moment:%Y%m%d-%H%M%S}.sqlite"
    keys = _keys(store.instance_dir)
    keys_path = path.with_name(path.name + ".keys") if with_keys else None
    if keys_path is not None and keys_path.exists():
        raise BackupError(f"{keys_path} 已經有了；備份不會蓋掉任何檔案，請換一個檔名")
    marks = {name: _mark(key) for name, key in keys.items()}
    manifest = write_backup(store.engine, path, key_marks=marks, at=moment)
    if keys_path is not None:
        write_private(keys_path, json.dumps(keys, indent=1) + "\n")
    if store.is_current():  # an older schema is backed up before it is migrated; its log may not be ours to write
        detail = {"file": path.name, "rows": manifest.row_count, "sha256": file_digest(path), "keys": with_keys}
        record(store, actor=by, action=MADE, detail=detail)
    return Made(path, path.stat().st_size, manifest, keys_path)


def put_back(
    url: str, path: Path, *, instance_dir: Path, by: str, replace: bool = False, keys_path: Path | None = None
) -> Restored:
    """Restore a backup into the database at url: all of it or nothing. Raises BackupError.

    What the database held before is kept: a SQLite file beside it under a dated name, of PostgreSQL a backup. A SQLite file
    that cannot be read any more is moved out of the way.
    """
    moment = datetime.now(TAIPEI)
    stamp = f"{moment:%Y%m%d-%H%M%S}"
    manifest = read_manifest(path) if path.exists() else None
    keys = _read_keys(keys_path, manifest) if keys_path is not None and manifest is not None else {}
    kept: list[str] = []
    with open_backup(path):  # before anything is moved
        pass
    moved = _move_broken_file(url, replace=replace, stamp=stamp)
    kept += [str(new) for _, new in moved[:1]]
    audit_key = keys["audit"].encode() if "audit" in keys else read_secret(instance_dir, "audit")
    engine = open_engine(url, audit_key=audit_key)
    try:
        manifest = restore(
            engine, path, by=by, replace=replace, keep=_keeper(engine, instance_dir, stamp, kept), at=moment
        )  # fmt: skip
    except BaseException as error:
        engine.dispose()
        for old, new in moved:
            new.replace(old)
        if isinstance(error, DBAPIError):
            raise BackupError(_words(error, url)) from None
        raise
    finally:
        engine.dispose()
    notes = _install_keys(instance_dir, keys, stamp)
    here = _keys(instance_dir)
    strange = [name for name, mark in manifest.key_marks.items() if name not in here or _mark(here[name]) != mark]
    if strange:
        notes.append(
            f"這裡的金鑰（{'、'.join(sorted(strange))}）和備份時不同：身分證號的雜湊與稽核紀錄的檢查碼對不上。"
            "有備份時的金鑰檔就加上 --keys 再還原一次；沒有的話，重新匯入學生資料名冊後收訖明細才對得到學生"
        )
    return Restored(manifest, "、".join(kept), notes)


def last_backup_at(store: Store) -> datetime | None:
    """Return when the last backup was made of this database, wherever it was put; None where none is known."""
    with reading(store.engine) as connection:
        return connection.execute(select(func.max(AuditEvent.happened_at)).where(AuditEvent.action == MADE)).scalar()


def list_backups(store: Store) -> list[Shelved]:
    """Return what lies in the instance's folder of backups, newest first."""
    found = []
    for path in backups_folder(store.instance_dir).glob("*.sqlite"):
        try:
            manifest = read_manifest(path) if digest_path(path).exists() else None
        except BackupError:
            manifest = None
        found.append(Shelved(path, path.stat().st_size, manifest))
    return sorted(found, key=lambda each: (each.manifest.made_at.isoformat() if each.manifest else "", each.path.name), reverse=True)  # fmt: skip


def _words(error: DBAPIError, url: str) -> str:
    if is_no_room(error):
        return no_room(Path(make_url(url).database or ".").parent if url.startswith("sqlite") else Path("資料庫"))
    return f"沒有還原，資料庫沒有改變：{type(error.orig).__name__}（資料庫忙碌或不能寫入，請停止網頁後再試）"


def _keeper(engine: Engine, instance_dir: Path, stamp: str, kept: list[str]) -> Callable[[], str]:
    """Return how the old database is kept; it runs while nobody can write to it."""

    def keep() -> str:
        if engine.dialect.name == "sqlite":
            old = Path(str(engine.url.database))
            copy = old.with_name(f"{old.name}.until-{stamp}")
            copy.touch(mode=0o600, exist_ok=False)
            try:
                with closing(sqlite3.connect(old)) as source, closing(sqlite3.connect(copy)) as target:
                    source.backup(target)
            except sqlite3.Error as error:
                copy.unlink()
                raise BackupError(
                    no_room(copy.parent) if is_no_room(error) else f"現有的資料庫抄不出來：{error}"
                ) from None
        else:
            copy = backups_folder(instance_dir) / f"before-restore-{stamp}.sqlite"
            write_backup(engine, copy)
        kept.append(str(copy))
        return copy.name

    return keep


def _move_broken_file(url: str, *, replace: bool, stamp: str) -> list[tuple[Path, Path]]:
    """Move a SQLite file that is none any more out of the way; return (old, new) names."""
    parsed = make_url(url)
    file = Path(parsed.database or "")
    if parsed.get_backend_name() != "sqlite" or not file.is_file() or file.stat().st_size == 0:
        return []
    try:
        with closing(sqlite3.connect(file)) as opened:
            if opened.execute("PRAGMA quick_check(1)").fetchone() == ("ok",):
                return []
    except sqlite3.OperationalError as error:
        raise BackupError(f"現有的資料庫打不開：{error}") from None
    except sqlite3.DatabaseError:
        pass
    if not replace:
        raise BackupError(f"現有的資料庫 {file} 已經損壞；加上 --replace 會把它移到一旁再還原")
    moved = []
    for suffix in ("", "-wal", "-shm"):
        old = file.with_name(file.name + suffix)
        if old.exists():
            new = file.with_name(f"{file.name}.broken-{stamp}{suffix}")
            old.replace(new)
            moved.append((old, new))
    return moved


# --- secret keys ------------------------------------------------------------------------------------------------------


def _keys(instance_dir: Path) -> dict[str, str]:
    """Return the secret keys that belong to the data: by them 身分證號 are recognised and the log is checked."""
    files = sorted(instance_dir.glob("*.key"))
    return {file.stem: file.read_text(encoding="ascii") for file in files if file.stem not in NOT_A_KEY_TO_KEEP}


def _mark(key: str) -> str:
    """Return by what a key is recognised; it says nothing of the key, which is 256 random bits."""
    return hashlib.sha256(b"licheng key mark " + key.encode()).hexdigest()[:16]


def _read_keys(path: Path, manifest: Manifest) -> dict[str, str]:
    try:
        keys = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        raise BackupError(f"讀不懂金鑰檔 {path}") from None
    if not isinstance(keys, dict) or {name: _mark(str(key)) for name, key in keys.items()} != manifest.key_marks:
        raise BackupError(f"金鑰檔 {path.name} 和這份備份不是一起做的")
    return keys


def _install_keys(instance_dir: Path, keys: dict[str, str], stamp: str) -> list[str]:
    notes = []
    for name, key in keys.items():
        file = instance_dir / f"{name}.key"
        if file.exists() and file.read_text(encoding="ascii") == key:
            continue
        if file.exists():
            old = file.with_name(f"{file.name}.until-{stamp}")
            file.replace(old)
            notes.append(f"原來的金鑰 {name} 留在 {old}")
        instance_dir.mkdir(parents=True, exist_ok=True)
        write_private(file, key)
    if keys:
        notes.append("金鑰已放回；正在執行的網頁要重新啟動才會用到")
    return notes
