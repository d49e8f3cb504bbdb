"""Which passwords are taken, and how they are hashed; the same on both databases."""

from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta

import pytest
from pwdlib import PasswordHash
from pwdlib.hashers.argon2 import Argon2Hasher
from sqlalchemy import select, update

from dashboard.services import accounts, passwords
from dashboard.services.school_settings import change_settings
from dashboard.settings import LONGEST_SESSION_HOURS
from data.db import reading, writing
from data.instants import TAIPEI
from data.models import User, UserSession

PASSWORD = "正確的馬兒電池訂書針 7"
MIXED = "正確的馬兒電池訂書針 Seven"
MOMENT = datetime.now(TAIPEI).replace(hour=8, minute=0, second=0, microsecond=0)  # of a day on which the roles are held
ABOUT = ("licheng.wang", "T0105", "高雄市立某某高中", "553301")


@pytest.fixture
def store(store):
    accounts.add_user(store, "owner", PASSWORD, role="convener", classes=[])
    return store


@pytest.mark.parametrize(
    "password",
    [
        "password1234", "password2026!", "P@ssw0rd2026!", "ｐａｓｓｗｏｒｄ１２３４", "administrator", "iloveyou1234",
        "qwertyuiop12", "1qaz@WSX3edc", "aaaaaaaaaaaa", "123456789012", "abcabcabcabc", "adminadminadmin", "091234567890",
        "我愛我愛我愛我愛我愛我愛", "一二三四五六七八九十十一", "密碼密碼密碼123456", "ji32k7au4a83", "ji3g4go6ji3g4go6", "licheng123456",
        "Licheng.Wang2026", "wang20260101", "T0105t0105T0105", "高雄市立某某高中2026", "553301高雄市立某某高中", "a" * 1024, "password" * 20,
    ],
)  # fmt: skip
def test_b13_a_common_password_or_a_name_with_little_else_is_refused(password):
    assert passwords.fault_of(password, about=ABOUT) == "common"


@pytest.mark.parametrize(
    "password",
    [
        PASSWORD, "今天天氣很好我們去爬山吧", "我家的貓每天早上六點叫我", "高雄市立某某高中旁邊的紅豆餅最好吃", "correct horse battery 7",
        "hunter-plum-violin-42", "xK8#mPq2vL9z", "a" * 24 + "今天天氣很好我們去爬山吧", "今天天氣很好我們去爬山吧" + "a" * 1000,
    ],
)  # fmt: skip
def test_b13_a_sentence_and_a_random_password_are_taken(password):
    assert passwords.fault_of(password, about=ABOUT) == ""


@pytest.mark.parametrize(
    ("password", "fault"),
    [
        ("今天天氣很好我們去爬山吧", "kinds"), ("hunter-plum-violin", "kinds"), ("hunter-plum-violin-42", ""), ("Hunter-plum-violin", ""),
        ("今天天氣很好我們去爬山ABC", "kinds"), ("今天天氣很好我們去爬山Ab", ""), ("Password2026!", "common"), ("Ab1!", "short"),
    ],
)  # fmt: skip
def test_b13_public_schools_ask_for_three_of_four_kinds_of_characters(password, fault):
    assert passwords.fault_of(password, rules="public_school", about=ABOUT) == fault


def test_b13_every_place_that_sets_a_password_keeps_the_rules_in_force(store):
    change_settings(store, {"school_name": "高雄市立某某高中", "password_rules": "public_school"}, by="test")
    own = accounts.account_of(store, accounts.log_in(store, "owner", PASSWORD), idle_minutes=30, session_hours=8)
    token = accounts.give_link(store, "owner", hours=1, action="user_reset")
    places = [
        lambda new: accounts.add_user(store, "new", new, role="teacher", classes=[], staff_code="T88410572"),
        lambda new: accounts.change_password(store, "owner", new),
        lambda new: accounts.change_own_password(store, own, PASSWORD, new),
        lambda new: accounts.redeem_link(store, token, new),
    ]
    for place in places:
        with pytest.raises(accounts.AccountError, match="四種之中的 3 種"):
            place("今天天氣很好我們去爬山吧")
        with pytest.raises(accounts.AccountError, match="太常見"):
            place("高雄市立某某高中Ab12")
    with pytest.raises(accounts.AccountError, match="太常見"):
        places[0]("T88410572!Ab")  # refused for the code alone
    places[1](MIXED)
    with pytest.raises(accounts.AccountError, match="和目前的密碼相同"):
        places[1](MIXED)


def test_b12_the_parameters_in_force_are_argon2id_with_owasps_figures():
    assert passwords.hash_password(PASSWORD).startswith("$argon2id$v=19$m=19456,t=2,p=1$")


def test_b12_a_hash_of_weaker_parameters_is_upgraded_at_the_next_login(store):
    weak = PasswordHash((Argon2Hasher(time_cost=1, memory_cost=1024, parallelism=1),)).hash(PASSWORD)
    kept = select(User.password_hash).where(User.username == "owner")
    with writing(store.engine) as connection:
        connection.execute(update(User).where(User.username == "owner").values(password_hash=weak))
    assert accounts.log_in(store, "owner", "wrong password wrong") is None
    with reading(store.engine) as connection:
        assert connection.execute(kept).scalar_one() == weak
    assert accounts.log_in(store, "owner", PASSWORD)
    with reading(store.engine) as connection:
        upgraded = connection.execute(kept).scalar_one()
    assert "$m=19456,t=2,p=1$" in upgraded
    assert accounts.log_in(store, "owner", PASSWORD)


@pytest.mark.parametrize("kept", [None, "", "x", "$2b$12$" + "a" * 53])
def test_b12_no_account_and_a_hash_of_another_scheme_let_nobody_in(kept):
    dummy = "nobody's password, hashed so that unknown accounts take as long as known ones"
    assert passwords.verify_password(dummy, kept) == (False, None)


def test_b12_no_more_than_the_limit_are_hashed_at_once_whoever_asks(monkeypatch):
    inside, seen, lock, real = [], [], threading.Lock(), passwords._HASHER

    class Counting:
        def __getattr__(self, name):
            def counted(*arguments):
                with lock:
                    inside.append(name)
                    seen.append(len(inside))
                time.sleep(0.01)  # all who may come in are in
                try:
                    return getattr(real, name)(*arguments)
                finally:
                    with lock:
                        inside.remove(name)

            return counted

    monkeypatch.setattr(passwords, "_HASHER", Counting())
    kept = real.hash(PASSWORD)
    with ThreadPoolExecutor(3 * passwords.AT_ONCE) as pool:
        hashed = [pool.submit(passwords.hash_password, PASSWORD) for _ in range(passwords.AT_ONCE + 1)]
        matched = [pool.submit(passwords.verify_password, PASSWORD, kept) for _ in range(passwords.AT_ONCE + 1)]
    assert all(real.verify(PASSWORD, each.result()) for each in hashed)
    assert all(each.result() == (True, None) for each in matched)
    assert max(seen) == passwords.AT_ONCE


def test_b3_a_login_takes_away_everybodys_sessions_that_are_over_for_good(store):
    accounts.add_user(store, "other", PASSWORD, role="convener", classes=[])
    limit = timedelta(hours=LONGEST_SESSION_HOURS)
    for name, at in [("owner", MOMENT), ("other", MOMENT), ("other", MOMENT + limit / 2)]:
        with writing(store.engine) as connection:
            user_id = connection.execute(select(User.id).where(User.username == name)).scalar_one()
            accounts.begin_session(connection, user_id, f"{name} {at}", browser="", at=at)
    accounts.log_in(store, "owner", PASSWORD, at=MOMENT + limit)
    with reading(store.engine) as connection:
        began = connection.execute(select(UserSession.created_at).order_by(UserSession.created_at)).scalars().all()
    assert began == [MOMENT + limit / 2, MOMENT + limit]
