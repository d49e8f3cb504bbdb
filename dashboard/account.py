"""我的帳號 and invitations: one's password and one's logins; plain forms that work without JavaScript."""

from __future__ import annotations

from flask import Flask, Response, abort, current_app, make_response, redirect, render_template, request

from dashboard.access.roles import Permission
from dashboard.access.session import current_account, current_scope, may, store
from dashboard.access.views import enter, form_token, is_own_form, leave, take_session
from dashboard.components.dates import roc_datetime
from dashboard.frame import grant_facts, grant_words, role_title, scope_words, waiting_words
from dashboard.i18n import gettext as _
from dashboard.i18n import language
from dashboard.services import accounts, grants, passwords, second_factor, sessions
from dashboard.services.typed import whole_number


def install_account(server: Flask) -> None:
    """Add the page and what its forms do."""
    server.add_url_rule("/account", "account", account, methods=["GET"])
    server.add_url_rule("/account/role", "account_role", change_role, methods=["POST"])
    server.add_url_rule("/account/password", "account_password", change_password, methods=["POST"])
    server.add_url_rule("/invite/<token>", "invite", invite, methods=["GET", "POST"])
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
    if fault := _fault(own.username, new, again):
        return _page(fault=fault, status=400)
    if new == current:
        return _page(fault=_("新密碼和目前的密碼相同。"), status=400)
    try:
        token = accounts.change_own_password(
            store(), own, current, new, address=request.remote_addr or "",
            browser=sessions.browser_name(request.user_agent.string),
        )  # fmt: skip
    except accounts.TooManyFailuresError:
        return _page(fault=_("這個網路在 15 分鐘內登入失敗太多次，請 15 分鐘後再試。"), status=429)
    if token is None:
        return _page(fault=_("目前的密碼不對，或帳號暫時鎖定。連續 5 次錯誤會鎖定 15 分鐘。"), status=401)
    take_session(token)
    return redirect("/account?done=password")  # type: ignore[return-value]


def change_role() -> Response | tuple[Response, int]:
    """Act in another of one's roles; the login gets a new id."""
    if not may(Permission.VIEW_OWN):
        abort(403)
    token = accounts.act_as(store(), current_account(), whole_number(request.form.get("grant", "")))
    if token is None:
        abort(403)
    return enter(token, "/")


def invite(token: str) -> Response:
    """Let the owner of a one-time link set the password; used, old and never given links look alike."""
    username = accounts.owner_of_link(store(), token)
    if username is None:
        return _invitation("", status=404)
    if request.method == "GET":
        return _invitation(username)
    new = request.form.get("new", "")
    if not is_own_form():
        return _invitation(username, fault=_("這一頁已經過期，請再試一次。"), status=400)
    if fault := _fault(username, new, request.form.get("again", "")):
        return _invitation(username, fault=fault, status=400)
    if not accounts.redeem_link(store(), token, new):
        return _invitation("", status=404)
    return redirect("/login?set=1")  # type: ignore[return-value]


def _invitation(username: str, *, fault: str = "", status: int = 200) -> Response:
    page = render_template(
        "invite.html", username=username, fault=fault, minimum=passwords.MINIMUM_LENGTH, rule=_rule(), csrf_token=form_token(), language=language()
    )  # fmt: skip
    return make_response(page, status)


def _rule() -> str:
    """Say the rule in force for a new password."""
    if passwords.password_rules(store()) == passwords.PUBLIC_SCHOOL:
        return _(
            "至少 %(n)s 個字元，大寫字母、小寫字母、數字、其他字元（包括中文字）要有其中 %(kinds)s 種，不能和目前的密碼相同，可以貼上。",
            n=passwords.MINIMUM_LENGTH, kinds=passwords.KINDS,
        )  # fmt: skip
    return _(
        "至少 %(n)s 個字元，可以是一句話，也可以貼上；常見的密碼、帳號與校名加幾個數字不能用。",
        n=passwords.MINIMUM_LENGTH,
    )


def _fault(username: str, new: str, again: str) -> str:
    """Say what is wrong with a new password; "" when nothing is."""
    words = {
        "short": _("新密碼至少要 %(n)s 個字元。", n=passwords.MINIMUM_LENGTH),
        "long": _("新密碼最多 %(n)s 個字元。", n=passwords.MAXIMUM_LENGTH),
        "kinds": _("新密碼要有大寫字母、小寫字母、數字、其他字元這四種之中的 %(kinds)s 種。", kinds=passwords.KINDS),
        "common": _("這個密碼太常見或太容易猜到，請換一個。"),
    }
    if new != again:
        return _("兩次輸入的新密碼不同。")
    return words.get(passwords.password_fault(store(), username, new), "")


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
    standing = grants.list_standing(store())
    roles = [
        (
            held.id, grant_words(held), grant_facts(held), waiting_words(held), held.id == own.grant_id,
            [(each.username, grant_facts(each), waiting_words(each)) for each in standing if each.from_grant_id == held.id],
        )
        for held in sorted(standing, key=lambda each: each.on_behalf_of != "")  # the own ones first
        if held.username == own.username
    ]  # fmt: skip
    page = render_template(
        "account.html", username=own.username, role=role_title(), scope=scope_words(current_scope(), sessions.school_settings(store())),
        roles=roles, home="/" if may(Permission.VIEW_OVERVIEW) else "/certification",
        has_factor=own.username in second_factor.accounts_with(store()), logins=rows, idle_minutes=settings.idle_minutes, session_hours=settings.session_hours, minimum=passwords.MINIMUM_LENGTH,
        rule=_rule(), fault=fault, done=done, must_change=own.must_change_password, csrf_token=form_token(), language=language(),
    )  # fmt: skip
    return make_response(page, status)
