"""One module per metric; dropping a module in this folder registers it for reports, tests and the README."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from functools import cache

import pandas as pd

from data.ledger import Ledger


class ReportError(ValueError):
    """A question that cannot be asked, said in the user's language."""


@dataclass(frozen=True, slots=True)
class Question:
    """What a report is asked: a stage of a term (1131, or 1130 for the whole year) by a grouping, at an instant.

    since: the instant that a comparison starts from.
    """

    term: int
    as_of: datetime
    by: str = "school"
    stage: str = ""
    kind: str = "outcome"
    deadline: str = "current"
    since: datetime | None = None


@dataclass(frozen=True, slots=True)
class Metric:
    """A named report: the columns it promises, what it can be asked, and the pure function that answers."""

    key: str
    title: str
    columns: tuple[str, ...]
    stages: tuple[str, ...]
    groupings: tuple[str, ...]
    answer: Callable[[Ledger, Question], pd.DataFrame]


@cache
def all_metrics() -> dict[str, Metric]:
    """Import every sibling module and return its METRIC by key."""
    found: dict[str, Metric] = {}
    for info in sorted(pkgutil.iter_modules(__path__), key=lambda module: module.name):
        metric = getattr(importlib.import_module(f"{__name__}.{info.name}"), "METRIC", None)
        if isinstance(metric, Metric):
            found[metric.key] = metric
    return found


def answer(ledger: Ledger, metric: Metric, question: Question) -> pd.DataFrame:
    """Check the question and answer it. Raises ReportError where the metric has no such stage or grouping."""
    check(metric, question)
    return metric.answer(ledger, question)[list(metric.columns)]


def check(metric: Metric, question: Question) -> None:
    """Raise ReportError where the metric has no such stage or grouping."""
    if question.stage not in metric.stages:
        raise ReportError(f"{metric.key} 的階段可以是：{'、'.join(metric.stages)}，沒有「{question.stage}」")
    if question.by not in metric.groupings:
        raise ReportError(f"{metric.key} 的分組可以是：{'、'.join(metric.groupings)}，沒有「{question.by}」")
