"""Leak: how far the items of a school year have come, against a count over the rows, item by item."""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from data.instants import DAY_US, NEVER, from_us, parse_as_of, to_us
from data.ledger import build, narrow
from data.metrics import Question, ReportError, answer
from data.metrics.leak import METRIC, STEPS
from data.schema import FRAMES, SchoolSettings, conform
from tests.unit.plain_count import demo_frames

HOUR = 3_600_000_000
BASE = to_us(parse_as_of("2025-01-01"))
CLASSES = {"101": (1, "普通科"), "102": (1, "資訊科"), "201": (2, "資訊科")}
PEOPLE = 6
COURSES = ("M1", "M2", "")
ALWAYS = ("uploaded", "sent", "certified")

hours = st.integers(0, 60 * 24)
students = st.integers(0, PEOPLE - 1)
worlds = st.fixed_dictionaries(
    {
        "items": st.lists(
            st.tuples(
                st.sampled_from([112, 113]), st.sampled_from([1, 2]), students, st.sampled_from(COURSES), hours,
                # of each sending: the hours until it was decided (or never), passed, released
                st.lists(
                    st.tuples(st.one_of(st.none(), st.integers(0, 300)), st.booleans(), st.booleans()), max_size=2
                ),
            ),
            max_size=20,
        ),
        "selections": st.lists(
            st.tuples(st.sampled_from([112, 113]), students, st.one_of(st.none(), st.integers(0, 9)), hours), max_size=6
        ),
        "books": st.lists(
            st.tuples(
                st.sampled_from([112, 113, 113, 113]), st.integers(0, 2), st.sampled_from(["outcomes", "outcomes", "performances"]),
                st.sampled_from(["school", "central", "receipt"]), st.integers(0, 3), hours,
                st.dictionaries(
                    st.tuples(st.integers(0, 2), students, st.sampled_from(["M1", "M2", "M3"])), st.integers(1, 4), max_size=6
                ),
            ),
            max_size=5,
        ),
        "receipts": st.lists(
            st.tuples(
                st.sampled_from(["all", "課程學習成果", "多元表現"]), st.integers(1, 2), students,
                st.sampled_from(["confirmed", "disputed", "unseen"]), st.one_of(st.none(), hours),
            ),
            max_size=10, unique_by=lambda row: row[:3],
        ),
        "left": st.dictionaries(students, st.integers(0, 60), max_size=2),
    }
)  # fmt: skip
instants = st.integers(0, 75 * 24).map(lambda hour: BASE + hour * HOUR)


def us(hour):
    return BASE + hour * HOUR


def place_of(student):
    return list(CLASSES)[student % 3]


def rounds_known(kind, number):
    """Of these worlds: each kind's second round is known a month after the first."""
    return us((20 if kind == "all" else 12) * 24 + (number - 1) * 30 * 24)


def frames_of(world):
    enrolments = []
    for year in (112, 113):
        for student in range(PEOPLE):
            day = world["left"].get(student) if year == 113 else None
            left_at = NEVER if day is None else BASE + day * DAY_US
            name = place_of(student)
            enrolments.append((year, student, name, *CLASSES[name], "日間部", day is None, left_at, day is not None))
    uploads, rounds = [], []
    for item, (year, semester, student, course, hour, sendings) in enumerate(world["items"]):
        uploads.append(("outcome", year, semester, student, course, us(hour)))
        at = us(hour)
        for wait, passed, released in sendings:
            decided = NEVER if wait is None else at + wait * HOUR
            done = decided if released else NEVER
            rounds.append((len(rounds), item, year, semester, student, "數學", "T1", at, decided, done, "T1", passed))
            at += 400 * HOUR
    uploads.append(("performance", 113, 0, 0, "", us(1)))
    submissions, submitted = [], []
    for number, (year, semester, roster, source, round_number, hour, listed) in enumerate(world["books"]):
        submissions.append((number, year, semester, roster, 0, "", source, round_number, us(hour), "", 0, 0))
        for (of_course, student, course), n in listed.items():
            submitted.append((number, year, of_course, student, course, n, us(hour)))
    receipts = [
        (113, kind, number, student, status, NEVER if at is None or status == "unseen" else us(at), rounds_known(kind, number), 1.0)
        for kind, number, student, status, at in world["receipts"]
    ]  # fmt: skip
    tables = {
        "classes": [(y, name, *of, "") for y in (112, 113) for name, of in CLASSES.items()],
        "enrolments": enrolments, "uploads": uploads, "rounds": rounds, "submissions": submissions, "submitted": submitted,
        "selections": [(year, student, np.nan if n is None else n, 1, us(at)) for year, student, n, at in world["selections"]],
        "receipts": receipts,
    }  # fmt: skip
    return {
        name: conform(pd.DataFrame(tables.get(name, []), columns=list(columns)), columns)
        for name, columns in FRAMES.items()
    }


def count_by_hand(frames, year, by, as_of):
    """The docstring of the metric, row by row: of each group its numbers (None: nothing known) and how it was counted."""
    people = {
        row.student_id: row
        for row in frames["enrolments"].itertuples()
        if row.school_year == year and (row.left_at > as_of if row.in_school or row.left_is_dated else False)
    }
    numbers = defaultdict(Counter)  # by student
    uploads = Counter()
    for row in frames["uploads"].itertuples():
        if row.kind == "outcome" and row.school_year == year and row.uploaded_at <= as_of:
            numbers[row.student_id]["uploaded"] += 1
            uploads[row.student_id, row.semester, row.course_code] += 1
    sent, certified = set(), set()
    for row in frames["rounds"].itertuples():
        if row.school_year == year and row.sent_at <= as_of:
            sent.add((row.student_id, row.outcome_id))
            if row.passed and row.completed_at <= as_of:
                certified.add((row.student_id, row.outcome_id))
    for name, items in (("sent", sent), ("certified", certified)):
        for student, _ in items:
            numbers[student][name] += 1
    latest = {}
    for row in frames["selections"].itertuples():
        if row.school_year == year and row.known_at <= as_of:
            latest[row.student_id] = row.outcome_count
    known = defaultdict(set)
    for student, n in latest.items():
        if not np.isnan(n):
            numbers[student]["selected"] = int(n)
            known["selected"].add(student)
    books = [
        row
        for row in frames["submissions"].itertuples()
        if row.school_year == year and row.roster == "outcomes" and row.submitted_at <= as_of
    ]
    how = {}
    for name, sources in (("submitted", ("school", "central")), ("received", ("receipt",))):
        listed = defaultdict(Counter)
        for book in books:
            rounds = [
                b.round_number for b in books if b.source == "receipt" == book.source and b.semester == book.semester
            ]
            if book.source not in sources or (rounds and book.round_number < max(rounds)):
                continue
            for row in frames["submitted"].itertuples():
                if row.submission_id == book.submission_id and row.student_id in people:
                    listed[row.student_id, row.semester, row.course_code][book.source] += row.item_count
        most = {key: max(by_source.values()) for key, by_source in listed.items()}
        found = {key: min(n, uploads[key]) for key, n in most.items()}
        how[name] = "item" if any(found.values()) else "count"
        for key, n in (found if how[name] == "item" else most).items():
            numbers[key[0]][name] += n
        known[name] = {key[0] for key in most}
    standing = {}
    for kind in ("all", "課程學習成果"):  # the second overrides the first
        rows = [row for row in frames["receipts"].itertuples() if row.school_year == year and row.kind == kind]
        at = {row.round_number: row.known_at for row in rows}
        number = max((n for n in at if at[n] <= as_of), default=None)
        for row in rows:
            if row.round_number == number:
                acted_at = row.known_at if row.acted_at == NEVER else row.acted_at
                standing[row.student_id] = row.status == "confirmed" and acted_at <= as_of
    held = "received" if any(book.source == "receipt" for book in books) else "submitted"
    for student, has_confirmed in standing.items():
        if student in known[held]:
            known["confirmed"].add(student)
            numbers[student]["confirmed"] = numbers[student][held] if has_confirmed else 0
    groups = defaultdict(lambda: dict.fromkeys(STEPS) | dict.fromkeys(ALWAYS, 0))
    for student, person in people.items():
        key = {"school": "school", "grade": str(person.grade), "class": person.class_name, "department": person.department}[by]  # fmt: skip
        for step in STEPS:
            if step in ALWAYS or student in known[step]:
                groups[key][step] = (groups[key][step] or 0) + numbers[student][step]
    for group in groups.values():
        for step in ("submitted", "received"):
            group[f"{step}_by"] = "" if group[step] is None else how[step]
    return groups


def ask(ledger, year, by, as_of):
    return answer(ledger, METRIC, Question(year * 10, from_us(as_of), by, "upload"))


def check(frames, year, as_of):
    ledger = build(frames, SchoolSettings())
    for by in METRIC.groupings:
        expected = count_by_hand(frames, year, by, as_of)
        table = ask(ledger, year, by, as_of).set_index("key")
        assert set(expected) <= set(table.index)
        for key, row in table.iterrows():
            nothing = dict.fromkeys(STEPS) | dict.fromkeys(ALWAYS, 0) | {"submitted_by": "", "received_by": ""}
            for name, n in expected.get(key, nothing).items():
                if n is None:
                    assert pd.isna(row[name]), (by, key, name)
                else:
                    assert row[name] == n, (by, key, name)


@given(world=worlds, as_of=instants)
def test_every_number_is_that_of_a_count_over_the_rows(world, as_of):
    frames = frames_of(world)
    # The lists of 收訖 trail the facts: before any round is known the earliest one later counts, which is not asked here.
    if not (frames["receipts"]["known_at"] > as_of).any():
        check(frames, 113, as_of)
    check(frames | {"receipts": frames["receipts"].iloc[:0]}, 112, as_of)


@given(world=worlds, as_of=instants)
def test_sums_are_equal_at_every_grain_and_the_ledger_is_unchanged(world, as_of):
    ledger = build(frames_of(world), SchoolSettings())
    before = {name: getattr(ledger, name).copy() for name in ("duties", "uploads", "submitted", "submissions", "receipts")}  # fmt: skip
    totals = {by: ask(ledger, 113, by, as_of)[list(STEPS)].sum().tolist() for by in METRIC.groupings}
    assert len({tuple(total) for total in totals.values()}) == 1, totals
    for name, frame in before.items():
        pd.testing.assert_frame_equal(getattr(ledger, name), frame)


@given(world=worlds, as_of=instants)
def test_what_is_known_later_changes_no_answer(world, as_of):
    past = world | {
        "items": [row for row in world["items"] if us(row[4]) <= as_of],
        "selections": [row for row in world["selections"] if us(row[3]) <= as_of],
        "books": [row for row in world["books"] if us(row[5]) <= as_of],
    }
    tables = (ask(build(frames_of(each), SchoolSettings()), 113, "class", as_of) for each in (world, past))
    pd.testing.assert_frame_equal(*tables)


@given(world=worlds, as_of=instants)
def test_a_narrowed_ledger_counts_its_own_class_and_nobody_else(world, as_of):
    ledger = build(frames_of(world), SchoolSettings())
    own = (ledger.labels["class"] == "101") & (ledger.classes["school_year"] == 113).to_numpy()
    small = ask(narrow(ledger, classes=own), 113, "class", as_of)
    whole = ask(ledger, 113, "class", as_of)
    assert small["key"].tolist() == ["101"]
    pd.testing.assert_frame_equal(
        small[["key", *ALWAYS, "selected"]],
        whole.loc[whole["key"] == "101", ["key", *ALWAYS, "selected"]].reset_index(drop=True),
    )


def world(**given_):
    return {"items": [], "selections": [], "books": [], "receipts": [], "left": {}} | given_


def test_an_item_in_the_book_and_in_the_dump_is_one_item():
    listed = {(1, 0, "M1"): 1}
    books = [(113, 0, "outcomes", source, 0, 5, listed) for source in ("school", "central")]
    uploaded = [(113, 1, 0, "M1", 0, [])] * 3
    row = ask(build(frames_of(world(items=uploaded, books=books)), SchoolSettings()), 113, "school", us(9)).iloc[0]
    assert (row["uploaded"], row["submitted"], row["submitted_by"]) == (3, 1, "item")


def test_a_book_whose_courses_nobody_uploaded_counts_by_its_number_and_may_exceed_the_uploads():
    books = [(113, 0, "outcomes", "school", 0, 5, {(1, 0, "M3"): 4})]
    frames = frames_of(world(items=[(113, 1, 0, "M1", 0, [])], books=books))
    row = ask(build(frames, SchoolSettings()), 113, "school", us(9)).iloc[0]
    assert (row["uploaded"], row["submitted"], row["submitted_by"]) == (1, 4, "count")
    early = ask(build(frames, SchoolSettings()), 113, "school", us(5) - 1).iloc[0]
    assert pd.isna(early["submitted"])
    assert early["submitted_by"] == ""


def test_an_item_sent_twice_is_one_item_and_certified_only_where_it_passed():
    items = [(113, 1, 0, "M1", 0, [(10, False, True), (10, True, True)])]
    ledger = build(frames_of(world(items=items)), SchoolSettings())
    first, second = (ask(ledger, 113, "school", us(at)).iloc[0] for at in (20, 410))
    assert (first["sent"], first["certified"]) == (1, 0)
    assert (second["sent"], second["certified"]) == (1, 1)


@pytest.mark.parametrize(
    ("question", "words"),
    [({"term": 1131}, "1130"), ({"kind": "performance"}, "outcome"), ({"stage": "select"}, "階段"), ({"by": "teacher"}, "分組")],
)  # fmt: skip
def test_a_question_that_cannot_be_asked_says_what_can(question, words):
    ledger = build(frames_of(world()), SchoolSettings())
    with pytest.raises(ReportError, match=words):
        answer(ledger, METRIC, replace(Question(1130, from_us(BASE), "school", "upload"), **question))


@pytest.mark.parametrize("day", ["2025-10-20", "2026-01-15", "2026-01-26", "2026-03-01"])
def test_a_demo_school_counts_the_same(day):
    frames = demo_frames(classes=5, terms=3, seed=4)
    as_of = to_us(parse_as_of(day))
    for year in (113, 114):
        known = frames["receipts"]["known_at"] <= as_of
        check(frames | {"receipts": frames["receipts"][known]}, year, as_of)
