"""授課名冊: which teacher has which subject with which class in a term, and the electives across classes."""

from __future__ import annotations

from collections import defaultdict

import numpy as np
import pandas as pd

from data.demo.calendar import Term
from data.demo.chance import Array, stream
from data.demo.curriculum import ELECTIVES, Subject, code_course, list_subjects
from data.demo.people import DEPARTMENTS

_COLUMNS = ["term", "course_code", "subject", "class_name", "teacher", "weight", "class_row", "grade"]
ACROSS = -1  # class_row of a section that belongs to no one class
_LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"


def build_sections(
    classes: pd.DataFrame, staff: pd.DataFrame, leaders: Array, *, year: int, semesters: list[int], seed: int
) -> pd.DataFrame:
    """Give every class of a year its subjects, and every subject a teacher who keeps the class for both terms.

    Returns term, course_code, subject, class_name, teacher (row of staff), weight (how much it invites uploads),
    class_row (row of classes, ACROSS for an elective) and grade, one row a section.
    """
    rng = stream(seed, "sections", year)
    of_year = classes[classes["school_year"] == year]
    plans = {
        (row, semester): list_subjects(DEPARTMENTS[department], grade=grade, semester=semester)
        for row, department, grade in zip(of_year.index, of_year["department"], of_year["grade"], strict=True)
        for semester in (1, 2)
    }
    teachers = _assign_teachers(plans, staff, leaders, rng)
    rows: list[tuple[object, ...]] = [
        (
            Term(year, semester), code_course(subject, DEPARTMENTS[of_year.at[row, "department"]], entry_year=of_year.at[row, "entry_year"]),
            subject.name, of_year.at[row, "class_name"], teachers[row, subject.name], subject.weight, row, of_year.at[row, "grade"],
        )
        for semester in semesters
        for row in of_year.index
        for subject in plans[row, semester]
    ]  # fmt: skip
    for semester in semesters:
        rows += _offer_electives(of_year, staff, Term(year, semester), rng)
    return pd.DataFrame(rows, columns=_COLUMNS)


def _assign_teachers(
    plans: dict[tuple[int, int], list[Subject]], staff: pd.DataFrame, leaders: Array, rng: np.random.Generator
) -> dict[tuple[int, str], int]:
    """Homeroom teachers teach their own class first; the rest goes to whoever of the family has the lightest timetable."""
    members = _group_by_family(staff)
    load, family = staff["load"].to_numpy(), staff["family"].to_numpy()
    hours: dict[int, float] = defaultdict(float)
    wanted: dict[tuple[int, str], str] = {}
    terms: dict[tuple[int, str], int] = defaultdict(int)
    for (row, _), subjects in plans.items():
        for subject in subjects:
            wanted[row, subject.name] = subject.family
            terms[row, subject.name] += 1
    chosen: dict[tuple[int, str], int] = {}
    led: set[int] = set()
    for (row, name), wanted_family in wanted.items():
        leader = int(leaders[row])
        if family[leader] == wanted_family and row not in led:
            led.add(row)
            chosen[row, name] = leader
            hours[leader] += terms[row, name]
    rest = [key for key in wanted if key not in chosen]
    for position in rng.permutation(len(rest)):
        key = rest[position]
        teacher = min(members[wanted[key]], key=lambda i: ((hours[i] + terms[key]) / load[i], i))
        hours[teacher] += terms[key]
        chosen[key] = teacher
    return chosen


def _group_by_family(staff: pd.DataFrame) -> dict[str, list[int]]:
    members: dict[str, list[int]] = defaultdict(list)
    for row, family in enumerate(staff["family"]):
        members[family].append(row)
    return members


def _offer_electives(
    of_year: pd.DataFrame, staff: pd.DataFrame, term: Term, rng: np.random.Generator
) -> list[tuple[object, ...]]:
    """Offer 跨班選修 to the second and third grades, as many groups as classes take part; one class alone has none."""
    members = _group_by_family(staff)
    offered: list[tuple[object, ...]] = []
    letters = iter(_LETTERS)
    for grade in (2, 3):
        taking = elective_classes(of_year, grade)
        if not len(taking):
            continue
        department = DEPARTMENTS[taking["department"].iloc[0]]
        for subject, letter in zip(
            [ELECTIVES[i] for i in rng.permutation(len(ELECTIVES))][: len(taking)], letters, strict=False
        ):
            teacher = members[subject.family][int(rng.integers(len(members[subject.family])))]
            code = code_course(subject, department, entry_year=int(taking["entry_year"].iloc[0]), across_classes=True)
            offered.append((term, code, subject.name, f"多元選修{letter}", teacher, subject.weight, ACROSS, grade))
    return offered


def elective_classes(of_year: pd.DataFrame, grade: int) -> pd.DataFrame:
    """Return the classes whose students meet in electives: 普通科's where there are two, else all of the grade."""
    of_grade = of_year[of_year["grade"] == grade]
    general = of_grade[of_grade["department"] == 0]
    taking = general if len(general) > 1 else of_grade
    return taking if len(taking) > 1 else taking.iloc[:0]


def choose_electives(
    enrolled: pd.DataFrame, classes: pd.DataFrame, sections: pd.DataFrame, rng: np.random.Generator
) -> Array:
    """Return for each enrolled student the row of their elective in sections, or -1."""
    chosen = np.full(len(enrolled), -1)
    across = sections[sections["class_row"] == ACROSS]
    for grade, offered in across.groupby("grade"):
        taking = elective_classes(classes, int(grade)).index
        here = enrolled["class_row"].isin(taking).to_numpy()
        chosen[here] = offered.index.to_numpy()[rng.integers(0, len(offered), int(here.sum()))]
    return chosen
