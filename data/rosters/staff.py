"""教職員名冊: members of staff and their 處室."""

from __future__ import annotations

from data.models import Staff
from data.rosters.kinds import Column, Context, Counts, Kind, Rows, drop_repeats
from data.rosters.store import upsert


def take(rows: Rows, context: Context) -> Counts:
    """Keep name, unit and address by 教師代碼."""
    counts = Counts()
    drop_repeats(rows, ("staff_code",), counts)
    frame = rows.frame.reindex(columns=["staff_code", "name", "unit", "email"]).fillna("")
    taken = upsert(context, Staff, frame, key=("staff_code",))
    taken.unchanged += counts.unchanged
    return taken


KIND = Kind(
    key="staff",
    title="教職員名冊",
    order=10,
    columns=(
        Column("staff_code", ("教師代碼", "職員代碼", "教職員代碼", "員工代碼"), expects="教師代碼"),
        Column("name", ("姓名", "教師姓名", "教職員姓名"), expects="姓名"),
        Column("unit", ("處室", "單位", "處室組別"), blank=True),
        Column("email", ("電子郵件", "電子信箱", "Email", "E-mail"), required=False, blank=True),
    ),
    take=take,
)
