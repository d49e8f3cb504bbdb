"""The database that a command works on: as --db or the environment says, at the newest structure."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Annotated

import typer
from pydantic import ValidationError
from sqlalchemy.engine import make_url

from dashboard.cli.terminal import fail
from dashboard.services.store import Store
from dashboard.settings import Settings

Db = Annotated[str, typer.Option("--db", help="資料庫網址；預設為 LICHENG_DATABASE_URL 或 instance/ 裡的 SQLite")]


def settings_of(db: str) -> Settings:
    """Return what the environment says, with the database of --db where one is given."""
    try:
        return Settings(database_url=db) if db else Settings()
    except ValidationError as error:
        names = "、".join(f"LICHENG_{str(each['loc'][0]).upper()}" for each in error.errors())
        raise fail(f"環境變數的值不能用：{names}") from None


def require_file(db: str) -> None:
    """End the command where the SQLite file is not there: what checks or saves a database must not make one and call it whole."""
    address = make_url(settings_of(db).url)
    if address.get_backend_name() == "sqlite" and address.database and not Path(address.database).exists():
        path = Path(address.database).resolve()
        raise fail(f"資料庫檔案還沒有建立：{path}；請確認 LICHENG_DATABASE_URL 或 --db，或先匯入")


def open_store(db: str, *, migrate: bool = True) -> Store:
    """Open the database, brought to the newest structure unless it is to be left as it is, when nothing is written by 身分證號."""
    settings = settings_of(db)
    store = Store(settings.url, id_key=b"", instance_dir=settings.instance_dir)
    logging.getLogger("alembic").setLevel(logging.WARNING)
    if migrate:
        store.migrate()
        store.id_key = settings.secret("id-number")  # once the database has answered: a wrong address leaves no secret
    return store
