"""/classes, /students and the slips: the report's figures, and nobody's name for whom it is not."""

from __future__ import annotations

import csv
import io
import itertools
import json
import re
from urllib.parse import quote

import pytest
from sqlalchemy import select

from dashboard.components.words import voluntary_rule
from dashboard.services import participation
from dashboard.services.reports import report
from data.db import reading
from data.models import AuditEvent, Enrolment, Staff, Student
from tests.app.conftest import fire
from tests.app.test_participation_pages import JUDGING, parts, past_term, texts

CONTROLS = {"classes": ("term", "asof", "division", "class"), "students": ("term", "asof", "division", "student")}
EVERYBODY = ("principal", "secretary", "chief", "homeroom", "teacher", "admin")
ALLOWED = {
    "classes": {"principal", "secretary", "chief", "homeroom"},
    "students": {"secretary", "chief", "homeroom"},
    "slips": {"secretary", "chief", "homeroom"},
}
FORGED = ([], ["201"], {"a": 1}, None, 7, "x" * 10_000, "\x00", "\ud800", "%00", "' OR 1=1 --", "２０１")


def ask(client, where, **query):
    inputs = {f"{where}-{name}.value": query.get(name, "all") for name in CONTROLS[where]} | {"theme.data": "light"}
    return fire(client, f"..{where}-head.children...{where}-body.children..", inputs=inputs)


def text_of(answer):
    assert answer.status_code == 200
    return json.dumps(answer.json, ensure_ascii=False)


def body_of(answer, where):
    assert answer.status_code == 200
    return answer.json["response"][f"{where}-body"]["children"]


def people(place, term, name=None):
    """Give number and name of everybody of a school year's classes, by class."""
    with reading(place.store.engine) as connection:
        rows = connection.execute(
            select(Enrolment.class_name, Student.student_number, Student.name)
            .join_from(Enrolment, Student, Student.id == Enrolment.student_id)
            .where(Enrolment.school_year == int(term) // 10)
            .order_by(Enrolment.seat_number)
        ).all()
    return [(number, called) for of_class, number, called in rows if name is None or of_class == name]


def own_class(place):
    return place.school.homeroom_class


def other_class(place):
    _, ledger = place.store.ledger()
    year = int(place.school.current_term) // 10
    names = ledger.classes.loc[ledger.classes["school_year"] == year, "name"]
    return next(name for name in names if name != own_class(place))


def foreign_student(place):
    return people(place, place.school.current_term, other_class(place))[0]


@pytest.mark.parametrize(("where", "username"), itertools.product(("classes", "students"), EVERYBODY))
def test_the_pages_answer_the_roles_that_may_and_no_other(client_for, place, where, username):
    about = own_class(place) if where == "classes" else people(place, place.school.current_term, own_class(place))[0][0]
    answer = ask(client_for(username), where, **{CONTROLS[where][-1]: about})
    assert answer.status_code == (200 if username in ALLOWED[where] else 403)


@pytest.mark.parametrize("username", EVERYBODY)
def test_slips_are_given_to_the_roles_that_may_and_leave_an_audit_line(client_for, place, username):
    with reading(place.store.engine) as connection:
        before = len(connection.execute(select(AuditEvent.id).where(AuditEvent.action == "export")).all())
    answer = client_for(username).get(f"/slips/{own_class(place)}")
    with reading(place.store.engine) as connection:
        lines = connection.execute(
            select(AuditEvent.actor, AuditEvent.detail).where(AuditEvent.action == "export").order_by(AuditEvent.id)
        ).all()[before:]
    if username not in ALLOWED["slips"]:
        assert (answer.status_code, lines) == (403, [])
        return
    assert (answer.status_code, answer.headers["Cache-Control"]) == (200, "no-store")
    ((actor, detail),) = lines
    assert actor == username
    assert {"table": "slips", "class": own_class(place)}.items() <= json.loads(detail).items()


@pytest.mark.parametrize("where", ["classes", "students"])
def test_nobody_gets_them_without_a_login(client_for, where):
    assert ask(client_for(), where).status_code == 401
    assert client_for().get("/slips/201").status_code == 401
    assert client_for().get("/slips/201", headers={"Accept": "text/html"}).status_code == 302


@pytest.mark.parametrize(
    "path", ["/classes/201", "/classes/" + quote("資一甲"), "/students/110001", "/students/..%2F.."]
)
def test_the_address_opens_the_page(client_for, path):
    assert client_for("secretary").get(path).status_code == 200


def test_a_homeroom_teacher_sees_the_own_class_and_no_foreign_name_or_number(client_for, place):
    term = place.school.current_term
    own = people(place, term, own_class(place))
    foreign = {word for pair in people(place, term) if pair not in own for word in pair}
    foreign -= {word for pair in own for word in pair}
    text = text_of(ask(client_for("homeroom"), "classes", **{"class": own_class(place)}))
    assert all(number in text for number, _name in own)
    assert [word for word in foreign if word in text] == []


@pytest.mark.parametrize("username", ["homeroom", "secretary"])
def test_a_class_that_is_not_theirs_answers_like_one_that_does_not_exist(client_for, place, username):
    client = client_for(username)
    nothing = text_of(ask(client, "classes", **{"class": "沒有這班"}))
    if username == "homeroom":
        answer = text_of(ask(client, "classes", **{"class": other_class(place)}))
        assert answer == nothing
        assert [number for number, _name in people(place, place.school.current_term) if number in answer] == []
        assert client.get(f"/slips/{other_class(place)}").status_code == 404
    assert client.get("/slips/" + quote("沒有這班")).status_code == 404
    assert "沒有這一班的資料" in nothing


def test_a_student_who_is_not_theirs_answers_like_one_who_does_not_exist(client_for, place):
    client = client_for("homeroom")
    number, name = foreign_student(place)
    answer = text_of(ask(client, "students", student=number))
    assert answer == text_of(ask(client, "students", student="沒有這個學號"))
    assert number not in answer
    assert name not in answer
    assert number in text_of(ask(client_for("secretary"), "students", student=number))
    assert text_of(ask(client, "students", student=number)) == answer  # the other's answer is not kept for this one


def test_the_homeroom_teacher_gets_the_own_students_without_a_teacher_by_name(client_for, place):
    term = place.school.current_term
    with reading(place.store.engine) as connection:
        teachers = set(connection.scalars(select(Staff.name)))
    own = people(place, term, own_class(place))
    teachers -= {name for _number, name in own}
    for number, name in own[:5]:
        text = text_of(ask(client_for("homeroom"), "students", student=number))
        assert number in text
        assert name in text
        assert [teacher for teacher in teachers if teacher and teacher in text] == []


def test_the_convener_sees_counts_and_no_student(client_for, place):
    term = place.school.current_term
    everybody = {word for pair in people(place, term) for word in pair}
    client = client_for("principal")
    for name in (own_class(place), other_class(place)):
        text = text_of(ask(client, "classes", **{"class": name}))
        assert [word for word in everybody if word in text] == []
        assert "lc-tile" in text
        assert "/students/" not in text
        assert "/slips/" not in text
    assert client.get(f"/exports/class_students.csv?class={own_class(place)}").status_code == 403


@pytest.mark.parametrize(("where", "value"), itertools.product(("classes", "students"), FORGED))
def test_forged_values_are_never_an_error(client_for, where, value):
    for username in ("secretary", "homeroom"):
        query = dict.fromkeys(CONTROLS[where], value)
        fine = 400 if value in ("\x00", "\ud800") else 200  # no text holds these; the gate says so
        assert ask(client_for(username), where, **query).status_code == fine
        assert ask(client_for(username), where, **{CONTROLS[where][-1]: value}).status_code == fine


@pytest.mark.parametrize(
    "value", ["x" * 10_000, "%00", "%FF%FE", "201?term[]=1", "201?term=９&asof=%00", "201?class=301"]
)
def test_forged_addresses_of_slips_are_never_an_error(client_for, value):
    answer = client_for("homeroom").get("/slips/" + value)
    assert answer.status_code in ((400,) if value == "%00" else (200, 404))


@pytest.mark.parametrize("username", ["secretary", "principal"])
def test_the_tiles_of_every_class_are_the_rows_of_the_reports(client_for, place, username):
    client = client_for(username)
    for term in (place.school.current_term, past_term(place)):
        year = f"{term[:3]}0"
        certify = report(place.store, "completion", term=term, stage="certify", by="class").set_index("key")
        taking_part = [
            report(place.store, "participation", term=asked, stage=stage, by="class", kind=kind).set_index("key")
            for stage, kind, asked in (
                ("upload", "outcome", term), ("upload", "performance", year), ("select", "outcome", year), ("select", "performance", year),
            )
        ]  # fmt: skip
        confirm = report(place.store, "receipts", term=year, stage="confirm", by="class").set_index("key")
        register = report(place.store, "completion", term=term, stage="register", by="class").set_index("key")
        for name in certify.index:
            body = body_of(ask(client, "classes", term=term, **{"class": name}), "classes")
            tiles = ["".join(texts(each)) for each in parts(body, "Div") if str(each.get("className")).startswith("lc-tile ") or each.get("className") == "lc-tile"]  # fmt: skip
            assert len(tiles) == 7
            for tile, rows in zip(tiles[:4], taking_part, strict=True):
                row = rows.loc[name]
                if "%" in tile:
                    assert f"{row['participants']}/{row['enrolled']} 人" in tile
                    assert f"共 {row['items']} 件" in tile
                else:
                    assert row["participants"] == 0
            row = certify.loc[name]
            assert f"{row['on_time'] + row['late']}/{row['expected']} 件" in tiles[4]
            row = register.loc[name]
            assert f"{row['on_time'] + row['late']}/{row['expected']} 項" in tiles[5]
            row = confirm.loc[name]
            assert (f"{row['confirmed']}/{row['in_round']} 人次" in tiles[6]) or not row["in_round"]


def test_the_students_add_up_to_their_class(client_for, place):
    client = client_for("secretary")
    for term in (place.school.current_term, past_term(place)):
        certify = report(place.store, "completion", term=term, stage="certify", by="class").set_index("key")
        upload = report(place.store, "participation", term=term, stage="upload", by="class").set_index("key")
        chosen = report(place.store, "participation", term=f"{term[:3]}0", stage="select", by="class").set_index("key")
        for name in certify.index:
            body = body_of(ask(client, "classes", term=term, **{"class": name}), "classes")
            (table,) = parts(body, "AgGrid")
            rows = table["rowData"]
            total = {key: sum(row[key] or 0 for row in rows) for key in rows[0] if key not in ("number", "name", "href", "receipt")}  # fmt: skip
            row = certify.loc[name]
            assert (total["sent"], total["certified"]) == (row["expected"], row["on_time"] + row["late"])
            assert (total["waiting"], total["overdue"]) == (row["open"] + row["overdue"], row["overdue"])
            assert total["upload_outcome"] == upload.loc[name]["items"]
            assert total["select_outcome"] == chosen.loc[name]["items"]


def test_students_stand_in_seat_order_and_lead_to_their_page(client_for, place):
    term = place.school.current_term
    body = body_of(ask(client_for("homeroom"), "classes", **{"class": own_class(place)}), "classes")
    (table,) = parts(body, "AgGrid")
    listed = [row["number"] for row in table["rowData"]]
    assert listed == [number for number, _name in people(place, term, own_class(place)) if number in listed]
    assert all(row["href"] == f"/students/{row['number']}?term={term}" for row in table["rowData"])


def test_the_file_holds_the_rows_of_the_page(client_for, place):
    client, name = client_for("homeroom"), own_class(place)
    (table,) = parts(body_of(ask(client, "classes", **{"class": name}), "classes"), "AgGrid")
    answer = client.get(f"/exports/class_students.csv?class={name}")
    rows = list(csv.reader(io.StringIO(answer.data.decode("utf-8-sig"))))
    shown = [[row["number"], str(row["sent"]), str(row["certified"])] for row in table["rowData"]]
    assert [[row[1], row[6], row[7]] for row in rows[1 : len(shown) + 1]] == shown
    foreign = client.get(f"/exports/class_students.csv?class={other_class(place)}").data.decode("utf-8-sig")
    assert [number for number, _name in people(place, place.school.current_term) if number in foreign] == []


def test_a_slip_a_student_with_dates_counts_and_a_place_to_sign(client_for, place):
    client, name = client_for("homeroom"), own_class(place)
    text = client.get(f"/slips/{name}").get_data(as_text=True)
    (table,) = parts(body_of(ask(client, "classes", **{"class": name}), "classes"), "AgGrid")
    here = [row["number"] for row in table["rowData"] if row["receipt"] != "不在學"]
    assert re.findall(r"<dt>學號</dt><dd>([^<]+)</dd>", text) == here
    assert text.count("家長簽名") == text.count('class="slip"') == len(here)
    assert re.search(r"\d+/\d+/\d+（[一二三四五六日]）", text)
    assert "自主參與" in text
    assert [word for word in ("未上傳", "未勾選", "缺", "落後", "逾期") if word in text] == []
    assert not re.search(r"<script|<style|style=|onclick", text)


def test_nothing_judges_what_is_voluntary(client_for, place):
    for term in (place.school.current_term, past_term(place)):
        body = body_of(ask(client_for("secretary"), "classes", term=term, **{"class": other_class(place)}), "classes")
        for tile in parts(body, "Div"):
            words = "".join(texts(tile))
            if "lc-tile" in str(tile.get("className")).split() and words.startswith(("上傳", "勾選")):
                assert [css for css in JUDGING if css in json.dumps(tile)] == []
        assert [word for word in ("未上傳", "未勾選", "缺交", "落後", "最低") if word in "".join(texts(body))] == []
        assert voluntary_rule() in "".join(texts(body))


def test_a_story_is_newest_first_and_knows_nothing_later(client_for, place):
    term = past_term(place)
    for number, _name in people(place, term)[:8]:
        body = body_of(ask(client_for("secretary"), "students", term=term, student=number), "students")
        (table,) = parts(body, "AgGrid")
        assert table["rowData"]
        early = body_of(ask(client_for("secretary"), "students", student=number, asof="2020-01-01"), "students")
        assert not list(parts(early, "AgGrid"))
        assert len(json.dumps(body, ensure_ascii=False).encode()) <= 120_000


def test_the_body_of_a_class_weighs_at_most_120_kb(client_for, place):
    for name in (own_class(place), other_class(place)):
        body = body_of(ask(client_for("secretary"), "classes", term=past_term(place), **{"class": name}), "classes")
        assert len(json.dumps(body, ensure_ascii=False).encode()) <= 120_000


def test_a_class_of_few_is_shown_to_those_who_have_to_act_and_to_nobody_else(client_for, place, monkeypatch):
    monkeypatch.setattr(participation, "fewest_shown", lambda *_: 0 if _[1].role == "executive_secretary" else 100)
    term, name = past_term(place), other_class(place)
    query = {"term": term, "asof": f"{int(term[:3]) + 1912}-07-13", "class": name}  # a day that no other test asks for
    held_back = body_of(ask(client_for("principal"), "classes", **query), "classes")
    assert "人數過少" in "".join(texts(held_back))
    assert not re.search(r"\d+/\d+ ", "".join(texts(held_back)))
    assert list(parts(body_of(ask(client_for("secretary"), "classes", **query), "classes"), "AgGrid"))


def test_a_section_chief_reads_the_names_of_the_own_unit_only(client_for, place):
    with reading(place.store.engine) as connection:
        units = dict(connection.execute(select(Staff.name, Staff.unit)).all())
    shown = {"chief": set(), "secretary": set()}
    for username, names in shown.items():
        for number, _name in people(place, past_term(place))[::7]:
            body = body_of(ask(client_for(username), "students", student=number), "students")
            names |= {row["teacher"] for table in parts(body, "AgGrid") for row in table["rowData"]} - {"—"}
    assert {units[name] for name in shown["chief"]} <= {place.school.chief_unit}
    assert shown["chief"] < shown["secretary"]
