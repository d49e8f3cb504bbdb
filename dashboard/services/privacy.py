"""What is held of the person who asks, and who has looked at it; the same for everybody, by one's own account only."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import func, or_, select

from dashboard.services.store import Store
from data.db import reading
from data.models import (
    AuditEvent,
    AwardCase,
    AwardStep,
    Delegation,
    Grant,
    Import,
    Outcome,
    Reassignment,
    Round,
    SchoolClass,
    Section,
    StaffChange,
    UserSession,
)
from data.regulation.processing import REGISTER, Processing
from data.school import read_settings

__all__ = ["MOST_VIEWS", "REGISTER", "Own", "Processing", "View", "own"]

MOST_VIEWS = 100
_LOOKED = ("view_teacher", "export")


@dataclass(frozen=True, slots=True)
class View:
    """Somebody looked at one's own page or took it away. role: acted in then; empty in what was noted before roles were."""

    at: datetime
    role: str
    action: str
    by_oneself: bool


@dataclass(frozen=True, slots=True)
class Own:
    """What is held. account, staff: what, as a key, and how many; views: newest first, view_count of them in all."""

    account: dict[str, int]
    staff: dict[str, int]
    views: tuple[View, ...]
    view_count: int
    retention_years: int


def own(store: Store, *, user_id: int, username: str, staff_code: str) -> Own:
    """Return what is held of an account and of its 教師代碼, and who looked at that teacher's page."""
    with reading(store.engine) as connection:

        def count(model: Any, *where: Any) -> int:
            return int(connection.execute(select(func.count()).select_from(model).where(*where)).scalar_one())

        account = {
            "sessions": count(UserSession, UserSession.user_id == user_id),
            "grants": count(Grant, Grant.user_id == user_id),
            "events": count(AuditEvent, AuditEvent.actor == username),
            "logins": count(AuditEvent, AuditEvent.actor == username, AuditEvent.action == "login"),
            "exports": count(AuditEvent, AuditEvent.actor == username, AuditEvent.action == "export"),
            "imports": count(Import, Import.imported_by == username),
        }
        staff: dict[str, int] = {}
        looked: list[Any] = []
        if staff_code:
            staff = {
                "outcomes": count(Outcome, Outcome.teacher_code == staff_code),
                "rounds": count(Round, Round.certifier_code == staff_code),
                "sections": count(Section, Section.teacher_code == staff_code),
                "reassignments": count(Reassignment, Reassignment.teacher_code == staff_code),
                "delegations": count(
                    Delegation, or_(Delegation.principal_code == staff_code, Delegation.deputy_code == staff_code)
                ),
                "classes": count(SchoolClass, SchoolClass.homeroom_code == staff_code),
                "changes": count(StaffChange, StaffChange.staff_code == staff_code),
                # What was proposed: a draft is no decision to say anything about the person.
                "awards": count(
                    AwardCase,
                    AwardCase.staff_code == staff_code,
                    AwardCase.id.in_(select(AwardStep.case_id).where(AwardStep.kind == "proposed")),
                ),
            }
            mine = (AuditEvent.about == f"teacher:{staff_code}") & AuditEvent.action.in_(_LOOKED)
            total = count(AuditEvent, mine)
            newest = (
                select(AuditEvent.happened_at, AuditEvent.actor, AuditEvent.action, AuditEvent.detail)
                .where(mine)
                .order_by(AuditEvent.sequence.desc())
                .limit(MOST_VIEWS)
            )
            looked = list(connection.execute(newest))
        return Own(
            account, staff, tuple(View(row.happened_at, json.loads(row.detail).get("role", ""), row.action, row.actor == username) for row in looked),
            total if staff_code else 0, read_settings(connection).audit_retention_years,
        )  # fmt: skip
