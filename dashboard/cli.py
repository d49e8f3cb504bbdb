"""The command line: names and columns are a contract (README)."""

from __future__ import annotations

import contextlib
import getpass
import json
import logging
import math
import sys
from collections.abc import Iterator, Sequence
from datetime import date, datetime
from pathlib import Path
from typing import Annotated, Any
from zoneinfo import ZoneInfo

import typer
from pydantic import ValidationError
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn
from rich.table import Table

from dashboard.access.roles import ROLES
from dashboard.services import (
    accounts,
    audit,
    backups,
    grants,
    imports,
    mail,
    notices,
    reports,
    second_factor,
    single_sign_on,
)
from dashboard.services.grants import Held
from dashboard.services.jobs import run_worker
from dashboard.services.passwords import random_password
from dashboard.services.store import Store
from dashboard.services.typed import names
from dashboard.services.watch import watch
from dashboard.settings import Settings

app = typer.Typer(
    no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False, help="學生學習歷程檔案監測"
)
user_app = typer.Typer(no_args_is_help=True, help="帳號")
app.add_typer(user_app, name="user")
audit_app = typer.Typer(no_args_is_help=True, help="稽核紀錄：查驗與記下鏈首")
app.add_typer(audit_app, name="audit")
Db = Annotated[str, typer.Option("--db", help="資料庫網址；預設為 LICHENG_DATABASE_URL 或 instance/ 裡的 SQLite")]
_err = Console(stderr=True, highlight=False, soft_wrap=True)


def _settings(db: str) -> Settings:
    try:
        return Settings(database_url=db) if db else Settings()
    except ValidationError as error:
        names = "、".join(f"LICHENG_{str(each['loc'][0]).upper()}" for each in error.errors())
        raise _fail(f"環境變數的值不能用：{names}") from None


def _store(db: str, *, migrate: bool = True) -> Store:
    settings = _settings(db)
    store = Store(settings.url, id_key=settings.secret("id-number"), instance_dir=settings.instance_dir)
    logging.getLogger("alembic").setLevel(logging.WARNING)
    if migrate:
        store.migrate()
    return store


def _fail(message: str, status: int = 1) -> typer.Exit:
    _err.print(message, markup=False)
    return typer.Exit(status)


class _Bar:
    """Progress on a terminal; silence elsewhere, so that logs and pipes stay clean."""

    def __init__(self) -> None:
        self.progress = Progress(
            TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), console=_err, transient=True
        )
        self.task = self.progress.add_task("讀取")

    def __enter__(self) -> Any:
        if sys.stderr.isatty():
            self.progress.start()
        return lambda name, done, total: self.progress.update(self.task, description=name, completed=done, total=total)

    def __exit__(self, *_: object) -> None:
        if self.progress.live.is_started:  # else stopping would print an empty line
            self.progress.stop()


@app.command()
def demo(
    classes: Annotated[int, typer.Option(min=3, max=300, help="班級數")] = 24,
    terms: Annotated[int, typer.Option(min=1, max=12, help="學期數")] = 6,
    seed: Annotated[int, typer.Option(help="亂數種子")] = 1,
    files: Annotated[Path | None, typer.Option(help="把示範檔案留在這個資料夾")] = None,
    db: Db = "",
) -> None:
    """建立一所示範學校：產生平臺匯出檔、照一般程序匯入，並印出示範帳號。"""
    store = _store(db)
    if imports.has_data(store):
        raise _fail("資料庫裡已經有資料，示範學校只能建立在空的資料庫；請用 --db 指定另一個資料庫")
    with _Bar() as on_progress:
        school, plan = imports.make_demo(
            store, classes=classes, terms=terms, seed=seed, folder=files, on_progress=on_progress
        )
    if not plan.committed:
        for problem in plan.problems:
            _err.print(str(problem), markup=False)
        raise typer.Exit(1)
    people: list[tuple[str, str, dict[str, Any]]] = [
        ("principal", "convener", {"staff_code": school.principal_code}),
        ("secretary", "executive_secretary", {"staff_code": school.secretary_code}),
        ("chief", "section_chief", {"unit": school.chief_unit, "staff_code": school.chief_code}),
        ("homeroom", "homeroom", {"classes": [school.homeroom_class], "staff_code": school.homeroom_code}),
        ("teacher", "teacher", {"staff_code": school.teacher_code}),
        ("member", "member", {}),
        ("auditor", "auditor", {}),
        ("admin", "admin", {}),
    ]
    taken = {name for name, *_ in accounts.list_users(store)}
    table = Table("帳號", "密碼", "角色", "範圍", title="示範帳號（密碼只顯示這一次）")
    for name, role, scope in people:
        if name in taken:
            continue
        password = random_password(12)
        accounts.add_user(store, name, password, role=role, classes=scope.get("classes", []), staff_code=scope.get("staff_code", ""), unit=scope.get("unit", ""), by=getpass.getuser())  # fmt: skip
        if name == "homeroom":  # teaches too, as they do: two roles, one at a time
            grants.give(store, name, role="teacher", by=getpass.getuser())
        table.add_row(
            name,
            password,
            "homeroom、teacher" if name == "homeroom" else role,
            "、".join(
                [
                    *(["全校"] if not set(scope) - {"staff_code"} and role != "teacher" else []),
                    *(str(v if isinstance(v, str) else v[0]) for v in scope.values()),
                ]
            ),
        )
    Console(width=100).print(table)


@app.command()
def serve(
    host: str = "127.0.0.1", port: Annotated[int, typer.Option(min=1, max=65535)] = 8050, workers: Annotated[int, typer.Option(min=1)] = 2, db: Db = ""
) -> None:  # fmt: skip
    """啟動儀表板（正式的 WSGI 伺服器）。"""
    settings = _settings(db)
    _store(db)
    Console(soft_wrap=True).print(f"歷程：請用瀏覽器開啟 http://{host}:{port}/ （按 Ctrl+C 結束）")
    from dashboard.serving import run

    run(settings, host=host, port=port, workers=workers)


@app.command("import")
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
            raise _fail("--watch 只收沒有問題的檔案，不能和 --year、--db 以外的選項一起用", 2)
        _watch(paths, year, db)
        return
    passwords = (sys.stdin.readline().rstrip("\r\n"),) if password_stdin else ()
    options: dict[str, Any] = {
        "by": getpass.getuser(), "school_year": year, "dry_run": dry_run, "take_good_rows": take_good_rows,
        "acknowledged": None if acknowledge else (), "renames": _renames(rename or []), "with_effects": dry_run or not as_json,
    }  # fmt: skip
    store = _store(db)
    with _Bar() as on_progress:
        plan = imports.import_paths(store, paths, passwords=passwords, on_progress=on_progress, **options)
    if not passwords and sys.stdin.isatty() and any(imports.needs_password(p.message) for p in plan.problems):
        passwords = (str(typer.prompt("壓縮檔的密碼", hide_input=True, err=True)),)
        with _Bar() as on_progress:
            plan = imports.import_paths(store, paths, passwords=passwords, on_progress=on_progress, **options)
    if as_json:
        sys.stdout.write(json.dumps([report.as_dict() for report in plan.reports], ensure_ascii=False, indent=1) + "\n")
    else:
        _print_plan(plan, dry_run=dry_run)
    for problem in plan.problems:
        _err.print(str(problem), markup=False)
    for alarm in plan.stopped_by:
        _err.print(f"要先確認：{alarm}", markup=False)
    if plan.problems and not plan.committed:
        raise _fail("沒有寫入任何資料。請照上面的說明修正後再匯入。")
    if plan.stopped_by:
        raise _fail("沒有寫入任何資料。看過上面要確認的事項後，加上 --acknowledge 再匯入。")


def _renames(said: list[str]) -> dict[str, str]:
    pairs = [each.split("=") for each in said]
    if any(len(pair) != 2 or not all(part.strip() for part in pair) for pair in pairs):
        raise _fail("--rename 請寫成 新欄名=舊欄名，例：--rename 送件時間=送出認證時間", 2)
    return {new.strip(): old.strip() for new, old in pairs}


def _watch(paths: list[Path], year: int | None, db: str) -> None:
    if len(paths) != 1 or not paths[0].is_dir():
        raise _fail("--watch 要指定一個資料夾", 2)
    console = Console(soft_wrap=True, highlight=False)
    console.print(f"看著 {paths[0]}（按 Ctrl+C 結束）", markup=False)

    def say(line: str) -> None:
        console.print(f"{datetime.now(ZoneInfo('Asia/Taipei')):%Y/%m/%d %H:%M} {line}", markup=False)
        sys.stdout.flush()

    with contextlib.suppress(KeyboardInterrupt):
        watch(_store(db), paths[0], say=say, year=year)


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


@app.command("imports")
def list_imports(
    limit: Annotated[int, typer.Option(min=1, max=1000, help="最近幾次")] = 20,
    db: Db = "",
) -> None:
    """列出每一次匯入與人工登錄：編號、時間、誰、檔案、筆數、狀態。"""
    states = {"kept": "", "undone": "已復原", "refused": "退回，沒有寫入"}
    table = Table("編號", "時間", "誰", "檔案", "新增", "變更", "不變", "退回", "狀態")
    for batch in imports.list_batches(_store(db), limit=limit):
        names = list(dict.fromkeys(file.file for file in batch.files))
        shown = "、".join(names[:3]) + (f"等 {len(names)} 個" if len(names) > 3 else "")
        counts = [
            sum(getattr(file, key) for file in batch.files) for key in ("new", "changed", "unchanged", "rejected")
        ]
        when = f"{batch.at:%Y/%m/%d %H:%M}"
        table.add_row(batch.batch_id, when, batch.by, shown, *(f"{n:,}" for n in counts), states[batch.state])
    Console(width=None if sys.stdout.isatty() else 200).print(table)


@app.command()
def undo(
    batch: Annotated[str, typer.Argument(help="licheng imports 列出的編號")],
    db: Db = "",
) -> None:
    """復原一次匯入或人工登錄；後來的匯入還用到它時不復原，並說明原因。"""
    try:
        count = imports.undo(_store(db), batch, by=getpass.getuser())
    except imports.ServiceError as error:
        raise _fail(str(error)) from None
    Console(soft_wrap=True).print(f"已復原，收回或改回 {count:,} 筆。")


@app.command()
def worker(db: Db = "") -> None:
    """處理網頁上交來的檔案、寄出提醒（licheng serve 自己也會做；檔案多或用其他伺服器時另開一個）；按 Ctrl+C 結束。"""
    settings, store = _settings(db), _store(db)
    console = Console(soft_wrap=True, highlight=False)
    console.print("等候交來的檔案（按 Ctrl+C 結束）")
    from dashboard.serving import start_reminding

    start_reminding(store, settings)
    with contextlib.suppress(KeyboardInterrupt):
        run_worker(store, say=lambda line: console.print(line, markup=False))


@app.command()
def remind(
    dry_run: Annotated[bool, typer.Option("--dry-run", help="只列出會寄給誰，不寄")] = False, db: Db = ""
) -> None:
    """寄出現在該寄的提醒（執行秘書開啟之後、上班日 8 時至 17 時）；--dry-run 只列出會寄給誰。"""
    from dashboard.exports.notices import mail_writer

    settings, store, at = _settings(db), _store(db), notices.now()
    console = Console(soft_wrap=True, highlight=False)
    if dry_run:
        for each in notices.due_now(store, at):
            address = "" if each.has_address else "，沒有電子郵件"
            console.print(
                f"{each.person} {each.name}：{each.items:,} 件，其中 {each.overdue:,} 件期限已過{address}", markup=False
            )
        return
    if not notices.is_on(store):
        raise _fail("提醒沒有開啟：請執行秘書在「提醒」頁開啟")
    if not mail.is_ready(settings):
        raise _fail("還沒有設定郵件伺服器：請設定 LICHENG_SMTP_HOST 與 LICHENG_SMTP_SENDER")
    try:
        done = notices.remind(store, settings, write=mail_writer(), at=at)
    except mail.MailSettingsError as error:
        raise _fail(str(error)) from None
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


@app.command()
def report(
    metric: Annotated[str, typer.Argument(help="completion、participation、funnel…")],
    term: Annotated[str, typer.Option(help="學期，例：1131；全學年寫 1130")],
    stage: Annotated[str, typer.Option(help="register、upload、certify、select、submit、confirm；預設看報表")] = "",
    by: Annotated[str, typer.Option(help="school、grade、department、class、subject、teacher、unit")] = "school",
    as_of: Annotated[str, typer.Option("--as-of", help="截至時間，例：2025-02-05T12:00；預設現在")] = "",
    kind: Annotated[str, typer.Option(help="outcome（課程學習成果）或 performance（多元表現）")] = "outcome",
    deadline: Annotated[str, typer.Option(help="current（延長後）或 original（原訂）")] = "current",
    since: Annotated[str, typer.Option(help="change 從什麼時候比起")] = "",
    since_import: Annotated[
        str, typer.Option("--since-import", help="change 從哪一次匯入之前比起（licheng imports 的編號）")
    ] = "",
    output: Annotated[str, typer.Option("--format", help="table、csv 或 json")] = "table",
    db: Db = "",
) -> None:
    """印出一種報表。"""
    if output not in {"table", "csv", "json"}:
        raise _fail("--format 只能是 table、csv 或 json", 2)
    by = "teacher" if metric == "funnel" and by == "school" else by
    try:
        frame = reports.report(
            _store(db), metric, term=term, stage=stage, by=by, as_of=as_of, kind=kind, deadline=deadline, since=since,
            since_import=since_import,
        )  # fmt: skip
    except reports.ReportError as error:
        raise _fail(str(error), 2) from None
    if not reports.knows_term(_store(db), term):
        _err.print(f"注意：資料庫裡沒有 {term} 的名冊或認證，下面的 0 不是學校的數字。", markup=False)
    plain = frame.astype(object).where(frame.notna(), None)
    if output == "csv":
        sys.stdout.write(frame.to_csv(index=False, lineterminator="\n"))
    elif output == "json":
        sys.stdout.write(json.dumps(plain.to_dict("records"), ensure_ascii=False, indent=1) + "\n")
    else:
        table = Table(*frame.columns)
        for row in plain.itertuples(index=False, name=None):
            table.add_row(*("—" if v is None else f"{v:.4g}" if isinstance(v, float) else str(v) for v in row))
        Console(width=None if sys.stdout.isatty() else 200).print(table)


@app.command()
def setting(
    key: Annotated[str, typer.Argument(help="school_code、school_name、minimum_response_days、upload_outcome_cap…")],
    value: Annotated[str, typer.Argument(help='值；上限留空（""）表示不設')],
    db: Db = "",
) -> None:
    """設定學校自己的參數：校名、代碼、件數上限、最短認證日數。"""
    try:
        imports.change_setting(_store(db), key, value, by=getpass.getuser())
    except ValueError as error:
        raise _fail(str(error)) from None


@app.command()
def migrate(db: Db = "") -> None:
    """把資料庫升級到最新結構。"""
    _store(db)
    Console().print("資料庫已是最新結構。")


@app.command()
def backup(
    file: Annotated[Path | None, typer.Argument(help="備份檔；不寫時放在 instance/backups/")] = None,
    with_keys: Annotated[bool, typer.Option("--with-keys", help="把金鑰寫到另一個檔案（.keys），要和備份分開保管")] = False,
    db: Db = "",
) -> None:  # fmt: skip
    """備份整個資料庫成一個檔案，不必停機；寫完會讀回來核對。"""
    try:
        made = backups.take_backup(_store(db, migrate=False), file, by=getpass.getuser(), with_keys=with_keys)
    except backups.BackupError as error:
        raise _fail(str(error)) from None
    console = Console(soft_wrap=True, highlight=False)
    rows, tables = made.manifest.row_count, len(made.manifest.tables)
    console.print(
        f"已備份到 {made.path}（{tables} 個資料表、{rows:,} 列、{made.size_bytes / 1e6:.1f} MB），讀回核對無誤。",
        markup=False,
    )
    if made.keys_path is not None:
        console.print(f"金鑰在 {made.keys_path}，請移到別的地方保管，不要和備份放在一起。", markup=False)


@app.command()
def restore(
    file: Annotated[Path, typer.Argument(help="licheng backup 做的備份檔")],
    replace: Annotated[bool, typer.Option("--replace", help="資料庫裡有資料時換掉它；原來的會留存")] = False,
    keys: Annotated[Path | None, typer.Option(help="一起備份的金鑰檔（.keys）")] = None,
    db: Db = "",
) -> None:
    """由備份還原：先核對備份，全部還原或完全不動；之後所有人要重新登入。"""
    settings = _settings(db)
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
        raise _fail(str(error)) from None
    console = Console(soft_wrap=True, highlight=False)
    made_at, rows = done.manifest.made_at, done.manifest.row_count
    console.print(f"已還原 {made_at:%Y/%m/%d %H:%M} 的備份（{rows:,} 列），所有人要重新登入。", markup=False)
    if done.kept:
        console.print(f"原來的資料庫留在 {done.kept}，確認無誤後請刪除。", markup=False)
    for note in done.notes:
        _err.print(f"注意：{note}", markup=False)


@app.command()
def doctor(db: Db = "") -> None:
    """檢查設定、資料庫與資料，說明下一步該做什麼。"""
    settings = _settings(db)
    store = _store(db)
    console = Console(soft_wrap=True)
    console.print(f"資料庫：{store.engine.url.render_as_string(hide_password=True)}", markup=False)
    console.print(f"結構：{'最新' if store.is_current() else '需要升級，請執行 licheng migrate'}")
    console.print(f"執行資料夾：{settings.instance_dir}", markup=False)
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


Keep = Annotated[bool, typer.Option("--keep", help="第一次登入時不必更改這個密碼")]


@user_app.command("add")
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
    store = _store(db)
    with _refusing():
        accounts.add_user(
            store, name, _password(from_stdin=password_stdin), role=role, classes=names(classes), staff_code=staff, unit=unit,
            must_change=not keep, by=getpass.getuser(),
        )  # fmt: skip
    _warn(store, classes=names(classes), staff_code=staff, unit=unit)
    Console(soft_wrap=True).print(f"已新增帳號 {name}（{role}）。", markup=False)


@user_app.command("passwd")
def user_passwd(
    name: str, password_stdin: Annotated[bool, typer.Option("--password-stdin")] = False, keep: Keep = False, db: Db = ""
) -> None:  # fmt: skip
    """更改密碼，並登出該帳號的所有連線；本人下次登入時要改成自己的密碼。"""
    with _refusing():
        accounts.change_password(_store(db), name, _password(from_stdin=password_stdin), must_change=not keep, by=getpass.getuser())  # fmt: skip


Site = Annotated[str, typer.Option(help="網站的網址，印在連結前面")]


def _print_link(site: str, token: str, hours: int) -> None:
    console = Console(soft_wrap=True, highlight=False)
    console.print(f"{site.rstrip('/')}/invite/{token}", markup=False)
    console.print(f"請把連結交給本人；只能用一次，{hours} 小時內有效。", markup=False)


@user_app.command("invite")
def user_invite(
    name: str,
    role: Annotated[str, typer.Option(help="同 user add")],
    classes: Annotated[str, typer.Option(help="班級，以逗號分開；其他學年寫 113:101")] = "",
    staff: Annotated[str, typer.Option(help="教師代碼")] = "",
    unit: Annotated[str, typer.Option(help="處室組別，例：教務處註冊組")] = "",
    site: Site = "http://127.0.0.1:8050",
    db: Db = "",
) -> None:
    """新增帳號，印出讓本人自己設定密碼的連結。"""
    store, by = _store(db), getpass.getuser()
    with _refusing():
        accounts.add_user(store, name, random_password(), role=role, classes=names(classes), staff_code=staff, unit=unit, by=by)  # fmt: skip
        token = accounts.give_link(store, name, hours=accounts.INVITE_HOURS, action="user_invited", by=by)
    _warn(store, classes=names(classes), staff_code=staff, unit=unit)
    _print_link(site, token, accounts.INVITE_HOURS)


@user_app.command("reset")
def user_reset(name: str, site: Site = "http://127.0.0.1:8050", db: Db = "") -> None:
    """作廢密碼、登出所有連線，印出讓本人重新設定密碼的連結。"""
    with _refusing():
        token = accounts.give_link(_store(db), name, hours=accounts.RESET_HOURS, action="user_reset", by=getpass.getuser())  # fmt: skip
    _print_link(site, token, accounts.RESET_HOURS)


@user_app.command("second-factor-reset")
def user_second_factor_reset(name: str, db: Db = "") -> None:
    """取消帳號的第二因素並登出所有連線（手機與備用碼都遺失時）；先確認是本人。"""
    with _refusing():
        had_one = second_factor.reset(_store(db), name, by=getpass.getuser())
    Console().print("第二因素已取消，下次登入只要密碼" if had_one else "這個帳號沒有設定第二因素", markup=False)


@user_app.command("link")
def user_link(
    name: str,
    subject: Annotated[str, typer.Option(help="登入服務給這個人的代號（sub）")],
    issuer: Annotated[str, typer.Option(help="登入服務的網址；預設是 LICHENG_OIDC_ISSUER")] = "",
    db: Db = "",
) -> None:
    """把帳號連結到學校的單一登入。"""
    with _refusing():
        single_sign_on.link(
            _store(db), name, issuer=issuer or Settings().oidc_issuer, subject=subject, by=getpass.getuser()
        )


@user_app.command("unlink")
def user_unlink(name: str, db: Db = "") -> None:
    """解除帳號和學校單一登入的連結。"""
    with _refusing():
        had_one = single_sign_on.unlink(_store(db), name, by=getpass.getuser())
    Console().print("連結已解除" if had_one else "這個帳號沒有連結", markup=False)


@user_app.command("staff")
def user_staff(
    name: str, code: Annotated[str, typer.Argument(help='教師代碼；寫 "" 表示沒有')], db: Db = ""
) -> None:  # fmt: skip
    """設定帳號是哪一位教職員，並登出該帳號的所有連線；提案、評核、決定敘獎要有教師代碼。"""
    store = _store(db)
    with _refusing():
        accounts.set_staff_code(store, name, code, by=getpass.getuser())
    _warn(store, staff_code=code)


@user_app.command("enable")
def user_enable(name: str, db: Db = "") -> None:
    """再啟用停用的帳號，並解除鎖定。"""
    with _refusing():
        accounts.enable_user(_store(db), name, by=getpass.getuser())


@user_app.command("disable")
def user_disable(name: str, db: Db = "") -> None:
    """停用帳號。"""
    with _refusing():
        accounts.disable_user(_store(db), name, by=getpass.getuser())


@user_app.command("list")
def user_list(db: Db = "") -> None:
    """列出帳號與今天的職務。"""
    table = Table("帳號", "角色", "範圍", "狀態")
    for name, held, enabled in accounts.list_users(_store(db)):
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
    return everything or "、".join(f"{year}:{name}" for year, name in sorted(held.classes))


Until = Annotated[datetime | None, typer.Option("--until", formats=["%Y-%m-%d"], help="最後一天；不寫就沒有迄日")]
From = Annotated[datetime | None, typer.Option("--from", formats=["%Y-%m-%d"], help="第一天；預設是今天")]


@user_app.command("roles")
def user_roles(
    name: Annotated[str, typer.Argument(help="帳號；不寫就列出全部")] = "", db: Db = ""
) -> None:  # fmt: skip
    """列出職務的編號、範圍、起迄與代理誰，收回的也在內。"""
    table = Table("編號", "帳號", "角色", "範圍", "起日", "迄日", "原因", "由誰給", "狀態")
    with _refusing():
        for held in grants.list_grants(_store(db), name):
            state = (
                "使用中"
                if held.is_in_force
                else f"{held.revoked_at:%Y-%m-%d} 收回"
                if held.revoked_at
                else "不在期間內"
            )
            days = (f"{held.starts_on}", f"{held.ends_on or '—'}")
            table.add_row(str(held.id), held.username, _role_words(held), _scope_words(held), *days, held.reason or "—", held.granted_by, state)  # fmt: skip
    Console(width=160).print(table)


@user_app.command("grant")
def user_grant(
    name: str,
    role: Annotated[str, typer.Option(help="同 user add")],
    classes: Annotated[str, typer.Option(help="班級，以逗號分開；其他學年寫 113:101")] = "",
    unit: Annotated[str, typer.Option(help="處室組別，例：教務處註冊組")] = "",
    starts_on: From = None,
    ends_on: Until = None,
    db: Db = "",
) -> None:
    """再給帳號一個職務；同一個人可以有好幾個，一次用一個。"""
    store = _store(db)
    with _refusing():
        number = grants.give(store, name, role=role, classes=names(classes), unit=unit, starts_on=_day(starts_on), ends_on=_day(ends_on), by=getpass.getuser())  # fmt: skip
    _warn(store, classes=names(classes), unit=unit)
    Console().print(f"職務編號 {number}", markup=False)


@user_app.command("delegate")
def user_delegate(
    name: Annotated[str, typer.Argument(help="代理人的帳號")],
    number: Annotated[int, typer.Argument(help="被代理的職務編號，見 user roles")],
    reason: Annotated[str, typer.Option(help="原因，例：公假")],
    ends_on: Annotated[datetime, typer.Option("--until", formats=["%Y-%m-%d"], help="最後一天")],
    starts_on: From = None,
    db: Db = "",
) -> None:
    """有人不在時，讓另一個帳號代理他的職務到某一天。"""
    with _refusing():
        made = grants.delegate(_store(db), name, from_grant_id=number, starts_on=_day(starts_on), ends_on=_day(ends_on), reason=reason, by=getpass.getuser())  # fmt: skip
    Console().print(f"職務編號 {made}", markup=False)


@user_app.command("revoke")
def user_revoke(
    name: str, number: Annotated[int, typer.Argument(help="職務編號，見 user roles")], db: Db = ""
) -> None:  # fmt: skip
    """收回職務；正在用它的登入立刻結束，紀錄留著。"""
    with _refusing():
        grants.revoke(_store(db), name, number, by=getpass.getuser())


def _warn(store: Store, *, classes: Sequence[str] = (), staff_code: str = "", unit: str = "") -> None:
    for warning in accounts.scope_warnings(store, classes=classes, staff_code=staff_code, unit=unit):
        _err.print(f"注意：{warning}", markup=False)


def _day(said: datetime | None) -> date | None:
    return said.date() if said else None


@contextlib.contextmanager
def _refusing() -> Iterator[None]:
    try:
        yield
    except accounts.AccountError as error:
        raise _fail(str(error)) from None


@audit_app.command("verify")
def audit_verify(
    head: Annotated[str, typer.Option(help="以前用 licheng audit head 記下的封印；有它才看得出最新的紀錄被刪掉")] = "",
    db: Db = "",
) -> None:
    """查驗稽核紀錄的鏈：有沒有任何一筆被改掉、刪掉、插入或調換。"""
    verdict = audit.check(_store(db), head=head.strip().lower()).verdict
    for fault in verdict.faults:
        _err.print(_fault_words(fault), markup=False)
    if verdict.faults:
        if verdict.count and (verdict.faults[0].first, verdict.faults[0].last) == (1, verdict.number):
            _err.print("每一筆都不符：請確認 instance/audit.key 是這個資料庫原來的那一把。", markup=False)
        raise typer.Exit(1)
    Console(soft_wrap=True, highlight=False).print(f"共 {verdict.count:,} 筆，鏈完整。", markup=False)


def _fault_words(fault: audit.Fault) -> str:
    which = f"第 {fault.first} 筆" if fault.first == fault.last else f"第 {fault.first} 至 {fault.last} 筆"
    return {
        "changed": f"{which}：內容、順序或封印被改過，或是另外插入的",
        "missing": f"{which}：不見了",
        "unlinked": f"{which}：接不上前一筆，前面有紀錄被換過或調換過",
        "cut": f"找不到記下的封印：{which}之後的紀錄被刪掉，或那一筆被改過",
    }[fault.kind]


@audit_app.command("head")
def audit_head(db: Db = "") -> None:
    """印出最新一筆的編號與封印；請記在這臺電腦以外的地方，日後用 verify --head 對照。"""
    number, seal = audit.head_of(_store(db))
    sys.stdout.write(f"{number} {seal}\n")


@audit_app.command("prune")
def audit_prune(
    dry_run: Annotated[bool, typer.Option("--dry-run", help="只算有幾筆，不刪除")] = False,
    db: Db = "",
) -> None:
    """刪除超過保存年限的稽核紀錄（設定 audit_retention_years）；刪到哪一筆會留下紀錄，鏈仍可查驗。"""
    try:
        removed, first_kept = audit.prune(_store(db), by=getpass.getuser(), dry_run=dry_run)
    except audit.BrokenChainError:
        raise _fail("鏈不完整，沒有刪除任何紀錄；請先執行 licheng audit verify") from None
    done = "會刪除" if dry_run else "已刪除"
    Console(soft_wrap=True, highlight=False).print(f"{done} {removed:,} 筆；保留 {first_kept:%Y/%m/%d} 起的紀錄。")


def _password(*, from_stdin: bool) -> str:
    if from_stdin:
        return sys.stdin.readline().rstrip("\r\n")
    return str(typer.prompt("密碼", hide_input=True, confirmation_prompt=True))


def main() -> None:
    """Run the command line; every expected failure is one clear line."""
    app()


if __name__ == "__main__":
    main()
