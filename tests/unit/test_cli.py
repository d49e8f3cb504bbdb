"""The command line, as a person calls it: exit codes, one clear line, columns to the letter."""

from __future__ import annotations

import csv
import io
import json
import os
import subprocess
import sys

import pytest

from dashboard.cli import app as command_line
from data.db import migrate, open_engine
from tests.unit.builders import item, passed, take_in, write_school

COMPLETION = "key,name,expected,on_time,late,open,overdue,exempt,completion,due_so_far,timeliness,wait_median_days,wait_p90_days,delay_median_days"


@pytest.fixture
def licheng(tmp_path):
    environment = os.environ | {"LICHENG_INSTANCE_DIR": str(tmp_path / "instance"), "LICHENG_DATABASE_URL": ""}

    def run(*words: str, stdin: str = ""):
        command = [sys.executable, "-c", "from dashboard.cli import main; main()", *words]
        return subprocess.run(command, capture_output=True, text=True, env=environment, input=stdin, encoding="utf-8")

    return run


def test_a_school_goes_in_and_its_report_comes_out(licheng, tmp_path):
    rows = [passed(), item("1130002", "2"), passed("1130003", "3", class_name="102", teacher="T002", certifier="T002")]
    folder = write_school(tmp_path / "files", outcomes=rows)
    database = f"sqlite:///{tmp_path / 'x.sqlite'}"
    result = licheng("import", str(folder), "--db", database, "--json")
    assert result.returncode == 0, result.stderr
    reports = json.loads(result.stdout)
    keys = {"file", "kind", "term", "rows", "new", "changed", "unchanged", "rejected", "warnings", "errors"}
    assert all(set(report) == keys for report in reports)
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
    result = licheng("doctor")
    assert result.returncode == 0
    assert "licheng import" in result.stdout


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
