"""教師: one teacher's queue, oldest first, his own figures, and where he stands among others whom nobody can tell."""

from __future__ import annotations

from typing import Any

from dash import Input, Output, html, register_page
from flask_babel import gettext as _

from dashboard.access.guard import protected_callback
from dashboard.access.roles import Permission
from dashboard.access.session import current_scope, may, store
from dashboard.access.trail import record_teacher_view
from dashboard.components.card import card
from dashboard.components.chart import chart
from dashboard.components.dates import day_of, last_day, roc_date, roc_datetime
from dashboard.components.downloads import downloads
from dashboard.components.empty import empty_state
from dashboard.components.grid import Column, grid
from dashboard.components.notices import notice_word
from dashboard.components.numbers import count, days, percent, percent_of_rate
from dashboard.components.page import columns, findings
from dashboard.components.table import data_table
from dashboard.components.tile import tile, tiles
from dashboard.figures.peers import peers
from dashboard.frame import answer, asked, frame, ids_of, keep_address, read_query
from dashboard.services.filters import View, open_view
from dashboard.services.notices import Line, last_notices
from dashboard.services.teachers import FEWEST_PEERS, QUEUE_ROWS, Peers, Teacher, teacher_of

PAGE = "teachers"
FILTERS = ("term", "asof", "division")
CONTROLS = (*FILTERS, "teacher")

register_page(
    __name__, path_template="/teachers/<teacher>", name="教師", permission=Permission.VIEW_TEACHER
)  # fmt: skip
keep_address(PAGE, FILTERS)


def layout(**query: str | None) -> html.Div:
    """Filters and an empty place; the callback below fills it for the session's scope."""
    return frame(PAGE, _("教師"), FILTERS, query, permission=Permission.VIEW_TEACHER, of="teacher")


@protected_callback(
    Output(f"{PAGE}-head", "children"),
    Output(f"{PAGE}-body", "children"),
    *[Input(each, "value") for each in ids_of(PAGE, CONTROLS)],
    Input("theme", "data"),
    permission=Permission.VIEW_TEACHER,
)
def show(*values: Any) -> tuple[list[Any], list[Any]]:
    """Answer the page's question, under the name of the teacher where the scope allows him."""
    view = open_view(store(), current_scope(), read_query(CONTROLS, values[:-1]))
    names = dict(view.choices.teachers) if view is not None else {}
    name = names.get(view.filters.teacher or "", "") if view is not None else ""
    if name and view is not None:
        record_teacher_view(view.filters.teacher or "")
    title = _("教師：%(name)s", name=name) if name else _("教師")
    last = last_notices(store(), view.filters, person=view.filters.teacher or "-") if name and view is not None else {}
    notice = next(iter(last.values()), None)
    about = "" if notice is None else f"{notice.id} {notice.state}"
    return answer(PAGE, title, CONTROLS, values, lambda view, theme: _body(view, theme, notice), about=about)


def _body(view: View, theme: str, notice: Line | None) -> list[Any]:
    result = teacher_of(store(), view)
    if result is None:
        why = _("這個學期沒有這位教師的認證，或不在您的職務範圍內。")
        return [empty_state(_("沒有可以顯示的教師"), why, _("前往教師認證"), "/certification" + asked(view))]
    if not result.counts["expected"]:
        text = _("這個學期到截至日為止，沒有已送出、由這位教師承辦的認證；學生還沒有送出，就沒有應辦的認證。")
        return [empty_state(_("沒有應辦的認證"), text, _("前往教師認證"), "/certification" + asked(view))]
    parts: list[Any] = [findings(_findings(result, view)), _tiles(result, view, notice), _queue_card(result, view)]
    return [*parts, columns(_peers_card(result, view, theme))]


def _done(result: Teacher) -> int:
    return int(result.counts["on_time"] + result.counts["late"])


def _decided(result: Teacher) -> int:
    return _done(result) + int(result.counts["overdue"])


def _findings(result: Teacher, view: View) -> list[tuple[str, str, str]]:
    counts, total = result.counts, int(result.counts["expected"])
    overdue = int(counts["overdue"])
    said = {
        "day": day_of(view.filters.as_of),
        "n": count(result.waiting),
        "overdue": count(overdue),
        "total": count(total),
    }
    if overdue:
        lines = [(_("截至 %(day)s，待認證 %(n)s 件，其中 %(overdue)s 件逾期（應認證 %(total)s 件）", **said), "", "overdue")]  # fmt: skip
    else:
        lines = [(_("截至 %(day)s，沒有逾期；待認證 %(n)s 件（應認證 %(total)s 件）", day=said["day"], n=said["n"], total=said["total"]), "", "on_track" if result.waiting else "done")]  # fmt: skip
    if result.judged_unreleased:
        lines.append((_("%(n)s／%(total)s 件已經有結果但還沒有發佈，發佈後才算完成", n=count(result.judged_unreleased), total=count(result.waiting)), "", "attention"))  # fmt: skip
    return lines


def _tiles(result: Teacher, view: View, notice: Line | None) -> html.Div:
    counts, done, total = result.counts, _done(result), int(result.counts["expected"])
    decided, overdue, on_time = _decided(result), int(counts["overdue"]), int(counts["on_time"])
    median = counts["wait_median_days"]
    more = "" if view.scope.teachers == "self" else "/certification" + asked(view, "teacher")
    return tiles(
        tile(
            _("認證完成"), percent(done, total), fraction=(done, total), unit=_("件"), href=more,
            note=_("含代他人完成 %(n)s 件；原指派給自己、由他人完成的 %(others)s 件另計", n=count(result.for_others), others=count(result.by_others)),
        ),
        tile(_("準時"), percent(on_time, decided), fraction=(on_time, decided), unit=_("件"), note=_("已完成或已逾期的件數中")),
        tile(
            _("逾期未認證"), _("%(n)s 件", n=count(overdue)), status="overdue" if overdue else "on_track" if result.waiting else "done",
            fraction=(overdue, total), unit=_("件"), note=_("另有 %(n)s 件待認證、未到期", n=count(counts["open"])) + _noticed(notice),
        ),
        tile(
            _("等候中位數"), _("%(n)s 日", n=days(median, decimals=1)) if median == median else "—", fraction=(done, total), unit=_("件已完成"),
            note=_("從送出到完成（未完成者以設限計）") if median == median else _("完成的還不到一半"),
        ),
        tile(
            _("截止前 48 小時送達"), percent(result.last_48h, result.with_window), fraction=(result.last_48h, result.with_window), unit=_("件"),
            note=_("這是時間的背景，不是教師的責任"),
        ),
    )  # fmt: skip


def _noticed(notice: Line | None) -> str:
    """Say when the teacher was last told, beside what is overdue."""
    if notice is None:
        return ""
    said = {"day": roc_date(notice.ended_at), "what": notice_word(notice.state)}
    return _("。上一次提醒：%(day)s %(what)s", **said)


def _queue_card(result: Teacher, view: View) -> html.Section:
    if not result.waiting:
        text = _(
            "截至 %(day)s，應認證 %(total)s 件都已完成。",
            day=day_of(view.filters.as_of),
            total=count(result.counts["expected"]),
        )
        return card(empty_state(_("沒有待認證的件數"), text, level=3), id="teachers-list", title=_("待認證 0 件"), question=_("依送出時間，最早的在前"), wide=True)  # fmt: skip
    # Who has to act on the item needs the student's name; others do not.
    with_names = view.scope.teachers == "self"
    rows = [
        {
            "row": str(number), "sent": roc_datetime(row.sent_at), "waited": row.waiting_days,
            "due": roc_date(last_day(row.due_at)) if row.due_at is not None else "—",
            "state": _("逾期") if row.is_overdue else _("已判定，未發佈") if row.is_judged else _("待認證"),
            "class": row.class_name, "subject": row.subject, "item": _("第 %(n)s 件", n=row.item_number),
            "student": f"{row.student_number} {row.student_name}" if with_names else row.student_number,
        }
        for number, row in enumerate(result.queue.itertuples(), start=1)
    ]  # fmt: skip
    table = grid(
        "teachers-queue",
        rows,
        [
            Column("sent", _("送出時間"), width=190),
            Column("waited", _("已等（日）"), "days"),
            Column("due", _("期限"), width=150),
            Column("state", _("狀態"), width=140),
            Column("class", _("上課班級")),
            Column("subject", _("科目")),
            Column("item", _("成果"), width=88),
            *([Column("student", _("學生"), width=170)] if view.scope.lists_items else []),
        ],
        label=_("待認證清單"),
        row_id="row",
    )
    parts: list[Any] = [table]
    if may(Permission.EXPORT):
        parts.append(downloads("reminders", asked(view, "teacher"), what=_("提醒清單"), as_text=True))
    notes = [_("期限＝認證期程結束與送出後 3 日（學校設定）兩者較晚的一個。認證是確認為學生本人的課程成果，不是評分。")]
    if result.waiting > QUEUE_ROWS:
        notes.append(_("只列最早的 %(n)s 件。", n=QUEUE_ROWS))
    return card(
        parts, id="teachers-list",
        title=_("待認證 %(n)s 件，最早一件已等 %(d)s 日", n=count(result.waiting), d=days(result.queue.iloc[0]["waiting_days"])),
        question=_("依送出時間，最早的在前"), footnote=notes, wide=True,
    )  # fmt: skip


def _peers_card(result: Teacher, view: View, theme: str) -> html.Section:
    found, decided, on_time = result.peers, _decided(result), int(result.counts["on_time"])
    question = _("排除偶然起伏後，準時率和全校相比如何？")
    if found is None:
        text = _("自己已定案（完成或逾期）的件數不到 10 件、能比較的其他教師不到 %(n)s 位，或全校全部準時，都不比較。", n=FEWEST_PEERS)  # fmt: skip
        return card(empty_state(_("還不能比較"), text, level=3), id="teachers-peers", title=_("與其他教師比較"), question=question, wide=True)  # fmt: skip
    said = {"part": count(on_time), "all": count(decided), "share": percent(on_time, decided, decimals=1), "day": day_of(view.filters.as_of)}  # fmt: skip
    titles = {
        "low": _("截至 %(day)s，準時 %(part)s／%(all)s 件（%(share)s），低於全校的界限；請先看送達時間、請假與代理", **said),
        "high": _("截至 %(day)s，準時 %(part)s／%(all)s 件（%(share)s），高於全校的界限", **said),
    }  # fmt: skip
    title = titles.get(found.flag) or _(
        "截至 %(day)s，準時 %(part)s／%(all)s 件（%(share)s），沒有明顯偏離全校", **said
    )
    own = {"decided": decided, "timeliness": on_time / decided}
    return chart(
        "teachers-peers", peers(found.points, found.limits, own=own, target=found.target, theme=theme), title=title, question=question,
        summary=_("橫軸為已定案件數，縱軸為準時率；菱形是自己，其他點是不具名的其他教師，線為全校準時率與界限。"),
        table=data_table([_("項目"), _("已定案"), _("準時率")], _peer_rows(found, said), caption=_("準時率的比較")),
        footnote=[
            _("準時率＝準時／（準時＋逾時完成＋逾期）。其他 %(n)s 位教師（至少 10 件）不具名，件數取到 5 件、比例取到 1%%，只給自己作背景，不是名次。", n=len(found.points)),
            _("全校準時率 %(part)s／%(all)s 件（%(rate)s）；精確二項界限（Spiegelhalter 2005），錯誤警示以 Benjamini–Hochberg 控制在 5%%。低於界限只表示值得了解原因。", part=count(found.on_time), all=count(found.decided), rate=percent_of_rate(found.target, decimals=1)),
        ],
        wide=True,
    )  # fmt: skip


def _peer_rows(found: Peers, said: dict[str, str]) -> list[list[str]]:
    def between(low: str, high: str) -> str:
        lower, upper = (percent_of_rate(found.own_limits[name], decimals=1) for name in (low, high))
        return f"{lower}–{upper}"

    return [
        [_("自己"), said["all"], f"{said['share']}　{said['part']}/{said['all']}"],
        [
            _("全校"),
            count(found.decided),
            f"{percent(found.on_time, found.decided, decimals=1)}　{count(found.on_time)}/{count(found.decided)}",
        ],
        [_("%(share)s 界限（同樣件數）", share="95%"), said["all"], between("lower_95", "upper_95")],
        [_("%(share)s 界限（同樣件數）", share="99.8%"), said["all"], between("lower_998", "upper_998")],
    ]
