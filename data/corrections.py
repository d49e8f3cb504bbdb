"""What no export carries, entered by a person: a layer above the imports that survives them and can be taken back."""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Any

import pandas as pd
from sqlalchemy import Connection, Engine, insert, select

from data.audit import append
from data.db import next_id, raise_data_version, writing
from data.instants import TAIPEI, to_us
from data.models import (
    Base,
    Delegation,
    Exemption,
    Import,
    Outcome,
    Reassignment,
    Registration,
    Round,
    SchoolClass,
    Staff,
    Submission,
    TrainingSession,
)
from data.rosters.kinds import Context
from data.rosters.store import insert_frame, table_of
from data.rosters.undo import keep_rows

BY_HAND = "by_hand"
_REASON = "；原因："
REGISTRATIONS = {"enrolment": "學籍", "grades": "成績", "position": "幹部", "counselling": "課程諮詢"}
ROSTERS = {"students": "學籍", "grades": "成績", "outcomes": "課程學習成果", "positions": "校內幹部經歷", "performances": "多元表現"}  # fmt: skip
TRAININGS = ("宣導說明", "系統操作訓練", "專業研習")
AUDIENCES = ("學生", "家長", "教職員", "教師")


def without_reason(title: str) -> str:
    """Return the title of an entry without why it was made: that may tell of somebody's health."""
    return title.partition(_REASON)[0]


class CorrectionError(ValueError):
    """An entry that cannot be made, said in the user's language."""


def reassign(
    engine: Engine, outcome_ids: Sequence[int], *, teacher_code: str, reason: str, by: str, at: datetime | None = None
) -> str:
    """Let another teacher answer for items from now on, whatever the next list says; return the batch to take it back by.

    Who held the work before stays known: the new holder counts from at on. Done work stays with whoever certified it.
    """
    moment, reason = at or datetime.now(TAIPEI), _reason(reason)
    with writing(engine) as connection:
        teacher = _known_staff(connection, teacher_code)
        _all_there(connection, Outcome, outcome_ids)
        _not_by_hand_already(connection, outcome_ids, teacher_code)
        frame = pd.DataFrame({"outcome_id": list(outcome_ids), "teacher_code": teacher_code, "reason": reason})
        frame = frame.assign(from_at=to_us(moment), by_hand=True)
        title = f"改派給 {teacher_code}：{_items(connection, Outcome.id.in_(list(outcome_ids)))}{_REASON}{reason}"
        return _enter(
            connection,
            Reassignment,
            frame,
            title=title,
            by=by,
            moment=moment,
            rests_on=[(Outcome, outcome_ids), (Staff, [teacher])],
        )


def exempt(engine: Engine, round_ids: Sequence[int], *, reason: str, by: str, at: datetime | None = None) -> str:
    """Excuse sendings from being certified from now on, with the reason; what is done stays done."""
    moment, reason = at or datetime.now(TAIPEI), _reason(reason)
    with writing(engine) as connection:
        _all_there(connection, Round, round_ids)
        if connection.execute(select(Exemption.id).where(Exemption.round_id.in_(list(round_ids)))).first() is not None:
            raise CorrectionError("其中有一件已經免辦；要更改請先收回原來那一筆")
        frame = pd.DataFrame({"round_id": list(round_ids), "from_at": to_us(moment), "reason": reason, "by_hand": True})
        items = select(Round.outcome_id).where(Round.id.in_(list(round_ids)))
        title = f"免辦：{_items(connection, Outcome.id.in_(items))}{_REASON}{reason}"
        return _enter(connection, Exemption, frame, title=title, by=by, moment=moment, rests_on=[(Round, round_ids)])


def delegate(
    engine: Engine,
    *,
    principal_code: str,
    deputy_code: str,
    order: int,
    from_on: date,
    to_on: date,
    reason: str,
    by: str,
    at: datetime | None = None,
) -> str:
    """Name a deputy (代理人) for whole days; it stands before a list's row of the same deputy, order and first day."""
    moment = at or datetime.now(TAIPEI)
    if to_on < from_on:
        raise CorrectionError("迄日早於起日，請改正其中一個")
    if not 1 <= order <= 9:
        raise CorrectionError("順位請填 1 到 9")
    if principal_code == deputy_code:
        raise CorrectionError("代理人不能是本人")
    row = {"principal_code": principal_code, "deputy_code": deputy_code, "deputy_order": order, "from_on": from_on,
           "to_on": to_on, "reason": _reason(reason)}  # fmt: skip
    with writing(engine) as connection:
        people = [_known_staff(connection, code) for code in (principal_code, deputy_code)]
        _not_yet(connection, Delegation, {k: v for k, v in row.items() if k not in ("to_on", "reason")})
        title = f"代理：{principal_code} 由 {deputy_code} 代理，{from_on:%Y/%m/%d} 到 {to_on:%Y/%m/%d}{_REASON}{row['reason']}"
        frame = pd.DataFrame([row | {"by_hand": True}])
        return _enter(connection, Delegation, frame, title=title, by=by, moment=moment, rests_on=[(Staff, people)])


def register(
    engine: Engine,
    *,
    school_year: int,
    semester: int,
    kind: str,
    class_name: str,
    registered_at: datetime,
    unit: str,
    by: str,
    at: datetime | None = None,
) -> str:
    """Enter that a class's record of a kind (REGISTRATIONS) is registered for a term, on a day."""
    moment = at or datetime.now(TAIPEI)
    if kind not in REGISTRATIONS:
        raise CorrectionError(f"登錄項目可以是：{'、'.join(REGISTRATIONS.values())}")
    _not_later(registered_at, moment, "登錄日期")
    row = {"school_year": school_year, "semester": semester, "kind": kind, "class_name": class_name, "item_key": ""}
    with writing(engine) as connection:
        where = (SchoolClass.school_year == school_year) & (SchoolClass.name == class_name)
        class_id = connection.execute(select(SchoolClass.id).where(where)).scalar()
        if class_id is None:
            raise CorrectionError(f"{school_year} 學年度沒有「{class_name}」這個班級，請改成班級導師名冊上的名稱")
        _not_yet(connection, Registration, row)
        frame = pd.DataFrame([row | {"registered_at": to_us(registered_at), "unit": unit, "by_hand": True}])
        title = f"登錄：{school_year}-{semester} {class_name} {REGISTRATIONS[kind]}"
        return _enter(
            connection, Registration, frame, title=title, by=by, moment=moment, rests_on=[(SchoolClass, [class_id])]
        )


def submit(
    engine: Engine,
    *,
    school_year: int,
    semester: int,
    roster: str,
    batch: int,
    submitted_at: datetime,
    unit: str,
    by: str,
    division: str = "",
    at: datetime | None = None,
) -> str:
    """Enter that a roster (ROSTERS) of a term, year (semester 0) or 高三 batch (1, 2) was submitted, when and by which unit."""
    moment = at or datetime.now(TAIPEI)
    if roster not in ROSTERS:
        raise CorrectionError(f"名冊可以是：{'、'.join(ROSTERS.values())}")
    if batch not in (0, 1, 2):
        raise CorrectionError("梯次請填 1 或 2，不分梯次填 0")
    _not_later(submitted_at, moment, "提交日期")
    key = {"school_year": school_year, "semester": semester, "roster": roster, "batch": batch, "division": division,
           "source": "school", "round_number": 0}  # fmt: skip
    with writing(engine) as connection:
        _not_yet(connection, Submission, key)
        frame = pd.DataFrame([key | {"submitted_at": to_us(submitted_at), "unit": unit, "by_hand": True}])
        term = f"{school_year}-{semester}" if semester else f"{school_year} 學年度"
        title = f"提交：{term} {ROSTERS[roster]}" + (f" 第 {batch} 梯次" if batch else "")
        return _enter(connection, Submission, frame, title=title, by=by, moment=moment)


def train(
    engine: Engine,
    *,
    school_year: int,
    kind: str,
    audience: str,
    held_at: datetime,
    title: str,
    unit: str,
    attendee_count: int | None,
    by: str,
    at: datetime | None = None,
) -> str:
    """Enter a 宣導說明, 系統操作訓練 or 專業研習 that was held."""
    moment = at or datetime.now(TAIPEI)
    if kind not in TRAININGS or audience not in AUDIENCES:
        raise CorrectionError(f"類別可以是：{'、'.join(TRAININGS)}；對象可以是：{'、'.join(AUDIENCES)}")
    if attendee_count is not None and attendee_count < 0:
        raise CorrectionError("人數不能小於 0")
    _not_later(held_at, moment, "日期")
    key = {"school_year": school_year, "kind": kind, "audience": audience, "held_at": held_at, "title": title}
    with writing(engine) as connection:
        _not_yet(connection, TrainingSession, key)
        row = key | {"held_at": to_us(held_at), "unit": unit, "attendee_count": attendee_count, "by_hand": True}
        said = f"{kind}：{title or '（沒有名稱）'}，{held_at.astimezone(TAIPEI):%Y/%m/%d}，對象{audience}"
        return _enter(connection, TrainingSession, pd.DataFrame([row]), title=said, by=by, moment=moment)


def _enter(
    connection: Connection,
    model: type[Base],
    frame: pd.DataFrame,
    *,
    title: str,
    by: str,
    moment: datetime,
    rests_on: Sequence[tuple[type[Base], Sequence[int]]] = (),
) -> str:
    """Write the rows as an import of its own, so that lists, undo and provenance treat it like any other."""
    batch_id, import_id = uuid.uuid4().hex, next_id(connection, table_of(Import))
    row = {
        "id": import_id, "batch_id": batch_id, "file_name": title, "sha256": "", "kind": BY_HAND, "term": "",
        "row_count": len(frame), "new_count": len(frame), "changed_count": 0, "unchanged_count": 0, "rejected_count": 0,
        "warnings": "[]", "imported_at": moment, "imported_by": by,
    }  # fmt: skip
    connection.execute(insert(Import).values(row))
    context = Context(connection, to_us(moment), import_id, str)
    insert_frame(context, table_of(model), frame)
    for counted_on, ids in rests_on:
        context.rely(table_of(counted_on).name, ids)
    keep_rows(context)
    raise_data_version(connection)
    detail = {"batch_id": batch_id, "table": table_of(model).name, "rows": len(frame)}
    append(connection, at=moment, actor=by, action="enter_by_hand", detail=detail, about=f"import:{batch_id}")
    return batch_id


def _items(connection: Connection, where: Any) -> str:
    """Name items so that entries can be told apart, without whose they are: the history is seen by more people."""
    rows = connection.execute(select(Outcome.class_name, Outcome.subject, Outcome.item_number).where(where)).all()
    named = "、".join(f"{row.class_name} {row.subject}第 {row.item_number} 件" for row in rows[:3])
    return named + (f"等 {len(rows)} 件" if len(rows) > 3 else "")


def _reason(text: str) -> str:
    if not text.strip():
        raise CorrectionError("請寫下原因，日後的人才知道為什麼")
    return text.strip()


def _not_later(said: datetime, moment: datetime, what: str) -> None:
    if said > moment:
        raise CorrectionError(f"{what}不能在將來")


def _known_staff(connection: Connection, code: str) -> int:
    if not code:
        raise CorrectionError("請選擇教師")
    found = connection.execute(select(Staff.id).where(Staff.staff_code == code)).scalar()
    if found is None:
        raise CorrectionError(f"教職員名冊沒有「{code}」這個教師代碼，請查對")
    return int(found)


def _all_there(connection: Connection, model: type[Base], ids: Sequence[int]) -> None:
    table = table_of(model)
    found = set(connection.execute(select(table.c.id).where(table.c.id.in_(list(ids)))).scalars())
    if not ids or found != set(ids):
        raise CorrectionError("找不到要更正的資料，可能已被復原，請重新查詢")


def _not_by_hand_already(connection: Connection, outcome_ids: Sequence[int], teacher_code: str) -> None:
    """Refuse to enter the same reassignment again: a second click is no second decision."""
    of_items = Reassignment.outcome_id.in_(list(outcome_ids)) & Reassignment.by_hand.is_(True)
    moves = connection.execute(
        select(Reassignment.outcome_id, Reassignment.teacher_code).where(of_items).order_by(Reassignment.id)
    )
    latest = {outcome: teacher for outcome, teacher in moves}  # noqa: C416 - the last one of each counts
    if teacher_code in latest.values():
        raise CorrectionError(f"其中有一件已經改派給 {teacher_code}")


def _not_yet(connection: Connection, model: type[Base], key: Mapping[str, Any]) -> None:
    """Refuse what is entered by hand already: the same row twice would count twice."""
    table = table_of(model)
    where = [table.c[name] == value for name, value in key.items()] + [table.c.by_hand.is_(True)]
    if connection.execute(select(table.c.id).where(*where)).first() is not None:
        raise CorrectionError("這一筆已經人工登錄過了；要更改請先收回原來那一筆")
