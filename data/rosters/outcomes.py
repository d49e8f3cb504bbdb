"""認證清單: uploaded 課程學習成果 and each sending of them for certification."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from sqlalchemy import select

from data.models import Outcome, Reassignment, Round, Section
from data.rosters import cells
from data.rosters.kinds import (
    SEMESTER,
    STUDENT,
    STUDENT_NAME,
    YEAR,
    Column,
    Context,
    Counts,
    Kind,
    Rows,
    check_students,
    drop_repeats,
    join_key,
    warn_unknown_staff,
)
from data.rosters.store import insert_frame, load, table_of, update_frame

KEY = ("school_year", "semester", "student_id", "course_code", "subject", "class_name", "item_number")
ROUND_VALUES = ("decision", "decided_at", "released", "completed_at", "reason", "certifier_code")
_STATUSES = {
    "未送出": "unsent", "": "unsent", "認證中": "waiting", "待認證": "waiting", "未認證": "waiting", "尚未認證": "waiting",
    "通過": "passed", "已通過": "passed", "認證成功": "passed", "Y": "passed",
    "未通過": "failed", "不通過": "failed", "認證失敗": "failed", "退件": "failed", "F": "failed",
}  # fmt: skip
_RELEASES = {
    "已發佈": True,
    "已發布": True,
    "是": True,
    "Y": True,
    "未發佈": False,
    "未發布": False,
    "否": False,
    "N": False,
    "": False,
}


def read_status(text: str) -> str:
    """Read 未送出, 認證中, 通過 or 未通過 and their synonyms."""
    if text not in _STATUSES:
        raise ValueError(text)
    return _STATUSES[text]


def read_release(text: str) -> bool:
    """Read 已發佈 or 未發佈."""
    if text not in _RELEASES:
        raise ValueError(text)
    return _RELEASES[text]


def take(rows: Rows, context: Context) -> Counts:
    """Keep items by their natural key, and a round for every different 送出認證時間 of a decided item.

    The first 認證日期 seen with its release is the completion and is never overwritten; an older list takes nothing
    back; another 教師代碼 for undone work is a reassignment from the import's time on.
    """
    counts = Counts()
    check_students(rows, context)
    _check_classes(rows, context)
    _check_times(rows)
    rows.frame = rows.frame.assign(teacher_code=_assigned(rows.frame, context))
    drop_repeats(rows, (*KEY, "sent_at"), counts)
    warn_unknown_staff(rows, context, "teacher_code")
    frame = rows.frame.assign(key=join_key(rows.frame, KEY), **_round_values(rows.frame))
    frame = frame.sort_values(["key", "sent_at"], kind="stable")
    waiting_before = (
        (frame["key"].shift() == frame["key"])
        & (frame["decision"].shift() == "")
        & (frame["sent_at"].shift() != cells.NO_INSTANT)
    )
    rows.frame = frame
    rows.reject(waiting_before, "sent_at", "前一次送出還沒有認證結果，同一件又有另一個送出時間，請留下正確的一列")
    frame = rows.frame
    outcome_is_new, outcome_changed = _take_outcomes(frame, context)
    round_is_new, round_changed, had_rounds = _take_rounds(frame, context, outcome_is_new)
    first_of_item = ~frame["key"].duplicated().to_numpy()
    new = (outcome_is_new & first_of_item) | (round_is_new & (had_rounds | ~first_of_item))
    changed = ~new & (outcome_changed | round_changed | round_is_new)
    return Counts(int(new.sum()), int(changed.sum()), counts.unchanged + int((~new & ~changed).sum()))


def _check_classes(rows: Rows, context: Context) -> None:
    for year, semester in rows.frame[["school_year", "semester"]].drop_duplicates().itertuples(index=False, name=None):
        classes, groups = context.classes(int(year)), context.course_classes(int(year), int(semester))
        known = set(classes) | set(groups)
        in_term = (rows.frame["school_year"] == year) & (rows.frame["semester"] == semester)
        named = set(rows.frame["class_name"][in_term])
        context.rely("classes", [classes[name] for name in named if name in classes])
        context.rely("sections", [groups[name] for name in named if name in groups and name not in classes])
        bad = in_term & ~rows.frame["class_name"].isin(known)
        rows.reject(
            bad, "class_name", f"{year}-{semester} 沒有這個班級，班級導師名冊與授課名冊上都找不到，請改成正確的上課班級"
        )


def _check_times(rows: Rows) -> None:
    if "uploaded_at" not in rows.frame:  # the certifying screen lists no upload: what was sent was there by then
        rows.frame = rows.frame.assign(uploaded_at=cells.NO_INSTANT)

    def missing(name: str) -> Any:
        return rows.frame[name].to_numpy() == cells.NO_INSTANT

    status = rows.frame["status"]
    rows.reject(
        status.isin(["waiting", "passed", "failed"]) & missing("sent_at"), "sent_at", "已送出認證卻沒有送出時間，請補上"
    )
    status = rows.frame["status"]
    rows.reject(
        status.isin(["passed", "failed"]) & missing("decided_at"), "decided_at", "已有認證結果卻沒有認證日期，請補上"
    )
    rows.reject(
        (rows.frame["status"] == "unsent") & ~missing("sent_at"),
        "status",
        "有送出認證時間，狀態卻是未送出，請查對後改正其一",
    )
    rows.reject(missing("uploaded_at") & missing("sent_at"), "uploaded_at", "沒有上傳時間，請補上")
    uploaded = rows.frame["uploaded_at"]
    said = uploaded != cells.NO_INSTANT
    rows.frame = rows.frame.assign(uploaded_at=uploaded.where(said, rows.frame["sent_at"]), uploaded_said=said)


def _assigned(frame: pd.DataFrame, context: Context) -> pd.Series[str]:
    """認證清單's teacher wins; where it names none, the section's first teacher by code."""
    named = frame["teacher_code"] if "teacher_code" in frame else pd.Series("", index=frame.index)
    if (named != "").all():
        return named
    columns = ["school_year", "semester", "course_code", "class_name", "teacher_code"]
    sections = load(context.connection, table_of(Section), ["id", *columns]).sort_values("teacher_code")
    first = sections.drop_duplicates(columns[:4])
    found = frame[columns[:4]].merge(first, on=columns[:4], how="left")
    context.rely("sections", found["id"][found["id"].notna() & (named == "").to_numpy()].astype("int64").unique())
    return named.where(named != "", found["teacher_code"].fillna("").to_numpy())


def _round_values(frame: pd.DataFrame) -> dict[str, Any]:
    decided = frame["status"].isin(["passed", "failed"])
    released = frame["released"].eq(True) if "released" in frame else decided
    released &= decided
    decided_at = frame["decided_at"].astype(object).where(decided, None)
    named = frame["certifier_code"] if "certifier_code" in frame else pd.Series("", index=frame.index)
    return {
        "decision": frame["status"].where(decided, ""),
        "decided_at": decided_at,
        "released": released,
        "completed_at": decided_at.where(released, None),
        "reason": (frame["reason"] if "reason" in frame else pd.Series("", index=frame.index)).where(decided, ""),
        "certifier_code": named.where(named != "", frame["teacher_code"]).where(decided, ""),
        "certifier_named": named != "",
    }


def _take_outcomes(frame: pd.DataFrame, context: Context) -> tuple[Any, Any]:
    """Insert or update the items; returns which rows' item is new, and which changed. Sets frame.outcome_id."""
    table = table_of(Outcome)
    columns = [*KEY, "uploaded_at", "teacher_code"]
    years = [int(year) for year in frame["school_year"].unique()]
    existing = load(context.connection, table, ["id", *columns], Outcome.school_year.in_(years))
    items = frame.drop_duplicates("key", keep="last")
    ids: dict[str, int] = {}
    changed_keys: set[str] = set()
    fresh = items
    if len(existing):
        existing["key"] = join_key(existing, KEY)
        position = pd.Index(existing["key"]).get_indexer(pd.Index(items["key"]))
        known = items[position >= 0]
        before = existing.iloc[position[position >= 0]].reset_index(drop=True)
        ids |= dict(zip(known["key"], before["id"].astype(int), strict=True))
        kept = known["uploaded_at"].where(known["uploaded_said"], before["uploaded_at"].to_numpy())
        changed = update_frame(context, table, before, pd.DataFrame({"uploaded_at": kept}))
        changed |= _reassign(before, known, context)
        changed_keys = set(known["key"][changed])
        fresh = items[position < 0]
    new_ids = insert_frame(context, table, fresh[columns])
    ids |= dict(zip(fresh["key"], new_ids, strict=True))
    frame["outcome_id"] = frame["key"].map(ids).astype("int64")
    return frame["key"].isin(set(fresh["key"])).to_numpy(), frame["key"].isin(changed_keys).to_numpy()


def _reassign(before: pd.DataFrame, known: pd.DataFrame, context: Context) -> Any:
    table = table_of(Reassignment)
    # What a person decided by hand lies above the lists and is not theirs to change; see data.corrections.
    moves = load(context.connection, table, ["id", "outcome_id", "teacher_code"], Reassignment.by_hand.is_(False))
    moves = moves[moves["outcome_id"].isin(before["id"])].sort_values("id")
    context.state(table.name, moves["id"])
    latest = moves.drop_duplicates("outcome_id", keep="last").set_index("outcome_id")["teacher_code"]
    current = latest.reindex(before["id"]).to_numpy(dtype=object)
    current = np.where(pd.isna(current), before["teacher_code"].to_numpy(dtype=object), current)
    wanted = known["teacher_code"].to_numpy(dtype=object)
    differs = (current != wanted) & (wanted != "")
    if differs.any():
        moved = pd.DataFrame({"outcome_id": before["id"].to_numpy()[differs], "teacher_code": wanted[differs]})
        insert_frame(context, table, moved.assign(from_at=context.imported_us))
    return differs


def _take_rounds(frame: pd.DataFrame, context: Context, outcome_is_new: Any) -> tuple[Any, Any, Any]:
    """Insert or update the rounds; returns per row: round is new, round changed, item had rounds before this file."""
    table = table_of(Round)
    size = len(frame)
    is_new, changed, had = np.zeros(size, dtype=bool), np.zeros(size, dtype=bool), np.zeros(size, dtype=bool)
    sent = frame["sent_at"].to_numpy() != cells.NO_INSTANT
    insert = sent & outcome_is_new
    touched = np.flatnonzero(sent & ~outcome_is_new)
    if len(touched):
        years = [int(year) for year in frame["school_year"].unique()]
        of_years = Round.outcome_id.in_(_outcome_ids(years))
        existing = load(context.connection, table, ["id", "outcome_id", "sent_at", *ROUND_VALUES], of_years)
        existing = existing.sort_values(["outcome_id", "sent_at"]).reset_index(drop=True)
        context.state(table.name, existing["id"][existing["outcome_id"].isin(frame["outcome_id"])])
        last = existing.drop_duplicates("outcome_id", keep="last")
        last_of = pd.Series(last.index, index=last["outcome_id"])
        part = frame.iloc[touched]
        keys = pd.MultiIndex.from_arrays([existing["outcome_id"], existing["sent_at"]])
        position = keys.get_indexer(pd.MultiIndex.from_arrays([part["outcome_id"], part["sent_at"]]))
        last_position = last_of.reindex(part["outcome_id"]).to_numpy()
        had[touched] = ~np.isnan(last_position)
        last_place = np.nan_to_num(last_position).astype(int)
        open_last = (
            had[touched] & (existing["decision"].to_numpy(dtype=object)[last_place] == "")
            if len(existing)
            else had[touched]
        )
        # An open sending whose time was corrected, or that was withdrawn and sent again; not where the file itself still
        # lists the open sending: then this is another round. One row at most can be the open sending.
        listed = np.isin(np.nan_to_num(last_position, nan=-1), position[position >= 0])
        moved = (position < 0) & open_last & ~listed
        moved[moved] = ~part["outcome_id"][moved].duplicated().to_numpy()
        position = np.where(moved, last_place, position)
        matched = position >= 0
        before = existing.iloc[position[matched]].reset_index(drop=True)
        after = _settle(before, part[matched])
        changed[touched[matched]] = update_frame(context, table, before, after)
        insert[touched[~matched]] = True
    insert_frame(context, table, frame.loc[insert, ["outcome_id", "sent_at", *ROUND_VALUES]])
    is_new[insert] = True
    return is_new, changed, had


def _outcome_ids(years: list[int]) -> Any:
    return select(Outcome.id).where(Outcome.school_year.in_(years))


def _settle(before: pd.DataFrame, incoming: pd.DataFrame) -> pd.DataFrame:
    """Merge what a later list says of a round into what is known: completion stays, an older list takes nothing back."""
    after = incoming[["sent_at", *ROUND_VALUES]].reset_index(drop=True)
    named = incoming["certifier_named"].to_numpy()
    older = (after["decision"] == "").to_numpy() & (before["decision"] != "").to_numpy()
    done = before["completed_at"].notna().to_numpy()
    for name in after.columns:
        after[name] = after[name].astype(object).where(~older, before[name].astype(object))
    after["completed_at"] = before["completed_at"].astype(object).where(done, after["completed_at"].astype(object))
    after["released"] = after["released"].astype(bool) | before["released"].astype(bool)
    keep_certifier = done & ~named
    after["certifier_code"] = before["certifier_code"].where(keep_certifier, after["certifier_code"])
    return after


KIND = Kind(
    key="outcomes",
    title="認證清單",
    order=70,
    columns=(
        YEAR,
        SEMESTER,
        Column("class_name", ("上課班級", "修課班級", "開課班級"), "class", expects="上課班級"),
        Column("subject", ("科目名稱", "科目"), expects="科目名稱"),
        Column("course_code", ("課程代碼", "科目代碼"), expects="課程代碼"),
        STUDENT,
        STUDENT_NAME,
        Column("item_number", ("序號", "編號"), expects="序號"),
        Column("uploaded_at", ("上傳時間", "上傳日期"), "instant", required=False, blank=True),
        Column("sent_at", ("送出認證時間", "送出時間", "送出認證"), "instant", blank=True),
        Column("decided_at", ("認證日期", "認證時間"), "instant", blank=True),
        Column("status", ("認證狀態", "認證結果"), read_status, expects="：未送出、認證中、通過或未通過", blank=True),
        Column(
            "released",
            ("發佈狀態", "是否發佈", "發布狀態"),
            read_release,
            required=False,
            expects="：已發佈或未發佈",
            blank=True,
        ),
        Column("reason", ("未通過原因",), required=False, blank=True),
        Column("teacher_code", ("教師代碼", "任課教師代碼", "授課教師代碼"), required=False, blank=True),
        Column("teacher_name", ("教師名稱", "任課教師", "授課教師", "教師姓名"), required=False, blank=True),
        Column("certifier_code", ("認證教師代碼",), required=False, blank=True),
    ),
    take=take,
    ignored=("分組", "學分數", "修習方式", "檔案名稱", "備註", "座號", "年級", "成果簡述"),
)
