"""The demo's working group: a meeting in most terms, with resolutions that were done, carried on, dropped or are still open."""

from __future__ import annotations

from datetime import date, datetime, timedelta

from sqlalchemy import Connection, Engine

from data.audit import append
from data.db import raise_data_version, writing
from data.instants import TAIPEI
from data.meetings import CARRIED, DONE, DROPPED, EXCUSED, HELD, MATTERS, PRESENT, USUAL_MEMBERS, Event, usual_quorum
from data.minutes import add_event, add_meeting, add_resolution, list_meetings, set_attendance, set_state

MISSED = 2  # terms back from the present one in which nobody called the group together
# What was resolved, who answers, days until it is due, and the steps since: days after the meeting, state, reason.
RESOLVED = (
    ("作業期程依附件通過，公告於學校網站", "教務處註冊組", 14, ((9, DONE, "已公告"),)),
    ("任課教師請假三日以上，代理人名單於一週內更新", "教務處教學組", 30, ((25, DONE, "名單已更新並匯入"),)),
    (
        "系統操作訓練增辦一場",
        "教務處設備組",
        60,
        ((60, CARRIED, "場地未定，延至下學期"), (150, DONE, "已辦理")),
    ),
    ("編印紙本上傳手冊", "輔導處", 90, ((45, DROPPED, "平臺已有線上說明，停止辦理"),)),
)
OPEN_STILL = (
    ("收訖問題回報由導師轉交，三日內答覆", "學務處訓育組", 45),
    ("第二次段考後再提醒一次認證期限", "教務處註冊組", 60),
)


def enter_meetings(engine: Engine, *, current_term: int, terms: int, today: date, by: str) -> None:
    """Enter a meeting for each of the last `terms` terms but one, and the next one as planned."""
    chosen = [current_term]
    while len(chosen) < terms:
        chosen.append(_term_before(chosen[-1]))
    with writing(engine) as connection:
        for back, term in reversed(list(enumerate(chosen))):
            held_at = _usual_day(term)
            if back == MISSED:
                continue
            if held_at.date() < today:
                _hold(connection, term, held_at, today=today, by=by, is_current=back == 0)
            if back == 0:
                ahead = held_at if held_at.date() >= today else _weekday(today + timedelta(days=21))
                _plan(connection, term, ahead, at=datetime.combine(today, datetime.min.time(), TAIPEI), by=by)
        raise_data_version(connection)


def _term_before(term: int) -> int:
    return term - 1 if term % 10 == 2 else term - 9


def _usual_day(term: int) -> datetime:
    """Five weeks into the term, in the afternoon."""
    year = term // 10 + 1911
    return _weekday(date(year, 9, 29) if term % 10 == 1 else date(year + 1, 3, 17))


def _weekday(day: date) -> datetime:
    """The first Tuesday from a day on, at half past one."""
    day += timedelta(days=(1 - day.weekday()) % 7)
    return datetime(day.year, day.month, day.day, 13, 30, tzinfo=TAIPEI)


def _plan(connection: Connection, term: int, held_at: datetime, *, at: datetime, by: str) -> int:
    members = [(kind, title, "") for kind, title in USUAL_MEMBERS]
    made = add_meeting(
        connection, term=term, held_at=held_at, place="第一會議室", convener="校長", quorum=usual_quorum(len(members)), note="",
        members=members, agenda=list(enumerate(MATTERS, start=1)), at=at, by=by,
    )  # fmt: skip
    detail = {"term": term, "members": len(members)}
    append(connection, at=at, actor=by, action="meeting_planned", about=f"meeting:{made}", detail=detail)
    return made


def _hold(connection: Connection, term: int, held_at: datetime, *, today: date, by: str, is_current: bool) -> None:
    made = _plan(connection, term, held_at, at=held_at - timedelta(days=14), by=by)
    (meeting,) = [each for each in list_meetings(connection) if each.id == made]
    away = term % len(meeting.members)  # another seat each term
    set_attendance(
        connection, made, {each.id: EXCUSED if n == away else PRESENT for n, each in enumerate(meeting.members)}
    )
    set_state(connection, made, HELD)
    resolved = [*RESOLVED[:2], *((*each, ()) for each in OPEN_STILL)] if is_current else RESOLVED
    for text, responsible, due_days, steps in resolved:
        due_on = (held_at + timedelta(days=due_days)).date()
        number, _ = add_resolution(
            connection, made, term=term, text=text, responsible=responsible, due_on=due_on, at=held_at + timedelta(hours=1), by=by
        )  # fmt: skip
        state = "open"
        for days, to_state, reason in steps:
            at = held_at + timedelta(days=days)
            if at.date() < today:
                add_event(connection, number, Event(at, by, state, to_state, reason))
                state = to_state
    detail = {"present": len(meeting.members) - 1, "members": len(meeting.members)}
    append(connection, at=held_at, actor=by, action="meeting_held", about=f"meeting:{made}", detail=detail)
