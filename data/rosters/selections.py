"""勾選情形: how many items each student has selected in a school year. The list has no times."""

from __future__ import annotations

import numpy as np
import pandas as pd

from data.models import Selection
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
from data.rosters.store import insert_frame, load, table_of

COUNTS = ("outcome_count", "performance_count")


def take(rows: Rows, context: Context) -> Counts:
    """Add a row where a student's counts differ from the last known; they are known from the import's time on."""
    counts = Counts()
    check_class(rows, context)
    check_students(rows, context)
    drop_repeats(rows, ("school_year", "student_id"), counts)
    frame = rows.frame
    years = [int(year) for year in frame["school_year"].unique()]
    table = table_of(Selection)
    known = load(
        context.connection, table, ["id", "school_year", "student_id", *COUNTS], Selection.school_year.in_(years)
    )
    latest = known.sort_values("id").drop_duplicates(["school_year", "student_id"], keep="last")
    merged = frame[["school_year", "student_id"]].merge(
        latest, on=["school_year", "student_id"], how="left", suffixes=("", "_known")
    )  # fmt: skip
    merged.index = frame.index
    seen = merged["id"].notna().to_numpy()
    context.state(table.name, merged["id"][seen])
    differs = np.zeros(len(frame), dtype=bool)
    current = {}
    for name in COUNTS:
        before = merged[name].astype("Float64")
        now = frame[name].astype("Float64") if name in frame else before
        now = now.where(now.notna(), before)  # a list of one kind leaves the other as it was
        differs |= (now.fillna(-1) != before.fillna(-1)).to_numpy(dtype=bool)
        current[name] = now.astype("Int64")
    fresh = frame[["school_year", "student_id"]].assign(**current, known_at=context.imported_us)
    write = ~seen | differs
    insert_frame(context, table, pd.DataFrame(fresh[write]))
    return Counts(int((~seen).sum()), int((seen & differs).sum()), counts.unchanged + int((seen & ~differs).sum()))


KIND = Kind(
    key="selections",
    title="勾選情形",
    order=90,
    columns=(
        YEAR,
        STUDENT,
        STUDENT_NAME,
        Column("class_name", ("班級", "班級名稱"), "class", required=False, blank=True),
        Column(
            "outcome_count",
            ("學習成果勾選數量", "學習成果勾選"),
            cells.read_int,
            required=False,
            blank=True,
            expects="件數（整數）",
        ),
        Column(
            "performance_count",
            ("多元學習勾選數量", "多元表現勾選數量", "多元表現勾選"),
            cells.read_int,
            required=False,
            blank=True,
            expects="件數（整數）",
        ),
    ),
    take=take,
    any_of=COUNTS,
)
