"""Tables to take away: what a table is, how they are found, and how one is written as CSV, xlsx or ods."""

from __future__ import annotations

import csv
import importlib
import io
import math
import pkgutil
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from functools import cache
from typing import Any, Final, Literal, TypeAlias
from xml.sax.saxutils import escape, quoteattr  # nosec B406  # writes XML, reads none
from zoneinfo import ZoneInfo

import pandas as pd
import xlsxwriter
from odfdo import Document, Element
from xlsxwriter.utility import xl_col_to_name

import dashboard.exports
from dashboard.access.roles import Permission
from dashboard.access.scope import Scope
from dashboard.components.dates import TAIPEI
from dashboard.components.numbers import days, percent_of_rate
from dashboard.i18n import gettext as _
from dashboard.services.filters import View

Kind: TypeAlias = Literal["text", "count", "rate", "days", "instant", "day"]
Cell: TypeAlias = str | int | float | datetime | date | None
Row: TypeAlias = Sequence[Cell]
Block: TypeAlias = Sequence[Sequence[str]]  # lines of the sheet 「說明」, the first a heading

LIVE: Final = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")
_TAIPEI: Final = ZoneInfo(TAIPEI)
_FAR_US: Final = 250_000_000_000_000_000  # the year 9892: a later instant has not come
_XLSX_TEXT: Final = 32_767  # UTF-16 units that Excel takes in a cell; what is longer would be left out whole
_WIDEST: Final = 60
_NO_XML: Final = re.compile("[^\t\n -\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a table. title and definition are msgids (N_); definition: a sentence, empty where the title says it.

    kind: text (codes as well: 0012 stays 0012), count, rate (a fraction), days, instant (microseconds of UTC; NaT, NA and
    NEVER are empty), day.
    """

    key: str
    title: str
    kind: Kind = "text"
    definition: str = ""


def everybody(_scope: Scope) -> bool:
    """Let everybody have a table who holds its permission."""
    return True


@dataclass(frozen=True, slots=True)
class Sheet:
    """A table without a question of term and instant, given by a route of its own; the writers below need no more."""

    key: str
    title: str
    columns: tuple[Column, ...]


@dataclass(frozen=True, slots=True)
class Table:
    """A table that can be downloaded as /exports/<key>.csv, .xlsx and .ods by whoever holds permission and EXPORT.

    rows: the frame with the columns' keys, of the view and so of the scope. allowed: whose scope may have it at all.
    """

    key: str
    title: str
    permission: Permission
    columns: tuple[Column, ...]
    rows: Callable[[View], pd.DataFrame]
    allowed: Callable[[Scope], bool] = everybody


Filled: TypeAlias = "tuple[Table | Sheet, Sequence[Row]]"


@cache
def all_tables() -> dict[str, Table]:
    """Import every module of this folder and return its TABLE by key."""
    found: dict[str, Table] = {}
    for info in sorted(pkgutil.iter_modules(dashboard.exports.__path__), key=lambda module: module.name):
        table = getattr(importlib.import_module(f"dashboard.exports.{info.name}"), "TABLE", None)
        if isinstance(table, Table):
            found[table.key] = table
    return found


def cells(table: Table | Sheet, frame: pd.DataFrame) -> list[Row]:
    """Read a frame as rows of plain values: text, whole numbers, fractions, instants on Taipei's clock, None for nothing."""
    if frame.empty:
        return []
    columns = []
    for column in table.columns:
        values = frame[column.key]
        read = _READ[column.kind]
        pairs = zip(values.tolist(), values.isna(), strict=True)
        columns.append([None if missing else read(value) for value, missing in pairs])
    return list(zip(*columns, strict=True))


def _text(value: Any) -> str:
    text = str(value).replace("\r\n", "\n").replace("\r", "\n")
    return _NO_XML.sub("\ufffd", text)  # no workbook can hold the others


def _fraction(value: Any) -> float | None:
    return float(value) if math.isfinite(value) else None


def _instant(value: Any) -> datetime | None:
    """Read to the second that has begun, without a zone: a workbook's dates have none, and the school's clock is Taipei's."""
    if isinstance(value, int | float):
        far = abs(value) >= _FAR_US
        return None if far else datetime.fromtimestamp(int(value) // 1_000_000, _TAIPEI).replace(tzinfo=None)
    stamp = pd.Timestamp(value)
    local = stamp if stamp.tzinfo is None else stamp.tz_convert(TAIPEI).tz_localize(None)
    return local.floor("s").to_pydatetime()


def _day(value: Any) -> date | None:
    instant = _instant(value)
    return None if instant is None else instant.date()


_READ: Final[dict[Kind, Callable[[Any], Cell]]] = {
    "text": _text, "count": int, "rate": _fraction, "days": _fraction, "instant": _instant, "day": _day,
}  # fmt: skip


def floored(rate: float) -> float:
    """Cut a fraction to 0.1 %, as it is shown: no number format of a workbook floors, and 358/359 would show as 100.0%.

    The 1e-9 takes back what binary fractions lose (components.numbers); the counts beside the rate keep full precision.
    """
    return math.floor(rate * 1000 + 1e-9) / 1000


# --- csv --------------------------------------------------------------------------------------------------------------


def defuse(cell: Any) -> Any:
    """Put an apostrophe before text that a spreadsheet would take for a formula; numbers stay numbers."""
    return "'" + cell if isinstance(cell, str) and cell.startswith(LIVE) else cell


def to_csv(table: Table | Sheet, rows: Sequence[Row], *, notes: Sequence[str]) -> bytes:
    """Return the table for a spreadsheet, with BOM and CRLF, rates in full; notes below it (what, as of when, by whom)."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\r\n")
    writer.writerow([defuse(_(column.title)) for column in table.columns])
    writer.writerows([["" if cell is None else defuse(cell) for cell in row] for row in rows])
    writer.writerow([])
    writer.writerows([[defuse(note)] for note in notes])
    return b"\xef\xbb\xbf" + text.getvalue().encode()


# --- what both workbooks share ----------------------------------------------------------------------------------------


def _sheet_name(title: str) -> str:
    return re.sub(r"[\[\]:*?/\\']", " ", title)[:31]


def shown(cell: Cell, kind: Kind) -> str:
    """Write a cell as the workbook shows it."""
    if cell is None:
        return ""
    if kind == "rate":
        return percent_of_rate(float(cell), decimals=1)  # type: ignore[arg-type]
    if kind == "days":
        return days(float(cell), decimals=1)  # type: ignore[arg-type]
    return str(cell)


def _width(texts: Sequence[str], *, beside: int = 2) -> int:
    """Return the columns that texts need, a Chinese character counting as two."""
    lines = [line for text in texts for line in text[: _WIDEST * 2].split("\n")]
    longest = max((sum(2 if ord(letter) > 0xFF else 1 for letter in line) for line in lines), default=0)
    return min(_WIDEST, max(8, longest + beside))


def _widths(table: Table | Sheet, rows: Sequence[Row]) -> list[int]:
    """The heading needs room for the filter's button."""
    return [
        max(
            _width([_(column.title)], beside=5),
            _width([shown(row[number], column.kind) for row in rows]),
        )
        for number, column in enumerate(table.columns)
    ]


def _about_widths(about: Sequence[Block]) -> list[int]:
    lines = [line for block in about for line in block[1:]]
    return [_width([line[n] for line in lines if len(line) > n]) for n in range(max(map(len, lines), default=1))]


# --- xlsx -------------------------------------------------------------------------------------------------------------

_FORMATS: Final[dict[Kind, str]] = {
    "text": "@", "count": "#,##0", "rate": "0.0%", "days": "#,##0.0", "instant": "yyyy-mm-dd hh:mm:ss", "day": "yyyy-mm-dd",
}  # fmt: skip
_HEAD: Final = "#DDEBF7"


def to_xlsx(*sheets: Filled, about: Sequence[Block], made_at: datetime | None = None) -> bytes:
    """Return the tables as a workbook of native types, and what they rest on as the sheet 「說明」. Text is never run nor linked.

    made_at: what the workbook says of its making; the same tables then give the same bytes.
    """
    buffer = io.BytesIO()
    never = {"strings_to_formulas": False, "strings_to_urls": False, "strings_to_numbers": False}
    with xlsxwriter.Workbook(buffer, {"in_memory": True, **never}) as book:
        head = book.add_format({"bold": True, "bg_color": _HEAD, "text_wrap": True, "valign": "top"})
        formats = {kind: book.add_format({"num_format": code}) for kind, code in _FORMATS.items()}
        if made_at is not None:
            book.set_properties({"created": made_at.replace(tzinfo=None)})
        for table, rows in sheets:
            _write_table(book, table, rows, head, formats)
        _write_about(book, about, head)
    return buffer.getvalue()


def _write_table(book: Any, table: Table | Sheet, rows: Sequence[Row], head: Any, formats: dict[Kind, Any]) -> None:
    sheet = book.add_worksheet(_sheet_name(_(table.title)))
    last = (len(rows), len(table.columns) - 1)
    sheet.freeze_panes(1, 0)
    sheet.autofilter(0, 0, *last)
    sheet.ignore_errors({"number_stored_as_text": f"A1:{xl_col_to_name(last[1])}{last[0] + 1}"})  # codes are text
    for number, (column, width) in enumerate(zip(table.columns, _widths(table, rows), strict=True)):
        sheet.set_column(number, number, width)
        sheet.write_string(0, number, _(column.title), head)
        for position, row in enumerate(rows, start=1):
            _write(sheet, position, number, row[number], column.kind, formats[column.kind])


def _write(sheet: Any, position: int, number: int, cell: Cell, kind: Kind, style: Any) -> None:
    if cell is None:
        return
    if isinstance(cell, str):
        sheet.write_string(position, number, _fitting(cell), style)
    elif isinstance(cell, date):
        sheet.write_datetime(position, number, cell, style)
    else:
        sheet.write_number(position, number, floored(cell) if kind == "rate" else cell, style)


def _fitting(text: str) -> str:
    """Cut what Excel does not take, visibly; CSV and ods hold it whole."""
    units = text.encode("utf-16-le")
    return text if len(units) <= 2 * _XLSX_TEXT else units[: 2 * _XLSX_TEXT - 2].decode("utf-16-le", "ignore") + "…"


def _write_about(book: Any, about: Sequence[Block], head: Any) -> None:
    sheet = book.add_worksheet(_sheet_name(_("說明")))
    plain = book.add_format({"num_format": "@", "text_wrap": True, "valign": "top"})
    for number, width in enumerate(_about_widths(about)):
        sheet.set_column(number, number, width, plain)
    position = 0
    for block in about:
        for index, line in enumerate(block):
            for number, text in enumerate(line):
                sheet.write_string(position, number, _fitting(text), plain if index else head)
            position += 1
        position += 1


# --- ods --------------------------------------------------------------------------------------------------------------

_DAY: Final = '<number:year number:style="long"/><number:text>-</number:text><number:month number:style="long"/><number:text>-</number:text><number:day number:style="long"/>'
_TIME: Final = '<number:text> </number:text><number:hours number:style="long"/><number:text>:</number:text><number:minutes number:style="long"/><number:text>:</number:text><number:seconds number:style="long"/>'
_NUMBER: Final = '<number:number number:decimal-places="{0}" number:min-decimal-places="{0}" number:min-integer-digits="1" number:grouping="{1}"/>'
_ODS_FORMATS: Final[dict[str, str]] = {
    "text": '<number:text-style style:name="n-text"><number:text-content/></number:text-style>',
    "count": f'<number:number-style style:name="n-count">{_NUMBER.format(0, "true")}</number:number-style>',
    "rate": f'<number:percentage-style style:name="n-rate">{_NUMBER.format(1, "false")}<number:text>%</number:text></number:percentage-style>',
    "days": f'<number:number-style style:name="n-days">{_NUMBER.format(1, "true")}</number:number-style>',
    "instant": f'<number:date-style style:name="n-instant">{_DAY}{_TIME}</number:date-style>',
    "day": f'<number:date-style style:name="n-day">{_DAY}</number:date-style>',
}
_CONTENT: Final = (
    '<?xml version="1.0" encoding="UTF-8"?><office:document-content xmlns:office="urn:oasis:names:tc:opendocument:xmlns:office:1.0" '
    'xmlns:style="urn:oasis:names:tc:opendocument:xmlns:style:1.0" xmlns:table="urn:oasis:names:tc:opendocument:xmlns:table:1.0" '
    'xmlns:text="urn:oasis:names:tc:opendocument:xmlns:text:1.0" xmlns:number="urn:oasis:names:tc:opendocument:xmlns:datastyle:1.0" '
    'xmlns:fo="urn:oasis:names:tc:opendocument:xmlns:xsl-fo-compatible:1.0" office:version="1.4">'
    "<office:automatic-styles>{styles}</office:automatic-styles>"
    "<office:body><office:spreadsheet>{sheets}</office:spreadsheet></office:body></office:document-content>"
)
_COLUMN: Final = '<style:style style:name="width{0}" style:family="table-column"><style:table-column-properties style:column-width="{1:.2f}cm"/></style:style>'
_CELL: Final = '<style:style style:name="{0}" style:family="table-cell" style:parent-style-name="Default" style:data-style-name="n-{1}">{2}</style:style>'
_WRAP: Final = '<style:table-cell-properties fo:wrap-option="wrap" style:vertical-align="top"/>'
_BOLD: Final = f'<style:table-cell-properties fo:background-color="{_HEAD}" fo:wrap-option="wrap" style:vertical-align="top"/><style:text-properties fo:font-weight="bold"/>'


def to_ods(*sheets: Filled, about: Sequence[Block]) -> bytes:
    """Return the same workbook as to_xlsx in the format that public offices exchange."""
    notes, about_widths = _sheet_name(_("說明")), _about_widths(about)
    names, body, ranges = [], "", ""
    all_widths = set(about_widths)
    for number, (table, rows) in enumerate(sheets):
        name, kinds, widths = (
            _sheet_name(_(table.title)),
            [column.kind for column in table.columns],
            _widths(table, rows),
        )
        lines = ["".join(_ods_text(_(column.title), "head") for column in table.columns)]
        lines += ["".join(_ods_cell(cell, kind) for cell, kind in zip(row, kinds, strict=True)) for row in rows]
        body += _ods_sheet(name, widths, lines)
        where = f"$'{name}'.$A$1:$'{name}'.${xl_col_to_name(len(kinds) - 1)}${len(rows) + 1}"
        ranges += f'<table:database-range table:name="rows{number or ""}" table:target-range-address={quoteattr(where)} table:display-filter-buttons="true"/>'
        names.append(name)
        all_widths |= set(widths)
    lines = []
    for block in about:
        for index, line in enumerate(block):
            lines.append("".join(_ods_text(text, "plain" if index else "head") for text in line))
        lines.append("<table:table-cell/>")
    body += _ods_sheet(notes, about_widths, lines)
    body += f"<table:database-ranges>{ranges}</table:database-ranges>"
    document = Document("spreadsheet")
    # As one text: moved into a document as elements, 20,000 rows take minutes.
    content = _CONTENT.format(styles=_ods_styles(all_widths), sheets=body)
    document.set_part("content.xml", content.encode())
    _freeze(document, names)
    buffer = io.BytesIO()
    document.save(buffer)
    return buffer.getvalue()


def _ods_styles(widths: set[int]) -> str:
    styles = "".join(data_style + _CELL.format(kind, kind, "") for kind, data_style in _ODS_FORMATS.items())
    styles += _CELL.format("head", "text", _BOLD) + _CELL.format("plain", "text", _WRAP)
    return styles + "".join(_COLUMN.format(width, width * 0.21) for width in sorted(widths))


def _ods_sheet(name: str, widths: Sequence[int], lines: Sequence[str]) -> str:
    columns = "".join(f'<table:table-column table:style-name="width{width}"/>' for width in widths)
    body = "".join(f"<table:table-row>{line}</table:table-row>" for line in lines)
    return f"<table:table table:name={quoteattr(name)}>{columns}{body}</table:table>"


def _ods_cell(cell: Cell, kind: Kind) -> str:
    if cell is None:
        return "<table:table-cell/>"
    if isinstance(cell, str):
        return _ods_text(cell, kind)
    if isinstance(cell, date):
        value = f'office:value-type="date" office:date-value="{cell.isoformat()}"'
    elif kind == "rate":
        value = f'office:value-type="percentage" office:value="{floored(cell)!r}"'
    else:
        value = f'office:value-type="float" office:value="{cell!r}"'
    return (
        f'<table:table-cell table:style-name="{kind}" {value}><text:p>{shown(cell, kind)}</text:p></table:table-cell>'
    )


def _ods_text(text: str, style: str) -> str:
    """A paragraph a line; its spaces and tabs are elements, as those of XML are folded."""
    lines = "".join(f"<text:p>{_spaced(line)}</text:p>" for line in text.split("\n"))
    return f'<table:table-cell table:style-name="{style}" office:value-type="string">{lines}</table:table-cell>'


def _spaced(line: str) -> str:
    found = re.sub("^ +| +$|  +", lambda spaces: f'<text:s text:c="{len(spaces[0])}"/>', escape(line))
    return found.replace("\t", "<text:tab/>")


def _freeze(document: Document, names: Sequence[str]) -> None:
    """Keep the headings of the sheets in sight: a setting of the view, and not of the sheet."""
    tables = _find(document, "settings.xml", "//config:config-item-map-named[@config:name='Tables']")
    tables.clear()
    tables.set_attribute("config:name", "Tables")
    settings = {
        "VerticalSplitMode": ("short", 2), "VerticalSplitPosition": ("int", 1), "ActiveSplitRange": ("short", 2),
        "PositionTop": ("int", 0), "PositionBottom": ("int", 1),
    }  # fmt: skip
    items = "".join(
        f'<config:config-item config:name="{key}" config:type="{kind}">{value}</config:config-item>'
        for key, (kind, value) in settings.items()
    )
    for name in names:
        entry = f"<config:config-item-map-entry config:name={quoteattr(name)}>{items}</config:config-item-map-entry>"
        tables.append(Element.from_tag(entry))
    _find(document, "settings.xml", "//config:config-item[@config:name='ActiveTable']").text = names[0]


def _find(document: Document, part: str, path: str) -> Element:
    found: Element = document.get_part(part).get_element(path)  # type: ignore[union-attr, assignment]
    return found
