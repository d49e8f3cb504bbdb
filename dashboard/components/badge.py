"""The status badge: colour, symbol and word together, as colour alone says nothing to many readers."""

from dash import html

from dashboard.components.attributes import aria
from dashboard.components.words import require_fair, status_word
from dashboard.figures.palette import TONES, Status


def badge(status: Status | str, *, words: str | None = None, stage: str = "") -> html.Span:
    """Show a status; `words` replaces its own word (「距截止 53 天」), `stage` makes a judging status of a voluntary stage a ValueError."""
    require_fair(stage, status)
    found = Status(status)
    symbol = TONES["light"][found].symbol
    parts = [html.Span(symbol, **aria(hidden="true"))] if symbol else []
    return html.Span([*parts, words or status_word(found)], className=f"lc-badge lc-{found.value}")
