"""How long duties wait until they are done, by Kaplan-Meier: what still waits counts for as long as it has waited."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy import stats

from data.instants import DAY_US, to_us
from data.ledger import Ledger, is_exempt
from data.metrics import Metric, Question
from data.metrics.completion import TOLERANCE, kaplan_meier_quantiles
from data.metrics.groups import codes_of, groups_of

WITHIN_DAYS = (3, 7, 14)
MOST_POINTS = 200
CURVE = {
    "days": "float64", "waiting_share": "float64", "at_risk": "int64", "lower_95": "float64", "upper_95": "float64",
}  # fmt: skip
Z_95 = float(stats.norm.ppf(0.975))
Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]


def _observe(duties: pd.DataFrame, as_of_us: int) -> tuple[Bools, Bools, Ints]:
    """Tell which duties have started (excused and undone ones have not), which of all are done, and how long each waited."""
    opened_at, done = duties["opened_at"].to_numpy(), duties["done_at"].to_numpy() <= as_of_us
    started = (opened_at <= as_of_us) & (done | ~is_exempt(duties, as_of_us))
    return started, done, np.where(done, duties["wait_us"].to_numpy(), as_of_us - opened_at)


def shares_within(key: npt.NDArray[Any], wait: Ints, done: Bools, *, size: int, days: tuple[int, ...]) -> list[Floats]:
    """Return, per number of days and key (0 to size-1), the share done within them: 1 - S(t), what is done at t itself included.

    key, wait (microseconds) and done: one place a duty, in any order; what is not done is censored at its wait. What still
    waits after t, over what started, times r / (r - 1) for each duty censored before t with r at risk: a censored duty's
    part goes to those that waited longer (Efron 1967, equal to the product of Kaplan & Meier 1958, and exact where
    nothing is censored). NaN where nothing started, and where everybody left at risk is censored before t.
    """
    low = int(wait.min()) if len(wait) else 0
    last = int(wait.max()) - low if len(wait) else 0
    span = 2 * (last + 2)
    # One number a duty sorts by key, then by wait, then what is done before what is censored.
    place = np.sort(key.astype(np.int64) * span + 2 * (wait - low) + ~done)
    started = np.bincount(key, minlength=size)
    ends = np.cumsum(started)
    starts = ends - started
    censored = (place & 1).astype(bool)
    at_risk = np.repeat(ends, started) - np.arange(len(place))
    passed_on = np.ones(len(place))
    np.divide(at_risk, at_risk - 1, out=passed_on, where=censored & (at_risk > 1))
    passed_on[censored & (at_risk == 1)] = (
        np.nan
    )  # nobody is left to pass it on to: from here on the curve is not defined
    done_before, censored_before = (np.concatenate([[0], np.cumsum(flag)]) for flag in (~censored, censored))
    results = []
    for limit in days:
        until = min(max(limit * DAY_US - low, -1), last + 1)
        stops = np.searchsorted(place, np.arange(size) * span + 2 * until + 1)
        factor = np.ones(size)
        for group in np.flatnonzero(censored_before[stops] > censored_before[starts]):
            factor[group] = passed_on[starts[group] : stops[group]].prod()
        some_done = done_before[stops] > done_before[starts]  # without one the share is 0, and not what rounding leaves
        share = np.full(size, np.nan)
        np.divide((started - (ends - stops) * factor) * some_done, started, out=share, where=started > 0)
        results.append(share)
    return results


def curve(duties: pd.DataFrame, as_of_us: int) -> pd.DataFrame:
    """Return the Kaplan-Meier curve of one group: the share still waiting, as a step that falls at `days`.

    duties: of one group (data.schema.DUTY). Rows: 0 days with everybody waiting; each wait at which something was done,
    with the share after it and how many were at risk just before it; the longest wait, where the curve ends. No rows where
    nothing started. Above 200 rows only those are kept at which the share first comes down to one of 199 even levels,
    and the last: each is exact, and no step left out is higher than a 198th of the whole fall.
    lower_95, upper_95: limits by Greenwood's variance (1926) on the scale of log(-log S), which keeps them between 0 and 1
    (Kalbfleisch & Prentice 1980); NaN where the share is 1 or 0. They take duties as independent, so they are too narrow
    where a teacher does his queue at one sitting.
    """
    started, done, wait = _observe(duties, as_of_us)
    done, wait = done[started], wait[started]
    if not len(wait):
        return pd.DataFrame({name: pd.Series(dtype=dtype) for name, dtype in CURVE.items()})
    times, place = np.unique(wait, return_inverse=True)
    events, ending = np.bincount(place[done], minlength=len(times)), np.bincount(place)
    at_risk = len(wait) - (np.cumsum(ending) - ending)
    share = np.cumprod((at_risk - events) / at_risk)
    step = np.zeros(len(times))
    np.divide(events, at_risk * (at_risk - events), out=step, where=at_risk > events)
    inside = (share > 0) & (share < 1)
    lower, upper = np.full(len(times), np.nan), np.full(len(times), np.nan)
    log_share = np.log(share[inside])
    spread = np.exp(Z_95 * np.sqrt(np.cumsum(step)[inside]) / -log_share)
    lower[inside], upper[inside] = np.exp(log_share * spread), np.exp(log_share / spread)
    table = pd.DataFrame(
        {"days": times / DAY_US, "waiting_share": share, "at_risk": at_risk, "lower_95": lower, "upper_95": upper}
    )
    shown = events > 0
    shown[-1] = True
    begin = {"days": min(0.0, times[0] / DAY_US), "waiting_share": 1.0, "at_risk": len(wait), "lower_95": np.nan, "upper_95": np.nan}  # fmt: skip
    table = pd.concat([pd.DataFrame([begin]), table[shown]], ignore_index=True)
    if len(table) > MOST_POINTS:
        fallen = -table["waiting_share"].to_numpy()
        levels = np.linspace(fallen[0], fallen[-1], MOST_POINTS - 1)
        kept = np.append(np.searchsorted(fallen, levels - TOLERANCE), len(table) - 1)
        table = table.iloc[np.unique(kept)].reset_index(drop=True)
    return table.astype(CURVE)


def answer(ledger: Ledger, question: Question) -> pd.DataFrame:
    """Return one row a group of the rosters: what has started, is done or waits, the days of waiting, the shares done in time.

    started: opened at as_of and not excused, so completion's expected. waiting: not done, censored at as_of. A share is of
    started, by the curve, so not done/started while something waits. Groups with nothing started are rows of 0 and NaN.
    """
    as_of_us = to_us(question.as_of)
    duties = ledger.of_term(question.term)
    duties = duties[duties["opened_at"].to_numpy() <= as_of_us]
    codes = codes_of(ledger, duties, question.by, as_of_us)
    groups = groups_of(ledger, question.term, question.by, codes, as_of_us)
    started, done, wait = _observe(duties, as_of_us)
    row, done, wait, size = groups.row_of[codes][started], done[started], wait[started], len(groups.keys)
    median, p90 = kaplan_meier_quantiles(
        row[done], wait[done], row[~done], wait[~done], size=size, shares=(0.5, 0.1)
    )  # the ledger is sorted by wait
    shares = shares_within(row, wait, done, size=size, days=WITHIN_DAYS)
    return pd.DataFrame(
        {
            "key": groups.keys,
            "name": groups.names,
            "started": np.bincount(row, minlength=size),
            "done": np.bincount(row[done], minlength=size),
            "waiting": np.bincount(row[~done], minlength=size),
            "wait_median_days": median / DAY_US,
            "wait_p90_days": p90 / DAY_US,
            **{f"share_within_{days}_days": share for days, share in zip(WITHIN_DAYS, shares, strict=True)},
        }
    )


METRIC = Metric(
    key="waits",
    title="等候：送出至完成的日數（Kaplan-Meier，未完成者計至查詢時間）：已送出、已完成、等候中，中位與第九十百分位，3、7、14 日內完成的比例",
    columns=("key", "name", "started", "done", "waiting", "wait_median_days", "wait_p90_days",
             *(f"share_within_{days}_days" for days in WITHIN_DAYS)),
    stages=("certify",),
    groupings=("school", "grade", "department", "class", "subject", "teacher", "unit"),
    answer=answer,
)  # fmt: skip
