"""查詢教師未認證狀況: how many items wait for each teacher, as the platform itself counts them."""

from __future__ import annotations

import pandas as pd

from data.models import Staff, Window
from data.rosters import cells
from data.rosters.checking import WAITING, keep_stated
from data.rosters.kinds import SEMESTER, YEAR, Column, Context, Counts, Kind, Rows, warn_unknown_staff
from data.rosters.store import load, table_of


def take(rows: Rows, context: Context) -> Counts:
    """Keep the count of a teacher and term, to be held against the ledger.

    The screen hides 學年, 學期 and 教師代碼, so an export may lack them. A name stands for the one member of staff who
    has it; where nobody or several have, the row says nothing of anybody, with a warning.
    """
    for name in ("teacher_code", "teacher_name"):
        if name not in rows.frame:
            rows.frame = rows.frame.assign(**{name: ""})
    nobody = (rows.frame["teacher_code"] == "") & (rows.frame["teacher_name"] == "")
    rows.reject(nobody, "teacher_name", "這一列沒有教師姓名也沒有教師代碼，請補上其中一個")
    if rows.frame.empty:
        return Counts()
    if "semester" not in rows.frame:
        rows.frame = rows.frame.assign(semester=_running_semesters(rows, context))
    rows.frame = rows.frame.assign(teacher_code=_codes(rows, context))
    unknown = rows.frame["teacher_code"] == ""
    rows.frame = rows.frame[~unknown]
    warn_unknown_staff(rows, context, "teacher_code")
    taken = keep_stated(rows, context, what="waiting_by_teacher", about=("teacher_code",), measures=("waiting",))
    taken.unchanged += int(unknown.sum())
    return taken


def _running_semesters(rows: Rows, context: Context) -> pd.Series[int]:
    """Take a list without 學期 for one of the term whose certifying began last; refuse it where none has begun."""
    certify = (Window.task == "certify") & Window.semester.in_([1, 2])
    windows = load(
        context.connection, table_of(Window), ["id", "school_year", "semester", "starts_at"], certify
    ).sort_values("starts_at")
    begun = windows[windows["starts_at"] <= context.imported_us]
    semesters = begun.drop_duplicates("school_year", keep="last").set_index("school_year")["semester"]
    years = rows.frame["school_year"]
    if not years.isin(semesters.index).all():
        rows.refuse_file("這份清單沒有學期欄，作業期程也看不出是哪一學期，請補上「學期」欄（1 或 2）再匯入")
    context.state("windows", windows["id"][windows["school_year"].isin(years)])
    terms = "、".join(f"{year}-{semesters[year]}" for year in sorted(years.unique()))
    rows.warnings.append(f"這份清單沒有學期欄，依作業期程當作 {terms}；如果不是，請補上「學期」欄再匯入")
    return years.map(semesters).astype("int64")


def _codes(rows: Rows, context: Context) -> pd.Series[str]:
    """Return each row's 教師代碼, by name where the list does not say it; empty where the name says too little."""
    code, name = rows.frame["teacher_code"], rows.frame["teacher_name"]
    asked = name[code == ""]
    if asked.empty:
        return code
    staff = load(context.connection, table_of(Staff), ["id", "staff_code", "name"])
    staff = staff[staff["name"].isin(set(asked))]
    context.state("staff", staff["id"])
    only = staff[~staff["name"].duplicated(keep=False)].set_index("name")["staff_code"]
    found = asked.map(only).fillna("")
    lost = asked[found == ""]
    if len(lost):
        names, numbers = "、".join(lost[:10]), "、".join(map(str, lost.index[:10]))
        rows.warnings.append(
            f"教職員名冊沒有、或不只一位叫這個姓名，這 {len(lost)} 列沒有列入核對（第 {numbers} 列：{names}）；請補上「教師代碼」欄再匯入"
        )
    return code.where(code != "", found.reindex(code.index).fillna(""))


KIND = Kind(
    key="waiting_by_teacher",
    title="查詢教師未認證狀況",
    order=110,
    columns=(
        Column("school_year", YEAR.headings, YEAR.read, required=False, expects=YEAR.expects),
        Column("semester", SEMESTER.headings, cells.read_semester, required=False, expects="學期（1 或 2）"),
        Column(
            "teacher_code", ("教師代碼", "任課教師代碼", "授課教師代碼"), required=False, blank=True, expects="教師代碼"
        ),
        Column(
            "teacher_name",
            ("教師姓名", "教師名稱", "任課教師", "授課教師", "任課教師姓名", "授課教師姓名"),
            required=False,
            blank=True,
            expects="教師姓名",
        ),
        WAITING,
    ),
    take=take,
    any_of=("teacher_name", "teacher_code"),
)
