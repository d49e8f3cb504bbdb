"""收訖統計: how many of a class confirmed or reported, as the platform counts, and the class's own table of answers."""

from __future__ import annotations

import re

import numpy as np
import pandas as pd

from data.models import CrossCheck, Receipt
from data.rosters import cells
from data.rosters.kinds import (
    CHANGED,
    NEW,
    STUDENT_NAME,
    UNCHANGED,
    Column,
    Context,
    Counts,
    Kind,
    Rows,
    check_class,
    check_students,
    drop_repeats,
    join_key,
)
from data.rosters.reading import Table
from data.rosters.receipt_details import ROSTERS, kind_of
from data.rosters.receipts import STATUSES
from data.rosters.store import insert_frame, load, table_of, update_frame

WHAT = "receipt_counts"
KEY = ("school_year", "semester", "about", "measure")
_MEASURES = {"確認": "confirmed", "回報": "disputed"}
_COUNT = re.compile(r"(.+?)[_\-]?已?(確認|回報)人數")
_STUDENT_HEADINGS = ("學號", "學生學號")
_CLASS_HEADINGS = ("班級", "班級名稱")
_LISTS_ANSWERS = {"確認狀態", "狀態"}  # 收訖明細確認, a row a student and kind: another list
_COUNTS, _ANSWERS = "count:", "answer:"  # what stands before the columns that are as many as the platform has kinds


def claims(table: Table) -> dict[str, str] | None:
    """Tell 收訖統計 by {kind}_確認人數 beside a class, and the class table by kinds whose cells are N or 待確認.

    The kinds are the platform's and so are their columns: the match has one of each, named count: or answer: and the kind.
    """
    headings = list(table.frame.columns)
    match = {c.name: next((h for h in c.headings if h in headings), "") for c in KIND.columns}
    counts = {
        f"{_COUNTS}{kind_of(found[1]) or found[1]}_{_MEASURES[found[2]]}": heading
        for heading in headings
        if (found := _COUNT.fullmatch(heading))
    }
    answers = {f"{_ANSWERS}{kind}": h for h in headings if (kind := kind_of(h)) and _holds_answers(table.frame[h])}
    if match["class_name"] and counts and not match["student_number"]:
        found_columns = counts
    elif match["student_number"] and answers and not _LISTS_ANSWERS & set(headings):
        found_columns = answers
    else:
        return None
    return {name: heading for name, heading in match.items() if heading} | found_columns


def _holds_answers(column: pd.Series[str]) -> bool:
    filled = column[column != ""]
    return len(filled) > 0 and 2 * int(filled.isin(list(STATUSES)).sum()) >= len(filled)


def take(rows: Rows, context: Context) -> Counts:
    """Keep the counts of classes as a cross-check, or the answers of students in the latest round of each kind."""
    if any(name.startswith(_ANSWERS) for name in rows.heading):
        return _take_answers(rows, context)
    return _take_counts(rows, context)


def _take_counts(rows: Rows, context: Context) -> Counts:
    """Keep a count where it differs from the last one stated; the last one counts, and none is overwritten."""
    counts = Counts()
    check_class(rows, context)
    names = [name for name in rows.heading if name.startswith(_COUNTS)]
    for name in names:
        texts = rows.table.frame[rows.heading[name]].loc[rows.frame.index].str.removesuffix("人").str.strip()
        values, wrong = cells.map_unique(texts, lambda text: cells.read_int(text) if text else -1)
        rows.frame = rows.frame.assign(**{name: values})
        rows.reject(wrong, rows.heading[name], "看不懂，請改成人數（整數）")
    if "semester" not in rows.frame:
        rows.frame = rows.frame.assign(semester=0)
    drop_repeats(rows, ("school_year", "semester", "class_name"), counts)
    said = rows.frame.melt(
        ["school_year", "semester", "class_name"], names, "measure", "stated_count", ignore_index=False
    )
    said = said[said["stated_count"] >= 0].rename(columns={"class_name": "about"})
    said["measure"] = said["measure"].str.removeprefix(_COUNTS)
    said["stated_count"] = said["stated_count"].astype("int64")
    table = table_of(CrossCheck)
    known = load(context.connection, table, ["id", *KEY, "stated_count"], CrossCheck.what == WHAT)
    latest = known.sort_values("id").drop_duplicates(list(KEY), keep="last")
    before = latest.set_index(join_key(latest, KEY)).reindex(join_key(said, KEY))
    context.state(table.name, before["id"].dropna())
    seen = before["id"].notna().to_numpy()
    differs = ~seen | (before["stated_count"].to_numpy() != said["stated_count"].to_numpy())
    insert_frame(context, table, said[differs].assign(what=WHAT, known_at=context.imported_us))
    fates = pd.Series(np.where(~seen, NEW, np.where(differs, CHANGED, UNCHANGED)), index=said.index)
    # A class with something new beside what was known has changed.
    by_row = fates.groupby(level=0).agg(lambda each: NEW if (each == NEW).all() else min(int(each.max()), CHANGED))
    taken = Counts.of(by_row.reindex(rows.frame.index, fill_value=UNCHANGED))
    taken.unchanged += counts.unchanged
    return taken


def _take_answers(rows: Rows, context: Context) -> Counts:
    """Put each student's answers into the latest round of the kind; the first round, where there is none.

    One class's table is no round of its own: the others' answers would be lost. An answer has no time here, so it is known
    from the import's time on. 待確認 takes no answer back, and an empty cell says nothing.
    """
    counts = Counts()
    check_students(rows, context)
    names = [name for name in rows.heading if name.startswith(_ANSWERS)]
    for name in names:
        texts = rows.table.frame[rows.heading[name]].loc[rows.frame.index]
        rows.frame = rows.frame.assign(**{name: texts.map(lambda text: STATUSES.get(text, text) if text else "")})
        wrong = ~rows.frame[name].isin({"", *STATUSES.values()})
        rows.reject(wrong, rows.heading[name], "看不懂，請改成 Y（已確認）、N（待確認）或已回報")
    drop_repeats(rows, ("school_year", "student_id"), counts)
    fates = pd.Series(UNCHANGED, index=rows.frame.index)
    older = 0
    for name in names:
        for year, part in rows.frame[rows.frame[name] != ""].groupby("school_year"):
            found, held = _answer(context, int(year), name.removeprefix(_ANSWERS), part.assign(status=part[name]))
            fates = fates.combine(found, max, fill_value=UNCHANGED).astype("int64")
            older += held
    if older:
        rows.warnings.append(
            f"有 {older} 格是待確認，而先前已確認或已回報，沒有改回；若國教署重發了收訖明細，請先匯入新的收訖明細"
        )
    taken = Counts.of(fates)
    taken.unchanged += counts.unchanged
    return taken


def _answer(context: Context, year: int, kind: str, part: pd.DataFrame) -> tuple[pd.Series[int], int]:
    """Write the answers of one kind; return what became of each row, and how many older answers were kept."""
    table = table_of(Receipt)
    columns = ["id", "round_number", "student_id", "status", "acted_at", "import_id"]
    known = load(context.connection, table, columns, (Receipt.school_year == year) & (Receipt.kind == kind))
    number = int(known["round_number"].max()) if len(known) else 1
    of_round = known[known["round_number"] == number]
    if number > 1:  # without what opened this round, the answers would belong to the one before
        context.rely(table.name, of_round["id"][of_round["import_id"] == of_round["import_id"].min()])
    before = of_round.set_index("student_id").reindex(part["student_id"])
    seen = before["id"].notna().to_numpy()
    there, listed = before[seen].reset_index(drop=True), part[seen]
    held = ((listed["status"] == "unseen").to_numpy()) & (there["status"] != "unseen").to_numpy()
    status = listed["status"].where(~held, there["status"].to_numpy())
    answered = (status != "unseen").to_numpy()
    acted_at = there["acted_at"].astype(object).where(there["acted_at"].notna() | ~answered, context.imported_us)
    same = (status.to_numpy() == there["status"].to_numpy()) & ~held
    acted_at = acted_at.where(~(same | held), there["acted_at"].astype(object))
    after = pd.DataFrame({"status": status.to_numpy(), "acted_at": acted_at.to_numpy()}, index=there.index)
    changed = update_frame(context, table, there, after)
    fates = pd.Series(UNCHANGED, index=part.index)
    fates[seen] = np.where(changed, CHANGED, UNCHANGED)
    fates[~seen] = NEW
    fresh = part[~seen]
    acted = pd.Series(context.imported_us, index=fresh.index, dtype=object).where(fresh["status"] != "unseen", None)
    rows = fresh[["student_id", "status"]].assign(school_year=year, kind=kind, round_number=number, acted_at=acted)
    insert_frame(context, table, rows)
    return fates, int(held.sum())


KIND = Kind(
    key="receipt_counts",
    title="收訖統計",
    order=105,
    columns=(
        Column("school_year", ("學年", "學年度"), cells.read_year, required=False, expects="學年度（例：113）"),
        Column("semester", ("學期",), cells.read_semester, required=False, expects="學期（1、2，全學年為 0）"),
        Column("class_name", _CLASS_HEADINGS, "class", required=False, expects="班級"),
        Column("student_number", _STUDENT_HEADINGS, required=False, expects="學號"),
        STUDENT_NAME,
    ),
    take=take,
    ignored=("座號", *(f"{kind}_{word}人數" for kind in ROSTERS for word in _MEASURES)),
    claims=claims,
)
