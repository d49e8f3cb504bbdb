"""The production server: gunicorn with a few processes where it runs, waitress on Windows."""

from __future__ import annotations

import socket
import struct
import sys
from collections.abc import Sequence
from threading import Thread
from typing import Any

from dashboard.exports.notices import mail_writer
from dashboard.services.notices import keep_reminding
from dashboard.services.store import Store
from dashboard.settings import Settings

SILENCE_SECONDS = 15


def start_reminding(store: Store, settings: Settings) -> None:
    """Look after reminders in a thread of this process, as any number of processes may: each notice is claimed by one."""
    thread = Thread(target=keep_reminding, args=(store, settings, mail_writer()), name="licheng-reminders", daemon=True)
    thread.start()


def _hear_no_silence(listeners: Sequence[Any]) -> None:
    """Give up on who begins a request and then says nothing: each would hold a thread, and a handful the whole server.

    Connections take this over from the socket they came in by (Linux). Against who goes on a byte at a time, only a proxy that
    takes requests in before it passes them on helps (docs/operations.md).
    """
    for listener in listeners:
        listener.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, struct.pack("ll", SILENCE_SECONDS, 0))


def run(settings: Settings, *, host: str, port: int, workers: int) -> None:
    """Serve until stopped."""
    if sys.platform == "win32":
        from waitress import serve

        from dashboard.factory import create_app

        server = create_app(settings).server
        start_reminding(server.config["LICHENG_STORE"], settings)
        serve(server, host=host, port=port, threads=8)
        return
    from gunicorn.app.base import BaseApplication

    class Server(BaseApplication):  # type: ignore[misc]
        """gunicorn without its own command line."""

        def load_config(self) -> None:
            """Few threads a process; processes carry the parallel work."""
            options = {
                "bind": f"{host}:{port}",
                "workers": workers,
                "threads": 4,
                "preload_app": False,
                "loglevel": "warning",
                "timeout": 60,
            }
            for key, value in options.items():
                self.cfg.set(key, value)
            self.cfg.set("when_ready", lambda server: _hear_no_silence(server.LISTENERS))
            self.cfg.set(
                "post_worker_init", lambda worker: start_reminding(worker.wsgi.config["LICHENG_STORE"], settings)
            )

        def load(self) -> object:
            """Make the app in each worker: an engine must not cross a fork."""
            from dashboard.factory import create_app

            return create_app(settings).server

    Server().run()
