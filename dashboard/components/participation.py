"""What 上傳 and 勾選 show alike: tiles, groups and tables of who takes part, in words that judge nobody."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final, Protocol

import pandas as pd
from dash import html
from flask_babel import gettext as _

from dashboard.components.card import card
from dashboard.components.chart import chart
from dashboard.components.dates import roc_datetime, until
from dashboard.components.grid import Column, grid
from dashboard.components.numbers import NOTHING, count, fraction, percent
from dashboard.components.table import data_table
from dashboard.components.tile import tile, tiles
from dashboard.components.words import listed, no_data, stage_name, status_word, voluntary_rule
from dashboard.figures.palette import Status
from dashboard.figures.participation import bars, item_counts
from dashboard.figures.tiles import class_label
from dashboard.i18n import N_

_KINDS: Final = {"outcome": N_("課程學習成果"), "performance": N_("多元表現")}
_WINDOW_STATES: Final = {"not_open": N_("未開放"), "open": N_("開放中"), "closed": N_("已結束")}


class Span(Protocol):
    """A window of some grades (services.participation.Window)."""

    @property
    def grades(self) -> tuple[int, ...]: ...
    @property
    def starts_at(self) -> datetime: ...
    @property
    def ends_at(self) -> datetime: ...
    @property
    def state(self) -> str: ...


class Counted(Protocol):
    """A kind of item in numbers (services.participation.KindOfItem), as far as it is shown here."""

    @property
    def key(self) -> str: ...
    @property
    def state(self) -> str: ...
    @property
    def total(self) -> Mapping[str, Any]: ...
    @property
    def known(self) -> int: ...
    @property
    def grades(self) -> pd.DataFrame: ...
    @property
    def departments(self) -> pd.DataFrame: ...
    @property
    def classes(self) -> pd.DataFrame: ...
    @property
    def spread(self) -> pd.DataFrame: ...
    @property
    def median_items(self) -> float: ...
    @property
    def cap(self) -> int | None: ...
    @property
    def windows(self) -> Sequence[Span]: ...


def kind_name(kind: str) -> str:
    """Name a kind of item."""
    return _(_KINDS[kind])


def state_words(state: str) -> str:
    """Say why there is no count: not open, nothing handed in, nobody in school, too few to show. Empty where there is one."""
    if state == "not_open":
        return status_word(Status.NOT_OPEN)
    return {"no_data": no_data(), "nobody": NOTHING, "few": _("人數過少")}.get(state, "")


def of_all(total: Mapping[str, Any]) -> str:
    """Write participants and students in school: 「180/240」."""
    return fraction(total["participants"], total["enrolled"])


def _people(state: str, row: Mapping[str, Any]) -> str:
    return state_words(state) or _("%(ratio)s 人", ratio=of_all(row))


def took_part(stage: str, kind: str, total: Mapping[str, Any], *, day: str) -> str:
    """State participation as a sentence with number, denominator and date."""
    said = {
        "day": day, "kind": kind_name(kind), "part": count(total["participants"]), "all": count(total["enrolled"]),
        "share": percent(total["participants"], total["enrolled"]), "items": count(total["items"]),
    }  # fmt: skip
    if stage == "upload":
        return _("截至 %(day)s，%(all)s 人中有 %(part)s 人上傳%(kind)s（%(share)s），共 %(items)s 件", **said)
    return _("截至 %(day)s，%(all)s 人中有 %(part)s 人勾選%(kind)s（%(share)s），共 %(items)s 件", **said)


def over_cap(stage: str, kind: str, total: Mapping[str, Any], *, cap: int, day: str) -> str:
    """State that counts exceed the cap, which is a question to the data and not to the students."""
    said = {
        "day": day, "kind": kind_name(kind), "n": count(total["over_cap"]), "all": count(total["enrolled"]), "cap": cap,
    }  # fmt: skip
    if stage == "upload":
        return _("資料檢查（截至 %(day)s）：%(n)s／%(all)s 人的%(kind)s件數超過學校上限 %(cap)s 件，請查匯出檔是否重複", **said)  # fmt: skip
    return _("資料檢查（截至 %(day)s）：%(n)s／%(all)s 人勾選的%(kind)s超過上限 %(cap)s 件，請查匯出檔是否重複", **said)


def participation_findings(
    stage: str, kinds: Sequence[Counted], *, notes: Mapping[str, str], day: str
) -> list[tuple[str, str, str]]:
    """State counts and, where there is a cap, what the data should be checked for; nothing is a fault. For `findings`.

    notes: by kind, since when or why there are no counts.
    """
    lines = []
    for kind in kinds:
        if kind.state == "known":
            lines.append((took_part(stage, kind.key, kind.total, day=day), "", "neutral"))
        elif kind.state != "nobody":
            said = {
                "day": day, "kind": kind_name(kind.key), "stage": stage_name(stage), "state": state_words(kind.state),
                "note": notes[kind.key],
            }  # fmt: skip
            lines.append((_("截至 %(day)s，%(kind)s的%(stage)s%(state)s：%(note)s", **said), "", "neutral"))
    checks = [
        over_cap(stage, kind.key, kind.total, cap=kind.cap, day=day)
        for kind in kinds
        if kind.state == "known" and kind.cap is not None and kind.total["over_cap"] > 0
    ]
    if checks:
        lines.append(("；".join(checks), "", "neutral"))
    return lines


def participation_tiles(stage: str, kinds: Sequence[Counted], *, notes: Mapping[str, str]) -> html.Div:
    """Show each kind's participants and items. notes: by kind, since when or why there are no counts."""
    return tiles(*[each for kind in kinds for each in _two_tiles(stage, kind, note=notes[kind.key])])


def _two_tiles(stage: str, kind: Counted, *, note: str) -> list[html.Div]:
    name, total = kind_name(kind.key), kind.total
    if kind.state != "known":
        nobody = (0, 0) if kind.state == "nobody" else None
        words = state_words(kind.state)
        return [
            tile(_("%(kind)s參與", kind=name), words, fraction=nobody, unit=_("人"), note=note, stage=stage),
            tile(_("%(kind)s件數", kind=name), words, note=note, stage=stage),
        ]
    part, whole = int(total["participants"]), int(total["enrolled"])
    listed = ""
    if stage == "select" and kind.known < whole:
        listed = _("名單內有 %(n)s／%(all)s 人", n=count(kind.known), all=count(whole))
    capped = ""
    if kind.cap is not None:
        capped = _("達上限（%(cap)s 件）：%(n)s／%(all)s 人", cap=kind.cap, n=count(total["at_cap"]), all=count(whole))
    return [
        tile(_("%(kind)s參與", kind=name), percent(part, whole), status="neutral", fraction=(part, whole), unit=_("人"), note=listed, stage=stage),
        tile(_("%(kind)s件數", kind=name), _("%(n)s 件", n=count(total["items"])), status="neutral", fraction=(part, whole), unit=_("人"), note=capped, stage=stage),
    ]  # fmt: skip


def class_chart(
    page_id: str, stage: str, kinds: Sequence[Counted], *, footnote: Sequence[str], day: str, theme: str
) -> html.Section:
    """Show who takes part in each class, in the order of the roster."""
    parts = listed(f"{kind_name(kind.key)} {_people(kind.state, kind.total)}" for kind in kinds)
    if stage == "upload":
        title = _("截至 %(day)s，有上傳的學生：%(parts)s", day=day, parts=parts)
        question = _("各班有多少學生上傳？")
    else:
        title = _("截至 %(day)s，有勾選的學生：%(parts)s", day=day, parts=parts)
        question = _("各班有多少學生勾選？")
    rows = {kind.key: kind.classes for kind in kinds}
    return _group_chart(f"{page_id}-classes", rows, heading=_("班級"), title=title, question=question, footnote=footnote, theme=theme)  # fmt: skip


def grade_chart(
    page_id: str, stage: str, kinds: Sequence[Counted], *, footnote: Sequence[str], day: str, theme: str
) -> html.Section | None:
    """Show who takes part in each grade and, where there are several, each department; for a single class there is nothing to show."""
    first = next(kind for kind in kinds if kind.state == "known")
    if len(first.classes) < 2:
        return None
    parts = [
        f"{group_label(row['key'], row['name'])} {_people(row['state'], row)}"
        for row in first.grades.to_dict("records")
    ]
    rows = {
        kind.key: pd.concat([kind.grades, kind.departments], ignore_index=True) if len(kind.departments) > 1 else kind.grades
        for kind in kinds
    }  # fmt: skip
    return _group_chart(
        f"{page_id}-groups", rows, heading=_("年級、科別"),
        title=_("截至 %(day)s，%(kind)s：%(parts)s", day=day, kind=kind_name(first.key), parts=listed(parts)),
        question=_("各年級、各科有多少學生上傳？") if stage == "upload" else _("各年級、各科有多少學生勾選？"), footnote=footnote, theme=theme,
    )  # fmt: skip


def _group_chart(
    chart_id: str,
    rows: Mapping[str, pd.DataFrame],
    *,
    heading: str,
    title: str,
    question: str,
    footnote: Sequence[str],
    theme: str,
) -> html.Section:
    """Show who takes part in each group as quiet bars, with a table behind. heading: what the groups are (「班級」)."""
    kinds = [(kind, kind_name(kind)) for kind in rows]
    first = next(iter(rows.values()))
    labels = [group_label(key, name) for key, name in zip(first["key"], first["name"], strict=True)]
    shown = pd.DataFrame({"label": labels})
    for kind, frame in rows.items():
        shown[f"{kind}_part"], shown[f"{kind}_whole"] = frame["participants"].to_numpy(), frame["enrolled"].to_numpy()
        shown[f"{kind}_text"] = [state_words(state) for state in frame["state"]]
    headers = [heading, _("在學人數")]
    for _kind, name in kinds:
        headers += [_("%(kind)s參與", kind=name), _("%(kind)s件數", kind=name)]
    table = [[label, count(whole)] for label, whole in zip(labels, first["enrolled"], strict=True)]
    for frame in rows.values():
        for line, row in zip(table, frame.to_dict("records"), strict=True):
            line += [share_words(row), count(row["items"])]
    return chart(
        chart_id, bars(shown, kinds=kinds, theme=theme), title=title, question=question,
        summary=_("每一列的長條是參與的比例，條上是參與人數與在學人數；依名冊順序排列。"),
        table=data_table(headers, table, caption=question), footnote=[*footnote, voluntary_rule()],
    )  # fmt: skip


def group_label(key: str, name: str) -> str:
    """Label a class, grade or department; what belongs to none has the empty key."""
    if not key:
        return _("沒有編班")
    return class_label(name)


def share_words(row: Mapping[str, Any]) -> str:
    """Write 「75.0%　18/24」, or why there is no share."""
    words = state_words(str(row["state"]))
    return words or f"{percent(row['participants'], row['enrolled'], decimals=1)}　{of_all(row)}"


def spread_chart(
    page_id: str,
    kind: Counted,
    *,
    others_word: str,
    open_from: int,
    day: str,
    footnote: Sequence[str],
    theme: str,
) -> html.Section:
    """Show how many students have how many items. others_word: what those of whom no count is known are called; open_from: that many and more are one bar."""
    name, spread, total, median = kind_name(kind.key), kind.spread, kind.total, kind.median_items
    whole = int(total["enrolled"])
    others = whole - kind.known
    open_ended = len(spread) > open_from
    words = [
        _("%(n)s 件以上", n=items) if open_ended and items == open_from else _("%(n)s 件", n=items)
        for items in spread["items"]
    ]
    table = [
        [label, count(n), percent(n, whole, decimals=1)] for label, n in zip(words, spread["students"], strict=True)
    ]
    if others:
        table.append([others_word, count(others), percent(others, whole, decimals=1)])
    said = {"kind": name, "part": count(total["participants"]), "all": count(whole), "day": day}
    title = _("%(kind)s：%(part)s／%(all)s 人有 1 件以上，截至 %(day)s", **said)
    if median == median:
        title = _("%(kind)s：%(part)s／%(all)s 人有 1 件以上，他們的中位數是 %(n)s 件，截至 %(day)s", n=f"{median:g}", **said)  # fmt: skip
    return chart(
        f"{page_id}-spread-{kind.key}", item_counts(spread, others=others, others_word=others_word, open_ended=open_ended, theme=theme),
        title=title, question=_("每位學生有幾件？"), summary=_("各件數的學生人數，從 0 件開始。"),
        table=data_table([_("件數"), _("學生人數"), _("占在學（%(n)s 人）", n=count(whole))], table, caption=_("各件數的學生人數")),
        footnote=[*footnote, voluntary_rule()],
    )  # fmt: skip


def windows_card(page_id: str, kinds: Sequence[Counted], *, day: str) -> html.Section:
    """List when what is open, and the kinds that nobody has announced a window for."""
    notes = [_("沒有公告%(kind)s的期程。", kind=kind_name(kind.key)) for kind in kinds if not kind.windows]
    question = _("什麼時候開放？")
    rows = [
        [
            kind_name(kind.key), _("%(names)s 年級", names=listed(map(str, window.grades))), _(_WINDOW_STATES[window.state]),
            roc_datetime(window.starts_at), until(window.ends_at),
        ]
        for kind in kinds
        for window in kind.windows
    ]  # fmt: skip
    if not rows:
        content = html.P(_("期程來自作業期程的匯入。"), className="lc-muted")
        return card(content, id=f"{page_id}-windows", title=_("沒有公告期程"), question=question, footnote=notes)
    states = [window.state for kind in kinds for window in kind.windows]
    title = _("截至 %(day)s，%(all)s 個期程中 %(n)s 個開放中", day=day, n=states.count("open"), all=len(states))
    headers = [_("種類"), _("年級"), _("情形"), _("開始"), _("結束")]
    table = data_table(headers, rows, caption=_("期程"), numeric=())
    return card(table, id=f"{page_id}-windows", title=title, question=question, footnote=[*notes, voluntary_rule()])


def detail_grid(page_id: str, kinds: Sequence[Counted], *, hrefs: Sequence[str]) -> html.Div:
    """List the classes with both kinds, in the order of the roster. hrefs: a class page each, empty where there is none for the reader."""
    columns = [
        Column("name", _("班級"), href="href", first=True),
        Column("enrolled", _("在學人數"), "count"),
    ]
    lines: list[dict[str, Any]] = [
        {"name": str(row["key"]) or _("沒有編班"), "href": href, "enrolled": int(row["enrolled"])}
        for row, href in zip(kinds[0].classes.to_dict("records"), hrefs, strict=True)
    ]
    for each in kinds:
        kind, name, cap = each.key, kind_name(each.key), each.cap
        columns += [
            Column(kind, _("%(kind)s參與", kind=name), width=168),
            Column(f"{kind}_items", _("%(kind)s件數", kind=name), "count"),
        ]
        if cap is not None:
            columns += [
                Column(f"{kind}_at", _("%(kind)s達上限（%(cap)s 件）人數", kind=name, cap=cap), "count", width=120),
                Column(f"{kind}_over", _("%(kind)s超過上限人數", kind=name), "count", width=120),
            ]
        for line, row in zip(lines, each.classes.to_dict("records"), strict=True):
            # Spaces at the start do not show, but let the text sort as the number it begins with.
            line |= {kind: f"{share_words(row):>14}", f"{kind}_items": _number(row["items"])}
            if cap is not None:
                line |= {f"{kind}_at": _number(row["at_cap"]), f"{kind}_over": _number(row["over_cap"])}
    return grid(f"{page_id}-detail", lines, columns, label=_("班級明細"), row_id="name")


def _number(value: Any) -> int | None:
    return None if pd.isna(value) else int(value)
