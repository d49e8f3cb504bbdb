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
    ((10, 11), (11, 28), "娩假"),
    ((10, 21), (10, 30), "公假"),
    ((1, 28), (2, 8), "病假"),
    ((3, 24), (4, 2), "公假"),
    ((6, 30), (7, 21), "病假"),
)


def plan_leaves(
    sections: pd.DataFrame, staff: pd.DataFrame, *, year: int, first: int, today: int, seed: int
) -> list[Leave]:
    """Send a few teachers of a year on leave, one of them for seven weeks with two deputies; none that begins after today.

    sections: of the year. first: clock second before which the school's records do not go. Deputies are colleagues of the
    same subjects where there are any, and not away themselves that year.
    """
    rng = stream(seed, "leaves", year)
    away: list[int] = []
    standing_in: list[int] = []
    leaves: list[Leave] = []
    for order, (begins, ends, reason) in enumerate(_ABSENCES[: max(1, len(staff) // 6)]):
        shift = int(rng.integers(-2, 5)) * DAY
        start, last = (
            clock(date(year + ROC_OFFSET + (month < 8), month, day)) + shift for month, day in (begins, ends)
        )
        semester = 1 if begins[0] in (1, *range(8, 13)) else 2
        busy = _find_busy(sections, staff, semester=semester).difference([*away, *standing_in])
        if first <= start < today and len(busy):
            principal = int(rng.choice(busy.to_numpy()))
            away.append(principal)
            deputies = _rank_deputies(principal, away, staff, rng)[: 2 if order == 0 else 1]
            standing_in += deputies
            reason = "侍親留職停薪" if reason == "娩假" and not staff.at[principal, "woman"] else reason
            leaves.append(Leave(principal, tuple(deputies), start, last + DAY, reason))
    return leaves


def _find_busy(sections: pd.DataFrame, staff: pd.DataFrame, *, semester: int) -> pd.Index[int]:
    """Return the half of the ordinary teachers whose courses of a term bring the most items: their absence shows."""
    in_term = sections[[term.semester == semester for term in sections["term"]]]
    load = in_term.groupby("teacher")["weight"].sum()
    present = staff.loc[load.index]
    ordinary = load[present["post"].isin(["plain", "assistant"]) & ~present["behind"]]
    return ordinary.sort_values(ascending=False, kind="stable").index[: max(1, len(ordinary) // 2)]


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
