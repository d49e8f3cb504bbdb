"""The roles of accounts: who holds which, on which days, with which scope, and for whom; given and revoked, never changed."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import (  # fmt: skip
    BindParameter,
    ColumnElement,
    Connection,
    Date,
    Executable,
    and_,
    bindparam,
    delete,
    exists,
    func,
    insert,
    or_,
    select,
    update,
)
from sqlalchemy.orm import aliased

from dashboard.access.roles import PERMISSIONS, ROLES, Permission, Role
from dashboard.services.store import Store
from data.audit import append
from data.db import reading, writing
from data.instants import TAIPEI
from data.models import Grant, GrantClass, SchoolClass, User, UserSession

LONGEST_REASON = 200
_LOOKING = frozenset(each for each in Permission if each.startswith("view_")) | {Permission.EXPORT}


class AccountError(ValueError):
    """Something about an account that cannot be, said to the person."""


@dataclass(frozen=True, slots=True)
class Held:
    """A role that an account holds. on_behalf_of: the account of the person who is away, else "". ends_on: the last whole day.

    from_grant_id: the role of the person who is away.
    """

    id: int
    username: str
    role: Role
    unit: str
    classes: frozenset[tuple[int, str]]
    starts_on: date
    ends_on: date | None
    on_behalf_of: str
    from_grant_id: int | None
    reason: str
    granted_by: str
    revoked_at: datetime | None
    is_in_force: bool


def in_force(on: date | BindParameter[date]) -> ColumnElement[bool]:
    """Return the condition that a grant holds on a day; a deputy's holds only while that of the person who is away does.

    Nor does it while that person's account is disabled: whoever may not come in has nothing to be stood in for. It holds again
    when the account is enabled; who really takes over is given the role.
    """
    is_enabled = exists().where(_OWNER.id == _SOURCE.user_id, _OWNER.disabled_at.is_(None))
    is_source_held = exists().where(_SOURCE.id == Grant.delegated_from_id, is_enabled, *_holds(_SOURCE, on))
    return and_(*_holds(Grant, on), or_(Grant.delegated_from_id.is_(None), is_source_held))


def _holds(grant: type[Grant], on: date | BindParameter[date]) -> tuple[ColumnElement[bool], ...]:
    return (
        grant.revoked_at.is_(None), grant.starts_on <= on, or_(grant.ends_on.is_(None), grant.ends_on >= on)
    )  # fmt: skip


# Written once: every request asks, and writing a statement takes longer than its answer.
_SOURCE, _OWNER, _AWAY_GRANT, _AWAY = aliased(Grant), aliased(User), aliased(Grant), aliased(User)
_ON: BindParameter[date] = bindparam("on", type_=Date())
_GRANTS = (
    select(
        Grant, User.username, func.coalesce(_AWAY.username, "").label("on_behalf_of"), in_force(_ON).label("is_in_force"),
        GrantClass.school_year, GrantClass.class_name,
    )
    .join(User, User.id == Grant.user_id)
    .outerjoin(_AWAY_GRANT, _AWAY_GRANT.id == Grant.delegated_from_id)
    .outerjoin(_AWAY, _AWAY.id == _AWAY_GRANT.user_id)
    .outerjoin(GrantClass, GrantClass.grant_id == Grant.id)
    .order_by(Grant.id)
)  # fmt: skip
_OF_ACCOUNT = _GRANTS.where(Grant.user_id == bindparam("user_id"))
_HELD = _OF_ACCOUNT.where(in_force(_ON))


def held_by(connection: Connection, user_id: int, *, on: date) -> tuple[Held, ...]:
    """Return the roles that an account holds on a day: its own before those for others, the oldest first."""
    held = _read(connection, _HELD, on=on, user_id=user_id)
    return tuple(sorted(held, key=lambda each: (each.on_behalf_of != "", each.id)))


def list_grants(store: Store, username: str = "", *, on: date | None = None) -> list[Held]:
    """Return every grant there is or was, of one account or of all, the oldest first. Raises AccountError."""
    with reading(store.engine) as connection:
        if username:
            return _read(connection, _OF_ACCOUNT, on=on or today(), user_id=user_id_of(connection, username))
        return _read(connection, _GRANTS, on=on or today())


def list_standing(store: Store) -> list[Held]:
    """Return the grants that are neither over nor revoked, the oldest first: in force, to come, or waiting for a disabled account."""
    day = today()
    known = {held.id: held for held in list_grants(store, on=day)}

    def is_left(held: Held) -> bool:
        return held.revoked_at is None and (held.ends_on is None or held.ends_on >= day)

    return [
        held for held in known.values()
        if is_left(held) and (held.from_grant_id is None or is_left(known[held.from_grant_id]))
    ]  # fmt: skip


def _read(connection: Connection, wanted: Executable, **asked: object) -> list[Held]:
    rows = connection.execute(wanted, asked).all()
    classes: dict[int, set[tuple[int, str]]] = {row.id: set() for row in rows}
    newest: int | None = None
    for row in rows:
        if row.class_name is not None and row.school_year is None and newest is None:  # given before there was a roster
            newest = _newest_year(connection) or 0
        if row.class_name is not None:
            classes[row.id].add((newest or 0 if row.school_year is None else row.school_year, row.class_name))
    return [
        Held(
            row.id, row.username, Role(row.role), row.unit, frozenset(classes[row.id]), row.starts_on, row.ends_on,
            row.on_behalf_of, row.delegated_from_id, row.reason, row.granted_by, row.revoked_at, bool(row.is_in_force),
        )
        for row in {row.id: row for row in rows}.values()
    ]  # fmt: skip


def give(
    store: Store,
    username: str,
    *,
    role: str,
    classes: Iterable[str] = (),
    unit: str = "",
    starts_on: date | None = None,
    ends_on: date | None = None,
    by: str,
) -> int:
    """Give an account one more role, from a day on (today) to the end of another (open); return the grant's number. Raises AccountError."""
    with writing(store.engine) as connection:
        user_id = user_id_of(connection, username)
        grant_id = add_grant(
            connection, user_id, role=role, classes=classes, unit=unit, starts_on=starts_on, ends_on=ends_on, by=by
        )
        _note(connection, by, "role_granted", username, detail_of(connection, grant_id))
    return grant_id


def delegate(
    store: Store,
    username: str,
    *,
    from_grant_id: int,
    starts_on: date | None = None,
    ends_on: date | None,
    reason: str,
    by: str,
) -> int:
    """Let an account hold another's role while that person is away, with the same scope; return the new grant's number.

    It begins within a year and lasts at most one: whoever is away for longer has a successor. Raises AccountError: the role
    cannot be delegated, is itself held for another, is not held on all of the days, or its holder's account is disabled.
    """
    reason = _line(reason)
    with writing(store.engine) as connection:
        user_id = user_id_of(connection, username)
        source = connection.execute(select(Grant).where(Grant.id == from_grant_id, Grant.revoked_at.is_(None))).first()
        if source is None:
            raise AccountError("找不到要代理的職務，或已經收回")
        if source.delegated_from_id is not None:
            raise AccountError("代理來的職務不能再請別人代理")
        if source.user_id == user_id:
            raise AccountError("不能代理自己")
        if connection.execute(select(User.disabled_at).where(User.id == user_id)).scalar_one() is not None:
            raise AccountError(f"代理人的帳號「{username}」已停用，請先啟用或請別人代理")
        if not ROLES[Role(source.role)].can_be_delegated:
            raise AccountError(f"「{ROLES[Role(source.role)].title}」不能代理")
        if ends_on is None or not reason:
            raise AccountError("代理要有迄日與原因")
        first = starts_on or today()
        if first > _a_year_after(today()):
            raise AccountError("代理的起日要在一年以內")
        if ends_on > _a_year_after(max(first, today())):
            raise AccountError("代理最長一年；更久請直接授予職務")
        if source.ends_on is not None and ends_on > source.ends_on:
            raise AccountError(f"被代理的職務只到 {source.ends_on:%Y/%m/%d}")
        if first < source.starts_on:
            raise AccountError(f"被代理的職務從 {source.starts_on:%Y/%m/%d} 才開始")
        if connection.execute(select(User.disabled_at).where(User.id == source.user_id)).scalar_one() is not None:
            raise AccountError("被代理的帳號已停用；請直接授予職務")
        grant_id = add_grant(
            connection, user_id, role=source.role, classes=_classes_of(connection, source.id), unit=source.unit,
            starts_on=starts_on, ends_on=ends_on, from_grant_id=source.id, reason=reason, by=by,
        )  # fmt: skip
        _note(connection, by, "role_delegated", username, detail_of(connection, grant_id) | {"reason": reason})
    return grant_id


def add_grant(
    connection: Connection,
    user_id: int,
    *,
    role: str,
    classes: Iterable[str],
    unit: str,
    starts_on: date | None = None,
    ends_on: date | None = None,
    from_grant_id: int | None = None,
    reason: str = "",
    by: str,
) -> int:
    """Write a grant after looking at it. Class names mean the newest school year on the roster, or the year before a colon: 113:101."""
    if role not in set(Role):
        raise AccountError(f"沒有「{role}」這個角色；可用：{'、'.join(Role)}")
    needs, newest, first = ROLES[Role(role)].needs, _newest_year(connection), starts_on or today()
    # What a role's scope does not ask for would only look like a limit.
    named = {_class(each, newest) for each in classes} if needs == "classes" else set()
    unit = _line(unit) if needs == "unit" else ""
    if needs == "classes" and not named:
        raise AccountError("導師要指定班級")
    if needs == "staff_code" and not connection.execute(select(User.staff_code).where(User.id == user_id)).scalar():
        raise AccountError("任課教師的帳號要有教師代碼")
    if needs == "unit" and not unit:
        raise AccountError("組長要指定處室組別")
    if first < today():
        raise AccountError("起日不能早於今天")
    if ends_on is not None and ends_on < first:
        raise AccountError("迄日不能早於起日")
    if len(reason) > LONGEST_REASON or len(unit) > LONGEST_REASON:
        raise AccountError(f"文字不能超過 {LONGEST_REASON} 個字")
    scope = (unit, frozenset((newest or 0 if year is None else year, name) for year, name in named))
    at_once = [
        held for held in _read(connection, _OF_ACCOUNT, on=first, user_id=user_id)
        if held.revoked_at is None and (held.ends_on is None or held.ends_on >= first) and (ends_on is None or held.starts_on <= ends_on)
    ]  # fmt: skip
    for held in at_once:
        if held.role == role and (held.unit, held.classes) == scope:
            raise AccountError(f"這段時間已經有同樣的職務（編號 {held.id}）")
        if are_in_conflict(Role(role), held.role):
            other = held.role if role == Role.AUDITOR else Role(role)
            raise AccountError(
                f"稽核不能同時擔任{ROLES[other].title}：自己做的事要由別人稽核（這段時間已經有編號 {held.id} 的職務）"
            )
    made = connection.execute(
        insert(Grant).values(
            user_id=user_id, role=role, unit=unit, starts_on=first, ends_on=ends_on, delegated_from_id=from_grant_id, reason=reason,
            granted_by=by, granted_at=datetime.now(TAIPEI), revoked_by="",
        )
    )  # fmt: skip
    grant_id = int(made.inserted_primary_key[0]) if made.inserted_primary_key else 0
    for year, name in sorted(named, key=str):
        connection.execute(insert(GrantClass).values(grant_id=grant_id, school_year=year, class_name=name))
    return grant_id


def are_in_conflict(one: Role, other: Role) -> bool:
    """Tell whether nobody may hold two roles on the same day, as one checks what the other does.

    The auditor reads the log of who imported, corrected, decided and changed accounts; so it is no role for whoever does that:
    administrator, convener, executive secretary and section chief. Homeroom teachers, teachers and members only look and take
    away what they may see, and nothing that an auditor has to judge rests on them.
    """
    return Role.AUDITOR in (one, other) and any(PERMISSIONS[role] - _LOOKING for role in (one, other))


def revoke(store: Store, username: str, grant_id: int, *, by: str) -> None:
    """End a role of an account, and what deputies hold of it, from the next request on; what it was stays on record. Raises AccountError."""
    with writing(store.engine) as connection:
        user_id, now = user_id_of(connection, username), datetime.now(TAIPEI)
        still = (Grant.id == grant_id, Grant.user_id == user_id, Grant.revoked_at.is_(None))
        role = connection.execute(select(Grant.role).where(*still)).scalar()
        if role is None:
            raise AccountError(f"帳號「{username}」沒有編號 {grant_id} 的職務，或已經收回")
        if role == Role.ADMIN and not is_administered(connection, without_grant_id=grant_id):
            raise AccountError("這是最後一個系統管理者的職務，不能收回")
        detail = detail_of(connection, grant_id) | {"deputies": end_deputies(connection, [grant_id])}
        connection.execute(update(Grant).where(*still).values(revoked_at=now, revoked_by=by))
        connection.execute(delete(UserSession).where(UserSession.grant_id == grant_id))
        _note(connection, by, "role_revoked", username, detail)


def end_deputies(connection: Connection, grant_ids: Sequence[int]) -> int:
    """End the logins of who stands in for these roles, for good; return how many deputies' roles there were that had not ended."""
    deputies = select(Grant.id).where(Grant.delegated_from_id.in_(grant_ids))
    lasting = deputies.where(Grant.revoked_at.is_(None), Grant.ends_on >= today())
    count = len(connection.execute(lasting).all())
    connection.execute(delete(UserSession).where(UserSession.grant_id.in_(deputies)))
    return count


def is_administered(connection: Connection, *, without_user_id: int = 0, without_grant_id: int = 0) -> bool:
    """Tell whether an enabled account is an administrator without an end, other than one: else nobody could enable anybody again."""
    lasting = (Grant.role == Role.ADMIN, Grant.ends_on.is_(None), in_force(today()), User.disabled_at.is_(None))
    others = (User.id != without_user_id, Grant.id != without_grant_id)
    return connection.execute(select(Grant.id).join(User, User.id == Grant.user_id).where(*lasting, *others)).first() is not None  # fmt: skip


def user_id_of(connection: Connection, username: str) -> int:
    """Return the id of an account. Raises AccountError."""
    user_id = connection.execute(select(User.id).where(User.username == username)).scalar()
    if user_id is None:
        raise AccountError(f"沒有「{username}」這個帳號")
    return int(user_id)


def _class(said: str, newest: int | None) -> tuple[int | None, str]:
    year, colon, name = _line(said).rpartition(":")
    if colon and not (year.isdecimal() and year.isascii() and len(year) == 3):
        raise AccountError(f"「{said}」的學年看不懂，請寫成 113:101")
    return (int(year) if colon else newest, name)


def _line(said: str) -> str:
    """Return what was typed as one line, for the log and both databases."""
    return " ".join("".join(each if each.isprintable() else " " for each in said).split())


def _a_year_after(day: date) -> date:
    return day.replace(year=day.year + 1, day=28 if (day.month, day.day) == (2, 29) else day.day)


def _newest_year(connection: Connection) -> int | None:
    return connection.execute(select(func.max(SchoolClass.school_year))).scalar()


def _classes_of(connection: Connection, grant_id: int) -> list[str]:
    asked = select(GrantClass.school_year, GrantClass.class_name).where(GrantClass.grant_id == grant_id)
    return sorted(name if year is None else f"{year}:{name}" for year, name in connection.execute(asked))


def detail_of(connection: Connection, grant_id: int) -> dict[str, object]:
    """Say what the log keeps of a grant: whoever checks it years later finds the rosters changed."""
    grant = connection.execute(select(Grant).where(Grant.id == grant_id)).one()
    detail: dict[str, object] = {"role": grant.role, "grant": grant_id}
    if grant.unit:
        detail |= {"unit": grant.unit}
    if classes := _classes_of(connection, grant_id):
        detail |= {"classes": classes}
    detail |= {"from": grant.starts_on.isoformat(), "to": grant.ends_on.isoformat() if grant.ends_on else ""}
    if grant.delegated_from_id is not None:
        away = select(User.username).join(Grant, Grant.user_id == User.id).where(Grant.id == grant.delegated_from_id)
        detail |= {"for": connection.execute(away).scalar_one(), "from_grant": grant.delegated_from_id}
    return detail


def today() -> date:
    """Return the day at the school, by which roles begin and end."""
    return datetime.now(TAIPEI).date()


def _note(connection: Connection, by: str, action: str, username: str, detail: dict[str, object]) -> None:
    append(connection, at=datetime.now(TAIPEI), actor=by, action=action, about=f"account:{username}", detail=detail)
