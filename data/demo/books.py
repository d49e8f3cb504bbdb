"""The official workbooks of what was handed in: a 封面, and the students' rows by 身分證號."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

from data.demo.activity import Activity
from data.demo.calendar import DAY, REGISTER_ENROLMENT, REGISTER_POSITION, Term, format_day
from data.demo.chance import Array, stream
from data.demo.curriculum import SCHOOL_CODE
from data.demo.files import write_book
from data.demo.handing_in import HandIn, plan_hand_ins
from data.demo.people import DEPARTMENTS
from data.demo.roster import Roster

_TITLES = {"students": "學生資料名冊", "grades": "學生成績名冊", "outcomes": "學生課程學習成果", "positions": "校內幹部經歷名冊"}  # fmt: skip
_SHEETS = {"students": "學生資料", "grades": "學期成績", "outcomes": "學期課程學習成果", "positions": "幹部經歷紀錄"}
# 名冊別 of 高三 batches 0 (none), 1 and 2; the others go by their name.
_CODES = {"outcomes": ("26", "36", "76"), "positions": ("24", "34", "74")}
_BATCH_WORDS = {0: "", 1: "第一梯次高三", 2: "第二梯次高三"}
_FIRST_BATCH = (0.75, 0.3)  # share of 高三 in the first batch: of 普通科 and of the others
_POSITIONS = ("班長", "副班長", "學藝股長", "風紀股長", "總務股長", "衛生股長", "體育股長", "輔導股長")


def write_books(folder: Path, roster: Roster, activity: Activity, selected: Array, *, year: int, seed: int) -> None:
    """Write the books of a year that were handed in by today: 課程學習成果 of the year, the others of its last term.

    selected: how many outcomes each enrolled student has selected. Not every book: a sheet takes the import as long as a
    list of the whole school, and 多元表現 has ten of them in each of its three books.
    """
    batches = _draw_batches(roster, year=year, seed=seed)
    last_term = max(term.semester for term in roster.terms if term.year == year)
    for hand_in in plan_hand_ins(roster.windows, today=roster.today, seed=seed):
        kept = hand_in.roster == "outcomes" or (hand_in.semester == last_term and hand_in.batch == 0)
        if hand_in.year == year and kept and hand_in.roster in _TITLES:
            rows = _fill(hand_in, roster, activity, np.where(batches == hand_in.batch, selected, 0), batches, seed=seed)
            term = f"{year}{hand_in.semester or ''}"
            name = f"提交_{term}_{_BATCH_WORDS[hand_in.batch]}{_TITLES[hand_in.roster]}.xlsx"
            write_book({"封面": _cover(hand_in), _SHEETS[hand_in.roster]: rows}, folder / name)


def _cover(hand_in: HandIn) -> pd.DataFrame:
    book = _CODES[hand_in.roster][hand_in.batch] if hand_in.roster in _CODES else _TITLES[hand_in.roster]
    said = (SCHOOL_CODE, str(hand_in.year), str(hand_in.semester), book)
    return pd.DataFrame([said], columns=["學校代碼", "學年度", "學期", "名冊別"])


def _draw_batches(roster: Roster, *, year: int, seed: int) -> Array:
    """Return the batch of each enrolled student of 高三, 0 for the others."""
    enrolled = roster.enrolled[year]
    general = roster.classes["department"].to_numpy()[enrolled["class_row"]] == 0
    first = stream(seed, "batches", year).random(len(enrolled)) < np.where(general, *_FIRST_BATCH)
    return np.where(enrolled["grade"] == 3, np.where(first, 1, 2), 0)


def _fill(
    hand_in: HandIn, roster: Roster, activity: Activity, selected: Array, batches: Array, *, seed: int
) -> pd.DataFrame:
    """List the rows of a book: only of students still here, and only what was certified before it was handed in."""
    here = (roster.enrolled[hand_in.year]["left_at"] > hand_in.submitted_at).to_numpy()
    if hand_in.roster == "outcomes":
        return _list_outcomes(roster, activity, hand_in, np.where(here, selected, 0), seed=seed)
    if hand_in.roster == "positions":
        # In term 2 高三 hands its positions in by batch.
        return _list_positions(roster, hand_in, here & ((batches == 0) | (hand_in.semester == 1)), seed=seed)
    if hand_in.roster == "students":
        return _list_students(roster, hand_in.year, np.flatnonzero(here))
    return _list_grades(roster, hand_in, np.flatnonzero(here))


def _id_numbers(roster: Roster, year: int, rows: Array) -> Array:
    return np.asarray(roster.students["id_number"].to_numpy()[roster.enrolled[year]["student"].to_numpy()[rows]])


def _list_students(roster: Roster, year: int, rows: Array) -> pd.DataFrame:
    enrolled = roster.enrolled[year].iloc[rows]
    class_ = roster.classes.loc[enrolled["class_row"]]
    codes = np.array([department.code for department in DEPARTMENTS], dtype=object)
    return pd.DataFrame(
        {
            "身分證號": _id_numbers(roster, year, rows),
            "科班學程別代碼": codes[class_["department"]],
            "年級": enrolled["grade"].astype("str").to_numpy(),
            "班級名稱": class_["class_name"].to_numpy(),
            "座號": roster.students["seat"].to_numpy()[enrolled["student"]].astype(str),
            "學籍狀態": "在學",
        }
    )


def _list_grades(roster: Roster, hand_in: HandIn, rows: Array) -> pd.DataFrame:
    """One course a student, without the marks: the whole book would be nine times as long, and nothing of it is kept."""
    enrolled, sections = roster.enrolled[hand_in.year].iloc[rows], roster.sections[hand_in.year]
    in_term = sections[(sections["term"] == Term(hand_in.year, hand_in.semester)) & (sections["class_row"] >= 0)]
    course = in_term.drop_duplicates("class_row").set_index("class_row").loc[enrolled["class_row"]]
    return pd.DataFrame(
        {
            "身分證號": _id_numbers(roster, hand_in.year, rows),
            "課程代碼": course["course_code"].to_numpy(),
            "科目名稱": course["subject"].to_numpy(),
            "開課年級": enrolled["grade"].astype("str").to_numpy(),
        }
    )


def _list_positions(roster: Roster, hand_in: HandIn, chosen: Array, *, seed: int) -> pd.DataFrame:
    """The same students hold the positions of a class whatever the batch: each once, drawn for the whole class."""
    enrolled = roster.enrolled[hand_in.year]
    order = stream(seed, "positions", hand_in.year, hand_in.semester).permutation(len(enrolled))
    place = (
        pd.Series(enrolled["class_row"].to_numpy()[order]).groupby(enrolled["class_row"].to_numpy()[order]).cumcount()
    )
    position = np.empty(len(enrolled), dtype=np.int64)
    position[order] = place
    rows = np.flatnonzero(chosen & (position < len(_POSITIONS)))
    term = Term(hand_in.year, hand_in.semester)
    begins, ends = roster.windows[term, 1, REGISTER_ENROLMENT].start, roster.windows[term, 1, REGISTER_POSITION].end
    return pd.DataFrame(
        {
            "身分證號": _id_numbers(roster, hand_in.year, rows),
            "單位名稱": roster.classes["class_name"].to_numpy()[enrolled["class_row"].to_numpy()[rows]],
            "開始日期": format_day(begins),
            "結束日期": format_day(ends - DAY),
            "擔任職務": np.array(_POSITIONS, dtype=object)[position[rows]],
            "幹部等級": "3",
        }
    )


def _list_outcomes(roster: Roster, activity: Activity, hand_in: HandIn, wanted: Array, *, seed: int) -> pd.DataFrame:
    """As many of the items passed and released by then as the student selected, which ones is the student's choice."""
    year = hand_in.year
    owner, section, semester = [], [], []
    for term in roster.terms:
        if term.year == year:
            uploads, rounds = activity.uploads[term], activity.rounds[term]
            item = rounds.item[rounds.passed & rounds.released & (rounds.decided_at < hand_in.submitted_at)]
            owner.append(uploads.enrolled[item])
            section.append(uploads.section[item])
            semester.append(np.full(len(item), term.semester))
    owner_of, section_of, semester_of = (np.concatenate(parts) for parts in (owner, section, semester))
    chosen = _choose(owner_of, wanted, stream(seed, "submitted outcomes", year, hand_in.batch))
    of = roster.sections[year].iloc[section_of[chosen]]
    return pd.DataFrame(
        {
            "身分證號": _id_numbers(roster, year, owner_of[chosen]),
            "實際修課學期": semester_of[chosen].astype(str),
            "課程代碼": of["course_code"].to_numpy(),
            "科目名稱": of["subject"].to_numpy(),
            "開課年級": roster.enrolled[year]["grade"].to_numpy()[owner_of[chosen]].astype(str),
            "修課學分": "2",
            "成果簡述": (of["subject"] + "的學習成果").to_numpy(),
        }
    )


def _choose(owners: Array, wanted: Array, rng: np.random.Generator) -> Array:
    """Return the positions of as many items of each owner as wanted, drawn at random, in order of owner."""
    order = rng.permutation(len(owners))
    order = order[np.argsort(owners[order], kind="stable")]
    place = pd.Series(owners[order]).groupby(owners[order]).cumcount().to_numpy()
    return np.asarray(order[place < wanted[owners[order]]])
