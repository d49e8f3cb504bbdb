"""`licheng user`: accounts, how they log in and whose they are; their roles are roles.py's."""

from __future__ import annotations

import contextlib
import getpass
import sys
from collections.abc import Iterator, Sequence
from typing import Annotated

import typer

from dashboard.access.roles import ROLES, Role
from dashboard.cli.database import Db, open_store
from dashboard.cli.terminal import err, fail, say
from dashboard.services import accounts, second_factor, single_sign_on
from dashboard.services.passwords import random_password
from dashboard.services.store import Store
from dashboard.services.typed import names
from dashboard.settings import Settings

Keep = Annotated[bool, typer.Option("--keep", help="第一次登入時不必更改這個密碼")]
Site = Annotated[str, typer.Option(help="網站的網址，印在連結前面；預設是 LICHENG_SITE_URL")]
_THIS_MACHINE = "http://127.0.0.1:8050"


def user_add(
    name: str,
    role: Annotated[
        str,
        typer.Option(help="admin、convener、executive_secretary、section_chief、homeroom、teacher、member、auditor"),
    ],
    classes: Annotated[str, typer.Option(help="班級，以逗號分開；其他學年寫 113:101")] = "",
    staff: Annotated[str, typer.Option(help="教師代碼")] = "",
    unit: Annotated[str, typer.Option(help="處室組別，例：教務處註冊組")] = "",
    password_stdin: Annotated[bool, typer.Option("--password-stdin", help="從標準輸入讀密碼")] = False,
    keep: Keep = False,
    db: Db = "",
) -> None:
    """新增帳號。"""
    store = open_store(db)
    require_scope(role, classes=classes, staff=staff, unit=unit)
    with refusing():
        accounts.add_user(
            store, name, _password(from_stdin=password_stdin), role=role, classes=names(classes), staff_code=staff, unit=unit,
            must_change=not keep, by=getpass.getuser(),
        )  # fmt: skip
    warn(store, name, classes=names(classes), staff_code=staff, unit=unit)
    say(f"已新增帳號 {name}（{role}）。")


def user_passwd(
    name: str, password_stdin: Annotated[bool, typer.Option("--password-stdin")] = False, keep: Keep = False, db: Db = ""
) -> None:  # fmt: skip
    """更改密碼，並登出該帳號的所有連線；本人下次登入時要改成自己的密碼。"""
    with refusing():
        accounts.change_password(open_store(db), name, _password(from_stdin=password_stdin), must_change=not keep, by=getpass.getuser())  # fmt: skip
    say(f"已更改帳號 {name} 的密碼，所有連線已登出" + ("。" if keep else "；本人下次登入時要改成自己的密碼。"))


def _print_link(site: str, token: str, hours: int) -> None:
    site = site or Settings().site_url
    say(f"{(site or _THIS_MACHINE).rstrip('/')}/invite/{token}")
    if not site:
        err.print(
            "注意：連結裡是這臺電腦的網址；學校的網址請用 --site 或環境變數 LICHENG_SITE_URL 指定。", markup=False
        )
    say(f"請把連結交給本人；只能用一次，{hours} 小時內有效。")


def user_invite(
    name: str,
    role: Annotated[str, typer.Option(help="同 user add")],
    classes: Annotated[str, typer.Option(help="班級，以逗號分開；其他學年寫 113:101")] = "",
    staff: Annotated[str, typer.Option(help="教師代碼")] = "",
    unit: Annotated[str, typer.Option(help="處室組別，例：教務處註冊組")] = "",
    site: Site = "",
    db: Db = "",
) -> None:
    """新增帳號，印出讓本人自己設定密碼的連結。"""
    store, by = open_store(db), getpass.getuser()
    require_scope(role, classes=classes, staff=staff, unit=unit)
    with refusing():
        accounts.add_user(store, name, random_password(), role=role, classes=names(classes), staff_code=staff, unit=unit, by=by)  # fmt: skip
        token = accounts.give_link(store, name, hours=accounts.INVITE_HOURS, action="user_invited", by=by)
    warn(store, name, classes=names(classes), staff_code=staff, unit=unit)
    _print_link(site, token, accounts.INVITE_HOURS)


def user_reset(name: str, site: Site = "", db: Db = "") -> None:
    """作廢密碼、登出所有連線，印出讓本人重新設定密碼的連結。"""
    with refusing():
        token = accounts.give_link(open_store(db), name, hours=accounts.RESET_HOURS, action="user_reset", by=getpass.getuser())  # fmt: skip
    _print_link(site, token, accounts.RESET_HOURS)


def user_second_factor_reset(name: str, db: Db = "") -> None:
    """取消帳號的第二因素並登出所有連線（手機與備用碼都遺失時）；先確認是本人。"""
    with refusing():
        had_one = second_factor.reset(open_store(db), name, by=getpass.getuser())
    say(
        f"已取消帳號 {name} 的第二因素，所有連線已登出；下次登入只要密碼。"
        if had_one
        else f"帳號 {name} 沒有設定第二因素。"
    )


def user_link(
    name: str,
    subject: Annotated[str, typer.Option(help="登入服務給這個人的代號（sub）")],
    issuer: Annotated[str, typer.Option(help="登入服務的網址；預設是 LICHENG_OIDC_ISSUER")] = "",
    db: Db = "",
) -> None:
    """把帳號連結到學校的單一登入。"""
    with refusing():
        single_sign_on.link(
            open_store(db), name, issuer=issuer or Settings().oidc_issuer, subject=subject, by=getpass.getuser()
        )
    say(f"已把帳號 {name} 連結到單一登入。")


def user_unlink(name: str, db: Db = "") -> None:
    """解除帳號和學校單一登入的連結。"""
    with refusing():
        had_one = single_sign_on.unlink(open_store(db), name, by=getpass.getuser())
    say("連結已解除" if had_one else "這個帳號沒有連結")


def user_staff(
    name: str, code: Annotated[str, typer.Argument(help='教師代碼；寫 "" 表示沒有')], db: Db = ""
) -> None:  # fmt: skip
    """設定帳號是哪一位教職員，並登出該帳號的所有連線；提案、評核、決定敘獎要有教師代碼。"""
    store, code = open_store(db), code.strip()
    with refusing():
        accounts.set_staff_code(store, name, code, by=getpass.getuser())
    done = f"帳號 {name} 的教師代碼已設為 {code}" if code else f"帳號 {name} 已沒有教師代碼"
    say(f"{done}，所有連線已登出。")
    warn(store, name, staff_code=code)


def user_enable(name: str, db: Db = "") -> None:
    """再啟用停用的帳號，並解除鎖定。"""
    store = open_store(db)
    with refusing():
        accounts.enable_user(store, name, by=getpass.getuser())
    say(f"已啟用帳號 {name}，並解除鎖定。")
    warn(store, name, staff_code=accounts.staff_code_of(store, name))


def user_disable(name: str, db: Db = "") -> None:
    """停用帳號。"""
    with refusing():
        deputy_count = accounts.disable_user(open_store(db), name, by=getpass.getuser())
    say(f"已停用帳號 {name}，所有連線已登出" + (f"；代理他的 {deputy_count} 個職務也停止。" if deputy_count else "。"))


def require_scope(role: str, *, classes: str, staff: str, unit: str) -> None:
    """End the command with the option to add where a role needs a scope that was not given."""
    needs = ROLES[Role(role)].needs if role in set(Role) else ""
    missing = {
        "classes": "導師要指定班級：請加 --classes，例：--classes 101",
        "staff_code": "任課教師的帳號要有教師代碼：請加 --staff，例：--staff T001",
        "unit": "組長要指定處室組別：請加 --unit，例：--unit 教務處註冊組",
    }
    if needs and not {"classes": names(classes), "staff_code": staff.strip(), "unit": unit.strip()}[needs]:
        raise fail(missing[needs])


def warn(store: Store, username: str, *, classes: Sequence[str] = (), staff_code: str = "", unit: str = "") -> None:
    """Say what of a scope no roster knows, or what another account has too; the command has done its work."""
    for warning in accounts.scope_warnings(store, username=username, classes=classes, staff_code=staff_code, unit=unit):
        err.print(f"注意：{warning}", markup=False)


@contextlib.contextmanager
def refusing() -> Iterator[None]:
    """End the command with the one line that says what about the account cannot be."""
    try:
        yield
    except accounts.AccountError as error:
        raise fail(str(error)) from None


def _password(*, from_stdin: bool) -> str:
    if from_stdin:
        return sys.stdin.readline().rstrip("\r\n")
    return str(typer.prompt("密碼", hide_input=True, confirmation_prompt=True))
