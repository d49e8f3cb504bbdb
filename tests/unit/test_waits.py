"""Waits: the shares and the curve against a product-limit loop over the rows, and against published survival tables."""

from __future__ import annotations

import math
from fractions import Fraction

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from data.instants import DAY_US, NEVER, from_us, parse_as_of, to_us
from data.ledger import build
from data.metrics import Question, ReportError, all_metrics, answer
from data.metrics.waits import CURVE, METRIC, MOST_POINTS, curve, shares_within
from data.schema import DUTY, SchoolSettings, conform
from tests.unit.plain_count import GROUPINGS, SCHOOLS, gathered, instants_of, school, sendings_at, terms_of

AS_OF = to_us(parse_as_of("2025-02-11"))
# Remission in weeks of 21 children on 6-MP and 21 on placebo (Freireich et al. 1963, Blood 21, 699-716); True: relapsed.
SIX_MP = [(6, True), (6, True), (6, True), (6, False), (7, True), (9, False), (10, True), (10, False), (11, False), (13, True),
          (16, True), (17, False), (19, False), (20, False), (22, True), (23, True), (25, False), (32, False), (32, False),
          (34, False), (35, False)]  # fmt: skip
PLACEBO = [(week, True) for week in (1, 1, 2, 2, 3, 4, 4, 5, 5, 8, 8, 8, 8, 11, 11, 12, 12, 15, 17, 22, 23)]
# Week, at risk, survival, its standard error: Klein & Moeschberger (2003), Survival Analysis, table 4.1A.
PUBLISHED = [(6, 21, 0.857, 0.076), (7, 17, 0.807, 0.087), (10, 15, 0.753, 0.096), (13, 12, 0.690, 0.107), (16, 11, 0.627, 0.114),
             (22, 7, 0.538, 0.128), (23, 6, 0.448, 0.135)]  # fmt: skip


def duties_of(observed, *, unit=DAY_US):
    """Build duties that waited so long by AS_OF: done then, or still waiting."""
    rows = []
    for number, (wait, is_done) in enumerate(observed):
        opened = AS_OF - wait * unit if not is_done else AS_OF - 4000 * DAY_US
        done = opened + wait * unit if is_done else NEVER
        rows.append(
            dict.fromkeys(DUTY, -1)
            | {"duty_id": number, "opened_at": opened, "done_at": done, "decided_at": done, "due_at": NEVER,
               "original_due_at": NEVER, "exempt_at": NEVER, "exempt_until": NEVER, "wait_us": wait * unit if is_done else NEVER}
        )  # fmt: skip
    return conform(pd.DataFrame(rows, columns=list(DUTY)), DUTY).sort_values(
        "wait_us", kind="stable", ignore_index=True
    )


def shares_of(observed, days):
    duties = duties_of(observed)
    done = duties["done_at"].to_numpy() <= AS_OF
    wait = np.where(done, duties["wait_us"], AS_OF - duties["opened_at"])
    return [
        float(share[0])
        for share in shares_within(np.zeros(len(wait), dtype=np.int64), wait, done, size=1, days=tuple(days))
    ]


def survival_by_hand(observed, at, one=1.0):
    """The product-limit estimate as a loop: nobody knows what became of those all censored before `at`."""
    if not observed:
        return math.nan
    surviving, at_risk = one, len(observed)
    for wait, is_done in sorted(observed, key=lambda pair: (pair[0], not pair[1])):
        if wait > at:
            break
        if is_done:
            surviving *= one * (at_risk - 1) / at_risk
        at_risk -= 1
    longest, ends_done = max(observed)[0], any(is_done for wait, is_done in observed if wait == max(observed)[0])
    only_done_last = ends_done and all(is_done for wait, is_done in observed if wait == longest)
    return math.nan if longest < at and not only_done_last else surviving


def quantile_by_hand(observed, share):
    surviving, at_risk = 1.0, len(observed)
    for wait, is_done in sorted(observed, key=lambda pair: (pair[0], not pair[1])):
        if is_done:
            surviving *= (at_risk - 1) / at_risk
            if surviving <= share + 1e-12:
                return wait
        at_risk -= 1
    return math.nan


def same(ours, theirs):
    return (math.isnan(ours) and math.isnan(theirs)) or ours == pytest.approx(theirs, abs=1e-9)


@pytest.mark.parametrize("name", SCHOOLS[:2])
def test_waits_equal_a_count_over_the_rows_at_every_edge_of_every_window(name):
    frames = school(name)
    ledger = build(frames, SchoolSettings())
    undefined = censored = excused = 0
    for term in terms_of(frames):
        for as_of in instants_of(frames, term):
            sendings = sendings_at(frames, term, to_us(as_of))
            excused += sum(one["state"] == "exempt" for one in sendings)
            for by in GROUPINGS:
                table = answer(ledger, METRIC, Question(term, as_of, by, "certify")).set_index("key")
                groups = gathered(sendings, by)
                assert set(groups) <= set(table.index)
                for row in table.itertuples():
                    observed = [
                        (
                            (one["done"] if one["state"] == "done" else to_us(as_of)) - one["sent"],
                            one["state"] == "done",
                        )
                        for one in groups.get(row.Index, [])
                        if one["state"] != "exempt"
                    ]
                    done = sum(is_done for _, is_done in observed)
                    assert (row.started, row.done, row.waiting) == (len(observed), done, len(observed) - done)
                    assert same(row.wait_median_days, quantile_by_hand(observed, 0.5) / DAY_US)
                    assert same(row.wait_p90_days, quantile_by_hand(observed, 0.1) / DAY_US)
                    for days in (3, 7, 14):
                        share = 1 - survival_by_hand(observed, days * DAY_US)
                        assert same(getattr(row, f"share_within_{days}_days"), share)
                        undefined += math.isnan(share) and bool(observed)
                    censored += len(observed) - done
    assert censored > 0  # else the test has not tested what it is for
    assert undefined > 0
    assert excused > 0


@pytest.mark.parametrize("name", SCHOOLS[:2])
def test_what_has_started_is_what_completion_expects_and_days_are_its_days(name):
    frames = school(name)
    ledger = build(frames, SchoolSettings())
    for term in terms_of(frames):
        for as_of in instants_of(frames, term)[::3]:
            for by in GROUPINGS:
                question = Question(term, as_of, by, "certify")
                ours, theirs = answer(ledger, METRIC, question), answer(ledger, all_metrics()["completion"], question)
                assert ours["key"].tolist() == theirs["key"].tolist()
                assert ours["started"].tolist() == theirs["expected"].tolist()
                assert ours["done"].tolist() == (theirs["on_time"] + theirs["late"]).tolist()
                for column in ("wait_median_days", "wait_p90_days"):
                    pd.testing.assert_series_equal(ours[column], theirs[column])


def test_counts_add_up_to_the_school_and_inputs_stay_as_they_are():
    frames = school("five classes")
    ledger = build(frames, SchoolSettings())
    before = ledger.duties.copy()
    counts = ["started", "done", "waiting"]
    for term in terms_of(frames):
        for as_of in instants_of(frames, term)[::4]:
            sums = [
                answer(ledger, METRIC, Question(term, as_of, by, "certify"))[counts].sum().tolist() for by in GROUPINGS
            ]
            assert all(total == sums[0] for total in sums)
    pd.testing.assert_frame_equal(ledger.duties, before)


def test_facts_dated_after_an_instant_never_change_its_waits():
    frames = school("three classes")
    rounds = frames["rounds"]
    for term in terms_of(frames):
        for as_of in instants_of(frames, term)[::6]:
            at = to_us(as_of)
            known = rounds[rounds["sent_at"] <= at].copy()
            known.loc[known["decided_at"] > at, ["decided_at", "completed_at"]] = NEVER
            for by in ("school", "class", "teacher"):
                question = Question(term, as_of, by, "certify")
                whole, past = (
                    answer(build(f, SchoolSettings()), METRIC, question).set_index("key")
                    for f in (frames, frames | {"rounds": known})
                )
                pd.testing.assert_frame_equal(
                    whole.loc[past.index], past
                )  # a teacher nobody sent to yet may lack his row of 0


@given(
    observed=st.lists(st.tuples(st.integers(0, 2), st.integers(-2, 16), st.booleans()), max_size=40),
    days=st.lists(st.integers(0, 18), min_size=1, max_size=4),
)
def test_shares_are_the_exact_product_limit_for_every_group(observed, days):
    key, wait, done = (
        np.array([row[i] for row in observed], dtype=dtype) for i, dtype in enumerate((np.int64, np.int64, bool))
    )
    shares = shares_within(key, wait * DAY_US, done, size=4, days=tuple(days))
    for limit, share in zip(days, shares, strict=True):
        for group in range(4):
            exact = survival_by_hand([(w, d) for k, w, d in observed if k == group], limit, Fraction(1))
            assert same(share[group], 1 - float(exact))


def test_the_6_mp_curve_is_the_published_one():
    table = curve(duties_of(SIX_MP), AS_OF)
    assert table["days"].tolist() == [
        0,
        6,
        7,
        10,
        13,
        16,
        22,
        23,
        35,
    ]  # begins with everybody, ends with the longest wait
    assert table["at_risk"].tolist() == [21, *(row[1] for row in PUBLISHED), 1]
    assert table["waiting_share"].round(3).tolist() == [1, *(row[2] for row in PUBLISHED), 0.448]
    for row, (_, _, survival, error) in zip(table.iloc[1:-1].itertuples(), PUBLISHED, strict=True):
        for limit, sign in ((row.lower_95, 1), (row.upper_95, -1)):
            spread = (
                1.959964 * error / (survival * math.log(survival))
            )  # the published error on the scale of log(-log S)
            assert limit == pytest.approx(survival ** math.exp(-sign * spread), abs=0.002)


def test_the_limits_are_those_that_a_statistics_package_prints():
    """Placebo: `sts list` of Stata, in G. Rodríguez, The Gehan Survival Data (Princeton, Pop 509)."""
    table = curve(duties_of(PLACEBO), AS_OF).set_index("days")
    assert table.loc[1, ["waiting_share", "lower_95", "upper_95"]].round(4).tolist() == [0.9048, 0.67, 0.9753]
    assert table.loc[2, ["waiting_share", "lower_95", "upper_95"]].round(4).tolist() == [0.8095, 0.5689, 0.9239]
    assert table.loc[23, "waiting_share"] == 0
    assert table.loc[[0, 23], ["lower_95", "upper_95"]].isna().all().all()  # no limits of what is certain in the sample


def test_shares_within_are_one_less_the_published_survival():
    assert [round(share, 3) for share in shares_of(SIX_MP, (5, 6, 9, 10, 22, 35))] == [
        0,
        0.143,
        0.193,
        0.247,
        0.462,
        0.552,
    ]
    assert math.isnan(shares_of(SIX_MP, (36,))[0])  # the last child was followed for 35 weeks
    assert shares_of(PLACEBO, (8, 23, 99)) == [13 / 21, 1, 1]  # exact without censoring: a floored percentage shows it


def test_where_nothing_is_done_yet_the_share_is_0_and_not_what_rounding_leaves():
    assert shares_of([(day, False) for day in range(1, 11)], (6,)) == [0]  # the factors of ten at risk leave 2e-16


def test_what_is_done_at_the_last_moment_counts_before_what_is_censored_then():
    assert shares_of([(3, True), (3, False)], (3,)) == [0.5]
    assert math.isnan(shares_of([(3, True), (3, False)], (4,))[0])
    assert shares_of([(2, False), (3, True)], (2, 3, 9)) == [0, 1, 1]


def test_a_group_in_which_nothing_started_has_no_curve_and_no_share():
    empty = curve(duties_of([]), AS_OF)
    assert len(empty) == 0
    assert {name: str(dtype) for name, dtype in empty.dtypes.items()} == CURVE
    early = curve(duties_of(SIX_MP), AS_OF - 5000 * DAY_US)  # nothing had been sent yet
    assert len(early) == 0
    assert math.isnan(
        shares_within(
            np.zeros(0, dtype=np.int64), np.zeros(0, dtype=np.int64), np.zeros(0, dtype=bool), size=1, days=(3,)
        )[0][0]
    )


def test_an_excused_duty_is_in_no_curve_until_its_student_is_back():
    duties = duties_of([(4, True), (9, False)])
    duties.loc[duties["done_at"] == NEVER, ["exempt_at", "exempt_until"]] = [AS_OF - DAY_US, AS_OF + DAY_US]
    assert curve(duties, AS_OF)["at_risk"].tolist() == [1, 1]
    assert curve(duties, AS_OF + DAY_US)["at_risk"].tolist() == [2, 2, 1]


def test_a_long_curve_is_thinned_to_points_of_the_whole_one():
    choose = np.random.default_rng(5)
    observed = [(int(wait), bool(choose.random() < 0.8)) for wait in choose.integers(1, 10**9, size=3000)]
    duties = duties_of(observed, unit=1000)
    thin = curve(duties, AS_OF)
    assert 150 < len(thin) <= MOST_POINTS
    surviving, at_risk, whole = 1.0, len(observed), {0: (1.0, len(observed))}
    for wait, is_done in sorted(observed, key=lambda pair: (pair[0], not pair[1])):
        if is_done:
            surviving *= (at_risk - 1) / at_risk
            whole[wait] = (surviving, at_risk)
        at_risk -= 1
    steps = sorted(whole)
    shown = {
        round(days * DAY_US / 1000): share for days, share in zip(thin["days"], thin["waiting_share"], strict=True)
    }
    assert max(shown) == max(wait for wait, _ in observed)
    for wait, share in list(shown.items())[:-1]:
        assert share == pytest.approx(whole[wait][0], abs=1e-9)
    last, worst = 1.0, 0.0
    for wait in steps:
        last = shown.get(wait, last)
        worst = max(worst, last - whole[wait][0])
    assert worst <= (1 - surviving) / 198


def test_the_curve_of_the_school_agrees_with_its_row():
    frames = school("five classes")
    ledger = build(frames, SchoolSettings())
    for term in terms_of(frames):
        for as_of in instants_of(frames, term)[::5]:
            row = answer(ledger, METRIC, Question(term, as_of, "school", "certify")).iloc[0]
            table = curve(ledger.of_term(term), to_us(as_of))
            if not row["started"]:
                assert table.empty
                continue
            assert table["at_risk"].iloc[0] == row["started"]
            reached = table.loc[table["waiting_share"] <= 0.5 + 1e-12, "days"]
            step = abs(table["waiting_share"].diff()).max()
            if len(reached):  # the thinned curve passes the median at most one kept step later
                assert reached.iloc[0] >= row["wait_median_days"] - 1e-9
                assert step < 0.2 or reached.iloc[0] == pytest.approx(row["wait_median_days"])
            else:
                assert math.isnan(row["wait_median_days"])


def test_waits_are_asked_of_certifying_only():
    with pytest.raises(ReportError):
        answer(
            build(school("three classes"), SchoolSettings()), METRIC, Question(1141, from_us(AS_OF), "school", "upload")
        )
