"""Two languages: Traditional Chinese first, English second, chosen by a cookie."""

from __future__ import annotations

from flask import Flask, has_request_context, request
from flask_babel import Babel, gettext

LANGUAGES = {"zh_Hant_TW": "中文", "en": "English"}
COOKIE = "lang"
_ = gettext


def N_(text: str) -> str:  # noqa: N802 - the name that the extraction of texts knows
    """Mark a text for translation where it stands; it is translated where it is used."""
    return text


def language() -> str:
    """Return the language of this request."""
    asked = request.cookies.get(COOKIE, "") if has_request_context() else ""
    return asked if asked in LANGUAGES else "zh_Hant_TW"


def install_i18n(server: Flask) -> None:
    """Choose the language per request. The texts in the code are the Chinese ones; translations/ holds the English."""
    server.config["BABEL_TRANSLATION_DIRECTORIES"] = (
        str(__file__).rsplit("/", 1)[0].rsplit("\\", 1)[0] + "/translations"
    )
    Babel(server, default_locale="zh_Hant_TW", default_timezone="Asia/Taipei", locale_selector=language)
