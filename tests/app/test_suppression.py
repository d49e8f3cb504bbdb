"""A member of the working group gets the same bytes whichever of two students sits in a small class: so they say nothing of it."""

from __future__ import annotations

import csv
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


# The counts that a member's tables hold: of students, and of what is no student's: duties of teachers and units.
OF_STUDENTS = {
    "enrolled", "upload_participants", "items", "select_participants", "confirmed", "receipt_round", "uploaders", "in_round",
    "select_outcome_participants", "select_performance_participants", "confirmed_late", "disputed", "unseen", "deemed",
    "disputes", "answered", "answered_late", "dispute_open", "dispute_overdue", "row_count", "matched_count",
    *(f"{kind}_{name}" for kind in ("outcome", "performance") for name in ("participants", "items", "at_cap", "over_cap")),
}  # fmt: skip
OF_DUTIES = {"expected", "on_time", "late", "open", "overdue", "exempt", "round_number"}
PEOPLE = re.compile(r"(?<![\d.,])([\d,]+)(?:／|/)([\d,]+) 人|(?<![\d.,])([\d,]+) 人次?(?!或)")


def counts_in(text, table):
    """Yield each count of students of a CSV: column and number."""
    rows = list(csv.reader(text.removeprefix("\ufeff").splitlines()))
    end = rows.index([])
    for column, *values in zip(*rows[:end], strict=True):
        known = next(each for each in table.columns if each.title == column)
        if known.kind == "count" and known.key in OF_STUDENTS:
            yield from ((known.key, int(value)) for value in values if value)


def bars_in(part):
    """Yield the numbers of every bar that counts people, of all figures within a page's answer."""
    if isinstance(part, dict):
        if part.get("type") == "bar":
            axis = "y" if part.get("orientation") != "h" else "x"
            if "%{x:.1f}" not in str(part.get("hovertemplate")) and part.get("hoverinfo") != "skip":
                yield from part[axis]
        for value in part.values():
            yield from bars_in(value)
    elif isinstance(part, list):
        for value in part:
            yield from bars_in(value)


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


def test_every_count_of_a_member_s_tables_is_known_to_be_of_students_or_of_duties(texts):
    mine = {asked[0] for asked in texts if asked[1] == "csv"}
    counts = {c.key for key in mine for c in all_tables()[key].columns if c.kind == "count"}
    assert counts - OF_STUDENTS == OF_DUTIES & counts
    assert len(counts & OF_STUDENTS) > 20


def test_no_table_of_a_member_holds_a_small_number_of_students_and_those_who_act_get_them(client_for, place, texts):
    """The rest of a class is no small number either, as all who are in it are counted in the same steps."""
    tables = {asked: text for asked, text in texts.items() if asked[1] == "csv"}
    found = {(asked, *each) for asked, text in tables.items() for each in counts_in(text, all_tables()[asked[0]])}
    assert len(found) > 200
    assert all("以 5 為單位，是概數" in text for text in tables.values())
    assert [each for each in found if each[-1] % 5] == []
    for name in ("secretary", "chief", "homeroom", "principal"):
        client = client_for(name)
        exact = [each for key in ("uploads", "classes") for each in counts_in(read(client.get(f"/exports/{key}.csv")), all_tables()[key])]  # fmt: skip
        assert any(number % 5 for _, number in exact), name
    last_year = urlencode({"term": int(place.school.current_term) - 10})
    reports = counts_in(
        read(client_for("secretary").get(f"/exports/receipts.csv?{last_year}")), all_tables()["receipts"]
    )
    assert any(0 < number < 5 for _, number in reports)


def test_no_page_of_a_member_says_or_draws_a_small_number_of_students(texts):
    pages = ("..uploads-", "..receipts-", "..selection-", "..overview-", "..departments-")
    seen, drawn = set(), []
    for asked, text in texts.items():
        if asked[0].startswith(pages):
            plain = re.sub(r"未滿 \d+ 人", "", text)
            seen |= {(asked, each) for pair in PEOPLE.findall(plain) for each in pair if each}
            if asked[0].startswith(pages[:3]):
                drawn += [(asked, each) for each in bars_in(json.loads(text))]
    assert len(seen) > 100
    assert len(drawn) > 100
    assert [each for each in seen if int(each[1].replace(",", "")) % 5] == []
    assert [each for each in drawn if each[1] and each[1] % 5] == []


def test_a_member_is_told_what_is_merged(app, place, client_for, small_class):
    output = "..overview-head.children...overview-body.children.."
    ids = [each["id"] for each in app.callback_map[output]["inputs"]]
    inputs = {f"{each}.value": "all" for each in ids if each != "theme"} | {"theme.data": "light"}
    text = read(fire(client_for("member"), output, inputs=inputs))
    assert "學生未滿 10 人或任課教師未滿 5 人的班級合併為「＊」，學生的人數與件數以 5 為單位，是概數" in text
    assert "學生未滿 10 人" not in read(fire(client_for("principal"), output, inputs=inputs))


def test_a_class_of_a_member_s_files_says_the_same_whatever_else_is_asked_for(client_for, place):
    """Under two filters its steps would begin at two places, and the two together would say the number."""
    client, current = client_for("member"), int(place.school.current_term)
    _, ledger = place.store.ledger()
    grades = sorted({str(grade) for grade in ledger.classes["grade"].dropna()})
    departments = [str(name) for name in ledger.labels["department"] if name]
    term = current - 9
    for table in ("uploads", "selection", "receipts", "classes"):
        whole = rows_of(client, table, term=term)
        for narrow in (*({"grade": each} for each in grades), *({"dept": each} for each in departments)):
            for name, row in rows_of(client, table, term=term, **narrow).items():
                if name in whole and "＊" not in name:
                    assert row == whole[name], (table, narrow, name)


def rows_of(client, table, **query):
    answer = client.get(f"/exports/{table}.csv", query_string=query)
    lines = list(csv.reader(io.StringIO(answer.data.decode("utf-8-sig"))))
    end = next((number for number, line in enumerate(lines) if not line), len(lines))
    return {line[0]: line for line in lines[1:end]}
