"""歷程交換: what a transfer student brings along is kept beside the school's own figures and moves none of them."""

from __future__ import annotations

import json

import pytest
from sqlalchemy import select

from data.db import reading
from data.instants import parse_as_of
from data.ledger import build
from data.metrics import Question, all_metrics, answer
from data.models import ExternalItem, Import, Outcome, Round, Student
from data.queries import load_frames
from data.rosters.archives import archive_reader
from data.rosters.kinds import recognise
from data.rosters.problems import RefusedError
from data.rosters.undo import undo_batch
from data.school import read_settings
from tests.unit.builders import COURSE, HEADINGS, contents_of, item, passed, take_in, write_school, write_xlsx
from tests.unit.rosters.test_receipts import BORN, FIRST, STRANGER, facts_of, figures_of, hand_in, values_of

ID = "國民身分證統一編號(或居留證統一證號)"


def brought(subject="數學", *, id_number=FIRST, md5="d41d8cd98f00b204e9800998ecf8427e", status="Y", year=112, **rest):
    return {
        "修課學校代碼": "210305", "修課單位代碼": "1", "應修課學年度": year, "應修課學期": 2, ID: id_number, "學生出生年月日": BORN,
        "課程代碼": COURSE, "科目名稱": subject, "學分數": 4.0, "開課年級": 1, "開課學期": 2, "是否為借讀生時的課程學習成果": False,
        "文件檔案MD5": md5, "影音檔案MD5": None, "課程學習成果簡述": "簡述一", "認證狀態": status, "提交紀錄(學年度及學期)": "0000", **rest,
    }  # fmt: skip


def exchange(*items, id_number=FIRST):
    basic = {"就讀學校代碼": "210305", "學年度": 112, ID: id_number, "學生中文姓名": "甲生", "學生出生年月日": BORN}
    return json.dumps(
        {"基本資料": basic, "課程學習成果紀錄": list(items), "多元表現": {"作品成果紀錄": []}}, ensure_ascii=False
    ).encode()


def bring(engine, content, folder, **options):
    return hand_in(engine, content, folder=folder, name="歷程交換.json", **options)


def items_of(engine):
    columns = (
        Student.student_number,
        ExternalItem.school_code,
        ExternalItem.school_year,
        ExternalItem.semester,
        ExternalItem.subject,
        ExternalItem.status,
    )
    with reading(engine) as connection:
        statement = select(*columns).join(Student, Student.id == ExternalItem.student_id)
        return sorted(tuple(row) for row in connection.execute(statement))


def reports_of(engine):
    """Every report there is, over every stage, grain, deadline and kind that it can be asked for."""
    with reading(engine) as connection:
        frames, settings = load_frames(connection), read_settings(connection)
    ledger = build(frames, settings)
    found = {}
    for key, metric in all_metrics().items():
        for stage in ("certify", "upload", "select"):
            for by in ("school", "grade", "department", "class", "subject", "teacher", "unit"):
                for term, kind in ((1131, "outcome"), (1130, "performance"), (1122, "outcome"), (1120, "outcome")):
                    question = Question(term, parse_as_of("2025-03-01"), by, stage, kind, "current")
                    try:
                        found[key, stage, by, term, kind] = answer(ledger, metric, question).to_csv()
                    except Exception as error:
                        found[key, stage, by, term, kind] = type(error).__name__
    return found


@pytest.fixture
def school(engine, tmp_path):
    assert take_in(engine, write_school(tmp_path / "school", outcomes=[passed(), item("1130002")])).committed
    return engine


def test_each_outcome_of_the_exchange_is_kept_with_its_student(school, tmp_path):
    plan = bring(school, exchange(brought(), brought("國文", status="校內用語")), tmp_path)
    assert figures_of(plan) == [("transfers", 2, 2, 0, 0, 0)], plan.problems
    assert items_of(school) == [
        ("1130001", "210305", 112, 2, "國文", "校內用語"),
        ("1130001", "210305", 112, 2, "數學", "passed"),
    ]


def test_no_report_moves_by_what_was_certified_elsewhere(school, tmp_path):
    before, outcomes = reports_of(school), values_of(school, Outcome.id)
    assert any("\n" in report for report in before.values())
    assert not bring(school, exchange(brought(), brought(year=113, 應修課學期=1)), tmp_path).problems
    assert len(items_of(school)) == 2
    assert reports_of(school) == before
    assert values_of(school, Outcome.id) == outcomes
    assert len(values_of(school, Round.id)) == 2


def test_the_same_exchange_again_changes_nothing_in_any_order(school, tmp_path):
    same = brought("國文", md5="")
    bring(school, exchange(brought(), same, same), tmp_path)
    before = facts_of(school)
    again = bring(school, exchange(same, brought(), same), tmp_path)
    assert figures_of(again) == [("transfers", 3, 0, 0, 3, 0)]
    assert facts_of(school) == before
    assert len(items_of(school)) == 3


def test_a_status_that_changed_is_a_change_and_undo_takes_all_back(school, tmp_path):
    before = facts_of(school)
    first = bring(school, exchange(brought(status="")), tmp_path)
    second = hand_in(school, exchange(brought()), folder=tmp_path, name="second.json")
    assert figures_of(second) == [("transfers", 1, 0, 1, 0, 0)]
    with pytest.raises(RefusedError):
        undo_batch(school, first.batch_id, by="test")
    undo_batch(school, second.batch_id, by="test")
    assert [row[5] for row in items_of(school)] == ["unsent"]
    undo_batch(school, first.batch_id, by="test")
    assert facts_of(school) == before


def test_a_student_who_is_not_on_the_roster_yet_is_said_and_not_named(school, tmp_path):
    plan = bring(school, exchange(brought(id_number=STRANGER), brought()), tmp_path)
    assert figures_of(plan) == [("transfers", 2, 1, 0, 1, 0)]
    assert "學生資料名冊" in plan.reports[0].warnings[0]
    newcomer = [["1130009", "新生", STRANGER, "1", "102", "9", "101", "普通科", "日間部", "在學"]]
    assert take_in(school, write_xlsx(tmp_path / "s.xlsx", HEADINGS["students"], newcomer), school_year=113).committed
    again = bring(school, exchange(brought(id_number=STRANGER), brought()), tmp_path)
    assert figures_of(again) == [("transfers", 2, 1, 0, 1, 0)]
    assert not again.reports[0].warnings


def test_an_item_that_names_nobody_is_the_students_of_the_file(school, tmp_path):
    bring(school, exchange(brought(id_number="")), tmp_path)
    assert len(items_of(school)) == 1


def test_no_id_number_nor_birth_date_is_stored(school, tmp_path):
    plan = bring(school, exchange(brought(), brought(id_number=STRANGER), brought(year="不明")), tmp_path)
    assert plan.problems[0].row == 3
    shown = str(contents_of(school, audit=True)) + json.dumps(plan.as_dict(), default=str, ensure_ascii=False)
    assert not [text for text in (FIRST, STRANGER, BORN, "簡述一") if text in shown]


def test_the_years_of_the_items_do_not_speak_for_the_other_files_of_a_load(school, tmp_path):
    plan = bring(school, exchange(brought(year=111), brought()), tmp_path)
    assert plan.reports[0].term == ""
    assert not plan.problems


@pytest.mark.parametrize(
    "renamed",
    [
        {ID: "身分證號"}, {ID: "國民身分證統一編號（或居留證統一證號）"}, {ID: " 身分證 字號"}, {"修課學校代碼": "原修課學校代碼"},
        {"應修課學年度": "修課學年度", "應修課學期": "修課學期"}, {"課程代碼": "原修課課程代碼", "科目名稱": "借讀校科目名稱"},
        {"認證狀態": "認證　結果", "文件檔案MD5": "文件檔案ＭＤ５"},
    ],
)  # fmt: skip
def test_the_keys_may_be_synonyms_wide_spaced_and_in_any_order(renamed):
    read = archive_reader([])
    (plain,) = read("x.json", exchange(brought()))
    (table,) = read("x.json", exchange({renamed.get(k, k): v for k, v in reversed(brought().items())}))
    assert recognise(table)[0].key == "transfers"
    assert table.frame.equals(plain.frame)


def test_an_exchange_without_outcomes_is_refused_with_a_line():
    with pytest.raises(RefusedError, match="沒有課程學習成果紀錄"):
        archive_reader([])("x.json", exchange())


def test_a_list_of_students_is_taken_as_well(school, tmp_path):
    several = [json.loads(exchange(brought())), json.loads(exchange(brought("國文")))]
    assert not bring(school, json.dumps(several).encode(), tmp_path).problems
    assert len(items_of(school)) == 2


def test_the_roster_it_was_matched_by_cannot_be_taken_back(school, tmp_path):
    bring(school, exchange(brought()), tmp_path)
    (roster,) = values_of(school, Import.batch_id, where=Import.kind == "students")
    with pytest.raises(RefusedError, match="歷程交換"):
        undo_batch(school, roster[0], by="test")
