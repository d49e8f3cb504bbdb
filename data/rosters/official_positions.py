"""官方校內幹部經歷名冊: which positions were handed in, and so are on record."""

from __future__ import annotations

from data.rosters.kinds import Column, Context, Counts, Kind, Rows
from data.rosters.submitting import IGNORED, POSITIONS, SHARED, claims_for, submit

COLUMNS = (
    *SHARED,
    Column("unit_name", ("單位名稱",), blank=True, expects="單位名稱"),
    Column("position", ("擔任職務",), blank=True, expects="擔任職務"),
)
_UNUSED = (
    "開始日期", "結束日期", "幹部等級",
)  # fmt: skip


def take(rows: Rows, context: Context) -> Counts:
    """Keep the submission, and of each student that a position in a unit is on record for the term."""
    return submit(rows, context, POSITIONS, registers="position", registers_what=("unit_name", "position"))


KIND = Kind(
    key="official_positions",
    title="校內幹部經歷名冊（提交）",
    order=114,
    columns=COLUMNS,
    take=take,
    claims=claims_for(POSITIONS, COLUMNS),
    take_empty=True,
    ignored=(*IGNORED, *_UNUSED),
)
