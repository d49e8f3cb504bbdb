"""The container of an old workbook (xls) before a parser has it: passwords, circles, and claims of too many cells."""

from __future__ import annotations

import struct
from collections.abc import Iterator

from data.rosters.limits import LOCKED, MANY_CELLS, MAX_CELLS, UNREADABLE, check_size, refused

SIGNATURE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"


def check_container(name: str, content: bytes) -> None:
    """Look through the old container for a password and for claims that a parser would believe.

    What is found is checked, not proved: old workbooks are read in the limited child only.
    """
    broken = refused(name, UNREADABLE)
    if len(content) < 1536:
        raise broken
    shift, fat_count, directory_start = (
        struct.unpack_from("<H", content, 30)[0],
        *struct.unpack_from("<II", content, 44),
    )
    if shift not in (9, 12):
        raise broken
    size = 2**shift
    sectors = len(content) // size
    mini_start, mini_count, more_start = struct.unpack_from("<III", content, 60)
    if max(fat_count, mini_count) > sectors:
        raise broken

    def sector(number: int) -> bytes:
        return content[(number + 1) * size : (number + 2) * size]

    def chain(begin: int, table: list[int]) -> Iterator[int]:
        seen = 0
        while begin < 0xFFFFFFFA:
            seen += 1
            if begin >= len(table) or seen > len(table):  # past the end, or in a circle
                raise broken
            yield begin
            begin = table[begin]

    def numbers(raw: bytes) -> list[int]:
        return list(struct.unpack(f"<{len(raw) // 4}I", raw[: len(raw) // 4 * 4]))

    where = numbers(content[76:512])
    for _ in range(sectors):
        if more_start >= 0xFFFFFFFA:
            break
        *more, more_start = numbers(sector(more_start)) or [0xFFFFFFFE]
        where += more
        if len(where) > sectors + 256:  # in a circle, or more than there is
            raise broken
    fat = [number for at in where if at < 0xFFFFFFFA for number in numbers(sector(at))]
    entries = b"".join(sector(number) for number in chain(directory_start, fat))
    streams: dict[str, tuple[int, int]] = {}
    for at in range(0, len(entries) - 127, 128):
        length = min(struct.unpack_from("<H", entries, at + 64)[0], 64)
        title = entries[at : at + max(length - 2, 0)].decode("utf-16-le", "replace")
        streams.setdefault(title, struct.unpack_from("<II", entries, at + 116))
    if "EncryptedPackage" in streams:
        raise refused(name, LOCKED)
    found = next((streams[title] for title in ("Workbook", "Book", "WORKBOOK", "BOOK") if title in streams), None)
    if found is None:
        raise broken
    begin, length = found
    if length >= 4096:
        stream = b"".join(sector(number) for number in chain(begin, fat))[:length]
    else:
        root = streams.get("Root Entry", (0xFFFFFFFE, 0))
        small = b"".join(sector(number) for number in chain(root[0], fat))
        table = [number for at in chain(mini_start, fat) for number in numbers(sector(at))]
        stream = b"".join(small[number * 64 : number * 64 + 64] for number in chain(begin, table))[:length]
    _check_records(name, stream)


_CELL_RECORDS = {0x0006, 0x00BD, 0x00D6, 0x00FD, 0x0203, 0x0204, 0x0205, 0x027E}


def _check_records(name: str, stream: bytes) -> None:
    at, far_row, far_column, cells = 0, 0, 0, 0
    while at + 4 <= len(stream):
        kind, length = struct.unpack_from("<HH", stream, at)
        at += 4
        if kind == 0x002F and length >= 2 and stream[at : at + 2] != b"\0\0":
            raise refused(name, LOCKED)
        if kind in _CELL_RECORDS and length >= 6 and at + length <= len(stream):
            row, column = struct.unpack_from("<HH", stream, at)
            if kind == 0x00BD:
                column = struct.unpack_from("<H", stream, at + length - 2)[0]
            far_row, far_column, cells = max(far_row, row + 1), max(far_column, column + 1), cells + 1
        elif kind == 0x0200 and length == 14 and at + 14 <= len(stream):
            first, last = struct.unpack_from("<II", stream, at)
            if max(first, last) > 65_536:  # room is made for as many rows as are promised
                raise refused(name, UNREADABLE)
        elif kind == 0x0809:
            far_row = far_column = 0
        check_size(name, far_row, far_column)
        at += length
    if cells > MAX_CELLS:
        raise refused(name, MANY_CELLS)
