"""Files that are in already, to the byte, with nothing changed since: they need not be read again."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
from sqlalchemy import Connection, func, insert, select

from data.db import read_data_version
from data.models import Import, ImportRows
from data.rosters.kinds import all_kinds
from data.rosters.plan import FileReport
from data.rosters.undo import fact_tables, pack_ids, unpack_ids

READER = version("licheng")  # another version may read the same bytes otherwise
KEPT = ("kind", "sheet", "term", "row_count", "headings", "sha256", "data_version")


def file_hash(path: Path) -> str:
    """Return a file's SHA-256 without holding it in memory."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def earlier_imports(connection: Connection, hashes: Sequence[str]) -> dict[str, list[Any]] | None:
    """Return the imports that took in these very bytes, by hash; None unless every file is in and nothing changed since.

    Importing is idempotent, so such a load says nothing new; a single file that must be read means reading all, as what
    one file changes another may rest on.
    """
    found: dict[str, list[Any]] = {}
    present = read_data_version(connection)
    for sha256 in hashes:
        newest = select(func.max(Import.id)).where(Import.sha256 == sha256, Import.state == "kept").scalar_subquery()
        batch = select(Import.batch_id).where(Import.id == newest).scalar_subquery()
        same = connection.execute(select(Import).where(Import.sha256 == sha256, Import.batch_id == batch)).all()
        if not same or not all(_still_says(row, present) for row in same):
            return None
        found[sha256] = list(same)
    return found


def _still_says(row: Any, data_version: int) -> bool:
    """Nothing committed since (facts, settings, corrections, undo: each raises the version), and all of it taken."""
    read_alike = bool(row.headings) and json.loads(row.headings).get("reader") == READER
    return row.data_version == data_version and row.rejected_count == 0 and read_alike


def repeat_imports(
    connection: Connection, names: dict[str, str], earlier: dict[str, list[Any]], *, batch_id: str, moment: Any, by: str
) -> list[FileReport]:
    """Note that the same files were handed in again: every row unchanged, resting on what the earlier imports wrote."""
    titles = {kind.key: kind.title for kind in all_kinds()}
    first_id = (connection.execute(select(func.max(Import.id))).scalar() or 0) + 1
    reports = []
    rows = [(sha256, row) for sha256, same in earlier.items() for row in same]
    for number, (sha256, row) in enumerate(rows):
        note = f"和 {row.imported_at:%Y/%m/%d %H:%M} 匯入的是同一個檔案，之後資料沒有變動，每一列都不變"
        report = FileReport(
            names[sha256], row.kind, row.term, rows=row.row_count, unchanged=row.row_count, title=titles.get(row.kind, ""),
            sheet=row.sheet, notes=[note], recognised_by=list(json.loads(row.headings)["match"].values()),
        )  # fmt: skip
        reports.append(report)
        kept = {name: getattr(row, name) for name in KEPT}
        connection.execute(
            insert(Import).values(
                id=first_id + number,
                batch_id=batch_id,
                file_name=names[sha256],
                new_count=0,
                changed_count=0,
                unchanged_count=row.row_count,
                rejected_count=0,
                warnings=json.dumps([note], ensure_ascii=False),
                imported_at=moment,
                imported_by=by,
                **kept,
            )
        )
        _rest_on(connection, row.id, first_id + number)
    return reports


def _rest_on(connection: Connection, earlier_id: int, import_id: int) -> None:
    """Let the repeat speak of the rows the earlier import spoke of, and of those it wrote."""
    stated = {
        table.name: [np.asarray(connection.execute(select(table.c.id).where(table.c.import_id == earlier_id)).scalars().all())]
        for table in fact_tables()
    }  # fmt: skip
    rows = []
    for row in connection.execute(select(ImportRows).where(ImportRows.import_id == earlier_id)):
        if row.relied:
            kept = {"import_id": import_id, "table_name": row.table_name, "relied": True, "row_ids": row.row_ids}
            rows.append(kept)
        else:
            stated.setdefault(row.table_name, []).append(unpack_ids(row.row_ids))
    rows += [
        {"import_id": import_id, "table_name": name, "relied": False, "row_ids": pack_ids(parts)}
        for name, parts in stated.items()
        if any(len(part) for part in parts)
    ]
    if rows:
        connection.execute(insert(ImportRows), rows)
