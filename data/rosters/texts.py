"""Text files to sheets: encodings by a fixed ladder, separators by the headings, rows by the fast way or the careful one."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator

import pyarrow as pa
import pyarrow.csv as arrow_csv

from data.rosters.limits import MANY_CELLS, MAX_CELLS, MAX_ROWS, check_size, refused
from data.rosters.sheets import EDGES, LOOKED_AT, Sheet, find_headings, finish_sheet

TEXTS = {".csv": ",", ".tsv": "\t", ".txt": "\t"}
# After UTF-8, strict and in this order, never a guess: a guesser took cp950 for Thai, and 堃喆煊珉 are in big5hkscs only.
ENCODINGS = ("cp950", "big5hkscs")
_QUOTED = re.compile(rb'"[^"]*"')


def read_text(name: str, content: bytes, *, separator: str, known: frozenset[str]) -> Sheet:
    text = _to_utf8(name, content)
    if b"\0" in text or not text.strip():
        raise refused(name, "檔案是空的，或不是文字檔，請重新從平臺匯出")
    separator, found, headings, begin = _find_table(name, text[: 2**18].decode(errors="ignore"), separator, known)
    body = text[begin:].rstrip(b"\r\n")
    lines = body.count(b"\n")
    if lines > MAX_ROWS:  # line ends within quoted cells are no rows
        lines = _QUOTED.sub(b"", body).count(b"\n")
    check_size(name, lines, len(headings))
    if body.count(separator.encode()) > 2 * MAX_CELLS:
        raise refused(name, MANY_CELLS)
    columns = _parse_even(body, separator, len(headings))
    if columns is None:
        columns = _parse_ragged(name, body.decode(), separator, len(headings), first_row=found + 2)
    check_size(name, len(columns[0]), len(headings))
    return finish_sheet(name, "", headings, columns, heading_row=found + 1)


def _to_utf8(name: str, content: bytes) -> bytes:
    if content[:2] == b"PK" or content[:4] == b"\xd0\xcf\x11\xe0":
        raise refused(name, "這其實是活頁簿，請把副檔名改回 xlsx、ods 或 xls")
    try:
        content.decode()
        return content.removeprefix(b"\xef\xbb\xbf")
    except UnicodeDecodeError:
        pass
    marked = content[:2] in (b"\xff\xfe", b"\xfe\xff")  # what spreadsheets call Unicode text
    for encoding in ("utf-16",) if marked else ENCODINGS:
        try:
            return content.decode(encoding).encode()
        except UnicodeError:
            continue
    raise refused(name, "文字編碼無法辨識（接受 UTF-8、UTF-16、Big5），請用試算表另存為 UTF-8 的 CSV")


def _find_table(name: str, text: str, separator: str, known: frozenset[str]) -> tuple[str, int, list[str], int]:
    """Return the separator, the position of the heading row, the headings, and where in the text the rows begin."""
    best: tuple[tuple[int, int], str, int, list[str], int] | None = None
    for candidate in dict.fromkeys((separator, ",", "\t", ";")):
        rows, ends = _first_records(text, candidate)
        found, headings = find_headings(rows, known=known)
        if found >= 0:
            rank = (len(known & set(headings)), sum(map(bool, headings)))
            if best is None or rank > best[0]:
                best = rank, candidate, found, headings, ends[found]
    if best is None:
        raise refused(name, "檔案裡沒有任何資料列，請重新從平臺匯出")
    return best[1:]


def _first_records(text: str, separator: str) -> tuple[list[list[str]], list[int]]:
    """Return the first rows, and for each at which byte of the text the next one begins."""
    consumed = 0

    def lines() -> Iterator[str]:
        nonlocal consumed
        for line in io.StringIO(text, newline=""):
            consumed += len(line.encode())
            yield line

    rows, ends = [], []
    try:
        for row in csv.reader(lines(), delimiter=separator):
            rows.append(row)
            ends.append(consumed)
            if len(rows) == LOOKED_AT:
                break
    except csv.Error:  # said with its row number when the whole is read
        pass
    return rows, ends


def _parse_even(body: bytes, separator: str, width: int) -> list[pa.ChunkedArray] | None:
    """Parse rows that all have as many cells as headings, the usual file, ten times as fast; None where they have not."""
    if not body or body[:1] in b"\r\n" or body.count(b'"') % 2 or body.count(b"\r") != body.count(b"\r\n"):
        return None
    names = [str(position) for position in range(width)]
    try:
        table = arrow_csv.read_csv(
            pa.py_buffer(body),
            read_options=arrow_csv.ReadOptions(column_names=names, block_size=2**23),
            parse_options=arrow_csv.ParseOptions(delimiter=separator, newlines_in_values=True, ignore_empty_lines=False),
            convert_options=arrow_csv.ConvertOptions(column_types=dict.fromkeys(names, pa.string()), strings_can_be_null=False),
        )  # fmt: skip
    except pa.ArrowInvalid:
        return None
    return list(table.columns)


def _parse_ragged(name: str, text: str, separator: str, width: int, *, first_row: int) -> list[pa.Array]:
    """Parse rows of any width: what is missing is blank; more cells than headings, with something in them, are refused."""
    rows: list[list[str]] = []
    try:
        for row in csv.reader(io.StringIO(text, newline=""), delimiter=separator, strict=True):
            if len(row) > width and any(cell.strip(EDGES) for cell in row[width:]):
                where = f"第 {first_row + len(rows)} 列有 {len(row)} 格，欄名只有 {width} 個"
                raise refused(name, f"欄位數前後不一，無法切成表格（{where}），內容裡有分隔符號的格子請用雙引號括起來")
            rows.append(row[:width] + [""] * (width - len(row)))
    except csv.Error:
        raise refused(
            name, f"第 {first_row + len(rows)} 列的雙引號沒有成對，無法切成表格，請在試算表軟體開啟後另存為 CSV"
        ) from None
    columns = zip(*rows, strict=True) if rows else [()] * width
    return [pa.array(column, pa.string()) for column in columns]
