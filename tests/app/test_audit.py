"""The audit log from the outside: what leaves a line, that no line names anybody, and who may read it."""

from __future__ import annotations

import ast
import csv
import io
import itertools
import json
import re
from contextlib import contextmanager
from pathlib import Path

import pytest
from sqlalchemy import delete, select, text

from dashboard.access.roles import Permission
from dashboard.components.events import (
    ACTIONS,
    DETAILS,
    ENDPOINTS,
    PERMISSIONS,
    REFUSALS,
    TABLES,
    about_words,
    detail_words,
)
from dashboard.exports.tables import all_tables
from dashboard.frame import role_words
from dashboard.services import accounts, imports
from dashboard.services.audit import PAGE_ROWS, about_student, record
from data import models
from data.db import reading, writing
from data.models import AuditEvent, Enrolment, Staff, Student, User
from tests.app.conftest import fire
from tests.school import PASSWORD, ROLES

ROOT = Path(__file__).resolve().parents[2]
SHOW = "..audit-head.children...audit-body.children.."
FIELDS = ("from", "to", "action", "actor", "about", "page")
ALLOWED = {"admin", "auditor"}  # typed here on purpose, never read from the code under test
HOSTILE = [
    "",
    "' OR 1=1 --",
    "\x00",
    "%",
    "_",
    "=cmd()",
    "１２",
    "9" * 5000,
    "2025-13-40",
    "-1",
    "\ud800",
    "a\nb",
    ":",
    "student:",
]


def ask(client, **query):
    inputs = {f"audit-{name}.value": query.get(name, "") for name in FIELDS} | {"theme.data": "light"}
    return fire(client, SHOW, inputs=inputs)


def said(client, **query):
    answer = ask(client, **query)
    assert answer.status_code == 200
    return json.dumps(answer.json, ensure_ascii=False)


def lines(place, after=0):
    with reading(place.store.engine) as connection:
        wanted = select(AuditEvent).where(AuditEvent.sequence > after).order_by(AuditEvent.sequence)
        return connection.execute(wanted).all()


def last(place):
    return lines(place)[-1].sequence


def new_lines(place, after):
    return [(line.actor, line.action, line.about) for line in lines(place, after)]


def open_page(client, where, code):
    name = where.removesuffix("s")
    controls = {f"{where}-{each}.value": "all" for each in ("term", "asof", "division")}
    inputs = controls | {f"{where}-{name}.value": code, "theme.data": "light"}
    return fire(client, f"..{where}-head.children...{where}-body.children..", inputs=inputs)


@pytest.fixture
def student(place):
    """A student of the homeroom teacher's class."""
    with reading(place.store.engine) as connection:
        return connection.execute(
            select(Student.student_number, Student.name)
            .join(Enrolment, Enrolment.student_id == Student.id)
            .where(Enrolment.class_name == place.school.homeroom_class, Enrolment.status == "在學")
            .order_by(Enrolment.school_year.desc(), Student.student_number)
            .limit(1)
        ).one()


# --- who may read it --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("username", ROLES)
def test_the_log_is_shown_to_the_administrator_and_the_auditor_only(client_for, username):
    answer = ask(client_for(username))
    assert answer.status_code == (200 if username in ALLOWED else 403)
    assert (b"children" in answer.data) == (username in ALLOWED)


@pytest.mark.parametrize(("username", "suffix"), itertools.product(ROLES, ("csv", "xlsx", "ods")))
def test_the_file_is_given_to_the_administrator_and_the_auditor_only(client_for, place, username, suffix):
    client, before = client_for(username), last(place)
    answer = client.get(f"/exports/audit.{suffix}")
    assert answer.status_code == (200 if username in ALLOWED else 403)
    assert ("Content-Disposition" in answer.headers) == (username in ALLOWED)
    assert new_lines(place, before)[-1:] == [(username, "export" if username in ALLOWED else "refused", "")]


def test_nobody_reads_it_without_a_login(client_for):
    assert ask(client_for()).status_code == 401
    assert client_for().get("/exports/audit.csv").status_code in (302, 401)


@pytest.mark.parametrize("username", ROLES)
def test_the_menu_names_it_to_who_may(client_for, username):
    body = {
        "output": ".._pages_content.children..._pages_store.data..",
        "outputs": [{"id": "_pages_content", "property": "children"}, {"id": "_pages_store", "property": "data"}],
        "inputs": [
            {"id": "_pages_location", "property": "pathname", "value": "/"},
            {"id": "_pages_location", "property": "search", "value": ""},
        ],
        "changedPropIds": ["_pages_location.pathname"],
    }
    answer = client_for(username).post("/_dash-update-component", json=body)
    assert answer.status_code == 200
    assert ("/admin/audit" in json.dumps(answer.json)) == (username in ALLOWED)


# --- what leaves a line -----------------------------------------------------------------------------------------------


def test_a_login_and_a_wrong_password_leave_a_line_each(client_for, place):
    before = last(place)
    tried = (("principal", PASSWORD), ("member", "wrong"), ("王小明的密碼 1234", "wrong"), ("member", PASSWORD))
    for name, password in tried:  # the last login resets the count of failures
        opened = client_for()
        form = opened.get("/login").get_data(as_text=True)
        token = re.search(r'name="csrf_token" value="([^"]+)"', form).group(1)
        opened.post("/login", data={"username": name, "password": password, "csrf_token": token})
    (first, second, third, _) = lines(place, before)
    assert (first.actor, first.action) == ("principal", "login")
    assert (second.actor, second.action) == ("member", "login_failed")
    assert (third.actor, third.action, third.about.partition(":")[0]) == ("", "login_failed", "unknown")
    assert "王小明" not in str(third)


def test_looking_at_a_teacher_leaves_a_line_with_the_code(client_for, place):
    client, before = client_for("principal"), last(place)
    assert open_page(client, "teachers", place.school.teacher_code).status_code == 200
    assert new_lines(place, before) == [("principal", "view_teacher", f"teacher:{place.school.teacher_code}")]


def test_looking_at_a_student_leaves_a_line_without_the_number(client_for, place, student):
    client, before = client_for("homeroom"), last(place)
    assert student.name in json.dumps(open_page(client, "students", student.student_number).json, ensure_ascii=False)
    (line,) = lines(place, before)
    assert (line.actor, line.action, line.about) == ("homeroom", "view_student", about_student(place.store, student.student_number))  # fmt: skip
    assert student.student_number not in str(line)


def test_the_students_of_a_class_by_name_leave_a_line_and_its_figures_leave_none(client_for, place):
    name = place.school.homeroom_class
    controls = {f"classes-{each}.value": "all" for each in ("term", "asof", "division")}
    for username, expected in (("homeroom", ["view_class"]), ("principal", [])):
        client, before = client_for(username), last(place)
        inputs = controls | {"classes-class.value": name, "theme.data": "light"}
        assert fire(client, "..classes-head.children...classes-body.children..", inputs=inputs).status_code == 200
        assert [line.action for line in lines(place, before)] == expected


def test_who_looked_at_a_student_is_found_by_the_number(client_for, place, student):
    open_page(client_for("homeroom"), "students", student.student_number)
    shown = said(client_for("auditor"), about=student.student_number)
    assert "homeroom" in shown
    assert "檢視學生頁" in shown
    assert student.name not in shown


def test_a_page_that_shows_nobody_leaves_no_view(client_for, place, student):
    client, before = client_for("secretary"), last(place)
    open_page(client, "students", "no such number")
    open_page(client, "teachers", "no such code")
    assert new_lines(place, before) == []


def test_what_cannot_be_recorded_is_not_shown(client_for, student, monkeypatch):
    def fail(*_args, **_values):
        raise OSError

    client = client_for("homeroom")
    monkeypatch.setattr("dashboard.services.audit.append", fail)
    answer = open_page(client, "students", student.student_number)
    assert answer.status_code == 500
    assert student.name not in answer.get_data(as_text=True)
    refused = ask(client)  # a refusal needs no line to stand
    assert refused.status_code == 403


@pytest.mark.parametrize("suffix", ["csv", "xlsx", "ods"])
def test_no_audit_line_no_file_of_the_log(client_for, monkeypatch, suffix):
    def fail(*_args, **_values):
        raise OSError

    client = client_for("auditor")
    monkeypatch.setattr("dashboard.services.audit.append", fail)
    answer = client.get(f"/exports/audit.{suffix}")
    assert answer.status_code == 500
    assert "Content-Disposition" not in answer.headers


def test_a_refusal_leaves_a_line_and_no_address(client_for, place, student):
    client, before = client_for("teacher"), last(place)
    assert open_page(client, "students", student.student_number).status_code == 403
    assert client.get(f"/slips/{place.school.homeroom_class}").status_code == 403
    refused = lines(place, before)
    assert [(line.actor, line.action) for line in refused] == [("teacher", "refused")] * 2
    assert student.student_number not in str(refused)


def test_a_change_of_an_account_says_who_did_it_and_to_whose(place):
    before = last(place)
    accounts.add_user(place.store, "temporary", PASSWORD, role="member", classes=[], by="root")
    accounts.change_password(place.store, "temporary", PASSWORD + "!", by="root")
    accounts.disable_user(place.store, "temporary", by="root")
    done = [(action, about) for actor, action, about in new_lines(place, before) if actor == "root"]
    assert done == [(action, "account:temporary") for action in ("user_added", "password_changed", "user_disabled")]
    with writing(place.store.engine) as connection:
        connection.execute(delete(User).where(User.username == "temporary"))


def test_a_changed_setting_leaves_a_line_with_before_and_after(place):
    before = last(place)
    imports.change_setting(place.store, "minimum_response_days", "5", by="root")
    imports.change_setting(place.store, "minimum_response_days", "3", by="root")
    (_, line) = lines(place, before)
    assert (line.actor, line.action, line.about) == ("root", "setting", "setting:minimum_response_days")
    assert json.loads(line.detail) == {"before": "5", "after": "3"}


def test_a_file_about_a_teacher_or_a_class_says_so(client_for, place):
    client, before = client_for("principal"), last(place)
    client.get(f"/exports/teachers.csv?teacher={place.school.teacher_code}")
    client.get(f"/exports/classes.csv?class={place.school.homeroom_class}")
    abouts = [line.about for line in lines(place, before)]
    assert abouts[0] == f"teacher:{place.school.teacher_code}"
    assert re.fullmatch(rf"class:\d+:{place.school.homeroom_class}", abouts[1])


def test_the_log_names_nobody_after_a_tour_of_every_role(client_for, place, student):
    for username in ROLES:
        client = client_for(username)
        open_page(client, "students", student.student_number)
        open_page(client, "teachers", place.school.teacher_code)
        client.get(f"/slips/{place.school.homeroom_class}")
        for key in ("teachers", "classes", "reminders", "class_students", "audit"):
            client.get(f"/exports/{key}.csv?class={place.school.homeroom_class}")
    whole = "\n".join(map(str, lines(place)))
    with reading(place.store.engine) as connection:
        names = set(connection.execute(select(Student.name).union(select(Staff.name))).scalars())
        numbers = set(connection.execute(select(Student.student_number)).scalars())
    assert len(names) > 50
    assert [name for name in names if name and name in whole] == []
    assert [number for number in numbers if re.search(rf"\b{number}\b", whole)] == []


# --- what is asked of it ----------------------------------------------------------------------------------------------


def test_the_filters_choose_and_the_newest_comes_first(client_for, place):
    for number in range(PAGE_ROWS + 3):
        record(place.store, actor="counter", action="undo", about=f"import:{number:032d}", detail={"rows": number})
    client = client_for("auditor")
    first = said(client, actor="counter")
    assert f"{PAGE_ROWS + 3} 筆符合" in first
    assert first.index(f"列數 {PAGE_ROWS + 2}") < first.index(f"列數 {PAGE_ROWS + 1}")
    assert '列數 1"' not in first
    assert '列數 1"' in said(client, actor="counter", page="2")
    assert "沒有符合的紀錄" in said(client, actor="counter", action="login")
    assert "沒有符合的紀錄" in said(client, actor="counter", to="2020-01-01")
    assert "沒有符合的紀錄" in said(client, **{"from": "2150-01-01"})
    assert "1 筆符合" in said(client, about=f"{7:032d}")


@pytest.mark.parametrize(("name", "value"), itertools.product(FIELDS, HOSTILE))
def test_no_filter_value_breaks_it(client_for, name, value):
    no_text = value in ("\x00", "\ud800")  # refused at the door, as in every callback
    assert ask(client_for("auditor"), **{name: value}).status_code == (400 if no_text else 200)


@pytest.mark.parametrize("value", [None, [], {}, 7, True, ["login"]])
def test_a_filter_of_another_type_asks_for_nothing(client_for, value):
    assert ask(client_for("auditor"), action=value, page=value).status_code == 200


def test_the_file_holds_what_the_page_asks_for_and_no_live_formula(client_for, place):
    record(place.store, actor="=cmd()", action="undo", about="import:abc", detail={"rows": 1})
    answer = client_for("auditor").get("/exports/audit.csv?actor=%3Dcmd()")
    rows = list(csv.reader(io.StringIO(answer.data.decode("utf-8-sig"))))
    assert rows[0] == ["編號", "時間", "帳號", "動作", "動作代碼", "關於", "關於代碼", "內容", "封印"]
    assert [row[2:8] for row in rows[1 : rows.index([])]] == [["'=cmd()", "復原", "undo", "匯入 abc", "import:abc", "列數 1"]]  # fmt: skip


@contextmanager
def tampered(place):
    """Change a row past the triggers, and put it and them back."""
    with writing(place.store.engine) as connection:
        triggers = connection.execute(text("SELECT name, sql FROM sqlite_master WHERE type = 'trigger'")).all()
        for trigger in triggers:
            connection.execute(text(f"DROP TRIGGER {trigger.name}"))
        connection.execute(text("UPDATE audit_events SET action = 'login_' WHERE sequence = 2"))
        kept = lines(place)[1].action
    yield
    with writing(place.store.engine) as connection:
        connection.execute(text("UPDATE audit_events SET action = :kept WHERE sequence = 2"), {"kept": kept})
        for trigger in triggers:
            connection.execute(text(trigger.sql))


def test_the_page_says_that_the_chain_is_whole_and_where_it_is_not(client_for, place):
    client = client_for("admin")
    assert "鏈完整" in said(client)
    with tampered(place):
        broken = said(client)
    assert "鏈完整" not in broken
    assert "有 1 處接不起來" in broken
    assert "編號 2 的內容、順序或封印不符" in broken
    assert "鏈完整" in said(client)


def test_every_action_that_the_code_writes_has_words():
    written = set()
    for path in [*(ROOT / "dashboard").rglob("*.py"), *(ROOT / "data").rglob("*.py")]:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call):
                name = getattr(node.func, "attr", getattr(node.func, "id", ""))
                keyword = [each.value for each in node.keywords if each.arg == "action"]
                place = {"record": 0, "_audit": 2}.get(name)
                placed = [arg for arg in node.args if isinstance(arg, ast.Constant) and isinstance(arg.value, str)]
                candidates = keyword or (placed[:1] if place is not None else [])
                written |= {each.value for each in candidates if isinstance(each, ast.Constant)}
    written = {each for each in written if isinstance(each, str) and re.fullmatch(r"[a-z_]+", each)}
    assert {"login", "export", "import", "undo", "setting", "view_student", "import_expired"} <= written
    assert written <= set(ACTIONS)


# One line of each kind that the code writes: what goes into the log, and how it is said.
SAID = {
    "login": ({"role": "homeroom"}, "角色 導師"),
    "login_failed": ({}, "—"),
    "address_throttled": ({}, "—"),
    "refused": (
        {"role": "section_chief", "on_behalf_of": "chief", "permission": "view_student", "endpoint": "slips"},
        "角色 組長、代理 chief、權限 檢視學生、位置 班級通知單",
    ),
    "view_teacher": ({"role": "convener"}, "角色 召集人"),
    "view_class": ({"role": "homeroom"}, "角色 導師"),
    "view_student": ({"role": "homeroom"}, "角色 導師"),
    "export": (
        {"table": "submission", "format": "csv", "rows": 4, "as_of": "2025-02-04T00:00:00+08:00", "term": 1131, "grade": 1},
        "表格 提交：名冊、格式 CSV、列數 4、資料截至 114/2/3（一）、學期 113 學年度第 1 學期、年級 1",
    ),
    "import_handed_in": ({"job": "0a1b2c3d", "files": 3}, "交件 0a1b2c3d、檔案數 3"),
    "import": ({"batch_id": "0a1b2c3d", "files": 3, "rows": 90}, "檔案數 3、列數 90"),
    "import_refused": ({"batch_id": "0a1b2c3d", "refusals": 2}, "退回數 2"),
    "import_replanned": ({"job": "0a1b2c3d"}, "交件 0a1b2c3d"),
    "import_confirmed": ({"job": "0a1b2c3d"}, "交件 0a1b2c3d"),
    "import_cancelled": ({"job": "0a1b2c3d"}, "交件 0a1b2c3d"),
    "import_expired": ({"job": "0a1b2c3d"}, "交件 0a1b2c3d"),
    "enter_by_hand": ({"table": "submissions", "rows": 1}, "表格 提交紀錄、列數 1"),
    "undo": ({"rows": 7}, "列數 7"),
    "setting": ({"before": "off", "after": "required"}, "原為 不提供、改為 要求系統管理者與執行秘書"),
    "audit_pruned": ({"through": 12, "hash": "0a1b"}, "刪到編號 12、封印 0a1b"),
    "pack_frozen": (
        {"term": 1130, "as_of": "2025-02-03T10:30:00+08:00", "edition": "members", "sha256": "0123456789abcdef0"},
        "學期 113 學年度、資料截至 114/2/3（一）10:30、版本 成員版、SHA-256 0123456789abcdef",
    ),
    "meeting_planned": ({"term": 1132, "members": 20}, "學期 113 學年度第 2 學期、成員人數 20"),
    "meeting_attendance": ({"present": 12, "members": 20}, "出席人數 12、成員人數 20"),
    "meeting_held": ({"present": 12, "members": 20}, "出席人數 12、成員人數 20"),
    "meeting_cancelled": ({}, "—"),
    "agenda_added": ({"matter": 5}, "工作事項 第 5 項"),
    "agenda_removed": ({}, "—"),
    "resolution_added": ({"meeting": 4}, "會議 4"),
    "resolution_moved": ({"before": "open", "after": "dropped"}, "原為 辦理中、改為 停止辦理"),
    "notice_handed": ({}, "—"),
    "award_criterion_added": ({"conditions": 2}, "條件數 2"),
    "award_examples_loaded": ({}, "—"),
    "award_adopted": ({"resolution": 3}, "決議 3"),
    "award_ended": ({"resolution": 3}, "決議 3"),
    "award_drafted": ({"term": 1131}, "學期 113 學年度第 1 學期"),
    "award_proposed": ({"step": "proposed", "role": "executive_secretary"}, "步驟 提案，凍結依據、角色 執行秘書"),
    "award_said": ({"step": "objected", "role": "teacher"}, "步驟 當事人異議、角色 任課教師"),
    "award_assessed": ({"step": "assessed", "role": "executive_secretary"}, "步驟 工作小組評核、角色 執行秘書"),
    "award_decided": ({"step": "declined", "role": "convener"}, "步驟 召集人不同意、角色 召集人"),
    "award_withdrawn": ({"step": "withdrawn", "role": "convener"}, "步驟 撤回、角色 召集人"),
    "view_awards": ({"role": "convener"}, "角色 召集人"),
    "backup_made": (
        {"file": "licheng-1.sqlite", "rows": 9, "sha256": "0123456789abcdef0", "keys": True},
        "檔案 licheng-1.sqlite、列數 9、SHA-256 0123456789abcdef、含金鑰 是",
    ),
    "backup_restored": (
        {"file": "a.backup", "made_at": "2025-02-03T10:30:00+08:00", "rows": 9, "kept": "", "old_log_number": 5, "old_log_head": "0a1b"},
        "檔案 a.backup、備份時間 114/2/3（一）10:30、列數 9、原資料庫留存 無、原紀錄的最後編號 5、原紀錄的最後封印 0a1b",
    ),
    "user_added": ({"role": "member"}, "角色 工作小組成員"),
    "password_changed": ({}, "—"),
    "logged_out_everywhere": ({"sessions": 2}, "登入數 2"),
    "user_enabled": ({}, "—"),
    "user_invited": ({}, "—"),
    "user_reset": ({}, "—"),
    "user_disabled": ({}, "—"),
    "staff_code_set": ({"before": "", "after": "T001"}, "原為 無、改為 T001"),
    "role_granted": (
        {"role": "homeroom", "grant": 9, "classes": ["112:102", "113:101"], "from": "2025-02-03", "to": ""},
        "角色 導師、職務編號 9、班級 102（112 學年度）、101（113 學年度）、起日 114/2/3、迄日 無",
    ),
    "role_delegated": (
        {"role": "section_chief", "grant": 9, "unit": "教務處註冊組", "from": "2025-02-03", "to": "2025-02-05", "for": "chief", "from_grant": 3, "reason": "email"},
        "角色 組長、職務編號 9、處室組別 教務處註冊組、起日 114/2/3、迄日 114/2/5、代理 chief、代理的職務編號 3、原因 email",
    ),
    "role_revoked": (
        {"role": "section_chief", "grant": 3, "unit": "教務處註冊組", "from": "2025-02-03", "to": "", "deputies": 1},
        "角色 組長、職務編號 3、處室組別 教務處註冊組、起日 114/2/3、迄日 無、一併結束的代理數 1",
    ),
    "role_taken": ({"role": "teacher", "grant": 9}, "角色 任課教師、職務編號 9"),
    "second_factor_set_up": ({}, "—"),
    "second_factor_off": ({}, "—"),
    "second_factor_reset": ({}, "—"),
    "recovery_codes_made": ({}, "—"),
    "recovery_code_used": ({}, "—"),
    "identity_linked": ({}, "—"),
    "identity_unlinked": ({}, "—"),
    "sign_on_refused": ({"reason": "email"}, "原因 電子郵件未經確認"),
}  # fmt: skip


@pytest.mark.parametrize("action", ACTIONS)
def test_what_stands_beside_an_event_is_said_in_words(action):
    detail, words = SAID[action]
    assert detail_words(action, detail, role_words) == words


def test_every_code_that_may_stand_beside_an_event_has_words(app):
    assert set(PERMISSIONS) == set(Permission)
    assert {key: table.title for key, table in all_tables().items()}.items() <= TABLES.items()
    routes = {rule.endpoint for rule in app.server.url_map.iter_rules()}
    assert {name for name in routes if not name.startswith(("_", "/_"))} <= set(ENDPOINTS)
    source = (ROOT / "dashboard/services/single_sign_on.py").read_text(encoding="utf-8")
    # Stray answers leave no line any more, but logs that are there already have them.
    assert set(re.findall(r'(?:SignOn|StrayAnswer)Error\("(\w+)"\)', source)) == set(REFUSALS)
    entered = set(
        re.findall(r"_enter\(\s*connection,\s*(\w+)", (ROOT / "data/corrections.py").read_text(encoding="utf-8"))
    )
    assert len(entered) == 6
    assert {getattr(models, name).__tablename__ for name in entered} <= set(TABLES)
    assert about_words("setting", "second_factor") == "設定 第二因素（驗證碼）"


LOGS = ("append", "record", "record_refusal", "_audit", "_note")


def test_every_figure_that_the_code_writes_beside_an_event_has_a_name():
    written = set()
    for path in [*(ROOT / "dashboard").rglob("*.py"), *(ROOT / "data").rglob("*.py")]:
        for function in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(function, ast.FunctionDef):
                written |= keys_logged_in(function)
    assert {"role", "grant", "deputies", "old_log_head", "pack", "sessions", "table", "rows"} <= written
    assert written - {"batch_id"} <= set(DETAILS)


def keys_logged_in(function):
    """Return the keys of what a function hands to the log: of the dictionaries in the call, and of what is bound to detail."""
    nodes = list(ast.walk(function))
    called = [(each, getattr(each.func, "id", ""), getattr(each.func, "attr", "")) for each in nodes if isinstance(each, ast.Call)]  # fmt: skip
    calls = [each for each, name, method in called if name in LOGS or method == "record"]  # a list's append is none
    bound = [
        each.value
        for each in nodes
        for name in getattr(each, "targets", [getattr(each, "target", None)])
        if getattr(name, "id", "") == "detail" and each.value is not None
    ]
    parts = [function] if function.name in ("_asked", "_head_of") else []  # the whole of it is such a dictionary
    dictionaries = [each for part in [*calls, *bound, *parts] for each in ast.walk(part) if isinstance(each, ast.Dict)]
    return {key.value for each in dictionaries for key in each.keys if isinstance(key, ast.Constant)}
