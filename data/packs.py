"""Frozen packs: rows that only grow (triggers refuse the rest), each with the SHA-256 of its archive."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, insert, select

from data.models import FrozenPack


class BrokenPackError(RuntimeError):
    """An archive is no longer what was frozen."""


@dataclass(frozen=True, slots=True)
class Pack:
    """What is known of a pack without opening it. as_of: the instant of its figures; sha256: of the archive."""

    id: int
    term: int
    as_of: datetime
    edition: str
    made_at: datetime
    made_by: str
    sha256: str
    size: int


_COLUMNS = (
    FrozenPack.id, FrozenPack.term, FrozenPack.as_of, FrozenPack.edition, FrozenPack.made_at, FrozenPack.made_by, FrozenPack.sha256,
    FrozenPack.size,
)  # fmt: skip


def add_pack(connection: Connection, pack: Pack, content: bytes) -> int:
    """Add a pack with its archive and return its number. Raises BrokenPackError where the hash is not the archive's."""
    if hashlib.sha256(content).hexdigest() != pack.sha256:
        raise BrokenPackError("the hash is not that of the archive")
    values = {
        name: getattr(pack, name) for name in ("term", "as_of", "edition", "made_at", "made_by", "sha256", "size")
    }
    return int(
        connection.execute(insert(FrozenPack).values(**values, content=content).returning(FrozenPack.id)).scalar_one()
    )


def list_packs(connection: Connection) -> list[Pack]:
    """Return the packs, newest first."""
    return [Pack(*row) for row in connection.execute(select(*_COLUMNS).order_by(FrozenPack.id.desc()))]


def find_pack(connection: Connection, number: int) -> tuple[Pack, bytes] | None:
    """Return a pack and its archive, held against its hash. Raises BrokenPackError where somebody changed it."""
    row = connection.execute(select(*_COLUMNS, FrozenPack.content).where(FrozenPack.id == number)).first()
    if row is None:
        return None
    pack, content = Pack(*row[:-1]), bytes(row[-1])
    if hashlib.sha256(content).hexdigest() != pack.sha256:
        raise BrokenPackError(f"pack {number} is not what was frozen")
    return pack, content
