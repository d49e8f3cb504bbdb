"""What an import did or would do, file by file: the plan a person reads before anything is written."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any

from data.rosters.drift import Rename
from data.rosters.problems import Problem


@dataclass(frozen=True, slots=True)
class ColumnChange:
    """How many cells of a column change, what that means, and one example (empty where it would show personal data)."""

    title: str
    count: int
    old: str
    new: str
    meaning: str


@dataclass(frozen=True, slots=True)
class RefusedRow:
    """A refused row as it was handed in, without 身分證號, and why."""

    row: int
    cells: dict[str, str]
    reasons: list[str]


@dataclass(slots=True)
class FileReport:
    """What an import did, or would do, with one table. new + changed + unchanged + rejected = rows.

    notes: nothing to do about; warnings: somebody should look; alarms: a person must acknowledge before it is committed.
    """

    file: str
    kind: str
    term: str = ""
    rows: int = 0
    new: int = 0
    changed: int = 0
    unchanged: int = 0
    rejected: int = 0
    warnings: list[str] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)
    title: str = ""
    sheet: str = ""
    notes: list[str] = field(default_factory=list)
    alarms: list[str] = field(default_factory=list)
    recognised_by: list[str] = field(default_factory=list)  # the headings that spoke for the kind
    unknown: list[str] = field(default_factory=list)  # headings nobody uses
    missing: list[str] = field(default_factory=list)  # columns the kind could carry and this table does not
    renames: list[Rename] = field(default_factory=list)
    changes: list[ColumnChange] = field(default_factory=list)
    refused_rows: list[RefusedRow] = field(default_factory=list)

    def as_dict(self) -> dict[str, Any]:
        """Return the shape of `import --json`: the contract's keys first."""
        errors = [{"row": p.row, "column": p.column, "value": p.value, "message": p.message} for p in self.problems]
        kept = {k: v for k, v in asdict(self).items() if k not in {"problems", "refused_rows"}}
        return kept | {"warnings": [*self.alarms, *self.warnings, *self.notes], "errors": errors}


@dataclass(frozen=True, slots=True)
class Effect:
    """A figure before and after: part of whole, as the pages would show it at the import's time."""

    title: str
    before: tuple[int, int]
    after: tuple[int, int]


@dataclass(slots=True)
class Plan:
    """The outcome of one run over all files. stopped_by: what has to be acknowledged first, if that is all that stops it."""

    reports: list[FileReport]
    committed: bool
    batch_id: str = ""
    stopped_by: list[str] = field(default_factory=list)
    effects: list[Effect] = field(default_factory=list)

    @property
    def problems(self) -> list[Problem]:
        """Return every refusal, file by file."""
        return [problem for report in self.reports for problem in report.problems]

    @property
    def alarms(self) -> list[str]:
        """Return everything that a person must acknowledge."""
        return [alarm for report in self.reports for alarm in report.alarms]

    @property
    def is_clean(self) -> bool:
        """Tell whether nothing was refused and nothing needs a look: what a watched folder may commit by itself."""
        return not any(r.problems or r.warnings or r.alarms or r.renames for r in self.reports)

    def as_dict(self) -> dict[str, Any]:
        """Return the whole plan as JSON-ready values, for the page of imports."""
        return {
            "committed": self.committed, "batch_id": self.batch_id, "stopped_by": self.stopped_by,
            "effects": [asdict(effect) for effect in self.effects], "reports": [r.as_dict() for r in self.reports],
        }  # fmt: skip
