"""The content of a file to sheets: workbooks by fastexcel once they passed the pre-check, text files by texts.py."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import fastexcel
import pyarrow as pa

from data.rosters.limits import UNREADABLE, check_size, refused
from data.rosters.precheck import Book, inspect_book, open_book
from data.rosters.sheets import EDGES, LOOKED_AT, WIDE, Sheet, find_headings, finish_sheet, normalise_heading
from data.rosters.texts import TEXTS, read_text

WORKBOOKS = {".xlsx", ".xlsm", ".xls", ".ods"}
COVER = "封面"


def read_sheets(name: str, content: bytes, suffix: str, *, known: frozenset[str], limited: bool = False) -> list[Sheet]:
    """Read every sheet that holds something out of a file's content.

    limited: this process may die of it, so a big workbook is not gone through beforehand. Raises RefusedError with one
    clear line when the file cannot be read or holds no row.
    """
    if suffix in WORKBOOKS:
        book = open_book(name, content)
        inspect_book(book, limited=limited)
        sheets = _load_book(book, known=known)
    else:
        sheets = [read_text(name, content, separator=TEXTS[suffix], known=known)]
    if not any(len(sheet.body) or sheet.cover for sheet in sheets):
        raise refused(name, "檔案裡沒有任何資料列，請重新從平臺匯出")
    return sheets


def _load_book(book: Book, *, known: frozenset[str]) -> list[Sheet]:
    try:
        grids, hidden = _load_grids(book)
    except fastexcel.FastExcelError:
        raise refused(book.name, UNREADABLE) from None
    except BaseException as error:
        if type(error).__name__ != "PanicException":  # how a bug in the parser shows: not an Exception, on purpose
            raise
        raise refused(book.name, UNREADABLE) from None
    cover = next((_read_cover(grid) for title, grid in grids if normalise_heading(title) == COVER), {})
    sheets = []
    for title, grid in grids:
        if normalise_heading(title) != COVER and grid.num_rows:
            sheet = _lay_out(book.name, title, grid, known=known, cover=cover)
            if sheet is not None and (len(sheet.body) or cover):
                sheets.append(sheet)
    if hidden and sheets:
        sheets[0].notes.append("隱藏的工作表略過：" + "、".join(f"「{title}」" for title in hidden[:5]))
    return sheets


def _load_grids(book: Book) -> tuple[list[tuple[str, pa.RecordBatch]], list[str]]:
    reader = fastexcel.read_excel(book.content)
    every: dict[str, Any] = {"header_row": None, "skip_rows": 0, "dtypes": "string"}
    grids, hidden = [], []
    for title in dict.fromkeys(reader.sheet_names):
        if title in book.hidden:
            hidden.append(title)
        elif book.kind == "xlsx":  # borrows shared texts instead of copying them, a fifth faster
            grids.append((title, _checked(book.name, reader.load_sheet_eager(title, **every))))
        else:
            sheet = reader.load_sheet(title, **every)
            if sheet.visible != "visible":
                hidden.append(title)
                continue
            check_size(book.name, sheet.total_height, sheet.width)
            grids.append((title, _checked(book.name, sheet.to_arrow())))
    return grids, hidden


def _checked(name: str, grid: pa.RecordBatch) -> pa.RecordBatch:
    check_size(name, grid.num_rows, grid.num_columns)
    return grid


def _read_cover(grid: pa.RecordBatch) -> dict[str, str]:
    """Return what a cover says, headings above their values as the official rosters have it, or beside them."""
    rows = [[cell.translate(WIDE).strip(EDGES) for cell in row] for row in _texts(grid, 50)]
    rows = [row for row in rows if any(row)]
    usual = {"學校代碼", "學年度", "學年", "學期", "名冊別"}
    for above, below in pairwise(rows):
        headings = [normalise_heading(cell) for cell in above]
        if len(usual & set(headings)) > 1:
            return {heading: value for heading, value in zip(headings, below, strict=True) if heading}
    pairs = [[cell for cell in row if cell][:2] for row in rows]
    return {normalise_heading(pair[0]): pair[1] for pair in pairs if len(pair) == 2}


def _texts(grid: pa.RecordBatch, count: int) -> list[list[str]]:
    columns = [[cell or "" for cell in column.slice(0, count).to_pylist()] for column in grid.columns]
    return [list(row) for row in zip(*columns, strict=True)]


def _lay_out(
    name: str, title: str, grid: pa.RecordBatch, *, known: frozenset[str], cover: dict[str, str]
) -> Sheet | None:
    found, headings = find_headings(_texts(grid, LOOKED_AT), known=known)
    if found < 0:
        return None
    columns = [column.slice(found + 1) for column in grid.columns]
    return finish_sheet(name, title, headings, columns, heading_row=found + 1, cover=cover, dates=True)
