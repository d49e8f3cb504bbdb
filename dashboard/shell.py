"""The frame that is the same for everybody: address, theme, and a place for the page. It holds no data."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import dash
from dash import ClientsideFunction, Dash, Input, Output, State, dcc, html

from dashboard.i18n import gettext, language

FILTERS = ("term", "asof", "grade", "dept", "subject")  # the filters there are; a page uses some of them


def install_shell(app: Dash) -> None:
    """Set the layout, the document's language, and the browser's part of filters and theme."""
    app.layout = html.Div(
        [
            dcc.Location(id="url", refresh=False),
            dcc.Store(id="theme", storage_type="memory"),
            html.Div(id="address", hidden=True),
            dash.page_container,
        ]
    )
    app.clientside_callback(
        ClientsideFunction("licheng", "theme"), Output("theme", "data"), Input("url", "href"), State("theme", "data")
    )
    for page in dash.page_registry.values():
        page["title"] = _titled(page["name"])
    make_page = app.interpolate_index

    def in_language(**parts: Any) -> str:
        tag = "en" if language() == "en" else "zh-Hant-TW"
        page: str = make_page(**parts)
        # In the head, so that a page in the dark never flashes white.
        page = page.replace("<head>", '<head><script src="/assets/theme.js"></script>', 1)
        return page.replace("<html>", f'<html lang="{tag}">', 1)

    app.interpolate_index = in_language  # type: ignore[method-assign, assignment]


def _titled(name: str) -> Callable[..., str]:
    """Title the browser's tab in the language of the request, by the name the page was registered with."""
    return lambda **_variables: f"{gettext(name)}｜{gettext('學習歷程檔案監測')}"
