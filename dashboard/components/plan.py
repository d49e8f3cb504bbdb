"""The plan of a hand-in as a person reads it: one sentence, the figures it would change, and every file with its reasons."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from dash import html
from flask_babel import gettext as _

from dashboard.components.attributes import aria
from dashboard.components.badge import badge
from dashboard.components.dates import roc_datetime
from dashboard.components.numbers import count, fraction, percent
from dashboard.components.records import Record, record_table
from dashboard.figures.palette import Status

Report = Mapping[str, Any]

MEND, LOOK, READY, SAME = "mend", "look", "ready", "same"
SHOWS: Final = ("all", MEND, LOOK)
_ORDER: Final = (MEND, LOOK, READY, SAME)
_STATUS: Final = {MEND: Status.OVERDUE, LOOK: Status.ATTENTION, READY: Status.DONE, SAME: Status.NOT_OPEN}
MOST_REASONS: Final = 20  # kinds of mistakes shown of one file; the download holds every row
MOST_ROWS_NAMED: Final = 5
_INSTANT: Final = re.compile(r"\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(\.\d+)?[+-]\d{2}:\d{2}")


def state_of(report: Report) -> str:
    """Say how a file (a sheet of it) stands: to be mended, to be looked at, ready, or nothing new in it."""
    if report["errors"] or not report["kind"]:
        return MEND
    if report["alarms"] or warnings_of(report) or report["renames"]:
        return LOOK
    return READY if report["new"] or report["changed"] else SAME


def warnings_of(report: Report) -> list[str]:
    """Return the warnings alone: the plan's list holds alarms, warnings and notes, in this order."""
    said = list(report["warnings"])
    return said[len(report["alarms"]) : len(said) - len(report["notes"])]


def state_word(state: str, *, is_done: bool = False) -> str:
    """Name the state of a file, before the import or after it."""
    if is_done and state != SAME:
        return _("部分匯入") if state == MEND else _("已匯入")
    return {MEND: _("要先修正"), LOOK: _("請先看過"), READY: _("可以匯入"), SAME: _("沒有新的內容")}[state]


@dataclass(frozen=True)
class Totals:
    """What a plan comes to: files by their worst sheet, rows by what becomes of them."""

    files: int
    to_mend: int
    rows: int
    new: int
    changed: int
    unchanged: int
    rejected: int


def totals_of(plan: Mapping[str, Any]) -> Totals:
    """Add up a plan; a file with one sheet to be mended is a file to be mended."""
    reports = plan["reports"]
    files = {report["file"] for report in reports}
    to_mend = {report["file"] for report in reports if state_of(report) == MEND}
    sums = [sum(int(report[name]) for report in reports) for name in ("rows", "new", "changed", "unchanged", "rejected")]  # fmt: skip
    return Totals(len(files), len(to_mend), *sums)


def plan_sentence(plan: Mapping[str, Any], *, left_out: int = 0, is_done: bool = False) -> str:
    """Say in one sentence what the plan comes to: files, then rows by what becomes of them."""
    each = totals_of(plan)
    if is_done:
        files = _("匯入了 %(n)s 個檔案", n=count(each.files))
    elif each.files == 1:
        files = _("這個檔案要先修正") if each.to_mend else _("這個檔案可以匯入")
    elif each.to_mend:
        files = _("%(n)s 個檔案：%(good)s 個可以匯入，%(bad)s 個要先修正", n=count(each.files), good=count(each.files - each.to_mend), bad=count(each.to_mend))  # fmt: skip
    else:
        files = _("%(n)s 個檔案都可以匯入", n=count(each.files))
    rows = _("共 %(rows)s 列：新增 %(new)s、變更 %(changed)s、不變 %(same)s、退回 %(bad)s", rows=count(each.rows), new=count(each.new),
             changed=count(each.changed), same=count(each.unchanged), bad=count(each.rejected))  # fmt: skip
    parts = [files, rows]
    if left_out:
        parts.append(_("另有 %(n)s 個檔案先不匯入", n=count(left_out)))
    return _("；").join(parts) + _("。")


def plan_effects(effects: Sequence[Mapping[str, Any]], *, is_done: bool = False) -> html.Div | None:
    """List the figures that the import changes, before and after, n/N always; no colour, as none of them is a judgement."""
    if not effects:
        return None
    lines = []
    for effect in effects:
        before, after = _share(effect["before"]), _share(effect["after"])
        lines.append(
            html.Li(
                [
                    html.Span(effect["title"], className="lc-effect-title"),
                    html.Span(before),
                    html.Span("→", **aria(hidden="true")),
                    html.Span(_("變成"), className="visually-hidden"),
                    html.Strong(after),
                ]
            )
        )
    title = _("這次匯入改變的數字") if is_done else _("匯入後，畫面上的數字會這樣改變")
    return html.Div([html.H3(title), html.Ul(lines, className="lc-effects")])


def _share(part_of_whole: Sequence[int]) -> str:
    part, whole = part_of_whole
    return _("%(percent)s（%(fraction)s）", percent=percent(part, whole, decimals=1), fraction=fraction(part, whole)) if whole else "—"  # fmt: skip


def plan_files(reports: Sequence[Report], *, show: str = "all", is_done: bool = False) -> html.Div:
    """List the files (each sheet a row), those to be mended first, and below each what is to be known about it.

    show: all, mend or look. is_done: they are imported; what was refused was left out.
    """
    ordered = sorted(reports, key=lambda report: _ORDER.index(state_of(report)))
    shown = [report for report in ordered if show not in (MEND, LOOK) or state_of(report) == show]
    if not shown:
        words = {MEND: _("沒有要先修正的檔案。"), LOOK: _("沒有要先看過的檔案。")}.get(show, _("沒有檔案。"))
        return html.Div(html.P(words, className="lc-muted"))
    headers = [_("檔案"), _("名冊"), _("學期"), _("列數"), _("新增"), _("變更"), _("不變"), _("退回"), _("狀態")]
    return html.Div(
        record_table(
            headers, [_file(report, is_done=is_done) for report in shown], caption=_("檔案清單"), numeric=range(3, 8)
        )
    )


def _file(report: Report, *, is_done: bool) -> Record:
    state = state_of(report)
    name = [html.Span(report["file"], className="lc-file-name")]
    if report["sheet"] and report["sheet"] not in ("Sheet1", report["file"]):
        name.append(html.Span(_("工作表「%(sheet)s」", sheet=report["sheet"]), className="lc-muted lc-small"))
    numbers = [count(report[key]) for key in ("rows", "new", "changed", "unchanged", "rejected")]
    return Record(
        [
            name, report["title"] or _("認不出來"), terms_in_words(report["term"]) or "—", *numbers,
            badge(Status.DONE if is_done and state == LOOK else _STATUS[state], words=state_word(state, is_done=is_done)),
        ],
        below=_details(report, state),
        status=_STATUS[state].value if state in (MEND, LOOK) else "",
    )  # fmt: skip


def terms_in_words(term: str) -> str:
    """Write terms as people do: 「1131、1130」 is 「113-1、113 學年度」."""
    words = []
    for each in term.split("、"):
        if len(each) == 4 and each.isdigit():
            words.append(_("%(year)s 學年度", year=each[:3]) if each[3] == "0" else f"{each[:3]}-{each[3]}")
        elif each:
            words.append(each)
    return _("、").join(words)


def _details(report: Report, state: str) -> html.Details:
    parts: list[Any] = []
    errors, alarms, warnings = report["errors"], report["alarms"], warnings_of(report)
    if errors:
        parts += [html.H3(_("要修正的地方")), _reasons(errors)]
    if alarms:
        parts += [html.H3(_("匯入前要確認")), _list(alarms)]
    if warnings:
        parts += [html.H3(_("請留意")), _list(warnings)]
    if report["renames"]:
        asked = [_("「%(new)s」是不是「%(old)s」改了名？是的話請在下面勾選，再按「重新檢查」。", new=each["heading"], old=each["title"]) for each in report["renames"]]  # fmt: skip
        parts += [html.H3(_("欄位可能改名")), _list(asked)]
    if report["changes"]:
        parts += [html.H3(_("會變更的欄位")), _changes(report["changes"])]
    if report["notes"]:
        parts += [html.H3(_("說明")), _list(report["notes"])]
    if report["recognised_by"]:
        parts += [
            html.H3(_("怎麼認出來的")),
            html.P(_("依這些欄名：%(names)s", names=_("、").join(report["recognised_by"]))),
        ]
    aside = [
        _("用不到的欄位（已略過）：%(names)s", names=_("、").join(report["unknown"])) if report["unknown"] else "",
        _("這種名冊可以有、這個檔案沒有的欄位：%(names)s", names=_("、").join(report["missing"]))
        if report["missing"]
        else "",
    ]
    parts += [html.P(words) for words in aside if words]
    if not parts:
        parts = [html.P(_("沒有要說明的事。"))]
    return html.Details(
        [html.Summary(_headline(report, state)), html.Div(parts, className="lc-reasons")], open=state == MEND
    )


def _headline(report: Report, state: str) -> list[Any]:
    """Say in a few words what opening this shows; the file's name is there for readers of screens."""
    said = []
    if report["errors"]:
        said.append(_("%(n)s 個要修正的地方", n=len(grouped(report["errors"]))))
    looks = len(report["alarms"]) + len(warnings_of(report)) + len(report["renames"])
    if looks:
        said.append(_("%(n)s 件事請先看過", n=looks))
    if report["changes"]:
        said.append(_("變更 %(n)s 個欄位", n=len(report["changes"])))
    if report["notes"]:
        said.append(_("%(n)s 則說明", n=len(report["notes"])))
    return [_("、").join(said) or _("細節"), html.Span(f"：{report['file']}", className="visually-hidden")]


def grouped(errors: Sequence[Mapping[str, Any]]) -> list[tuple[str, str, list[Mapping[str, Any]]]]:
    """Put the errors of one column and one reason together: 300 rows of one mistake are one thing to mend."""
    found: dict[tuple[str, str], list[Mapping[str, Any]]] = {}
    for error in errors:
        found.setdefault((error["column"] or "", error["message"]), []).append(error)
    return [(column, message, each) for (column, message), each in found.items()]


def _reasons(errors: Sequence[Mapping[str, Any]]) -> html.Div:
    groups = grouped(errors)
    records = [
        Record([_rows_in_words(each), column or "—", _values(each), message])
        for column, message, each in groups[:MOST_REASONS]
    ]
    table = record_table([_("列"), _("欄位"), _("檔案的值"), _("怎麼修正")], records, caption=_("要修正的地方"))
    more = len(groups) - MOST_REASONS
    return html.Div(
        [table, html.P(_("還有 %(n)s 種，請下載退回的列查看。", n=more)) if more > 0 else None], className="lc-reason-table"
    )  # fmt: skip


def _rows_in_words(errors: Sequence[Mapping[str, Any]]) -> str:
    rows = [error["row"] for error in errors if error["row"] is not None]
    if not rows:
        return _("整個檔案")
    named = _("、").join(str(row) for row in rows[:MOST_ROWS_NAMED])
    if len(rows) > MOST_ROWS_NAMED:
        return _("第 %(rows)s 列等 %(n)s 列", rows=named, n=count(len(rows)))
    return _("第 %(rows)s 列", rows=named)


def _values(errors: Sequence[Mapping[str, Any]]) -> str:
    values = list(dict.fromkeys(str(error["value"]) for error in errors if error["value"] not in (None, "")))
    if not values:
        return "—" if all(error["value"] is None for error in errors) else _("（空白）")
    return _("、").join(f"「{value[:40]}」" for value in values[:3]) + ("…" if len(values) > 3 else "")


def _changes(changes: Sequence[Mapping[str, Any]]) -> html.Div:
    records = [
        Record(
            [
                change["title"], count(change["count"]),
                f"{_example(change['old'])} → {_example(change['new'])}" if change["old"] or change["new"] else "—",
                change["meaning"] or "—",
            ]
        )
        for change in changes
    ]  # fmt: skip
    headers = [_("欄位"), _("格數"), _("例子"), _("影響")]
    return html.Div(
        record_table(headers, records, caption=_("會變更的欄位"), numeric=(1,)), className="lc-reason-table"
    )


def _example(value: str) -> str:
    """Write a stored value as the pages write it: an instant by the clock of Taipei, yes and no, nothing."""
    if _INSTANT.fullmatch(value):
        return roc_datetime(datetime.fromisoformat(value))
    words = {"": _("（空白）"), "True": _("是"), "False": _("否"), "passed": _("通過"), "failed": _("未通過")}
    return words.get(value, value)


def _list(lines: Sequence[str]) -> html.Ul:
    return html.Ul([html.Li(line) for line in lines])
