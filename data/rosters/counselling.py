"""課程諮詢紀錄: that a student was counselled on a day; what was said is not kept."""

from __future__ import annotations

from data.instants import from_us
from data.rosters import cells
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
    warn_unknown_staff,
)
from data.rosters.registrations import keep_registrations


def take(rows: Rows, context: Context) -> Counts:
    """Keep each talk of a student by its day and a running number in the day, so that two talks are two.

    Rows equal in every cell are one talk, also in cells that are not kept. A talk without a date is registered when an
    import first carried it. A list without a date column is none of talks: it may as well say who is whose counsellor.
    """
    check_class(rows, context)
    check_students(rows, context)
    if "counsellor_code" in rows.frame:
        warn_unknown_staff(rows, context, "counsellor_code")
    repeated = rows.table.frame.loc[rows.frame.index].duplicated()
    if repeated.any():
        shown = "、".join(str(row) for row in rows.frame.index[repeated][:10])
        rows.notes.append(f"有 {int(repeated.sum())} 列與前面的列完全相同，只算一次（第 {shown} 列）")
    frame = rows.frame[~repeated]
    undated = frame["held_at"] == cells.NO_INSTANT
    if undated.any():
        rows.warnings.append(f"有 {int(undated.sum())} 列沒有諮詢日期，以匯入時間為登錄時間；還沒有諮詢的學生請勿列入")
    frame = frame.assign(day=frame["held_at"].map(_day), kind="counselling", registered_at=frame["held_at"])
    in_day = frame.sort_values("held_at", kind="stable").groupby(["school_year", "semester", "student_id", "day"])
    number = (in_day.cumcount() + 1).reindex(frame.index).astype("str")
    taken = Counts.of(keep_registrations(context, frame.assign(item_key=(frame["day"] + " " + number).str.strip())))
    taken.unchanged += int(repeated.sum())
    return taken


def _day(instant: int) -> str:
    return "" if instant == cells.NO_INSTANT else f"{from_us(instant):%Y-%m-%d}"


KIND = Kind(
    key="counselling",
    title="課程諮詢紀錄",
    order=112,
    columns=(
        YEAR,
        SEMESTER,
        Column(
            "class_name",
            ("班級", "班級名稱"),
            "class",
            required=False,
            blank=True,
            expects="班級導師名冊上的班級名稱",
        ),
        STUDENT,
        STUDENT_NAME,
        Column(
            "held_at",
            ("諮詢日期", "諮詢時間", "課程諮詢日期", "課程諮詢時間", "諮詢日期時間"),
            "instant",
            blank=True,
            expects="諮詢的日期，可以寫到時間；還沒有諮詢的學生請勿列入",
        ),
        Column(
            "counsellor_name",
            ("課程諮詢教師", "課諮教師", "課程諮詢教師姓名", "諮詢教師", "諮詢老師"),
            required=False,
            blank=True,
            expects="課程諮詢教師的姓名",
        ),
        Column(
            "counsellor_code",
            ("課程諮詢教師代碼", "課諮教師代碼", "諮詢教師代碼"),
            required=False,
            blank=True,
            expects="課程諮詢教師的教師代碼",
        ),
        Column("unit", ("登錄單位", "單位"), required=False, blank=True, expects="登錄的處室"),
    ),
    take=take,
    ignored=(
        "諮詢內容", "諮詢主題", "諮詢紀錄", "諮詢方式", "諮詢地點", "諮詢結果", "諮詢建議", "諮詢類別", "內容", "內容簡述", "主題", "方式",
        "地點", "序號", "次數", "座號", "年級", "科別", "附件", "檔案名稱", "備註",
    ),
    by_hand=True,
)  # fmt: skip
