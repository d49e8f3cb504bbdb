"""提醒: who is written to next, whether reminders are on, and what became of every notice."""

from __future__ import annotations

from typing import Any, Final
from urllib.parse import quote

from dash import Input, Output, html, register_page
from flask_babel import gettext as _

from dashboard.access.guard import protected_callback
from dashboard.access.roles import Permission
from dashboard.access.session import settings, store
from dashboard.components.badge import badge
from dashboard.components.card import card
from dashboard.components.dates import roc_date, roc_datetime
from dashboard.components.downloads import downloads
from dashboard.components.empty import empty_state
from dashboard.components.forms import posting_form
from dashboard.components.links import inside
from dashboard.components.notices import notice_status, notice_word, reply_words
from dashboard.components.numbers import count
from dashboard.components.page import page_header
from dashboard.components.records import Record, record_table
from dashboard.frame import plain_frame
from dashboard.services import mail, notices
from dashboard.services.notices import HAD, MISSED, WAITING, Due, Line

PAGE: Final = "reminders"
SHOWN: Final = 50  # notices; the file has them all

register_page(__name__, path="/reminders", name="提醒", order=8, permission=Permission.MANAGE_REMINDERS)


def layout(**query: str | None) -> html.Div:
    """An empty place; the callback below fills it for who may."""
    return plain_frame(PAGE, _("提醒"), query, permission=Permission.MANAGE_REMINDERS)


@protected_callback(
    Output(f"{PAGE}-head", "children"),
    Output(f"{PAGE}-body", "children"),
    Input("theme", "data"),
    permission=Permission.MANAGE_REMINDERS,
    scoped=False,  # of the whole school: only a role that sees all of it holds the permission
)
def show(_theme: Any) -> tuple[list[Any], list[Any]]:
    """Show how reminders stand now."""
    at = notices.now()
    is_on, due, log = notices.is_on(store()), notices.due_now(store(), at), notices.log_of(store())
    trust = [_("查看時間 %(when)s", when=roc_datetime(at)), _("您可檢視：全校教職員")]
    head = page_header(_("提醒"), trust=[html.Span(each) for each in trust], id=PAGE)
    return [head], [_switch_card(is_on, due), _due_card(is_on, due), _log_card(log)]


def _switch_card(is_on: bool, due: list[Due]) -> html.Section:
    reachable = sum(each.has_address for each in due)
    said = {"n": count(reachable), "all": count(len(due))}
    is_ready = mail.is_ready(settings())
    if is_on and is_ready:
        title = _("電子郵件提醒已開啟，接下來會寄給 %(n)s／%(all)s 人", **said)
    elif is_on:
        title = _("電子郵件提醒已開啟，但還沒有設定郵件伺服器，不會寄出")
    elif not is_ready:
        title = _("電子郵件提醒沒有開啟，也還沒有設定郵件伺服器；有 %(all)s 人該提醒", **said)
    else:
        title = _("電子郵件提醒沒有開啟；現在開啟，會寄給 %(n)s／%(all)s 人", **said)
    parts: list[Any] = []
    if not is_ready:
        parts.append(html.P(_("還沒有設定郵件伺服器：請系統管理者依 docs/operations.md 設定。在這之前可以下載提醒清單或通知文字，印出或貼到訊息裡。")))  # fmt: skip
    parts.append(
        posting_form(
            [], action="/reminders/switch", submit=_("關閉電子郵件提醒") if is_on else _("開啟電子郵件提醒"), hidden={"on": "no" if is_on else "yes"},
            css="btn-outline-primary" if is_on else "btn-primary",
        )
    )  # fmt: skip
    return card(
        parts, id=f"{PAGE}-switch", title=title, question=_("會不會寄、寄給誰？"),
        footnote=[
            _("期限前 7、3、1 日（遇假日提前到上班日），期限過後第 1 日起每 7 日（遇假日延後），上班日 8 時至 17 時寄送，一人一封。"),
            _("寄出的那一刻才統計，已經完成的不會提醒；只寫件數、科目與班級，不寫學生。"),
            _("先提醒本人；本人收到後 7 日仍未完成，才告訴單位的組長。"),
            _("期限過後半年仍未完成的不再寄信，留給會議處理；還沒有公告期程的工作沒有期限，也不提醒。"),
        ],
        wide=True,
    )  # fmt: skip


def _due_card(is_on: bool, due: list[Due]) -> html.Section:
    missing = sum(not each.has_address for each in due)
    said = {"n": count(len(due)), "missing": count(missing)}
    title = (
        _("%(n)s 人有該提醒的工作，其中 %(missing)s 人沒有電子郵件", **said) if due else _("現在沒有人需要提醒（0 人）")
    )
    question = _("下一次上班時間寄給誰？") if is_on else _("如果現在開啟，寄給誰？")
    if not due:
        why = _("到了期限前 7、3、1 日，或期限已過每滿 7 日，才會列出。")
        return card(empty_state(_("沒有人需要提醒"), why, level=3), id=f"{PAGE}-due", title=title, question=question, wide=True)  # fmt: skip
    headers = [_("教師"), _("處室"), _("等候"), _("期限已過"), _("電子郵件"), _("上一次提醒")]
    records = [
        Record(
            [
                inside(each.name or each.person, f"/teachers/{quote(each.person, safe='')}"), each.unit or "—", count(each.items), f"{count(each.overdue)}/{count(each.items)}",
                _("有") if each.has_address else badge("attention", words=_("沒有")), _last(each.last),
            ],
            status="" if each.has_address else "attention",
        )
        for each in due
    ]  # fmt: skip
    table = record_table(headers, records, caption=_("要提醒的人"), numeric=(2, 3))
    return card(table, id=f"{PAGE}-due", title=title, question=question, footnote=_("等候的件數包括由單位辦理的登錄、提交與收訖答覆。依教師代碼排列。"), wide=True)  # fmt: skip


def _last(last: Line | None) -> str:
    return "—" if last is None else _("%(day)s %(what)s", day=roc_date(last.ended_at or last.made_at), what=notice_word(last.state))  # fmt: skip


def _log_card(log: list[Line]) -> html.Section:
    ended = [each for each in log if each.state not in WAITING]
    had, missed = sum(each.state in HAD for each in ended), sum(each.state in MISSED for each in ended)
    said = {"had": count(had), "all": count(len(ended)), "missed": count(missed)}
    title = (
        _("%(had)s／%(all)s 次提醒已寄出或當面交付，%(missed)s 次要改用其他方式", **said)
        if log
        else _("還沒有提醒過（0 次）")
    )
    question = _("誰在什麼時候收到了提醒？")
    if not log:
        why = _("開啟之後，每一次提醒都會留在這裡：給誰、什麼時候、有沒有寄達。")
        return card(empty_state(_("還沒有提醒紀錄"), why, level=3), id=f"{PAGE}-log", title=title, question=question, wide=True)  # fmt: skip
    headers = [_("日期"), _("教師"), _("等候"), _("期限已過"), _("結果"), _("郵件伺服器的回覆"), _("其他方式")]
    records = [
        Record(
            [
                roc_datetime(each.ended_at or each.made_at), _person(each), count(each.items), f"{count(each.overdue)}/{count(each.items)}",
                badge(notice_status(each.state), words=notice_word(each.state)), reply_words(each.reply), _handed_form(each),
            ],
            status="attention" if each.state in MISSED else "",
        )
        for each in log[:SHOWN]
    ]  # fmt: skip
    parts = [
        record_table(headers, records, caption=_("提醒紀錄"), numeric=(2, 3)),
        downloads("notices", "", what=_("提醒紀錄")),
    ]
    footnote = [_("「已寄出」是學校的郵件伺服器收下了；「不確定」是寄完之後斷線，為了不重複而沒有再寄。")]
    if len(log) > SHOWN:
        footnote.append(
            _("列出最近 %(shown)s／%(all)s 次，其餘在下載的檔案裡。", shown=count(SHOWN), all=count(len(log)))
        )
    return card(parts, id=f"{PAGE}-log", title=title, question=question, footnote=footnote, wide=True)


def _person(line: Line) -> str:
    return f"{line.name or '—'}（{line.person}）"


def _handed_form(line: Line) -> Any:
    if line.state not in MISSED:
        return "—"
    return posting_form(
        [], action=f"/reminders/{line.id}/handed", submit=_("記為已當面交付"), css="btn-outline-primary"
    )
