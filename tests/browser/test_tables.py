from __future__ import annotations

import csv
import io
import re
from pathlib import Path

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import figures, ready

CLASS_LINKS = "#overview-classes .lc-cell-link"


def test_a_class_in_the_table_leads_to_its_page(page_as):
    page = page_as("principal")
    ready(page)
    link = page.locator(CLASS_LINKS).first
    name = link.inner_text()
    link.click()
    ready(page)
    expect(page).to_have_url(re.compile("/classes/"))
    expect(page.locator("h1")).to_contain_text(name)


def test_the_keyboard_alone_reaches_a_class_and_opens_it(page_as):
    page = page_as("principal")
    ready(page)
    name = page.locator(CLASS_LINKS).first.inner_text()
    for _ in range(120):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.closest('.ag-cell, .lc-cell-link')?.innerText") == name:
            break
    else:
        pytest.fail("120 times Tab do not reach the first class")
    page.keyboard.press("Enter")
    expect(page.locator("h1")).to_contain_text(name)
    expect(page.locator("#main")).to_be_focused()


def test_the_skip_link_comes_first_and_leads_to_the_content(page_as):
    page = page_as("principal")
    ready(page)
    page.keyboard.press("Tab")
    expect(page.locator(".lc-skip")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.locator("#main")).to_be_focused()


@pytest.mark.parametrize("path", ["/", "/certification"])
def test_every_figure_has_a_real_table_behind_it(page_as, path):
    page = page_as("principal", path)
    ready(page)
    closed = page.get_by_text("以表格檢視")
    assert closed.count() == len(figures(page)) > 0
    assert page.locator("details table").count() == 0
    for number in range(closed.count()):
        closed.nth(number).click()
        table = page.locator("details").nth(number).locator("table")
        expect(table).to_be_visible()
        assert table.locator("caption").inner_text()
        assert table.locator("thead th[scope=col]").count() >= 2
        assert table.locator("tbody th[scope=row]").count() >= 1
        assert re.search(r"\d", table.locator("tbody").inner_text())


def test_a_download_carries_a_bom_and_the_figures_of_the_page(page_as):
    page = page_as("principal")
    ready(page)
    with page.expect_download() as waiting:
        page.get_by_role("link", name="下載 CSV").click()
    raw = Path(waiting.value.path()).read_bytes()
    assert raw.startswith(b"\xef\xbb\xbf")
    headers, *rows = csv.reader(io.StringIO(raw.decode("utf-8-sig")))
    table = {row[0]: dict(zip(headers, row, strict=True)) for row in rows[: rows.index([])]}
    assert sorted(table) == sorted(page.locator(CLASS_LINKS).all_inner_texts())
    for name, row in table.items():
        shown = page.locator(f'#overview-classes [row-id="{name}"]')
        done = int(row["準時"]) + int(row["逾時完成"])
        expected = f"{done}/{row['應認證']}" if row["應認證"] != "0" else "—"
        assert shown.locator("[col-id=completion]").inner_text().endswith(expected)
        assert shown.locator("[col-id=overdue]").inner_text() == row["逾期"]
        assert shown.locator("[col-id=items]").inner_text() == row["上傳件數"]


def test_a_download_follows_the_filters(page_as):
    page = page_as("principal")
    ready(page)
    page.select_option("#overview-grade", "2")
    expect(page.locator("#overview-table-title")).to_contain_text("3 班")
    ready(page)
    with page.expect_download() as waiting:
        page.get_by_role("link", name="下載 CSV").click()
    rows = list(csv.reader(io.StringIO(Path(waiting.value.path()).read_text("utf-8-sig"))))
    assert [row[0] for row in rows[1 : rows.index([])]] == page.locator(CLASS_LINKS).all_inner_texts()


def test_a_teacher_in_the_table_leads_to_the_own_queue(page_as):
    page = page_as("principal", "/certification")
    ready(page)
    row = page.locator("#certification-teachers .ag-center-cols-container .ag-row").first
    code = row.locator("[col-id=code]").inner_text()
    page.locator("#certification-teachers .lc-cell-link").first.click()
    expect(page).to_have_url(re.compile(f"/teachers/{code}"))


def test_a_share_is_sorted_by_its_fraction_and_nothing_expected_comes_last(page_as):
    page = page_as("principal")
    ready(page)
    header = page.locator("#overview-classes .ag-header-cell[col-id=completion]")
    for falls in (False, True):
        header.click()
        expect(header).to_have_attribute("aria-sort", "descending" if falls else "ascending")
        cells = page.locator("#overview-classes .ag-row [col-id=completion]").all()
        texts = [cell.inner_text() for cell in sorted(cells, key=lambda c: int(c.evaluate("e => e.closest('.ag-row').getAttribute('row-index')")))]  # fmt: skip
        known = [text for text in texts if text != "—"]
        shares = [int(done) / int(whole) for done, whole in (text.split()[-1].split("/") for text in known)]
        assert len(set(shares)) > 1
        assert shares == sorted(shares, reverse=falls)
        assert texts[: len(known)] == known
