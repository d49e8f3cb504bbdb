"""Meetings: quorum, the history of a resolution replayed, terms without one, and the service on both databases."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import delete, select, update
from sqlalchemy.exc import DBAPIError

from dashboard.services import meetings as service
from dashboard.services.meetings import MeetingError
from data.db import read_data_version, reading, writing
from data.instants import NEVER, TAIPEI, to_us
from data.ledger import build
from data.meetings import (
    CARRIED,
    DONE,
    DROPPED,
    HELD,
    OPEN,
    STEPS,
    Event,
    Meeting,
    Member,
    Resolution,
    has_quorum,
    newest_held,
    next_number,
    stand,
    terms_without,
    to_report,
    usual_quorum,
)
from data.metrics import Question, completion
from data.models import AuditEvent, ResolutionEvent
from data.schema import FRAMES, SchoolSettings, conform

AT = datetime(2026, 3, 2, 14, tzinfo=TAIPEI)
FORM = {
    "term": "1142", "day": "2026-03-02", "time": "14:00", "place": "會議室", "convener": "校長", "quorum": "", "note": "",
    "members": "召集人：校長\n執行秘書：教務主任\n處室主管：學務主任\n家長代表：家長代表",
}  # fmt: skip
RESOLVED = {"text": "延長認證期限一週", "responsible": "教務處", "due": "2026-03-20"}


def meeting(number, *, days=0, state=HELD, term=1142, present=2, members=3):
    seats = tuple(Member(n, "教師代表", "教師代表", "", "present" if n < present else "") for n in range(members))
    return Meeting(number, term, AT + timedelta(days=days), "", state, "校長", usual_quorum(members), "", seats)


def resolution(number, meeting_id, *steps):
    states = ("", *(state for _day, state in steps))
    events = tuple(
        Event(AT + timedelta(days=day), "a", before, state, "x")
        for (day, state), before in zip(steps, states, strict=False)
    )
    return Resolution(number, meeting_id, f"114-2-{number:02d}", "決議", "教務處", date(2026, 3, 20), events)


@pytest.mark.parametrize(("members", "quorum"), [(3, 2), (4, 3), (15, 8), (16, 9)])
def test_a_quorum_is_more_than_half(members, quorum):
    assert usual_quorum(members) == quorum
    assert has_quorum(meeting(1, members=members, present=quorum))
    assert not has_quorum(meeting(1, members=members, present=quorum - 1))


def test_a_resolution_stood_as_its_history_says_at_any_instant():
    one = resolution(1, 1, (0, OPEN), (10, CARRIED), (20, DONE))
    assert stand(one, AT - timedelta(microseconds=1)) is None
    for day, state in ((0, OPEN), (9, OPEN), (10, CARRIED), (19, CARRIED), (20, DONE), (99, DONE)):
        assert stand(one, AT + timedelta(days=day)).state == state


def test_the_last_day_still_counts_and_only_what_is_unfinished_is_overdue():
    standing = stand(resolution(1, 1, (0, OPEN)), AT)
    assert not standing.is_overdue(date(2026, 3, 20))
    assert standing.is_overdue(date(2026, 3, 21))
    assert not stand(resolution(1, 1, (0, OPEN), (1, DROPPED)), AT + timedelta(days=1)).is_overdue(date(2026, 3, 21))


def test_a_meeting_hears_all_of_the_last_one_and_what_is_unfinished_from_before_it():
    known = [
        meeting(1, days=-200),
        meeting(2),
        meeting(3, days=10, state="cancelled"),
        meeting(4, days=90, state="planned"),
    ]
    said = [
        resolution(1, 1, (-200, OPEN), (-100, DONE)),
        resolution(2, 1, (-200, OPEN), (0, CARRIED)),
        resolution(3, 2, (0, OPEN), (5, DONE)),
        resolution(4, 2, (0, OPEN)),
    ]
    heard = to_report(known, said, before=known[3].held_at, as_of=AT + timedelta(days=80))
    assert [(each.resolution.id, each.state) for each in heard] == [(2, CARRIED), (3, DONE), (4, OPEN)]
    assert newest_held(known, known[3].held_at).id == 2
    assert to_report(known, said, before=known[0].held_at, as_of=AT) == []


def test_a_term_had_a_meeting_only_once_one_was_held():
    known = [meeting(1, term=1141, days=-100), meeting(2), meeting(3, term=1151, state="planned")]
    assert terms_without(known, [1132, 1141, 1142, 1151], as_of=AT) == [1132, 1151]
    assert terms_without(known, [1142], as_of=AT - timedelta(microseconds=1)) == [1142]


def test_numbers_follow_each_other_within_a_term():
    assert next_number(1131, []) == "113-1-01"
    assert next_number(1131, ["113-1-01", "113-1-09", "113-2-44"]) == "113-1-10"


# --- the duty ----------------------------------------------------------------------------------------------------------


def duty(*meetings, terms=(1132, 1141, 1142, 1151)):
    """The meet duties of a school that taught in these terms; meetings: term and instant held, None for one only planned."""
    frames = {name: pd.DataFrame({column: [] for column in columns}) for name, columns in FRAMES.items()}
    taught = {"school_year": [term // 10 for term in terms], "semester": [term % 10 for term in terms]}
    texts = dict.fromkeys(("class_name", "subject", "teacher_code", "teacher_name"), [""] * len(terms))
    frames["sections"] = pd.DataFrame(taught | texts)
    frames["meetings"] = pd.DataFrame(
        [(term, NEVER if at is None else to_us(at)) for term, at in meetings], columns=list(FRAMES["meetings"])
    )
    frames = {name: conform(frame, FRAMES[name]) for name, frame in frames.items()}
    return build(frames, SchoolSettings())


def state_of(ledger, term, as_of):
    frame = completion.answer(ledger, Question(term, as_of, by="school", stage="meet"))
    row = frame.iloc[0]
    return next((name for name in ("on_time", "late", "open", "overdue") if row[name]), "")


def at(*day):
    return datetime(*day, tzinfo=TAIPEI)


def test_a_term_without_a_meeting_is_overdue_once_it_has_ended():
    ledger = duty((1141, at(2025, 9, 30, 14)), (1142, None))
    assert state_of(ledger, 1141, at(2025, 7, 31, 23, 59)) == ""
    assert state_of(ledger, 1141, at(2025, 8, 1)) == "open"
    assert state_of(ledger, 1141, at(2025, 9, 30, 14)) == "on_time"
    assert state_of(ledger, 1142, at(2026, 7, 31, 23, 59, 59)) == "open"
    assert state_of(ledger, 1142, at(2026, 8, 1)) == "overdue"


def test_a_late_meeting_is_late_and_one_in_the_holidays_before_is_in_time():
    ledger = duty((1141, at(2026, 2, 1)), (1142, at(2026, 1, 30)))
    assert state_of(ledger, 1141, at(2026, 3, 1)) == "late"
    assert state_of(ledger, 1142, at(2026, 3, 1)) == "on_time"
    assert (ledger.duties["wait_us"] >= 0).all()


def test_nothing_is_owed_before_the_first_meeting_on_record_nor_where_there_is_none():
    assert state_of(duty((1142, at(2026, 3, 2))), 1141, at(2026, 9, 1)) == ""
    assert state_of(duty((1142, at(2026, 3, 2))), 1151, at(2026, 9, 1)) == "open"
    assert duty().duties.empty


# --- the service, on both databases ------------------------------------------------------------------------------------


@dataclass
class Desk:
    """What the service needs of a store."""

    engine: object


@pytest.fixture
def desk(engine):
    return Desk(engine)


def book(desk):
    return service.read_book(desk, datetime.now(TAIPEI))


def held(desk):
    number = service.plan(desk, FORM, by="a")
    seats = [member.id for member in book(desk).find(number).members]
    service.mark(desk, number, dict.fromkeys(seats[:3], "present") | {seats[3]: "excused"}, by="a")
    service.hold(desk, number, by="a")
    return number


def test_a_meeting_is_planned_attended_held_and_its_resolution_followed_up(desk):
    number = held(desk)
    kept = book(desk).find(number)
    assert (kept.state, kept.present, kept.quorum, len(kept.agenda)) == (HELD, 3, 3, 6)
    assert kept.held_at == AT
    assert service.add_resolution(desk, number, RESOLVED, by="a") == "114-2-01"
    assert service.add_resolution(desk, number, RESOLVED | {"due": ""}, by="a") == "114-2-02"
    (first, second) = book(desk).resolutions
    assert (first.due_on, second.due_on) == (date(2026, 3, 20), None)
    service.move(desk, first.id, {"state": CARRIED, "reason": "等平臺更新"}, by="b")
    (first, _second) = book(desk).resolutions
    assert [(event.by, event.from_state, event.to_state, event.reason) for event in first.events] == [
        ("a", "", OPEN, ""), ("b", OPEN, CARRIED, "等平臺更新"),
    ]  # fmt: skip


def test_every_step_is_in_the_audit_log_without_a_word_of_what_was_said(desk):
    number = held(desk)
    service.add_resolution(desk, number, RESOLVED, by="a")
    service.move(desk, book(desk).resolutions[0].id, {"state": DONE, "reason": "王小明說好了"}, by="a")
    with reading(desk.engine) as connection:
        rows = connection.execute(select(AuditEvent).order_by(AuditEvent.sequence)).all()
    assert [row.action for row in rows] == [
        "meeting_planned", "meeting_attendance", "meeting_held", "resolution_added", "resolution_moved",
    ]  # fmt: skip
    assert not any(word in row.detail for row in rows for word in ("王小明", "延長", "教務"))


def test_what_is_refused_leaves_nothing_behind_not_even_a_version(desk):
    with reading(desk.engine) as connection:
        before = read_data_version(connection)
    with pytest.raises(MeetingError, match="沒有「x」這個帳號"):
        service.plan(desk, FORM | {"members": FORM["members"] + "：x"}, by="a")
    assert book(desk).meetings == []
    with reading(desk.engine) as connection:
        assert read_data_version(connection) == before
        assert connection.execute(select(AuditEvent)).first() is None


@pytest.mark.parametrize(
    ("field", "value"),
    [("term", "1140"), ("term", "１１４２"), ("day", "2026-02-30"), ("day", "9999-01-01"), ("time", "25:00"), ("time", ""),
     ("place", " "), ("convener", ""), ("quorum", "2"), ("quorum", "5"), ("quorum", "三"), ("members", ""),
     ("members", "王小明\n李小華\n陳小美"), ("members", "召集人：校長\n召集人：校長\n教師代表：教師")],
)  # fmt: skip
def test_a_plan_that_cannot_be_is_refused_in_words(desk, field, value):
    with pytest.raises(MeetingError):
        service.plan(desk, FORM | {field: value}, by="a")


def test_without_a_quorum_or_before_its_time_no_meeting_was_held(desk):
    number = service.plan(desk, FORM, by="a")
    seats = [member.id for member in book(desk).find(number).members]
    service.mark(desk, number, dict.fromkeys(seats[:2], "present"), by="a")
    with pytest.raises(MeetingError, match="出席 2／4，不到 3 人"):
        service.hold(desk, number, by="a")
    with pytest.raises(MeetingError, match="召開之後"):
        service.add_resolution(desk, number, RESOLVED, by="a")
    later = service.plan(desk, FORM | {"day": "2199-03-02"}, by="a")
    with pytest.raises(MeetingError, match="還沒有到"):
        service.hold(desk, later, by="a")


def test_a_member_of_another_meeting_cannot_be_marked_and_a_held_one_keeps_its_quorum(desk):
    first, second = held(desk), service.plan(desk, FORM, by="a")
    (other, *_rest) = book(desk).find(first).members
    with pytest.raises(MeetingError, match="沒有這位成員"):
        service.mark(desk, second, {other.id: "present"}, by="a")
    with pytest.raises(MeetingError, match="不能少於 3 人"):
        service.mark(desk, first, {other.id: "present"}, by="a")


def test_a_cancelled_meeting_is_not_held_and_a_held_one_is_not_cancelled(desk):
    number = service.plan(desk, FORM, by="a")
    service.cancel(desk, number, by="a")
    for step in (service.hold, service.cancel):
        with pytest.raises(MeetingError):
            step(desk, number, by="a")
    with pytest.raises(MeetingError):
        service.cancel(desk, held(desk), by="a")


def test_the_agenda_may_grow_and_shrink_until_the_meeting(desk):
    number = service.plan(desk, FORM, by="a")
    service.add_item(desk, number, {"matter": "5", "title": "獎勵案", "note": ""}, by="a")
    items = book(desk).find(number).agenda
    assert [item.matter for item in items] == [1, 2, 3, 4, 5, 5, 6]
    service.remove_item(desk, number, items[0].id, by="a")
    assert len(book(desk).find(number).agenda) == 6
    with pytest.raises(MeetingError, match="沒有這一案"):
        service.remove_item(desk, number, items[0].id, by="a")
    with pytest.raises(MeetingError, match="哪一項"):
        service.add_item(desk, number, {"matter": "7", "title": "x"}, by="a")
    with pytest.raises(MeetingError, match="改議程"):
        service.add_item(desk, held(desk), {"matter": "1", "title": "x"}, by="a")


def test_the_history_of_a_resolution_cannot_be_rewritten(desk):
    service.add_resolution(desk, held(desk), RESOLVED, by="a")
    for statement in (update(ResolutionEvent).values(reason="y"), delete(ResolutionEvent)):
        with pytest.raises(DBAPIError, match="only grows"), writing(desk.engine) as connection:
            connection.execute(statement)


@settings(max_examples=15)
@given(wanted=st.lists(st.sampled_from([OPEN, DONE, CARRIED, DROPPED, "", "deleted"]), max_size=8))
def test_a_resolution_only_takes_the_steps_there_are(migrated_file, tmp_path_factory, wanted):
    import shutil

    from data.db import open_engine

    path = tmp_path_factory.mktemp("steps") / "school.sqlite"
    shutil.copy(migrated_file, path)
    opened = open_engine(f"sqlite:///{path}")
    desk = Desk(opened)
    try:
        service.add_resolution(desk, held(desk), RESOLVED, by="a")
        made = book(desk).resolutions[0].id
        state = OPEN
        taken = [OPEN]
        for to_state in wanted:
            if to_state in STEPS[state]:
                service.move(desk, made, {"state": to_state, "reason": "x"}, by="a")
                state = to_state
                taken.append(state)
            else:
                with pytest.raises(MeetingError):
                    service.move(desk, made, {"state": to_state, "reason": "x"}, by="a")
        assert [event.to_state for event in book(desk).resolutions[0].events] == taken
        with pytest.raises(MeetingError, match="原因"):
            service.move(desk, made, {"state": STEPS[state][0], "reason": " "}, by="a")
    finally:
        opened.dispose()
