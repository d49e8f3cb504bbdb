"""Meetings in the database: read whole, written a step at a time."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from datetime import date, datetime

from sqlalchemy import Connection, delete, func, insert, select, update

from data.meetings import KINDS, OPEN, PLANNED, Event, Item, Meeting, Member, Resolution, next_number
from data.models import AgendaItem, MeetingMember, ResolutionEvent
from data.models import Meeting as MeetingRow
from data.models import Resolution as ResolutionRow


def list_meetings(connection: Connection) -> list[Meeting]:
    """Return every meeting, the newest day first; members in the order of their kinds."""
    members: dict[int, list[Member]] = defaultdict(list)
    columns = (
        MeetingMember.id,
        MeetingMember.kind,
        MeetingMember.title,
        MeetingMember.username,
        MeetingMember.attendance,
    )
    for row in connection.execute(select(MeetingMember.meeting_id, *columns).order_by(MeetingMember.id)):
        members[row[0]].append(Member(*row[1:]))
    agenda: dict[int, list[Item]] = defaultdict(list)
    parts = (AgendaItem.id, AgendaItem.position, AgendaItem.matter, AgendaItem.title, AgendaItem.note)
    ordered = select(AgendaItem.meeting_id, *parts).order_by(AgendaItem.matter, AgendaItem.position)
    for line in connection.execute(ordered):
        agenda[line[0]].append(Item(*line[1:]))
    places = {kind: place for place, kind in enumerate(KINDS)}
    own = (
        MeetingRow.id, MeetingRow.term, MeetingRow.held_at, MeetingRow.place, MeetingRow.state, MeetingRow.convener, MeetingRow.quorum,
        MeetingRow.note,
    )  # fmt: skip
    return [
        Meeting(
            *row,
            tuple(sorted(members[row[0]], key=lambda member: places.get(member.kind, len(places)))),
            tuple(agenda[row[0]]),
        )
        for row in connection.execute(select(*own).order_by(MeetingRow.held_at.desc(), MeetingRow.id.desc()))
    ]


def list_resolutions(connection: Connection) -> list[Resolution]:
    """Return every resolution with its history, by number."""
    events: dict[int, list[Event]] = defaultdict(list)
    steps = (
        ResolutionEvent.happened_at, ResolutionEvent.made_by, ResolutionEvent.from_state, ResolutionEvent.to_state, ResolutionEvent.reason,
    )  # fmt: skip
    ordered = select(ResolutionEvent.resolution_id, *steps).order_by(ResolutionEvent.id)
    for row in connection.execute(ordered):
        events[row[0]].append(Event(*row[1:]))
    own = (
        ResolutionRow.id, ResolutionRow.meeting_id, ResolutionRow.number, ResolutionRow.text, ResolutionRow.responsible, ResolutionRow.due_on,
    )  # fmt: skip
    return [
        Resolution(*row, tuple(events[row[0]]))
        for row in connection.execute(select(*own).order_by(ResolutionRow.number))
    ]


def add_meeting(
    connection: Connection, *, term: int, held_at: datetime, place: str, convener: str, quorum: int, note: str,
    members: Sequence[tuple[str, str, str]], agenda: Sequence[tuple[int, str]], at: datetime, by: str,
) -> int:  # fmt: skip
    """Add a planned meeting and return its id. members: kind, title, account; agenda: matter, title."""
    values = {
        "term": term, "held_at": held_at, "place": place, "state": PLANNED, "convener": convener, "quorum": quorum, "note": note,
        "created_at": at, "created_by": by,
    }  # fmt: skip
    number = int(connection.execute(insert(MeetingRow).values(values).returning(MeetingRow.id)).scalar_one())
    for kind, title, username in members:
        row = {"meeting_id": number, "kind": kind, "title": title, "username": username, "attendance": ""}
        connection.execute(insert(MeetingMember).values(row))
    for matter, title in agenda:
        add_item(connection, number, matter=matter, title=title, note="")
    return number


def set_attendance(connection: Connection, meeting_id: int, attendance: dict[int, str]) -> None:
    """Write who was present, by the member's id; members of another meeting are not touched."""
    for member_id, said in attendance.items():
        own = (MeetingMember.id == member_id) & (MeetingMember.meeting_id == meeting_id)
        connection.execute(update(MeetingMember).where(own).values(attendance=said))


def set_state(connection: Connection, meeting_id: int, state: str, *, held_at: datetime | None = None) -> None:
    """Write that a meeting took place or was cancelled."""
    values = {"state": state} | ({} if held_at is None else {"held_at": held_at})
    connection.execute(update(MeetingRow).where(MeetingRow.id == meeting_id).values(values))


def add_item(connection: Connection, meeting_id: int, *, matter: int, title: str, note: str) -> None:
    """Put something at the end of a meeting's agenda."""
    last = select(func.coalesce(func.max(AgendaItem.position), 0)).where(AgendaItem.meeting_id == meeting_id)
    position = int(connection.execute(last).scalar_one()) + 1
    values = {"meeting_id": meeting_id, "position": position, "matter": matter, "title": title, "note": note}
    connection.execute(insert(AgendaItem).values(values))


def remove_item(connection: Connection, item_id: int) -> None:
    """Take something off an agenda."""
    connection.execute(delete(AgendaItem).where(AgendaItem.id == item_id))


def add_resolution(
    connection: Connection, meeting_id: int, *, term: int, text: str, responsible: str, due_on: date | None, at: datetime, by: str
) -> tuple[int, str]:  # fmt: skip
    """Add an open resolution and return its id and number."""
    number = next_number(term, connection.execute(select(ResolutionRow.number)).scalars())
    values = {"meeting_id": meeting_id, "number": number, "text": text, "responsible": responsible, "due_on": due_on}
    made = int(connection.execute(insert(ResolutionRow).values(values).returning(ResolutionRow.id)).scalar_one())
    add_event(connection, made, Event(at, by, "", OPEN, ""))
    return made, number


def add_event(connection: Connection, resolution_id: int, event: Event) -> None:
    """Add a step to the history of a resolution."""
    values = {
        "resolution_id": resolution_id, "happened_at": event.at, "made_by": event.by, "from_state": event.from_state,
        "to_state": event.to_state, "reason": event.reason,
    }  # fmt: skip
    connection.execute(insert(ResolutionEvent).values(values))
