"""匯入 as a registrar meets it: files dropped, reasons read, one mended, committed, seen, taken back."""

from __future__ import annotations

import base64
import os
import re
import shutil
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from datetime import date, timedelta
from pathlib import Path

import fastexcel
import pytest
from playwright.sync_api import Page, expect

from data.demo.school import write_school
from tests.browser.conftest import ready
from tests.browser.test_accessibility import AXE, violations
from tests.browser.test_appearance import CHINESE
from tests.school import make_place
from tests.unit.builders import write_xlsx
from tests.unit.rosters.test_receipts import FILES, aes_zip
from tests.unit.rosters.test_receipts import PASSWORD as ARCHIVE_PASSWORD

SIZE = {"classes": 3, "terms": 2, "seed": 3}
LIST, BROKEN = "認證清單_1151.xlsx", "多元表現清單_115.ods"
UNTOUCHED = ("多元表現清單_114", "勾選情形_114", "收訖明細確認_114", "登錄情形", "研習場次", "收訖問題回報", "提交_")
SLOW = 60_000  # a plan on a busy machine


@pytest.fixture(scope="module")
def own_place(tmp_path_factory):
    """A small school as it was a fortnight ago: the stories here change it, so it is nobody else's."""
    folder = tmp_path_factory.mktemp("imports")
    return make_place(folder, classes=3, terms=2, today=date.today() - timedelta(days=14))


@pytest.fixture(scope="module")
def address(own_place):
    """The same school served as in production, by a process of its own: there is one app a process."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    environment = os.environ | {"LICHENG_INSTANCE_DIR": str(own_place.settings.instance_dir)}
    environment.pop("LICHENG_DATABASE_URL", None)
    command = [sys.executable, "-c", "from dashboard.cli import main; main()", "serve", "--port", str(port)]
    with subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as server:
        try:
            _wait_until_served(f"http://127.0.0.1:{port}")
            yield f"http://127.0.0.1:{port}"
        finally:
            server.terminate()


def _wait_until_served(address: str) -> None:
    for _ in range(300):
        try:
            with urllib.request.urlopen(address + "/healthz", timeout=1):  # noqa: S310 - our own server
                return
        except (urllib.error.URLError, ConnectionError, TimeoutError):
            time.sleep(0.2)
    raise RuntimeError("the server did not come up")


@pytest.fixture(scope="module")
def later(tmp_path_factory) -> Path:
    """What the platforms of that school export today."""
    return write_school(tmp_path_factory.mktemp("later") / "files", today=date.today(), **SIZE).folder


@pytest.fixture
def twelve(later, tmp_path) -> tuple[list[Path], Path]:
    """Twelve of the files, two of them broken, and the mended one of the two."""
    folder = tmp_path / "exports"
    shutil.copytree(later, folder)
    for path in folder.iterdir():
        if path.name.startswith(UNTOUCHED):
            path.unlink()
    whole = (folder / BROKEN).read_bytes()
    (folder / BROKEN).write_bytes(whole[: len(whole) // 2])
    mended = tmp_path / LIST
    shutil.copy(folder / LIST, mended)
    rows = rows_of(mended)
    student = rows[0].index("學號")
    for row in rows[1:3]:
        row[student] = "9999999"
    write_xlsx(folder / LIST, rows[0], rows[1:])
    files = sorted(folder.iterdir())
    assert len(files) == 12
    return files, mended


def rows_of(path: Path) -> list[list[str]]:
    frame = fastexcel.read_excel(path).load_sheet(0, header_row=None, dtypes="string").to_pandas()
    return frame.fillna("").astype(str).to_numpy().tolist()


def drop(page: Page, files: list[Path]) -> None:
    """Drop files as a hand does; the browser's own objects are made from their bytes."""
    parts = [{"name": each.name, "bytes": base64.b64encode(each.read_bytes()).decode()} for each in files]
    carried = page.evaluate_handle(
        """(parts) => {
            const carried = new DataTransfer();
            for (const part of parts) {
                const bytes = Uint8Array.from(atob(part.bytes), (letter) => letter.charCodeAt(0));
                carried.items.add(new File([bytes], part.name));
            }
            return carried;
        }""",
        parts,
    )
    page.dispatch_event("#imports-drop", "dragover", {"dataTransfer": carried})
    expect(page.locator("#imports-drop")).to_have_class(re.compile("is-over"))
    page.dispatch_event("#imports-drop", "drop", {"dataTransfer": carried})


def choose(page: Page, *files: Path) -> None:
    with page.expect_file_chooser() as waiting:
        page.get_by_role("button", name="選擇檔案").click()
    waiting.value.set_files(files)


def opened(page_as, path: str = "/imports", username: str = "secretary", **look) -> Page:
    page = page_as(username, path, **look)
    ready(page)
    return page


def title(page: Page):
    return page.locator("#imports-summary-title")


def card_of(page: Page, name: str):
    """Return the row of a file in the plan, with what stands below it."""
    return page.locator("#imports-files tbody").filter(has=page.locator(".lc-file-name", has_text=name)).first


def certified(page: Page) -> str:
    """Return what the overview says of 認證完成, as n/N."""
    page.goto("/")
    ready(page)
    return page.locator(".lc-tile", has_text="認證完成").locator(".lc-fraction").inner_text()


def cancel(page: Page) -> None:
    page.get_by_role("button", name="取消", exact=True).click()
    expect(page.get_by_role("heading", name="已取消")).to_be_visible(timeout=SLOW)


UNCHANGED_FOR_A_SECOND = """() => new Promise((done) => {
    let timer = setTimeout(done, 1000);
    new MutationObserver(() => { clearTimeout(timer); timer = setTimeout(done, 1000); })
        .observe(document.body, {childList: true, subtree: true});
})"""


def press_until(page: Page, words: str, *, most: int = 60) -> None:
    """Press Tab until what has the focus says these words."""
    for _ in range(most):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.innerText") == words:
            return
    pytest.fail(f"{most} times Tab do not reach {words}")


# --- the story ------------------------------------------------------------------------------------------------


def test_twelve_files_two_broken_one_mended_one_left_out_committed_seen_and_taken_back(page_as, twelve):
    files, mended = twelve
    page = opened(page_as)
    before = certified(page)
    page.goto("/imports")
    ready(page)
    drop(page, files)
    expect(page).to_have_url(re.compile(r"job=[0-9a-f]{32}"))
    expect(title(page)).to_contain_text("12 個檔案：10 個可以匯入，2 個要先修正", timeout=SLOW)
    # Why: the two come first, opened, and say what is wrong and how to mend it.
    expect(page.locator("#imports-files tbody").nth(0)).to_contain_text("要先修正")
    expect(card_of(page, LIST)).to_contain_text("第 2、3 列")
    expect(card_of(page, LIST)).to_contain_text("「9999999」")
    expect(card_of(page, LIST)).to_contain_text("請查對學號或先更新名冊")
    expect(card_of(page, BROKEN)).to_contain_text("整個檔案")
    commit = page.get_by_role("button", name="匯入", exact=True)
    expect(commit).to_be_disabled()
    expect(page.locator("#imports-reason")).to_contain_text("還不能匯入")
    # Mended and dropped again under the same name, it takes the place of the first one.
    drop(page, [mended])
    expect(title(page)).to_contain_text("11 個可以匯入，1 個要先修正", timeout=SLOW)
    page.get_by_label(BROKEN).check()
    expect(page.locator("#imports-reason")).to_contain_text("請先按「重新檢查」")
    page.get_by_role("button", name="重新檢查").click()
    expect(title(page)).to_contain_text("11 個檔案都可以匯入", timeout=SLOW)
    expect(title(page)).to_contain_text("另有 1 個檔案先不匯入")
    expect(page.locator(".lc-effects")).to_contain_text(re.compile(r"教師認證.*%（\d+/\d+）.*%（\d+/\d+）", re.DOTALL))
    assert certified(page) == before  # nothing is written yet
    page.go_back()
    ready(page)
    commit.click()
    expect(title(page)).to_contain_text("匯入了 11 個檔案", timeout=SLOW)
    after = certified(page)
    assert after != before
    page.go_back()
    ready(page)
    page.get_by_role("link", name="復原這次匯入").click()
    expect(page.get_by_role("heading", name="要復原嗎？")).to_be_visible()
    page.get_by_role("button", name="確定復原").click()
    expect(page.locator("#imports-taken")).to_contain_text("已復原，收回或改回")
    expect(page.locator("#imports-history tbody").first).to_contain_text("已復原")
    assert certified(page) == before


def test_the_good_rows_can_be_taken_alone_and_the_others_are_there_to_download(page_as, twelve):
    files, _mended = twelve
    page = opened(page_as)
    choose(page, next(file for file in files if file.name == LIST))
    expect(title(page)).to_contain_text("退回 2", timeout=SLOW)
    with page.expect_download() as waiting:
        page.get_by_role("link", name="下載退回的 2 列，改好再交").click()
    assert next(row[-1] for row in rows_of(Path(waiting.value.path()))) == "退回原因"
    page.get_by_role("button", name="只收沒有問題的列").click()
    expect(title(page)).to_contain_text("匯入了 1 個檔案", timeout=SLOW)
    expect(page.get_by_role("link", name="下載退回的 2 列，改好再交")).to_be_visible()
    page.get_by_role("link", name="復原這次匯入").click()
    page.get_by_role("button", name="確定復原").click()
    expect(page.locator("#imports-taken")).to_contain_text("已復原，收回或改回")


# --- what a person has to say -----------------------------------------------------------------------------------------


def test_a_renamed_column_is_asked_about_and_taken_once_confirmed(page_as, later, tmp_path):
    rows = rows_of(later / LIST)
    headings = ["送出的時間" if name == "送出認證時間" else name for name in rows[0]]
    page = opened(page_as)
    choose(page, write_xlsx(tmp_path / "新版匯出.xlsx", headings, rows[1:]))
    expect(title(page)).to_contain_text("這個檔案要先修正", timeout=SLOW)
    page.get_by_label("「送出的時間」就是「送出認證時間」").check()
    page.get_by_role("button", name="重新檢查").click()
    expect(title(page)).to_contain_text("這個檔案可以匯入", timeout=SLOW)
    expect(page.get_by_label("「送出的時間」就是「送出認證時間」")).to_be_checked()
    cancel(page)


def test_an_alarm_keeps_the_import_back_until_somebody_has_seen_it(page_as, later, tmp_path):
    rows = rows_of(later / "學生資料名冊_115.xlsx")
    page = opened(page_as)
    choose(page, write_xlsx(tmp_path / "少了一半.xlsx", rows[0], rows[1 : len(rows) // 2]))
    expect(title(page)).to_be_visible(timeout=SLOW)
    commit = page.get_by_role("button", name="匯入", exact=True)
    expect(commit).to_be_disabled()
    expect(page.locator("#imports-reason")).to_contain_text("要先看過並確認")
    page.locator("#imports-alarms input").check()
    expect(commit).to_be_enabled()
    expect(page.locator("#imports-reason")).to_contain_text("可以匯入")
    cancel(page)


def test_the_files_can_be_narrowed_to_those_to_mend_and_a_link_reproduces_it(page_as, twelve):
    files, _mended = twelve
    page = opened(page_as)
    choose(page, *files)
    expect(title(page)).to_be_visible(timeout=SLOW)
    expect(page.locator("#imports-files .lc-file-name")).to_have_count(12)
    page.select_option("#imports-show", "mend")
    expect(page.locator("#imports-files .lc-file-name")).to_have_count(2)
    expect(page).to_have_url(re.compile("show=mend"))
    other = opened(page_as, page.url)
    expect(other.locator("#imports-files .lc-file-name")).to_have_count(2)
    expect(other.locator("#imports-show")).to_have_value("mend")
    cancel(page)


def test_what_is_too_large_is_said_before_it_is_sent(page_as, later):
    page = opened(page_as)
    page.evaluate("document.getElementById('imports-drop').dataset.limit = '10'")
    choose(page, later / LIST)
    expect(page.locator("[data-state]")).to_contain_text("沒有送出")
    assert "job=" not in page.url


# --- whoever it is, whatever they hold --------------------------------------------------------------------------------


def test_the_keyboard_alone_hands_in_decides_and_cancels(page_as, later):
    page = opened(page_as)
    page.wait_for_load_state("networkidle")
    page.evaluate(UNCHANGED_FOR_A_SECOND)  # a part drawn anew would take the focus away
    press_until(page, "選擇檔案")
    with page.expect_file_chooser(timeout=SLOW) as waiting:
        page.keyboard.press("Enter")
    waiting.value.set_files(later / "代理人名單.xlsx")
    expect(title(page)).to_be_visible(timeout=SLOW)
    expect(page.locator("#main")).to_be_focused()
    press_until(page, "取消")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="已取消")).to_be_visible(timeout=SLOW)


@pytest.mark.parametrize(
    ("width", "color_scheme", "language"),
    [(1366, "dark", "zh_Hant_TW"), pytest.param(360, "light", "en", marks=pytest.mark.thorough)],
)
def test_axe_finds_nothing_and_nothing_scrolls_sideways(page_as, twelve, width, color_scheme, language):
    files, _mended = twelve
    page = opened(page_as, width=width, color_scheme=color_scheme, language=language, script=AXE)
    found = {"history": violations(page)}
    with page.expect_file_chooser() as waiting:
        page.locator("[data-pick]").click()
    waiting.value.set_files(files)
    expect(title(page)).to_be_visible(timeout=SLOW)
    for summary in page.locator("summary").all():
        if summary.evaluate("(each) => !each.parentElement.open"):
            summary.click()
    ready(page)
    found["plan"] = violations(page)
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    if language == "en":
        texts = page.locator("h1, h2, legend, .lc-field label, #imports-drop, .lc-actions").all_inner_texts()
        assert [text for text in texts if CHINESE.search(re.sub(r"\S+\.(xlsx|ods|csv)", "", text))] == []
    page.locator("#imports-cancel").click()
    expect(title(page)).to_be_hidden(timeout=SLOW)
    page.goto("/imports")
    ready(page)
    page.locator("#imports-history a").last.click()
    expect(page.locator("#imports-undo")).to_be_visible()
    ready(page)
    found["batch"] = violations(page)
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert {state: each for state, each in found.items() if each} == {}


def test_who_may_only_look_sees_the_history_and_can_change_nothing(page_as, own_place):
    page = opened(page_as, username="principal")
    expect(page.locator("#imports-history tbody", has_text="已匯入").last).to_be_visible()
    assert page.locator("#imports-drop, #imports-waiting, a[download]").count() == 0
    page.locator("#imports-history a").first.click()
    expect(page.locator("#imports-batch-card-title")).to_be_visible()
    assert page.locator("#imports-undo").count() == 0


def test_a_teacher_is_told_that_the_page_is_not_theirs_and_has_no_link_to_it(page_as):
    page = page_as("teacher", "/imports")
    expect(page.locator(".lc-empty")).to_contain_text("您的角色不能看這一頁")
    assert page.locator(".lc-nav a[href='/imports']").count() == 0


def test_another_s_hand_in_is_as_good_as_none(page_as, later):
    page = opened(page_as)
    choose(page, later / "代理人名單.xlsx")
    expect(title(page)).to_be_visible(timeout=SLOW)
    other = opened(page_as, page.url, username="chief")
    expect(other.locator("#imports-plan")).to_contain_text("找不到這一次交的檔案")
    assert "代理人名單" not in other.locator("#imports-plan").inner_text()
    cancel(page)


def test_a_figure_s_source_leads_to_the_imports_behind_it(page_as):
    page = opened(page_as, "/")
    page.locator(".lc-trust a", has_text="來源").click()
    ready(page)
    expect(page).to_have_url(re.compile("kind=outcomes"))
    expect(page.locator("#imports-kind")).to_have_value("outcomes")
    expect(page.locator("#imports-history tbody", has_text="已匯入").last).to_be_visible()


def test_a_template_can_be_downloaded_and_holds_the_headings(page_as):
    page = opened(page_as)
    with page.expect_download() as waiting:
        page.get_by_role("link", name=re.compile(r"下載代理人名單的範本：\s*xlsx")).click()
    assert "順位" in rows_of(Path(waiting.value.path()))[0]


def test_an_archive_s_password_is_asked_for_and_not_kept_on_the_page(page_as, tmp_path, own_place):
    archive = tmp_path / "收訖.zip"
    archive.write_bytes(aes_zip(FILES))
    page = opened(page_as)
    choose(page, archive)
    expect(page.locator("#imports-reason")).to_contain_text("請先填壓縮檔的密碼", timeout=SLOW)
    password = page.locator("#imports-password")
    expect(password).to_have_attribute("type", "password")
    expect(password).to_have_attribute("autocomplete", "off")
    password.fill("不是這個密碼")
    page.get_by_role("button", name="重新檢查").click()
    expect(page.locator("#imports-files")).to_contain_text("輸入的密碼不對", timeout=SLOW)
    password.fill(ARCHIVE_PASSWORD)
    page.get_by_role("button", name="重新檢查").click()
    expect(page.locator("#imports-files")).to_contain_text("收訖明細", timeout=SLOW)
    assert ARCHIVE_PASSWORD not in page.content()
    cancel(page)


def test_a_list_without_a_school_year_is_asked_for_it(page_as, later, tmp_path):
    rows = rows_of(later / "學生資料名冊_115.xlsx")
    drop_at = rows[0].index("學年")
    without = [row[:drop_at] + row[drop_at + 1 :] for row in rows]
    page = opened(page_as)
    choose(page, write_xlsx(tmp_path / "沒有學年.xlsx", without[0], without[1:]))
    expect(page.locator("#imports-reason")).to_contain_text("請先填學年度", timeout=SLOW)
    page.get_by_label("沒有學年欄的名冊是哪一個學年度").fill("115")
    page.get_by_role("button", name="重新檢查").click()
    expect(title(page)).to_contain_text("這個檔案可以匯入", timeout=SLOW)
    cancel(page)
