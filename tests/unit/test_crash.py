"""A few of the kills of tests.crash, on both databases: an import or an undo that dies leaves all or nothing."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.crash.__main__ import prepare, run

KILLS = 12


@pytest.mark.thorough
@pytest.mark.parametrize("database", ["sqlite", "postgresql"])
def test_a_killed_import_or_undo_leaves_all_or_nothing_and_the_next_one_works(
    database: str, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    server = request.getfixturevalue("postgres_url") if database == "postgresql" else ""
    found = run(prepare(tmp_path, server=server, terms=1, cold=False), kills=KILLS, seed=7)
    assert sum(count for (_, left), count in found.items() if left in ("nothing", "all")) == KILLS
