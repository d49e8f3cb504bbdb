"""The staff: who belongs to which office or teaching unit, who leads a class, and how each one works through a queue."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pandas as pd

from data.demo.chance import Array, share_out, stream
from data.demo.curriculum import ELECTIVES, list_subjects
from data.demo.names import draw_staff_names
from data.demo.people import DEPARTMENTS, plan_cohort

CHIEF_UNIT = "教務處教學組"
PRINCIPAL_UNIT = "校長室"
_UNITS = {
    "國文": "教務處國文科", "英文": "教務處英文科", "數學": "教務處數學科", "物理": "教務處自然科", "化學": "教務處自然科",
    "生物": "教務處自然科", "歷史": "教務處社會科", "地理": "教務處社會科", "公民": "教務處社會科", "藝術": "教務處藝能科",
    "科技": "教務處科技科", "體育": "學務處體育組",
}  # fmt: skip
# Offices in the order in which a growing school fills them; a 主任 teaches least, a 組長 half, those who assist (協助行政) nearly all.
_POSTS = (
    (CHIEF_UNIT, "chief"), ("教務處註冊組", "chief"), ("學務處訓育組", "chief"), (CHIEF_UNIT, "assistant"), ("輔導處輔導組", "chief"),
    ("教務處", "director"), ("學務處社團活動組", "chief"), ("學務處", "director"), (CHIEF_UNIT, "assistant"), ("實習處實習組", "chief"),
    ("輔導處資料組", "chief"), ("教務處註冊組", "assistant"), ("學務處訓育組", "assistant"), ("圖書館", "director"),
    ("實習處", "director"), ("學務處生活輔導組", "chief"), ("輔導處", "director"), (CHIEF_UNIT, "assistant"),
    ("教務處設備組", "chief"), ("實習處就業輔導組", "chief"), ("學務處社團活動組", "assistant"), ("總務處", "director"),
)  # fmt: skip
_LOADS = {"plain": 1.0, "assistant": 0.85, "chief": 0.5, "director": 0.2}
_GENERAL_LEADERS = ("國文", "英文", "數學")


def build_staff(*, classes: int, seed: int) -> pd.DataFrame:
    """Hire two teachers a class and one more for every four classes (15 at most), at least one per family of subjects.

    Returns code, name, woman, unit, email, post, family, load (share of a full timetable), and how the person certifies:
    wait_days (median), forgets (share never opened), heeds (share hurried by a reminder), every_days (between sittings).
    The first row is the principal, who teaches nothing.
    """
    rng = stream(seed, "staff")
    demand = _count_lessons(classes)
    count = max(2 * classes + min(15, classes // 4), len(demand))
    seats = share_out(count, list(demand.values()))
    families = np.repeat(list(demand), seats)
    families = families[rng.permutation(len(families))]
    posts = _fill_posts(families, seats=dict(zip(demand, seats, strict=True)))
    office = [posts.get(i, (unit_of(family), "plain")) for i, family in enumerate(families)]
    order = sorted(range(len(families)), key=lambda i: list(posts).index(i) if i in posts else len(posts) + i)
    staff = pd.DataFrame(
        {
            "unit": [PRINCIPAL_UNIT] + [office[i][0] for i in order],
            "post": ["principal"] + [office[i][1] for i in order],
            "family": ["", *families[order]],
        }
    )
    women = rng.random(len(staff)) < 0.58
    codes = [f"T{number:03d}" for number in range(1, len(staff) + 1)]
    staff.insert(0, "code", codes)
    staff.insert(1, "name", draw_staff_names(rng, women))
    staff["woman"] = women
    staff["email"] = [f"{code.lower()}@school.example" for code in codes]
    staff["load"] = staff["post"].map(_LOADS).fillna(0.0)
    return _draw_habits(staff, rng)


def unit_of(family: str) -> str:
    """Return the teaching unit of a family of subjects; a vocational 科 belongs to 實習處."""
    return _UNITS.get(family, f"實習處{family}")


def _count_lessons(classes: int) -> dict[str, int]:
    """Count the sections of each family over three cohorts and both terms, so that nobody is hired for nothing."""
    lessons: Counter[str] = Counter()
    for entry in range(3):
        for department, _ in plan_cohort(entry, classes=classes):
            for grade in (1, 2, 3):
                for semester in (1, 2):
                    lessons.update(
                        subject.family for subject in list_subjects(department, grade=grade, semester=semester)
                    )
    lessons.update(subject.family for subject in ELECTIVES)
    return dict(sorted(lessons.items(), key=lambda item: (-item[1], item[0])))


def _fill_posts(families: Array, *, seats: dict[str, int]) -> dict[int, tuple[str, str]]:
    """Give the posts to the first teachers of families that can spare one; three in ten teachers hold one at most."""
    room = {family: max(1, count // 2) for family, count in seats.items()}
    posts: dict[int, tuple[str, str]] = {}
    wanted = list(_POSTS[: max(4, int(len(families) * 0.3))])
    for i, family in enumerate(families):
        if not wanted:
            break
        if room[family] and (not wanted[0][0].startswith("實習處") or family in {d.name for d in DEPARTMENTS}):
            posts[i] = wanted.pop(0)
            room[family] -= 1
    return posts


def _draw_habits(staff: pd.DataFrame, rng: np.random.Generator) -> pd.DataFrame:
    """Draw how each one certifies: most within days, a tenth at once, about one in fifteen clearly behind.

    One of those behind assists in the section whose chief the demo signs in, so that a chief has something to do.
    """
    count = len(staff)
    wait_days = np.exp(rng.normal(np.log(2.1), 0.45, count))
    forgets = rng.uniform(0.0, 0.006, count)
    heeds = rng.uniform(0.6, 0.95, count)
    every_days = rng.choice([1, 1, 2, 2, 3, 4], count)
    plain = rng.permutation(np.flatnonzero(staff["post"] == "plain"))
    helpers = np.flatnonzero((staff["unit"] == CHIEF_UNIT) & (staff["post"] == "assistant"))
    behind_count = max(1, round(count / 15))
    behind = np.concatenate([helpers[:1], plain])[:behind_count] if count > 20 else plain[:behind_count]
    quick = plain[behind_count : behind_count + round(count / 10)]
    wait_days[quick], every_days[quick], forgets[quick], heeds[quick] = 0.35, 1, 0.0, 0.98
    wait_days[behind] = rng.uniform(12, 20, len(behind))
    forgets[behind] = rng.uniform(0.06, 0.2, len(behind))
    heeds[behind] = rng.uniform(0.25, 0.5, len(behind))
    every_days[behind] = 5
    is_behind = np.isin(np.arange(count), behind)
    return staff.assign(wait_days=wait_days, forgets=forgets, heeds=heeds, every_days=every_days, behind=is_behind)


def lead_classes(classes: pd.DataFrame, staff: pd.DataFrame, *, seed: int) -> Array:
    """Return the homeroom teacher (row of staff) of each row of classes: one class a person, the same one for three years."""
    rng = stream(seed, "homeroom")
    free = [int(i) for i in rng.permutation(np.flatnonzero(staff["post"].isin(["plain", "assistant"])))]
    busy = [int(i) for i in np.flatnonzero(staff["post"].isin(["chief", "director"]))]
    family = staff["family"].to_numpy()
    leaders: dict[tuple[int, int], int] = {}
    chosen = []
    for entry, slot, department in zip(classes["entry_year"], classes["slot"], classes["department"], strict=True):
        place = (int(entry) % 3, int(slot))
        if place not in leaders:
            own = DEPARTMENTS[int(department)].name
            suits = [own, *_GENERAL_LEADERS] if rng.random() < 0.6 else [*_GENERAL_LEADERS, own]
            ranked = [suits[:1], suits, list(family)]
            leaders[place] = next(i for pool in (free, busy) for group in ranked for i in pool if family[i] in group)
            (free if leaders[place] in free else busy).remove(leaders[place])
        chosen.append(leaders[place])
    return np.array(chosen)
