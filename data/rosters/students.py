"""學生資料名冊: students and their place in a school year. 身分證號 is hashed on the way in."""

from __future__ import annotations

import numpy as np

from data.models import Enrolment, Student
from data.rosters import cells
from data.rosters.kinds import (
    CHANGED,
    UNCHANGED,
    YEAR,
    Column,
    Context,
    Counts,
    Kind,
    Rows,
    check_class,
    drop_repeats,
)
from data.rosters.store import load, table_of, upsert_rows

IN_SCHOOL = "在學"
FEWER = 0.3  # of the students gone from a year's roster, and a person must have looked


def take(rows: Rows, context: Context) -> Counts:
    """Keep who the student is, and class, seat and 學籍狀態 in the year; a row counts once for both."""
    counts = Counts()
    drop_repeats(rows, ("school_year", "student_number"), counts)
    check_class(rows, context)
    frame = rows.frame
    for name in ("department", "department_code", "division", "status", "id_number"):
        if name not in frame:
            frame = frame.assign(**{name: ""})
    if frame.empty:
        return counts
    _sound_fewer(rows, context)
    people = frame[["student_number", "student_name"]].rename(columns={"student_name": "name"})
    hashes, _ = cells.map_unique(frame["id_number"], lambda text: context.hash_id_number(text) if text else None)
    known = load(context.connection, table_of(Student), ["id", "student_number", "name", "id_number_hash"])
    if len(known):  # a roster without the ID number takes nothing away
        earlier = known.set_index("student_number")["id_number_hash"].reindex(people["student_number"])
        hashes = hashes.where(hashes.notna(), earlier.to_numpy())
    newest = people.assign(id_number_hash=hashes).drop_duplicates("student_number", keep="last")
    person_fates = upsert_rows(context, Student, newest, key=("student_number",))

    student_id = context.student_ids().reindex(frame["student_number"]).to_numpy()
    status = frame["status"].where(frame["status"] != "", IN_SCHOOL)
    leaver = (status != IN_SCHOOL).to_numpy()
    stated = frame["left_on"].to_numpy() if "left_on" in frame else np.full(len(frame), cells.NO_INSTANT)
    dated = leaver & (stated != cells.NO_INSTANT)
    left_at = np.where(dated, stated, context.imported_us).astype(object)
    left_at[~leaver] = None
    years = frame["school_year"].to_numpy()
    of_years = Enrolment.school_year.in_([int(year) for year in np.unique(years)])
    before = load(context.connection, table_of(Enrolment), ["school_year", "student_id", "left_at"], of_years)
    said = before[before["left_at"].notna()].set_index(["school_year", "student_id"])["left_at"].to_dict()
    for position in np.flatnonzero(leaver & ~dated):  # the import that first said so keeps its word
        left_at[position] = said.get((int(years[position]), int(student_id[position])), left_at[position])
    enrolments = frame.assign(student_id=student_id, status=status, left_at=left_at, left_is_dated=dated)
    columns = ["school_year", "student_id", "class_name", "grade", "seat_number", "department", "department_code", "division",
               "status", "left_at", "left_is_dated"]  # fmt: skip
    if "seat_number" not in enrolments:
        enrolments["seat_number"] = None
    fates = upsert_rows(context, Enrolment, enrolments[columns], key=("school_year", "student_id"), where=of_years)
    renamed = person_fates.reindex(fates.index) == CHANGED
    taken = Counts.of(fates.where((fates != UNCHANGED) | ~renamed, CHANGED))
    taken.unchanged += counts.unchanged
    return taken


def _sound_fewer(rows: Rows, context: Context) -> None:
    """Ask to acknowledge a year's roster that has far fewer students than the one before: half a file, most often."""
    for year, part in rows.frame.groupby("school_year"):
        before = len(context.enrolled(int(year)))
        if before and len(part) <= before * (1 - FEWER):
            text = f"{year} 學年度的學生由 {before} 人減為 {len(part)} 人（少了三成以上）；名冊沒有的學生會留著，請確認檔案是否完整"
            rows.alarms.append(text)


KIND = Kind(
    key="students",
    title="學生資料名冊",
    order=30,
    columns=(
        Column("school_year", YEAR.headings, YEAR.read, required=False, expects=YEAR.expects),
        Column("student_number", ("學號", "學生學號"), expects="學號"),
        Column("student_name", ("姓名", "學生姓名"), expects="姓名"),
        Column("id_number", ("身分證號", "身分證字號", "身分證統一編號"), required=False, blank=True, personal=True),
        Column("grade", ("年級",), cells.read_grade, expects="年級（1、2、3）"),
        Column("class_name", ("班級名稱", "班級"), "class", expects="班級名稱"),
        Column("seat_number", ("座號",), cells.read_int, required=False, blank=True, expects="座號"),
        Column("department_code", ("科班學程別代碼", "科班學程代碼"), required=False, blank=True),
        Column("department", ("科別", "科班學程別", "科班學程"), blank=True),
        Column("division", ("部別",), required=False, blank=True),
        Column("status", ("學籍狀態",), blank=True),
        Column("left_on", ("學籍異動日期",), "instant", required=False, blank=True),
    ),
    take=take,
    ignored=(
        "性別代碼",
        "性別",
        "出生日期",
        "群別代碼",
        "部別代碼",
        "班別",
        "特殊身分別",
        "原住民族別",
        "入學方式",
        "實驗班名稱",
    ),
)
