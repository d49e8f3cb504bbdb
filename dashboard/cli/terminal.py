"""What the commands say on a terminal: one clear line and a status for what is refused, a bar while it lasts."""

from __future__ import annotations

import sys
from typing import Any

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

err = Console(stderr=True, highlight=False, soft_wrap=True)


def say(line: str) -> None:
    """Print what was done as one plain line."""
    Console(soft_wrap=True, highlight=False).print(line, markup=False)


def fail(message: str, status: int = 1) -> typer.Exit:
    """Say why on standard error; raise what comes back."""
    err.print(message, markup=False)
    return typer.Exit(status)


class Bar:
    """Progress on a terminal; silence elsewhere, so that logs and pipes stay clean."""

    def __init__(self) -> None:
        self.progress = Progress(
            TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), console=err, transient=True
        )
        self.task = self.progress.add_task("讀取")

    def __enter__(self) -> Any:
        if sys.stderr.isatty():
            self.progress.start()
        return lambda name, done, total: self.progress.update(self.task, description=name, completed=done, total=total)

    def __exit__(self, *_: object) -> None:
        if self.progress.live.is_started:  # else stopping would print an empty line
            self.progress.stop()
