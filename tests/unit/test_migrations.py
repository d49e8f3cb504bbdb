"""Migrations: from nothing to the models, on both databases, and never twice."""

from __future__ import annotations

from datetime import date

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import Boolean, Date, Integer, LargeBinary, String, insert, inspect, select, text

from data.db import migrate, migrate_to, reading, schema_revision, writing
from data.instants import parse_as_of, to_us
from data.models import Base, Grant, GrantClass, Instant, Setting, User, UserSession
from tests.unit.builders import HEADINGS, contents_of, item, take_in, write_small_school, write_xlsx

MOMENT = parse_as_of("2025-01-01")


def fill_every_table(engine, folder):
    take_in(engine, write_small_school(folder / "first"))
    take_in(
        engine, write_xlsx(folder / "x.xlsx", HEADINGS["outcomes"], [item(teacher="T002", sent="2024/11/02 09:00")])
    )
    take_in(engine, write_xlsx(folder / "y.xlsx", HEADINGS["outcomes"], [item("")]))
    with writing(engine) as connection:
        connection.execute(insert(Setting).values(key="school_name", value="里程高中"))
        user = {
            "id": 1, "username": "a", "password_hash": "x", "staff_code": "T001",
            "created_at": MOMENT, "failed_count": 0,
        }  # fmt: skip
        connection.execute(insert(User).values(user))
        grant = {
            "id": 1, "user_id": 1, "role": "homeroom", "unit": "", "starts_on": date(2025, 1, 1), "reason": "", "granted_by": "b",
            "granted_at": MOMENT, "revoked_by": "",
        }  # fmt: skip
        connection.execute(insert(Grant).values(grant))
        connection.execute(insert(GrantClass).values(grant_id=1, school_year=113, class_name="101"))
        session = {"token_hash": "x", "user_id": 1, "grant_id": 1, "created_at": MOMENT, "seen_at": MOMENT}
        connection.execute(insert(UserSession).values(session))
        for table in Base.metadata.sorted_tables:  # the kinds of file above do not reach every table
            if connection.execute(select(table)).first() is None:
                connection.execute(insert(table).values({column.name: filler_of(column) for column in table.columns}))


# What a CHECK or a trigger demands; anything does elsewhere.
FILLERS = {
    "award_criteria.audience": "unit", "award_criteria.period": "term", "award_conditions.stage": "submit", "award_conditions.measure": "overdue",
    "award_conditions.comparator": "le", "award_adoptions.ruling": "adopted", "award_steps.kind": "drafted", "award_steps.staff_code": "y",
}  # fmt: skip


def filler_of(column):
    if str(column) in FILLERS:
        return FILLERS[str(column)]
    if column.foreign_keys or column.primary_key:
        return 1
    kinds = (
        (Instant, MOMENT),
        (Boolean, True),
        (Date, date(2025, 1, 1)),
        (LargeBinary, b"x"),
        (Integer, 1),
        (String, "x"),
    )
    return next(value for kind, value in kinds if isinstance(column.type, kind))


def test_an_empty_database_is_brought_to_the_newest_revision(empty_engine):
    migrate(empty_engine)
    current, head = schema_revision(empty_engine)
    assert current == head


def test_every_model_has_its_table_after_migrating(engine):
    assert set(Base.metadata.tables) | {"alembic_version"} == set(inspect(engine).get_table_names())


def test_the_migrated_schema_is_the_one_the_models_say(engine):
    with reading(engine) as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True, "compare_server_default": True})
        assert compare_metadata(context, Base.metadata) == []


def test_migrating_again_changes_no_row_of_any_table(engine, tmp_path):
    fill_every_table(engine, tmp_path)
    before = contents_of(engine, audit=True)
    assert [name for name, rows in before.items() if not rows] == []  # the test speaks of every table
    migrate(engine)
    assert contents_of(engine, audit=True) == before


def test_migrating_again_changes_no_table(engine):
    def shape():
        seen = inspect(engine)
        return {name: [column["name"] for column in seen.get_columns(name)] for name in seen.get_table_names()}

    before = shape()
    migrate(engine)
    assert shape() == before


def test_a_migration_that_fails_leaves_nothing_behind(empty_engine, monkeypatch):
    def fail(*_args, **_options):
        raise RuntimeError("interrupted")

    monkeypatch.setattr("data.db.insert", fail)
    with pytest.raises(RuntimeError, match="interrupted"):
        migrate(empty_engine)
    assert inspect(empty_engine).get_table_names() == []


def test_the_one_role_of_an_account_becomes_a_grant_and_its_logins_go_on_in_it(empty_engine):
    stamp = to_us(MOMENT)
    with writing(empty_engine) as connection:
        migrate_to(connection, "0012")
        for number, name, role, unit in ((3, "wang", "homeroom", ""), (7, "lin", "section_chief", "教務處")):
            connection.execute(
                text(
                    "INSERT INTO users (id, username, password_hash, role, staff_code, unit, created_at, failed_count) "
                    "VALUES (:id, :name, 'x', :role, 'T001', :unit, :at, 0)"
                ),
                {"id": number, "name": name, "role": role, "unit": unit, "at": stamp},
            )
            connection.execute(
                text(
                    "INSERT INTO user_sessions (token_hash, user_id, created_at, seen_at) VALUES (:name, :id, :at, :at)"
                ),
                {"id": number, "name": name, "at": stamp},
            )
            connection.execute(
                text("INSERT INTO login_links (user_id, token_hash, expires_at) VALUES (:id, :name, :at)"),
                {"id": number, "name": name, "at": stamp},
            )
        classes = text("INSERT INTO user_classes (user_id, school_year, class_name) VALUES (3, :year, '101')")
        connection.execute(classes, [{"year": 113}, {"year": 114}])
    migrate(empty_engine)
    with writing(empty_engine) as connection:
        held = connection.execute(select(Grant.id, Grant.user_id, Grant.role, Grant.unit, Grant.starts_on, Grant.ends_on).order_by(Grant.user_id)).all()  # fmt: skip
        assert [row[1:] for row in held] == [
            (3, "homeroom", "", MOMENT.date(), None),
            (7, "section_chief", "教務處", MOMENT.date(), None),
        ]
        of = {row.user_id: row.id for row in held}
        classes = connection.execute(select(GrantClass.grant_id, GrantClass.school_year, GrantClass.class_name)).all()
        assert sorted(classes) == [(of[3], 113, "101"), (of[3], 114, "101")]
        sessions = connection.execute(select(UserSession.user_id, UserSession.grant_id)).all()
        assert sorted(sessions) == sorted(of.items())
        links = connection.execute(text("SELECT count(*) FROM login_links")).scalar()  # hang on users: still there
        assert links == 2
        given = {"user_id": 3, "role": "member", "unit": "", "starts_on": MOMENT.date(), "reason": "", "granted_by": "", "granted_at": MOMENT, "revoked_by": ""}  # fmt: skip
        connection.execute(insert(Grant).values(given))  # the next number is free
