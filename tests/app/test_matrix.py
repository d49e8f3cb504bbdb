"""Every page, callback, table and route, as every role, about what is its own, what is not, and what is not there.

Made from the registries, so that what is new is in it without being named; who may what is typed here, never read from the code.
"""

from __future__ import annotations

import base64
import binascii
import itertools
import json
import os
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote, urlencode

import dash
import pytest
from dash import Input, Output
from dash import _callback as dash_callbacks
from flask import g
from werkzeug.exceptions import Forbidden, Unauthorized

from dashboard.access import guard
from dashboard.access.roles import Permission, Role
from dashboard.access.session import Person
from dashboard.exports.tables import all_tables
from dashboard.services.accounts import Account
from tests.app.conftest import fire
from tests.app.marked import named_in, read
from tests.school import ROLES

VIEWERS = {"principal", "secretary", "chief", "homeroom", "member", "auditor"}
ACTORS = {"secretary", "chief"}
MAY = {
    "overview": VIEWERS | {"admin"}, "uploads": VIEWERS, "certification": VIEWERS | {"teacher"}, "selection": VIEWERS, "receipts": VIEWERS,
    "submission": VIEWERS - {"homeroom"}, "departments": VIEWERS - {"homeroom"}, "classes": VIEWERS - {"member"},
    "teachers": ACTORS | {"principal", "teacher"}, "students": ACTORS | {"homeroom"}, "corrections": ACTORS,
    "imports": ACTORS | {"principal", "auditor", "admin"}, "audit": {"auditor", "admin"}, "privacy": set(ROLES), "admin": {"admin"},
    "packs": VIEWERS - {"homeroom"}, "meetings": VIEWERS - {"homeroom"},
    "commendation": {"principal", "secretary", "chief", "homeroom", "teacher"}, "reminders": {"secretary"},
}  # fmt: skip
# Callbacks of 匯入 that write, or show what was handed in and is not decided.
IMPORTERS = ("imports-waiting", "imports-commit", "imports-decided", "imports-undone")
TABLES = {
    "classes": VIEWERS, "uploads": VIEWERS, "selection": VIEWERS, "receipts": VIEWERS, "disputes": VIEWERS - {"member"},
    "submission": VIEWERS - {"homeroom"}, "registration": VIEWERS - {"homeroom"}, "department_classes": VIEWERS - {"homeroom"},
    "teachers": ACTORS | {"principal"}, "reminders": ACTORS | {"principal", "teacher"}, "class_students": ACTORS | {"homeroom"}, "notices": {"secretary"},
}  # fmt: skip
OPEN = {
    "/login",
    "/login/code",
    "/login/school",
    "/login/school/return",
    "/invite/<token>",
    "/healthz",
    "/readyz",
    "/language/<code>",
}
NOBODY = {"class": "Ж999", "teacher": "ѪT999", "student": "Ѧ99999", "dept": "無此科"}
SUFFIXES = ("csv", "xlsx", "ods")
ID_NUMBER = re.compile(r"(?<![A-Za-z0-9])[A-Z][12]\d{8}(?!\d)")


@dataclass(frozen=True)
class Answer:
    role: str
    what: str
    subject: str  # own, foreign, none; empty: about nobody
    status: int
    text: str


def subjects_of(school, role):
    """What is the role's own, another's and nobody's, for each kind of thing that is asked about."""
    other_class = min(school.classes - {school.own_class})
    unit = school.unit_of
    codes = sorted(school.teachers)
    own_code = next(code for code in codes if unit[code] == school.chief_unit) if role == "chief" else school.own_code
    foreign_code = next(c for c in codes if unit[c] != school.chief_unit and c != school.own_code)
    foreign_student = min(set(school.students) - school.of_class - school.of_teacher)
    return {
        "own": {"class": school.own_class, "teacher": own_code, "student": min(school.of_class), "dept": "普通科"},
        "foreign": {"class": other_class, "teacher": foreign_code, "student": foreign_student, "dept": "資訊科"},
        "none": NOBODY,
    }


def inputs_of(app, output, values, term):
    """Fill a callback's inputs by the name after the last dash; of what no filter is, something that a browser sends."""
    each_of = {"theme": "light", "term": term, **values}
    found = {}
    for part in ("inputs", "state"):
        found[part] = {
            f"{each['id']}.{each['property']}": each_of.get(each["id"].rpartition("-")[2], None if each["id"].startswith("imports") else "all")
            for each in app.callback_map[output][part]
        }  # fmt: skip
    return found


def callbacks_of(app):
    client_side = {entry["output"] for entry in app._callback_list if entry.get("clientside_function")}
    return sorted(set(app.callback_map) - client_side - {guard.ROUTER})


def page_of(output):
    return output.removeprefix("..").partition("-")[0]


def may_call(output):
    page = page_of(output)
    return ACTORS if output.removeprefix("..").startswith(IMPORTERS) else MAY[page]


def route(client, path, search=""):
    """Ask Dash's router for a page's layout, as the browser does."""
    return client.post(
        "/_dash-update-component",
        json={
            "output": guard.ROUTER,
            "outputs": [{"id": "_pages_content", "property": "children"}, {"id": "_pages_store", "property": "data"}],
            "inputs": [
                {"id": "_pages_location", "property": "pathname", "value": path},
                {"id": "_pages_location", "property": "search", "value": search},
            ],
            "changedPropIds": ["_pages_location.pathname"],
        },
    )


def paths_of(values):
    """Each page's address, about what is asked."""
    for page in dash.page_registry.values():
        template = page["path_template"]
        if template is None:
            yield page["module"], page["path"]
        else:
            name = re.search(r"<(\w+)>", template).group(1)
            key = {"name": "class"}.get(name, name)
            yield page["module"], re.sub(r"<\w+>", quote(values[key], safe=""), template)


@pytest.fixture(scope="module")
def callback_answers(app, school, clients):
    """Every callback as every role, about own, foreign and no things: in this term and as of the last one's end."""
    found = []
    for role, client in clients.items():
        for output, (subject, values) in itertools.product(callbacks_of(app), subjects_of(school, role).items()):
            plain = not {each["id"].rpartition("-")[2] for each in app.callback_map[output]["inputs"]} & set(values)
            if plain and subject != "own":
                continue
            parts = inputs_of(app, output, values, school.term)
            answer = fire(client, output, inputs=parts["inputs"], state=parts["state"])
            found.append(Answer(role, output, subject, answer.status_code, read(answer)))
    return found


@pytest.fixture(scope="module")
def layout_answers(school, clients):
    found = []
    for role, client in clients.items():
        for subject, values in subjects_of(school, role).items():
            for module, path in paths_of(values):
                answer = route(client, path)
                found.append(Answer(role, module, subject, answer.status_code, read(answer)))
    return found


@pytest.fixture(scope="module")
def file_answers(app, school, clients):
    """Every table in every format, and every other address that gives a file."""
    found = []
    for role, client in clients.items():
        for subject, values in subjects_of(school, role).items():
            query = urlencode({"term": school.term, **values})
            for key, suffix in itertools.product(all_tables(), SUFFIXES):
                if suffix != "csv" and subject != "foreign":
                    continue
                answer = client.get(f"/exports/{key}.{suffix}?{query}")
                found.append(Answer(role, f"{key}.{suffix}", subject, answer.status_code, read(answer)))
            for path in (f"/slips/{quote(values['class'])}?term={school.term}", f"/exports/reminders.txt?{query}"):
                answer = client.get(path)
                found.append(Answer(role, path.partition("?")[0], subject, answer.status_code, read(answer)))
    return found


def foreign_words(school, answer, *, asked=()):
    """Return what an answer names and the role may not know: the scopes of product.md, typed. asked: the asker's own words."""
    said = named_in(answer.text)
    asked = {*NOBODY.values(), *asked}
    numbers = {name: number for number, name in school.students.items()}
    students = {numbers.get(word, word) for word in said["student"]}
    names = {word for word in said["student"] if word.startswith("Ѣ")}
    teachers = said["teacher"]
    if answer.role == "secretary":
        wrong = set()
    elif answer.role == "principal":
        wrong = names
    elif answer.role == "chief":
        own_unit = {school.teachers[code] for code, unit in school.unit_of.items() if unit == school.chief_unit}
        wrong = teachers - own_unit
    elif answer.role == "homeroom":
        wrong = (said["class"] - {school.own_class}) | (students - school.of_class) | teachers
    elif answer.role == "teacher":
        wrong = (students - school.of_teacher) | (teachers - {school.teachers[school.own_code]})
    elif answer.role == "auditor":
        wrong = names | teachers
    else:  # member, admin
        wrong = said["student"] | teachers
    return wrong - asked


# --- who gets an answer -----------------------------------------------------------------------------------------------


def test_every_callback_answers_the_roles_that_may_and_refuses_all_others(callback_answers):
    wrong = [
        (each.role, each.what, each.status)
        for each in callback_answers
        if each.status not in ((200, 204) if each.role in may_call(each.what) else (403,))
    ]
    assert wrong == []
    assert len({each.what for each in callback_answers}) >= 25


def test_a_refused_callback_says_nothing(callback_answers):
    refused = [each for each in callback_answers if each.status == 403]
    assert refused
    for each in refused:
        assert not any(named_in(each.text).values())
        assert len(each.text) < 200


def test_every_table_in_every_format_goes_to_the_roles_that_may_and_to_no_other(file_answers):
    tables = [each for each in file_answers if not each.what.startswith("/")]
    assert {each.what.partition(".")[0] for each in tables} == set(TABLES)
    assert [
        (each.role, each.what, each.status)
        for each in tables
        if each.status != (200 if each.role in TABLES[each.what.partition(".")[0]] else 403)
    ] == []


def test_slips_go_to_those_who_have_to_act_and_only_of_their_classes(school, file_answers):
    for each in file_answers:
        if each.what.startswith("/slips/"):
            allowed = {"homeroom": ("own",), "secretary": ("own", "foreign"), "chief": ("own", "foreign")}.get(
                each.role
            )
            wanted = 403 if allowed is None else 200 if each.subject in allowed else 404
            assert each.status == wanted, (each.role, each.what)


def test_without_a_login_every_callback_and_every_route_gives_nothing(app, school, client_for):
    client = client_for()
    for output in (*callbacks_of(app), guard.ROUTER):
        parts = inputs_of(app, output, NOBODY, school.term)
        answer = fire(client, output, inputs=parts["inputs"], state=parts["state"])
        assert answer.status_code == 401
        assert answer.json == {"error": "login required"}
    for rule, method in itertools.product(app.server.url_map.iter_rules(), ("GET", "POST", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE")):  # fmt: skip
        if rule.rule in OPEN or rule.rule.startswith(("/assets/", "/_dash-component-suites/")):
            continue
        path = re.sub(r"<[^>]*>", "x", rule.rule)
        answer = client.open(path, method=method, headers={"Accept": "text/html"})
        assert answer.status_code in (302, 401, 405), (method, path)
        assert not any(named_in(read(answer)).values())
        if answer.status_code == 302:
            assert answer.headers["Location"].startswith("/login")


def test_a_route_that_only_writes_is_refused_to_who_may_not(school, clients):
    for role, client in clients.items():
        status = client.post("/imports/files", data={}).status_code
        assert (status != 403) == (role in ACTORS), role


# --- what is in it ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["callback_answers", "layout_answers", "file_answers"])
def test_no_answer_names_a_class_a_student_or_a_teacher_outside_the_scope(school, request, kind):
    found = []
    for each in request.getfixturevalue(kind):
        # A layout keeps what its address asks for, to hand it to the callback.
        asked = subjects_of(school, each.role)[each.subject].values() if kind == "layout_answers" else ()
        if wrong := foreign_words(school, each, asked=asked):
            found.append((each.role, each.what, each.subject, sorted(wrong)[:4]))
    assert found == []


def test_those_who_see_everybody_find_the_names_in_the_same_answers(callback_answers, file_answers):
    """So that the search above cannot be blind."""
    texts = [each.text for each in (*callback_answers, *file_answers) if each.role == "secretary"]
    said = [named_in(text) for text in texts]
    for kind in ("class", "student", "teacher"):
        assert len(set().union(*(each[kind] for each in said))) > 5


@pytest.mark.parametrize("role", ["homeroom", "teacher", "chief", "member"])
def test_what_is_another_s_looks_like_what_is_not_there(school, callback_answers, role):
    """Names of 科別 are no secret, and a chief may look at every class and student."""
    for output in {each.what for each in callback_answers}:
        asked = {
            "homeroom": ("classes", "students"),
            "teacher": ("teachers",),
            "chief": ("teachers",),
            "member": ("certification",),
        }[role]
        if page_of(output) not in asked:
            continue
        texts = {}
        for each in callback_answers:
            if (each.role, each.what) == (role, output) and each.subject != "own":
                text = each.text
                for value in subjects_of(school, role)[each.subject].values():
                    text = text.replace(value, "…")
                texts[each.subject] = (each.status, text)
        if role == "member":
            texts = {subject: (status, len(text) > 0) for subject, (status, text) in texts.items()}
        assert texts["foreign"] == texts["none"], output


def test_no_answer_holds_an_identity_number(callback_answers, layout_answers, file_answers):
    for each in (*callback_answers, *layout_answers, *file_answers):
        assert not ID_NUMBER.search(each.text), (each.role, each.what)
        for token in set(re.findall(r"[A-Za-z0-9+/]{16,}={0,2}", each.text)):
            try:
                inside = base64.b64decode(token, validate=True)
            except binascii.Error:
                continue
            assert not ID_NUMBER.search(inside.decode("latin-1")), (each.role, each.what)


# --- ways around the gate ---------------------------------------------------------------------------------------------


def guarded_of(app, output):
    """Return the function that any other dispatcher would call: Dash's own wrapper taken off."""
    return app.callback_map[output]["callback"].__wrapped__


def test_another_dispatcher_meets_the_same_refusal(app, school):
    for output in callbacks_of(app):
        body = guarded_of(app, output)
        arguments = [None] * sum(len(app.callback_map[output][part]) for part in ("inputs", "state"))
        with app.server.test_request_context("/elsewhere"), pytest.raises(Unauthorized):
            body(*arguments)
        for name, role in ROLES.items():
            if name in may_call(output):
                continue
            with app.server.test_request_context("/elsewhere"):
                g._login_user = Person(Account(0, name, Role(role), "", "", frozenset()))
                with pytest.raises(Forbidden):
                    body(*arguments)


@pytest.fixture
def planted(app):
    """Take callbacks into the running app, and out of it again."""
    before, policy = dict(app.callback_map), dict(guard._POLICY)
    listed = len(dash_callbacks.GLOBAL_CALLBACK_LIST)

    def plant():
        for entry in dash_callbacks.GLOBAL_CALLBACK_LIST[listed:]:
            app.callback_map[entry["output"]] = dash_callbacks.GLOBAL_CALLBACK_MAP[entry["output"]]

    yield plant
    for output in set(app.callback_map) - set(before):
        app.callback_map.pop(output)
        dash_callbacks.GLOBAL_CALLBACK_MAP.pop(output, None)
    del dash_callbacks.GLOBAL_CALLBACK_LIST[listed:]
    guard._POLICY.clear()
    guard._POLICY.update(policy)


def test_a_callback_without_a_permission_keeps_the_app_from_starting(app, planted):
    dash.callback(Output("bare", "children"), Input("bare", "value"))(lambda _value: "Ж101")
    planted()
    with pytest.raises(RuntimeError, match=r"bare\.children"):
        guard.seal(app)


@pytest.mark.parametrize(("scoped", "status"), [(True, 500), (False, 200)])
def test_a_callback_that_forgets_the_scope_answers_nothing(app, clients, planted, scoped, status):
    register = guard.protected_callback(
        Output("forgetful", "children"), Input("forgetful", "value"), permission=Permission.VIEW_OVERVIEW, scoped=scoped
    )
    register(lambda _value: "Ж101")
    planted()
    answer = fire(clients["homeroom"], "forgetful.children", inputs={"forgetful.value": "x"})
    assert answer.status_code == status
    assert ("Ж101" in read(answer)) == (not scoped)


@pytest.mark.parametrize("option", [{"background": True}, {"api_endpoint": "/api/x"}])
def test_a_callback_that_is_reachable_around_the_gate_cannot_be_made(option):
    with pytest.raises(RuntimeError, match="around the gate"):
        guard.protected_callback(Output("x", "children"), permission=Permission.VIEW_OVERVIEW, **option)


@pytest.mark.parametrize("role", ["principal", "homeroom", "member"])
def test_every_layout_refuses_a_condition_that_it_does_not_know(school, clients, role):
    for module, path in paths_of(subjects_of(school, role)["own"]):
        for search in ("?class_id=102", "?scope=all", "?permission=x", "?view=1&term=1131"):
            text = read(route(clients[role], path, search))
            assert "看不懂的條件" in text or "您的角色不能看這一頁" in text or "找不到這一頁" in text, (module, search)
            assert not foreign_words(school, Answer(role, module, "", 200, text))


@pytest.mark.parametrize("role", ["homeroom", "teacher"])
def test_a_query_that_names_another_thing_than_the_path_gives_nothing_of_it(school, clients, role):
    own, foreign = (subjects_of(school, role)[each] for each in ("own", "foreign"))
    for module, path in paths_of(own):
        for name, value in foreign.items():
            text = read(route(clients[role], path, "?" + urlencode({name: value}))).replace(value, "…")
            assert not foreign_words(school, Answer(role, module, "", 200, text)), (module, name)


@pytest.mark.parametrize(
    "path",
    ["//", "/;x", "/%00", "/..", "/../admin", "/exports/classes.csv;x", "//exports/classes.csv", "/exports//classes.csv", "/./exports/classes.csv",
     "/exports/%2e%2e/classes.csv", "/EXPORTS/classes.csv", "/exports/classes.csv%00", "/_dash-layout/", "/_dash-update-component/x",
     "/assets/../exports/classes.csv", "/assets/%2e%2e/exports/classes.csv", "/_dash-component-suites/../exports/classes.csv", "/healthz/../exports/classes.csv",
     "/login/../exports/classes.csv", "/_mcp", "/_mcp/", "/api/x", "/classes/101", "/slips/101", "/admin"],
)  # fmt: skip
def test_no_trick_with_a_path_gives_anything_without_a_login(client_for, school, path):
    client = client_for()
    for method in ("GET", "POST", "HEAD"):
        answer = client.open(path, method=method, headers={"Accept": "text/html"})
        assert answer.status_code in (301, 302, 308, 400, 401, 403, 404, 405), (method, answer.status_code)
        assert not any(named_in(read(answer)).values()) if method != "HEAD" else True


STARTED = """
import json, re, sys
from pathlib import Path
from dashboard.factory import create_app
from dashboard.settings import Settings
from tests.app.marked import named_in, read
from tests.school import PASSWORD, ROLES

app = create_app(Settings(instance_dir=Path(sys.argv[1])))

def client_for(username):
    client = app.server.test_client()
    if username:
        token = re.search(r'name="csrf_token" value="([^"]+)"', client.get("/login").get_data(as_text=True)).group(1)
        data = {"username": username, "password": PASSWORD, "csrf_token": token, "next": "/"}
        assert client.post("/login", data=data).status_code == 302
    return client

from tests.app.test_matrix import callbacks_of, inputs_of, fire
said = {"routes": [rule.rule for rule in app.server.url_map.iter_rules()], "debug": app.server.debug, "named": [], "statuses": []}
principal = client_for("principal")
for output in callbacks_of(app):
    fire(principal, output, **inputs_of(app, output, {}, sys.argv[2]))
for username in ["principal", *ROLES, None]:
    client = client_for(username)
    for path in ("/", "/certification", "/classes/x", "/_dash-layout", "/_dash-dependencies"):
        answer = client.get(path, headers={"Accept": "text/html"})
        said["statuses"].append([username, path, answer.status_code])
        if any(named_in(read(answer)).values()):
            said["named"].append([username, path])
print(json.dumps(said))
"""


def test_after_a_restart_the_page_around_the_answers_names_nobody_and_no_door_was_opened(school, tmp_path):
    """The principal comes first; with the switches set that would open Dash's own doors."""
    root = Path(__file__).parents[2]
    switches = {"DASH_MCP_ENABLED": "true", "DASH_DEBUG": "true", "DASH_SUPPRESS_CALLBACK_EXCEPTIONS": "false"}
    shutil.copytree(school.store.instance_dir, tmp_path / "instance")
    run = subprocess.run(
        [sys.executable, "-c", STARTED, str(tmp_path / "instance"), school.term],
        cwd=root, env=os.environ | switches | {"PYTHONPATH": str(root)}, capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    assert run.returncode == 0, run.stderr[-2000:]
    said = json.loads(run.stdout.splitlines()[-1])
    assert said["named"] == []
    assert not said["debug"]
    assert not [rule for rule in said["routes"] if "mcp" in rule or "console" in rule or rule.startswith("/api")]
    statuses = {(username, path): status for username, path, status in said["statuses"]}
    assert statuses["principal", "/"] == 200
    assert statuses[None, "/_dash-layout"] == 401
