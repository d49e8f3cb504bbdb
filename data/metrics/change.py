"""Why the number moved: the counts at one instant turned into those at another, cause by cause, with parts that sum to the whole."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from data.instants import NEVER, to_us
from data.ledger import STAGES, Ledger, is_exempt
from data.metrics import Metric, Question, ReportError
from data.metrics.completion import ratio
from data.metrics.groups import NOBODY, codes_of, groups_of, labels_of, name_of

CAUSES = ("reimport", "rule", "roster", "staff", "new_work", "work_done", "deadline_passed")
STEPS = ("before", *CAUSES, "after")
COUNTS = ("expected", "done", "on_time", "late", "open", "overdue", "exempt")
COLUMNS = ("key", "name", "cause", *COUNTS, "completion")
Ints = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class _Facts:
    """What decides the state of each duty: instants, whether it is excused, and the group it belongs to."""

    opened_at: Ints
    done_at: Ints
    due_at: Ints
    exempt: npt.NDArray[np.bool_]
    group: npt.NDArray[np.object_]


def change(before: Ledger, after: Ledger, question: Question) -> pd.DataFrame:
    """Explain the step from the counts of `before` at question.since to those of `after` at question.as_of.

    The two may be one ledger (two instants) or that of an earlier data version and the present one (two imports).
    Each cause changes one thing and leaves the rest as it was, in this order: reimport (what was sent or decided by the
    first instant was not known then), rule (the deadline of a duty), roster (students who left or came back, exemptions,
    another class or department), staff (another holder, one who did the work for another included), new_work (sent since),
    work_done (decided since), deadline_passed (due since and not done). The counts of before and of all causes sum to
    those of after, exactly; a cause's completion is what it adds to the rate, NaN where there was none before or after it.
    Returns, for each group, a row before, one a cause, and one after: key, name, cause, the counts of COUNTS, completion.
    """
    if question.since is None:
        raise ReportError("請說明從什麼時候比起：--since 2025-01-20T12:00")
    since_us, as_of_us = to_us(question.since), to_us(question.as_of)
    if since_us > as_of_us:
        raise ReportError("比較的起點（--since）要早於或等於截至時間（--as-of）")
    old, then, new = _align(before, after, question, since_us, as_of_us)
    known = old.opened_at != NEVER  # what was not known had no deadline, excuse or holder that could have changed
    told = replace(
        old,
        opened_at=then.opened_at,
        done_at=then.done_at,
        due_at=np.where(known, old.due_at, then.due_at),
        exempt=np.where(known, old.exempt, then.exempt),
        group=np.where(known, old.group, then.group),
    )
    ruled = replace(told, due_at=then.due_at)
    by_person = question.by in ("teacher", "unit")
    enrolled = replace(ruled, exempt=new.exempt, group=ruled.group if by_person else new.group)
    held = replace(enrolled, group=new.group)
    clocks = [(since_us, since_us, since_us)] * 5
    clocks += [(as_of_us, since_us, since_us), (as_of_us, as_of_us, since_us), (as_of_us, as_of_us, as_of_us)]
    groups = groups_of(
        after, question.term, question.by, codes_of(after, after.duties.iloc[:0], question.by, as_of_us), as_of_us
    )
    keys = sorted({*groups.keys, *old.group, *then.group, *new.group} - {None})
    row_of = {key: row for row, key in enumerate(keys)}
    levels = np.stack(
        [
            _count(facts, np.array([row_of[key] for key in facts.group], dtype=np.int64), len(keys), *clock)
            for facts, clock in zip([old, told, ruled, enrolled, held, held, held, held], clocks, strict=True)
        ]
    )  # step × group × count
    rates = np.stack([ratio(level[:, 1], level[:, 0]) for level in levels])
    parts = np.concatenate([levels[:1], np.diff(levels, axis=0), levels[-1:]])
    shares = np.concatenate([rates[:1], np.diff(rates, axis=0), rates[-1:]])
    table = pd.DataFrame(parts.transpose(1, 0, 2).reshape(-1, len(COUNTS)), columns=list(COUNTS))
    table.insert(0, "key", np.repeat(np.array(keys, dtype=object), len(STEPS)))
    table.insert(
        1, "name", np.repeat(np.array([name_of(after, question.by, key) for key in keys], dtype=object), len(STEPS))
    )
    table.insert(2, "cause", list(STEPS) * len(keys))
    return table.assign(completion=shares.T.reshape(-1))


def _align(
    before: Ledger, after: Ledger, question: Question, since_us: int, as_of_us: int
) -> tuple[_Facts, _Facts, _Facts]:
    """Return the facts of before at since, of after at since and of after at as_of, over the duties of both, in one order."""
    tables = [ledger.of_term(question.term, question.stage) for ledger in (before, after)]
    numbers = pd.Index(np.union1d(tables[0]["duty_id"].to_numpy(), tables[1]["duty_id"].to_numpy()))
    asked = ((before, tables[0], since_us), (after, tables[1], since_us), (after, tables[1], as_of_us))
    facts = [_facts(ledger, duties, question, at, numbers) for ledger, duties, at in asked]
    old, then, new = facts
    # What a later version no longer knows keeps the group it had.
    for known in (then, new):
        gone = known.opened_at == NEVER
        known.group[gone] = old.group[gone]
    old.group[old.opened_at == NEVER] = then.group[old.opened_at == NEVER]
    return old, then, new


def _facts(ledger: Ledger, duties: pd.DataFrame, question: Question, at_us: int, numbers: pd.Index[Any]) -> _Facts:
    place = numbers.get_indexer(duties["duty_id"])
    labels = labels_of(ledger, question.by)
    codes = codes_of(ledger, duties, question.by, at_us)
    group = np.full(len(numbers), NOBODY, dtype=object)
    group[place] = np.append(labels, NOBODY)[codes] if len(duties) else []
    due = "due_at" if question.deadline == "current" else "original_due_at"

    def instant(name: str) -> Ints:
        column = np.full(len(numbers), NEVER, dtype=np.int64)
        column[place] = duties[name].to_numpy()
        return column

    exempt = np.zeros(len(numbers), dtype=bool)
    exempt[place] = is_exempt(duties, at_us)
    return _Facts(instant("opened_at"), instant("done_at"), instant(due), exempt, group)


def _count(facts: _Facts, row: Ints, size: int, opened_by: int, done_by: int, due_by: int) -> Ints:
    exists = facts.opened_at <= opened_by
    done = exists & (facts.done_at <= done_by)
    on_time = done & (facts.done_at < facts.due_at)
    exempt = exists & ~done & facts.exempt
    overdue = exists & ~done & ~exempt & (facts.due_at <= due_by)
    open_ = exists & ~done & ~exempt & ~overdue
    chosen = (exists & ~exempt, done, on_time, done & ~on_time, open_, overdue, exempt)
    return np.stack([np.bincount(row[each], minlength=size) for each in chosen], axis=1).astype(np.int64)


METRIC = Metric(
    key="change",
    title="數字為什麼變了：兩個時間（--since 到 --as-of）之間，新增的件、完成的件、學籍、承辦人、重新匯入與期限各占多少，加起來就是全部變動",
    columns=COLUMNS,
    stages=STAGES,
    groupings=("school", "grade", "department", "class", "subject", "teacher", "unit"),
    answer=lambda ledger, question: change(ledger, ledger, question),
)
