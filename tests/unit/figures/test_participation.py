"""The quiet charts of the voluntary stages."""

from __future__ import annotations

import orjson
import pandas as pd
import plotly.graph_objects as go
import pytest

from dashboard.figures.palette import TONES, Status
from dashboard.figures.participation import bars, cumulative, item_counts

KINDS = [("outcome", "課程學習成果"), ("performance", "多元表現")]
NOON = pd.Timestamp("2026-11-25 12:00", tz="Asia/Taipei")
END = pd.Timestamp("2027-02-04", tz="Asia/Taipei")


def classes(n=90, **changes):
    frame = pd.DataFrame({"label": [f"{i}\u202f班" for i in range(n)]})
    for kind, _name in KINDS:
        frame[f"{kind}_part"], frame[f"{kind}_whole"], frame[f"{kind}_text"] = 27, 35, ""
    return frame.assign(**changes)


def spread(*students):
    return pd.DataFrame({"items": range(len(students)), "students": students})


def year(days=365, before=True):
    frame = pd.DataFrame({"day": pd.date_range("2026-08-30", periods=days)})
    frame["items"] = pd.array([n if n < 88 else pd.NA for n in range(days)], dtype="Int64")
    return frame.assign(before=pd.array(range(1000, 1000 + days), dtype="Int64")) if before else frame


def all_figures(theme):
    return {
        "bars": bars(classes(), kinds=KINDS, theme=theme),
        "one_kind": bars(classes(3), kinds=KINDS[:1], theme=theme),
        "counts": item_counts(spread(5, 0, 3), others=2, others_word="尚無資料", open_ended=True, theme=theme),
        "nobody": item_counts(spread(), others=4, others_word="尚無資料", open_ended=False, theme=theme),
        "days": cumulative(year(), as_of=NOON, ends=[("期程到 116/2/3", END)], theme=theme),
        "one_day": cumulative(year(1, before=False), as_of=NOON, ends=[], theme=theme),
    }


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_every_figure_is_one_that_plotly_accepts_and_weighs_at_most_12_kb(theme):
    for name, figure in all_figures(theme).items():
        go.Figure(figure)
        assert len(orjson.dumps(figure)) <= 12_000, name


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_no_colour_of_a_judging_status_is_in_any_figure(theme):
    judging = {TONES[theme][s] for s in (Status.DONE, Status.ON_TRACK, Status.ATTENTION, Status.OVERDUE)}
    for name, figure in all_figures(theme).items():
        figure["layout"].pop("template")  # its colourway is for others; every trace here names its own
        text = str(figure)
        assert not [tone.fill for tone in judging if tone.fill in text or tone.ink in text], name


def test_bars_keep_the_order_given_whatever_their_size():
    rows = classes(3, outcome_part=[1, 35, 10])
    figure = bars(rows, kinds=KINDS, theme="light")
    assert figure["layout"]["yaxis"]["ticktext"] == rows["label"].tolist()
    assert figure["data"][1]["x"] == [2.8, 100.0, 28.5]
    assert figure["data"][1]["text"] == ["1/35", "35/35", "10/35"]


def test_all_bars_have_one_colour_so_that_no_share_looks_like_praise():
    figure = bars(classes(3, outcome_part=[1, 35, 10]), kinds=KINDS, theme="light")
    assert {trace["marker"]["color"] for trace in figure["data"] if trace.get("text") and trace["type"] == "bar"} == {
        "#AEBBC9"
    }


def test_a_group_without_a_share_has_words_and_neither_bar_nor_track():
    rows = classes(2, outcome_part=[pd.NA, 1], outcome_whole=[0, 2], outcome_text=["—", ""])
    track, bar, words = bars(rows, kinds=KINDS, theme="light")["data"][:3]
    assert (track["x"], bar["x"], words["text"]) == ([None, 100], [None, 50.0], ["—", "1/2"])


def test_nought_is_a_bar_like_any_other_and_the_last_may_stand_for_more():
    figure = item_counts(spread(4, 2, 1), others=0, others_word="", open_ended=True, theme="light")
    (trace,) = figure["data"]
    assert trace["y"] == [4, 2, 1]
    assert len(set(trace["marker"]["color"])) == 1
    assert figure["layout"]["xaxis"]["ticktext"] == ["0 件", "1", "2+"]


def test_students_without_a_known_count_are_not_counted_as_nought():
    figure = item_counts(spread(4, 2), others=3, others_word="尚無資料", open_ended=False, theme="light")
    assert figure["data"][0]["y"] == [4, 2, 3]
    assert figure["layout"]["xaxis"]["ticktext"][-1] == "尚無資料"
    assert figure["data"][0]["marker"]["color"][-1] != figure["data"][0]["marker"]["color"][0]


def test_the_line_of_this_year_ends_at_its_last_known_day_and_the_dotted_one_goes_on():
    before, now = cumulative(year(), as_of=NOON, ends=[], theme="light")["data"]
    assert (len(now["y"]), len(before["y"])) == (88, 365)
    assert before["line"]["dash"] == "dot"


def test_an_exclusive_end_is_drawn_at_the_last_day_it_covers():
    figure = cumulative(year(), as_of=NOON, ends=[("期程到 116/2/3", END)], theme="light")
    assert [shape["x0"] for shape in figure["layout"]["shapes"]] == ["2026-11-25", "2027-02-03"]


def test_an_instant_long_after_the_counts_does_not_stretch_the_axis():
    later = pd.Timestamp("2028-01-01", tz="Asia/Taipei")
    figure = cumulative(year(before=False), as_of=later, ends=[("期程到 116/2/3", END)], theme="light")
    assert [shape["x0"] for shape in figure["layout"]["shapes"]] == ["2027-02-03"]
    assert figure["layout"]["xaxis"]["range"][1] < "2028"
