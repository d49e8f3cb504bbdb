"""What is shown at an address that is no page."""

from __future__ import annotations

from dash import html, register_page
from flask_babel import gettext as _

from dashboard.access.roles import Permission
from dashboard.access.session import may
from dashboard.components.empty import empty_state
from dashboard.frame import around

register_page(__name__, path="/not-found", name="找不到這一頁", permission=None)


def layout(**_query: str | None) -> html.Div:
    """Say so and lead back to where this person may go."""
    start = "/" if may(Permission.VIEW_OVERVIEW) else "/certification"
    why = _("網址可能打錯，或這一頁已經改了位置。")
    return around([html.H1(_("找不到這一頁")), empty_state(_("沒有這個網址"), why, _("回到首頁"), start)])
