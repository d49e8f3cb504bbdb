"""The words of the school's settings: what each is called, what it means, and how a value is said."""

from __future__ import annotations

from typing import Final

from flask_babel import gettext as _

from dashboard.i18n import N_

_NAMES: Final = {
    "school_code": N_("學校代碼"),
    "school_name": N_("校名"),
    "minimum_response_days": N_("最短認證日數"),
    "upload_outcome_cap": N_("課程學習成果上傳上限"),
    "upload_performance_cap": N_("多元表現上傳上限"),
    "select_outcome_cap": N_("課程學習成果勾選上限"),
    "select_performance_cap": N_("多元表現勾選上限"),
    "suppression_size": N_("人數過少的界線"),
    "objection_days": N_("敘獎案表示意見的上班日數"),
    "second_factor": N_("第二因素（驗證碼）"),
    "password_rules": N_("密碼規則"),
    "keep_originals": N_("保留匯入的原始檔"),
    "audit_retention_years": N_("稽核紀錄保存年數"),
}
_MEANINGS: Final = {
    "school_code": N_("教育部的六碼學校代碼，用來分辨別校的資料"),
    "school_name": N_("學校的全名"),
    "minimum_response_days": N_("學生送出後，教師至少有幾天可以認證；太晚送出的件，期限照這個日數順延"),
    "upload_outcome_cap": N_("每位學生每學期最多幾件；留空表示不設"),
    "upload_performance_cap": N_("每位學生每學年最多幾件；留空表示不設"),
    "select_outcome_cap": N_("每位學生每學年最多勾選幾件；留空表示不設"),
    "select_performance_cap": N_("每位學生每學年最多勾選幾件；留空表示不設"),
    "suppression_size": N_("人數比這個少的群體，不需要處理的人看不到數字"),
    "objection_days": N_("提案之後，當事人有幾個上班日可以表示意見或異議；期滿之前不能評核"),
    "second_factor": N_("登入時除了密碼，還要手機上的驗證碼；可以只提供，或要求系統管理者與執行秘書一定要設定"),
    "password_rules": N_("兩種都要至少 12 個字元、不能太容易猜到；公立學校另要四種字元中的三種，並與目前的密碼不同"),
    "keep_originals": N_("匯入的檔案另存一份；裡面有系統不讀的個人資料，沒有需要就不要保留"),
    "audit_retention_years": N_("超過的稽核紀錄可以用 licheng audit prune 刪除"),
}
_VALUES: Final = {
    "": N_("不設"),
    "yes": N_("是"),
    "no": N_("否"),
    "off": N_("不提供"),
    "offered": N_("提供"),
    "required": N_("要求系統管理者與執行秘書"),
    "standard": N_("一般"),
    "public_school": N_("公立學校"),
}


def setting_name(key: str) -> str:
    """Name a setting."""
    return _(_NAMES[key]) if key in _NAMES else key


def setting_meaning(key: str) -> str:
    """Say what a setting does."""
    return _(_MEANINGS[key]) if key in _MEANINGS else ""


def setting_value(value: str) -> str:
    """Say a value: a truth value as a word, an empty one as not set."""
    return _(_VALUES[value]) if value in _VALUES else value
