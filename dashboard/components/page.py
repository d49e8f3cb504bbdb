# ruff: noqa: A002 - Dash calls it id, and so do all who call these functions
"""The frame of a page: its head with the trust line, the findings, sections and columns."""

from collections.abc import Sequence
from typing import Any

from dash import html
from dash.development.base_component import Component
from flask_babel import gettext as _

from dashboard.components.attributes import aria, given
from dashboard.components.badge import badge
from dashboard.components.dates import Instant, roc_date, until
from dashboard.components.links import inside
from dashboard.figures.palette import Status

MOST_FINDINGS = 3


def page(*parts: Component | None) -> html.Div:
    """Stack the parts of a page with even space between them; None is left out. The shell's <main id="main"> goes around it."""
    return html.Div([part for part in parts if part is not None], className="lc-page")


def trust_line(
    *,
    as_of: Instant,
    source: str = "",
    source_href: str = "",
    warnings: int = 0,
    warnings_href: str = "",
    deadline: str = "",
    deadline_status: Status | str = Status.ON_TRACK,
) -> list[html.Span]:
    """Say why the figures can be trusted: data until when, from which import, with how many warnings, and what is due next.

    source_href: where the imports behind the figures are listed. deadline: in words, 「距認證截止 12 天（116/1/22）」. Children for `page_header(trust=…)`.
    """
    parts = [html.Span(_("資料截至 %(when)s", when=until(as_of)))]
    if source:
        words = _("來源：%(source)s", source=source)
        parts.append(html.Span(inside(words, source_href) if source_href else words))
    if warnings:
        words = _("匯入警告 %(n)s 則", n=warnings)
        parts.append(html.Span(inside(words, warnings_href) if warnings_href else words))
    if deadline:
        parts.append(html.Span(badge(deadline_status, words=deadline)))
    return parts


def page_header(
    title: str, *, trust: Sequence[Component] = (), actions: Sequence[Component] = (), id: str = "page"
) -> html.Div:
    """Head a page: its one H1 (with the term) and the trust line, which a callback may renew as `id`-trust; the H1 is `id`-title."""
    parts: list[Component] = [
        html.H1(title, id=f"{id}-title"),
        html.Div(list(trust), id=f"{id}-trust", className="lc-trust"),
    ]
    if actions:
        parts.append(html.Div(list(actions), className="lc-trust"))
    return html.Div(parts, className="lc-head")


def stale_banner(as_of: Instant, *, working_days: int, href: str) -> html.Div:
    """Warn that nothing was imported for a while (from 3 working days on): stale data has to look stale. href: for who may import."""
    return html.Div(
        [
            badge(Status.ATTENTION, words=_("資料較舊")),
            html.Span(_("最近一次匯入是 %(day)s，已過 %(n)s 個上班日。", day=roc_date(as_of), n=working_days)),
            inside(_("前往匯入"), href, css="lc-more") if href else None,
        ],
        className="lc-banner",
        role="status",
    )


def findings(items: Sequence[tuple[str, str, Status | str]], *, id: str = "") -> html.Ul:
    """List at most three findings: (sentence with number and denominator, address where it can be checked, status)."""
    lines = []
    for sentence, href, status in items[:MOST_FINDINGS]:
        parts: list[Component] = [badge(status), html.Span(sentence, className="lc-sentence")]
        if href:
            parts.append(
                inside(_("查看"), href, css="lc-more", **aria(label=_("查看：%(sentence)s", sentence=sentence)))
            )
        lines.append(html.Li(parts))
    return html.Ul(lines, className="lc-findings", **aria(label=_("重點")), **given(id=id))


def section(title: str, *content: Component | None, id: str = "") -> html.Section:
    """Group parts under a heading of their own; cards within take level 3."""
    heading = f"{id}-heading" if id else ""
    parts: list[Any] = [html.H2(title, **given(id=heading))]
    parts += [part for part in content if part is not None]
    return html.Section(parts, className="lc-section", **given(id=id), **aria(labelledby=heading))


def columns(*cards: Component | None) -> html.Div:
    """Lay cards in two columns, in one on a phone; a card made with wide=True takes both."""
    return html.Div([each for each in cards if each is not None], className="lc-columns")


def stack(*cards: Component | None) -> html.Div:
    """Put cards under each other within one of the two columns, so that a tall neighbour leaves no hole."""
    return html.Div([each for each in cards if each is not None], className="lc-stack")
