"""個人資料: what is held of the person who asks, who looked at it, and the register of all processing."""

from __future__ import annotations

from typing import Any, Final

from dash import Input, Output, html, register_page
from flask_babel import gettext as _

from dashboard.access.guard import protected_callback
from dashboard.access.roles import Permission
from dashboard.access.session import current_account, store
from dashboard.components.card import card
from dashboard.components.dates import roc_date
from dashboard.components.empty import empty_state
from dashboard.components.events import action_words
from dashboard.components.numbers import count
from dashboard.components.page import page_header
from dashboard.components.records import Record, record_table
from dashboard.frame import plain_frame, role_words
from dashboard.services.privacy import MOST_VIEWS, REGISTER, Own, own

PAGE: Final = "privacy"

register_page(
    __name__, path="/privacy", name="個人資料", order=30, permission=Permission.VIEW_OWN
)  # fmt: skip


def layout(**query: str | None) -> html.Div:
    """An empty place; the callback below fills it for the session's account."""
    return plain_frame(PAGE, _("個人資料"), query, permission=Permission.VIEW_OWN)


@protected_callback(
    Output(f"{PAGE}-head", "children"),
    Output(f"{PAGE}-body", "children"),
    Input("theme", "data"),
    permission=Permission.VIEW_OWN,
    scoped=False,  # of oneself, whatever the scope
)
def show(_theme: Any) -> tuple[list[Any], list[Any]]:
    """Answer for the account of the session and for no other."""
    account = current_account()
    held = own(store(), user_id=account.user_id, username=account.username, staff_code=account.staff_code)
    head = [page_header(_("個人資料"), trust=[html.Span(_("只有您自己看得到這一頁的前兩張表"))], id=PAGE)]
    return head, [_held_card(held, account.username, account.staff_code), _views_card(held, account.staff_code), _register_card()]  # fmt: skip


def _held_card(held: Own, username: str, staff_code: str) -> html.Section:
    words = {
        "sessions": _("目前的登入"), "grants": _("現在與以前的職務"), "logins": _("其中：登入"), "exports": _("其中：匯出"), "imports": _("匯入過的表"),
        "events": _("稽核紀錄裡由您做的事"), "outcomes": _("指派由您認證的件"), "rounds": _("由您完成的認證"), "sections": _("您的授課"),
        "reassignments": _("改派給您的件"), "delegations": _("您的代理或被代理"), "classes": _("您擔任導師的班級"), "changes": _("您的職員異動"),
        "awards": _("和您有關的敘獎案"),
    }  # fmt: skip
    whose = _("帳號 %(name)s", name=username)
    rows = [Record([words[key], whose, count(number)]) for key, number in held.account.items()]
    rows += [
        Record([words[key], _("教師代碼 %(code)s", code=staff_code), count(number)])
        for key, number in held.staff.items()
    ]
    within = held.account["logins"] + held.account["exports"]  # of the events, counted there already
    total = sum(held.account.values()) - within + sum(held.staff.values())
    return card(
        record_table([_("資料"), _("關於"), _("筆數")], rows, caption=_("這裡有哪些關於您的資料"), numeric=[2]),
        id=f"{PAGE}-held",
        title=_("關於您的資料共 %(n)s 筆，分 %(kinds)s 種", n=count(total), kinds=len(rows)),
        question=_("系統裡有哪些關於我的資料？"),
        footnote=_("要更正請洽原平臺的承辦單位，更正後重新匯入；密碼與登入代號只存雜湊，任何人都看不到。"),
        wide=True,
    )


def _views_card(held: Own, staff_code: str) -> html.Section:
    footnote = _("稽核紀錄保存 %(n)s 年。這裡只列職務，不列姓名；需要查是誰，請洽稽核。", n=held.retention_years)
    if not staff_code:
        title = _("您的帳號沒有教師代碼，沒有以您為名的頁面")
        content: Any = empty_state(_("沒有可以列出的"), _("有教師代碼的帳號，這裡會列出誰看過自己的頁面。"), level=3)
    elif not held.views:
        title = _("沒有人看過您的頁面")
        content = empty_state(_("還沒有人看過"), _("有人檢視或匯出教師代碼 %(code)s 的資料，就會列在這裡。", code=staff_code), level=3)  # fmt: skip
    else:
        others = sum(not view.by_oneself for view in held.views)
        title = _("最近 %(n)s 次檢視，其中 %(others)s 次不是您自己；共 %(all)s 次", n=len(held.views), others=others, all=count(held.view_count))  # fmt: skip
        rows = [
            Record([roc_date(view.at), _("您自己") if view.by_oneself else _role(view.role), action_words(view.action)])
            for view in held.views
        ]
        content = record_table([_("日期"), _("職務"), _("動作")], rows, caption=_("誰看過您的頁面，最新的在前"))
    notes = [footnote, _("最多列出最新的 %(n)s 次。", n=MOST_VIEWS)]
    return card(content, id=f"{PAGE}-views", title=title, question=_("誰看過我的資料？"), footnote=notes, wide=True)


def _role(role: str) -> str:
    return role_words(role) if role else _("沒有記下職務")


def _register_card() -> html.Section:
    entries = [entry for entry in REGISTER if entry.personal]
    rows = [Record([entry.title, entry.purpose, entry.about, entry.seen_by, entry.kept]) for entry in entries]
    headers = [_("資料"), _("為什麼"), _("關於誰"), _("誰看得到"), _("留多久")]
    return card(
        record_table(headers, rows, caption=_("個人資料的處理登記")),
        id=f"{PAGE}-register",
        title=_("%(all)s 種資料裡，%(n)s 種和人有關", all=len(REGISTER), n=len(entries)),
        question=_("學校為什麼處理哪些個人資料，誰看得到，留多久？"),
        footnote=[
            _("資料都在學校自己的電腦裡，不送到外面。身分證號只存加密雜湊，用來對應同一位學生；生日不存。"),
            _("作品內容、成績分數與諮詢內容都不存。"),
        ],
        wide=True,
    )
