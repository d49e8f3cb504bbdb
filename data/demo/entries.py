"""What no file of the demo carries: the day on which a roster was handed in, entered by hand as a school does it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

from sqlalchemy import Engine

from data.corrections import submit
from data.demo.handing_in import HandIn
from data.instants import TAIPEI_OFFSET_US, from_us


def enter_hand_ins(engine: Engine, hand_ins: Sequence[HandIn], *, by: str) -> None:
    """Enter each 提交 with its own time, half an hour after it; an import of the book would stand for the import's day."""
    for hand_in in hand_ins:
        submitted_at = from_us(hand_in.submitted_at * 1_000_000 - TAIPEI_OFFSET_US)
        submit(
            engine, school_year=hand_in.year, semester=hand_in.semester, roster=hand_in.roster, batch=hand_in.batch,
            submitted_at=submitted_at, unit=hand_in.unit, by=by, at=submitted_at + timedelta(minutes=30),
        )  # fmt: skip
