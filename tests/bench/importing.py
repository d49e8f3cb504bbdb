"""The import of a large workbook against pandas merely reading it, and the same file again; in processes of their own."""

from __future__ import annotations

import json
import os
import resource
import shutil
import statistics
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from pathlib import Path

import pandas as pd

from data.db import migrate, open_engine
from data.demo.files import write_xlsx
from data.demo.school import write_school
from data.rosters.importing import import_files

ROWS, COLUMNS, RUNS = 100_000, 15, 5
PEAK_MB = 600


def make_large(folder: Path) -> tuple[Path, Path]:
    """Return a database that knows the school, and its certification list of 100,000 rows × 15 columns as a workbook."""
    write_school(folder / "school", classes=90, terms=1, seed=1, today=date(2026, 11, 24), duties=110_000)
    (listed,) = (folder / "school").glob("認證清單*")
    rows = pd.read_csv(listed, dtype="str", keep_default_na=False).drop(columns=["教師名稱", "學生姓名"])
    listed.unlink()
    write_xlsx(rows.iloc[:ROWS, :COLUMNS], folder / "large.xlsx")
    engine = open_engine(f"sqlite:///{folder / 'base.sqlite'}")
    migrate(engine)
    plan = import_files(engine, [folder / "school"], id_key=b"bench", by="bench")
    assert plan.committed, [str(problem) for problem in plan.problems[:5]]
    engine.dispose()
    return folder / "base.sqlite", folder / "large.xlsx"


def _read_excel(path: Path) -> float:
    begin = time.perf_counter()
    pd.read_excel(path)
    return time.perf_counter() - begin


def _import(base: Path, path: Path) -> dict[str, float]:
    """Import into a copy of the base, again the same file, again the same rows in other bytes; and the peak of memory."""
    import zipfile

    copy = base.with_name("copy.sqlite")
    for left in base.parent.glob("copy.sqlite*"):
        left.unlink()
    shutil.copy(base, copy)
    engine = open_engine(f"sqlite:///{copy}")
    resaved = path.with_name("resaved.xlsx")
    shutil.copy(path, resaved)
    with zipfile.ZipFile(resaved, "a") as archive:
        archive.comment = b"saved again"
    times: dict[str, float] = {}
    for name, file in (("first", path), ("again", path), ("resaved", resaved)):
        begin = time.perf_counter()
        with watched() as peak:
            plan = import_files(engine, [file], id_key=b"bench", by="bench")
        times[name] = time.perf_counter() - begin
        times.setdefault("peak_mb", peak[0])  # of the first import
        assert plan.committed, [str(problem) for problem in plan.problems[:5]]
        assert (plan.reports[0].new > 0) == (name == "first")
    engine.dispose()
    return times


@contextmanager
def watched() -> Iterator[list[float]]:
    """Watch how many MB this process and its children hold together, 50 times a second; the greatest comes back."""
    peak, over = [0.0], threading.Event()

    def resident(pid: str) -> int:
        try:
            children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
            pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
        except (OSError, IndexError):  # it has just ended
            return 0
        return pages * resource.getpagesize() + sum(map(resident, children))

    def look() -> None:
        while not over.wait(0.02):
            peak[0] = max(peak[0], resident(str(os.getpid())) / 2**20)

    thread = threading.Thread(target=look)
    thread.start()
    try:
        yield peak
    finally:
        over.set()
        thread.join()


def measure(folder: Path) -> dict[str, float]:
    """Return medians in seconds of each thing, timed in turn, and the peak of memory in MB (our process and its child)."""
    base, large = make_large(folder)
    found: dict[str, list[float]] = {}
    for _ in range(RUNS):
        for what in ("import", "read_excel"):
            ran = subprocess.run(
                [sys.executable, "-m", "tests.bench.importing", what, str(base), str(large)], capture_output=True, text=True, check=True
            )  # fmt: skip
            for name, value in json.loads(ran.stdout).items():
                found.setdefault(name, []).append(value)
    return {name: max(values) if name == "peak_mb" else statistics.median(values) for name, values in found.items()}


def main() -> None:
    """Run one of the two things in this process, and print its figures."""
    what, base, large = sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3])
    print(json.dumps(_import(base, large) if what == "import" else {"read_excel": _read_excel(large)}))


if __name__ == "__main__":
    main()
