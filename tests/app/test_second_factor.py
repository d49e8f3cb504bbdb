"""The second factor: no page, no callback and no file before the code, each code good once, and the way back in."""

from __future__ import annotations

import re
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta

import pyotp
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import delete, select, update
from typer.testing import CliRunner

from dashboard.cli import app as cli
from dashboard.services import accounts, second_factor
from dashboard.services.school_settings import change_settings
from dashboard.services.throttle import FAILURES_ALLOWED
from data.db import reading, writing
from data.instants import TAIPEI
from data.models import AuditEvent, LoginFailure, PendingLogin, RecoveryCode, SecondFactor, User
from tests.app.conftest import fire
from tests.school import PASSWORD

MOMENT = datetime.now(TAIPEI).replace(hour=8, minute=0, second=0, microsecond=0)  # of a day on which the roles are held
STEP = timedelta(seconds=30)
WRONG = "wrong password wrong"
_numbers = iter(range(10_000))


def code_at(secret, moment):
    return pyotp.TOTP(secret).at(int(moment.timestamp()))


def make_account(store, *, role="convener"):
    name = f"factor{next(_numbers)}"
    accounts.add_user(store, name, PASSWORD, role=role, classes=[])
    return name


def account_of(store, token, **more):
    return accounts.account_of(store, token, idle_minutes=30, session_hours=8, **more)


def with_factor(store, *, role="convener", at=MOMENT):
    """Return an account's name, its secret and its recovery codes; its set-up was at a moment."""
    name = make_account(store, role=role)
    own = account_of(store, accounts.log_in(store, name, PASSWORD, at=at), at=at)
    second_factor.start_setup(store, own, at=at)
    secret = second_factor.setup_of(store, own, at=at).secret
    codes = second_factor.finish_setup(store, own, code_at(secret, at), at=at)
    return name, secret, codes


def pending_of(store, name, *, at):
    with pytest.raises(accounts.CodeNeededError) as needed:
        accounts.log_in(store, name, PASSWORD, at=at)
    return needed.value.token


def post(client, path, page=None, **data):
    form = client.get(page or path).get_data(as_text=True)
    token = re.search(r'name="csrf_token" value="([^"]+)"', form).group(1)
    return client.post(path, data={**data, "csrf_token": token})


@pytest.fixture
def required(place):
    change_settings(place.store, {"second_factor": "required"}, by="admin")
    yield place
    change_settings(place.store, {"second_factor": "offered"}, by="admin")


@pytest.fixture(autouse=True)
def _forgotten(place):
    yield
    with writing(place.store.engine) as connection:
        connection.execute(delete(LoginFailure))
        connection.execute(delete(User).where(User.username.startswith("factor")))  # an administrator among them


def test_b15_after_the_password_nothing_is_open_before_the_code(place, client_for):
    now = accounts._now()
    name, secret, _ = with_factor(place.store, at=now - 10 * STEP)
    client = client_for()
    answer = post(client, "/login", username=name, password=PASSWORD, next="/receipts")
    assert answer.headers["Location"] == "/login/code?next=/receipts"
    for path in (
        "/",
        "/account",
        "/account/second-factor",
        "/exports/classes.csv",
        "/_dash-layout",
        "/_dash-dependencies",
    ):
        assert client.get(path).status_code in (302, 401), path
    assert client.get("/certification", headers={"Accept": "text/html"}).headers["Location"].startswith("/login")
    assert fire(client, "_pages_content.children", inputs={"x.y": 1}).status_code == 401
    with reading(place.store.engine) as connection:  # the pending login is no session's token either
        hashes = connection.execute(select(PendingLogin.token_hash)).scalars().all()
    assert hashes
    with client.session_transaction() as kept:
        pending = kept["pending_login"]
        kept["_user_id"] = pending
    assert client.get("/account").status_code == 401
    answer = post(client, "/login/code", page="/login/code?next=/receipts", code=code_at(secret, now), next="/receipts")
    assert (answer.status_code, answer.headers["Location"]) == (302, "/receipts")
    assert client.get("/account").status_code == 200
    with client.session_transaction() as kept:
        assert "pending_login" not in kept


@given(st.integers(-6, 6))
def test_b15_a_code_of_this_step_or_its_neighbours_is_taken_and_no_other(place, step):
    name, secret, _ = with_factor(place.store)
    at = MOMENT + 20 * STEP
    token = second_factor.finish_login(
        place.store, pending_of(place.store, name, at=at), code_at(secret, at + step * STEP), at=at
    )
    assert (token is not None) == (abs(step) <= 1)


def test_b15_a_code_is_taken_once_and_none_of_an_earlier_step_after_it(place):
    name, secret, _ = with_factor(place.store)
    at = MOMENT + 20 * STEP
    store = place.store
    assert second_factor.finish_login(store, pending_of(store, name, at=at), code_at(secret, at), at=at)
    for earlier in (0, -1):
        again = pending_of(store, name, at=at)
        assert second_factor.finish_login(store, again, code_at(secret, at + earlier * STEP), at=at) is None
    at += STEP
    assert second_factor.finish_login(store, pending_of(store, name, at=at), code_at(secret, at), at=at)


def test_b15_two_who_send_the_same_code_at_once_are_one(place):
    name, secret, _ = with_factor(place.store)
    at = MOMENT + 20 * STEP
    pending = pending_of(place.store, name, at=at)

    def send(_):
        return second_factor.finish_login(place.store, pending, code_at(secret, at), at=at)

    with ThreadPoolExecutor(4) as pool:
        assert sum(token is not None for token in pool.map(send, range(4))) == 1


def test_b15_wrong_codes_lock_the_account_and_the_password_gives_no_new_five(place):
    name, secret, codes = with_factor(place.store)
    at = MOMENT + 20 * STEP
    store = place.store
    for _ in range(FAILURES_ALLOWED):
        assert second_factor.finish_login(store, pending_of(store, name, at=at), "000000x", at=at) is None
    assert accounts.log_in(store, name, PASSWORD, at=at) is None
    later = at + timedelta(minutes=16)
    assert second_factor.finish_login(store, pending_of(store, name, at=later), code_at(secret, later), at=later)
    pending = pending_of(store, name, at=later)
    for _ in range(FAILURES_ALLOWED):
        assert second_factor.finish_login(store, pending, "", at=later) is None
    assert second_factor.finish_login(store, pending, codes[0], at=later) is None  # locked: right ones as well


def test_b15_a_pending_login_ends_with_its_time_its_password_and_its_account(place):
    store, at = place.store, MOMENT + 20 * STEP
    name, secret, _ = with_factor(store)
    pending = pending_of(store, name, at=at)
    late = at + timedelta(minutes=accounts.PENDING_MINUTES)
    assert second_factor.finish_login(store, pending, code_at(secret, late), at=late) is None
    pending = pending_of(store, name, at=at)
    accounts.change_password(store, name, PASSWORD + "2")
    assert second_factor.owner_of_pending(store, pending, at=at) is None
    accounts.change_password(store, name, PASSWORD)
    pending = pending_of(store, name, at=at)
    accounts.disable_user(store, name)
    assert second_factor.finish_login(store, pending, code_at(secret, at), at=at) is None
    assert second_factor.finish_login(store, "", code_at(secret, at), at=at) is None


def test_b15_a_recovery_code_is_good_once_and_for_its_owner_however_it_is_typed(place):
    store, at = place.store, MOMENT + 20 * STEP
    name, _, codes = with_factor(store)
    other, _, _ = with_factor(store)
    assert len(set(codes)) == second_factor.CODE_COUNT
    assert second_factor.finish_login(store, pending_of(store, other, at=at), codes[0], at=at) is None
    typed = f" {codes[0].lower().replace('-', ' ')} "
    assert second_factor.finish_login(store, pending_of(store, name, at=at), typed, at=at)
    assert second_factor.finish_login(store, pending_of(store, name, at=at), codes[0], at=at) is None
    with reading(store.engine) as connection:
        about = AuditEvent.about == f"account:{name}"
        actions = connection.execute(select(AuditEvent.action).where(about)).scalars().all()
    assert actions.count("recovery_code_used") == 1
    assert actions.count("login_failed") == 1


def test_b15_secret_and_codes_are_nowhere_in_the_database_in_the_clear_and_another_key_or_owner_opens_nothing(place):
    store, at = place.store, MOMENT + 20 * STEP
    name, secret, codes = with_factor(store)
    other, other_secret, _ = with_factor(store)
    with reading(store.engine) as connection:
        rows = [connection.execute(select(each.__table__)).all() for each in (SecondFactor, RecoveryCode, AuditEvent)]
        ids = dict(connection.execute(select(User.username, User.id)).all())
        sealed = dict(connection.execute(select(SecondFactor.user_id, SecondFactor.secret)).all())
    assert not any(each in str(rows) for each in (secret, other_secret, *codes, *[c.replace("-", "") for c in codes]))
    with writing(store.engine) as connection:  # who can write the database puts the own secret into another's row
        moved = update(SecondFactor).where(SecondFactor.user_id == ids[name])
        connection.execute(moved.values(secret=sealed[ids[other]]))
    assert second_factor.finish_login(store, pending_of(store, name, at=at), code_at(other_secret, at), at=at) is None


def test_a_second_factor_is_set_up_renewed_and_switched_off_on_the_own_page(place, client_for):
    name = make_account(place.store)
    client = client_for()
    assert post(client, "/login", username=name, password=PASSWORD).status_code == 302
    page = "/account/second-factor"
    assert post(client, f"{page}/start", page, password=WRONG).status_code == 401
    assert post(client, f"{page}/start", page, password=PASSWORD).status_code == 302
    shown = client.get(page).get_data(as_text=True)
    assert 'src="data:image/svg+xml' in shown
    secret = re.search(r'lc-secret">([A-Z2-7]+)<', shown).group(1)
    assert post(client, f"{page}/confirm", page, code="0000000").status_code == 401
    answer = post(client, f"{page}/confirm", page, code=code_at(secret, accounts._now() - STEP))
    codes = re.findall(r"<li><code>([^<]+)</code>", answer.get_data(as_text=True))
    assert len(codes) == second_factor.CODE_COUNT
    assert codes[0] not in client.get(page).get_data(as_text=True)
    assert secret not in client.get(page).get_data(as_text=True)
    assert post(client, f"{page}/renew", page, password=WRONG, code=code_at(secret, accounts._now())).status_code == 401
    answer = post(client, f"{page}/renew", page, password=PASSWORD, code=code_at(secret, accounts._now()))
    renewed = re.findall(r"<li><code>([^<]+)</code>", answer.get_data(as_text=True))
    assert not set(renewed) & set(codes)
    assert post(client, f"{page}/off", page, password=PASSWORD, code=codes[0]).status_code == 401
    assert post(client, f"{page}/off", page, password=WRONG, code=renewed[0]).status_code == 401
    assert post(client, f"{page}/off", page, password=PASSWORD, code=renewed[0]).status_code == 302
    assert accounts.log_in(place.store, name, PASSWORD)
    assert client.post(f"{page}/off", data={"password": PASSWORD, "code": renewed[1]}).status_code == 403
    assert client_for().post(f"{page}/off").status_code == 401


@pytest.mark.parametrize("role", ["admin", "executive_secretary"])
def test_where_it_is_required_nothing_else_is_open_before_it_is_set_up(required, client_for, role):
    name = make_account(required.store, role=role)
    client = client_for()
    assert post(client, "/login", username=name, password=PASSWORD).status_code == 302
    page = "/account/second-factor"
    for path in ("/", "/imports", "/account", "/exports/classes.csv"):
        assert client.get(path, headers={"Accept": "text/html"}).headers.get("Location") == page, path
    assert client.get("/_dash-layout").status_code == 403
    assert fire(client, "_pages_content.children", inputs={"x.y": 1}).status_code == 403
    post(client, f"{page}/start", page, password=PASSWORD)
    secret = re.search(r'lc-secret">([A-Z2-7]+)<', client.get(page).get_data(as_text=True)).group(1)
    assert post(client, f"{page}/confirm", page, code=code_at(secret, accounts._now() - STEP)).status_code == 200
    assert client.get("/account").status_code == 200
    off = {"password": PASSWORD, "code": code_at(secret, accounts._now())}
    assert post(client, f"{page}/off", page, **off).status_code == 403


def test_where_it_is_required_the_other_roles_go_on_without(required, client_for):
    name = make_account(required.store, role="auditor")
    client = client_for()
    post(client, "/login", username=name, password=PASSWORD)
    assert client.get("/account").status_code == 200


def test_an_administrator_resets_a_second_factor_by_command_and_it_is_in_the_log(place):
    name, _, _ = with_factor(place.store)
    url = ["--db", str(place.store.engine.url.render_as_string(hide_password=False))]
    done = CliRunner().invoke(cli, ["user", "second-factor-reset", name, *url])
    assert done.exit_code == 0, done.output
    assert done.output == f"已取消帳號 {name} 的第二因素，所有連線已登出；下次登入只要密碼。\n"
    assert accounts.log_in(place.store, name, PASSWORD, at=MOMENT + 20 * STEP)
    assert CliRunner().invoke(cli, ["user", "second-factor-reset", "nobody", *url]).exit_code == 1
    with reading(place.store.engine) as connection:
        reset = (AuditEvent.about == f"account:{name}", AuditEvent.action == "second_factor_reset")
        assert len(connection.execute(select(AuditEvent.id).where(*reset)).all()) == 1
