"""Names and dtypes of every frame between the database and the metrics; conform() holds frames to them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import pandas as pd


@dataclass(frozen=True, slots=True)
class SchoolSettings:
    """What a school may set. Empty caps are not set; selection caps are national (補充規定範例 六(一))."""

    school_code: str = ""
    school_name: str = ""
    minimum_response_days: int = 3
    upload_outcome_cap: int | None = None
    upload_performance_cap: int | None = None
    select_outcome_cap: int | None = 6
    select_performance_cap: int | None = 10
    suppression_size: int = 5  # smaller groups are shown to nobody who has not to act for them; never below 5
    audit_retention_years: int = (
        5  # 1 to 10; claims for damages lapse five years after the event (個人資料保護法第 30 條)
    )
    objection_days: int = 5  # school days in which a person may comment on or object to an award case
    second_factor: str = "offered"  # off, offered, or required of administrators and the executive secretary
    password_rules: str = "standard"  # or public_school: 資通系統防護基準, as far as docs/security.md says  # noqa: S105
    keep_originals: bool = False  # the files as handed in; they hold more than is ever read from them


# What queries return. Instants are microseconds of UTC; data.instants.NEVER stands for one that has not come.
STAFF = {"staff_code": "str", "name": "str", "unit": "str"}
CLASSES = {"school_year": "int64", "name": "str", "grade": "int64", "department": "str", "homeroom_code": "str"}
ENROLMENTS = {
    "school_year": "int64", "student_id": "int64", "class_name": "str", "grade": "int64", "department": "str",
    "division": "str", "in_school": "bool", "left_at": "int64", "left_is_dated": "bool",
}  # fmt: skip
SECTIONS = {
    "school_year": "int64", "semester": "int64", "class_name": "str", "subject": "str", "teacher_code": "str", "teacher_name": "str",
}  # fmt: skip
DELEGATIONS = {
    "principal_code": "str",
    "deputy_code": "str",
    "deputy_order": "int64",
    "from_at": "int64",
    "until_at": "int64",
}
WINDOWS = {
    "school_year": "int64", "semester": "int64", "grade": "int64", "task": "str", "starts_at": "int64", "ends_at": "int64",
    "original_ends_at": "int64", "unit": "str",
}  # fmt: skip
ROUNDS = {
    "round_id": "int64", "outcome_id": "int64", "school_year": "int64", "semester": "int64", "student_id": "int64",
    "subject": "str", "teacher_code": "str", "sent_at": "int64", "decided_at": "int64", "completed_at": "int64",
    "certifier_code": "str", "passed": "bool",
}  # fmt: skip
REASSIGNMENTS = {"outcome_id": "int64", "teacher_code": "str", "from_at": "int64"}
EXEMPTIONS = {"round_id": "int64", "from_at": "int64"}
STAFF_UNITS = {"staff_code": "str", "unit": "str", "until_at": "int64"}
ENROLMENT_CHANGES = {"school_year": "int64", "student_id": "int64", "change": "str", "effective_at": "int64"}
UPLOADS = {
    "kind": "str", "school_year": "int64", "semester": "int64", "student_id": "int64", "course_code": "str", "uploaded_at": "int64",
}  # fmt: skip
SELECTIONS = {
    "school_year": "int64", "student_id": "int64", "outcome_count": "float64", "performance_count": "float64", "known_at": "int64",
}  # fmt: skip
RECEIPTS = {
    "school_year": "int64", "kind": "str", "round_number": "int64", "student_id": "int64", "status": "str",
    "acted_at": "int64", "known_at": "int64", "item_count": "float64",
}  # fmt: skip
DISPUTES = {
    "dispute_id": "int64", "school_year": "int64", "kind": "str", "class_name": "str", "student_id": "int64", "raised_at": "int64",
    "answered_at": "int64",
}  # fmt: skip
# student_id -1: the record of a whole class.
REGISTRATIONS = {
    "school_year": "int64", "semester": "int64", "kind": "str", "class_name": "str", "student_id": "int64", "registered_at": "int64",
    "unit": "str",
}  # fmt: skip
SUBMISSIONS = {
    "submission_id": "int64", "school_year": "int64", "semester": "int64", "roster": "str", "batch": "int64", "division": "str",
    "source": "str", "round_number": "int64", "submitted_at": "int64", "unit": "str", "row_count": "int64", "matched_count": "int64",
}  # fmt: skip
# What of a submission belongs to a known student, counted by student, course and term.
SUBMITTED = {
    "submission_id": "int64", "school_year": "int64", "semester": "int64", "student_id": "int64", "course_code": "str",
    "item_count": "int64", "known_at": "int64",
}  # fmt: skip
# The latest comes last. A count about a student names him by id (-1: about nobody), and about keeps what follows his number.
CROSS_CHECKS = {
    "school_year": "int64", "semester": "int64", "what": "str", "about": "str", "measure": "str", "student_id": "int64",
    "stated_count": "int64", "known_at": "int64",
}  # fmt: skip
ABOUT = "|"  # between the parts of what is counted: student number, subject, 上課班級
CHECKS_OF_STUDENTS = ("waiting_by_student", "teacher_overview", "class_overview")
# Every meeting of the working group, cancelled ones as well; held_at: NEVER unless it took place.
MEETINGS = {"term": "int64", "held_at": "int64"}
SCHOOL_DAYS = {"day": "str", "is_school_day": "bool"}  # ISO days that differ from the public calendar
FRAMES: Mapping[str, Mapping[str, str]] = {
    "staff": STAFF, "classes": CLASSES, "enrolments": ENROLMENTS, "sections": SECTIONS, "delegations": DELEGATIONS,
    "windows": WINDOWS, "rounds": ROUNDS, "reassignments": REASSIGNMENTS, "exemptions": EXEMPTIONS, "staff_units": STAFF_UNITS,
    "enrolment_changes": ENROLMENT_CHANGES, "uploads": UPLOADS, "selections": SELECTIONS,
    "receipts": RECEIPTS, "disputes": DISPUTES, "registrations": REGISTRATIONS, "submissions": SUBMISSIONS, "submitted": SUBMITTED,
    "school_days": SCHOOL_DAYS, "meetings": MEETINGS,
    "cross_checks": CROSS_CHECKS,
}  # fmt: skip

# The ledger, one row a duty, sorted by waiting time. Codes index Ledger.labels; -1 is nobody or nothing. kind: of record,
# roster or dispute. unit: in charge of the duty; -1: that of its holder. passed: of certifying, and never a judgement of it.
DUTY = {
    "duty_id": "int64", "stage": "int8", "term": "int32", "item": "int64", "enrolment": "int32", "class": "int32",
    "grade": "int8", "department": "int16", "division": "int8", "subject": "int16", "assigned": "int32", "certifier": "int32",
    "opened_at": "int64", "decided_at": "int64", "done_at": "int64", "due_at": "int64", "original_due_at": "int64",
    "exempt_at": "int64", "exempt_until": "int64", "wait_us": "int64", "kind": "int16", "unit": "int16", "passed": "bool",
}  # fmt: skip


def conform(frame: pd.DataFrame, columns: Mapping[str, str]) -> pd.DataFrame:
    """Return frame with exactly these columns, in order, typed; a query of no rows gives untyped columns otherwise."""
    missing = columns.keys() - set(frame.columns)
    if missing:
        raise ValueError(f"missing columns: {sorted(missing)}")
    return frame.loc[:, list(columns)].astype(dict(columns))


def check(frame: pd.DataFrame, columns: Mapping[str, str]) -> pd.DataFrame:
    """Raise pandera's SchemaError unless frame has exactly these columns and dtypes, none of them null."""
    import pandera.pandas as pa  # takes a second to import, and only checks need it

    schema = pa.DataFrameSchema({name: pa.Column(dtype) for name, dtype in columns.items()}, strict=True, ordered=True)
    return schema.validate(frame)
