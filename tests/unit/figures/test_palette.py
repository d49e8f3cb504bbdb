"""The palette: what is written can be read, and participation never wears a status colour."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from dashboard.figures.palette import (
    PARTICIPATION,
    SEQUENTIAL,
    SERIES,
    SURFACES,
    TONES,
    Status,
    participation_step,
    theme_of,
    tone,
)
from tests.unit.figures.colours import contrast

THEMES = ("light", "dark")
PAGES = {"light": "#F6F8FA", "dark": "#14181D"}
CSS = Path(__file__).parents[3] / "assets" / "licheng.css"


@pytest.mark.parametrize("theme", THEMES)
@pytest.mark.parametrize("status", Status)
def test_ink_can_be_read_on_a_card_and_on_the_page(theme, status):
    ink = TONES[theme][status].ink
    assert contrast(ink, SURFACES[theme].card) >= 4.5
    assert contrast(ink, PAGES[theme]) >= 4.5


@pytest.mark.parametrize("theme", THEMES)
@pytest.mark.parametrize("status", Status)
def test_text_in_a_cell_can_be_read_on_its_fill(theme, status):
    look = TONES[theme][status]
    assert contrast(look.on_fill, look.fill) >= 4.5


@pytest.mark.parametrize("theme", THEMES)
def test_text_can_be_read_on_participation_and_sequence(theme):
    steps = [(fill, ink) for _upper, fill, ink in PARTICIPATION[theme]] + list(SEQUENTIAL[theme])
    assert all(contrast(fill, ink) >= 4.5 for fill, ink in steps)


@pytest.mark.parametrize("theme", THEMES)
def test_pale_cells_and_quiet_words_can_be_read(theme):
    surface = SURFACES[theme]
    assert contrast(surface.muted, surface.pale) >= 4.5
    assert contrast(surface.muted, surface.card) >= 4.5


@pytest.mark.parametrize("theme", THEMES)
def test_lines_and_dots_stand_out_from_the_card(theme):
    assert all(contrast(colour, SURFACES[theme].card) >= 3 for colour in SERIES[theme])


@pytest.mark.parametrize("theme", THEMES)
def test_participation_shares_no_colour_with_a_status_that_judges(theme):
    judging = {Status.DONE, Status.ON_TRACK, Status.ATTENTION, Status.OVERDUE}
    fills = {TONES[theme][status].fill for status in judging}
    assert not fills & {fill for _upper, fill, _ink in PARTICIPATION[theme]}


@pytest.mark.parametrize("theme", THEMES)
def test_statuses_that_judge_differ_in_symbol_not_only_in_colour(theme):
    symbols = [TONES[theme][status].symbol for status in list(Status)[:5]]
    assert len(set(symbols)) == 5


def test_the_style_sheet_has_the_same_inks_and_fills():
    css = CSS.read_text(encoding="utf-8")
    for theme in THEMES:
        block = re.findall(rf'\[data-bs-theme="{theme}"\]\s*\{{(.*?)\}}', css, re.S)[0]
        for status in (Status.DONE, Status.ON_TRACK, Status.ATTENTION, Status.OVERDUE):
            name = status.value.replace("_", "-")
            assert f"--lc-{name}: {TONES[theme][status].ink.lower()};" in block
            assert f"--lc-fill-{name}: {TONES[theme][status].fill.lower()};" in block


@pytest.mark.parametrize(("percent", "step"), [(0, 0), (24, 0), (25, 1), (99, 3), (100, 3), (130, 3)])
def test_participation_goes_up_in_quarters(percent, step):
    assert participation_step(percent, theme="light") == step


def test_whatever_a_cookie_holds_is_a_theme():
    assert theme_of("dark") == "dark"
    assert {theme_of(value) for value in ("light", "", None, "<script>", 7)} == {"light"}


def test_an_unknown_status_is_an_error():
    with pytest.raises(ValueError, match="late"):
        tone("late", theme="light")
