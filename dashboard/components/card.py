# ruff: noqa: A002 - Dash calls it id, and so do all who call these functions
"""The card: a finding as title, a question under it, something to look at, and what the figures mean."""

from collections.abc import Sequence
from typing import Any

from dash import html

from dashboard.components.attributes import aria


def card_id(id: str, part: str) -> str:
    """Name a part of a card (title, question, footnote), so that a callback can renew it."""
    return f"{id}-{part}"


def footnotes(text: str | Sequence[str] | None) -> list[html.P]:
    """Write footnotes, a paragraph each; none is an empty list (the children of `id`-footnote)."""
    lines = [text] if isinstance(text, str) else list(text or ())
    return [html.P(line) for line in lines if line]


def card(
    content: Any,
    *,
    id: str,
    title: str,
    question: str = "",
    footnote: str | Sequence[str] | None = None,
    wide: bool = False,
    level: int = 2,
) -> html.Section:
    """Frame something: title (the finding), question, content, footnote with definition and denominator.

    wide: over both columns of `columns()`. level: of the heading, 2 unless the card stands within a section that has one.
    """
    heading = {2: html.H2, 3: html.H3}[level]
    head = html.Header(
        [
            heading(title, id=card_id(id, "title")),
            html.P(question, id=card_id(id, "question"), className="lc-question"),
        ]
    )
    notes = html.Div(footnotes(footnote), id=card_id(id, "footnote"), className="lc-footnote")
    parts = [head, *(content if isinstance(content, list) else [content]), notes]
    return html.Section(
        parts, className="lc-card lc-wide" if wide else "lc-card", **aria(labelledby=card_id(id, "title"))
    )
