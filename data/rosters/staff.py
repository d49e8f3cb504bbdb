"""教職員名冊: members of staff and their 處室."""

from __future__ import annotations

import pandas as pd

from data.models import Staff, StaffUnit
from data.rosters.kinds import Column, Context, Counts, Kind, Rows, drop_repeats
from data.rosters.store import insert_frame, load, table_of, upsert


def take(rows: Rows, context: Context) -> Counts:
    """Keep name, unit and address by 教師代碼; a roster without a column takes nothing away.

    Another 處室 than before holds from the import's time on: the old one is kept for the terms before (rule 3).
    """
    counts = Counts()
    drop_repeats(rows, ("staff_code",), counts)
    frame = rows.frame
    known = load(context.connection, table_of(Staff), ["staff_code", "unit", "email"]).set_index("staff_code")
    before = known.reindex(frame["staff_code"]).set_index(frame.index)
    if "email" not in frame:
        frame = frame.assign(email=before["email"].fillna("").astype("str"))
    moved = (before["unit"].fillna("") != "") & (frame["unit"] != before["unit"])
    if moved.any():
        left = pd.DataFrame({"staff_code": frame["staff_code"], "unit": before["unit"]})[moved]
        insert_frame(context, table_of(StaffUnit), left.assign(until_at=context.imported_us))
    taken = upsert(context, Staff, frame[["staff_code", "name", "unit", "email"]], key=("staff_code",))
    taken.unchanged += counts.unchanged
    return taken


KIND = Kind(
    key="staff",
    title="教職員名冊",
    order=10,
    columns=(
        Column("staff_code", ("教師代碼", "職員代碼", "教職員代碼", "員工代碼"), expects="教師代碼，每人一個"),
        Column("name", ("姓名", "教師姓名", "教職員姓名"), expects="姓名"),
        Column("unit", ("處室", "單位", "處室組別"), blank=True, expects="處室和組，例：教務處註冊組"),
        Column(
            "email", ("電子郵件", "電子信箱", "Email", "E-mail"), required=False, blank=True, expects="寄送提醒的地址"
        ),
    ),
    take=take,
    by_hand=True,
)
