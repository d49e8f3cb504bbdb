"""Access, asked as the wrong person."""

from __future__ import annotations

import json
import re
from urllib.parse import unquote, urljoin, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dashboard.access.views import safe_next
from dashboard.services import accounts, grants
from tests.app.conftest import fire
from tests.app.marked import read
from tests.app.test_matrix import route
from tests.school import PASSWORD

OVERVIEW = "..overview-head.children...overview-body.children.."
CERTIFICATION = "..certification-head.children...certification-body.children.."


def ask(client, output, headers=None, **query):
    """Ask a page's callback; each filter that the query does not name is left at everything."""
    ids = [each["id"] for each in client.application.config["LICHENG_CALLBACKS"][output]["inputs"]]
    inputs = {f"{each}.value": query.get(each.rpartition("-")[2], "all") for each in ids if each != "theme"}
    return fire(client, output, inputs=inputs | {"theme.data": "light"}, headers=headers)


def class_names(place):
    _, ledger = place.store.ledger()
    return {str(name) for name in ledger.classes["name"]}


@pytest.mark.parametrize("asked_class", ["", "own", "other", "none", "１０１", "101 ", "' or 1=1--"])
def test_a_homeroom_teacher_gets_only_the_own_class(client_for, place, asked_class):
    own = place.school.homeroom_class
    other = sorted(class_names(place) - {own})[0]
    value = {"own": own, "other": other, "none": "999"}.get(asked_class, asked_class)
    client = client_for("homeroom")
    for answer in (ask(client, OVERVIEW), ask(client, CERTIFICATION, **{"class": value})):
        text = json.dumps(answer.json, ensure_ascii=False)
        assert answer.status_code == 200
        for name in class_names(place) - {own}:
            assert f'"{name}"' not in text
            assert f'class={name}"' not in text


def test_a_homeroom_teacher_sees_no_teacher_by_name_and_no_class_of_another_year(client_for, place):
    _, ledger = place.store.ledger()
    client = client_for("homeroom")
    text = json.dumps(ask(client, CERTIFICATION).json, ensure_ascii=False)
    assert [name for name in ledger.teachers["name"] if f'"{name}"' in text] == []
    earlier = json.dumps(ask(client, OVERVIEW, term=str(int(place.school.current_term) - 10)).json, ensure_ascii=False)
    assert f'"{place.school.homeroom_class}"' not in earlier


def test_a_teacher_sees_only_the_own_queue(client_for, place):
    _, ledger = place.store.ledger()
    text = json.dumps(ask(client_for("teacher"), CERTIFICATION, teacher="T001").json, ensure_ascii=False)
    others = set(ledger.teachers["code"]) - {place.school.teacher_code}
    assert [code for code in others if f'"{code}"' in text or f"{code} " in text] == []


def test_a_section_chief_sees_the_teachers_of_the_own_unit_only(client_for, place):
    _, ledger = place.store.ledger()
    text = json.dumps(ask(client_for("chief"), CERTIFICATION).json, ensure_ascii=False)
    units = ledger.labels["unit"][ledger.teachers["unit"].to_numpy()]
    foreign = ledger.teachers[units != place.school.chief_unit]
    own_names = set(ledger.teachers[units == place.school.chief_unit]["name"])
    assert [row.name for row in foreign.itertuples() if f'"{row.name}"' in text and row.name not in own_names] == []


@pytest.mark.parametrize(
    "value", [["1151"], {"a": 1}, None, 7, True, "x" * 5000, "115'1", "１１５１", "-1", "\u200b1151"]
)
def test_forged_filter_values_are_never_an_error_and_never_a_leak(client_for, value):
    for output in (OVERVIEW, CERTIFICATION):
        answer = ask(client_for("principal"), output, term=value, asof=value, grade=value, dept=value)
        assert answer.status_code == 200


@pytest.mark.parametrize(
    "body",
    [b"", b"[]", b"null", b"{}", b'{"output":1}', b'{"output":"zz.children","inputs":[]}', b'{"output":"x.y","inputs":"x"}', b"[" * 100_000],
)  # fmt: skip
def test_malformed_callbacks_are_refused(client_for, body):
    answer = client_for("principal").post("/_dash-update-component", data=body, content_type="application/json")
    assert answer.status_code in (400, 403)


@pytest.mark.parametrize("changed", [[{"a": 1}], "overview-term.value", {"a": 1}, [["x"]], 7])
def test_a_forged_list_of_what_changed_is_refused(client_for, changed):
    body = {"output": OVERVIEW, "outputs": [], "inputs": [], "changedPropIds": changed}
    assert client_for("principal").post("/_dash-update-component", json=body).status_code == 400


@pytest.mark.parametrize(
    "headers",
    [
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
    ],
)
def test_another_site_cannot_post(client_for, headers):
    assert ask(client_for("principal"), OVERVIEW, headers=headers).status_code == 403
    assert client_for().post("/login", data={}, headers=headers).status_code == 403
    assert client_for("principal").post("/logout", headers=headers).status_code == 403


def test_b6_a_form_from_nowhere_must_carry_the_token_of_ours(app, client_for):
    client = client_for("admin")
    del client.environ_base["HTTP_ORIGIN"]  # and no Sec-Fetch-Site: no browser of today
    forms = {rule.rule: rule for rule in app.server.url_map.iter_rules() if "POST" in rule.methods}
    posting = [rule for path, rule in forms.items() if not path.startswith("/_") and "/login" not in path and rule.endpoint not in ("invite", "logout")]  # fmt: skip
    assert len(posting) >= 15
    for rule in posting:
        path = rule.build(dict.fromkeys(rule.arguments, 1) | {"step": "x", "action": "x"} if rule.arguments else {})[1]
        for data in ({}, {"csrf_token": "guessed"}):
            assert client.post(path, data=data).status_code == 403, path
    token = re.search(r'name="csrf_token" value="([^"]+)"', client.get("/account").get_data(as_text=True)).group(1)
    ours = {"csrf_token": token, "name": "chief", "step": "no step"}
    assert client.post("/admin/accounts/change", data=ours).status_code == 400  # past the gate, to who asks what it is


def test_a_page_outside_the_role_says_which_role_it_is_and_which_of_ones_own_would_do(client_for, place):
    accounts.add_user(
        place.store, "twofold", PASSWORD, role="teacher", classes=[], staff_code=place.school.teacher_code
    )
    grants.give(place.store, "twofold", role="homeroom", classes=[place.school.homeroom_class], by="root")
    client = client_for("twofold")
    text = read(route(client, "/", ""))
    assert "您現在的職務是「任課教師」，這一頁不在它的範圍內。在選單「換職務」換成「導師」就看得到。" in text
    text = read(route(client, "/admin", ""))
    assert "您現在的職務是「任課教師」，這一頁不在它的範圍內。" in text
    assert "就看得到" not in text


def test_whose_login_has_ended_is_told_so_and_who_never_had_one_is_not(client_for, place):
    client = client_for("twofold")
    assert "先前的登入已經結束" not in client_for().get("/login").get_data(as_text=True)
    accounts.log_out_user(place.store, "twofold", by="root")
    answer = client.get("/", headers={"Accept": "text/html"}, follow_redirects=True)
    assert "先前的登入已經結束" in answer.get_data(as_text=True)


def test_who_may_see_no_student_gets_no_single_item_by_narrowing_to_a_class_or_a_teacher(client_for, place):
    narrowed = [{"teacher": place.school.teacher_code}, *({"class": name} for name in sorted(class_names(place)))]

    def lists(username):
        client = client_for(username)
        answers = [ask(client, CERTIFICATION, term=place.school.current_term, **each) for each in narrowed]
        return {"certification-queue" in answer.get_data(as_text=True) for answer in answers}

    assert True in lists("secretary")
    for username in ("auditor", "principal", "member", "admin"):
        assert lists(username) == {False}, username


def test_the_shell_is_the_same_for_everybody(client_for):
    shells = set()
    for username in ("principal", "homeroom", "teacher"):
        client = client_for(username)
        shells.add(
            (
                client.get("/").data.split(b"end_id")[0],
                client.get("/_dash-layout").data,
                client.get("/_dash-dependencies").data,
            )
        )
    assert len(shells) == 1


def test_an_export_holds_the_scope_and_no_live_formula(client_for, place):
    own = place.school.homeroom_class
    answer = client_for("homeroom").get("/exports/classes.csv")
    lines = answer.data.decode("utf-8-sig").splitlines()
    assert answer.data.startswith(b"\xef\xbb\xbf")
    assert [line.split(",")[0] for line in lines[1:2]] == [own]
    assert lines[2] == ""
    assert client_for("homeroom").get("/exports/teachers.csv").status_code == 403
    assert client_for("admin").get("/exports/classes.csv").status_code == 403
    assert client_for("principal").get("/exports/teachers.csv").status_code == 200


def test_a_session_ends_at_logout_for_good(client_for):
    client = client_for("principal")
    cookie = client.get_cookie("licheng").value
    client.get("/logout")  # a link ends nothing
    assert ask(client, OVERVIEW).status_code == 200
    assert client.post("/logout").status_code == 302
    client.set_cookie("licheng", cookie)
    assert ask(client, OVERVIEW).status_code == 401


@pytest.mark.parametrize(
    "target",
    [
        "//evil.example",
        "/\\evil.example",
        "https://evil.example",
        "/\tx",
        "/x\r\nSet-Cookie: a=b",
        "javascript:alert(1)",
        "",
        "evil",
        "\\/evil",
        "/ x",
        "/\t/evil.example",
        "/\r\n/evil.example",
        "///evil.example",
        "/%2f%2fevil.example",
        "/%2F/evil.example",
        "/%5cevil.example",
        "/%09/evil.example",
        "%2f%2fevil.example",
        "/\u2215/evil.example",
        "/\u2044\u2044evil.example",
        "/\uff0fevil.example",
        "//user@evil.example/",
        "/@evil.example:80//",
        "/\x00/evil.example",
        "HTTPS:evil.example",
        "/../..//evil.example",
        "/" + "a" * 5000,
    ],
)
def test_next_leads_nowhere_else(target):
    assert safe_next(target) == "/"


@given(st.text(st.sampled_from("/\\@:%2f5c.?#\t\r\n\0 \u2215\uff0fax"), max_size=12))
def test_next_is_whatever_is_typed_an_address_of_this_site(target):
    kept = safe_next(target)
    assert urlsplit(urljoin("https://licheng.example/login", unquote(kept))).netloc == "licheng.example"


def test_next_keeps_a_path_of_this_site():
    assert safe_next("/certification?term=1131&class=101") == "/certification?term=1131&class=101"


@pytest.mark.parametrize("path", ["/", "/login", "/nowhere", "/_dash-layout", "/assets/licheng.css"])
def test_every_answer_carries_the_headers(client_for, path):
    with client_for().get(path) as answer:
        headers = answer.headers
    policy = headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "unsafe-eval" not in policy
    assert "frame-ancestors 'none'" in policy
    assert headers["X-Content-Type-Options"] == "nosniff"
    if not path.startswith("/assets"):
        assert headers["Cache-Control"] == "no-store"


def test_cookies_are_closed_to_scripts_and_other_sites(client_for):
    cookies = client_for().get("/login").headers.getlist("Set-Cookie")
    assert cookies
    assert all("HttpOnly" in cookie and "SameSite=Lax" in cookie for cookie in cookies)


def test_health_answers_without_login(client_for):
    assert client_for().get("/healthz").status_code == 200
    assert client_for().get("/readyz").status_code == 200


def test_a_teachers_drill_down_shows_that_teacher_alone(client_for, place):
    text = json.dumps(
        ask(client_for("principal"), CERTIFICATION, teacher=place.school.teacher_code).json, ensure_ascii=False
    )
    assert "教師明細：1 位" in text
    assert "件在 1 位教師手上" in text


def test_an_export_leaves_empty_what_is_not_open(client_for):
    lines = client_for("principal").get("/exports/classes.csv").data.decode("utf-8-sig").splitlines()
    assert lines[1].endswith(",,,")
