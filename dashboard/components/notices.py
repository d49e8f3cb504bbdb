"""The words of reminders: what became of a notice."""

from __future__ import annotations

from typing import Final

from flask_babel import gettext as _

from dashboard.figures.palette import Status
from dashboard.i18n import N_

_WORDS: Final = {
    "queued": N_("等候寄送"),
    "sending": N_("寄送中"),
    "sent": N_("已寄出"),
    "unsure": N_("不確定是否寄達"),
    "refused": N_("地址被拒"),
    "unaddressed": N_("沒有電子郵件"),
    "needless": N_("寄出前已完成"),
    "handed": N_("已當面交付"),
}
_STATUS: Final[dict[str, Status]] = {
    "sent": Status.DONE, "handed": Status.DONE, "refused": Status.ATTENTION, "unaddressed": Status.ATTENTION, "unsure": Status.ATTENTION,
}  # fmt: skip


def notice_word(state: str) -> str:
    """Name what became of a notice."""
    return _(_WORDS[state])


def notice_status(state: str) -> Status:
    """Return the colour of what became of a notice: attention where somebody has to hand it over."""
    return _STATUS.get(state, Status.NEUTRAL)


def reply_words(reply: str) -> str:
    """Show what the mail server said, or that it said nothing any more."""
    if not reply:
        return "—"
    return reply if reply[:3].isdigit() or not reply.isascii() else _("連線中斷或逾時")
