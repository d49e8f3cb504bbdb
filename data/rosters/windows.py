"""作業期程: when each task of a term and grade is open, half-open, with the first end ever announced."""

from __future__ import annotations

import re
from typing import Any

import pandas as pd

from data.instants import from_us
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
    "登錄學籍資料": "register_enrolment",
    "登錄學籍": "register_enrolment",
    "登錄學期成績": "register_grades",
    "登錄學業成績": "register_grades",
    "登錄成績": "register_grades",
    "登錄校內幹部經歷": "register_position",
    "登錄校內幹部": "register_position",
    "登錄幹部": "register_position",
    "登錄課程諮詢紀錄": "register_counselling",
    "登錄課程諮詢": "register_counselling",
    "提交學籍及學業成績名冊": "submit_academic",
    "提交學籍及成績名冊": "submit_academic",
    "提交學籍成績名冊": "submit_academic",
    "提交課程學習成果名冊": "submit_outcomes",
    "提交學習成果名冊": "submit_outcomes",
    "提交校內幹部經歷名冊": "submit_positions",
    "提交幹部經歷名冊": "submit_positions",
    "提交多元表現名冊": "submit_performances",
}
BATCHES = {"第一梯次": 1, "第1梯次": 1, "第二梯次": 2, "第2梯次": 2}  # of 高三, behind the name of a 提交
YEAR_TASKS = {
    "upload_performance", "select_outcome", "select_performance", "confirm", "submit_outcomes", "submit_performances",
    *(f"submit_{roster}_{batch}" for roster in ("outcomes", "positions", "performances") for batch in (1, 2)),
}  # fmt: skip
TITLES = tuple({task: title for title, task in reversed(TASKS.items())}.values())[::-1]
KEY = ("school_year", "semester", "grade", "task")
LATER = (
    "self_check_from_at",
    "self_check_to_at",
    "published_at",
    "published_where",
)  # a list without them takes none away


def read_task(text: str) -> str:
    """Read the item's name, with or without a closing 時間; a 提交 may say which 梯次 of 高三 it is for, in brackets or not."""
    name = text.removesuffix("時間")
    whole = name.rstrip("）)")
    batch = next((number for words, number in BATCHES.items() if whole.endswith(words)), 0)
    task = TASKS.get(re.sub(r"[（(]?第[一二12]梯次$", "", whole) if batch else name)
    if task is None or (batch and f"{task}_{batch}" not in YEAR_TASKS):
        raise ValueError(text)
    return f"{task}_{batch}" if batch else task


def take(rows: Rows, context: Context) -> Counts:
    """Keep a window by term, grade and task; tasks of the year belong to 學期 0 wherever they are filed.

    An end covers the whole unit it names: a day, a minute or a second. original_ends_at is never overwritten. An end moved
    back before the present has to be acknowledged: what was in time would turn late.
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
    for name, whole_unit in (("self_check_from_at", False), ("self_check_to_at", True), ("published_at", False)):
        if name in frame:
            stated = frame[name] + (frame[f"{name}_unit"] if whole_unit else 0)
            frame[name] = stated.astype(object).where(frame[name] != cells.NO_INSTANT, None)
    columns = [*KEY, "starts_at", "ends_at", "original_ends_at", "unit", *(name for name in LATER if name in frame)]
    whole = frame["grade"] == 0  # 全部年級: one row for each grade
    spread = [frame[~whole]] + [frame[whole].assign(grade=grade) for grade in (1, 2, 3)]
    rows.frame = frame = pd.concat([part for part in spread if len(part)]) if whole.any() else frame
    rows.frame = frame[columns]
    drop_repeats(rows, KEY, Counts())
    rows.reject(rows.frame["ends_at"] <= rows.frame["starts_at"], "ends_at", "結束時間不晚於開始時間，請改正其中一個")
    rows.frame = frame = rows.frame[
        ~rows.frame.index.isin(list(rows.rejected))
    ]  # a refused row goes with all its grades
    known = load(context.connection, table_of(Window), [*KEY, "original_ends_at", "ends_at"])
    if len(known):
        first = {tuple(row[:4]): row[4] for row in known.itertuples(index=False, name=None)}
        keys = list(frame[list(KEY)].itertuples(index=False, name=None))
        _sound_shortened(
            rows, {tuple(row[:4]): row[5] for row in known.itertuples(index=False, name=None)}, keys, context
        )
        frame = frame.assign(
            original_ends_at=[first.get(k, end) for k, end in zip(keys, frame["original_ends_at"], strict=True)]
        )
    fates = upsert_rows(context, Window, frame, key=KEY)
    # A row for all grades is one row of the file; a row that only repeats others is unchanged.
    return Counts.of(fates.groupby(level=0).max().reindex(read.difference(list(rows.rejected)), fill_value=UNCHANGED))


def _sound_shortened(rows: Rows, ends: dict[Any, int], keys: list[Any], context: Context) -> None:
    """Ask to acknowledge each window that would now end at an instant already passed, earlier than it was to end."""
    titles = {task: title for title, task in reversed(TASKS.items())}
    for key, new in zip(keys, rows.frame["ends_at"], strict=True):
        old = ends.get(key)
        if old is not None and new < old and new <= context.imported_us:
            year, semester, grade, task = key
            text = f"{year}-{semester} {grade} 年級「{titles[task]}」的截止由 {_shown(old)} 提前到 {_shown(new)}，已經過去；原本準時的會變成逾時"
            rows.alarms.append(text)


def _shown(end_us: int) -> str:
    return f"{from_us(end_us - 1_000_000):%Y/%m/%d %H:%M:%S}"


KIND = Kind(
    key="windows",
    title="作業期程",
    order=50,
    columns=(
        YEAR,
        SEMESTER,
        Column(
            "grade", ("年級",), cells.read_grade, expects="年級（1、2、3 或 全部）", allowed=("1", "2", "3", "全部")
        ),
        Column(
            "task",
            ("項目", "作業項目"),
            read_task,
            expects="：" + "、".join(TITLES),
            allowed=TITLES,
        ),
        Column("starts_at", ("開始時間", "起始時間", "開始日期"), "instant", expects="開放的第一個時刻"),
        Column("ends_at", ("結束時間", "截止時間", "結束日期"), "instant", expects="最後的時刻，含當天或那一分鐘"),
        Column(
            "original_ends_at",
            ("原結束時間", "原截止時間"),
            "instant",
            required=False,
            blank=True,
            expects="延長過的，最初公告的結束時間",
        ),
        Column("unit", ("負責單位", "單位"), required=False, blank=True, expects="負責的處室"),
        Column(
            "self_check_from_at",
            ("自我檢核開始時間", "自我檢核起日", "自我檢核開始日期"),
            "instant",
            required=False,
            blank=True,
            expects="自我檢核的第一天",
        ),
        Column(
            "self_check_to_at",
            ("自我檢核結束時間", "自我檢核迄日", "自我檢核結束日期"),
            "instant",
            required=False,
            blank=True,
            expects="自我檢核的最後一天，含當天",
        ),
        Column(
            "published_at", ("公告日期", "公告時間"), "instant", required=False, blank=True, expects="期程公告的日期"
        ),
        Column("published_where", ("公告位置", "公告網址"), required=False, blank=True, expects="期程公告在哪裡"),
    ),
    take=take,
    by_hand=True,
)
