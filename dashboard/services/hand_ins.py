"""What people hand in to be imported: kept, shown to whom it concerns, and decided on."""

from __future__ import annotations

import json
import re
import secrets
import uuid
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import IO, Any

from sqlalchemy.exc import OperationalError

from dashboard.access.roles import PERMISSIONS, Permission, Role
from dashboard.services import jobs
from dashboard.services.store import Store
from data import jobs as queue
from data.rosters.archives import NEEDS_PASSWORD
from data.rosters.importing import BUSY

UPLOAD_BYTES = 200 * 2**20  # of one hand-in: the page should say so before it sends
MOST_FILES = 200
NO_SUCH_JOB = "找不到這一次交件，可能已經處理完或取消了"
WATCH = "watch"  # who hands in, and where from, when a watched folder does
_TOKEN = re.compile(r"[0-9a-f]{32}")


class ServiceError(ValueError):
    """Something that cannot be done with an import, said to the person."""


@dataclass(frozen=True, slots=True)
class JobFile:
    """A file of a hand-in, by the name the person knows it by. left_out: it stays out of the plan until taken in again."""

    name: str
    size: int
    sha256: str
    left_out: bool


@dataclass(frozen=True, slots=True)
class Options:
    """What the person has decided about a hand-in so far. renames: new heading → known heading."""

    acknowledged: tuple[str, ...] = ()
    renames: Mapping[str, str] = field(default_factory=dict)
    year: int | None = None
    take_good_rows: bool = False


@dataclass(frozen=True, slots=True)
class JobView:
    """A hand-in as its page shows it.

    state: queued, planning (being looked at), planned (waits for the person), to_commit, committing, done, refused (tried
    and not written: plan says why; it may be planned again), cancelled or failed (error says so).
    plan: Plan.as_dict() plus "rejected_rows" (how many can be downloaded), None while there is none; reports name files as
    the person knows them. progress: the file being worked on, how many are done, how many there are.
    asks_password: a file of it can only be opened with a password, asked for again when it is committed elsewhere.
    """

    token: str
    state: str
    source: str  # page or watch
    created_by: str
    created_at: datetime
    finished_at: datetime | None
    files: tuple[JobFile, ...]
    plan: dict[str, Any] | None
    options: Options
    progress: tuple[str, int, int]
    error: str
    asks_password: bool
    batch_id: str  # of the import it became, where state is done

    @property
    def is_running(self) -> bool:
        """Tell whether a page should look again in a second."""
        return self.state in ("queued", "planning", "to_commit", "committing")

    @property
    def stopped_by(self) -> list[str]:
        """Return in words what still stops a commit, by the options as they are; empty where it may be committed."""
        return (
            []
            if self.plan is None
            else _stops(self.plan, self.options.acknowledged, take_good_rows=self.options.take_good_rows)
        )


def hand_in(
    store: Store,
    files: Iterable[tuple[str, IO[bytes]]],
    *,
    by: str,
    source: str = "page",
    year: int | None = None,
    token: object = None,
    role: Role | None = None,
) -> str:
    """Keep files (original name, stream) for a worker to look at; return the token of the job.

    token and role: add to a hand-in that waits, a file of the same name taking the place of the earlier one; it is planned
    again. What a watched folder hands in is committed by itself where its plan is clean. Raises ServiceError.
    """
    row = None if token is None else visible_job(store, token, by=by, role=role)
    if token is not None and row is None:
        raise ServiceError(NO_SUCH_JOB)
    if row is not None and row.state not in (queue.PLANNED, queue.REFUSED):
        raise ServiceError("正在處理或已經結束，現在不能加檔案")
    made = secrets.token_hex(16) if row is None else row.token
    folder = jobs.folder_of(store, made)
    options: dict[str, Any] = {"year": year} if row is None else json.loads(row.options)
    before = options.get("files", [])
    try:
        kept = queue.keep_files(folder, files, before)
        if kept == before:
            raise ServiceError("沒有選擇檔案")
        if source != WATCH and (sum(each["size"] for each in kept) > UPLOAD_BYTES or len(kept) > MOST_FILES):
            raise ServiceError(f"一次最多 {MOST_FILES} 個檔案、共 {UPLOAD_BYTES // 2**20} MB，請分批交")
        fresh = {each["name"] for each in kept if each not in before}
        options |= {"files": kept, "leave_out": [name for name in options.get("leave_out", ()) if name not in fresh]}
        if row is None:
            queue.add_job(store.engine, made, options | {"commit_if_clean": source == WATCH}, source=source, by=by)
        elif not queue.move(store.engine, row, queue.QUEUED, by=by, action="import_handed_in", options=options):
            raise ServiceError("剛剛有人對這一次交件做了決定，請重新整理再看")
    except OperationalError:
        _drop(folder, row)
        raise ServiceError(BUSY) from None
    except OSError:
        _drop(folder, row)
        raise ServiceError("伺服器的磁碟寫不進去（可能滿了），沒有收下任何檔案") from None
    except ServiceError:
        _drop(folder, row)
        raise
    if source != WATCH:
        jobs.wake(store)
    return made


def _drop(folder: Path, row: Any) -> None:
    if row is None:
        queue.remove_files(folder)


def job_of(store: Store, token: object, *, by: str, role: Role) -> JobView | None:
    """Return a hand-in to whoever handed it in, to the executive secretary, and, if a watched folder did, to all who import.

    None for anybody else, exactly as for a token that does not exist. by: the account name.
    """
    row = visible_job(store, token, by=by, role=role)
    if row is None:
        return None
    view = _view(store, row)
    if view.is_running:
        jobs.wake(store)  # after a restart nobody else would take it up
    return view


def list_jobs(store: Store, *, by: str, role: Role) -> list[JobView]:
    """Return the hand-ins that run or wait for a person and that this one may see, newest first; without their plans."""
    waiting = (*queue.TAKEN_UP, *queue.RUNNING, queue.PLANNED, queue.REFUSED)
    rows = [
        row for row in queue.jobs_in(store.engine, waiting) if may_see(row.created_by, row.source, by=by, role=role)
    ]
    views = [_view(store, row, with_plan=False) for row in reversed(rows)]
    if any(view.is_running for view in views):
        jobs.wake(store)
    return views


def decide(
    store: Store,
    token: object,
    *,
    action: str,
    by: str,
    role: Role,
    acknowledged: Collection[str] = (),
    renames: Mapping[str, str] | None = None,
    year: int | None = None,
    take_good_rows: bool = False,
    leave_out: Collection[str] = (),
    password: str = "",
) -> None:
    """Tell what is to become of a hand-in. action: replan (with exactly the options given), commit or cancel.

    acknowledged: the alarms seen, word for word as a report lists them. renames: new heading → known heading. year: the
    school year of lists that say none. leave_out: names of files to leave aside. password: of an archive; kept in memory
    only. A commit is of the plan as it is, so year, renames and leave_out count for replan only; it is refused while rows
    are refused (without take_good_rows), a whole file is, or an alarm is not acknowledged.
    Raises ServiceError with what to say; for a token the person may not see, the same as for none.
    """
    row = visible_job(store, token, by=by, role=role)
    if row is None:
        raise ServiceError(NO_SUCH_JOB)
    try:
        if action == "cancel":
            _cancel(store, row, by)
            return
        options = json.loads(row.options) | {
            "acknowledged": _texts(acknowledged), "take_good_rows": take_good_rows is True, "tries": 0,
        }  # fmt: skip
        if password:
            options |= jobs.hold_password(row.token, _texts([password])[0])
        if action == "replan":
            _replan(store, row, options, by=by, renames=renames or {}, year=year, leave_out=leave_out)
        elif action == "commit":
            _commit(store, row, options, by=by)
        else:
            raise ServiceError("沒有這個動作")
    except OperationalError:
        raise ServiceError(BUSY) from None
    jobs.wake(store)


def _replan(
    store: Store, row: Any, options: dict[str, Any], *, by: str, renames: Mapping[str, str], year: int | None, leave_out: Collection[str]
) -> None:  # fmt: skip
    if row.state not in (queue.PLANNED, queue.REFUSED):
        raise ServiceError("正在處理或已經結束，現在不能重新檢查")
    if year is not None and (type(year) is not int or not 90 <= year <= 200):
        raise ServiceError("學年度請填 90 到 200 的數字，例：113")
    names = {each["name"] for each in options["files"]}
    left = [name for name in _texts(leave_out) if name in names]
    if len(left) == len(names):
        raise ServiceError("至少要留一個檔案；都不要的話請按取消")
    pairs = dict(zip(_texts(list(renames)), _texts(list(renames.values())), strict=True))
    options |= {"renames": pairs, "year": year, "leave_out": left}
    _move(store, row, queue.QUEUED, by=by, action="import_replanned", options=options)


def _commit(store: Store, row: Any, options: dict[str, Any], *, by: str) -> None:
    if row.state != queue.PLANNED or not row.plan:
        raise ServiceError("要先檢查完，才能匯入")
    stops = _stops(json.loads(row.plan), options["acknowledged"], take_good_rows=options["take_good_rows"])
    if stops:
        raise ServiceError("；".join(stops))
    batch_id = uuid.uuid4().hex
    _move(
        store, row, queue.TO_COMMIT, by=by, action="import_confirmed", options=options | {"by": by}, batch_id=batch_id
    )


def _move(store: Store, row: Any, state: str, **values: Any) -> None:
    if not queue.move(store.engine, row, state, **values):
        raise ServiceError("剛剛有人對這一次交件做了決定，請重新整理再看")


def _cancel(store: Store, row: Any, by: str) -> None:
    """Cancel a job that waits at once, and one that runs at its next file; what is in is not cancelled but undone."""
    folder = jobs.folder_of(store, row.token)
    for _ in range(20):
        if row.state in queue.RUNNING:
            queue.ask_to_cancel(folder, by)
            row = queue.find_job(store.engine, row.token)
            if row.state in queue.RUNNING:
                return
        elif row.state == queue.DONE:
            raise ServiceError("已經匯入了；要收回請用「復原」")
        elif row.state in (queue.CANCELLED, queue.FAILED):
            return
        elif queue.move(store.engine, row, queue.CANCELLED, by=by, action="import_cancelled"):
            jobs.forget_passwords(row.token)
            queue.remove_files(folder)
            return
        else:
            row = queue.find_job(store.engine, row.token)
    raise ServiceError(BUSY)


def _stops(plan: Mapping[str, Any], acknowledged: Collection[str], *, take_good_rows: bool) -> list[str]:
    """Say what stops a plan from being committed, as import_files will judge it."""
    reports = plan["reports"]
    whole = [report["file"] for report in reports if any(error["row"] is None for error in report["errors"])]
    rows = sum(report["rejected"] for report in reports if report["file"] not in whole)
    unseen = {alarm for report in reports for alarm in report["alarms"]} - set(acknowledged)
    stops = []
    if whole:
        names = "、".join(dict.fromkeys(whole))
        stops.append(f"整個檔案不能收：{names}；請改好再交，或先不收這些檔案")
    if rows and not take_good_rows:
        stops.append(f"有 {rows} 列退回；請改好再交，或選擇只收其他列")
    if unseen:
        stops.append(f"有 {len(unseen)} 項要先看過並確認")
    return stops


def _texts(values: object) -> list[str]:
    """Hold what a browser says to be a list of texts to that."""
    if not isinstance(values, (list, tuple, set, frozenset)) or len(values) > 500:
        raise ServiceError("送來的內容看不懂，請重新整理再試")
    if not all(isinstance(value, str) and len(value) <= 2000 for value in values):
        raise ServiceError("送來的內容看不懂，請重新整理再試")
    return list(values)


def visible_job(store: Store, token: object, *, by: str, role: Role | None) -> Any:
    """Return the row of a job that this person may see: the one place where that is decided."""
    if not isinstance(token, str) or not _TOKEN.fullmatch(token):
        return None
    row = queue.find_job(store.engine, token)
    return row if row is not None and may_see(row.created_by, row.source, by=by, role=role) else None


def may_see(owner: str, source: str, *, by: str, role: Role | None) -> bool:
    """A plan and refused rows show students: to who handed them in and the executive secretary; a watched folder's to all

    who import, as they wait for whoever comes.
    """
    if role is None or Permission.IMPORT not in PERMISSIONS[role]:
        return False
    return role == Role.EXECUTIVE_SECRETARY or source == WATCH or (owner == by and source == "page")


def _view(store: Store, row: Any, *, with_plan: bool = True) -> JobView:
    options = json.loads(row.options)
    left = set(options.get("leave_out", ()))
    plan = json.loads(row.plan) if row.plan else None
    return JobView(
        token=row.token,
        state=row.state,
        source=row.source,
        created_by=row.created_by,
        created_at=row.created_at,
        finished_at=row.finished_at,
        files=tuple(JobFile(f["name"], f["size"], f["sha256"], f["name"] in left) for f in options["files"]),
        plan=plan if with_plan else None,
        options=Options(
            tuple(options.get("acknowledged", ())),
            options.get("renames", {}),
            options.get("year"),
            bool(options.get("take_good_rows")),
        ),
        progress=queue.read_progress(jobs.folder_of(store, row.token)) if row.state in queue.RUNNING else ("", 0, 0),
        error=row.error,
        asks_password=row.error == jobs.ASK_AGAIN or (plan is not None and _asks_password(plan)),
        batch_id=row.batch_id if row.state == queue.DONE else "",
    )


def _asks_password(plan: Mapping[str, Any]) -> bool:
    return any(needs_password(error["message"]) for report in plan["reports"] for error in report["errors"])


def needs_password(message: str) -> bool:
    """Tell whether a refusal asks for an archive's password; a workbook's cannot be given here."""
    return NEEDS_PASSWORD in message
