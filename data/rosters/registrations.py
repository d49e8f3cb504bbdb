"""登錄情形: which records of a class are registered since when, kept by hand; and how every kind keeps a registration."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from data.corrections import REGISTRATIONS
from data.models import Registration
from data.rosters import cells
from data.rosters.kinds import SEMESTER, YEAR, Column, Context, Counts, Kind, Rows, check_class, drop_repeats, join_key
from data.rosters.store import load, table_of, upsert_rows

KEY = ("school_year", "semester", "kind", "class_name", "item_key")
ITEMS = {title: kind for kind, title in REGISTRATIONS.items()} | {
    "學業成績": "grades", "學期成績": "grades", "校內幹部": "position", "幹部經歷": "position", "校內幹部經歷": "position",
    "學籍資料": "enrolment", "課諮": "counselling", "課程諮詢紀錄": "counselling",
}  # fmt: skip


def read_item(text: str) -> str:
    """Read which record is registered: 學籍, 成績, 幹部 or 課程諮詢."""
    if text not in ITEMS:
        raise ValueError(text)
    return ITEMS[text]


def take(rows: Rows, context: Context) -> Counts:
    """Keep that a class's record of a kind is registered for a term; a day still to come is none."""
    counts = Counts()
    check_class(rows, context)
    later = rows.frame["registered_at"] > context.imported_us
    rows.reject(later, "registered_at", "登錄日期在將來，請改正；還沒有登錄的請刪掉這一列")
    rows.frame = rows.frame.assign(item_key="")
    drop_repeats(rows, KEY, counts)
    taken = Counts.of(keep_registrations(context, rows.frame.assign(student_id=None)))
    taken.unchanged += counts.unchanged
    return taken


def keep_registrations(context: Context, frame: pd.DataFrame) -> pd.Series[int]:
    """Keep that a record exists: of a student, or of a whole class where student_id is None.

    registered_at: the date said, NO_INSTANT for none, which stands for the import's time; the first one never changes.
    A student's record is told by term, kind and item_key, whatever class a list names; a class or unit that a later list
    leaves out stays. Returns what became of each row, by the frame's index.
    """
    whole = frame["student_id"].isna()
    of_students = frame[~whole].astype({"student_id": "int64"})
    parts = [
        _keep(context, frame[whole], key=KEY, where=Registration.student_id.is_(None)),
        _keep(
            context,
            of_students,
            key=("school_year", "semester", "kind", "student_id", "item_key"),
            where=Registration.student_id.is_not(None),
        ),
    ]
    return pd.concat(parts).reindex(frame.index)


def _keep(context: Context, frame: pd.DataFrame, *, key: tuple[str, ...], where: Any) -> pd.Series[int]:
    if frame.empty:
        return pd.Series(index=frame.index, dtype="int64")
    where = where & Registration.school_year.in_([int(year) for year in frame["school_year"].unique()])
    columns = list(dict.fromkeys([*key, "class_name", "unit", "registered_at"]))
    listed = where & Registration.by_hand.is_(False)
    known = load(context.connection, table_of(Registration), columns, listed)
    position = pd.Index(join_key(known, key)).get_indexer(pd.Index(join_key(frame, key)))
    seen = position >= 0
    before = known.iloc[position[seen]]
    said = frame["registered_at"].to_numpy() if "registered_at" in frame else np.full(len(frame), cells.NO_INSTANT)
    first = np.where(said == cells.NO_INSTANT, context.imported_us, said)
    first[seen] = before["registered_at"]
    kept = frame.assign(registered_at=first)
    for name in ("class_name", "unit"):
        texts = (
            frame[name].to_numpy(dtype=object, copy=True) if name in frame else np.full(len(frame), "", dtype=object)
        )
        texts[seen] = np.where(texts[seen] == "", before[name], texts[seen])
        kept[name] = texts
    return upsert_rows(context, Registration, kept[columns], key=key, where=where)


KIND = Kind(
    key="registrations",
    title="登錄情形",
    order=110,
    columns=(
        YEAR,
        SEMESTER,
        Column("class_name", ("班級", "班級名稱"), "class", expects="班級導師名冊上的班級名稱"),
        Column(
            "kind",
            ("項目", "登錄項目", "登錄類別"),
            read_item,
            expects="：" + "、".join(REGISTRATIONS.values()),
            allowed=tuple(REGISTRATIONS.values()),
        ),
        Column(
            "registered_at",
            ("登錄日期", "登錄時間", "登錄完成日期"),
            "instant",
            expects="登錄日期；還沒有登錄的請刪掉這一列",
        ),
        Column("unit", ("單位", "負責單位", "登錄單位"), required=False, blank=True, expects="登錄的處室"),
    ),
    take=take,
    ignored=("備註",),
    by_hand=True,
)
