"""職員異動: which member of staff came, left, went on leave, came back or moved, from when on."""

from __future__ import annotations

from typing import Any

from data.instants import from_us
from data.models import StaffChange
from data.rosters import cells
from data.rosters.kinds import Column, Context, Counts, Kind, Rows, drop_repeats, warn_unknown_staff
from data.rosters.store import upsert

KEY = ("staff_code", "change", "from_on")
CHANGES = {"到職": "arrive", "離職": "leave", "留職停薪": "unpaid_leave", "復職": "return", "調任": "move"}
_OTHER_WORDS = {
    "新進": "arrive", "新任": "arrive", "報到": "arrive", "退休": "leave", "調離": "leave", "留停": "unpaid_leave", "回職復薪": "return",
    "調職": "move", "職務調整": "move",
}  # fmt: skip


def read_change(text: str) -> str:
    """Read what changed: 到職, 離職, 留職停薪, 復職 or 調任."""
    change = CHANGES.get(text) or _OTHER_WORDS.get(text)
    if change is None:
        raise ValueError(text)
    return change


def take(rows: Rows, context: Context) -> Counts:
    """Keep a change by 教師代碼, what it was and its first day; both days count whole, an end may be open."""
    counts = Counts()
    if "to_on" not in rows.frame:
        rows.frame = rows.frame.assign(to_on=cells.NO_INSTANT)
    for name in ("unit", "note"):
        if name not in rows.frame:
            rows.frame = rows.frame.assign(**{name: ""})
    ended = rows.frame["to_on"] != cells.NO_INSTANT
    rows.reject(ended & (rows.frame["to_on"] < rows.frame["from_on"]), "to_on", "迄日早於起日，請改正其中一個")
    nowhere = (rows.frame["change"] == "move") & (rows.frame["unit"] == "")
    rows.reject(nowhere, "unit" if "unit" in rows.heading else None, "調任要寫明新單位，請補上")
    rows.frame = rows.frame.assign(from_on=rows.frame["from_on"].map(_day), to_on=rows.frame["to_on"].map(_day))
    drop_repeats(rows, KEY, counts)
    warn_unknown_staff(rows, context, "staff_code")
    taken = upsert(context, StaffChange, rows.frame[[*KEY, "to_on", "unit", "note"]], key=KEY)
    taken.unchanged += counts.unchanged
    return taken


def _day(instant: int) -> Any:
    return None if instant == cells.NO_INSTANT else from_us(instant).date()


KIND = Kind(
    key="staff_changes",
    title="職員異動",
    order=15,
    columns=(
        Column("staff_code", ("教師代碼", "職員代碼", "教職員代碼", "員工代碼"), expects="教職員名冊上的教師代碼"),
        Column(
            "name", ("姓名", "教師姓名", "職員姓名", "教職員姓名"), required=False, blank=True, expects="姓名，方便核對"
        ),
        Column(
            "change",
            ("異動", "異動類別", "異動別", "異動種類"),
            read_change,
            expects="：" + "、".join(CHANGES),
            allowed=tuple(CHANGES),
        ),
        Column("from_on", ("起日", "異動日期", "生效日期", "開始日期"), "instant", expects="異動的第一天"),
        Column(
            "to_on",
            ("迄日", "結束日期"),
            "instant",
            required=False,
            blank=True,
            expects="最後一天，含當天；沒有期限就空白",
        ),
        Column(
            "unit",
            ("新單位", "調任單位", "單位", "處室"),
            required=False,
            blank=True,
            expects="調任後的處室；調任必填",
        ),
        Column("note", ("備註", "說明", "事由"), required=False, blank=True, expects="說明"),
    ),
    take=take,
    ignored=("原單位", "職稱", "文號"),
    by_hand=True,
)
