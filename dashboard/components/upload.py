# ruff: noqa: A002 - Dash calls it id, and so do all who call these functions
"""The place to put files: dropped on it or chosen, sent by the browser alone (assets/imports.js), with its progress."""

from __future__ import annotations

from dash import html
from flask_babel import gettext as _

from dashboard.components.attributes import aria, data


def drop_area(id: str, *, words: str, note: str, address: str, page: str, suffixes: str, limit_bytes: int) -> html.Div:
    """Offer a place for many files at once; a button does the same by keyboard.

    words (`id`-words) and note say what belongs here. address: where the files are posted. page: where the browser goes
    with the hand-in's token, which it puts behind `?job=`. limit_bytes: of all files together, said before anything is sent.
    """
    megabytes = limit_bytes // 2**20
    sayings = data(
        sending=_("正在上傳 {files} 個檔案（{percent}%）"),
        sent=_("已上傳 {files} 個檔案，準備檢查"),
        too_big=_("這些檔案共 {size} MB，超過上限 %(limit)s MB，沒有送出。請分幾次放進來。", limit=megabytes),
        folder=_("「{name}」是資料夾。請打開資料夾，選取裡面的檔案再拖進來。"),
        empty=_("「{name}」是空的檔案，所以這 {files} 個檔案都沒有送出；請拿掉它再放一次。"),
        failed=_("沒有收下這些檔案：{reason}"),
        broken=_("連線中斷，檔案沒有送完。請檢查網路後再放一次。"),
        stopped=_("已停止上傳，沒有送出任何檔案。"),
    )
    return html.Div(
        [
            html.P(words, id=f"{id}-words", className="lc-drop-words"),
            html.Div(
                [
                    html.Button(
                        _("選擇檔案"), type="button", className="btn btn-primary", **data(pick=""), **aria(describedby=f"{id}-note")
                    ),
                    html.Button(
                        _("停止上傳"), type="button", className="btn btn-outline-primary", hidden=True, **data(stop="")
                    ),
                ],
                className="lc-actions",
            ),
            html.P(note, id=f"{id}-note", className="lc-muted"),
            html.Progress(value="0", max="100", hidden=True, **data(sent_share=""), **aria(label=_("上傳進度"))),
            # The browser writes here; the server never does.
            html.P(className="lc-drop-state", role="status", **data(state="")),
        ],
        id=id,
        className="lc-drop",
        **data(drop=address, page=page, suffixes=suffixes, limit=str(limit_bytes)),
        **sayings,
    )  # fmt: skip
