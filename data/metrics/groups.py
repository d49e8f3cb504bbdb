"""The rows of a report: the groups of the term's rosters, and whoever else holds a duty."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from data.ledger import Ledger, holders, units_in, units_of

Ints = npt.NDArray[np.int64]
NOBODY = ""  # the key of what belongs to no group: an item without a teacher, a teacher without a unit


@dataclass(frozen=True, slots=True)
class Groups:
    """keys and names by row, sorted by key; row_of maps a code to its row (its last place is for code -1)."""

    keys: list[str]
    names: list[str]
    row_of: Ints


def codes_of(ledger: Ledger, frame: pd.DataFrame, by: str, as_of_us: int) -> npt.NDArray[Any]:
    """Return the code of each duty (or enrolment) in a grouping."""
    if by == "school":
        return np.zeros(len(frame), dtype=np.int32)
    if by in ("teacher", "unit"):
        teacher = holders(ledger, frame, as_of_us)
        if by == "teacher":
            return teacher
        in_charge = frame["unit"].to_numpy()  # said by the duty itself, else the holder's
        return np.where(in_charge >= 0, in_charge, units_of(ledger, frame, teacher, as_of_us))
    codes: npt.NDArray[Any] = frame[by].to_numpy()
    return codes


def groups_of(ledger: Ledger, term: int, by: str, present: npt.NDArray[Any], as_of_us: int) -> Groups:
    """Return the rows of a report: what the rosters of the term list, and the codes present besides."""
    labels = labels_of(ledger, by)
    listed = set(_listed(ledger, term, by, as_of_us)) | set(np.unique(present).tolist())
    key_of = {code: NOBODY if code < 0 else str(labels[code]) for code in listed}
    codes = sorted(listed, key=lambda code: key_of[code])
    keys: list[str] = []
    row_of = np.full(len(labels) + 1, -1, dtype=np.int64)
    for code in codes:
        if not keys or keys[-1] != key_of[code]:
            keys.append(key_of[code])
        row_of[code] = len(keys) - 1
    return Groups(keys, [name_of(ledger, by, key) for key in keys], row_of)


def labels_of(ledger: Ledger, by: str) -> npt.NDArray[np.object_]:
    """Return the keys of a grouping by code."""
    if by == "school":
        return np.array([ledger.settings.school_code or "school"], dtype=object)
    if by == "grade":
        return np.array([str(grade) for grade in range(10)], dtype=object)
    return ledger.labels[by]


def _listed(ledger: Ledger, term: int, by: str, as_of_us: int) -> list[int]:
    if by == "school":
        return [0]
    if by in ("class", "grade", "department"):
        classes = ledger.classes[(ledger.classes["school_year"] == term // 10) & ledger.classes["visible"]]
        return [int(code) for code in (classes.index if by == "class" else classes[by].unique())]
    taught = (
        ledger.taught[ledger.taught["term"] == term]
        if term % 10
        else ledger.taught[ledger.taught["term"] // 10 == term // 10]
    )
    if by == "unit":
        return [int(code) for code in units_in(ledger, term, as_of_us)[taught["teacher"].unique()]]
    return [int(code) for code in taught[by].unique()] if by in ("subject", "teacher") else []


def name_of(ledger: Ledger, by: str, key: str) -> str:
    """Return what a group is called on a page."""
    if by == "school":
        return ledger.settings.school_name or "全校"
    if key == NOBODY or (by == "grade" and key == "0"):
        return "未指定"
    if by == "grade":
        return f"{key} 年級"
    if by == "teacher":
        position = int(np.searchsorted(ledger.labels["teacher"].astype(str), key))
        return str(ledger.teachers["name"].iloc[position])
    return key
