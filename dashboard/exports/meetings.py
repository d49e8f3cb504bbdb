"""What the forms of the meetings' page post, and a meeting's minutes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from urllib.parse import urlencode

from flask import Flask, Response, abort, make_response, redirect, render_template, request
from flask_babel import force_locale

from dashboard.access.roles import Permission
from dashboard.access.session import current_name, current_scope, may, store
from dashboard.access.trail import record
from dashboard.components.words import meeting_title
from dashboard.exports.minutes import TEMPLATE, MinutesError, minutes_of, to_odt
from dashboard.i18n import language
from dashboard.services import meetings
from dashboard.services.filters import open_view
from dashboard.services.meetings import MeetingError, read_book
from dashboard.services.typed import whole_number

ODT = "application/vnd.oasis.opendocument.text"
_LONGEST = 5000  # of a field; the list of members is the longest


def install_meetings(server: Flask) -> None:
    """Add the routes: each form of the page, and the minutes."""
    server.add_url_rule("/meetings/plan", "plan_meeting", plan_meeting, methods=["POST"])
    server.add_url_rule(
        "/meetings/<int(max=2147483647):number>/<step>", "change_meeting", change_meeting, methods=["POST"]
    )
    server.add_url_rule(
        "/meetings/resolutions/<int(max=2147483647):number>", "move_resolution", move_resolution, methods=["POST"]
    )
    server.add_url_rule("/meetings/<int(max=2147483647):number>/minutes.odt", "meeting_minutes", minutes)


def plan_meeting() -> Response:
    """Plan a meeting and show it."""
    return _written(lambda form: meetings.plan(store(), form, by=current_name()))


def change_meeting(number: int, step: str) -> Response:
    """Take a step of a meeting: who was present, that it took place or does not, its agenda, what it resolved."""
    steps: dict[str, Callable[[dict[str, str]], Any]] = {
        "attendance": lambda form: meetings.mark(store(), number, _attendance(form), by=current_name()),
        "hold": lambda _form: meetings.hold(store(), number, by=current_name()),
        "cancel": lambda _form: meetings.cancel(store(), number, by=current_name()),
        "add-item": lambda form: meetings.add_item(store(), number, form, by=current_name()),
        "remove-item": lambda form: meetings.remove_item(store(), number, whole_number(form.get("item", "")), by=current_name()),
        "resolve": lambda form: meetings.add_resolution(store(), number, form, by=current_name()),
    }  # fmt: skip
    if not may(Permission.MANAGE_MEETINGS):
        abort(403)
    if step not in steps:
        abort(404)

    def take(form: dict[str, str]) -> int:
        steps[step](form)
        return number

    return _written(take)


def move_resolution(number: int) -> Response:
    """Bring a resolution into another state and show the meeting from which that was done."""

    def take(form: dict[str, str]) -> int:
        moved = meetings.move(store(), number, form, by=current_name())
        return whole_number(form.get("from", "")) or moved.meeting_id

    return _written(take)


def _written(take: Callable[[dict[str, str]], int]) -> Response:
    """Do what the form says and go to the meeting's page; what cannot be is said in words, and nothing is written."""
    if not may(Permission.MANAGE_MEETINGS):
        abort(403)
    form = {name: value[:_LONGEST] for name, value in request.form.items()}
    try:
        number = take(form)
    except MeetingError as error:
        page = render_template("error.html", status=400, text=str(error), code="", language=language())
        return make_response(page, 400)
    found = read_book(store(), meetings.now()).find(number)
    query = {"meeting": number} if found is None else {"term": found.term, "meeting": number}
    return redirect("/meetings?" + urlencode(query), 303)  # type: ignore[return-value]


def _attendance(form: dict[str, str]) -> dict[int, str]:
    return {
        whole_number(name.removeprefix("member-")): said for name, said in form.items() if name.startswith("member-")
    }


def minutes(number: int) -> Response:
    """Return a meeting's minutes, in Chinese as they are signed."""
    if not may(Permission.VIEW_MEETINGS):
        abort(403)
    view = open_view(store(), current_scope(), {})
    if view is None:
        abort(404)
    book = read_book(store(), view.filters.as_of)
    meeting = book.find(number)
    if meeting is None:
        abort(404)
    try:
        with force_locale("zh_Hant_TW"):
            school = view.ledger.settings.school_name
            said = minutes_of(book, meeting, school=school, title=meeting_title(meeting.term, book.ordinal(meeting)))
            content = to_odt(said, template=store().instance_dir / TEMPLATE)
    except MinutesError as error:
        page = render_template("error.html", status=503, text=str(error), code="", language=language())
        return make_response(page, 503)
    record("export", about=f"meeting:{number}", detail={"format": "odt"})  # no audit line, no file
    response = Response(content, content_type=ODT)
    response.headers["Content-Disposition"] = f'attachment; filename="minutes-{meeting.term}-{meeting.held_at:%Y%m%d}.odt"'  # fmt: skip
    return response
