"""The worker: plans and commits what was handed in, as a thread of the serving process or as `licheng worker`."""

from __future__ import annotations

import contextlib
import json
import logging
import secrets
import time
import traceback
import uuid
from collections.abc import Callable
from dataclasses import asdict
from datetime import datetime, timedelta
from pathlib import Path
from threading import Event, Lock, Thread
from typing import Any
from weakref import WeakKeyDictionary

from sqlalchemy import Connection
from sqlalchemy.exc import OperationalError, SQLAlchemyError

from dashboard.services.effects import effects_on
from dashboard.services.store import Store
from data import jobs
from data.instants import TAIPEI
from data.jobs import Claim
from data.rosters.importing import BUSY, FULL, MOST_KEPT, CancelledError, import_files, record
from data.rosters.plan import Effect, Plan

POLL_SECONDS = 2.0
IDLE_SECONDS = 300.0  # a worker thread without work goes; the next hand-in starts another
PULSE_SECONDS = 5.0
STEP_SECONDS = 0.5  # progress is written at most this often
TIDY_SECONDS = 600.0
PASSWORD_SECONDS = 3600.0
MOST_ERRORS = 1_000  # of one table in a plan; all refused rows can be downloaded
TRIES = 5  # for a database that another import keeps busy
ASK_AGAIN = "請再輸入一次壓縮檔的密碼：密碼不會保存，伺服器重新啟動或由另一個程序處理時要再輸入"
_HOLDER_WAITS = timedelta(seconds=60)  # then any worker may take a job whose password nobody seems to hold any more

log = logging.getLogger("licheng")
_me = secrets.token_hex(8)  # this process, as the holder of passwords
# By token, with the time: in memory only, never in the database or a file, and not for longer than a plan is looked at.
_passwords: dict[str, tuple[tuple[str, ...], float]] = {}
_tidied: WeakKeyDictionary[Store, float] = WeakKeyDictionary()
_threads: WeakKeyDictionary[Store, tuple[Thread, Event]] = WeakKeyDictionary()
_lock = Lock()


class _TakenError(Exception):
    """Another worker has taken the job up; what this one did is thrown away."""


def folder_of(store: Store, token: str = "") -> Path:  # nosec B107  # a job's public number, no password
    """Return the folder of a job's files, or of all jobs."""
    return store.instance_dir / "jobs" / token if token else store.instance_dir / "jobs"


def hold_password(token: str, password: str) -> dict[str, str]:
    """Keep a password in this process until the job ends; return the options that lead the job to this process."""
    before = passwords_of(token)
    with _lock:
        _passwords[token] = ((*(each for each in before if each != password), password)[-3:], time.monotonic())
    return {"holder": _me, "held_at": datetime.now(TAIPEI).isoformat()}


def passwords_of(token: str) -> tuple[str, ...]:
    """Return the passwords this process holds for a job."""
    with _lock:
        for each, (_, held) in list(_passwords.items()):
            if time.monotonic() - held > PASSWORD_SECONDS:
                del _passwords[each]
        return _passwords.get(token, ((), 0.0))[0]


def forget_passwords(token: str) -> None:
    """Forget what a job that has ended needed."""
    with _lock:
        _passwords.pop(token, None)


def wake(store: Store) -> None:
    """See to it that a worker thread of this process looks for work now."""
    with _lock:
        thread, woken = _threads.get(store, (None, Event()))
        woken.set()
        if thread is None or not thread.is_alive():
            thread = Thread(target=_run_thread, args=(store, woken), name="licheng-worker", daemon=True)
            _threads[store] = (thread, woken)
            thread.start()


def _run_thread(store: Store, woken: Event) -> None:
    idle_since = time.monotonic()
    while True:
        woken.clear()
        if work(store):
            idle_since = time.monotonic()
        passwords_of("")  # drops those held too long
        with _lock:
            if not woken.is_set() and not _passwords and time.monotonic() - idle_since > IDLE_SECONDS:
                del _threads[store]
                return
        woken.wait(POLL_SECONDS)


def run_worker(store: Store, *, say: Callable[[str], None] = lambda _: None) -> None:
    """Work until interrupted."""
    while True:
        work(store, say=say)
        time.sleep(POLL_SECONDS)


def work(store: Store, *, say: Callable[[str], None] = lambda _: None) -> int:
    """Do all the work there is now; return how many jobs were worked on."""
    count = 0
    try:
        if time.monotonic() - _tidied.get(store, -TIDY_SECONDS) >= TIDY_SECONDS:
            _tidied[store] = time.monotonic()
            jobs.tidy(store.engine, folder_of(store))
        while (claimed := jobs.claim(store.engine, folder_of(store), may_take=_may_take)) is not None:
            count += 1
            state = run(store, claimed)
            say(f"{claimed.token[:8]} {state}")
    except (SQLAlchemyError, OSError) as error:  # the database is busy, the disk full: the job still waits there
        log.warning("the worker waits: %s", type(error).__name__)
    return count


def _may_take(row: Any) -> bool:
    """A job whose password another process holds is that one's, unless it does not come for it."""
    options = json.loads(row.options)
    if options.get("holder") in (None, _me):
        return True
    return datetime.now(TAIPEI) - datetime.fromisoformat(options["held_at"]) > _HOLDER_WAITS


class _Pulse:
    """What import_files tells of its progress; meanwhile a sign of life every few seconds. Stops a cancelled job."""

    def __init__(self, folder: Path, names: dict[str, str]) -> None:
        self.folder = folder
        self.names = names
        self.at = ("", 0, 0)
        self.written = 0.0
        self.stop = Event()
        self.thread = Thread(target=self._beat, name="licheng-pulse", daemon=True)

    def __enter__(self) -> _Pulse:
        self._write()
        self.thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop.set()
        self.thread.join()

    def __call__(self, name: str, done: int, total: int) -> None:
        if jobs.cancelled_by(self.folder):
            raise CancelledError
        self.at = (self.names.get(name, name), done, total)
        if time.monotonic() - self.written >= STEP_SECONDS:
            self.written = time.monotonic()
            self._write()

    def _beat(self) -> None:
        while not self.stop.wait(PULSE_SECONDS):
            self._write()

    def _write(self) -> None:
        with contextlib.suppress(OSError):  # a full disk stops the import by itself, and with a better word
            jobs.write_progress(self.folder, *self.at)


def run(store: Store, claimed: Claim) -> str:
    """Plan or commit one claimed job; return the state it is in afterwards. Never raises for what a file holds."""
    folder = folder_of(store, claimed.token)
    names = {each["stored"]: each["name"] for each in claimed.options["files"]}
    try:
        with _Pulse(folder, names) as pulse:
            step = _plan if claimed.state == jobs.PLANNING else _commit
            state = step(store, claimed, folder, names, pulse)
    except CancelledError:
        state = _cancel(store, claimed, folder)
    except _TakenError:
        return "taken"
    except OperationalError:
        raise  # nothing can be written now; the job is taken up again when its sign of life is old
    except Exception as error:
        code = secrets.token_hex(4)
        # Without the message: what a parser complains of may be a cell.
        trace = "".join(traceback.format_tb(error.__traceback__))
        log.error("import failure %s: %s\n%s", code, type(error).__name__, trace)
        state = jobs.FAILED
        jobs.settle_now(store.engine, claimed, state, error=f"系統發生錯誤（代碼 {code}），沒有寫入任何資料")
    except BaseException:  # Ctrl-C: the job waits again at once
        waiting = next(before for before, after in jobs.TAKEN_UP.items() if after == claimed.state)
        jobs.settle_now(store.engine, claimed, waiting)
        raise
    if state in jobs.ENDED:
        forget_passwords(claimed.token)
        if state != jobs.REFUSED:
            jobs.remove_files(folder)
    return state


def _plan(store: Store, claimed: Claim, folder: Path, names: dict[str, str], pulse: _Pulse) -> str:
    options, batch_id = claimed.options, uuid.uuid4().hex
    plan = _import(
        store, claimed, folder, names, pulse, dry_run=True, batch_id=batch_id, inspect=effects_on(store, batch_id)
    )
    if stuck := _stuck(plan):
        return _wait(store, claimed, stuck)
    _keep_refused(folder, plan)
    if jobs.cancelled_by(folder):
        raise CancelledError
    if passwords_of(claimed.token):
        options = options | {"needs_password": True}  # nosec B105  # a flag, no password
    if options.get("commit_if_clean") and plan.is_clean:
        if not jobs.settle_now(
            store.engine, claimed, jobs.TO_COMMIT, plan=_as_dict(plan), options=options, batch_id=batch_id
        ):
            raise _TakenError
        return jobs.TO_COMMIT
    if not jobs.settle_now(store.engine, claimed, jobs.PLANNED, plan=_as_dict(plan), options=options):
        raise _TakenError
    return jobs.PLANNED


def _commit(store: Store, claimed: Claim, folder: Path, names: dict[str, str], pulse: _Pulse) -> str:
    if jobs.is_imported(store.engine, claimed.batch_id):  # the worker before this one died after committing
        jobs.settle_now(store.engine, claimed, jobs.DONE)
        return jobs.DONE
    if claimed.options.get("needs_password") and not passwords_of(claimed.token):
        jobs.settle_now(store.engine, claimed, jobs.PLANNED, error=ASK_AGAIN)
        return jobs.PLANNED

    def confirm(connection: Connection) -> list[Effect]:
        """Mark the job done in the transaction of its facts; or throw them away if it is cancelled or not ours any more."""
        if jobs.cancelled_by(folder):
            raise CancelledError
        if not jobs.settle(connection, claimed, jobs.DONE):
            raise _TakenError
        return []

    plan = _import(store, claimed, folder, names, pulse, dry_run=False, batch_id=claimed.batch_id, inspect=confirm)
    if stuck := _stuck(plan):
        return _wait(store, claimed, stuck)
    if plan.committed:
        before = json.loads(claimed.plan) if claimed.plan else {}
        said = _as_dict(plan) | {"effects": before.get("effects", [])}
        jobs.settle_now(store.engine, claimed, jobs.DONE, plan=said)
        return jobs.DONE
    _keep_refused(folder, plan)
    if not jobs.settle_now(store.engine, claimed, jobs.REFUSED, plan=_as_dict(plan)):
        raise _TakenError
    return jobs.REFUSED


def _import(
    store: Store, claimed: Claim, folder: Path, names: dict[str, str], pulse: _Pulse, *, dry_run: bool, batch_id: str,
    inspect: Callable[[Connection], list[Effect]],
) -> Plan:  # fmt: skip
    options = claimed.options
    taken = [each["stored"] for each in options["files"] if each["name"] not in options.get("leave_out", ())]
    return import_files(
        store.engine,
        [folder / stored for stored in taken],
        id_key=store.id_key,
        by=options.get("by") or claimed.created_by,
        school_year=options.get("year"),
        dry_run=dry_run,
        take_good_rows=bool(options.get("take_good_rows")),
        acknowledged=options.get("acknowledged", ()),
        renames=options.get("renames", {}),
        passwords=passwords_of(claimed.token),
        batch_id=batch_id,
        names=names,
        originals=store.instance_dir / "originals",
        inspect=inspect,
        on_progress=pulse,
    )


def _stuck(plan: Plan) -> str:
    return next((p.message for p in plan.problems if p.message in (BUSY, FULL)), "")


def _wait(store: Store, claimed: Claim, why: str) -> str:
    """Try again what another import has kept from being done; after some tries, or where the disk is full, say so."""
    tries = int(claimed.options.get("tries", 0)) + 1
    if why == BUSY and tries < TRIES:
        state = next(before for before, after in jobs.TAKEN_UP.items() if after == claimed.state)
        jobs.settle_now(store.engine, claimed, state, options=claimed.options | {"tries": tries})
        return state
    state = jobs.PLANNED if claimed.plan else jobs.FAILED
    jobs.settle_now(store.engine, claimed, state, error=why, options=claimed.options | {"tries": 0})
    return state


def _cancel(store: Store, claimed: Claim, folder: Path) -> str:
    by = jobs.cancelled_by(folder)
    with store.engine.begin() as connection:
        if jobs.settle(connection, claimed, jobs.CANCELLED):
            record(connection, datetime.now(TAIPEI), by, "import_cancelled", {"job": claimed.token[:8]})
    return jobs.CANCELLED


def _keep_refused(folder: Path, plan: Plan) -> None:
    rows = [
        {"file": report.file, "sheet": report.sheet, "kind": report.kind} | asdict(row)
        for report in plan.reports
        for row in report.refused_rows[:MOST_KEPT]
    ]
    jobs.keep_refused_rows(folder, rows)


def _as_dict(plan: Plan) -> dict[str, Any]:
    said = plan.as_dict() | {"rejected_rows": sum(len(report.refused_rows[:MOST_KEPT]) for report in plan.reports)}
    for report in said["reports"]:
        whole = [error for error in report["errors"] if error["row"] is None]
        rows = [error for error in report["errors"] if error["row"] is not None]
        report["errors"] = whole + rows[:MOST_ERRORS]
    return said
