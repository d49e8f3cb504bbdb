"""Logins that fail: how often they may, counted by all workers together, and what their answers tell."""

from __future__ import annotations

import re
import statistics
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta

import pytest
from sqlalchemy import delete, event, func, select, update

from dashboard.services import accounts, throttle
from dashboard.services.throttle import ADDRESS_FAILURES_ALLOWED, FAILURES_ALLOWED, LOCK_MINUTES, charge, settle
from data.db import open_engine, reading, writing
from data.instants import TAIPEI
from data.models import AuditEvent, LoginFailure, User
from tests.school import PASSWORD

WRONG = "wrong password wrong"
MOMENT = datetime.now(TAIPEI).replace(hour=8, minute=0, second=0, microsecond=0)  # of a day on which the roles are held
ELSEWHERE = "203.0.113.9"


def add_account(engine, name="boss"):
    with writing(engine) as connection:
        connection.execute(
            User.__table__.insert().values(
                username=name, password_hash="x", staff_code="", created_at=MOMENT, failed_count=0
            )
        )  # fmt: skip


def charged(engine, name="boss", *, address="", at=MOMENT):
    with writing(engine) as connection:
        return charge(connection, name, address=address, at=at)


def post_login(client, username, password, *, address, **headers):
    form = client.get("/login").get_data(as_text=True)
    token = re.search(r'name="csrf_token" value="([^"]+)"', form).group(1)
    data = {"username": username, "password": password, "csrf_token": token}
    return client.post("/login", data=data, headers=headers, environ_overrides={"REMOTE_ADDR": address})


@pytest.fixture
def emptied(place):
    """The place without failed logins, before and after."""

    def empty():
        with writing(place.store.engine) as connection:
            connection.execute(delete(LoginFailure))

    empty()
    yield place
    empty()


def test_b10_the_lock_ends_after_a_quarter_of_an_hour_and_not_before(engine):
    add_account(engine)
    assert [charged(engine)[0] for _ in range(FAILURES_ALLOWED)] == [True] * FAILURES_ALLOWED
    lock = timedelta(minutes=LOCK_MINUTES)
    assert not charged(engine)[0]
    assert not charged(engine, at=MOMENT + lock - timedelta(microseconds=1))[0]
    assert charged(engine, at=MOMENT + lock)[0]


def test_b10_workers_that_try_at_the_same_moment_count_together(engine):
    add_account(engine)
    workers = [open_engine(engine.url.render_as_string(hide_password=False)) for _ in range(4)]
    with ThreadPoolExecutor(4) as pool:
        tried = list(pool.map(lambda number: charged(workers[number % 4])[0], range(20)))
    for each in workers:
        each.dispose()
    assert sum(tried) == FAILURES_ALLOWED


def test_b10_a_right_password_forgets_the_failures(engine):
    add_account(engine)
    for _ in range(3):
        for _ in range(FAILURES_ALLOWED - 1):
            charged(engine)
        is_open, attempt = charged(engine)
        assert is_open
        with writing(engine) as connection:
            user_id = connection.execute(select(User.id)).scalar_one()
            settle(connection, user_id, attempt=attempt)
    with reading(engine) as connection:
        assert connection.execute(select(func.count()).select_from(LoginFailure)).scalar_one() == 3 * 4


def test_b10_an_address_fails_a_hundred_times_in_a_quarter_of_an_hour_and_another_one_goes_on(engine):
    attempts = [charged(engine, f"name{number}", address=ELSEWHERE)[1] for number in range(ADDRESS_FAILURES_ALLOWED)]
    assert None not in attempts
    assert charged(engine, "any", address=ELSEWHERE)[1] is None
    assert charged(engine, "any", address="198.51.100.1")[1] is not None
    assert charged(engine, "any", address=ELSEWHERE, at=MOMENT + timedelta(minutes=throttle.ADDRESS_MINUTES))[1]
    with reading(engine) as connection:  # what is older than that is gone, and no address was ever written
        assert connection.execute(select(func.count()).select_from(LoginFailure)).scalar_one() == 1
        actions = connection.execute(select(AuditEvent.action)).scalars().all()
        assert actions == ["address_throttled"]
        (kept,) = connection.execute(select(LoginFailure.address_hash)).scalars()
        assert ELSEWHERE not in kept


def test_b10_a_forged_forwarding_header_is_still_the_same_address(emptied, client_for):
    with writing(emptied.store.engine) as connection:
        for number in range(ADDRESS_FAILURES_ALLOWED - 1):
            charge(connection, f"name{number}", address=ELSEWHERE, at=accounts._now())
    client = client_for()
    assert post_login(client, "nobody", WRONG, address=ELSEWHERE).status_code == 401
    forged = {"X-Forwarded-For": "192.0.2.1", "X-Real-IP": "192.0.2.1", "Forwarded": "for=192.0.2.1"}
    answer = post_login(client, "secretary", PASSWORD, address=ELSEWHERE, **forged)
    assert answer.status_code == 429
    assert "15 分鐘後再試" in answer.get_data(as_text=True)
    assert post_login(client, "secretary", PASSWORD, address="198.51.100.1").status_code == 302


def test_b11_unknown_disabled_locked_and_wrong_look_alike(emptied, client_for):
    store = emptied.store
    for name in ("b11-off", "b11-locked", "b11-on"):
        accounts.add_user(store, name, PASSWORD, role="convener", classes=[])
    accounts.disable_user(store, "b11-off")
    with writing(store.engine) as connection:
        until = accounts._now() + timedelta(minutes=5)
        connection.execute(update(User).where(User.username == "b11-locked").values(locked_until=until))
    pages = set()
    for name, password in [("b11-off", PASSWORD), ("b11-locked", PASSWORD), ("b11-on", WRONG), ("b11-none", PASSWORD)]:
        answer = post_login(client_for(), name, password, address=ELSEWHERE)
        shown = re.sub(r'name="csrf_token" value="[^"]+"', "", answer.get_data(as_text=True))
        pages.add((answer.status_code, shown))
    assert len(pages) == 1


def test_b11_an_unknown_account_takes_as_long_as_a_known_one(emptied):
    """In the processor's time, as the wall clock of a busy machine measures its neighbours."""
    store = emptied.store
    accounts.add_user(store, "b11-slow", PASSWORD, role="convener", classes=[])
    seconds = {"b11-slow": [], "b11-none": []}
    statements = {"b11-slow": [], "b11-none": []}
    name = ""

    def note(_connection, _cursor, statement, *_more):
        statements[name].append(statement.split()[0])

    event.listen(store.engine, "before_cursor_execute", note)
    for _ in range(FAILURES_ALLOWED - 1):
        for name in seconds:
            began = time.thread_time()
            assert accounts.log_in(store, name, WRONG) is None
            seconds[name].append(time.thread_time() - began)
    event.remove(store.engine, "before_cursor_execute", note)
    assert statements["b11-slow"] == statements["b11-none"]
    known, unknown = (statistics.median(taken) for taken in seconds.values())
    assert abs(known - unknown) < 0.1 * max(known, unknown)
