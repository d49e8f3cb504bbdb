"""What the plan tells a person before anything is written: drift, alarms, changes, and files that are in already."""

from __future__ import annotations

import json

import pytest
from sqlalchemy import select

from data.db import raise_data_version, reading, writing
from data.instants import parse_as_of
from data.models import AuditRejectedRow, HeadingMapping, Import, Round, Staff, StaffUnit, Window
from data.rosters.importing import CancelledError
from data.school import write_setting
from tests.unit.builders import (
    HEADINGS,
    STAFF,
    STUDENTS,
    WINDOWS,
    contents_of,
    item,
    passed,
    resave,
    take_in,
    write_small_school,
    write_xlsx,
)


def outcomes_with(folder, renamed, *rows, name="x.xlsx"):
    headings = [renamed.get(heading, heading) for heading in HEADINGS["outcomes"]]
    return write_xlsx(folder / name, headings, list(rows))


def windows_ending(folder, end, name="w.xlsx"):
    return write_xlsx(folder / name, HEADINGS["windows"], [[*WINDOWS[1][:5], end, WINDOWS[1][6]]])


@pytest.fixture
def school(engine, tmp_path):
    assert take_in(engine, write_small_school(tmp_path / "school"), at=parse_as_of("2024-12-01")).committed
    return engine


def test_a_renamed_required_column_is_refused_with_the_question_whether_it_was_renamed(school, tmp_path):
    plan = take_in(school, outcomes_with(tmp_path, {"送出認證時間": "送認證的時間"}, passed()))
    (problem,) = plan.problems
    assert problem.column == "送出認證時間"
    assert "新欄位「送認證的時間」，舊欄位「送出認證時間」不見了；是否改名？" in problem.message
    (rename,) = plan.reports[0].renames
    assert (rename.heading, rename.column) == ("送認證的時間", "sent_at")


def test_a_rename_a_person_confirms_is_used_and_remembered(school, tmp_path):
    renamed = {"送出認證時間": "送認證的時間"}
    first = outcomes_with(tmp_path, renamed, passed())
    assert take_in(school, first, renames={"送認證的時間": "送出認證時間"}).committed
    later = outcomes_with(tmp_path, renamed, passed(), passed("1130002", "2"), name="y.xlsx")
    plan = take_in(school, later)
    assert (plan.committed, plan.reports[0].new) == (True, 1)
    with reading(school) as connection:
        assert connection.execute(select(HeadingMapping.kind, HeadingMapping.column_name)).all() == [
            ("outcomes", "sent_at")
        ]


def test_a_rename_of_a_refused_import_is_not_remembered(school, tmp_path):
    path = outcomes_with(tmp_path, {"送出認證時間": "送認證的時間"}, item("999"))
    assert not take_in(school, path, renames={"送認證的時間": "送出認證時間"}).committed
    with reading(school) as connection:
        assert connection.execute(select(HeadingMapping.id)).all() == []


def test_a_column_is_never_renamed_unasked_and_never_to_one_it_cannot_be(school, tmp_path):
    plan = take_in(
        school, outcomes_with(tmp_path, {"送出認證時間": "認證教室"}, [*passed()[:9], "三樓", *passed()[10:]])
    )
    assert not plan.committed
    assert plan.reports[0].renames == []


def test_an_optional_column_that_is_gone_is_asked_about_and_its_contents_stay(school, tmp_path):
    rows = [[*row[:3], row[3]] for row in STAFF]
    plan = take_in(
        school, write_xlsx(tmp_path / "s.xlsx", ["教師代碼", "姓名", "處室", "電子郵件地址"], rows), dry_run=True
    )
    assert "新欄位「電子郵件地址」，舊欄位「電子郵件」不見了；是否改名？" in plan.reports[0].warnings
    gone = take_in(school, write_xlsx(tmp_path / "t.xlsx", ["教師代碼", "姓名", "處室"], [row[:3] for row in STAFF]))
    assert any("原有的內容保留" in warning for warning in gone.reports[0].warnings)
    with reading(school) as connection:
        assert set(connection.execute(select(Staff.email)).scalars()) == {"t001@school.example", "t002@school.example"}


def test_another_vendors_known_headings_are_no_drift(school, tmp_path):
    plan = take_in(school, write_small_school(tmp_path / "b", vendor="b"))
    assert [report.warnings for report in plan.reports if report.warnings] == []


def test_a_new_column_nobody_uses_is_a_note(school, tmp_path):
    path = write_xlsx(tmp_path / "x.xlsx", [*HEADINGS["outcomes"], "心情"], [[*item(), "好"]])
    plan = take_in(school, path)
    assert plan.reports[0].unknown == ["心情"]
    assert plan.is_clean
    assert any("心情" in note for note in plan.reports[0].notes)


def test_changed_columns_are_told_with_their_meaning_and_an_example(school, tmp_path):
    plan = take_in(school, outcomes_with(tmp_path, {}, passed()), dry_run=True)
    changes = {change.title: change for change in plan.reports[0].changes}
    assert (changes["完成時間"].count, changes["完成時間"].new) == (1, "2024-11-05T09:00:00+08:00")
    assert all(change.meaning for change in changes.values())


def test_a_changed_name_is_counted_and_not_shown(school, tmp_path):
    renamed = [[STUDENTS[0][0], "新名", *STUDENTS[0][2:]]]
    (report,) = take_in(
        school, write_xlsx(tmp_path / "s.xlsx", HEADINGS["students"], renamed), school_year=113, dry_run=True
    ).reports
    assert [(change.title, change.old, change.new) for change in report.changes] == [("學生姓名", "", "")]


# --- alarms -----------------------------------------------------------------------------------------------------------


def test_a_window_moved_back_before_the_present_waits_for_a_persons_word(school, tmp_path):
    path = windows_ending(tmp_path, "2025/01/05 23:59:59")
    before = contents_of(school)
    plan = take_in(school, path, acknowledged=(), at=parse_as_of("2025-01-10"))
    assert not plan.committed
    assert plan.stopped_by == plan.alarms
    assert "2025/02/10 23:59:59 提前到 2025/01/05 23:59:59" in plan.alarms[0]
    assert contents_of(school) == before
    assert take_in(school, path, acknowledged=plan.alarms, at=parse_as_of("2025-01-10")).committed


@pytest.mark.parametrize("end", ["2025/02/17 23:59:59", "2025/02/01 23:59:59"])
def test_an_extension_or_a_nearer_end_still_to_come_needs_no_word(school, tmp_path, end):
    assert take_in(school, windows_ending(tmp_path, end), acknowledged=(), at=parse_as_of("2025-01-10")).committed
    with reading(school) as connection:
        assert len(connection.execute(select(Window.id)).all()) == 2


def test_a_roster_with_a_third_of_the_students_gone_waits_for_a_persons_word(school, tmp_path):
    path = write_xlsx(tmp_path / "s.xlsx", HEADINGS["students"], STUDENTS[:2])
    plan = take_in(school, path, school_year=113, acknowledged=())
    assert not plan.committed
    assert "由 3 人減為 2 人" in plan.stopped_by[0]


# --- staff who move ---------------------------------------------------------------------------------------------------


def test_the_unit_somebody_left_is_kept_until_the_import_that_said_so(school, tmp_path):
    moved = [[*STAFF[0][:2], "學務處訓育組", STAFF[0][3]]]
    at = parse_as_of("2025-08-20")
    assert take_in(school, write_xlsx(tmp_path / "s.xlsx", HEADINGS["staff"], moved), at=at).committed
    with reading(school) as connection:
        assert connection.execute(select(StaffUnit.staff_code, StaffUnit.unit, StaffUnit.until_at)).all() == [
            ("T001", "教務處教學組", at)
        ]


# --- files that are in already ----------------------------------------------------------------------------------------


def test_the_same_files_are_not_read_again_and_said_to_be_the_same(school, tmp_path):
    plan = take_in(school, tmp_path / "school")
    assert plan.committed
    assert all(report.unchanged == report.rows and "同一個檔案" in report.notes[-1] for report in plan.reports)


def test_the_same_rows_in_other_bytes_are_read_and_change_nothing(school, tmp_path):
    for path in (tmp_path / "school").iterdir():
        resave(path)
    plan = take_in(school, tmp_path / "school")
    assert plan.committed
    assert sum(report.new + report.changed for report in plan.reports) == 0
    assert not any("同一個檔案" in note for report in plan.reports for note in report.notes)


def test_the_same_file_is_read_again_when_something_changed_meanwhile(school, tmp_path):
    first = outcomes_with(tmp_path, {}, passed())
    take_in(school, first)
    take_in(school, outcomes_with(tmp_path, {}, passed(decided="2024/11/06 09:00:00"), name="y.xlsx"))
    plan = take_in(school, first)
    assert plan.reports[0].changed == 1
    with reading(school) as connection:
        assert connection.execute(select(Round.decided_at)).scalars().one() == parse_as_of("2024-11-05T09:00")


def test_the_same_file_is_read_again_when_a_setting_changed_meanwhile(school, tmp_path):
    with writing(school) as connection:
        write_setting(connection, "school_code", "210305")
        raise_data_version(connection)
    plan = take_in(school, tmp_path / "school")
    assert plan.committed
    assert not any("同一個檔案" in note for report in plan.reports for note in report.notes)


def test_a_file_with_rows_left_out_is_read_again(school, tmp_path):
    path = outcomes_with(tmp_path, {}, passed(), item("999", "2"))
    assert take_in(school, path, take_good_rows=True).committed
    assert take_in(school, path).problems


# --- what was refused -------------------------------------------------------------------------------------------------


def test_refused_rows_are_kept_with_their_reasons_and_without_id_numbers(school, tmp_path):
    bad = [*STUDENTS[:2], [*STUDENTS[2][:4], "999", *STUDENTS[2][5:]]]
    assert not take_in(school, write_xlsx(tmp_path / "s.xlsx", HEADINGS["students"], bad), school_year=113).committed
    with reading(school) as connection:
        (row,) = connection.execute(select(AuditRejectedRow)).all()
    assert row.row_number == 4
    assert json.loads(row.cells)["學號"] == "1130003"
    assert "身分證號" not in json.loads(row.cells)
    assert "班級導師名冊" in json.loads(row.reasons)[0]


def test_a_person_who_cancels_leaves_nothing_behind(school, tmp_path):
    def cancel(name, done, total):
        raise CancelledError

    before = contents_of(school, audit=True)
    with pytest.raises(CancelledError):
        take_in(school, outcomes_with(tmp_path, {}, passed()), on_progress=cancel)
    assert contents_of(school, audit=True) == before


def test_every_import_says_which_headings_stood_for_which_columns(school):
    with reading(school) as connection:
        kept = connection.execute(select(Import.headings).where(Import.kind == "staff")).scalars().one()
    assert json.loads(kept)["match"]["staff_code"] == "教師代碼"


@pytest.mark.parametrize(("said", "kept"), [(None, 0), ("no", 0), ("yes", 1)])
def test_files_are_kept_as_handed_in_only_where_the_school_says_so(school, tmp_path, said, kept):
    if said is not None:
        with writing(school) as connection:
            write_setting(connection, "keep_originals", said)
    path = outcomes_with(tmp_path, {}, passed())
    assert take_in(school, path, originals=tmp_path / "originals").committed
    found = list((tmp_path / "originals").glob("*")) if (tmp_path / "originals").exists() else []
    assert [each.read_bytes() for each in found] == [path.read_bytes()] * kept
