"""Blank templates of the kinds that a school keeps by hand: a sheet to fill in, and one that says how."""

from __future__ import annotations

import io
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Literal, cast
from xml.sax.saxutils import escape, quoteattr  # nosec B406  # writes XML, reads none

import xlsxwriter
from odfdo import Document, Element
from odfdo.xmlpart import XmlPart

from data.rosters.importing import GUIDE
from data.rosters.kinds import Column, Kind, all_kinds

LISTED_ROWS = 1_000  # rows in which the allowed values are offered
_MADE_AT = datetime(
    2020, 1, 1, tzinfo=UTC
)  # a workbook names the moment it was made; the same template is the same file
_TEXT = 49  # the built-in format of text: 0012 stays 0012
_REQUIRED, _OPTIONAL = "#1F4E79", "#DDEBF7"  # dark with white text, light with black
_GUIDE_HEADINGS = ("欄名", "必填", "填什麼", "可以填的值", "範例")

# What a good cell looks like, by column name; where kinds differ, by (kind, column name).
_EXAMPLES: dict[str | tuple[str, str], str] = {
    "school_year": "113",
    "semester": "1",
    "grade": "1",
    "class_name": "101",
    ("classes", "name"): "101",
    "department": "普通科",
    "homeroom_code": "T001",
    "staff_code": "T001",
    "name": "王小明",
    "unit": "教務處註冊組",
    "email": "t001@school.example",
    "task": "教師認證學生學習成果",
    "starts_at": "2024/08/30 08:00",
    "ends_at": "2025/02/10 23:59",
    "original_ends_at": "2025/02/03 23:59",
    "self_check_from_at": "2024/12/02",
    "self_check_to_at": "2024/12/13",
    "published_at": "2024/08/20",
    "published_where": "學校網站首頁公告",
    "principal_code": "T001",
    "deputy_code": "T002",
    "deputy_order": "1",
    "from_on": "2025/01/17",
    "to_on": "2025/02/14",
    "reason": "公假",
    ("training", "kind"): "專業研習",
    "audience": "教職員、家長",
    "held_at": "2024/10/25 14:00",
    "title": "學習歷程檔案說明會",
    "attendee_count": "35",
    ("staff_changes", "change"): "調任",
    "student_number": "1130001",
    "student_name": "王小明",
    ("enrolment_changes", "change"): "休學",
    "effective_at": "2024/11/01",
    "counsellor_name": "王小明",
    "counsellor_code": "T001",
    ("registrations", "kind"): "成績",
    "registered_at": "2025/02/05",
    ("school_days", "from_on"): "2024/10/31",
    ("school_days", "to_on"): "2024/11/01",
    "is_school_day": "停課",
    ("school_days", "note"): "颱風",
    "note": "",
}


@dataclass(frozen=True, slots=True)
class _Field:
    """A column as the template shows it."""

    heading: str
    required: bool
    expects: str
    allowed: tuple[str, ...]
    example: str


def make_template(kind_key: str, format: Literal["xlsx", "ods"]) -> bytes:  # noqa: A002 - what a file's format is called
    """Return a blank workbook of a kind that a school keeps by hand, in text format so that codes keep their zeros.

    The first sheet has the headings alone, those that must be filled in dark, and offers the allowed values where they
    are few; the second says how to fill it in, and an import passes over it. Raises KeyError for any other kind.
    """
    kind = {kind.key: kind for kind in all_kinds() if kind.by_hand}[kind_key]
    fields = [_field(kind, column) for column in kind.columns]
    return {"xlsx": _write_xlsx, "ods": _write_ods}[format](kind.title, fields)


def _field(kind: Kind, column: Column) -> _Field:
    example = _EXAMPLES[(kind.key, column.name) if (kind.key, column.name) in _EXAMPLES else column.name]
    expects = column.expects.removeprefix("：") if column.expects != "值" else column.headings[0]
    if column.read == "instant" and "例：" not in expects:
        expects += "（2024/10/25 或 113/10/25，需要時加上 14:30）"
    return _Field(column.headings[0], not column.blank, expects, column.allowed, example)


def _guide(title: str, fields: list[_Field]) -> list[tuple[str, ...]]:
    how = f"在「{title}」工作表的欄名下面填寫，一筆一列；深色的欄名必填，淺色的可以空白。欄名請勿更改，這一頁匯入時會略過。"
    rows = [
        (field.heading, "必填" if field.required else "可空白", field.expects, "、".join(field.allowed), field.example)
        for field in fields
    ]
    return [(how,), (), _GUIDE_HEADINGS, *rows]


def _width(texts: list[str]) -> int:
    """Return the columns a text needs, a Chinese character counting as two."""
    return min(60, max(10, *(sum(2 if ord(letter) > 0xFF else 1 for letter in text) + 3 for text in texts)))


# --- xlsx -------------------------------------------------------------------------------------------------------------


def _write_xlsx(title: str, fields: list[_Field]) -> bytes:
    buffer = io.BytesIO()
    never = {"strings_to_formulas": False, "strings_to_urls": False, "strings_to_numbers": False}
    with xlsxwriter.Workbook(buffer, {"in_memory": True, **never}) as book:
        book.set_properties({"created": _MADE_AT})
        plain = book.add_format({"num_format": _TEXT, "text_wrap": True, "valign": "top"})
        text = book.add_format({"num_format": _TEXT})
        dark = {"bold": True, "bg_color": _REQUIRED, "font_color": "#FFFFFF", "num_format": _TEXT}
        required, optional = (
            book.add_format(dark),
            book.add_format(dark | {"bg_color": _OPTIONAL, "font_color": "#000000"}),
        )
        sheet = book.add_worksheet(title)
        sheet.freeze_panes(1, 0)
        for number, field in enumerate(fields):
            sheet.set_column(number, number, _width([field.heading, field.example, *field.allowed]), text)
            sheet.write_string(0, number, field.heading, required if field.required else optional)
            if field.allowed:
                # A warning and no ban: synonyms and several values in one cell are read as well.
                offer = {
                    "validate": "list", "source": list(field.allowed), "error_type": "warning", "error_title": field.heading,
                    "error_message": "不在清單裡的值不一定讀得懂，確定要用嗎？",
                }  # fmt: skip
                sheet.data_validation(1, number, LISTED_ROWS, number, offer)
        guide = book.add_worksheet(GUIDE)
        rows = _guide(title, fields)
        guide.freeze_panes(3, 0)
        for number in range(len(_GUIDE_HEADINGS)):
            guide.set_column(number, number, _width([row[number] for row in rows[2:]]), plain)
        for row_number, row in enumerate(rows):
            for number, cell in enumerate(row):
                head = row_number == 2
                guide.write_string(row_number, number, cell, optional if head else text if row_number == 0 else plain)
    return buffer.getvalue()


# --- ods --------------------------------------------------------------------------------------------------------------

_STYLES = (
    '<number:text-style style:name="text"><number:text-content/></number:text-style>',
    '<style:style style:name="plain" style:family="table-cell" style:parent-style-name="Default" style:data-style-name="text"/>',
    f'<style:style style:name="required" style:family="table-cell" style:parent-style-name="Default" style:data-style-name="text">'
    f'<style:table-cell-properties fo:background-color="{_REQUIRED}"/><style:text-properties fo:font-weight="bold" fo:color="#FFFFFF"/></style:style>',
    f'<style:style style:name="optional" style:family="table-cell" style:parent-style-name="Default" style:data-style-name="text">'
    f'<style:table-cell-properties fo:background-color="{_OPTIONAL}"/><style:text-properties fo:font-weight="bold" fo:color="#000000"/></style:style>',
)


def _write_ods(title: str, fields: list[_Field]) -> bytes:
    document = Document("spreadsheet")
    styles = _find(document, "content.xml", "//office:automatic-styles")
    for style in _STYLES:
        styles.append(Element.from_tag(style))
    document.body.clear()
    offers = "".join(_offer(title, number, field) for number, field in enumerate(fields))
    if offers:
        document.body.append(Element.from_tag(f"<table:content-validations>{offers}</table:content-validations>"))
    widths = [_width([field.heading, field.example, *field.allowed]) for field in fields]
    headings = [(field.heading, "required" if field.required else "optional") for field in fields]
    blank = "".join(
        f'<table:table-cell table:style-name="plain"{_offered_in(number, field)}/>'
        for number, field in enumerate(fields)
    )
    below = f'<table:table-row table:number-rows-repeated="{LISTED_ROWS}">{blank}</table:table-row>'
    document.body.append(_ods_table(title, widths, [headings], below, styles))
    rows = _guide(title, fields)
    widths = [_width([row[number] for row in rows[2:]]) for number in range(len(_GUIDE_HEADINGS))]
    styled = [[(cell, "optional" if number == 2 else "plain") for cell in row] for number, row in enumerate(rows)]
    document.body.append(_ods_table(GUIDE, widths, styled, "", styles))
    _freeze(document, {title: 1, GUIDE: 3})
    buffer = io.BytesIO()
    document.save(buffer)
    return buffer.getvalue()


def _offered_in(number: int, field: _Field) -> str:
    return f' table:content-validation-name="offer{number}"' if field.allowed else ""


def _offer(title: str, number: int, field: _Field) -> str:
    if not field.allowed:
        return ""
    values = ";".join(f'"{value}"' for value in field.allowed)
    condition = quoteattr(f"of:cell-content-is-in-list({values})")
    where = quoteattr(f"$'{title}'.{chr(ord('A') + number)}2")
    return (
        f'<table:content-validation table:name="offer{number}" table:condition={condition} table:allow-empty-cell="true" '
        f'table:base-cell-address={where} table:display-list="unsorted"><table:error-message table:message-type="warning" '
        f'table:display="true"><text:p>不在清單裡的值不一定讀得懂，確定要用嗎？</text:p></table:error-message></table:content-validation>'
    )


def _ods_table(name: str, widths: list[int], rows: list[list[tuple[str, str]]], below: str, styles: Element) -> Element:
    """Build a sheet of (text, style) cells; the column styles that it needs are added to styles."""
    columns = ""
    for width in widths:
        style = f"width{width}"
        if styles.get_element(f"style:style[@style:name='{style}']") is None:
            size = f'<style:table-column-properties style:column-width="{width * 0.21:.2f}cm"/>'
            styles.append(
                Element.from_tag(f'<style:style style:name="{style}" style:family="table-column">{size}</style:style>')
            )
        columns += f'<table:table-column table:style-name="{style}" table:default-cell-style-name="plain"/>'
    cell = '<table:table-cell table:style-name="{}" office:value-type="string"><text:p>{}</text:p></table:table-cell>'
    body = "".join(
        "<table:table-row>"
        + ("".join(cell.format(style, escape(text)) for text, style in row) or "<table:table-cell/>")
        + "</table:table-row>"
        for row in rows
    )
    return Element.from_tag(f"<table:table table:name={quoteattr(name)}>{columns}{body}{below}</table:table>")


def _freeze(document: Document, heads: dict[str, int]) -> None:
    """Keep the first rows of each sheet in sight: a setting of the view, and not of the sheet."""
    tables = _find(document, "settings.xml", "//config:config-item-map-named[@config:name='Tables']")
    tables.clear()
    tables.set_attribute("config:name", "Tables")
    item = '<config:config-item config:name="{}" config:type="{}">{}</config:config-item>'
    for name, rows in heads.items():
        values = (
            item.format("VerticalSplitMode", "short", 2)
            + item.format("VerticalSplitPosition", "int", rows)
            + item.format("ActiveSplitRange", "short", 2)
            + item.format("PositionTop", "int", 0)
            + item.format("PositionBottom", "int", rows)
        )
        entry = f"<config:config-item-map-entry config:name={quoteattr(name)}>{values}</config:config-item-map-entry>"
        tables.append(Element.from_tag(entry))
    _find(document, "settings.xml", "//config:config-item[@config:name='ActiveTable']").text = next(iter(heads))


def _find(document: Document, part: str, path: str) -> Element:
    return cast("Element", cast("XmlPart", document.get_part(part)).get_element(path))
