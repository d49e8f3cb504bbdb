"""What people enter by hand lies above the lists, survives the next one, and can be taken back."""

from __future__ import annotations

import json
from datetime import date

import pytest
from sqlalchemy import select

from data import corrections
from data.corrections import CorrectionError
from data.db import reading
from data.instants import parse_as_of
from data.ledger import build
from data.metrics import Question, completion
from data.models import AuditEvent, Import, Outcome, Reassignment, Registration, Round, Submission, TrainingSession
from data.queries import load_frames
from data.rosters.problems import RefusedError
from data.rosters.undo import undo_batch
from data.schema import SchoolSettings
from tests.unit.builders import HEADINGS, contents_of, item, passed, take_in, write_small_school, write_xlsx

FIRST = parse_as_of("2024-12-01")
THEN = parse_as_of("2024-12-10")
LATER = parse_as_of("2024-12-20")
NOW = parse_as_of("2024-12-24")


@pytest.fixture
def school(engine, tmp_path):
    assert take_in(engine, write_small_school(tmp_path / "a", delegations=[]), at=FIRST).committed
    return engine


def ids_of(engine, model):
    with reading(engine) as connection:
        return list(connection.execute(select(model.id)).scalars())


def waiting(engine, as_of=NOW):
    """Return expected, open and exempt of each teacher who has any."""
    with reading(engine) as connection:
        ledger = build(load_frames(connection), SchoolSettings())
    table = completion.answer(ledger, Question(1131, as_of, by="teacher", stage="certify"))
    return {
        row["key"]: (row["expected"], row["open"], row["exempt"])
        for row in table.to_dict("records")
        if row["expected"] + row["exempt"]
    }


def import_again(engine, folder, row, at=LATER):
    return take_in(engine, write_xlsx(folder / "again.xlsx", HEADINGS["outcomes"], [row]), at=at)


def reassign(engine, **changes):
    given = {"teacher_code": "T002", "reason": "請產假", "by": "secretary", "at": THEN} | changes
    return corrections.reassign(engine, ids_of(engine, Outcome), **given)


def test_a_reassigned_item_waits_for_the_new_teacher_from_then_on(school):
    reassign(school)
    assert waiting(school) == {"T002": (1, 1, 0)}
    assert waiting(school, as_of=parse_as_of("2024-12-05")) == {"T001": (1, 1, 0)}


@pytest.mark.parametrize("named", ["T001", "T002"])
def test_the_next_list_does_not_move_a_reassigned_item_back(school, tmp_path, named):
    reassign(school)
    assert import_again(school, tmp_path, item(teacher=named)).committed
    assert waiting(school) == {"T002": (1, 1, 0)}


def test_a_reassignment_taken_back_leaves_what_the_lists_say(school, tmp_path):
    batch = reassign(school)
    import_again(school, tmp_path, item(teacher="T001"))
    undo_batch(school, batch, by="secretary")
    assert waiting(school) == {"T001": (1, 1, 0)}


def test_the_credit_of_done_work_stays_with_whoever_certified_it(school, tmp_path):
    reassign(school)
    import_again(school, tmp_path, passed(certifier="T001"))
    assert waiting(school) == {"T001": (1, 0, 0)}


def test_an_exempted_duty_is_not_expected_from_then_on_and_comes_back_when_taken_back(school, tmp_path):
    batch = corrections.exempt(school, ids_of(school, Round), reason="檔案毀損", by="secretary", at=THEN)
    assert waiting(school) == {"T001": (0, 0, 1)}
    assert waiting(school, as_of=parse_as_of("2024-12-05")) == {"T001": (1, 1, 0)}
    import_again(school, tmp_path, item())
    assert waiting(school) == {"T001": (0, 0, 1)}
    undo_batch(school, batch, by="secretary")
    assert waiting(school) == {"T001": (1, 1, 0)}


def test_an_exempted_duty_that_is_done_after_all_counts_as_done(school, tmp_path):
    corrections.exempt(school, ids_of(school, Round), reason="檔案毀損", by="secretary", at=THEN)
    import_again(school, tmp_path, passed(decided="2024/12/15 09:00:00"))
    assert waiting(school) == {"T001": (1, 0, 0)}


def test_a_deputy_named_by_hand_holds_the_work_and_stands_before_the_lists_row(school, tmp_path):
    given = {"principal_code": "T001", "deputy_code": "T002", "order": 1, "from_on": date(2024, 12, 1), "reason": "公假", "by": "secretary", "at": THEN}  # fmt: skip
    batch = corrections.delegate(school, **given, to_on=date(2024, 12, 31))
    listed = [["T001", "王一", "T002", "李二", "1", "2024/12/01", "2024/12/02", "公假"]]
    assert take_in(school, write_xlsx(tmp_path / "d.xlsx", HEADINGS["delegations"], listed), at=LATER).committed
    assert waiting(school) == {"T002": (1, 1, 0)}
    undo_batch(school, batch, by="secretary")
    assert waiting(school) == {"T001": (1, 1, 0)}


ENTRIES = {
    Registration: lambda engine: corrections.register(
        engine, school_year=113, semester=1, kind="grades", class_name="101", registered_at=FIRST, unit="教務處註冊組",
        by="chief", at=THEN,
    ),
    Submission: lambda engine: corrections.submit(
        engine, school_year=113, semester=0, roster="outcomes", batch=1, submitted_at=FIRST, unit="教務處註冊組", by="chief", at=THEN
    ),
    TrainingSession: lambda engine: corrections.train(
        engine, school_year=113, kind="宣導說明", audience="學生", held_at=FIRST, title="新生說明會", unit="輔導室",
        attendee_count=120, by="chief", at=THEN,
    ),
}  # fmt: skip


@pytest.mark.parametrize("model", ENTRIES)
def test_an_entry_is_audited_shown_as_made_by_hand_and_can_be_taken_back(school, model):
    before = contents_of(school)
    batch = ENTRIES[model](school)
    with reading(school) as connection:
        assert connection.execute(select(model.by_hand)).scalars().all() == [True]
        entry = connection.execute(select(Import).where(Import.batch_id == batch)).one()
        action, detail = connection.execute(
            select(AuditEvent.action, AuditEvent.detail).order_by(AuditEvent.id.desc()).limit(1)
        ).one()
    assert (entry.kind, entry.imported_by, entry.imported_at) == ("by_hand", "chief", THEN)
    assert (action, json.loads(detail)["batch_id"]) == ("enter_by_hand", batch)
    undo_batch(school, batch, by="chief")
    after = contents_of(school)
    changed = {name for name in after if after[name] != before[name]}
    assert changed == {"imports", "data_versions"} | ({"import_rows"} if model is Registration else set())


@pytest.mark.parametrize("model", ENTRIES)
def test_the_same_entry_twice_is_refused_until_the_first_is_taken_back(school, model):
    batch = ENTRIES[model](school)
    with pytest.raises(CorrectionError, match="收回"):
        ENTRIES[model](school)
    undo_batch(school, batch, by="chief")
    ENTRIES[model](school)


WRONG = {
    "no reason": lambda engine: reassign(engine, reason=" "),
    "an unknown teacher": lambda engine: reassign(engine, teacher_code="T999"),
    "no such item": lambda engine: corrections.exempt(engine, [999], reason="x", by="a"),
    "nothing": lambda engine: corrections.exempt(engine, [], reason="x", by="a"),
    "an unknown class": lambda engine: corrections.register(engine, school_year=113, semester=1, kind="grades", class_name="999", registered_at=FIRST, unit="", by="a"),
    "a day to come": lambda engine: corrections.submit(engine, school_year=113, semester=0, roster="outcomes", batch=0, submitted_at=LATER, unit="", by="a", at=THEN),
    "a roster there is not": lambda engine: corrections.submit(engine, school_year=113, semester=0, roster="x", batch=0, submitted_at=FIRST, unit="", by="a"),
    "deputy of oneself": lambda engine: corrections.delegate(engine, principal_code="T001", deputy_code="T001", order=1, from_on=date(2024, 12, 1), to_on=date(2024, 12, 2), reason="x", by="a"),
    "days the wrong way round": lambda engine: corrections.delegate(engine, principal_code="T001", deputy_code="T002", order=1, from_on=date(2024, 12, 3), to_on=date(2024, 12, 2), reason="x", by="a"),
}  # fmt: skip


@pytest.mark.parametrize("case", WRONG)
def test_what_cannot_be_entered_is_said_and_nothing_is_written(school, case):
    before = contents_of(school, audit=True)
    with pytest.raises(CorrectionError):
        WRONG[case](school)
    assert contents_of(school, audit=True) == before


def test_an_import_that_a_correction_rests_on_is_not_undone_before_it(school):
    reassign(school)
    with reading(school) as connection:
        first = connection.execute(select(Import.batch_id).order_by(Import.id).limit(1)).scalar_one()
    with pytest.raises(RefusedError, match="改派"):
        undo_batch(school, first, by="secretary")
    assert len(ids_of(school, Reassignment)) == 1


def deputise(engine):
    days = {"from_on": date(2024, 12, 1), "to_on": date(2024, 12, 31)}
    return corrections.delegate(
        engine, principal_code="T009", deputy_code="T002", order=1, reason="公假", by="a", at=LATER, **days
    )


@pytest.mark.parametrize("enter", [deputise, lambda engine: reassign(engine, teacher_code="T009", at=LATER)])
def test_a_staff_list_that_brought_the_teacher_of_an_entry_is_not_undone_before_it(school, tmp_path, enter):
    brought = take_in(
        school, write_xlsx(tmp_path / "s.xlsx", HEADINGS["staff"], [["T009", "新", "總務處", ""]]), at=THEN
    )
    entry = enter(school)
    with pytest.raises(RefusedError):
        undo_batch(school, brought.batch_id, by="a")
    undo_batch(school, entry, by="a")
    undo_batch(school, brought.batch_id, by="a")
