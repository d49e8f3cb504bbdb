"""What a database says, told without ids, so that two that were filled on different ways can be compared."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Engine, func, select

from data.db import read_data_version, reading
from data.models import AuditEvent, Import, ImportChange, ImportRows
from data.rosters.undo import fact_tables

IN_ORDER = {"selections": ("school_year", "student_id"), "reassignments": ("outcome_id",)}  # the last row counts


def facts_of(engine: Engine, *, when: bool = True) -> dict[str, list[str]]:
    """Return every fact as text: what it points to by what that says, its import by its instant and file.

    when=False leaves the import's own instant out, wherever a fact keeps it, to compare loads of different moments.
    """
    with reading(engine) as connection:
        moments = dict(connection.execute(select(Import.id, Import.imported_at)).all())
        files = dict(connection.execute(select(Import.id, Import.file_name)).all())
        imports = {i: f"{moments[i]:%Y-%m-%d %H:%M} {files[i]}" if when else files[i] for i in files}
        said: dict[str, dict[int, Any]] = {"imports": imports}
        found: dict[str, list[str]] = {}
        for table in fact_tables():
            refers = {c.name: next(iter(c.foreign_keys)).column.table.name for c in table.c if c.foreign_keys}
            by_id: dict[int, Any] = {}
            counts: dict[Any, int] = {}
            for values in connection.execute(select(table).order_by(table.c.id)).mappings():
                moment = None if when else moments[values["import_id"]]
                named = {
                    name: said[refers[name]][value] if name in refers and value is not None else value
                    for name, value in values.items()
                    if name != "id" and (moment is None or value != moment)
                }
                if table.name in IN_ORDER:
                    group = tuple(str(named[name]) for name in IN_ORDER[table.name])
                    named["place"] = counts[group] = counts.get(group, 0) + 1
                by_id[values["id"]] = named
            said[table.name] = by_id
            if by_id:
                found[table.name] = sorted(map(str, by_id.values()))
        return found


def state_of(engine: Engine, *, when: bool = True) -> dict[str, Any]:
    """Return the facts and, beside them, the data version, the imports and their history, and what was audited."""
    counted = (Import.kind, Import.file_name, Import.row_count, Import.new_count, Import.changed_count, Import.state)
    with reading(engine) as connection:
        return {
            "facts": facts_of(engine, when=when),
            "data version": read_data_version(connection),
            "imports": sorted(map(str, connection.execute(select(*counted)).all())),
            "audited": sorted(connection.execute(select(AuditEvent.action)).scalars()),
            "changes": connection.execute(select(func.count()).select_from(ImportChange)).scalar(),
            "rests": connection.execute(select(func.count()).select_from(ImportRows)).scalar(),
        }
