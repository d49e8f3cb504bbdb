"""The bars from step to step: each number once with its shares, in quiet colours, whatever is not known."""

from __future__ import annotations

import orjson
import plotly.graph_objects as go
import pytest

from dashboard.figures.leak import leak_bars, shares
from dashboard.figures.palette import TONES, Status

STEPS = [("上傳", 300), ("認證通過", 240), ("勾選", 200), ("提交", 199), ("收訖明細", None), ("學生確認", 100)]


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_the_figure_is_valid_and_small_and_takes_no_status_colour(theme):
    figure = leak_bars(STEPS, theme=theme)
    go.Figure(figure)
    assert len(orjson.dumps(figure)) < 12_000
    colours = {trace["marker"]["color"] for trace in figure["data"] if trace["type"] == "bar"}
    judging = (Status.DONE, Status.ON_TRACK, Status.ATTENTION, Status.OVERDUE, Status.BEHIND)
    assert not colours & {TONES[theme][status].fill for status in judging}


def test_each_step_has_its_number_its_share_of_the_first_and_of_the_last_step_known():
    rows = shares(STEPS)
    assert rows[0].of_first == "300 件"
    assert rows[1].of_first == "占上傳 240/300（80%）"
    assert rows[1].of_before == ""
    assert rows[3].of_first == "占上傳 199/300（66%）"
    assert rows[3].of_before == "占勾選 199/200（99%）"
    assert (rows[4].of_first, rows[4].length) == ("尚無資料", None)
    assert rows[5].of_before == "占提交 100/199（50%）"


def test_a_step_larger_than_the_first_fills_the_track_and_says_its_number():
    row = shares([("上傳", 10), ("認證通過", 9), ("勾選", 12)])[2]
    assert row.length == 100
    assert row.of_first == "占上傳 12/10（120%）"


def test_nothing_uploaded_has_no_share():
    rows = shares([("上傳", 0), ("認證通過", 0)])
    assert rows[0].of_first == "0 件"
    assert rows[1].of_first == "占上傳 0/0（—）"
    assert [row.length for row in rows] == [0, 0]
