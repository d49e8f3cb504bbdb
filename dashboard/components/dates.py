"""Dates as the school writes them: years of the Republic with the weekday; in English, ISO dates."""

from datetime import date, datetime
from typing import Final, TypeAlias

import pandas as pd
from flask_babel import get_locale

TAIPEI: Final = "Asia/Taipei"
NOTHING: Final = "—"
_WEEKDAYS: Final = "一二三四五六日"
_ENGLISH_WEEKDAYS: Final = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")

Instant: TypeAlias = pd.Timestamp | datetime | date | None


def english() -> bool:
    """Say whether this request is answered in English; outside a request, Chinese."""
    locale = get_locale()
    return locale is not None and str(locale.language) == "en"


def local(moment: Instant) -> pd.Timestamp | None:
    """Read an instant on the clock of Taipei, without zone; naive means Taipei already; nothing stays nothing."""
    if moment is None or moment is pd.NaT:
        return None
    stamp = pd.Timestamp(moment)
    return stamp if stamp.tzinfo is None else stamp.tz_convert(TAIPEI).tz_localize(None)


def last_day(due_at: Instant) -> pd.Timestamp | None:
    """Name the last day before an exclusive end: a window until 2025-02-03 has `due_at` 2025-02-04 00:00, and its last day is the 3rd."""
    stamp = local(due_at)
    return None if stamp is None else (stamp - pd.Timedelta(1, "us")).normalize()


def roc_year(moment: pd.Timestamp) -> int:
    """Count the year of the Republic: 2026 is 115."""
    return int(moment.year) - 1911


def roc_date(moment: Instant, *, weekday: bool = True) -> str:
    """Write a day: 「115/11/23（一）」; nothing known is 「—」."""
    stamp = local(moment)
    if stamp is None:
        return NOTHING
    if english():
        return f"{stamp:%Y-%m-%d}" + (f" ({_ENGLISH_WEEKDAYS[stamp.weekday()]})" if weekday else "")
    day = f"{roc_year(stamp)}/{stamp.month}/{stamp.day}"
    return day + (f"（{_WEEKDAYS[stamp.weekday()]}）" if weekday else "")


def roc_datetime(moment: Instant) -> str:
    """Write an instant to the minute: 「115/11/23（一）08:00」; nothing known is 「—」."""
    stamp = local(moment)
    if stamp is None:
        return NOTHING
    return f"{roc_date(stamp)}{' ' if english() else ''}{stamp:%H:%M}"


def roc_month(moment: pd.Timestamp) -> str:
    """Write a month for an axis: 「115/9月」, in English 「2026-09」."""
    return f"{moment:%Y-%m}" if english() else f"{roc_year(moment)}/{moment.month}月"


def day_of(as_of: Instant) -> str:
    """Name the day that an instant of a question stands for: the day chosen, whose end is asked for, or today."""
    return roc_date(last_day(as_of))


def since(starts_at: Instant) -> str:
    """Name a start: by its day where it starts with the day, else to the minute; nothing announced is 「—」."""
    stamp = local(starts_at)
    return roc_date(stamp) if stamp is not None and stamp == stamp.normalize() else roc_datetime(stamp)


def until(ends_at: Instant) -> str:
    """Name an exclusive end: by its last day where it ends with the day, else to the minute."""
    stamp = local(ends_at)
    return roc_date(last_day(ends_at)) if stamp is not None and stamp == stamp.normalize() else roc_datetime(ends_at)
