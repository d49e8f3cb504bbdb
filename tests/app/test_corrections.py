"""Entering by hand on the page: who may, what it finds, and what a forged form gets."""

from __future__ import annotations

import io
import json
import re
import zipfile

import pytest
from sqlalchemy import func, select

from dashboard.services import audit, corrections, imports
from data.db import reading
from data.models import AuditEvent, Import, Outcome, Round, Staff, Student
from tests.app.conftest import fire

# The page's fields, written out: page modules cannot be imported before the app is made.
FIELDS = (
    "term", "student", "items", "principal", "teacher", "order", "from", "to", "kind", "class", "roster", "batch", "training", "audience",
    "day", "title", "unit", "count", "reason",
)  # fmt: skip
SAVE = "corrections-answer.children"
ITEMS = "..corrections-items.options...corrections-items.value...corrections-items-note.children.."
MAY = ("secretary", "chief")
MAY_NOT = ("principal", "homeroom", "teacher", "admin")

HISTORY = "..imports-history.children...imports-page-words.children...imports-turning.hidden...imports-later.disabled...imports-earlier.disabled.."


@pytest.fixture
def waiting(place):
    """A sending that waits: its round, its student's number and its term."""
    with reading(place.store.engine) as connection:
        return connection.execute(
            select(Round.id, Student.student_number, Outcome.school_year * 10 + Outcome.semester)
            .join_from(Round, Outcome, Round.outcome_id == Outcome.id)
            .join(Student, Student.id == Outcome.student_id)
            .where(Round.completed_at.is_(None))
            .order_by(Round.id.desc())
            .limit(1)
        ).one()


def save(client, form, **values):
    state = {f"corrections-{name}.value": values.get(name) for name in FIELDS}
    return fire(client, SAVE, inputs={"corrections-save.n_clicks": 1, "corrections-form.value": form}, state=state)


def list_items(client, term, student):
    return fire(client, ITEMS, inputs={"corrections-term.value": term, "corrections-student.value": student})


def ask_history(client):
    given = {
        "imports-kind.value": "all",
        "imports-page.value": 1,
        "imports-changed.data": None,
        "imports-undone.data": None,
    }
    return fire(client, HISTORY, inputs=given).get_data(as_text=True)


def texts_of(data):
    """Return a file's text, of a workbook all that is in it."""
    if not data.startswith(b"PK"):
        return data.decode("utf-8")
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        return "\n".join(archive.read(name).decode("utf-8", "replace") for name in archive.namelist())


def count_imports(place):
    with reading(place.store.engine) as connection:
        return connection.execute(select(func.count()).select_from(Import)).scalar_one()


@pytest.mark.parametrize("username", MAY_NOT)
def test_who_may_not_correct_gets_nothing_and_changes_nothing(client_for, place, waiting, username):
    before = count_imports(place)
    round_id, student, term = waiting
    answer = save(client_for(username), "exempt", term=str(term), student=student, items=[str(round_id)], reason="x")
    assert answer.status_code == 403
    listed = list_items(client_for(username), str(term), student)
    assert (listed.status_code, b"options" in listed.data) == (403, False)
    assert count_imports(place) == before


@pytest.mark.parametrize("username", MAY)
def test_a_students_waiting_items_are_listed_and_one_can_be_exempted_and_taken_back(
    client_for, place, waiting, username
):
    round_id, student, term = waiting
    client = client_for(username)
    options = list_items(client, str(term), student).json["response"]["corrections-items"]["options"]
    assert str(round_id) in {option["value"] for option in options}
    before = count_imports(place)
    text = json.dumps(
        save(client, "exempt", term=str(term), student=student, items=[str(round_id)], reason="檔案毀損").json,
        ensure_ascii=False,
    )
    assert "已登錄" in text
    assert count_imports(place) == before + 1
    for other in ("member", "admin", "auditor", "principal", "secretary"):  # why is for who may make entries
        files = [client_for(other).get(f"/exports/classes.{suffix}").data for suffix in ("csv", "xlsx")]
        assert not any("檔案毀損" in texts_of(each) for each in files), other
        history = ask_history(client_for(other))
        assert ("檔案毀損" in history) == (other in MAY), other
    (batch,) = [each for each in imports.list_batches(place.store, limit=1) if each.by_hand]
    assert (batch.by, batch.state) == (username, "kept")
    imports.undo(place.store, batch.batch_id, by=username)
    assert imports.batch_of(place.store, batch.batch_id).state == "undone"


FORGED = {
    "no form": ("", {}),
    "an unknown form": ("drop table", {}),
    "a form that is no text": (["exempt"], {}),
    "items of nobody": ("exempt", {"term": "1151", "student": "nobody", "items": ["1", "2"], "reason": "x"}),
    "items that are no list": ("exempt", {"term": "1151", "student": 5, "items": "1", "reason": {"a": 1}}),
    "a term of full-width digits": ("register", {"term": "１１５１", "day": "2026-01-01"}),
    "a day of nonsense": ("train", {"term": "1151", "day": "2026-13-40"}),
    "an order of words": ("delegate", {"principal": "T001", "teacher": "T002", "order": "一", "from": "2026-01-01", "to": "2026-01-02"}),
    "a count of nonsense": ("train", {"term": "1151", "day": "2026-01-01", "training": "宣導說明", "audience": "學生", "count": "9" * 40}),
    "a batch of nonsense": ("submit", {"term": "1150", "day": "2026-01-01", "roster": "outcomes", "batch": "-1"}),
}  # fmt: skip


@pytest.mark.parametrize("case", FORGED)
def test_a_forged_form_is_an_answer_in_words_and_never_an_entry(client_for, place, case):
    before = count_imports(place)
    form, values = FORGED[case]
    answer = save(client_for("secretary"), form, **values)
    assert answer.status_code == 200
    assert "還沒有登錄" in json.dumps(answer.json, ensure_ascii=False)
    assert count_imports(place) == before


def test_items_of_another_student_cannot_be_slipped_in(client_for, place, waiting):
    round_id, _, term = waiting
    with reading(place.store.engine) as connection:
        other = connection.execute(
            select(Student.student_number)
            .where(
                Student.id.not_in(
                    select(Outcome.student_id).join(Round, Round.outcome_id == Outcome.id).where(Round.id == round_id)
                )
            )
            .limit(1)
        ).scalar_one()
    answer = save(client_for("secretary"), "exempt", term=str(term), student=other, items=[str(round_id)], reason="x")
    assert "還沒有登錄" in json.dumps(answer.json, ensure_ascii=False)


PAGE = "..corrections-head.children...corrections-body.children.."


def test_a_section_chief_chooses_among_all_teachers_and_reads_the_names_of_the_own_unit_alone(client_for, place):
    with reading(place.store.engine) as connection:
        staff = connection.execute(select(Staff.staff_code, Staff.name, Staff.unit)).all()
    own = {f"{code} {name}" for code, name, unit in staff if unit == place.school.chief_unit}
    everybody = {f"{code} {name}" for code, name, _unit in staff}

    def offered(username):
        answer = fire(client_for(username), PAGE, inputs={"theme.data": "light"})
        words = set(re.findall(r'"(\w+ ?[^" ]*)"', json.dumps(answer.json, ensure_ascii=False)))
        return words & everybody, words & {code for code, _name, _unit in staff}

    of_chief, codes = offered("chief")
    of_secretary, all_codes = offered("secretary")
    assert codes == all_codes
    assert own
    assert of_secretary - own
    assert of_chief == own


def test_the_items_of_a_student_say_who_answers_for_them_within_the_scope_and_leave_a_line(client_for, place):
    _, ledger = place.store.ledger()
    unit = dict(zip(ledger.teachers["code"], ledger.labels["unit"][ledger.teachers["unit"].to_numpy()], strict=True))
    with reading(place.store.engine) as connection:
        asked = (
            select(
                Student.student_number, Outcome.school_year * 10 + Outcome.semester, Outcome.teacher_code, Staff.name
            )
            .join_from(Round, Outcome, Round.outcome_id == Outcome.id)
            .join(Student, Student.id == Outcome.student_id)
            .join(Staff, Staff.staff_code == Outcome.teacher_code)
            .where(Round.completed_at.is_(None))
            .order_by(Round.id)
        )
        student, term, code, name = next(
            row for row in connection.execute(asked) if unit[row.teacher_code] != place.school.chief_unit
        )

    def views():
        with reading(place.store.engine) as connection:
            lines = select(AuditEvent.actor, AuditEvent.about).where(AuditEvent.action == "view_student")
            return connection.execute(lines.order_by(AuditEvent.id)).all()

    about = audit.about_student(place.store, student)
    for username, shown in (("chief", False), ("secretary", True)):
        before = len(views())
        text = json.dumps(list_items(client_for(username), str(term), student).json, ensure_ascii=False)
        assert code in text
        assert (f"{code} {name}" in text) == shown
        assert [tuple(each) for each in views()[before:]] == [(username, about)]
        list_items(client_for(username), str(term), "nobody")
        assert len(views()) == before + 1


def test_every_form_asks_only_for_fields_there_are():
    assert {name for fields in corrections.FORMS.values() for name in fields} <= set(FIELDS)
