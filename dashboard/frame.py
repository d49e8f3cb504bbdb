"""A page's frame for whoever is logged in: navigation, heading, filters, and a place for the answer."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import unquote, urlencode

from dash import ClientsideFunction, Input, Output, clientside_callback, dcc, html, page_registry
from flask_babel import gettext as _
from orjson import Fragment
from plotly.io.json import to_json_plotly

from dashboard.access.roles import PERMISSIONS, ROLES, Permission, Role
from dashboard.access.scope import Scope
from dashboard.access.session import current_account, current_name, current_scope, may, store
from dashboard.access.trail import record_refusal
from dashboard.components.attributes import aria
from dashboard.components.dates import last_day, roc_date
from dashboard.components.empty import empty_state
from dashboard.components.filter_bar import date_input, filter_bar, select
from dashboard.components.links import inside
from dashboard.components.nav import navbar, skip_link
from dashboard.components.numbers import count
from dashboard.components.page import page_header, stale_banner, trust_line
from dashboard.components.words import aside, listed
from dashboard.i18n import LANGUAGES, language
from dashboard.services.filters import View, marks, open_view
from dashboard.services.grants import Held, today
from dashboard.services.meetings import last_meeting_day
from dashboard.services.suppression import merged_below
from dashboard.services.trust import Trust, trust_of
from data.schema import SchoolSettings

EVERYTHING = "all"  # a native select shows nothing at all for an empty value


def term_name(term: int) -> str:
    """Name a term in a heading."""
    return _("%(year)s 學年度第 %(semester)s 學期", year=term // 10, semester=term % 10)


def ids_of(page_id: str, names: tuple[str, ...]) -> list[str]:
    """Return the ids of a page's filters; the name after the last dash is the one in the address."""
    return [f"{page_id}-{name}" for name in names]


def keep_address(page_id: str, names: tuple[str, ...]) -> None:
    """Let the browser write a page's filters into the address."""
    clientside_callback(
        ClientsideFunction("licheng", "address"),
        Output(f"{page_id}-address", "data-kept"),
        *[Input(each, "value") for each in ids_of(page_id, names)],
        prevent_initial_call=True,
    )


def read_query(names: tuple[str, ...], values: tuple[Any, ...]) -> dict[str, str]:
    """Return a query from filter values; whatever is not text is left out."""
    return {
        name: value
        for name, value in zip(names, values, strict=True)
        if isinstance(value, str) and value not in ("", EVERYTHING) and len(value) < 100
    }


def asked(view: View, *names: str, **changes: str) -> str:
    """Return the query string that keeps a view's question, for links."""
    filters = view.filters
    query = {
        "term": str(filters.term), "asof": filters.day, "grade": str(filters.grade or ""), "dept": filters.department or "",
        "subject": filters.subject or "", "class": filters.class_name or "", "teacher": filters.teacher or "",
        "division": filters.division or "", "vs": filters.since_day,
    }  # fmt: skip
    kept = {name: query[name] for name in ("term", "asof", "division", *names)} | changes
    return "?" + urlencode({name: value for name, value in kept.items() if value})


def frame(
    page_id: str,
    title: str,
    names: tuple[str, ...],
    query: dict[str, str | None],
    *,
    permission: Permission,
    of: str = "",
) -> html.Div:
    """Return the page without its data: a callback fills `<page_id>-body` for the scope of the session.

    of: what a page about one thing takes from its path (class, dept, teacher or student), kept in `<page_id>-<of>`. Dash
    lets a query of the same name win over the path, so that it is read like any other filter and held to the scope.
    """
    content = refusal(title, (*names, of), query, permission=permission)
    if content is None:
        view = open_view(store(), current_scope(), {name: value for name, value in query.items() if value})
        content = [html.H1(title), _no_data()] if view is None else [
            html.Div(id=f"{page_id}-address", hidden=True),
            *([dcc.Input(id=f"{page_id}-{of}", type="hidden", value=unquote(query.get(of) or ""))] if of else []),
            html.Div(id=f"{page_id}-head", className="lc-stack"),
            _filters(page_id, names, view),
            html.Div(id=f"{page_id}-body", className="lc-stack"),
        ]  # fmt: skip
    return around(content)


def refusal(
    title: str, names: tuple[str, ...], query: dict[str, str | None], *, permission: Permission
) -> list[Any] | None:
    """Say why this person does not get the page: no permission, or an address nobody understands; None: they do."""
    if not may(permission):
        record_refusal({"permission": permission.value})
        href = "/certification" if may(Permission.VIEW_CERTIFICATION) else "/"
        why = _("您現在的職務是「%(role)s」，這一頁不在它的範圍內。", role=role_title())
        if can := [
            held_words(held.role, held.on_behalf_of)
            for held in current_account().held
            if permission in PERMISSIONS[held.role]
        ]:
            why += _("在選單「換職務」換成「%(role)s」就看得到。", role=_("」或「").join(dict.fromkeys(can)))
        return [html.H1(title), empty_state(_("您的角色不能看這一頁"), why, _("前往可以看的頁面"), href)]
    # A key that is said twice comes as a list, whatever the layout's type says.
    if set(query) - set(names) or not all(value is None or isinstance(value, str) for value in query.values()):
        why = _("請從選單重新開啟這一頁。")
        return [html.H1(title), empty_state(_("網址裡有看不懂的條件"), why, _("重新開啟"), "?")]
    return None


def plain_frame(
    page_id: str,
    title: str,
    query: dict[str, str | None],
    *,
    permission: Permission,
    done: Mapping[str, str] | None = None,
) -> html.Div:
    """Return a page that asks nothing: a callback fills its head and body for who may see it.

    done: what to say after a form did its work, by the code that its redirect put into the query; no other text is ever said.
    """
    refused = refusal(title, ("done",) if done else (), query, permission=permission)
    if refused is not None:
        return around(refused)
    head, body = (html.Div(id=f"{page_id}-{part}", className="lc-stack") for part in ("head", "body"))
    words = (done or {}).get(query.get("done") or "", "")
    said = [html.P(f"✓ {_(words)}", role="status", className="lc-form-done")] if words else []
    return around([head, *said, body])


def around(content: list[Any]) -> html.Div:
    """Put the navigation around a page."""
    return html.Div([skip_link(), _bar(), html.Main(html.Div(content, className="lc-page"), id="main", tabIndex=-1)])


def answer(
    page_id: str,
    title: str,
    names: tuple[str, ...],
    values: tuple[Any, ...],
    body: Callable[[View, str], list[Any]],
    *,
    about: str = "",
    rests_on: tuple[str, ...] = ("outcomes",),
) -> tuple[list[Any], Any]:
    """Answer a page's callback: heading and body. values: the filters', then the theme.

    The body is kept per data version, scope (and so role), question, theme and language; the heading is not, as data grow
    stale by themselves. about: whatever else body depends on, such as the number of a student. rests_on: the kinds of
    rosters whose newest import the heading names.
    """
    view = open_view(store(), current_scope(), read_query(names, values[:-1]))
    if view is None:
        return [], [_no_data()]
    theme = "dark" if values[-1] == "dark" else "light"
    key = (*view.key, page_id, about, theme, language())
    ready = store().kept(key, lambda: Fragment(to_json_plotly(body(view, theme))))  # written once, sent as it is
    return heading(page_id, title, view, trust_of(store(), view, rests_on=rests_on)), ready


def _no_data() -> html.Div:
    text = _("先匯入學生資料名冊、班級導師名冊、授課名冊、作業期程與認證清單。")
    if may(Permission.IMPORT):
        return empty_state(_("尚無資料"), text, _("前往匯入"), "/imports")
    return empty_state(_("尚無資料"), text)


def _bar() -> html.Header:
    in_menu = [each for each in page_registry.values() if each["order"] is not None]
    pages = sorted(in_menu, key=lambda each: each["order"])
    shown = [(each["name"], each["path"]) for each in pages if may(each["permission"])]
    items = [(_(words), href) for words, href in shown]
    languages = [
        (words, "en" if code == "en" else "zh-Hant-TW", f"/language/{code}") for code, words in LANGUAGES.items()
    ]
    here = "en" if language() == "en" else "zh-Hant-TW"
    own = current_account()
    others = [(grant_words(held), str(held.id)) for held in own.held if held.id != own.grant_id]
    user = f"{current_name()}・{role_title()}"
    return navbar(_("學習歷程檔案監測"), items, user=user, roles=others, languages=languages, language=here)


def role_title() -> str:
    """Return the role that this person acts in, in words, and for whom."""
    own = current_account()
    return held_words(own.role, own.on_behalf_of)


def own_words() -> str:
    """Name this request's person as files do that somebody takes away: the account, the role acted in, and for whom."""
    return current_name() + aside(role_title())


def held_words(role: str, on_behalf_of: str = "") -> str:
    """Name a role, and the account of the person who is away where it is held for somebody."""
    words = role_words(role)
    return _("%(role)s（代理 %(name)s）", role=words, name=on_behalf_of) if on_behalf_of else words


def grant_words(held: Held) -> str:
    """Name a role that is held, with the part of the school it is for."""
    parts = (
        [held.unit]
        if held.unit
        else [_("%(name)s 班（%(year)s 學年度）", name=name, year=year) for year, name in sorted(held.classes)]
    )
    return _("：").join(part for part in (held_words(held.role, held.on_behalf_of), listed(parts)) if part)


def grant_facts(held: Held) -> str:
    """Say the number of a role that is held, and from which day to which."""
    first, last = (roc_date(day, weekday=False) for day in (held.starts_on, held.ends_on))
    days = (
        _("%(first)s 起，沒有迄日", first=first)
        if held.ends_on is None
        else _("%(first)s 至 %(last)s", first=first, last=last)
    )
    return _("編號 %(n)s，%(days)s", n=held.id, days=days)


def waiting_words(held: Held) -> str:
    """Say what a role waits for that is not in force: its first day, or the account of the person who is away; "" where it is."""
    if held.is_in_force:
        return ""
    if held.starts_on > today():
        return _("%(day)s 起", day=roc_date(held.starts_on, weekday=False))
    return _("%(name)s 的帳號已停用", name=held.on_behalf_of)


def role_words(role: str) -> str:
    """Name a role; a code that is none is shown as it is."""
    return _(ROLES[Role(role)].title) if role in set(Role) else role


def _filters(page_id: str, names: tuple[str, ...], view: View) -> html.Div:
    filters, choices = view.filters, view.choices
    controls = {
        "term": lambda i: select(
            i, _("學期"), [(str(t), f"{t // 10}-{t % 10}") for t in choices.terms], str(filters.term)
        ),
        "asof": lambda i: html.Div([date_input(i, _("截至日期"), filters.day), _marks(view, names)]),
        "vs": lambda i: date_input(i, _("和哪一天比（空白為 7 天前）"), filters.since_day),
        "division": lambda i: select(
            i,
            _("部別"),
            [(EVERYTHING, _("全部")), *((d, d) for d in choices.divisions)],
            filters.division or EVERYTHING,
        ),
        "grade": lambda i: select(
            i,
            _("年級"),
            [(EVERYTHING, _("全部")), *((str(g), str(g)) for g in choices.grades)],
            str(filters.grade or EVERYTHING),
        ),
        "dept": lambda i: select(
            i,
            _("科別"),
            [(EVERYTHING, _("全部")), *((d, d) for d in choices.departments if d)],
            filters.department or EVERYTHING,
        ),
        "subject": lambda i: select(
            i, _("科目"), [(EVERYTHING, _("全部")), *((s, s) for s in choices.subjects)], filters.subject or EVERYTHING
        ),
        "class": lambda i: select(
            i,
            _("班級"),
            [(EVERYTHING, _("全部")), *((c, c) for c in choices.classes)],
            filters.class_name or EVERYTHING,
        ),
        "teacher": lambda i: select(
            i,
            _("教師"),
            [(EVERYTHING, _("全部")), *((c, f"{c} {n}") for c, n in choices.teachers)],
            filters.teacher or EVERYTHING,
        ),
    }
    offered = {
        "class": len(choices.classes), "teacher": len(choices.teachers), "subject": len(choices.subjects),
        "dept": len(choices.departments), "grade": len(choices.grades),
        "division": len(choices.divisions),
    }  # fmt: skip
    fields = []
    for name in names:
        field = controls[name](f"{page_id}-{name}")
        # Where there is nothing to choose, only the callback needs the control.
        fields.append(html.Div(field, hidden=True) if offered.get(name, 2) < 2 else field)
    return filter_bar(fields, id=f"{page_id}-filters")


def _marks(view: View, names: tuple[str, ...]) -> html.Div:
    """Offer the days one often asks about, as links that keep everything else."""
    words = {"upload": _("上傳截止"), "certify": _("認證截止")}
    kept = [name for name in names if name not in ("term", "asof")]
    days = [(_("今天"), ""), *((words[task], day) for task, day in marks(view))]
    met_on = store().kept((view.version, "last meeting"), lambda: last_meeting_day(store()))
    if met_on:
        days.append((_("上次會議"), met_on))
    links = [
        inside(each, asked(view, *kept, asof=day) or "?", **aria(current="true" if day == view.filters.day else ""))
        for each, day in days
    ]
    return html.Div(links, className="lc-marks")


def heading(page_id: str, title: str, view: View, trust: Trust) -> list[Any]:
    """Return the heading with its trust line, and a banner where the data are stale."""
    deadline = ""
    if trust.next_deadline:
        task, ends_at, due_count = trust.next_deadline
        day = last_day(ends_at)
        left = max(0, (day.date() - trust.as_of.date()).days) if day is not None else 0
        words = {"upload": _("上傳與送出"), "certify": _("教師認證")}[task]
        deadline = _("%(task)s到 %(day)s，還有 %(n)s 天", task=words, day=roc_date(day), n=left)
        if due_count:
            deadline += _("，這天以前有 %(n)s 件待認證到期", n=count(due_count))
    source = trust.source + aside(trust.sha256) if trust.source else ""
    parts = trust_line(
        as_of=trust.as_of, source=source, source_href=f"/imports?kind={trust.kind}" if may(Permission.VIEW_IMPORTS) else "",
        deadline=deadline, deadline_status="neutral",
    )  # fmt: skip
    if current_account().on_behalf_of:  # also where the menu is closed
        parts.append(html.Span(html.Strong(role_title())))
    parts.append(html.Span(scope_words(view.scope, view.ledger.settings)))
    result: list[Any] = [page_header(f"{term_name(view.filters.term)}　{title}", trust=parts, id=page_id)]
    if trust.is_stale:
        result.append(
            stale_banner(
                trust.imported_at, working_days=trust.stale_days, href="/imports" if may(Permission.IMPORT) else ""
            )
        )
    return result


def scope_words(scope: Scope, settings: SchoolSettings) -> str:
    """Say what the person may see, on the page itself."""
    if scope.teachers == "self":
        return _("您可檢視：自己的認證")
    if scope.suppressed:
        students, teachers = merged_below(settings)
        said = {"students": students, "teachers": teachers, "step": settings.suppression_size}
        return _("您可檢視：全校統計；為保護學生，學生未滿 %(students)s 人或任課教師未滿 %(teachers)s 人的班級合併為「＊」，學生的人數與件數以 %(step)s 為單位，是概數", **said)  # fmt: skip
    if scope.classes is not None:
        names = listed(name for _year, name in sorted(scope.classes)) or "—"
        return _("您可檢視：%(names)s 班", names=names)
    if scope.teachers == "unit":
        return _("您可檢視：全校統計與%(unit)s教師", unit=scope.unit)
    return _("您可檢視：全校")
