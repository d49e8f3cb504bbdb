"""The writers: what a cell is in each format, and that all three formats hold the same table."""

from __future__ import annotations

import csv
import io
import re
import zipfile
from datetime import UTC, date, datetime
from pathlib import Path

import numpy as np
import openpyxl
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from odfdo import Document

from dashboard.access.roles import Permission
from dashboard.components.downloads import downloads
from dashboard.exports.tables import Column, Table, all_tables, cells, floored, to_csv, to_ods, to_xlsx

NEVER = 2**63 - 1
COLUMNS = (
    Column("code", "代碼"),
    Column("name", "姓名", "text", "一位教師的姓名。"),
    Column("expected", "應認證", "count"),
    Column("completion", "完成率", "rate", "已完成／應認證。"),
    Column("wait", "等候日數", "days"),
    Column("sent", "送出時間", "instant"),
    Column("day", "日期", "day"),
)
ABOUT = [[("班級明細", ""), ("學期", "113 學年度第 1 學期")], [("欄位", "定義"), ("姓名", "=一位教師的姓名。")]]
SENT = int(datetime(2025, 2, 3, 15, 59, 59, 999_999, tzinfo=UTC).timestamp() * 1_000_000)
ROW = {
    "code": "0012", "name": "王詩堃", "expected": 359, "completion": 358 / 359, "wait": 2.25, "sent": SENT, "day": date(2025, 2, 3),
}  # fmt: skip


def table(columns=COLUMNS):
    return Table("sample", "班級明細", Permission.VIEW_OVERVIEW, columns, rows=lambda _view: pd.DataFrame())


def rows_of(*rows):
    return cells(table(), pd.DataFrame([ROW | row for row in rows]))


def read_csv(content):
    assert content.startswith(b"\xef\xbb\xbf")
    found = list(csv.reader(io.StringIO(content.decode("utf-8-sig"), newline="")))
    return found[: found.index([])]


def read_xlsx(content, sheet=0):
    return openpyxl.load_workbook(io.BytesIO(content)).worksheets[sheet]


def read_ods(content, sheet=0):
    found = Document(io.BytesIO(content)).body.tables[sheet]
    width = len(next(iter(found.iter_values())))
    return [[found.get_cell((x, y)) for x in range(width)] for y in range(found.height)]


def values_of_xlsx(content):
    return [[cell.value for cell in row] for row in read_xlsx(content).iter_rows()]


def values_of_ods(content):
    return [[cell.value for cell in row] for row in read_ods(content)]


def as_csv_says(value, column):
    """Write a workbook's value the way the CSV has it; a rate as it is floored."""
    if value is None:
        return ""
    if column.kind == "text":
        return str(value)
    if column.kind == "count":
        assert value == int(value)
        return str(int(value))
    if column.kind == "instant":
        return f"{value:%Y-%m-%d %H:%M:%S}"
    if column.kind == "day":
        return f"{value:%Y-%m-%d}"
    return f"{float(value):.15g}"  # what a workbook keeps of a fraction


def undefused(text):
    """Take off the apostrophe that defuses a cell; one before anything else belongs to the cell."""
    return re.sub(r"^'(?=[=+\-@\t\r\n＝＋－＠])", "", text)


def assert_workbooks_equal_csv(rows):
    said = read_csv(to_csv(table(), rows, notes=["註"]))
    for values in (
        values_of_xlsx(to_xlsx((table(), rows), about=ABOUT)),
        values_of_ods(to_ods((table(), rows), about=ABOUT)),
    ):
        assert values[0] == said[0]
        assert len(values) == len(said)
        for line, row in zip(said[1:], values[1:], strict=True):
            for text, value, column in zip(line, row, COLUMNS, strict=True):
                if column.kind == "rate" and text:
                    text = floored(float(text))
                if column.kind in ("rate", "days") and text != "":
                    text = f"{float(text):.15g}"
                if column.kind == "text":
                    text, value = undefused(text), value or None  # an empty text is an empty cell to a reader
                assert as_csv_says(value, column) == text


def test_every_cell_of_both_workbooks_is_that_of_the_csv():
    assert_workbooks_equal_csv(
        rows_of(
            {}, {"name": "=1+1"}, {"name": "-5", "code": "＝x"}, {"completion": float("nan"), "wait": None, "sent": NEVER, "day": pd.NaT},
            {"name": "👩‍🏫𠮷堃"}, {"name": "a\nb\r\nc"}, {"expected": 0, "completion": 0.0}, {"name": "https://school.example"},
            {"name": " 前後  空白 \t。"}, {"name": "<a href=\"x\">&amp;</a>"}, {"completion": 1.0, "name": "陳" * 300},
        )
    )  # fmt: skip


# A workbook holds 15 digits; six decimals of a day are a tenth of a second.
words = st.text(alphabet=st.characters(exclude_categories=["Cs"]), max_size=30)


@settings(max_examples=25, deadline=None)
@given(
    st.lists(
        st.fixed_dictionaries(
            {"name": words, "code": words, "expected": st.integers(0, 10**9), "completion": st.none() | st.floats(0, 1), "wait": st.none() | st.floats(0, 10**5).map(lambda days: round(days, 6))}
        ),
        max_size=5,
    )
)  # fmt: skip
def test_whatever_the_cells_are_the_three_formats_agree(lines):
    assert_workbooks_equal_csv(rows_of(*lines) if lines else [])


def test_a_csv_is_for_a_spreadsheet_and_ends_with_its_notes():
    content = to_csv(table(), rows_of({}), notes=["學期 113-1", "=註"])
    assert content.startswith(b"\xef\xbb\xbf")
    assert re.search(rb"[^\r]\n", content) is None
    lines = content.decode("utf-8-sig").split("\r\n")
    assert lines[1] == f"0012,王詩堃,359,{358 / 359!r},2.25,2025-02-03 23:59:59,2025-02-03"
    assert lines[2:] == ["", "學期 113-1", "'=註", ""]


@pytest.mark.parametrize("live", ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "\n=1", "＝1", "＋1", "－1", "＠a"])
def test_no_cell_of_a_csv_is_run_by_a_spreadsheet(live):
    assert read_csv(to_csv(table(), rows_of({"name": live}), notes=[]))[1][1].startswith("'")


def test_a_heading_that_looks_like_a_formula_is_defused_as_well():
    assert read_csv(to_csv(table((Column("code", "=代碼"),)), [("1",)], notes=[]))[0] == ["'=代碼"]


@pytest.mark.parametrize("live", ["=1+1", "{=1}", "=HYPERLINK(\"x\")", "https://evil.example", "mailto:a@b", "internal:A1", "file:///x"])  # fmt: skip
def test_text_in_a_workbook_is_text_as_it_was(live):
    content = to_xlsx((table(), rows_of({"name": live})), about=[[("註", live)], [("註",), (live,)]])
    cell = read_xlsx(content)["B2"]
    assert (cell.value, cell.data_type, cell.hyperlink) == (live, "s", None)
    with zipfile.ZipFile(io.BytesIO(content)) as parts:
        assert not any(b"<f>" in parts.read(name) or b"hyperlink" in parts.read(name) for name in parts.namelist())
    made = read_ods(to_ods((table(), rows_of({"name": live})), about=ABOUT))[1][1]
    assert (made.type, made.value, made.formula) == ("string", live, None)


def test_an_xlsx_holds_native_types():
    content = to_xlsx((table(), rows_of({})), about=ABOUT)
    found = [(cell.value, cell.data_type, cell.number_format) for cell in read_xlsx(content)[2]]
    assert found == [
        ("0012", "s", "@"), ("王詩堃", "s", "@"), (359, "n", "#,##0"), (0.997, "n", "0.0%"), (2.25, "n", "#,##0.0"),
        (datetime(2025, 2, 3, 23, 59, 59), "d", "yyyy-mm-dd hh:mm:ss"), (datetime(2025, 2, 3), "d", "yyyy-mm-dd"),
    ]  # fmt: skip


def test_an_ods_holds_native_types():
    content = to_ods((table(), rows_of({})), about=ABOUT)
    row = read_ods(content)[1]
    assert [cell.type for cell in row] == ["string", "string", "float", "percentage", "float", "date", "date"]
    assert [float(cell.value) for cell in row[2:5]] == [359, 0.997, 2.25]
    assert row[5].value == datetime(2025, 2, 3, 23, 59, 59)
    assert row[3].text_recursive.strip() == "99.7%"
    assert {cell.style for cell in row} == {"text", "count", "rate", "days", "instant", "day"}


@pytest.mark.parametrize(
    ("part", "whole", "shown"),
    [
        (358, 359, 0.997),
        (999, 1000, 0.999),
        (9_999, 10_000, 0.999),
        (1, 1, 1.0),
        (57, 100, 0.57),
        (0, 7, 0.0),
        (2, 3, 0.666),
    ],
)
def test_a_rate_is_floored_so_that_only_all_is_100_percent(part, whole, shown):
    rows = rows_of({"completion": part / whole})
    assert values_of_xlsx(to_xlsx((table(), rows), about=ABOUT))[1][3] == shown
    assert float(values_of_ods(to_ods((table(), rows), about=ABOUT))[1][3]) == shown
    assert float(read_csv(to_csv(table(), rows, notes=[]))[1][3]) == part / whole


def test_nothing_is_an_empty_cell_and_no_zero():
    nothing = dict.fromkeys(ROW)
    rows = rows_of({}, nothing, {"completion": np.inf, "wait": -np.inf, "sent": NEVER, "day": -NEVER})
    assert rows[1] == (None,) * len(COLUMNS)
    assert rows[2][3:] == (None,) * 4
    assert values_of_xlsx(to_xlsx((table(), rows), about=ABOUT))[2] == [None] * len(COLUMNS)
    assert read_csv(to_csv(table(), rows, notes=[]))[2] == [""] * len(COLUMNS)


def test_counts_beside_an_empty_one_stay_whole_numbers():
    found = values_of_xlsx(to_xlsx((table(), rows_of({"expected": 3.0}, {"expected": np.nan})), about=ABOUT))
    assert [row[2] for row in found[1:]] == [3, None]
    assert isinstance(found[1][2], int)


@pytest.mark.parametrize(
    "value", [SENT, float(SENT), pd.Timestamp("2025-02-03 15:59:59.9", tz="UTC"), pd.Timestamp("2025-02-03 23:59:59")]
)
def test_an_instant_is_what_the_clock_of_taipei_said_and_is_not_rounded_into_the_next_day(value):
    assert rows_of({"sent": value})[0][5] == datetime(2025, 2, 3, 23, 59, 59)


def test_a_text_longer_than_excel_takes_is_cut_in_sight_and_whole_elsewhere():
    long = "堃👩‍🏫" * 20_000
    rows = rows_of({"name": long})
    cut = values_of_xlsx(to_xlsx((table(), rows), about=ABOUT))[1][1]
    assert cut.endswith("…")
    assert long.startswith(cut[:-1])
    assert 32_765 <= len(cut.encode("utf-16-le")) // 2 <= 32_767
    assert read_csv(to_csv(table(), rows, notes=[]))[1][1] == long
    assert values_of_ods(to_ods((table(), rows), about=ABOUT))[1][1] == long


def test_what_no_workbook_can_hold_is_marked_in_all_formats():
    assert rows_of({"name": "a\x00b\x0b\ufffe"})[0][1] == "a\ufffdb\ufffd\ufffd"


def test_the_heading_stays_in_sight_and_filters():
    content = to_xlsx((table(), rows_of({}, {})), about=ABOUT)
    sheet = read_xlsx(content)
    assert (sheet.freeze_panes, sheet.auto_filter.ref) == ("A2", "A1:G3")
    widths = [sheet.column_dimensions[letter].width for letter in "ADF"]
    assert widths[0] < widths[2]
    assert all(8 <= width <= 61 for width in widths)
    parts = zipfile.ZipFile(io.BytesIO(to_ods((table(), rows_of({}, {})), about=ABOUT)))
    body, view = parts.read("content.xml").decode(), parts.read("settings.xml").decode()
    assert "$'班級明細'.$A$1:$'班級明細'.$G$3" in body
    assert 'table:display-filter-buttons="true"' in body
    assert "VerticalSplitPosition" in view
    assert 'config:name="班級明細"' in view


def test_a_table_without_rows_keeps_its_headings():
    for frame in (pd.DataFrame(), pd.DataFrame([ROW]).iloc[:0]):
        rows = cells(table(), frame)
        headings = [column.title for column in COLUMNS]
        assert values_of_xlsx(to_xlsx((table(), rows), about=ABOUT)) == [headings]
        assert values_of_ods(to_ods((table(), rows), about=ABOUT)) == [headings]
        assert read_csv(to_csv(table(), rows, notes=[])) == [headings]


def test_the_second_sheet_says_what_the_table_rests_on():
    expected = [
        ["班級明細", None],
        ["學期", "113 學年度第 1 學期"],
        [None, None],
        ["欄位", "定義"],
        ["姓名", "=一位教師的姓名。"],
    ]
    book = openpyxl.load_workbook(io.BytesIO(to_xlsx((table(), rows_of({})), about=ABOUT)))
    assert book.sheetnames == ["班級明細", "說明"]
    assert [[cell.value or None for cell in row] for row in book["說明"].iter_rows()] == expected
    made = read_ods(to_ods((table(), rows_of({})), about=ABOUT), sheet=1)
    assert [[cell.value or None for cell in row] for row in made][: len(expected)] == expected


def test_a_title_that_no_sheet_may_have_becomes_one_that_it_may():
    odd = Table(
        "x", "班級/教師:[明細]*?'的'" + "長" * 40, Permission.VIEW_OVERVIEW, COLUMNS, rows=lambda _view: pd.DataFrame()
    )
    name = openpyxl.load_workbook(io.BytesIO(to_xlsx((odd, rows_of({})), about=ABOUT))).sheetnames[0]
    assert len(name) == 31
    assert not set(name) & set("[]:*?/\\'")


def test_a_column_that_the_rows_do_not_have_is_an_error():
    with pytest.raises(KeyError):
        cells(table(), pd.DataFrame([{"code": "1"}]))


def test_the_links_keep_the_pages_question():
    links = downloads("teachers", "?term=1131").children
    assert [link.href for link in links] == [
        f"/exports/teachers.{suffix}?term=1131" for suffix in ("csv", "xlsx", "ods")
    ]
    named = downloads("reminders", "?term=1131", what="提醒清單", as_text=True).children
    assert named[-1].href == "/exports/reminders.txt?term=1131"
    assert all("提醒清單" in link.children for link in named)


# --- the tables there are ---------------------------------------------------------------------------------------------

DASHBOARD = Path(__file__).parents[2] / "dashboard"


def test_each_table_is_the_file_of_its_name():
    assert {"classes", "teachers", "reminders"} <= set(all_tables())
    for key, found in all_tables().items():
        assert (DASHBOARD / "exports" / f"{key}.py").is_file()
        keys = [column.key for column in found.columns]
        assert len(keys) == len(set(keys))
        assert len({column.title for column in found.columns}) == len(keys)


def test_whatever_is_counted_is_defined():
    bare = [
        f"{key}.{column.key}"
        for key, found in all_tables().items()
        for column in found.columns
        if column.kind not in ("text", "day") and not column.definition
    ]
    assert bare == []


def test_every_download_of_a_page_is_a_table_there_is():
    named = {
        key
        for path in (DASHBOARD / "pages").glob("*.py")
        for key in re.findall(r"\bdownloads\(\s*\"(\w+)\"", path.read_text(encoding="utf-8"))
    }
    assert {"classes", "teachers", "reminders"} <= named
    own_routes = {"audit"}  # asks no term and no instant, so no view: dashboard/exports/audit.py
    assert named <= set(all_tables()) | own_routes
