"""The words of 提交與登錄: rosters, records, and how a unit's duty stands."""

from __future__ import annotations

from datetime import datetime
from typing import Final

from flask_babel import gettext as _

from dashboard.components.dates import last_day, local, roc_date, roc_datetime
from dashboard.components.words import aside, listed, status_word
from dashboard.figures.palette import TONES, Status
from dashboard.i18n import N_

_ROSTERS: Final = {
    "academic": N_("學籍及學業成績名冊"),
    "outcomes": N_("課程學習成果名冊"),
    "positions": N_("校內幹部經歷名冊"),
    "performances": N_("多元表現名冊"),
    "students": N_("學生資料名冊"),
    "grades": N_("學生成績名冊"),
}
_REGISTERS: Final = {
    "enrolment": N_("學籍資料"),
    "grades": N_("學期成績"),
    "position": N_("校內幹部經歷"),
    "counselling": N_("課程諮詢紀錄"),
}
_BATCHES: Final = {1: N_("高三第一梯次"), 2: N_("高三第二梯次")}


def roster_name(name: str, *, batch: int = 0, is_evening: bool = False) -> str:
    """Name a roster or one of its books, with its 梯次 and 部別."""
    notes = [_(_BATCHES[batch])] if batch else []
    if is_evening:
        notes.append(_("進修部"))
    return _(_ROSTERS[name]) + (aside(listed(notes)) if notes else "")


def register_name(kind: str) -> str:
    """Name a kind of record."""
    return _(_REGISTERS[kind])


def term_words(term: int) -> str:
    """Name a term, or the school year where the last digit is 0."""
    if term % 10:
        return _("%(year)s-%(semester)s 學期", year=term // 10, semester=term % 10)
    return _("%(year)s 學年度", year=term // 10)


def status_of(state: str) -> Status:
    """Give a duty's state its colour: what is open and not yet due goes on as it should."""
    return {
        "on_time": Status.DONE, "late": Status.DONE, "open": Status.ON_TRACK, "overdue": Status.OVERDUE,
    }.get(state, Status.NOT_OPEN)  # fmt: skip


def state_words(state: str) -> str:
    """Say how a duty stands in a word."""
    return _("進行中") if state == "open" else status_word(status_of(state))


def end_words(ends_at: datetime | None) -> str:
    """Name an exclusive end by its last day; one in mid-day to the minute."""
    stamp = local(ends_at)
    if stamp is None:
        return "—"
    return roc_date(last_day(ends_at)) if stamp == stamp.normalize() else roc_datetime(ends_at)


def days_late(done_at: datetime, ends_at: datetime) -> int:
    """Count the days from the last day of a window to the day it was done."""
    done, last = local(done_at), last_day(ends_at)
    if done is None or last is None:
        raise ValueError("an instant is missing")
    return int((done.normalize() - last).days)


def window_words(starts_at: datetime | None, ends_at: datetime | None, original: datetime | None = None) -> str:
    """Write a window from its first to its last day, and the first end announced where it has been moved."""
    if ends_at is None:
        return _("沒有公告期程")
    words = _("%(start)s至 %(end)s", start=roc_date(starts_at), end=end_words(ends_at))
    if original is not None and original != ends_at:
        words += _("（原訂至 %(end)s）", end=end_words(original))
    return words


def record_cell(
    state: str, *, starts_at: datetime | None, ends_at: datetime | None, done_at: datetime | None
) -> str:  # fmt: skip
    """Write the state of a class's record for a grid: its key for the colour, then symbol, word and the day that matters."""
    found = status_of(state)
    if done_at is not None:
        words = f"{_('逾期完成') if state == 'late' else state_words(state)} {roc_date(done_at)}"
    elif state == "not_open":
        words = _("%(state)s，%(day)s起", state=state_words(state), day=roc_date(starts_at))
    elif ends_at is None:
        words = state_words(state)
    elif state == "overdue":
        words = _("%(state)s，期限 %(day)s", state=state_words(state), day=end_words(ends_at))
    else:
        words = _("%(state)s，至 %(day)s", state=state_words(state), day=end_words(ends_at))
    return f"{found.value}|{TONES['light'][found].symbol} {words}"
