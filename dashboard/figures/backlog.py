"""The backlog: how much waits for whom, and for how long already."""

import html
from typing import Final

import pandas as pd
from flask_babel import gettext as _

from dashboard.components.numbers import count, days
from dashboard.figures.palette import SEQUENTIAL, SERIES, SURFACES, theme_of
from dashboard.figures.template import Figure, layout, legend_below

ROW_HEIGHT: Final = 32
BUCKETS: Final = ("age_0_3", "age_4_7", "age_8_14", "age_over_14")
_LABEL_WIDTH: Final = (
    128  # room in pixels for 「158 件・中位 14 日」 right of the longest stem, on a phone as on a desk
)


def _labels(rows: pd.DataFrame) -> list[str]:
    return [html.escape(label, quote=False) for label in rows["label"].astype(str)]


def _row_axis(labels: list[str]) -> Figure:
    # By position, not by category: two people may bear one name, and '101' would be taken for a number.
    return {
        "range": [len(labels) - 0.5, -0.5],
        "tickvals": list(range(len(labels))),
        "ticktext": labels,
        "showgrid": False,
        "ticklabelstandoff": 6,
    }


def lollipop(rows: pd.DataFrame, *, theme: str) -> Figure:
    """Draw how many items wait for whom, in the order given (the caller's, by count or by name), the first on top.

    rows: label, waiting (count), age_median_days (of those waiting, NA where none waits). Each stem says 「58 件・中位 4 日」.
    """
    name = theme_of(theme)
    waiting = rows["waiting"].fillna(0).astype(int).tolist()
    words = [
        _("%(n)s 件", n=count(n)) + ("" if pd.isna(median) else _("・中位 %(days)s 日", days=days(median)))
        for n, median in zip(waiting, rows["age_median_days"], strict=True)
    ]
    positions = list(range(len(waiting)))
    surface = SURFACES[name]
    return {
        "data": [
            {
                "type": "bar",
                "orientation": "h",
                "y": positions,
                "x": waiting,
                "width": 0.08,
                "marker": {"color": surface.line},
                "hoverinfo": "skip",
            },
            {
                "type": "scatter",
                "mode": "markers+text",
                "y": positions,
                "x": waiting,
                "text": words,
                "textposition": "middle right",
                "textfont": {"size": 13},
                "marker": {"color": SERIES[name][0], "size": 12},
                "cliponaxis": False,
                "hovertemplate": "%{y}<br>%{text}<extra></extra>",
            },
        ],
        "layout": layout(
            theme,
            height=44 + ROW_HEIGHT * max(len(waiting), 1),
            margin={"l": 4, "r": _LABEL_WIDTH, "t": 8, "b": 4},
            hovermode="closest",
            xaxis={
                "range": [0, max([*waiting, 1])],
                "tickformat": ",d",
                "nticks": 4,
                "showgrid": False,
                "visible": False,
            },
            yaxis=_row_axis(_labels(rows)),
        ),
    }


def ageing(rows: pd.DataFrame, *, theme: str) -> Figure:
    """Draw how long the waiting items have waited, in days: 0–3, 4–7, 8–14 and more than 14, stacked to the total.

    rows: label and the four counts of BUCKETS, the first row on top. Longer is darker (brighter in the dark theme), never a status colour:
    an item may wait within its deadline.
    """
    name = theme_of(theme)
    positions = list(range(len(rows)))
    names = (_("0–3 日"), _("4–7 日"), _("8–14 日"), _("超過 14 日"))
    data = []
    for bucket, words, (fill, ink) in zip(BUCKETS, names, SEQUENTIAL[name][1:], strict=True):
        counts = rows[bucket].fillna(0).astype(int).tolist()
        data.append(
            {
                "type": "bar",
                "orientation": "h",
                "name": words,
                "y": positions,
                "x": counts,
                "text": [count(n) if n else "" for n in counts],
                "textposition": "inside",
                "insidetextanchor": "middle",
                "textangle": 0,
                "textfont": {"color": ink, "size": 12},
                "marker": {"color": fill, "line": {"color": SURFACES[name].card, "width": 1}},
                "hovertemplate": "%{y}<br>" + words + " %{x:,d}<extra></extra>",
            }
        )
    return {
        "data": data,
        "layout": layout(
            theme,
            height=96 + ROW_HEIGHT * max(len(rows), 1),
            barmode="stack",
            bargap=0.3,
            hovermode="closest",
            uniformtext={"mode": "hide", "minsize": 12},
            showlegend=True,
            legend=legend_below() | {"y": 1, "yanchor": "bottom", "traceorder": "normal"},
            margin={"l": 4, "r": 12, "t": 40, "b": 4},
            xaxis={"rangemode": "tozero", "tickformat": ",d", "nticks": 5},
            yaxis=_row_axis(_labels(rows)),
        ),
    }
