"""The empty state: why there is nothing, and what to do next."""

from dash import html

from dashboard.components.links import inside


def empty_state(title: str, why: str, next_step: str = "", href: str = "", *, level: int = 2) -> html.Div:
    """Say what is missing, why, and what to do next, with a link where there is a place to do it."""
    heading = {2: html.H2, 3: html.H3}[level]
    parts = [heading(title), html.P(why, className="lc-muted")]
    if next_step and href:
        parts.append(inside(next_step, href, css="btn btn-primary mt-2"))
    elif next_step:
        parts.append(html.P(next_step))
    return html.Div(parts, className="lc-empty")


def error_state(title: str, *, when: str, code: str) -> html.Div:
    """Say that one card could not be made, with the time and a code to report; the rest of the page lives."""
    return html.Div(
        [html.H3(title), html.P(f"{when}　{code}", className="lc-muted")], className="lc-empty", role="alert"
    )
