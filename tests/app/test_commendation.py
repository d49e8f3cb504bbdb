"""The awards' page: who sees what, a case from a criterion to the list, the person's own view, and what a forged form gets."""

from __future__ import annotations

import io
import json
import re
import zipfile
from datetime import datetime, timedelta

import openpyxl
import pypdf
import pytest
from odfdo import Document
from sqlalchemy import select, update

from dashboard.services import accounts, awards, imports
from dashboard.services.store import Store
from data.db import reading, writing
from data.instants import TAIPEI
from data.minutes import add_meeting, add_resolution, set_state
from data.models import AuditEvent, AwardCase, AwardCriterion, AwardEvidence, AwardStep, User
from tests.app.conftest import fire
from tests.app.marked import named_in
from tests.school import ROLES

SHOW = "..commendation-head.children...commendation-body.children.."
ALL = {"principal", "secretary"}
OWN = {"chief", "homeroom", "teacher"}
CODES = {"secretary": "ѪS1", "principal": "ѪP1"}
CRITERION = {
    "name": "認證及時", "audience": "certifier", "minimum": "1", "period": "term", "grade": "嘉獎一次", "valid_from": "2020-01-01", "quota": "",
    "stage-1": "certify", "measure-1": "timeliness", "threshold-1": "0", "stage-2": "certify", "measure-2": "completion", "threshold-2": "0",
}  # fmt: skip
AGO = datetime.now(TAIPEI) - timedelta(days=60)


def show(client, term, about="", day=""):
    inputs = {
        "commendation-about.value": about,
        "commendation-term.value": term,
        "commendation-asof.value": day,
        "theme.data": "light",
    }
    return fire(client, SHOW, inputs=inputs)


def said(answer):
    assert answer.status_code == 200, answer.get_data(as_text=True)
    return json.dumps(answer.json, ensure_ascii=False)


def rows(school, statement):
    with reading(school.store.engine) as connection:
        return connection.execute(statement).all()


def meet(school, held_at):
    with writing(school.store.engine) as connection:
        meeting = add_meeting(connection, term=int(school.term), held_at=held_at, place="會議室", convener="校長", quorum=1, note="", members=[], agenda=[], at=held_at, by="s")  # fmt: skip
        set_state(connection, meeting, "held")
        return add_resolution(
            connection,
            meeting,
            term=int(school.term),
            text="敘獎",
            responsible="教務處",
            due_on=None,
            at=held_at,
            by="s",
        )[0]


def test_an_account_without_a_staff_code_may_look_and_take_no_step(school, client_for):
    client = client_for("secretary")
    text = said(show(client, school.term))
    assert "您的帳號沒有教師代碼" in text
    form = {"term": school.term, "staff": school.own_code, "grade": "嘉獎一次", "facts": "協助平臺轉換"}
    answer = client.post("/commendation/cases", data=form)
    assert answer.status_code == 400
    assert "沒有教師代碼" in answer.get_data(as_text=True)
    assert rows(school, select(AwardCase.id)) == []


def test_setting_a_staff_code_is_on_record_and_ends_the_sessions(school, client_for):
    client = client_for("homeroom")
    accounts.set_staff_code(school.store, "homeroom", "ѪT998", by="admin")
    assert client.get("/_dash-layout").status_code == 401
    event = rows(
        school,
        select(AuditEvent.action, AuditEvent.about, AuditEvent.actor).order_by(AuditEvent.sequence.desc()).limit(1),
    )[0]
    assert tuple(event) == ("staff_code_set", "account:homeroom", "admin")
    with pytest.raises(accounts.AccountError, match="教師代碼"):
        accounts.set_staff_code(school.store, "teacher", " ", by="admin")
    accounts.set_staff_code(school.store, "homeroom", "", by="admin")


@pytest.fixture(scope="module")
def adopted(school, clients):
    """Accounts that are known as people, a resolution, and a criterion of the school's own in use."""
    with writing(school.store.engine) as connection:
        for name, code in CODES.items():
            connection.execute(update(User).where(User.username == name).values(staff_code=code))
    resolution = meet(school, AGO)
    answer = clients["secretary"].post("/commendation/criteria", data=CRITERION)
    assert answer.status_code == 303, answer.get_data(as_text=True)
    number = int(re.search(r"criterion-(\d+)", answer.headers["Location"]).group(1))
    answer = clients["secretary"].post(f"/commendation/criteria/{number}/adopt", data={"resolution": str(resolution)})
    assert answer.status_code == 303, answer.get_data(as_text=True)
    return number


@pytest.fixture(scope="module")
def proposed(school, clients, adopted):
    """A case about the teacher of the accounts, proposed a moment ago."""
    asof = datetime.now(TAIPEI).isoformat()
    form = {"criterion": str(adopted), "term": school.term, "asof": asof, "subject": school.own_code, "reason": "準時"}
    answer = clients["secretary"].post("/commendation/cases", data=form)
    assert answer.status_code == 303, answer.get_data(as_text=True)
    number = int(re.search(r"case-(\d+)", answer.headers["Location"]).group(1))
    assert "目前沒有和您有關" in said(show(clients["teacher"], school.term))  # a draft is nobody's business
    assert (
        clients["secretary"].post(f"/commendation/cases/{number}/proposed", data={"reason": "請評核"}).status_code
        == 303
    )
    return number


def test_a_demo_school_ships_no_criterion(tmp_path):
    store = Store(f"sqlite:///{tmp_path / 'demo.sqlite'}", id_key=b"a key for tests", instance_dir=tmp_path)
    store.migrate()
    imports.make_demo(store, classes=3, terms=1, seed=1, folder=None)
    assert awards.read_awards(store).criteria == []
    assert awards.read_awards(store).cases == []
    store.engine.dispose()


@pytest.mark.parametrize("username", ROLES)
def test_everybody_sees_all_cases_the_own_ones_or_nothing(school, clients, proposed, username):
    answer = show(clients[username], school.term, f"case-{proposed}")
    if username not in ALL | OWN:
        assert answer.status_code == 403
        return
    text = said(answer)
    own = school.teachers[school.own_code]
    if username in ALL:
        assert own in text
        assert "凍結的依據" in text
        assert "認證及時" in text
        assert ("/commendation/criteria" in text) == (username == "secretary")
    elif username == "teacher":
        assert "依據的每一件" in text
        assert named_in(text)["teacher"] == {own}
        assert "凍結的依據" in text
        assert f"/commendation/cases/{proposed}/objected" in text
        assert f"/commendation/cases/{proposed}/approved" not in text
        assert "secretary" not in text  # who proposed is not shown by account
    else:
        assert not named_in(text)["teacher"]
        assert not named_in(text)["student"]
        assert "凍結的依據" not in text


@pytest.mark.parametrize("username", ROLES)
def test_who_may_not_take_a_step_takes_none(school, clients, proposed, adopted, username):
    client = clients[username]

    def state():
        return [
            rows(school, select(each))
            for each in (AwardCase.id, AwardStep.id, AwardCriterion.id, AwardEvidence.case_id)
        ]

    before = state()
    wrong = {
        "/commendation/criteria": CRITERION | {"stage-1": "upload"}, "/commendation/cases": {"criterion": "9999"},
        f"/commendation/criteria/{adopted}/adopt": {}, f"/commendation/cases/{proposed}/assessed": {"reason": "x"},
        f"/commendation/cases/{proposed}/proposed": {"reason": "x"}, f"/commendation/cases/{proposed}/withdrawn": {"reason": ""},
    }  # fmt: skip
    expected = 400 if username == "secretary" else 403
    assert {client.post(path, data=form).status_code for path, form in wrong.items()} == {expected}
    decided = client.post(f"/commendation/cases/{proposed}/approved", data={"reason": "x"}).status_code
    assert decided == (400 if username == "principal" else 403)
    heard = (
        client.post(f"/commendation/cases/{proposed}/agreed", data={"reason": ""}).status_code
        if username != "teacher"
        else 404
    )
    assert heard == (404 if username in ALL | OWN else 403)
    assert state() == before


def test_the_form_offers_no_voluntary_stage_and_says_why(school, clients, adopted):
    text = said(show(clients["secretary"], school.term))
    offered = re.search(r'"commendation-form-stage-1".*?"options": (\[.*?\])', text) or re.search(
        r'"options": (\[[^\]]*\])[^\]]*"id": "commendation-form-stage-1"', text
    )
    values = {each["value"] for each in json.loads(offered.group(1))}
    assert values == {"", "certify", "submit", "register", "confirm"}
    assert "階段只列各單位與教師的責任" in text
    assert "件數不得列為評量或獎懲依據" in text
    for stage in ("upload", "select"):
        answer = clients["secretary"].post("/commendation/criteria", data=CRITERION | {"stage-1": stage})
        assert answer.status_code == 400
        assert "自主選擇" in answer.get_data(as_text=True)


def test_why_leads_down_to_the_items_and_is_on_record(school, clients, adopted):
    text = said(show(clients["principal"], school.term, f"criterion-{adopted}-{school.own_code}"))
    assert "算進來的每一件" in text
    assert "95% 區間" in text
    assert not named_in(text)["student"]
    event = rows(
        school,
        select(AuditEvent.action, AuditEvent.about, AuditEvent.actor).order_by(AuditEvent.sequence.desc()).limit(1),
    )[0]
    assert tuple(event) == ("view_teacher", f"teacher:{school.own_code}", "principal")
    said(show(clients["principal"], school.term, f"criterion-{adopted}"))
    event = rows(school, select(AuditEvent.action, AuditEvent.about).order_by(AuditEvent.sequence.desc()).limit(1))[0]
    assert tuple(event) == ("view_awards", f"criterion:{adopted}")


@pytest.mark.parametrize(
    "about",
    ["case-999999", "case-x", "criterion-1-" + "x" * 90, "case-" + "9" * 40, "x", "criterion-", "case-1-2"],
)
def test_an_address_about_nothing_shows_the_lists(school, clients, proposed, about):
    text = said(show(clients["secretary"], school.term, about))
    assert "凍結的依據" not in text
    assert "算進來的每一件" not in text


def test_the_whole_story_ends_in_a_list_that_says_the_basis(school, clients, proposed):
    """Run last: the case comes to its end."""
    teacher, secretary, principal = (clients[name] for name in ("teacher", "secretary", "principal"))
    at = f"/commendation/cases/{proposed}"
    assert teacher.post(f"{at}/commented", data={"reason": "謝謝代理的同仁"}).status_code == 303
    early = secretary.post(f"{at}/assessed", data={"reason": "同意", "resolution": "1"})
    assert early.status_code == 400
    assert "還沒有結束" in early.get_data(as_text=True)
    assert teacher.post(f"{at}/agreed", data={"reason": ""}).status_code == 303
    resolution = meet(school, datetime.now(TAIPEI))
    assert (
        secretary.post(f"{at}/assessed", data={"reason": "評核通過", "resolution": str(resolution)}).status_code == 303
    )
    assert secretary.post(f"{at}/approved", data={"reason": "同意"}).status_code == 403
    assert b"case-" not in principal.get(f"/commendation/list.xlsx?term={school.term}").data
    assert principal.post(f"{at}/approved", data={"reason": "同意提請敘獎"}).status_code == 303
    text = said(show(teacher, school.term))
    assert "同意提請敘獎" in text
    known = awards.read_awards(school.store)
    sha256, _evidence = awards.evidence_of(school.store, known.case(proposed))
    name = school.teachers[school.own_code]
    for username in ROLES:
        for suffix in ("odt", "ods", "xlsx", "pdf"):
            answer = clients[username].get(f"/commendation/list.{suffix}?term={school.term}")
            assert answer.status_code == (200 if username in ALL else 403), (username, suffix)
    files = {
        suffix: secretary.get(f"/commendation/list.{suffix}?term={school.term}").data
        for suffix in ("odt", "ods", "xlsx", "pdf")
    }
    texts = {
        "odt": "\n".join(each.text_recursive for each in Document(io.BytesIO(files["odt"])).body.get_elements("//text:p|//text:h")),
        "ods": zipfile.ZipFile(io.BytesIO(files["ods"])).read("content.xml").decode(),
        "xlsx": "\n".join(str(cell) for sheet in openpyxl.load_workbook(io.BytesIO(files["xlsx"])) for row in sheet.iter_rows(values_only=True) for cell in row if cell),
        "pdf": "".join(page.extract_text() for page in pypdf.PdfReader(io.BytesIO(files["pdf"])).pages),
    }  # fmt: skip
    for suffix, found in texts.items():
        flat = re.sub(r"\s", "", found)
        for words in (school.own_code, name, "認證的準時率至少0.0%", "嘉獎一次", "人事單位辦理", sha256[:16]):
            assert words in flat, (suffix, words)
        assert not named_in(found)["student"]
    event = rows(school, select(AuditEvent.action, AuditEvent.actor).order_by(AuditEvent.sequence.desc()).limit(1))[0]
    assert tuple(event) == ("export", "secretary")
    assert b"pdfuaid" in files["pdf"]
    for path in (
        f"/commendation/list.csv?term={school.term}",
        "/commendation/list.pdf?term=x",
        "/commendation/list.pdf",
    ):
        assert secretary.get(path).status_code == 404


def test_many_findings_are_a_table_with_a_choice_and_few_are_records(school, clients, adopted, monkeypatch):
    few = said(show(clients["principal"], school.term, f"criterion-{adopted}"))
    assert "看哪一位的原因" not in few
    monkeypatch.setattr(awards, "MOST_RECORDS", 1)
    school.store._results.clear()
    many = said(show(clients["principal"], school.term, f"criterion-{adopted}"))
    assert "看哪一位的原因" in many
    assert f"criterion-{adopted}-{school.own_code}" in many
    assert named_in(many)["teacher"] == named_in(few)["teacher"]
    school.store._results.clear()
