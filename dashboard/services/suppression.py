"""The one place where small groups are held back from who has nothing to do for them."""

from __future__ import annotations

from dashboard.access.roles import PERMISSIONS, Permission
from dashboard.access.scope import Scope
from data.ledger import Ledger
from data.schema import SchoolSettings
from data.suppression import deidentify, fewest_students


def protect(ledger: Ledger, scope: Scope) -> Ledger:
    """Return the ledger that a scope is counted from: merged groups alone, where the scope is suppressed.

    Every page, finding, hover text, chart and export counts from it, so that none of them can forget.
    """
    return deidentify(ledger, size=ledger.settings.suppression_size) if scope.suppressed else ledger


def fewest_shown(settings: SchoolSettings, scope: Scope) -> int:
    """Return how many students a row must have; 0 for those who act for the students, and where groups are merged already."""
    if scope.suppressed or Permission.VIEW_STUDENT in PERMISSIONS[scope.role]:
        return 0
    return settings.suppression_size


def merged_below(settings: SchoolSettings) -> tuple[int, int]:
    """Return the students and the teachers that a class needs to stand by itself in a suppressed scope."""
    return fewest_students(settings.suppression_size), settings.suppression_size
