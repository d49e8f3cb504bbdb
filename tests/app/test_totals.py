"""Totals agree everywhere: reports by any grouping, tiles, grids, and every kind of file."""

from __future__ import annotations

import csv
import io
import json
import re

import fastexcel
import pytest

from dashboard.services.reports import report
from tests.app.conftest import fire
from tests.app.test_access import OVERVIEW, ask

DUTY_COUNTS = ("expected", "on_time", "late", "open", "overdue", "exempt")
GROUPINGS = ("grade", "department", "class", "subject", "teacher", "unit")
CLASSES = {
    "在學人數": "enrolled",
    "應認證": "expected",
    "準時": "on_time",
    "逾時完成": "late",
    "待認證": "open",
    "逾期": "overdue",
    "免認證": "exempt",
}


@pytest.fixture(params=[("", 0), ("-07-10", -9)], ids=["now", "last term"])
def moment(request, place):
    """The present term as of now, and last term as of a day in its last weeks."""
    day, back = request.param
    term = str(int(place.school.current_term) + back)
    return term, f"{int(term[:3]) + 1912}{day}" if day else ""


def asked(place, metric, by, term, day, **rest):
    as_of = f"{day}T23:59:59.999999" if day else ""
    return report(place.store, metric, term=term, by=by, as_of=as_of, **({"stage": ""} | rest))


@pytest.mark.parametrize("stage", ["certify", "register", "submit", "confirm"])
def test_the_sums_of_a_duty_stage_over_any_grouping_are_the_school_s(place, moment, stage):
    term, day = moment
    for each in (term, f"{term[:3]}0"):
        school = asked(place, "completion", "school", each, day, stage=stage)[list(DUTY_COUNTS)].sum().tolist()
        for by in GROUPINGS:
            table = asked(place, "completion", by, each, day, stage=stage)
            assert table[list(DUTY_COUNTS)].sum().tolist() == school, (each, by)
            assert (table[list(DUTY_COUNTS[1:5])].sum(axis=1) == table["expected"]).all()


@pytest.mark.parametrize(
    ("metric", "stage", "kind", "of_year"),
    [
        ("participation", "upload", "outcome", False), ("participation", "upload", "performance", True),
        ("participation", "select", "outcome", True), ("participation", "select", "performance", True),
        ("receipts", "confirm", "outcome", True), ("leak", "upload", "outcome", True),
    ],
)  # fmt: skip
def test_the_sums_of_what_students_do_are_the_school_s(place, moment, metric, stage, kind, of_year):
    term, day = moment
    term = f"{term[:3]}0" if of_year else term
    tables = {
        by: asked(place, metric, by, term, day, stage=stage, kind=kind)
        for by in ("school", "grade", "department", "class")
    }
    counts = [name for name in tables["school"] if tables["school"][name].dtype.kind in "iu" and name != "round_number"]
    assert counts
    for by, table in tables.items():
        assert table[counts].sum().tolist() == tables["school"][counts].sum().tolist(), by


def bodies(client, app, term, day):
    """Yield each page's answer for everything in a term."""
    for output in app.callback_map:
        if not output.endswith("-body.children.."):
            continue
        page_id = output.removeprefix("..").partition("-head")[0]
        ids = [each["id"] for each in app.callback_map[output]["inputs"]]
        said = {f"{page_id}-term": term, f"{page_id}-asof": day}
        answer = fire(
            client,
            output,
            inputs={f"{i}.value": said.get(i, "all") for i in ids if i != "theme"} | {"theme.data": "light"},
        )
        if answer.status_code == 403:  # a page of the system's, not of the school's figures
            assert page_id in ("audit", "admin")
            continue
        yield page_id, answer.json["response"][f"{page_id}-body"]["children"]


def parts(tree, css):
    if isinstance(tree, list):
        return [found for each in tree for found in parts(each, css)]
    if not isinstance(tree, dict):
        return []
    props = tree.get("props", {})
    own = [tree] if css in str(props.get("className", "")).split() else []
    return own + parts(props.get("children"), css)


def tiles_of(body):
    """Return label → the n and N written on each tile."""
    found = {}
    for tile in parts(body, "lc-tile"):
        text = re.findall(r'"children": "([^"]*)"', json.dumps(tile, ensure_ascii=False))
        numbers = next(
            (re.match(r"([\d,]+)[/／]([\d,]+)", each) for each in text if re.match(r"[\d,]+[/／][\d,]+", each)), None
        )
        found[text[0]] = tuple(int(each.replace(",", "")) for each in numbers.groups()) if numbers else None
    return found


def test_the_tiles_of_every_page_say_what_the_reports_say(client_for, app, place, moment):
    term, day = moment
    year = f"{term[:3]}0"
    tiles = {page: tiles_of(body) for page, body in bodies(client_for("secretary"), app, term, day)}
    certify = asked(place, "completion", "school", term, day, stage="certify").iloc[0]
    done = (int(certify["on_time"] + certify["late"]), int(certify["expected"]))
    assert tiles["overview"]["認證完成"] == done
    assert tiles["overview"]["逾期未認證"] == (int(certify["overdue"]), done[1])
    assert done in tiles["certification"].values()
    upload = asked(place, "participation", "school", term, day, stage="upload").iloc[0]
    part = (int(upload["participants"]), int(upload["enrolled"]))
    assert tiles["overview"]["上傳參與"] == part
    assert part in tiles["uploads"].values()
    others = asked(place, "participation", "school", year, day, stage="upload", kind="performance").iloc[0]
    assert (int(others["participants"]), int(others["enrolled"])) in tiles["uploads"].values()
    for stage in ("submit", "register"):
        tables = [
            asked(place, "completion", "school", each, day, stage=stage).iloc[0]
            for each in {"submit": (term, year), "register": (term,)}[stage]
        ]
        expected = sum(int(each["expected"]) for each in tables)
        if expected:
            assert (sum(int(each["on_time"] + each["late"]) for each in tables), expected) in tiles[
                "submission"
            ].values()
    receipts = asked(place, "receipts", "school", year, day, stage="confirm").iloc[0]
    if receipts["in_round"]:
        confirmed = (int(receipts["confirmed"]), int(receipts["in_round"]))
        assert confirmed in tiles["receipts"].values()
        assert tiles["overview"]["收訖已確認"] == confirmed


def table_in(client, address):
    """Return a downloaded table as rows of text by heading, whatever the format."""
    answer = client.get(address)
    assert answer.status_code == 200
    if ".csv" in address:
        rows = list(csv.reader(io.StringIO(answer.data.decode("utf-8-sig"))))
        rows = rows[: rows.index([])]
    else:
        sheet = fastexcel.read_excel(answer.data).load_sheet(0, header_row=None, dtypes="string").to_pandas()
        rows = sheet.fillna("").to_numpy().tolist()
    return [dict(zip(rows[0], row, strict=True)) for row in rows[1:]]


def total(rows, heading):
    return sum(int(float(row[heading])) for row in rows if row[heading] not in ("", None))


def test_the_files_in_every_format_sum_to_the_reports(client_for, place, moment):
    term, day = moment
    client = client_for("secretary")
    query = f"?term={term}&asof={day}"
    certify = asked(place, "completion", "school", term, day, stage="certify").iloc[0]
    for kind in ("csv", "xlsx", "ods"):
        classes = table_in(client, f"/exports/classes.{kind}{query}")
        for heading, name in CLASSES.items():
            if name in certify:
                assert total(classes, heading) == certify[name], (kind, heading)
        teachers = table_in(client, f"/exports/teachers.{kind}{query}")
        for heading in ("應認證", "準時", "逾時完成", "待認證", "逾期", "免認證"):
            assert total(teachers, heading) == certify[CLASSES[heading]], (kind, heading)
        upload = asked(place, "participation", "school", term, day, stage="upload").iloc[0]
        uploads = table_in(client, f"/exports/uploads.{kind}{query}")
        assert total(uploads, "課程學習成果參與人數") == upload["participants"]
        assert total(uploads, "課程學習成果件數") == upload["items"]
        assert total(uploads, "在學人數") == upload["enrolled"]
        receipts = asked(place, "receipts", "school", f"{term[:3]}0", day, stage="confirm").iloc[0]
        desk = table_in(client, f"/exports/receipts.{kind}{query}")
        for heading, name in (
            ("收訖人次", "in_round"),
            ("已確認", "confirmed"),
            ("視同確認", "deemed"),
            ("回報問題", "disputed"),
        ):
            assert total(desk, heading) == receipts[name], (kind, heading)


def test_the_rows_of_the_tables_on_the_page_sum_to_the_reports(client_for, app, place, moment):
    term, day = moment
    certify = asked(place, "completion", "school", term, day, stage="certify").iloc[0]
    grids = {
        match[1]: match[0] for _page, body in bodies(client_for("secretary"), app, term, day) for match in _grids(body)
    }
    for grid in ("overview-classes", "certification-teachers"):
        rows = grids[grid]
        assert sum(row["expected"] for row in rows) == certify["expected"], grid
        assert sum(row["done"] for row in rows) == certify["on_time"] + certify["late"], grid
        assert sum(row["overdue"] for row in rows) == certify["overdue"], grid


def _grids(tree):
    if isinstance(tree, list):
        for each in tree:
            yield from _grids(each)
    elif isinstance(tree, dict):
        props = tree.get("props", {})
        if "rowData" in props:
            yield props["rowData"], props["id"]
        yield from _grids(props.get("children"))


def test_the_overview_says_what_is_left_overdue_of_the_newest_earlier_term(client_for, place):
    _, ledger = place.store.ledger()
    current = int(place.school.current_term)
    rows = {term: asked(place, "completion", "school", str(term), "", stage="certify").iloc[0] for term in ledger.terms() if term < current}  # fmt: skip
    newest = next(term for term, row in rows.items() if row["overdue"])
    said = f"{newest // 10} 學年度第 {newest % 10} 學期還有 {rows[newest]['overdue']:,} 件認證逾期（應認證 {rows[newest]['expected']:,} 件）"
    assert said in json.dumps(ask(client_for("secretary"), OVERVIEW).json, ensure_ascii=False)
