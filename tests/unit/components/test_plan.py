"""The plan as a person reads it: sums, one line a mistake, effects with n/N, and nothing that judges what is voluntary."""

from __future__ import annotations

from dataclasses import asdict

import pytest

from dashboard.components.plan import (
    grouped,
    plan_effects,
    plan_files,
    plan_sentence,
    state_of,
    terms_in_words,
    totals_of,
)
from dashboard.components.records import Record, record_table
from data.rosters.plan import ColumnChange, Effect, FileReport, Plan
from data.rosters.problems import Problem
from tests.unit.components.tree import of_kind, walk, words


def report(name="認證清單.xlsx", **changes):
    return FileReport(
        **({"file": name, "kind": "outcomes", "title": "認證清單", "rows": 10, "unchanged": 10} | changes)
    )


def of(*reports, effects=()):
    return Plan(list(reports), committed=False, effects=list(effects)).as_dict()


def refused(*rows, message="沒有這個學號", column="學號", value="999"):
    return [Problem("認證清單.xlsx", row, column, value, message) for row in rows]


def states(*reports):
    return [state_of(each) for each in of(*reports)["reports"]]


def test_a_file_is_as_good_as_its_worst_finding():
    assert states(
        report(problems=refused(3)),
        report(alarms=["少了三成"]),
        report(warnings=["請留意"]),
        report(new=1, unchanged=9),
        report(notes=["只算一次"]),
        report(kind=""),
    ) == ["mend", "look", "look", "ready", "same", "mend"]


def test_the_sentence_counts_files_by_their_worst_sheet_and_rows_by_what_becomes_of_them():
    plan = of(
        report("甲.xlsx", rows=3, new=1, changed=1, unchanged=1),
        report("乙.xlsx", sheet="一", rows=4, unchanged=4),
        report("乙.xlsx", sheet="二", rows=2, unchanged=0, rejected=2, problems=refused(2, 3)),
    )
    each = totals_of(plan)
    assert (each.files, each.to_mend) == (2, 1)
    assert each.new + each.changed + each.unchanged + each.rejected == each.rows == 9
    said = plan_sentence(plan, left_out=1)
    assert (
        said == "2 個檔案：1 個可以匯入，1 個要先修正；共 9 列：新增 1、變更 1、不變 5、退回 2；另有 1 個檔案先不匯入。"
    )


def test_one_mistake_in_300_rows_is_one_line_that_counts_them():
    errors = of(report(problems=[*refused(*range(2, 302)), *refused(7, column="班級", message="沒有這個班級")]))[
        "reports"
    ][0]["errors"]
    assert [(column, len(each)) for column, _message, each in grouped(errors)] == [("學號", 300), ("班級", 1)]
    shown = words(plan_files(of(report(problems=refused(*range(2, 302))))["reports"]))
    assert "第 2、3、4、5、6 列等 300 列" in shown
    assert "「999」" in shown


def test_what_has_to_be_mended_comes_first_and_opened():
    plan = of(report("好.xlsx", new=1, unchanged=9), report("壞.xlsx", problems=refused(3), rejected=1))
    page = plan_files(plan["reports"])
    names = [each.children for each in walk(page) if getattr(each, "className", "") == "lc-file-name"]
    assert names == ["壞.xlsx", "好.xlsx"]
    assert [each.open for each in of_kind(page, "Details")] == [True, False]
    assert "好.xlsx" not in words(plan_files(plan["reports"], show="mend"))


def test_effects_say_both_figures_with_their_counts_floored_and_in_no_colour():
    effects = [Effect("學期 113-1 教師認證", (431, 500), (358, 359)), Effect("上傳參與", (0, 0), (1, 3))]
    made = plan_effects([asdict(each) for each in effects])
    said = words(made)
    assert "86.2%（431/500）" in said
    assert "99.7%（358/359）" in said
    assert "—" in said  # nothing expected before is neither 0 % nor 100 %
    assert not any(
        "lc-overdue" in str(getattr(each, "className", "")) or "lc-badge" in str(getattr(each, "className", ""))
        for each in walk(made)
    )
    assert plan_effects([]) is None


def test_a_change_shows_instants_and_yes_and_no_as_the_pages_write_them():
    changes = [
        ColumnChange("完成時間", 2, "", "2026-11-12T09:59:33+08:00", "責任由待辦變成完成"),
        ColumnChange("發佈狀態", 2, "False", "True", "發佈給學生之後才算完成"),
        ColumnChange("學生姓名", 1, "", "", "顯示的名字"),
    ]
    said = words(plan_files(of(report(changed=2, unchanged=8, changes=changes))["reports"]))
    assert "（空白） → 115/11/12（四）09:59" in said
    assert "否 → 是" in said
    assert "2026-11-12T" not in said


@pytest.mark.parametrize(
    ("term", "said"), [("1131", "113-1"), ("1130、1131", "113 學年度、113-1"), ("", ""), ("abc", "abc")]
)
def test_terms_are_written_as_people_write_them(term, said):
    assert terms_in_words(term) == said


def test_records_say_their_roles_and_labels_so_that_cards_are_still_a_table():
    table = record_table(
        ["檔案", "列數"], [Record(["甲", "3"], below="細節", status="overdue")], caption="檔案清單", numeric=(1,)
    )
    assert table.role == "table"
    assert [each.role for each in of_kind(table, "Th")] == ["columnheader", "columnheader", "rowheader"]
    (number, below) = of_kind(table, "Td")
    assert getattr(number, "data-label") == "列數"
    assert (below.colSpan, below.children) == ("2", "細節")
    with pytest.raises(ValueError, match="as many cells"):
        record_table(["檔案", "列數"], [Record(["甲"])], caption="檔案清單")
