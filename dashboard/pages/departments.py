"""科別: how one department's stages and classes stand, and its certifying day by day against the year before."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

import pandas as pd
from dash import Input, Output, html, register_page
from flask_babel import gettext as _

from dashboard.access.guard import protected_callback
from dashboard.access.roles import Permission
from dashboard.access.session import current_scope, may, store
from dashboard.components.attributes import aria
from dashboard.components.card import card
from dashboard.components.chart import chart
from dashboard.components.dates import day_of, roc_date
from dashboard.components.downloads import downloads
from dashboard.components.empty import empty_state
from dashboard.components.grid import Column, grid, status_cell
from dashboard.components.links import inside
from dashboard.components.numbers import count, fraction, percent
from dashboard.components.page import columns, findings
from dashboard.components.participation import kind_name, state_words
from dashboard.components.receipts import state_words as receipt_words
from dashboard.components.table import data_table
from dashboard.components.tile import tile, tiles
from dashboard.components.words import listed, voluntary_rule
from dashboard.figures.multiples import multiples
from dashboard.figures.tiles import class_label
from dashboard.frame import answer, asked, frame, ids_of, keep_address, read_query
from dashboard.services.departments import SELECTED, Department, department_of
from dashboard.services.filters import View, open_view
from dashboard.services.participation import Participation

PAGE = "departments"
FILTERS = ("term", "asof", "division", "grade")
CONTROLS = (*FILTERS, "dept")
TABLE_DAYS = 20

register_page(
    __name__, path_template="/departments/<dept>", name="科別", permission=Permission.VIEW_DEPARTMENT
)  # fmt: skip
keep_address(PAGE, FILTERS)


def layout(**query: str | None) -> html.Div:
    """Filters and an empty place; the callback below fills it for the session's scope."""
    return frame(PAGE, _("科別"), FILTERS, query, permission=Permission.VIEW_DEPARTMENT, of="dept")


@protected_callback(
    Output(f"{PAGE}-head", "children"),
    Output(f"{PAGE}-body", "children"),
    *[Input(each, "value") for each in ids_of(PAGE, CONTROLS)],
    Input("theme", "data"),
    permission=Permission.VIEW_DEPARTMENT,
)
def show(*values: Any) -> tuple[list[Any], list[Any]]:
    """Answer the page's question, under the department's name where there is such a one."""
    view = open_view(store(), current_scope(), read_query(CONTROLS, values[:-1]))
    name = view.filters.department if view is not None else None
    title = _("科別：%(name)s", name=name) if name else _("科別")
    return answer(PAGE, title, CONTROLS, values, _body)


def _body(view: View, theme: str) -> list[Any]:
    result = department_of(store(), view)
    others = _others(view)
    if result is None or result.classes.empty:
        why = _("這個學期沒有這一科的班級，或不在您的職務範圍內。")
        parts: list[Any] = [empty_state(_("沒有可以顯示的科別"), why, _("前往總覽"), "/" + asked(view))]
        return parts if others is None else [*parts, others]
    parts = [] if others is None else [others]
    lines = _findings(result, view)
    if lines:
        parts.append(findings(lines))
    parts.append(_tiles(result, view))
    if len(result.grades):
        parts.append(columns(_grades_card(result, view, theme)))
    return [*parts, _class_card(result, view)]


def _others(view: View) -> html.Nav | None:
    """Link to the departments of the term, this one among them."""
    names = [name for name in view.choices.departments if name]
    if len(names) < 2:
        return None
    links: list[Any] = []
    for name in names:
        here = aria(current="page") if name == view.filters.department else {}
        text = html.Strong(name) if here else name
        links.append(inside(text, "/departments/" + quote(name, safe="") + asked(view), **here))
    return html.Nav(links, className="lc-downloads", **aria(label=_("各科")))


def _done(result: Department) -> tuple[int, int]:
    certify = result.overall.certify
    return int(certify["on_time"] + certify["late"]), int(certify["expected"])


def _findings(result: Department, view: View) -> list[tuple[str, str, str]]:
    """At most three sentences with number, denominator and date; only duty stages can be found wanting."""
    (done, total), overdue = _done(result), int(result.overall.certify["overdue"])
    said = {"day": day_of(view.filters.as_of), "n": count(overdue), "total": count(total), "done": count(done), "share": percent(done, total)}  # fmt: skip
    if not total:
        return []
    more = "/certification" + asked(view, "dept") if may(Permission.VIEW_CERTIFICATION) else ""
    lines: list[tuple[str, str, str]] = []
    if overdue:
        words = _("截至 %(day)s，有 %(n)s 件認證逾期（應認證 %(total)s 件）", day=said["day"], n=said["n"], total=said["total"])  # fmt: skip
        if result.overall.overdue_teachers:
            words = _("截至 %(day)s，有 %(n)s 件認證逾期（應認證 %(total)s 件），由 %(people)s 位教師承辦", people=result.overall.overdue_teachers, day=said["day"], n=said["n"], total=said["total"])  # fmt: skip
        lines.append((words, more, "overdue"))
    else:
        words = _("截至 %(day)s，已認證 %(done)s／%(total)s 件（%(share)s），沒有逾期", day=said["day"], done=said["done"], total=said["total"], share=said["share"])  # fmt: skip
        lines.append((words, more, result.overall.certify_status))
    stuck = [
        str(row["key"])
        for row in result.classes.to_dict("records")
        if row["status"] in ("attention", "behind", "overdue")
    ]
    if stuck:
        names = listed(class_label(name) for name in stuck[:3])
        words = _("%(n)s／%(all)s 班的認證進度需要協助：%(names)s", n=len(stuck), all=len(result.classes), names=names)
        lines.append((words, "", "attention"))
    waiting = int(result.receipts.total["dispute_overdue"])
    if waiting:
        words = _(
            "%(n)s／%(all)s 件收訖問題回報逾期未答覆", n=count(waiting), all=count(result.receipts.total["disputes"])
        )
        lines.append((words, "/receipts" + asked(view, "dept") if may(Permission.VIEW_RECEIPTS) else "", "overdue"))
    return lines


def _tiles(result: Department, view: View) -> html.Div:
    done, total = _done(result)
    overdue, waiting = int(result.overall.certify["overdue"]), int(result.overall.certify["open"])
    return tiles(
        tile(
            _("認證完成"), percent(done, total), status=result.overall.certify_status if total else None, fraction=(done, total), unit=_("件"),
            note=_("逾期 %(overdue)s 件，另有 %(n)s 件待認證、未到期", overdue=count(overdue), n=count(waiting)),
            href="/certification" + asked(view, "dept") if may(Permission.VIEW_CERTIFICATION) else "",
        ),
        _voluntary_tile(result.upload, _("上傳參與"), "/uploads" + asked(view, "grade", "dept")),
        _voluntary_tile(result.selection, _("勾選參與"), "/selection" + asked(view, "grade", "dept")),
        _receipt_tile(result, "/receipts" + asked(view, "grade", "dept")),
    )  # fmt: skip


def _voluntary_tile(result: Participation, label: str, href: str) -> html.Div:
    """Show 課程學習成果, with 多元表現 in the note; neutral, as both are the student's choice."""
    if result.held_back:
        return tile(label, _("人數過少"), stage=result.stage, href=href)
    first, second = result.kinds
    words = state_words(second.state) or _("%(ratio)s 人", ratio=fraction(int(second.total["participants"]), int(second.total["enrolled"])))  # fmt: skip
    note = _("%(kind)s：%(words)s；學生自主", kind=kind_name(second.key), words=words)
    if first.state != "known":
        return tile(label, state_words(first.state), stage=result.stage, note=note, href=href)
    part, whole = int(first.total["participants"]), int(first.total["enrolled"])
    return tile(label, percent(part, whole), status="neutral", stage=result.stage, fraction=(part, whole), unit=_("人"), note=note, href=href)  # fmt: skip


def _receipt_tile(result: Department, href: str) -> html.Div:
    found, label = result.receipts, _("收訖已確認")
    if found.held_back:
        return tile(label, _("人數過少"), href=href)
    if found.state in ("not_open", "no_data"):
        return tile(label, receipt_words(found.state), href=href)
    total = {name: int(found.total[name]) for name in ("confirmed", "in_round", "disputed", "unseen", "deemed")}
    note = _("回報 %(d)s，未表示 %(u)s，視同確認 %(v)s", d=count(total["disputed"]), u=count(total["unseen"]), v=count(total["deemed"]))  # fmt: skip
    return tile(label, percent(total["confirmed"], total["in_round"]), fraction=(total["confirmed"], total["in_round"]), unit=_("人次"), note=note, href=href)  # fmt: skip


def _grades_card(result: Department, view: View, theme: str) -> html.Section:
    lines = result.grades
    last = lines.groupby("key").tail(1).set_index("key")
    keys = [key for key in ["", *sorted(set(lines["key"]) - {""})] if key in last.index]
    if len(keys) == 2:  # one grade is the whole department
        keys = keys[1:]
    names = {key: _("%(grade)s 年級", grade=key) if key else _("全科") for key in keys}
    heads = []
    for key in keys:
        row = last.loc[key]
        ratio = f"{percent(int(row['done']), int(row['expected']), decimals=1)}　{fraction(int(row['done']), int(row['expected']))}"
        heads.append((key, f"{names[key]}\n{ratio}"))
    whole = last.loc["" if "" in last.index else keys[0]]
    end = roc_date(pd.Timestamp(str(whole["day"])))
    said = {
        "day": end, "done": count(whole["done"]), "total": count(whole["expected"]),
        "share": percent(int(whole["done"]), int(whole["expected"])),
    }  # fmt: skip
    title = _("到 %(day)s，已認證 %(done)s／%(total)s 件（%(share)s）", **said)
    if _before(whole):
        part, all_ = int(whole["done_before"]), int(whole["expected_before"])
        said |= {"part": count(part), "all": count(all_), "before": percent(part, all_)}
        title = _("到 %(day)s，已認證 %(done)s／%(total)s 件（%(share)s）；去年同一上班日 %(part)s／%(all)s 件（%(before)s）", **said)  # fmt: skip
    return chart(
        "departments-grades", multiples(lines, heads=heads, theme=theme), title=title,
        question=_("各年級的認證完成率，和去年同一學期比呢？"), summary=_("各年級與全科的認證完成率逐日走勢；虛線為去年同一學期的同一上班日。"),
        table=_grades_table(lines, keys, names),
        footnote=_("完成率＝當天已完成／當天已送出的件數（學生會陸續送出，因此可能下降）；已送出不到 5 件的日子不畫；最後一天的件數寫在圖上。去年同一學期以各自期程開始後的同一上班日對齊，並計到那一天結束。只畫到認證期程結束後 4 週。"),
        wide=True,
    )  # fmt: skip


def _before(row: Any) -> str:
    """Write the share of the year before with its numbers; empty where there is none."""
    if pd.isna(row["expected_before"]) or not row["expected_before"]:
        return ""
    done, expected = int(row["done_before"]), int(row["expected_before"])
    return f"{percent(done, expected, decimals=1)}　{fraction(done, expected)}"


def _grades_table(lines: pd.DataFrame, keys: list[str], names: dict[str, str]) -> html.Div:
    days = sorted(set(lines["day"]), reverse=True)[:: max(1, len(set(lines["day"])) // TABLE_DAYS)]
    by_key = {key: lines[lines["key"] == key].set_index("day") for key in keys}
    headers, rows = [_("日期")], []
    for key in keys:
        headers += [names[key], _("%(name)s去年", name=names[key])]
    for day in days:
        cells = [roc_date(pd.Timestamp(day))]
        for key in keys:
            row = by_key[key].loc[day]
            done, expected = int(row["done"]), int(row["expected"])
            cells.append(f"{percent(done, expected, decimals=1)}　{fraction(done, expected)}")
            cells.append(_before(row) or "—")
        rows.append(cells)
    return data_table(headers, rows, caption=_("認證完成率逐日走勢"))


def _ratio(part: Any, whole: Any) -> str:
    if pd.isna(part) or pd.isna(whole):
        return "—"
    # Spaces at the start do not show, but let the text sort as the number it begins with.
    return f"{f'{percent(int(part), int(whole), decimals=1)}　{fraction(int(part), int(whole))}':>14}"


def _class_card(result: Department, view: View) -> html.Section:
    linked = may(Permission.VIEW_CLASS)
    rows = []
    for row in result.classes.to_dict("records"):
        done, expected, key = int(row["on_time"] + row["late"]), int(row["expected"]), str(row["key"])
        rows.append(
            {
                "name": key, "href": "/classes/" + quote(key, safe="") + asked(view) if linked else "", "done": done, "expected": expected,
                "status": status_cell(row["status"]) if expected else "",
                "open": int(row["open"]), "overdue": int(row["overdue"]), "enrolled": None if pd.isna(row["enrolled"]) else int(row["enrolled"]),
                "upload": _voluntary(row, "upload_state", "uploaders"),
                **{f"select_{kind}": _voluntary(row, f"select_{kind}_state", f"select_{kind}_participants") for kind in SELECTED},
                "confirmed": receipt_words(str(row["receipt_state"])) or _ratio(row["confirmed"], row["in_round"]),
            }
        )  # fmt: skip
    table = grid(
        "departments-classes",
        rows,
        [
            Column("name", _("班級"), href="href", first=True),
            Column("completion", _("認證完成"), "ratio", numerator="done", denominator="expected"),
            Column("status", _("進度"), "status"),
            Column("open", _("待認證"), "count"),
            Column("overdue", _("逾期"), "count"),
            Column("upload", _("上傳參與"), width=150),
            Column("select_outcome", _("勾選成果"), width=150),
            Column("select_performance", _("勾選多元表現"), width=150),
            Column("confirmed", _("收訖已確認"), width=150),
        ],
        label=_("班級明細"),
        row_id="name",
    )
    parts: list[Any] = [table]
    if may(Permission.EXPORT):
        parts.append(downloads("department_classes", asked(view, "grade", "dept")))
    return card(
        parts, id="departments-table", title=_("班級明細：%(n)s 班，截至 %(day)s", n=len(rows), day=day_of(view.filters.as_of)),
        question=_("點班級看這一班") if linked else "",
        footnote=[_("依名冊順序排列，不排名。沒有應辦件數的班級顯示「—」，不列入任何平均。認證進度與總覽同一個標準。"), voluntary_rule()], wide=True,
    )  # fmt: skip


def _voluntary(row: dict[str, Any], state: str, part: str) -> str:
    return state_words(str(row[state])) or _ratio(row[part], row["enrolled"])
