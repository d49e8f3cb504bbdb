"""Nobody is singled out: whatever a suppressed scope can ask for, no merged class can be worked out of it."""

from __future__ import annotations

import itertools

import numpy as np
import pandas as pd
import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st
from scipy.optimize import linprog

from data.instants import DAY_US, NEVER, parse_as_of, to_us
from data.ledger import build
from data.metrics import Question, completion, participation
from data.schema import FRAMES, SchoolSettings, conform
from data.school import write_setting
from data.suppression import LEFT_OUT, MARK, deidentify, fewest_present, merge_small

BEGIN = to_us(parse_as_of("2024-08-01"))
UNSHRUNK = (Phase.explicit, Phase.generate)  # making a smaller school of one that fails takes minutes
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
        "enrolment_changes": changes,
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
