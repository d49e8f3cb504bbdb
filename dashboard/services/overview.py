"""總覽: how the stages stand, where it is stuck, and whether it is on time."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

import numpy as np
import pandas as pd

from dashboard.services.filters import View
from dashboard.services.participation import was_handed_in
from dashboard.services.receipts import receipt_counts, receipts_state
from dashboard.services.store import Store
from dashboard.services.suppression import participation_of
from data.instants import DAY_US, NEVER, TAIPEI_OFFSET_US, from_us, to_us
from data.ledger import Ledger, holders
from data.metrics import Question, completion
from data.metrics.completion import states
from data.metrics.progress import expected_share, same_day_earlier, status

STAGES = ("upload", "certify", "select", "confirm")
RECEIPTS = ("confirmed", "disputed", "unseen", "deemed", "receipt_round", "disputes", "dispute_overdue")


@dataclass(frozen=True, slots=True)
class Cell:
    """A class at a stage: part of whole, and its status: neutral for what is voluntary, no_data where nothing was handed in."""

    class_name: str
    stage: str
    part: int
    whole: int
    status: str


@dataclass(frozen=True)
class Overview:
    """Everything 總覽 shows, in numbers.

    certify: the school row of completion. burn_up: day, arrived, certified; previous: last year's on this term's days.
    classes: one row a class with counts of every stage, and of its certification the share expected by now and the status.
    """

    certify: dict[str, Any]
    certify_status: str
    certify_before: float | None  # completion at the same working day a year before
    overdue_teachers: int  # 0 where so few hold them that it would tell of one
    upload: dict[str, Any]
    upload_state: str  # "neutral", "not_open" or "no_data"
    receipts: dict[str, int]
    receipts_state: str  # "open", "closed", "not_open" or "no_data"
    selection_state: str  # "neutral", "not_open" or "no_data"
    cells: list[Cell]
    classes: pd.DataFrame
    burn_up: pd.DataFrame
    previous: pd.DataFrame | None
    window_end: datetime | None
    original_end: datetime | None
    empty_classes: list[str]
    left_overdue: tuple[int, int, int] | None  # of the newest earlier term with any: term, overdue, expected


def overview(store: Store, view: View) -> Overview:
    """Compute 總覽 for a view; kept per data version, scope and question."""
    return store.kept((*view.key, "overview"), lambda: _compute(store, view))


def _left_overdue(ledger: Ledger, term: int, as_of: datetime) -> tuple[int, int, int] | None:
    for earlier in (each for each in ledger.terms() if each < term):
        row = completion.answer(ledger, Question(earlier, as_of, by="school", stage="certify")).iloc[0]
        if row["overdue"]:
            return earlier, int(row["overdue"]), int(row["expected"])
    return None


def _compute(store: Store, view: View) -> Overview:
    filters, ledger = view.filters, view.ledger
    as_of = filters.as_of
    year = filters.term // 10
    ask = Question(filters.term, as_of, by="class", stage="certify")
    by_class = completion.answer(ledger, ask)
    school = completion.answer(ledger, replace(ask, by="school")).iloc[0].to_dict()
    upload_ask = Question(filters.term, as_of, by="class", stage="upload")
    uploads = participation_of(ledger, view.scope, upload_ask)
    upload = participation_of(ledger, view.scope, replace(upload_ask, by="school")).iloc[0].to_dict()
    selections = participation_of(ledger, view.scope, Question(year * 10, as_of, by="class", stage="select"))
    receipts = _receipts(store, view, "class")
    receipts_total = _receipts(store, view, "school").iloc[0]
    grade_of = dict(zip(ledger.classes["name"], ledger.classes["grade"], strict=True))
    shares = {
        grade: expected_share(view.whole, term=filters.term, grade=grade, as_of=as_of)
        for grade in sorted(set(ledger.classes.loc[ledger.classes["school_year"] == year, "grade"]))
    }
    selecting, uploading = _selection_state(ledger, year, as_of), _upload_state(store, view)
    cells: list[Cell] = []
    classes = _join(by_class, uploads, selections, receipts)
    receiving = receipts_state(view, int(receipts_total["receipt_round"]))
    classes["expected_share"] = classes["key"].map(grade_of).map(shares).astype("float64")
    for row in classes.to_dict("records"):
        name = str(row["key"])
        done = int(row["on_time"] + row["late"])
        expected = int(row["expected"])
        share = shares.get(grade_of.get(name, 0))
        state = status(done=done, expected=expected, overdue=int(row["overdue"]), expected_share=share, is_open=True)
        cells += [
            Cell(name, "upload", int(row["upload_participants"]), int(row["enrolled"]), uploading),
            Cell(name, "certify", done, expected, state),
            Cell(
                name,
                "select",
                int(row["select_participants"]),
                int(row["enrolled"]),
                selecting,
            ),
            Cell(
                name,
                "confirm",
                int(row["confirmed"]),
                int(row["receipt_round"]),
                "neutral" if receiving in ("open", "closed") else receiving,
            ),
        ]
    classes["status"] = [cell.status for cell in cells if cell.stage == "certify"]
    total_done, total = int(school["on_time"] + school["late"]), int(school["expected"])
    total_share = _weighted(shares, classes, grade_of)
    window_end, original_end = _window(ledger, filters.term, filters.grade)
    burn_up, previous = _burn_up(view, window_end)
    return Overview(
        certify=school,
        certify_status=status(
            done=total_done, expected=total, overdue=int(school["overdue"]), expected_share=total_share, is_open=True
        ),
        certify_before=_a_year_before(view),
        overdue_teachers=_overdue_teachers(view),
        upload=upload,
        upload_state=uploading,
        receipts={name: int(receipts_total[name]) for name in RECEIPTS},
        receipts_state=receiving,
        selection_state=selecting,
        cells=cells,
        classes=classes,
        burn_up=burn_up,
        previous=previous,
        window_end=window_end,
        original_end=original_end,
        empty_classes=[str(row["key"]) for row in classes.to_dict("records") if row["expected"] == 0],
        left_overdue=_left_overdue(ledger, filters.term, as_of),
    )


def _join(
    by_class: pd.DataFrame, uploads: pd.DataFrame, selections: pd.DataFrame, receipts: pd.DataFrame
) -> pd.DataFrame:
    for frame in (by_class, uploads, selections, receipts):
        frame["key"] = frame["key"].astype("str")  # no rows give no type
    joined = by_class.merge(
        uploads[["key", "enrolled", "participants", "items"]].rename(columns={"participants": "upload_participants"}),
        on="key",
        how="left",
    )
    joined = joined.merge(
        selections[["key", "participants"]].rename(columns={"participants": "select_participants"}),
        on="key",
        how="left",
    )
    joined = joined.merge(receipts, on="key", how="left")
    counts = [
        "enrolled",
        "upload_participants",
        "items",
        "select_participants",
        *RECEIPTS,
    ]
    joined[counts] = joined[counts].fillna(0).astype("int64")
    return joined


def _receipts(store: Store, view: View, by: str) -> pd.DataFrame:
    """Count the round that counts as 收訖 does; what is deemed stays apart from what is confirmed."""
    return receipt_counts(store, view, by).rename(columns={"in_round": "receipt_round"})[["key", *RECEIPTS]]


def _selection_state(ledger: Ledger, year: int, as_of: datetime) -> str:
    """Return neutral once counts are known, not_open before the window, and no_data where an open one has no counts yet."""
    of_year = ledger.selections[ledger.selections["school_year"] == year]
    if (of_year["known_at"] <= to_us(as_of)).any():
        return "neutral"
    windows = ledger.windows_of(year * 10, "select_outcome", "select_performance")
    return "no_data" if (windows["starts_at"] <= to_us(as_of)).any() else "not_open"


def _upload_state(store: Store, view: View) -> str:
    """Return neutral where a list of uploads of the term is in, not_open before the window, and no_data else."""
    term = view.filters.term
    if was_handed_in(store, "outcome", term):
        return "neutral"
    starts = view.ledger.windows_of(term, "upload")["starts_at"]
    return "not_open" if len(starts) and starts.min() > to_us(view.filters.as_of) else "no_data"


def _weighted(shares: dict[int, float | None], classes: pd.DataFrame, grade_of: dict[str, int]) -> float | None:
    weights = classes.groupby(classes["key"].map(grade_of))["expected"].sum()
    known = [(share, int(weights.get(grade, 0))) for grade, share in shares.items() if share is not None]
    total = sum(weight for _, weight in known)
    return sum(share * weight for share, weight in known) / total if total else None


def _overdue_teachers(view: View) -> int:
    ledger, as_of_us = view.ledger, to_us(view.filters.as_of)
    duties = ledger.of_term(view.filters.term)
    overdue = duties[states(duties, as_of_us) == completion.STATES.index("overdue")]
    people = len(np.unique(holders(ledger, overdue, as_of_us)))
    return 0 if view.scope.suppressed and people < ledger.settings.suppression_size else people


def _a_year_before(view: View) -> float | None:
    earlier = same_day_earlier(view.whole, term=view.filters.term, as_of=view.filters.as_of)
    if earlier is None:
        return None
    row = completion.answer(view.ledger, Question(earlier[0], earlier[1], by="school", stage="certify")).iloc[0]
    return float(row["completion"]) if row["expected"] else None


def _window(ledger: Ledger, term: int, grade: int | None) -> tuple[datetime | None, datetime | None]:
    windows = ledger.windows_of(term, "certify")
    if grade is not None:
        windows = windows[windows["grade"] == grade]
    if windows.empty:
        return None, None
    last = windows.sort_values("ends_at").iloc[-1]
    return from_us(last["ends_at"]), from_us(last["original_ends_at"])


def _daily(ledger: Ledger, term: int, as_of_us: int) -> pd.DataFrame:
    """Return cumulative arrivals and certifications by day from the opening of the certification window on."""
    duties = ledger.of_term(term)
    frames = []
    for name, column in (("arrived", "opened_at"), ("certified", "done_at")):
        instants = duties[column].to_numpy()
        days = (instants[instants <= as_of_us] + TAIPEI_OFFSET_US) // DAY_US
        frames.append(pd.Series(np.ones(len(days), dtype=int), index=days).groupby(level=0).sum().rename(name))
    joined = pd.concat(frames, axis=1).fillna(0).sort_index()
    if joined.empty:
        return pd.DataFrame({"day": pd.Series(dtype="datetime64[us]"), "arrived": [], "certified": []})
    starts = ledger.windows_of(term, "certify")["starts_at"]
    opened = int((starts.min() + TAIPEI_OFFSET_US) // DAY_US) if len(starts) else int(joined.index.min())
    last = max(int(joined.index.max()), (as_of_us - 1 + TAIPEI_OFFSET_US) // DAY_US)
    joined = joined.reindex(range(min(opened, int(joined.index.min())), last + 1), fill_value=0).cumsum().astype(int)
    joined.insert(0, "day", pd.to_datetime(joined.index.to_numpy(), unit="D"))
    return joined.reset_index(drop=True)


def _burn_up(view: View, window_end: datetime | None) -> tuple[pd.DataFrame, pd.DataFrame | None]:
    """Return this term's days and, whole, those of the same term a year before; both begin when the window opens."""
    ledger, filters = view.ledger, view.filters
    days = _daily(ledger, filters.term, min(to_us(filters.as_of), _end_of_interest(window_end)))
    earlier = filters.term - 10
    earlier_end, _ = _window(ledger, earlier, filters.grade)
    if earlier not in ledger.terms() or window_end is None or earlier_end is None:
        return days, None
    before = _daily(ledger, earlier, to_us(earlier_end + timedelta(days=14)))
    return days, before if len(before) else None


def _end_of_interest(window_end: datetime | None) -> int:
    return NEVER if window_end is None else to_us(window_end + timedelta(days=28))
