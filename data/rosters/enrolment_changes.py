"""學籍異動名冊: who came, left, paused or came back in a school year, and on which day."""

from __future__ import annotations

from data.models import EnrolmentChange
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
    drop_repeats,
)
from data.rosters.store import upsert

KEY = ("school_year", "student_id", "change", "effective_at")
CHANGES = {
    "轉入": "transfer_in", "轉出": "transfer_out", "休學": "suspend", "復學": "resume", "重讀": "repeat", "借讀": "lend",
    "退學": "withdraw", "畢業": "graduate",
}  # fmt: skip
_OTHER_WORDS = {
    "轉學轉入": "transfer_in", "轉入本校": "transfer_in", "轉學(轉入)": "transfer_in",
    "轉學": "transfer_out", "轉學轉出": "transfer_out", "轉學(轉出)": "transfer_out", "轉校": "transfer_out",
    "留級": "repeat", "借讀他校": "lend", "廢止學籍": "withdraw", "放棄學籍": "withdraw", "喪失學籍": "withdraw", "死亡": "withdraw",
    "結業": "graduate", "修業期滿": "graduate",
}  # fmt: skip


def read_change(text: str) -> str:
    """Read what changed; 轉學 alone is 轉出, as a school lists those who leave."""
    text = text.replace("（", "(").replace("）", ")").removesuffix("生")
    change = CHANGES.get(text) or _OTHER_WORDS.get(text)
    if change is None:
        raise ValueError(text)
    return change


def take(rows: Rows, context: Context) -> Counts:
    """Keep a change by school year, student, what it was and its day.

    The student must be known, though not on that year's roster: who leaves before it is made is on none.
    """
    counts = Counts()
    check_class(rows, context)
    _check_known(rows, context)
    drop_repeats(rows, KEY, counts)
    frame = rows.frame.assign(
        class_name=rows.frame.get("class_name", ""),
        note=rows.frame.get("note", ""),
    )
    where = EnrolmentChange.school_year.in_([int(year) for year in frame["school_year"].unique()])
    taken = upsert(context, EnrolmentChange, frame[[*KEY, "class_name", "note"]], key=KEY, where=where)
    taken.unchanged += counts.unchanged
    return taken


def _check_known(rows: Rows, context: Context) -> None:
    ids = context.student_ids()
    known = ids.reindex(rows.frame["student_number"]).fillna(-1).astype("int64").to_numpy()
    rows.frame = rows.frame.assign(student_id=known)
    context.rely("students", rows.frame["student_id"][rows.frame["student_id"] >= 0].unique())
    for came in (True, False):
        unknown = (rows.frame["student_id"] < 0) & ((rows.frame["change"] == "transfer_in") == came)
        message = (
            "學生資料名冊沒有這位轉入生，請先匯入（或一起匯入）列有這個學號的學生資料名冊"
            if came
            else "學生資料名冊沒有這個學號，請查對學號或先更新名冊"
        )
        rows.reject(unknown, "student_number", message)


KIND = Kind(
    key="enrolment_changes",
    title="學籍異動名冊",
    order=35,
    columns=(
        YEAR,
        Column("semester", SEMESTER.headings, SEMESTER.read, required=False, blank=True, expects=SEMESTER.expects),
        STUDENT,
        STUDENT_NAME,
        Column(
            "change",
            ("異動類別", "異動別", "異動種類", "異動名稱", "異動原因"),
            read_change,
            expects="：" + "、".join(CHANGES),
            allowed=tuple(CHANGES),
        ),
        Column(
            "effective_at",
            ("異動日期", "生效日期", "異動生效日期", "學籍異動日期"),
            "instant",
            expects="異動生效的日期",
        ),
        Column(
            "class_name",
            ("班級", "班級名稱", "異動班級"),
            "class",
            required=False,
            blank=True,
            expects="班級導師名冊上的班級名稱",
        ),
        Column("note", ("備註", "說明"), required=False, blank=True, expects="說明，請勿寫個人隱私"),
    ),
    take=take,
    ignored=("座號", "年級", "科別", "核准文號", "文號", "核准日期", "原就讀學校", "轉入學校", "轉出學校", "性別"),
    by_hand=True,
)
