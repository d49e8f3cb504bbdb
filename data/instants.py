"""Instants: whole microseconds of UTC inside, aware datetimes of Asia/Taipei at the edges."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

TAIPEI = ZoneInfo("Asia/Taipei")
TAIPEI_OFFSET_US = 8 * 3_600_000_000  # Taiwan has had no daylight saving time since 1979
DAY_US = 86_400_000_000
NEVER = 2**63 - 1  # an instant that has not come: later than every other
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def to_us(instant: datetime) -> int:
    """Return an aware instant as microseconds since 1970 UTC; a naive one is a programming error."""
    if instant.tzinfo is None:
        raise ValueError(f"naive instant: {instant!r}")
    return (instant - _EPOCH) // timedelta(microseconds=1)


def from_us(microseconds: int) -> datetime:
    """Return the aware Taipei datetime of microseconds since 1970 UTC."""
    return (_EPOCH + timedelta(microseconds=int(microseconds))).astimezone(TAIPEI)


def taipei_day_us(day: date) -> int:
    """Return the instant at which a Taipei day begins, in microseconds."""
    return to_us(datetime(day.year, day.month, day.day, tzinfo=TAIPEI))


def parse_as_of(text: str) -> datetime:
    """Read an ISO instant; naive means Taipei and a bare date means its 00:00. Raises ValueError."""
    instant = datetime.fromisoformat(text.strip())
    return instant.replace(tzinfo=TAIPEI) if instant.tzinfo is None else instant.astimezone(TAIPEI)
