"""How far the duties of a stage are: counts by state, rates and waits, by any grouping, at any instant."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from data.instants import DAY_US, to_us
from data.ledger import STAGES, Ledger, is_exempt
from data.metrics import Metric, Question
from data.metrics.groups import codes_of, groups_of

STATES = ("on_time", "late", "open", "overdue", "exempt")
WAITS = ("wait_median_days", "wait_p90_days", "delay_median_days")
TOLERANCE = 1e-12
Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]

# A duty's facts at an instant as bits; _FATE turns each of the 32 patterns into the counts it belongs to.
_DONE, _PASSED, _LATE, _EXEMPT, _EXISTS = 1, 2, 4, 8, 16


def _fates() -> npt.NDArray[np.int64]:
    fates = np.zeros((32, 7), dtype=np.int64)  # the five states, then due and done, then due
    for bits in range(32):
        if not bits & _EXISTS:
            continue
        done, passed = bool(bits & _DONE), bool(bits & _PASSED)
        if done:
            state = 1 if bits & _LATE else 0
        elif bits & _EXEMPT:
            state = 4
        else:
            state = 3 if passed else 2
        fates[bits, state] = 1
        if passed and state != 4:
            fates[bits, 5] = done
            fates[bits, 6] = 1
    return fates


_FATE = _fates()


def state_bits(duties: pd.DataFrame, as_of_us: int, *, deadline: str = "current") -> npt.NDArray[np.uint8]:
    """Return each duty's facts at an instant as bits."""
    due = duties["due_at" if deadline == "current" else "original_due_at"].to_numpy()
    done_at = duties["done_at"].to_numpy()
    bits = (done_at <= as_of_us).view(np.uint8).copy()
    bits |= (due <= as_of_us).view(np.uint8) << 1
    bits |= (done_at >= due).view(np.uint8) << 2
    bits |= is_exempt(duties, as_of_us).view(np.uint8) << 3
    bits |= (duties["opened_at"].to_numpy() <= as_of_us).view(np.uint8) << 4
    result: npt.NDArray[np.uint8] = bits
    return result


def states(duties: pd.DataFrame, as_of_us: int, *, deadline: str = "current") -> npt.NDArray[np.int64]:
    """Return the index in STATES of each duty, -1 for one that does not exist yet."""
    lookup = np.where(_FATE[:, :5].any(axis=1), _FATE[:, :5].argmax(axis=1), -1)
    result: Ints = lookup[state_bits(duties, as_of_us, deadline=deadline)]
    return result


def count_states(
    duties: pd.DataFrame, key: npt.NDArray[Any], size: int, as_of_us: int, *, deadline: str = "current"
) -> Ints:
    """Count duties by key (0 to size-1): a row a key, columns the five states, due and done, due."""
    bits = state_bits(duties, as_of_us, deadline=deadline)
    combined = key.astype(np.int64)
    combined *= 32
    combined += bits
    return np.bincount(combined, minlength=size * 32).reshape(size, 32) @ _FATE


def completion(
    duties: pd.DataFrame, *, by: Sequence[str], as_of: pd.Timestamp, deadline: str = "current", waits: bool = False
) -> pd.DataFrame:
    """Count the duties of each group by state, and derive the rates.

    duties: the ledger, one row a duty (data.schema.DUTY). by: code columns to group on. as_of: aware instant.
    Returns one row a group with a duty (ordered by code): expected, on_time, late, open, overdue, exempt (counts) and
    completion, due_so_far, timeliness (fractions, NaN where undefined); with waits also the three waits in days.
    A duty opened after as_of does not exist yet; one done after it is not done yet.
    """
    columns = [duties[name].to_numpy() for name in by]
    low = [int(column.min()) if len(column) else 0 for column in columns]
    spans = [int(column.max()) - lowest + 1 if len(column) else 1 for column, lowest in zip(columns, low, strict=True)]
    key = np.zeros(len(duties), dtype=np.int64)
    for column, lowest, span in zip(columns, low, spans, strict=True):
        key *= span
        key += column
        key -= lowest
    size = int(np.prod(spans))
    table = tabulate(duties, key, size, to_us(as_of), deadline=deadline, waits=waits)
    used = (table["expected"] + table["exempt"]).to_numpy() > 0
    codes = np.unravel_index(np.flatnonzero(used), spans)
    groups = {name: code + lowest for name, code, lowest in zip(by, codes, low, strict=True)}
    return pd.concat([pd.DataFrame(groups), table[used].reset_index(drop=True)], axis=1)


def tabulate(
    duties: pd.DataFrame,
    key: npt.NDArray[Any],
    size: int,
    as_of_us: int,
    *,
    deadline: str = "current",
    waits: bool = True,
) -> pd.DataFrame:
    """Return the counts, rates and (with waits) the days of every key from 0 to size-1, one row each."""
    counts = count_states(duties, key, size, as_of_us, deadline=deadline)
    on_time, late, open_, overdue, exempt, due_done, due = counts.T
    expected = on_time + late + open_ + overdue
    table = {
        "expected": expected, "on_time": on_time, "late": late, "open": open_, "overdue": overdue, "exempt": exempt,
        "completion": ratio(on_time + late, expected), "due_so_far": ratio(due_done, due),
        "timeliness": ratio(on_time, on_time + late + overdue),
    }  # fmt: skip
    if waits:
        table |= _days(duties, key, size, as_of_us, deadline)
    return pd.DataFrame(table)


def ratio(part: Ints, whole: Ints) -> Floats:
    """Divide, NaN where nothing is expected: nothing expected is nothing, not 0 % and not 100 %."""
    result: Floats = np.full(len(whole), np.nan)
    np.divide(part, whole, out=result, where=whole > 0)
    return result


def _days(duties: pd.DataFrame, key: npt.NDArray[Any], size: int, as_of_us: int, deadline: str) -> dict[str, Floats]:
    done_at, opened_at = duties["done_at"].to_numpy(), duties["opened_at"].to_numpy()
    exists = opened_at <= as_of_us
    done = exists & (done_at <= as_of_us)
    undone = exists & ~done & ~is_exempt(duties, as_of_us)
    due = duties["due_at" if deadline == "current" else "original_due_at"].to_numpy()
    end = np.where(done, done_at, as_of_us)
    behind = (done & (done_at >= due)) | (undone & (due <= as_of_us))
    median, p90 = kaplan_meier_quantiles(
        key[done],
        duties["wait_us"].to_numpy()[done],
        key[undone],
        as_of_us - opened_at[undone],
        size=size,
        shares=(0.5, 0.1),
    )
    return {
        "wait_median_days": median / DAY_US,
        "wait_p90_days": p90 / DAY_US,
        "delay_median_days": _medians(key[behind], (end - due)[behind], size) / DAY_US,
    }


def _medians(key: npt.NDArray[Any], values: Ints, size: int) -> Floats:
    result = np.full(size, np.nan)
    medians = pd.Series(values).groupby(key).median()
    result[medians.index.to_numpy(dtype=np.int64)] = medians.to_numpy()
    return result


def kaplan_meier_quantiles(
    done_key: npt.NDArray[Any],
    done_wait: Ints,
    waiting_key: npt.NDArray[Any],
    waiting_since: Ints,
    *,
    size: int,
    shares: Sequence[float],
) -> list[Floats]:
    """Return, per key and share, the smallest duration at which the share still waiting has come down to it.

    done_wait ascending (as the ledger is sorted); waiting_since: durations so far, censored. At ties what is done comes
    before what is censored (Kaplan & Meier 1958). NaN where the share has not come down that far.
    """
    order = np.argsort(done_key.astype(np.int16) if size < 2**15 else done_key, kind="stable")  # int16: a radix sort
    key, wait = done_key[order].astype(np.int64), done_wait[order]
    events = np.bincount(key, minlength=size)
    at_start = events + np.bincount(waiting_key, minlength=size)
    starts = np.cumsum(events) - events
    at_risk = at_start[key] - (np.arange(len(key)) - starts[key])
    if len(waiting_key) and len(key):
        low = min(int(wait.min()), int(waiting_since.min()))
        span = max(int(wait.max()), int(waiting_since.max())) - low + 1
        place = np.searchsorted(
            key * span + (wait - low), waiting_key.astype(np.int64) * span + (waiting_since - low), side="right"
        )
        inside = place < (starts + events)[waiting_key]  # censored after the group's last event changes nothing
        gone = np.cumsum(np.bincount(place[inside], minlength=len(key)))
        before_group = np.where(starts > 0, gone[np.clip(starts - 1, 0, len(key) - 1)], 0)
        at_risk = at_risk - (gone - before_group[key])
    factor = (at_risk - 1) / at_risk
    results = [np.full(size, np.nan) for _ in shares]
    for group in np.flatnonzero(events):
        begin, end = starts[group], starts[group] + events[group]
        waiting_share = np.cumprod(factor[begin:end])
        for result, share in zip(results, shares, strict=True):
            reached = waiting_share <= share + TOLERANCE
            if reached[-1]:
                result[group] = wait[begin + int(reached.argmax())]
    return results


METRIC_COLUMNS = ("key", "name", "expected", *STATES, "completion", "due_so_far", "timeliness", *WAITS)


def answer(ledger: Ledger, question: Question) -> pd.DataFrame:
    """Return one row a group of the rosters, those with nothing expected at 0 and with empty rates."""
    duties = ledger.of_term(question.term, question.stage)
    as_of_us = to_us(question.as_of)
    duties = duties[duties["opened_at"].to_numpy() <= as_of_us]
    codes = codes_of(ledger, duties, question.by, as_of_us)
    groups = groups_of(ledger, question.term, question.by, codes, as_of_us)
    table = tabulate(duties, groups.row_of[codes], len(groups.keys), as_of_us, deadline=question.deadline)
    return table.assign(key=groups.keys, name=groups.names)


METRIC = Metric(
    key="completion",
    title="完成情形：應辦、準時、逾時完成、待辦、逾期、免辦，完成率、到期完成率、準時率與等候日數",
    columns=METRIC_COLUMNS,
    stages=STAGES,
    groupings=("school", "grade", "department", "class", "subject", "teacher", "unit"),
    answer=answer,
)
