"""What belongs to a school year: 多元表現, 勾選 and 收訖明細確認, as far as today has seen them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

import numpy as np
import pandas as pd

from data.demo.calendar import CONFIRM, DAY, ROC_OFFSET, SELECT_OUTCOME, Term, Windows, clock
from data.demo.chance import FAR, Array, draw_even, draw_weighted

CATEGORIES = (
    "幹部經歷暨事蹟紀錄", "競賽參與紀錄", "檢定證照紀錄", "服務學習紀錄", "彈性學習時間紀錄", "團體活動時間紀錄", "職場學習紀錄",
    "作品成果紀錄", "大學及技專校院先修課程紀錄", "其他多元表現紀錄",
)  # fmt: skip
_CATEGORY_WEIGHTS = (16, 12, 11, 17, 13, 10, 3, 8, 2, 8)
_PERFORMANCE_COUNTS = (0, 26, 23, 17, 12, 8, 5, 4, 2, 1.5, 1, 0.5)
_OUTCOME_SELECTIONS = (0, 25, 26, 21, 14, 9, 3)
_PERFORMANCE_SELECTIONS = (0, 24, 24, 19, 13, 8, 5, 3, 2, 1, 1)
OVER_CAP = 11  # one more than the ten that may be selected
CONFIRMED, DISPUTED, UNSEEN = "已確認", "已回報", "待確認"


@dataclass(frozen=True, slots=True)
class Performances:
    """Uploaded 多元表現 in order of student and 序號; enrolled is the row of the year's enrolment."""

    enrolled: Array
    number: Array
    category: Array
    uploaded_at: Array


def draw_performances(
    enrolled: pd.DataFrame, students: pd.DataFrame, *, year: int, age: int, rng: np.random.Generator
) -> Performances:
    """Draw a whole school year: six in ten students have something, and it gathers around the two ends of term."""
    person = students.iloc[enrolled["student"]]
    leaning = 0.62 - 0.06 * age + 0.7 * person["zeal"].to_numpy()
    has_some = draw_even(rng, np.where(person["silent"].to_numpy(), 0.0, 1 / (1 + np.exp(-leaning))))
    counts = np.where(has_some, draw_weighted(rng, _PERFORMANCE_COUNTS, len(enrolled)), 0)
    owner = np.repeat(np.arange(len(enrolled)), counts)
    size = len(owner)
    start, middle = clock(date(year + ROC_OFFSET, 8, 30), 8), clock(date(year + ROC_OFFSET + 1, 1, 31))
    summer, spring = clock(date(year + ROC_OFFSET + 1, 7, 15)), clock(date(year + ROC_OFFSET + 1, 4, 16))
    end = np.where(enrolled["grade"] == 3, spring, summer)[owner]
    phase = draw_weighted(rng, (0.5, 0.2, 0.3), size)
    anywhen = start + np.floor((end - start) * rng.random(size))
    near_middle = middle - rng.exponential(8, size) * DAY
    near_end = end - rng.exponential(9, size) * DAY
    day = np.choose(phase, [anywhen, near_middle, near_end]).astype(np.int64) // DAY
    evening = np.rint(rng.normal(19.5, 3, size)).clip(7, 23).astype(np.int64)
    uploaded = np.clip(day * DAY + evening * 3600 + rng.integers(0, 3600, size), start, end - 60)
    category = draw_weighted(rng, _CATEGORY_WEIGHTS, size)
    stayed = uploaded < enrolled["left_at"].to_numpy()[owner]
    owner, uploaded, category = owner[stayed], uploaded[stayed], category[stayed]
    order = np.lexsort((uploaded, owner))
    owner, uploaded, category = owner[order], uploaded[order], category[order]
    first = np.flatnonzero(np.diff(owner, prepend=-1))
    number = np.arange(len(owner)) - np.repeat(first, np.diff(first, append=len(owner))) + 1
    return Performances(owner, number, category, uploaded)


def draw_selections(
    enrolled: pd.DataFrame,
    *,
    year: int,
    windows: Windows,
    today: int,
    passed: Array,
    uploaded: Array,
    rng: np.random.Generator,
) -> pd.DataFrame:
    """Draw how many items each student in school has selected, for the grades whose window has opened by today.

    passed, uploaded: certified outcomes and uploaded performances of each enrolled student; nobody selects more than they
    have. One student is over the cap, as happens when a platform counts a file twice.
    Returns enrolled, outcomes, performances.
    """
    grades = enrolled["grade"].to_numpy()
    size = len(enrolled)
    progress = np.zeros(4)
    for grade in (1, 2, 3):
        window = windows.get((Term(year, 2), grade, SELECT_OUTCOME))
        if window is not None and window.start < today:
            progress[grade] = min(1.0, (today - window.start) / (window.end - window.start))
    done = rng.random(size) < 0.89
    acted = rng.random(size) ** 0.6 < progress[grades]
    outcomes = np.minimum(draw_weighted(rng, _OUTCOME_SELECTIONS, size), passed) * (done & acted)
    performances = np.minimum(draw_weighted(rng, _PERFORMANCE_SELECTIONS, size), uploaded) * (done & acted)
    listed = (progress[grades] > 0) & (enrolled["status"] == "在學").to_numpy()
    full = np.flatnonzero(listed & acted & (performances > 0))
    if len(full) and progress.max() == 1:
        performances[full[np.argmax(uploaded[full])]] = OVER_CAP
    frame = pd.DataFrame({"enrolled": np.arange(size), "outcomes": outcomes, "performances": performances})
    return frame[listed]


def draw_receipts(
    enrolled: pd.DataFrame, *, year: int, windows: Windows, today: int, age: int, rng: np.random.Generator
) -> pd.DataFrame:
    """Draw each student's answer to 收訖明細, for the grades whose window has opened by today.

    Four in five confirm, a few dispute, the rest never look; how many depends on the class. Returns enrolled, status,
    acted_at (FAR: not yet), number (the place of a dispute among those of the whole year, by time; 0: none) and last.
    """
    size = len(enrolled)
    grades = enrolled["grade"].to_numpy()
    keys = [(Term(year, 2), grade, CONFIRM) for grade in (1, 2, 3)]
    starts = np.array([FAR, *(windows[key].start if key in windows else FAR for key in keys)])[grades]
    ends = np.array([FAR, *(windows[key].end if key in windows else FAR for key in keys)])[grades]
    climate = rng.normal(0, 0.06, int(enrolled["class_row"].max()) + 1)[enrolled["class_row"].to_numpy()]
    draw = rng.random(size)
    answers = draw < (0.85 - 0.015 * age + climate).clip(max=0.99)
    disputes = answers & (rng.random(size) < 0.03)
    pace = rng.random(size) ** 1.4
    day = np.floor((ends - starts) / DAY * pace).astype(np.int64)
    acted = (
        starts // DAY * DAY
        + day * DAY
        + rng.choice([8, 9, 12, 12, 12, 15, 16, 17, 19, 20, 21, 22], size) * 3600
        + rng.integers(0, 3600, size)
    )
    acted = np.minimum(np.maximum(acted, starts + 60), ends - 1)
    seen = answers & (acted < today)
    status = np.where(seen, np.where(disputes, DISPUTED, CONFIRMED), UNSEEN)
    ever = np.flatnonzero(disputes & (starts < FAR))
    number = np.zeros(size, dtype=np.int64)
    number[ever[np.argsort(acted[ever], kind="stable")]] = np.arange(1, len(ever) + 1)
    frame = pd.DataFrame(
        {
            "enrolled": np.arange(size),
            "status": status,
            "acted_at": np.where(seen, acted, FAR),
            "number": number,
            "last": (number == len(ever)) & (number > 0),
        }
    )
    return frame[(starts < today) & (enrolled["status"] == "在學").to_numpy()]
