"""The official rosters and the central database's dumps: what was handed in, whose it is, and nothing of who they are."""

from __future__ import annotations

import csv
from datetime import datetime

import numpy as np
import pytest
import xlsxwriter
from sqlalchemy import select

from data.db import read_data_version, reading, writing
from data.instants import TAIPEI
from data.models import Registration, Student, Submission, SubmissionSheet, SubmittedItem
from data.rosters.kinds import all_kinds, recognise
from data.rosters.problems import RefusedError
from data.rosters.reading import read_tables
from data.rosters.submitting import CODES, SHEETS, read_book, roster_of
from data.rosters.undo import undo_batch
from data.school import write_setting
from tests.unit.builders import (
    CLASSES,
    COURSE,
    HEADINGS,
    STUDENTS,
    contents_of,
    headings_of,
    take_in,
    write_school,
    write_xlsx,
)

FIRST, SECOND, THIRD, STRANGER = "A100000000", "A100000001", "A100000002", "B200000009"
COVER = ["學校代碼", "學年度", "學期", "名冊別"]
LEADING = ["sch_year", "semester", "book", "book_nm", "sheet_nm", "sch_cd", "sch_nm"]
BORN = "出生日期"
STUDENT_SHEET = [
    "性別代碼", "群別代碼", "科班學程別代碼", "部別代碼", "班別", "年級", "班級名稱", "座號", "特殊身分別", "原住民族別", "原住民身分別",
    "族語認證報考方言", "報考年度", "族語認證有效日期", "實驗班名稱", "入學方式", "學籍狀態", "學籍異動日期",
]  # fmt: skip
LENT = ["所屬學校代碼", "借讀學校代碼", "群別", "借讀科班學程別", "借讀代碼", "申請開始日期", "申請結束日期"]
POSITIONS = ["單位名稱", "開始日期", "結束日期", "擔任職務", "幹部等級"]
TERM_OUTCOMES = ["實際修課學期", "課程代碼", "科目名稱", "開課年級", "修課學分", "成果簡述"]
MADE_UP = [
    "應修課學年度",
    "應修課學期",
    "實際修課學期",
    "課程代碼",
    "科目名稱",
    "開課年級",
    "修課學分",
    "補修方式",
    "成果簡述",
]
RETAKEN = [
    "原修課學年度",
    "原修課學期",
    "實際修課學期",
    "原修課課程代碼",
    "課程代碼",
    "科目名稱",
    "開課年級",
    "修課學分",
    "重修方式",
    "成果簡述",
]
TRANSFERRED = [
    "原修課學校代碼",
    "原修課學年度",
    "原修課學期",
    "原修課課程代碼",
    "原修課科目名稱",
    "原修課開課年級",
    "原修課修課學分",
    "成果簡述",
]
ELSEWHERE = [
    "借讀學校代碼",
    "借讀修課學年度",
    "借讀修課學期",
    "借讀校課程代碼",
    "借讀校科目名稱",
    "借讀校開課年級",
    "借讀校修課學分",
    "成果簡述",
]
GRADES = [
    "課程代碼",
    "科目名稱",
    "開課年級",
    "修課學分",
    "學期學業成績",
    "成績及格",
    "補考成績",
    "補考及格",
    "是否採計學分",
    "質性文字描述",
]
PERFORMANCES = {
    "幹部經歷暨事蹟紀錄": ["單位名稱", "開始日期", "結束日期", "擔任職務", "內容簡述", "幹部等級"],
    "競賽參與紀錄": ["競賽名稱", "項目", "競賽等級代碼", "獎項", "結果公布日期", "內容簡述", "團體參與代碼"],
    "檢定證照紀錄": ["證照代碼", "註1", "分數", "分項結果", "取得證照日期", "證照字號", "檢定組別", "內容簡述"],
    "服務學習紀錄": ["服務名稱", "服務單位", "開始日期", "結束日期", "時數", "內容簡述"],
    "彈性學習時間紀錄": ["彈性學習時間類別種類代碼", "內容開設名稱", "開設單位", "開設學年度", "開設學期", "每週節數", "開設週數", "內容簡述"],
    "團體活動時間紀錄": ["團體活動時間類別代碼", "辦理單位", "團體活動內容名稱", "活動學年度", "活動學期", "節數", "內容簡述"],
    "職場學習紀錄": ["職場學習類別代碼", "職場學習單位", "職場學習職稱", "開始日期", "結束日期", "時數", "內容簡述"],
    "作品成果紀錄": ["名稱", "日期", "內容簡述"],
    "大學及技專校院先修課程紀錄": ["計畫專案", "開設單位", "課程名稱", "開始日期", "結束日期", "學分數", "總時數", "內容簡述"],
    "其他多元表現紀錄": ["名稱", "主辦單位", "開始日期", "結束日期", "時數", "內容簡述"],
}  # fmt: skip
# Every sheet of domain.md: the roster, 名冊別, 學期 of its book, and its headings after 身分證號.
CENTRAL = {
    "學生資料": ("students", "", "1", [*STUDENT_SHEET, BORN]),
    "學生借讀資料": ("students", "", "1", LENT),
    "幹部經歷紀錄": ("positions", "24", "1", POSITIONS),
    "學期成績": ("grades", "", "1", GRADES),
    "學期課程學習成果": ("outcomes", "26", "0", TERM_OUTCOMES),
    "補修課程學習成果": ("outcomes", "26", "0", MADE_UP),
    "重修課程學習成果": ("outcomes", "26", "0", RETAKEN),
    "轉學轉科課程學習成果": ("outcomes", "26", "0", TRANSFERRED),
    "借讀課程學習成果": ("outcomes", "26", "0", ELSEWHERE),
    "重讀課程學習成果": ("outcomes", "26", "0", TERM_OUTCOMES),
} | {sheet: ("performances", "25", "0", headings) for sheet, headings in PERFORMANCES.items()}
KINDS = {
    "students": "official_students", "grades": "official_grades", "outcomes": "official_outcomes",
    "performances": "official_performances", "positions": "official_positions",
}  # fmt: skip
TERMS = {roster: int(term) for roster, _, term, _ in CENTRAL.values()}
ROSTER_CODES = {roster: code for roster, code, _, _ in CENTRAL.values()}
# The sheets of ischool's books, by their own names.
ISCHOOL = {
    "primary": ("學生資料名冊", [BORN, "所屬學校代碼", "科/班/學程別代碼", "部別", "班別", "班級座號代碼"]),
    "other": (
        "名冊",
        ["學號", "註1", "姓名", "性別代碼", BORN, "所屬學校代碼", "科/班/學程別代碼", "部別", "班別", "班級座號代碼", "特殊身分代碼",
         "原身分證號", "原出生日期", "學籍狀態代碼", "學籍狀態生效日期"],
    ),
}  # fmt: skip
BOOK_NAMES = {"students": "學生資料名冊", "grades": "學生成績名冊", "outcomes": "學生課程學習成果名冊", "positions": "校內幹部經歷名冊", "performances": "學生自填多元表現名冊"}  # fmt: skip
CELLS = {"實際修課學期": "1", "原修課學期": "1", "借讀修課學期": "1", "應修課學期": "1", "科目名稱": "數學", "課程代碼": COURSE, "原修課課程代碼": COURSE,
         "借讀校課程代碼": COURSE, "原修課科目名稱": "數學", "借讀校科目名稱": "數學", "單位名稱": "101班", "擔任職務": "班長", "原身分證號": "A155555555"}  # fmt: skip


def row_of(headings, id_number=FIRST, **cells):
    """Return a row of an official sheet: 身分證號 first."""
    return [id_number, *({**CELLS, **cells}.get(heading, "x") for heading in headings)]


def write_book(path, sheets, *, code="26", semester="0", year="113", cover=COVER, school="210305"):
    """Write a book: sheets maps a sheet's name to its headings and rows; cover=None leaves the 封面 out."""
    book = xlsxwriter.Workbook(path, {"in_memory": True})
    tables = {} if cover is None else {"封面": [cover, [school, year, semester, code][: len(cover)]]}
    for name, table in {**tables, **{n: [h, *r] for n, (h, r) in sheets.items()}}.items():
        sheet = book.add_worksheet(name)
        for number, row in enumerate(table):
            for column, cell in enumerate(row):
                sheet.write_string(number, column, cell)
    book.close()
    return path


def outcomes_book(path, *rows, **options):
    return write_book(path, {"學期課程學習成果": (["身分證號", *TERM_OUTCOMES], list(rows))}, **options)


def outcome(id_number=FIRST, **cells):
    return row_of(TERM_OUTCOMES, id_number, **cells)


def headings_by_sheet(roster):
    return {sheet: headings for sheet, (of_roster, _, _, headings) in CENTRAL.items() if of_roster == roster}


def book_of(path, roster, rows):
    """Write a roster's book with the rows given by sheet."""
    path.parent.mkdir(exist_ok=True)
    tables = {sheet: (["身分證號", *CENTRAL[sheet][3]], table) for sheet, table in rows.items()}
    return write_book(path, tables, code=ROSTER_CODES[roster], semester=str(TERMS[roster]))


def write_dump(path, sheet, rows, *, headings=None, schools=("210305",), year="113", encoding="utf-8", book=None):
    """Write a dump of the central database; each row is given once for each of the schools."""
    roster, code, semester, own = CENTRAL[sheet]
    path.parent.mkdir(exist_ok=True)
    with path.open("w", encoding=encoding, newline="") as file:
        out = csv.writer(file)
        out.writerow([*LEADING, "身分證號", *(headings or own)])
        for school in schools:
            for row in rows:
                out.writerow([year, semester, book or code, BOOK_NAMES[roster], sheet, school, "某校", *row])
    return path


@pytest.fixture
def school(engine, tmp_path):
    """A school whose classes and students are known."""
    classes = write_xlsx(tmp_path / "classes.xlsx", HEADINGS["classes"], CLASSES)
    students = write_xlsx(tmp_path / "students.xlsx", HEADINGS["students"], STUDENTS)
    assert take_in(engine, classes, students).committed
    return engine


def read(engine, *columns):
    with reading(engine) as connection:
        return sorted(map(tuple, connection.execute(select(*columns)).all()))


def submissions(engine):
    s = Submission
    return read(engine, s.school_year, s.semester, s.roster, s.batch, s.division, s.source, s.round_number)


def sheets(engine):
    return read(engine, SubmissionSheet.sheet, SubmissionSheet.row_count, SubmissionSheet.matched_count)


def items(engine):
    i = SubmittedItem
    joined = select(
        Student.student_number, i.sheet, i.course_code, i.subject, i.semester, i.ordinal
    ).join_from(i, Student, i.student_id == Student.id)  # fmt: skip
    with reading(engine) as connection:
        return sorted(map(tuple, connection.execute(joined).all()))


def facts(engine):
    """Return every domain table; what the log of imports says is another matter."""
    log = ("imports", "import_changes", "import_rows", "data_versions")
    return {name: rows for name, rows in contents_of(engine).items() if name not in log}


def only(plan):
    assert plan.committed, plan.problems
    (report,) = plan.reports
    assert report.new + report.changed + report.unchanged + report.rejected == report.rows
    return report


def counts(report):
    return report.new, report.changed, report.unchanged, report.rejected


# --- every sheet there is ---------------------------------------------------------------------------------------------


def test_the_examples_cover_every_sheet_known():
    assert set(CENTRAL) == {sheet for of_roster in SHEETS.values() for sheet in of_roster}


@pytest.mark.parametrize("roster", SHEETS)
def test_a_schools_own_book_says_which_roster_sheets_and_students(school, tmp_path, roster):
    rows = {
        sheet: [row_of(h), row_of(h, SECOND), row_of(h, STRANGER)] for sheet, h in headings_by_sheet(roster).items()
    }
    plan = take_in(school, book_of(tmp_path / "x.xlsx", roster, rows))
    assert plan.committed, plan.problems
    term = TERMS[roster]
    assert {(r.kind, r.term, len(r.unknown), *counts(r)) for r in plan.reports} == {
        (KINDS[roster], f"113{term}", 0, 3, 0, 0, 0)
    }
    assert sorted(report.sheet for report in plan.reports) == sorted(SHEETS[roster])
    assert submissions(school) == [(113, term, roster, 0, "", "school", 0)]
    assert sheets(school) == sorted((sheet, 3, 2) for sheet in SHEETS[roster])
    course = (COURSE, "數學", 1) if roster == "outcomes" else ("", "", term)
    assert items(school) == sorted((n, sheet, *course, 1) for n in ("1130001", "1130002") for sheet in SHEETS[roster])


@pytest.mark.parametrize(("roster", "encoding"), zip(SHEETS, ["utf-8", "utf-8-sig"] * 3, strict=False))
def test_the_central_dumps_say_the_same_of_the_central_database(school, tmp_path, roster, encoding):
    for number, (sheet, headings) in enumerate(headings_by_sheet(roster).items()):
        rows = [row_of(headings), row_of(headings, STRANGER)]
        write_dump(tmp_path / "dumps" / f"{number}.csv", sheet, rows, encoding=encoding)
    plan = take_in(school, tmp_path / "dumps")
    assert plan.committed, plan.problems
    term = TERMS[roster]
    assert {(r.kind, r.term, len(r.unknown), *counts(r)) for r in plan.reports} == {
        (KINDS[roster], f"113{term}", 0, 2, 0, 0, 0)
    }
    assert submissions(school) == [(113, term, roster, 0, "", "central", 0)]
    assert sheets(school) == sorted((sheet, 2, 1) for sheet in SHEETS[roster])
    assert [row[:2] for row in items(school)] == sorted(("1130001", sheet) for sheet in SHEETS[roster])


@pytest.mark.parametrize("variant", ISCHOOL)
def test_both_student_books_of_ischool_are_the_students_roster(school, tmp_path, variant):
    name, headings = ISCHOOL[variant]
    cover = COVER if variant == "primary" else [*COVER, "科/班/學程別代碼", "年級班級代碼", "部別", "班別", "班級人數"]
    before = facts(school)
    book = write_book(
        tmp_path / "x.xlsx",
        {name: (["身分證號", *headings], [row_of(headings)])},
        code="21", semester="1", cover=cover,
    )  # fmt: skip
    report = only(take_in(school, book))
    assert (report.kind, report.unknown) == ("official_students", [])
    assert submissions(school) == [(113, 1, "students", 0, "", "school", 0)]
    assert sheets(school) == [("學生資料", 1, 1)]
    written = {"submissions", "submission_sheets", "submitted_items"}
    assert {
        name for name, rows in facts(school).items() if rows != before[name]
    } == written  # students stay as they are


def test_the_grades_book_of_ischool_registers_that_marks_exist(school, tmp_path):
    headings = [BORN, "科目代碼", "科目學分", "修課科/班/學程別代碼", "修課班級", "修課班別", "原始成績", "補考成績"]
    rows = [row_of(headings, 原始成績="77"), row_of(headings, 原始成績="88"), row_of(headings, STRANGER)]
    book = write_book(tmp_path / "x.xlsx", {"成績名冊": (["身分證號", *headings], rows)}, code="22", semester="1")
    report = only(take_in(school, book))
    assert report.kind == "official_grades"
    assert sheets(school) == [("學期成績", 3, 2)]
    r = Registration
    assert read(school, r.school_year, r.semester, r.kind, r.class_name, r.item_key) == [(113, 1, "grades", "101", "")]
    stored = str(contents_of(school, audit=True))
    assert "'77'" not in stored
    assert "'88'" not in stored


def test_a_position_handed_in_is_on_record_under_its_unit_and_name(school, tmp_path):
    rows = [row_of(POSITIONS), row_of(POSITIONS), row_of(POSITIONS, THIRD, 單位名稱="籃球社", 擔任職務="社長")]
    book = write_book(tmp_path / "x.xlsx", {"幹部經歷紀錄": (["身分證號", *POSITIONS], rows)}, code="24", semester="1")
    only(take_in(school, book, at=datetime(2025, 2, 1, tzinfo=TAIPEI)))
    r = Registration
    assert read(school, r.school_year, r.semester, r.kind, r.class_name, r.item_key, r.registered_at) == [
        (113, 1, "position", "101", "101班 班長", datetime(2025, 2, 1, tzinfo=TAIPEI)),
        (113, 1, "position", "102", "籃球社 社長", datetime(2025, 2, 1, tzinfo=TAIPEI)),
    ]
    again = only(take_in(school, write_book(tmp_path / "y.xlsx", {"幹部經歷紀錄": (["身分證號", *POSITIONS], rows)}, code="24", semester="1")))  # fmt: skip
    assert counts(again) == (0, 0, 3, 0)
    assert read(school, r.registered_at) == [(datetime(2025, 2, 1, tzinfo=TAIPEI),)] * 2


# --- 名冊別 ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("code", "roster", "batch", "division"),
    [
        ("24", "positions", 0, ""), ("25", "performances", 0, ""), ("26", "outcomes", 0, ""), ("28", "outcomes", 0, "進修部"),
        ("34", "positions", 1, ""), ("35", "performances", 1, ""), ("36", "outcomes", 1, ""), ("38", "outcomes", 1, "進修部"),
        ("74", "positions", 2, ""), ("75", "performances", 2, ""), ("76", "outcomes", 2, ""), ("78", "outcomes", 2, "進修部"),
    ],
)  # fmt: skip
def test_each_code_names_its_roster_batch_and_division(code, roster, batch, division):
    assert len(CODES) == 12
    assert read_book(code) == (roster, batch, division)


@pytest.mark.parametrize("code", CODES)
def test_each_code_is_kept_as_a_submission_of_its_own(school, tmp_path, code):
    roster, batch, division = CODES[code]
    sheet, headings = {
        "positions": ("幹部經歷紀錄", POSITIONS),
        "performances": ("作品成果紀錄", PERFORMANCES["作品成果紀錄"]),
        "outcomes": ("學期課程學習成果", TERM_OUTCOMES),
    }[roster]
    if division:
        headings = ["修課節數" if heading == "修課學分" else heading for heading in headings]
    book = write_book(tmp_path / "x.xlsx", {sheet: (["身分證號", *headings], [row_of(headings)])}, code=code)
    assert only(take_in(school, book)).unknown == []
    assert submissions(school) == [(113, 0, roster, batch, division, "school", 0)]


def test_the_batches_are_told_by_their_words_as_well():
    assert read_book("第一梯次進修部學生課程學習成果") == ("outcomes", 1, "進修部")
    assert read_book("第二梯次高三校內幹部經歷名冊") == ("positions", 2, "")
    assert read_book("第二梯次多元學習表現") == ("performances", 2, "")
    assert read_book("") == (None, 0, "")


@pytest.mark.parametrize("roster", SHEETS)
@pytest.mark.parametrize("code", ["", "99"])
def test_without_a_known_code_the_headings_tell_the_roster_and_the_sheet(school, tmp_path, roster, code):
    told = {sheet: headings for sheet, headings in headings_by_sheet(roster).items() if sheet != "重讀課程學習成果"}
    named = {f"Sheet{n}": (["身分證號", *h], [row_of(h)]) for n, h in enumerate(told.values())}
    plan = take_in(school, write_book(tmp_path / "x.xlsx", named, code=code, semester=str(TERMS[roster])))
    assert {report.kind for report in plan.reports} == {KINDS[roster]}
    assert sheets(school) == sorted((sheet, 1, 1) for sheet in told)


def test_a_book_without_a_cover_asks_for_the_year(school, tmp_path):
    book = outcomes_book(tmp_path / "x.xlsx", outcome(), cover=None)
    plan = take_in(school, book)
    assert not plan.committed
    assert "請指定學年度" in plan.problems[0].message
    assert only(take_in(school, book, school_year=113)).new == 1
    assert submissions(school) == [(113, 0, "outcomes", 0, "", "school", 0)]


def test_a_terms_roster_without_its_term_is_refused_and_says_what_to_add(school, tmp_path):
    book = write_book(
        tmp_path / "x.xlsx", {"幹部經歷紀錄": (["身分證號", *POSITIONS], [row_of(POSITIONS)])}, cover=None
    )
    plan = take_in(school, book, school_year=113)
    assert not plan.committed
    assert "封面" in plan.problems[0].message


@pytest.mark.parametrize(("year", "semester", "named"), [("一一三", "0", "學年度"), ("113", "七", "學期")])
def test_an_unreadable_cover_is_said_once_for_the_sheet(school, tmp_path, year, semester, named):
    before = contents_of(school)
    plan = take_in(school, outcomes_book(tmp_path / "x.xlsx", outcome(), outcome(), year=year, semester=semester))
    assert not plan.committed
    assert [f"封面的{named}" in problem.message for problem in plan.problems] == [True]
    assert contents_of(school) == before


def test_a_cover_that_contradicts_its_sheets_is_refused(school, tmp_path):
    plan = take_in(school, outcomes_book(tmp_path / "x.xlsx", outcome(), code="25"))
    assert not plan.committed
    assert "請改正封面" in plan.problems[0].message


def test_a_cover_with_only_year_and_term_is_enough_beside_the_headings(school, tmp_path):
    only(take_in(school, outcomes_book(tmp_path / "x.xlsx", outcome(), cover=COVER[:3])))
    assert submissions(school) == [(113, 0, "outcomes", 0, "", "school", 0)]


def test_an_explanation_beside_the_sheets_is_left_out(school, tmp_path):
    book = write_book(
        tmp_path / "x.xlsx",
        {
            "學期課程學習成果": (["身分證號", *TERM_OUTCOMES], [outcome()]),
            "代碼表": (["代碼", "說明文字"], [["1", "新修"]]),
        },
    )
    plan = take_in(school, book)
    assert plan.committed, plan.problems
    assert sheets(school) == [("學期課程學習成果", 1, 1)]
    assert any("代碼表" in note for report in plan.reports for note in report.notes)


def test_a_sheet_without_the_id_number_says_that_it_lacks(school, tmp_path):
    book = write_book(tmp_path / "x.xlsx", {"學期課程學習成果": (TERM_OUTCOMES, [outcome()[1:]])})
    plan = take_in(school, book)
    assert not plan.committed
    assert "身分證號" in plan.problems[0].message


# --- headings ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("roster", SHEETS)
def test_headings_in_any_order_say_the_same(school, tmp_path, roster):
    tables = {sheet: [["身分證號", *h], row_of(h)] for sheet, h in headings_by_sheet(roster).items()}
    shuffled = {}
    for sheet, (headings, row) in tables.items():
        order = np.random.default_rng(len(row)).permutation(len(row))
        shuffled[sheet] = ([headings[p] for p in order], [[row[p] for p in order]])
    plain = {sheet: (headings, [row]) for sheet, (headings, row) in tables.items()}
    options = {"code": ROSTER_CODES[roster], "semester": str(TERMS[roster])}
    assert take_in(school, write_book(tmp_path / "a.xlsx", plain, **options)).committed
    plan = take_in(school, write_book(tmp_path / "b.xlsx", shuffled, **options))
    assert {(report.kind, counts(report)) for report in plan.reports} == {(KINDS[roster], (0, 0, 1, 0))}


@pytest.mark.parametrize(
    "kind", [kind for kind in all_kinds() if kind.key.startswith("official_")], ids=lambda k: k.key
)
def test_each_synonym_of_a_column_is_read_into_it(kind, tmp_path):
    roster = kind.key.removeprefix("official_")
    sheet, (_, code, semester, own) = next((s, c) for s, c in CENTRAL.items() if c[0] == roster)
    for column in kind.columns[2:]:
        for synonym in column.headings:
            rest = [h for h in ["身分證號", *own] if h not in column.headings]
            book = write_book(tmp_path / "x.xlsx", {sheet: ([synonym, *rest], [["x"] * (len(rest) + 1)])}, code=code or BOOK_NAMES[roster], semester=semester)  # fmt: skip
            (table,) = read_tables(book)
            assert recognise(table)[0] == kind
            assert recognise(table)[1][column.name] == synonym


def test_full_width_and_spaced_headings_and_covers_are_the_plain_ones(school, tmp_path):
    headings = [
        "身 分 證 號",
        "　實際修課學期",
        "課程\n代碼",
        "科目　名稱 ",
        "開課年級",
        "修課學分*",
        "成果簡述（必填）",
    ]
    wide = str.maketrans("0123456789", "０１２３４５６７８９")
    row = [cell.translate(wide) for cell in outcome()]
    book = write_book(
        tmp_path / "x.xlsx", {" 學期課程學習成果": (headings, [row])}, code="２６", year="１１３", semester="０",
        cover=["學校 代碼", "學 年度", "學期　", "名冊別"],
    )  # fmt: skip
    only(take_in(school, book))
    assert submissions(school) == [(113, 0, "outcomes", 0, "", "school", 0)]
    assert items(school) == [("1130001", "學期課程學習成果", COURSE, "數學", 1, 1)]


# --- what it must never take ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("vendor", ["a", "b"])
@pytest.mark.parametrize("kind", HEADINGS)
def test_the_schools_own_lists_are_never_taken_for_official_ones(tmp_path, kind, vendor):
    (table,) = read_tables(write_xlsx(tmp_path / "x.xlsx", headings_of(kind, vendor), [["1"] * len(HEADINGS[kind])]))
    assert roster_of(table) is None


@pytest.mark.parametrize("name", ["學生資料", "學生資料名冊", "Sheet1"])
def test_the_schools_own_student_list_stays_its_own_beside_a_cover(tmp_path, name):
    book = write_book(tmp_path / "x.xlsx", {name: (HEADINGS["students"], STUDENTS)}, code="", semester="1")
    (table,) = read_tables(book)
    assert recognise(table)[0].key == "students"


@pytest.mark.parametrize(
    "headings",
    [
        ["學年", "學期", "學號", "姓名", "身分證號", "單位名稱", "擔任職務", "幹部等級"],
        ["學年", "學期", "學號", "姓名", "身分證號", "課程代碼", "科目名稱", "學期學業成績"],
        ["學年", "學期", "學號", "單位名稱", "擔任職務", "幹部等級"],
    ],
)
def test_lists_by_student_number_are_the_schools_own(tmp_path, headings):
    (table,) = read_tables(write_xlsx(tmp_path / "x.xlsx", headings, [["1"] * len(headings)]))
    assert roster_of(table) is None


def test_nothing_of_an_id_number_is_in_any_table(school, tmp_path):
    for sheet, (roster, _, _, headings) in CENTRAL.items():
        rows = [row_of(headings), row_of(headings, STRANGER)]
        write_dump(tmp_path / "all" / f"{sheet}.csv", sheet, rows)
        book_of(tmp_path / "all" / f"{sheet}.xlsx", roster, {sheet: rows})
    assert take_in(school, tmp_path / "all").committed
    assert not take_in(school, outcomes_book(tmp_path / "x.xlsx", outcome(STRANGER, 實際修課學期="第九"))).committed
    stored = str(contents_of(school, audit=True))
    assert "第九" in stored
    assert not any(number in stored for number in (FIRST, SECOND, THIRD, STRANGER, "A155555555"))


def test_no_text_of_a_performance_is_kept(school, tmp_path):
    sheet = "競賽參與紀錄"
    rows = [row_of(PERFORMANCES[sheet], 競賽名稱="科學展覽", 內容簡述="我得了獎", 獎項="金牌")]
    only(
        take_in(school, write_book(tmp_path / "x.xlsx", {sheet: (["身分證號", *PERFORMANCES[sheet]], rows)}, code="25"))
    )
    stored = str(contents_of(school, audit=True))
    assert not any(text in stored for text in ("科學展覽", "我得了獎", "金牌"))


# --- again, more, fewer, undone ---------------------------------------------------------------------------------------


def test_equal_rows_are_told_apart_by_a_running_number(school, tmp_path):
    only(take_in(school, outcomes_book(tmp_path / "x.xlsx", outcome(), outcome(), outcome(科目名稱="物理"))))
    sheet = "學期課程學習成果"
    assert items(school) == [
        ("1130001", sheet, COURSE, "數學", 1, 1),
        ("1130001", sheet, COURSE, "數學", 1, 2),
        ("1130001", sheet, COURSE, "物理", 1, 1),
    ]


def test_the_same_rows_again_change_nothing_and_keep_the_first_time(school, tmp_path):
    rows = [outcome(), outcome(), outcome(STRANGER), outcome(SECOND)]
    only(take_in(school, outcomes_book(tmp_path / "a.xlsx", *rows), at=datetime(2025, 9, 1, tzinfo=TAIPEI)))
    before = facts(school)
    report = only(
        take_in(school, outcomes_book(tmp_path / "b.xlsx", *rows[::-1]), at=datetime(2025, 9, 9, tzinfo=TAIPEI))
    )
    assert counts(report) == (0, 0, 4, 0)
    assert facts(school) == before
    assert read(school, Submission.submitted_at) == [(datetime(2025, 9, 1, tzinfo=TAIPEI),)]


def test_more_rows_add_items_and_change_the_counts(school, tmp_path):
    only(take_in(school, outcomes_book(tmp_path / "a.xlsx", outcome(), outcome(STRANGER))))
    report = only(take_in(school, outcomes_book(tmp_path / "b.xlsx", outcome(), outcome(STRANGER), outcome(SECOND))))
    assert counts(report) == (1, 2, 0, 0)
    assert sheets(school) == [("學期課程學習成果", 3, 2)]
    assert len(items(school)) == 2


def test_fewer_rows_change_the_counts_and_keep_the_items(school, tmp_path):
    only(take_in(school, outcomes_book(tmp_path / "a.xlsx", outcome(), outcome(SECOND))))
    report = only(take_in(school, outcomes_book(tmp_path / "b.xlsx", outcome())))
    assert counts(report) == (0, 1, 0, 0)
    assert sheets(school) == [("學期課程學習成果", 1, 1)]
    assert len(items(school)) == 2


def test_a_sheet_of_headings_alone_is_a_sheet_of_none(school, tmp_path):
    two = {
        "學期課程學習成果": (["身分證號", *TERM_OUTCOMES], [outcome()]),
        "補修課程學習成果": (["身分證號", *MADE_UP], []),
    }
    plan = take_in(school, write_book(tmp_path / "x.xlsx", two))
    assert plan.committed, plan.problems
    assert sorted((report.sheet, report.rows, *counts(report)) for report in plan.reports) == [
        ("學期課程學習成果", 1, 1, 0, 0, 0),
        ("補修課程學習成果", 0, 0, 0, 0, 0),
    ]
    assert sheets(school) == [("學期課程學習成果", 1, 1), ("補修課程學習成果", 0, 0)]
    assert submissions(school) == [(113, 0, "outcomes", 0, "", "school", 0)]


def test_a_book_without_any_row_still_changes_the_data_version(school, tmp_path):
    def version():
        with reading(school) as connection:
            return read_data_version(connection)

    first = version()
    only(take_in(school, outcomes_book(tmp_path / "a.xlsx")))
    assert version() > first
    second = version()
    only(take_in(school, outcomes_book(tmp_path / "b.xlsx", school="210306")))
    assert version() == second


def test_rows_that_match_nobody_are_counted_and_said_without_the_number(school, tmp_path):
    report = only(take_in(school, outcomes_book(tmp_path / "x.xlsx", outcome(), outcome(STRANGER), outcome(""))))
    (warning,) = report.warnings
    assert "2 列" in warning
    assert STRANGER not in warning
    assert sheets(school) == [("學期課程學習成果", 3, 1)]


def test_where_nobody_matches_the_students_list_is_asked_for_and_helps_later(engine, tmp_path):
    book = outcomes_book(tmp_path / "x.xlsx", outcome(), outcome(SECOND))
    report = only(take_in(engine, book))
    assert counts(report) == (2, 0, 0, 0)
    assert "請先匯入有身分證號的學生資料名冊" in report.warnings[0]
    take_in(engine, write_school(tmp_path / "school"))
    assert counts(only(take_in(engine, book))) == (2, 0, 0, 0)
    assert sheets(engine) == [("學期課程學習成果", 2, 2)]


def test_a_sheet_twice_in_one_run_with_other_rows_is_refused(school, tmp_path):
    before = contents_of(school)
    a, b = outcomes_book(tmp_path / "a.xlsx", outcome()), outcomes_book(tmp_path / "b.xlsx", outcome(SECOND))
    plan = take_in(school, a, b)
    assert not plan.committed
    assert "出現兩次" in plan.problems[0].message
    assert contents_of(school) == before
    assert take_in(school, a).committed
    assert not take_in(school, a, b).committed


def test_a_sheet_twice_in_one_run_with_the_same_rows_is_taken_once(school, tmp_path):
    plan = take_in(school, *(outcomes_book(tmp_path / f"{n}.xlsx", outcome(), outcome(STRANGER)) for n in "ab"))
    assert plan.committed, plan.problems
    assert sheets(school) == [("學期課程學習成果", 2, 1)]


@pytest.mark.parametrize("sheet", ["學期課程學習成果", "幹部經歷紀錄", "學期成績", "作品成果紀錄", "學生資料"])
def test_an_import_undone_leaves_the_tables_as_before(school, tmp_path, sheet):
    _, code, semester, headings = CENTRAL[sheet]

    def book(name, *ids):
        rows = [row_of(headings, id_number) for id_number in ids]
        return write_book(tmp_path / name, {sheet: (["身分證號", *headings], rows)}, code=code, semester=semester)

    empty = facts(school)
    first = take_in(school, book("a.xlsx", FIRST, STRANGER))
    before = facts(school)
    second = take_in(school, book("b.xlsx", FIRST, SECOND, THIRD))
    assert first.committed
    assert second.committed
    assert facts(school) != before
    undo_batch(school, second.batch_id, by="test")
    assert facts(school) == before
    undo_batch(school, first.batch_id, by="test")
    assert facts(school) == empty


def test_the_student_list_that_matches_rest_on_cannot_be_taken_back_alone(engine, tmp_path):
    listed = take_in(
        engine, write_school(tmp_path / "school", outcomes=[], performances=[], selections=[], receipts=[])
    )
    handed_in = take_in(engine, outcomes_book(tmp_path / "x.xlsx", outcome()))
    with pytest.raises(RefusedError, match=r"請先復原.*x\.xlsx"):
        undo_batch(engine, listed.batch_id, by="test")
    undo_batch(engine, handed_in.batch_id, by="test")
    undo_batch(engine, listed.batch_id, by="test")
    assert submissions(engine) == []


# --- the central database's dumps -------------------------------------------------------------------------------------


def test_a_dump_of_many_schools_gives_the_schools_own_rows(school, tmp_path):
    with writing(school) as connection:
        write_setting(connection, "school_code", "210305")
    schools = ("210305", "060322", "000000", "000001", "000B00", "000005")
    report = only(take_in(school, write_dump(tmp_path / "x.csv", "學期課程學習成果", [outcome()], schools=schools)))
    assert counts(report) == (1, 0, 5, 0)
    assert sorted(report.notes) == ["其他學校的 1 列略過", "測試學校的 4 列略過"]
    assert sheets(school) == [("學期課程學習成果", 1, 1)]


def test_a_dump_of_many_schools_needs_to_know_which_is_ours(school, tmp_path):
    plan = take_in(
        school, write_dump(tmp_path / "x.csv", "學期課程學習成果", [outcome()], schools=("210305", "060322"))
    )
    assert not plan.committed
    assert "學校代碼" in plan.problems[0].message
    dump = write_dump(tmp_path / "y.csv", "學期課程學習成果", [outcome()], schools=("210305", "000000"))
    assert counts(only(take_in(school, dump))) == (1, 0, 1, 0)


def test_a_dump_without_a_row_of_ours_says_so(school, tmp_path):
    with writing(school) as connection:
        write_setting(connection, "school_code", "060322")
    report = only(take_in(school, write_dump(tmp_path / "x.csv", "學期課程學習成果", [outcome()])))
    assert "沒有本校" in report.warnings[0]
    assert submissions(school) == []


def test_a_dump_of_several_terms_gives_each_its_submission(school, tmp_path):
    path = write_dump(tmp_path / "x.csv", "幹部經歷紀錄", [row_of(POSITIONS), row_of(POSITIONS, SECOND)])
    lines = path.read_text(encoding="utf-8").splitlines()
    path.write_text("\n".join([*lines, lines[1].replace("113,1", "112,2")]), encoding="utf-8")
    report = only(take_in(school, path))
    assert report.term == "1122、1131"
    assert submissions(school) == [
        (112, 2, "positions", 0, "", "central", 0),
        (113, 1, "positions", 0, "", "central", 0),
    ]


def test_the_same_roster_from_the_school_and_from_the_centre_are_two_submissions(school, tmp_path):
    only(take_in(school, outcomes_book(tmp_path / "x.xlsx", outcome())))
    only(take_in(school, write_dump(tmp_path / "x.csv", "學期課程學習成果", [outcome()])))
    assert submissions(school) == [
        (113, 0, "outcomes", 0, "", "central", 0),
        (113, 0, "outcomes", 0, "", "school", 0),
    ]


def test_a_dump_of_the_evening_division_is_told_by_its_periods(school, tmp_path):
    headings = ["修課節數" if heading == "修課學分" else heading for heading in TERM_OUTCOMES]
    only(take_in(school, write_dump(tmp_path / "x.csv", "學期課程學習成果", [outcome()], headings=headings, book="9")))
    assert submissions(school) == [(113, 0, "outcomes", 0, "進修部", "central", 0)]


def test_two_students_with_one_id_number_are_told_by_the_years_roster(engine, tmp_path):
    twice = [STUDENTS[0], ["1120009", "甲生", FIRST, "1", "101", "9", "101", "普通科", "日間部", "在學"]]
    assert take_in(engine, write_school(tmp_path / "school", students=[twice[0]], outcomes=[], selections=[], receipts=[])).committed  # fmt: skip
    last_year = write_xlsx(tmp_path / "s.xlsx", HEADINGS["students"], [twice[1]])
    classes = write_xlsx(tmp_path / "c.xlsx", HEADINGS["classes"], [["112", "101", "1", "普通科", "T001"]])
    assert take_in(engine, last_year, classes).committed
    only(take_in(engine, outcomes_book(tmp_path / "a.xlsx", outcome(), year="112")))
    only(take_in(engine, outcomes_book(tmp_path / "b.xlsx", outcome(), year="113")))
    assert [row[0] for row in items(engine)] == ["1120009", "1130001"]


@pytest.mark.parametrize(("code", "alarms"), [("210305", 0), ("060322", 1), ("000000", 1)])
def test_a_cover_of_another_school_must_be_acknowledged(school, tmp_path, code, alarms):
    with writing(school) as connection:
        write_setting(connection, "school_code", "210305")
    plan = take_in(school, outcomes_book(tmp_path / "x.xlsx", outcome(), school=code), acknowledged=[])
    assert (len(plan.stopped_by), plan.committed) == (alarms, not alarms)
