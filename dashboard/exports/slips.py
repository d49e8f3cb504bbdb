"""A slip a student of a class, to print and take home: own counts, exact dates, and a place for the parent's signature."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any

import pandas as pd
from flask import Flask, Response, abort, make_response, render_template, request

from dashboard.access.roles import Permission
from dashboard.access.session import current_name, current_scope, may, store
from dashboard.components.classes import standing_words
from dashboard.components.dates import day_of, since, until
from dashboard.components.numbers import NOTHING, count
from dashboard.components.participation import kind_name
from dashboard.components.words import stage_name
from dashboard.frame import term_name
from dashboard.i18n import gettext as _
from dashboard.i18n import language
from dashboard.services import accounts
from dashboard.services.classes import SchoolClass, school_class
from dashboard.services.filters import open_view


def install_slips(server: Flask) -> None:
    """Add the route of the slips."""
    server.add_url_rule("/slips/<name>", "slips", slips)


def slips(name: str) -> Response:
    """Return the slips of a class of the term asked for; a class that the scope has not is one that does not exist."""
    if not (may(Permission.VIEW_STUDENT) and may(Permission.EXPORT)):
        abort(403)
    view = open_view(store(), current_scope(), request.args.to_dict() | {"class": name})
    result = None if view is None else school_class(store(), view)
    if view is None or result is None or result.students is None:
        abort(404)
    students = result.students[result.students["in_school"]]
    filters = view.filters
    detail: dict[str, object] = {
        "table": "slips", "format": "html", "rows": len(students), "as_of": filters.as_of.isoformat(), "term": filters.term,
        "class": result.name,
    }  # fmt: skip
    accounts.record(
        store(), current_name(), "export", detail, f"class:{filters.term // 10}:{result.name}"
    )  # no audit line, no slips
    page = render_template(
        "slips.html", language=language(), school=view.ledger.settings.school_name, term=term_name(filters.term),
        class_name=result.name, as_of=day_of(filters.as_of), windows=_windows(result),
        students=[_student(row) for row in students.to_dict("records")],
    )  # fmt: skip
    return make_response(page)


def _student(row: dict[str, Any]) -> dict[str, str]:
    def said(name: str) -> str:
        return NOTHING if pd.isna(row[name]) else _("%(n)s 件", n=count(row[name]))

    names = ("upload_outcome", "upload_performance", "select_outcome", "select_performance", "sent", "certified")
    return {name: said(name) for name in names} | {
        "seat": NOTHING if pd.isna(row["seat"]) else str(row["seat"]),
        "number": str(row["number"]), "name": str(row["name"]), "receipt": standing_words(row),
    }  # fmt: skip


def _windows(result: SchoolClass) -> list[dict[str, str]]:
    """List what is open when; key: of the count that stands beside it."""
    lines = [
        {"key": f"{stage}_{kind.key}", "what": f"{stage_name(stage)}・{kind_name(kind.key)}"}
        | _span((window.starts_at, window.ends_at) for window in kind.windows)
        for stage, part in (("upload", result.upload), ("select", result.select))
        for kind in part.kinds
    ]
    own = _span((window.starts_at, window.ends_at) for window in result.receipts.windows)
    return [*lines, {"key": "receipt", "what": stage_name("confirm")} | own]


def _span(spans: Iterable[tuple[datetime, datetime]]) -> dict[str, str]:
    """Write a window with its weekdays."""
    for start, end in spans:
        return {"start": since(start), "end": until(end)}
    return {"start": NOTHING, "end": _("期程公告後另行通知")}
