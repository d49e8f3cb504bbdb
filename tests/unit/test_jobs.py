"""Hand-ins: every one is worked on by exactly one worker, and what a dead one left is finished once."""

from __future__ import annotations

import hashlib
import io
import json
import os
import threading
import time
from datetime import datetime, timedelta
from pathlib import Path

import pytest
import pyzipper
from sqlalchemy import func, select, update

from dashboard.access.roles import Role
from dashboard.services import imports, jobs
from dashboard.services.store import Store
from dashboard.services.watch import watch
from data import jobs as queue
from data.db import reading
from data.instants import TAIPEI
from data.models import AuditEvent, Import, Job, Outcome, Receipt
from data.rosters import importing
from data.rosters.reading import read_tables
from tests.unit.builders import STUDENTS, contents_of, headings_of, item, passed, write_school, write_xlsx

SECRETARY = {"by": "secretary", "role": Role.EXECUTIVE_SECRETARY}
CHIEF = {"by": "chief", "role": Role.SECTION_CHIEF}


@pytest.fixture
def store(engine, tmp_path, monkeypatch):
    """A school whose only worker is the test."""
    monkeypatch.setattr(jobs, "_passwords", {})
    monkeypatch.setattr(jobs, "wake", lambda _store: None)
    made = Store(engine.url.render_as_string(hide_password=False), id_key=b"key", instance_dir=tmp_path / "instance")
    yield made
    made.engine.dispose()


def open_files(folder):
    return [(path.name, io.BytesIO(path.read_bytes())) for path in sorted(Path(folder).iterdir())]


def hand_in(store, folder, **who):
    return imports.hand_in(store, open_files(folder), **({"by": "chief"} | who))


def handed_in(store, tmp_path, **tables):
    return hand_in(store, write_school(tmp_path / f"files{time.monotonic_ns()}", **tables))


def look(store, token, **who):
    return imports.job_of(store, token, **(CHIEF | who))


def count(engine, model):
    with reading(engine) as connection:
        return connection.execute(select(func.count()).select_from(model)).scalar_one()


def folder_of(store, token):
    return store.instance_dir / "jobs" / token


def grow_old(store, token):
    """Make a job's worker look dead: its claim and its last sign are two minutes old."""
    past = datetime.now(TAIPEI) - timedelta(minutes=2)
    with store.engine.begin() as connection:
        connection.execute(update(Job).where(Job.token == token).values(heartbeat_at=past))
    pulse = folder_of(store, token) / "progress.json"
    if pulse.exists():
        os.utime(pulse, (past.timestamp(), past.timestamp()))


def test_a_hand_in_is_planned_waits_and_is_committed(store, tmp_path):
    token = handed_in(store, tmp_path, outcomes=[passed()])
    assert look(store, token).state == "queued"
    before = contents_of(store.engine)
    assert jobs.work(store) == 1
    view = look(store, token)
    assert (view.state, view.stopped_by) == ("planned", [])
    assert {report["file"] for report in view.plan["reports"]} == {f"{n}.xlsx" for n in range(10)}
    assert {effect["title"]: effect["after"] for effect in view.plan["effects"]}["學期 113-1 教師認證"] == [1, 1]
    assert {k: v for k, v in contents_of(store.engine).items() if k != "jobs"} == {
        k: v for k, v in before.items() if k != "jobs"
    }
    imports.decide(store, token, action="commit", **CHIEF)
    jobs.work(store)
    view = look(store, token)
    assert view.state == "done"
    assert view.plan["committed"]
    assert view.plan["effects"]
    assert count(store.engine, Outcome) == 1
    batch = imports.batch_of(store, view.batch_id)
    assert (batch.by, batch.state, {file.file for file in batch.files}) == (
        "chief",
        "kept",
        {f"{n}.xlsx" for n in range(10)},
    )
    assert not folder_of(store, token).exists()


def test_two_workers_never_take_the_same_job(store, tmp_path):
    tokens = {hand_in(store, write_school(tmp_path / f"f{n}")) for n in range(6)}
    taken, start = [], threading.Barrier(3)

    def take():
        start.wait()
        while (claimed := queue.claim(store.engine, jobs.folder_of(store))) is not None:
            taken.append(claimed.token)

    threads = [threading.Thread(target=take) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(taken) == sorted(tokens)


def test_a_job_is_taken_up_again_when_its_worker_has_died_and_not_before(store, tmp_path):
    token = handed_in(store, tmp_path)
    first = queue.claim(store.engine, jobs.folder_of(store))
    queue.write_progress(folder_of(store, token), "0.xlsx", 1, 10)
    assert queue.claim(store.engine, jobs.folder_of(store)) is None
    assert look(store, token).progress == ("0.xlsx", 1, 10)
    grow_old(store, token)
    second = queue.claim(store.engine, jobs.folder_of(store))
    assert (second.token, second.state) == (first.token, "planning")
    assert not queue.settle_now(store.engine, first, queue.PLANNED)  # it was only asleep, and has lost the job
    assert jobs.run(store, second) == "planned"


def test_a_sign_of_life_in_the_folder_is_enough_while_an_import_holds_the_database(store, tmp_path):
    token = handed_in(store, tmp_path)
    queue.claim(store.engine, jobs.folder_of(store))
    grow_old(store, token)
    queue.write_progress(folder_of(store, token), "0.xlsx", 1, 10)
    assert queue.claim(store.engine, jobs.folder_of(store)) is None


def committing(store, tmp_path):
    token = handed_in(store, tmp_path, outcomes=[passed()])
    jobs.work(store)
    imports.decide(store, token, action="commit", **CHIEF)
    return token, queue.claim(store.engine, jobs.folder_of(store))


def test_a_worker_that_dies_right_after_the_commit_leaves_the_job_done(store, tmp_path, monkeypatch):
    token, claimed = committing(store, tmp_path)

    class DiedError(BaseException):
        pass

    def die(*_args, **_values):
        raise DiedError

    monkeypatch.setattr(queue, "settle_now", die)
    with pytest.raises(DiedError):
        jobs.run(store, claimed)
    monkeypatch.undo()
    assert look(store, token).state == "done"
    grow_old(store, token)
    assert queue.claim(store.engine, jobs.folder_of(store)) is None
    assert count(store.engine, Import) == 10
    queue.tidy(store.engine, jobs.folder_of(store))
    assert not folder_of(store, token).exists()


def test_a_commit_that_is_in_is_found_done_and_not_done_twice(store, tmp_path, monkeypatch):
    """The way of files that are in already to the byte writes no job row: the batch tells."""
    token, claimed = committing(store, tmp_path)
    files = sorted(path for path in folder_of(store, token).iterdir() if path.suffix == ".xlsx")
    plan = importing.import_files(store.engine, files, id_key=b"key", by="chief", batch_id=claimed.batch_id)
    assert plan.committed
    rows = count(store.engine, Import)
    grow_old(store, token)
    monkeypatch.setattr(jobs, "wake", lambda _store: None)
    assert jobs.work(store) == 1
    assert look(store, token).state == "done"
    assert count(store.engine, Import) == rows


def test_a_worker_that_lost_its_job_writes_nothing(store, tmp_path):
    token, slow = committing(store, tmp_path)
    grow_old(store, token)
    quick = queue.claim(store.engine, jobs.folder_of(store))
    assert jobs.run(store, slow) == "taken"
    assert count(store.engine, Import) == 0
    assert jobs.run(store, quick) == "done"
    assert count(store.engine, Import) == 10


def test_a_job_is_cancelled_while_it_runs_and_nothing_is_written(store, tmp_path, monkeypatch):
    token, claimed = committing(store, tmp_path)
    write = queue.write_progress

    def cancel_meanwhile(folder, name, done, total):
        write(folder, name, done, total)
        if total:
            imports.decide(store, token, action="cancel", **CHIEF)

    monkeypatch.setattr(queue, "write_progress", cancel_meanwhile)
    assert jobs.run(store, claimed) == "cancelled"
    assert look(store, token).state == "cancelled"
    assert count(store.engine, Import) == 0
    assert not folder_of(store, token).exists()
    with reading(store.engine) as connection:
        events = connection.execute(select(AuditEvent.actor, AuditEvent.action).order_by(AuditEvent.id)).all()
    assert ("chief", "import_cancelled") in [tuple(event) for event in events]


def test_a_waiting_job_is_cancelled_at_once_and_a_finished_one_not_at_all(store, tmp_path):
    token = handed_in(store, tmp_path)
    imports.decide(store, token, action="cancel", **CHIEF)
    assert look(store, token).state == "cancelled"
    assert not folder_of(store, token).exists()
    token, claimed = committing(store, tmp_path)
    jobs.run(store, claimed)
    with pytest.raises(imports.ServiceError, match="復原"):
        imports.decide(store, token, action="cancel", **CHIEF)


def test_progress_does_not_wait_for_the_database(store, tmp_path):
    token, claimed = committing(store, tmp_path)
    with store.engine.begin() as connection:  # as the import does
        connection.execute(update(Job).values(error=""))
        begin = time.monotonic()
        queue.write_progress(folder_of(store, token), "a.xlsx", 3, 4)
        assert look(store, token).progress == ("a.xlsx", 3, 4)
        assert time.monotonic() - begin < 1
    assert claimed.state == "committing"


def test_names_are_shown_and_never_used_as_paths(store, tmp_path):
    content = write_xlsx(tmp_path / "x.xlsx", headings_of("staff"), [["T001", "王一", "教務處", ""]]).read_bytes()
    names = [
        "../../evil.xlsx",
        "C:\\temp\\一.xlsx",
        "a\u202e\x00.xlsx",
        "..",
        "名冊.xlsx",
        "名冊.xlsx",
        "x" * 300 + ".xlsx",
    ]
    token = imports.hand_in(store, [(name, io.BytesIO(content)) for name in names], by="chief")
    stored = sorted(path.name for path in folder_of(store, token).iterdir())
    assert stored == ["0001.xlsx", "0002.xlsx", "0003.xlsx", "0004", "0005.xlsx", "0006.xlsx", "0007.xlsx"]
    shown = [file.name for file in look(store, token).files]
    assert shown[:6] == ["evil.xlsx", "一.xlsx", "a.xlsx", "..", "名冊.xlsx", "名冊 (2).xlsx"]
    assert len(shown[6]) == 120
    assert oct(folder_of(store, token).stat().st_mode)[-3:] == "700"
    assert oct((folder_of(store, token) / "0001.xlsx").stat().st_mode)[-3:] == "600"
    jobs.work(store)
    errors = [(r["file"], e["message"]) for r in look(store, token).plan["reports"] for e in r["errors"]]
    assert [name for name, _ in errors] == [".."]


def test_a_person_mends_a_file_or_leaves_it_out(store, tmp_path):
    folder = write_school(tmp_path / "files", outcomes=[passed(), item(number="2", sent="114/13/40")])
    (folder / "壞掉.xlsx").write_bytes(b"PK not a workbook")
    token = hand_in(store, folder)
    jobs.work(store)
    view = look(store, token)
    assert [stop[:2] for stop in view.stopped_by] == ["整個", "有 "]
    with pytest.raises(imports.ServiceError, match="壞掉"):
        imports.decide(store, token, action="commit", take_good_rows=True, **CHIEF)
    imports.decide(store, token, action="replan", leave_out=["壞掉.xlsx"], **CHIEF)
    jobs.work(store)
    assert [file.name for file in look(store, token).files if file.left_out] == ["壞掉.xlsx"]
    assert len(look(store, token).stopped_by) == 1
    number = next(r["file"] for r in look(store, token).plan["reports"] if r["kind"] == "outcomes")
    mended = write_school(tmp_path / "mended", outcomes=[passed(), item(number="2")]) / number
    again = imports.hand_in(store, [(number, io.BytesIO(mended.read_bytes()))], token=token, **CHIEF)
    assert again == token
    jobs.work(store)
    assert look(store, token).stopped_by == []
    imports.decide(store, token, action="commit", **CHIEF)
    jobs.work(store)
    assert look(store, token).state == "done"
    assert count(store.engine, Outcome) == 2


def test_a_commit_needs_the_rows_given_up_and_the_alarms_seen(store, tmp_path):
    many = [
        [f"11300{n:02d}", f"生{n}", "", "1", "101", str(n), "101", "普通科", "日間部", "在學"] for n in range(1, 21)
    ]
    token = handed_in(store, tmp_path, students=many)
    jobs.work(store)
    imports.decide(store, token, action="commit", **CHIEF)
    jobs.work(store)
    token = handed_in(store, tmp_path, students=many[:5], outcomes=[passed(), item(number="2", sent="114/13/40")])
    jobs.work(store)
    view = look(store, token)
    alarms = [alarm for report in view.plan["reports"] for alarm in report["alarms"]]
    assert alarms
    assert alarms == view.plan["stopped_by"]
    for given in ({}, {"take_good_rows": True}, {"acknowledged": alarms}):
        with pytest.raises(imports.ServiceError):
            imports.decide(store, token, action="commit", **given, **CHIEF)
    imports.decide(store, token, action="commit", take_good_rows=True, acknowledged=alarms, **CHIEF)
    jobs.work(store)
    view = look(store, token)
    assert view.state == "done"
    assert imports.batch_of(store, view.batch_id).rejected_rows == 1


def test_a_year_and_a_rename_are_planned_again(store, tmp_path):
    headings = ["送件時間" if name == "送出認證時間" else name for name in headings_of("outcomes")]
    folder = write_school(
        tmp_path / "files",
        outcomes=[],
        classes=[],
        sections=[],
        windows=[],
        performances=[],
        selections=[],
        receipts=[],
    )
    token = hand_in(store, folder)
    jobs.work(store)
    assert "整個" in look(store, token).stopped_by[0]
    folder = write_school(tmp_path / "more", outcomes=[], students=[])
    write_xlsx(folder / "認證.xlsx", headings, [passed()])
    imports.hand_in(store, open_files(folder), token=token, **CHIEF)
    jobs.work(store)
    renames = [r for report in look(store, token).plan["reports"] for r in report["renames"]]
    assert [(r["heading"], r["title"]) for r in renames] == [("送件時間", "送出認證時間")]
    imports.decide(store, token, action="replan", year=113, renames={"送件時間": "送出認證時間"}, **CHIEF)
    jobs.work(store)
    view = look(store, token)
    assert view.stopped_by == []
    assert (view.options.year, view.options.renames) == (113, {"送件時間": "送出認證時間"})


def test_a_plan_that_no_longer_holds_is_refused_at_the_commit_and_can_be_planned_again(store, tmp_path):
    token = handed_in(store, tmp_path, outcomes=[passed()])
    jobs.work(store)
    imports.decide(store, token, action="commit", **CHIEF)
    with (
        store.engine.begin() as connection
    ):  # as if the data had changed meanwhile: a file of it cannot be read any more
        row = connection.execute(select(Job).where(Job.token == token)).one()
    stored = json.loads(row.options)["files"][3]["stored"]
    (folder_of(store, token) / stored).write_bytes(b"PK")
    jobs.work(store)
    view = look(store, token)
    assert view.state == "refused"
    assert view.stopped_by
    assert count(store.engine, Import) == 0
    assert folder_of(store, token).exists()
    imports.decide(store, token, action="replan", leave_out=[view.files[3].name], **CHIEF)
    assert look(store, token).state == "queued"
    refused = [batch for batch in imports.list_batches(store) if batch.state == "refused"]
    assert [(batch.by, batch.files[0].warnings != ()) for batch in refused] == [("chief", True)]


def test_what_waits_too_long_expires_and_what_ended_leaves_no_rows(store, tmp_path):
    waiting = handed_in(store, tmp_path)
    jobs.work(store)
    done, claimed = committing(store, tmp_path)
    jobs.run(store, claimed)
    soon, late = (datetime.now(TAIPEI) + timedelta(days=days) for days in (2, 8))
    queue.tidy(store.engine, jobs.folder_of(store), at=soon)
    assert look(store, waiting).state == "planned"
    assert look(store, waiting).plan is not None
    assert look(store, done).plan is None
    queue.tidy(store.engine, jobs.folder_of(store), at=late)
    view = look(store, waiting)
    assert (view.state, "7 天" in view.error) == ("cancelled", True)
    queue.tidy(store.engine, jobs.folder_of(store), at=late)
    assert not folder_of(store, waiting).exists()


def test_a_failure_nobody_foresaw_names_a_code_and_nothing_of_the_file(store, tmp_path, monkeypatch, caplog):
    cell = "王小明"

    def fail(*_args, **_values):
        raise ValueError(cell)

    token = handed_in(store, tmp_path)
    monkeypatch.setattr(jobs, "import_files", fail)
    jobs.work(store)
    view = look(store, token)
    assert view.state == "failed"
    assert "代碼" in view.error
    assert cell not in view.error + caplog.text
    assert not folder_of(store, token).exists()


def test_a_busy_database_is_tried_again_and_then_said(store, tmp_path, monkeypatch):
    busy = importing.Plan(
        [importing.FileReport("", "", problems=[importing.Problem("資料庫", message=importing.BUSY)])], committed=False
    )
    token = handed_in(store, tmp_path)
    jobs.work(store)
    imports.decide(store, token, action="commit", **CHIEF)
    monkeypatch.setattr(jobs, "import_files", lambda *_args, **_values: busy)
    assert jobs.work(store) == jobs.TRIES
    view = look(store, token)
    assert (view.state, view.error) == ("planned", importing.BUSY)
    assert folder_of(store, token).exists()


def test_a_password_is_held_in_memory_only_and_asked_for_again_elsewhere(store, tmp_path, monkeypatch):
    secret = "壓縮檔的密碼 7531"
    token = handed_in(store, tmp_path)
    jobs.work(store)
    heard = []
    real = jobs.import_files

    def listen(*args, **values):
        heard.append(values["passwords"])
        return real(*args, **values)

    monkeypatch.setattr(jobs, "import_files", listen)
    imports.decide(store, token, action="replan", password=secret, **CHIEF)
    jobs.work(store)
    assert heard == [(secret,)]
    everything = json.dumps(contents_of(store.engine, audit=True), ensure_ascii=False)
    assert secret not in everything
    assert json.dumps(secret).strip('"') not in everything
    for path in store.instance_dir.rglob("*"):
        assert not path.is_file() or secret.encode() not in path.read_bytes()
    imports.decide(store, token, action="commit", **CHIEF)
    monkeypatch.setattr(jobs, "_passwords", {})  # another process, or this one started anew
    jobs.work(store)
    view = look(store, token)
    assert (view.state, view.error, view.asks_password) == ("planned", jobs.ASK_AGAIN, True)
    imports.decide(store, token, action="commit", password=secret, **CHIEF)
    jobs.work(store)
    assert look(store, token).state == "done"
    assert jobs._passwords == {}


def receipts_zip(password):
    """收訖明細 of one student, as the national database hands it out."""
    items = {"名冊資訊": {"學校代碼": "999301", "學年度": "113", "學期": "0"},
             "課程學習成果": [{"身分證號": STUDENTS[0][2], "出生日期": "0970203", "學期課程學習成果": []}]}  # fmt: skip
    content = json.dumps(items, ensure_ascii=False).encode("utf-8-sig")
    out = io.BytesIO()
    with pyzipper.AESZipFile(out, "w", encryption=pyzipper.WZ_AES) as archive:
        archive.setpassword(password.encode())
        archive.writestr("SHA.txt", f"課程學習成果.json,{hashlib.sha256(content).hexdigest()}\r\n")
        archive.writestr("課程學習成果.json", content)
    return out.getvalue()


def test_an_archive_asks_for_its_password_and_opens_with_it(store, tmp_path):
    files = [
        *open_files(write_school(tmp_path / "files", receipts=[])),
        ("收訖.zip", io.BytesIO(receipts_zip("密碼 9d2f"))),
    ]
    token = imports.hand_in(store, files, by="chief")
    jobs.work(store)
    assert look(store, token).asks_password
    imports.decide(store, token, action="replan", password="wrong", **CHIEF)
    jobs.work(store)
    assert look(store, token).asks_password
    imports.decide(store, token, action="replan", password="密碼 9d2f", **CHIEF)
    jobs.work(store)
    view = look(store, token)
    assert (view.asks_password, view.stopped_by) == (False, [])
    imports.decide(store, token, action="commit", **CHIEF)
    jobs.work(store)
    assert look(store, token).state == "done"
    assert count(store.engine, Receipt) == 1
    everything = json.dumps(contents_of(store.engine, audit=True), ensure_ascii=False)
    assert "密碼 9d2f" not in everything


def test_a_password_is_forgotten_after_a_while_and_when_its_job_is_cancelled(store, tmp_path, monkeypatch):
    token = handed_in(store, tmp_path)
    jobs.work(store)
    imports.decide(store, token, action="replan", password="secret", **CHIEF)
    assert jobs.passwords_of(token) == ("secret",)
    imports.decide(store, token, action="cancel", **CHIEF)
    assert jobs.passwords_of(token) == ()
    jobs.hold_password("x" * 32, "secret")
    monkeypatch.setattr(jobs, "PASSWORD_SECONDS", -1.0)
    assert jobs.passwords_of("x" * 32) == ()


def test_a_job_whose_password_another_process_holds_is_left_to_it_for_a_minute(store, tmp_path, monkeypatch):
    token = handed_in(store, tmp_path)
    jobs.work(store)
    imports.decide(store, token, action="replan", password="secret", **CHIEF)
    monkeypatch.setattr(jobs, "_me", "another")
    assert jobs.work(store) == 0
    monkeypatch.setattr(jobs, "_HOLDER_WAITS", timedelta(0))
    assert jobs.work(store) == 1
    assert look(store, token).state == "planned"


def test_the_thread_of_the_serving_process_does_the_work_and_goes_when_there_is_none(engine, tmp_path, monkeypatch):
    monkeypatch.setattr(jobs, "POLL_SECONDS", 0.01)
    monkeypatch.setattr(jobs, "IDLE_SECONDS", 1.0)
    store = Store(engine.url.render_as_string(hide_password=False), id_key=b"key", instance_dir=tmp_path / "instance")
    token = handed_in(store, tmp_path)
    thread, _ = jobs._threads[store]
    assert thread.daemon
    deadline = time.monotonic() + 60
    while look(store, token).is_running and time.monotonic() < deadline:
        time.sleep(0.05)
    assert look(store, token).state == "planned"
    thread.join(30)
    assert not thread.is_alive()
    jobs.wake(store)
    again, _ = jobs._threads[store]
    assert again is not thread
    again.join(30)
    store.engine.dispose()


@pytest.fixture
def one_database(tmp_path, migrated_file, monkeypatch):
    """SQLite is enough where only files and folders matter."""
    monkeypatch.setattr(jobs, "wake", lambda _store: None)
    (tmp_path / "instance").mkdir()
    (tmp_path / "instance" / "x.sqlite").write_bytes(migrated_file.read_bytes())
    made = Store(f"sqlite:///{tmp_path / 'instance' / 'x.sqlite'}", id_key=b"key", instance_dir=tmp_path / "instance")
    yield made
    made.engine.dispose()


class StoppedError(Exception):
    """What Ctrl-C is to the tests."""


def watched(store, folder, monkeypatch, *, looks, meanwhile=lambda _look: None):
    """Watch a folder for a number of looks; meanwhile says what happens between two."""
    lines = []
    seen = iter(range(looks))

    def sleep(seconds):
        if seconds == 0:
            number = next(seen, None)
            if number is None:
                raise StoppedError
            meanwhile(number)

    monkeypatch.setattr("dashboard.services.watch.time.sleep", sleep)
    with pytest.raises(StoppedError):
        watch(store, folder, say=lines.append, seconds=0)
    return lines


def test_a_watched_folder_commits_what_is_clean_and_takes_nothing_twice(one_database, tmp_path, monkeypatch):
    folder = write_school(tmp_path / "out", outcomes=[passed()])
    lines = watched(one_database, folder, monkeypatch, looks=4)
    assert len(lines) == 10
    assert all("已匯入" in line for line in lines)
    assert count(one_database.engine, Import) == 10
    (folder / "copy.xlsx").write_bytes((folder / "0.xlsx").read_bytes())
    lines = watched(one_database, folder, monkeypatch, looks=4)  # as after a restart
    assert len(lines) == 11
    assert all("相同" in line for line in lines)
    assert count(one_database.engine, Import) == 10


def test_a_watched_folder_leaves_what_is_not_clean_to_people(one_database, tmp_path, monkeypatch):
    folder = write_school(tmp_path / "out", outcomes=[passed(), item(number="2", sent="114/13/40")])
    lines = watched(one_database, folder, monkeypatch, looks=3)
    assert all("等人處理" in line for line in lines)
    assert count(one_database.engine, Import) == 0
    (waiting,) = imports.list_jobs(one_database, **CHIEF)
    assert (waiting.state, waiting.created_by, waiting.source) == ("planned", "watch", "watch")
    imports.decide(one_database, waiting.token, action="commit", take_good_rows=True, **CHIEF)
    jobs.work(one_database)
    assert count(one_database.engine, Outcome) == 1


def test_a_file_that_is_still_being_written_is_left_alone(one_database, tmp_path, monkeypatch):
    source = write_school(tmp_path / "source")
    folder = tmp_path / "out"
    folder.mkdir()
    content = (source / "0.xlsx").read_bytes()

    def grow(number):
        if number < 4:
            (folder / "0.xlsx").write_bytes(content[: len(content) // 4 * (number + 1)])
            assert count(one_database.engine, Job) == 0
        elif number == 4:
            (folder / "0.xlsx").write_bytes(content)

    lines = watched(one_database, folder, monkeypatch, looks=8, meanwhile=grow)
    assert len(lines) == 1
    assert "已匯入" in lines[0]


def test_refused_rows_go_out_are_mended_and_come_back(one_database, tmp_path):
    store = one_database
    token = handed_in(
        store,
        tmp_path,
        outcomes=[passed(), item(number="2", sent="=1+1")],
        students=[*STUDENTS, [*STUDENTS[0][:3], "9", *STUDENTS[0][4:]]],
    )
    jobs.work(store)
    early = imports.rejected_rows_of_job(store, token, **CHIEF)
    imports.decide(store, token, action="commit", take_good_rows=True, **CHIEF)
    jobs.work(store)
    batch_id = look(store, token).batch_id
    content = imports.rejected_rows(store, batch_id, **CHIEF)
    assert imports.rejected_rows(store, batch_id, by="other", role=Role.SECTION_CHIEF) is None
    file = tmp_path / "退回.xlsx"
    file.write_bytes(content)
    assert early[:2] == b"PK"
    lists = {tuple(table.frame.columns): table.frame for table in read_tables(file)}
    assert len(lists) == 2
    refused = next(frame for columns, frame in lists.items() if "送出認證時間" in columns)
    assert list(refused.columns)[-1] == "退回原因"
    assert "看得懂的日期" in refused["退回原因"].iloc[0]
    assert refused["送出認證時間"].iloc[0] == "=1+1"
    people = next(frame for columns, frame in lists.items() if "學籍狀態" in columns)
    assert "身分證號" not in people.columns
    assert "A10000000" not in people.to_csv()
    mended = write_xlsx(tmp_path / "mended.xlsx", list(refused.columns), [[*item(number="2"), "看不懂"]])
    token = imports.hand_in(store, [("mended.xlsx", io.BytesIO(mended.read_bytes()))], by="chief")
    jobs.work(store)
    view = look(store, token)
    assert view.stopped_by == []
    assert not any(
        "退回原因" in note for report in view.plan["reports"] for note in (*report["warnings"], *report["unknown"])
    )
    imports.decide(store, token, action="commit", **CHIEF)
    jobs.work(store)
    assert count(store.engine, Outcome) == 2


def test_the_history_lists_imports_refusals_and_undone_ones(one_database, tmp_path):
    store = one_database
    assert imports.list_batches(store) == []
    assert imports.import_paths(store, [write_school(tmp_path / "a")], by="a").committed
    bad = write_school(tmp_path / "b", outcomes=[item(number="2", sent="x")])
    assert not imports.import_paths(store, [bad], by="b").committed
    refused, kept = imports.list_batches(store)
    assert (refused.state, refused.by, refused.files[0].title, refused.files[0].rejected) == (
        "refused",
        "b",
        "認證清單",
        1,
    )
    assert (kept.state, kept.by, kept.by_hand, kept.can_be_undone) == ("kept", "a", False, True)
    assert imports.count_batches(store) == 2
    assert [batch.batch_id for batch in imports.list_batches(store, limit=1, offset=1)] == [kept.batch_id]
    assert imports.undo(store, kept.batch_id, by="c") > 0
    undone = imports.batch_of(store, kept.batch_id)
    assert (undone.state, undone.undone_by, undone.can_be_undone) == ("undone", "c", False)
    for forged in (kept.batch_id, "nothing", None, ["x"]):
        with pytest.raises(imports.ServiceError):
            imports.undo(store, forged, by="c")


def test_effects_are_not_worked_out_where_nothing_changes(one_database, tmp_path, monkeypatch):
    folder = write_school(tmp_path / "a", outcomes=[passed()])
    first = imports.import_paths(one_database, [folder], by="a", with_effects=True)
    assert {effect.title for effect in first.effects} >= {"學期 113-1 教師認證", "學期 113-1 課程學習成果上傳參與"}
    monkeypatch.setattr("dashboard.services.effects.build", lambda *_: pytest.fail("nothing changed"))
    again = imports.import_paths(one_database, [folder], by="a", school_year=113, with_effects=True)
    assert again.committed
    assert again.effects == []
