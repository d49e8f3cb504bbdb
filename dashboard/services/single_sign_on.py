"""Single sign-on by the school's own accounts: OpenID Connect Core 1.0, code flow with PKCE. It opens accounts that are there, and makes none."""

from __future__ import annotations

import secrets
import time
from dataclasses import dataclass
from datetime import datetime
from hmac import compare_digest
from typing import Any
from urllib.parse import urlsplit

import requests
from authlib.common.errors import AuthlibBaseError
from authlib.integrations.requests_client import OAuth2Session
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet
from sqlalchemy import Connection, delete, func, insert, select

from dashboard.services.accounts import SYSTEM, AccountError, begin_session
from dashboard.services.grants import user_id_of
from dashboard.services.store import Store
from dashboard.services.throttle import charge
from dashboard.settings import Settings
from data.audit import append, key_of, pseudonym
from data.db import writing
from data.instants import TAIPEI
from data.models import Identity, Staff, User

ALGORITHMS = [
    "RS256",
    "PS256",
    "ES256",
    "EdDSA",
]  # signatures by a private key only: no "none", no HS256 with a public key
LEEWAY_SECONDS = 60
OLDEST_TOKEN_SECONDS = 600
TIMEOUT_SECONDS = 10
_KEPT_SECONDS = (
    300  # of what the provider says about itself: whoever only opens the login page makes us ask no more often
)
_LOOPBACK = {"127.0.0.1", "localhost", "::1"}
_found: dict[str, tuple[float, dict[str, Any]]] = {}


class SignOnError(Exception):
    """Why somebody is not let in, as one word for the log; the person is told no more than that it did not work."""


class StrayAnswerError(SignOnError):
    """An answer that nobody need have asked the provider for: anybody can send one, as often as they like."""


@dataclass(frozen=True, slots=True)
class Provider:
    """Who vouches for people. domains: of the e-mail addresses that are let in; empty: only linked accounts are."""

    issuer: str
    client_id: str
    client_secret: str
    domains: frozenset[str]
    staff_code_claim: str


@dataclass(frozen=True, slots=True)
class Handshake:
    """What ties the answer to the browser that asked."""

    state: str
    nonce: str
    verifier: str


def provider_of(settings: Settings) -> Provider | None:
    """Return the provider of the settings, None where there is none. Raises ValueError for what must not be served."""
    if not settings.oidc_issuer:
        if not settings.local_login:
            raise ValueError("LICHENG_LOCAL_LOGIN=false 時要設定 LICHENG_OIDC_ISSUER，否則沒有人能登入")
        return None
    if not is_safe_address(settings.oidc_issuer):
        raise ValueError("LICHENG_OIDC_ISSUER 要以 https:// 開頭")
    if not settings.oidc_client_id:
        raise ValueError("設定了 LICHENG_OIDC_ISSUER，也要設定 LICHENG_OIDC_CLIENT_ID")
    domains = frozenset(each.strip().lower() for each in settings.oidc_domains.split(",") if each.strip())
    secret = settings.oidc_client_secret.get_secret_value()
    return Provider(settings.oidc_issuer, settings.oidc_client_id, secret, domains, settings.oidc_staff_code_claim)


def is_safe_address(address: str) -> bool:
    """Tell whether an address is https, or on this machine itself, as in tests."""
    parts = urlsplit(address)
    return parts.scheme == "https" or (parts.scheme == "http" and parts.hostname in _LOOPBACK)


def begin(provider: Provider, redirect_uri: str) -> tuple[str, Handshake]:
    """Return where to send the browser, and what to remember until it comes back. Raises SignOnError."""
    shake = Handshake(secrets.token_urlsafe(32), secrets.token_urlsafe(32), secrets.token_urlsafe(48))
    address, _ = _session(provider, redirect_uri).create_authorization_url(
        _discovered(provider)["authorization_endpoint"], state=shake.state, code_verifier=shake.verifier, nonce=shake.nonce
    )  # fmt: skip
    return str(address), shake


def finish(
    provider: Provider, redirect_uri: str, shake: Handshake, answer: dict[str, str], *, now: float | None = None
) -> dict[str, Any]:
    """Return the checked claims of the person whom the provider's answer is about.

    Raises SignOnError for anything amiss, StrayAnswerError for what the provider has not been asked about yet.
    """
    if not compare_digest(answer.get("state", "").encode(), shake.state.encode()):
        raise StrayAnswerError("state")
    if answer.get("iss", provider.issuer) != provider.issuer:  # RFC 9207
        raise StrayAnswerError("issuer")
    if "error" in answer or not answer.get("code"):
        raise StrayAnswerError("provider")
    known = _discovered(provider)
    try:
        token = _session(provider, redirect_uri).fetch_token(
            known["token_endpoint"], code=answer["code"], code_verifier=shake.verifier, timeout=TIMEOUT_SECONDS,
            allow_redirects=False,
        )  # fmt: skip
        keys = _asked(known["jwks_uri"])
    except (AuthlibBaseError, requests.RequestException, ValueError) as error:
        raise SignOnError("code") from error
    return check_token(str(token.get("id_token", "")), keys, provider, nonce=shake.nonce, now=now or time.time())


def check_token(token: str, keys: dict[str, Any], provider: Provider, *, nonce: str, now: float) -> dict[str, Any]:
    """Return an ID token's claims when signature and claims hold (OpenID Connect Core 1.0, 3.1.3.7). Raises SignOnError."""
    public = [
        each for each in keys.get("keys", []) if isinstance(each, dict) and each.get("kty") in ("RSA", "EC", "OKP")
    ]
    try:
        claims = jwt.decode(token, KeySet.import_key_set({"keys": public}), algorithms=ALGORITHMS).claims
    except (JoseError, ValueError, KeyError, TypeError) as error:
        raise SignOnError("signature") from error
    audience = claims.get("aud")
    audiences = audience if isinstance(audience, list) else [audience]
    if claims.get("iss") != provider.issuer:
        raise SignOnError("issuer")
    if provider.client_id not in audiences:
        raise SignOnError("audience")
    if claims.get("azp", None if len(audiences) > 1 else provider.client_id) != provider.client_id:
        raise SignOnError("party")
    expires, issued = claims.get("exp"), claims.get("iat")
    if not isinstance(expires, int | float) or not isinstance(issued, int | float) or expires <= now - LEEWAY_SECONDS:
        raise SignOnError("expired")
    if not now - OLDEST_TOKEN_SECONDS <= issued <= now + LEEWAY_SECONDS:
        raise SignOnError("expired")
    said = claims.get("nonce")
    if not isinstance(said, str) or not compare_digest(said.encode(), nonce.encode()):
        raise SignOnError("nonce")
    subject = claims.get("sub")
    if not isinstance(subject, str) or not 0 < len(subject) <= 255:
        raise SignOnError("subject")
    return dict(claims)


def sign_on(
    store: Store, provider: Provider, claims: dict[str, Any], *, browser: str = "", at: datetime | None = None
) -> str:
    """Return a new session's token for checked claims.

    The identity is (iss, sub). One that is not linked yet is linked to the one account of the one member of staff whose e-mail (verified,
    of an allowed domain) or staff code the provider names. Nobody else gets in: students have accounts there too. Raises SignOnError.
    """
    moment, token = at or datetime.now(TAIPEI), secrets.token_urlsafe(32)
    with writing(store.engine) as connection:
        _check_domain(provider, claims)
        owned = (Identity.issuer == provider.issuer, Identity.subject == claims["sub"])
        user_id = connection.execute(select(Identity.user_id).where(*owned)).scalar()
        is_new = user_id is None
        if user_id is None:
            user_id = _owner(connection, provider, claims)
        user = connection.execute(select(User).where(User.id == user_id)).one()
        if user.disabled_at is not None:
            raise SignOnError("disabled")
        if is_new:
            _link(connection, user_id, provider.issuer, claims["sub"], at=moment)
            append(
                connection, at=moment, actor=user.username, action="identity_linked", about=f"account:{user.username}"
            )
        role = begin_session(connection, user_id, token, browser=browser, at=moment, by_provider=True)
        if not role:
            raise SignOnError("no_role")
        append(
            connection, at=moment, actor=user.username, action="login", about=f"account:{user.username}", detail={"role": role}
        )  # fmt: skip
    return token


def note_refusal(store: Store, reason: str, *, subject: str = "", address: str = "") -> None:
    """Write a refusal into the log: the reason, and who as a pseudonym.

    A code that the provider does not take may be made up: it counts as a failed login of its address, and leaves no line
    where those are too many.
    """
    with writing(store.engine) as connection:
        if reason == "code" and charge(connection, "", address=address, at=datetime.now(TAIPEI))[1] is None:
            return
        about = f"unknown:{pseudonym(subject, key=key_of(connection))}" if subject else ""
        append(connection, at=datetime.now(TAIPEI), actor="", action="sign_on_refused", about=about, detail={"reason": reason})  # fmt: skip


def link(store: Store, username: str, *, issuer: str, subject: str, by: str = SYSTEM) -> None:
    """Link an account to an identity of the provider, instead of the one before. Raises AccountError."""
    if not issuer or not 0 < len(subject) <= 255:
        raise AccountError("要有登入服務的網址（LICHENG_OIDC_ISSUER 或 --issuer）與這個人的代號（sub，最多 255 個字）")
    moment = datetime.now(TAIPEI)
    with writing(store.engine) as connection:
        user_id = user_id_of(connection, username)
        taken = (Identity.issuer == issuer, Identity.subject == subject, Identity.user_id != user_id)
        if connection.execute(select(Identity.id).where(*taken)).first():
            raise AccountError("這個學校帳號已經連結到別的帳號")
        connection.execute(delete(Identity).where(Identity.user_id == user_id, Identity.issuer == issuer))
        _link(connection, user_id, issuer, subject, at=moment)
        append(connection, at=moment, actor=by, action="identity_linked", about=f"account:{username}")


def unlink(store: Store, username: str, *, by: str = SYSTEM) -> bool:
    """Take an account's identities away; False: there was none. Raises AccountError."""
    with writing(store.engine) as connection:
        user_id = user_id_of(connection, username)
        had_one = connection.execute(delete(Identity).where(Identity.user_id == user_id)).rowcount > 0
        append(connection, at=datetime.now(TAIPEI), actor=by, action="identity_unlinked", about=f"account:{username}")
    return had_one


def _owner(connection: Connection, provider: Provider, claims: dict[str, Any]) -> int:
    codes: list[str] = []
    claim = claims.get(provider.staff_code_claim) if provider.staff_code_claim else None
    if isinstance(claim, str) and claim:
        codes = [claim]
    elif provider.domains:
        address = func.lower(Staff.email) == str(claims["email"]).lower()
        codes = list(connection.execute(select(Staff.staff_code).where(address, Staff.email != "")).scalars())
    if len(codes) != 1:
        raise SignOnError("unknown")
    users = connection.execute(select(User.id).where(User.staff_code == codes[0])).scalars().all()
    if len(users) != 1:
        raise SignOnError("unknown")
    of_another = (Identity.user_id == users[0], Identity.issuer == provider.issuer)
    if connection.execute(select(Identity.id).where(*of_another)).first():
        raise SignOnError("taken")  # somebody got this address after its owner had been linked
    return int(users[0])


def _check_domain(provider: Provider, claims: dict[str, Any]) -> None:
    if not provider.domains:
        return
    address = claims.get("email")
    if not isinstance(address, str) or claims.get("email_verified") is not True:
        raise SignOnError("email")
    name, at, domain = address.rpartition("@")
    if not name or not at or domain.lower() not in provider.domains:
        raise SignOnError("domain")


def _link(connection: Connection, user_id: int, issuer: str, subject: str, *, at: datetime) -> None:
    connection.execute(insert(Identity).values(user_id=user_id, issuer=issuer, subject=subject, linked_at=at))


def _session(provider: Provider, redirect_uri: str) -> OAuth2Session:
    return OAuth2Session(
        provider.client_id, provider.client_secret or None, scope="openid email", redirect_uri=redirect_uri,
        code_challenge_method="S256", token_endpoint_auth_method="client_secret_basic" if provider.client_secret else "none",
    )  # fmt: skip


def _discovered(provider: Provider) -> dict[str, Any]:
    """Return what the provider says about itself: it must be the one that was asked, and every address of it safe."""
    asked_at, known = _found.get(provider.issuer, (0.0, {}))
    if not known or time.monotonic() - asked_at > _KEPT_SECONDS:
        try:
            known = _asked(provider.issuer.rstrip("/") + "/.well-known/openid-configuration")
        except (requests.RequestException, ValueError) as error:
            raise SignOnError("unreachable") from error
        addresses = [known.get(key) for key in ("authorization_endpoint", "token_endpoint", "jwks_uri")]
        if known.get("issuer") != provider.issuer or not all(
            isinstance(a, str) and is_safe_address(a) for a in addresses
        ):
            raise SignOnError("discovery")
        _found[provider.issuer] = (time.monotonic(), known)
    return known


def _asked(address: str) -> dict[str, Any]:
    answer = requests.get(address, timeout=TIMEOUT_SECONDS, allow_redirects=False)
    answer.raise_for_status()
    body = answer.json()
    if answer.status_code != 200 or not isinstance(body, dict):
        raise ValueError(address)
    return body
