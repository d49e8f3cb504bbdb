"""Participation in voluntary stages: quiet bars in one grey-blue, in the order of the roster, never by size."""

import html
from collections.abc import Sequence
from typing import Final

import pandas as pd
from flask_babel import gettext as _

from dashboard.components.dates import Instant, last_day, roc_date
from dashboard.components.numbers import count
from dashboard.figures.palette import PARTICIPATION, SERIES, SURFACES, theme_of
from dashboard.figures.template import SMALL, Figure, layout, legend_below, roc_ticks

ROW_HEIGHT: Final = 30
DENSE_ROW_HEIGHT: Final = 25  # for more rows than a screen holds
_MANY: Final = 30
_HEAD: Final = 34
_LABEL_ROW: Final = 18
_DAY_MS: Final = 86_400_000
_DOMAINS: Final = ((0.0, 0.485), (0.515, 1.0))


def _quiet(theme: str) -> str:
    """One step of the participation sequence for every bar: darker ones would look like praise."""
    return PARTICIPATION[theme_of(theme)][2][1]


def bars(rows: pd.DataFrame, *, kinds: Sequence[tuple[str, str]], theme: str) -> Figure:
    """Draw who takes part in each group, the kinds of item beside each other, in the order given.

    rows: label and, for each kind, <kind>_part, <kind>_whole (counts or NA) and <kind>_text, which says why there is no share
    (「未開放」, 「尚無資料」, 「—」) and is empty else. kinds: (key, name), two at most. In the bar stands n/N, its length is the share.
    """
    surface = SURFACES[theme_of(theme)]
    data: list[Figure] = []
    annotations: list[Figure] = []
    figure_layout = layout(
        theme,
        height=_HEAD + 8 + len(rows) * (ROW_HEIGHT if len(rows) <= _MANY else DENSE_ROW_HEIGHT),
        margin={"l": 4, "r": 4, "t": _HEAD, "b": 4},
        barmode="overlay",
        bargap=0.24,
        barcornerradius=3,
        hovermode="closest",
        yaxis={
            "range": [len(rows) - 0.5, -0.5],
            "tickvals": list(range(len(rows))),
            "ticktext": [html.escape(str(label), quote=False) for label in rows["label"]],
            "showgrid": False,
            "ticklabelstandoff": 6,
        },
    )
    for number, (key, name) in enumerate(kinds):
        axis = f"x{number + 1 if number else ''}"
        texts = rows[f"{key}_text"].fillna("").astype(str)
        pairs = zip(rows[f"{key}_part"], rows[f"{key}_whole"], texts, strict=True)
        shares = [None if text else int(part) * 1000 // int(whole) / 10 for part, whole, text in pairs]
        ratios = zip(rows[f"{key}_part"], rows[f"{key}_whole"], texts, strict=True)
        words = [text or f"{count(part)}/{count(whole)}" for part, whole, text in ratios]
        shared = {"xaxis": axis, "y0": 0, "dy": 1}
        data += [
            shared | {"type": "bar", "orientation": "h", "x": [None if share is None else 100 for share in shares], "marker": {"color": surface.pale}, "hoverinfo": "skip"},
            shared | {
                "type": "bar", "orientation": "h", "x": shares, "text": words, "textposition": "none", "marker": {"color": _quiet(theme)},
                "hovertemplate": "%{y}<br>" + name + " %{text}（%{x:.1f}%）<extra></extra>",
            },
            shared | {"type": "scatter", "mode": "text", "x": [1.5] * len(rows), "text": words, "textposition": "middle right", "textfont": {"size": SMALL}, "cliponaxis": False, "hoverinfo": "skip"},
        ]  # fmt: skip
        domain = _DOMAINS[number] if len(kinds) > 1 else (0.0, 1.0)
        figure_layout[f"xaxis{number + 1 if number else ''}"] = {
            "domain": list(domain), "range": [0, 100], "visible": False, "anchor": "y",
        }  # fmt: skip
        annotations.append(
            {
                "x": domain[0], "xref": "paper", "xanchor": "left", "y": 1, "yref": "paper", "yanchor": "bottom", "yshift": 4,
                "text": name, "showarrow": False, "font": {"color": surface.muted},
            }
        )  # fmt: skip
    figure_layout["annotations"] = annotations
    return {"data": data, "layout": figure_layout}


def item_counts(spread: pd.DataFrame, *, others: int, others_word: str, open_ended: bool, theme: str) -> Figure:
    """Draw how many students have 0, 1, 2 … items; 0 is a number like any other.

    spread: items (0, 1, 2 …) and students. others: students whose count is not known, a hollow bar called others_word; 0: none.
    open_ended: the last row stands for so many items and more.
    """
    name = theme_of(theme)
    surface = SURFACES[name]
    students = spread["students"].astype(int).tolist()
    labels = [_("%(n)s 件", n=n) if n == 0 else str(n) for n in spread["items"].astype(int)]
    if open_ended and labels:
        labels[-1] = f"{labels[-1]}+"
    colours, lines = [_quiet(theme)] * len(students), [_quiet(theme)] * len(students)
    if others:
        students, labels = [*students, others], [*labels, others_word]
        colours, lines = [*colours, surface.card], [*lines, surface.muted]
    return {
        "data": [
            {
                "type": "bar",
                "x": list(range(len(students))),
                "y": students,
                "text": [count(n) for n in students],
                "textposition": "outside",
                "textangle": 0,
                "textfont": {"size": SMALL},
                "constraintext": "none",
                "cliponaxis": False,
                "marker": {"color": colours, "line": {"color": lines, "width": 1}},
                "hovertemplate": _("%(x)s：%(y)s 人", x="%{x}", y="%{y:,d}") + "<extra></extra>",
            }
        ],
        "layout": layout(
            theme,
            height=260,
            margin={"l": 4, "r": 4, "t": 20, "b": 4},
            bargap=0.25,
            barcornerradius=3,
            hovermode="closest",
            xaxis={
                "tickvals": list(range(len(labels))),
                "ticktext": labels,
                "tickangle": 0,
                "range": [-0.6, len(labels) - 0.4],
                "showgrid": False,
                "tickfont": {"size": SMALL},
            },
            yaxis={"rangemode": "tozero", "visible": False},
        ),
    }


def cumulative(days: pd.DataFrame, *, as_of: Instant, ends: Sequence[tuple[str, Instant]], theme: str) -> Figure:
    """Draw the uploads counted up day by day, with the end of the window and, dotted, the year before.

    days: day, items and, where there was one, before; one row a day without gaps, NA where a line has ended or not begun. ends:
    (words, exclusive end) of each window, drawn at the last day it covers. No line is a deadline anybody could miss, so all are quiet.
    """
    name = theme_of(theme)
    surface = SURFACES[name]
    start, end = days["day"].iloc[0], days["day"].iloc[-1]
    today = last_day(as_of)
    # Long after the term the line would only squeeze it into half the width.
    marks = (
        [(today, _("截至 %(day)s", day=roc_date(today, weekday=False)), "dot")] if today is None or today <= end else []
    )
    marks += [(last_day(moment), words, "dash") for words, moment in ends]
    edges = [day for day, _words, _dash in marks if day is not None]
    start, end = min([start, *edges]), max([end, *edges, start + pd.Timedelta(1, "D")])
    data = []
    if "before" in days.columns:
        data.append(
            _line(days["day"], days["before"], name=_("去年同期"), colour=SERIES[name][4], dash="dot", width=1.5)
        )
    data.append(_line(days["day"], days["items"], name=_("今年累計"), colour=SERIES[name][4], dash="solid", width=3))
    tickvals, ticktext = roc_ticks(start, end, most=4)
    shapes, annotations = [], []
    for row, (day, words, dash) in enumerate(marks):
        if day is None:
            continue
        leftwards = (day - start) > (end - start) / 2
        shapes.append(
            {
                "type": "line", "x0": f"{day:%Y-%m-%d}", "x1": f"{day:%Y-%m-%d}", "yref": "paper", "y0": 0,
                "y1": 1 + (row * _LABEL_ROW + 4) / 200, "line": {"color": surface.muted, "dash": dash, "width": 1.5},
            }
        )  # fmt: skip
        annotations.append(
            {
                "x": f"{day:%Y-%m-%d}", "y": 1, "yref": "paper", "yanchor": "bottom", "xanchor": "right" if leftwards else "left",
                "xshift": -4 if leftwards else 4, "yshift": row * _LABEL_ROW, "text": words,
                "showarrow": False, "font": {"size": SMALL, "color": surface.muted},
            }
        )  # fmt: skip
    return {
        "data": data,
        "layout": layout(
            theme,
            height=300,
            margin={"l": 4, "r": 14, "t": 10 + _LABEL_ROW * len(marks), "b": 4},
            hovermode="x unified",
            showlegend=True,
            legend=legend_below() | {"traceorder": "reversed"},
            shapes=shapes,
            annotations=annotations,
            xaxis={
                "type": "date",
                "range": [f"{start:%Y-%m-%d}", f"{end:%Y-%m-%d}"],
                "tickvals": tickvals,
                "ticktext": ticktext,
                "tickangle": 0,
                "showgrid": False,
                "showline": True,
                "ticks": "outside",
                "tickcolor": surface.line,
                "hoverformat": "%-m/%-d",
            },
            yaxis={"rangemode": "tozero", "tickformat": ",d", "nticks": 5},
        ),
    }


def _line(days: pd.Series, counts: pd.Series, *, name: str, colour: str, dash: str, width: float) -> Figure:
    known = counts.notna()
    return {
        "type": "scatter",
        "mode": "lines",
        "x0": f"{days[known].iloc[0]:%Y-%m-%d}" if known.any() else f"{days.iloc[0]:%Y-%m-%d}",
        "dx": _DAY_MS,
        "y": counts[known].astype(int).tolist(),
        "name": name,
        "line": {"color": colour, "dash": dash, "width": width},
        "hovertemplate": "%{y:,d}",
    }
