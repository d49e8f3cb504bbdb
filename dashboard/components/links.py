"""Links: to a page of this app without loading it anew (assets/nav.js), or away from it."""

from typing import Any

from dash import html

from dashboard.components.attributes import data, given


def inside(text: Any, href: str, *, css: str = "", **rest: Any) -> html.A:
    """Link to a page of this app; unlike dcc.Link it may carry aria attributes. An address outside is a ValueError."""
    if not href.startswith(("/", "?")) or href.startswith(("//", "/\\")):
        raise ValueError(f"not an address of this app: {href!r}")
    return html.A(text, href=href, **given(className=css), **data(inside=""), **rest)
