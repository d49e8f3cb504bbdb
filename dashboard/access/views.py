"""Login and logout: plain forms that work without JavaScript; health for those who run the server."""

from __future__ import annotations

from secrets import compare_digest, token_urlsafe
from urllib.parse import quote, unquote, urlsplit

from flask import Flask, Response, abort, current_app, make_response, redirect, render_template, request, session
from flask_login import current_user, login_user, logout_user

from dashboard.access.session import Person, is_logged_in, store
from dashboard.i18n import COOKIE, LANGUAGES, language
from dashboard.services import accounts, passwords, second_factor
from dashboard.services.sessions import browser_name

_SLASHES = "\u2044\u2215\u29f8\uff0f\uff3c"  # look like one, and some programs make one of them
LONGEST_TARGET = 2000  # a link with every filter set has some hundreds


def safe_next(target: str) -> str:
    """Return a path of this site, else the start page: no scheme, no host, no backslash, no control character.

    The path is looked at decoded as well, since a proxy in front may decode it: two slashes in a row are no page of ours.
    """
    if (
        not target.startswith("/")
        or target.startswith("//")
        or len(target) > LONGEST_TARGET
        or any(ord(c) < 33 or ord(c) == 127 for c in target)
    ):
        return "/"
    parts = urlsplit(target)
    path = unquote(parts.path)
    if parts.scheme or parts.netloc or "//" in path or any(c in "\\@" or ord(c) < 33 or c in _SLASHES for c in path):
        return "/"
    return target if "\\" not in target else "/"


def install_views(server: Flask) -> None:
    """Add the routes."""
    server.add_url_rule("/login", "login", login, methods=["GET", "POST"])
    server.add_url_rule("/login/code", "login_code", login_code, methods=["GET", "POST"])
    server.add_url_rule("/logout", "logout", logout, methods=["POST"])
    server.add_url_rule("/language/<code>", "language", switch_language, methods=["GET"])
    server.add_url_rule("/healthz", "healthz", healthz)
    server.add_url_rule("/readyz", "readyz", readyz)


def login() -> Response | tuple[Response, int]:
    """Show the form, or check it. The answer does not tell whether an account exists."""
    target = safe_next(request.values.get("next", "/"))
    if request.method == "GET":
        if is_logged_in():
            return redirect(target)  # type: ignore[return-value]
        return login_form(target, failed=False)
    if not current_app.config["LICHENG_SETTINGS"].local_login:
        abort(403)
    username, password = request.form.get("username", ""), request.form.get("password", "")
    if not is_own_form() or len(password) > passwords.MAXIMUM_LENGTH:
        return login_form(target, failed=False, expired=True), 400
    try:
        token = accounts.log_in(
            store(), username, password, address=request.remote_addr or "", browser=browser_name(request.user_agent.string)
        )  # fmt: skip
    except accounts.TooManyFailuresError:
        return login_form(target, failed=False, throttled=True), 429
    except accounts.CodeNeededError as pending:
        session.clear()
        session["pending_login"] = pending.token
        return redirect("/login/code?next=" + quote(target, safe="/"))  # type: ignore[return-value]
    if token is None:
        return login_form(target, failed=True), 401
    return enter(token, target)


def login_code() -> Response | tuple[Response, int]:
    """Ask for the second factor's code after the password; nobody is logged in before it is right."""
    target = safe_next(request.values.get("next", "/"))
    pending = str(session.get("pending_login", ""))
    if second_factor.owner_of_pending(store(), pending) is None:
        session.pop("pending_login", None)
        return redirect("/login?next=" + quote(target, safe="/"))  # type: ignore[return-value]
    if not current_app.config["LICHENG_SETTINGS"].local_login:
        abort(403)
    if request.method == "GET":
        return _code_form(target)
    if not is_own_form():
        return _code_form(target, expired=True), 400
    try:
        token = second_factor.finish_login(
            store(), pending, request.form.get("code", ""), address=request.remote_addr or "",
            browser=browser_name(request.user_agent.string),
        )  # fmt: skip
    except accounts.TooManyFailuresError:
        return _code_form(target, throttled=True), 429
    if token is None:
        return _code_form(target, failed=True), 401
    return enter(token, target)


def _code_form(target: str, *, failed: bool = False, expired: bool = False, throttled: bool = False) -> Response:
    page = render_template(
        "login_code.html", csrf_token=form_token(), next=target, failed=failed, expired=expired, throttled=throttled,
        language=language(),
    )  # fmt: skip
    return make_response(page)


def enter(token: str, target: str) -> Response | tuple[Response, int]:
    """Put a new login into the cookie and go where the person wanted."""
    account = take_session(token)
    if account is None:
        return login_form(target, failed=True), 401
    if target == "/" and account.role == "teacher":
        target = "/certification"
    return redirect(target)  # type: ignore[return-value]


def take_session(token: str) -> accounts.Account | None:
    """Put a new login into the cookie; nothing planted there before survives."""
    settings = current_app.config["LICHENG_SETTINGS"]
    account = accounts.account_of(
        store(), token, idle_minutes=settings.idle_minutes, session_hours=settings.session_hours
    )
    if account is not None:
        session.clear()
        login_user(Person(account), remember=False)
    return account


def form_token() -> str:
    """Return what a form of ours carries and another site cannot know."""
    token: str = session.get("csrf_token") or token_urlsafe(24)
    session["csrf_token"] = token
    return token


def is_own_form() -> bool:
    """Tell whether what is posted comes from a form of ours."""
    sent, kept = request.form.get("csrf_token", ""), session.get("csrf_token", "")
    return bool(kept) and compare_digest(sent.encode(), kept.encode())


def login_form(
    target: str, *, failed: bool = False, expired: bool = False, throttled: bool = False, refused: bool = False
) -> Response:
    """Show the login page, with what went wrong."""
    here = current_app.config["LICHENG_SETTINGS"]
    page = render_template(
        "login.html", csrf_token=form_token(), next=target, failed=failed, expired=expired, throttled=throttled,
        refused=refused, ended="_user_id" in session and request.method == "GET", by_school=bool(here.oidc_issuer), by_password=here.local_login,
        language=language(),
    )  # fmt: skip
    return make_response(page)


def logout() -> Response:
    """End the session in the database and empty the browser."""
    accounts.log_out(store(), current_user.account.session_token)
    return leave()


def leave() -> Response:
    """Send to the login page with an empty browser."""
    logout_user()
    session.clear()
    response = redirect("/login")
    response.headers["Clear-Site-Data"] = '"cache", "storage"'
    return response  # type: ignore[return-value]


def switch_language(code: str) -> Response:
    """Remember the language in a cookie and go back to the page that was shown, filters included."""
    shown = urlsplit(request.referrer or "")
    came_from = f"{shown.path}?{shown.query}" if shown.netloc == request.host and shown.path else "/"
    response = redirect(safe_next(request.args.get("next", came_from)))
    if code in LANGUAGES:
        secure = current_app.config["LICHENG_SETTINGS"].behind_tls
        response.set_cookie(COOKIE, code, max_age=31536000, samesite="Lax", httponly=True, secure=secure)
    return response  # type: ignore[return-value]


def healthz() -> tuple[str, int]:
    """Tell that the process answers."""
    return "ok", 200


def readyz() -> tuple[str, int]:
    """Tell whether the database answers and has the schema this code expects."""
    try:
        return ("ok", 200) if store().is_current() else ("migrate", 503)
    except Exception:
        return "database", 503
