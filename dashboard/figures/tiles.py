"""The class × stage tiles: where is it stuck? One cell a class and stage, with symbol and percentage in the cell."""

import html
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final, NamedTuple

import pandas as pd
from flask_babel import gettext as _

from dashboard.components.numbers import NOTHING, fraction
from dashboard.components.words import VOLUNTARY, no_data, require_fair, stage_name, status_word
from dashboard.figures.palette import PARTICIPATION, SURFACES, Status, participation_step, theme_of, tone
from dashboard.figures.template import SMALL, Figure, layout

ROW_HEIGHT: Final = 30
DENSE_ROW_HEIGHT: Final = 25  # for more classes than a screen holds
_MANY: Final = 30
HEAD_HEIGHT: Final = 56
_THIN_SPACE: Final = "\u202f"  # only labels made here hold it, so that the class's name can be told from its label


class _Look(NamedTuple):
    """How one kind of cell looks; cells that look alike are one trace, so that colour and words are sent once."""

    fill: str
    ink: str
    shown: str  # a texttemplate; %{text} is the percentage
    word: str
    order: int


def class_label(name: str) -> str:
    """Label a class on the axis: 「101」 becomes 「101 班」, as Plotly takes '101' for a number; 「資一甲」 stays."""
    if not name.isdigit():
        return html.escape(name, quote=False)  # Plotly reads tags in labels
    label: str = _("%(name)s 班", name=name)
    return label.replace(" ", _THIN_SPACE)


def class_of_label(label: str) -> str:
    """Read the class's name back from its label."""
    return html.unescape(re.sub(rf"^(\d+){_THIN_SPACE}.*$", r"\1", label))


def clicked_class(click: Mapping[str, Any] | None, figure: Figure) -> str | None:
    """Name the class whose cell was clicked; no click, or one beside the cells, is None.

    Cells carry the row's number only: names as customdata would take a 90-class figure over its 12 kB.
    """
    points = (click or {}).get("points") or []
    labels: Sequence[str] = figure["layout"]["yaxis"]["ticktext"]
    row = points[0].get("y") if points else None
    if not isinstance(row, int) or not 0 <= row < len(labels):
        return None
    return class_of_label(labels[row])


def _look(stage: str, status: Status, numerator: Any, denominator: Any, text: str, *, theme: str) -> _Look:
    surface = SURFACES[theme_of(theme)]
    if text:
        return _Look(surface.pale, surface.muted, text, "", 20)
    if status is Status.NOT_OPEN:
        word = status_word(status)
        return _Look(surface.pale, surface.muted, word, word, 30)
    if pd.isna(numerator) or pd.isna(denominator):
        return _Look(surface.pale, surface.muted, no_data(), no_data(), 31)
    if denominator == 0:
        return _Look(surface.pale, surface.muted, NOTHING, _("無應辦件數"), 32)
    if status is Status.TOO_FEW:
        word = status_word(status)
        return _Look(surface.card, surface.muted, word, word, 33)
    if stage in VOLUNTARY or status is Status.NEUTRAL:
        step = participation_step(int(numerator) * 100 // int(denominator), theme=theme)
        _upper, fill, ink = PARTICIPATION[theme_of(theme)][step]
        return _Look(fill, ink, "%{text}%", status_word(Status.NEUTRAL), 10 + step)
    look = tone(status, theme=theme)
    return _Look(look.fill, look.on_fill, f"{look.symbol} %{{text}}%", status_word(status), list(Status).index(status))


def _trace(look: _Look, cells: list[tuple[int, int, int | None, str]]) -> Figure:
    trace: Figure = {
        "type": "bar",
        "name": look.word or look.shown,
        "base": [column for column, *_rest in cells],
        "y": [row for _column, row, *_rest in cells],
        "marker": {"color": look.fill},
        "texttemplate": look.shown,
        "textfont": {"color": look.ink},
    }
    if look.shown.endswith("%{text}%"):
        trace["text"] = [percent for *_rest, percent, _ratio in cells]
        trace["hovertext"] = [ratio for *_rest, ratio in cells]
    else:
        trace["hovertemplate"] = "%{y}<br>%{fullData.name}<extra></extra>"
    return trace


def _shared(theme: str) -> Figure:
    """What every cell shares, said once in the template.

    x0 and dx stand for the length of each bar, which is 1: a list of ones would weigh a kilobyte, and a dx of 0 counts as not given.
    The width is said outright, as a trace of few rows would stretch its bars over the rows between them.
    """
    return {
        "orientation": "h",
        "x0": 1,
        "dx": 1e-9,
        "width": 1,
        "textposition": "inside",
        "insidetextanchor": "middle",
        "textangle": 0,
        "constraintext": "none",
        "textfont": {"size": SMALL},
        # The line in the card's colour is the gap between the cells.
        "marker": {"line": {"color": SURFACES[theme_of(theme)].card, "width": 3}},
        "hovertemplate": "%{y}<br>%{fullData.name} %{text}%（%{hovertext}）<extra></extra>",
    }


def stage_tiles(
    cells: pd.DataFrame, *, stages: Sequence[str], theme: str, notes: Mapping[str, str] | None = None
) -> Figure:
    """Draw a tile for each class and stage.

    cells: one row a class and stage with class_name, stage (key), status (a Status value), numerator and denominator (counts or NA),
    and, where wanted, text, which is then shown instead. Classes stand in the order of their first row, the first on top; a pair
    without a row is 「尚無資料」. Not open is pale, nothing expected is 「—」. Voluntary stages take the participation colours and no symbol;
    any other status for them is a ValueError. stages: keys in the order of the columns. notes: a second line under a stage's name.
    """
    names = list(dict.fromkeys(cells["class_name"].astype(str)))
    row_of = {name: row for row, name in enumerate(names)}
    column_of = {stage: column for column, stage in enumerate(stages)}
    grouped: dict[_Look, list[tuple[int, int, int | None, str]]] = {}
    seen: set[tuple[int, int]] = set()
    for name, stage, status, numerator, denominator, text in _rows(cells):
        if stage not in column_of:
            continue
        require_fair(stage, status)
        look = _look(stage, Status(status), numerator, denominator, text, theme=theme)
        ratio, share = "", None
        if look.shown.endswith("%{text}%"):
            ratio, share = fraction(numerator, denominator), int(numerator) * 100 // int(denominator)
        seen.add((column_of[stage], row_of[name]))
        grouped.setdefault(look, []).append((column_of[stage], row_of[name], share, ratio))
    absent = [
        (column, row, None, "") for column in column_of.values() for row in row_of.values() if (column, row) not in seen
    ]
    if absent:
        grouped.setdefault(_look("", Status.NEUTRAL, pd.NA, pd.NA, "", theme=theme), []).extend(absent)

    figure_layout = layout(
        theme,
        height=HEAD_HEIGHT + len(names) * (ROW_HEIGHT if len(names) <= _MANY else DENSE_ROW_HEIGHT),
        margin={"l": 4, "r": 4, "t": HEAD_HEIGHT - 8, "b": 8},
        barmode="overlay",
        bargap=0,
        barcornerradius=3,
        hovermode="closest",
        uniformtext={"mode": "show", "minsize": SMALL},
        xaxis={
            "side": "top",
            "range": [0, len(stages)],
            "tickvals": [column + 0.5 for column in range(len(stages))],
            "ticktext": [_head(stage, notes) for stage in stages],
            "tickangle": 0,
            "showgrid": False,
        },
        yaxis={
            "range": [len(names) - 0.5, -0.5],
            "tickvals": list(range(len(names))),
            "ticktext": [class_label(name) for name in names],
            "showgrid": False,
            "ticklabelstandoff": 6,
        },
    )
    figure_layout["template"]["data"] = {"bar": [_shared(theme)]}
    return {
        "data": [_trace(look, grouped[look]) for look in sorted(grouped, key=lambda look: look.order)],
        "layout": figure_layout,
    }


def _head(stage: str, notes: Mapping[str, str] | None) -> str:
    note = (notes or {}).get(stage)
    return stage_name(stage) + (f"<br><span style='font-size:{SMALL}px'>{note}</span>" if note else "")


def _rows(cells: pd.DataFrame) -> Iterable[tuple[str, str, str, Any, Any, str]]:
    texts = cells["text"].fillna("").astype(str) if "text" in cells.columns else [""] * len(cells)
    return zip(
        cells["class_name"].astype(str),
        cells["stage"].astype(str),
        cells["status"].astype(str),
        cells["numerator"],
        cells["denominator"],
        texts,
        strict=True,
    )
