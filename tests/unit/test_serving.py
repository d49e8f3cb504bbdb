"""The production server, as it runs: who says nothing does not keep the others waiting."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import sys
import time
from urllib.error import URLError
from urllib.request import urlopen

import pytest

SERVED = """
import sys
from pathlib import Path
from dashboard import serving
from dashboard.settings import Settings

serving.SILENCE_SECONDS = 1
serving.run(Settings(instance_dir=Path(sys.argv[1])), host="127.0.0.1", port=int(sys.argv[2]), workers=1)
"""


def answers(port: int, *, within: float) -> bool:
    ends = time.monotonic() + within
    while time.monotonic() < ends:
        with contextlib.suppress(URLError, TimeoutError, ConnectionError):
            return urlopen(f"http://127.0.0.1:{port}/healthz", timeout=2).status == 200
        time.sleep(0.2)
    return False


@pytest.fixture
def port(tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as free:
        number = free.getsockname()[1]
    command = [sys.executable, "-c", SERVED, str(tmp_path / "instance"), str(number)]
    with subprocess.Popen(command, env=os.environ | {"LICHENG_DATABASE_URL": ""}, stderr=subprocess.DEVNULL) as server:
        assert answers(number, within=60)
        yield number
        server.send_signal(signal.SIGQUIT)  # not waiting for those who say nothing


@pytest.mark.thorough
def test_who_begins_a_request_and_says_no_more_holds_nobody_up(port):
    begun = b"POST /login HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\nabc"
    with contextlib.ExitStack() as stack:
        for number in range(8):  # twice the threads there are
            silent = stack.enter_context(socket.create_connection(("127.0.0.1", port)))
            silent.sendall(begun if number % 2 else b"GET /healthz HT")
        assert answers(port, within=30)
