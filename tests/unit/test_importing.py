"""What a school hands in: taken as a whole, or refused with a clear line and nothing written."""

from __future__ import annotations

from datetime import datetime

import pandas as pd
import pytest
from sqlalchemy import select, text

from data.db import open_engine, read_data_version, reading
from data.instants import TAIPEI
from data.models import Base, Reassignment, Round
from tests.unit.builders import (
    HEADINGS,
    OTHER_VENDOR,
    STUDENTS,
    item,
    passed,
    take_in,
    write_school,
    write_xlsx,
)


def contents(engine, *, audit=False):
    with reading(engine) as connection:
        tables = [t for t in Base.metadata.sorted_tables if audit or not t.name.startswith("audit")]
        return {t.name: sorted(map(str, connection.execute(select(t)).all())) for t in tables}


def one_round(engine):
    with reading(engine) as connection:
        return connection.execute(
            select(Round.sent_at, Round.completed_at, Round.decision, Round.released, Round.certifier_code)
        ).all()


def test_every_kind_is_recognised_by_its_headings(engine, tmp_path):
    plan = take_in(engine, write_school(tmp_path / "a"))
    assert plan.committed, plan.problems
    assert {report.kind for report in plan.reports} == set(HEADINGS)
    assert all(report.new == report.rows for report in plan.reports)


def test_the_same_files_again_change_nothing(engine, tmp_path):
    folder = write_school(tmp_path / "a")
    take_in(engine, folder)
    with reading(engine) as connection:
        version = read_data_version(connection)
    again = take_in(engine, folder)
    assert again.committed
    assert sum(report.new + report.changed for report in again.reports) == 0
    with reading(engine) as connection:
        assert read_data_version(connection) == version


def test_the_other_vendors_headings_say_the_same(engine, tmp_path):
    folder = write_school(tmp_path / "a", outcomes=[passed()])
    take_in(engine, folder)
    renamed = [OTHER_VENDOR.get(name, name) for name in HEADINGS["outcomes"]]
    plan = take_in(engine, write_xlsx(tmp_path / "x.xlsx", renamed, [passed()]))
    assert plan.committed, plan.problems
    assert (plan.reports[0].kind, plan.reports[0].unchanged) == ("outcomes", 1)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "cp950", "big5hkscs"])
def test_text_files_in_every_known_encoding_read_alike(engine, tmp_path, encoding):
    take_in(engine, write_school(tmp_path / "a", outcomes=[]))
    frame = pd.DataFrame([passed()], columns=HEADINGS["outcomes"])
    (tmp_path / "list.csv").write_bytes(frame.to_csv(index=False).encode(encoding))
    plan = take_in(engine, tmp_path / "list.csv")
    assert plan.committed, plan.problems
    assert plan.reports[0].new == 1


@pytest.mark.parametrize(
    "written",
    ["2024/11/05 09:00:00", "2024-11-05 09:00", "2024-11-05T09:00:00", "113/11/05 09:00", "2024/11/5 上午 09:00:00", "113/11/5 上午9:00", "１１３/11/05 ０９:00"],
)  # fmt: skip
def test_dates_of_both_calendars_and_clocks_are_the_same_instant(engine, tmp_path, written):
    take_in(engine, write_school(tmp_path / "a", outcomes=[passed(decided=written)]))
    assert one_round(engine)[0].completed_at == datetime(2024, 11, 5, 9, tzinfo=TAIPEI)


@pytest.mark.parametrize(
    ("written", "hour"),
    [("2024/11/5 上午 12:30:00", 0), ("2024/11/5 下午 12:30:00", 12), ("2024/11/5 下午 01:30:00", 13)],
)
def test_noon_and_midnight_are_told_apart(engine, tmp_path, written, hour):
    take_in(engine, write_school(tmp_path / "a", outcomes=[passed(decided=written)]))
    assert one_round(engine)[0].completed_at == datetime(2024, 11, 5, hour, 30, tzinfo=TAIPEI)


def test_the_first_completion_date_is_never_overwritten(engine, tmp_path):
    take_in(engine, write_school(tmp_path / "a", outcomes=[passed()]))
    plan = take_in(
        engine, write_xlsx(tmp_path / "x.xlsx", HEADINGS["outcomes"], [passed(decided="2024/12/25 09:00:00")])
    )
    assert plan.reports[0].changed == 1
    assert one_round(engine)[0].completed_at == datetime(2024, 11, 5, 9, tzinfo=TAIPEI)


def test_an_older_list_takes_nothing_back(engine, tmp_path):
    take_in(engine, write_school(tmp_path / "a", outcomes=[passed()]))
    before = one_round(engine)
    plan = take_in(engine, write_xlsx(tmp_path / "x.xlsx", HEADINGS["outcomes"], [item()]))
    assert plan.committed
    assert one_round(engine) == before


def test_a_returned_item_sent_again_is_a_new_round(engine, tmp_path):
    first = item(decided="2024/11/05 09:00:00", status="未通過", released="已發佈", reason="無法查證成果可信度")
    take_in(engine, write_school(tmp_path / "a", outcomes=[first]))
    again = item(sent="2024/11/08 09:00:00")
    plan = take_in(engine, write_xlsx(tmp_path / "x.xlsx", HEADINGS["outcomes"], [first, again]))
    assert plan.committed, plan.problems
    assert (plan.reports[0].new, plan.reports[0].unchanged) == (1, 1)
    assert [row.decision for row in sorted(one_round(engine))] == ["failed", ""]


def test_judged_but_unreleased_completes_at_its_date_when_the_release_is_seen(engine, tmp_path):
    judged = item(decided="2024/11/05 09:00:00", status="通過", released="未發佈", certifier="T001")
    take_in(engine, write_school(tmp_path / "a", outcomes=[judged]))
    assert one_round(engine)[0].completed_at is None
    take_in(engine, write_xlsx(tmp_path / "x.xlsx", HEADINGS["outcomes"], [passed()]))
    assert one_round(engine)[0].completed_at == datetime(2024, 11, 5, 9, tzinfo=TAIPEI)


def test_another_teacher_is_a_reassignment_and_the_first_stays_known(engine, tmp_path):
    take_in(engine, write_school(tmp_path / "a"))
    plan = take_in(engine, write_xlsx(tmp_path / "x.xlsx", HEADINGS["outcomes"], [item(teacher="T002")]))
    assert plan.reports[0].changed == 1
    with reading(engine) as connection:
        assert connection.execute(select(Reassignment.teacher_code)).scalars().all() == ["T002"]
    again = take_in(engine, tmp_path / "x.xlsx")
    assert again.reports[0].unchanged == 1


def test_identical_repeats_count_once_and_are_noted(engine, tmp_path):
    plan = take_in(engine, write_school(tmp_path / "a", outcomes=[item(), item()]))
    report = next(r for r in plan.reports if r.kind == "outcomes")
    assert (report.new, report.unchanged, report.rejected) == (1, 1, 0)
    assert report.notes


def test_contradicting_repeats_are_refused(engine, tmp_path):
    plan = take_in(engine, write_school(tmp_path / "a", outcomes=[item(), item(uploaded="2024/11/02 10:00:00")]))
    assert not plan.committed
    assert plan.problems[0].row == 3


def test_an_id_number_is_nowhere_in_the_clear(tmp_path):
    engine = open_engine(f"sqlite:///{tmp_path / 'x.sqlite'}")
    from data.db import migrate

    migrate(engine)
    take_in(engine, write_school(tmp_path / "a"))
    broken = [[*STUDENTS[0][:4], "999", *STUDENTS[0][5:]]]
    take_in(engine, write_school(tmp_path / "b", students=broken))
    engine.dispose()
    stored = b"".join(path.read_bytes() for path in tmp_path.glob("x.sqlite*"))
    assert b"A10000000" not in stored
    assert "甲生".encode() in stored


def bad_outcome(folder, **changes):
    return write_school(folder, outcomes=[passed(), item("1130002", "2", **changes)])


BAD = {
    "no such class": (lambda folder: bad_outcome(folder, class_name="999"), "上課班級", "999"),
    "a date that is none": (lambda folder: bad_outcome(folder, sent="114/13/40"), "送出認證時間", "114/13/40"),
    "30 February": (lambda folder: bad_outcome(folder, sent="114/02/30 10:00"), "送出認證時間", "114/02/30 10:00"),
    "an empty student number": (lambda folder: write_school(folder, outcomes=[item("")]), "學號", ""),
    "an unknown student": (lambda folder: write_school(folder, outcomes=[item("999")]), "學號", "999"),
    "an unknown status": (lambda folder: write_school(folder, outcomes=[item(status="看過了")]), "認證狀態", "看過了"),
    "a student in no class": (lambda folder: write_school(folder, students=[[*STUDENTS[0][:4], "999", *STUDENTS[0][5:]]], outcomes=[], performances=[], selections=[], receipts=[]), "班級名稱", "999"),
}  # fmt: skip


@pytest.mark.parametrize("case", BAD)
def test_a_bad_row_is_named_and_nothing_is_written(engine, tmp_path, case):
    make, column, value = BAD[case]
    before = contents(engine)
    plan = take_in(engine, make(tmp_path / "bad"))
    assert not plan.committed
    problem = plan.problems[0]
    assert (problem.column, problem.value) == (column, value)
    assert problem.row is not None
    assert problem.message
    assert contents(engine) == before
    assert contents(engine, audit=True)["audit_refusals"]


def no_column(folder):
    cut = HEADINGS["outcomes"].index("學號")
    write_xlsx(
        folder / "x.xlsx",
        [h for i, h in enumerate(HEADINGS["outcomes"]) if i != cut],
        [[c for i, c in enumerate(item()) if i != cut]],
    )


def no_encoding(folder):
    (folder / "x.csv").write_bytes(b"\xff\xff\x81\xff,\xff\n\xff,\x80\n")


def not_a_workbook(folder):
    (folder / "x.xlsx").write_bytes(b"PK\x03\x04 and then nothing that a workbook has")


def no_rows(folder):
    write_xlsx(folder / "x.xlsx", HEADINGS["outcomes"], [])


def nothing_known(folder):
    write_xlsx(folder / "x.xlsx", ["蘋果", "香蕉"], [["1", "2"]])


@pytest.mark.parametrize("spoil", [no_column, no_encoding, not_a_workbook, no_rows, nothing_known])
def test_a_bad_file_is_one_clear_line_and_stops_all(engine, tmp_path, spoil):
    folder = write_school(tmp_path / "a", outcomes=[])
    before = contents(engine)
    spoil(folder)
    plan = take_in(engine, folder)
    assert not plan.committed
    (problem,) = plan.problems
    assert problem.file_name.startswith("x.")
    assert len(str(problem).splitlines()) == 1
    assert contents(engine) == before


def test_good_rows_are_taken_when_asked_for(engine, tmp_path):
    plan = take_in(engine, bad_outcome(tmp_path / "a", class_name="999"), take_good_rows=True)
    assert plan.committed
    report = next(r for r in plan.reports if r.kind == "outcomes")
    assert (report.new, report.rejected, report.rows) == (1, 1, 2)


def test_a_dry_run_writes_nothing(engine, tmp_path):
    before = contents(engine, audit=True)
    plan = take_in(engine, write_school(tmp_path / "a"), dry_run=True)
    assert not plan.problems
    assert contents(engine, audit=True) == before


def test_a_roster_without_a_year_asks_for_it_when_the_load_does_not_tell(engine, tmp_path):
    folder = write_school(tmp_path / "a", **{kind: [] for kind in HEADINGS if kind not in ("students", "staff")})
    plan = take_in(engine, folder)
    assert "請指定學年度" in plan.problems[0].message


def test_counts_add_up_to_the_rows_read(engine, tmp_path):
    rows = [item(), item(), passed("1130002", "2"), item("1130003", "3", class_name="102", teacher="T002")]
    for _ in range(2):
        plan = take_in(engine, write_school(tmp_path / "a", outcomes=rows))
        for report in plan.reports:
            assert report.new + report.changed + report.unchanged + report.rejected == report.rows


def test_a_term_without_certification_window_is_warned_of(engine, tmp_path):
    plan = take_in(
        engine,
        write_school(
            tmp_path / "a", windows=[["113", "1", "1", "學生勾選學習成果", "2025/07/22", "2025/08/04", "註冊組"]]
        ),
    )
    report = next(r for r in plan.reports if r.kind == "outcomes")
    assert any("沒有教師認證的作業期程" in warning for warning in report.warnings)


def test_migrating_twice_changes_nothing_and_models_equal_the_schema(engine, tmp_path):
    from alembic.autogenerate import compare_metadata
    from alembic.runtime.migration import MigrationContext

    from data.db import migrate

    take_in(engine, write_school(tmp_path / "a"))
    before = contents(engine)
    migrate(engine)
    assert contents(engine) == before
    with reading(engine) as connection:
        assert compare_metadata(MigrationContext.configure(connection), Base.metadata) == []


def test_sqlite_has_its_safety_on(tmp_path):
    engine = open_engine(f"sqlite:///{tmp_path / 'x.sqlite'}")
    with reading(engine) as connection:
        assert connection.execute(text("PRAGMA journal_mode")).scalar() == "wal"
        assert connection.execute(text("PRAGMA foreign_keys")).scalar() == 1
        assert connection.execute(text("PRAGMA synchronous")).scalar() == 2
