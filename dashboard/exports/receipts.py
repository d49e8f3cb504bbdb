"""收訖's class table: where the students stand and what the unit has answered, a row a class."""

from __future__ import annotations

import pandas as pd

from dashboard.access.roles import Permission
from dashboard.access.session import store
from dashboard.components.receipts import state_words
from dashboard.exports.tables import Column, Table
from dashboard.i18n import N_
from dashboard.services.filters import View
from dashboard.services.receipts import desk


def _rows(view: View) -> pd.DataFrame:
    result = desk(store(), view)
    table = result.classes.iloc[:0] if result.held_back else result.classes
    return table.assign(state=[state_words(state) for state in table["state"]])


TABLE = Table(
    key="receipts",
    title=N_("收訖：班級明細"),
    permission=Permission.VIEW_RECEIPTS,
    columns=(
        Column("key", N_("班級"), "text", N_("依名冊順序排列，不排名；空白是不在這個學年度名冊上的學生。")),
        Column("round_number", N_("輪次"), "count", N_("截至日計入的一輪：已知的最近一輪；每匯入一次有變動的收訖明細確認為一輪。")),
        Column("in_round", N_("收訖人次"), "count", N_("這一輪收訖明細中的學生，每一項目計一次＝已確認＋回報問題＋未表示＋視同確認。")),
        Column("confirmed", N_("已確認"), "count", N_("學生表示確認的人次，含期限後才確認；不含視同確認。")),
        Column("confirmed_late", N_("期限後確認"), "count", N_("已確認中，在確認期程結束後才確認的人次；沒有確認時間的以匯入時間計。")),
        Column("disputed", N_("回報問題"), "count", N_("收訖明細中學生表示有問題的人次。")),
        Column("unseen", N_("未表示"), "count", N_("確認期程還沒有結束、學生還沒有表示的人次；確認與否是學生的權利。")),
        Column("deemed", N_("視同確認"), "count", N_("確認期程結束時學生沒有表示的人次，另計，不加入已確認。")),
        Column("disputes", N_("問題回報件數"), "count", N_("收訖問題回報中，截至日已提出的件數＝已答覆＋待答覆＋逾期未答覆。")),
        Column("answered", N_("已答覆"), "count", N_("截至日已答覆的件數。")),
        Column("answered_late", N_("逾時答覆"), "count", N_("已答覆中，超過 3 日（72 小時）才答覆的件數。")),
        Column("dispute_open", N_("待答覆"), "count", N_("還沒有答覆、3 日內的件數。")),
        Column("dispute_overdue", N_("逾期未答覆"), "count", N_("還沒有答覆、已超過 3 日的件數。")),
        Column("state", N_("收訖情形"), "text", N_("沒有人次時的原因：未開放、尚無資料或人數過少。")),
    ),
    rows=_rows,
)  # fmt: skip
