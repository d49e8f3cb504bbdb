"""CSV for a spreadsheet: with BOM, and no cell that a spreadsheet would run."""

from __future__ import annotations

import csv
import io
from typing import Any

import pandas as pd

LIVE = ("=", "+", "-", "@", "\t", "\r", "＝", "＋", "－", "＠")


def defuse(cell: Any) -> Any:
    """Put an apostrophe before text that a spreadsheet would take for a formula; numbers stay numbers."""
    return "'" + cell if isinstance(cell, str) and cell.startswith(LIVE) else cell


def to_csv(headers: list[str], rows: list[list[Any]], *, notes: list[str]) -> bytes:
    """Return the table with notes below it (what, as of when, whose scope)."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\r\n")
    writer.writerow([defuse(header) for header in headers])
    writer.writerows([["" if pd.isna(cell) else defuse(cell) for cell in row] for row in rows])
    writer.writerow([])
    writer.writerows([[defuse(note)] for note in notes])
    return b"\xef\xbb\xbf" + text.getvalue().encode()
