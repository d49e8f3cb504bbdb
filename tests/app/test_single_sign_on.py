"""Single sign-on against a real provider: who gets in, and what does not."""

from __future__ import annotations

import re
import time
from urllib.parse import parse_qs, urlsplit

import pytest
import requests
from pydantic import SecretStr
from sqlalchemy import delete, func, insert, select
from typer.testing import CliRunner

from dashboard.cli import app as cli
from dashboard.services import accounts, single_sign_on, throttle
from dashboard.settings import Settings
from data.db import reading, writing
from data.models import AuditEvent, Identity, Import, LoginFailure, Staff, User, UserSession
from tests.app.oidc_server import CLIENT, SECRET, Provider
from tests.school import PASSWORD

DOMAIN = "school.example.edu.tw"
_numbers = iter(range(10_000))


@pytest.fixture(scope="module")
def running():
    provider = Provider()
    yield provider
    provider.stop()


@pytest.fixture
def provider(running, app, monkeypatch):
    """The provider in its right mind, and the app set up for it."""
    monkeypatch.setenv("AUTHLIB_INSECURE_TRANSPORT", "1")  # the provider's own check of its own http
    kept = (running.spoil, running.sign)
    single_sign_on._found.clear()
    configure(app, monkeypatch, running)
    yield running
    running.spoil, running.sign = kept
    running.said_issuer = None


def configure(app, monkeypatch, running, **more):
    old = app.server.config["LICHENG_SETTINGS"]
    values = {
        "oidc_issuer": running.issuer, "oidc_client_id": CLIENT, "oidc_client_secret": SecretStr(SECRET),
        "oidc_domains": DOMAIN, **more,
    }  # fmt: skip
    monkeypatch.setitem(app.server.config, "LICHENG_SETTINGS", old.model_copy(update=values))


@pytest.fixture
def teacher(place):
    """An account of a member of staff with an e-mail in the roster."""
    number = next(_numbers)
    name, code = f"signer{number}", f"S9{number:03}"
    with writing(place.store.engine) as connection:
        of_import = connection.execute(select(Import.id)).scalars().first()
        connection.execute(insert(Staff).values(staff_code=code, name="某老師", unit="", email=f"{name}@{DOMAIN}", import_id=of_import))  # fmt: skip
    accounts.add_user(place.store, name, PASSWORD, role="teacher", classes=[], staff_code=code)
    yield name
    with writing(place.store.engine) as connection:
        connection.execute(delete(Staff).where(Staff.staff_code == code))


def person(name, **more):
    return {"sub": f"sub-{name}", "email": f"{name}@{DOMAIN}", "email_verified": True, **more}


def go(client, *, target="/certification"):
    """Go to the provider and come as far as its answer: the address that the browser is sent back to."""
    answer = client.get(f"/login/school?next={target}")
    assert answer.status_code == 302
    back = requests.get(answer.headers["Location"], allow_redirects=False, timeout=10)
    assert back.status_code == 302, back.text
    parts = urlsplit(back.headers["Location"])
    return f"{parts.path}?{parts.query}"


def refused(client, address, place, reason):
    """Tell whether nobody is let in, with a line in the log; without one ("") where nothing began that could be refused."""
    with reading(place.store.engine) as connection:
        before = connection.execute(select(func.count()).select_from(AuditEvent)).scalar()
    answer = client.get(address)
    assert answer.status_code == 403, reason
    assert "學校帳號沒有登入成功" in answer.get_data(as_text=True)
    assert client.get("/account").status_code == 401
    if not reason:
        with reading(place.store.engine) as connection:
            assert connection.execute(select(func.count()).select_from(AuditEvent)).scalar() == before
        return True
    with reading(place.store.engine) as connection:
        newest = select(AuditEvent.action, AuditEvent.detail).order_by(AuditEvent.id.desc()).limit(1)
        action, detail = connection.execute(newest).one()
    assert (action, reason in str(detail)) == ("sign_on_refused", True), detail
    return True


def test_b16_a_member_of_staff_signs_on_with_pkce_and_is_linked_by_issuer_and_subject(
    place, provider, teacher, client_for
):
    provider.person = person(teacher)
    client = client_for()
    answer = client.get(go(client))
    assert (answer.status_code, answer.headers["Location"]) == (302, "/certification")
    assert client.get("/account").status_code == 200
    asked = provider.asked[-1]
    assert asked["code_challenge_method"] == "S256"
    assert len(asked["state"]) >= 32
    assert len(asked["nonce"]) >= 32
    assert asked["response_type"] == "code"
    with reading(place.store.engine) as connection:
        user_id = connection.execute(select(User.id).where(User.username == teacher)).scalar_one()
        kept = connection.execute(select(Identity.issuer, Identity.subject).where(Identity.user_id == user_id)).one()
        assert tuple(kept) == (provider.issuer, f"sub-{teacher}")
        assert connection.execute(select(UserSession.by_provider).where(UserSession.user_id == user_id)).scalar_one()
        about = AuditEvent.about == f"account:{teacher}"
        actions = connection.execute(select(AuditEvent.action).where(about)).scalars().all()
    assert actions[-2:] == ["identity_linked", "login"]
    # once linked it is the subject that counts, not the address
    provider.person = person(teacher, email=f"renamed@{DOMAIN}")
    again = client_for()
    assert again.get(go(again)).status_code == 302


BROKEN = {
    "wrong iss": (lambda c: c | {"iss": "https://evil.example"}, "", "issuer"),
    "wrong aud": (lambda c: c | {"aud": ["another"]}, "", "audience"),
    "several aud without azp": (lambda c: c | {"aud": [CLIENT, "another"]}, "", "party"),
    "azp of another": (lambda c: c | {"aud": [CLIENT, "another"], "azp": "another"}, "", "party"),
    "wrong nonce": (lambda c: c | {"nonce": "n" * 43}, "", "nonce"),
    "no nonce": (lambda c: {k: v for k, v in c.items() if k != "nonce"}, "", "nonce"),
    "expired": (lambda c: c | {"exp": int(time.time()) - 61}, "", "expired"),
    "no exp": (lambda c: {k: v for k, v in c.items() if k != "exp"}, "", "expired"),
    "old iat": (lambda c: c | {"iat": int(time.time()) - 3600}, "", "expired"),
    "iat to come": (lambda c: c | {"iat": int(time.time()) + 3600}, "", "expired"),
    "no sub": (lambda c: {k: v for k, v in c.items() if k != "sub"}, "", "subject"),
    "signed by another key": (lambda c: c, "other key", "signature"),
    "alg none": (lambda c: c, "none", "signature"),
    "HS256 with the public key": (lambda c: c, "HS256", "signature"),
    "unverified e-mail": (lambda c: c | {"email_verified": False}, "", "email"),
    "e-mail verified as text": (lambda c: c | {"email_verified": "true"}, "", "email"),
    "domain not allowed": (lambda c: c | {"email": "someone@gmail.example"}, "", "domain"),
    "domain that only ends alike": (lambda c: c | {"email": f"someone@evil-{DOMAIN}"}, "", "domain"),
    "two at signs": (lambda c: c | {"email": f"someone@{DOMAIN}@evil.example"}, "", "domain"),
    "a student": (lambda c: c | {"sub": "student", "email": f"s113001@{DOMAIN}"}, "", "unknown"),
}


@pytest.mark.parametrize("kind", BROKEN)
def test_b16_a_broken_token_lets_nobody_in(place, provider, teacher, client_for, kind):
    spoil, signature, reason = BROKEN[kind]
    provider.person = person(teacher)
    provider.spoil = spoil
    if signature:
        provider.sign = provider.sign_with(signature)
    client = client_for()
    assert refused(client, go(client), place, reason)
    with reading(place.store.engine) as connection:
        user_id = connection.execute(select(User.id).where(User.username == teacher)).scalar_one()
        assert not connection.execute(select(Identity.id).where(Identity.user_id == user_id)).all()


def test_b16_a_wrong_state_another_browser_and_a_replayed_code_let_nobody_in(place, provider, teacher, client_for):
    provider.person = person(teacher)
    client = client_for()
    address = go(client)
    assert refused(client_for(), address, place, "")  # a browser that did not begin
    wrong = re.sub(r"state=[^&]+", "state=" + "x" * 43, address)
    assert refused(client, wrong, place, "")  # anybody can send one
    assert refused(client, address, place, "")  # begun once, over once
    client = client_for()
    address = go(client)
    with client.session_transaction() as kept:
        begun = dict(kept["sign_on"])
    assert client.get(address).status_code == 302
    thief = client_for()
    thief.get("/login")
    with thief.session_transaction() as kept:
        kept["sign_on"] = begun
    assert refused(thief, address, place, "code")
    code = parse_qs(urlsplit(go(client := client_for())).query)["code"][0]  # PKCE: the code of another browser
    other = client_for()
    state = parse_qs(urlsplit(go(other)).query)["state"][0]
    assert refused(other, f"/login/school/return?code={code}&state={state}", place, "code")
    other = client_for()
    state = parse_qs(urlsplit(go(other)).query)["state"][0]
    assert refused(other, f"/login/school/return?error=access_denied&state={state}", place, "")


def test_b16_whoever_sends_made_up_answers_again_and_again_does_not_fill_the_log(
    place, provider, client_for, monkeypatch
):
    def lines():
        with reading(place.store.engine) as connection:
            return connection.execute(select(func.count()).select_from(AuditEvent)).scalar_one()

    def forget():
        with writing(place.store.engine) as connection:
            connection.execute(delete(LoginFailure))

    client = client_for()
    state = parse_qs(urlsplit(go(client)).query)["state"][0]
    with client.session_transaction() as kept:
        begun = dict(kept["sign_on"])

    def send(query, times=1):
        for _ in range(times):
            with client.session_transaction() as kept:
                kept["sign_on"] = begun
            assert client.get(f"/login/school/return?{query}").status_code == 403

    before = lines()
    send("state=x")
    send("")
    send(f"state={state}&iss=https://evil.example&code=x")
    send(f"state={state}&error=access_denied")
    send(f"state={state}")
    assert lines() == before
    monkeypatch.setattr(throttle, "ADDRESS_FAILURES_ALLOWED", 3)
    forget()
    send(f"state={state}&code=x", times=6)
    forget()
    assert lines() == before + 3 + 1  # and one that says that the address is refused


def test_b16_who_gets_somebodys_address_later_does_not_get_the_account(place, provider, teacher, client_for):
    provider.person = person(teacher)
    client = client_for()
    assert client.get(go(client)).status_code == 302
    provider.person = person(teacher, sub="the next owner of the address")
    client = client_for()
    assert refused(client, go(client), place, "taken")


def test_b16_a_disabled_account_stays_shut(place, provider, teacher, client_for):
    provider.person = person(teacher)
    client = client_for()
    assert client.get(go(client)).status_code == 302
    accounts.disable_user(place.store, teacher)
    assert client.get("/account").status_code == 401
    client = client_for()
    assert refused(client, go(client), place, "disabled")


def test_b16_without_domains_only_linked_accounts_get_in(app, place, provider, teacher, client_for, monkeypatch):
    configure(app, monkeypatch, provider, oidc_domains="")
    provider.person = person(teacher)
    client = client_for()
    assert refused(client, go(client), place, "unknown")
    url = ["--db", place.store.engine.url.render_as_string(hide_password=False)]
    named = ["--subject", f"sub-{teacher}", "--issuer", provider.issuer]
    assert CliRunner().invoke(cli, ["user", "link", teacher, *named, *url]).exit_code == 0
    client = client_for()
    assert client.get(go(client)).status_code == 302
    assert CliRunner().invoke(cli, ["user", "link", "secretary", *named, *url]).exit_code == 1  # somebody else's
    assert CliRunner().invoke(cli, ["user", "unlink", teacher, *url]).exit_code == 0
    client = client_for()
    assert refused(client, go(client), place, "unknown")


def test_b16_a_staff_code_names_the_account_where_the_provider_has_it(app, place, provider, teacher, client_for, monkeypatch):  # fmt: skip
    configure(app, monkeypatch, provider, oidc_staff_code_claim="employee")
    with reading(place.store.engine) as connection:
        code = connection.execute(select(User.staff_code).where(User.username == teacher)).scalar_one()
    provider.person = person(teacher, email=f"other@{DOMAIN}", employee=code)
    client = client_for()
    assert client.get(go(client)).status_code == 302


def test_b16_what_the_provider_says_of_itself_is_checked(place, provider, client_for):
    provider.said_issuer = "https://evil.example"
    assert client_for().get("/login/school").status_code == 503
    single_sign_on._found.clear()


@pytest.mark.parametrize(
    "values",
    [
        {"oidc_issuer": "http://accounts.example", "oidc_client_id": "x"},
        {"oidc_issuer": "ftp://localhost", "oidc_client_id": "x"},
        {"oidc_issuer": "https://accounts.example"},
        {"local_login": False},
    ],
)
def test_b16_settings_that_would_let_in_whom_they_must_not_are_refused(values):
    with pytest.raises(ValueError, match="LICHENG_"):
        single_sign_on.provider_of(Settings(**values))


def test_the_login_page_has_the_button_only_where_there_is_a_provider(app, provider, client_for, monkeypatch):
    page = client_for().get("/login?next=/receipts").get_data(as_text=True)
    assert 'href="/login/school?next=/receipts"' in page
    configure(app, monkeypatch, provider, local_login=False)
    client = client_for()
    page = client.get("/login").get_data(as_text=True)
    assert 'name="password"' not in page
    assert client.post("/login", data={"username": "secretary", "password": PASSWORD}).status_code == 403
    assert client.get("/login/code").status_code in (302, 403)
    configure(app, monkeypatch, provider, oidc_issuer="", local_login=True)
    assert "/login/school" not in client_for().get("/login").get_data(as_text=True)
    assert client_for().get("/login/school").status_code == 404
    assert client_for().get("/login/school/return?code=x&state=y").status_code == 404
