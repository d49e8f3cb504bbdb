"""The login behind a request, and the scope that comes from it."""

from __future__ import annotations

from flask import Flask, current_app, g
from flask_login import LoginManager, UserMixin, current_user

from dashboard.access.roles import EDITIONS, PERMISSIONS, Permission, Role
from dashboard.access.scope import Scope, scope_for
from dashboard.services import accounts
from dashboard.services.store import Store
from dashboard.settings import Settings


class Person(UserMixin):  # type: ignore[misc]
    """flask-login's view of an account: its id is the session's token, so that a session can be ended."""

    def __init__(self, account: accounts.Account) -> None:
        self.account = account
        self.scope = scope_for(account.role, classes=account.classes, staff_code=account.staff_code, unit=account.unit)

    def get_id(self) -> str:
        """Return the session token."""
        return self.account.session_token

    def may(self, permission: Permission) -> bool:
        """Tell whether the role holds a permission."""
        return permission in PERMISSIONS[self.account.role]


def install_login(server: Flask) -> None:
    """Let flask-login find the person by the session token in the signed cookie."""
    manager = LoginManager(server)
    settings = server.config["LICHENG_SETTINGS"]

    @manager.user_loader  # type: ignore[untyped-decorator]
    def _load(token: str) -> Person | None:
        account = accounts.account_of(
            server.config["LICHENG_STORE"], token, idle_minutes=settings.idle_minutes, session_hours=settings.session_hours
        )  # fmt: skip
        return Person(account) if account else None


def is_logged_in() -> bool:
    """Tell whether the request comes from a logged-in person."""
    return bool(current_user and current_user.is_authenticated)


def must_change_password() -> bool:
    """Tell whether this request's person still has a password that somebody else knows."""
    return is_logged_in() and bool(current_user.account.must_change_password)


def must_set_up_second_factor() -> bool:
    """Tell whether the school requires a second factor of this request's person, who has none yet."""
    return is_logged_in() and bool(current_user.account.must_set_up_second_factor)


def may(permission: Permission) -> bool:
    """Tell whether the person of this request holds a permission."""
    return is_logged_in() and current_user.may(permission)


def current_scope() -> Scope:
    """Return the scope of this request's person, and note that it was asked for (guard.protected_callback)."""
    scope: Scope = current_user.scope
    g.scope_asked = True
    return scope


def current_role() -> Role:
    """Return the role of this request's person."""
    return Role(current_user.scope.role)


def editions() -> frozenset[str]:
    """Return the editions of packs that the person of this request may read."""
    return EDITIONS.get(current_role(), frozenset()) if may(Permission.VIEW_PACKS) else frozenset()


def current_name() -> str:
    """Return the account name of this request's person."""
    return str(current_user.account.username)


def current_account() -> accounts.Account:
    """Return the account of this request's person."""
    account: accounts.Account = current_user.account
    return account


def settings() -> Settings:
    """Return how this server is set up."""
    found: Settings = current_app.config["LICHENG_SETTINGS"]
    return found


def store() -> Store:
    """Return the open store of this server."""
    opened: Store = current_app.config["LICHENG_STORE"]
    return opened
