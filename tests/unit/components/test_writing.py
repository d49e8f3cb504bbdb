"""How numbers, dates and words are written."""

from __future__ import annotations

from datetime import UTC, date, datetime

import pandas as pd
import pytest
from flask import Flask
from flask_babel import Babel
from hypothesis import given
from hypothesis import strategies as st

from dashboard.components.dates import last_day, roc_date, roc_datetime
from dashboard.components.numbers import count, days, fraction, percent, percent_of_rate
from dashboard.components.words import VOLUNTARY, require_fair, stage_name, status_word, voluntary_rule
from dashboard.figures.palette import Status


@pytest.mark.parametrize(
    ("numerator", "denominator", "decimals", "written"),
    [
        (358, 359, 0, "99%"),
        (358, 359, 1, "99.7%"),
        (359, 359, 0, "100%"),
        (0, 359, 0, "0%"),
        (1, 359, 1, "0.2%"),
        (29, 100, 1, "29.0%"),
        (57, 100, 0, "57%"),
        (0, 0, 0, "—"),
        (pd.NA, 5, 0, "—"),
        (None, None, 1, "—"),
    ],
)
def test_percentages_are_floored_and_nothing_expected_is_a_dash(numerator, denominator, decimals, written):
    assert percent(numerator, denominator, decimals=decimals) == written


@given(st.integers(1, 10**6), st.integers(0, 2))
def test_only_the_whole_is_a_hundred_per_cent(total, decimals):
    assert not percent(total - 1, total, decimals=decimals).startswith("100")


@given(st.integers(0, 1000))
def test_a_rate_is_written_like_the_counts_it_came_from(part):
    assert percent_of_rate(part / 1000, decimals=1) == percent(part, 1000, decimals=1)


def test_a_rate_that_is_not_defined_is_a_dash():
    assert [percent_of_rate(rate) for rate in (None, float("nan"), pd.NA)] == ["—"] * 3


def test_counts_have_thousands_and_fractions_both_parts():
    assert fraction(1980, 2660) == "1,980/2,660"
    assert fraction(None, 2660) == "—/2,660"
    assert count(pd.NA) == "—"


def test_half_a_day_rounds_up():
    assert (days(4.5), days(4.4, decimals=1), days(float("nan"))) == ("5", "4.4", "—")


def test_dates_are_in_years_of_the_republic_with_the_weekday():
    assert roc_date(date(2026, 11, 23)) == "115/11/23（一）"
    assert roc_date(pd.Timestamp("2025-02-09"), weekday=False) == "114/2/9"


def test_an_instant_is_read_on_the_clock_of_taipei():
    assert roc_datetime(datetime(2026, 11, 22, 16, 0, tzinfo=UTC)) == "115/11/23（一）00:00"
    assert roc_date(pd.Timestamp("2026-11-22 15:59:59.999999", tz="UTC")) == "115/11/22（日）"


def test_nothing_known_is_a_dash():
    assert [roc_date(None), roc_date(pd.NaT), roc_datetime(None)] == ["—"] * 3


def test_an_exclusive_end_is_the_day_before():
    assert last_day(pd.Timestamp("2025-02-04", tz="Asia/Taipei")) == pd.Timestamp("2025-02-03")
    assert last_day(pd.Timestamp("2025-02-03 17:00")) == pd.Timestamp("2025-02-03")


def test_in_english_dates_are_iso():
    app = Flask(__name__)
    Babel(app, default_locale="en")
    with app.test_request_context():
        assert roc_date(date(2026, 11, 23)) == "2026-11-23 (Mon)"


def test_every_stage_and_status_has_a_name():
    stages = ("register", "upload", "certify", "select", "submit", "confirm", "train", "meet", "plan")
    assert len({stage_name(stage) for stage in stages}) == 9
    assert len({status_word(status) for status in Status}) == 8


@pytest.mark.parametrize("stage", sorted(VOLUNTARY))
@pytest.mark.parametrize("status", Status)
def test_a_voluntary_stage_is_never_judged(stage, status):
    if status in (Status.DONE, Status.ON_TRACK, Status.ATTENTION, Status.OVERDUE, Status.BEHIND):
        with pytest.raises(ValueError, match="voluntary"):
            require_fair(stage, status)
    else:
        require_fair(stage, status)


def test_the_words_for_taking_part_name_no_fault():
    assert not set("逾欠缺未") & set(status_word(Status.NEUTRAL))
    assert "不得列為評量或獎懲依據" in voluntary_rule()
