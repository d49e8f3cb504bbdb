"""授課教師查詢: what each student of a course has uploaded, had passed and still has waiting, as the platform counts."""

from __future__ import annotations

from data.rosters.checking import WAITING, count_column, keep_stated, read_count
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
    check_students,
)


def take(rows: Rows, context: Context) -> Counts:
    """Keep the counts of a student, subject and 上課班級 in a term, to be held against the ledger.

    What was passed is kept because it is stated; nobody is judged or ranked by it (certifying is not grading).
    """
    check_students(rows, context)
    return keep_stated(
        rows,
        context,
        what="teacher_overview",
        about=("student_number", "subject", "class_name"),
        measures=("uploaded", "passed", "waiting"),
    )


KIND = Kind(
    key="teacher_overview",
    title="授課教師查詢",
    order=112,
    columns=(
        YEAR,
        SEMESTER,
        Column("subject", ("科目名稱", "科目"), expects="科目名稱"),
        Column("class_name", ("上課班級", "修課班級", "開課班級"), "class", expects="上課班級"),
        STUDENT,
        STUDENT_NAME,
        Column("uploaded", ("已上傳數量", "上傳數量", "已上傳數"), read_count, expects="件數（整數）"),
        count_column("passed", "已認證通過", "認證通過數", "已通過數量"),
        WAITING,
    ),
    take=take,
    ignored=("座號",),
)
