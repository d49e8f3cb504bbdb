"""提交與登錄: the rosters and records that the units owe as a checklist, and whose turn is next."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from urllib.parse import quote

import pandas as pd
from dash import Input, Output, html, register_page
from flask_babel import gettext as _

from dashboard.access.guard import protected_callback
from dashboard.access.roles import Permission
from dashboard.access.session import may, store
from dashboard.components.badge import badge
from dashboard.components.card import card
from dashboard.components.dates import day_of, last_day, roc_date
from dashboard.components.downloads import downloads
from dashboard.components.empty import empty_state
from dashboard.components.grid import Column, grid
from dashboard.components.numbers import count, fraction, percent
from dashboard.components.page import findings
from dashboard.components.records import Record, record_table
from dashboard.components.submission import (
    days_late,
    end_words,
    record_cell,
    register_name,
    roster_name,
    state_words,
    status_of,
    term_words,
    window_words,
)
from dashboard.components.table import data_table
from dashboard.components.tile import tile, tiles
from dashboard.components.words import aside, listed
from dashboard.frame import answer, asked, frame, ids_of, keep_address
from dashboard.services.filters import View
from dashboard.services.submission import Book, Due, Roster, Submission, submission

PAGE = "submission"
RESTS_ON = (
    "official_students", "official_grades", "official_outcomes", "official_performances", "official_positions",
    "registrations", "counselling", "positions", "grades",
)  # fmt: skip
FILTERS = ("term", "asof", "division", "grade", "dept")
MOST_NAMES = 3
FAR_US = 250_000_000_000_000_000  # a later instant has not come

register_page(
    __name__, path="/submission", name="提交與登錄", order=4, permission=Permission.VIEW_SUBMISSION
)  # fmt: skip
keep_address(PAGE, FILTERS)


def layout(**query: str | None) -> html.Div:
    """Filters and an empty place; the callback below fills it for the session's scope."""
    return frame(PAGE, _("提交與登錄"), FILTERS, query, permission=Permission.VIEW_SUBMISSION)


@protected_callback(
    Output(f"{PAGE}-head", "children"),
    Output(f"{PAGE}-body", "children"),
    *[Input(each, "value") for each in ids_of(PAGE, FILTERS)],
    Input("theme", "data"),
    permission=Permission.VIEW_SUBMISSION,
)
def show(*values: Any) -> tuple[list[Any], list[Any]]:
    """Answer the page's question."""
    return answer(PAGE, _("提交與登錄"), FILTERS, values, _body, rests_on=RESTS_ON)


def _body(view: View, _theme: str) -> list[Any]:
    result = submission(store(), view)
    if not result.rosters and result.registers.empty:
        return [_nothing(view)]
    lines = _findings(result, view)
    parts: list[Any] = [findings(lines)] if lines else []
    return [*parts, _tiles(result), _roster_card(result, view), *_register_cards(result, view)]


def _nothing(view: View) -> html.Div:
    title = _("沒有公告提交與登錄的期程")
    why = _(
        "%(term)s還沒有提交或登錄的期程，也沒有已經完成的。請在作業期程加上項目，例如「提交學籍及學業成績名冊」「登錄學籍資料」（高三分梯次的在後面加上「（第一梯次）」），填好起訖時間與負責單位，再匯入一次。",
        term=term_words(view.filters.term),
    )
    return empty_state(title, why, _("前往匯入"), "/imports") if may(Permission.IMPORT) else empty_state(title, why)


def _done(counts: dict[str, int]) -> int:
    return counts["on_time"] + counts["late"]


def _full_name(roster: Roster) -> str:
    return roster_name(roster.name, batch=roster.batch, is_evening=roster.is_evening)


def _days_left(moment: datetime, view: View) -> int:
    last, now = last_day(moment), last_day(view.filters.as_of)
    return 0 if last is None or now is None else max(0, (last.normalize() - now).days)


def _findings(result: Submission, view: View) -> list[tuple[str, str, str]]:
    """Say whose turn is next, then what is past its deadline; each with number, denominator and date."""
    lines: list[tuple[str, str, str]] = []
    submit, register, day = result.submit, result.register, day_of(view.filters.as_of)
    if result.next_due is not None:
        lines.append(_next(result.next_due, result, view))
    if submit["overdue"]:
        late = [_full_name(each) + aside(each.unit or "—") for each in result.rosters if each.state == "overdue"]
        names = listed(late[:MOST_NAMES])
        if len(late) > MOST_NAMES:
            names = _("%(names)s等", names=names)
        words = _("截至 %(day)s，%(n)s／%(all)s 份應提交的名冊逾期：%(names)s", day=day, n=submit["overdue"], all=submit["expected"], names=names)  # fmt: skip
        lines.append((words, "", "overdue"))
    if register["overdue"]:
        words = _("截至 %(day)s，%(n)s／%(all)s 項登錄逾期（一班一種紀錄為一項）", day=day, n=count(register["overdue"]), all=count(register["expected"]))  # fmt: skip
        lines.append((words, "", "overdue"))
    expected = submit["expected"] + register["expected"]
    if not lines and expected:
        n = _done(submit) + _done(register)
        status = "done" if n == expected else "on_track"
        lines.append((_("截至 %(day)s，應提交與登錄的 %(all)s 項完成 %(n)s 項，沒有逾期", day=day, all=count(expected), n=count(n)), "", status))  # fmt: skip
    return lines


def _next(due: Due, result: Submission, view: View) -> tuple[str, str, str]:
    is_open = due.starts_at is None or due.starts_at <= view.filters.as_of
    said = {"end": end_words(due.ends_at), "unit": due.unit or "—", "left": _days_left(due.ends_at, view)}
    if due.roster is not None:
        name = _("%(term)s%(name)s", term=term_words(due.roster.term), name=_full_name(due.roster))
        so_far = _("應提交的名冊已完成 %(part)s 份", part=fraction(_done(result.submit), result.submit["expected"]))
        words = _("下一個：%(unit)s提交 %(name)s，%(end)s截止，還有 %(left)s 天；%(so_far)s", name=name, so_far=so_far, **said)  # fmt: skip
    else:
        so_far = _("%(n)s／%(all)s 班待登錄", n=count(due.waiting), all=count(due.whole))
        words = _("下一個：%(unit)s登錄%(name)s，%(end)s截止，還有 %(left)s 天；%(so_far)s", name=register_name(due.register), so_far=so_far, **said)  # fmt: skip
    return words, "", "on_track" if is_open else "not_open"


def _tiles(result: Submission) -> html.Div:
    return tiles(*_stage_tiles(_("提交"), result.submit, _("份")), *_stage_tiles(_("登錄"), result.register, _("項")))


def _stage_tiles(name: str, counts: dict[str, int], unit: str) -> list[html.Div]:
    done, expected, overdue = _done(counts), counts["expected"], counts["overdue"]
    done_label, overdue_label = _("%(name)s完成", name=name), _("%(name)s逾期", name=name)
    if not expected:
        note = _("還沒有開始的期程")
        return [tile(done_label, "—", note=note), tile(overdue_label, "—", note=note)]
    status = "done" if done == expected else "overdue" if overdue else "on_track"
    note = _("其中逾期完成 %(n)s %(unit)s", n=count(counts["late"]), unit=unit) if counts["late"] else ""
    waiting = _("另有 %(n)s %(unit)s進行中、未到期", n=count(counts["open"]), unit=unit)
    return [
        tile(done_label, percent(done, expected), status=status, fraction=(done, expected), unit=unit, note=note),
        tile(
            overdue_label, f"{count(overdue)} {unit}", status="overdue" if overdue else "done" if done == expected else "on_track",
            fraction=(overdue, expected), unit=unit, note=waiting if counts["open"] else "",
        ),
    ]  # fmt: skip


def _roster_card(result: Submission, view: View) -> html.Section:
    question = _("哪一份名冊、由誰、什麼時候提交？")
    year = view.filters.term // 10
    if not result.rosters:
        why = _("作業期程裡有「提交…名冊」的項目與起訖時間，或登錄了提交日期之後，這裡會列出名冊。")
        return card(
            empty_state(_("沒有公告提交的期程"), why, level=3), id="submission-rosters", title=_("提交：沒有應提交的名冊"),
            question=question, wide=True,
        )  # fmt: skip
    submit, coming = result.submit, sum(each.state == "not_open" for each in result.rosters)
    said = {"day": day_of(view.filters.as_of), "part": fraction(_done(submit), submit["expected"]), "n": coming}
    title = _("截至 %(day)s，已提交 %(part)s 份應提交的名冊", **said)
    if coming and submit["expected"]:
        title = _("截至 %(day)s，已提交 %(part)s 份應提交的名冊，另有 %(n)s 份未開放", **said)
    elif coming:
        title = _("截至 %(day)s，%(n)s 份名冊都還沒有開放提交", **said)
    headers = [
        _("名冊"),
        _("學期或學年"),
        _("負責單位"),
        _("期程"),
        _("情形"),
        _("完成日"),
        _("匯入列數"),
    ]
    records = [
        Record(
            (
                _full_name(each), term_words(each.term), each.unit or "—",
                window_words(each.starts_at, each.ends_at, each.original_ends_at),
                badge(status_of(each.state), words=state_words(each.state)), _done_words(each), _rows_words(each),
            ),
            status="overdue" if each.state == "overdue" else "",
        )
        for each in result.rosters
    ]  # fmt: skip
    parts: list[Any] = [record_table(headers, records, caption=_("應提交的名冊，依截止日排列"))]
    if may(Permission.EXPORT):
        parts.append(downloads("submission", asked(view)))
    notes = [
        _("完成率的分母是期程已開始或已提交的名冊；未開放的名冊不計。學籍及學業成績名冊由學生資料與學生成績兩冊組成，兩冊都提交才算完成。名冊屬於全校，不受部別、年級與科別的條件影響。"),
        _("完成日是登錄的提交日期；沒有登錄時是名冊匯入的日期。匯入列數是匯入的名冊檔裡身分證號對得到學生的列數／全部列數；「—」是沒有匯入檔案。"),
    ]  # fmt: skip
    if result.unannounced:
        names = listed(roster_name(name) for name in result.unannounced)
        notes.append(_("%(year)s 學年度沒有公告期程：%(names)s。", year=year, names=names))
    return card(parts, id="submission-rosters", title=title, question=question, footnote=notes, wide=True)


def _done_words(roster: Roster) -> str:
    if roster.done_at is not None:
        day = roc_date(roster.done_at)
        if roster.state == "late" and roster.ends_at is not None:
            return _("%(day)s，逾期 %(n)s 天完成", day=day, n=days_late(roster.done_at, roster.ends_at))
        return day
    if roster.books and roster.name == "academic":
        book = roster.books[0]
        return _("已提交 1／2 冊：%(name)s %(day)s", name=roster_name(book.name), day=roc_date(book.submitted_at))
    return "—"


def _rows_words(roster: Roster) -> str:
    known = [book for book in roster.books if book.row_count is not None]
    if len(known) < 2 and roster.name != "academic":
        return _ratio(known[0]) if known else "—"
    return "；".join(f"{roster_name(book.name)} {_ratio(book)}" for book in known) or "—"


def _ratio(book: Book) -> str:
    return fraction(book.matched_count, book.row_count)


def _instant(microseconds: int) -> datetime | None:
    far = microseconds >= FAR_US
    return None if far else pd.Timestamp(int(microseconds), unit="us", tz="UTC").to_pydatetime()


def _register_cards(result: Submission, view: View) -> list[html.Section]:
    question, term = _("哪一班的哪一種紀錄還沒有登錄？"), term_words(view.filters.term)
    if result.registers.empty:
        why = _("作業期程裡有「登錄…」的項目與起訖時間，或匯入登錄情形之後，這裡會列出各班。")
        content = empty_state(_("沒有公告登錄的期程"), why, level=3)
        return [card(content, id="submission-registers", title=_("%(term)s登錄：沒有應登錄的紀錄", term=term), question=question, wide=True)]  # fmt: skip
    register, day = result.register, day_of(view.filters.as_of)
    done, expected = _done(register), register["expected"]
    title = _("截至 %(day)s，%(term)s已登錄 %(part)s 項（%(share)s）", day=day, term=term, part=fraction(done, expected), share=percent(done, expected))  # fmt: skip
    if not expected:
        title = _("截至 %(day)s，%(term)s的登錄都還沒有開放", day=day, term=term)
    kinds = [str(kind) for kind in result.kinds["kind"]]
    parts: list[Any] = [_kind_table(result), _class_grid(result, view, kinds)]
    if may(Permission.EXPORT):
        parts.append(downloads("registration", asked(view, "grade", "dept")))
    note = _("一班一種紀錄為一項；有第一筆登錄即完成，不問人數。分母是期程已開始或已登錄的項目，未開放的不計；沒有應登錄的項目顯示「—」。依名冊順序排列，不排名。")  # fmt: skip
    return [card(parts, id="submission-registers", title=title, question=question, footnote=note, wide=True)]


def _kind_table(result: Submission) -> html.Div:
    lines = []
    for row in result.kinds.to_dict("records"):
        done, expected = int(row["on_time"] + row["late"]), int(row["expected"])
        window = window_words(_instant(row["starts_at"]), _instant(row["ends_at"]))
        lines.append(
            [
                register_name(row["kind"]), row["unit"] or "—", window,
                percent(done, expected) + aside(fraction(done, expected)) if expected else "—",
                *(count(row[name]) for name in ("late", "open", "overdue", "not_open")),
            ]
        )  # fmt: skip
    headers = [_("紀錄"), _("負責單位"), _("期程"), _("完成（班）"), _("逾期完成"), _("進行中"), _("逾期"), _("未開放")]
    return data_table(headers, lines, caption=_("各種紀錄的登錄情形"), numeric=(3, 4, 5, 6, 7))


def _class_grid(result: Submission, view: View, kinds: list[str]) -> html.Div:
    cells = {
        (row["class"], row["kind"]): record_cell(
            row["state"], starts_at=_instant(row["starts_at"]), ends_at=_instant(row["ends_at"]), done_at=_instant(row["done_at"]),
        )
        for row in result.registers.to_dict("records")
    }  # fmt: skip
    linked = may(Permission.VIEW_CLASS)
    rows = []
    for row in result.classes.to_dict("records"):
        name, done, expected = str(row["key"]), int(row["on_time"] + row["late"]), int(row["expected"])
        href = "/classes/" + quote(name, safe="") + asked(view) if linked and name else ""
        shown = {kind: cells.get((name, kind), "") for kind in kinds}
        rows.append(shown | {"name": name or _("不在名冊"), "href": href, "done": done, "expected": expected})
    columns = [
        Column("name", _("班級"), href="href", first=True),
        Column("share", _("完成"), "ratio", numerator="done", denominator="expected", width=130),
        *(Column(kind, register_name(kind), "status", width=255) for kind in kinds),
    ]
    return grid("submission-classes", rows, columns, label=_("各班登錄情形"), row_id="name")
