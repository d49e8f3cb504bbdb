"""Downloads: the tables of the pages, by the same services and within the same scope."""

from __future__ import annotations

from datetime import datetime
from zoneinfo import ZoneInfo

from flask import Flask, Response, abort, request

from dashboard.access.roles import Permission
from dashboard.access.session import current_name, current_scope, may, store
from dashboard.components.dates import roc_datetime
from dashboard.exports.tables import to_csv
from dashboard.i18n import gettext as _
from dashboard.services import accounts
from dashboard.services.certification import certification
from dashboard.services.filters import View, open_view
from dashboard.services.overview import overview


def install_exports(server: Flask) -> None:
    """Add the download routes."""
    server.add_url_rule("/exports/classes.csv", "export_classes", classes_csv)
    server.add_url_rule("/exports/teachers.csv", "export_teachers", teachers_csv)


def classes_csv() -> Response:
    """Return 總覽's class table."""
    view = _view(Permission.VIEW_OVERVIEW)
    result = overview(store(), view)
    headers = [_("班級"), _("在學人數"), _("已上傳人數"), _("上傳件數"), _("應認證"), _("準時"), _("逾時完成"), _("待認證"), _("逾期"),
               _("免認證"), _("認證完成率"), _("已勾選人數"), _("收訖已確認"), _("收訖人數")]  # fmt: skip
    columns = ["key", "enrolled", "upload_participants", "items", "expected", "on_time", "late", "open", "overdue", "exempt",
               "completion", "select_participants", "confirmed", "receipt_round"]  # fmt: skip
    table = result.classes[columns].astype(object)
    if result.selection_state != "neutral":  # empty, as 0 would say that nobody did
        table["select_participants"] = None
    if result.receipts_state in ("not_open", "no_data"):
        table[["confirmed", "receipt_round"]] = None
    return _file(view, "classes", headers, table.to_numpy(dtype=object).tolist())


def teachers_csv() -> Response:
    """Return 教師認證's table of teachers, for those who see teachers by name."""
    view = _view(Permission.VIEW_CERTIFICATION)
    if view.scope.teachers not in ("all", "unit"):
        abort(403)
    result = certification(store(), view)
    headers = [_("教師代碼"), _("姓名"), _("處室"), _("應認證"), _("準時"), _("逾時完成"), _("待認證"), _("逾期"), _("免認證"),
               _("完成率"), _("準時率"), _("等候中位日數"), _("截止前 48 小時送達比例")]  # fmt: skip
    columns = ["key", "name", "unit", "expected", "on_time", "late", "open", "overdue", "exempt", "completion", "timeliness",
               "wait_median_days", "late_share"]  # fmt: skip
    return _file(view, "teachers", headers, result.teachers[columns].to_numpy(dtype=object).tolist())


def _view(permission: Permission) -> View:
    if not (may(permission) and may(Permission.EXPORT)):
        abort(403)
    view = open_view(store(), current_scope(), request.args.to_dict())
    if view is None:
        abort(404)
    return view


def _file(view: View, name: str, headers: list[str], rows: list[list[object]]) -> Response:
    """No audit line, no export."""
    term = view.filters.term
    accounts.record(store(), current_name(), "export", {"table": name, "term": term, "rows": len(rows)})
    made = datetime.now(ZoneInfo("Asia/Taipei"))
    notes = [
        _(
            "學期 %(term)s，資料截至 %(as_of)s",
            term=f"{term // 10}-{term % 10}",
            as_of=roc_datetime(view.filters.as_of),
        ),
        _("由 %(user)s 於 %(made)s 匯出", user=current_name(), made=roc_datetime(made)),
    ]
    response = Response(to_csv(headers, rows, notes=notes), mimetype="text/csv; charset=utf-8")
    response.headers["Content-Disposition"] = f'attachment; filename="{name}-{term}.csv"'
    return response
