"""代理人名單: who stands in for a teacher, in which order, on which days."""

from __future__ import annotations

import numpy as np

from data.instants import from_us
from data.models import Delegation
from data.rosters import cells
from data.rosters.kinds import Column, Context, Counts, Kind, Rows, drop_repeats, warn_unknown_staff
from data.rosters.store import upsert

KEY = ("principal_code", "deputy_code", "deputy_order", "from_on")


def take(rows: Rows, context: Context) -> Counts:
    """Keep a delegation by principal, deputy, order and first day; both days count whole."""
    counts = Counts()
    drop_repeats(rows, KEY, counts)
    rows.reject(rows.frame["to_on"] < rows.frame["from_on"], "to_on", "迄日早於起日，請改正其中一個")
    for column in ("principal_code", "deputy_code"):
        warn_unknown_staff(rows, context, column)
    frame = rows.frame.assign(
        from_on=_days(rows.frame["from_on"].to_numpy()),
        to_on=_days(rows.frame["to_on"].to_numpy()),
        reason=rows.frame.get("reason", ""),
    )
    taken = upsert(context, Delegation, frame[[*KEY, "to_on", "reason"]], key=KEY)
    taken.unchanged += counts.unchanged
    return taken


def _days(instants: np.ndarray) -> list[object]:
    return [from_us(instant).date() for instant in instants]


def _order(text: str) -> int:
    return cells.read_int(text.removeprefix("第").removesuffix("順位"))


KIND = Kind(
    key="delegations",
    title="代理人名單",
    order=60,
    columns=(
        Column("principal_code", ("教師代碼", "被代理人代碼", "原任教師代碼"), expects="被代理人的教師代碼"),
        Column("deputy_code", ("代理人代碼", "代理教師代碼"), expects="代理人的教師代碼"),
        Column("deputy_order", ("順位", "代理順位"), _order, expects="順位（1、2…）", allowed=("1", "2", "3")),
        Column("from_on", ("起日", "開始日期", "代理起日"), "instant", expects="代理的第一天"),
        Column("to_on", ("迄日", "結束日期", "代理迄日"), "instant", expects="代理的最後一天，含當天"),
        Column("reason", ("事由", "原因"), required=False, blank=True, expects="代理的事由"),
    ),
    take=take,
    by_hand=True,
)
