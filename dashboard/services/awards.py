"""敘獎: the school's criteria, what they find, and the cases on their way from draft to decision; every step in the audit log."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from typing import Any, Final

import pandas as pd
from sqlalchemy import Connection, func, select

from dashboard.services.store import Store
from dashboard.services.typed import whole_number
from data import minutes
from data.audit import append
from data.awards import improvement as improving
from data.awards import store as kept
from data.awards.cases import (
    AGREE,
    APPROVE,
    ASSESS,
    CLOSED,
    COMMENT,
    CONVENER,
    DECISIONS,
    DECLINE,
    DRAFTED,
    OBJECT,
    OWN_STEPS,
    PROPOSE,
    SECRETARY,
    WITHDRAW,
    Actor,
    Case,
    CaseError,
    Ruling,
    Step,
    check_step,
    end_of_hearing,
    heard_until,
    proposal_of,
    state_of,
    steps_open_to,
)
from data.awards.criteria import (
    AUDIENCES,
    DAYS,
    GRADES,
    MEASURES,
    PERIODS,
    RATES,
    THOUSANDTHS,
    UNIT,
    Condition,
    Criterion,
    CriterionError,
    check_criterion,
    comparator_of,
    examples,
    newest_versions,
    why_not_usable,
)
from data.awards.review import MET, NEAR, Check, Finding, duties_of, review, terms_of
from data.db import read_data_version, reading, writing
from data.instants import NEVER, TAIPEI, from_us, parse_as_of, to_us
from data.meetings import HELD, was_held
from data.metrics.completion import STATES, states
from data.models import AwardAdoption, AwardCriterion, AwardStep, Import, Staff

__all__ = [
    "AGREE", "APPROVE", "ASSESS", "AUDIENCES", "CLOSED", "COMMENT", "CONVENER", "DAYS", "DECISIONS", "DECLINE", "GRADES", "MEASURES", "MET",
    "MOST_CONDITIONS", "MOST_RECORDS", "NEAR", "OBJECT", "OWN_STEPS", "PERIODS", "PROPOSE", "RATES", "SECRETARY", "THOUSANDTHS", "UNIT", "WITHDRAW", "Actor",
    "AwardError", "Awards", "Case", "Check", "Condition", "Criterion", "Finding", "Moved", "Step", "add_criterion", "adopt", "disputes_of", "draft", "end",
    "evidence_of", "frozen_items", "heard_until", "improved", "items_of", "load_examples", "moved_since", "newest_versions", "now", "proposal_of",
    "read_awards", "read_own", "review_of", "shown_of", "stamp", "state_of", "steps_open_to", "take", "terms_of", "why_not_usable",
]  # fmt: skip

MOST_CONDITIONS: Final = 4  # that the form takes at once
MOST_RECORDS: Final = 60  # findings laid out one by one; beyond, the page would weigh more than a phone should load
LONGEST: Final = 500
_AUDITED: Final = {
    PROPOSE: "award_proposed", COMMENT: "award_said", OBJECT: "award_said", AGREE: "award_said", ASSESS: "award_assessed",
    APPROVE: "award_decided", DECLINE: "award_decided", WITHDRAW: "award_withdrawn",
}  # fmt: skip


class AwardError(ValueError):
    """What is missing or cannot be, in words for the person who asked."""


@dataclass(frozen=True, slots=True)
class Ruled:
    """A resolution of a meeting that was held: its id, number and words, and when the meeting was."""

    id: int
    number: str
    text: str
    held_at: datetime


@dataclass(frozen=True)
class Awards:
    """Criteria, cases and what they name, as far as the person may see them. names: by staff code."""

    criteria: list[Criterion]
    cases: list[Case]
    resolutions: dict[int, Ruled]
    names: dict[str, str]

    def criterion(self, number: int | None) -> Criterion | None:
        """Return a version of a criterion by its id."""
        return next((each for each in self.criteria if each.id == number), None)

    def case(self, number: int) -> Case | None:
        """Return a case by its id."""
        return next((each for each in self.cases if each.id == number), None)

    def proposals(self, criterion: Criterion, term: int) -> int:
        """Count the cases of a term under any version of a criterion that were proposed and not declined or withdrawn."""
        series = {each.id for each in self.criteria if each.series == criterion.series}
        return sum(
            each.criterion_id in series and each.term == term and state_of(each.steps) in ("proposed", "assessed", "approved")
            for each in self.cases
        )  # fmt: skip


@dataclass(frozen=True, slots=True)
class Moved:
    """A figure of frozen evidence that is another one now. stage: empty for counter-evidence and the outcome."""

    stage: str
    name: str
    then: Any
    now: Any


def now() -> datetime:
    """Return the present."""
    return datetime.now(TAIPEI)


def stamp(store: Store) -> str:
    """Return what changes with every criterion, ruling and step, for the keys of caches."""
    with reading(store.engine) as connection:
        ids = [
            connection.execute(select(func.max(each.id))).scalar() or 0
            for each in (AwardCriterion, AwardAdoption, AwardStep)
        ]
        held = sum(meeting.state == HELD for meeting in minutes.list_meetings(connection))
    return "-".join(str(each) for each in (*ids, held))


def read_awards(store: Store) -> Awards:
    """Read everything, for those who may see every case."""
    return _read(store, None)


def read_own(store: Store, staff_code: str) -> Awards:
    """Read the cases about one person that were proposed; nobody's without a staff code. A draft is nobody's business yet."""
    found = _read(store, staff_code)
    cases = [each for each in found.cases if staff_code and proposal_of(each.steps) is not None]
    return replace(found, cases=cases, names={staff_code: found.names.get(staff_code, "")})


def _read(store: Store, staff_code: str | None) -> Awards:
    with reading(store.engine) as connection:
        return Awards(
            kept.list_criteria(connection), kept.list_cases(connection, staff_code=staff_code), _ruled(connection, now()),
            _names(connection),
        )  # fmt: skip


def _names(connection: Connection) -> dict[str, str]:
    return {row.staff_code: row.name for row in connection.execute(select(Staff.staff_code, Staff.name))}


def _ruled(connection: Connection, at: datetime) -> dict[int, Ruled]:
    held = {meeting.id: meeting for meeting in minutes.list_meetings(connection) if was_held(meeting, at)}
    return {
        each.id: Ruled(each.id, each.number, each.text, held[each.meeting_id].held_at)
        for each in minutes.list_resolutions(connection)
        if each.meeting_id in held
    }


# --- criteria ---------------------------------------------------------------------------------------------------------


def add_criterion(store: Store, values: Mapping[str, str], *, by: str, at: datetime | None = None) -> int:
    """Write a criterion, or a new version of one (series), from a form's values, and return its id.

    Raises AwardError, in particular for a voluntary stage or a pass rate. It is not in use before a meeting adopts it.
    """
    moment = at or now()
    criterion = _criterion(values)
    with _changing(store) as connection:
        known = {each.series: each for each in kept.list_criteria(connection)}
        if criterion.series and (criterion.series not in known or known[criterion.series].is_example):
            raise AwardError("沒有這項標準可以改版")
        made = kept.add_criterion(connection, criterion, at=moment, by=by)
        _note(
            connection,
            "award_criterion_added",
            f"criterion:{made}",
            by,
            moment,
            {"conditions": len(criterion.conditions)},
        )
    return made


def load_examples(store: Store, *, by: str, at: datetime | None = None) -> None:
    """Load the samples, each marked as one; loading them again adds none."""
    moment = at or now()
    with _changing(store) as connection:
        if any(each.is_example for each in kept.list_criteria(connection)):
            raise AwardError("範例已經載入了")
        for each in examples(moment.date()):
            check_criterion(each)
            kept.add_criterion(connection, each, at=moment, by=by)
        _note(connection, "award_examples_loaded", "", by, moment, {})


def adopt(store: Store, criterion_id: int, resolution_id: int, *, by: str, at: datetime | None = None) -> None:
    """Write that a resolution of a held meeting adopted a version; versions of the series that were in use end with it."""
    moment = at or now()
    with _changing(store) as connection:
        criteria = kept.list_criteria(connection)
        found = _found(criteria, criterion_id)
        if found.is_example:
            raise AwardError("這是範例，請先另存成學校自己的標準，再由會議決議採用")
        if found.adoption is not None:
            raise AwardError("這個版本已經決議採用過了")
        if resolution_id not in _ruled(connection, moment):
            raise AwardError("請選擇已召開會議的決議")
        for each in criteria:
            if each.series == found.series and each.adoption is not None and each.adoption.ended_at is None:
                kept.add_ruling(connection, each.id, kept.ENDED, resolution_id, at=moment, by=by)
        kept.add_ruling(connection, criterion_id, kept.ADOPTED, resolution_id, at=moment, by=by)
        _note(connection, "award_adopted", f"criterion:{criterion_id}", by, moment, {"resolution": resolution_id})


def end(store: Store, criterion_id: int, resolution_id: int, *, by: str, at: datetime | None = None) -> None:
    """Write that a resolution took a version out of use."""
    moment = at or now()
    with _changing(store) as connection:
        found = _found(kept.list_criteria(connection), criterion_id)
        if found.adoption is None or found.adoption.ended_at is not None:
            raise AwardError("這個版本現在沒有在使用")
        if resolution_id not in _ruled(connection, moment):
            raise AwardError("請選擇已召開會議的決議")
        kept.add_ruling(connection, criterion_id, kept.ENDED, resolution_id, at=moment, by=by)
        _note(connection, "award_ended", f"criterion:{criterion_id}", by, moment, {"resolution": resolution_id})


def review_of(store: Store, criterion: Criterion, *, term: int, as_of: datetime) -> list[Finding]:
    """Hold a criterion against the whole school's ledger; kept per data version and question."""
    version, ledger = store.ledger()
    key = (version, "award review", criterion, term, as_of)
    return store.kept(key, lambda: review(ledger, criterion, term=term, as_of=as_of))


def items_of(store: Store, criterion: Criterion, code: str, *, term: int, as_of: datetime) -> list[dict[str, Any]]:
    """Return the duties behind a finding, oldest first: stage, duty_id, about, opened_at, due_at, original_due_at, done_at, state.

    Instants that have not come by as_of, or that nobody announced, are None.
    """
    _version, ledger = store.ledger()
    labels = ledger.labels["unit" if AUDIENCES[criterion.audience].subject == UNIT else "teacher"]
    found: list[dict[str, Any]] = []
    for stage in dict.fromkeys(each.stage for each in criterion.conditions):
        duties = duties_of(ledger, criterion, stage, term=term, as_of=as_of)
        own = duties[[str(labels[subject]) == code for subject in duties["subject"]]]
        about, state = _about(ledger.labels, own), states(own, to_us(as_of))
        for n, row in enumerate(own.to_dict("records")):
            done = row["done_at"] if row["done_at"] <= to_us(as_of) else NEVER
            found.append(
                {
                    "stage": stage,
                    "duty_id": int(row["duty_id"]),
                    "about": about[n],
                    "state": STATES[state[n]],
                    "done_at": _moment(done),
                }
                | {name: _moment(row[name]) for name in ("opened_at", "due_at", "original_due_at")}
            )
    return sorted(found, key=lambda each: (each["opened_at"], each["about"]))


def _moment(microseconds: int) -> datetime | None:
    return None if microseconds == NEVER else from_us(microseconds)


def frozen_items(
    store: Store, case: Case, criterion: Criterion | None, evidence: Mapping[str, Any]
) -> list[dict[str, Any]]:
    """Return the items that frozen evidence names, as they are known today; one that an undone import took away is missing."""
    if criterion is None or case.as_of is None or evidence["finding"] is None:
        return []
    named = {(stage, number) for stage, number in evidence["finding"]["items"]}
    found = items_of(store, criterion, case.subject, term=case.term, as_of=case.as_of)
    return [each for each in found if (each["stage"], each["duty_id"]) in named]


def shown_of(finding: Finding) -> dict[str, Any]:
    """Return a finding in the form in which evidence is frozen, so that both are shown alike."""
    shown: dict[str, Any] = _plain(finding)
    return shown


def _about(labels: Mapping[str, Any], duties: pd.DataFrame) -> list[str]:
    """Say what a duty is about without a student: class and subject, or the kind of record or roster."""
    columns = [(labels[name], duties[name].tolist()) for name in ("class", "subject", "kind")]
    return [
        "　".join(str(names[code[n]]) for names, code in columns if code[n] >= 0 and str(names[code[n]]))
        for n in range(len(duties))
    ]


def disputes_of(store: Store, *, term: int, as_of: datetime) -> tuple[int, int]:
    """Return how many 收訖問題回報 a school year had by an instant, and how many students its 收訖明細 asks: context, of nobody alone."""
    _version, ledger = store.ledger()
    raised = ledger.disputes[ledger.disputes["school_year"].to_numpy() == term // 10]
    asked = ledger.receipts[ledger.receipts["school_year"].to_numpy() == term // 10]
    return int((raised["raised_at"].to_numpy() <= to_us(as_of)).sum()), int(asked["enrolment"].nunique())


def improved(store: Store, *, term: int, before: int, as_of: datetime) -> pd.DataFrame:
    """Compare every teacher's timeliness of two terms (data.awards.improvement); kept per data version and question."""
    version, ledger = store.ledger()
    return store.kept(
        (version, "improvement", term, before, as_of), lambda: improving.improvement(ledger, term=term, before=before, as_of=as_of)
    )  # fmt: skip


# --- cases ------------------------------------------------------------------------------------------------------------


def draft(store: Store, values: Mapping[str, str], *, actor: Actor, at: datetime | None = None) -> int:
    """Open a case for a person: under a criterion (criterion, subject, asof) or by hand (facts, grade), and return its id."""
    moment = at or now()
    by_criterion = values.get("criterion", "") != ""
    case = _drafted_by_criterion(store, values, moment) if by_criterion else _drafted_by_hand(values)
    with _changing(store) as connection:
        if connection.execute(select(Staff.id).where(Staff.staff_code == case.staff_code)).first() is None:
            raise AwardError("教職員名冊沒有這個教師代碼")
        for each in kept.list_cases(connection, staff_code=case.staff_code):
            same = (each.criterion_id, each.subject, each.term, each.facts) == (
                case.criterion_id,
                case.subject,
                case.term,
                case.facts,
            )
            if same and state_of(each.steps) not in ("declined", "withdrawn"):
                raise AwardError("這個人在這項標準、這個學期已經有案子了")
        reason = _text(values, "reason")
        _allow(case, DRAFTED, actor, at=moment, reason=reason)
        made = kept.add_case(connection, case)
        kept.add_step(connection, made, _step(case, DRAFTED, actor, moment, reason))
        _note(connection, "award_drafted", f"award:{made}", actor.username, moment, {"term": case.term})
    return made


def _drafted_by_criterion(store: Store, values: Mapping[str, str], moment: datetime) -> Case:
    with reading(store.engine) as connection:
        criterion = _found(kept.list_criteria(connection), whole_number(values.get("criterion", "")))
    if refused := why_not_usable(criterion, moment):
        raise AwardError(refused)
    term, as_of = _term(values.get("term", "")), _instant(values.get("asof", ""), moment)
    subject = _required(values, "subject", "請選擇對象")
    finding = next((each for each in review_of(store, criterion, term=term, as_of=as_of) if each.code == subject), None)
    _promising(finding)
    of_unit = AUDIENCES[criterion.audience].subject == UNIT
    staff_code = _required(values, "staff", "請填寫這個單位的承辦人（教師代碼）") if of_unit else subject
    return Case(0, criterion.id, subject, staff_code, term, as_of, criterion.grade, "", ())


def _drafted_by_hand(values: Mapping[str, str]) -> Case:
    staff_code = _required(values, "staff", "請填寫教師代碼")
    grade = values.get("grade", "")
    if grade not in GRADES:
        raise AwardError("請選擇建議的獎勵")
    facts = _required(values, "facts", "請寫出具體事實")
    return Case(0, None, staff_code, staff_code, _term(values.get("term", "")), None, grade, facts, ())


def _promising(finding: Finding | None) -> None:
    if finding is None or finding.outcome not in (MET, NEAR):
        raise AwardError("這個人（單位）在截至日未達到標準，也不接近；指標看不到的事實請用人工提案")


def take(
    store: Store, case_id: int, kind: str, values: Mapping[str, str], *, actor: Actor, at: datetime | None = None
) -> None:
    """Take a step of a case. data.awards.cases says who may; at the proposal the evidence is frozen in the same transaction."""
    moment = at or now()
    if kind not in _AUDITED:
        raise AwardError("沒有這個步驟")
    reason = _text(values, "reason")
    ready = _evidence(store, case_id, moment) if kind == PROPOSE else None
    version = ready.version if ready else -1
    with _changing(store) as connection:
        case = kept.find_case(connection, case_id)
        if case is None:
            raise AwardError("沒有這個案子")
        resolution_id = whole_number(values.get("resolution", "")) if kind == ASSESS else None
        _allow(case, kind, actor, at=moment, reason=reason, ruling=_ruling(connection, resolution_id, moment))
        if kind != WITHDRAW:
            _whole(connection, case_id)
        until_at = None
        if ready is not None:
            if read_data_version(connection) != version:
                raise AwardError("資料剛剛更新了，請再按一次")
            criterion = next((each for each in kept.list_criteria(connection) if each.id == case.criterion_id), None)
            if criterion is not None and (refused := why_not_usable(criterion, moment)):
                raise AwardError(refused)
            until_at = ready.until_at
            kept.add_evidence(connection, case_id, ready.content, at=moment)
        step = _step(case, kind, actor, moment, reason)
        kept.add_step(connection, case_id, replace(step, resolution_id=resolution_id, until_at=until_at))
        _note(
            connection, _AUDITED[kind], f"award:{case_id}", actor.username, moment, {"step": kind, "role": actor.role}
        )


def _whole(connection: Connection, case_id: int) -> None:
    """Refuse to go on with evidence that is not what was frozen: whoever owns the database can get around its triggers."""
    try:
        kept.find_evidence(connection, case_id)
    except kept.BrokenEvidenceError as error:
        raise AwardError("依據和凍結時的雜湊不符，這個案子不能再進行；請系統管理者查驗備份與稽核紀錄") from error


@dataclass(frozen=True)
class _Ready:
    """Evidence as it would be frozen, and of which data version."""

    version: int
    until_at: datetime
    content: dict[str, Any] = field(default_factory=dict)


def _evidence(store: Store, case_id: int, moment: datetime) -> _Ready:
    """Make what a proposal freezes: the case, the criterion's version, the finding with its items, the imports and the settings."""
    version, ledger = store.ledger()
    with reading(store.engine) as connection:
        case = kept.find_case(connection, case_id)
        if case is None:
            raise AwardError("沒有這個案子")
        criterion = next((each for each in kept.list_criteria(connection) if each.id == case.criterion_id), None)
        ruled = _ruled(connection, moment)
        columns = (Import.id, Import.kind, Import.sha256, Import.imported_at)
        imports = connection.execute(select(*columns).where(Import.state == "kept").order_by(Import.id)).all()
    finding = None
    if criterion is not None:
        assert case.as_of is not None  # noqa: S101 # nosec B101 - a case under a criterion has one
        found = review_of(store, criterion, term=case.term, as_of=case.as_of)
        finding = next((each for each in found if each.code == case.subject), None)
        _promising(finding)
    until_at = end_of_hearing(moment, school_days=ledger.settings.objection_days, calendar=ledger.calendar)
    adopted_by = ruled.get(criterion.adoption.resolution_id) if criterion is not None and criterion.adoption else None
    content = {
        "form": 1,
        "case": {
            "id": case.id, "subject": case.subject, "staff_code": case.staff_code, "term": case.term, "grade": case.grade, "facts": case.facts,
            "as_of": _iso(case.as_of),
        },
        "criterion": None if criterion is None else _plain(criterion) | {"resolution": adopted_by.number if adopted_by else ""},
        "finding": None if finding is None else _plain({k: v for k, v in dataclasses.asdict(finding).items() if k != "name"}),
        "imports": [{"id": each.id, "kind": each.kind, "sha256": each.sha256, "imported_at": _iso(each.imported_at)} for each in imports],
        "frozen_at": _iso(moment), "objection_until": _iso(until_at), "minimum_response_days": ledger.settings.minimum_response_days,
    }  # fmt: skip
    return _Ready(version, until_at, content)


def evidence_of(store: Store, case: Case) -> tuple[str, dict[str, Any]] | None:
    """Return the hash and the frozen evidence of a case, held against each other; None before its proposal.

    Raises AwardError where it is not what was frozen.
    """
    with reading(store.engine) as connection:
        _whole(connection, case.id)
        return kept.find_evidence(connection, case.id)


def moved_since(store: Store, case: Case, criterion: Criterion | None, evidence: Mapping[str, Any]) -> list[Moved]:
    """Return which frozen figures the same question finds to be others today: later imports and corrections, never the frozen."""
    frozen = evidence["finding"]
    if criterion is None or case.as_of is None or frozen is None:
        return []
    found = next(
        (each for each in review_of(store, criterion, term=case.term, as_of=case.as_of) if each.code == case.subject),
        None,
    )
    today: dict[str, Any] = (
        _plain(dataclasses.asdict(found)) if found else {"facts": {}, "counter": {}, "outcome": "", "items": []}
    )
    moved = [] if today["outcome"] == frozen["outcome"] else [Moved("", "outcome", frozen["outcome"], today["outcome"])]
    for stage, facts in frozen["facts"].items():
        others = today["facts"].get(stage, {})
        moved += [
            Moved(stage, name, value, others.get(name)) for name, value in facts.items() if others.get(name) != value
        ]
    counters = today["counter"]
    return moved + [
        Moved("", name, value, counters.get(name))
        for name, value in frozen["counter"].items()
        if counters.get(name) != value
    ]


def _plain(value: Any) -> Any:
    """Return dataclasses, tuples and instants as JSON has them."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        value = dataclasses.asdict(value)
    if isinstance(value, Mapping):
        return {str(name): _plain(each) for name, each in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(each) for each in value]
    return value.isoformat() if isinstance(value, date) else value  # datetime is a date


def _iso(instant: datetime | None) -> str:
    return "" if instant is None else instant.isoformat()


def _ruling(connection: Connection, resolution_id: int | None, at: datetime) -> Ruling | None:
    found = _ruled(connection, at).get(resolution_id or 0)
    return None if found is None else Ruling(found.id, was_held=True, held_at=found.held_at)


def _allow(case: Case, kind: str, actor: Actor, *, at: datetime, reason: str, ruling: Ruling | None = None) -> None:
    try:
        check_step(case, kind, actor, at=at, reason=reason, ruling=ruling)
    except CaseError as error:
        raise AwardError(str(error)) from error


def _step(case: Case, kind: str, actor: Actor, at: datetime, reason: str) -> Step:
    return Step(len(case.steps) + 1, kind, at, actor.username, actor.staff_code, actor.role, reason)


@contextmanager
def _changing(store: Store) -> Iterator[Connection]:
    """Open a transaction; the figures rest on nothing of it, so that the data version stays (docs/adr/0017)."""
    with writing(store.engine) as connection:
        yield connection


def _note(connection: Connection, action: str, about: str, by: str, at: datetime, detail: Mapping[str, Any]) -> None:
    append(connection, at=at, actor=by, action=action, about=about, detail=detail)


def _found(criteria: list[Criterion], number: int) -> Criterion:
    found = next((each for each in criteria if each.id == number), None)
    if found is None:
        raise AwardError("沒有這項標準")
    return found


# --- what a form says -------------------------------------------------------------------------------------------------


def _criterion(values: Mapping[str, str]) -> Criterion:
    conditions = []
    for n in range(1, MOST_CONDITIONS + 1):
        stage, measure, bound = (values.get(f"{name}-{n}", "").strip() for name in ("stage", "measure", "threshold"))
        if not stage and not measure and not bound:
            continue
        conditions.append(Condition(stage, measure, comparator_of(measure), _threshold(measure, bound)))
    valid_until = values.get("valid_until", "").strip()
    quota = values.get("quota", "").strip()
    criterion = Criterion(
        id=0, series=whole_number(values.get("series", "")), version=0, name=_text(values, "name"), audience=values.get("audience", ""),
        conditions=tuple(conditions), minimum_count=whole_number(values.get("minimum", "")), period=values.get("period", ""),
        grade=values.get("grade", ""), quota=whole_number(quota) if quota else None, valid_from=_day(values.get("valid_from", "")),
        valid_until=_day(valid_until) if valid_until else None, is_example=False,
    )  # fmt: skip
    try:
        check_criterion(criterion)
    except CriterionError as error:
        raise AwardError(str(error)) from error
    return criterion


def _threshold(measure: str, said: str) -> int:
    """Read a bound in thousandths: a share is written in per cent, days and counts as they are; one decimal at most."""
    whole, _point, rest = said.partition(".")
    if not (
        whole.isascii()
        and whole.isdigit()
        and len(whole) <= 4
        and (rest == "" or (rest.isascii() and rest.isdigit() and len(rest) == 1))
    ):
        raise AwardError("門檻請填數字，最多一位小數；比率以百分比填寫，例如 95")
    tenths = int(whole) * 10 + int(rest or 0)
    return tenths if measure in RATES else tenths * 100


def _text(values: Mapping[str, str], name: str) -> str:
    """Return text without what no database or file takes."""
    said = "".join(each if each.isprintable() else " " for each in values.get(name, ""))
    return " ".join(said.split())[:LONGEST]


def _required(values: Mapping[str, str], name: str, missing: str) -> str:
    said = _text(values, name)
    if not said:
        raise AwardError(missing)
    return said


def _term(said: str) -> int:
    if not (said.isascii() and said.isdigit() and len(said) == 4 and said[3] in "12"):
        raise AwardError("請選擇學期")
    return int(said)


def _day(said: str) -> date:
    try:
        day = date.fromisoformat(said.strip())
    except ValueError:
        raise AwardError("請填寫有效期間的日期") from None
    if not date(2000, 1, 1) <= day < date(2200, 1, 1):
        raise AwardError("請填寫有效期間的日期")
    return day


def _instant(said: str, moment: datetime) -> datetime:
    """Read the instant of the figures; none later than now."""
    try:
        as_of = parse_as_of(said)
    except ValueError:
        raise AwardError("請從檢視的結果建立案子") from None
    if as_of > moment or as_of.year < 2000:
        raise AwardError("截至日期不能晚於現在")
    return as_of
