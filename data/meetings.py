"""The working group's meetings: quorum, which state a resolution was in at an instant, and which terms had no meeting."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Final

PLANNED: Final = "planned"
HELD: Final = "held"
CANCELLED: Final = "cancelled"
PRESENT: Final = "present"
EXCUSED: Final = "excused"

OPEN: Final = "open"
DONE: Final = "done"
CARRIED: Final = "carried"
DROPPED: Final = "dropped"
# From which state a resolution may come into which; what was finished may be taken up again, with a reason like every step.
STEPS: Final[dict[str, tuple[str, ...]]] = {
    "": (OPEN,),
    OPEN: (DONE, CARRIED, DROPPED),
    CARRIED: (DONE, CARRIED, DROPPED),
    DONE: (OPEN,),
    DROPPED: (OPEN,),
}
UNFINISHED: Final = (OPEN, CARRIED)

# 補充規定範例 三: what the group decides.
MATTERS: Final = (
    "各項工作作業期程及分工權責",
    "學生學習歷程檔案資料建置之方式",
    "學習歷程學校平臺運作及管理",
    "學生訓練、教師研習、親師說明會等",
    "成效評核及獎勵",
    "其他推動及宣導事項",
)
# 補充規定範例 二: who sits in the group.
KINDS: Final = (
    "召集人", "執行秘書", "處室主管", "組長", "課程諮詢教師代表", "學科召集人", "導師代表", "教師代表", "家長代表", "學生代表",
)  # fmt: skip
USUAL_MEMBERS: Final = (
    ("召集人", "校長"), ("執行秘書", "教務主任"), ("處室主管", "學務主任"), ("處室主管", "輔導主任"), ("組長", "註冊組長"),
    ("組長", "教學組長"), ("組長", "訓育組長"), ("課程諮詢教師代表", "課程諮詢教師代表"), ("教師代表", "教師代表"), ("家長代表", "家長代表"),
    ("學生代表", "學生代表"),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Member:
    """A seat at a meeting; attendance is present, excused or, while not known, empty."""

    id: int
    kind: str
    title: str
    username: str
    attendance: str


@dataclass(frozen=True, slots=True)
class Item:
    """Something on the agenda, under one of the six matters (1 to 6)."""

    id: int
    position: int
    matter: int
    title: str
    note: str


@dataclass(frozen=True, slots=True)
class Meeting:
    """A meeting with its members and its agenda."""

    id: int
    term: int
    held_at: datetime
    place: str
    state: str
    convener: str
    quorum: int
    note: str
    members: tuple[Member, ...] = ()
    agenda: tuple[Item, ...] = ()

    @property
    def present(self) -> int:
        """Return how many were present."""
        return sum(member.attendance == PRESENT for member in self.members)


@dataclass(frozen=True, slots=True)
class Event:
    """A step of a resolution from one state to the next."""

    at: datetime
    by: str
    from_state: str
    to_state: str
    reason: str


@dataclass(frozen=True, slots=True)
class Resolution:
    """What a meeting resolved, with everything that happened to it, oldest first."""

    id: int
    meeting_id: int
    number: str
    text: str
    responsible: str
    due_on: date | None
    events: tuple[Event, ...]


@dataclass(frozen=True, slots=True)
class Standing:
    """A resolution as it stood at an instant."""

    resolution: Resolution
    state: str
    last: Event

    @property
    def is_unfinished(self) -> bool:
        """Tell whether something is still to be done."""
        return self.state in UNFINISHED

    def is_overdue(self, on: date) -> bool:
        """Tell whether it is unfinished after its day; the day itself still counts."""
        return self.is_unfinished and self.resolution.due_on is not None and on > self.resolution.due_on


def usual_quorum(members: int) -> int:
    """Return the smallest number that is more than half."""
    return members // 2 + 1


def has_quorum(meeting: Meeting) -> bool:
    """Tell whether enough members were present to resolve anything."""
    return meeting.present >= meeting.quorum


def was_held(meeting: Meeting, as_of: datetime) -> bool:
    """Tell whether a meeting had taken place by an instant."""
    return meeting.state == HELD and meeting.held_at <= as_of


def stand(resolution: Resolution, as_of: datetime) -> Standing | None:
    """Return how a resolution stood at an instant, its history replayed; None before there was one."""
    known = [event for event in resolution.events if event.at <= as_of]
    return Standing(resolution, known[-1].to_state, known[-1]) if known else None


def newest_held(meetings: Iterable[Meeting], before: datetime) -> Meeting | None:
    """Return the last meeting that took place before an instant."""
    held = [meeting for meeting in meetings if meeting.state == HELD and meeting.held_at < before]
    return max(held, key=lambda meeting: (meeting.held_at, meeting.id), default=None)


def to_report(
    meetings: Sequence[Meeting], resolutions: Iterable[Resolution], *, before: datetime, as_of: datetime
) -> list[Standing]:
    """Return what a meeting at `before` hears first: all that the last one resolved, and what is unfinished from earlier ones."""
    last = newest_held(meetings, before)
    earlier = {meeting.id for meeting in meetings if meeting.state == HELD and meeting.held_at < before}
    found = []
    for resolution in resolutions:
        if resolution.meeting_id not in earlier:
            continue
        standing = stand(resolution, as_of)
        if standing is None:
            continue
        if standing.is_unfinished or (last is not None and resolution.meeting_id == last.id):
            found.append(standing)
    return sorted(found, key=lambda standing: standing.resolution.number)


def terms_without(meetings: Iterable[Meeting], terms: Iterable[int], *, as_of: datetime) -> list[int]:
    """Return the terms, of those asked about, in which no meeting had been held by an instant."""
    had = {meeting.term for meeting in meetings if was_held(meeting, as_of)}
    return [term for term in terms if term not in had]


def next_number(term: int, numbers: Iterable[str]) -> str:
    """Return the number of a term's next resolution: 113-1-01, 113-1-02."""
    head = f"{term // 10}-{term % 10}-"
    used = [int(number.removeprefix(head)) for number in numbers if number.startswith(head)]
    return f"{head}{max(used, default=0) + 1:02d}"
