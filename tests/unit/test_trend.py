"""Day by day: the same as asking each day anew, and the terms before on the same working day."""

from __future__ import annotations

from datetime import date, datetime, timedelta

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from data.instants import DAY_US, TAIPEI, from_us
from data.ledger import build
from data.metrics import Question, completion
from data.metrics.trend import COUNTS, answer, by_day
from data.schema import SchoolSettings
from tests.unit.test_metrics import BASE, DUE, EXTENDED, frames_of, worlds

HOUR = 3_600_000_000


@given(
    worlds,
    st.lists(st.integers(-24, 90 * 24), min_size=1, max_size=6),
    st.sampled_from(["current", "original"]),
)
def test_many_instants_at_once_are_each_instant_by_itself(world, hours, deadline):
    ledger = build(frames_of(world), SchoolSettings())
    duties = ledger.of_term(1131)
    instants = np.array(sorted({BASE + hour * HOUR for hour in hours} | {DUE - 1, DUE, EXTENDED}), dtype=np.int64)
    row = duties["class"].to_numpy()
    counted = by_day(duties, row, len(ledger.classes), instants, deadline=deadline)
    for place, instant in enumerate(instants):
        asked = Question(1131, from_us(instant), by="class", stage="certify", deadline=deadline)
        alone = completion.answer(ledger, asked).set_index("key")
        for code, name in enumerate(ledger.labels["class"]):
            assert counted[place, code].tolist() == alone.loc[name, list(COUNTS)].tolist()


def a_school_of_years(years):
    """Each year the same: of two items sent on the window's first day one is certified on its 11th, the other never."""
    frames = frames_of({"rounds": [], "left": {}, "deputy": None, "window": "none"})
    windows, rounds, enrolments, classes = [], [], [], []
    for year in years:
        start = int(datetime(year + 1911, 9, 2, 8, tzinfo=TAIPEI).timestamp()) * 1_000_000
        windows.append((year, 1, 1, "certify", start, start + 100 * DAY_US, start + 100 * DAY_US, ""))
        classes.append((year, "101", 1, "普通科", "T1"))
        enrolments.append((year, 1, "101", 1, "普通科", "日間部", True, 2**63 - 1, False))
        for number in (1, 2):
            done = start + 10 * DAY_US if number == 1 else 2**63 - 1
            key = year * 10 + number
            rounds.append((key, key, year, 1, 1, "數學", "T1", start, done, done, "T1" if number == 1 else "", True))
    tables = {"windows": windows, "rounds": rounds, "enrolments": enrolments, "classes": classes}
    import pandas as pd

    from data.schema import FRAMES, conform

    return frames | {
        name: conform(pd.DataFrame(rows, columns=list(FRAMES[name])), FRAMES[name]) for name, rows in tables.items()
    }


def test_the_terms_before_are_asked_on_the_same_working_day_and_at_the_same_hour():
    ledger = build(a_school_of_years([111, 112, 113]), SchoolSettings())
    as_of = datetime(2024, 9, 20, 12, tzinfo=TAIPEI)
    table = answer(ledger, Question(1131, as_of, stage="certify"))
    assert table["day"].tolist() == [(date(2024, 9, 2) + timedelta(days=n)).isoformat() for n in range(19)]
    assert table["working_day"].iloc[0] == 0
    assert table["working_day"].iloc[-1] == 14
    own = dict(zip(table["day"], table["completion"], strict=True))
    assert (own["2024-09-11"], own["2024-09-12"]) == (0.0, 0.5)
    for row in table.itertuples():
        offset = row.working_day
        shares = []
        for year, closed in ((2023, 12), (2022, 12)):
            first = date(year, 9, 2)
            # By hand: count working days on from the first one at or after the window's start.
            then = first
            while then.weekday() >= 5:
                then += timedelta(days=1)
            for _ in range(offset):
                then += timedelta(days=1)
                while then.weekday() >= 5:
                    then += timedelta(days=1)
            at = datetime(then.year, then.month, then.day, tzinfo=TAIPEI) + (
                timedelta(hours=12) if row.day == "2024-09-20" else timedelta(days=1)
            )
            shares.append(0.5 if at >= datetime(year, 9, closed, 8, tzinfo=TAIPEI) else 0.0)
        assert row.completion_before == shares[0]
        assert row.completion_usual == pytest.approx(sum(shares) / 2)


def test_one_term_before_is_no_usual_and_none_is_no_before():
    one = answer(build(a_school_of_years([112, 113]), SchoolSettings()), Question(1131, from_us(DUE), stage="certify"))
    assert one["completion_before"].notna().all()
    assert one["completion_usual"].isna().all()
    none = answer(build(a_school_of_years([113]), SchoolSettings()), Question(1131, from_us(DUE), stage="certify"))
    assert none["completion_before"].isna().all()


def test_a_class_has_no_earlier_self_and_a_term_not_begun_has_no_days():
    ledger = build(a_school_of_years([112, 113]), SchoolSettings())
    by_class = answer(ledger, Question(1131, from_us(DUE), by="class", stage="certify"))
    assert by_class["completion_before"].isna().all()
    early = datetime(2024, 9, 1, tzinfo=TAIPEI)
    assert len(answer(ledger, Question(1131, early, stage="certify"))) == 0
