"""`licheng user`: which roles an account holds, until when and for whom."""

from __future__ import annotations

import getpass
from datetime import date, datetime
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from dashboard.access.roles import ROLES, Role
from dashboard.cli.accounts import refusing, require_scope, warn
from dashboard.cli.database import Db, open_store
from dashboard.cli.terminal import fail, say
from dashboard.services import accounts, grants
from dashboard.services.grants import Held
from dashboard.services.store import Store
from dashboard.services.typed import names

_DAY = "YYYY-MM-DD"
Until = Annotated[str, typer.Option("--until", metavar=_DAY, help="最後一天；不寫就沒有迄日")]
From = Annotated[str, typer.Option("--from", metavar=_DAY, help="第一天；預設是今天")]


def user_list(db: Db = "") -> None:
    """列出帳號與今天的職務。"""
    table = Table("帳號", "角色", "範圍", "狀態")
    for name, held, enabled in accounts.list_users(open_store(db)):
        roles, scopes = ("\n".join(part(each) for each in held) or "—" for part in (_role_words, _scope_words))
        table.add_row(name, roles, scopes, "啟用" if enabled else "停用")
    Console().print(table)


def _role_words(held: Held) -> str:
    return held.role.value + (f"（代理 {held.on_behalf_of}）" if held.on_behalf_of else "")


def _scope_words(held: Held) -> str:
    everything = {
        "": "系統" if held.role == "admin" else "全校",
        "staff_code": "本人",
        "unit": held.unit,
        "classes": "",
    }[ROLES[held.role].needs]
    # Before there is a roster, a class has no year yet.
    return everything or "、".join(f"{year}:{name}" if year else name for year, name in sorted(held.classes))


def user_roles(
    name: Annotated[str, typer.Argument(help="帳號；不寫就列出全部")] = "", db: Db = ""
) -> None:  # fmt: skip
    """列出職務的編號、範圍、起迄與代理誰，收回的也在內。"""
    table = Table("編號", "帳號", "角色", "範圍", "起日", "迄日", "原因", "由誰給", "狀態")
    with refusing():
        for held in grants.list_grants(open_store(db), name):
            days = (f"{held.starts_on}", f"{held.ends_on or '—'}")
            table.add_row(str(held.id), held.username, _role_words(held), _scope_words(held), *days, held.reason or "—", held.granted_by, _state(held))  # fmt: skip
    Console(width=160).print(table)


def _state(held: Held) -> str:
    today = grants.today()
    if held.revoked_at:
        return f"{held.revoked_at:%Y-%m-%d} 收回"
    if held.is_in_force:
        return "使用中"
    if held.starts_on > today:
        return "還沒有開始"
    return "已經結束" if held.ends_on and held.ends_on < today else "本人已停用或收回"


def user_grant(
    name: str,
    role: Annotated[str, typer.Option(help="同 user add")],
    classes: Annotated[str, typer.Option(help="班級，以逗號分開；其他學年寫 113:101")] = "",
    unit: Annotated[str, typer.Option(help="處室組別，例：教務處註冊組")] = "",
    starts_on: From = "",
    ends_on: Until = "",
    db: Db = "",
) -> None:
    """再給帳號一個職務；同一個人可以有好幾個，一次用一個。"""
    first, last, store = _day(starts_on), _day(ends_on), open_store(db)
    with refusing():
        staff_code = accounts.staff_code_of(store, name)
    if role == Role.TEACHER and not staff_code:
        raise fail(f"任課教師的帳號要有教師代碼；請先執行：licheng user staff {name} 教師代碼")
    require_scope(role, classes=classes, staff=staff_code, unit=unit)
    with refusing():
        number = grants.give(store, name, role=role, classes=names(classes), unit=unit, starts_on=first, ends_on=last, by=getpass.getuser())  # fmt: skip
    say(f"已授予帳號 {name} 職務：{_grant_words(store, name, number)}")
    warn(store, name, classes=names(classes), unit=unit)


def user_delegate(
    name: Annotated[str, typer.Argument(help="代理人的帳號")],
    number: Annotated[int, typer.Argument(help="被代理的職務編號，見 user roles")],
    reason: Annotated[str, typer.Option(help="原因，例：公假")],
    ends_on: Annotated[str, typer.Option("--until", metavar=_DAY, help="最後一天")],
    starts_on: From = "",
    db: Db = "",
) -> None:
    """有人不在時，讓另一個帳號代理他的職務到某一天。"""
    first, last, store = _day(starts_on), _day(ends_on), open_store(db)
    with refusing():
        made = grants.delegate(store, name, from_grant_id=number, starts_on=first, ends_on=last, reason=reason, by=getpass.getuser())  # fmt: skip
    say(f"已請帳號 {name} 代理：{_grant_words(store, name, made)}")


def _grant_words(store: Store, name: str, number: int) -> str:
    """Say of a grant just made what it is, as it was written: what was meant may be another scope or day."""
    (held,) = (each for each in grants.list_grants(store, name) if each.id == number)
    days = f"{held.starts_on} 至 {held.ends_on}" if held.ends_on else f"{held.starts_on} 起，沒有迄日"
    return f"{_role_words(held)}，範圍 {_scope_words(held)}，{days}；職務編號 {number}"


def user_revoke(
    name: str, number: Annotated[int, typer.Argument(help="職務編號，見 user roles")], db: Db = ""
) -> None:  # fmt: skip
    """收回職務；正在用它的登入立刻結束，紀錄留著。"""
    with refusing():
        grants.revoke(open_store(db), name, number, by=getpass.getuser())
    say(f"已收回帳號 {name} 編號 {number} 的職務。")


def _day(said: str) -> date | None:
    try:
        return datetime.strptime(said, "%Y-%m-%d").date() if said else None
    except ValueError:
        raise fail(f"「{said}」不是日期，請寫成 2026-11-30", 2) from None
