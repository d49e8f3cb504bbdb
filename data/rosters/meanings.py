"""What it means when an import changes a column, in words for the person who decides."""

from __future__ import annotations

# table, column → what it is called, and what its change means for the figures
MEANINGS: dict[tuple[str, str], tuple[str, str]] = {
    ("staff", "name"): ("姓名", "顯示的名字"),
    ("staff", "unit"): ("處室", "從這次匯入起，責任計入新的處室；以前的學期不變"),
    ("staff", "email"): ("電子郵件", "寄送提醒的地址"),
    ("classes", "grade"): ("年級", "這一班改用另一個年級的期程與統計"),
    ("classes", "department"): ("科別", "這一班改列另一科"),
    ("classes", "homeroom_code"): ("導師", "這一班的導師"),
    ("students", "name"): ("學生姓名", "顯示的名字"),
    ("students", "id_number_hash"): ("身分證號", "與提交名冊比對的依據"),
    ("enrolments", "class_name"): ("班級", "學生改列另一班，這一學年的件數跟著走"),
    ("enrolments", "grade"): ("年級", "改用另一個年級的期程與統計"),
    ("enrolments", "seat_number"): ("座號", "只影響排列順序"),
    ("enrolments", "department"): ("科別", "學生改列另一科"),
    ("enrolments", "department_code"): ("科別代碼", "不影響統計"),
    ("enrolments", "division"): ("部別", "改列另一部"),
    ("enrolments", "status"): ("學籍狀態", "不在學的學生不計入人數，未完成的責任改為免辦"),
    ("enrolments", "left_at"): ("離校時間", "從這一天起未完成的責任改為免辦"),
    ("enrolments", "left_is_dated"): ("離校日期的來源", "離校日是名冊所載或匯入時間"),
    ("sections", "teacher_name"): ("教師姓名", "顯示的名字"),
    ("delegations", "to_on"): ("代理迄日", "這段日子的待辦由誰承辦"),
    ("delegations", "reason"): ("代理事由", "只是說明"),
    ("windows", "starts_at"): ("開始時間", "期程開始的時間"),
    ("windows", "ends_at"): ("截止時間", "準時與逾時的分界；原訂截止仍保留"),
    ("windows", "unit"): ("負責單位", "由誰負責"),
    ("windows", "self_check_from_at"): ("自我檢核開始", "自我檢核的日期"),
    ("windows", "self_check_to_at"): ("自我檢核結束", "自我檢核的日期"),
    ("windows", "published_at"): ("公告日期", "期程何時公告"),
    ("windows", "published_where"): ("公告位置", "期程公告在哪裡"),
    ("outcomes", "uploaded_at"): ("上傳時間", "上傳參與從何時算起"),
    ("certification_rounds", "sent_at"): ("送出認證時間", "責任開始的時間"),
    ("certification_rounds", "decision"): ("認證結果", "有了結果；通過與未通過都是完成"),
    ("certification_rounds", "decided_at"): ("認證日期", "認證的日期；第一次完成的日期不會改變"),
    ("certification_rounds", "released"): ("發佈狀態", "發佈給學生之後才算完成"),
    ("certification_rounds", "completed_at"): ("完成時間", "責任由待辦變成完成"),
    ("certification_rounds", "reason"): ("未通過原因", "只是說明"),
    ("certification_rounds", "certifier_code"): ("認證教師", "完成的功勞歸誰"),
    ("performances", "category"): ("多元表現類別", "件數的分類"),
    ("performances", "uploaded_at"): ("上傳時間", "上傳參與從何時算起"),
    ("registrations", "class_name"): ("班級", "登錄屬於哪一班"),
    ("registrations", "unit"): ("登錄單位", "由哪個單位登錄"),
    ("enrolment_changes", "class_name"): ("異動班級", "只是說明"),
    ("enrolment_changes", "note"): ("異動備註", "只是說明"),
    ("training_sessions", "unit"): ("主辦單位", "由哪個單位辦理"),
    ("training_sessions", "attendee_count"): ("參加人數", "只是說明"),
    ("staff_changes", "to_on"): ("異動迄日", "異動到哪一天為止"),
    ("staff_changes", "unit"): ("新單位", "調任到哪個處室"),
    ("staff_changes", "note"): ("異動備註", "只是說明"),
    ("school_days", "is_school_day"): ("是否上課", "這一天算不算上班上課日"),
    ("school_days", "note"): ("說明", "只是說明"),
    ("submissions", "submitted_at"): ("提交時間", "第一次提交的時間"),
    ("submission_sheets", "row_count"): ("列數", "這一張工作表提交了幾列"),
    ("submission_sheets", "matched_count"): ("對得到學生的列數", "能逐件核對的列數"),
    ("disputes", "answer"): ("答覆", "單位已經答覆，三日期限停止計算"),
    ("disputes", "answered_at"): ("答覆時間", "單位何時答覆；第一次答覆的時間不會改變"),
    ("disputes", "description"): ("問題描述", "只是說明"),
    ("disputes", "student_id"): ("回報的學生", "這一筆回報屬於哪位學生"),
    ("external_items", "status"): ("外校認證狀態", "在他校的認證結果，不列入本校件數"),
}
PERSONAL = {("students", "name"), ("students", "id_number_hash"), ("staff", "name"), ("staff", "email"), ("sections", "teacher_name"), ("enrolment_changes", "note"), ("staff_changes", "note"), ("disputes", "answer"), ("disputes", "description"), ("disputes", "student_id")}  # fmt: skip


def meaning_of(table_name: str, column: str) -> tuple[str, str]:
    """Return a column's title and what its change means."""
    return MEANINGS.get((table_name, column), (column, ""))
