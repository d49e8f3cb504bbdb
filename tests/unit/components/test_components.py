"""The components: what a reader of screens, a keyboard and a curious browser find."""

from __future__ import annotations

import json
from pathlib import Path

import pandas as pd
import pytest

from dashboard.components.badge import badge
from dashboard.components.chart import chart
from dashboard.components.empty import empty_state
from dashboard.components.filter_bar import date_input, filter_bar, select
from dashboard.components.grid import Column, grid, status_cell
from dashboard.components.links import inside
from dashboard.components.nav import navbar
from dashboard.components.page import findings, page_header, trust_line
from dashboard.components.table import data_table
from dashboard.components.tile import tile
from dashboard.figures.palette import Status
from tests.unit.components.tree import of_kind, walk, words

ROOT = Path(__file__).parents[3]
FIGURE = {"data": [], "layout": {"height": 300}}


def a_chart(**changes):
    parts = {
        "title": "一句發現",
        "question": "問什麼？",
        "summary": "用文字說一遍。",
        "table": data_table(["班"], [["101"]]),
    }
    return chart("c", FIGURE, **(parts | changes))


def test_a_chart_cannot_send_its_data_anywhere():
    (graph,) = of_kind(a_chart(), "Graph")
    config = graph.config
    assert (config["showSendToCloud"], config["plotlyServerURL"], config["displayModeBar"]) == (False, "", False)


def test_only_the_chart_draws_graphs():
    for path in (ROOT / "dashboard").rglob("*.py"):
        if path.name != "chart.py":
            assert "dcc.Graph(" not in path.read_text(encoding="utf-8"), path


def test_a_chart_is_a_figure_with_a_name_a_text_and_a_table():
    made = a_chart()
    (figure,) = of_kind(made, "Figure")
    (caption,) = of_kind(made, "Figcaption")
    (details,) = of_kind(made, "Details")
    assert getattr(figure, "aria-labelledby") == "c-title"
    assert caption.children == "用文字說一遍。"
    assert "以表格檢視" in words(details)


def test_a_callback_finds_each_part_of_a_chart_by_its_id():
    ids = {getattr(each, "id", None) for each in walk(a_chart())}
    assert {"c", "c-title", "c-question", "c-summary", "c-table", "c-footnote"} <= ids


def test_a_high_figure_can_be_scrolled_with_the_keyboard():
    made = chart("c", {"data": [], "layout": {"height": 2300}}, title="t", question="q", summary="s")
    assert of_kind(made, "Figure")[0].tabIndex == 0


def test_a_table_is_sent_as_rows_and_every_row_is_as_long_as_its_head():
    sent = json.loads(getattr(data_table(["班", "件數"], [["101", "3"]], caption="各班"), "data-table"))
    assert sent == {"caption": "各班", "headers": ["班", "件數"], "numeric": [False, True], "rows": [["101", "3"]]}
    with pytest.raises(ValueError, match="cells"):
        data_table(["班", "件數"], [["101"]])


def test_a_status_is_symbol_and_word_and_the_symbol_is_not_read_out():
    made = badge(Status.ATTENTION)
    assert words(made) == "▲ 需注意"
    assert getattr(of_kind(made, "Span")[1], "aria-hidden") == "true"


@pytest.mark.parametrize(
    "make", [lambda: tile("上傳", "3%", status="overdue", stage="upload"), lambda: badge("done", stage="select")]
)
def test_a_voluntary_stage_gets_no_status(make):
    with pytest.raises(ValueError, match="voluntary"):
        make()


def test_a_tile_says_value_status_and_n_of_n():
    made = tile(
        "認證完成率", "74%", status="attention", fraction=(1980, 2660), unit="件", note="+3 點", href="/certification"
    )
    text = words(made)
    assert all(part in text for part in ("74%", "需注意", "1,980/2,660 件", "+3 點"))
    assert "lc-attention" in made.className


@pytest.mark.parametrize("href", ["https://example.org", "//example.org", "/\\example.org", "javascript:alert(1)", "x"])
def test_a_link_inside_leads_nowhere_else(href):
    with pytest.raises(ValueError, match="address"):
        inside("x", href)


def test_the_trust_line_says_when_where_from_and_what_is_next():
    text = words(
        trust_line(
            as_of=pd.Timestamp("2026-11-23 08:00"),
            source="a.xlsx",
            warnings=2,
            warnings_href="/imports",
            deadline="12 天",
        )
    )
    assert all(part in text for part in ("115/11/23（一）08:00", "a.xlsx", "2 則", "12 天"))


def test_a_page_has_one_main_heading():
    assert len(of_kind(page_header("總覽"), "H1")) == 1


def test_three_findings_are_enough():
    assert len(of_kind(findings([("句", "/x", "done")] * 5), "Li")) == 3


def test_every_filter_has_a_label_that_names_it():
    made = filter_bar([select("term", "學期", [("1131", "113-1")], "1131"), date_input("asof", "截至")])
    labels = {label.htmlFor for label in of_kind(made, "Label")}
    controls = {each.id for each in [*of_kind(made, "Select"), *of_kind(made, "Input")]}
    assert labels == controls == {"term", "asof"}


def test_the_word_for_all_shows_where_nothing_is_chosen():
    (control,) = of_kind(select("grade", "年級", [("", "全部"), ("1", "一")], ""), "Select")
    assert control.placeholder == "全部"


def test_logging_out_is_a_form_that_posts_and_nobody_logged_in_has_none():
    (form,) = of_kind(navbar("校", [("總覽", "/")], user="王"), "Form")
    assert (form.method, form.action) == ("POST", "/logout")
    assert not of_kind(navbar("校", []), "Form")


def test_languages_are_links_and_the_one_in_use_is_marked():
    made = navbar("校", [], languages=[("中文", "zh-Hant-TW", "/zh"), ("English", "en", "/en")], language="en")
    marked = [link.children for link in of_kind(made, "A") if getattr(link, "aria-current", None) == "true"]
    assert marked == ["English"]


def test_an_empty_state_says_why_and_what_to_do_next():
    made = empty_state("尚無資料", "還沒有匯入。", "前往匯入", "/imports")
    assert "還沒有匯入。" in words(made)
    assert of_kind(made, "A")[0].href == "/imports"


def test_a_grid_pages_through_rows_and_makes_no_files():
    (table,) = of_kind(grid("g", [{"a": 1}], [Column("a", "甲", "count")], label="明細"), "AgGrid")
    options = table.dashGridOptions
    assert options["paginationPageSizeSelector"] == [10, 20, 50]
    assert options["suppressCsvExport"] is True
    assert options["ensureDomOrder"] is True
    assert not getattr(table, "enableEnterpriseModules", False)


def test_undefined_rates_sort_last():
    (table,) = of_kind(
        grid("g", [], [Column("rate", "率", "ratio", numerator="n", denominator="d")], label="明細"), "AgGrid"
    )
    (column,) = table.columnDefs
    assert column["comparator"] == {"function": "nullsLast"}
    assert column["valueFormatter"] == {"function": "ratio(params.data.n, params.data.d)"}
    assert column["valueGetter"] == {"function": "share(params.data.n, params.data.d)"}


def test_a_status_in_a_grid_has_key_symbol_and_word():
    assert status_cell("overdue") == "overdue|✕ 逾期"
