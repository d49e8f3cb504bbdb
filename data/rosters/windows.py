"""作業期程: when each task of a term and grade is open, half-open, with the first end ever announced."""

from __future__ import annotations

import pandas as pd

from data.models import Window
from data.rosters import cells
from data.rosters.kinds import SEMESTER, UNCHANGED, YEAR, Column, Context, Counts, Kind, Rows, drop_repeats
from data.rosters.store import load, table_of, upsert_rows

TASKS = {
    "學生上傳及送出學習成果認證": "upload",
    "老師認證學生學習成果": "certify",
    "教師認證學生學習成果": "certify",
    "學生上傳多元表現": "upload_performance",
    "學生勾選學習成果": "select_outcome",
    "學生勾選多元表現": "select_performance",
    "收訖明細確認": "confirm",
}
YEAR_TASKS = {"upload_performance", "select_outcome", "select_performance", "confirm"}
KEY = ("school_year", "semester", "grade", "task")


def read_task(text: str) -> str:
    """Read the item's name, with or without a closing 時間."""
    task = TASKS.get(text.removesuffix("時間"))
    if task is None:
        raise ValueError(text)
    return task


def take(rows: Rows, context: Context) -> Counts:
    """Keep a window by term, grade and task; tasks of the year belong to 學期 0 wherever they are filed.

    An end covers the whole unit it names: a day, a minute or a second. original_ends_at is never overwritten.
    """
    frame, read = rows.frame, rows.frame.index
    frame = frame.assign(ends_at=frame["ends_at"] + frame["ends_at_unit"])
    frame["semester"] = frame["semester"].where(~frame["task"].isin(YEAR_TASKS), 0)
    if "original_ends_at" in frame:
        stated = frame["original_ends_at"] + frame["original_ends_at_unit"]
        frame["original_ends_at"] = stated.where(frame["original_ends_at"] != cells.NO_INSTANT, frame["ends_at"])
    else:
        frame["original_ends_at"] = frame["ends_at"]
    if "unit" not in frame:
        frame["unit"] = ""
    whole = frame["grade"] == 0  # 全部年級: one row for each grade
    spread = [frame[~whole]] + [frame[whole].assign(grade=grade) for grade in (1, 2, 3)]
    rows.frame = frame = pd.concat([part for part in spread if len(part)]) if whole.any() else frame
    frame = frame[[*KEY, "starts_at", "ends_at", "original_ends_at", "unit"]]
    rows.frame = frame
    drop_repeats(rows, KEY, Counts())
    rows.reject(rows.frame["ends_at"] <= rows.frame["starts_at"], "ends_at", "結束時間不晚於開始時間，請改正其中一個")
    frame = rows.frame
    known = load(context.connection, table_of(Window), [*KEY, "original_ends_at"])
    if len(known):
        first = {tuple(row[:4]): row[4] for row in known.itertuples(index=False, name=None)}
        keys = list(frame[list(KEY)].itertuples(index=False, name=None))
        frame = frame.assign(
            original_ends_at=[first.get(k, end) for k, end in zip(keys, frame["original_ends_at"], strict=True)]
        )
    fates = upsert_rows(context, Window, frame, key=KEY)
    # A row for all grades is one row of the file; a row that only repeats others is unchanged.
    return Counts.of(fates.groupby(level=0).max().reindex(read.difference(list(rows.rejected)), fill_value=UNCHANGED))


KIND = Kind(
    key="windows",
    title="作業期程",
    order=50,
    columns=(
        YEAR,
        SEMESTER,
        Column("grade", ("年級",), cells.read_grade, expects="年級（1、2、3 或 全部）"),
        Column("task", ("項目", "作業項目"), read_task, expects="：" + "、".join(TASKS)),
        Column("starts_at", ("開始時間", "起始時間", "開始日期"), "instant", expects="開始時間"),
        Column("ends_at", ("結束時間", "截止時間", "結束日期"), "instant", expects="結束時間"),
        Column("original_ends_at", ("原結束時間", "原截止時間"), "instant", required=False, blank=True),
        Column("unit", ("負責單位", "單位"), required=False, blank=True),
    ),
    take=take,
)
