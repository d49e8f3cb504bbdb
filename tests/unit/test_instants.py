"""Instants: Taipei unless said otherwise, half-open windows, and nothing naive in the database."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import insert, select
from sqlalchemy.exc import StatementError

from data.db import reading, writing
from data.instants import DAY_US, TAIPEI, from_us, parse_as_of, taipei_day_us, to_us
from data.models import AuditEvent
from data.rosters.cells import NO_INSTANT, parse_instants


@pytest.mark.parametrize(
    ("text", "utc"),
    [
        ("2025-02-04", "2025-02-03T16:00:00+00:00"),
        (" 2025-02-04 ", "2025-02-03T16:00:00+00:00"),
        ("2025-02-04T12:00", "2025-02-04T04:00:00+00:00"),
        ("2025-02-04 12:00:00.000001", "2025-02-04T04:00:00.000001+00:00"),
        ("2025-02-04T12:00:00+08:00", "2025-02-04T04:00:00+00:00"),
        ("2025-02-04T12:00:00Z", "2025-02-04T12:00:00+00:00"),
    ],
)
def test_an_as_of_without_a_zone_is_taipei_time(text, utc):
    assert parse_as_of(text) == datetime.fromisoformat(utc)


@pytest.mark.parametrize("text", ["2025-02-30", "yesterday", ""])
def test_an_as_of_that_is_no_instant_is_refused(text):
    with pytest.raises(ValueError, match=r".+"):
        parse_as_of(text)


def test_a_naive_instant_is_refused_where_microseconds_are_asked_for():
    with pytest.raises(ValueError, match="naive"):
        to_us(datetime(2025, 2, 4))  # naive on purpose


@given(st.integers(-(10**15), 4 * 10**15))
def test_microseconds_survive_the_way_there_and_back(microseconds):
    assert to_us(from_us(microseconds)) == microseconds


def test_a_taipei_day_begins_at_its_own_midnight():
    assert from_us(taipei_day_us(date(2025, 2, 4))) == datetime(2025, 2, 4, tzinfo=TAIPEI)


@pytest.mark.parametrize(
    ("cell", "unit_us"),
    [("2025/02/03", DAY_US), ("2025/02/03 23:59", 60_000_000), ("2025/02/03 23:59:59", 1_000_000)],
)
def test_an_end_covers_the_whole_unit_it_names_and_so_ends_at_the_next_midnight(cell, unit_us):
    instants, units, bad = parse_instants(pd.Series([cell], dtype="str"))
    assert (units[0], bad[0]) == (unit_us, False)
    assert instants[0] + units[0] == taipei_day_us(date(2025, 2, 4))


@given(st.datetimes(datetime(1912, 1, 1), datetime(2199, 12, 31)))
def test_every_second_reads_alike_in_both_calendars_and_on_both_clocks(moment):
    moment = moment.replace(microsecond=0)
    half = "上午" if moment.hour < 12 else "下午"
    clock = f"{moment.hour % 12 or 12}:{moment:%M:%S}"
    day = f"{moment.month}/{moment.day}"
    cells = [f"{moment.year}/{day} {moment:%H:%M:%S}", f"{moment.year}/{day} {half} {clock}"]
    if moment.year >= 1921:  # a Republican year of two or three digits
        cells.append(f"{moment.year - 1911}/{day} {half}{clock}")
    instants, _, bad = parse_instants(pd.Series(cells, dtype="str"))
    wanted = (moment - timedelta(hours=8)).replace(tzinfo=UTC)
    assert not bad.any()
    assert set(instants) == {to_us(wanted)}


@pytest.mark.parametrize(
    "cell",
    ["114/13/40", "114/02/29", "2025/02/29", "114/00/01", "2025/2/3 24:00", "2025/2/3 12:60", "113", "x", "2025/2/3 1"],
)
def test_a_date_that_is_on_no_calendar_is_bad_and_not_some_other_day(cell):
    instants, _, bad = parse_instants(pd.Series([cell], dtype="str"))
    assert (instants[0], bad[0]) == (NO_INSTANT, True)


def test_the_29th_of_february_is_checked_against_the_converted_year():
    _, _, bad = parse_instants(pd.Series(["113/02/29", "112/02/29"], dtype="str"))
    assert bad.tolist() == [False, True]


def add_event(engine, happened_at):
    with writing(engine) as connection:
        values = {"happened_at": happened_at, "actor": "x", "action": "x", "detail": "", "sequence": 1}
        connection.execute(insert(AuditEvent).values(values))


def test_the_database_refuses_a_naive_instant(engine):
    with pytest.raises(StatementError, match="naive"):
        add_event(engine, datetime(2025, 2, 4))  # naive on purpose


def test_the_database_gives_back_the_same_microsecond_in_taipei_time(engine):
    moment = datetime(2025, 2, 3, 15, 59, 59, 999_999, tzinfo=UTC)
    add_event(engine, moment)
    with reading(engine) as connection:
        stored = connection.execute(select(AuditEvent.happened_at)).scalar_one()
    assert stored == moment
    assert stored.tzinfo is TAIPEI
