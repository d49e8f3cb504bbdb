"""What all figures share: fonts, margins, quiet axes, and ticks in years of the Republic."""

from typing import Any, Final

import pandas as pd

from dashboard.components.dates import roc_month
from dashboard.figures.palette import SERIES, SURFACES, theme_of

Figure = dict[str, Any]

FONT: Final = (
    '"Noto Sans TC","Noto Sans CJK TC","PingFang TC","Microsoft JhengHei UI","Microsoft JhengHei",system-ui,sans-serif'
)
FONT_SIZE: Final = 14
SMALL: Final = 12  # nothing is smaller


def template(theme: str) -> Figure:
    """Build the one small template; Plotly's own adds 6.5 kB to every figure."""
    name = theme_of(theme)
    surface = SURFACES[name]
    axis = {
        "automargin": True,
        "fixedrange": True,
        "gridcolor": surface.grid,
        "linecolor": surface.line,
        "zeroline": False,
        "title": {"font": {"size": FONT_SIZE, "color": surface.muted}, "standoff": 8},
    }
    return {
        "layout": {
            "font": {"family": FONT, "size": FONT_SIZE, "color": surface.ink},
            "paper_bgcolor": "rgba(0,0,0,0)",
            "plot_bgcolor": "rgba(0,0,0,0)",
            "colorway": list(SERIES[name]),
            "hoverlabel": {
                "font": {"family": FONT, "size": FONT_SIZE, "color": surface.ink},
                "bgcolor": surface.card,
                "bordercolor": surface.line,
                "align": "left",
            },
            "separators": ".,",
            "dragmode": False,
            "xaxis": axis,
            "yaxis": axis,
        }
    }


def layout(theme: str, *, height: int, **rest: Any) -> Figure:
    """Start a layout: template, a fixed height, narrow margins that suit half a page and a phone; `rest` is added or replaces."""
    start: Figure = {
        "template": template(theme),
        "height": height,
        "margin": {"l": 4, "r": 12, "t": 8, "b": 4},
        "showlegend": False,
    }
    return start | rest


def legend_below() -> Figure:
    """Place the legend under the plot, where it covers no data on a phone."""
    return {
        "orientation": "h",
        "x": 0,
        "xanchor": "left",
        "y": -0.14,
        "yanchor": "top",
        "font": {"size": 13},
        "itemclick": False,
        "itemdoubleclick": False,
    }


def roc_ticks(start: pd.Timestamp, end: pd.Timestamp, *, most: int = 6) -> tuple[list[str], list[str]]:
    """Place ticks on firsts of months between two days, both included, and label them 「115/9月」.

    Neither Plotly nor Babel knows the calendar of the Republic. At most `most` ticks: months are left out at an even pace; where no
    first of a month falls within, the start is the one tick. Returns tickvals (ISO days) and ticktext of the same length.
    """
    firsts = list(pd.date_range(start.normalize(), end.normalize(), freq="MS")) or [start.normalize()]
    step = -(-len(firsts) // most)
    shown = firsts[::step]
    return [f"{day:%Y-%m-%d}" for day in shown], [roc_month(day) for day in shown]
