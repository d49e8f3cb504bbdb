"""勾選: how many students select items of the school year, as far as 勾選情形 was handed in, without judging anybody."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

from dash import Input, Output, html, register_page
from flask_babel import gettext as _

from dashboard.access.guard import protected_callback
from dashboard.access.roles import Permission
from dashboard.access.session import may, store
from dashboard.components.card import card
from dashboard.components.dates import day_of, roc_date, roc_datetime
from dashboard.components.downloads import downloads
from dashboard.components.empty import empty_state
from dashboard.components.page import columns, findings, stack
from dashboard.components.participation import (
    class_chart,
    detail_grid,
    grade_chart,
    participation_findings,
    participation_tiles,
    spread_chart,
    windows_card,
)
from dashboard.components.words import no_data, status_word, voluntary_rule
from dashboard.frame import answer, asked, frame, ids_of, keep_address
from dashboard.services.filters import View
from dashboard.services.participation import MOST_ITEMS, KindOfItem, Participation, take_part

PAGE = "selection"
FILTERS = ("term", "asof", "division", "grade", "dept")
STAGE = "select"

register_page(
    __name__, path="/selection", name="勾選", order=3, permission=Permission.VIEW_SELECTION
)  # fmt: skip
keep_address(PAGE, FILTERS)


def layout(**query: str | None) -> html.Div:
    """Filters and an empty place; the callback below fills it for the session's scope."""
    return frame(PAGE, _("勾選"), FILTERS, query, permission=Permission.VIEW_SELECTION)


@protected_callback(
    Output(f"{PAGE}-head", "children"),
    Output(f"{PAGE}-body", "children"),
    *[Input(each, "value") for each in ids_of(PAGE, FILTERS)],
    Input("theme", "data"),
    permission=Permission.VIEW_SELECTION,
)
def show(*values: Any) -> tuple[list[Any], list[Any]]:
    """Answer the page's question."""
    return answer(PAGE, _("勾選"), FILTERS, values, _body, rests_on=("selections",))


def _body(view: View, theme: str) -> list[Any]:
    result = take_part(store(), view, STAGE)
    day = day_of(view.filters.as_of)
    if result.kinds[0].classes.empty:
        why = _("您的範圍或篩選條件裡沒有這個學年度的班級，請換一個學期或條件。")
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
        return [*parts, _nothing(result, view, day), windows]
    counted = [_definition(result), _source(result)]
    classes = class_chart(PAGE, STAGE, kinds, footnote=counted, day=day, theme=theme)
    grades = grade_chart(PAGE, STAGE, kinds, footnote=counted, day=day, theme=theme)
    return [
        *parts,
        columns(classes, stack(grades, windows)),
        columns(*[_spread_card(kind, day, theme) for kind in kinds if kind.state == "known"]),
        _detail_card(result, view, day),
    ]


def _definition(result: Participation) -> str:
    year = result.kinds[0].term // 10
    return _("%(year)s 學年度；參與＝至少勾選 1 件的在學學生；分母是在學學生，不在學的學生與其件數都不列入。依名冊順序排列，不排名。", year=year)  # fmt: skip


def _source(result: Participation) -> str:
    """Say since when the counts are known: the list has no times of its own."""
    instants = [kind.known_at for kind in result.kinds if kind.known_at is not None]
    if not instants:
        return ""
    return _("勾選情形沒有時間欄，件數自匯入時起才知道；最近一次有變動的匯入：%(when)s。", when=roc_datetime(max(instants)))  # fmt: skip


def _note(kind: KindOfItem) -> str:
    """Say when it opens, or what has to be handed in first."""
    if kind.state == "not_open" and kind.windows:
        return _("%(day)s開放", day=roc_date(min(window.starts_at for window in kind.windows)))
    if kind.state == "not_open":
        return _("這個學年度沒有公告勾選期程")
    if kind.state == "no_data":
        return _("匯入勾選情形後才有人數")
    return _("沒有在學學生") if kind.state == "nobody" else ""


def _nothing(result: Participation, view: View, day: str) -> html.Div:
    year = view.filters.term // 10
    if not result.enrolled:
        why = _("截至 %(day)s，這個範圍裡沒有在學學生，因此沒有人數與比例。", day=day)
        return empty_state(_("沒有在學學生"), why)
    if any(kind.state == "no_data" for kind in result.kinds):
        why = _("%(year)s 學年度的勾選已經開放；匯入勾選情形後，這裡會有人數與件數。", year=year)
        link = (_("前往匯入"), "/imports") if may(Permission.IMPORT) else ("", "")
        return empty_state(no_data(), why, *link)
    if not any(kind.windows for kind in result.kinds):
        why = _(
            "%(year)s 學年度沒有公告勾選期程，也沒有匯入勾選情形，因此沒有人數與比例。期程由作業期程匯入。", year=year
        )
    else:
        why = _("%(year)s 學年度的勾選期程開始後才有人數，在那之前沒有比例。", year=year)
    return empty_state(status_word("not_open"), why)


def _spread_card(kind: KindOfItem, day: str, theme: str) -> html.Section:
    notes = [_("分母是在學學生；0 件也是學生自己的選擇。")]
    if kind.known < kind.total["enrolled"]:
        notes.append(_("「%(word)s」是勾選情形裡沒有列出的學生，例如所屬年級還沒有開放。", word=no_data()))
    if kind.cap is not None:
        said = {"cap": kind.cap, "n": kind.total["at_cap"], "all": kind.total["enrolled"]}
        notes.append(_("上限 %(cap)s 件：%(n)s／%(all)s 人達上限。", **said))
    return spread_chart(PAGE, kind, others_word=no_data(), open_from=MOST_ITEMS, day=day, footnote=notes, theme=theme)


def _detail_card(result: Participation, view: View, day: str) -> html.Section:
    names = [str(key) for key in result.kinds[0].classes["key"]]
    linked = may(Permission.VIEW_CLASS)
    hrefs = ["/classes/" + quote(name, safe="") + asked(view) if linked and name else "" for name in names]
    parts: list[Any] = [detail_grid(PAGE, result.kinds, hrefs=hrefs)]
    if may(Permission.EXPORT):
        parts.append(downloads("selection", asked(view, "grade", "dept")))
    notes = [
        _definition(result),
        _source(result),
        _("「—」是沒有在學學生，或沒有人數可以列。超過上限請查匯出檔是否重複。"),
    ]
    return card(
        parts, id="selection-table", title=_("班級明細：%(n)s 班，截至 %(day)s", n=len(names), day=day),
        question=_("點班級看這一班") if linked else "", footnote=[*notes, voluntary_rule()], wide=True,
    )  # fmt: skip
