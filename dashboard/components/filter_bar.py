# ruff: noqa: A002 - Dash calls it id, and so do all who call these functions
"""Filters: native controls with labels; the address of the page holds what they say."""

from collections.abc import Sequence
from datetime import date
from typing import Any

import dash_bootstrap_components as dbc
from dash import html
from dash.development.base_component import Component
from flask_babel import gettext as _

from dashboard.components.attributes import aria, given


def select(id: str, label: str, options: Sequence[tuple[str, str]], value: str | None = None) -> html.Div:
    """Let one of a few be chosen. options: (value, words). dcc.Dropdown fails an accessibility rule; the native one passes."""
    # dbc.Select puts an empty placeholder before the options, and the browser shows that one for the value "".
    everything = dict(options).get("")
    control = dbc.Select(
        id=id,
        options=[{"value": key, "label": words} for key, words in options],
        value=value,
        **given(placeholder=everything),
    )
    return html.Div([html.Label(label, htmlFor=id), control], className="lc-field")


def date_input(
    id: str, label: str, value: date | str | None = None, *, earliest: str = "", latest: str = ""
) -> html.Div:
    """Let a day be chosen with the browser's own picker; values are ISO days (「2025-02-03」)."""
    limits: dict[str, Any] = {}
    if earliest:
        limits["min"] = earliest
    if latest:
        limits["max"] = latest
    day = value.isoformat() if isinstance(value, date) else (value or "")
    control = dbc.Input(id=id, type="date", value=day, debounce=True, **limits)
    return html.Div([html.Label(label, htmlFor=id), control], className="lc-field")


def filter_bar(controls: Sequence[Component], *, id: str = "filters") -> html.Div:
    """Lay out the filters of a page, two beside each other on a phone."""
    return html.Div(list(controls), id=id, className="lc-filters", role="search", **aria(label=_("篩選")))
