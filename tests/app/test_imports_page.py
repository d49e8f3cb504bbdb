"""The page 匯入 asked as the wrong person, and with whatever a browser could be made to send."""

from __future__ import annotations

import json

import pytest
from sqlalchemy import select

from data.db import reading
from data.models import Student
from tests.app.conftest import fire

JOB = "..imports-progress.children...imports-plan.children...imports-decisions.children...imports-show-field.hidden...imports-tick.disabled...imports-changed.data.."
HISTORY = "..imports-history.children...imports-page-words.children...imports-turning.hidden...imports-later.disabled...imports-earlier.disabled.."
STANDING = "..imports-commit.disabled...imports-good.disabled...imports-reason.children.."
DECIDE = "..imports-decided.data...imports-answer.children.."
UNDO = "..imports-undone.data...imports-undo-answer.children.."
TICKED = ("alarms", "renames", "leave", "year", "password")
ACTIONS = ("replan", "commit", "good", "cancel")


def values(names, prop, value):
    return {f"imports-{name}.{prop}": value for name in names}


def ask(client, output, value):
    """Fire each of the page's callbacks with one value everywhere."""
    inputs, state = {
        JOB: ({"imports-job.value": value, "imports-tick.n_intervals": value, "imports-decided.data": value}, {"imports-changed.data": value}),
        HISTORY: (values(("kind", "page"), "value", value) | values(("changed", "undone"), "data", value), {}),
        "imports-taken.children": ({"imports-batch.value": value, "imports-undone.data": value}, {}),
        "imports-files.children": ({"imports-show.value": value, "imports-changed.data": value}, {"imports-job.value": value}),
        "imports-head.children": (values(("changed", "undone"), "data", value), {}),
        "imports-waiting.children": ({"imports-changed.data": value}, {"imports-job.value": value}),
        "imports-page.value": (values(("later", "earlier"), "n_clicks", value) | {"imports-kind.value": value}, {"imports-page.value": value}),
        STANDING: (values(TICKED, "value", value), {"imports-job.value": value}),
        DECIDE: (values(ACTIONS, "n_clicks", value), values((*TICKED, "job"), "value", value)),
        UNDO: ({"imports-undo.n_clicks": value}, {"imports-batch.value": value}),
    }[output]  # fmt: skip
    return fire(client, output, inputs=inputs, state=state)


LOOKING = [
    JOB,
    HISTORY,
    "imports-taken.children",
    "imports-files.children",
    "imports-head.children",
    "imports-page.value",
]
ACTING = ["imports-waiting.children", STANDING, DECIDE, UNDO]


@pytest.mark.parametrize("output", [*LOOKING, *ACTING])
@pytest.mark.parametrize(
    "value", [None, "", "x", "0" * 32, 7, -1, True, ["a"], [["a"]], [None], {"a": 1}, "x" * 5000, "1' or 1=1--", "１", "9" * 400, "\x00"]
)  # fmt: skip
def test_forged_values_are_never_an_error_and_change_nothing(client_for, output, value):
    answer = ask(client_for("secretary"), output, value)
    assert answer.status_code in ((400,) if value == "\x00" else (200, 204))


@pytest.mark.parametrize("output", [*LOOKING, *ACTING])
@pytest.mark.parametrize("username", ["principal", "admin", "homeroom", "teacher", None])
def test_who_may_only_look_cannot_act_and_others_cannot_look(client_for, output, username):
    looks = username in ("principal", "admin") and output in LOOKING
    answer = ask(client_for(username), output, "")
    assert answer.status_code in ((200, 204) if looks else (401 if username is None else 403,))


def test_the_history_names_no_student(client_for, place):
    with reading(place.store.engine) as connection:
        students = connection.execute(select(Student.student_number, Student.name)).all()
    text = json.dumps(ask(client_for("admin"), HISTORY, "").json, ensure_ascii=False)
    assert "認證清單" in text
    assert [each for student in students for each in student if each in text] == []


@pytest.mark.parametrize("changed", ["x", [], [5], [None], ["{bad.n_clicks"], ["imports-cancel.n_clicks"] * 2])
def test_what_the_browser_says_was_pressed_may_be_anything(client_for, changed):
    client = client_for("secretary")
    inputs = [{"id": f"imports-{name}", "property": "n_clicks", "value": 1} for name in ACTIONS]
    state = [{"id": f"imports-{name}", "property": "value", "value": None} for name in (*TICKED, "job")]
    outputs = [{"id": "imports-decided", "property": "data"}, {"id": "imports-answer", "property": "children"}]
    body = {"output": DECIDE, "outputs": outputs, "inputs": inputs, "state": state, "changedPropIds": changed}
    answer = client.post("/_dash-update-component", json=body)
    assert answer.status_code in (200, 204, 400)
