"""Looks into a tree of Dash components."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any


def walk(node: Any) -> Iterator[Any]:
    """Give each component and each text of a tree, outermost first."""
    if node is None:
        return
    if isinstance(node, list | tuple):
        for each in node:
            yield from walk(each)
        return
    yield node
    yield from walk(getattr(node, "children", None))


def of_kind(node: Any, kind: str) -> list[Any]:
    return [each for each in walk(node) if type(each).__name__ == kind]


def words(node: Any) -> str:
    return " ".join(each for each in walk(node) if isinstance(each, str))
