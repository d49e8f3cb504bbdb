"""The class × stage tiles."""

from __future__ import annotations

import orjson
import pandas as pd
import pytest

from dashboard.figures.palette import PARTICIPATION, TONES, Status
from dashboard.figures.tiles import class_label, class_of_label, clicked_class, stage_tiles

STAGES = ("upload", "certify", "select", "submit", "confirm")


def cells(*rows):
    columns = ["class_name", "stage", "status", "numerator", "denominator"]
    return pd.DataFrame(rows, columns=columns).astype({"numerator": "Int64", "denominator": "Int64"})


def traces_of(figure, shown):
    return [trace for trace in figure["data"] if trace["texttemplate"] == shown]


def school(classes, *, opened=STAGES):
    judged = ("done", "on_track", "attention", "overdue")
    rows = []
    for i in range(classes):
        name = f"{1 + i % 3}{1 + i // 3:02d}"
        for j, stage in enumerate(STAGES):
            if stage not in opened:
                rows.append((name, stage, "not_open", pd.NA, pd.NA))
            elif stage in ("upload", "select"):
                rows.append((name, stage, "neutral", (i * 7) % 38, 38))
            else:
                rows.append((name, stage, judged[(i + j) % 4], 30 + i % 8, 39))
    return cells(*rows)


def test_a_cell_shows_symbol_and_floored_percentage_and_hover_has_the_counts():
    figure = stage_tiles(cells(("101", "certify", "attention", 358, 359)), stages=["certify"], theme="light")
    (trace,) = figure["data"]
    assert trace["texttemplate"] == "▲ %{text}%"
    assert trace["text"] == [99]
    assert trace["hovertext"] == ["358/359"]


def test_text_in_a_cell_has_the_colour_made_for_its_fill():
    figure = stage_tiles(cells(("101", "certify", "overdue", 1, 9)), stages=["certify"], theme="dark")
    (trace,) = figure["data"]
    look = TONES["dark"][Status.OVERDUE]
    assert (trace["marker"]["color"], trace["textfont"]["color"]) == (look.fill, look.on_fill)


@pytest.mark.parametrize("status", ["done", "on_track", "attention", "overdue"])
@pytest.mark.parametrize("stage", ["upload", "select"])
def test_a_voluntary_stage_with_a_status_is_refused(stage, status):
    with pytest.raises(ValueError, match="voluntary"):
        stage_tiles(cells(("101", stage, status, 3, 30)), stages=[stage], theme="light")


def test_a_voluntary_stage_is_neutral_and_has_no_symbol_even_at_zero():
    figure = stage_tiles(cells(("101", "upload", "neutral", 0, 30)), stages=["upload"], theme="light")
    (trace,) = figure["data"]
    assert trace["texttemplate"] == "%{text}%"
    assert trace["marker"]["color"] == PARTICIPATION["light"][0][1]


def test_not_open_nothing_expected_no_data_and_too_few_are_told_apart():
    figure = stage_tiles(
        cells(
            ("101", "certify", "not_open", pd.NA, pd.NA),
            ("102", "certify", "on_track", 0, 0),
            ("103", "certify", "on_track", pd.NA, pd.NA),
            ("104", "certify", "too_few", 2, 4),
        ),
        stages=["certify"],
        theme="light",
    )
    assert {trace["texttemplate"]: trace["y"] for trace in figure["data"]} == {
        "未開放": [0],
        "—": [1],
        "尚無資料": [2],
        "件數過少": [3],
    }


def test_too_few_sends_no_counts_to_the_browser():
    figure = stage_tiles(cells(("104", "certify", "too_few", 2, 4)), stages=["certify"], theme="light")
    assert "hovertext" not in figure["data"][0]
    assert "text" not in figure["data"][0]


def test_a_pair_without_a_row_is_no_data():
    figure = stage_tiles(cells(("101", "certify", "done", 9, 9)), stages=["certify", "confirm"], theme="light")
    (trace,) = traces_of(figure, "尚無資料")
    assert (trace["base"], trace["y"]) == ([1], [0])


def test_a_text_of_the_callers_is_shown_instead():
    frame = cells(("101", "certify", "done", 9, 9)).assign(text="5 班合併")
    (trace,) = stage_tiles(frame, stages=["certify"], theme="light")["data"]
    assert trace["texttemplate"] == "5 班合併"


def test_a_class_that_looks_like_a_number_is_labelled_so_that_plotly_takes_it_for_text():
    assert class_label("101").endswith("班")
    assert class_label("資一甲") == "資一甲"


@pytest.mark.parametrize("name", ["101", "資一甲", "101 班", "普通科 1 班", "<b>甲</b>", "A&B"])
def test_the_name_of_a_class_can_be_read_back_from_its_label(name):
    assert class_of_label(class_label(name)) == name


def test_a_click_names_the_class():
    figure = stage_tiles(school(3), stages=STAGES, theme="light")
    assert clicked_class({"points": [{"x": 1, "y": 2}]}, figure) == "301"
    assert clicked_class(None, figure) is None
    assert clicked_class({"points": [{"x": 1, "y": 7}]}, figure) is None
    assert clicked_class({"points": [{"x": 1, "y": "301"}]}, figure) is None


@pytest.mark.parametrize("classes", [3, 24, 90, 120])
def test_every_class_has_a_row_and_the_height_grows_with_them(classes):
    figure = stage_tiles(school(classes), stages=STAGES, theme="light")
    assert len(figure["layout"]["yaxis"]["ticktext"]) == classes
    assert figure["layout"]["height"] >= 25 * classes
    assert sum(len(trace["y"]) for trace in figure["data"]) == classes * len(STAGES)


@pytest.mark.parametrize("opened", [STAGES, STAGES[:2]])
def test_ninety_classes_and_five_stages_weigh_no_more_than_12_kb(opened):
    figure = stage_tiles(school(90, opened=opened), stages=STAGES, theme="light")
    assert len(orjson.dumps(figure)) <= 12_000


def test_the_frame_is_left_as_it_was():
    frame = school(3)
    before = frame.copy()
    stage_tiles(frame, stages=STAGES, theme="light")
    pd.testing.assert_frame_equal(frame, before)
