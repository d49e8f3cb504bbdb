"""What is wrong with a file, said so that a person can mend it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Problem:
    """One refusal: file, row and column as the person sees them, the value, and how to mend it."""

    file_name: str
    row: int | None = None
    column: str | None = None
    value: str | None = None
    message: str = ""

    def __str__(self) -> str:
        """Return the one clear line."""
        where = self.file_name
        if self.row is not None:
            where += f" 第 {self.row} 列"
        if self.column is not None:
            where += f"「{self.column}」欄"
        if self.value is not None:
            where += f" 的值「{self.value}」"
        return f"{where}：{self.message}"


class RefusedError(Exception):
    """Something was refused and nothing was written."""

    def __init__(self, problems: list[Problem]) -> None:
        super().__init__("\n".join(str(problem) for problem in problems))
        self.problems = problems
