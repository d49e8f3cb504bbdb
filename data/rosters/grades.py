"""成績清單: that a student's (or a class's) marks of a term exist, and since when; no mark is read into a row or kept."""

from __future__ import annotations

import numpy as np
import pandas as pd

from data.rosters import cells
from data.rosters.kinds import (
    SEMESTER,
    STUDENT,
    STUDENT_NAME,
    UNCHANGED,
    YEAR,
    Column,
    Context,
    Counts,
    Kind,
    Rows,
    check_class,
    check_students,
    join_key,
)
from data.rosters.registrations import keep_registrations

MARKS = (
    "學期學業成績", "學期成績", "學業成績", "原始成績", "成績", "學期總成績", "總成績", "學期平均", "補考成績", "重修成績", "補修成績", "學年成績",
    "學年學業成績", "質性文字描述",
)  # fmt: skip
_NEVER = np.iinfo(np.int64).max


def take(rows: Rows, context: Context) -> Counts:
    """Keep one registration per student and term, however many subjects are listed: the first row counts for all.

    A row without a student is its class's. Rows without any mark register nothing yet. registered_at is the earliest
    登錄日期 said, else the import's time.
    """
    marked = _has_mark(rows)
    if not marked.all():
        rows.notes.append(f"有 {int((~marked).sum())} 列還沒有成績，不算已登錄")
    counts = Counts(unchanged=int((~marked).sum()))
    rows.frame = rows.frame[marked].drop(columns="mark")
    for name in ("student_number", "class_name"):
        if name not in rows.frame:
            rows.frame = rows.frame.assign(**{name: ""})
    nobody = (rows.frame["student_number"] == "") & (rows.frame["class_name"] == "")
    asked = "student_number" if "student_number" in rows.heading else "class_name"
    rows.reject(nobody, asked, "這一列沒有學號也沒有班級，請補上其中一個")
    check_class(rows, context)
    of_class = rows.frame["student_number"] == ""
    classes, rows.frame = rows.frame[of_class], rows.frame[~of_class]
    if len(rows.frame):
        check_students(rows, context)
    rows.frame = frame = pd.concat([part for part in (rows.frame, classes) if len(part)] or [rows.frame])
    if frame.empty:
        return counts
    if "student_id" not in frame:
        frame = frame.assign(student_id=None)
    about = join_key(
        frame.assign(of_class=frame["class_name"].where(frame["student_number"] == "", "")),
        ("school_year", "semester", "student_number", "of_class"),
    )
    one = frame[~about.duplicated()].assign(kind="grades", item_key="")
    if "registered_at" in frame:
        said = frame["registered_at"].where(frame["registered_at"] != cells.NO_INSTANT, _NEVER)
        earliest = said.groupby(about).transform("min").reindex(one.index)
        one = one.assign(registered_at=earliest.where(earliest != _NEVER, cells.NO_INSTANT))
    taken = Counts.of(keep_registrations(context, one).reindex(frame.index, fill_value=UNCHANGED))
    taken.unchanged += counts.unchanged
    return taken


def _has_mark(rows: Rows) -> pd.Series[bool]:
    """Tell which rows hold any mark, whatever it is: looked at where it lies, and not taken along."""
    table = rows.table.frame
    headings = [h for h in table.columns if h in MARKS or h == rows.heading["mark"]]
    return (table.loc[rows.frame.index, headings] != "").any(axis=1)


def _leave(text: str) -> None:
    """Read nothing: the heading tells what the list is, its cells are no business of ours."""


KIND = Kind(
    key="grades",
    title="成績清單",
    order=116,
    columns=(
        YEAR,
        SEMESTER,
        Column("student_number", STUDENT.headings, required=False, blank=True, expects="學號"),
        STUDENT_NAME,
        Column("class_name", ("班級", "班級名稱"), "class", required=False, blank=True),
        # Personal, so that a refused row is kept without it; the other marks are known by name only.
        Column("mark", MARKS, _leave, blank=True, personal=True),
        Column("registered_at", ("登錄日期", "登錄時間"), "instant", required=False, blank=True),
        Column("unit", ("登錄單位", "單位"), required=False, blank=True),
    ),
    take=take,
    any_of=("student_number", "class_name"),
    ignored=(
        "科目名稱", "科目", "科目代碼", "課程代碼", "開課年級", "修課學分", "修課節數", "學分", "學分數", "成績及格", "補考及格", "是否及格",
        "是否採計學分", "是否計算學分", "修課別", "座號", "年級", "科別", "教師代碼", "任課教師", "備註",
    ),
)  # fmt: skip
