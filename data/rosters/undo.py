"""Taking one import back: the state is then what it would be had the import never happened, or undo says why it cannot."""

from __future__ import annotations

import zlib
from collections.abc import Iterable
from datetime import datetime
from typing import Any

import numpy as np
import numpy.typing as npt
from sqlalchemy import Connection, Engine, Table, delete, func, insert, select, update
from sqlalchemy.exc import IntegrityError, OperationalError

from data.audit import append
from data.db import raise_data_version, writing
from data.instants import TAIPEI
from data.models import Base, Import, ImportChange, ImportRows
from data.rosters.kinds import Context
from data.rosters.problems import Problem, RefusedError
from data.rosters.store import from_text

Ids = npt.NDArray[np.int64]
CHUNK = 500  # SQLite takes a limited number of parameters


def pack_ids(parts: Iterable[Ids]) -> bytes:
    """Pack row ids into few bytes: sorted, as differences, compressed (100,000 rows of one list take some 150 bytes)."""
    ids = np.unique(np.concatenate([*parts]).astype(np.int64))
    return zlib.compress(np.diff(ids, prepend=0).astype("<i8").tobytes())


def unpack_ids(packed: bytes) -> Ids:
    """Return the ids that pack_ids packed."""
    ids: Ids = np.cumsum(np.frombuffer(zlib.decompress(packed), dtype="<i8"))
    return ids


def keep_rows(context: Context) -> None:
    """Keep which earlier rows an import spoke of and counted on, so that undo knows what rests on what."""
    rows = [
        {"import_id": context.import_id, "table_name": table, "relied": relied, "row_ids": pack_ids(parts)}
        for relied, by_table in ((False, context.stated), (True, context.relied))
        for table, parts in by_table.items()
        if any(len(part) for part in parts)
    ]
    if rows:
        context.connection.execute(insert(ImportRows), rows)


def undo_batch(engine: Engine, batch_id: str, *, by: str, at: datetime | None = None) -> int:
    """Take back everything that one run of import, or one entry by hand, wrote; return how many rows that was.

    What it inserted goes, what it changed is put back; its history stays. Refused, with the reason, where a later import
    rests on it: said something of a row it wrote, or counted on one it brought.
    Raises RefusedError; then nothing was written.
    """
    moment = at or datetime.now(TAIPEI)
    try:
        with writing(engine) as connection:
            ids = _imports_of(connection, batch_id)
            inserted, changes = _inserted(connection, ids), _changes(connection, ids)
            _refuse_if_rested_on(connection, ids, inserted, changes)
            count = _put_back(connection, inserted, changes) + _remove(connection, inserted)
            connection.execute(
                update(Import).where(Import.id.in_(ids)).values(state="undone", undone_at=moment, undone_by=by)
            )
            raise_data_version(connection)
            detail = {"batch_id": batch_id, "rows": count}
            append(connection, at=moment, actor=by, action="undo", detail=detail, about=f"import:{batch_id}")
            return count
    except IntegrityError:
        raise _refusal("後來的匯入還用到它帶進來的資料，請先復原後來的匯入") from None
    except OperationalError:
        raise _refusal("資料庫正由另一個匯入使用，請稍候再試一次") from None


def take_back_since(connection: Connection, batch_id: str) -> None:
    """Take back a batch and all that came later, newest first, for a look at what was known before.

    The caller throws the transaction away. Raises RefusedError for a batch that is not there or was undone.
    """
    first = min(_imports_of(connection, batch_id))
    later = select(Import.batch_id, func.max(Import.id)).where(Import.id >= first, Import.state == "kept")
    for each, _ in connection.execute(later.group_by(Import.batch_id).order_by(func.max(Import.id).desc())).all():
        ids = _imports_of(connection, each)
        inserted = _inserted(connection, ids)
        _put_back(connection, inserted, _changes(connection, ids))
        _remove(connection, inserted)


def _refusal(message: str) -> RefusedError:
    return RefusedError([Problem("復原", message=message)])


def _imports_of(connection: Connection, batch_id: str) -> list[int]:
    rows = connection.execute(select(Import.id, Import.state).where(Import.batch_id == batch_id)).all()
    if not rows:
        raise _refusal("找不到這一次匯入")
    if any(row.state == "undone" for row in rows):
        raise _refusal("這一次匯入已經復原過了")
    return [row.id for row in rows]


def fact_tables() -> list[Table]:
    """Return the tables whose rows name the import that brought them, parents first."""
    log = {"import_changes", "import_rows"}
    return [t for t in Base.metadata.sorted_tables if "import_id" in t.c and t.name not in log]


def _inserted(connection: Connection, ids: list[int]) -> dict[str, Ids]:
    found = {}
    for table in fact_tables():
        rows = connection.execute(select(table.c.id).where(table.c.import_id.in_(ids))).scalars().all()
        if rows:
            found[table.name] = np.asarray(rows, dtype=np.int64)
    return found


def _changes(connection: Connection, ids: list[int]) -> list[Any]:
    statement = select(ImportChange).where(ImportChange.import_id.in_(ids)).order_by(ImportChange.id)
    return list(connection.execute(statement).all())


def _refuse_if_rested_on(connection: Connection, ids: list[int], inserted: dict[str, Ids], changes: list[Any]) -> None:
    changed: dict[str, set[int]] = {}
    for change in changes:
        changed.setdefault(change.table_name, set()).add(change.row_id)
    written = {
        name: np.union1d(inserted.get(name, np.empty(0, dtype=np.int64)), list(changed.get(name, ())))
        for name in {*inserted, *changed}
    }
    later = connection.execute(
        select(ImportRows, Import.file_name, Import.imported_at)
        .join_from(ImportRows, Import, ImportRows.import_id == Import.id)
        .where(Import.id > max(ids), Import.id.not_in(ids), Import.state == "kept")
        .order_by(Import.id)
    )
    resting: dict[str, None] = {}
    for row in later:
        mine = (inserted if row.relied else written).get(row.table_name)
        if mine is not None and np.isin(mine, unpack_ids(row.row_ids)).any():
            resting[f"{row.imported_at:%Y/%m/%d %H:%M} 的「{row.file_name}」"] = None
    if resting:
        names = "、".join(list(resting)[:5]) + (f"等 {len(resting)} 個檔案" if len(resting) > 5 else "")
        raise _refusal(f"後來的匯入也提到同樣的資料，所以不能單獨復原；請先復原 {names}，再復原這一次")


def _put_back(connection: Connection, inserted: dict[str, Ids], changes: list[Any]) -> int:
    """Restore what each changed cell held before the batch first changed it; the batch's own rows go anyway."""
    tables = {table.name: table for table in fact_tables()}
    gone = {name: set(rows.tolist()) for name, rows in inserted.items()}
    before: dict[tuple[str, int], dict[str, Any]] = {}
    for change in changes:
        if change.row_id not in gone.get(change.table_name, ()):
            row = before.setdefault((change.table_name, change.row_id), {})
            value = from_text(tables[change.table_name], change.column_name, change.old_value)
            row.setdefault(change.column_name, value)
    for (name, row_id), values in before.items():
        connection.execute(update(tables[name]).where(tables[name].c.id == row_id).values(**values))
    return len(before)


def _remove(connection: Connection, inserted: dict[str, Ids]) -> int:
    for table in reversed(fact_tables()):
        rows = inserted.get(table.name, np.empty(0, dtype=np.int64)).tolist()
        for start in range(0, len(rows), CHUNK):
            connection.execute(delete(table).where(table.c.id.in_(rows[start : start + CHUNK])))
    return sum(map(len, inserted.values()))
