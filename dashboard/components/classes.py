"""The words of a class and its students: kinds of record, and where a student stands in 收訖."""

from collections.abc import Mapping
from typing import Any, Final

from flask_babel import gettext as _

from dashboard.components.numbers import NOTHING
from dashboard.components.words import listed
from dashboard.i18n import N_

_RECORDS: Final = {
    "enrolment": N_("學籍"),
    "grades": N_("學期成績"),
    "position": N_("校內幹部"),
    "counselling": N_("課程諮詢"),
}
_STANDINGS: Final = {
    "confirmed": N_("已確認"),
    "disputed": N_("回報問題"),
    "unseen": N_("未表示"),
    "deemed": N_("視同確認"),
}


def record_name(kind: str) -> str:
    """Name a kind of record that is registered of a class in a term."""
    return _(_RECORDS[kind])


def standing_word(state: str) -> str:
    """Say where a student stands with one kind of record: 未表示 is within the student's right."""
    return _(_STANDINGS[state])


def standing_words(counts: Mapping[str, Any]) -> str:
    """Say where a student stands with all kinds: 「已確認」, or 「已確認 2、未表示 1」; 「—」 for who is in no round."""
    found = [(standing_word(state), int(counts[state])) for state in _STANDINGS if counts[state]]
    if len(found) == 1:
        return found[0][0]
    return listed(f"{word} {n}" for word, n in found) or NOTHING
