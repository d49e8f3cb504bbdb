"""以學校帳號登入: to the provider by a link and back, once, in the browser that began it."""

from __future__ import annotations

import logging

from flask import Flask, Response, abort, redirect, request, session

from dashboard.access.session import settings, store
from dashboard.access.views import enter, login_form, safe_next
from dashboard.services import single_sign_on
from dashboard.services.sessions import browser_name

_ENDED = "/login/school/return"
log = logging.getLogger(__name__)


def install_sign_on(server: Flask) -> None:
    """Add the routes; refuse to serve settings that would let in whom they must not."""
    single_sign_on.provider_of(server.config["LICHENG_SETTINGS"])
    server.add_url_rule("/login/school", "sign_on", sign_on, methods=["GET"])
    server.add_url_rule(_ENDED, "sign_on_return", sign_on_return, methods=["GET"])


def sign_on() -> Response | tuple[Response, int]:
    """Send the browser to the provider."""
    provider = single_sign_on.provider_of(settings())
    if provider is None:
        abort(404)
    target = safe_next(request.args.get("next", "/"))
    try:
        address, shake = single_sign_on.begin(provider, _return_address())
    except single_sign_on.SignOnError as error:
        log.warning("the provider cannot be asked: %s", error)  # no line of the audit log: anybody could fill it
        return login_form(target, refused=True), 503
    session["sign_on"] = {"state": shake.state, "nonce": shake.nonce, "verifier": shake.verifier, "next": target}
    return redirect(address)  # type: ignore[return-value]


def sign_on_return() -> Response | tuple[Response, int]:
    """Let in whom the provider vouches for."""
    provider = single_sign_on.provider_of(settings())
    if provider is None:
        abort(404)
    begun = session.pop("sign_on", None)
    if not isinstance(begun, dict):  # nothing began in this browser: no line either
        return login_form("/", refused=True), 403
    subject = ""
    try:
        shake = single_sign_on.Handshake(begun["state"], begun["nonce"], begun["verifier"])
        claims = single_sign_on.finish(provider, _return_address(), shake, request.args.to_dict())
        subject = claims["sub"]
        token = single_sign_on.sign_on(
            store(), provider, claims, browser=browser_name(request.user_agent.string)
        )  # fmt: skip
    except single_sign_on.StrayAnswerError as error:
        log.warning(
            "an answer of no provider: %s", error
        )  # nor here: the browser can be made to have begun, again and again
        return login_form("/", refused=True), 403
    except single_sign_on.SignOnError as error:
        single_sign_on.note_refusal(store(), str(error), subject=subject, address=request.remote_addr or "")
        return login_form("/", refused=True), 403
    return enter(token, safe_next(begun["next"]))


def _return_address() -> str:
    return (settings().site_url or request.host_url).rstrip("/") + _ENDED
