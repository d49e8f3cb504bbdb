"""校內幹部名單: that a student's position (幹部) of a term is registered."""

from __future__ import annotations

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
    drop_repeats,
)
from data.rosters.registrations import keep_registrations

KEY = ("school_year", "semester", "student_id", "item_key")


def take(rows: Rows, context: Context) -> Counts:
    """Keep a position by term, student, its kind or unit, and its name."""
    counts = Counts()
    check_class(rows, context)
    check_students(rows, context)
    kind = rows.frame.get("category", "")
    rows.frame = rows.frame.assign(item_key=(kind + " " + rows.frame["position"]).str.strip())
    drop_repeats(rows, KEY, counts)
    taken = Counts.of(keep_registrations(context, rows.frame.assign(kind="position")))
    taken.unchanged += counts.unchanged
    return taken


KIND = Kind(
    key="positions",
    title="校內幹部名單",
    order=114,
    columns=(
        YEAR,
        SEMESTER,
        STUDENT,
        STUDENT_NAME,
        Column("class_name", ("班級", "班級名稱"), "class", required=False, blank=True),
        Column(
            "category",
            ("幹部類別", "類別", "單位名稱", "單位", "幹部單位"),
            required=False,
            blank=True,
            expects="幹部類別",
        ),
        Column("position", ("幹部名稱", "擔任職務", "職務", "職稱", "幹部職稱"), expects="幹部名稱"),
        Column("registered_at", ("登錄日期", "登錄時間"), "instant", required=False, blank=True),
        Column("unit", ("登錄單位", "負責單位"), required=False, blank=True),
    ),
    take=take,
    ignored=(
        "學生系統編號", "座號", "年級", "科別", "說明", "備註", "開始日期", "結束日期", "幹部等級", "學生狀態", "狀態", "內容簡述",
    ),
)  # fmt: skip
