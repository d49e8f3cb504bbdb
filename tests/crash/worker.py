"""A warm process that does each line's import or undo in a child of its own, which may be killed: `python -m tests.crash.worker`."""

from __future__ import annotations

import json
import os
import sys
import time
from datetime import datetime
from pathlib import Path
from typing import Any

import data.ledger
import data.metrics
import data.queries  # noqa: F401 - all that an import needs is there before the first one begins
from data.db import open_engine
from data.rosters.importing import import_files
from data.rosters.kinds import all_kinds
from data.rosters.undo import undo_batch


def say(word: str, number: int = 0) -> None:
    """Write one line at once: the one who kills is waiting for it."""
    os.write(1, f"{word} {number}\n".encode())


def do(job: dict[str, Any]) -> None:
    """Import files into, or undo a batch of, the database of the job; between plan and commit it says so and may rest.

    Afterwards it lingers, so that a kill may find it with all done and nothing tidied up.
    """
    engine, at = open_engine(job["url"]), datetime.fromisoformat(job["at"])
    if "batch_id" in job:
        undo_batch(engine, job["batch_id"], by="crash", at=at)
        return

    def planned(_: object) -> list[Any]:
        say("planned")
        time.sleep(job["rest"])
        return []

    folder, key = Path(job["folder"]), bytes.fromhex(job["key"])
    assert import_files(engine, [folder], id_key=key, by="crash", at=at, inspect=planned).committed


def main() -> None:
    """Fork for each job, so that it begins warm and alone in its process group; say its pid, and how it ended."""
    all_kinds()
    say("ready")
    for line in sys.stdin:
        child = os.fork()
        if child == 0:
            os.setsid()
            say("begun", os.getpid())
            job = json.loads(line)
            do(job)
            say("done")
            time.sleep(job["linger"])
            os._exit(0)
        _, status = os.waitpid(child, 0)
        say("ended", os.waitstatus_to_exitcode(status))


if __name__ == "__main__":
    main()
