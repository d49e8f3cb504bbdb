"""The tables: what a school hands in, kept with its natural keys and the import that brought it."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any

from sqlalchemy import BigInteger, Boolean, Date, ForeignKey, Index, Integer, MetaData, String, UniqueConstraint
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
    type_annotation_map = {datetime: Instant, date: Date, str: String, int: Integer, bool: Boolean}  # noqa: RUF012


def _import_id() -> Mapped[int]:
    return mapped_column(ForeignKey("imports.id"), index=True)


# --- how we know ------------------------------------------------------------------------------------------------------


class Import(Base):
    """One file taken in by one run; every fact names the import that brought it."""

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
    """Something a person or the system did. Holds no names of students."""

    __tablename__ = "audit_events"
    id: Mapped[int] = mapped_column(primary_key=True)
    happened_at: Mapped[datetime]
    actor: Mapped[str]
    action: Mapped[str]
    detail: Mapped[str]


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
    __table_args__ = (UniqueConstraint("principal_code", "deputy_code", "deputy_order", "from_on"),)
    id: Mapped[int] = mapped_column(primary_key=True)
    principal_code: Mapped[str]
    deputy_code: Mapped[str]
    deputy_order: Mapped[int]
    from_on: Mapped[date]
    to_on: Mapped[date]
    reason: Mapped[str]
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
    import_id: Mapped[int] = _import_id()


# --- who may look -----------------------------------------------------------------------------------------------------


class User(Base):
    """An account: one role and the scope that goes with it."""

    __tablename__ = "users"
    id: Mapped[int] = mapped_column(primary_key=True)
    username: Mapped[str] = mapped_column(unique=True)
    password_hash: Mapped[str]
    role: Mapped[str]
    staff_code: Mapped[str]
    unit: Mapped[str]
    created_at: Mapped[datetime]
    disabled_at: Mapped[datetime | None]
    failed_count: Mapped[int]
    locked_until: Mapped[datetime | None]


class UserClass(Base):
    """A class in a user's scope: of one school year, since next year's 101 are other children."""

    __tablename__ = "user_classes"
    __table_args__ = (UniqueConstraint("user_id", "school_year", "class_name"),)
    id: Mapped[int] = mapped_column(primary_key=True)
    user_id: Mapped[int] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"), index=True)
    school_year: Mapped[int | None]
    class_name: Mapped[str]


class UserSession(Base):
    """A login: the random id in the cookie is kept only as a hash."""

    __tablename__ = "user_sessions"
    id: Mapped[int] = mapped_column(primary_key=True)
    token_hash: Mapped[str] = mapped_column(unique=True)
    user_id: Mapped[int] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"), index=True)
    created_at: Mapped[datetime]
    seen_at: Mapped[datetime]
