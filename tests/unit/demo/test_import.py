"""The demo school goes through the real import: nothing is refused, and the figures are those of a believable school."""

from __future__ import annotations

from collections import Counter
from datetime import date, datetime
from pathlib import Path

import pytest
from sqlalchemy import select

from data.db import migrate, open_engine, reading
from data.demo.entries import enter_hand_ins
from data.demo.school import DemoSchool, write_school
from data.instants import TAIPEI, to_us
from data.ledger import STAGES, Ledger, build
from data.metrics import Question, all_metrics, answer
from data.models import Import, Submission
from data.queries import load_frames
from data.rosters.importing import Plan, import_files
from data.schema import SchoolSettings

NOW = datetime(2026, 11, 24, tzinfo=TAIPEI)
PAST = (1131, 1132, 1141, 1142)


def take_in(folder: Path, *, classes: int, terms: int, today: date) -> tuple[DemoSchool, Plan, Ledger]:
    school = write_school(folder / "files", classes=classes, terms=terms, today=today)
    engine = open_engine(f"sqlite:///{folder / 'school.sqlite'}")
    migrate(engine)
    at = datetime(today.year, today.month, today.day, tzinfo=TAIPEI)
    enter_hand_ins(engine, school.hand_ins, by="test")
    plan = import_files(engine, [school.folder], id_key=b"only for tests", by="test", at=at)
    with reading(engine) as connection:
        ledger = build(load_frames(connection), SchoolSettings())
    engine.dispose()
    return school, plan, ledger


@pytest.fixture(scope="module")
def taken(tmp_path_factory: pytest.TempPathFactory) -> tuple[DemoSchool, Plan, Ledger]:
    return take_in(tmp_path_factory.mktemp("school"), classes=24, terms=5, today=NOW.date())


def certify(ledger: Ledger, term: int, **asked: str) -> dict[str, float]:
    row = answer(ledger, all_metrics()["completion"], Question(term, NOW, stage="certify", **asked)).iloc[0]
    return {str(name): value for name, value in row.items()}


@pytest.mark.parametrize(
    ("classes", "terms", "today"),
    [(3, 1, date(2026, 8, 10)), (3, 6, date(2026, 2, 28)), (4, 2, date(2026, 7, 31)), (6, 3, date(2027, 1, 31))],
)
def test_a_school_of_any_size_on_any_day_is_taken_in_whole(
    classes: int, terms: int, today: date, tmp_path: Path
) -> None:
    _, plan, _ = take_in(tmp_path, classes=classes, terms=terms, today=today)
    assert not plan.problems
    assert plan.committed


def test_nothing_is_rejected_and_only_repeated_rows_are_warned_of(taken: tuple[DemoSchool, Plan, Ledger]) -> None:
    _, plan, _ = taken
    assert plan.committed
    assert sum(report.rejected for report in plan.reports) == 0
    assert {report.kind for report in plan.reports} == {
        "staff", "classes", "students", "sections", "windows", "delegations", "outcomes", "performances", "selections",
        "receipts", "disputes", "registrations", "training", "official_students", "official_grades", "official_outcomes",
        "official_positions",
    }  # fmt: skip
    warnings = [warning for report in plan.reports for warning in report.warnings]
    assert all("完全相同" in warning for warning in warnings), warnings


def test_past_terms_end_nearly_complete_with_some_late(taken: tuple[DemoSchool, Plan, Ledger]) -> None:
    figures = [certify(taken[2], term) for term in PAST]
    for figure in figures:
        assert 0.95 <= figure["completion"] < 0.995
        assert 0.03 <= figure["late"] / figure["expected"] <= 0.10
    early, recent = figures[:2], figures[2:]
    assert sum(f["timeliness"] for f in early) < sum(f["timeliness"] for f in recent)


def test_the_running_term_has_a_lively_backlog_and_nothing_due_yet(taken: tuple[DemoSchool, Plan, Ledger]) -> None:
    figure = certify(taken[2], 1151)
    assert 600 <= figure["expected"] <= 900
    assert 60 <= figure["open"] <= 250
    assert figure["overdue"] == figure["late"] == 0


def test_the_extension_helps_by_the_new_deadline_and_not_by_the_old(taken: tuple[DemoSchool, Plan, Ledger]) -> None:
    new, old = (certify(taken[2], 1141, deadline=deadline) for deadline in ("current", "original"))
    assert new["completion"] == old["completion"]
    assert old["late"] > new["late"]


def test_the_named_teacher_holds_a_queue(taken: tuple[DemoSchool, Plan, Ledger]) -> None:
    school, _, ledger = taken
    rows = answer(ledger, all_metrics()["completion"], Question(1151, NOW, by="teacher", stage="certify"))
    assert int(rows.set_index("key").loc[school.teacher_code, "open"]) >= 3


def test_a_few_teachers_stand_out_below_the_funnel(taken: tuple[DemoSchool, Plan, Ledger]) -> None:
    flagged = answer(taken[2], all_metrics()["funnel"], Question(1142, NOW, by="teacher", stage="certify"))["flag"]
    assert 1 <= (flagged == "low").sum() <= 6


def duties_by_state(ledger: Ledger, stage: str) -> Counter[str]:
    """Count a stage's duties of all terms by an independent reading of their instants."""
    now, states = to_us(NOW), Counter[str]()
    of_stage = ledger.duties[ledger.duties["stage"] == STAGES.index(stage)]
    columns = of_stage[["opened_at", "done_at", "due_at"]].itertuples(index=False, name=None)
    for opened_at, done_at, due_at in columns:
        if opened_at <= now:
            states[
                "done" if done_at < due_at else "late" if done_at <= now else "open" if now < due_at else "overdue"
            ] += 1
    return states


def test_the_other_duty_stages_are_nearly_all_done_with_a_few_late(taken: tuple[DemoSchool, Plan, Ledger]) -> None:
    registering, submitting, answering = (
        duties_by_state(taken[2], stage) for stage in ("register", "submit", "confirm")
    )
    assert registering["done"] > 0.85 * registering.total()
    assert registering["late"]
    assert registering["open"]
    assert submitting["done"] >= 0.85 * submitting.total()
    assert not submitting["overdue"]
    assert answering["done"] > 0.7 * answering.total()
    assert answering["overdue"] == 1


def test_an_extended_submission_is_in_time_by_the_new_deadline_and_late_by_the_old(
    taken: tuple[DemoSchool, Plan, Ledger],
) -> None:
    submitting = taken[2].of_term(1141, "submit")
    (row,) = submitting[submitting["due_at"] != submitting["original_due_at"]].to_dict("records")
    assert row["original_due_at"] <= row["done_at"] < row["due_at"]


def test_a_hand_in_keeps_its_own_day_though_its_book_is_read_today(tmp_path: Path) -> None:
    school = write_school(tmp_path / "files", classes=3, terms=2, today=NOW.date())
    engine = open_engine(f"sqlite:///{tmp_path / 'school.sqlite'}")
    migrate(engine)
    enter_hand_ins(engine, school.hand_ins, by="test")
    import_files(engine, [school.folder], id_key=b"only for tests", by="test", at=NOW)
    with reading(engine) as connection:
        rows = connection.execute(select(Submission.by_hand, Submission.submitted_at)).all()
        entered_last = connection.execute(select(Import.kind).order_by(Import.imported_at).limit(1)).scalar_one()
    engine.dispose()
    assert {at for by_hand, at in rows if not by_hand} == {NOW}
    assert len([at for by_hand, at in rows if by_hand and at < NOW]) == len(school.hand_ins)
    assert entered_last == "by_hand"  # in the past: the newest of the history is the files


def test_the_files_of_a_month_later_go_over_the_earlier_ones(tmp_path: Path) -> None:
    engine = open_engine(f"sqlite:///{tmp_path / 'school.sqlite'}")
    migrate(engine)
    for today in (date(2026, 8, 25), date(2026, 9, 25)):
        school = write_school(tmp_path / today.isoformat(), classes=3, terms=3, today=today)
        at = datetime(today.year, today.month, today.day, tzinfo=TAIPEI)
        plan = import_files(engine, [school.folder], id_key=b"only for tests", by="test", at=at)
        assert plan.committed, [str(problem) for problem in plan.problems]
        assert sum(report.rejected for report in plan.reports) == 0
    engine.dispose()
