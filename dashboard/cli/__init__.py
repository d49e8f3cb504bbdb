"""The command line: every command by its name; names and columns are a contract (README)."""

from __future__ import annotations

import sys

import typer
from sqlalchemy.exc import ArgumentError, DatabaseError, OperationalError

from dashboard.cli import accounts, audit, demo, importing, reporting, roles, running, upkeep
from dashboard.cli.terminal import fail
from data.audit import NoKeyError

app = typer.Typer(
    no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False, help="學生學習歷程檔案監測"
)
app.command("demo")(demo.demo)
app.command("serve")(running.serve)
app.command("import")(importing.import_)
app.command("imports")(importing.list_imports)
app.command("undo")(importing.undo)
app.command("worker")(running.worker)
app.command("remind")(running.remind)
app.command("report")(reporting.report)
app.command("setting")(upkeep.setting)
app.command("migrate")(upkeep.migrate)
app.command("backup")(upkeep.backup)
app.command("restore")(upkeep.restore)
app.command("doctor")(upkeep.doctor)

user = typer.Typer(no_args_is_help=True, help="帳號")
user.command("add")(accounts.user_add)
user.command("passwd")(accounts.user_passwd)
user.command("invite")(accounts.user_invite)
user.command("reset")(accounts.user_reset)
user.command("second-factor-reset")(accounts.user_second_factor_reset)
user.command("link")(accounts.user_link)
user.command("unlink")(accounts.user_unlink)
user.command("staff")(accounts.user_staff)
user.command("enable")(accounts.user_enable)
user.command("disable")(accounts.user_disable)
user.command("list")(roles.user_list)
user.command("roles")(roles.user_roles)
user.command("grant")(roles.user_grant)
user.command("delegate")(roles.user_delegate)
user.command("revoke")(roles.user_revoke)
app.add_typer(user, name="user")

log = typer.Typer(no_args_is_help=True, help="稽核紀錄：查驗與記下鏈首")
log.command("verify")(audit.audit_verify)
log.command("head")(audit.audit_head)
log.command("prune")(audit.audit_prune)
app.add_typer(log, name="audit")


def main() -> None:
    """Run the command line; every expected failure is one clear line."""
    try:
        app()  # ends the process with its status
    except NoKeyError as error:
        said = str(error)
    except ArgumentError:
        said = "資料庫網址看不懂；請寫成 sqlite:///檔案 或 postgresql://帳號:密碼@主機/資料庫"
    except PermissionError as error:
        said = f"沒有權限讀寫 {error.filename}"
    except DatabaseError as error:
        if type(error) not in (OperationalError, DatabaseError):  # a fault of ours, not of where the database is
            raise
        said = f"資料庫連不上或不能用，請確認 --db 或 LICHENG_DATABASE_URL：{str(error.orig).splitlines()[0]}"
    sys.exit(fail(said).exit_code)
