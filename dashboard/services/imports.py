"""Taking in files, and the demo school that goes the same way."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

from sqlalchemy import select

from dashboard.services.store import Store
from data.db import raise_data_version, reading, writing
from data.demo.school import DemoSchool, write_school
from data.instants import TAIPEI
from data.models import Import
from data.rosters.importing import import_files
from data.rosters.plan import FileReport, Plan
from data.school import write_setting

__all__ = ["DemoSchool", "FileReport", "Plan", "change_setting", "has_data", "import_paths", "make_demo"]


def import_paths(
    store: Store,
    paths: list[Path],
    *,
    by: str,
    school_year: int | None = None,
    dry_run: bool = False,
    take_good_rows: bool = False,
    on_progress: Callable[[str, int, int], None] = lambda *_: None,
) -> Plan:
    """Take in files or folders, all or nothing."""
    return import_files(
        store.engine, paths, id_key=store.id_key, by=by, school_year=school_year, dry_run=dry_run,
        take_good_rows=take_good_rows, on_progress=on_progress,
    )  # fmt: skip


def has_data(store: Store) -> bool:
    """Tell whether anything was ever imported."""
    with reading(store.engine) as connection:
        return connection.execute(select(Import.id).limit(1)).first() is not None


def change_setting(store: Store, key: str, value: str) -> None:
    """Set one of the school's settings; raises ValueError for an unknown key or a bad value."""
    with writing(store.engine) as connection:
        write_setting(connection, key, value)
        raise_data_version(connection)


def make_demo(
    store: Store,
    *,
    classes: int,
    terms: int,
    seed: int,
    folder: Path | None,
    on_progress: Callable[[str, int, int], None] = lambda *_: None,
) -> tuple[DemoSchool, Plan]:
    """Write a believable school's files (kept where a folder is named) and import them as any school's."""
    with tempfile.TemporaryDirectory(prefix="licheng-demo-") as scratch:
        school = write_school(
            folder or Path(scratch), classes=classes, terms=terms, seed=seed, today=datetime.now(TAIPEI).date()
        )  # fmt: skip
        plan = import_paths(store, [school.folder], by="demo", on_progress=on_progress)
    with writing(store.engine) as connection:
        write_setting(connection, "school_name", "示範高級中等學校")
        raise_data_version(connection)
    return school, plan
