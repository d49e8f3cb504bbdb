"""Workbooks written byte by byte: the kinds that no library here writes, and the ones that no library would."""

from __future__ import annotations

import struct
import zipfile
from io import BytesIO
from xml.sax.saxutils import escape

MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
OFFICE = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
PACKAGE = "http://schemas.openxmlformats.org/package/2006"
_ODS_NAMES = (
    'xmlns:office="urn:oasis:names:tc:opendocument:xmlns:office:1.0" xmlns:table="urn:oasis:names:tc:opendocument:xmlns:table:1.0"'
    ' xmlns:text="urn:oasis:names:tc:opendocument:xmlns:text:1.0" xmlns:style="urn:oasis:names:tc:opendocument:xmlns:style:1.0"'
)


def zipped(members: dict[str, bytes | str], *, method: int = zipfile.ZIP_DEFLATED) -> bytes:
    out = BytesIO()
    with zipfile.ZipFile(out, "w", method) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return out.getvalue()


def xlsx(
    rows: str,
    *,
    before: str = "",
    after: str = "",
    shared: str | None = None,
    extra: dict[str, bytes | str] | None = None,
) -> bytes:
    """Return a workbook of one sheet whose <sheetData> is rows."""
    members: dict[str, bytes | str] = {
        "[Content_Types].xml": f'<?xml version="1.0"?><Types xmlns="{PACKAGE}/content-types"/>',
        "_rels/.rels": f'<?xml version="1.0"?><Relationships xmlns="{PACKAGE}/relationships"><Relationship Id="rId1" Type="{OFFICE}/officeDocument" Target="xl/workbook.xml"/></Relationships>',
        "xl/workbook.xml": f'<?xml version="1.0"?><workbook xmlns="{MAIN}" xmlns:r="{OFFICE}"><sheets><sheet name="表" sheetId="1" r:id="rId1"/></sheets></workbook>',
        "xl/_rels/workbook.xml.rels": f'<?xml version="1.0"?><Relationships xmlns="{PACKAGE}/relationships"><Relationship Id="rId1" Type="{OFFICE}/worksheet" Target="worksheets/sheet1.xml"/></Relationships>',
        "xl/worksheets/sheet1.xml": f'<?xml version="1.0" encoding="UTF-8"?><worksheet xmlns="{MAIN}">{before}<sheetData>{rows}</sheetData>{after}</worksheet>',
    }
    if shared is not None:
        members["xl/sharedStrings.xml"] = f'<?xml version="1.0"?><sst xmlns="{MAIN}">{shared}</sst>'
    return zipped(members | (extra or {}))


def cell(reference: str, text: str) -> str:
    return f'<c r="{reference}" t="inlineStr"><is><t>{escape(text)}</t></is></c>'


def row(number: int, cells: list[str]) -> str:
    return (
        f'<row r="{number}">'
        + "".join(cell(f"{chr(65 + at)}{number}", text) for at, text in enumerate(cells))
        + "</row>"
    )


def ods(table: str, *, manifest: str = "", styles: str = "") -> bytes:
    """Return a spreadsheet of one table whose rows are given as XML."""
    return zipped(
        {
            "mimetype": "application/vnd.oasis.opendocument.spreadsheet",
            "META-INF/manifest.xml": f'<manifest:manifest xmlns:manifest="urn:oasis:names:tc:opendocument:xmlns:manifest:1.0">{manifest}</manifest:manifest>',
            "content.xml": f'<?xml version="1.0" encoding="UTF-8"?><office:document-content {_ODS_NAMES}><office:automatic-styles>{styles}</office:automatic-styles>'
            f'<office:body><office:spreadsheet><table:table table:name="表" table:style-name="ta1">{table}</table:table></office:spreadsheet></office:body></office:document-content>',
        }
    )


def ods_row(cells: list[str], *, repeat: str = "") -> str:
    texts = "".join(
        f'<table:table-cell office:value-type="string"><text:p>{escape(text)}</text:p></table:table-cell>'
        for text in cells
    )
    return f"<table:table-row{repeat}>{texts}</table:table-row>"


def xls(
    rows: list[list[str | float]], *, extra: bytes = b"", at: tuple[int, int] = (0, 0), hidden: bool = False
) -> bytes:
    """Return an Excel 97 workbook of one sheet; extra records go before its cells, at is where the first cell stands."""
    cells = b""
    for number, values in enumerate(rows, start=at[0]):
        for column, value in enumerate(values, start=at[1]):
            if isinstance(value, str):
                text = value.encode("utf-16-le")
                cells += _record(0x0204, struct.pack("<HHHHB", number, column, 0, len(text) // 2, 1) + text)
            else:
                cells += _record(0x0203, struct.pack("<HHHd", number, column, 0, value))
    bof = struct.pack("<HHHHII", 0x0600, 0x0005, 0x0DBB, 0x07CC, 0, 6)
    title = "表".encode("utf-16-le")
    head = _record(0x0809, bof) + _record(0x0042, struct.pack("<H", 1200))
    begin = len(head) + 4 + 8 + len(title) + 4
    head += _record(0x0085, struct.pack("<IBBBB", begin, int(hidden), 0, len(title) // 2, 1) + title) + _record(
        0x000A, b""
    )
    sheet = _record(0x0809, bof[:2] + struct.pack("<H", 0x0010) + bof[4:]) + extra + cells + _record(0x000A, b"")
    return ole({"Workbook": head + sheet})


def _record(kind: int, data: bytes) -> bytes:
    return struct.pack("<HH", kind, len(data)) + data


def ole(streams: dict[str, bytes]) -> bytes:
    """Return a compound file of the streams, each long enough not to be a small one."""
    sectors: list[bytes] = []
    fat: list[int] = []
    entries = [_entry("Root Entry", 5, 0xFFFFFFFE, 0, child=1)]
    for number, (name, stream) in enumerate(streams.items(), start=1):
        stream = stream.ljust(4096, b"\0")
        begin = len(sectors)
        pieces = [stream[at : at + 512].ljust(512, b"\0") for at in range(0, len(stream), 512)]
        sectors += pieces
        fat += [*range(begin + 1, begin + len(pieces)), 0xFFFFFFFE]
        entries.append(_entry(name, 2, begin, len(stream), right=number + 1 if number < len(streams) else 0xFFFFFFFF))
    directory = b"".join(entries).ljust(512 * ((len(entries) + 3) // 4), b"\0")
    directory_start = len(sectors)
    pieces = [directory[at : at + 512] for at in range(0, len(directory), 512)]
    sectors += pieces
    fat += [*range(directory_start + 1, directory_start + len(pieces)), 0xFFFFFFFE]
    fat_count = (len(fat) + 127) // 127
    fat_start = len(sectors)
    fat += [0xFFFFFFFD] * fat_count
    table = struct.pack(f"<{len(fat)}I", *fat).ljust(512 * fat_count, b"\xff")
    sectors += [table[at : at + 512] for at in range(0, len(table), 512)]
    places = [*range(fat_start, fat_start + fat_count)]
    header = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\0" * 16 + struct.pack("<HHHHH", 0x3E, 3, 0xFFFE, 9, 6) + b"\0" * 6
    header += struct.pack("<IIIIIIIII", 0, fat_count, directory_start, 0, 4096, 0xFFFFFFFE, 0, 0xFFFFFFFE, 0)
    header += struct.pack("<109I", *(places + [0xFFFFFFFF] * (109 - len(places))))
    return header + b"".join(sectors)


def _entry(name: str, kind: int, begin: int, size: int, *, child: int = 0xFFFFFFFF, right: int = 0xFFFFFFFF) -> bytes:
    text = name.encode("utf-16-le") + b"\0\0"
    entry = text.ljust(64, b"\0") + struct.pack("<HBBIII", len(text), kind, 1, 0xFFFFFFFF, right, child)
    return entry + b"\0" * 36 + struct.pack("<III", begin, size, 0)
