"""教師認證's table of teachers, for those who see teachers by name."""

from __future__ import annotations

import pandas as pd

from dashboard.access.roles import Permission
from dashboard.access.scope import Scope
from dashboard.access.session import store
from dashboard.exports.columns import CERTIFY_COUNTS
from dashboard.exports.tables import Column, Table
from dashboard.i18n import N_
from dashboard.services.certification import certification
from dashboard.services.filters import View


def _rows(view: View) -> pd.DataFrame:
    return certification(store(), view).teachers


def _by_name(scope: Scope) -> bool:
    return scope.teachers in ("all", "unit")


TABLE = Table(
    key="teachers",
    title=N_("教師明細"),
    permission=Permission.VIEW_CERTIFICATION,
    columns=(
        Column("key", N_("教師代碼"), "text", N_("依教師代碼排列，不排名；空白的一列是還沒有指定教師的件數。")),
        Column("name", N_("姓名")),
        Column("unit", N_("處室")),
        *CERTIFY_COUNTS,
        Column("timeliness", N_("準時率"), "rate", N_("準時／（準時＋逾時完成＋逾期）；沒有定案的件數時空白。")),
        Column("wait_median_days", N_("等候中位日數"), "days", N_("從送出到完成的日數，半數在這個日數內完成（Kaplan–Meier，還沒有完成的以設限計）；未達半數時空白。")),
        Column("late_share", N_("截止前 48 小時送達比例"), "rate", N_("上傳截止前 48 小時內或之後才送達的件數／已送達的件數；這是遲延的背景，不是教師的責任。")),
    ),
    rows=_rows,
    allowed=_by_name,
)  # fmt: skip
