"""The burn-up: are we on time? What arrived and what was certified so far, with last term, today and the deadlines."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import pandas as pd
from flask_babel import gettext as _

from dashboard.components.dates import Instant, last_day, local, roc_date
from dashboard.figures.palette import SERIES, SURFACES, Status, theme_of, tone
from dashboard.figures.template import SMALL, Figure, layout, legend_below, roc_ticks

HEIGHT: Final = 340
_LABEL_ROW: Final = 18
_DAY_MS: Final = 86_400_000
# A label takes up to 45 % of the width on a phone, where the plot is 250 px wide: closer than that, the next goes a row up.
_LABEL_SHARE: Final = 0.45


@dataclass(frozen=True)
class _Mark:
    """A labelled vertical line."""

    at: pd.Timestamp
    words: str
    colour: str
    dash: str


def _daily(days: pd.DataFrame) -> pd.DataFrame:
    """Spread cumulative counts over every day between the first and the last: a day without a row keeps the day before."""
    stamps = pd.DatetimeIndex([local(day) for day in days["day"]]).normalize()
    counts = days[["arrived", "certified"]].set_axis(stamps, axis=0)
    counts = counts[~counts.index.duplicated(keep="last")].sort_index()
    return counts.reindex(pd.date_range(counts.index[0], counts.index[-1], freq="D")).ffill()


def _line(values: pd.Series, *, start: pd.Timestamp, name: str, colour: str, dash: str, width: float) -> Figure:
    return {
        "type": "scatter",
        "mode": "lines",
        "x0": f"{start:%Y-%m-%d}",
        "dx": _DAY_MS,
        "y": values.astype(int).tolist(),
        "name": name,
        "line": {"color": colour, "dash": dash, "width": width},
        "hovertemplate": "%{y:,d}",
    }


def _label_rows(marks: Sequence[_Mark], *, start: pd.Timestamp, end: pd.Timestamp) -> list[int]:
    """Give each label the lowest row above the plot in which it touches no other."""
    span = max((end - start) / pd.Timedelta(1, "D"), 1)
    rows: list[list[tuple[float, float]]] = []
    chosen = []
    for mark in marks:
        share = (mark.at - start) / pd.Timedelta(1, "D") / span
        left, right = (share - _LABEL_SHARE, share) if share > 0.5 else (share, share + _LABEL_SHARE)
        free = (i for i, taken in enumerate(rows) if all(right <= a or left >= b for a, b in taken))
        row = next(free, len(rows))
        if row == len(rows):
            rows.append([])
        rows[row].append((left, right))
        chosen.append(row)
    return chosen


def _marks(*, as_of: Instant, due_at: Instant, original_due_at: Instant, theme: str) -> list[_Mark]:
    surface = SURFACES[theme_of(theme)]
    marks = []
    today, due, original = last_day(as_of), last_day(due_at), last_day(original_due_at)
    if today is not None:
        marks.append(
            _Mark(today.normalize(), _("截至 %(day)s", day=roc_date(today, weekday=False)), surface.muted, "dot")
        )
    if original is not None and original != due:
        words = _("原訂截止 %(day)s", day=roc_date(original, weekday=False))
        marks.append(_Mark(original, words, tone(Status.ATTENTION, theme=theme).ink, "dash"))
    if due is not None:
        words = _("截止 %(day)s", day=roc_date(due, weekday=False))
        marks.append(_Mark(due, words, tone(Status.OVERDUE, theme=theme).ink, "solid"))
    return marks


def burn_up(
    days: pd.DataFrame,
    *,
    theme: str,
    as_of: Instant = None,
    due_at: Instant = None,
    original_due_at: Instant = None,
    previous: pd.DataFrame | None = None,
) -> Figure:
    """Draw the cumulative counts of a term.

    days: day, arrived (items sent), certified, both cumulative, one row a day at most; days left out keep the count before. previous: the
    same of the term before, whole; its first day is laid on the first day of `days`, day by day (let both begin at the same event, the
    opening of the window), and drawn dotted. due_at and original_due_at are exclusive ends and are labelled by the last day they
    cover; an extension shows both. No rows at all: an empty plot with today and the deadlines.
    """
    name = theme_of(theme)
    data: list[Figure] = []
    edges = [moment for moment in (last_day(as_of), last_day(due_at), last_day(original_due_at)) if moment is not None]
    start = min(edges) if edges else pd.Timestamp("1970-01-01")
    if len(days):
        now = _daily(days)
        start = now.index[0]
        edges.append(now.index[-1])
        if previous is not None and len(previous):
            before = _daily(previous)
            edges.append(start + (before.index[-1] - before.index[0]))
            for column, words, colour in (
                ("certified", _("去年同期已認證"), SERIES[name][1]),
                ("arrived", _("去年同期已送認證"), SERIES[name][0]),
            ):
                data.append(_line(before[column], start=start, name=words, colour=colour, dash="dot", width=1.5))
        data.append(
            _line(now["certified"], start=start, name=_("已認證"), colour=SERIES[name][1], dash="solid", width=3)
        )
        data.append(
            _line(now["arrived"], start=start, name=_("已送認證"), colour=SERIES[name][0], dash="solid", width=3)
        )
    end = max(edges, default=start)
    end = max(end, start + pd.Timedelta(1, "D"))

    marks = _marks(as_of=as_of, due_at=due_at, original_due_at=original_due_at, theme=theme)
    rows = _label_rows(marks, start=start, end=end)
    top = 10 + _LABEL_ROW * (max(rows, default=-1) + 1)
    tickvals, ticktext = roc_ticks(start, end, most=4)
    surface = SURFACES[name]
    return {
        "data": data,
        "layout": layout(
            theme,
            height=HEIGHT,
            margin={"l": 4, "r": 14, "t": top, "b": 4},
            hovermode="x unified",
            showlegend=True,
            legend=legend_below() | {"traceorder": "reversed"},
            shapes=[_line_shape(mark, row) for mark, row in zip(marks, rows, strict=True)],
            annotations=[_label(mark, row, start=start, end=end) for mark, row in zip(marks, rows, strict=True)],
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


def _line_shape(mark: _Mark, row: int) -> Figure:
    # The line goes up to its label: rows are above the plot, which is about 240 px high.
    day = f"{mark.at:%Y-%m-%d}"
    return {
        "type": "line",
        "x0": day,
        "x1": day,
        "yref": "paper",
        "y0": 0,
        "y1": 1 + (row * _LABEL_ROW + 4) / 240,
        "line": {"color": mark.colour, "dash": mark.dash, "width": 1.5},
    }


def _label(mark: _Mark, row: int, *, start: pd.Timestamp, end: pd.Timestamp) -> Figure:
    leftwards = (mark.at - start) > (end - start) / 2
    return {
        "x": f"{mark.at:%Y-%m-%d}",
        "y": 1,
        "yref": "paper",
        "yanchor": "bottom",
        "xanchor": "right" if leftwards else "left",
        "xshift": -4 if leftwards else 4,
        "yshift": row * _LABEL_ROW,
        "text": mark.words,
        "showarrow": False,
        "font": {"size": SMALL, "color": mark.colour},
    }
