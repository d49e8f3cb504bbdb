"""From files through the database to the answers, against a count over the files' own rows in plain Python."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import numpy as np
import pandas as pd
import pytest

from data.db import reading
from data.instants import TAIPEI, parse_as_of
from data.ledger import build, narrow
from data.metrics import Question, ReportError, all_metrics, answer
from data.queries import load_frames
from data.schema import SchoolSettings
from tests.unit.builders import (  # fmt: skip
    COURSE,
    HEADINGS,
    SECTIONS,
    STUDENTS,
    WINDOWS,
    item,
    passed,
    take_in,
    write_small_school,
    write_xlsx,
)

STATES = ("on_time", "late", "open", "overdue", "exempt")
DUE = parse_as_of("2025-02-11")
EXTENDED = parse_as_of("2025-02-18")
FIRST_IMPORT = parse_as_of("2025-01-05T09:30")
SECOND_IMPORT = parse_as_of("2025-02-01T09:30")
MICROSECOND = timedelta(microseconds=1)
UNITS = {"T001": "教學組", "T002": "註冊組", "T003": ""}
CLASS_OF = {"1": "101", "2": "101", "3": "102", "4": "102", "5": "201", "6": "201"}
DEPARTMENT_OF = {"101": "普通科", "102": "資訊科", "201": "普通科", "202": "資訊科"}
LEFT_AT = {"2": parse_as_of("2025-02-05"), "4": FIRST_IMPORT}  # the second without a date: when an import first said so
DELEGATED = [  # principal, deputy, order, first day, last day
    ("T001", "T003", "2", "2025-01-10", "2025-03-31"),
    ("T001", "T002", "1", "2025-02-08", "2025-02-10"),
]
EDGES = [at + step for at in (DUE, EXTENDED, LEFT_AT["2"], SECOND_IMPORT, parse_as_of("2025-02-08")) for step in (-MICROSECOND, timedelta(0), MICROSECOND)]  # fmt: skip
INSTANTS = [*EDGES, parse_as_of("2024-11-01"), parse_as_of("2025-01-20T13:45"), parse_as_of("2025-06-01")]
GROUPINGS = ("school", "grade", "department", "class", "subject", "teacher", "unit")


@dataclass
class Sending:
    student: str
    number: str
    subject: str
    teacher: str
    sent: datetime
    decided: datetime | None = None
    released: bool = False
    certifier: str = ""
    moves: list[tuple[datetime, str]] = field(default_factory=list)

    def row(self, teacher=None):
        def written(moment):
            return f"{moment:%Y/%m/%d %H:%M:%S}" if moment else ""

        return item(
            self.student, self.number, sent=written(self.sent), uploaded=written(self.sent), decided=written(self.decided),
            status="未通過" if self.decided else "認證中", released="已發佈" if self.released else "未發佈",
            teacher=teacher or self.teacher, certifier=self.certifier, class_name=CLASS_OF[self.student], subject=self.subject,
        )  # fmt: skip


def sendings_of(seed):
    """Rounds around every edge: some items returned and sent again, some judged and not released."""
    choose = np.random.default_rng(seed)
    found = []
    for number in range(40):
        student, teacher = str(choose.integers(1, 7)), f"T00{choose.integers(1, 4)}"
        subject = str(choose.choice(["數學", "國文"]))
        sent = datetime(2024, 11, 1, 8, tzinfo=TAIPEI) + timedelta(hours=int(choose.integers(0, 110 * 24)))
        for _ in range(int(choose.integers(1, 3))):
            sending = Sending(student, str(number), subject, teacher, sent)
            found.append(sending)
            if choose.random() < 0.35:
                break
            due = max(EXTENDED, sent + timedelta(days=3))
            near = [due, due - timedelta(seconds=1), max(DUE, sent), sent + timedelta(days=2), sent + timedelta(days=9)]
            sending.decided = near[int(choose.integers(0, 5))]
            sending.released = bool(choose.random() < 0.8)
            sending.certifier = str(choose.choice(["T001", "T002", "T003"]))
            sent = sending.decided + timedelta(hours=int(choose.integers(1, 60)))
    return found


def load_world(engine, folder, sendings):
    """Take the sendings in: first all of them, later a list with other teachers for waiting items and an extension."""
    students = [
        [s, "某生", "", CLASS_OF[s][0], CLASS_OF[s], s, "101", DEPARTMENT_OF[CLASS_OF[s]], "日間部", "休學" if s in LEFT_AT else "在學"]
        for s in CLASS_OF
    ]  # fmt: skip
    small = write_small_school(
        folder / "first",
        staff=[[code, code, unit, ""] for code, unit in UNITS.items()],
        classes=[["113", name, name[0], department, "T001"] for name, department in DEPARTMENT_OF.items()],
        students=[], windows=[WINDOWS[1]], delegations=[[p, p, d, d, n, a, b, ""] for p, d, n, a, b in DELEGATED],
        sections=[*SECTIONS, ["113", "1", COURSE, "體育", "101", "T003", "T003"]],
        outcomes=[sending.row() for sending in sendings], performances=[], selections=[], receipts=[],
    )  # fmt: skip
    rows = [[*row, "2025/02/05" if row[0] == "2" else ""] for row in students]
    write_xlsx(small / "students.xlsx", [*HEADINGS["students"], "學籍異動日期"], rows)
    plan = take_in(engine, small, at=FIRST_IMPORT)
    assert plan.committed, plan.problems
    moved = [sending for sending in sendings if sending.decided is None][::3]
    for sending in moved:
        sending.moves.append((SECOND_IMPORT, "T003"))
    extended = write_xlsx(folder / "w.xlsx", HEADINGS["windows"], [[*WINDOWS[1][:5], "2025/02/17 23:59:59", ""]])
    paths = [extended]
    if moved:
        paths.append(write_xlsx(folder / "o.xlsx", HEADINGS["outcomes"], [sending.row("T003") for sending in moved]))
    plan = take_in(engine, *paths, at=SECOND_IMPORT)
    assert plan.committed, plan.problems
    with reading(engine) as connection:
        return build(load_frames(connection), SchoolSettings())


def count(sendings, by, as_of, deadline):
    """The definitions of the contract, row by row: key to states, due so far, delays and waits."""
    found = {}
    for sending in sendings:
        if sending.sent > as_of:
            continue
        class_name = CLASS_OF[sending.student]
        done = sending.decided is not None and sending.released and sending.decided <= as_of
        due = None  # the second grade has no certification window
        if class_name[0] == "1":
            due = max(EXTENDED if deadline == "current" else DUE, sending.sent + timedelta(days=3))
        moves = [m for s in sendings if (s.student, s.number, s.subject) == (sending.student, sending.number, sending.subject) for m in s.moves]  # fmt: skip
        holder = ([sending.teacher] + [code for at, code in sorted(moves) if at <= as_of])[-1]
        if done:
            holder = sending.certifier
        else:
            for principal, deputy, _, first, last in sorted(DELEGATED, key=lambda row: row[2]):
                if principal == holder and parse_as_of(first) <= as_of < parse_as_of(last) + timedelta(days=1):
                    holder = deputy
                    break
        if done:
            state = "late" if due and sending.decided >= due else "on_time"
        elif sending.student in LEFT_AT and LEFT_AT[sending.student] <= as_of:
            state = "exempt"
        else:
            state = "overdue" if due and due <= as_of else "open"
        key = {
            "school": "school", "grade": class_name[0], "department": DEPARTMENT_OF[class_name], "class": class_name,
            "subject": sending.subject, "teacher": holder, "unit": UNITS[holder],
        }[by]  # fmt: skip
        group = found.setdefault(key, dict.fromkeys(STATES, 0) | {"due": 0, "due_done": 0, "delays": []})
        group[state] += 1
        if state != "exempt" and due and due <= as_of:
            group["due"] += 1
            group["due_done"] += done
        if state in ("late", "overdue"):
            group["delays"].append(((sending.decided if done else as_of) - due) / timedelta(days=1))
    return found


@pytest.mark.parametrize("seed", range(2))
def test_answers_from_the_database_equal_a_count_over_the_rows_of_the_files(engine, tmp_path, seed):
    sendings = sendings_of(seed)
    ledger = load_world(engine, tmp_path, sendings)
    for as_of in INSTANTS:
        for deadline in ("current", "original"):
            for by in GROUPINGS:
                table = answer(
                    ledger, all_metrics()["completion"], Question(1131, as_of, by, "certify", deadline=deadline)
                )
                wanted = count(sendings, by, as_of, deadline)
                assert set(wanted) <= set(table["key"])
                for row in table.to_dict("records"):
                    group = wanted.get(row["key"], dict.fromkeys(STATES, 0) | {"due": 0, "due_done": 0, "delays": []})
                    where = (as_of, deadline, by, row["key"])
                    assert [row[state] for state in STATES] == [group[state] for state in STATES], where
                    share = group["due_done"] / group["due"] if group["due"] else math.nan
                    delay = float(np.median(group["delays"])) if group["delays"] else math.nan
                    assert row["due_so_far"] == pytest.approx(share, nan_ok=True), where
                    assert row["delay_median_days"] == pytest.approx(delay, nan_ok=True), where


@pytest.fixture
def world(engine, tmp_path):
    return load_world(engine, tmp_path, sendings_of(7))


def test_groups_of_the_rosters_with_nothing_expected_are_zero_and_empty(world):
    for by, key in (("class", "202"), ("subject", "體育")):
        table = answer(world, all_metrics()["completion"], Question(1131, EXTENDED, by, "certify")).set_index("key")
        row = table.loc[key].drop("name")
        assert row[["expected", *STATES]].tolist() == [0] * 6
        assert row.drop(["expected", *STATES]).isna().all()


def questions(as_of, deadlines=("current", "original")):
    for metric in all_metrics().values():
        for stage in metric.stages:
            for by in metric.groupings:
                for kind in ("outcome", "performance") if metric.key != "leak" else ("outcome",):
                    of_term = stage == "certify" or (stage == "upload" and kind == "outcome" and metric.key != "leak")
                    term = 1131 if of_term else 1130
                    for deadline in deadlines if stage == "certify" else ("current",):
                        yield metric, Question(term, as_of, by, stage, kind, deadline, since=as_of)


def test_every_metric_gives_one_row_a_key_in_the_columns_it_promises(world):
    for metric, question in questions(EXTENDED):
        table = answer(world, metric, question)
        assert list(table.columns) == list(metric.columns)
        steps = {"change": ["cause"], "trend": ["day"]}.get(metric.key, [])  # metrics with several rows a key
        assert not table.duplicated(["key", *steps]).any()
        assert table["key"].tolist() == sorted(table["key"])


def test_no_metric_counts_more_done_than_expected(world):
    for metric, question in questions(EXTENDED):
        table = answer(world, metric, question)
        for part, whole in (("on_time", "decided"), ("on_time", "expected"), ("participants", "enrolled"), ("participants", "items")):  # fmt: skip
            if {part, whole} <= set(table):
                assert (table[part] <= table[whole]).all(), (metric.key, question)


def test_asking_changes_nothing_in_the_ledger(world):
    names = ("duties", "enrolments", "uploads", "selections", "windows", "delegations", "reassignments", "taught")
    before = {name: getattr(world, name).copy() for name in names}
    for metric, question in questions(EXTENDED):
        answer(world, metric, question)
    for name, frame in before.items():
        pd.testing.assert_frame_equal(getattr(world, name), frame)


def test_a_metric_refuses_a_stage_or_grouping_it_does_not_have(world):
    for metric in all_metrics().values():
        for question in (Question(1131, DUE, "school", "voting"), Question(1131, DUE, "shoe size", metric.stages[0])):
            with pytest.raises(ReportError, match=r"可以是"):
                answer(world, metric, question)


def test_facts_of_a_later_day_change_no_answer_of_an_earlier_one(engine, tmp_path):
    early = load_world(engine, tmp_path, sendings_of(7))
    asked = list(questions(FIRST_IMPORT, deadlines=("original",)))
    before = [answer(early, metric, question) for metric, question in asked]
    late = [
        item("1", "90", sent="2025/01/06 08:00:00", uploaded="2025/01/06 07:00:00", class_name="101"),
        passed("3", "91", sent="2025/01/07 08:00:00", uploaded="2025/01/06 07:00:00", decided="2025/01/08", class_name="102"),
    ]  # fmt: skip
    take_in(engine, write_xlsx(tmp_path / "late.xlsx", HEADINGS["outcomes"], late), at=SECOND_IMPORT)
    with reading(engine) as connection:
        ledger = build(load_frames(connection), SchoolSettings())
    for (metric, question), earlier in zip(asked, before, strict=True):
        pd.testing.assert_frame_equal(answer(ledger, metric, question), earlier)


@pytest.mark.parametrize("own", ["101", "102", "201", "202"])
def test_a_ledger_narrowed_to_a_class_answers_of_that_class_alone(world, own):
    small = narrow(world, classes=np.array([name == own for name in world.labels["class"]]))
    completion, participation = all_metrics()["completion"], all_metrics()["participation"]
    for metric, stage in ((completion, "certify"), (participation, "upload")):
        whole = answer(world, metric, Question(1131, EXTENDED, "class", stage)).set_index("key")
        part = answer(small, metric, Question(1131, EXTENDED, "class", stage)).set_index("key")
        pd.testing.assert_frame_equal(part, whole.loc[[own]])
    of_others = world.enrolments["class"].map(dict(enumerate(world.labels["class"]))).ne(own).to_numpy()
    for name in ("duties", "uploads", "selections", "receipts"):
        assert not of_others[getattr(small, name)["enrolment"].to_numpy()].any(), name


def test_a_ledger_narrowed_twice_to_different_classes_is_empty(world):
    for first, second in (("101", "102"), ("201", "101")):
        small = world
        for own in (first, second):
            small = narrow(small, classes=np.array([name == own for name in world.labels["class"]]))
        for metric, question in questions(EXTENDED):
            table = answer(small, metric, question)
            for name in {"expected", "exempt", "decided", "enrolled", "items"} & set(table):
                assert table[name].sum() == 0, (metric.key, question.by)


def test_a_pair_of_returns_is_two_duties_with_clocks_of_their_own(engine, tmp_path):
    assert STUDENTS[0][4] == "101"
    failed = {"decided": "2025/02/12 08:00:00", "status": "未通過", "released": "已發佈"}
    rows = [item(sent="2025/02/09 08:00:00", **failed), item(sent="2025/02/12 09:00:00")]
    take_in(engine, write_small_school(tmp_path / "a", outcomes=rows))
    with reading(engine) as connection:
        ledger = build(load_frames(connection), SchoolSettings())
    assert [str(pd.Timestamp(us, unit="us", tz="Asia/Taipei")) for us in sorted(ledger.duties["due_at"])] == [
        "2025-02-12 08:00:00+08:00", "2025-02-15 09:00:00+08:00",
    ]  # fmt: skip
    table = answer(ledger, all_metrics()["completion"], Question(1131, parse_as_of("2025-02-13"), "school", "certify"))
    assert table[list(STATES)].iloc[0].tolist() == [0, 1, 1, 0, 0]  # decided at its very due_at: late
