"""A pack set for reading: as PDF/UA-1 by typst, and as odt for those who write on in it."""

from __future__ import annotations

import io
import json
from collections.abc import Mapping, Sequence
from datetime import date, datetime
from functools import cache
from pathlib import Path
from typing import Any, Final
from xml.sax.saxutils import escape, quoteattr  # nosec B406  # writes XML, reads none

import typst
from odfdo import Document, Element, Header, Paragraph

from dashboard.components.dates import day_of, roc_date, roc_datetime
from dashboard.components.words import aside, edition_name
from dashboard.exports.pack.evidence import Evidence, Part
from dashboard.exports.tables import Cell, Filled, Kind, shown
from dashboard.frame import term_name
from dashboard.i18n import gettext as _

FONTS: Final = (
    "Noto Sans CJK TC",
    "Noto Sans TC",
    "Source Han Sans TC",
    "PingFang TC",
    "Microsoft JhengHei",
    "Heiti TC",
)
_TEMPLATE: Final = Path(__file__).resolve().parents[2] / "templates" / "pack.typ"


class SettingError(RuntimeError):
    """The pack cannot be set here; the text says what is missing."""


@cache
def fonts_here() -> tuple[str, ...]:
    """Return the fonts with Traditional Chinese on this machine, the best first."""
    known = set(typst.Fonts().families())
    return tuple(name for name in FONTS if name in known)


def need_fonts() -> tuple[str, ...]:
    """Return the fonts to set with. Raises SettingError where there is none, saying which one to install."""
    fonts = fonts_here()
    if not fonts:
        raise SettingError(
            _("這部主機沒有中文字型，無法製作 PDF；請安裝 Noto Sans CJK（例：apt install fonts-noto-cjk）後再試。")
        )
    return fonts


def title_of(evidence: Evidence) -> str:
    """Name a pack."""
    return _("%(term)s　工作小組會議資料", term=term_name(evidence.term)) + aside(edition_name(evidence.edition))


def cover_of(evidence: Evidence) -> list[str]:
    """Say what the figures are of, as of when, and for whom."""
    whom = {
        "full": _("完整版：給召集人與執行秘書，附件載有姓名，請勿轉交。"),
        "members": _("成員版：不載教師與學生姓名，人數過少的群組併入其他。"),
    }
    return [
        _("資料截至 %(day)s；%(when)s 凍結。", day=day_of(evidence.as_of), when=roc_datetime(evidence.made_at)),
        whom[evidence.edition],
        _("凍結後不再改變；各數字與系統同一時間點的頁面及報表相同。"),
    ]


def footer_of(evidence: Evidence, evidence_hash: str) -> str:
    """Name the edition, the instant and the hash of the evidence, as every page's foot does."""
    parts = (
        evidence.school,
        edition_name(evidence.edition),
        day_of(evidence.as_of),
        f"evidence.json SHA-256 {evidence_hash[:16]}",
    )
    return "・".join(part for part in parts if part)


def to_pdf(evidence: Evidence, *, evidence_hash: str) -> bytes:
    """Set a pack as PDF/UA-1: tagged, with Chinese that can be searched and copied. Raises SettingError without a font."""
    fonts = need_fonts()
    made = evidence.made_at
    said = {
        "title": title_of(evidence), "school": evidence.school or _("學校"), "made": [made.year, made.month, made.day],
        "fonts": fonts, "footer": footer_of(evidence, evidence_hash), "cover": cover_of(evidence), "nothing": _("（沒有）"),
        "findings_title": _("重點"), "findings": evidence.findings,
        "parts": [_part(each) for each in evidence.parts], "annex": [_part(each) for each in evidence.annex],
    }  # fmt: skip
    return compile_pdf(said, made)


def compile_pdf(said: Mapping[str, Any], made: datetime) -> bytes:
    """Set what is said in the template's words as PDF/UA-1. Raises SettingError where typst cannot."""
    try:
        made_pdf: bytes = typst.compile(
            _TEMPLATE.read_bytes(), sys_inputs={"pack": json.dumps(said, ensure_ascii=False)}, pdf_standards=["ua-1"],
            timestamp=int(made.timestamp()),
        )  # fmt: skip
    except typst.TypstError as error:
        raise SettingError(_("製作 PDF 時發生錯誤：%(error)s", error=str(error)[:200])) from error
    return made_pdf


def _part(part: Part) -> dict[str, Any]:
    return {
        "title": part.title, "lines": part.lines, "drawing": part.drawing, "drawn": part.drawn,
        "sheets": [_sheet(each) for each in part.sheets],
    }  # fmt: skip


def _sheet(sheet: Filled) -> dict[str, Any]:
    table, rows = sheet
    columns = [
        {
            "title": _(column.title),
            "number": column.kind in ("count", "rate", "days"),
            "wide": column.kind in ("text", "instant"),
        }
        for column in table.columns
    ]
    kinds = [column.kind for column in table.columns]
    written = [[written_cell(cell, kind) for cell, kind in zip(row, kinds, strict=True)] for row in rows]
    return {"title": _(table.title), "columns": columns, "rows": written}


def written_cell(cell: Cell, kind: Kind) -> str:
    """Write a cell for paper; nothing is 「—」."""
    if cell is None or cell == "":
        return "—"
    if kind == "count":
        return f"{cell:,}"
    if isinstance(cell, datetime):
        return roc_datetime(cell)
    if isinstance(cell, date):
        return roc_date(cell, weekday=False)
    text = shown(cell, kind)
    is_hash = len(text) == 64 and text.isalnum()
    return " ".join(text[at : at + 16] for at in range(0, 64, 16)) if is_hash else text  # so that it can break


def _odt_table(name: str, rows: Sequence[Sequence[str]]) -> Element:
    """Read a whole table at once: made cell by cell it takes as long as the PDF."""
    lines = "".join(f"<table:table-row>{''.join(map(_odt_cell, row))}</table:table-row>" for row in rows)
    columns = f'<table:table-column table:number-columns-repeated="{len(rows[0])}"/>'
    return Element.from_tag(f"<table:table table:name={quoteattr(name)}>{columns}{lines}</table:table>")


def _odt_cell(text: str) -> str:
    return f'<table:table-cell office:value-type="string"><text:p>{escape(text)}</text:p></table:table-cell>'


def to_odt(evidence: Evidence, *, evidence_hash: str) -> bytes:
    """Return the same pack as a text to write on in; its drawings are in the PDF."""
    document = Document("text")
    body = document.body
    body.clear()
    body.append(Header(1, title_of(evidence)))
    for line in (evidence.school, *cover_of(evidence), footer_of(evidence, evidence_hash)):
        body.append(Paragraph(line))
    body.append(Header(2, _("重點")))
    for line in evidence.findings:
        body.append(Paragraph(f"・{line}"))
    for part in (*evidence.parts, *evidence.annex):
        body.append(Header(2, part.title))
        for line in part.lines:
            body.append(Paragraph(line))
        for number, sheet in enumerate(part.sheets, start=1):
            said = _sheet(sheet)
            body.append(Header(3, said["title"]))
            body.append(
                _odt_table(f"{part.key}{number}", [[column["title"] for column in said["columns"]], *said["rows"]])
            )
    buffer = io.BytesIO()
    document.save(buffer)
    return buffer.getvalue()
