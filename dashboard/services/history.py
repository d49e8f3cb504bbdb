"""The imports there were: what each brought, taking one back, and its refused rows to be mended."""

from __future__ import annotations

import io
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, func, select, union_all

from dashboard.access.roles import Role
from dashboard.services import jobs
from dashboard.services.hand_ins import ServiceError, may_see, visible_job
from dashboard.services.store import Store
from data import jobs as queue
from data.corrections import BY_HAND, without_reason
from data.db import reading
from data.models import AuditEvent, AuditRefusal, AuditRejectedRow, Import, Job
from data.rosters.importing import REASONS
from data.rosters.kinds import all_kinds
from data.rosters.problems import RefusedError
from data.rosters.undo import undo_batch


@dataclass(frozen=True, slots=True)
class BatchFile:
    """One table of an import: a sheet of a file. warnings: alarms, warnings and notes."""

    file: str
    sheet: str
    kind: str
    title: str  # the kind in words
    term: str
    sha256: str
    rows: int
    new: int
    changed: int
    unchanged: int
    rejected: int
    warnings: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Batch:
    """One run of import, or one entry by hand. state: kept, undone, or refused (nothing of it was written)."""

    batch_id: str
    at: datetime
    by: str
    state: str
    by_hand: bool
    files: tuple[BatchFile, ...]
    undone_at: datetime | None
    undone_by: str
    rejected_rows: int  # how many can be downloaded

    @property
    def can_be_undone(self) -> bool:
        """Tell whether undo may be offered; it may still be refused, with the reason."""
        return self.state == "kept"


def list_batches(store: Store, *, limit: int = 50, offset: int = 0, with_reasons: bool = False) -> list[Batch]:
    """Return the imports, entries by hand and refused runs, newest first. with_reasons: of the entries, for who may make them."""
    runs = _runs()
    newest = select(runs).order_by(runs.c.at.desc(), runs.c.batch_id).limit(limit).offset(offset)
    with reading(store.engine) as connection:
        return _batches(connection, [row.batch_id for row in connection.execute(newest)], with_reasons=with_reasons)


def count_batches(store: Store) -> int:
    """Return how many list_batches could return in all."""
    with reading(store.engine) as connection:
        return int(connection.execute(select(func.count()).select_from(_runs())).scalar_one())


def batch_of(store: Store, batch_id: object, *, with_reasons: bool = False) -> Batch | None:
    """Return one import, None where there is none."""
    if not isinstance(batch_id, str):
        return None
    with reading(store.engine) as connection:
        return next(iter(_batches(connection, [batch_id], with_reasons=with_reasons)), None)


def undo(store: Store, batch_id: object, *, by: str) -> int:
    """Take an import, or an entry by hand, back; return how many rows that was. Raises ServiceError with the reason."""
    try:
        return undo_batch(store.engine, batch_id if isinstance(batch_id, str) else "", by=by)
    except RefusedError as refused:
        raise ServiceError("；".join(problem.message for problem in refused.problems)) from None


def _runs() -> Any:
    """Every run once: those that took something in, and those that were refused and are in no import."""
    taken = select(Import.batch_id, func.min(Import.imported_at).label("at")).group_by(Import.batch_id)
    refused = select(AuditRefusal.batch_id, func.min(AuditRefusal.refused_at).label("at")).where(
        AuditRefusal.batch_id.not_in(select(Import.batch_id))
    )
    return union_all(taken, refused.group_by(AuditRefusal.batch_id)).subquery()


def _batches(connection: Connection, batch_ids: list[str], *, with_reasons: bool) -> list[Batch]:
    titles = {kind.key: kind.title for kind in all_kinds()} | {BY_HAND: "人工登錄"}
    imports: dict[str, list[Any]] = {}
    for row in connection.execute(select(Import).where(Import.batch_id.in_(batch_ids)).order_by(Import.id)):
        imports.setdefault(row.batch_id, []).append(row)
    kept = select(AuditRejectedRow.batch_id, func.count()).where(AuditRejectedRow.batch_id.in_(batch_ids))
    rejected = dict(connection.execute(kept.group_by(AuditRejectedRow.batch_id)).all())
    found = []
    for batch_id in batch_ids:
        count = rejected.get(batch_id, 0)
        if batch_id in imports:
            found.append(_taken(batch_id, imports[batch_id], titles, count, with_reasons=with_reasons))
        elif (refused := _refused(connection, batch_id, titles, count)) is not None:
            found.append(refused)
    return found


def _taken(batch_id: str, rows: list[Any], titles: Mapping[str, str], rejected: int, *, with_reasons: bool) -> Batch:
    first = rows[0]
    files = tuple(
        BatchFile(
            row.file_name if with_reasons or row.kind != BY_HAND else without_reason(row.file_name), row.sheet, row.kind, titles.get(row.kind, row.kind), row.term, row.sha256, row.row_count, row.new_count,
            row.changed_count, row.unchanged_count, row.rejected_count, tuple(json.loads(row.warnings or "[]")),
        )
        for row in rows
    )  # fmt: skip
    return Batch(
        batch_id, first.imported_at, first.imported_by, first.state, first.kind == BY_HAND, files, first.undone_at, first.undone_by, rejected
    )  # fmt: skip


def _refused(connection: Connection, batch_id: str, titles: Mapping[str, str], rejected: int) -> Batch | None:
    said = connection.execute(
        select(AuditRefusal).where(AuditRefusal.batch_id == batch_id).order_by(AuditRefusal.id)
    ).all()
    if not said:
        return None
    kinds = select(AuditRejectedRow.file_name, AuditRejectedRow.kind).where(AuditRejectedRow.batch_id == batch_id)
    kind_of = dict(connection.execute(kinds.distinct()).all())
    rows: dict[str, set[int]] = {}
    whole: dict[str, list[str]] = {}
    for one in said:
        rows.setdefault(one.file_name, set())
        if one.row_number is None:
            whole.setdefault(one.file_name, []).append(one.message)
        else:
            rows[one.file_name].add(one.row_number)
    files = tuple(
        BatchFile(
            name, "", kind_of.get(name, ""), titles.get(kind_of.get(name, ""), ""), "", "", 0, 0, 0, 0, len(numbers), tuple(whole.get(name, ())[:5])
        )
        for name, numbers in rows.items()
    )  # fmt: skip
    return Batch(
        batch_id, said[0].refused_at, _refused_to(connection, said[0]), "refused", False, files, None, "", rejected
    )


def _refused_to(connection: Connection, refusal: Any) -> str:
    """Whose run was refused: the audit line of the same instant says."""
    events = connection.execute(
        select(AuditEvent.actor, AuditEvent.detail).where(
            AuditEvent.action == "import_refused", AuditEvent.happened_at == refusal.refused_at
        )
    )
    return next((e.actor for e in events if json.loads(e.detail).get("batch_id") == refusal.batch_id), "")


def rejected_rows(store: Store, batch_id: object, *, by: str, role: Role) -> bytes | None:
    """Return the refused rows of an import as a workbook to mend and hand in again; None where there are none to see.

    One sheet a list, the headings as handed in and the reasons last; the import leaves that column aside.
    """
    if not isinstance(batch_id, str):
        return None
    with reading(store.engine) as connection:
        job = connection.execute(select(Job.created_by, Job.source).where(Job.batch_id == batch_id)).first()
        owner, source = (job.created_by, job.source) if job is not None else ("", "")
        if not may_see(owner, source, by=by, role=role):  # what came by the command line is nobody's on the page
            return None
        rows = connection.execute(
            select(AuditRejectedRow).where(AuditRejectedRow.batch_id == batch_id).order_by(AuditRejectedRow.id)
        ).all()
    return _workbook(
        [(row.file_name, row.sheet, row.kind, json.loads(row.cells), json.loads(row.reasons)) for row in rows]
    )


def rejected_rows_of_job(store: Store, token: object, *, by: str, role: Role) -> bytes | None:
    """Return the rows that a hand-in's plan refuses, as rejected_rows does, before anything is decided."""
    row = visible_job(store, token, by=by, role=role)
    if row is None:
        return None
    rows = queue.read_refused_rows(jobs.folder_of(store, row.token))
    return _workbook([(r["file"], r["sheet"], r["kind"], r["cells"], r["reasons"]) for r in rows])


def _workbook(rows: list[tuple[str, str, str, dict[str, str], list[str]]]) -> bytes | None:
    if not rows:
        return None
    import xlsxwriter  # only who downloads them pays for the writer

    titles = {kind.key: kind.title for kind in all_kinds()}
    lists: dict[tuple[str, str, str], list[tuple[dict[str, str], list[str]]]] = {}
    for file, sheet, kind, cells, reasons in rows:
        lists.setdefault((file, sheet, kind), []).append((cells, reasons))
    out = io.BytesIO()
    plain = {"strings_to_formulas": False, "strings_to_urls": False, "strings_to_numbers": False, "in_memory": True}
    with xlsxwriter.Workbook(out, plain) as book:
        used: set[str] = set()
        for (_file, sheet_name, kind), refused in lists.items():
            headings = list(dict.fromkeys(heading for cells, _ in refused for heading in cells))
            sheet = book.add_worksheet(_sheet_name(sheet_name or titles.get(kind, kind) or "退回", used))
            for column, heading in enumerate([*headings, REASONS]):
                sheet.write_string(0, column, heading)
            for number, (cells, reasons) in enumerate(refused, start=1):
                for column, heading in enumerate(headings):
                    sheet.write_string(number, column, cells.get(heading, ""))
                sheet.write_string(number, len(headings), "；".join(reasons))
    return out.getvalue()


def _sheet_name(wanted: str, used: set[str]) -> str:
    """Return a name that a workbook takes and has not yet."""
    clean = re.sub(r"[\[\]:*?/\\']", "", wanted)[:28] or "退回"
    name, copies = clean, 1
    while name.lower() in used:
        copies += 1
        name = f"{clean}{copies}"
    used.add(name.lower())
    return name
