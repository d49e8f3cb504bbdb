"""稽核紀錄: who did what and looked at whom, and whether the log is whole."""

from __future__ import annotations

from typing import Any, Final
from urllib.parse import urlencode

import dash_bootstrap_components as dbc
from dash import Input, Output, ctx, html, register_page
from flask_babel import gettext as _

from dashboard.access.guard import protected_callback
from dashboard.access.roles import Permission
from dashboard.access.session import store
from dashboard.components.attributes import aria
from dashboard.components.badge import badge
from dashboard.components.card import card
from dashboard.components.dates import roc_datetime
from dashboard.components.downloads import downloads
from dashboard.components.empty import empty_state
from dashboard.components.events import ACTIONS, about_words, action_words, detail_words
from dashboard.components.filter_bar import date_input, filter_bar, select
from dashboard.components.links import inside
from dashboard.components.numbers import count
from dashboard.components.page import page_header
from dashboard.components.records import Record, record_table
from dashboard.frame import EVERYTHING, around, ids_of, keep_address, read_query, refusal, role_words
from dashboard.services import audit
from dashboard.services.audit import CHECKED_ROWS, PAGE_ROWS, Checked, Event, Fault

PAGE: Final = "audit"
FILTERS: Final = ("from", "to", "action", "actor", "about")
ASKED: Final = (*FILTERS, "page")
SHORT_SEAL: Final = 8
SHOWN_FAULTS: Final = 5

register_page(
    __name__, path="/admin/audit", name="稽核紀錄", order=20, permission=Permission.VIEW_AUDIT
)  # fmt: skip
keep_address(PAGE, FILTERS)


def layout(**query: str | None) -> html.Div:
    """Filters and an empty place; the callback below fills it for who may."""
    refused = refusal(_("稽核紀錄"), ASKED, query, permission=Permission.VIEW_AUDIT)
    if refused is not None:
        return around(refused)
    asked = {name: (query.get(name) or "")[:100] for name in ASKED}
    actions = [(EVERYTHING, _("全部")), *((key, action_words(key)) for key in ACTIONS)]
    fields = [
        date_input(f"{PAGE}-from", _("起日"), asked["from"]),
        date_input(f"{PAGE}-to", _("迄日（含當天）"), asked["to"]),
        select(f"{PAGE}-action", _("動作"), actions, asked["action"] if asked["action"] in ACTIONS else EVERYTHING),
        _text("actor", _("誰（帳號）"), asked["actor"]),
        _text("about", _("關於（代碼或學號）"), asked["about"]),
    ]
    return around(
        [
            html.Div(id=f"{PAGE}-address", hidden=True),
            dbc.Input(id=f"{PAGE}-page", type="hidden", value=asked["page"]),
            html.Div(id=f"{PAGE}-head", className="lc-stack"),
            filter_bar(fields, id=f"{PAGE}-filters"),
            html.Div(id=f"{PAGE}-body", className="lc-stack"),
        ]
    )


def _text(name: str, label: str, value: str) -> html.Div:
    control = dbc.Input(id=f"{PAGE}-{name}", type="text", value=value, debounce=True, maxLength=100)
    return html.Div([html.Label(label, htmlFor=f"{PAGE}-{name}"), control], className="lc-field")


@protected_callback(
    Output(f"{PAGE}-head", "children"),
    Output(f"{PAGE}-body", "children"),
    *[Input(each, "value") for each in ids_of(PAGE, ASKED)],
    Input("theme", "data"),
    permission=Permission.VIEW_AUDIT,
    scoped=False,  # the log is whole or it is none
)
def show(*values: Any) -> tuple[list[Any], list[Any]]:
    """Answer the page's question; another filter begins at the first page again."""
    asked = {name: value for name, value in read_query(ASKED, values[:-1]).items() if value.isprintable()}
    changed = {each["prop_id"] for each in ctx.triggered}
    if changed & {f"{each}.value" for each in ids_of(PAGE, FILTERS)} and f"{PAGE}-page.value" not in changed:
        asked.pop("page", None)
    query = audit.read_query(store(), asked)
    total, events = audit.look_at(store(), query)
    checked = audit.check(store(), newest=CHECKED_ROWS)
    head = [page_header(_("稽核紀錄"), id=PAGE), _state(checked)]
    return head, _body(asked, query.page, total, events)


def _state(checked: Checked) -> html.Ul:
    """Say whether the chain is whole; of many faults the first few, the command line lists them all."""
    verdict = checked.verdict
    if not verdict.faults:
        words = {
            "n": count(checked.total),
            "some": count(verdict.count),
            "when": roc_datetime(checked.at),
            "seal": verdict.hash[:SHORT_SEAL],
        }
        line = _("共 %(n)s 筆，鏈完整；最新一筆的封印 %(seal)s…，%(when)s 查驗", **words)
        if verdict.count < checked.total:
            line = _("共 %(n)s 筆，最新的 %(some)s 筆鏈完整（封印 %(seal)s…，%(when)s 查驗）；全部由系統管理者以 licheng audit verify 查驗", **words)  # fmt: skip
        lines = [(badge("done", words=_("完整")), line)]
    else:
        said = {"n": count(checked.total), "faults": count(len(verdict.faults))}
        line = _("共 %(n)s 筆，有 %(faults)s 處接不起來：紀錄被改過、刪過或插入過", **said)
        lines = [(badge("overdue", words=_("不符")), line)]
        lines += [(badge("overdue", words=_("不符")), _fault_words(fault)) for fault in verdict.faults[:SHOWN_FAULTS]]
    items = [html.Li([mark, html.Span(words, className="lc-sentence")]) for mark, words in lines]
    return html.Ul(items, className="lc-findings", **aria(label=_("重點")))


def _fault_words(fault: Fault) -> str:
    which = count(fault.first) if fault.first == fault.last else f"{count(fault.first)}–{count(fault.last)}"
    if fault.kind == "missing":
        return _("編號 %(which)s 的紀錄不見了", which=which)
    if fault.kind == "unlinked":
        return _("編號 %(which)s 接不上前一筆", which=which)
    return _("編號 %(which)s 的內容、順序或封印不符", which=which)


def _body(asked: dict[str, str], page: int, total: int, events: list[Event]) -> list[Any]:
    chosen = {name: value for name, value in asked.items() if name in FILTERS}
    if not events:
        if chosen or page > 1:
            why = _("這些條件下沒有任何一筆。「關於」請填完整的教師代碼、學號、班級或帳號。")
            return [empty_state(_("沒有符合的紀錄"), why, _("顯示全部"), "/admin/audit")]
        why = _("有人登入、檢視、匯入、匯出或變更設定之後，就會列在這裡。")
        return [empty_state(_("還沒有紀錄"), why)]
    first = (page - 1) * PAGE_ROWS + 1
    span = {"first": count(first), "last": count(first + len(events) - 1), "all": count(total)}
    headers = [_("時間"), _("帳號"), _("動作"), _("關於"), _("內容"), _("編號")]
    title = _("%(all)s 筆符合，這裡是第 %(first)s 至 %(last)s 筆", **span) if chosen else _("%(all)s 筆，這裡是第 %(first)s 至 %(last)s 筆", **span)  # fmt: skip
    return [
        card(
            [
                record_table(headers, [_record(each) for each in events], caption=_("稽核紀錄，最新的在前")),
                _turning(chosen, page, total),
                downloads("audit", "?" + urlencode(chosen) if chosen else ""),
            ],
            id=f"{PAGE}-events",
            title=title,
            question=_("誰在什麼時候做了什麼、看了誰的資料；最新的在前"),
            footnote=[
                _("紀錄只會增加。每一筆的封印都含前一筆的封印，所以改掉、刪掉、插入或調換任何一筆都查得出來；最新的幾筆被刪掉，要用以前記下的封印才看得出來（licheng audit head）。"),
                _("紀錄裡沒有姓名。學生以代號表示：填學號可以找到他的紀錄，但不能由代號查回是哪一位學生。"),
            ],
            wide=True,
        )
    ]  # fmt: skip


def _record(event: Event) -> Record:
    about: Any = about_words(event.about_kind, event.about_code)
    if event.about_kind == "import":
        about = inside(about, f"/imports?batch={event.about_code}")
    cells = [roc_datetime(event.at), event.actor or "—", action_words(event.action), about, detail_words(event.action, event.detail, role_words), count(event.number)]  # fmt: skip
    return Record(cells)


def _turning(chosen: dict[str, str], page: int, total: int) -> html.Div:
    links = []
    if page > 1:
        links.append(inside(_("較新的"), "?" + urlencode({**chosen, "page": str(page - 1)}), css="lc-more"))
    if page * PAGE_ROWS < total:
        links.append(inside(_("較舊的"), "?" + urlencode({**chosen, "page": str(page + 1)}), css="lc-more"))
    return html.Div(links, className="lc-actions")
