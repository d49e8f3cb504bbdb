"""Where a duty cell stands against what is expected by this date; never by raw percentage."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import numpy as np

from data.instants import TAIPEI_OFFSET_US, to_us
from data.ledger import Ledger
from data.metrics.completion import count_states

ON_TRACK_POINTS = 0.05
ATTENTION_POINTS = 0.15
TOO_FEW = 5
TERMS_COMPARED = 4
_DAY_ZERO = np.datetime64("1970-01-01", "D")


def status(*, done: int, expected: int, overdue: int, expected_share: float | None, is_open: bool) -> str:
    """Return done, on_track, attention, behind, overdue, not_open or too_few for a cell.

    Before the deadline: on track down to 5 points below the expected share, attention down to 15, behind below.
    Anything past its deadline and not done is overdue.
    """
    if not is_open:
        return "not_open"
    if expected < TOO_FEW:
        return "too_few"
    if done == expected:
        return "done"
    if overdue:
        return "overdue"
    gap = done / expected - (expected_share or 0.0)
    if gap >= -ON_TRACK_POINTS:
        return "on_track"
    return "attention" if gap >= -ATTENTION_POINTS else "behind"


def expected_share(ledger: Ledger, *, term: int, grade: int, as_of: datetime) -> float | None:
    """Return the completion expected of a grade's certifications at an instant; None without a window.

    The median completion at the same working-day offset from the window's start in the last two to four terms of the
    same semester or, where there are fewer, linear over the window. Working days are the school's own: no 停課 counts.
    """
    windows = ledger.windows[(ledger.windows["task"] == "certify") & (ledger.windows["grade"] == grade)]
    windows = windows.assign(term=windows["school_year"] * 10 + windows["semester"]).set_index("term")
    if term not in windows.index:
        return None
    own = windows.loc[term]
    now_us = to_us(as_of)
    offset = _working_days(own["starts_at"], now_us, ledger.calendar)
    shares = []
    for earlier in sorted((t for t in windows.index if t < term), reverse=True)[:TERMS_COMPARED]:
        then_us = (
            _day_us(
                np.busday_offset(
                    _day(windows.at[earlier, "starts_at"]), offset, roll="forward", busdaycal=ledger.calendar
                )
            )
            + (now_us + TAIPEI_OFFSET_US) % 86_400_000_000
        )
        duties = ledger.of_term(earlier)
        duties = duties[duties["grade"] == grade]
        on_time, late, open_, overdue, *_ = count_states(duties, np.zeros(len(duties), dtype=np.int64), 1, then_us)[0]
        if on_time + late + open_ + overdue >= TOO_FEW:
            shares.append((on_time + late) / (on_time + late + open_ + overdue))
    if len(shares) >= 2:
        return float(np.median(shares))
    length = own["ends_at"] - own["starts_at"]
    return float(np.clip((now_us - own["starts_at"]) / length, 0, 1))


def same_day_earlier(ledger: Ledger, *, term: int, as_of: datetime) -> tuple[int, datetime] | None:
    """Return last year's term and the instant at the same working-day offset from its window's start; None without one."""
    windows = ledger.windows[ledger.windows["task"] == "certify"]
    starts = (windows["starts_at"].groupby(windows["school_year"] * 10 + windows["semester"])).min()
    earlier = term - 10
    if term not in starts.index or earlier not in starts.index:
        return None
    now_us = to_us(as_of)
    offset = _working_days(starts[term], now_us, ledger.calendar)
    day = np.busday_offset(_day(starts[earlier]), offset, roll="forward", busdaycal=ledger.calendar)
    us = _day_us(day) + (now_us + TAIPEI_OFFSET_US) % 86_400_000_000
    return earlier, (datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=int(us))).astimezone(as_of.tzinfo)


def _day(us: int) -> np.datetime64:
    return _DAY_ZERO + np.timedelta64(int((us + TAIPEI_OFFSET_US) // 86_400_000_000), "D")


def _day_us(day: np.datetime64) -> int:
    return int((day - _DAY_ZERO).astype(np.int64)) * 86_400_000_000 - TAIPEI_OFFSET_US


def _working_days(start_us: int, now_us: int, calendar: np.busdaycalendar) -> int:
    return int(np.busday_count(_day(start_us), _day(now_us), busdaycal=calendar))
