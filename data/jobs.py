"""Hand-ins that wait, run or are done: the table of jobs, and the folder in which the files of each lie."""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import unicodedata
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import IO, Any

from sqlalchemy import Connection, Engine, insert, select, update

from data.db import reading
from data.instants import TAIPEI
from data.models import Import, Job
from data.rosters.importing import record

# queued → planning → planned (waits for the person) → to_commit → committing → one of ENDED. A person may send a planned
# or refused job back to queued, and cancel what has not ended.
QUEUED, PLANNING, PLANNED, TO_COMMIT, COMMITTING = "queued", "planning", "planned", "to_commit", "committing"
DONE, REFUSED, CANCELLED, FAILED = "done", "refused", "cancelled", "failed"
TAKEN_UP = {QUEUED: PLANNING, TO_COMMIT: COMMITTING}
RUNNING = (PLANNING, COMMITTING)
ENDED = (DONE, REFUSED, CANCELLED, FAILED)
EXPIRED = "超過 7 天沒有決定，已自動取消，沒有寫入任何資料"

DEAD_AFTER = timedelta(seconds=60)  # without a sign of life
WAITS = timedelta(days=7)
REFUSED_KEPT = timedelta(days=1)  # for who wants to plan it again
ORPHAN_AFTER = timedelta(hours=1)  # a folder that never got its job: the hand-in broke off
_SUFFIX = re.compile(r"\.[A-Za-z0-9]{1,8}")
_BINARY = getattr(os, "O_BINARY", 0)  # Windows would turn line ends
_PULSE, _CANCEL, _REFUSED_ROWS = "progress.json", "cancel", "rejected.json"


@dataclass(frozen=True, slots=True)
class Claim:
    """A job that this worker holds. claimed_at is its seal: whoever takes the job up later sets another one."""

    job_id: int
    token: str
    state: str
    claimed_at: datetime
    options: dict[str, Any]
    plan: str
    batch_id: str
    created_by: str


def add_job(
    engine: Engine, token: str, options: Mapping[str, Any], *, source: str, by: str, at: datetime | None = None
) -> None:
    """Queue a hand-in whose files lie in its folder already."""
    moment = at or datetime.now(TAIPEI)
    row = {
        "token": token, "state": QUEUED, "source": source, "folder": token, "options": json.dumps(options, ensure_ascii=False),
        "plan": "", "batch_id": "", "error": "",
        "created_at": moment, "created_by": by,
    }  # fmt: skip
    with _changing(engine) as connection:
        connection.execute(insert(Job).values(row))
        record(connection, moment, by, "import_handed_in", {"job": token[:8], "files": len(options.get("files", []))})


def find_job(engine: Engine, token: str) -> Any:
    """Return a job's row, None where there is none."""
    with reading(engine) as connection:
        return connection.execute(select(Job).where(Job.token == token)).first()


def jobs_in(engine: Engine, states: Collection[str]) -> list[Any]:
    """Return the jobs in these states, oldest first."""
    with reading(engine) as connection:
        return list(connection.execute(select(Job).where(Job.state.in_(states)).order_by(Job.id)).all())


def claim(
    engine: Engine, folders: Path, *, may_take: Callable[[Any], bool] = lambda _: True, at: datetime | None = None
) -> Claim | None:
    """Take the oldest job that waits for a worker, or whose worker has died; no two workers ever take the same.

    Only jobs whose files lie here can be taken. may_take: what this worker can do, by the job's row.
    """
    moment = at or datetime.now(TAIPEI)
    for row in jobs_in(engine, [*TAKEN_UP, *RUNNING]):
        folder = folders / row.token
        if not folder.is_dir() or not may_take(row):
            continue
        if row.state in RUNNING and moment - _last_sign(row, folder) < DEAD_AFTER:
            continue
        state = TAKEN_UP.get(row.state, row.state)
        # The row must still be as it was read: of two workers that saw it waiting, one finds it changed.
        seen = Job.heartbeat_at.is_(None) if row.heartbeat_at is None else Job.heartbeat_at == row.heartbeat_at
        statement = update(Job).where(Job.id == row.id, Job.state == row.state, Job.options == row.options, seen)
        with _changing(engine) as connection:
            taken = connection.execute(statement.values(state=state, heartbeat_at=moment)).rowcount
        if taken:
            options = json.loads(row.options)
            return Claim(row.id, row.token, state, moment, options, row.plan, row.batch_id, row.created_by)
    return None


def settle(
    connection: Connection,
    claimed: Claim,
    state: str,
    *,
    plan: Mapping[str, Any] | None = None,
    options: Mapping[str, Any] | None = None,
    batch_id: str | None = None,
    error: str = "",
    at: datetime | None = None,
) -> bool:
    """Say what became of a claimed job; False when somebody else has taken it up since, and then nothing is changed.

    On the import's own connection this makes a job done in the same instant as its facts are there: a worker that dies
    afterwards leaves nothing to do twice.
    """
    values: dict[str, Any] = {"state": state, "error": error}
    if plan is not None:
        values["plan"] = json.dumps(plan, ensure_ascii=False)
    if options is not None:
        values["options"] = json.dumps(options, ensure_ascii=False)
    if batch_id is not None:
        values["batch_id"] = batch_id
    if state in ENDED:
        values["finished_at"] = at or datetime.now(TAIPEI)
    mine = (Job.id == claimed.job_id) & (Job.heartbeat_at == claimed.claimed_at) & Job.state.in_((claimed.state, state))
    return bool(connection.execute(update(Job).where(mine).values(**values)).rowcount)


def settle_now(engine: Engine, claimed: Claim, state: str, **values: Any) -> bool:
    """Settle a claimed job in a transaction of its own."""
    with _changing(engine) as connection:
        return settle(connection, claimed, state, **values)


def move(
    engine: Engine,
    row: Any,
    state: str,
    *,
    by: str,
    action: str,
    options: Mapping[str, Any] | None = None,
    batch_id: str | None = None,
    error: str = "",
    at: datetime | None = None,
) -> bool:
    """Carry out a person's decision on a job, with its audit line; False when the job is no longer as the row says."""
    moment = at or datetime.now(TAIPEI)
    values: dict[str, Any] = {"state": state, "error": error, "finished_at": moment if state in ENDED else None}
    if options is not None:
        values["options"] = json.dumps(options, ensure_ascii=False)
    if batch_id is not None:
        values["batch_id"] = batch_id
    with _changing(engine) as connection:
        as_seen = (Job.id == row.id) & (Job.state == row.state) & (Job.options == row.options)
        moved = bool(connection.execute(update(Job).where(as_seen).values(**values)).rowcount)
        if moved:
            record(connection, moment, by, action, {"job": row.token[:8]})
    return moved


def is_imported(engine: Engine, batch_id: str) -> bool:
    """Tell whether an import of this id is in: a job taken up again must not do it twice."""
    with reading(engine) as connection:
        return connection.execute(select(Import.id).where(Import.batch_id == batch_id).limit(1)).first() is not None


def tidy(engine: Engine, folders: Path, *, at: datetime | None = None) -> None:
    """Cancel what has waited for too long, and remove the files and plans of what has ended."""
    moment = at or datetime.now(TAIPEI)
    for row in jobs_in(engine, [QUEUED, PLANNED, TO_COMMIT]):
        if moment - row.created_at > WAITS:
            move(engine, row, CANCELLED, by="system", action="import_expired", error=EXPIRED, at=moment)
    # The plan shows student numbers; of what was imported the figures stay in the history of imports.
    old = Job.state.in_(ENDED) & (Job.plan != "") & (Job.finished_at < moment - REFUSED_KEPT)
    with _changing(engine) as connection:
        connection.execute(update(Job).where(old).values(plan=""))
    for folder in folders.iterdir() if folders.is_dir() else ():
        row = find_job(engine, folder.name)
        if row is None:
            is_over = moment - _modified(folder) > ORPHAN_AFTER
        else:
            is_over = row.state in ENDED and (row.state != REFUSED or moment - row.finished_at > REFUSED_KEPT)
        if is_over:
            remove_files(folder)


def _changing(engine: Engine) -> Any:
    """One short transaction. Not data.db.writing: on PostgreSQL that waits for a running import to end."""
    return engine.begin()


def _last_sign(row: Any, folder: Path) -> datetime:
    """When its worker was last heard of: while an import holds the database, only the folder can tell."""
    claimed: datetime = row.heartbeat_at or row.created_at
    return max(claimed, _modified(folder / _PULSE))


def _modified(path: Path) -> datetime:
    try:
        return datetime.fromtimestamp(path.stat().st_mtime, TAIPEI)
    except OSError:
        return datetime.fromtimestamp(0, TAIPEI)


# --- the folder of a job ----------------------------------------------------------------------------------------------


def keep_files(folder: Path, files: Iterable[tuple[str, IO[bytes]]], kept: Iterable[Mapping[str, Any]] = ()) -> list[dict[str, Any]]:  # fmt: skip
    """Write files into a job's folder under numbers, and return all it holds: stored, name, size, sha256.

    The names people gave are only ever shown. A file that has the name of an earlier one takes its place; of two that come
    together under one name the second is shown with a number.
    """
    for made in (folder.parent, folder):
        made.mkdir(mode=0o700, parents=True, exist_ok=True)
    before = [dict(each) for each in kept]
    number = max((int(path.name[:4]) for path in folder.iterdir() if path.name[:4].isdigit()), default=0)
    fresh: dict[str, dict[str, Any]] = {}
    for given, stream in files:
        number += 1
        name, suffix = _shown_name(given), Path(_shown_name(given)).suffix
        stored = f"{number:04d}" + (suffix.lower() if _SUFFIX.fullmatch(suffix) else "")
        digest, size = hashlib.sha256(), 0
        handle = os.open(folder / stored, os.O_WRONLY | os.O_CREAT | os.O_EXCL | _BINARY, 0o600)
        with os.fdopen(handle, "wb") as out:
            while part := stream.read(2**20):
                digest.update(part)
                size += out.write(part)
        shown, copies = name, 1
        while shown in fresh:
            copies += 1
            shown = f"{name.removesuffix(suffix)} ({copies}){suffix}"
        fresh[shown] = {"stored": stored, "name": shown, "size": size, "sha256": digest.hexdigest()}
    return [each for each in before if each["name"] not in fresh] + list(fresh.values())


def _shown_name(given: str) -> str:
    """Return a file's name as it may be shown: its last part, without control and direction characters."""
    last = re.split(r"[/\\]", given)[-1]
    clean = "".join(c for c in last if unicodedata.category(c)[0] != "C").strip()
    suffix = Path(clean).suffix[:9]
    return clean if 0 < len(clean) <= 120 else (clean[: 120 - len(suffix)] + suffix if clean else "未命名")


def remove_files(folder: Path) -> None:
    """Remove a job's folder; what cannot be removed now is tried again by tidy."""
    shutil.rmtree(folder, ignore_errors=True)


def write_progress(folder: Path, name: str, done: int, total: int) -> None:
    """Keep how far a job is, and that its worker lives, beside its files: the import may hold the database's only lock."""
    _write_json(folder / _PULSE, [name, done, total])


def read_progress(folder: Path) -> tuple[str, int, int]:
    """Return the file a job's worker is at, how many are done and how many there are."""
    try:
        name, done, total = json.loads((folder / _PULSE).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return "", 0, 0
    return str(name), int(done), int(total)


def ask_to_cancel(folder: Path, by: str) -> None:
    """Let the worker that holds the job stop at the next file, and know for whom."""
    (folder / _CANCEL).write_text(by, encoding="utf-8")


def cancelled_by(folder: Path) -> str:
    """Return who has asked to stop, nobody by default."""
    try:
        return (folder / _CANCEL).read_text(encoding="utf-8")
    except OSError:
        return ""


def keep_refused_rows(folder: Path, rows: list[dict[str, Any]]) -> None:
    """Keep the rows that a plan refuses, to be downloaded before anything is decided."""
    _write_json(folder / _REFUSED_ROWS, rows)


def read_refused_rows(folder: Path) -> list[dict[str, Any]]:
    """Return the rows that the last plan refused."""
    try:
        rows: list[dict[str, Any]] = json.loads((folder / _REFUSED_ROWS).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return []
    return rows


def _write_json(path: Path, value: Any) -> None:
    beside = path.with_suffix(".new")
    handle = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(handle, "w", encoding="utf-8") as out:
        json.dump(value, out, ensure_ascii=False)
    os.replace(beside, path)  # noqa: PTH105 - Path.replace is the same; a reader never sees half of it
