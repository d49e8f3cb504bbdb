"""登錄情形: when the 學籍, 成績, 幹部 and 課程諮詢 of each class were registered in a term."""

from __future__ import annotations

import numpy as np
import pandas as pd

from data.demo.calendar import (
    DAY,
    REGISTER_COUNSELLING,
    REGISTER_ENROLMENT,
    REGISTER_GRADES,
    REGISTER_POSITION,
    UNITS,
    Term,
    format_day,
)
from data.demo.chance import FAR, Array, stream
from data.demo.roster import Roster
from data.demo.workdays import count_workdays, shift_workdays

ITEMS = {
    REGISTER_ENROLMENT: "學籍",
    REGISTER_GRADES: "成績",
    REGISTER_POSITION: "幹部",
    REGISTER_COUNSELLING: "課程諮詢",
}
_LATE, _LATEST_DAYS = 0.03, 5  # share of classes that come after the window's end, and by how many working days at most
_NEVER = 0.015  # share of classes without a word on 課程諮詢; without the others no roster could be handed in


def draw_registrations(roster: Roster, *, term: Term, seed: int) -> pd.DataFrame:
    """Let every record of every class be registered on a working day, most of them before the window ends.

    A whole term, whenever today is. Returns class_row, task and day (days since 1970; FAR: never), one row a class and task.
    """
    rng = stream(seed, "registrations", term.code)
    of_year = roster.classes[roster.classes["school_year"] == term.year]
    return pd.concat(
        [
            pd.DataFrame({"class_row": of_year.index, "task": task, "day": _draw_days(roster, of_year, term, task, rng)})
            for task in ITEMS
        ],
        ignore_index=True,
    )  # fmt: skip


def _draw_days(roster: Roster, of_year: pd.DataFrame, term: Term, task: str, rng: np.random.Generator) -> Array:
    windows = [roster.windows[term, int(grade), task] for grade in of_year["grade"]]
    size = len(windows)
    first = shift_workdays(np.array([window.start // DAY + 1 for window in windows]), 0)
    last = shift_workdays(np.array([window.end // DAY - 1 for window in windows]), 0, back=True)
    places = np.floor(rng.beta(2.6, 1.7, size) * count_workdays(first, last)).astype(np.int64)
    late = rng.random(size) < _LATE
    days = np.where(late, shift_workdays(last, rng.integers(1, _LATEST_DAYS + 1, size)), shift_workdays(first, places))
    never = rng.random(size) < _NEVER
    return np.where(never & (task == REGISTER_COUNSELLING), FAR, days)


def list_registrations(registrations: pd.DataFrame, classes: pd.DataFrame, *, term: Term, today: int) -> pd.DataFrame:
    """Write 登錄情形 of a term as it stands at the beginning of today; what is not registered yet is not in it."""
    listed = registrations[registrations["day"] < today // DAY]
    return pd.DataFrame(
        {
            "學年": str(term.year),
            "學期": str(term.semester),
            "班級": classes["class_name"].to_numpy()[listed["class_row"]],
            "項目": listed["task"].map(ITEMS).to_numpy(),
            "登錄日期": [format_day(day * DAY) for day in listed["day"]],
            "單位": listed["task"].map(UNITS).to_numpy(),
        }
    )
