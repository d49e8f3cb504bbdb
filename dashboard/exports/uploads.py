"""上傳's class table: who takes part in both kinds, in counts, a row a class."""

from __future__ import annotations

import pandas as pd

from dashboard.access.roles import Permission
from dashboard.access.session import store
from dashboard.components.participation import state_words
from dashboard.exports.tables import Column, Table
from dashboard.i18n import N_
from dashboard.services.filters import View
from dashboard.services.participation import class_table, take_part


def _rows(view: View) -> pd.DataFrame:
    table = class_table(take_part(store(), view, "upload"))
    for kind in ("outcome", "performance"):
        table[f"{kind}_state"] = [state_words(state) for state in table[f"{kind}_state"]]
    return table


TABLE = Table(
    key="uploads",
    title=N_("上傳：班級明細"),
    permission=Permission.VIEW_UPLOADS,
    columns=(
        Column("class", N_("班級"), "text", N_("依名冊順序排列，不排名。上傳為學生自主，件數不得列為評量或獎懲依據。")),
        Column("enrolled", N_("在學人數"), "count", N_("截至日在學的學生人數；不在學的學生與其件數都不列入。")),
        Column("outcome_participants", N_("課程學習成果參與人數"), "count", N_("這個學期至少上傳 1 件課程學習成果（含還沒有送出認證）的在學學生人數。")),
        Column("outcome_items", N_("課程學習成果件數"), "count", N_("在學學生這個學期上傳的課程學習成果件數。")),
        Column("outcome_participation", N_("課程學習成果參與比例"), "rate", N_("課程學習成果參與人數／在學人數；沒有在學學生或沒有資料時空白。")),
        Column("outcome_over_cap", N_("課程學習成果超過上限人數"), "count", N_("件數超過學校所設上限的學生人數，請查匯出檔是否重複；沒有設上限時空白。")),
        Column("outcome_state", N_("課程學習成果情形"), "text", N_("沒有人數時的原因：未開放、尚無資料、沒有在學學生（—）或人數過少。")),
        Column("performance_participants", N_("多元表現參與人數"), "count", N_("這個學年至少上傳 1 件多元表現的在學學生人數。")),
        Column("performance_items", N_("多元表現件數"), "count", N_("在學學生這個學年上傳的多元表現件數。")),
        Column("performance_participation", N_("多元表現參與比例"), "rate", N_("多元表現參與人數／在學人數；沒有在學學生或沒有資料時空白。")),
        Column("performance_over_cap", N_("多元表現超過上限人數"), "count", N_("件數超過學校所設上限的學生人數，請查匯出檔是否重複；沒有設上限時空白。")),
        Column("performance_state", N_("多元表現情形"), "text", N_("沒有人數時的原因：未開放、尚無資料、沒有在學學生（—）或人數過少。")),
    ),
    rows=_rows,
)  # fmt: skip
