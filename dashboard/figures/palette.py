"""The colours, in both themes: status, participation, series, sequence. Each pair of fill and text keeps a contrast of 4.5."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final, Literal

Theme = Literal["light", "dark"]


class Status(StrEnum):
    """The status of a cell by what is expected at this date, never by its raw percentage; NEUTRAL is for voluntary stages."""

    DONE = "done"
    ON_TRACK = "on_track"
    ATTENTION = "attention"
    OVERDUE = "overdue"
    NOT_OPEN = "not_open"
    TOO_FEW = "too_few"
    NEUTRAL = "neutral"
    BEHIND = "behind"  # far from what is expected, with nothing past its deadline


@dataclass(frozen=True)
class Tone:
    """How a status looks: a symbol, a fill for areas, the colour of text on that fill, and an ink for text on a card."""

    symbol: str
    fill: str
    on_fill: str
    ink: str


@dataclass(frozen=True)
class Surface:
    """The quiet colours around the data; `pale` is a cell that says nothing yet, with `muted` text on it."""

    card: str
    pale: str
    ink: str
    muted: str
    line: str
    grid: str


_DARK_TEXT: Final = "#1B1F24"

TONES: Final[dict[Theme, dict[Status, Tone]]] = {
    "light": {
        Status.DONE: Tone("✓", "#0B5CAD", "#FFFFFF", "#0B5CAD"),
        Status.ON_TRACK: Tone("●", "#7FB7E6", _DARK_TEXT, "#24699F"),
        Status.ATTENTION: Tone("▲", "#E8A400", _DARK_TEXT, "#7A5200"),
        Status.OVERDUE: Tone("✕", "#B3261E", "#FFFFFF", "#B3261E"),
        Status.BEHIND: Tone("▼", "#B3261E", "#FFFFFF", "#B3261E"),
        Status.NOT_OPEN: Tone("—", "#EEF1F4", "#5A626C", "#5A626C"),
        Status.TOO_FEW: Tone("—", "#FFFFFF", "#5A626C", "#5A626C"),
        Status.NEUTRAL: Tone("", "#CBD4DE", _DARK_TEXT, "#4A5560"),
    },
    "dark": {
        Status.DONE: Tone("✓", "#6CB2F5", _DARK_TEXT, "#6CB2F5"),
        Status.ON_TRACK: Tone("●", "#2A6CA8", "#FFFFFF", "#9CCBF5"),
        Status.ATTENTION: Tone("▲", "#FFC233", _DARK_TEXT, "#FFC233"),
        Status.OVERDUE: Tone("✕", "#FF8A80", _DARK_TEXT, "#FF8A80"),
        Status.BEHIND: Tone("▼", "#FF8A80", _DARK_TEXT, "#FF8A80"),
        Status.NOT_OPEN: Tone("—", "#4A535E", "#E6EAF0", "#AEB7C2"),
        Status.TOO_FEW: Tone("—", "#1C2229", "#AEB7C2", "#AEB7C2"),
        Status.NEUTRAL: Tone("", "#445264", "#FFFFFF", "#AEB7C2"),
    },
}

# Participation in voluntary stages: one grey-blue hue, so that no share of it looks like praise or blame. (upper limit, fill, text)
PARTICIPATION: Final[dict[Theme, tuple[tuple[int, str, str], ...]]] = {
    "light": (
        (25, "#E3E8EE", _DARK_TEXT),
        (50, "#CBD4DE", _DARK_TEXT),
        (75, "#AEBBC9", _DARK_TEXT),
        (100, "#8FA0B2", _DARK_TEXT),
    ),
    "dark": (
        (25, "#2E3742", "#E6EAF0"),
        (50, "#3A4654", "#E6EAF0"),
        (75, "#485669", "#FFFFFF"),
        (100, "#5A6B7F", "#FFFFFF"),
    ),
}

SERIES: Final[dict[Theme, tuple[str, ...]]] = {
    "light": ("#0B5CAD", "#D55E00", "#009E73", "#CC79A7", "#4A5560"),
    "dark": ("#6CB2F5", "#F28C38", "#2FC59A", "#E09AC3", "#AEB7C2"),
}

# From little to much; in the dark theme much is bright. (fill, text)
SEQUENTIAL: Final[dict[Theme, tuple[tuple[str, str], ...]]] = {
    "light": (
        ("#F1F5FA", _DARK_TEXT),
        ("#C9DDF0", _DARK_TEXT),
        ("#8FBBE0", _DARK_TEXT),
        ("#2E74B0", "#FFFFFF"),
        ("#0B4A86", "#FFFFFF"),
    ),
    "dark": (
        ("#22303F", "#E6EAF0"),
        ("#1F466B", "#FFFFFF"),
        ("#2A6CA8", "#FFFFFF"),
        ("#7DB9EE", _DARK_TEXT),
        ("#C9E1F8", _DARK_TEXT),
    ),
}

SURFACES: Final[dict[Theme, Surface]] = {
    "light": Surface(card="#FFFFFF", pale="#EEF1F4", ink="#1B1F24", muted="#5A626C", line="#D0D7DE", grid="#E9EDF1"),
    "dark": Surface(card="#1C2229", pale="#262D36", ink="#E6EAF0", muted="#AEB7C2", line="#4A535E", grid="#2D353F"),
}


def theme_of(value: object) -> Theme:
    """Make a theme of whatever a cookie or a store held: 「dark」 is dark, anything else is light."""
    return "dark" if value == "dark" else "light"


def tone(status: Status | str, *, theme: str) -> Tone:
    """Look up a status; an unknown one is an error, as a silent grey would hide it."""
    return TONES[theme_of(theme)][Status(status)]


def participation_step(percent: int, *, theme: str) -> int:
    """Find the step of the participation sequence that a whole percentage belongs to; 100 and above is the last."""
    steps = PARTICIPATION[theme_of(theme)]
    return next((i for i, (upper, _, _) in enumerate(steps) if percent < upper), len(steps) - 1)
