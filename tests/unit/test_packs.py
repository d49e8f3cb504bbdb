"""Frozen packs in the database: kept whole, found by number, and never changed."""

from __future__ import annotations

import hashlib
from datetime import datetime

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from data.db import reading, writing
from data.instants import TAIPEI
from data.packs import BrokenPackError, Pack, add_pack, find_pack, list_packs

AT = datetime(2026, 11, 26, 12, tzinfo=TAIPEI)


def a_pack(content: bytes, *, edition: str = "full", sha256: str = "") -> Pack:
    return Pack(0, 1151, AT, edition, AT, "secretary", sha256 or hashlib.sha256(content).hexdigest(), len(content))


def test_a_pack_comes_back_byte_for_byte(engine):
    content = bytes(range(256)) * 40
    with writing(engine) as connection:
        number = add_pack(connection, a_pack(content), content)
    with reading(engine) as connection:
        known, kept = find_pack(connection, number)
        assert kept == content
        assert (known.term, known.as_of, known.edition, known.size) == (1151, AT, "full", len(content))
        assert find_pack(connection, number + 1) is None


def test_the_newest_pack_is_listed_first(engine):
    with writing(engine) as connection:
        numbers = [add_pack(connection, a_pack(b"x" * n), b"x" * n) for n in (1, 2, 3)]
    with reading(engine) as connection:
        assert [each.id for each in list_packs(connection)] == numbers[::-1]


def test_a_hash_that_is_not_the_archives_is_refused(engine):
    with pytest.raises(BrokenPackError), writing(engine) as connection:
        add_pack(connection, a_pack(b"one", sha256="0" * 64), b"one")


@pytest.mark.parametrize("change", ["UPDATE frozen_packs SET content = content", "DELETE FROM frozen_packs"])
def test_the_database_refuses_to_change_or_remove_a_pack(engine, change):
    with writing(engine) as connection:
        add_pack(connection, a_pack(b"frozen"), b"frozen")
    with pytest.raises(DBAPIError, match="frozen"), writing(engine) as connection:
        connection.execute(text(change))


def test_a_pack_changed_behind_the_triggers_is_not_given_out(engine):
    with writing(engine) as connection:
        number = add_pack(connection, a_pack(b"frozen"), b"frozen")
        on = " ON frozen_packs" if engine.dialect.name == "postgresql" else ""
        name = "frozen_packs_no_change" if on else "frozen_packs_no_update"
        connection.execute(text(f"DROP TRIGGER {name}{on}"))
        connection.execute(text("UPDATE frozen_packs SET content = :content"), {"content": b"thawed"})
    with pytest.raises(BrokenPackError), reading(engine) as connection:
        find_pack(connection, number)
    if on:  # the database of the next test is this one
        with writing(engine) as connection:
            connection.execute(text("CREATE TRIGGER frozen_packs_no_change BEFORE UPDATE OR DELETE ON frozen_packs FOR EACH ROW EXECUTE FUNCTION frozen_packs_refuse()"))  # fmt: skip
