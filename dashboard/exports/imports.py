"""The plain routes of 匯入: files in, refused rows and blank templates out."""

from __future__ import annotations

from collections.abc import Iterator
from typing import IO

from flask import Flask, Response, abort, jsonify, request
from werkzeug.exceptions import RequestEntityTooLarge

from dashboard.access.roles import Permission
from dashboard.access.session import current_name, current_role, may, store
from dashboard.i18n import gettext as _
from dashboard.services import accounts, imports

TYPES = {
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    "ods": "application/vnd.oasis.opendocument.spreadsheet",
}
_ENVELOPE_BYTES = 2**20  # what the names of files and the parts' borders take beside the files


def install_imports(server: Flask) -> None:
    """Add the routes."""
    server.add_url_rule("/imports/files", "import_files", hand_in, methods=["POST"])
    server.add_url_rule("/imports/jobs/<token>/rejected.xlsx", "import_job_rejected", rejected_of_job)
    server.add_url_rule("/imports/<batch_id>/rejected.xlsx", "import_rejected", rejected)
    server.add_url_rule("/imports/templates/<kind>.<suffix>", "import_template", template)


def hand_in() -> tuple[Response, int]:
    """Take files in (form field `files`, several) and answer with the token of the job; `job` names one to add them to.

    Only this route takes more than a page's filters; a body too big is refused before it is read.
    """
    if not may(Permission.IMPORT):
        abort(403)
    request.max_content_length = imports.UPLOAD_BYTES + _ENVELOPE_BYTES
    try:
        token = imports.hand_in(
            store(), _files(), by=current_name(), token=request.form.get("job") or None, role=current_role()
        )
    except RequestEntityTooLarge:
        limit = imports.UPLOAD_BYTES // 2**20
        return jsonify(error=_("檔案太大：一次最多 %(size)s MB，請分批交。", size=limit)), 413
    except imports.ServiceError as error:
        return jsonify(error=str(error)), 400
    return jsonify(token=token), 200


def _files() -> Iterator[tuple[str, IO[bytes]]]:
    for file in request.files.getlist("files"):
        if file.filename:
            yield file.filename, file.stream


def rejected(batch_id: str) -> Response:
    """Return the refused rows of an import, for whom may see them; for others there are none."""
    return _workbook(imports.rejected_rows(store(), batch_id, by=current_name(), role=current_role()), batch_id)


def rejected_of_job(token: str) -> Response:
    """Return the rows that the plan of a hand-in refuses, before anything is decided."""
    return _workbook(imports.rejected_rows_of_job(store(), token, by=current_name(), role=current_role()), token)


def _workbook(content: bytes | None, source: str) -> Response:
    """No audit line, no export."""
    if not may(Permission.IMPORT):
        abort(403)
    if content is None:
        abort(404)
    accounts.record(store(), current_name(), "export", {"table": "rejected_rows", "of": source[:8]})
    return _file(content, f"rejected-{source[:8]}", "xlsx")


def template(kind: str, suffix: str) -> Response:
    """Return a blank template, which holds nothing of anybody."""
    if not may(Permission.IMPORT):
        abort(403)
    content = imports.template(kind, suffix)
    if content is None:
        abort(404)
    return _file(content, kind, suffix)


def _file(content: bytes, name: str, suffix: str) -> Response:
    response = Response(content, mimetype=TYPES[suffix])
    response.headers["Content-Disposition"] = f'attachment; filename="{name}.{suffix}"'
    return response
