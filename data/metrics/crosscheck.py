"""Whether the platform's own count of what waits for certification is the ledger's; a difference is a finding."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from data.instants import from_us, to_us
from data.ledger import Ledger, holders
from data.metrics import Metric, Question
from data.metrics.groups import NOBODY
from data.schema import ABOUT

Ints = npt.NDArray[np.int64]


def answer(ledger: Ledger, question: Question) -> pd.DataFrame:
    """Return one row a key that the platform stated: its count, ours at that instant, and ours less its own.

    stated: the latest count known at as_of; a later one leaves what it replaces as it was. counted: sent and not released
    at the instant of the statement, so open, overdue and exempt duties alike, whatever as_of is; an item judged before
    it and released after it counts as done at its 認證日期, as everywhere. A teacher's are those assigned to him, as a
    platform knows no 代理人. By class and subject the detail of students is compared, of those pairs of student and
    subject that were stated; the school is the sum of the teachers or, where none were stated, of the students.
    stated_at: the instant of the newest statement in the row, in Taipei.
    """
    as_of_us = to_us(question.as_of)
    checks = ledger.cross_checks
    term = (checks["school_year"] * 10 + checks["semester"]).to_numpy()
    chosen = (term == question.term) & (checks["measure"] == "waiting").to_numpy()
    known = checks[chosen & (checks["known_at"].to_numpy() <= as_of_us)]
    latest = known.drop_duplicates(["what", "enrolment", "about"], keep="last")
    teachers = latest[latest["what"] == "waiting_by_teacher"]
    if question.by == "teacher" or (question.by == "school" and len(teachers)):
        rows = _of_teachers(ledger, question.term, teachers)
    else:
        rows = _of_students(ledger, question.term, latest, question.by)
    if question.by == "school":
        rows["key"] = ledger.settings.school_code or "school"
    table = rows.groupby("key", as_index=False).agg(
        stated=("stated_count", "sum"), counted=("counted", "sum"), known_at=("known_at", "max")
    )
    table = table.assign(difference=table["counted"] - table["stated"], name=_names(ledger, question.by, table["key"]))
    table["stated_at"] = [from_us(instant).isoformat() for instant in table["known_at"]]
    return table.iloc[np.argsort(table["key"].to_numpy(dtype=object))].reset_index(drop=True)


def _of_teachers(ledger: Ledger, term: int, stated: pd.DataFrame) -> pd.DataFrame:
    alone = replace(ledger, delegations=ledger.delegations.iloc[:0])
    codes = pd.Index(ledger.labels["teacher"]).get_indexer(stated["about"])
    counted = _count(
        ledger, term, codes, stated["known_at"].to_numpy(), lambda waiting, at: holders(alone, waiting, at)
    )
    return stated.assign(key=stated["about"].astype(object), counted=counted)


def _of_students(ledger: Ledger, term: int, stated: pd.DataFrame, by: str) -> pd.DataFrame:
    """Hold each pair of student and subject against the ledger; of two lists that state it the newer one is taken."""
    details = stated[stated["what"].isin(["waiting_by_student", "teacher_overview"])]
    details = details.assign(subject=details["about"].str.split(ABOUT).str[0].astype(object))
    pair = ["enrolment", "subject"]
    pairs = details.groupby(["what", *pair], as_index=False).agg({"stated_count": "sum", "known_at": "max"})
    pairs = pairs.sort_values(["known_at", "what"], kind="stable").drop_duplicates(pair, keep="last", ignore_index=True)
    subjects = pd.Index(ledger.labels["subject"])
    subject, student = subjects.get_indexer(pairs["subject"]), pairs["enrolment"].to_numpy(dtype=np.int64)
    width = len(subjects) + 1
    codes = np.where((subject < 0) | (student < 0), -1, student * width + subject)

    def code_of(waiting: pd.DataFrame, _: int) -> Ints:
        code: Ints = waiting["enrolment"].to_numpy(dtype=np.int64) * width + waiting["subject"].to_numpy()
        return code

    pairs["counted"] = _count(ledger, term, codes, pairs["known_at"].to_numpy(), code_of)
    if by == "class":
        classes = np.append(ledger.labels["class"], NOBODY)  # the last place is for code -1
        return pairs.assign(key=classes[np.append(ledger.enrolments["class"].to_numpy(), -1)[student]])
    return pairs.assign(key=pairs["subject"])


def _count(
    ledger: Ledger, term: int, codes: Ints, instants: Ints, code_of: Callable[[pd.DataFrame, int], npt.NDArray[Any]]
) -> Ints:
    """Count for each code the duties that waited at its instant; a code of -1 is nobody the ledger knows, and has none."""
    duties = ledger.of_term(term)
    opened, done = duties["opened_at"].to_numpy(), duties["done_at"].to_numpy()
    counted = np.zeros(len(codes), dtype=np.int64)
    for instant in np.unique(instants):
        waiting = duties[(opened <= instant) & (done > instant)]
        asked = np.flatnonzero((instants == instant) & (codes >= 0))
        tally = pd.Series(code_of(waiting, int(instant))).value_counts()
        counted[asked] = tally.reindex(codes[asked], fill_value=0).to_numpy()
    return counted


def _names(ledger: Ledger, by: str, keys: pd.Series[str]) -> list[str]:
    if by == "school":
        return [ledger.settings.school_name or "全校"] * len(keys)
    names = dict(zip(ledger.teachers["code"], ledger.teachers["name"], strict=True)) if by == "teacher" else {}
    return [str(names.get(key, key)) if key != NOBODY else "未指定" for key in keys]


METRIC = Metric(
    key="crosscheck",
    title="核對：平臺自己統計的未認證數與責任帳在同一時間的待認證數，及其差異",
    columns=("key", "name", "stated", "counted", "difference", "stated_at"),
    stages=("certify",),
    groupings=("school", "class", "subject", "teacher"),
    answer=answer,
)
