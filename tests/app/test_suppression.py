"""A member of the working group gets the same bytes whichever of two students sits in a small class: so they say nothing of it."""

from __future__ import annotations

import gzip
import io
import json
import re
import zipfile
from datetime import datetime, timedelta
from urllib.parse import urlencode
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import select, update

from dashboard.exports.tables import all_tables
from data.db import raise_data_version, reading, writing
from data.models import Enrolment, Outcome, Staff, Student
from tests.app.conftest import fire

SMALL, OTHERS, LARGE = (
    "資一甲",
    "101",
    "商一甲",
)  # one grade, three 科別; three students stay, and go with the smallest other class
KEPT = 3
SUFFIXES = ("csv", "xlsx", "ods")


@pytest.fixture(scope="module")
def year(place):
    return int(place.school.current_term) // 10


@pytest.fixture(scope="module")
def small_class(place, year):
    """Leave three students in the small class, and lay the others to another, with the 科別 they have; put back afterwards."""
    of_class = (Enrolment.school_year == year) & (Enrolment.class_name == SMALL)
    with writing(place.store.engine) as connection:
        ids = connection.execute(select(Enrolment.id).where(of_class).order_by(Enrolment.id)).scalars().all()
        connection.execute(update(Enrolment).where(Enrolment.id.in_(ids[KEPT:])).values(class_name=OTHERS))
        raise_data_version(connection)
    yield ids[:KEPT]
    with writing(place.store.engine) as connection:
        connection.execute(update(Enrolment).where(Enrolment.id.in_(ids)).values(class_name=SMALL))
        raise_data_version(connection)


@pytest.fixture(scope="module")
def texts(app, place, client_for, small_class, year):
    """All that a member can get."""
    return everything(client_for("member"), app, place, year)


def read(answer):
    """Return an answer's text: of a workbook all that is in it, without the time it was made at."""
    data = gzip.decompress(answer.data) if answer.headers.get("Content-Encoding") == "gzip" else answer.data
    if data.startswith(b"PK"):
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            names = [name for name in archive.namelist() if not name.startswith(("docProps", "meta"))]
            data = b"\n".join(archive.read(name) for name in sorted(names) if not name.endswith(".png"))
    text = data.decode("utf-8", "replace")
    text = json.dumps(json.loads(text), ensure_ascii=False) if text.startswith("{") else text
    return re.sub(r"由 [^<\n]*匯出", "", text)


def questions(place, year):
    """Yield the queries of a member: terms, days, grades and 科別, each with the others."""
    current = int(place.school.current_term)
    yesterday = (datetime.now(ZoneInfo("Asia/Taipei")) - timedelta(days=1)).date().isoformat()
    for term, day in ((current, yesterday), (current, f"{year + 1911}-10-15")):
        plain = {"term": str(term), "asof": day}
        yield plain
        yield plain | {"grade": "1"}
        yield plain | {"grade": "1", "dept": "＊", "division": "日間部"}
        yield plain | {"dept": "普通科"}
        yield plain | {"dept": "資訊科"}
    yield {"term": str(current - 10), "asof": f"{year + 1911}-06-20", "dept": "資訊科"}
    # What is no filter for a member does not become one.
    yield {
        "term": str(current),
        "asof": yesterday,
        "class": SMALL,
        "subject": "國文",
        "teacher": place.school.teacher_code,
    }


def everything(client, app, place, year):
    """Ask for all pages and tables that the person may have; return the texts by what was asked."""
    texts = {}
    for query in questions(place, year):
        for output in app.callback_map:
            if not output.endswith("-body.children..") or output.startswith(
                "..privacy-"
            ):  # that one counts what is asked here
                continue
            ids = [each["id"] for each in app.callback_map[output]["inputs"]]
            inputs = {f"{each}.value": query.get(each.rpartition("-")[2], "all") for each in ids if each != "theme"}
            answer = fire(client, output, inputs=inputs | ({"theme.data": "light"} if "theme" in ids else {}))
            assert answer.status_code in (200, 403)
            if answer.status_code == 200:
                texts[output, *query.items()] = read(answer)
        for key in all_tables():
            for suffix in SUFFIXES[: 1 if len(query) > 2 else 3]:
                answer = client.get(f"/exports/{key}.{suffix}?" + urlencode(query))
                assert answer.status_code in (200, 403)
                if answer.status_code == 200:
                    texts[key, suffix, *query.items()] = read(answer)
    return texts


def swap(place, first, second):
    """Let two students change places: class and 科別."""
    with writing(place.store.engine) as connection:
        rows = connection.execute(select(Enrolment).where(Enrolment.id.in_([first, second]))).all()
        for row, other in (rows, rows[::-1]):
            values = {name: getattr(other, name) for name in ("class_name", "department", "department_code")}
            connection.execute(update(Enrolment).where(Enrolment.id == row.id).values(**values))
        raise_data_version(connection)


def another_active_student(place, year, *, than):
    """Find a student of the large class with items of the year, and one of the small class with another number of them."""
    with reading(place.store.engine) as connection:
        counted = select(Outcome.student_id).where(Outcome.school_year == year)
        items = connection.execute(counted).scalars().all()
        rows = connection.execute(
            select(Enrolment.id, Enrolment.student_id, Enrolment.class_name)
            .where(Enrolment.school_year == year, Enrolment.class_name.in_([SMALL, LARGE]), Enrolment.left_at.is_(None))
            .order_by(Enrolment.id)
        ).all()
    number = {row.id: items.count(row.student_id) for row in rows}
    small = min((row.id for row in rows if row.id in than), key=number.get)
    large = max((row.id for row in rows if row.class_name == LARGE), key=number.get)
    assert number[small] != number[large]
    return small, large


def test_a_member_cannot_tell_who_sits_in_a_small_class(app, place, client_for, small_class, year, texts):
    client, principal = client_for("member"), client_for("principal")
    before, openly = texts, read(principal.get("/exports/classes.csv"))
    pair = another_active_student(place, year, than=small_class)
    swap(place, *pair)
    try:
        after, openly_after = everything(client, app, place, year), read(principal.get("/exports/classes.csv"))
    finally:
        swap(place, *pair)
    assert openly != openly_after  # who may see the class sees the difference
    assert before.keys() == after.keys()
    assert len(before) > 150
    assert [asked for asked, text in before.items() if after[asked] != text] == []


def test_no_page_or_file_of_a_member_names_a_small_class_a_student_or_a_teacher(place, texts):
    with reading(place.store.engine) as connection:
        students = connection.execute(select(Student.student_number, Student.name)).all()
        staff = connection.execute(select(Staff.staff_code, Staff.name)).all()
    secret = {word for row in (*students, *staff) for word in row if len(word) > 1}
    numbers = {word for word in secret if word.isdigit()}
    words = re.compile("|".join(map(re.escape, sorted(secret - numbers))))
    digits = re.compile(r"(?<![\d.])(?:" + "|".join(sorted(numbers)) + r")(?!\d)")
    for asked, text in texts.items():
        assert not words.search(text), asked
        assert not digits.search(text), asked
        if ("term", place.school.current_term) in asked:
            assert SMALL not in text, asked
    assert any("＊1" in text for text in texts.values())


def test_a_member_is_told_what_is_merged(app, place, client_for, small_class):
    output = "..overview-head.children...overview-body.children.."
    ids = [each["id"] for each in app.callback_map[output]["inputs"]]
    inputs = {f"{each}.value": "all" for each in ids if each != "theme"} | {"theme.data": "light"}
    text = read(fire(client_for("member"), output, inputs=inputs))
    assert "學生未滿 10 人或任課教師未滿 5 人的班級合併為「＊」" in text
    assert "學生未滿 10 人" not in read(fire(client_for("principal"), output, inputs=inputs))
