"""One process that takes damaged files in and watches what they do; it may die of one, which its parent sees."""

from __future__ import annotations

import hashlib
import json
import resource
import shutil
import sys
import time
import traceback
from pathlib import Path

import numpy as np
from sqlalchemy import Engine, select

from data.db import open_engine, reading
from data.models import Base
from data.rosters import importing
from data.rosters.kinds import known_headings
from data.rosters.problems import Problem, RefusedError
from data.rosters.reading import Table, read_in_child, read_tables
from tests.fuzz.mutate import mutate

CHILD_EVERY = 30  # of the files also go through the limited child, all old workbooks do
MEMORY_BYTES = 6 * 2**30  # what makes more room than that dies here and not on somebody's machine
KNOWN = known_headings()
MOST_SECONDS = 10


def damaged_file(folder: Path, seeds: list[Path], *, seed: int, number: int) -> Path:
    """Write the file of this number: the same seed gives the same bytes, whatever was tried before."""
    rng = np.random.default_rng([seed, number])
    source = seeds[int(rng.integers(len(seeds)))]
    path = folder / f"{number}-{source.name}"
    path.write_bytes(mutate(source.read_bytes(), source.suffix, rng))
    return path


def contents(engine: Engine) -> dict[str, str]:
    """Return a checksum of every table but the audit's, which note refusals too."""
    sums = {}
    with reading(engine) as connection:
        for table in Base.metadata.sorted_tables:
            if not table.name.startswith("audit_"):
                rows = sorted(map(repr, connection.execute(select(table)).all()))
                sums[table.name] = hashlib.sha256("\n".join(rows).encode()).hexdigest()
    return sums


def read_here(paths: list[Path], *, known: frozenset[str], **_: object) -> tuple[list[Table], list[Problem]]:
    """Stand in for the child, for speed: the same files by the same code in this process."""
    tables: list[Table] = []
    problems: list[Problem] = []
    for path in paths:
        try:
            tables += read_tables(path, known=known)
        except RefusedError as refused:
            problems += refused.problems
    return tables, problems


def try_file(path: Path, engine: Engine, before: dict[str, str]) -> tuple[str, bool]:
    """Read a file and take it in. Returns what came of it, and whether the database is another now."""
    _, problems = read_here([path], known=KNOWN)
    plan = importing.import_files(engine, [path], id_key=b"x", by="fuzz")
    lines = [str(problem) for problem in [*problems, *plan.problems]]
    assert all(len(line.splitlines()) == 1 or "「" in line for line in lines), "a problem of more than one line"
    assert all(problem.message for problem in [*problems, *plan.problems]), "a problem without a message"
    assert not any("Traceback" in line or "Error(" in line for line in lines), "a problem that speaks to programmers"
    if plan.committed:
        changed = any(report.new or report.changed for report in plan.reports)
        return ("taken in" if changed else "taken in, nothing new"), True
    assert plan.problems or getattr(plan, "stopped_by", None), "refused without a reason"
    assert contents(engine) == before, "refused, and yet something was written"
    if problems:
        return "not readable", False
    kinds = {report.kind for report in plan.reports}
    return ("not recognised" if kinds <= {""} else "rows refused"), False


def try_child(paths: list[Path]) -> None:
    """Read files through the child: none may disturb another, and what could be read here must read there."""
    tables, problems = read_in_child(paths, known=KNOWN)
    refused = {problem.file_name for problem in problems}
    assert not refused & {table.file_name for table in tables}, "both read and refused"
    for path in paths:
        if path.suffix == ".xls":
            continue
        here, wrong = read_here([path], known=KNOWN)
        assert bool(wrong) == (path.name in refused), "the child and this process disagree whether it can be read"
        there = [table for table in tables if table.file_name == path.name]
        assert len(here) == len(there), "the child and this process disagree on the sheets"
        assert all(a.frame.equals(b.frame) for a, b in zip(here, there, strict=True)), "the child reads other cells"


def say(**said: object) -> None:
    """Tell the parent."""
    sys.stdout.write(json.dumps(said) + "\n")
    sys.stdout.flush()


def main() -> None:
    asked = json.loads(sys.argv[1])
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    if hasattr(importing, "read_in_child"):
        importing.read_in_child = read_here  # type: ignore[assignment]
    folder, pristine = Path(asked["folder"]), Path(asked["database"])
    folder.mkdir(parents=True, exist_ok=True)
    seeds = sorted(Path(asked["seeds"]).iterdir())
    database = folder / "school.sqlite"
    shutil.copy(pristine, database)
    engine = open_engine(f"sqlite:///{database}")
    before = contents(engine)
    for number in range(asked["first"], asked["last"], asked["step"]):
        path = damaged_file(folder, seeds, seed=asked["seed"], number=number)
        say(begins=number, file=str(path))
        begin, changed = time.monotonic(), True
        try:
            if path.suffix == ".xls":
                outcome, changed = "old workbook, by the child", False
            else:
                outcome, changed = try_file(path, engine, before)
            if path.suffix == ".xls" or number % CHILD_EVERY < asked["step"]:
                try_child([path, Path(asked["good"])])
            seconds = time.monotonic() - begin
            assert seconds < MOST_SECONDS, f"took {seconds:.1f} s"
            say(ends=number, outcome=outcome, seconds=seconds, suffix=path.suffix)
        except BaseException as error:  # whatever it is: that it came is what is looked for
            shutil.copy(path, asked["kept"])
            say(failed=number, why=f"{type(error).__name__}: {error}"[:300], trace=traceback.format_exc()[-2500:])
        path.unlink()
        if changed:
            engine.dispose()
            for beside in folder.glob("school.sqlite*"):
                beside.unlink()
            shutil.copy(pristine, database)
            engine = open_engine(f"sqlite:///{database}")


if __name__ == "__main__":
    main()
