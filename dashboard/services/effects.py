"""What an import does to the figures that people look at: each before and after, where it differs."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from sqlalchemy import Connection, func, select

from dashboard.services.store import Store
from data.instants import TAIPEI
from data.ledger import Ledger, build
from data.metrics import Question, completion, participation
from data.models import Import
from data.queries import load_frames
from data.rosters.plan import Effect
from data.school import read_settings


def effects_on(store: Store, batch_id: str) -> Callable[[Connection], list[Effect]]:
    """Return what import_files may call to see the effects of the batch on its own transaction."""

    def inspect(connection: Connection) -> list[Effect]:
        changes = select(func.sum(Import.new_count + Import.changed_count)).where(Import.batch_id == batch_id)
        if not connection.execute(changes).scalar():
            return []
        after = build(load_frames(connection), read_settings(connection))
        return compare(store.ledger()[1], after, datetime.now(TAIPEI))

    return inspect


def compare(before: Ledger, after: Ledger, as_of: datetime) -> list[Effect]:
    """Return the school's figures that differ at an instant, newest term first: certified of expected, and participants

    of those enrolled (a voluntary stage: shown, never judged).
    """
    effects = []
    for term in sorted({*before.terms(), *after.terms()}, reverse=True):
        said = f"{term // 10}-{term % 10}"
        asked = Question(term, as_of, stage="certify")
        effects.append(Effect(f"學期 {said} 教師認證", _certified(before, asked), _certified(after, asked)))
        asked = Question(term, as_of, stage="upload")
        effects.append(
            Effect(f"學期 {said} 課程學習成果上傳參與", _taking_part(before, asked), _taking_part(after, asked))
        )
    for year in sorted({term // 10 for term in {*before.terms(), *after.terms()}}, reverse=True):
        asked = Question(year * 10, as_of, stage="upload", kind="performance")
        effects.append(
            Effect(f"{year} 學年度多元表現上傳參與", _taking_part(before, asked), _taking_part(after, asked))
        )
    return [effect for effect in effects if effect.before != effect.after]


def _certified(ledger: Ledger, asked: Question) -> tuple[int, int]:
    row = completion.answer(ledger, asked).iloc[0]
    return int(row["on_time"] + row["late"]), int(row["expected"])


def _taking_part(ledger: Ledger, asked: Question) -> tuple[int, int]:
    row = participation.answer(ledger, asked).iloc[0]
    return int(row["participants"]), int(row["enrolled"])
