"""收訖明細確認: what each student answered; a list that says something new is a new round."""

from __future__ import annotations

import pandas as pd

from data.models import Receipt
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

STATUSES = {
    "已確認": "confirmed",
    "Y": "confirmed",
    "已回報": "disputed",
    "待確認": "unseen",
    "未確認": "unseen",
    "N": "unseen",
}
ALL_KINDS = "all"


def read_status(text: str) -> str:
    """Read 已確認, 已回報 (disputed) or 待確認."""
    if text not in STATUSES:
        raise ValueError(text)
    return STATUSES[text]


def take(rows: Rows, context: Context) -> Counts:
    """Open a new round per school year and kind unless the list equals the latest round."""
    counts = Counts()
    check_class(rows, context)
    check_students(rows, context)
    if "kind" not in rows.frame:
        rows.frame = rows.frame.assign(kind=ALL_KINDS)
    if "acted_at" not in rows.frame:
        rows.frame = rows.frame.assign(acted_at=cells.NO_INSTANT)
    rows.frame = rows.frame.assign(status=rows.frame["status"].fillna("unseen"))  # nothing said is nothing seen
    drop_repeats(rows, ("school_year", "kind", "student_id"), counts)
    frame = rows.frame
    frame = frame.assign(acted_at=frame["acted_at"].astype(object).where(frame["acted_at"] != cells.NO_INSTANT, None))
    table = table_of(Receipt)
    columns = ["school_year", "kind", "round_number", "student_id", "status", "acted_at"]
    for (year, kind), part in frame.groupby(["school_year", "kind"], sort=True):
        known = load(
            context.connection, table, ["id", *columns], (Receipt.school_year == int(year)) & (Receipt.kind == kind)
        )
        number = int(known["round_number"].max()) if len(known) else 0
        latest = known[known["round_number"] == number].set_index("student_id")
        context.state(table.name, latest["id"])
        before = latest.reindex(part["student_id"])
        seen = before["status"].notna().to_numpy()
        new_times = part["acted_at"].to_numpy()
        old_times = before["acted_at"].astype(object).where(before["acted_at"].notna(), None).to_numpy()
        same_time = [a == b for a, b in zip(new_times, old_times, strict=True)]
        same = seen & (before["status"].to_numpy() == part["status"].to_numpy()) & same_time
        counts.unchanged += int(same.sum())
        counts.new += int((~seen).sum())
        counts.changed += int((seen & ~same).sum())
        if not same.all() or len(latest) != len(part):
            insert_frame(context, table, pd.DataFrame(part.assign(round_number=number + 1)[columns]))
    return counts


KIND = Kind(
    key="receipts",
    title="收訖明細確認",
    order=100,
    columns=(
        YEAR,
        STUDENT,
        STUDENT_NAME,
        Column("class_name", ("班級", "班級名稱"), "class", required=False, blank=True),
        Column("kind", ("項目", "類別", "名冊別"), required=False, expects="項目"),
        Column("status", ("確認狀態", "狀態"), read_status, expects="：已確認、已回報或待確認", blank=True),
        Column("acted_at", ("確認時間", "回報時間"), "instant", required=False, blank=True),
    ),
    take=take,
)
