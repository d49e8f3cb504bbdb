"""第二因素 of one's own account: setting it up, the recovery codes, switching it off; plain forms without JavaScript."""

from __future__ import annotations

from flask import Flask, Response, abort, make_response, redirect, render_template, request

from dashboard.access.roles import Permission
from dashboard.access.session import current_account, may, must_set_up_second_factor, store
from dashboard.access.views import form_token, is_own_form
from dashboard.i18n import gettext as _
from dashboard.i18n import language
from dashboard.services import accounts, second_factor


def install_second_factor(server: Flask) -> None:
    """Add the page and what its forms do."""
    server.add_url_rule("/account/second-factor", "second_factor", show, methods=["GET"])
    server.add_url_rule("/account/second-factor/<action>", "second_factor_change", change, methods=["POST"])


def show() -> Response:
    """Show how things stand with one's second factor."""
    if not may(Permission.VIEW_OWN):
        abort(403)
    done = {"off": _("第二因素已停用。")}.get(request.args.get("done", ""), "")
    return _page(done=done)


def change(action: str) -> Response:
    """Start or finish setting up, renew the recovery codes, or switch off."""
    if not may(Permission.VIEW_OWN) or not is_own_form():
        abort(403)
    if action not in ("start", "confirm", "renew", "off"):
        abort(404)
    try:
        return _changed(action)
    except accounts.TooManyFailuresError:
        return _page(fault=_("這個網路在 15 分鐘內登入失敗太多次，請 15 分鐘後再試。"), status=429)


def _changed(action: str) -> Response:
    own, address, code = current_account(), request.remote_addr or "", request.form.get("code", "")
    state = second_factor.state_of(store(), own)
    if action in ("start", "confirm") and (state.is_on or not state.is_offered):
        abort(403)
    if action in ("renew", "off") and (not state.is_on or (action == "off" and state.is_required)):
        abort(403)
    password = request.form.get("password", "")
    if action != "confirm" and not accounts.is_own_password(store(), own, password, address=address):
        return _page(fault=_refusal(), status=401)
    if action == "start":
        second_factor.start_setup(store(), own)
        return redirect("/account/second-factor")  # type: ignore[return-value]
    if action == "off":
        if not second_factor.switch_off(store(), own, code, address=address):
            return _page(fault=_refusal(), status=401)
        return redirect("/account/second-factor?done=off")  # type: ignore[return-value]
    give = second_factor.finish_setup if action == "confirm" else second_factor.renew_codes
    codes = give(store(), own, code, address=address)
    if codes is None:
        return _page(fault=_refusal(), status=401)
    return _page(done=_("第二因素已經設定。") if action == "confirm" else _("備用碼已經重新產生。"), codes=codes)


def _refusal() -> str:
    return _("密碼或驗證碼不對、驗證碼已經用過，或帳號暫時鎖定。連續 5 次錯誤會鎖定 15 分鐘。")


def _page(*, fault: str = "", done: str = "", codes: list[str] | None = None, status: int = 200) -> Response:
    own = current_account()
    page = render_template(
        "second_factor.html", state=second_factor.state_of(store(), own), setup=second_factor.setup_of(store(), own), codes=codes,
        fault=fault, done=done, must_set_up=must_set_up_second_factor() and not codes, csrf_token=form_token(), language=language(),
    )  # fmt: skip
    return make_response(page, status)
