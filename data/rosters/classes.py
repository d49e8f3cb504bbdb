"""班級導師名冊: the classes of a school year, their 科別 and homeroom teacher."""

from __future__ import annotations

from data.models import SchoolClass
from data.rosters import cells
from data.rosters.kinds import YEAR, Column, Context, Counts, Kind, Rows, drop_repeats, warn_unknown_staff
from data.rosters.store import upsert


def take(rows: Rows, context: Context) -> Counts:
    """Keep a class by (school year, name)."""
    counts = Counts()
    drop_repeats(rows, ("school_year", "name"), counts)
    warn_unknown_staff(rows, context, "homeroom_code")
    taken = upsert(context, SchoolClass, rows.frame, key=("school_year", "name"))
    taken.unchanged += counts.unchanged
    return taken


KIND = Kind(
    key="classes",
    title="班級導師名冊",
    order=20,
    columns=(
        YEAR,
        Column("name", ("班級名稱", "班級"), "class", expects="班級名稱"),
        Column("grade", ("年級",), cells.read_grade, expects="年級（1、2、3）", allowed=("1", "2", "3")),
        Column("department", ("科別", "科班學程", "科班學程別"), blank=True, expects="科別的名稱"),
        Column("homeroom_code", ("導師代碼", "導師教師代碼"), blank=True, expects="導師的教師代碼"),
    ),
    take=take,
    by_hand=True,
)
