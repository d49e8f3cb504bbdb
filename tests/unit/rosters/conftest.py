"""What of the rosters' tests is left to make thorough: kinds that differ in their headings alone, on the second database."""

from __future__ import annotations

import pytest

ALIKE = {"test_official", "test_receipts", "test_kept_by_hand", "test_cross_checks"}


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items):
    for item in items:
        if item.path.stem in ALIKE and "postgresql" in item.name:
            item.add_marker(pytest.mark.thorough)
