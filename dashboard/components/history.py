# ruff: noqa: A002 - Dash calls it id, and so do all who call these functions
"""The history of imports: a row each with its files behind it, and one of them with what taking it back would do."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from dash import html
from flask_babel import gettext as _

from dashboard.components.attributes import aria
from dashboard.components.badge import badge
from dashboard.components.card import card
from dashboard.components.dates import roc_datetime
from dashboard.components.links import inside
from dashboard.components.numbers import count
from dashboard.components.plan import terms_in_words
from dashboard.components.records import Record, record_table
from dashboard.components.table import data_table
from dashboard.figures.palette import Status

SHORT_HASH = 8
MOST_TITLES = 3
COUNTS = ("rows", "new", "changed", "unchanged", "rejected")


def files_in_words(batch: Any) -> str:
    """Name what an import (services.imports.Batch) brought: up to three kinds of lists, or the entry by hand itself."""
    if batch.by_hand:
        return _("、").join(file.file for file in batch.files)
    titles = list(dict.fromkeys(file.title for file in batch.files if file.title))
    names = titles or list(dict.fromkeys(file.file for file in batch.files))
    files = len({file.file for file in batch.files})
    shown = _("、").join(names[:MOST_TITLES])
    if len(names) > MOST_TITLES:
        return _("%(names)s等 %(n)s 個檔案", names=shown, n=files)
    return _("%(names)s（%(n)s 個檔案）", names=shown, n=files)


def history_table(batches: Sequence[Any], *, may_undo: bool) -> html.Table:
    """List imports (services.imports.Batch): when, who, what, rows by what became of them, state, and the way to undo."""
    headers = [
        _("時間"),
        _("誰"),
        _("內容"),
        _("列數"),
        _("新增"),
        _("變更"),
        _("不變"),
        _("退回"),
        _("狀態"),
        _("動作"),
    ]
    records = [_record(batch, may_undo=may_undo) for batch in batches]
    return record_table(headers, records, caption=_("匯入紀錄，最新的在前"), numeric=range(3, 8))


def _record(batch: Any, *, may_undo: bool) -> Record:
    when, what = roc_datetime(batch.at), files_in_words(batch)
    words = _("復原") if may_undo and batch.can_be_undone else _("查看")
    link = inside(words, f"?batch={batch.batch_id}", css="lc-more", **aria(label=_("%(action)s：%(when)s，%(what)s", action=words, when=when, what=what)))  # fmt: skip
    sums = [count(sum(getattr(file, name) for file in batch.files)) for name in COUNTS]
    said = sum(len(file.warnings) for file in batch.files)
    summary = [
        _("檔案與指紋") if not said else _("檔案與指紋、%(n)s 則提醒", n=count(said)),
        html.Span(f"：{when}", className="visually-hidden"),
    ]
    files = data_table(_headers(), _cells(batch), caption=_("這一次的檔案"), numeric=range(3, 8))
    opened = html.Div([files, *_remarks(batch)], className="lc-reasons")
    below = None if batch.by_hand else html.Details([html.Summary(summary), opened])
    return Record([when, batch.by or "—", what, *sums, batch_badge(batch), link], below=below)


def batch_badge(batch: Any) -> html.Span:
    """Say in symbol and word what became of an import."""
    if batch.state == "undone":
        return badge(Status.NOT_OPEN, words=_("已復原"))
    if batch.state == "refused":
        return badge(Status.OVERDUE, words=_("沒有匯入"))
    return badge(Status.DONE, words=_("人工登錄") if batch.by_hand else _("已匯入"))


def _headers() -> list[str]:
    return [_("檔案"), _("名冊"), _("學期"), _("列數"), _("新增"), _("變更"), _("不變"), _("退回"), "SHA-256"]


def _cells(batch: Any) -> list[list[str]]:
    return [
        [
            f"{file.file}〔{file.sheet}〕" if file.sheet and file.sheet != "Sheet1" else file.file,
            file.title or "—", terms_in_words(file.term) or "—", *(count(getattr(file, name)) for name in COUNTS),
            file.sha256[:SHORT_HASH] or "—",
        ]
        for file in batch.files
    ]  # fmt: skip


def _remarks(batch: Any) -> list[Any]:
    said = [f"{file.file}：{line}" for file in batch.files for line in file.warnings]
    return [html.H3(_("提醒")), html.Ul([html.Li(line) for line in said])] if said else []


def batch_detail(batch: Any, *, id: str, may_undo: bool, said: str = "") -> html.Section:
    """Show one import and, for who may, what taking it back would do, with the button `id`-undo.

    said: what taking it back has just done. `id`-undo-answer is where a refusal goes.
    """
    parts: list[Any] = [html.Div([batch_badge(batch), *_undone(batch)], className="lc-trust")]
    if said:
        parts.append(html.P(said, role="status", className="lc-said-well"))
    if not batch.by_hand:
        records = [Record(cells) for cells in _cells(batch)]
        parts.append(record_table(_headers(), records, caption=_("這一次的檔案"), numeric=range(3, 8)))
    parts.append(html.Div(_remarks(batch), className="lc-reasons"))
    if batch.rejected_rows and may_undo:
        words = _("下載退回的 %(n)s 列，改好再交", n=count(batch.rejected_rows))
        parts.append(html.A(words, href=f"/imports/{batch.batch_id}/rejected.xlsx", download="", className="lc-more"))
    if may_undo and batch.can_be_undone:
        parts.append(_undo(batch, id))
    parts.append(html.Div(id=f"{id}-undo-answer", role="alert"))
    parts.append(inside(_("回到匯入紀錄"), "/imports", css="lc-more"))
    title = _(
        "%(when)s，%(who)s：%(what)s", when=roc_datetime(batch.at), who=batch.by or "—", what=files_in_words(batch)
    )
    return card(parts, id=f"{id}-batch-card", title=title, question=_("這一次匯入"), wide=True)


def _undone(batch: Any) -> list[html.Span]:
    if batch.state != "undone":
        return []
    return [html.Span(_("%(who)s 在 %(when)s 復原", who=batch.undone_by, when=roc_datetime(batch.undone_at)))]


def _undo(batch: Any, id: str) -> html.Div:
    new, changed = (sum(getattr(file, name) for file in batch.files) for name in ("new", "changed"))
    if batch.by_hand:
        what = _("復原會收回這一筆人工登錄，畫面上的數字回到匯入檔所說的樣子。")
    else:
        what = _("復原會收回這次新增的 %(new)s 列，把變更的 %(changed)s 列改回原來的內容。", new=count(new), changed=count(changed))  # fmt: skip
    rule = _("其他匯入不受影響。如果後來的匯入用到這次的資料，就不會復原，並會說明要先復原哪一次。")
    return html.Div(
        [
            html.H3(_("要復原嗎？")),
            html.P(what),
            html.P(rule, className="lc-muted"),
            html.Div(
                html.Button(_("確定復原"), id=f"{id}-undo", type="button", className="btn btn-primary", n_clicks=0),
                className="lc-actions",
            ),
        ],
        className="lc-stack lc-undo",
    )  # fmt: skip
