"""What a platform's monitoring screens state: recognised, kept as stated, and held against the ledger at that instant."""

from __future__ import annotations

from datetime import date

import numpy as np
import pandas as pd
import pytest
from sqlalchemy import select

from data.db import migrate, open_engine, reading
from data.demo.school import write_school
from data.instants import parse_as_of
from data.ledger import build, narrow
from data.metrics import Question, ReportError, all_metrics, answer
from data.models import CrossCheck
from data.queries import load_frames
from data.rosters.kinds import all_kinds, known_headings, recognise
from data.rosters.problems import RefusedError
from data.rosters.reading import read_tables
from data.rosters.undo import undo_batch
from data.schema import SchoolSettings
from tests.unit.builders import (
    SELECTIONS,
    STAFF,
    contents_of,
    headings_of,
    item,
    passed,
    resave,
    take_in,
    write_small_school,
    write_xlsx,
)

FIRST, LATER, LAST = (parse_as_of(day) for day in ("2024-11-10", "2024-11-20", "2024-11-30"))
# The headings of domain.md 2.3, and of the first screen those that it hides as well.
LISTS = {
    "waiting_by_teacher": (
        ["學年", "學期", "教師代碼", "教師姓名", "未認證數量"],
        [["113", "1", "T001", "王一", "2"], ["113", "1", "T002", "李二", "1"]],
    ),
    "waiting_by_student": (
        ["學年", "學期", "班級", "學號", "姓名", "科目", "待認證數量"],
        [["113", "1", "101", "1130001", "甲生", "數學", "1"], ["113", "1", "101", "1130002", "乙生", "數學", "1"]],
    ),
    "teacher_overview": (
        ["學年", "學期", "科目名稱", "上課班級", "座號", "學生學號", "學生姓名", "已上傳數量", "已認證通過", "尚未認證數"],
        [["113", "1", "數學", "101", "1", "1130001", "甲生", "3", "2", "1"], ["113", "1", "數學", "101", "2", "1130002", "乙生", "1", "0", "1"]],
    ),
    "class_overview": (
        ["學年", "學期", "班級", "學號", "姓名", "學習成果紀錄", "學習成果認證", "學習成果勾選", "多元表現紀錄", "多元表現勾選"],
        [["113", "1", "101", "1130001", "甲生", "3", "2", "1", "4", "0"], ["113", "1", "101", "1130002", "乙生", "1", "0", "0", "0", "0"]],
    ),
}  # fmt: skip
STATED = {  # how many counts the two rows state
    "waiting_by_teacher": 2, "waiting_by_student": 2, "teacher_overview": 6, "class_overview": 10,
}  # fmt: skip
OUTCOMES = [item(), item("1130002", "2"), item("1130003", "1", class_name="102", teacher="T002")]


@pytest.fixture
def school(engine, tmp_path):
    """The small school with one item waiting for each student: two for T001, one for T002."""
    assert take_in(engine, write_small_school(tmp_path / "school", outcomes=OUTCOMES), at=FIRST).committed
    return engine


def write_list(folder, kind, rows=None, *, name="list.xlsx", headings=None):
    own, default = LISTS[kind]
    return write_xlsx(folder / name, headings or own, default if rows is None else rows)


def without(kind, *names):
    """Return a list's headings and rows without some columns."""
    headings, rows = LISTS[kind]
    kept = [position for position, heading in enumerate(headings) if heading not in names]
    return [headings[position] for position in kept], [[row[position] for position in kept] for row in rows]


def teachers(*pairs):
    return [["113", "1", code, "", count] for code, count in pairs]


def stated_of(engine, what):
    with reading(engine) as connection:
        statement = select(CrossCheck.about, CrossCheck.measure, CrossCheck.stated_count, CrossCheck.known_at)
        rows = connection.execute(statement.where(CrossCheck.what == what).order_by(CrossCheck.id)).all()
    return [tuple(row) for row in rows]


def counts_of(plan):
    (report,) = plan.reports
    return report.new, report.changed, report.unchanged, report.rejected


def ledger_of(engine):
    with reading(engine) as connection:
        return build(load_frames(connection), SchoolSettings())


def crosscheck(ledger, *, by="teacher", as_of=LAST, term=1131):
    return answer(ledger, all_metrics()["crosscheck"], Question(term, as_of, by, "certify"))


def figures(table):
    return {row.key: (row.stated, row.counted, row.difference) for row in table.itertuples()}


def read_one(path):
    (table,) = read_tables(path, known=known_headings())
    return table


# --- which list it is -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", LISTS)
def test_a_list_is_recognised_with_its_columns_in_any_order(kind, tmp_path):
    headings, rows = LISTS[kind]
    for seed in range(4):
        order = np.random.default_rng(seed).permutation(len(headings))
        path = write_list(
            tmp_path, kind, [[row[p] for p in order] for row in rows], headings=[headings[p] for p in order]
        )
        found, match = recognise(read_one(path))
        assert (found.key, len(match)) == (kind, len(headings) - ("座號" in headings))


@pytest.mark.parametrize("kind", LISTS)
def test_a_list_is_recognised_under_each_synonym_of_each_column(kind, tmp_path):
    own = next(each for each in all_kinds() if each.key == kind)
    headings = LISTS[kind][0]
    for column in own.columns:
        (known,) = [heading for heading in headings if heading in column.headings]
        for synonym in column.headings:
            renamed = [synonym if heading == known else heading for heading in headings]
            found, match = recognise(read_one(write_list(tmp_path, kind, headings=renamed)))
            assert (found.key, match[column.name]) == (kind, synonym)


@pytest.mark.parametrize("kind", LISTS)
@pytest.mark.parametrize("dress", ["　{}　", " {} ", "{}\n", "＊{}", "{}（必填）"], ids=range(5))
def test_a_list_is_recognised_with_full_width_and_spaced_headings(kind, dress, tmp_path):
    spaced = [dress.format(heading[0] + "　" + heading[1:]) for heading in LISTS[kind][0]]
    assert recognise(read_one(write_list(tmp_path, kind, headings=spaced)))[0].key == kind


@pytest.mark.parametrize("vendor", ["a", "b"])
def test_what_students_selected_is_not_taken_for_the_overview_of_a_class(vendor, tmp_path):
    headings = headings_of("selections", vendor)
    for dropped in ([], headings[-1:], headings[-2:-1]):
        kept = [position for position, heading in enumerate(headings) if heading not in dropped]
        rows = [[row[position] for position in kept] for row in SELECTIONS]
        path = write_xlsx(tmp_path / "s.xlsx", [headings[position] for position in kept], rows)
        assert recognise(read_one(path))[0].key == "selections"


def test_the_list_of_teachers_may_lack_what_its_screen_hides(tmp_path):
    for hidden in (["教師代碼"], ["學年", "學期"], ["學年", "學期", "教師代碼"], ["教師姓名"]):
        headings, rows = without("waiting_by_teacher", *hidden)
        path = write_list(tmp_path, "waiting_by_teacher", rows, headings=headings)
        assert recognise(read_one(path))[0].key == "waiting_by_teacher"


def test_a_detail_that_names_its_teacher_is_still_the_detail(tmp_path):
    headings, rows = LISTS["waiting_by_student"]
    path = write_xlsx(
        tmp_path / "x.xlsx", [*headings, "教師代碼", "教師姓名"], [[*row, "T001", "王一"] for row in rows]
    )
    assert recognise(read_one(path))[0].key == "waiting_by_student"


@pytest.mark.parametrize(("kind", "lost"), [("class_overview", "學習成果認證"), ("teacher_overview", "已上傳數量")])
def test_an_overview_that_lacks_a_column_is_asked_for_it_and_not_taken_for_the_smaller_list(kind, lost, tmp_path):
    headings, rows = without(kind, lost)
    path = write_list(tmp_path, kind, rows, headings=headings)
    with pytest.raises(RefusedError, match=lost):
        recognise(read_one(path))


# --- what is kept -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", LISTS)
def test_a_list_made_from_the_platforms_headings_is_kept_and_the_same_again_changes_nothing(school, tmp_path, kind):
    path = write_list(tmp_path, kind)
    plan = take_in(school, path, at=LATER)
    assert plan.committed, plan.problems
    assert (counts_of(plan), plan.reports[0].kind, plan.reports[0].term) == ((2, 0, 0, 0), kind, "1131")
    before = stated_of(school, kind)
    assert len(before) == STATED[kind]
    assert counts_of(take_in(school, resave(path), at=LAST)) == (0, 0, 2, 0)
    assert stated_of(school, kind) == before


def test_each_list_says_whom_it_counts_and_what(school, tmp_path):
    take_in(school, *(write_list(tmp_path, kind, name=f"{kind}.xlsx") for kind in LISTS), at=LATER)
    assert [row[:3] for row in stated_of(school, "waiting_by_teacher")] == [
        ("T001", "waiting", 2),
        ("T002", "waiting", 1),
    ]
    assert stated_of(school, "waiting_by_student")[0][:3] == ("1130001|數學", "waiting", 1)
    overview = {row[1]: row[2] for row in stated_of(school, "teacher_overview") if row[0] == "1130001|數學|101"}
    assert overview == {"uploaded": 3, "passed": 2, "waiting": 1}
    own = {row[1]: row[2] for row in stated_of(school, "class_overview") if row[0] == "1130001"}
    assert own == {
        "outcomes": 3, "certified_outcomes": 2, "selected_outcomes": 1, "performances": 4, "selected_performances": 0,
    }  # fmt: skip


def test_another_count_is_added_and_the_one_before_stays(school, tmp_path):
    take_in(school, write_list(tmp_path, "waiting_by_teacher"), at=FIRST)
    plan = take_in(school, write_list(tmp_path, "waiting_by_teacher", teachers(("T001", "1"), ("T002", "1"))), at=LATER)
    assert counts_of(plan) == (0, 1, 1, 0)
    assert stated_of(school, "waiting_by_teacher") == [
        ("T001", "waiting", 2, FIRST), ("T002", "waiting", 1, FIRST), ("T001", "waiting", 1, LATER),
    ]  # fmt: skip


def test_a_count_that_comes_back_to_what_it_was_is_added_again(school, tmp_path):
    for count, at in (("2", FIRST), ("1", LATER), ("2", LAST)):
        take_in(school, write_list(tmp_path, "waiting_by_teacher", teachers(("T001", count))), at=at)
    assert [row[2] for row in stated_of(school, "waiting_by_teacher")] == [2, 1, 2]


def test_an_empty_cell_of_an_overview_states_nothing_and_takes_nothing_away(school, tmp_path):
    row, other = LISTS["class_overview"][1]
    take_in(school, write_list(tmp_path, "class_overview"), at=FIRST)
    plan = take_in(school, write_list(tmp_path, "class_overview", [[*row[:7], "", "5", ""], other]), at=LATER)
    assert counts_of(plan) == (0, 1, 1, 0)
    assert [row[:3] for row in stated_of(school, "class_overview") if row[3] == LATER] == [
        ("1130001", "performances", 5)
    ]


BAD = {
    "waiting_by_teacher": [("學年", "1"), ("學期", "9"), ("未認證數量", ""), ("未認證數量", "三"), ("未認證數量", "9999999")],
    "waiting_by_student": [("班級", "999"), ("學號", "999"), ("科目", ""), ("待認證數量", "-1")],
    "teacher_overview": [("學生學號", "999"), ("上課班級", ""), ("已上傳數量", ""), ("已認證通過", "很多")],
    "class_overview": [("班級", "999"), ("學號", ""), ("學習成果紀錄", "1.5"), ("多元表現勾選", "X")],
}  # fmt: skip


@pytest.mark.parametrize("kind", LISTS)
def test_each_bad_cell_is_named_and_the_rows_add_up(school, tmp_path, kind):
    headings, (row, other) = LISTS[kind]
    wrong = [
        [value if heading == column else cell for heading, cell in zip(headings, row, strict=True)]
        for column, value in BAD[kind]
    ]
    before = contents_of(school)
    path = write_list(tmp_path, kind, [*wrong, other, other])
    plan = take_in(school, path, at=LATER)
    problems = sorted(plan.problems, key=lambda problem: problem.row)
    assert [(problem.row, problem.column, problem.value) for problem in problems] == [
        (2 + number, *bad) for number, bad in enumerate(BAD[kind])
    ]
    assert all(problem.message for problem in problems)
    assert (counts_of(plan), plan.committed) == ((1, 0, 1, len(wrong)), False)
    assert contents_of(school) == before
    assert counts_of(take_in(school, path, at=LATER, take_good_rows=True)) == (1, 0, 1, len(wrong))


@pytest.mark.parametrize("kind", LISTS)
def test_two_rows_that_contradict_each_other_are_not_both_taken(school, tmp_path, kind):
    row = LISTS[kind][1][0]
    plan = take_in(school, write_list(tmp_path, kind, [row, [*row[:-1], "7"]]), at=LATER)
    assert (counts_of(plan), plan.committed) == ((1, 0, 0, 1), False)


@pytest.mark.parametrize("kind", LISTS)
def test_undoing_a_list_leaves_nothing_of_it(school, tmp_path, kind):
    take_in(school, write_list(tmp_path, kind), at=FIRST)
    before = stated_of(school, kind)
    row = LISTS[kind][1][0]
    plan = take_in(school, write_list(tmp_path, kind, [[*row[:-1], "7"]]), at=LATER)
    assert len(stated_of(school, kind)) == len(before) + 1
    undo_batch(school, plan.batch_id, by="test")
    assert stated_of(school, kind) == before


def test_a_list_that_a_later_one_was_compared_with_is_not_undone_alone(school, tmp_path):
    first = take_in(school, write_list(tmp_path, "waiting_by_teacher", teachers(("T001", "2"))), at=FIRST)
    for count in ("2", "1"):
        later = take_in(school, write_list(tmp_path, "waiting_by_teacher", teachers(("T001", count))), at=LATER)
        with pytest.raises(RefusedError):
            undo_batch(school, first.batch_id, by="test")
        undo_batch(school, later.batch_id, by="test")
    undo_batch(school, first.batch_id, by="test")
    assert stated_of(school, "waiting_by_teacher") == []


# --- teachers by name, terms by the calendar --------------------------------------------------------------------------


def test_a_name_stands_for_the_one_member_of_staff_who_has_it(school, tmp_path):
    headings, rows = without("waiting_by_teacher", "教師代碼")
    plan = take_in(school, write_list(tmp_path, "waiting_by_teacher", rows, headings=headings), at=LATER)
    assert plan.reports[0].warnings == []
    assert [row[:3] for row in stated_of(school, "waiting_by_teacher")] == [
        ("T001", "waiting", 2),
        ("T002", "waiting", 1),
    ]


def test_a_name_of_nobody_or_of_two_is_warned_of_and_counted_for_none(school, tmp_path):
    staff = [*STAFF, ["T003", "李二", "圖書館", ""]]
    take_in(school, write_xlsx(tmp_path / "staff.xlsx", headings_of("staff"), staff), at=FIRST)
    headings, rows = without("waiting_by_teacher", "教師代碼")
    path = write_list(tmp_path, "waiting_by_teacher", [*rows, ["113", "1", "某某", "4"]], headings=headings)
    plan = take_in(school, path, at=LATER)
    assert (plan.committed, counts_of(plan)) == (True, (1, 0, 2, 0))
    (warning,) = plan.reports[0].warnings
    assert "第 3、4 列" in warning
    assert "教師代碼" in warning
    assert [row[0] for row in stated_of(school, "waiting_by_teacher")] == ["T001"]


def test_a_staff_roster_whose_names_were_relied_on_is_not_undone_alone(school, tmp_path):
    staff = take_in(
        school, write_xlsx(tmp_path / "staff.xlsx", headings_of("staff"), [["T003", "李二", "圖書館", ""]]), at=FIRST
    )
    headings, rows = without("waiting_by_teacher", "教師代碼")
    take_in(school, write_list(tmp_path, "waiting_by_teacher", rows, headings=headings), at=LATER)
    with pytest.raises(RefusedError):
        undo_batch(school, staff.batch_id, by="test")


def test_a_row_without_name_and_code_is_refused(school, tmp_path):
    plan = take_in(school, write_list(tmp_path, "waiting_by_teacher", teachers(("", "3"), ("T001", "2"))), at=LATER)
    assert [(problem.row, problem.column) for problem in plan.problems] == [(2, "教師姓名")]


def test_a_code_that_nobody_has_is_kept_and_warned_of(school, tmp_path):
    plan = take_in(school, write_list(tmp_path, "waiting_by_teacher", teachers(("T999", "3"))), at=LATER)
    assert plan.committed
    assert "T999" in plan.reports[0].warnings[0]
    assert figures(crosscheck(ledger_of(school))) == {"T999": (3, 0, -3)}


def test_a_list_without_its_term_is_of_the_term_whose_certifying_began_last_and_says_so(school, tmp_path):
    headings, rows = without("waiting_by_teacher", "學年", "學期")
    plan = take_in(
        school,
        write_list(tmp_path, "waiting_by_teacher", rows, headings=headings),
        at=LATER,
        school_year=113,
    )
    assert (plan.committed, plan.reports[0].term) == (True, "1131")
    assert "113-1" in plan.reports[0].warnings[0]


def test_a_list_without_its_term_before_any_certifying_is_refused_and_asked_for_it(school, tmp_path):
    headings, rows = without("waiting_by_teacher", "學期")
    path = write_list(tmp_path, "waiting_by_teacher", rows, headings=headings)
    plan = take_in(school, path, at=parse_as_of("2024-08-01"))
    assert not plan.committed
    assert "「學期」欄" in plan.problems[0].message


def test_no_list_brings_what_students_selected_into_the_figures(school, tmp_path):
    before = contents_of(school)
    take_in(school, write_list(tmp_path, "class_overview"), at=LATER)
    after = contents_of(school)
    changed = {name for name in before if before[name] != after[name]}
    assert changed == {"cross_checks", "imports", "import_rows", "data_versions"}


# --- held against the ledger ------------------------------------------------------------------------------------------


def test_the_ledgers_count_is_held_against_the_stated_one(school, tmp_path):
    take_in(school, write_list(tmp_path, "waiting_by_teacher", teachers(("T001", "2"), ("T002", "4"))), at=LATER)
    table = crosscheck(ledger_of(school))
    assert list(table.columns) == ["key", "name", "stated", "counted", "difference", "stated_at"]
    assert table.to_numpy().tolist() == [
        ["T001", "王一", 2, 2, 0, "2024-11-20T00:00:00+08:00"], ["T002", "李二", 4, 1, -3, "2024-11-20T00:00:00+08:00"],
    ]  # fmt: skip
    school_row = crosscheck(ledger_of(school), by="school")
    assert school_row.to_numpy().tolist() == [["school", "全校", 6, 3, -3, "2024-11-20T00:00:00+08:00"]]


def test_only_what_was_stated_by_then_is_compared(school, tmp_path):
    take_in(school, write_list(tmp_path, "waiting_by_teacher", teachers(("T001", "2"))), at=LATER)
    ledger = ledger_of(school)
    assert figures(crosscheck(ledger)) == {"T001": (2, 2, 0)}
    assert crosscheck(ledger, as_of=FIRST).empty
    assert crosscheck(ledger, term=1132).empty
    assert crosscheck(ledger, by="class").empty
    with pytest.raises(ReportError):
        crosscheck(ledger, by="grade")


def test_a_statement_stays_compared_at_its_instant_after_later_imports(school, tmp_path):
    take_in(school, write_list(tmp_path, "waiting_by_teacher", teachers(("T001", "2"), ("T002", "1"))), at=LATER)
    done = passed(decided="2024/11/25 09:00:00")
    again = item("1130001", "3", sent="2024/11/22 08:00:00", uploaded="2024/11/21 08:00:00")
    take_in(school, write_xlsx(tmp_path / "o.xlsx", headings_of("outcomes"), [done, again]), at=LAST)
    for as_of in (LATER, LAST, parse_as_of("2025-06-01")):
        assert set(crosscheck(ledger_of(school), as_of=as_of)["difference"]) == {0}
    take_in(school, write_list(tmp_path, "waiting_by_teacher", teachers(("T001", "3"))), at=LAST)
    ledger = ledger_of(school)
    assert figures(crosscheck(ledger)) == {"T001": (3, 2, -1), "T002": (1, 1, 0)}
    assert figures(crosscheck(ledger, as_of=LATER)) == {"T001": (2, 2, 0), "T002": (1, 1, 0)}


def test_what_is_judged_and_not_released_still_waits(engine, tmp_path):
    judged = item(decided="2024/11/05 09:00:00", status="通過", released="未發佈", certifier="T001")
    take_in(engine, write_small_school(tmp_path / "s", outcomes=[judged, passed("1130002", "2")]), at=FIRST)
    take_in(engine, write_list(tmp_path, "waiting_by_teacher", teachers(("T001", "1"))), at=LATER)
    assert figures(crosscheck(ledger_of(engine))) == {"T001": (1, 1, 0)}


def test_an_item_stays_with_its_teacher_while_a_deputy_stands_in(school, tmp_path):
    at = parse_as_of("2025-01-20")  # T002 is the 代理人 of T001 then, of whom a platform knows nothing
    take_in(school, write_list(tmp_path, "waiting_by_teacher", teachers(("T001", "2"), ("T002", "1"))), at=at)
    assert set(crosscheck(ledger_of(school), as_of=at)["difference"]) == {0}


def test_an_item_counts_for_the_teacher_it_was_assigned_to_when_it_was_stated(school, tmp_path):
    take_in(school, write_list(tmp_path, "waiting_by_teacher", teachers(("T001", "2"))), at=FIRST)
    take_in(school, write_xlsx(tmp_path / "o.xlsx", headings_of("outcomes"), [item(teacher="T002")]), at=LATER)
    take_in(school, write_list(tmp_path, "waiting_by_teacher", teachers(("T002", "2"))), at=LAST)
    assert figures(crosscheck(ledger_of(school))) == {"T001": (2, 2, 0), "T002": (2, 2, 0)}


def test_the_details_are_compared_by_class_and_subject_and_for_the_stated_pairs_only(school, tmp_path):
    rows = [["113", "1", "101", "1130001", "甲生", "數學", "1"], ["113", "1", "102", "1130003", "丙生", "數學", "3"],
            ["113", "1", "102", "1130003", "丙生", "沒有這科", "1"]]  # fmt: skip
    take_in(school, write_list(tmp_path, "waiting_by_student", rows), at=LATER)
    ledger = ledger_of(school)
    assert figures(crosscheck(ledger, by="class")) == {"101": (1, 1, 0), "102": (4, 1, -3)}
    assert figures(crosscheck(ledger, by="subject")) == {"數學": (4, 2, -2), "沒有這科": (1, 0, -1)}
    assert figures(crosscheck(ledger, by="school")) == {"school": (5, 2, -3)}
    assert crosscheck(ledger, by="teacher").empty


def test_of_two_lists_about_the_same_student_and_subject_the_newer_one_counts(school, tmp_path):
    take_in(school, write_list(tmp_path, "waiting_by_student"), at=FIRST)
    row = LISTS["teacher_overview"][1][0]
    take_in(school, write_list(tmp_path, "teacher_overview", [[*row[:-1], "2"]]), at=LATER)
    ledger = ledger_of(school)
    assert figures(crosscheck(ledger, by="subject", as_of=FIRST)) == {"數學": (2, 2, 0)}
    assert figures(crosscheck(ledger, by="subject")) == {"數學": (3, 2, -1)}


def test_a_homeroom_teacher_sees_the_details_of_the_own_class_and_no_teachers_count(school, tmp_path):
    rows = [["113", "1", "101", "1130001", "甲生", "數學", "1"], ["113", "1", "102", "1130003", "丙生", "數學", "3"]]
    take_in(school, write_list(tmp_path, "waiting_by_student", rows), at=LATER)
    take_in(school, write_list(tmp_path, "waiting_by_teacher"), at=LATER)
    ledger = ledger_of(school)
    own = narrow(ledger, classes=ledger.labels["class"] == "101")
    assert figures(crosscheck(own, by="class")) == {"101": (1, 1, 0)}
    assert figures(crosscheck(own, by="school")) == {"school": (1, 1, 0)}
    assert crosscheck(own, by="teacher").empty
    assert narrow(ledger, duties=np.ones(len(ledger.duties), dtype=bool)).cross_checks.empty


# --- a whole school ---------------------------------------------------------------------------------------------------

EXPORTED, AGAIN = date(2027, 1, 15), date(2027, 1, 29)


def at_midnight(day):
    return parse_as_of(day.isoformat())


@pytest.fixture(scope="module", params=[1, 2, 3])
def demo(request, tmp_path_factory):
    """A generated school as exported on two days, and what its own 認證清單 says waits on the first of them."""
    folder = tmp_path_factory.mktemp("demo")
    schools = [
        write_school(folder / day.isoformat(), classes=3, terms=1, seed=request.param, today=day).folder
        for day in (EXPORTED, AGAIN)
    ]
    (path,) = schools[0].glob("認證清單_*")
    frame = read_one(path).frame
    waiting = frame[(frame["送出認證時間"] != "") & (frame["發佈狀態"] != "已發佈")]
    return *schools, waiting.drop_duplicates(["學號", "課程代碼", "科目名稱", "上課班級", "序號"])


@pytest.fixture
def taken_demo(demo, tmp_path):
    engine = open_engine(f"sqlite:///{tmp_path / 'demo.sqlite'}")
    migrate(engine)
    assert take_in(engine, demo[0], at=at_midnight(EXPORTED)).committed
    yield engine, demo[1], demo[2]
    engine.dispose()


def lists_of(waiting):
    """Return the rows of both parts of 查詢教師未認證狀況 over these items."""
    by_teacher = waiting.groupby(["學年", "學期", "教師代碼", "教師名稱"]).size()
    names = waiting.assign(學生姓名=waiting["學生姓名"].str.strip())
    by_student = names.groupby(["學年", "學期", "學號", "學生姓名", "科目名稱"]).size()
    teacher_rows = [[*key, str(count)] for key, count in by_teacher.items()]
    student_rows = [[*key[:2], "", *key[2:], str(count)] for key, count in by_student.items()]
    return teacher_rows, student_rows


@pytest.mark.thorough
@pytest.mark.parametrize("altered", [None, 0, -1])
def test_a_generated_schools_own_counts_agree_and_an_altered_one_is_the_one_difference(taken_demo, tmp_path, altered):
    engine, later_files, waiting = taken_demo
    assert len(waiting) >= 5
    rows = lists_of(waiting)
    for each in rows:
        if altered is not None:
            each[altered][-1] = str(int(each[altered][-1]) + 2)
    paths = [write_list(tmp_path, kind, part, name=f"{kind}.xlsx") for kind, part in zip(LISTS, rows, strict=False)]
    plan = take_in(engine, *paths, at=at_midnight(EXPORTED))
    assert plan.committed, plan.problems
    asked = {"as_of": at_midnight(EXPORTED), "term": 1151}
    tables = {by: crosscheck(ledger_of(engine), by=by, **asked) for by in ("teacher", "subject", "class", "school")}
    for table in tables.values():
        assert table["counted"].sum() == len(waiting)
        assert table["difference"][table["difference"] != 0].tolist() == ([] if altered is None else [-2])
    if altered is not None:
        assert tables["teacher"]["key"][tables["teacher"]["difference"] != 0].tolist() == [rows[0][altered][2]]
    # A fortnight later much of it is certified and more has come: the comparison stays where it was.
    assert take_in(engine, later_files, at=at_midnight(AGAIN)).committed
    later = ledger_of(engine)
    for by, table in tables.items():
        pd.testing.assert_frame_equal(crosscheck(later, by=by, as_of=at_midnight(AGAIN), term=1151), table)
