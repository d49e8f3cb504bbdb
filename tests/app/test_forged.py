"""What no browser of ours sends: to every callback and every address, in the place of each value. Never an error, never a leak."""

from __future__ import annotations

import itertools
import re
from urllib.parse import quote

import pytest

from dashboard.access import guard
from tests.app.conftest import fire
from tests.app.marked import named_in, read
from tests.app.test_matrix import Answer, callbacks_of, foreign_words, inputs_of, may_call, page_of, route, subjects_of

VALUES = (
    None, True, 7, 10**30, [], [["x"]], {}, {"term": "1131"}, "", "x" * 200_000, "1151'--", "' or 1=1--",
    "１１５１", "\u200b1151", "1151 ", "\x00", "\ud83d", "2025-13-45", "9999-12-31", "0000-00-00", "../../etc/passwd", "<script>", "%s%n",
)  # fmt: skip
SEARCHES = (
    "?term=1151&class=Ж101&class=Ж301", "?class=Ж101", "?class[]=Ж101", "?teacher=T001&teacher=T002", "?student=Ѧ70001", "?term=%00", "?term=１１５１",
    "?asof=2025-02-10T10:00:00%2B99:99", "?term=" + "9" * 5000, "?" + "&".join(f"k{n}=v" for n in range(500)), "?term=1131%27--", "?=&&==", "?%ff=%fe",
    "?dept=%E2%80%8B", "?grade=-1", "?scope=all&role=convener",
)  # fmt: skip
# Of those who may ask, the one who may see the least; so that whatever comes too much is foreign.
NARROWEST = ("teacher", "homeroom", "member", "auditor", "chief", "admin", "secretary")
FINE = (200, 204, 400, 403, 413)


def narrowest(output):
    return next(role for role in NARROWEST if role in may_call(output))


@pytest.fixture(scope="module")
def seen():
    """Answers that have been looked through; most are the same."""
    return set()


def faults_of(school, seen, role, what, answer, *, asked=()):
    """Return what is wrong with an answer: its status, or what it names."""
    if answer.status_code not in FINE:
        return [(role, what, answer.status_code)]
    mark = (role, page_of(what), hash(answer.data))
    if mark in seen:
        return []
    seen.add(mark)
    wrong = foreign_words(school, Answer(role, what, "", answer.status_code, read(answer)), asked=asked)
    return [(role, what, *sorted(wrong)[:3])] if wrong else []


def test_a_forged_value_in_the_place_of_each_input_is_no_error_and_no_leak(app, school, clients, seen):
    asked, found = 0, []
    for output in callbacks_of(app):
        role = narrowest(output)
        foreign = [each for values in (subjects_of(school, role)["foreign"],) for each in values.values()]
        plain = inputs_of(app, output, {}, school.term)
        for part, values in plain.items():
            for place in values:
                for value in (*VALUES, *foreign):
                    forged = plain | {part: values | {place: value}}
                    answer = fire(clients[role], output, inputs=forged["inputs"], state=forged["state"])
                    # A page keeps no word of what it was asked for: what it names, it knows.
                    words = (
                        (str(value),) if page_of(output) == "admin" else ()
                    )  # a setting that cannot be is said as it was written
                    faults = faults_of(school, seen, role, output, answer, asked=words)
                    found += [(place, repr(value)[:60], fault) for fault in faults]
                    asked += 1
    assert found == []
    assert asked > 2000


def test_a_forged_value_in_every_place_at_once_is_no_error_and_no_leak(app, school, clients, seen):
    found = []
    for output, value in itertools.product(callbacks_of(app), VALUES):
        plain = inputs_of(app, output, {}, school.term)
        parts = {part: dict.fromkeys(values, value) for part, values in plain.items()}
        role = narrowest(output)
        found += faults_of(school, seen, role, output, fire(clients[role], output, **parts))
    assert found == []


def test_a_callback_that_is_not_called_as_it_is_registered_is_refused(app, school, clients):
    for output in (*callbacks_of(app), guard.ROUTER):
        registered = app.callback_map[output]
        named = [{"id": each["id"], "property": each["property"], "value": "all"} for each in registered["inputs"]]
        state = [{"id": each["id"], "property": each["property"], "value": "all"} for each in registered["state"]]
        outputs = [
            dict(zip(("id", "property"), one.rsplit(".", 1), strict=True)) for one in output.strip(".").split("...")
        ]
        body = {
            "output": output, "outputs": outputs if len(outputs) > 1 else outputs[0], "inputs": named, "state": state,
            "changedPropIds": [],
        }  # fmt: skip
        foreign = {"id": "students-student", "property": "value", "value": "Ѧ70001"}
        for change in (
            {"inputs": [*named, foreign]}, {"inputs": named[1:]}, {"inputs": [{**each, "id": {"type": "x"}} for each in named]},
            {"inputs": [{**each, "property": "data-x"} for each in named]}, {"inputs": "all"}, {"inputs": {"0": named}},
            {"state": [*state, foreign]}, {"outputs": [*outputs, {"id": "students-body", "property": "children"}]},
            {"outputs": None}, {"output": [output]}, {"output": output + ".x"}, {"changedPropIds": "x"}, {"changedPropIds": [{}]},
        ):  # fmt: skip
            answer = clients["secretary"].post("/_dash-update-component", json=body | change)
            assert answer.status_code in (400, 403), (output, change)
            assert not any(named_in(read(answer)).values())
        more = {"permission": "administer", "user": "secretary", "scope": {"classes": None}, "__proto__": {"x": 1}}
        answer = clients["homeroom"].post("/_dash-update-component", json=body | more)
        assert faults_of(school, set(), "homeroom", output, answer) == []


@pytest.mark.parametrize("role", ["homeroom", "teacher", "member"])
def test_a_forged_address_of_a_page_is_no_error_and_no_leak(school, clients, seen, role):
    paths = [
        "/",
        "/certification",
        "/classes/Ж101",
        "/students/Ѧ70001",
        "/teachers/T001",
        "/departments/x",
        "/imports",
        "/admin/audit",
        "/nowhere",
    ]
    asked = ["Ж101", "Ж301", "Ѧ70001"]  # an address is kept in the page to be handed to its callback
    found = []
    for path, search in (*itertools.product(paths, SEARCHES), *((value, value) for value in VALUES)):
        answer = route(clients[role], path, search)
        found += [(repr(search)[:60], fault) for fault in faults_of(school, seen, role, str(path), answer, asked=asked)]
    assert found == []


@pytest.mark.parametrize("role", ["homeroom", "teacher", "member", "secretary"])
def test_a_forged_address_of_a_file_is_no_error_and_no_leak(app, school, clients, seen, role):
    words = ["x", "Ж101", "1 or 1=1", "%00", "..", "%2e%2e%2f", "１", "a" * 3000, "'", "{}", "\u200b", "-1"]
    rules = [
        rule
        for rule in app.server.url_map.iter_rules()
        if "GET" in rule.methods and not rule.rule.startswith(("/_dash", "/assets", "/<path"))
    ]
    paths = [rule.rule for rule in rules if not rule.arguments]
    paths += [
        re.sub(r"<[^>]*>", lambda found, word=word: "csv" if "any(" in found[0] else quote(word, safe="%"), rule.rule)
        for rule, word in itertools.product(rules, words)
        if rule.arguments
    ]
    paths += ["/exports/classes.csv", "/exports/uploads.csv", f"/slips/{quote(school.own_class)}"]
    found = []
    for path in dict.fromkeys(paths):
        for search in (
            SEARCHES
            if path.startswith(("/exports/", "/slips/Ж", "/slips/%D0%96")) and "x" not in path
            else SEARCHES[:1]
        ):
            answer = clients[role].get(path + search.replace(" ", "%20"), headers={"Accept": "text/html"})
            if answer.status_code >= 500:
                found.append((path[:60], search[:60], answer.status_code))
            elif answer.status_code == 200:
                # The page around the answers may say its own address.
                words = ("Ж101", "Ж301") if answer.mimetype == "text/html" and not path.startswith("/slips/%D0") else ()
                found += faults_of(school, seen, role, path[:60], answer, asked=words)
    assert found == []


@pytest.mark.parametrize("number", [2**31, 10**30])
def test_a_number_too_big_for_the_database_is_no_address(app, clients, number):
    addresses = app.server.url_map.bind("localhost")
    rules = [rule for rule in app.server.url_map.iter_rules() if "number" in rule.arguments]
    assert len(rules) >= 7
    for rule in rules:
        method = "POST" if "POST" in rule.methods else "GET"
        path = re.sub(r"<[^>]*>", lambda found: str(number) if "number" in found[0] else "approve", rule.rule)
        assert clients["secretary"].open(path, method=method).status_code < 500, path
        assert not addresses.test(path, method) or addresses.match(path, method)[0] != rule.endpoint, path
