"""Accounts and logins: sessions in the database; passwords are dashboard.services.passwords', throttle counts the failures."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection, bindparam, delete, func, insert, select, update

from dashboard.access.roles import Role
from dashboard.services import audit
from dashboard.services.grants import (  # fmt: skip
    AccountError,
    Held,
    add_grant,
    detail_of,
    end_deputies,
    held_by,
    is_administered,
    list_grants,
    user_id_of,
)
from dashboard.services.passwords import (
    PUBLIC_SCHOOL,
    fault_words,
    hash_password,
    password_fault,
    password_rules,
    verify_password,
)
from dashboard.services.store import Store
from dashboard.services.throttle import TooManyFailuresError, charge, settle
from dashboard.settings import LONGEST_SESSION_HOURS
from data.audit import append, key_of, pseudonym
from data.db import reading, writing
from data.instants import TAIPEI
from data.models import Grant, LoginLink, PendingLogin, SchoolClass, SecondFactor, Staff, User, UserSession
from data.school import read_settings

PENDING_MINUTES = 5
WITH_SECOND_FACTOR = frozenset({Role.ADMIN, Role.EXECUTIVE_SECRETARY})  # of whom a school may require one
INVITE_HOURS = 72
RESET_HOURS = 1
SYSTEM = "system"  # who did it where nobody is named
SEEN_STEP = timedelta(minutes=1)  # how often a session's last sight is written


@dataclass(frozen=True, slots=True)
class Account:
    """Who is logged in: the role acted in and what the scope is made from. held: all roles of the day, this one among them."""

    user_id: int
    username: str
    role: Role
    staff_code: str
    unit: str
    classes: frozenset[tuple[int, str]]
    session_token: str = ""
    must_change_password: bool = False
    must_set_up_second_factor: bool = False
    grant_id: int = 0
    on_behalf_of: str = ""  # the account of the person who is away
    held: tuple[Held, ...] = ()


class CodeNeededError(Exception):
    """The password was right and the account has a second factor: nobody is logged in yet. token: of the pending login."""

    def __init__(self, token: str) -> None:
        super().__init__()
        self.token = token


def add_user(
    store: Store,
    username: str,
    password: str,
    *,
    role: str,
    classes: list[str],
    staff_code: str = "",
    unit: str = "",
    must_change: bool = False,
    by: str = SYSTEM,
) -> None:
    """Add an account. must_change: its owner has to set another password at the first login. Class names mean the newest school year on the roster, or the year before a colon: 113:101."""
    if not username.strip() or len(username) > 64:
        raise AccountError("帳號名稱不能空白，也不能超過 64 個字")
    if not username.isprintable():  # two that look alike would be two accounts
        raise AccountError("帳號名稱裡有看不見的字元（例如換行、全形空白或零寬字元），請重新輸入")
    _check_password(store, username, password, staff_code=staff_code)
    hashed = hash_password(password)
    with writing(store.engine) as connection:
        if connection.execute(select(User.id).where(User.username == username)).first():
            raise AccountError(f"帳號「{username}」已經有了；可以另外授予職務或重設密碼")
        made = connection.execute(
            insert(User).values(
                username=username, password_hash=hashed, staff_code=staff_code, created_at=_now(), failed_count=0,
                must_change_password=must_change,
            )
        )  # fmt: skip
        user_id = made.inserted_primary_key[0] if made.inserted_primary_key else 0
        grant_id = add_grant(connection, user_id, role=role, classes=classes, unit=unit, by=by)
        _audit(connection, by, "user_added", detail_of(connection, grant_id), about=username)


def scope_warnings(
    store: Store, *, username: str = "", classes: Sequence[str], staff_code: str, unit: str
) -> list[str]:
    """Say what of an account's scope no roster knows: it may come with the next import, or be a slip of the pen.

    username: whose scope it is, to name the enabled accounts of others that have its 教師代碼 too.
    """
    with reading(store.engine) as connection:
        newest = connection.execute(select(func.max(SchoolClass.school_year))).scalar()
        known = {(year, name) for year, name in connection.execute(select(SchoolClass.school_year, SchoolClass.name))}
        staff = connection.execute(select(Staff.staff_code, Staff.unit)).all()
        having = select(User.username).where(User.staff_code == staff_code, User.disabled_at.is_(None))
        sharing = connection.execute(having.order_by(User.username)).scalars().all() if staff_code and username else []
    warnings = []
    for each in classes:
        year, _, name = each.rpartition(":")
        if (int(year) if year.isdigit() else newest, name) not in known:
            warnings.append(f"班級導師名冊沒有「{each}」，這個帳號目前看不到任何班級")
    if staff_code and staff_code not in {row.staff_code for row in staff}:
        warnings.append(
            f"教職員名冊沒有教師代碼「{staff_code}」；代碼已經設定，請核對有沒有寫錯，或匯入有這位教職員的名冊"
        )
    others = [each for each in sharing if each != username]
    if others:
        warnings.append(f"教師代碼 {staff_code} 也是帳號「{'」「'.join(others)}」的；一個人只要一個帳號，請核對")
    if unit and unit not in {row.unit for row in staff}:
        warnings.append(f"教職員名冊沒有處室「{unit}」")
    return warnings


def change_password(store: Store, username: str, password: str, *, must_change: bool = False, by: str = SYSTEM) -> None:
    """Set a new password; it ends every session of the account."""
    _check_password(store, username, password)
    with reading(store.engine) as connection:
        kept = connection.execute(select(User.password_hash).where(User.username == username)).scalar()
    if password_rules(store) == PUBLIC_SCHOOL and verify_password(password, kept)[0]:
        raise AccountError("新密碼和目前的密碼相同")
    hashed = hash_password(password)
    with writing(store.engine) as connection:
        user_id = user_id_of(connection, username)
        values = {
            "password_hash": hashed, "failed_count": 0, "locked_until": None, "must_change_password": must_change,
        }  # fmt: skip
        connection.execute(update(User).where(User.id == user_id).values(**values))
        for each in (UserSession, LoginLink):
            connection.execute(delete(each).where(each.user_id == user_id))
        _audit(connection, by, "password_changed", {}, about=username)


def set_staff_code(store: Store, username: str, staff_code: str, *, by: str = SYSTEM) -> None:
    """Say which person an account belongs to (教師代碼), and end its sessions. Whose award cases one sees or may decide hangs on it."""
    code = staff_code.strip()
    with writing(store.engine) as connection:
        user_id = user_id_of(connection, username)
        before = connection.execute(select(User.staff_code).where(User.id == user_id)).scalar_one()
        if not code and any(held.role == Role.TEACHER for held in held_by(connection, user_id, on=_now().date())):
            raise AccountError("任課教師帳號要有教師代碼")
        connection.execute(update(User).where(User.id == user_id).values(staff_code=code))
        connection.execute(delete(UserSession).where(UserSession.user_id == user_id))
        _audit(connection, by, "staff_code_set", {"before": before, "after": code}, about=username)


def staff_code_of(store: Store, username: str) -> str:
    """Return whose account it is (教師代碼), "" where nobody said. Raises AccountError."""
    with reading(store.engine) as connection:
        user_id = user_id_of(connection, username)
        return connection.execute(select(User.staff_code).where(User.id == user_id)).scalar_one()


def disable_user(store: Store, username: str, *, by: str = SYSTEM) -> int:
    """Disable an account, end its sessions and those of its deputies; return how many deputies' roles that was.

    The last administrator's stays, or nobody could enable anybody again.
    """
    with writing(store.engine) as connection:
        user_id = user_id_of(connection, username)
        if not is_administered(connection, without_user_id=user_id) and is_administered(connection):
            raise AccountError("這是最後一個啟用的系統管理者，不能停用")
        connection.execute(update(User).where(User.id == user_id).values(disabled_at=_now()))
        for each in (UserSession, LoginLink):
            connection.execute(delete(each).where(each.user_id == user_id))
        own = connection.execute(select(Grant.id).where(Grant.user_id == user_id)).scalars().all()
        deputy_count = end_deputies(connection, own)
        _audit(connection, by, "user_disabled", {"deputies": deputy_count}, about=username)
    return deputy_count


def log_out_user(store: Store, username: str, *, by: str = SYSTEM) -> None:
    """End every session of an account."""
    with writing(store.engine) as connection:
        connection.execute(delete(UserSession).where(UserSession.user_id == user_id_of(connection, username)))
        _audit(connection, by, "logged_out_everywhere", {}, about=username)


def enable_user(store: Store, username: str, *, by: str = SYSTEM) -> None:
    """Enable an account again, its lock lifted."""
    with writing(store.engine) as connection:
        values = {"disabled_at": None, "failed_count": 0, "locked_until": None}
        connection.execute(update(User).where(User.id == user_id_of(connection, username)).values(**values))
        _audit(connection, by, "user_enabled", {}, about=username)


def give_link(
    store: Store, username: str, *, hours: int, action: str, by: str = SYSTEM, at: datetime | None = None
) -> str:
    """Return the secret of a new one-time link; the password, sessions and links of before are worth nothing from now on."""
    nobodys = hash_password(secrets.token_urlsafe(32))
    token = secrets.token_urlsafe(32)
    with writing(store.engine) as connection:
        user_id = user_id_of(connection, username)
        if connection.execute(select(User.disabled_at).where(User.id == user_id)).scalar_one() is not None:
            raise AccountError(f"帳號「{username}」已停用，請先啟用")
        connection.execute(update(User).where(User.id == user_id).values(password_hash=nobodys))
        for each in (UserSession, LoginLink):
            connection.execute(delete(each).where(each.user_id == user_id))
        expires_at = (at or _now()) + timedelta(hours=hours)
        connection.execute(insert(LoginLink).values(user_id=user_id, token_hash=digest(token), expires_at=expires_at))
        _audit(connection, by, action, {}, about=username)
    return token


def owner_of_link(store: Store, token: str, *, at: datetime | None = None) -> str | None:
    """Return whose one-time link this is; None when it was used, is too old, or its account is disabled."""
    with reading(store.engine) as connection:
        return connection.execute(
            select(User.username)
            .join_from(LoginLink, User, LoginLink.user_id == User.id)
            .where(
                LoginLink.token_hash == digest(token), LoginLink.expires_at > (at or _now()), User.disabled_at.is_(None)
            )
        ).scalar()


def redeem_link(store: Store, token: str, password: str, *, at: datetime | None = None) -> bool:
    """Set the password of a one-time link's owner. False: the link is none, or another one was quicker."""
    username = owner_of_link(store, token, at=at)
    if username is None:
        return False
    _check_password(store, username, password)
    hashed = hash_password(password)
    with writing(store.engine) as connection:
        used = delete(LoginLink).where(LoginLink.token_hash == digest(token), LoginLink.expires_at > (at or _now()))
        if connection.execute(used).rowcount != 1:
            return False
        user_id = user_id_of(connection, username)
        values = {"password_hash": hashed, "failed_count": 0, "locked_until": None, "must_change_password": False}  # nosec B105 - a flag
        connection.execute(update(User).where(User.id == user_id).values(**values))
        connection.execute(delete(UserSession).where(UserSession.user_id == user_id))
        _audit(connection, username, "password_changed", {})
    return True


def list_users(store: Store) -> list[tuple[str, list[Held], bool]]:
    """Return username, the roles held today and whether it is enabled, by name."""
    roles: dict[str, list[Held]] = {}
    for held in list_grants(store):
        roles.setdefault(held.username, []).extend([held] if held.is_in_force else [])
    with reading(store.engine) as connection:
        rows = connection.execute(select(User.username, User.disabled_at).order_by(User.username)).all()
    return [(row.username, roles.get(row.username, []), row.disabled_at is None) for row in rows]


def log_in(
    store: Store, username: str, password: str, *, address: str = "", browser: str = "", at: datetime | None = None
) -> str | None:
    """Return a new session token, or None; unknown, disabled, locked and wrong look and take the same.

    Raises CodeNeededError where the account has a second factor (second_factor.finish_login goes on from there).
    address: where the attempt came from; raises TooManyFailuresError, whoever the account is, when it failed too often.
    """
    moment = at or _now()
    with writing(store.engine) as connection:
        is_open, attempt = charge(connection, username, address=address, at=moment)
        user = connection.execute(select(User.id, User.password_hash).where(User.username == username)).first()
    if attempt is None:
        raise TooManyFailuresError
    matches, rehashed = verify_password(password, user.password_hash if user else None)
    if user is None or not is_open or not matches:
        with writing(store.engine) as connection:
            typed = pseudonym(username, key=key_of(connection))
            if user is not None:
                _audit(connection, username, "login_failed", {})
            else:  # what was typed may be a password, or somebody's name: only that it was the same as before is kept
                append(connection, at=_now(), actor="", action="login_failed", about=f"unknown:{typed}")
        return None
    token = secrets.token_urlsafe(32)
    with writing(store.engine) as connection:
        has_factor = has_second_factor(connection, user.id)
        settle(connection, user.id, attempt=attempt, halfway=has_factor)
        if rehashed:
            connection.execute(update(User).where(User.id == user.id).values(password_hash=rehashed))
        if has_factor:
            connection.execute(
                delete(PendingLogin).where((PendingLogin.expires_at <= moment) | (PendingLogin.user_id == user.id))
            )
            connection.execute(
                insert(PendingLogin).values(
                    user_id=user.id, token_hash=digest(token), password_mark=digest(rehashed or user.password_hash),
                    expires_at=moment + timedelta(minutes=PENDING_MINUTES),
                )
            )  # fmt: skip
        else:
            role = begin_session(connection, user.id, token, browser=browser, at=moment)
            _audit(connection, username, "login" if role else "login_failed", {"role": role} if role else {})
    if has_factor:
        raise CodeNeededError(token)
    return token if role else None


def has_second_factor(connection: Connection, user_id: int) -> bool:
    """Tell whether an account has a second factor that its owner confirmed."""
    confirmed = (SecondFactor.user_id == user_id, SecondFactor.confirmed_at.is_not(None))
    return connection.execute(select(SecondFactor.id).where(*confirmed)).first() is not None


def is_own_password(store: Store, account: Account, password: str, *, address: str = "") -> bool:
    """Tell whether a password is one's own; a wrong one counts like a failed login. Raises TooManyFailuresError."""
    with writing(store.engine) as connection:
        is_open, attempt = charge(connection, account.username, address=address, at=_now())
        kept = connection.execute(select(User.password_hash).where(User.id == account.user_id)).scalar_one()
    if attempt is None:
        raise TooManyFailuresError
    matches, _ = verify_password(password, kept)
    if not is_open or not matches:
        record(store, account.username, "login_failed", {}, about=f"account:{account.username}")
        return False
    with writing(store.engine) as connection:
        settle(connection, account.user_id, attempt=attempt, halfway=True)
    return True


def change_own_password(
    store: Store, account: Account, current: str, password: str, *, address: str = "", browser: str = ""
) -> str | None:
    """Set one's own password; every login ends and the token of a new one comes back. None: current is not right.

    A wrong current password counts like a failed login: who finds an open browser must not go on guessing there.
    """
    _check_password(store, account.username, password)
    if current == password:
        raise AccountError("新密碼和目前的密碼相同")
    with writing(store.engine) as connection:
        is_open, attempt = charge(connection, account.username, address=address, at=_now())
        kept = connection.execute(select(User.password_hash).where(User.id == account.user_id)).scalar_one()
    if attempt is None:
        raise TooManyFailuresError
    matches, _ = verify_password(current, kept)
    if not is_open or not matches:
        record(store, account.username, "login_failed", {}, about=f"account:{account.username}")
        return None
    hashed = hash_password(password)
    token = secrets.token_urlsafe(32)
    with writing(store.engine) as connection:
        settle(connection, account.user_id, attempt=attempt)
        connection.execute(
            update(User).where(User.id == account.user_id).values(password_hash=hashed, must_change_password=False)
        )
        connection.execute(delete(UserSession).where(UserSession.user_id == account.user_id))
        begin_session(connection, account.user_id, token, browser=browser, at=_now(), grant_id=account.grant_id)
        _audit(connection, account.username, "password_changed", {})
    return token


def begin_session(
    connection: Connection,
    user_id: int,
    token: str,
    *,
    browser: str,
    at: datetime,
    by_provider: bool = False,
    grant_id: int = 0,
    began_at: datetime | None = None,
) -> str:
    """Write a new login and return the role it acts in: that of grant_id, else the first one held; "" and no login where none is held.

    Everybody's logins that are over for good go: how long one lasts is the server's to set (Settings), up to LONGEST_SESSION_HOURS.
    by_provider: the school's single sign-on said who it is. began_at: when the person logged in, where that was before.
    """
    over = UserSession.created_at <= at - timedelta(hours=LONGEST_SESSION_HOURS)
    connection.execute(delete(UserSession).where(over))
    held = [each for each in held_by(connection, user_id, on=at.astimezone(TAIPEI).date()) if grant_id in (0, each.id)]
    if not held:
        return ""
    connection.execute(
        insert(UserSession).values(
            token_hash=digest(token), user_id=user_id, grant_id=held[0].id, created_at=began_at or at, seen_at=at, browser=browser,
            by_provider=by_provider,
        )
    )  # fmt: skip
    return held[0].role.value


def act_as(store: Store, account: Account, grant_id: int, *, at: datetime | None = None) -> str | None:
    """Act in another of one's roles from now on: a new login takes the place of this one and ends when it would have.

    Returns its token; None where the role is not held, or this login has ended.
    """
    moment, token = at or _now(), secrets.token_urlsafe(32)
    this_one = UserSession.token_hash == digest(account.session_token)
    with writing(store.engine) as connection:
        before = connection.execute(select(UserSession).where(this_one)).first()
        if before is None or not grant_id:
            return None
        role = begin_session(
            connection, account.user_id, token, browser=before.browser, at=moment, by_provider=before.by_provider,
            grant_id=grant_id, began_at=before.created_at,
        )  # fmt: skip
        if not role:
            return None
        connection.execute(delete(UserSession).where(this_one))
        _audit(connection, account.username, "role_taken", detail_of(connection, grant_id))
    return token


def log_out(store: Store, token: str) -> None:
    """End a session for good: its cookie is worth nothing afterwards."""
    with writing(store.engine) as connection:
        connection.execute(delete(UserSession).where(UserSession.token_hash == digest(token)))


_SESSION = (  # written once: every request asks
    select(
        User, UserSession.id.label("session_id"), UserSession.created_at.label("began_at"), UserSession.seen_at, UserSession.by_provider,
        UserSession.grant_id,
    )
    .join_from(UserSession, User, UserSession.user_id == User.id)
    .where(UserSession.token_hash == bindparam("token_hash"), User.disabled_at.is_(None))
)  # fmt: skip


def account_of(
    store: Store, token: str, *, idle_minutes: int, session_hours: int, at: datetime | None = None
) -> Account | None:
    """Return who a session belongs to; None when it ended, idled too long or the account is disabled."""
    moment = at or _now()
    with reading(store.engine) as connection:
        row = connection.execute(_SESSION, {"token_hash": digest(token)}).first()
        if (
            row is None
            or moment - row.seen_at > timedelta(minutes=idle_minutes)
            or moment - row.began_at > timedelta(hours=session_hours)
        ):
            return None
        held = held_by(connection, row.id, on=moment.astimezone(TAIPEI).date())
        acting = next((each for each in held if each.id == row.grant_id), None)
        if acting is None:  # the role ended: whoever has another one logs in again
            return None
        lacks_factor = (
            any(each.role in WITH_SECOND_FACTOR for each in held)  # also of those not acted in: a click leads there
            and not row.by_provider  # whoever signs on elsewhere has the second factor there
            and read_settings(connection).second_factor == "required"
            and not has_second_factor(connection, row.id)
        )
    if moment - row.seen_at > SEEN_STEP:
        with writing(store.engine) as connection:
            connection.execute(update(UserSession).where(UserSession.id == row.session_id).values(seen_at=moment))
    return Account(
        row.id, row.username, acting.role, row.staff_code, acting.unit, acting.classes, token,
        row.must_change_password and not row.by_provider, lacks_factor, acting.id, acting.on_behalf_of, held,
    )  # fmt: skip


def record(store: Store, actor: str, action: str, detail: dict[str, object], about: str = "") -> None:
    """Write one audit line."""
    audit.record(store, actor=actor, action=action, about=about, detail=detail)


def _audit(connection: Connection, actor: str, action: str, detail: dict[str, object], *, about: str = "") -> None:
    append(connection, at=_now(), actor=actor, action=action, detail=detail, about=f"account:{about or actor}")


def _check_password(store: Store, username: str, password: str, *, staff_code: str = "") -> None:
    if fault := password_fault(store, username, password, staff_code=staff_code):
        raise AccountError(fault_words(fault))


def digest(token: str) -> str:
    """Return what is kept of a random token: whoever reads the database cannot use it."""
    return hashlib.sha256(token.encode()).hexdigest()


def _now() -> datetime:
    return datetime.now(TAIPEI)
