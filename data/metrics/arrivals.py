"""When work arrived, the student's clock beside the teacher's: how much came just before uploading closed, or after."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pandas as pd

from data.instants import DAY_US, NEVER, to_us
from data.ledger import Ledger
from data.metrics import Metric, Question
from data.metrics.completion import ratio
from data.metrics.groups import codes_of, groups_of

LAST_US = 2 * DAY_US


def closes_at(ledger: Ledger, duties: pd.DataFrame, term: int, deadline: str) -> npt.NDArray[np.int64]:
    """Return when uploading closed for each duty's grade, NEVER where no window is known."""
    windows = ledger.windows_of(term, "upload")
    ends = np.full(10, NEVER, dtype=np.int64)  # by grade
    column = "ends_at" if deadline == "current" else "original_ends_at"
    ends[windows["grade"].to_numpy()] = windows[column].to_numpy()
    result: npt.NDArray[np.int64] = ends[duties["grade"].to_numpy()]
    return result


def answer(ledger: Ledger, question: Question) -> pd.DataFrame:
    """Return one row a group of the rosters: what was sent by as_of, and how close to the end of the students' own window.

    sent: every sending counts, one again after a return and one excused later too. no_window: of these, those of a grade
    without an upload window, whose closing nobody knows. last_48h: sent in the 48 hours before the close or after it, as
    neither leaves the teacher more time; after_close: those of them sent at the close or later. last_48h_share: of those
    whose close is known (sent - no_window); NaN where there is none, as is median_days_before_close (negative: after).
    An extended window closes at its latest end, with deadline "original" at the one first announced, so that what the
    extension let in is after_close. Teachers are the holders at as_of.
    """
    as_of_us = to_us(question.as_of)
    duties = ledger.of_term(question.term)
    duties = duties[duties["opened_at"].to_numpy() <= as_of_us]
    codes = codes_of(ledger, duties, question.by, as_of_us)
    groups = groups_of(ledger, question.term, question.by, codes, as_of_us)
    row, size = groups.row_of[codes], len(groups.keys)
    closes = closes_at(ledger, duties, question.term, question.deadline)
    known = closes != NEVER
    before_us = closes[known] - duties["opened_at"].to_numpy()[known]
    row_known = row[known]
    sent, with_window = np.bincount(row, minlength=size), np.bincount(row_known, minlength=size)
    last = np.bincount(row_known[before_us <= LAST_US], minlength=size)
    median = (pd.Series(before_us).groupby(row_known).median() / DAY_US).reindex(range(size))
    return pd.DataFrame(
        {
            "key": groups.keys,
            "name": groups.names,
            "sent": sent,
            "no_window": sent - with_window,
            "last_48h": last,
            "last_48h_share": ratio(last, with_window),
            "after_close": np.bincount(row_known[before_us <= 0], minlength=size),
            "median_days_before_close": median.to_numpy(),
        }
    )


METRIC = Metric(
    key="arrivals",
    title="送達：送出件數、學生上傳截止前 48 小時起才送達的件數與比例、其中截止後才送達的件數，距截止日數中位",
    columns=("key", "name", "sent", "no_window", "last_48h", "last_48h_share", "after_close", "median_days_before_close"),
    stages=("certify",),
    groupings=("school", "grade", "department", "class", "subject", "teacher", "unit"),
    answer=answer,
)  # fmt: skip
