"""The strips of 等候日數 and the arrivals beside them: what is drawn is what was given, and nothing is a rank."""

from __future__ import annotations

import math

import orjson
import pandas as pd
import plotly.graph_objects as go
import pytest

from dashboard.figures.waits import last_arrivals, strips

NAN = float("nan")


def waiting(n=4):
    return pd.DataFrame(
        {
            "label": [f"科目 {number}" for number in range(n)],
            "wait_median_days": ([1.74, 16.1, NAN, 0.2] * n)[:n],
            "wait_p90_days": ([4.3, NAN, NAN, 0.4] * n)[:n],
        }
    )


def arrived(n=3):
    return pd.DataFrame({"label": [f"科目 {number}" for number in range(n)], "last_48h": ([358, 0, 0] * n)[:n], "known": ([359, 7, 0] * n)[:n]})  # fmt: skip


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_the_figures_are_valid_and_small_even_for_eighty_subjects(theme):
    for figure in (strips(waiting(80), limit_days=3, theme=theme), last_arrivals(arrived(80), theme=theme)):
        go.Figure(figure)
        assert len(orjson.dumps(figure)) < 12_000


def test_a_dot_stands_at_the_median_and_a_line_leads_to_the_ninth_tenth():
    lines, words, dots = strips(waiting(), limit_days=3, theme="light")["data"]
    assert dots["customdata"] == [1.7, 16.1, None, 0.2]
    assert lines["x"][:3] == [1.7, 4.3, None]
    assert [text.strip() for text in words["text"]] == ["1.7・4.3 日", "16.1・— 日", "未達半數", "0.2・0.4 日"]


def test_a_line_marks_what_a_teacher_always_has_where_the_scale_has_it():
    figure = strips(waiting(), limit_days=3, theme="light")["layout"]
    assert figure["shapes"][0]["x0"] == 3
    assert figure["annotations"][0]["x"] == pytest.approx(math.log10(3))


def test_the_rows_stay_in_the_order_given():
    rows = waiting().iloc[::-1]
    for figure in (strips(rows, limit_days=3, theme="light"), last_arrivals(arrived().iloc[::-1], theme="light")):
        assert figure["layout"]["yaxis"]["ticktext"][0] > figure["layout"]["yaxis"]["ticktext"][-1]


def test_a_share_of_arrivals_is_floored_and_nothing_known_has_no_bar():
    track, bars, words = last_arrivals(arrived(), theme="light")["data"]
    assert bars["x"] == [99.7, 0.0, None]
    assert track["x"] == [100, 100, None]
    assert [text.strip() for text in words["text"]] == ["358/359", "0/7", "—"]


def test_a_subject_is_text_and_no_markup():
    figure = strips(waiting(1).assign(label="<b>國文</b>"), limit_days=3, theme="light")
    assert figure["layout"]["yaxis"]["ticktext"] == ["&lt;b&gt;國文&lt;/b&gt;"]
