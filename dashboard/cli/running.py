"""What runs until Ctrl-C or from a timer: the server, the worker, the reminders."""

from __future__ import annotations

import contextlib
from typing import Annotated

import typer
from rich.console import Console

from dashboard.cli.database import Db, open_store, settings_of
from dashboard.cli.terminal import fail
from dashboard.services import mail, notices
from dashboard.services.jobs import run_worker


def serve(
    host: str = "127.0.0.1", port: Annotated[int, typer.Option(min=1, max=65535)] = 8050, workers: Annotated[int, typer.Option(min=1)] = 2, db: Db = ""
) -> None:  # fmt: skip
    """啟動儀表板（正式的 WSGI 伺服器）。"""
    settings = settings_of(db)
    open_store(db)
    Console(soft_wrap=True).print(f"歷程：請用瀏覽器開啟 http://{host}:{port}/ （按 Ctrl+C 結束）")
    from dashboard.serving import run

    run(settings, host=host, port=port, workers=workers)


def worker(db: Db = "") -> None:
    """處理網頁上交來的檔案、寄出提醒（licheng serve 自己也會做；檔案多或用其他伺服器時另開一個）；按 Ctrl+C 結束。"""
    settings, store = settings_of(db), open_store(db)
    console = Console(soft_wrap=True, highlight=False)
    console.print("等候交來的檔案（按 Ctrl+C 結束）")
    from dashboard.serving import start_reminding

    start_reminding(store, settings)
    with contextlib.suppress(KeyboardInterrupt):
        run_worker(store, say=lambda line: console.print(line, markup=False))


def remind(
    dry_run: Annotated[bool, typer.Option("--dry-run", help="只列出會寄給誰，不寄")] = False, db: Db = ""
) -> None:
    """寄出現在該寄的提醒（執行秘書開啟之後、上班日 8 時至 17 時）；--dry-run 只列出會寄給誰。"""
    from dashboard.exports.notices import mail_writer

    settings, store, at = settings_of(db), open_store(db), notices.now()
    console = Console(soft_wrap=True, highlight=False)
    if dry_run:
        for each in notices.due_now(store, at):
            address = "" if each.has_address else "，沒有電子郵件"
            console.print(
                f"{each.person} {each.name}：{each.items:,} 件，其中 {each.overdue:,} 件期限已過{address}", markup=False
            )
        return
    if not notices.is_on(store):
        raise fail("提醒沒有開啟：請執行秘書在「提醒」頁開啟")
    if not mail.is_ready(settings):
        raise fail("還沒有設定郵件伺服器：請設定 LICHENG_SMTP_HOST 與 LICHENG_SMTP_SENDER")
    try:
        done = notices.remind(store, settings, write=mail_writer(), at=at)
    except mail.MailSettingsError as error:
        raise fail(str(error)) from None
    words = {
        "sent": "已寄出",
        "later": "稍後再寄",
        "refused": "地址被拒",
        "unsure": "不確定是否寄達",
        "needless": "已完成不必寄",
        "unaddressed": "沒有電子郵件",
    }
    console.print(
        "、".join(f"{words[state]} {n:,} 封" for state, n in sorted(done.items()))
        or "現在沒有要寄的（或不是上班日 8 時至 17 時）"
    )
