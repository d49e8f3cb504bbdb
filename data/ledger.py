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
STAGES = ("register", "certify", "submit", "confirm", "meet")  # the duty stages that have rows, by code
CERTIFY = STAGES.index("certify")
ANSWER_DAYS = 3  # a 收訖問題回報 is answered within three days (product.md, confirm)
ROSTER_PARTS = {"academic": ("students", "grades")}  # handed in as two books, owed as one roster
YEAR_ROSTERS = ("outcomes", "performances")  # of a school year; the others of a term, a 高三 batch always of the year
EVENING = "進修部"  # hands in its own book of outcomes


@dataclass(frozen=True)
class Ledger:
    """The duties and what participation is counted from, on one set of codes.

    duties: data.schema.DUTY. enrolments: one row a student in a school year; uploads, selections and receipts point to it
    by position, and so do the cross_checks about a student (what the platform itself counts; -1: about nobody).
    disputes and submissions: one row each, as reported and handed in. submitted: of a submission, the items of a student
    in a course and term. labels: the keys behind the codes of class, department, division, subject, teacher, unit and kind.
    classes: one row a class code. teachers: one row a teacher code, with name and unit code; units_before: the unit of a
    teacher code until an instant, latest first. taught: the subjects, teachers and classes of each term's 授課名冊.
    """

    duties: pd.DataFrame
    enrolments: pd.DataFrame
    uploads: pd.DataFrame
    selections: pd.DataFrame
    receipts: pd.DataFrame
    disputes: pd.DataFrame
    submissions: pd.DataFrame
    submitted: pd.DataFrame
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
    calendar: np.busdaycalendar
    _by_term: dict[tuple[int, str], pd.DataFrame] = field(default_factory=dict, repr=False)

    def of_term(self, term: int, stage: str = "certify") -> pd.DataFrame:
        """Return a stage's duties of a term such as 1131 (1130: what is owed once a year), in ledger order.

        Kept, as every question names a term.
        """
        if (term, stage) not in self._by_term:
            chosen = (self.duties["term"].to_numpy() == term) & (self.duties["stage"].to_numpy() == STAGES.index(stage))
            self._by_term[term, stage] = self.duties[chosen].reset_index(drop=True)
        return self._by_term[term, stage]

    def windows_of(self, term: int, *tasks: str) -> pd.DataFrame:
        """Return the windows of a term (1130: those of the whole year), of these tasks or of all."""
        windows = self.windows
        chosen = windows["school_year"] * 10 + windows["semester"] == term
        return windows[chosen & windows["task"].isin(tasks)] if tasks else windows[chosen]

    def terms(self) -> list[int]:
        """Return the terms that have sections or items sent for certification, newest first."""
        sent = self.duties["term"][self.duties["stage"].to_numpy() == CERTIFY]
        return sorted({int(term) for column in (sent, self.taught["term"]) for term in column.unique()}, reverse=True)


def build(
    frames: Mapping[str, pd.DataFrame], settings: SchoolSettings, *, calendar: np.busdaycalendar | None = None
) -> Ledger:
    """Work out every duty and its instants from the frames of data.schema.FRAMES.

    Certify: opened when sent; done at 認證日期 once released; due at the later of the window's end and sent + minimum_response_days;
    without a window for the term and grade there is no due_at (NEVER). A student who left exempts what is undone from
    the day he left until he comes back, in that year's duties and earlier ones; an exemption by hand from its time on.
    Register and submit: owed from the start of an announced window on, or because it was in fact done (docs/adr/0008).
    Confirm: one a dispute, due 3 days after it was raised. Meet: one a term, from the first that a meeting was ever planned
    for (docs/adr/0014). calendar: the public working days (Monday to Friday without it),
    to which the school's own 停課 are added.
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
    courses = pd.Index(frames["submitted"]["course_code"].unique())
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
            "kind": -1,
            "unit": -1,
            "passed": rounds["passed"].to_numpy(),
        }
    )
    others = [
        _register(frames, classes, enrolments, enrolment_of),
        _submit(frames),
        _confirm(frames, classes, enrolments, enrolment_of),
        _meet(frames),
    ]
    duties = _with_others(duties, [each for each in others if len(each)], labels)
    done = duties["done_at"].to_numpy() != NEVER
    duties["wait_us"] = np.where(done, np.where(done, duties["done_at"], 0) - duties["opened_at"], NEVER)
    duties = conform(duties, DUTY).sort_values("wait_us", kind="stable", ignore_index=True)
    return Ledger(
        duties=duties,
        enrolments=enrolments,
        uploads=_uploads(frames["uploads"], enrolment_of, courses),
        selections=_point(frames["selections"], enrolment_of),
        receipts=_point(frames["receipts"], enrolment_of),
        disputes=_point(frames["disputes"], enrolment_of),
        submissions=frames["submissions"],
        submitted=_submitted(frames["submitted"], enrolment_of, courses),
        cross_checks=_point(frames["cross_checks"], enrolment_of),
        windows=frames["windows"],
        delegations=_delegations(frames["delegations"], teacher_of),
        reassignments=_reassignments(frames["reassignments"], teacher_of),
        classes=classes,
        teachers=teachers,
        units_before=_units_before(frames["staff_units"], teacher_of, labels),
        taught=_taught(frames["sections"], classes, subjects, teacher_of),
        labels=labels,
        settings=settings,
        calendar=_calendar(calendar or np.busdaycalendar(), frames["school_days"]),
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
    of_student = np.append(mine, False)  # -1: nobody's in particular
    # What is owed for a class goes with its students; what is owed for the school belongs to no part of it.
    alive = np.zeros(len(ledger.classes) + 1, dtype=bool)
    alive[ledger.enrolments["class"].to_numpy()[mine]] = True
    alive[-1] = False
    about = ledger.duties["enrolment"].to_numpy()
    keep = keep & np.where(about >= 0, of_student[about], alive[ledger.duties["class"].to_numpy()])

    def of_mine(frame: pd.DataFrame) -> pd.DataFrame:
        return frame[of_student[frame["enrolment"].to_numpy()]].reset_index(drop=True)

    return replace(
        ledger,
        duties=ledger.duties[keep].reset_index(drop=True),
        enrolments=ledger.enrolments.assign(visible=mine),
        uploads=of_mine(ledger.uploads),
        selections=of_mine(ledger.selections),
        receipts=of_mine(ledger.receipts),
        disputes=of_mine(ledger.disputes),
        submitted=of_mine(ledger.submitted),
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


def assigned_then(ledger: Ledger, duties: pd.DataFrame, as_of_us: int) -> Codes:
    """Return whom each duty was assigned to when it was done, else at an instant: a later change rewrites nothing (rule 3)."""
    result: Codes = duties["assigned"].to_numpy().astype(np.int32)
    if ledger.reassignments.empty or duties.empty:
        return result
    when = np.minimum(duties["done_at"].to_numpy(), as_of_us)
    place = pd.DataFrame({"outcome_id": duties["item"].to_numpy(), "row": np.arange(len(duties)), "when": when})
    moves = ledger.reassignments.merge(place, on="outcome_id")
    latest = moves[moves["from_at"] <= moves["when"]].drop_duplicates("row", keep="last")
    result[latest["row"].to_numpy()] = latest["teacher"].to_numpy()
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
    when = np.minimum(np.minimum(duties["done_at"].to_numpy(), as_of_us), term_ends(duties["term"].to_numpy()))
    for mover, unit, until in ledger.units_before.itertuples(index=False, name=None):
        codes = np.where((teacher == mover) & (when < until), np.int16(unit), codes)
    return codes


def units_in(ledger: Ledger, term: int, as_of_us: int) -> npt.NDArray[np.int16]:
    """Return the 處室 code of each teacher code in a term, as known at as_of."""
    everybody = pd.DataFrame({"done_at": NEVER, "term": term}, index=range(len(ledger.teachers)))
    return units_of(ledger, everybody, np.arange(len(ledger.teachers), dtype=np.int32), as_of_us)


def _calendar(public: np.busdaycalendar, own: pd.DataFrame) -> np.busdaycalendar:
    """A 停課 is no working day, a holiday made a school day is one; a 補課 on a Saturday is not counted."""
    if own.empty:
        return public
    days = own["day"].to_numpy().astype("datetime64[D]")
    is_school_day = own["is_school_day"].to_numpy()
    holidays = np.setdiff1d(np.union1d(public.holidays, days[~is_school_day]), days[is_school_day])
    return np.busdaycalendar(holidays=holidays)


def term_ends(terms: npt.NDArray[Any]) -> npt.NDArray[np.int64]:
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


def _uploads(frame: pd.DataFrame, enrolment_of: pd.MultiIndex, courses: pd.Index[Any]) -> pd.DataFrame:
    """Courses nobody has handed in anything of are -1: only what was submitted is ever compared by course."""
    return pd.DataFrame(
        {
            "is_outcome": (frame["kind"] == "outcome").to_numpy(),
            "term": (frame["school_year"] * 10 + frame["semester"]).to_numpy(dtype=np.int32),
            "enrolment": _positions(enrolment_of, frame),
            "course": _courses(frame, courses),
            "uploaded_at": frame["uploaded_at"].to_numpy(),
        }
    )


def _submitted(frame: pd.DataFrame, enrolment_of: pd.MultiIndex, courses: pd.Index[Any]) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "submission_id": frame["submission_id"].to_numpy(),
            "term": (frame["school_year"] * 10 + frame["semester"]).to_numpy(dtype=np.int32),
            "enrolment": _positions(enrolment_of, frame),
            "course": _courses(frame, courses),
            "item_count": frame["item_count"].to_numpy(),
            "known_at": frame["known_at"].to_numpy(),
        }
    )


def _courses(frame: pd.DataFrame, courses: pd.Index[Any]) -> Codes:
    if frame.empty or courses.empty:
        return np.full(len(frame), -1, dtype=np.int32)
    codes: Codes = courses.get_indexer(frame["course_code"]).astype(np.int32)
    return codes


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


_OF_NOBODY = {"item": -1, "enrolment": -1, "class": -1, "grade": 0, "department": -1, "division": -1, "subject": -1,
              "assigned": -1, "certifier": -1, "decided_at": NEVER, "exempt_at": NEVER, "exempt_until": NEVER, "passed": False}  # fmt: skip


def _with_others(
    certify: pd.DataFrame, others: list[pd.DataFrame], labels: dict[str, npt.NDArray[np.object_]]
) -> pd.DataFrame:
    """Put the duties of all stages together; kind and unit become codes, and what the certify duties have not is nobody's."""
    said: dict[str, set[str]] = {name: set() for name in ("kind", "unit")}
    for frame in others:
        for name, found in said.items():
            found |= set(frame[name]) - {""}
    labels["kind"] = _objects(sorted(said["kind"]))
    missing = sorted(said["unit"] - set(labels["unit"]))
    labels["unit"] = _objects([*labels["unit"], *missing])  # behind, as codes have been given out
    parts = [certify]
    for frame in others:
        codes = {
            name: pd.Index(labels[name]).get_indexer(frame[name]) if len(labels[name]) else np.full(len(frame), -1)
            for name in said
        }
        blank = {name: value for name, value in _OF_NOBODY.items() if name not in frame}
        parts.append(frame.assign(**blank, **codes)[list(certify.columns)])
    return pd.concat(parts, ignore_index=True) if others else certify


def _of_task(windows: pd.DataFrame, prefix: str) -> pd.DataFrame:
    chosen = windows[windows["task"].str.startswith(prefix)]
    return chosen.assign(kind=chosen["task"].str.removeprefix(prefix)).drop(columns="task")


def _owed(windows: pd.DataFrame, done: pd.DataFrame, key: list[str]) -> pd.DataFrame:
    """Join what was announced (a row a key) with what was done (a row a key): owed from the window's start on, or since done."""
    owed = windows.merge(done, on=key, how="outer", suffixes=("", "_done"))
    instants = {
        name: np.where(owed[name].isna(), NEVER, owed[name].fillna(0).astype("int64"))  # a float cannot hold NEVER
        for name in ("starts_at", "ends_at", "original_ends_at", "done_at")
    }
    unit = owed["unit"].fillna("").where(owed["unit"].fillna("") != "", owed["unit_done"].fillna(""))
    return owed[key].assign(
        term=(owed["school_year"] * 10 + owed["semester"]).astype("int32"),
        opened_at=np.minimum(instants["starts_at"], instants["done_at"]),
        done_at=instants["done_at"], due_at=instants["ends_at"], original_due_at=instants["original_ends_at"], unit=unit,
    )  # fmt: skip


def _numbers(*key: pd.Series[Any]) -> npt.NDArray[np.int64]:
    """Number what has no row of its own by its key, the same in every version of the data."""
    texts = pd.concat([part.astype("str").reset_index(drop=True) for part in key], axis=1)
    numbers = pd.util.hash_pandas_object(texts, index=False).to_numpy() >> np.uint64(1)
    result: npt.NDArray[np.int64] = numbers.astype(np.int64)
    return result


def _register(
    frames: Mapping[str, pd.DataFrame], classes: pd.DataFrame, enrolments: pd.DataFrame, enrolment_of: pd.MultiIndex
) -> pd.DataFrame:
    """One duty a class, term and kind of record; done with the first record that names the class, or a student of it."""
    key = ["school_year", "semester", "class", "kind"]
    named = classes.reset_index(names="class")[["school_year", "name", "grade", "class", "department"]]
    windows = _of_task(frames["windows"], "register_").merge(named, on=["school_year", "grade"])
    said = frames["registrations"]
    if windows.empty and said.empty:
        return windows
    said = said.merge(named, left_on=["school_year", "class_name"], right_on=["school_year", "name"], how="left")
    of_class = enrolments["class"].to_numpy()
    position = _positions(enrolment_of, said)
    own = np.append(of_class, -1)[position] if len(said) else np.empty(0)
    code = np.where(said["class"].isna(), own, said["class"].fillna(-1))
    said = said.assign(**{"class": code.astype(np.int64)})
    said = said[said["class"] >= 0].sort_values("registered_at", kind="stable")
    first = said.drop_duplicates(key).rename(columns={"registered_at": "done_at"})[[*key, "done_at", "unit"]]
    owed = _owed(windows[[*key, "starts_at", "ends_at", "original_ends_at", "unit"]], first, key)
    of = classes.loc[owed["class"].astype("int64"), ["name", "grade", "department"]].reset_index(drop=True)
    return owed.assign(
        duty_id=_numbers(owed["term"], of["name"], owed["kind"]),
        stage=STAGES.index("register"),
        grade=of["grade"].to_numpy(),
        department=of["department"].to_numpy(),
    )


def _submit(frames: Mapping[str, pd.DataFrame]) -> pd.DataFrame:
    """One duty a roster of a term or year, or of a 高三 batch; done when the first of its books, of two the later, was handed in."""
    windows = _of_task(frames["windows"], "submit_")
    if windows.empty and frames["submissions"].empty:
        return windows
    parts = windows["kind"].str.extract(r"^(?P<roster>[a-z]+?)(?:_(?P<batch>[12]))?$")
    windows = windows.assign(kind=parts["roster"], batch=parts["batch"].fillna("0").astype("int64"), division="")
    evening = frames["enrolments"].loc[frames["enrolments"]["division"] == EVENING, "school_year"].unique()
    own_book = windows[(windows["kind"] == "outcomes") & windows["school_year"].isin(evening)]
    windows = pd.concat([windows, own_book.assign(division=EVENING)])
    key = ["school_year", "semester", "kind", "batch", "division"]
    announced = windows.groupby(key, as_index=False).agg(
        starts_at=("starts_at", "min"), ends_at=("ends_at", "max"), original_ends_at=("original_ends_at", "max"), unit=("unit", "first")
    )  # fmt: skip
    said = frames["submissions"].sort_values("submitted_at", kind="stable")
    owed_as = {part: roster for roster, books in ROSTER_PARTS.items() for part in books}
    kind = pd.Series([owed_as.get(roster, roster) for roster in said["roster"]], index=said.index, dtype="str")
    of_year = kind.isin(YEAR_ROSTERS) | (said["batch"] > 0)
    said = said.assign(
        kind=kind, semester=said["semester"].where(~of_year, 0),
        division=said["division"].where((kind == "outcomes") & (said["division"] == EVENING), ""),
    )  # fmt: skip
    books = said.drop_duplicates([*key, "roster"]).groupby(key, as_index=False).agg(
        done_at=("submitted_at", "max"), books=("roster", "nunique"), unit=("unit", "first")
    )  # fmt: skip
    whole = books["books"].to_numpy() >= np.array(
        [len(ROSTER_PARTS.get(kind, ("",))) for kind in books["kind"]], dtype=int
    )
    # Half of a roster is not yet a roster; what no window announces is known only once it is whole.
    books = books[whole]
    result = _owed(announced, books.drop(columns="books"), key)
    label = [
        kind + (f"_{batch}" if batch else "") + ("_evening" if division else "")
        for kind, batch, division in result[["kind", "batch", "division"]].itertuples(index=False, name=None)
    ]
    return result.assign(duty_id=_numbers(result["term"], pd.Series(label)), stage=STAGES.index("submit"), kind=label)[
        ["duty_id", "stage", "term", "opened_at", "done_at", "due_at", "original_due_at", "kind", "unit"]
    ]


def _confirm(
    frames: Mapping[str, pd.DataFrame], classes: pd.DataFrame, enrolments: pd.DataFrame, enrolment_of: pd.MultiIndex
) -> pd.DataFrame:
    """One duty a 收訖問題回報: opened when raised, due 3 days later, done when answered; of the unit whose window it is."""
    said = frames["disputes"]
    if said.empty:
        return said
    position = _positions(enrolment_of, said)
    student = enrolments.reindex(position)
    named = classes.reset_index(names="class").set_index(["school_year", "name"])["class"]
    by_name = named.reindex(pd.MultiIndex.from_frame(said[["school_year", "class_name"]])).fillna(-1).to_numpy()
    code = np.where(position >= 0, student["class"].fillna(-1).to_numpy(), by_name).astype(np.int64)
    of = classes.reindex(code)
    windows = frames["windows"][frames["windows"]["task"] == "confirm"]
    unit = windows[windows["unit"] != ""].drop_duplicates("school_year").set_index("school_year")["unit"]
    due_at = said["raised_at"].to_numpy() + ANSWER_DAYS * DAY_US
    filled = {
        name: np.where(position >= 0, student[name].to_numpy(), of[name].to_numpy()) for name in ("grade", "department")
    }
    return pd.DataFrame(
        {
            "duty_id": said["dispute_id"].to_numpy(),
            "stage": STAGES.index("confirm"),
            "term": said["school_year"].to_numpy() * 10,
            "enrolment": position,
            "class": code,
            "grade": np.nan_to_num(filled["grade"].astype(float), nan=0),
            "department": np.nan_to_num(filled["department"].astype(float), nan=-1),
            "division": student["division"].fillna(-1).to_numpy(),
            "opened_at": said["raised_at"].to_numpy(),
            "done_at": said["answered_at"].to_numpy(),
            "due_at": due_at,
            "original_due_at": due_at,
            "kind": said["kind"].to_numpy(),
            "unit": unit.reindex(said["school_year"]).fillna("").to_numpy(),
        }
    )


def _meet(frames: Mapping[str, pd.DataFrame]) -> pd.DataFrame:
    """One duty a term, due at its end and done with its first meeting; none before the first term that has a meeting on record."""
    meetings = frames["meetings"]
    if meetings.empty:
        return meetings
    known = pd.concat([frames[name]["school_year"] * 10 + frames[name]["semester"] for name in ("windows", "sections")])
    first = meetings.groupby("term")["held_at"].min()
    terms = np.union1d(known[known % 10 > 0].to_numpy(), first.index.to_numpy()).astype(np.int64)
    terms = terms[terms >= first.index.min()]
    done_at = first.reindex(terms, fill_value=NEVER).to_numpy(dtype=np.int64)
    due_at = term_ends(terms)
    starts = [
        taipei_day_us(date(term // 10 + 1911, 8, 1) if term % 10 == 1 else date(term // 10 + 1912, 2, 1))
        for term in terms.tolist()
    ]
    return pd.DataFrame(
        {
            "duty_id": terms, "stage": STAGES.index("meet"), "term": terms,
            # a term's meeting may be held in the holidays before it
            "opened_at": np.minimum(np.array(starts, dtype=np.int64), done_at),
            "done_at": done_at, "due_at": due_at, "original_due_at": due_at, "kind": "", "unit": "",
        }
    )  # fmt: skip


def _delegations(frame: pd.DataFrame, teacher_of: pd.Index[Any]) -> pd.DataFrame:
    ordered = frame.sort_values(["principal_code", "deputy_order", "from_at", "deputy_code"], ignore_index=True)
    return ordered.assign(
        principal=teacher_of.get_indexer(ordered["principal_code"]),
        deputy=teacher_of.get_indexer(ordered["deputy_code"]),
    )[["principal", "deputy", "deputy_order", "from_at", "until_at"]]


def _reassignments(frame: pd.DataFrame, teacher_of: pd.Index[Any]) -> pd.DataFrame:
    return frame.assign(teacher=teacher_of.get_indexer(frame["teacher_code"]))[["outcome_id", "teacher", "from_at"]]


def _taught(
    sections: pd.DataFrame, classes: pd.DataFrame, subjects: pd.Index[Any], teacher_of: pd.Index[Any]
) -> pd.DataFrame:
    class_of = pd.MultiIndex.from_frame(classes[["school_year", "name"]])
    named = pd.MultiIndex.from_arrays([sections["school_year"], sections["class_name"]])
    return pd.DataFrame(
        {
            "term": (sections["school_year"] * 10 + sections["semester"]).to_numpy(dtype=np.int32),
            "subject": subjects.get_indexer(sections["subject"]).astype(np.int16),
            "teacher": teacher_of.get_indexer(sections["teacher_code"]).astype(np.int32),
            "class": class_of.get_indexer(named).astype(np.int32),  # -1: 上課班級 is none of the year's
        }
    ).drop_duplicates(ignore_index=True)
