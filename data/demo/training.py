"""研習場次: the 宣導說明, 系統操作訓練 and 專業研習 of a school year, for each audience that must have one (補充規定範例 十)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

import pandas as pd

from data.demo.calendar import DAY, ROC_OFFSET, clock, format_second
from data.demo.chance import stream
from data.demo.workdays import shift_workdays


@dataclass(frozen=True, slots=True)
class Session:
    """A session as planned every year: the day before any shift, the clock, and how many of its audience come."""

    kind: str
    audience: str
    month: int
    day: int
    hour: int
    title: str
    unit: str
    share: float  # of the students (for parents: of their children; for colleagues: of the staff)


SESSIONS = (
    Session("宣導說明", "教職員", 8, 28, 10, "期初校務會議：學習歷程檔案作業說明", "教務處教學組", 0.9),
    Session("系統操作訓練", "教師", 8, 29, 13, "課程學習成果認證操作", "教務處教學組", 0.6),
    Session("宣導說明", "學生", 9, 8, 13, "新生學習歷程檔案宣導", "輔導處輔導組", 0.34),
    Session("系統操作訓練", "學生", 9, 15, 14, "學習歷程平臺上傳操作", "教務處註冊組", 0.33),
    Session("宣導說明", "家長", 9, 19, 18, "學校日：學習歷程檔案與升學", "輔導處輔導組", 0.25),
    Session("專業研習", "教師", 11, 12, 13, "課程學習成果的引導與回饋", "教務處教學組", 0.5),
    Session("專業研習", "學生", 3, 18, 13, "學習成果整理與反思寫作", "輔導處輔導組", 0.3),
    Session("宣導說明", "學生", 4, 22, 13, "高三勾選與提交說明", "教務處註冊組", 0.3),
)
_LEFT_OUT = 0.07  # share of the sessions that did not take place


def list_training(*, year: int, students: int, staff: int, today: int, seed: int) -> pd.DataFrame:
    """Write 研習場次 of a school year as far as they were held before today; most are, every year.

    students, staff: how many there are that year.
    """
    rng = stream(seed, "training", year)
    rows = []
    for session in SESSIONS:
        left_out = rng.random() < _LEFT_OUT
        planned = clock(date(year + ROC_OFFSET + (session.month < 8), session.month, session.day)) // DAY
        day = int(shift_workdays(planned + int(rng.integers(-2, 4)), 0))
        coming = round(
            (students if session.audience in ("學生", "家長") else staff) * session.share * rng.uniform(0.85, 1)
        )
        held_at = day * DAY + session.hour * 3600 + 600
        if held_at < today and not left_out:
            rows.append(
                (
                    str(year),
                    session.kind,
                    session.audience,
                    format_second(held_at)[:-3],
                    session.title,
                    session.unit,
                    str(coming),
                )
            )
    return pd.DataFrame(rows, columns=["學年", "類別", "對象", "日期", "名稱", "主辦單位", "人數"])
