"""What the unit tests share: they read in this process, as starting the limited one is most of a small import."""

from __future__ import annotations

import pytest

from dashboard.services.store import Store
from data.rosters import importing
from data.rosters.problems import RefusedError
from data.rosters.reading import read_tables

# On the second database these are left to make thorough: they differ in what is read, and writing has its own tests on both.
READING = {"test_ledger", "test_rosters", "test_official", "test_receipts", "test_kept_by_hand", "test_cross_checks", "test_plan", "test_transfers"}  # fmt: skip
IN_THE_CHILD = {"test_hostile", "test_reading", "test_at_once", "test_jobs"}  # where the process itself matters


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items):
    for item in items:
        if item.path.stem in READING and "postgresql" in item.name:
            item.add_marker(pytest.mark.thorough)


def read_here(paths, *, known, archive=None, on_progress=lambda *_: None):
    """Read as read_in_child does, without the limits."""
    tables, problems = [], []
    for number, path in enumerate(paths):
        on_progress(path.name, number, len(paths))
        try:
            tables += read_tables(path, known=known, archive=archive)
        except RefusedError as refusal:
            problems += refusal.problems
    return tables, problems


@pytest.fixture
def store(engine, tmp_path):
    """The services' way to an empty database."""
    made = Store(engine.url.render_as_string(hide_password=False), id_key=b"key", instance_dir=tmp_path / "instance")
    yield made
    made.engine.dispose()


@pytest.fixture(autouse=True)
def _reading_here(request, monkeypatch):
    if request.module.__name__.rpartition(".")[2] not in IN_THE_CHILD:
        monkeypatch.setattr(importing, "read_in_child", read_here)
