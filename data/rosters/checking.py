"""What the lists of a platform's monitoring screens share: counts it states, kept to be held against the ledger."""

from __future__ import annotations

import numpy as np
import pandas as pd

from data.models import CrossCheck
from data.rosters import cells
from data.rosters.kinds import CHANGED, NEW, UNCHANGED, Column, Context, Counts, Rows, drop_repeats, join_key
from data.rosters.store import insert_frame, load, table_of
from data.schema import ABOUT

MOST = 1_000_000  # more is no count of items: a telephone number, a code in the wrong column


def read_count(text: str) -> int:
    """Read how many items, with or without 件."""
    count = cells.read_int(text.removesuffix("件").strip())
    if count > MOST:
        raise ValueError(text)
    return count


def count_column(name: str, *headings: str) -> Column:
    """Return a column of counts that a list may lack or leave empty: nothing is stated then."""
    return Column(name, headings, read_count, required=False, blank=True, expects="件數（整數）")


# Sent and not yet released to the student, even where it is already judged: a platform's 未認證 is not our 認證中.
WAITING = Column(
    "waiting",
    ("未認證數量", "待認證數量", "尚未認證數", "未認證數", "尚未認證數量", "待認證數", "未認證件數", "待認證件數"),
    read_count,
    expects="件數（整數）",
)


def keep_stated(
    rows: Rows, context: Context, *, what: str, about: tuple[str, ...], measures: tuple[str, ...]
) -> Counts:
    """Add each count that differs from the last one stated; that one stays, and the latest counts.

    what: the list (data.models.CrossCheck). about: the columns that say whom or what a row counts. A row is new when
    nothing was stated of it before, and changed when a count of it is another one now. An empty cell states nothing.
    """
    counts = Counts()
    drop_repeats(rows, ("school_year", "semester", *about), counts)
    frame = rows.frame
    about_text = frame[about[0]].astype("str")
    for name in about[1:]:
        about_text = about_text + ABOUT + frame[name].astype("str")
    said = pd.DataFrame({"school_year": frame["school_year"], "semester": frame["semester"], "about": about_text})
    said = said.assign(**{name: frame[name] for name in measures if name in frame}).melt(
        ["school_year", "semester", "about"], var_name="measure", value_name="stated_count", ignore_index=False
    )
    said = said[said["stated_count"].notna()].astype({"stated_count": "int64"})
    table, key = table_of(CrossCheck), ("school_year", "semester", "about", "measure")
    of_years = CrossCheck.school_year.in_([int(year) for year in frame["school_year"].unique()])
    columns = ["id", *key, "stated_count", "known_at"]
    known = load(context.connection, table, columns, (CrossCheck.what == what) & of_years)
    latest = known.sort_values(["known_at", "id"]).drop_duplicates(list(key), keep="last")
    before = latest.set_index(join_key(latest, key)).reindex(join_key(said, key))
    seen = before["id"].notna().to_numpy()
    context.state(table.name, before["id"][seen])  # whether this count is added depended on that one
    differs = ~seen | (before["stated_count"].to_numpy() != said["stated_count"].to_numpy())
    insert_frame(context, table, said[differs].assign(what=what, known_at=context.imported_us))
    fates = pd.Series(np.where(~seen, NEW, np.where(differs, CHANGED, UNCHANGED)), index=said.index)
    lowest, highest = (fates.groupby(level=0).agg(which).reindex(frame.index) for which in ("min", "max"))
    fate = highest.where((lowest == NEW) | (highest == UNCHANGED), CHANGED).where(highest.notna(), UNCHANGED)
    taken = Counts.of(fate.astype("int64"))
    taken.unchanged += counts.unchanged
    return taken
