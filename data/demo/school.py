"""The door to the demo school: write its files, and name the people whose accounts a demo needs."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from pathlib import Path

import numpy as np
import pandas as pd

from data.demo.activity import Activity, count_passed, count_uploaded, count_waiting, simulate_duties
from data.demo.books import write_books
from data.demo.calendar import Term, list_windows
from data.demo.chance import stream
from data.demo.disputing import draw_answers, list_disputes
from data.demo.files import soil, write_csv, write_ods, write_xlsx
from data.demo.handing_in import HandIn, plan_hand_ins
from data.demo.leaves import list_leaves
from data.demo.listings import (
    list_classes,
    list_outcomes,
    list_performances,
    list_receipts,
    list_sections,
    list_selections,
    list_staff,
    list_students,
)
from data.demo.registering import draw_registrations, list_registrations
from data.demo.roster import Roster, build_roster
from data.demo.staffing import CHIEF_UNIT
from data.demo.training import list_training
from data.demo.yearly import DISPUTED, draw_receipts, draw_selections

MIN_CLASSES = 3  # one for each grade
BIG_LIST = 15_000  # rows from which schools take the list as CSV rather than as a workbook
_STYLE_SHARES = (0.6, 0.8)  # of the list with mixed times: AD, then ROC, the rest 上午 and 下午


@dataclass(frozen=True, slots=True)
class DemoSchool:
    """Where the files are, the people a demo signs in, and what a school enters by hand (data.demo.entries).

    homeroom: leads a class that has uploads. teacher: has the longest queue. chief: heads the section whose
    members certify, one of them late. secretary: the first 主任. hand_ins: every 提交 so far, by time; only the last year's left their books.
    """

    folder: Path
    current_term: str
    homeroom_class: str
    homeroom_code: str
    teacher_code: str
    chief_unit: str
    chief_code: str
    principal_code: str
    secretary_code: str
    hand_ins: tuple[HandIn, ...]


def write_school(
    folder: Path, *, classes: int = 24, terms: int = 6, seed: int = 1, today: date, duties: int | None = None
) -> DemoSchool:
    """Write the files of a school of `classes` classes over its last `terms` terms, as exported at 00:00 of today.

    The newest term is the one running today; nothing in the files has happened later, though windows and leaves may end
    later. duties: about how many certify duties to make, by more uploads a student. The same arguments give the same
    cells. folder is made where it is missing; files of the same names in it are replaced, others are left alone.
    Raises ValueError for fewer than 3 classes, 1 term or 1 duty.
    """
    if classes < MIN_CLASSES or terms < 1 or (duties is not None and duties < 1):
        raise ValueError(
            f"a school needs {MIN_CLASSES} classes, 1 term and 1 duty at least: {classes=}, {terms=}, {duties=}"
        )
    roster = build_roster(classes=classes, terms=terms, seed=seed, today=today)
    activity = simulate_duties(roster, seed=seed, duties=duties)
    folder.mkdir(parents=True, exist_ok=True)
    _write_once(folder, roster)
    disputes = [_write_year(folder, roster, activity, year=year, seed=seed) for year in roster.years]
    _write_kept_lists(folder, roster, disputes, seed=seed)
    for term in roster.terms:
        _write_term(folder, roster, activity, term=term, seed=seed)
    return _cast(folder, roster, activity, plan_hand_ins(roster.windows, today=roster.today, seed=seed))


def _write_once(folder: Path, roster: Roster) -> None:
    write_xlsx(list_staff(roster.staff), folder / "教職員名冊.xlsx")
    leaves = [leave for of_year in roster.leaves.values() for leave in of_year]
    if leaves:
        write_xlsx(list_leaves(leaves, roster.staff), folder / "代理人名單.xlsx")
    write_xlsx(list_windows(roster.windows), folder / "作業期程.xlsx")


def _write_year(folder: Path, roster: Roster, activity: Activity, *, year: int, seed: int) -> pd.DataFrame:
    """Write the rosters and lists of a year; a list nobody is on yet is not exported. Returns its 收訖問題回報."""
    enrolled, students, classes = roster.enrolled[year], roster.students, roster.classes
    listed = list_students(enrolled, students, classes, year=year)
    if year == roster.years[-1]:
        listed = soil(listed, stream(seed, "dirt", year), class_column="班級名稱", name_column="姓名", repeats=3)
    write_xlsx(listed, folder / f"學生資料名冊_{year}.xlsx", sheet="學生資料")
    write_xlsx(list_classes(classes, roster.leaders, roster.staff, year=year), folder / f"班級導師名冊_{year}.xlsx")
    write_csv(list_sections(roster.sections[year], roster.staff), folder / f"授課名冊_{year}.csv", encoding="cp950")
    performances = list_performances(
        activity.performances[year], enrolled, students, classes, year=year, today=roster.today
    )
    selections = draw_selections(
        enrolled, year=year, windows=roster.windows, today=roster.today, passed=count_passed(roster, activity, year=year),
        uploaded=count_uploaded(roster, activity, year=year), rng=stream(seed, "selections", year),
    )  # fmt: skip
    receipts = draw_receipts(
        enrolled,
        year=year,
        windows=roster.windows,
        today=roster.today,
        age=roster.age(year),
        rng=stream(seed, "receipts", year),
    )
    if len(performances):
        newest = year == roster.years[-1]
        (write_ods if newest else write_xlsx)(
            performances, folder / f"多元表現清單_{year}.{'ods' if newest else 'xlsx'}"
        )
    if len(selections):
        write_xlsx(
            list_selections(selections, enrolled, students, classes, year=year), folder / f"勾選情形_{year}.xlsx"
        )
    if len(receipts):
        write_xlsx(
            list_receipts(receipts, enrolled, students, classes, year=year), folder / f"收訖明細確認_{year}.xlsx"
        )
    if year == roster.years[-1] - 1:
        selected = np.zeros(len(enrolled), dtype=np.int64)
        selected[selections["enrolled"]] = selections["outcomes"]
        write_books(folder, roster, activity, selected, year=year, seed=seed)
    answers = draw_answers(
        receipts[receipts["status"] == DISPUTED], open_end=roster.age(year) <= 1, size=len(enrolled),
        rng=stream(seed, "answers", year),
    )  # fmt: skip
    return list_disputes(answers, enrolled, students, classes, year=year, today=roster.today)


def _write_kept_lists(folder: Path, roster: Roster, disputes: list[pd.DataFrame], *, seed: int) -> None:
    """Write what a school keeps in one list over the years: 登錄情形, 研習場次 and 收訖問題回報."""
    registered = [
        list_registrations(
            draw_registrations(roster, term=term, seed=seed), roster.classes, term=term, today=roster.today
        )
        for term in roster.terms
    ]
    training = [
        list_training(
            year=year, students=len(roster.enrolled[year]), staff=len(roster.staff), today=roster.today, seed=seed
        )
        for year in roster.years
    ]
    for title, parts in (("登錄情形", registered), ("研習場次", training), ("收訖問題回報", disputes)):
        listed = pd.concat(parts)
        if len(listed):
            write_xlsx(listed, folder / f"{title}.xlsx")


def _write_term(folder: Path, roster: Roster, activity: Activity, *, term: Term, seed: int) -> None:
    """Write 認證清單 of a term: a workbook for first terms, CSV for second ones and for lists too long for a workbook."""
    rounds = activity.rounds[term]
    rng = stream(seed, "export", term.code)
    mixed = term == roster.terms[max(0, len(roster.terms) - 2)]
    listed = list_outcomes(
        activity.uploads[term], rounds, roster.enrolled[term.year], roster.students, roster.sections[term.year], roster.staff,
        term=term, today=roster.today, style=np.digitize(rng.random(len(rounds.item)), _STYLE_SHARES) if mixed else 0,
    )  # fmt: skip
    if listed.empty:
        return
    listed = soil(listed, rng, class_column="上課班級", name_column="學生姓名", repeats=4)
    as_text = term.semester == 2 or len(listed) > BIG_LIST
    (write_csv if as_text else write_xlsx)(listed, folder / f"認證清單_{term.code}.{'csv' if as_text else 'xlsx'}")


def _cast(folder: Path, roster: Roster, activity: Activity, hand_ins: list[HandIn]) -> DemoSchool:
    year = roster.years[-1]
    staff, code = roster.staff, roster.staff["code"]
    here = roster.classes[(roster.classes["school_year"] == year) & (roster.classes.index != roster.idle_class)]
    homeroom = int((here[here["grade"] == 2] if (here["grade"] == 2).any() else here).index[0])
    chief = int(staff.index[(staff["unit"] == CHIEF_UNIT) & (staff["post"] == "chief")][0])
    away = [leave.principal for leave in roster.leaves[year] if leave.start <= roster.today < leave.end]
    teaching = np.bincount(roster.sections[year]["teacher"], minlength=len(staff)) > 0
    fit = teaching & (staff["post"] == "plain").to_numpy() & ~staff.index.isin([*away, int(roster.leaders[homeroom])])
    waiting: pd.Series[int] = pd.Series(count_waiting(roster, activity))[fit]
    return DemoSchool(
        folder=folder,
        current_term=roster.terms[-1].code,
        homeroom_class=str(roster.classes.at[homeroom, "class_name"]),
        homeroom_code=str(code[roster.leaders[homeroom]]),
        teacher_code=str(code[int(waiting.idxmax())]),
        chief_unit=CHIEF_UNIT,
        chief_code=str(code[chief]),
        principal_code=str(code[0]),
        secretary_code=str(code[int((staff["post"] == "director").to_numpy().argmax()) or 1]),
        hand_ins=tuple(hand_ins),
    )
