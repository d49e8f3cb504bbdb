"""The XML of a workbook before a parser has it: no document types, and no more cells or text than can be held."""

from __future__ import annotations

import re
from itertools import pairwise
from typing import Any
from xml.parsers import expat

from data.rosters.limits import (
    MANY_CELLS,
    MAX_CELLS,
    MAX_COLUMNS,
    MAX_ROWS,
    MAX_TEXT_BYTES,
    UNREADABLE,
    UNSAFE,
    check_size,
    refused,
)


def check_xml(name: str, key: str, data: bytes) -> None:
    """Refuse an XML file in another encoding than UTF-8, which would hide what follows, or with a document type."""
    declared = re.match(rb"""(?:\xef\xbb\xbf)?<\?xml[^>]*encoding\s*=\s*["']([^"']*)""", data[:200])
    foreign = declared is not None and declared[1].lower() not in (b"utf-8", b"us-ascii", b"ascii")
    if foreign or b"\0" in data[:200] or data.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise refused(name, UNSAFE.format(what=f"{key[-40:]} 的編碼"))
    if b"<!DOCTYPE" in data:  # entities are declared in there only
        raise refused(name, UNSAFE.format(what="DOCTYPE"))


def parse_xml(name: str, data: bytes, **handlers: Any) -> None:
    """Run the XML parser over data. Raises RefusedError when it is not well-formed: some parsers never end on such."""
    parser = expat.ParserCreate()
    parser.buffer_text = True
    for handler, function in handlers.items():
        setattr(parser, handler, function)
    try:
        parser.Parse(data, True)
    except (expat.ExpatError, ValueError, LookupError):
        raise refused(name, UNREADABLE) from None


# --- xlsx -------------------------------------------------------------------------------------------------------------


def check_shared(name: str, data: bytes) -> int:
    """Return an upper bound of the longest shared text in bytes: the widest gap between the starts of two."""
    for count in re.findall(rb"""uniqueCount\s*=\s*["']\s*\+?([0-9]*)""", data[:4096]):
        if int(count or 0) > len(data):  # room is made for as many as are promised
            raise refused(name, UNSAFE.format(what="文字數量與所寫不符"))
    if re.search(rb"uniqueCount", data[4096:]):
        raise refused(name, UNREADABLE)
    starts = [match.start() for match in re.finditer(rb"[<:]si[\s>/]", data)]
    return max((after - before for before, after in pairwise([*starts, len(data)])), default=0)


_VALUES = (b"<v", b":v", b"<is", b":is")


def check_sheet(name: str, data: bytes, longest: int) -> tuple[int, int]:
    """Return the cells and the shared text that a parser would make room for. Raises RefusedError beyond the limits.

    A parser makes room for every cell from A1 to the farthest value: one value at XFD1048576 is 17 thousand million.
    First a bound that costs a tenth of parsing; then the same without the blank cells behind the last value; and only
    where that is still too much, as for a wide table or a trick, the exact count.
    """
    for text in (data, None):
        if text is None:
            text = data[: max(data.rfind(mark) for mark in _VALUES) + 1]
        rows, columns, values = _bound_cells(text)
        if rows <= MAX_ROWS and columns <= MAX_COLUMNS and rows * columns <= MAX_CELLS >= values:
            if values * longest <= MAX_TEXT_BYTES:
                return rows * columns, values * longest
            break
    rows, columns, values, shown = _measure_sheet(name, data)
    check_size(name, rows, columns)
    if values > MAX_CELLS:
        raise refused(name, MANY_CELLS)
    return rows * columns, shown * longest


def _bound_cells(data: bytes) -> tuple[int, int, int]:
    """Return upper bounds of the rows, columns and values of a sheet, whatever way its references are written."""
    values = sum(data.count(mark) for mark in _VALUES)
    unsaid = any(odd in data for odd in (b"<c>", b"<c\t", b"<c\n", b"<c\r", b":c")) or data.count(b"<c ") != data.count(
        b'<c r="'
    )
    if unsaid:  # cells without a reference have to be counted, which is the exact way's
        return MAX_ROWS + 1, MAX_COLUMNS + 1, values
    letters = set(re.findall(rb"""["']([A-Za-z]{2,})[0-9]+["']""", data))
    digits = set(re.findall(rb"""["'][A-Za-z]*([0-9]+)["']""", data))
    columns = max([26, *(_column_number(found) for found in letters)])
    rows = max([data.count(b"<row") + data.count(b":row"), *(_whole(found) for found in digits)])
    return rows, columns, values


def _whole(digits: bytes | str) -> int:
    """Read digits, however many somebody wrote; beyond nine they only have to be too many."""
    return int(digits) if len(digits) <= 9 else int(digits.lstrip("0" if isinstance(digits, str) else b"0")[:10] or 0)  # type: ignore[arg-type]


def _column_number(letters: bytes) -> int:
    if len(letters) > 3:
        return 10**9
    number = 0
    for letter in letters.upper():
        number = number * 26 + letter - 64
    return number


def _measure_sheet(name: str, data: bytes) -> tuple[int, int, int, int]:
    """Return the farthest row and column that hold a value, how many values there are, and how many are shared texts."""
    row, column, far_row, far_column, values, shared = 0, 0, 0, 0, 0, 0
    cell = (0, 0, "")

    def start(tag: str, attributes: dict[str, str]) -> None:
        nonlocal row, column, far_row, far_column, values, shared, cell
        tag = tag.rpartition(":")[2]
        if tag == "c":
            at_row, at_column = row, column
            if "r" in attributes:
                found = re.fullmatch(r"([A-Za-z]+)([0-9]+)", attributes["r"])
                if found is None:
                    raise refused(name, UNREADABLE)
                at_row, at_column = _whole(found[2]) - 1, _column_number(found[1].encode()) - 1
                column = at_column
            cell = (at_row, at_column, attributes.get("t", ""))
            column += 1
        elif tag == "row":
            column = 0
            if "r" in attributes:
                digits = re.fullmatch(r"[A-Za-z]*([0-9]+)", attributes["r"])
                if digits is None:
                    raise refused(name, UNREADABLE)
                row = _whole(digits[1]) - 1
        elif tag in {"v", "is"}:
            far_row, far_column = max(far_row, cell[0] + 1), max(far_column, cell[1] + 1)
            values += 1
            shared += cell[2] == "s"

    def end(tag: str) -> None:
        nonlocal row, column
        if tag.rpartition(":")[2] == "row":
            row, column = row + 1, 0

    parse_xml(name, data, StartElementHandler=start, EndElementHandler=end)
    return far_row, far_column, values, shared


# --- ods --------------------------------------------------------------------------------------------------------------


def measure_ods(name: str, data: bytes) -> tuple[int, int]:
    """Return the cells and text that a parser would make room for, repeats told out. Raises RefusedError beyond limits."""
    total, texts, pushed = 0, 0, 0
    at_row, far_row, far_column = 0, 0, 0  # of the table being read
    row_repeat, row_cells, row_text, waiting = 1, 0, 0, 0  # waiting: blank cells that count only if a cell follows
    cell_repeat, cell_text, filled, row_filled = 1, 0, False, 0

    def repeat(attributes: dict[str, str], key: str) -> int:
        digits = attributes.get(key, "1")
        if not (digits.isascii() and digits.isdigit()):
            raise refused(name, UNREADABLE)
        return _whole(digits)

    def start(tag: str, attributes: dict[str, str]) -> None:
        nonlocal \
            at_row, \
            far_row, \
            far_column, \
            row_repeat, \
            row_cells, \
            row_text, \
            waiting, \
            cell_repeat, \
            cell_text, \
            filled, \
            row_filled, \
            pushed
        if tag in {"table:table-cell", "table:covered-table-cell"}:
            cell_repeat = repeat(attributes, "table:number-columns-repeated")
            row_cells += min(waiting, 16_384)
            pushed += min(waiting, 16_384)
            waiting = 0
            cell_text = max((len(value) for value in attributes.values()), default=0)
            filled = any(key.startswith("office:") or key == "table:formula" for key in attributes)
        elif tag == "text:s":
            cell_text += repeat(attributes, "text:c")
        elif tag == "table:table-row":
            row_repeat = repeat(attributes, "table:number-rows-repeated")
            row_cells = row_text = waiting = row_filled = 0
        elif tag == "table:table":
            at_row = far_row = far_column = 0

    def text(piece: str) -> None:
        nonlocal cell_text
        cell_text += len(piece.encode())

    def end(tag: str) -> None:
        nonlocal at_row, far_row, far_column, row_cells, row_text, waiting, row_filled, pushed, total, texts
        if tag in {"table:table-cell", "table:covered-table-cell"}:
            if filled:
                row_cells += cell_repeat
                pushed += min(cell_repeat, 16_384)
                row_text += cell_text * cell_repeat
                row_filled = row_cells
            else:
                waiting = cell_repeat
            if pushed > 2 * MAX_CELLS:
                raise refused(name, MANY_CELLS)
        elif tag == "table:table-row":
            at_row += row_repeat
            if row_filled:
                far_row, far_column = at_row, max(far_column, row_filled)
                texts += row_text * row_repeat
                check_size(name, far_row, far_column)
        elif tag == "table:table":
            total += far_row * far_column

    parse_xml(name, data, StartElementHandler=start, EndElementHandler=end, CharacterDataHandler=text)
    return total, texts
