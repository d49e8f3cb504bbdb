"""The headers of every answer, one reason a line."""

from __future__ import annotations

from collections.abc import Callable

from flask import Flask, Response, request


def install_headers(server: Flask, *, script_hashes: Callable[[], list[str]], behind_tls: bool) -> None:
    """Add the content security policy and its companions to every answer, refusals included."""

    @server.after_request
    def _headers(response: Response) -> Response:
        scripts = " ".join(script_hashes())
        response.headers["Content-Security-Policy"] = "; ".join(
            [
                "default-src 'none'",  # what is not named below is not loaded
                f"script-src 'self' {scripts}",  # our files, and Dash's inline scripts by hash; no eval
                "style-src 'self' 'unsafe-inline'",  # Plotly and AG Grid write style attributes
                "img-src 'self' data: blob:",  # chart downloads
                "font-src 'self' data:",  # AG Grid's icons
                "connect-src 'self'",
                "worker-src 'self' blob:",
                "manifest-src 'self'",
                "base-uri 'none'",
                "object-src 'none'",
                "form-action 'self'",
                "frame-ancestors 'none'",
            ]
        )
        response.headers["X-Content-Type-Options"] = "nosniff"
        response.headers["X-Frame-Options"] = "DENY"  # frame-ancestors, for those who do not read the policy
        response.headers["Referrer-Policy"] = "same-origin"  # a link out tells nobody which class was looked at
        response.headers["Cross-Origin-Opener-Policy"] = "same-origin"
        response.headers["Cross-Origin-Resource-Policy"] = "same-origin"
        response.headers["Permissions-Policy"] = "camera=(), microphone=(), geolocation=()"
        if not request.path.startswith(("/assets/", "/_dash-component-suites/")):
            response.headers["Cache-Control"] = "no-store"  # pages hold figures about people
        if behind_tls:
            response.headers["Strict-Transport-Security"] = "max-age=31536000; includeSubDomains"
        return response
