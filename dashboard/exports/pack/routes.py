"""Freezing a pack and taking its files away."""

from __future__ import annotations

from urllib.parse import urlencode

from flask import Flask, Response, abort, make_response, redirect, render_template, request
from flask_babel import force_locale

from dashboard.access.roles import Permission, Role
from dashboard.access.scope import scope_for
from dashboard.access.session import current_name, editions, may, store
from dashboard.exports.pack.archive import make_archive, read_member
from dashboard.exports.pack.evidence import gather
from dashboard.exports.pack.setting import SettingError
from dashboard.i18n import language
from dashboard.services import accounts
from dashboard.services.filters import open_view
from dashboard.services.packs import Pack, freeze, frozen_already, now, pack

TYPES = {
    "pdf": "application/pdf", "odt": "application/vnd.oasis.opendocument.text", "zip": "application/zip",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    "ods": "application/vnd.oasis.opendocument.spreadsheet", "json": "application/json",
}  # fmt: skip
MEMBERS = {"pack.pdf", "pack.odt", "tables.xlsx", "tables.ods", "evidence.json", "manifest.json"}
_SEEN_AS = {"full": Role.CONVENER, "members": Role.MEMBER}  # whose scope an edition is counted in


def freeze_pack() -> Response:
    """Freeze both editions of the term and day asked for, in Chinese as the meeting reads them; all or nothing.

    Asked again of the same hour while the data are the same, those there are stand for it.
    """
    if not may(Permission.MAKE_PACKS):
        abort(403)
    query = {name: request.form.get(name, "")[:20] for name in ("term", "asof")}
    try:
        made = _freeze(query)
    except SettingError as error:
        page = render_template("error.html", status=503, text=str(error), code="", language=language())
        return make_response(page, 503)
    if not made:
        abort(404)
    return redirect("/packs?" + urlencode({name: value for name, value in query.items() if value}))  # type: ignore[return-value]


def _freeze(query: dict[str, str]) -> list[int]:
    made_at = now()
    views = {}
    for edition, role in _SEEN_AS.items():
        view = open_view(store(), scope_for(role, classes=frozenset(), staff_code="", unit=""), query)
        if view is None:
            return []
        views[edition] = view
    if there := frozen_already(store(), views):
        return there
    made = []
    with force_locale("zh_Hant_TW"):
        for edition, view in views.items():
            content, sha256 = make_archive(gather(view, edition=edition, made_at=made_at))
            known = Pack(
                0, view.filters.term, view.filters.as_of, edition, made_at, current_name(), sha256, len(content)
            )
            made.append((known, content))
    return freeze(store(), made, by=current_name())


def install_packs(server: Flask) -> None:
    """Add the routes: freezing, and the files."""
    server.add_url_rule("/packs/freeze", "freeze_pack", freeze_pack, methods=["POST"])
    server.add_url_rule("/packs/<int(max=2147483647):number>/<name>", "pack_file", pack_file)


def pack_file(number: int, name: str) -> Response:
    """Return a file of a pack, or all of them as pack.zip; an edition that is not this person's does not exist."""
    if not may(Permission.VIEW_PACKS):
        abort(403)
    found = pack(store(), number, editions=editions())
    if found is None or (name != "pack.zip" and name not in MEMBERS):
        abort(404)
    known, archive = found
    content = archive if name == "pack.zip" else read_member(archive, name)
    if content is None:
        abort(404)
    detail: dict[str, object] = {"pack": number, "edition": known.edition, "file": name, "sha256": known.sha256}
    accounts.record(store(), current_name(), "export", detail)  # no audit line, no file
    suffix = name.rpartition(".")[2]
    stem = f"pack-{known.term}-{known.as_of:%Y%m%d}-{known.edition}"
    response = Response(content, content_type=TYPES[suffix])
    label = name.rpartition(".")[0].replace("pack", "") or ""
    response.headers["Content-Disposition"] = f'attachment; filename="{stem}{"-" + label if label else ""}.{suffix}"'
    return response
