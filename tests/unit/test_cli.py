"""The command line, as a person calls it: exit codes, one clear line, columns to the letter."""

from __future__ import annotations

import contextlib
import csv
import io
import json
import os
import re
import signal
import sqlite3
import subprocess
import sys
import time
from dataclasses import fields
from datetime import date, timedelta
from types import SimpleNamespace

import pytest

from dashboard.cli import app as command_line
from dashboard.cli import main
from dashboard.services import backups, imports
from dashboard.services.backups import Made
from dashboard.services.store import Store
from data import jobs as queue
from data.db import migrate, open_engine
from data.rosters.archives import NEEDS_PASSWORD
from data.schema import SchoolSettings
from tests.unit.builders import STUDENTS, headings_of, item, passed, take_in, write_school, write_xlsx
from tests.unit.test_jobs import receipts_zip

COMPLETION = "key,name,expected,on_time,late,open,overdue,exempt,completion,due_so_far,timeliness,wait_median_days,wait_p90_days,delay_median_days"


@pytest.fixture
def licheng(tmp_path, monkeypatch, capsys):
    """Run a command in this process: a new one takes two seconds to start, and what differs is tried below (running)."""
    monkeypatch.setenv("LICHENG_INSTANCE_DIR", str(tmp_path / "instance"))
    monkeypatch.setenv("LICHENG_DATABASE_URL", "")

    def run(*words: str, stdin: str = ""):
        monkeypatch.setattr(sys, "argv", ["licheng", *words])
        monkeypatch.setattr(sys, "stdin", io.StringIO(stdin))
        capsys.readouterr()
        with pytest.raises(SystemExit) as ended:
            main()
        said = capsys.readouterr()
        return subprocess.CompletedProcess(words, ended.value.code or 0, said.out, said.err)

    return run


def test_a_school_goes_in_and_its_report_comes_out(licheng, tmp_path):
    rows = [passed(), item("1130002", "2"), passed("1130003", "3", class_name="102", teacher="T002", certifier="T002")]
    folder = write_school(tmp_path / "files", outcomes=rows)
    database = f"sqlite:///{tmp_path / 'x.sqlite'}"
    result = licheng("import", str(folder), "--db", database, "--json")
    assert result.returncode == 0, result.stderr
    reports = json.loads(result.stdout)
    keys = {"file", "kind", "term", "rows", "new", "changed", "unchanged", "rejected", "warnings", "errors"}
    assert all(keys <= set(report) for report in reports)
    asked = [
        "report",
        "completion",
        "--term",
        "1131",
        "--stage",
        "certify",
        "--by",
        "class",
        "--as-of",
        "2025-02-05",
        "--db",
        database,
    ]
    result = licheng(*asked, "--format", "csv")
    assert result.stdout.splitlines()[0] == COMPLETION
    table = list(csv.DictReader(io.StringIO(result.stdout)))
    assert [(row["key"], row["expected"], row["on_time"], row["open"]) for row in table] == [
        ("101", "2", "1", "1"),
        ("102", "1", "1", "0"),
    ]
    assert table[0]["delay_median_days"] == ""
    assert json.loads(licheng(*asked, "--format", "json").stdout)[0]["delay_median_days"] is None


def test_a_refusal_is_one_clear_line_and_exit_status_one(licheng, tmp_path):
    folder = write_school(tmp_path / "files", outcomes=[item(sent="114/13/40")])
    result = licheng("import", str(folder))
    assert result.returncode == 1
    line = next(line for line in result.stderr.splitlines() if "114/13/40" in line)
    assert "第 2 列「送出認證時間」欄" in line
    assert "Traceback" not in result.stderr + result.stdout


@pytest.mark.parametrize(
    "words",
    [["--term", "113"], ["--term", "1131", "--by", "shoe"], ["--term", "1131", "--as-of", "yesterday"], ["--term", "1131", "--stage", "upload"]],
)  # fmt: skip
def test_a_question_that_cannot_be_asked_is_exit_status_two(licheng, words):
    result = licheng("report", "completion", *words)
    assert result.returncode == 2
    assert "Traceback" not in result.stderr


def test_a_missing_path_is_said(licheng):
    result = licheng("import", "nowhere")
    assert result.returncode == 1
    assert "nowhere" in result.stderr


def test_accounts_are_made_from_standard_input_and_secrets_are_private(licheng, tmp_path):
    result = licheng(
        "user", "add", "boss", "--role", "convener", "--password-stdin", stdin="一個夠長的好密碼一二三四\n"
    )
    assert result.returncode == 0, result.stderr
    assert "boss" in licheng("user", "list").stdout
    assert (
        licheng(
            "user", "add", "boss", "--role", "convener", "--password-stdin", stdin="一個夠長的好密碼一二三四\n"
        ).returncode
        == 1
    )
    assert (
        licheng("user", "add", "x", "--role", "king", "--password-stdin", stdin="一個夠長的好密碼一二三四\n").returncode
        == 1
    )
    assert oct((tmp_path / "instance" / "id-number.key").stat().st_mode)[-3:] == "600"


def test_the_doctor_says_what_to_do_next(licheng):
    licheng("migrate")
    result = licheng("doctor")
    assert result.returncode == 0
    assert "結構：最新" in result.stdout
    assert "licheng import" in result.stdout


@pytest.mark.parametrize("command", [("doctor",), ("backup",), ("audit", "verify"), ("audit", "head")])
def test_what_checks_or_saves_a_database_creates_none(licheng, tmp_path, monkeypatch, command):
    monkeypatch.chdir(tmp_path)
    for words, file in [
        ((), "instance/licheng.sqlite"),
        (("--db", "sqlite:///folder/schol.sqlite"), "folder/schol.sqlite"),
    ]:
        result = licheng(*command, *words)
        assert (result.returncode, result.stdout) == (1, "")
        said = f"資料庫檔案還沒有建立：{tmp_path / file}；請確認 LICHENG_DATABASE_URL 或 --db，或先匯入\n"
        assert result.stderr == said
    assert list(tmp_path.iterdir()) == []


def test_the_doctor_names_an_older_structure_and_leaves_it_as_it_is(licheng, tmp_path):
    database = tmp_path / "old.sqlite"
    database.touch()
    result = licheng("doctor", "--db", f"sqlite:///{database}")
    assert (result.returncode, result.stderr) == (1, "結構：需要升級，請執行 licheng migrate\n")
    with contextlib.closing(sqlite3.connect(database)) as connection:
        assert connection.execute("SELECT count(*) FROM sqlite_master").fetchone() == (0,)


@pytest.fixture(scope="module")
def imported(tmp_path_factory):
    """A database with the small school in it, for the commands that can run within this process."""
    folder = tmp_path_factory.mktemp("cli")
    url = f"sqlite:///{folder / 'x.sqlite'}"
    engine = open_engine(url)
    migrate(engine)
    assert take_in(engine, write_school(folder / "files", outcomes=[passed()])).committed
    engine.dispose()
    return url, folder


@pytest.mark.parametrize("output", ["table", "csv", "json"])
@pytest.mark.parametrize(
    ("metric", "term"), [("completion", "1131"), ("participation", "1131"), ("funnel", "1131"), ("completion", "1191")]
)
def test_every_report_prints_in_every_format(imported, monkeypatch, capsys, metric, term, output):
    url, folder = imported
    monkeypatch.setenv("LICHENG_INSTANCE_DIR", str(folder / "instance"))
    command_line(["report", metric, "--term", term, "--format", output, "--db", url], standalone_mode=False)
    printed = capsys.readouterr()
    assert printed.out
    assert ("沒有 1191" in printed.err) == (term == "1191")


def test_an_account_whose_scope_nobody_knows_is_made_with_a_warning(licheng, tmp_path):
    licheng("import", str(write_school(tmp_path / "files")))
    secret = "一個夠長的好密碼一二三四\n"
    good = licheng("user", "add", "a", "--role", "homeroom", "--classes", "101", "--password-stdin", stdin=secret)
    slip = licheng("user", "add", "b", "--role", "homeroom", "--classes", "999", "--password-stdin", stdin=secret)
    assert "已新增帳號 a" in good.stdout
    assert good.stderr == ""
    assert "999" in slip.stderr


def test_the_database_is_readable_by_its_owner_only(licheng, tmp_path):
    licheng("migrate")
    assert oct((tmp_path / "instance" / "licheng.sqlite").stat().st_mode)[-3:] == "600"


@pytest.fixture
def inside(tmp_path, monkeypatch, capsys):
    """The command line within this process, a second cheaper than a new one."""
    monkeypatch.setenv("LICHENG_INSTANCE_DIR", str(tmp_path / "instance"))
    monkeypatch.setenv("LICHENG_DATABASE_URL", "")

    def run(*words):
        code = command_line(list(words), standalone_mode=False)
        printed = capsys.readouterr()
        return SimpleNamespace(code=code or 0, out=printed.out, err=printed.err)

    return run


MANY = [[f"11300{n:02d}", f"生{n}", "", "1", "101", str(n), "101", "普通科", "日間部", "在學"] for n in range(1, 21)]


def test_an_alarm_is_acknowledged_or_nothing_is_written(inside, tmp_path):
    assert inside("import", str(write_school(tmp_path / "a", students=MANY))).code == 0
    half = write_school(tmp_path / "b", students=MANY[:5])
    refused = inside("import", str(half))
    assert refused.code == 1
    assert "20 人減為 5 人" in refused.err
    assert "--acknowledge" in refused.err
    assert "已匯入" not in refused.out
    assert inside("imports").out.count("10 個") == 1
    accepted = inside("import", str(half), "--acknowledge")
    assert accepted.code == 0
    assert "已匯入" in accepted.out
    assert inside("imports").out.count("10 個") == 2


def test_a_heading_is_renamed_on_the_persons_word_and_remembered(inside, tmp_path):
    folder = write_school(tmp_path / "files", outcomes=[])
    headings = ["送件時間" if name == "送出認證時間" else name for name in headings_of("outcomes")]
    write_xlsx(folder / "認證.xlsx", headings, [passed()])
    refused = inside("import", str(folder))
    assert refused.code == 1
    assert "--rename 送件時間=送出認證時間" in refused.out
    assert inside("import", str(folder), "--rename", "送件時間=送出認證時間").code == 0
    assert inside("import", str(folder)).code == 0


@pytest.mark.parametrize("wrong", ["送件時間", "a=b=c", "=送出認證時間", "送件時間="])
def test_a_rename_that_is_none_is_wrong_usage(inside, tmp_path, wrong):
    result = inside("import", str(tmp_path), "--rename", wrong)
    assert result.code == 2
    assert "Traceback" not in result.err


def test_a_dry_run_says_what_would_happen_to_the_figures_and_writes_nothing(inside, tmp_path):
    assert inside("import", str(write_school(tmp_path / "a", outcomes=[item()]))).code == 0
    more = write_school(tmp_path / "b", outcomes=[passed(), item("1130002", "2")])
    result = inside("import", str(more), "--dry-run")
    assert result.code == 0
    assert "學期 113-1 教師認證：0/1（0.0 %） → 1/2（50.0 %）" in result.out
    assert "沒有寫入" in result.out
    asked = ("report", "completion", "--term", "1131", "--stage", "certify", "--format", "csv")
    assert inside(*asked).out.splitlines()[1].split(",")[2] == "1"


def test_a_list_of_no_year_names_the_option_that_gives_it_one(inside, tmp_path):
    file = write_xlsx(tmp_path / "學生.xlsx", headings_of("students"), STUDENTS)
    refused = inside("import", str(file))
    assert refused.code == 1
    assert "請指定學年度，或在名冊加上學年欄" in refused.err  # as the page says it, which has a field for it
    assert "例：--year 113" in refused.err
    assert "--year" not in inside("import", str(file), "--year", "113").err


def test_keys_beside_a_backup_are_to_be_moved_to_another_place(inside, tmp_path):
    inside("migrate")
    made = inside("backup", str(tmp_path / "x.backup"), "--with-keys")
    line = made.out.splitlines()[1]
    assert line == f"金鑰在 {tmp_path / 'x.backup.keys'}，請移到別的地方保管，不要和備份放在一起。"
    assert "金鑰" not in inside("backup", str(tmp_path / "y.backup")).out


def test_a_backup_says_which_database_it_is_of_and_no_password(inside, tmp_path, monkeypatch):
    inside("migrate")
    made = inside("backup", str(tmp_path / "x.backup"))
    database = tmp_path / "instance" / "licheng.sqlite"
    assert made.out.startswith(f"已備份 sqlite:///{database} 到 {tmp_path / 'x.backup'}（")
    of = Made(tmp_path / "x.backup", 1, SimpleNamespace(row_count=0, tables=()), None)
    monkeypatch.setattr(backups, "take_backup", lambda *_, **__: of)  # which server it is of matters here, not the rows
    made = inside("backup", "--db", "postgresql://someone:hunter2@127.0.0.1:1/school")
    assert made.out.startswith("已備份 postgresql+psycopg://someone:***@127.0.0.1:1/school 到 ")


def test_an_import_is_listed_and_undone_once(inside, tmp_path):
    inside("import", str(write_school(tmp_path / "a", outcomes=[passed()])))
    listed = inside("imports")
    assert listed.code == 0
    (batch,) = re.findall(r"[0-9a-f]{32}", listed.out)
    undone = inside("undo", batch)
    assert (undone.code, undone.err) == (0, "")
    assert "已復原" in inside("imports").out
    again = inside("undo", batch)
    assert again.code == 1
    assert "已經復原過" in again.err
    nothing = inside("undo", "nothing")
    assert nothing.code == 1
    assert len(nothing.err.splitlines()) == 1


def test_an_archives_password_comes_from_standard_input_and_is_kept_nowhere(licheng, tmp_path):
    folder = write_school(tmp_path / "a", receipts=[])
    (folder / "收訖.zip").write_bytes(receipts_zip("a word of 9d2f"))
    refused = licheng("import", str(folder))
    assert refused.returncode == 1
    assert NEEDS_PASSWORD in refused.stderr
    taken = licheng("import", str(folder), "--password-stdin", stdin="a word of 9d2f\n")
    assert (taken.returncode, taken.stderr) == (0, "")
    for path in (tmp_path / "instance").rglob("*"):
        assert not path.is_file() or b"a word of 9d2f" not in path.read_bytes()


def test_undoing_what_a_later_import_rests_on_is_refused_with_the_reason(inside, tmp_path):
    inside("import", str(write_school(tmp_path / "a")))
    (batch,) = re.findall(r"[0-9a-f]{32}", inside("imports").out)
    inside("import", str(write_school(tmp_path / "b", outcomes=[passed()], staff=[])))
    result = inside("undo", batch)
    assert result.code == 1
    assert "後來的匯入" in result.err


@pytest.mark.parametrize("words", [["--dry-run"], ["--json"], ["--take-good-rows"]])
def test_watching_goes_with_no_option_that_would_write_less_carefully(inside, tmp_path, words):
    assert inside("import", str(tmp_path), "--watch", *words).code == 2


def test_only_a_folder_can_be_watched(inside, tmp_path):
    assert inside("import", str(tmp_path / "nowhere"), "--watch").code == 2


def _until(process, words, seconds=60):
    """Read a running command's lines until one holds the words."""
    lines, deadline = [], time.monotonic() + seconds
    while time.monotonic() < deadline:
        line = process.stdout.readline()
        lines.append(line)
        if words in line:
            return lines
    raise AssertionError(lines)


@pytest.fixture
def running(tmp_path):
    """Start commands that run until Ctrl-C; each is ended that way and must end well."""
    environment = os.environ | {
        "LICHENG_INSTANCE_DIR": str(tmp_path / "instance"),
        "LICHENG_DATABASE_URL": "",
        "PYTHONUNBUFFERED": "1",
    }
    started = []

    def start(*words):
        command = [sys.executable, "-c", "from dashboard.cli import main; main()", *words]
        process = subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment, encoding="utf-8",
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # a background shell has it ignored
        )  # fmt: skip
        started.append(process)
        return process

    yield start
    for process in started:
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate(timeout=30)
        assert (process.returncode, errors) == (0, "")


def test_a_folder_is_watched_until_interrupted(licheng, running, tmp_path):
    folder = write_school(tmp_path / "night", outcomes=[passed()])
    watching = running("import", str(folder), "--watch")
    lines = _until(watching, "9.xlsx")
    assert sum("已匯入" in line for line in lines) == 10
    bad = write_xlsx(tmp_path / "bad.xlsx", headings_of("students"), [*STUDENTS, ["", *STUDENTS[0][1:]]])
    bad.rename(folder / "bad.xlsx")
    assert "等人處理" in _until(watching, "bad.xlsx")[-1]
    assert len(re.findall(r"[0-9a-f]{32}", licheng("imports").stdout)) == 1


def test_the_worker_does_what_was_handed_in_elsewhere(running, tmp_path):
    worker = running("worker")
    _until(worker, "等候")
    store = Store(
        f"sqlite:///{tmp_path / 'instance' / 'licheng.sqlite'}", id_key=b"key", instance_dir=tmp_path / "instance"
    )
    files = [(path.name, io.BytesIO(path.read_bytes())) for path in write_school(tmp_path / "a").iterdir()]
    token = imports.hand_in(store, files, by="watch", source="watch")  # the page's own worker is not woken
    _until(worker, "done")
    row = queue.find_job(store.engine, token)
    assert row.state == "done"
    store.engine.dispose()


def test_the_audit_log_is_looked_at_from_the_command_line(licheng, tmp_path):
    licheng("setting", "school_name", "里程高中")
    licheng("user", "add", "auditor", "--role", "auditor", "--password-stdin", stdin="correct horse battery 7\n")
    number, head = licheng("audit", "head").stdout.split()
    assert (number, len(head)) == ("2", 64)
    whole = licheng("audit", "verify")
    assert (whole.returncode, whole.stdout, whole.stderr) == (0, "共 2 筆，鏈完整。\n", "")
    unknown = licheng("audit", "verify", "--head", "0" * 64)
    assert (unknown.returncode, unknown.stdout) == (1, "")
    (line,) = unknown.stderr.splitlines()
    assert line.startswith("找不到記下的封印")
    with contextlib.closing(sqlite3.connect(tmp_path / "instance" / "licheng.sqlite")) as connection:
        connection.execute("DROP TRIGGER audit_events_no_update")
        connection.execute("UPDATE audit_events SET actor = 'somebody else' WHERE sequence = 1")
        connection.commit()
    changed = licheng("audit", "verify")
    assert (changed.returncode, changed.stdout) == (1, "")
    assert changed.stderr == "第 1 筆：內容、順序或封印被改過，或是另外插入的\n"


def test_a_noted_line_is_found_again_as_it_was_printed_or_by_its_seal(licheng):
    licheng("setting", "school_name", "里程高中")
    line = licheng("audit", "head").stdout
    licheng("setting", "school_name", "里程高級中學")
    seal = line.split()[1]
    for noted in (line, seal, f" {line.upper()} ", line.replace(" ", "\t")):
        found = licheng("audit", "verify", "--head", noted)
        assert (found.returncode, found.stdout, found.stderr) == (0, "共 2 筆，鏈完整；對到記下的第 1 筆。\n", "")


@pytest.mark.parametrize("noted", ["", " ", "1", "9c22126c…", "0" * 63, "0" * 65, "g" * 64, "０" * 64, f"1-{'0' * 64}", f"第 1 筆 {'0' * 64}"])  # fmt: skip
def test_what_is_no_noted_line_is_wrong_usage_and_accuses_nobody(licheng, tmp_path, noted):
    refused = licheng("audit", "verify", "--head", noted)
    assert (refused.returncode, refused.stdout) == (2, "")
    assert refused.stderr == "--head 要是 licheng audit head 印出的那一行\n"
    assert not (tmp_path / "instance").exists()


def test_old_audit_events_are_removed_by_the_schools_setting(licheng, tmp_path):
    for year in (2, 10):
        licheng("setting", "audit_retention_years", str(year))
    result = licheng("audit", "prune")
    assert (result.returncode, result.stdout.split("；")[0]) == (0, "已刪除 0 筆")
    assert licheng("audit", "verify").stdout == "共 2 筆，鏈完整。\n"


def test_another_instances_secret_is_named_as_the_likely_cause(licheng, tmp_path):
    licheng("setting", "school_name", "里程高中")
    (tmp_path / "instance" / "audit.key").write_text("another")
    assert "instance/audit.key" in licheng("audit", "verify").stderr


def test_rows_sealed_before_a_restore_without_keys_are_hinted_at_and_rows_changed_one_by_one_are_not(licheng, tmp_path):
    for name in ("里程高中", "里程高級中學", "里程中學"):
        licheng("setting", "school_name", name)
    licheng("backup", str(tmp_path / "x.backup"))  # the fourth event
    (tmp_path / "instance").rename(tmp_path / "before")
    assert licheng("restore", str(tmp_path / "x.backup")).returncode == 0
    licheng("setting", "school_name", "里程實驗高中")
    found = licheng("audit", "verify")
    assert (found.returncode, found.stdout) == (1, "")
    assert found.stderr.splitlines() == [
        "第 1 至 3 筆：內容、順序或封印被改過，或是另外插入的",
        "第 1 至 3 筆是用別的金鑰封印的（例如還原備份時沒有金鑰檔），或都被改過。",
    ]
    with contextlib.closing(sqlite3.connect(tmp_path / "instance" / "licheng.sqlite")) as connection:
        connection.execute("DROP TRIGGER audit_events_no_update")
        connection.execute("UPDATE audit_events SET actor = 'somebody else' WHERE sequence = 5")
        connection.commit()
    changed = licheng("audit", "verify")
    assert changed.returncode == 1
    assert [line.split("：")[0] for line in changed.stderr.splitlines()] == ["第 1 至 3 筆", "第 5 筆"]


# --- accounts and their roles -----------------------------------------------------------------------------------------


def invite(inside, name, *words):
    return inside("user", "invite", name, "--site", "https://licheng.example", *words)


def test_every_step_with_an_account_says_what_was_done_in_one_line(inside, monkeypatch):
    monkeypatch.setattr("sys.stdin", io.StringIO("一個夠長的好密碼一二三四\n一個夠長的好密碼一二三五\n"))
    invite(inside, "boss", "--role", "admin")
    invite(inside, "wang", "--role", "member")
    for words, line in [
        (("passwd", "wang", "--password-stdin"), "已更改帳號 wang 的密碼，所有連線已登出；本人下次登入時要改成自己的密碼。"),
        (("passwd", "wang", "--password-stdin", "--keep"), "已更改帳號 wang 的密碼，所有連線已登出。"),
        (("staff", "wang", ""), "帳號 wang 已沒有教師代碼，所有連線已登出。"),
        (("link", "wang", "--subject", "a", "--issuer", "https://i.example"), "已把帳號 wang 連結到單一登入。"),
        (("unlink", "wang"), "連結已解除"),
        (("second-factor-reset", "wang"), "帳號 wang 沒有設定第二因素。"),
        (("disable", "wang"), "已停用帳號 wang，所有連線已登出。"),
        (("enable", "wang"), "已啟用帳號 wang，並解除鎖定。"),
        (("revoke", "wang", "2"), "已收回帳號 wang 編號 2 的職務。"),
    ]:  # fmt: skip
        assert inside("user", *words) == SimpleNamespace(code=0, out=line + "\n", err="")


def test_a_role_that_was_given_is_said_with_scope_days_for_whom_and_number(inside):
    invite(inside, "reg01", "--role", "section_chief", "--unit", "教務處註冊組")
    invite(inside, "t012", "--role", "member")
    today = date.today().isoformat()
    for words, line in [
        (("grant", "t012", "--role", "homeroom", "--classes", "114:101,102"), f"已授予帳號 t012 職務：homeroom，範圍 102、114:101，{today} 起，沒有迄日；職務編號 3"),
        (("grant", "t012", "--role", "convener", "--from", "2099-02-01", "--until", "2099-07-31"), "已授予帳號 t012 職務：convener，範圍 全校，2099-02-01 至 2099-07-31；職務編號 4"),
        (("delegate", "t012", "1", "--reason", "公假", "--until", today), f"已請帳號 t012 代理：section_chief（代理 reg01），範圍 教務處註冊組，{today} 至 {today}；職務編號 5"),
    ]:  # fmt: skip
        done = inside("user", *words)
        assert (done.code, done.out) == (0, line + "\n")


def test_a_setting_says_what_it_was_and_is_and_without_a_value_all_are_listed(inside):
    def line(*words):
        done = inside("setting", *words)
        assert (done.code, done.err) == (0, "")
        return done.out

    assert line("school_name", "[red]里程[/red]") == "school_name：— → [red]里程[/red]\n"
    assert line("school_name", "[red]里程[/red]") == "school_name：[red]里程[/red]，沒有變更\n"
    assert line("select_outcome_cap", "") == "select_outcome_cap：6 → —\n"
    assert line("select_outcome_cap") == "select_outcome_cap：—（預設 6）\n"
    listed = line().splitlines()
    assert [each.split("：")[0] for each in listed] == [field.name for field in fields(SchoolSettings)]
    assert listed[:3] == [
        "school_code：—（預設 —）",
        "school_name：[red]里程[/red]（預設 —）",
        "minimum_response_days：3（預設 3）",
    ]
    unknown = inside("setting", "shoe")
    assert unknown == SimpleNamespace(code=1, out="", err="沒有「shoe」這項設定；licheng setting 列出全部\n")


def test_a_code_that_no_roster_has_is_set_and_the_remark_says_so(inside):
    invite(inside, "wang", "--role", "member")
    done = inside("user", "staff", "wang", "T999")
    assert (done.code, done.out) == (0, "帳號 wang 的教師代碼已設為 T999，所有連線已登出。\n")
    (line,) = done.err.splitlines()
    assert "代碼已經設定，請核對" in line
    assert inside("user", "grant", "wang", "--role", "teacher").code == 0


def test_two_enabled_accounts_of_one_person_are_remarked_on(inside):
    def remark(result):
        assert result.code == 0
        return "教師代碼 T001 也是帳號「wang」的" in result.err

    assert not remark(invite(inside, "wang", "--role", "teacher", "--staff", "T001"))
    assert remark(invite(inside, "chen", "--role", "teacher", "--staff", "T001"))
    assert not remark(inside("user", "staff", "wang", "T001"))  # but it is chen's
    assert remark(inside("user", "staff", "chen", "T001"))
    inside("user", "disable", "wang")
    assert not remark(inside("user", "staff", "chen", "T001"))
    assert "教師代碼 T001 也是帳號「chen」的" in inside("user", "enable", "wang").err
    assert not remark(inside("user", "staff", "chen", "T002"))


@pytest.mark.parametrize(
    ("role", "line"),
    [
        ("homeroom", "導師要指定班級：請加 --classes，例：--classes 101"),
        ("teacher", "任課教師的帳號要有教師代碼：請加 --staff，例：--staff T001"),
        ("section_chief", "組長要指定處室組別：請加 --unit，例：--unit 教務處註冊組"),
    ],
)
def test_a_role_without_its_scope_names_the_option_to_add(inside, role, line):
    assert invite(inside, "wang", "--role", role) == SimpleNamespace(code=1, out="", err=line + "\n")
    assert "wang" not in inside("user", "list").out


def test_a_teacher_whose_account_is_nobodys_yet_is_told_the_command_to_run_first(inside):
    invite(inside, "wang", "--role", "member")
    refused = inside("user", "grant", "wang", "--role", "teacher")
    assert (refused.code, refused.out) == (1, "")
    assert refused.err == "任課教師的帳號要有教師代碼；請先執行：licheng user staff wang 教師代碼\n"
    assert inside("user", "staff", "wang", "T001").code == 0
    assert inside("user", "grant", "wang", "--role", "teacher").code == 0


def test_a_link_has_the_schools_address_or_says_that_it_is_this_machines(inside, monkeypatch):
    invite(inside, "wang", "--role", "member")
    here = inside("user", "reset", "wang")
    assert here.out.startswith("http://127.0.0.1:8050/invite/")
    assert "--site" in here.err
    assert "LICHENG_SITE_URL" in here.err
    monkeypatch.setenv("LICHENG_SITE_URL", "https://licheng.school.example/")
    schools = inside("user", "reset", "wang")
    assert schools.out.startswith("https://licheng.school.example/invite/")
    assert schools.err == ""
    said = inside("user", "reset", "wang", "--site", "https://other.example")
    assert said.out.startswith("https://other.example/invite/")
    assert said.err == ""


@pytest.mark.parametrize("wrong", ["2026/13/1", "2026-02-30", "115-11-30", "明天"])
@pytest.mark.parametrize(
    "words",
    [
        ("grant", "wang", "--role", "auditor", "--from"),
        ("grant", "wang", "--role", "auditor", "--until"),
        ("delegate", "wang", "1", "--reason", "公假", "--until"),
        ("delegate", "wang", "1", "--reason", "公假", "--until", "2099-11-30", "--from"),
    ],
)
def test_a_day_that_is_none_is_wrong_usage_and_shown_how_to_write(inside, words, wrong):
    refused = inside("user", *words, wrong)
    assert refused == SimpleNamespace(code=2, out="", err=f"「{wrong}」不是日期，請寫成 2026-11-30\n")


def test_a_database_that_cannot_be_used_is_one_clear_line(licheng, tmp_path):
    (tmp_path / "letter.sqlite").write_text("不是資料庫\n" * 200, encoding="utf-8")
    for url, words in (
        ("postgresql://127.0.0.1:1/school", "資料庫連不上或不能用"),
        (f"sqlite:///{tmp_path / 'letter.sqlite'}", "資料庫連不上或不能用"),
        ("school.sqlite", "資料庫網址看不懂"),
    ):
        result = licheng("user", "list", "--db", url)
        (line,) = result.stderr.splitlines()
        assert (result.returncode, result.stdout) == (1, ""), url
        assert words in line
        assert not (tmp_path / "instance").exists(), url  # nor a secret of a database that never was


def test_another_folder_does_not_write_with_a_secret_of_its_own_unless_the_file_lies_beside_its_secrets(licheng, tmp_path, monkeypatch):  # fmt: skip
    database = f"sqlite:///{tmp_path / 'instance' / 'licheng.sqlite'}"
    licheng("setting", "school_name", "里程高中")
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    monkeypatch.delenv("LICHENG_INSTANCE_DIR")
    assert licheng("setting", "school_name", "里程高級中學", "--db", database).returncode == 0
    assert licheng("audit", "verify", "--db", database).returncode == 0
    monkeypatch.setenv("LICHENG_INSTANCE_DIR", str(tmp_path / "elsewhere" / "instance"))
    refused = licheng("setting", "school_name", "別的學校", "--db", database)
    assert (refused.returncode, refused.stdout) == (1, "")
    assert "LICHENG_INSTANCE_DIR" in refused.stderr
    assert not (tmp_path / "elsewhere" / "instance" / "audit.key").exists()
    monkeypatch.setenv("LICHENG_INSTANCE_DIR", str(tmp_path / "instance"))
    assert licheng("audit", "verify").returncode == 0


def test_disabling_says_how_many_deputies_stop_with_it(licheng):
    for name, words in (("sec01", ("--role", "executive_secretary")), ("reg01", ("--role", "member"))):
        licheng("user", "add", name, *words, "--password-stdin", stdin="correct horse battery 7\n")
    licheng("user", "delegate", "reg01", "1", "--reason", "公假", "--until", f"{date.today() + timedelta(days=3)}")
    assert licheng("user", "disable", "sec01").stdout == "已停用帳號 sec01，所有連線已登出；代理他的 1 個職務也停止。\n"
    assert licheng("user", "disable", "reg01").stdout == "已停用帳號 reg01，所有連線已登出。\n"
