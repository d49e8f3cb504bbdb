"""上傳: how many students upload 課程學習成果 and 多元表現, by class and over the weeks, without judging anybody."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

from dash import Input, Output, html, register_page
from flask_babel import gettext as _

from dashboard.access.guard import protected_callback
from dashboard.access.roles import Permission
from dashboard.access.session import may, store
from dashboard.components.card import card
from dashboard.components.chart import chart
from dashboard.components.dates import day_of, roc_date, until
from dashboard.components.downloads import downloads
from dashboard.components.empty import empty_state
from dashboard.components.numbers import count
from dashboard.components.page import columns, findings, stack
from dashboard.components.participation import (
    class_chart,
    detail_grid,
    grade_chart,
    kind_name,
    of_all,
    participation_findings,
    participation_tiles,
    spread_chart,
    state_words,
    windows_card,
)
from dashboard.components.table import data_table
from dashboard.components.words import listed, status_word, voluntary_rule
from dashboard.figures.participation import cumulative
from dashboard.frame import answer, asked, frame, ids_of, keep_address
from dashboard.services.filters import View
from dashboard.services.participation import MOST_ITEMS, KindOfItem, Participation, take_part

PAGE = "uploads"
FILTERS = ("term", "asof", "division", "grade", "dept")
STAGE = "upload"

register_page(__name__, path="/uploads", name="上傳", order=1, permission=Permission.VIEW_UPLOADS)
keep_address(PAGE, FILTERS)


def layout(**query: str | None) -> html.Div:
    """Filters and an empty place; the callback below fills it for the session's scope."""
    return frame(PAGE, _("上傳"), FILTERS, query, permission=Permission.VIEW_UPLOADS)


@protected_callback(
    Output(f"{PAGE}-head", "children"),
    Output(f"{PAGE}-body", "children"),
    *[Input(each, "value") for each in ids_of(PAGE, FILTERS)],
    Input("theme", "data"),
    permission=Permission.VIEW_UPLOADS,
)
def show(*values: Any) -> tuple[list[Any], list[Any]]:
    """Answer the page's question."""
    return answer(PAGE, _("上傳"), FILTERS, values, _body, rests_on=("outcomes", "performances"))


def _body(view: View, theme: str) -> list[Any]:
    result = take_part(store(), view, STAGE)
    day = day_of(view.filters.as_of)
    if result.kinds[0].classes.empty:
        why = _("您的範圍或篩選條件裡沒有這個學期的班級，請換一個學期或條件。")
        return [empty_state(_("這個條件下沒有班級"), why)]
    if result.held_back:
        why = _("這個條件下的在學學生不到 %(n)s 人，為保護學生，不顯示統計。", n=view.ledger.settings.suppression_size)
        return [empty_state(_("人數過少"), why)]
    kinds = result.kinds
    notes = {kind.key: _note(kind) for kind in kinds}
    lines = participation_findings(STAGE, kinds, notes=notes, day=day)
    parts: list[Any] = [findings(lines)] if lines else []
    parts.append(participation_tiles(STAGE, kinds, notes=notes))
    windows = windows_card(PAGE, kinds, day=day)
    if not result.any_known:
        return [*parts, _nothing(result, day), windows]
    counted = [_definition(), *map(_period, kinds)]
    classes = class_chart(PAGE, STAGE, kinds, footnote=counted, day=day, theme=theme)
    grades = grade_chart(PAGE, STAGE, kinds, footnote=counted, day=day, theme=theme)
    known = [kind for kind in kinds if kind.state == "known"]
    return [
        *parts,
        columns(classes, stack(grades, windows)),
        columns(*[_days_card(kind, view, day, theme) for kind in known]),
        columns(*[_spread_card(kind, day, theme) for kind in known]),
        _detail_card(result, view, day),
    ]


def _period(kind: KindOfItem) -> str:
    if kind.term % 10:
        return _("課程學習成果以學期計：%(year)s 學年度第 %(semester)s 學期。", year=kind.term // 10, semester=kind.term % 10)  # fmt: skip
    return _("多元表現以學年度計：%(year)s 學年度。", year=kind.term // 10)


def _definition() -> str:
    return _("參與＝至少上傳 1 件（含還沒有送出認證）的在學學生；分母是在學學生，不在學的學生與其件數都不列入。依名冊順序排列，不排名。")  # fmt: skip


def _note(kind: KindOfItem) -> str:
    """Say when it opens, or what has to be handed in first."""
    if kind.state == "not_open":
        return _("%(day)s開放", day=roc_date(min(window.starts_at for window in kind.windows)))
    if kind.state == "no_data":
        return _("匯入認證清單後才有人數") if kind.key == "outcome" else _("匯入多元表現清單後才有人數")
    return _("沒有在學學生") if kind.state == "nobody" else ""


def _nothing(result: Participation, day: str) -> html.Div:
    if not result.enrolled:
        why = _("截至 %(day)s，這個範圍裡沒有在學學生，因此沒有人數與比例。", day=day)
        return empty_state(_("沒有在學學生"), why)
    if any(kind.state == "no_data" for kind in result.kinds):
        why = _("匯入認證清單與多元表現清單後，這裡會有參與人數與件數。")
        link = (_("前往匯入"), "/imports") if may(Permission.IMPORT) else ("", "")
        return empty_state(state_words("no_data"), why, *link)
    return empty_state(status_word("not_open"), _("上傳期程開始後才有參與人數，在那之前沒有比例。"))


def _days_card(kind: KindOfItem, view: View, day: str, theme: str) -> html.Section:
    name = kind_name(kind.key)
    ends = [
        (_("%(grades)s 年級到 %(day)s", grades=listed(map(str, window.grades)), day=until(window.ends_at)), window.ends_at)
        if len(kind.windows) > 1
        else (_("期程到 %(day)s", day=until(window.ends_at)), window.ends_at)
        for window in kind.windows
    ]  # fmt: skip
    has_before = "before" in kind.days.columns
    shown = kind.days[kind.days["items"].notna()].tail(60).iloc[::-1]
    headers = [_("日期"), _("累計件數"), *([_("去年同期")] if has_before else [])]
    table = [
        [roc_date(row["day"]), count(row["items"]), *([count(row["before"])] if has_before else [])]
        for row in shown.to_dict("records")
    ]
    notes = [_period(kind), _("在學學生上傳的件數，依上傳日累計。")]
    if has_before:
        notes.append(_("虛線是去年同期：以開放日（沒有期程時為 8 月 1 日）對齊，只供對照時程，件數多寡不評價。"))
    return chart(
        f"uploads-days-{kind.key}", cumulative(kind.days, as_of=view.filters.as_of, ends=ends, theme=theme),
        title=_("%(kind)s累計 %(items)s 件（%(ratio)s 人），截至 %(day)s", kind=name, items=count(kind.total["items"]), ratio=of_all(kind.total), day=day),
        question=_("什麼時候上傳？"), summary=_("逐日累計的上傳件數；虛線為去年同期，直線為期程結束日。"),
        table=data_table(headers, table, caption=_("最近 60 天")), footnote=[*notes, voluntary_rule()],
    )  # fmt: skip


def _spread_card(kind: KindOfItem, day: str, theme: str) -> html.Section:
    notes = [_period(kind), _("分母是在學學生；0 件也是學生自己的選擇。")]
    return spread_chart(
        PAGE, kind, others_word=status_word("not_open"), open_from=MOST_ITEMS, day=day, footnote=notes, theme=theme
    )


def _detail_card(result: Participation, view: View, day: str) -> html.Section:
    names = [str(key) for key in result.kinds[0].classes["key"]]
    linked = may(Permission.VIEW_CLASS)
    hrefs = ["/classes/" + quote(name, safe="") + asked(view) if linked and name else "" for name in names]
    parts: list[Any] = [detail_grid(PAGE, result.kinds, hrefs=hrefs)]
    if may(Permission.EXPORT):
        parts.append(downloads("uploads", asked(view, "grade", "dept")))
    return card(
        parts, id="uploads-table", title=_("班級明細：%(n)s 班，截至 %(day)s", n=len(names), day=day),
        question=_("點班級看這一班") if linked else "",
        footnote=[_definition(), _("「—」是沒有在學學生，或沒有人數可以列。"), voluntary_rule()], wide=True,
    )  # fmt: skip
