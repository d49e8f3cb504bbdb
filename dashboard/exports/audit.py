"""The audit log as a file, for who may look at it: what the page shows, and an audit line of its own."""

from __future__ import annotations

from datetime import datetime
from typing import Final
from zoneinfo import ZoneInfo

import pandas as pd
from flask import Flask, Response, abort, request

from dashboard.access import trail
from dashboard.access.roles import Permission
from dashboard.access.session import may, store
from dashboard.components.dates import TAIPEI, roc_datetime
from dashboard.components.events import about_words, action_words, detail_words
from dashboard.components.numbers import count
from dashboard.exports.routes import TYPES
from dashboard.exports.tables import Block, Column, Sheet, cells, to_csv, to_ods, to_xlsx
from dashboard.frame import own_words, role_words
from dashboard.i18n import N_
from dashboard.i18n import gettext as _
from dashboard.services.audit import MOST_EXPORTED, look_at, read_query

SHEET: Final = Sheet(
    key="audit",
    title=N_("稽核紀錄"),
    columns=(
        Column("number", N_("編號"), "count", N_("從 1 起，中間沒有跳號；跳號就是有紀錄被刪掉。")),
        Column("at", N_("時間"), "instant", N_("事情發生的時間（臺北時間）。")),
        Column("actor", N_("帳號"), "text", N_("誰做的；不明的帳號空白，命令列是作業系統的使用者。")),
        Column("what", N_("動作")),
        Column("action", N_("動作代碼")),
        Column("whom", N_("關於")),
        Column("about", N_("關於代碼"), "text", N_("學生以代號表示，同一個學號永遠是同一個代號，但不能由代號查回學號。")),
        Column("detail", N_("內容"), "text", N_("代碼與件數；沒有姓名。")),
        Column("hash", N_("封印"), "text", N_("這一筆的內容、順序與前一筆封印的加密雜湊。")),
    ),
)  # fmt: skip


def install_audit_export(server: Flask) -> None:
    """Add the route."""
    server.add_url_rule("/exports/audit.<any(csv, xlsx, ods):suffix>", "export_audit", export_audit)


def export_audit(suffix: str) -> Response:
    """Return the events that the query asks for, newest first; the system's administrator may, who exports nothing else."""
    if not may(Permission.VIEW_AUDIT):
        abort(403)
    total, events = look_at(store(), read_query(store(), request.args.to_dict() | {"page": "1"}), limit=MOST_EXPORTED)
    trail.record("export", detail={"table": SHEET.key, "format": suffix, "rows": len(events)})
    frame = pd.DataFrame(
        {
            "number": [each.number for each in events],
            "at": pd.Series([each.at for each in events], dtype="datetime64[us, Asia/Taipei]"),
            "actor": [each.actor for each in events],
            "what": [action_words(each.action) for each in events],
            "action": [each.action for each in events],
            "whom": [about_words(each.about_kind, each.about_code) for each in events],
            "about": [
                f"{each.about_kind}:{each.about_code}" if each.about_code else each.about_kind for each in events
            ],
            "detail": [detail_words(each.action, each.detail, role_words) for each in events],
            "hash": [each.hash for each in events],
        }
    )
    made = roc_datetime(datetime.now(ZoneInfo(TAIPEI)))
    notes = [_("由 %(user)s 於 %(made)s 匯出", user=own_words(), made=made)]
    if total > len(events):
        notes.append(_("只有最新的 %(n)s／%(all)s 筆，請縮小日期再匯出其餘的", n=count(len(events)), all=count(total)))
    rows = cells(SHEET, frame)
    if suffix == "csv":
        content = to_csv(SHEET, rows, notes=notes)
    else:
        content = (to_xlsx if suffix == "xlsx" else to_ods)((SHEET, rows), about=_about(notes))
    response = Response(content, content_type=TYPES[suffix])
    response.headers["Content-Disposition"] = f'attachment; filename="audit.{suffix}"'
    return response


def _about(notes: list[str]) -> list[Block]:
    facts = [(_(SHEET.title), ""), *((_("匯出") if not i else "", note) for i, note in enumerate(notes))]
    columns = [(_("欄位"), _("定義"))]
    columns += [(_(column.title), _(column.definition) if column.definition else "") for column in SHEET.columns]
    return [facts, columns]
