"""Files to facts: read, recognise, check and take in, in one transaction for all files; or refuse, and say why."""

from __future__ import annotations

import hmac
import json
import re
import shutil
import uuid
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

import pandas as pd
from sqlalchemy import Connection, Engine, delete, func, insert, select, update
from sqlalchemy.exc import OperationalError

from data.audit import append
from data.db import raise_data_version, read_data_version, reading, writing
from data.instants import TAIPEI, to_us
from data.models import (
    AuditRefusal,
    AuditRejectedRow,
    HeadingMapping,
    Import,
    SchoolClass,
    Window,
)
from data.rosters import cells
from data.rosters.archives import archive_reader
from data.rosters.drift import suggest_renames, unknown_headings
from data.rosters.kinds import (
    Context,
    Counts,
    Kind,
    Rows,
    UnmatchedError,
    all_kinds,
    known_headings,
    recognise,
    type_rows,
)
from data.rosters.meanings import PERSONAL, meaning_of
from data.rosters.plan import ColumnChange, Effect, FileReport, Plan, RefusedRow
from data.rosters.problems import Problem, RefusedError
from data.rosters.reading import Table, find_files, normalise_heading, read_in_child
from data.rosters.repeats import READER, earlier_imports, file_hash, repeat_imports
from data.rosters.undo import keep_rows
from data.school import read_settings

BUSY = "資料庫正由另一個匯入使用，沒有寫入任何資料；請稍候再試一次"
FULL = "磁碟空間不足，沒有寫入任何資料；請清出空間後再匯入"
GUIDE = "填寫說明"  # the sheet of a template that says how to fill it in: nothing to take in
REASONS = "退回原因"  # the last column of downloaded refused rows: handed in again, it says nothing
MOST_KEPT = 5_000  # refused rows kept of one table: a list that is wrong throughout is better exported anew
_ID_NUMBER = re.compile(r"[A-Za-z][A-Da-d1289][0-9]{8}")


class _UndoneError(Exception):
    """Leaves the transaction without writing."""


def make_hasher(key: bytes) -> Callable[[str], str]:
    """Return the keyed hash under which a 身分證號 is kept: HMAC-SHA256, upper case, hexadecimal."""
    return lambda text: hmac.new(key, text.upper().encode(), "sha256").hexdigest()


class CancelledError(Exception):
    """Raised by on_progress when the person does not want the import any more: nothing is written."""


def import_files(
    engine: Engine,
    paths: list[Path],
    *,
    id_key: bytes,
    by: str,
    school_year: int | None = None,
    dry_run: bool = False,
    take_good_rows: bool = False,
    acknowledged: Collection[str] | None = None,
    renames: Mapping[str, str] | None = None,
    passwords: Sequence[str] = (),
    at: datetime | None = None,
    batch_id: str = "",
    names: Mapping[str, str] | None = None,
    originals: Path | None = None,
    inspect: Callable[[Connection], list[Effect]] | None = None,
    on_progress: Callable[[str, int, int], None] = lambda *_: None,
) -> Plan:
    """Take in every table of the files named, all or nothing, and say of each what was new, changed or refused.

    Raises nothing for bad input: problems are in the plan, and then nothing was written (unless take_good_rows, which
    leaves the bad rows out). acknowledged: the alarms a person has seen (None: all of them). renames: headings that a
    person says mean a known column, new heading → known heading; remembered once committed. at is the time of the
    import, the present by default; batch_id its id, a new one by default; names: what people call the files, by the names
    they lie under; originals: where they are kept as handed in, if the school's settings say so; inspect sees the database as it would be; on_progress hears (file, done, total) and
    may raise CancelledError.
    """
    moment, batch_id = at or datetime.now(TAIPEI), batch_id or uuid.uuid4().hex
    if school_year is None and not renames:
        repeated = _take_repeats(
            engine, paths, names=names or {}, batch_id=batch_id, by=by, moment=moment, dry_run=dry_run
        )
        if repeated is not None:
            return repeated
    tables, reports = _as_handed_in(*_read_all(paths, passwords, on_progress), names or {})
    try:
        with writing(engine) as connection:
            plan = _plan(
                connection, tables, reports, batch_id=batch_id, id_key=id_key, by=by, school_year=school_year, moment=moment,
                renames=renames or {}, on_progress=on_progress,
            )  # fmt: skip
            plan.stopped_by = [] if acknowledged is None else [a for a in plan.alarms if a not in set(acknowledged)]
            if inspect is not None:
                plan.effects = inspect(connection)
            if dry_run or not _may_commit(plan, take_good_rows=take_good_rows):
                raise _UndoneError
            if any(report.new or report.changed for report in plan.reports):
                raise_data_version(connection)
            left = read_data_version(connection)
            connection.execute(update(Import).where(Import.batch_id == batch_id).values(data_version=left))
            detail = {"batch_id": batch_id, "files": len(tables), "rows": sum(report.rows for report in plan.reports)}
            record(connection, moment, by, "import", detail)
            keeps = originals is not None and read_settings(connection).keep_originals
            plan.committed = True
        if keeps and originals is not None:
            _keep_originals(originals, paths)
    except _UndoneError:
        plan.committed = False
    except OperationalError as error:  # nothing can be written now, so the refusal cannot be logged either
        message = FULL if "full" in str(error.orig).lower() or "no space" in str(error.orig).lower() else BUSY
        return Plan([*reports, FileReport("", "", problems=[Problem("資料庫", message=message)])], committed=False)
    if plan.problems and not dry_run:
        _log_refusals(engine, plan, batch_id, moment, by)
    return plan


def _keep_originals(folder: Path, paths: list[Path]) -> None:
    """Keep each file once, by its SHA-256, readable by its owner only."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    for path in find_files(paths):
        kept = folder / f"{file_hash(path)}{path.suffix.lower()}"
        if not kept.exists():
            shutil.copyfile(path, kept)
            kept.chmod(0o600)


def _take_repeats(
    engine: Engine, paths: list[Path], *, names: Mapping[str, str], batch_id: str, by: str, moment: datetime, dry_run: bool
) -> Plan | None:  # fmt: skip
    """Note that the files were handed in again, where all of them are in already to the byte; None: they must be read."""
    try:
        shown = {file_hash(path): names.get(path.name, path.name) for path in find_files(paths)}
        with reading(engine) as connection:
            if earlier_imports(connection, list(shown)) is None:
                return None
        with writing(engine) as connection:
            earlier = earlier_imports(connection, list(shown))
            if earlier is None:
                raise _UndoneError
            reports = repeat_imports(connection, shown, earlier, batch_id=batch_id, moment=moment, by=by)
            if dry_run:
                raise _UndoneError
            detail = {"batch_id": batch_id, "files": len(shown), "rows": sum(report.rows for report in reports)}
            record(connection, moment, by, "import", detail)
            return Plan(reports, committed=True, batch_id=batch_id)
    except _UndoneError:
        return Plan(reports, committed=False, batch_id=batch_id) if earlier is not None else None
    except (RefusedError, OperationalError, OSError):
        return None  # what is wrong is said on the usual way


def _may_commit(plan: Plan, *, take_good_rows: bool) -> bool:
    whole_file_refused = any(problem.row is None for problem in plan.problems)
    return not (plan.stopped_by or whole_file_refused or (plan.problems and not take_good_rows))


def _plan(
    connection: Connection,
    tables: list[Table],
    reports: list[FileReport],
    *,
    batch_id: str,
    id_key: bytes,
    by: str,
    school_year: int | None,
    moment: datetime,
    renames: Mapping[str, str],
    on_progress: Callable[[str, int, int], None],
) -> Plan:
    """Do everything that the import would do, on a transaction that may be thrown away."""
    reports = [*reports, *_blank_templates(tables)]
    mappings = _mappings(connection, renames)
    recognised: list[tuple[Kind, Table, dict[str, str]]] = []
    for table in tables:
        if table.sheet == GUIDE:
            continue
        try:
            kind, heading = recognise(table, mappings)
            recognised.append((kind, table, heading))
        except UnmatchedError as refused:
            unmatched = _refused(table, refused)
            unmatched.kind, unmatched.title, unmatched.renames = refused.kind.key, refused.kind.title, refused.renames
            reports.append(unmatched)
        except RefusedError as refused:
            reports.append(_refused(table, refused))
    recognised.sort(key=lambda item: (item[0].order, item[1].file_name))
    years = _years_of(recognised, school_year)
    first_id = (connection.execute(select(func.max(Import.id))).scalar() or 0) + 1
    for number, (kind, table, heading) in enumerate(recognised):
        on_progress(table.file_name, number + 1, len(recognised))
        context = Context(connection, to_us(moment), first_id + number, make_hasher(id_key))
        connection.execute(insert(Import).values(_import_row(context.import_id, batch_id, table, kind, moment, by)))
        report = _take(kind, table, heading, context, years)
        _compare_headings(context, report, table, kind, heading, batch_id=batch_id)
        reports.append(report)
        connection.execute(update(Import).where(Import.id == context.import_id).values(
            term=report.term, row_count=report.rows, new_count=report.new, changed_count=report.changed,
            unchanged_count=report.unchanged, rejected_count=report.rejected,
            warnings=json.dumps([*report.alarms, *report.warnings, *report.notes], ensure_ascii=False)))  # fmt: skip
        keep_rows(context)
    _warn_missing_windows(connection, reports)
    _remember(connection, recognised, renames, moment, by)
    return Plan(reports, committed=False, batch_id=batch_id)


def _blank_templates(tables: list[Table]) -> list[FileReport]:
    """Say which files are templates that nobody has filled in: their guide is all that they hold."""
    filled = {table.file_name for table in tables if table.sheet != GUIDE}
    message = f"這是還沒有填寫的範本，沒有任何資料列；請照「{GUIDE}」工作表填好第一張工作表再匯入"
    blank = {table.file_name for table in tables} - filled
    return [FileReport(name, "", problems=[Problem(name, message=message)]) for name in sorted(blank)]


def _refused(table: Table, refused: RefusedError) -> FileReport:
    rows = len(table.frame)
    return FileReport(table.file_name, "", rows=rows, rejected=rows, problems=refused.problems, sheet=table.sheet)


def _mappings(connection: Connection, renames: Mapping[str, str]) -> dict[str, dict[str, str]]:
    """Headings confirmed earlier or now, by kind: a name may be confirmed for every kind that has the column."""
    found: dict[str, dict[str, str]] = {}
    for row in connection.execute(select(HeadingMapping)):
        found.setdefault(row.kind, {})[row.heading] = row.column_name
    for kind in all_kinds():
        for column in kind.columns:
            for heading, known in renames.items():
                if known in column.headings:
                    found.setdefault(kind.key, {})[normalise_heading(heading)] = column.name
    return found


def _remember(
    connection: Connection, recognised: list[tuple[Kind, Table, dict[str, str]]], renames: Mapping[str, str], moment: datetime, by: str
) -> None:  # fmt: skip
    """Keep the confirmed headings that were used, for the next export of the same platform."""
    names = {normalise_heading(heading) for heading in renames}
    for kind, _, match in recognised:
        for column, heading in match.items():
            if heading in names:
                connection.execute(
                    delete(HeadingMapping).where(HeadingMapping.kind == kind.key, HeadingMapping.heading == heading)
                )
                row = {
                    "kind": kind.key,
                    "heading": heading,
                    "column_name": column,
                    "confirmed_at": moment,
                    "confirmed_by": by,
                }
                connection.execute(insert(HeadingMapping).values(row))


def _compare_headings(
    context: Context, report: FileReport, table: Table, kind: Kind, match: dict[str, str], *, batch_id: str
) -> None:
    """Say which columns the last export of the kind had and this one lacks, and what may have become of them."""
    report.recognised_by = list(match.values())
    report.unknown = unknown_headings(table, kind, match)
    report.missing = [column.headings[0] for column in kind.columns if column.name not in match]
    same_kind = (Import.kind == kind.key) & (Import.state == "kept") & (Import.batch_id != batch_id)
    earlier = context.connection.execute(
        select(Import.headings).where(same_kind, Import.headings != "").order_by(Import.id.desc()).limit(1)
    ).scalar()
    now = {"match": match, "unknown": report.unknown, "reader": READER}
    kept = json.dumps(now, ensure_ascii=False)
    context.connection.execute(update(Import).where(Import.id == context.import_id).values(headings=kept))
    if earlier is None or kind.claims:
        return
    before = json.loads(earlier)
    lost = [c for c in kind.columns if c.name in before["match"] and c.name not in match]
    report.renames = suggest_renames(table, kind, match, lost)
    renamed = {rename.column: rename.heading for rename in report.renames}
    for column in lost:
        old = before["match"][column.name]
        if column.name in renamed:
            report.warnings.append(f"新欄位「{renamed[column.name]}」，舊欄位「{old}」不見了；是否改名？")
        else:
            report.warnings.append(f"舊欄位「{old}」不見了，這次沒有這一欄的內容；原有的內容保留")
    fresh = [heading for heading in report.unknown if heading not in {*before["unknown"], *renamed.values()}]
    if fresh:
        report.notes.append(f"新欄位用不到，已略過：{'、'.join(fresh[:8])}")


def record(connection: Connection, moment: datetime, actor: str, action: str, detail: Mapping[str, Any]) -> None:
    """Write one audit line in the transaction of what it tells of."""
    batch_id = detail.get("batch_id")
    append(
        connection, at=moment, actor=actor, action=action, detail=detail, about=f"import:{batch_id}" if batch_id else ""
    )


def _read_all(
    paths: list[Path], passwords: Sequence[str], on_progress: Callable[[str, int, int], None]
) -> tuple[list[Table], list[FileReport]]:
    try:
        files = find_files(paths)
    except RefusedError as refused:
        return [], [FileReport(refused.problems[0].file_name, "", problems=refused.problems)]
    tables, problems = read_in_child(
        files, known=known_headings(), archive=archive_reader(passwords), on_progress=on_progress
    )
    by_file: dict[str, list[Problem]] = {}
    for problem in problems:
        by_file.setdefault(problem.file_name, []).append(problem)
    return tables, [FileReport(name, "", problems=found) for name, found in by_file.items()]


def _as_handed_in(
    tables: list[Table], reports: list[FileReport], names: Mapping[str, str]
) -> tuple[list[Table], list[FileReport]]:
    """Call files what people call them, and leave the reasons out of refused rows that are handed in again."""
    called = [
        replace(
            table, file_name=names.get(table.file_name, table.file_name), frame=table.frame.drop(columns=REASONS, errors="ignore")
        )
        for table in tables
    ]  # fmt: skip
    for report in reports:
        own = names.get(report.file, report.file)
        report.problems = [replace(problem, file_name=own) for problem in report.problems]
        report.file = own
    return called, reports


def _years_of(recognised: list[tuple[Kind, Table, dict[str, str]]], school_year: int | None) -> list[int]:
    """The school years that the load's own class rosters, else its other files, speak of; --year says it outright."""
    if school_year is not None:
        return [school_year]
    found: dict[str, set[int]] = {}
    for kind, table, heading in recognised:
        if "school_year" in heading:
            for text in table.frame[heading["school_year"]].unique():
                try:
                    found.setdefault(kind.key, set()).add(cells.read_year(text))
                except ValueError:
                    continue
    years = found.get("classes") or set().union(*found.values()) if found else set()
    return sorted(years)


def _take(kind: Kind, table: Table, heading: dict[str, str], context: Context, years: list[int]) -> FileReport:
    report = FileReport(table.file_name, kind.key, rows=len(table.frame), title=kind.title, sheet=table.sheet)
    has_year = any(column.name == "school_year" for column in kind.columns)
    try:
        if has_year and "school_year" not in heading:
            if len(years) != 1:
                said = "、".join(map(str, years)) or "沒有"
                message = f"這份名冊沒有學年欄，其他檔案的學年是：{said}；請指定學年度，或在名冊加上學年欄"
                raise RefusedError([Problem(table.file_name, message=message)])
            name = "學年"
            table = replace(table, frame=table.frame.assign(**{name: str(years[0])}))
            heading = heading | {"school_year": name}
        rows = type_rows(table, kind, heading)
        is_due = len(rows.frame) or (kind.take_empty and table.frame.empty)
        counts = kind.take(rows, context) if is_due else Counts()
        report.new, report.changed, report.unchanged = counts.new, counts.changed, counts.unchanged
        report.rejected, report.problems = len(rows.rejected), rows.problems
        report.notes, report.warnings, report.alarms = [*table.notes, *rows.notes], rows.warnings, rows.alarms
        report.refused_rows = _refused_rows(rows)
        report.changes = _changes(context)
        report.term = _terms(rows.frame)
    except RefusedError as refused:
        report.problems, report.rejected = refused.problems, report.rows
        report.new = report.changed = report.unchanged = 0
    return report


def _changes(context: Context) -> list[ColumnChange]:
    found = []
    for (table, column), (count, old, new) in sorted(context.changes.items()):
        title, meaning = meaning_of(table, column)
        shown = (table, column) not in PERSONAL
        found.append(ColumnChange(title, count, (old or "") if shown else "", (new or "") if shown else "", meaning))
    return found


def _refused_rows(rows: Rows) -> list[RefusedRow]:
    """Return the refused rows as they were handed in, without what is personal beyond name and number."""
    shown = [h for c in rows.kind.columns for n, h in rows.heading.items() if n == c.name and not c.personal]
    reasons: dict[int, list[str]] = {}
    for problem in rows.problems:
        if problem.row is not None:
            reasons.setdefault(problem.row, []).append(f"{problem.column or ''}：{problem.message}")
    cells_of = rows.table.frame.loc[sorted(rows.rejected), shown]
    return [
        RefusedRow(
            int(row),
            {h: _ID_NUMBER.sub("", str(cell)) for h, cell in zip(shown, values, strict=True)},
            reasons.get(int(row), []),
        )
        for row, values in zip(cells_of.index, cells_of.itertuples(index=False, name=None), strict=True)
    ]


def _terms(frame: pd.DataFrame) -> str:
    if "school_year" not in frame:
        return ""
    semester = frame.get("semester", 0)
    return "、".join(str(term) for term in sorted(set(frame["school_year"] * 10 + semester)))


def _import_row(import_id: int, batch_id: str, table: Table, kind: Kind, moment: datetime, by: str) -> dict[str, Any]:
    return {
        "id": import_id, "batch_id": batch_id, "file_name": table.file_name, "sha256": table.sha256, "kind": kind.key,
        "term": "", "row_count": 0, "new_count": 0, "changed_count": 0, "unchanged_count": 0, "rejected_count": 0,
        "warnings": "", "imported_at": moment, "imported_by": by, "sheet": table.sheet,
    }  # fmt: skip


def _warn_missing_windows(connection: Any, reports: list[FileReport]) -> None:
    """Say which terms and grades have certification lists but no certification window: such duties have no deadline."""
    have = {
        (row.school_year * 10 + row.semester, row.grade)
        for row in connection.execute(
            select(Window.school_year, Window.semester, Window.grade).where(Window.task == "certify")
        )
    }
    for report in reports:
        if report.kind != "outcomes" or not report.term:
            continue
        for term in map(int, report.term.split("、")):
            grades = set(
                connection.execute(select(SchoolClass.grade).where(SchoolClass.school_year == term // 10)).scalars()
            )
            lacking = "、".join(str(grade) for grade in sorted(grades) if (term, grade) not in have)
            if lacking:
                report.warnings.append(
                    f"{term // 10}-{term % 10} 的 {lacking} 年級沒有教師認證的作業期程，這些認證沒有截止時間"
                )


def _log_refusals(engine: Engine, plan: Plan, batch_id: str, moment: datetime, by: str) -> None:
    """Keep what was refused beside the facts, never among them: why, and the rows to be mended and handed in again."""
    refusals = [
        {"batch_id": batch_id, "refused_at": moment, "file_name": p.file_name, "row_number": p.row,
         "column_name": p.column, "value": None, "message": p.message}
        for p in plan.problems
    ]  # fmt: skip
    rows = [
        {"batch_id": batch_id, "file_name": report.file, "sheet": report.sheet, "kind": report.kind, "row_number": refused.row,
         "cells": json.dumps(refused.cells, ensure_ascii=False), "reasons": json.dumps(refused.reasons, ensure_ascii=False)}
        for report in plan.reports
        for refused in report.refused_rows[:MOST_KEPT]
    ]  # fmt: skip
    with writing(engine) as connection:
        connection.execute(insert(AuditRefusal), refusals)
        if rows:
            connection.execute(insert(AuditRejectedRow), rows)
        record(connection, moment, by, "import_refused", {"batch_id": batch_id, "refusals": len(plan.problems)})
