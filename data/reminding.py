"""Who is to be reminded of what, and when: marks before and after a deadline, on school days (docs/adr/0018)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pandas as pd

from data.instants import DAY_US, NEVER, TAIPEI_OFFSET_US, to_us
from data.ledger import CERTIFY, STAGES, Ledger, holders, is_exempt

BEFORE_DAYS: Final = (7, 3, 1)
WEEK_DAYS: Final = 7
LAST_DAYS: Final = 180  # what is older is for the meeting, not for a letter a week
OWN, UNIT, STAFF = "own", "unit", "staff"  # one's own certifying; what one's unit owes; what waits with others of it
COLUMNS: Final = (
    "person", "part", "stage", "term", "kind", "subject", "class", "holder", "duty_id", "opened_at", "due_at", "is_overdue", "mark_on",
)  # fmt: skip

QUEUED, SENDING = "queued", "sending"
SENT, UNSURE, REFUSED, UNADDRESSED, NEEDLESS, HANDED = "sent", "unsure", "refused", "unaddressed", "needless", "handed"
WAITING: Final = (QUEUED, SENDING)
HAD: Final = (SENT, HANDED)
MISSED: Final = (
    REFUSED,
    UNADDRESSED,
    UNSURE,
)  # unsure: the line broke after the whole letter had gone out; it is not sent again

Days = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Noticed:
    """A notice as far as the rule asks: to whom, the day it was made or sent (days since 1970), and its state."""

    person: str
    day: int
    state: str


def day_number(at: datetime) -> int:
    """Return the Taipei day of an instant, as days since 1970."""
    return (to_us(at) + TAIPEI_OFFSET_US) // DAY_US


def is_school_day(ledger: Ledger, day: int) -> bool:
    """Tell whether the school works on a day: its own 停課 and the public holidays taken off."""
    return bool(np.is_busday(np.datetime64(day, "D"), busdaycal=ledger.calendar))


def pending(
    ledger: Ledger, at: datetime, *, chiefs: Mapping[str, Sequence[str]], notices: Sequence[Noticed]
) -> pd.DataFrame:
    """Return one row a duty and person who is to know of it (COLUMNS), as it stands at an instant.

    own: an item that waits for certification, to who holds it on that day. unit: a 登錄, 提交 or 收訖 answer that a unit owes, to
    its chiefs (unit → staff codes); a unit without one has the person "". staff: an overdue item of a member of the chief's unit,
    a week after that member had a notice of it. mark_on: the latest day on which the rule says to write (days since 1970), 0
    for none so far. opened_at, due_at (exclusive, NEVER without a window) in microseconds.

    The rule: 7, 3 and 1 days before the last day, on the last school day not later than that; the day after it and every
    seventh from there on, on the first school day not earlier. A day on or before which the work was not there yet does not count.
    """
    at_us, today = to_us(at), day_number(at)
    duties = ledger.duties
    due_at, opened_at = duties["due_at"].to_numpy(), duties["opened_at"].to_numpy()
    undone = (opened_at <= at_us) & (duties["done_at"].to_numpy() > at_us) & ~is_exempt(duties, at_us)
    undone &= (due_at == NEVER) | (_day(due_at - 1) >= today - LAST_DAYS)
    of_unit = np.isin(duties["stage"].to_numpy(), [STAGES.index(stage) for stage in ("register", "submit", "confirm")])
    items = duties[undone & (duties["stage"].to_numpy() == CERTIFY)]
    own = _rows(ledger, items, at_us)
    own = own.assign(part=OWN, person=own["holder"])
    owed = _rows(ledger, duties[undone & of_unit], at_us)
    owed = _to_chiefs(owed.assign(part=UNIT), chiefs, nobody="")
    for frame in (own, owed):
        frame["mark_on"] = _marks(frame["opened_at"].to_numpy(), frame["due_at"].to_numpy(), today, ledger.calendar)
    late = own[own["is_overdue"]].assign(part=STAFF)
    late["mark_on"] = _marks_of_chiefs(late, notices, today, ledger.calendar)
    late = _to_chiefs(late[late["mark_on"] > 0], chiefs, nobody=None)
    late = late[late["person"] != late["holder"]]
    found = pd.concat([own[own["person"] != ""], owed, late], ignore_index=True)
    return found[list(COLUMNS)].sort_values(["person", "part", "due_at", "opened_at", "duty_id"], ignore_index=True)


def to_write(found: pd.DataFrame, notices: Sequence[Noticed]) -> dict[str, int]:
    """Return who is to be written to, with the mark that says so: those whose latest mark no notice has answered since."""
    last: dict[str, int] = {}
    for each in notices:
        day = each.day if each.state not in WAITING else NEVER  # one that still waits goes out with what is due then
        last[each.person] = max(day, last.get(each.person, 0))
    marks = found[found["person"] != ""].groupby("person")["mark_on"].max()
    return {str(person): int(mark) for person, mark in marks.items() if mark > last.get(str(person), 0)}


def _rows(ledger: Ledger, duties: pd.DataFrame, at_us: int) -> pd.DataFrame:
    holder = holders(ledger, duties, at_us)
    codes = np.append(ledger.labels["teacher"], "")
    own_unit = np.append(ledger.labels["unit"], "")[np.append(ledger.teachers["unit"].to_numpy(), -1)]
    is_item = duties["stage"].to_numpy() == CERTIFY
    unit = np.where(is_item, own_unit[holder], np.append(ledger.labels["unit"], "")[duties["unit"].to_numpy()])
    return pd.DataFrame(
        {
            "stage": np.asarray(STAGES, dtype=object)[duties["stage"].to_numpy()],
            "term": duties["term"].to_numpy(),
            "kind": np.append(ledger.labels["kind"], "")[duties["kind"].to_numpy()],
            "subject": np.append(ledger.labels["subject"], "")[duties["subject"].to_numpy()],
            "class": np.append(ledger.labels["class"], "")[duties["class"].to_numpy()],
            "holder": codes[holder],
            "unit": unit,
            "duty_id": duties["duty_id"].to_numpy(),
            "opened_at": duties["opened_at"].to_numpy(),
            "due_at": duties["due_at"].to_numpy(),
            "is_overdue": duties["due_at"].to_numpy() <= at_us,
        }
    )


def _to_chiefs(rows: pd.DataFrame, chiefs: Mapping[str, Sequence[str]], *, nobody: str | None) -> pd.DataFrame:
    """Give each row to every chief of its unit; where a unit has none, to nobody, or (None) drop it."""
    named: list[Any] = [list(chiefs.get(unit, ())) or ([] if nobody is None else [nobody]) for unit in rows["unit"]]
    given = rows.assign(person=pd.Series(named, index=rows.index, dtype=object)).explode("person")
    return given[given["person"].notna()].reset_index(drop=True)


def _day(at_us: npt.NDArray[np.int64]) -> Days:
    days: Days = (at_us + TAIPEI_OFFSET_US) // DAY_US
    return days


def _marks(opened_at: Days, due_at: Days, today: int, calendar: np.busdaycalendar) -> Days:
    """Return the latest day up to today on which the rule says to write of each duty, 0 for none."""
    dated = due_at != NEVER
    last = np.where(dated, _day(np.where(dated, due_at, DAY_US) - 1), today + LAST_DAYS)
    opened, latest = _day(opened_at), np.zeros(len(due_at), dtype=np.int64)
    for before in BEFORE_DAYS:
        mark = _school_day(last - before, calendar, later=False)
        latest = np.where((mark <= today) & (mark > opened), np.maximum(latest, mark), latest)
    weekly = _weekly(last + 1, today, calendar)
    result: Days = np.where(dated, np.maximum(latest, weekly), 0)
    return result


def _weekly(first: Days, today: int, calendar: np.busdaycalendar) -> Days:
    """Return the latest of first and every seventh day after it, each moved to the next school day, up to today; 0 for none."""
    result = np.zeros(len(first), dtype=np.int64)
    for back in (0, 1):  # where this week's moved beyond today, last week's
        weeks = (today - first) // WEEK_DAYS - back
        mark = _school_day(first + WEEK_DAYS * np.maximum(weeks, 0), calendar, later=True)
        result = np.where((weeks >= 0) & (mark <= today), np.maximum(result, mark), result)
    return result


def _school_day(days: Days, calendar: np.busdaycalendar, *, later: bool) -> Days:
    dates = days.astype("datetime64[D]")
    moved = (
        np.busday_offset(dates, 0, roll="forward", busdaycal=calendar)
        if later
        else np.busday_offset(dates, 0, roll="backward", busdaycal=calendar)
    )
    result: Days = moved.astype(np.int64)
    return result


def _marks_of_chiefs(late: pd.DataFrame, notices: Sequence[Noticed], today: int, calendar: np.busdaycalendar) -> Days:
    """A week after the holder's first notice of the overdue item, then weekly; 0 where the holder has had none."""
    had: dict[str, list[int]] = {}
    for each in notices:
        if each.state in HAD:
            had.setdefault(each.person, []).append(each.day)
    first_mark = _school_day(_day(late["due_at"].to_numpy() - 1) + 1, calendar, later=True)
    first_had = np.full(len(late), today + 1, dtype=np.int64)
    for place, (person, mark) in enumerate(zip(late["holder"], first_mark, strict=True)):
        days = [day for day in had.get(person, ()) if day >= mark]
        first_had[place] = min(days, default=today + 1)
    return _weekly(first_had + WEEK_DAYS, today, calendar)
