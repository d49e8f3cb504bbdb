"""會議: the working group's meetings of a term, who was present, what they took up and resolved, and what became of it."""

from __future__ import annotations

from typing import Any

from dash import Input, Output, html, register_page
from flask_babel import gettext as _

from dashboard.access.guard import protected_callback
from dashboard.access.roles import Permission
from dashboard.access.session import may, store
from dashboard.components.badge import badge
from dashboard.components.card import card
from dashboard.components.dates import day_of, last_day, roc_date, roc_datetime
from dashboard.components.empty import empty_state
from dashboard.components.forms import choice_field, lines_field, posting_form, text_field
from dashboard.components.links import inside
from dashboard.components.numbers import count
from dashboard.components.records import Record, record_table
from dashboard.components.words import listed, meeting_title, meeting_word, resolution_word
from dashboard.frame import answer, asked, frame, ids_of, keep_address, term_name
from dashboard.services.filters import View
from dashboard.services.meetings import (
    CANCELLED,
    EXCUSED,
    HELD,
    MATTERS,
    PLANNED,
    PRESENT,
    STEPS,
    Book,
    Meeting,
    Standing,
    has_quorum,
    read_book,
    usual_members,
    was_held,
)

PAGE = "meetings"
FILTERS = ("term", "asof")
OF = "meeting"

register_page(__name__, path="/meetings", name="會議", order=6, permission=Permission.VIEW_MEETINGS)
keep_address(PAGE, FILTERS)


def layout(**query: str | None) -> html.Div:
    """Filters and an empty place; the callback below fills it for the session's scope."""
    return frame(PAGE, _("會議"), FILTERS, query, permission=Permission.VIEW_MEETINGS, of=OF)


@protected_callback(
    Output(f"{PAGE}-head", "children"),
    Output(f"{PAGE}-body", "children"),
    Input(f"{PAGE}-{OF}", "value"),
    *[Input(each, "value") for each in ids_of(PAGE, FILTERS)],
    Input("theme", "data"),
    permission=Permission.VIEW_MEETINGS,
)
def show(meeting: Any, *values: Any) -> tuple[list[Any], list[Any]]:
    """Answer the page's question."""
    number = int(meeting) if isinstance(meeting, str) and meeting.isascii() and meeting.isdigit() and len(meeting) < 10 else 0  # fmt: skip
    return answer(
        PAGE, _("會議"), FILTERS, values, lambda view, _theme: _body(view, number), about=f"{OF} {number}", rests_on=()
    )


def _body(view: View, number: int) -> list[Any]:
    book = read_book(store(), view.filters.as_of)
    of_term = book.of_term(view.filters.term)
    chosen = next((each for each in of_term if each.id == number), None)
    parts: list[Any] = [html.P(_said(view, of_term))]
    if chosen is not None:
        parts += _meeting_cards(view, book, chosen)
    parts.append(_list_card(view, book, of_term))
    if may(Permission.MANAGE_MEETINGS):
        parts.append(_plan_card(view, book))
    return parts


def _said(view: View, of_term: list[Meeting]) -> str:
    """Say whether the term has had its meeting: at least one is owed (補充規定範例 三)."""
    held = [each for each in of_term if was_held(each, view.filters.as_of)]
    said = {"term": term_name(view.filters.term), "n": count(len(held)), "day": day_of(view.filters.as_of)}
    if held:
        return _("%(term)s已召開 %(n)s 次會議（至少 1 次），最近一次 %(last)s", last=roc_date(held[0].held_at), **said)
    planned = [each for each in of_term if each.state == PLANNED]
    if planned:
        return _("截至 %(day)s，%(term)s尚未開會（%(n)s／1 次），預定 %(next)s", next=roc_datetime(planned[-1].held_at), **said)  # fmt: skip
    return _("截至 %(day)s，%(term)s尚未開會（%(n)s／1 次），也還沒有安排", **said)


# --- one meeting ------------------------------------------------------------------------------------------------------


def _meeting_cards(view: View, book: Book, meeting: Meeting) -> list[Any]:
    manages = may(Permission.MANAGE_MEETINGS)
    return [
        _presence_card(view, book, meeting, manages=manages),
        _agenda_card(view, book, meeting, manages=manages),
        _resolutions_card(view, book, meeting, manages=manages),
    ]


def _quorum_words(meeting: Meeting) -> str:
    said = {"n": count(meeting.present), "all": count(len(meeting.members)), "quorum": count(meeting.quorum)}
    if has_quorum(meeting):
        return _("出席 %(n)s／%(all)s，已達開會所需的 %(quorum)s 人（過半數）", **said)
    return _("出席 %(n)s／%(all)s，未達開會所需的 %(quorum)s 人（過半數）", **said)


def _presence_card(view: View, book: Book, meeting: Meeting, *, manages: bool) -> html.Section:
    words = {PRESENT: _("出席"), EXCUSED: _("請假"), "": _("未登記")}
    facts = [
        (_("時間"), roc_datetime(meeting.held_at)),
        (_("地點"), meeting.place),
        (_("主席"), meeting.convener),
        *([(_("備註"), meeting.note)] if meeting.note else []),
    ]
    lines = [html.Li([html.Strong(name), "　", said]) for name, said in facts]
    for said in (PRESENT, EXCUSED, ""):
        titles = [member.title for member in meeting.members if member.attendance == said]
        if titles:
            lines.append(html.Li([html.Strong(words[said]), f"　{listed(titles)}"]))
    parts: list[Any] = [html.P(_state_badge(meeting)), html.Ul(lines, className="lc-plain")]
    parts.append(html.Div(html.A(_("會議紀錄（ODT）"), href=f"/meetings/{meeting.id}/minutes.odt", download=""), className="lc-downloads"))  # fmt: skip
    if manages and meeting.state != CANCELLED:
        fields = [
            choice_field(
                f"{PAGE}-member-{member.id}",
                f"member-{member.id}",
                f"{member.title}（{member.kind}）" if member.kind != member.title else member.title,
                [("", words[""]), (PRESENT, words[PRESENT]), (EXCUSED, words[EXCUSED])],
                member.attendance,
            )
            for member in meeting.members
        ]
        form = posting_form(fields, action=f"/meetings/{meeting.id}/attendance", submit=_("儲存出席"))
        parts.append(html.Details([html.Summary(_("登記出席")), form], open=meeting.state == PLANNED))
    if manages and meeting.state == PLANNED:
        come = meeting.held_at <= view.filters.as_of
        if come and has_quorum(meeting):
            parts.append(posting_form([], action=f"/meetings/{meeting.id}/hold", submit=_("記為已召開")))
        else:
            parts.append(html.P(_("會議時間到了，而且登記的出席過半數，才能記為已召開；之後才能新增決議。"), className="lc-muted"))  # fmt: skip
        parts.append(posting_form([], action=f"/meetings/{meeting.id}/cancel", submit=_("取消這次會議"), css="btn-outline-primary"))  # fmt: skip
    title = meeting_title(meeting.term, book.ordinal(meeting))
    if meeting.state == CANCELLED:
        title = _("%(day)s的會議已取消", day=roc_date(meeting.held_at))
    elif meeting.state == HELD or meeting.present:
        title = _("%(title)s：%(quorum)s", title=title, quorum=_quorum_words(meeting))
    return card(parts, id=f"{PAGE}-presence", title=title, question=_("什麼時候、在哪裡、誰出席？"), footnote=_("成員只記職稱，家長與學生代表不記姓名。"), wide=True)  # fmt: skip


def _state_badge(meeting: Meeting) -> html.Span:
    status = {HELD: "done", PLANNED: "on_track", CANCELLED: "not_open"}[meeting.state]
    return badge(status, words=meeting_word(meeting.state))


def _agenda_card(view: View, book: Book, meeting: Meeting, *, manages: bool) -> html.Section:
    heard = book.reported_to(meeting)
    done = sum(not each.is_unfinished for each in heard)
    parts: list[Any] = [html.H3(_("上次會議決議與辦理情形"))]
    if heard:
        parts.append(_standing_table(view, heard, meeting, manages=manages, caption=_("上次會議決議與辦理情形"), back=meeting))  # fmt: skip
    else:
        parts.append(html.P(_("沒有以前的決議要追蹤。"), className="lc-muted"))
    parts.append(html.H3(_("討論事項")))
    lines = []
    for item in meeting.agenda:
        matter = MATTERS[item.matter - 1]
        words = item.title if not item.note else f"{item.title}（{item.note}）"
        line: list[Any] = [html.Strong(matter), "" if words == matter else f"：{words}"]
        if manages and meeting.state == PLANNED:
            line.append(
                posting_form([], action=f"/meetings/{meeting.id}/remove-item", submit=_("移除"), hidden={"item": str(item.id)},
                             css="btn-outline-primary")
            )  # fmt: skip
        lines.append(html.Li(line))
    parts.append(html.Ol(lines))
    if manages and meeting.state == PLANNED:
        matters = [(str(n), f"{n}. {matter}") for n, matter in enumerate(MATTERS, start=1)]
        fields = [
            choice_field(f"{PAGE}-item-matter", "matter", _("屬於哪一項工作事項"), matters, "1", whole=True),
            text_field(f"{PAGE}-item-title", "title", _("案由"), whole=True),
            text_field(f"{PAGE}-item-note", "note", _("說明（可不填）"), required=False, whole=True),
        ]
        form = posting_form(fields, action=f"/meetings/{meeting.id}/add-item", submit=_("加入這一案"))
        parts.append(html.Details([html.Summary(_("加入一案")), form]))
    said = {"items": count(len(meeting.agenda)), "done": count(done), "all": count(len(heard))}
    title = _("議程 %(items)s 案；以前的決議 %(done)s／%(all)s 項已結案", **said) if heard else _("議程 %(items)s 案", **said)  # fmt: skip
    return card(parts, id=f"{PAGE}-agenda", title=title, question=_("這次會議要討論什麼？上次的決議辦了沒有？"), footnote=_("六項工作事項依補充規定（範例）第三點。"), wide=True)  # fmt: skip


def _resolutions_card(view: View, book: Book, meeting: Meeting, *, manages: bool) -> html.Section:
    own = book.resolved_at(meeting)
    done = sum(not each.is_unfinished for each in own)
    if own:
        parts: list[Any] = [_standing_table(view, own, meeting, manages=manages, caption=_("決議"), back=meeting)]
        title = _("截至 %(day)s，決議 %(done)s／%(all)s 項已結案", all=count(len(own)), done=count(done), day=day_of(view.filters.as_of))  # fmt: skip
    else:
        parts = [html.P(_("這次會議還沒有決議。"), className="lc-muted")]
        title = _("決議 0 項")
    if manages and meeting.state == HELD:
        fields = [
            text_field(f"{PAGE}-text", "text", _("決議"), whole=True),
            text_field(f"{PAGE}-responsible", "responsible", _("負責單位或職稱")),
            text_field(f"{PAGE}-due", "due", _("辦理期限（可不填）"), kind="date", required=False),
        ]
        form = posting_form(fields, action=f"/meetings/{meeting.id}/resolve", submit=_("新增這項決議"))
        parts.append(html.Details([html.Summary(_("新增一項決議")), form], open=not own))
    return card(parts, id=f"{PAGE}-resolutions", title=title, question=_("決定了什麼、由誰在什麼時候以前辦理？"), footnote=_("每一次改變都留下時間與原因，不能刪改；負責寫單位或職稱，不寫姓名。"), wide=True)  # fmt: skip


def _standing_table(
    view: View, standings: list[Standing], meeting: Meeting, *, manages: bool, caption: str, back: Meeting
) -> html.Table:
    today = (last_day(view.filters.as_of) or view.filters.as_of).date()
    records = []
    for each in standings:
        resolution, late = each.resolution, each.is_overdue(today)
        status = "overdue" if late else {"open": "on_track", "carried": "attention", "done": "done"}.get(each.state, "not_open")  # fmt: skip
        words = _("%(state)s，已逾期", state=resolution_word(each.state)) if late else resolution_word(each.state)
        cells = [resolution.number, resolution.text, resolution.responsible, roc_date(resolution.due_on), badge(status, words=words)]  # fmt: skip
        steps = [
            html.Li(_("%(when)s：%(state)s", when=roc_datetime(event.at), state=resolution_word(event.to_state)) + (f"　{event.reason}" if event.reason else ""))
            for event in resolution.events
            if event.at <= view.filters.as_of
        ]  # fmt: skip
        opened: list[Any] = [html.Ul(steps, className="lc-plain")]
        if manages:
            opened.append(_move_form(each, caption=caption, back=back))
        summary = html.Summary(_("經過與更新") if manages else _("經過"))
        records.append(Record(cells, below=html.Details([summary, html.Div(opened)]), status="overdue" if late else ""))
    headers = [_("編號"), _("決議"), _("負責"), _("期限"), _("情形")]
    return record_table(headers, records, caption=caption)


def _move_form(standing: Standing, *, caption: str, back: Meeting) -> html.Form:
    resolution = standing.resolution
    now = resolution.events[-1].to_state  # the step is taken from what is true now, whatever day the page is of
    key = f"{PAGE}-move-{resolution.id}"
    fields = [
        choice_field(f"{key}-state", "state", _("改為"), [(each, resolution_word(each)) for each in STEPS[now]], STEPS[now][0]),
        text_field(f"{key}-reason", "reason", _("原因"), whole=True),
    ]  # fmt: skip
    return posting_form(fields, action=f"/meetings/resolutions/{resolution.id}", submit=_("更新情形"), hidden={"from": str(back.id)})  # fmt: skip


# --- all of them ------------------------------------------------------------------------------------------------------


def _list_card(view: View, book: Book, of_term: list[Meeting]) -> html.Section:
    terms = [term for term in view.choices.terms if term % 10]
    without = book.terms_without(terms)
    said = {"n": count(len(terms) - len(without)), "all": count(len(terms)), "day": day_of(view.filters.as_of)}
    title = _("截至 %(day)s，%(n)s／%(all)s 個學期開過會", **said)
    shown = [each for each in book.meetings if each.term in terms or each in of_term]
    if not shown:
        content: Any = empty_state(_("還沒有會議"), _("工作小組每學期至少召開一次會議。"), level=3)
    else:
        records = [
            Record(
                [
                    inside(meeting_title(each.term, book.ordinal(each)) if each.state != CANCELLED else term_name(each.term),
                           asked(view, term=str(each.term), meeting=str(each.id))),
                    roc_datetime(each.held_at), each.place, _state_badge(each),
                    f"{each.present}／{len(each.members)}" if each.state == HELD else "—",
                    count(len(book.resolved_at(each))) if each.state == HELD else "—",
                ]
            )
            for each in shown
        ]  # fmt: skip
        headers = [_("會議"), _("時間"), _("地點"), _("情形"), _("出席"), _("決議")]
        content = record_table(headers, records, caption=_("工作小組會議"), numeric=(4, 5))
    missing = _("尚未開會的學期：%(terms)s。", terms=listed(term_name(term) for term in without)) if without else ""
    return card(content, id=f"{PAGE}-list", title=title, question=_("每個學期都開會了嗎？"), footnote=[missing, _("工作小組每學期應至少召開一次會議（補充規定範例第三點）；只算已召開的會議。")], wide=True)  # fmt: skip


def _plan_card(view: View, book: Book) -> html.Section:
    terms = [(str(term), f"{term // 10}-{term % 10}") for term in view.choices.terms if term % 10]
    chosen = str(view.filters.term) if view.filters.term % 10 else (terms[0][0] if terms else "")
    members = "\n".join("：".join(part for part in each if part) for each in usual_members(book))
    convener = book.meetings[0].convener if book.meetings else "校長"
    fields = [
        choice_field(f"{PAGE}-plan-term", "term", _("學期"), terms, chosen),
        text_field(f"{PAGE}-plan-day", "day", _("日期"), kind="date"),
        text_field(f"{PAGE}-plan-time", "time", _("時間"), kind="time"),
        text_field(f"{PAGE}-plan-place", "place", _("地點")),
        text_field(f"{PAGE}-plan-convener", "convener", _("主席（職稱）"), convener),
        text_field(f"{PAGE}-plan-quorum", "quorum", _("開會所需人數"), required=False, note=_("空白為過半數")),
        lines_field(
            f"{PAGE}-plan-members", "members", _("成員，一行一位"), members, rows=8,
            note=_("寫成「身分：職稱」，只寫職稱、不寫姓名；有帳號的再加「：帳號」。"),
        ),
        text_field(f"{PAGE}-plan-note", "note", _("備註（可不填）"), required=False, whole=True),
    ]  # fmt: skip
    form = posting_form(fields, action="/meetings/plan", submit=_("安排這次會議"))
    content = html.Details([html.Summary(_("填寫日期、地點與成員")), form], open=not book.of_term(view.filters.term))
    return card(content, id=f"{PAGE}-plan", title=_("安排一次會議"), question=_("什麼時候開、誰要來？議程先列出六項工作事項"), wide=True)  # fmt: skip
