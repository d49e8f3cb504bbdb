"""登錄's table: a row a class and kind of record of a term."""

from __future__ import annotations

import pandas as pd

from dashboard.access.roles import Permission
from dashboard.access.session import store
from dashboard.components.submission import register_name, state_words
from dashboard.exports.tables import Column, Table
from dashboard.i18n import N_
from dashboard.services.filters import View
from dashboard.services.submission import submission


def _rows(view: View) -> pd.DataFrame:
    table = submission(store(), view).registers
    return table.assign(
        kind=[register_name(kind) for kind in table["kind"]],
        late=["1" if state == "late" else "" for state in table["state"]],
        state=[state_words(state) for state in table["state"]],
    )


TABLE = Table(
    key="registration",
    title=N_("登錄：各班紀錄"),
    permission=Permission.VIEW_SUBMISSION,
    columns=(
        Column("class", N_("班級"), "text", N_("依名冊順序排列，不排名。")),
        Column("kind", N_("紀錄"), "text", N_("學籍資料、課程諮詢紀錄、校內幹部經歷或學期成績。")),
        Column("unit", N_("負責單位"), "text", N_("期程或登錄紀錄上的單位。")),
        Column("starts_at", N_("開始時間"), "instant", N_("作業期程公告的開始時間；沒有公告時空白。")),
        Column("ends_at", N_("截止時間"), "instant", N_("到這個時間為止（不含）；沒有公告時空白。")),
        Column("state", N_("情形"), "text", N_("截至日的情形：已完成、進行中、逾期或未開放。")),
        Column("done_at", N_("完成時間"), "instant", N_("這一班這種紀錄第一筆登錄的時間。")),
        Column("late", N_("逾期完成"), "text", N_("截止後才完成的為 1，其他空白。")),
    ),
    rows=_rows,
)  # fmt: skip
