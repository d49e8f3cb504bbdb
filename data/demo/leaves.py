"""代理人名單: who was away in a school year, and who certified in their place."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

import numpy as np
import pandas as pd

from data.demo.calendar import DAY, ROC_OFFSET, clock, format_day
from data.demo.chance import stream


@dataclass(frozen=True, slots=True)
class Leave:
    """An absence [start, end) of whole days; principal and deputies are rows of staff, deputies in order (順位)."""

    principal: int
    deputies: tuple[int, ...]
    start: int
    end: int
    reason: str


# First day, last day (month, day; months up to July fall in the second calendar year), reason; the long one comes first.
_ABSENCES = (
    ((10, 12), (11, 29), "娩假"),
    ((10, 21), (10, 30), "公假"),
    ((1, 28), (2, 6), "公假"),
    ((3, 24), (4, 2), "病假"),
    ((6, 29), (7, 17), "公假"),
)


def plan_leaves(
    sections: pd.DataFrame, staff: pd.DataFrame, *, year: int, first: int, today: int, seed: int
) -> list[Leave]:
    """Send a few teachers of a year on leave, one of them for seven weeks with two deputies; none that begins after today.

    sections: of the year. first: clock second before which the school's records do not go. Deputies are colleagues of the
    same subjects where there are any, and not away themselves that year.
    """
    rng = stream(seed, "leaves", year)
    lessons = sections.groupby("teacher").size()
    present = staff.loc[lessons.index]
    suits = lessons[present["post"].isin(["plain", "assistant"]) & ~present["behind"]]
    busiest = suits.sort_values(ascending=False, kind="stable").index[: max(len(_ABSENCES), len(suits) // 2)]
    away = [int(i) for i in rng.permutation(busiest)[: max(1, min(len(_ABSENCES), len(staff) // 6))]]
    leaves = []
    for order, (principal, (begins, ends, reason)) in enumerate(zip(away, _ABSENCES, strict=False)):
        start, last = (clock(date(year + ROC_OFFSET + (month < 8), month, day)) for month, day in (begins, ends))
        candidates = _rank_deputies(principal, away, staff, rng)
        deputies = tuple(candidates[: 2 if order == 0 else 1])
        if first <= start < today and deputies:
            leaves.append(Leave(principal, deputies, start, last + DAY, reason))
    return leaves


def _rank_deputies(principal: int, away: list[int], staff: pd.DataFrame, rng: np.random.Generator) -> list[int]:
    near = staff["family"] == staff.at[principal, "family"]
    teaches = (staff["post"] != "principal") & ~staff["behind"] & ~staff.index.isin(away)
    pool = [int(i) for i in rng.permutation(staff.index[teaches])]
    return sorted(pool, key=lambda i: (not near[i], staff.at[i, "post"] == "director"))


def list_leaves(leaves: list[Leave], staff: pd.DataFrame) -> pd.DataFrame:
    """Write 代理人名單, one row a deputy; both days count whole."""
    code, name = staff["code"].to_numpy(), staff["name"].to_numpy()
    return pd.DataFrame(
        [
            (
                code[leave.principal], name[leave.principal], code[deputy], name[deputy], str(order),
                format_day(leave.start), format_day(leave.end - DAY), leave.reason,
            )
            for leave in sorted(leaves, key=lambda leave: (leave.start, leave.principal))
            for order, deputy in enumerate(leave.deputies, start=1)
        ],
        columns=["教師代碼", "教師姓名", "代理人代碼", "代理人姓名", "順位", "起日", "迄日", "事由"],
    )  # fmt: skip
