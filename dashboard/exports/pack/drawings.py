"""The drawings of a pack as SVG, from the same frames as the pages' charts: no browser is needed to set them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import datetime
from xml.sax.saxutils import escape  # nosec B406  # writes XML, reads none

import pandas as pd

from dashboard.components.dates import local, roc_date
from dashboard.components.numbers import count, percent
from dashboard.figures.palette import SERIES as _SERIES
from dashboard.i18n import gettext as _

FONT = "Noto Sans CJK TC, PingFang TC, Microsoft JhengHei"
WIDTH = 680
SERIES = _SERIES["light"]  # paper is light
_INK, _GRID, _FAINT = "#1F2933", "#CBD2D9", "#EEF1F4"


def bars(rows: Sequence[tuple[str, int, int]]) -> str:
    """Draw a bar of its share for each (name, part, whole), with n/N beside it; nothing where there is no row."""
    if not rows:
        return ""
    height, left, right = 26, 150, 150
    length = WIDTH - left - right
    parts = []
    for number, (name, part, whole) in enumerate(rows):
        top = number * height
        parts += [
            _text(left - 8, top + 17, name, anchor="end"),
            _box(left, top + 5, length, 16, _FAINT),
            _box(left, top + 5, length * part / whole, 16, SERIES[0]),
            _text(left + length + 8, top + 17, f"{percent(part, whole)}　{count(part)}/{count(whole)}"),
        ]
    return _drawing(len(rows) * height + 4, parts)


def burn_up(frame: pd.DataFrame, *, end: datetime | None) -> str:
    """Draw what arrived and what was certified by day (columns day, arrived, certified), and the end of the window."""
    if len(frame) < 2 or not frame["arrived"].max():
        return ""
    height, left, bottom, top = 220, 56, 28, 24
    first, last = pd.Timestamp(frame["day"].iloc[0]), pd.Timestamp(frame["day"].iloc[-1])
    due = local(end)
    last = max(last, due) if due is not None else last
    span, most = (last - first) / pd.Timedelta(1, "D"), int(frame["arrived"].max())

    def across(day: pd.Timestamp) -> float:
        return left + (WIDTH - left - 16) * ((day - first) / pd.Timedelta(1, "D")) / span

    def up(value: float) -> float:
        return top + (height - top - bottom) * (1 - value / most)

    parts = [_line(left, up(0), WIDTH - 16, up(0), _GRID)]
    parts += [_text(left - 6, up(value) + 4, count(value), anchor="end") for value in (0, most // 2, most)]
    parts += [
        _text(left, height - 8, roc_date(first, weekday=False)),
        _text(WIDTH - 16, height - 8, roc_date(last, weekday=False), anchor="end"),
    ]
    for name, words, colour, dash in (
        ("arrived", _("累計送出"), SERIES[1], "5 3"), ("certified", _("累計認證"), SERIES[0], ""),
    ):  # fmt: skip
        points = " ".join(f"{across(pd.Timestamp(day)):.1f},{up(value):.1f}" for day, value in zip(frame["day"], frame[name], strict=True))  # fmt: skip
        parts.append(
            f'<polyline points="{points}" fill="none" stroke="{colour}" stroke-width="2" stroke-dasharray="{dash}"/>'
        )
        at = left if name == "arrived" else left + 150
        parts += [_line(at, 10, at + 24, 10, colour, dash=dash, width=2), _text(at + 30, 14, words)]
    if due is not None:
        parts += [
            _line(across(due), top, across(due), up(0), _INK, dash="2 3"),
            _text(across(due) - 4, top + 12, _("認證截止"), anchor="end"),
        ]
    return _drawing(height, parts)


def funnel(points: pd.DataFrame, limits: pd.DataFrame, target: float) -> str:
    """Draw each teacher's timeliness over the decided items, without a name, within the 95 % and 99.8 % limits."""
    height, left, bottom, top = 240, 48, 30, 10
    most = float(max(limits["n"].max(), points["decided"].max()))

    def across(n: float) -> float:
        return left + (WIDTH - left - 16) * math.sqrt(n / most)  # so that the many small ones have room

    def up(share: float) -> float:
        return top + (height - top - bottom) * (1 - share)

    parts = [
        _line(left, up(0), WIDTH - 16, up(0), _GRID),
        _line(left, up(target), WIDTH - 16, up(target), _INK, dash="4 3"),
    ]
    parts += [_text(left - 6, up(share) + 4, f"{share:.0%}", anchor="end") for share in (0, 0.5, 1)]
    parts.append(_text(WIDTH - 16, height - 8, _("定案件數（至 %(n)s 件）", n=count(most)), anchor="end"))
    for name, dash in (("lower_95", ""), ("upper_95", ""), ("lower_998", "3 3"), ("upper_998", "3 3")):
        path = " ".join(
            f"{across(n):.1f},{up(min(max(share, 0), 1)):.1f}"
            for n, share in zip(limits["n"], limits[name], strict=True)
        )
        parts.append(
            f'<polyline points="{path}" fill="none" stroke="{SERIES[4]}" stroke-width="1" stroke-dasharray="{dash}"/>'
        )
    for n, share in zip(points["decided"], points["timeliness"], strict=True):
        parts.append(f'<circle cx="{across(n):.1f}" cy="{up(share):.1f}" r="3" fill="{SERIES[0]}" fill-opacity="0.7"/>')
    return _drawing(height, parts)


def _drawing(height: float, parts: Sequence[str]) -> str:
    return f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height:g}" width="{WIDTH}" height="{height:g}">{"".join(parts)}</svg>'


def _text(x: float, y: float, words: str, *, anchor: str = "start") -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" font-family="{FONT}" font-size="12" fill="{_INK}">{escape(words)}</text>'


def _box(x: float, y: float, width: float, height: float, colour: str) -> str:
    return f'<rect x="{x:.1f}" y="{y:.1f}" width="{width:.1f}" height="{height:g}" fill="{colour}"/>'


def _line(x1: float, y1: float, x2: float, y2: float, colour: str, *, dash: str = "", width: float = 1) -> str:
    return f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" stroke="{colour}" stroke-width="{width:g}" stroke-dasharray="{dash}"/>'
