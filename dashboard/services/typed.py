"""What people type into a field or write behind an option, read the same way everywhere."""

from __future__ import annotations


def whole_number(said: str) -> int:
    """Return a number of up to nine digits; 0, which no row has, for anything else."""
    return int(said) if said.isascii() and said.isdecimal() and len(said) < 10 else 0


def names(said: str) -> list[str]:
    """Return names with commas between them, of either width, or 「、」."""
    return [part.strip() for part in said.replace("，", ",").replace("、", ",").split(",") if part.strip()]
