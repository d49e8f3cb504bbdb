"""One's own account: the password, the logins, and how they end."""

from __future__ import annotations

import re
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta

import pytest
from sqlalchemy import delete, insert, select
from typer.testing import CliRunner

from dashboard.cli import app as command_line
from dashboard.services import accounts, sessions
from dashboard.services.school_settings import change_settings
from dashboard.services.store import Store
from data.db import reading, writing
from data.instants import TAIPEI
from data.models import AuditEvent, Grant, LoginFailure, LoginLink, User, UserSession
from tests.app.test_sessions import post_login
from tests.school import PASSWORD

NEW = "另一句夠長也好記的話 9"
MOMENT = datetime.now(TAIPEI).replace(hour=8, minute=0, second=0, microsecond=0)  # of a day on which the roles are held
EDGE = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0 Safari/537.36 Edg/140.0"


@pytest.fixture
def owner(place):
    """An account of its own; what it leaves behind is removed."""
    accounts.add_user(place.store, "owner", PASSWORD, role="homeroom", classes=[place.school.homeroom_class])
    yield "owner"
    with writing(place.store.engine) as connection:
        connection.execute(delete(LoginFailure))
        connection.execute(delete(User).where(User.username == "owner"))


def entered(client_for, name, *, address="198.51.100.7", password=PASSWORD, agent=EDGE):
    client = client_for()
    headers = {"User-Agent": agent}
    assert post_login(client, name, password, address=address, **headers).status_code == 302
    return client


def send(client, path, **data):
    form = client.get("/account").get_data(as_text=True)
    token = re.search(r'name="csrf_token" value="([^"]+)"', form).group(1)
    return client.post(path, data={"csrf_token": token} | data)


def change(client, *, current=PASSWORD, new=NEW, again=None):
    return send(client, "/account/password", current=current, new=new, again=new if again is None else again)


def test_b4_a_changed_password_ends_every_other_login_and_b2_gives_this_one_a_new_id(client_for, owner):
    here, there = entered(client_for, owner), entered(client_for, owner)
    before = here.get_cookie("licheng").value
    answer = change(here)
    assert (answer.status_code, answer.headers["Location"]) == (302, "/account?done=password")
    assert "密碼已更改" in here.get("/account?done=password").get_data(as_text=True)
    assert there.get("/account").status_code == 401
    stolen = client_for()
    stolen.set_cookie("licheng", before)
    assert stolen.get("/account", headers={"Accept": "application/json"}).status_code == 401
    assert post_login(client_for(), owner, PASSWORD, address="198.51.100.7").status_code == 401
    assert post_login(client_for(), owner, NEW, address="198.51.100.7").status_code == 302


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"new": "short"}, "至少要 12 個字元"),
        ({"new": "x" * 1025}, "最多 1024 個字元"),
        ({"new": "password1234"}, "太常見"),
        ({"again": "something else altogether"}, "兩次輸入的新密碼不同"),
        ({"new": PASSWORD}, "和目前的密碼相同"),
    ],
)
def test_b13_a_new_password_that_is_no_good_is_refused_with_the_reason(client_for, given, words):
    client = client_for("member")
    answer = change(client, **given)
    assert answer.status_code == 400
    assert words in answer.get_data(as_text=True)


def test_b13_the_pages_say_the_rules_in_force_and_keep_them(client_for, place, owner):
    def hint(client, path):
        return re.search(r"<p>(至少 12 個字元.*?)</p>", client.get(path).get_data(as_text=True)).group(1)

    client, sentence = client_for("member"), "今天天氣很好我們去爬山吧"
    link = f"/invite/{invited(place, owner)}"
    assert "可以是一句話" in hint(client, "/account")
    assert "可以是一句話" in hint(client_for(), link)
    change_settings(place.store, {"password_rules": "public_school"}, by="admin")
    try:
        assert "其中 3 種" in hint(client, "/account")
        assert "其中 3 種" in hint(client_for(), link)
        assert "四種之中的 3 種" in change(client, new=sentence).get_data(as_text=True)
        refused = redeem(client_for(), link.removeprefix("/invite/"), new=sentence, again=sentence)
        assert (refused.status_code, "四種之中的 3 種" in refused.get_data(as_text=True)) == (400, True)
    finally:
        change_settings(place.store, {"password_rules": "standard"}, by="admin")


def test_b10_guessing_at_an_open_browser_locks_the_account_too(client_for, owner):
    client = entered(client_for, owner)
    assert [change(client, current=f"wrong wrong {n}").status_code for n in range(5)] == [401] * 5
    assert change(client).status_code == 401
    assert post_login(client_for(), owner, PASSWORD, address="198.51.100.7").status_code == 401


def test_b4_logging_out_everywhere_ends_this_login_and_all_others_at_the_next_request(client_for, place, owner):
    here, there = entered(client_for, owner), entered(client_for, owner)
    bystander = client_for("auditor")
    cookies = [client.get_cookie("licheng").value for client in (here, there)]
    answer = send(here, "/account/logout")
    assert answer.headers["Location"] == "/login"
    assert answer.headers["Clear-Site-Data"] == '"cache", "storage"'
    for cookie in cookies:
        replayed = client_for()
        replayed.set_cookie("licheng", cookie)
        assert replayed.get("/account", headers={"Accept": "application/json"}).status_code == 401
    assert bystander.get("/account").status_code == 200
    with reading(place.store.engine) as connection:
        newest = select(AuditEvent.actor, AuditEvent.detail).where(AuditEvent.action == "logged_out_everywhere")
        assert connection.execute(newest.order_by(AuditEvent.id.desc())).first() == (
            owner,
            '{"role": "homeroom", "sessions": 2}',
        )


def test_the_page_shows_ones_own_logins_and_scope_and_nobody_elses(client_for, place, owner):
    client = entered(client_for, owner)
    entered(client_for, owner, agent="curl/8")
    page = client.get("/account", environ_overrides={"REMOTE_ADDR": "198.51.100.7"}).get_data(as_text=True)
    assert "目前有 2 個登入" in page
    assert re.search(r"<strong>Edge・Windows</strong>（這一個）.*<strong>不明的瀏覽器</strong><br>", page, re.DOTALL)
    assert f"您可檢視：{place.school.homeroom_class} 班" in page
    assert "198.51.100.7" not in page
    with reading(place.store.engine) as connection:
        assert set(connection.execute(select(UserSession.browser)).scalars()) >= {"", "Edge・Windows"}


def test_the_page_speaks_english_too(client_for):
    client = client_for("admin")
    client.set_cookie("lang", "en")
    page = client.get("/account").get_data(as_text=True)
    assert "Log out everywhere" in page
    assert not re.search(r"[\u4e00-\u9fff]", re.sub(r"<title>.*?</title>", "", page))


@pytest.mark.parametrize("path", ["/account/password", "/account/logout"])
@pytest.mark.parametrize(
    ("data", "headers"),
    [({}, {}), ({"csrf_token": "guessed"}, {}), ({}, {"Sec-Fetch-Site": "cross-site"}), ({}, {"Origin": "https://evil.example"})],
)  # fmt: skip
def test_b6_a_form_of_another_site_changes_nothing(client_for, path, data, headers):
    client = client_for("auditor")
    assert client.post(path, data=data, headers=headers).status_code == 403
    client.get(path)  # and no link does it
    assert client.get("/account").status_code == 200


def test_b3_only_logins_that_are_still_good_are_listed(engine):
    store = Store.__new__(Store)
    store.engine = engine
    with writing(engine) as connection:
        values = {"password_hash": "x", "staff_code": "", "created_at": MOMENT, "failed_count": 0}  # fmt: skip
        connection.execute(insert(User), [{"id": 1, "username": "a"} | values, {"id": 2, "username": "b"} | values])
        grant = {"role": "convener", "unit": "", "starts_on": MOMENT.date(), "reason": "", "granted_by": "", "granted_at": MOMENT, "revoked_by": ""}  # fmt: skip
        connection.execute(insert(Grant), [grant | {"id": each, "user_id": each} for each in (1, 2)])
        for token, user_id, began, seen in [
            ("kept", 1, 60, 30), ("newer", 1, 50, 1), ("idle", 1, 60, 31), ("old", 1, 8 * 60 + 1, 1), ("other", 2, 60, 1)
        ]:  # fmt: skip
            connection.execute(
                insert(UserSession).values(
                    token_hash=token, user_id=user_id, grant_id=user_id, browser=token, created_at=MOMENT - timedelta(minutes=began),
                    seen_at=MOMENT - timedelta(minutes=seen),
                )
            )  # fmt: skip
    found = sessions.list_logins(store, 1, token_hash="kept", idle_minutes=30, session_hours=8, at=MOMENT)
    assert [(each.browser, each.is_this_one) for each in found] == [("kept", True), ("newer", False)]


@pytest.mark.parametrize(("minutes", "good"), [(29, True), (31, False)])
def test_b3_a_login_idles_for_half_an_hour(place, owner, minutes, good):
    token = accounts.log_in(place.store, owner, PASSWORD, at=MOMENT)
    seen = accounts.account_of(
        place.store, token, idle_minutes=30, session_hours=8, at=MOMENT + timedelta(minutes=minutes)
    )
    assert (seen is not None) == good


@pytest.mark.parametrize(("minutes", "good"), [(7 * 60 + 59, True), (8 * 60 + 1, False)])
def test_b3_a_login_lasts_for_eight_hours_however_busy(place, owner, minutes, good):
    token = accounts.log_in(place.store, owner, PASSWORD, at=MOMENT)
    for passed in [*range(20, minutes, 20), minutes]:
        at = MOMENT + timedelta(minutes=passed)
        seen = accounts.account_of(place.store, token, idle_minutes=30, session_hours=8, at=at)
    assert (seen is not None) == good


@pytest.mark.parametrize(
    ("agent", "name"),
    [
        (EDGE, "Edge・Windows"),
        ("Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) AppleWebKit/605.1.15 Version/18.0 Mobile Safari/604.1", "Safari・iPhone"),
        ("Mozilla/5.0 (Linux; Android 15) AppleWebKit/537.36 Chrome/140.0 Mobile Safari/537.36", "Chrome・Android"),
        ("Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0", "Firefox・Linux"),
        ("", ""),
        ("<script>alert(1)</script>", ""),
    ],
)  # fmt: skip
def test_a_browser_is_named_by_its_kind_alone(agent, name):
    assert sessions.browser_name(agent) == name


# --- one-time links ---------------------------------------------------------------------------------------------------


def invited(place, name, *, at=None, hours=accounts.INVITE_HOURS):
    return accounts.give_link(place.store, name, hours=hours, action="user_invited", at=at)


def redeem(client, token, **data):
    form = client.get(f"/invite/{token}").get_data(as_text=True)
    csrf = re.search(r'name="csrf_token" value="([^"]+)"', form)
    return client.post(f"/invite/{token}", data={"csrf_token": csrf.group(1) if csrf else ""} | data)


def test_b14_a_link_sets_the_password_once_and_nobody_is_told_why_it_no_longer_does(client_for, place, owner):
    token = invited(place, owner)
    assert post_login(client_for(), owner, PASSWORD, address="198.51.100.7").status_code == 401  # the old one is void
    client = client_for()
    assert redeem(client, token, new="short", again="short").status_code == 400  # and the link is still good
    assert redeem(client, token, new=NEW, again=NEW).headers["Location"] == "/login?set=1"
    assert post_login(client_for(), owner, NEW, address="198.51.100.7").status_code == 302
    pages = {client.get(f"/invite/{each}").get_data(as_text=True) for each in (token, "x" * 43, "1")}
    assert len(pages) == 1
    assert client.get(f"/invite/{token}").status_code == 404
    assert redeem(client, token, new=PASSWORD, again=PASSWORD).status_code == 404


def test_b14_two_who_use_a_link_at_once_are_one(place, owner):
    token = invited(place, owner)
    passwords = [f"{NEW} 第 {number} 個" for number in range(4)]
    with ThreadPoolExecutor(4) as pool:
        won = list(pool.map(lambda password: accounts.redeem_link(place.store, token, password), passwords))
    assert sum(won) == 1
    assert accounts.log_in(place.store, owner, passwords[won.index(True)])


def test_b14_a_link_is_kept_as_a_hash_lasts_its_hours_and_gives_way_to_the_next(place, owner):
    token = invited(place, owner, at=MOMENT, hours=1)
    with reading(place.store.engine) as connection:
        kept = connection.execute(select(LoginLink.token_hash)).scalars().all()
    assert kept
    assert token not in kept
    hour = timedelta(hours=1)
    assert accounts.owner_of_link(place.store, token, at=MOMENT + hour - timedelta(microseconds=1)) == owner
    assert accounts.owner_of_link(place.store, token, at=MOMENT + hour) is None
    assert not accounts.redeem_link(place.store, token, NEW, at=MOMENT + hour)
    newer = invited(place, owner)
    assert accounts.owner_of_link(place.store, token, at=MOMENT) is None
    assert accounts.owner_of_link(place.store, newer) == owner


def test_b4_a_reset_ends_every_login_and_a_disabled_account_has_no_link(client_for, place, owner):
    client = entered(client_for, owner)
    token = accounts.give_link(place.store, owner, hours=1, action="user_reset")
    assert client.get("/account").status_code == 401
    accounts.disable_user(place.store, owner)
    assert accounts.owner_of_link(place.store, token) is None
    with pytest.raises(accounts.AccountError, match="已停用"):
        accounts.give_link(place.store, owner, hours=1, action="user_reset")
    accounts.enable_user(place.store, owner)
    assert accounts.owner_of_link(place.store, token) is None  # what was void stays void
    assert accounts.log_in(place.store, owner, PASSWORD) is None


def test_b6_a_link_is_not_used_by_another_sites_form(client_for, place, owner):
    token = invited(place, owner)
    data = {"new": NEW, "again": NEW}
    assert client_for().post(f"/invite/{token}", data=data).status_code == 400
    assert client_for().post(f"/invite/{token}", data=data, headers={"Sec-Fetch-Site": "cross-site"}).status_code == 403
    assert accounts.owner_of_link(place.store, token) == owner


def test_the_command_line_prints_a_link_that_works(place, client_for, monkeypatch):
    url = place.settings.url
    monkeypatch.setenv("LICHENG_INSTANCE_DIR", str(place.settings.instance_dir))
    run = CliRunner()
    made = run.invoke(command_line, ["user", "invite", "guest", "--role", "member", "--site", "https://x.example/", "--db", url])  # fmt: skip
    assert made.exit_code == 0, made.output
    (token,) = re.findall(r"^https://x\.example/invite/(\S+)$", made.output, re.MULTILINE)
    assert accounts.owner_of_link(place.store, token) == "guest"
    reset = run.invoke(command_line, ["user", "reset", "guest", "--db", url])
    assert accounts.owner_of_link(place.store, token) is None
    assert "1 小時內有效" in reset.output
    for words in (["disable", "guest"], ["reset", "guest"], ["enable", "guest"], ["enable", "nobody"]):
        expected = 1 if words in (["reset", "guest"], ["enable", "nobody"]) else 0
        assert run.invoke(command_line, ["user", *words, "--db", url]).exit_code == expected
    with writing(place.store.engine) as connection:
        connection.execute(delete(User).where(User.username == "guest"))


# --- a password that somebody else set --------------------------------------------------------------------------------


def test_who_has_a_password_of_somebody_else_meets_nothing_but_the_own_account(client_for, place, owner):
    accounts.change_password(place.store, owner, PASSWORD, must_change=True)
    client = entered(client_for, owner)
    for path in ("/", "/classes/101", "/admin", "/exports/classes.csv", "/nowhere"):
        answer = client.get(path, headers={"Accept": "text/html"})
        assert (answer.status_code, answer.headers.get("Location")) == (302, "/account"), path
    for path in ("/_dash-layout", "/_dash-dependencies"):
        assert client.get(path, headers={"Accept": "text/html"}).status_code == 403
    head = "..overview-head.children...overview-body.children.."
    assert client.post("/_dash-update-component", json={"output": head, "inputs": []}).status_code == 403
    assert "別人設定的" in client.get("/account").get_data(as_text=True)
    assert change(client).status_code == 302
    assert client.get("/", headers={"Accept": "text/html"}).status_code == 200
    assert "別人設定的" not in client.get("/account").get_data(as_text=True)


def test_the_command_line_makes_people_change_what_it_set_unless_told_to_keep_it(place, monkeypatch):
    monkeypatch.setenv("LICHENG_INSTANCE_DIR", str(place.settings.instance_dir))
    run = CliRunner()
    forced = select(User.must_change_password).where(User.username == "guest2")
    for words, expected in [
        (["add", "guest2", "--role", "member"], True), (["passwd", "guest2", "--keep"], False), (["passwd", "guest2"], True)
    ]:  # fmt: skip
        done = run.invoke(
            command_line, ["user", *words, "--password-stdin", "--db", place.settings.url], input=NEW + "\n"
        )
        assert done.exit_code == 0, done.output
        with reading(place.store.engine) as connection:
            assert connection.execute(forced).scalar_one() is expected
    with writing(place.store.engine) as connection:
        connection.execute(delete(User).where(User.username == "guest2"))
