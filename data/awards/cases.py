"""An award case as its steps, the state they add up to, and the one place that says who may take which step when."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Final

import numpy as np

from data.instants import DAY_US, from_us, taipei_day_us

# States.
DRAFT: Final = "draft"
PROPOSED: Final = "proposed"
ASSESSED: Final = "assessed"
APPROVED: Final = "approved"
DECLINED: Final = "declined"
WITHDRAWN: Final = "withdrawn"
CLOSED: Final = (APPROVED, DECLINED, WITHDRAWN)
# Steps: those of the person concerned leave the state as it is.
DRAFTED: Final = "drafted"
PROPOSE: Final = "proposed"
COMMENT: Final = "commented"
OBJECT: Final = "objected"
AGREE: Final = "agreed"  # no objection: ends the time for one early
ASSESS: Final = "assessed"
APPROVE: Final = "approved"
DECLINE: Final = "declined"
WITHDRAW: Final = "withdrawn"
OWN_STEPS: Final = (COMMENT, OBJECT, AGREE)
DECISIONS: Final = (APPROVE, DECLINE)
STEPS: Final = (DRAFTED, PROPOSE, *OWN_STEPS, ASSESS, *DECISIONS, WITHDRAW)

SECRETARY: Final = "executive_secretary"
CONVENER: Final = "convener"
LONGEST_REASON: Final = 500


class CaseError(ValueError):
    """Why a step cannot be taken, in words for the person who tried."""


@dataclass(frozen=True, slots=True)
class Actor:
    """Who acts: account, the staff code that says which person it is, and the role acted in."""

    username: str
    staff_code: str
    role: str


@dataclass(frozen=True, slots=True)
class Step:
    """Something that happened to a case. until_at: of a proposal, when the time to object ends. resolution_id: of an assessment."""

    position: int
    kind: str
    at: datetime
    by: str
    staff_code: str
    role: str
    reason: str
    resolution_id: int | None = None
    until_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Case:
    """A case for one person (staff_code). subject: the person or unit whose figures it rests on; by hand: criterion_id None.

    facts: in words, of a case by hand. as_of: the instant of the figures, None by hand.
    """

    id: int
    criterion_id: int | None
    subject: str
    staff_code: str
    term: int
    as_of: datetime | None
    grade: str
    facts: str
    steps: tuple[Step, ...]


@dataclass(frozen=True, slots=True)
class Ruling:
    """The resolution an assessment names: whether its meeting was held, and when."""

    resolution_id: int
    was_held: bool
    held_at: datetime


def state_of(steps: Sequence[Step]) -> str:
    """Return the state that the steps add up to."""
    state = DRAFT
    for step in steps:
        if step.kind not in (DRAFTED, *OWN_STEPS):
            state = step.kind
    return state


def proposal_of(steps: Sequence[Step]) -> Step | None:
    """Return the step by which a case was proposed."""
    return next((step for step in steps if step.kind == PROPOSE), None)


def heard_until(steps: Sequence[Step]) -> datetime | None:
    """Return when the time to object ends: as announced at the proposal, or when the person said to have no objection."""
    proposal = proposal_of(steps)
    if proposal is None:
        return None
    agreed = next((step.at for step in steps if step.kind == AGREE), None)
    assert proposal.until_at is not None  # noqa: S101 # nosec B101 - every proposal has one
    return proposal.until_at if agreed is None else min(agreed, proposal.until_at)


def end_of_hearing(proposed_at: datetime, *, school_days: int, calendar: np.busdaycalendar) -> datetime:
    """Return the end of the school_days-th school day after the day of the proposal, which itself does not count."""
    last = np.busday_offset(np.datetime64(proposed_at.date()), school_days, roll="backward", busdaycal=calendar)
    day: date = last.astype(object)
    return from_us(taipei_day_us(day) + DAY_US)


def same_person(actor: Actor, step: Step) -> bool:
    """Tell whether whoever acts is the person of a step: by account, or by staff code where somebody has two accounts."""
    return actor.username == step.by or (actor.staff_code != "" and actor.staff_code == step.staff_code)


def check_step(case: Case, kind: str, actor: Actor, *, at: datetime, reason: str, ruling: Ruling | None = None) -> None:
    """Raise CaseError unless this person may take this step now. Deny, then allow: what is not said here is refused.

    Whoever proposes, assesses, withdraws or decides is known as a person (a staff code), is not the person concerned, and
    whoever decides did not propose. Only the person concerned comments, objects or agrees, and only within the time. Nothing
    is assessed before that time is over, nor by a meeting held before its end. What is decided or withdrawn stays so.
    """
    state = state_of(case.steps)
    if kind not in STEPS:
        raise CaseError("沒有這個步驟")
    if case.steps and at < case.steps[-1].at:
        raise CaseError("時間早於上一個步驟，請檢查主機的時鐘")
    if len(reason) > LONGEST_REASON:
        raise CaseError(f"說明最多 {LONGEST_REASON} 個字")
    if kind in OWN_STEPS:
        _check_own(case, state, kind, actor, at=at, reason=reason)
        return
    if actor.staff_code == "":
        raise CaseError("這個帳號沒有教師代碼，無法確認是不是當事人；請系統管理者先設定教師代碼")
    if actor.staff_code == case.staff_code:
        raise CaseError("不能處理自己的敘獎案")
    if actor.role != (CONVENER if kind in DECISIONS else SECRETARY):
        raise CaseError("這個步驟不在您的職務範圍內")
    if kind != DRAFTED and not reason:
        raise CaseError("請填寫理由")
    allowed = {DRAFTED: (DRAFT,), PROPOSE: (DRAFT,), ASSESS: (PROPOSED,), APPROVE: (ASSESSED,), DECLINE: (ASSESSED,),
               WITHDRAW: (DRAFT, PROPOSED, ASSESSED)}  # fmt: skip
    if state not in allowed[kind] or (kind == DRAFTED and case.steps):
        raise CaseError("這個案子目前不能進行這個步驟")
    if kind == ASSESS:
        _check_assessment(case, at=at, ruling=ruling)
    proposal = proposal_of(case.steps)
    if kind in DECISIONS and (proposal is None or same_person(actor, proposal)):
        raise CaseError("提案的人不能決定同一個案子")


def _check_own(case: Case, state: str, kind: str, actor: Actor, *, at: datetime, reason: str) -> None:
    if actor.staff_code == "" or actor.staff_code != case.staff_code:
        raise CaseError("只有當事人可以表示意見")
    until = heard_until(case.steps)
    if state != PROPOSED or until is None or at >= until:
        raise CaseError("現在不在表示意見的期間內")
    if kind != AGREE and not reason:
        raise CaseError("請填寫意見")


def _check_assessment(case: Case, *, at: datetime, ruling: Ruling | None) -> None:
    until = heard_until(case.steps)
    if until is None or at < until:
        raise CaseError("當事人表示意見的期間還沒有結束")
    if ruling is None or not ruling.was_held or ruling.held_at > at:
        raise CaseError("請選擇已召開會議的決議")
    if ruling.held_at < until:
        raise CaseError("評核的會議要在當事人表示意見的期間結束之後召開")


def steps_open_to(case: Case, actor: Actor, *, at: datetime) -> tuple[str, ...]:
    """Return which steps this person could take now, given a reason and, to assess, a fitting resolution."""
    until = heard_until(case.steps)
    found = []
    for kind in STEPS:
        ruling = Ruling(0, was_held=True, held_at=until or at) if kind == ASSESS else None
        try:
            check_step(case, kind, actor, at=at, reason="x", ruling=ruling)
        except CaseError:
            continue
        found.append(kind)
    return tuple(found)
