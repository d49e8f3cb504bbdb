"""Who got better from one term to the next, by the same statistics as the funnel: for thanks, without a grade or a rank."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy import stats

from data.instants import to_us
from data.ledger import Ledger, holders
from data.metrics.completion import count_states
from data.metrics.funnel import FALSE_DISCOVERY_RATE, MINIMUM_DECIDED

COLUMNS = ("code", "name", "on_time_before", "decided_before", "on_time", "decided", "p", "improved")


def improvement(ledger: Ledger, *, term: int, before: int, as_of: datetime) -> pd.DataFrame:
    """Return the teachers with at least 10 decided certifications in both terms, by code, and whose timeliness rose.

    p: one-sided exact test of two proportions (Fisher 1935): how likely so many on-time items would be in the later term
    if nothing had changed. improved: by Benjamini-Hochberg at 5 % over all teachers compared. Work counts for whoever did or
    held it at as_of (rule 3).
    """
    counts = [_counts(ledger, each, to_us(as_of)) for each in (before, term)]
    on_time, decided = (np.stack([table[name].to_numpy() for table in counts]) for name in ("on_time", "decided"))
    enough = np.flatnonzero((decided >= MINIMUM_DECIDED).all(axis=0))
    codes = ledger.labels["teacher"]
    enough = np.array(sorted(enough.tolist(), key=lambda code: str(codes[code])), dtype=np.int64)
    total, hits = decided.sum(axis=0)[enough], on_time.sum(axis=0)[enough]
    p = stats.hypergeom.sf(on_time[1, enough] - 1, total, hits, decided[1, enough])
    return pd.DataFrame(
        {
            "code": [str(code) for code in codes[enough]], "name": ledger.teachers["name"].to_numpy()[enough],
            "on_time_before": on_time[0, enough], "decided_before": decided[0, enough],
            "on_time": on_time[1, enough], "decided": decided[1, enough], "p": p, "improved": discovered(np.asarray(p)),
        }
    )[list(COLUMNS)]  # fmt: skip


def discovered(p: npt.NDArray[Any]) -> npt.NDArray[np.bool_]:
    """Return which of the tests Benjamini and Hochberg (1995) accept at 5 %."""
    result = np.zeros(len(p), dtype=bool)
    order = np.argsort(p, kind="stable")
    passed = p[order] <= FALSE_DISCOVERY_RATE * np.arange(1, len(p) + 1) / max(1, len(p))
    if passed.any():
        result[order[: int(np.flatnonzero(passed).max()) + 1]] = True
    return result


def _counts(ledger: Ledger, term: int, as_of_us: int) -> pd.DataFrame:
    duties = ledger.of_term(term)
    duties = duties[duties["opened_at"].to_numpy() <= as_of_us]
    teacher = holders(ledger, duties, as_of_us)
    size = len(ledger.labels["teacher"])
    counts = count_states(duties[teacher >= 0], teacher[teacher >= 0], size, as_of_us)
    return pd.DataFrame({"on_time": counts[:, 0], "decided": counts[:, 0] + counts[:, 1] + counts[:, 3]})
