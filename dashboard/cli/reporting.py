"""`licheng report`: a metric's table, for people, spreadsheets and programs."""

from __future__ import annotations

import json
import sys
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from dashboard.cli.database import Db, open_store
from dashboard.cli.terminal import err, fail
from dashboard.services import reports


def report(
    metric: Annotated[str, typer.Argument(help="completion、participation、funnel…")],
    term: Annotated[str, typer.Option(help="學期，例：1131；全學年寫 1130")],
    stage: Annotated[str, typer.Option(help="register、upload、certify、select、submit、confirm；預設看報表")] = "",
    by: Annotated[str, typer.Option(help="school、grade、department、class、subject、teacher、unit")] = "school",
    as_of: Annotated[str, typer.Option("--as-of", help="截至時間，例：2025-02-05T12:00；預設現在")] = "",
    kind: Annotated[str, typer.Option(help="outcome（課程學習成果）或 performance（多元表現）")] = "outcome",
    deadline: Annotated[str, typer.Option(help="current（延長後）或 original（原訂）")] = "current",
    since: Annotated[str, typer.Option(help="change 從什麼時候比起")] = "",
    since_import: Annotated[
        str, typer.Option("--since-import", help="change 從哪一次匯入之前比起（licheng imports 的編號）")
    ] = "",
    output: Annotated[str, typer.Option("--format", help="table、csv 或 json")] = "table",
    db: Db = "",
) -> None:
    """印出一種報表。"""
    if output not in {"table", "csv", "json"}:
        raise fail("--format 只能是 table、csv 或 json", 2)
    by = "teacher" if metric == "funnel" and by == "school" else by
    try:
        frame = reports.report(
            open_store(db), metric, term=term, stage=stage, by=by, as_of=as_of, kind=kind, deadline=deadline, since=since,
            since_import=since_import,
        )  # fmt: skip
    except reports.ReportError as error:
        raise fail(str(error), 2) from None
    if not reports.knows_term(open_store(db), term):
        err.print(f"注意：資料庫裡沒有 {term} 的名冊或認證，下面的 0 不是學校的數字。", markup=False)
    plain = frame.astype(object).where(frame.notna(), None)
    if output == "csv":
        sys.stdout.write(frame.to_csv(index=False, lineterminator="\n"))
    elif output == "json":
        sys.stdout.write(json.dumps(plain.to_dict("records"), ensure_ascii=False, indent=1) + "\n")
    else:
        table = Table(*frame.columns)
        for row in plain.itertuples(index=False, name=None):
            table.add_row(*("—" if v is None else f"{v:.4g}" if isinstance(v, float) else str(v) for v in row))
        Console(width=None if sys.stdout.isatty() else 200).print(table)
