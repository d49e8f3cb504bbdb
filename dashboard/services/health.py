"""How the system itself stands: database, imports, jobs, disk, backups, log. Nothing about students or teachers."""

from __future__ import annotations

import platform
import shutil
from dataclasses import dataclass
from datetime import datetime, timedelta
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from sqlalchemy import func, select, text

from dashboard.services import audit, backups, history
from dashboard.services.history import Batch
from dashboard.services.store import Store
from data.db import read_data_version, reading, schema_revision
from data.instants import TAIPEI
from data.jobs import FAILED, PLANNED, QUEUED, REFUSED, RUNNING, TO_COMMIT
from data.models import AuditEvent, Job

FAILURES_SINCE = timedelta(days=7)


@dataclass(frozen=True, slots=True)
class Health:
    """What is known of the system now. free_bytes: where the instance lies. faults: of the newest events of the log."""

    dialect: str
    size_bytes: int
    revision: str
    newest_revision: str
    data_version: int
    last_import: Batch | None
    jobs_waiting: int
    jobs_undecided: int
    jobs_failed: int
    free_bytes: int
    last_backup_at: datetime | None
    faults: int
    events: int
    versions: dict[str, str]
    looked_at: datetime


def look(store: Store) -> Health:
    """Look at everything once."""
    current, newest = schema_revision(store.engine)
    moment = datetime.now(TAIPEI)
    with reading(store.engine) as connection:
        states = dict(connection.execute(select(Job.state, func.count()).group_by(Job.state)).all())
        failed = connection.execute(
            select(func.count()).where(Job.state.in_((FAILED, REFUSED)), Job.finished_at > moment - FAILURES_SINCE)
        ).scalar_one()
        data_version = read_data_version(connection)
    chain = audit.check(store, newest=audit.CHECKED_ROWS)
    waiting = sum(states.get(state, 0) for state in (QUEUED, TO_COMMIT, *RUNNING))
    folder = store.instance_dir if store.instance_dir.exists() else Path()
    return Health(
        dialect=store.engine.dialect.name, size_bytes=_size(store), revision=current or "", newest_revision=newest or "",
        data_version=data_version, last_import=next(iter(history.list_batches(store, limit=1)), None), jobs_waiting=waiting,
        jobs_undecided=states.get(PLANNED, 0), jobs_failed=failed, free_bytes=shutil.disk_usage(folder).free,
        last_backup_at=backups.last_backup_at(store), faults=len(chain.verdict.faults), events=chain.total, versions=_versions(store),
        looked_at=moment,
    )  # fmt: skip


def last_logins(store: Store) -> dict[str, datetime]:
    """Return when each account last logged in, as the log knows it."""
    asked = select(AuditEvent.actor, func.max(AuditEvent.happened_at)).where(AuditEvent.action == "login")
    with reading(store.engine) as connection:
        return dict(connection.execute(asked.group_by(AuditEvent.actor)).all())


def _size(store: Store) -> int:
    if store.engine.dialect.name == "sqlite":
        file = Path(str(store.engine.url.database))
        return sum(
            each.stat().st_size
            for each in file.parent.glob(f"{file.name}*")
            if each.name in (file.name, f"{file.name}-wal")
        )
    with reading(store.engine) as connection:
        return int(connection.execute(text("SELECT pg_database_size(current_database())")).scalar_one())


def _versions(store: Store) -> dict[str, str]:
    found = {"Python": platform.python_version()}
    for name in ("licheng", "dash", "pandas", "SQLAlchemy"):
        try:
            found[name] = version(name)
        except PackageNotFoundError:  # run from a checkout
            continue
    with reading(store.engine) as connection:
        asked = "SELECT sqlite_version()" if connection.dialect.name == "sqlite" else "SHOW server_version"
        found[connection.dialect.name] = str(connection.exec_driver_sql(asked).scalar_one()).split()[0]
    return found
