"""學生: one student's own items in the order of time, for those who have to act."""

from __future__ import annotations

from functools import partial
from typing import Any, Final
from urllib.parse import quote

import pandas as pd
from dash import Input, Output, html, register_page
from flask_babel import gettext as _

from dashboard.access.guard import protected_callback
from dashboard.access.roles import Permission
from dashboard.access.session import current_scope, may, store
from dashboard.access.trail import record_student_view
from dashboard.components.card import card
from dashboard.components.classes import standing_word
from dashboard.components.dates import day_of, roc_date, roc_datetime, until
from dashboard.components.empty import empty_state
from dashboard.components.grid import Column, grid
from dashboard.components.links import inside
from dashboard.components.numbers import NOTHING, count
from dashboard.components.page import stack
from dashboard.components.receipts import answer_words
from dashboard.components.receipts import kind_name as receipt_kind
from dashboard.components.tile import tile, tiles
from dashboard.components.words import voluntary_rule
from dashboard.frame import answer, asked, frame, ids_of, keep_address, read_query
from dashboard.i18n import N_
from dashboard.services.filters import View, open_view
from dashboard.services.students import Story, Student, find, story

PAGE = "students"
FILTERS = ("term", "asof", "division")
CONTROLS = (*FILTERS, "student")
MOST_ROWS: Final = 200  # a page has to stay small
_NEVER_US: Final = 2**62  # what comes later has not come
_WHAT: Final = {
    "outcome": N_("課程學習成果"),
    "performance": N_("多元表現"),
    "selection": N_("勾選"),
    "receipt": N_("收訖確認"),
    "dispute": N_("問題回報"),
}
_STATES: Final = {
    "uploaded": N_("已上傳"),
    "open": N_("待教師認證"),
    "overdue": N_("待教師認證（教師逾期）"),
    "unreleased": N_("教師已評定，待發佈"),
    "exempt": N_("免認證"),
    "passed": N_("認證完成：通過"),
    "failed": N_("認證完成：未通過"),
}

register_page(
    __name__, path_template="/students/<student>", name="學生", permission=Permission.VIEW_STUDENT
)  # fmt: skip
keep_address(PAGE, FILTERS)


def layout(**query: str | None) -> html.Div:
    """Filters and an empty place; the callback below fills it for the session's scope."""
    return frame(PAGE, _("學生"), FILTERS, query, permission=Permission.VIEW_STUDENT, of="student")


@protected_callback(
    Output(f"{PAGE}-head", "children"),
    Output(f"{PAGE}-body", "children"),
    *[Input(each, "value") for each in ids_of(PAGE, CONTROLS)],
    Input("theme", "data"),
    permission=Permission.VIEW_STUDENT,
)
def show(*values: Any) -> tuple[list[Any], list[Any]]:
    """Answer the page's question; the heading names the student only where the scope has him."""
    asked_for = read_query(CONTROLS, values[:-1])
    number = asked_for.get("student", "")
    view = open_view(store(), current_scope(), asked_for)
    student = None if view is None else find(store(), view, number)
    if student is not None:
        record_student_view(student.number)
    title = f"{student.number} {student.name}" if student is not None else _("學生")
    return answer(PAGE, title, CONTROLS, values, partial(_body, student=student), about=number)


def _body(view: View, theme: str, *, student: Student | None) -> list[Any]:
    if student is None:
        why = _("沒有這個學號，或不在您的範圍裡。請從班級頁重新選擇。")
        return [empty_state(_("沒有這位學生的資料"), why, _("前往總覽"), "/" + asked(view))]
    told = story(store(), view, student)
    return [_who(student, view), _tiles(told, view), _story_card(told, view)]


def _who(student: Student, view: View) -> html.Div:
    seat = str(student.seat) if student.seat is not None else NOTHING
    words = _("班級 %(name)s　座號 %(seat)s", name=student.class_name or NOTHING, seat=seat)
    if may(Permission.VIEW_CLASS) and student.class_name in view.choices.classes:
        return stack(inside(words, "/classes/" + quote(student.class_name, safe="") + asked(view), css="lc-more"))
    return stack(html.P(words))


def _tiles(told: Story, view: View) -> html.Div:
    """Count the term's outcomes and the year's others; nothing here is a fault of the student's."""
    events, term = told.events, view.filters.term
    of_year = events[events["school_year"] == term // 10]
    outcomes = of_year[(of_year["what"] == "outcome") & (of_year["semester"] == term % 10)]
    items = outcomes.drop_duplicates(["detail", "place", "item"])
    sent = outcomes[outcomes["state"] != "uploaded"]
    expected = sent[sent["state"] != "exempt"]
    done = int(expected["state"].isin(["passed", "failed"]).sum())
    performances = int((of_year["what"] == "performance").sum())
    selected = of_year[of_year["what"] == "selection"].head(1)
    chosen = NOTHING if selected.empty else _("%(n)s 件", n=count(selected["outcomes"].iloc[0]))
    also = "" if selected.empty else _("多元表現 %(n)s 件", n=count(selected["performances"].iloc[0]))
    term_words = _("這個學期，含還沒有送出認證的")
    waiting = _("待教師認證 %(n)s 件", n=count(len(expected) - done)) if len(expected) else _("沒有送出認證的件數")
    return tiles(
        tile(_("上傳・課程學習成果"), _("%(n)s 件", n=count(len(items))), status="neutral", stage="upload", note=term_words),
        tile(_("上傳・多元表現"), _("%(n)s 件", n=count(performances)), status="neutral", stage="upload", note=_("這個學年度")),
        tile(_("教師認證"), _("%(n)s 件", n=count(done)) if len(expected) else NOTHING, fraction=(done, len(expected)) if len(expected) else None, unit=_("件"), note=waiting),
        tile(_("勾選・課程學習成果"), chosen, status=None if selected.empty else "neutral", stage="select", note=also),
    )  # fmt: skip


def _instant(microseconds: int) -> pd.Timestamp | None:
    return None if microseconds > _NEVER_US else pd.Timestamp(int(microseconds), unit="us", tz="UTC")


def _detail(row: dict[str, Any]) -> str:
    """Say what it is about, in words that need no column of their own."""
    if row["what"] == "outcome":
        return _(
            "%(subject)s　%(place)s　第 %(n)s 件", subject=row["detail"], place=row["place"] or NOTHING, n=row["item"]
        )
    if row["what"] == "selection":
        return _("課程學習成果 %(n)s 件、多元表現 %(m)s 件", n=count(row["outcomes"]), m=count(row["performances"]))
    if row["what"] == "receipt":
        return _("%(kind)s　第 %(n)s 輪", kind=receipt_kind(row["detail"]), n=row["item"])
    if row["what"] == "dispute":
        return receipt_kind(row["detail"])
    return str(row["detail"]) or NOTHING


def _state(row: dict[str, Any]) -> str:
    if row["what"] == "receipt":
        return standing_word(row["state"])
    if row["what"] == "dispute":
        return answer_words(row["state"])
    state = str(row["state"])
    return _("已勾選") if row["what"] == "selection" else _(_STATES[state])


def _what(what: str) -> str:
    return _(_WHAT[what])


def _story_card(told: Story, view: View) -> html.Section:
    day = day_of(view.filters.as_of)
    question = _("這位學生做了什麼，之後到哪一步？")
    if told.events.empty:
        content = empty_state(
            _("還沒有紀錄"), _("截至 %(day)s，沒有這位學生的紀錄；上傳與勾選由學生自己決定。", day=day), level=3
        )
        return card(
            content, id="students-story", title=_("紀錄 0 筆"), question=question, footnote=voluntary_rule(), wide=True
        )
    rows = [
        {
            "id": str(position), "at": roc_date(_instant(row["at"])), "what": _what(row["what"]), "detail": _detail(row),
            "term": f"{row['school_year']}-{row['semester']}" if row["semester"] else str(row["school_year"]), "state": _state(row),
            "uploaded": roc_datetime(_instant(row["uploaded_at"])), "sent": roc_datetime(_instant(row["sent_at"])),
            "due": until(_instant(row["due_at"])), "done": roc_datetime(_instant(row["done_at"])),
            **({"teacher": row["teacher"] or NOTHING} if told.shows_teachers else {}),
        }
        for position, row in enumerate(told.events.head(MOST_ROWS).to_dict("records"))
    ]  # fmt: skip
    columns = [
        Column("at", _("日期"), first=True, width=156),
        Column("term", _("學期或學年度"), width=104),
        Column("what", _("項目"), width=128),
        Column("detail", _("內容"), width=300),
        Column("state", _("情形"), width=196),
        *([Column("teacher", _("認證教師"), width=104)] if told.shows_teachers else []),
        Column("sent", _("送出或回報"), width=196),
        Column("due", _("期限"), width=196),
        Column("done", _("完成"), width=196),
        Column("uploaded", _("上傳"), width=196),
    ]
    notes = [
        _("最新的在最上面。期限是教師認證或單位答覆的期限，不是學生的；通過與未通過都是完成的認證。收訖只列最近一輪。"),
        voluntary_rule(),
    ]
    if view.scope.classes is not None:
        notes.insert(0, _("只列您擔任導師的學年度。"))
    if len(told.events) > MOST_ROWS:
        notes.insert(0, _("這裡列出最新的 %(n)s／%(all)s 筆。", n=MOST_ROWS, all=count(len(told.events))))
    return card(
        grid("students-story-table", rows, columns, label=_("學生的紀錄"), row_id="id", page_size=20), id="students-story",
        title=_("紀錄 %(n)s 筆，截至 %(day)s", n=count(len(told.events)), day=day), question=question, footnote=notes, wide=True,
    )  # fmt: skip
