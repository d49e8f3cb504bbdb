"""Nobody is singled out: whatever a suppressed scope can ask for, no merged class can be worked out of it."""

from __future__ import annotations

import itertools

import numpy as np
import pandas as pd
import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st
from scipy.optimize import linprog

from dashboard.access.roles import Role
from dashboard.access.scope import Scope
from dashboard.services.suppression import (
    items_by_day,
    participation_of,
    protect,
    receipts_of,
    students_by_items,
)
from data.instants import DAY_US, NEVER, parse_as_of, to_us
from data.ledger import build, narrow
from data.metrics import Question, completion, participation, receipts
from data.schema import FRAMES, SchoolSettings, conform
from data.school import write_setting
from data.suppression import LEFT_OUT, MARK, deidentify, fewest_present, in_steps, merge_small

BEGIN = to_us(parse_as_of("2024-08-01"))
UNSHRUNK = (Phase.explicit, Phase.generate)  # making a smaller school of one that fails takes minutes
FEW = settings.default.max_examples // 4  # 3 in the suite, 100 under make thorough
DAYS = (0, 40, 90, 150, 200, 330)
DEPARTMENTS = ("普通科", "資訊科", "商業經營科")

sizes = st.one_of(st.integers(0, 6), st.integers(1, 12), st.integers(20, 32))
rooms = st.fixed_dictionaries(
    {
        "size": sizes, "department": st.sampled_from(DEPARTMENTS), "division": st.sampled_from(["日間部"] * 5 + ["進修部"]),
        "teachers": st.sampled_from([0, 2, 4, 5, 7, 9, 9, 9]),
    }
)  # fmt: skip
schools = st.tuples(
    st.lists(st.lists(rooms, min_size=1, max_size=5), min_size=1, max_size=3), st.integers(0, 2**32 - 1)
)


def build_school(school):
    """Make a ledger of two school years: classes of all sizes, students of other 科別, leavers, returns and newcomers."""
    grades, seed = school
    rng = np.random.default_rng(seed)
    classes, enrolments, sections, rounds, uploads, changes = [], [], [], [], [], []
    receipt_rows, reports, selections = [], [], []
    student = 0
    for year, (grade, of_grade) in itertools.product((113, 114), enumerate(grades, start=1)):
        for number, room in enumerate(of_grade):
            name = f"{grade}{number:02}"
            classes.append((year, name, grade, room["department"], ""))
            sections += [
                (year, 1, name, "數學", f"T{(number * 3 + n) % 12}", f"T{(number * 3 + n) % 12}")
                for n in range(room["teachers"])
            ]
            for _ in range(room["size"]):
                student += 1
                own = rng.choice(DEPARTMENTS) if rng.random() < 0.05 else room["department"]
                enrolments.append((year, student, name, grade, own, room["division"], True, NEVER, False))
                moved = BEGIN + int(rng.integers(0, 365)) * DAY_US
                if (luck := rng.random()) < 0.05:
                    changes.append((year, student, "transfer_in", moved))
                elif luck < 0.1:
                    changes.append((year, student, "transfer_out", moved))
                    if luck < 0.07:
                        changes.append((year, student, "resume", moved + 30 * DAY_US))
                said = rng.choice(["confirmed", "confirmed", "disputed", ""])
                at = BEGIN + int(rng.integers(0, 340)) * DAY_US
                receipt_rows += [
                    (year, kind, 1, student, said, at if said else NEVER, BEGIN, 1.0)
                    for kind in ("成績", "課程學習成果")
                ]
                if rng.random() < 0.1:
                    answered = at + DAY_US if rng.random() < 0.5 else NEVER
                    reports.append((len(reports), year, "成績", name, student, at, answered))
                selections.append((year, student, float(rng.integers(0, 8)), float(rng.integers(0, 3)), BEGIN))
                for _ in range(int(rng.integers(0, 4))):
                    at = BEGIN + int(rng.integers(0, 340)) * DAY_US
                    uploads.append(("outcome", year, 1, student, "M1", at))
                    teacher = f"T{rng.integers(12)}" if room["teachers"] else ""
                    done = at + DAY_US if rng.random() < 0.7 else NEVER
                    rounds.append(
                        (len(rounds), len(rounds), year, 1, student, "數學", teacher, at, done, done, teacher, True)
                    )
    tables = {
        "classes": classes, "enrolments": enrolments, "sections": sections, "rounds": rounds, "uploads": uploads,
        "enrolment_changes": changes, "receipts": receipt_rows, "disputes": reports, "selections": selections,
    }  # fmt: skip
    return build(
        {
            name: conform(pd.DataFrame(tables.get(name, []), columns=list(columns)), columns)
            for name, columns in FRAMES.items()
        },
        SchoolSettings(),
    )


def here(ledger, as_of_us):
    rows = ledger.enrolments
    left, back, came = (rows[name].to_numpy() for name in ("left_at", "back_at", "came_at"))
    return ((left > as_of_us) | ((back <= as_of_us) & (left >= 0))) & (came <= as_of_us)


def cells_of(known, year):
    """Return each set of students (as positions) that a page, filter or export of a year can show a figure of."""
    rows = known.enrolments
    mine = rows["visible"].to_numpy() & (rows["school_year"].to_numpy() == year)
    columns = [rows[name].to_numpy() for name in ("grade", "department", "division", "class")]
    choices = [[None, *np.unique(column[mine])] for column in columns]
    found = set()
    for asked in itertools.product(*choices):
        inside = mine.copy()
        for column, value in zip(columns, asked, strict=True):
            if value is not None:
                inside &= column == value
        found.add(inside.tobytes())
    return [np.frombuffer(cell, dtype=bool) for cell in found if any(cell)]


@given(schools)
@settings(max_examples=20, phases=UNSHRUNK)
def test_no_merged_class_can_be_worked_out_of_all_figures_together(school):
    ledger = build_school(school)
    known = deidentify(ledger, size=5)
    true_class = ledger.enrolments["class"].to_numpy()
    items = participation.items_per_student(
        ledger, Question(1131, parse_as_of("2025-07-01"), stage="upload", kind="outcome")
    )
    for year in (113, 114):
        cells = cells_of(known, year)
        own = np.unique(true_class[ledger.enrolments["school_year"].to_numpy() == year])
        if not len(own):
            continue
        members = np.array([[np.mean(cell[true_class == code]) for code in own] for cell in cells]).reshape(
            -1, len(own)
        )
        assert np.isin(members, (0.0, 1.0)).all()  # no figure parts a class: its rest would be a few students
        capacity = np.array([(true_class == code).sum() for code in own])
        counts = np.array([((items > 0) & (true_class == code)).sum() for code in own])
        into = {int(code): int(known.enrolments["class"].to_numpy()[true_class == code][0]) for code in own}
        rank = np.linalg.matrix_rank(members) if len(cells) else 0
        for place, code in enumerate(own):
            pool = [n for n, other in enumerate(own) if into[other] == into[code]]
            if into[code] == LEFT_OUT:
                assert not members[:, place].any()  # it is in no figure at all
                continue
            if len(pool) == 1:
                continue
            alone = np.zeros(len(own))
            alone[place] = 1
            assert np.linalg.matrix_rank(np.vstack([members, alone])) == rank + 1
            if (
                0 < counts[pool].sum() < capacity[pool].sum()
            ):  # none and all say the same of everybody, in a class or not
                bounds = list(zip(np.zeros(len(own)), capacity, strict=True))
                lowest, highest = (
                    linprog(sign * alone, A_eq=members, b_eq=members @ counts, bounds=bounds).fun * sign for sign in (1, -1)
                )  # fmt: skip
                others = capacity[pool].sum() - capacity[place]
                assert (
                    highest - lowest
                    >= min(capacity[place], others, counts[pool].sum(), (capacity - counts)[pool].sum()) - 1e-6
                )
                assert highest - lowest > 0.99


@given(schools)
@settings(max_examples=20, phases=UNSHRUNK)
def test_every_figure_is_of_enough_students_on_every_day_or_of_none(school):
    ledger = build_school(school)
    known = deidentify(ledger, size=5)
    for day in (*DAYS, 364):
        present = here(known, BEGIN + day * DAY_US)
        for year in (113, 114):
            for cell in cells_of(known, year):
                count = int((present & cell).sum())
                assert count == 0 or count >= 10, (day, count)


@given(schools)
@settings(max_examples=15, phases=UNSHRUNK)
def test_what_is_merged_still_adds_up_and_names_nobody(school):
    ledger = build_school(school)
    known = deidentify(ledger, size=5)
    for year, day in itertools.product((113, 114), DAYS[1::2]):
        as_of = parse_as_of("2024-08-01") + pd.Timedelta(days=day)
        for stage, metric, names in (
            ("upload", participation, ["enrolled", "participants", "items"]),
            ("certify", completion, ["expected", "on_time", "late", "open", "overdue", "exempt"]),
        ):
            tables = {
                by: metric.answer(known, Question(year * 10 + 1, as_of, by=by, stage=stage))
                for by in ("school", "grade", "department", "class")
            }
            whole = tables["school"][names].sum().tolist()
            assert all(table[names].sum().tolist() == whole for table in tables.values())
            merged = tables["class"][tables["class"]["key"].astype("str").str.startswith(MARK)]["key"].tolist()
            assert tables["class"]["key"].tolist()[len(tables["class"]) - len(merged) :] == merged  # they come last
    assert set(known.teachers["name"]) <= {""}
    assert set(known.classes["homeroom_code"]) <= {""}


@given(schools)
@settings(max_examples=15, phases=UNSHRUNK)
def test_the_fewest_students_of_a_class_are_those_of_its_emptiest_day(school):
    ledger = build_school(school)
    code = ledger.enrolments["class"].to_numpy()
    fewest = fewest_present(ledger.enrolments, size=len(ledger.classes))
    for room in range(len(ledger.classes)):
        if not (code == room).any():
            assert np.isnan(fewest[room])
            continue
        moments = [-1, *range(0, 400)]  # whole days, as everything above happens at midnight
        counts = [int((here(ledger, BEGIN + day * DAY_US) & (code == room)).sum()) for day in moments]
        assert fewest[room] == min((count for count in counts if count), default=0)


def rooms_of(*said):
    """Make the frame of merge_small: name, students, and what differs from a day class of 普通科 in grade 1 with nine teachers."""
    plain = {"school_year": 113, "grade": 1, "department": 0, "division": 0, "teachers": frozenset(range(9))}
    return pd.DataFrame([plain | {"name": name, "students": students} | rest for name, students, rest in said])


@pytest.mark.parametrize(
    ("said", "into"),
    [
        ([("101", 30, {}), ("102", 10, {})], [0, 1]),  # enough
        ([("101", 30, {}), ("102", 9, {}), ("103", 20, {})], [0, 1, 1]),  # with the smallest other
        ([("101", 30, {}), ("102", 4, {}), ("103", 6, {})], [0, 1, 1]),  # small ones with each other
        ([("101", 20, {"department": 1}), ("102", 9, {}), ("103", 30, {})], [0, 1, 1]),  # the own 科別 before a smaller class
        ([("101", 30, {}), ("201", 9, {"grade": 2})], [0, LEFT_OUT]),  # alone in its grade
        ([("101", 30, {}), ("101", 9, {"school_year": 114})], [0, LEFT_OUT]),  # years are apart
        ([("101", 30, {}), ("102", 30, {"teachers": frozenset(range(4))})], [0, 0]),  # four teachers
        ([("101", 30, {"teachers": frozenset()}), ("102", float("nan"), {})], [0, 1]),  # nobody teaches, nobody learns
    ],
)  # fmt: skip
def test_a_small_class_goes_with_its_nearest(said, into):
    assert merge_small(rooms_of(*said), size=5).tolist() == into


def test_a_larger_size_merges_more():
    said = rooms_of(("101", 30, {}), ("102", 12, {}), ("103", 19, {}))
    assert merge_small(said, size=6).tolist() == [0, 1, 2]
    assert merge_small(said, size=9).tolist() == [0, 1, 1]


@pytest.mark.parametrize("value", ["4", "0", "", "-5", "五", "5.0"])
def test_the_size_cannot_be_set_below_five(value):
    with pytest.raises(ValueError, match="suppression_size"):
        write_setting(None, "suppression_size", value)


# --- small numbers of students in large groups ------------------------------------------------------------------------

MEMBER, SECRETARY = (Scope(role, None, "none") for role in (Role.MEMBER, Role.EXECUTIVE_SECRETARY))
ASKED = [
    Question(1131, parse_as_of("2025-07-01"), by="class", stage="upload", kind="outcome"),
    Question(1130, parse_as_of("2025-07-01"), by="class", stage="select", kind="outcome"),
    Question(1130, parse_as_of("2024-12-01"), by="class", stage="confirm"),
]
STUDENTS = ("enrolled", "participants", "items", "at_cap", "over_cap", "in_round", "confirmed", "confirmed_late", "disputed", "unseen", "deemed", *receipts.DUTIES)  # fmt: skip


def told(ledger, scope, ask):
    """Answer a question as the pages do."""
    if ask.stage == "confirm":
        return receipts_of(ledger, scope, ask, rounds=receipts.rounds_at(ledger, ask.term // 10, to_us(ask.as_of)))
    return participation_of(ledger, scope, ask)


def counts_of(table):
    return table[[name for name in STUDENTS if name in table]].fillna(0).astype("int64")


@given(st.lists(st.integers(0, 9), min_size=2, max_size=4), st.integers(0, 30), st.integers(5, 7))
@settings(max_examples=8 * FEW)
def test_no_number_below_the_size_nor_its_rest_can_be_told_from_the_steps(small, large, size):
    """Whoever knows how many there are in all, and that it is not nobody, and tries every split that looks the same."""

    def steps(count, code):
        return int(in_steps(np.array([[count]]), code=np.array([code]), size=size)[0, 0])

    for place, code in itertools.product(range(len(small) + 1), range(size)):
        parts = [*small[:place], large, *small[place:]]
        whole = sum(parts)
        shown = in_steps(np.array([parts]), code=np.array([code]), size=size)
        assert not (shown % size).any()
        looks = [[n for n in range(whole + 1) if steps(n, code) == step] for step in shown.cumsum()[:-1]]
        splits = [(0, *cuts, whole) for cuts in itertools.product(*looks) if list(cuts) == sorted(cuts)]
        true = [0, *itertools.accumulate(parts)]
        for start, stop in itertools.combinations(range(len(true)), 2):
            count = true[stop] - true[start]
            if 0 < min(count, whole - count) < size:
                possible = {split[stop] - split[start] for split in splits}
                assert len(possible) > 1, (parts, shown)
                if start == 0:
                    assert len(possible - {0}) > 1, (parts, shown)


@given(schools, st.sampled_from(ASKED))
@settings(max_examples=FEW, phases=UNSHRUNK)
def test_every_count_of_students_a_member_gets_is_a_sum_of_the_same_steps_of_classes(school, ask):
    """So that no filter, no total and no other table says more of a class than its row does."""
    ledger = build_school(school)
    known = protect(ledger, MEMBER)
    classes = told(known, MEMBER, ask)
    rows = dict(zip(classes["key"], counts_of(classes).to_numpy().tolist(), strict=True))
    assert not (counts_of(classes).to_numpy() % 5).any()
    for cell in cells_of(known, 113):
        part = narrow(known, enrolments=cell)
        seen = told(part, MEMBER, ask)
        inside = {key: row for key, row in zip(seen["key"], counts_of(seen).to_numpy().tolist(), strict=True) if any(row)}  # fmt: skip
        assert all(rows[key] == row for key, row in inside.items())
        bys = ("school", "grade", "department") + (("kind",) if ask.stage == "confirm" else ())
        for by in bys:
            total = counts_of(told(part, MEMBER, Question(ask.term, ask.as_of, by, ask.stage, ask.kind))).sum()
            assert total.tolist() == counts_of(seen).sum().tolist()


@given(schools)
@settings(max_examples=FEW, phases=UNSHRUNK)
def test_the_histogram_and_the_days_say_what_the_class_rows_say(school):
    ask = ASKED[0]
    known = protect(build_school(school), MEMBER)
    year = known.enrolments["school_year"].to_numpy() == 113
    mine = here(known, to_us(ask.as_of)) & known.enrolments["visible"].to_numpy() & year
    items, group = participation.items_per_student(known, ask)[mine], known.enrolments["class"].to_numpy()[mine]
    total = told(known, MEMBER, ask)[["enrolled", "participants", "items"]].sum()
    spread, students = students_by_items(
        items, np.ones(len(items), dtype=bool), group, most=12, settings=known.settings, scope=MEMBER
    )
    assert not (spread % 5).any()
    assert [students, int(spread[1:].sum())] == total[["enrolled", "participants"]].tolist()
    uploads = known.uploads[known.uploads["is_outcome"] & (known.uploads["term"] == ask.term)]
    uploads = uploads[np.append(mine, False)[uploads["enrolment"]] & (uploads["uploaded_at"] <= to_us(ask.as_of))]
    days = ((uploads["uploaded_at"].to_numpy() - BEGIN) // DAY_US).astype(np.int64)
    student = uploads["enrolment"].to_numpy()
    by_day = items_by_day(
        days, student, known.enrolments["class"].to_numpy()[student], span=range(400), settings=known.settings, scope=MEMBER
    )  # fmt: skip
    assert by_day[-1] == total["items"]
    assert not (by_day % 5).any()


@given(schools, st.sampled_from(ASKED))
@settings(max_examples=FEW, phases=UNSHRUNK)
def test_the_steps_of_a_school_stay_near_the_truth_and_those_who_act_get_the_truth(school, ask):
    ledger = build_school(school)
    known = protect(ledger, MEMBER)
    by_school = Question(ask.term, ask.as_of, "school", ask.stage, ask.kind)
    shown, true = (counts_of(told(known, scope, by_school)).iloc[0] for scope in (MEMBER, SECRETARY))
    rows = len(told(known, SECRETARY, ask)) * (2 if ask.stage == "confirm" else 1)
    people = [name for name in shown.index if name != "items"]
    assert (abs(shown - true)[people] < 5 * rows + 1).all()
    plain = receipts.answer(ledger, by_school) if ask.stage == "confirm" else participation.answer(ledger, by_school)
    pd.testing.assert_frame_equal(told(ledger, SECRETARY, by_school), plain)


def test_one_of_many_classes_each_is_neither_lost_nor_blown_up():
    shown = in_steps(np.array([[1, 37]] * 40), code=np.arange(40), size=5)
    assert shown[:, 0].sum() == 50  # of 40
    assert shown.sum() == 1500  # of 1520
