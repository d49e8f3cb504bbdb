"""The year's turn: what the next year's rosters bring leaves every figure of the past years as it was."""

from __future__ import annotations

import csv
from collections.abc import Iterable
from datetime import date, datetime, timedelta
from itertools import product
from pathlib import Path

import pandas as pd
import pytest
from sqlalchemy import Engine

from data.db import migrate, open_engine, reading
from data.demo.school import write_school
from data.instants import TAIPEI, parse_as_of
from data.ledger import Ledger, build
from data.metrics import Question, ReportError, all_metrics, answer
from data.queries import load_frames
from data.rosters.reading import read_tables
from data.schema import SchoolSettings
from tests.unit.builders import COURSE, HEADINGS, take_in

on_sqlite = pytest.mark.parametrize(
    "engine", ["sqlite"], indirect=True
)  # the figures are pure: one test on both is enough
Row = list[str]
Figures = dict[tuple[str, ...], pd.DataFrame]
TURN = datetime(2025, 8, 25, 9, tzinfo=TAIPEI)
IN_THE_YEAR = tuple(map(parse_as_of, ("2025-02-05", "2025-05-20")))
AFTER_TERM = (parse_as_of("2025-08-25T08:59:59"),)
LATER = (parse_as_of("2026-11-25"),)
HEADINGS_HERE = HEADINGS | {
    "students": ["學年", *HEADINGS["students"], "學籍異動日期"],
    "changes": ["學年", "學號", "姓名", "異動類別", "異動日期", "班級"],
}

STAFF = {  # code: the 處室 of 113, and of 114 (None: no longer listed)
    "T1": ("教務處教學組", "教務處教學組"), "T2": ("教務處教學組", "學務處訓育組"), "T3": ("學務處訓育組", "教務處教學組"), "T4": ("輔導處", None),
    "T5": ("輔導處", ""),
}  # fmt: skip
TEACHER_OF = {"101": "T1", "102": "T2", "201": "T3", "301": "T4", "302": "T5"}
SUBJECTS = {"數學": COURSE, "國文": COURSE[:-1] + "2"}


def students_of_113() -> list[tuple[str, str, int]]:
    """Student number, class and seat: three to a class, so that each grade has some."""
    return [(f"{114 - int(name[0])}{name[1:]}{seat}", name, seat) for name in TEACHER_OF for seat in (1, 2, 3)]


def department_of(class_name: str) -> str:
    return "普通科" if class_name.endswith("1") else "商業經營科"


def student(
    year: int,
    number: str,
    class_name: str,
    seat: int,
    *,
    division: str = "日間部",
    status: str = "在學",
    left: str = "",
) -> Row:
    name, code = f"學生{number}", f"A1{int(number):08d}"
    grade = class_name.lstrip("進")[0]
    return [str(year), number, name, code, grade, class_name, str(seat), "101", department_of(class_name), division, status, left]  # fmt: skip


def outcome(number: str, class_name: str, subject: str, semester: int, place: int, teacher: str, *, seen: date) -> Row:
    """An item whose fate hangs on its place: done in time, late, returned, judged but not released, waiting, or not sent."""
    start = datetime(2024, 10, 7, 10) if semester == 1 else datetime(2025, 3, 10, 10)
    uploaded = start + timedelta(days=place % 40, hours=place % 7)
    sent = uploaded + timedelta(hours=place % 30)
    decided = sent + timedelta(days=(2, 5, 9, 120)[place % 4], hours=1)
    status, released = {0: ("未通過", "已發佈"), 1: ("通過", "未發佈"), 2: ("認證中", ""), 3: ("未送出", "")}.get(
        place % 9, ("通過", "已發佈")
    )
    if decided.date() >= seen and status in ("通過", "未通過"):
        status, released = "認證中", ""
    done = status in ("通過", "未通過")
    times = [f"{t:%Y/%m/%d %H:%M:%S}" for t in (uploaded, sent, decided)]
    certifier = ("", "", "T1")[place % 3] if done else ""
    return ["113", str(semester), class_name, subject, SUBJECTS[subject], number, "某生", str(place % 3 + 1), times[0],
            "" if status == "未送出" else times[1], times[2] if done else "", status, released, "", teacher, "", certifier]  # fmt: skip


def outcomes(*, seen: date) -> list[Row]:
    every = product(students_of_113(), SUBJECTS, (1, 2), (1, 2, 3))
    return [
        outcome(number, name, subject, semester, 7 * place + 3 * copy + seat, TEACHER_OF[name], seen=seen)
        for place, ((number, name, seat), subject, semester, copy) in enumerate(every)
    ]


def windows(year: int) -> list[Row]:
    ad = year + 1911
    spans = [
        ("1", "學生上傳及送出學習成果認證", f"{ad}/08/30", f"{ad + 1}/02/03"), ("1", "老師認證學生學習成果", f"{ad}/08/30", f"{ad + 1}/02/10"),
        ("2", "學生上傳及送出學習成果認證", f"{ad + 1}/02/11", f"{ad + 1}/07/14"), ("2", "老師認證學生學習成果", f"{ad + 1}/02/11", f"{ad + 1}/07/21"),
        ("0", "學生勾選學習成果", f"{ad + 1}/07/22", f"{ad + 1}/08/04"), ("0", "收訖明細確認", f"{ad + 1}/09/15", f"{ad + 1}/09/30"),
    ]  # fmt: skip
    return [[str(year), semester, "全部", task, start, end, "教務處教學組"] for semester, task, start, end in spans]


def sections(year: int, teachers: dict[str, str]) -> list[Row]:
    every = product(("1", "2"), SUBJECTS.items(), teachers.items())
    return [
        [str(year), semester, code, subject, name, teacher, ""] for semester, (subject, code), (name, teacher) in every
    ]


def year_113() -> dict[str, list[Row]]:
    """Everything that is in at the end of 113."""
    people = students_of_113()
    return {
        "staff": [[code, f"老師{code}", before, ""] for code, (before, _) in STAFF.items()],
        "classes": [["113", name, name[0], department_of(name), teacher] for name, teacher in TEACHER_OF.items()],
        "students": [student(113, *person) for person in people[:-1]] + [student(113, *people[-1], status="轉出", left="2025/04/10")],
        "sections": sections(113, TEACHER_OF),
        "windows": windows(113),
        "delegations": [["T2", "", "T3", "", "1", "2025/01/17", "2025/02/14", "公假"], ["T4", "", "T1", "", "1", "2025/07/01", "2025/07/31", ""]],
        "outcomes": outcomes(seen=date(2025, 7, 20)),
        "performances": [["113", "1", number, "", name, "作品成果紀錄", "2024/11/21 05:19:00"] for number, name, seat in people if seat < 3],
        "selections": [["113", "0", name, number, "", str(seat), str(11 - seat)] for number, name, seat in people],
    }  # fmt: skip


def year_114(graduates: str) -> dict[str, list[Row]]:
    """What the turn brings. graduates: absent from the new rosters, or on them as 畢業, with or without its date."""
    up = {"101": "201", "102": "202", "201": "301"}
    moved_up = [
        student(114, number, up[name], seat) for number, name, seat in students_of_113() if name in up and seat < 3
    ]
    # One repeats in a first-year class, one changed to another department, and both names were others' last year.
    moved_up += [student(114, "113013", "101", 9), student(114, "113023", "201", 9), student(114, "112013", "202", 8)]
    left = {"absent": None, "undated": "", "dated": "2025/06/10"}[graduates]
    gone = [student(114, number, "301", 40 + place, status="畢業", left=left or "")
            for place, (number, name, _) in enumerate(students_of_113()) if name[0] == "3" and left is not None]  # fmt: skip
    evening = [student(114, f"1149{seat}", "進101", seat, division="進修部") for seat in (1, 2)]
    teachers = {"101": "T4", "201": "T1", "202": "T3", "301": "T2", "進101": "T6"}
    return {
        "staff": [[code, f"老師{code}", after, ""] for code, (_, after) in STAFF.items() if after is not None] + [["T6", "新老師", "進修部", ""]],
        "classes": [["114", name, name.lstrip("進")[0], department_of(name), teacher] for name, teacher in teachers.items()],
        "students": moved_up + [student(114, f"11401{seat}", "101", seat) for seat in (1, 2)] + gone + evening,
        "sections": sections(114, teachers),
        "windows": windows(114),
        "delegations": [["T3", "", "T2", "", "1", "2025/08/26", "2025/12/31", "進修"]],
    }  # fmt: skip


def bring(engine: Engine, folder: Path, tables: dict[str, list[Row]], *, at: datetime) -> None:
    folder.mkdir()
    for kind, rows in tables.items():
        with (folder / f"{kind}.csv").open("w", encoding="utf-8", newline="") as file:
            csv.writer(file).writerows([HEADINGS_HERE[kind], *rows])
    plan = take_in(engine, folder, at=at)
    assert plan.committed, [str(problem) for problem in plan.problems]


def ledger_of(engine: Engine) -> Ledger:
    with reading(engine) as connection:
        return build(load_frames(connection), SchoolSettings(upload_outcome_cap=3))


def figures_of(ledger: Ledger, years: Iterable[int], instants: Iterable[datetime]) -> Figures:
    """Return every report there is of every term of the years: each metric, stage, grouping, and kind or deadline."""
    found: Figures = {}
    kinds, deadlines = (
        ({"kind": "outcome"}, {"kind": "performance"}),
        ({"deadline": "current"}, {"deadline": "original"}),
    )
    for as_of, year, (key, metric) in product(instants, years, all_metrics().items()):
        semesters, options = ((0, 1, 2), kinds) if key == "participation" else ((1, 2), deadlines)
        for semester, stage, by, more in product(semesters, metric.stages, metric.groupings, options):
            term = year * 10 + semester
            try:
                table = answer(ledger, metric, Question(term, as_of, by=by, stage=stage, **more))
            except ReportError:  # an upload of a term is not asked of a year, and so on
                continue
            found[key, str(term), stage, by, *more.values(), f"{as_of:%Y-%m-%d}"] = table
    return found


def assert_equal(after: Figures, before: Figures) -> None:
    assert after.keys() == before.keys()
    different = [key for key in before if not before[key].equals(after[key])]
    shown = "\n\n".join(f"{key}\n{before[key]}\n{after[key]}" for key in different[:2])
    assert not different, f"{len(different)} of {len(before)} reports changed, such as\n{shown}"


@pytest.fixture
def school(engine: Engine, tmp_path: Path) -> Engine:
    bring(engine, tmp_path / "113", year_113(), at=datetime(2025, 7, 22, 8, tzinfo=TAIPEI))
    return engine


@on_sqlite
def test_the_figures_of_the_past_year_hold_something_to_change(school: Engine) -> None:
    of_term = figures_of(ledger_of(school), [113], [AFTER_TERM[-1]])
    row = of_term["completion", "1131", "certify", "school", "current", "2025-08-25"].iloc[0]
    assert min(row[state] for state in ("on_time", "late", "overdue")) >= 5
    units = of_term["completion", "1132", "certify", "unit", "current", "2025-08-25"]
    assert (units["expected"] > 0).sum() >= 3


@pytest.mark.thorough
@pytest.mark.parametrize("graduates", ["absent", "undated", "dated"])
def test_the_turn_leaves_every_past_figure_at_every_instant_of_the_year(
    school: Engine, tmp_path: Path, graduates: str
) -> None:
    # Graduates with a date leave on it: what they had undone is excused from then on, by definition.
    instants = IN_THE_YEAR if graduates == "dated" else (*IN_THE_YEAR, *AFTER_TERM)
    before = figures_of(ledger_of(school), [113], instants)
    bring(school, tmp_path / "114", year_114(graduates), at=TURN)
    assert_equal(figures_of(ledger_of(school), [113], instants), before)


@on_sqlite
def test_past_figures_stay_long_after_the_turn_as_well(school: Engine, tmp_path: Path) -> None:
    before = figures_of(ledger_of(school), [113], LATER)
    bring(school, tmp_path / "114", year_114("absent"), at=TURN)
    assert_equal(figures_of(ledger_of(school), [113], LATER), before)


@on_sqlite
@pytest.mark.parametrize("graduates", ["undated", "dated"])
def test_graduates_take_only_their_undone_duties_with_them(school: Engine, tmp_path: Path, graduates: str) -> None:
    before = figures_of(ledger_of(school), [113], LATER)
    bring(school, tmp_path / "114", year_114(graduates), at=TURN)
    after = figures_of(ledger_of(school), [113], LATER)
    left = 0
    for key, old in before.items():
        if key[0] != "completion":
            if key[0] == "participation":
                pd.testing.assert_frame_equal(after[key], old)
            continue
        new = after[key]
        assert new["key"].tolist() == old["key"].tolist()
        for done in ("on_time", "late"):
            assert new[done].tolist() == old[done].tolist(), key
        assert (new["expected"] + new["exempt"]).tolist() == (old["expected"] + old["exempt"]).tolist(), key
        if key[3] == "class":
            rest = ~old["key"].str.startswith("3")
            pd.testing.assert_frame_equal(new[rest], old[rest])
            left += int((new["exempt"] - old["exempt"]).sum())
    assert left > 0


@on_sqlite
def test_a_list_of_the_past_term_under_its_new_teachers_changes_nothing_before_it_came(
    school: Engine, tmp_path: Path
) -> None:
    instants = (*IN_THE_YEAR, *AFTER_TERM)
    before = figures_of(ledger_of(school), [113], instants)
    rows = outcomes(seen=date(2025, 7, 20))
    for cells in rows:
        cells[14] = {"T4": "T1", "T2": "T6"}.get(cells[14], cells[14])
    bring(school, tmp_path / "114", year_114("absent") | {"outcomes": rows}, at=TURN)
    assert_equal(figures_of(ledger_of(school), [113], instants), before)


@on_sqlite
def test_classes_of_two_years_with_one_name_are_counted_apart(school: Engine, tmp_path: Path) -> None:
    bring(school, tmp_path / "114", year_114("absent"), at=TURN)
    uploads = figures_of(ledger_of(school), [113, 114], [LATER[0]])
    enrolled = {
        year: uploads["participation", f"{year}1", "upload", "class", "outcome", "2026-11-25"].set_index("key")["enrolled"]
        for year in (113, 114)
    }  # fmt: skip
    assert enrolled[113].to_dict() == {"101": 3, "102": 3, "201": 3, "301": 3, "302": 2}
    assert enrolled[114].to_dict() == {"101": 3, "201": 3, "202": 3, "301": 2, "進101": 2}


@pytest.mark.thorough
def test_the_demo_school_turns_its_year_without_a_trace_in_the_past(tmp_path: Path) -> None:
    engine = open_engine(f"sqlite:///{tmp_path / 'school.sqlite'}")
    migrate(engine)
    school = write_school(tmp_path / "files", classes=3, terms=3, seed=5, today=date(2025, 9, 20)).folder
    for name in (
        "登錄情形",
        "收訖問題回報",
        "研習場次",
    ):  # one list of all years, which would bring the past something new
        (school / f"{name}.xlsx").unlink(missing_ok=True)
    past = [path for path in school.iterdir() if "_114" not in path.name and path.stem != "作業期程"]
    newer = tmp_path / "教職員名冊.csv"
    staff = read_tables(school / "教職員名冊.xlsx")[0].frame
    staff["處室"] = staff["處室"].iloc[::-1].to_numpy()  # everybody somewhere else
    staff.to_csv(newer, index=False)
    spans = read_tables(school / "作業期程.xlsx")[0].frame
    spans[spans["學年"] == "113"].to_csv(tmp_path / "作業期程.csv", index=False)
    instants = [parse_as_of(text) for text in ("2025-02-05", "2025-08-29")]
    figures = []
    for paths, at in (
        ([*past, tmp_path / "作業期程.csv"], "2025-08-01"),
        ([school], "2025-08-30"),
        ([newer], "2025-08-31"),
    ):
        plan = take_in(engine, *paths, at=parse_as_of(at))
        assert plan.committed, [str(problem) for problem in plan.problems]
        figures.append(figures_of(ledger_of(engine), [113], instants))
    engine.dispose()
    assert_equal(figures[1], figures[0])
    assert_equal(figures[2], figures[0])
