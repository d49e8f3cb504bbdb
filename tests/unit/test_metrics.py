"""Every metric against a count written another way: plain Python over rows, from the definitions alone."""

from __future__ import annotations

import math
from datetime import timedelta

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from data.instants import DAY_US, NEVER, from_us, parse_as_of, to_us
from data.ledger import build, narrow
from data.metrics import Question, all_metrics, answer
from data.metrics.completion import STATES, completion, kaplan_meier_quantiles
from data.schema import DUTY, FRAMES, SchoolSettings, check, conform

BASE = to_us(parse_as_of("2025-01-01"))
DUE = to_us(parse_as_of("2025-02-11"))
EXTENDED = to_us(parse_as_of("2025-02-18"))
DEPARTMENTS = {"101": "普通科", "102": "資訊科", "103": "普通科"}
UNITS = {"T1": "甲組", "T2": "乙組", "T3": "乙組"}

round_rows = st.lists(
    st.fixed_dictionaries(
        {
            "student": st.integers(0, 5),
            "teacher": st.sampled_from(["T1", "T2", ""]),
            "certifier": st.sampled_from(["T1", "T2", "T3"]),
            "subject": st.sampled_from(["數學", "國文"]),
            "sent": st.integers(0, 60 * 24),
            "wait": st.one_of(st.none(), st.integers(0, 40 * 24)),
            "released": st.booleans(),
        }
    ),
    max_size=40,
)
worlds = st.fixed_dictionaries(
    {
        "rounds": round_rows,
        "left": st.dictionaries(st.integers(0, 5), st.tuples(st.booleans(), st.integers(0, 90)), max_size=2),
        "deputy": st.one_of(st.none(), st.tuples(st.integers(0, 60), st.integers(1, 30))),
        "window": st.sampled_from(["none", "plain", "extended"]),
    }
)
SERIES = {"change": "cause", "trend": "day"}  # metrics with a row a key and step
instants = st.one_of(
    st.integers(0, 90 * 24).map(lambda hours: BASE + hours * 3_600_000_000),
    st.sampled_from([DUE, DUE - 1, DUE + 1, EXTENDED, EXTENDED - 1, EXTENDED + 1, BASE]),
)


def frames_of(world):
    hour = 3_600_000_000
    classes = [(113, name, 1, department, "T1") for name, department in DEPARTMENTS.items()]
    enrolments = []
    for student in range(6):
        dated, day = world["left"].get(student, (False, None))
        left_at = NEVER if day is None else BASE + day * DAY_US
        name = ["101", "102"][student % 2]
        enrolments.append((113, student, name, 1, DEPARTMENTS[name], "日間部", day is None, left_at, dated))
    rounds = []
    for number, row in enumerate(world["rounds"]):
        sent = BASE + row["sent"] * hour
        decided = NEVER if row["wait"] is None else sent + row["wait"] * hour
        done = decided if row["released"] else NEVER
        certifier = row["certifier"] if row["wait"] is not None else ""
        rounds.append(
            (
                number,
                number,
                113,
                1,
                row["student"],
                row["subject"],
                row["teacher"],
                sent,
                decided,
                done,
                certifier,
                True,
            )
        )
    windows = [] if world["window"] == "none" else [
        (113, 1, 1, "certify", BASE - 100 * DAY_US, EXTENDED if world["window"] == "extended" else DUE, DUE, "")
    ]  # fmt: skip
    deputies = []
    if world["deputy"]:
        begin, length = world["deputy"]
        deputies = [
            ("T1", "T3", 2, BASE, BASE + 400 * DAY_US),
            ("T1", "T2", 1, BASE + begin * DAY_US, BASE + (begin + length) * DAY_US),
        ]
    tables = {
        "staff": [(code, code, unit) for code, unit in UNITS.items()],
        "classes": classes, "enrolments": enrolments, "windows": windows, "rounds": rounds, "delegations": deputies,
        "sections": [(113, 1, "101", "數學", "T1", "T1"), (113, 1, "102", "體育", "T3", "T3")],
        "uploads": [("outcome", 113, 1, row["student"], "M1", BASE + row["sent"] * hour) for row in world["rounds"]],
    }  # fmt: skip
    return {
        name: conform(pd.DataFrame(tables.get(name, []), columns=list(columns)), columns)
        for name, columns in FRAMES.items()
    }


def naive_counts(frames, by, as_of, deadline="current"):
    """The definitions of product.md, row by row."""
    people = {row.student_id: row for row in frames["enrolments"].itertuples()}
    window = next(iter(frames["windows"].itertuples()), None)
    spans = sorted(frames["delegations"].itertuples(), key=lambda row: row.deputy_order)
    table: dict[str, dict[str, list]] = {}
    for row in frames["rounds"].itertuples():
        if row.sent_at > as_of:
            continue
        person = people[row.student_id]
        end = None if window is None else (window.ends_at if deadline == "current" else window.original_ends_at)
        due = None if end is None else max(end, row.sent_at + 3 * DAY_US)
        done = row.completed_at <= as_of
        holder = row.teacher_code
        for span in spans:
            if not done and span.principal_code == row.teacher_code and span.from_at <= as_of < span.until_at:
                holder = span.deputy_code
                break
        if done:
            holder = row.certifier_code
        key = {
            "school": "school", "grade": "1", "class": person.class_name, "department": person.department,
            "subject": row.subject, "teacher": holder, "unit": UNITS.get(holder, ""),
        }[by]  # fmt: skip
        group = table.setdefault(key, dict.fromkeys(STATES, 0) | {"waits": [], "delays": [], "due": 0, "due_done": 0})
        if done:
            state = "on_time" if due is None or row.completed_at < due else "late"
        elif person.left_at <= as_of:
            state = "exempt"
        else:
            state = "open" if due is None or as_of < due else "overdue"
        group[state] += 1
        if state == "exempt":
            continue
        if due is not None and due <= as_of:
            group["due"] += 1
            group["due_done"] += done
        finish = row.completed_at if done else as_of
        group["waits"].append(((finish - row.sent_at) / DAY_US, done))
        if state in ("late", "overdue"):
            group["delays"].append((finish - due) / DAY_US)
    return table


def naive_quantile(waits, share):
    """Kaplan-Meier by its textbook formula: distinct times, deaths over those at risk."""
    surviving = 1.0
    for time in sorted({duration for duration, event in waits if event}):
        at_risk = sum(duration >= time for duration, _ in waits)
        surviving *= 1 - sum(duration == time and event for duration, event in waits) / at_risk
        if surviving <= share + 1e-12:
            return time
    return math.nan


def median(values):
    ordered = sorted(values)
    middle = len(ordered) // 2
    return (
        math.nan
        if not ordered
        else ordered[middle]
        if len(ordered) % 2
        else (ordered[middle - 1] + ordered[middle]) / 2
    )


@given(
    world=worlds, as_of=instants, deadline=st.sampled_from(["current", "original"]),
    by=st.sampled_from(["school", "grade", "class", "department", "subject", "teacher", "unit"]),
)  # fmt: skip
def test_completion_equals_an_independent_count(world, as_of, deadline, by):
    frames = frames_of(world)
    ledger = build(frames, SchoolSettings())
    got = answer(
        ledger, all_metrics()["completion"], Question(1131, from_us(as_of), by, "certify", deadline=deadline)
    ).set_index("key")
    wanted = naive_counts(frames, by, as_of, deadline)
    assert set(wanted) <= set(got.index)
    for key, row in got.iterrows():
        group = wanted.get(key, dict.fromkeys(STATES, 0) | {"waits": [], "delays": [], "due": 0, "due_done": 0})
        assert [row[state] for state in STATES] == [group[state] for state in STATES]
        expected = sum(group[state] for state in STATES[:4])
        decided = group["on_time"] + group["late"] + group["overdue"]
        assert row["expected"] == expected
        pairs = [
            (row["completion"], (group["on_time"] + group["late"]) / expected if expected else math.nan),
            (row["timeliness"], group["on_time"] / decided if decided else math.nan),
            (row["due_so_far"], group["due_done"] / group["due"] if group["due"] else math.nan),
            (row["wait_median_days"], naive_quantile(group["waits"], 0.5)),
            (row["wait_p90_days"], naive_quantile(group["waits"], 0.1)),
            (row["delay_median_days"], median(group["delays"])),
        ]
        for ours, theirs in pairs:
            assert (math.isnan(ours) and math.isnan(theirs)) or ours == pytest.approx(theirs, abs=1e-9)


@given(world=worlds, as_of=instants)
def test_facts_dated_after_an_instant_never_change_its_answer(world, as_of):
    hour = 3_600_000_000
    past = world | {"rounds": [row for row in world["rounds"] if BASE + row["sent"] * hour <= as_of]}
    question = Question(1131, from_us(as_of), "school", "certify")
    metric = all_metrics()["completion"]
    whole, before = (answer(build(frames_of(w), SchoolSettings()), metric, question) for w in (world, past))
    pd.testing.assert_frame_equal(whole, before)


@given(world=worlds, as_of=instants)
def test_every_metric_keeps_the_contract_at_every_grain(world, as_of):
    frames = frames_of(world)
    ledger = build(frames, SchoolSettings())
    check(ledger.duties, DUTY)
    before = {name: getattr(ledger, name).copy() for name in ("duties", "enrolments", "uploads", "windows")}
    for metric in all_metrics().values():
        for stage in metric.stages:
            term = 1130 if stage in ("select", "confirm") or metric.key == "leak" else 1131
            totals = {}
            for by in metric.groupings:
                question = Question(term, from_us(as_of), by, stage, since=from_us(min(BASE, as_of)))
                table = answer(ledger, metric, question)
                assert list(table.columns) == list(metric.columns)
                assert list(table["key"]) == sorted(table["key"])
                if metric.key in SERIES:  # several rows a key
                    continue
                assert table["key"].is_unique
                counts = [
                    name
                    for name in ("expected", *STATES, "enrolled", "participants", "items", "decided")
                    if name in table
                ]
                totals[by] = tuple(int(table[name].sum()) for name in counts)
                if "expected" in table:
                    assert (table[list(STATES[:4])].sum(axis=1) == table["expected"]).all()
                    assert table.loc[table["expected"] == 0, "completion"].isna().all()
                if "enrolled" in table:
                    assert (table["participants"] <= table["enrolled"]).all()
            assert len(set(totals.values())) <= 1, totals
    for name, frame in before.items():
        pd.testing.assert_frame_equal(getattr(ledger, name), frame)


@given(world=worlds, as_of=instants)
def test_a_narrowed_ledger_knows_nothing_of_another_class(world, as_of):
    ledger = build(frames_of(world), SchoolSettings())
    own = np.array([name == "101" for name in ledger.labels["class"]])
    small = narrow(ledger, classes=own)
    whole = answer(ledger, all_metrics()["completion"], Question(1131, from_us(as_of), "class", "certify")).set_index(
        "key"
    )
    table = answer(small, all_metrics()["completion"], Question(1131, from_us(as_of), "class", "certify")).set_index(
        "key"
    )
    assert list(table.index) == ["101"]
    pd.testing.assert_series_equal(table.loc["101"], whole.loc["101"])
    students = answer(small, all_metrics()["participation"], Question(1131, from_us(as_of), "class", "upload"))
    assert list(students["key"]) == ["101"]


@given(waits=st.lists(st.tuples(st.integers(0, 3), st.integers(0, 12), st.booleans()), min_size=1, max_size=60))
def test_kaplan_meier_handles_ties_and_censoring_as_the_textbook_does(waits):
    done = sorted((wait, key) for key, wait, event in waits if event)
    waiting = [(key, wait) for key, wait, event in waits if not event]
    ours = kaplan_meier_quantiles(
        np.array([key for _, key in done], dtype=np.int64), np.array([wait for wait, _ in done], dtype=np.int64),
        np.array([key for key, _ in waiting], dtype=np.int64), np.array([wait for _, wait in waiting], dtype=np.int64),
        size=4, shares=(0.5, 0.1),
    )  # fmt: skip
    for share, result in zip((0.5, 0.1), ours, strict=True):
        for key in range(4):
            theirs = naive_quantile([(wait, event) for k, wait, event in waits if k == key], share)
            assert (math.isnan(result[key]) and math.isnan(theirs)) or result[key] == theirs


def test_completion_by_two_columns_counts_like_one_at_a_time():
    rows = [
        {
            "student": n % 6,
            "teacher": "T1",
            "certifier": "T1",
            "subject": "數學",
            "sent": n,
            "wait": n,
            "released": True,
        }
        for n in range(30)
    ]
    ledger = build(frames_of({"rounds": rows, "left": {}, "deputy": None, "window": "plain"}), SchoolSettings())
    table = completion(ledger.duties, by=["class", "stage"], as_of=pd.Timestamp(from_us(EXTENDED)), waits=True)
    assert table["expected"].sum() == 30
    assert list(table.columns[:2]) == ["class", "stage"]


def test_participation_counts_students_once_and_leaves_leavers_out():
    rows = [
        {
            "student": 0,
            "teacher": "T1",
            "certifier": "T1",
            "subject": "數學",
            "sent": n,
            "wait": None,
            "released": False,
        }
        for n in range(4)
    ]
    world = {"rounds": rows, "left": {2: (False, 90), 4: (True, 10)}, "deputy": None, "window": "plain"}
    ledger = build(frames_of(world), SchoolSettings(upload_outcome_cap=3))
    by_class = answer(
        ledger, all_metrics()["participation"], Question(1131, from_us(BASE + 5 * DAY_US), "class", "upload")
    ).set_index("key")
    assert by_class.loc["101"].tolist() == ["101", 2, 1, 4, 0.5, 0, 1]  # 0 and 4 are there, 2 left without a date
    later = answer(
        ledger, all_metrics()["participation"], Question(1131, from_us(BASE + 11 * DAY_US), "class", "upload")
    ).set_index("key")
    assert later.loc["101", "enrolled"] == 1  # 4 left on the tenth day
    assert by_class.loc["103"].tolist()[1:4] == [0, 0, 0]
    assert math.isnan(by_class.loc["103", "participation"])


def test_a_naive_instant_is_taipei_and_a_bare_date_its_midnight():
    assert parse_as_of("2025-02-05").isoformat() == "2025-02-05T00:00:00+08:00"
    assert parse_as_of("2025-02-05T12:00").isoformat() == "2025-02-05T12:00:00+08:00"
    assert parse_as_of("2025-02-05T04:00:00+00:00") == parse_as_of("2025-02-05T12:00")
    assert from_us(to_us(parse_as_of("2025-02-05")) - 1) + timedelta(microseconds=1) == parse_as_of("2025-02-05")
