"""What the unit tests share: they read in this process, as starting the limited one is most of a small import."""

from __future__ import annotations

import pytest

from data.rosters import importing
from data.rosters.problems import RefusedError
from data.rosters.reading import read_tables

IN_THE_CHILD = {"test_hostile", "test_reading", "test_at_once", "test_jobs"}  # where the process itself matters


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


@pytest.fixture(autouse=True)
def _reading_here(request, monkeypatch):
    if request.module.__name__.rpartition(".")[2] not in IN_THE_CHILD:
        monkeypatch.setattr(importing, "read_in_child", read_here)
