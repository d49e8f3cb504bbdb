"""官方學生成績名冊: that marks exist and were handed in; no mark is stored."""

from __future__ import annotations

from data.rosters.kinds import Context, Counts, Kind, Rows
from data.rosters.submitting import GRADES, IGNORED, SHARED, claims_for, submit

COLUMNS = SHARED
_UNUSED = (
    "課程代碼", "科目名稱", "開課年級", "修課學分", "學期學業成績", "成績及格", "補考成績", "補考及格", "是否採計學分",
    "質性文字描述", "科目代碼", "科目學分", "修課科/班/學程別代碼", "修課班級", "修課班別", "原始成績",
)  # fmt: skip


def take(rows: Rows, context: Context) -> Counts:
    """Keep the submission, and of each student that marks of the term exist."""
    return submit(rows, context, GRADES, registers="grades")


KIND = Kind(
    key="official_grades",
    title="學生成績名冊（提交）",
    order=111,
    columns=COLUMNS,
    take=take,
    claims=claims_for(GRADES, COLUMNS),
    take_empty=True,
    ignored=(*IGNORED, *_UNUSED),
)
