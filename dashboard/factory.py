"""Builds the app. Once a process: Dash keeps pages and callbacks in module globals."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

from dash import Dash
from flask import Flask
from flask_compress import Compress
from werkzeug.middleware.proxy_fix import ProxyFix

from dashboard.access.guard import install_guard, seal
from dashboard.access.session import install_login
from dashboard.access.sign_on import install_sign_on
from dashboard.access.trail import install_trail
from dashboard.access.views import install_views
from dashboard.account import install_account
from dashboard.accounts import install_accounts
from dashboard.errors import install_errors
from dashboard.exports.audit import install_audit_export
from dashboard.exports.commendation import install_commendation
from dashboard.exports.imports import install_imports
from dashboard.exports.meetings import install_meetings
from dashboard.exports.notices import install_notices
from dashboard.exports.pack.routes import install_packs
from dashboard.exports.routes import install_exports
from dashboard.exports.slips import install_slips
from dashboard.i18n import install_i18n
from dashboard.second_factor import install_second_factor
from dashboard.security import install_headers
from dashboard.services.store import Store
from dashboard.settings import Settings
from dashboard.shell import install_shell
from data.audit import NoKeyError

PACKAGE = Path(__file__).resolve().parent
ASSETS = next(folder for folder in (PACKAGE / "assets", PACKAGE.parent / "assets") if folder.is_dir())
MAX_BODY_BYTES = 2 * 2**20  # pages post filters only; handing in files has a limit of its own


def create_app(settings: Settings | None = None) -> Dash:
    """Return the sealed app: gate first, then Dash, then pages. Raises NoKeyError."""
    settings = settings or Settings()
    store = Store(settings.url, id_key=settings.secret("id-number"), instance_dir=settings.instance_dir)
    if not store.can_write:
        raise NoKeyError
    server = Flask("dashboard", template_folder=str(PACKAGE / "templates"), static_folder=None)
    secure = settings.behind_tls
    server.config.update(
        SECRET_KEY=settings.secret("session"),
        SESSION_COOKIE_NAME="__Host-licheng" if secure else "licheng",
        SESSION_COOKIE_SECURE=secure,
        SESSION_COOKIE_HTTPONLY=True,
        SESSION_COOKIE_SAMESITE="Lax",
        PERMANENT_SESSION_LIFETIME=timedelta(hours=settings.session_hours),
        MAX_CONTENT_LENGTH=MAX_BODY_BYTES,
        LICHENG_SETTINGS=settings,
        LICHENG_STORE=store,
    )
    if secure:
        server.wsgi_app = ProxyFix(server.wsgi_app, x_for=1, x_proto=1, x_host=1)  # type: ignore[method-assign]
    install_guard(server)
    install_login(server)
    install_trail(server)
    install_i18n(server)
    install_views(server)
    install_sign_on(server)
    install_account(server)
    install_accounts(server)
    install_second_factor(server)
    install_exports(server)
    install_audit_export(server)
    install_slips(server)
    install_packs(server)
    install_meetings(server)
    install_commendation(server)
    install_notices(server)
    install_imports(server)
    install_errors(server)
    Compress(server)
    app = Dash(
        "dashboard",
        server=server,  # type: ignore[arg-type]
        use_pages=True,
        pages_folder=str(PACKAGE / "pages"),
        assets_folder=str(ASSETS),
        suppress_callback_exceptions=True,
        enable_mcp=False,
        use_async=False,
        update_title=None,  # type: ignore[arg-type]
        title="學習歷程檔案監測",
        meta_tags=[{"name": "viewport", "content": "width=device-width, initial-scale=1"}],
    )
    install_headers(server, script_hashes=lambda: list(app.csp_hashes()), behind_tls=secure)
    install_shell(app)
    seal(app)
    return app
