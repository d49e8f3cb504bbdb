"""What a person may see: taken from the session, never from what the browser says."""

from __future__ import annotations

from dataclasses import dataclass

from dashboard.access.roles import PERMISSIONS, Permission, Role


@dataclass(frozen=True, slots=True)
class Scope:
    """The part of the school a person may see. It is part of every cache key.

    classes: None is every class, else (school year, name). teachers: "all", "unit" (of the person's unit),
    "none" (no teacher by name) or "self".
    """

    role: Role
    classes: frozenset[tuple[int, str]] | None
    teachers: str
    staff_code: str = ""
    unit: str = ""

    @property
    def sees_students(self) -> bool:
        """Tell whether students are shown one by one."""
        return Permission.VIEW_STUDENT in PERMISSIONS[self.role]

    @property
    def lists_items(self) -> bool:
        """Tell whether items are listed with their students: to who sees those, and to the teacher who has to act on them."""
        return self.teachers == "self" or self.sees_students

    @property
    def suppressed(self) -> bool:
        """Tell whether small groups are merged: for those who act for no student and no teacher."""
        return self.role in (Role.MEMBER, Role.ADMIN)


def scope_for(role: Role, *, classes: frozenset[tuple[int, str]], staff_code: str, unit: str) -> Scope:
    """Return the scope that goes with a role (product.md, who uses it)."""
    if role in (Role.CONVENER, Role.EXECUTIVE_SECRETARY):
        return Scope(role, None, "all")
    if role == Role.SECTION_CHIEF:
        return Scope(role, None, "unit", unit=unit)
    if role == Role.HOMEROOM:
        return Scope(role, classes, "none")
    if role == Role.TEACHER:
        return Scope(role, frozenset(), "self", staff_code=staff_code)
    return Scope(role, None, "none")
