"""Reminders by e-mail: to whom, when and with what outcome; only while the executive secretary has them switched on."""

from __future__ import annotations

import logging
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any, Final

import pandas as pd
from sqlalchemy import Connection, delete, func, insert, select, update
from sqlalchemy.exc import IntegrityError, SQLAlchemyError

from dashboard.access.roles import Role
from dashboard.services import mail
from dashboard.services.filters import Filters
from dashboard.services.grants import in_force
from dashboard.services.mail import Letter
from dashboard.services.store import Store
from dashboard.settings import Settings
from data.audit import append
from data.db import reading, writing
from data.instants import NEVER, TAIPEI, from_us
from data.models import Grant, Notice, Setting, Staff, User
from data.reminding import (
    HAD,
    HANDED,
    MISSED,
    NEEDLESS,
    OWN,
    QUEUED,
    REFUSED,
    SENDING,
    SENT,
    STAFF,
    UNADDRESSED,
    UNIT,
    UNSURE,
    WAITING,
    Noticed,
    day_number,
    is_school_day,
    pending,
    to_write,
)

__all__ = [
    "HAD", "HANDED", "MISSED", "NEEDLESS", "OWN", "QUEUED", "REFUSED", "SENDING", "SENT", "STAFF", "UNADDRESSED", "UNIT", "UNSURE",
    "WAITING", "Digest", "Due", "Line", "NoticeError", "due_now", "hand_over", "is_on", "keep_reminding", "last_notices", "log_of", "now",
    "remind", "switch",
]  # fmt: skip

SWITCH: Final = "reminders"  # its key among the settings; not one of /admin's, as the executive secretary decides
FROM_HOUR, UNTIL_HOUR = 8, 17  # of a school day
EVERY_SECONDS: Final = 60.0
GIVEN_UP_AFTER: Final = timedelta(minutes=10)  # a process that took a letter and was never heard of again
FIRST_WAIT: Final = timedelta(minutes=5)
LONGEST_WAIT: Final = timedelta(hours=4)
log = logging.getLogger(__name__)


class NoticeError(ValueError):
    """What cannot be, in words for the person who asked for it."""


@dataclass(frozen=True)
class Digest:
    """What one person is told: rows of data.reminding.pending (due_at as an instant, NaT for none), names by staff code, and where

    the site is.
    """

    person: str
    name: str
    address: str
    at: datetime
    rows: pd.DataFrame
    names: Mapping[str, str]
    site_url: str


@dataclass(frozen=True, slots=True)
class Due:
    """Somebody who would be written to now. last: the newest notice before, None for none."""

    person: str
    name: str
    unit: str
    has_address: bool
    items: int
    overdue: int
    last: Line | None


@dataclass(frozen=True, slots=True)
class Line:
    """A notice in the log."""

    id: int
    person: str
    name: str
    mark_on: date
    made_at: datetime
    state: str
    items: int
    overdue: int
    tries: int
    ended_at: datetime | None
    reply: str


@dataclass(frozen=True)
class _Now:
    """Everything about an instant: who knows of what, and who they are."""

    version: int
    found: pd.DataFrame
    staff: Mapping[str, Any]
    marks: Mapping[str, int]
    lines: list[Line]


def now() -> datetime:
    """Return this moment."""
    return datetime.now(TAIPEI)


def is_on(store: Store) -> bool:
    """Tell whether the executive secretary has switched reminders on."""
    with reading(store.engine) as connection:
        return _is_on(connection)


def switch(store: Store, *, on: bool, by: str) -> None:
    """Switch reminders on or off, with a line in the log. Off, what waits to be sent waits on."""
    with writing(store.engine) as connection:
        before = _is_on(connection)
        if before == on:
            return
        connection.execute(delete(Setting).where(Setting.key == SWITCH))
        connection.execute(insert(Setting).values(key=SWITCH, value="yes" if on else "no"))
        detail = {"before": "yes" if before else "no", "after": "yes" if on else "no"}
        append(
            connection, at=datetime.now(TAIPEI), actor=by, action="setting", about=f"setting:{SWITCH}", detail=detail
        )


def _is_on(connection: Connection) -> bool:
    return connection.execute(select(Setting.value).where(Setting.key == SWITCH)).scalar() == "yes"


def due_now(store: Store, at: datetime) -> list[Due]:
    """Return who would be written to at an instant, were reminders on, by staff code."""
    now = _look(store, at)
    last = {line.person: line for line in reversed(now.lines)}
    return [_due(now, person, last.get(person)) for person in sorted(now.marks)]


def _due(now: _Now, person: str, last: Line | None) -> Due:
    rows, staff = now.found[now.found["person"] == person], now.staff.get(person)
    name, unit, address = (staff.name, staff.unit, staff.email) if staff else ("", "", "")
    return Due(person, name, unit, "@" in address, len(rows), int(rows["is_overdue"].sum()), last)


def log_of(store: Store) -> list[Line]:
    """Return every notice, the newest first."""
    with reading(store.engine) as connection:
        return _lines(connection)


def last_notices(store: Store, filters: Filters, *, person: str = "") -> dict[str, Line]:
    """Return the newest notice that each person (or one) had had by the day of the filters, by staff code."""
    at = filters.as_of if filters.day else now()  # else as_of is the minute that has begun
    with reading(store.engine) as connection:
        lines = [each for each in _lines(connection, person=person) if each.state in HAD]
    return {each.person: each for each in reversed(lines) if each.ended_at is not None and each.ended_at <= at}


def hand_over(store: Store, number: int, *, by: str) -> None:
    """Note that a notice which no e-mail brought was handed over in person. Raises NoticeError for any other."""
    with writing(store.engine) as connection:
        state = connection.execute(select(Notice.state).where(Notice.id == number)).scalar()
        if state not in MISSED:
            raise NoticeError("只有寄不到或不確定的提醒可以記為已當面交付")
        at = datetime.now(TAIPEI)
        connection.execute(update(Notice).where(Notice.id == number).values(state=HANDED, ended_at=at))
        append(connection, at=at, actor=by, action="notice_handed", about=f"notice:{number}", detail={})


def remind(
    store: Store, settings: Settings, *, write: Callable[[Digest], Letter], at: datetime | None = None, seconds: float = mail.SECONDS
) -> Counter[str]:  # fmt: skip
    """Do what the rule asks for at an instant; return how many notices came to which state ("later": will be tried again).

    Nothing happens while reminders are off, no mail server is set, or it is no school day between 8 and 17 o'clock. A notice is
    claimed before it is sent, so that two processes never send the same; what it says is worked out at that moment, and
    when nothing is left to say it is needless.
    """
    clock = (lambda: at) if at is not None else (lambda: datetime.now(TAIPEI))
    moment = clock().astimezone(TAIPEI)
    done: Counter[str] = Counter()
    if not (mail.is_ready(settings) and FROM_HOUR <= moment.hour < UNTIL_HOUR and is_on(store)):
        return done
    if not is_school_day(store.ledger()[1], day_number(moment)):
        return done
    now = _look(store, moment)
    _queue(store, now, moment)
    with mail.post(settings, seconds=seconds) as send:
        while (claim := _claim(store, clock())) is not None:
            if store.ledger()[0] != now.version:
                now = _look(store, clock())
            done[_deliver(store, settings, claim, now, write=write, send=send, at=clock())] += 1
    return done


def keep_reminding(store: Store, settings: Settings, write: Callable[[Digest], Letter]) -> None:
    """Look once a minute, for as long as the process lives."""
    while True:
        try:
            remind(store, settings, write=write)
        except (SQLAlchemyError, OSError, mail.MailSettingsError) as error:
            log.warning("reminders wait: %s", type(error).__name__)
        time.sleep(EVERY_SECONDS)


def _look(store: Store, at: datetime) -> _Now:
    version, ledger = store.ledger()
    with reading(store.engine) as connection:
        staff = {row.staff_code: row for row in connection.execute(select(Staff.staff_code, Staff.name, Staff.unit, Staff.email))}  # fmt: skip
        chiefs = _chiefs(connection, on=at.astimezone(TAIPEI).date())
        lines = _lines(connection)
    notices = [Noticed(each.person, max(day_number(each.made_at), day_number(each.ended_at or each.made_at)), each.state) for each in lines]  # fmt: skip
    found = pending(ledger, at, chiefs=chiefs, notices=notices)
    return _Now(version, found, staff, to_write(found, notices), lines)


def _chiefs(connection: Connection, *, on: date) -> dict[str, Sequence[str]]:
    """Return the staff codes of those who head each unit on a day, deputies among them."""
    asked = (
        select(Grant.unit, User.staff_code)
        .join(User, User.id == Grant.user_id)
        .where(Grant.role == Role.SECTION_CHIEF, in_force(on), User.disabled_at.is_(None), User.staff_code != "")
        .distinct()
    )
    units: dict[str, list[str]] = {}
    for unit, code in connection.execute(asked.order_by(User.staff_code)):
        units.setdefault(unit, []).append(code)
    return {**units}


def _lines(connection: Connection, *, person: str = "") -> list[Line]:
    asked = select(
        Notice.id, Notice.person_code, func.coalesce(Staff.name, ""), Notice.mark_on, Notice.made_at, Notice.state, Notice.item_count,
        Notice.overdue_count, Notice.tries, Notice.ended_at, Notice.reply,
    ).outerjoin(Staff, Staff.staff_code == Notice.person_code)  # fmt: skip
    if person:
        asked = asked.where(Notice.person_code == person)
    return [Line(*row) for row in connection.execute(asked.order_by(Notice.made_at.desc(), Notice.id.desc()))]


def _queue(store: Store, now: _Now, at: datetime) -> None:
    for person, mark in sorted(now.marks.items()):
        due = _due(now, person, None)
        state = QUEUED if due.has_address else UNADDRESSED
        values = {
            "person_code": person, "mark_on": date(1970, 1, 1) + timedelta(days=mark), "made_at": at, "state": state, "item_count": due.items,
            "overdue_count": due.overdue, "tries": 0, "next_try_at": at, "ended_at": None, "reply": "",
        }  # fmt: skip
        try:
            with writing(store.engine) as connection:
                connection.execute(insert(Notice).values(**values))
        except IntegrityError:  # another process was first
            continue


def _claim(store: Store, at: datetime) -> Any:
    """Take the next notice to send. One that a process took and never ended may have gone out: it is not sent again."""
    with writing(store.engine) as connection:
        lost = (Notice.state == SENDING) & (Notice.next_try_at <= at - GIVEN_UP_AFTER)
        connection.execute(update(Notice).where(lost).values(state=UNSURE, ended_at=at, reply="中斷"))
        ready = select(Notice.id, Notice.person_code, Notice.tries).where(
            Notice.state == QUEUED, Notice.next_try_at <= at
        )
        claim = connection.execute(ready.order_by(Notice.id).limit(1)).first()
        if claim is not None:
            connection.execute(update(Notice).where(Notice.id == claim.id).values(state=SENDING, next_try_at=at))
        return claim


def _deliver(
    store: Store, settings: Settings, claim: Any, now: _Now, *, write: Callable[[Digest], Letter],
    send: Callable[[Letter], mail.Outcome], at: datetime,
) -> str:  # fmt: skip
    """Write and send a claimed notice, and note what became of it."""
    rows, staff = now.found[now.found["person"] == claim.person_code], now.staff.get(claim.person_code)
    if rows.empty:
        outcome = mail.Outcome(NEEDLESS)
    elif staff is None or "@" not in staff.email:
        outcome = mail.Outcome(UNADDRESSED)
    else:
        names = {code: row.name for code, row in now.staff.items()}
        told = rows.assign(due_at=[None if due_at == NEVER else from_us(due_at) for due_at in rows["due_at"]])
        told["due_at"] = pd.to_datetime(told["due_at"])
        outcome = send(write(Digest(claim.person_code, staff.name, staff.email, at, told, names, settings.site_url)))
    values: dict[str, Any] = {"tries": claim.tries + 1, "reply": outcome.reply}
    if outcome.state == "later":
        values |= {"state": QUEUED, "next_try_at": at + min(FIRST_WAIT * 3**claim.tries, LONGEST_WAIT)}
    else:
        values |= {"state": outcome.state, "ended_at": at}
    if len(rows):
        values |= {"item_count": len(rows), "overdue_count": int(rows["is_overdue"].sum())}
    with writing(store.engine) as connection:
        connection.execute(update(Notice).where(Notice.id == claim.id).values(**values))
    return outcome.state
