"""上傳 and 勾選: how many students take part in the voluntary stages, and since when that can be known."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from dashboard.services.filters import View
from dashboard.services.store import Store
from dashboard.services.suppression import (
    fewest_shown,
    items_by_day,
    median_told,
    participation_of,
    students_by_items,
)
from data.instants import DAY_US, NEVER, TAIPEI_OFFSET_US, from_us, taipei_day_us, to_us
from data.ledger import Ledger
from data.metrics import Question
from data.metrics.participation import KINDS, items_per_student

MOST_ITEMS = 12  # the last bar of the histogram stands for this many and more
DAYS_AFTER = 14  # of the cumulative counts: how long they are followed after the window
Bools = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Window:
    """A window of some grades, [starts_at, ends_at), and how it stands: not_open, open or closed."""

    grades: tuple[int, ...]
    starts_at: datetime
    ends_at: datetime
    state: str


@dataclass(frozen=True)
class KindOfItem:
    """課程學習成果 or 多元表現 in numbers.

    term: 1151, or 1150 for what is counted by school year. total: the school's row of participation. grades, departments,
    classes: its rows, with state: known, not_open, no_data (nothing handed in), nobody (no student in school) or few (held
    back; the counts are NA then, as in all states but known). known: students whose counts are known. spread: items and
    students, for the known ones. days: day, items (cumulative) and, where there was a year before, before: the same of that
    year, laid on this one's days. Selections have no days.
    """

    key: str
    term: int
    state: str
    total: dict[str, Any]
    known: int
    grades: pd.DataFrame
    departments: pd.DataFrame
    classes: pd.DataFrame
    spread: pd.DataFrame
    median_items: float  # of those who take part
    cap: int | None
    windows: tuple[Window, ...]
    days: pd.DataFrame
    known_at: datetime | None  # of selections: the newest import that counts


@dataclass(frozen=True)
class Participation:
    """Everything 上傳 or 勾選 shows, in numbers; held_back: so few students that nothing of them is shown."""

    stage: str
    kinds: tuple[KindOfItem, KindOfItem]
    enrolled: int
    held_back: bool

    @property
    def any_known(self) -> bool:
        """Tell whether there is anything to count."""
        return any(kind.state == "known" for kind in self.kinds)


def take_part(store: Store, view: View, stage: str) -> Participation:
    """Compute 上傳 (upload) or 勾選 (select) for a view; kept per data version, scope and question."""
    return store.kept((*view.key, "participation", stage), lambda: _compute(store, view, stage))


def class_table(result: Participation) -> pd.DataFrame:
    """Return one row a class with the columns of both kinds: class, enrolled, <kind>_participants, …, <kind>_state.

    Nothing at all where the whole is too small to be shown.
    """
    table = result.kinds[0].classes[["key", "enrolled"]].rename(columns={"key": "class"})
    for kind in result.kinds:
        columns = ["participants", "items", "participation", "at_cap", "over_cap", "state"]
        table[[f"{kind.key}_{name}" for name in columns]] = kind.classes[columns]
    return table.iloc[:0] if result.held_back else table


def in_school(ledger: Ledger, year: int, as_of_us: int) -> Bools:
    """Tell which enrolments of a school year are 在學 at an instant, as the metric counts them; leavers are not."""
    students = ledger.enrolments
    left_at = students["left_at"].to_numpy()
    here = (left_at > as_of_us) | ((students["back_at"].to_numpy() <= as_of_us) & (left_at >= 0))
    here &= (students["school_year"].to_numpy() == year) & (students["came_at"].to_numpy() <= as_of_us)
    return np.asarray(here & students["visible"].to_numpy(dtype=bool))


def _compute(store: Store, view: View, stage: str) -> Participation:
    outcome, performance = (_kind(store, view, stage, kind) for kind in KINDS)
    enrolled = int(outcome.total["enrolled"])
    return Participation(stage, (outcome, performance), enrolled, 0 < enrolled < _fewest(view))


def _fewest(view: View) -> int:
    return fewest_shown(view.ledger.settings, view.scope)


def _kind(store: Store, view: View, stage: str, kind: str) -> KindOfItem:
    ledger, as_of = view.ledger, view.filters.as_of
    year, as_of_us = view.filters.term // 10, to_us(as_of)
    term = view.filters.term if (stage, kind) == ("upload", "outcome") else year * 10
    ask = Question(term, as_of, by="school", stage=stage, kind=kind)
    windows = _windows_of(ledger, stage, kind, term)
    here = in_school(ledger, year, as_of_us)
    students = ledger.enrolments[here]
    items = items_per_student(ledger, ask)[here]
    # Selecting takes an announced window; uploading may go on where none was handed in.
    opened = _opened(windows, students["grade"].to_numpy(), as_of_us, unannounced=stage == "upload")
    if stage == "select":
        known = _stated(ledger, kind, year, as_of_us)[here]
    else:
        known = was_handed_in(store, kind, term) & (opened | (items > 0))
    total = participation_of(ledger, view.scope, ask).iloc[0].to_dict()
    counts, known_students = students_by_items(
        items, known, students["class"].to_numpy(), most=MOST_ITEMS, settings=ledger.settings, scope=view.scope
    )
    has_median = (items > 0).any() and median_told(view.scope, ledger.settings, int(total["participants"]))
    by_class, by_grade, by_department = (
        _rows(view, replace(ask, by=by), students, known=known, opened=opened)
        for by in ("class", "grade", "department")
    )
    state = _state(known=bool(known.any()), opened=bool(opened.any())) if len(students) else "nobody"
    return KindOfItem(
        key=kind,
        term=term,
        state=state,
        total=total,
        known=known_students,
        grades=by_grade,
        departments=by_department,
        classes=by_class,
        spread=pd.DataFrame({"items": np.arange(len(counts)), "students": counts}),
        median_items=float(np.median(items[items > 0])) if has_median else float("nan"),
        cap=getattr(ledger.settings, f"{stage}_{kind}_cap"),
        windows=_windows(windows, set(by_grade["key"]), as_of_us),
        days=_days(view, ask, windows) if stage == "upload" else pd.DataFrame(),
        known_at=_newest(ledger, kind, year, as_of_us) if stage == "select" else None,
    )


def _windows_of(ledger: Ledger, stage: str, kind: str, term: int) -> pd.DataFrame:
    task = {"upload_outcome": "upload"}.get(f"{stage}_{kind}", f"{stage}_{kind}")
    return ledger.windows_of(term, task)


def _opened(windows: pd.DataFrame, grades: npt.NDArray[Any], as_of_us: int, *, unannounced: bool) -> Bools:
    """Tell whose grade's window has begun; unannounced: what holds for a grade without one."""
    starts = np.full(10, -NEVER if unannounced else NEVER)
    starts[windows["grade"].to_numpy()] = windows["starts_at"].to_numpy()
    return np.asarray(starts[grades] <= as_of_us)


def _stated(ledger: Ledger, kind: str, year: int, as_of_us: int) -> Bools:
    """Tell for which enrolments 勾選情形 says a count, as far as it was imported by then."""
    result = np.zeros(len(ledger.enrolments), dtype=bool)
    result[_counts(ledger, kind, year, as_of_us)["enrolment"].to_numpy()] = True
    return result


def _newest(ledger: Ledger, kind: str, year: int, as_of_us: int) -> datetime | None:
    rows = _counts(ledger, kind, year, as_of_us)
    return from_us(rows["known_at"].max()) if len(rows) else None


def _counts(ledger: Ledger, kind: str, year: int, as_of_us: int) -> pd.DataFrame:
    rows = ledger.selections
    rows = rows[(rows["school_year"] == year) & (rows["known_at"] <= as_of_us)]
    latest = rows.drop_duplicates("enrolment", keep="last")
    return latest[latest[f"{kind}_count"].notna()]


def was_handed_in(store: Store, kind: str, term: int) -> bool:
    """Tell whether the school has handed in any upload of the term: a class may have none, a school without one has no list."""
    uploads = store.ledger()[1].uploads
    return bool(((uploads["term"] == term) & (uploads["is_outcome"] == (kind == "outcome"))).any())


def _state(*, known: bool, opened: bool) -> str:
    return "known" if known else "no_data" if opened else "not_open"


def _rows(view: View, ask: Question, students: pd.DataFrame, *, known: Bools, opened: Bools) -> pd.DataFrame:
    """Return the metric's rows with their state; a group without counts has none, where 0 would say that nobody took part."""
    rows = participation_of(view.ledger, view.scope, ask)
    codes = students[ask.by].to_numpy()
    names = codes.astype(str) if ask.by == "grade" else np.append(view.ledger.labels[ask.by], "")[codes].astype(str)
    facts = pd.DataFrame({"key": names, "known": known, "opened": opened}).groupby("key").sum()
    facts = facts.reindex(rows["key"]).fillna(0)
    rows["known"] = facts["known"].astype("int64").to_numpy()
    rows["state"] = [
        _state(known=known_students > 0, opened=opened_students > 0) if enrolled else "nobody"
        for enrolled, known_students, opened_students in zip(
            rows["enrolled"], facts["known"], facts["opened"], strict=True
        )
    ]
    small = (rows["state"] == "known") & (rows["enrolled"] < _fewest(view))
    rows["state"] = rows["state"].where(~small, "few")
    counts = ["participants", "items", "at_cap", "over_cap"]
    rows[counts] = rows[counts].astype("Int64").where(rows["state"] == "known", pd.NA)
    rows["participation"] = rows["participation"].where(rows["state"] == "known")
    if ask.by == "class":
        year = view.filters.term // 10
        classes = view.ledger.classes[view.ledger.classes["school_year"] == year]
        grades = dict(zip(classes["name"].astype(str), classes["grade"], strict=True))
        rows["grade"] = [int(grades.get(key, 0)) for key in rows["key"]]
    return rows


def _windows(windows: pd.DataFrame, grades: set[str], as_of_us: int) -> tuple[Window, ...]:
    """Join the grades that have the same window."""
    shown = windows[windows["grade"].astype(str).isin(grades)]
    return tuple(
        Window(
            tuple(sorted(int(grade) for grade in same["grade"])), from_us(start), from_us(end),
            "not_open" if as_of_us < start else "open" if as_of_us < end else "closed",
        )
        for (start, end), same in sorted(shown.groupby(["starts_at", "ends_at"]))
    )  # fmt: skip


def _days(view: View, ask: Question, windows: pd.DataFrame) -> pd.DataFrame:
    """Return the cumulative uploads by day from the opening of the window (else of the school year) on.

    Until as_of, but no longer than two weeks after the window or the last upload. The year before is laid on these days from
    opening to opening: the students who were in school on the same day of that year, with all that they uploaded in it.
    """
    as_of_us, year = to_us(ask.as_of), ask.term // 10
    grades = view.ledger.classes.loc[view.ledger.classes["visible"], "grade"].unique()
    windows = windows[windows["grade"].isin(grades)]
    items = _cumulative(view, ask, windows, here_us=as_of_us, until_us=as_of_us).rename("items")
    if items.empty:
        return pd.DataFrame({"day": pd.Series(dtype="datetime64[us]"), "items": pd.Series(dtype="Int64")})
    first = _first_day(windows, year)
    earlier = replace(ask, term=ask.term - 10)
    then = _windows_of(view.ledger, ask.stage, ask.kind, earlier.term)
    then = then[then["grade"].isin(grades)]
    same_day_us = as_of_us - (first - _first_day(then, year - 1)) * DAY_US
    before = _cumulative(view, earlier, then, here_us=same_day_us, until_us=_begins(year)).rename("before")
    lines = [items, before] if len(before) and before.iloc[-1] else [items]
    joined = pd.concat(lines, axis=1).sort_index().astype("Int64")
    return joined.assign(day=pd.to_datetime(first + joined.index.to_numpy(), unit="D")).reset_index(drop=True)


def _begins(year: int) -> int:
    """A school year begins on 1 August."""
    return taipei_day_us(date(year + 1911, 8, 1))


def _first_day(windows: pd.DataFrame, year: int) -> int:
    starts = int(windows["starts_at"].min()) if len(windows) else _begins(year)
    return (starts + TAIPEI_OFFSET_US) // DAY_US


def _cumulative(view: View, ask: Question, windows: pd.DataFrame, *, here_us: int, until_us: int) -> pd.Series[int]:
    """Return cumulative items by days since the opening: of who is in school at here_us, uploaded by until_us."""
    year, ledger = ask.term // 10, view.ledger
    uploads = ledger.uploads
    counted = (uploads["term"].to_numpy() == ask.term) & (uploads["uploaded_at"].to_numpy() <= until_us)
    counted &= uploads["is_outcome"].to_numpy() == (ask.kind == "outcome")
    counted &= np.append(in_school(ledger, year, here_us), False)[uploads["enrolment"].to_numpy()]
    first = _first_day(windows, year)
    days = (uploads["uploaded_at"].to_numpy()[counted] + TAIPEI_OFFSET_US) // DAY_US - first
    closing = int(windows["ends_at"].max()) if len(windows) else _begins(year + 1)
    # 00:00 is the end of the day before, not yet a day of its own.
    last, after = ((us - 1 + TAIPEI_OFFSET_US) // DAY_US - first for us in (until_us, closing + DAYS_AFTER * DAY_US))
    last = max(min(last, after), int(days.max()) if len(days) else -1)
    start = min(0, int(days.min())) if len(days) else 0
    span, student = range(start, last + 1), uploads["enrolment"].to_numpy()[counted]
    group = ledger.enrolments["class"].to_numpy()[student]
    items = items_by_day(days, student, group, span=span, settings=ledger.settings, scope=view.scope)
    return pd.Series(items, index=span)
