"""The system's page: who may, what it says, and what a forged form gets."""

from __future__ import annotations

import json
import shutil
from dataclasses import fields

import pytest
from sqlalchemy import func, select, text

from dashboard.services import backups, imports
from dashboard.services.school_settings import list_settings
from data.backup import open_backup
from data.db import read_data_version, reading
from data.models import AuditEvent, Setting, Staff, Student
from data.schema import SchoolSettings
from tests.app.conftest import fire
from tests.school import ROLES

SHOW = "..admin-head.children...admin-body.children.."
SAVE = "admin-saved.children"
TAKE = "..admin-backed-up.children...admin-shelf.children.."
FIELDS = [field.name for field in fields(SchoolSettings)]


def show(client):
    return fire(client, SHOW, inputs={"theme.data": "light"})


def save(client, place, **changes):
    values = {view.key: view.value for view in list_settings(place.store)} | changes
    state = {f"admin-{name}.value": values[name] for name in order_of(client)}
    return fire(client, SAVE, inputs={"admin-save.n_clicks": 1}, state=state)


def order_of(client):
    """The form's fields as the page registered them."""
    registered = client.application.config["LICHENG_CALLBACKS"][SAVE]["state"]
    return [each["id"].removeprefix("admin-") for each in registered]


def take(client):
    return fire(client, TAKE, inputs={"admin-backup.n_clicks": 1})


def words(answer):
    assert answer.status_code == 200
    return json.dumps(answer.json, ensure_ascii=False)


@pytest.fixture
def unchanged(place):
    """The settings, version and log before the test; what the test changes in the settings is put back."""
    before = settings_of(place)
    yield before
    for key, value in list_as_text(place):
        imports.change_setting(place.store, key, value, by="test")


def settings_of(place):
    with reading(place.store.engine) as connection:
        stored = connection.execute(select(Setting.key, Setting.value).order_by(Setting.key)).all()
        logged = connection.execute(select(func.count()).where(AuditEvent.action == "setting")).scalar_one()
        return stored, read_data_version(connection), logged


def list_as_text(place):
    return [(view.key, view.default) for view in list_settings(place.store)]


@pytest.fixture
def shelf(place):
    """The folder of backups, as empty as it was."""
    folder = backups.backups_folder(place.store.instance_dir)
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


@pytest.mark.parametrize("username", [name for name in ROLES if name != "admin"])
def test_nobody_but_the_administrator_gets_or_changes_anything(client_for, place, shelf, username):
    client, before = client_for(username), settings_of(place)
    assert [show(client).status_code, save(client, place, school_name="駭").status_code, take(client).status_code] == [
        403
    ] * 3
    assert settings_of(place) == before
    assert not shelf.exists()
    page = fire(client, "..admin-head.children...admin-body.children..", inputs={"theme.data": "light"})
    assert b"SQLite" not in page.data


def test_every_setting_there_is_stands_on_the_page_with_what_is_in_force(client_for, place):
    text = words(show(client_for("admin")))
    for name in FIELDS:
        assert f'"admin-{name}"' in text
    assert sorted(order_of(client_for("admin"))) == sorted(FIELDS)


def test_the_page_says_how_the_system_stands_and_names_no_student_and_no_teacher(client_for, place):
    text = words(show(client_for("admin")))
    for line in ("SQLite", "資料庫結構", "最近一次匯入", "磁碟", "稽核紀錄", "資料版本"):
        assert line in text
    with reading(place.store.engine) as connection:
        names = [*connection.execute(select(Student.name)).scalars(), *connection.execute(select(Staff.name)).scalars()]
    assert [name for name in names if f'"{name}"' in text] == []
    assert all(f'"{name}"' in text for name in ROLES)


def test_a_changed_setting_is_in_force_at_once_and_leaves_old_and_new_in_the_log(client_for, place, unchanged):
    client = client_for("admin")
    said = words(save(client, place, minimum_response_days="5", upload_outcome_cap="3"))
    assert "已儲存" in said
    assert "最短認證日數：3 → 5" in said
    assert place.store.ledger()[1].settings.minimum_response_days == 5
    _, version, logged = settings_of(place)
    assert (version, logged) == (unchanged[1] + 1, unchanged[2] + 2)
    with reading(place.store.engine) as connection:
        newest = (
            select(AuditEvent.actor, AuditEvent.about, AuditEvent.detail).order_by(AuditEvent.sequence.desc()).limit(2)
        )
        lines = {line.about: (line.actor, json.loads(line.detail)) for line in connection.execute(newest)}
    assert lines["setting:minimum_response_days"] == ("admin", {"role": "admin", "before": "3", "after": "5"})
    assert lines["setting:upload_outcome_cap"] == ("admin", {"role": "admin", "before": "", "after": "3"})


def test_saving_what_is_there_already_changes_nothing(client_for, place, unchanged):
    assert "沒有變更" in words(save(client_for("admin"), place))
    assert settings_of(place)[1:] == unchanged[1:]


BAD = {
    "a word for a number": ("minimum_response_days", "三"),
    "a full-width number": ("minimum_response_days", "３"),
    "less than may be": ("suppression_size", "4"),
    "more than may be": ("minimum_response_days", "61"),
    "a number of forty digits": ("select_outcome_cap", "9" * 40),
    "a negative number": ("upload_outcome_cap", "-1"),
    "nothing where something is due": ("audit_retention_years", ""),
    "no such choice": ("second_factor", "perhaps"),
    "neither yes nor no": ("keep_originals", "maybe"),
    "a name of two lines": ("school_name", "甲\n乙"),
    "a name too long": ("school_name", "高" * 61),
    "a number that is no text": ("minimum_response_days", 5),
    "a list": ("school_name", ["甲"]),
    "an object": ("school_name", {"a": 1}),
    "nothing at all": ("school_name", None),
}


@pytest.mark.parametrize("case", BAD)
def test_a_bad_value_is_said_and_nothing_is_changed_not_even_the_good_ones_beside_it(client_for, place, case):
    before = settings_of(place)
    key, value = BAD[case]
    other = {"school_code": "999999"} if key != "school_code" else {}
    said = words(save(client_for("admin"), place, **{key: value}, **other))
    assert "沒有儲存" in said
    assert settings_of(place) == before


def test_an_unknown_setting_and_a_field_too_many_are_refused(client_for, place):
    client, before = client_for("admin"), settings_of(place)
    state = {f"admin-{name}.value": "1" for name in [*order_of(client), "database_url"]}
    assert fire(client, SAVE, inputs={"admin-save.n_clicks": 1}, state=state).status_code == 400
    assert settings_of(place) == before


def test_a_backup_is_taken_on_the_page_listed_and_offered_to_no_browser(client_for, place, shelf):
    client = client_for("admin")
    said = words(take(client))
    assert "已備份" in said
    (path,) = shelf.glob("*.sqlite")
    assert path.name in said
    assert "href" not in said
    with open_backup(path) as (file, _), reading(place.store.engine) as connection:
        students = connection.execute(text("SELECT count(*) FROM students")).scalar()
        assert file.execute("SELECT count(*) FROM students").fetchone() == (students,)
    for where in (f"/backups/{path.name}", f"/assets/../instance/backups/{path.name}", f"/exports/{path.name}"):
        assert b"SQLite format" not in client.get(where).data
    (shelf / "licheng-half.sqlite").touch()
    assert "沒有寫完" in words(show(client))
