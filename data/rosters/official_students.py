"""官方學生資料名冊: that the roster of students was handed in, and who is on it; who a student is comes from the school's own list."""

from __future__ import annotations

from data.rosters.kinds import Context, Counts, Kind, Rows
from data.rosters.submitting import IGNORED, SHARED, STUDENTS, claims_for, submit

COLUMNS = SHARED
_UNUSED = (
    "所屬學校代碼", "科/班/學程別代碼", "部別", "班別", "班級座號代碼", "學號", "註1", "姓名", "性別代碼", "特殊身分代碼",
    "原身分證號", "原出生日期", "學籍狀態代碼", "學籍狀態生效日期", "群別代碼", "科班學程別代碼", "部別代碼", "年級",
    "班級名稱", "座號", "特殊身分別", "原住民族別", "原住民身分別", "族語認證報考方言", "報考年度", "族語認證有效日期",
    "實驗班名稱", "入學方式", "學籍狀態", "學籍異動日期", "de_stuid", "借讀學校代碼", "群別", "借讀科班學程別", "借讀代碼",
    "申請開始日期", "申請結束日期",
)  # fmt: skip


def take(rows: Rows, context: Context) -> Counts:
    """Keep the submission; the students themselves are taken from the school's own 學生資料名冊."""
    return submit(rows, context, STUDENTS)


KIND = Kind(
    key="official_students",
    title="學生資料名冊（提交）",
    order=110,
    columns=COLUMNS,
    take=take,
    claims=claims_for(STUDENTS, COLUMNS),
    take_empty=True,
    ignored=(*IGNORED, *_UNUSED),
)
