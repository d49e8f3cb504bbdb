"""What goes into the audit log from the web: who looked at whom, who took what away, who was refused."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any

from flask import Flask, Response, request

from dashboard.access.session import current_name, is_logged_in, store
from dashboard.services import audit

log = logging.getLogger("licheng")


def record(action: str, *, about: str = "", detail: Mapping[str, Any] | None = None) -> None:
    """Write an event of this request's person. Call it before answering: what cannot be recorded is not given."""
    audit.record(store(), actor=current_name(), action=action, about=about, detail=detail)


def record_teacher_view(code: str) -> None:
    """Note that a teacher's page was looked at."""
    record("view_teacher", about=f"teacher:{code}")


def record_class_view(school_year: int, name: str) -> None:
    """Note that the students of a class were looked at by name."""
    record("view_class", about=f"class:{school_year}:{name}")


def record_student_view(number: str) -> None:
    """Note that a student's page was looked at, under what stands for the student in the log."""
    record("view_student", about=audit.about_student(store(), number))


def record_refusal(detail: Mapping[str, Any]) -> None:
    """Note a refusal of somebody who is logged in; when that fails, the refusal stands all the same."""
    try:
        record("refused", detail=detail)
    except Exception as error:
        log.error("a refusal could not be recorded: %s", type(error).__name__)


def install_trail(server: Flask) -> None:
    """Note every 403 that somebody logged in gets. The address is left out: it may name a student."""

    @server.after_request
    def _note_refusals(response: Response) -> Response:
        if response.status_code == 403 and is_logged_in():
            record_refusal({"endpoint": (request.endpoint or "")[:60]})
        return response
