"""系統管理: how the system stands, the school's settings, backups and accounts. No student or teacher rows."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import dash_bootstrap_components as dbc
from dash import Input, Output, State, ctx, html, register_page
from flask_babel import gettext as _

from dashboard.access.guard import protected_callback
from dashboard.access.roles import ROLES, Permission, Role
from dashboard.access.session import current_name, store
from dashboard.components.attributes import aria
from dashboard.components.badge import badge
from dashboard.components.card import card
from dashboard.components.dates import roc_datetime
from dashboard.components.filter_bar import select
from dashboard.components.forms import choice_field, posting_form, text_field
from dashboard.components.numbers import count
from dashboard.components.page import page_header
from dashboard.components.records import Record, record_table
from dashboard.components.settings import setting_meaning, setting_name, setting_value
from dashboard.components.words import aside, listed
from dashboard.frame import grant_facts, grant_words, plain_frame, role_words, waiting_words
from dashboard.i18n import N_
from dashboard.services import accounts, backups, grants, health, second_factor
from dashboard.services.backups import BackupError, Shelved
from dashboard.services.grants import Held
from dashboard.services.health import FAILURES_SINCE, Health
from dashboard.services.school_settings import LONGEST, SettingView, change_settings, list_settings

PAGE: Final = "admin"
FIELDS: Final = (
    "school_code", "school_name", "minimum_response_days", "upload_outcome_cap", "upload_performance_cap", "select_outcome_cap",
    "select_performance_cap", "suppression_size", "objection_days", "keep_originals", "audit_retention_years", "second_factor",
    "password_rules",
)  # fmt: skip
LITTLE_BYTES: Final = 2 * 10**9
BACKUP_DAYS: Final = 7
SHOWN_BACKUPS: Final = 20
DONE: Final = {  # what a form of accounts did, by its step
    "grant": N_("已授予職務。"),
    "delegate": N_("已設定代理。"),
    "revoke": N_("已收回職務，立刻生效。"),
    "disable": N_("已停用帳號，登入都已結束。"),
    "enable": N_("已啟用帳號，並解除鎖定。"),
    "logout": N_("已登出這個帳號的所有裝置。"),
    "second_factor": N_("已取消這個帳號的第二因素。"),
}
Line = tuple[str, str, str, str]  # of what, status, how it stands, what to do

register_page(__name__, path="/admin", name="系統管理", order=19, permission=Permission.ADMINISTER)


def layout(**query: str | None) -> html.Div:
    """An empty place; the callbacks below fill it for who may."""
    return plain_frame(PAGE, _("系統管理"), query, permission=Permission.ADMINISTER, done=DONE)


@protected_callback(
    Output(f"{PAGE}-head", "children"),
    Output(f"{PAGE}-body", "children"),
    Input("theme", "data"),
    permission=Permission.ADMINISTER,
    scoped=False,  # the system itself: nothing here belongs to a part of the school
)
def show(_theme: Any) -> tuple[list[Any], list[Any]]:
    """Show how everything stands now."""
    found = health.look(store())
    lines = _lines(found)
    wrong = [line for line in lines if line[1] in ("attention", "overdue")]
    trust = [
        _("查看時間 %(when)s", when=roc_datetime(found.looked_at)),
        _("您可檢視：系統與帳號，沒有學生與教師的資料"),
    ]
    head = page_header(_("系統管理"), trust=[html.Span(each) for each in trust], id=PAGE)
    return [head], [
        _health_card(lines, wrong),
        _settings_card(list_settings(store())),
        _backups_card(),
        _accounts_card(),
    ]


# --- how it stands ----------------------------------------------------------------------------------------------------


def _health_card(lines: Sequence[Line], wrong: Sequence[Line]) -> html.Section:
    named = listed(line[0] for line in wrong)
    said = {"n": count(len(wrong)), "all": count(len(lines)), "named": named}
    title = _("%(all)s 項中有 %(n)s 項要處理：%(named)s", **said) if wrong else _("%(all)s 項都沒有要處理的事", **said)
    words = {"done": _("正常"), "neutral": _("資訊"), "attention": _("需注意"), "overdue": _("要處理")}
    records = [
        Record([what, badge(status, words=words[status]), how, todo or "—"], status=status if status in ("attention", "overdue") else "")
        for what, status, how, todo in lines
    ]  # fmt: skip
    headers = [_("項目"), _("狀態"), _("現況"), _("要做什麼")]
    return card(
        record_table(headers, records, caption=_("系統健康")), id=f"{PAGE}-health", title=title, question=_("系統本身好不好，有沒有要處理的事"), wide=True,
    )  # fmt: skip


def _lines(found: Health) -> list[Line]:
    kind = {"sqlite": "SQLite", "postgresql": "PostgreSQL"}.get(found.dialect, found.dialect)
    current = found.revision == found.newest_revision
    return [
        (_("資料庫"), "neutral", _("%(kind)s，%(size)s", kind=kind, size=_bytes(found.size_bytes)), ""),
        (
            _("資料庫結構"), "done" if current else "overdue", _("版本 %(now)s，最新 %(newest)s", now=found.revision, newest=found.newest_revision),
            "" if current else _("執行 licheng migrate"),
        ),
        _import_line(found),
        _jobs_line(found),
        _disk_line(found),
        _backup_line(found),
        (
            _("稽核紀錄"), "overdue" if found.faults else "done",
            _("%(n)s 筆，最新的部分有 %(faults)s 處不符", n=count(found.events), faults=count(found.faults)) if found.faults
            else _("%(n)s 筆，最新的部分鏈完整", n=count(found.events)),
            _("看「稽核紀錄」頁，並執行 licheng audit verify") if found.faults else "",
        ),
        (_("資料版本"), "neutral", count(found.data_version), ""),
        (_("軟體版本"), "neutral", listed(f"{name} {number}" for name, number in found.versions.items()), ""),
    ]  # fmt: skip


def _import_line(found: Health) -> Line:
    last = found.last_import
    if last is None:
        return _("最近一次匯入"), "attention", _("還沒有匯入過"), _("請執行秘書或組長到「匯入」頁交檔案")
    states = {"kept": _("已匯入"), "undone": _("已復原"), "refused": _("退回，沒有寫入")}
    refused = last.state == "refused"
    how = _("%(when)s，%(who)s，%(state)s", when=roc_datetime(last.at), who=last.by, state=states[last.state])
    todo = _("到「匯入」頁看退回的原因") if refused else ""
    return _("最近一次匯入"), "attention" if refused else "done", how, todo


def _jobs_line(found: Health) -> Line:
    said = {
        "waiting": count(found.jobs_waiting), "undecided": count(found.jobs_undecided), "failed": count(found.jobs_failed),
        "days": FAILURES_SINCE.days,
    }  # fmt: skip
    how = _("處理中或等候 %(waiting)s 次，等人決定 %(undecided)s 次，%(days)s 天內沒有完成 %(failed)s 次", **said)
    todo = _("請交檔的人到「匯入」頁看原因") if found.jobs_failed else ""
    return _("交件"), "attention" if found.jobs_failed else "done", how, todo


def _disk_line(found: Health) -> Line:
    least = max(LITTLE_BYTES, 3 * found.size_bytes)
    little = found.free_bytes < least
    todo = _("清出空間，至少要有 %(size)s", size=_bytes(least)) if little else ""
    return _("磁碟"), "overdue" if little else "done", _("剩 %(size)s", size=_bytes(found.free_bytes)), todo


def _backup_line(found: Health) -> Line:
    if found.last_backup_at is None:
        return (
            _("備份"),
            "overdue",
            _("還沒有做過"),
            _("按下面的「立即備份」，並照 docs/operations.md 設定每天自動備份"),
        )
    days = (found.looked_at - found.last_backup_at).days
    old = days > BACKUP_DAYS
    todo = _("按下面的「立即備份」，並查看自動備份為什麼沒有執行") if old else ""
    how = (
        _("%(when)s（%(n)s 天前）", when=roc_datetime(found.last_backup_at), n=count(days))
        if days
        else roc_datetime(found.last_backup_at)
    )
    return _("備份"), "attention" if old else "done", how, todo


def _bytes(number: int) -> str:
    return f"{number / 1e9:,.1f} GB" if number >= 10**9 else f"{number / 1e6:,.1f} MB"


# --- settings ---------------------------------------------------------------------------------------------------------


def _settings_card(views: Sequence[SettingView]) -> html.Section:
    shown = [view for view in views if view.key in FIELDS]
    other = sum(view.value != view.default for view in shown)
    save = html.Button(_("儲存設定"), id=f"{PAGE}-save", type="button", className="btn btn-primary", n_clicks=0)
    return card(
        [
            html.Div([_field(view) for view in shown], className="lc-settings"),
            html.Div(save, className="lc-actions mt-3"),
            html.Div(id=f"{PAGE}-saved", **aria(live="polite")),
        ],
        id=f"{PAGE}-settings",
        title=_("%(all)s 項設定，%(n)s 項和預設不同", all=count(len(shown)), n=count(other)),
        question=_("學校自己的參數；存檔後每一頁的數字立刻照新的設定計算"),
        footnote=[
            _("每一次變更都在稽核紀錄留下原值與新值。命令列是 licheng setting，規則相同。"),
            _("進度的界線（進度正常在應有進度的 5 個百分點以內、需注意 15 個百分點以內）與閒置登出時間不是學校的設定：前者是定義，後者由主機的環境變數 LICHENG_IDLE_MINUTES 決定。"),
        ],
        wide=True,
    )  # fmt: skip


def _field(view: SettingView) -> html.Div:
    """A setting: its name, what it means, what it may be and its default."""
    field_id, hint_id = f"{PAGE}-{view.key}", f"{PAGE}-{view.key}-hint"
    hint = [setting_meaning(view.key)]
    if view.limits is not None:
        low, high = view.limits
        hint.append(_("可填 %(low)s 至 %(high)s", low=count(low), high=count(high)))
    hint.append(_("預設：%(value)s", value=setting_value(view.default)))
    note = html.P(_("；").join(hint), id=hint_id, className="lc-muted")
    if view.is_yes_or_no:
        return html.Div(
            [select(field_id, setting_name(view.key), [("no", _("否")), ("yes", _("是"))], view.value), note]
        )
    if view.choices:
        return html.Div([select(field_id, setting_name(view.key), [(each, setting_value(each)) for each in view.choices], view.value), note])  # fmt: skip
    control = dbc.Input(
        id=field_id, type="text", value=view.value, maxLength=LONGEST, autoComplete="off", **({"inputMode": "numeric"} if view.limits else {})
    )  # fmt: skip
    return html.Div([html.Label(setting_name(view.key), htmlFor=field_id), control, note], className="lc-field")


@protected_callback(
    Output(f"{PAGE}-saved", "children"),
    Input(f"{PAGE}-save", "n_clicks"),
    *[State(f"{PAGE}-{key}", "value") for key in FIELDS],
    permission=Permission.ADMINISTER,
    scoped=False,  # the system itself
    prevent_initial_call=True,
)
def save(_clicks: Any, *values: Any) -> list[Any]:
    """Change what is other than before, or say what cannot be; nothing is changed then."""
    if not _clicks or ctx.triggered_id != f"{PAGE}-save":
        return []
    given = dict(zip(FIELDS, values, strict=True))
    if not all(isinstance(value, str) for value in given.values()):
        return [badge("attention", words=_("沒有儲存")), html.P(_("每一項設定都要填文字或數字。"), role="alert")]
    try:
        changed = change_settings(store(), {key: value.strip() for key, value in given.items()}, by=current_name())
    except ValueError as error:
        return [badge("attention", words=_("沒有儲存")), html.P(_named(str(error)), role="alert")]
    if not changed:
        return [html.P(_("和原來的設定相同，沒有變更。"))]
    lines = [
        _("%(name)s：%(old)s → %(new)s", name=setting_name(key), old=setting_value(old), new=setting_value(new))
        for key, old, new in changed
    ]
    return [badge("done", words=_("已儲存")), html.Ul([html.Li(line) for line in lines])]


def _named(said: str) -> str:
    """Put the setting's name where the command line says its key."""
    for key in FIELDS:
        said = said.replace(f"「{key}」", f"「{setting_name(key)}」")
    return said


# --- backups ----------------------------------------------------------------------------------------------------------


def _backups_card() -> html.Section:
    take = html.Button(_("立即備份"), id=f"{PAGE}-backup", type="button", className="btn btn-primary", n_clicks=0)
    return card(
        [
            html.Div(take, className="lc-actions"),
            html.Div(id=f"{PAGE}-backed-up", **aria(live="polite")),
            html.Div(_shelf(), id=f"{PAGE}-shelf"),
        ],
        id=f"{PAGE}-backups",
        title=_("備份"),
        question=_("主機上的備份；不能從網頁下載，請在主機上複製到另一個安全的地方"),
        footnote=[
            _("備份在主機的 %(folder)s，含有學生資料，要和資料庫一樣保護；過期的請刪除。", folder=str(backups.backups_folder(store().instance_dir))),
            _("還原與金鑰用命令列（licheng restore），步驟與演練在 docs/operations.md。"),
        ],
        wide=True,
    )  # fmt: skip


def _shelf() -> Any:
    found = backups.list_backups(store())
    if not found:
        return html.P(_("這裡還沒有備份。"), className="lc-muted")
    headers = [_("備份時間"), _("檔案"), _("大小"), _("列數"), _("狀態")]
    caption = _("最新的 %(n)s 個備份，共 %(all)s 個", n=count(min(len(found), SHOWN_BACKUPS)), all=count(len(found)))
    return record_table(
        headers, [_backup_record(each) for each in found[:SHOWN_BACKUPS]], caption=caption, numeric=(2, 3)
    )


def _backup_record(shelved: Shelved) -> Record:
    manifest = shelved.manifest
    state = badge("done", words=_("完整寫完")) if manifest else badge("attention", words=_("沒有寫完，請刪除"))
    made_at, rows = (manifest.made_at, manifest.row_count) if manifest else (None, None)
    return Record([roc_datetime(made_at), shelved.path.name, _bytes(shelved.size_bytes), count(rows), state])


@protected_callback(
    Output(f"{PAGE}-backed-up", "children"),
    Output(f"{PAGE}-shelf", "children"),
    Input(f"{PAGE}-backup", "n_clicks"),
    permission=Permission.ADMINISTER,
    scoped=False,  # the system itself
    prevent_initial_call=True,
    running=[(Output(f"{PAGE}-backup", "disabled"), True, False)],
)
def take(_clicks: Any) -> tuple[list[Any], Any]:
    """Take a backup now."""
    if not _clicks or ctx.triggered_id != f"{PAGE}-backup":
        return [], _shelf()
    try:
        made = backups.take_backup(store(), None, by=current_name())
    except BackupError as error:
        return [badge("overdue", words=_("沒有備份")), html.P(str(error), role="alert")], _shelf()
    said = {"file": made.path.name, "rows": count(made.manifest.row_count), "size": _bytes(made.size_bytes)}
    return [
        badge("done", words=_("已備份")),
        html.P(_("%(file)s：%(rows)s 列、%(size)s，讀回核對無誤。", **said)),
    ], _shelf()


# --- accounts ---------------------------------------------------------------------------------------------------------


def _accounts_card() -> html.Section:
    found = accounts.list_users(store())
    logins = health.last_logins(store())
    enabled = sum(is_enabled for *_rest, is_enabled in found)
    lasting = grants.list_standing(store())
    with_factor = second_factor.accounts_with(store())
    headers = [_("帳號"), _("職務"), _("狀態"), _("第二因素"), _("最近登入")]
    records = [
        Record(
            [name, _roles_of(name, lasting), badge("done", words=_("啟用")) if is_enabled else badge("not_open", words=_("停用")),
             _("有") if name in with_factor else _("沒有"), roc_datetime(logins[name]) if name in logins else _("沒有登入過")]
        )
        for name, _held, is_enabled in found
    ]  # fmt: skip
    return card(
        [
            record_table(headers, records, caption=_("帳號")),
            *_account_forms([name for name, *_rest in found]),
            *_role_forms([name for name, _held, is_enabled in found if is_enabled], lasting),
            _role_list(),
        ],
        id=f"{PAGE}-accounts",
        title=_("%(all)s 個帳號，%(n)s 個啟用", all=count(len(found)), n=count(enabled)),
        question=_("誰有帳號、什麼職務、最近什麼時候登入"),
        footnote=[
            _("新帳號與重設都給一次性的連結，由本人自己設定密碼；管理者不知道任何人的密碼。"),
            _("停用、重設、登出與收回職務立刻生效，並記在稽核紀錄；不能停用自己與最後一個系統管理者。"),
            _(
                "一個人可以有好幾個職務，一次用一個；代理的職務到期、本人的職務收回或帳號停用，就自動結束。稽核不能同時擔任會變更資料的職務。"
            ),
        ],
        wide=True,
    )


def _account_forms(names: Sequence[str]) -> list[html.Details]:
    """Two forms: for somebody new, and for an account there is."""
    roles = [(role.value, role_words(role)) for role in Role]
    invite = [
        text_field(f"{PAGE}-new-name", "name", _("帳號")),
        choice_field(f"{PAGE}-new-role", "role", _("角色"), roles, Role.TEACHER),
        text_field(f"{PAGE}-new-staff", "staff", _("教師代碼"), required=False, note=_("任課教師必填；要提案、決定敘獎或收提醒的職務也要")),
        text_field(f"{PAGE}-new-unit", "unit", _("處室組別"), required=False, note=_("組長必填，例：教務處註冊組")),
        text_field(f"{PAGE}-new-classes", "classes", _("班級"), required=False, note=_("導師必填，以逗號分開；其他學年寫 113:101")),
    ]  # fmt: skip
    steps = [
        ("", _("請選擇")), ("reset", _("給重設密碼的連結（目前的密碼與登入作廢）")), ("logout", _("登出所有裝置")), ("second_factor", _("取消第二因素（手機與備用碼都遺失時）")),
        ("disable", _("停用")), ("enable", _("啟用並解除鎖定")),
    ]  # fmt: skip
    change = [
        choice_field(f"{PAGE}-change-name", "name", _("帳號"), [("", _("請選擇")), *((name, name) for name in names)]),
        choice_field(f"{PAGE}-change-step", "step", _("要做什麼"), steps),
    ]
    return [
        html.Details([html.Summary(_("邀請新的人")), posting_form(invite, action="/admin/accounts/invite", submit=_("新增帳號並給連結"))]),
        html.Details([html.Summary(_("處理現有的帳號")), posting_form(change, action="/admin/accounts/change", submit=_("執行"), css="btn-outline-primary")]),
    ]  # fmt: skip


def _role_forms(names: Sequence[str], lasting: Sequence[Held]) -> list[html.Details]:
    """Three forms: one more role, one held for somebody who is away, and one taken back."""
    accounts_offered = [("", _("請選擇")), *((name, name) for name in names)]
    own = [each for each in lasting if not each.on_behalf_of]
    delegable = [(str(each.id), _choice(each)) for each in own if ROLES[each.role].can_be_delegated]
    held = [(f"{each.id}:{each.username}", _choice(each)) for each in lasting]
    grant = [
        choice_field(f"{PAGE}-grant-name", "name", _("帳號"), accounts_offered),
        choice_field(f"{PAGE}-grant-role", "role", _("角色"), [(role.value, role_words(role)) for role in Role], Role.TEACHER),
        text_field(f"{PAGE}-grant-unit", "unit", _("處室組別"), required=False, note=_("組長必填，例：教務處註冊組")),
        text_field(f"{PAGE}-grant-classes", "classes", _("班級"), required=False, note=_("導師必填，以逗號分開；其他學年寫 113:101")),
        *_day_fields("grant", must_end=False),
    ]  # fmt: skip
    delegate = [
        choice_field(f"{PAGE}-delegate-grant", "grant", _("誰的職務"), [("", _("請選擇")), *delegable], whole=True),
        choice_field(f"{PAGE}-delegate-name", "name", _("由哪個帳號代理"), accounts_offered),
        text_field(f"{PAGE}-delegate-reason", "reason", _("原因"), note=_("例：公假；請不要寫姓名")),
        *_day_fields("delegate", must_end=True),
    ]
    revoke = [choice_field(f"{PAGE}-revoke-grant", "grant", _("職務"), [("", _("請選擇")), *held], whole=True)]
    return [
        html.Details([html.Summary(_("再授予一個職務")), posting_form(grant, action="/admin/roles/grant", submit=_("授予職務"))]),
        html.Details([html.Summary(_("請人代理職務")), posting_form(delegate, action="/admin/roles/delegate", submit=_("請人代理"))]),
        html.Details([html.Summary(_("收回職務")), posting_form(revoke, action="/admin/roles/revoke", submit=_("收回"), css="btn-outline-primary")]),
    ]  # fmt: skip


def _day_fields(form: str, *, must_end: bool) -> list[html.Div]:
    last = _("最後一天；代理最長一年") if must_end else _("最後一天；不填就沒有迄日")
    return [
        text_field(f"{PAGE}-{form}-from", "from", _("起日"), kind="date", required=False, note=_("不填就是今天")),
        text_field(f"{PAGE}-{form}-to", "to", _("迄日"), kind="date", required=must_end, note=last),
    ]


def _role_list() -> html.Details:
    """Say what each role is for."""
    rows = [Record([role_words(role), _(facts.description), _("可以") if facts.can_be_delegated else _("不可以")]) for role, facts in ROLES.items()]  # fmt: skip
    table = record_table([_("角色"), _("看得到、做得到什麼"), _("請人代理")], rows, caption=_("各種角色"))
    return html.Details([html.Summary(_("各種角色看得到什麼")), table])


def _roles_of(username: str, standing: Sequence[Held]) -> Any:
    """List an account's roles, those to come as well, each with its number and days."""
    shown = []
    for held in standing:
        if held.username == username:
            mark: list[Any] = [" ", badge("not_open", words=words)] if (words := waiting_words(held)) else []
            shown.append(
                html.Div([html.Div([grant_words(held), *mark]), html.Div(grant_facts(held), className="lc-muted")])
            )
    return html.Div(shown, className="lc-stack") if shown else "—"


def _choice(held: Held) -> str:
    """Name a role among others to choose from: two of one person may differ in their days alone."""
    return f"{held.username}・{grant_words(held)}" + aside(grant_facts(held))
