"""Fields of a plain form that the browser posts by itself: each with its label, its name and what it may hold."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import dash_bootstrap_components as dbc
from dash import dcc, html

from dashboard.components.attributes import given


def posting_form(
    fields: Sequence[Any], *, action: str, submit: str, hidden: Mapping[str, str] | None = None, css: str = "btn-primary", method: str = "post"
) -> html.Form:  # fmt: skip
    """Lay fields out with the button that posts them (method get: asks by them); hidden: what goes along without being shown.

    A refusal is shown in the form, and a page that comes back in place of this one, this once (assets/forms.js).
    """
    along = [dcc.Input(type="hidden", name=name, value=value) for name, value in (hidden or {}).items()]
    button = html.Div(html.Button(submit, type="submit", className=f"btn {css}"), className="lc-whole")
    # A button alone stands in a line; fields stand in the grid of the filters.
    layout = "lc-filters lc-form" if fields else "lc-downloads"
    return html.Form(
        [*along, *fields, button],
        action=action,
        method=method,
        className=layout,
    )


def text_field(
    field_id: str, name: str, label: str, value: str = "", *, kind: str = "text", required: bool = True, whole: bool = False, note: str = ""
) -> html.Div:  # fmt: skip
    """Ask for a line of text, a day, a time or a number (kind as in HTML)."""
    control = dbc.Input(id=field_id, name=name, type=kind, value=value, maxlength=500, **given(required=required))
    parts = [html.Label(label, htmlFor=field_id), control, *([html.Small(note, className="lc-muted")] if note else [])]
    return html.Div(parts, className="lc-field lc-whole" if whole else "lc-field")


def lines_field(field_id: str, name: str, label: str, value: str, *, rows: int, note: str = "") -> html.Div:
    """Ask for several lines."""
    control = dbc.Textarea(id=field_id, name=name, value=value, rows=rows, maxlength=5000, required=True)
    note_below = [html.Small(note, className="lc-muted")] if note else []
    return html.Div([html.Label(label, htmlFor=field_id), control, *note_below], className="lc-field lc-whole")


def choice_field(
    field_id: str, name: str, label: str, options: Sequence[tuple[str, str]], value: str = "", *, whole: bool = False
) -> html.Div:
    """Let one of a few be chosen, (value, words) each."""
    offered = [{"value": key, "label": words} for key, words in options]
    # dbc.Select shows its placeholder for the value "", and hides it from what is offered.
    control = dbc.Select(
        id=field_id, name=name, options=offered, value=value, **given(placeholder=dict(options).get(""))
    )
    label_above = html.Label(label, htmlFor=field_id)
    return html.Div([label_above, control], className="lc-field lc-whole" if whole else "lc-field")
