"""The register of processing knows every column of every table; one without an entry fails here."""

from __future__ import annotations

import pytest

from data.models import Base
from data.regulation.processing import NOBODY, REGISTER

TABLES = {table.name: table for table in Base.metadata.sorted_tables}
ENTRIES = {entry.table: entry for entry in REGISTER}


def test_every_table_has_one_entry_and_every_entry_a_table():
    assert len(REGISTER) == len(ENTRIES)
    assert set(ENTRIES) == set(TABLES)


@pytest.mark.parametrize("name", TABLES)
def test_every_column_is_said_to_be_personal_or_not(name):
    columns = [column.name for column in TABLES[name].columns if column.name not in ("id", "import_id")]
    said = [*ENTRIES[name].personal, *ENTRIES[name].other]
    assert sorted(said) == sorted(columns)


@pytest.mark.parametrize("entry", REGISTER, ids=lambda entry: entry.table)
def test_every_entry_says_what_for_who_sees_it_and_how_long(entry):
    assert all([entry.title, entry.purpose, entry.about, entry.seen_by, entry.kept])
    assert bool(entry.personal) == (entry.about != NOBODY)


@pytest.mark.parametrize("name", TABLES)
def test_what_leads_to_a_student_or_an_account_is_personal(name):
    leading = {"student_id", "user_id", "outcome_id", "round_id", "teacher_code", "staff_code", "name", "username"}
    columns = {column.name for column in TABLES[name].columns} & leading
    if name in ("classes", "award_criteria"):
        columns.discard("name")  # a class's, a criterion's
    assert columns <= set(ENTRIES[name].personal)
