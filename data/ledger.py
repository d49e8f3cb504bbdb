"""Frames to the duty ledger: who owed what by when, as integer codes, built once per data version."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import date
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from data.instants import DAY_US, NEVER, taipei_day_us
from data.schema import DUTY, SchoolSettings, conform

Codes = npt.NDArray[np.int32]
STAGES = ("certify",)  # the duty stages that have rows, by code
CERTIFY = STAGES.index("certify")


@dataclass(frozen=True)
class Ledger:
    """The duties and what participation is counted from, on one set of codes.

    duties: data.schema.DUTY. enrolments: one row a student in a school year; uploads, selections and receipts point to it
    by position, and so do the cross_checks about a student (what the platform itself counts; -1: about nobody).
    labels: the keys behind the codes of class, department, division, subject, teacher and unit.
    classes: one row a class code. teachers: one row a teacher code, with name and unit code; units_before: the unit of a
    teacher code until an instant, latest first. taught: the subjects and teachers of each term's 授課名冊.
    """

    duties: pd.DataFrame
    enrolments: pd.DataFrame
    uploads: pd.DataFrame
    selections: pd.DataFrame
    receipts: pd.DataFrame
    cross_checks: pd.DataFrame
    windows: pd.DataFrame
    delegations: pd.DataFrame
    reassignments: pd.DataFrame
    classes: pd.DataFrame
    teachers: pd.DataFrame
    units_before: pd.DataFrame
    taught: pd.DataFrame
    labels: Mapping[str, npt.NDArray[np.object_]]
    settings: SchoolSettings
    _by_term: dict[int, pd.DataFrame] = field(default_factory=dict, repr=False)

    def of_term(self, term: int) -> pd.DataFrame:
        """Return the duties of a term such as 1131, in ledger order; kept, as every question names a term."""
        if term not in self._by_term:
            self._by_term[term] = self.duties[self.duties["term"].to_numpy() == term].reset_index(drop=True)
        return self._by_term[term]

    def terms(self) -> list[int]:
        """Return the terms that have sections or duties, newest first."""
        return sorted(
            {int(term) for frame in (self.duties, self.taught) for term in frame["term"].unique()}, reverse=True
        )


def build(frames: Mapping[str, pd.DataFrame], settings: SchoolSettings) -> Ledger:
    """Work out every certify duty and its instants from the frames of data.schema.FRAMES.

    Opened when sent; done at 認證日期 once released; due at the later of the window's end and sent + minimum_response_days;
    without a window for the term and grade there is no due_at (NEVER). A student who left exempts what is undone from
    the day he left until he comes back, in that year's duties and earlier ones; an exemption by hand from its time on.
    """
    classes, labels = _classes(frames["classes"], frames["enrolments"])
    enrolments, enrolment_of = _enrolments(frames["enrolments"], frames["enrolment_changes"], classes, labels)
    teachers = _teachers(frames, labels)
    rounds = frames["rounds"]
    subjects = pd.Index(sorted(set(rounds["subject"]) | set(frames["sections"]["subject"])))
    labels["subject"] = _objects(subjects)
    enrolment = _positions(enrolment_of, rounds)
    student = enrolments.iloc[enrolment] if len(rounds) else enrolments.iloc[:0]
    due_at, original_due_at = _due(rounds, student["grade"].to_numpy(), frames["windows"], settings)
    teacher_of = pd.Index(labels["teacher"])
    duties = pd.DataFrame(
        {
            "duty_id": rounds["round_id"].to_numpy(),
            "stage": CERTIFY,
            "term": (rounds["school_year"] * 10 + rounds["semester"]).to_numpy(),
            "item": rounds["outcome_id"].to_numpy(),
            "enrolment": enrolment,
            **{name: student[name].to_numpy() for name in ("class", "grade", "department", "division")},
            "subject": subjects.get_indexer(rounds["subject"]),
            "assigned": teacher_of.get_indexer(rounds["teacher_code"]),
            "certifier": teacher_of.get_indexer(rounds["certifier_code"]),
            "opened_at": rounds["sent_at"].to_numpy(),
            "decided_at": rounds["decided_at"].to_numpy(),
            "done_at": rounds["completed_at"].to_numpy(),
            "due_at": due_at,
            "original_due_at": original_due_at,
            **_exempt(rounds, student, frames["exemptions"]),
        }
    )
    done = duties["done_at"].to_numpy() != NEVER
    duties["wait_us"] = np.where(done, np.where(done, duties["done_at"], 0) - duties["opened_at"], NEVER)
    duties = conform(duties, DUTY).sort_values("wait_us", kind="stable", ignore_index=True)
    return Ledger(
        duties=duties,
        enrolments=enrolments,
        uploads=_uploads(frames["uploads"], enrolment_of),
        selections=_point(frames["selections"], enrolment_of),
        receipts=_point(frames["receipts"], enrolment_of),
        cross_checks=_point(frames["cross_checks"], enrolment_of),
        windows=frames["windows"],
        delegations=_delegations(frames["delegations"], teacher_of),
        reassignments=_reassignments(frames["reassignments"], teacher_of),
        classes=classes,
        teachers=teachers,
        units_before=_units_before(frames["staff_units"], teacher_of, labels),
        taught=_taught(frames["sections"], subjects, teacher_of),
        labels=labels,
        settings=settings,
    )


def narrow(
    ledger: Ledger,
    *,
    classes: npt.NDArray[np.bool_] | None = None,
    enrolments: npt.NDArray[np.bool_] | None = None,
    duties: npt.NDArray[np.bool_] | None = None,
) -> Ledger:
    """Return the ledger of a smaller world: only these class codes, enrolments or duties. Nothing else can be counted."""
    keep = np.ones(len(ledger.duties), dtype=bool) if duties is None else duties
    # What the platform counted over more than these duties is no count of theirs; one about a student is the student's.
    checks = ledger.cross_checks if duties is None else ledger.cross_checks.iloc[:0]
    if classes is None and enrolments is None:
        return replace(ledger, duties=ledger.duties[keep].reset_index(drop=True), cross_checks=checks, _by_term={})
    shown = ledger.classes["visible"].to_numpy(dtype=bool)
    mine = ledger.enrolments["visible"].to_numpy(dtype=bool)
    if classes is not None:
        shown = shown & classes
        mine = mine & np.append(classes, False)[ledger.enrolments["class"].to_numpy()]  # -1, no class, is nobody's
    if enrolments is not None:
        mine = mine & enrolments
    keep = keep & mine[ledger.duties["enrolment"].to_numpy()]

    def of_mine(frame: pd.DataFrame) -> pd.DataFrame:
        return frame[mine[frame["enrolment"].to_numpy()]].reset_index(drop=True)

    return replace(
        ledger,
        duties=ledger.duties[keep].reset_index(drop=True),
        enrolments=ledger.enrolments.assign(visible=mine),
        uploads=of_mine(ledger.uploads),
        selections=of_mine(ledger.selections),
        receipts=of_mine(ledger.receipts),
        cross_checks=of_mine(checks[checks["enrolment"] >= 0]),
        classes=ledger.classes.assign(visible=shown),
        taught=ledger.taught.iloc[:0],
        _by_term={},
    )


def holders(ledger: Ledger, duties: pd.DataFrame, as_of_us: int) -> Codes:
    """Return who held each duty at an instant: of done work whoever certified it, else the assigned teacher of that time

    or the first 代理人 by 順位 whose days cover the instant.
    """
    assigned = duties["assigned"].to_numpy()
    moves = ledger.reassignments[ledger.reassignments["from_at"].to_numpy() <= as_of_us]
    if len(moves):
        latest = moves.drop_duplicates("outcome_id", keep="last").set_index("outcome_id")["teacher"]
        moved = latest.reindex(duties["item"].to_numpy()).to_numpy()
        assigned = np.where(np.isnan(moved), assigned, np.nan_to_num(moved)).astype(np.int32)
    stands_in = np.arange(
        -1, len(ledger.teachers), dtype=np.int32
    )  # by code + 1: oneself, unless a deputy covers the day
    spans = ledger.delegations
    active = spans[(spans["from_at"].to_numpy() <= as_of_us) & (as_of_us < spans["until_at"].to_numpy())]
    for principal, deputy in active[["principal", "deputy"]].iloc[::-1].itertuples(index=False, name=None):
        stands_in[principal + 1] = deputy  # spans are in order, so the first deputy is written last
    done = duties["done_at"].to_numpy() <= as_of_us
    certifier = duties["certifier"].to_numpy()
    result: Codes = np.where(done & (certifier >= 0), certifier, stands_in[assigned + 1])
    return result


def is_exempt(duties: pd.DataFrame, as_of_us: int) -> npt.NDArray[np.bool_]:
    """Tell which duties are excused at an instant, if they are not done."""
    exempt: npt.NDArray[np.bool_] = duties["exempt_at"].to_numpy() <= as_of_us
    if exempt.any():  # hardly anybody is, and comparing twice costs
        exempt &= duties["exempt_until"].to_numpy() > as_of_us
    return exempt


def units_of(ledger: Ledger, duties: pd.DataFrame, teacher: Codes, as_of_us: int) -> npt.NDArray[np.int16]:
    """Return the 處室 code of each duty's holder as it was when the duty was done, else at as_of or the end of its term.

    So that a colleague who moves to another 處室 takes no past term along (rule 3).
    """
    codes = np.append(ledger.teachers["unit"].to_numpy(), np.int16(-1))[teacher]
    if ledger.units_before.empty or duties.empty:
        return codes
    when = np.minimum(np.minimum(duties["done_at"].to_numpy(), as_of_us), _term_ends(duties["term"].to_numpy()))
    for mover, unit, until in ledger.units_before.itertuples(index=False, name=None):
        codes = np.where((teacher == mover) & (when < until), np.int16(unit), codes)
    return codes


def units_in(ledger: Ledger, term: int, as_of_us: int) -> npt.NDArray[np.int16]:
    """Return the 處室 code of each teacher code in a term, as known at as_of."""
    everybody = pd.DataFrame({"done_at": NEVER, "term": term}, index=range(len(ledger.teachers)))
    return units_of(ledger, everybody, np.arange(len(ledger.teachers), dtype=np.int32), as_of_us)


def _term_ends(terms: npt.NDArray[Any]) -> npt.NDArray[np.int64]:
    """A first term ends on 1 February, a second one (and the year) on 1 August."""
    ends = {}
    for term in np.unique(terms):
        year, first = int(term) // 10 + 1912, int(term) % 10 == 1
        ends[term] = taipei_day_us(date(year, 2 if first else 8, 1))
    result: npt.NDArray[np.int64] = pd.Series(terms).map(ends).to_numpy(dtype=np.int64)
    return result


def _objects(values: Any) -> npt.NDArray[np.object_]:
    return np.asarray(values, dtype=object)


def _classes(
    classes: pd.DataFrame, enrolments: pd.DataFrame
) -> tuple[pd.DataFrame, dict[str, npt.NDArray[np.object_]]]:
    ordered = classes.sort_values(["school_year", "name"], ignore_index=True)
    departments = pd.Index(sorted(set(ordered["department"]) | set(enrolments["department"])))
    labels = {
        "class": _objects(ordered["name"]),
        "department": _objects(departments),
        "division": _objects(sorted(set(enrolments["division"]))),
    }
    ordered = ordered.assign(department=departments.get_indexer(ordered["department"]), visible=True)
    return ordered, labels


LEAVING = ("transfer_out", "suspend", "withdraw", "graduate")
RETURNING = ("transfer_in", "resume", "repeat")


def _enrolments(
    frame: pd.DataFrame, changes: pd.DataFrame, classes: pd.DataFrame, labels: Mapping[str, npt.NDArray[np.object_]]
) -> tuple[pd.DataFrame, pd.MultiIndex]:
    frame, came_at = _apply_changes(frame.reset_index(drop=True), changes)
    class_of = pd.MultiIndex.from_frame(classes[["school_year", "name"]])
    # A student who left in a later year leaves what is undone of the earlier ones as well.
    latest_first = frame.sort_values(["student_id", "school_year"], ascending=[True, False])
    gone = latest_first.groupby("student_id")["left_at"].cummin().reindex(frame.index)
    result = pd.DataFrame(
        {
            "school_year": frame["school_year"],
            "student_id": frame["student_id"],
            "class": class_of.get_indexer(
                pd.MultiIndex.from_arrays([frame["school_year"], frame["class_name"]])
            ).astype(np.int32),
            "grade": frame["grade"].astype("int8"),
            "department": pd.Index(labels["department"]).get_indexer(frame["department"]).astype(np.int16),
            "division": pd.Index(labels["division"]).get_indexer(frame["division"]).astype(np.int8),
            # An undated leaver is in no count of students, at any instant; a dated one from his day on.
            "left_at": np.where(frame["in_school"] | frame["left_is_dated"], frame["left_at"], -NEVER),
            "came_at": came_at,
            "back_at": _next_return(frame["student_id"], frame["left_at"], changes),
            "gone_at": gone,
            "gone_until": _next_return(frame["student_id"], gone, changes),
            "visible": True,
        }
    )
    return result, pd.MultiIndex.from_arrays([frame["school_year"], frame["student_id"]])


def _apply_changes(frame: pd.DataFrame, changes: pd.DataFrame) -> tuple[pd.DataFrame, npt.NDArray[np.int64]]:
    """Take 學籍異動 in: who left by it left on its day; who came by it, without having left before, was not there earlier.

    A dated 異動 says more than a roster's 學籍狀態. Of several leaves in a school year the last one counts.
    """
    came_at = np.full(len(frame), -NEVER, dtype=np.int64)
    if changes.empty:
        return frame, came_at
    keys = pd.MultiIndex.from_frame(frame[["school_year", "student_id"]])
    ordered = changes.sort_values("effective_at")
    leaves = ordered[ordered["change"].isin(LEAVING)].drop_duplicates(["school_year", "student_id"], keep="last")
    position = keys.get_indexer(pd.MultiIndex.from_frame(leaves[["school_year", "student_id"]]))
    found = position >= 0
    frame = frame.copy()
    frame.loc[position[found], "left_at"] = leaves["effective_at"].to_numpy()[found]
    frame.loc[position[found], "in_school"] = False
    frame.loc[position[found], "left_is_dated"] = True
    first = ordered.drop_duplicates(["school_year", "student_id"])
    arrivals = first[first["change"].isin(RETURNING)]
    position = keys.get_indexer(pd.MultiIndex.from_frame(arrivals[["school_year", "student_id"]]))
    came_at[position[position >= 0]] = arrivals["effective_at"].to_numpy()[position >= 0]
    return frame, came_at


def _next_return(students: pd.Series[int], left_at: pd.Series[int], changes: pd.DataFrame) -> npt.NDArray[np.int64]:
    """When each student who left came back: his first 復學 or 轉入 after that, NEVER where there is none."""
    result = np.full(len(students), NEVER, dtype=np.int64)
    returns = changes[changes["change"].isin(RETURNING)]
    for student, at in returns.sort_values("effective_at", ascending=False)[["student_id", "effective_at"]].itertuples(
        index=False, name=None
    ):
        result[(students == student).to_numpy() & (left_at.to_numpy() < at)] = at
    return result


def _exempt(rounds: pd.DataFrame, student: pd.DataFrame, exemptions: pd.DataFrame) -> dict[str, npt.NDArray[np.int64]]:
    """From when until when a duty undone is excused: its student is away, or a person has excused it for good."""
    start, until = student["gone_at"].to_numpy(copy=True), student["gone_until"].to_numpy(copy=True)
    if len(exemptions):
        first = exemptions.groupby("round_id")["from_at"].min()
        place = first.index.get_indexer(rounds["round_id"])
        excused = place >= 0
        start[excused] = np.minimum(start[excused], first.to_numpy()[place[excused]])
        until[excused] = NEVER
    return {"exempt_at": start, "exempt_until": until}


def _units_before(
    frame: pd.DataFrame, teacher_of: pd.Index[Any], labels: Mapping[str, npt.NDArray[np.object_]]
) -> pd.DataFrame:
    ordered = frame.sort_values("until_at", ascending=False)
    units = pd.Index(labels["unit"]).get_indexer(ordered["unit"]).astype(np.int16)
    return pd.DataFrame(
        {
            "teacher": teacher_of.get_indexer(ordered["staff_code"]),
            "unit": units,
            "until_at": ordered["until_at"].to_numpy(),
        }
    )


def _positions(enrolment_of: pd.MultiIndex, frame: pd.DataFrame) -> Codes:
    keys = pd.MultiIndex.from_arrays([frame["school_year"], frame["student_id"]])
    return enrolment_of.get_indexer(keys).astype(np.int32) if len(frame) else np.empty(0, dtype=np.int32)


def _point(frame: pd.DataFrame, enrolment_of: pd.MultiIndex) -> pd.DataFrame:
    return frame.assign(enrolment=_positions(enrolment_of, frame)).drop(columns="student_id")


def _uploads(frame: pd.DataFrame, enrolment_of: pd.MultiIndex) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "is_outcome": (frame["kind"] == "outcome").to_numpy(),
            "term": (frame["school_year"] * 10 + frame["semester"]).to_numpy(dtype=np.int32),
            "enrolment": _positions(enrolment_of, frame),
            "uploaded_at": frame["uploaded_at"].to_numpy(),
        }
    )


def _teachers(frames: Mapping[str, pd.DataFrame], labels: dict[str, npt.NDArray[np.object_]]) -> pd.DataFrame:
    staff, sections, rounds = frames["staff"], frames["sections"], frames["rounds"]
    spans = frames["delegations"]
    said = [staff["staff_code"], sections["teacher_code"], rounds["teacher_code"], rounds["certifier_code"],
            spans["principal_code"], spans["deputy_code"], frames["reassignments"]["teacher_code"]]  # fmt: skip
    codes = sorted(set().union(*(set(column.unique()) for column in said)) - {""})
    labels["teacher"] = _objects(codes)
    taught_names = sections.drop_duplicates("teacher_code").set_index("teacher_code")["teacher_name"]
    known = staff.set_index("staff_code")
    name = known["name"].reindex(codes).fillna(taught_names.reindex(codes)).fillna("")
    unit = known["unit"].reindex(codes).fillna("")
    labels["unit"] = _objects(sorted(set(unit) | set(frames["staff_units"]["unit"])))
    return pd.DataFrame(
        {"code": codes, "name": name.to_numpy(), "unit": pd.Index(labels["unit"]).get_indexer(unit).astype(np.int16)}
    )  # fmt: skip


def _due(
    rounds: pd.DataFrame, grade: npt.NDArray[Any], windows: pd.DataFrame, settings: SchoolSettings
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    certify = windows[windows["task"] == "certify"]
    keys = pd.MultiIndex.from_arrays([certify["school_year"], certify["semester"], certify["grade"]])
    position = (
        keys.get_indexer(pd.MultiIndex.from_arrays([rounds["school_year"], rounds["semester"], grade]))
        if len(rounds) and len(certify)
        else np.full(len(rounds), -1)
    )
    earliest = rounds["sent_at"].to_numpy() + settings.minimum_response_days * DAY_US
    result = []
    for column in ("ends_at", "original_ends_at"):
        ends = np.append(certify[column].to_numpy(), NEVER)  # position -1: no window, no deadline
        result.append(np.maximum(ends[position], earliest))
    return result[0], result[1]


def _delegations(frame: pd.DataFrame, teacher_of: pd.Index[Any]) -> pd.DataFrame:
    ordered = frame.sort_values(["principal_code", "deputy_order", "from_at", "deputy_code"], ignore_index=True)
    return ordered.assign(
        principal=teacher_of.get_indexer(ordered["principal_code"]),
        deputy=teacher_of.get_indexer(ordered["deputy_code"]),
    )[["principal", "deputy", "deputy_order", "from_at", "until_at"]]


def _reassignments(frame: pd.DataFrame, teacher_of: pd.Index[Any]) -> pd.DataFrame:
    return frame.assign(teacher=teacher_of.get_indexer(frame["teacher_code"]))[["outcome_id", "teacher", "from_at"]]


def _taught(sections: pd.DataFrame, subjects: pd.Index[Any], teacher_of: pd.Index[Any]) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "term": (sections["school_year"] * 10 + sections["semester"]).to_numpy(dtype=np.int32),
            "subject": subjects.get_indexer(sections["subject"]).astype(np.int16),
            "teacher": teacher_of.get_indexer(sections["teacher_code"]).astype(np.int32),
        }
    ).drop_duplicates(ignore_index=True)
