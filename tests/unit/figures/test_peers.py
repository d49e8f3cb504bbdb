"""The peers' funnel and the small multiples: nobody but oneself can be told, and no share of a handful is drawn."""

from __future__ import annotations

import orjson
import pandas as pd
import plotly.graph_objects as go
import pytest

from dashboard.figures.multiples import FEWEST, multiples
from dashboard.figures.palette import TONES, Status
from dashboard.figures.peers import peers

POINTS = pd.DataFrame({"decided": [10, 10, 25, 40, 80], "timeliness": [0.4, 1.0, 0.93, 0.96, 0.9]})
LIMITS = pd.DataFrame({"n": [3, 10, 100], "lower_95": [0.4, 0.7, 0.86], "upper_95": [1.0, 1.0, 0.97], "lower_998": [0.2, 0.6, 0.83], "upper_998": [1.0, 1.0, 0.99]})  # fmt: skip
OWN = {"decided": 52, "timeliness": 51 / 52}


def draw(theme="light", **changes):
    return peers(changes.get("points", POINTS), LIMITS, own=changes.get("own", OWN), target=0.92, theme=theme)


def dots(figure):
    return [trace for trace in figure["data"] if trace["mode"] == "markers"]


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_the_figure_is_valid_and_small_even_for_three_hundred_teachers(theme):
    figure = draw(theme, points=pd.concat([POINTS] * 60, ignore_index=True))
    go.Figure(figure)
    assert len(orjson.dumps(figure)) < 12_000


def test_the_others_are_one_trace_of_one_look_without_anything_that_names_a_point():
    others, own = dots(draw())
    assert others["x"] == POINTS["decided"].tolist()
    assert not {"text", "hovertext", "customdata", "hovertemplate", "ids"} & set(others)
    assert others["hoverinfo"] == "skip"
    assert isinstance(others["marker"]["color"], str)
    assert isinstance(others["marker"]["size"], int)
    assert own["marker"]["symbol"] != others["marker"].get("symbol", "circle")


def test_no_colour_of_a_status_marks_anybody():
    for theme in ("light", "dark"):
        judging = {TONES[theme][status].fill for status in (Status.ATTENTION, Status.OVERDUE)}
        assert not judging & {trace["marker"]["color"] for trace in dots(draw(theme))}


def test_the_own_point_is_floored_and_within_the_axes():
    figure = draw(own={"decided": 300, "timeliness": 0.1239})
    own = dots(figure)[1]
    assert (own["x"], own["y"]) == ([300], [12.3])
    assert figure["layout"]["xaxis"]["range"][1] >= 300
    assert figure["layout"]["yaxis"]["range"][0] <= 12


def lines(days=120, keys=("", "1", "2", "3")):
    rows = [
        {"key": key, "day": str(day.date()), "done": n * 7 // 8, "expected": n, "done_before": n // 2, "expected_before": n}
        for key in keys
        for n, day in enumerate(pd.date_range("2026-09-01", periods=days))
    ]  # fmt: skip
    return pd.DataFrame(rows)


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_four_panels_of_half_a_year_are_valid_and_small(theme):
    figure = multiples(lines(180), heads=[("", "全科"), ("1", "1 年級"), ("2", "2 年級"), ("3", "3 年級")], theme=theme)
    go.Figure(figure)
    assert len(orjson.dumps(figure)) < 12_000
    assert len(figure["data"]) == 8
    assert len({tuple(figure["layout"][f"yaxis{suffix}"]["range"]) for suffix in ("", "2", "3", "4")}) == 1


def test_a_share_of_a_handful_is_not_drawn_and_shares_are_floored():
    (before, now) = multiples(lines(10, ("1",)), heads=[("1", "1 年級")], theme="light")["data"]
    assert now["y"][:FEWEST] == [None] * FEWEST
    assert now["y"][FEWEST:] == [80.0, 83.3, 85.7, 87.5, 77.7]
    assert before["y"][FEWEST] == 40.0


def test_without_a_year_before_there_is_one_line():
    table = lines(10, ("1",)).assign(done_before=float("nan"), expected_before=float("nan"))
    (now,) = multiples(table, heads=[("1", "1 年級")], theme="light")["data"]
    assert now["line"]["dash"] == "solid"


def test_a_head_is_text_and_no_markup():
    figure = multiples(lines(10, ("1",)), heads=[("1", "<b>1</b>")], theme="light")
    assert figure["layout"]["annotations"][0]["text"] == "&lt;b&gt;1&lt;/b&gt;"
