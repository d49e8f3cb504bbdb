"""Files in, tables of text out: in this process, or all of them through one limited child."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import subprocess  # nosec B404  # our own reader alone, in a process with limits
import sys
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

import pandas as pd
import pyarrow as pa

from data.rosters.child import seconds_for
from data.rosters.limits import MAX_BYTES, refused
from data.rosters.oldbooks import SIGNATURE
from data.rosters.parsing import WORKBOOKS, read_sheets
from data.rosters.problems import Problem, RefusedError
from data.rosters.sheets import Sheet, from_wire, normalise_heading
from data.rosters.texts import TEXTS

__all__ = ["ArchiveReader", "Table", "find_files", "normalise_heading", "read_in_child", "read_tables"]

ARCHIVES = {".zip", ".json"}
START_SECONDS = 10  # for the child to be there at all; it takes 0.1 where nothing else runs
_HERE = Path(__file__).resolve().parents[2]
# All that the child is told of this process; keys, passwords and the database's address stay here.
_PASSED_ON = ("PATH", "SYSTEMROOT", "WINDIR", "LD_LIBRARY_PATH", "PYTHONPATH", "PYTHONHOME", "VIRTUAL_ENV", "LANG")
# One allocator, so that the limit on memory means something; and it asks the system for much at a time, 5 % faster.
_MEMORY = {
    "ARROW_DEFAULT_MEMORY_POOL": "system",
    "MALLOC_ARENA_MAX": "2",
    "MALLOC_TOP_PAD_": str(2**26),
    "MALLOC_TRIM_THRESHOLD_": str(2**32),
    "MALLOC_MMAP_THRESHOLD_": str(2**30),
}


@dataclass(frozen=True, slots=True)
class Table:
    """One sheet as text: columns are the normalised headings, the index holds the row numbers that a person sees."""

    file_name: str
    sheet: str
    sha256: str
    frame: pd.DataFrame
    cover: Mapping[str, str] = field(default_factory=dict)  # what the book's 封面 says, on every table of that book
    heading_row: int = 1
    notes: tuple[str, ...] = ()


ArchiveReader = Callable[[str, bytes], list[Table]]


def find_files(paths: Sequence[Path]) -> list[Path]:
    """Return the files named, and those in the folders named, sorted. Raises RefusedError for a path that is not there."""
    found: list[Path] = []
    for path in paths:
        if path.is_dir():
            found += [
                p
                for p in path.iterdir()
                if p.suffix.lower() in WORKBOOKS | TEXTS.keys() | ARCHIVES and p.name[:1] not in "~."
            ]
        elif path.is_file():
            found.append(path)
        else:
            raise refused(path.name, "找不到這個檔案或資料夾，請確認路徑")
    if not found:
        raise refused(
            paths[0].name if paths else "", "資料夾裡沒有可以匯入的檔案（xlsx、xls、ods、csv、tsv、zip、json）"
        )
    return sorted(found, key=lambda p: p.name)


def read_tables(
    path: Path, *, known: frozenset[str] = frozenset(), archive: ArchiveReader | None = None
) -> list[Table]:
    """Read every sheet that holds something, in this process but for xls, whose parser may never come back.

    known: the normalised headings of all kinds, by which the heading row is found. Raises RefusedError with one clear
    line when the file cannot be read.
    """
    suffix, _ = _check_file(path)
    content = _read_bytes(path)
    if suffix in ARCHIVES:
        return _read_archive(path.name, content, archive)
    if suffix in WORKBOOKS and content[:8] == SIGNATURE:
        tables, problems = read_in_child([path], known=known)
        if problems:
            raise RefusedError(problems)
        return tables
    sha256 = hashlib.sha256(content).hexdigest()
    return [_to_table(path.name, sha256, sheet) for sheet in read_sheets(path.name, content, suffix, known=known)]


def read_in_child(
    paths: Sequence[Path],
    *,
    known: frozenset[str],
    archive: ArchiveReader | None = None,
    on_progress: Callable[[str, int, int], None] = lambda *_: None,
) -> tuple[list[Table], list[Problem]]:
    """Read files through one limited process, started again for the next file when one was too much for it.

    Returns the tables of the files that could be read, and what is wrong with the others; raises nothing for a bad file.
    on_progress hears (file, how many are done, how many there are). Archives are for `archive`, in this process.
    """
    tables: list[Table] = []
    problems: list[Problem] = []
    child = _start_child()  # at once: it loads its libraries while the first file is looked at
    told = False
    try:
        for number, path in enumerate(paths):
            on_progress(path.name, number, len(paths))
            try:
                suffix, size = _check_file(path)
                if suffix in ARCHIVES:
                    tables += _read_archive(path.name, _read_bytes(path), archive)
                    continue
                if child.poll() is not None:
                    _stop(child)
                    child, told = _start_child(), False
                request: dict[str, Any] = {
                    "path": str(path.absolute()),
                    "name": path.name,
                    "suffix": suffix,
                    "size": size,
                }
                tables += _ask(
                    child, path.name, request if told else request | {"known": sorted(known)}, seconds_for(size)
                )
                told = True
            except RefusedError as refusal:
                problems += refusal.problems
                told = told or child.poll() is None
    finally:
        _stop(child)
    return tables, problems


def _check_file(path: Path) -> tuple[str, int]:
    suffix = path.suffix.lower()
    if suffix not in WORKBOOKS | TEXTS.keys() | ARCHIVES:
        raise refused(path.name, f"不能匯入「{suffix or '沒有副檔名'}」的檔案，請另存為 xlsx、ods 或 csv")
    try:
        size = path.stat().st_size
    except OSError:
        raise refused(path.name, "檔案打不開，請確認路徑正確、有權限讀取") from None
    if size > MAX_BYTES:
        raise refused(path.name, f"檔案超過 {MAX_BYTES // 2**20} MB，請分成幾個檔案再匯入")
    return suffix, size


def _read_bytes(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError:
        raise refused(path.name, "檔案打不開，請確認沒有被其他程式占用、有權限讀取") from None


def _read_archive(name: str, content: bytes, archive: ArchiveReader | None) -> list[Table]:
    if archive is None:
        raise refused(name, "這裡不能匯入 zip 或 json 檔，請匯入 xlsx、ods 或 csv")
    return archive(name, content)


def _to_table(name: str, sha256: str, sheet: Sheet) -> Table:
    frame = sheet.body.to_pandas()
    last = sheet.first_row + len(frame)
    frame.index = (
        pd.RangeIndex(sheet.first_row, last)
        if sheet.numbers is None
        else pd.Index(sheet.numbers.to_pandas(), dtype="int64")
    )
    return Table(name, sheet.name, sha256, frame, sheet.cover, sheet.heading_row, tuple(sheet.notes))


# --- the child --------------------------------------------------------------------------------------------------------


def _start_child() -> subprocess.Popen[bytes]:
    environment = {key: os.environ[key] for key in _PASSED_ON if key in os.environ} | _MEMORY
    return subprocess.Popen(  # nosec B603  # our own words, no shell
        [sys.executable, "-X", "utf8", "-B", "-m", "data.rosters.child"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,  # what a parser says when it dies may hold cells
        cwd=_HERE,
        env=environment,
        pipesize=2**20,
    )  # fmt: skip


def _stop(child: subprocess.Popen[bytes]) -> None:
    for pipe in (child.stdin, child.stdout):
        if pipe is not None:
            with contextlib.suppress(OSError):  # what was not yet written to a dead one
                pipe.close()
    try:
        child.wait(timeout=2)
    except subprocess.TimeoutExpired:
        child.kill()
        child.wait()


def _ask(child: subprocess.Popen[bytes], name: str, request: dict[str, Any], seconds: float) -> list[Table]:
    """Have the child read one file. Raises RefusedError with the child's problems, or with one for its death."""
    assert child.stdin is not None and child.stdout is not None  # nosec B101 # noqa: PT018, S101 - narrows the types; both are pipes
    late = threading.Event()

    def end() -> None:
        late.set()
        child.kill()

    clock = threading.Timer(seconds + START_SECONDS * ("known" in request), end)
    clock.start()
    try:
        child.stdin.write(json.dumps(request).encode() + b"\n")
        child.stdin.flush()
        said = json.loads(child.stdout.readline())
        bodies = [_read_exactly(child.stdout, size) for size in said.get("sizes", [])]
    except (OSError, ValueError):  # a closed pipe or half a line: it is no more
        child.kill()
        child.wait()
        if late.is_set():
            raise refused(name, f"讀了 {seconds:.0f} 秒還沒讀完，已停止，請另存新檔或分成幾個檔案再匯入") from None
        raise refused(
            name, "讀取時超過記憶體或時間的限制而停止（檔案損壞，或展開後過大），請另存新檔或分成幾個檔案再匯入"
        ) from None
    finally:
        clock.cancel()
    if "problems" in said:
        raise RefusedError([Problem(*problem) for problem in said["problems"]])
    sheets = []
    for body in bodies:
        table = pa.ipc.open_stream(pa.py_buffer(body)).read_all()
        table.validate()
        sheets.append(from_wire(table))
    return [_to_table(name, said["sha256"], sheet) for sheet in sheets]


def _read_exactly(pipe: IO[bytes], size: int) -> bytearray:
    body = bytearray(size)
    view, reached = memoryview(body), 0
    while reached < size:
        count = pipe.readinto(view[reached:])  # type: ignore[attr-defined]
        if not count:
            raise OSError("the pipe ended early")
        reached += count
    return body
