"""課程學習成果: who uploads in a term, when, from which course, and when it is sent for certification."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

import numpy as np
import pandas as pd

from data.demo.calendar import DAY, UPLOAD, Term, Windows, assessment_days, clock
from data.demo.chance import FAR, Array, draw_even, draw_weighted
from data.demo.sections import choose_electives

# Shares of 0 to 6 items among those who take part; the tail is long, as in every school.
_COUNTS = (0, 22, 27, 22, 14, 9, 6)
_WEEKDAY = (2, 1, 0.3, 0.1, 0.1, 0.2, 0.5, 1, 2.5, 3, 4, 4, 6, 4, 4, 5, 6, 5.5, 5, 7, 9.5, 11.5, 12, 8)
_WEEKEND = (3, 2, 0.5, 0.1, 0.1, 0.1, 0.3, 0.8, 1.5, 3, 5, 6, 4, 5, 7, 7.5, 7, 6, 4.5, 6, 8, 9.5, 9.5, 7)
_LAST_DAY = (1.5, 0.5, 0.2, 0.1, 0.1, 0.1, 0.3, 1, 2, 2, 3, 3, 4, 3, 4, 5, 6, 6, 6, 8, 10, 13, 16, 18)
LAST_MINUTE = 2 * DAY


@dataclass(frozen=True, slots=True)
class Uploads:
    """Uploaded items in order of student and 序號; sent_at is FAR where the item was never sent. Seconds of the clock."""

    enrolled: Array  # row of the year's enrolment
    section: Array  # row of the year's sections
    number: Array
    uploaded_at: Array
    sent_at: Array


def draw_uploads(
    enrolled: pd.DataFrame, students: pd.DataFrame, classes: pd.DataFrame, sections: pd.DataFrame, *,
    term: Term, windows: Windows, age: int, idle_class: int, scale: float, rng: np.random.Generator,
) -> Uploads:  # fmt: skip
    """Draw the uploads of a whole term, whenever today is; what comes after today is cut off later.

    age: school years before the newest; taking part grew a little every year and last-minute uploads became fewer.
    idle_class: a row of classes where nobody uploads anything (-1: none). scale multiplies the counts.
    """
    counts = _draw_counts(enrolled, students, term=term, age=age, idle_class=idle_class, scale=scale, rng=rng)
    electives = choose_electives(enrolled, classes, sections, rng)
    owner = np.repeat(np.arange(len(enrolled)), counts)
    uploaded = _draw_times(enrolled["grade"].to_numpy()[owner], term=term, windows=windows, age=age, rng=rng)
    section = _draw_sections(enrolled["class_row"].to_numpy()[owner], electives[owner], sections, rng)
    stayed = uploaded < enrolled["left_at"].to_numpy()[owner]
    owner, uploaded, section = owner[stayed], uploaded[stayed], section[stayed]
    order = np.lexsort((uploaded, owner))
    owner, uploaded, section = owner[order], uploaded[order], section[order]
    first = np.flatnonzero(np.diff(owner, prepend=-1))
    number = np.arange(len(owner)) - np.repeat(first, np.diff(first, append=len(owner))) + 1
    ends = _ends(enrolled["grade"].to_numpy()[owner], term=term, windows=windows)
    ends = np.minimum(ends, enrolled["left_at"].to_numpy()[owner])
    return Uploads(owner, section, number, uploaded, _draw_sendings(uploaded, ends, rng))


def _draw_counts(
    enrolled: pd.DataFrame,
    students: pd.DataFrame,
    *,
    term: Term,
    age: int,
    idle_class: int,
    scale: float,
    rng: np.random.Generator,
) -> Array:
    person = students.iloc[enrolled["student"]]
    class_row = enrolled["class_row"].to_numpy()
    climates = rng.normal(0, 0.3, int(class_row.max()) + 1)
    climate = climates[class_row] - climates[class_row].mean()  # classes differ, a term as a whole does not
    grade_3_in_a_hurry = (enrolled["grade"].to_numpy() == 3) & (term.semester == 2)
    leaning = 2.15 - 0.16 * age + 0.75 * person["zeal"].to_numpy() + climate - 0.35 * grade_3_in_a_hurry
    shares = np.where(person["silent"].to_numpy() | (class_row == idle_class), 0.0, 1 / (1 + np.exp(-leaning)))
    takes_part = draw_even(rng, shares)
    counts = draw_weighted(rng, _COUNTS, len(enrolled))
    return np.where(takes_part, np.floor(counts * scale + rng.random(len(enrolled))), 0).astype(int)


def _ends(grades: Array, *, term: Term, windows: Windows) -> Array:
    by_grade = np.array([0, *(windows[term, grade, UPLOAD].end for grade in (1, 2, 3))])
    return np.asarray(by_grade[grades])


def _draw_times(grades: Array, *, term: Term, windows: Windows, age: int, rng: np.random.Generator) -> Array:
    """A third in the last 48 hours, a good third around the midterm assignments, the rest towards the end of term."""
    times = np.empty(len(grades), dtype=np.int64)
    for grade in (1, 2, 3):
        here = np.flatnonzero(grades == grade)
        window = windows[term, grade, UPLOAD]
        times[here] = _draw_times_in(window.start, window.end, assessment_days(term), len(here), age=age, rng=rng)
    return times


def _draw_times_in(start: int, end: int, peaks: list[date], size: int, *, age: int, rng: np.random.Generator) -> Array:
    first_day, days = start // DAY, (end - start // DAY * DAY) // DAY
    peak_days = np.array([d for peak in peaks if (d := clock(peak) // DAY - first_day) < days - 5] or [days // 2])
    last_minute = 0.32 + 0.012 * age
    phase = draw_weighted(rng, (0.31, 0.14, 0.55 - last_minute, last_minute), size)
    drawn = np.choose(
        phase,
        [
            peak_days[draw_weighted(rng, (0.55, 0.45)[: len(peak_days)], size)] + np.rint(rng.normal(2, 5.5, size)),
            rng.integers(6, max(7, days - 7), size),
            days - 3 - np.rint(rng.gamma(1.5, 8, size)),
            days - 1 - (rng.random(size) < 0.34),
        ],
    )
    day: Array = np.clip(drawn.astype(int), 0, days - 1)
    weekday = (day + first_day + 3) % 7  # 1970-01-01 was a Thursday
    waits_for_saturday = (phase < 3) & (weekday < 5) & (rng.random(size) < 0.16)
    shifted = day + np.where(waits_for_saturday, 5 - weekday + (rng.random(size) < 0.55), 0)
    day = np.where(shifted < days - 2, shifted, day)
    weekday = (day + first_day + 3) % 7
    hour = np.where(weekday >= 5, draw_weighted(rng, _WEEKEND, size), draw_weighted(rng, _WEEKDAY, size))
    hour = np.where(day == days - 1, draw_weighted(rng, _LAST_DAY, size), hour)
    times = (first_day + day) * DAY + hour * 3600 + rng.integers(0, 3600, size)
    return np.asarray(np.where(times < start, start + rng.integers(0, 6 * 3600, size), times))


def _draw_sections(class_rows: Array, electives: Array, sections: pd.DataFrame, rng: np.random.Generator) -> Array:
    """Choose a course for each item by weight; one item in six of those with an elective comes from it."""
    own = sections[sections["class_row"] >= 0]
    place = own.groupby("class_row").cumcount().to_numpy()
    width = int(place.max()) + 1
    height = int(own["class_row"].max()) + 1
    weights, rows = np.zeros((height, width)), np.full((height, width), -1)
    weights[own["class_row"], place] = own["weight"]
    rows[own["class_row"], place] = own.index
    cumulative = weights.cumsum(axis=1)
    draws = rng.random(len(class_rows)) * cumulative[class_rows, -1]
    chosen = rows[class_rows, (draws[:, None] >= cumulative[class_rows]).sum(axis=1).clip(max=width - 1)]
    return np.where((electives >= 0) & (rng.random(len(class_rows)) < 1 / 6), electives, chosen)


def _draw_sendings(uploaded: Array, ends: Array, rng: np.random.Generator) -> Array:
    """Most are sent within hours, all before the window closes; one in 25 is never sent."""
    size = len(uploaded)
    sent = uploaded + 60 + np.rint(np.exp(rng.normal(np.log(4200), 1.3, size))).astype(np.int64)
    too_late = sent >= ends
    sent = np.where(
        too_late, uploaded + np.floor((ends - uploaded) * rng.uniform(0.1, 0.95, size)).astype(np.int64), sent
    )
    return np.where(rng.random(size) < 0.04, FAR, sent)
