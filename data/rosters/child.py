"""The limited process that files are parsed in: paths in, Arrow out; without secrets, without a way to write a file."""

from __future__ import annotations

import contextlib
import json
import os
import sys
from pathlib import Path
from typing import Any, BinaryIO

MEMORY_BYTES = 2 * 2**30  # of address space; the largest workbook that the pre-check lets through takes 1.5
SECONDS, BYTES_A_SECOND = 10, 2**20


def seconds_for(size: int) -> float:
    """Return how long a file of so many bytes may take, in seconds: some ten times what a good one takes, as machines may be slow or busy."""
    return SECONDS + size / BYTES_A_SECOND


def limit_process() -> None:
    """Take from this process what parsing does not need. Windows has no such limits: there the parent's clock is all."""
    if sys.platform == "win32":
        return
    import resource

    for what, limit in (
        (resource.RLIMIT_AS, MEMORY_BYTES),
        (resource.RLIMIT_FSIZE, 0),
        (resource.RLIMIT_CORE, 0),
        (resource.RLIMIT_NOFILE, 64),
    ):
        _lower(what, limit)


def limit_seconds(seconds: float) -> None:
    """Give the file about to be read its own share of processor time, twice the clock's, as parsing text runs on two cores."""
    if sys.platform == "win32":
        return
    import resource

    used = resource.getrusage(resource.RUSAGE_SELF)
    _lower(resource.RLIMIT_CPU, int(used.ru_utime + used.ru_stime + 2 * seconds) + 1)


def _lower(what: int, limit: int) -> None:
    import resource

    _, most = resource.getrlimit(what)
    with contextlib.suppress(ValueError, OSError):  # macOS takes no limit below what is mapped already
        resource.setrlimit(what, (limit if most == resource.RLIM_INFINITY else min(limit, most), most))


def main() -> None:
    """Answer each request, a line of JSON naming a file, by a line of JSON and one Arrow stream a sheet."""
    limit_process()
    # numpy is not needed to parse, and costs two thirds of the time to start and most of the address space.
    sys.modules["numpy"] = None  # type: ignore[assignment]
    known: frozenset[str] = frozenset()
    for line in sys.stdin.buffer:
        asked = json.loads(line)
        known = frozenset(asked["known"]) if "known" in asked else known
        limit_seconds(seconds_for(asked["size"]))
        answer(asked, known, sys.stdout.buffer)
        sys.stdout.buffer.flush()
    os._exit(0)  # nothing is left to tidy up, and the parent waits for the end


def answer(asked: dict[str, Any], known: frozenset[str], out: BinaryIO) -> None:
    """Write what a file holds, or what is wrong with it. Only a memory limit ends the process: what is left is unsure."""
    import hashlib

    import pyarrow as pa

    from data.rosters.parsing import read_sheets
    from data.rosters.problems import RefusedError
    from data.rosters.sheets import to_wire

    try:
        content = Path(asked["path"]).read_bytes()
        sha256 = hashlib.sha256(content).hexdigest()
        sheets = read_sheets(asked["name"], content, asked["suffix"], known=known, limited=True)
        tables = [to_wire(sheet) for sheet in sheets]
    except RefusedError as refused:
        problems = [[p.file_name, p.row, p.column, p.value, p.message] for p in refused.problems]
        out.write(json.dumps({"problems": problems}).encode() + b"\n")
        return
    except OSError:
        problems = [[asked["name"], None, None, None, "檔案打不開，請確認沒有被其他程式占用、有權限讀取"]]
        out.write(json.dumps({"problems": problems}).encode() + b"\n")
        return
    sizes = []
    for table in tables:
        measure = pa.MockOutputStream()
        with pa.ipc.new_stream(measure, table.schema) as writer:
            writer.write_table(table)
        sizes.append(measure.size())
    out.write(json.dumps({"sizes": sizes, "sha256": sha256}).encode() + b"\n")
    for table in tables:
        sink = pa.PythonFile(out, mode="w")  # never closed: that would close the pipe
        with pa.ipc.new_stream(sink, table.schema) as writer:
            writer.write_table(table)


if __name__ == "__main__":
    main()
