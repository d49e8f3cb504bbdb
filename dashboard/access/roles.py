"""Permissions, and the roles that hold them."""

from __future__ import annotations

from enum import StrEnum


class Permission(StrEnum):
    """What a page, callback or export asks for."""

    VIEW_OVERVIEW = "view_overview"
    VIEW_CERTIFICATION = "view_certification"
    EXPORT = "export"


class Role(StrEnum):
    """The kinds of person (product.md, who uses it)."""

    ADMIN = "admin"
    CONVENER = "convener"
    EXECUTIVE_SECRETARY = "executive_secretary"
    SECTION_CHIEF = "section_chief"
    HOMEROOM = "homeroom"
    TEACHER = "teacher"


TITLES = {
    Role.ADMIN: "系統管理者",
    Role.CONVENER: "召集人",
    Role.EXECUTIVE_SECRETARY: "執行秘書",
    Role.SECTION_CHIEF: "組長",
    Role.HOMEROOM: "導師",
    Role.TEACHER: "任課教師",
}

PERMISSIONS: dict[Role, frozenset[Permission]] = {
    Role.ADMIN: frozenset({Permission.VIEW_OVERVIEW}),  # accounts and health; no student or teacher rows
    Role.CONVENER: frozenset(Permission),
    Role.EXECUTIVE_SECRETARY: frozenset(Permission),
    Role.SECTION_CHIEF: frozenset(Permission),
    Role.HOMEROOM: frozenset(Permission),
    Role.TEACHER: frozenset({Permission.VIEW_CERTIFICATION}),
}
