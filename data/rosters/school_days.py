"""停課與補課: days on which this school's calendar differs from the public one."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pandas as pd

from data.instants import DAY_US, from_us
from data.models import SchoolDay
from data.rosters import cells
from data.rosters.kinds import UNCHANGED, Column, Context, Counts, Kind, Rows, drop_repeats
from data.rosters.store import upsert_rows

LONGEST_DAYS = 92  # a summer; a range that is longer has a wrong year in it
CATEGORIES = {"停課": False, "放假": False, "補課": True, "上課": True}
_OTHER_WORDS = {"停班停課": False, "颱風假": False, "校慶補假": False, "補假": False, "補上課": True, "補行上課": True, "照常上課": True}  # fmt: skip


def read_category(text: str) -> bool:
    """Read whether the day is a school day: 補課 and 上課 are, 停課 and 放假 are not."""
    if text in CATEGORIES:
        return CATEGORIES[text]
    if text in _OTHER_WORDS:
        return _OTHER_WORDS[text]
    raise ValueError(text)


def take(rows: Rows, context: Context) -> Counts:
    """Keep each day, those of a range one by one; the row counts once. A later list may say otherwise of a day."""
    counts = Counts()
    frame = rows.frame
    if "to_on" not in frame:
        frame = frame.assign(to_on=cells.NO_INSTANT)
    frame = frame.assign(to_on=frame["to_on"].where(frame["to_on"] != cells.NO_INSTANT, frame["from_on"]))
    if "note" not in frame:
        frame = frame.assign(note="")
    rows.frame = frame[["from_on", "to_on", "is_school_day", "note"]]
    length = (rows.frame["to_on"] - rows.frame["from_on"]) // DAY_US + 1
    rows.reject(length < 1, "to_on", "迄日早於起日，請改正其中一個")
    length = length[rows.frame.index]
    rows.reject(length > LONGEST_DAYS, "to_on", f"起日到迄日超過 {LONGEST_DAYS} 天，請查對年份，或分成幾列")
    drop_repeats(rows, ("from_on", "to_on"), counts)
    read = rows.frame.index
    days = [
        _days(int(first), int(last)) for first, last in zip(rows.frame["from_on"], rows.frame["to_on"], strict=True)
    ]
    spread = rows.frame.assign(day=pd.Series(days, index=read, dtype=object)).explode("day")
    spread = spread[["day", "is_school_day", "note"]].astype({"is_school_day": "bool"})
    rows.frame = spread[~spread.duplicated()]
    twice = rows.frame.duplicated("day")
    rows.reject(twice, "from_on", "這一天在檔案裡出現兩次而內容不同，請留下正確的一列")
    rows.frame = rows.frame[~rows.frame.index.isin(list(rows.rejected))]  # a refused range goes with all its days
    fates = upsert_rows(context, SchoolDay, rows.frame, key=("day",))
    kept = read.difference(list(rows.rejected))
    taken = Counts.of(fates.groupby(level=0).max().reindex(kept, fill_value=UNCHANGED))
    taken.unchanged += counts.unchanged
    return taken


def _days(first: int, last: int) -> list[Any]:
    day = from_us(first).date()
    return [day + timedelta(days=count) for count in range((from_us(last).date() - day).days + 1)]


KIND = Kind(
    key="school_days",
    title="停課與補課",
    order=55,
    columns=(
        Column("from_on", ("日期", "起日", "開始日期"), "instant", expects="日期，連續幾天時是第一天"),
        Column(
            "to_on",
            ("迄日", "結束日期"),
            "instant",
            required=False,
            blank=True,
            expects="連續幾天時的最後一天，含當天；只有一天就空白",
        ),
        Column(
            "is_school_day",
            ("類別", "性質", "類型"),
            read_category,
            expects="：" + "、".join(CATEGORIES),
            allowed=tuple(CATEGORIES),
        ),
        Column("note", ("說明", "備註", "事由", "名稱"), required=False, blank=True, expects="為什麼"),
    ),
    take=take,
    ignored=("學年", "學年度", "學期", "星期"),
    by_hand=True,
)
