"""The demo school goes through the real import: nothing is refused, and the figures are those of a believable school."""

from __future__ import annotations

from datetime import date, datetime
from pathlib import Path

import pytest

from data.db import migrate, open_engine, reading
from data.demo.school import DemoSchool, write_school
from data.instants import TAIPEI
from data.ledger import Ledger, build
from data.metrics import Question, all_metrics, answer
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
        "receipts",
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
