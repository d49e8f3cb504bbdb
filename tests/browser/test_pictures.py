"""The picture of a chart: saved by the browser, by keyboard as well, and alike in the dark."""

from __future__ import annotations

import re
import struct
from pathlib import Path

import pytest

from tests.browser.conftest import figures, ready

BUTTONS = "button[data-picture]"


def saved(page, button):
    """Press a button by keyboard and return the file's name and content."""
    with page.expect_download() as waiting:
        button.focus()
        page.keyboard.press("Enter")
    return waiting.value.suggested_filename, Path(waiting.value.path()).read_bytes()


@pytest.mark.parametrize("path", ["/", "/certification"])
def test_every_chart_can_be_saved_as_png_and_svg(page_as, path):
    page = page_as("principal", path)
    ready(page)
    drawn = figures(page)
    assert page.locator(BUTTONS).count() == 2 * len(drawn) > 0
    for button in page.locator(BUTTONS).all():
        kind, chart = button.get_attribute("data-picture"), button.get_attribute("data-chart")
        name, content = saved(page, button)
        assert re.fullmatch(rf"{chart}-\d{{4}}-\d\d-\d\d\.{kind}", name)
        assert content.startswith(b"\x89PNG" if kind == "png" else b"<svg")
    assert figures(page) == drawn  # the page's own charts are as they were


def test_a_png_is_sharp_and_has_the_shape_of_the_chart(page_as):
    page = page_as("principal")
    ready(page)
    size = page.evaluate(
        "(p => [p.clientWidth, p.clientHeight])(document.querySelector('#overview-burn .js-plotly-plot'))"
    )
    _name, content = saved(page, page.locator(f"{BUTTONS}[data-chart=overview-burn][data-picture=png]"))
    assert list(struct.unpack(">II", content[16:24])) == [2 * side for side in size]


@pytest.mark.parametrize(("scheme", "paper"), [("light", "rgb(255, 255, 255)"), ("dark", "rgb(28, 34, 41)")])
def test_a_picture_brings_its_background_along(page_as, scheme, paper):
    page = page_as("principal", color_scheme=scheme)
    ready(page)
    _name, content = saved(page, page.locator(f"{BUTTONS}[data-chart=overview-burn][data-picture=svg]"))
    assert f"fill: {paper}" in content.decode()[:3_000] or f"background: {paper}" in content.decode()[:500]


def test_the_buttons_say_which_chart_they_save(page_as):
    page = page_as("homeroom")
    ready(page)
    for button in page.locator(BUTTONS).all():
        title = page.locator("#" + button.get_attribute("aria-describedby"))
        assert title.inner_text().strip()
        assert button.bounding_box()["height"] >= 44
