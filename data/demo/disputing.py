"""收訖問題回報: what students say is wrong in 收訖明細, and the answers."""

from __future__ import annotations

import numpy as np
import pandas as pd

from data.demo.calendar import DAY
from data.demo.chance import FAR, Array, draw_weighted
from data.demo.listings import write_times
from data.demo.workdays import shift_workdays

# 項目, 類別, 錯誤別, 問題描述, 答覆
_CASES = (
    ("課程學習成果", "學期課程學習成果", "資料缺漏", "勾選的一件成果沒有在明細裡", "已查明為匯出時漏列，已補提交"),
    (
        "課程學習成果",
        "學期課程學習成果",
        "資料錯誤",
        "科目名稱和修課的科目不同",
        "已對照課程計畫更正科目名稱，重新提交",
    ),
    ("課程學習成果", "學期課程學習成果", "其他", "想換成另一件成果", "勾選時間已過，不能更換，已向學生說明"),
    ("多元表現", "競賽參與紀錄", "資料錯誤", "競賽等級填錯", "由學生自填的資料，已協助確認並說明"),
    ("多元表現", "服務學習紀錄", "資料缺漏", "服務學習少一筆", "已查明該筆沒有勾選，已向學生說明"),
    ("修課紀錄", "學期成績", "資料錯誤", "一科的學期成績和成績單不同", "已更正成績，重新提交"),
    ("修課紀錄", "學期成績", "資料缺漏", "缺補考及格的紀錄", "已補登補考成績，重新提交"),
    ("校內幹部經歷", "幹部經歷紀錄", "資料缺漏", "上學期擔任的幹部沒有列入", "已向訓育組查證並補登，重新提交"),
    ("校內幹部經歷", "幹部經歷紀錄", "資料錯誤", "職務名稱寫錯", "已更正職務名稱，重新提交"),
)
_WEIGHTS = (14, 8, 5, 8, 7, 10, 6, 12, 5)
_LATE = 0.02
_ALLOWED = 3 * DAY  # what the regulation gives for an answer
_CAUGHT_ON_LEAVE = 3  # the 單號 of each year that reached a colleague on leave


def draw_answers(disputes: pd.DataFrame, *, open_end: bool, size: int, rng: np.random.Generator) -> pd.DataFrame:
    """Draw what each dispute is about (case, a position in _CASES) and when the unit answers (answered_at, FAR: never).

    disputes: enrolled, acted_at, number and last, as draw_receipts gives them. size: how many are enrolled, so that a
    dispute's answer does not depend on how many others there are yet. Answers are given in office hours, nearly all
    within three days. open_end: the year's last one still waits.
    """
    cases, late = draw_weighted(rng, _WEIGHTS, size), rng.random(size) < _LATE
    soon, clock_second = rng.random(size) < 0.7, rng.integers(8 * 3600 + 1800, 16 * 3600 + 1800, size)
    slow = rng.integers(4, 7, size)
    own = disputes["enrolled"].to_numpy()
    raised = disputes["acted_at"].to_numpy()
    day = raised // DAY
    next_day = _in_office(day, 1, clock_second[own])
    in_time = np.where(soon[own], next_day, _in_office(day, 2, clock_second[own]))
    in_time = np.where(in_time - raised < _ALLOWED, in_time, next_day)
    is_late = late[own] | (disputes["number"].to_numpy() == _CAUGHT_ON_LEAVE)
    answered = np.where(is_late, _in_office(day, slow[own], clock_second[own]), in_time)
    answered = np.where(disputes["last"].to_numpy() & open_end, FAR, answered)
    return disputes.assign(case=cases[own], answered_at=answered)


def _in_office(day: Array, workdays: Array | int, second: Array) -> Array:
    return np.asarray(shift_workdays(shift_workdays(day, 0, back=True), workdays) * DAY + second)


def list_disputes(
    disputes: pd.DataFrame, enrolled: pd.DataFrame, students: pd.DataFrame, classes: pd.DataFrame, *, year: int, today: int
) -> pd.DataFrame:  # fmt: skip
    """Write 收訖問題回報 of a school year in order of 單號, as it stands at the beginning of today."""
    disputes = disputes.sort_values("number")
    owner = enrolled.iloc[disputes["enrolled"]]
    person = students.iloc[owner["student"]]
    said = np.array(_CASES, dtype=object)[disputes["case"].to_numpy()].reshape(-1, 5)
    answered = disputes["answered_at"].to_numpy()
    answered = np.where(answered < today, answered, FAR)
    return pd.DataFrame(
        {
            "學年": str(year),
            "單號": [f"{year}{number:04d}" for number in disputes["number"]],
            "項目": said[:, 0],
            "類別": said[:, 1],
            "班級": classes.loc[owner["class_row"], "class_name"].to_numpy(),
            "學號": person["student_number"].to_numpy(),
            "姓名": person["name"].to_numpy(),
            "座號": person["seat"].astype("str").to_numpy(),
            "錯誤別": said[:, 2],
            "問題描述": said[:, 3],
            "答覆": np.where(answered < FAR, said[:, 4], ""),
            "回報時間": write_times(disputes["acted_at"].to_numpy()),
            "答覆時間": write_times(answered),
        }
    )
