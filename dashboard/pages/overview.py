"""總覽: is the school on time, and where is it stuck?"""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

import pandas as pd
from dash import ClientsideFunction, Input, Output, State, clientside_callback, html, register_page
from flask_babel import gettext as _

from dashboard.access.guard import protected_callback
from dashboard.access.roles import Permission
from dashboard.access.session import may, store
from dashboard.components.card import card
from dashboard.components.causes import cause_name
from dashboard.components.chart import chart
from dashboard.components.dates import day_of, last_day, roc_date
from dashboard.components.downloads import downloads
from dashboard.components.empty import empty_state
from dashboard.components.grid import Column, grid
from dashboard.components.numbers import count, fraction, percent, share_of
from dashboard.components.page import columns, findings
from dashboard.components.table import data_table
from dashboard.components.tile import tile, tiles
from dashboard.components.words import listed, no_data, stage_name, status_word, voluntary_rule
from dashboard.figures.burn_up import burn_up
from dashboard.figures.leak import leak_bars, shares
from dashboard.figures.tiles import class_label, stage_tiles
from dashboard.figures.waterfall import waterfall
from dashboard.frame import answer, asked, frame, ids_of, keep_address, term_name
from dashboard.services.changes import certify_change
from dashboard.services.filters import View
from dashboard.services.leak import leak_of
from dashboard.services.overview import STAGES, Cell, Overview, overview

PAGE = "overview"
FILTERS = ("term", "asof", "vs", "division", "grade", "dept")

register_page(__name__, path="/", name="總覽", order=0, permission=Permission.VIEW_OVERVIEW)
keep_address(PAGE, FILTERS)
clientside_callback(
    ClientsideFunction("licheng", "openClass"),
    Output(f"{PAGE}-address", "data-opened"),
    Input("overview-stages", "clickData"),
    State("overview-stages", "figure"),
    prevent_initial_call=True,
)


def layout(**query: str | None) -> html.Div:
    """Filters and an empty place; the callback below fills it for the session's scope."""
    return frame(PAGE, _("總覽"), FILTERS, query, permission=Permission.VIEW_OVERVIEW)


@protected_callback(
    Output(f"{PAGE}-head", "children"),
    Output(f"{PAGE}-body", "children"),
    *[Input(each, "value") for each in ids_of(PAGE, FILTERS)],
    Input("theme", "data"),
    permission=Permission.VIEW_OVERVIEW,
)
def show(*values: Any) -> tuple[list[Any], list[Any]]:
    """Answer the page's question."""
    return answer(PAGE, _("總覽"), FILTERS, values, _body)


def _body(view: View, theme: str) -> list[Any]:
    result = overview(store(), view)
    if result.classes.empty:
        why = _("您的範圍或篩選條件裡沒有這個學期的班級，請換一個學期或條件。")
        return [empty_state(_("這個條件下沒有班級"), why)]
    return [
        findings(_findings(result, view)),
        _tiles(result, view),
        columns(_stage_card(result, view, theme), _burn_card(result, view, theme)),
        _change_card(view, theme),
        _leak_card(view, theme),
        _class_card(result, view),
    ]


def _done(result: Overview) -> tuple[int, int]:
    return int(result.certify["on_time"] + result.certify["late"]), int(result.certify["expected"])


def _findings(result: Overview, view: View) -> list[tuple[str, str, str]]:
    """At most three sentences with number, denominator and date; only duty stages can be found wanting."""
    lines: list[tuple[str, str, str]] = []
    day = day_of(view.filters.as_of)
    done, total = _done(result)
    overdue = int(result.certify["overdue"])
    more = "/certification" + asked(view, "grade", "dept") if may(Permission.VIEW_CERTIFICATION) else ""
    if overdue:
        said = {"day": day, "n": count(overdue), "total": count(total)}
        words = _("截至 %(day)s，有 %(n)s 件認證逾期（應認證 %(total)s 件）", **said)
        if result.overdue_teachers:
            words = _("截至 %(day)s，有 %(n)s 件認證逾期（應認證 %(total)s 件），由 %(people)s 位教師承辦", people=result.overdue_teachers, **said)  # fmt: skip
        lines.append((words, more, "overdue"))
    if result.left_overdue:
        term, left, of = result.left_overdue
        words = _("截至 %(day)s，%(term)s還有 %(n)s 件認證逾期（應認證 %(total)s 件）", day=day, term=term_name(term), n=count(left), total=count(of))  # fmt: skip
        lines.append((words, "/" + asked(view, "grade", "dept", term=str(term)), "overdue"))
    cells = [
        cell for cell in result.cells if cell.stage == "certify" and cell.status in ("attention", "behind", "overdue")
    ]
    if cells:
        lowest = min(cells, key=lambda cell: (cell.part / cell.whole, cell.class_name))
        words = _("%(name)s認證 %(part)s 件，完成 %(share)s，進度最需要協助", name=class_label(lowest.class_name), part=fraction(lowest.part, lowest.whole), share=percent(lowest.part, lowest.whole))  # fmt: skip
        lines.append((words, _class_href(view, lowest.class_name), lowest.status))
    elif total:
        words = _("截至 %(day)s，已認證 %(part)s 件（%(share)s），沒有班級落後", day=day, part=fraction(done, total), share=percent(done, total))  # fmt: skip
        lines.append((words, more, result.certify_status))
    late, disputes = result.receipts["dispute_overdue"], result.receipts["disputes"]
    if late:
        words = _("截至 %(day)s，有 %(n)s 件收訖問題回報過了 3 天還沒有答覆（共 %(total)s 件）", day=day, n=count(late), total=count(disputes))  # fmt: skip
        lines.append(
            (words, "/receipts" + asked(view, "grade", "dept") if may(Permission.VIEW_RECEIPTS) else "", "overdue")
        )
    if result.empty_classes:
        names = listed(class_label(name) for name in result.empty_classes[:3])
        words = _(
            "%(names)s（%(n)s／%(all)s 班）沒有送出認證的件數，因此沒有完成率",
            names=names,
            n=len(result.empty_classes),
            all=len(result.classes),
        )
        lines.append((words, "", "too_few"))
    return lines


def _class_href(view: View, name: str) -> str:
    return "/classes/" + quote(name, safe="") + asked(view) if may(Permission.VIEW_CLASS) else ""


def _tiles(result: Overview, view: View) -> html.Div:
    done, total = _done(result)
    waiting, overdue = int(result.certify["open"]), int(result.certify["overdue"])
    note = ""
    if result.certify_before is not None and total:
        points = f"{100 * (done / total - result.certify_before):+.1f}".replace("-", "−")
        note = _("較去年同一上班日 %(points)s 個百分點", points=points)
    upload = result.upload
    receipts = result.receipts
    upload_words = {"not_open": _("未開放"), "no_data": no_data()}.get(result.upload_state)
    receipt_words = {"not_open": _("未開放"), "no_data": no_data()}.get(result.receipts_state)
    return tiles(
        tile(_("認證完成"), percent(done, total), status=result.certify_status if total else None, fraction=(done, total), unit=_("件"), note=note),
        tile(
            _("逾期未認證"), _("%(n)s 件", n=count(overdue)), status="overdue" if overdue else "done" if total and not waiting else "on_track",
            fraction=(overdue, total), unit=_("件"), note=_("另有 %(n)s 件待認證、未到期", n=count(waiting)),
        ),
        tile(
            _("上傳參與"), upload_words or percent(int(upload["participants"]), int(upload["enrolled"])), status="neutral", stage="upload",
            fraction=None if upload_words else (int(upload["participants"]), int(upload["enrolled"])), unit=_("人"),
            note="" if upload_words else _("共 %(n)s 件，學生自主", n=count(int(upload["items"]))),
        ),
        tile(
            _("收訖已確認"), receipt_words or percent(receipts["confirmed"], receipts["receipt_round"]), status=None,
            fraction=None if receipt_words else (receipts["confirmed"], receipts["receipt_round"]), unit=_("人次"),
            note="" if receipt_words else _receipt_note(receipts),
        ),
    )  # fmt: skip


def _receipt_note(receipts: dict[str, int]) -> str:
    """Say what the others are: unseen while they may still answer, deemed once the window is closed, never confirmed."""
    said = {"d": count(receipts["disputed"]), "u": count(receipts["unseen"]), "v": count(receipts["deemed"])}
    if receipts["unseen"] and receipts["deemed"]:
        return _("回報 %(d)s，未表示 %(u)s，視同確認 %(v)s", **said)
    return _("回報 %(d)s，視同確認 %(v)s", **said) if receipts["deemed"] else _("回報 %(d)s，未表示 %(u)s", **said)


def _stage_card(result: Overview, view: View, theme: str) -> html.Section:
    cells = pd.DataFrame(
        {
            "class_name": [cell.class_name for cell in result.cells], "stage": [cell.stage for cell in result.cells],
            "status": ["neutral" if cell.status == "no_data" else cell.status for cell in result.cells], "numerator": [pd.NA if cell.status == "no_data" else cell.part for cell in result.cells],
            "denominator": [cell.whole for cell in result.cells],
        }
    )  # fmt: skip
    stuck = [
        cell for cell in result.cells if cell.stage == "certify" and cell.status in ("attention", "behind", "overdue")
    ]
    classes = len(result.classes)
    title = (
        _("%(n)s／%(all)s 班的認證進度需要協助", n=len(stuck), all=classes)
        if stuck
        else _("%(all)s 班的認證都在應有進度內", all=classes)
    )
    by_class: dict[str, list[str]] = {}
    for cell in result.cells:
        words = _cell_words(cell)
        by_class.setdefault(cell.class_name, [cell.class_name]).append(words)
    headers = [_("班級"), *(stage_name(stage) for stage in STAGES)]
    return chart(
        "overview-stages",
        stage_tiles(cells, stages=STAGES, theme=theme),
        title=title,
        question=_("哪一班、卡在哪一個階段？"),
        summary=_("各班四個階段的情形，認證以應有進度判定；詳見表格。"),
        table=data_table(headers, list(by_class.values()), caption=_("各班各階段：人數或件數與比例")),
        footnote=[
            _("認證＝已完成件數／已送出件數；與應有進度（近年同一上班日的中位數，不足兩學期時按期程線性）相差 5 個百分點內為進度正常，15 個百分點內為需注意，再低為進度落後；有過了期限仍未完成的為逾期。少於 5 件不判定。"),
            voluntary_rule(),
        ],
    )  # fmt: skip


def _cell_words(cell: Cell) -> str:
    if cell.status == "not_open":
        return status_word(cell.status)
    if cell.status == "no_data":
        return no_data()
    return share_of(cell.part, cell.whole) if cell.whole else "—"


def _burn_card(result: Overview, view: View, theme: str) -> html.Section:
    done, total = _done(result)
    figure = burn_up(
        result.burn_up, theme=theme, as_of=view.filters.as_of, due_at=result.window_end, original_due_at=result.original_end, previous=result.previous,
    )  # fmt: skip
    last = result.burn_up.tail(60).iloc[::-1]
    rows = [
        [roc_date(row.day), count(row.arrived), count(row.certified), count(row.arrived - row.certified)]
        for row in last.itertuples()
    ]
    return chart(
        "overview-burn",
        figure,
        title=_(
            "送出 %(total)s 件，已認證 %(done)s 件，還有 %(left)s 件",
            total=count(total),
            done=count(done),
            left=count(total - done),
        ),
        question=_("趕得上截止日嗎？"),
        summary=_("累計送出與認證件數；虛線為去年同一學期。"),
        table=data_table([_("日期"), _("累計送出"), _("累計認證"), _("待認證")], rows, caption=_("最近 60 天")),
        footnote=_("送出＝學生按下送出認證；認證＝結果已發佈給學生（通過與未通過都算完成）。"),
    )


def _change_card(view: View, theme: str) -> html.Section:
    """Say why the waiting items became more or fewer; the parts sum to the whole."""
    result = certify_change(store(), view)
    before, after = result.before["waiting"], result.after["waiting"]
    since, day = roc_date(last_day(result.since)), roc_date(last_day(result.as_of))
    moved = result.causes[result.causes["waiting"] != 0]
    names = [cause_name(cause) for cause in moved["cause"]]
    headers = [_("原因"), _("待認證"), _("應認證"), _("已認證"), _("逾期")]
    columns_ = ["waiting", "expected", "done", "overdue"]
    told = result.causes[(result.causes[columns_] != 0).any(axis=1)].to_dict("records")
    rows = [
        [since, *(count(result.before[name]) for name in columns_)],
        *([cause_name(row["cause"]), *(f"{row[name]:+,}" if row[name] else "0" for name in columns_)] for row in told),
        [day, *(count(result.after[name]) for name in columns_)],
    ]
    title = (
        _("待認證從 %(since)s的 %(before)s 件變成 %(day)s的 %(after)s 件：%(parts)s", since=since, before=count(before), day=day, after=count(after), parts=listed(f"{name} {n:+,}" for name, n in zip(names, moved["waiting"], strict=True)))
        if len(moved)
        else _("從 %(since)s到 %(day)s，待認證都是 %(after)s 件", since=since, day=day, after=count(after))
    )  # fmt: skip
    return chart(
        "overview-change",
        waterfall(names, [int(n) for n in moved["waiting"]], first=since, last=day, before=before, theme=theme),
        title=title,
        question=_("數字為什麼變了？"),
        summary=_("由起點到終點，每一條是一個原因讓待認證增加或減少的件數；各原因加起來就是全部的變動。"),
        table=data_table(headers, rows, caption=_("各原因的變動")),
        footnote=_(
            "待認證＝已送出、還沒有發佈結果的件數，含逾期。依次計算：學籍異動與免辦、承辦人改變、新送出、完成認證、過了期限。"
        ),
        wide=True,
    )


def _leak_card(view: View, theme: str) -> html.Section:
    """Show how far the items of the school year have come; no step of it is a judgement."""
    result = leak_of(store(), view)
    names = {
        "uploaded": _("上傳"), "certified": _("認證通過"), "selected": _("勾選"), "submitted": _("提交"), "received": _("收訖明細"),
        "confirmed": _("學生確認"),
    }  # fmt: skip
    steps = [(names[step], n) for step, n in result.steps.items()]
    known = listed(_("%(name)s %(n)s 件", name=name, n=count(n)) for name, n in steps if n is not None)
    day = day_of(view.filters.as_of)
    how = {
        "item": _("逐件比對，同一學生、學期與課程代碼的上傳與名冊，取較少的件數"),
        "count": _("以名冊的件數計，因為對不到同一課程代碼的上傳"),
    }  # fmt: skip
    said = [
        _("%(name)s：%(how)s。", name=names[step], how=how[each])
        for step, each in (("submitted", result.submitted_by), ("received", result.received_by))
        if each
    ]
    lines = [[row.name, count(n), row.of_first if i and n is not None else "—", row.of_before or "—"] for i, (row, (_name, n)) in enumerate(zip(shares(steps), steps, strict=True))]  # fmt: skip
    return chart(
        "overview-leak", leak_bars(steps, theme=theme),
        title=_("截至 %(day)s，%(year)s 學年度課程學習成果：%(known)s", day=day, year=result.year, known=known),
        question=_("上傳的件數到了哪一個階段？"),
        summary=_("由上傳到學生確認，每一列是一個階段的件數，以及占上傳與占前一個已知階段的比例。"),
        table=data_table([_("階段"), _("件數"), _("占上傳"), _("占前一階段")], lines, caption=_("各階段的件數")),
        footnote=[
            _("截至日在學學生這個學年度兩個學期的課程學習成果。認證通過＝通過並已發佈；勾選以勾選情形的件數計；學生確認＝收訖明細（沒有時為提交）中，已按確認的學生的件數。各清單來源不同，後一階段可能多於前一階段。"),
            *said,
            voluntary_rule(),
        ],
        wide=True,
    )  # fmt: skip


def _class_card(result: Overview, view: View) -> html.Section:
    rows, is_known = [], result.upload_state == "neutral"
    for row in result.classes.to_dict("records"):
        done, expected = int(row["on_time"] + row["late"]), int(row["expected"])
        rows.append(
            {
                "name": str(row["key"]), "href": _class_href(view, str(row["key"])), "done": done, "expected": expected,
                "open": int(row["open"]), "overdue": int(row["overdue"]),
                "due": row["expected_share"] if expected and row["expected_share"] == row["expected_share"] else None,
                "status": status_word(row["status"]) if expected else "—", "enrolled": int(row["enrolled"]),
                "uploaders": int(row["upload_participants"]) if is_known else None, "items": int(row["items"]) if is_known else None,
            }
        )  # fmt: skip
    table = grid(
        "overview-classes",
        rows,
        [
            Column("name", _("班級"), href="href", first=True),
            Column("completion", _("認證完成"), "ratio", numerator="done", denominator="expected"),
            Column("due", _("應有進度"), "percent"),
            Column("status", _("進度")),
            Column("open", _("待認證"), "count"),
            Column("overdue", _("逾期"), "count"),
            Column("uploaders", _("已上傳人數"), "count"),
            Column("enrolled", _("在學人數"), "count"),
            Column("items", _("上傳件數"), "count"),
        ],
        label=_("班級明細"),
        row_id="name",
    )
    parts: list[Any] = [table]
    if may(Permission.EXPORT):
        parts.append(downloads("classes", asked(view, "grade", "dept")))
    return card(
        parts, id="overview-table", title=_("班級明細：%(n)s 班", n=len(rows)), question=_("點班級看它的各個階段"),
        footnote=[_("沒有應辦件數的班級顯示「—」，不列入任何平均。"), voluntary_rule()], wide=True,
    )  # fmt: skip
