"""匯入: hand files in, read what they would change, decide, and look at or take back what was imported before."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any, Final, cast

import dash_bootstrap_components as dbc
from dash import Input, Output, State, ctx, dcc, html, no_update, register_page
from flask_babel import gettext as _

from dashboard.access.guard import protected_callback
from dashboard.access.roles import Permission
from dashboard.access.session import current_name, current_role, may, store
from dashboard.components.attributes import aria, data
from dashboard.components.badge import badge
from dashboard.components.card import card
from dashboard.components.dates import roc_datetime
from dashboard.components.empty import empty_state
from dashboard.components.filter_bar import select
from dashboard.components.history import batch_detail, files_in_words, history_table
from dashboard.components.links import inside
from dashboard.components.page import page_header
from dashboard.components.plan import LOOK, MEND, plan_effects, plan_files, plan_sentence, state_of
from dashboard.components.upload import drop_area
from dashboard.components.words import listed
from dashboard.frame import EVERYTHING, around, keep_address, refusal
from dashboard.services.imports import (
    UPLOAD_BYTES,
    Batch,
    JobView,
    Options,
    ServiceError,
    batch_of,
    decide,
    job_of,
    list_batches,
    list_jobs,
    template_kinds,
    undo,
)

# Imports belong to the school and a hand-in to its person (services.hand_ins.may_see): its callbacks are not scoped.
PAGE: Final = "imports"
ASKED: Final = ("job", "batch", "kind", "page", "show")
ACTIONS: Final = ("replan", "commit", "good", "cancel")
TICKED: Final = ("alarms", "renames", "leave", "year", "password")
SUFFIXES: Final = ".xlsx,.xls,.ods,.csv,.tsv,.zip,.json"
BATCHES_A_PAGE: Final = 10
MOST_BATCHES: Final = 1_000  # three years of an export every night

register_page(
    __name__, path="/imports", name="匯入", order=8, permission=Permission.VIEW_IMPORTS
)  # fmt: skip
keep_address(PAGE, ASKED)


# --- the page ---------------------------------------------------------------------------------------------------------


def layout(**query: str | None) -> html.Div:
    """Places for what the callbacks bring; the history comes first for who asks for the imports behind a figure."""
    refused = refusal(_("匯入"), ASKED, query, permission=Permission.VIEW_IMPORTS)
    if refused is not None:
        return around(refused)
    asked = {name: (query.get(name) or "")[:100] for name in ASKED}
    history = _history_card(asked)
    taken = html.Div(id=f"{PAGE}-taken", className="lc-stack")
    hand_in = [_drop_area(), html.Div(id=f"{PAGE}-waiting")] if may(Permission.IMPORT) else []
    order = [taken, history, *hand_in, _job(asked)] if asked["kind"] else [taken, *hand_in, _job(asked), history]
    return around(
        [
            html.Div(id=f"{PAGE}-address", hidden=True),
            *[dbc.Input(id=f"{PAGE}-{name}", type="hidden", value=asked[name]) for name in ("job", "batch", "page")],
            *[dcc.Store(id=f"{PAGE}-{name}") for name in ("changed", "decided", "undone")],
            dcc.Interval(id=f"{PAGE}-tick", interval=1_000, disabled=True),
            html.Div(id=f"{PAGE}-head", className="lc-stack"),
            *order,
            *([_templates()] if may(Permission.IMPORT) else []),
        ]
    )


def _drop_area() -> html.Section:
    area = drop_area(
        f"{PAGE}-drop",
        words=_("把平臺匯出的檔案拖到這裡，或選擇檔案"),
        note=_("可以一次放很多個：xlsx、xls、ods、csv、tsv、收訖明細的 zip、歷程交換的 json；一次合計最多 %(n)s MB。放進來只會先檢查，按下「匯入」之前不會寫入任何資料。", n=UPLOAD_BYTES // 2**20),
        address="/imports/files", page="/imports", suffixes=SUFFIXES, limit_bytes=UPLOAD_BYTES,
    )  # fmt: skip
    return html.Section([html.H2(_("交檔案"), className="visually-hidden"), area])


def _job(asked: dict[str, str]) -> html.Div:
    shows = [(EVERYTHING, _("全部檔案")), (MEND, _("要先修正的")), (LOOK, _("請先看過的"))]
    show = asked["show"] if asked["show"] in (MEND, LOOK) else EVERYTHING
    files = card(
        [select(f"{PAGE}-show", _("顯示"), shows, show), html.Div(id=f"{PAGE}-files")],
        id=f"{PAGE}-files-card", title=_("每個檔案"), question=_("要先修正的在前面"), wide=True,
    )  # fmt: skip
    return html.Div(
        [
            html.Div(id=f"{PAGE}-progress", role="status"),
            html.Div(id=f"{PAGE}-plan", className="lc-stack"),
            html.Div(files, id=f"{PAGE}-show-field", hidden=True),
            html.Div(id=f"{PAGE}-decisions"),
            html.Div(id=f"{PAGE}-answer", role="alert"),
        ],
        className="lc-stack lc-job",
    )


def _history_card(asked: dict[str, str]) -> html.Section:
    kinds = {file.kind: file.title for batch in _batches() for file in batch.files if file.kind}
    options = [(EVERYTHING, _("全部")), *sorted(kinds.items(), key=lambda each: each[1])]
    kind = asked["kind"] if asked["kind"] in kinds else EVERYTHING
    turning = html.Div(
        [
            html.Button(_("較新的"), id=f"{PAGE}-later", type="button", className="btn btn-outline-primary"),
            html.Span(id=f"{PAGE}-page-words"),
            html.Button(_("較舊的"), id=f"{PAGE}-earlier", type="button", className="btn btn-outline-primary"),
        ],
        id=f"{PAGE}-turning",
        className="lc-actions",
        hidden=True,
    )
    return card(
        [
            html.Div(select(f"{PAGE}-kind", _("名冊"), options, kind), className="lc-filters"),
            html.Div(id=f"{PAGE}-history"),
            turning,
        ],
        id=f"{PAGE}-history-card",
        title=_("匯入紀錄"),
        question=_("畫面上的每個數字都來自這些匯入；最新的在前"),
        footnote=_(
            "SHA-256 是檔案內容的指紋：內容一樣，指紋就一樣。原檔不保留。復原會把這次帶進來的資料收回、改過的改回去，並留下紀錄。"
        ),
        wide=True,
    )


def _templates() -> html.Section:
    rows = [
        html.Li(
            [
                html.Span([title, html.Span(_purposes().get(kind, ""), className="lc-muted")], className="lc-sentence"),
                *[
                    html.A(
                        [html.Span(_("下載%(title)s的範本：", title=title), className="visually-hidden"), suffix],
                        href=f"/imports/templates/{kind}.{suffix}", download="", className="lc-more",
                    )
                    for suffix in ("xlsx", "ods")
                ],
            ]
        )
        for kind, title in template_kinds()
    ]  # fmt: skip
    return card(
        [html.Ul(rows, className="lc-findings lc-templates")],
        id=f"{PAGE}-templates",
        title=_("空白範本"),
        question=_("平臺沒有匯出、學校自己記的名冊，填好就能匯入；每個檔案都附填寫說明"),
        wide=True,
    )


def _purposes() -> dict[str, str]:
    """What each list is for, where its title does not say it all; a kind without a line here is offered all the same."""
    return {
        "staff": _("教師代碼、姓名與處室：誰是誰、責任算在哪個處室"), "staff_changes": _("到職、離職與調動：責任從哪一天起算在新的處室"),
        "classes": _("每班的年級、科別與導師：導師看得到哪一班"), "enrolment_changes": _("轉入、轉出、休學、復學：從哪一天起計入或不計入人數"),
        "windows": _("各年級的上傳、認證、勾選與自我檢核期間：準時與逾時的分界"), "school_days": _("停課與補課：哪些日子算上班日"),
        "delegations": _("教師請假時由誰代理認證"), "training": _("宣導、訓練與研習辦了哪些場次"),
        "registrations": _("各班的學籍、成績、幹部與課程諮詢登錄了沒有"), "counselling": _("課程諮詢辦了哪些場次"),
    }  # fmt: skip


# --- heading and hand-ins that wait -----------------------------------------------------------------------------------


@protected_callback(
    Output(f"{PAGE}-head", "children"),
    Input(f"{PAGE}-changed", "data"),
    Input(f"{PAGE}-undone", "data"),
    permission=Permission.VIEW_IMPORTS,
    scoped=False,
)
def show_head(*_changes: Any) -> list[Any]:
    """Say what was imported last."""
    newest = next((batch for batch in _batches() if batch.state == "kept" and not batch.by_hand), None)
    if newest is None:
        said = _("還沒有匯入任何檔案。")
    else:
        said = _("最近一次匯入：%(when)s，%(who)s，%(what)s", when=roc_datetime(newest.at), who=newest.by, what=files_in_words(newest))  # fmt: skip
    return [page_header(_("匯入"), trust=[html.Span(said)], id=PAGE)]


@protected_callback(
    Output(f"{PAGE}-waiting", "children"),
    Input(f"{PAGE}-changed", "data"),
    State(f"{PAGE}-job", "value"),
    permission=Permission.IMPORT,
    scoped=False,
)
def show_waiting(_changed: Any, shown: Any) -> Any:
    """List the hand-ins that run or wait for a decision, but for the one that is shown anyway."""
    others = [view for view in list_jobs(store(), by=current_name(), role=current_role()) if view.token != shown]
    if not others:
        return None
    lines = []
    for view in others:
        names = listed(file.name for file in view.files[:2])
        words = _("%(who)s 在 %(when)s 交的 %(n)s 個檔案：%(names)s", who=_("監看的資料夾") if view.source == "watch" else view.created_by,
                  when=roc_datetime(view.created_at), n=len(view.files), names=names + ("…" if len(view.files) > 2 else ""))  # fmt: skip
        link = inside(_("查看"), f"?job={view.token}", css="lc-more", **aria(label=_("查看：%(sentence)s", sentence=words)))  # fmt: skip
        lines.append(html.Li([_job_badge(view), html.Span(words, className="lc-sentence"), link]))
    return html.Section([html.H2(_("等您決定的檔案")), html.Ul(lines, className="lc-findings")], className="lc-section")


def _job_badge(view: JobView) -> html.Span:
    status, words = {
        "queued": ("neutral", _("等候檢查")), "planning": ("neutral", _("檢查中")), "planned": ("attention", _("等您決定")),
        "to_commit": ("neutral", _("等候匯入")), "committing": ("neutral", _("匯入中")), "done": ("done", _("已匯入")),
        "refused": ("overdue", _("沒有匯入")), "cancelled": ("not_open", _("已取消")), "failed": ("overdue", _("沒有完成")),
    }[view.state]  # fmt: skip
    return badge(status, words=words)


# --- the hand-in that is shown ----------------------------------------------------------------------------------------


def _seen(token: object) -> JobView | None:
    return job_of(store(), token, by=current_name(), role=current_role())


@protected_callback(
    Output(f"{PAGE}-progress", "children"),
    Output(f"{PAGE}-plan", "children"),
    Output(f"{PAGE}-decisions", "children"),
    Output(f"{PAGE}-show-field", "hidden"),
    Output(f"{PAGE}-tick", "disabled"),
    Output(f"{PAGE}-changed", "data"),
    Input(f"{PAGE}-job", "value"),
    Input(f"{PAGE}-tick", "n_intervals"),
    Input(f"{PAGE}-decided", "data"),
    State(f"{PAGE}-changed", "data"),
    permission=Permission.VIEW_IMPORTS,
    scoped=False,
)
def show_job(token: Any, _ticks: Any, decided: Any, known: Any) -> tuple[Any, ...]:
    """Show how the hand-in stands; while it runs only its progress, so that nothing moves under the reader's hands."""
    if not token:
        return None, None, None, True, True, ""
    view = _seen(token)
    if view is None:
        gone = _("已經處理完、取消了，或不是您交的。匯入過的在下面的匯入紀錄裡。")
        return None, [empty_state(_("找不到這一次交的檔案"), gone)], None, True, True, ""
    mark = f"{view.token}:{view.state}:{decided}"
    if view.is_running and mark == known:
        return (_progress(view), *[no_update] * 3, False, no_update)
    has_files = view.plan is not None and not view.is_running and view.state != "cancelled"
    decisions = _decisions(view) if view.state in ("planned", "refused") or view.is_running else None
    return _progress(view), _outcome(view), decisions, not has_files, not view.is_running, mark


def _progress(view: JobView) -> Any:
    """While it runs how far it is; afterwards one sentence for who cannot see that something has changed."""
    if not view.is_running:
        return html.P(_("檢查完成。") if view.state == "planned" else _("處理完成。"), className="visually-hidden")
    name, done, total = view.progress
    verb = {"planning": _("檢查中"), "committing": _("匯入中")}.get(view.state, "")
    if not verb:
        words = _("等候處理…")
    elif total:
        words = _("%(verb)s：第 %(n)s／%(all)s 個，%(name)s", verb=verb, n=min(done + 1, total), all=total, name=name)
    else:
        words = _("%(verb)s…", verb=verb)
    bar = html.Progress(value=str(done), max=str(total or 1), **aria(label=_("處理進度")))
    return html.Div([html.P(words), bar], className="lc-card lc-running")


def _outcome(view: JobView) -> list[Any]:
    if view.is_running:
        return []
    if view.state in ("cancelled", "failed"):
        why = view.error or _("沒有寫入任何資料。")
        title = _("已取消") if view.state == "cancelled" else _("這一次沒有完成")
        return [html.Div(empty_state(title, why, _("交別的檔案"), "/imports"))]
    plan = view.plan or {"reports": [], "effects": []}
    is_done = view.state == "done"
    left_out = sum(file.left_out for file in view.files)
    parts: list[Any] = [html.Div(_job_badge(view))]
    if view.error:
        parts.append(html.P(view.error, className="lc-said"))
    if plan["effects"]:
        parts.append(plan_effects(plan["effects"], is_done=is_done))
    elif any(state_of(report) != MEND for report in plan["reports"]):
        parts.append(html.P(_("畫面上的數字不會因此改變。")))
    if is_done:
        parts.append(_next_steps(view))
    elif plan.get("rejected_rows"):
        parts.append(_download(f"/imports/jobs/{view.token}/rejected.xlsx", plan["rejected_rows"]))
        parts.append(
            html.P(
                _(
                    "可以先按「只收沒有問題的列」匯入其他列，再把改好的這幾列另外交一次；也可以直接改原來的檔案，用同樣的檔名再放進來。"
                ),
                className="lc-muted",
            )
        )
    waits = {} if is_done else data(adds_to=view.token)
    content = html.Div(parts, className="lc-stack", **waits)
    return [
        card(
            content, id=f"{PAGE}-summary", title=plan_sentence(plan, left_out=left_out, is_done=is_done),
            question=_("已經寫入") if is_done else _("還沒有寫入任何資料。要修正的檔案，改好後拖到上面的框，會換掉同名的檔案"), wide=True,
        )
    ]  # fmt: skip


def _next_steps(view: JobView) -> html.Div:
    links = [
        inside(_("看總覽"), "/", css="btn btn-primary"),
        inside(_("復原這次匯入"), f"?batch={view.batch_id}", css="btn btn-outline-primary"),
        inside(_("交別的檔案"), "/imports", css="btn btn-outline-primary"),
    ]
    rejected = (view.plan or {}).get("rejected_rows", 0)
    if rejected:
        links.append(_download(f"/imports/{view.batch_id}/rejected.xlsx", rejected))
    return html.Div(links, className="lc-actions")


def _download(href: str, rows: int) -> html.A:
    return html.A(_("下載退回的 %(n)s 列，改好再交", n=rows), href=href, download="", className="lc-more")


@protected_callback(
    Output(f"{PAGE}-files", "children"),
    Input(f"{PAGE}-show", "value"),
    Input(f"{PAGE}-changed", "data"),
    State(f"{PAGE}-job", "value"),
    permission=Permission.VIEW_IMPORTS,
    scoped=False,
)
def show_files(show: Any, _changed: Any, token: Any) -> Any:
    """List the files of the hand-in, all or those that want a person."""
    view = _seen(token) if token else None
    if view is None or view.plan is None or view.is_running or view.state == "cancelled":
        return None
    shown = show if isinstance(show, str) else EVERYTHING
    return plan_files(view.plan["reports"], show=shown, is_done=view.state == "done")


# --- deciding ---------------------------------------------------------------------------------------------------------


def _pairs(view: JobView) -> dict[str, str]:
    """Every renaming that was suggested or is confirmed already: new heading → known heading."""
    reports = (view.plan or {"reports": []})["reports"]
    suggested = {each["heading"]: each["title"] for report in reports for each in report["renames"]}
    return dict(view.options.renames) | suggested


def _decisions(view: JobView) -> html.Section:
    """Everything a person can say about a hand-in; what is not asked is hidden, as the buttons' callback wants it there."""
    reports = (view.plan or {"reports": []})["reports"] if not view.is_running else []
    alarms = {alarm: report["file"] for report in reports for alarm in report["alarms"]}
    left_out = [file.name for file in view.files if file.left_out]
    doubtful = dict.fromkeys([r["file"] for r in reports if state_of(r) == MEND or r["alarms"]])
    leave = [name for name in (file.name for file in view.files) if name in doubtful or name in left_out]
    pairs = _pairs(view)
    asks_year = view.options.year is not None or _lacks_year(view)
    seen = [alarm for alarm in view.options.acknowledged if alarm in alarms]
    values = (seen, list(view.options.renames), left_out, view.options.year, "")
    no_commit, no_good, reason = _standing(view, *values)
    rejected = sum(report["rejected"] for report in reports)
    fields = [
        _ticks("alarms", _("我看過了，照樣匯入"), [(a, f"{file}：{a}") for a, file in alarms.items()], seen),
        _ticks("renames", _("欄位改名（勾選後按「重新檢查」）"), [(new, _("「%(new)s」就是「%(old)s」", new=new, old=old)) for new, old in pairs.items()], list(view.options.renames)),
        _ticks("leave", _("先不匯入這些檔案（勾選後按「重新檢查」）"), [(name, name) for name in leave], left_out),
        _field("year", _("沒有學年欄的名冊是哪一個學年度？（例：113）"), hidden=not asks_year or view.is_running, type="number", value=view.options.year, min=90, max=200),
        _field("password", _("壓縮檔的密碼（只用這一次，不會保存）"), hidden=not view.asks_password or view.is_running, type="password", value="", autocomplete="off"),
    ]  # fmt: skip
    running = view.is_running
    buttons = [
        _button("commit", _("匯入"), "btn-primary", hidden=running, disabled=no_commit),
        _button("good", _("只收沒有問題的列"), "btn-outline-primary", hidden=running or not rejected, disabled=no_good),
        _button("replan", _("重新檢查"), "btn-outline-primary", hidden=running),
        _button("cancel", _("取消"), "btn-outline-primary"),
    ]
    said = html.P(reason, id=f"{PAGE}-reason", className="lc-muted", hidden=running, **aria(live="polite"))
    title = html.H2(_("決定"), className="visually-hidden")
    return html.Section(
        [title, *fields, said, html.Div(buttons, className="lc-actions")], className="lc-card lc-decide"
    )


def _lacks_year(view: JobView) -> bool:
    """Tell whether a list without a school year waits for somebody to say which it is of."""
    reports = (view.plan or {"reports": []})["reports"]
    return any("學年欄" in error["message"] for report in reports for error in report["errors"])


def _ticks(name: str, legend: str, options: Sequence[tuple[str, str]], value: Sequence[str]) -> html.Fieldset:
    offered = [{"value": key, "label": words} for key, words in options]
    return html.Fieldset(
        [html.Legend(legend), dbc.Checklist(id=f"{PAGE}-{name}", options=offered, value=list(value))], hidden=not options
    )  # fmt: skip


def _field(name: str, label: str, *, hidden: bool, **control: Any) -> html.Div:
    field = dbc.Input(id=f"{PAGE}-{name}", **control)
    return html.Div([html.Label(label, htmlFor=f"{PAGE}-{name}"), field], className="lc-field lc-short", hidden=hidden)


def _button(name: str, words: str, css: str, *, hidden: bool = False, disabled: bool = False) -> html.Button:
    return html.Button(
        words, id=f"{PAGE}-{name}", type="button", className=f"btn {css}", hidden=hidden, disabled=disabled, n_clicks=0,
        **aria(describedby=f"{PAGE}-reason"),
    )  # fmt: skip


def _standing(view: JobView, alarms: Any, renames: Any, leave: Any, year: Any, password: Any) -> tuple[bool, bool, str]:
    """Say whether 匯入 and 只收沒有問題的列 cannot be pressed yet, and why, by what is ticked and filled in."""
    left_out = {file.name for file in view.files if file.left_out}
    differs = (
        set(_texts(renames)) != set(view.options.renames)
        or set(_texts(leave)) != left_out
        or _year(year) != view.options.year
        or bool(password)
    )
    if differs:
        return True, True, _("您改了上面的選擇：請先按「重新檢查」，再匯入。")
    if view.asks_password:
        return True, True, _("請先填壓縮檔的密碼，再按「重新檢查」。")
    if _lacks_year(view):
        return True, True, _("請先填學年度，再按「重新檢查」。")
    if view.state == "refused":
        return True, True, _("這一次沒有寫入任何資料：請改好再交，或按「重新檢查」再看一次。")
    said = Options(acknowledged=tuple(_texts(alarms)))
    stops = replace(view, options=said).stopped_by
    stops_good = replace(view, options=replace(said, take_good_rows=True)).stopped_by
    if stops and not stops_good:
        return True, False, _("還不能整批匯入：%(why)s。退回的列會留在這裡供您下載。", why="；".join(stops))
    if stops:
        return True, True, _("還不能匯入：%(why)s。", why="；".join(stops))
    return False, True, _("可以匯入。匯入之後還可以復原。")


def _texts(value: Any) -> list[str]:
    return [each for each in value if isinstance(each, str)] if isinstance(value, list) else []


def _year(value: Any) -> int | None:
    """Read a school year; what is none is None, and the service says what it wants where it gets another number."""
    text = str(value) if isinstance(value, (int, str)) and not isinstance(value, bool) else ""
    return int(text) if text.isascii() and text.isdigit() and len(text) < 5 else None


@protected_callback(
    Output(f"{PAGE}-commit", "disabled"),
    Output(f"{PAGE}-good", "disabled"),
    Output(f"{PAGE}-reason", "children"),
    *[Input(f"{PAGE}-{name}", "value") for name in TICKED],
    State(f"{PAGE}-job", "value"),
    permission=Permission.IMPORT,
    scoped=False,
    prevent_initial_call=True,
)
def show_standing(*values: Any) -> tuple[Any, Any, Any]:
    """Say after each tick whether it can be imported now, and if not why."""
    *ticked, token = values
    view = _seen(token)
    return (True, True, "") if view is None else _standing(view, *ticked)


@protected_callback(
    Output(f"{PAGE}-decided", "data"),
    Output(f"{PAGE}-answer", "children"),
    *[Input(f"{PAGE}-{name}", "n_clicks") for name in ACTIONS],
    *[State(f"{PAGE}-{name}", "value") for name in (*TICKED, "job")],
    permission=Permission.IMPORT,
    scoped=False,
    prevent_initial_call=True,
)
def take_decision(*values: Any) -> tuple[Any, Any]:
    """Do what the button says with what is ticked; a refusal is said in words and nothing is lost."""
    action = _pressed(ACTIONS)
    if action is None or not any(values[: len(ACTIONS)]):
        return no_update, no_update
    alarms, renames, leave, year, password, token = values[len(ACTIONS) :]
    view = _seen(token)
    confirmed = set(_texts(renames))
    pairs = {new: old for new, old in _pairs(view).items() if new in confirmed} if view is not None else {}
    try:
        decide(
            store(), token, action="commit" if action == "good" else action, by=current_name(), role=current_role(),
            acknowledged=_texts(alarms), renames=pairs, year=_year(year), take_good_rows=action == "good",
            leave_out=_texts(leave), password=password if isinstance(password, str) else "",
        )  # fmt: skip
    except ServiceError as error:
        return no_update, [html.P(str(error), className="lc-said")]
    return datetime.now().isoformat(), []


def _pressed(names: Sequence[str]) -> str | None:
    """Name the button behind this callback; what the browser says of it may be anything."""
    buttons = {f"{PAGE}-{name}.n_clicks": name for name in names}
    said = [each.get("prop_id") for each in ctx.triggered]
    return next((buttons[prop] for prop in said if isinstance(prop, str) and prop in buttons), None)


# --- the history ------------------------------------------------------------------------------------------------------


def _batches() -> list[Batch]:
    return list_batches(store(), limit=MOST_BATCHES, with_reasons=may(Permission.CORRECT))


@protected_callback(
    Output(f"{PAGE}-history", "children"),
    Output(f"{PAGE}-page-words", "children"),
    Output(f"{PAGE}-turning", "hidden"),
    Output(f"{PAGE}-later", "disabled"),
    Output(f"{PAGE}-earlier", "disabled"),
    Input(f"{PAGE}-kind", "value"),
    Input(f"{PAGE}-page", "value"),
    Input(f"{PAGE}-changed", "data"),
    Input(f"{PAGE}-undone", "data"),
    permission=Permission.VIEW_IMPORTS,
    scoped=False,
)
def show_history(kind: Any, page: Any, *_changes: Any) -> tuple[Any, ...]:
    """List the imports, newest first, of one kind of list where that is asked for."""
    found = _batches()
    if isinstance(kind, str) and kind not in ("", EVERYTHING):
        # Of each import only what it brought of this kind: what a figure rests on.
        kept = [replace(batch, files=tuple(file for file in batch.files if file.kind == kind)) for batch in found]
        found = [batch for batch in kept if batch.files]
    if not found:
        words = _("交出第一批檔案之後，這裡會列出每一次匯入：誰、什麼時候、哪些檔案、改了多少，並可以復原。")
        return empty_state(_("還沒有匯入紀錄"), words, level=3), "", True, True, True
    pages = -(-len(found) // BATCHES_A_PAGE)
    number = min(_year(page) or 1, pages)
    shown = found[(number - 1) * BATCHES_A_PAGE : number * BATCHES_A_PAGE]
    table = history_table(shown, may_undo=may(Permission.IMPORT))
    words = _("第 %(n)s 頁，共 %(all)s 頁（%(total)s 次）", n=number, all=pages, total=len(found))
    return table, words, pages == 1, number == 1, number == pages


@protected_callback(
    Output(f"{PAGE}-page", "value"),
    Input(f"{PAGE}-later", "n_clicks"),
    Input(f"{PAGE}-earlier", "n_clicks"),
    Input(f"{PAGE}-kind", "value"),
    State(f"{PAGE}-page", "value"),
    permission=Permission.VIEW_IMPORTS,
    scoped=False,
    prevent_initial_call=True,
)
def turn_page(_later: Any, _earlier: Any, _kind: Any, page: Any) -> str:
    """Turn to newer or older imports; another kind starts at the newest."""
    step = {"later": -1, "earlier": 1}.get(_pressed(("later", "earlier")) or "")
    number = max(1, (_year(page) or 1) + step) if step else 1
    return "" if number == 1 else str(number)


@protected_callback(
    Output(f"{PAGE}-taken", "children"),
    Input(f"{PAGE}-batch", "value"),
    Input(f"{PAGE}-undone", "data"),
    permission=Permission.VIEW_IMPORTS,
    scoped=False,
)
def show_batch(batch_id: Any, undone: Any) -> Any:
    """Show one import, what taking it back would do, and the button that does it."""
    if not batch_id:
        return None
    batch = batch_of(store(), batch_id, with_reasons=may(Permission.CORRECT))
    if batch is None:
        return empty_state(_("沒有這一次匯入"), _("請從下面的匯入紀錄選擇。"), _("看匯入紀錄"), "/imports")
    said = undone if isinstance(undone, str) and batch.state == "undone" else ""
    return batch_detail(batch, id=PAGE, may_undo=may(Permission.IMPORT), said=said)


@protected_callback(
    Output(f"{PAGE}-undone", "data"),
    Output(f"{PAGE}-undo-answer", "children"),
    Input(f"{PAGE}-undo", "n_clicks"),
    State(f"{PAGE}-batch", "value"),
    permission=Permission.IMPORT,
    scoped=False,
    prevent_initial_call=True,
)
def take_back(clicks: Any, batch_id: Any) -> tuple[Any, Any]:
    """Take an import back, or say why it cannot be."""
    if not clicks:
        return no_update, no_update
    try:
        count = undo(store(), batch_id, by=current_name())
    except ServiceError as error:
        return no_update, [html.P(str(error), className="lc-said")]
    return cast("str", _("已復原，收回或改回 %(n)s 筆資料。", n=count)), []
