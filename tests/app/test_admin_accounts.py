"""What /admin does with accounts: invitations and resets by a link shown once, disabling, enabling, logging out; as the wrong person too."""

from __future__ import annotations

import re
from html import unescape

import pytest
from sqlalchemy import delete, select

from dashboard.services import accounts
from data.db import reading, writing
from data.models import AuditEvent, User
from tests.app.conftest import fire
from tests.school import PASSWORD, ROLES

NEW = "一句只有本人才知道的長話"


@pytest.fixture
def newcomer(place):
    """Somebody with an account, gone again after the test."""
    accounts.add_user(
        place.store, "newcomer", PASSWORD, role="teacher", classes=[], staff_code=place.school.teacher_code
    )
    yield "newcomer"
    with writing(place.store.engine) as connection:
        connection.execute(delete(User).where(User.username == "newcomer"))


def change(client, name, step):
    return client.post("/admin/accounts/change", data={"name": name, "step": step})


def link_of(answer):
    assert answer.status_code == 200
    return re.search(r'value="https?://[^/"]+(/invite/[^"]+)"', unescape(answer.get_data(as_text=True))).group(1)


def log_in(app, username, password):
    client = app.server.test_client()
    form = client.get("/login").get_data(as_text=True)
    token = re.search(r'name="csrf_token" value="([^"]+)"', form).group(1)
    client.post("/login", data={"username": username, "password": password, "csrf_token": token})
    return client


def set_password(app, path, password):
    client = app.server.test_client()
    token = re.search(r'name="csrf_token" value="([^"]+)"', client.get(path).get_data(as_text=True)).group(1)
    return client.post(path, data={"new": password, "again": password, "csrf_token": token})


def is_in(client):
    return client.get("/_dash-layout").status_code == 200


@pytest.mark.parametrize("username", [None, *sorted(set(ROLES) - {"admin"})])
def test_nobody_but_the_administrator_changes_an_account(client_for, place, newcomer, username):
    client = client_for(username)
    refused = 401 if username is None else 403
    for step in ("reset", "disable", "enable", "logout", "second_factor"):
        assert change(client, newcomer, step).status_code == refused
    sent = client.post("/admin/accounts/invite", data={"name": "intruder", "role": "admin"})
    assert sent.status_code == refused
    with reading(place.store.engine) as connection:
        assert connection.execute(select(User.id).where(User.username == "intruder")).first() is None
        assert connection.execute(select(User.disabled_at).where(User.username == newcomer)).scalar() is None


def test_another_site_cannot_post_for_the_administrator(client_for, newcomer):
    answer = client_for("admin").post("/admin/accounts/change", data={"name": newcomer, "step": "disable"}, headers={"Sec-Fetch-Site": "cross-site"})  # fmt: skip
    assert answer.status_code == 403


def test_an_invitation_gives_a_link_by_which_its_owner_alone_sets_the_password(app, client_for, place):
    data = {"name": "invited", "role": "teacher", "staff": place.school.teacher_code, "classes": "", "unit": ""}
    answer = client_for("admin").post("/admin/accounts/invite", data=data)
    path = link_of(answer)
    assert answer.headers["Cache-Control"] == "no-store"
    assert set_password(app, path, NEW).status_code == 302
    assert is_in(log_in(app, "invited", NEW))
    assert app.server.test_client().get(path).status_code == 404
    again = client_for("admin").post("/admin/accounts/invite", data=data)
    assert again.status_code == 400
    assert "已經有了" in again.get_data(as_text=True)
    with writing(place.store.engine) as connection:
        connection.execute(delete(User).where(User.username == "invited"))


@pytest.mark.parametrize("step", ["invite", "reset"])
def test_a_link_leads_to_the_site_s_own_address_whatever_host_the_request_names(
    app, client_for, place, newcomer, monkeypatch, step
):
    known = app.server.config["LICHENG_SETTINGS"].model_copy(update={"site_url": "https://licheng.school.example/"})
    monkeypatch.setitem(app.server.config, "LICHENG_SETTINGS", known)
    data = {"name": newcomer, "step": "reset"}
    if step == "invite":
        data = {"name": "invited", "role": "convener"}
    path = {"invite": "/admin/accounts/invite", "reset": "/admin/accounts/change"}[step]
    client, cookie = client_for("admin"), app.server.config["SESSION_COOKIE_NAME"]
    client.set_cookie(cookie, client.get_cookie(cookie).value, domain="evil.example")
    forged = {"Host": "evil.example", "Sec-Fetch-Site": "same-origin"}
    answer = client.post(path, data=data, headers=forged)
    with writing(place.store.engine) as connection:
        connection.execute(delete(User).where(User.username == "invited"))
    text = unescape(answer.get_data(as_text=True))
    assert re.search(r'value="(https?://[^"]+/invite/)', text).group(1) == "https://licheng.school.example/invite/"
    assert "evil.example" not in text


@pytest.mark.parametrize(
    "name", ["ad\nmin", "admin\u200b", "\u202enimda", "ad\u00admin", "admin\x7f", "\ufeffadmin", "ad\u3000min"]
)
def test_an_account_s_name_holds_nothing_that_cannot_be_seen(client_for, place, name):
    answer = client_for("admin").post("/admin/accounts/invite", data={"name": f"x{name}x", "role": "convener"})
    assert answer.status_code == 400
    assert "看不見的字元" in answer.get_data(as_text=True)
    with reading(place.store.engine) as connection:
        assert connection.execute(select(User.id).where(User.username.contains(name))).first() is None


@pytest.mark.parametrize(
    ("data", "words"),
    [
        ({"name": "", "role": "teacher", "staff": "T001"}, "不能空白"),
        ({"name": "x", "role": "queen"}, "沒有「queen」這個角色"),
        ({"name": "x", "role": "teacher"}, "教師代碼"),
        ({"name": "x", "role": "homeroom"}, "班級"),
        ({"name": "x", "role": "section_chief"}, "處室"),
    ],
)
def test_an_invitation_that_lacks_something_says_what(client_for, place, data, words):
    answer = client_for("admin").post("/admin/accounts/invite", data=data)
    assert answer.status_code == 400
    assert words in unescape(answer.get_data(as_text=True))
    with reading(place.store.engine) as connection:
        assert connection.execute(select(User.id).where(User.username == "x")).first() is None


def test_disabling_resetting_and_logging_out_end_what_was_open_and_stand_in_the_log(app, client_for, place, newcomer):
    admin = client_for("admin")
    theirs = log_in(app, newcomer, PASSWORD)
    assert is_in(theirs)
    assert change(admin, newcomer, "logout").headers["Location"] == "/admin?done=logout"
    assert not is_in(theirs)
    assert change(admin, newcomer, "disable").status_code == 303
    assert not is_in(log_in(app, newcomer, PASSWORD))
    assert change(admin, newcomer, "reset").status_code == 400  # a disabled account gets no link
    assert change(admin, newcomer, "enable").status_code == 303
    theirs = log_in(app, newcomer, PASSWORD)
    path = link_of(change(admin, newcomer, "reset"))
    assert not is_in(theirs)
    assert not is_in(log_in(app, newcomer, PASSWORD))
    assert set_password(app, path, NEW).status_code == 302
    assert is_in(log_in(app, newcomer, NEW))
    with reading(place.store.engine) as connection:
        asked = select(AuditEvent.action).where(AuditEvent.about.endswith(newcomer), AuditEvent.actor == "admin")
        said = set(connection.execute(asked).scalars())
    assert {"logged_out_everywhere", "user_disabled", "user_enabled", "user_reset"} <= said


def test_nobody_locks_out_oneself_the_last_administrator_or_an_account_that_is_not_there(client_for, place):
    admin = client_for("admin")
    for name, step in (
        ("admin", "disable"),
        ("admin", "reset"),
        ("nobody", "disable"),
        ("teacher", "promote"),
        ("teacher", ""),
    ):
        assert change(admin, name, step).status_code == 400
    assert is_in(admin)
    with pytest.raises(accounts.AccountError, match="最後一個"):
        accounts.disable_user(place.store, "admin")


def test_the_page_offers_both_forms(client_for):
    answer = fire(client_for("admin"), "..admin-head.children...admin-body.children..", inputs={"theme.data": "light"})
    assert "/admin/accounts/invite" in str(answer.get_json())
    assert "/admin/accounts/change" in str(answer.get_json())


def test_what_the_page_refuses_is_said_in_words_of_the_page_not_of_the_command_line(client_for, newcomer):
    admin = client_for("admin")
    taken = admin.post("/admin/accounts/invite", data={"name": newcomer, "role": "member"})
    assert change(admin, newcomer, "disable").status_code == 303
    disabled = change(admin, newcomer, "reset")
    for answer, words in ((taken, "已經有了；可以另外授予職務或重設密碼"), (disabled, "已停用，請先啟用")):
        said = unescape(answer.get_data(as_text=True))
        assert answer.status_code == 400
        assert words in said
        assert "licheng user" not in said
