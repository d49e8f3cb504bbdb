# ruff: noqa: A002 - Dash calls it id, and so do all who call these functions
"""The grid: rows that can be sorted and paged through, with links; files of them are made by the server."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal

import dash_ag_grid as dag
from dash import html

from dashboard.components.attributes import aria, given
from dashboard.components.words import status_word
from dashboard.figures.palette import TONES, Status

Kind = Literal["text", "count", "percent", "ratio", "days", "status"]
PAGE_SIZES: Final = (10, 20, 50)

_FORMATS: Final[dict[str, str]] = {
    "count": "count(params.value)",
    "percent": "percent(params.value)",
    "days": "days(params.value)",
}


@dataclass(frozen=True)
class Column:
    """A column of a grid.

    field: the key in the rows. kind: 「percent」 takes a fraction (NA: None), floored to one decimal; 「ratio」 shows 「87.3%　33/38」
    from the fields numerator and denominator and sorts by their fraction, `field` being only its name; 「status」 takes what `status_cell` makes.
    href: the field that holds an address of this app; the cell is then a link. first: kept at the left edge.
    """

    field: str
    label: str
    kind: Kind = "text"
    numerator: str = ""
    denominator: str = ""
    href: str = ""
    first: bool = False
    width: int = 0


def status_cell(status: Status | str) -> str:
    """Write a status for a grid's row: its key for the colour, then symbol and word; sorted by that text."""
    found = Status(status)
    return f"{found.value}|{TONES['light'][found].symbol} {status_word(found)}"


def _definition(column: Column) -> dict[str, Any]:
    least = column.width or {"ratio": 168, "text": 120, "status": 128}.get(column.kind, 104)
    made: dict[str, Any] = {"field": column.field, "headerName": column.label, "minWidth": least, "flex": least}
    if column.kind in ("count", "percent", "ratio", "days"):
        made |= {"type": "rightAligned", "comparator": {"function": "nullsLast"}, "cellDataType": "number"}
    if column.kind in _FORMATS:
        made["valueFormatter"] = {"function": _FORMATS[column.kind]}
    if column.kind == "ratio":
        numbers = f"params.data.{column.numerator}, params.data.{column.denominator}"
        made |= {"valueGetter": {"function": f"share({numbers})"}, "valueFormatter": {"function": f"ratio({numbers})"}}
    if column.kind == "status":
        made["cellRenderer"] = "StatusCell"
    if column.href:
        made |= {"cellRenderer": "LinkCell", "cellRendererParams": {"hrefField": column.href}}
    if column.first:
        made |= {"pinned": "left", "minWidth": column.width or 96, "width": column.width or 112, "flex": 0}
    return made


def _short(value: Any) -> Any:
    """Six decimals show the same everywhere, and a page may weigh 120 kB."""
    return round(value, 6) if isinstance(value, float) else value


def grid(
    id: str,
    rows: Sequence[Mapping[str, Any]],
    columns: Sequence[Column],
    *,
    label: str,
    row_id: str = "",
    page_size: int = 10,
) -> html.Div:
    """Show rows in pages of 10, 20 or 50; it grows with them, so that a phone scrolls the page and nothing within it.

    rows: JSON-ready dicts (None, not NaN). label: names the grid for a reader of screens. row_id: the field that identifies a row.
    A callback may renew `id`.rowData. There is no export here: a browser's CSV would know neither scope nor log.
    """
    options: dict[str, Any] = {
        "theme": {"function": "lichengGridTheme(agGrid)"},
        "getLocaleText": {"function": "lichengGridText(params)"},
        "domLayout": "autoHeight",
        "pagination": True,
        "paginationPageSize": page_size,
        "paginationPageSizeSelector": list(PAGE_SIZES),
        "ensureDomOrder": True,
        "suppressCsvExport": True,
        "suppressExcelExport": True,
        "suppressDragLeaveHidesColumns": True,
        "suppressMovableColumns": True,
        "enableCellTextSelection": True,
        "animateRows": False,
        "rowHeight": 44,
        "headerHeight": 44,
    }
    table = dag.AgGrid(
        id=id,
        rowData=[{name: _short(value) for name, value in row.items()} for row in rows],
        columnDefs=[_definition(column) for column in columns],
        defaultColDef={
            "sortable": True,
            "filter": False,
            "resizable": True,
            "suppressHeaderMenuButton": True,
            "wrapHeaderText": True,  # a heading that is cut off names nothing
            "autoHeaderHeight": True,
        },
        dashGridOptions=options,
        style={"height": None},
        **given(getRowId=f"params.data.{row_id}" if row_id else ""),
    )
    return html.Div(table, className="lc-grid", role="group", **aria(label=label))
