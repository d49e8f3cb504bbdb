"""Looking after the system: the school's settings, the database's structure, backups, what is wrong."""

from __future__ import annotations

import getpass
import logging
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from dashboard.cli.database import Db, open_store, require_file, settings_of
from dashboard.cli.terminal import err, fail, say
from dashboard.services import accounts, backups, imports, school_settings


def setting(
    key: Annotated[
        str, typer.Argument(help="school_code、school_name、minimum_response_days、upload_outcome_cap…；不寫就列出全部")
    ] = "",
    value: Annotated[str | None, typer.Argument(help='值；上限留空（""）表示不設；不寫就列出現在的值')] = None,
    db: Db = "",
) -> None:
    """設定學校自己的參數：校名、代碼、件數上限、最短認證日數；不寫值就列出現在的值與預設。"""
    store = open_store(db)
    try:
        before = {each.key: each for each in school_settings.list_settings(store)}
        if value is not None:
            imports.change_setting(store, key, value, by=getpass.getuser())
    except ValueError as error:
        raise fail(str(error)) from None
    if value is None:
        if key and key not in before:
            raise fail(f"沒有「{key}」這項設定；licheng setting 列出全部")
        for each in before.values():
            if key in ("", each.key):
                say(f"{each.key}：{each.value or '—'}（預設 {each.default or '—'}）")
        return
    old = before[key].value
    say(f"{key}：{old or '—'} → {value or '—'}" if value != old else f"{key}：{old or '—'}，沒有變更")


def migrate(db: Db = "") -> None:
    """把資料庫升級到最新結構。"""
    open_store(db)
    Console().print("資料庫已是最新結構。")


def backup(
    file: Annotated[Path | None, typer.Argument(help="備份檔；不寫時放在 instance/backups/")] = None,
    with_keys: Annotated[bool, typer.Option("--with-keys", help="把金鑰寫到另一個檔案（.keys），要和備份分開保管")] = False,
    db: Db = "",
) -> None:  # fmt: skip
    """備份整個資料庫成一個檔案，不必停機；寫完會讀回來核對。"""
    require_file(db)
    store = open_store(db, migrate=False)
    try:
        made = backups.take_backup(store, file, by=getpass.getuser(), with_keys=with_keys)
    except backups.BackupError as error:
        raise fail(str(error)) from None
    rows, tables = made.manifest.row_count, len(made.manifest.tables)
    say(
        f"已備份 {store.engine.url.render_as_string(hide_password=True)} 到 {made.path}（{tables} 個資料表、{rows:,} 列、{made.size_bytes / 1e6:.1f} MB），讀回核對無誤。"
    )
    if made.keys_path is not None:
        say(f"金鑰在 {made.keys_path}，請移到別的地方保管，不要和備份放在一起。")


def restore(
    file: Annotated[Path, typer.Argument(help="licheng backup 做的備份檔")],
    replace: Annotated[bool, typer.Option("--replace", help="資料庫裡有資料時換掉它；原來的會留存")] = False,
    keys: Annotated[Path | None, typer.Option(help="一起備份的金鑰檔（.keys）")] = None,
    db: Db = "",
) -> None:
    """由備份還原：先核對備份，全部還原或完全不動；之後所有人要重新登入。"""
    settings = settings_of(db)
    logging.getLogger("alembic").setLevel(logging.WARNING)
    try:
        done = backups.put_back(
            settings.url,
            file,
            instance_dir=settings.instance_dir,
            by=getpass.getuser(),
            replace=replace,
            keys_path=keys,
        )
    except backups.BackupError as error:
        raise fail(str(error)) from None
    made_at, rows = done.manifest.made_at, done.manifest.row_count
    say(f"已還原 {made_at:%Y/%m/%d %H:%M} 的備份（{rows:,} 列），所有人要重新登入。")
    if done.kept:
        say(f"原來的資料庫留在 {done.kept}，確認無誤後請刪除。")
    for note in done.notes:
        err.print(f"注意：{note}", markup=False)


def doctor(db: Db = "") -> None:
    """檢查設定、資料庫與資料，說明下一步該做什麼；什麼都不建立、不改變。"""
    settings = settings_of(db)
    require_file(db)
    store = open_store(db, migrate=False)
    console = Console(soft_wrap=True)
    console.print(f"資料庫：{store.engine.url.render_as_string(hide_password=True)}", markup=False)
    console.print(f"執行資料夾：{settings.instance_dir}", markup=False)
    if not store.is_current():
        raise fail("結構：需要升級，請執行 licheng migrate")
    console.print("結構：最新")
    backed_up_at = backups.last_backup_at(store)
    console.print(
        f"備份：{f'上一次 {backed_up_at:%Y/%m/%d %H:%M}' if backed_up_at else '還沒有做過，請執行 licheng backup'}"
    )
    users = accounts.list_users(store)
    console.print(f"帳號：{len(users)} 個" + ("" if users else "；請用 licheng user add 新增"))
    if not imports.has_data(store):
        console.print("資料：還沒有匯入。請執行 licheng import 資料夾，或 licheng demo 建立示範學校。")
        return
    _, ledger = store.ledger()
    console.print(
        f"資料：{len(ledger.enrolments):,} 筆學籍、{len(ledger.duties):,} 筆認證責任，學期 {'、'.join(map(str, ledger.terms()))}"
    )
