"""What a file may look like and still be read: titles, two rows of headings, notes, covers, encodings, separators."""

from __future__ import annotations

import csv
import io
from datetime import datetime

import pandas as pd
import pytest
import xlsxwriter
from hypothesis import given
from hypothesis import strategies as st

from data.instants import DAY_US, TAIPEI, to_us
from data.rosters import cells
from data.rosters.problems import RefusedError
from data.rosters.reading import find_files, normalise_heading, read_in_child, read_tables
from tests.fuzz.books import ods, ods_row, xls
from tests.unit.builders import HEADINGS

KNOWN = frozenset(normalise_heading(heading) for headings in HEADINGS.values() for heading in headings)
HEAD = ["學年", "班級", "學號", "姓名", "類別"]
ROW = ["113", "101", "1130001", "甲生", "作品成果紀錄"]
OTHER = ["113", "102", "1130002", "乙生", "競賽參與紀錄"]


def write_book(path, **sheets):
    """Write sheets of rows; a cell may be text, a number, a datetime or (text, rows, columns) for a merged one."""
    with xlsxwriter.Workbook(path, {"in_memory": True}) as book:
        day = book.add_format({"num_format": "yyyy/m/d hh:mm:ss"})
        for name, rows in sheets.items():
            page = book.add_worksheet(name.removeprefix("hidden_"))
            if name.startswith("hidden_"):
                page.hide()
            for number, row in enumerate(rows):
                for column, cell in enumerate(row):
                    if isinstance(cell, tuple):
                        page.merge_range(number, column, number + cell[1] - 1, column + cell[2] - 1, cell[0])
                    elif isinstance(cell, datetime):
                        page.write_datetime(number, column, cell, day)
                    elif isinstance(cell, str) and cell.startswith("=1+1"):
                        page.write_formula(number, column, cell, None, "2")
                    elif isinstance(cell, str) and cell:
                        page.write_string(number, column, cell)
                    elif cell not in ("", None):
                        page.write_number(number, column, cell)
    return path


def book_of(folder, rows, **more):
    (table,) = read_tables(write_book(folder / "x.xlsx", 表=rows, **more), known=KNOWN)
    return table


def text_of(folder, content, name="x.csv"):
    (folder / name).write_bytes(content)
    (table,) = read_tables(folder / name, known=KNOWN)
    return table


def lines(*rows, end="\n", separator=","):
    return end.join(separator.join(row) for row in rows) + end


def refusal(call):
    with pytest.raises(RefusedError) as caught:
        call()
    (problem,) = caught.value.problems
    assert len(str(problem).splitlines()) == 1
    return problem


# --- where the table is -----------------------------------------------------------------------------------------------


def test_title_lines_and_blank_rows_above_the_table_are_passed_over(tmp_path):
    table = book_of(tmp_path, [["臺北市立某某高級中學"], [], ["113 學年度多元表現清單"], [], HEAD, ROW, OTHER])
    assert list(table.frame.columns) == HEAD
    assert (table.heading_row, list(table.frame.index)) == (5, [6, 7])
    assert table.frame.loc[6].tolist() == ROW


def test_title_lines_above_a_text_table_may_be_of_any_width(tmp_path):
    content = "某某高中,,\n\n製表日期：113/10/25\n" + lines(HEAD, ROW, OTHER)
    table = text_of(tmp_path, content.encode())
    assert (table.heading_row, list(table.frame.index), list(table.frame.columns)) == (4, [5, 6], HEAD)


def test_without_known_headings_the_first_row_that_is_not_blank_is_the_heading_row(tmp_path):
    (table,) = read_tables(write_book(tmp_path / "x.xlsx", 表=[[], ["蘋果", "香蕉"], ["1", "2"]]), known=KNOWN)
    assert (list(table.frame.columns), table.heading_row) == (["蘋果", "香蕉"], 2)
    (table,) = read_tables(tmp_path / "x.xlsx")
    assert list(table.frame.columns) == ["蘋果", "香蕉"]


def test_blank_rows_between_rows_leave_the_numbers_as_in_the_file(tmp_path):
    assert list(book_of(tmp_path, [HEAD, ROW, [], [], OTHER]).frame.index) == [2, 5]
    assert list(text_of(tmp_path, lines(HEAD, ROW, [], [], OTHER).encode()).frame.index) == [2, 5]


def test_groups_above_the_headings_are_passed_over(tmp_path):
    rows = [[("班級資料", 1, 2), None, ("學生", 1, 2), None, "表現"], HEAD, ROW]
    table = book_of(tmp_path, rows)
    assert (list(table.frame.columns), table.heading_row) == (HEAD, 2)


def test_headings_split_over_two_rows_are_taken_column_by_column(tmp_path):
    rows = [[("學年", 2, 1), ("班級", 2, 1), ("學生", 1, 2), None, ("類別", 2, 1)], ["", "", "學號", "姓名", ""], ROW]
    table = book_of(tmp_path, rows)
    assert (list(table.frame.columns), table.heading_row, list(table.frame.index)) == (HEAD, 2, [3])


def test_a_group_names_the_headings_that_are_known_only_with_it(tmp_path):
    rows = [
        ["學號", ("教師", 1, 2), None, ("代理人", 1, 2), None],
        ["", "代碼", "姓名", "代碼", "姓名"],
        ["1", "T1", "王", "T2", "李"],
    ]
    assert list(book_of(tmp_path, rows).frame.columns) == ["學號", "教師代碼", "教師姓名", "代理人代碼", "代理人姓名"]


def test_a_row_whose_cells_look_like_headings_here_and_there_is_a_row(tmp_path):
    rows = [["學號", "項目", "單位", "事由"], ["1", "類別", "科別", "出差"], ["2", "甲", "乙", "丙"]]
    assert len(book_of(tmp_path, rows).frame) == 2


def test_merged_headings_leave_columns_without_a_name_which_are_said_to_be_left_out(tmp_path):
    table = book_of(tmp_path, [["學號", ("姓名", 1, 2), None, "類別"], ["1", "甲", "阿甲", "作品"]])
    assert list(table.frame.columns) == ["學號", "姓名", "類別"]
    assert table.notes == ("「姓名」右邊有一欄沒有欄名，整欄略過",)


def test_a_heading_given_twice_counts_once_and_is_said(tmp_path):
    table = book_of(tmp_path, [["學號", "姓名", "姓名"], ["1", "甲", "乙"]])
    assert table.frame["姓名"].tolist() == ["甲"]
    assert "姓名" in table.notes[0]


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("＊學號（必填）", "學號"), ("學 號", "學號"), ("學\n號", "學號"), ("\ufeff學號", "學號"), ("'學號", "學號"), ("學　號：", "學號"),
        ("學號*", "學號"), ("[必填] 學號", "學號"), ("座號(選填)", "座號"), ("Ｅ－ｍａｉｌ", "E-mail"), ("科／班／學程別代碼", "科/班/學程別代碼"),
        ("學\u200b號", "學號"), ("※學號", "學號"), ("註1", "註1"), ("", ""),
    ],
)  # fmt: skip
def test_a_heading_is_the_same_whatever_surrounds_it(written, read):
    assert normalise_heading(written) == read


# --- what is not a row ------------------------------------------------------------------------------------------------

NOTES = [
    ["備註：本表依註冊組資料"], ["註：含轉學生"], ["註1：含轉學生"], ["說明", "依作業要點辦理"], ["※ 請於期限內完成"], ["製表人：王小明"], ["合計", "2"],
    ["總計：", "2"], ["", "製表日期：113/10/25"], ["共 2 筆"], ["第 1 頁，共 1 頁"],
]  # fmt: skip


@pytest.mark.parametrize("note", NOTES)
def test_a_note_under_the_table_is_left_out_and_said(tmp_path, note):
    table = book_of(tmp_path, [HEAD, ROW, OTHER, [], note])
    assert list(table.frame.index) == [2, 3]
    assert table.notes == ("表格下方的 1 列附註略過：第 5 列",)
    as_text = text_of(tmp_path, lines(HEAD, ROW, OTHER, [], note).encode())
    assert (list(as_text.frame.index), as_text.notes) == ([2, 3], table.notes)


def test_the_lines_that_follow_a_note_belong_to_it(tmp_path):
    table = book_of(tmp_path, [HEAD, ROW, ["備註："], ["1. 含轉學生"], ["", "2. 不含休學生"]])
    assert list(table.frame.index) == [2]
    assert "3 列" in table.notes[0]
    assert "第 3、4、5 列" in table.notes[0]


def test_a_line_of_totals_under_several_columns_is_left_out(tmp_path):
    table = book_of(
        tmp_path,
        [["班級", "學號", "學習成果勾選數量", "多元學習勾選數量"], ["101", "1", "3", "4"], ["合計", "", "3", "4"]],
    )
    assert list(table.frame.index) == [2]


@pytest.mark.parametrize(
    "row",
    [
        ["113"],
        ["113", "註冊組"],
        ["說明會", "1130003"],
        ["", "102", "1130003"],
        ["113", "102", "1130003", "備註：休學"],
    ],
)
def test_a_row_that_is_merely_unfinished_stays_to_be_complained_of(tmp_path, row):
    table = book_of(tmp_path, [HEAD, ROW, row])
    assert list(table.frame.index) == [2, 3]
    assert table.notes == ()


def test_a_note_between_rows_is_no_note(tmp_path):
    assert len(book_of(tmp_path, [HEAD, ROW, ["備註：以下為轉學生"], OTHER]).frame) == 3


def test_hidden_sheets_are_left_out_and_said(tmp_path):
    table = book_of(tmp_path, [HEAD, ROW], hidden_舊資料=[HEAD, OTHER])
    assert table.frame.loc[2].tolist() == ROW
    assert table.notes == ("隱藏的工作表略過：「舊資料」",)


def test_hidden_sheets_of_old_and_open_workbooks_are_left_out_too(tmp_path):
    (tmp_path / "x.xls").write_bytes(xls([HEAD, ROW], hidden=True))
    assert "沒有任何資料列" in refusal(lambda: read_tables(tmp_path / "x.xls", known=KNOWN)).message
    hide = '<style:style style:name="ta1" style:family="table"><style:table-properties table:display="false"/></style:style>'
    (tmp_path / "x.ods").write_bytes(ods(ods_row(HEAD) + ods_row(ROW), styles=hide))
    assert "沒有任何資料列" in refusal(lambda: read_tables(tmp_path / "x.ods", known=KNOWN)).message


# --- covers and empty sheets ------------------------------------------------------------------------------------------

COVER = [["學校代碼", "學年度", "學期", "名冊別"], ["210305", "113", "0", "26"]]
SAID = {"學校代碼": "210305", "學年度": "113", "學期": "0", "名冊別": "26"}


def test_what_the_cover_says_is_on_every_table_of_the_book(tmp_path):
    path = write_book(tmp_path / "x.xlsx", 封面=COVER, 學期課程學習成果=[HEAD, ROW], 補修課程學習成果=[HEAD], 空白=[])
    tables = read_tables(path, known=KNOWN)
    assert [(table.sheet, len(table.frame), dict(table.cover)) for table in tables] == [
        ("學期課程學習成果", 1, SAID), ("補修課程學習成果", 0, SAID),
    ]  # fmt: skip
    assert list(tables[1].frame.columns) == HEAD


def test_a_cover_may_say_it_line_by_line(tmp_path):
    rows = [["學校代碼：", "210305"], ["學年度", "１１３"], [], ["學期", "0"], ["名冊別", "26"]]
    (table,) = read_tables(write_book(tmp_path / "x.xlsx", 封面=rows, 表=[HEAD, ROW]), known=KNOWN)
    assert dict(table.cover) == SAID


def test_an_empty_sheet_without_a_cover_is_passed_over(tmp_path):
    path = write_book(tmp_path / "x.xlsx", 一=[HEAD], 二=[HEAD, ROW], 三=[])
    assert [table.sheet for table in read_tables(path, known=KNOWN)] == ["二"]


def test_a_book_without_any_row_is_refused_in_one_line(tmp_path):
    path = write_book(tmp_path / "x.xlsx", 一=[HEAD], 二=[["備註：", "", ""]])
    assert "沒有任何資料列" in refusal(lambda: read_tables(path, known=KNOWN)).message


# --- cells ------------------------------------------------------------------------------------------------------------


def test_full_width_cells_become_narrow_and_names_keep_their_characters(tmp_path):
    table = book_of(tmp_path, [HEAD, ["１１３", "　１０１班 ", "Ａ１１３０００１", "堃喆 ﾊﾞ㍿Ⅷ（甲）", "ａｂｃ"]])
    assert table.frame.loc[2].tolist() == ["113", "101班", "A1130001", "堃喆 ﾊﾞ㍿Ⅷ(甲)".replace("(甲)", "（甲）"), "abc"]


@pytest.mark.parametrize(
    ("written", "read"),
    [("'003501", "003501"), ('="003501"', "003501"), ("\u200b1130001\ufeff", "1130001"), ("\xa0甲\u3000", "甲"), ("O'Neil", "O'Neil"), ("a\nb", "a\nb"), ("3.0", "3.0")],
)  # fmt: skip
def test_a_cell_loses_what_nobody_sees_and_keeps_the_rest(tmp_path, written, read):
    table = book_of(tmp_path, [["學號", "姓名"], ["1", written]])
    assert table.frame["姓名"].tolist() == [read]


def test_numbers_kept_as_text_keep_their_zeros_and_formulas_give_their_values(tmp_path):
    table = book_of(tmp_path, [["學號", "座號", "姓名"], ["003501", "=1+1", "甲"], [1130001, 3, "乙"]])
    assert table.frame["學號"].tolist() == ["003501", "1130001"]
    assert table.frame["座號"].tolist() == ["2", "3"]


def test_a_column_of_dates_comes_as_days_and_one_of_times_as_times(tmp_path):
    day, time = datetime(2024, 11, 5), datetime(2024, 11, 5, 9, 0, 1)
    frame = book_of(tmp_path, [["學號", "起日", "上傳時間"], ["1", day, time], ["2", day, day]]).frame
    assert frame["起日"].tolist() == ["2024-11-05", "2024-11-05"]
    assert frame["上傳時間"].tolist() == ["2024-11-05 09:00:01", "2024-11-05 00:00:00"]


def instant(text):
    instants, units, bad = cells.parse_instants(pd.Series([text], dtype="str"))
    return int(instants[0]), int(units[0]), bool(bad[0])


@pytest.mark.parametrize(
    ("written", "at", "unit"),
    [
        ("45590", datetime(2024, 10, 25), DAY_US),
        ("45590.0", datetime(2024, 10, 25), DAY_US),
        ("45590.5", datetime(2024, 10, 25, 12), 1_000_000),
        ("45590.604166666664", datetime(2024, 10, 25, 14, 30), 1_000_000),
        ("45590.999999", datetime(2024, 10, 26), 1_000_000),
        ("29587", datetime(1981, 1, 1), DAY_US),
        ("80000", datetime(2119, 1, 11), DAY_US),
        ("113／10／25 14：30", datetime(2024, 10, 25, 14, 30), 60_000_000),
        ("113年10月25日", datetime(2024, 10, 25), DAY_US),
        ("2024-10-25 23:59:59.997", datetime(2024, 10, 25, 23, 59, 59), 1_000_000),  # an end of day, not the next one
    ],
)
def test_a_date_may_be_a_serial_number_or_full_width(written, at, unit):
    assert instant(written) == (to_us(at.replace(tzinfo=TAIPEI)), unit, False)


@pytest.mark.parametrize(
    "written", ["19999", "80001", "1130001", "45590.", "4559", "45590.5.1", "-45590", "４５５９０x", "4.559e4"]
)
def test_other_numbers_are_no_dates(written):
    assert instant(written)[2]


# --- text files -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "encoding", ["utf-8", "utf-8-sig", "cp950", "big5hkscs", "utf-16", "utf-16-le-marked", "utf-16-be-marked"]
)
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("separator", [",", "\t", ";"])
def test_every_encoding_line_end_and_separator_reads_alike(tmp_path, encoding, end, separator):
    text = lines(HEAD, ROW, OTHER, end=end, separator=separator)
    mark = {"utf-16-le-marked": b"\xff\xfe", "utf-16-be-marked": b"\xfe\xff"}.get(encoding, b"")
    table = text_of(tmp_path, mark + text.encode(encoding.removesuffix("-marked")))
    assert table.frame.loc[2].tolist() == ROW
    assert table.frame.loc[3].tolist() == OTHER


def test_rare_names_and_emoji_survive(tmp_path):
    rare = [*ROW[:3], "堃喆煊珉", ROW[4]]
    assert text_of(tmp_path, lines(HEAD, rare).encode("big5hkscs")).frame.at[2, "姓名"] == "堃喆煊珉"
    smile = [*ROW[:3], "𠮷野😀👩‍👩‍👧", ROW[4]]
    assert text_of(tmp_path, lines(HEAD, smile).encode()).frame.at[2, "姓名"] == "𠮷野😀👩‍👩‍👧"
    assert book_of(tmp_path, [HEAD, smile]).frame.at[2, "姓名"] == "𠮷野😀👩‍👩‍👧"


def test_a_line_break_inside_quotes_belongs_to_the_cell(tmp_path):
    content = lines(HEAD) + '113,101,1,"甲\r\n生, ""乙""",x\n' + lines(OTHER)
    frame = text_of(tmp_path, content.encode()).frame
    assert frame.at[2, "姓名"] == '甲\r\n生, "乙"'
    assert list(frame.index) == [2, 3]


def test_rows_with_fewer_cells_are_filled_up_and_empty_cells_beyond_the_headings_are_nothing(tmp_path):
    frame = text_of(tmp_path, (lines(HEAD, ROW[:4]) + ",".join(OTHER) + ",,\n").encode()).frame
    assert frame.loc[2].tolist() == [*ROW[:4], ""]
    assert frame.loc[3].tolist() == OTHER


def test_a_row_with_more_cells_than_headings_is_named(tmp_path):
    problem = refusal(lambda: text_of(tmp_path, (lines(HEAD, ROW) + ",".join(OTHER) + ",多\n").encode()))
    assert "第 3 列有 6 格，欄名只有 5 個" in problem.message


def test_a_quote_that_never_closes_is_named_and_swallows_nothing(tmp_path):
    problem = refusal(
        lambda: text_of(tmp_path, (lines(HEAD, ROW) + '113,101,"1130002,乙生,x\n' + lines(OTHER)).encode())
    )
    assert "第 3 列的雙引號沒有成對" in problem.message


def test_text_with_nul_bytes_is_refused(tmp_path):
    assert "不是文字檔" in refusal(lambda: text_of(tmp_path, lines(HEAD, ROW).encode() + b"\0\0")).message


cell_texts = st.text(st.sampled_from('甲乙,;"\n\r\t 0１x'), max_size=6)


@given(rows=st.lists(st.lists(cell_texts, min_size=3, max_size=3), min_size=1, max_size=6))
def test_the_fast_and_the_careful_way_of_splitting_text_agree(rows):
    from data.rosters.texts import _parse_even, _parse_ragged

    out = io.StringIO()
    csv.writer(out, lineterminator="\n").writerows(rows)
    body = out.getvalue().rstrip("\r\n")
    even = _parse_even(body.encode(), ",", 3)
    ragged = _parse_ragged("x.csv", body, ",", 3, first_row=2)
    if even is not None:
        assert [column.to_pylist() for column in even] == [column.to_pylist() for column in ragged]


@given(
    texts=st.lists(
        st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=8), min_size=1, max_size=5
    )
)
def test_cleaning_a_column_is_the_same_however_its_neighbours_look(texts):
    import pyarrow as pa

    from data.rosters.sheets import clean_column

    together = clean_column("x", pa.array([*texts, "１　'=\u00a0"]), dates=True).to_pylist()[:-1]
    alone = [clean_column("x", pa.array([text]), dates=True).to_pylist()[0] for text in texts]
    dated = [text[:10] if text.endswith(" 00:00:00") else text for text in together]
    assert dated == alone


# --- which files ------------------------------------------------------------------------------------------------------


def test_archives_are_found_too_and_refused_where_nobody_opens_them(tmp_path):
    (tmp_path / "a.zip").write_bytes(b"PK")
    (tmp_path / "b.json").write_bytes(b"{}")
    (tmp_path / "~$c.xlsx").write_bytes(b"")
    (tmp_path / "d.pdf").write_bytes(b"")
    assert [path.name for path in find_files([tmp_path])] == ["a.zip", "b.json"]
    assert "zip" in refusal(lambda: read_tables(tmp_path / "a.zip")).message
    tables, problems = read_in_child(find_files([tmp_path]), known=KNOWN)
    assert (tables, [problem.file_name for problem in problems]) == ([], ["a.zip", "b.json"])


def test_archives_are_handed_over_in_this_process(tmp_path):
    (tmp_path / "a.json").write_bytes(b"{}")
    heard = []
    for read in (lambda p, a: read_tables(p, archive=a), lambda p, a: read_in_child([p], known=KNOWN, archive=a)[0]):
        assert read(tmp_path / "a.json", lambda name, content: heard.append((name, content)) or []) == []
    assert heard == [("a.json", b"{}")] * 2


def test_the_same_comes_out_of_the_child_as_out_of_this_process(tmp_path):
    write_book(
        tmp_path / "a.xlsx", 封面=COVER, 表=[["標題"], HEAD, ROW, [], OTHER, ["備註：無"]], hidden_藏=[HEAD, ROW]
    )
    (tmp_path / "b.csv").write_bytes(lines(HEAD, ROW, [], OTHER).encode("cp950"))
    (tmp_path / "c.ods").write_bytes(ods(ods_row(HEAD) + ods_row(ROW)))
    (tmp_path / "d.xls").write_bytes(xls([HEAD, ROW]))
    (tmp_path / "e.xlsx").write_bytes(b"nothing")
    files = find_files([tmp_path])
    heard = []
    tables, problems = read_in_child(files, known=KNOWN, on_progress=lambda *said: heard.append(said))
    assert heard == [(path.name, number, 5) for number, path in enumerate(files)]
    assert [problem.file_name for problem in problems] == ["e.xlsx"]
    here = [table for path in files[:4] for table in read_tables(path, known=KNOWN)]
    assert len(here) == len(tables) == 4
    for ours, theirs in zip(here, tables, strict=True):
        pd.testing.assert_frame_equal(ours.frame, theirs.frame)
        for field in ("file_name", "sheet", "sha256", "cover", "heading_row", "notes"):
            assert getattr(ours, field) == getattr(theirs, field)


def test_line_ends_within_quoted_cells_are_no_rows_of_their_own(tmp_path):
    rows = '113,101,1130001,"第一行\n第二行",x\n' * 160_000
    table = text_of(tmp_path, (",".join(HEAD) + "\n" + rows).encode())
    assert len(table.frame) == 160_000
