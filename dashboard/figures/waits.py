"""How fast, and how late it came: a strip a subject from the median wait to the ninth tenth, and the arrivals of the last two days."""

import html
import math
from typing import Final

import pandas as pd
from flask_babel import gettext as _

from dashboard.components.numbers import days, fraction
from dashboard.figures.palette import SERIES, SURFACES, theme_of
from dashboard.figures.template import SMALL, Figure, layout

ROW_HEIGHT: Final = 30
_HEAD: Final = 24
_TEXT_WIDTH: Final = 104  # room in pixels for 「12.5・30.1 日」 right of the longest strip
_RATIO_WIDTH: Final = 64
_SHORTEST: Final = 0.5  # days: where the axis begins, and where what is shorter is drawn
_TICKS: Final = (1, 3, 7, 14, 30, 60, 120, 240)


def _rows(labels: pd.Series) -> Figure:
    return {
        "range": [len(labels) - 0.5, -0.5],
        "tickvals": list(range(len(labels))),
        "ticktext": [html.escape(str(label), quote=False) for label in labels],
        "tickfont": {"size": SMALL},
        "showgrid": False,
        "ticklabelstandoff": 6,
    }


def strips(rows: pd.DataFrame, *, limit_days: int, theme: str) -> Figure:
    """Draw for each row how long an item waits: a dot at the median, a line on to where nine tenths are done, in days.

    rows: label, wait_median_days, wait_p90_days (NaN where so many are not done yet: no dot, no line), in the order given.
    limit_days: what a teacher always has, as a line. The scale is logarithmic: most waits are short, and some very long.
    """
    name = theme_of(theme)
    surface, colour = SURFACES[name], SERIES[name][0]
    medians = [None if pd.isna(value) else round(float(value), 1) for value in rows["wait_median_days"]]
    tenths = [None if pd.isna(value) else round(float(value), 1) for value in rows["wait_p90_days"]]
    ends = [max(each for each in (median, tenth, _SHORTEST) if each is not None) for median, tenth in zip(medians, tenths, strict=True)]  # fmt: skip
    words = [
        _("未達半數") if median is None else _("%(median)s・%(p90)s 日", median=days(median, decimals=1), p90=days(tenth, decimals=1))
        for median, tenth in zip(medians, tenths, strict=True)
    ]  # fmt: skip
    steps: tuple[list[float | None], list[int | None]] = ([], [])
    for position, (median, tenth) in enumerate(zip(medians, tenths, strict=True)):
        if median is not None and tenth is not None:
            steps[0].extend([max(median, _SHORTEST), max(tenth, _SHORTEST), None])
            steps[1].extend([position, position, None])
    widest = max([*ends, float(limit_days), 10.0])
    limit = max(float(limit_days), _SHORTEST)
    dots = [None if median is None else max(median, _SHORTEST) for median in medians]
    ticks = [tick for tick in _TICKS if tick <= widest][
        :: 2 if widest > 60 else 1
    ]  # so that they do not touch on a phone
    edges = [math.log10(_SHORTEST) - 0.05, math.log10(widest) + 0.02]
    return {
        "data": [
            {"type": "scatter", "mode": "lines", "x": steps[0], "y": steps[1], "line": {"color": surface.muted, "width": 3}, "hoverinfo": "skip"},
            {"type": "scatter", "mode": "text", "x": ends, "y0": 0, "dy": 1, "text": [f"\u2003{word}" for word in words], "textposition": "middle right", "textfont": {"size": SMALL}, "cliponaxis": False, "hoverinfo": "skip"},
            {"type": "scatter", "mode": "markers", "x": dots, "customdata": medians, "y0": 0, "dy": 1, "cliponaxis": False, "marker": {"color": colour, "size": 11}, "hovertemplate": "%{y}<br>" + _("中位 %(n)s 日", n="%{customdata:.1f}") + "<extra></extra>"},
        ],
        "layout": layout(
            theme,
            height=_HEAD + 28 + ROW_HEIGHT * max(len(rows), 1),
            margin={"l": 4, "r": _TEXT_WIDTH, "t": _HEAD, "b": 4},
            hovermode="closest",
            xaxis={"type": "log", "range": edges, "tickvals": ticks, "ticktext": [str(tick) for tick in ticks], "tickangle": 0, "tickfont": {"size": SMALL}},
            yaxis=_rows(rows["label"]),
            shapes=[{"type": "line", "x0": limit, "x1": limit, "yref": "paper", "y0": 0, "y1": 1, "line": {"color": surface.ink, "dash": "dash", "width": 1.5}}],
            annotations=[{"x": math.log10(limit), "y": 1, "yref": "paper", "yanchor": "bottom", "xanchor": "left", "text": _("至少 %(n)s 日", n=limit_days), "showarrow": False, "font": {"size": SMALL}}],
        ),
    }  # fmt: skip


def last_arrivals(rows: pd.DataFrame, *, theme: str) -> Figure:
    """Draw for each row the share that arrived in the last 48 hours, in a quiet colour, as it is nobody's fault.

    rows: label, last_48h and known (counts, of which the closing is known), in the order given; known 0 has no bar.
    """
    name = theme_of(theme)
    surface = SURFACES[name]
    counts = list(zip(rows["last_48h"].astype(int), rows["known"].astype(int), strict=True))
    shares = [part * 1000 // whole / 10 if whole else None for part, whole in counts]
    return {
        "data": [
            {"type": "bar", "orientation": "h", "y0": 0, "dy": 1, "x": [100 if whole else None for _part, whole in counts], "marker": {"color": surface.pale}, "hoverinfo": "skip"},
            {
                "type": "bar", "orientation": "h", "y0": 0, "dy": 1, "x": shares, "marker": {"color": SERIES[name][4]},
                "hovertemplate": "%{y} %{x:.1f}%<extra></extra>",
            },
            {"type": "scatter", "mode": "text", "x": [100] * len(counts), "y0": 0, "dy": 1, "text": [f"\u2003{fraction(part, whole)}" if whole else "\u2003—" for part, whole in counts], "textposition": "middle right", "textfont": {"size": SMALL}, "cliponaxis": False, "hoverinfo": "skip"},
        ],
        "layout": layout(
            theme,
            height=_HEAD + 28 + ROW_HEIGHT * max(len(rows), 1),
            margin={"l": 4, "r": _RATIO_WIDTH, "t": _HEAD, "b": 4},
            barmode="overlay",
            bargap=0.45,
            hovermode="closest",
            xaxis={"range": [0, 100], "tickvals": [0, 50, 100], "ticktext": ["0%", "50%", "100%"], "showgrid": False, "tickfont": {"size": SMALL}},
            yaxis=_rows(rows["label"]),
        ),
    }  # fmt: skip
