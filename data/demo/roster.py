"""The school as it stands: classes, students, staff, sections, leaves and windows of all its years."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

import numpy as np
import pandas as pd

from data.demo.calendar import DAY, UPLOAD, Term, Windows, clock, last_terms, plan_windows
from data.demo.chance import Array, stream
from data.demo.leaves import Leave, plan_leaves
from data.demo.people import build_classes, build_students, enrol
from data.demo.sections import build_sections
from data.demo.staffing import build_staff, lead_classes


@dataclass(frozen=True, slots=True)
class Roster:
    """Everybody and everything the lists refer to. leaders: row of staff for each row of classes."""

    today: int
    terms: list[Term]
    windows: Windows
    classes: pd.DataFrame
    leaders: Array
    staff: pd.DataFrame
    students: pd.DataFrame
    enrolled: dict[int, pd.DataFrame]
    sections: dict[int, pd.DataFrame]
    leaves: dict[int, list[Leave]]
    idle_class: int

    @property
    def years(self) -> list[int]:
        """Return the school years of the terms, oldest first."""
        return sorted(self.enrolled)

    def age(self, year: int) -> int:
        """Return how many school years before the newest a year was."""
        return self.years[-1] - year


def build_roster(*, classes: int, terms: int, seed: int, today: date) -> Roster:
    """Build the school of the last `terms` terms up to the one running today."""
    all_terms = last_terms(today, terms)
    years = sorted({term.year for term in all_terms})
    windows = plan_windows(all_terms)
    now = clock(today)
    class_frame = build_classes(years, classes=classes)
    staff = build_staff(classes=classes, seed=seed)
    leaders = lead_classes(class_frame, staff, seed=seed)
    students = build_students(years, classes=classes, seed=seed)
    first = windows[all_terms[0], 1, UPLOAD].start // DAY * DAY
    sections, leaves = {}, {}
    for year in years:
        semesters = [term.semester for term in all_terms if term.year == year]
        sections[year] = build_sections(class_frame, staff, leaders, year=year, semesters=semesters, seed=seed)
        leaves[year] = plan_leaves(sections[year], staff, year=year, first=first, today=now, seed=seed)
    return Roster(
        today=now,
        terms=all_terms,
        windows=windows,
        classes=class_frame,
        leaders=leaders,
        staff=staff,
        students=students,
        enrolled={year: enrol(students, class_frame, year=year, today=now) for year in years},
        sections=sections,
        leaves=leaves,
        idle_class=_choose_idle_class(class_frame, years[-1], seed=seed),
    )


def _choose_idle_class(classes: pd.DataFrame, year: int, *, seed: int) -> int:
    """Choose the first-year class of the newest year that has uploaded nothing this term, a vocational one where there is one."""
    first_years = classes[(classes["school_year"] == year) & (classes["grade"] == 1)]
    vocational = first_years[first_years["department"] > 0]
    rows = (vocational if len(vocational) else first_years).index.to_numpy()
    return int(np.asarray(rows)[stream(seed, "idle", year).integers(len(rows))])
