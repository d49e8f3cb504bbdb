"""Demo schools and, beside the ledger, what each sending is at an instant: product.md's rules, row by row in plain Python."""

from __future__ import annotations

import tempfile
from collections import defaultdict
from datetime import date
from functools import cache
from pathlib import Path

from data.db import migrate, open_engine, reading
from data.demo.school import write_school
from data.instants import DAY_US, NEVER, from_us
from data.queries import load_frames
from data.rosters.importing import import_files

SECOND = 1_000_000
GROUPINGS = ("school", "grade", "department", "class", "subject", "teacher", "unit")
NOT_FOLLOWED_HERE = ("reassignments", "exemptions", "staff_units", "enrolment_changes")
SCHOOLS = ("three classes", "five classes", "uploads extended", "a grade without windows")


@cache
def demo_frames(*, classes, terms, seed):
    """Return the frames of a demo school, through its files and a database, with three leavers dated in mid-term."""
    with tempfile.TemporaryDirectory() as folder:
        write_school(Path(folder) / "files", classes=classes, terms=terms, seed=seed, today=date(2026, 1, 25))
        engine = open_engine(f"sqlite:///{folder}/school.sqlite")
        migrate(engine)
        assert import_files(engine, [Path(folder) / "files"], id_key=b"a key for tests", by="test").committed
        with reading(engine) as connection:
            frames = load_frames(connection)
        engine.dispose()
    assert all(frames[name].empty for name in NOT_FOLLOWED_HERE)
    return frames | {"enrolments": with_leavers(frames)}


def with_leavers(frames):
    """Let those leave whose sendings wait longest, ten days after the last of them: the excused have to be some."""
    enrolments = frames["enrolments"].copy()
    waiting = frames["rounds"][frames["rounds"]["completed_at"] == NEVER]
    last = waiting.groupby(["school_year", "student_id"])["sent_at"].max()
    for year, student in list(last.sort_values().index[:3]):
        row = (enrolments["school_year"] == year) & (enrolments["student_id"] == student)
        enrolments.loc[row, "left_at"] = last[year, student] + 10 * DAY_US
        enrolments.loc[row, ["in_school", "left_is_dated"]] = [False, True]
    return enrolments


@cache
def school(name):
    """Return the frames of a school by its name in SCHOOLS."""
    if name == "three classes":
        return demo_frames(classes=3, terms=2, seed=11)
    frames = demo_frames(classes=5, terms=3, seed=4)
    windows = frames["windows"].copy()
    if name == "uploads extended":  # the last three days of it, so that demo uploads fall into the extension
        later = (windows["task"] == "upload") & (windows["grade"] < 3)
        windows.loc[later, "original_ends_at"] -= 3 * DAY_US
    if name == "a grade without windows":
        windows = windows[windows["grade"] != 2].reset_index(drop=True)
    return frames | {"windows": windows}


def terms_of(frames):
    return sorted(set(frames["rounds"]["school_year"] * 10 + frames["rounds"]["semester"]))


def instants_of(frames, term):
    """Return the ends of a term's windows, first announced and latest, each with a second before and after, and days between."""
    windows = frames["windows"]
    own = windows[windows["school_year"] * 10 + windows["semester"] == term]
    ends = {int(end) for name in ("ends_at", "original_ends_at") for end in own[name]}
    left = {int(at) for at in frames["enrolments"]["left_at"] if at != NEVER and abs(at - max(ends)) < 120 * DAY_US}
    edges = {end + step for end in ends | left for step in (-SECOND, 0, SECOND)}
    return [
        from_us(at)
        for at in sorted(edges | {min(ends) - 75 * DAY_US, min(ends) - DAY_US // 3, max(ends) + 40 * DAY_US})
    ]


def sendings_at(frames, term, as_of_us, deadline="current"):
    """Return each sending that exists at the instant as a dict: state, instants, and its key in each grouping."""
    windows = {(w.school_year * 10 + w.semester, w.grade, w.task): w for w in frames["windows"].itertuples()}
    years = defaultdict(dict)
    for person in frames["enrolments"].itertuples():
        years[person.student_id][person.school_year] = person
    unit_of = {person.staff_code: person.unit for person in frames["staff"].itertuples()}
    deputies = sorted(
        frames["delegations"].itertuples(), key=lambda span: (span.deputy_order, span.from_at, span.deputy_code)
    )
    found = []
    for row in frames["rounds"].itertuples():
        if row.school_year * 10 + row.semester != term or row.sent_at > as_of_us:
            continue
        student = years[row.student_id][row.school_year]
        left_at = min(person.left_at for year, person in years[row.student_id].items() if year >= row.school_year)

        def end_of(task, grade=student.grade):
            window = windows.get((term, grade, task))
            return None if window is None else window.ends_at if deadline == "current" else window.original_ends_at

        end, done = end_of("certify"), row.completed_at <= as_of_us
        due = None if end is None else max(end, row.sent_at + 3 * DAY_US)
        holder = row.teacher_code
        if done:
            holder = row.certifier_code or holder
        else:
            for span in deputies:
                if span.principal_code == row.teacher_code and span.from_at <= as_of_us < span.until_at:
                    holder = span.deputy_code
                    break
        if done:
            state = "done"
        elif left_at <= as_of_us:
            state = "exempt"
        else:
            state = "overdue" if due is not None and as_of_us >= due else "open"
        found.append(
            {
                "state": state, "due": due, "assigned": row.teacher_code, "passed": row.passed, "id": row.round_id,
                "sent": row.sent_at, "done": row.completed_at, "decided": row.decided_at, "closes": end_of("upload"),
                "school": "school", "grade": str(student.grade), "department": student.department, "class": student.class_name,
                "subject": row.subject, "teacher": holder, "unit": unit_of.get(holder, ""),
            }
        )  # fmt: skip
    return found


def gathered(sendings, by):
    groups = defaultdict(list)
    for sending in sendings:
        groups[sending[by]].append(sending)
    return groups
