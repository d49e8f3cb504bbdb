"""Whose timeliness is out of line with the school's: exact binomial funnel limits, never a rank."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy import stats

from data.instants import to_us
from data.ledger import Ledger
from data.metrics import Metric, Question
from data.metrics.completion import ratio, tabulate
from data.metrics.groups import codes_of, groups_of

MINIMUM_DECIDED = 10
FALSE_DISCOVERY_RATE = 0.05
WINSORISED = 0.1
Floats = npt.NDArray[np.float64]


def limit(decided: npt.NDArray[Any], target: float, p: float) -> Floats:
    """Return the interpolated exact binomial limit of a share (Spiegelhalter 2005, A.1.1).

    r is the smallest count with P(X ≤ r) ≥ p, alpha = (P(X ≤ r) − p) / P(X = r), the limit (r − alpha) / decided.
    """
    n = np.asarray(decided, dtype=np.int64)
    if not 0 < target < 1:
        return np.full(len(n), target, dtype=float)
    r = stats.binom.ppf(p, n, target)
    alpha = (stats.binom.cdf(r, n, target) - p) / stats.binom.pmf(r, n, target)
    return np.asarray(np.clip((r - alpha) / n, 0, 1))


def dispersion(on_time: npt.NDArray[Any], decided: npt.NDArray[Any], target: float) -> float:
    """Return the multiplicative over-dispersion from 10 % winsorised z-scores (section 3), never below 1."""
    if len(decided) < 2 or not 0 < target < 1:
        return 1.0
    z = (on_time / decided - target) / np.sqrt(target * (1 - target) / decided)
    low, high = np.quantile(z, [WINSORISED, 1 - WINSORISED])
    return float(max(1.0, np.mean(np.clip(z, low, high) ** 2)))


def flags(p_low: Floats, p_high: Floats, decided: npt.NDArray[Any]) -> list[str]:
    """Flag by one Benjamini-Hochberg control at 5 % over both tails together, from 10 decided items on."""
    enough = np.flatnonzero(decided >= MINIMUM_DECIDED)
    result = [""] * len(decided)
    values = np.concatenate([p_low[enough], p_high[enough]])
    if not len(values):
        return result
    order = np.argsort(values, kind="stable")
    passed = values[order] <= FALSE_DISCOVERY_RATE * np.arange(1, len(values) + 1) / len(values)
    accepted = order[: int(np.flatnonzero(passed).max()) + 1] if passed.any() else order[:0]
    for position in accepted:
        result[enough[position % len(enough)]] = "low" if position < len(enough) else "high"
    return result


def assess(counts: pd.DataFrame) -> pd.DataFrame:
    """Return the funnel's columns for rows with on_time, late and overdue; the target is the school's own rate."""
    on_time = counts["on_time"].to_numpy()
    decided = on_time + counts["late"].to_numpy() + counts["overdue"].to_numpy()
    total = int(decided.sum())
    target = float(on_time.sum() / total) if total else float("nan")
    some = decided > 0
    n = np.where(some, decided, 1)
    result = {"decided": decided, "on_time": on_time, "timeliness": ratio(on_time, decided), "target": target}
    for name, p in (("lower_95", 0.025), ("upper_95", 0.975), ("lower_998", 0.001), ("upper_998", 0.999)):
        result[name] = np.where(some, limit(n, target, p), np.nan) if total else np.nan
    p_low = np.where(some, stats.binom.cdf(on_time, n, target), np.nan) if total else np.full(len(n), np.nan)
    p_high = np.where(some, stats.binom.sf(on_time - 1, n, target), np.nan) if total else np.full(len(n), np.nan)
    spread = dispersion(on_time[some], decided[some], target) if total else 1.0

    def widened(p: Floats) -> Floats:
        """Shrink the z-score behind a tail by the root of the over-dispersion; unchanged where there is none."""
        return p if spread == 1 else np.asarray(stats.norm.cdf(stats.norm.ppf(p) / np.sqrt(spread)))

    return pd.DataFrame(
        result | {"p_low": p_low, "p_high": p_high, "dispersion": spread, "flag": flags(widened(p_low), widened(p_high), decided)}
    )  # fmt: skip


def answer(ledger: Ledger, question: Question) -> pd.DataFrame:
    """Return one row a teacher of the term with decided items, limits, tail probabilities and the flag."""
    as_of_us = to_us(question.as_of)
    duties = ledger.of_term(question.term, question.stage)
    duties = duties[duties["opened_at"].to_numpy() <= as_of_us]
    codes = codes_of(ledger, duties, question.by, as_of_us)
    groups = groups_of(ledger, question.term, question.by, codes, as_of_us)
    counts = tabulate(duties, groups.row_of[codes], len(groups.keys), as_of_us, deadline=question.deadline, waits=False)
    return assess(counts).assign(key=groups.keys, name=groups.names)


METRIC = Metric(
    key="funnel",
    title="漏斗圖：已定件數、準時率、全校準時率與精確二項界限（95 %、99.8 %）、標記",
    columns=("key", "name", "decided", "on_time", "timeliness", "target", "lower_95", "upper_95", "lower_998", "upper_998",
             "p_low", "p_high", "dispersion", "flag"),
    stages=("certify",),
    groupings=("teacher",),
    answer=answer,
)  # fmt: skip
