"""The open database of a process, and the one cache: the ledger of the current data version."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from datetime import datetime
from pathlib import Path
from threading import Lock
from typing import Any, TypeVar

from dashboard.settings import read_secret, secret_path
from data import queries
from data.audit import NO_KEY, is_begun
from data.db import migrate, open_engine, read_data_version, reading, schema_revision
from data.instants import TAIPEI
from data.ledger import Ledger, build
from data.regulation.calendar import working_calendar
from data.school import read_settings

T = TypeVar("T")
KEPT = 256  # results kept per data version: scopes × filters × instants of a busy morning


class Store:
    """The engine and what was computed from its current data version; a class because it owns both."""

    def __init__(self, url: str, *, id_key: bytes, instance_dir: Path) -> None:
        key = _audit_key(url, instance_dir)
        self.engine = open_engine(url, audit_key=key)
        self.can_write = key != NO_KEY  # as every change is logged
        self.id_key = id_key
        self.instance_dir = instance_dir
        self._lock = Lock()
        self._version = -1
        self._ledger: Ledger | None = None
        self.loaded_at = datetime.now(TAIPEI)  # no fact of the current version is known later than this
        self._results: dict[Hashable, Any] = {}

    def ledger(self) -> tuple[int, Ledger]:
        """Return the data version and its ledger, building it once per version."""
        with reading(self.engine) as connection:
            version = read_data_version(connection)
            if version == self._version and self._ledger is not None:
                return version, self._ledger
        with self._lock, reading(self.engine) as connection:
            version = read_data_version(connection)
            if version != self._version or self._ledger is None:
                frames = queries.load_frames(connection)
                self._ledger = build(frames, read_settings(connection), calendar=working_calendar())
                self._version = version
                self.loaded_at = datetime.now(TAIPEI)
                self._results.clear()
            return version, self._ledger

    def kept(self, key: Hashable, make: Callable[[], T]) -> T:
        """Return a result kept under a key that holds the data version and the scope, making it when it is not there."""
        if key in self._results:
            return self._results[key]
        value = make()
        if len(self._results) >= KEPT:
            self._results.clear()
        self._results[key] = value
        return value

    def migrate(self) -> None:
        """Bring the database to the newest schema."""
        migrate(self.engine)

    def is_current(self) -> bool:
        """Tell whether the database answers and has the schema the code expects."""
        current, newest = schema_revision(self.engine)
        return current == newest


def _audit_key(url: str, instance_dir: Path) -> bytes:
    """Return the secret of the audit log, made on first use; NO_KEY where the database has a log that another one sealed.

    That happens in a folder that is not the school's own: a new secret there would make the log look tampered with.
    """
    if not secret_path(instance_dir, "audit").exists():
        engine = open_engine(url)
        try:
            with reading(engine) as connection:
                if is_begun(connection):
                    return NO_KEY
        finally:
            engine.dispose()
    return read_secret(instance_dir, "audit")
