"""The bar at the top: skip link, name, pages, user, language, theme, logout."""

from collections.abc import Sequence
from typing import Any

from dash import html
from flask_babel import gettext as _

from dashboard.components.attributes import aria, data
from dashboard.components.links import inside


def skip_link() -> html.A:
    """Let the keyboard jump over the navigation; first thing in the shell."""
    return html.A(_("跳至主要內容"), href="#main", className="lc-skip")


def theme_switch() -> html.Button:
    """Switch between light and dark (assets/theme.js does it); its words say what it will do."""
    return html.Button(
        [html.Span(_("深色"), className="lc-to-dark"), html.Span(_("淺色"), className="lc-to-light")],
        type="button",
        className="lc-quiet",
        **data(theme_switch=""),
    )


def _page_link(words: str, href: str) -> html.Li:
    exact = data(exact="") if href == "/" else {}
    return html.Li(inside(words, href, **exact))


def _role_menu(roles: Sequence[tuple[str, str]]) -> html.Details:
    """Offer one's other roles: changing is a form that posts, as the whole page and its scope change."""
    choices = [
        html.Button(words, type="submit", name="grant", value=number, className="lc-quiet") for words, number in roles
    ]
    form = html.Form(choices, action="/account/role", method="POST", className="lc-roles")
    return html.Details(
        [html.Summary([_("換職務"), html.Span("▾", **aria(hidden="true"))], className="lc-quiet"), form],
        className="lc-role-menu",
    )


def navbar(
    brand: str,
    items: Sequence[tuple[str, str]],
    *,
    user: str = "",
    user_href: str = "/account",
    roles: Sequence[tuple[str, str]] = (),
    languages: Sequence[tuple[str, str, str]] = (),
    language: str = "",
    logout_href: str = "/logout",
) -> html.Header:
    """Show the bar. items: (words, address) of the pages this user may see. roles: (words, number) of the user's other roles, to change to.

    languages: (words, code, address), the one in use being `language`.

    The languages are plain links, as the whole page changes; logging out is a form that posts, never a link. assets/nav.js opens the
    menu on a phone and marks the page that is shown.
    """
    account: list[Any] = (
        [html.A(user, href=user_href, className="lc-quiet lc-user", title=_("我的帳號"))] if user else []
    )
    if roles:
        account.append(_role_menu(roles))
    for words, code, href in languages:
        account.append(
            html.A(
                words, href=href, lang=code, className="lc-quiet", **aria(current="true" if code == language else "")
            )
        )
    account.append(theme_switch())
    if user:
        account.append(
            html.Form(html.Button(_("登出"), type="submit", className="lc-quiet"), action=logout_href, method="POST")
        )
    toggle = html.Button(
        [html.Span(className="lc-bars", **aria(hidden="true")), _("選單")],
        type="button",
        className="lc-nav-toggle",
        **data(nav_toggle=""),
        **aria(expanded="false", controls="nav-menu"),
    )
    menu = html.Div(
        [
            html.Nav(html.Ul([_page_link(*item) for item in items], className="lc-nav"), **aria(label=_("主要頁面"))),
            html.Div(account, className="lc-account"),
        ],
        id="nav-menu",
        className="lc-menu",
    )
    return html.Header(
        html.Div(
            [inside(brand, items[0][1] if items else "/", css="lc-brand"), toggle, menu], className="lc-bar-inner"
        ),
        className="lc-bar",
    )
