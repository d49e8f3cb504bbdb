"""The register of processing: of every table what for, about whom, who may see it, and how long it is kept."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

NOBODY: Final = "無"
STUDENTS: Final = "學生"
STAFF: Final = "教職員"
ACCOUNTS: Final = "帳號使用者"

_BY_SCHOOL: Final = "學校自訂；匯入可以整批復原，目前不自動刪除"
_HANDLERS: Final = "執行秘書、組長；導師限自己的班級；其他職務只有統計"
_GROUP: Final = "召集人、執行秘書、組長、工作小組成員、稽核"
_MINUTES: Final = "學校自訂；不自動刪除"
_LASTING: Final = "學校自訂；不自動刪除，也不能更改"
_AWARDS: Final = "召集人、執行秘書"
_STAFF_VIEWERS: Final = "召集人、執行秘書；組長限自己的處室；教師限本人"


@dataclass(frozen=True, slots=True)
class Processing:
    """An entry of the register. personal: columns about a person or leading to one; other: all the rest but row ids."""

    table: str
    title: str
    purpose: str
    about: str
    seen_by: str
    kept: str
    personal: tuple[str, ...]
    other: tuple[str, ...]


def _entry(
    table: str, title: str, purpose: str, about: str, seen_by: str, kept: str = _BY_SCHOOL, *, personal: str = "", other: str = ""
) -> Processing:  # fmt: skip
    return Processing(table, title, purpose, about, seen_by, kept, tuple(personal.split()), tuple(other.split()))


REGISTER: Final = (
    _entry("students", "學生", "對應各平臺的同一位學生", STUDENTS, _HANDLERS, personal="student_number name id_number_hash"),
    _entry("enrolments", "學籍", "知道誰在哪一班、是否在學", STUDENTS, _HANDLERS,
           personal="student_id seat_number status left_at left_is_dated",
           other="school_year class_name grade department department_code division"),
    _entry("enrolment_changes", "學籍異動", "異動之後的責任與人數", STUDENTS, _HANDLERS,
           personal="student_id change effective_at note", other="school_year class_name"),
    _entry("outcomes", "課程學習成果", "教師認證的責任；不含作品內容", f"{STUDENTS}、{STAFF}", _HANDLERS,
           personal="student_id item_number uploaded_at teacher_code", other="school_year semester course_code subject class_name"),
    _entry("certification_rounds", "認證", "何時送出、何時完成、由誰", f"{STUDENTS}、{STAFF}", f"{_HANDLERS}；{_STAFF_VIEWERS}",
           personal="outcome_id sent_at decision decided_at completed_at reason certifier_code", other="released"),
    _entry("reassignments", "改派認證", "改由誰承辦", STAFF, _STAFF_VIEWERS, personal="outcome_id teacher_code from_at reason", other="by_hand"),
    _entry("exemptions", "免辦", "不列入應辦的件與原因", STUDENTS, _HANDLERS, personal="round_id reason", other="from_at by_hand"),
    _entry("external_items", "他校認證的件", "轉學生的件不重複列入", STUDENTS, _HANDLERS,
           personal="student_id item_key school_code status", other="school_year semester course_code subject"),
    _entry("performances", "多元表現", "參與人數與件數（學生自主）；不含內容", STUDENTS, _HANDLERS,
           personal="student_id item_key category uploaded_at", other="school_year"),
    _entry("selections", "勾選", "參與人數與件數（學生自主）", STUDENTS, _HANDLERS,
           personal="student_id outcome_count performance_count", other="school_year known_at"),
    _entry("receipts", "收訖確認", "學生是否確認收訖明細", STUDENTS, _HANDLERS,
           personal="student_id status acted_at item_count", other="school_year kind round_number"),
    _entry("disputes", "收訖問題回報", "三日內答覆的責任", STUDENTS, _HANDLERS,
           personal="number student_id error_kind description raised_at answer", other="school_year kind category class_name answered_at"),
    _entry("registrations", "登錄", "各班的學籍、成績、幹部、課程諮詢是否已登錄；不含分數與內容", STUDENTS, _HANDLERS,
           personal="student_id item_key", other="school_year semester kind class_name registered_at unit by_hand"),
    _entry("submitted_items", "提交名冊的件", "與上傳、認證逐件比對", STUDENTS, _HANDLERS,
           personal="student_id ordinal", other="submission_id sheet course_code subject semester"),
    _entry("staff", "教職員", "知道由誰承辦與所屬處室", STAFF, _STAFF_VIEWERS, personal="staff_code name unit email"),
    _entry("staff_units", "教職員以前的處室", "當時屬於哪個處室", STAFF, _STAFF_VIEWERS, personal="staff_code unit until_at"),
    _entry("staff_changes", "職員異動", "到職、離職與請假期間的責任", STAFF, _STAFF_VIEWERS,
           personal="staff_code change from_on to_on unit note"),
    _entry("classes", "班級", "班級與導師", STAFF, "可以看這一班的職務", personal="homeroom_code", other="school_year name grade department"),
    _entry("sections", "授課", "由哪位教師認證", STAFF, _STAFF_VIEWERS,
           personal="teacher_code teacher_name", other="school_year semester course_code class_name subject"),
    _entry("delegations", "代理人", "代理期間的責任", STAFF, _STAFF_VIEWERS,
           personal="principal_code deputy_code deputy_order from_on to_on reason", other="by_hand"),
    _entry("users", "帳號", "登入與職務範圍", ACCOUNTS, "系統管理者；本人", "停用後保留，供查對稽核紀錄",
           personal="username password_hash staff_code created_at disabled_at failed_count locked_until must_change_password"),
    _entry("grants", "職務", "誰在哪段期間以什麼職務、代理誰使用", ACCOUNTS, "系統管理者；本人", "收回後保留，供查對稽核紀錄",
           personal="user_id role unit starts_on ends_on delegated_from_id reason granted_by granted_at revoked_by revoked_at"),
    _entry("grant_classes", "職務的班級", "導師可以看的班級", ACCOUNTS, "系統管理者；本人", "和職務相同",
           personal="grant_id class_name", other="school_year"),
    _entry("user_sessions", "登入", "知道是誰在操作；登入代號只留雜湊", ACCOUNTS, "本人", "登出、停用或改密碼時刪除",
           personal="token_hash user_id grant_id created_at seen_at browser by_provider"),
    _entry("login_links", "邀請與重設", "由本人自己設定密碼；連結只留雜湊", ACCOUNTS, "不顯示在畫面上", "用過或再給一次時刪除；邀請 72 小時、重設 1 小時後失效",
           personal="user_id token_hash expires_at"),
    _entry("second_factors", "第二因素", "登入時多一道驗證碼；金鑰加密保存", ACCOUNTS, "不顯示在畫面上", "本人停用或重設時刪除",
           personal="user_id secret made_at confirmed_at last_step"),
    _entry("recovery_codes", "備用碼", "手機遺失時登入；只留雜湊", ACCOUNTS, "只在產生時給本人看一次", "用過、重新產生或停用時刪除", personal="user_id code_hash"),
    _entry("pending_logins", "等候驗證碼的登入", "密碼對了、驗證碼還沒有輸入；代號只留雜湊", ACCOUNTS, "不顯示在畫面上", "5 分鐘",
           personal="user_id token_hash password_mark expires_at"),
    _entry("identities", "學校帳號", "用學校的單一登入時知道是哪一個帳號；只有登入服務給的代號", ACCOUNTS, "不顯示在畫面上", "解除連結時刪除",
           personal="user_id issuer subject linked_at"),
    _entry("login_failures", "登入失敗", "擋住猜密碼的人；網路位址只留雜湊", ACCOUNTS, "不顯示在畫面上", "15 分鐘",
           personal="address_hash failed_at"),
    _entry("notices", "提醒", "提醒本人有什麼工作等候，並留下已經通知的證明；不含信件內容與地址", STAFF, "執行秘書；本人", "學校自訂；不自動刪除",
           personal="person_code mark_on made_at state item_count overdue_count tries next_try_at ended_at reply"),
    _entry("frozen_packs", "會議資料", "會議依據的數字，凍結後不再改變；完整版的附件載有教師姓名與件數", STAFF,
           "召集人、執行秘書；其他成員只有不具名的成員版", "學校自訂；不自動刪除，也不能更改", personal="content made_by",
           other="term as_of edition made_at sha256 size"),
    _entry("meetings", "工作小組會議", "每學期至少一次會議，何時、何地、是否過半數", ACCOUNTS, _GROUP, _MINUTES,
           personal="created_by", other="term held_at place state convener quorum note created_at"),
    _entry("meeting_members", "會議成員", "出席人數；只記身分與職稱，家長與學生不記姓名", ACCOUNTS, _GROUP, _MINUTES,
           personal="username title attendance", other="meeting_id kind"),
    _entry("agenda_items", "會議議程", "會議討論什麼", NOBODY, _GROUP, _MINUTES, other="meeting_id position matter title note"),
    _entry("resolutions", "會議決議", "決議由哪個單位在什麼時候以前辦理；不寫姓名", NOBODY, _GROUP, _MINUTES,
           other="meeting_id number text responsible due_on"),
    _entry("resolution_events", "決議的追蹤", "決議何時改為什麼狀態與原因", ACCOUNTS, _GROUP, f"{_MINUTES}，也不能更改",
           personal="made_by reason", other="resolution_id happened_at from_state to_state"),
    _entry("award_criteria", "敘獎標準", "學校自訂、由會議決議採用的標準；不得以上傳、勾選或通過率為條件", ACCOUNTS, _AWARDS, _LASTING,
           personal="created_by", other="series version name audience minimum_count condition_count period grade quota valid_from "
                                        "valid_until is_example created_at"),
    _entry("award_conditions", "敘獎標準的條件", "看哪個責任階段的哪個數字", NOBODY, _AWARDS, _LASTING,
           other="criterion_id stage measure comparator threshold"),
    _entry("award_adoptions", "敘獎標準的採用", "由哪一項決議採用或停用", ACCOUNTS, _AWARDS, _LASTING,
           personal="made_by", other="criterion_id ruling resolution_id happened_at"),
    _entry("award_cases", "敘獎案", "工作小組評核承辦人員的辦理成效（補充規定範例十一）", STAFF, f"{_AWARDS}；當事人限自己的案子", _LASTING,
           personal="subject staff_code grade facts", other="criterion_id term as_of"),
    _entry("award_steps", "敘獎案的經過", "誰提案、當事人怎麼說、誰評核與決定", f"{STAFF}、{ACCOUNTS}", f"{_AWARDS}；當事人限自己的案子", _LASTING,
           personal="made_by staff_code role reason", other="case_id position kind happened_at resolution_id until_at"),
    _entry("award_evidence", "敘獎案的依據", "提案當時的數字與反面的事實，凍結後不再改變；只有教師代碼、沒有姓名", STAFF,
           f"{_AWARDS}；當事人限自己的案子", _LASTING, personal="content", other="case_id frozen_at sha256"),
    _entry("audit_events", "稽核紀錄", "查得出誰看了、改了、帶走了什麼；沒有姓名，學生以代號表示", f"{ACCOUNTS}、{STAFF}、{STUDENTS}",
           "系統管理者、稽核；本人（誰看了自己）", "設定 audit_retention_years，預設 5 年", personal="happened_at actor action detail about",
           other="sequence previous_hash hash"),
    _entry("audit_refusals", "退回原因", "說明哪一列為什麼沒有匯入", f"{STUDENTS}、{STAFF}", "可以匯入的職務",
           personal="value message", other="batch_id refused_at file_name row_number column_name"),
    _entry("audit_rejected_rows", "退回的列", "下載、改好再匯入；不含身分證號與生日", f"{STUDENTS}、{STAFF}", "交檔案的人與執行秘書",
           personal="cells reasons", other="batch_id file_name sheet kind row_number"),
    _entry("import_changes", "匯入所改的", "不覆蓋歷史，並可以復原", f"{STUDENTS}、{STAFF}", "不顯示在畫面上",
           personal="old_value new_value", other="table_name row_id column_name"),
    _entry("imports", "匯入", "每個數字來自哪一個檔案", ACCOUNTS, "可以看匯入紀錄的職務",
           personal="imported_by undone_by file_name warnings",
           other="batch_id sha256 kind term row_count new_count changed_count unchanged_count rejected_count imported_at sheet headings "
                 "data_version state undone_at"),
    _entry("jobs", "交件", "檢查與匯入的進度", f"{ACCOUNTS}、{STUDENTS}", "交檔案的人與執行秘書", "匯入或取消後刪除檔案；檢查結果留 1 日",
           personal="plan options created_by", other="token state source folder batch_id error created_at heartbeat_at finished_at"),
    _entry("heading_mappings", "欄名對照", "記住確認過的欄名", ACCOUNTS, "可以匯入的職務",
           personal="confirmed_by", other="kind heading column_name confirmed_at"),
    _entry("import_rows", "匯入所提到的列", "復原時知道什麼還用得到", NOBODY, "不顯示在畫面上", other="table_name relied row_ids"),
    _entry("data_versions", "資料版次", "數字算到哪一版", NOBODY, "不顯示在畫面上", other="version"),
    _entry("settings", "學校設定", "校名、上限、日數", NOBODY, "所有人", other="key value"),
    _entry("cross_checks", "平臺自己的統計", "和這裡的數字相對照", STAFF, "可以看統計的職務",
           personal="about stated_count", other="school_year semester what measure known_at"),
    _entry("school_days", "停課與補課", "上班日曆", NOBODY, "所有人", other="day is_school_day note"),
    _entry("windows", "作業期程", "什麼時候截止", NOBODY, "所有人",
           other="school_year semester grade task starts_at ends_at original_ends_at unit self_check_from_at self_check_to_at published_at "
                 "published_where"),
    _entry("submissions", "提交", "四種名冊何時提交", NOBODY, "可以看提交的職務",
           other="school_year semester roster batch division source round_number submitted_at unit content_sha256 by_hand"),
    _entry("submission_sheets", "提交名冊的工作表", "列數與對得到的列數", NOBODY, "可以看提交的職務", other="submission_id sheet row_count matched_count"),
    _entry("training_sessions", "研習", "宣導、訓練與研習是否辦理", NOBODY, "可以看統計的職務",
           other="school_year kind audience held_at title unit attendee_count by_hand"),
)  # fmt: skip
