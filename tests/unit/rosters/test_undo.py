"""Undo: importing A, B, C and taking B back leaves what importing A and C leaves, or undo says why it cannot."""

from __future__ import annotations

import csv
import hashlib
import os
import tempfile
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, precondition, rule, run_state_machine_as_test
from sqlalchemy import Engine, create_engine, select, text

from data.corrections import CorrectionError, exempt
from data.db import migrate, open_engine, reading
from data.instants import TAIPEI, parse_as_of
from data.ledger import build
from data.metrics import Question, all_metrics, answer
from data.models import Base, Import, Outcome, Round, Student
from data.queries import load_frames
from data.rosters import importing
from data.rosters.kinds import known_headings
from data.rosters.problems import Problem, RefusedError
from data.rosters.reading import Table, read_tables
from data.rosters.undo import undo_batch
from data.schema import SchoolSettings
from tests.crash import facts_of
from tests.unit.builders import (
    COURSE,
    HEADINGS,
    contents_of,
    take_in,
)

# --- what the files of the small world may say --------------------------------------------------------------------------

Row = tuple[str, ...]
Tables = dict[str, list[Row]]
Keys = set[tuple[Any, ...]]
GROUP_COURSE = COURSE[:17] + "1" + COURSE[18:]  # the same course, taught to students of several classes
HEADINGS_HERE = HEADINGS | {
    "students": ["學年", *HEADINGS["students"], "學籍異動日期"],
    "changes": ["學年", "學號", "姓名", "異動類別", "異動日期", "班級"],
    "receipts": ["學年", "班級", "學號", "姓名", "項目", "確認狀態", "確認時間"],
}
YEARS, CLASSES, GROUPS = ("113", "113", "114", "115"), ("101", "102", "201"), ("自然甲", "自然乙")
PEOPLE, STAFF = ("S1", "S2", "S3", "S4"), ("T1", "T2", "T3", "T4")
SENT = ("2024/12/02 09:00:00", "2024/12/20 09:00:00", "2025/01/08 09:00:00")
DECIDED = ("2024/12/05 10:00:00", "2025/01/10 10:00:00", "2025/02/20 10:00:00")


def one_of(*values: str) -> st.SearchStrategy[str]:
    return st.sampled_from(values)


def row(*cells: st.SearchStrategy[str] | str) -> st.SearchStrategy[Row]:
    return st.tuples(*(st.just(cell) if isinstance(cell, str) else cell for cell in cells))


def sendings() -> st.SearchStrategy[tuple[str, str, str, str]]:
    """送出認證時間, 認證日期, 認證狀態, 發佈狀態 that go together."""
    sent, decided = one_of(*SENT), one_of(*DECIDED)
    return st.one_of(
        st.just(("", "", "未送出", "")),
        st.tuples(sent, st.just(""), st.just("認證中"), st.just("未發佈")),
        st.tuples(sent, decided, one_of("通過", "未通過"), one_of("已發佈", "未發佈")),
        st.tuples(sent, decided, one_of("通過", "未通過"), st.just("已發佈")),
    )


@st.composite
def outcome_rows(draw: st.DrawFn) -> Row:
    course, class_name = draw(st.sampled_from([(COURSE, "101"), (COURSE, "102"), *((GROUP_COURSE, g) for g in GROUPS)]))
    sent, decided, status, released = draw(sendings())
    uploaded = draw(one_of("2024/12/01 08:00:00", "2024/12/01 08:30:00", *([""] if sent else [])))
    year, semester = draw(st.sampled_from([("113", "1"), ("113", "1"), ("113", "2"), ("114", "1")]))
    return (
        year, semester, class_name, "數學", course, draw(one_of(*PEOPLE)), "某生", draw(one_of("1", "2")), uploaded, sent, decided,
        status, released, "", draw(one_of("", "", *STAFF)), "", draw(one_of("", "T2")) if decided else "",
    )  # fmt: skip


YEAR, CLASS, PERSON, TEACHER = one_of(*YEARS), one_of(*CLASSES), one_of(*PEOPLE), one_of(*STAFF)
ROWS: dict[str, tuple[st.SearchStrategy[Row], tuple[int, ...]]] = {  # and the columns that no two rows may share
    "staff": (row(TEACHER, one_of("王", "李"), one_of("", "教務處", "學務處"), one_of("", "a@school.example")), (0,)),
    "classes": (row(YEAR, CLASS, one_of("1", "2"), one_of("普通科", "商科"), TEACHER), (0, 1)),
    "students": (
        row(YEAR, PERSON, one_of("甲", "乙"), one_of("", "A100000000", "A100000001"), one_of("1", "2"), CLASS, one_of("", "1", "2"),
            "101", one_of("普通科", "商科"), "", one_of("在學", "在學", "休學", "畢業"), one_of("", "2024/12/15", "2025/01/20")),
        (0, 1),
    ),
    "sections": (
        st.one_of(
            row(YEAR, one_of("1", "2"), COURSE, "數學", CLASS, TEACHER, one_of("", "王老師")),
            row(YEAR, "1", GROUP_COURSE, "數學", one_of(*GROUPS), TEACHER, ""),
        ),
        (0, 1, 2, 4, 5),
    ),
    "windows": (
        row(YEAR, one_of("1", "2"), one_of("1", "2", "全部"), one_of("老師認證學生學習成果", "學生勾選學習成果"),
            "2024/09/01 08:00", one_of("2024/12/24", "2025/01/15 12:00", "2025/02/10 23:59:59"), one_of("", "教學組")),
        (0, 1, 2, 3),
    ),
    "delegations": (
        row(TEACHER, "", TEACHER, "", one_of("1", "2"), one_of("2024/12/10", "2025/01/05"), one_of("2024/12/20", "2025/02/14"),
            one_of("", "公假")),
        (0, 2, 4, 5),
    ),
    "outcomes": (outcome_rows(), (0, 1, 2, 4, 5, 7, 9)),
    "performances": (
        row(YEAR, one_of("", "1", "2"), PERSON, "", one_of("", *CLASSES), one_of("作品成果紀錄", "競賽參與紀錄"),
            one_of("2024/11/21 05:19:00", "2025/01/03 08:00:00")),
        (0, 1, 2, 5, 6),
    ),
    "selections": (row(YEAR, "0", one_of("", *CLASSES), PERSON, "", one_of("", "0", "3"), one_of("", "1", "11")), (0, 3)),
    "receipts": (
        row(YEAR, one_of("", *CLASSES), PERSON, "", one_of("學習成果", "多元表現"), one_of("已確認", "待確認", "已回報"),
            one_of("", "2025/01/24 06:50:00")),
        (0, 2, 4),
    ),
    "changes": (
        row(YEAR, PERSON, "", one_of("休學", "復學", "轉出"), one_of("2024/12/15", "2025/01/20"), one_of("", *CLASSES)),
        (0, 1, 3, 4),
    ),
}  # fmt: skip
OFTEN = ("outcomes", "outcomes", "outcomes", "students", "sections", *ROWS)


def tables_of(kind: str) -> st.SearchStrategy[tuple[str, list[Row]]]:
    rows, unique = ROWS[kind]
    most = 6 if kind == "outcomes" else 3
    several = st.lists(rows, min_size=1, max_size=most, unique_by=lambda r: tuple(r[i] for i in unique))
    return st.tuples(st.just(kind), several)


def loads() -> st.SearchStrategy[Tables]:
    """One load: a table or two; of one kind, as where a folder holds an older and a newer export, " 2" tells them apart."""

    def name(tables: list[tuple[str, list[Row]]]) -> Tables:
        found: Tables = {}
        for kind, rows in tables:
            found[f"{kind} 2" if kind in found else kind] = rows
        return found

    return st.lists(st.sampled_from(OFTEN).flatmap(tables_of), min_size=1, max_size=2).map(name)


BASE: tuple[Tables, ...] = (
    {"staff": [("T1", "王", "教務處", ""), ("T2", "李", "學務處", "")]},
    {"classes": [("113", "101", "1", "普通科", "T1")]},
    {
        "classes": [("113", "102", "1", "商科", "T2"), ("114", "101", "1", "普通科", "T1"), ("114", "201", "2", "普通科", "T2")],
        "students": [
            ("113", "S1", "甲", "A100000000", "1", "101", "1", "101", "普通科", "", "在學", ""),
            ("113", "S2", "乙", "", "1", "101", "2", "101", "普通科", "", "在學", ""),
            ("113", "S3", "丙", "", "1", "102", "1", "101", "商科", "", "在學", ""),
            ("114", "S1", "甲", "", "2", "201", "1", "101", "普通科", "", "在學", ""),
            ("114", "S2", "乙", "", "2", "201", "2", "101", "普通科", "", "在學", ""),
        ],
    },
    {
        "sections": [
            ("113", "1", COURSE, "數學", "101", "T1", ""), ("113", "1", COURSE, "數學", "102", "T2", ""),
            ("113", "1", GROUP_COURSE, "數學", "自然甲", "T2", ""),
        ],
        "windows": [("113", "1", "1", "老師認證學生學習成果", "2024/09/01 08:00", "2025/01/15 12:00", "教學組")],
    },
)  # fmt: skip


def spoken_of(tables: Tables) -> tuple[Keys, Keys]:
    """Return what a load says something about, and what else it counts on; worked out from its cells alone."""
    said: Keys = set()
    counted_on: Keys = set()
    for name, rows in tables.items():
        kind = name.removesuffix(" 2")
        for r in rows:
            match kind:
                case "staff":
                    said.add((kind, r[0]))
                case "classes":
                    said |= {(kind, r[0], r[1]), ("any class", r[0])}
                case "students":
                    said |= {("student", r[1]), ("enrolment", r[0], r[1]), ("any student", r[0])}
                    counted_on |= {("classes", r[0], r[5]), ("any class", r[0])}
                case "sections":
                    said |= {(kind, *r[:6]), ("group", r[0], r[1], r[4]), ("taught", r[0], r[1], r[2], r[4])}
                    counted_on |= {("classes", r[0], r[4]), ("any class", r[0])}
                case "windows":
                    term = "0" if "勾選" in r[3] else r[1]
                    said |= {(kind, r[0], term, g, r[3]) for g in (("1", "2", "3") if r[2] == "全部" else (r[2],))}
                case "delegations":
                    said.add((kind, r[0], r[2], r[4], r[5]))
                case "outcomes":
                    said.add((kind, r[0], r[1], r[2], r[4], r[5], r[7]))
                    counted_on |= {
                        ("any student", r[0]),
                        ("enrolment", r[0], r[5]),
                        ("classes", r[0], r[2]),
                        ("group", r[0], r[1], r[2]),
                    }
                    counted_on |= set() if r[14] else {("taught", r[0], r[1], r[4], r[2])}
                case "performances":
                    said.add((kind, r[0], r[2], r[1] or (r[5], r[6])))
                    counted_on |= {
                        ("any student", r[0]),
                        ("enrolment", r[0], r[2]),
                        ("classes", r[0], r[4]),
                        ("any class", r[0]),
                    }
                case "selections":
                    said.add((kind, r[0], r[3]))
                    counted_on |= {
                        ("any student", r[0]),
                        ("enrolment", r[0], r[3]),
                        ("classes", r[0], r[2]),
                        ("any class", r[0]),
                    }
                case "receipts":
                    said.add((kind, r[0], r[4]))
                    counted_on |= {
                        ("any student", r[0]),
                        ("enrolment", r[0], r[2]),
                        ("classes", r[0], r[1]),
                        ("any class", r[0]),
                    }
                case "changes":
                    said.add((kind, r[0], r[1], r[3], r[4]))
                    counted_on |= {("student", r[1]), ("classes", r[0], r[5]), ("any class", r[0])}
    return said, counted_on


# --- what is compared ---------------------------------------------------------------------------------------------------

BEGIN = datetime(2024, 12, 1, 8, tzinfo=TAIPEI)
INSTANTS = tuple(map(parse_as_of, ("2024-12-18", "2025-01-15T12:00", "2027-01-01")))


def reports_of(engine: Engine) -> dict[str, str]:
    """Return reports of every kind at several instants, as text."""
    with reading(engine) as connection:
        ledger = build(load_frames(connection), SchoolSettings(upload_outcome_cap=1))
    metrics = all_metrics()
    asked = [("completion", term, "certify", by, {}) for term in (1131, 1141) for by in ("class", "teacher", "unit")]
    asked += [
        ("completion", 1131, "certify", "subject", {"deadline": "original"}),
        ("funnel", 1131, "certify", "teacher", {}),
    ]
    asked += [
        ("participation", 1131, "upload", "class", {}),
        ("participation", 1130, "select", "class", {"kind": "performance"}),
    ]
    return {
        f"{key} {term} {by} {as_of}": answer(ledger, metrics[key], Question(term, as_of, by, stage, **more)).to_csv()
        for key, term, stage, by, more in asked
        for as_of in INSTANTS
    }  # fmt: skip


# --- the loads and their databases --------------------------------------------------------------------------------------


@dataclass
class Load:
    """Something done at an instant that undo may take back: do(engine, at) returns its batch and what was counted."""

    do: Callable[[Engine, datetime], tuple[str, Any]]
    said: Keys
    counted_on: Keys
    tables: Tables = field(default_factory=dict)
    at: datetime = INSTANTS[0]
    batch_id: str = ""
    counts: Any = None
    before: bytes = b""  # the model without this load and those after it
    changed: bool = True


@cache
def folder() -> Path:
    return Path(tempfile.mkdtemp(prefix="licheng-undo-"))


def write(name: str, rows: Iterable[Row]) -> Path:
    """Write a table as CSV, at the same path for the same content."""
    content = [HEADINGS_HERE[name.removesuffix(" 2")], *map(list, rows)]
    place = folder() / hashlib.sha256(str(content).encode()).hexdigest()[:16]
    path = place / f"{name}.csv"
    if not path.exists():
        place.mkdir(exist_ok=True)
        with path.open("w", encoding="utf-8", newline="") as file:
            csv.writer(file).writerows(content)
    return path


@cache
def tables_at(path: Path) -> list[Table]:
    return read_tables(path, known=known_headings())


def read_here(paths: Iterable[Path], **_: Any) -> tuple[list[Table], list[Problem]]:
    """Read in this process and once: a limited process for each load, as outside, takes four fifths of the time."""
    return [replace(table, frame=table.frame.copy()) for path in paths for table in tables_at(path)], []


def load_of(tables: Tables) -> Load:
    paths = [write(name, rows) for name, rows in tables.items()]

    def do(engine: Engine, at: datetime) -> tuple[str, Any]:
        plan = take_in(engine, *paths, at=at, take_good_rows=True)
        counts = sorted((r.kind, r.rows, r.new, r.changed, r.unchanged, r.rejected) for r in plan.reports)
        return (plan.batch_id, counts) if plan.committed else ("", [])

    return Load(do, *spoken_of(tables), tables=tables)


def exemption_of(student: str, number: str) -> Load:
    """A correction by hand: every sending of a student's item of that number is excused."""

    def do(engine: Engine, at: datetime) -> tuple[str, Any]:
        with reading(engine) as connection:
            whose = (Student.student_number == student) & (Outcome.item_number == number)
            statement = select(Round.id).join(Outcome, Round.outcome_id == Outcome.id).join(Student).where(whose)
            ids = list(connection.execute(statement).scalars())
        try:
            return exempt(engine, ids, reason="測試", by="test", at=at), len(ids)
        except CorrectionError:
            return "", 0

    return Load(do, {("exemption", student, number)}, {("item of", student, number)})


def bytes_of(engine: Engine) -> bytes:
    connection = engine.raw_connection()
    try:
        return bytes(connection.driver_connection.serialize())
    finally:
        connection.close()


def restore(engine: Engine, content: bytes) -> None:
    connection = engine.raw_connection()
    try:
        connection.driver_connection.deserialize(content)
    finally:
        connection.close()


@cache
def empty_model() -> bytes:
    engine = open_engine("sqlite:///:memory:")
    migrate(engine)
    content = bytes_of(engine)
    engine.dispose()
    return content


@cache
def first_loads() -> tuple[list[Load], bytes]:
    """Return the rosters everything rests on, loaded once, and the database that holds them."""
    engine = open_engine("sqlite:///:memory:")
    restore(engine, empty_model())
    done = []
    for hour, tables in enumerate(BASE):
        load = load_of(tables)
        load.at, load.before = BEGIN + timedelta(hours=hour), bytes_of(engine)
        load.batch_id, load.counts = load.do(engine, load.at)
        done.append(load)
    content = bytes_of(engine)
    engine.dispose()
    return done, content


class Undoing(RuleBasedStateMachine):
    """Loads at growing instants and undo of any; beside it a model that only ever saw what is still kept."""

    url = "sqlite:///:memory:"
    tally: dict[str, int] = {}  # noqa: RUF012 - one for a whole run, printed by the long run

    def __init__(self) -> None:
        super().__init__()
        self.engine, self.model = open_engine(self.url), open_engine("sqlite:///:memory:")
        loads, content = first_loads()
        restore(self.model, content)
        self.kept = [replace(load) for load in loads]
        self.now = BEGIN + timedelta(days=1)
        if self.url.startswith("sqlite"):
            restore(self.engine, content)
            return
        empty(self.url)
        migrate(self.engine)
        for load in self.kept:
            load.batch_id, _ = load.do(self.engine, load.at)

    def teardown(self) -> None:
        self.engine.dispose()
        self.model.dispose()

    @rule(tables=loads(), hours=st.sampled_from([1, 24, 24 * 15]))
    def hand_in(self, tables: Tables, hours: int) -> None:
        self.take(load_of(tables), hours=hours)

    @precondition(lambda self: self.kept)
    @rule(data=st.data())
    def hand_in_again(self, data: st.DataObject) -> None:
        self.take(load_of(data.draw(st.sampled_from([load.tables for load in self.kept if load.tables]))), hours=24)

    @precondition(lambda self: any("outcomes" in load.tables for load in self.kept))
    @rule(data=st.data())
    def excuse(self, data: st.DataObject) -> None:
        items = sorted({(r[5], r[7]) for load in self.kept for r in load.tables.get("outcomes", [])})
        self.take(exemption_of(*data.draw(st.sampled_from(items))), hours=24)

    def take(self, load: Load, *, hours: int) -> None:
        """Do it in both databases; they must count alike."""
        self.now += timedelta(hours=hours)
        load.at, load.before = self.now, bytes_of(self.model)
        load.batch_id, load.counts = load.do(self.engine, self.now)
        _, expected = load.do(self.model, self.now)
        assert load.counts == expected
        if not load.batch_id:
            count("refused to take")
            restore(self.model, load.before)  # a refusal is no fact, but it raises the imports' ids
            return
        count("taken")
        self.kept.append(load)

    @precondition(lambda self: len(self.kept) > len(BASE) + 1)
    @rule(data=st.data())
    def undo_amid(self, data: st.DataObject) -> None:
        self.undo(data.draw(st.integers(len(BASE), len(self.kept) - 2), label="which"))

    @precondition(lambda self: self.kept)
    @rule(data=st.data())
    def undo_any(self, data: st.DataObject) -> None:
        self.undo(data.draw(st.integers(0, len(self.kept) - 1), label="which"))

    def undo(self, place: int) -> None:
        self.now += timedelta(hours=1)
        load, later = self.kept[place], self.kept[place + 1 :]
        before = contents_of(self.engine, audit=True)
        try:
            undo_batch(self.engine, load.batch_id, by="test", at=self.now)
        except RefusedError:
            assert contents_of(self.engine, audit=True) == before
            assert later, "the newest load can always be taken back"
            self.check_not_too_eager(load, later)
            return
        count("undone, newest" if not later else "undone, from amid")
        self.replay(load, later)
        del self.kept[place]
        assert facts_of(self.engine) == facts_of(self.model)
        assert reports_of(self.engine) == reports_of(self.model)

    def replay(self, load: Load, later: list[Load]) -> None:
        """Let the model live the later loads without this one; each must find what it found."""
        restore(self.model, load.before)
        for other in later:
            other.before = bytes_of(self.model)
            batch_id, counts = other.do(self.model, other.at)
            assert batch_id, f"without it {other.tables} would have been refused: it rests on it"
            assert counts == other.counts

    def check_not_too_eager(self, load: Load, later: list[Load]) -> None:
        touched = set().union(*(other.said | other.counted_on for other in later))
        said = load.said | {("item of", key[5], key[6]) for key in load.said if key[0] == "outcomes"}
        assert said & touched, "no later load speaks of what it brought"
        count("refused to undo")
        present = bytes_of(self.model)
        restore(self.model, load.before)
        alike = True
        for other in later:
            alike = alike and other.do(self.model, other.at)[1] == other.counts
        count("refused though every later load would count alike" if alike else "refused as a later load rests on it")
        restore(self.model, present)


def count(what: str) -> None:
    Undoing.tally[what] = Undoing.tally.get(what, 0) + 1


def empty(url: str) -> None:
    owner = create_engine(url, isolation_level="AUTOCOMMIT")
    with owner.connect() as connection:
        connection.execute(text("SET session_replication_role = replica"))  # past the audit log's triggers
        connection.execute(text(f"TRUNCATE {', '.join(Base.metadata.tables)} RESTART IDENTITY CASCADE"))
    owner.dispose()


EXAMPLES = int(os.environ.get("LICHENG_UNDO_EXAMPLES", "0"))  # many more, drawn anew: for the long run before a release


def walk(machine: type[Undoing], *, examples: int, steps: int) -> None:
    Undoing.tally.clear()
    quiet = [HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much]
    chosen = settings(
        max_examples=EXAMPLES or examples, stateful_step_count=steps, deadline=None, derandomize=not EXAMPLES, database=None,
        suppress_health_check=quiet, print_blob=False,
    )  # fmt: skip
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(importing, "read_in_child", read_here)
        run_state_machine_as_test(machine, settings=chosen)  # type: ignore[no-untyped-call]
    print(Undoing.tally)  # noqa: T201 - shown with -s, and where the test fails


def test_undo_leaves_what_would_be_there_without_it() -> None:
    walk(Undoing, examples=8, steps=14)
    assert Undoing.tally["undone, from amid"] > 5


def test_undo_leaves_the_same_on_postgresql(migrated_url: str) -> None:
    walk(type("UndoingOnPostgresql", (Undoing,), {"url": migrated_url}), examples=3, steps=12)


# --- what rests on what, case by case -----------------------------------------------------------------------------------

ANY_CLASS_OF_115 = ("115", "101", "1", "普通科", "T1")
RESTING = {
    "lessons of a group on there being classes of the year": (
        {"classes": [ANY_CLASS_OF_115]},
        {"sections": [("115", "1", GROUP_COURSE, "數學", "自然甲", "T1", "")]},
    ),
    "a change without a class on there being classes of the year": (
        {"classes": [ANY_CLASS_OF_115]},
        {"changes": [("115", "S1", "", "休學", "2026/09/15", "")]},
    ),
    "an item without a teacher on the section that names one": (
        {"sections": [("113", "2", COURSE, "數學", "101", "T3", "")]},
        {"outcomes": [("113", "2", "101", "數學", COURSE, "S1", "", "1", "2025/03/01", "2025/03/02", "", "認證中", "", "", "", "", "")]},
    ),
    "a list on the student being on the roster": (
        {"students": [("113", "S4", "丁", "", "1", "102", "2", "101", "商科", "", "在學", "")]},
        {"selections": [("113", "0", "", "S4", "", "1", "2")]},
    ),
    "the same said again on what was said first": (
        {"windows": [("114", "1", "1", "老師認證學生學習成果", "2025/09/01", "2026/01/15", "")]},
        {"windows": [("114", "1", "1", "老師認證學生學習成果", "2025/09/01", "2026/01/15", "")]},
    ),
}  # fmt: skip


@pytest.fixture
def rosters(engine: Engine) -> Engine:
    for hour, tables in enumerate(BASE):
        assert load_of(tables).do(engine, BEGIN + timedelta(hours=hour))[0]
    return engine


@pytest.mark.parametrize("what", RESTING)
def test_undo_is_refused_where_a_later_load_rests_on_it(rosters: Engine, what: str) -> None:
    first, second = (load_of(tables) for tables in RESTING[what])
    below, _ = first.do(rosters, BEGIN + timedelta(days=1))
    above, counts = second.do(rosters, BEGIN + timedelta(days=2))
    assert [row[-1] for row in counts] == [0], "nothing of it was rejected"
    before = contents_of(rosters, audit=True)
    with pytest.raises(RefusedError, match="後來的匯入") as refused:
        undo_batch(rosters, below, by="test", at=BEGIN + timedelta(days=3))
    assert next(iter(RESTING[what][1])) in str(refused.value.problems[0]), "it says which file to take back first"
    assert contents_of(rosters, audit=True) == before
    undo_batch(rosters, above, by="test", at=BEGIN + timedelta(days=4))
    undo_batch(rosters, below, by="test", at=BEGIN + timedelta(days=5))


def sent(number: str) -> Row:
    return (
        "113",
        "1",
        "101",
        "數學",
        COURSE,
        "S1",
        "",
        number,
        "2024/12/01",
        "2024/12/02",
        "",
        "認證中",
        "",
        "",
        "T1",
        "",
        "",
    )


FIRST_ITEM: Row = ("113", "1", "S1", "", "", "作品成果紀錄", "2024/11/21 05:19:00")
APART: dict[str, tuple[int, list[Tables]]] = {  # which load is taken back, of these
    "another class of the year": (
        0,
        [
            {"classes": [ANY_CLASS_OF_115]},
            {"classes": [("115", "102", "1", "商科", "T2")]},
            {"changes": [("115", "S1", "", "休學", "2026/09/15", "102")]},
        ],
    ),
    "another item of the same student": (0, [{"outcomes": [sent("1")]}, {"outcomes": [sent("2")]}]),
    "what it only said again": (
        1,
        [
            {"performances": [FIRST_ITEM]},
            {"performances": [FIRST_ITEM, ("113", "2", *FIRST_ITEM[2:])]},
            {"performances": [FIRST_ITEM]},
        ],
    ),
}


@pytest.mark.parametrize("what", APART)
def test_undo_is_not_refused_where_later_loads_speak_only_of(rosters: Engine, what: str) -> None:
    place, tables = APART[what]
    loads = [load_of(each) for each in tables]
    batches = [load.do(rosters, BEGIN + timedelta(days=1 + day))[0] for day, load in enumerate(loads)]
    assert all(batches)
    undo_batch(rosters, batches[place], by="test", at=BEGIN + timedelta(days=9))
    with reading(rosters) as connection:
        assert connection.execute(select(Import.state).where(Import.batch_id == batches[place])).scalars().all() == [
            "undone"
        ]


def test_an_undo_puts_back_every_kind_of_value(rosters: Engine) -> None:
    """Numbers, days, instants, yes and no, and nothing at all; each as it was before."""
    fuller = {
        "students": [
            ("113", "S1", "甲改", "A100000001", "1", "102", "", "101", "商科", "進修部", "休學", "2024/12/15")
        ],
        "delegations": [("T1", "", "T2", "", "1", "2024/12/10", "2025/02/14", "公假")],
        "outcomes": [(*sent("1")[:10], "2024/12/05 10:00:00", "通過", "已發佈", "", "T2", "", "")],
        "windows": [("113", "1", "1", "老師認證學生學習成果", "2024/09/02 08:00", "2025/02/10", "註冊組")],
    }
    thinner = {"delegations": [("T1", "", "T2", "", "1", "2024/12/10", "2024/12/20", "")], "outcomes": [sent("1")]}
    load_of(thinner).do(rosters, BEGIN + timedelta(days=1))
    before = facts_of(rosters)
    batch, counts = load_of(fuller).do(rosters, BEGIN + timedelta(days=30))
    assert sum(row[3] for row in counts) == 4, "each row changes something"
    assert facts_of(rosters) != before
    undo_batch(rosters, batch, by="test", at=BEGIN + timedelta(days=31))
    assert facts_of(rosters) == before


def test_what_was_taken_back_can_be_handed_in_again(rosters: Engine) -> None:
    load = load_of({"outcomes": [sent("1")]})
    batch, counts = load.do(rosters, BEGIN + timedelta(days=1))
    there = facts_of(rosters)
    undo_batch(rosters, batch, by="test", at=BEGIN + timedelta(days=2))
    with pytest.raises(RefusedError, match="已經復原過"):
        undo_batch(rosters, batch, by="test", at=BEGIN + timedelta(days=2))
    _, counted = load.do(rosters, BEGIN + timedelta(days=1))
    assert counted == counts
    assert facts_of(rosters) == there
