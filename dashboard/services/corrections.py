"""Entering by hand what no export carries: the forms there are, what they may choose from, and the entry itself."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime

import pandas as pd
from sqlalchemy import select

from dashboard.access.scope import Scope
from dashboard.services.store import Store
from data import corrections
from data.corrections import AUDIENCES, REGISTRATIONS, ROSTERS, TRAININGS, CorrectionError
from data.db import reading
from data.instants import TAIPEI
from data.ledger import CERTIFY, Ledger
from data.models import Outcome, Round, Student

__all__ = ["FORMS", "Choices", "CorrectionError", "WaitingItem", "choices", "enter", "waiting_items"]

# What each entry asks for, in the order in which it is asked.
FORMS: dict[str, tuple[str, ...]] = {
    "reassign": ("term", "student", "items", "teacher", "reason"),
    "exempt": ("term", "student", "items", "reason"),
    "delegate": ("principal", "teacher", "order", "from", "to", "reason"),
    "register": ("term", "kind", "class", "day", "unit"),
    "submit": ("term", "roster", "batch", "day", "unit"),
    "train": ("term", "training", "audience", "day", "title", "unit", "count"),
}


@dataclass(frozen=True, slots=True)
class Choices:
    """What the forms may choose from, (value, words) each."""

    term: list[tuple[str, str]]
    teacher: list[tuple[str, str]]
    kind: list[tuple[str, str]]
    class_name: list[tuple[str, str]]
    roster: list[tuple[str, str]]
    training: list[tuple[str, str]]
    audience: list[tuple[str, str]]


@dataclass(frozen=True, slots=True)
class WaitingItem:
    """A sending of a student's item that is not done: what may be reassigned or exempted."""

    round_id: int
    subject: str
    class_name: str
    item_number: str
    teacher: str
    sent_at: datetime


def choices(store: Store, scope: Scope, term: str = "") -> Choices:
    """Return what the forms offer; classes are those of the term's year, the newest year where none is asked for.

    Every teacher may be chosen, as a deputy may come from any unit; those whom the scope does not name stand by their code.
    """
    _, ledger = store.ledger()
    years = sorted({int(year) for year in ledger.classes["school_year"]}, reverse=True)
    terms = [year * 10 + semester for year in years for semester in (2, 1, 0)]
    chosen = int(term) if term in {str(each) for each in terms} else (terms[0] if terms else 0)
    classes = ledger.classes[ledger.classes["school_year"] == chosen // 10]["name"]
    return Choices(
        term=[(str(each), _term_words(each)) for each in terms],
        teacher=[(str(c), w) for c, w in zip(ledger.teachers["code"], _teacher_words(ledger, scope), strict=True)],
        kind=list(REGISTRATIONS.items()),
        class_name=[(str(name), str(name)) for name in classes],
        roster=list(ROSTERS.items()),
        training=[(each, each) for each in TRAININGS],
        audience=[(each, each) for each in AUDIENCES],
    )


def _term_words(term: int) -> str:
    return f"{term // 10}-{term % 10}" if term % 10 else f"{term // 10} 學年度"


def waiting_items(store: Store, scope: Scope, *, term: str, student_number: str) -> list[WaitingItem]:
    """Return a student's sendings of a term that are not done, oldest first; nothing outside the scope's classes."""
    if not (term.isascii() and term.isdigit() and len(term) == 4):
        return []
    with reading(store.engine) as connection:
        rows = connection.execute(
            select(Round.id, Round.sent_at, Outcome.subject, Outcome.class_name, Outcome.item_number)
            .join_from(Round, Outcome, Round.outcome_id == Outcome.id)
            .join(Student, Student.id == Outcome.student_id)
            .where(Student.student_number == student_number, Round.completed_at.is_(None))
            .where(Outcome.school_year == int(term) // 10, Outcome.semester == int(term) % 10)
            .order_by(Round.sent_at)
        ).all()
    _, ledger = store.ledger()
    holder = _holders(ledger, [row.id for row in rows], scope)
    return [
        WaitingItem(row.id, row.subject, row.class_name, row.item_number, holder[row.id], row.sent_at)
        for row in rows
        if row.id in holder
    ]


def _holders(ledger: Ledger, round_ids: Sequence[int], scope: Scope) -> dict[int, str]:
    """Return the assigned teacher of each duty that lies in the scope, as code and, where the scope names him, name."""
    certifying = ledger.duties["stage"] == CERTIFY
    duties = ledger.duties[certifying & ledger.duties["duty_id"].isin(list(round_ids))]
    if scope.classes is not None:
        pairs = list(zip(ledger.classes["school_year"], ledger.classes["name"], strict=True))
        duties = duties[[0 <= code < len(pairs) and pairs[code] in scope.classes for code in duties["class"]]]
    words = _teacher_words(ledger, scope)
    return {
        int(duty): words[teacher] if teacher >= 0 else ""
        for duty, teacher in zip(duties["duty_id"], duties["assigned"], strict=True)
    }


def _teacher_words(ledger: Ledger, scope: Scope) -> list[str]:
    """Name every teacher of the ledger by code, and those whom the scope may see by name with it."""
    teachers = ledger.teachers
    units = ledger.labels["unit"][teachers["unit"].to_numpy()]
    return [
        f"{code} {name}" if scope.teachers == "all" or (scope.teachers == "unit" and unit == scope.unit) else str(code)
        for code, name, unit in zip(teachers["code"], teachers["name"], units, strict=True)
    ]


def enter(store: Store, scope: Scope, form: str, values: Mapping[str, object], *, by: str) -> str:
    """Make an entry from a form's values, text as the browser sends it; return the batch by which it is taken back.

    Raises CorrectionError with what is missing or cannot be.
    """
    if form not in FORMS:
        raise CorrectionError("請先選擇要登錄什麼")
    given = {name: _text(values.get(name)) for name in FORMS[form] if name != "items"}
    term = _term(given["term"]) if "term" in given else 0
    if form in ("reassign", "exempt"):
        items = waiting_items(store, scope, term=given["term"], student_number=given["student"])
        chosen = _chosen(values.get("items"), items)
        if form == "exempt":
            return corrections.exempt(store.engine, chosen, reason=given["reason"], by=by)
        outcomes = _outcomes_of(store, chosen)
        return corrections.reassign(
            store.engine, outcomes, teacher_code=given["teacher"], reason=given["reason"], by=by
        )
    if form == "delegate":
        return corrections.delegate(
            store.engine, principal_code=given["principal"], deputy_code=given["teacher"], order=_count(given["order"], "順位") or 0,
            from_on=_day(given["from"], "起日"), to_on=_day(given["to"], "迄日"), reason=given["reason"], by=by,
        )  # fmt: skip
    day = _day(given["day"], "日期")
    moment = datetime(day.year, day.month, day.day, tzinfo=TAIPEI)
    year, semester = divmod(term, 10)
    if form == "register":
        if not semester:
            raise CorrectionError("登錄以學期計，請選擇第 1 或第 2 學期")
        return corrections.register(
            store.engine, school_year=year, semester=semester, kind=given["kind"], class_name=given["class"], registered_at=moment,
            unit=given["unit"], by=by,
        )  # fmt: skip
    if form == "submit":
        return corrections.submit(
            store.engine, school_year=year, semester=semester, roster=given["roster"], batch=_count(given["batch"], "梯次") or 0,
            submitted_at=moment, unit=given["unit"], by=by,
        )  # fmt: skip
    return corrections.train(
        store.engine, school_year=year, kind=given["training"], audience=given["audience"], held_at=moment, title=given["title"],
        unit=given["unit"], attendee_count=_count(given["count"], "人數"), by=by,
    )  # fmt: skip


def _text(value: object) -> str:
    return value.strip()[:500] if isinstance(value, str) else str(value) if isinstance(value, int) else ""


def _term(text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) == 4 and text[3] in "012"):
        raise CorrectionError("請選擇學期")
    return int(text)


def _day(text: str, what: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise CorrectionError(f"請填寫{what}") from None


def _count(text: str, what: str) -> int | None:
    if not text:
        return None
    if not (text.isascii() and text.isdigit() and len(text) < 7):
        raise CorrectionError(f"{what}請填整數")
    return int(text)


def _chosen(value: object, items: Sequence[WaitingItem]) -> list[int]:
    """Only what the student's list holds: what else the browser names does not exist."""
    said = {str(each) for each in value} if isinstance(value, list) else set()
    chosen = [item.round_id for item in items if str(item.round_id) in said]
    if not chosen:
        raise CorrectionError("請先輸入學期與學號，再勾選要更正的件")
    return chosen


def _outcomes_of(store: Store, round_ids: Sequence[int]) -> list[int]:
    with reading(store.engine) as connection:
        found = connection.execute(select(Round.outcome_id).where(Round.id.in_(list(round_ids)))).scalars()
        return [int(each) for each in pd.unique(pd.Series(list(found)))]
