"""導師與課諮總覽: what each student of a class has uploaded, had certified and selected, as the platform counts."""

from __future__ import annotations

from data.rosters.checking import count_column, keep_stated, read_count
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

MEASURES = ("outcomes", "certified_outcomes", "selected_outcomes", "performances", "selected_performances")


def take(rows: Rows, context: Context) -> Counts:
    """Keep the counts of a student in a term as stated: uploading and selecting are his own choice and never a fault."""
    check_class(rows, context)
    check_students(rows, context)
    return keep_stated(rows, context, what="class_overview", about=("student_number",), measures=MEASURES)


KIND = Kind(
    key="class_overview",
    title="導師總覽",
    order=113,
    columns=(
        YEAR,
        SEMESTER,
        Column("class_name", ("班級", "班級名稱"), "class", required=False, blank=True),
        STUDENT,
        STUDENT_NAME,
        # These two tell it from 勾選情形, which has the columns of what was selected as well.
        Column("outcomes", ("學習成果紀錄", "學習成果紀錄數量", "學習成果數量"), read_count, expects="件數（整數）"),
        Column(
            "certified_outcomes",
            ("學習成果認證", "學習成果認證數量", "學習成果已認證"),
            read_count,
            expects="件數（整數）",
        ),
        count_column("selected_outcomes", "學習成果勾選", "學習成果勾選數量"),
        count_column("performances", "多元表現紀錄", "多元表現紀錄數量", "多元表現數量"),
        count_column("selected_performances", "多元表現勾選", "多元表現勾選數量", "多元學習勾選數量"),
    ),
    take=take,
    ignored=("座號",),
)
