"""Reminders as letters, their log as a file, and the two forms of their page."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

import pandas as pd
from flask import Flask, Response, abort, make_response, redirect, render_template, request

from dashboard.access.roles import Permission
from dashboard.access.scope import Scope
from dashboard.access.session import current_name, may, store
from dashboard.components.dates import last_day, roc_date, roc_datetime
from dashboard.components.notices import notice_word, reply_words
from dashboard.components.numbers import count
from dashboard.components.submission import register_name, roster_name, term_words
from dashboard.components.words import aside
from dashboard.exports.tables import Column, Table
from dashboard.i18n import N_, install_i18n, language
from dashboard.i18n import gettext as _
from dashboard.services import notices
from dashboard.services.filters import View
from dashboard.services.mail import Letter
from dashboard.services.notices import OWN, STAFF, UNIT, Digest, NoticeError
from dashboard.services.submission import part_of


def install_notices(server: Flask) -> None:
    """Add the routes of the two forms."""
    server.add_url_rule("/reminders/switch", "switch_reminders", switch_reminders, methods=["POST"])
    server.add_url_rule(
        "/reminders/<int(max=2147483647):number>/handed", "hand_over_notice", hand_over_notice, methods=["POST"]
    )


def switch_reminders() -> Response:
    """Switch reminders on or off."""
    if not may(Permission.MANAGE_REMINDERS):
        abort(403)
    notices.switch(store(), on=request.form.get("on", "") == "yes", by=current_name())
    return redirect("/reminders", 303)  # type: ignore[return-value]


def hand_over_notice(number: int) -> Response:
    """Note that a notice was handed over in person."""
    if not may(Permission.MANAGE_REMINDERS):
        abort(403)
    try:
        notices.hand_over(store(), number, by=current_name())
    except NoticeError as error:
        return make_response(render_template("error.html", status=400, text=str(error), code="", language=language()), 400)  # fmt: skip
    return redirect("/reminders", 303)  # type: ignore[return-value]


def mail_writer() -> Any:
    """Return the function that writes letters outside of a request: in Chinese, as the platforms are."""
    server = Flask("dashboard")
    install_i18n(server)

    def write(digest: Digest) -> Letter:
        with server.app_context():
            return letter(digest)

    return write


def letter(digest: Digest) -> Letter:
    """Write to one person what waits, since when and until when. It names no student, and nothing that is done."""
    parts = {part: digest.rows[digest.rows["part"] == part] for part in (OWN, UNIT, STAFF)}
    overdue = int(digest.rows["is_overdue"].sum())
    said = {"n": count(len(digest.rows)), "overdue": count(overdue)}
    subject = _("學習歷程檔案：%(n)s 件等候處理，其中 %(overdue)s 件期限已過", **said) if overdue else _("學習歷程檔案：%(n)s 件等候處理", **said)  # fmt: skip
    lines = [_("%(name)s老師您好：", name=digest.name or digest.person), ""]
    lines.append(_("截至 %(when)s，下列工作等候處理。已經完成的不在內。", when=roc_datetime(digest.at)))
    if len(parts[OWN]):
        lines += ["", _("一、由您承辦的認證，%(n)s 件", n=count(len(parts[OWN])))]
        lines += [_own_line(key, rows) for key, rows in parts[OWN].groupby(["term", "subject", "class"], sort=False)]
    if len(parts[UNIT]):
        lines += ["", _("二、由貴單位辦理的登錄、提交與收訖答覆，%(n)s 件", n=count(len(parts[UNIT])))]
        lines += [_unit_line(key, rows) for key, rows in parts[UNIT].groupby(["stage", "term", "kind", "due_at"], sort=False, dropna=False)]  # fmt: skip
    if len(parts[STAFF]):
        lines += ["", _("三、貴單位同仁期限已過的認證，%(n)s 件；已先通知本人", n=count(len(parts[STAFF])))]
        for code, rows in parts[STAFF].groupby("holder", sort=True):
            lines.append(_("・%(name)s：%(n)s 件", name=digest.names.get(str(code), "") or code, n=count(len(rows))))
    if digest.site_url:
        lines += ["", _("明細請登入查看：%(site)s", site=digest.site_url.rstrip("/") + _path(digest, parts[OWN]))]
    lines += ["", _("期限前 7、3、1 日與期限過後每 7 日在上班日提醒一次，完成後不再提醒。需要協助或請假代理，請與教務處聯絡，謝謝您。")]  # fmt: skip
    return Letter(digest.address, subject, "\n".join(lines) + "\n")


def _path(digest: Digest, own: pd.DataFrame) -> str:
    return f"/teachers/{quote(digest.person, safe='')}" if len(own) else "/submission"


def _own_line(key: Any, rows: pd.DataFrame) -> str:
    term, subject, class_name = key
    facts = {"term": term_words(int(term)), "subject": subject, "name": class_name, "n": count(len(rows))}
    return _("・%(term)s %(subject)s %(name)s：%(n)s 件", **facts) + _until(rows)


def _unit_line(key: Any, rows: pd.DataFrame) -> str:
    stage, term, kind, _due_at = key
    facts = {"term": term_words(int(term)), "n": count(len(rows))}
    if stage == "register":
        return _("・登錄 %(term)s %(what)s：%(n)s 班", what=register_name(kind), **facts) + _until(rows)
    if stage == "submit":
        name, batch, is_evening = part_of(kind)
        return _("・提交 %(term)s %(what)s", what=roster_name(name, batch=batch, is_evening=is_evening), **facts) + _until(rows)  # fmt: skip
    return _("・答覆 %(term)s收訖問題回報：%(n)s 件", **facts) + _until(rows)


def _until(rows: pd.DataFrame) -> str:
    """Say until when, by the last day of the deadline that comes first, and how many are past theirs."""
    overdue, first = int(rows["is_overdue"].sum()), rows["due_at"].min()
    if first is pd.NaT:
        return ""
    day = roc_date(last_day(first))
    if not overdue:
        return _("，期限到 %(day)s", day=day)
    return _("，最早的期限是 %(day)s", day=day) + aside(_("%(overdue)s／%(n)s 件期限已過", overdue=count(overdue), n=count(len(rows))))  # fmt: skip


def _rows(_view: View) -> pd.DataFrame:
    columns = [column.key for column in TABLE.columns]
    rows = [
        (each.person, each.name, each.made_at, each.mark_on, each.items, each.overdue, notice_word(each.state), each.ended_at, each.tries, reply_words(each.reply))
        for each in notices.log_of(store())
    ]  # fmt: skip
    return pd.DataFrame(rows, columns=columns)


def _whole_staff(scope: Scope) -> bool:
    return scope.teachers == "all"


TABLE = Table(
    key="notices",
    title=N_("提醒紀錄"),
    permission=Permission.MANAGE_REMINDERS,
    columns=(
        Column("person_code", N_("教師代碼")),
        Column("person_name", N_("姓名")),
        Column("made_at", N_("建立時間"), "instant", N_("規則要求提醒的時候（臺北時間）。")),
        Column("mark_on", N_("依據的日子"), "day", N_("期限前 7、3、1 日，或期限過後每 7 日的上班日。")),
        Column("item_count", N_("等候件數"), "count", N_("寄出的那一刻還在等候的件數。")),
        Column("overdue_count", N_("期限已過"), "count", N_("其中期限已過的件數。")),
        Column("state", N_("結果"), "text", N_("已寄出、已當面交付、不確定是否寄達、地址被拒、沒有電子郵件、寄出前已完成、等候寄送。")),
        Column("ended_at", N_("結果時間"), "instant", N_("寄出、被拒或當面交付的時間（臺北時間）；還在等候時空白。")),
        Column("tries", N_("試寄次數"), "count", N_("寄了幾次，含郵件伺服器要求稍後再寄的。")),
        Column("reply", N_("郵件伺服器的回覆"), "text", N_("不含地址。")),
    ),
    rows=_rows,
    allowed=_whole_staff,
)  # fmt: skip
