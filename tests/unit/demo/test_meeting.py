"""The demo's meetings are such as the service would have let be written."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from itertools import pairwise

import pytest

from data.audit import verify
from data.db import reading
from data.demo.meeting import enter_meetings
from data.instants import TAIPEI
from data.meetings import CARRIED, DONE, DROPPED, HELD, OPEN, PLANNED, STEPS, has_quorum, stand, terms_without
from data.minutes import list_meetings, list_resolutions


@pytest.mark.parametrize("today", [date(2026, 11, 24), date(2026, 8, 20), date(2026, 2, 1), date(2026, 3, 17)])
def test_the_demo_s_meetings_are_believable_on_any_day(engine, today):
    term = (today.year - 1911 - (today.month < 8)) * 10 + (1 if today.month >= 8 or today.month == 1 else 2)
    enter_meetings(engine, current_term=term, terms=6, today=today, by="demo")
    moment = datetime(today.year, today.month, today.day, tzinfo=TAIPEI)
    with reading(engine) as connection:
        meetings, resolutions = list_meetings(connection), list_resolutions(connection)
        assert verify(connection).faults == ()
    held = [meeting for meeting in meetings if meeting.state == HELD]
    assert all(has_quorum(meeting) and meeting.held_at < moment for meeting in held)
    (planned,) = [meeting for meeting in meetings if meeting.state == PLANNED]
    assert planned.held_at >= moment
    assert planned.held_at < moment + timedelta(days=60)
    assert len(terms_without(meetings, {meeting.term for meeting in held}, as_of=moment)) == 0
    for resolution in resolutions:
        states = ["", *(event.to_state for event in resolution.events)]
        assert all(after in STEPS[before] for before, after in pairwise(states))
        assert [event.at for event in resolution.events] == sorted(event.at for event in resolution.events)
        assert all(event.at < moment for event in resolution.events)


def test_every_state_of_a_resolution_was_seen_in_the_demo_on_some_day(engine):
    enter_meetings(engine, current_term=1151, terms=6, today=date(2026, 11, 24), by="demo")
    with reading(engine) as connection:
        resolutions = list_resolutions(connection)
    # 系統操作訓練 is carried on until it is done half a year later.
    seen = {
        standing.state
        for day in (datetime(2026, 6, 1, tzinfo=TAIPEI), datetime(2026, 11, 24, tzinfo=TAIPEI))
        for standing in (stand(resolution, day) for resolution in resolutions)
        if standing
    }
    assert seen == {OPEN, DONE, CARRIED, DROPPED}
