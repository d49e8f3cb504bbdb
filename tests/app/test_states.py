"""What the pages say when there is little or nothing to say, too much of it, or all of it done or late."""

from __future__ import annotations

import json
import re
from datetime import datetime, timedelta

import pytest
from sqlalchemy import update

from dashboard.services import accounts, imports
from dashboard.services.store import Store
from dashboard.settings import Settings
from data.db import raise_data_version, writing
from data.instants import TAIPEI
from data.models import Import
from data.rosters import importing
from tests.app.conftest import fire
from tests.app.test_words import texts_in, within
from tests.school import PASSWORD
from tests.unit.builders import CLASSES, COURSE, WINDOWS, item, passed, write_school
from tests.unit.conftest import read_here

ABOUT = {
    "classes-class": "101",
    "departments-dept": "普通科",
    "teachers-teacher": "T001",
    "students-student": "1130001",
}
PAGES = (
    "overview", "uploads", "certification", "selection", "submission", "receipts", "packs", "classes", "departments", "teachers", "students",
)  # fmt: skip


@pytest.fixture
def school_of(app, client_for, tmp_path, monkeypatch):
    """Serve a school made of these lists instead of the demo's, and return its store and the secretary's client."""
    monkeypatch.setattr(importing, "read_in_child", read_here)
    kept = app.server.config["LICHENG_STORE"]

    def serve(**tables):
        settings = Settings(instance_dir=tmp_path / "instance")
        store = Store(settings.url, id_key=b"a key for tests", instance_dir=settings.instance_dir)
        store.migrate()
        if tables.pop("has_files", True):
            plan = imports.import_paths(
                store, [write_school(tmp_path / "files", **tables)], by="test", acknowledged=None
            )
            assert plan.committed, [str(each) for each in (*plan.problems, *plan.stopped_by)]
        accounts.add_user(store, "secretary", PASSWORD, role="executive_secretary", classes=[])
        app.server.config["LICHENG_STORE"] = store
        return store, client_for("secretary")

    yield serve
    app.server.config["LICHENG_STORE"] = kept


def shown(app, client, page, *, day="2025-02-20", **asked):
    """Return the body and heading of a page as its parts; no page fails, whatever the state."""
    output = f"..{page}-head.children...{page}-body.children.."
    said = (
        ABOUT
        | {f"{page}-term": "1131", f"{page}-asof": day}
        | {f"{page}-{name}": value for name, value in asked.items()}
    )
    ids = [each["id"] for each in app.callback_map[output]["inputs"]]
    inputs = {f"{each}.value": said.get(each, "all") for each in ids if each != "theme"} | {"theme.data": "light"}
    answer = fire(client, output, inputs=inputs)
    assert answer.status_code == 200, page
    response = answer.json["response"]
    return response[f"{page}-body"]["children"], response[f"{page}-head"]["children"]


def words_of(app, client, page, **asked):
    body, head = shown(app, client, page, **asked)
    return " ".join([*texts_in(body), *texts_in(head)])


def addresses(parts):
    return re.findall(r'"href": "([^"]*)"', json.dumps(parts))


def tile(body, label):
    (found,) = [each for each in within(body, "lc-tile") if next(texts_in(each)) == label]
    return list(texts_in(found))


def test_the_first_visit_says_what_to_bring_in_first_and_where(app, school_of):
    _store, client = school_of(has_files=False)
    for page in PAGES:
        body, _head = shown(app, client, page)
        assert "尚無資料" in " ".join(texts_in(body)), page
        assert "/imports" in addresses(body), page


def test_a_part_of_the_lists_is_no_failure_and_no_zero(app, school_of):
    _store, client = school_of(outcomes=[], performances=[], selections=[], receipts=[], windows=[], delegations=[])
    for page in PAGES:
        assert "0%" not in re.sub(r"[\d.]+0%", "", words_of(app, client, page)), page
    body, _head = shown(app, client, "overview")
    assert tile(body, "認證完成")[1] == "—"


def test_without_a_window_nothing_is_late_and_no_deadline_is_invented(app, school_of):
    _store, client = school_of(windows=[], outcomes=[item(), passed("1130002")])
    for page in PAGES:
        words_of(app, client, page)
    body, head = shown(app, client, "overview")
    assert "還有" not in " ".join(texts_in(head))
    assert tile(body, "逾期未認證")[1] == "0 件"


def test_a_stage_that_has_not_begun_is_not_open(app, school_of):
    select = ["113", "0", "1", "學生勾選學習成果", "2025/03/01 08:00:00", "2025/03/20 23:59:59", "教務處教學組"]
    _store, client = school_of(selections=[], receipts=[], windows=[*WINDOWS, select])
    assert "未開放" in words_of(app, client, "selection")
    assert "未開放" in words_of(app, client, "overview")
    assert "尚無資料" in words_of(app, client, "selection", day="2025-03-10")


def test_a_day_before_anything_happened_says_so_without_a_percentage(app, school_of):
    _store, client = school_of()
    for page in PAGES:
        words_of(app, client, page, day="2024-08-01")
    body, _head = shown(app, client, "overview", day="2024-08-01")
    assert tile(body, "認證完成")[1] == "—"
    assert "逾期" not in " ".join(" ".join(texts_in(each)) for each in within(body, "lc-findings"))


def test_a_filter_that_leaves_nothing_says_why(app, school_of):
    classes = [*CLASSES, ["113", "201", "2", "資訊科", "T002"]]
    _store, client = school_of(classes=classes)
    for page in ("overview", "uploads", "certification", "selection", "receipts"):
        words_of(app, client, page, dept="資訊科", grade="1")
    assert "沒有班級" in words_of(app, client, "overview", dept="資訊科", grade="1")


def test_old_data_look_old(app, school_of):
    store, client = school_of()
    assert "資料較舊" not in words_of(app, client, "overview", day="")
    with writing(store.engine) as connection:
        connection.execute(update(Import).values(imported_at=datetime.now(TAIPEI) - timedelta(days=14)))
        raise_data_version(connection)
    _body, head = shown(app, client, "overview", day="")
    assert "資料較舊" in " ".join(texts_in(head))
    assert "/imports" in addresses(head)
    assert "資料較舊" not in words_of(app, client, "selection", day="")  # handed in once a year


def test_two_hundred_and_forty_teachers_fit_on_the_page(app, school_of):
    codes = [f"T{number:03}" for number in range(1, 241)]
    staff = [[code, f"師{code}", "教務處教學組", ""] for code in codes]
    sections = [["113", "1", COURSE, f"科目{code}", "101", code, f"師{code}"] for code in codes]
    outcomes = [item(number=str(n), teacher=code, subject=f"科目{code}") for n, code in enumerate(codes, start=1)]
    _store, client = school_of(staff=staff, sections=sections, outcomes=outcomes, delegations=[])
    answer = json.dumps(shown(app, client, "certification"), ensure_ascii=False)
    assert len(answer.encode()) < 400_000
    assert "240 件在等 240 位教師認證" in answer


def test_a_class_with_nobody_in_it_has_no_rate(app, school_of):
    _store, client = school_of(classes=[*CLASSES, ["113", "103", "1", "普通科", "T001"]])
    for page in ("overview", "uploads", "selection", "receipts"):
        words_of(app, client, page)
    body, _head = shown(app, client, "overview")
    rows = re.findall(r'\{[^{}]*"name": "103"[^{}]*\}', json.dumps(body))
    found = [json.loads(row) for row in rows]
    assert [(row["done"], row["expected"]) for row in found if "expected" in row] == [(0, 0)]  # 「—」 on the screen


def test_a_teacher_with_one_item_is_not_judged_by_it(app, school_of):
    _store, client = school_of(outcomes=[item(), passed("1130003", teacher="T002", certifier="T002", class_name="102")])
    said = words_of(app, client, "teachers", teacher="T001")
    assert "待認證 1 件" in said
    assert "低於界限" not in said


def test_all_done_is_done_everywhere(app, school_of):
    numbers = [str(n) for n in range(1, 9)]
    _store, client = school_of(outcomes=[passed(number=n) for n in numbers])
    body, _head = shown(app, client, "overview")
    assert tile(body, "認證完成")[1] == "100%"
    assert tile(body, "逾期未認證")[1] == "0 件"
    assert "沒有待認證的件數" in words_of(app, client, "teachers", teacher="T001")


def test_all_overdue_is_said_of_the_duty_and_of_nothing_voluntary(app, school_of):
    numbers = [str(n) for n in range(1, 9)]
    _store, client = school_of(outcomes=[item(number=n) for n in numbers], selections=[], receipts=[])
    body, _head = shown(app, client, "overview", day="2025-03-20")
    assert tile(body, "認證完成")[1] == "0%"
    assert tile(body, "逾期未認證")[1] == "8 件"
    assert "逾期" not in " ".join(tile(body, "上傳參與"))
    assert "lc-overdue" not in json.dumps(
        [each for each in within(body, "lc-tile") if next(texts_in(each)) == "上傳參與"]
    )
    for page in ("uploads", "selection"):
        assert "逾期" not in words_of(app, client, page, day="2025-03-20"), page
