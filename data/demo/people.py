"""Departments, classes that move up year by year, and the students in them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

import numpy as np
import pandas as pd

from data.demo.calendar import DAY, ROC_OFFSET, clock, school_year_start
from data.demo.chance import FAR, Array, draw_even, share_out, stream
from data.demo.names import draw_student_names

_GRADES = "一二三"
_STEMS = "甲乙丙丁戊己庚辛壬癸忠孝仁愛信義和平"


@dataclass(frozen=True, slots=True)
class Department:
    """A 科: codes as in the 23 characters of 課程代碼; from_size is the classes a grade needs to have it."""

    name: str
    initial: str
    kind: str
    group: str
    code: str
    share: float
    from_size: int
    girls: float


DEPARTMENTS = (
    Department("普通科", "", "H", "11", "101", 0.40, 1, 0.52),
    Department("資訊科", "資", "V", "23", "305", 0.14, 2, 0.15),
    Department("電機科", "電", "V", "23", "308", 0.14, 4, 0.06),
    Department("商業經營科", "商", "V", "26", "401", 0.22, 3, 0.66),
    Department("觀光事業科", "觀", "V", "32", "407", 0.12, 5, 0.64),
    Department("機械科", "機", "V", "21", "301", 0.12, 11, 0.05),
    Department("資料處理科", "處", "V", "26", "404", 0.12, 13, 0.48),
    Department("餐飲管理科", "餐", "V", "32", "408", 0.12, 16, 0.45),
    Department("廣告設計科", "廣", "V", "28", "406", 0.10, 20, 0.72),
)


def plan_cohort(entry_year: int, *, classes: int) -> list[tuple[Department, int]]:
    """List the classes of one entry year as department and rank; three running cohorts together have `classes` classes."""
    count = classes // 3 + (entry_year % 3 < classes % 3)
    present = [department for department in DEPARTMENTS if department.from_size <= count]
    seats = share_out(count, [department.share for department in present])
    return [(department, rank) for department, n in zip(present, seats, strict=True) for rank in range(n)]


def name_class(department: Department, *, grade: int, rank: int) -> str:
    """Name a class the way its department does: 201, 資二甲."""
    if not department.initial:
        return f"{grade}{rank + 1:02d}"
    return f"{department.initial}{_GRADES[grade - 1]}{_STEMS[rank] if rank < len(_STEMS) else rank + 1}"


def build_classes(years: list[int], *, classes: int) -> pd.DataFrame:
    """List the classes of each school year, by grade; `slot` is a class's place in its cohort all three years."""
    return pd.DataFrame(
        [
            (year, name_class(dep, grade=grade, rank=rank), grade, DEPARTMENTS.index(dep), year - grade + 1, slot)
            for year in years
            for grade in (1, 2, 3)
            for slot, (dep, rank) in enumerate(plan_cohort(year - grade + 1, classes=classes))
        ],
        columns=["school_year", "class_name", "grade", "department", "entry_year", "slot"],
    )


def build_students(years: list[int], *, classes: int, seed: int) -> pd.DataFrame:
    """List everyone who entered in time to be here in one of the years, with the clock second they left (FAR: stayed).

    zeal is how keen a student is to upload (standard normal); those with silent upload nothing ever.
    """
    cohorts = [_build_cohort(entry, classes=classes, seed=seed) for entry in range(years[0] - 2, years[-1] + 1)]
    students = pd.concat(cohorts, ignore_index=True)
    return students.assign(id_number=_draw_id_numbers(len(students)))


def _build_cohort(entry: int, *, classes: int, seed: int) -> pd.DataFrame:
    rng = stream(seed, "cohort", entry)
    plan = plan_cohort(entry, classes=classes)
    sizes = rng.integers(33, 37, len(plan))
    count = int(sizes.sum())
    slot = np.repeat(np.arange(len(plan)), sizes)
    girls = rng.random(count) < np.repeat([department.girls for department, _ in plan], sizes)
    zeal = rng.standard_normal(count)
    left_at, left_word = _draw_leavings(rng, entry, count)
    return pd.DataFrame(
        {
            "student_number": [f"{entry}{number:04d}" for number in range(1, count + 1)],
            "name": draw_student_names(rng, girls),
            "entry_year": entry,
            "slot": slot,
            "seat": np.arange(count) - np.repeat(np.cumsum(sizes) - sizes, sizes) + 1,
            "zeal": (zeal - zeal.mean()) / zeal.std(),
            "silent": draw_even(rng, np.full(count, 0.06)),
            "left_at": left_at,
            "left_word": left_word,
        }
    )


def _draw_leavings(rng: np.random.Generator, entry: int, count: int) -> tuple[Array, Array]:
    """About one in a hundred leaves in a year, most of them in the first; by transfer more often than by leave."""
    left_at = np.full(count, FAR)
    for grade, share in ((1, 0.016), (2, 0.010), (3, 0.005)):
        leaves = (rng.random(count) < share) & (left_at == FAR)
        term_days = rng.integers(0, 290, count)
        first = clock(date(entry + grade - 1 + ROC_OFFSET, 9, 10), 12)
        left_at[leaves] = first + term_days[leaves] * DAY
    word = np.where(rng.random(count) < 0.6, "轉出", "休學")
    return left_at, word


def _draw_id_numbers(count: int) -> list[str]:
    """Number students by test IDs that no real person can have: the check digit is wrong on purpose."""
    bodies = np.arange(count) * 7919 % 10**7
    digits = np.array([list(f"1{body:07d}") for body in bodies], dtype=int).reshape(count, 8)
    check = -(1 + digits @ np.arange(8, 0, -1)) % 10  # A stands for 10: 1 x 1 + 0 x 9
    return [f"A1{body:07d}{(valid + 5) % 10}" for body, valid in zip(bodies, check, strict=True)]


def enrol(students: pd.DataFrame, classes: pd.DataFrame, *, year: int, today: int) -> pd.DataFrame:
    """Put everyone on the roster of a school year into their class, in order of class and seat.

    Whoever left before the year began is not on it; whoever left in it, by `today`, is, with 轉出 or 休學. Returns student
    (row of students), class_row (row of classes), grade, left_at, status.
    """
    here = students[students["entry_year"].between(year - 2, year) & (students["left_at"] >= school_year_start(year))]
    of_year = classes[classes["school_year"] == year]
    rows = here[["entry_year", "slot", "seat", "left_at", "left_word"]].rename_axis("student").reset_index()
    keys = of_year[["entry_year", "slot", "grade"]].rename_axis("class_row").reset_index()
    rows = rows.merge(keys, on=["entry_year", "slot"]).sort_values(["class_row", "seat"], ignore_index=True)
    gone = rows["left_at"] < min(today, school_year_start(year + 1))
    return rows.assign(status=rows["left_word"].where(gone, "在學"))[
        ["student", "class_row", "grade", "left_at", "status"]
    ]
