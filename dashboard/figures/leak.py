"""From step to step: bars on a grey track, each with its number, its share of the first step and of the step before."""

from collections.abc import Sequence
from typing import Any, Final, NamedTuple

from flask_babel import gettext as _

from dashboard.components.numbers import count, fraction, percent
from dashboard.components.words import no_data
from dashboard.figures.palette import PARTICIPATION, SURFACES, theme_of
from dashboard.figures.template import SMALL, Figure, layout

ROW_HEIGHT: Final = 56
_BAR: Final = 0.46  # of a row; what is left is for the line below the bar
_LEFT: Final = 1.5


class Shares(NamedTuple):
    """A step in words: n of the first step with its share, n of the step before; empty where there is none."""

    name: str
    of_first: str
    of_before: str
    length: float | None  # of the bar, in per cent of the first step; None: nothing is known


def shares(steps: Sequence[tuple[str, int | None]]) -> list[Shares]:
    """Say how much of the first step and of the step before (the last one known) each step is.

    steps: name and number, None where nothing is known. Nothing at the first step gives no share, and more than it a bar of 100.
    """
    result: list[Shares] = []
    first = before = None
    for name, n in steps:
        if n is None:
            result.append(Shares(name, no_data(), "", None))
            continue
        if first is None:
            first = (name, n)
            length = 100.0 if n else 0.0
            result.append(Shares(name, _("%(n)s 件", n=count(n)), "", length))
        else:
            words = [_with_share(n, *each) for each in (first, before) if each is not None]
            length = min(100.0, n * 1000 // first[1] / 10) if first[1] else 0.0
            result.append(Shares(name, words[0], words[-1] if before != first else "", length))
        before = (name, n)
    return result


def _with_share(n: int, name: str, whole: int) -> str:
    return _("占%(name)s %(ratio)s（%(share)s）", name=name, ratio=fraction(n, whole), share=percent(n, whole))


def leak_bars(steps: Sequence[tuple[str, int | None]], *, theme: str) -> Figure:
    """Draw the steps under each other in one grey-blue, as none of them is a judgement. steps: as for `shares`."""
    name = theme_of(theme)
    surface = SURFACES[name]
    rows = shares(steps)
    positions = list(range(len(rows)))
    bar: dict[str, Any] = {"type": "bar", "orientation": "h", "y": positions, "width": _BAR, "hoverinfo": "skip"}
    words = {"type": "scatter", "mode": "text", "x": [_LEFT] * len(rows), "cliponaxis": False, "hoverinfo": "skip", "textposition": "middle right"}  # fmt: skip
    return {
        "data": [
            bar | {"x": [100] * len(rows), "marker": {"color": surface.pale}},
            bar | {"x": [row.length for row in rows], "marker": {"color": PARTICIPATION[name][2][1]}},
            words | {"y": positions, "text": [row.of_first for row in rows], "textfont": {"size": SMALL, "color": surface.ink}},
            words | {
                "y": [position + _BAR / 2 + 0.17 for position in positions], "text": [row.of_before for row in rows],
                "textfont": {"size": SMALL, "color": surface.muted},
            },
        ],
        "layout": layout(
            theme,
            height=8 + len(rows) * ROW_HEIGHT,
            margin={"l": 4, "r": 4, "t": 4, "b": 4},
            barmode="overlay",
            barcornerradius=3,
            hovermode=False,
            xaxis={"range": [0, 100], "visible": False},
            yaxis={
                "range": [len(rows) - 0.4, -0.4],
                "tickvals": positions,
                "ticktext": [row.name for row in rows],
                "showgrid": False,
                "ticklabelstandoff": 6,
            },
        ),
    }  # fmt: skip
