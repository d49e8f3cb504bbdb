"""班級: how every stage of one class stands, and for those who have to act its students in seat order."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from dashboard.services.filters import View
from dashboard.services.participation import Participation, in_school, take_part
from dashboard.services.receipts import Receipts, desk
from dashboard.services.store import Store
from data.db import reading
from data.instants import NEVER, to_us
from data.metrics import Question, completion, receipts
from data.metrics.completion import STATES, states
from data.metrics.participation import KINDS, items_per_student
from data.metrics.progress import expected_share, status
from data.metrics.receipts import STANDINGS
from data.queries import class_roster

RECORDS = ("enrolment", "grades", "position", "counselling")  # what is registered of a class in a term
REGISTERED = {"on_time": "done", "late": "done", "open": "on_track", "overdue": "overdue"}
STUDENTS = (
    "seat", "number", "name", "in_school", "upload_outcome", "upload_performance", "sent", "certified", "waiting", "overdue",
    "select_outcome", "select_performance", *STANDINGS,
)  # fmt: skip


@dataclass(frozen=True)
class SchoolClass:
    """Everything 班級 shows, in numbers.

    certify: the class's row of completion, with its status. registers: one row a kind of record, with its state (a state
    of duties, not_open, or none where nothing is announced) and opened_at, due_at, done_at in microseconds (NEVER).
    students: STUDENTS, in seat order; None where they are not this person's to see. held_back: so few that nothing is shown.
    """

    name: str
    grade: int
    department: str
    upload: Participation
    select: Participation
    certify: dict[str, Any]
    certify_status: str
    receipts: Receipts
    registers: pd.DataFrame
    students: pd.DataFrame | None
    held_back: bool


def school_class(store: Store, view: View) -> SchoolClass | None:
    """Compute 班級 for a view that names a class; None where it names none that the scope has."""
    if view.filters.class_name is None:
        return None
    return store.kept((*view.key, "class"), lambda: _compute(store, view))


def class_students(store: Store, view: View) -> pd.DataFrame:
    """List the students of the view's class with their own counts (STUDENTS), in seat order.

    Empty where the view names no class, or the role sees no students. Counts that nobody has handed in yet are NA. Whoever
    is not in school any more is listed as far as items were sent, so that the sums are those of the class.
    """
    if view.filters.class_name is None or not view.scope.sees_students:
        return pd.DataFrame(columns=list(STUDENTS))
    return store.kept((*view.key, "class students"), lambda: _students(store, view))


def _compute(store: Store, view: View) -> SchoolClass:
    term, as_of, ledger = view.filters.term, view.filters.as_of, view.ledger
    classes = ledger.classes
    row = classes[(classes["school_year"] == term // 10) & (classes["name"] == view.filters.class_name)].iloc[0]
    certify = completion.answer(ledger, Question(term, as_of, by="school", stage="certify")).iloc[0].to_dict()
    grade = int(row["grade"])
    share = expected_share(view.whole, term=term, grade=grade, as_of=as_of)
    upload = take_part(store, view, "upload")
    return SchoolClass(
        name=str(row["name"]),
        grade=grade,
        department=str(ledger.labels["department"][row["department"]]),
        upload=upload,
        select=take_part(store, view, "select"),
        certify=certify,
        certify_status=status(
            done=int(certify["on_time"] + certify["late"]), expected=int(certify["expected"]), overdue=int(certify["overdue"]),
            expected_share=share, is_open=True,
        ),
        receipts=desk(store, view),
        registers=_registers(view),
        students=class_students(store, view) if view.scope.sees_students else None,
        held_back=upload.held_back,
    )  # fmt: skip


def _registers(view: View) -> pd.DataFrame:
    ledger, as_of_us = view.ledger, to_us(view.filters.as_of)
    duties = ledger.of_term(view.filters.term, "register")
    found = states(duties, as_of_us)
    done_at = duties["done_at"].to_numpy()
    rows = pd.DataFrame(
        {
            "kind": np.append(ledger.labels["kind"], "")[duties["kind"].to_numpy()],
            "state": ["not_open" if state < 0 else STATES[state] for state in found],
            "opened_at": duties["opened_at"].to_numpy(),
            "due_at": duties["due_at"].to_numpy(),
            "done_at": np.where(done_at <= as_of_us, done_at, NEVER),
            "unit": np.append(ledger.labels["unit"], "")[duties["unit"].to_numpy()],
        }
    ).drop_duplicates("kind")
    missing = [kind for kind in RECORDS if kind not in set(rows["kind"])]
    nothing = {"state": "none", "opened_at": NEVER, "due_at": NEVER, "done_at": NEVER, "unit": ""}
    rows = pd.concat([rows, pd.DataFrame([{"kind": kind, **nothing} for kind in missing])]) if missing else rows
    return rows.set_index("kind").loc[list(RECORDS)].reset_index()


def _students(store: Store, view: View) -> pd.DataFrame:
    ledger, term, as_of = view.ledger, view.filters.term, view.filters.as_of
    year, as_of_us = term // 10, to_us(as_of)
    with reading(store.engine) as connection:
        roster = class_roster(connection, year, str(view.filters.class_name))
    enrolments = ledger.enrolments
    own = np.flatnonzero((enrolments["school_year"].to_numpy() == year) & enrolments["visible"].to_numpy(dtype=bool))
    position = pd.Series(own, index=enrolments["student_id"].to_numpy()[own])
    roster = roster[roster["student_id"].isin(position.index)]
    at = position.loc[roster["student_id"]].to_numpy()
    here = in_school(ledger, year, as_of_us)[at]
    frame = pd.DataFrame(
        {
            "seat": roster["seat_number"].to_numpy(), "number": roster["student_number"].to_numpy(),
            "name": roster["student_name"].to_numpy(), "in_school": here,
        }
    )  # fmt: skip
    frame["seat"] = frame["seat"].astype("Int64")
    for stage in ("upload", "select"):
        for kind, result in zip(KINDS, take_part(store, view, stage).kinds, strict=True):
            items = items_per_student(ledger, Question(result.term, as_of, by="class", stage=stage, kind=kind))[at]
            known = here & (result.state == "known")
            if stage == "select":  # 勾選情形 may leave a student out, which is not a count of 0
                known &= np.isin(at, _stated(view, kind))
            frame[f"{stage}_{kind}"] = pd.array(items, dtype="Int64")
            frame.loc[~known, f"{stage}_{kind}"] = pd.NA
    by_student = completion.completion(ledger.of_term(term), by=["enrolment"], as_of=pd.Timestamp(as_of))
    sent = by_student.set_index("enrolment").reindex(at).fillna(0)
    frame["sent"] = sent["expected"].astype("int64").to_numpy()
    frame["certified"] = (sent["on_time"] + sent["late"]).astype("int64").to_numpy()
    frame["waiting"] = (sent["open"] + sent["overdue"]).astype("int64").to_numpy()
    frame["overdue"] = sent["overdue"].astype("int64").to_numpy()
    rounds = receipts.rounds_at(store.ledger()[1], year, as_of_us)
    said = receipts.standing(ledger, year, as_of_us, rounds=rounds)
    counts = pd.crosstab(said["enrolment"], said["state"]).reindex(
        index=at, columns=range(len(STANDINGS)), fill_value=0
    )
    frame[list(STANDINGS)] = counts.to_numpy(dtype="int64")
    listed = frame["in_school"] | (frame[["sent", *STANDINGS]].sum(axis=1) > 0)
    return frame.loc[listed, list(STUDENTS)].reset_index(drop=True)


def _stated(view: View, kind: str) -> Any:
    rows = view.ledger.selections
    rows = rows[(rows["school_year"] == view.filters.term // 10) & (rows["known_at"] <= to_us(view.filters.as_of))]
    latest = rows.drop_duplicates("enrolment", keep="last")
    return latest.loc[latest[f"{kind}_count"].notna(), "enrolment"].to_numpy()
