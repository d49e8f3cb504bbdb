"""認證: when each item is decided, by whom, with what result; and what is sent a second time."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from data.demo.calendar import CERTIFY, DAY, Term, Windows
from data.demo.chance import FAR, Array
from data.demo.leaves import Leave
from data.demo.uploads import LAST_MINUTE, Uploads

REASONS = ("非本課程相關主題成果，無法認證", "無法查證成果可信度")


@dataclass(frozen=True, slots=True)
class Rounds:
    """Sendings of items (rows of Uploads); item order, the second sending after the first. FAR: has not happened."""

    item: Array
    sent_at: Array
    decided_at: Array
    passed: Array
    released: Array
    reason: Array  # position in REASONS
    certifier: Array  # row of staff


def certify(
    uploads: Uploads, teachers: Array, grades: Array, staff: pd.DataFrame, leaves: list[Leave], *,
    term: Term, windows: Windows, age: int, rng: np.random.Generator,
) -> Rounds:  # fmt: skip
    """Let every sent item wait its time, and send half of the refused ones again.

    teachers: row of staff for each upload. age: school years before the newest; the older, the slower everyone was.
    """
    ends = np.array([0, *(windows[term, grade, CERTIFY].end for grade in (1, 2, 3))])[grades]
    upload_ends = np.array([0, *(windows[term, grade, CERTIFY].original_end - 7 * DAY for grade in (1, 2, 3))])[grades]
    item = np.arange(len(teachers))
    first = _decide(
        item, uploads.sent_at, teachers, ends, upload_ends, staff, leaves, age=age, pass_share=0.955, rng=rng
    )
    again_at = first.decided_at + 3600 + np.rint(np.exp(rng.normal(np.log(20 * 3600), 0.8, len(item)))).astype(np.int64)
    again = (
        ~first.passed
        & first.released
        & (first.decided_at < FAR)
        & (again_at < ends - DAY // 2)
        & (rng.random(len(item)) < 0.62)
    )
    second = _decide(
        item[again],
        again_at[again],
        teachers[again],
        ends[again],
        upload_ends[again],
        staff,
        leaves,
        age=age,
        pass_share=0.9,
        rng=rng,
    )
    merged = [np.concatenate([getattr(first, name), getattr(second, name)]) for name in Rounds.__dataclass_fields__]
    order = np.lexsort((merged[1], merged[0]))
    return Rounds(*(column[order] for column in merged))


def _decide(
    item: Array, sent: Array, teachers: Array, ends: Array, upload_ends: Array, staff: pd.DataFrame, leaves: list[Leave], *,
    age: int, pass_share: float, rng: np.random.Generator,
) -> Rounds:  # fmt: skip
    size = len(item)
    habit = {name: staff[name].to_numpy()[teachers] for name in ("wait_days", "forgets", "heeds", "every_days")}
    never_sent = sent >= FAR
    sent = np.where(never_sent, 0, sent)
    rush = np.where(sent >= upload_ends - LAST_MINUTE, 1.3, 1.0) * (1 + 0.07 * age)
    waits = np.exp(np.log(habit["wait_days"] * rush) + rng.normal(0, 0.8, size))
    natural = sent + np.rint(waits * DAY).astype(np.int64)
    decided = _sit_down(natural, sent, teachers, habit["every_days"], rng)
    # A reminder goes round before the window ends; who heeds it clears the queue in the last days.
    reminded = (decided >= ends) & (sent < ends - DAY) & (rng.random(size) < habit["heeds"] - 0.05 * age)
    hurried = ends - np.floor((ends - sent - 3600).clip(0, 3 * DAY) * rng.random(size)).astype(np.int64) - 600
    decided = np.where(reminded, np.maximum(hurried, sent + 900), decided)
    forgotten = rng.random(size) < habit["forgets"]
    found_later = np.maximum(decided, ends) + np.rint(rng.exponential(50, size) * DAY).astype(np.int64) + 10 * DAY
    decided = np.where(forgotten, np.where(rng.random(size) < 0.55, found_later, FAR), decided)
    decided = np.where(never_sent, FAR, decided)
    return Rounds(
        item=item,
        sent_at=np.where(never_sent, FAR, sent),
        decided_at=decided,
        passed=rng.random(size) < pass_share,
        released=rng.random(size) >= (0.02 if age == 0 else 0.016),
        reason=(rng.random(size) < 0.55).astype(int),
        certifier=_name_certifiers(decided, teachers, leaves, rng),
    )


def _sit_down(natural: Array, sent: Array, teachers: Array, every_days: Array, rng: np.random.Generator) -> Array:
    """Move decisions to the days and hours at which a teacher sits down to the queue, mostly weekdays, and in batches."""
    if not len(natural):
        return natural
    day = natural // DAY
    day = day + -(day + teachers) % every_days
    weekday = (day + 3) % 7
    day = day + np.where((weekday >= 5) & (rng.random(len(day)) < 0.7), 7 - weekday, 0)
    first_day, span = int(day.min()), int(day.max() - day.min()) + 1
    hours = rng.choice([8, 9, 10, 11, 12, 13, 15, 16, 17, 20, 21, 22], (int(teachers.max()) + 1, span))
    start = day * DAY + hours[teachers, day - first_day] * 3600
    decided = start + rng.integers(0, 4800, len(day))
    short = (sent + 600 - decided).clip(min=0)
    return np.asarray(decided + -(-short // DAY) * DAY)


def _name_certifiers(decided: Array, teachers: Array, leaves: list[Leave], rng: np.random.Generator) -> Array:
    """Whoever stands in on the day decides; the first deputy four times of five where there are two."""
    certifier = teachers.copy()
    second = rng.random(len(teachers)) < 0.2
    for leave in leaves:
        covered = (teachers == leave.principal) & (decided >= leave.start) & (decided < leave.end)
        certifier[covered] = leave.deputies[0]
        certifier[covered & second] = leave.deputies[-1]
    return certifier
