# ruff: noqa: A002 - Dash calls it id, and so do all who call these functions
"""The chart: the only place that draws Plotly figures, always with a text, a table and no way out for the data."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from dash import dcc, html
from dash.development.base_component import Component
from flask_babel import gettext as _

from dashboard.components.attributes import aria, given
from dashboard.components.card import card, card_id
from dashboard.components.dates import english

TALL: Final = 900  # a figure higher than this scrolls within its card beside another one; on a phone and over both columns it does not


def _config() -> Any:
    # plotly.js 4 has a button that uploads a chart's data to its maker; the bar it sits in is off, and so is the button.
    return {
        "showSendToCloud": False,
        "plotlyServerURL": "",
        "displaylogo": False,
        "displayModeBar": False,
        "responsive": True,
        "doubleClick": False,
        "locale": "en" if english() else "zh-TW",
    }


def chart(
    id: str,
    figure: Mapping[str, Any] | None,
    *,
    title: str,
    question: str,
    summary: str,
    table: Component | None = None,
    footnote: str | Sequence[str] | None = None,
    downloads: Sequence[tuple[str, str]] = (),
    summary_visible: bool = False,
    wide: bool = False,
    level: int = 2,
) -> html.Section:
    """Show a figure as a card: the title states the finding, the question says what it answers, the summary says it in words.

    A callback may renew each part by its id: `id` the figure, `id`-title, -question, -summary, -table (children), -footnote (children).
    table: `data_table(…)`, behind 「以表格檢視」. downloads: (words, address) of server-made files. figure None: filled by a callback later.
    """
    height = (figure or {}).get("layout", {}).get("height", 320)
    graph = dcc.Graph(  # noqa: TID251 - this is the one place: it turns the upload button off and adds text and table
        id=id,
        figure=dict(figure) if figure is not None else {"data": [], "layout": {"height": height}},
        config=_config(),
        responsive="auto",
        style={"minHeight": f"{min(height, 240)}px"},
    )
    # A reader of screens gets the summary and the table; the picture's loose labels would only be noise.
    drawing = html.Figure(
        [
            html.Div(graph, **aria(hidden="true")),
            html.Figcaption(summary, id=f"{id}-summary", className="" if summary_visible else "visually-hidden"),
        ],
        className="lc-figure lc-tall" if height > TALL else "lc-figure",
        **given(tabIndex=0 if height > TALL else None),
        **aria(labelledby=card_id(id, "title")),
    )
    below: list[Component] = []
    if table is not None:
        below.append(html.Details([html.Summary(_("以表格檢視")), html.Div(table, id=f"{id}-table")]))
    if downloads:
        below.append(
            html.Div([html.A(words, href=href, download="") for words, href in downloads], className="lc-downloads")
        )
    content: list[Component] = [drawing]
    if below:
        content.append(html.Div(below, className="lc-below"))
    return card(content, id=id, title=title, question=question, footnote=footnote, wide=wide, level=level)
