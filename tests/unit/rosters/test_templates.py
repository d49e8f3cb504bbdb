"""Blank templates: they say what to fill in and how, import once filled in, and say so when they are blank."""

from __future__ import annotations

import io
import warnings
import zipfile
from xml.etree import ElementTree

import fastexcel
import pytest
import xlsxwriter
from odfdo import Document

from data.instants import parse_as_of
from data.rosters.importing import GUIDE
from data.rosters.kinds import all_kinds
from data.rosters.templates import make_template
from tests.unit.builders import contents_of, take_in, write_small_school

KINDS = {kind.key: kind for kind in all_kinds() if kind.by_hand}
FORMATS = ("xlsx", "ods")
NOW = parse_as_of("2025-09-01")
_MAIN = "{http://schemas.openxmlformats.org/spreadsheetml/2006/main}"


def grid_of(content, sheet):
    """Return the cells of a sheet as people see them, row by row."""
    frame = fastexcel.read_excel(content).load_sheet(sheet, header_row=None, dtypes="string").to_pandas()
    return [[cell if isinstance(cell, str) else "" for cell in row] for row in frame.itertuples(index=False, name=None)]


def guide_of(content):
    """Return the guide's lines by column: required or not, what is expected, what is allowed, an example."""
    rows = grid_of(content, 1)
    head = [row[0] for row in rows].index("欄名")
    return {row[0]: row[1:] for row in rows[head + 1 :]}


def fill_in(path, kind, format_, *rows):
    """Write rows under the headings of a template, the guide being left where it is."""
    content = make_template(kind, format_)
    if format_ == "ods":
        document = Document(io.BytesIO(content))
        table = document.body.get_table(0)
        for number, row in enumerate(rows):
            for column, text in enumerate(row):
                if text:
                    table.set_value((column, number + 1), text)
        document.save(path)
        return path
    grids = {name: grid_of(content, name) for name in fastexcel.read_excel(content).sheet_names}
    first = next(iter(grids))
    grids[first] += rows
    with xlsxwriter.Workbook(path, {"in_memory": True}) as book:
        for name, grid in grids.items():
            sheet = book.add_worksheet(name)
            for number, row in enumerate(grid):
                for column, text in enumerate(row):
                    sheet.write_string(number, column, text)
    return path


def xml_of(content, member):
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        return ElementTree.fromstring(archive.read(member))  # noqa: S314 - our own file


def test_the_kinds_kept_by_hand_have_a_template_and_the_others_have_none():
    assert set(KINDS) >= {
        "classes", "staff", "windows", "delegations", "training", "staff_changes", "enrolment_changes", "counselling", "registrations",
        "school_days",
    }  # fmt: skip
    with pytest.raises(KeyError):
        make_template("outcomes", "xlsx")


@pytest.mark.parametrize("format_", FORMATS)
@pytest.mark.parametrize("kind", KINDS)
def test_a_template_has_the_headings_alone_and_a_guide_with_a_line_for_each(kind, format_):
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # xlsxwriter warns of what a spreadsheet would not take
        content = make_template(kind, format_)
    assert fastexcel.read_excel(content).sheet_names == [KINDS[kind].title, GUIDE]
    headings = [column.headings[0] for column in KINDS[kind].columns]
    assert [row for row in grid_of(content, 0) if any(row)] == [headings]
    guide = guide_of(content)
    assert list(guide) == headings
    for column in KINDS[kind].columns:
        required, expects, allowed, example = guide[column.headings[0]]
        assert required == ("可空白" if column.blank else "必填")
        assert expects
        assert allowed == "、".join(column.allowed)
        assert example or column.blank


@pytest.mark.thorough
@pytest.mark.parametrize("format_", FORMATS)
@pytest.mark.parametrize("kind", KINDS)
def test_a_template_filled_in_with_its_own_examples_and_each_allowed_value_imports(engine, tmp_path, kind, format_):
    few = {"outcomes": [], "performances": [], "selections": [], "receipts": [], "delegations": [], "windows": []}
    take_in(engine, write_small_school(tmp_path / "school", **few), at=parse_as_of("2024-08-01"))
    guide = guide_of(make_template(kind, format_))
    example = {heading: line[3] for heading, line in guide.items()}
    plan = take_in(engine, fill_in(tmp_path / f"0.{format_}", kind, format_, list(example.values())), at=NOW)
    assert plan.committed, plan.problems
    (report,) = plan.reports  # the guide is no table
    assert (report.kind, report.rows, report.rejected) == (kind, 1, 0)
    for column in KINDS[kind].columns:
        rows = [[*(example | {column.headings[0]: value}).values()] for value in column.allowed]
        for number, row in enumerate(rows):
            plan = take_in(engine, fill_in(tmp_path / f"{column.name}{number}.{format_}", kind, format_, row), at=NOW)
            assert plan.committed, plan.problems


@pytest.mark.parametrize("format_", FORMATS)
def test_a_blank_template_is_refused_and_says_that_it_has_no_rows(engine, tmp_path, format_):
    before = contents_of(engine)
    for kind in KINDS:
        path = tmp_path / f"{kind}.{format_}"
        path.write_bytes(make_template(kind, format_))
    plan = take_in(engine, *sorted(tmp_path.glob(f"*.{format_}")), at=NOW)
    assert {problem.file_name for problem in plan.problems} == {f"{kind}.{format_}" for kind in KINDS}
    assert all("沒有任何資料列" in problem.message for problem in plan.problems)
    assert not plan.committed
    assert contents_of(engine) == before


@pytest.mark.parametrize("kind", KINDS)
def test_an_xlsx_template_keeps_text_freezes_its_headings_and_offers_the_allowed_values(kind):
    content = make_template(kind, "xlsx")
    sheet, styles = xml_of(content, "xl/worksheets/sheet1.xml"), xml_of(content, "xl/styles.xml")
    formats = styles.find(f"{_MAIN}cellXfs").findall(f"{_MAIN}xf")
    columns = [c for c in sheet.iter(f"{_MAIN}col") for _ in range(int(c.get("min")), int(c.get("max")) + 1)]
    assert len(columns) == len(KINDS[kind].columns)
    assert {formats[int(c.get("style"))].get("numFmtId") for c in columns} == {"49"}  # @, text
    assert all(
        float(c.get("width")) > 2 * len(column.headings[0])
        for c, column in zip(columns, KINDS[kind].columns, strict=True)
    )
    pane = sheet.find(f"{_MAIN}sheetViews/{_MAIN}sheetView/{_MAIN}pane")
    assert (pane.get("ySplit"), pane.get("state")) == ("1", "frozen")
    offered = [v.find(f"{_MAIN}formula1").text.strip('"').split(",") for v in sheet.iter(f"{_MAIN}dataValidation")]
    assert offered == [list(column.allowed) for column in KINDS[kind].columns if column.allowed]
    styled = [cell.get("s") for cell in next(sheet.iter(f"{_MAIN}row"))]
    required = {style for style, column in zip(styled, KINDS[kind].columns, strict=True) if not column.blank}
    optional = {style for style, column in zip(styled, KINDS[kind].columns, strict=True) if column.blank}
    assert len(required) == 1
    assert not required & optional


@pytest.mark.parametrize("kind", KINDS)
def test_an_ods_template_keeps_text_freezes_its_headings_and_offers_the_allowed_values(kind):
    with zipfile.ZipFile(io.BytesIO(make_template(kind, "ods"))) as archive:
        content, settings = archive.read("content.xml").decode(), archive.read("settings.xml").decode()
    assert content.count('table:default-cell-style-name="plain"') == len(KINDS[kind].columns) + 5
    offers = [column for column in KINDS[kind].columns if column.allowed]
    assert content.count("<table:content-validation ") == len(offers)
    assert all(f"&quot;{value}&quot;" in content for column in offers for value in column.allowed)
    assert f'config:name="{KINDS[kind].title}"><config:config-item config:name="VerticalSplitMode"' in settings


def test_codes_with_leading_zeros_survive_a_template(engine, tmp_path):
    row = ["0012", "王小明", "教務處註冊組", ""]
    for format_ in FORMATS:
        take_in(engine, fill_in(tmp_path / f"x.{format_}", "staff", format_, row), at=NOW)
    assert "'0012'" in str(contents_of(engine)["staff"])


def test_a_guide_handed_in_beside_other_files_disturbs_none(engine, tmp_path):
    folder = write_small_school(tmp_path / "school")
    fill_in(folder / "x.xlsx", "school_days", "xlsx", ["2024/10/31", "", "停課", "颱風"])
    plan = take_in(engine, folder)
    assert plan.committed, plan.problems
    assert "school_days" in {report.kind for report in plan.reports}
