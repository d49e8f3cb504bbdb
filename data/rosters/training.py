"""研習場次: the 宣導說明, 系統操作訓練 and 專業研習 held, and for whom."""

from __future__ import annotations

import re

from data.corrections import AUDIENCES, TRAININGS
from data.models import TrainingSession
from data.rosters import cells
from data.rosters.kinds import UNCHANGED, YEAR, Column, Context, Counts, Kind, Rows, drop_repeats
from data.rosters.store import upsert_rows

KEY = ("school_year", "kind", "audience", "held_at", "title")
_KINDS = {name: name for name in TRAININGS} | {"宣導": "宣導說明", "說明會": "宣導說明", "操作訓練": "系統操作訓練", "系統操作": "系統操作訓練", "研習": "專業研習"}  # fmt: skip
_BETWEEN = re.compile(r"[、,，;；/／\s]+|及|與|和")


def read_kind(text: str) -> str:
    """Read which of the three kinds a session is."""
    if text not in _KINDS:
        raise ValueError(text)
    return _KINDS[text]


def read_audiences(text: str) -> str:
    """Read whom a session was for: one or several, joined by 、 in the order of AUDIENCES."""
    found = {re.sub("^(?:全體|全校)", "", part).replace("老師", "教師") for part in _BETWEEN.split(text) if part}
    if not found or not found <= set(AUDIENCES):
        raise ValueError(text)
    return "、".join(name for name in AUDIENCES if name in found)


def take(rows: Rows, context: Context) -> Counts:
    """Keep a session once for each audience it was for; the row counts once."""
    counts = Counts()
    for name in ("title", "unit"):
        if name not in rows.frame:
            rows.frame = rows.frame.assign(**{name: ""})
    if "attendee_count" not in rows.frame:
        rows.frame = rows.frame.assign(attendee_count=None)
    rows.frame = rows.frame[[*KEY, "unit", "attendee_count"]]
    drop_repeats(rows, KEY, counts)
    read = rows.frame.index
    rows.frame = rows.frame.assign(audience=rows.frame["audience"].str.split("、")).explode("audience")
    drop_repeats(rows, KEY, Counts())
    rows.frame = rows.frame[~rows.frame.index.isin(list(rows.rejected))]  # a refused row goes with all its audiences
    fates = upsert_rows(context, TrainingSession, rows.frame, key=KEY)
    kept = read.difference(list(rows.rejected))
    taken = Counts.of(fates.groupby(level=0).max().reindex(kept, fill_value=UNCHANGED))
    taken.unchanged += counts.unchanged
    return taken


KIND = Kind(
    key="training",
    title="研習場次",
    order=65,
    columns=(
        YEAR,
        Column(
            "kind",
            ("類別", "研習類別", "活動類別", "場次類別"),
            read_kind,
            expects="：" + "、".join(TRAININGS),
            allowed=TRAININGS,
        ),
        Column(
            "audience",
            ("對象", "參加對象", "研習對象", "參與對象"),
            read_audiences,
            expects="：" + "、".join(AUDIENCES) + "（可以有幾個，用、隔開）",
            allowed=AUDIENCES,
        ),
        Column(
            "held_at",
            ("日期", "時間", "辦理日期", "辦理時間", "研習日期", "研習時間", "開始時間"),
            "instant",
            expects="辦理的日期，可以寫到時間",
        ),
        Column(
            "title",
            ("名稱", "主題", "研習名稱", "活動名稱", "研習主題"),
            required=False,
            blank=True,
            expects="場次的名稱",
        ),
        Column(
            "unit",
            ("主辦單位", "單位", "辦理單位", "承辦單位", "負責單位"),
            required=False,
            blank=True,
            expects="主辦的處室",
        ),
        Column(
            "attendee_count",
            ("人數", "參加人數", "出席人數", "參與人數"),
            cells.read_int,
            required=False,
            blank=True,
            expects="人數（整數）",
        ),
    ),
    take=take,
    ignored=("學期", "地點", "講師", "講座", "時數", "備註", "結束時間"),
    by_hand=True,
)
