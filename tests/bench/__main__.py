"""Ratios at school size, each of two things timed in turn in one run; `make bench` prints them whatever they are."""

from __future__ import annotations

import gc
import json
import os
import platform
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import date
from pathlib import Path

import duckdb
import numpy as np
import pandas as pd
from dash import Dash
from flask_babel import force_locale
from sqlalchemy import func, select

from dashboard.access.roles import Role
from dashboard.access.scope import scope_for
from dashboard.exports.pack.archive import make_archive
from dashboard.exports.pack.evidence import gather
from dashboard.exports.pack.setting import to_pdf
from dashboard.factory import create_app
from dashboard.services import accounts, imports
from dashboard.services.filters import open_view
from dashboard.services.packs import now
from dashboard.services.store import Store
from dashboard.settings import Settings
from data.db import reading
from data.demo.school import write_school
from data.instants import parse_as_of, to_us
from data.metrics.completion import completion
from data.models import Student
from tests.bench import fairness
from tests.bench.importing import PEAK_MB, measure

RUNS = 9
FILTERS = ("term", "asof", "vs", "division", "grade", "dept", "subject", "class", "teacher", "student")
OPTIONAL = ("dept", "subject", "class", "teacher")  # left at everything, but for the pages about one
OF_ONE = ("classes", "departments", "teachers", "students")
PASSWORD = "一把只在量測效能時才會用到的鑰匙"


def in_turn(ours: Callable[[], object], theirs: Callable[[], object]) -> tuple[float, float]:
    """Median milliseconds of two calls, timed one after the other so that a drift of the machine hits both."""
    times: tuple[list[float], list[float]] = ([], [])
    for _ in range(2):
        ours()
        theirs()
    gc.collect()
    for _ in range(RUNS):
        for call, kept in zip((ours, theirs), times, strict=True):
            begin = time.perf_counter()
            call()
            kept.append((time.perf_counter() - begin) * 1000)
    return statistics.median(times[0]), statistics.median(times[1])


def show(name: str, ours: float, theirs: float, goal: float) -> None:
    print(f"{name:58s} {ours:9.2f} ms {theirs:9.2f} ms   ratio {ours / theirs:5.2f}   goal ≤ {goal}")


def counting(duties: pd.DataFrame, as_of: pd.Timestamp) -> None:
    """completion() by class × stage against DuckDB on the same columns."""
    given = duties[["stage", "class", "opened_at", "done_at", "due_at", "exempt_at", "wait_us"]].copy()
    given["key"] = given["class"].astype(np.int32) * 8 + given["stage"]
    connection = duckdb.connect(config={"threads": 2})
    connection.execute("CREATE TABLE duties AS SELECT * FROM given ORDER BY wait_us")
    at = to_us(as_of.to_pydatetime())
    done, exempt = f"done_at <= {at}", f"exempt_at <= {at}"
    counts = f"""
        count(*) FILTER ({done} AND done_at < due_at) on_time, count(*) FILTER ({done} AND done_at >= due_at) late,
        count(*) FILTER (NOT {done} AND NOT {exempt} AND due_at > {at}) open,
        count(*) FILTER (NOT {done} AND NOT {exempt} AND due_at <= {at}) overdue,
        count(*) FILTER (NOT {done} AND {exempt}) exempt,
        count(*) FILTER ({done} AND due_at <= {at}) due_done"""
    plain = f"SELECT key, {counts} FROM duties WHERE opened_at <= {at} GROUP BY key"
    waits = (
        f"SELECT key, {counts}, quantile_cont(wait_us, 0.5) FILTER ({done}) p50, quantile_cont(wait_us, 0.9) FILTER ({done}) p90 "
        f"FROM duties WHERE opened_at <= {at} GROUP BY key"
    )
    by = ["class", "stage"]
    ours = completion(duties, by=by, as_of=as_of)
    theirs = connection.execute(plain).df()
    assert int(ours["on_time"].sum()) == int(theirs["on_time"].sum()), "both must count the same"
    show(
        "completion() by class × stage / DuckDB, 2 threads",
        *in_turn(lambda: completion(duties, by=by, as_of=as_of), lambda: connection.execute(plain).fetchall()), 1.2,
    )  # fmt: skip
    show(
        "the same with waits / DuckDB quantile_cont, done only",
        *in_turn(lambda: completion(duties, by=by, as_of=as_of, waits=True), lambda: connection.execute(waits).fetchall()), 2.0,
    )  # fmt: skip


def callback(settings: Settings, store: Store) -> None:
    """Each page's data callback after a filter change against an authenticated callback with its answer ready-made."""
    from dash import Input, Output

    from dashboard.access.guard import protected_callback
    from dashboard.access.roles import Permission

    ready: dict[str, object] = {}

    @protected_callback(
        Output("bench", "children"), Input("bench-in", "value"), permission=Permission.VIEW_OVERVIEW, scoped=False
    )
    def _ready(_value: str) -> object:
        return ready["answer"]

    app = create_app(settings)
    accounts.add_user(store, "bench", PASSWORD, role="executive_secretary", classes=[])
    client = app.server.test_client()
    page = client.get("/login").get_data(as_text=True)
    token = page.split('name="csrf_token" value="')[1].split('"')[0]
    client.post("/login", data={"username": "bench", "password": PASSWORD, "csrf_token": token})
    _, ledger = store.ledger()
    terms = ledger.terms()

    def post(output: str, inputs: dict[str, object]) -> bytes:
        each = output.strip(".").split("...")
        outputs = [{"id": one.rsplit(".", 1)[0], "property": one.rsplit(".", 1)[1]} for one in each]
        answer = client.post("/_dash-update-component", json={
            "output": output, "outputs": outputs if len(outputs) > 1 else outputs[0],
            "inputs": [{"id": k.rsplit(".", 1)[0], "property": k.rsplit(".", 1)[1], "value": v} for k, v in inputs.items()],
            "changedPropIds": list(inputs),
        })  # fmt: skip
        assert answer.status_code == 200, answer.status_code
        return answer.data

    examples = {
        "class": str(ledger.classes["name"].iloc[-1]),
        "dept": next(str(name) for name in ledger.labels["department"] if name),
        "teacher": str(ledger.labels["teacher"][-1]),
        "student": _student_number(store),
    }

    def measure_page(output: str) -> None:
        page_id = output.removeprefix("..").partition("-head")[0]
        names = [each["id"] for each in app.callback_map[output]["inputs"]]
        filters = [name.partition("-")[2] for name in names if name != "theme"]
        if set(filters) - set(FILTERS) or "term" not in filters:
            return  # asks for more than filters: a page with forms; or has no term to change
        said = {name: "" if name in OPTIONAL and page_id not in OF_ONE else examples.get(name, "") for name in filters}
        turn = 0

        def answer() -> bytes:
            nonlocal turn
            turn += 1  # each time another term: the answer after a filter change
            asked = said | {"term": str(terms[turn % len(terms)])}
            return post(output, {f"{page_id}-{name}.value": asked[name] for name in filters} | {"theme.data": "light"})

        bodies = [answer() for _ in terms]
        ready["answer"] = json.loads(bodies[-1])["response"][f"{page_id}-body"]["children"]
        times = in_turn(answer, lambda: post("bench.children", {"bench-in.value": "x"}))
        show(f"{page_id}: data callback, another term / ready-made", *times, 3 if page_id == "overview" else 4)
        largest = max(len(body) for body in bodies) / 1000
        print(f"{'bytes of the largest of its answers':58s} {largest:9.1f} kB   goal ≤ 120 kB")

    for output in sorted(each for each in app.callback_map if each.endswith("-body.children..")):
        if not output.startswith(("..audit-", "..admin-")):  # the administrator's
            measure_page(output)
    measure_pack(app, str(terms[1]), post)


def measure_pack(app: Dash, term: str, post: Callable[[str, dict[str, object]], bytes]) -> None:
    """A meeting's pack, both editions, against the overview's callback, each with nothing kept; the PDFs' compiling is set apart."""
    kept, outputs = (
        app.server.config["LICHENG_STORE"],
        [each for each in app.callback_map if each.startswith("..overview-head")],
    )
    names = [each["id"] for each in app.callback_map[outputs[0]]["inputs"] if each["id"] != "theme"]
    asked = {f"{name}.value": term if name == "overview-term" else "" for name in names} | {"theme.data": "light"}
    compiling: list[float] = []

    def overview() -> None:
        kept._results.clear()
        post(outputs[0], asked)

    def pack() -> None:
        kept._results.clear()
        with app.server.test_request_context(), force_locale("zh_Hant_TW"):
            for edition, role in (("full", Role.CONVENER), ("members", Role.MEMBER)):
                scope = scope_for(role, classes=frozenset(), staff_code="", unit="")
                view = open_view(kept, scope, {"term": term})
                assert view is not None
                evidence = gather(view, edition=edition, made_at=now())
                make_archive(evidence)
                begin = time.perf_counter()
                to_pdf(evidence, evidence_hash="0" * 64)  # once more, to know what of the whole it was
                compiling.append((time.perf_counter() - begin) * 1000)

    whole, theirs = in_turn(pack, overview)
    compiled = 2 * statistics.median(compiling)  # both editions'
    show("a pack, both editions, without its PDFs / overview, nothing kept", whole - 2 * compiled, theirs, 10)
    print(f"{'the PDFs of both editions':58s} {compiled:9.2f} ms")


def _student_number(store: Store) -> str:
    with reading(store.engine) as connection:
        return str(connection.execute(select(func.max(Student.student_number))).scalar())


def importing() -> None:
    """The large workbook's import against pandas merely reading it; the same file again; the same rows in other bytes."""
    with tempfile.TemporaryDirectory() as scratch:
        found = measure(Path(scratch))
    ms = {name: value * 1000 for name, value in found.items()}
    show("import of 100,000 × 15 from xlsx / pandas.read_excel reading it", ms["first"], ms["read_excel"], 0.5)
    show("the same file again / its first import", ms["again"], ms["first"], 0.6)
    show("the same rows in other bytes / its first import", ms["resaved"], ms["first"], 0.6)
    print(f"{'peak memory of the import, its child included':58s} {found['peak_mb']:9.0f} MB   goal ≤ {PEAK_MB} MB")


def main() -> None:
    classes, duties_wanted = (int(sys.argv[1]), int(sys.argv[2])) if len(sys.argv) > 2 else (90, 300_000)
    with tempfile.TemporaryDirectory() as scratch:
        settings = Settings(instance_dir=Path(scratch) / "instance", database_url="")
        store = Store(settings.url, id_key=settings.secret("id-number"), instance_dir=settings.instance_dir)
        store.migrate()
        begin = time.perf_counter()
        write_school(
            Path(scratch) / "files", classes=classes, terms=6, seed=1, today=date(2026, 11, 24), duties=duties_wanted
        )
        written = time.perf_counter()
        plan = imports.import_paths(store, [Path(scratch) / "files"], by="bench")
        imported = time.perf_counter()
        assert plan.committed, [str(problem) for problem in plan.problems[:5]]
        _, ledger = store.ledger()
        built = time.perf_counter()
        print(
            f"machine: {platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}, pandas {pd.__version__}, DuckDB {duckdb.__version__}"
        )
        print(
            f"size: {len(ledger.enrolments):,} enrolments, {classes} classes a year, {len(ledger.teachers)} teachers, {len(ledger.duties):,} duties"
        )
        print(
            f"files written in {written - begin:.1f} s, imported in {imported - written:.1f} s, ledger built in {built - imported:.1f} s"
        )
        print(f"medians of {RUNS}, timed in turn; ours, theirs, ratio")
        counting(ledger.duties, pd.Timestamp(parse_as_of("2026-01-15T12:00")))
        callback(settings, store)
    fairness.main()
    importing()


if __name__ == "__main__":
    main()
