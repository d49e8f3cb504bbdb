"""官方學生課程學習成果名冊: which 課程學習成果 were handed in, by student, course and term."""

from __future__ import annotations

from data.rosters.kinds import Column, Context, Counts, Kind, Rows
from data.rosters.submitting import IGNORED, OUTCOMES, SHARED, claims_for, submit

COLUMNS = (
    *SHARED,
    Column("course_code", ("課程代碼", "原修課課程代碼", "借讀校課程代碼"), required=False, blank=True),
    Column("subject", ("科目名稱", "原修課科目名稱", "借讀校科目名稱"), required=False, blank=True),
    Column("course_semester", ("實際修課學期", "原修課學期", "借讀修課學期"), required=False, blank=True),
)
_UNUSED = (
    "開課年級", "修課學分", "修課節數", "成果簡述", "實際修課學年度", "應修課學年度", "應修課學期", "補修方式", "重修方式",
    "原修課學校代碼", "原修課學年度", "原修課學期", "原修課課程代碼", "原修課科目名稱", "原修課開課年級", "原修課修課學分",
    "原修課修課節數", "借讀學校代碼", "借讀修課學年度", "借讀校開課年級", "借讀校修課學分", "借讀校修課節數",
)  # fmt: skip


def take(rows: Rows, context: Context) -> Counts:
    """Keep the submission and its items; 實際修課學期 is the term of an item, in a book of the whole year."""
    if "course_code" not in rows.heading or "subject" not in rows.heading:
        rows.warnings.append("沒有課程代碼或科目名稱的欄，提交的件數只能與學生核對，不能逐科核對")
    return submit(rows, context, OUTCOMES)


KIND = Kind(
    key="official_outcomes",
    title="學生課程學習成果名冊（提交）",
    order=112,
    columns=COLUMNS,
    take=take,
    claims=claims_for(OUTCOMES, COLUMNS),
    take_empty=True,
    ignored=(*IGNORED, *_UNUSED),
)
