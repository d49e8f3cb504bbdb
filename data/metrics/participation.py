"""Who takes part in the voluntary stages: students with at least one item, of those enrolled. Never a fault."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pandas as pd

from data.instants import to_us
from data.ledger import Ledger
from data.metrics import Metric, Question, ReportError
from data.metrics.completion import ratio
from data.metrics.groups import codes_of, groups_of

KINDS = ("outcome", "performance")
COLUMNS = ("key", "name", "enrolled", "participants", "items", "participation", "at_cap", "over_cap")


def items_per_student(ledger: Ledger, question: Question) -> npt.NDArray[np.int64]:
    """Return how many items each enrolment (by position) has at the instant, uploaded or selected.

    Uploads of outcomes belong to a term (未送出 included), of performances and all selections to a school year.
    """
    size, as_of_us = len(ledger.enrolments), to_us(question.as_of)
    if question.stage == "upload":
        uploads = ledger.uploads
        counted = (uploads["term"].to_numpy() == question.term) & (uploads["uploaded_at"].to_numpy() <= as_of_us)
        counted &= uploads["is_outcome"].to_numpy() == (question.kind == "outcome")
        return np.bincount(uploads["enrolment"].to_numpy()[counted], minlength=size).astype(np.int64)
    known = ledger.selections
    known = known[(known["school_year"].to_numpy() == question.term // 10) & (known["known_at"].to_numpy() <= as_of_us)]
    latest = known.drop_duplicates("enrolment", keep="last")
    result = np.zeros(size, dtype=np.int64)
    result[latest["enrolment"].to_numpy()] = latest[f"{question.kind}_count"].fillna(0).to_numpy().astype(np.int64)
    return result


def answer(ledger: Ledger, question: Question) -> pd.DataFrame:
    """Return one row a group: enrolled (在學 at as_of), participants, items, participation, and students at or over the cap.

    at_cap and over_cap are NA where the school has set no cap. Leavers are in none of the counts.
    """
    if question.kind not in KINDS:
        raise ReportError(f"種類可以是：{'、'.join(KINDS)}，沒有「{question.kind}」")
    of_term = question.stage == "upload" and question.kind == "outcome"
    if of_term and question.term % 10 not in (1, 2):
        raise ReportError(f"課程學習成果以學期計，學期請寫成 {question.term // 10}1 或 {question.term // 10}2")
    if not of_term and question.term % 10:
        raise ReportError(f"這一項以學年計，學期請寫成 {question.term // 10}0")
    as_of_us = to_us(question.as_of)
    students = ledger.enrolments
    present = (students["school_year"].to_numpy() == question.term // 10) & (students["left_at"].to_numpy() > as_of_us)
    left_long_ago = students["left_at"].to_numpy() < 0
    present |= (students["back_at"].to_numpy() <= as_of_us) & (
        students["school_year"].to_numpy() == question.term // 10
    )
    present &= ~left_long_ago & (students["came_at"].to_numpy() <= as_of_us) & students["visible"].to_numpy()
    items = items_per_student(ledger, question)[present]
    students = students[present]
    codes = codes_of(ledger, students, question.by, as_of_us)
    groups = groups_of(ledger, question.term, question.by, codes, as_of_us)
    row, size = groups.row_of[codes], len(groups.keys)

    def count(chosen: npt.NDArray[np.bool_]) -> npt.NDArray[np.int64]:
        return np.bincount(row[chosen], minlength=size).astype(np.int64)

    cap = getattr(ledger.settings, f"{question.stage}_{question.kind}_cap")
    enrolled, participants = count(np.ones(len(row), dtype=bool)), count(items > 0)
    return pd.DataFrame(
        {
            "key": groups.keys,
            "name": groups.names,
            "enrolled": enrolled,
            "participants": participants,
            "items": np.bincount(row, weights=items, minlength=size).astype(np.int64),
            "participation": ratio(participants, enrolled),
            "at_cap": pd.array([pd.NA] * size if cap is None else count(items == cap).tolist(), dtype="Int64"),
            "over_cap": pd.array([pd.NA] * size if cap is None else count(items > cap).tolist(), dtype="Int64"),
        }
    )


METRIC = Metric(
    key="participation",
    title="參與情形（學生自主，不作評量或獎懲依據）：在學人數、參與人數、件數、參與比例、達上限與超過上限人數",
    columns=COLUMNS,
    stages=("upload", "select"),
    groupings=("school", "grade", "department", "class"),
    answer=answer,
)
