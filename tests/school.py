"""A demo school with one account a role, made once for the app and browser tests."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from pathlib import Path

from dashboard.access.roles import Role
from dashboard.services import accounts, imports
from dashboard.services.store import Store
from dashboard.settings import Settings
from data.demo.entries import enter_hand_ins
from data.demo.school import DemoSchool, write_school

PASSWORD = "正確的馬兒電池訂書針 7"
ROLES = {
    "principal": Role.CONVENER, "secretary": Role.EXECUTIVE_SECRETARY, "chief": Role.SECTION_CHIEF, "homeroom": Role.HOMEROOM,
    "teacher": Role.TEACHER, "member": Role.MEMBER, "auditor": Role.AUDITOR, "admin": Role.ADMIN,
}  # fmt: skip


@dataclass(frozen=True)
class Place:
    settings: Settings
    store: Store
    school: DemoSchool


def make_place(folder: Path, *, classes: int = 9, terms: int = 4, today: date | None = None) -> Place:
    settings = Settings(instance_dir=folder / "instance")
    store = Store(settings.url, id_key=settings.secret("id-number"), instance_dir=settings.instance_dir)
    store.migrate()
    school = write_school(folder / "files", classes=classes, terms=terms, seed=3, today=today or date.today())
    enter_hand_ins(store.engine, school.hand_ins, by="test")
    plan = imports.import_paths(store, [school.folder], by="test")
    assert plan.committed, [str(problem) for problem in plan.problems]
    scopes = {
        "chief": {"unit": school.chief_unit}, "homeroom": {"classes": [school.homeroom_class]},
        "teacher": {"staff_code": school.teacher_code},
    }  # fmt: skip
    for name, role in ROLES.items():
        accounts.add_user(store, name, PASSWORD, role=role, **({"classes": []} | scopes.get(name, {})))
    return Place(settings, store, school)
