"""The audit log as it is asked for, on both databases."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest

from dashboard.services import audit, privacy
from dashboard.services.store import Store
from data.audit import append
from data.db import writing
from data.instants import TAIPEI
from data.school import write_setting

NOW = datetime.now(TAIPEI)


@pytest.fixture
def store(engine, tmp_path):
    """A log of four events: two years and a day old, and three of now."""
    made = Store(engine.url.render_as_string(hide_password=False), id_key=b"key", instance_dir=tmp_path / "instance")
    with writing(made.engine) as connection:
        append(connection, at=NOW - timedelta(days=800), actor="old", action="login")
        write_setting(connection, "audit_retention_years", "2")
    audit.record(made, actor="secretary", action="view_teacher", about="teacher:T001")
    audit.record(made, actor="chief", action="export", about="class:113:101", detail={"rows": 36})
    audit.record(made, actor="homeroom", action="view_student", about=audit.about_student(made, "1130001"))
    yield made
    made.engine.dispose()


def actors(store, **asked):
    total, events = audit.look_at(store, audit.read_query(store, asked))
    assert total == len(events)
    return [event.actor for event in events]


@pytest.mark.parametrize(
    ("asked", "expected"),
    [
        ({}, ["homeroom", "chief", "secretary", "old"]),
        ({"action": "export"}, ["chief"]),
        ({"actor": "secretary"}, ["secretary"]),
        ({"about": "T001"}, ["secretary"]),
        ({"about": "teacher:T001"}, ["secretary"]),
        ({"about": "101"}, ["chief"]),
        ({"about": "1130001"}, ["homeroom"]),
        ({"about": "113000"}, []),
        ({"about": "1%"}, []),
        ({"about": "T001\x00"}, []),
        ({"from": f"{NOW - timedelta(days=1):%Y-%m-%d}"}, ["homeroom", "chief", "secretary"]),
        ({"to": f"{NOW - timedelta(days=799):%Y-%m-%d}"}, ["old"]),
        ({"from": "9999-99-99", "page": "0"}, ["homeroom", "chief", "secretary", "old"]),
    ],
)
def test_the_log_answers_by_day_person_action_and_thing(store, asked, expected):
    assert actors(store, **asked) == expected


def test_a_day_asked_for_is_the_whole_day_in_taipei(engine, tmp_path):
    store = Store(engine.url.render_as_string(hide_password=False), id_key=b"key", instance_dir=tmp_path / "instance")
    midnight = datetime(2025, 2, 3, tzinfo=TAIPEI)
    for name, at in (("before", midnight - timedelta(microseconds=1)), ("first", midnight), ("last", midnight + timedelta(days=1, microseconds=-1)), ("after", midnight + timedelta(days=1))):  # fmt: skip
        with writing(store.engine) as connection:
            append(connection, at=at, actor=name, action="login")
    assert actors(store, **{"from": "2025-02-03", "to": "2025-02-03"}) == ["last", "first"]
    store.engine.dispose()


def test_pruning_follows_the_setting_and_a_dry_run_changes_nothing(store):
    assert audit.prune(store, by="root", dry_run=True)[0] == 1
    assert len(actors(store)) == 4
    removed, first_kept = audit.prune(store, by="root")
    assert (removed, first_kept.year) == (1, NOW.year - 2)
    assert actors(store) == ["root", "homeroom", "chief", "secretary"]
    checked = audit.check(store)
    assert (checked.total, checked.verdict.faults) == (4, ())


def test_what_is_held_of_a_teacher_is_counted_and_the_viewers_are_roles(store):
    own = privacy.own(store, user_id=1, username="teacher", staff_code="T001")
    assert [(view.role, view.action, view.by_oneself) for view in own.views] == [("", "view_teacher", False)]
    assert (own.view_count, own.retention_years) == (1, 2)
    nobody = privacy.own(store, user_id=1, username="chief", staff_code="")
    assert (nobody.views, nobody.staff, nobody.account["exports"]) == ((), {}, 1)
