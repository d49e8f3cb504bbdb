"""docs/security.md names a test for each demand, and each of them exists."""

from __future__ import annotations

import re
from pathlib import Path

TESTS = Path(__file__).parents[1]
PAGE = (TESTS.parent / "docs" / "security.md").read_text(encoding="utf-8")
DEMANDS = (
    [f"A{n}" for n in range(1, 13)] + [f"B{n}" for n in range(1, 19)] + [f"C{n}" for n in range(1, 9)]
    + [f"D{n}" for n in (1, 2, 3, 4, 5, 6, 9)] + ["P1", "P2"] + [f"R{n}" for n in range(1, 5)]
)  # fmt: skip


def test_every_demand_has_its_line():
    assert re.findall(r"^\| ([A-Z]\d+) \|", PAGE, re.M) == DEMANDS


def test_every_test_that_is_named_exists():
    named = re.findall(r"`([\w/]+\.py)::(\w+)`", PAGE)
    assert len(named) > 50
    missing = [
        f"{path}::{name}" for path, name in named if f"def {name}(" not in (TESTS / path).read_text(encoding="utf-8")
    ]
    assert missing == []
