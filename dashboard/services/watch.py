"""A watched folder, for platforms that export every night: clean plans are committed, all others wait on the page."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from sqlalchemy import select
from sqlalchemy.exc import OperationalError

from dashboard.services import imports, jobs
from dashboard.services.store import Store
from data import jobs as queue
from data.db import reading
from data.models import Import, Job
from data.rosters.problems import RefusedError
from data.rosters.reading import find_files
from data.rosters.repeats import file_hash

SECONDS = 2.0
_Seen = tuple[int, int]  # size and time of last change

COUNTS = {"new": "新增", "changed": "變更", "unchanged": "不變", "rejected": "退回"}
WORDS = {
    queue.DONE: "已匯入",
    queue.PLANNED: "有要看的地方，沒有寫入，在網頁的「匯入」等人處理",
    queue.REFUSED: "沒有寫入，在網頁的「匯入」等人處理",
    queue.CANCELLED: "已取消",
}


def watch(store: Store, folder: Path, *, say: Callable[[str], None], year: int | None = None, seconds: float = SECONDS) -> None:  # fmt: skip
    """Look at a folder until interrupted, and take in what has stopped changing; one line a file.

    Files that come together are one hand-in, as a list of items needs its list of students. The same bytes are never taken
    twice, not even after an undo or a restart.
    """
    before: dict[Path, _Seen] = {}
    settled: dict[Path, _Seen] = {}  # dealt with, as long as they do not change again
    said = ""
    while True:
        now = _look(folder)
        fresh = {path: seen for path, seen in now.items() if settled.get(path) != seen}
        if fresh and all(before.get(path) == seen for path, seen in fresh.items()):
            trouble = _take(store, sorted(fresh), say=say, year=year)
            if not trouble:
                settled |= fresh
            elif trouble != said:
                say(trouble)
            said = trouble
        before = now
        time.sleep(seconds)


def _look(folder: Path) -> dict[Path, _Seen]:
    found = {}
    try:
        for path in find_files([folder]):
            status = path.stat()
            found[path] = (status.st_size, status.st_mtime_ns)
    except (RefusedError, OSError):  # an empty folder, or a file that went while it was looked at
        return {}
    return found


def _take(store: Store, paths: list[Path], *, say: Callable[[str], None], year: int | None) -> str:
    """Hand the files in and see them through; return what kept them from being handed in, to try again."""
    try:
        taken = _taken(store)
        fresh: list[Path] = []
        for path in paths:
            sha256 = file_hash(path)
            if sha256 in taken:
                say(f"{path.name}：內容和收過的檔案相同，不再匯入")
            else:
                taken.add(sha256)
                fresh.append(path)
        if not fresh:
            return ""
        with ExitStack() as opened:
            files = [(path.name, opened.enter_context(path.open("rb"))) for path in fresh]
            token = imports.hand_in(store, files, by=imports.WATCH, source=imports.WATCH, year=year)
        row = queue.find_job(store.engine, token)
        while row.state in (*queue.TAKEN_UP, *queue.RUNNING):  # this process works, unless a serving one was quicker
            if not jobs.work(store):
                time.sleep(0.2)
            row = queue.find_job(store.engine, token)
    except imports.ServiceError as error:
        return str(error)
    except (OSError, OperationalError) as error:
        return f"現在不能匯入（{type(error).__name__}），稍後再試"
    _tell(row, fresh, say)
    return ""


def _tell(row: Any, paths: list[Path], say: Callable[[str], None]) -> None:
    reports = json.loads(row.plan)["reports"] if row.plan else []
    said = WORDS.get(row.state) or row.error
    for path in paths:
        mine = [report for report in reports if report["file"] == path.name]
        counts = "，".join(f"{word} {sum(report[key] for report in mine)}" for key, word in COUNTS.items())
        say(f"{path.name}：{said}（{counts}）" if mine else f"{path.name}：{said}")


def _taken(store: Store) -> set[str]:
    """The hashes of all that was ever imported, or handed in by a watched folder."""
    with reading(store.engine) as connection:
        hashes = set(connection.execute(select(Import.sha256).distinct()).scalars())
        handed_in = connection.execute(select(Job.options).where(Job.source == imports.WATCH)).scalars()
        return hashes.union(*({file["sha256"] for file in json.loads(options)["files"]} for options in handed_in))
