"""Award criteria: for whom, which figures of duty stages with which thresholds, and what may never be one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Final

STAFF: Final = "staff"
UNIT: Final = "unit"

RATES: Final = ("timeliness", "completion", "due_so_far")
DAYS: Final = ("wait_median_days", "wait_p90_days")
COUNTS: Final = ("overdue",)
MEASURES: Final = (*RATES, *DAYS, *COUNTS)
AT_LEAST: Final = "ge"
AT_MOST: Final = "le"
# Duty stages that the ledger knows a holder of. Uploading and selecting are the student's choice and are none of them.
DUTY_STAGES: Final = ("certify", "submit", "register", "confirm")
VOLUNTARY_STAGES: Final = ("upload", "select")

TERM: Final = "term"
SCHOOL_YEAR: Final = "school_year"
PERIODS: Final = (TERM, SCHOOL_YEAR)
# 公立高級中等以下學校教師成績考核辦法 第六條: 嘉獎、記功、記大功.
GRADES: Final = ("嘉獎一次", "嘉獎二次", "記功一次", "記功二次", "記大功一次")

THOUSANDTHS: Final = 1000  # thresholds are whole thousandths: 0.9 is 900, 7.5 days are 7500
FEWEST: Final = 1
MOST: Final = 9999
MOST_DAYS: Final = 365
LONGEST_NAME: Final = 60


class CriterionError(ValueError):
    """Why a criterion cannot be, in words for the person who wrote it."""


@dataclass(frozen=True, slots=True)
class Audience:
    """Whom a criterion is for: subjects are staff or units, judged by duties of these stages, credited to whoever held them."""

    key: str
    subject: str
    stages: tuple[str, ...]


AUDIENCES: Final = {
    each.key: each
    for each in (
        Audience("certifier", STAFF, ("certify",)),  # the assigned teacher or the 代理人: whoever did or held it
        Audience("deputy", STAFF, ("certify",)),  # only what was done or held for somebody else
        Audience("unit", UNIT, ("submit", "register", "confirm")),
    )
}


@dataclass(frozen=True, slots=True)
class Condition:
    """A figure of a duty stage and the bound it must keep. threshold: thousandths of a share, a day or a count."""

    stage: str
    measure: str
    comparator: str
    threshold: int


@dataclass(frozen=True, slots=True)
class Adoption:
    """That a meeting resolved to use a criterion, and, where it did so later, that it no longer does."""

    resolution_id: int
    adopted_at: datetime
    ended_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Criterion:
    """A version of a criterion; a change is a new version of the same series, and an old one stays what it was.

    minimum_count: of every condition's own denominator. quota: the most that the school proposes under it, None: not set.
    is_example: shipped as a sample; it cannot be adopted as it is.
    """

    id: int
    series: int
    version: int
    name: str
    audience: str
    conditions: tuple[Condition, ...]
    minimum_count: int
    period: str
    grade: str
    quota: int | None
    valid_from: date
    valid_until: date | None
    is_example: bool
    adoption: Adoption | None = None


def comparator_of(measure: str) -> str:
    """Return the only sense in which a measure can be a merit: shares at least, days and overdue items at most."""
    return AT_LEAST if measure in RATES else AT_MOST


def check_condition(audience: str, condition: Condition) -> None:
    """Raise CriterionError for a stage that is voluntary or none of the audience's, a measure that is none, a bound out of range.

    Rules: uploads and selections are the student's own choice and never an input to an award (補充規定範例: 不得作為獎懲依據);
    certifying is not grading, and a pass rate judges nobody.
    """
    if condition.stage in VOLUNTARY_STAGES:
        raise CriterionError(
            "上傳與勾選是學生的自主選擇，件數與比例都不能作為敘獎的條件（不得作為成績評量或獎懲的依據）"
        )
    if condition.measure not in MEASURES:
        raise CriterionError(
            "只能用準時率、完成率、到期完成率、等候日數與逾期件數；通過率不是工作成效，不能作為條件（認證不是評分）"
        )
    if audience not in AUDIENCES:
        raise CriterionError("請選擇這項標準的對象")
    if condition.stage not in AUDIENCES[audience].stages:
        raise CriterionError("這個對象不負責這個階段，請改選階段或對象")
    if condition.comparator != comparator_of(condition.measure):
        raise CriterionError("比率要寫「至少」，日數與逾期件數要寫「至多」")
    most = (
        THOUSANDTHS if condition.measure in RATES else (MOST_DAYS if condition.measure in DAYS else MOST) * THOUSANDTHS
    )
    if not 0 <= condition.threshold <= most:
        raise CriterionError("門檻超出範圍：比率 0 至 100（%），日數 0 至 365，件數 0 至 9999")


def check_criterion(criterion: Criterion) -> None:
    """Raise CriterionError for whatever a criterion may not be."""
    if not criterion.name or len(criterion.name) > LONGEST_NAME:
        raise CriterionError(f"請填寫標準的名稱，最多 {LONGEST_NAME} 個字")
    if not criterion.conditions:
        raise CriterionError("請至少寫一個條件")
    for condition in criterion.conditions:
        check_condition(criterion.audience, condition)
    keys = [(each.stage, each.measure) for each in criterion.conditions]
    if len(set(keys)) != len(keys):
        raise CriterionError("同一個階段的同一個數字只能寫一個條件")
    if not FEWEST <= criterion.minimum_count <= MOST:
        raise CriterionError(f"最少件數請填 {FEWEST} 至 {MOST}")
    if criterion.period not in PERIODS:
        raise CriterionError("請選擇看一個學期或一個學年度")
    if criterion.period == TERM and any(each.stage == "confirm" for each in criterion.conditions):
        raise CriterionError("收訖問題回報屬於學年度，期間請選「學年度」")
    if criterion.grade not in GRADES:
        raise CriterionError("請選擇建議的獎勵")
    if criterion.quota is not None and not FEWEST <= criterion.quota <= MOST:
        raise CriterionError(f"名額請填 {FEWEST} 至 {MOST}，或留空")
    if criterion.valid_until is not None and criterion.valid_until < criterion.valid_from:
        raise CriterionError("有效期間的迄日不能早於起日")


def why_not_usable(criterion: Criterion, at: datetime) -> str:
    """Say why no case can rest on a criterion at an instant; empty: one can."""
    if criterion.is_example:
        return "這是範例，請先另存成學校自己的標準，再由會議決議採用"
    adoption = criterion.adoption
    if adoption is None or adoption.adopted_at > at:
        return "這項標準還沒有由會議決議採用"
    if adoption.ended_at is not None and adoption.ended_at <= at:
        return "這項標準已經停止使用"
    if at.date() < criterion.valid_from or (criterion.valid_until is not None and at.date() > criterion.valid_until):
        return "現在不在這項標準的有效期間內"
    return ""


def newest_versions(criteria: Sequence[Criterion]) -> list[Criterion]:
    """Return the newest version of each series, by series."""
    newest: dict[int, Criterion] = {}
    for each in sorted(criteria, key=lambda criterion: criterion.version):
        newest[each.series] = each
    return [newest[series] for series in sorted(newest)]


def examples(valid_from: date) -> tuple[Criterion, ...]:
    """Return the samples that a button loads; none of them can be used before the school has made it its own."""

    def sample(name: str, audience: str, conditions: tuple[Condition, ...], minimum: int, period: str) -> Criterion:
        return Criterion(0, 0, 1, name, audience, conditions, minimum, period, GRADES[0], None, valid_from, None, True)

    return (
        sample(
            "範例：認證及時", "certifier",
            (Condition("certify", "timeliness", AT_LEAST, 950), Condition("certify", "wait_p90_days", AT_MOST, 7000)), 20, TERM,
        ),
        sample("範例：代理認證", "deputy", (Condition("certify", "timeliness", AT_LEAST, 950),), 10, TERM),
        sample(
            "範例：單位提交與登錄", "unit",
            (Condition("submit", "timeliness", AT_LEAST, 1000), Condition("register", "timeliness", AT_LEAST, 950)), 3, SCHOOL_YEAR,
        ),
    )  # fmt: skip
