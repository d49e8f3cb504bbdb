"""What the administrator's page does with accounts: invite, reset, disable, enable, log out, give and take roles; plain forms that post."""

from __future__ import annotations

from datetime import date

from flask import Flask, Response, abort, make_response, redirect, render_template, request

from dashboard.access.roles import Permission
from dashboard.access.session import current_name, may, settings, store
from dashboard.i18n import gettext as _
from dashboard.i18n import language
from dashboard.services import accounts, grants, second_factor
from dashboard.services.accounts import AccountError
from dashboard.services.passwords import random_password
from dashboard.services.typed import names, whole_number

_LONGEST = 200  # of a field


def install_accounts(server: Flask) -> None:
    """Add the routes of the page's forms."""
    server.add_url_rule("/admin/accounts/invite", "invite_account", invite_account, methods=["POST"])
    server.add_url_rule("/admin/accounts/change", "change_account", change_account, methods=["POST"])
    server.add_url_rule("/admin/roles/<step>", "change_roles", change_roles, methods=["POST"])


def invite_account() -> Response:
    """Make an account nobody knows the password of, and show the link by which its owner sets one; this once."""
    form = _form()
    classes = names(form.get("classes", ""))
    username = form.get("name", "").strip()
    try:
        accounts.add_user(
            store(), username, random_password(), role=form.get("role", ""), classes=classes, staff_code=form.get("staff", "").strip(),
            unit=form.get("unit", "").strip(), by=current_name(),
        )  # fmt: skip
        token = accounts.give_link(store(), username, hours=accounts.INVITE_HOURS, action="user_invited", by=current_name())  # fmt: skip
    except AccountError as error:
        return _refused(str(error))
    warnings = accounts.scope_warnings(store(), username=username, classes=classes, staff_code=form.get("staff", ""), unit=form.get("unit", ""))  # fmt: skip
    return _link(username, token, accounts.INVITE_HOURS, warnings)


def change_account() -> Response:
    """Take one step with an account; nobody takes one with the own, so that no administrator is locked out by a slip."""
    form = _form()
    username, step = form.get("name", ""), form.get("step", "")
    if username == current_name():
        return _refused(_("不能對自己的帳號這樣做；自己的密碼與登入請到「我的帳號」"))
    try:
        if step == "reset":
            token = accounts.give_link(store(), username, hours=accounts.RESET_HOURS, action="user_reset", by=current_name())  # fmt: skip
            return _link(username, token, accounts.RESET_HOURS, [])
        if step == "disable":
            accounts.disable_user(store(), username, by=current_name())
        elif step == "enable":
            accounts.enable_user(store(), username, by=current_name())
        elif step == "logout":
            accounts.log_out_user(store(), username, by=current_name())
        elif step == "second_factor":
            second_factor.reset(store(), username, by=current_name())
        else:
            return _refused(_("請選擇要做什麼"))
    except AccountError as error:
        return _refused(str(error))
    return _done(step)


def change_roles(step: str) -> Response:
    """Give an account a role, let it hold another's for a while, or take one back; nobody gives or takes the own."""
    form = _form()
    username, by = form.get("name", "").strip(), current_name()
    if username == by:
        return _refused(_("不能授予或收回自己的職務，請另一位系統管理者來做"))
    try:
        days = {"starts_on": _day(form.get("from", "")), "ends_on": _day(form.get("to", ""))}
        if step == "grant":
            grants.give(
                store(), username, role=form.get("role", ""), classes=names(form.get("classes", "")),
                unit=form.get("unit", "").strip(), by=by, **days,
            )  # fmt: skip
        elif step == "delegate":
            grants.delegate(store(), username, from_grant_id=whole_number(form.get("grant", "")), reason=form.get("reason", ""), by=by, **days)  # fmt: skip
        elif step == "revoke":
            number, _sep, username = form.get("grant", "").partition(":")
            if username == by:
                return _refused(_("不能授予或收回自己的職務，請另一位系統管理者來做"))
            grants.revoke(store(), username, whole_number(number), by=by)
        else:
            abort(404)
    except AccountError as error:
        return _refused(str(error))
    return _done(step)


def _day(said: str) -> date | None:
    try:
        return date.fromisoformat(said) if said else None
    except ValueError:
        raise AccountError(f"「{said[:20]}」不是日期，請寫成 2026-11-30") from None


def _form() -> dict[str, str]:
    if not may(Permission.ADMINISTER):
        abort(403)
    return {name: value[:_LONGEST] for name, value in request.form.items()}


def _link(username: str, token: str, hours: int, warnings: list[str]) -> Response:
    # The site's own address where it is set: the one asked for is whatever the browser said.
    link = f"{(settings().site_url or request.host_url).rstrip('/')}/invite/{token}"
    page = render_template("link.html", username=username, link=link, hours=hours, warnings=warnings, language=language())  # fmt: skip
    return make_response(page)


def _done(step: str) -> Response:
    """Go back to the page, which says what was done (pages.admin.DONE)."""
    return redirect(f"/admin?done={step}", 303)  # type: ignore[return-value]


def _refused(text: str) -> Response:
    return make_response(render_template("error.html", status=400, text=text, code="", language=language()), 400)
