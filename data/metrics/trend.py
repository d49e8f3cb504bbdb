"""How the counts of a stage grew day by day, against the same working day of the terms before."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from data.instants import DAY_US, TAIPEI_OFFSET_US, to_us
from data.ledger import STAGES, Ledger
from data.metrics import Metric, Question
from data.metrics.completion import ratio
from data.metrics.groups import codes_of, groups_of

COUNTS = ("expected", "on_time", "late", "open", "overdue", "exempt")
COLUMNS = ("key", "name", "day", "working_day", *COUNTS, "completion", "completion_before", "completion_usual")
TERMS_BEFORE = 4
FEWEST_TERMS = 2
LONGEST_DAYS = 400
_EPOCH = date(1970, 1, 1)
Ints = npt.NDArray[np.int64]


def by_day(
    duties: pd.DataFrame, row: npt.NDArray[Any], size: int, instants: Ints, *, deadline: str = "current"
) -> Ints:
    """Count the states of each row's duties at many instants at once: instants (ascending) × rows × COUNTS.

    Equal to completion at each instant, but each duty is placed once: as the spans in which it is done, excused or overdue.
    """
    place = {
        name: np.searchsorted(instants, duties[name].to_numpy(), side="left")
        for name in (
            "opened_at",
            "done_at",
            "exempt_at",
            "exempt_until",
            "due_at" if deadline == "current" else "original_due_at",
        )
    }  # the first instant at which it has come; len(instants) for none
    opened, done, due = place["opened_at"], np.maximum(place["opened_at"], place["done_at"]), list(place.values())[-1]
    never = np.full(len(duties), len(instants), dtype=np.int64)
    excused = np.maximum(opened, place["exempt_at"])
    back = np.maximum(excused, np.minimum(done, place["exempt_until"]))
    late = duties["done_at"].to_numpy() >= duties["due_at" if deadline == "current" else "original_due_at"].to_numpy()
    behind = np.maximum(opened, due)

    def spans(start: Ints, end: Ints, chosen: npt.NDArray[np.bool_] | None = None) -> Ints:
        some = start < end if chosen is None else chosen & (start < end)
        steps = np.zeros((len(instants) + 1) * size, dtype=np.int64)
        np.add.at(steps, start[some] * size + row[some], 1)
        np.add.at(steps, end[some] * size + row[some], -1)
        counted: Ints = steps.reshape(-1, size).cumsum(axis=0)[:-1]
        return counted

    exempt = spans(excused, back)
    overdue = spans(behind, done) - spans(np.maximum(behind, excused), np.minimum(done, back))
    on_time, too_late = spans(done, never, ~late), spans(done, never, late)
    expected = spans(opened, never) - exempt
    return np.stack([expected, on_time, too_late, expected - on_time - too_late - overdue, overdue, exempt], axis=2)


def answer(ledger: Ledger, question: Question) -> pd.DataFrame:
    """Return a row a group and day, from the stage's first window (without one: the first duty) to as_of.

    A day is counted at its end, the last one at as_of. completion_before: of the same semester a year before, at the same
    working-day offset from its own start; completion_usual: the median of the last two to four such terms. Both NaN where
    there are none, and by class, as a class of another year is other children.
    """
    as_of_us = to_us(question.as_of)
    start = _start(ledger, question.term, question.stage)
    duties = ledger.of_term(question.term, question.stage)
    codes = codes_of(ledger, duties, question.by, as_of_us)
    groups = groups_of(ledger, question.term, question.by, codes, as_of_us)
    if start is None or start > as_of_us or not groups.keys:
        return pd.DataFrame(columns=list(COLUMNS))
    days = _days(start, as_of_us)
    instants = np.append([_day_us(day + timedelta(days=1)) for day in days[:-1]], as_of_us).astype(np.int64)
    size = len(groups.keys)
    counts = by_day(duties, groups.row_of[codes], size, instants, deadline=question.deadline)
    offsets = np.busday_count(
        np.datetime64(days[0], "D"), np.array(days, dtype="datetime64[D]"), busdaycal=ledger.calendar
    )
    before = _before(ledger, question, groups.keys, offsets, instants)
    table = pd.DataFrame(counts.transpose(1, 0, 2).reshape(-1, len(COUNTS)), columns=list(COUNTS))
    done = table["on_time"].to_numpy() + table["late"].to_numpy()
    return table.assign(
        key=np.repeat(np.array(groups.keys, dtype=object), len(days)),
        name=np.repeat(np.array(groups.names, dtype=object), len(days)),
        day=[day.isoformat() for day in days] * size,
        working_day=np.tile(offsets, size),
        completion=ratio(done, table["expected"].to_numpy()),
        completion_before=before[0].T.reshape(-1),
        completion_usual=_usual(before).T.reshape(-1),
    )


def _before(
    ledger: Ledger, question: Question, keys: list[str], offsets: npt.NDArray[Any], instants: Ints
) -> npt.NDArray[np.float64]:
    """Return the completion of each earlier term of the same semester, newest first: terms × instants × groups."""
    result = np.full((TERMS_BEFORE, len(instants), len(keys)), np.nan)
    if question.by == "class":
        return result
    clock = (instants + TAIPEI_OFFSET_US) % DAY_US
    ends = clock == 0  # the end of a day is 00:00 of the next
    for position in range(TERMS_BEFORE):
        term = question.term - 10 * (position + 1)
        start = _start(ledger, term, question.stage)
        duties = ledger.of_term(term, question.stage)
        if start is None or duties.empty:
            continue
        first = np.datetime64(_day(start), "D")
        then = np.busday_offset(first, offsets, roll="forward", busdaycal=ledger.calendar).astype("datetime64[D]")
        at = np.array([_day_us(day) for day in then.astype(object)], dtype=np.int64) + np.where(ends, DAY_US, clock)
        codes = codes_of(ledger, duties, question.by, int(at.max()))
        groups = groups_of(ledger, term, question.by, codes, int(at.max()))
        order = np.argsort(at, kind="stable")
        counts = by_day(duties, groups.row_of[codes], len(groups.keys), at[order], deadline=question.deadline)
        rates = np.empty(counts.shape[:2])
        done = counts[:, :, 1] + counts[:, :, 2]
        rates[order] = np.where(counts[:, :, 0] > 0, done / np.maximum(counts[:, :, 0], 1), np.nan)
        row_of = {key: row for row, key in enumerate(groups.keys)}
        for column, key in enumerate(keys):
            if key in row_of:
                result[position, :, column] = rates[:, row_of[key]]
    return result


def _usual(before: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    known = (~np.isnan(before)).sum(axis=0)
    filled = np.where(np.isnan(before), np.inf, before)
    ordered = np.sort(filled, axis=0)
    low = np.take_along_axis(ordered, np.maximum((known - 1) // 2, 0)[None], axis=0)[0]
    high = np.take_along_axis(ordered, np.minimum(known // 2, len(before) - 1)[None], axis=0)[0]
    return np.where(known >= FEWEST_TERMS, (low + np.where(known >= FEWEST_TERMS, high, 0)) / 2, np.nan)


def _start(ledger: Ledger, term: int, stage: str) -> int | None:
    windows = ledger.windows_of(term)
    named = windows["task"].eq(stage) | windows["task"].str.startswith(f"{stage}_")
    starts = windows.loc[named, "starts_at"]
    if len(starts):
        return int(starts.min())
    duties = ledger.of_term(term, stage)
    return int(duties["opened_at"].min()) if len(duties) else None


def _days(start_us: int, as_of_us: int) -> list[date]:
    first, last = _day(start_us), _day(as_of_us)
    count = min((last - first).days, LONGEST_DAYS) + 1
    return [first + timedelta(days=number) for number in range(count)]


def _day(us: int) -> date:
    return _EPOCH + timedelta(days=int((us + TAIPEI_OFFSET_US) // DAY_US))


def _day_us(day: date) -> int:
    return (day - _EPOCH).days * DAY_US - TAIPEI_OFFSET_US


METRIC = Metric(
    key="trend",
    title="逐日走勢：每一天的應辦、完成、待辦、逾期與完成率，和去年同一學期、近年同一上班日比較",
    columns=COLUMNS,
    stages=STAGES,
    groupings=("school", "grade", "department", "class", "subject"),
    answer=answer,
)
