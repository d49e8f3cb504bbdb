"""Backups: taken while others write, refused when not whole, and the same school wherever they are restored."""

from __future__ import annotations

import os
import resource
import shutil
import sqlite3
import subprocess
import sys
import threading
from contextlib import closing
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import create_engine, func, insert, select, text

from dashboard.services import accounts, backups, reports
from dashboard.services.backups import BackupError
from dashboard.services.store import Store
from dashboard.settings import read_secret
from data.audit import verify
from data.backup import digest_path, open_backup, write_backup
from data.db import (
    migrate,
    migrate_to,
    normalise_url,
    open_engine,
    read_data_version,
    reading,
    schema_revision,
    writing,
)
from data.instants import TAIPEI
from data.metrics import all_metrics
from data.models import AuditEvent, Base, Import, Job, Setting, Student, User, UserSession
from tests.unit.builders import contents_of, item, passed, take_in, write_school
from tests.unit.test_migrations import fill_every_table

ROOT = Path(__file__).resolve().parents[2]
PASSWORD = "正確的馬兒電池訂書針 7"
# What a restore itself writes or leaves out, and so differs from the database that was backed up.
OWN = {"user_sessions", "login_links", "pending_logins", "data_versions", "jobs"}


def facts(engine):
    return {name: rows for name, rows in contents_of(engine).items() if name not in OWN}


@pytest.fixture(scope="module")
def school(tmp_path_factory):
    """A database with a row in every table, its files and a store; nobody changes it."""
    folder = tmp_path_factory.mktemp("school")
    url = f"sqlite:///{folder / 'instance' / 'licheng.sqlite'}"
    engine = open_engine(url, audit_key=read_secret(folder / "instance", "audit"))
    migrate(engine)
    fill_every_table(engine, folder)
    rows = [passed(), item("1130002", "2"), passed("1130003", "3", class_name="102", teacher="T002", certifier="T002")]
    take_in(engine, write_school(folder / "more", outcomes=rows))
    engine.dispose()
    (folder / "instance" / "id-number.key").write_text("a7" * 32)
    return folder


@pytest.fixture
def store(school, tmp_path):
    """The school in a place of the test's own."""
    shutil.copytree(school / "instance", tmp_path / "instance")
    made = Store(
        f"sqlite:///{tmp_path / 'instance' / 'licheng.sqlite'}", id_key=b"k", instance_dir=tmp_path / "instance"
    )
    yield made
    made.engine.dispose()


@pytest.fixture
def kept(store, tmp_path):
    """A backup of the school."""
    return backups.take_backup(store, tmp_path / "school.backup", by="test").path


@pytest.fixture
def postgres(postgres_url):
    """The address of an empty PostgreSQL database of the test's own."""
    owner = create_engine(postgres_url, isolation_level="AUTOCOMMIT")
    with owner.connect() as connection:
        connection.execute(text("DROP DATABASE IF EXISTS elsewhere WITH (FORCE)"))
        connection.execute(text("CREATE DATABASE elsewhere"))
    owner.dispose()
    head, _, query = postgres_url.partition("?")
    return normalise_url(f"{head.rsplit('/', 1)[0]}/elsewhere" + (f"?{query}" if query else ""))


@pytest.fixture(params=["sqlite", "postgresql"])
def elsewhere(request, tmp_path):
    """The address of a database that does not exist yet, or is empty."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'elsewhere' / 'licheng.sqlite'}"
    return request.getfixturevalue("postgres")


def put_back(url, path, tmp_path, **options):
    return backups.put_back(url, path, instance_dir=tmp_path / "elsewhere", by="test", **options)


def all_reports(url, tmp_path):
    """Every metric by every stage and grouping it knows, as the text of the command line."""
    store = Store(url, id_key=b"k", instance_dir=tmp_path)
    said = {}
    for key, metric in all_metrics().items():
        for stage in metric.stages:
            for by in ("school", "class"):
                question = {
                    "term": "1131",
                    "stage": stage,
                    "by": by,
                    "as_of": "2025-02-05T12:00",
                    "since": "2024-11-02",
                }
                try:
                    said[key, stage, by] = reports.report(store, key, **question).to_csv(index=False)
                except reports.ReportError as error:
                    said[key, stage, by] = str(error)
    store.engine.dispose()
    return said


# --- taking one -------------------------------------------------------------------------------------------------------


def test_ten_backups_while_an_importer_writes_are_each_consistent(engine, tmp_path):
    take_in(engine, write_school(tmp_path / "first", outcomes=[]))
    stop, failed = threading.Event(), []

    def keep_writing():
        # As an import does it: the import, what it brought, and the version belong together.
        number = 0
        try:
            while not stop.is_set():
                number += 1
                with writing(engine) as connection:
                    row = {
                        "batch_id": str(number), "file_name": "x", "sha256": "x", "kind": "staff", "term": "", "row_count": 40,
                        "new_count": 40, "changed_count": 0, "unchanged_count": 0, "rejected_count": 0, "warnings": "",
                        "imported_at": datetime.now(TAIPEI), "imported_by": "test", "state": "kept",
                    }  # fmt: skip
                    made = connection.execute(insert(Import).values(row)).inserted_primary_key[0]
                    connection.execute(insert(Student), [
                        {"student_number": f"{number}-{each}", "name": "某生", "import_id": made} for each in range(40)
                    ])  # fmt: skip
        except Exception as error:
            failed.append(error)

    if engine.dialect.name == "postgresql":  # ids given by the importer itself; its own numbering begins after them
        with engine.begin() as connection:
            for name in ("imports", "students"):
                connection.execute(
                    text(f"SELECT setval(pg_get_serial_sequence('{name}', 'id'), (SELECT max(id) FROM {name}))")
                )
    writer = threading.Thread(target=keep_writing)
    writer.start()
    try:
        paths = [tmp_path / f"{number}.backup" for number in range(10)]
        counts = [write_backup(engine, path).tables["students"][0] for path in paths]
    finally:
        stop.set()
        writer.join()
    assert failed == []
    assert counts == sorted(counts)
    assert counts[-1] > counts[0]  # it did write meanwhile
    for path in paths:
        with open_backup(path) as (file, _):
            (orphans,) = file.execute(
                "SELECT count(*) FROM students WHERE import_id NOT IN (SELECT id FROM imports)"
            ).fetchone()
            brought = file.execute("SELECT count(*) FROM students WHERE student_number LIKE '%-%'").fetchone()[0]
            batches = file.execute("SELECT count(*) FROM imports WHERE row_count = 40").fetchone()[0]
        assert (orphans, brought) == (0, 40 * batches)


def test_a_backup_is_its_owners_alone_and_overwrites_nothing(store, kept):
    assert oct(kept.stat().st_mode)[-3:] == "600"
    assert digest_path(kept).read_text(encoding="utf-8").split()[1] == kept.name
    before = kept.read_bytes()
    with pytest.raises(BackupError, match="已經有了"):
        backups.take_backup(store, kept, by="test")
    assert kept.read_bytes() == before
    assert sorted(path.name for path in kept.parent.iterdir()) == ["instance", "school.backup", "school.backup.sha256"]


def test_sessions_are_in_no_backup(store, kept):
    with reading(store.engine) as connection:
        (token,) = connection.execute(select(UserSession.token_hash)).scalars()
        assert token
    with open_backup(kept) as (_, manifest):
        assert "user_sessions" not in manifest.tables
        assert set(manifest.tables) == set(Base.metadata.tables) - {"user_sessions", "login_links", "pending_logins"}


def test_the_log_and_the_doctor_know_of_a_backup(store):
    assert backups.last_backup_at(store) is None
    made = backups.take_backup(store, None, by="someone")
    assert made.path.parent == store.instance_dir / "backups"
    at = backups.last_backup_at(store)
    assert timedelta(0) <= datetime.now(TAIPEI) - at < timedelta(minutes=1)
    with reading(store.engine) as connection:
        actor, detail = connection.execute(
            select(AuditEvent.actor, AuditEvent.detail).where(AuditEvent.happened_at == at)
        ).one()
    assert actor == "someone"
    assert made.path.name in detail
    (made.path.parent / "licheng-broken.sqlite").touch()
    whole, broken = backups.list_backups(store)
    assert (whole.path, whole.manifest) == (made.path, made.manifest)
    assert broken.manifest is None


def test_a_database_that_was_never_made_is_no_backup(tmp_path):
    store = Store(f"sqlite:///{tmp_path / 'x.sqlite'}", id_key=b"k", instance_dir=tmp_path)
    with pytest.raises(BackupError, match="還沒有建立"):
        backups.take_backup(store, tmp_path / "x.backup", by="test")
    assert [path.name for path in tmp_path.glob("x.backup*")] == []


@pytest.fixture
def small_files():
    """A disk that takes no file above 64 kB, as a full one takes no more."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (64 * 1024, before[1]))
    yield
    resource.setrlimit(resource.RLIMIT_FSIZE, before)


def test_a_full_disk_is_said_and_leaves_no_half_backup(school, tmp_path, small_files):
    store = Store(f"sqlite:///{school / 'instance' / 'licheng.sqlite'}", id_key=b"k", instance_dir=tmp_path)
    with pytest.raises(BackupError, match="磁碟空間不足"):
        backups.take_backup(store, tmp_path / "x.backup", by="test")
    assert list(tmp_path.glob("x.backup*")) == []
    store.engine.dispose()


# --- putting it back --------------------------------------------------------------------------------------------------


def test_a_backup_restored_elsewhere_gives_the_same_rows_and_the_same_reports(store, kept, elsewhere, tmp_path):
    done = put_back(elsewhere, kept, tmp_path)
    assert done.kept == ""
    opened = open_engine(elsewhere)
    assert facts(opened) == facts(store.engine)
    assert schema_revision(opened)[0] == schema_revision(opened)[1]
    opened.dispose()
    said = all_reports(elsewhere, tmp_path)
    assert said == all_reports(str(store.engine.url), tmp_path)
    assert len({text for text in said.values() if "," in text}) > 10  # and they say something


def test_there_and_back_again_between_the_databases_nothing_changes(store, kept, postgres, tmp_path):
    put_back(postgres, kept, tmp_path)
    there = Store(postgres, id_key=b"k", instance_dir=tmp_path / "elsewhere")
    second = backups.take_backup(there, tmp_path / "second.backup", by="test").path
    there.engine.dispose()
    back = f"sqlite:///{tmp_path / 'back.sqlite'}"
    put_back(back, second, tmp_path)
    opened = open_engine(back)
    assert facts(opened) == facts(store.engine)
    opened.dispose()
    assert all_reports(back, tmp_path) == all_reports(str(store.engine.url), tmp_path)


def test_a_restored_database_goes_on_where_it_was(kept, elsewhere, tmp_path):
    put_back(elsewhere, kept, tmp_path)
    there = Store(elsewhere, id_key=b"k", instance_dir=tmp_path / "elsewhere")
    accounts.add_user(there, "boss", PASSWORD, role="convener", classes=[])  # numbered after what came with the backup
    assert accounts.log_in(there, "boss", PASSWORD)
    assert take_in(there.engine, write_school(tmp_path / "later", outcomes=[passed("1130002", "9")])).committed
    there.engine.dispose()


def test_after_a_restore_nobody_is_logged_in_and_no_hand_in_waits_for_files_that_are_gone(kept, elsewhere, tmp_path):
    put_back(elsewhere, kept, tmp_path)
    opened = open_engine(elsewhere)
    with reading(opened) as connection:
        assert connection.execute(select(func.count()).select_from(UserSession)).scalar() == 0
        assert set(connection.execute(select(Job.state)).scalars()) == {"cancelled"}
        assert "backup_restored" in connection.execute(select(AuditEvent.action)).scalars().all()
    opened.dispose()


def test_a_used_database_is_replaced_only_when_asked_and_the_old_one_is_kept(engine, kept, tmp_path):
    url = engine.url.render_as_string(hide_password=False)
    with writing(engine) as connection:
        connection.execute(insert(Setting).values(key="school_name", value="舊的高中"))
        before = read_data_version(connection)
    with pytest.raises(BackupError, match="--replace"):
        put_back(url, kept, tmp_path)
    with reading(engine) as connection:
        assert connection.execute(select(Setting.value)).scalar() == "舊的高中"
    done = put_back(url, kept, tmp_path, replace=True)
    with reading(engine) as connection:  # a server that had it open sees the new rows, and no cache of the old ones
        assert connection.execute(select(Setting.value)).scalar() == "里程高中"
        assert read_data_version(connection) > before
    old = Path(done.kept)
    assert oct(old.stat().st_mode)[-3:] == "600"
    if engine.dialect.name == "sqlite":
        assert old.name.startswith("school.sqlite.until-")
        kept_engine = open_engine(f"sqlite:///{old}")
    else:
        put_back(f"sqlite:///{tmp_path / 'old.sqlite'}", old, tmp_path)
        kept_engine = open_engine(f"sqlite:///{tmp_path / 'old.sqlite'}")
    with reading(kept_engine) as connection:
        assert connection.execute(select(Setting.value)).scalar() == "舊的高中"
    kept_engine.dispose()


def _truncated(path):
    path.write_bytes(path.read_bytes()[:-4096])


def _empty(path):
    path.write_bytes(b"")


def _changed(path):
    content = path.read_bytes()
    at = content.index("甲生".encode())
    path.write_bytes(content[:at] + "乙".encode() + content[at + 3 :])


def _changed_and_hashed_anew(path):
    _changed(path)
    digest_path(path).unlink()


def _with_another_table(path):
    with closing(sqlite3.connect(path)) as opened:
        opened.execute("CREATE TABLE more (a)")
    digest_path(path).unlink()


def _with_a_view(path):
    with closing(sqlite3.connect(path)) as opened:
        opened.execute("CREATE VIEW v AS SELECT load_extension('x')")
    digest_path(path).unlink()


def _of_another_program(path):
    path.unlink()
    digest_path(path).unlink()
    with closing(sqlite3.connect(path)) as opened:
        opened.execute("CREATE TABLE users (a)")


def _a_workbook(path):
    path.write_bytes(b"PK\x03\x04" + b"x" * 1000)
    digest_path(path).unlink()


def _newer(path):
    with closing(sqlite3.connect(path)) as opened, opened:
        opened.execute("UPDATE backup_manifest SET value = '9999' WHERE name = 'schema_revision'")
    digest_path(path).unlink()


def _of_a_newer_format(path):
    with closing(sqlite3.connect(path)) as opened:
        opened.execute("PRAGMA user_version = 99")
    digest_path(path).unlink()


@pytest.mark.parametrize(
    ("spoil", "says"),
    [
        (_truncated, "沒有寫完"), (_empty, "沒有寫完"), (_changed, "不符"), (_changed_and_hashed_anew, "不符"),
        (_with_another_table, "不該有"), (_with_a_view, "不該有"), (_of_another_program, "不是歷程的備份檔"), (_a_workbook, "不是歷程的備份檔"),
        (_newer, "請先升級"), (_of_a_newer_format, "請先升級"),
    ],
)  # fmt: skip
def test_a_file_that_is_not_a_whole_backup_of_ours_is_refused_in_one_line_and_changes_nothing(
    store, kept, tmp_path, spoil, says
):
    spoil(kept)
    before = contents_of(store.engine, audit=True)
    with pytest.raises(BackupError, match=says) as refused:
        put_back(str(store.engine.url), kept, tmp_path, replace=True)
    assert "\n" not in str(refused.value)
    assert contents_of(store.engine, audit=True) == before
    assert list(store.instance_dir.glob("*.until-*")) == []


def test_what_does_not_exist_is_said(tmp_path):
    with pytest.raises(BackupError, match="讀不到"):
        put_back(f"sqlite:///{tmp_path / 'x.sqlite'}", tmp_path / "nothing", tmp_path)
    assert not (tmp_path / "x.sqlite").exists()


def test_a_backup_of_an_older_schema_is_migrated(empty_engine, tmp_path, elsewhere):
    with writing(empty_engine) as connection:
        migrate_to(connection, "0001")
        connection.execute(text("INSERT INTO data_versions (id, version) VALUES (1, 5)"))
        connection.execute(text(
            "INSERT INTO imports (batch_id, file_name, sha256, kind, term, row_count, new_count, changed_count, unchanged_count,"
            " rejected_count, warnings, imported_at, imported_by) VALUES ('b', 'f', 's', 'staff', '', 1, 1, 0, 0, 0, '', 1, 'me')"
        ))  # fmt: skip
    path = tmp_path / "old.backup"
    manifest = write_backup(empty_engine, path)
    assert manifest.schema_revision == "0001"
    put_back(elsewhere, path, tmp_path)
    opened = open_engine(elsewhere)
    assert schema_revision(opened)[0] == schema_revision(opened)[1]
    with reading(opened) as connection:
        assert connection.execute(select(Import.batch_id, Import.state)).one() == ("b", "kept")
        assert read_data_version(connection) > 5
    opened.dispose()


def test_a_full_disk_while_restoring_leaves_the_old_data(store, kept, tmp_path):
    # Ids large enough that the new pages do not fit, and a journal of its own, so that only the restore meets the limit.
    small = f"sqlite:///{tmp_path / 'small' / 'x.sqlite'}"
    opened = open_engine(small)
    migrate(opened)
    opened.dispose()
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (128 * 1024, before[1]))
    try:
        with pytest.raises(BackupError, match="磁碟空間不足"):
            put_back(small, kept, tmp_path)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    opened = open_engine(small)
    with reading(opened) as connection:
        assert connection.execute(select(func.count()).select_from(User)).scalar() == 0
        assert read_data_version(connection) == 1
    opened.dispose()
    put_back(small, kept, tmp_path)


def test_a_database_that_cannot_be_read_any_more_is_moved_aside(store, kept, tmp_path):
    url, file = str(store.engine.url), store.instance_dir / "licheng.sqlite"
    store.engine.dispose()
    for path in store.instance_dir.glob("licheng.sqlite-*"):
        path.unlink()
    file.write_bytes(b"SQLite format 3\0" + b"rubbish" * 5000)
    with pytest.raises(BackupError, match="損壞"):
        put_back(url, kept, tmp_path)
    assert b"rubbish" in file.read_bytes()
    done = put_back(url, kept, tmp_path, replace=True)
    assert b"rubbish" in Path(done.kept).read_bytes()
    with reading(store.engine) as connection:
        assert connection.execute(select(Setting.value)).scalar() == "里程高中"


# --- secret keys ------------------------------------------------------------------------------------------------------


def test_keys_go_into_a_second_file_only_when_asked_and_come_back_with_it(store, tmp_path):
    made = backups.take_backup(store, tmp_path / "x.backup", by="test", with_keys=True)
    assert oct(made.keys_path.stat().st_mode)[-3:] == "600"
    assert b"a7" * 32 not in made.path.read_bytes()
    url = f"sqlite:///{tmp_path / 'elsewhere' / 'licheng.sqlite'}"
    key = tmp_path / "elsewhere" / "id-number.key"
    key.parent.mkdir()
    key.write_text("1" * 64)
    without = put_back(url, made.path, tmp_path)
    assert any("金鑰" in note for note in without.notes)
    assert key.read_text() == "1" * 64
    put_back(url, made.path, tmp_path, replace=True, keys_path=made.keys_path)
    assert key.read_text() == "a7" * 32
    assert oct(key.stat().st_mode)[-3:] == "600"
    assert [path.read_text() for path in key.parent.glob("id-number.key.until-*")] == ["1" * 64]
    there = Store(url, id_key=b"k", instance_dir=tmp_path / "elsewhere")
    with reading(there.engine) as connection:  # the chain goes on where it was, and its seals fit
        verdict = verify(connection)
        last = connection.execute(select(AuditEvent.action).order_by(AuditEvent.sequence.desc())).scalars().first()
    there.engine.dispose()
    assert (verdict.faults, last) == ((), "backup_restored")


def test_keys_of_another_backup_are_refused_before_anything_changes(store, kept, tmp_path):
    strange = tmp_path / "strange.keys"
    strange.write_text('{"id-number": "2"}')
    with pytest.raises(BackupError, match="不是一起做的"):
        put_back(f"sqlite:///{tmp_path / 'x.sqlite'}", kept, tmp_path, keys_path=strange)
    assert not (tmp_path / "x.sqlite").exists()


# --- the drill --------------------------------------------------------------------------------------------------------


def test_the_drill_of_the_operations_page_runs_as_written(school, tmp_path):
    shutil.copytree(school / "instance", tmp_path / "instance")
    page = (ROOT / "docs" / "operations.md").read_text(encoding="utf-8")
    drill = page.split("## 演練", 1)[1].split("```")[1]
    command = tmp_path / "bin" / "licheng"
    command.parent.mkdir()
    command.write_text(f'#!/bin/sh\nexec {sys.executable} -c "from dashboard.cli import main; main()" "$@"\n')
    command.chmod(0o755)
    environment = os.environ | {"PATH": f"{command.parent}:{os.environ['PATH']}", "LICHENG_DATABASE_URL": "", "PYTHONPATH": str(ROOT)}  # fmt: skip
    environment.pop("LICHENG_INSTANCE_DIR", None)
    done = subprocess.run(
        ["bash", "-e", "-c", drill], cwd=tmp_path, env=environment, capture_output=True, text=True, encoding="utf-8"
    )
    assert done.returncode == 0, done.stderr
    assert "已還原" in done.stdout
    assert sorted(path.name for path in tmp_path.iterdir()) == ["bin", "instance"]
