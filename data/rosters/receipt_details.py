"""收訖明細: what the national database says it holds of each student; each file that says something new opens a round."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from sqlalchemy import func, select

from data.models import Receipt, Student, Submission, SubmissionSheet, SubmittedItem
from data.rosters import cells
from data.rosters.kinds import NEW, UNCHANGED, Column, Context, Counts, Kind, Rows
from data.rosters.reading import Table
from data.rosters.store import insert_frame, load, table_of, upsert_rows
from data.school import read_settings

RECEIPT, DIGEST = "收訖明細", "內容雜湊"  # what the reader of archives says on a table's cover
ID_HEADINGS = ("身分證號", "身分證字號", "身分證統一編號", "國民身分證統一編號(或居留證統一證號)", "國民身分證統一編號")
BIRTH_HEADINGS = ("出生日期", "學生出生年月日", "生日")
COURSE_HEADINGS = ("課程代碼", "原修課課程代碼", "借讀校課程代碼")
SUBJECT_HEADINGS = ("科目名稱", "原修課科目名稱", "借讀校科目名稱")
SEMESTER_HEADINGS = ("實際修課學期", "修課學期", "原修課學期", "借讀修課學期")
ROSTERS = {"校內幹部經歷": "positions", "修課紀錄": "grades", "課程學習成果": "outcomes", "多元表現": "performances"}
_WORDS = {
    "多元": "多元表現",
    "修課紀錄": "修課紀錄",
    "成績": "修課紀錄",
    "幹部": "校內幹部經歷",
    "成果": "課程學習成果",
}


def kind_of(text: str) -> str | None:
    """Return which of the four kinds of 收訖明細 a name speaks of, however a platform lengthens or shortens it."""
    return next((kind for word, kind in _WORDS.items() if word in text), None)


def claims(table: Table) -> dict[str, str] | None:
    """Tell a table that the reader of archives made of a 收訖明細."""
    columns = {c.name: next((h for h in c.headings if h in table.frame.columns), "") for c in KIND.columns}
    if table.cover.get(RECEIPT) not in ROSTERS or not (columns["id_number"] and columns["sheet"]):
        return None
    return {name: heading for name, heading in columns.items() if heading}


def take(rows: Rows, context: Context) -> Counts:
    """Open one round of the kind, every student in it unseen, unless the latest file said the very same.

    The same file again adds to its round whoever has become known since; nobody else is touched. A student without items
    is in the round. Of 修課紀錄 only the counts are kept. Persons nobody knows are counted, never named.
    """
    frame = rows.frame
    if frame.empty:
        return Counts()
    kind, year = rows.table.cover[RECEIPT], int(frame["school_year"].iloc[0])
    frame = frame.assign(student_id=_match(frame["id_number"], context, year), sheet=frame["sheet"].fillna(""))
    _warn_unmatched(rows, frame)
    _check_school(rows, context)
    known = frame[frame["student_id"] >= 0]
    context.state("students", known["student_id"].unique())  # whose 身分證號 it is decides
    submission_id, number, is_new = _open_submission(rows, frame, kind, year, context)
    table = table_of(Receipt)
    of_round = (Receipt.school_year == year) & (Receipt.kind == kind) & (Receipt.round_number == number)
    there = load(context.connection, table, ["id", "student_id"], of_round)
    there = there[there["student_id"].isin(known["student_id"])]
    context.state(table.name, there["id"])
    fresh = known[~known["student_id"].isin(there["student_id"])]
    counted = (fresh["sheet"] != "").groupby(fresh["student_id"]).sum()
    receipts = pd.DataFrame({"student_id": counted.index.to_numpy(), "item_count": counted.to_numpy(dtype="int64")})
    said = {"school_year": year, "kind": kind, "round_number": number, "status": "unseen", "acted_at": None}
    insert_frame(context, table, receipts.assign(**said))
    _keep_items(frame, fresh, submission_id, kind, context)
    if is_new:
        return Counts(new=len(frame))
    fates = np.where(frame.index.isin(fresh.index), NEW, UNCHANGED)
    return Counts.of(pd.Series(fates))


def match_students(texts: pd.Series[str], context: Context) -> pd.DataFrame:
    """Return the students whose 身分證號 these are: id_number and student_id; one who came back has two rows."""
    hashes, _ = cells.map_unique(texts, lambda text: context.hash_id_number(text) if text else None)
    wanted = pd.DataFrame({"id_number": texts, "id_number_hash": hashes}).drop_duplicates("id_number").dropna()
    columns = ["id", "id_number_hash"]
    students = load(context.connection, table_of(Student), columns, Student.id_number_hash.is_not(None))
    return wanted.merge(students, on="id_number_hash").rename(columns={"id": "student_id"})[["id_number", "student_id"]]


def _match(texts: pd.Series[str], context: Context, year: int) -> Any:
    """Return each row's student, -1 where nobody is known; of two student numbers, the one on the year's roster."""
    found = match_students(texts, context)
    found["enrolled"] = found["student_id"].isin(set(context.enrolled(year)))
    found = found.sort_values(["enrolled", "student_id"]).drop_duplicates("id_number", keep="last")
    return texts.map(found.set_index("id_number")["student_id"]).fillna(-1).astype("int64")


def _warn_unmatched(rows: Rows, frame: pd.DataFrame) -> None:
    lacking = frame["id_number"][frame["student_id"] < 0].nunique()
    if lacking:
        rows.warnings.append(
            f"{frame['id_number'].nunique():,} 人裡有 {lacking:,} 人的身分證號在學生資料名冊上找不到，不列入這一輪的確認；"
            "請先匯入含身分證號的學生資料名冊，再匯入一次這個檔案"
        )


def _check_school(rows: Rows, context: Context) -> None:
    code, own = (
        text.upper() for text in (rows.table.cover.get("學校代碼", ""), read_settings(context.connection).school_code)
    )
    if code and own and code != own:
        rows.alarms.append(f"名冊資訊的學校代碼是「{code}」，本校是「{own}」；請確認這是本校的收訖明細")


def _open_submission(rows: Rows, frame: pd.DataFrame, kind: str, year: int, context: Context) -> tuple[int, int, bool]:
    """Return the id and round of the submission that this file is, and whether it is a new one."""
    digest = rows.table.cover.get(DIGEST, rows.table.sha256)
    semester = frame["semester"].iloc[0] if "semester" in frame else 0
    semester = 0 if pd.isna(semester) else int(semester)
    table = table_of(Submission)
    same = (
        (Submission.school_year == year) & (Submission.semester == semester) & (Submission.roster == ROSTERS[kind])
        & (Submission.source == "receipt") & Submission.by_hand.is_(False)
    )  # fmt: skip
    earlier = load(context.connection, table, ["id", "round_number", "content_sha256"], same).sort_values(
        "round_number"
    )
    latest = earlier.tail(1)
    context.state(table.name, latest["id"])
    if (latest["content_sha256"] == digest).any():
        return int(latest["id"].iloc[0]), int(latest["round_number"].iloc[0]), False
    of_kind = (Receipt.school_year == year) & (Receipt.kind == kind)
    last = context.connection.execute(select(func.max(Receipt.round_number)).where(of_kind)).scalar() or 0
    # The number rests on the rounds before it: taking one of them back would leave a gap that no import tells of.
    in_last = load(context.connection, table_of(Receipt), ["id"], of_kind & (Receipt.round_number == last))
    context.state("receipts", in_last["id"])
    number = max(last, *earlier["round_number"], 0) + 1
    row = {
        "school_year": year, "semester": semester, "roster": ROSTERS[kind], "batch": 0, "division": "", "source": "receipt",
        "round_number": number, "submitted_at": context.imported_us, "unit": "", "content_sha256": digest,
    }  # fmt: skip
    return int(insert_frame(context, table, pd.DataFrame([row])).iloc[0]), number, True


def _keep_items(frame: pd.DataFrame, fresh: pd.DataFrame, submission_id: int, kind: str, context: Context) -> None:
    """Keep how many rows each sheet has, and the items of the students new to the round."""
    items = frame[frame["sheet"] != ""]
    matched = (items["student_id"] >= 0).groupby(items["sheet"])
    sheets = pd.DataFrame({"row_count": matched.size(), "matched_count": matched.sum()}).astype("int64").reset_index()
    sheets.insert(0, "submission_id", submission_id)
    key = ("submission_id", "sheet")
    upsert_rows(context, SubmissionSheet, sheets, key=key, where=SubmissionSheet.submission_id == submission_id)
    if kind == "修課紀錄":  # a list of every course of every student serves nothing here
        return
    items = fresh[fresh["sheet"] != ""]
    columns = ["sheet", "student_id", "course_code", "subject", "semester"]
    of_outcome = kind == "課程學習成果"
    kept = pd.DataFrame({"sheet": items["sheet"], "student_id": items["student_id"]})
    kept["course_code"] = items["course_code"].fillna("") if of_outcome else ""
    kept["subject"] = items["subject"].fillna("") if of_outcome else ""
    kept["semester"] = _semesters(items, of_outcome=of_outcome)
    kept["ordinal"] = kept.groupby(columns).cumcount().astype("int64") + 1
    insert_frame(context, table_of(SubmittedItem), kept.assign(submission_id=submission_id))


def _semesters(items: pd.DataFrame, *, of_outcome: bool) -> pd.Series[int]:
    """Return the 學期 of each item as the submitted workbooks have it: the course's, else the roster's, else 0."""
    semesters = pd.Series(pd.NA, index=items.index, dtype="Int64")
    for name in ("course_semester", "semester") if of_outcome else ("semester",):
        if name in items:
            semesters = semesters.fillna(items[name].astype("Int64"))
    return semesters.fillna(0).astype("int64")


KIND = Kind(
    key="receipt_details",
    title="收訖明細",
    order=96,
    columns=(
        Column("school_year", ("學年度", "學年"), cells.read_year, required=False, expects="學年度（例：113）"),
        Column("semester", ("學期",), cells.read_semester, required=False, blank=True, expects="學期（1、2，全學年為 0）"),
        Column("id_number", ID_HEADINGS, expects="身分證號", personal=True),
        Column("sheet", ("工作表",), blank=True),
        Column("course_code", ("課程代碼",), required=False, blank=True),
        Column("subject", ("科目名稱",), required=False, blank=True),
        Column("course_semester", ("實際修課學期",), cells.read_semester, required=False, blank=True, expects="學期（1、2）"),
    ),
    take=take,
    claims=claims,
)  # fmt: skip
