"""提交's checklist: the rosters of a term and its school year, a row each."""

from __future__ import annotations

import pandas as pd

from dashboard.access.roles import Permission
from dashboard.access.session import store
from dashboard.components.dates import last_day
from dashboard.components.submission import roster_name, state_words, term_words
from dashboard.exports.tables import Column, Table
from dashboard.i18n import N_
from dashboard.services.filters import View
from dashboard.services.submission import roster_table, submission


def _rows(view: View) -> pd.DataFrame:
    table = roster_table(submission(store(), view))
    names = table[["name", "batch", "is_evening"]].itertuples(index=False, name=None)
    return table.assign(
        name=[roster_name(name, batch=batch, is_evening=is_evening) for name, batch, is_evening in names],
        term=[term_words(term) for term in table["term"]],
        late=["1" if state == "late" else "" for state in table["state"]],
        state=[state_words(state) for state in table["state"]],
        **{name: [last_day(moment) for moment in table[name]] for name in ("ends_at", "original_ends_at")},
    )


TABLE = Table(
    key="submission",
    title=N_("提交：名冊"),
    permission=Permission.VIEW_SUBMISSION,
    columns=(
        Column("name", N_("名冊"), "text", N_("四種名冊，高三分梯次的各列一份；依截止日排列。")),
        Column("term", N_("學期或學年"), "text"),
        Column("unit", N_("負責單位"), "text", N_("期程或提交紀錄上的單位。")),
        Column("starts_at", N_("開始日"), "day", N_("作業期程公告的開始日；沒有公告時空白。")),
        Column("ends_at", N_("截止日"), "day", N_("期程的最後一天；沒有公告時空白。")),
        Column("original_ends_at", N_("原訂截止日"), "day", N_("第一次公告的最後一天；沒有展延時與截止日相同。")),
        Column("state", N_("情形"), "text", N_("截至日的情形：已完成、進行中、逾期或未開放。")),
        Column("done_at", N_("完成時間"), "instant", N_("登錄的提交時間，沒有登錄時是名冊匯入的時間；分兩冊的以後一冊為準。")),
        Column("late", N_("逾期完成"), "text", N_("截止後才完成的為 1，其他空白。")),
        Column("row_count", N_("名冊列數"), "count", N_("匯入的名冊檔裡的列數；沒有匯入檔案時空白。")),
        Column("matched_count", N_("對得到學生的列數"), "count", N_("名冊列數中，身分證號對得到學生的列數。")),
    ),
    rows=_rows,
)  # fmt: skip
