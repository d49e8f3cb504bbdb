"""The words of the audit log: what was done, about whom or what, and the figures beside it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from flask_babel import gettext as _

from dashboard.components.words import edition_name
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
_DETAILS: Final = {
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
    "for": N_("代理"),
    "to": N_("到"),
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
    "matter": N_("事項"),
    "meeting": N_("會議"),
    "resolution": N_("決議"),
    "conditions": N_("條件數"),
    "step": N_("步驟"),
    "keys": N_("含金鑰"),
    "made_at": N_("備份時間"),
    "kept": N_("原資料庫留存"),
}
_SHORT: Final = 8  # of a pseudonym or an import's id: enough to tell two apart
_SIGHT: Final = 16  # of a fingerprint, as the page of packs shows it; of an instant, to the minute
_WHOLE: Final = ("teacher", "account", "setting", "meeting", "resolution", "criterion", "award")


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
    shown = code if kind in _WHOLE else code[:_SHORT]
    return f"{_(_KINDS[kind])} {shown}" if kind in _KINDS else shown


def _shown(name: str, value: Any, role_words: Callable[[str], str]) -> str:
    if name == "role":
        return role_words(str(value))
    if name == "edition" and value in ("full", "members"):
        return edition_name(str(value))
    if name == "as_of":
        return str(value)[:_SIGHT].replace("T", " ")
    return str(value)[:_SIGHT] if name == "sha256" else str(value)


def detail_words(detail: Mapping[str, Any], role_words: Callable[[str], str]) -> str:
    """Write the figures beside an event; the id of an import stands among what it was about. role_words: names a role."""
    parts = [
        f"{_(_DETAILS[name]) if name in _DETAILS else name} {_shown(name, value, role_words)}"
        for name, value in detail.items()
        if name != "batch_id" and value is not None
    ]
    return _("、").join(parts) or "—"
