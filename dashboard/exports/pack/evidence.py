"""What a pack holds, in the order of the meeting: sentences and tables, from the same services as the pages."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import pandas as pd

from dashboard.access.session import store
from dashboard.components.dates import day_of, until
from dashboard.components.numbers import count, days, percent
from dashboard.components.submission import roster_name, state_words
from dashboard.components.words import resolution_word, stage_name, voluntary_rule
from dashboard.exports.classes import TABLE as CLASSES
from dashboard.exports.columns import CERTIFY_COUNTS
from dashboard.exports.disputes import TABLE as DISPUTES
from dashboard.exports.pack.drawings import bars, burn_up, funnel
from dashboard.exports.receipts import TABLE as RECEIPTS
from dashboard.exports.tables import Column, Filled, Sheet, Table, cells
from dashboard.exports.teachers import TABLE as TEACHERS
from dashboard.i18n import N_
from dashboard.i18n import gettext as _
from dashboard.services.certification import Certification, certification
from dashboard.services.filters import View
from dashboard.services.meetings import read_book
from dashboard.services.overview import Overview, overview
from dashboard.services.packs import by_department, calendar_ahead, cross_checks, training_held
from dashboard.services.receipts import desk
from dashboard.services.submission import Submission, submission
from dashboard.services.trust import sources_of

MOST_FINDINGS = 5
_NEEDS_HELP = ("attention", "behind", "overdue")


@dataclass(frozen=True, slots=True)
class Part:
    """A section: what is said, the tables that bear it out, and at most one drawing (SVG) with the words for who cannot see it."""

    key: str
    title: str
    lines: tuple[str, ...]
    sheets: tuple[Filled, ...] = ()
    drawing: str = ""
    drawn: str = ""


@dataclass(frozen=True, slots=True)
class Evidence:
    """A pack before it is set. annex: with names, in the full edition alone. data_version: what its figures were counted from."""

    edition: str
    school: str
    term: int
    as_of: datetime
    made_at: datetime
    findings: tuple[str, ...]
    parts: tuple[Part, ...]
    annex: tuple[Part, ...]
    data_version: int


def gather(view: View, *, edition: str, made_at: datetime) -> Evidence:
    """Collect the evidence of a term at an instant. The view's scope decides what can be in it: names are in the annex alone."""
    seen, certified, handed = overview(store(), view), certification(store(), view), submission(store(), view)
    parts = (
        _stages(seen, handed), _behind(view, seen, handed), _departments(view), _waits(view, certified), _receipts(view),
        _training(view), _calendar(view), _resolutions(view), _quality(view),
    )  # fmt: skip
    annex = (_names(view),) if edition == "full" else ()
    return Evidence(
        edition, view.ledger.settings.school_name, view.filters.term, view.filters.as_of, made_at,
        tuple(_findings(view, seen, certified, handed)[:MOST_FINDINGS]), parts, annex, view.version,
    )  # fmt: skip


def _items_of(part: int, whole: int) -> str:
    return _("%(n)s／%(all)s 件（%(share)s）", n=count(part), all=count(whole), share=percent(part, whole))


def _findings(view: View, seen: Overview, certified: Certification, handed: Submission) -> list[str]:
    day, certify = day_of(view.filters.as_of), seen.certify
    done, total = int(certify["on_time"] + certify["late"]), int(certify["expected"])
    lines = []
    if total:
        said = {"day": day, "part": _items_of(done, total), "n": count(certify["overdue"]), "total": count(total)}
        lines.append(_("截至 %(day)s，教師認證完成 %(part)s，逾期 %(n)s／%(total)s 件。", **said))
    behind = int(seen.classes["status"].isin(_NEEDS_HELP).sum())
    lines.append(_("認證進度需要協助的有 %(n)s／%(all)s 班。", n=count(behind), all=count(len(seen.classes))))
    if handed.submit["expected"]:
        finished = handed.submit["on_time"] + handed.submit["late"]
        said = {"n": count(finished), "all": count(handed.submit["expected"]), "late": count(handed.submit["overdue"])}
        lines.append(_("應提交的名冊已完成 %(n)s／%(all)s 份，逾期 %(late)s 份。", **said))
    if seen.receipts["disputes"]:
        said = {"n": count(seen.receipts["disputes"]), "late": count(seen.receipts["dispute_overdue"])}
        lines.append(_("收訖問題回報 %(n)s 件，過了 3 天還沒有答覆的 %(late)s 件。", **said))
    median = certified.waited["wait_median_days"]
    if median == median:
        said = {
            "d": days(median, decimals=1),
            "done": count(certified.waited["done"]),
            "all": count(certified.waited["started"]),
        }
        lines.append(_("送出認證後，半數在 %(d)s 日內完成（%(done)s／%(all)s 件已完成）。", **said))
    return lines


def _sheet(key: str, title: str, columns: Sequence[Column], frame: pd.DataFrame) -> Filled:
    sheet = Sheet(key, title, tuple(columns))
    return sheet, cells(sheet, frame)


def _of(table: Table, view: View, *, without: Sequence[str] = (), only: pd.Series[Any] | None = None) -> Filled:
    """Take a table of the pages, without the columns that a printed page has no room for."""
    frame = table.rows(view)
    columns = tuple(column for column in table.columns if column.key not in without)
    return _sheet(table.key, table.title, columns, frame if only is None else frame[only.to_numpy()])


_STAGE_COLUMNS = (
    Column("stage", N_("階段")),
    Column("part", N_("已完成或參與"), "count"),
    Column("whole", N_("應完成或全部"), "count"),
    Column("rate", N_("比例"), "rate"),
    Column("overdue", N_("逾期"), "count", N_("只有應辦的階段有逾期；上傳與勾選為學生自主。")),
    Column("said", N_("說明")),
)


def _stages(seen: Overview, handed: Submission) -> Part:
    certify, upload, receipts = seen.certify, seen.upload, seen.receipts
    selected = int(seen.classes["select_participants"].sum()) if seen.selection_state == "neutral" else None
    rows: list[tuple[str, int | None, int | None, int | None, str]] = [
        (stage_name("register"), *_duty(handed.register), _("各班各類紀錄")),
        (stage_name("upload"), int(upload["participants"]) if seen.upload_state == "neutral" else None, int(upload["enrolled"]), None, _("在學學生中至少一件的人數；學生自主")),
        (stage_name("certify"), *_duty(certify), _("件")),
        (stage_name("select"), selected, int(seen.classes["enrolled"].sum()), None, _("在學學生中至少一件的人數；學生自主")),
        (stage_name("submit"), *_duty(handed.submit), _("份名冊")),
        (stage_name("confirm"), receipts["confirmed"] if receipts["receipt_round"] else None, receipts["receipt_round"] or None, None, _("學生表示確認的人次；視同確認不計入")),
    ]  # fmt: skip
    frame = pd.DataFrame(rows, columns=["stage", "part", "whole", "overdue", "said"]).astype({"part": "Int64", "whole": "Int64", "overdue": "Int64"})  # fmt: skip
    frame["rate"] = frame["part"].astype("Float64") / frame["whole"].astype("Float64").where(frame["whole"] > 0)
    drawing = burn_up(seen.burn_up, end=seen.window_end)
    return Part(
        "stages", _("各階段"), (voluntary_rule(),), (_sheet("stages", N_("各階段"), _STAGE_COLUMNS, frame),), drawing,
        _("這個學期累計送出認證與完成認證的件數，虛線是認證截止。") if drawing else "",
    )  # fmt: skip


def _duty(counts: dict[str, Any]) -> tuple[int, int, int]:
    return int(counts["on_time"] + counts["late"]), int(counts["expected"]), int(counts["overdue"])


def _behind(view: View, seen: Overview, handed: Submission) -> Part:
    needs = seen.classes["status"].isin(_NEEDS_HELP) & (seen.classes["expected"] > 0)
    kept = ("key", "expected", "on_time", "late", "open", "overdue", "completion", "expected_share", "status")
    without = [column.key for column in CLASSES.columns if column.key not in kept]
    left = [each for each in handed.rosters if each.state in ("open", "overdue")]
    rows = [
        (roster_name(each.name, batch=each.batch, is_evening=each.is_evening), each.unit or None, each.ends_at, state_words(each.state))
        for each in left
    ]  # fmt: skip
    todo = pd.DataFrame(rows, columns=["name", "unit", "ends_at", "state"])
    todo["ends_at"] = [pd.NaT if at is None else pd.Timestamp(at) - pd.Timedelta(1, "us") for at in todo["ends_at"]]
    columns = (Column("name", N_("名冊")), Column("unit", N_("負責單位")), Column("ends_at", N_("截止日"), "day"), Column("state", N_("情形")))  # fmt: skip
    lines = (
        _("認證進度需要協助的班級：%(n)s／%(all)s 班（只列這些班）。", n=count(needs.sum()), all=count(len(needs))),
        _("還沒有完成的提交：%(n)s／%(all)s 份。", n=count(len(left)), all=count(handed.submit["expected"])),
        _(
            "與應有進度相差 5 個百分點內為進度正常，15 個百分點內為需注意，再低為進度落後；有過了期限仍未完成的為逾期。少於 5 件不判定。"
        ),
    )
    return Part(
        "behind", _("需要處理的事"), lines,
        (_of(CLASSES, view, without=without, only=needs), _sheet("to_do", N_("還沒有完成的提交"), columns, todo)),
    )  # fmt: skip


def _departments(view: View) -> Part:
    frame = by_department(view)
    with_items = frame[frame["expected"] > 0]
    done, total = int((frame["on_time"] + frame["late"]).sum()), int(frame["expected"].sum())
    return Part(
        "departments", _("各科別"),
        (_("各科別合計完成 %(part)s。依名稱排列，不排名。", part=_items_of(done, total)),),
        (_sheet("departments", N_("各科別"), (Column("key", N_("科別")), *CERTIFY_COUNTS), frame),),
        bars([(str(row["key"]) or "—", int(row["on_time"] + row["late"]), int(row["expected"])) for row in with_items.to_dict("records")]),
        _("各科別認證完成的比例，依名稱排列。"),
    )  # fmt: skip


def _waits(view: View, certified: Certification) -> Part:
    points = certified.points
    low, high = int((points["flag"] == "low").sum()), int((points["flag"] == "high").sum())
    judged = int((points["decided"] >= 10).sum())
    lines = [_("等候日數以 Kaplan–Meier 估計：從送出到完成，還沒有完成的以設限計。這是遲延的背景，不是教師的評比。")]
    if len(points):
        said = {"n": count(judged), "all": count(len(points)), "low": count(low), "high": count(high)}
        lines.append(_("漏斗圖：定案至少 10 件的教師 %(n)s／%(all)s 位，準時率低於界限 %(low)s 位、高於界限 %(high)s 位（精確二項界限，Benjamini–Hochberg 控制在 5%%）。", **said))  # fmt: skip
    columns = (
        Column("key", N_("科目")), Column("started", N_("送出"), "count"), Column("done", N_("完成"), "count"),
        Column("wait_median_days", N_("等候中位日數"), "days"), Column("wait_p90_days", N_("九成在幾日內"), "days"),
        Column("sent", N_("送達件數"), "count"), Column("last_48h", N_("截止前 48 小時送達"), "count"),
    )  # fmt: skip
    sheets = (_sheet("waits", N_("各科目的等候"), columns, certified.subjects),) if len(certified.subjects) else ()
    drawing = funnel(points, certified.limits, certified.target) if len(points) >= 5 else ""
    return Part(
        "waits", _("等候與漏斗圖"), tuple(lines), sheets, drawing,
        _("每一點是一位教師：橫軸為定案件數，縱軸為準時率，線為 95% 與 99.8% 界限；不具名。") if drawing else "",
    )  # fmt: skip


def _receipts(view: View) -> Part:
    result = desk(store(), view)
    total = result.total
    if not total["in_round"]:
        why = {"not_open": _("收訖明細的確認還沒有開放。")}.get(result.state, _("還沒有匯入收訖明細確認。"))
        return Part("receipts", _("收訖與問題回報"), (why,))
    said = {name: count(total[name]) for name in ("in_round", "confirmed", "disputed", "unseen", "deemed", "disputes", "answered", "dispute_overdue")}  # fmt: skip
    lines = (
        _("收訖明細 %(in_round)s 人次：已確認 %(confirmed)s、回報問題 %(disputed)s、未表示 %(unseen)s、視同確認 %(deemed)s（視同確認不加入已確認）。", **said),
        _("問題回報 %(disputes)s 件，已答覆 %(answered)s 件，過了 3 天還沒有答覆 %(dispute_overdue)s 件。", **said),
    )  # fmt: skip
    personal = [column.key for column in DISPUTES.columns if column.key not in ("number", "kind", "unit", "raised_at", "due_at", "answered_at", "state")]  # fmt: skip
    sheets: tuple[Filled, ...] = (_of(RECEIPTS, view, without=("confirmed_late", "answered_late", "round_number")),)
    if not view.scope.suppressed:
        sheets += (_of(DISPUTES, view, without=personal),)
    return Part("receipts", _("收訖與問題回報"), lines, sheets)


def _training(view: View) -> Part:
    frame = training_held(store(), view)
    columns = (Column("kind", N_("種類")), Column("audience", N_("對象")), Column("sessions", N_("場次"), "count"), Column("attendees", N_("人次"), "count"))  # fmt: skip
    said = (
        _("截至日已辦理 %(n)s 場。", n=count(frame["sessions"].sum()))
        if len(frame)
        else _("還沒有研習或說明會的紀錄。")
    )
    return Part(
        "training",
        _("宣導與研習"),
        (said,),
        (_sheet("training", N_("宣導與研習"), columns, frame),) if len(frame) else (),
    )


def _calendar(view: View) -> Part:
    frame = calendar_ahead(view)
    columns = (Column("task", N_("期程")), Column("grade", N_("年級"), "count"), Column("starts_at", N_("開始"), "day"), Column("last_at", N_("最後一天"), "day"), Column("unit", N_("單位")))  # fmt: skip
    said = _("截至日之後還有 %(n)s 個期程。", n=count(len(frame)))
    return Part(
        "calendar",
        _("接下來的期程"),
        (said,),
        (_sheet("calendar", N_("接下來的期程"), columns, frame),) if len(frame) else (),
    )


def _resolutions(view: View) -> Part:
    """What the last meeting resolved, and what is unfinished from earlier ones, as it stood."""
    as_of = view.filters.as_of
    found = read_book(store(), as_of).heard_at(as_of)
    rows = [
        (each.resolution.number, each.resolution.text, each.resolution.responsible or None, each.resolution.due_on, resolution_word(each.state))
        for each in found
    ]  # fmt: skip
    columns = (
        Column("number", N_("決議編號")), Column("text", N_("決議")), Column("responsible", N_("負責")), Column("due_on", N_("期限"), "day"),
        Column("state", N_("情形")),
    )  # fmt: skip
    open_count = sum(each.is_unfinished for each in found)
    said = _(
        "上次會議的決議與以前未完成的決議 %(n)s 項，還沒有完成的 %(open)s 項。",
        n=count(len(found)),
        open=count(open_count),
    )
    frame = pd.DataFrame(rows, columns=[column.key for column in columns])
    return Part(
        "resolutions",
        _("決議的追蹤"),
        (said,),
        (_sheet("resolutions", N_("決議的追蹤"), columns, frame),) if found else (),
    )


def _quality(view: View) -> Part:
    stated, differing = cross_checks(view)
    settings = view.ledger.settings
    lines = [
        _(
            "應認證＝準時＋逾時完成＋待認證＋逾期；完成率＝（準時＋逾時完成）／應認證；百分比一律捨去。沒有應辦的是「—」，不是 0，也不列入平均。"
        ),
        _("認證期限＝認證期程結束與送出後 %(n)s 日兩者較晚的一個。", n=settings.minimum_response_days),
        _("平臺自己統計的數字 %(n)s 筆，與這裡不同的 %(m)s 筆。", n=count(stated), m=count(differing)),
    ]
    if view.scope.suppressed:
        lines.insert(1, _("這一版不具名：為保護學生，學生的人數與件數以 %(n)s 為單位，是概數；實際人數在完整版。", n=settings.suppression_size))  # fmt: skip
    rows = [(each.title, each.file_name, each.sha256, until(each.imported_at)) for each in sources_of(store())]
    columns = (
        Column("title", N_("名冊")),
        Column("file", N_("檔案")),
        Column("sha256", "SHA-256"),
        Column("at", N_("匯入時間")),
    )
    frame = pd.DataFrame(rows, columns=["title", "file", "sha256", "at"])
    return Part("quality", _("定義與資料來源"), tuple(lines), (_sheet("sources", N_("資料來源"), columns, frame),))


def _names(view: View) -> Part:
    return Part(
        "annex", _("附件（機密）：具名的明細"),
        (
            _("只給召集人與執行秘書。依教師代碼排列，不排名；逾期是待辦清單，不是評比。"),
            _("截止前 48 小時送達比例是遲延的背景；請假期間的件數算在代理人名下。"),
        ),
        (_of(TEACHERS, view),),
    )  # fmt: skip
