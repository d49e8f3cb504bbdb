"""Records that a school keeps beside its platform's lists: each kind's headings, what is kept, and what never is."""

from __future__ import annotations

from datetime import date

import numpy as np
import pytest
from sqlalchemy import select

from data.db import migrate, open_engine, reading
from data.instants import parse_as_of
from data.models import EnrolmentChange, Registration, SchoolDay, StaffChange, Student, TrainingSession
from data.rosters.kinds import all_kinds, recognise
from data.rosters.problems import RefusedError
from data.rosters.reading import read_tables
from data.rosters.undo import undo_batch
from tests.unit.builders import (
    HEADINGS,
    STUDENTS,
    contents_of,
    headings_of,
    resave,
    take_in,
    write_small_school,
    write_xlsx,
)

FIRST = parse_as_of("2025-03-01")
LATER = parse_as_of("2025-04-01")
MARK = "73.91827"  # planted; found in no table and in no byte of the database

# kind → column name → the cells of two rows
EXAMPLES: dict[str, dict[str, list[str]]] = {
    "counselling": {
        "school_year": ["113", "113"], "semester": ["1", "1"], "class_name": ["101", "102"], "student_number": ["1130001", "1130003"],
        "student_name": ["甲生", "丙生"], "held_at": ["2024/10/25 14:30", "113/10/26"], "counsellor_name": ["王一", "李二"],
        "counsellor_code": ["T001", "T002"], "unit": ["輔導處", "輔導處"],
    },
    "positions": {
        "school_year": ["113", "113"], "semester": ["1", "1"], "student_number": ["1130001", "1130003"], "student_name": ["甲生", "丙生"],
        "class_name": ["101", "102"], "category": ["班級幹部", "社團幹部"], "position": ["班長", "社長"],
        "registered_at": ["2025/01/10", ""], "unit": ["學務處", "學務處"],
    },
    "grades": {
        "school_year": ["113", "113"], "semester": ["1", "1"], "student_number": ["1130001", "1130003"], "student_name": ["甲生", "丙生"],
        "class_name": ["101", "102"], "mark": [MARK, "60"], "registered_at": ["2025/02/05", ""], "unit": ["註冊組", "註冊組"],
    },
    "registrations": {
        "school_year": ["113", "113"], "semester": ["1", "1"], "class_name": ["101", "102"], "kind": ["成績", "幹部"],
        "registered_at": ["2025/02/05", "114/02/06"], "unit": ["教務處註冊組", "學務處"],
    },
    "enrolment_changes": {
        "school_year": ["113", "113"], "semester": ["1", ""], "student_number": ["1130001", "1130003"], "student_name": ["甲生", "丙生"],
        "change": ["休學", "轉入"], "effective_at": ["2024/11/01", "113/09/02"], "class_name": ["101", ""], "note": ["", "自外校"],
    },
    "training": {
        "school_year": ["113", "113"], "kind": ["宣導說明", "專業研習"], "audience": ["學生、家長", "教師"],
        "held_at": ["2024/09/20 18:30", "113/10/16"], "title": ["新生說明會", "認證研習"], "unit": ["教務處", "輔導處"],
        "attendee_count": ["350", ""],
    },
    "staff_changes": {
        "staff_code": ["T001", "T002"], "name": ["王一", "李二"], "change": ["留職停薪", "調任"], "from_on": ["2025/02/01", "114/02/01"],
        "to_on": ["2025/07/31", ""], "unit": ["", "輔導處"], "note": ["育嬰", ""],
    },
    "school_days": {
        "from_on": ["2024/10/31", "113/11/09"], "to_on": ["2024/11/01", ""], "is_school_day": ["停課", "補課"], "note": ["颱風", "補 10/31"],
    },
}  # fmt: skip
WRITTEN = {  # rows of the kind's own table after the example
    "counselling": (Registration, 2), "positions": (Registration, 2), "grades": (Registration, 2), "registrations": (Registration, 2),
    "enrolment_changes": (EnrolmentChange, 2), "training": (TrainingSession, 3), "staff_changes": (StaffChange, 2), "school_days": (SchoolDay, 3),
}  # fmt: skip
BAD = {
    "counselling": {"school_year": "學年", "semester": "9", "class_name": "999", "student_number": "999", "held_at": "114/13/40"},
    "positions": {"school_year": "", "semester": "9", "class_name": "999", "student_number": "999", "position": "", "registered_at": "昨天"},
    "grades": {"school_year": "1", "semester": "", "class_name": "999", "student_number": "999", "registered_at": "113/02/30"},
    "registrations": {"school_year": "1", "semester": "", "class_name": "999", "kind": "缺勤", "registered_at": "2025/12/31", "registered_at ": ""},
    "enrolment_changes": {"school_year": "1", "semester": "9", "student_number": "999", "change": "出國", "effective_at": "", "class_name": "999"},
    "training": {"school_year": "1", "kind": "聚餐", "audience": "校友、學生", "held_at": "", "attendee_count": "三十"},
    "staff_changes": {"staff_code": "", "change": "出差", "from_on": "2025", "to_on": "2025/01/31", "unit": ""},
    "school_days": {"from_on": "2024/02/30", "to_on": "2024/10/01", "to_on ": "2025/10/31", "is_school_day": "段考"},
}  # fmt: skip
KINDS = {kind.key: kind for kind in all_kinds()}


def heading(kind, column, place=0):
    (found,) = [c.headings for c in KINDS[kind].columns if c.name == column]
    return found[min(place, len(found) - 1)]


def write_kind(path, kind, /, *, place=0, row_count=2, extra=None, leave_out=(), **cells):
    """Write a kind's example; cells replaces a column's, extra adds columns under their own headings."""
    columns = {
        name: list(values[:row_count]) for name, values in EXAMPLES[kind].items() if name not in leave_out
    } | cells
    shown = {heading(kind, name, place): values for name, values in columns.items()} | (extra or {})
    return write_xlsx(path, list(shown), [list(row) for row in zip(*shown.values(), strict=True)])


def values_of(engine, *columns):
    with reading(engine) as connection:
        return sorted(map(tuple, connection.execute(select(*columns)).all()))


def facts_of(engine):
    """Return the contents of every table of facts."""
    return {name: rows for name, rows in contents_of(engine).items() if not name.startswith(("import", "data_version"))}


def counts_of(plan):
    (report,) = plan.reports
    return report.new, report.changed, report.unchanged, report.rejected


@pytest.fixture
def school(engine, tmp_path):
    folder = write_small_school(tmp_path / "school", outcomes=[], performances=[], selections=[], receipts=[])
    assert take_in(engine, folder, at=parse_as_of("2024-09-01")).committed
    return engine


# --- every kind -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", EXAMPLES)
def test_an_example_of_each_kind_imports_and_the_same_again_changes_nothing(school, tmp_path, kind):
    path = write_kind(tmp_path / "x.xlsx", kind)
    plan = take_in(school, path, at=FIRST)
    assert plan.committed, plan.problems
    assert plan.reports[0].kind == kind
    assert counts_of(plan) == (2, 0, 0, 0)
    assert plan.reports[0].unknown == []
    model, count = WRITTEN[kind]
    assert len(values_of(school, model.id)) == count
    before = facts_of(school)
    assert counts_of(take_in(school, resave(path), at=LATER)) == (0, 0, 2, 0)
    assert facts_of(school) == before


@pytest.mark.parametrize("kind", EXAMPLES)
def test_headings_shuffled_renamed_full_width_or_spaced_say_the_same(school, tmp_path, kind):
    take_in(school, write_kind(tmp_path / "x.xlsx", kind), at=FIRST)
    before = facts_of(school)
    cells = EXAMPLES[kind]
    most = max(len(column.headings) for column in KINDS[kind].columns)
    for place in range(1, most):
        names = [heading(kind, name, place) for name in cells]
        order = np.random.default_rng(place).permutation(len(names))
        shown = [f"　{' '.join(names[position])} ＊（必填）" for position in order]
        rows = [[list(cells.values())[position][row] for position in order] for row in range(2)]
        plan = take_in(school, write_xlsx(tmp_path / f"{place}.xlsx", shown, rows), at=LATER)
        assert (plan.committed, plan.reports[0].kind, counts_of(plan)) == (True, kind, (0, 0, 2, 0)), plan.problems
    assert facts_of(school) == before


@pytest.mark.parametrize("kind", EXAMPLES)
def test_a_bad_cell_of_each_column_is_named_and_nothing_is_kept(school, tmp_path, kind):
    before = facts_of(school)
    for column, bad in BAD[kind].items():
        name = column.strip()
        row = 1 if (kind, name) == ("staff_changes", "unit") else 0
        cells = list(EXAMPLES[kind][name])
        cells[row] = bad
        plan = take_in(school, write_kind(tmp_path / "x.xlsx", kind, **{name: cells}), at=FIRST)
        (problem,) = plan.problems
        assert (problem.row, problem.column, problem.value) == (row + 2, heading(kind, name), bad)
        assert len(problem.message) > 5
        report = plan.reports[0]
        assert report.new + report.changed + report.unchanged + report.rejected == report.rows == 2
        assert not plan.committed
    assert facts_of(school) == before


@pytest.mark.parametrize("kind", EXAMPLES)
def test_the_good_rows_beside_a_bad_one_are_taken_when_asked_for(school, tmp_path, kind):
    for column, bad in BAD[kind].items():
        name = column.strip()
        row = 1 if (kind, name) == ("staff_changes", "unit") else 0
        cells = list(EXAMPLES[kind][name])
        cells[row] = bad
        plan = take_in(school, write_kind(tmp_path / "x.xlsx", kind, **{name: cells}), at=FIRST, take_good_rows=True)
        assert plan.committed
        assert sum(counts_of(plan)) == 2
        assert plan.reports[0].rejected == 1
        undo_batch(school, plan.batch_id, by="test")


@pytest.mark.parametrize("kind", EXAMPLES)
def test_undo_restores_what_was_before_a_first_and_a_second_import(school, tmp_path, kind):
    empty = facts_of(school)
    first = take_in(school, write_kind(tmp_path / "x.xlsx", kind, row_count=1), at=FIRST)
    once = facts_of(school)
    second = take_in(school, write_kind(tmp_path / "y.xlsx", kind), at=LATER)
    with pytest.raises(RefusedError):  # the second spoke of the first one's row
        undo_batch(school, first.batch_id, by="test")
    undo_batch(school, second.batch_id, by="test")
    assert facts_of(school) == once
    undo_batch(school, first.batch_id, by="test")
    assert facts_of(school) == empty


@pytest.mark.parametrize("kind", EXAMPLES)
def test_no_list_of_another_kind_is_taken_for_this_one(tmp_path, kind):
    path = write_kind(tmp_path / "x.xlsx", kind)
    assert recognise(read_tables(path)[0])[0].key == kind
    for other in HEADINGS:
        for vendor in ("a", "b"):
            headings = headings_of(other, vendor)
            (table,) = read_tables(write_xlsx(tmp_path / "o.xlsx", headings, [["1"] * len(headings)]))
            assert recognise(table)[0].key == other


@pytest.mark.parametrize("kind", EXAMPLES)
def test_identical_rows_are_one_with_a_note(school, tmp_path, kind):
    twice = {name: [values[0]] * 2 for name, values in EXAMPLES[kind].items()}
    plan = take_in(school, write_kind(tmp_path / "x.xlsx", kind, **twice), at=FIRST)
    assert (plan.committed, counts_of(plan)) == (True, (1, 0, 1, 0))
    assert kind == "grades" or "完全相同" in "".join(plan.reports[0].notes)


# --- registrations ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["counselling", "positions", "grades", "registrations"])
def test_the_first_date_of_a_registration_stays_whatever_a_later_list_says(school, tmp_path, kind):
    column = "held_at" if kind == "counselling" else "registered_at"
    take_in(school, write_kind(tmp_path / "x.xlsx", kind), at=FIRST)
    before = values_of(school, Registration.registered_at)
    later = ["2024/10/25 18:00", "113/10/26 09:00"] if kind == "counselling" else ["2025/03/30", "2025/03/30"]
    plan = take_in(school, write_kind(tmp_path / "y.xlsx", kind, **{column: later}), at=LATER)
    assert counts_of(plan) == (0, 0, 2, 0)
    assert values_of(school, Registration.registered_at) == before


def test_a_list_of_whose_counsellor_is_who_is_not_taken_for_talks(school, tmp_path):
    (problem,) = take_in(
        school, write_kind(tmp_path / "x.xlsx", "counselling", leave_out=("held_at",)), at=FIRST
    ).problems
    assert problem.column == "諮詢日期"


def test_talks_without_a_date_are_taken_with_a_warning_that_says_how_many(school, tmp_path):
    plan = take_in(school, write_kind(tmp_path / "x.xlsx", "counselling", held_at=["2024/10/25", ""]), at=FIRST)
    assert counts_of(plan) == (2, 0, 0, 0)
    assert any("1 列沒有諮詢日期" in warning for warning in plan.reports[0].warnings)


@pytest.mark.parametrize("kind", ["counselling", "positions", "grades"])
def test_without_a_date_a_record_is_registered_when_an_import_first_carried_it(school, tmp_path, kind):
    undated = {"held_at": ["", ""]} if kind == "counselling" else {}
    path = write_kind(tmp_path / "x.xlsx", kind, leave_out=() if undated else ("registered_at",), **undated)
    take_in(school, path, at=FIRST)
    assert counts_of(take_in(school, resave(path), at=LATER)) == (0, 0, 2, 0)
    assert {row[0] for row in values_of(school, Registration.registered_at)} == {FIRST}


def test_a_list_without_class_and_unit_takes_neither_away(school, tmp_path):
    take_in(school, write_kind(tmp_path / "x.xlsx", "positions"), at=FIRST)
    before = facts_of(school)
    plan = take_in(school, write_kind(tmp_path / "y.xlsx", "positions", leave_out=("class_name", "unit")), at=LATER)
    assert counts_of(plan) == (0, 0, 2, 0)
    assert facts_of(school) == before


def test_the_same_record_of_two_kinds_and_of_a_class_and_its_student_is_kept_apart(school, tmp_path):
    for kind in ("counselling", "positions", "grades", "registrations"):
        assert counts_of(take_in(school, write_kind(tmp_path / f"{kind}.xlsx", kind), at=FIRST)) == (2, 0, 0, 0)
    assert values_of(school, Registration.kind, Registration.class_name, Registration.item_key) == [
        ("counselling", "101", "2024-10-25 1"), ("counselling", "102", "2024-10-26 1"), ("grades", "101", ""), ("grades", "101", ""),
        ("grades", "102", ""), ("position", "101", "班級幹部 班長"), ("position", "102", ""), ("position", "102", "社團幹部 社長"),
    ]  # fmt: skip


def test_a_cadre_export_of_ischool_imports_without_a_word_of_its_remarks(school, tmp_path):
    headings = ["學生系統編號", "學號", "班級", "座號", "姓名", "學年度", "學期", "幹部類別", "幹部名稱", "說明"]
    path = write_xlsx(
        tmp_path / "x.xlsx",
        headings,
        [["5577", "1130001", "101", "1", "甲生", "113", "1", "班級幹部", "班長", "表現優良"]],
    )
    plan = take_in(school, path, at=FIRST)
    assert (plan.committed, plan.reports[0].kind, counts_of(plan)) == (True, "positions", (1, 0, 0, 0))
    assert plan.reports[0].unknown == []
    assert "表現優良" not in str(contents_of(school, audit=True))


# --- counselling ------------------------------------------------------------------------------------------------------


def test_two_talks_of_a_day_are_two_in_whatever_order_they_are_listed(school, tmp_path):
    cells = {name: [values[0]] * 2 for name, values in EXAMPLES["counselling"].items()}
    talks = {"諮詢內容": ["升學方向", "選課"]}
    assert counts_of(
        take_in(school, write_kind(tmp_path / "x.xlsx", "counselling", extra=talks, **cells), at=FIRST)
    ) == (2, 0, 0, 0)
    turned = {"諮詢內容": ["選課", "升學方向"]}
    assert counts_of(
        take_in(school, write_kind(tmp_path / "y.xlsx", "counselling", extra=turned, **cells), at=LATER)
    ) == (0, 0, 2, 0)
    assert [row[0] for row in values_of(school, Registration.item_key)] == ["2024-10-25 1", "2024-10-25 2"]


def test_what_was_said_in_a_talk_is_kept_nowhere(school, tmp_path):
    said = {"諮詢內容": ["想轉組的原因", "家裡的事"], "諮詢建議": ["先與家長談", "請輔導老師協助"]}
    path = write_kind(tmp_path / "x.xlsx", "counselling", extra=said, student_number=["1130001", "999"])
    assert take_in(school, path, at=FIRST, take_good_rows=True).committed
    stored = str(contents_of(school, audit=True))
    assert "999" in stored  # the refused row is there, to be mended
    assert [word for words in said.values() for word in words if word in stored] == []


def test_a_counsellor_nobody_knows_is_said_and_the_talk_is_taken(school, tmp_path):
    plan = take_in(school, write_kind(tmp_path / "x.xlsx", "counselling", counsellor_code=["T001", "T999"]), at=FIRST)
    assert counts_of(plan) == (2, 0, 0, 0)
    assert "T999" in "".join(plan.reports[0].warnings)


# --- grades -----------------------------------------------------------------------------------------------------------


def grades_of(folder, *rows, name="x.xlsx"):
    headings = ["學年", "學期", "班級", "學號", "姓名", "科目名稱", "學期學業成績", "補考成績", "登錄日期"]
    return write_xlsx(folder / name, headings, list(rows))


def subject(name, student="1130001", mark=MARK, again="", said=""):
    return ["113", "1", "101", student, "甲生", name, mark, again, said]


def test_the_subjects_of_a_student_are_one_registration_since_the_earliest_day(school, tmp_path):
    path = grades_of(
        tmp_path, subject("國語文"), subject("數學", said="2025/02/06"), subject("英語文", said="2025/02/04")
    )
    plan = take_in(school, path, at=FIRST)
    assert counts_of(plan) == (1, 0, 2, 0)
    assert values_of(school, Registration.registered_at) == [(parse_as_of("2025-02-04"),)]
    assert counts_of(take_in(school, resave(path), at=LATER)) == (0, 0, 3, 0)


def test_a_student_without_any_mark_is_not_registered_yet(school, tmp_path):
    rows = [subject("國語文", mark=""), subject("數學", "1130002", mark="", again="60")]
    plan = take_in(school, grades_of(tmp_path, *rows), at=FIRST)
    assert counts_of(plan) == (1, 0, 1, 0)
    assert "還沒有成績" in plan.reports[0].notes[-1]
    plan = take_in(school, grades_of(tmp_path, subject("國語文", mark="")), at=LATER)
    assert (plan.committed, counts_of(plan)) == (True, (0, 0, 1, 0))


def test_marks_without_students_register_their_class(school, tmp_path):
    headings = ["學年", "學期", "班級", "科目", "原始成績"]
    rows = [["113", "1", "101", "國語文", MARK], ["113", "1", "101", "數學", MARK], ["113", "1", "102", "數學", MARK]]
    path = write_xlsx(tmp_path / "x.xlsx", headings, rows)
    assert counts_of(take_in(school, path, at=FIRST)) == (2, 0, 1, 0)
    assert values_of(school, Registration.class_name, Registration.student_id) == [("101", None), ("102", None)]
    assert counts_of(take_in(school, resave(path), at=LATER)) == (0, 0, 3, 0)


def test_a_row_of_neither_student_nor_class_is_refused(school, tmp_path):
    row = subject("數學", "")
    row[2] = ""
    (problem,) = take_in(school, grades_of(tmp_path, subject("數學"), row), at=FIRST).problems
    assert (problem.row, problem.column) == (3, "學號")


def import_marks(engine, folder):
    take_in(engine, grades_of(folder, subject("國語文"), subject("數學", again=MARK)), at=FIRST)
    bad = [
        subject("國語文", "999"),
        subject("數學", said="昨天"),
        ["", *subject("地理")[1:]],
        subject("美術", again=MARK),
    ]
    take_in(engine, grades_of(folder, *bad, name="y.xlsx"), at=LATER)
    take_in(engine, grades_of(folder, *bad, name="z.xlsx"), at=LATER, take_good_rows=True)
    write_xlsx(folder / "w.xlsx", ["學號", "姓名", "成績"], [["1130001", "甲生", MARK]])  # refused as a whole
    take_in(engine, folder / "w.xlsx", at=LATER)


def test_no_table_holds_a_mark(school, tmp_path):
    import_marks(school, tmp_path)
    stored = str(contents_of(school, audit=True))
    assert MARK not in stored
    assert "昨天" in stored  # what was refused is there, without its marks


def test_no_byte_of_an_sqlite_database_holds_a_mark(tmp_path):
    opened = open_engine(f"sqlite:///{tmp_path / 'db' / 'school.sqlite'}")
    migrate(opened)
    take_in(
        opened, write_small_school(tmp_path / "a", outcomes=[], performances=[], selections=[], receipts=[]), at=FIRST
    )
    import_marks(opened, tmp_path)
    while_open = b"".join(path.read_bytes() for path in (tmp_path / "db").iterdir())
    opened.dispose()
    stored = while_open + b"".join(path.read_bytes() for path in (tmp_path / "db").iterdir())
    assert MARK.encode() not in stored
    assert "昨天".encode() in stored


# --- changes of students and staff ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("word", "change"),
    [("轉入", "transfer_in"), ("轉出", "transfer_out"), ("休學", "suspend"), ("復學", "resume"), ("重讀", "repeat"), ("借讀", "lend"),
     ("退學", "withdraw"), ("畢業", "graduate"), ("轉學（轉出）", "transfer_out"), ("復學生", "resume")],
)  # fmt: skip
def test_a_change_is_read_in_the_words_of_the_school(word, change):
    from data.rosters.enrolment_changes import read_change

    assert read_change(word) == change


def test_a_student_who_came_must_first_be_on_a_roster(school, tmp_path):
    unknown = ["1130001", "1139999"]
    (problem,) = take_in(
        school, write_kind(tmp_path / "x.xlsx", "enrolment_changes", student_number=unknown), at=FIRST
    ).problems
    assert "轉入生" in problem.message
    assert "學生資料名冊" in problem.message
    came = [*STUDENTS, ["1139999", "丁生", "A100000009", "1", "102", "9", "101", "普通科", "日間部", "在學"]]
    write_xlsx(tmp_path / "s.xlsx", HEADINGS["students"], came)
    plan = take_in(school, tmp_path / "s.xlsx", tmp_path / "x.xlsx", at=FIRST)
    assert plan.committed, plan.problems
    assert ("1139999",) in values_of(school, Student.student_number)


def test_a_student_of_last_year_may_leave_before_this_years_roster_lists_him(school, tmp_path):
    write_xlsx(tmp_path / "c.xlsx", HEADINGS["classes"], [["114", "201", "2", "普通科", "T001"]])
    changed = {"school_year": ["114", "114"], "class_name": ["", ""], "change": ["休學", "轉出"]}
    plan = take_in(
        school, tmp_path / "c.xlsx", write_kind(tmp_path / "x.xlsx", "enrolment_changes", **changed), at=FIRST
    )
    assert plan.committed, plan.problems


def test_a_change_of_staff_keeps_its_days_and_the_new_unit(school, tmp_path):
    take_in(school, write_kind(tmp_path / "x.xlsx", "staff_changes"), at=FIRST)
    columns = (StaffChange.staff_code, StaffChange.change, StaffChange.from_on, StaffChange.to_on, StaffChange.unit)
    assert values_of(school, *columns) == [
        ("T001", "unpaid_leave", date(2025, 2, 1), date(2025, 7, 31), ""),
        ("T002", "move", date(2025, 2, 1), None, "輔導處"),
    ]
    before = facts_of(school)
    plan = take_in(school, write_kind(tmp_path / "y.xlsx", "staff_changes", to_on=["2025/06/30", ""]), at=LATER)
    assert counts_of(plan) == (0, 1, 1, 0)
    undo_batch(school, plan.batch_id, by="test")
    assert facts_of(school) == before


def test_a_member_of_staff_not_on_the_roster_is_said_and_taken(school, tmp_path):
    plan = take_in(school, write_kind(tmp_path / "x.xlsx", "staff_changes", staff_code=["T001", "T998"]), at=FIRST)
    assert counts_of(plan) == (2, 0, 0, 0)
    assert "T998" in "".join(plan.reports[0].warnings)


# --- training and school days -----------------------------------------------------------------------------------------


def test_a_session_for_several_audiences_is_one_row_of_the_file_and_one_fact_each(school, tmp_path):
    plan = take_in(
        school, write_kind(tmp_path / "x.xlsx", "training", audience=["學生、家長，全體教師", "教職員"]), at=FIRST
    )
    assert counts_of(plan) == (2, 0, 0, 0)
    assert {row[0] for row in values_of(school, TrainingSession.audience)} == {"學生", "家長", "教師", "教職員"}


def test_one_more_audience_makes_a_row_new_and_another_count_makes_it_changed(school, tmp_path):
    take_in(school, write_kind(tmp_path / "x.xlsx", "training"), at=FIRST)
    changed = {"audience": ["學生、家長、教師", "教師"], "attendee_count": ["350", "40"]}
    assert counts_of(take_in(school, write_kind(tmp_path / "y.xlsx", "training", **changed), at=LATER)) == (1, 1, 0, 0)
    assert {row[0] for row in values_of(school, TrainingSession.attendee_count)} == {350, 40}


def test_two_rows_that_contradict_each_other_on_one_audience_go_with_all_of_the_second(school, tmp_path):
    cells = {name: [values[0]] * 2 for name, values in EXAMPLES["training"].items()}
    cells |= {"audience": ["家長", "學生、家長"], "attendee_count": ["350", "20"]}
    plan = take_in(school, write_kind(tmp_path / "x.xlsx", "training", **cells), at=FIRST, take_good_rows=True)
    assert counts_of(plan) == (1, 0, 0, 1)
    assert values_of(school, TrainingSession.audience, TrainingSession.attendee_count) == [("家長", 350)]


def test_a_range_of_days_is_one_row_of_the_file_and_one_fact_a_day(school, tmp_path):
    plan = take_in(school, write_kind(tmp_path / "x.xlsx", "school_days"), at=FIRST)
    assert counts_of(plan) == (2, 0, 0, 0)
    assert values_of(school, SchoolDay.day, SchoolDay.is_school_day) == [
        (date(2024, 10, 31), False), (date(2024, 11, 1), False), (date(2024, 11, 9), True),
    ]  # fmt: skip


def test_a_day_said_twice_is_refused_with_its_whole_range_unless_it_says_the_same(school, tmp_path):
    same = {"from_on": ["2024/10/31", "2024/11/01"], "is_school_day": ["停課", "停課"], "note": ["颱風", "颱風"]}
    plan = take_in(school, write_kind(tmp_path / "x.xlsx", "school_days", **same), at=FIRST)
    assert counts_of(plan) == (1, 0, 1, 0)
    other = same | {"to_on": ["2024/11/01", "2024/11/04"], "is_school_day": ["停課", "上課"]}
    plan = take_in(school, write_kind(tmp_path / "y.xlsx", "school_days", **other), at=LATER, take_good_rows=True)
    assert counts_of(plan) == (0, 0, 1, 1)
    assert len(values_of(school, SchoolDay.id)) == 2


def test_a_later_list_may_say_otherwise_of_a_day_and_undo_puts_it_back(school, tmp_path):
    take_in(school, write_kind(tmp_path / "x.xlsx", "school_days"), at=FIRST)
    before = facts_of(school)
    plan = take_in(school, write_kind(tmp_path / "y.xlsx", "school_days", is_school_day=["上課", "補課"]), at=LATER)
    assert counts_of(plan) == (0, 1, 1, 0)
    undo_batch(school, plan.batch_id, by="test")
    assert facts_of(school) == before
