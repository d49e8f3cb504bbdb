"""Receipts: where students stand in the round that counts, against a count over the rows at every edge of every window."""

from __future__ import annotations

from collections import defaultdict
from datetime import timedelta

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from data.instants import DAY_US, NEVER, from_us, parse_as_of, to_us
from data.ledger import build, narrow
from data.metrics import Question, ReportError, all_metrics, answer
from data.metrics.receipts import METRIC, STANDINGS, count, rounds_at
from data.schema import FRAMES, SchoolSettings, conform
from tests.unit.plain_count import school

HOUR, SECOND = 3_600_000_000, 1_000_000
BASE = to_us(parse_as_of("2025-06-16"))
CLASSES = {"101": (1, "普通科"), "201": (2, "資訊科"), "301": (3, "普通科")}
KINDS = ("all", "多元表現")
WINDOW = (BASE + 5 * DAY_US, BASE + 12 * DAY_US)
EXTENDED = BASE + 15 * DAY_US
ABSENT = 8  # the number of a student who is on no roster of the year
COUNTS = [name for name in METRIC.columns if name not in ("key", "name", "round_number")]

answers = st.tuples(
    st.sampled_from(["confirmed", "disputed", "unseen"]), st.one_of(st.none(), st.integers(0, 30 * 24))
)  # status, the hour of the answer
worlds = st.fixed_dictionaries(
    {
        # of each kind its rounds: the hour each was imported, the hour somebody was added (or none), and the answers
        "rounds": st.dictionaries(
            st.sampled_from(KINDS),
            st.lists(
                st.tuples(
                    st.integers(0, 30 * 24), st.booleans(), st.dictionaries(st.integers(0, ABSENT), answers, max_size=9)
                ),
                min_size=1, max_size=3,
            ),
            max_size=2,
        ),
        "windows": st.fixed_dictionaries({grade: st.sampled_from(["none", "plain", "extended"]) for grade in (1, 2, 3)}),
        "left": st.dictionaries(st.integers(0, ABSENT - 1), st.integers(0, 30), max_size=2),
        "disputes": st.lists(
            st.tuples(
                st.integers(-1, ABSENT), st.sampled_from(["", "101", "999"]), st.sampled_from(["", *KINDS, "幹部"]),
                st.integers(0, 25 * 24), st.one_of(st.none(), st.integers(0, 6 * 24)),
            ),
            max_size=6,
        ),
    }
)  # fmt: skip
edges = [at + step for at in (*WINDOW, EXTENDED) for step in (-SECOND, 0, SECOND)]
instants = st.one_of(st.integers(0, 40 * 24).map(lambda hour: BASE + hour * HOUR), st.sampled_from(edges))


def place_of(student):
    return list(CLASSES)[student % 3]


def frames_of(world):
    enrolments = []
    for student in range(ABSENT):
        name = place_of(student)
        day = world["left"].get(student)
        left_at = NEVER if day is None else BASE + day * DAY_US
        enrolments.append((113, student, name, *CLASSES[name], "日間部", day is None, left_at, day is not None))
    receipts = []
    for kind, rounds in world["rounds"].items():
        for number, (hour, added, said) in enumerate(rounds, start=1):
            for position, (student, (status, acted)) in enumerate(sorted(said.items())):
                known_at = BASE + (hour + (36 if added and position else 0)) * HOUR
                acted_at = NEVER if acted is None or status == "unseen" else BASE + acted * HOUR
                receipts.append((113, kind, number, student, status, acted_at, known_at, 1.0))
    windows = [
        (113, 0, grade, "confirm", WINDOW[0], EXTENDED if shape == "extended" else WINDOW[1], WINDOW[1], "註冊組")
        for grade, shape in world["windows"].items()
        if shape != "none"
    ]
    disputes = []
    for number, (student, name, kind, raised, wait) in enumerate(world["disputes"], start=1):
        answered = NEVER if wait is None else BASE + (raised + wait) * HOUR
        disputes.append((number, 113, kind, name, student, BASE + raised * HOUR, answered))
    tables = {
        "classes": [(113, name, grade, department, "") for name, (grade, department) in CLASSES.items()],
        "enrolments": enrolments, "receipts": receipts, "windows": windows, "disputes": disputes,
    }  # fmt: skip
    return {
        name: conform(pd.DataFrame(tables.get(name, []), columns=list(columns)), columns)
        for name, columns in FRAMES.items()
    }


def count_by_hand(frames, year, by, as_of, *, deadline="current"):
    """product.md's rules for confirm, row by row: a dict of counts for each group with anything in it."""
    people = {row.student_id: row for row in frames["enrolments"].itertuples() if row.school_year == year}
    windows = {
        row.grade: (row.starts_at, row.ends_at if deadline == "current" else row.original_ends_at)
        for row in frames["windows"].itertuples()
        if (row.school_year, row.semester, row.task) == (year, 0, "confirm")
    }
    grade_of = {row.name: row.grade for row in frames["classes"].itertuples() if row.school_year == year}
    department_of = {row.name: row.department for row in frames["classes"].itertuples() if row.school_year == year}
    groups = defaultdict(lambda: dict.fromkeys([*COUNTS, "round_number"], 0))

    def key_of(student, kind, name=""):
        if by in ("school", "kind"):
            return {"school": "school", "kind": kind}[by]
        person = people.get(student)
        if person is not None:
            return {"class": person.class_name, "grade": str(person.grade), "department": person.department}[by]
        known = name in grade_of
        grade, department = (str(grade_of[name]), department_of[name]) if known else ("0", "")
        return {"class": name if known else "", "grade": grade, "department": department}[by]

    rounds = defaultdict(list)
    for row in frames["receipts"].itertuples():
        if row.school_year == year:
            rounds[row.kind, row.round_number].append(row)
    known_at = {key: min(row.known_at for row in rows) for key, rows in rounds.items()}
    for kind in {kind for kind, _ in rounds}:
        numbers = sorted(number for k, number in rounds if k == kind)
        known = [number for number in numbers if known_at[kind, number] <= as_of]
        number = known[-1] if known else min(numbers, key=lambda n: (known_at[kind, n], n))
        for row in rounds[kind, number]:
            person = people.get(row.student_id)
            window = windows.get(person.grade) if person is not None else None
            if as_of < (window[0] if window else known_at[kind, number]):
                continue
            group = groups[key_of(row.student_id, kind)]
            group["in_round"] += 1
            group["round_number"] = max(group["round_number"], number)
            said_at = row.known_at if row.acted_at == NEVER else row.acted_at
            if row.status in ("confirmed", "disputed") and said_at <= as_of:
                group[row.status] += 1
                group["confirmed_late"] += row.status == "confirmed" and window is not None and said_at >= window[1]
            elif window is not None and as_of >= window[1]:
                group["deemed"] += 1
            else:
                group["unseen"] += 1
    for row in frames["disputes"].itertuples():
        if row.school_year != year or row.raised_at > as_of:
            continue
        group = groups[key_of(row.student_id, row.kind, row.class_name)]
        group["disputes"] += 1
        due = row.raised_at + 72 * HOUR
        if row.answered_at <= as_of:
            group["answered"] += 1
            group["answered_late"] += row.answered_at >= due
        else:
            group["dispute_overdue" if as_of >= due else "dispute_open"] += 1
    return groups


def compare(frames, ledger, year, by, as_of, deadline="current"):
    question = Question(year * 10, from_us(as_of), by, "confirm", deadline=deadline)
    table = answer(ledger, METRIC, question).set_index("key")
    wanted = count_by_hand(frames, year, by, as_of, deadline=deadline)
    assert set(wanted) <= set(table.index)
    for key, row in table.iterrows():
        theirs = wanted.get(key) or dict.fromkeys([*COUNTS, "round_number"], 0)
        assert {name: row[name] for name in theirs} == theirs
    return table


@given(
    world=worlds,
    as_of=instants,
    deadline=st.sampled_from(["current", "original"]),
    by=st.sampled_from(METRIC.groupings),
)
def test_receipts_equal_an_independent_count_over_the_rows(world, as_of, deadline, by):
    frames = frames_of(world)
    compare(frames, build(frames, SchoolSettings()), 113, by, as_of, deadline)


@pytest.mark.parametrize("name", ["three classes", "five classes"])
def test_receipts_of_a_demo_school_equal_a_count_over_the_rows_at_every_edge_of_every_window(name):
    frames = school(name)
    ledger = build(frames, SchoolSettings())
    windows = frames["windows"][frames["windows"]["task"] == "confirm"]
    seen = dict.fromkeys(COUNTS, 0)
    for window in windows.itertuples():
        close = {window.starts_at, window.ends_at, window.original_ends_at}
        for at in sorted({edge + step for edge in close for step in (-SECOND, 0, SECOND)} | {window.ends_at - DAY_US}):
            for by in METRIC.groupings:
                table = compare(frames, ledger, int(window.school_year), by, at)
                for column in COUNTS:
                    seen[column] += int(table[column].sum())
    assert all(seen[name] for name in (*STANDINGS, "disputes", "answered")), seen


@given(world=worlds, as_of=instants)
def test_every_grain_adds_up_to_the_school_and_every_student_stands_somewhere(world, as_of):
    ledger = build(frames_of(world), SchoolSettings())
    before = ledger.receipts.copy()
    totals = set()
    for by in METRIC.groupings:
        table = answer(ledger, METRIC, Question(1130, from_us(as_of), by, "confirm"))
        assert list(table["key"]) == sorted(table["key"])
        assert table["key"].is_unique
        assert (table[list(STANDINGS)].sum(axis=1) == table["in_round"]).all()
        assert (table["confirmed_late"] <= table["confirmed"]).all()
        assert (table["answered"] + table["dispute_open"] + table["dispute_overdue"] == table["disputes"]).all()
        totals.add(tuple(int(table[name].sum()) for name in COUNTS))
    assert len(totals) == 1
    pd.testing.assert_frame_equal(ledger.receipts, before)


@given(world=worlds, as_of=instants)
def test_reports_are_the_duties_of_completion(world, as_of):
    ledger = build(frames_of(world), SchoolSettings())
    for by in ("school", "grade", "department", "class"):
        question = Question(1130, from_us(as_of), by, "confirm")
        ours = answer(ledger, METRIC, question).set_index("key")
        theirs = answer(ledger, all_metrics()["completion"], question).set_index("key")
        assert set(theirs.index) <= set(ours.index)
        assert not ours.loc[~ours.index.isin(theirs.index), "disputes"].any()
        ours = ours.loc[theirs.index]
        assert ours["disputes"].tolist() == theirs["expected"].tolist()
        assert ours["answered"].tolist() == (theirs["on_time"] + theirs["late"]).tolist()
        assert ours["answered_late"].tolist() == theirs["late"].tolist()
        assert ours["dispute_open"].tolist() == theirs["open"].tolist()
        assert ours["dispute_overdue"].tolist() == theirs["overdue"].tolist()


@given(world=worlds, as_of=instants)
def test_a_class_asked_alone_has_the_figures_it_has_in_the_school(world, as_of):
    ledger = build(frames_of(world), SchoolSettings())
    question = Question(1130, from_us(as_of), "class", "confirm")
    whole = answer(ledger, METRIC, question).set_index("key")
    small = narrow(ledger, classes=np.array([name == "101" for name in ledger.labels["class"]]))
    alone = count(small, question, rounds=rounds_at(ledger, 113, to_us(question.as_of))).set_index("key")
    assert list(alone.index) == ["101"]
    pd.testing.assert_series_equal(alone.loc["101"], whole.loc["101"])


@given(world=worlds, as_of=st.integers(0, 40 * 24))
def test_answers_after_an_instant_never_change_what_it_knew(world, as_of):
    instant = BASE + as_of * HOUR
    frames = frames_of(world)
    past = frames["receipts"].copy()
    past.loc[(past["acted_at"] > instant) & (past["acted_at"] != NEVER), ["status", "acted_at"]] = ["unseen", NEVER]
    raised = frames["disputes"][frames["disputes"]["raised_at"] <= instant].copy()
    raised.loc[raised["answered_at"] > instant, "answered_at"] = NEVER
    question = Question(1130, from_us(instant), "class", "confirm")
    one, other = (
        answer(build(each, SchoolSettings()), METRIC, question)
        for each in (frames, frames | {"receipts": past, "disputes": raised})
    )
    pd.testing.assert_frame_equal(one, other)


def one_class(rounds, *, windows="plain", **rest):
    shapes = dict.fromkeys((1, 2, 3), windows)
    return build(frames_of({"rounds": rounds, "windows": shapes, "left": {}, "disputes": []} | rest), SchoolSettings())


def standings(ledger, at):
    row = answer(ledger, METRIC, Question(1130, from_us(at), "school", "confirm")).iloc[0]
    return [int(row[name]) for name in ("round_number", *STANDINGS)]


def test_who_has_not_answered_is_unseen_to_the_windows_last_second_and_deemed_from_its_end():
    ledger = one_class({"all": [(20 * 24, False, {0: ("unseen", None), 1: ("confirmed", 6 * 24)})]})
    assert standings(ledger, WINDOW[0] - SECOND) == [0, 0, 0, 0, 0]
    assert standings(ledger, WINDOW[0]) == [1, 0, 0, 2, 0]
    assert standings(ledger, WINDOW[1] - SECOND) == [1, 1, 0, 1, 0]
    assert standings(ledger, WINDOW[1]) == [1, 1, 0, 0, 1]


def test_an_extension_keeps_students_unseen_and_the_original_deadline_still_shows_them_deemed():
    ledger = one_class({"all": [(0, False, {0: ("unseen", None), 1: ("confirmed", 13 * 24)})]}, windows="extended")
    between = Question(1130, from_us(WINDOW[1] + 2 * DAY_US), "school", "confirm")
    current = answer(ledger, METRIC, between).iloc[0]
    original = answer(ledger, METRIC, Question(1130, between.as_of, "school", "confirm", deadline="original")).iloc[0]
    assert [current[name] for name in ("unseen", "deemed", "confirmed", "confirmed_late")] == [1, 0, 1, 0]
    assert [original[name] for name in ("unseen", "deemed", "confirmed", "confirmed_late")] == [0, 1, 1, 1]


def test_without_a_window_a_round_begins_with_its_import_and_nobody_is_ever_deemed():
    ledger = one_class({"all": [(48, False, {0: ("unseen", None)})]}, windows="none")
    assert standings(ledger, BASE + 48 * HOUR - SECOND) == [0, 0, 0, 0, 0]
    assert standings(ledger, BASE + 48 * HOUR) == [1, 0, 0, 1, 0]
    assert standings(ledger, BASE + 4000 * DAY_US) == [1, 0, 0, 1, 0]


def test_an_answer_without_a_time_counts_from_its_import_and_a_late_one_is_confirmed_and_flagged():
    ledger = one_class({"all": [(13 * 24, False, {0: ("confirmed", None)})]})
    assert standings(ledger, BASE + 13 * 24 * HOUR - SECOND) == [1, 0, 0, 0, 1]
    assert standings(ledger, BASE + 13 * 24 * HOUR) == [1, 1, 0, 0, 0]
    row = answer(ledger, METRIC, Question(1130, from_us(BASE + 14 * DAY_US), "school", "confirm")).iloc[0]
    assert (row["confirmed"], row["confirmed_late"]) == (1, 1)


def test_only_the_latest_round_known_counts_and_who_it_leaves_out_is_not_in_the_round():
    first = (6 * 24, False, {0: ("confirmed", 5 * 24), 1: ("disputed", 5 * 24)})
    second = (8 * 24, False, {1: ("unseen", None)})
    ledger = one_class({"all": [first, second]})
    assert standings(ledger, BASE + 8 * DAY_US - SECOND) == [1, 1, 1, 0, 0]
    assert standings(ledger, BASE + 8 * DAY_US) == [2, 0, 0, 1, 0]


def test_a_student_counts_once_per_kind_and_a_leaver_whom_the_list_names_stays_in_the_round():
    said = {0: ("confirmed", 5 * 24), 1: ("unseen", None)}
    ledger = one_class({kind: [(6 * 24, False, said)] for kind in KINDS}, left={1: 3})
    assert standings(ledger, BASE + 7 * DAY_US) == [1, 2, 0, 2, 0]


def test_a_term_is_no_school_year():
    ledger = one_class({})
    with pytest.raises(ReportError, match="1130"):
        answer(ledger, METRIC, Question(1131, from_us(BASE) + timedelta(days=1), "school", "confirm"))
