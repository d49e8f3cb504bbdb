"""The class table of a department's page: every stage in counts, a row a class."""

from __future__ import annotations

import pandas as pd

from dashboard.access.roles import Permission
from dashboard.access.session import store
from dashboard.exports.columns import CERTIFY_COUNTS, ENROLLED
from dashboard.exports.tables import Column, Table
from dashboard.i18n import N_
from dashboard.services.departments import department_classes
from dashboard.services.filters import View


def _rows(view: View) -> pd.DataFrame:
    return department_classes(store(), view)


TABLE = Table(
    key="department_classes",
    title=N_("科別的班級明細"),
    permission=Permission.VIEW_DEPARTMENT,
    columns=(
        Column("key", N_("班級")),
        *CERTIFY_COUNTS,
        ENROLLED,
        Column("uploaders", N_("已上傳人數"), "count", N_("這個學期至少上傳一件課程學習成果的在學學生人數；上傳為學生自主，件數不得列為評量或獎懲依據。")),
        Column("items", N_("上傳件數"), "count", N_("在學學生這個學期上傳的課程學習成果件數；學生自主。")),
        Column("select_outcome_participants", N_("已勾選課程學習成果人數"), "count", N_("這個學年至少勾選一件課程學習成果的在學學生人數；勾選為學生自主，件數不得列為評量或獎懲依據。還沒有資料時空白。")),
        Column("select_performance_participants", N_("已勾選多元表現人數"), "count", N_("這個學年至少勾選一件多元表現的在學學生人數；勾選為學生自主，件數不得列為評量或獎懲依據。還沒有資料時空白。")),
        Column("confirmed", N_("收訖已確認"), "count", N_("最近一輪收訖明細中表示確認的人次（每人每個項目一次）；視同確認不計入。")),
        Column("in_round", N_("收訖人次"), "count", N_("最近一輪收訖明細中的人次（每人每個項目一次）。")),
    ),
    rows=_rows,
)  # fmt: skip
