"""班級's students: seat order, own counts, and where each stands in 收訖, for those who have to act."""

from __future__ import annotations

import pandas as pd

from dashboard.access.roles import Permission
from dashboard.access.session import store
from dashboard.components.classes import standing_words
from dashboard.exports.tables import Column, Table
from dashboard.i18n import N_
from dashboard.i18n import gettext as _
from dashboard.services.classes import class_students
from dashboard.services.filters import View


def _rows(view: View) -> pd.DataFrame:
    rows = class_students(store(), view)
    words = [standing_words(row) for row in rows.to_dict("records")]
    return rows.assign(receipt=words, school=[_("在學") if here else _("不在學") for here in rows["in_school"]])


TABLE = Table(
    key="class_students",
    title=N_("班級：學生明細"),
    permission=Permission.VIEW_STUDENT,
    columns=(
        Column("seat", N_("座號"), "count", N_("依座號順序排列，不排名。")),
        Column("number", N_("學號"), "text"),
        Column("name", N_("姓名"), "text"),
        Column("school", N_("在學情形"), "text", N_("不在學的學生只列有送出認證或收訖的，不計上傳與勾選。")),
        Column("upload_outcome", N_("成果件數"), "count", N_("這個學期上傳的課程學習成果，含還沒有送出認證的；學生自主，不作評量或獎懲依據。")),
        Column("upload_performance", N_("多元表現件數"), "count", N_("這個學年度上傳的多元表現；學生自主，不作評量或獎懲依據。")),
        Column("sent", N_("送出認證"), "count", N_("這個學期送出、應由教師認證的件數＝已認證＋待教師認證，不含免認證。")),
        Column("certified", N_("已認證"), "count", N_("結果已發佈給學生的件數，通過與未通過都算完成。")),
        Column("waiting", N_("待教師認證"), "count", N_("還沒有完成認證的件數，含逾期；這是教師的工作。")),
        Column("overdue", N_("其中教師逾期"), "count", N_("待教師認證中，已過期限的件數。")),
        Column("select_outcome", N_("勾選成果"), "count", N_("這個學年度已勾選的課程學習成果；空白是尚無資料，不是 0。")),
        Column("select_performance", N_("勾選多元表現"), "count", N_("這個學年度已勾選的多元表現；空白是尚無資料，不是 0。")),
        Column("receipt", N_("收訖"), "text", N_("最近一輪收訖明細中學生的表示；確認與否是學生的權利。")),
    ),
    rows=_rows,
)  # fmt: skip
