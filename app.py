"""Entry point: `gunicorn app:server` in production, `python app.py` to try."""

from __future__ import annotations

from dashboard.factory import create_app

app = create_app()
server = app.server

if __name__ == "__main__":
    app.run(host="127.0.0.1", port=8050)
