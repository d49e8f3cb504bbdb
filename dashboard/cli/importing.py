"""Files in and out again: `licheng import`, `imports`, `undo`."""

from __future__ import annotations

import contextlib
import getpass
import json
import math
import sys
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any
from zoneinfo import ZoneInfo

import typer
from rich.console import Console
from rich.table import Table

from dashboard.cli.database import Db, open_store
from dashboard.cli.terminal import Bar, err, fail
from dashboard.services import imports
from dashboard.services.watch import watch


def import_(
    paths: Annotated[list[Path], typer.Argument(help="檔案或資料夾")],
    dry_run: Annotated[bool, typer.Option("--dry-run", help="只檢查，不寫入")] = False,
    take_good_rows: Annotated[bool, typer.Option("--take-good-rows", help="略過有問題的列，其餘照收")] = False,
    acknowledge: Annotated[bool, typer.Option("--acknowledge", help="要先確認的事項都看過了，照樣匯入")] = False,
    year: Annotated[int | None, typer.Option(min=90, max=200, help="名冊沒有學年欄時的學年度")] = None,
    rename: Annotated[list[str] | None, typer.Option("--rename", help="新欄名=舊欄名；可以重複")] = None,
    password_stdin: Annotated[bool, typer.Option("--password-stdin", help="從標準輸入讀收訖明細壓縮檔的密碼")] = False,
    watch_folder: Annotated[bool, typer.Option("--watch", help="一直看著這個資料夾，有新檔案就匯入；按 Ctrl+C 結束")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="以 JSON 輸出")] = False,
    db: Db = "",
) -> None:  # fmt: skip
    """匯入平臺匯出的檔案：全部收下，或全部不收並說明原因。"""
    if watch_folder:
        if dry_run or take_good_rows or acknowledge or rename or password_stdin or as_json:
            raise fail("--watch 只收沒有問題的檔案，不能和 --year、--db 以外的選項一起用", 2)
        _watch(paths, year, db)
        return
    passwords = (sys.stdin.readline().rstrip("\r\n"),) if password_stdin else ()
    options: dict[str, Any] = {
        "by": getpass.getuser(), "school_year": year, "dry_run": dry_run, "take_good_rows": take_good_rows,
        "acknowledged": None if acknowledge else (), "renames": _renames(rename or []), "with_effects": dry_run or not as_json,
    }  # fmt: skip
    store = open_store(db)
    with Bar() as on_progress:
        plan = imports.import_paths(store, paths, passwords=passwords, on_progress=on_progress, **options)
    if not passwords and sys.stdin.isatty() and any(imports.needs_password(p.message) for p in plan.problems):
        passwords = (str(typer.prompt("壓縮檔的密碼", hide_input=True, err=True)),)
        with Bar() as on_progress:
            plan = imports.import_paths(store, paths, passwords=passwords, on_progress=on_progress, **options)
    if as_json:
        sys.stdout.write(json.dumps([report.as_dict() for report in plan.reports], ensure_ascii=False, indent=1) + "\n")
    else:
        _print_plan(plan, dry_run=dry_run)
    for problem in plan.problems:
        err.print(str(problem), markup=False)
    if any("請指定學年度" in problem.message for problem in plan.problems):
        err.print("學年度用 --year 指定，例：--year 113")
    for alarm in plan.stopped_by:
        err.print(f"要先確認：{alarm}", markup=False)
    if plan.problems and not plan.committed:
        raise fail("沒有寫入任何資料。請照上面的說明修正後再匯入。")
    if plan.stopped_by:
        raise fail("沒有寫入任何資料。看過上面要確認的事項後，加上 --acknowledge 再匯入。")


def _renames(said: list[str]) -> dict[str, str]:
    pairs = [each.split("=") for each in said]
    if any(len(pair) != 2 or not all(part.strip() for part in pair) for pair in pairs):
        raise fail("--rename 請寫成 新欄名=舊欄名，例：--rename 送件時間=送出認證時間", 2)
    return {new.strip(): old.strip() for new, old in pairs}


def _watch(paths: list[Path], year: int | None, db: str) -> None:
    if len(paths) != 1 or not paths[0].is_dir():
        raise fail("--watch 要指定一個資料夾", 2)
    console = Console(soft_wrap=True, highlight=False)
    console.print(f"看著 {paths[0]}（按 Ctrl+C 結束）", markup=False)

    def say(line: str) -> None:
        console.print(f"{datetime.now(ZoneInfo('Asia/Taipei')):%Y/%m/%d %H:%M} {line}", markup=False)
        sys.stdout.flush()

    with contextlib.suppress(KeyboardInterrupt):
        watch(open_store(db), paths[0], say=say, year=year)


def _print_plan(plan: imports.Plan, *, dry_run: bool) -> None:
    table = Table("檔案", "名冊", "學期", "列", "新增", "變更", "不變", "退回")
    for report in plan.reports:
        counts = (report.rows, report.new, report.changed, report.unchanged, report.rejected)
        table.add_row(report.file, report.title or "無法辨識", report.term, *(f"{count:,}" for count in counts))
    console = Console(width=None if sys.stdout.isatty() else 120, highlight=False)
    console.print(table)

    def say(line: str) -> None:
        console.print(line, markup=False, soft_wrap=True)

    for report in plan.reports:
        for change in report.changes:
            example = (
                f"，例：{change.old or '（空白）'} → {change.new or '（空白）'}" if change.old or change.new else ""
            )
            say(f"變更 {report.file}：{change.title} {change.count:,} 格，{change.meaning}{example}")
        for rename in report.renames:
            say(
                f"改名？ {report.file}：如果「{rename.heading}」就是「{rename.title}」，請加 --rename {rename.heading}={rename.title}"
            )
        for alarm in report.alarms:
            say(f"要先確認 {report.file}：{alarm}")
        for warning in report.warnings:
            say(f"注意 {report.file}：{warning}")
    for effect in plan.effects:
        say(f"影響 {effect.title}：{_share(effect.before)} → {_share(effect.after)}")
    if dry_run:
        console.print("只是檢查，沒有寫入。")
    elif plan.committed:
        console.print(f"已匯入。要收回：licheng undo {plan.batch_id}")


def _share(counts: tuple[int, int]) -> str:
    """Say a part of a whole; the percentage floored, so that 358 of 359 is not 100 %."""
    part, whole = counts
    return f"{part:,}/{whole:,}（{math.floor(1000 * part / whole) / 10:.1f} %）" if whole else "—"


def list_imports(
    limit: Annotated[int, typer.Option(min=1, max=1000, help="最近幾次")] = 20,
    db: Db = "",
) -> None:
    """列出每一次匯入與人工登錄：編號、時間、誰、檔案、筆數、狀態。"""
    states = {"kept": "", "undone": "已復原", "refused": "退回，沒有寫入"}
    table = Table("編號", "時間", "誰", "檔案", "新增", "變更", "不變", "退回", "狀態")
    for batch in imports.list_batches(open_store(db), limit=limit, with_reasons=True):
        names = list(dict.fromkeys(file.file for file in batch.files))
        shown = "、".join(names[:3]) + (f"等 {len(names)} 個" if len(names) > 3 else "")
        counts = [
            sum(getattr(file, key) for file in batch.files) for key in ("new", "changed", "unchanged", "rejected")
        ]
        when = f"{batch.at:%Y/%m/%d %H:%M}"
        table.add_row(batch.batch_id, when, batch.by, shown, *(f"{n:,}" for n in counts), states[batch.state])
    Console(width=None if sys.stdout.isatty() else 200).print(table)


def undo(
    batch: Annotated[str, typer.Argument(help="licheng imports 列出的編號")],
    db: Db = "",
) -> None:
    """復原一次匯入或人工登錄；後來的匯入還用到它時不復原，並說明原因。"""
    try:
        count = imports.undo(open_store(db), batch, by=getpass.getuser())
    except imports.ServiceError as error:
        raise fail(str(error)) from None
    Console(soft_wrap=True).print(f"已復原，收回或改回 {count:,} 筆。")
