"""The words of the audit log: what was done, about whom or what, and the figures beside it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import date, datetime
from typing import Any, Final

from flask_babel import gettext as _

from dashboard.components.awards import step_word
from dashboard.components.dates import roc_date, roc_datetime, until
from dashboard.components.settings import setting_name, setting_value
from dashboard.components.words import edition_name, listed, resolution_word
from dashboard.i18n import N_

ACTIONS: Final = {
    "login": N_("登入"),
    "login_failed": N_("登入失敗"),
    "address_throttled": N_("同一網路登入失敗太多次"),
    "refused": N_("拒絕存取"),
    "view_teacher": N_("檢視教師頁"),
    "view_class": N_("檢視班級學生"),
    "view_student": N_("檢視學生頁"),
    "export": N_("匯出"),
    "import_handed_in": N_("交檔案"),
    "import": N_("匯入"),
    "import_refused": N_("匯入被退回"),
    "import_replanned": N_("重新檢查交件"),
    "import_confirmed": N_("決定匯入"),
    "import_cancelled": N_("取消匯入"),
    "import_expired": N_("匯入逾期取消"),
    "enter_by_hand": N_("人工登錄"),
    "undo": N_("復原"),
    "setting": N_("變更設定"),
    "audit_pruned": N_("刪除逾期的稽核紀錄"),
    "pack_frozen": N_("凍結會議資料"),
    "meeting_planned": N_("安排會議"),
    "meeting_attendance": N_("登記會議出席"),
    "meeting_held": N_("會議已召開"),
    "meeting_cancelled": N_("會議取消"),
    "agenda_added": N_("加入議程"),
    "agenda_removed": N_("移除議程"),
    "resolution_added": N_("新增決議"),
    "resolution_moved": N_("決議改變狀態"),
    "notice_handed": N_("提醒改為當面交付"),
    "award_criterion_added": N_("新增敘獎標準"),
    "award_examples_loaded": N_("載入敘獎標準範例"),
    "award_adopted": N_("採用敘獎標準"),
    "award_ended": N_("停用敘獎標準"),
    "award_drafted": N_("建立敘獎案"),
    "award_proposed": N_("敘獎提案"),
    "award_said": N_("當事人表示意見"),
    "award_assessed": N_("敘獎評核"),
    "award_decided": N_("敘獎決定"),
    "award_withdrawn": N_("撤回敘獎案"),
    "view_awards": N_("檢視敘獎"),
    "backup_made": N_("備份"),
    "backup_restored": N_("由備份還原"),
    "user_added": N_("新增帳號"),
    "password_changed": N_("更改密碼"),
    "logged_out_everywhere": N_("登出所有裝置"),
    "user_enabled": N_("啟用帳號"),
    "user_invited": N_("給邀請連結"),
    "user_reset": N_("重設密碼"),
    "user_disabled": N_("停用帳號"),
    "staff_code_set": N_("設定帳號的教師代碼"),
    "role_granted": N_("授予職務"),
    "role_delegated": N_("授予代理職務"),
    "role_revoked": N_("收回職務"),
    "role_taken": N_("換職務"),
    "second_factor_set_up": N_("設定第二因素"),
    "second_factor_off": N_("停用第二因素"),
    "second_factor_reset": N_("重設第二因素"),
    "recovery_codes_made": N_("產生備用碼"),
    "recovery_code_used": N_("用備用碼登入"),
    "identity_linked": N_("連結學校帳號"),
    "identity_unlinked": N_("解除學校帳號的連結"),
    "sign_on_refused": N_("學校帳號登入被拒絕"),
}
_KINDS: Final = {
    "teacher": N_("教師"),
    "student": N_("學生代號"),
    "account": N_("帳號"),
    "unknown": N_("不明帳號"),
    "import": N_("匯入"),
    "setting": N_("設定"),
    "meeting": N_("會議"),
    "resolution": N_("決議"),
    "notice": N_("提醒"),
    "criterion": N_("敘獎標準"),
    "award": N_("敘獎案"),
}
DETAILS: Final = {
    "table": N_("表格"),
    "format": N_("格式"),
    "rows": N_("列數"),
    "as_of": N_("資料截至"),
    "term": N_("學期"),
    "grade": N_("年級"),
    "dept": N_("科別"),
    "subject": N_("科目"),
    "class": N_("班級"),
    "teacher": N_("教師"),
    "sessions": N_("登入數"),
    "files": N_("檔案數"),
    "refusals": N_("退回數"),
    "job": N_("交件"),
    "role": N_("角色"),
    "on_behalf_of": N_("代理"),
    "grant": N_("職務編號"),
    "unit": N_("處室組別"),
    "classes": N_("班級"),
    "from": N_("起日"),
    "to": N_("迄日"),
    "for": N_("代理"),
    "from_grant": N_("代理的職務編號"),
    "reason": N_("原因"),
    "deputies": N_("一併結束的代理數"),
    "permission": N_("權限"),
    "endpoint": N_("位置"),
    "before": N_("原為"),
    "after": N_("改為"),
    "of": N_("來源"),
    "through": N_("刪到編號"),
    "hash": N_("封印"),
    "edition": N_("版本"),
    "sha256": "SHA-256",
    "file": N_("檔案"),
    "present": N_("出席人數"),
    "members": N_("成員人數"),
    "matter": N_("工作事項"),
    "meeting": N_("會議"),
    "resolution": N_("決議"),
    "conditions": N_("條件數"),
    "step": N_("步驟"),
    "keys": N_("含金鑰"),
    "made_at": N_("備份時間"),
    "kept": N_("原資料庫留存"),
    "old_log_number": N_("原紀錄的最後編號"),
    "old_log_head": N_("原紀錄的最後封印"),
    "pack": N_("會議資料編號"),
}
# The titles of downloads are those of dashboard.exports, which components do not know; what is entered by hand goes by its table.
TABLES: Final = {
    "audit": N_("稽核紀錄"),
    "class_students": N_("班級：學生明細"),
    "classes": N_("班級明細"),
    "commendation": N_("敘獎建議名冊"),
    "department_classes": N_("科別的班級明細"),
    "disputes": N_("收訖：問題回報"),
    "notices": N_("提醒紀錄"),
    "receipts": N_("收訖：班級明細"),
    "registration": N_("登錄：各班紀錄"),
    "rejected_rows": N_("退回的列"),
    "reminders": N_("提醒清單"),
    "selection": N_("勾選：班級明細"),
    "slips": N_("班級通知單"),
    "submission": N_("提交：名冊"),
    "teachers": N_("教師明細"),
    "uploads": N_("上傳：班級明細"),
    "reassignments": N_("改派認證教師"),
    "exemptions": N_("免辦"),
    "delegations": N_("認證代理"),
    "registrations": N_("登錄紀錄"),
    "submissions": N_("提交紀錄"),
    "training_sessions": N_("宣導、訓練、研習"),
}
PERMISSIONS: Final = {
    "view_own": N_("檢視自己的資料"),
    "view_overview": N_("檢視總覽"),
    "view_uploads": N_("檢視上傳"),
    "view_certification": N_("檢視教師認證"),
    "view_selection": N_("檢視勾選"),
    "view_submission": N_("檢視提交與登錄"),
    "view_receipts": N_("檢視收訖"),
    "view_department": N_("檢視科別"),
    "view_class": N_("檢視班級"),
    "view_teacher": N_("檢視教師"),
    "view_student": N_("檢視學生"),
    "export": N_("匯出"),
    "view_imports": N_("檢視匯入紀錄"),
    "import": N_("匯入"),
    "correct": N_("人工登錄"),
    "view_packs": N_("檢視會議資料"),
    "make_packs": N_("凍結會議資料"),
    "view_meetings": N_("檢視會議"),
    "manage_meetings": N_("管理會議"),
    "manage_reminders": N_("管理提醒"),
    "view_own_case": N_("檢視自己的敘獎案"),
    "view_awards": N_("檢視敘獎"),
    "propose_awards": N_("敘獎提案"),
    "decide_awards": N_("敘獎決定"),
    "view_audit": N_("檢視稽核紀錄"),
    "administer": N_("系統管理"),
}
# Where somebody was refused, by the name of the route.
ENDPOINTS: Final = {
    "": N_("不明的位置"),
    "/": N_("頁面"),
    "/<path:path>": N_("頁面"),
    "/_dash-layout": N_("頁面"),
    "/_dash-dependencies": N_("頁面"),
    "/_dash-update-component": N_("頁面的內容"),
    "account": N_("我的帳號"),
    "account_logout": N_("登出所有裝置"),
    "account_password": N_("更改密碼"),
    "account_role": N_("換職務"),
    "award_criterion": N_("新增敘獎標準"),
    "award_draft": N_("建立敘獎案"),
    "award_examples": N_("載入敘獎標準範例"),
    "award_list": N_("敘獎建議名冊"),
    "award_ruling": N_("採用或停用敘獎標準"),
    "award_step": N_("敘獎案"),
    "change_account": N_("處理帳號"),
    "change_meeting": N_("變更會議"),
    "change_roles": N_("授予或收回職務"),
    "export": N_("匯出"),
    "export_audit": N_("匯出稽核紀錄"),
    "export_reminders_text": N_("匯出提醒清單"),
    "freeze_pack": N_("凍結會議資料"),
    "hand_over_notice": N_("提醒改為當面交付"),
    "healthz": N_("系統狀態"),
    "import_files": N_("交檔案"),
    "import_job_rejected": N_("退回的列"),
    "import_rejected": N_("退回的列"),
    "import_template": N_("空白範本"),
    "invite": N_("邀請連結"),
    "invite_account": N_("新增帳號"),
    "language": N_("語言"),
    "login": N_("登入"),
    "login_code": N_("登入驗證碼"),
    "logout": N_("登出"),
    "meeting_minutes": N_("會議紀錄"),
    "move_resolution": N_("決議改變狀態"),
    "pack_file": N_("會議資料"),
    "plan_meeting": N_("安排會議"),
    "readyz": N_("系統狀態"),
    "second_factor": N_("第二因素"),
    "second_factor_change": N_("第二因素"),
    "sign_on": N_("以學校帳號登入"),
    "sign_on_return": N_("以學校帳號登入"),
    "slips": N_("班級通知單"),
    "switch_reminders": N_("開啟或關閉提醒"),
}
REFUSALS: Final = {  # of a school account
    "audience": N_("登入服務的回覆不是給本站的"),
    "code": N_("登入服務沒有接受代碼"),
    "disabled": N_("帳號已停用"),
    "discovery": N_("登入服務的設定讀不到"),
    "domain": N_("網域不對"),
    "email": N_("電子郵件未經確認"),
    "expired": N_("時鐘不準或逾時"),
    "issuer": N_("不是設定的登入服務"),
    "no_role": N_("目前沒有職務"),
    "nonce": N_("不是這次登入的回覆"),
    "party": N_("登入服務的回覆不是給本站的"),
    "provider": N_("登入服務拒絕"),
    "signature": N_("簽章不對"),
    "state": N_("不是這次登入的回覆"),
    "subject": N_("登入服務沒有說是誰"),
    "taken": N_("帳號已連結到別人"),
    "unknown": N_("沒有相符的帳號"),
    "unreachable": N_("連不到登入服務"),
}
_CODES: Final[Mapping[str, Mapping[str, str]]] = {"table": TABLES, "permission": PERMISSIONS, "endpoint": ENDPOINTS}
_SHORT: Final = 8  # of a pseudonym or an import's id: enough to tell two apart
_SIGHT: Final = 16  # of a fingerprint, as the page of packs shows it
_WHOLE: Final = ("teacher", "account", "meeting", "resolution", "criterion", "award")


def action_words(action: str) -> str:
    """Say what was done; a code that has no words is shown as it is."""
    return _(ACTIONS[action]) if action in ACTIONS else action


def about_words(kind: str, code: str) -> str:
    """Say whom or what it was about."""
    if not code:
        return "—"
    if kind == "class":
        year, _sep, name = code.partition(":")
        return _("班級 %(name)s（%(year)s 學年度）", name=name, year=year)
    shown = setting_name(code) if kind == "setting" else code if kind in _WHOLE else code[:_SHORT]
    return f"{_(_KINDS[kind])} {shown}" if kind in _KINDS else shown


def detail_words(action: str, detail: Mapping[str, Any], role_words: Callable[[str], str]) -> str:
    """Write what stands beside an event in words; the id of an import stands among what it was about. role_words: names a role."""
    parts = [
        f"{_(DETAILS[name]) if name in DETAILS else name} {_shown(action, name, value, role_words)}"
        for name, value in detail.items()
        if name != "batch_id" and value is not None
    ]
    return _("、").join(parts) or "—"


def _shown(action: str, name: str, value: Any, role_words: Callable[[str], str]) -> str:
    if isinstance(value, bool):
        return _("是") if value else _("否")
    if name == "classes" and isinstance(value, list):
        return listed(_class_words(str(each)) for each in value)
    if name in ("before", "after") and action == "setting":
        return setting_value(str(value))
    if value == "":
        return _("無")
    said = str(value)
    try:
        return _said(action, name, said, role_words)
    except (KeyError, ValueError):  # an older line, or one that somebody wrote past data.audit
        return said


def _said(action: str, name: str, said: str, role_words: Callable[[str], str]) -> str:
    """Say a value that is a code or a day; KeyError or ValueError where it is none."""
    if name == "role":
        return role_words(said)
    if name in _CODES:
        return _(_CODES[name][said])
    if name == "edition":
        return edition_name(said)
    if name == "step":
        return step_word(said)
    if name in ("before", "after") and action == "resolution_moved":
        return resolution_word(said)
    if name == "reason" and action == "sign_on_refused":
        return _(REFUSALS[said])
    if name == "term":
        return _term_words(int(said))
    if name == "as_of":
        return until(datetime.fromisoformat(said))
    if name == "made_at":
        return roc_datetime(datetime.fromisoformat(said))
    if name in ("from", "to"):
        return roc_date(date.fromisoformat(said), weekday=False)
    if name == "matter":
        return _("第 %(n)s 項", n=int(said))
    if name == "format":
        return said.upper()
    return said[:_SIGHT] if name == "sha256" else said


def _class_words(said: str) -> str:
    year, colon, name = said.partition(":")
    return _("%(name)s（%(year)s 學年度）", name=name, year=year) if colon else said


def _term_words(term: int) -> str:
    year, semester = divmod(term, 10)
    if not semester:
        return _("%(year)s 學年度", year=year)
    return _("%(year)s 學年度第 %(semester)s 學期", year=year, semester=semester)
