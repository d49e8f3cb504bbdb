"""The meetings' page: who may see and write, a meeting from plan to follow-up, the minutes, and what a forged form gets."""

from __future__ import annotations

import io
import json
import re
from datetime import datetime, timedelta

import pytest
from odfdo import Document, Paragraph
from sqlalchemy import select

from dashboard.services import meetings
from dashboard.services.packs import packs
from dashboard.services.reports import report
from data.db import reading
from data.instants import TAIPEI
from data.models import AuditEvent, Meeting, MeetingMember, Resolution
from tests.app.conftest import fire
from tests.app.marked import named_in
from tests.school import ROLES

SHOW = "..meetings-head.children...meetings-body.children.."
SEE = {"principal", "secretary", "chief", "member", "auditor"}
WRITE = {"principal", "secretary"}
MEMBERS = "召集人：校長\n執行秘書：教務主任\n處室主管：學務主任\n家長代表：家長代表\n學生代表：學生代表"
DAY = (datetime.now(TAIPEI) - timedelta(days=2)).date().isoformat()


def plan_of(school, **changes):
    return {"term": school.term, "day": DAY, "time": "13:30", "place": "第一會議室", "convener": "校長", "quorum": "", "note": "",
            "members": MEMBERS} | changes  # fmt: skip


def show(client, term, meeting="", day=""):
    inputs = {"meetings-meeting.value": str(meeting), "meetings-term.value": term, "meetings-asof.value": day, "theme.data": "light"}  # fmt: skip
    return fire(client, SHOW, inputs=inputs)


def said(answer):
    assert answer.status_code == 200
    return json.dumps(answer.json, ensure_ascii=False)


def rows(school, statement):
    with reading(school.store.engine) as connection:
        return connection.execute(statement).all()


def plan(client, school, **changes):
    answer = client.post("/meetings/plan", data=plan_of(school, **changes))
    assert answer.status_code == 303, answer.get_data(as_text=True)
    return int(re.search(r"meeting=(\d+)", answer.headers["Location"]).group(1))


def attend(client, school, number, *, present=3):
    seats = [row.id for row in rows(school, select(MeetingMember.id).where(MeetingMember.meeting_id == number))]
    form = {f"member-{seat}": "present" if n < present else "excused" for n, seat in enumerate(seats)}
    return client.post(f"/meetings/{number}/attendance", data=form)


@pytest.fixture(scope="module")
def held(school, clients):
    """A meeting that took place, with one resolution: (meeting, resolution)."""
    client = clients["secretary"]
    before = said(show(client, school.term))
    assert "尚未開會（0／1 次" in before
    number = plan(client, school)
    assert attend(client, school, number).status_code == 303
    assert client.post(f"/meetings/{number}/hold").status_code == 303
    form = {"text": "認證期限延長一週", "responsible": "教務處", "due": "2020-01-01"}
    assert client.post(f"/meetings/{number}/resolve", data=form).status_code == 303
    (made,) = rows(school, select(Resolution.id).where(Resolution.meeting_id == number))
    return number, made.id


def test_the_report_counts_the_term_s_meeting_as_done_and_earlier_terms_as_nothing(school, held):
    def counted(term):
        return report(school.store, "completion", term=str(term), stage="meet", by="school").iloc[0]

    row = counted(school.term)
    assert (row["expected"], row["on_time"]) == (1, 1)
    assert counted(int(school.term) - 10)["expected"] == 0


@pytest.mark.parametrize("username", ROLES)
def test_who_may_not_write_writes_nothing(school, clients, held, username):
    number, resolution = held
    client = clients[username]
    before = rows(school, select(AuditEvent.action).where(AuditEvent.action.like("%meeting%")))
    answers = [
        client.post("/meetings/plan", data=plan_of(school) | {"place": ""}),
        client.post(f"/meetings/{number}/hold"),
        client.post(f"/meetings/resolutions/{resolution}", data={"state": "done", "reason": ""}),
    ]
    assert {each.status_code for each in answers} == ({400} if username in WRITE else {403})
    assert rows(school, select(AuditEvent.action).where(AuditEvent.action.like("%meeting%"))) == before


@pytest.mark.parametrize("username", ROLES)
def test_the_group_sees_a_meeting_and_only_the_chair_its_forms(school, clients, held, username):
    answer = show(clients[username], school.term, held[0])
    if username not in SEE:
        assert answer.status_code == 403
        return
    text = said(answer)
    assert "出席 3／5" in text
    assert "認證期限延長一週" in text
    assert "辦理中，已逾期" in text
    assert ("/meetings/plan" in text) == (username in WRITE)
    assert (f"/meetings/resolutions/{held[1]}" in text) == (username in WRITE)
    assert not named_in(text)["student"]
    assert not named_in(text)["teacher"]


def test_the_next_meeting_hears_what_the_last_one_resolved_and_a_step_is_kept(school, clients, held):
    client = clients["principal"]
    following = plan(client, school, day=(datetime.now(TAIPEI) + timedelta(days=30)).date().isoformat())
    text = said(show(client, school.term, following))
    assert "以前的決議 0／1 項已結案" in text
    step = {"state": "carried", "reason": "等平臺更新", "from": str(following)}
    answer = client.post(f"/meetings/resolutions/{held[1]}", data=step)
    assert answer.headers["Location"].endswith(f"meeting={following}")
    text = said(show(client, school.term, following))
    assert "繼續追蹤" in text
    assert "等平臺更新" in text
    assert client.post(f"/meetings/{following}/cancel").status_code == 303


def test_the_day_of_a_page_may_be_that_of_the_last_meeting(school, clients, held):
    layout = clients["secretary"].post(
        "/_dash-update-component",
        json={
            "output": ".._pages_content.children..._pages_store.data..",
            "outputs": [{"id": "_pages_content", "property": "children"}, {"id": "_pages_store", "property": "data"}],
            "inputs": [
                {"id": "_pages_location", "property": "pathname", "value": "/certification"},
                {"id": "_pages_location", "property": "search", "value": ""},
            ],
            "changedPropIds": ["_pages_location.pathname"],
        },
    )
    text = said(layout)
    assert "上次會議" in text
    assert f"asof={DAY}" in text


def test_a_page_of_an_earlier_day_says_what_stood_then(school, clients, held):
    early = (datetime.now(TAIPEI) - timedelta(days=5)).date().isoformat()
    text = said(show(clients["member"], school.term, held[0], early))
    assert "尚未開會（0／1 次" in text
    assert "這次會議還沒有決議" in text


def test_minutes_go_to_the_group_and_say_what_the_meeting_did(school, clients, client_for, held):
    for username in ROLES:
        answer = clients[username].get(f"/meetings/{held[0]}/minutes.odt")
        assert answer.status_code == (200 if username in SEE else 403)
    assert client_for().get(f"/meetings/{held[0]}/minutes.odt").status_code in (302, 401)
    assert clients["secretary"].get("/meetings/99999/minutes.odt").status_code == 404
    text = text_of(clients["member"].get(f"/meetings/{held[0]}/minutes.odt").data)
    for words in ("工作小組第 1 次會議紀錄", "地點：第一會議室", "主席：校長", "出席：3／5 人：校長、教務主任、學務主任",
                  "請假：家長代表、學生代表", "認證期限延長一週（教務處，109/1/1（三）前）", "成效評核及獎勵"):  # fmt: skip
        assert words in text
    event = rows(school, select(AuditEvent.about, AuditEvent.actor).order_by(AuditEvent.sequence.desc()).limit(1))[0]
    assert tuple(event) == (f"meeting:{held[0]}", "member")


def text_of(content):
    body = Document(io.BytesIO(content)).body
    return "\n".join(each.text_recursive for each in body.get_elements("//text:p|//text:h"))


def test_the_school_s_own_template_is_filled_in(school, clients, held):
    file = school.store.instance_dir / "templates" / "minutes.odt"
    file.parent.mkdir(exist_ok=True)
    document = Document("text")
    document.body.clear()
    for line in ("里程高中表單 A-12", "會議：{{會議名稱}}（{{ 地點 }}）", "{{議程}}", "{{決議}}", "{{沒有這個}}"):
        document.body.append(Paragraph(line))
    document.save(file)
    try:
        lines = text_of(clients["secretary"].get(f"/meetings/{held[0]}/minutes.odt").data).splitlines()
        assert lines[0] == "里程高中表單 A-12"
        assert lines[1].endswith("第 1 次會議（第一會議室）")
        assert len([line for line in lines if re.match(r"\d\. ", line)]) == 6
        assert lines[-2].endswith("前）")
        assert lines[-1] == "{{沒有這個}}"
        file.write_bytes(b"no odt")
        broken = clients["secretary"].get(f"/meetings/{held[0]}/minutes.odt")
        assert broken.status_code == 503
        assert "讀不懂" in broken.get_data(as_text=True)
    finally:
        file.unlink()


FORGED = {
    "plan without a day": ("/meetings/plan", {"day": ""}),
    "plan of a term that is none": ("/meetings/plan", {"term": "１１４２"}),
    "plan with people for titles": ("/meetings/plan", {"members": "王小明"}),
    "a seat that is nobody's": ("/meetings/{}/attendance", {"member-999999999": "present"}),
    "a seat of nonsense": ("/meetings/{}/attendance", {"member-x'1": "present"}),
    "attendance of nonsense": ("/meetings/{}/attendance", {"member-1": "drop table"}),
    "an item of a number that no database holds": ("/meetings/{}/remove-item", {"item": "9" * 40}),
    "a resolution by a day of nonsense": ("/meetings/{}/resolve", {"text": "x", "responsible": "y", "due": "2026-13-40"}),
    "a resolution of blanks": ("/meetings/{}/resolve", {"text": " \u3000\t", "responsible": "y"}),
    "a state that is none": ("/meetings/resolutions/1", {"state": "deleted", "reason": "x"}),
    "a meeting that is not there": ("/meetings/999999999/hold", {}),
    "a resolution that is not there": ("/meetings/resolutions/999999999", {"state": "done", "reason": "x"}),
}  # fmt: skip


@pytest.mark.parametrize("case", FORGED)
def test_a_forged_form_is_an_answer_in_words_and_writes_nothing(school, clients, held, case):
    path, values = FORGED[case]
    before = (rows(school, select(Meeting)), rows(school, select(MeetingMember)), rows(school, select(Resolution)))
    form = plan_of(school, **values) if path == "/meetings/plan" else values
    answer = clients["secretary"].post(path.format(held[0]), data=form)
    assert answer.status_code == 400
    assert "login-title" in answer.get_data(as_text=True)
    assert (
        rows(school, select(Meeting)),
        rows(school, select(MeetingMember)),
        rows(school, select(Resolution)),
    ) == before


def test_a_step_that_there_is_not_and_another_site_are_refused(school, clients, held):
    assert clients["secretary"].post(f"/meetings/{held[0]}/delete").status_code == 404
    foreign = clients["secretary"].post(f"/meetings/{held[0]}/hold", headers={"Sec-Fetch-Site": "cross-site"})
    assert foreign.status_code == 403


def test_what_was_resolved_stands_in_both_editions_of_the_next_pack(school, clients, held):
    client = clients["secretary"]
    assert client.post("/packs/freeze", data={"term": school.term, "asof": ""}).status_code == 302
    for each in packs(school.store, editions=frozenset({"full", "members"}))[:2]:  # the school may come with older ones
        evidence = json.loads(client.get(f"/packs/{each.id}/evidence.json").data)
        (table,) = [table for part in evidence["parts"] for table in part["tables"] if table["key"] == "resolutions"]
        assert [row[1:3] for row in table["rows"]] == [["認證期限延長一週", "教務處"]]


def test_nobody_on_a_roster_is_named_in_what_the_whole_group_reads(school):
    names = [min(school.teachers.values()), min(school.students.values())]
    for name in names:
        for words in ({"note": f"請{name}報告"}, {"place": name}, {"members": f"{MEMBERS}\n教師代表：{name}"}):
            with pytest.raises(meetings.MeetingError, match=name):
                meetings.plan(school.store, plan_of(school, **words), by="secretary")
    number = meetings.plan(school.store, plan_of(school), by="secretary")
    seats = meetings.read_book(school.store, meetings.now()).find(number).members
    meetings.mark(school.store, number, {seat.id: meetings.PRESENT for seat in seats}, by="secretary")
    meetings.hold(school.store, number, by="secretary")
    for words in (
        {"text": "持續辦理", "responsible": names[0]},
        {"text": f"由{names[1]}辦理", "responsible": "教學組"},
    ):
        with pytest.raises(meetings.MeetingError, match="請改寫單位或職稱"):
            meetings.add_resolution(school.store, number, words, by="secretary")
