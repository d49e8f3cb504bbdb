"""Criteria, cases and evidence in the database: read whole, and only ever added to."""

from __future__ import annotations

import hashlib
import json
from collections import defaultdict
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, func, insert, select

from data.awards.cases import Case, Step
from data.awards.criteria import Adoption, Condition, Criterion
from data.models import AwardAdoption, AwardCase, AwardCondition, AwardCriterion, AwardEvidence, AwardStep

ADOPTED = "adopted"
ENDED = "ended"


class BrokenEvidenceError(RuntimeError):
    """Evidence is no longer what was frozen."""


def list_criteria(connection: Connection) -> list[Criterion]:
    """Return every version of every criterion, by series and version, with its conditions and adoption."""
    conditions: dict[int, list[Condition]] = defaultdict(list)
    columns = (AwardCondition.stage, AwardCondition.measure, AwardCondition.comparator, AwardCondition.threshold)
    for line in connection.execute(select(AwardCondition.criterion_id, *columns).order_by(AwardCondition.id)):
        conditions[line[0]].append(Condition(*line[1:]))
    rulings: dict[int, dict[str, tuple[int, datetime]]] = defaultdict(dict)
    said = (AwardAdoption.ruling, AwardAdoption.resolution_id, AwardAdoption.happened_at)
    for criterion_id, ruling, resolution_id, at in connection.execute(select(AwardAdoption.criterion_id, *said)):
        rulings[criterion_id][ruling] = (resolution_id, at)
    found = []
    for row in connection.execute(select(AwardCriterion).order_by(AwardCriterion.series, AwardCriterion.version)):
        adopted, ended = rulings[row.id].get(ADOPTED), rulings[row.id].get(ENDED)
        adoption = Adoption(adopted[0], adopted[1], ended[1] if ended else None) if adopted else None
        found.append(
            Criterion(
                row.id, row.series, row.version, row.name, row.audience, tuple(conditions[row.id]), row.minimum_count, row.period, row.grade,
                row.quota, row.valid_from, row.valid_until, row.is_example, adoption,
            )
        )  # fmt: skip
    return found


def add_criterion(connection: Connection, criterion: Criterion, *, at: datetime, by: str) -> int:
    """Add a version and return its id. series 0: the first version of a new series."""
    series = (
        criterion.series
        or int(connection.execute(select(func.coalesce(func.max(AwardCriterion.series), 0))).scalar_one()) + 1
    )
    newest = select(func.coalesce(func.max(AwardCriterion.version), 0)).where(AwardCriterion.series == series)
    values = {
        "series": series, "version": int(connection.execute(newest).scalar_one()) + 1, "name": criterion.name, "audience": criterion.audience,
        "minimum_count": criterion.minimum_count, "condition_count": len(criterion.conditions), "period": criterion.period,
        "grade": criterion.grade, "quota": criterion.quota, "valid_from": criterion.valid_from, "valid_until": criterion.valid_until,
        "is_example": criterion.is_example, "created_at": at, "created_by": by,
    }  # fmt: skip
    made = int(connection.execute(insert(AwardCriterion).values(values).returning(AwardCriterion.id)).scalar_one())
    for each in criterion.conditions:
        row = {"stage": each.stage, "measure": each.measure, "comparator": each.comparator, "threshold": each.threshold}
        connection.execute(insert(AwardCondition).values(criterion_id=made, **row))
    return made


def add_ruling(
    connection: Connection, criterion_id: int, ruling: str, resolution_id: int, *, at: datetime, by: str
) -> None:
    """Write that a resolution took a criterion into use or out of it."""
    values = {
        "criterion_id": criterion_id,
        "ruling": ruling,
        "resolution_id": resolution_id,
        "happened_at": at,
        "made_by": by,
    }
    connection.execute(insert(AwardAdoption).values(values))


def list_cases(connection: Connection, *, staff_code: str | None = None) -> list[Case]:
    """Return the cases, of everybody or of one person, by id, each with its steps from first to last."""
    mine = select(AwardCase).order_by(AwardCase.id)
    if staff_code is not None:
        mine = mine.where(AwardCase.staff_code == staff_code)
    steps: dict[int, list[Step]] = defaultdict(list)
    columns = (
        AwardStep.position, AwardStep.kind, AwardStep.happened_at, AwardStep.made_by, AwardStep.staff_code, AwardStep.role, AwardStep.reason,
        AwardStep.resolution_id, AwardStep.until_at,
    )  # fmt: skip
    ordered: Any = select(AwardStep.case_id, *columns)
    for row in connection.execute(ordered.order_by(AwardStep.position)):
        steps[row[0]].append(Step(*row[1:]))
    return [
        Case(
            row.id,
            row.criterion_id,
            row.subject,
            row.staff_code,
            row.term,
            row.as_of,
            row.grade,
            row.facts,
            tuple(steps[row.id]),
        )
        for row in connection.execute(mine)
    ]


def find_case(connection: Connection, number: int) -> Case | None:
    """Return a case by its id."""
    return next((each for each in list_cases(connection) if each.id == number), None)


def add_case(connection: Connection, case: Case) -> int:
    """Add a case (its id and steps are not taken) and return its id."""
    values = {
        name: getattr(case, name)
        for name in ("criterion_id", "subject", "staff_code", "term", "as_of", "grade", "facts")
    }
    return int(connection.execute(insert(AwardCase).values(values).returning(AwardCase.id)).scalar_one())


def add_step(connection: Connection, case_id: int, step: Step) -> None:
    """Add a step to a case; of two with the same position the second fails."""
    values = {
        "case_id": case_id, "position": step.position, "kind": step.kind, "happened_at": step.at, "made_by": step.by,
        "staff_code": step.staff_code, "role": step.role, "reason": step.reason, "resolution_id": step.resolution_id,
        "until_at": step.until_at,
    }  # fmt: skip
    connection.execute(insert(AwardStep).values(values))


def canonical(evidence: Mapping[str, Any]) -> str:
    """Return evidence as JSON in its one form: keys sorted, no blanks, no NaN."""
    return json.dumps(evidence, ensure_ascii=False, sort_keys=True, separators=(",", ":"), allow_nan=False)


def add_evidence(connection: Connection, case_id: int, evidence: Mapping[str, Any], *, at: datetime) -> str:
    """Freeze what a case rests on and return its SHA-256."""
    content = canonical(evidence)
    sha256 = hashlib.sha256(content.encode()).hexdigest()
    connection.execute(insert(AwardEvidence).values(case_id=case_id, frozen_at=at, sha256=sha256, content=content))
    return sha256


def find_evidence(connection: Connection, case_id: int) -> tuple[str, dict[str, Any]] | None:
    """Return the hash and the evidence of a case, held against each other; None before its proposal."""
    row = connection.execute(select(AwardEvidence).where(AwardEvidence.case_id == case_id)).first()
    if row is None:
        return None
    if hashlib.sha256(row.content.encode()).hexdigest() != row.sha256:
        raise BrokenEvidenceError(f"the evidence of case {case_id} is not what was frozen")
    found: dict[str, Any] = json.loads(row.content)
    return row.sha256, found
