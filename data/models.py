"""The tables: what a school hands in, kept with its natural keys and the import that brought it."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Date,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    UniqueConstraint,
    false,
    text,
)
from sqlalchemy.engine import Dialect
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column
from sqlalchemy.types import TypeDecorator

from data.instants import from_us, to_us


class Instant(TypeDecorator[datetime]):
    """An instant, stored as microseconds of UTC so that both databases agree to the digit; aware in Python."""

    impl = BigInteger
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> int | None:
        """Refuse naive values: they are wrong eight hours of twenty-four."""
        return None if value is None else to_us(value.astimezone(UTC) if value.tzinfo else value)

    def process_result_value(self, value: Any, dialect: Dialect) -> datetime | None:
        """Return an aware datetime in Asia/Taipei."""
        return None if value is None else from_us(value)


class Base(DeclarativeBase):
    """Shared metadata; constraint names are fixed so that migrations can name them on both databases."""

    metadata = MetaData(
        naming_convention={
            "ix": "ix_%(table_name)s_%(column_0_N_name)s",
            "uq": "uq_%(table_name)s_%(column_0_N_name)s",
            "fk": "fk_%(table_name)s_%(column_0_name)s_%(referred_table_name)s",
            "pk": "pk_%(table_name)s",
        }
    )
    type_annotation_map = {  # noqa: RUF012
        datetime: Instant, date: Date, str: String, int: Integer, bool: Boolean, bytes: LargeBinary,
    }  # fmt: skip


def _import_id() -> Mapped[int]:
    return mapped_column(ForeignKey("imports.id"), index=True)


def _by_hand() -> Mapped[bool]:
    """Entered by a person, not by a file: a layer of its own that no import touches and that can be taken back."""
    return mapped_column(Boolean, server_default=false(), default=False)


# --- how we know ------------------------------------------------------------------------------------------------------


class Import(Base):
    """One table of a file taken in by one run (batch), or one entry by hand; every fact names the import that brought it.

    state is kept or undone; an undone import has left no fact behind. headings: JSON, which heading stood for which column
    and which were unknown, so that the next export of the kind can be compared. data_version: the one it left behind.
    """

    __tablename__ = "imports"
    id: Mapped[int] = mapped_column(primary_key=True)
    batch_id: Mapped[str] = mapped_column(index=True)
    file_name: Mapped[str]
    sha256: Mapped[str] = mapped_column(index=True)
    kind: Mapped[str]
    term: Mapped[str]
    row_count: Mapped[int]
    new_count: Mapped[int]
    changed_count: Mapped[int]
    unchanged_count: Mapped[int]
    rejected_count: Mapped[int]
    warnings: Mapped[str]
    imported_at: Mapped[datetime]
    imported_by: Mapped[str]
    sheet: Mapped[str] = mapped_column(server_default=text("''"), default="")
    headings: Mapped[str] = mapped_column(server_default=text("''"), default="")
    data_version: Mapped[int | None]
    state: Mapped[str] = mapped_column(server_default="kept", default="kept")
    undone_at: Mapped[datetime | None]
    undone_by: Mapped[str] = mapped_column(server_default=text("''"), default="")


class ImportRows(Base):
    """Which rows, already there, an import spoke of (relied: only counted on), as packed ids: what undo must respect."""

    __tablename__ = "import_rows"
    id: Mapped[int] = mapped_column(primary_key=True)
    import_id: Mapped[int] = _import_id()
    table_name: Mapped[str]
    relied: Mapped[bool]
    row_ids: Mapped[bytes]


class ImportChange(Base):
    """What an import changed in a row that was there before: the history that nothing overwrites."""

    __tablename__ = "import_changes"
    id: Mapped[int] = mapped_column(primary_key=True)
    import_id: Mapped[int] = _import_id()
    table_name: Mapped[str]
    row_id: Mapped[int]
    column_name: Mapped[str]
    old_value: Mapped[str | None]
    new_value: Mapped[str | None]


class HeadingMapping(Base):
    """A heading that a person confirmed to mean a column of a kind, remembered for the platform that uses it."""

    __tablename__ = "heading_mappings"
    __table_args__ = (UniqueConstraint("kind", "heading"),)
    id: Mapped[int] = mapped_column(primary_key=True)
    kind: Mapped[str]
    heading: Mapped[str]
    column_name: Mapped[str]
    confirmed_at: Mapped[datetime]
    confirmed_by: Mapped[str]


class Job(Base):
    """A hand-in that waits, runs or is done (data.jobs says its states); its files lie in folder until it ends.

    options, plan: JSON. heartbeat_at: the worker's last sign of life; a job without one for a while is taken up again.
    """

    __tablename__ = "jobs"
    id: Mapped[int] = mapped_column(primary_key=True)
    token: Mapped[str] = mapped_column(unique=True)
    state: Mapped[str] = mapped_column(index=True)
    source: Mapped[str]
    folder: Mapped[str]
    options: Mapped[str]
    plan: Mapped[str]
    batch_id: Mapped[str]
    error: Mapped[str]
    created_at: Mapped[datetime]
    created_by: Mapped[str]
    heartbeat_at: Mapped[datetime | None]
    finished_at: Mapped[datetime | None]


class DataVersion(Base):
    """One row: a number that every committed write raises."""

    __tablename__ = "data_versions"
    id: Mapped[int] = mapped_column(primary_key=True)
    version: Mapped[int]


class Setting(Base):
    """One of the school's settings (data.school.SchoolSettings says which and their defaults)."""

    __tablename__ = "settings"
    key: Mapped[str] = mapped_column(primary_key=True)
    value: Mapped[str]


class AuditEvent(Base):
    """Something a person or the system did. Holds no names; only grows, by data.audit alone (triggers refuse the rest).

    actor: an account's name. about: `kind:code` of whom or what. sequence, previous_hash, hash: its place in the chain.
    """

    __tablename__ = "audit_events"
    id: Mapped[int] = mapped_column(primary_key=True)
    happened_at: Mapped[datetime] = mapped_column(index=True)
    actor: Mapped[str]
    action: Mapped[str]
    detail: Mapped[str]
    sequence: Mapped[int] = mapped_column(unique=True)
    about: Mapped[str] = mapped_column(server_default=text("''"), default="", index=True)
    previous_hash: Mapped[str] = mapped_column(server_default=text("''"), default="")
    hash: Mapped[str] = mapped_column(server_default=text("''"), default="")


class AuditRefusal(Base):
    """A row or file that was refused, and why; the facts hold nothing of it."""

    __tablename__ = "audit_refusals"
    id: Mapped[int] = mapped_column(primary_key=True)
    batch_id: Mapped[str] = mapped_column(index=True)
    refused_at: Mapped[datetime]
    file_name: Mapped[str]
    row_number: Mapped[int | None]
    column_name: Mapped[str | None]
    value: Mapped[str | None]
    message: Mapped[str]


class AuditRejectedRow(Base):
    """A row that was refused, kept to be downloaded and mended: no 身分證號, no birth date, else as handed in (JSON)."""

    __tablename__ = "audit_rejected_rows"
    id: Mapped[int] = mapped_column(primary_key=True)
    batch_id: Mapped[str] = mapped_column(index=True)
    file_name: Mapped[str]
    sheet: Mapped[str]
    kind: Mapped[str]
    row_number: Mapped[int]
    cells: Mapped[str]
    reasons: Mapped[str]


# --- who and where ----------------------------------------------------------------------------------------------------


class Staff(Base):
    """A member of staff, by 教師代碼."""

    __tablename__ = "staff"
    id: Mapped[int] = mapped_column(primary_key=True)
    staff_code: Mapped[str] = mapped_column(unique=True)
    name: Mapped[str]
    unit: Mapped[str]
    email: Mapped[str]
    import_id: Mapped[int] = _import_id()


class StaffUnit(Base):
    """The 處室 a member of staff belonged to until until_at; staff.unit is the present one."""

    __tablename__ = "staff_units"
    id: Mapped[int] = mapped_column(primary_key=True)
    staff_code: Mapped[str] = mapped_column(index=True)
    unit: Mapped[str]
    until_at: Mapped[datetime]
    import_id: Mapped[int] = _import_id()


class StaffChange(Base):
    """A 職員異動: who came, left or went on leave, from when to when."""

    __tablename__ = "staff_changes"
    __table_args__ = (UniqueConstraint("staff_code", "change", "from_on"),)
    id: Mapped[int] = mapped_column(primary_key=True)
    staff_code: Mapped[str]
    change: Mapped[str]
    from_on: Mapped[date]
    to_on: Mapped[date | None]
    unit: Mapped[str]
    note: Mapped[str]
    import_id: Mapped[int] = _import_id()


class SchoolClass(Base):
    """A class: its name comes back every year, so the year belongs to the key."""

    __tablename__ = "classes"
    __table_args__ = (UniqueConstraint("school_year", "name"),)
    id: Mapped[int] = mapped_column(primary_key=True)
    school_year: Mapped[int]
    name: Mapped[str]
    grade: Mapped[int]
    department: Mapped[str]
    homeroom_code: Mapped[str]
    import_id: Mapped[int] = _import_id()


class Student(Base):
    """A student, by 學號. 身分證號 exists here only as a keyed hash."""

    __tablename__ = "students"
    id: Mapped[int] = mapped_column(primary_key=True)
    student_number: Mapped[str] = mapped_column(unique=True)
    name: Mapped[str]
    id_number_hash: Mapped[str | None] = mapped_column(index=True)
    import_id: Mapped[int] = _import_id()


class Enrolment(Base):
    """A student in a school year: class, seat and whether in the school.

    left_at is the day 學籍異動日期 names, else the time of the import that first said so (left_is_dated tells which).
    """

    __tablename__ = "enrolments"
    __table_args__ = (UniqueConstraint("school_year", "student_id"),)
    id: Mapped[int] = mapped_column(primary_key=True)
    school_year: Mapped[int]
    student_id: Mapped[int] = mapped_column(ForeignKey("students.id"), index=True)
    class_name: Mapped[str]
    grade: Mapped[int]
    seat_number: Mapped[int | None]
    department: Mapped[str]
    department_code: Mapped[str]
    division: Mapped[str]
    status: Mapped[str]
    left_at: Mapped[datetime | None]
    left_is_dated: Mapped[bool]
    import_id: Mapped[int] = _import_id()


class EnrolmentChange(Base):
    """A 學籍異動 of a student in a school year: transfer_in, transfer_out, suspend, resume, repeat, lend, withdraw, graduate."""

    __tablename__ = "enrolment_changes"
    __table_args__ = (UniqueConstraint("school_year", "student_id", "change", "effective_at"),)
    id: Mapped[int] = mapped_column(primary_key=True)
    school_year: Mapped[int]
    student_id: Mapped[int] = mapped_column(ForeignKey("students.id"), index=True)
    change: Mapped[str]
    effective_at: Mapped[datetime]
    class_name: Mapped[str]
    note: Mapped[str]
    import_id: Mapped[int] = _import_id()


class Section(Base):
    """A course section of a term with one of its teachers."""

    __tablename__ = "sections"
    __table_args__ = (
        UniqueConstraint("school_year", "semester", "course_code", "class_name", "subject", "teacher_code"),
    )
    id: Mapped[int] = mapped_column(primary_key=True)
    school_year: Mapped[int]
    semester: Mapped[int]
    course_code: Mapped[str]
    class_name: Mapped[str]
    subject: Mapped[str]
    teacher_code: Mapped[str]
    teacher_name: Mapped[str]
    import_id: Mapped[int] = _import_id()


class Delegation(Base):
    """A deputy (代理人) of a teacher, in order, for whole days from from_on to to_on."""

    __tablename__ = "delegations"
    __table_args__ = (
        UniqueConstraint(
            "principal_code", "deputy_code", "deputy_order", "from_on", "by_hand", name="uq_delegations_natural_key"
        ),
    )
    id: Mapped[int] = mapped_column(primary_key=True)
    principal_code: Mapped[str]
    deputy_code: Mapped[str]
    deputy_order: Mapped[int]
    from_on: Mapped[date]
    to_on: Mapped[date]
    reason: Mapped[str]
    by_hand: Mapped[bool] = _by_hand()
    import_id: Mapped[int] = _import_id()


# --- what is due ------------------------------------------------------------------------------------------------------


class Window(Base):
    """A window [starts_at, ends_at) of a term, grade and task; original_ends_at is the first end ever announced."""

    __tablename__ = "windows"
    __table_args__ = (UniqueConstraint("school_year", "semester", "grade", "task"),)
    id: Mapped[int] = mapped_column(primary_key=True)
    school_year: Mapped[int]
    semester: Mapped[int]
    grade: Mapped[int]
    task: Mapped[str]
    starts_at: Mapped[datetime]
    ends_at: Mapped[datetime]
    original_ends_at: Mapped[datetime]
    unit: Mapped[str]
    self_check_from_at: Mapped[datetime | None]
    self_check_to_at: Mapped[datetime | None]
    published_at: Mapped[datetime | None]
    published_where: Mapped[str] = mapped_column(server_default=text("''"), default="")
    import_id: Mapped[int] = _import_id()


class SchoolDay(Base):
    """A day that differs from the public calendar: 停課 or 補課 (行事曆)."""

    __tablename__ = "school_days"
    id: Mapped[int] = mapped_column(primary_key=True)
    day: Mapped[date] = mapped_column(unique=True)
    is_school_day: Mapped[bool]
    note: Mapped[str]
    import_id: Mapped[int] = _import_id()


# --- what happened ----------------------------------------------------------------------------------------------------


class Outcome(Base):
    """An uploaded 課程學習成果. teacher_code is the first one known; changes of staff are in reassignments."""

    __tablename__ = "outcomes"
    __table_args__ = (
        UniqueConstraint(
            "school_year", "semester", "student_id", "course_code", "subject", "class_name", "item_number",
            name="uq_outcomes_natural_key",
        ),
    )  # fmt: skip
    id: Mapped[int] = mapped_column(primary_key=True)
    school_year: Mapped[int]
    semester: Mapped[int]
    student_id: Mapped[int] = mapped_column(ForeignKey("students.id"), index=True)
    course_code: Mapped[str]
    subject: Mapped[str]
    class_name: Mapped[str]
    item_number: Mapped[str]
    uploaded_at: Mapped[datetime | None]
    teacher_code: Mapped[str]
    import_id: Mapped[int] = _import_id()


class Reassignment(Base):
    """Another teacher answers for an outcome from from_at on; who held it before stays known."""

    __tablename__ = "reassignments"
    id: Mapped[int] = mapped_column(primary_key=True)
    outcome_id: Mapped[int] = mapped_column(ForeignKey("outcomes.id"), index=True)
    teacher_code: Mapped[str]
    from_at: Mapped[datetime]
    reason: Mapped[str] = mapped_column(server_default=text("''"), default="")
    by_hand: Mapped[bool] = _by_hand()
    import_id: Mapped[int] = _import_id()


class Round(Base):
    """One sending of an outcome for certification.

    decision is passed, failed or empty; completed_at is the first 認證日期 seen together with the release to the
    student and never changes; decided_at is the latest one said.
    """

    __tablename__ = "certification_rounds"
    __table_args__ = (Index("ix_certification_rounds_outcome_id", "outcome_id"),)
    id: Mapped[int] = mapped_column(primary_key=True)
    outcome_id: Mapped[int] = mapped_column(ForeignKey("outcomes.id"))
    sent_at: Mapped[datetime]
    decision: Mapped[str]
    decided_at: Mapped[datetime | None]
    released: Mapped[bool]
    completed_at: Mapped[datetime | None]
    reason: Mapped[str]
    certifier_code: Mapped[str]
    import_id: Mapped[int] = _import_id()


class Exemption(Base):
    """A sending that need not be certified from from_at on, with the reason; only ever by hand."""

    __tablename__ = "exemptions"
    id: Mapped[int] = mapped_column(primary_key=True)
    round_id: Mapped[int] = mapped_column(ForeignKey("certification_rounds.id"), index=True)
    from_at: Mapped[datetime]
    reason: Mapped[str]
    by_hand: Mapped[bool] = _by_hand()
    import_id: Mapped[int] = _import_id()


class ExternalItem(Base):
    """An item certified at another school (歷程交換): outside this school's denominators."""

    __tablename__ = "external_items"
    __table_args__ = (UniqueConstraint("student_id", "item_key"),)
    id: Mapped[int] = mapped_column(primary_key=True)
    student_id: Mapped[int] = mapped_column(ForeignKey("students.id"), index=True)
    item_key: Mapped[str]
    school_code: Mapped[str]
    school_year: Mapped[int]
    semester: Mapped[int]
    course_code: Mapped[str]
    subject: Mapped[str]
    status: Mapped[str]
    import_id: Mapped[int] = _import_id()


class Registration(Base):
    """That a record of a class or student exists: kind enrolment, grades, position or counselling; no marks are stored.

    registered_at is the first date said; without one, the time of the import that first carried it.
    """

    __tablename__ = "registrations"
    __table_args__ = (
        UniqueConstraint(
            "school_year", "semester", "kind", "class_name", "student_id", "item_key", "by_hand",
            name="uq_registrations_natural_key",
        ),
    )  # fmt: skip
    id: Mapped[int] = mapped_column(primary_key=True)
    school_year: Mapped[int]
    semester: Mapped[int]
    kind: Mapped[str]
    class_name: Mapped[str]
    student_id: Mapped[int | None] = mapped_column(ForeignKey("students.id"), index=True)
    item_key: Mapped[str]
    registered_at: Mapped[datetime]
    unit: Mapped[str]
    by_hand: Mapped[bool] = _by_hand()
    import_id: Mapped[int] = _import_id()


class Submission(Base):
    """A roster as handed to, or held by, the national database.

    roster: students, grades, outcomes, positions or performances. batch: 0, or 1 and 2 for 高三 梯次. source: school (our own
    workbook), central (its dump) or receipt (收訖明細, with round_number from 1). submitted_at: the first time known.
    content_sha256: of a 收訖明細's persons and items, by which the same file again is told from a corrected one.
    """

    __tablename__ = "submissions"
    __table_args__ = (
        UniqueConstraint(
            "school_year", "semester", "roster", "batch", "division", "source", "round_number", "by_hand",
            name="uq_submissions_natural_key",
        ),
    )  # fmt: skip
    id: Mapped[int] = mapped_column(primary_key=True)
    school_year: Mapped[int]
    semester: Mapped[int]
    roster: Mapped[str]
    batch: Mapped[int]
    division: Mapped[str]
    source: Mapped[str]
    round_number: Mapped[int]
    submitted_at: Mapped[datetime]
    unit: Mapped[str]
    content_sha256: Mapped[str] = mapped_column(server_default=text("''"), default="")
    by_hand: Mapped[bool] = _by_hand()
    import_id: Mapped[int] = _import_id()


class SubmissionSheet(Base):
    """How many rows a sheet of a submission has, and how many of them belong to a known student."""

    __tablename__ = "submission_sheets"
    __table_args__ = (UniqueConstraint("submission_id", "sheet"),)
    id: Mapped[int] = mapped_column(primary_key=True)
    submission_id: Mapped[int] = mapped_column(ForeignKey("submissions.id"), index=True)
    sheet: Mapped[str]
    row_count: Mapped[int]
    matched_count: Mapped[int]
    import_id: Mapped[int] = _import_id()


class SubmittedItem(Base):
    """A row of a submission that was matched to a student by the hash of 身分證號; ordinal tells equal rows apart."""

    __tablename__ = "submitted_items"
    __table_args__ = (
        UniqueConstraint(
            "submission_id", "sheet", "student_id", "course_code", "subject", "semester", "ordinal",
            name="uq_submitted_items_natural_key",
        ),
    )  # fmt: skip
    id: Mapped[int] = mapped_column(primary_key=True)
    submission_id: Mapped[int] = mapped_column(ForeignKey("submissions.id"))
    sheet: Mapped[str]
    student_id: Mapped[int] = mapped_column(ForeignKey("students.id"), index=True)
    course_code: Mapped[str]
    subject: Mapped[str]
    semester: Mapped[int]
    ordinal: Mapped[int]
    import_id: Mapped[int] = _import_id()


class Performance(Base):
    """An uploaded 多元表現; item_key is its 序號 where given, else category and time."""

    __tablename__ = "performances"
    __table_args__ = (UniqueConstraint("school_year", "student_id", "item_key"),)
    id: Mapped[int] = mapped_column(primary_key=True)
    school_year: Mapped[int]
    student_id: Mapped[int] = mapped_column(ForeignKey("students.id"), index=True)
    item_key: Mapped[str]
    category: Mapped[str]
    uploaded_at: Mapped[datetime | None]
    import_id: Mapped[int] = _import_id()


class Selection(Base):
    """How many items a student had selected, as known from known_at on; a later count is a further row."""

    __tablename__ = "selections"
    __table_args__ = (Index("ix_selections_school_year_student_id", "school_year", "student_id"),)
    id: Mapped[int] = mapped_column(primary_key=True)
    school_year: Mapped[int]
    student_id: Mapped[int] = mapped_column(ForeignKey("students.id"))
    outcome_count: Mapped[int | None]
    performance_count: Mapped[int | None]
    known_at: Mapped[datetime]
    import_id: Mapped[int] = _import_id()


class Receipt(Base):
    """A student's answer to 收訖明細 in a round (kind `all` where the list has no kinds); the latest round counts."""

    __tablename__ = "receipts"
    __table_args__ = (UniqueConstraint("school_year", "kind", "round_number", "student_id"),)
    id: Mapped[int] = mapped_column(primary_key=True)
    school_year: Mapped[int]
    kind: Mapped[str]
    round_number: Mapped[int]
    student_id: Mapped[int] = mapped_column(ForeignKey("students.id"), index=True)
    status: Mapped[str]
    acted_at: Mapped[datetime | None]
    item_count: Mapped[int | None]
    import_id: Mapped[int] = _import_id()


class Dispute(Base):
    """A 收訖問題回報 by 單號; answered_at is the time of the import in which its 答覆 was first seen."""

    __tablename__ = "disputes"
    __table_args__ = (UniqueConstraint("school_year", "number"),)
    id: Mapped[int] = mapped_column(primary_key=True)
    school_year: Mapped[int]
    number: Mapped[str]
    kind: Mapped[str]
    category: Mapped[str]
    class_name: Mapped[str]
    student_id: Mapped[int | None] = mapped_column(ForeignKey("students.id"), index=True)
    error_kind: Mapped[str]
    description: Mapped[str]
    raised_at: Mapped[datetime]
    answer: Mapped[str]
    answered_at: Mapped[datetime | None]
    import_id: Mapped[int] = _import_id()


class TrainingSession(Base):
    """A 宣導說明, 系統操作訓練 or 專業研習 held for an audience (補充規定範例 十)."""

    __tablename__ = "training_sessions"
    __table_args__ = (UniqueConstraint("school_year", "kind", "audience", "held_at", "title", "by_hand"),)
    id: Mapped[int] = mapped_column(primary_key=True)
    school_year: Mapped[int]
    kind: Mapped[str]
    audience: Mapped[str]
    held_at: Mapped[datetime]
    title: Mapped[str]
    unit: Mapped[str]
    attendee_count: Mapped[int | None]
    by_hand: Mapped[bool] = _by_hand()
    import_id: Mapped[int] = _import_id()


class CrossCheck(Base):
    """A count that a platform's own screen states, kept to be held against ours: append-only, the latest counts.

    what: the list (waiting_by_teacher, waiting_by_student, teacher_overview, class_overview, receipt_counts). about: whom or
    what it counts, as a key. measure: the counted thing.
    """

    __tablename__ = "cross_checks"
    __table_args__ = (Index("ix_cross_checks_what_school_year", "what", "school_year"),)
    id: Mapped[int] = mapped_column(primary_key=True)
    school_year: Mapped[int]
    semester: Mapped[int]
    what: Mapped[str]
    about: Mapped[str]
    measure: Mapped[str]
    stated_count: Mapped[int]
    known_at: Mapped[datetime]
    import_id: Mapped[int] = _import_id()


class FrozenPack(Base):
    """An edition of a meeting's evidence as it was frozen; triggers refuse to change or remove it. sha256: of content, a zip."""

    __tablename__ = "frozen_packs"
    id: Mapped[int] = mapped_column(primary_key=True)
    term: Mapped[int] = mapped_column(index=True)
    as_of: Mapped[datetime]
    edition: Mapped[str]
    made_at: Mapped[datetime]
    made_by: Mapped[str]
    sha256: Mapped[str]
    size: Mapped[int]
    content: Mapped[bytes]


# --- the working group ------------------------------------------------------------------------------------------------


class Meeting(Base):
    """A meeting of the working group, planned, held or cancelled (data.meetings says what follows from which).

    held_at: the planned instant, and when it took place once it has. quorum: how many members must be present.
    """

    __tablename__ = "meetings"
    id: Mapped[int] = mapped_column(primary_key=True)
    term: Mapped[int] = mapped_column(index=True)
    held_at: Mapped[datetime]
    place: Mapped[str]
    state: Mapped[str]
    convener: Mapped[str]
    quorum: Mapped[int]
    note: Mapped[str]
    created_at: Mapped[datetime]
    created_by: Mapped[str]


class MeetingMember(Base):
    """A seat at a meeting, by title: parents and students sit in the group without a name. username: the account, if any."""

    __tablename__ = "meeting_members"
    id: Mapped[int] = mapped_column(primary_key=True)
    meeting_id: Mapped[int] = mapped_column(ForeignKey("meetings.id"), index=True)
    kind: Mapped[str]
    title: Mapped[str]
    username: Mapped[str]
    attendance: Mapped[str]


class AgendaItem(Base):
    """Something a meeting takes up. matter: which of the six of 補充規定範例 三 it belongs to, 1 to 6."""

    __tablename__ = "agenda_items"
    id: Mapped[int] = mapped_column(primary_key=True)
    meeting_id: Mapped[int] = mapped_column(ForeignKey("meetings.id"), index=True)
    position: Mapped[int]
    matter: Mapped[int]
    title: Mapped[str]
    note: Mapped[str]


class Resolution(Base):
    """What a meeting resolved, who answers for it and until which day; its state is that of its last event."""

    __tablename__ = "resolutions"
    id: Mapped[int] = mapped_column(primary_key=True)
    meeting_id: Mapped[int] = mapped_column(ForeignKey("meetings.id"), index=True)
    number: Mapped[str] = mapped_column(unique=True)
    text: Mapped[str]
    responsible: Mapped[str]
    due_on: Mapped[date | None]


class ResolutionEvent(Base):
    """A resolution went from one state to another, and why; triggers refuse to change or remove a row."""

    __tablename__ = "resolution_events"
    id: Mapped[int] = mapped_column(primary_key=True)
    resolution_id: Mapped[int] = mapped_column(ForeignKey("resolutions.id"), index=True)
    happened_at: Mapped[datetime]
    made_by: Mapped[str]
    from_state: Mapped[str]
    to_state: Mapped[str]
    reason: Mapped[str]


# --- judgement --------------------------------------------------------------------------------------------------------


class AwardCriterion(Base):
    """A version of the school's own award criterion; triggers refuse to change or remove it (data.awards.criteria).

    series: what the versions of one criterion share. condition_count: how many conditions it was written with; a trigger
    takes no more. quota: the most proposals under it, if set.
    """

    __tablename__ = "award_criteria"
    __table_args__ = (
        UniqueConstraint("series", "version"),
        CheckConstraint("audience IN ('certifier', 'deputy', 'unit')", name="ck_award_criteria_audience"),
        CheckConstraint("period IN ('term', 'school_year')", name="ck_award_criteria_period"),
        CheckConstraint("minimum_count >= 1 AND condition_count >= 1", name="ck_award_criteria_counts"),
    )
    id: Mapped[int] = mapped_column(primary_key=True)
    series: Mapped[int]
    version: Mapped[int]
    name: Mapped[str]
    audience: Mapped[str]
    minimum_count: Mapped[int]
    condition_count: Mapped[int]
    period: Mapped[str]
    grade: Mapped[str]
    quota: Mapped[int | None]
    valid_from: Mapped[date]
    valid_until: Mapped[date | None]
    is_example: Mapped[bool]
    created_at: Mapped[datetime]
    created_by: Mapped[str]


class AwardCondition(Base):
    """A figure of a duty stage and its bound, in thousandths. The database itself takes no voluntary stage and no pass rate."""

    __tablename__ = "award_conditions"
    __table_args__ = (
        UniqueConstraint("criterion_id", "stage", "measure"),
        CheckConstraint("stage IN ('certify', 'submit', 'register', 'confirm')", name="ck_award_conditions_stage"),
        CheckConstraint(
            "(measure IN ('timeliness', 'completion', 'due_so_far') AND comparator = 'ge' AND threshold BETWEEN 0 AND 1000)"
            " OR (measure IN ('wait_median_days', 'wait_p90_days', 'overdue') AND comparator = 'le' AND threshold >= 0)",
            name="ck_award_conditions_measure",
        ),
    )
    id: Mapped[int] = mapped_column(primary_key=True)
    criterion_id: Mapped[int] = mapped_column(ForeignKey("award_criteria.id"), index=True)
    stage: Mapped[str]
    measure: Mapped[str]
    comparator: Mapped[str]
    threshold: Mapped[int]


class AwardAdoption(Base):
    """That a resolution took a criterion into use (adopted) or out of it (ended); only grows."""

    __tablename__ = "award_adoptions"
    __table_args__ = (
        UniqueConstraint("criterion_id", "ruling"),
        CheckConstraint("ruling IN ('adopted', 'ended')", name="ck_award_adoptions_ruling"),
    )
    id: Mapped[int] = mapped_column(primary_key=True)
    criterion_id: Mapped[int] = mapped_column(ForeignKey("award_criteria.id"), index=True)
    ruling: Mapped[str]
    resolution_id: Mapped[int] = mapped_column(ForeignKey("resolutions.id"), index=True)
    happened_at: Mapped[datetime]
    made_by: Mapped[str]


class AwardCase(Base):
    """An award case for one person; triggers refuse to change or remove it, and its state is that of its steps.

    subject: the code of the person or the unit whose figures it rests on. facts: in words, of a case by hand (no criterion).
    """

    __tablename__ = "award_cases"
    id: Mapped[int] = mapped_column(primary_key=True)
    criterion_id: Mapped[int | None] = mapped_column(ForeignKey("award_criteria.id"), index=True)
    subject: Mapped[str]
    staff_code: Mapped[str] = mapped_column(index=True)
    term: Mapped[int] = mapped_column(index=True)
    as_of: Mapped[datetime | None]
    grade: Mapped[str]
    facts: Mapped[str]


class AwardStep(Base):
    """A step of a case, by whom, in which role and why; only grows, and a trigger refuses whom the rules refuse.

    position: 1, 2, 3 … within the case, so that of two at once one fails. until_at: of a proposal, the end of the time to object.
    """

    __tablename__ = "award_steps"
    __table_args__ = (
        UniqueConstraint("case_id", "position"),
        CheckConstraint(
            "kind IN ('drafted', 'proposed', 'commented', 'objected', 'agreed', 'assessed', 'approved', 'declined', 'withdrawn')",
            name="ck_award_steps_kind",
        ),
    )
    id: Mapped[int] = mapped_column(primary_key=True)
    case_id: Mapped[int] = mapped_column(ForeignKey("award_cases.id"), index=True)
    position: Mapped[int]
    kind: Mapped[str]
    happened_at: Mapped[datetime]
    made_by: Mapped[str]
    staff_code: Mapped[str]
    role: Mapped[str]
    reason: Mapped[str]
    resolution_id: Mapped[int | None] = mapped_column(ForeignKey("resolutions.id"), index=True)
    until_at: Mapped[datetime | None]


class AwardEvidence(Base):
    """What a case rests on, frozen at its proposal as canonical JSON; triggers refuse to change or remove it."""

    __tablename__ = "award_evidence"
    case_id: Mapped[int] = mapped_column(ForeignKey("award_cases.id"), primary_key=True)
    frozen_at: Mapped[datetime]
    sha256: Mapped[str]
    content: Mapped[str]


# --- who may look -----------------------------------------------------------------------------------------------------


class User(Base):
    """An account: whose it is (staff_code, where the person is on the staff roster). Its roles are its grants."""

    __tablename__ = "users"
    id: Mapped[int] = mapped_column(primary_key=True)
    username: Mapped[str] = mapped_column(unique=True)
    password_hash: Mapped[str]
    staff_code: Mapped[str]
    created_at: Mapped[datetime]
    disabled_at: Mapped[datetime | None]
    failed_count: Mapped[int]
    locked_until: Mapped[datetime | None]
    must_change_password: Mapped[bool] = mapped_column(Boolean, server_default=false(), default=False)


class Grant(Base):
    """A role that an account holds, for whole days from starts_on to ends_on (open where empty); never changed, only revoked.

    delegated_from_id: the grant of the person who is away and for whom this one is held: it ends when that one does.
    """

    __tablename__ = "grants"
    id: Mapped[int] = mapped_column(primary_key=True)
    user_id: Mapped[int] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"), index=True)
    role: Mapped[str]
    unit: Mapped[str]
    starts_on: Mapped[date]
    ends_on: Mapped[date | None]
    delegated_from_id: Mapped[int | None] = mapped_column(ForeignKey("grants.id", ondelete="CASCADE"))
    reason: Mapped[str]
    granted_by: Mapped[str]
    granted_at: Mapped[datetime]
    revoked_by: Mapped[str]
    revoked_at: Mapped[datetime | None]


class GrantClass(Base):
    """A class in a grant's scope: of one school year, since next year's 101 are other children."""

    __tablename__ = "grant_classes"
    __table_args__ = (UniqueConstraint("grant_id", "school_year", "class_name"),)
    id: Mapped[int] = mapped_column(primary_key=True)
    grant_id: Mapped[int] = mapped_column(ForeignKey("grants.id", ondelete="CASCADE"))
    school_year: Mapped[int | None]
    class_name: Mapped[str]


class UserSession(Base):
    """A login, and the one role it acts in: the random id in the cookie is kept only as a hash. browser: its kind, for people to know it again."""

    __tablename__ = "user_sessions"
    id: Mapped[int] = mapped_column(primary_key=True)
    token_hash: Mapped[str] = mapped_column(unique=True)
    user_id: Mapped[int] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"), index=True)
    grant_id: Mapped[int] = mapped_column(ForeignKey("grants.id", ondelete="CASCADE"), index=True)
    created_at: Mapped[datetime]
    seen_at: Mapped[datetime]
    browser: Mapped[str] = mapped_column(server_default=text("''"), default="")
    by_provider: Mapped[bool] = mapped_column(Boolean, server_default=false(), default=False)


class LoginLink(Base):
    """A link by which a person sets the own password, once and until expires_at; its secret is kept only as a hash."""

    __tablename__ = "login_links"
    id: Mapped[int] = mapped_column(primary_key=True)
    user_id: Mapped[int] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"), index=True)
    token_hash: Mapped[str] = mapped_column(unique=True)
    expires_at: Mapped[datetime]


class SecondFactor(Base):
    """The secret that an authenticator shares with an account, encrypted with a key that is not in the database.

    confirmed_at: empty until a first code showed that the authenticator has it. last_step: of the last code that was taken,
    in steps of 30 seconds since 1970; no code of it or before is taken again.
    """

    __tablename__ = "second_factors"
    id: Mapped[int] = mapped_column(primary_key=True)
    user_id: Mapped[int] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"), unique=True)
    secret: Mapped[str]
    made_at: Mapped[datetime]
    confirmed_at: Mapped[datetime | None]
    last_step: Mapped[int]


class RecoveryCode(Base):
    """A code for whoever lost the authenticator, good once: a used one is deleted. Kept as a keyed hash."""

    __tablename__ = "recovery_codes"
    __table_args__ = (UniqueConstraint("user_id", "code_hash"),)
    id: Mapped[int] = mapped_column(primary_key=True)
    user_id: Mapped[int] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"))
    code_hash: Mapped[str]


class PendingLogin(Base):
    """A login whose password was right and whose code is still to come: it opens nothing. password_mark: of that password."""

    __tablename__ = "pending_logins"
    id: Mapped[int] = mapped_column(primary_key=True)
    user_id: Mapped[int] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"), index=True)
    token_hash: Mapped[str] = mapped_column(unique=True)
    password_mark: Mapped[str]
    expires_at: Mapped[datetime]


class Identity(Base):
    """Who an account is at the school's single sign-on: the provider's own id of the person, never a name or an address."""

    __tablename__ = "identities"
    __table_args__ = (UniqueConstraint("issuer", "subject"), UniqueConstraint("user_id", "issuer"))
    id: Mapped[int] = mapped_column(primary_key=True)
    user_id: Mapped[int] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"))
    issuer: Mapped[str]
    subject: Mapped[str]
    linked_at: Mapped[datetime]


class Notice(Base):
    """A reminder to a member of staff: made once for a mark of the rule (data.reminding), written anew at the moment of sending.

    item_count, overdue_count: of what it said when it was last written. reply: the mail server's code and words, no address.
    """

    __tablename__ = "notices"
    __table_args__ = (UniqueConstraint("person_code", "mark_on"),)
    id: Mapped[int] = mapped_column(primary_key=True)
    person_code: Mapped[str]
    mark_on: Mapped[date]
    made_at: Mapped[datetime]
    state: Mapped[str]
    item_count: Mapped[int]
    overdue_count: Mapped[int]
    tries: Mapped[int]
    next_try_at: Mapped[datetime]
    ended_at: Mapped[datetime | None]
    reply: Mapped[str]


class LoginFailure(Base):
    """A failed login of the last quarter of an hour, by a keyed hash of the address it came from."""

    __tablename__ = "login_failures"
    __table_args__ = (Index(None, "address_hash", "failed_at"),)
    id: Mapped[int] = mapped_column(primary_key=True)
    address_hash: Mapped[str]
    failed_at: Mapped[datetime]
