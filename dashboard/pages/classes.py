"""班級: how every stage of one class stands, and for those who have to act its students in seat order."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final
from urllib.parse import quote

import pandas as pd
from dash import Input, Output, html, register_page
from flask_babel import gettext as _

from dashboard.access.guard import protected_callback
from dashboard.access.roles import Permission
from dashboard.access.session import current_scope, may, store
from dashboard.access.trail import record_class_view
from dashboard.components.card import card
from dashboard.components.classes import record_name, standing_words
from dashboard.components.dates import day_of, roc_date, since, until
from dashboard.components.downloads import downloads
from dashboard.components.empty import empty_state
from dashboard.components.grid import Column, grid
from dashboard.components.numbers import NOTHING, count, fraction, percent, share_of
from dashboard.components.page import findings
from dashboard.components.participation import kind_name, state_words, took_part
from dashboard.components.receipts import state_words as receipt_words
from dashboard.components.table import data_table
from dashboard.components.tile import tile, tiles
from dashboard.components.words import no_data, stage_name, status_word, voluntary_rule
from dashboard.frame import answer, asked, frame, ids_of, keep_address, read_query
from dashboard.services.classes import REGISTERED, SchoolClass, school_class
from dashboard.services.filters import View, open_view
from dashboard.services.participation import KindOfItem
from dashboard.services.participation import Window as ParticipationWindow
from dashboard.services.receipts import Window as ReceiptWindow

PAGE = "classes"
FILTERS = ("term", "asof", "division")
CONTROLS = (*FILTERS, "class")
_NEVER_US: Final = 2**62  # what comes later has not come

register_page(
    __name__, path_template="/classes/<name>", name="班級", permission=Permission.VIEW_CLASS
)  # fmt: skip
keep_address(PAGE, FILTERS)


def layout(**query: str | None) -> html.Div:
    """Filters and an empty place; the callback below fills it for the session's scope.

    Dash takes no keyword of Python for a part of a path, so that the class comes as name.
    """
    asked_for = {key: value for key, value in query.items() if key != "name"} | {"class": query.get("name")}
    return frame(PAGE, _("班級"), FILTERS, asked_for, permission=Permission.VIEW_CLASS, of="class")


@protected_callback(
    Output(f"{PAGE}-head", "children"),
    Output(f"{PAGE}-body", "children"),
    *[Input(each, "value") for each in ids_of(PAGE, CONTROLS)],
    Input("theme", "data"),
    permission=Permission.VIEW_CLASS,
)
def show(*values: Any) -> tuple[list[Any], list[Any]]:
    """Answer the page's question; the heading names the class only where the scope has it."""
    view = open_view(store(), current_scope(), read_query(CONTROLS, values[:-1]))
    known = view.filters.class_name if view is not None else None
    if view is not None and known and view.scope.sees_students:
        record_class_view(view.filters.term // 10, known)
    return answer(PAGE, _name(known) if known else _("班級"), CONTROLS, values, _body)


def _name(name: str) -> str:
    return _("%(name)s 班", name=name) if name.isdigit() else name


def _body(view: View, theme: str) -> list[Any]:
    result = school_class(store(), view)
    if result is None:
        why = _("這個學年度沒有這一班，或不在您的範圍裡。請換一個學期，或從班級明細重新選擇。")
        return [empty_state(_("沒有這一班的資料"), why, _("前往總覽"), "/")]
    if result.held_back:
        why = _("這個條件下的在學學生不到 %(n)s 人，為保護學生，不顯示統計。", n=view.ledger.settings.suppression_size)
        return [empty_state(_("人數過少"), why)]
    day = day_of(view.filters.as_of)
    lines = _findings(result, view, day)
    return [
        *([findings(lines)] if lines else []),
        _tiles(result),
        *([_student_card(result, result.students, view, day)] if result.students is not None else []),
        _stage_card(result, day),
        _register_card(result, day),
    ]


def _done(result: SchoolClass) -> tuple[int, int]:
    return int(result.certify["on_time"] + result.certify["late"]), int(result.certify["expected"])


def _registered(result: SchoolClass) -> tuple[int, int, int]:
    """Return done, owed by now, and overdue of the four kinds of record."""
    state = result.registers["state"]
    owed = state.isin(list(REGISTERED))
    return int(state.isin(["on_time", "late"]).sum()), int(owed.sum()), int((state == "overdue").sum())


def _findings(result: SchoolClass, view: View, day: str) -> list[tuple[str, str, str]]:
    """State how the duties stand, then what students take part in, which is no finding against anybody."""
    lines: list[tuple[str, str, str]] = []
    done, total = _done(result)
    overdue = int(result.certify["overdue"])
    more = "/certification" + asked(view, "class") if may(Permission.VIEW_CERTIFICATION) else ""
    said = {"day": day, "part": fraction(done, total), "share": percent(done, total), "n": count(overdue), "total": count(total)}  # fmt: skip
    if overdue:
        lines.append((_("截至 %(day)s，%(n)s／%(total)s 件認證逾期，等待教師認證", **said), more, "overdue"))
    elif total:
        words = _("截至 %(day)s，教師已認證 %(part)s 件（%(share)s），沒有逾期", **said)
        lines.append((words, more, result.certify_status))
    reports = result.receipts.total
    if reports["dispute_overdue"]:
        words = _("截至 %(day)s，%(n)s／%(all)s 件問題回報超過 3 日還沒有答覆", day=day, n=count(reports["dispute_overdue"]), all=count(reports["disputes"]))  # fmt: skip
        lines.append((words, "/receipts" + asked(view) if may(Permission.VIEW_RECEIPTS) else "", "overdue"))
    registered, owed, behind = _registered(result)
    if behind:
        words = _("截至 %(day)s，這一班 %(n)s／%(all)s 項登錄逾期", day=day, n=behind, all=owed)
        lines.append((words, "", "overdue"))
    elif owed:
        words = _("截至 %(day)s，這一班已登錄 %(n)s／%(all)s 項，沒有逾期", day=day, n=registered, all=owed)
        lines.append((words, "", "done" if registered == owed else "on_track"))
    outcome = result.upload.kinds[0]
    if outcome.state == "known":
        lines.append((took_part("upload", outcome.key, outcome.total, day=day), "", "neutral"))
    return lines


def _tiles(result: SchoolClass) -> html.Div:
    done, total = _done(result)
    overdue, waiting = int(result.certify["overdue"]), int(result.certify["open"])
    shown = [
        tile(
            _("教師認證"), percent(done, total), status=result.certify_status if total else None, fraction=(done, total), unit=_("件"),
            note=_("逾期 %(n)s 件，待認證、未到期 %(m)s 件", n=count(overdue), m=count(waiting)) if total else _("沒有送出認證的件數"),
        ),
        _register_tile(result),
        _receipt_tile(result),
    ]  # fmt: skip
    return tiles(
        *[_voluntary_tile("upload", kind) for kind in result.upload.kinds],
        *[_voluntary_tile("select", kind) for kind in result.select.kinds],
        *shown,
    )


def _voluntary_tile(stage: str, kind: KindOfItem) -> html.Div:
    label = f"{stage_name(stage)}・{kind_name(kind.key)}"
    if kind.state != "known":
        note = _("%(day)s開放", day=roc_date(kind.windows[0].starts_at)) if kind.state == "not_open" and kind.windows else ""  # fmt: skip
        return tile(label, state_words(kind.state), note=note, stage=stage)
    part, whole = int(kind.total["participants"]), int(kind.total["enrolled"])
    return tile(
        label, percent(part, whole), status="neutral", fraction=(part, whole), unit=_("人"), stage=stage,
        note=_("共 %(n)s 件", n=count(kind.total["items"])),
    )  # fmt: skip


def _register_tile(result: SchoolClass) -> html.Div:
    done, owed, overdue = _registered(result)
    if not owed:
        return tile(stage_name("register"), NOTHING, note=_("沒有公告登錄期程"))
    status = "overdue" if overdue else "done" if done == owed else "on_track"
    return tile(stage_name("register"), _("%(n)s 項", n=done), status=status, fraction=(done, owed), unit=_("項"))


def _receipt_tile(result: SchoolClass) -> html.Div:
    total, state = result.receipts.total, result.receipts.state
    label, part, whole = _("收訖已確認"), int(total["confirmed"]), int(total["in_round"])
    if not whole:
        return tile(label, receipt_words(state) or NOTHING)
    note = _("回報問題 %(d)s，未表示 %(u)s，視同確認 %(v)s", d=count(total["disputed"]), u=count(total["unseen"]), v=count(total["deemed"]))  # fmt: skip
    return tile(label, percent(part, whole), fraction=(part, whole), unit=_("人次"), note=note)


def _spans(windows: Sequence[ParticipationWindow | ReceiptWindow]) -> list[tuple[datetime | None, datetime | None]]:
    """Return start and end of each window; one line without dates where none is announced."""
    return [(window.starts_at, window.ends_at) for window in windows] or [(None, None)]


def _stage_card(result: SchoolClass, day: str) -> html.Section:
    """Say when what is open, and how many take part: the figures of the tiles with their dates."""
    rows = []
    for stage, part in (("upload", result.upload), ("select", result.select)):
        for kind in part.kinds:
            spans = _spans(kind.windows)
            people = state_words(kind.state) or share_of(kind.total["participants"], kind.total["enrolled"])  # fmt: skip
            items = count(kind.total["items"]) if kind.state == "known" else NOTHING
            for start, end in spans:
                rows.append([f"{stage_name(stage)}・{kind_name(kind.key)}", people, items, since(start), until(end)])
    total = result.receipts.total
    spans = _spans(result.receipts.windows)
    confirmed = share_of(total["confirmed"], total["in_round"]) if total["in_round"] else receipt_words(result.receipts.state) or NOTHING  # fmt: skip
    for start, end in spans:
        rows.append([stage_name("confirm"), confirmed, NOTHING, since(start), until(end)])
    enrolled = result.upload.enrolled
    return card(
        data_table([_("階段"), _("參與或確認人數"), _("件數"), _("開始"), _("截止")], rows, caption=_("自主參與的階段與期程"), numeric=()),
        id="classes-stages", title=_("在學 %(n)s 人的參與與期程，截至 %(day)s", n=count(enrolled), day=day),
        question=_("學生可以在什麼時候做什麼？"),
        footnote=[_("參與＝至少 1 件的在學學生／在學學生；收訖＝最近一輪已確認的人次／這一輪的人次，視同確認另計。「—」是沒有公告期程或沒有件數。"), voluntary_rule()],
        wide=True,
    )  # fmt: skip


def _instant(microseconds: int) -> pd.Timestamp | None:
    return None if microseconds > _NEVER_US else pd.Timestamp(int(microseconds), unit="us", tz="UTC")


def _register_card(result: SchoolClass, day: str) -> html.Section:
    done, owed, _overdue = _registered(result)
    rows = []
    for row in result.registers.to_dict("records"):
        due, finished = _instant(row["due_at"]), _instant(row["done_at"])
        rows.append(
            [
                record_name(row["kind"]), _register_words(row["state"]), roc_date(_instant(row["opened_at"])),
                until(due) if due is not None else NOTHING, roc_date(finished), row["unit"] or NOTHING,
            ]
        )  # fmt: skip
    title = _("這一班的登錄：%(n)s／%(all)s 項完成，截至 %(day)s", n=done, all=owed, day=day) if owed else _("這個學期沒有公告登錄期程")  # fmt: skip
    headers = [_("項目"), _("情形"), _("開始"), _("期限"), _("完成日"), _("負責單位")]
    return card(
        data_table(headers, rows, caption=_("這一班的登錄"), numeric=()), id="classes-registers", title=title,
        question=_("各單位為這一班登錄了什麼？"),
        footnote=_("從公告的期程開始起算；這一班或班上學生的第一筆紀錄算完成。分母是已經開始或已經登錄的項目。"), wide=True,
    )  # fmt: skip


def _register_words(state: str) -> str:
    if state == "none":
        return no_data()
    if state in ("on_time", "late", "open", "overdue"):
        return {"on_time": _("準時完成"), "late": _("逾時完成"), "open": _("進行中"), "overdue": _("逾期")}[state]
    return status_word("not_open")


def _seat(seat: Any) -> str:
    return NOTHING if pd.isna(seat) else f"{int(seat):02d}"


def _student_card(result: SchoolClass, students: pd.DataFrame, view: View, day: str) -> html.Section:
    rows = [
        {
            "number": row["number"], "name": f"{_seat(row['seat'])}　{row['name']}",
            "href": "/students/" + quote(row["number"], safe="") + asked(view),
            **{name: None if pd.isna(row[name]) else int(row[name]) for name in ("upload_outcome", "upload_performance", "sent", "certified", "waiting", "overdue", "select_outcome", "select_performance")},
            "receipt": standing_words(row) if row["in_school"] or row["confirmed"] else _("不在學"),
        }
        for row in students.to_dict("records")
    ]  # fmt: skip
    table = grid(
        "classes-students",
        rows,
        [
            Column("name", _("座號與姓名"), href="href", first=True, width=132),
            Column("number", _("學號"), width=104),
            Column("upload_outcome", _("成果件數"), "count"),
            Column("upload_performance", _("多元表現件數"), "count"),
            Column("sent", _("送出認證"), "count"),
            Column("certified", _("已認證"), "count"),
            Column("waiting", _("待教師認證"), "count"),
            Column("overdue", _("其中教師逾期"), "count"),
            Column("select_outcome", _("勾選成果"), "count"),
            Column("select_performance", _("勾選多元表現"), "count"),
            Column("receipt", _("收訖"), width=150),
        ],
        label=_("學生"),
        row_id="number",
        page_size=50,
    )
    parts: list[Any] = [table]
    name = quote(result.name, safe="")
    if may(Permission.EXPORT):
        files = downloads("class_students", asked(view, "class"))
        files.children = [html.A(_("列印學生通知單"), href=f"/slips/{name}{asked(view)}"), *files.children]
        parts.append(files)
    here = int(students["in_school"].sum())
    return card(
        parts, id="classes-table", title=_("學生 %(n)s 人，依座號，截至 %(day)s", n=count(here), day=day), question=_("點姓名看這位學生的歷程"),
        footnote=[
            _("成果件數、送出與認證以學期計，多元表現、勾選與收訖以學年度計。「—」是尚未開放或尚無資料。待認證與逾期是教師的工作，不是學生的。"),
            voluntary_rule(),
        ],
        wide=True,
    )  # fmt: skip
