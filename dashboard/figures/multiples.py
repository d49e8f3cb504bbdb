"""Small multiples: the completion of several groups by day, each beside the year before, all on the same scales."""

import html
from collections.abc import Sequence
from typing import Final

import pandas as pd
from flask_babel import gettext as _

from dashboard.figures.palette import SERIES, SURFACES, theme_of
from dashboard.figures.template import SMALL, Figure, layout, legend_below, roc_ticks

PANEL_HEIGHT: Final = 180
FEWEST: Final = 5  # items; of fewer no share is drawn
_ACROSS: Final = 2
_LEGEND: Final = 36
_MOST_POINTS: Final = 70  # of a line, so that four panels stay below 12 kB
_DAY_MS: Final = 86_400_000


def multiples(lines: pd.DataFrame, *, heads: Sequence[tuple[str, str]], theme: str) -> Figure:
    """Draw a panel for each head, two beside each other, with this term's completion and, dotted, that of a year before.

    lines: key, day (ISO), done and expected, done_before and expected_before (NaN where there is none), a row a key and day
    without gaps; shares of fewer than FEWEST items are not drawn. heads: key and the words above its panel, in the order of the panels. All panels share both scales.
    """
    name = theme_of(theme)
    surface, series = SURFACES[name], SERIES[name]
    rows_of_panels = max(1, -(-len(heads) // _ACROSS))
    figure_layout = layout(
        theme,
        height=PANEL_HEIGHT * rows_of_panels + _LEGEND,
        margin={"l": 4, "r": 12, "t": _LEGEND, "b": 4},
        hovermode="x unified",
        showlegend=True,
        legend=legend_below() | {"y": 1, "yanchor": "bottom", "traceorder": "reversed"},
    )
    data: list[Figure] = []
    annotations: list[Figure] = []
    high = 1 / rows_of_panels
    for number, (key, words) in enumerate(heads):
        rows = lines[lines["key"] == key]
        days = pd.to_datetime(rows["day"])
        step = max(1, -(-len(rows) // _MOST_POINTS))
        across, down = number % _ACROSS, number // _ACROSS
        suffix = str(number + 1) if number else ""
        top = 1 - down * high
        for when, label, colour, dash, width in (
            ("_before", _("去年同一上班日"), series[4], "dot", 2),
            ("", _("這個學期"), series[0], "solid", 2.5),
        ):
            pairs = list(zip(rows[f"done{when}"], rows[f"expected{when}"], strict=True))[::step]
            # Cut to one decimal, as everywhere; the share of a handful jumps between 0 and 100.
            shares = [done * 1000 // whole / 10 if whole >= FEWEST else None for done, whole in pairs]
            if not any(share is not None for share in shares):
                continue
            line: Figure = {
                "type": "scatter", "mode": "lines", "xaxis": f"x{suffix}", "yaxis": f"y{suffix}", "name": label, "legendgroup": when or "now",
                "showlegend": not any(each["legendgroup"] == (when or "now") for each in data), "x0": f"{days.iloc[0]:%Y-%m-%d}", "dx": _DAY_MS * step,
                "y": shares,
                "line": {"color": colour, "dash": dash, "width": width}, "hovertemplate": "%{y:.1f}%",
            }  # fmt: skip
            data.append(line)
        values, texts = roc_ticks(days.iloc[0], days.iloc[-1], most=2)  # two fit beside each other on a phone
        width_of = 1 if len(heads) == 1 else 0.47
        left = 0.0 if not across else 0.53
        figure_layout[f"xaxis{suffix}"] = {
            "domain": [left, left + width_of], "anchor": f"y{suffix}", "type": "date", "tickvals": values, "ticktext": texts, "tickangle": 0,
            "range": [f"{days.iloc[0]:%Y-%m-%d}", f"{days.iloc[-1]:%Y-%m-%d}"], "showgrid": False, "showline": True,
            "tickfont": {"size": SMALL}, "ticklabelstandoff": 5, "hoverformat": "%-m/%-d",
        }  # fmt: skip
        figure_layout[f"yaxis{suffix}"] = {
            "domain": [top - high * 0.84, top - high * 0.27], "anchor": f"x{suffix}", "range": [0, 102], "tickvals": [0, 50, 100],
            "ticktext": ["0%", "50%", "100%"], "tickfont": {"size": SMALL}, "showticklabels": not across,
        }  # fmt: skip
        annotations.append(
            {
                "xref": "paper", "x": left, "xanchor": "left", "yref": "paper", "y": top - high * 0.25, "yanchor": "bottom", "align": "left",
                "text": html.escape(words, quote=False).replace("\n", "<br>"), "showarrow": False, "font": {"size": 13, "color": surface.ink},
            }
        )  # fmt: skip
    return {"data": data, "layout": figure_layout | {"annotations": annotations}}
