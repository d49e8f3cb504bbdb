"""What a roster file may look like, what it may do to what is known, and what it never leaves behind."""

from __future__ import annotations

import tempfile
import zipfile
from datetime import datetime
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import select, text

from data.db import migrate, open_engine, read_data_version, reading
from data.instants import TAIPEI, parse_as_of, to_us
from data.models import (
    Base,
    Enrolment,
    ImportChange,
    Outcome,
    Performance,
    Reassignment,
    Receipt,
    Round,
    Selection,
    Student,
    Window,
)
from data.rosters.importing import make_hasher
from data.rosters.kinds import all_kinds
from tests.unit.builders import (
    CLASSES,
    DEPUTIES,
    HEADINGS,
    PERFORMANCES,
    RECEIPTS,
    SECTIONS,
    SELECTIONS,
    STAFF,
    STUDENTS,
    WINDOWS,
    contents_of,
    headings_of,
    item,
    passed,
    take_in,
    write_small_school,
    write_xlsx,
)

ROWS = {
    "staff": STAFF, "classes": CLASSES, "students": STUDENTS, "sections": SECTIONS, "windows": WINDOWS, "delegations": DEPUTIES,
    "outcomes": [item()], "performances": PERFORMANCES, "selections": SELECTIONS, "receipts": RECEIPTS,
}  # fmt: skip
FAILED = {"decided": "2024/11/05 09:00:00", "status": "未通過", "released": "已發佈", "reason": "無法查證成果可信度"}


def counts_of(plan, kind):
    (report,) = [report for report in plan.reports if report.kind == kind]
    return report.new, report.changed, report.unchanged, report.rejected


def values_of(engine, *columns):
    with reading(engine) as connection:
        return connection.execute(select(*columns)).all()


def version_of(engine):
    with reading(engine) as connection:
        return read_data_version(connection)


def outcomes_file(folder, *rows, name="x.xlsx"):
    return write_xlsx(folder / name, HEADINGS["outcomes"], list(rows))


def facts_of(engine):
    """Return the contents without which import brought what and when."""
    with reading(engine) as connection:
        return {
            t.name: sorted(str(tuple(connection_row[c.name] for c in t.columns if c.name not in _PROVENANCE)) for connection_row in connection.execute(select(t)).mappings())
            for t in Base.metadata.sorted_tables
            if not t.name.startswith(("audit", "import"))
        }  # fmt: skip


_PROVENANCE = {"import_id", "known_at", "from_at", "version"}


# --- what a file may look like ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", [kind.key for kind in all_kinds()])
def test_every_kind_there_is_has_its_own_tests(kind):
    """A kind is one file, found by discovery; so are the tests that name it."""
    tests = [*Path(__file__).parent.rglob("test_*.py"), Path(__file__).parent / "builders.py"]
    assert any(f'"{kind}"' in path.read_text(encoding="utf-8") for path in tests)


def test_both_vendors_rosters_say_the_same_of_every_kind(engine, tmp_path):
    assert take_in(engine, write_small_school(tmp_path / "a")).committed
    before = facts_of(engine)
    plan = take_in(engine, write_small_school(tmp_path / "b", vendor="b"))
    assert {report.kind: (report.new, report.changed) for report in plan.reports} == dict.fromkeys(ROWS, (0, 0))
    assert facts_of(engine) == before


@pytest.mark.parametrize("kind", ROWS)
@pytest.mark.parametrize("vendor", ["a", "b"])
def test_a_roster_is_recognised_with_its_columns_in_any_order(kind, vendor, tmp_path):
    from data.rosters.kinds import recognise
    from data.rosters.reading import read_tables

    for seed in range(3):
        order = np.random.default_rng(seed).permutation(len(HEADINGS[kind]))
        headings = [headings_of(kind, vendor)[position] for position in order]
        rows = [[row[position] for position in order] for row in ROWS[kind]]
        (table,) = read_tables(write_xlsx(tmp_path / f"{seed}.xlsx", headings, rows))
        assert recognise(table)[0].key == kind


def test_the_file_name_plays_no_part(engine, tmp_path):
    folder = write_small_school(tmp_path / "a")
    files = sorted(folder.iterdir())
    for number, path in enumerate(files):  # each under another kind's title
        path.rename(folder / f"{all_kinds()[number - len(files)].title}.xlsx")
    plan = take_in(engine, folder)
    assert plan.committed, plan.problems
    assert {report.kind for report in plan.reports} == set(ROWS)


def test_full_width_digits_and_spaces_are_the_narrow_ones(engine, tmp_path):
    wide = str.maketrans("0123456789T", "０１２３４５６７８９Ｔ")
    rows = [[cell.translate(wide) + "\u3000" for cell in passed()]]
    plan = take_in(engine, write_small_school(tmp_path / "a", outcomes=rows))
    assert plan.committed, plan.problems
    assert values_of(engine, Outcome.item_number, Outcome.teacher_code) == [("1", "T001")]


def test_a_name_keeps_its_own_characters(engine, tmp_path):
    name = "堃喆 ﾊﾞ㍿Ⅷ"  # compatibility characters: normalising them would change who it is
    take_in(
        engine, write_small_school(tmp_path / "a", students=[[STUDENTS[0][0], name, *STUDENTS[0][2:]], *STUDENTS[1:]])
    )
    assert (name,) in values_of(engine, Student.name)


def test_a_window_for_all_grades_is_one_row_of_the_file(engine, tmp_path):
    windows = [WINDOWS[0], [*WINDOWS[1][:2], "全部", *WINDOWS[1][3:]]]
    plan = take_in(engine, write_small_school(tmp_path / "a", windows=windows))
    assert counts_of(plan, "windows") == (2, 0, 0, 0)
    assert len(values_of(engine, Window.id)) == 4


def test_a_window_for_all_grades_given_twice_is_new_once(engine, tmp_path):
    windows = [[*WINDOWS[1][:2], "全部", *WINDOWS[1][3:]]] * 2
    plan = take_in(engine, write_small_school(tmp_path / "a", windows=windows))
    assert counts_of(plan, "windows") == (1, 0, 1, 0)


def test_an_empty_seat_number_is_taken_on_both_databases(engine, tmp_path):
    students = [[*STUDENTS[0][:5], "", *STUDENTS[0][6:]], *STUDENTS[1:]]
    plan = take_in(engine, write_small_school(tmp_path / "a", students=students))
    assert plan.committed
    assert sorted(row[0] or 0 for row in values_of(engine, Enrolment.seat_number)) == [0, 1, 2]


# --- what is known stays known ----------------------------------------------------------------------------------------


def test_the_same_files_again_change_no_fact_and_no_version(engine, tmp_path):
    folder = write_small_school(tmp_path / "a", outcomes=[passed(), item("1130002", "2"), item("1130002", "2")])
    take_in(engine, folder)
    before, version = facts_of(engine), version_of(engine)
    again = take_in(engine, folder)
    assert sum(report.new + report.changed for report in again.reports) == 0
    assert (facts_of(engine), version_of(engine)) == (before, version)


def test_an_import_that_changes_something_raises_the_data_version(engine, tmp_path):
    take_in(engine, write_small_school(tmp_path / "a"))
    version = version_of(engine)
    take_in(engine, outcomes_file(tmp_path, passed()))
    assert version_of(engine) == version + 1


@pytest.mark.parametrize(
    "later",
    [
        passed(decided="2024/12/25 09:00:00"),
        passed(decided="2024/10/25 09:00:00"),
        item(**FAILED | {"decided": "2024/12/25 09:00:00"}),
        item(decided="2024/12/25 09:00:00", status="通過", released="未發佈"),
        item(),
    ],
    ids=["a later date", "an earlier date", "another decision", "release withdrawn", "an older list"],
)
def test_no_later_list_moves_the_first_completion_date(engine, tmp_path, later):
    take_in(engine, write_small_school(tmp_path / "a", outcomes=[passed()]))
    take_in(engine, outcomes_file(tmp_path, later))
    assert values_of(engine, Round.completed_at) == [(datetime(2024, 11, 5, 9, tzinfo=TAIPEI),)]


def test_what_a_correction_replaces_is_kept_as_history(engine, tmp_path):
    take_in(engine, write_small_school(tmp_path / "a", outcomes=[passed()]))
    take_in(engine, outcomes_file(tmp_path, passed(decided="2024/12/25 09:00:00")))
    history = values_of(engine, ImportChange.table_name, ImportChange.column_name, ImportChange.old_value)
    assert history == [("certification_rounds", "decided_at", "2024-11-05T09:00:00+08:00")]


def test_an_item_returned_and_sent_again_between_two_lists_keeps_both_rounds(engine, tmp_path):
    take_in(engine, write_small_school(tmp_path / "a", outcomes=[item()]))
    again = item(sent="2024/11/08 09:00:00")
    plan = take_in(engine, outcomes_file(tmp_path, item(**FAILED), again))
    assert sorted(values_of(engine, Round.sent_at, Round.decision)) == [
        (datetime(2024, 11, 1, 12, tzinfo=TAIPEI), "failed"),
        (datetime(2024, 11, 8, 9, tzinfo=TAIPEI), ""),
    ]
    assert counts_of(plan, "outcomes") == (1, 1, 0, 0)


def test_the_earlier_rounds_of_an_item_may_come_after_its_last(engine, tmp_path):
    again = item(sent="2024/11/08 09:00:00")
    take_in(engine, write_small_school(tmp_path / "a", outcomes=[again]))
    take_in(engine, outcomes_file(tmp_path, item(**FAILED), again))
    assert sorted(row.decision for row in values_of(engine, Round.decision)) == ["", "failed"]


def test_an_open_sending_with_its_time_corrected_is_the_same_round(engine, tmp_path):
    take_in(engine, write_small_school(tmp_path / "a", outcomes=[item()]))
    plan = take_in(engine, outcomes_file(tmp_path, item(sent="2024/11/02 12:00:00")))
    assert values_of(engine, Round.sent_at) == [(datetime(2024, 11, 2, 12, tzinfo=TAIPEI),)]
    assert counts_of(plan, "outcomes") == (0, 1, 0, 0)


def test_a_change_of_teacher_rewrites_neither_the_first_nor_the_second(engine, tmp_path):
    take_in(engine, write_small_school(tmp_path / "a"))
    for teacher in ("T002", "T001"):
        take_in(engine, outcomes_file(tmp_path, item(teacher=teacher)))
    assert values_of(engine, Outcome.teacher_code) == [("T001",)]
    assert values_of(engine, Reassignment.teacher_code) == [("T002",), ("T001",)]


def test_an_extension_keeps_the_first_end_ever_announced(engine, tmp_path):
    take_in(engine, write_small_school(tmp_path / "a"))
    for end in ("2025/02/17 23:59:59", "2025/02/24 23:59"):
        take_in(engine, write_xlsx(tmp_path / "x.xlsx", HEADINGS["windows"], [[*WINDOWS[1][:5], end, WINDOWS[1][6]]]))
    with reading(engine) as connection:
        ends = connection.execute(select(Window.original_ends_at, Window.ends_at).where(Window.task == "certify")).one()
    assert tuple(ends) == (parse_as_of("2025-02-11"), parse_as_of("2025-02-25"))


def test_later_selection_counts_are_added_and_earlier_ones_kept(engine, tmp_path):
    take_in(engine, write_small_school(tmp_path / "a"))
    take_in(
        engine,
        write_xlsx(tmp_path / "x.xlsx", HEADINGS["selections"], [["113", "0", "101", "1130001", "甲生", "6", "4"]]),
    )
    assert sorted(row[0] for row in values_of(engine, Selection.outcome_count)) == [0, 1, 6]


def test_a_receipt_list_that_says_something_new_is_a_new_round(engine, tmp_path):
    take_in(engine, write_small_school(tmp_path / "a"))
    rows = [RECEIPTS[0], [*RECEIPTS[1][:4], "已回報", "2025/09/25 08:00:00"]]
    take_in(engine, write_xlsx(tmp_path / "x.xlsx", HEADINGS["receipts"], rows))
    assert sorted(values_of(engine, Receipt.round_number, Receipt.status)) == [
        (1, "confirmed"), (1, "unseen"), (2, "confirmed"), (2, "disputed"),
    ]  # fmt: skip


def test_a_number_no_database_can_hold_is_a_problem_and_no_crash(engine, tmp_path):
    rows = [[*STUDENTS[0][:5], "9" * 30, *STUDENTS[0][6:]]]
    plan = take_in(
        engine,
        write_small_school(tmp_path / "a", students=rows, outcomes=[], performances=[], selections=[], receipts=[]),
    )
    assert [(problem.column, problem.value) for problem in plan.problems] == [("座號", "9" * 30)]


def test_a_receipt_without_an_answer_is_unseen(engine, tmp_path):
    take_in(engine, write_small_school(tmp_path / "a", receipts=[[*RECEIPTS[0][:4], "", ""]]))
    assert values_of(engine, Receipt.status) == [("unseen",)]


def test_a_leaver_without_a_date_left_when_an_import_first_said_so(engine, tmp_path):
    gone = [[*STUDENTS[0][:-1], "休學"], *STUDENTS[1:]]
    first = parse_as_of("2025-01-10T08:00")
    take_in(engine, write_small_school(tmp_path / "a", students=gone), at=first)
    plan = take_in(engine, tmp_path / "a", at=parse_as_of("2025-03-01"))
    assert counts_of(plan, "students") == (0, 0, 3, 0)
    assert (first, False) in values_of(engine, Enrolment.left_at, Enrolment.left_is_dated)


def test_a_leaver_of_two_years_in_one_roster_left_each_when_first_said(engine, tmp_path):
    folder = write_small_school(
        tmp_path / "a", students=[], outcomes=[], performances=[], selections=[], receipts=[],
        classes=[*CLASSES, ["112", *CLASSES[0][1:]]],
    )  # fmt: skip
    rows = [[year, *STUDENTS[0][:-1], "休學"] for year in ("112", "113")]
    write_xlsx(folder / "students.xlsx", ["學年", *HEADINGS["students"]], rows)
    take_in(engine, folder, at=parse_as_of("2025-01-10"))
    plan = take_in(engine, folder, at=parse_as_of("2025-03-01"))
    assert counts_of(plan, "students") == (0, 0, 2, 0)


def test_a_student_renamed_beside_a_new_one_counts_as_changed(engine, tmp_path):
    few = {"outcomes": [], "performances": [], "selections": [], "receipts": []}
    take_in(engine, write_small_school(tmp_path / "a", students=STUDENTS[:2], **few))
    renamed = [[STUDENTS[0][0], "新名", *STUDENTS[0][2:]], *STUDENTS[1:]]
    plan = take_in(engine, write_small_school(tmp_path / "b", students=renamed, **few))
    assert counts_of(plan, "students") == (1, 1, 1, 0)


# --- what is refused --------------------------------------------------------------------------------------------------

REFUSED = {
    "no such class": (item(class_name="999"), "上課班級", "999"),
    "a date on no calendar": (item(sent="114/13/40"), "送出認證時間", "114/13/40"),
    "an empty student number": (item(""), "學號", ""),
}


@pytest.mark.parametrize("case", REFUSED)
def test_a_bad_row_among_good_ones_is_named_to_the_cell_and_nothing_is_kept(engine, tmp_path, case):
    take_in(engine, write_small_school(tmp_path / "a"))
    row, column, value = REFUSED[case]
    before = contents_of(engine)
    plan = take_in(engine, outcomes_file(tmp_path, passed(), passed("1130002", "2"), row, name="認證.xlsx"))
    (problem,) = plan.problems
    assert (problem.file_name, problem.row, problem.column, problem.value) == ("認證.xlsx", 4, column, value)
    assert not plan.committed
    assert contents_of(engine) == before


def zip_that_says_xlsx(path):
    with zipfile.ZipFile(path.with_suffix(".xlsx"), "w") as archive:
        archive.writestr("readme.txt", "not a workbook")


SPOILED = {
    "a missing column": lambda path: write_xlsx(path.with_suffix(".xlsx"), HEADINGS["outcomes"][:5], [item()[:5]]),
    "bytes of no encoding": lambda path: path.with_suffix(".csv").write_bytes(b"\xff\xfe\xff\x81,\x80\n\xff,\xff\n"),
    "no rows": lambda path: write_xlsx(path.with_suffix(".xlsx"), HEADINGS["outcomes"], []),
    "an empty file": lambda path: path.with_suffix(".csv").write_bytes(b""),
    "a zip that says xlsx": zip_that_says_xlsx,
    "text that says xlsx": lambda path: path.with_suffix(".xlsx").write_text("a,b"),
    "half a workbook": lambda path: path.with_suffix(".xlsx").write_bytes(
        write_xlsx(path.with_suffix(".tmp"), HEADINGS["outcomes"], [item()]).read_bytes()[:2000]
    ),
    "a row with more cells than headings": lambda path: path.with_suffix(".csv").write_text(
        ",".join(HEADINGS["outcomes"]) + "\n" + ",".join(passed(reason="逾期,未補")) + "\n", encoding="utf-8"
    ),
}


@pytest.mark.parametrize("case", SPOILED)
def test_a_spoiled_file_is_named_and_the_good_ones_beside_it_are_not_taken(engine, tmp_path, case):
    take_in(engine, write_small_school(tmp_path / "a"))
    folder = write_small_school(tmp_path / "b", outcomes=[passed()], staff=[["T009", "新", "總務處", ""]])
    SPOILED[case](folder / "壞檔")
    before = contents_of(engine)
    plan = take_in(engine, folder)
    assert {problem.file_name.partition(".")[0] for problem in plan.problems} == {"壞檔"}
    assert all(problem.message for problem in plan.problems)
    assert not plan.committed
    assert contents_of(engine) == before


def test_a_missing_column_is_named_with_the_headings_it_may_have(engine, tmp_path):
    take_in(engine, write_small_school(tmp_path / "a"))
    position = HEADINGS["outcomes"].index("送出認證時間")
    headings, row = ([*cells[:position], *cells[position + 1 :]] for cells in (HEADINGS["outcomes"], item()))
    (problem,) = take_in(engine, write_xlsx(tmp_path / "x.xlsx", headings, [row])).problems
    assert (problem.row, problem.column) == (1, "送出認證時間")
    assert "送出時間" in problem.message


def test_an_unreadable_order_of_deputies_is_a_problem_and_no_crash(engine, tmp_path):
    rows = [*DEPUTIES, ["T002", "李二", "T001", "王一", "甲", "2025/01/17", "2025/02/14", ""]]
    (problem,) = take_in(engine, write_small_school(tmp_path / "a", delegations=rows)).problems
    assert (problem.row, problem.column, problem.value) == (3, "順位", "甲")


# --- personal data ----------------------------------------------------------------------------------------------------

ID_NUMBERS = ("A100000000", "A100000001", "A100000002", "B299999999")


def import_ids(engine, folder):
    take_in(engine, write_small_school(folder / "a"))
    changed = [[*STUDENTS[0][:2], "B299999999", *STUDENTS[0][3:]], *STUDENTS[1:]]
    take_in(engine, write_small_school(folder / "b", students=changed))
    take_in(engine, write_small_school(folder / "c", students=[[*STUDENTS[0][:4], "999", *STUDENTS[0][5:]]]))
    take_in(engine, write_xlsx(folder / "x.xlsx", ["身分證號", "蘋果"], [["A100000000", "1"]]))


def test_no_column_of_any_table_holds_an_id_number(engine, tmp_path):
    import_ids(engine, tmp_path)
    stored = str(contents_of(engine, audit=True))
    assert [number for number in ID_NUMBERS if number in stored] == []


def test_no_file_of_an_sqlite_database_holds_an_id_number(tmp_path):
    opened = open_engine(f"sqlite:///{tmp_path / 'db' / 'school.sqlite'}")
    migrate(opened)
    import_ids(opened, tmp_path)
    bytes_while_open = b"".join(path.read_bytes() for path in (tmp_path / "db").iterdir())
    opened.dispose()
    stored = bytes_while_open + b"".join(path.read_bytes() for path in (tmp_path / "db").iterdir())
    assert [number for number in ID_NUMBERS if number.encode() in stored] == []
    assert STUDENTS[0][1].encode() in stored  # the bytes are readable, so the line above means something


def test_an_id_number_is_kept_as_a_keyed_hash_that_its_case_does_not_change(engine, tmp_path):
    lower = [[*STUDENTS[0][:2], "a100000000", *STUDENTS[0][3:]], *STUDENTS[1:]]
    take_in(engine, write_small_school(tmp_path / "a", students=lower))
    assert (make_hasher(b"a key for tests")("A100000000"),) in values_of(engine, Student.id_number_hash)


def test_a_roster_without_id_numbers_takes_none_away(engine, tmp_path):
    take_in(engine, write_small_school(tmp_path / "a"))
    before = values_of(engine, Student.id_number_hash)
    blank = [[*row[:2], "", *row[3:]] for row in STUDENTS]
    take_in(engine, write_small_school(tmp_path / "b", students=blank))
    assert values_of(engine, Student.id_number_hash) == before
    assert None not in {row[0] for row in before}


# --- the counts -------------------------------------------------------------------------------------------------------

outcome_rows = st.lists(
    st.builds(
        lambda student, number, day, state, wrong: {
            "waiting": item(student, number, sent=f"2024/11/{day:02} 09:00"),
            "passed": passed(student, number, sent=f"2024/11/{day:02} 09:00", decided="2024/12/01"),
            "failed": item(student, number, sent=f"2024/11/{day:02} 09:00", **FAILED | {"decided": "2024/12/02"}),
            "unsent": item(student, number, sent="", status="未送出"),
        }[state]
        if not wrong
        else item(student, number, class_name="999"),
        st.sampled_from(["1130001", "1130002", "999"]), st.sampled_from(["1", "2"]), st.integers(1, 3),
        st.sampled_from(["waiting", "passed", "failed", "unsent"]), st.booleans().filter(bool) | st.just(False),
    ),
    min_size=1, max_size=8,
)  # fmt: skip
window_rows = st.lists(
    st.builds(
        lambda grade, end: ["113", "1", grade, "老師認證學生學習成果", "2024/08/30", end, ""],
        st.sampled_from(["1", "2", "全部", "9"]), st.sampled_from(["2025/02/10", "2025/02/17", "2024/01/01"]),
    ),
    min_size=1, max_size=5,
)  # fmt: skip


@pytest.fixture(scope="session")
def small_school_files(tmp_path_factory):
    return write_small_school(tmp_path_factory.mktemp("small"), outcomes=[], windows=[])


@settings(max_examples=8, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(files=st.lists(st.tuples(outcome_rows, window_rows), min_size=1, max_size=2), take_good_rows=st.booleans())
def test_what_became_of_the_rows_adds_up_to_the_rows_read(engine, small_school_files, files, take_good_rows):
    with tempfile.TemporaryDirectory() as folder:
        for number, (outcomes, windows) in enumerate(files):
            paths = [
                outcomes_file(Path(folder), *outcomes, name=f"{number}.xlsx"),
                write_xlsx(Path(folder) / f"w{number}.xlsx", HEADINGS["windows"], windows),
            ]
            plan = take_in(engine, small_school_files, *paths, take_good_rows=take_good_rows)
            for report in plan.reports:
                assert report.new + report.changed + report.unchanged + report.rejected == report.rows
                assert min(report.new, report.changed, report.unchanged, report.rejected) >= 0
            if plan.committed and not plan.problems:
                again = take_in(engine, *paths)
                assert sum(report.new + report.changed for report in again.reports) == 0


def test_every_import_is_in_the_audit_trail_with_its_counts(engine, tmp_path):
    plan = take_in(engine, write_small_school(tmp_path / "a"))
    with reading(engine) as connection:
        stored = connection.execute(text("SELECT kind, row_count, new_count FROM imports")).all()
    assert sorted(map(tuple, stored)) == sorted((report.kind, report.rows, report.new) for report in plan.reports)


def test_performances_without_a_number_are_told_apart_by_category_and_time(engine, tmp_path):
    rows = [["113", "", "1130001", "甲生", "101", category, "2024/11/21 05:19"] for category in ("甲類", "乙類")]
    plan = take_in(engine, write_small_school(tmp_path / "a", performances=rows))
    assert counts_of(plan, "performances") == (2, 0, 0, 0)
    assert {row[0] for row in values_of(engine, Performance.uploaded_at)} == {parse_as_of("2024-11-21T05:19")}
    assert to_us(parse_as_of("2024-11-21")) > 0
