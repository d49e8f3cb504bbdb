"""提交: when each roster of a term, year or 高三 batch was handed in."""

from __future__ import annotations

from dataclasses import dataclass

from data.demo.calendar import (
    DAY,
    SUBMIT_ACADEMIC,
    SUBMIT_OUTCOMES,
    SUBMIT_PERFORMANCES,
    SUBMIT_POSITIONS,
    UNITS,
    Windows,
    read_batch,
)
from data.demo.chance import stream
from data.demo.workdays import count_workdays, shift_workdays

ROSTERS = {
    SUBMIT_ACADEMIC: ("students", "grades"),  # owed as one, handed in as two books
    SUBMIT_OUTCOMES: ("outcomes",),
    SUBMIT_POSITIONS: ("positions",),
    SUBMIT_PERFORMANCES: ("performances",),
}
_OF_YEAR = {"outcomes", "performances"}
_LATE = 0.06


@dataclass(frozen=True, slots=True)
class HandIn:
    """One roster handed in: semester 0 is the school year, batch 1 and 2 are those of 高三; a clock second."""

    year: int
    semester: int
    roster: str
    batch: int
    submitted_at: int
    unit: str


def plan_hand_ins(windows: Windows, *, today: int, seed: int) -> list[HandIn]:
    """Hand in every roster once in the second half of its window, in office hours; now and then a few days late.

    Where the window was extended, between its first end and the later one. Only what was handed in before today, by time.
    """
    handed_in = []
    for window in {(w.term, w.task): w for w in windows.values() if read_batch(w.task)[0] in ROSTERS}.values():
        task, batch = read_batch(window.task)
        rng = stream(seed, "hand in", window.term.code, window.task)
        first, last = window.start // DAY, window.original_end // DAY - 1
        middle, last = int(shift_workdays((first + last) // 2, 0)), int(shift_workdays(last, 0, back=True))
        place, late = int(rng.integers(count_workdays(middle, last))), int(rng.integers(1, 4))
        if window.end > window.original_end:
            day = int(shift_workdays(last, late))
        else:
            day = int(shift_workdays(last, late) if rng.random() < _LATE else shift_workdays(middle, place))
        second = day * DAY + int(rng.integers(9 * 3600, 16 * 3600))
        for order, roster in enumerate(ROSTERS[task]):
            semester = 0 if roster in _OF_YEAR else window.term.semester
            submitted_at = second + order * 1500
            handed_in.append(HandIn(window.term.year, semester, roster, batch, submitted_at, UNITS[task]))
    return sorted((each for each in handed_in if each.submitted_at < today), key=lambda each: each.submitted_at)
