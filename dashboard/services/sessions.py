"""One's own logins: which there are, and ending them all."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import delete, select

from dashboard.services.store import Store
from data.audit import append
from data.db import reading, writing
from data.instants import TAIPEI
from data.models import UserSession
from data.schema import SchoolSettings
from data.school import read_settings

# In this order: every one of them also names those below it.
_BROWSERS = (("Edg", "Edge"), ("OPR/", "Opera"), ("Firefox/", "Firefox"), ("Chrome/", "Chrome"), ("Safari/", "Safari"))
_SYSTEMS = (
    ("iPhone", "iPhone"), ("iPad", "iPad"), ("Android", "Android"), ("CrOS", "ChromeOS"), ("Windows", "Windows"),
    ("Mac OS", "macOS"), ("Linux", "Linux"),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Login:
    """A login that is still good. browser: its kind and system, "" where neither was known."""

    began_at: datetime
    seen_at: datetime
    browser: str
    is_this_one: bool


def browser_name(user_agent: str) -> str:
    """Return the kind of browser and system, and nothing that tells two people with the same kind apart."""
    found = [
        next((name for mark, name in kinds if mark in user_agent), "") for kinds in (_BROWSERS, _SYSTEMS)
    ]  # fmt: skip
    return "・".join(part for part in found if part)


def list_logins(
    store: Store, user_id: int, *, token_hash: str, idle_minutes: int, session_hours: int, at: datetime | None = None
) -> list[Login]:
    """Return the logins of an account that neither ended nor ran out, the one of token_hash first, then the newest."""
    moment = at or datetime.now(TAIPEI)
    alive = (
        UserSession.user_id == user_id,
        UserSession.seen_at >= moment - timedelta(minutes=idle_minutes),
        UserSession.created_at >= moment - timedelta(hours=session_hours),
    )
    with reading(store.engine) as connection:
        rows = connection.execute(
            select(UserSession).where(*alive).order_by(UserSession.seen_at.desc(), UserSession.id.desc())
        ).all()
    logins = [Login(row.created_at, row.seen_at, row.browser, row.token_hash == token_hash) for row in rows]
    return sorted(logins, key=lambda login: not login.is_this_one)


def end_all(store: Store, user_id: int, username: str) -> int:
    """End every login of an account, the one that asks included; return how many there were."""
    with writing(store.engine) as connection:
        ended = connection.execute(delete(UserSession).where(UserSession.user_id == user_id)).rowcount
        detail = {"sessions": ended}
        append(connection, at=datetime.now(TAIPEI), actor=username, action="logged_out_everywhere", detail=detail, about=f"account:{username}")  # fmt: skip
    return ended


def school_settings(store: Store) -> SchoolSettings:
    """Return the school's settings, of which the scope's words name some."""
    with reading(store.engine) as connection:
        return read_settings(connection)
