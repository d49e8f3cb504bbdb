"""The second factor: a code of the person's authenticator after the password (TOTP, RFC 6238), and ten codes for when it is lost."""

from __future__ import annotations

import hashlib
import hmac
import secrets
from base64 import urlsafe_b64encode
from dataclasses import dataclass
from datetime import datetime, timedelta
from hmac import compare_digest

import pyotp
import segno
from cryptography.fernet import Fernet, InvalidToken
from sqlalchemy import Connection, Select, delete, func, insert, select, update

from dashboard.services.accounts import (
    SYSTEM,
    WITH_SECOND_FACTOR,
    Account,
    AccountError,
    begin_session,
    digest,
    has_second_factor,
)
from dashboard.services.store import Store
from dashboard.services.throttle import TooManyFailuresError, charge, settle
from dashboard.settings import read_secret
from data.audit import append
from data.db import reading, writing
from data.instants import TAIPEI
from data.models import PendingLogin, RecoveryCode, SecondFactor, User, UserSession
from data.school import read_settings

STEP_SECONDS = 30
CODE_COUNT = 10
SETUP_MINUTES = 15
LONGEST_CODE = 64
_ALPHABET = "ABCDEFGHJKMNPQRSTUVWXYZ23456789"  # no 0 and O, 1 and I and L: people copy them by hand
_CODE_LENGTH = 12
_NARROW = str.maketrans("０１２３４５６７８９", "0123456789", " -\u3000")


@dataclass(frozen=True, slots=True)
class State:
    """What an account's own page says. is_required: of this person; codes_left: recovery codes not used yet."""

    is_on: bool
    is_offered: bool
    is_required: bool
    codes_left: int


def accounts_with(store: Store) -> frozenset[str]:
    """Return the accounts whose owners have set up a second factor."""
    confirmed = select(User.username).join(SecondFactor, SecondFactor.user_id == User.id).where(SecondFactor.confirmed_at.is_not(None))  # fmt: skip
    with reading(store.engine) as connection:
        return frozenset(connection.execute(confirmed).scalars())


@dataclass(frozen=True, slots=True)
class Setup:
    """What an authenticator is set up from: the secret as text, and as a picture (a data: address)."""

    secret: str
    picture: str


def state_of(store: Store, account: Account) -> State:
    """Return how things stand with an account's second factor."""
    with reading(store.engine) as connection:
        mode = read_settings(connection).second_factor
        is_on = has_second_factor(connection, account.user_id)
        counted = select(func.count()).select_from(RecoveryCode).where(RecoveryCode.user_id == account.user_id)
        return State(
            is_on, mode != "off", mode == "required" and any(held.role in WITH_SECOND_FACTOR for held in account.held),
            connection.execute(counted).scalar_one(),
        )  # fmt: skip


def start_setup(store: Store, account: Account, *, at: datetime | None = None) -> None:
    """Make a secret that is not in force before a first code of it was right. Nothing happens where one is in force."""
    with writing(store.engine) as connection:
        if has_second_factor(connection, account.user_id):
            return
        connection.execute(delete(SecondFactor).where(SecondFactor.user_id == account.user_id))
        sealed = _cipher(store).encrypt(f"{account.user_id}:{pyotp.random_base32()}".encode()).decode()
        connection.execute(
            insert(SecondFactor).values(user_id=account.user_id, secret=sealed, made_at=at or _now(), last_step=0)
        )


def setup_of(store: Store, account: Account, *, at: datetime | None = None) -> Setup | None:
    """Return what to set the authenticator up from; None when no set-up is under way, or since SETUP_MINUTES."""
    moment = at or _now()
    with reading(store.engine) as connection:
        row = connection.execute(select(SecondFactor).where(SecondFactor.user_id == account.user_id)).first()
    if row is None or row.confirmed_at is not None or moment - row.made_at > timedelta(minutes=SETUP_MINUTES):
        return None
    secret = _opened(store, account.user_id, row.secret)
    if not secret:
        return None
    address = pyotp.TOTP(secret).provisioning_uri(name=account.username, issuer_name="Licheng")
    return Setup(secret, segno.make(address, error="m").svg_data_uri(scale=5, border=4, dark="#000", light="#fff"))


def finish_setup(
    store: Store, account: Account, code: str, *, address: str = "", at: datetime | None = None
) -> list[str] | None:
    """Put the second factor in force by a first right code and return the recovery codes, shown this once; None: not right.

    The other logins end, as they began without it.
    """
    moment = at or _now()
    if setup_of(store, account, at=moment) is None:
        return None
    attempt = _charge(store, account.username, address=address, at=moment)
    with writing(store.engine) as connection:
        if attempt is None or not _takes(store, connection, account.user_id, code, at=moment, confirmed=False):
            return None
        settle(connection, account.user_id, attempt=attempt)
        confirmed = update(SecondFactor).where(SecondFactor.user_id == account.user_id)
        connection.execute(confirmed.values(confirmed_at=moment))
        others = UserSession.token_hash != digest(account.session_token)
        connection.execute(delete(UserSession).where(UserSession.user_id == account.user_id, others))
        codes = _new_codes(store, connection, account.user_id)
        _note(connection, account.username, "second_factor_set_up", about=account.username)
    return codes


def finish_login(
    store: Store, token: str, code: str, *, address: str = "", browser: str = "", at: datetime | None = None
) -> str | None:
    """Return a session's token for a pending login and a right code or recovery code; None for anything else.

    A wrong code counts to the same lock as a wrong password. Raises TooManyFailuresError like accounts.log_in.
    """
    moment = at or _now()
    username = owner_of_pending(store, token, at=moment)
    if username is None:
        return None
    attempt = _charge(store, username, address=address, at=moment)
    session_token = secrets.token_urlsafe(32)
    with writing(store.engine) as connection:
        used = _pending(token, moment).with_only_columns(PendingLogin.id, PendingLogin.user_id)
        pending = connection.execute(used).first()
        if pending is None or attempt is None:
            if pending is not None:
                _note(connection, username, "login_failed", about=username)
            return None
        by_code = _takes(store, connection, pending.user_id, code, at=moment)
        if not by_code and not _uses_recovery_code(store, connection, pending.user_id, code):
            _note(connection, username, "login_failed", about=username)
            return None
        # The last word: of two who send two right codes of one pending login, one is logged in.
        if connection.execute(delete(PendingLogin).where(PendingLogin.id == pending.id)).rowcount != 1:
            return None
        role = begin_session(connection, pending.user_id, session_token, browser=browser, at=moment)
        if not role:
            _note(connection, username, "login_failed", about=username)
            return None
        settle(connection, pending.user_id, attempt=attempt)
        if not by_code:
            _note(connection, username, "recovery_code_used", about=username)
        _note(connection, username, "login", about=username, role=role)
    return session_token


def owner_of_pending(store: Store, token: str, *, at: datetime | None = None) -> str | None:
    """Return whose pending login this is; None when it is none, too old, or its password or account is no longer good."""
    with reading(store.engine) as connection:
        row = connection.execute(_pending(token, at or _now())).first()
    return row.username if row is not None and digest(row.password_hash) == row.password_mark else None


def renew_codes(
    store: Store, account: Account, code: str, *, address: str = "", at: datetime | None = None
) -> list[str] | None:
    """Return ten new recovery codes for a right code; those of before are worth nothing. None: the code is not right."""
    moment = at or _now()
    attempt = _charge(store, account.username, address=address, at=moment)
    with writing(store.engine) as connection:
        if attempt is None or not _takes(store, connection, account.user_id, code, at=moment):
            return None
        settle(connection, account.user_id, attempt=attempt)
        codes = _new_codes(store, connection, account.user_id)
        _note(connection, account.username, "recovery_codes_made", about=account.username)
    return codes


def switch_off(store: Store, account: Account, code: str, *, address: str = "", at: datetime | None = None) -> bool:
    """Take the second factor away for a right code or recovery code. Ask for the password before (accounts.is_own_password)."""
    moment = at or _now()
    attempt = _charge(store, account.username, address=address, at=moment)
    with writing(store.engine) as connection:
        if attempt is None or not (
            _takes(store, connection, account.user_id, code, at=moment)
            or _uses_recovery_code(store, connection, account.user_id, code)
        ):
            return False
        settle(connection, account.user_id, attempt=attempt)
        _forget(connection, account.user_id)
        _note(connection, account.username, "second_factor_off", about=account.username)
    return True


def reset(store: Store, username: str, *, by: str = SYSTEM) -> bool:
    """Take somebody's second factor away and end the account's logins; False: there was none. Raises AccountError."""
    with writing(store.engine) as connection:
        user_id = connection.execute(select(User.id).where(User.username == username)).scalar()
        if user_id is None:
            raise AccountError(f"沒有「{username}」這個帳號")
        had_one = _forget(connection, user_id)
        connection.execute(delete(UserSession).where(UserSession.user_id == user_id))
        _note(connection, by, "second_factor_reset", about=username)
    return had_one


def _forget(connection: Connection, user_id: int) -> bool:
    for each in (RecoveryCode, PendingLogin):
        connection.execute(delete(each).where(each.user_id == user_id))
    return connection.execute(delete(SecondFactor).where(SecondFactor.user_id == user_id)).rowcount > 0


def _charge(store: Store, username: str, *, address: str, at: datetime) -> int | None:
    """Count an attempt before its code is looked at; None where the account is locked."""
    with writing(store.engine) as connection:
        is_open, attempt = charge(connection, username, address=address, at=at)
    if attempt is None:
        raise TooManyFailuresError
    return attempt if is_open else None


def _pending(token: str, moment: datetime) -> Select[str, str, str]:
    return (
        select(User.username, User.password_hash, PendingLogin.password_mark)
        .join_from(PendingLogin, User, PendingLogin.user_id == User.id)
        .where(PendingLogin.token_hash == digest(token), PendingLogin.expires_at > moment, User.disabled_at.is_(None))
    )


def _takes(
    store: Store, connection: Connection, user_id: int, code: str, *, at: datetime, confirmed: bool = True
) -> bool:
    """Tell whether a code is one of this step, the one before or the one after, and take it: each step is good once."""
    typed = code[:LONGEST_CODE].translate(_NARROW)
    row = connection.execute(select(SecondFactor).where(SecondFactor.user_id == user_id)).first()
    if row is None or (row.confirmed_at is not None) != confirmed:
        return False
    secret = _opened(store, user_id, row.secret)
    if not secret or len(typed) != 6 or not (typed.isascii() and typed.isdigit()):
        return False
    now, clock = int(at.timestamp()) // STEP_SECONDS, pyotp.TOTP(secret)
    right = [step for step in (now - 1, now, now + 1) if compare_digest(clock.at(step * STEP_SECONDS), typed)]
    if not right:
        return False
    newer = (SecondFactor.id == row.id, SecondFactor.last_step < right[-1])
    return connection.execute(update(SecondFactor).where(*newer).values(last_step=right[-1])).rowcount == 1


def _uses_recovery_code(store: Store, connection: Connection, user_id: int, code: str) -> bool:
    hashed = _hashed(store, user_id, code)
    owned = (RecoveryCode.user_id == user_id, RecoveryCode.code_hash == hashed)
    return connection.execute(delete(RecoveryCode).where(*owned)).rowcount == 1


def _new_codes(store: Store, connection: Connection, user_id: int) -> list[str]:
    codes = ["".join(secrets.choice(_ALPHABET) for _ in range(_CODE_LENGTH)) for _ in range(CODE_COUNT)]
    connection.execute(delete(RecoveryCode).where(RecoveryCode.user_id == user_id))
    rows = [{"user_id": user_id, "code_hash": _hashed(store, user_id, code)} for code in codes]
    connection.execute(insert(RecoveryCode), rows)
    return ["-".join(code[start : start + 4] for start in range(0, _CODE_LENGTH, 4)) for code in codes]


def _hashed(store: Store, user_id: int, code: str) -> str:
    """Return what is kept of a recovery code: by a key, since whoever has the database alone could try all of them."""
    typed = code[:LONGEST_CODE].translate(_NARROW).upper()
    return hmac.new(read_secret(store.instance_dir, "second-factor"), f"{user_id}:{typed}".encode(), hashlib.sha256).hexdigest()  # fmt: skip


def _cipher(store: Store) -> Fernet:
    key = hashlib.sha256(b"totp:" + read_secret(store.instance_dir, "second-factor")).digest()
    return Fernet(urlsafe_b64encode(key))


def _opened(store: Store, user_id: int, sealed: str) -> str:
    """Return a secret in the clear; "" where the key is another one, or the row was put there from another account's."""
    try:
        owner, _, secret = _cipher(store).decrypt(sealed.encode()).decode().partition(":")
    except InvalidToken:
        return ""
    return secret if owner == str(user_id) else ""


def _note(connection: Connection, actor: str, action: str, *, about: str, **detail: str) -> None:
    append(connection, at=_now(), actor=actor, action=action, about=f"account:{about}", detail=detail)


def _now() -> datetime:
    return datetime.now(TAIPEI)
