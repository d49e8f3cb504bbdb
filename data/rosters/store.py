"""Rows against the database: what is new is inserted, what differs is updated with its history, the rest stays."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime
from typing import Any, cast

import numpy as np
import pandas as pd
from sqlalchemy import Boolean, Connection, Date, String, Table, bindparam, select, update

from data.db import insert_rows, next_id
from data.instants import from_us
from data.models import Base, ImportChange, Instant
from data.rosters.kinds import CHANGED, NEW, UNCHANGED, Context, Counts, join_key

CHANGES = cast("Table", ImportChange.__table__)


def table_of(model: type[Base]) -> Table:
    """Return the table behind a model."""
    return cast("Table", model.__table__)


def load(connection: Connection, table: Table, columns: Sequence[str], where: Any = None) -> pd.DataFrame:
    """Return rows as a frame; instants stay microseconds (None where empty)."""
    chosen = [table.c[name] for name in columns]
    raw = [column.cast(Instant.impl) if isinstance(column.type, Instant) else column for column in chosen]
    statement = select(*raw) if where is None else select(*raw).where(where)
    rows = connection.execute(statement).all()
    return pd.DataFrame([tuple(row) for row in rows], columns=list(columns))


def insert_frame(context: Context, table: Table, frame: pd.DataFrame) -> pd.Series[int]:
    """Insert every row with an id of its own and the import's id; return the ids by the frame's index."""
    first = next_id(context.connection, table)
    ids = range(first, first + len(frame))
    columns = ["id", *frame.columns, "import_id"]
    plain = [_plain(frame[name]) for name in frame.columns]
    imports = [context.import_id] * len(frame)
    insert_rows(context.connection, table, columns, zip(ids, *plain, imports, strict=True))
    return pd.Series(list(ids), index=frame.index, dtype="int64")


def _plain(column: pd.Series[Any]) -> list[Any]:
    return cast("list[Any]", column.astype(object).where(column.notna(), None).tolist())


def _text(table: Table, name: str, value: Any) -> str | None:
    if value is None or value != value:
        return None
    return from_us(value).isoformat() if isinstance(table.c[name].type, Instant) else str(value)


def from_text(table: Table, name: str, text: str | None) -> Any:
    """Return the value that the history of changes keeps as text: what undo puts back."""
    kind = table.c[name].type
    if text is None or isinstance(kind, String):
        return text
    if isinstance(kind, Instant):
        return datetime.fromisoformat(text)
    if isinstance(kind, Boolean):
        return text == "True"
    return date.fromisoformat(text) if isinstance(kind, Date) else int(float(text))


def update_frame(context: Context, table: Table, before: pd.DataFrame, after: pd.DataFrame) -> np.ndarray[Any, Any]:
    """Update the rows (aligned, before has `id`) in which a column of after differs, keeping each old value.

    Returns which rows changed.
    """
    changed = np.zeros(len(after), dtype=bool)
    history: list[tuple[Any, ...]] = []
    context.state(table.name, before["id"])
    for name in after.columns:
        old, new = before[name].astype(object), after[name].astype(object)
        old, new = old.where(old.notna(), None), new.where(new.notna(), None)
        differs = np.asarray(old.to_numpy() != new.to_numpy(), dtype=bool)
        changed |= differs
        places = np.flatnonzero(differs)
        for position in places:
            row_id = int(before["id"].iloc[position])
            said = (_text(table, name, old.iloc[position]), _text(table, name, new.iloc[position]))
            history.append((context.import_id, table.name, row_id, name, *said))
        if len(places):
            context.note_change(table.name, name, len(places), *history[-len(places)][4:])
    if changed.any():
        instants = [name for name in after.columns if isinstance(table.c[name].type, Instant)]
        statement = (
            update(table)
            .where(table.c.id == bindparam("row_id"))
            .values({n: bindparam("new_" + n) for n in after.columns})
        )
        parameters = []
        for position in np.flatnonzero(changed):
            values = {n: after[n].iloc[position] for n in after.columns}
            clean = {
                n: None if v is None or v != v else (from_us(v) if n in instants else _scalar(v))
                for n, v in values.items()
            }
            parameters.append({"row_id": int(before["id"].iloc[position])} | {"new_" + n: v for n, v in clean.items()})
        context.connection.execute(statement, parameters)
        first = next_id(context.connection, CHANGES)
        columns = ["id", "import_id", "table_name", "row_id", "column_name", "old_value", "new_value"]
        insert_rows(context.connection, CHANGES, columns, [(first + i, *row) for i, row in enumerate(history)])
    return changed


def _scalar(value: Any) -> Any:
    return value.item() if isinstance(value, np.generic) else value


def upsert(
    context: Context, model: type[Base], frame: pd.DataFrame, *, key: tuple[str, ...], where: Any = None
) -> Counts:
    """Take in rows of a kind that has one row per natural key, and count them. frame: exactly the table's columns."""
    return Counts.of(upsert_rows(context, model, frame, key=key, where=where))


def upsert_rows(
    context: Context, model: type[Base], frame: pd.DataFrame, *, key: tuple[str, ...], where: Any = None
) -> pd.Series[int]:
    """Take in rows like upsert; return what became of each (kinds.NEW, CHANGED or UNCHANGED), by the frame's index."""
    table = table_of(model)
    if "by_hand" in table.c and "by_hand" not in frame:  # what people entered is a layer of its own
        listed = table.c.by_hand.is_(False)
        where = listed if where is None else where & listed
    existing = load(context.connection, table, ["id", *frame.columns], where)
    fates = np.full(len(frame), UNCHANGED)
    if existing.empty:
        fresh = pd.Series(data=True, index=frame.index)
    else:
        position = pd.Index(join_key(existing, key)).get_indexer(pd.Index(join_key(frame, key)))
        fresh = pd.Series(position < 0, index=frame.index)
        known = frame[~fresh]
        if len(known):
            before = existing.iloc[position[position >= 0]].reset_index(drop=True)
            values = [name for name in frame.columns if name not in key]
            changed = update_frame(context, table, before, known[values])
            fates[~fresh.to_numpy()] = np.where(changed, CHANGED, UNCHANGED)
    if fresh.any():
        insert_frame(context, table, frame[fresh])
        fates[fresh.to_numpy()] = NEW
    return pd.Series(fates, index=frame.index)
