# ruff: noqa: A002 - Dash calls it id, and so do all who call these functions
"""The tile: one figure that matters, with its status in words, its n/N and a way on."""

from dash import html
from flask_babel import gettext as _

from dashboard.components.attributes import given
from dashboard.components.badge import badge
from dashboard.components.links import inside
from dashboard.components.numbers import fraction as n_of_n
from dashboard.components.words import require_fair
from dashboard.figures.palette import Status


def tile(
    label: str,
    value: str,
    *,
    status: Status | str | None = None,
    fraction: tuple[int | None, int | None] | None = None,
    unit: str = "",
    note: str = "",
    href: str = "",
    stage: str = "",
    id: str = "",
) -> html.Div:
    """Show a key figure. value: written already (「74%」, 「—」). fraction: (n, N), with its unit (「件」). note: 「較上學期同日 +3 點」.

    A voluntary stage has no status (or the neutral one): anything else with `stage` upload or select is a ValueError.
    """
    require_fair(stage, status)
    facts = [badge(status, stage=stage)] if status is not None else []
    if fraction is not None:
        facts.append(html.Span(f"{n_of_n(*fraction)} {unit}".strip(), className="lc-fraction"))
    content = [
        html.H2(label, className="lc-tile-label"),
        html.P(value, className="lc-tile-value"),
        html.Div(facts, className="lc-tile-facts") if facts else None,
        html.P(note, className="lc-tile-note") if note else None,
        inside(_("查看%(label)s", label=label), href, css="lc-more") if href else None,
    ]
    tone = f" lc-{Status(status).value}" if status is not None else ""
    return html.Div([part for part in content if part is not None], className=f"lc-tile{tone}", **given(id=id))


def tiles(*each: html.Div, id: str = "") -> html.Div:
    """Lay tiles in a row; two beside each other on a phone."""
    return html.Div(list(each), className="lc-tiles", **given(id=id))
