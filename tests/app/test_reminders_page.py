"""The page of reminders: who may see and switch them, what it says, and what of it stands beside a teacher's lateness."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from sqlalchemy import delete, insert

from dashboard.services import notices
from data.db import writing
from data.instants import TAIPEI
from data.models import Notice, Setting
from tests.app.conftest import fire
from tests.app.test_people_pages import whole_of
from tests.school import ROLES

PAGE = "..reminders-head.children...reminders-body.children.."


@pytest.fixture
def notice(place):
    """A notice to the teacher with the longest queue, that no e-mail brought; gone again after the test."""
    at = datetime.now(TAIPEI) - timedelta(days=1)
    with writing(place.store.engine) as connection:
        made = connection.execute(
            insert(Notice).values(
                person_code=place.school.teacher_code, mark_on=at.date(), made_at=at, state="unaddressed", item_count=5, overdue_count=2,
                tries=0, next_try_at=at, ended_at=None, reply="",
            )
        )  # fmt: skip
    yield made.inserted_primary_key[0]
    with writing(place.store.engine) as connection:
        connection.execute(delete(Notice))
        connection.execute(delete(Setting).where(Setting.key == notices.SWITCH))


def shown(client):
    answer = fire(client, PAGE, inputs={"theme.data": "light"})
    assert answer.status_code == 200
    return answer.get_json()["response"]


@pytest.mark.parametrize("username", sorted(set(ROLES) - {"secretary"}))
def test_nobody_but_the_executive_secretary_sees_or_changes_reminders(client_for, place, notice, username):
    client = client_for(username)
    assert fire(client, PAGE, inputs={"theme.data": "light"}).status_code == 403
    assert client.post("/reminders/switch", data={"on": "yes"}).status_code == 403
    assert client.post(f"/reminders/{notice}/handed").status_code == 403
    assert client.get("/exports/notices.csv").status_code == 403
    assert not notices.is_on(place.store)
    assert notices.log_of(place.store)[0].state == "unaddressed"


def test_the_secretary_switches_them_on_and_off(client_for, place, notice):
    client = client_for("secretary")
    assert "沒有開啟" in str(shown(client))
    assert client.post("/reminders/switch", data={"on": "yes"}).status_code == 303
    assert notices.is_on(place.store)
    assert "還沒有設定郵件伺服器" in str(shown(client))
    assert client.post("/reminders/switch", data={"on": "maybe"}).status_code == 303
    assert not notices.is_on(place.store)


def test_what_could_not_be_sent_is_handed_over_and_then_stands_beside_the_lateness(client_for, place, notice):
    client, code = client_for("secretary"), place.school.teacher_code
    assert f"/reminders/{notice}/handed" in str(shown(client))
    assert client.post(f"/reminders/{notice}/handed").status_code == 303
    assert f"/reminders/{notice}/handed" not in str(shown(client))
    again = client.post(f"/reminders/{notice}/handed")
    assert again.status_code == 400
    assert "只有寄不到或不確定的提醒" in again.get_data(as_text=True)
    said = whole_of(client, "teachers", teacher=code, term=place.school.current_term)
    assert "上一次提醒" in said
    assert "已當面交付" in said
    log = client.get("/exports/notices.csv").get_data(as_text=True)
    assert f"{code}," in log
    assert "已當面交付" in log


def test_a_notice_that_is_not_there_is_refused_in_words(client_for):
    answer = client_for("secretary").post("/reminders/999999/handed")
    assert answer.status_code == 400
