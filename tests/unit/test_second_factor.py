"""The second factor's services from set-up to reset, the same on both databases; what the pages do is in tests/app."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta

import pyotp
import pytest
from sqlalchemy import func, select

from dashboard.services import accounts, second_factor
from data.db import reading
from data.instants import TAIPEI
from data.models import PendingLogin, RecoveryCode, SecondFactor, UserSession

PASSWORD = "正確的馬兒電池訂書針 7"
MOMENT = datetime.now(TAIPEI).replace(hour=8, minute=0, second=0, microsecond=0)  # of a day on which the roles are held
STEP = timedelta(seconds=30)


@pytest.fixture
def store(store):
    accounts.add_user(store, "owner", PASSWORD, role="convener", classes=[])
    return store


def code_at(secret, at):
    return pyotp.TOTP(secret).at(int(at.timestamp()))


def pending(store, at):
    with pytest.raises(accounts.CodeNeededError) as needed:
        accounts.log_in(store, "owner", PASSWORD, at=at)
    return needed.value.token


def at_once(*calls):
    with ThreadPoolExecutor(len(calls)) as pool:
        return [each.result() for each in [pool.submit(call) for call in calls]]


def counts(store):
    with reading(store.engine) as connection:
        tables = (SecondFactor, RecoveryCode, PendingLogin, UserSession)
        return tuple(connection.execute(select(func.count()).select_from(each)).scalar_one() for each in tables)


def test_b15_from_set_up_to_reset_each_code_is_good_once(store):
    first = accounts.log_in(store, "owner", PASSWORD, at=MOMENT)
    own = accounts.account_of(store, first, idle_minutes=30, session_hours=8, at=MOMENT)
    accounts.log_in(store, "owner", PASSWORD, at=MOMENT)
    second_factor.start_setup(store, own, at=MOMENT)
    assert accounts.log_in(store, "owner", PASSWORD, at=MOMENT)  # not in force yet
    secret = second_factor.setup_of(store, own, at=MOMENT).secret
    assert second_factor.finish_setup(store, own, "000000x", at=MOMENT) is None
    codes = second_factor.finish_setup(store, own, code_at(secret, MOMENT), at=MOMENT)
    assert len(set(codes)) == second_factor.CODE_COUNT
    assert counts(store) == (1, 10, 0, 1)  # the other logins ended

    at = MOMENT + 10 * STEP
    assert second_factor.finish_login(store, pending(store, at), code_at(secret, at), at=at)
    again = pending(store, at)
    assert second_factor.finish_login(store, again, code_at(secret, at), at=at) is None  # used
    assert second_factor.finish_login(store, "no pending login's", code_at(secret, at + STEP), at=at) is None
    assert second_factor.finish_login(store, again, codes[0].lower(), at=at)
    assert second_factor.finish_login(store, pending(store, at), codes[0], at=at) is None  # used
    assert second_factor.state_of(store, own).codes_left == second_factor.CODE_COUNT - 1

    assert second_factor.reset(store, "owner")
    assert counts(store) == (0, 0, 0, 0)
    assert accounts.log_in(store, "owner", PASSWORD, at=at)
    assert not second_factor.reset(store, "owner")


@pytest.mark.parametrize("kind", ["code", "recovery code", "one of each"])
def test_b15_of_those_who_use_one_pending_login_or_one_code_at_once_exactly_one_gets_in(store, kind):
    own = accounts.account_of(
        store, accounts.log_in(store, "owner", PASSWORD, at=MOMENT), idle_minutes=30, session_hours=8, at=MOMENT
    )
    second_factor.start_setup(store, own, at=MOMENT)
    secret = second_factor.setup_of(store, own, at=MOMENT).secret
    recovery = second_factor.finish_setup(store, own, code_at(secret, MOMENT), at=MOMENT)[0]
    at = MOMENT + 10 * STEP
    code, token = code_at(secret, at), pending(store, at)
    typed = {"code": [code] * 4, "recovery code": [recovery] * 4, "one of each": [code, recovery]}[kind]
    calls = [lambda one=one: second_factor.finish_login(store, token, one, at=at) for one in typed]
    won = at_once(*calls)
    assert sum(each is not None for each in won) == 1
    assert counts(store)[2:] == (0, 2)  # nothing pending; the set-up's login and the one that was let in
