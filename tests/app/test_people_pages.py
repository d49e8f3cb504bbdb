"""/departments/<name> and /teachers/<code>: the figures of the report, for those whose scope names the department or teacher."""

from __future__ import annotations

import csv
import io
import itertools
import json
import re
from dataclasses import replace
from datetime import timedelta

import numpy as np
import pandas as pd
import pytest

from dashboard.access.roles import Role
from dashboard.access.scope import Scope
from dashboard.components.words import voluntary_rule
from dashboard.services.filters import _teachers, open_view
from dashboard.services.reports import report
from dashboard.services.teachers import FEWEST_PEERS, peers_of, teacher_of
from data.instants import NEVER, from_us
from data.ledger import assigned_then, holders, narrow
from data.metrics import Question
from tests.app.conftest import fire
from tests.app.test_participation_pages import numbers, parts, past_term, texts

CONTROLS = {
    "departments": ("term", "asof", "division", "grade", "dept"),
    "teachers": ("term", "asof", "division", "teacher"),
}
ALLOWED = {"departments": {"principal", "secretary", "chief"}, "teachers": {"principal", "secretary", "chief", "teacher"}}  # fmt: skip
EVERYBODY = ("principal", "secretary", "chief", "homeroom", "teacher", "admin")


def ask(client, where, **query):
    inputs = {f"{where}-{name}.value": query.get(name, "all") for name in CONTROLS[where]} | {"theme.data": "light"}
    return fire(client, f"..{where}-head.children...{where}-body.children..", inputs=inputs)


def body_of(client, where, **query):
    answer = ask(client, where, **query)
    assert answer.status_code == 200
    return answer.json["response"][f"{where}-body"]["children"]


def whole_of(client, where, **query):
    return json.dumps(ask(client, where, **query).json, ensure_ascii=False)


def tiles_of(body):
    words = [" ".join(texts(each)) for each in parts(body, "Div") if "lc-tile " in f"{each.get('className')} "]
    return [numbers(each) for each in words]


def teachers_in(place, term):
    """Everybody with an item in a term, as the report counts: code to row."""
    rows = report(place.store, "completion", term=term, stage="certify", by="teacher")
    return {row["key"]: row for row in rows.to_dict("records") if row["key"] and row["expected"]}


def people(place):
    """The code, name and unit of every teacher."""
    _, ledger = place.store.ledger()
    units = np.append(ledger.labels["unit"], "")[ledger.teachers["unit"].to_numpy()]
    return list(zip(ledger.teachers["code"], ledger.teachers["name"], units, strict=True))


def departments(place):
    _, ledger = place.store.ledger()
    of_year = ledger.classes[ledger.classes["school_year"] == int(past_term(place)) // 10]
    return sorted({str(ledger.labels["department"][code]) for code in of_year["department"]})


def test_the_figures_of_each_teacher_are_the_row_of_the_report_in_every_term(client_for, place):
    client, (_, ledger) = client_for("secretary"), place.store.ledger()
    for term in map(str, ledger.terms()):
        for code, row in teachers_in(place, term).items():
            tiles = tiles_of(body_of(client, "teachers", term=term, teacher=code))
            done, decided = row["on_time"] + row["late"], row["on_time"] + row["late"] + row["overdue"]
            assert tiles[:4] == [
                (done, row["expected"]), (row["on_time"], decided), (row["overdue"], row["expected"]), (done, row["expected"])
            ]  # fmt: skip


def test_a_deputy_has_his_own_page_with_what_he_holds(place):
    """Nothing is assigned to him or certified by him yet."""
    _, ledger = place.store.ledger()
    term = int(place.school.current_term)
    view = open_view_of(place, term)
    as_of_us = now_us(view.filters.as_of)
    duties = ledger.of_term(term)
    waiting = duties[(duties["opened_at"] <= as_of_us) & (duties["done_at"] > as_of_us)]
    principal = int(waiting["assigned"].iloc[0])
    deputy = next(code for code in range(len(ledger.teachers)) if code not in set(duties["assigned"]) | set(duties["certifier"]))  # fmt: skip
    span = {"principal": principal, "deputy": deputy, "deputy_order": 1, "from_at": 0, "until_at": as_of_us + 1}
    covered = replace(ledger, delegations=pd.DataFrame([span]))
    scope = Scope(Role.EXECUTIVE_SECRETARY, None, "all")
    code = str(ledger.teachers["code"].iloc[deputy])
    assert code not in dict(_teachers(ledger, term, scope, view.filters.as_of))
    assert code in dict(_teachers(covered, term, scope, view.filters.as_of))


@pytest.mark.parametrize(("after_us", "moves"), [(-1, True), (0, True), (1, False)])
def test_a_change_of_staff_after_the_work_was_done_rewrites_nothing(place, after_us, moves):
    _, ledger = place.store.ledger()
    duties = ledger.of_term(int(past_term(place)))
    done = duties[duties["done_at"] < now_us(open_view_of(place, past_term(place)).filters.as_of)].tail(20)
    other = int(done["assigned"].max()) + 1
    moved = pd.DataFrame({"outcome_id": done["item"], "teacher": other, "from_at": done["done_at"] + after_us})
    found = assigned_then(replace(ledger, reassignments=moved.drop_duplicates("outcome_id", keep="last")), done, NEVER)
    last = ~done["item"].duplicated(keep="last").to_numpy()
    expected = np.full(len(done), other) if moves else assigned_then(replace(ledger, reassignments=moved.iloc[:0]), done, NEVER)  # fmt: skip
    assert found[last].tolist() == expected[last].tolist()


def test_the_share_of_the_last_two_days_is_that_of_the_report(client_for, place):
    client, term = client_for("secretary"), past_term(place)
    rows = report(place.store, "arrivals", term=term, stage="certify", by="teacher").set_index("key")
    for code in list(teachers_in(place, term))[:8]:
        shown = tiles_of(body_of(client, "teachers", term=term, teacher=code))[4]
        assert shown == (rows.loc[code, "last_48h"], rows.loc[code, "sent"] - rows.loc[code, "no_window"])


@pytest.mark.parametrize("term_of", [past_term, lambda place: place.school.current_term])
def test_a_teacher_gets_the_same_figures_of_himself_as_the_secretary(client_for, place, term_of):
    query = {"term": term_of(place), "teacher": place.school.teacher_code}
    assert tiles_of(body_of(client_for("teacher"), "teachers", **query)) == tiles_of(
        body_of(client_for("secretary"), "teachers", **query)
    )


def test_the_queue_is_all_that_waits_and_the_oldest_comes_first(client_for, place):
    term = place.school.current_term
    row = teachers_in(place, term)[place.school.teacher_code]
    (table,) = parts(body_of(client_for("teacher"), "teachers", term=term, teacher=place.school.teacher_code), "AgGrid")
    waited = [line["waited"] for line in table["rowData"]]
    assert len(waited) == row["open"] + row["overdue"] > 0
    assert waited == sorted(waited, reverse=True)


def test_only_who_has_to_act_gets_the_names_of_students(client_for, place):
    query = {"term": place.school.current_term, "teacher": place.school.teacher_code}
    (own,) = parts(body_of(client_for("teacher"), "teachers", **query), "AgGrid")
    assert all(re.fullmatch(r"\d+ \S+", line["student"]) for line in own["rowData"])
    (table,) = parts(body_of(client_for("secretary"), "teachers", **query), "AgGrid")
    assert all(re.fullmatch(r"\d+", line["student"]) for line in table["rowData"])
    (table,) = parts(body_of(client_for("principal"), "teachers", **query), "AgGrid")
    assert len(table["rowData"]) == len(own["rowData"])
    assert {line["student"] for line in table["rowData"]} == {""}


def test_a_teacher_gets_nobody_but_himself_and_cannot_tell_who_exists(client_for, place):
    client, term = client_for("teacher"), past_term(place)
    nobody = body_of(client, "teachers", term=term, teacher="不存在")
    assert not tiles_of(nobody)
    for code in set(teachers_in(place, term)) - {place.school.teacher_code}:
        assert body_of(client, "teachers", term=term, teacher=code) == nobody


def test_a_section_chief_gets_the_teachers_of_the_own_unit_only(client_for, place):
    client, term = client_for("chief"), past_term(place)
    nobody = body_of(client, "teachers", term=term, teacher="不存在")
    unit_of = {code: unit for code, _name, unit in people(place)}
    seen = {code for code in teachers_in(place, term) if tiles_of(body_of(client, "teachers", term=term, teacher=code))}
    assert seen == {code for code in teachers_in(place, term) if unit_of[code] == place.school.chief_unit}
    foreign = next(code for code in teachers_in(place, term) if code not in seen)
    assert body_of(client, "teachers", term=term, teacher=foreign) == nobody


@pytest.mark.parametrize("username", ["principal", "secretary", "teacher"])
def test_no_other_teacher_is_in_the_bytes(client_for, place, username):
    own = place.school.teacher_code
    own_name = next(name for code, name, _unit in people(place) if code == own)
    for term in (past_term(place), place.school.current_term):
        text = whole_of(client_for(username), "teachers", term=term, teacher=own)
        assert [code for code, _name, _unit in people(place) if code != own and code in text] == []
        # The teacher's own answer holds names of students, which may contain one of a colleague.
        edges = ('[">：]', '["<]') if username == "teacher" else ("", "")
        assert [n for _code, n, _unit in people(place) if n != own_name and re.search(n.join(edges), text)] == []


def test_a_foreign_name_stands_in_no_answer_to_who_may_not_see_it(client_for, place):
    foreign = [(code, name) for code, name, unit in people(place) if unit != place.school.chief_unit]
    for code, name in foreign[:10]:
        for username in ("chief", "teacher"):
            text = whole_of(client_for(username), "teachers", term=past_term(place), teacher=code)
            assert code == place.school.teacher_code or name not in text


def test_the_peers_are_numbers_only_one_for_each_other_teacher_with_enough_items(place, client_for):
    term = past_term(place)
    rows = teachers_in(place, term)
    enough = {code for code, row in rows.items() if row["on_time"] + row["late"] + row["overdue"] >= 10}
    code = sorted(enough)[0]
    body = body_of(client_for("secretary"), "teachers", term=term, teacher=code)
    (graph,) = parts(body, "Graph")
    others = next(trace for trace in graph["figure"]["data"] if trace.get("hoverinfo") == "skip" and trace["mode"] == "markers")  # fmt: skip
    assert len(others["x"]) == len(enough) - 1
    assert list(zip(others["x"], others["y"], strict=True)) == sorted(zip(others["x"], others["y"], strict=True))
    assert all(isinstance(value, int) for value in others["y"])
    assert not {"text", "customdata", "hovertext"} & set(others)


@pytest.mark.parametrize("others", [FEWEST_PEERS - 1, FEWEST_PEERS])
def test_among_too_few_teachers_nobody_is_compared(place, others):
    _, ledger = place.store.ledger()
    term = int(past_term(place))
    as_of = open_view_of(place, term).filters.as_of
    rows = teachers_in(place, str(term))
    decided = {code: row["on_time"] + row["late"] + row["overdue"] for code, row in rows.items()}
    enough = sorted((code for code in rows if decided[code] >= 10), key=lambda code: rows[code]["timeliness"])
    kept = enough[: others + 1]
    codes = [int(np.flatnonzero(ledger.labels["teacher"] == code)[0]) for code in kept]
    small = narrow(ledger, duties=np.isin(holders(ledger, ledger.duties, now_us(as_of)), codes))
    found = peers_of(small, Question(term, as_of, by="teacher", stage="certify"), kept[0])
    assert (found is not None) == (others >= FEWEST_PEERS)


def now_us(moment):
    return pd.Timestamp(moment).value // 1000


def open_view_of(place, term, **query):
    scope = Scope(Role.EXECUTIVE_SECRETARY, None, "all")
    return open_view(place.store, scope, {"term": str(term)} | query)


def test_work_done_for_others_is_counted_once_on_each_side(place):
    _, ledger = place.store.ledger()
    found = 0
    for term in ledger.terms():
        duties = ledger.of_term(term)
        as_of_us = now_us(open_view_of(place, term).filters.as_of)
        moved = {}
        for item, teacher, from_at in ledger.reassignments.itertuples(index=False, name=None):
            moved.setdefault(item, []).append((from_at, teacher))
        gave, took = {}, {}
        for row in duties[duties["done_at"] <= as_of_us].itertuples():
            assigned = row.assigned
            for from_at, teacher in moved.get(row.item, []):
                assigned = teacher if from_at <= row.done_at else assigned
            if row.certifier not in (assigned, -1):
                gave[assigned] = gave.get(assigned, 0) + 1
                took[row.certifier] = took.get(row.certifier, 0) + 1
        for position in {*gave, *took} - {-1}:
            code = str(ledger.labels["teacher"][position])
            teacher = teacher_of(place.store, open_view_of(place, term, teacher=code))
            assert (teacher.for_others, teacher.by_others) == (took.get(position, 0), gave.get(position, 0))
            found += 1
    assert found


def test_the_tiles_of_each_department_are_the_rows_of_the_reports(client_for, place):
    client, term = client_for("secretary"), past_term(place)
    year = f"{term[:3]}0"
    asked = [
        (report(place.store, "completion", term=term, stage="certify", by="department"), None, "expected"),
        (report(place.store, "participation", term=term, stage="upload", by="department"), "participants", "enrolled"),
        (report(place.store, "participation", term=year, stage="select", by="department"), "participants", "enrolled"),
    ]
    for name in departments(place):
        tiles = tiles_of(body_of(client, "departments", term=term, dept=name))
        for shown, (frame, part, whole) in zip(tiles, asked, strict=False):
            row = frame.set_index("key").loc[name]
            done = row[part] if part else row["on_time"] + row["late"]
            assert shown == (done, row[whole])


def test_the_classes_of_the_departments_are_those_of_the_report_each_once(client_for, place):
    client, term = client_for("secretary"), past_term(place)
    by_class = report(place.store, "completion", term=term, stage="certify", by="class").set_index("key")
    rows = []
    for name in departments(place):
        grids = list(parts(body_of(client, "departments", term=term, dept=name), "AgGrid"))
        rows += grids[0]["rowData"]
    assert sorted(row["name"] for row in rows) == by_class.index.tolist()
    for row in rows:
        said = by_class.loc[row["name"]]
        assert (row["done"], row["expected"]) == (said["on_time"] + said["late"], said["expected"])
        assert (row["open"], row["overdue"]) == (said["open"], said["overdue"])
        assert re.fullmatch(rf"/classes/[^/?]+\?term={term}", row["href"])


def test_the_last_day_of_the_lines_is_the_report_at_that_day_and_the_year_before(client_for, place):
    # Of the four terms the second newest is over and has a year before it.
    _, ledger = place.store.ledger()
    term, name = str(ledger.terms()[1]), departments(place)[0]
    windows = ledger.windows[(ledger.windows["task"] == "certify") & (ledger.windows["school_year"] * 10 + ledger.windows["semester"] == int(term))]  # fmt: skip
    end = from_us(int(windows["ends_at"].max()))
    day = (end - timedelta(microseconds=1)).date().isoformat()
    body = body_of(client_for("secretary"), "departments", term=term, dept=name, asof=day)
    words = " ".join(texts(body))
    found = re.search(r"已認證 ([\d,]+)／([\d,]+) 件（\d+%）；去年同一上班日 ([\d,]+)／([\d,]+) 件", words)
    assert found is not None, words
    row = report(place.store, "completion", term=term, stage="certify", by="department", as_of=end.isoformat()).set_index("key").loc[name]  # fmt: skip
    before = report(place.store, "completion", term=str(int(term) - 10), stage="certify", by="department").set_index("key").loc[name]  # fmt: skip
    done, expected, done_before, expected_before = (int(each.replace(",", "")) for each in found.groups())
    assert (done, expected) == (row["on_time"] + row["late"], row["expected"])
    assert 0 < done_before <= expected_before <= before["expected"]


def test_the_file_holds_the_numbers_of_the_page(client_for, place):
    term, name = past_term(place), departments(place)[0]
    client = client_for("secretary")
    (table,) = parts(body_of(client, "departments", term=term, dept=name), "AgGrid")
    answer = client.get("/exports/department_classes.csv", query_string={"term": term, "dept": name})
    rows = list(csv.reader(io.StringIO(answer.data.decode("utf-8-sig"))))[1 : len(table["rowData"]) + 1]
    assert [[row[0], int(row[1]), int(row[4]), int(row[5])] for row in rows] == [
        [line["name"], line["expected"], line["open"], line["overdue"]] for line in table["rowData"]
    ]


def test_files_are_given_within_the_permission(client_for):
    for username in EVERYBODY:
        status = client_for(username).get("/exports/department_classes.csv").status_code
        assert status == (200 if username in ALLOWED["departments"] else 403)


def test_a_department_that_does_not_exist_says_so(client_for, place):
    for name in ("不存在", "", "all", "' or 1=1--"):
        body = body_of(client_for("principal"), "departments", term=past_term(place), dept=name)
        assert "沒有可以顯示的科別" in " ".join(texts(body))
        assert not tiles_of(body)


def test_voluntary_stages_of_a_department_are_judged_by_no_word_or_colour(client_for, place):
    for name, term in itertools.product(departments(place), (past_term(place), place.school.current_term)):
        body = body_of(client_for("secretary"), "departments", term=term, dept=name)
        for tile in parts(body, "Div"):
            words = " ".join(texts(tile))
            if "lc-tile " in f"{tile.get('className')} " and words.startswith(("上傳", "勾選")):
                assert tile["className"] in ("lc-tile", "lc-tile lc-neutral")
                assert not [word for word in ("逾期", "未上傳", "未勾選", "落後", "需注意") if word in words]
        assert voluntary_rule() in " ".join(texts(body))


@pytest.mark.parametrize("where", CONTROLS)
def test_the_body_weighs_at_most_120_kb_and_each_figure_12(client_for, place, where):
    for term in (past_term(place), place.school.current_term):
        query = {"term": term, "dept": departments(place)[0], "teacher": place.school.teacher_code}
        body = body_of(client_for("secretary"), where, **query)
        assert len(json.dumps(body, ensure_ascii=False).encode()) <= 120_000
        for graph in parts(body, "Graph"):
            assert len(json.dumps(graph["figure"], ensure_ascii=False).encode()) <= 12_000


@pytest.mark.parametrize("where", CONTROLS)
def test_every_percentage_in_words_stands_with_its_numbers(client_for, place, where):
    for term in (past_term(place), place.school.current_term):
        query = {"term": term, "dept": departments(place)[0], "teacher": place.school.teacher_code}
        body = body_of(client_for("secretary"), where, **query)
        named = [each for kind in ("Li", "H2") for each in parts(body, kind)]
        named += [each for each in parts(body, "Div") if "lc-tile " in f"{each.get('className')} "]
        for each in named:
            words = " ".join(texts(each))
            assert "%" not in words or re.search(r"\d[／/]\d", words)


@pytest.mark.parametrize(
    ("where", "value"), itertools.product(CONTROLS, (["1151"], {"a": 1}, None, 7, "x" * 5000, "１１５１"))
)
def test_forged_values_are_never_an_error(client_for, where, value):
    for username in ALLOWED[where]:
        query = dict.fromkeys(CONTROLS[where], value)
        assert ask(client_for(username), where, **query).status_code == 200


@pytest.mark.parametrize("asof", ["2020-01-01", "2200-01-01", "2026-09-01"])
def test_any_day_gets_an_answer(client_for, place, asof):
    for where in CONTROLS:
        query = {"asof": asof, "dept": departments(place)[0], "teacher": place.school.teacher_code}
        assert ask(client_for("secretary"), where, **query).status_code == 200


def certification_of(client, **query):
    names = ("term", "asof", "division", "grade", "dept", "subject", "class", "teacher")
    inputs = {f"certification-{name}.value": query.get(name, "all") for name in names} | {"theme.data": "light"}
    answer = fire(client, "..certification-head.children...certification-body.children..", inputs=inputs)
    return answer.json["response"]["certification-body"]["children"]


def test_the_waits_and_arrivals_of_each_subject_are_the_rows_of_the_reports(client_for, place):
    term = past_term(place)
    graphs = {each["id"]: each["figure"] for each in parts(certification_of(client_for("secretary"), term=term), "Graph")}  # fmt: skip
    waits = report(place.store, "waits", term=term, stage="certify", by="subject")
    waits = waits[waits["started"] > 0]
    all_keys = waits["key"]
    waits = waits.loc[waits["started"].nlargest(16).index.sort_values()]  # the table has them all
    drawn = graphs["certification-waits"]
    assert drawn["layout"]["yaxis"]["ticktext"] == waits["name"].tolist()
    assert drawn["data"][2]["customdata"] == [None if pd.isna(v) else round(v, 1) for v in waits["wait_median_days"]]
    arrivals = report(place.store, "arrivals", term=term, stage="certify", by="subject").set_index("key").loc[all_keys]  # fmt: skip
    arrivals = arrivals.reset_index().loc[lambda rows: rows["sent"].nlargest(16).index.sort_values()]
    ratios = [text.strip() for text in graphs["certification-arrivals"]["data"][2]["text"]]
    assert [numbers(ratio) for ratio in ratios] == list(
        zip(arrivals["last_48h"], arrivals["sent"] - arrivals["no_window"], strict=True)
    )


def test_each_teacher_of_the_certification_page_leads_to_the_own_page_which_answers(client_for, place):
    client, term = client_for("chief"), past_term(place)
    table = next(each for each in parts(certification_of(client, term=term), "AgGrid") if each["id"] == "certification-teachers")  # fmt: skip
    codes = [re.fullmatch(rf"/teachers/([^/?]+)\?term={term}", row["href"])[1] for row in table["rowData"]]
    assert codes
    assert all(tiles_of(body_of(client, "teachers", term=term, teacher=code)) for code in codes)


def test_a_teacher_is_led_to_the_own_page_and_a_homeroom_teacher_to_none(client_for, place):
    own = json.dumps(certification_of(client_for("teacher")), ensure_ascii=False)
    assert set(re.findall(r"/teachers/([^?\"]+)", own)) == {place.school.teacher_code}
    homeroom = json.dumps(certification_of(client_for("homeroom")), ensure_ascii=False)
    assert "/teachers/" not in homeroom
    assert "certification-waits" not in homeroom
