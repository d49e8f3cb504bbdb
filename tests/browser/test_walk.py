"""A walk as each role through every page and link, in every look, and by the keyboard alone."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator
from urllib.parse import urlsplit

import pytest
from hypothesis import settings
from playwright.sync_api import Page, expect

from tests.browser.conftest import log_in_quietly, ready, watch
from tests.browser.test_accessibility import AXE, violations
from tests.school import ROLES

THOROUGH = (
    settings.get_current_profile_name() == "thorough"
)  # else each page in one of four looks that differ in two ways
LOOKS = list(itertools.product(("light", "dark"), ("zh_Hant_TW", "en"), (1366, 360)))
FOUR = (0, 3, 5, 6)
STARTS = {"teacher": "/certification"}
# Files, and what leaves the page on purpose; the looks of the login have tests of their own.
NOT_PAGES = re.compile(r"^/(exports|slips|logout|language|login|packs/\d|templates|imports/(jobs|templates))")
MANY = {"classes", "teachers", "students", "departments"}  # one of each stands for all


@pytest.fixture
def walker(browser, address):
    """Open one page as a person; the looks change on it, as logging in and loading anew is what takes the time."""
    opened = []

    def open_as(username: str) -> tuple[Page, list[str]]:
        context = browser.new_context(base_url=address, locale="zh-TW", timezone_id="Asia/Taipei")
        context.set_default_timeout(15_000)
        log_in_quietly(context, address, username)
        page = context.new_page()
        problems = watch(page, address)
        page.on(
            "response",
            lambda answer: problems.append(f"{answer.status}: {answer.url}") if answer.status >= 400 else None,
        )
        page.add_init_script(path=AXE)
        opened.append(context)
        return page, problems

    yield open_as
    for context in opened:
        context.close()


def look(page: Page, address: str, path: str, *, scheme: str, language: str, width: int) -> None:
    """Show a page in a look and wait until its answer is there."""
    page.context.add_cookies([{"name": "lang", "value": language, "url": address}])
    page.emulate_media(color_scheme=scheme)
    page.set_viewport_size({"width": width, "height": 900})
    page.goto(path, wait_until="commit")
    page.wait_for_selector("main h1")
    page.wait_for_function(
        """() => !document.querySelector('[data-dash-is-loading]') && ![...document.querySelectorAll('[id$=-body]')].some((body) => !body.childElementCount)
            && [...document.querySelectorAll('.js-plotly-plot')].every((plot) => plot.querySelector('.main-svg'))
            && [...document.querySelectorAll('.lc-grid')].every((grid) => grid.querySelector('.ag-row, .ag-overlay'))"""
    )


def wrong_on(page: Page, where: str, *, width: int, with_axe: bool = True) -> list[str]:
    """Return what is wrong with the page that is shown: for readers of any kind, and on a narrow screen."""
    found = [f"{where}: {each}" for each in violations(page)] if with_axe else []
    if page.evaluate("document.documentElement.scrollWidth > window.innerWidth"):
        found.append(f"{where}: scrolls sideways at {width} px")
    return found


def links(page: Page) -> set[str]:
    """Return the addresses of this site that the page leads to."""
    found = page.eval_on_selector_all(
        "a[href]:not([download])", "links => links.map(link => link.getAttribute('href'))"
    )
    # A grid's rows hold theirs until they are drawn; those that are drawn stand for the rest.
    return {each for each in found if each.startswith("/") and not NOT_PAGES.match(each)}


def kind_of(address: str) -> str:
    """Name the kind of page at an address: all classes are one kind, and so is a page whatever it is asked."""
    parts = urlsplit(address).path.strip("/").split("/")
    return parts[0] + "/*" if parts[0] in MANY else "/".join(parts)


def walk(
    page: Page, address: str, start: str, looks: Iterator[tuple[str, str, int]]
) -> tuple[dict[str, str], list[str]]:
    """Follow every link to a page of a kind not seen yet; return the pages by kind, and what was wrong."""
    waiting, seen, wrong = [start], {kind_of(start): start}, []
    while waiting:
        path = waiting.pop(0)
        scheme, language, width = next(looks)
        where = f"{path} ({scheme}, {language}, {width})"
        look(page, address, path, scheme=scheme, language=language, width=width)
        # Each kind of page meets axe below, in its looks; here it is most of the time.
        wrong += wrong_on(page, where, width=width, with_axe=THOROUGH)
        for each in sorted(links(page)):
            if kind_of(each) not in seen:
                seen[kind_of(each)] = each
                waiting.append(each)
    return seen, wrong


LED_ALIKE = {"principal", "chief", "auditor", "homeroom"}  # to pages that the others meet as well


@pytest.mark.parametrize(
    "username", [pytest.param(name, marks=[pytest.mark.thorough] * (name in LED_ALIKE)) for name in ROLES]
)
def test_every_page_that_a_role_is_led_to_is_whole(walker, address, username):
    page, problems = walker(username)
    looks = itertools.islice(itertools.cycle(LOOKS), list(ROLES).index(username), None)
    seen, wrong = walk(page, address, STARTS.get(username, "/"), looks)
    assert wrong + problems == []
    expected = {"secretary": "students/*", "admin": "admin", "teacher": "teachers/*", "homeroom": "classes/*"}
    assert expected.get(username, kind_of(STARTS.get(username, "/"))) in seen, seen


PAGES = {
    "secretary": (
        "/", "/uploads", "/certification", "/selection", "/submission", "/receipts", "/packs", "/meetings", "/commendation", "/reminders", "/imports", "/corrections",
        "/classes/{class}", "/departments/{department}", "/teachers/{teacher}", "/students/{student}", "/not-there",
    ),
    "admin": ("/admin", "/admin/audit", "/privacy"),
}  # fmt: skip


@pytest.fixture(scope="session")
def about(place):
    """One class, department, teacher and student of the school."""
    _, ledger = place.store.ledger()
    from sqlalchemy import select

    from data.db import reading
    from data.models import Student

    with reading(place.store.engine) as connection:
        student = connection.execute(select(Student.student_number).limit(1)).scalar_one()
    department = next(str(name) for name in ledger.labels["department"] if name)
    return {
        "class": place.school.homeroom_class, "department": department, "teacher": place.school.teacher_code, "student": student,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("number", "scheme", "language", "width"),
    [pytest.param(n, *each, marks=[pytest.mark.thorough] * (n not in FOUR)) for n, each in enumerate(LOOKS)],
)
def test_every_kind_of_page_is_right_in_every_look(walker, address, about, number, scheme, language, width):
    wrong = []
    for username, paths in PAGES.items():
        page, problems = walker(username)
        for path in (path for place, path in enumerate(paths) if THOROUGH or FOUR[place % 4] == number):
            look(page, address, path.format(**about), scheme=scheme, language=language, width=width)
            wrong += wrong_on(page, path, width=width)
        wrong += problems
    assert wrong == []


# --- by the keyboard alone --------------------------------------------------------------------------------------------

FOCUSABLE = """() => {
    const shown = (each) => each.checkVisibility({visibilityProperty: true}) && !each.closest('[inert], [hidden]');
    const all = [...document.querySelectorAll('a[href], button, input, select, textarea, summary, [tabindex="0"]')];
    const own = all.filter((each) => shown(each) && !each.disabled && each.tabIndex >= 0 && !each.closest('.ag-root-wrapper'));
    own.forEach((each, place) => { each.dataset.place = place; });
    return own.length;
}"""
FOCUSED = """() => {
    const at = document.activeElement;
    if (!at || at === document.body) return null;
    const style = getComputedStyle(at);
    const seen = style.outlineStyle !== 'none' || style.boxShadow !== 'none' || !!at.closest('.ag-root-wrapper');
    return {place: at.dataset.place ?? null, inGrid: !!at.closest('.ag-root-wrapper'), seen, name: at.outerHTML.slice(0, 90)};
}"""
MOST_TABS = 400


def tab_through(page: Page) -> tuple[list[int], list[str]]:
    """Press Tab until the page is left; return the places in the order they were reached, and what showed no focus."""
    page.evaluate("document.activeElement.blur()")
    reached, shown = [], {}
    for _ in range(MOST_TABS):
        page.keyboard.press("Tab")
        at = page.evaluate(FOCUSED)
        if at is None:
            break
        # A date has a stop for each of its parts; the last, its own small button, shows a ring of its own.
        shown[at["name"]] = shown.get(at["name"], False) or at["seen"]
        if at["place"] is not None and (not reached or reached[-1] != int(at["place"])):
            reached.append(int(at["place"]))
            if len(reached) > 1 and reached[-1] == reached[0]:
                reached.pop()
                break
    else:
        return reached, ["the keyboard does not get out of the page"]
    return reached, [name for name, seen in shown.items() if not seen]


@pytest.mark.parametrize(
    ("username", "path"),
    [("secretary", "/"), ("secretary", "/certification"), ("secretary", "/imports"), ("homeroom", "/receipts"), ("admin", "/admin")],
)  # fmt: skip
def test_tab_reaches_everything_once_in_order_and_shows_where_it_is(walker, address, username, path):
    page, problems = walker(username)
    look(page, address, path, scheme="light", language="zh_Hant_TW", width=1366)
    count = page.evaluate(FOCUSABLE)
    reached, unseen = tab_through(page)
    assert unseen == []
    assert reached == sorted(set(reached))
    names = page.evaluate(
        "() => [...document.querySelectorAll('[data-place]')].map((each) => each.outerHTML.slice(0, 90))"
    )
    assert [names[place] for place in range(count) if place not in reached] == []
    assert problems == []


def test_everything_is_operated_by_the_keyboard(walker, address):
    page, problems = walker("secretary")
    look(page, address, "/", scheme="light", language="zh_Hant_TW", width=1366)
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.getAttribute('href')") == "#main"
    asked = []
    page.on("request", lambda request: asked.append(request.url) if "_dash-update" in request.url else None)
    page.keyboard.press("Enter")  # the skip link leads past the menu
    assert page.evaluate("document.activeElement.id") == "main"
    page.wait_for_timeout(300)
    assert asked == []  # a place on the page is no other question: what is chosen next stays chosen
    grade = page.locator("#overview-grade")
    with page.expect_response(lambda answer: "_dash-update-component" in answer.url):  # the body is put there anew
        grade.press("ArrowDown")
    expect(grade).to_have_value("1", timeout=15_000)
    expect(page).to_have_url(re.compile("grade=1"), timeout=15_000)
    ready(page)
    summary = page.locator("summary", has_text="以表格檢視").first
    summary.focus()
    page.keyboard.press("Enter")
    assert summary.evaluate("each => each.parentElement.open")
    cell = page.locator("#overview-classes .ag-row a").first
    cell.focus()
    page.keyboard.press("Enter")
    page.wait_for_url(re.compile("/classes/"))
    page.go_back()
    page.wait_for_url(re.compile(r"/\?.*grade=1"))
    assert problems == []


def test_the_menu_of_a_phone_opens_and_closes_by_the_keyboard(walker, address):
    page, problems = walker("secretary")
    look(page, address, "/", scheme="dark", language="zh_Hant_TW", width=360)
    toggle = page.get_by_role("button", name="選單")
    toggle.focus()
    page.keyboard.press("Enter")
    assert toggle.get_attribute("aria-expanded") == "true"
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.closest('#nav-menu') !== null")
    page.keyboard.press("Escape")
    assert toggle.get_attribute("aria-expanded") == "false"
    assert problems == []
