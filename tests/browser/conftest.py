"""A served school, and pages that remember whatever went wrong on them."""

from __future__ import annotations

import logging
import re
import threading
from collections.abc import Callable
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, BrowserContext, Page
from werkzeug.serving import make_server

from tests.browser.screenshots import ARGUMENTS, chromium
from tests.school import PASSWORD

UNCLOSED = "ignore:unclosed file:ResourceWarning"  # flask-compress leaves an asset's file to the garbage collector


def pytest_collection_modifyitems(items):
    for item in items:
        if item.path.parent == Path(__file__).parent:
            item.add_marker(pytest.mark.browser)
            item.add_marker(pytest.mark.filterwarnings(UNCLOSED))


@pytest.fixture(scope="session")
def address(app):
    """Where the school is served."""
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    server = make_server("127.0.0.1", 0, app.server, threaded=True)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture(scope="session")
def browser_type_launch_args(browser_type_launch_args):
    return browser_type_launch_args | {"executable_path": chromium(), "args": ARGUMENTS}


def log_in_quietly(context: BrowserContext, address: str, username: str) -> None:
    """Give a context a session of its own, without drawing a page."""
    form = context.request.get(address + "/login").text()
    token = re.search(r'name="csrf_token" value="([^"]+)"', form).group(1)
    sent = {"username": username, "password": PASSWORD, "csrf_token": token, "next": "/"}
    answer = context.request.post(address + "/login", form=sent, max_redirects=0)
    assert answer.status == 302


def watch(page: Page, address: str) -> list[str]:
    """Return a list that grows with each console error, script error, policy violation and request to another host."""
    problems: list[str] = []

    def on_request(url: str) -> None:
        parts = urlsplit(url)
        if parts.scheme not in ("data", "blob") and f"{parts.scheme}://{parts.netloc}" != address:
            problems.append(f"asks another host: {url}")

    def on_console(message) -> None:
        if message.type == "error" or "Content Security Policy" in message.text:
            problems.append(f"console: {message.text} ({message.location.get('url', '')})")

    page.on("request", lambda request: on_request(request.url))
    page.on("console", on_console)
    page.on("pageerror", lambda error: problems.append(f"script: {error}"))
    return problems


@pytest.fixture
def page_as(browser: Browser, address: str) -> Callable[..., Page]:
    """Open pages as a person (None: nobody); at the end of the story none of them may have had a problem.

    forgives: a pattern of the problems that the story itself provokes.
    """
    opened: list[tuple[BrowserContext, list[str], str]] = []

    def open_as(
        username: str | None = None,
        path: str | None = "/",
        *,
        width: int = 1366,
        color_scheme: str = "light",
        language: str = "zh_Hant_TW",
        forgives: str = "",
        script: str | None = None,
    ) -> Page:
        context = browser.new_context(
            base_url=address,
            viewport={"width": width, "height": 900},
            locale="zh-TW",
            timezone_id="Asia/Taipei",
            color_scheme=color_scheme,
        )
        context.set_default_timeout(10_000)
        context.add_cookies([{"name": "lang", "value": language, "url": address}])
        if script:
            context.add_init_script(path=script)
        if username:
            log_in_quietly(context, address, username)
        page = context.new_page()
        page.problems = watch(page, address)
        opened.append((context, page.problems, forgives))
        if path is not None:
            page.goto(path)
        return page

    yield open_as
    found = []
    for context, problems, forgives in opened:
        context.close()
        found += [each for each in problems if not (forgives and re.search(forgives, each))]
    assert found == []


def ready(page: Page) -> None:
    """Wait until the page's own answer is there and every figure is drawn."""
    page.wait_for_selector("[id$=-head] h1")
    page.wait_for_function(
        """() => !document.querySelector('[data-dash-is-loading]')
            && [...document.querySelectorAll('.js-plotly-plot')].every((plot) => plot.querySelector('.main-svg'))
            && [...document.querySelectorAll('.lc-grid')].every((grid) => grid.querySelector('.ag-row'))"""
    )


def figures(page: Page) -> list[str]:
    """Return what each figure draws, as text that can be compared."""
    return page.evaluate("[...document.querySelectorAll('.js-plotly-plot')].map((plot) => JSON.stringify(plot.data))")


def heading(page: Page) -> str:
    return page.locator("h1").inner_text()
