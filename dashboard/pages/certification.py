"""教師認證: what waits, for whom and since when; and is anybody out of line, fairly?"""

from __future__ import annotations

from datetime import datetime
from typing import Any
from urllib.parse import quote

import pandas as pd
from dash import Input, Output, html, register_page
from flask_babel import gettext as _

from dashboard.access.guard import protected_callback
from dashboard.access.roles import Permission
from dashboard.access.session import may, store
from dashboard.components.card import card
from dashboard.components.chart import chart
from dashboard.components.dates import day_of, last_day, roc_date, roc_datetime
from dashboard.components.downloads import downloads
from dashboard.components.empty import empty_state
from dashboard.components.grid import Column, grid
from dashboard.components.links import inside
from dashboard.components.numbers import count, days, percent, percent_of_rate
from dashboard.components.page import columns, findings
from dashboard.components.table import data_table
from dashboard.components.tile import tile, tiles
from dashboard.figures.backlog import ageing, lollipop
from dashboard.figures.funnel import funnel
from dashboard.figures.waits import last_arrivals, strips
from dashboard.frame import answer, asked, frame, ids_of, keep_address
from dashboard.services.certification import Certification, certification
from dashboard.services.filters import View

PAGE = "certification"
FILTERS = ("term", "asof", "division", "grade", "dept", "subject", "class", "teacher")
MOST_BARS = 20
MOST_STRIPS = 16

register_page(
    __name__, path="/certification", name="教師認證", order=2, permission=Permission.VIEW_CERTIFICATION
)  # fmt: skip
keep_address(PAGE, FILTERS)


def layout(**query: str | None) -> html.Div:
    """Filters and an empty place; the callback below fills it for the session's scope."""
    return frame(PAGE, _("教師認證"), FILTERS, query, permission=Permission.VIEW_CERTIFICATION)


@protected_callback(
    Output(f"{PAGE}-head", "children"),
    Output(f"{PAGE}-body", "children"),
    *[Input(each, "value") for each in ids_of(PAGE, FILTERS)],
    Input("theme", "data"),
    permission=Permission.VIEW_CERTIFICATION,
)
def show(*values: Any) -> tuple[list[Any], list[Any]]:
    """Answer the page's question."""
    return answer(PAGE, _("教師認證"), FILTERS, values, _body)


def _body(view: View, theme: str) -> list[Any]:
    result = certification(store(), view)
    if not result.school["expected"]:
        text = _("這個學期、範圍與篩選條件下，沒有已送出認證的件數。學生還沒有送出，就沒有應辦的認證。")
        return [empty_state(_("沒有應辦的認證"), text)]
    parts: list[Any] = [findings(_findings(result, view)), _tiles(result)]
    if view.scope.teachers == "self" and view.choices.teachers:
        code, _name = view.choices.teachers[0]
        parts.append(
            html.P(inside(_("看自己的待認證清單、數字與全校的比較"), "/teachers/" + quote(code, safe="") + asked(view)))
        )
    if len(result.queue):
        parts.append(_queue_card(result, view))
    if len(result.teachers):
        parts.append(columns(_backlog_card(result, theme), _ageing_card(result, theme)))
        parts.append(columns(_funnel_card(result, view, theme)))
        parts.append(_teacher_card(result, view))
    if view.scope.teachers == "none":
        parts.append(html.P(_("個別教師與各科的情形不在您的職務範圍內。"), className="lc-muted"))
        parts.append(html.P(inside(_("看各班的認證進度"), "/" + asked(view))))
    if len(result.subjects):
        parts.append(columns(_waits_card(result, view, theme), _arrivals_card(result, view, theme)))
    return parts


def _done(result: Certification) -> tuple[int, int]:
    return int(result.school["on_time"] + result.school["late"]), int(result.school["expected"])


def _findings(result: Certification, view: View) -> list[tuple[str, str, str]]:
    lines: list[tuple[str, str, str]] = []
    total = int(result.school["expected"])
    day = day_of(view.filters.as_of)
    overdue, waiting = int(result.school["overdue"]), int(result.school["open"] + result.school["overdue"])
    if overdue:
        lines.append(
            (
                _(
                    "截至 %(day)s，%(n)s 件認證逾期（應認證 %(total)s 件）",
                    day=day,
                    n=count(overdue),
                    total=count(total),
                ),
                "",
                "overdue",
            )
        )
    else:
        lines.append((_("截至 %(day)s，沒有逾期；待認證 %(n)s 件（應認證 %(total)s 件）", day=day, n=count(waiting), total=count(total)), "", "on_track" if waiting else "done"))  # fmt: skip
    if len(result.teachers) and result.teachers["waiting"].any():
        busy = result.teachers[result.teachers["waiting"] > 0]
        top = busy.sort_values(["waiting", "key"], ascending=[False, True]).head(3)
        share = int(top["waiting"].sum())
        lines.append((_("待認證的 %(part)s／%(all)s 件在 %(n)s 位教師手上", part=count(share), all=count(int(result.teachers["waiting"].sum())), n=len(top)), "", "overdue" if overdue else "on_track"))  # fmt: skip
    if result.judged_unreleased:
        lines.append(
            (
                _(
                    "%(n)s／%(total)s 件已經有結果但還沒有發佈，發佈後才算完成",
                    n=count(result.judged_unreleased),
                    total=count(waiting),
                ),
                "",
                "attention",
            )
        )
    return lines


def _tiles(result: Certification) -> html.Div:
    done, total = _done(result)
    school = result.school
    decided = int(school["on_time"] + school["late"] + school["overdue"])
    overdue = int(school["overdue"])
    median, p90 = school["wait_median_days"], school["wait_p90_days"]
    return tiles(
        tile(_("認證完成"), percent(done, total), fraction=(done, total), unit=_("件")),
        tile(_("準時"), percent(int(school["on_time"]), decided), fraction=(int(school["on_time"]), decided), unit=_("件"), note=_("已完成或已逾期的件數中")),
        tile(_("逾期未認證"), _("%(n)s 件", n=count(overdue)), status="overdue" if overdue else "on_track", fraction=(overdue, total), unit=_("件")),
        tile(_("等候中位數"), _("%(n)s 日", n=days(median, decimals=1)), fraction=(done, total), unit=_("件已完成"), note=_("完成的還不到九成") if p90 != p90 else _("九成在 %(n)s 日內（未完成者以設限計）", n=days(p90, decimals=1))),
    )  # fmt: skip


def _bars(result: Certification) -> Any:
    waiting = (
        result.teachers[result.teachers["waiting"] > 0]
        .sort_values(["waiting", "key"], ascending=[False, True])
        .head(MOST_BARS)
    )
    return waiting.assign(label=waiting["name"].where(waiting["name"] != "", waiting["key"]))


def _backlog_card(result: Certification, theme: str) -> html.Section:
    rows = _bars(result)
    total, people = int(result.teachers["waiting"].sum()), int((result.teachers["waiting"] > 0).sum())
    table = [
        [
            row.label,
            count(row.waiting),
            days(row.age_median_days, decimals=1),
            roc_date(datetime.fromisoformat(row.oldest_opened_at)) if row.waiting else "—",
            count(row.overdue),
        ]
        for row in rows.itertuples()
    ]
    return chart(
        "certification-backlog", lollipop(rows[["label", "waiting", "age_median_days"]], theme=theme),
        title=_("%(n)s 件在等 %(people)s 位教師認證", n=count(total), people=people),
        question=_("哪些件數在等、等了多久？"), summary=_("各教師待認證件數與等候日數的中位數。"),
        table=data_table([_("教師"), _("待認證"), _("已等中位（日）"), _("最早送出"), _("逾期")], table, caption=_("待認證件數")),
        footnote=_("待認證＝已送出、結果尚未發佈；承辦人為任課教師，請假期間為代理人。這是工作清單，不是評比。最多列 %(n)s 位。", n=MOST_BARS),
    )  # fmt: skip


def _ageing_card(result: Certification, theme: str) -> html.Section:
    rows = _bars(result)
    old, total = int(result.teachers["age_over_14"].sum()), int(result.teachers["waiting"].sum())
    table = [
        [row.label, count(row.age_0_3), count(row.age_4_7), count(row.age_8_14), count(row.age_over_14)]
        for row in rows.itertuples()
    ]
    return chart(
        "certification-ageing", ageing(rows[["label", "age_0_3", "age_4_7", "age_8_14", "age_over_14"]], theme=theme),
        title=_("%(old)s／%(total)s 件已等超過 14 天", old=count(old), total=count(total)),
        question=_("等得久的有多少？"), summary=_("待認證件數依等候日數分成四段。"),
        table=data_table([_("教師"), _("0–3 日"), _("4–7 日"), _("8–14 日"), _("超過 14 日")], table, caption=_("待認證件數的等候日數")),
        footnote=_("從送出認證起算的日數。"),
    )  # fmt: skip


def _funnel_card(result: Certification, view: View, theme: str) -> html.Section | None:
    points = result.points
    enough = points[points["decided"] >= 10]
    if not len(enough) or not 0 < result.target < 1:
        return card(
            [empty_state(_("還不能比較"), _("已定案（完成或逾期）的件數不足，或全部準時；期限過後再看。"), level=3)], id="certification-funnel",
            title=_("準時率的漏斗圖"), question=_("有沒有人明顯偏離全校？"), wide=True,
        )  # fmt: skip
    low = enough[enough["flag"] == "low"]
    shown = low if result.named else low[low["label"] != ""]
    table = [
        [row.label or "—", count(row.decided), percent(row.on_time, row.decided, decimals=1), {"low": _("低於界限"), "high": _("高於界限")}.get(row.flag, _("未標示"))]
        for row in enough.itertuples()
        if row.label
    ]  # fmt: skip
    title = _("%(n)s／%(all)s 位教師的準時率低於界限，請先了解原因", n=len(shown), all=len(enough)) if len(shown) else _("%(all)s 位教師中沒有人被標示", all=len(enough))  # fmt: skip
    return chart(
        "certification-funnel", funnel(points, result.limits, target=result.target, theme=theme), title=title,
        question=_("排除偶然起伏後，有沒有人明顯偏離全校？"),
        summary=_("橫軸為已定案件數，縱軸為準時率，線為全校準時率與 95%、99.8% 界限。"),
        table=data_table([_("教師"), _("已定案"), _("準時率"), _("判讀")], table, caption=_("至少 10 件的教師")),
        footnote=[
            _("全校準時率 %(rate)s；精確二項界限（Spiegelhalter 2005），至少 10 件才判讀，錯誤警示以 Benjamini–Hochberg 控制在 5%%。不排名；低於界限只表示值得了解原因（請假、集中送件、代理）。", rate=percent_of_rate(result.target, decimals=1)),
        ],
        wide=True,
    )  # fmt: skip


def _most(rows: pd.DataFrame, counted: str) -> pd.DataFrame:
    """Keep the subjects with the most items, in their order: a picture of seventy is read by nobody, and the table has all."""
    return rows.loc[rows[counted].nlargest(MOST_STRIPS).index.sort_values()]


def _few_drawn(rows: pd.DataFrame) -> str:
    words = _("圖只畫件數最多的 %(n)s 科，全部 %(all)s 科在表格裡。", n=MOST_STRIPS, all=len(rows))
    return words if len(rows) > MOST_STRIPS else ""


def _waits_card(result: Certification, view: View, theme: str) -> html.Section:
    rows, all_ = result.subjects.assign(label=result.subjects["name"]), result.waited
    started = count(all_["started"])
    table = [
        [
            row.label, count(row.started), count(row.done), days(row.wait_median_days, decimals=1), days(row.wait_p90_days, decimals=1),
            _("%(share)s（%(n)s 件）", share=percent_of_rate(row.share_within_3_days, decimals=1), n=count(row.started)),
            _("%(share)s（%(n)s 件）", share=percent_of_rate(row.share_within_7_days, decimals=1), n=count(row.started)),
        ]
        for row in rows.itertuples()
    ]  # fmt: skip
    median = all_["wait_median_days"]
    said = {"day": day_of(view.filters.as_of), "done": count(all_["done"]), "total": started}
    title = _("等候日數：截至 %(day)s，已完成 %(done)s／%(total)s 件，完成的還不到一半", **said)
    if median == median:
        title = _(
            "等候日數：截至 %(day)s，已完成 %(done)s／%(total)s 件，半數在 %(n)s 日內完成",
            n=days(median, decimals=1),
            **said,
        )
    headers = [_("科目"), _("已送出"), _("已完成"), _("中位（日）"), _("九成（日）"), _("3 日內"), _("7 日內")]
    return chart(
        "certification-waits", strips(_most(rows, "started")[["label", "wait_median_days", "wait_p90_days"]], limit_days=result.response_days, theme=theme),
        title=title, question=_("從送出到完成要等幾天？"),
        summary=_("各科目的點是等候日數的中位，線到九成完成的日數；虛線是教師至少有的日數。"),
        table=data_table(headers, table, caption=_("各科目的等候日數")),
        footnote=[
            _("從送出到結果發佈的日數，以 Kaplan–Meier 估計，還沒有完成的以設限計；右邊的數字是中位・九成，還沒有那麼多件完成時是「—」。橫軸為對數刻度。依科目名稱排列，不排名。"),
            _few_drawn(rows),
            _("全部 %(n)s 件：3 日內完成 %(three)s，7 日內完成 %(seven)s（分母是已送出的件數，未完成者以設限計）。", n=started, three=percent_of_rate(all_["share_within_3_days"], decimals=1), seven=percent_of_rate(all_["share_within_7_days"], decimals=1)),
        ],
    )  # fmt: skip


def _arrivals_card(result: Certification, view: View, theme: str) -> html.Section:
    rows = result.subjects.assign(
        label=result.subjects["name"], known=result.subjects["sent"] - result.subjects["no_window"]
    )
    last, known = int(rows["last_48h"].sum()), int(rows["known"].sum())
    table = [
        [row.label, count(row.sent), f"{percent(row.last_48h, row.known, decimals=1)}　{count(row.last_48h)}/{count(row.known)}"]
        for row in rows.itertuples()
    ]  # fmt: skip
    return chart(
        "certification-arrivals", last_arrivals(_most(rows, "sent")[["label", "last_48h", "known"]], theme=theme),
        title=_("截至 %(day)s，%(n)s／%(total)s 件（%(share)s）在上傳截止前 48 小時內或之後才送達", day=day_of(view.filters.as_of), n=count(last), total=count(known), share=percent(last, known)),
        question=_("送達的時間留給教師多少日子？"), summary=_("各科目在學生上傳截止前 48 小時內或之後才送達的比例。"),
        table=data_table([_("科目"), _("已送出"), _("截止前 48 小時送達")], table, caption=_("各科目的送達時間")),
        footnote=[
            _("分母是已送出、該年級有公告上傳期程的件數；重新送出另計一次。這是等候日數的背景，不是學生或教師的缺失。依科目名稱排列，不排名。"),
            _few_drawn(rows),
        ],
    )  # fmt: skip


def _teacher_card(result: Certification, view: View) -> html.Section:
    rows = []
    for row in result.teachers.to_dict("records"):
        done, expected = int(row["on_time"] + row["late"]), int(row["expected"])
        decided = int(row["on_time"] + row["late"] + row["overdue"])
        rows.append(
            {
                "code": row["key"], "name": row["name"], "unit": row["unit"], "done": done, "expected": expected,
                "href": "/teachers/" + quote(str(row["key"]), safe="") + asked(view) if row["key"] and may(Permission.VIEW_TEACHER) else "",
                "on_time": int(row["on_time"]), "decided": decided,
                "waiting": int(row["waiting"]),
                "overdue": int(row["overdue"]), "median": None if row["wait_median_days"] != row["wait_median_days"] else row["wait_median_days"],
                "late_share": None if row["late_share"] != row["late_share"] else row["late_share"],
            }
        )  # fmt: skip
    table = grid(
        "certification-teachers",
        rows,
        [
            Column("name", _("教師"), href="href", first=True),
            Column("code", _("代碼"), width=88),
            Column("unit", _("處室")),
            Column("completion", _("認證完成"), "ratio", numerator="done", denominator="expected"),
            Column("timeliness", _("準時"), "ratio", numerator="on_time", denominator="decided"),
            Column("waiting", _("待認證"), "count"),
            Column("overdue", _("逾期"), "count"),
            Column("median", _("送出到完成中位（日）"), "days"),
            Column("late_share", _("截止前 48 小時送達"), "percent"),
        ],
        label=_("教師明細"),
        row_id="code",
    )
    parts: list[Any] = [table]
    if may(Permission.EXPORT):
        query = asked(view, "grade", "dept", "subject", "class", "teacher")
        parts += [downloads("teachers", query), downloads("reminders", query, what=_("提醒清單"), as_text=True)]
    return card(
        parts, id="certification-table", title=_("教師明細：%(n)s 位", n=len(rows)), question=_("點教師看他的待認證清單與數字"),
        footnote=_("依教師代碼排列，不排名。認證完成＝已完成／應認證；準時＝準時／（準時＋逾時完成＋逾期）。未通過也是完成；通過率不列入。"), wide=True,
    )  # fmt: skip


def _queue_card(result: Certification, view: View) -> html.Section:
    with_names = view.scope.teachers in (
        "self",
        "none",
    )  # who has to act on the item needs the student's name; others do not
    rows = []
    for number, row in enumerate(result.queue.itertuples(), start=1):
        rows.append(
            {
                "row": str(number), "sent": roc_datetime(row.sent_at), "due": roc_date(last_day(row.due_at)) if row.due_at is not None else "—",
                "waited": row.waiting_days, "class": row.class_name, "subject": row.subject,
                "student": f"{row.student_number} {row.student_name}" if with_names else row.student_number,
                "state": _("逾期") if row.is_overdue else _("已判定，未發佈") if row.is_judged else _("待認證"),
            }
        )  # fmt: skip
    oldest = result.queue.iloc[0]
    return card(
        [
            grid(
                "certification-queue",
                rows,
                [
                    Column("sent", _("送出時間"), width=190),
                    Column("waited", _("已等（日）"), "days"),
                    Column("due", _("期限"), width=150),
                    Column("state", _("狀態"), width=140),
                    Column("class", _("上課班級")),
                    Column("subject", _("科目")),
                    Column("student", _("學生"), width=170),
                ],
                label=_("待認證清單"),
                row_id="row",
            )
        ],
        id="certification-list",
        title=_("待認證 %(n)s 件，最早一件已等 %(d)s 日", n=count(result.queue_total), d=days(oldest["waiting_days"])),
        question=_("依送出時間，最早的在前"),
        footnote=_(
            "期限＝認證期程結束與送出後 3 日（學校設定）兩者較晚的一個。認證是確認為學生本人的課程成果，不是評分。"
        ),
        wide=True,
    )
