"""A pack as one file: PDF, odt, workbooks, the evidence as JSON, and a manifest with the hash of each."""

from __future__ import annotations

import hashlib
import io
import json
import zipfile
from collections.abc import Sequence
from datetime import date, datetime
from typing import Any

from dashboard.components.words import edition_name
from dashboard.exports.pack.evidence import Evidence
from dashboard.exports.pack.setting import cover_of, title_of, to_odt, to_pdf
from dashboard.exports.tables import Block, Filled, to_ods, to_xlsx
from dashboard.i18n import gettext as _


def make_archive(evidence: Evidence) -> tuple[bytes, str]:
    """Return the archive of a pack and its SHA-256. The same evidence gives the same PDF, workbook and JSON."""
    facts = as_json(evidence)
    evidence_hash = hashlib.sha256(facts).hexdigest()
    sheets = [sheet for part in (*evidence.parts, *evidence.annex) for sheet in part.sheets]
    about = _about(evidence, sheets, evidence_hash)
    files = {
        "evidence.json": facts,
        "pack.pdf": to_pdf(evidence, evidence_hash=evidence_hash),
        "pack.odt": to_odt(evidence, evidence_hash=evidence_hash),
        "tables.xlsx": to_xlsx(*sheets, about=about, made_at=evidence.made_at),
        "tables.ods": to_ods(*sheets, about=about),
    }
    manifest = {
        "edition": evidence.edition, "term": evidence.term, "as_of": evidence.as_of.isoformat(),
        "made_at": evidence.made_at.isoformat(), "data_version": evidence.data_version,
        "files": {name: {"sha256": hashlib.sha256(content).hexdigest(), "bytes": len(content)} for name, content in files.items()},
    }  # fmt: skip
    files["manifest.json"] = _dumped(manifest)
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            member = zipfile.ZipInfo(name, evidence.made_at.timetuple()[:6])
            member.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(member, content)
    content = buffer.getvalue()
    return content, hashlib.sha256(content).hexdigest()


def read_member(archive: bytes, name: str) -> bytes | None:
    """Return one file of an archive; None where there is none of that name."""
    with zipfile.ZipFile(io.BytesIO(archive)) as opened:
        return opened.read(name) if name in opened.namelist() else None


def as_json(evidence: Evidence) -> bytes:
    """Return the evidence in one fixed form, full precision, with the definition of each column."""
    parts = [
        {
            "key": part.key, "title": part.title, "lines": part.lines,
            "tables": [_table(sheet) for sheet in part.sheets],
        }
        for part in (*evidence.parts, *evidence.annex)
    ]  # fmt: skip
    said = {
        "edition": evidence.edition, "school": evidence.school, "term": evidence.term, "as_of": evidence.as_of.isoformat(),
        "made_at": evidence.made_at.isoformat(), "findings": evidence.findings, "parts": parts,
    }  # fmt: skip
    return _dumped(said)


def _table(sheet: Filled) -> dict[str, Any]:
    table, rows = sheet
    columns = [
        {"key": column.key, "title": _(column.title), "definition": _(column.definition) if column.definition else ""}
        for column in table.columns
    ]
    return {
        "key": table.key,
        "title": _(table.title),
        "columns": columns,
        "rows": [[_plain(cell) for cell in row] for row in rows],
    }


def _plain(cell: Any) -> Any:
    return cell.isoformat() if isinstance(cell, datetime | date) else cell


def _dumped(said: Any) -> bytes:
    return (json.dumps(said, ensure_ascii=False, indent=1, sort_keys=True) + "\n").encode()


def _about(evidence: Evidence, sheets: Sequence[Filled], evidence_hash: str) -> list[Block]:
    facts = [(title_of(evidence), ""), *((line, "") for line in cover_of(evidence)), ("SHA-256", evidence_hash)]
    facts.append((_("版本"), edition_name(evidence.edition)))
    definitions = [(_("表"), _("欄位"), _("定義"))]
    definitions += [
        (_(table.title), _(column.title), _(column.definition) if column.definition else "")
        for table, _rows in sheets
        for column in table.columns
    ]
    return [facts, definitions]
