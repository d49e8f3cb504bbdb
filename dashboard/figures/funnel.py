"""The funnel plot: is anybody out of line, fairly? Timeliness against the number of items, within control limits."""

import html
import math
from typing import Final

import pandas as pd
from flask_babel import gettext as _

from dashboard.components.numbers import percent_of_rate
from dashboard.figures.palette import SERIES, SURFACES, theme_of
from dashboard.figures.template import SMALL, Figure, layout, legend_below

HEIGHT: Final = 420
TOP: Final = 102  # per cent, so that points at 100 are whole
FEWEST: Final = 10  # below that nobody is judged
_MOST_LIMIT_POINTS: Final = 60


def _floored(rates: pd.Series) -> list[float | None]:
    return [None if pd.isna(rate) else math.floor(rate * 1000 + 1e-9) / 10 for rate in rates]


def _limit_lines(limits: pd.DataFrame, *, theme: str) -> list[Figure]:
    """Draw the four curves; about sixty points, dense where the curves bend, look the same as one for each n and weigh a tenth."""
    ordered = limits.sort_values("n")
    last = len(ordered) - 1
    keep = (
        sorted({round(last * (i / (_MOST_LIMIT_POINTS - 1)) ** 2) for i in range(_MOST_LIMIT_POINTS)})
        if last > 0
        else [0]
    )
    kept = ordered.iloc[keep]
    lines = []
    for share, dash in (("95", "dot"), ("998", "dash")):
        for side in ("lower", "upper"):
            line: Figure = {
                "type": "scatter",
                "mode": "lines",
                "x": kept["n"].astype(int).tolist(),
                "y": [round(100 * float(rate), 1) for rate in kept[f"{side}_{share}"]],
                "line": {"color": SURFACES[theme_of(theme)].muted, "dash": dash, "width": 1.5},
                "hoverinfo": "skip",
                "name": _("%(share)s 界限", share="95%" if share == "95" else "99.8%"),
                "legendgroup": share,
            }
            lines.append(line | ({"showlegend": False} if side == "upper" else {}))
    return lines


def _dots(points: pd.DataFrame, *, name: str, marker: Figure) -> Figure:
    labels = [html.escape(label, quote=False) for label in points["label"].fillna("").astype(str)]
    trace: Figure = {
        "type": "scatter",
        "mode": "markers",
        "x": points["decided"].astype(int).tolist(),
        "y": _floored(points["timeliness"]),
        "name": name,
        "marker": marker,
        "hovertemplate": _("%(share)s（%(n)s 件）", share="%{y:.1f}%", n="%{x:,d}") + "<extra></extra>",
    }
    if any(labels):
        trace["customdata"] = [
            key if label else "" for key, label in zip(points["key"].astype(str), labels, strict=True)
        ]
        trace["hovertext"] = labels
        trace["hovertemplate"] = "%{hovertext} " + trace["hovertemplate"]
    return trace


def _name_tags(flagged: pd.DataFrame, *, widest: float, height: float) -> list[Figure]:
    """Write who is flagged beside the point, on the first side and line where it touches no other name, even on a phone.

    widest and height: what the axes span. A name takes about a quarter of a phone's width and a sixteenth of the height.
    """
    wide, high = widest * 0.25, height / 16
    tags: list[Figure] = []
    boxes: list[tuple[float, float]] = []
    for point in flagged.sort_values(["timeliness", "decided"]).itertuples():
        label = str(point.label) if pd.notna(point.label) else ""
        if not label:
            continue
        x, y = float(point.decided), 100 * float(point.timeliness)
        sides = ("right", "left") if x > widest * 0.6 else ("left", "right")
        places = [(anchor, line) for line in (0, -1, 1, -2, 2) for anchor in sides]
        anchor, line = next(
            (
                (anchor, line)
                for anchor, line in places
                if all(
                    abs((x if anchor == "left" else x - wide) - left) >= wide or abs(y + line * high - middle) >= high
                    for left, middle in boxes
                )
            ),
            places[0],
        )
        boxes.append((x if anchor == "left" else x - wide, y + line * high))
        tags.append(
            {
                "x": int(x),
                "y": round(y, 1),
                "text": html.escape(label, quote=False),
                "showarrow": False,
                "xanchor": anchor,
                "xshift": 10 if anchor == "left" else -10,
                "yshift": 15 * line,
                "font": {"size": SMALL},
            }
        )
    return tags


def funnel(points: pd.DataFrame, limits: pd.DataFrame, *, target: float | None, theme: str) -> Figure:
    """Draw everybody's timeliness by the number of decided items, with the school's rate and its control limits.

    points: key, label (empty: no name is sent to the browser), decided, timeliness (fraction or NA, which is left out), flag (「low」,
    「high」 or empty). limits: n, lower_95, upper_95, lower_998, upper_998 (fractions). target: the school's rate, NA where there is none.
    Nobody is ranked: names stand at flagged points only, low ones are diamonds, high ones squares, and below ten items points are hollow.
    """
    name = theme_of(theme)
    surface, series = SURFACES[name], SERIES[name]
    shown = points.dropna(subset=["timeliness"])
    flag = shown["flag"].fillna("").astype(str)
    few = shown["decided"] < FEWEST
    data = _limit_lines(limits, theme=theme) if len(limits) else []
    for mask, words, marker in (
        (few, _("不足 10 件，不判讀"), {"symbol": "circle-open", "color": surface.muted, "size": 8}),
        (~few & ~flag.isin(["low", "high"]), _("未標示"), {"color": series[0], "size": 9, "opacity": 0.75}),
        (~few & (flag == "high"), _("高於界限"), {"symbol": "square", "color": series[2], "size": 11}),
        (~few & (flag == "low"), _("低於界限，請先了解原因"), {"symbol": "diamond", "color": series[1], "size": 13}),
    ):
        if mask.any():
            data.append(_dots(shown[mask], name=words, marker=marker))

    widest = float(max([*shown["decided"], *(limits["n"] if len(limits) else []), FEWEST]))
    lowest = min([*(100 * shown["timeliness"]), 90.0])
    bottom = max(0, math.floor(lowest / 10) * 10 - 10)
    annotations = _name_tags(shown[~few & flag.isin(["low", "high"])], widest=widest, height=TOP - bottom)
    shapes: list[Figure] = []
    if target is not None and not pd.isna(target):
        shapes.append(
            {
                "type": "line",
                "xref": "paper",
                "x0": 0,
                "x1": 1,
                "y0": 100 * target,
                "y1": 100 * target,
                "line": {"color": surface.ink, "width": 1.5},
            }
        )
        annotations.append(
            {
                "xref": "paper",
                "x": 1,
                "y": 100 * target,
                "text": _("全校 %(share)s", share=percent_of_rate(target, decimals=1)),
                "showarrow": False,
                "xanchor": "right",
                "yanchor": "bottom",
                "font": {"size": SMALL},
                "bgcolor": surface.card,
            }
        )
    return {
        "data": data,
        "layout": layout(
            theme,
            height=HEIGHT,
            hovermode="closest",
            showlegend=True,
            legend=legend_below() | {"y": -0.2},
            shapes=shapes,
            annotations=annotations,
            xaxis={
                "title": {"text": _("應認證且已判定件數")},
                "range": [0, widest * 1.04],
                "tickformat": ",d",
                "nticks": 6,
                "showline": True,
            },
            yaxis={
                "title": {"text": _("準時率")},
                "ticksuffix": "%",
                "range": [bottom, TOP],
                "nticks": 7,
            },
        ),
    }
