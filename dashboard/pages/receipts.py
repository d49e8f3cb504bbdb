"""收訖: what students say of the records handed in about them, and which reports wait for the unit's answer."""

from __future__ import annotations

from typing import Any, Final
from urllib.parse import quote

import pandas as pd
from dash import Input, Output, html, register_page
from flask_babel import gettext as _

from dashboard.access.guard import protected_callback
from dashboard.access.roles import Permission
from dashboard.access.session import may, store
from dashboard.components.card import card
from dashboard.components.chart import chart
from dashboard.components.dates import day_of, last_day, roc_date, roc_datetime
from dashboard.components.downloads import downloads
from dashboard.components.empty import empty_state
from dashboard.components.grid import Column, grid
from dashboard.components.numbers import count, fraction, percent, share_of
from dashboard.components.page import findings
from dashboard.components.receipts import answer_cell, clock, kind_name, state_words
from dashboard.components.table import data_table
from dashboard.components.tile import tile, tiles
from dashboard.components.words import listed, no_data, status_word
from dashboard.figures.receipts import STANDINGS, standings
from dashboard.figures.tiles import class_label
from dashboard.frame import answer, asked, frame, ids_of, keep_address
from dashboard.services.filters import View
from dashboard.services.receipts import Receipts, desk

PAGE = "receipts"
FILTERS = ("term", "asof", "division", "grade", "dept")
MOST_REPORTS: Final = 120  # a page has to stay small; the file has them all
MOST_WORDS: Final = 60

register_page(
    __name__, path="/receipts", name="收訖", order=5, permission=Permission.VIEW_RECEIPTS
)  # fmt: skip
keep_address(PAGE, FILTERS)


def layout(**query: str | None) -> html.Div:
    """Filters and an empty place; the callback below fills it for the session's scope."""
    return frame(PAGE, _("收訖"), FILTERS, query, permission=Permission.VIEW_RECEIPTS)


@protected_callback(
    Output(f"{PAGE}-head", "children"),
    Output(f"{PAGE}-body", "children"),
    *[Input(each, "value") for each in ids_of(PAGE, FILTERS)],
    Input("theme", "data"),
    permission=Permission.VIEW_RECEIPTS,
)
def show(*values: Any) -> tuple[list[Any], list[Any]]:
    """Answer the page's question."""
    return answer(PAGE, _("收訖"), FILTERS, values, _body, rests_on=("receipts", "disputes"))


def _body(view: View, theme: str) -> list[Any]:
    result = desk(store(), view)
    if result.classes.empty:
        why = _("您的範圍或篩選條件裡沒有這個學年度的班級，請換一個學期或條件。")
        return [empty_state(_("這個條件下沒有班級"), why)]
    if result.held_back:
        why = _("這個條件下的學生不到 %(n)s 人，為保護學生，不顯示統計。", n=view.ledger.settings.suppression_size)
        return [empty_state(_("人數過少"), why)]
    in_round, reports = result.total["in_round"], int(result.total["disputes"])
    if not in_round and not reports:
        return [_nothing(result, view)]
    parts: list[Any] = [_tiles(result)]
    if reports:
        parts.insert(0, findings([_finding(result, view)]))
    if not view.scope.suppressed:  # a line of it is one student's report
        parts.append(_report_card(result, view))
    if not in_round:
        return [*parts, _nothing(result, view)]
    return [*parts, _kind_card(result, view), _class_card(result, view, theme), _detail_card(result, view)]


def _unit(result: Receipts) -> str:
    """A student is counted once per kind, so that with several kinds they are no longer persons."""
    return _("人") if result.kinds["state"].isin(["known", "few"]).sum() < 2 else _("人次")


def _nothing(result: Receipts, view: View) -> html.Div:
    year = result.year
    if result.state == "not_open" and result.windows:
        title, why = status_word("not_open"), _("%(year)s 學年度的收訖明細確認從 %(day)s開始，在那之前沒有人次與比例。", year=year, day=roc_date(result.windows[0].starts_at))  # fmt: skip
    elif result.state == "not_open":
        title, why = no_data(), _("%(year)s 學年度還沒有公告收訖確認的期程，也還沒有匯入收訖明細確認，因此沒有人次與比例。", year=year)  # fmt: skip
    else:
        title, why = no_data(), _("%(year)s 學年度的收訖確認已經開始；匯入收訖明細確認後，這裡會有確認與回報的人次。", year=year)  # fmt: skip
    if result.earlier_term:
        step = _("看 %(year)s 學年度的收訖", year=result.earlier_term // 10)
        return empty_state(title, why, step, "/receipts" + asked(view, "grade", "dept", term=str(result.earlier_term)))
    if title == no_data() and may(Permission.IMPORT):
        return empty_state(title, why, _("前往匯入"), "/imports")
    return empty_state(title, why)


def _finding(result: Receipts, view: View) -> tuple[str, str, str]:
    """State how the unit's answers stand; what the students do is theirs, and no finding."""
    total, day = result.total, day_of(view.filters.as_of)
    said = {"day": day, "all": count(total["disputes"])}
    if total["dispute_overdue"]:
        n = count(total["dispute_overdue"])
        return _("截至 %(day)s，%(n)s／%(all)s 件問題回報超過 3 日還沒有答覆", n=n, **said), "", "overdue"
    if total["dispute_open"]:
        n = count(total["dispute_open"])
        return _("截至 %(day)s，%(n)s／%(all)s 件問題回報待答覆，都在 3 日內", n=n, **said), "", "on_track"
    if total["answered_late"]:
        n = count(total["answered_late"])
        return _("截至 %(day)s，%(all)s 件問題回報都已答覆，其中 %(n)s 件超過 3 日", n=n, **said), "", "done"
    return _("截至 %(day)s，%(all)s 件問題回報都在 3 日內答覆", **said), "", "done"


def _tiles(result: Receipts) -> html.Div:
    total, unit = result.total, _unit(result)
    whole, reports = int(total["in_round"]), int(total["disputes"])
    waiting, overdue = int(total["dispute_open"] + total["dispute_overdue"]), int(total["dispute_overdue"])
    late = _("其中 %(n)s %(unit)s在期限後確認", n=count(total["confirmed_late"]), unit=unit)

    def of_round(label: str, name: str, note: str = "") -> html.Div:
        part = int(total[name])
        if not whole:
            words = status_word("not_open") if result.state == "not_open" else no_data()
            return tile(label, words)
        return tile(label, percent(part, whole), fraction=(part, whole), unit=unit, note=note)

    shown = [
        of_round(_("已確認"), "confirmed", late if total["confirmed_late"] else ""),
        of_round(_("回報問題"), "disputed"),
    ]
    if total["unseen"] or not total["deemed"]:
        shown.append(of_round(_("未表示"), "unseen", _("確認期間內，還沒有表示")))
    if total["deemed"]:
        shown.append(of_round(_("視同確認"), "deemed", _("期限後沒有表示，另計，不算已確認")))
    if not reports:
        shown.append(tile(_("待答覆"), "—", note=_("沒有問題回報")))
        return tiles(*shown)
    note = _("其中逾期 %(n)s 件", n=count(overdue)) if overdue else _("已答覆 %(part)s 件，其中逾時 %(late)s 件", part=fraction(int(total["answered"]), reports), late=count(total["answered_late"]))  # fmt: skip
    status = "overdue" if overdue else "on_track" if waiting else "done"
    shown.append(tile(_("待答覆"), _("%(n)s 件", n=count(waiting)), status=status, fraction=(waiting, reports), unit=_("件"), note=note))  # fmt: skip
    return tiles(*shown)


def _instant(microseconds: int) -> pd.Timestamp:
    return pd.Timestamp(int(microseconds), unit="us", tz="UTC")


def _report_title(result: Receipts, as_of_us: int) -> str:
    """Say how many wait, and how much time the first of them has."""
    reports, first = len(result.disputes), result.disputes.iloc[0]
    waiting = int(result.total["dispute_open"] + result.total["dispute_overdue"])
    if not waiting:
        return _("%(all)s 件問題回報都已答覆", all=count(reports))
    left = clock(first["state"], due_us=first["due_at"], answered_us=first["answered_at"], as_of_us=as_of_us)
    return _("%(n)s／%(all)s 件問題回報在等答覆，最急的一件%(left)s", n=count(waiting), all=count(reports), left=left)


def _report_card(result: Receipts, view: View) -> html.Section:
    rule = _("學生學習歷程檔案作業要點第 4 點：對收訖明細的問題回報應於 3 日內答覆；期限＝回報後 72 小時。")
    if result.disputes.empty:
        content = empty_state(
            _("沒有問題回報"), _("截至 %(day)s，沒有學生回報收訖明細的問題。", day=day_of(view.filters.as_of)), level=3
        )
        return card(content, id="receipts-reports", title=_("問題回報 0 件"), question=_("哪些回報在等答覆？"), footnote=rule, wide=True)  # fmt: skip
    as_of_us = int(pd.Timestamp(view.filters.as_of).timestamp() * 1_000_000)
    rows = []
    for row in result.disputes.head(MOST_REPORTS).to_dict("records"):
        state, due_us, answered_us = row["state"], row["due_at"], row["answered_at"]
        line = {
            "number": row["number"], "state": answer_cell(state, due_us - as_of_us), "kind": kind_name(row["kind"]),
            "clock": clock(state, due_us=due_us, answered_us=answered_us, as_of_us=as_of_us),
            "class": row["class"] or "—", "unit": row["unit"] or "—",
            "raised": roc_datetime(_instant(row["raised_at"])), "due": roc_datetime(_instant(due_us)),
            "answered": roc_datetime(_instant(answered_us)) if state in ("on_time", "late") else "—",
        }  # fmt: skip
        if result.named:
            words = row["description"]
            line |= {
                "student": f"{row['student_number']} {row['student_name']}".strip() or "—", "error": row["error_kind"] or "—",
                "words": f"{words[:MOST_WORDS]}…" if len(words) > MOST_WORDS else words,
            }  # fmt: skip
        rows.append(line)
    who = [Column("student", _("學生"), width=150), Column("error", _("錯誤別"), width=110), Column("words", _("問題描述"), width=240)]  # fmt: skip
    table = grid(
        "receipts-disputes",
        rows,
        [
            Column("number", _("單號"), first=True),
            Column("state", _("答覆情形"), "status", width=140),
            Column("clock", _("3 日期限"), width=170),
            Column("kind", _("項目"), width=140),
            Column("class", _("班級"), width=96),
            *(who if result.named else []),
            Column("raised", _("回報時間"), width=190),
            Column("due", _("答覆期限"), width=190),
            Column("answered", _("答覆時間"), width=190),
            Column("unit", _("負責單位"), width=140),
        ],
        label=_("問題回報"),
        row_id="number",
    )
    parts: list[Any] = [table]
    if may(Permission.EXPORT):
        parts.append(downloads("disputes", asked(view, "grade", "dept")))
    notes = [rule]
    if len(result.disputes) > MOST_REPORTS:
        notes.append(_("這裡列出最急的 %(n)s／%(all)s 件，其餘在下載的檔案裡。", n=MOST_REPORTS, all=count(len(result.disputes))))  # fmt: skip
    if not result.named:
        notes.append(_("學生與問題內容只給需要處理的職務看。"))
    return card(
        parts, id="receipts-reports", title=_report_title(result, as_of_us), question=_("哪些回報在等答覆、還剩多少時間？"),
        footnote=notes, wide=True,
    )  # fmt: skip


def _standing(row: dict[str, Any]) -> str:
    """Say where the students stand in a sentence's parts; what nobody does is left out."""
    parts = {
        "disputed": _("回報問題 %(n)s", n=count(row["disputed"])), "unseen": _("未表示 %(n)s", n=count(row["unseen"])),
        "deemed": _("視同確認 %(n)s", n=count(row["deemed"])),
    }  # fmt: skip
    return listed(words for name, words in parts.items() if row[name])


def _definition(result: Receipts) -> list[str]:
    if _unit(result) == _("人次"):
        whole = _("%(year)s 學年度；分母是最近一輪收訖明細中的學生，每一項目計一次。", year=result.year)
    else:
        whole = _("%(year)s 學年度；分母是最近一輪收訖明細中的學生。", year=result.year)
    rule = _("確認與否是學生的權利；視同確認＝期限過後沒有表示，另計，不加入已確認。依名冊順序排列，不排名。")
    return [whole, rule]


def _class_card(result: Receipts, view: View, theme: str) -> html.Section:
    rows = result.classes[(result.classes["key"] != "") | (result.classes["in_round"].fillna(0) > 0)]
    shown = rows.assign(
        label=[class_label(str(key)) if key else _("不在名冊") for key in rows["key"]],
        text=[state_words(state) for state in rows["state"]],
    )
    total = result.total
    table = [
        [
            str(row["key"]) or _("不在名冊"),
            *([count(row[name]) for name in (*STANDINGS, "in_round")] if row["state"] == "known" else [state_words(row["state"]), *["—"] * 4]),
        ]
        for row in rows.to_dict("records")
    ]  # fmt: skip
    said = {
        "day": day_of(view.filters.as_of), "part": count(total["confirmed"]), "all": count(total["in_round"]), "unit": _unit(result),
        "share": percent(int(total["confirmed"]), int(total["in_round"])), "rest": _standing(total),
    }  # fmt: skip
    title = _("截至 %(day)s，已確認 %(part)s／%(all)s %(unit)s（%(share)s）", **said)
    if said["rest"]:
        title = _("截至 %(day)s，已確認 %(part)s／%(all)s %(unit)s（%(share)s），%(rest)s %(unit)s", **said)
    return chart(
        "receipts-classes", standings(shown, theme=theme), title=title, question=_("各班的學生表示了什麼？"),
        summary=_("每一列是一班，依序為已確認、回報問題、未表示與視同確認的人次；右邊是已確認與全部。"),
        table=data_table(
            [_("班級"), _("已確認"), _("回報問題"), _("未表示"), _("視同確認"), _("這一輪")], table, caption=_("各班收訖的情形")
        ),
        footnote=_definition(result), wide=True,
    )  # fmt: skip


def _kind_card(result: Receipts, view: View) -> html.Section:
    rows = result.kinds
    known = rows[rows["state"] == "known"]
    table = []
    for row in rows.to_dict("records"):
        name = kind_name(str(row["key"]))
        if row["state"] == "few":
            table.append([name, state_words("few"), *["—"] * 5])
            continue
        is_known = row["state"] == "known"
        counts = [count(row[each]) if is_known else "—" for each in ("disputed", "unseen", "deemed")]
        confirmed = share_of(row["confirmed"], row["in_round"])
        table.append([name, count(row["round_number"]) if is_known else "—", confirmed if is_known else "—", *counts, count(row["disputes"])])  # fmt: skip
    names = listed(
        _("%(kind)s第 %(n)s 輪", kind=kind_name(str(row["key"])), n=row["round_number"]) for row in known.to_dict("records")
    )  # fmt: skip
    title = (
        _("截至 %(day)s，計入的是%(names)s", day=day_of(view.filters.as_of), names=names)
        if names
        else _("各項目的收訖")
    )
    notes = [
        _("截至日已知的最近一輪；名單比學生的表示晚到，還沒有任何一輪時取之後最早的一輪。輪次隨每次有變動的匯入增加。")
    ]
    instants = known["known_at"].dropna()
    if len(instants):
        notes.append(_("計入的名單最近一次匯入：%(when)s。", when=roc_datetime(_instant(instants.max()))))
    periods = [
        _(
            "%(grades)s 年級 %(start)s至 %(end)s",
            grades=listed(map(str, window.grades)),
            start=roc_date(window.starts_at),
            end=roc_date(last_day(window.ends_at)),
        )
        for window in result.windows
    ]
    if periods:
        notes.append(_("確認期程：%(periods)s。", periods="；".join(periods)))
    else:
        notes.append(_("沒有公告確認期程，因此沒有視同確認。"))
    notes.append(_("回報問題來自收訖明細確認，回報件數來自收訖問題回報；兩份名單不一定相同。"))
    headers = [_("項目"), _("輪次"), _("已確認"), _("回報問題"), _("未表示"), _("視同確認"), _("回報件數")]
    return card(
        data_table(headers, table, caption=_("各項目與輪次")), id="receipts-kinds", title=title, question=_("哪個項目、第幾輪？"),
        footnote=notes, wide=True,
    )  # fmt: skip


def _detail_card(result: Receipts, view: View) -> html.Section:
    linked = may(Permission.VIEW_CLASS)
    rows = []
    for row in result.classes.to_dict("records"):
        key, known = str(row["key"]), row["state"] == "known"
        shown = row["state"] != "few"
        counts = {name: int(row[name]) if known else None for name in (*STANDINGS, "confirmed_late", "in_round")}
        rows.append(
            counts | {
                "name": key or _("不在名冊"), "href": "/classes/" + quote(key, safe="") + asked(view) if linked and key else "",
                "state": state_words(row["state"]),
                "reports": int(row["disputes"]) if shown else None,
                "waiting": int(row["dispute_open"] + row["dispute_overdue"]) if shown else None,
                "overdue": int(row["dispute_overdue"]) if shown else None,
            }
        )  # fmt: skip
    stated = [Column("state", _("收訖情形"), width=110)] if any(row["state"] for row in rows) else []
    table = grid(
        "receipts-detail",
        rows,
        [
            Column("name", _("班級"), href="href", first=True),
            Column("share", _("已確認"), "ratio", numerator="confirmed", denominator="in_round"),
            *stated,
            Column("confirmed_late", _("期限後確認"), "count"),
            Column("disputed", _("回報問題"), "count"),
            Column("unseen", _("未表示"), "count"),
            Column("deemed", _("視同確認"), "count"),
            Column("reports", _("回報件數"), "count"),
            Column("waiting", _("待答覆"), "count"),
            Column("overdue", _("逾期未答覆"), "count"),
        ],
        label=_("班級明細"),
        row_id="name",
    )
    parts: list[Any] = [table]
    if may(Permission.EXPORT):
        parts.append(downloads("receipts", asked(view, "grade", "dept")))
    return card(
        parts, id="receipts-table", title=_("班級明細：%(n)s 班，截至 %(day)s", n=len(rows), day=day_of(view.filters.as_of)),
        question=_("點班級看這一班") if linked else "",
        footnote=[*_definition(result), _("期限後確認包含在已確認裡，沒有確認時間的以匯入時間計。待答覆包含逾期未答覆。")], wide=True,
    )  # fmt: skip
