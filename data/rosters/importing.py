"""Files to facts: read, recognise, check and take in, in one transaction for all files; or refuse, and say why."""

from __future__ import annotations

import hmac
import json
import uuid
from collections.abc import Callable
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime
from pathlib import Path
from typing import Any

import pandas as pd
from sqlalchemy import Engine, insert, select

from data.db import raise_data_version, writing
from data.instants import TAIPEI, to_us
from data.models import AuditEvent, AuditRefusal, Import, SchoolClass, Window
from data.rosters import cells
from data.rosters.kinds import Context, Counts, Kind, recognise, type_rows
from data.rosters.problems import Problem, RefusedError
from data.rosters.reading import Table, find_files, read_tables


@dataclass(slots=True)
class FileReport:
    """What an import did, or would do, with one table."""

    file: str
    kind: str
    term: str = ""
    rows: int = 0
    new: int = 0
    changed: int = 0
    unchanged: int = 0
    rejected: int = 0
    warnings: list[str] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)
    title: str = ""

    def as_dict(self) -> dict[str, Any]:
        """Return the shape of `import --json`."""
        errors = [{"row": p.row, "column": p.column, "value": p.value, "message": p.message} for p in self.problems]
        kept = {k: v for k, v in asdict(self).items() if k not in {"problems", "title"}}
        return kept | {"errors": errors}


@dataclass(frozen=True, slots=True)
class Plan:
    """The outcome of one run over all files."""

    reports: list[FileReport]
    committed: bool

    @property
    def problems(self) -> list[Problem]:
        """Return every refusal, file by file."""
        return [problem for report in self.reports for problem in report.problems]


class _UndoneError(Exception):
    """Leaves the transaction without writing."""


def make_hasher(key: bytes) -> Callable[[str], str]:
    """Return the keyed hash under which a 身分證號 is kept: HMAC-SHA256, upper case, hexadecimal."""
    return lambda text: hmac.new(key, text.upper().encode(), "sha256").hexdigest()


def import_files(
    engine: Engine,
    paths: list[Path],
    *,
    id_key: bytes,
    by: str,
    school_year: int | None = None,
    dry_run: bool = False,
    take_good_rows: bool = False,
    at: datetime | None = None,
    on_progress: Callable[[str, int, int], None] = lambda *_: None,
) -> Plan:
    """Take in every table of the files named, all or nothing, and say of each what was new, changed or refused.

    Raises nothing for bad input: problems are in the plan, and then nothing was written (unless take_good_rows, which
    leaves the bad rows out). at is the time of the import, the present by default; on_progress hears (file, done, total).
    """
    moment = at or datetime.now(TAIPEI)
    tables, reports = _read_all(paths, on_progress)
    recognised: list[tuple[Kind, Table, dict[str, str]]] = []
    for table in tables:
        try:
            kind, heading = recognise(table)
            recognised.append((kind, table, heading))
        except RefusedError as refused:
            rows = len(table.frame)
            reports.append(FileReport(table.file_name, "", rows=rows, rejected=rows, problems=refused.problems))
    recognised.sort(key=lambda item: (item[0].order, item[1].file_name))
    years = _years_of(recognised, school_year)
    batch_id = uuid.uuid4().hex
    committed = False
    try:
        with writing(engine) as connection:
            ids = connection.execute(select(Import.id).order_by(Import.id.desc()).limit(1)).scalar() or 0
            for number, (kind, table, heading) in enumerate(recognised, start=1):
                on_progress(table.file_name, number, len(recognised))
                context = Context(connection, to_us(moment), ids + number, make_hasher(id_key))
                connection.execute(
                    insert(Import).values(_import_row(context.import_id, batch_id, table, kind, moment, by))
                )
                report = _take(kind, table, heading, context, years)
                reports.append(report)
                connection.execute(Import.__table__.update().where(Import.id == context.import_id).values(  # type: ignore[attr-defined]
                    term=report.term, row_count=report.rows, new_count=report.new, changed_count=report.changed,
                    unchanged_count=report.unchanged, rejected_count=report.rejected,
                    warnings=json.dumps(report.warnings, ensure_ascii=False)))  # fmt: skip
            _warn_missing_windows(connection, reports)
            has_problems = any(report.problems for report in reports)
            whole_file_refused = any(p.row is None for report in reports for p in report.problems)
            if dry_run or whole_file_refused or (has_problems and not take_good_rows):
                raise _UndoneError
            if any(report.new or report.changed for report in reports):
                raise_data_version(connection)
            detail = {"batch_id": batch_id, "files": len(tables), "rows": sum(report.rows for report in reports)}
            connection.execute(
                insert(AuditEvent).values(happened_at=moment, actor=by, action="import", detail=json.dumps(detail))
            )
        committed = True
    except _UndoneError:
        pass
    plan = Plan(reports, committed)
    if plan.problems and not dry_run:
        _log_refusals(engine, plan.problems, batch_id, moment, by)
    return plan


def _read_all(paths: list[Path], on_progress: Callable[[str, int, int], None]) -> tuple[list[Table], list[FileReport]]:
    try:
        files = find_files(paths)
    except RefusedError as refused:
        return [], [FileReport(refused.problems[0].file_name, "", problems=refused.problems)]
    tables: list[Table] = []
    reports: list[FileReport] = []
    for number, path in enumerate(files):
        on_progress(path.name, number, len(files))
        try:
            tables += read_tables(path)
        except RefusedError as refused:
            reports.append(FileReport(path.name, "", problems=refused.problems))
    return tables, reports


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
    report = FileReport(table.file_name, kind.key, rows=len(table.frame), title=kind.title)
    has_year = any(column.name == "school_year" for column in kind.columns)
    try:
        if has_year and "school_year" not in heading:
            if len(years) != 1:
                said = "、".join(map(str, years)) or "沒有"
                message = f"這份名冊沒有學年欄，其他檔案的學年是：{said}；請用 --year 指定學年度，例：--year 113"
                raise RefusedError([Problem(table.file_name, message=message)])
            name = "學年"
            table = replace(table, frame=table.frame.assign(**{name: str(years[0])}))
            heading = heading | {"school_year": name}
        rows = type_rows(table, kind, heading)
        counts = kind.take(rows, context) if len(rows.frame) else Counts()
        report.new, report.changed, report.unchanged = counts.new, counts.changed, counts.unchanged
        report.rejected, report.warnings, report.problems = len(rows.rejected), rows.warnings, rows.problems
        report.term = _terms(rows.frame)
    except RefusedError as refused:
        report.problems, report.rejected = refused.problems, report.rows
        report.new = report.changed = report.unchanged = 0
    return report


def _terms(frame: pd.DataFrame) -> str:
    if "school_year" not in frame:
        return ""
    semester = frame.get("semester", 0)
    return "、".join(str(term) for term in sorted(set(frame["school_year"] * 10 + semester)))


def _import_row(import_id: int, batch_id: str, table: Table, kind: Kind, moment: datetime, by: str) -> dict[str, Any]:
    return {
        "id": import_id, "batch_id": batch_id, "file_name": table.file_name, "sha256": table.sha256, "kind": kind.key,
        "term": "", "row_count": 0, "new_count": 0, "changed_count": 0, "unchanged_count": 0, "rejected_count": 0,
        "warnings": "", "imported_at": moment, "imported_by": by,
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


def _log_refusals(engine: Engine, problems: list[Problem], batch_id: str, moment: datetime, by: str) -> None:
    """Keep what was refused beside the facts, never among them. Values stay out: they may be personal."""
    with writing(engine) as connection:
        connection.execute(
            insert(AuditRefusal),
            [
                {"batch_id": batch_id, "refused_at": moment, "file_name": p.file_name, "row_number": p.row,
                 "column_name": p.column, "value": None, "message": p.message}
                for p in problems
            ],
        )  # fmt: skip
        detail = json.dumps({"batch_id": batch_id, "refusals": len(problems)})
        connection.execute(
            insert(AuditEvent).values(happened_at=moment, actor=by, action="import_refused", detail=detail)
        )
