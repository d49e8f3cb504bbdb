from __future__ import annotations

import re

import pytest

from tests.app.marked import mark
from tests.school import PASSWORD, ROLES


@pytest.fixture(scope="session")
def client_for(app):
    """Make clients of people. A person's session is used again while it holds: a login costs a password hash each."""
    sessions: dict[tuple[int, str], str] = {}

    def make(username: str | None = None):
        client = app.server.test_client()
        client.environ_base["HTTP_ORIGIN"] = "http://localhost"  # as a browser says of our own pages
        if username:
            name = app.server.config["SESSION_COOKIE_NAME"]
            key = (id(app.server.config["LICHENG_STORE"]), username)
            if key in sessions:
                client.set_cookie(name, sessions[key])
                if client.get("/_dash-layout").status_code == 200:
                    return client
                client.delete_cookie(name)
            form = client.get("/login").get_data(as_text=True)
            token = re.search(r'name="csrf_token" value="([^"]+)"', form).group(1)
            answer = client.post(
                "/login", data={"username": username, "password": PASSWORD, "csrf_token": token, "next": "/"}
            )
            assert answer.status_code == 302
            sessions[key] = client.get_cookie(name).value
        return client

    return make


@pytest.fixture(scope="module")
def school(app, place, tmp_path_factory):
    """The marked school, behind the one app of this process while a module runs; nothing of it outlives the module."""
    marked = mark(place, tmp_path_factory.mktemp("marked"))
    kept = app.server.config["LICHENG_STORE"]
    app.server.config["LICHENG_STORE"] = marked.store
    yield marked
    app.server.config["LICHENG_STORE"] = kept


@pytest.fixture(scope="module")
def clients(school, client_for):
    """Everybody, logged in to the marked school."""
    return {role: client_for(role) for role in ROLES}


def fire(client, output: str, *, inputs: dict[str, object], state: dict[str, object] | None = None, headers=None):
    """POST a callback the way the browser does; output is `id.property`, inputs and state by `id.property`."""
    each = output.strip(".").split("...")
    outputs = [{"id": one.rsplit(".", 1)[0], "property": one.rsplit(".", 1)[1]} for one in each]

    def parts(values):
        return [
            {"id": k.rsplit(".", 1)[0], "property": k.rsplit(".", 1)[1], "value": v} for k, v in (values or {}).items()
        ]

    return client.post(
        "/_dash-update-component",
        headers=headers,
        json={
            "output": output,
            "outputs": outputs if len(outputs) > 1 else outputs[0],
            "inputs": parts(inputs),
            "state": parts(state),
            "changedPropIds": list(inputs),
        },
    )
