"""What a page is asked for, read from the URL and held to what exists and what the person may see."""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

import numpy as np
import numpy.typing as npt

from dashboard.access.scope import Scope
from dashboard.services.store import Store
from dashboard.services.suppression import protect
from data.instants import TAIPEI, from_us, parse_as_of, to_us
from data.ledger import Ledger, holders, narrow


@dataclass(frozen=True, slots=True)
class Filters:
    """A page's question. as_of is an instant; an as_of given as a day means the end of that day on the screen.

    since: what a change is told from, at or before as_of; None: a week before.
    """

    term: int
    as_of: datetime
    grade: int | None = None
    department: str | None = None
    subject: str | None = None
    class_name: str | None = None
    teacher: str | None = None
    day: str = ""  # the day in the URL, empty for now
    division: str | None = None
    since: datetime | None = None
    since_day: str = ""


@dataclass(frozen=True, slots=True)
class Choices:
    """What the filter bar offers: only what is in the person's scope."""

    terms: list[int]
    grades: list[int]
    departments: list[str]
    subjects: list[str]
    classes: list[str]
    teachers: list[tuple[str, str]]  # code and name, only for those who see teachers by name
    divisions: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class View:
    """A question with the ledger that may answer it: scoped first, then filtered."""

    version: int
    filters: Filters
    choices: Choices
    scope: Scope
    whole: Ledger  # the scope, unfiltered
    ledger: Ledger  # the scope, filtered

    @property
    def key(self) -> tuple[object, ...]:
        """Return the cache key: data version, scope and question."""
        return self.version, self.scope, self.filters


def open_view(store: Store, scope: Scope, query: dict[str, str]) -> View | None:
    """Read a page's query within a scope; what does not exist falls back to everything. None when there is no data."""
    version, ledger = store.ledger()
    if not len(ledger.classes):
        return None
    whole = store.kept((version, scope, "scope"), lambda: protect(_scoped(ledger, scope), scope))
    # To the minute, so that answers can be kept; but never before what was imported within this minute.
    moment = max(datetime.now(TAIPEI).replace(second=0, microsecond=0), store.loaded_at)
    as_of, day = _read_day(query.get("asof", ""), moment, scope)
    terms = store.kept(
        (version, "terms"), lambda: ledger.terms() or [int(ledger.classes["school_year"].max()) * 10 + 1]
    )
    term = {str(each): each for each in terms}.get(query.get("term", "").replace("-", ""), _current_term(terms, as_of))
    choices = store.kept((version, scope, term, as_of, "choices"), lambda: _choices(whole, terms, term, scope, as_of))

    def chosen(name: str, offered: Collection[str]) -> str | None:
        return query.get(name) if query.get(name) in offered else None

    grade = chosen("grade", [str(each) for each in choices.grades])
    since, since_day = _read_day(query.get("vs", ""), as_of, scope)
    filters = Filters(
        term=term, as_of=as_of, day=day, grade=int(grade) if grade else None, department=chosen("dept", choices.departments),
        subject=chosen("subject", choices.subjects), class_name=chosen("class", choices.classes),
        teacher=chosen("teacher", [code for code, _ in choices.teachers]), division=chosen("division", choices.divisions),
        since=since if since_day else None, since_day=since_day,
    )  # fmt: skip
    asked_for = (
        filters.grade,
        filters.department,
        filters.subject,
        filters.class_name,
        filters.teacher,
        as_of if filters.teacher else None,
        term if filters.class_name else None,
        filters.division,
    )
    narrowed = store.kept((version, scope, asked_for, "filter"), lambda: _filtered(whole, filters))
    return View(version, filters, choices, scope, whole, narrowed)


def _choices(ledger: Ledger, terms: list[int], term: int, scope: Scope, as_of: datetime) -> Choices:
    classes = ledger.classes[(ledger.classes["school_year"] == term // 10) & ledger.classes["visible"]]
    students = ledger.enrolments[(ledger.enrolments["school_year"] == term // 10) & ledger.enrolments["visible"]]

    def named(label: str, codes: npt.NDArray[np.integer[Any]]) -> list[str]:
        return sorted(str(ledger.labels[label][code]) for code in np.unique(codes) if code >= 0)

    return Choices(
        terms=terms,
        grades=sorted(int(grade) for grade in classes["grade"].unique()),
        departments=named("department", classes["department"].to_numpy()),
        # A subject has few teachers, and so is not for those who see none by name; a class at an instant has few items.
        subjects=[] if scope.teachers == "none" else named("subject", ledger.of_term(term)["subject"].to_numpy()),
        classes=[] if scope.suppressed else [str(name) for name in classes["name"]],
        teachers=_teachers(ledger, term, scope, as_of),
        divisions=named("division", students["division"].to_numpy()),
    )


def _teachers(ledger: Ledger, term: int, scope: Scope, as_of: datetime) -> list[tuple[str, str]]:
    """Return the teachers of a term whom the scope may see by name; a teacher sees himself, whatever the term held for him."""
    if scope.teachers == "self":
        table = ledger.teachers[ledger.teachers["code"] == scope.staff_code]
        return [(str(code), str(name)) for code, name in zip(table["code"], table["name"], strict=True)]
    if scope.teachers not in ("all", "unit"):
        return []
    duties = ledger.of_term(term)
    # A 代理人 holds what is neither assigned to him nor certified by him yet.
    held = [duties["assigned"].to_numpy(), duties["certifier"].to_numpy(), holders(ledger, duties, to_us(as_of))]
    codes = np.unique(np.concatenate(held))
    table = ledger.teachers.iloc[codes[codes >= 0]]
    if scope.teachers == "unit":
        table = table[ledger.labels["unit"][table["unit"].to_numpy()] == scope.unit]
    return [(str(code), str(name)) for code, name in zip(table["code"], table["name"], strict=True)]


def marks(view: View) -> list[tuple[str, str]]:
    """Return the days one often asks about, of the term and filters: (task, ISO day) for the last days of windows that have ended."""
    windows = view.whole.windows_of(view.filters.term, "upload", "certify")
    if view.filters.grade is not None:
        windows = windows[windows["grade"] == view.filters.grade]
    last = windows.groupby("task")["ends_at"].max()
    now = datetime.now(TAIPEI)
    days = [(task, from_us(int(last[task]) - 1)) for task in ("upload", "certify") if task in last.index]
    return [(task, day.date().isoformat()) for task, day in days if day < now]


def _current_term(terms: list[int], as_of: datetime) -> int:
    """Return the newest term that has begun by as_of; the newest of all where none has."""
    year = as_of.year - 1911 - (as_of.month < 8)
    current = year * 10 + (1 if as_of.month >= 8 or as_of.month == 1 else 2)
    return next((term for term in terms if term <= current), terms[0])


def _read_day(text: str, moment: datetime, scope: Scope) -> tuple[datetime, str]:
    """Read a day or instant; a suppressed scope asks for whole days, as between two instants there is a single upload."""
    text = text.strip()
    # By its form, not its length: 2026W23T12 has ten characters too, and is an hour.
    is_day = re.fullmatch(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", text) is not None
    if scope.suppressed and not is_day:
        return moment, ""
    try:
        as_of = parse_as_of(text)
    except (ValueError, OverflowError):  # no day, or none that a zone or a day more still has
        return moment, ""
    if as_of > moment:
        return moment, ""
    if is_day:
        as_of += timedelta(days=1)  # "until that day" on the screen covers the day
    return (as_of, text) if datetime(2000, 1, 1, tzinfo=TAIPEI) < as_of <= moment else (moment, "")


def _scoped(ledger: Ledger, scope: Scope) -> Ledger:
    if scope.teachers == "self":
        return _teacher_ledger(ledger, scope.staff_code)
    if scope.classes is None:
        return ledger
    pairs = zip(ledger.classes["school_year"], ledger.classes["name"], strict=True)
    return narrow(ledger, classes=np.array([pair in scope.classes for pair in pairs], dtype=bool))


def _teacher_ledger(ledger: Ledger, staff_code: str) -> Ledger:
    """A teacher's world: the duties he holds, held or is assigned, and no count of students."""
    mine = narrow(ledger, duties=_own_duties(ledger, staff_code))
    none = np.zeros(len(ledger.classes), dtype=bool)
    empty = narrow(ledger, classes=none)
    return replace(empty, duties=mine.duties, _by_term={})


def _own_duties(ledger: Ledger, staff_code: str) -> npt.NDArray[np.bool_]:
    position = np.flatnonzero(ledger.labels["teacher"] == staff_code)
    if not len(position):
        return np.zeros(len(ledger.duties), dtype=bool)
    return np.asarray(holders(ledger, ledger.duties, to_us(datetime.now(TAIPEI))) == position[0])


def _filtered(ledger: Ledger, filters: Filters) -> Ledger:
    result = ledger
    if filters.subject is not None:
        code = int(np.flatnonzero(ledger.labels["subject"] == filters.subject)[0])
        result = narrow(result, duties=result.duties["subject"].to_numpy() == code)
    if filters.teacher is not None:
        code = int(np.flatnonzero(ledger.labels["teacher"] == filters.teacher)[0])
        result = narrow(result, duties=holders(result, result.duties, to_us(filters.as_of)) == code)
    if not (filters.grade or filters.department or filters.class_name or filters.division):
        return result
    students, classes = result.enrolments, result.classes
    keep, shown = np.ones(len(students), dtype=bool), np.ones(len(classes), dtype=bool)
    if filters.grade is not None:
        keep &= students["grade"].to_numpy() == filters.grade
        shown &= classes["grade"].to_numpy() == filters.grade
    if filters.division is not None:
        code = int(np.flatnonzero(ledger.labels["division"] == filters.division)[0])
        keep &= students["division"].to_numpy() == code
        shown &= np.isin(np.arange(len(classes)), students["class"].to_numpy()[keep])
    if filters.department is not None:
        code = int(np.flatnonzero(ledger.labels["department"] == filters.department)[0])
        keep &= students["department"].to_numpy() == code
        shown &= classes["department"].to_numpy() == code
    if filters.class_name is not None:
        shown &= (classes["name"] == filters.class_name).to_numpy() & (
            classes["school_year"] == filters.term // 10
        ).to_numpy()
        keep &= np.append(shown, False)[students["class"].to_numpy()]
    return _narrow_to(result, keep, shown)


def _narrow_to(ledger: Ledger, keep: npt.NDArray[np.bool_], shown: npt.NDArray[np.bool_]) -> Ledger:
    """Narrow to enrolments, and list only the classes shown: a student's own 科別 may differ from his class's."""
    result = narrow(ledger, enrolments=keep)
    return replace(
        result, classes=result.classes.assign(visible=result.classes["visible"].to_numpy(dtype=bool) & shown)
    )
