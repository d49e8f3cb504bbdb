"""Headings that changed since a platform's last export: which new one may be which old one, to be confirmed by a person."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from difflib import SequenceMatcher
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from data.rosters import cells

if TYPE_CHECKING:
    from data.rosters.kinds import Column, Kind
    from data.rosters.reading import Table

SAMPLE = 200  # cells looked at to tell whether a column can be what is missing
FITTING = 0.9  # of the cells that must be readable
ALIKE = 0.34  # of the two names; below that only a column of dates may stand for a column of dates


@dataclass(frozen=True, slots=True)
class Rename:
    """A heading nobody knows that may be a column under another name. title: the name the column is known by."""

    heading: str
    column: str
    title: str


def unknown_headings(table: Table, kind: Kind, match: dict[str, str]) -> list[str]:
    """Return the headings that the kind neither uses nor knows to be of no use here."""
    known = {h for column in kind.columns for h in column.headings} | set(kind.ignored) | set(match.values())
    return [heading for heading in table.frame.columns if heading not in known]


def suggest_renames(table: Table, kind: Kind, match: dict[str, str], lost: Iterable[Column]) -> list[Rename]:
    """Pair each lost column with the unknown heading most like it whose cells it could read. Never applied unasked."""
    free = unknown_headings(table, kind, match)
    found: list[Rename] = []
    for column in lost:
        scored = [(_likeness(column, heading, table.frame[heading]), heading) for heading in free]
        best, heading = max(scored, default=(0.0, ""))
        if best >= ALIKE:
            found.append(Rename(heading, column.name, column.headings[0]))
            free.remove(heading)
    return found


def _likeness(column: Column, heading: str, text: pd.Series[str]) -> float:
    filled = text[text != ""].head(SAMPLE)
    if filled.empty and not column.blank:
        return 0.0
    readable = _readable(column, filled)
    if readable < FITTING:
        return 0.0
    names = max(SequenceMatcher(None, heading, known).ratio() for known in column.headings)
    return names + (0.3 if column.read == "instant" and len(filled) else 0.0)


def _readable(column: Column, filled: pd.Series[str]) -> float:
    if filled.empty or column.read in ("text", "class"):
        return 1.0
    if column.read == "instant":
        _, _, wrong = cells.parse_instants(filled)
    else:
        read = cells.read_int if column.read == "int" else column.read
        _, wrong = cells.map_unique(filled, read)  # type: ignore[arg-type]
    return 1.0 - float(np.mean(wrong))
