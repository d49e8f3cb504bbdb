"""多元表現清單: what students uploaded of their own accord."""

from __future__ import annotations

import numpy as np

from data.models import Performance
from data.rosters import cells
from data.rosters.kinds import (
    STUDENT,
    STUDENT_NAME,
    YEAR,
    Column,
    Context,
    Counts,
    Kind,
    Rows,
    check_class,
    check_students,
    drop_repeats,
)
from data.rosters.store import upsert

KEY = ("school_year", "student_id", "item_key")


def take(rows: Rows, context: Context) -> Counts:
    """Keep an item by (school year, student, 序號); without 序號 by category and time."""
    counts = Counts()
    check_class(rows, context)
    check_students(rows, context)
    frame = rows.frame
    without_number = frame["category"] + " " + frame["uploaded_at"].astype("str")
    number = frame.get("item_number", without_number)
    rows.frame = frame.assign(item_key=np.where(number == "", without_number, number))
    drop_repeats(rows, KEY, counts)
    frame = rows.frame[[*KEY, "category", "uploaded_at"]]
    frame = frame.assign(
        uploaded_at=frame["uploaded_at"].astype(object).where(frame["uploaded_at"] != cells.NO_INSTANT, None)
    )
    years = [int(year) for year in frame["school_year"].unique()]
    taken = upsert(context, Performance, frame, key=KEY, where=Performance.school_year.in_(years))
    taken.unchanged += counts.unchanged
    return taken


KIND = Kind(
    key="performances",
    title="多元表現清單",
    order=80,
    columns=(
        YEAR,
        Column("item_number", ("序號", "編號"), required=False, blank=True),
        STUDENT,
        STUDENT_NAME,
        Column("class_name", ("班級", "班級名稱"), "class", required=False, blank=True),
        Column("category", ("類別", "多元表現類別"), expects="類別"),
        Column("uploaded_at", ("上傳時間", "上傳日期"), "instant", expects="上傳時間"),
    ),
    take=take,
)
