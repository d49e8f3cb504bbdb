"""The funnel's limits and flags."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from data.metrics.funnel import assess, flags, limit
from tests.bench.fairness import FALSE_ALARM_GOAL, POWER_GOAL, simulate


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


def test_the_limit_is_the_one_worked_out_by_hand_from_the_binomial_table():
    """n = 10, θ = 0.5: P(X ≤ 2) = 56/1024 is the first to reach 0.025, P(X = 2) = 45/1024 (any table of the binomial).

    Spiegelhalter 2005 (Statist. Med. 24, A.1.1): r = 2, alpha = (56/1024 - 0.025) / (45/1024), limit = (r - alpha) / n.
    """
    alpha = (56 / 1024 - 0.025) / (45 / 1024)
    assert limit(np.array([10]), 0.5, 0.025)[0] == pytest.approx((2 - alpha) / 10, abs=1e-12)
    # and above: P(X ≤ 8) = 1013/1024 is the first to reach 0.975, P(X = 8) = 45/1024
    alpha = (1013 / 1024 - 0.975) / (45 / 1024)
    assert limit(np.array([10]), 0.5, 0.975)[0] == pytest.approx((8 - alpha) / 10, abs=1e-12)


@pytest.mark.parametrize("target", [0.5, 0.83, 0.97])
def test_tails_and_limits_are_scipy_s_binomial(target):
    decided = np.arange(10, 400, 7)
    on_time = np.minimum(decided, np.round(decided * target + 2).astype(int))
    table = assess(pd.DataFrame({"on_time": on_time, "late": decided - on_time, "overdue": 0}))
    rate = on_time.sum() / decided.sum()
    np.testing.assert_allclose(table["p_low"], stats.binom.cdf(on_time, decided, rate))
    np.testing.assert_allclose(table["p_high"], stats.binom.sf(on_time - 1, decided, rate))
    for name, p in (("lower_95", 0.025), ("upper_95", 0.975), ("lower_998", 0.001), ("upper_998", 0.999)):
        r = stats.binom.ppf(p, decided, rate)
        alpha = (stats.binom.cdf(r, decided, rate) - p) / stats.binom.pmf(r, decided, rate)
        np.testing.assert_allclose(table[name], np.clip((r - alpha) / decided, 0, 1))


def test_the_false_discovery_control_rejects_what_its_authors_reject():
    """The 15 ordered p-values of Benjamini & Hochberg 1995 (J. R. Statist. Soc. B 57, section 4.1): four are rejected.

    A sixteenth of 1 fills the second tail up; it moves the fourth's limit from 0.0133 to 0.0125 and changes nothing.
    """
    published = [0.0001, 0.0004, 0.0019, 0.0095, 0.0201, 0.0278, 0.0298, 0.0344,
                 0.0459, 0.3240, 0.4262, 0.5719, 0.6528, 0.7590, 1.000, 1.000]  # fmt: skip
    low = flags(np.array(published[:8]), np.array(published[8:]), np.full(8, 50))
    assert low == ["low"] * 4 + [""] * 4


def test_hardly_a_school_without_a_laggard_is_accused_and_the_slow_are_found():
    alarms, _ = simulate(300, slow=0, seed=11)
    _, power = simulate(600, slow=3, seed=12)
    assert alarms <= FALSE_ALARM_GOAL
    assert power >= POWER_GOAL
