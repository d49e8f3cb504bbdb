"""Passwords, locks and the doors that stay shut."""

from __future__ import annotations

import re

import pytest
from sqlalchemy import func, select

from dashboard.services import accounts
from dashboard.services.store import Store
from dashboard.services.throttle import FAILURES_ALLOWED
from data.db import reading
from data.models import AuditEvent, LoginFailure
from tests.school import PASSWORD


def test_five_failures_lock_the_account_even_for_the_right_password(place):
    accounts.add_user(place.store, "forgetful", PASSWORD, role="convener", classes=[])
    for _ in range(FAILURES_ALLOWED):
        assert accounts.log_in(place.store, "forgetful", "wrong password wrong") is None
    assert accounts.log_in(place.store, "forgetful", PASSWORD) is None


def test_the_answer_does_not_tell_whether_an_account_exists(place):
    assert accounts.log_in(place.store, "nobody", PASSWORD) is None
    assert accounts.log_in(place.store, "principal", "wrong password wrong") is None


@pytest.mark.parametrize("password", ["short", "password1234", "elevenchars"])
def test_weak_passwords_are_refused(place, password):
    with pytest.raises(accounts.AccountError):
        accounts.add_user(place.store, "weak", password, role="convener", classes=[])


@pytest.mark.parametrize(
    ("username", "password"), [("admin", "admin"), ("root", "root"), ("admin", "password"), ("licheng", "licheng")]
)
def test_there_is_no_default_account(place, username, password):
    assert accounts.log_in(place.store, username, password) is None


def test_a_changed_password_and_a_disabled_account_end_their_sessions(place):
    accounts.add_user(place.store, "leaver", PASSWORD, role="convener", classes=[])
    token = accounts.log_in(place.store, "leaver", PASSWORD)
    assert token is not None
    assert accounts.account_of(place.store, token, idle_minutes=30, session_hours=8) is not None
    accounts.change_password(place.store, "leaver", PASSWORD + "2")
    assert accounts.account_of(place.store, token, idle_minutes=30, session_hours=8) is None
    token = accounts.log_in(place.store, "leaver", PASSWORD + "2")
    assert token is not None
    accounts.disable_user(place.store, "leaver")
    assert accounts.account_of(place.store, token, idle_minutes=30, session_hours=8) is None


def test_an_idle_session_ends(place):
    token = accounts.log_in(place.store, "secretary", PASSWORD)
    assert token is not None
    assert accounts.account_of(place.store, token, idle_minutes=-1, session_hours=8) is None
    assert accounts.account_of(place.store, token, idle_minutes=30, session_hours=0) is None


def test_roles_need_their_scope(place):
    for role in ("homeroom", "teacher", "section_chief", "king"):
        with pytest.raises(accounts.AccountError):
            accounts.add_user(place.store, "scopeless", PASSWORD, role=role, classes=[])


@pytest.mark.parametrize("field", ["username", "password", "next", "\x00"])
def test_a_login_with_a_character_that_no_database_takes_is_refused_and_not_counted(
    app, client_for, place, engine, tmp_path, monkeypatch, field
):
    url = engine.url.render_as_string(hide_password=False)
    store = Store(url, id_key=place.settings.secret("id-number"), instance_dir=tmp_path)
    monkeypatch.setitem(app.server.config, "LICHENG_STORE", store)
    client = client_for()
    token = re.search(r'name="csrf_token" value="([^"]+)"', client.get("/login").get_data(as_text=True)).group(1)
    sent = {"username": "principal", "password": "wrong password wrong", "next": "/", "csrf_token": token}
    assert client.post("/login", data=sent | {field: "a\x00b"}).status_code == 400
    with reading(store.engine) as connection:
        for table in (LoginFailure, AuditEvent):
            assert connection.execute(select(func.count()).select_from(table)).scalar_one() == 0
    store.engine.dispose()


@pytest.mark.parametrize(
    "path",
    [
        "/admin/accounts/invite", "/admin/accounts/change", "/admin/roles/grant", "/admin/roles/delegate", "/admin/roles/revoke",
        "/account/role", "/account/password", "/meetings/plan", "/commendation/criteria", "/packs/freeze",
    ],
)  # fmt: skip
def test_no_form_takes_a_character_that_no_database_takes(client_for, path):
    assert client_for("admin").post(path, data={"name": "a\x00b"}).status_code == 400
