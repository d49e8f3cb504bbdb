"""One teacher: his queue, his own figures, and the school's other teachers as points without names."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from dashboard.services.certification import funnel_limits, oldest_first
from dashboard.services.filters import View
from dashboard.services.store import Store
from data.instants import to_us
from data.ledger import Ledger, assigned_then, holders
from data.metrics import Question, arrivals, funnel
from data.metrics.completion import STATES, states, tabulate

FEWEST_PEERS = 5  # among fewer everybody knows who is meant
COUNT_STEP = 5  # peers' items are rounded to it, their rates to whole per cents: a point is nobody's exact figure
QUEUE_ROWS = 200


@dataclass(frozen=True)
class Peers:
    """The school's other teachers as numbers only: decided and timeliness, rounded, in the order of their values.

    limits: n and the four control limits. target: the school's rate, over decided items. lower_95 … upper_998: the limits
    at the teacher's own number of items. flag: the teacher's own, low, high or empty.
    """

    points: pd.DataFrame
    limits: pd.DataFrame
    target: float
    on_time: int
    decided: int
    own_limits: dict[str, float]
    flag: str


@dataclass(frozen=True)
class Teacher:
    """Everything about one teacher, in numbers.

    counts: his row of completion. last_48h of with_window items arrived in the last 48 hours of the students' window or
    after it. for_others: done by him, assigned to somebody else then; by_others: assigned to him, done by somebody else.
    queue: his waiting items, oldest first, at most QUEUE_ROWS of waiting. peers: None where there is nobody to compare with.
    """

    code: str
    name: str
    unit: str
    counts: dict[str, Any]
    last_48h: int
    with_window: int
    for_others: int
    by_others: int
    judged_unreleased: int
    waiting: int
    queue: pd.DataFrame
    peers: Peers | None


def teacher_of(store: Store, view: View) -> Teacher | None:
    """Compute the page of the view's teacher, whom the scope allows; None where it names nobody. Kept per question.

    His figures come from the whole school's ledger, as a teacher's own one lacks what others did for him.
    """
    if view.filters.teacher is None:
        return None
    return store.kept((*view.key, "teacher"), lambda: _compute(store, view, str(view.filters.teacher)))


def peers_of(ledger: Ledger, question: Question, code: str) -> Peers | None:
    """Return the other teachers with enough decided items as numbers without names; None below FEWEST_PEERS of them.

    None as well where the teacher himself has too few items to be compared, or the school's rate leaves nothing to compare.
    """
    assessed = funnel.answer(ledger, question)
    enough = assessed[(assessed["decided"] >= funnel.MINIMUM_DECIDED) & (assessed["key"] != "")]
    own, others = enough[enough["key"] == code], enough[enough["key"] != code]
    if own.empty or len(others) < FEWEST_PEERS or not 0 < float(own["target"].iloc[0]) < 1:
        return None
    points = pd.DataFrame(
        {
            "decided": np.maximum((others["decided"] / COUNT_STEP).round() * COUNT_STEP, funnel.MINIMUM_DECIDED).astype(int),
            "timeliness": others["timeliness"].round(2),
        }
    )  # fmt: skip
    row = own.iloc[0].to_dict()
    return Peers(
        points=points.sort_values(["decided", "timeliness"], ignore_index=True),
        limits=funnel_limits(enough),
        target=float(row["target"]),
        on_time=int(assessed["on_time"].sum()),
        decided=int(assessed["decided"].sum()),
        own_limits={name: float(row[name]) for name in ("lower_95", "upper_95", "lower_998", "upper_998")},
        flag=str(row["flag"]),
    )


def _compute(store: Store, view: View, code: str) -> Teacher:
    version, ledger = store.ledger()
    term, as_of = view.filters.term, view.filters.as_of
    as_of_us = to_us(as_of)
    position = int(np.flatnonzero(ledger.labels["teacher"] == code)[0])
    duties = ledger.of_term(term)
    duties = duties[duties["opened_at"].to_numpy() <= as_of_us]
    own = duties[holders(ledger, duties, as_of_us) == position]
    state = states(own, as_of_us)
    undone = own[(state == STATES.index("open")) | (state == STATES.index("overdue"))]
    done = duties[duties["done_at"].to_numpy() <= as_of_us]
    certifier, assigned = done["certifier"].to_numpy(), assigned_then(ledger, done, as_of_us)
    ask = Question(term, as_of, by="teacher", stage="certify")
    arrived = store.kept((version, ask, "arrivals"), lambda: arrivals.answer(ledger, ask).set_index("key"))
    known = arrived.loc[code] if code in arrived.index else {"sent": 0, "no_window": 0, "last_48h": 0}
    person = ledger.teachers.iloc[position]
    return Teacher(
        code=code,
        name=str(person["name"]),
        unit=str(np.append(ledger.labels["unit"], "")[int(person["unit"])]),
        counts=tabulate(own, np.zeros(len(own), dtype=np.int64), 1, as_of_us).iloc[0].to_dict(),
        last_48h=int(known["last_48h"]),
        with_window=int(known["sent"] - known["no_window"]),
        for_others=int(((certifier == position) & (assigned != position)).sum()),
        by_others=int(((assigned == position) & (certifier != position) & (certifier >= 0)).sum()),
        judged_unreleased=int((undone["decided_at"].to_numpy() <= as_of_us).sum()),
        waiting=len(undone),
        queue=oldest_first(store, undone, as_of_us, most=QUEUE_ROWS, with_students=view.scope.lists_items),
        peers=peers_of(ledger, ask, code),
    )
