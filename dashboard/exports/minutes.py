"""A meeting's minutes as odt: in the school's own template where it keeps one, else in ours."""

from __future__ import annotations

import io
import re
from pathlib import Path
from typing import Final

from flask_babel import gettext as _
from odfdo import Document, Element, Header, Paragraph

from dashboard.components.dates import roc_date, roc_datetime
from dashboard.components.words import aside, listed, resolution_word
from dashboard.services.meetings import EXCUSED, MATTERS, PRESENT, Book, Meeting, Standing

TEMPLATE: Final = Path("templates") / "minutes.odt"  # below the instance's folder
_MARK: Final = re.compile(r"\{\{\s*([^{}]+?)\s*\}\}")


class MinutesError(RuntimeError):
    """The school's template is no text that can be filled in."""


def minutes_of(book: Book, meeting: Meeting, *, school: str, title: str) -> dict[str, list[str]]:
    """Return what the minutes say, by the words that stand for it in a template; a line each."""
    seats = {said: [each.title for each in meeting.members if each.attendance == said] for said in (PRESENT, EXCUSED)}
    present = _("%(n)s／%(all)s 人：", n=meeting.present, all=len(meeting.members)) + listed(seats[PRESENT])
    unknown = sum(not each.attendance for each in meeting.members)
    nothing = [_("無")]
    agenda = [
        f"{matter}　{item.title}" + (f"（{item.note}）" if item.note else "") if item.title != matter else matter
        for item in meeting.agenda
        for matter in [MATTERS[item.matter - 1]]
    ]
    return {
        "會議名稱": [f"{school}{title}"],
        "時間": [roc_datetime(meeting.held_at)],
        "地點": [meeting.place],
        "主席": [meeting.convener],
        "出席": [present],
        "請假": [
            (listed(seats[EXCUSED]) or nothing[0]) + (aside(_("另有 %(n)s 位未登記", n=unknown)) if unknown else "")
        ],
        "議程": [f"{n}. {line}" for n, line in enumerate(agenda, start=1)] or nothing,
        "決議": [_resolved(each) for each in book.resolved_at(meeting)] or nothing,
        "追蹤事項": [_followed(each) for each in book.reported_to(meeting)] or nothing,
    }


def _resolved(standing: Standing) -> str:
    resolution = standing.resolution
    due = _("，%(day)s前", day=roc_date(resolution.due_on)) if resolution.due_on else ""
    return f"{resolution.number}　{resolution.text}（{resolution.responsible}{due}）"


def _followed(standing: Standing) -> str:
    reason = f"：{standing.last.reason}" if standing.last.reason else ""
    return f"{_resolved(standing)}　{resolution_word(standing.state)}{reason}"


def to_odt(said: dict[str, list[str]], *, template: Path) -> bytes:
    """Return the minutes as odt. Raises MinutesError where there is a template that cannot be read."""
    document = _filled(template, said) if template.is_file() else _plain(said)
    buffer = io.BytesIO()
    document.save(buffer)
    return buffer.getvalue()


def _plain(said: dict[str, list[str]]) -> Document:
    document = Document("text")
    body = document.body
    body.clear()
    (name,) = said["會議名稱"]
    body.append(Header(1, _("%(name)s紀錄", name=name)))
    for word in ("時間", "地點", "主席", "出席", "請假"):
        body.append(Paragraph(f"{_(word)}：{said[word][0]}"))
    for word in ("追蹤事項", "議程", "決議"):
        body.append(Header(2, _(word)))
        for line in said[word]:
            body.append(Paragraph(line))
    return document


def _filled(template: Path, said: dict[str, list[str]]) -> Document:
    """Put the words in the place of their marks; what a paragraph says in its own words stays."""
    try:
        document = Document(template)
        body = document.body
    except Exception as error:  # whatever a file may be that is no odt
        raise MinutesError(_("instance/templates/minutes.odt 讀不懂，請換成 ODT 文字檔")) from error
    for element in body.get_elements("//text:p|//text:h"):
        words = element.text_recursive
        if not _MARK.search(words):
            continue
        alone = _MARK.fullmatch(words.strip())
        if alone and alone.group(1) in said:
            _replace(element, said[alone.group(1)])
        else:
            _replace(element, [_MARK.sub(lambda found: "；".join(said.get(found.group(1), [found.group(0)])), words)])
    return document


def _replace(element: Element, lines: list[str]) -> None:
    """Put one paragraph a line, in its style, where an element stands."""
    parent = element.parent
    if parent is None:
        return
    place = parent.index(element)
    for n, line in enumerate(lines):
        made = Paragraph(line, style=element.get_attribute_string("text:style-name"))
        if element.tag == "text:h":
            made = Header(int(element.get_attribute_string("text:outline-level") or 1), line)
        parent.insert(made, position=place + n)
    element.delete()
