"""上傳 and 勾選 in numbers: who counts, what is known, and what is neither nought nor known."""

from __future__ import annotations

from datetime import timedelta
from types import SimpleNamespace

import pandas as pd
import pytest

from dashboard.access.roles import Role
from dashboard.access.scope import Scope
from dashboard.services.filters import Choices, Filters, View
from dashboard.services.participation import MOST_ITEMS, class_table, in_school, take_part
from data.instants import NEVER, parse_as_of, to_us
from data.ledger import build, narrow
from data.metrics import Question, participation
from data.schema import FRAMES, SchoolSettings, conform

SECRETARY = Scope(Role.EXECUTIVE_SECRETARY, None, "all")
CONVENER = Scope(Role.CONVENER, None, "all")  # may not see students by name


def us(text):
    return to_us(parse_as_of(text))


def student(number, class_name="101", *, year=115, left="", grade=1, department="普通科"):
    return {
        "school_year": year, "student_id": number, "class_name": class_name, "grade": grade, "department": department,
        "division": "日間部", "in_school": not left, "left_at": us(left) if left else NEVER, "left_is_dated": bool(left),
    }  # fmt: skip


def upload(number, at, *, kind="outcome", year=115):
    semester = 1 if kind == "outcome" else 0
    return {
        "kind": kind, "school_year": year, "semester": semester, "student_id": number, "course_code": "", "uploaded_at": us(at),
    }  # fmt: skip


def selection(number, outcomes, performances, *, known="2027-07-25"):
    return {
        "school_year": 115, "student_id": number, "outcome_count": outcomes, "performance_count": performances,
        "known_at": us(known),
    }  # fmt: skip


def window(task, start, end, *, year=115, semester=1, grade=1):
    return {
        "school_year": year, "semester": semester, "grade": grade, "task": task, "starts_at": us(start), "ends_at": us(end),
        "original_ends_at": us(end), "unit": "",
    }  # fmt: skip


UPLOAD = window("upload", "2026-08-30T08:00", "2027-02-04")
SELECT = [window(f"select_{kind}", "2027-07-22", "2027-08-05", semester=0) for kind in ("outcome", "performance")]
CLASSES = [(115, "101", 1, "普通科"), (115, "102", 1, "資訊科"), (115, "103", 1, "資訊科")]
STUDENTS = [*(student(n) for n in range(1, 6)), *(student(n, "102", department="資訊科") for n in range(6, 12))]
UPLOADS = [
    upload(1, "2026-09-10T10:00"), upload(1, "2026-11-01T10:00"), upload(2, "2026-11-20T10:00"), upload(6, "2026-11-25T23:59"),
    upload(2, "2026-10-01T10:00", kind="performance"),
]  # fmt: skip


def ledger_of(*, students=STUDENTS, uploads=UPLOADS, selections=(), windows=(UPLOAD,), classes=CLASSES, **caps):
    given = {
        "classes": [dict(zip(FRAMES["classes"], (*row, ""), strict=True)) for row in classes],
        "enrolments": list(students), "uploads": list(uploads), "selections": list(selections), "windows": list(windows),
    }  # fmt: skip
    frames = {
        name: conform(pd.DataFrame(given.get(name, []), columns=list(columns)), columns)
        for name, columns in FRAMES.items()
    }
    return build(frames, SchoolSettings(**caps))


def ask(stage, as_of, *, scope=SECRETARY, term=1151, narrowed=None, **world):
    ledger = ledger_of(**world)
    store = SimpleNamespace(ledger=lambda: (1, ledger), kept=lambda _key, make: make())
    shown = narrowed(ledger) if narrowed else ledger
    view = View(1, Filters(term, parse_as_of(as_of)), Choices([], [], [], [], [], []), scope, ledger, shown)
    return take_part(store, view, stage)


def of_class(kind, name):
    return kind.classes.set_index("key").loc[name]


NOVEMBER = "2026-11-26"  # the end of 25 November on the screen


def test_a_student_with_one_item_takes_part_and_all_in_school_are_the_whole():
    outcome, performance = ask("upload", NOVEMBER).kinds
    assert (outcome.total["participants"], outcome.total["enrolled"], outcome.total["items"]) == (3, 11, 4)
    assert (performance.total["participants"], performance.total["enrolled"], performance.total["items"]) == (1, 11, 1)
    assert (outcome.term, performance.term) == (1151, 1150)


def test_leavers_are_in_no_count_from_their_day_on():
    students = [student(1, left="2026-11-20"), *STUDENTS[1:]]
    before, after = (ask("upload", day, students=students).kinds[0] for day in ("2026-11-19", NOVEMBER))
    assert (before.total["enrolled"], before.total["items"]) == (11, 2)
    assert (after.total["enrolled"], after.total["items"]) == (10, 2)
    assert after.days["items"].iloc[-1] == 2
    assert after.spread["students"].sum() == 10


def test_who_is_in_school_is_who_the_metric_counts():
    students = [student(1, left="2026-11-20"), student(2, left="2026-09-01"), *STUDENTS[2:]]
    ledger = ledger_of(students=students)
    for day in ("2026-08-31", "2026-09-01", "2026-11-19T23:59:59", "2026-11-20", "2027-01-01"):
        metric = participation.answer(ledger, Question(1151, parse_as_of(day), by="school", stage="upload"))
        assert in_school(ledger, 115, us(day)).sum() == metric["enrolled"].sum()


def test_the_spread_counts_everybody_once_and_ends_in_one_row_for_many():
    many = [upload(3, f"2026-10-{day:02d}T08:00") for day in range(1, 21)]
    outcome = ask("upload", NOVEMBER, uploads=UPLOADS + many).kinds[0]
    assert outcome.spread["students"].tolist() == [7, 2, 1, *[0] * (MOST_ITEMS - 3), 1]
    assert outcome.spread["students"].sum() == outcome.known == 11
    assert outcome.median_items == 1.5


def test_cumulative_days_run_from_the_opening_to_as_of_and_end_at_the_total():
    outcome = ask("upload", NOVEMBER).kinds[0]
    assert str(outcome.days["day"].iloc[0].date()) == "2026-08-30"
    assert str(outcome.days["day"].iloc[-1].date()) == "2026-11-25"
    assert outcome.days["items"].iloc[-1] == outcome.total["items"]
    assert outcome.days["items"].is_monotonic_increasing
    assert "before" not in outcome.days


def test_the_year_before_is_laid_on_from_opening_to_opening():
    earlier = [student(n, year=114) for n in range(1, 4)]
    uploads = [*UPLOADS, upload(1, "2025-09-05T10:00", year=114), upload(2, "2026-02-01T10:00", year=114)]
    windows = [UPLOAD, window("upload", "2025-09-01", "2026-02-04", year=114)]
    classes = [*CLASSES, (114, "101", 1, "普通科")]
    days = (
        ask("upload", NOVEMBER, students=STUDENTS + earlier, uploads=uploads, windows=windows, classes=classes)
        .kinds[0]
        .days
    )
    first = days.loc[days["before"] == 1, "day"].min()
    assert first - days["day"].iloc[0] == timedelta(days=4)
    assert days["before"].max() == 2
    assert days.loc[days["day"] > "2026-11-25", "items"].isna().all()


def test_who_left_before_the_same_day_of_last_year_is_not_in_its_line():
    earlier = [student(1, year=114, left="2025-10-01"), student(2, year=114, left="2026-06-10")]
    uploads = [upload(3, "2026-09-01T10:00"), *(upload(n, f"2025-09-0{n}T10:00", year=114) for n in (1, 2))]
    classes = [*CLASSES, (114, "101", 1, "普通科")]
    others = [student(n, year=115) for n in range(3, 9)]
    days = ask("upload", NOVEMBER, students=others + earlier, uploads=uploads, classes=classes).kinds[0].days
    assert days["before"].max() == 1


def test_a_class_with_nobody_in_school_has_no_counts():
    row = of_class(ask("upload", NOVEMBER).kinds[0], "103")
    assert (row["state"], row["enrolled"]) == ("nobody", 0)
    assert row[["participants", "items", "participation"]].isna().all()


def test_a_class_where_nobody_uploaded_is_nought_while_others_did():
    row = of_class(ask("upload", NOVEMBER).kinds[1], "102")
    assert (row["state"], row["participants"], row["enrolled"]) == ("known", 0, 6)


@pytest.mark.parametrize(
    ("as_of", "state"), [("2026-08-30T07:59:59", "not_open"), ("2026-08-30T08:00", "known"), (NOVEMBER, "known")]
)
def test_before_the_window_opens_there_is_no_nought(as_of, state):
    outcome = ask("upload", as_of).kinds[0]
    assert outcome.state == state
    assert set(outcome.classes["state"]) == {state, "nobody"}


def test_what_was_uploaded_before_the_announced_start_is_counted_nevertheless():
    outcome = ask("upload", "2026-08-20", uploads=[upload(1, "2026-08-10T10:00")]).kinds[0]
    assert (outcome.state, outcome.total["items"], outcome.known) == ("known", 1, 1)


def test_a_term_of_which_nothing_was_handed_in_is_no_nought():
    result = ask("upload", NOVEMBER, uploads=UPLOADS[:4])
    assert [kind.state for kind in result.kinds] == ["known", "no_data"]
    assert result.kinds[1].classes["participants"].isna().all()


def test_a_term_without_windows_is_counted_all_the_same():
    outcome = ask("upload", NOVEMBER, windows=[]).kinds[0]
    assert (outcome.state, outcome.windows, outcome.total["items"]) == ("known", (), 4)
    assert str(outcome.days["day"].iloc[0].date()) == "2026-08-01"


@pytest.mark.parametrize(
    ("as_of", "windows", "state"),
    [
        ("2027-07-21", SELECT, "not_open"),
        ("2027-07-22", SELECT, "no_data"),
        ("2027-07-24T23:59:59", SELECT, "no_data"),
        ("2027-07-25", SELECT, "known"),
        ("2027-07-24", [], "not_open"),
        ("2027-07-25", [], "known"),
    ],
)
def test_selections_are_known_from_their_import_on(as_of, windows, state):
    outcome = ask("select", as_of, selections=[selection(1, 2, 3)], windows=windows, term=1152).kinds[0]
    assert outcome.state == state
    assert (outcome.known_at is not None) == (state == "known")


def test_of_selections_only_who_is_listed_is_known():
    outcome, performance = ask(
        "select",
        "2027-07-26",
        selections=[selection(1, 6, 11), selection(2, 0, None), selection(3, 7, 2)],
        windows=SELECT,
    ).kinds
    assert (outcome.known, outcome.spread["students"].tolist()) == (3, [1, 0, 0, 0, 0, 0, 1, 1])
    assert (performance.known, performance.total["participants"]) == (2, 2)
    assert (outcome.cap, outcome.total["at_cap"], outcome.total["over_cap"]) == (6, 1, 1)
    assert (performance.cap, performance.total["at_cap"], performance.total["over_cap"]) == (10, 0, 1)
    assert of_class(outcome, "102")["state"] == "no_data"


def test_a_grade_whose_window_has_not_begun_is_not_open_beside_one_that_is_known():
    students = [*STUDENTS[:5], *(student(n, "301", grade=3) for n in range(20, 26))]
    windows = [window("select_outcome", "2027-04-23", "2027-05-07", semester=0, grade=3), *SELECT]
    chosen = [selection(20, 2, 2, known="2027-05-01")]
    classes = [CLASSES[0], (115, "301", 3, "普通科")]
    outcome = ask("select", "2027-05-02", students=students, windows=windows, selections=chosen, classes=classes).kinds[
        0
    ]
    assert dict(zip(outcome.grades["key"], outcome.grades["state"], strict=True)) == {"1": "not_open", "3": "known"}
    assert [(w.grades, w.state) for w in outcome.windows] == [((3,), "open"), ((1,), "not_open")]


def test_windows_stand_as_they_are_at_the_instant():
    stands = [ask("upload", at).kinds[0].windows[0].state for at in ("2026-08-30", "2027-02-03T23:59:59", "2027-02-04")]
    assert stands == ["not_open", "open", "closed"]


def test_caps_count_only_where_the_school_has_set_them():
    without = ask("upload", NOVEMBER).kinds[0]
    capped = ask("upload", NOVEMBER, upload_outcome_cap=1).kinds[0]
    assert pd.isna(without.total["over_cap"])
    assert (capped.total["at_cap"], capped.total["over_cap"]) == (2, 1)


def few(ledger):
    return narrow(ledger, enrolments=(ledger.enrolments["student_id"] <= 3).to_numpy())


def test_fewer_than_five_students_are_held_back_from_who_has_nothing_to_do_for_them():
    held = ask("upload", NOVEMBER, scope=CONVENER, narrowed=few)
    assert held.held_back
    assert class_table(held).empty
    assert set(held.kinds[0].classes["state"]) <= {"few", "nobody"}
    assert held.kinds[0].classes["participants"].isna().all()
    assert not ask("upload", NOVEMBER, scope=SECRETARY, narrowed=few).held_back


def test_a_small_class_is_held_back_where_the_whole_is_not():
    students = [*STUDENTS[:3], *STUDENTS[5:]]
    outcome = ask("upload", NOVEMBER, scope=CONVENER, students=students).kinds[0]
    assert dict(zip(outcome.classes["key"], outcome.classes["state"], strict=True)) == {
        "101": "few", "102": "known", "103": "nobody",
    }  # fmt: skip
    assert outcome.total["participants"] == 3
