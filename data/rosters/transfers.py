"""歷程交換: what a transfer student brings along, certified at another school and outside this school's denominators."""

from __future__ import annotations

import hashlib

import numpy as np
import pandas as pd

from data.models import ExternalItem
from data.rosters import cells
from data.rosters.kinds import Column, Context, Counts, Kind, Rows, join_key
from data.rosters.outcomes import read_status
from data.rosters.reading import Table
from data.rosters.receipt_details import COURSE_HEADINGS, ID_HEADINGS, SUBJECT_HEADINGS, match_students
from data.rosters.store import upsert_rows

KEY = ("student_id", "item_key")
_FILES = ("document_md5", "media_md5")
# The year is the item's, not this list's: were it called school_year, the load's other files would be asked to agree.
COLUMNS = (
    Column("id_number", (ID_HEADINGS[3], *ID_HEADINGS[:3], *ID_HEADINGS[4:]), expects="身分證號", personal=True),
    Column("school_code", ("修課學校代碼", "原修課學校代碼"), required=False, blank=True),
    Column("item_year", ("應修課學年度", "修課學年度"), cells.read_year, expects="學年度（例：113）"),
    Column("item_semester", ("應修課學期", "修課學期"), cells.read_semester, expects="學期（1、2）"),
    Column("course_code", COURSE_HEADINGS, required=False, blank=True),
    Column("subject", SUBJECT_HEADINGS, required=False, blank=True),
    Column("status", ("認證狀態", "認證結果"), required=False, blank=True),
    Column("document_md5", ("文件檔案MD5",), required=False, blank=True),
    Column("media_md5", ("影音檔案MD5",), required=False, blank=True),
)


def claims(table: Table) -> dict[str, str] | None:
    """Tell the exchange by 應修課學年度, 應修課學期 and whose it is; a 認證清單 has a 學號 and no 身分證號."""
    found = {c.name: next((h for h in c.headings if h in table.frame.columns), "") for c in COLUMNS}
    if not all(found[c.name] for c in COLUMNS if c.required) or not found["status"]:
        return None
    return {name: heading for name, heading in found.items() if heading}


def take(rows: Rows, context: Context) -> Counts:
    """Keep each item by student and a key made of term, course, subject and the hashes of its files.

    A student must be on the roster before; whoever is not is counted, never named. Of a student with two student numbers
    it is the later one's. Nothing of this enters outcomes or certification.
    """
    frame = rows.frame.copy()
    for name in ("school_code", "course_code", "subject", "status", *_FILES):
        frame[name] = frame[name].fillna("") if name in frame else ""
    found = (
        match_students(frame["id_number"], context).sort_values("student_id").drop_duplicates("id_number", keep="last")
    )
    frame["student_id"] = frame["id_number"].map(found.set_index("id_number")["student_id"])
    _warn_unmatched(rows, frame)
    counts = Counts(unchanged=int(frame["student_id"].isna().sum()))
    frame = frame[frame["student_id"].notna()]
    if frame.empty:
        return counts
    frame = frame.assign(student_id=frame["student_id"].astype("int64"), status=frame["status"].map(_status))
    context.state("students", frame["student_id"].unique())  # whose 身分證號 it is decides
    frame = frame.rename(columns={"item_year": "school_year", "item_semester": "semester"})
    frame["item_key"] = _keys(frame)
    columns = ["student_id", "item_key", "school_code", "school_year", "semester", "course_code", "subject", "status"]
    of_students = ExternalItem.student_id.in_([int(each) for each in np.unique(frame["student_id"])])
    taken = Counts.of(upsert_rows(context, ExternalItem, frame[columns], key=KEY, where=of_students))
    taken.unchanged += counts.unchanged
    return taken


def _keys(frame: pd.DataFrame) -> pd.Series[str]:
    said = join_key(frame, ("school_year", "semester", "course_code", "subject", *_FILES))
    which = said.groupby([frame["student_id"], said]).cumcount()  # items that nothing tells apart are numbered
    return (said + "\x1f" + which.astype("str")).map(lambda text: hashlib.sha256(text.encode()).hexdigest()[:32])


def _status(text: str) -> str:
    """Say passed, failed, waiting or unsent where the word is known; another school's own word stays as it is."""
    try:
        return read_status(text)
    except ValueError:
        return text


def _warn_unmatched(rows: Rows, frame: pd.DataFrame) -> None:
    lacking = frame["id_number"][frame["student_id"].isna()].nunique()
    if lacking:
        rows.warnings.append(
            f"有 {lacking:,} 位學生不在學生資料名冊上（以身分證號比對），這些成果沒有匯入；"
            "請先匯入含身分證號的學生資料名冊，再匯入一次這個檔案"
        )


KIND = Kind(key="transfers", title="歷程交換", order=95, columns=COLUMNS, take=take, claims=claims)
