"""One teacher among the school's others: a funnel in which nobody but oneself can be told."""

import math
from collections.abc import Mapping
from typing import Any

import pandas as pd
from flask_babel import gettext as _

from dashboard.components.numbers import count
from dashboard.figures.funnel import funnel
from dashboard.figures.palette import SERIES, SURFACES, theme_of
from dashboard.figures.template import SMALL, Figure


def peers(
    points: pd.DataFrame, limits: pd.DataFrame, *, own: Mapping[str, Any], target: float, theme: str
) -> Figure:  # fmt: skip
    """Draw the other teachers as points of one look, and oneself as a diamond with words; the limits are the school's.

    points: decided and timeliness (fraction) only, in an order that says nothing. own: decided and timeliness. No point
    but one's own answers to the pointer, none is named, and none is marked as low or high.
    """
    name = theme_of(theme)
    everybody = pd.concat([points, pd.DataFrame([own])], ignore_index=True)[["decided", "timeliness"]]
    drawn = funnel(everybody.assign(key="", label="", flag=""), limits, target=target, theme=theme)  # spans the axes
    data = [trace for trace in drawn["data"] if trace["mode"] == "lines"]
    x, y = int(own["decided"]), math.floor(own["timeliness"] * 1000 + 1e-9) / 10
    data += [
        {
            "type": "scatter", "mode": "markers", "name": _("其他教師（不具名）"), "x": points["decided"].astype(int).tolist(),
            "y": [round(100 * float(rate)) for rate in points["timeliness"]], "hoverinfo": "skip",
            "marker": {"color": SERIES[name][4], "size": 9, "opacity": 0.55},
        },
        {
            "type": "scatter", "mode": "markers", "name": _("自己"), "x": [x], "y": [y],
            "marker": {"color": SERIES[name][0], "size": 15, "symbol": "diamond", "line": {"color": SURFACES[name].card, "width": 1.5}},
            "hovertemplate": _("%(share)s（%(n)s 件）", share="%{y:.1f}%", n="%{x:,d}") + "<extra></extra>",
        },
    ]  # fmt: skip
    right = x < drawn["layout"]["xaxis"]["range"][1] * 0.6
    low = y < sum(drawn["layout"]["yaxis"]["range"]) / 2
    drawn["layout"]["annotations"].append(
        {
            "x": x, "y": y, "text": _("自己 %(n)s 件", n=count(x)), "showarrow": False, "xanchor": "left" if right else "right",
            "xshift": 10 if right else -10, "yshift": 12 if low else -12, "font": {"size": SMALL}, "bgcolor": SURFACES[name].card,
        }
    )  # fmt: skip
    return {"data": data, "layout": drawn["layout"]}
