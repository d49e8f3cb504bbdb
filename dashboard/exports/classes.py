"""總覽's class table: every stage in counts, a row a class."""

from __future__ import annotations

import pandas as pd

from dashboard.access.roles import Permission
from dashboard.access.session import store
from dashboard.components.words import status_word
from dashboard.exports.columns import CERTIFY_COUNTS, ENROLLED
from dashboard.exports.tables import Column, Table
from dashboard.i18n import N_
from dashboard.services.filters import View
from dashboard.services.overview import overview


def _rows(view: View) -> pd.DataFrame:
    result = overview(store(), view)
    table = result.classes.astype(object)
    table["status"] = [
        status_word(status) if expected else None
        for status, expected in zip(table["status"], table["expected"], strict=True)
    ]
    if result.upload_state != "neutral":
        table[["upload_participants", "items"]] = None
    if result.selection_state != "neutral":  # empty, as 0 would say that nobody did
        table["select_participants"] = None
    if result.receipts_state in ("not_open", "no_data"):
        table[["confirmed", "receipt_round"]] = None
    return table


TABLE = Table(
    key="classes",
    title=N_("班級明細"),
    permission=Permission.VIEW_OVERVIEW,
    columns=(
        Column("key", N_("班級")),
        ENROLLED,
        Column("upload_participants", N_("已上傳人數"), "count", N_("這個學期至少上傳一件課程學習成果的在學學生人數；上傳為學生自主，件數不得列為評量或獎懲依據。")),
        Column("items", N_("上傳件數"), "count", N_("在學學生這個學期上傳的課程學習成果件數；學生自主。")),
        *CERTIFY_COUNTS,
        Column("expected_share", N_("應有進度"), "rate", N_("近年同一上班日認證完成率的中位數；不足兩學期時按期程線性推算；沒有期程時空白。")),
        Column("status", N_("進度"), "text", N_("完成率與應有進度相差 5 個百分點內為進度正常，15 個百分點內為需注意，再低為進度落後；有過了期限仍未完成的為逾期。少於 5 件不判定。")),
        Column("select_participants", N_("已勾選人數"), "count", N_("這個學年至少勾選一件的在學學生人數；勾選為學生自主，件數不得列為評量或獎懲依據。還沒有資料時空白。")),
        Column("confirmed", N_("收訖已確認"), "count", N_("最近一次收訖明細中，學生表示確認的人數。")),
        Column("receipt_round", N_("收訖人數"), "count", N_("最近一次收訖明細中的學生人數。")),
    ),
    rows=_rows,
)  # fmt: skip
