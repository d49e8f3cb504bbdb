"""The audit log's chain: it only grows, and whatever is done to it past the triggers is found, on both databases."""

from __future__ import annotations

import stat
import subprocess
import sys
from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import insert, select, text
from sqlalchemy.exc import DBAPIError

from dashboard.services import accounts
from dashboard.services.store import Store
from data.audit import (
    GENESIS,
    BrokenChainError,
    Entry,
    NoKeyError,
    append,
    find_faults,
    one_line,
    prune,
    pseudonym,
    read_head,
    seal,
    verify,
)
from data.db import migrate, open_engine, reading, writing
from data.instants import parse_as_of, to_us
from data.models import AuditEvent, User
from data.school import write_setting

KEY = b"the chain's secret, for tests"
MOMENT = parse_as_of("2025-02-03T08:00")


# --- the chain as plain values ----------------------------------------------------------------------------------------


def chain_of(said: list[tuple[str, str, str, str]], key: bytes = KEY) -> list[Entry]:
    entries, previous = [], GENESIS
    for number, (actor, action, about, detail) in enumerate(said, start=1):
        entry = Entry(number, to_us(MOMENT) + number, actor, action, about, detail, previous)
        entries.append(replace(entry, hash=seal(entry, key=key)))
        previous = entries[-1].hash
    return entries


EVENTS = st.lists(st.tuples(*[st.text(max_size=6)] * 4), min_size=1, max_size=8)


@given(EVENTS)
def test_a_chain_that_nobody_touched_is_whole_and_ends_in_its_head(said):
    entries = chain_of(said)
    verdict = find_faults(entries, key=KEY, head=entries[0].hash)
    assert (verdict.count, verdict.number, verdict.hash, verdict.faults) == (
        len(said), len(said), entries[-1].hash, (),
    )  # fmt: skip


@given(EVENTS, st.data())
def test_a_row_with_any_field_changed_is_found(said, data):
    entries = chain_of(said)
    place = data.draw(st.integers(0, len(entries) - 1))
    name = data.draw(st.sampled_from(["happened_us", "actor", "action", "about", "detail", "previous_hash", "hash"]))
    old = getattr(entries[place], name)
    new = data.draw(
        (st.integers(0, 10**15) if name == "happened_us" else st.text(max_size=6)).filter(lambda n: n != old)
    )
    entries[place] = replace(entries[place], **{name: new})
    assert place + 1 in {fault.first for fault in find_faults(entries, key=KEY).faults}


@given(EVENTS, st.data())
def test_a_row_taken_out_is_found_also_when_the_others_are_numbered_anew(said, data):
    entries = chain_of([*said, ("a", "b", "c", "d")])
    del entries[data.draw(st.integers(0, len(entries) - 2))]
    assert find_faults(entries, key=KEY).faults
    renumbered = [replace(entry, sequence=number) for number, entry in enumerate(entries, start=1)]
    assert find_faults(renumbered, key=KEY).faults


@given(EVENTS, st.data())
def test_a_cut_tail_is_found_where_the_head_was_noted_and_only_there(said, data):
    entries = chain_of([*said, ("a", "b", "c", "d")])
    left = entries[: data.draw(st.integers(0, len(entries) - 1))]
    assert not find_faults(left, key=KEY).faults
    (fault,) = find_faults(left, key=KEY, head=entries[-1].hash).faults
    assert fault.kind == "cut"


@given(EVENTS)
def test_without_the_secret_nobody_writes_a_chain_that_passes(said):
    (fault,) = find_faults(chain_of(said, key=b"another"), key=KEY).faults
    assert (fault.kind, fault.first, fault.last) == ("changed", 1, len(said))


def test_the_seal_tells_apart_what_only_looks_alike_when_joined():
    one = Entry(1, 2, "ab", "c", "", "{}", GENESIS)
    assert seal(one, key=KEY) != seal(replace(one, actor="a", action="bc"), key=KEY)


def test_the_form_that_is_sealed_never_changes():
    entry = Entry(7, 1_738_540_800_000_000, "導師", "export", "class:101", '{"rows": 3}', GENESIS)
    assert seal(entry, key=b"k") == "b9a82645ba4867a087a9546858455eb1406184813dccdf0854f2b7c5c3d0926c"


@given(st.text(max_size=40))
def test_what_is_typed_at_the_door_stays_one_line(said):
    assert one_line(said).isprintable()


def test_a_pseudonym_is_the_same_each_time_and_another_with_another_secret():
    assert pseudonym("1130001", key=KEY) == pseudonym("1130001", key=KEY)
    assert pseudonym("1130001", key=KEY) not in (pseudonym("1130002", key=KEY), pseudonym("1130001", key=b"another"))


# --- the chain in both databases --------------------------------------------------------------------------------------


@pytest.fixture
def log(engine):
    """A log of six events, opened with the chain's secret."""
    opened = open_engine(engine.url.render_as_string(hide_password=False), audit_key=KEY)
    for number in range(1, 7):
        with writing(opened) as connection:
            append(
                connection,
                at=MOMENT + timedelta(minutes=number),
                actor=f"user{number}",
                action="login",
                detail={"n": number},
            )
    yield opened
    opened.dispose()


def drop_triggers(connection):
    """Do what somebody who owns the database can do."""
    if connection.dialect.name == "postgresql":
        connection.execute(text("ALTER TABLE audit_events DISABLE TRIGGER USER"))
        connection.execute(text("ALTER TABLE audit_events DROP CONSTRAINT uq_audit_events_sequence"))
        return
    for name in connection.execute(text("SELECT name FROM sqlite_master WHERE type = 'trigger'")).scalars().all():
        connection.execute(text(f"DROP TRIGGER {name}"))


@pytest.fixture
def tamper(log):
    """Run statements past the triggers; put the constraint and the triggers of the shared database back."""

    def run(*statements):
        with writing(log) as connection:
            drop_triggers(connection)
            for statement in statements:
                connection.execute(text(statement))

    yield run
    if log.dialect.name == "postgresql":
        with writing(log) as connection:
            connection.execute(text("DELETE FROM audit_events"))
            connection.execute(text("ALTER TABLE audit_events ENABLE TRIGGER USER"))
            connection.execute(
                text("ALTER TABLE audit_events ADD CONSTRAINT uq_audit_events_sequence UNIQUE (sequence)")
            )


def faults_of(engine, head=""):
    with reading(engine) as connection:
        return [(fault.kind, fault.first, fault.last) for fault in verify(connection, head=head).faults]


def test_a_log_that_nobody_touched_is_whole(log):
    with reading(log) as connection:
        verdict, head = verify(connection), read_head(connection)
    assert (verdict.count, verdict.faults, (verdict.number, verdict.hash)) == (6, (), head)


def test_a_changed_row_is_found(log, tamper):
    tamper("UPDATE audit_events SET actor = 'somebody else' WHERE sequence = 3")
    assert faults_of(log) == [("changed", 3, 3)]


def test_an_instant_past_every_calendar_is_found_and_does_not_stop_the_look(log, tamper):
    tamper("UPDATE audit_events SET happened_at = 9000000000000000000 WHERE sequence = 3")
    assert faults_of(log) == [("changed", 3, 3)]


def test_a_removed_row_is_found(log, tamper):
    tamper("DELETE FROM audit_events WHERE sequence IN (3, 4)")
    assert faults_of(log) == [("missing", 3, 4)]


def test_a_removed_row_is_found_when_the_rest_moves_up(log, tamper):
    tamper("DELETE FROM audit_events WHERE sequence = 3", *(f"UPDATE audit_events SET sequence = {n - 1} WHERE sequence = {n}" for n in (4, 5, 6)))  # fmt: skip
    assert faults_of(log) == [("changed", 3, 5)]


@pytest.mark.parametrize("place", [3, 7], ids=["in the middle", "at the end"])
def test_an_inserted_row_is_found(log, tamper, place):
    tamper(
        *(f"UPDATE audit_events SET sequence = {n + 1} WHERE sequence = {n}" for n in range(6, place - 1, -1)),
        "INSERT INTO audit_events (id, happened_at, actor, action, detail, sequence, about, previous_hash, hash) "
        f"SELECT 99, happened_at, 'nobody', action, detail, {place}, about, hash, hash FROM audit_events WHERE sequence = {place - 1}",
    )
    assert faults_of(log) == [("changed", place, 7)]


def test_two_rows_that_changed_places_are_found(log, tamper):
    tamper(
        *(f"UPDATE audit_events SET sequence = {new} WHERE sequence = {old}" for old, new in ((2, 99), (5, 2), (99, 5)))
    )
    assert faults_of(log) == [("changed", 2, 2), ("unlinked", 3, 3), ("changed", 5, 5), ("unlinked", 6, 6)]


def test_a_cut_tail_is_found_by_the_head_that_was_noted(log, tamper):
    with reading(log) as connection:
        _, head = read_head(connection)
    assert faults_of(log, head) == []
    tamper("DELETE FROM audit_events WHERE sequence > 4")
    assert faults_of(log) == []
    assert faults_of(log, head) == [("cut", 4, 4)]


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE audit_events SET actor = 'x' WHERE sequence = 1",
        "UPDATE audit_events SET hash = hash",
        "DELETE FROM audit_events WHERE sequence = 6",
        "DELETE FROM audit_events",
    ],
)
def test_the_database_refuses_to_change_or_remove_an_event(log, statement):
    with pytest.raises(DBAPIError, match="only grows"), writing(log) as connection:
        connection.execute(text(statement))
    assert faults_of(log) == []


def test_the_database_refuses_the_ways_around_it(log):
    columns = "id, happened_at, actor, action, detail, sequence"
    replaced = {
        "sqlite": f"INSERT OR REPLACE INTO audit_events ({columns}) VALUES (1, 1, 'x', 'x', 'x', 1)",
        "postgresql": "TRUNCATE audit_events",
    }[log.dialect.name]
    with pytest.raises(DBAPIError, match="only grows"), writing(log) as connection:
        connection.execute(text(replaced))
    assert faults_of(log) == []


WRITER = """
import sys
from data.audit import append
from data.db import open_engine
from data.instants import parse_as_of
engine = open_engine(sys.argv[1], audit_key=sys.argv[2].encode())
for number in range(40):
    with engine.begin() as connection:
        append(connection, at=parse_as_of("2025-02-03"), actor=sys.argv[3], action="login", detail={"n": number})
"""


def test_two_processes_that_write_at_once_make_one_whole_chain(log):
    url = log.url.render_as_string(hide_password=False)
    writers = [subprocess.Popen([sys.executable, "-c", WRITER, url, KEY.decode(), name]) for name in ("one", "two")]
    assert [writer.wait(timeout=60) for writer in writers] == [0, 0]
    with reading(log) as connection:
        verdict = verify(connection)
        actors = connection.execute(select(AuditEvent.actor).order_by(AuditEvent.sequence)).scalars().all()
    assert (verdict.count, verdict.number, verdict.faults) == (86, 86, ())
    assert [actors.count(name) for name in ("one", "two")] == [40, 40]


def test_an_event_goes_with_the_transaction_it_tells_of(log):
    with log.connect() as connection:
        append(connection, at=MOMENT, actor="x", action="export")
        connection.rollback()
    with reading(log) as connection:
        assert read_head(connection)[0] == 6


def test_events_from_before_the_chain_are_kept_and_become_its_beginning(empty_engine, monkeypatch):
    url = empty_engine.url.render_as_string(hide_password=False)
    opened = open_engine(url, audit_key=KEY)
    with monkeypatch.context() as patched:
        patched.setattr("data.db.NEWEST", "0002")
        migrate(opened)
    old = {"happened_at": to_us(MOMENT), "actor": "導師", "action": "import", "detail": '{"rows": 3}'}
    with writing(opened) as connection:
        for number in (4, 9):  # ids with a gap
            connection.execute(text("INSERT INTO audit_events (id, happened_at, actor, action, detail) VALUES (:id, :happened_at, :actor, :action, :detail)"), old | {"id": number})  # fmt: skip
    migrate(opened)
    with writing(opened) as connection:
        append(connection, at=MOMENT, actor="x", action="login")
    with reading(opened) as connection:
        rows = connection.execute(select(AuditEvent).order_by(AuditEvent.sequence)).all()
        verdict = verify(connection)
    opened.dispose()
    assert [(row.id, row.actor, row.detail) for row in rows[:2]] == [
        (4, "導師", '{"rows": 3}'),
        (9, "導師", '{"rows": 3}'),
    ]
    assert (verdict.count, verdict.faults) == (3, ())


def test_the_store_seals_with_a_secret_of_the_instance_that_only_its_owner_reads(engine, tmp_path):
    store = Store(engine.url.render_as_string(hide_password=False), id_key=b"k", instance_dir=tmp_path / "instance")
    with store.engine.begin() as connection:
        append(connection, at=MOMENT, actor="x", action="login")
    store.engine.dispose()
    file = tmp_path / "instance" / "audit.key"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert len(file.read_bytes()) == 64
    opened = open_engine(engine.url.render_as_string(hide_password=False), audit_key=file.read_bytes())
    assert faults_of(opened) == []
    assert faults_of(engine) == [("changed", 1, 1)]
    opened.dispose()


def test_a_log_that_another_secret_sealed_takes_nothing_more_and_no_new_secret_is_made(engine, tmp_path):
    url = engine.url.render_as_string(hide_password=False)
    own = Store(url, id_key=b"k", instance_dir=tmp_path / "instance")
    with own.engine.begin() as connection:
        append(connection, at=MOMENT, actor="x", action="login")
    strange = Store(url, id_key=b"k", instance_dir=tmp_path / "elsewhere")
    with pytest.raises(NoKeyError):
        accounts.add_user(strange, "boss", "correct horse battery 7", role="convener", classes=[])
    assert not (tmp_path / "elsewhere" / "audit.key").exists()
    with reading(strange.engine) as connection:  # and it can be read from there
        assert connection.execute(select(AuditEvent.actor)).scalars().all() == ["x"]
        assert connection.execute(select(User)).all() == []
    assert faults_of(own.engine) == []
    for store in (own, strange):
        store.engine.dispose()


def test_a_row_written_past_the_chain_is_found(log):
    with writing(log) as connection:
        values = {"happened_at": MOMENT, "actor": "x", "action": "login", "detail": "{}", "sequence": 7}
        connection.execute(insert(AuditEvent).values(values))
    assert faults_of(log) == [("changed", 7, 7)]


@pytest.mark.parametrize("newest", [1, 3, 5, 6, 7, 100])
def test_the_newest_rows_are_looked_at_by_themselves(log, newest):
    with reading(log) as connection:
        verdict = verify(connection, newest=newest)
    assert (verdict.count, verdict.number, verdict.faults) == (min(newest, 6), 6, ())


def test_what_is_wrong_with_the_newest_rows_is_found_among_them(log, tamper):
    tamper("DELETE FROM audit_events WHERE sequence = 4")
    with reading(log) as connection:
        assert [(each.kind, each.first) for each in verify(connection, newest=2).faults] == [("missing", 4)]


# --- what is old goes -------------------------------------------------------------------------------------------------


def prune_before(engine, minute):
    with writing(engine) as connection:
        return prune(connection, before=MOMENT + timedelta(minutes=minute), by="root", at=MOMENT + timedelta(days=1))


def numbers(engine):
    with reading(engine) as connection:
        return connection.execute(select(AuditEvent.sequence).order_by(AuditEvent.sequence)).scalars().all()


def test_what_is_old_goes_and_what_is_left_is_whole(log):
    assert prune_before(log, 4) == 3
    assert numbers(log) == [4, 5, 6, 7]
    assert faults_of(log) == []
    assert prune_before(log, 6) == 2
    assert numbers(log) == [6, 7, 8]
    assert faults_of(log) == []


def test_when_everything_is_old_the_note_of_it_is_left(log):
    assert prune_before(log, 100) == 6
    assert numbers(log) == [7]
    assert faults_of(log) == []


def test_where_nothing_is_old_nothing_happens(log):
    assert prune_before(log, 0) == 0
    assert numbers(log) == [1, 2, 3, 4, 5, 6]


def test_the_database_still_refuses_changes_afterwards(log):
    prune_before(log, 4)
    with pytest.raises(DBAPIError, match="only grows"), writing(log) as connection:
        connection.execute(text("DELETE FROM audit_events"))


def test_nothing_is_removed_from_a_chain_that_is_not_whole(log, tamper):
    tamper("UPDATE audit_events SET actor = 'somebody else' WHERE sequence = 1")
    with pytest.raises(BrokenChainError):
        prune_before(log, 4)
    assert len(numbers(log)) == 6


def test_more_removed_than_the_note_says_is_found(log, tamper):
    prune_before(log, 4)
    tamper("DELETE FROM audit_events WHERE sequence = 4")
    assert faults_of(log) == [("missing", 1, 4)]


def test_a_beginning_taken_away_without_a_note_is_found(log, tamper):
    tamper("DELETE FROM audit_events WHERE sequence < 3")
    assert faults_of(log) == [("missing", 1, 2)]


@pytest.mark.parametrize("value", ["0", "11", "-1", "five", ""])
def test_the_years_of_keeping_are_one_to_ten(log, value):
    with pytest.raises(ValueError, match="audit_retention_years"), writing(log) as connection:
        write_setting(connection, "audit_retention_years", value)
