"""The waterfall: what was there, what each cause added or took, what is there now."""

from collections.abc import Sequence
from typing import Any

from dashboard.figures.palette import SERIES, SURFACES, theme_of
from dashboard.figures.template import FONT_SIZE, layout

Figure = dict[str, Any]


def waterfall(names: Sequence[str], values: Sequence[int], *, first: str, last: str, before: int, theme: str) -> Figure:
    """Draw the steps from before to the sum of all, from top to bottom. names: of the steps, in order; values: signed counts.

    More is one colour, less another, and each bar says its signed number: no step is good or bad in itself.
    """
    name = theme_of(theme)
    more, less, level = SERIES[name][1], SERIES[name][0], SURFACES[name].line
    starts, lengths, colours, texts = [0], [before], [level], [f"{before:,}"]
    total = before
    for value in values:
        starts.append(min(total, total + value))
        lengths.append(abs(value))
        colours.append(more if value > 0 else less)
        texts.append(f"{value:+,}")
        total += value
    starts.append(0)
    lengths.append(total)
    colours.append(level)
    texts.append(f"{total:,}")
    rows = [first, *names, last]
    return {
        "data": [
            {
                "type": "bar", "orientation": "h", "y": list(range(len(rows))), "x": lengths, "base": starts,
                "marker": {"color": colours}, "text": texts, "textposition": "outside", "cliponaxis": False,
                "textfont": {"size": FONT_SIZE, "color": SURFACES[name].ink}, "hoverinfo": "skip",
            }
        ],
        "layout": layout(
            theme,
            height=44 * len(rows) + 24,
            margin={"l": 4, "r": 56, "t": 8, "b": 4},
            bargap=0.35,
            xaxis={"visible": False, "rangemode": "tozero"},
            yaxis={"autorange": "reversed", "tickvals": list(range(len(rows))), "ticktext": rows, "showgrid": False, "ticks": ""},
        ),
    }  # fmt: skip
