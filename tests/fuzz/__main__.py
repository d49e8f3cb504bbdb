"""Thousands of damaged files against reading and importing: `python -m tests.fuzz --files 10000 --seconds 60`."""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

from data.db import migrate, open_engine
from data.demo.school import write_school
from data.rosters.importing import import_files
from tests.fuzz.books import ods, ods_row, row, xls, xlsx
from tests.unit.builders import HEADINGS, STUDENTS, WINDOWS, item, passed, write_small_school

Said = dict[str, Any]
MOST_DEATHS = 20
HANGS_AFTER = 60  # seconds without a word from a worker: what it began is taken to hang


def make_seeds(folder: Path) -> None:
    """Write what is to be damaged: a demo school, a small school in both vendors' headings, and layouts of every sort."""
    folder.mkdir(parents=True)
    write_school(folder / "demo", classes=3, terms=1, seed=3, today=date(2024, 12, 2))
    write_small_school(folder / "a", outcomes=[item(), passed("1130002", "2")])
    write_small_school(folder / "b", vendor="b")
    for part in ("demo", "a", "b"):
        for path in sorted((folder / part).iterdir()):
            if path.stat().st_size < 200_000:  # a damaged cell is found as soon in a short list
                path.rename(folder / f"{part}-{path.name}")
        shutil.rmtree(folder / part)
    head, student = HEADINGS["students"], STUDENTS[0]
    (folder / "titled.xlsx").write_bytes(
        xlsx(row(1, ["某某高中"]) + row(3, head) + row(4, student) + row(5, ["備註：無"]))
    )
    (folder / "shared.xlsx").write_bytes(
        xlsx('<row r="1"><c r="A1" t="s"><v>0</v></c></row><row r="2"><c r="A2" t="s"><v>1</v></c></row>', shared="<si><t>學號</t></si><si><t>1130001</t></si>")
    )  # fmt: skip
    (folder / "small.ods").write_bytes(ods(ods_row(HEADINGS["windows"]) + "".join(map(ods_row, WINDOWS))))
    text = "\n".join(",".join(cells) for cells in [head, *STUDENTS])
    for name, encoding in (
        ("plain.csv", "utf-8"),
        ("marked.csv", "utf-8-sig"),
        ("big5.csv", "cp950"),
        ("wide.txt", "utf-16"),
    ):
        (folder / name).write_bytes((text.replace(",", "\t") if name.endswith("txt") else text).encode(encoding))
    (folder / "old.xls").write_bytes(xls([head, *STUDENTS]))


def watch(worker: subprocess.Popen[str], deadline: float, hear: Callable[[Said], None]) -> Said | None:
    """Listen to a worker until it is done or the time is up. Returns the file it died or fell silent of, if it did."""
    last: Said | None = None
    heard, ended = time.monotonic(), threading.Event()

    def guard() -> None:
        while not ended.wait(0.5):
            if time.monotonic() > deadline or time.monotonic() - heard > HANGS_AFTER:
                worker.kill()

    threading.Thread(target=guard, daemon=True).start()
    assert worker.stdout is not None
    for line in worker.stdout:
        heard, said = time.monotonic(), json.loads(line)
        last = said if "begins" in said else None
        if last is None:
            hear(said)
    ended.set()
    if worker.wait() == 0 or time.monotonic() > deadline:
        return None
    return last or {"begins": None, "file": ""}


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    parser.add_argument("--files", type=int, default=10_000, help="how many files at most")
    parser.add_argument("--seconds", type=float, default=60, help="how long at most")
    parser.add_argument("--seed", type=int, default=1, help="the same seed damages in the same way")
    parser.add_argument("--first", type=int, default=0, help="begin with this file, to try one again")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="licheng-fuzz-") as scratch:
        folder = Path(scratch)
        make_seeds(folder / "seeds")
        engine = open_engine(f"sqlite:///{folder / 'school.sqlite'}")
        migrate(engine)
        write_school(folder / "school", classes=3, terms=1, seed=3, today=date(2024, 12, 2))
        plan = import_files(engine, [folder / "school"], id_key=b"x", by="fuzz")
        assert plan.committed, [str(problem) for problem in plan.problems]
        engine.dispose()
        (folder / "good.csv").write_text("學號,姓名\n1,甲\n", encoding="utf-8")
        kept = Path(tempfile.gettempdir()) / f"licheng-fuzz-seed{asked.seed}"
        shutil.rmtree(kept, ignore_errors=True)
        kept.mkdir()
        deadline = time.monotonic() + asked.seconds
        told: list[Said] = []

        def run(worker: int, workers: int) -> None:
            order: Said = {
                "folder": str(folder / f"worker{worker}"), "database": str(folder / "school.sqlite"), "seeds": str(folder / "seeds"),
                "good": str(folder / "good.csv"), "kept": str(kept), "seed": asked.seed, "first": asked.first + worker,
                "last": asked.first + asked.files, "step": workers,
            }  # fmt: skip
            for _ in range(MOST_DEATHS):
                command = [sys.executable, "-m", "tests.fuzz.worker", json.dumps(order)]
                with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as process:
                    death = watch(process, deadline, told.append)
                    process.kill()
                if death is None:
                    return
                if death["begins"] is None:
                    told.append({"failed": -1, "why": "a worker did not start", "trace": ""})
                    return
                shutil.copy(death["file"], kept)
                told.append({"failed": death["begins"], "why": "the process died or fell silent", "trace": ""})
                order["first"] = death["begins"] + workers

        workers = min(2, os.cpu_count() or 1)
        threads = [threading.Thread(target=run, args=(number, workers)) for number in range(workers)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    return report(told, kept, seed=asked.seed)


def report(told: list[Said], kept: Path, *, seed: int) -> int:
    """Print what became of the files; return 1 if one did what it must not, or none was tried."""
    ended = [said for said in told if "ends" in said]
    failed = [said for said in told if "failed" in said]
    lines = [f"seed {seed}: {len(ended) + len(failed)} files, {len(failed)} failed"]
    for key in ("outcome", "suffix"):
        lines += [f"{count:7d}  {what}" for what, count in Counter(said[key] for said in ended).most_common()]
    if ended:
        slowest = max(ended, key=lambda said: said["seconds"])
        lines.append(f"slowest: file {slowest['ends']} ({slowest['suffix']}), {slowest['seconds']:.2f} s")
    for why, count in Counter(said["why"] for said in failed).most_common():
        first = min((said for said in failed if said["why"] == why), key=lambda said: said["failed"])
        lines.append(f"FAILED {count} times, first file {first['failed']}: {why}\n{first['trace']}")
    if failed:
        lines.append(f"kept: {', '.join(sorted(str(path) for path in kept.iterdir())[:20])}")
    else:
        shutil.rmtree(kept)
    sys.stdout.write("\n".join(lines) + "\n")
    return 1 if failed or not ended else 0


if __name__ == "__main__":
    sys.exit(main())
