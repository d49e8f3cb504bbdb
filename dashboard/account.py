"""我的帳號: who one is here, one's password and one's logins; plain forms that work without JavaScript."""

from __future__ import annotations

from flask import Flask, Response, abort, current_app, make_response, redirect, render_template, request

from dashboard.access.roles import Permission
from dashboard.access.session import current_account, current_scope, may, store
from dashboard.access.views import form_token, is_own_form, leave, take_session
from dashboard.components.dates import roc_datetime
from dashboard.frame import role_title, scope_words
from dashboard.i18n import gettext as _
from dashboard.i18n import language
from dashboard.services import accounts, sessions


def install_account(server: Flask) -> None:
    """Add the page and what its forms do."""
    server.add_url_rule("/account", "account", account, methods=["GET"])
    server.add_url_rule("/account/password", "account_password", change_password, methods=["POST"])
    server.add_url_rule("/account/logout", "account_logout", log_out_everywhere, methods=["POST"])


def account() -> Response:
    """Show one's own account."""
    if not may(Permission.VIEW_OWN):
        abort(403)
    return _page(done=_("密碼已更改，其他裝置都已登出。") if request.args.get("done") == "password" else "")


def change_password() -> Response:
    """Change one's own password; the other logins end."""
    _only_own_form()
    current, new, again = (request.form.get(name, "") for name in ("current", "new", "again"))
    own = current_account()
    words = {
        "short": _("新密碼至少要 %(n)s 個字元。", n=accounts.MINIMUM_LENGTH),
        "long": _("新密碼最多 %(n)s 個字元。", n=accounts.MAXIMUM_LENGTH),
        "common": _("這個密碼太常見，請換一個。"),
    }
    if new != again:
        return _page(fault=_("兩次輸入的新密碼不同。"), status=400)
    if new == current:
        return _page(fault=_("新密碼和目前的密碼相同。"), status=400)
    if fault := accounts.password_fault(own.username, new):
        return _page(fault=words[fault], status=400)
    try:
        token = accounts.change_own_password(
            store(), own, current[: accounts.MAXIMUM_LENGTH], new, address=request.remote_addr or "",
            browser=sessions.browser_name(request.user_agent.string),
        )  # fmt: skip
    except accounts.TooManyFailuresError:
        return _page(fault=_("這個網路在 15 分鐘內登入失敗太多次，請 15 分鐘後再試。"), status=429)
    if token is None:
        return _page(fault=_("目前的密碼不對，或帳號暫時鎖定。連續 5 次錯誤會鎖定 15 分鐘。"), status=401)
    take_session(token)
    return redirect("/account?done=password")  # type: ignore[return-value]


def log_out_everywhere() -> Response:
    """End all of one's logins, this one too."""
    _only_own_form()
    own = current_account()
    sessions.end_all(store(), own.user_id, own.username)
    return leave()


def _only_own_form() -> None:
    if not may(Permission.VIEW_OWN) or not is_own_form():
        abort(403)


def _page(*, fault: str = "", done: str = "", status: int = 200) -> Response:
    own, settings = current_account(), current_app.config["LICHENG_SETTINGS"]
    logins = sessions.list_logins(
        store(), own.user_id, token_hash=accounts.digest(own.session_token), idle_minutes=settings.idle_minutes,
        session_hours=settings.session_hours,
    )  # fmt: skip
    rows = [
        (each.browser or _("不明的瀏覽器"), roc_datetime(each.began_at), roc_datetime(each.seen_at), each.is_this_one)
        for each in logins
    ]
    page = render_template(
        "account.html", username=own.username, role=role_title(), scope=scope_words(current_scope(), sessions.school_settings(store())),
        logins=rows, idle_minutes=settings.idle_minutes, session_hours=settings.session_hours, minimum=accounts.MINIMUM_LENGTH,
        fault=fault, done=done, csrf_token=form_token(), language=language(),
    )  # fmt: skip
    return make_response(page, status)
