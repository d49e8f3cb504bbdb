"""Exports asked for as each role: who gets which table, whose rows are in it, and that each leaves an audit line."""

from __future__ import annotations

import csv
import io
import itertools
import json
from datetime import datetime, timedelta
from urllib.parse import urlencode
from zoneinfo import ZoneInfo

import openpyxl
import pytest
from odfdo import Document
from sqlalchemy import select

from dashboard.access.scope import scope_for
from dashboard.exports.tables import all_tables
from dashboard.services.filters import open_view
from data.db import reading
from data.models import AuditEvent, Import
from tests.school import ROLES

EVERYBODY = tuple(ROLES)
# Typed here on purpose, never read from the code under test.
ALLOWED = {
    "classes": {"principal", "secretary", "chief", "homeroom", "member", "auditor"},
    "teachers": {"principal", "secretary", "chief"},
    "reminders": {"principal", "secretary", "chief", "teacher"},
}
FORMATS = ("csv", "xlsx", "ods")
HEADINGS = {
    "classes": "班級,在學人數,已上傳人數,上傳件數,應認證,準時,逾時完成,待認證,逾期,免認證,認證完成率,應有進度,進度,已勾選人數,收訖已確認,收訖人數",
    "teachers": "教師代碼,姓名,處室,應認證,準時,逾時完成,待認證,逾期,免認證,認證完成率,準時率,等候中位日數,截止前 48 小時送達比例",
}


def get(client, key, suffix="csv", **query):
    return client.get(f"/exports/{key}.{suffix}" + ("?" + urlencode(query) if query else ""))


def sheets(content):
    """Return the sheets of a file as rows of text; of a CSV the table, then the notes."""
    if content.startswith(b"\xef\xbb\xbf"):
        rows = list(csv.reader(io.StringIO(content.decode("utf-8-sig"))))
        return [rows[: rows.index([])], rows[rows.index([]) + 1 :]]
    if b"mimetype" in content[:60]:
        tables = Document(io.BytesIO(content)).body.tables
        return [[["" if v is None else str(v) for v in row] for row in table.iter_values()] for table in tables]
    book = openpyxl.load_workbook(io.BytesIO(content))
    return [[["" if v is None else str(v) for v in row] for row in sheet.values] for sheet in book.worksheets]


def audit_lines(place, after=0):
    with reading(place.store.engine) as connection:
        return connection.execute(select(AuditEvent).where(AuditEvent.id > after).order_by(AuditEvent.id)).all()


def last_line(place):
    return max((line.id for line in audit_lines(place)), default=0)


@pytest.mark.parametrize(("username", "key", "suffix"), itertools.product(EVERYBODY, ALLOWED, FORMATS))
def test_a_table_is_given_to_the_roles_that_may_have_it_and_to_no_other(client_for, place, username, key, suffix):
    before = last_line(place)
    answer = get(client_for(username), key, suffix)
    exports = [line for line in audit_lines(place, before) if line.action == "export"]
    if username in ALLOWED[key]:
        assert answer.status_code == 200
        name = f"{key}-{place.school.current_term}-{datetime.now(ZoneInfo('Asia/Taipei')):%Y%m%d}.{suffix}"
        assert f'filename="{name}"' in answer.headers["Content-Disposition"]
        rows = len(sheets(answer.data)[0]) - 1
        (line,) = exports
        assert line.actor == username
        said = {"table": key, "format": suffix, "rows": rows, "term": int(place.school.current_term)}
        assert said.items() <= json.loads(line.detail).items()
    else:
        assert answer.status_code == 403
        assert exports == []
        assert place.school.homeroom_class.encode() not in answer.data


@pytest.mark.parametrize("path", ["nothing.csv", "nothing.xlsx", "routes.csv", "tables.ods", "__init__.csv"])
def test_a_key_that_is_no_table_is_not_found(client_for, path):
    assert client_for("principal").get(f"/exports/{path}").status_code == 404


@pytest.mark.parametrize("path", ["classes.pdf", "classes.txt", "classes", "../classes.csv", "classes.csv/x"])
def test_an_address_that_is_no_file_gives_no_figures(client_for, path):
    answer = client_for("principal").get(f"/exports/{path}")
    assert "Content-Disposition" not in answer.headers
    assert answer.mimetype == "text/html"


@pytest.mark.parametrize("key", HEADINGS)
def test_the_headings_of_a_csv_are_those_that_people_know(client_for, key):
    assert ",".join(sheets(get(client_for("principal"), key).data)[0][0]) == HEADINGS[key]


@pytest.mark.parametrize(("key", "suffix"), itertools.product([*ALLOWED, "reminders.txt"], FORMATS))
def test_no_audit_line_no_export(app, client_for, monkeypatch, key, suffix):
    def fail(*_args):
        raise OSError

    client = client_for("principal")
    monkeypatch.setattr("dashboard.exports.routes.accounts.record", fail)
    answer = client.get(f"/exports/{key}" if key.endswith(".txt") else f"/exports/{key}.{suffix}")
    assert answer.status_code == 500
    assert answer.data[:2] != b"PK"
    assert "Content-Disposition" not in answer.headers


@pytest.mark.parametrize("suffix", FORMATS)
@pytest.mark.parametrize("asked_class", ["", "own", "other", "999", "' or 1=1--"])
def test_a_homeroom_teacher_takes_only_the_own_class_away_whatever_is_asked(client_for, place, suffix, asked_class):
    _, ledger = place.store.ledger()
    own = place.school.homeroom_class
    others = {str(name) for name in ledger.classes["name"]} - {own}
    value = {"own": own, "other": sorted(others)[0]}.get(asked_class, asked_class)
    names = {str(name) for name in ledger.teachers["name"]}
    client = client_for("homeroom")
    for key in all_tables():
        answer = get(client, key, suffix, **({"class": value} if value else {}))
        if answer.status_code != 200:
            assert answer.status_code in (403, 404), key
            continue
        cells = {cell for sheet in sheets(answer.data) for row in sheet for cell in row}
        assert not cells & others, key
        assert not cells & names, key
        assert not any(f"、{name}" in cell or f"{name}、" in cell for cell in cells for name in others), key
    assert [row[0] for row in sheets(get(client, "classes", suffix).data)[0][1:]] == [own]


@pytest.mark.parametrize("suffix", FORMATS)
def test_a_section_chief_takes_only_the_own_unit_away(client_for, place, suffix):
    for key in ("teachers", "reminders"):
        head, *rows = sheets(get(client_for("chief"), key, suffix).data)[0]
        assert {row[head.index("處室")] for row in rows} <= {place.school.chief_unit}
    assert rows


@pytest.mark.parametrize("key", ALLOWED)
def test_the_three_formats_hold_the_same_rows(client_for, key):
    client = client_for("principal")
    asof = str(days_ago())
    tables = [sheets(get(client, key, suffix, asof=asof).data)[0] for suffix in FORMATS]
    kinds = [column.kind for column in all_tables()[key].columns]
    texts = [
        [[cell for cell, kind in zip(row, kinds, strict=True) if kind in ("text", "count", "instant")] for row in table]
        for table in tables
    ]
    assert texts[0] == texts[1] == texts[2]
    assert len(texts[0]) > 2


@pytest.mark.parametrize("username", ["member", "admin"])
@pytest.mark.parametrize("form", ["%G-W%VT12", "%GW%VT12", "%GW%V1T12", "%G-W%V-1", "%Y%m%dT12", "%Y-%m-%dT12:00"])
def test_who_sees_no_small_groups_asks_for_whole_days_in_whatever_form_an_instant_is_written(place, username, form):  # fmt: skip
    role = ROLES[username]
    scope = scope_for(role, classes=frozenset(), staff_code="", unit="")
    asked = {"asof": f"{days_ago(20):{form}}", "vs": f"{days_ago(30):{form}}"}
    filters = open_view(place.store, scope, asked).filters
    assert (filters.day, filters.since, filters.since_day) == ("", None, "")
    day = open_view(place.store, scope, {"asof": str(days_ago(20))}).filters
    assert (day.day, day.as_of.hour) == (str(days_ago(20)), 0)


def test_who_sees_all_asks_for_an_instant_and_an_hour_is_not_taken_for_a_day(place):
    scope = scope_for(ROLES["principal"], classes=frozenset(), staff_code="", unit="")
    hour = datetime.strptime(f"{days_ago(20):%GW%V}1", "%GW%V%u").replace(hour=12, tzinfo=ZoneInfo("Asia/Taipei"))
    assert open_view(place.store, scope, {"asof": f"{hour:%GW%VT12}"}).filters.as_of == hour


@pytest.mark.parametrize("username", ["auditor", "homeroom", "member"])
def test_who_sees_no_teacher_by_name_gets_no_figures_of_a_subject(client_for, username):
    client = client_for(username)
    asof = str(days_ago())
    whole, of_subject = (sheets(get(client, "classes", asof=asof, **more).data)[0] for more in ({}, {"subject": "國語文"}))  # fmt: skip
    assert of_subject == whole
    everybody = client_for("principal")
    whole, of_subject = (sheets(get(everybody, "classes", asof=asof, **more).data)[0] for more in ({}, {"subject": "國語文"}))  # fmt: skip
    assert of_subject != whole


def days_ago(days=2):
    """A day that is over, so that no minute passes between two answers."""
    return (datetime.now(ZoneInfo("Asia/Taipei")) - timedelta(days=days)).date()


@pytest.mark.parametrize("suffix", ["xlsx", "ods"])
def test_the_second_sheet_says_who_asked_for_what_and_which_imports_it_rests_on(client_for, place, suffix):
    answer = get(client_for("chief"), "teachers", suffix, grade="9", dept="沒有這一科", term=place.school.current_term)
    text = "\n".join("\t".join(row) for row in sheets(answer.data)[1])
    year, semester = divmod(int(place.school.current_term), 10)
    assert f"{year} 學年度第 {semester} 學期" in text
    assert "chief（組長）" in text
    assert f"全校統計與{place.school.chief_unit}教師" in text
    assert "篩選條件\t全部" in text  # what does not exist was not used
    for column in all_tables()["teachers"].columns:
        assert f"{column.title}\t{column.definition}".strip() in text
    with reading(place.store.engine) as connection:
        known = connection.execute(
            select(Import.sha256, Import.file_name).where(Import.kind == "outcomes").order_by(Import.id.desc())
        ).first()
    assert f"認證清單\t{known.file_name}\t{known.sha256}" in text


@pytest.mark.parametrize("suffix", ["xlsx", "ods"])
def test_the_filters_used_stand_on_the_second_sheet(client_for, place, suffix):
    answer = get(client_for("principal"), "classes", suffix, grade="2")
    (line,) = [row for row in sheets(answer.data)[1] if row[0] == "篩選條件"]
    assert line[1] == "年級 2"


def test_an_export_in_english_has_english_headings_on_the_same_figures(client_for):
    client = client_for("principal")
    chinese = sheets(get(client, "classes").data)[0]
    client.set_cookie("lang", "en")
    english = sheets(get(client, "classes").data)[0]
    assert english[0][0] == "Class"
    progress = chinese[0].index("進度")  # a word
    without = [[cell for n, cell in enumerate(row) if n != progress] for row in (*english[1:], *chinese[1:])]
    assert without[: len(without) // 2] == without[len(without) // 2 :]
    assert english[1][progress] != chinese[1][progress]


# --- reminders --------------------------------------------------------------------------------------------------------


def test_a_list_names_students_only_to_those_who_may_see_them(client_for):
    numbers = {}
    for username in ALLOWED["reminders"]:
        head, *rows = sheets(get(client_for(username), "reminders").data)[0]
        numbers[username] = {row[head.index("學號")] for row in rows}
        assert "學生姓名" not in head
    assert numbers["principal"] == {""}
    assert "" not in numbers["secretary"]
    assert numbers["chief"] <= numbers["secretary"]


def test_the_text_names_each_teacher_of_the_list_and_no_student(client_for, place):
    client = client_for("secretary")
    head, *rows = sheets(get(client, "reminders").data)[0]
    answer = client.get("/exports/reminders.txt")
    text = answer.get_data(as_text=True)
    assert answer.content_type == "text/plain; charset=utf-8"
    assert text.count("老師您好") == len({row[0] for row in rows if row[0]})
    for code in {row[0] for row in rows if row[0]}:
        name = next(row[1] for row in rows if row[0] == code)
        assert f"{name}老師您好" in text
    assert not any(row[head.index("學號")] in text for row in rows)
    (line,) = audit_lines(place, last_line(place) - 1)
    assert json.loads(line.detail)["format"] == "txt"


@pytest.mark.parametrize("username", EVERYBODY)
def test_the_text_is_for_those_who_may_have_the_list(client_for, username):
    status = client_for(username).get("/exports/reminders.txt").status_code
    assert status == (200 if username in ALLOWED["reminders"] else 403)


def test_a_section_chief_reminds_only_the_own_unit(client_for, place):
    _, ledger = place.store.ledger()
    units = ledger.labels["unit"][ledger.teachers["unit"].to_numpy()]
    text = client_for("chief").get("/exports/reminders.txt").get_data(as_text=True)
    assert [name for name in ledger.teachers[units != place.school.chief_unit]["name"] if f"{name}老師" in text] == []


def test_the_list_is_oldest_first_for_each_teacher(client_for):
    head, *rows = sheets(get(client_for("secretary"), "reminders").data)[0]
    pairs = [(row[0], row[head.index("送出時間")]) for row in rows]
    assert pairs == sorted(pairs)
    assert len(pairs) > 3


def test_nobody_is_reminded_of_what_was_done_since_the_day_that_is_asked_for(client_for):
    client = client_for("secretary")

    def items(**query):
        head, *rows = sheets(get(client, "reminders", **query).data)[0]
        keep = [head.index(name) for name in ("教師代碼", "科目", "上課班級", "學號", "成果序號", "送出時間")]
        return {tuple(row[i] for i in keep) for row in rows}

    def waited(**query):
        head, *rows = sheets(get(client, "teachers", **query).data)[0]
        return sum(int(row[head.index("待認證")]) + int(row[head.index("逾期")]) for row in rows)

    month_ago = str(days_ago(30))
    then, now = items(asof=month_ago), items()
    assert then <= now
    assert len(now) == waited()
    assert len(then) < waited(asof=month_ago)
