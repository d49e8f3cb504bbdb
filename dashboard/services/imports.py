"""Imports, as one door: handing in (hand_ins), the history (history), templates, the command line and the demo school."""

from __future__ import annotations

import tempfile
import uuid
from collections.abc import Callable, Collection, Mapping
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Literal, cast

from sqlalchemy import select

from dashboard.services.effects import effects_on
from dashboard.services.hand_ins import (
    NO_SUCH_JOB,
    UPLOAD_BYTES,
    WATCH,
    JobFile,
    JobView,
    Options,
    ServiceError,
    decide,
    hand_in,
    job_of,
    list_jobs,
    needs_password,
)
from dashboard.services.history import (
    Batch,
    BatchFile,
    batch_of,
    count_batches,
    list_batches,
    rejected_rows,
    rejected_rows_of_job,
    undo,
)
from dashboard.services.school_settings import change_settings
from dashboard.services.store import Store
from data.db import raise_data_version, reading, writing
from data.instants import TAIPEI
from data.models import Import
from data.rosters.importing import import_files
from data.rosters.kinds import all_kinds
from data.rosters.plan import FileReport, Plan
from data.school import write_setting

if TYPE_CHECKING:
    from data.demo.school import DemoSchool

__all__ = [
    "NO_SUCH_JOB", "UPLOAD_BYTES", "WATCH", "Batch", "BatchFile", "FileReport", "JobFile", "JobView", "Options", "Plan",
    "ServiceError", "batch_of", "change_setting", "count_batches", "decide", "hand_in", "has_data", "import_paths", "job_of",
    "list_batches", "list_jobs", "make_demo", "needs_password", "rejected_rows", "rejected_rows_of_job", "template",
    "template_kinds", "undo",
]  # fmt: skip


def template_kinds() -> list[tuple[str, str]]:
    """Return key and title of the kinds that a school keeps by hand: each has a template as xlsx and ods."""
    return [(kind.key, kind.title) for kind in all_kinds() if kind.by_hand]


def template(kind: str, suffix: str) -> bytes | None:
    """Return the blank template of a kind as xlsx or ods; None for what there is not."""
    from data.rosters.templates import make_template  # only who asks for one pays for the writers

    if suffix not in ("xlsx", "ods") or kind not in {key for key, _ in template_kinds()}:
        return None
    return make_template(kind, cast("Literal['xlsx', 'ods']", suffix))


def import_paths(
    store: Store,
    paths: list[Path],
    *,
    by: str,
    school_year: int | None = None,
    dry_run: bool = False,
    take_good_rows: bool = False,
    acknowledged: Collection[str] | None = None,
    renames: Mapping[str, str] | None = None,
    passwords: tuple[str, ...] = (),
    with_effects: bool = False,
    on_progress: Callable[[str, int, int], None] = lambda *_: None,
) -> Plan:
    """Take in files or folders, all or nothing. with_effects: work out what that does to the figures as well."""
    batch_id = uuid.uuid4().hex
    return import_files(
        store.engine, paths, id_key=store.id_key, by=by, school_year=school_year, dry_run=dry_run,
        take_good_rows=take_good_rows, acknowledged=acknowledged, renames=renames, passwords=passwords, batch_id=batch_id,
        originals=store.instance_dir / "originals",
        inspect=effects_on(store, batch_id) if with_effects else None, on_progress=on_progress,
    )  # fmt: skip


def has_data(store: Store) -> bool:
    """Tell whether anything was ever imported."""
    with reading(store.engine) as connection:
        return connection.execute(select(Import.id).limit(1)).first() is not None


def change_setting(store: Store, key: str, value: str, *, by: str) -> None:
    """Set one of the school's settings; raises ValueError for an unknown key or a bad value."""
    change_settings(store, {key: value}, by=by)


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
    from data.demo.entries import enter_hand_ins  # serving needs neither the generator nor the writers of files
    from data.demo.meeting import enter_meetings
    from data.demo.school import write_school

    today = datetime.now(TAIPEI).date()
    with tempfile.TemporaryDirectory(prefix="licheng-demo-") as scratch:
        school = write_school(
            folder or Path(scratch), classes=classes, terms=terms, seed=seed, today=today
        )  # fmt: skip
        enter_hand_ins(store.engine, school.hand_ins, by="demo")
        plan = import_paths(store, [school.folder], by="demo", on_progress=on_progress)
    if plan.committed:
        enter_meetings(store.engine, current_term=int(school.current_term), terms=terms, today=today, by="demo")
    with writing(store.engine) as connection:
        write_setting(connection, "school_name", "示範高級中等學校")
        raise_data_version(connection)
    return school, plan
