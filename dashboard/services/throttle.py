"""How often a password may be wrong: counted in the database, so that all workers count together."""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import Connection, case, delete, func, insert, select, update

from data.audit import append, key_of, pseudonym
from data.models import LoginFailure, User

FAILURES_ALLOWED = 5
LOCK_MINUTES = 15
ADDRESS_FAILURES_ALLOWED = 100  # generous: the whole school comes from one address
ADDRESS_MINUTES = 15


class TooManyFailuresError(Exception):
    """An address failed too often. It says nothing about any account."""


def charge(connection: Connection, username: str, *, address: str, at: datetime) -> tuple[bool, int | None]:
    """Count an attempt as a failure before its password is looked at; settle() takes it back when it was right.

    Counting first means that attempts at the same moment cannot all be the fifth. Returns whether the account is open
    (an unknown one is not) and the attempt's id, which is None where the address has failed too often already.
    """
    since = at - timedelta(minutes=ADDRESS_MINUTES)
    connection.execute(delete(LoginFailure).where(LoginFailure.failed_at <= since))
    hashed = pseudonym(f"address:{address}", key=key_of(connection))
    counted = select(func.count()).select_from(LoginFailure).where(LoginFailure.address_hash == hashed)
    failed_count = connection.execute(counted).scalar_one()
    if failed_count >= ADDRESS_FAILURES_ALLOWED:
        return False, None
    if failed_count == ADDRESS_FAILURES_ALLOWED - 1:  # once, not at each refusal: a flood must not fill the log
        append(connection, at=at, actor="", action="address_throttled")
    made = connection.execute(insert(LoginFailure).values(address_hash=hashed, failed_at=at))
    attempt = int(made.inserted_primary_key[0]) if made.inserted_primary_key else 0
    user = connection.execute(
        select(User.id, User.failed_count, User.locked_until).where(User.username == username, User.disabled_at.is_(None))
    ).first()  # fmt: skip
    is_open = user is not None and (user.locked_until is None or user.locked_until <= at)
    failures = user.failed_count + 1 if user is not None and is_open else 0
    lock = at + timedelta(minutes=LOCK_MINUTES) if failures >= FAILURES_ALLOWED else None
    # Always written, for nobody too: an unknown account must not be known by its quicker answer.
    connection.execute(
        update(User)
        .where(User.id == (user.id if user is not None and is_open else 0))
        .values(failed_count=0 if lock else failures, locked_until=lock)
    )
    return is_open, attempt


def settle(connection: Connection, user_id: int, *, attempt: int, halfway: bool = False) -> None:
    """Forget the failures of an account whose password was right.

    halfway: the code of the second factor is still to come, and only this attempt is taken back: who knows a password must
    not get five new codes to guess each time it is typed.
    """
    connection.execute(delete(LoginFailure).where(LoginFailure.id == attempt))
    failures: object = 0
    if halfway:
        left = case((User.failed_count > 0, User.failed_count - 1), else_=0)
        failures = case((User.locked_until.is_not(None), FAILURES_ALLOWED - 1), else_=left)
    connection.execute(update(User).where(User.id == user_id).values(failed_count=failures, locked_until=None))
