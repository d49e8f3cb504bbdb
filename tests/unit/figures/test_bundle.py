"""The browser's libraries in assets: the versions that Python's packages expect, and no address outside."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from plotly.offline import get_plotlyjs_version

ASSETS = Path(__file__).parents[3] / "assets"
VENDORED = {"bootstrap.min.css", "plotly-cartesian.min.js", "plotly-locale-zh-tw.js", "aggrid-locale-zh-tw.js"}
OURS = sorted(path for path in ASSETS.iterdir() if path.suffix in {".js", ".css"} and path.name not in VENDORED)


def test_the_plotly_bundle_is_the_version_that_plotly_speaks():
    head = (ASSETS / "plotly-cartesian.min.js").read_text(encoding="utf-8")[:200]
    assert f"plotly.js (cartesian - minified) v{get_plotlyjs_version()}" in head


def test_the_plotly_bundle_sets_the_global_that_keeps_dash_from_loading_its_own():
    assert "window.Plotly = Plotly" in (ASSETS / "plotly-cartesian.min.js").read_text(encoding="utf-8")[-200:]


def test_bootstrap_is_of_the_line_that_dash_bootstrap_components_speaks():
    import dash_bootstrap_components as dbc

    expected = re.search(r"bootstrap@(\d+\.\d+)\.", dbc.themes.BOOTSTRAP)
    found = re.search(r"Bootstrap\s+v(\d+\.\d+)\.", (ASSETS / "bootstrap.min.css").read_text(encoding="utf-8")[:300])
    assert expected
    assert found
    assert found[1] == expected[1]


@pytest.mark.parametrize("path", OURS, ids=lambda path: path.name)
def test_our_own_files_name_no_address_outside(path):
    assert not re.search(r"https?://|//cdn|@import", path.read_text(encoding="utf-8"))


@pytest.mark.parametrize("path", OURS, ids=lambda path: path.name)
def test_our_own_scripts_keep_nothing_in_the_browsers_storage_and_evaluate_nothing(path):
    assert not re.search(
        r"localStorage|sessionStorage|\beval\(|new Function|innerHTML", path.read_text(encoding="utf-8")
    )


def test_every_vendored_file_has_its_licence():
    licences = (ASSETS / "LICENSES.txt").read_text(encoding="utf-8")
    assert all(name in licences for name in VENDORED)
