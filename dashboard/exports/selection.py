"""勾選's class table: who selects items of both kinds, in counts, a row a class."""

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
    table = class_table(take_part(store(), view, "select"))
    for kind in ("outcome", "performance"):
        table[f"{kind}_state"] = [state_words(state) for state in table[f"{kind}_state"]]
    return table


TABLE = Table(
    key="selection",
    title=N_("勾選：班級明細"),
    permission=Permission.VIEW_SELECTION,
    columns=(
        Column("class", N_("班級"), "text", N_("依名冊順序排列，不排名。勾選為學生自主，件數不得列為評量或獎懲依據。")),
        Column("enrolled", N_("在學人數"), "count", N_("截至日在學的學生人數；不在學的學生與其件數都不列入。")),
        Column("outcome_participants", N_("勾選課程學習成果人數"), "count", N_("這個學年至少勾選 1 件課程學習成果的在學學生人數；件數自勾選情形匯入時起才知道。")),
        Column("outcome_items", N_("勾選課程學習成果件數"), "count", N_("在學學生這個學年勾選的課程學習成果件數。")),
        Column("outcome_participation", N_("勾選課程學習成果比例"), "rate", N_("勾選課程學習成果人數／在學人數；沒有在學學生或沒有資料時空白。")),
        Column("outcome_at_cap", N_("課程學習成果達上限人數"), "count", N_("勾選件數等於上限的學生人數；沒有上限時空白。")),
        Column("outcome_over_cap", N_("課程學習成果超過上限人數"), "count", N_("件數超過上限的學生人數，請查匯出檔是否重複；沒有上限時空白。")),
        Column("outcome_state", N_("課程學習成果情形"), "text", N_("沒有人數時的原因：未開放、尚無資料、沒有在學學生（—）或人數過少。")),
        Column("performance_participants", N_("勾選多元表現人數"), "count", N_("這個學年至少勾選 1 件多元表現的在學學生人數；件數自勾選情形匯入時起才知道。")),
        Column("performance_items", N_("勾選多元表現件數"), "count", N_("在學學生這個學年勾選的多元表現件數。")),
        Column("performance_participation", N_("勾選多元表現比例"), "rate", N_("勾選多元表現人數／在學人數；沒有在學學生或沒有資料時空白。")),
        Column("performance_at_cap", N_("多元表現達上限人數"), "count", N_("勾選件數等於上限的學生人數；沒有上限時空白。")),
        Column("performance_over_cap", N_("多元表現超過上限人數"), "count", N_("件數超過上限的學生人數，請查匯出檔是否重複；沒有上限時空白。")),
        Column("performance_state", N_("多元表現情形"), "text", N_("沒有人數時的原因：未開放、尚無資料、沒有在學學生（—）或人數過少。")),
    ),
    rows=_rows,
)  # fmt: skip
