from __future__ import annotations

from pathlib import Path

import pytest

from tests.browser.conftest import ready

AXE = Path(__file__).with_name("axe.min.js")
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "best-practice"]


def violations(page) -> list[str]:
    """Return what axe finds wrong: rule, element and why."""
    found = page.evaluate(
        """async (rules) => (await axe.run({ runOnly: { type: 'tag', values: rules }, resultTypes: ['violations'] }))
            .violations.flatMap((rule) => rule.nodes.map((node) => [rule.id, node.target.join(' '), node.failureSummary]))""",
        RULES,
    )
    return [" | ".join(each) for each in found]


@pytest.mark.parametrize(("width", "color_scheme", "language"), [(1366, "light", "zh_Hant_TW"), (360, "dark", "en")])
def test_axe_finds_nothing_on_the_login(page_as, width, color_scheme, language):
    page = page_as(None, "/login", width=width, color_scheme=color_scheme, language=language, script=AXE)
    assert violations(page) == []


def test_axe_finds_nothing_with_tables_and_menu_open(page_as):
    page = page_as("principal", "/", width=360, script=AXE)
    ready(page)
    page.get_by_role("button", name="選單").click()
    for summary in page.get_by_text("以表格檢視").all():
        summary.click()
    page.wait_for_selector("details table")
    assert violations(page) == []
