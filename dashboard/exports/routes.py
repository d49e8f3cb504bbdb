"""Downloads: the tables of the pages, by the same services and within the same scope."""

from __future__ import annotations

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from flask import Flask, Response, abort, request

from dashboard.access.roles import Permission
from dashboard.access.session import current_name, current_scope, may, store
from dashboard.components.dates import local, roc_datetime, until
from dashboard.components.words import listed
from dashboard.exports.reminders import as_text
from dashboard.exports.tables import Block, Table, all_tables, cells, to_csv, to_ods, to_xlsx
from dashboard.frame import own_words, scope_words, term_name
from dashboard.i18n import gettext as _
from dashboard.services import accounts
from dashboard.services.filters import View, open_view
from dashboard.services.trust import sources_of

TYPES = {
    "csv": "text/csv; charset=utf-8",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    "ods": "application/vnd.oasis.opendocument.spreadsheet",
    "txt": "text/plain; charset=utf-8",
}


def install_exports(server: Flask) -> None:
    """Add the download routes."""
    server.add_url_rule("/exports/<key>.<any(csv, xlsx, ods):suffix>", "export", export)
    server.add_url_rule("/exports/reminders.txt", "export_reminders_text", reminders_text)


def export(key: str, suffix: str) -> Response:
    """Return a table as a file, for the page's query and the person's scope."""
    table = all_tables().get(key)
    if table is None:
        abort(404)
    view = _view(table)
    rows = cells(table, table.rows(view))
    made = _record(key, suffix, view, len(rows))
    if suffix == "csv":
        return _file(to_csv(table, rows, notes=_notes(view, made)), key, suffix, view)
    write = to_xlsx if suffix == "xlsx" else to_ods
    return _file(write((table, rows), about=_about(table, view, made)), key, suffix, view)


def reminders_text() -> Response:
    """Return the reminders as text to paste into messages, one a teacher."""
    view = _view(all_tables()["reminders"])
    text, people = as_text(view)
    _record("reminders", "txt", view, people)
    return _file(text.encode(), "reminders", "txt", view)


def _view(table: Table) -> View:
    """Open the view of the page's query within the scope of the session, or refuse."""
    if not (may(table.permission) and may(Permission.EXPORT) and table.allowed(current_scope())):
        abort(403)
    view = open_view(store(), current_scope(), request.args.to_dict())
    if view is None:
        abort(404)
    return view


def _record(key: str, suffix: str, view: View, rows: int) -> str:
    """Write the audit line and return when: no audit line, no export."""
    detail = {"table": key, "format": suffix, "rows": rows, "as_of": view.filters.as_of.isoformat()} | _asked(view)
    accounts.record(store(), current_name(), "export", detail, _whom(view))
    return roc_datetime(datetime.now(ZoneInfo("Asia/Taipei")))


def _whom(view: View) -> str:
    """Name the one teacher or class that a file is about, so that it is found when that one asks."""
    filters = view.filters
    if filters.teacher is not None:
        return f"teacher:{filters.teacher}"
    return "" if filters.class_name is None else f"class:{filters.term // 10}:{filters.class_name}"


def _asked(view: View) -> dict[str, object]:
    filters = view.filters
    asked = {
        "term": filters.term, "grade": filters.grade, "dept": filters.department, "subject": filters.subject,
        "class": filters.class_name, "teacher": filters.teacher,
    }  # fmt: skip
    return {name: value for name, value in asked.items() if value is not None}


def _notes(view: View, made: str) -> list[str]:
    term, as_of = view.filters.term, until(view.filters.as_of)
    notes = [
        _("學期 %(term)s，資料截至 %(as_of)s", term=f"{term // 10}-{term % 10}", as_of=as_of),
        _("由 %(user)s 於 %(made)s 匯出", user=own_words(), made=made),
    ]
    return [*notes, scope_words(view.scope, view.ledger.settings)] if view.scope.suppressed else notes


def _about(table: Table, view: View, made: str) -> list[Block]:
    """Say what the figures are: the question, who asked, what each column means, and which imports they rest on."""
    names = {
        "grade": _("年級"), "dept": _("科別"), "subject": _("科目"), "class": _("班級"), "teacher": _("教師"),
    }  # fmt: skip
    chosen = [f"{names[name]} {value}" for name, value in _asked(view).items() if name in names]
    facts = [
        (_(table.title), ""),
        (_("學期"), term_name(view.filters.term)),
        (_("資料截至"), until(view.filters.as_of)),
        (_("匯出"), _("由 %(user)s 於 %(made)s 匯出", user=own_words(), made=made)),
        (_("匯出者的範圍"), scope_words(view.scope, view.ledger.settings)),
        (_("篩選條件"), listed(chosen) or _("全部")),
        (_("空白"), _("沒有應辦的件數、尚未開放或尚無資料；不是 0。")),
    ]
    if any(column.kind == "rate" for column in table.columns):
        words = _("無條件捨去到 0.1%，儲存格裡就是捨去後的數字：358/359 是 99.7%，不會顯示成 100%。")
        facts.append((_("百分比"), words))
    columns = [(_("欄位"), _("定義"))]
    columns += [(_(column.title), _(column.definition) if column.definition else "") for column in table.columns]
    sources = [(_("資料來源"), _("檔案"), "SHA-256", _("匯入時間"))]
    sources += [
        (each.title, each.file_name, each.sha256, roc_datetime(each.imported_at)) for each in sources_of(store())
    ]
    return [facts, columns, sources]


def _file(content: bytes, key: str, suffix: str, view: View) -> Response:
    response = Response(content, content_type=TYPES[suffix])
    day = local(view.filters.as_of - timedelta(microseconds=1))
    name = f"{key}-{view.filters.term}-{day:%Y%m%d}.{suffix}"
    response.headers["Content-Disposition"] = f'attachment; filename="{name}"'
    return response
