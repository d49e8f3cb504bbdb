"""會議資料: the evidence of a meeting, frozen with one click, and what has moved since."""

from __future__ import annotations

from typing import Any

from dash import Input, Output, dcc, html, register_page
from flask_babel import gettext as _

from dashboard.access.guard import protected_callback
from dashboard.access.roles import Permission
from dashboard.access.session import editions, may, store
from dashboard.components.card import card
from dashboard.components.causes import cause_name
from dashboard.components.dates import day_of, roc_datetime
from dashboard.components.empty import empty_state
from dashboard.components.numbers import count
from dashboard.components.table import data_table
from dashboard.components.words import edition_name
from dashboard.frame import answer, frame, ids_of, keep_address
from dashboard.services.filters import View
from dashboard.services.packs import Pack, moved_since, packs

PAGE = "packs"
FILTERS = ("term", "asof")
FILES = (("pack.pdf", "PDF"), ("pack.odt", "ODT"), ("tables.xlsx", "Excel"), ("tables.ods", "ODS"), ("pack.zip", "ZIP"))

register_page(__name__, path="/packs", name="會議資料", order=6, permission=Permission.VIEW_PACKS)
keep_address(PAGE, FILTERS)


def layout(**query: str | None) -> html.Div:
    """Filters and an empty place; the callback below fills it for the session's scope."""
    return frame(PAGE, _("會議資料"), FILTERS, query, permission=Permission.VIEW_PACKS)


@protected_callback(
    Output(f"{PAGE}-head", "children"),
    Output(f"{PAGE}-body", "children"),
    *[Input(each, "value") for each in ids_of(PAGE, FILTERS)],
    Input("theme", "data"),
    permission=Permission.VIEW_PACKS,
)
def show(*values: Any) -> tuple[list[Any], list[Any]]:
    """Answer the page's question."""
    known = packs(store(), editions=editions())
    newest = str(known[0].id if known else 0)
    return answer(PAGE, _("會議資料"), FILTERS, values, lambda view, _theme: _body(view, known), about=newest)


def _body(view: View, known: list[Pack]) -> list[Any]:
    of_term = [each for each in known if each.term == view.filters.term]
    parts: list[Any] = [html.P(_said(of_term))]
    if may(Permission.MAKE_PACKS):
        parts.append(_freeze_card(view))
    parts.append(_list_card(of_term))
    if of_term:
        parts.append(_moved_card(view, of_term[0]))
    return parts


def _said(of_term: list[Pack]) -> str:
    if not of_term:
        return _("這個學期還沒有凍結會議資料（0 份）")
    newest = of_term[0]
    said = {"n": count(len(of_term)), "day": day_of(newest.as_of), "when": roc_datetime(newest.made_at)}
    return _("這個學期凍結了 %(n)s 份，最近一份截至 %(day)s，%(when)s 凍結", **said)


def _freeze_card(view: View) -> html.Section:
    asks = {"term": str(view.filters.term), "asof": view.filters.day}
    fields = [dcc.Input(type="hidden", name=name, value=value) for name, value in asks.items()]
    button = html.Button(
        _("凍結截至 %(day)s的會議資料", day=day_of(view.filters.as_of)), type="submit", className="btn btn-primary"
    )
    parts = [
        html.P(
            _(
                "截至 %(day)s的數字、圖表、表格、定義與所依據的匯入，做成完整版與成員版各一份。",
                day=day_of(view.filters.as_of),
            )
        ),
        html.Form([*fields, button], action="/packs/freeze", method="post", className="lc-downloads"),
    ]
    return card(
        parts, id=f"{PAGE}-make", title=_("截至 %(day)s的會議資料", day=day_of(view.filters.as_of)), question=_("一按就凍結，之後不再改變"),
        footnote=[
            _("完整版給召集人與執行秘書，附件載有教師姓名；成員版不載姓名，人數過少的群組併入其他。"),
            _("每一份都有 SHA-256，下載時會再核對一次。"),
            _("一小時內、資料沒有變動時再按一次，不會多一份；已經凍結的就是那一份。"),
        ],
        wide=True,
    )  # fmt: skip


def _list_card(of_term: list[Pack]) -> html.Section:
    title = _("已凍結 %(n)s 份", n=count(len(of_term)))
    if not of_term:
        why = _("凍結之後，會議看到的數字就不會再變；之後的變動會另外列出原因。")
        return card(empty_state(_("這個學期還沒有會議資料"), why, level=3), id=f"{PAGE}-list", title=title, question=_("哪一份、截至哪一天？"), wide=True)  # fmt: skip
    items = [
        html.Li(
            [
                html.Strong(_("第 %(n)s 份・%(edition)s：", n=each.id, edition=edition_name(each.edition))),
                html.Span(_("截至 %(day)s，%(when)s 凍結，ZIP 的 SHA-256 %(hash)s", day=day_of(each.as_of), when=roc_datetime(each.made_at), hash=each.sha256[:16])),
                html.Div([html.A(words, href=f"/packs/{each.id}/{name}", download="") for name, words in FILES], className="lc-downloads"),
            ]
        )
        for each in of_term
    ]  # fmt: skip
    return card(
        html.Ul(items, className="lc-plain"),
        id=f"{PAGE}-list",
        title=title,
        question=_("哪一份、截至哪一天？"),
        wide=True,
    )


def _moved_card(view: View, newest: Pack) -> html.Section:
    """Then and now: what was frozen, what later imports said of that day, and each cause since."""
    moved = moved_since(store(), view, newest)
    names = ("expected", "done", "overdue", "waiting")
    rows = [[_("凍結時：%(day)s", day=day_of(newest.as_of)), *(count(moved.frozen[name]) for name in names)]]
    rows.append(
        [_("後來的匯入對那一天的補正"), *(_signed(moved.recounted[name] - moved.frozen[name]) for name in names)]
    )
    rows += [
        [cause_name(str(row["cause"])), *(_signed(int(row[name])) for name in names)]
        for row in moved.causes.to_dict("records")
        if any(row[name] for name in names)
    ]
    rows.append([_("現在：%(day)s", day=day_of(moved.as_of)), *(count(moved.now[name]) for name in names)])
    said = {
        "before": count(moved.frozen["waiting"]),
        "after": count(moved.now["waiting"]),
        "total": count(moved.now["expected"]),
    }
    return card(
        data_table([_("原因"), _("應認證"), _("已認證"), _("逾期"), _("待認證")], rows, caption=_("凍結之後的變動")),
        id=f"{PAGE}-moved",
        title=_("凍結之後，待認證沒有增減：%(after)s 件（應認證 %(total)s 件）", **said)
        if moved.frozen["waiting"] == moved.now["waiting"]
        else _("凍結之後，待認證從 %(before)s 件變成 %(after)s 件（應認證 %(total)s 件）", **said),
        question=_("凍結的數字和現在差在哪裡？"), footnote=_("各列加起來就是全部的變動；凍結的那一份不會改變。"), wide=True,
    )  # fmt: skip


def _signed(n: int) -> str:
    return f"{n:+,}" if n else "0"
