# ruff: noqa: A002 - Dash calls it id, and so do all who call these functions
"""The chart: the only place that draws Plotly figures, always with a text, a table and no way to another host for the data."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from dash import dcc, html
from dash.development.base_component import Component
from flask_babel import gettext as _

from dashboard.components.attributes import aria, data, given
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


def _pictures(id: str) -> list[html.Button]:
    """Offer the figure as the browser has drawn it (assets/charts.js); which one, says the card's title."""
    return [
        html.Button(
            words, type="button", className="btn btn-link p-0", **data(picture=suffix, chart=id), **aria(describedby=card_id(id, "title"))
        )
        for suffix, words in (("png", _("下載 PNG")), ("svg", _("下載 SVG")))
    ]  # fmt: skip


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
    table: `data_table(…)`, behind 「以表格檢視」. downloads: (words, address) of server-made files; the picture can be saved by everybody
    who sees it. figure None: filled by a callback later.
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
    files: list[Component] = [html.A(words, href=href, download="") for words, href in downloads]
    below.append(html.Div([*files, *_pictures(id)], className="lc-downloads"))
    content: list[Component] = [drawing, html.Div(below, className="lc-below")]
    return card(content, id=id, title=title, question=question, footnote=footnote, wide=wide, level=level)
