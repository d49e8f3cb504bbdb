"""The reports of the command line: a metric's answer as a frame."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

import pandas as pd

from dashboard.services.before import ledger_before
from dashboard.services.hand_ins import ServiceError
from dashboard.services.store import Store
from data.instants import TAIPEI, parse_as_of
from data.metrics import Metric, Question, ReportError, all_metrics, answer, check
from data.metrics.change import change

__all__ = ["ReportError", "knows_term", "metric_keys", "report"]


def metric_keys() -> list[str]:
    """Return the reports there are."""
    return list(all_metrics())


def knows_term(store: Store, term: str) -> bool:
    """Tell whether a term's school year has classes, or the term itself duties."""
    digits = int(term.replace("-", ""))
    _, ledger = store.ledger()
    return bool((ledger.classes["school_year"] == digits // 10).any()) or digits in ledger.terms()


def report(
    store: Store,
    metric_key: str,
    *,
    term: str,
    stage: str,
    by: str,
    as_of: str = "",
    kind: str = "outcome",
    deadline: str = "current",
    since: str = "",
    since_import: str = "",
) -> pd.DataFrame:
    """Answer a report. term: 1131 or 113-1, 1130 for a whole year. Raises ReportError for a question that cannot be asked.

    since: what `change` compares with, an instant or (since_import) the moment before an import was committed.
    """
    metric = all_metrics().get(metric_key)
    if metric is None:
        raise ReportError(f"沒有「{metric_key}」這種報表；可用：{'、'.join(metric_keys())}")
    digits = term.replace("-", "")
    if not (digits.isascii() and digits.isdigit() and len(digits) == 4 and digits[3] in "012"):
        raise ReportError(f"學期「{term}」看不懂，請寫成 1131、1132，全學年寫 1130")
    if deadline not in {"current", "original"}:
        raise ReportError(f"--deadline 只能是 current 或 original，沒有「{deadline}」")
    _, ledger = store.ledger()
    stage = stage or _usual_stage(metric)
    question = Question(
        int(digits), _instant(as_of) or datetime.now(TAIPEI), by, stage, kind, deadline, _instant(since)
    )
    if not since_import:
        return answer(ledger, metric, question)
    if metric_key != "change" or since:
        raise ReportError("--since-import 只用在 change，而且不和 --since 一起用")
    try:
        before, at = ledger_before(store, since_import)
    except ServiceError as error:
        raise ReportError(str(error)) from None
    check(metric, question)
    return change(before, ledger, replace(question, since=min(at, question.as_of)))


def _usual_stage(metric: Metric) -> str:
    return "certify" if "certify" in metric.stages else metric.stages[0]


def _instant(text: str) -> datetime | None:
    try:
        return parse_as_of(text) if text else None
    except ValueError:
        raise ReportError(f"時間「{text}」看不懂，請寫成 2025-02-05 或 2025-02-05T12:00") from None
