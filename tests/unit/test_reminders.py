"""Reminders: what waits, for whom, and never what is done or has been handed over."""

from __future__ import annotations

from datetime import datetime

import pytest

from dashboard.access.roles import Role
from dashboard.access.scope import Scope
from dashboard.services.filters import open_view
from dashboard.services.reminders import reminders, waiting
from dashboard.services.store import Store
from data.instants import NEVER, TAIPEI, from_us
from tests.unit.builders import STAFF, STUDENTS, WINDOWS, item, passed, take_in, write_school

SECRETARY = Scope(Role.EXECUTIVE_SECRETARY, None, "all")
OUTCOMES = [
    item("1130001", "1", sent="2024/12/01 12:00:00"),
    item("1130002", "1", sent="2024/11/01 12:00:00"),
    item("1130003", "1", sent="2025/02/09 12:00:00", class_name="102", teacher="T002"),
    passed("1130001", "2", sent="2024/11/01 12:00:00", decided="2025/01/05 09:00:00"),
]


@pytest.fixture
def school(tmp_path):
    def make(**tables):
        store = Store(f"sqlite:///{tmp_path / 'school.sqlite'}", id_key=b"a key for tests", instance_dir=tmp_path)
        store.migrate()
        plan = take_in(store.engine, write_school(tmp_path / "files", **({"outcomes": OUTCOMES} | tables)))
        assert plan.committed
        return store

    return make


def rows(store, scope=SECRETARY, **query):
    frame = waiting(store, open_view(store, scope, {"term": "1131"} | query))
    return list(zip(frame["teacher_code"], frame["student_number"], frame["item"], strict=True))


def test_what_waits_is_listed_by_teacher_and_oldest_first(school):
    assert rows(school()) == [("T001", "1130002", "1"), ("T001", "1130001", "1"), ("T002", "1130003", "1")]


def test_work_that_is_done_is_on_no_list_of_any_day(school):
    store = school()
    for day in ("2024-12-15", "2025-01-04", "2025-03-01"):
        assert ("T001", "1130001", "2") not in rows(store, asof=day)


def test_what_was_sent_after_the_day_is_not_on_its_list(school):
    assert rows(school(), asof="2024-11-15") == [("T001", "1130002", "1")]


def test_the_teacher_who_holds_it_now_is_reminded_and_not_the_deputy_of_that_day(school):
    store = school()  # T002 stood in for T001 from 17 January to 14 February
    assert {code for code, *_ in rows(store, asof="2025-01-20")} == {"T001"}


def test_who_left_takes_what_waits_of_theirs_off_the_list(school):
    gone = [*STUDENTS[0][:-1], "休學"]
    assert ("T001", "1130001", "1") not in rows(school(students=[gone, *STUDENTS[1:]]))


def test_since_when_until_when_and_how_long(school):
    store = school()
    frame = waiting(store, open_view(store, SECRETARY, {"term": "1131", "asof": "2025-02-08T12:00"}))
    first = frame.iloc[0]
    assert from_us(first["sent_at"]) == datetime(2024, 11, 1, 12, tzinfo=TAIPEI)
    assert from_us(first["last_at"]) == datetime(2025, 2, 10, 23, 59, 59, tzinfo=TAIPEI)
    assert first["days"] == 99.0
    assert not first["is_overdue"]
    after = waiting(store, open_view(store, SECRETARY, {"term": "1131", "asof": "2025-02-11T00:00"}))
    assert list(after["is_overdue"]) == [
        True,
        True,
        False,
    ]  # the last one was sent a day before the window's end: 3 days


def test_without_a_window_there_is_no_deadline_to_name(school):
    store = school(windows=WINDOWS[:1])
    view = open_view(store, SECRETARY, {"term": "1131"})
    assert set(waiting(store, view)["last_at"]) == {NEVER}
    assert all(part.due_at is None for each in reminders(store, view) for part in each.parts)


@pytest.mark.parametrize(
    ("scope", "codes"),
    [
        (SECRETARY, {"T001", "T002"}),
        (Scope(Role.SECTION_CHIEF, None, "unit", unit=STAFF[1][2]), {"T002"}),
        (Scope(Role.SECTION_CHIEF, None, "unit", unit="沒有這個處室"), set()),
        (Scope(Role.TEACHER, frozenset(), "self", staff_code="T001"), {"T001"}),
        (Scope(Role.HOMEROOM, frozenset({(113, "101")}), "none"), set()),
        (Scope(Role.ADMIN, None, "none"), set()),
    ],
)
def test_only_those_whom_the_scope_names_are_reminded(school, scope, codes):
    store = school()
    assert {code for code, *_ in rows(store, scope)} == codes
    assert {each.teacher_code for each in reminders(store, open_view(store, scope, {"term": "1131"}))} == codes


@pytest.mark.parametrize(
    ("scope", "named"),
    [(SECRETARY, True), (Scope(Role.CONVENER, None, "all"), False), (Scope(Role.TEACHER, frozenset(), "self", staff_code="T001"), True)],
)  # fmt: skip
def test_students_are_named_to_those_who_may_see_them_and_to_who_has_to_act(school, scope, named):
    assert all(bool(number) == named for _code, number, _item in rows(school(), scope))


def test_what_nobody_holds_is_on_the_list_and_reminds_nobody(school):
    store = school(outcomes=[item("1130001", "1", teacher=""), *OUTCOMES[1:]], sections=[])
    view = open_view(store, SECRETARY, {"term": "1131"})
    assert list(waiting(store, view)["teacher_code"]) == ["", "T001", "T002"]
    assert [each.teacher_code for each in reminders(store, view)] == ["T001", "T002"]


def test_a_reminder_counts_by_subject_and_class_the_oldest_first(school):
    store = school()
    first, second = reminders(store, open_view(store, SECRETARY, {"term": "1131", "asof": "2025-03-01"}))
    assert (first.teacher_name, first.items, first.overdue, first.judged) == ("王一", 2, 2, 0)
    assert [(part.subject, part.class_name, part.items, part.overdue) for part in first.parts] == [
        ("數學", "101", 2, 2)
    ]
    assert first.oldest_at == datetime(2024, 11, 1, 12, tzinfo=TAIPEI)
    assert [(part.class_name, part.due_at) for part in second.parts] == [
        ("102", datetime(2025, 2, 12, 12, tzinfo=TAIPEI))
    ]


def test_the_class_and_the_teacher_that_the_page_shows_narrow_the_list(school):
    store = school()
    assert {code for code, *_ in rows(store, **{"class": "102"})} == {"T002"}
    assert {code for code, *_ in rows(store, teacher="T001")} == {"T001"}
