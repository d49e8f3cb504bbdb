"""The database itself refuses a criterion on a voluntary stage, a changed step or evidence, and whoever may not decide."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from data.awards.cases import Case, Step
from data.awards.criteria import examples
from data.awards.store import (
    BrokenEvidenceError,
    add_case,
    add_criterion,
    add_evidence,
    add_ruling,
    add_step,
    find_evidence,
    list_cases,
    list_criteria,
)
from data.db import reading, writing
from data.instants import parse_as_of
from data.minutes import add_meeting, add_resolution

AT = parse_as_of("2025-03-03T09:00")
UNTIL = AT + timedelta(days=7)
SAMPLE = examples(date(2024, 8, 1))[0]


@pytest.fixture
def made(engine):
    """A criterion with its resolution and a case that was drafted: (criterion, resolution, case)."""
    with writing(engine) as connection:
        criterion = add_criterion(connection, SAMPLE, at=AT, by="secretary")
        meeting = add_meeting(connection, term=1131, held_at=AT, place="會議室", convener="校長", quorum=1, note="", members=[], agenda=[], at=AT, by="s")  # fmt: skip
        resolution, _number = add_resolution(
            connection, meeting, term=1131, text="採用", responsible="教務處", due_on=None, at=AT, by="s"
        )
        case = add_case(connection, Case(0, criterion, "T001", "T001", 1131, AT, "嘉獎一次", "", ()))
        add_step(connection, case, step(1, "drafted"))
    return criterion, resolution, case


def step(position, kind, *, by="secretary", code="S001", at=AT, **rest):
    return Step(position, kind, at, by, code, "executive_secretary", "因為", **rest)


def refused(engine, statement, **values):
    with pytest.raises(DBAPIError), writing(engine) as connection:
        connection.execute(text(statement), values)


CONDITION = "INSERT INTO award_conditions (criterion_id, stage, measure, comparator, threshold) VALUES (:criterion, :stage, :measure, :comparator, :threshold)"


FORBIDDEN = [("upload", "completion", "ge"), ("select", "completion", "ge"), ("meet", "completion", "ge"), ("certify", "pass_rate", "ge"),
     ("certify", "returned", "le"), ("certify", "timeliness", "le"), ("certify", "overdue", "ge"), ("UPLOAD", "completion", "ge")]  # fmt: skip


def test_raw_sql_cannot_save_a_condition_on_a_voluntary_stage_or_a_pass_rate(engine):
    with writing(engine) as connection:
        open_place = connection.execute(
            text(
                "INSERT INTO award_criteria (series, version, name, audience, minimum_count, condition_count, period, grade, valid_from, is_example,"
                " created_at, created_by) VALUES (9, 1, 'x', 'certifier', 1, 5, 'term', '嘉獎一次', '2024-08-01', false, 0, 'x') RETURNING id"
            )
        ).scalar_one()
    for stage, measure, comparator in FORBIDDEN:
        refused(
            engine, CONDITION, criterion=open_place, stage=stage, measure=measure, comparator=comparator, threshold=900
        )
    with writing(engine) as connection:  # the same statement with a duty stage is taken, so that it was the stage
        good = {
            "criterion": open_place,
            "stage": "certify",
            "measure": "completion",
            "comparator": "ge",
            "threshold": 900,
        }
        connection.execute(text(CONDITION), good)


def test_raw_sql_cannot_add_to_change_or_remove_a_criterion(engine, made):
    criterion, resolution, _case = made
    refused(engine, CONDITION, criterion=criterion, stage="certify", measure="overdue", comparator="le", threshold=0)
    with writing(engine) as connection:
        add_ruling(connection, criterion, "adopted", resolution, at=AT, by="secretary")
    for table in ("award_criteria", "award_conditions", "award_adoptions"):
        refused(engine, f"DELETE FROM {table}")
    refused(engine, "UPDATE award_criteria SET minimum_count = 2")
    refused(engine, "UPDATE award_conditions SET stage = 'certify'")
    refused(engine, "UPDATE award_adoptions SET resolution_id = resolution_id")
    with reading(engine) as connection:
        (kept,) = list_criteria(connection)
    assert (kept.conditions, kept.adoption.resolution_id) == (SAMPLE.conditions, resolution)


def test_raw_sql_cannot_change_remove_or_replace_steps_cases_and_evidence(engine, made):
    _criterion, _resolution, case = made
    with writing(engine) as connection:
        sha256 = add_evidence(connection, case, {"facts": [1, 2]}, at=AT)
        add_step(connection, case, step(2, "proposed", until_at=UNTIL))
    for table in ("award_cases", "award_steps", "award_evidence"):
        refused(engine, f"DELETE FROM {table}")
    refused(engine, "UPDATE award_cases SET staff_code = 'T002'")
    refused(engine, "UPDATE award_steps SET until_at = 0 WHERE kind = 'proposed'")
    refused(engine, "UPDATE award_evidence SET content = '{}'")
    if engine.dialect.name == "sqlite":
        refused(engine, "INSERT OR REPLACE INTO award_evidence VALUES (:case, 0, 'x', '{}')", case=case)
        refused(
            engine,
            "INSERT OR REPLACE INTO award_steps (case_id, position, kind, happened_at, made_by, staff_code, role, reason)"
            " VALUES (:case, 2, 'drafted', 0, 'x', 'x', 'x', 'x')",
            case=case,
        )
    else:
        refused(engine, "TRUNCATE award_evidence")
        refused(engine, "TRUNCATE award_steps CASCADE")
    with reading(engine) as connection:
        assert find_evidence(connection, case) == (sha256, {"facts": [1, 2]})
        assert [each.kind for each in list_cases(connection)[0].steps] == ["drafted", "proposed"]


def test_the_database_refuses_whoever_the_rules_refuse(engine, made):
    _criterion, resolution, case = made

    def denied(one):
        with pytest.raises(DBAPIError), writing(engine) as connection:
            add_step(connection, case, one)

    denied(step(2, "proposed", until_at=UNTIL))  # no evidence yet
    with writing(engine) as connection:
        add_evidence(connection, case, {}, at=AT)
    denied(step(2, "proposed", code="T001", until_at=UNTIL))  # on oneself
    denied(step(2, "proposed", code="", until_at=UNTIL))  # by nobody known
    denied(step(2, "approved", by="principal", code="P001"))
    with writing(engine) as connection:
        add_step(connection, case, step(2, "proposed", until_at=UNTIL))
    denied(step(3, "agreed", by="secretary"))  # only the person says so
    denied(step(3, "assessed", at=UNTIL - timedelta(seconds=1), resolution_id=resolution))
    denied(step(2, "withdrawn"))  # the place is taken
    with writing(engine) as connection:
        add_step(connection, case, step(3, "assessed", at=UNTIL, resolution_id=resolution))
    denied(step(4, "approved", at=UNTIL, by="principal"))  # the proposer's other account
    denied(step(4, "approved", at=UNTIL, code="P001"))  # the proposer's account
    denied(step(4, "approved", at=UNTIL, by="teacher", code="T001"))  # the person concerned
    with writing(engine) as connection:
        add_step(connection, case, step(4, "approved", at=UNTIL, by="principal", code="P001"))


def test_evidence_that_is_not_what_was_frozen_is_no_evidence(engine, made):
    case = made[2]
    with writing(engine) as connection:
        connection.execute(text("INSERT INTO award_evidence VALUES (:case, 0, 'wrong', '{}')"), {"case": case})
    with reading(engine) as connection, pytest.raises(BrokenEvidenceError):
        find_evidence(connection, case)


def test_a_new_version_leaves_the_old_one_as_it_was(engine):
    with writing(engine) as connection:
        first = add_criterion(connection, SAMPLE, at=AT, by="secretary")
        (kept,) = list_criteria(connection)
        add_criterion(connection, replace(kept, minimum_count=30, is_example=False), at=AT, by="secretary")
        again, newer = list_criteria(connection)
    assert again == kept
    assert (again.id, newer.series, newer.version, newer.minimum_count) == (first, kept.series, 2, 30)
