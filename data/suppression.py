"""Small groups are merged before anything is counted, so that no figure holds one of them by itself."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from data.instants import NEVER
from data.ledger import Ledger

MARK = "＊"  # what is merged is called by it; it sorts behind every name
LEFT_OUT = -1
Ints = npt.NDArray[np.int64]


def fewest_students(size: int) -> int:
    """Return how many students a class must have to stand by itself: of fewer, 0 % or 100 % would tell of each of them."""
    return 2 * size


def merge_small(classes: pd.DataFrame, *, size: int) -> Ints:
    """Return for each class the class that it is merged into (itself, where it stands alone), LEFT_OUT where none can be.

    classes: a row a class, indexed from 0, with school_year, grade, name, department, division, students (the fewest at any
    time of the year) and teachers (a set of whoever teaches it). A class stands alone with fewest_students(size) students and
    size teachers, or with nobody at all. What does not is merged within its grade until it does: with its own 科別 and 部別 before
    others, with what is small or merged already before what could stand alone, then the smallest. So each figure that is made
    of the result is a sum of such groups, however it is filtered, and no subtraction gets below them. A grade that is too
    small as a whole is left out of every count.
    """
    into = np.full(len(classes), LEFT_OUT, dtype=np.int64)
    students = classes["students"].to_numpy()
    kin = list(zip(classes["department"], classes["division"], strict=True))
    names, teachers = [str(name) for name in classes["name"]], list(classes["teachers"])

    def students_of(pool: list[int]) -> int:
        return int(students[pool].sum())

    def stands(pool: list[int]) -> bool:
        taught_by = frozenset[int]().union(*(teachers[code] for code in pool))
        return students_of(pool) >= fewest_students(size) and (not taught_by or len(taught_by) >= size)

    def nearness(pool: list[int], other: list[int]) -> tuple[Any, ...]:
        both = {kin[code] for code in (*pool, *other)}
        apart = 0 if len(both) == 1 else 1 if len({division for _, division in both}) == 1 else 2
        return apart, len(other) == 1 and stands(other), students_of(other), names[other[0]]

    for _, part in classes.groupby(["school_year", "grade"]):
        empty = part["students"].isna()
        into[part.index[empty]] = part.index[empty]
        pools = [[int(code)] for code in part.index[~empty]]
        while len(pools) > 1 and (small := [pool for pool in pools if not stands(pool)]):
            pool = min(small, key=lambda each: (students_of(each), names[each[0]]))
            pools.remove(pool)
            partner = min(pools, key=lambda other: nearness(pool, other))
            pools.remove(partner)
            pools.append(sorted((*pool, *partner)))
        for pool in pools:
            if stands(pool):
                into[pool] = pool[0]
    return into


def fewest_present(enrolments: pd.DataFrame, *, size: int) -> npt.NDArray[np.float64]:
    """Return by class code how few students were in it at any instant of its year at which anybody was.

    0 where its students are in no count at all, NaN where it has no student on the roster: a threshold that held on one
    day alone would let the same class through on another.
    """
    listed = np.bincount(enrolments["class"].to_numpy()[enrolments["class"].to_numpy() >= 0], minlength=size)
    counted = enrolments[(enrolments["class"] >= 0) & (enrolments["left_at"] >= 0)]
    came, left, back = (counted[name].to_numpy() for name in ("came_at", "left_at", "back_at"))
    stayed = left > came
    steps = [
        (came[stayed], 1, stayed),
        (left[stayed & (left < NEVER)], -1, stayed & (left < NEVER)),
        (np.maximum(came, back)[back < NEVER], 1, back < NEVER),
    ]
    code = counted["class"].to_numpy()
    moves = pd.concat([pd.DataFrame({"class": code[who], "at": at, "step": step}) for at, step, who in steps])
    present = moves.groupby(["class", "at"])["step"].sum().groupby(level="class").cumsum()
    result = np.where(listed > 0, 0.0, np.nan)
    fewest = present[present > 0].groupby(level="class").min()
    result[fewest.index.to_numpy(dtype=np.int64)] = fewest.to_numpy()
    return result


def deidentify(ledger: Ledger, *, size: int) -> Ledger:
    """Return a ledger of groups alone, for people who see no class, teacher or student that stands out.

    Small classes are merged (merge_small), decided once a school year and not on the instant that is asked for. A 科別 or 部別 that
    a merged class reaches across becomes MARK in that year, together with the others it reaches. Grade, 科別 and 部別 of a student
    are those of the class: a single student of another 科別 would be the difference of two figures. No teacher has a name.
    """
    classes = ledger.classes
    facts = classes.assign(
        division=_usual_division(ledger),
        students=fewest_present(ledger.enrolments, size=len(classes)),
        teachers=_teachers_of(ledger),
    )
    into = merge_small(facts, size=size)
    labels = dict(ledger.labels)
    code_of: dict[str, Ints] = {"grade": facts["grade"].to_numpy()}
    for name in ("department", "division"):
        labels[name] = np.append(ledger.labels[name], MARK)
        code_of[name] = _with_mark(facts, into, name, mark=len(ledger.labels[name]))
    names = _names(facts, into)
    labels["class"] = names
    leads = into == np.arange(len(classes))
    return _recode(
        replace(
            ledger,
            labels=labels,
            teachers=ledger.teachers.assign(name=""),
            classes=classes.assign(
                name=names, department=code_of["department"], homeroom_code="", visible=classes["visible"].to_numpy(dtype=bool) & leads
            ),
            cross_checks=ledger.cross_checks.iloc[:0],
        ),
        into,
        code_of,
    )  # fmt: skip


def _recode(ledger: Ledger, into: Ints, code_of: dict[str, Ints]) -> Ledger:
    """Lay students and duties to the merged classes; whoever is in none of them is in no count."""
    known = np.append(into, LEFT_OUT)  # -1: no class

    def recoded(frame: pd.DataFrame) -> pd.DataFrame:
        of_class = frame["class"].to_numpy()
        said = of_class >= 0
        columns = {
            name: np.where(said, codes[of_class], frame[name]).astype(frame[name].dtype)
            for name, codes in code_of.items()
        }
        return frame.assign(**columns, **{"class": known[of_class].astype(frame["class"].dtype)})

    if not len(into):
        return ledger
    enrolments, duties = recoded(ledger.enrolments), recoded(ledger.duties)
    mine = enrolments["visible"].to_numpy(dtype=bool) & (enrolments["class"].to_numpy() >= 0)
    of_student = np.append(mine, False)
    about = duties["enrolment"].to_numpy()
    of_school = (about < 0) & (ledger.duties["class"].to_numpy() < 0)
    keep = of_school | ((duties["class"].to_numpy() >= 0) & (of_student[about] | (about < 0)))

    def of_mine(frame: pd.DataFrame) -> pd.DataFrame:
        return frame[of_student[frame["enrolment"].to_numpy()]].reset_index(drop=True)

    return replace(
        ledger,
        duties=duties[keep].reset_index(drop=True),
        enrolments=enrolments.assign(visible=mine),
        uploads=of_mine(ledger.uploads),
        selections=of_mine(ledger.selections),
        receipts=of_mine(ledger.receipts),
        disputes=of_mine(ledger.disputes),
        submitted=of_mine(ledger.submitted),
        _by_term={},
    )


def _usual_division(ledger: Ledger) -> Ints:
    """Return the 部別 of most students of each class, -1 where there is none."""
    students = ledger.enrolments[ledger.enrolments["class"] >= 0]
    usual = students.groupby("class")["division"].agg(lambda codes: codes.mode().iloc[0])
    result: Ints = usual.reindex(range(len(ledger.classes)), fill_value=-1).to_numpy(dtype=np.int64)
    return result


def _teachers_of(ledger: Ledger) -> list[frozenset[int]]:
    """Return who teaches each class in its year: those of 授課名冊, and whoever was assigned an item of it."""
    certifying = ledger.duties[(ledger.duties["class"] >= 0) & (ledger.duties["assigned"] >= 0)]
    said = certifying[["class", "assigned"]].set_axis(["class", "teacher"], axis=1)
    taught = ledger.taught[(ledger.taught["class"] >= 0) & (ledger.taught["teacher"] >= 0)][["class", "teacher"]]
    pairs = pd.concat([said, taught]).drop_duplicates()
    found = pairs.groupby("class")["teacher"].agg(frozenset).to_dict()
    return [found.get(code, frozenset()) for code in range(len(ledger.classes))]


def _with_mark(facts: pd.DataFrame, into: Ints, name: str, *, mark: int) -> Ints:
    """Return each class's code of a grouping, mark where a merged class of that year reaches across it and another."""
    merged = pd.DataFrame({"year": facts["school_year"], "pool": into, "code": facts[name]})[into != LEFT_OUT]
    across = merged[merged.groupby("pool")["code"].transform("nunique") > 1]
    cut = set(zip(across["year"], across["code"], strict=True))
    pairs: Iterable[tuple[int, int]] = zip(facts["school_year"], facts[name], strict=True)
    return np.array([mark if pair in cut else pair[1] for pair in pairs], dtype=np.int64)


def _names(facts: pd.DataFrame, into: Ints) -> npt.NDArray[np.object_]:
    """Call merged classes ＊1, ＊1-2, … by their grade, and never by a name of theirs."""
    names: npt.NDArray[np.object_] = facts["name"].to_numpy(dtype=object, copy=True)
    seen: dict[tuple[int, int], int] = {}
    for lead, codes in pd.Series(range(len(into))).groupby(into):
        if lead == LEFT_OUT or len(codes) == 1:
            continue
        key = (int(facts["school_year"].iloc[lead]), int(facts["grade"].iloc[lead]))
        seen[key] = seen.get(key, 0) + 1
        names[codes] = f"{MARK}{key[1]}" + (f"-{seen[key]}" if seen[key] > 1 else "")
    names[into == LEFT_OUT] = MARK
    return names


def in_steps(parts: Ints, *, code: Ints, size: int) -> Ints:
    """Return counts of students in steps of size, so that nobody can tell one to size - 1 of them, nor all but so many.

    parts: a row a group that counts may be told of, its students (each in one column) split by what they did; code: of each
    group, which says where its steps begin, so that what is small in many groups is neither lost nor blown up in their sum.
    Each sum of columns from the left is taken down to a step: what they add up to, and every split of the same students, then
    says the same. A step that begins at size - 2 would hold 0 and 1 alone, and whoever knows that it is not 0 knows one.
    Every total has to be a sum of these rows: counted by itself it would give the rest of a row away.
    """
    beginnings = np.array([each for each in range(size) if each != size - 2])
    begin = beginnings[code % len(beginnings)][:, np.newaxis]
    whole: Ints = (parts.cumsum(axis=1) + begin) // size * size
    return np.diff(whole, axis=1, prepend=0)
