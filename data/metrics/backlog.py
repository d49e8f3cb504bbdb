"""What waits now, for whom, and for how long already."""

from __future__ import annotations

import numpy as np
import pandas as pd

from data.instants import DAY_US, from_us, to_us
from data.ledger import Ledger
from data.metrics import Metric, Question
from data.metrics.completion import STATES, states
from data.metrics.groups import codes_of, groups_of

AGES = ("age_0_3", "age_4_7", "age_8_14", "age_over_14")
AGE_LIMITS = (4, 8, 15)  # whole days: 0 to 3, 4 to 7, 8 to 14, more


def answer(ledger: Ledger, question: Question) -> pd.DataFrame:
    """Return one row a group of the rosters: what waits at as_of (open or overdue; excused duties do not), by age.

    An age is the time since opened_at in whole days, a day being 24 hours, so age_0_3 is less than 4 days, age_4_7 from
    4 days on, age_8_14 from 8 and age_over_14 from 15. oldest_opened_at: ISO in Taipei, empty where nothing waits.
    age_median_days: of the ages with their fractions, NaN where nothing waits. judged_unreleased: decided, and the
    decision not yet seen by the student, so still waiting. Teachers are the holders at as_of.
    """
    as_of_us = to_us(question.as_of)
    duties = ledger.of_term(question.term)
    duties = duties[duties["opened_at"].to_numpy() <= as_of_us]
    codes = codes_of(ledger, duties, question.by, as_of_us)
    groups = groups_of(ledger, question.term, question.by, codes, as_of_us)
    state = states(duties, as_of_us, deadline=question.deadline)
    overdue = state == STATES.index("overdue")
    waits = overdue | (state == STATES.index("open"))
    row, size, overdue = groups.row_of[codes][waits], len(groups.keys), overdue[waits]
    opened_at, decided_at = (duties[name].to_numpy()[waits] for name in ("opened_at", "decided_at"))
    age_us = as_of_us - opened_at
    band = np.digitize(age_us // DAY_US, AGE_LIMITS)
    ages = np.bincount(row * len(AGES) + band, minlength=size * len(AGES)).reshape(size, len(AGES))
    oldest = pd.Series(opened_at).groupby(row).min()
    median = (pd.Series(age_us).groupby(row).median() / DAY_US).reindex(range(size))
    return pd.DataFrame(
        {
            "key": groups.keys,
            "name": groups.names,
            "waiting": np.bincount(row, minlength=size),
            "overdue": np.bincount(row[overdue], minlength=size),
            **dict(zip(AGES, ages.T, strict=True)),
            "oldest_opened_at": [from_us(oldest[i]).isoformat() if i in oldest.index else "" for i in range(size)],
            "age_median_days": median.to_numpy(),
            "judged_unreleased": np.bincount(row[decided_at <= as_of_us], minlength=size),
        }
    )


METRIC = Metric(
    key="backlog",
    title="待辦：等候中與其中逾期的件數，已等候 0–3、4–7、8–14、14 日以上，最早送出時間、已等候日數中位、已評定未發佈",
    columns=("key", "name", "waiting", "overdue", *AGES, "oldest_opened_at", "age_median_days", "judged_unreleased"),
    stages=("certify",),
    groupings=("school", "grade", "department", "class", "subject", "teacher", "unit"),
    answer=answer,
)
