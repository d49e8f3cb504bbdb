"""The records: a real table whose rows become cards on a phone, each with something to open below it."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any

from dash import html

from dashboard.components.attributes import aria, data, given


@dataclass(frozen=True)
class Record:
    """A row: its cells as they are to be read (text or components), the first of which names it, and what stands below it."""

    cells: Sequence[Any]
    below: Any = None
    status: str = ""  # colours the row's edge; the word for it is in a cell


def record_table(
    headers: Sequence[str], records: Sequence[Record], *, caption: str, numeric: Collection[int] = ()
) -> html.Table:
    """Show records as a table with a caption; below 62 rem every row is a card whose cells say what they are.

    numeric: positions aligned to the right. The roles are written out, as a table laid out as blocks is none to a reader of
    screens otherwise.
    """
    if any(len(record.cells) != len(headers) for record in records):
        raise ValueError("a record has not as many cells as there are headers")
    right = set(numeric)
    head = html.Tr(
        [html.Th(each, role="columnheader", **_align(i, right)) for i, each in enumerate(headers)], role="row"
    )
    return html.Table(
        [
            html.Caption(caption),
            html.Thead(head, role="rowgroup"),
            *[html.Tbody(_rows(headers, each, right), role="rowgroup", **_tone(each)) for each in records],
        ],
        className="lc-records",
        role="table",
    )


def _rows(headers: Sequence[str], record: Record, right: set[int]) -> list[html.Tr]:
    cells = [
        (html.Td if i else html.Th)(
            each,
            role="cell" if i else "rowheader",
            **(data(label=headers[i]) if headers[i] and i else {}),
            **_align(i, right),
        )
        for i, each in enumerate(record.cells)
    ]
    rows = [html.Tr(cells, role="row")]
    if record.below is not None:
        below = html.Td(record.below, colSpan=str(len(headers)), role="cell", **aria(colspan=str(len(headers))))
        rows.append(html.Tr(below, role="row", className="lc-record-below"))
    return rows


def _align(position: int, right: set[int]) -> dict[str, Any]:
    return given(className="num" if position in right else "")


def _tone(record: Record) -> dict[str, Any]:
    return given(className=f"lc-{record.status}" if record.status else "")
