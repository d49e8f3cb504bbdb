"""The only SQL that reads facts: conformed frames, instants as microseconds."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pandas as pd
from sqlalchemy import Connection, String, case, cast, func, literal, select, type_coerce, union_all

from data.instants import NEVER, taipei_day_us
from data.meetings import HELD
from data.models import (
    CrossCheck,
    Delegation,
    Dispute,
    Enrolment,
    EnrolmentChange,
    Exemption,
    Import,
    Instant,
    Meeting,
    Outcome,
    Performance,
    Reassignment,
    Receipt,
    Registration,
    Round,
    SchoolClass,
    SchoolDay,
    Section,
    Selection,
    Staff,
    StaffUnit,
    Student,
    Submission,
    SubmissionSheet,
    SubmittedItem,
    TrainingSession,
    Window,
)
from data.schema import ABOUT, CHECKS_OF_STUDENTS, CROSS_CHECKS, FRAMES, conform


def load_frames(connection: Connection) -> dict[str, pd.DataFrame]:
    """Return every frame that the ledger is built from (data.schema.FRAMES)."""
    return {name: conform(_read(connection, statement), FRAMES[name]) for name, statement in _statements().items()} | {
        "delegations": _delegations(connection),
        "cross_checks": _cross_checks(connection),
    }


def _us(column: Any, default: int | None = None) -> Any:
    raw = type_coerce(column, Instant.impl)
    return raw if default is None else func.coalesce(raw, default)


def _read(connection: Connection, statement: Any) -> pd.DataFrame:
    """Fetch plain tuples: going through typed rows doubles the time at 300,000 duties."""
    compiled = statement.compile(connection, compile_kwargs={"literal_binds": True})
    result = connection.exec_driver_sql(str(compiled).replace("%%", "%"))
    return pd.DataFrame([tuple(row) for row in result], columns=[column.name for column in statement.selected_columns])


def _statements() -> dict[str, Any]:
    uploads = union_all(
        select(
            literal("outcome").label("kind"), Outcome.school_year, Outcome.semester, Outcome.student_id, Outcome.course_code,
            _us(Outcome.uploaded_at, NEVER).label("uploaded_at"),
        ),
        select(
            literal("performance").label("kind"), Performance.school_year, literal(0).label("semester"),
            Performance.student_id, literal("").label("course_code"), _us(Performance.uploaded_at, NEVER).label("uploaded_at"),
        ),
    )  # fmt: skip
    return {
        "staff": select(Staff.staff_code, Staff.name, Staff.unit),
        "classes": select(SchoolClass.school_year, SchoolClass.name, SchoolClass.grade, SchoolClass.department, SchoolClass.homeroom_code),
        "enrolments": select(
            Enrolment.school_year, Enrolment.student_id, Enrolment.class_name, Enrolment.grade, Enrolment.department,
            Enrolment.division, Enrolment.left_at.is_(None).label("in_school"), _us(Enrolment.left_at, NEVER).label("left_at"),
            Enrolment.left_is_dated,
        ),
        "sections": select(
            Section.school_year, Section.semester, Section.class_name, Section.subject, Section.teacher_code, Section.teacher_name
        ),
        "windows": select(
            Window.school_year, Window.semester, Window.grade, Window.task, _us(Window.starts_at).label("starts_at"),
            _us(Window.ends_at).label("ends_at"), _us(Window.original_ends_at).label("original_ends_at"), Window.unit,
        ),
        "rounds": select(
            Round.id.label("round_id"), Round.outcome_id, Outcome.school_year, Outcome.semester, Outcome.student_id,
            Outcome.subject, Outcome.teacher_code, _us(Round.sent_at).label("sent_at"),
            _us(Round.decided_at, NEVER).label("decided_at"), _us(Round.completed_at, NEVER).label("completed_at"),
            Round.certifier_code, (Round.decision == "passed").label("passed"),
        ).join_from(Round, Outcome, Round.outcome_id == Outcome.id),
        "reassignments": select(
            Reassignment.outcome_id, Reassignment.teacher_code, _us(Reassignment.from_at).label("from_at")
        ).order_by(Reassignment.by_hand, Reassignment.id),  # the last one counts: a person's word lies above the lists
        "exemptions": select(Exemption.round_id, _us(Exemption.from_at).label("from_at")),
        "staff_units": select(StaffUnit.staff_code, StaffUnit.unit, _us(StaffUnit.until_at).label("until_at")),
        "enrolment_changes": select(
            EnrolmentChange.school_year, EnrolmentChange.student_id, EnrolmentChange.change,
            _us(EnrolmentChange.effective_at).label("effective_at"),
        ),
        "uploads": select(*uploads.subquery().c),
        "school_days": select(cast(SchoolDay.day, String).label("day"), SchoolDay.is_school_day),
        "selections": select(
            Selection.school_year, Selection.student_id, Selection.outcome_count, Selection.performance_count,
            _us(Selection.known_at).label("known_at"),
        ).order_by(Selection.id),
        "receipts": select(
            Receipt.school_year, Receipt.kind, Receipt.round_number, Receipt.student_id, Receipt.status,
            _us(Receipt.acted_at, NEVER).label("acted_at"), _us(Import.imported_at).label("known_at"), Receipt.item_count,
        ).join_from(Receipt, Import, Receipt.import_id == Import.id),
        "disputes": select(
            Dispute.id.label("dispute_id"), Dispute.school_year, Dispute.kind, Dispute.class_name,
            func.coalesce(Dispute.student_id, -1).label("student_id"), _us(Dispute.raised_at).label("raised_at"),
            _us(Dispute.answered_at, NEVER).label("answered_at"),
        ),
        "registrations": select(
            Registration.school_year, Registration.semester, Registration.kind, Registration.class_name,
            func.coalesce(Registration.student_id, -1).label("student_id"), _us(Registration.registered_at).label("registered_at"),
            Registration.unit,
        ),
        "meetings": select(Meeting.term, case((Meeting.state == HELD, _us(Meeting.held_at)), else_=NEVER).label("held_at")),
        "submissions": select(
            Submission.id.label("submission_id"), Submission.school_year, Submission.semester, Submission.roster, Submission.batch,
            Submission.division, Submission.source, Submission.round_number, _us(Submission.submitted_at).label("submitted_at"),
            Submission.unit, func.coalesce(func.sum(SubmissionSheet.row_count), 0).label("row_count"),
            func.coalesce(func.sum(SubmissionSheet.matched_count), 0).label("matched_count"),
        ).outerjoin_from(Submission, SubmissionSheet, SubmissionSheet.submission_id == Submission.id).group_by(Submission.id),
        "submitted": select(
            SubmittedItem.submission_id, Submission.school_year, SubmittedItem.semester, SubmittedItem.student_id,
            SubmittedItem.course_code, func.count().label("item_count"), _us(func.min(Submission.submitted_at)).label("known_at"),
        ).join_from(SubmittedItem, Submission, SubmittedItem.submission_id == Submission.id).group_by(
            SubmittedItem.submission_id, Submission.school_year, SubmittedItem.semester, SubmittedItem.student_id,
            SubmittedItem.course_code,
        ),
    }  # fmt: skip


def _delegations(connection: Connection) -> pd.DataFrame:
    """Both days count whole, so a delegation runs to the beginning of the day after to_on.

    One entered by hand stands before the one of a list that speaks of the same deputy, order and first day.
    """
    rows = connection.execute(
        select(
            Delegation.principal_code,
            Delegation.deputy_code,
            Delegation.deputy_order,
            Delegation.from_on,
            Delegation.to_on,
        ).order_by(Delegation.by_hand)
    )
    latest = {(p, d, order, a): b for p, d, order, a, b in rows}
    spans = [(*key[:3], taipei_day_us(key[3]), taipei_day_us(b + timedelta(days=1))) for key, b in latest.items()]
    return conform(pd.DataFrame(spans, columns=list(FRAMES["delegations"])), FRAMES["delegations"])


def _cross_checks(connection: Connection) -> pd.DataFrame:
    """The platform's own counts, the latest last; whom they are about is a student's id, as in every other frame."""
    statement = select(
        CrossCheck.school_year, CrossCheck.semester, CrossCheck.what, CrossCheck.about, CrossCheck.measure,
        literal(-1).label("student_id"), CrossCheck.stated_count, _us(CrossCheck.known_at).label("known_at"),
    ).order_by(CrossCheck.known_at, CrossCheck.id)  # fmt: skip
    frame = conform(_read(connection, statement), CROSS_CHECKS)
    of_student = frame["what"].isin(CHECKS_OF_STUDENTS)
    if not of_student.any():
        return frame
    parts = frame.loc[of_student, "about"].str.partition(ABOUT)
    ids = {row.student_number: row.id for row in connection.execute(select(Student.student_number, Student.id))}
    frame.loc[of_student, "student_id"] = [ids.get(number, -1) for number in parts[0]]
    frame.loc[of_student, "about"] = parts[2]
    return frame


@dataclass(frozen=True, slots=True)
class LastImport:
    """The newest import of a kind: what the trust line names."""

    kind: str
    file_name: str
    sha256: str
    imported_us: int


def last_imports(connection: Connection) -> list[LastImport]:
    """Return the newest import of each kind, newest first."""
    newest = select(func.max(Import.id)).where(Import.state == "kept").group_by(Import.kind)
    rows = connection.execute(
        select(Import.kind, Import.file_name, Import.sha256, _us(Import.imported_at))
        .where(Import.id.in_(newest))
        .order_by(Import.id.desc())
    )
    return [LastImport(*row) for row in rows]


def training_sessions(connection: Connection, school_year: int) -> pd.DataFrame:
    """Return the sessions of a school year: kind, audience, held_at (microseconds), attendee_count (NA where not counted)."""
    statement = select(
        TrainingSession.kind,
        TrainingSession.audience,
        _us(TrainingSession.held_at).label("held_at"),
        TrainingSession.attendee_count,
    ).where(TrainingSession.school_year == school_year)
    return _read(connection, statement).astype({"attendee_count": "Int64"})


def waiting_items(connection: Connection, round_ids: list[int]) -> pd.DataFrame:
    """Return what a certification queue shows of these sendings: course, class, item, student number and name."""
    columns = ["round_id", "subject", "class_name", "item_number", "student_number", "student_name"]
    rows: list[tuple[Any, ...]] = []
    statement: Any
    for start in range(0, len(round_ids), 500):  # SQLite takes a limited number of parameters
        statement = (
            select(
                Round.id, Outcome.subject, Outcome.class_name, Outcome.item_number, Student.student_number, Student.name
            )
            .join_from(Round, Outcome, Round.outcome_id == Outcome.id)
            .join(Student, Student.id == Outcome.student_id)
            .where(Round.id.in_(round_ids[start : start + 500]))
        )
        rows += [tuple(row) for row in connection.execute(statement)]
    return pd.DataFrame(rows, columns=columns)


def disputes_of(connection: Connection, dispute_ids: list[int]) -> pd.DataFrame:
    """Return what a receipt desk shows of these reports: 單號, what it is about, the student and his words."""
    columns = ["dispute_id", "number", "category", "student_number", "student_name", "error_kind", "description"]
    rows: list[tuple[Any, ...]] = []
    for start in range(0, len(dispute_ids), 500):  # SQLite takes a limited number of parameters
        statement = (
            select(
                Dispute.id, Dispute.number, Dispute.category, func.coalesce(Student.student_number, ""),
                func.coalesce(Student.name, ""), Dispute.error_kind, Dispute.description,
            )
            .outerjoin_from(Dispute, Student, Student.id == Dispute.student_id)
            .where(Dispute.id.in_(dispute_ids[start : start + 500]))
        )  # fmt: skip
        rows += [tuple(row) for row in connection.execute(statement)]
    return pd.DataFrame(rows, columns=columns)


def class_roster(connection: Connection, school_year: int, class_name: str) -> pd.DataFrame:
    """Return the students of a class in seat order, those without a seat last."""
    columns = ["student_id", "seat_number", "student_number", "student_name"]
    statement = (
        select(Enrolment.student_id, Enrolment.seat_number, Student.student_number, Student.name)
        .join_from(Enrolment, Student, Student.id == Enrolment.student_id)
        .where(Enrolment.school_year == school_year, Enrolment.class_name == class_name)
    )
    rows = sorted(connection.execute(statement), key=lambda row: (row[1] is None, row[1] or 0, row[2]))
    return pd.DataFrame([tuple(row) for row in rows], columns=columns)


def student_by_number(connection: Connection, student_number: str) -> tuple[int, str] | None:
    """Return id and name of the student with a 學號; None where there is none."""
    statement = select(Student.id, Student.name).where(Student.student_number == student_number)
    row = connection.execute(statement).first()
    return None if row is None else (int(row[0]), str(row[1]))


def outcomes_of(connection: Connection, student_id: int) -> pd.DataFrame:
    """Return a student's 課程學習成果, one row each time it was sent, and one (round_id -1) where it never was."""
    columns = [
        "outcome_id",
        "round_id",
        "school_year",
        "semester",
        "subject",
        "class_name",
        "item_number",
        "uploaded_at",
    ]
    statement = (
        select(
            Outcome.id, func.coalesce(Round.id, -1), Outcome.school_year, Outcome.semester, Outcome.subject,
            Outcome.class_name, Outcome.item_number, _us(Outcome.uploaded_at, NEVER),
        )
        .outerjoin_from(Outcome, Round, Round.outcome_id == Outcome.id)
        .where(Outcome.student_id == student_id)
        .order_by(Outcome.id, Round.id)
    )  # fmt: skip
    return pd.DataFrame([tuple(row) for row in connection.execute(statement)], columns=columns)


def performances_of(connection: Connection, student_id: int) -> pd.DataFrame:
    """Return a student's 多元表現."""
    statement = (
        select(Performance.school_year, Performance.category, _us(Performance.uploaded_at, NEVER))
        .where(Performance.student_id == student_id)
        .order_by(Performance.id)
    )
    rows = [tuple(row) for row in connection.execute(statement)]
    return pd.DataFrame(rows, columns=["school_year", "category", "uploaded_at"])
