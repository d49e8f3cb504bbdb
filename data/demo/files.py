"""Frames to files as platforms leave them: workbooks, text files, and a little of the dirt that real ones have."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from xml.sax.saxutils import escape  # nosec B406  # writes XML, reads none

import numpy as np
import pandas as pd
import xlsxwriter
from odfdo import Document, Element

# A workbook names the moment it was made; a fixed one keeps equal seeds equal.
_MADE_AT = datetime(2020, 1, 1, tzinfo=UTC)
_WIDE = {code: code + 0xFEE0 for start, end in (("0", "9"), ("A", "Z")) for code in range(ord(start), ord(end) + 1)}


def write_xlsx(frame: pd.DataFrame, path: Path, *, sheet: str = "Sheet1") -> None:
    """Write a frame of text as a workbook, every cell as text."""
    write_book({sheet: frame}, path)


def write_book(sheets: Mapping[str, pd.DataFrame], path: Path) -> None:
    """Write frames of text as the sheets of a workbook, every cell as text."""
    with xlsxwriter.Workbook(path, {"constant_memory": True}) as book:
        book.set_properties({"created": _MADE_AT})
        for title, frame in sheets.items():
            page = book.add_worksheet(title)
            rows = [tuple(frame.columns), *zip(*(frame[name].tolist() for name in frame.columns), strict=True)]
            for number, row in enumerate(rows):
                for column, text in enumerate(row):
                    if text:
                        page.write_string(number, column, text)


def write_ods(frame: pd.DataFrame, path: Path, *, sheet: str = "Sheet1") -> None:
    """Write a frame of text as an OpenDocument spreadsheet.

    The table goes in as one piece of XML: built cell by cell it takes six times as long.
    """
    rows = [tuple(frame.columns), *zip(*(frame[name].tolist() for name in frame.columns), strict=True)]
    cell = '<table:table-cell office:value-type="string"><text:p>{}</text:p></table:table-cell>'
    body = "".join(
        "<table:table-row>" + "".join(cell.format(escape(text)) for text in row) + "</table:table-row>" for row in rows
    )
    document = Document("spreadsheet")
    document.body.clear()
    document.body.append(Element.from_tag(f'<table:table table:name="{sheet}">{body}</table:table>'))
    document.save(path)


def write_csv(frame: pd.DataFrame, path: Path, *, encoding: str = "utf-8-sig") -> None:
    """Write a frame of text as CSV; with the byte order mark that spreadsheets look for, or in cp950."""
    frame.to_csv(path, index=False, encoding=encoding, lineterminator="\n")


def soil(
    frame: pd.DataFrame, rng: np.random.Generator, *, class_column: str, name_column: str, repeats: int
) -> pd.DataFrame:
    """Add what people and platforms leave behind: full-width class names, trailing blanks, a few identical rows twice."""
    frame = frame.reset_index(drop=True)
    if frame.empty:
        return frame
    some = max(1, min(12, len(frame) // 100))
    wide, trailing, named, doubled = (
        np.sort(rng.permutation(len(frame))[:count]) for count in (some, some, some, min(repeats, len(frame)))
    )
    for column, rows, suffix in (
        (class_column, wide, ""),
        (class_column, trailing, " "),
        (name_column, named, "\u3000"),
    ):
        texts = frame[column].to_numpy(dtype=object, copy=True)
        texts[rows] = [text + suffix if suffix else text.translate(_WIDE) for text in texts[rows]]
        frame[column] = texts
    order = np.sort(np.concatenate([np.arange(len(frame)), doubled]), kind="stable")
    return frame.iloc[order].reset_index(drop=True)
