"""A criterion held against the ledger: one finding a person or unit, with reasons, counter-evidence and the items. Never a rank."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pandas as pd

from data.awards.criteria import AUDIENCES, DAYS, RATES, SCHOOL_YEAR, STAFF, THOUSANDTHS, Condition, Criterion
from data.instants import DAY_US, NEVER, taipei_day_us, to_us
from data.ledger import Ledger, assigned_then, holders, term_ends
from data.metrics import arrivals, funnel
from data.metrics.completion import count_states, tabulate
from data.metrics.groups import codes_of

MET: Final = "met"
NEAR: Final = "near"
NOT_MET: Final = "not_met"
TOO_FEW: Final = "too_few"
OUTCOMES: Final = (MET, NEAR, NOT_MET, TOO_FEW)
LOW, WITHIN, HIGH = "low", "within", "high"  # where a person lies in the school's funnel
Z_95: Final = 1.959963984540054  # the normal distribution's 97.5 % point
NEAR_DAYS: Final = 1
# A denominator for each figure: what its minimum_count is of.
WHOLE_OF: Final = {
    "timeliness": "decided", "completion": "expected", "due_so_far": "due", "wait_median_days": "expected", "wait_p90_days": "expected",
    "overdue": "expected",
}  # fmt: skip
PART_OF: Final = {"timeliness": "on_time", "completion": "done", "due_so_far": "due_done", "overdue": "overdue"}


@dataclass(frozen=True, slots=True)
class Check:
    """A condition and what was found. part/whole: of a share; value: a share, days or a count, None where undefined.

    low, high: the 95 % Wilson interval of a share. result: met, near, not_met or too_few.
    """

    condition: Condition
    part: int | None
    whole: int
    value: float | None
    low: float | None
    high: float | None
    result: str


@dataclass(frozen=True, slots=True)
class Finding:
    """What a criterion finds of one person or unit, by code.

    facts: per stage, the counts and days. counter: what speaks against or explains. position: in the funnel of timeliness
    (low, within, high; empty below 10 decided items and for units). items: the duties counted, (stage, duty_id).
    """

    code: str
    name: str
    unit: str
    outcome: str
    checks: tuple[Check, ...]
    facts: Mapping[str, Mapping[str, float | int | None]]
    counter: Mapping[str, int]
    position: str
    items: tuple[tuple[str, int], ...]


def wilson(part: int, whole: int) -> tuple[float, float]:
    """Return the 95 % score interval of a share (Wilson 1927); 0 to 1 where there is nothing to count."""
    if whole == 0:
        return 0.0, 1.0
    share, z2 = part / whole, Z_95**2
    middle = share + z2 / (2 * whole)
    spread = Z_95 * math.sqrt(share * (1 - share) / whole + z2 / (4 * whole**2))
    low, high = (middle - spread) / (1 + z2 / whole), (middle + spread) / (1 + z2 / whole)
    return (0.0 if part == 0 else max(0.0, low)), (1.0 if part == whole else min(1.0, high))


def terms_of(criterion: Criterion, term: int) -> tuple[int, ...]:
    """Return the terms a review looks at: one, or those of its school year with what is owed once a year (semester 0)."""
    year = term // 10 * 10
    return (year, year + 1, year + 2) if criterion.period == SCHOOL_YEAR else (term,)


def span_of(criterion: Criterion, term: int) -> tuple[int, int]:
    """Return the microseconds from the first to after the last day of what a review looks at."""
    first, last = terms_of(criterion, term)[0], terms_of(criterion, term)[-1]
    start = date(last // 10 + 1912, 2, 1) if first % 10 == 2 else date(first // 10 + 1911, 8, 1)
    return taipei_day_us(start), int(term_ends(np.array([last]))[0])


def duties_of(ledger: Ledger, criterion: Criterion, stage: str, *, term: int, as_of: datetime) -> pd.DataFrame:
    """Return the duties of a stage that a review counts, with the column `subject`: the code of who is credited (rule 3).

    Of done work whoever did it; of undone work whoever holds it at as_of. For the audience deputy only what was done or
    is held for somebody else. What belongs to nobody is left out, as is what was opened after as_of.
    """
    as_of_us = to_us(as_of)
    frames = [ledger.of_term(each, stage) for each in terms_of(criterion, term)]
    duties = pd.concat(frames).sort_values("wait_us", kind="stable", ignore_index=True)
    duties = duties[duties["opened_at"].to_numpy() <= as_of_us].reset_index(drop=True)
    by = "teacher" if AUDIENCES[criterion.audience].subject == STAFF else "unit"
    duties = duties.assign(subject=np.asarray(codes_of(ledger, duties, by, as_of_us), dtype=np.int64))
    keep = duties["subject"].to_numpy() >= 0
    if criterion.audience == "deputy":
        keep &= duties["subject"].to_numpy() != assigned_then(ledger, duties, as_of_us)
    return duties[keep].reset_index(drop=True)


def review(ledger: Ledger, criterion: Criterion, *, term: int, as_of: datetime) -> list[Finding]:
    """Return one finding a person (or unit) with a duty in the period, sorted by code.

    met: every condition holds. near: not met, but each that fails could by the size of the sample: the 95 % Wilson interval
    of the share reaches the bound, or the days are within one day of it; a count of overdue items is a fact and never near.
    too_few: a condition's own denominator is below minimum_count, so that nothing is said. Facts after as_of do not exist.
    """
    as_of_us = to_us(as_of)
    audience = AUDIENCES[criterion.audience]
    stages = tuple(dict.fromkeys(each.stage for each in criterion.conditions))
    labels = ledger.labels["teacher" if audience.subject == STAFF else "unit"]
    size = len(labels)
    counted = {stage: duties_of(ledger, criterion, stage, term=term, as_of=as_of) for stage in stages}
    tables = {stage: _table(duties, size, as_of_us) for stage, duties in counted.items()}
    counters = _counters(ledger, criterion, counted, size, term=term, as_of=as_of)
    positions = _positions(ledger, criterion, size, term=term, as_of=as_of)
    present = sorted({int(code) for duties in counted.values() for code in duties["subject"].unique()}, key=lambda code: str(labels[code]))  # fmt: skip
    names = ledger.teachers["name"].to_numpy()
    units = np.append(ledger.labels["unit"], "")
    places = {
        stage: duties.groupby("subject")["duty_id"].apply(lambda ids: sorted(int(each) for each in ids)).to_dict()
        for stage, duties in counted.items()
    }
    found = []
    for code in present:
        facts = {stage: {name: _plain(value) for name, value in tables[stage].iloc[code].items()} for stage in stages}
        checks = tuple(
            check(each, facts[each.stage], minimum_count=criterion.minimum_count) for each in criterion.conditions
        )
        staff = audience.subject == STAFF
        found.append(
            Finding(
                code=str(labels[code]), name=str(names[code]) if staff else str(labels[code]),
                unit=str(units[int(ledger.teachers["unit"].iloc[code])]) if staff else str(labels[code]),
                outcome=outcome_of(checks), checks=checks, facts=facts,
                counter={name: int(values[code]) for name, values in counters.items()}, position=positions[code],
                items=tuple((stage, each) for stage in stages for each in places[stage].get(code, [])),
            )
        )  # fmt: skip
    return found


def outcome_of(checks: tuple[Check, ...]) -> str:
    """Return what the conditions say together."""
    results = {each.result for each in checks}
    return next(each for each in (TOO_FEW, NOT_MET, NEAR, MET) if each in results)


def check(condition: Condition, facts: Mapping[str, float | int | None], *, minimum_count: int) -> Check:
    """Hold one condition against a subject's facts of its stage. Shares are compared as whole numbers, so that 95/100 is 95 %."""
    whole = int(facts[WHOLE_OF[condition.measure]] or 0)
    value = facts[condition.measure]
    part = int(facts[PART_OF[condition.measure]] or 0) if condition.measure in PART_OF else None
    low = high = None
    if condition.measure in RATES and part is not None:
        low, high = wilson(part, whole)
    if whole < max(1, minimum_count):
        result = TOO_FEW
    elif value is None:
        result = NOT_MET
    elif condition.measure in RATES:
        assert part is not None and high is not None  # noqa: S101, PT018 # nosec B101 - a share has both
        reached = part * THOUSANDTHS >= condition.threshold * whole
        result = MET if reached else NEAR if high >= condition.threshold / THOUSANDTHS else NOT_MET
    elif condition.measure in DAYS:
        bound = condition.threshold / THOUSANDTHS
        result = MET if value <= bound else NEAR if value <= bound + NEAR_DAYS else NOT_MET
    else:
        result = MET if value * THOUSANDTHS <= condition.threshold else NOT_MET
    return Check(condition, part, whole, None if value is None else float(value), low, high, result)


def _table(duties: pd.DataFrame, size: int, as_of_us: int) -> pd.DataFrame:
    subject = duties["subject"].to_numpy()
    table = tabulate(duties, subject, size, as_of_us)
    counts = count_states(duties, subject, size, as_of_us)
    original = count_states(duties, subject, size, as_of_us, deadline="original")
    return table.assign(
        done=table["on_time"] + table["late"], decided=table["on_time"] + table["late"] + table["overdue"],
        due_done=counts[:, 5], due=counts[:, 6], on_time_original=original[:, 0],
        decided_original=original[:, 0] + original[:, 1] + original[:, 3],
    )  # fmt: skip


def _plain(value: Any) -> float | int | None:
    if isinstance(value, int | np.integer):
        return int(value)
    return None if math.isnan(value) else float(value)


def _counters(
    ledger: Ledger, criterion: Criterion, counted: Mapping[str, pd.DataFrame], size: int, *, term: int, as_of: datetime
) -> dict[str, npt.NDArray[np.int64]]:
    """Return, by code: overdue and late items, extensions used, late arrivals, leave, work for and by others, returns."""
    as_of_us = to_us(as_of)
    names = ("overdue", "late", "extension_used", "last_48h", "with_window", "for_others", "by_others", "leave_days", "returned", "decisions")  # fmt: skip
    result = {name: np.zeros(size, dtype=np.int64) for name in names}
    for duties in counted.values():
        subject, done_at = duties["subject"].to_numpy(), duties["done_at"].to_numpy()
        counts = count_states(duties, subject, size, as_of_us)
        result["late"] += counts[:, 1]
        result["overdue"] += counts[:, 3]
        used = (
            (done_at <= as_of_us)
            & (done_at >= duties["original_due_at"].to_numpy())
            & (done_at < duties["due_at"].to_numpy())
        )
        result["extension_used"] += np.bincount(subject[used], minlength=size)
    if AUDIENCES[criterion.audience].subject != STAFF:
        return result
    duties = counted["certify"]
    subject = duties["subject"].to_numpy()
    for each in terms_of(criterion, term):
        own = duties["term"].to_numpy() == each
        closes = arrivals.closes_at(ledger, duties[own], each, "current")
        known = closes != NEVER
        last = closes[known] - duties["opened_at"].to_numpy()[own][known] <= arrivals.LAST_US
        result["with_window"] += np.bincount(subject[own][known], minlength=size)
        result["last_48h"] += np.bincount(subject[own][known][last], minlength=size)
    whole = pd.concat([ledger.of_term(each) for each in terms_of(criterion, term)], ignore_index=True)
    whole = whole[(whole["opened_at"].to_numpy() <= as_of_us) & (whole["done_at"].to_numpy() <= as_of_us)]
    did, had = holders(ledger, whole, as_of_us), assigned_then(ledger, whole, as_of_us)
    stood_in = (did >= 0) & (had >= 0) & (did != had)
    result["for_others"] += np.bincount(did[stood_in], minlength=size)
    result["by_others"] += np.bincount(had[stood_in], minlength=size)
    done = duties["done_at"].to_numpy() <= as_of_us
    result["decisions"] += np.bincount(subject[done], minlength=size)
    result["returned"] += np.bincount(subject[done & ~duties["passed"].to_numpy()], minlength=size)
    start, end = span_of(criterion, term)
    result["leave_days"] += _leave_days(ledger, size, start, min(end, as_of_us))
    return result


def _leave_days(ledger: Ledger, size: int, start: int, end: int) -> npt.NDArray[np.int64]:
    """Count the days, each once, on which somebody else was named to stand in."""
    days: dict[int, set[int]] = {}
    for principal, from_at, until_at in ledger.delegations[["principal", "from_at", "until_at"]].itertuples(
        index=False, name=None
    ):
        first, last = max(from_at, start), min(until_at, end)
        if principal >= 0 and first < last:
            count = -(-(last - first) // DAY_US)
            days.setdefault(int(principal), set()).update((first - start) // DAY_US + n for n in range(count))
    result = np.zeros(size, dtype=np.int64)
    for principal, each in days.items():
        result[principal] = len(each)
    return result


def _positions(ledger: Ledger, criterion: Criterion, size: int, *, term: int, as_of: datetime) -> list[str]:
    """Return where each person lies in the funnel of all who hold certifications in the period; empty for units."""
    if AUDIENCES[criterion.audience].subject != STAFF:
        return [""] * size
    as_of_us = to_us(as_of)
    duties = pd.concat([ledger.of_term(each) for each in terms_of(criterion, term)], ignore_index=True)
    duties = duties[duties["opened_at"].to_numpy() <= as_of_us]
    teacher = holders(ledger, duties, as_of_us)
    counts = pd.DataFrame(count_states(duties[teacher >= 0], teacher[teacher >= 0], size, as_of_us)[:, :4], columns=["on_time", "late", "open", "overdue"])  # fmt: skip
    assessed = funnel.assess(counts)
    enough = assessed["decided"].to_numpy() >= funnel.MINIMUM_DECIDED
    return [(flag or WITHIN) if some else "" for flag, some in zip(assessed["flag"], enough, strict=True)]
