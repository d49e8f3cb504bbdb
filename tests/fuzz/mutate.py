"""Damage done to a file: to its bytes, its rows and cells, or to the XML inside it with the checksums made right again."""

from __future__ import annotations

import re
import zipfile
from collections.abc import Callable, Sequence
from io import BytesIO
from typing import TypeVar

import numpy as np

from tests.fuzz.books import zipped

ODD_CELLS = [
    "", " ", "0", "-1", "999999999999999999999", "1e400", "NaN", "3.0", "45590.5", "114/13/40", "113/02/30 25:61", "9999-12-31 23:59:59", "0/0/0", "'", '"', '""',
    "=cmd|'/c calc'!A0", "\t", "\u202e甲", "😀", "堃喆煊珉", "１１３", "\ufeff", "A" * 40_000, "甲\n乙", "'; DROP TABLE students; --", "未知", "通過", "1130001", "101", "T001",
    "學號", "備註：", "合計", "\x1b[31m", "%s%s%n", "\u0000", "\ud7ff", "２０２４／１１／０５",
]  # fmt: skip
ODD_REFERENCES = [
    "XFD1048576",
    "A1048576",
    "ZZZZ1",
    "A0",
    "A",
    "1",
    "",
    "A99999999999",
    "KO1",
    "a1",
    "A-1",
    "Ａ１",
    "A000001",
    "B2:C3",
]
ODD_NUMBERS = ["0", "-1", "1048576", "16384", "4294967296", "18446744073709551616", "1e9", "x", "", "2"]
ODD_XML = [
    "<!DOCTYPE x>",
    "<!ENTITY x 'y'>",
    "<c",
    "</row>",
    "<row>",
    "<v>1</v>",
    "&amp;",
    "&x;",
    "&#0;",
    "]]>",
    "<!--",
    "\x01",
    "<is><t>x</t></is>",
    "<x:c r='XFD9'/>",
]

Random = np.random.Generator
T = TypeVar("T")


def mutate(content: bytes, suffix: str, rng: Random) -> bytes:
    """Return a damaged copy. The same generator state gives the same damage."""
    if suffix in {".xlsx", ".xlsm", ".ods"} and rng.random() < 0.85:
        return _mutate_zip(content, rng)
    if suffix in {".csv", ".tsv", ".txt"} and rng.random() < 0.85:
        return _mutate_text(content, rng)
    return _pick(rng, _BYTES)(content, rng)


def _pick(rng: Random, choices: Sequence[T]) -> T:
    return choices[int(rng.integers(len(choices)))]


def _flip(content: bytes, rng: Random) -> bytes:
    data = bytearray(content)
    for at in rng.integers(len(data), size=int(rng.integers(1, 9))) if data else ():
        data[at] ^= 1 << int(rng.integers(8))
    return bytes(data)


def _cut(content: bytes, rng: Random) -> bytes:
    return content[: int(rng.integers(len(content) + 1))]


def _take_out(content: bytes, rng: Random) -> bytes:
    at, length = int(rng.integers(len(content) + 1)), int(rng.integers(1, 400))
    return content[:at] + content[at + length :]


def _double(content: bytes, rng: Random) -> bytes:
    at, length = int(rng.integers(len(content) + 1)), int(rng.integers(1, 4000))
    return content[: at + length] + content[at:]


def _put_in(content: bytes, rng: Random) -> bytes:
    at = int(rng.integers(len(content) + 1))
    return content[:at] + rng.bytes(int(rng.integers(1, 40))) + content[at:]


_BYTES: list[Callable[[bytes, Random], bytes]] = [_flip, _cut, _take_out, _double, _put_in]


# --- text -------------------------------------------------------------------------------------------------------------


def _mutate_text(content: bytes, rng: Random) -> bytes:
    encoding = "utf-8-sig" if content[:3] == b"\xef\xbb\xbf" else "utf-8"
    try:
        text = content.decode(encoding)
    except UnicodeDecodeError:
        encoding = "cp950"
        text = content.decode(encoding, "replace")
    rows = [line.split(",") for line in text.splitlines()][: int(rng.integers(3, 60))]
    for _ in range(int(rng.integers(1, 4))):
        rows = _pick(rng, _ROWS)(rows, rng)
    end = _pick(rng, ["\n", "\n", "\r\n", "\r", "\n\r"])
    text = end.join(_pick(rng, [",", ",", ",", ",", "\t", ";", "|"]).join(row) for row in rows) + _pick(
        rng, ["", end, end * 3]
    )
    wanted = _pick(
        rng,
        [
            encoding,
            encoding,
            encoding,
            "utf-8",
            "cp950",
            "big5hkscs",
            "utf-16",
            "utf-16-le",
            "utf-32",
            "gb18030",
            "latin-1",
            "utf-7",
        ],
    )
    return text.encode(wanted, _pick(rng, ["ignore", "replace"]))


def _mutate_rows(rows: list[list[str]], rng: Random) -> list[list[str]]:
    at = int(rng.integers(len(rows))) if rows else 0
    what = int(rng.integers(7))
    if not rows:
        return [["學號"]]
    if what == 0:
        return rows[:at] + rows[at + 1 :]
    if what == 1:
        return rows[: at + 1] + rows[at:]
    if what == 2:
        return [*rows[:at], [], *rows[at:]]
    if what == 3:
        return [*rows[:at], [_pick(rng, ODD_CELLS)] * int(rng.integers(1, 30)), *rows[at:]]
    if what == 4:
        return [rows[index] for index in rng.permutation(len(rows))]
    if what == 5:
        return [row[: int(rng.integers(len(row) + 1))] if index == at else row for index, row in enumerate(rows)]
    return [["某某高中"], [], *rows, ["備註：", _pick(rng, ODD_CELLS)]]


def _mutate_cells(rows: list[list[str]], rng: Random) -> list[list[str]]:
    rows = [list(row) for row in rows]
    for _ in range(int(rng.integers(1, 6))):
        row = _pick(rng, rows) if rows else []
        if row:
            at, other = int(rng.integers(len(row))), int(rng.integers(len(row)))
            if rng.random() < 0.5:
                row[at], row[other] = row[other], row[at]
            else:
                row[at] = _pick(rng, ODD_CELLS)
    return rows


def _mutate_headings(rows: list[list[str]], rng: Random) -> list[list[str]]:
    if not rows or not rows[0]:
        return rows
    head = list(rows[0])
    at = int(rng.integers(len(head)))
    damaged = [
        head[at][:-1],
        head[at] * 2,
        "＊" + head[at] + "（必填）",
        "",
        _pick(rng, head),
        "\n".join(head[at]),
        "'" + head[at],
        _pick(rng, ODD_CELLS),
    ]
    head[at] = _pick(rng, damaged)
    if rng.random() < 0.2:  # two rows of headings
        return [
            ["" if index % 2 else cell for index, cell in enumerate(head)],
            [cell if index % 2 else "" for index, cell in enumerate(head)],
            *rows[1:],
        ]
    return [head, *rows[1:]]


def _mutate_columns(rows: list[list[str]], rng: Random) -> list[list[str]]:
    width = max(map(len, rows), default=0)
    if not width:
        return rows
    if rng.random() < 0.5:
        gone = int(rng.integers(width))
        return [row[:gone] + row[gone + 1 :] for row in rows]
    order = rng.permutation(width)
    return [[row[index] for index in order if index < len(row)] for row in rows]


_ROWS: list[Callable[[list[list[str]], Random], list[list[str]]]] = [
    _mutate_rows, _mutate_cells, _mutate_cells, _mutate_cells, _mutate_headings, _mutate_columns,
]  # fmt: skip


# --- zips of XML ------------------------------------------------------------------------------------------------------


def _mutate_zip(content: bytes, rng: Random) -> bytes:
    with zipfile.ZipFile(BytesIO(content)) as archive:
        members: dict[str, bytes | str] = {info.filename: archive.read(info) for info in archive.infolist()}
    names = list(members)
    heavy = [name for name in names if name == "content.xml" or "sheet" in name.lower() or "sharedStrings" in name]
    for _ in range(int(rng.integers(1, 3))):
        name = _pick(rng, heavy) if heavy and rng.random() < 0.8 else _pick(rng, names)
        if name not in members:
            continue
        what = rng.random()
        if what < 0.02:
            members.pop(name)
        elif what < 0.04:
            members[
                _pick(rng, ["xl/x.xml", "../x.xml", "content.xml", "xl/workbook.xml", name.upper(), "/" + name])
            ] = members[name]
        elif what < 0.08:
            members[name] = _pick(rng, _BYTES)(bytes(members[name]), rng)  # type: ignore[arg-type]
        else:
            text = bytes(members[name]).decode("utf-8", "surrogateescape")  # type: ignore[arg-type]
            for _ in range(int(rng.integers(1, 4))):
                text = _pick(rng, _XML)(text, rng)
            members[name] = text.encode("utf-8", "surrogateescape")
    method = zipfile.ZIP_STORED if rng.random() < 0.1 else zipfile.ZIP_DEFLATED
    return zipped(members, method=method)


def _replace_one(text: str, pattern: str, choices: list[str], rng: Random) -> str:
    """Replace what a group of a pattern caught, at one of the places where it is."""
    found = list(re.finditer(pattern, text))
    if not found:
        return text
    match = found[int(rng.integers(len(found)))]
    return text[: match.start(1)] + _pick(rng, choices) + text[match.end(1) :]


def _xml_texts(text: str, rng: Random) -> str:
    cells = [
        cell.replace("&", "&amp;").replace("<", "&lt;").replace("\0", "_x0000_").replace("\x1b", "")
        for cell in ODD_CELLS
    ]
    return _replace_one(text, r"<(?:t|text:p)(?: [^>]*)?>([^<]*)<", cells, rng)


def _xml_values(text: str, rng: Random) -> str:
    return _replace_one(text, r"<v>([^<]*)<", [*ODD_NUMBERS, "45590.5", "NaN", "1e400"], rng)


def _xml_swap(text: str, rng: Random) -> str:
    found = re.findall(r"<(?:t|v|text:p)(?: [^>]*)?>([^<]+)<", text)
    return _replace_one(text, r"<(?:t|v|text:p)(?: [^>]*)?>([^<]*)<", found or [""], rng)


def _xml_references(text: str, rng: Random) -> str:
    return _replace_one(text, r"""<(?:c|row|dimension)[^>]* (?:r|ref)="([^"]*)\"""", ODD_REFERENCES, rng)


def _xml_attributes(text: str, rng: Random) -> str:
    values = [
        *ODD_NUMBERS,
        "s",
        "b",
        "e",
        "d",
        "str",
        "inlineStr",
        "string",
        "date",
        "hidden",
        "float",
        "boolean",
        "percentage",
    ]
    return _replace_one(text, r"""[a-zA-Z:]+="([^"]*)\"""", values, rng)


def _xml_repeats(text: str, rng: Random) -> str:
    name = _pick(rng, ["number-columns-repeated", "number-rows-repeated", "number-columns-spanned"])
    return _replace_one(
        text, r"<table:table-(?:cell|row)()[ >/]", [f' table:{name}="{number}"' for number in ODD_NUMBERS], rng
    )


def _xml_put_in(text: str, rng: Random) -> str:
    return _replace_one(text, r"()<", ODD_XML, rng)


def _xml_tags(text: str, rng: Random) -> str:
    return _replace_one(
        text,
        r"(</?[a-zA-Z:]+[^>]*>)",
        ["", "<c>", "<row>", "</c>", "<v/>", "<table:table-cell/>", "<office:annotation>"],
        rng,
    )


def _xml_rows(text: str, rng: Random) -> str:
    found = list(re.finditer(r"<(row|table:table-row)[ >].*?</\1>", text, re.DOTALL))
    if not found:
        return text
    match, other = (found[int(rng.integers(len(found)))] for _ in range(2))
    return text[: match.start()] + _pick(rng, ["", match[0] * 2, other[0]]) + text[match.end() :]


# Mostly what leaves the XML well-formed: the rest never gets past the first check.
_XML: list[Callable[[str, Random], str]] = (
    14 * [_xml_texts] + 10 * [_xml_swap] + 8 * [_xml_rows] + [_xml_values, _xml_references, _xml_attributes, _xml_repeats, _xml_put_in, _xml_tags]
)  # fmt: skip
