"""The words of 收訖: kinds, states, and how much of the three days for an answer is left or gone."""

from typing import Final

from flask_babel import gettext as _

from dashboard.components.words import no_data, status_word
from dashboard.figures.palette import TONES, Status
from dashboard.i18n import N_

_ANSWERS: Final = {
    "on_time": N_("準時答覆"),
    "late": N_("逾時答覆"),
    "open": N_("待答覆"),
    "overdue": N_("逾期未答覆"),
}
_HOUR_US: Final = 3_600_000_000
SOON_US: Final = 24 * _HOUR_US  # an answer due within a day wants attention


def kind_name(kind: str) -> str:
    """Name what was confirmed or reported; a list without kinds speaks of all of them."""
    names = {
        "all": _("不分項目"), "": _("未指定項目"), "課程學習成果": _("課程學習成果"), "多元表現": _("多元表現"),
        "修課紀錄": _("修課紀錄"), "校內幹部經歷": _("校內幹部經歷"),
    }  # fmt: skip
    return names.get(kind, kind)


def state_words(state: str) -> str:
    """Say why there are no counts: not open, nothing handed in, too few to show. Empty where there are some."""
    if state == "not_open":
        return status_word(Status.NOT_OPEN)
    return {"no_data": no_data(), "few": _("人數過少")}.get(state, "")


def answer_words(state: str) -> str:
    """Say how the unit's answer stands."""
    return _(_ANSWERS[state])


def answer_cell(state: str, left_us: int) -> str:
    """Write the unit's duty to answer for a grid: status, symbol and word. left_us: microseconds until it is due."""
    found = {"overdue": Status.OVERDUE, "open": Status.ATTENTION if left_us < SOON_US else Status.ON_TRACK}.get(
        state, Status.DONE
    )
    return f"{found.value}|{TONES['light'][found].symbol} {answer_words(state)}"


def span(microseconds: int) -> str:
    """Write a duration in days and hours, in minutes below an hour: 「1 日 5 時」, 「40 分」; what is begun is not counted."""
    hours, rest = divmod(abs(microseconds), _HOUR_US)
    days, hours = divmod(hours, 24)
    if days:
        return _("%(d)s 日 %(h)s 時", d=days, h=hours) if hours else _("%(d)s 日", d=days)
    return _("%(h)s 時", h=hours) if hours else _("%(m)s 分", m=rest // 60_000_000)


def clock(state: str, *, due_us: int, answered_us: int, as_of_us: int) -> str:
    """Say how much of the time for an answer is left, or by how much it is or was exceeded."""
    if state == "open":
        return _("剩餘 %(span)s", span=span(due_us - as_of_us))
    if state == "overdue":
        return _("逾期 %(span)s", span=span(as_of_us - due_us))
    if state == "late":
        return _("逾時 %(span)s答覆", span=span(answered_us - due_us))
    return _("提前 %(span)s答覆", span=span(due_us - answered_us))
