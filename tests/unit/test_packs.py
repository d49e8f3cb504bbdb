"""Frozen packs in the database: kept whole, found by number, and never changed."""

from __future__ import annotations

import hashlib
import io
import json
import zipfile
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import datetime, timedelta
from types import SimpleNamespace

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from dashboard.services.packs import freeze, frozen_already, packs
from data.db import reading, writing
from data.instants import TAIPEI
from data.packs import BrokenPackError, Pack, add_pack, find_pack, list_packs

AT = datetime(2026, 11, 26, 12, 5, tzinfo=TAIPEI)


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


# --- the same evidence is frozen once ---------------------------------------------------------------------------------

EDITIONS = ("full", "members")


def editions_of(*, term=1151, as_of=AT, version=7):
    """Both editions as they are made, each with an archive that notes the data version."""
    made = []
    for edition in EDITIONS:
        buffer = io.BytesIO()
        with zipfile.ZipFile(buffer, "w") as archive:
            archive.writestr(
                "manifest.json", json.dumps({"edition": edition} | ({"data_version": version} if version else {}))
            )
        content = buffer.getvalue()
        made.append((replace(a_pack(content, edition=edition), term=term, as_of=as_of), content))
    return made


def asked(*, term=1151, as_of=AT, version=7):
    view = SimpleNamespace(version=version, filters=SimpleNamespace(term=term, as_of=as_of))
    return dict.fromkeys(EDITIONS, view)


def test_the_same_term_hour_and_data_are_the_edition_there_is(store):
    assert frozen_already(store, asked()) == []
    first = freeze(store, editions_of(), by="secretary")
    later = AT + timedelta(minutes=20)
    assert frozen_already(store, asked(as_of=later)) == first
    assert freeze(store, editions_of(as_of=later), by="principal") == first
    assert [each.id for each in packs(store, editions=frozenset(EDITIONS))] == first[::-1]


@pytest.mark.parametrize(
    "other",
    [
        {"term": 1142}, {"version": 8}, {"as_of": AT + timedelta(days=1)}, {"as_of": AT - timedelta(days=1)},
        {"as_of": AT + timedelta(hours=1)},
    ],
)  # fmt: skip
def test_another_term_hour_or_import_is_another_edition(store, other):
    first = freeze(store, editions_of(), by="secretary")
    assert frozen_already(store, asked(**other)) == []
    assert not set(freeze(store, editions_of(**other), by="secretary")) & set(first)


def test_an_hour_ends_when_the_next_has_not_begun(store):
    end = AT.replace(minute=0) + timedelta(hours=1)  # as the end of a day is 24:00
    first = freeze(store, editions_of(as_of=AT), by="secretary")
    assert frozen_already(store, asked(as_of=end)) == first
    assert frozen_already(store, asked(as_of=end + timedelta(seconds=1))) == []


def test_what_was_frozen_before_versions_were_noted_stands_for_nothing_new(store):
    first = freeze(store, editions_of(version=None), by="secretary")
    assert frozen_already(store, asked(version=None)) == frozen_already(store, asked()) == []
    assert not set(freeze(store, editions_of(), by="secretary")) & set(first)


def test_one_edition_alone_is_no_pack(store):
    freeze(store, editions_of()[:1], by="secretary")
    assert frozen_already(store, asked()) == []


def test_two_who_freeze_at_once_get_one_pack(store):
    with ThreadPoolExecutor(4) as pool:
        made = list(pool.map(lambda who: freeze(store, editions_of(), by=who), ["secretary", "principal"] * 2))
    assert len({tuple(ids) for ids in made}) == 1
    assert len(packs(store, editions=frozenset(EDITIONS))) == len(EDITIONS)
