"""The funnel's limits and flags."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from data.metrics.funnel import assess, flags, limit


def test_limits_interpolate_between_the_binomial_counts_around_p():
    for n in (10, 37, 200):
        value = limit(np.array([n]), 0.86, 0.025)[0] * n
        upper = int(np.ceil(value))
        assert stats.binom.cdf(upper - 1, n, 0.86) < 0.025 <= stats.binom.cdf(upper, n, 0.86)


def test_limits_close_in_on_the_target_as_items_grow():
    low = limit(np.array([10, 100, 1000]), 0.9, 0.001)
    high = limit(np.array([10, 100, 1000]), 0.9, 0.999)
    assert (np.diff(low) > 0).all()
    assert (np.diff(high) <= 0).all()
    assert (low < 0.9).all()


def test_nobody_is_flagged_below_ten_decided_items():
    table = assess(pd.DataFrame({"on_time": [0, 90, 95], "late": [9, 10, 5], "overdue": [0, 0, 0]}))
    assert table["flag"].tolist()[0] == ""
    assert table["p_low"].iloc[0] < 0.001


def test_a_clear_laggard_is_flagged_low_and_others_are_not():
    table = assess(pd.DataFrame({"on_time": [30, *[57] * 20], "late": [30, *[3] * 20], "overdue": [0] * 21}))
    assert table["flag"].tolist() == ["low"] + [""] * 20


def test_a_school_without_decided_items_has_no_limits_and_no_flags():
    table = assess(pd.DataFrame({"on_time": [0, 0], "late": [0, 0], "overdue": [0, 0]}))
    assert table["flag"].tolist() == ["", ""]
    assert table[["timeliness", "lower_95", "p_low"]].isna().all().all()


def test_false_alarms_are_controlled_over_both_tails_together():
    p_low = np.array([0.001, 0.5, 0.5])
    p_high = np.array([0.999, 0.5, 0.5])
    assert flags(p_low, p_high, np.array([50, 50, 50])) == ["low", "", ""]
    assert flags(p_low * 9, p_high, np.array([50, 50, 50])) == ["", "", ""]


@pytest.mark.parametrize("target", [0.0, 1.0])
def test_a_school_all_alike_flags_nobody(target):
    on_time = 20 if target else 0
    table = assess(pd.DataFrame({"on_time": [on_time] * 5, "late": [20 - on_time] * 5, "overdue": [0] * 5}))
    assert table["flag"].tolist() == [""] * 5
