"""查詢教師未認證狀況, the detail: how many items of each student and subject wait, as the platform itself counts them."""

from __future__ import annotations

from data.rosters.checking import WAITING, keep_stated
from data.rosters.kinds import (
    SEMESTER,
    STUDENT,
    STUDENT_NAME,
    YEAR,
    Column,
    Context,
    Counts,
    Kind,
    Rows,
    check_class,
    check_students,
)


def take(rows: Rows, context: Context) -> Counts:
    """Keep the count of a student and subject in a term, to be held against the ledger."""
    check_class(rows, context)
    check_students(rows, context)
    return keep_stated(
        rows, context, what="waiting_by_student", about=("student_number", "subject"), measures=("waiting",)
    )


KIND = Kind(
    key="waiting_by_student",
    title="教師未認證明細",
    order=111,
    columns=(
        YEAR,
        SEMESTER,
        # Not 上課班級: this is the student's own class, and a cross-class group is nobody's.
        Column("class_name", ("班級", "班級名稱"), "class", required=False, blank=True),
        STUDENT,
        STUDENT_NAME,
        Column("subject", ("科目", "科目名稱"), expects="科目名稱"),
        WAITING,
    ),
    take=take,
    ignored=("教師代碼", "教師姓名"),
)
