"""Permissions, and the roles that hold them."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from dashboard.i18n import N_


class Permission(StrEnum):
    """What a page, callback or export asks for."""

    VIEW_OWN = "view_own"  # what is held of oneself, and who looked: everybody's
    VIEW_OVERVIEW = "view_overview"
    VIEW_UPLOADS = "view_uploads"
    VIEW_CERTIFICATION = "view_certification"
    VIEW_SELECTION = "view_selection"
    VIEW_SUBMISSION = "view_submission"
    VIEW_RECEIPTS = "view_receipts"
    VIEW_DEPARTMENT = "view_department"
    VIEW_CLASS = "view_class"
    VIEW_TEACHER = "view_teacher"  # one teacher's work: those the scope names, oneself
    VIEW_STUDENT = "view_student"  # students by name: for those who have to act for them
    EXPORT = "export"
    VIEW_IMPORTS = "view_imports"  # the history of imports and their health; no rows
    IMPORT = "import"  # hand in, decide, undo
    CORRECT = "correct"  # enter by hand what no export carries, and take it back
    VIEW_PACKS = "view_packs"  # the frozen evidence of a meeting, in the edition of the role
    MAKE_PACKS = "make_packs"
    VIEW_MEETINGS = "view_meetings"  # the group's meetings, by titles and never by names
    MANAGE_MEETINGS = "manage_meetings"  # plan, mark who was present, write down and follow up what was resolved
    MANAGE_REMINDERS = "manage_reminders"  # switch reminders on, see who is written to and what became of it
    VIEW_OWN_CASE = "view_own_case"  # award cases about oneself, by the account's staff code
    VIEW_AWARDS = "view_awards"  # criteria, what they find, and everybody's cases
    PROPOSE_AWARDS = "propose_awards"  # write criteria, draft, propose, record the group's assessment
    DECIDE_AWARDS = "decide_awards"
    VIEW_AUDIT = "view_audit"  # who did and looked at what
    ADMINISTER = "administer"  # accounts, roles, settings, health, backups


class Role(StrEnum):
    """The kinds of person (product.md, who uses it)."""

    ADMIN = "admin"
    CONVENER = "convener"
    EXECUTIVE_SECRETARY = "executive_secretary"
    SECTION_CHIEF = "section_chief"
    HOMEROOM = "homeroom"
    TEACHER = "teacher"
    MEMBER = "member"
    AUDITOR = "auditor"


@dataclass(frozen=True, slots=True)
class RoleFacts:
    """What a role is called and for, what it needs to have a scope (classes, staff_code, unit or nothing), and whether a deputy may hold it."""

    title: str
    description: str
    needs: str = ""
    can_be_delegated: bool = False


# A teacher's work goes to the 代理人 of the staff office's list, item by item; members and auditors are appointed in person.
ROLES: dict[Role, RoleFacts] = {
    Role.ADMIN: RoleFacts(N_("系統管理者"), N_("帳號、職務、設定、備份與系統狀態；看不到學生與教師")),
    Role.CONVENER: RoleFacts(N_("召集人"), N_("全校，包括教師；主持會議、決定敘獎"), can_be_delegated=True),
    Role.EXECUTIVE_SECRETARY: RoleFacts(
        N_("執行秘書"), N_("全校，包括教師與學生；期程、匯入、會議、提醒、敘獎提案"), can_be_delegated=True
    ),
    Role.SECTION_CHIEF: RoleFacts(
        N_("組長"), N_("全校統計、學生與自己處室的教師；匯入與登錄"), needs="unit", can_be_delegated=True
    ),
    Role.HOMEROOM: RoleFacts(
        N_("導師"), N_("自己的班級與學生，限那一學年；不列教師"), needs="classes", can_be_delegated=True
    ),
    Role.TEACHER: RoleFacts(N_("任課教師"), N_("自己的認證"), needs="staff_code"),
    Role.MEMBER: RoleFacts(N_("工作小組成員"), N_("全校統計與會議資料，沒有姓名；小群組合併")),
    Role.AUDITOR: RoleFacts(N_("稽核"), N_("唯讀：全校統計、匯入紀錄與稽核紀錄")),
}

_OWN_CLASS = frozenset(
    {
        Permission.VIEW_OWN, Permission.VIEW_OVERVIEW, Permission.VIEW_UPLOADS, Permission.VIEW_CERTIFICATION, Permission.VIEW_SELECTION,
        Permission.VIEW_RECEIPTS, Permission.VIEW_CLASS, Permission.EXPORT,
    }
)  # fmt: skip
_SCHOOL = _OWN_CLASS | {Permission.VIEW_SUBMISSION, Permission.VIEW_DEPARTMENT, Permission.VIEW_TEACHER}
# The full edition has names in its annex; all others of the group read the edition for members.
EDITIONS: dict[Role, frozenset[str]] = {
    Role.CONVENER: frozenset({"full", "members"}),
    Role.EXECUTIVE_SECRETARY: frozenset({"full", "members"}),
    Role.SECTION_CHIEF: frozenset({"members"}),
    Role.MEMBER: frozenset({"members"}),
    Role.AUDITOR: frozenset({"members"}),
}
_AGGREGATES = _SCHOOL - {Permission.VIEW_CLASS, Permission.VIEW_TEACHER}
_REGISTRAR = _SCHOOL | {Permission.VIEW_STUDENT, Permission.VIEW_IMPORTS, Permission.IMPORT, Permission.CORRECT}
_GROUP = frozenset({Permission.VIEW_PACKS, Permission.VIEW_MEETINGS})
_CHAIR = _GROUP | {Permission.MAKE_PACKS, Permission.MANAGE_MEETINGS}
_AWARDS = frozenset({Permission.VIEW_OWN_CASE, Permission.VIEW_AWARDS})
# Written out: a new permission is nobody's until somebody says whose.
PERMISSIONS: dict[Role, frozenset[Permission]] = {
    # health and accounts; no student or teacher rows
    Role.ADMIN: frozenset(
        {
            Permission.VIEW_OWN,
            Permission.VIEW_OVERVIEW,
            Permission.VIEW_IMPORTS,
            Permission.VIEW_AUDIT,
            Permission.ADMINISTER,
        }
    ),
    Role.CONVENER: _SCHOOL | {Permission.VIEW_IMPORTS, Permission.DECIDE_AWARDS} | _CHAIR | _AWARDS,
    Role.EXECUTIVE_SECRETARY: _REGISTRAR | _CHAIR | _AWARDS | {Permission.MANAGE_REMINDERS, Permission.PROPOSE_AWARDS},
    Role.SECTION_CHIEF: _REGISTRAR | _GROUP | {Permission.VIEW_OWN_CASE},
    Role.HOMEROOM: _OWN_CLASS | {Permission.VIEW_STUDENT, Permission.VIEW_OWN_CASE},
    Role.TEACHER: frozenset(
        {
            Permission.VIEW_OWN,
            Permission.VIEW_CERTIFICATION,
            Permission.VIEW_TEACHER,
            Permission.EXPORT,
            Permission.VIEW_OWN_CASE,
        }
    ),
    # parents and students sit in the group: no names, small groups suppressed
    Role.MEMBER: _AGGREGATES | _GROUP,
    Role.AUDITOR: _SCHOOL - {Permission.VIEW_TEACHER} | _GROUP | {Permission.VIEW_IMPORTS, Permission.VIEW_AUDIT},
}
