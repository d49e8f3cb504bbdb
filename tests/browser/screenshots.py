"""The recipe behind docs/screenshots: both pages, light and wide, dark and wide, and 360 px."""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
import threading
from datetime import date
from pathlib import Path

from playwright.sync_api import Browser, Page, sync_playwright
from werkzeug.serving import make_server

from dashboard.factory import create_app
from tests.school import PASSWORD, make_place

SHOTS = {"light": ("light", 1366), "dark": ("dark", 1366), "phone": ("light", 360)}
PAGES = {"overview": "/", "certification": "/certification"}
ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


def chromium() -> str:
    """Return the system's Chromium."""
    found = os.environ.get("LICHENG_CHROMIUM") or shutil.which("chromium") or shutil.which("google-chrome")
    if not found:
        raise RuntimeError("no Chromium: apt-get install chromium, or set LICHENG_CHROMIUM")
    return found


def log_in(page: Page, address: str, username: str) -> None:
    page.goto(address + "/login")
    page.fill("#username", username)
    page.fill("#password", PASSWORD)
    page.click("button[type=submit]")
    page.wait_for_url(lambda url: "/login" not in url)


def settle(page: Page) -> None:
    """Wait until the page's own answer is there and its figures are drawn."""
    page.wait_for_selector("[id$=-head] h1")
    page.wait_for_function("[...document.querySelectorAll('.js-plotly-plot')].every(p => p.querySelector('.main-svg'))")
    page.wait_for_load_state("networkidle")
    page.wait_for_timeout(400)


def shoot(browser: Browser, address: str, folder: Path, *, query: str = "", username: str = "principal") -> None:
    for name, (theme, width) in SHOTS.items():
        context = browser.new_context(viewport={"width": width, "height": 900}, locale="zh-TW", color_scheme=theme)
        page = context.new_page()
        log_in(page, address, username)
        for title, path in PAGES.items():
            page.goto(address + path + query)
            settle(page)
            page.screenshot(path=folder / f"{title}-{name}.png", full_page=True)
        context.close()


def main(folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as scratch:
        place = make_place(Path(scratch), classes=24, terms=6, today=date(2026, 11, 24))
        server = make_server("127.0.0.1", 0, create_app(place.settings).server, threaded=True)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=chromium(), args=ARGUMENTS)
            shoot(browser, f"http://127.0.0.1:{server.server_port}", folder)
            browser.close()
        server.shutdown()


if __name__ == "__main__":
    main(Path(sys.argv[1] if len(sys.argv) > 1 else "docs/screenshots"))
