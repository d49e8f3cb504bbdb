"""The working group's meetings: planned, attended, resolved, and followed up; every step is in the audit log without a name."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import Connection, select

from dashboard.services.store import Store
from data import minutes
from data.audit import append
from data.db import raise_data_version, reading, writing
from data.instants import TAIPEI
from data.meetings import (
    CANCELLED,
    EXCUSED,
    HELD,
    KINDS,
    MATTERS,
    PLANNED,
    PRESENT,
    STEPS,
    USUAL_MEMBERS,
    Event,
    Meeting,
    Resolution,
    Standing,
    has_quorum,
    newest_held,
    stand,
    terms_without,
    to_report,
    usual_quorum,
    was_held,
)
from data.models import Staff, Student, User

__all__ = [
    "CANCELLED", "EXCUSED", "HELD", "KINDS", "LONGEST", "MATTERS", "PLANNED", "PRESENT", "STEPS", "Book", "Meeting", "MeetingError",
    "Resolution", "Standing", "add_item", "add_resolution", "cancel", "has_quorum", "hold", "last_meeting_day", "mark", "move", "now", "plan",
    "read_book", "remove_item", "usual_members", "was_held",
]  # fmt: skip

LONGEST = 500  # characters of a field
MOST_MEMBERS = 60


class MeetingError(ValueError):
    """What is missing or cannot be, in words for the person who entered it."""


@dataclass(frozen=True)
class Book:
    """Everything about the meetings, as it stood at as_of. meetings: the newest day first."""

    meetings: list[Meeting]
    resolutions: list[Resolution]
    as_of: datetime

    def find(self, number: int) -> Meeting | None:
        """Return a meeting by its id."""
        return next((meeting for meeting in self.meetings if meeting.id == number), None)

    def of_term(self, term: int) -> list[Meeting]:
        """Return the meetings of a term, the newest day first."""
        return [meeting for meeting in self.meetings if meeting.term == term]

    def ordinal(self, meeting: Meeting) -> int:
        """Return which meeting of its term it is, by day; cancelled ones do not count."""
        key = (meeting.held_at, meeting.id)
        before = [
            each for each in self.of_term(meeting.term) if each.state != CANCELLED and (each.held_at, each.id) < key
        ]
        return len(before) + 1

    def resolved_at(self, meeting: Meeting) -> list[Standing]:
        """Return what a meeting resolved, as it stood."""
        own = [each for each in self.resolutions if each.meeting_id == meeting.id]
        return [standing for standing in (stand(each, self.as_of) for each in own) if standing is not None]

    def reported_to(self, meeting: Meeting) -> list[Standing]:
        """Return what stands on top of a meeting's agenda: what the one before resolved, and what is unfinished from earlier."""
        return to_report(self.meetings, self.resolutions, before=meeting.held_at, as_of=self.as_of)

    def heard_at(self, before: datetime) -> list[Standing]:
        """Return what a meeting at an instant hears first, planned or not."""
        return to_report(self.meetings, self.resolutions, before=before, as_of=self.as_of)

    def terms_without(self, terms: list[int]) -> list[int]:
        """Return the terms, of these, in which no meeting had been held."""
        return terms_without(self.meetings, terms, as_of=self.as_of)


def read_book(store: Store, as_of: datetime) -> Book:
    """Read every meeting and resolution, to be asked about an instant."""
    with reading(store.engine) as connection:
        return Book(minutes.list_meetings(connection), minutes.list_resolutions(connection), as_of)


def last_meeting_day(store: Store) -> str:
    """Return the ISO day of the newest meeting that was held; empty where there was none."""
    moment = now()
    last = newest_held(read_book(store, moment).meetings, moment)
    return "" if last is None else last.held_at.date().isoformat()


def usual_members(book: Book) -> list[tuple[str, str, str]]:
    """Return who is asked to a new meeting: those of the newest one, else those of the sample regulation."""
    if book.meetings:
        return [(member.kind, member.title, member.username) for member in book.meetings[0].members]
    return [(kind, title, "") for kind, title in USUAL_MEMBERS]


@contextmanager
def _changing(store: Store) -> Iterator[Connection]:
    with writing(store.engine) as connection:
        raise_data_version(connection)
        yield connection


def now() -> datetime:
    """Return the present."""
    return datetime.now(TAIPEI)


def _refuse_names(connection: Connection, *texts: str) -> None:
    """Refuse the name of anybody on the rosters: the whole group, parents and students among them, reads what is written here.

    A name of two letters may be part of a word, so that it is refused only where it stands alone.
    """
    said = "\n".join(texts)
    alone = set(re.split(r"[\s、，,：:；;（）()]+", said))
    for each in (Staff, Student):
        for name in connection.execute(select(each.name)).scalars():
            if name and (name in alone if len(name) < 3 else name in said):
                raise MeetingError(f"「{name}」是名冊上的姓名；會議的紀錄給全體成員看，請改寫單位或職稱")


def plan(store: Store, values: Mapping[str, str], *, by: str) -> int:
    """Plan a meeting from a form's values and return its id; its agenda begins with the six matters."""
    term = _term(values.get("term", ""))
    held_at = _moment(values.get("day", ""), values.get("time", ""))
    place = _required(values, "place", "請填寫地點")
    convener = _required(values, "convener", "請填寫主席（召集人）的職稱")
    with _changing(store) as connection:
        _refuse_names(connection, place, convener, values.get("members", ""), _text(values, "note"))
        members = _members(connection, values.get("members", ""))
        quorum = _quorum(values.get("quorum", ""), len(members))
        made = minutes.add_meeting(
            connection, term=term, held_at=held_at, place=place, convener=convener, quorum=quorum, note=_text(values, "note"),
            members=members, agenda=list(enumerate(MATTERS, start=1)), at=now(), by=by,
        )  # fmt: skip
        _note(connection, "meeting_planned", f"meeting:{made}", by, {"term": term, "members": len(members)})
    return made


def mark(store: Store, meeting_id: int, attendance: Mapping[int, str], *, by: str) -> None:
    """Write who was present and who was excused; nothing said about a member means it is not known."""
    with _changing(store) as connection:
        meeting = _meeting(connection, meeting_id)
        if meeting.state == CANCELLED:
            raise MeetingError("會議已經取消")
        own = {member.id for member in meeting.members}
        if not attendance.keys() <= own or not set(attendance.values()) <= {"", PRESENT, EXCUSED}:
            raise MeetingError("名單裡沒有這位成員")
        said = {number: attendance.get(number, "") for number in own}
        present = sum(each == PRESENT for each in said.values())
        if meeting.state == HELD and present < meeting.quorum:
            raise MeetingError(f"會議已經召開，出席不能少於 {meeting.quorum} 人")
        minutes.set_attendance(connection, meeting_id, said)
        _note(connection, "meeting_attendance", f"meeting:{meeting_id}", by, {"present": present, "members": len(own)})


def hold(store: Store, meeting_id: int, *, by: str) -> None:
    """Write that a meeting took place; it takes a quorum, and a time that has come."""
    with _changing(store) as connection:
        meeting = _meeting(connection, meeting_id)
        if meeting.state != PLANNED:
            raise MeetingError("只有預定的會議可以記為已召開")
        if meeting.held_at > now():
            raise MeetingError("會議的時間還沒有到")
        if not has_quorum(meeting):
            raise MeetingError(
                f"出席 {meeting.present}／{len(meeting.members)}，不到 {meeting.quorum} 人，不能記為已召開"
            )
        minutes.set_state(connection, meeting_id, HELD)
        detail = {"present": meeting.present, "members": len(meeting.members)}
        _note(connection, "meeting_held", f"meeting:{meeting_id}", by, detail)


def cancel(store: Store, meeting_id: int, *, by: str) -> None:
    """Write that a planned meeting does not take place."""
    with _changing(store) as connection:
        if _meeting(connection, meeting_id).state != PLANNED:
            raise MeetingError("只有預定的會議可以取消")
        minutes.set_state(connection, meeting_id, CANCELLED)
        _note(connection, "meeting_cancelled", f"meeting:{meeting_id}", by, {})


def add_item(store: Store, meeting_id: int, values: Mapping[str, str], *, by: str) -> None:
    """Put something on the agenda of a meeting that is to come."""
    matter = values.get("matter", "")
    if matter not in {str(n) for n in range(1, len(MATTERS) + 1)}:
        raise MeetingError("請選擇屬於六項工作事項的哪一項")
    title = _required(values, "title", "請填寫案由")
    with _changing(store) as connection:
        if _meeting(connection, meeting_id).state != PLANNED:
            raise MeetingError("只有預定的會議可以改議程")
        _refuse_names(connection, title, _text(values, "note"))
        minutes.add_item(connection, meeting_id, matter=int(matter), title=title, note=_text(values, "note"))
        _note(connection, "agenda_added", f"meeting:{meeting_id}", by, {"matter": int(matter)})


def remove_item(store: Store, meeting_id: int, item_id: int, *, by: str) -> None:
    """Take something off the agenda of a meeting that is to come."""
    with _changing(store) as connection:
        meeting = _meeting(connection, meeting_id)
        if meeting.state != PLANNED:
            raise MeetingError("只有預定的會議可以改議程")
        if item_id not in {item.id for item in meeting.agenda}:
            raise MeetingError("議程裡沒有這一案")
        minutes.remove_item(connection, item_id)
        _note(connection, "agenda_removed", f"meeting:{meeting_id}", by, {})


def add_resolution(store: Store, meeting_id: int, values: Mapping[str, str], *, by: str) -> str:
    """Write down what a meeting resolved and return its number; only one that took place resolves anything."""
    text = _required(values, "text", "請填寫決議")
    responsible = _required(values, "responsible", "請填寫由哪個單位或職稱負責")
    due = values.get("due", "").strip()
    due_on = _day(due, "請填寫辦理期限") if due else None
    with _changing(store) as connection:
        meeting = _meeting(connection, meeting_id)
        if meeting.state != HELD:
            raise MeetingError("會議召開之後才能新增決議")
        _refuse_names(connection, text, responsible)
        _made, number = minutes.add_resolution(
            connection, meeting_id, term=meeting.term, text=text, responsible=responsible, due_on=due_on, at=now(), by=by
        )  # fmt: skip
        _note(connection, "resolution_added", f"resolution:{number}", by, {"meeting": meeting_id})
    return number


def move(store: Store, resolution_id: int, values: Mapping[str, str], *, by: str) -> Resolution:
    """Bring a resolution into another state, with the reason; its history grows and nothing of it is lost."""
    to_state, reason = values.get("state", ""), _required(values, "reason", "請填寫原因")
    with _changing(store) as connection:
        found = {each.id: each for each in minutes.list_resolutions(connection)}.get(resolution_id)
        if found is None:
            raise MeetingError("沒有這項決議")
        before = found.events[-1].to_state
        if to_state not in STEPS[before]:
            raise MeetingError("這項決議現在不能改成這個狀態")
        _refuse_names(connection, reason)
        minutes.add_event(connection, resolution_id, Event(now(), by, before, to_state, reason))
        detail = {"before": before, "after": to_state}
        _note(connection, "resolution_moved", f"resolution:{found.number}", by, detail)
    return found


def _note(connection: Connection, action: str, about: str, by: str, detail: Mapping[str, Any]) -> None:
    append(connection, at=now(), actor=by, action=action, about=about, detail=detail)


def _meeting(connection: Connection, number: int) -> Meeting:
    found = next((each for each in minutes.list_meetings(connection) if each.id == number), None)
    if found is None:
        raise MeetingError("沒有這次會議")
    return found


# --- what a form says -------------------------------------------------------------------------------------------------


def _text(values: Mapping[str, str], name: str) -> str:
    """Return one line of text; what no database or file takes is left out."""
    said = "".join(each if each.isprintable() else " " for each in values.get(name, ""))
    return " ".join(said.split())[:LONGEST]


def _required(values: Mapping[str, str], name: str, missing: str) -> str:
    said = _text(values, name)
    if not said:
        raise MeetingError(missing)
    return said


def _term(said: str) -> int:
    if not (said.isascii() and said.isdigit() and len(said) == 4 and said[3] in "12"):
        raise MeetingError("會議屬於一個學期，請選擇學期")
    return int(said)


def _day(said: str, missing: str) -> date:
    try:
        day = date.fromisoformat(said)
    except ValueError:
        raise MeetingError(missing) from None
    if not date(2000, 1, 1) <= day < date(2200, 1, 1):
        raise MeetingError(missing)
    return day


def _moment(day: str, time: str) -> datetime:
    chosen = _day(day.strip(), "請填寫日期")
    try:
        at = datetime.strptime(time.strip(), "%H:%M")
    except ValueError:
        raise MeetingError("請填寫時間，例如 13:30") from None
    return datetime(chosen.year, chosen.month, chosen.day, at.hour, at.minute, tzinfo=TAIPEI)


def _quorum(said: str, members: int) -> int:
    """Read how many must be present; more than half where nothing is said, and never fewer."""
    said = said.strip()
    if not said:
        return usual_quorum(members)
    if not (said.isascii() and said.isdigit() and len(said) < 4):
        raise MeetingError("開會所需人數請填整數")
    if not usual_quorum(members) <= int(said) <= members:
        raise MeetingError(f"成員 {members} 人，開會至少要 {usual_quorum(members)} 人、至多 {members} 人出席")
    return int(said)


def _members(connection: Connection, said: str) -> list[tuple[str, str, str]]:
    """Read the members, one a line: 身分：職稱, and the account after another colon where there is one."""
    found = []
    for line in said.splitlines():
        parts = [each.strip() for each in line.replace(":", "：").split("：")]
        if not any(parts):
            continue
        kind, title, username = (*parts, "", "")[:3]
        if len(parts) > 3 or kind not in KINDS or not title or len(title) > 40 or not title.isprintable():
            raise MeetingError(f"成員名單的「{line.strip()[:40]}」請寫成「身分：職稱」，身分為{'、'.join(KINDS)}")
        found.append((kind, title, username))
    if not 3 <= len(found) <= MOST_MEMBERS:
        raise MeetingError(f"成員名單一行一位，至少 3 位、至多 {MOST_MEMBERS} 位")
    if any(count > 1 for kind, count in Counter(kind for kind, _, _ in found).items() if kind in KINDS[:2]):
        raise MeetingError("召集人與執行秘書各只有一位")
    accounts = {username for _, _, username in found if username}
    known = set(connection.execute(select(User.username).where(User.username.in_(accounts))).scalars())
    if accounts - known:
        raise MeetingError(f"沒有「{min(accounts - known)[:40]}」這個帳號")
    return found
