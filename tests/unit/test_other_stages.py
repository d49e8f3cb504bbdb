"""What units owe (登錄, 提交, 收訖問題回報), counted again in plain Python over the rows."""

from __future__ import annotations

from collections import defaultdict

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from data.instants import DAY_US, NEVER, from_us
from data.ledger import build, narrow
from data.metrics import Question, all_metrics, answer
from data.schema import FRAMES, SchoolSettings, conform
from tests.unit.test_metrics import BASE, DEPARTMENTS, frames_of

HOUR = 3_600_000_000
EMPTY = {"rounds": [], "left": {}, "deputy": None, "window": "none"}
CLASS_OF = {student: ["101", "102"][student % 2] for student in range(6)}
hours = st.integers(0, 60 * 24)
windows = st.dictionaries(
    st.tuples(
        st.integers(0, 2),
        st.sampled_from([1, 2]),
        st.sampled_from(
            ["register_grades", "register_position", "submit_academic", "submit_outcomes", "submit_positions_1"]
        ),
    ),
    st.tuples(hours, st.integers(1, 20 * 24), st.integers(0, 5 * 24), st.sampled_from(["", "註冊組"])),
    max_size=6,
)
registrations = st.lists(
    st.tuples(
        st.integers(1, 2), st.sampled_from(["grades", "position"]), st.sampled_from(["101", "102", ""]), st.integers(-1, 5), hours,
        st.sampled_from(["", "訓育組"]),
    ),
    max_size=6,
)  # fmt: skip
submissions = st.lists(
    st.tuples(
        st.integers(0, 2), st.sampled_from(["students", "grades", "outcomes", "positions"]), st.sampled_from([0, 0, 1]),
        st.sampled_from(["school", "central"]), hours, st.sampled_from(["", "教學組"]),
    ),
    max_size=6,
)  # fmt: skip
disputes = st.lists(
    st.tuples(
        st.sampled_from(["101", "102", ""]), st.integers(-1, 5), hours, st.one_of(st.none(), st.integers(0, 9 * 24))
    ),
    max_size=5,
)
histories = st.fixed_dictionaries(
    {"windows": windows, "registrations": registrations, "submissions": submissions, "disputes": disputes}
)


def us(hour):
    return BASE + hour * HOUR


def frames_with(history):
    rows = {
        "windows": [
            (113, semester, grade, task, us(start), us(start + length + longer), us(start + length), unit)
            for (semester, grade, task), (start, length, longer, unit) in history["windows"].items()
        ],
        "registrations": [
            (113, semester, kind, name, student, us(at), unit)
            for semester, kind, name, student, at, unit in history["registrations"]
        ],
        "submissions": [
            (number, 113, semester, roster, batch, "", source, 0, us(at), unit, 0, 0)
            for number, (semester, roster, batch, source, at, unit) in enumerate(history["submissions"])
        ],
        "disputes": [
            (number, 113, "課程學習成果", name, student, us(raised), NEVER if took is None else us(raised + took))
            for number, (name, student, raised, took) in enumerate(history["disputes"])
        ],
    }
    return frames_of(EMPTY) | {
        name: conform(pd.DataFrame(each, columns=list(FRAMES[name])), FRAMES[name]) for name, each in rows.items()
    }


def plain_duties(history):
    """The rules of docs/adr/0008, row by row: (stage, term, class, kind, unit, opened, done, due, original)."""
    owed = []
    first = {}
    for semester, kind, name, student, at, unit in history["registrations"]:
        key = (semester, name or CLASS_OF.get(student), kind)
        if key[1] and (key not in first or us(at) < first[key][0]):
            first[key] = (us(at), unit)
    for (semester, grade, task), (start, length, longer, unit) in history["windows"].items():
        stage, _, kind = task.partition("_")
        if stage == "register" and grade == 1:  # both classes are of grade 1
            for name in DEPARTMENTS:
                done, by = first.pop((semester, name, kind), (NEVER, ""))
                owed.append(("register", 1130 + semester, name, kind, unit or by, min(us(start), done), done,
                             us(start + length + longer), us(start + length)))  # fmt: skip
    for (semester, name, kind), (done, by) in first.items():
        owed.append(("register", 1130 + semester, name, kind, by, done, done, NEVER, NEVER))
    announced = defaultdict(list)
    for (semester, _grade, task), (start, length, longer, unit) in history["windows"].items():
        if task.startswith("submit_"):
            announced[semester, task.removeprefix("submit_")].append(
                (us(start), us(start + length + longer), us(start + length), unit)
            )
    handed_in = defaultdict(dict)
    for semester, roster, batch, _source, at, unit in history["submissions"]:
        kind = "academic" if roster in ("students", "grades") else roster
        term = 0 if kind == "outcomes" or batch else semester
        books = handed_in[term, f"{kind}_1" if batch else kind]
        if roster not in books or us(at) < books[roster][0]:
            books[roster] = (us(at), unit)
    for key in {*announced, *handed_in}:
        books = handed_in.get(key, {})
        whole = len(books) == (2 if key[1].startswith("academic") else 1)
        done = max(at for at, _ in books.values()) if whole else NEVER
        rows = announced.get(key, [])
        if rows:
            owed.append(("submit", 1130 + key[0], None, key[1], None, min([done, *(row[0] for row in rows)]), done,
                         max(row[1] for row in rows), max(row[2] for row in rows)))  # fmt: skip
        elif whole:
            owed.append(("submit", 1130 + key[0], None, key[1], None, done, done, NEVER, NEVER))
    for name, student, raised, took in history["disputes"]:
        due = us(raised) + 3 * DAY_US
        done = NEVER if took is None else us(raised + took)
        owed.append(
            ("confirm", 1130, CLASS_OF.get(student) or name or None, "課程學習成果", None, us(raised), done, due, due)
        )
    return owed


def plain_count(owed, stage, term, as_of, deadline, group):
    counts = defaultdict(lambda: dict.fromkeys(("on_time", "late", "open", "overdue"), 0))
    for duty in owed:
        if duty[:2] != (stage, term) or duty[5] > as_of:
            continue
        due = duty[7] if deadline == "current" else duty[8]
        done_in_time, passed = duty[6] < due, due <= as_of
        if duty[6] <= as_of:
            counts[group(duty)]["on_time" if done_in_time else "late"] += 1
        else:
            counts[group(duty)]["overdue" if passed else "open"] += 1
    return counts


@given(histories, st.data())
def test_every_count_is_the_plain_count(history, data):
    ledger = build(frames_with(history), SchoolSettings())
    owed = plain_duties(history)
    ends = sorted({instant for duty in owed for instant in duty[5:9] if instant != NEVER} | {us(100)})
    near = data.draw(st.sampled_from(ends))
    deadline = data.draw(st.sampled_from(["current", "original"]))
    completion = all_metrics()["completion"]
    for as_of in (near - 1_000_000, near, near + 1_000_000):
        for stage in ("register", "submit", "confirm"):
            for term in (1130, 1131, 1132):
                for by, group in (("school", lambda duty: "school"), ("class", lambda duty: duty[2] or "")):
                    asked = Question(term, from_us(as_of), by=by, stage=stage, deadline=deadline)
                    table = answer(ledger, completion, asked).set_index("key")
                    plain = plain_count(owed, stage, term, as_of, deadline, group)
                    assert set(plain) <= set(table.index)
                    for key, row in table.iterrows():
                        assert {name: int(row[name]) for name in plain[key]} == plain[key], (stage, term, by, key)
                        assert int(row["exempt"]) == 0


@given(histories)
def test_units_sum_to_the_school_and_register_duties_name_their_own_unit(history):
    ledger = build(frames_with(history), SchoolSettings())
    completion = all_metrics()["completion"]
    for stage in ("register", "submit", "confirm"):
        for term in (1130, 1131, 1132):
            asked = Question(term, from_us(us(61 * 24)), by="unit", stage=stage)
            table = answer(ledger, completion, asked)
            whole = ledger.of_term(term, stage)
            assert int(table["expected"].sum()) == int((whole["opened_at"] <= us(61 * 24)).sum())
            if stage == "register":
                plain = defaultdict(int)
                for duty in plain_duties(history):
                    if duty[:2] == ("register", term):
                        plain[duty[4]] += 1
                assert {key: n for key, n in zip(table["key"], table["expected"], strict=True) if n} == dict(plain)


@given(histories)
def test_a_ledger_narrowed_to_a_class_knows_what_is_owed_for_that_class_alone(history):
    ledger = build(frames_with(history), SchoolSettings())
    mine = narrow(ledger, classes=ledger.labels["class"] == "101")
    rest = mine.duties
    assert set(ledger.labels["class"][rest["class"]]) <= {"101"}
    told = [duty for duty in plain_duties(history) if duty[2] == "101"]
    named_only = [d for d in history["disputes"] if d[0] == "101" and d[1] == -1]
    assert len(rest) >= len(told) - len(named_only)
    assert len(rest) <= len(told)


def test_the_same_duty_has_the_same_number_in_every_version_of_the_data():
    history = {
        "windows": {(1, 1, "register_grades"): (0, 24, 0, ""), (0, 1, "submit_outcomes"): (0, 24, 0, "")},
        "registrations": [], "submissions": [], "disputes": [],
    }  # fmt: skip
    more = history | {
        "registrations": [(1, "position", "102", -1, 5, ""), (1, "grades", "101", -1, 9, "")],
        "submissions": [(0, "outcomes", 0, "school", 7, "")],
    }
    before = build(frames_with(history), SchoolSettings()).duties
    after = build(frames_with(more), SchoolSettings()).duties
    assert set(before["duty_id"]) < set(after["duty_id"])
    assert len(after) == len(before) + 1


@pytest.mark.parametrize(("books", "done"), [(["students"], False), (["students", "grades"], True)])
def test_half_of_the_academic_roster_is_not_yet_the_roster(books, done):
    history = {
        "windows": {(1, 1, "submit_academic"): (0, 240, 0, "註冊組")},
        "registrations": [], "disputes": [],
        "submissions": [(1, book, 0, "school", 10 + place, "") for place, book in enumerate(books)],
    }  # fmt: skip
    duties = build(frames_with(history), SchoolSettings()).of_term(1131, "submit")
    assert duties["done_at"].tolist() == [us(11) if done else NEVER]
