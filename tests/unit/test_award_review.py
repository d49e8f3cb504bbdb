"""A criterion held against a school: the same outcomes as counted row by row, credit for who did the work, and no rank."""

from __future__ import annotations

import math
from collections import defaultdict
from datetime import date
from fractions import Fraction
from functools import cache

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from data.awards.criteria import (
    AUDIENCES,
    DAYS,
    DUTY_STAGES,
    GRADES,
    MEASURES,
    RATES,
    SCHOOL_YEAR,
    TERM,
    Condition,
    Criterion,
    CriterionError,
    check_criterion,
    comparator_of,
    examples,
)
from data.awards.improvement import discovered, improvement
from data.awards.review import review, span_of, terms_of, wilson
from data.instants import DAY_US, NEVER, to_us
from data.ledger import STAGES, build
from data.metrics import Question, funnel
from data.metrics.completion import STATES, states
from data.schema import SchoolSettings
from tests.unit.plain_count import SCHOOLS, instants_of, school, sendings_at
from tests.unit.plain_count import terms_of as all_terms

SCHOOL = "five classes"


def criterion(*conditions, audience="certifier", minimum=5, period=TERM):
    return Criterion(
        1, 1, 1, "標準", audience, conditions, minimum, period, GRADES[0], None, date(2020, 1, 1), None, False
    )


def condition(stage, measure, threshold):
    return Condition(stage, measure, comparator_of(measure), threshold)


def ledger_of(frames):
    return build(frames, SchoolSettings())


@cache
def ledger_named(name):
    return ledger_of(school(name))


# --- an independent evaluation ----------------------------------------------------------------------------------------


def waited(sendings, share, as_of_us):
    """Kaplan-Meier with fractions, over the observed durations one by one."""
    spans = [(one["done"] - one["sent"], True) for one in sendings if one["state"] == "done"]
    spans += [(as_of_us - one["sent"], False) for one in sendings if one["state"] in ("open", "overdue")]
    left, at_risk = Fraction(1), len(spans)
    for length in sorted({length for length, _ in spans}):
        events = sum(is_done and each == length for each, is_done in spans)
        if events:
            left *= Fraction(at_risk - events, at_risk)
            if left <= share:
                return length / DAY_US
        at_risk -= sum(each == length for each, _ in spans)
    return None


def evaluate(sendings, rule, as_of_us):
    """Say what a rule finds of one person's sendings, and the figures on the way."""
    on_time = sum(one["state"] == "done" and (one["due"] is None or one["done"] < one["due"]) for one in sendings)
    done = sum(one["state"] == "done" for one in sendings)
    overdue = sum(one["state"] == "overdue" for one in sendings)
    waiting = sum(one["state"] == "open" for one in sendings)
    past = [one for one in sendings if one["state"] != "exempt" and one["due"] is not None and one["due"] <= as_of_us]
    expected = done + overdue + waiting
    shares = {
        "timeliness": (on_time, done + overdue), "completion": (done, expected), "due_so_far": (sum(one["state"] == "done" for one in past), len(past)),
    }  # fmt: skip
    results = []
    for each in rule.conditions:
        bound = Fraction(each.threshold, 1000)
        if each.measure in shares:
            part, whole = shares[each.measure]
            if whole < rule.minimum_count:
                results.append("too_few")
            elif Fraction(part, whole) >= bound:
                results.append("met")
            else:
                upper = stats.binomtest(part, whole).proportion_ci(method="wilson").high
                results.append("near" if upper >= bound else "not_met")
        elif expected < rule.minimum_count:
            results.append("too_few")
        elif each.measure == "overdue":
            results.append("met" if overdue <= bound else "not_met")
        else:
            days = waited(sendings, Fraction(1, 2) if each.measure == "wait_median_days" else Fraction(1, 10), as_of_us)
            if days is None:
                results.append("not_met")
            else:
                results.append("met" if days <= float(bound) else "near" if days <= float(bound) + 1 else "not_met")
    outcome = next(each for each in ("too_few", "not_met", "near", "met") if each in results)
    return outcome, {"on_time": on_time, "done": done, "overdue": overdue, "late": done - on_time, "expected": expected}


@st.composite
def rules(draw):
    measures = draw(st.lists(st.sampled_from(MEASURES), min_size=1, max_size=3, unique=True))
    most = {**dict.fromkeys(RATES, 1000), **dict.fromkeys(DAYS, 20_000), "overdue": 3000}
    made = [condition("certify", each, draw(st.integers(most[each] // 2, most[each]))) for each in measures]
    audience = draw(st.sampled_from(["certifier", "deputy"]))
    return criterion(
        *made, audience=audience, minimum=draw(st.integers(1, 25)), period=draw(st.sampled_from([TERM, SCHOOL_YEAR]))
    )


@given(st.sampled_from(SCHOOLS), rules(), st.data())
def test_outcomes_equal_an_evaluation_over_rows_in_plain_python(name, rule, data):
    frames = school(name)
    term = data.draw(st.sampled_from(all_terms(frames)))
    as_of = data.draw(st.sampled_from(instants_of(frames, term)))
    as_of_us = to_us(as_of)
    sendings = [one for each in terms_of(rule, term) if each % 10 for one in sendings_at(frames, each, as_of_us)]
    original = [
        one for each in terms_of(rule, term) if each % 10 for one in sendings_at(frames, each, as_of_us, "original")
    ]
    for one, other in zip(sendings, original, strict=True):
        one["extended"] = (
            one["state"] == "done"
            and None not in (one["due"], other["due"])
            and other["due"] <= one["done"] < one["due"]
        )
    of = defaultdict(list)
    for one in sendings:
        if one["teacher"] and (rule.audience == "certifier" or one["teacher"] != one["assigned"]):
            of[one["teacher"]].append(one)
    found = review(ledger_named(name), rule, term=term, as_of=as_of)
    assert [each.code for each in found] == sorted(of)
    for each in found:
        own = of[each.code]
        outcome, figures = evaluate(own, rule, as_of_us)
        assert each.outcome == outcome, each
        assert {name: each.facts["certify"][name] for name in figures} == figures
        assert each.counter["overdue"] == figures["overdue"]
        assert each.counter["late"] == figures["late"]
        assert each.counter["extension_used"] == sum(one["extended"] for one in own)
        assert each.counter["with_window"] == sum(one["closes"] is not None for one in own)
        assert each.counter["last_48h"] == sum(
            one["closes"] is not None and one["closes"] - one["sent"] <= 2 * DAY_US for one in own
        )
        done = [one for one in sendings if one["state"] == "done"]
        assert each.counter["for_others"] == sum(one["teacher"] == each.code != one["assigned"] for one in done)
        assert each.counter["by_others"] == sum(one["assigned"] == each.code != one["teacher"] for one in done)
        assert each.counter["returned"] == sum(one["state"] == "done" and not one["passed"] for one in own)
        assert sorted(number for _stage, number in each.items) == sorted(one["id"] for one in own)


@pytest.mark.parametrize("stage", ["submit", "register", "confirm"])
def test_a_unit_s_outcome_equals_a_count_over_the_ledger_s_rows(stage):
    frames = school(SCHOOL)
    ledger = ledger_named(SCHOOL)
    rule = criterion(
        condition(stage, "timeliness", 900),
        condition(stage, "overdue", 0),
        audience="unit",
        minimum=2,
        period=SCHOOL_YEAR,
    )
    seen = 0
    for term in all_terms(frames):
        for as_of in instants_of(frames, term)[-3:]:
            at, of = to_us(as_of), defaultdict(list)
            for row in ledger.duties.to_dict("records"):
                if (
                    row["stage"] == STAGES.index(stage)
                    and row["term"] // 10 == term // 10
                    and row["opened_at"] <= at
                    and row["unit"] >= 0
                ):
                    of[str(ledger.labels["unit"][row["unit"]])].append(row)
            found = {each.code: each for each in review(ledger, rule, term=term, as_of=as_of)}
            assert sorted(found) == sorted(of)
            for unit, rows in of.items():
                done = [row for row in rows if row["done_at"] <= at]
                on_time = sum(row["done_at"] < row["due_at"] for row in done)
                overdue = sum(
                    row["done_at"] > at >= row["due_at"] and not row["exempt_at"] <= at < row["exempt_until"]
                    for row in rows
                )
                decided = len(done) + overdue
                facts = found[unit].facts[stage]
                assert (facts["on_time"], facts["decided"], facts["overdue"]) == (on_time, decided, overdue)
                assert (found[unit].outcome == "too_few") == (decided < 2)
                assert found[unit].position == ""
                assert (found[unit].outcome == "met") == (decided >= 2 and 10 * on_time >= 9 * decided and overdue == 0)
                seen += 1
    assert seen > 3 or stage == "confirm"


# --- whose credit -----------------------------------------------------------------------------------------------------


def school_with_a_leave():
    """The busiest teacher of a term is on leave all term; his 代理人 certified what was certified and holds the rest."""
    frames = school(SCHOOL)
    term = all_terms(frames)[0]
    rounds = frames["rounds"].copy()
    of_term = rounds["school_year"] * 10 + rounds["semester"] == term
    away = rounds[of_term]["teacher_code"].value_counts().index[0]
    mine = of_term & (rounds["teacher_code"] == away)
    deputy = next(
        code
        for code in sorted(frames["staff"]["staff_code"])
        if code not in set(rounds["teacher_code"]) | set(rounds["certifier_code"])
    )
    rounds.loc[mine & (rounds["completed_at"] != NEVER), "certifier_code"] = deputy
    as_of = instants_of(frames, term)[-1]
    span = {
        "principal_code": away,
        "deputy_code": deputy,
        "deputy_order": 0,
        "from_at": 0,
        "until_at": to_us(as_of) + DAY_US,
    }
    delegations = pd.concat([pd.DataFrame([span]), frames["delegations"]], ignore_index=True)
    return frames, frames | {"rounds": rounds, "delegations": delegations}, term, as_of, away, deputy


def test_a_teacher_on_leave_gets_neither_blame_nor_credit_and_the_deputy_gets_the_credit():
    before, frames, term, as_of, away, deputy = school_with_a_leave()
    rule = criterion(condition("certify", "timeliness", 500), minimum=1)
    was = {each.code: each for each in review(ledger_of(before), rule, term=term, as_of=as_of)}
    now = {each.code: each for each in review(ledger_of(frames), rule, term=term, as_of=as_of)}
    assert was[away].facts["certify"]["expected"] > 20
    for_others = was[away].counter["for_others"]  # what he did for somebody else before stays his
    left = now[away].facts["certify"]["expected"] if away in now else 0
    assert left <= for_others
    assert (
        now[deputy].facts["certify"]["expected"]
        == was[away].facts["certify"]["expected"] + was[away].counter["by_others"] - left
    )
    assert now[deputy].counter["for_others"] == now[deputy].facts["certify"]["done"]
    assert deputy not in was
    others = set(was) - {away, deputy}
    assert {code: now[code].facts for code in others if was[code].counter["for_others"] == 0} == {
        code: was[code].facts for code in others if was[code].counter["for_others"] == 0
    }
    only_deputies = criterion(condition("certify", "timeliness", 500), audience="deputy", minimum=1)
    assert deputy in {each.code for each in review(ledger_of(frames), only_deputies, term=term, as_of=as_of)}
    assert (
        away not in {each.code for each in review(ledger_of(frames), only_deputies, term=term, as_of=as_of)}
        or for_others
    )


def test_changing_staff_afterwards_changes_nothing():
    _before, frames, term, as_of, away, deputy = school_with_a_leave()
    rule = criterion(condition("certify", "timeliness", 950), condition("certify", "wait_p90_days", 7000))
    was = review(ledger_of(frames), rule, term=term, as_of=as_of)
    later = to_us(as_of) + 1
    rounds = frames["rounds"]
    of_away = rounds.loc[rounds["teacher_code"] == away, "outcome_id"].unique()
    moved = pd.DataFrame({"outcome_id": of_away, "teacher_code": "T999", "from_at": later})
    span = {"principal_code": deputy, "deputy_code": away, "deputy_order": 1, "from_at": later, "until_at": NEVER}
    changed = frames | {
        "reassignments": moved.astype(frames["reassignments"].dtypes.to_dict()),
        "delegations": pd.concat([frames["delegations"], pd.DataFrame([span])], ignore_index=True),
    }
    assert review(ledger_of(changed), rule, term=term, as_of=as_of) == was


def test_days_of_leave_are_counted_once_whoever_stands_in():
    frames = school(SCHOOL)
    term = all_terms(frames)[0]
    as_of = instants_of(frames, term)[-1]
    code = frames["rounds"]["teacher_code"].iloc[0]
    rule = criterion(condition("certify", "timeliness", 0), minimum=1)
    start = span_of(rule, term)[0] + 30 * DAY_US
    spans = [(0, 5, 1), (3, 8, 2), (20, 21, 1)]  # days 0 to 4, 3 to 7, and 20
    rows = [
        {
            "principal_code": code,
            "deputy_code": f"D{order}",
            "deputy_order": order,
            "from_at": start + a * DAY_US,
            "until_at": start + b * DAY_US,
        }
        for a, b, order in spans
    ]
    alone = pd.concat([frames["delegations"].iloc[:0], pd.DataFrame(rows)], ignore_index=True)
    found = {
        each.code: each for each in review(ledger_of(frames | {"delegations": alone}), rule, term=term, as_of=as_of)
    }
    holder = found.get(code)
    assert holder is not None
    assert holder.counter["leave_days"] == 9


# --- intervals and improvement ----------------------------------------------------------------------------------------


@given(st.integers(1, 400), st.data())
def test_wilson_intervals_are_those_of_scipy(whole, data):
    part = data.draw(st.integers(0, whole))
    expected = stats.binomtest(part, whole).proportion_ci(confidence_level=0.95, method="wilson")
    low, high = wilson(part, whole)
    assert math.isclose(low, expected.low, abs_tol=1e-9)
    assert math.isclose(high, expected.high, abs_tol=1e-9)


def test_nobody_is_ranked_and_the_position_is_the_funnel_s_flag():
    frames = school(SCHOOL)
    ledger = ledger_named(SCHOOL)
    term = all_terms(frames)[-1]
    as_of = instants_of(frames, term)[-1]
    found = review(ledger, criterion(condition("certify", "timeliness", 900)), term=term, as_of=as_of)
    codes = [each.code for each in found]
    assert codes == sorted(codes)
    flags = funnel.answer(ledger, Question(term, as_of, by="teacher", stage="certify")).set_index("key")
    for each in found:
        enough = flags.loc[each.code, "decided"] >= funnel.MINIMUM_DECIDED
        assert each.position == ((flags.loc[each.code, "flag"] or "within") if enough else "")


@given(st.lists(st.floats(0, 1), max_size=30))
def test_false_discoveries_are_held_as_scipy_holds_them(p):
    expected = stats.false_discovery_control(p, method="bh") <= 0.05 if p else np.zeros(0, dtype=bool)
    assert discovered(np.array(p)).tolist() == expected.tolist()


def test_improvement_compares_the_same_counts_as_the_report_by_fisher_s_test_and_lists_by_code():
    frames = school(SCHOOL)
    ledger = ledger_named(SCHOOL)
    before, term = all_terms(frames)[:2]
    as_of = instants_of(frames, term)[-1]
    found = improvement(ledger, term=term, before=before, as_of=as_of)
    assert len(found) > 1
    assert found["code"].tolist() == sorted(found["code"])
    tables = {
        each: funnel.answer(ledger, Question(each, as_of, by="teacher", stage="certify")).set_index("key")
        for each in (before, term)
    }
    for row in found.to_dict("records"):
        then, now = tables[before].loc[row["code"]], tables[term].loc[row["code"]]
        assert (row["on_time_before"], row["decided_before"]) == (then["on_time"], then["decided"])
        assert (row["on_time"], row["decided"]) == (now["on_time"], now["decided"])
        table = [
            [row["on_time"], row["decided"] - row["on_time"]],
            [row["on_time_before"], row["decided_before"] - row["on_time_before"]],
        ]
        assert math.isclose(row["p"], stats.fisher_exact(table, alternative="greater").pvalue, rel_tol=1e-9)


# --- what a criterion may be ------------------------------------------------------------------------------------------


@given(
    st.sampled_from(list(AUDIENCES)),
    st.sampled_from(["upload", "select", "train", "meet", "plan", "", "Certify"]),
    st.sampled_from(MEASURES),
)
def test_no_criterion_rests_on_a_voluntary_stage_or_one_without_a_holder(audience, stage, measure):
    with pytest.raises(CriterionError):
        check_criterion(criterion(condition(stage, measure, 0), audience=audience))


@pytest.mark.parametrize("measure", ["pass_rate", "passed", "participation", "items", "returned", "score", ""])
def test_no_criterion_rests_on_a_pass_rate_or_a_count_of_uploads(measure):
    for comparator in ("ge", "le"):
        with pytest.raises(CriterionError):
            check_criterion(criterion(Condition("certify", measure, comparator, 0)))


def test_the_examples_are_sound_and_can_never_be_used_as_they_are():
    for each in examples(date(2024, 8, 1)):
        check_criterion(each)
        assert each.is_example
        assert "範例" in each.name
        assert all(one.stage in DUTY_STAGES for one in each.conditions)


def test_a_finding_counts_what_the_states_say():
    frames = school(SCHOOL)
    ledger = ledger_named(SCHOOL)
    term = all_terms(frames)[0]
    as_of = instants_of(frames, term)[-1]
    found = review(ledger, criterion(condition("certify", "completion", 0), minimum=1), term=term, as_of=as_of)
    held = sum(int(each.facts["certify"]["expected"]) for each in found)
    duties = ledger.of_term(term)
    state = states(duties, to_us(as_of))
    assert held == int(((state >= 0) & (state != STATES.index("exempt"))).sum())
