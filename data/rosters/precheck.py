"""What a workbook must pass before a parser sees it: its kind, its members and what they expand to."""

from __future__ import annotations

import re
import struct
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from io import BytesIO
from itertools import islice

from data.rosters.limits import (
    LOCKED,
    MANY_CELLS,
    MAX_CELLS,
    MAX_EXPANDED_BYTES,
    MAX_MEMBERS,
    MAX_RATIO,
    MAX_TEXT_BYTES,
    SMALL_BYTES,
    TOO_BIG,
    UNREADABLE,
    UNSAFE,
    refused,
)
from data.rosters.markup import check_shared, check_sheet, check_xml, measure_ods, parse_xml
from data.rosters.oldbooks import SIGNATURE, check_container

# Macros, links, pictures, charts and the like are not taken over, so no parser ever meets them.
_NEEDED = re.compile(r"\.(xml|rels)$", re.IGNORECASE)
_IGNORED = re.compile(
    r"(^|/)(docprops|customxml|theme|drawings|charts|media|externallinks|printersettings|pivottables|pivotcache|embeddings"
    r"|activex|ctrlprops|slicers|slicercaches|threadedcomments|persons|queries|comments\d*\.xml|connections\.xml)(/|$)",
    re.IGNORECASE,
)
_ODS_NEEDED = ("mimetype", "META-INF/manifest.xml", "content.xml")


@dataclass(frozen=True, slots=True)
class Member:
    """A file inside a zip, still packed: its bytes, how they are packed, and what it says to expand to."""

    packed: bytes
    method: int
    size: int
    crc: int


@dataclass(frozen=True, slots=True)
class Book:
    """A workbook whose outside is in order. content: what a parser may have, rebuilt from the needed members alone."""

    name: str
    kind: str  # xlsx, ods or xls
    content: bytes
    members: dict[str, Member] = field(default_factory=dict)
    hidden: frozenset[str] = frozenset()


def open_book(name: str, content: bytes) -> Book:
    """Check the outside of a workbook: magic, password, members, declared sizes. Its insides are inspect_book's.

    Raises RefusedError with one clear line.
    """
    if content[:8] == SIGNATURE:
        check_container(name, content)
        return Book(name, "xls", content)
    if content[:2] != b"PK":
        head = content[:2048].lstrip(b"\xef\xbb\xbf \t\r\n").lower()
        if head.startswith((b"<html", b"<!doctype html", b"<table", b"<meta")):
            raise refused(name, "這其實是網頁（平臺常把網頁存成 .xls），請用試算表軟體開啟後另存為 xlsx")
        raise refused(name, UNREADABLE)
    members = _read_directory(name, content)
    if "content.xml" in members:
        kind, kept = "ods", {key: member for key, member in members.items() if key in _ODS_NEEDED}
    elif any(key.lower().endswith("workbook.xml") for key in members):
        kind = "xlsx"
        kept = {key: m for key, m in members.items() if _NEEDED.search(key) and not _IGNORED.search(key)}
    elif any(key.lower().endswith("workbook.bin") for key in members):
        raise refused(name, "不能匯入 xlsb 活頁簿，請另存為 xlsx")
    else:
        raise refused(name, UNREADABLE)
    for key, member in kept.items():
        if member.size > 10 * 2**20 and member.size > MAX_RATIO * max(len(member.packed), 1):
            raise refused(name, UNSAFE.format(what=f"{key[-40:]} 壓縮得不合常理"))
    if sum(member.size for member in kept.values()) > MAX_EXPANDED_BYTES:
        raise refused(name, TOO_BIG)
    hidden = _find_hidden(name, kept) if kind == "xlsx" else frozenset[str]()
    return Book(name, kind, _pack(kept), kept, hidden)


def inspect_book(book: Book, *, limited: bool = False) -> None:
    """Expand every needed member and check what is inside: no document types, no more cells or text than can be held.

    limited: the parser runs in a process that may die of it, so that of a big member the beginning is enough: going
    through all of it takes as long as parsing it. Raises RefusedError with one clear line.
    """
    longest, cells, texts = 0, 0, 0
    for key, member in sorted(book.members.items(), key=lambda item: "sharedstrings" not in item[0].lower()):
        if limited and member.size > SMALL_BYTES:
            check_xml(book.name, key, b"".join(islice(_expand(book.name, key, member), 2)))
            continue
        data = b"".join(_expand(book.name, key, member))
        if key == "mimetype":
            continue
        check_xml(book.name, key, data)
        if book.kind == "ods" and key == "content.xml":
            cells, texts = measure_ods(book.name, data)
        else:
            parse_xml(book.name, data)  # parsers are known to go round for ever in XML that breaks off
        if key.lower().endswith("sharedstrings.xml"):
            longest = max(longest, check_shared(book.name, data))
        elif key == "META-INF/manifest.xml" and b"encryption-data" in data:
            raise refused(book.name, LOCKED)
        elif book.kind == "xlsx" and b"sheetData" in data:
            area, text = check_sheet(book.name, data, longest)
            cells, texts = cells + area, texts + text
        if cells > MAX_CELLS:
            raise refused(book.name, MANY_CELLS)
        if texts > MAX_TEXT_BYTES:
            raise refused(book.name, TOO_BIG)


def _find_hidden(name: str, members: dict[str, Member]) -> frozenset[str]:
    hidden: set[str] = set()

    def start(tag: str, attributes: dict[str, str]) -> None:
        if tag.rpartition(":")[2] == "sheet" and attributes.get("state", "visible") != "visible":
            hidden.add(attributes.get("name", ""))

    for key, member in members.items():
        if key.lower().endswith("workbook.xml"):
            if member.size > SMALL_BYTES:
                raise refused(name, TOO_BIG)
            data = b"".join(_expand(name, key, member))
            check_xml(name, key, data)
            parse_xml(name, data, StartElementHandler=start)
    return frozenset(hidden)


# --- zip --------------------------------------------------------------------------------------------------------------


def _read_directory(name: str, content: bytes) -> dict[str, Member]:
    try:
        with zipfile.ZipFile(BytesIO(content)) as archive:
            infos = archive.infolist()
    except (zipfile.BadZipFile, ValueError, NotImplementedError, OverflowError, EOFError, struct.error):
        raise refused(name, UNREADABLE) from None
    if len(infos) > MAX_MEMBERS:
        raise refused(name, UNSAFE.format(what=f"{len(infos):,} 個內部檔案"))
    members: dict[str, Member] = {}
    seen: set[str] = set()
    reached = 0
    for info in sorted(infos, key=lambda each: each.header_offset):
        path = info.filename.replace("\\", "/")
        if (
            path.startswith("/")
            or ":" in path
            or ".." in path.split("/")
            or any(ord(c) < 32 for c in info.orig_filename)
        ):
            raise refused(name, UNSAFE.format(what="內部檔名不合規則"))
        if path.lower() in seen:
            raise refused(name, UNSAFE.format(what="內部檔名重複"))
        seen.add(path.lower())
        if info.flag_bits & 0x1:
            raise refused(name, LOCKED)
        at = info.header_offset
        header = content[at : at + 30]
        if at < reached or len(header) < 30 or header[:4] != b"PK\x03\x04":
            raise refused(name, UNREADABLE)
        begin = at + 30 + sum(struct.unpack("<HH", header[26:30]))
        reached = begin + info.compress_size  # members that overlap are how one bomb fills a whole zip
        if info.is_dir():
            continue
        if reached > len(content) or info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
            raise refused(name, UNREADABLE)
        members[path] = Member(content[begin:reached], info.compress_type, info.file_size, info.CRC)
    return members


def _pack(members: dict[str, Member]) -> bytes:
    """Write members as a plain zip without unpacking them: what was checked is then all there is to parse."""
    body, directory, offset = [], [], 0
    for key, member in members.items():
        path = key.encode("utf-8", "replace")
        common = struct.pack(
            "<HHHHHIIIHH", 20, 0x800, member.method, 0, 33, member.crc, len(member.packed), member.size, len(path), 0
        )
        body += [b"PK\x03\x04", common, path, member.packed]
        directory += [b"PK\x01\x02\x14\x00", common, struct.pack("<HHHII", 0, 0, 0, 0, offset), path]
        offset += 30 + len(path) + len(member.packed)
    tail = b"".join(directory)
    count = len(members)
    return b"".join([*body, tail, struct.pack("<4s4H2IH", b"PK\x05\x06", 0, 0, count, count, len(tail), offset, 0)])


def _expand(name: str, key: str, member: Member) -> Iterator[bytes]:
    """Expand a member piece by piece to the size it declares, no further. Raises RefusedError where the two differ."""
    lies = refused(name, UNSAFE.format(what=f"{key[-40:]} 的大小與所寫不符"))
    machine = zlib.decompressobj(-15) if member.method == zipfile.ZIP_DEFLATED else None
    reached, crc = 0, 0
    try:
        for begin in range(0, len(member.packed), 2**15):
            piece = member.packed[begin : begin + 2**15]
            if machine is not None:
                piece = machine.decompress(piece, member.size - reached + 1)
            reached, crc = reached + len(piece), zlib.crc32(piece, crc)
            if reached > member.size:
                raise lies
            yield piece
    except zlib.error:
        raise refused(name, UNREADABLE) from None
    if (
        reached != member.size
        or crc != member.crc
        or (machine is not None and (not machine.eof or machine.unused_data))
    ):
        raise lies
