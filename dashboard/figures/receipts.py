"""收訖: where the students of each class stand, in quiet colours, as an answer is their right and none is no fault."""

import html
from typing import Final

import pandas as pd
from flask_babel import gettext as _

from dashboard.components.numbers import count
from dashboard.figures.palette import PARTICIPATION, SERIES, SURFACES, theme_of
from dashboard.figures.template import SMALL, Figure, layout, legend_below

ROW_HEIGHT: Final = 30
DENSE_ROW_HEIGHT: Final = 25  # for more rows than a screen holds
STANDINGS: Final = ("confirmed", "disputed", "unseen", "deemed")
_MANY: Final = 30
_HEAD: Final = 58  # room for a legend of two lines on a phone
_SLICES: Final = 14  # a part that is smaller than the longest bar's 14th has no room for its number on a phone
_GAP: Final = "\u2009"
_LABEL_WIDTH: Final = 64  # room in pixels for 「1,024/1,180」 right of the longest bar


def standings(rows: pd.DataFrame, *, theme: str) -> Figure:
    """Draw where the students stand in each class, stacked to all who are in the round, in the order given.

    rows: label, text (why there are no counts, empty else) and the four counts of STANDINGS (NA where there is a text). The
    four differ by grey and by pattern, never by a status colour. Right of each bar stand confirmed and all, n/N.
    """
    name = theme_of(theme)
    surface, greys = SURFACES[name], PARTICIPATION[name]
    looks: dict[str, tuple[str, Figure, str]] = {
        "confirmed": (_("已確認"), {"color": greys[3][1]}, greys[3][2]),
        "disputed": (_("回報問題"), {"color": SERIES[name][4]}, surface.card),
        "unseen": (_("未表示"), {"color": surface.card, "line": {"color": surface.muted, "width": 1}}, surface.ink),
        "deemed": (
            _("視同確認"),
            {
                "color": greys[0][1],
                "pattern": {"shape": "/", "size": 6, "solidity": 0.25, "fgcolor": greys[3][1]},
            },
            greys[0][2],
        ),
    }
    positions = list(range(len(rows)))
    counts = {each: rows[each].fillna(0).astype(int).tolist() for each in STANDINGS}
    whole = [sum(parts) for parts in zip(*counts.values(), strict=True)]
    longest = max([*whole, 1])
    data: list[Figure] = []
    for each, (words, marker, ink) in looks.items():
        if not any(counts[each]):
            continue
        data.append(
            {
                "type": "bar", "orientation": "h", "name": words, "y": positions, "x": counts[each],
                "text": [count(n) if n * _SLICES >= longest else "" for n in counts[each]], "textposition": "inside",
                "insidetextanchor": "middle", "textangle": 0, "constraintext": "none", "textfont": {"color": ink, "size": SMALL},
                "marker": {"line": {"color": surface.card, "width": 1}} | marker,
                "hovertemplate": "%{y}<br>" + words + " %{x:,d}<extra></extra>",
            }
        )  # fmt: skip
    texts = rows["text"].fillna("").astype(str)
    data.append(
        {
            "type": "scatter", "mode": "text", "y": positions, "x": whole,
            "text": [
                _GAP + (text or (f"{count(n)}/{count(total)}" if total else "—"))
                for text, n, total in zip(texts, counts["confirmed"], whole, strict=True)
            ],
            "textposition": "middle right", "textfont": {"size": SMALL}, "cliponaxis": False, "hoverinfo": "skip",
            "showlegend": False,
        }
    )  # fmt: skip
    return {
        "data": data,
        "layout": layout(
            theme,
            height=_HEAD + 12 + max(len(rows), 1) * (ROW_HEIGHT if len(rows) <= _MANY else DENSE_ROW_HEIGHT),
            barmode="stack",
            bargap=0.26,
            hovermode="closest",
            showlegend=True,
            legend=legend_below() | {"y": 1, "yanchor": "bottom", "traceorder": "normal"},
            margin={"l": 4, "r": _LABEL_WIDTH, "t": _HEAD, "b": 4},
            xaxis={"range": [0, longest], "visible": False},
            yaxis={
                "range": [len(rows) - 0.5, -0.5],
                "tickvals": positions,
                "ticktext": [html.escape(str(label), quote=False) for label in rows["label"]],
                "showgrid": False,
                "ticklabelstandoff": 6,
            },
        ),
    }
