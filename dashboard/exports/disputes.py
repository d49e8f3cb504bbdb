"""收訖's list of reports, each with its clock; whose they are, only for those who have to act."""

from __future__ import annotations

import pandas as pd

from dashboard.access.roles import Permission
from dashboard.access.scope import Scope
from dashboard.access.session import store
from dashboard.components.receipts import answer_words
from dashboard.exports.tables import Column, Table
from dashboard.i18n import N_
from dashboard.services.filters import View
from dashboard.services.receipts import desk


def _rows(view: View) -> pd.DataFrame:
    result = desk(store(), view)
    table = result.disputes.iloc[:0] if result.held_back else result.disputes
    return table.assign(state=[answer_words(state) for state in table["state"]])


def _singly(scope: Scope) -> bool:
    """A row is one student's report."""
    return not scope.suppressed


TABLE = Table(
    key="disputes",
    title=N_("收訖：問題回報"),
    permission=Permission.VIEW_RECEIPTS,
    columns=(
        Column("number", N_("單號")),
        Column("kind", N_("項目")),
        Column("category", N_("類別")),
        Column("class", N_("班級")),
        Column("unit", N_("負責單位"), "text", N_("作業期程中收訖確認的負責單位；沒有公告時空白。")),
        Column("raised_at", N_("回報時間"), "instant", N_("學生回報的時間（臺北時間）。")),
        Column("due_at", N_("答覆期限"), "instant", N_("回報後 3 日（72 小時），在這之前答覆為準時（臺北時間）。")),
        Column("answered_at", N_("答覆時間"), "instant", N_("第一次答覆的時間（臺北時間）；截至日還沒有答覆時空白。")),
        Column("state", N_("狀態"), "text", N_("準時答覆、逾時答覆、待答覆或逾期未答覆。")),
        Column("student_number", N_("學號"), "text", N_("只給可以檢視學生的職務；其他人的檔案這一欄空白。")),
        Column("student_name", N_("姓名"), "text", N_("只給可以檢視學生的職務；其他人的檔案這一欄空白。")),
        Column("error_kind", N_("錯誤別"), "text", N_("只給可以檢視學生的職務；其他人的檔案這一欄空白。")),
        Column("description", N_("問題描述"), "text", N_("只給可以檢視學生的職務；其他人的檔案這一欄空白。")),
    ),
    rows=_rows,
    allowed=_singly,
)  # fmt: skip
