"""收訖問題回報: what a student says is wrong in 收訖明細, and the answer that is due within three days (作業要點 四)."""

from __future__ import annotations

import re

import numpy as np
import pandas as pd

from data.models import Dispute, Enrolment, Student
from data.rosters import cells
from data.rosters.kinds import (
    STUDENT_NAME,
    YEAR,
    Column,
    Context,
    Counts,
    Kind,
    Rows,
    check_class,
    drop_repeats,
    join_key,
)
from data.rosters.receipt_details import kind_of
from data.rosters.store import load, table_of, upsert_rows

KEY = ("school_year", "number")
TEXTS = ("kind", "category", "class_name", "error_kind", "description", "answer")
_ID_NUMBER = re.compile(r"(?<![A-Za-z0-9])[A-Za-z][A-Da-d1289][0-9]{8}(?![0-9])")
HIDDEN = "（身分證號已隱去）"


def take(rows: Rows, context: Context) -> Counts:
    """Keep a dispute by school year and 單號; when it was raised and first answered never moves.

    Answered is at 答覆時間, else at the time of the import that first carried an answer; an older list takes no answer
    back. The student is found by 學號, else by class, seat and name; one who is not found stays empty, with a warning.
    """
    counts = Counts()
    if "seat_number" in rows.frame:
        rows.frame = rows.frame.assign(seat_number=rows.frame["seat_number"].astype("Int64"))
    check_class(rows, context)
    drop_repeats(rows, KEY, counts)
    if "answered_at" in rows.frame:
        answered = rows.frame["answered_at"]
        wrong = (answered != cells.NO_INSTANT) & (answered < rows.frame["raised_at"])
        rows.reject(wrong, "answered_at", "答覆時間早於回報時間，請改正其中一個")
    frame = rows.frame
    if frame.empty:
        return counts
    frame = frame.assign(student_id=_find_students(rows, context))
    for name in TEXTS:
        frame[name] = frame[name].fillna("") if name in frame else ""
    _hide_id_numbers(rows, frame)
    if "answered_at" not in frame:
        frame["answered_at"] = cells.NO_INSTANT
    said = frame["answered_at"].astype(object).where(frame["answered_at"] != cells.NO_INSTANT, None)
    frame["answered_at"] = said.where(said.notna() | (frame["answer"] == ""), context.imported_us)
    frame = _keep_first(frame, context)
    columns = [*KEY, *TEXTS, "student_id", "raised_at", "answered_at"]
    of_years = Dispute.school_year.in_([int(year) for year in frame["school_year"].unique()])
    taken = Counts.of(upsert_rows(context, Dispute, frame[columns], key=KEY, where=of_years))
    taken.unchanged += counts.unchanged
    return taken


def _find_students(rows: Rows, context: Context) -> pd.Series[int]:
    """Return the id of each row's student, NA where nobody fits; say which 單號 have none, never whose they may be."""
    frame = rows.frame
    found = pd.Series(pd.NA, index=frame.index, dtype="Int64")
    if "student_number" in frame:
        found = context.student_ids().reindex(frame["student_number"]).astype("Int64").set_axis(frame.index)
    if {"class_name", "seat_number", "student_name"} <= set(frame.columns):
        found = found.fillna(_by_seat(frame, context))
    missing = frame["number"][found.isna()]
    if len(missing):
        rows.warnings.append(
            f"有 {len(missing)} 件回報找不到學生（學號、或班級座號與姓名和名冊對不起來），先不記學生：單號 {'、'.join(missing[:10])}"
        )
    context.state("students", found.dropna().unique())
    return found


def _by_seat(frame: pd.DataFrame, context: Context) -> pd.Series[int]:
    place = ("school_year", "class_name", "seat_number")
    of_years = Enrolment.school_year.in_([int(year) for year in frame["school_year"].unique()])
    enrolments = load(context.connection, table_of(Enrolment), ["id", *place, "student_id"], of_years)
    students = load(context.connection, table_of(Student), ["id", "name"]).set_index("id")["name"]
    enrolments["seat_number"] = enrolments["seat_number"].astype("Int64")
    # Two in one seat (somebody came after another had left): the name says which.
    enrolments["name"] = enrolments["student_id"].map(students)
    key = (*place, "name")
    enrolments["key"] = join_key(enrolments, key) if len(enrolments) else pd.Series(dtype="str")
    only = enrolments[~enrolments["key"].duplicated(keep=False)].set_index("key")
    asked = join_key(frame.rename(columns={"student_name": "name"}), key)
    match = only.reindex(asked.where(frame["seat_number"].notna() & (frame["student_name"] != ""), ""))
    context.state("enrolments", match["id"].dropna())
    return match["student_id"].astype("Int64").set_axis(frame.index)


def _hide_id_numbers(rows: Rows, frame: pd.DataFrame) -> None:
    """Take 身分證號 out of what people wrote: a student who reports a wrong one writes it down."""
    hidden = np.zeros(len(frame), dtype=bool)
    for name in TEXTS:
        clean = frame[name].map(lambda text: _ID_NUMBER.sub(HIDDEN, text))
        hidden |= (clean != frame[name]).to_numpy()
        frame[name] = clean
    if hidden.any():
        rows.notes.append(f"有 {int(hidden.sum())} 件的文字裡有身分證號，沒有保存號碼")


def _keep_first(frame: pd.DataFrame, context: Context) -> pd.DataFrame:
    """Put in place of what never moves, or that this list does not know, what was known before."""
    kept = ["raised_at", "answered_at", "answer", "student_id"]
    known = load(context.connection, table_of(Dispute), [*KEY, *kept])
    if known.empty:
        return frame
    before = known.set_index(join_key(known, KEY)).reindex(join_key(frame, KEY)).set_axis(frame.index)
    for name in ("raised_at", "answered_at"):
        frame[name] = before[name].astype(object).where(before[name].notna(), frame[name].astype(object))
    frame["answer"] = frame["answer"].where((frame["answer"] != "") | before["answer"].isna(), before["answer"])
    frame["student_id"] = frame["student_id"].fillna(before["student_id"].astype("Int64"))
    return frame


def read_kind(text: str) -> str:
    """Read 項目: one of the four kinds however it is lengthened, else the platform's own word."""
    return kind_of(text) or text


KIND = Kind(
    key="disputes",
    title="收訖問題回報",
    order=104,
    columns=(
        Column("school_year", YEAR.headings, YEAR.read, required=False, expects=YEAR.expects),
        Column("number", ("單號", "回報單號", "問題單號"), expects="單號"),
        Column("kind", ("項目", "收訖項目"), read_kind, required=False, blank=True),
        Column("category", ("類別",), required=False, blank=True),
        Column("class_name", ("班級", "班級名稱"), "class", required=False, blank=True),
        Column("student_number", ("學號", "學生學號"), required=False, blank=True),
        STUDENT_NAME,
        Column("seat_number", ("座號",), cells.read_int, required=False, blank=True, expects="座號"),
        Column("error_kind", ("錯誤別", "錯誤類別"), required=False, blank=True),
        Column("description", ("問題描述", "問題內容", "問題說明"), blank=True),
        Column("answer", ("答覆", "回覆", "答覆內容", "回覆內容"), required=False, blank=True),
        Column("raised_at", ("回報時間", "回報日期"), "instant", expects="回報時間"),
        Column("answered_at", ("答覆時間", "回覆時間", "答覆日期", "回覆日期"), "instant", required=False, blank=True),
    ),
    take=take,
)
