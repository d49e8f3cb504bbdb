"""Reminders: who is written to on which day, counted again in plain Python; a real mail server that also misbehaves."""

from __future__ import annotations

import asyncio
import contextlib
import re
import threading
from collections import defaultdict
from datetime import date, datetime, timedelta
from email import message_from_bytes
from email.policy import default

import numpy as np
import pytest
from aiosmtpd.controller import Controller
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import select, update

from dashboard.exports.notices import mail_writer
from dashboard.services import accounts, imports, mail, notices
from dashboard.services.notices import is_on, log_of, remind, switch
from dashboard.services.store import Store
from dashboard.settings import Settings
from data.db import reading, writing
from data.demo.school import write_school
from data.instants import DAY_US, NEVER, TAIPEI, from_us, taipei_day_us, to_us
from data.models import AuditEvent, Grant, Notice, Staff
from data.queries import load_frames
from data.regulation.calendar import working_calendar
from data.reminding import LAST_DAYS, Noticed, _marks, to_write
from tests.school import PASSWORD
from tests.unit.plain_count import sendings_at

TERM_DAYS = [
    date(2025, 12, 1) + timedelta(days=n) for n in range(110)
]  # winter holidays, a term's end, deadlines and after


class Server:
    """A mail server that keeps what it took, and does to a letter what `plan` says: by address, a list of what to do in turn."""

    def __init__(self, plan=None):
        self.taken, self.plan, self.lock = [], defaultdict(list, plan or {}), threading.Lock()

    def _next(self, address, when):
        with self.lock:
            steps = self.plan[address]
            return steps.pop(0) if steps and steps[0].startswith(when) else ""

    async def handle_RCPT(self, server, session, envelope, address, options):  # noqa: N802
        step = self._next(address, "rcpt")
        if step == "rcpt drop":
            server.transport.abort()
            return "421 gone"
        if step:
            return {"rcpt 550": "550 no such user", "rcpt 451": "451 try later"}[step]
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server, session, envelope):  # noqa: N802
        step = self._next(envelope.rcpt_tos[0], "data")
        if step == "data 451":
            return "451 try later"
        with self.lock:
            self.taken.append((envelope.rcpt_tos[0], message_from_bytes(envelope.content, policy=default)))
        if step == "data drop":
            server.transport.abort()
        if step == "data delay":
            await asyncio.sleep(0.6)
        return "250 taken"


@contextlib.contextmanager
def serving(server, port=0):
    controller = Controller(server, hostname="127.0.0.1", port=port or free_port())
    controller.start()
    try:
        yield controller.port
    finally:
        controller.stop()


def free_port():
    import socket

    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return found.getsockname()[1]


def set_up(folder, port):
    return Settings(
        instance_dir=folder, smtp_host="127.0.0.1", smtp_port=port, smtp_tls="none", smtp_sender="licheng@school.example",
        site_url="https://licheng.school.example/",
    )  # fmt: skip


def make_school(folder, *, classes, duties=None, today=date(2026, 3, 25)):
    write_school(folder / "files", classes=classes, terms=2, seed=3, today=today, duties=duties)
    settings = set_up(folder / "instance", 1)
    store = Store(settings.url, id_key=settings.secret("id-number"), instance_dir=settings.instance_dir)
    store.migrate()
    assert imports.import_paths(store, [folder / "files"], by="test").committed
    switch(store, on=True, by="secretary")
    return store


@pytest.fixture
def store(tmp_path):
    return make_school(tmp_path, classes=3)


@pytest.fixture(scope="module")
def write():
    return mail_writer()


def at(day, hour=9):
    return datetime(day.year, day.month, day.day, hour, tzinfo=TAIPEI)


def is_school_day(day):
    return bool(np.is_busday(np.datetime64(day), busdaycal=working_calendar()))


def marks_of(opened_at, due_at):
    """Every day on which the rule asks for a notice of a duty, in plain Python."""
    if due_at is None or due_at == NEVER:
        return []
    last, opened, found = from_us(due_at - 1).date(), from_us(opened_at).date(), set()
    for before in (7, 3, 1):
        day = last - timedelta(days=before)
        while not is_school_day(day):
            day -= timedelta(days=1)
        if day > opened:
            found.add(day)
    for late in range(1, 400, 7):
        day = last + timedelta(days=late)
        while not is_school_day(day):
            day += timedelta(days=1)
        found.add(day)
    return sorted(found)


@given(st.integers(0, 200), st.integers(0, 5 * 86_400), st.integers(0, 300))
def test_the_marks_of_a_duty_are_seven_three_and_one_days_before_and_each_week_after_on_school_days(
    opened, seconds, today
):
    day = date(2025, 8, 1)
    opened_at = taipei_day_us(day + timedelta(days=opened)) + 36_000 * 1_000_000
    due_at = opened_at + 3 * DAY_US + seconds * 10_000_000
    now = day + timedelta(days=today)
    while not is_school_day(now):
        now += timedelta(days=1)
    found = _marks(np.array([opened_at]), np.array([due_at]), (now - date(1970, 1, 1)).days, working_calendar())[0]
    expected = max((each for each in marks_of(opened_at, due_at) if each <= now), default=None)
    assert (date(1970, 1, 1) + timedelta(days=int(found)) if found else None) == expected


def test_what_has_no_deadline_has_no_mark():
    assert _marks(np.array([0]), np.array([NEVER]), 20_000, working_calendar()).tolist() == [0]


def expected_notices(frames, days, *, terms):
    """Who is written to on which day and of how many items, without a chief: product.md's rules over the rows, a day at a time."""
    last, found = {}, {}
    for day in days:
        if not is_school_day(day):
            continue
        now_us = to_us(at(day))
        waits = defaultdict(list)
        for term in terms:
            for item in waiting_items(frames, term, now_us):
                waits[item["holder"]].append(item)
        for holder, items in waits.items():
            due = [mark for item in items for mark in item["marks"] if mark <= day]
            if holder and due and max(due) > last.get(holder, date.min):
                last[holder] = day
                found[day, holder] = (len(items), sum(item["overdue"] for item in items))
    return found


MARKS = {}


def waiting_items(frames, term, now_us):
    ends = {
        (w.school_year * 10 + w.semester, str(w.grade)): w.ends_at
        for w in frames["windows"].itertuples()
        if w.task == "certify"
    }
    for sending in sendings_at(frames, term, now_us):
        if sending["state"] not in ("open", "overdue"):
            continue
        end = ends.get((term, sending["grade"]))
        due = None if end is None else max(end, sending["sent"] + 3 * DAY_US)
        if due is not None and now_us - due > (LAST_DAYS + 1) * DAY_US:
            continue
        key = (sending["sent"], due)
        if key not in MARKS:
            MARKS[key] = marks_of(*key)
        yield {"holder": sending["teacher"], "marks": MARKS[key], "overdue": due is not None and due <= now_us}


def received(server):
    """Return (address, items, overdue) of each letter that the server took."""
    found = []
    for address, message in server.taken:
        numbers = [int(n.replace(",", "")) for n in re.findall(r"[\d,]+", str(message["Subject"]))]
        found.append((address, numbers[0], numbers[1] if len(numbers) > 1 else 0))
    return found


def walk_a_term(folder, *, classes, duties, write):
    """Move the clock over the term; return the school's frames and, of each day, what the server took."""
    store = make_school(folder, classes=classes, duties=duties)
    server, by_day = Server(), {}
    with serving(server) as port:
        settings = set_up(folder / "instance", port)
        for day in TERM_DAYS:
            remind(store, settings, write=write, at=at(day))
            remind(store, settings, write=write, at=at(day, 11))  # nobody hears of the same twice
            by_day[day], server.taken = received(server), []
    with reading(store.engine) as connection:
        addresses = dict(connection.execute(select(Staff.staff_code, Staff.email)).all())
        frames = load_frames(connection)
    return store, frames, addresses, by_day


@pytest.mark.parametrize(("classes", "duties"), [(6, None), pytest.param(92, 9_000, marks=pytest.mark.thorough)])
def test_over_a_term_each_teacher_gets_what_the_rule_says_and_nothing_else(tmp_path, write, classes, duties):
    store, frames, addresses, by_day = walk_a_term(tmp_path, classes=classes, duties=duties, write=write)
    _, ledger = store.ledger()
    expected = defaultdict(list)
    for (day, holder), counts in expected_notices(frames, TERM_DAYS, terms=ledger.terms()).items():
        if addresses.get(holder):
            expected[day].append((addresses[holder], *counts))
    assert sum(map(len, expected.values())) > 10
    assert {day: sorted(letters) for day, letters in by_day.items() if letters} == {
        day: sorted(letters) for day, letters in expected.items()
    }
    if classes > 90:
        assert len({address for letters in by_day.values() for address, *_ in letters}) > 150


def first_due(store):
    """A day on which somebody is to be written to, and who."""
    for day in TERM_DAYS:
        due = [each for each in notices.due_now(store, at(day)) if is_school_day(day)]
        if due:
            return day, due
    raise AssertionError("nobody is ever reminded")


def address_of(store, person):
    with reading(store.engine) as connection:
        return connection.execute(select(Staff.email).where(Staff.staff_code == person)).scalar()


def state_of(store, person):
    return next(line for line in log_of(store) if line.person == person)


def test_a_letter_says_what_waits_and_names_no_student(store, write, tmp_path):
    day, due = first_due(store)
    server = Server()
    with serving(server) as port:
        done = remind(store, set_up(tmp_path / "instance", port), write=write, at=at(day))
    assert done["sent"] == len(server.taken) == len(due)
    with reading(store.engine) as connection:
        frames = load_frames(connection)
    students = set(frames["students"]["student_number"]) if "students" in frames else set()
    for _, message in server.taken:
        text = message.get_content()
        assert "老師您好" in text
        assert "https://licheng.school.example/teachers/" in text
        assert not any(number in text for number in students)
        assert message["Auto-Submitted"] == "auto-generated"


def test_nothing_is_sent_while_reminders_are_off_outside_of_hours_or_on_a_free_day(store, write, tmp_path):
    day, _ = first_due(store)
    sunday = day + timedelta(days=6 - day.weekday())
    server = Server()
    with serving(server) as port:
        settings = set_up(tmp_path / "instance", port)
        for moment in (at(day, 7), at(day, 17), at(sunday)):
            assert not remind(store, settings, write=write, at=moment)
        switch(store, on=False, by="secretary")
        assert not is_on(store)
        assert not remind(store, settings, write=write, at=at(day))
        assert not server.taken
        assert not log_of(store)
        switch(store, on=True, by="secretary")
        assert remind(store, settings, write=write, at=at(day))
    with reading(store.engine) as connection:
        said = connection.execute(select(AuditEvent.about).where(AuditEvent.action == "setting")).scalars().all()
    assert said.count("setting:reminders") == 3


@pytest.mark.parametrize(
    ("steps", "state", "letters"),
    [
        (["rcpt 451", "data 451", "rcpt drop"], "sent", 1),  # refused for a while, the line broken: tried again
        (["rcpt 550"], "refused", 0),
        (["data drop"], "unsure", 1),  # taken, and the line broke before the server said so
        (["data delay"], "unsure", 1),  # taken, and the server answered too late
    ],
)
def test_a_server_that_refuses_delays_or_drops_loses_no_notice_and_sends_none_twice(
    store, write, tmp_path, steps, state, letters
):
    day, due = first_due(store)
    person = due[0].person
    address = address_of(store, person)
    server = Server({address: list(steps)})
    with serving(server) as port:
        settings = set_up(tmp_path / "instance", port)
        for minutes in (0, 4, 5, 20, 60, 200, 300):
            remind(store, settings, write=write, at=at(day) + timedelta(minutes=minutes), seconds=0.3)
    assert state_of(store, person).state == state
    assert len([1 for to, _ in server.taken if to == address]) == letters
    others = {each.person for each in due if each.person != person}
    assert all(state_of(store, other).state == "sent" for other in others)
    assert len(server.taken) == letters + len(others)


def test_a_server_that_is_down_gets_every_letter_when_it_is_up_again(store, write, tmp_path):
    day, due = first_due(store)
    port = free_port()
    settings = set_up(tmp_path / "instance", port)
    assert remind(store, settings, write=write, at=at(day)) == {"later": len(due)}
    server = Server()
    with serving(server, port):
        for minutes in (6, 30):
            remind(store, settings, write=write, at=at(day) + timedelta(minutes=minutes))
    assert sorted(to for to, _ in server.taken) == sorted(address_of(store, each.person) for each in due)


def test_work_that_is_done_before_the_letter_goes_out_is_not_in_it(store, write, tmp_path):
    day, due = first_due(store)
    person, port = due[0].person, free_port()
    settings = set_up(tmp_path / "instance", port)
    remind(store, settings, write=write, at=at(day))  # nobody answers: they wait
    with writing(store.engine) as connection:
        connection.exec_driver_sql(
            "UPDATE certification_rounds SET completed_at = ?1 WHERE sent_at <= ?1 AND (completed_at IS NULL OR completed_at > ?1)",
            (to_us(at(day)),),
        )
        connection.exec_driver_sql("UPDATE data_versions SET version = version + 1")
    server = Server()
    with serving(server, port):
        remind(store, settings, write=write, at=at(day) + timedelta(minutes=10))
    assert not server.taken
    assert state_of(store, person).state == "needless"


def test_processes_at_the_same_time_send_each_letter_once(store, write, tmp_path):
    day, due = first_due(store)
    server = Server()
    with serving(server) as port:
        settings = set_up(tmp_path / "instance", port)
        others = [Store(settings.url, id_key=b"k", instance_dir=settings.instance_dir) for _ in range(4)]
        threads = [
            threading.Thread(target=remind, args=(each, settings), kwargs={"write": write, "at": at(day)})
            for each in others
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert sorted(to for to, _ in server.taken) == sorted(address_of(store, each.person) for each in due)


def test_a_letter_that_a_process_took_and_never_ended_is_not_sent_again(store, write, tmp_path):
    day, due = first_due(store)
    port = free_port()
    settings = set_up(tmp_path / "instance", port)
    remind(store, settings, write=write, at=at(day))
    with writing(store.engine) as connection:
        connection.execute(update(Notice).values(state="sending", next_try_at=at(day)))
    server = Server()
    with serving(server, port):
        remind(store, settings, write=write, at=at(day) + timedelta(minutes=9))
        assert {line.state for line in log_of(store)} == {"sending"}
        remind(store, settings, write=write, at=at(day) + timedelta(minutes=11))
    assert {line.state for line in log_of(store)} == {"unsure"}
    assert not server.taken
    assert due


def test_without_an_address_the_notice_is_on_record_and_can_be_handed_over(store, write, tmp_path):
    day, due = first_due(store)
    person = due[0].person
    with writing(store.engine) as connection:
        connection.execute(update(Staff).where(Staff.staff_code == person).values(email=""))
    with serving(Server()) as port:
        settings = set_up(tmp_path / "instance", port)
        remind(store, settings, write=write, at=at(day))
        remind(store, settings, write=write, at=at(day, 10))
    line = state_of(store, person)
    assert line.state == "unaddressed"
    assert len(log_of(store)) == len(due)
    notices.hand_over(store, line.id, by="secretary")
    assert state_of(store, person).state == "handed"
    with pytest.raises(notices.NoticeError, match="寄不到或不確定"):
        notices.hand_over(store, line.id, by="secretary")
    with reading(store.engine) as connection:
        assert connection.execute(select(AuditEvent.about).where(AuditEvent.action == "notice_handed")).scalar() == f"notice:{line.id}"  # fmt: skip


def test_the_chief_hears_of_it_a_week_after_the_person_did(write, tmp_path):
    store = make_school(tmp_path, classes=6)
    with reading(store.engine) as connection:
        staff = connection.execute(select(Staff.staff_code, Staff.name, Staff.unit).order_by(Staff.staff_code)).all()
    chiefs = {row.unit: row.staff_code for row in staff if row.unit}
    for number, (unit, code) in enumerate(chiefs.items()):
        accounts.add_user(
            store, f"head{number}", PASSWORD, role="section_chief", classes=[], unit=unit, staff_code=code
        )
    with writing(store.engine) as connection:
        connection.execute(update(Grant).values(starts_on=TERM_DAYS[0]))  # held all the term
    people = {address_of(store, row.staff_code): row for row in staff}
    server, warned, told = Server(), {}, []
    with serving(server) as port:
        settings = set_up(tmp_path / "instance", port)
        for day in TERM_DAYS:
            remind(store, settings, write=write, at=at(day))
            for to, message in server.taken:
                own, _, of_others = message.get_content().partition("貴單位同仁")
                if "期限已過" in own:
                    warned.setdefault(people[to].name, day)
                told += [(day, people[to], name) for name in re.findall(r"・(.+)：", of_others)]
            server.taken = []
    units = {row.name: row.unit for row in staff}
    assert told
    for day, chief, name in told:
        assert chief.staff_code == chiefs[units[name]]
        assert chief.name != name
        assert day >= warned[name] + timedelta(days=7)


@given(
    st.lists(st.tuples(st.integers(1, 60), st.sampled_from(["sent", "refused", "queued", "unsure"]))),
    st.integers(1, 60),
)
def test_nobody_is_written_to_twice_for_a_mark_nor_while_a_letter_waits(notes, mark):
    import pandas as pd

    found = pd.DataFrame({"person": ["T1"], "mark_on": [mark]})
    lines = [Noticed("T1", day, state) for day, state in notes]
    asked = to_write(found, lines)
    waits = any(state == "queued" for _, state in notes)
    assert asked == ({} if waits or any(day >= mark for day, _ in notes) else {"T1": mark})


@pytest.mark.parametrize(("tls", "host"), [("none", "mail.school.example"), ("maybe", "127.0.0.1")])
def test_letters_never_cross_the_network_in_the_clear(tls, host):
    with pytest.raises(mail.MailSettingsError):
        mail.check(Settings(smtp_host=host, smtp_tls=tls, smtp_sender="a@b.example"))


def test_a_name_or_address_cannot_add_a_header(tmp_path):
    server = Server()
    with serving(server) as port, mail.post(set_up(tmp_path, port)) as send:
        letter = mail.Letter("a@b.example\r\nBcc: x@y.example", "你好", "文字")
        assert send(letter).state == "refused"
        assert send(mail.Letter("a@b.example", "你好\r\nBcc: x@y.example", "文字")).state == "refused"
        assert send(mail.Letter("a@b.example", "你好", ".\r\n一行一點\r\n.\r\n")).state == "sent"
    assert [to for to, _ in server.taken] == ["a@b.example"]
    assert server.taken[0][1].get_content().split() == [".", "一行一點", "."]
