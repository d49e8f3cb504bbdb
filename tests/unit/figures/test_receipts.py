"""The bars of 收訖: every student once, in quiet looks, whatever the class is called."""

from __future__ import annotations

import orjson
import pandas as pd
import plotly.graph_objects as go
import pytest

from dashboard.figures.palette import SERIES, TONES, Status
from dashboard.figures.receipts import STANDINGS, standings


def classes(n=24, **changes):
    frame = pd.DataFrame(
        {
            "label": [f"{i + 1} 班" for i in range(n)], "text": [""] * n, "confirmed": [20 + i % 9 for i in range(n)],
            "disputed": [i % 3 for i in range(n)], "unseen": [5] * n, "deemed": [i % 2 * 4 for i in range(n)],
        }
    )  # fmt: skip
    return frame.assign(**changes)


def bars(figure):
    return [trace for trace in figure["data"] if trace["type"] == "bar"]


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_the_figure_is_valid_and_small_even_for_sixty_classes(theme):
    figure = standings(classes(60), theme=theme)
    go.Figure(figure)
    assert len(orjson.dumps(figure)) < 12_000


def test_the_four_parts_stack_to_all_in_the_round_and_confirmed_is_said_of_all():
    rows = classes()
    figure = standings(rows, theme="light")
    assert [trace["x"] for trace in bars(figure)] == [rows[name].tolist() for name in STANDINGS]
    whole = rows[list(STANDINGS)].sum(axis=1)
    said = [text.strip() for text in figure["data"][-1]["text"]]
    assert said == [f"{n}/{total}" for n, total in zip(rows["confirmed"], whole, strict=True)]
    assert figure["layout"]["xaxis"]["range"] == [0, whole.max()]


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_no_colour_of_a_status_is_in_it_and_the_four_differ_without_colour(theme):
    figure = standings(classes(), theme=theme)
    judging = {getattr(TONES[theme][status], part).lower() for status in (Status.DONE, Status.ON_TRACK, Status.ATTENTION, Status.OVERDUE) for part in ("fill", "ink")}  # fmt: skip
    drawn = orjson.dumps(figure["data"]).decode().lower()
    assert not [colour for colour in judging - {"#ffffff", "#1b1f24"} if colour in drawn]
    looks = [(trace["marker"]["color"], "pattern" in trace["marker"]) for trace in bars(figure)]
    assert len(set(looks)) == 4
    assert SERIES[theme][0].lower() not in drawn


def test_a_standing_of_nobody_is_not_in_the_legend():
    assert len(bars(standings(classes(deemed=0), theme="light"))) == 3


def test_a_class_without_counts_says_why_and_has_no_bar():
    rows = classes(2, text=["未開放", ""]).astype(dict.fromkeys(STANDINGS, "Int64"))
    rows.loc[0, list(STANDINGS)] = pd.NA
    figure = standings(rows, theme="light")
    assert figure["data"][-1]["text"][0].strip() == "未開放"
    assert [trace["x"][0] for trace in bars(figure)] == [0] * len(bars(figure))


def test_a_number_that_has_no_room_is_left_to_the_table():
    figure = standings(classes(2, confirmed=[100, 1], disputed=[1, 0], unseen=0, deemed=0), theme="light")
    assert bars(figure)[0]["text"] == ["100", ""]
    assert bars(figure)[1]["text"] == ["", ""]


def test_a_class_name_is_text_and_no_markup():
    figure = standings(classes(1, label=["<b>101</b>"]), theme="light")
    assert figure["layout"]["yaxis"]["ticktext"] == ["&lt;b&gt;101&lt;/b&gt;"]
