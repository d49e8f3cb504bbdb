"""What the forms of the awards' page post, and the 敘獎建議名冊 of those whom the convener approved."""

from __future__ import annotations

import io
from collections.abc import Callable
from datetime import datetime
from typing import Any
from urllib.parse import urlencode

from flask import Flask, Response, abort, make_response, redirect, render_template, request
from flask_babel import force_locale
from odfdo import Document, Header, Paragraph
from odfdo import Table as OdfTable

from dashboard.access.roles import Permission
from dashboard.access.session import current_account, current_name, may, store
from dashboard.access.trail import record
from dashboard.components.awards import counter_words, facts_words, in_short, outcome_word
from dashboard.components.dates import day_of, roc_date, roc_datetime
from dashboard.components.words import aside
from dashboard.exports.pack.setting import SettingError, compile_pdf, need_fonts, written_cell
from dashboard.exports.tables import Column, Row, Sheet, to_ods, to_xlsx
from dashboard.frame import own_words, term_name
from dashboard.i18n import N_, language
from dashboard.i18n import gettext as _
from dashboard.services import awards
from dashboard.services.awards import OWN_STEPS, Actor, AwardError, Awards, Case
from dashboard.services.typed import whole_number

TYPES = {
    "pdf": "application/pdf", "odt": "application/vnd.oasis.opendocument.text",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet", "ods": "application/vnd.oasis.opendocument.spreadsheet",
}  # fmt: skip
_LONGEST = 2000  # of a field
COLUMNS = (
    Column("staff_code", N_("教師代碼")), Column("name", N_("姓名")), Column("grade", N_("建議的獎勵")),
    Column("criterion", N_("標準"), definition=N_("學校自訂、由會議決議採用的標準；人工提案則寫具體事實")),
    Column("basis", N_("依據"), definition=N_("各條件與提案時查到的數字，附 n/N 與 95% 區間")),
    Column("counter", N_("反面的事實"), definition=N_("逾期、延長期限、送達時間、請假、替別人與由別人完成")),
    Column("resolution", N_("評核的決議")), Column("decided_on", N_("召集人決定"), "day"),
    Column("sha256", N_("凍結依據的 SHA-256"), definition=N_("提案時凍結的依據，之後不再改變")),
)  # fmt: skip
SHEET = Sheet("commendation", N_("敘獎建議名冊"), COLUMNS)
SHORT = ("staff_code", "name", "grade", "criterion", "resolution", "decided_on")  # columns that fit a page


def install_commendation(server: Flask) -> None:
    """Add the routes: each form of the page, and the list."""
    server.add_url_rule("/commendation/examples", "award_examples", load_examples, methods=["POST"])
    server.add_url_rule("/commendation/criteria", "award_criterion", add_criterion, methods=["POST"])
    server.add_url_rule(
        "/commendation/criteria/<int(max=2147483647):number>/<step>",
        "award_ruling",
        rule_on_criterion,
        methods=["POST"],
    )
    server.add_url_rule("/commendation/cases", "award_draft", draft, methods=["POST"])
    server.add_url_rule(
        "/commendation/cases/<int(max=2147483647):number>/<step>", "award_step", take_step, methods=["POST"]
    )
    server.add_url_rule("/commendation/list.<suffix>", "award_list", award_list)


def load_examples() -> Response:
    """Load the samples, none of which is in use."""
    return _written(Permission.PROPOSE_AWARDS, lambda _form: awards.load_examples(store(), by=current_name()))


def add_criterion() -> Response:
    """Write a criterion or a new version of one, and show it."""

    def write(form: dict[str, str]) -> str:
        return f"criterion-{awards.add_criterion(store(), form, by=current_name())}"

    return _written(Permission.PROPOSE_AWARDS, write)


def rule_on_criterion(number: int, step: str) -> Response:
    """Write which resolution took a criterion into use or out of it."""
    steps: dict[str, Callable[..., None]] = {"adopt": awards.adopt, "end": awards.end}
    if not may(Permission.PROPOSE_AWARDS):
        abort(403)
    if step not in steps:
        abort(404)

    def write(form: dict[str, str]) -> str:
        steps[step](store(), number, whole_number(form.get("resolution", "")), by=current_name())
        return f"criterion-{number}"

    return _written(Permission.PROPOSE_AWARDS, write)


def draft() -> Response:
    """Open a case, and show it."""
    return _written(Permission.PROPOSE_AWARDS, lambda form: f"case-{awards.draft(store(), form, actor=_actor())}")


def take_step(number: int, step: str) -> Response:
    """Take a step of a case. Whoever may not see it learns nothing of whether it is there."""
    permission = _permission_of(step)
    if not may(permission):
        abort(403)
    if step in OWN_STEPS and awards.read_own(store(), current_account().staff_code).case(number) is None:
        abort(404)

    def write(form: dict[str, str]) -> str:
        awards.take(store(), number, step, form, actor=_actor())
        return f"case-{number}"

    return _written(permission, write)


def _permission_of(step: str) -> Permission:
    if step in OWN_STEPS:
        return Permission.VIEW_OWN_CASE
    return Permission.DECIDE_AWARDS if step in awards.DECISIONS else Permission.PROPOSE_AWARDS


def _actor() -> Actor:
    account = current_account()
    return Actor(account.username, account.staff_code, account.role.value)


def _written(permission: Permission, write: Callable[[dict[str, str]], Any]) -> Response:
    """Do what the form says and go back to the page; what cannot be is said in words, and nothing is written."""
    if not may(permission):
        abort(403)
    form = {name: value[:_LONGEST] for name, value in request.form.items()}
    try:
        about = write(form)
    except AwardError as error:
        page = render_template("error.html", status=400, text=str(error), code="", language=language())
        return make_response(page, 400)
    query = {"term": form.get("term", "")[:4], "about": about or ""}
    if about and about.startswith("case-") and may(Permission.VIEW_AWARDS):
        found = awards.read_awards(store()).case(int(about.removeprefix("case-")))
        query["term"] = str(found.term) if found else ""
    return redirect("/commendation?" + urlencode({name: value for name, value in query.items() if value}), 303)  # type: ignore[return-value]


# --- the list ---------------------------------------------------------------------------------------------------------


def award_list(suffix: str) -> Response:
    """Return the 敘獎建議名冊 of a term, in Chinese as it goes to the personnel office; only approved cases are on it."""
    if not (may(Permission.VIEW_AWARDS) and may(Permission.EXPORT)):
        abort(403)
    said = request.args.get("term", "")
    if suffix not in TYPES or not (len(said) == 4 and said.isascii() and said.isdigit() and said[3] in "12"):
        abort(404)
    term, made_at = int(said), awards.now().replace(microsecond=0)
    known = awards.read_awards(store())
    cases = sorted(
        (each for each in known.cases if each.term == term and awards.state_of(each.steps) == awards.APPROVE),
        key=lambda case: (case.staff_code, case.id),
    )
    make = {"odt": _odt, "pdf": _pdf, "xlsx": _xlsx, "ods": _ods}[suffix]
    try:
        with force_locale("zh_Hant_TW"):
            content = make(term, [_entry(known, each) for each in cases], made_at)
    except (SettingError, AwardError) as error:
        page = render_template("error.html", status=503, text=str(error), code="", language=language())
        return make_response(page, 503)
    record(
        "export", detail={"table": SHEET.key, "format": suffix, "rows": len(cases), "term": term}
    )  # no audit line, no file
    response = Response(content, content_type=TYPES[suffix])
    response.headers["Content-Disposition"] = f'attachment; filename="commendation-{term}-{made_at:%Y%m%d}.{suffix}"'
    return response


def _entry(known: Awards, case: Case) -> dict[str, Any]:
    """Say what a line of the list says: the basis is the frozen one."""
    frozen = awards.evidence_of(store(), case)
    sha256, evidence = frozen if frozen is not None else ("", {"finding": None})
    finding, criterion = evidence["finding"], known.criterion(case.criterion_id)
    assessed = next(each for each in case.steps if each.kind == awards.ASSESS)
    ruled = known.resolutions.get(assessed.resolution_id or 0)
    lines = (
        [f"{outcome_word(finding['outcome'])}：{in_short(finding)}", *facts_words(finding)] if finding else [case.facts]
    )
    counter = counter_words(finding) if finding else []
    said = [step.reason for step in case.steps if step.kind in (awards.COMMENT, awards.OBJECT)]
    return {
        "staff_code": case.staff_code, "name": known.names.get(case.staff_code, ""), "grade": case.grade,
        "criterion": _("%(name)s（第 %(n)s 版）", name=criterion.name, n=criterion.version) if criterion else _("人工提案：%(facts)s", facts=case.facts),
        "basis": "；".join(lines), "counter": "；".join(counter), "resolution": ruled.number if ruled else "",
        "decided_on": case.steps[-1].at.date(), "sha256": sha256, "lines": lines, "counter_lines": counter, "said": said,
        "as_of": day_of(case.as_of) if case.as_of else "",
    }  # fmt: skip


def _rows(entries: list[dict[str, Any]]) -> list[Row]:
    return [[entry[column.key] for column in COLUMNS] for entry in entries]


def _notes(term: int, made_at: datetime) -> list[str]:
    return [
        _(
            "%(term)s，%(when)s 由 %(user)s 匯出。",
            term=term_name(term),
            when=roc_datetime(made_at),
            user=own_words(),
        ),
        _("列入的是工作小組評核、召集人同意提請敘獎的人，依教師代碼排列，不是名次；是否敘獎由考核（考績）委員會決定。"),
        _("依據是提案時凍結的數字；上傳、勾選與通過率都沒有用作條件。"),
        _("同一學年的獎懲相抵與累計（三次嘉獎為一次記功、三次記功為一次記大功）由人事單位辦理。"),
    ]


def _title(term: int) -> str:
    return _("%(term)s　學生學習歷程檔案敘獎建議名冊", term=term_name(term))


def _about(term: int, made_at: datetime) -> list[list[list[str]]]:
    definitions = [
        [_("欄位"), _("定義")],
        *([_(column.title), _(column.definition) if column.definition else ""] for column in COLUMNS),
    ]
    return [[[_title(term)], *([line] for line in _notes(term, made_at))], definitions]


def _xlsx(term: int, entries: list[dict[str, Any]], made_at: datetime) -> bytes:
    return to_xlsx((SHEET, _rows(entries)), about=_about(term, made_at), made_at=made_at)


def _ods(term: int, entries: list[dict[str, Any]], made_at: datetime) -> bytes:
    return to_ods((SHEET, _rows(entries)), about=_about(term, made_at))


def _short(entries: list[dict[str, Any]]) -> tuple[list[Column], list[list[str]]]:
    columns = [column for column in COLUMNS if column.key in SHORT]
    return columns, [[written_cell(entry[column.key], column.kind) for column in columns] for entry in entries]


def _person(entry: dict[str, Any]) -> str:
    return f"{entry['staff_code']}　{entry['name']}{aside(entry['grade'])}"


def _paragraphs(entry: dict[str, Any]) -> list[str]:
    """Write the basis of one person."""
    as_of = [_("數字截至 %(day)s。", day=entry["as_of"])] if entry["as_of"] else []
    counter = [_("反面的事實：%(facts)s", facts="；".join(entry["counter_lines"]))] if entry["counter_lines"] else []
    said = [_("當事人的意見：%(words)s", words=words) for words in entry["said"]]
    ruled = _("評核決議 %(number)s；召集人 %(day)s 同意；凍結的依據 SHA-256 %(hash)s", number=entry["resolution"] or "—",
              day=roc_date(entry["decided_on"]), hash=entry["sha256"][:16])  # fmt: skip
    return [_("標準：%(name)s", name=entry["criterion"]), *entry["lines"], *as_of, *counter, *said, ruled]


def _pdf(term: int, entries: list[dict[str, Any]], made_at: datetime) -> bytes:
    """Set the list as PDF/UA-1. Raises SettingError without a font."""
    columns, rows = _short(entries)
    school = store().ledger()[1].settings.school_name
    head = [{"title": _(column.title), "number": False, "wide": column.key in ("criterion",)} for column in columns]
    parts = [
        {
            "title": _title(term),
            "lines": [],
            "drawing": "",
            "drawn": "",
            "sheets": [{"title": _(SHEET.title), "columns": head, "rows": rows}],
        },
        *(
            {"title": _person(each), "lines": _paragraphs(each), "drawing": "", "drawn": "", "sheets": []}
            for each in entries
        ),
    ]
    said = {
        "title": _title(term), "school": school or _("學校"), "made": [made_at.year, made_at.month, made_at.day], "fonts": need_fonts(),
        "footer": "・".join(each for each in (school, _("敘獎建議名冊"), roc_datetime(made_at)) if each), "cover": [], "nothing": _("（沒有）"),
        "findings_title": _("說明"), "findings": [_("共 %(n)s 人。", n=len(entries)), *_notes(term, made_at)], "parts": parts, "annex": [],
    }  # fmt: skip
    return compile_pdf(said, made_at)


def _odt(term: int, entries: list[dict[str, Any]], made_at: datetime) -> bytes:
    document = Document("text")
    body = document.body
    body.clear()
    body.append(Header(1, _title(term)))
    for line in (_("共 %(n)s 人。", n=len(entries)), *_notes(term, made_at)):
        body.append(Paragraph(line))
    columns, rows = _short(entries)
    table = OdfTable("commendation")
    table.set_values([[_(column.title) for column in columns], *rows])
    body.append(table)
    for each in entries:
        body.append(Header(2, _person(each)))
        for line in _paragraphs(each):
            body.append(Paragraph(line))
    buffer = io.BytesIO()
    document.save(buffer)
    return buffer.getvalue()
