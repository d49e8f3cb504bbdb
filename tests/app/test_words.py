"""The words of every page, as each role and in both languages: no fault for what is voluntary, no percentage by itself."""

from __future__ import annotations

import io
import json
import re

import openpyxl
import pytest

from dashboard.exports.tables import all_tables
from tests.app.conftest import fire

ROLES = ("principal", "secretary", "chief", "homeroom", "teacher")
FAULTS = re.compile(
    r"未上傳|未勾選|沒有?上傳|沒有?勾選|缺交|缺件|落後|逾期|未完成|不足|missing|overdue|behind|failed to|not uploaded|not selected", re.I
)  # fmt: skip
VOLUNTARY = re.compile(r"上傳|勾選|upload|select", re.I)
# What speaks of a teacher's, a unit's or the platform's part, or states the rule itself, is not about the student's choice.
OF_OTHERS = re.compile(
    r"認證|送出|期程|登錄|提交|匯入|不足 ?5|certif|sent|window|roster|import|filter|deadline|registr|submi|fewer", re.I
)
STATUSES = re.compile(r"lc-(overdue|attention|done|on_track)\b")
PERCENT = re.compile(r"\d(?:\.\d+)?\s?%")
COUNTED = re.compile(r"\d[\d,]*\s?[/／]\s?\d|\d[\d,]*\s?(?:件|人|班|items?|students?|people)")
# Percentages that are no figures of the school: limits, thresholds and rates of method.
OF_METHOD = re.compile(r"(?<![\d.])(?:95|99\.8|5|100|0)\s?%")


def pages_of(app):
    return {
        output.removeprefix("..").partition("-head")[0]: output
        for output in app.callback_map
        if output.endswith("-body.children..")
    }


def query_of(place, page_id):
    """Return what a page about one thing is asked about."""
    _, ledger = place.store.ledger()
    department = next(str(name) for name in ledger.labels["department"] if name)
    return {
        "classes-class": place.school.homeroom_class,
        "departments-dept": department,
        "teachers-teacher": place.school.teacher_code,
    }


def body_of(client, place, app, page_id, *, term):
    output = pages_of(app)[page_id]
    ids = [each["id"] for each in app.callback_map[output]["inputs"]]
    said = query_of(place, page_id) | {f"{page_id}-term": term}
    inputs = {f"{each}.value": said.get(each, "all") for each in ids if each != "theme"}
    inputs |= {"theme.data": "light"} if "theme" in ids else {}
    answer = fire(client, output, inputs=inputs)
    if answer.status_code == 403:
        return None
    assert answer.status_code == 200
    return answer.json["response"][f"{page_id}-body"]["children"]


def texts_in(part):
    """Yield every text that is shown, those of figures and of tables behind them included."""
    if isinstance(part, str):
        yield part
    elif isinstance(part, list):
        for each in part:
            yield from texts_in(each)
    elif isinstance(part, dict):
        props = part.get("props", part)
        for name, value in props.items():
            if name in (
                "className",
                "href",
                "id",
                "style",
                "type",
                "namespace",
                "rowData",
                "columnDefs",
                "dashGridOptions",
                "config",
                "figure",
            ):
                continue
            if name == "data-table":
                yield from texts_in(json.loads(value))
            elif name in ("children", "aria-label", "caption", "headers", "rows", "label", "title"):
                yield from texts_in(value)


def within(part, css):
    """Yield the components that have a class."""
    if isinstance(part, list):
        for each in part:
            yield from within(each, css)
    elif isinstance(part, dict):
        props = part.get("props", {})
        if css in str(props.get("className", "")).split():
            yield part
        yield from within(props.get("children"), css)


@pytest.fixture(params=["zh_Hant_TW", "en"])
def language(request):
    return request.param


@pytest.mark.parametrize("role", ROLES)
def test_no_word_and_no_colour_of_a_voluntary_stage_is_a_fault(client_for, app, place, role, language):
    client = client_for(role)
    client.set_cookie("lang", language)
    wrong, seen = [], 0
    for page_id in pages_of(app):
        if page_id in ("imports", "corrections"):
            continue
        for term in (place.school.current_term, str(int(place.school.current_term) - 9)):
            body = body_of(client, place, app, page_id, term=term)
            for text in texts_in(body or []):
                for sentence in re.split(r"[。；;\n]|\. ", text):
                    if VOLUNTARY.search(sentence) and not OF_OTHERS.search(sentence):
                        seen += 1
                        if FAULTS.search(sentence):
                            wrong.append(f"{page_id}: {sentence}")
            for tile in within(body or [], "lc-tile"):
                label = next(texts_in(tile))
                if VOLUNTARY.search(label) and not OF_OTHERS.search(label) and STATUSES.search(json.dumps(tile)):
                    wrong.append(f"{page_id}: the tile {label} has the colour of a duty")
    assert sorted(set(wrong)) == []
    assert seen or role == "teacher"  # a teacher sees no voluntary stage at all


@pytest.mark.parametrize("role", ROLES)
def test_every_percentage_stands_with_what_it_is_of(client_for, app, place, role, language):
    client = client_for(role)
    client.set_cookie("lang", language)
    alone = []
    for page_id in pages_of(app):
        if page_id in ("imports", "corrections"):
            continue
        body = body_of(client, place, app, page_id, term=place.school.current_term)
        for css in ("lc-tile", "lc-findings", "lc-card"):
            for frame in within(body or [], css):
                texts = list(texts_in(frame))
                said = [text for text in texts if PERCENT.search(OF_METHOD.sub("", text))]
                if said and not any(COUNTED.search(text) for text in texts):
                    alone.append(f"{page_id}: {said[:2]}")
        for finding in within(body or [], "lc-sentence"):
            text = "".join(texts_in(finding))
            if PERCENT.search(text) and not COUNTED.search(text):
                alone.append(f"{page_id}: {text}")
    assert alone == []


def sentences_of_a_file(client, key, term):
    """Return what a workbook says, its table and its sheet of definitions, a sentence each; None where it is refused."""
    answer = client.get(f"/exports/{key}.xlsx?term={term}")
    if answer.status_code != 200:
        return None
    book = openpyxl.load_workbook(io.BytesIO(answer.data), read_only=True)
    cells = {
        str(cell)
        for sheet in book
        for row in sheet.iter_rows(values_only=True)
        for cell in row
        if isinstance(cell, str)
    }
    return [sentence for cell in cells for sentence in re.split(r"[。；;\n]|\. ", cell)]


@pytest.mark.parametrize("role", ["secretary", "homeroom"])
def test_no_word_of_an_export_a_slip_or_a_reminder_is_a_fault(client_for, place, role, language):
    client = client_for(role)
    client.set_cookie("lang", language)
    term = place.school.current_term
    said = {key: sentences_of_a_file(client, key, term) for key in all_tables()}
    slips = client.get(f"/slips/{place.school.homeroom_class}?term={term}")
    said["slips"] = re.split(r"[。；;\n]|<[^>]*>", slips.get_data(as_text=True))
    reminders = client.get(f"/exports/reminders.txt?term={term}")
    if reminders.status_code == 200:
        said["reminders.txt"] = re.split(r"[。；;\n]", reminders.get_data(as_text=True))
    given = {key: sentences for key, sentences in said.items() if sentences is not None}
    assert {"classes", "uploads", "selection", "slips"} <= set(given)
    voluntary = [
        (key, sentence)
        for key, sentences in given.items()
        for sentence in sentences
        if VOLUNTARY.search(sentence) and not OF_OTHERS.search(sentence)
    ]
    assert voluntary
    assert [each for each in voluntary if FAULTS.search(each[1])] == []
