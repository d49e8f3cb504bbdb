"""授課名冊: who teaches which course to which class in a term."""

from __future__ import annotations

import pandas as pd

from data.models import Section
from data.rosters.kinds import SEMESTER, YEAR, Column, Context, Counts, Kind, Rows, drop_repeats, warn_unknown_staff
from data.rosters.store import upsert

KEY = ("school_year", "semester", "course_code", "class_name", "subject", "teacher_code")
WAY = 17  # 課程代碼: the character that says 開課方式
OWN_CLASS = "0"  # 原班級; the other ways of teaching bring students of several classes together under a group's name


def take(rows: Rows, context: Context) -> Counts:
    """Keep a section by course, class and teacher. A course taught to its own class needs a class of the year."""
    counts = Counts()
    if "teacher_name" not in rows.frame:
        rows.frame = rows.frame.assign(teacher_name="")
    drop_repeats(rows, KEY, counts)
    own = rows.frame["course_code"].str[WAY] == OWN_CLASS
    for year in rows.frame["school_year"].unique():
        known = context.classes(int(year))
        if not known:
            rows.refuse_file(f"{year} 學年度還沒有班級導師名冊，請先匯入（或一起匯入）班級導師名冊")
        here = own.reindex(rows.frame.index) & (rows.frame["school_year"] == year)
        named = [known[name] for name in set(rows.frame["class_name"][here]) if name in known]
        # Lessons of groups alone name no class, and yet are refused where the year has none: the first stands for all.
        context.rely("classes", named or [min(known.values())])
        bad = here & ~rows.frame["class_name"].isin(set(known))
        rows.reject(bad, "class_name", f"{year} 學年度沒有這個班級，請改成班級導師名冊上的班級名稱")
    warn_unknown_staff(rows, context, "teacher_code")
    frame: pd.DataFrame = rows.frame[[*KEY, "teacher_name"]]
    years = [int(year) for year in frame["school_year"].unique()]
    taken = upsert(context, Section, frame, key=KEY, where=Section.school_year.in_(years))
    taken.unchanged += counts.unchanged
    return taken


KIND = Kind(
    key="sections",
    title="授課名冊",
    order=40,
    columns=(
        YEAR,
        SEMESTER,
        Column("course_code", ("課程代碼",), expects="課程代碼（23 碼）"),
        Column("subject", ("科目名稱", "科目"), expects="科目名稱"),
        Column("class_name", ("上課班級", "修課班級", "開課班級"), "class", expects="上課班級"),
        Column("teacher_code", ("教師代碼", "任課教師代碼", "授課教師代碼"), expects="教師代碼"),
        Column(
            "teacher_name", ("教師名稱", "任課教師", "授課教師", "教師姓名", "授課教師姓名"), required=False, blank=True
        ),
    ),
    take=take,
)
