"""Backlog: what waits and for how long already, against a count over the rows, and the boundaries of its ages."""

from __future__ import annotations

import math
from datetime import datetime, timedelta
from statistics import median

import pandas as pd
import pytest

from data.instants import DAY_US, NEVER, TAIPEI, to_us
from data.ledger import build
from data.metrics import Question, all_metrics, answer
from data.metrics.backlog import METRIC
from data.schema import SchoolSettings
from tests.unit.plain_count import GROUPINGS, SCHOOLS, SECOND, gathered, instants_of, school, sendings_at, terms_of

AGES = ["age_0_3", "age_4_7", "age_8_14", "age_over_14"]
COUNTS = ["waiting", "overdue", *AGES, "judged_unreleased"]


def count_by_hand(sendings, as_of):
    waiting = [one for one in sendings if one["state"] in ("open", "overdue")]
    ages = [(to_us(as_of) - one["sent"]) / DAY_US for one in waiting]
    bands = dict.fromkeys(AGES, 0)
    for age in ages:
        days = math.floor(age)
        bands["age_0_3" if days <= 3 else "age_4_7" if days <= 7 else "age_8_14" if days <= 14 else "age_over_14"] += 1
    first = min((one["sent"] for one in waiting), default=None)
    return bands | {
        "waiting": len(waiting),
        "overdue": sum(one["state"] == "overdue" for one in waiting),
        "judged_unreleased": sum(one["decided"] <= to_us(as_of) for one in waiting),
        "oldest_opened_at": "" if first is None else datetime.fromtimestamp(first // SECOND, TAIPEI).isoformat(),
        "age_median_days": median(ages) if ages else math.nan,
    }


@pytest.mark.parametrize(
    ("name", "deadline"),
    [*((name, "current") for name in SCHOOLS if name != "uploads extended"), ("five classes", "original")],
)
def test_the_backlog_equals_a_count_over_the_rows_at_every_edge_of_every_window(name, deadline):
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
                    wanted = count_by_hand(groups.get(row.Index, []), as_of)
                    middle = wanted.pop("age_median_days")
                    assert {column: getattr(row, column) for column in wanted} == wanted
                    assert row.age_median_days == pytest.approx(middle, nan_ok=True)
                    for column in COUNTS:
                        seen[column] += wanted[column]
    assert all(seen.values()), seen  # else the test has not tested what it is for


def test_an_extension_turns_overdue_items_open_and_the_original_deadline_still_shows_them():
    frames = school("five classes")
    ledger = build(frames, SchoolSettings())
    windows = frames["windows"]
    extended = windows[(windows["task"] == "certify") & (windows["ends_at"] != windows["original_ends_at"])].iloc[0]
    term = int(extended["school_year"] * 10 + extended["semester"])
    day_after = datetime.fromtimestamp(extended["original_ends_at"] // SECOND, TAIPEI) + timedelta(days=1)

    def overdue(deadline):
        table = answer(ledger, METRIC, Question(term, day_after, "grade", "certify", deadline=deadline)).set_index(
            "key"
        )
        return table.loc[str(extended["grade"]), "waiting"], table.loc[str(extended["grade"]), "overdue"]

    assert overdue("current") == (overdue("original")[0], 0)
    assert overdue("original")[1] > 0


def test_waiting_is_completions_open_and_overdue_and_ages_add_up_to_it():
    frames = school("five classes")
    ledger = build(frames, SchoolSettings())
    before = ledger.duties.copy()
    for term in terms_of(frames):
        for as_of in instants_of(frames, term)[::3]:
            sums = []
            for by in GROUPINGS:
                question = Question(term, as_of, by, "certify")
                ours, theirs = answer(ledger, METRIC, question), answer(ledger, all_metrics()["completion"], question)
                assert ours["key"].tolist() == theirs["key"].tolist()
                assert ours["waiting"].tolist() == (theirs["open"] + theirs["overdue"]).tolist()
                assert ours["overdue"].tolist() == theirs["overdue"].tolist()
                assert ours[AGES].sum(axis=1).tolist() == ours["waiting"].tolist()
                sums.append(ours[COUNTS].sum().tolist())
            assert all(total == sums[0] for total in sums)
    pd.testing.assert_frame_equal(ledger.duties, before)


@pytest.mark.parametrize(
    ("days", "band"), [(0, "age_0_3"), (4, "age_4_7"), (8, "age_8_14"), (15, "age_over_14"), (400, "age_over_14")]
)
def test_a_band_begins_when_its_day_is_full_and_not_a_second_earlier(days, band):
    frames = school("three classes")
    term = terms_of(frames)[-1]
    one = frames["rounds"][frames["rounds"]["school_year"] * 10 + frames["rounds"]["semester"] == term].iloc[[0]].copy()
    one[["decided_at", "completed_at"]] = NEVER
    ledger = build(frames | {"rounds": one, "enrolments": frames["enrolments"].assign(left_at=NEVER)}, SchoolSettings())
    sent = datetime.fromtimestamp(int(one["sent_at"].iloc[0]) // SECOND, TAIPEI)

    def bands(as_of):
        row = answer(ledger, METRIC, Question(int(term), as_of, "school", "certify")).iloc[0]
        return [name for name in AGES if row[name]]

    assert bands(sent + timedelta(days=days)) == [band]
    earlier = AGES[AGES.index(band) - 1 :][:1] if days in (4, 8, 15) else [band] if days else []
    assert bands(sent + timedelta(days=days, seconds=-1)) == earlier


def test_what_is_sent_or_decided_later_is_not_in_todays_backlog():
    frames = school("three classes")
    rounds = frames["rounds"]
    for term in terms_of(frames):
        for as_of in instants_of(frames, term)[::3]:
            at = to_us(as_of)
            known = rounds[rounds["sent_at"] <= at].copy()
            known.loc[known["decided_at"] > at, ["decided_at", "completed_at"]] = NEVER
            question = Question(term, as_of, "class", "certify")
            whole, past = (
                answer(build(f, SchoolSettings()), METRIC, question) for f in (frames, frames | {"rounds": known})
            )
            pd.testing.assert_frame_equal(whole, past)
