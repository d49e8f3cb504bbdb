"""人工登錄: what no export carries, entered with a reason, shown as made by hand, and taken back when wrong."""

from __future__ import annotations

from typing import Any

import dash_bootstrap_components as dbc
from dash import Input, Output, State, ctx, html, register_page
from flask_babel import gettext as _

from dashboard.access.guard import protected_callback
from dashboard.access.roles import Permission
from dashboard.access.session import current_name, current_scope, store
from dashboard.access.trail import record_student_view
from dashboard.components.attributes import aria
from dashboard.components.badge import badge
from dashboard.components.card import card
from dashboard.components.dates import roc_date
from dashboard.components.filter_bar import date_input, select
from dashboard.components.links import inside
from dashboard.frame import answer, frame
from dashboard.services.corrections import FORMS, Choices, CorrectionError, choices, enter, waiting_items
from dashboard.services.filters import View

PAGE = "corrections"
FIELDS = (
    "term", "student", "items", "principal", "teacher", "order", "from", "to", "kind", "class", "roster", "batch", "training", "audience",
    "day", "title", "unit", "count", "reason",
)  # fmt: skip
WIDE = ("items", "title", "reason")

register_page(
    __name__, path="/corrections", name="人工登錄", order=9, permission=Permission.CORRECT
)  # fmt: skip


def layout(**query: str | None) -> html.Div:
    """An empty place; the callback below fills it for the session's scope."""
    return frame(PAGE, _("人工登錄"), (), query, permission=Permission.CORRECT)


@protected_callback(
    Output(f"{PAGE}-head", "children"),
    Output(f"{PAGE}-body", "children"),
    Input("theme", "data"),
    permission=Permission.CORRECT,
)
def show(*values: Any) -> tuple[list[Any], list[Any]]:
    """Answer the page's question."""
    return answer(PAGE, _("人工登錄"), (), values, _body)


def _form_words() -> dict[str, str]:
    return {
        "reassign": _("改派認證：某幾件改由另一位教師承辦"), "exempt": _("免辦：某幾件不必認證"), "delegate": _("代理人：某段日子由誰代理"),
        "register": _("登錄：某班的學籍、成績、幹部或課程諮詢已登錄"), "submit": _("提交：某一份名冊已提交"), "train": _("研習：已辦理的宣導、訓練或研習"),
    }  # fmt: skip


def _body(view: View, theme: str) -> list[Any]:
    offered = choices(store(), view.scope, str(view.filters.term))
    forms = [(form, _form_words()[form]) for form in FORMS]
    fields = [
        html.Div(
            field,
            id=f"{PAGE}-{name}-field",
            hidden=name not in FORMS["reassign"],
            className="lc-whole" if name in WIDE else "",
        )
        for name, field in _fields(offered, str(view.filters.term)).items()
    ]
    save = html.Button(_("登錄"), id=f"{PAGE}-save", type="button", className="btn btn-primary", n_clicks=0)
    parts = [
        html.Div(select(f"{PAGE}-form", _("要登錄什麼"), forms, "reassign"), className="lc-form-kind"),
        html.Div(fields, className="lc-filters lc-form"),
        html.Div(save, className="lc-downloads"),
        html.Div(id=f"{PAGE}-answer", **aria(live="polite")),
    ]
    made = inside(_("查看或收回以前的人工登錄"), "/imports?kind=by_hand", css="lc-more")
    return [
        card(
            [*parts, made],
            id=f"{PAGE}-entry",
            title=_("登錄平臺匯出檔裡沒有的事"),
            question=_("每一筆都會留下誰在什麼時候登錄，並可以收回；改派、免辦與代理要寫原因"),
            footnote=[
                _("人工登錄疊在匯入的資料之上：下一次匯入不會蓋掉它，收回之後就回到匯入檔所說的樣子。"),
                _("改派與免辦從登錄的這一刻起生效；在這之前是誰承辦、有沒有逾期，都照原來的紀錄。"),
            ],
            wide=True,
        )
    ]


def _fields(offered: Choices, term: str) -> dict[str, Any]:
    """Every field there is, by name; the form in hand shows its own."""

    def text(name: str, label: str, **rest: Any) -> html.Div:
        control = dbc.Input(id=f"{PAGE}-{name}", type="text", value="", debounce=True, maxLength=200, **rest)
        return html.Div([html.Label(label, htmlFor=f"{PAGE}-{name}"), control], className="lc-field")

    nobody = [("", _("請選擇"))]  # a choice already made would be taken without a look

    def choose(name: str, label: str, options: list[tuple[str, str]], value: str = "") -> html.Div:
        return select(f"{PAGE}-{name}", label, options, value or None)

    items = html.Fieldset(
        [
            html.Legend(_("這位學生還沒有認證完成的件")),
            dbc.Checklist(id=f"{PAGE}-items", options=[], value=[]),
            html.P(_("輸入學期與學號後會列在這裡。"), id=f"{PAGE}-items-note", className="lc-muted"),
        ],
        className="lc-field",
    )
    return {
        "term": choose("term", _("學期"), offered.term, term),
        "student": text("student", _("學號")),
        "items": items,
        "principal": choose("principal", _("被代理的教師"), nobody + offered.teacher),
        "teacher": choose("teacher", _("由哪位教師承辦"), nobody + offered.teacher),
        "order": choose("order", _("順位"), [(str(n), str(n)) for n in range(1, 6)], "1"),
        "from": date_input(f"{PAGE}-from", _("起日")),
        "to": date_input(f"{PAGE}-to", _("迄日（含當天）")),
        "kind": choose("kind", _("登錄項目"), offered.kind, offered.kind[0][0]),
        "class": choose("class", _("班級"), nobody + offered.class_name),
        "roster": choose("roster", _("名冊"), offered.roster, offered.roster[0][0]),
        "batch": choose(
            "batch", _("高三梯次"), [("0", _("不分梯次")), ("1", _("第一梯次")), ("2", _("第二梯次"))], "0"
        ),
        "training": choose("training", _("類別"), offered.training, offered.training[0][0]),
        "audience": choose("audience", _("對象"), offered.audience, offered.audience[0][0]),
        "day": date_input(f"{PAGE}-day", _("日期")),
        "title": text("title", _("名稱")),
        "unit": text("unit", _("負責單位")),
        "count": text("count", _("人數（可不填）"), inputMode="numeric"),
        "reason": text("reason", _("原因")),
    }


@protected_callback(
    *[Output(f"{PAGE}-{name}-field", "hidden") for name in FIELDS],
    Input(f"{PAGE}-form", "value"),
    permission=Permission.CORRECT,
    scoped=False,  # which fields a form has
    prevent_initial_call=True,
)
def show_fields(form: Any) -> list[bool]:
    """Show the fields of the form in hand."""
    asked = FORMS.get(form, ()) if isinstance(form, str) else ()
    return [name not in asked for name in FIELDS]


@protected_callback(
    Output(f"{PAGE}-items", "options"),
    Output(f"{PAGE}-items", "value"),
    Output(f"{PAGE}-items-note", "children"),
    Input(f"{PAGE}-term", "value"),
    Input(f"{PAGE}-student", "value"),
    permission=Permission.CORRECT,
    prevent_initial_call=True,
)
def show_items(term: Any, student: Any) -> tuple[list[dict[str, str]], list[str], str]:
    """List what a student's certifications still wait for, within the session's scope."""
    scope = current_scope()
    if not (isinstance(term, str) and isinstance(student, str) and student.strip()):
        return [], [], _("輸入學期與學號後會列在這裡。")
    items = waiting_items(store(), scope, term=term, student_number=student.strip())
    if items:  # of a number that has none nothing is told
        record_student_view(student.strip())
    options = [
        {
            "value": str(item.round_id),
            "label": _("%(subject)s（%(name)s）第 %(number)s 件，%(day)s 送出，承辦 %(teacher)s", subject=item.subject, name=item.class_name,
                       number=item.item_number, day=roc_date(item.sent_at), teacher=item.teacher or _("未指定")),
        }
        for item in items
    ]  # fmt: skip
    return options, [], _("%(n)s 件", n=len(items)) if items else _("這個學期沒有這個學號待認證的件，請查對學號。")


@protected_callback(
    Output(f"{PAGE}-answer", "children"),
    Input(f"{PAGE}-save", "n_clicks"),
    Input(f"{PAGE}-form", "value"),
    *[State(f"{PAGE}-{name}", "value") for name in FIELDS],
    permission=Permission.CORRECT,
    prevent_initial_call=True,
)
def save(_clicks: Any, form: Any, *values: Any) -> list[Any]:
    """Make the entry, or say what is missing; nothing is written then. Another form begins without an answer."""
    scope = current_scope()
    if not _clicks or ctx.triggered_id != f"{PAGE}-save":
        return []
    named = dict(zip(FIELDS, values, strict=True))
    try:
        batch = enter(store(), scope, form if isinstance(form, str) else "", named, by=current_name())
    except CorrectionError as error:
        return [badge("attention", words=_("還沒有登錄")), html.P(str(error), role="alert")]
    return [
        badge("done", words=_("已登錄")),
        html.P(_("這一筆已經生效，並標示為人工登錄。")),
        inside(_("查看或收回這一筆"), f"/imports?batch={batch}", css="lc-more"),
    ]
