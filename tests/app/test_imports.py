"""匯入, asked as the wrong person: who may hand in, see, decide and download; and what a body may not do."""

from __future__ import annotations

import io
import json

import pytest
from sqlalchemy import select

from dashboard.access.roles import PERMISSIONS, Permission, Role
from dashboard.services import imports, jobs
from data.db import reading
from data.models import AuditEvent, Job
from tests.school import PASSWORD, ROLES
from tests.unit.builders import headings_of, write_xlsx

EVERYBODY = set(ROLES)
# Typed here on purpose, never read from the code under test.
MAY_IMPORT = {"secretary", "chief"}
MAY_VIEW_IMPORTS = MAY_IMPORT | {"principal", "auditor", "admin"}
GOOD, BAD = ["T990", "新教師", "教務處", ""], ["T991", "", "教務處", ""]


@pytest.fixture(autouse=True)
def _no_thread(monkeypatch):
    """The only worker is the test, so that nothing runs on when it ends."""
    monkeypatch.setattr(jobs, "wake", lambda _store: None)


@pytest.fixture
def store(app):
    return app.server.config["LICHENG_STORE"]


@pytest.fixture
def staff_file(tmp_path):
    def make(*rows):
        return write_xlsx(tmp_path / "x.xlsx", headings_of("staff"), list(rows)).read_bytes()

    return make


def post(client, *files, headers=None, **fields):
    """Post as a browser does; encoded here, as the test client leaves the file behind in which it encodes large bodies."""
    parts = [(f'name="{name}"', value.encode()) for name, value in fields.items()]
    parts += [(f'name="files"; filename="{name}"', content) for name, content in files]
    body = b"".join(
        f"--x\r\nContent-Disposition: form-data; {head}\r\n\r\n".encode() + value + b"\r\n" for head, value in parts
    )
    kind = "multipart/form-data; boundary=x"
    said = {"Accept": "application/json"} | (headers or {})
    return client.post("/imports/files", data=body + b"--x--\r\n", content_type=kind, headers=said)


def ended(store, token):
    imports.decide(store, token, action="cancel", by="secretary", role=Role.EXECUTIVE_SECRETARY)


def test_the_permissions_of_imports_are_these_peoples():
    for username, role in ROLES.items():
        held = PERMISSIONS[role]
        assert (Permission.IMPORT in held) == (username in MAY_IMPORT)
        assert (Permission.CORRECT in held) == (username in MAY_IMPORT)
        assert (Permission.VIEW_IMPORTS in held) == (username in MAY_VIEW_IMPORTS)


@pytest.mark.parametrize("username", sorted(EVERYBODY))
def test_only_who_imports_can_hand_in(client_for, store, staff_file, username):
    answer = post(client_for(username), ("教職員.xlsx", staff_file(GOOD)))
    assert answer.status_code == (200 if username in MAY_IMPORT else 403)
    if username in MAY_IMPORT:
        token = answer.json["token"]
        view = imports.job_of(store, token, by=username, role=ROLES[username])
        assert (view.created_by, view.source, view.files[0].name) == (username, "page", "教職員.xlsx")
        ended(store, token)
    else:
        assert "token" not in answer.get_data(as_text=True)


@pytest.fixture
def chiefs_job(client_for, store, staff_file):
    token = post(client_for("chief"), ("教職員.xlsx", staff_file(GOOD, BAD))).json["token"]
    jobs.work(store)
    yield token
    ended(store, token)


@pytest.mark.parametrize("username", sorted(EVERYBODY | {"other"}))
def test_a_plan_is_shown_to_who_handed_it_in_and_to_the_executive_secretary(store, chiefs_job, username):
    """Other people get the answer that a token nobody ever had gives."""
    who = {"by": username, "role": ROLES.get(username, Role.SECTION_CHIEF)}
    seen = username in {"chief", "secretary"}
    assert (imports.job_of(store, chiefs_job, **who) is not None) == seen
    assert (chiefs_job in {job.token for job in imports.list_jobs(store, **who)}) == seen
    if not seen:
        assert imports.job_of(store, "0" * 32, **who) is None
        said = set()
        for token in (chiefs_job, "0" * 32):
            for action in ("cancel", "replan", "commit"):
                with pytest.raises(imports.ServiceError) as refused:
                    imports.decide(store, token, action=action, **who)
                said.add(str(refused.value))
        assert said == {imports.NO_SUCH_JOB}
        assert imports.job_of(store, chiefs_job, by="chief", role=Role.SECTION_CHIEF).state == "planned"


@pytest.mark.parametrize("username", sorted(EVERYBODY))
def test_refused_rows_go_to_who_may_see_the_plan(client_for, chiefs_job, username):
    client = client_for(username)
    real, none = (
        client.get(f"/imports/jobs/{chiefs_job}/rejected.xlsx"),
        client.get(f"/imports/jobs/{'0' * 32}/rejected.xlsx"),
    )
    assert none.status_code == (404 if username in MAY_IMPORT else 403)
    assert real.status_code == (200 if username in {"chief", "secretary"} else none.status_code)
    if real.status_code == 200:
        assert real.data[:2] == b"PK"
        assert real.headers["Content-Disposition"].startswith("attachment")
    else:
        assert real.data == none.data


def test_another_section_chief_gets_nothing_of_it(client_for, place, store, chiefs_job):
    from dashboard.services import accounts

    accounts.add_user(place.store, "chief2", PASSWORD, role="section_chief", classes=[], unit="教務處註冊組")
    client = client_for("chief2")
    assert client.get(f"/imports/jobs/{chiefs_job}/rejected.xlsx").status_code == 404
    added = post(client, ("a.xlsx", b"PK"), job=chiefs_job)
    assert (added.status_code, added.json["error"]) == (400, imports.NO_SUCH_JOB)
    assert len(imports.job_of(store, chiefs_job, by="chief", role=Role.SECTION_CHIEF).files) == 1
    accounts.disable_user(place.store, "chief2")


@pytest.mark.parametrize(
    "token", [None, 7, True, ["x"], {"a": 1}, "", "../../x", "０" * 32, "A" * 32, "' or 1=1--", "x" * 5000]
)
def test_forged_tokens_are_tokens_that_do_not_exist(store, token):
    who = {"by": "secretary", "role": Role.EXECUTIVE_SECRETARY}
    assert imports.job_of(store, token, **who) is None
    assert imports.rejected_rows(store, token, **who) is None
    assert imports.rejected_rows_of_job(store, token, **who) is None
    assert imports.batch_of(store, token) is None
    with pytest.raises(imports.ServiceError):
        imports.decide(store, token, action="commit", **who)


@pytest.mark.parametrize(
    "forged",
    [{"action": "erase"}, {"acknowledged": "all"}, {"acknowledged": [1]}, {"leave_out": [None]}, {"renames": {"a": 1}}, {"year": "113"},
     {"year": True}, {"year": 1}, {"leave_out": ["教職員.xlsx"]}, {"password": "x" * 3000}],
)  # fmt: skip
def test_forged_decisions_are_refused_and_change_nothing(store, chiefs_job, forged):
    who = {"by": "chief", "role": Role.SECTION_CHIEF}
    with pytest.raises(imports.ServiceError):
        imports.decide(store, chiefs_job, **({"action": "replan"} | forged), **who)
    assert imports.job_of(store, chiefs_job, **who).state == "planned"


@pytest.mark.parametrize("headers", [{"Sec-Fetch-Site": "cross-site"}, {"Origin": "https://evil.example"}])
def test_another_site_cannot_hand_in(client_for, staff_file, headers):
    assert post(client_for("chief"), ("a.xlsx", staff_file(GOOD)), headers=headers).status_code == 403


def test_nobody_hands_in_without_a_login(client_for, staff_file):
    assert post(client_for(), ("a.xlsx", staff_file(GOOD))).status_code == 401


def test_a_body_too_big_is_refused_in_words_and_leaves_nothing(client_for, store, monkeypatch):
    monkeypatch.setattr(imports, "UPLOAD_BYTES", 3 * 2**20)
    before = sorted(jobs.folder_of(store).iterdir()) if jobs.folder_of(store).is_dir() else []
    answer = post(client_for("chief"), ("big.xlsx", bytes(5 * 2**20)))
    assert answer.status_code == 413
    assert "3 MB" in answer.json["error"]
    assert (sorted(jobs.folder_of(store).iterdir()) if jobs.folder_of(store).is_dir() else []) == before
    fits = post(client_for("chief"), ("fits.xlsx", bytes(5 * 2**19)))  # more than a page may post
    assert fits.status_code == 200
    ended(store, fits.json["token"])


def test_pages_still_take_filters_only(client_for):
    body = b'{"output":"' + b"x" * 3 * 2**20 + b'"}'
    answer = client_for("chief").post("/_dash-update-component", data=body, content_type="application/json")
    assert answer.status_code == 413
    assert "token" not in answer.get_data(as_text=True)


@pytest.mark.parametrize("fields", [{}, {"files": "text, not a file"}])
def test_a_form_without_files_is_refused(client_for, fields):
    answer = client_for("chief").post("/imports/files", data=fields)
    assert answer.status_code == 400


def test_an_import_is_committed_its_refused_rows_downloaded_and_it_is_undone(client_for, store, staff_file):
    who = {"by": "chief", "role": Role.SECTION_CHIEF}
    client = client_for("chief")
    token = post(client, ("教職員.xlsx", staff_file(GOOD, BAD))).json["token"]
    jobs.work(store)
    imports.decide(store, token, action="commit", take_good_rows=True, **who)
    jobs.work(store)
    batch_id = imports.job_of(store, token, **who).batch_id
    with reading(store.engine) as connection:
        last = connection.execute(select(AuditEvent.id).order_by(AuditEvent.id.desc()).limit(1)).scalar()
    answers = {name: client_for(name).get(f"/imports/{batch_id}/rejected.xlsx").status_code for name in EVERYBODY}
    assert {name for name, status in answers.items() if status == 200} == {"chief", "secretary"}
    assert imports.undo(store, batch_id, by="chief") == 1
    with reading(store.engine) as connection:
        lines = connection.execute(select(AuditEvent).where(AuditEvent.id > last)).all()
    written = [(line.actor, line.action) for line in lines]
    assert ("chief", "export") in written
    assert ("secretary", "export") in written
    assert ("chief", "undo") in written
    assert not any("新教師" in line.detail for line in lines)


def test_no_audit_no_export(client_for, chiefs_job, monkeypatch):
    def fail(*_args):
        raise OSError

    monkeypatch.setattr("dashboard.exports.imports.accounts.record", fail)
    answer = client_for("chief").get(f"/imports/jobs/{chiefs_job}/rejected.xlsx")
    assert answer.status_code == 500
    assert answer.data[:2] != b"PK"


def test_what_a_watched_folder_left_waiting_is_seen_by_all_who_import(store, staff_file):
    token = imports.hand_in(store, [("a.xlsx", io.BytesIO(staff_file(GOOD, BAD)))], by="watch", source="watch")
    jobs.work(store)
    seen = {name for name, role in ROLES.items() if imports.job_of(store, token, by=name, role=role) is not None}
    assert seen == MAY_IMPORT
    ended(store, token)


def test_an_account_named_like_the_watch_owns_nothing_of_the_command_line(store):
    """Who imported by the command line is a name of the machine, not an account: its refused rows are the secretary's."""
    for role in (Role.SECTION_CHIEF, Role.CONVENER, Role.ADMIN):
        assert imports.rejected_rows(store, "any", by="test", role=role) is None


@pytest.mark.parametrize("suffix", ["xlsx", "ods"])
def test_templates_are_for_who_imports(client_for, suffix):
    kinds = imports.template_kinds()
    assert kinds
    answers = {name: client_for(name).get(f"/imports/templates/{kinds[0][0]}.{suffix}") for name in EVERYBODY}
    assert {name for name, answer in answers.items() if answer.status_code == 200} == MAY_IMPORT
    assert answers["chief"].data[:2] == b"PK"
    assert client_for("chief").get(f"/imports/templates/nothing.{suffix}").status_code == 404
    assert client_for("chief").get(f"/imports/templates/{kinds[0][0]}.exe").status_code == 404


def test_a_job_row_holds_no_name_of_a_student_once_it_is_over(client_for, store, staff_file):
    token = post(client_for("chief"), ("教職員.xlsx", staff_file(GOOD))).json["token"]
    ended(store, token)
    with reading(store.engine) as connection:
        row = connection.execute(select(Job).where(Job.token == token)).one()
    assert "新教師" not in row.options + row.plan + row.error
    assert json.loads(row.options)["files"][0]["name"] == "教職員.xlsx"
