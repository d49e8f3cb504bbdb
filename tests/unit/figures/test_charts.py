"""Burn-up, backlog, funnel, and what all figures share."""

from __future__ import annotations

import orjson
import pandas as pd
import plotly.graph_objects as go
import pytest

from dashboard.figures.backlog import ageing, lollipop
from dashboard.figures.burn_up import burn_up
from dashboard.figures.funnel import funnel
from dashboard.figures.template import FONT, roc_ticks, template

TODAY = pd.Timestamp("2026-11-23 08:00", tz="Asia/Taipei")


def term(start="2026-09-01", days=84):
    return pd.DataFrame(
        {"day": pd.date_range(start, periods=days, tz="Asia/Taipei"), "arrived": range(days), "certified": range(days)}
    )


def backlog(n=12):
    return pd.DataFrame({"label": [f"教師{i}" for i in range(n)], "waiting": range(n), "age_median_days": [4.4] * n})


def ages(n=12):
    counts = {f"age_{name}": range(n) for name in ("0_3", "4_7", "8_14", "over_14")}
    return pd.DataFrame({"label": [f"科{i}" for i in range(n)], **counts})


def people(n=200, **changes):
    frame = pd.DataFrame(
        {
            "key": [f"T{i:03d}" for i in range(n)],
            "label": [""] * n,
            "decided": [5 + i for i in range(n)],
            "timeliness": [0.8 + (i % 20) / 100 for i in range(n)],
            "flag": [""] * n,
        }
    )
    return frame.assign(**changes)


def limits(n=205):
    rates = {name: [0.5] * n for name in ("lower_95", "upper_95", "lower_998", "upper_998")}
    return pd.DataFrame({"n": range(1, n + 1), **rates})


def all_figures(theme):
    return {
        "burn_up": burn_up(
            term(), theme=theme, as_of=TODAY, due_at=pd.Timestamp("2027-01-23"), previous=term("2025-09-01", 150)
        ),
        "lollipop": lollipop(backlog(), theme=theme),
        "ageing": ageing(ages(), theme=theme),
        "funnel": funnel(people(), limits(), target=0.87, theme=theme),
    }


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_every_figure_is_one_that_plotly_accepts(theme):
    for figure in all_figures(theme).values():
        go.Figure(figure)


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_no_figure_weighs_more_than_12_kb_or_holds_packed_numbers(theme):
    for name, figure in all_figures(theme).items():
        sent = orjson.dumps(figure)
        assert len(sent) <= 12_000, name
        assert b"bdata" not in sent


def test_no_figure_uses_webgl():
    kinds = {trace["type"] for figure in all_figures("light").values() for trace in figure["data"]}
    assert kinds <= {"bar", "scatter"}


def test_the_template_is_small_and_its_fonts_are_the_readers_own():
    assert len(orjson.dumps(template("light"))) < 1_600
    assert "http" not in FONT


def test_months_are_counted_in_years_of_the_republic():
    values, words = roc_ticks(pd.Timestamp("2026-09-01"), pd.Timestamp("2027-01-20"))
    assert values[0] == "2026-09-01"
    assert words == ["115/9月", "115/10月", "115/11月", "115/12月", "116/1月"]


def test_ticks_are_thinned_and_a_short_time_still_has_one():
    assert len(roc_ticks(pd.Timestamp("2024-01-01"), pd.Timestamp("2026-01-01"))[0]) <= 6
    assert roc_ticks(pd.Timestamp("2026-11-03"), pd.Timestamp("2026-11-20"))[0] == ["2026-11-03"]


def test_last_terms_first_day_is_laid_on_this_terms():
    figure = burn_up(term(), theme="light", as_of=TODAY, previous=term("2026-02-11", 100))
    dotted = [trace for trace in figure["data"] if trace["line"]["dash"] == "dot"]
    assert len(dotted) == 2
    assert {trace["x0"] for trace in dotted} == {"2026-09-01"}


def test_a_day_without_a_row_keeps_the_count_before():
    days = term().iloc[[0, 3]]
    figure = burn_up(days, theme="light")
    assert figure["data"][-1]["y"] == [0, 0, 0, 3]


def test_a_deadline_is_labelled_by_the_last_day_it_covers():
    figure = burn_up(term(), theme="light", due_at=pd.Timestamp("2027-01-23", tz="Asia/Taipei"))
    assert [note["text"] for note in figure["layout"]["annotations"]] == ["截止 116/1/22"]


def test_an_extension_shows_both_deadlines_and_no_extension_one():
    both = burn_up(term(), theme="light", due_at=pd.Timestamp("2027-01-23"), original_due_at=pd.Timestamp("2027-01-16"))
    same = burn_up(term(), theme="light", due_at=pd.Timestamp("2027-01-23"), original_due_at=pd.Timestamp("2027-01-23"))
    assert [note["text"] for note in both["layout"]["annotations"]] == ["原訂截止 116/1/15", "截止 116/1/22"]
    assert len(same["layout"]["annotations"]) == 1


def test_labels_of_lines_that_stand_close_go_on_rows_of_their_own():
    figure = burn_up(
        term(),
        theme="light",
        as_of=TODAY,
        due_at=pd.Timestamp("2026-11-30"),
        original_due_at=pd.Timestamp("2026-11-26"),
    )
    rows = [note["yshift"] for note in figure["layout"]["annotations"]]
    assert len(set(rows)) == 3


def test_nothing_sent_yet_is_an_empty_plot_with_its_deadline():
    figure = burn_up(term().iloc[:0], theme="light", as_of=TODAY, due_at=pd.Timestamp("2027-01-23"))
    assert figure["data"] == []
    assert len(figure["layout"]["annotations"]) == 2


def test_a_stem_says_how_many_wait_and_how_long():
    figure = lollipop(backlog(2).assign(waiting=[1058, 0], age_median_days=[4.4, pd.NA]), theme="light")
    assert figure["data"][1]["text"] == ["1,058 件・中位 4 日", "0 件"]


def test_two_people_of_one_name_keep_a_row_each():
    figure = lollipop(backlog(2).assign(label=["陳怡君", "陳怡君"]), theme="light")
    assert figure["data"][1]["y"] == [0, 1]


def test_waiting_long_is_no_status_colour():
    figure = ageing(ages(), theme="light")
    assert [trace["name"] for trace in figure["data"]] == ["0–3 日", "4–7 日", "8–14 日", "超過 14 日"]
    assert not {"#B3261E", "#E8A400"} & {trace["marker"]["color"] for trace in figure["data"]}


def test_names_of_those_who_are_not_flagged_are_not_sent():
    sent = orjson.dumps(funnel(people(), limits(), target=0.87, theme="light"))
    assert b"T001" not in sent


def test_those_below_ten_items_are_hollow_and_never_named():
    points = people(3, decided=[5, 20, 30], flag=["low", "low", ""], label=["甲", "乙", ""])
    figure = funnel(points, limits(), target=0.87, theme="light")
    assert [note["text"] for note in figure["layout"]["annotations"]] == ["乙", "全校 87.0%"]
    hollow = [trace for trace in figure["data"] if trace.get("marker", {}).get("symbol") == "circle-open"]
    assert hollow[0]["x"] == [5]


def test_low_is_a_diamond_and_high_another_symbol_and_neither_is_red():
    points = people(3, decided=[50, 60, 70], flag=["low", "high", ""], label=["甲", "乙", ""])
    figure = funnel(points, limits(), target=0.87, theme="light")
    markers = {
        trace["marker"]["symbol"]: trace["marker"]["color"]
        for trace in figure["data"]
        if "symbol" in trace.get("marker", {})
    }
    assert set(markers) == {"diamond", "square"}
    assert "#B3261E" not in markers.values()


def test_names_that_would_touch_are_set_apart():
    points = people(3, decided=[100, 101, 102], timeliness=[0.5, 0.5, 0.51], flag=["low"] * 3, label=["甲", "乙", "丙"])
    notes = funnel(points, limits(), target=0.87, theme="light")["layout"]["annotations"][:3]
    assert len({(note["xanchor"], note["yshift"]) for note in notes}) == 3


def test_nobody_decided_is_still_a_plot():
    figure = funnel(people(0), limits(0), target=None, theme="light")
    assert figure["data"] == []


def test_labels_cannot_carry_tags():
    figure = lollipop(backlog(1).assign(label=["<a href='x'>甲</a>"]), theme="light")
    assert figure["layout"]["yaxis"]["ticktext"] == ["&lt;a href='x'&gt;甲&lt;/a&gt;"]
