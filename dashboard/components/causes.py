"""The words for why a number moved."""

from typing import Final

from flask_babel import gettext as _

from dashboard.i18n import N_

_CAUSES: Final = {
    "reimport": N_("重新匯入（先前沒看到的事）"),
    "rule": N_("期限改變"),
    "roster": N_("學籍異動與免辦"),
    "staff": N_("承辦人改變"),
    "new_work": N_("新送出"),
    "work_done": N_("完成認證"),
    "deadline_passed": N_("過了期限"),
}


def cause_name(cause: str) -> str:
    """Name a cause of data.metrics.change; an unknown key is an error."""
    return _(_CAUSES[cause])
