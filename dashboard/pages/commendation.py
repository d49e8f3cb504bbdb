"""敘獎: the school's criteria, what they find, and the cases; a person sees only what is about the person. It proposes, people decide."""

from __future__ import annotations

from typing import Any

from dash import Input, Output, html, register_page
from flask_babel import gettext as _

from dashboard.access.guard import protected_callback
from dashboard.access.roles import Permission
from dashboard.access.session import current_account, may, store
from dashboard.access.trail import record, record_teacher_view
from dashboard.components.attributes import aria
from dashboard.components.awards import (
    action_word,
    audience_word,
    checks_table,
    condition_words,
    counter_in_short,
    criterion_sentence,
    finding_lines,
    items_table,
    measure_word,
    moved_words,
    outcome_badge,
    outcome_word,
    period_word,
    state_badge,
    step_word,
    value_words,
)
from dashboard.components.badge import badge
from dashboard.components.card import card
from dashboard.components.dates import day_of, roc_date, roc_datetime, until
from dashboard.components.empty import empty_state
from dashboard.components.forms import choice_field, lines_field, posting_form, text_field
from dashboard.components.links import inside
from dashboard.components.numbers import count, fraction, percent
from dashboard.components.records import Record, record_table
from dashboard.components.table import data_table
from dashboard.components.words import aside, stage_name, voluntary_rule
from dashboard.frame import answer, asked, frame, ids_of, keep_address, term_name
from dashboard.services import awards
from dashboard.services.awards import (
    AUDIENCES,
    CLOSED,
    GRADES,
    MEASURES,
    MOST_CONDITIONS,
    PERIODS,
    RATES,
    THOUSANDTHS,
    UNIT,
    Actor,
    Awards,
    Case,
    Criterion,
)
from dashboard.services.filters import View

PAGE = "commendation"
FILTERS = ("term", "asof")
OF = "about"
STAGES = ("certify", "submit", "register", "confirm")
FORMATS = (("odt", "ODT"), ("pdf", "PDF"), ("xlsx", "Excel"), ("ods", "ODS"))

register_page(__name__, path="/commendation", name="敘獎", order=6.5, permission=Permission.VIEW_OWN_CASE)
keep_address(PAGE, FILTERS)


def layout(**query: str | None) -> html.Div:
    """Filters and an empty place; the callback below fills it for whoever asks."""
    return frame(PAGE, _("敘獎"), FILTERS, query, permission=Permission.VIEW_OWN_CASE, of=OF)


@protected_callback(
    Output(f"{PAGE}-head", "children"),
    Output(f"{PAGE}-body", "children"),
    Input(f"{PAGE}-{OF}", "value"),
    *[Input(each, "value") for each in ids_of(PAGE, FILTERS)],
    Input("theme", "data"),
    permission=Permission.VIEW_OWN_CASE,
)
def show(about: Any, *values: Any) -> tuple[list[Any], list[Any]]:
    """Answer the page's question: everything for those who propose or decide, else what is about the person who asks."""
    account = current_account()
    actor = Actor(account.username, account.staff_code, account.role.value)
    moment = awards.now()
    sees_all = may(Permission.VIEW_AWARDS)
    known = awards.read_awards(store()) if sees_all else awards.read_own(store(), account.staff_code)
    kind, number, code = _read_about(about, known)
    if sees_all:
        _record_look(kind, number, code, known)
    # What is shown depends on the person, on what happened to the cases, and on the minute: a time to object ends by itself.
    key = "|".join(
        (actor.username, actor.staff_code, awards.stamp(store()), f"{moment:%Y%m%d%H%M}", kind, str(number), code)
    )

    def body(view: View, _theme: str) -> list[Any]:
        if not sees_all:
            return _own(view, known, actor)
        return _all(view, known, actor, kind, number, code)

    return answer(PAGE, _("敘獎"), FILTERS, values, body, about=key)


def _read_about(about: Any, known: Awards) -> tuple[str, int, str]:
    """Read case-5, criterion-3 or criterion-3-T001; what is none of them, or not there, is about nothing."""
    kind, _dash, rest = (about if isinstance(about, str) and len(about) < 80 else "").partition("-")
    said, _dash, code = rest.partition("-")
    number = int(said) if said.isascii() and said.isdigit() and len(said) < 10 else 0
    if kind == "case" and known.case(number) is not None and not code:
        return kind, number, ""
    if kind == "criterion" and known.criterion(number) is not None:
        return kind, number, code if code.isprintable() else ""
    return "", 0, ""


def _record_look(kind: str, number: int, code: str, known: Awards) -> None:
    """Note whose evidence was looked at, or that everybody's findings were; before anything is answered."""
    case = known.case(number) if kind == "case" else None
    if case is not None:
        record_teacher_view(case.staff_code)
    elif kind == "criterion" and code in known.names:
        record_teacher_view(code)
    else:
        record("view_awards", about=f"{kind}:{number}" if kind else "")


# --- the person's own -------------------------------------------------------------------------------------------------


def _own(view: View, known: Awards, actor: Actor) -> list[Any]:
    if not actor.staff_code:
        why = _("這個帳號沒有教師代碼，無法知道哪些案子和您有關；請洽系統管理者。")
        return [empty_state(_("沒有可以顯示的案子"), why)]
    said = _("和您有關的敘獎案 %(n)s 件", n=count(len(known.cases)))
    if not known.cases:
        why = _("有人為您提案的時候，這裡會列出依據與反面的事實，並請您在期間內表示意見。")
        return [html.P(said), empty_state(_("目前沒有和您有關的敘獎案"), why)]
    return [html.P(said), *(_case_card(view, known, each, actor, everything=False) for each in reversed(known.cases))]


# --- everything -------------------------------------------------------------------------------------------------------


def _all(view: View, known: Awards, actor: Actor, kind: str, number: int, code: str) -> list[Any]:
    of_term = [each for each in known.cases if each.term == view.filters.term]
    parts: list[Any] = [html.P(_said(view, of_term))]
    if not actor.staff_code:
        words = _("您的帳號沒有教師代碼，無法確認是不是當事人，所以不能提案、評核或決定；請系統管理者先設定教師代碼。")
        parts.append(html.P(words, className="lc-banner", role="note"))
    case, criterion = known.case(number), known.criterion(number)
    if kind == "case" and case is not None:
        parts.append(_case_card(view, known, case, actor, everything=True))
    if kind == "criterion" and criterion is not None:
        parts += _review_cards(view, known, criterion, actor, code)
    parts.append(_cases_card(view, known, of_term))
    parts.append(_criteria_card(view, known))
    if may(Permission.PROPOSE_AWARDS):
        parts += [_form_card(view, known, criterion if kind == "criterion" else None), _by_hand_card(view)]
    parts.append(_improvement_card(view))
    return parts


def _said(view: View, of_term: list[Case]) -> str:
    states = [awards.state_of(each.steps) for each in of_term]
    said = {"term": term_name(view.filters.term), "n": count(len(of_term)), "open": count(sum(each not in CLOSED for each in states)), "approved": count(states.count("approved"))}  # fmt: skip
    return _(
        "%(term)s有 %(n)s 件敘獎案：進行中 %(open)s 件，同意提請敘獎 %(approved)s 件。系統只整理依據與反面的事實，由人決定。",
        **said,
    )


def _person(known: Awards, code: str) -> str:
    name = known.names.get(code, "")
    return f"{code}　{name}" if name else code


# --- one case ---------------------------------------------------------------------------------------------------------


def _case_card(view: View, known: Awards, case: Case, actor: Actor, *, everything: bool) -> html.Section:
    criterion = known.criterion(case.criterion_id)
    state = awards.state_of(case.steps)
    facts = [
        (_("當事人"), _person(known, case.staff_code)),
        (_("學期"), term_name(case.term)),
        (_("標準"), criterion.name if criterion else _("人工提案（指標看不到的事實）")),
        (_("建議的獎勵"), case.grade),
        *([(_("單位"), case.subject)] if case.subject != case.staff_code else []),
        *([(_("具體事實"), case.facts)] if case.facts else []),
    ]
    parts: list[Any] = [html.P(state_badge(state))]
    parts.append(html.Ul([html.Li([html.Strong(name), "　", said]) for name, said in facts], className="lc-plain"))
    heard = awards.heard_until(case.steps)
    if state == "proposed" and heard is not None:
        over = heard <= awards.now()
        words = _("表示意見的期間已經結束（%(when)s）", when=until(heard)) if over else _("可以表示意見到 %(when)s；期間結束之前不能評核", when=until(heard))  # fmt: skip
        parts.append(html.P(words))
    parts += _evidence(case, criterion)
    parts.append(html.H3(_("經過")))
    parts.append(html.Ul([html.Li(_step_words(known, each, everything=everything)) for each in case.steps if everything or each.kind != "drafted"], className="lc-plain"))  # fmt: skip
    parts += _step_forms(known, case, actor)
    title = (
        _("敘獎案 %(n)s：%(who)s", n=case.id, who=_person(known, case.staff_code))
        if everything
        else _("敘獎案 %(n)s", n=case.id)
    )
    return card(
        parts, id=f"{PAGE}-case-{case.id}", title=title, question=_("依據是什麼、反面的事實是什麼、進行到哪一步？"),
        footnote=[_("提案時凍結的依據不會再改變；之後的補正另外列在旁邊。"), _("沒有人可以處理自己的案子，提案的人也不能決定同一個案子。")], wide=True,
    )  # fmt: skip


def _step_words(known: Awards, step: Any, *, everything: bool) -> str:
    said = f"{roc_datetime(step.at)}　{step_word(step.kind)}"
    if everything:
        said += aside(step.by)
    found = known.resolutions.get(step.resolution_id or 0)
    if found is not None:
        said += _("，依決議 %(number)s", number=found.number)
    return said + (_("：%(reason)s", reason=step.reason) if step.reason else "")


def _evidence(case: Case, criterion: Criterion | None) -> list[Any]:
    try:
        frozen = awards.evidence_of(store(), case)
    except awards.AwardError as error:
        return [html.P(str(error), className="lc-form-fault", role="alert")]
    if frozen is None:
        return [html.P(_("提案的時候才凍結依據。"), className="lc-muted")]
    sha256, evidence = frozen
    parts: list[Any] = [html.H3(_("凍結的依據"))]
    finding = evidence["finding"]
    if finding is not None:
        parts += [html.P(outcome_badge(finding["outcome"])), checks_table(finding["checks"], caption=_("條件與查到的數字")), finding_lines(finding)]  # fmt: skip
    else:
        parts.append(html.P(_("人工提案，依據是上面寫的具體事實。")))
    note = "SHA-256 " + sha256[:16]
    if finding is not None:
        said = {
            "day": day_of(case.as_of),
            "imports": count(len(evidence["imports"])),
            "items": count(len(finding["items"])),
            "hash": sha256[:16],
        }
        note = _("數字截至 %(day)s；依據 %(imports)s 次匯入、%(items)s 件；SHA-256 %(hash)s", **said)
    parts.append(html.P(note, className="lc-muted"))
    items = awards.frozen_items(store(), case, criterion, evidence)
    if items:
        summary = html.Summary(_("這 %(n)s 件", n=count(len(items))))
        parts.append(html.Details([summary, items_table(items, caption=_("依據的每一件"))]))
    moved = awards.moved_since(store(), case, criterion, evidence)
    if moved:
        lines = [html.Li(moved_words(each.stage, each.name, each.then, each.now)) for each in moved]
        parts.append(html.Details([html.Summary(_("提案之後，%(n)s 個數字有補正", n=count(len(moved)))), html.Ul(lines, className="lc-plain")], open=True))  # fmt: skip
    elif finding is not None:
        parts.append(html.P(_("到現在為止，同一個問題的答案和凍結的相同。"), className="lc-muted"))
    return parts


def _step_forms(known: Awards, case: Case, actor: Actor) -> list[Any]:
    """One form with the steps that this person may take now; nothing where there is none."""
    open_to = [each for each in awards.steps_open_to(case, actor, at=awards.now()) if each != "drafted"]
    if not open_to:
        return []
    key = f"{PAGE}-step-{case.id}"
    forms: list[Any] = [html.H3(_("您可以"))]
    heard = awards.heard_until(case.steps)
    for kind in open_to:
        fields: list[Any] = []
        if kind == "assessed":
            options = [
                (str(each.id), f"{each.number}　{each.text}")
                for each in known.resolutions.values()
                if heard is not None and each.held_at >= heard
            ]
            if not options:
                words = _("評核要等表示意見的期間結束之後，開過會、寫下決議，才能登記。")
                forms.append(html.P([words, " ", inside(_("前往會議"), "/meetings")], className="lc-muted"))
                continue
            fields.append(
                choice_field(f"{key}-resolution", "resolution", _("依哪一項決議"), options, options[0][0], whole=True)
            )
        label = (
            _("意見") if kind in ("commented", "objected") else _("說明（可不填）") if kind == "agreed" else _("理由")
        )
        fields.append(text_field(f"{key}-{kind}", "reason", label, required=kind != "agreed", whole=True))
        form = posting_form(fields, action=f"/commendation/cases/{case.id}/{kind}", submit=action_word(kind), css="btn-outline-primary" if kind in ("withdrawn", "declined") else "btn-primary")  # fmt: skip
        forms.append(html.Details([html.Summary(action_word(kind)), form]))
    return forms


def _cases_card(view: View, known: Awards, of_term: list[Case]) -> html.Section:
    approved = sum(awards.state_of(each.steps) == "approved" for each in of_term)
    title = _("敘獎案 %(n)s 件，同意提請敘獎 %(approved)s 件", n=count(len(of_term)), approved=count(approved))
    if not of_term:
        content: list[Any] = [
            empty_state(_("這個學期還沒有敘獎案"), _("從標準的檢視結果，或以人工提案建立。"), level=3)
        ]
    else:
        records = []
        for each in sorted(of_term, key=lambda case: (case.staff_code, case.id)):
            criterion = known.criterion(each.criterion_id)
            link = inside(_person(known, each.staff_code), asked(view, about=f"case-{each.id}"))
            name = criterion.name if criterion else _("人工提案")
            records.append(
                Record([link, name, each.grade, state_badge(awards.state_of(each.steps)), roc_date(each.steps[-1].at)])
            )
        content = [
            record_table(
                [_("當事人"), _("標準"), _("建議的獎勵"), _("情形"), _("最近一步")], records, caption=_("敘獎案")
            )
        ]
    if approved and may(Permission.EXPORT):
        links = [html.A(_("敘獎建議名冊 %(kind)s", kind=words), href=f"/commendation/list.{suffix}?term={view.filters.term}", download="") for suffix, words in FORMATS]  # fmt: skip
        content.append(html.Div(links, className="lc-downloads"))
    footnote = [_("依教師代碼排列，不是名次。"), _("名冊只列同意提請敘獎的人；同一學年的獎懲相抵與累計（三次嘉獎為一次記功）由人事單位辦理。")]  # fmt: skip
    return card(
        content, id=f"{PAGE}-cases", title=title, question=_("誰的案子進行到哪一步？"), footnote=footnote, wide=True
    )


# --- criteria ---------------------------------------------------------------------------------------------------------


def _criteria_card(view: View, known: Awards) -> html.Section:
    proposes = may(Permission.PROPOSE_AWARDS)
    usable = [each for each in known.criteria if not awards.why_not_usable(each, awards.now())]
    title = _(
        "敘獎標準 %(n)s 項，使用中 %(used)s 項",
        n=count(len({each.series for each in known.criteria})),
        used=count(len(usable)),
    )
    content: list[Any] = []
    if known.criteria:
        records = [_criterion_record(view, known, each, proposes=proposes) for each in known.criteria]
        content.append(record_table([_("標準"), _("內容"), _("情形")], records, caption=_("敘獎標準")))
    else:
        why = _("標準由學校自己訂，經會議決議採用才能用；系統不預設任何標準。")
        content.append(empty_state(_("還沒有敘獎標準"), why, level=3))
    if proposes and not any(each.is_example for each in known.criteria):
        content.append(
            posting_form(
                [],
                action="/commendation/examples",
                hidden={"term": str(view.filters.term)},
                submit=_("載入範例（只供參考，不會啟用）"),
                css="btn-outline-primary",
            )
        )
    return card(content, id=f"{PAGE}-criteria", title=title, question=_("學校用什麼標準、由哪一次決議採用？"), footnote=[voluntary_rule(), _("認證不是評分：通過率不能作為條件。")], wide=True)  # fmt: skip


def _sentence(criterion: Criterion) -> str:
    return criterion_sentence(criterion, _conditions(criterion))


def _conditions(criterion: Criterion) -> list[dict[str, Any]]:
    return [
        {"stage": each.stage, "measure": each.measure, "threshold": each.threshold} for each in criterion.conditions
    ]


def _criterion_record(view: View, known: Awards, criterion: Criterion, *, proposes: bool) -> Record:
    adoption, resolved = criterion.adoption, ""
    if criterion.is_example:
        status, words = "not_open", _("範例")
    elif adoption is None:
        status, words = "not_open", _("還沒有決議採用")
    elif adoption.ended_at is not None:
        status, words = "not_open", _("已停止使用")
    else:
        found = known.resolutions.get(adoption.resolution_id)
        status, words = "done", _("使用中")
        resolved = _("依決議 %(number)s", number=found.number if found else "—")
    name = _("%(name)s（第 %(n)s 版）", name=criterion.name, n=criterion.version)
    link = inside(name, asked(view, about=f"criterion-{criterion.id}"))
    below: Any = None
    options = [(str(each.id), f"{each.number}　{each.text}") for each in known.resolutions.values()]
    if proposes and not criterion.is_example and (adoption is None or adoption.ended_at is None):
        step, label = ("adopt", _("登記採用的決議")) if adoption is None else ("end", _("登記停用的決議"))
        if options:
            field = choice_field(
                f"{PAGE}-{step}-{criterion.id}", "resolution", _("依哪一項決議"), options, options[-1][0], whole=True
            )
            form = posting_form(
                [field],
                action=f"/commendation/criteria/{criterion.id}/{step}",
                submit=label,
                hidden={"term": str(view.filters.term)},
            )
            below = html.Details([html.Summary(label), form])
        else:
            below = html.P(_("開過會、寫下決議之後才能採用。"), className="lc-muted")
    return Record([link, _sentence(criterion), html.Div([badge(status, words=words), html.Div(resolved)])], below=below)


def _review_cards(view: View, known: Awards, criterion: Criterion, actor: Actor, code: str) -> list[Any]:
    term, as_of = view.filters.term, view.filters.as_of
    found = awards.review_of(store(), criterion, term=term, as_of=as_of)
    outcomes = [each.outcome for each in found]
    said = {"met": count(outcomes.count("met")), "near": count(outcomes.count("near")), "all": count(len(found)), "few": count(outcomes.count("too_few")), "day": day_of(as_of)}  # fmt: skip
    of_unit = AUDIENCES[criterion.audience].subject == UNIT
    proposed = known.proposals(criterion, term)
    parts: list[Any] = [html.P(_sentence(criterion))]
    if criterion.quota:
        parts.append(html.P(_("名額 %(quota)s 名，已提案 %(n)s 名。", quota=count(criterion.quota), n=count(proposed))))
    raised, asked_of = awards.disputes_of(store(), term=term, as_of=as_of)
    said |= {"year": str(term // 10), "raised": count(raised), "students": count(asked_of)}
    parts.append(html.P(_("參考：%(year)s 學年度的收訖問題回報 %(raised)s 件（收訖明細 %(students)s 人），是全校的數字，不歸到個別教師。", **said), className="lc-muted"))  # fmt: skip
    refused = awards.why_not_usable(criterion, awards.now())
    if refused:
        parts.append(html.P(_("只能檢視，不能提案：%(why)s", why=refused), className="lc-muted"))
    mine = next((each for each in found if each.code == code), None)
    if found:
        parts += _findings(view, criterion, found, of_unit=of_unit)
    else:
        why_empty = _("沒有應辦的件數，就沒有可以檢視的結果。")
        parts.append(empty_state(_("這段期間沒有這個對象的責任"), why_empty, level=3))
    review_card = card(
        parts, id=f"{PAGE}-review", title=_("截至 %(day)s，%(met)s/%(all)s 達到，%(near)s 接近，%(few)s 件數太少", **said),
        question=_("「%(name)s」查到什麼？", name=criterion.name),
        footnote=[
            _("依代碼排列，不是名次，也沒有分數。「接近」是 95% 區間（Wilson）碰得到門檻，或日數差一日以內；沒有達到不代表有缺失。"),
            _("件數算給實際完成或承辦的人：請假期間由代理人完成的，算代理人的。"),
        ],
        wide=True,
    )  # fmt: skip
    why = [] if mine is None else [_why_card(view, known, criterion, mine, actor, usable=not refused, of_unit=of_unit)]
    return [*why, review_card]


def _findings(view: View, criterion: Criterion, found: list[Any], *, of_unit: bool) -> list[Any]:
    """Lay the findings out by code: as records with a link each, or, of many, as a table of text and a choice beside it."""
    whole = [(each, awards.shown_of(each)) for each in found]
    names = {each.code: each.code if of_unit else f"{each.code}　{each.name}" for each in found}
    asked_for = [condition_words(each) for each in _conditions(criterion)]
    who, caption = _("單位") if of_unit else _("教師"), _("檢視結果")
    if len(found) > awards.MOST_RECORDS:
        rows = [
            [names[each.code], *(value_words(one) for one in shown["checks"]), outcome_word(each.outcome), counter_in_short(shown)]
            for each, shown in whole
        ]  # fmt: skip
        options = [(f"criterion-{criterion.id}-{code}", name) for code, name in names.items()]
        hidden = {"term": str(view.filters.term)} | ({"asof": view.filters.day} if view.filters.day else {})
        field = choice_field(f"{PAGE}-why-of", OF, _("看哪一位的原因"), options, options[0][0])
        form = posting_form([field], action="/commendation", submit=_("為什麼？"), hidden=hidden, method="get")
        return [form, data_table([who, *asked_for, _("結果"), _("反面的事實")], rows, caption=caption, numeric=())]
    records = []
    for each, shown in whole:
        href = asked(view, about=f"criterion-{criterion.id}-{each.code}")
        link = inside(_("為什麼？"), href, **aria(label=_("為什麼：%(name)s", name=names[each.code])))
        against = html.P(_("反面的事實：%(facts)s", facts=counter_in_short(shown)), className="lc-muted")
        values = [value_words(one) for one in shown["checks"]]
        records.append(Record([names[each.code], *values, outcome_badge(each.outcome), link], below=against))
    return [record_table([who, *asked_for, _("結果"), _("原因")], records, caption=caption)]


def _why_card(
    view: View, known: Awards, criterion: Criterion, finding: Any, actor: Actor, *, usable: bool, of_unit: bool
) -> html.Section:
    term, as_of = view.filters.term, view.filters.as_of
    shown = awards.shown_of(finding)
    items = awards.items_of(store(), criterion, finding.code, term=term, as_of=as_of)
    parts: list[Any] = [
        html.P(outcome_badge(finding.outcome)),
        checks_table(shown["checks"], caption=_("條件與查到的數字")),
        html.H3(_("事實與反面的事實")),
        finding_lines(shown),
        html.Details(
            [html.Summary(_("這 %(n)s 件", n=count(len(items)))), items_table(items, caption=_("算進來的每一件"))]
        ),
    ]
    if may(Permission.PROPOSE_AWARDS) and usable and actor.staff_code and finding.outcome in ("met", "near"):
        hidden = {"criterion": str(criterion.id), "term": str(term), "asof": as_of.isoformat(), "subject": finding.code}
        fields = [text_field(f"{PAGE}-draft-reason", "reason", _("說明（可不填）"), required=False, whole=True)]
        if of_unit:
            options = [(each, f"{each}　{name}") for each, name in sorted(known.names.items())]
            fields.insert(0, choice_field(f"{PAGE}-draft-staff", "staff", _("這個單位的承辦人"), options, whole=True))
        form = posting_form(fields, action="/commendation/cases", submit=_("建立敘獎案草案"), hidden=hidden)
        parts.append(html.Details([html.Summary(_("建立敘獎案草案")), form]))
    name = finding.code if of_unit else f"{finding.code}　{finding.name}"
    return card(parts, id=f"{PAGE}-why", title=_("為什麼：%(name)s", name=name), question=_("結果是怎麼來的？"), footnote=_("收訖問題回報屬於學生與單位，不歸到個別教師。"), wide=True)  # fmt: skip


def _form_card(view: View, known: Awards, base: Criterion | None) -> html.Section:
    """Write a criterion; from one that is open above, a new version of it (from a sample: one of the school's own)."""
    key = f"{PAGE}-form"
    stages = [("", _("（不用）")), *((each, stage_name(each)) for each in STAGES)]
    measures = [("", _("（不用）")), *((each, measure_word(each)) for each in MEASURES)]
    fields: list[Any] = [
        text_field(f"{key}-name", "name", _("名稱"), base.name.removeprefix("範例：") if base else "", whole=True),
        choice_field(f"{key}-audience", "audience", _("對象"), [(each, audience_word(each)) for each in AUDIENCES], base.audience if base else "certifier", whole=True),
        choice_field(f"{key}-period", "period", _("期間"), [(each, period_word(each)) for each in PERIODS], base.period if base else "term"),
        text_field(f"{key}-minimum", "minimum", _("至少幾件才判斷"), str(base.minimum_count) if base else "20", kind="number"),
    ]  # fmt: skip
    for n in range(1, MOST_CONDITIONS + 1):
        condition = base.conditions[n - 1] if base and len(base.conditions) >= n else None
        fields += [
            choice_field(f"{key}-stage-{n}", f"stage-{n}", _("條件 %(n)s：階段", n=n), stages, condition.stage if condition else ""),
            choice_field(f"{key}-measure-{n}", f"measure-{n}", _("條件 %(n)s：數字", n=n), measures, condition.measure if condition else ""),
            text_field(f"{key}-threshold-{n}", f"threshold-{n}", _("條件 %(n)s：門檻", n=n), _bound(condition), required=False,
                       note=_("比率寫百分比（至少），日數與件數寫數字（至多）")),
        ]  # fmt: skip
    fields += [
        choice_field(
            f"{key}-grade",
            "grade",
            _("建議的獎勵"),
            [(each, each) for each in GRADES],
            base.grade if base else GRADES[0],
        ),
        text_field(f"{key}-quota", "quota", _("名額（可不填）"), str(base.quota or "") if base else "", required=False),
        text_field(f"{key}-from", "valid_from", _("有效期間起"), view.filters.as_of.date().isoformat(), kind="date"),
        text_field(f"{key}-until", "valid_until", _("有效期間迄（可不填）"), kind="date", required=False),
    ]
    hidden = {"term": str(view.filters.term)} | ({"series": str(base.series)} if base and not base.is_example else {})
    title = _("寫一項敘獎標準")
    if base is not None:
        title = (
            _("以「%(name)s」為底，另存成學校的標準", name=base.name)
            if base.is_example
            else _("「%(name)s」的新版本", name=base.name)
        )
    why = html.P([_("階段只列各單位與教師的責任，數字不列通過率："), voluntary_rule()], className="lc-muted")
    form = posting_form(fields, action="/commendation/criteria", submit=_("儲存（還不會啟用）"), hidden=hidden)
    return card([why, html.Details([html.Summary(_("填寫條件")), form])], id=key, title=title, question=_("給誰、看哪個數字、至少多少？"), footnote=_("每一次儲存都是新的版本，舊的版本不會改變；會議決議採用之後才能用來提案。"), wide=True)  # fmt: skip


def _bound(condition: Any) -> str:
    if condition is None:
        return ""
    value = condition.threshold * 100 / THOUSANDTHS if condition.measure in RATES else condition.threshold / THOUSANDTHS
    return f"{value:g}"


def _by_hand_card(view: View) -> html.Section:
    key = f"{PAGE}-hand"
    fields = [
        text_field(f"{key}-staff", "staff", _("教師代碼")),
        choice_field(f"{key}-grade", "grade", _("建議的獎勵"), [(each, each) for each in GRADES], GRADES[0]),
        lines_field(
            f"{key}-facts",
            "facts",
            _("具體事實"),
            "",
            rows=3,
            note=_("例如協助系統轉換、辦理研習；寫事情，不寫學生姓名。"),
        ),
    ]
    form = posting_form(
        fields, action="/commendation/cases", submit=_("建立敘獎案草案"), hidden={"term": str(view.filters.term)}
    )
    return card(html.Details([html.Summary(_("填寫事實")), form]), id=key, title=_("人工提案"), question=_("有什麼貢獻是數字看不到的？"), footnote=_("之後的步驟和其他案子相同：當事人表示意見、會議評核、召集人決定。"), wide=True)  # fmt: skip


def _improvement_card(view: View) -> html.Section:
    terms = sorted(each for each in view.choices.terms if each % 10)
    earlier = [each for each in terms if each < view.filters.term]
    key, question = f"{PAGE}-improvement", _("誰比上一個學期進步，值得說聲謝謝？")
    if not earlier:
        return card(empty_state(_("沒有上一個學期可以比較"), _("有兩個學期的認證才能比較。"), level=3), id=key, title=_("進步"), question=question, wide=True)  # fmt: skip
    before = earlier[-1]
    found = awards.improved(store(), term=view.filters.term, before=before, as_of=view.filters.as_of)
    better = found[found["improved"]]
    title = _(
        "和 %(term)s相比，%(n)s/%(all)s 位教師的準時率明顯提高",
        term=term_name(before),
        n=count(len(better)),
        all=count(len(found)),
    )
    rows = [
        [f"{row['code']}　{row['name']}", *(fraction(a, b) + aside(percent(a, b, decimals=1)) for a, b in ((row["on_time_before"], row["decided_before"]), (row["on_time"], row["decided"])))]
        for row in better.to_dict("records")
    ]  # fmt: skip
    content = data_table([_("教師"), _("上一個學期準時"), _("這個學期準時")], rows, caption=_("進步的教師")) if rows else html.P(_("沒有明顯提高的人；這不代表做得不好。"), className="lc-muted")  # fmt: skip
    return card(content, id=key, title=title, question=question, footnote=_("只供致謝，不是敘獎的條件；依代碼排列。兩個學期都至少 10 件，以 Fisher 精確檢定比較，並把誤報控制在 5%（Benjamini-Hochberg）。"), wide=True)  # fmt: skip
