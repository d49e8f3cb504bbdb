"""收訖明細: what students say of the records that were handed in about them, and how the unit answers what they report."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pandas as pd

from data.instants import NEVER, to_us
from data.ledger import Ledger
from data.metrics import Metric, Question, ReportError
from data.metrics.completion import STATES, states
from data.metrics.groups import NOBODY, Groups, codes_of, groups_of

STANDINGS = ("confirmed", "disputed", "unseen", "deemed")
DUTIES = ("disputes", "answered", "answered_late", "dispute_open", "dispute_overdue")
COLUMNS = (
    "key", "name", "round_number", "in_round", "confirmed", "confirmed_late", "disputed", "unseen", "deemed", *DUTIES,
)  # fmt: skip
ALL_KINDS = "all"  # of a list without a column for the kind
TASK = "confirm"
Ints = npt.NDArray[np.int64]


def rounds_at(ledger: Ledger, year: int, as_of_us: int) -> pd.DataFrame:
    """Return the round of each kind that counts at an instant: kind, round_number, known_at; sorted by kind.

    A round is known with the first import that speaks of it; whoever a later import adds has been in it from the start.
    It is the latest round known by then; where none is known yet, the earliest one known later, as lists trail the facts.
    Rounds belong to the school: ask the whole ledger, as a class that the latest round leaves out is not in an older one.
    """
    rows = ledger.receipts[ledger.receipts["school_year"].to_numpy() == year]
    rounds = rows.groupby(["kind", "round_number"], as_index=False)["known_at"].min()
    is_known = rounds["known_at"].to_numpy() <= as_of_us
    known = rounds[is_known].sort_values(["kind", "round_number"]).drop_duplicates("kind", keep="last")
    later = rounds[~is_known].sort_values(["kind", "known_at", "round_number"]).drop_duplicates("kind")
    later = later[~later["kind"].isin(known["kind"])]
    return pd.concat([known, later]).sort_values("kind", ignore_index=True)


def standing(
    ledger: Ledger, year: int, as_of_us: int, *, rounds: pd.DataFrame | None = None, deadline: str = "current"
) -> pd.DataFrame:
    """Return one row a student and kind in the round at an instant: enrolment, class, grade, department, kind, round_number,

    state (an index of STANDINGS) and late (confirmed after the window closed). rounds: of rounds_at, of the whole school.

    The window is task confirm of the school year and the student's grade. Before its start nobody is in the round; without
    a window, before the round is known. An answer counts from its own time on, one without a time from its import's. Who
    has not answered is unseen until the window's end and deemed from then on; without a window nobody is ever deemed.
    The list says who is in the round, and so a leaver stays in it, and counts like everybody else: the records about him
    were handed in and are his to confirm, on paper where he cannot log in, and no answer is no fault of anybody's.
    """
    counted = (rounds_at(ledger, year, as_of_us) if rounds is None else rounds).set_index("kind")
    rows = ledger.receipts[ledger.receipts["school_year"].to_numpy() == year]
    latest = counted["round_number"].reindex(rows["kind"]).to_numpy()  # NaN where a kind has no round
    rows = rows[rows["round_number"].to_numpy() == latest]
    position = rows["enrolment"].to_numpy()
    nobody = {"class": -1, "grade": 0, "department": -1}  # not on the year's roster, as in the duties of the stage
    own = {
        name: np.append(ledger.enrolments[name].to_numpy(dtype=np.int64), blank)[position]
        for name, blank in nobody.items()
    }
    starts_at, ends_at = _windows(ledger, year, deadline)
    starts, ends = starts_at[own["grade"]], ends_at[own["grade"]]
    known_at = counted["known_at"].reindex(rows["kind"]).to_numpy(dtype=np.int64)
    acted_at = rows["acted_at"].to_numpy()
    acted_at = np.where(acted_at == NEVER, rows["known_at"].to_numpy(), acted_at)
    status = rows["status"].to_numpy(dtype=object)
    acted = acted_at <= as_of_us
    confirmed = acted & (status == "confirmed")
    closed = ends <= as_of_us
    frame = pd.DataFrame(
        {
            "enrolment": position, **own, "kind": rows["kind"].to_numpy(), "round_number": rows["round_number"].to_numpy(),
            "state": np.select([confirmed, acted & (status == "disputed"), closed], [0, 1, 3], 2),
            "late": confirmed & (acted_at >= ends),
        }
    )  # fmt: skip
    begun = np.where(starts == NEVER, known_at, starts) <= as_of_us
    return frame[begun].reset_index(drop=True)


def _windows(ledger: Ledger, year: int, deadline: str) -> tuple[Ints, Ints]:
    """Return start and exclusive end of the window by grade, NEVER where there is none."""
    windows = ledger.windows_of(year * 10, TASK)
    starts_at, ends_at = np.full(10, NEVER, dtype=np.int64), np.full(10, NEVER, dtype=np.int64)
    grades = windows["grade"].to_numpy()
    starts_at[grades] = windows["starts_at"].to_numpy()
    ends_at[grades] = windows["ends_at" if deadline == "current" else "original_ends_at"].to_numpy()
    return starts_at, ends_at


def answer(ledger: Ledger, question: Question) -> pd.DataFrame:
    """Return one row a group: where the students stand in the round that counts, and the unit's duty to answer."""
    return count(ledger, question, rounds=rounds_at(ledger, question.term // 10, to_us(question.as_of)))


def count(ledger: Ledger, question: Question, *, rounds: pd.DataFrame) -> pd.DataFrame:
    """Return one row a group of the school year's rosters (by kind: of what is in the round or reported), sorted by key.

    in_round: students × kinds in the round of `rounds` (see standing) = confirmed + disputed + unseen + deemed.
    confirmed_late: of the confirmed, those after the window closed. round_number: the largest of the group's rounds, 0
    where it is in none. disputes: reports raised by as_of, each due three days later (the duties of completion --stage
    confirm) = answered + dispute_open + dispute_overdue; answered_late: of the answered, those in more than three days.
    Reports come from 收訖問題回報 and disputed from 收訖明細, two lists that need not agree.
    """
    if question.term % 10:
        raise ReportError(f"收訖以學年計，學期請寫成 {question.term // 10}0")
    as_of_us = to_us(question.as_of)
    students = standing(ledger, question.term // 10, as_of_us, rounds=rounds, deadline=question.deadline)
    duties = ledger.of_term(question.term, "confirm")
    duties = duties[duties["opened_at"].to_numpy() <= as_of_us]
    if question.by == "kind":
        said = np.append(ledger.labels["kind"], NOBODY)[duties["kind"].to_numpy()]
        groups, codes = _kinds(np.append(students["kind"].to_numpy(dtype=object), said))
    else:
        codes = np.append(*(codes_of(ledger, frame, question.by, as_of_us) for frame in (students, duties)))
        groups = groups_of(ledger, question.term, question.by, codes, as_of_us)
    row, size = groups.row_of[codes.astype(np.int64)], len(groups.keys)
    of_student, of_duty = row[: len(students)], row[len(students) :]
    standings = np.bincount(of_student * 4 + students["state"].to_numpy(), minlength=size * 4).reshape(size, 4)
    round_number = np.zeros(size, dtype=np.int64)
    np.maximum.at(round_number, of_student, students["round_number"].to_numpy())
    found = states(duties, as_of_us, deadline=question.deadline)
    on_time, late, open_, overdue = (
        np.bincount(of_duty[found == STATES.index(name)], minlength=size) for name in STATES[:4]
    )
    return pd.DataFrame(
        {
            "key": groups.keys,
            "name": groups.names,
            "round_number": round_number,
            "in_round": standings.sum(axis=1),
            **dict(zip(STANDINGS, standings.T, strict=True)),
            "confirmed_late": np.bincount(of_student[students["late"].to_numpy()], minlength=size),
            "disputes": on_time + late + open_ + overdue,
            "answered": on_time + late,
            "answered_late": late,
            "dispute_open": open_,
            "dispute_overdue": overdue,
        }
    )[list(COLUMNS)]


def _kinds(present: npt.NDArray[np.object_]) -> tuple[Groups, Ints]:
    """Return the kinds as rows, and the row of each that is present."""
    keys, codes = np.unique(present.astype(str), return_inverse=True)
    names = [{ALL_KINDS: "不分項目", NOBODY: "未指定"}.get(key, key) for key in keys.tolist()]
    return Groups(keys.tolist(), names, np.append(np.arange(len(keys)), -1)), codes.astype(np.int64)


METRIC = Metric(
    key="receipts",
    title="收訖：最近一輪、在這一輪的人次、已確認與其中期限後確認、回報問題、未表示、視同確認；回報件數、已答覆、逾時答覆、待答覆、逾期未答覆",
    columns=COLUMNS,
    stages=("confirm",),
    groupings=("school", "grade", "department", "class", "kind"),
    answer=answer,
)
