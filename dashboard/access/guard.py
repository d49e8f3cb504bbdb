"""The gate: deny first. Installed before Dash, checked again in every callback, sealed before serving."""

from __future__ import annotations

import functools
import json
from collections.abc import Callable
from typing import Any
from urllib.parse import quote, urlsplit

import dash
from dash import _callback as dash_callbacks
from dash.exceptions import DependencyException
from flask import Flask, Response, abort, current_app, g, jsonify, redirect, request
from werkzeug.exceptions import Forbidden, InternalServerError, Unauthorized

from dashboard.access.roles import Permission
from dashboard.access.session import current_account, is_logged_in, may, must_change_password, must_set_up_second_factor
from dashboard.access.views import is_own_form
from dashboard.services import audit

OPEN_ENDPOINTS = {"login", "login_code", "sign_on", "sign_on_return", "invite", "language", "healthz", "readyz"}
FIRST_ENDPOINTS = {"account", "account_password", "account_logout", "logout"}  # before the own password is set
SECOND_ENDPOINTS = {"second_factor", "second_factor_change", "account_logout", "logout"}  # before the second factor is
OPEN_PREFIXES = ("/assets/", "/_dash-component-suites/")
ROUTER = ".._pages_content.children..._pages_store.data.."
_POLICY: dict[str, Permission | None] = {ROUTER: None}  # callback id → what it asks for


def install_guard(server: Flask) -> None:
    """Make the gate the first thing every request meets. Call before Dash() is made."""
    server.before_request(_gate)
    server.teardown_request(lambda _error: audit.act())  # what the thread does next is nobody's of this request

    @server.errorhandler(DependencyException)
    def _unknown_asset(_error: DependencyException) -> tuple[str, int]:
        return "", 404


def _gate() -> Response | None:
    if request.method not in ("GET", "HEAD", "POST"):
        abort(405)
    if "\x00" in request.path:
        abort(400)  # no database takes it
    # Nor one in the query, which is asked for like anything else that nobody knows.
    request.query_string = request.query_string.replace(b"%00", b"%EF%BF%BD")
    if request.method == "POST":
        _refuse_cross_site()
        if (
            request.endpoint != "import_files" and _has_no_text()
        ):  # that one has a limit of its own, and looks at its token
            abort(400)
    if request.endpoint in OPEN_ENDPOINTS or request.path.startswith(OPEN_PREFIXES):
        return None
    if not is_logged_in():
        if request.method == "GET" and request.accept_mimetypes.accept_html and not request.path.startswith("/_"):
            query = f"?{request.query_string.decode('latin-1')}" if request.query_string else ""
            away = redirect("/login?next=" + quote(request.path + query, safe="/"))
            away.set_data("")  # the address is in the header; nothing that was asked comes back as a page
            return away  # type: ignore[return-value]
        response = jsonify(error="login required")
        response.status_code = 401
        return response
    own = current_account()
    audit.act(role=own.role.value, on_behalf_of=own.on_behalf_of)
    if must_change_password() and request.endpoint not in FIRST_ENDPOINTS:
        if request.method == "GET" and request.accept_mimetypes.accept_html and not request.path.startswith("/_"):
            return redirect("/account")  # type: ignore[return-value]
        abort(403)
    if not must_change_password() and must_set_up_second_factor() and request.endpoint not in SECOND_ENDPOINTS:
        if request.method == "GET" and request.accept_mimetypes.accept_html and not request.path.startswith("/_"):
            return redirect("/account/second-factor")  # type: ignore[return-value]
        abort(403)
    if request.path.endswith("_dash-update-component"):
        _check_callback()
    return None


def _refuse_cross_site() -> None:
    """Let only our own pages post: by Sec-Fetch-Site where the browser says it, else by Origin, else by the form's token.

    Every browser of today says one of the two. Without either, JSON is let through, which no form can send, and what has a
    token of its own to look at (the open forms) or does no harm (logging out).
    """
    site, origin = request.headers.get("Sec-Fetch-Site"), request.headers.get("Origin")
    if site is not None:
        is_ours = site in ("same-origin", "none")
    elif origin is not None:
        is_ours = urlsplit(origin).netloc == request.host
    else:
        is_ours = request.is_json or request.endpoint in OPEN_ENDPOINTS | {"logout"} or is_own_form()
    if not is_ours:
        abort(403)


def _has_no_text() -> bool:
    """Tell whether a form holds what no database takes as text: nothing is counted or looked up for it."""
    return any("\x00" in said for field in request.form.items(multi=True) for said in field)


def _check_callback() -> None:
    if not request.is_json:
        abort(400)
    try:
        body = request.get_json(silent=True)
    except RecursionError:  # "[" × 100,000
        abort(400)
    if (
        not isinstance(body, dict)
        or not isinstance(body.get("output"), str)
        or not isinstance(body.get("inputs"), list)
    ):
        abort(400)
    if b"\\u" in request.get_data():
        text = json.dumps(body, ensure_ascii=False)
        if "\\u0000" in text or any("\ud800" <= letter <= "\udfff" for letter in text):
            abort(400)  # half a letter, or none
    changed = body.get("changedPropIds") or []
    if not isinstance(changed, list) or not all(isinstance(each, str) for each in changed):
        abort(400)
    if body["output"] not in _POLICY:
        abort(403)
    if body["output"] == ROUTER and not _is_address([_value_of(each) for each in body["inputs"]]):
        abort(400)
    _check_shape(body, current_app.config["LICHENG_CALLBACKS"][body["output"]])


def _is_address(values: list[object]) -> bool:
    """Tell whether Dash's router is asked for a path and a query: it reads whatever it gets without a look."""
    texts = [value for value in values if isinstance(value, str)]
    return len(texts) == len(values) == 2 and texts[0].startswith("/") and (not texts[1] or texts[1].startswith("?"))


def _value_of(dependency: object) -> object:
    return dependency.get("value") if isinstance(dependency, dict) else None


def _check_shape(body: dict[str, Any], registered: dict[str, Any]) -> None:
    """Refuse a body whose outputs, inputs or state are not those registered: Dash itself would fail on it, or worse."""
    named = [tuple(one.rsplit(".", 1)) for one in body["output"].strip(".").split("...")]
    wanted = {
        "outputs": named,
        "inputs": [(each["id"], each["property"]) for each in registered["inputs"]],
        "state": [(each["id"], each["property"]) for each in registered["state"]],
    }
    for part, pairs in wanted.items():
        given = body.get(part) or []
        given = [given] if isinstance(given, dict) else given
        if not isinstance(given, list) or not all(isinstance(each, dict) for each in given):
            abort(400)
        if [(each.get("id"), each.get("property")) for each in given] != pairs:
            abort(400)


def protected_callback(
    *dependencies: Any, permission: Permission, scoped: bool = True, **options: Any
) -> Callable[..., Any]:
    """Register a callback that runs only for people who hold permission.

    Dash answers every callback of every page at one URL, so hiding a page does not hide its data. scoped: whoever forgets to
    ask for the scope (current_scope) answers nothing at all; False for what has none, with the reason beside it.
    """
    if options.get("background") or options.get("api_endpoint"):
        raise RuntimeError("background and api_endpoint callbacks are reachable around the gate")

    def register(function: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(function)
        def guarded(*args: Any, **kwargs: Any) -> Any:
            if not is_logged_in():
                raise Unauthorized
            if not may(permission):
                raise Forbidden
            g.scope_asked = False
            result = function(*args, **kwargs)
            if scoped and not g.scope_asked:
                raise InternalServerError
            return result

        before = {entry["output"] for entry in dash_callbacks.GLOBAL_CALLBACK_LIST}
        result = dash.callback(*dependencies, **options)(guarded)
        (new,) = [entry["output"] for entry in dash_callbacks.GLOBAL_CALLBACK_LIST if entry["output"] not in before]
        _POLICY[new] = permission
        return result

    return register


def policy() -> dict[str, Permission | None]:
    """Return what every registered callback asks for."""
    return dict(_POLICY)


def seal(app: dash.Dash) -> None:
    """Refuse to serve an app that something could get around."""
    server = app.server
    hooks = server.before_request_funcs.get(None, [])
    if not hooks or hooks[0] is not _gate:
        raise RuntimeError("the gate must be the first before_request: install_guard before Dash()")
    if not app.config.suppress_callback_exceptions:
        raise RuntimeError("suppress_callback_exceptions must be on: else layouts of one person reach everybody")
    if getattr(app, "_enable_mcp", False):
        raise RuntimeError("enable_mcp must be off: it runs every callback")
    if getattr(app, "_on_error", None) is not None:
        raise RuntimeError("a global on_error would turn refusals into answers")
    if dash_callbacks.GLOBAL_API_PATHS:
        raise RuntimeError("api_endpoint callbacks are reachable around the gate")
    with server.test_request_context("/healthz"):
        for hook in hooks[1:]:
            hook()  # Dash's own: takes the pages' callbacks into the app
    client_side = {entry["output"] for entry in app._callback_list if entry.get("clientside_function")}
    server.config["LICHENG_CALLBACKS"] = app.callback_map
    unguarded = set(app.callback_map) - set(_POLICY) - client_side
    if unguarded:
        raise RuntimeError(f"callbacks without a permission: {sorted(unguarded)}")
