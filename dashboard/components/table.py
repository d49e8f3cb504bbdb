"""The table behind a chart: the same figures as text, for those who cannot or do not want to see the picture."""

import json
from collections.abc import Collection, Sequence

from dash import html
from flask_babel import gettext as _

from dashboard.components.attributes import aria, data


def data_table(
    headers: Sequence[str], rows: Sequence[Sequence[str]], *, caption: str = "", numeric: Collection[int] | None = None
) -> html.Div:
    """Hold a table as text; the browser makes a real <table> of it, with caption and scopes, once it can be seen (assets/tables.js).

    As components it would weigh five times as much, and a page may weigh 120 kB. rows: cells as they are to be read, the first of each
    names the row. numeric: positions aligned to the right; all but the first unless said otherwise.
    """
    right = set(range(1, len(headers))) if numeric is None else set(numeric)
    if any(len(row) != len(headers) for row in rows):
        raise ValueError("a row has not as many cells as there are headers")
    table = {
        "caption": caption,
        "headers": list(headers),
        "numeric": [position in right for position in range(len(headers))],
        "rows": [list(row) for row in rows],
    }
    return html.Div(
        className="lc-scroll",
        tabIndex=0,
        role="group",
        **data(table=json.dumps(table, ensure_ascii=False, separators=(",", ":"))),
        **aria(label=caption or _("資料表")),
    )
