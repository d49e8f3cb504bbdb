"""Columns that several tables share, each with its one definition."""

from __future__ import annotations

from dashboard.exports.tables import Column
from dashboard.i18n import N_

ENROLLED = Column("enrolled", N_("在學人數"), "count", N_("截至日在學的學生人數。"))
CERTIFY_COUNTS = (
    Column("expected", N_("應認證"), "count", N_("已送出認證、未免認證的件數＝準時＋逾時完成＋待認證＋逾期。")),
    Column("on_time", N_("準時"), "count", N_("期限前完成認證的件數；未通過也是完成。")),
    Column("late", N_("逾時完成"), "count", N_("期限後才完成認證的件數。")),
    Column("open", N_("待認證"), "count", N_("還沒有完成、期限還沒有到的件數。")),
    Column("overdue", N_("逾期"), "count", N_("還沒有完成、期限已過的件數。")),
    Column("exempt", N_("免認證"), "count", N_("學生已不在學等原因而不必認證的件數，不計入應認證。")),
    Column("completion", N_("認證完成率"), "rate", N_("（準時＋逾時完成）／應認證；沒有應認證的件數時空白。")),
)
