"""Arrivals: how much came in the last 48 hours of the students' window, against a count over the rows."""

from __future__ import annotations

import math
from datetime import timedelta
from statistics import median

import pandas as pd
import pytest

from data.instants import DAY_US, NEVER, from_us, to_us
from data.ledger import build
from data.metrics import Question, all_metrics, answer
from data.metrics.arrivals import METRIC
from data.schema import SchoolSettings
from tests.unit.plain_count import GROUPINGS, SCHOOLS, SECOND, gathered, instants_of, school, sendings_at, terms_of

COUNTS = ["sent", "no_window", "last_48h", "after_close"]


def count_by_hand(sendings):
    left = [one["closes"] - one["sent"] for one in sendings if one["closes"] is not None]
    last = sum(us <= 48 * 3600 * SECOND for us in left)
    return {
        "sent": len(sendings),
        "no_window": len(sendings) - len(left),
        "last_48h": last,
        "last_48h_share": last / len(left) if left else math.nan,
        "after_close": sum(us <= 0 for us in left),
        "median_days_before_close": median(left) / DAY_US if left else math.nan,
    }


@pytest.mark.parametrize(
    ("name", "deadline"),
    [*((name, "current") for name in SCHOOLS if name != "five classes"), ("uploads extended", "original")],
)
def test_arrivals_equal_a_count_over_the_rows_at_every_edge_of_every_window(name, deadline):
    frames = school(name)
    ledger = build(frames, SchoolSettings())
    seen = dict.fromkeys(COUNTS, 0)
    for term in terms_of(frames):
        for as_of in instants_of(frames, term):
            sendings = sendings_at(frames, term, to_us(as_of), deadline)
            for by in GROUPINGS:
                table = answer(ledger, METRIC, Question(term, as_of, by, "certify", deadline=deadline)).set_index("key")
                groups = gathered(sendings, by)
                assert set(groups) <= set(table.index)
                for row in table.itertuples():
                    wanted = count_by_hand(groups.get(row.Index, []))
                    for column, value in wanted.items():
                        assert getattr(row, column) == pytest.approx(value, nan_ok=True)
                    for column in COUNTS:
                        seen[column] += wanted[column]
    assert seen["last_48h"] > 0
    assert (seen["no_window"] > 0) == (name == "a grade without windows")
    assert seen["after_close"] > 0 or not (name == "uploads extended" and deadline == "original")


def test_what_an_extension_let_in_came_after_the_original_close_and_before_the_new_one():
    frames = school("uploads extended")
    ledger = build(frames, SchoolSettings())
    term = terms_of(frames)[0]
    as_of = instants_of(frames, term)[-1]
    current, original = (
        answer(ledger, METRIC, Question(term, as_of, "grade", "certify", deadline=deadline)).set_index("key")
        for deadline in ("current", "original")
    )
    assert (original.loc[["1", "2"], "after_close"] > current.loc[["1", "2"], "after_close"]).all()
    assert (original.loc[["1", "2"], "last_48h"] > current.loc[["1", "2"], "last_48h"]).all()
    pd.testing.assert_series_equal(original.loc["3"], current.loc["3"])  # not extended
    shift = current["median_days_before_close"] - original["median_days_before_close"]
    assert shift.loc[["1", "2"]].tolist() == pytest.approx([3, 3])


@pytest.mark.parametrize(
    ("before", "last", "after"),
    [(timedelta(hours=48, seconds=1), 0, 0), (timedelta(hours=48), 1, 0), (timedelta(seconds=1), 1, 0), (timedelta(0), 1, 1),
     (timedelta(seconds=-1), 1, 1)],
)  # fmt: skip
def test_the_last_48_hours_begin_with_their_first_second_and_the_close_belongs_to_what_came_after(before, last, after):
    frames = school("three classes")
    rounds = frames["rounds"]
    term = terms_of(frames)[-1]
    one = rounds[rounds["school_year"] * 10 + rounds["semester"] == term].iloc[[0]].copy()
    closes = sendings_at(frames | {"rounds": one}, term, NEVER - 1)[0]["closes"]
    one["sent_at"] = closes - int(before.total_seconds()) * SECOND
    one[["decided_at", "completed_at"]] = NEVER
    ledger = build(frames | {"rounds": one}, SchoolSettings())
    row = answer(ledger, METRIC, Question(int(term), from_us(closes + DAY_US), "school", "certify")).iloc[0]
    assert (row["sent"], row["last_48h"], row["after_close"], row["last_48h_share"]) == (1, last, after, last)
    assert row["median_days_before_close"] == pytest.approx(before.total_seconds() / 86_400)


def test_groups_nobody_sent_anything_to_are_rows_of_0_without_a_share():
    frames = school("three classes")
    ledger = build(frames | {"rounds": frames["rounds"].iloc[:0]}, SchoolSettings())
    table = answer(
        ledger,
        METRIC,
        Question(terms_of(frames)[-1], from_us(to_us(instants_of(frames, 1141)[-1])), "class", "certify"),
    )
    assert len(table) == 3
    assert (table[COUNTS] == 0).all().all()
    assert table[["last_48h_share", "median_days_before_close"]].isna().all().all()


def test_counts_add_up_to_the_school_and_later_facts_change_nothing():
    frames = school("five classes")
    ledger = build(frames, SchoolSettings())
    before = ledger.duties.copy()
    rounds = frames["rounds"]
    for term in terms_of(frames):
        for as_of in instants_of(frames, term)[::4]:
            tables = [answer(ledger, METRIC, Question(term, as_of, by, "certify")) for by in GROUPINGS]
            assert all(table[COUNTS].sum().tolist() == tables[0][COUNTS].sum().tolist() for table in tables)
            rows = answer(ledger, all_metrics()["completion"], Question(term, as_of, "class", "certify"))
            assert tables[3]["key"].tolist() == rows["key"].tolist()
            assert tables[3]["sent"].tolist() == (rows["expected"] + rows["exempt"]).tolist()
            known = rounds[rounds["sent_at"] <= to_us(as_of)].copy()
            known.loc[known["decided_at"] > to_us(as_of), ["decided_at", "completed_at"]] = NEVER
            past = answer(
                build(frames | {"rounds": known}, SchoolSettings()), METRIC, Question(term, as_of, "class", "certify")
            )
            pd.testing.assert_frame_equal(past, tables[3])
    pd.testing.assert_frame_equal(ledger.duties, before)
