"""The recipe behind docs/screenshots: each page once, light and wide; the overview also dark, and on a phone."""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
import threading
import time
from contextlib import ExitStack
from datetime import date, timedelta
from pathlib import Path

from playwright.sync_api import Browser, Page, sync_playwright
from werkzeug.serving import make_server

from dashboard.access.roles import Role
from dashboard.factory import create_app
from dashboard.services import imports
from data.demo.school import write_school
from tests.school import PASSWORD, Place, make_place

LOOKS = {"light": ("light", 1366), "dark": ("dark", 1366), "phone": ("light", 360)}
MOST_HEIGHT = 1200  # px: the frame, the figures and the first cards; the files stay small
PAGES = {
    "uploads": "/uploads?term=1142", "certification": "/certification", "selection": "/selection?term=1142",
    "submission": "/submission", "receipts": "/receipts?term=1142", "class": "/classes/101",
    "department": "/departments/資訊科", "teacher": "/teachers/T043", "student": "/students/1140001",
    "corrections": "/corrections", "packs": "/packs", "meetings": "/meetings", "privacy": "/privacy",
}  # fmt: skip
ADMIN_PAGES = {"admin": "/admin", "audit": "/admin/audit"}
SCHOOL = {"classes": 24, "terms": 6}
TODAY = date(2026, 11, 24)
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


def shoot(
    browser: Browser, address: str, folder: Path, pages: dict[str, str], *, username: str, look: str = "light"
) -> None:
    """Take the top of each page as a person sees it, under its name and look."""
    theme, width = LOOKS[look]
    context = browser.new_context(viewport={"width": width, "height": 900}, locale="zh-TW", color_scheme=theme)
    page = context.new_page()
    log_in(page, address, username)
    for title, path in pages.items():
        page.goto(address + path)
        settle(page)
        height = min(page.evaluate("document.documentElement.scrollHeight"), MOST_HEIGHT)
        clip = {"x": 0, "y": 0, "width": width, "height": height}
        page.screenshot(path=folder / f"{title}-{look}.png", full_page=True, clip=clip)
    context.close()


def freeze_a_pack(browser: Browser, address: str) -> None:
    """Freeze the evidence of the day, so that the page has a pack to show."""
    page = browser.new_page()
    log_in(page, address, "secretary")
    page.goto(address + "/packs")
    settle(page)
    page.click("form[action='/packs/freeze'] button")
    page.wait_for_selector("a[href$='pack.pdf']")
    page.close()


def hand_in(place: Place, scratch: Path) -> str:
    """Hand in the next day's exports, one of them cut off on its way, and return the token once they are checked."""
    folder = write_school(scratch / "next", seed=3, today=TODAY + timedelta(days=1), **SCHOOL).folder
    broken = folder / "勾選情形_114.xlsx"
    broken.write_bytes(broken.read_bytes()[:2_000])
    wanted = ("認證清單_1151", "多元表現清單_115", "學生資料名冊_115", "授課名冊_115", "代理人名單", "勾選情形_114")
    with ExitStack() as opened:
        files = [(p.name, opened.enter_context(p.open("rb"))) for p in sorted(folder.iterdir()) if p.stem in wanted]
        token = imports.hand_in(place.store, files, by="secretary")
    while imports.job_of(place.store, token, by="secretary", role=Role.EXECUTIVE_SECRETARY).is_running:
        time.sleep(0.5)
    return token


def main(folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as scratch:
        place = make_place(Path(scratch), **SCHOOL, today=TODAY)
        server = make_server("127.0.0.1", 0, create_app(place.settings).server, threaded=True)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=chromium(), args=ARGUMENTS)
            address = f"http://127.0.0.1:{server.server_port}"
            for look in LOOKS:
                shoot(browser, address, folder, {"overview": "/"}, username="principal", look=look)
            freeze_a_pack(browser, address)
            shoot(browser, address, folder, PAGES, username="secretary")
            waiting = {"imports": f"/imports?job={hand_in(place, Path(scratch))}"}
            shoot(browser, address, folder, waiting, username="secretary")
            shoot(browser, address, folder, ADMIN_PAGES, username="admin")
            browser.close()
        server.shutdown()


if __name__ == "__main__":
    main(Path(sys.argv[1] if len(sys.argv) > 1 else "docs/screenshots"))
