"""`python -m tests.load --users 50 --seconds 120`: people of all roles on two gunicorn workers, each answer searched.

Prints what was asked, how fast it was answered, and every answer that held a student or colleague outside the person's scope.
Then: a lockout, the end of a session and the audit chain have to hold whichever worker answers.
"""

from __future__ import annotations

import argparse
import contextlib
import itertools
import os
import random
import re
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import quote

import requests
from sqlalchemy import select

from dashboard.access.roles import Role
from dashboard.exports.tables import all_tables
from dashboard.factory import create_app
from dashboard.services import accounts, grants
from data.db import reading
from data.models import Delegation, Dispute, Enrolment, Outcome, Reassignment, Round, Staff, Student
from tests.school import PASSWORD, Place, make_place

ROOT = Path(__file__).parents[2]
COMMAND = [sys.executable, "-c", "from dashboard.cli import main; main()"]
OURS = {"Sec-Fetch-Site": "same-origin"}  # as a browser says of our own pages
SHARES = {
    Role.TEACHER: 16, Role.HOMEROOM: 14, Role.SECTION_CHIEF: 6, Role.MEMBER: 5, Role.CONVENER: 3,
    Role.EXECUTIVE_SECRETARY: 3, Role.AUDITOR: 2, Role.ADMIN: 1,
}  # fmt: skip
FINE = {200, 204, 302, 403, 404}
WRONG = 5  # wrong passwords lock an account
NUMBERS, NAMES = re.compile(r"(?<!\d)\d{6,9}(?!\d)"), re.compile(r"[\u4e00-\u9fff]{3,}")


@dataclass(frozen=True)
class Someone:
    """An account: its role, and the students' numbers and people's names that no answer to it may hold."""

    name: str
    role: Role
    grant_id: int  # of the role to change to after the login; 0: none
    numbers: frozenset[str]
    names: frozenset[str]
    colleagues: frozenset[str]  # everybody's name on the staff roster, for the list from which a deputy is chosen

    def holds_foreign(self, text: str) -> set[str]:
        """Return what of others is in an answer."""
        found = self.numbers & set(NUMBERS.findall(text))
        for run in set(NAMES.findall(text)):
            found |= self.names & {run[at : at + 3] for at in range(len(run) - 2)}
        return found


@dataclass
class Tally:
    """What came back, by kind of question."""

    seconds: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    statuses: Counter[tuple[str, int]] = field(default_factory=Counter)
    faults: list[str] = field(default_factory=list)
    lock: threading.Lock = field(default_factory=threading.Lock)


# --- who, and what is not theirs --------------------------------------------------------------------------------------


def people(place: Place, count: int) -> list[Someone]:
    """Add the accounts, and work out by plain SQL what must never reach each: not by the code under test."""
    year = int(place.school.current_term) // 10
    with reading(place.store.engine) as connection:
        students = {row.id: (row.student_number, row.name) for row in connection.execute(select(Student.id, Student.student_number, Student.name))}  # fmt: skip
        staff = {row.staff_code: (row.name, row.unit) for row in connection.execute(select(Staff.staff_code, Staff.name, Staff.unit))}  # fmt: skip
        reports = set(connection.execute(select(Dispute.number)).scalars())  # of the same form as students' numbers
        of_class = defaultdict(set)
        for row in connection.execute(select(Enrolment.school_year, Enrolment.class_name, Enrolment.student_id)):
            of_class[row.school_year, row.class_name].add(row.student_id)
        of_teacher = defaultdict(set)
        items = select(
            Outcome.student_id, Outcome.teacher_code, Round.certifier_code, Reassignment.teacher_code.label("later")
        )
        items = items.outerjoin_from(Outcome, Round, Round.outcome_id == Outcome.id)
        for row in connection.execute(items.outerjoin(Reassignment, Reassignment.outcome_id == Outcome.id)):
            for code in {row.teacher_code, row.certifier_code, row.later} - {None, ""}:
                of_teacher[code].add(row.student_id)
        for row in connection.execute(select(Delegation.principal_code, Delegation.deputy_code)):
            of_teacher[row.deputy_code] |= of_teacher[row.principal_code]
    classes = sorted(name for school_year, name in of_class if school_year == year)
    codes = sorted(code for code in of_teacher if code in staff)
    roles = itertools.islice(itertools.cycle([role for role, n in SHARES.items() for _ in range(n)]), count)
    made = []
    for number, role in enumerate(roles):
        scope: dict[str, Any] = {"classes": [], "staff_code": "", "unit": ""}
        mine: set[int] = set()
        colleagues: set[str] = set()
        if role == Role.HOMEROOM:
            scope["classes"] = [classes[number % len(classes)]]
            mine = of_class[year, scope["classes"][0]]
        elif role == Role.TEACHER:
            scope["staff_code"] = codes[number % len(codes)]
            mine, colleagues = of_teacher[scope["staff_code"]], {scope["staff_code"]}
        elif role == Role.SECTION_CHIEF:
            scope["unit"] = place.school.chief_unit
            mine, colleagues = set(students), {code for code, (_, unit) in staff.items() if unit == scope["unit"]}
        elif role in (Role.EXECUTIVE_SECRETARY, Role.CONVENER):
            mine, colleagues = set(students) if role == Role.EXECUTIVE_SECRETARY else set(), set(staff)
        name, grant_id = f"load{number:02d}", 0
        if number % 2:  # every other one has another role first, and changes to this one after the login
            first = Role.MEMBER if role in (Role.ADMIN, Role.AUDITOR) else Role.ADMIN
            accounts.add_user(place.store, name, PASSWORD, role=first, classes=[], staff_code=scope["staff_code"])
            grant_id = grants.give(
                place.store, name, role=role, classes=scope["classes"], unit=scope["unit"], by="load"
            )
        else:
            accounts.add_user(place.store, name, PASSWORD, role=role, **scope)
        known = {students[each] for each in mine}
        theirs = {students[each] for each in set(students) - mine}
        names = {name for _, name in theirs} | {staff[code][0] for code in set(staff) - colleagues}
        names -= {name for _, name in known} | {staff[code][0] for code in colleagues}
        numbers = {n for n, _ in theirs} - {n for n, _ in known}
        whole = frozenset(name for name in names if len(name) == 3)
        everybody = frozenset(name for name, _ in staff.values())
        made.append(Someone(name, role, grant_id, frozenset(numbers) - reports, whole, everybody))
    return made


# --- what is asked ----------------------------------------------------------------------------------------------------


def questions(place: Place) -> list[tuple[str, str, str, Any]]:
    """Return (kind, method, path, body) of what anybody may try: every page's callback, exports, slips, own and foreign."""
    app = create_app(place.settings)
    _, ledger = place.store.ledger()
    year = int(place.school.current_term) // 10
    classes = sorted(ledger.classes.loc[ledger.classes["school_year"] == year, "name"])
    teachers = [str(code) for code in ledger.teachers["code"]]
    departments = [str(name) for name in ledger.labels["department"] if name]
    with reading(place.store.engine) as connection:
        students = [str(number) for (number,) in connection.execute(select(Student.student_number).limit(60))]
    about = {"class": classes, "teacher": teachers, "dept": departments, "student": students}
    terms = [place.school.current_term, str(int(place.school.current_term) - 10)]
    asked: list[tuple[str, str, str, Any]] = []
    for output, entry in app.callback_map.items():
        page = output.removeprefix("..").partition("-head")[0]
        if not output.endswith("-body.children.."):
            continue
        ids = [each["id"] for each in entry["inputs"]]
        (of,) = [name for name in about if f"{page}-{name}" in ids] if page in ("classes", "departments", "teachers", "students") else ("",)  # fmt: skip
        for term, one, theme in itertools.product(terms, about.get(of, [""])[:20], ("light", "dark")):
            said = {f"{page}-term": term, f"{page}-{of}": one, "theme": theme}
            asked.append((f"page {page}", "POST", "/_dash-update-component", body(output, entry, said)))
    narrowed = ["", *(f"&class={quote(name)}" for name in classes[:3])]
    asked += [
        (f"export {key}", "GET", f"/exports/{key}.csv?term={term}{more}", None)
        for key, term, more in itertools.product(all_tables(), terms, narrowed)
    ]
    asked += [("slips", "GET", f"/slips/{quote(name)}", None) for name in classes]
    asked += [("shell", "GET", path, None) for path in ("/", "/certification", "/imports", "/no-such-page")]
    return asked


def body(output: str, entry: dict[str, Any], said: dict[str, str]) -> dict[str, Any]:
    """Write a callback's request the way the browser does."""
    each = [one.rsplit(".", 1) for one in output.strip(".").split("...")]
    inputs = [
        {"id": one["id"], "property": one["property"], "value": said.get(one["id"], "all")} for one in entry["inputs"]
    ]
    return {
        "output": output, "outputs": [{"id": i, "property": p} for i, p in each], "inputs": inputs,
        "changedPropIds": [f"{one['id']}.{one['property']}" for one in inputs],
    }  # fmt: skip


def log_in(address: str, name: str, password: str = PASSWORD) -> tuple[requests.Session, int]:
    """Log in on connections of its own; return the session and the status of the answer."""
    session = requests.Session()
    form = session.get(f"{address}/login", timeout=60).text
    token = re.search(r'name="csrf_token" value="([^"]+)"', form)
    assert token is not None
    sent = {"username": name, "password": password, "csrf_token": token[1], "next": "/"}
    answer = session.post(f"{address}/login", data=sent, allow_redirects=False, timeout=60)
    return session, answer.status_code


def act(someone: Someone, address: str, asked: list[tuple[str, str, str, Any]], until: float, tally: Tally) -> None:
    """Be one person until the time is up: ask at random, and search every answer."""
    chance = random.Random(someone.name)
    session, status = log_in(address, someone.name)
    if status != 302:
        with tally.lock:
            tally.faults.append(f"{someone.name} could not log in: {status}")
        return
    if someone.grant_id:
        changed = session.post(
            f"{address}/account/role", data={"grant": someone.grant_id}, headers=OURS, allow_redirects=False, timeout=60
        )
        if changed.status_code != 302:
            with tally.lock:
                tally.faults.append(f"{someone.name} could not change roles: {changed.status_code}")
            return
    while time.monotonic() < until:
        kind, method, path, sent = chance.choice(asked)
        close = {"Connection": "close"} if chance.random() < 0.3 else {}  # so that the other worker answers next
        begin = time.monotonic()
        try:
            answer = session.request(
                method, address + path, json=sent, headers=close, allow_redirects=False, timeout=60
            )
        except requests.RequestException as error:
            with tally.lock:
                tally.faults.append(f"{kind}: {type(error).__name__}")
            continue
        seconds = time.monotonic() - begin
        found = someone.holds_foreign(answer.content.decode("utf-8", "replace"))
        if kind == "page corrections":  # who takes work over may be anybody on the staff roster
            found -= someone.colleagues
        with tally.lock:
            tally.seconds[kind].append(seconds)
            tally.statuses[kind.partition(" ")[0], answer.status_code] += 1
            if answer.status_code not in FINE:
                tally.faults.append(f"{someone.role} {kind}: {answer.status_code}")
            if found:
                tally.faults.append(f"{someone.role} {kind} {path}: holds {len(found)} of others")
        time.sleep(chance.random() * 0.2)


# --- the server -------------------------------------------------------------------------------------------------------


@contextlib.contextmanager
def served(place: Place) -> Iterator[str]:
    """Serve the school by the command of the README, with two workers."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    environment = os.environ | {"LICHENG_INSTANCE_DIR": str(place.settings.instance_dir)}
    process = subprocess.Popen([*COMMAND, "serve", "--port", str(port), "--workers", "2"], env=environment, cwd=ROOT)
    address = f"http://127.0.0.1:{port}"
    try:
        for _ in range(240):
            with contextlib.suppress(requests.RequestException):
                if requests.get(f"{address}/readyz", timeout=5).status_code == 200:
                    break
            time.sleep(0.5)
        yield address
    finally:
        process.terminate()
        process.wait(timeout=30)


def check_workers(place: Place, address: str) -> list[str]:
    """Ask again and again on new connections, so that both workers answer: lockout, logout and audit chain."""
    faults = []
    accounts.add_user(place.store, "locked", PASSWORD, role=Role.CONVENER, classes=[])
    for _ in range(WRONG):
        log_in(address, "locked", "wrong password, again")
    let_in = sum(log_in(address, "locked")[1] == 302 for _ in range(12))
    print(f"after {WRONG} wrong passwords the right one was let in {let_in} of 12 times")
    faults += ["a locked account was let in"] * bool(let_in)
    session, _ = log_in(address, "load00")
    replayed = session.cookies.copy()
    before = [requests.get(f"{address}/account", cookies=replayed, allow_redirects=False, timeout=60).status_code for _ in range(12)]  # fmt: skip
    session.post(f"{address}/logout", headers=OURS, allow_redirects=False, timeout=60)
    after = [requests.post(f"{address}/_dash-update-component", cookies=replayed, json={}, timeout=60).status_code for _ in range(12)]  # fmt: skip
    print(f"a session before logout: {dict(Counter(before))}; its cookie after: {dict(Counter(after))}")
    faults += ["a session outlived its logout"] * (set(after) != {401})
    audit = [*COMMAND, "audit", "verify"]
    environment = os.environ | {"LICHENG_INSTANCE_DIR": str(place.settings.instance_dir)}
    verified = subprocess.run(audit, env=environment, cwd=ROOT, capture_output=True, text=True, check=False)
    print(f"audit verify: {verified.returncode} {verified.stdout.strip()}")
    return faults + ["the audit chain is broken"] * (verified.returncode != 0)


def main() -> int:
    """Run the load and print what came out; 1 where anything was wrong."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--users", type=int, default=50)
    parser.add_argument("--seconds", type=float, default=120)
    options = parser.parse_args()
    tally = Tally()
    with tempfile.TemporaryDirectory() as folder:
        place = make_place(Path(folder), classes=9, terms=4)
        everybody, asked = people(place, options.users), questions(place)
        with served(place) as address:
            until = time.monotonic() + options.seconds
            threads = [threading.Thread(target=act, args=(one, address, asked, until, tally)) for one in everybody]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
            tally.faults += check_workers(place, address)
    roles = Counter(str(one.role) for one in everybody)
    print(
        f"{len(everybody)} people ({', '.join(f'{n} {role}' for role, n in roles.items())}), {options.seconds:.0f} s, 2 workers"
    )
    print(f"answers: {sum(tally.statuses.values()):,}; by status {dict(sorted(tally.statuses.items()))}")
    for kind, seconds in sorted(tally.seconds.items()):
        slowest = sorted(seconds)[int(len(seconds) * 0.95)]
        print(
            f"{kind:28s} {len(seconds):6,} answers   median {statistics.median(seconds) * 1000:7.0f} ms   95 % {slowest * 1000:7.0f} ms"
        )
    for fault, times in Counter(tally.faults).most_common():
        print(f"FAULT {times} × {fault}")
    print("nobody got anything of others, and nothing failed" if not tally.faults else f"{len(tally.faults)} faults")
    return bool(tally.faults)


if __name__ == "__main__":
    sys.exit(main())
