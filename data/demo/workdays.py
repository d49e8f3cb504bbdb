"""The school's working days, on the numbers that the demo counts days by."""

from __future__ import annotations

import numpy as np

from data.demo.chance import Array
from data.regulation.calendar import working_calendar


def shift_workdays(days: Array | int, count: Array | int, *, back: bool = False) -> Array:
    """Go count working days on from days since 1970; from a free day, count from the next working day (back: the one before)."""
    dates = np.asarray(days, dtype=np.int64).astype("datetime64[D]")
    moved = np.busday_offset(dates, count, roll="backward" if back else "forward", busdaycal=working_calendar())
    return np.asarray(moved.astype(np.int64))


def count_workdays(first: Array | int, last: Array | int) -> Array:
    """Count the working days from first to last, both included."""
    begins, ends = (np.asarray(day, dtype=np.int64).astype("datetime64[D]") for day in (first, np.asarray(last) + 1))
    return np.asarray(np.busday_count(begins, ends, busdaycal=working_calendar()))
