"""Sheets of text: where the headings are, what is a row and what a note, and what cells lose; Arrow in, Arrow out."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import zip_longest

import pyarrow as pa
import pyarrow.compute as pc

from data.rosters.limits import refused

LOOKED_AT = 25  # rows in which the headings are sought

_NARROW = {code: code - 0xFEE0 for code in range(0xFF01, 0xFF5F)} | {0x3000: 0x20}
WIDE = {code: new for code, new in _NARROW.items() if chr(new).isalnum() or new == 0x20}
_WIDE_PATTERN = "[０-９Ａ-Ｚａ-ｚ\u3000]"
_UNSEEN = dict.fromkeys([*range(0x20), 0x7F, 0xAD, *range(0x200B, 0x2010), 0x2028, 0x2029, 0x2060, 0xFEFF])
_ASCII_EDGES = " \t\n\r\x0b\x0c\x1c\x1d\x1e\x1f"
EDGES = (
    _ASCII_EDGES + "\x85\xa0\u1680\u2028\u2029\u202f\u205f\u2060\u3000\ufeff" + "".join(map(chr, range(0x2000, 0x200C)))
)
_BLANK = re.compile(rb"[\t-\r\x1c-\x20]")
_HINT = re.compile(r"[(\[【](?:必填|選填|必要|非必填|可空白|可不填|免填)(?:欄位?|項目?)?[)\]】]")
_MARKS = re.compile(r"[*'\"`’‘“”※●○◎★☆✱]+|[:]+$")
_NOTE = re.compile(
    r"(?:備註|附註|註|說明|注意事項|填表說明)\s*[0-9一二三四五六七八九十]*\s*(?:[:：.．、]|$)|※|\*\s*[註說備]"
    r"|(?:製表|列印|匯出|產生|承辦|填表|審核)\s*(?:人|者|日期|時間|單位)?\s*(?:[:：]|$)|(?:以下空白|資料結束|本頁|第\s*\d+\s*頁|共\s*[\d,]+\s*[筆列人頁])"
)
_TOTAL = re.compile(r"(?:合\s*計|總\s*計|小\s*計|總\s*和|共\s*計)(?:人數|件數)?\s*[:：]?$")
_NUMBER = re.compile(r"[-+]?[\d,]+(?:\.\d+)?%?$")


@dataclass(frozen=True, slots=True)
class Sheet:
    """A table of text: columns by heading, and which rows of the file they are (numbers where not one after the other)."""

    name: str
    body: pa.Table
    first_row: int
    heading_row: int
    numbers: pa.Array | None = None
    notes: list[str] = field(default_factory=list)
    cover: dict[str, str] = field(default_factory=dict)


def normalise_heading(cell: str) -> str:
    """Make full-width characters narrow and take out blanks, line ends, invisible characters, quotes and marks like ＊（必填）."""
    text = "".join(cell.translate(_NARROW).translate(_UNSEEN).split())
    return _MARKS.sub("", _HINT.sub("", text))


def to_wire(sheet: Sheet) -> pa.Table:
    """Put all of a sheet into one Arrow table; row numbers become a column of an empty name, which no heading has."""
    said = {key: getattr(sheet, key) for key in ("name", "first_row", "heading_row", "notes", "cover")}
    body = sheet.body if sheet.numbers is None else sheet.body.append_column("", sheet.numbers)
    return body.replace_schema_metadata({"sheet": json.dumps(said)})


def from_wire(table: pa.Table) -> Sheet:
    """Undo to_wire."""
    said = json.loads(table.schema.metadata[b"sheet"])
    numbers = table.column("").combine_chunks() if "" in table.column_names else None
    body = table.drop_columns([""]) if numbers is not None else table
    return Sheet(body=body.replace_schema_metadata(None), numbers=numbers, **said)


def find_headings(rows: Sequence[Sequence[str]], *, known: frozenset[str]) -> tuple[int, list[str]]:
    """Return the position of the heading row and the heading of each column, "" where there is none; -1 if all is blank.

    That is the row with the most known headings; where none is known, the first row that is not blank. Two rows are
    taken together where that makes more headings known: groups above, or headings that only the upper row has.
    """
    clean = [[normalise_heading(cell) for cell in row] for row in rows]
    filled = [position for position, row in enumerate(clean) if any(row)]
    if not filled:
        return -1, []
    score = [len(known & set(row)) for row in clean]
    best = max(filled, key=lambda position: score[position])
    if score[best] < 2 and best != filled[0]:  # one word may as well stand in a title or a cell
        best = filled[0]
    found, headings = best, clean[best]
    for upper, lower in ((best - 1, best), (best, best + 1)):
        if upper < 0 or lower >= len(clean) or not any(clean[lower]):
            continue
        is_heading = 2 * sum(cell in known for cell in clean[lower]) >= sum(map(bool, clean[lower]))
        both = _join_headings(clean[upper], clean[lower], known)
        if is_heading and len(known & set(both)) > len(known & set(headings)):
            found, headings = lower, both
    return found, headings


def _join_headings(upper: list[str], lower: list[str], known: frozenset[str]) -> list[str]:
    times, group, joined = Counter(lower), "", []
    for above, below in zip_longest(upper, lower, fillvalue=""):
        group = above or group
        if not below:
            joined.append(above)
        elif below in known and times[below] == 1:
            joined.append(below)
        else:
            joined.append(group + below if group + below in known else below)
    return joined


def finish_sheet(
    name: str,
    title: str,
    headings: Sequence[str],
    columns: Sequence[pa.Array],
    *,
    heading_row: int,
    cover: dict[str, str] | None = None,
    dates: bool = False,
) -> Sheet:
    """Clean the columns below the headings, and leave out blank rows, notes under the table and what has no heading."""
    kept: dict[str, pa.Array] = {}
    notes: list[str] = []
    left = ""
    for heading, raw in zip(headings, columns, strict=True):
        column = clean_column(name, raw, dates=dates)
        if heading and heading not in kept:
            kept[heading], left = column, heading
        elif heading:
            notes.append(f"欄名「{heading}」重複，只用左邊的那一欄")
        elif pc.any(_filled(column)).as_py():
            notes.append(f"「{left}」右邊有一欄沒有欄名，整欄略過" if left else "最左邊有一欄沒有欄名，整欄略過")
    body = pa.table(kept)
    body, numbers = _drop_blank_rows(body, first_row=heading_row + 1)
    count = _count_notes(body)
    if count:
        body, cut = body.slice(0, len(body) - count), numbers[len(body) - count :]
        numbers = numbers[: len(body)]
        notes.append(f"表格下方的 {count} 列附註略過：第 {'、'.join(str(row) for row in cut)} 列")
    first = int(numbers[0]) if len(numbers) else heading_row + 1
    gapless = isinstance(numbers, range)
    return Sheet(
        title,
        body,
        first,
        heading_row,
        None if gapless else pa.array(numbers, pa.int32()),
        list(dict.fromkeys(notes)),
        cover or {},
    )


def _filled(column: pa.Array) -> pa.Array:
    return pc.greater(pc.binary_length(column), 0)


def _drop_blank_rows(body: pa.Table, *, first_row: int) -> tuple[pa.Table, Sequence[int]]:
    """Return the rows that hold anything, and their numbers in the file: a range where none is left out between them."""
    filled = None
    for column in body.columns:
        filled = _filled(column) if filled is None else pc.or_(filled, _filled(column))
        if pc.all(filled).as_py():
            return body, range(first_row, first_row + len(body))
    numbers = [number + first_row for number in pc.indices_nonzero(filled).to_pylist()] if filled is not None else []
    if not numbers:
        return body.slice(0, 0), range(first_row, first_row)
    body = body.filter(filled)
    gapless = numbers[-1] - numbers[0] == len(numbers) - 1
    return body, range(numbers[0], numbers[-1] + 1) if gapless else numbers


def _count_notes(body: pa.Table) -> int:
    """Return how many rows at the end are notes: from the first that reads like one, if all below are as sparse."""
    depth = min(len(body), LOOKED_AT)
    if body.num_columns < 3:
        return 0
    columns = [column.slice(len(body) - depth).to_pylist() for column in body.columns]
    count = 0
    for above, row in enumerate(zip(*(reversed(column) for column in columns), strict=True), start=1):
        cells = [cell for cell in row if cell]
        total = bool(_TOTAL.match(cells[0])) and all(_NUMBER.match(cell) for cell in cells[1:])
        if not total and (len(cells) > 2 or not any(row[:2])):
            break
        if total or _NOTE.match(cells[0]):
            count = above
    return count


def clean_column(name: str, column: pa.Array, *, dates: bool = False) -> pa.Array:
    """Make full-width digits, letters and blanks narrow, trim the ends, take off the quotes that mark text; no more.

    What to do is seen from the bytes of the whole column, so that a column without such cells is not gone through.
    dates: from a workbook, where a day comes as its midnight: a column of nothing but midnights is one of days.
    """
    if isinstance(column, pa.ChunkedArray):
        column = column.combine_chunks()
    column = pc.fill_null(column.cast(pa.string()), "")
    raw = _bytes_of(column)
    if b"\0" in raw:
        raise refused(name, "內容有看不見的 NUL 字元，請重新從平臺匯出")
    plain = raw.isascii()
    if not plain or _BLANK.search(raw):
        column = pc.utf8_trim(column, characters=EDGES) if not plain else pc.ascii_trim(column, characters=_ASCII_EDGES)
    if b"'" in raw:  # '003501 is how a spreadsheet is told that it is text
        column = pc.replace_substring_regex(column, r"(?s)^'(.*)$", r"\1")
    if b'="' in raw:  # and ="003501" how a CSV tells it
        column = pc.replace_substring_regex(column, r'(?s)^="(.*)"$', r"\1")
    if not plain and (b"\xef\xbc" in raw or b"\xef\xbd" in raw or b"\xe3\x80\x80" in raw):
        wide = pc.match_substring_regex(column, _WIDE_PATTERN)
        texts = [text.translate(WIDE).strip(EDGES) for text in column.filter(wide).to_pylist()]
        column = pc.replace_with_mask(column, wide, pa.array(texts, pa.string()))
    if dates and b" 00:00:00" in raw:
        midnight = pc.match_substring_regex(column, r"^\d{4}-\d{2}-\d{2} 00:00:00$")
        if pc.all(pc.or_(midnight, pc.equal(column, ""))).as_py():
            column = pc.utf8_slice_codeunits(column, 0, 10)
    return column


def _bytes_of(column: pa.Array) -> bytes:
    _, offsets, data = column.buffers()
    if data is None or not len(column):
        return b""
    where = memoryview(offsets).cast("i")
    begin, end = where[column.offset], where[column.offset + len(column)]
    return bytes(data.slice(begin, end - begin).to_pybytes())
