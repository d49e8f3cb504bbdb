"""What waits for each teacher: a list for the office, and a text a teacher to paste into a message."""

from __future__ import annotations

import pandas as pd

from dashboard.access.roles import Permission
from dashboard.access.session import store
from dashboard.components.dates import day_of, last_day, roc_date
from dashboard.components.numbers import count
from dashboard.exports.tables import Column, Table
from dashboard.i18n import N_
from dashboard.i18n import gettext as _
from dashboard.services.filters import View
from dashboard.services.notices import last_notices
from dashboard.services.reminders import Reminder, names_teachers, reminders, waiting

BETWEEN = "────────"


def _rows(view: View) -> pd.DataFrame:
    frame = waiting(store(), view)
    words = pd.Series(_("待認證"), index=frame.index)
    words[frame["is_overdue"]] = _("逾期")
    words[frame["is_judged"]] = _("已判定，未發佈")
    told = {code: line.ended_at for code, line in last_notices(store(), view.filters).items()}
    return frame.assign(state=words, noticed_at=[told.get(code) for code in frame["teacher_code"]])


TABLE = Table(
    key="reminders",
    title=N_("提醒清單"),
    permission=Permission.VIEW_CERTIFICATION,
    columns=(
        Column("teacher_code", N_("教師代碼"), "text", N_("現在承辦的教師：任課教師，請假期間為代理人；空白是還沒有指定教師的件數。")),
        Column("teacher_name", N_("姓名")),
        Column("unit", N_("處室")),
        Column("subject", N_("科目")),
        Column("class_name", N_("上課班級")),
        Column("student_number", N_("學號"), "text", N_("只給可以檢視學生的職務；其他人的檔案這一欄空白。")),
        Column("item", N_("成果序號")),
        Column("sent_at", N_("送出時間"), "instant", N_("學生送出認證的時間（臺北時間）。")),
        Column("days", N_("已等（日）"), "days", N_("從送出認證到資料截至時的日數。")),
        Column("last_at", N_("最後期限"), "instant", N_("期限內的最後一秒（臺北時間）：認證期程結束與送出後 3 日（學校設定）兩者較晚的一個。沒有公告期程時空白。")),
        Column("state", N_("狀態"), "text", N_("待認證、逾期，或已判定而還沒有發佈。已完成或已轉交的件數不在清單裡。")),
        Column("noticed_at", N_("上一次提醒"), "instant", N_("最近一次寄出或當面交付提醒的時間（臺北時間）；還沒有提醒過時空白。")),
    ),
    rows=_rows,
    allowed=names_teachers,
)  # fmt: skip


def as_text(view: View) -> tuple[str, int]:
    """Write a friendly text a teacher, and say how many teachers that is. It names no student, and nothing that is done."""
    day = day_of(view.filters.as_of)
    found = reminders(store(), view)
    if not found:
        return _("截至 %(day)s，沒有等候認證的件數，不必提醒。", day=day) + "\n", 0
    return f"\n{BETWEEN}\n\n".join(_message(each, day) for each in found), len(found)


def _message(reminder: Reminder, day: str) -> str:
    name = reminder.teacher_name or reminder.teacher_code
    lines = [
        _("%(name)s老師您好：", name=name),
        _(
            "截至 %(day)s，您這裡有 %(n)s 件課程學習成果等候認證，最早一件於 %(oldest)s送出，已等 %(waited)s 日。",
            day=day,
            n=count(reminder.items),
            oldest=roc_date(reminder.oldest_at),
            waited=count(reminder.oldest_days),
        ),
    ]
    for part in reminder.parts:
        facts = {
            "subject": part.subject,
            "name": part.class_name,
            "n": count(part.items),
            "sent": roc_date(part.oldest_at),
        }
        if part.due_at is None:
            words = _("・%(subject)s %(name)s：%(n)s 件，最早 %(sent)s送出", **facts)
        else:
            until = roc_date(last_day(part.due_at))
            words = _("・%(subject)s %(name)s：%(n)s 件，最早 %(sent)s送出，期限到 %(until)s", **facts, until=until)
        if part.overdue:
            words += _("（%(overdue)s／%(n)s 件期限已過）", overdue=count(part.overdue), n=count(part.items))
        lines.append(words)
    if reminder.judged:
        lines.append(_("其中 %(n)s 件已經判定、還沒有發佈，發佈給學生後就完成了。", n=count(reminder.judged)))
    lines.append(_("再麻煩老師撥空處理；需要協助或請假代理，請告訴我們，謝謝您。"))
    return "\n".join(lines) + "\n"
