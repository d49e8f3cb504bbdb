"""Failures in words: a page for people, JSON for callbacks, never a traceback."""

from __future__ import annotations

import json
import logging
from secrets import token_hex

from flask import Flask, Response, jsonify, make_response, render_template, request
from werkzeug.exceptions import HTTPException, InternalServerError

from dashboard.i18n import gettext as _
from dashboard.i18n import language

log = logging.getLogger("licheng")


def install_errors(server: Flask) -> None:
    """Answer every failure in the asker's form."""
    server.register_error_handler(HTTPException, _refused)
    server.register_error_handler(Exception, _failed)
    server.after_request(_say_where)


def _say_where(response: Response) -> Response:
    """Answer a form that assets/forms.js sent with the address to go to: the browser would follow it unseen, and lose the place on the page."""
    if request.method == "POST" and "X-Licheng-Form" in request.headers and response.location:
        response.set_data(json.dumps({"location": response.headers.pop("Location")}))
        response.status_code, response.mimetype = 200, "application/json"
    return response  # the same one: its cookies, and the headers that every answer has


def _refused(error: HTTPException) -> Response:
    status = error.code or 500
    texts = {
        403: _("您的角色不能看這一頁。"),
        404: _("沒有這一頁。"),
        405: _("這個網址不接受這種要求。"),
        413: _("送出的資料太大。"),
    }
    return _answer(status, texts.get(status, _("這個要求無法處理。")), "")


def _failed(error: Exception) -> Response:
    """Log the failure under a code that the person can name; the answer holds nothing of it."""
    code = token_hex(4)
    log.error("failure %s at %s: %s", code, request.endpoint, type(error).__name__, exc_info=error)
    return _answer(InternalServerError.code, _("系統發生錯誤，其他頁面仍可使用。"), code)


def _answer(status: int, text: str, code: str) -> Response:
    if request.path.startswith("/_") or not request.accept_mimetypes.accept_html:
        response = jsonify(error=text, code=code)
    else:
        response = make_response(
            render_template("error.html", status=status, text=text, code=code, language=language())
        )
    response.status_code = status
    return response
