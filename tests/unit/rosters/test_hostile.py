"""What a file may do to whoever reads it: nothing. Every such file is refused in one clear line, soon, and alone."""

from __future__ import annotations

import os
import struct
import subprocess
import sys
import time
import zipfile
import zlib
from io import BytesIO
from pathlib import Path

import pytest

from data.rosters import limits, precheck, reading
from data.rosters.problems import RefusedError
from data.rosters.reading import normalise_heading, read_in_child, read_tables
from tests.fuzz.books import cell, ods, ods_row, ole, row, xls, xlsx, zipped
from tests.unit.builders import HEADINGS

KNOWN = frozenset(normalise_heading(heading) for headings in HEADINGS.values() for heading in headings)
HEAD = ["學號", "姓名", "班級"]
GOOD = row(1, HEAD) + row(2, ["1130001", "甲生", "101"])
GOOD_ODS = ods_row(HEAD) + ods_row(["1130001", "甲生", "101"])


def is_refused(folder, name, content):
    """Read it both ways; return what both say. Neither may take longer than a person waits, nor leave a second line."""
    path = folder / name
    path.write_bytes(content)
    begin = time.monotonic()
    with pytest.raises(RefusedError) as caught:
        read_tables(path, known=KNOWN)
    (problem,) = caught.value.problems
    tables, problems = read_in_child([path], known=KNOWN)
    assert time.monotonic() - begin < 10
    assert (tables, [p.file_name for p in problems]) == ([], [name])
    assert problem.file_name == name
    assert len(str(problem).splitlines()) == 1
    return problem.message


def is_read(folder, name, content):
    path = folder / name
    path.write_bytes(content)
    (here,) = read_tables(path, known=KNOWN)
    (there,), problems = read_in_child([path], known=KNOWN)
    assert problems == []
    assert here.frame.equals(there.frame)
    return here


def with_member(content, key, change):
    """Return the zip with one member changed by a function of its text, packed anew so that its checksum is right."""
    with zipfile.ZipFile(BytesIO(content)) as archive:
        members = {info.filename: archive.read(info) for info in archive.infolist()}
    members[key] = change(members[key])
    return zipped(members)


# --- cells far away ---------------------------------------------------------------------------------------------------

FAR = {
    "the last cell there is": cell("XFD1048576", "x"),
    "a cell beyond the last": cell("ZZZZ99999999999", "x"),
    "a row number with zeros before it": cell("A0000000001048576", "x"),
    "small letters": cell("xfd1048576", "x"),
    "single quotes": "<c r='XFD1048576'><v>1</v></c>",
    "blanks around the sign": '<c  r = "XFD1048576"><v>1</v></c>',
    "the reference last": '<c t="n" s="0" r="XFD1048576"><v>1</v></c>',
    "a prefix": '<x:c xmlns:x="y" r="XFD1048576"><x:v>1</x:v></x:c>',
    "no reference in a far row": '<row r="1048576"><c><v>1</v></c></row>',
    "many rows": cell("A300001", "x"),
    "many columns": cell("KO1", "x"),
    "a wide gap": cell("KN299999", "x"),
}


@pytest.mark.parametrize("case", FAR)
def test_a_cell_far_away_is_refused_before_room_is_made_for_it(tmp_path, case):
    message = is_refused(tmp_path, "x.xlsx", xlsx(GOOD + f'<row r="3">{FAR[case]}</row>'))
    assert "上限" in message or "不是可以讀取" in message


def test_a_claim_of_many_cells_without_the_cells_is_nothing(tmp_path):
    content = xlsx(GOOD, before='<dimension ref="A1:XFD1048576"/><cols><col min="1" max="16384" width="9"/></cols>')
    assert len(is_read(tmp_path, "x.xlsx", content).frame) == 1


def test_a_million_blank_rows_and_wide_blank_cells_are_passed_over(tmp_path):
    blank = "".join(
        f'<row r="{number}" s="1" customFormat="1"><c r="XFD{number}" s="1"/></row>' for number in range(3, 60_000)
    )
    blank += "".join(f'<row r="{number}" s="1" customFormat="1"/>' for number in range(60_000, 1_048_577))
    begin = time.monotonic()
    assert len(is_read(tmp_path, "x.xlsx", xlsx(GOOD + blank)).frame) == 1
    assert time.monotonic() - begin < 10


def test_blank_cells_between_values_are_told_from_values(tmp_path):
    wide = '<row r="2"><c r="A2" t="inlineStr"><is><t>1</t></is></c><c r="XFD2" s="1"/></row>'
    assert len(is_read(tmp_path, "x.xlsx", xlsx(row(1, HEAD) + wide + row(3, ["2", "乙", "101"]))).frame) == 2


REPEATED = {
    "a row": ods_row(["1130001"], repeat=' table:number-rows-repeated="1000000"'),
    "a cell": '<table:table-row><table:table-cell table:number-columns-repeated="16384" office:value-type="string"><text:p>x</text:p></table:table-cell></table:table-row>',
    "both": '<table:table-row table:number-rows-repeated="200000"><table:table-cell table:number-columns-repeated="200" office:value-type="string"><text:p>x</text:p></table:table-cell></table:table-row>',
    "blanks before a value": '<table:table-row table:number-rows-repeated="1000000"><table:table-cell/></table:table-row>' + ods_row(["1"]),
    "blank cells, each followed": '<table:table-row><table:table-cell table:number-columns-repeated="16383"/><table:table-cell/></table:table-row>' * 1000,
    "a long text": f'<table:table-row table:number-rows-repeated="100000"><table:table-cell office:value-type="string"><text:p>{"x" * 20_000}</text:p></table:table-cell></table:table-row>',
    "spaces": '<table:table-row><table:table-cell office:value-type="string"><text:p><text:s text:c="4000000000"/></text:p></table:table-cell></table:table-row>',
    "not a number": ods_row(["1"], repeat=' table:number-rows-repeated="many"'),
}  # fmt: skip


@pytest.mark.parametrize("case", REPEATED)
def test_repeats_of_an_open_workbook_are_told_out_before_they_are_made(tmp_path, case):
    message = is_refused(tmp_path, "x.ods", ods(GOOD_ODS + REPEATED[case]))
    assert "上限" in message or "過大" in message or "不是可以讀取" in message


def test_the_repeats_with_which_every_open_workbook_ends_are_nothing(tmp_path):
    end = '<table:table-row table:number-rows-repeated="1048573"><table:table-cell table:number-columns-repeated="16384"/></table:table-row>'
    assert len(is_read(tmp_path, "x.ods", ods(GOOD_ODS + end)).frame) == 1


def test_equal_cells_and_rows_of_an_open_workbook_are_all_there(tmp_path):
    twice = '<table:table-row table:number-rows-repeated="2"><table:table-cell table:number-columns-repeated="3" office:value-type="string"><text:p>1</text:p></table:table-cell></table:table-row>'
    assert is_read(tmp_path, "x.ods", ods(ods_row(HEAD) + twice)).frame.to_numpy().tolist() == [["1"] * 3] * 2


def test_a_long_text_shared_by_many_cells_is_refused(tmp_path):
    rows = "".join(f'<row r="{number}"><c r="A{number}" t="s"><v>0</v></c></row>' for number in range(1, 30_000))
    message = is_refused(tmp_path, "x.xlsx", xlsx(rows, shared=f"<si><t>{'長' * 10_000}</t></si>"))
    assert "過大" in message


def test_a_promise_of_many_shared_texts_is_refused(tmp_path):
    content = xlsx(GOOD, shared="<si><t>x</t></si>")
    for said in (b'uniqueCount="999999999999"', b"uniqueCount = '18446744073709551615'"):
        lie = with_member(
            content, "xl/sharedStrings.xml", lambda text, said=said: text.replace(b"<sst", b"<sst " + said)
        )
        is_refused(tmp_path, "x.xlsx", lie)


def test_text_files_have_the_same_limits(tmp_path):
    assert "300,000 列" in is_refused(tmp_path, "x.csv", ("學號,姓名\n" + "1,甲\n" * 300_001).encode())
    assert "300 欄" in is_refused(tmp_path, "y.csv", (",".join(f"欄{n}" for n in range(301)) + "\n1\n").encode())
    assert "6,000,000 格" in is_refused(tmp_path, "z.csv", ("學號,姓名\n" + "," * 13_000_000).encode())


# --- zips -------------------------------------------------------------------------------------------------------------


def test_a_bomb_by_its_own_account_is_refused(tmp_path):
    content = lying(xlsx(GOOD), "xl/worksheets/sheet1.xml", limits.MAX_EXPANDED_BYTES + 1)
    assert "壓縮得不合常理" in is_refused(tmp_path, "x.xlsx", content)


def test_a_book_of_more_than_can_be_held_is_refused_before_any_of_it_is_expanded(tmp_path, monkeypatch):
    path = tmp_path / "x.xlsx"
    path.write_bytes(xlsx(GOOD))
    monkeypatch.setattr(precheck, "MAX_EXPANDED_BYTES", 1000)
    monkeypatch.setattr(precheck, "_expand", None)
    with pytest.raises(RefusedError, match="過大"):
        read_tables(path, known=KNOWN)


def test_a_member_packed_beyond_reason_is_refused(tmp_path):
    content = xlsx(GOOD, extra={"xl/worksheets/sheet2.xml": b" " * 50 * 2**20})
    assert "壓縮得不合常理" in is_refused(tmp_path, "x.xlsx", content)


def lying(content, key, size):
    """Return the zip with another size than the real one said of a member, in both places that say it."""
    data = bytearray(content)
    with zipfile.ZipFile(BytesIO(content)) as archive:
        real = archive.getinfo(key).file_size
    for at in range(len(data) - 46):
        if data[at : at + 4] == b"PK\x03\x04" and data[at + 30 : at + 30 + len(key)] == key.encode():
            struct.pack_into("<I", data, at + 22, size)
        if data[at : at + 4] == b"PK\x01\x02" and data[at + 46 : at + 46 + len(key)] == key.encode():
            assert struct.unpack_from("<I", data, at + 24)[0] == real
            struct.pack_into("<I", data, at + 24, size)
    return bytes(data)


@pytest.mark.parametrize("size", [10, 10**6])
def test_a_member_that_expands_to_another_size_than_it_says_is_refused(tmp_path, size):
    content = lying(xlsx(GOOD + row(3, ["x" * 5000])), "xl/worksheets/sheet1.xml", size)
    assert "大小與所寫不符" in is_refused(tmp_path, "x.xlsx", content)


def test_members_that_lie_over_each_other_are_refused(tmp_path):
    data = bytearray(xlsx(GOOD))
    entries = [at for at in range(len(data) - 46) if data[at : at + 4] == b"PK\x01\x02"]
    data[entries[2] + 42 : entries[2] + 46] = data[entries[1] + 42 : entries[1] + 46]
    is_refused(tmp_path, "x.xlsx", bytes(data))


def test_thousands_of_members_are_refused(tmp_path):
    content = xlsx(GOOD, extra={f"xl/media/{number}.xml": "" for number in range(2001)})
    assert "內部檔案" in is_refused(tmp_path, "x.xlsx", content)


@pytest.mark.parametrize(
    "name", ["../../etc/cron.d/x", "/etc/passwd", "C:/x.xml", "xl\\..\\..\\x.xml", "xl/\x07.xml", "XL/WORKBOOK.XML"]
)
def test_a_member_name_that_is_a_trick_is_refused(tmp_path, name):
    before = set(tmp_path.parent.rglob("*"))
    assert "內部檔名" in is_refused(tmp_path, "x.xlsx", xlsx(GOOD, extra={name: "x"}))
    assert set(tmp_path.parent.rglob("*")) - before == {tmp_path / "x.xlsx"}


def test_a_zip_inside_a_member_is_not_opened(tmp_path):
    inner = zipped({"bomb.xml": b"0" * 2**20})
    assert len(is_read(tmp_path, "x.xlsx", xlsx(GOOD, extra={"xl/embeddings/inner.zip": inner})).frame) == 1
    is_refused(tmp_path, "y.xlsx", xlsx(GOOD, extra={"xl/sharedStrings.xml": inner}))


def test_macros_links_and_pictures_reach_no_parser(tmp_path):
    extra = {
        "xl/vbaProject.bin": b"\xd0\xcf\x11\xe0",
        "xl/externalLinks/externalLink1.xml": "<a>",
        "xl/media/image1.png": b"x",
        "docProps/app.xml": "<",
    }
    assert len(is_read(tmp_path, "x.xlsm", xlsx(GOOD, extra=extra)).frame) == 1
    book = precheck.open_book("x.xlsm", (tmp_path / "x.xlsm").read_bytes())
    with zipfile.ZipFile(BytesIO(book.content)) as archive:
        assert set(archive.namelist()) & set(extra) == set()
        assert archive.testzip() is None


def test_a_workbook_with_another_behind_it_is_read_as_the_one_that_was_checked(tmp_path):
    bomb = xlsx(f'<row r="1">{cell("XFD1048576", "x")}</row>')
    outcome = []
    for name, content in (("x.xlsx", bomb + xlsx(GOOD)), ("y.xlsx", xlsx(GOOD) + bomb)):
        (tmp_path / name).write_bytes(content)
        try:
            outcome.append(len(read_tables(tmp_path / name, known=KNOWN)[0].frame))
        except RefusedError:
            outcome.append("refused")
    assert outcome == [1, "refused"]


# --- XML --------------------------------------------------------------------------------------------------------------

LAUGHS = "<!DOCTYPE x [" + "".join(f'<!ENTITY l{n} "{f"&l{n - 1};" * 10 if n else "ha"}">' for n in range(9)) + "]>"
OUTSIDE = '<!DOCTYPE x [<!ENTITY e SYSTEM "file:///etc/passwd">]>'


@pytest.mark.parametrize(
    "member", ["xl/workbook.xml", "xl/sharedStrings.xml", "xl/worksheets/sheet1.xml", "_rels/.rels"]
)
@pytest.mark.parametrize("trick", [LAUGHS, OUTSIDE])
def test_document_types_and_entities_are_refused_in_every_member(tmp_path, member, trick):
    content = with_member(xlsx(GOOD, shared=""), member, lambda text: text.replace(b"?>", b"?>" + trick.encode(), 1))
    assert "DOCTYPE" in is_refused(tmp_path, "x.xlsx", content)


def test_document_types_of_a_member_too_big_to_go_through_are_refused_too(tmp_path):
    rows = GOOD + "".join(row(number, [os.urandom(40).hex()]) for number in range(3, 20_000))
    content = with_member(
        xlsx(rows), "xl/worksheets/sheet1.xml", lambda text: text.replace(b"?>", b"?>" + LAUGHS.encode(), 1)
    )
    assert "DOCTYPE" in is_refused(tmp_path, "x.xlsx", content)
    (tmp_path / "x.xlsx").write_bytes(content)
    assert "DOCTYPE" in read_in_child([tmp_path / "x.xlsx"], known=KNOWN)[1][0].message


def test_document_types_hide_in_no_other_encoding_and_in_no_other_format(tmp_path):
    hidden = f'<?xml version="1.0" encoding="UTF-16"?>{LAUGHS}<x/>'.encode("utf-16")
    assert "編碼" in is_refused(tmp_path, "x.xlsx", xlsx(GOOD, extra={"xl/sharedStrings.xml": hidden}))
    content = with_member(ods(GOOD_ODS), "content.xml", lambda text: text.replace(b"?>", b"?>" + LAUGHS.encode(), 1))
    assert "DOCTYPE" in is_refused(tmp_path, "x.ods", content)


@pytest.mark.parametrize("cut", ["</table:table>", "<office:annotation>", "</table:table-row>"])
def test_an_open_workbook_that_breaks_off_does_not_hang(tmp_path, cut):
    annotated = GOOD_ODS.replace(
        "<text:p>101", "<office:annotation><text:p>note</text:p></office:annotation><text:p>101"
    )
    content = with_member(ods(annotated), "content.xml", lambda text: text[: text.rindex(cut.encode())])
    is_refused(tmp_path, "x.ods", content)


def test_a_sheet_that_breaks_off_is_refused(tmp_path):
    for cut in (b"</sheetData>", b"</c>", b"<is>"):
        content = with_member(xlsx(GOOD), "xl/worksheets/sheet1.xml", lambda text, cut=cut: text[: text.rindex(cut)])
        is_refused(tmp_path, "x.xlsx", content)


def test_a_nul_in_a_cell_is_refused(tmp_path):
    assert "NUL" in is_refused(tmp_path, "x.xlsx", xlsx(row(1, HEAD) + row(2, ["1_x0000_", "甲", "101"])))


# --- passwords and old workbooks --------------------------------------------------------------------------------------


def test_a_file_with_a_password_says_so(tmp_path):
    assert "密碼" in is_refused(tmp_path, "a.xlsx", ole({"EncryptionInfo": b"x", "EncryptedPackage": b"x"}))
    assert "密碼" in is_refused(
        tmp_path, "b.xls", xls([HEAD, ["1", "甲", "101"]], extra=struct.pack("<HHH", 0x2F, 2, 1))
    )
    locked = "<manifest:file-entry><manifest:encryption-data/></manifest:file-entry>"
    assert "密碼" in is_refused(tmp_path, "c.ods", ods(GOOD_ODS, manifest=locked))
    data = bytearray(xlsx(GOOD))
    for at in range(len(data) - 10):
        if data[at : at + 4] in (b"PK\x03\x04", b"PK\x01\x02"):
            data[at + (6 if data[at + 2] == 3 else 8)] |= 1
    assert "密碼" in is_refused(tmp_path, "d.xlsx", bytes(data))


def overwrite(content, at, value):
    return content[:at] + value + content[at + len(value) :]


OLD = {
    "nothing but the first bytes": xls([HEAD])[:600],
    "a directory in a circle": None,
    "a promise of rows": xls([HEAD], extra=struct.pack("<HHIIHHH", 0x200, 14, 0, 2**31, 0, 256, 0)),
    "a cell far to the right": xls([["x"]], at=(65_535, 60_000)),
    "a huge table of sectors": overwrite(xls([HEAD]), 44, b"\xff\xff\xff\x7f"),
    "a table of tables in a circle": overwrite(xls([HEAD]), 68, b"\x03\x00\x00\x00"),
    "sectors that are not there": overwrite(xls([HEAD]), 48, b"\xf0\xff\xff\x00"),
    "zeros behind the first bytes": b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\0" * 5000,
    "noise behind the first bytes": b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(zlib.crc32(bytes([n % 256])) % 256 for n in range(5000)),
}  # fmt: skip


def circle():
    content = xls([HEAD, ["1", "甲", "101"]])
    begin = struct.unpack_from("<I", content, 48)[0]  # where the directory is
    table = 512 * (1 + struct.unpack_from("<I", content, 76)[0])
    return overwrite(content, table + 4 * begin, struct.pack("<I", begin))


@pytest.mark.parametrize("case", OLD)
def test_a_broken_old_workbook_is_refused(tmp_path, case):
    is_refused(tmp_path, "x.xls", OLD[case] or circle())


def test_a_page_that_calls_itself_a_workbook_says_how_to_mend_it(tmp_path):
    assert "網頁" in is_refused(tmp_path, "x.xls", "<html><table><tr><td>學號</td></tr></table></html>".encode())
    assert "活頁簿" in is_refused(tmp_path, "x.csv", xlsx(GOOD))
    assert "xlsb" in is_refused(tmp_path, "x.xlsx", zipped({"xl/workbook.bin": b"x"}))


# --- the child --------------------------------------------------------------------------------------------------------


def good_file(folder, name="good.csv"):
    (folder / name).write_text("學號,姓名,班級\n1130001,甲生,101\n", encoding="utf-8")
    return folder / name


def test_a_child_that_dies_costs_one_file_and_no_other(tmp_path):
    # Big enough to be parsed without having been gone through cell by cell.
    far = f'<row r="3">{cell("XFD1048576", "x")}</row>' + "".join(
        row(n, [os.urandom(40).hex()]) for n in range(4, 30_000)
    )
    (tmp_path / "bad.xlsx").write_bytes(xlsx(GOOD + far))
    files = [good_file(tmp_path, "a.csv"), tmp_path / "bad.xlsx", good_file(tmp_path, "b.csv")]
    tables, problems = read_in_child(files, known=KNOWN)
    assert [table.file_name for table in tables] == ["a.csv", "b.csv"]
    (problem,) = problems
    assert problem.file_name == "bad.xlsx"
    assert "超過記憶體或時間的限制" in problem.message


def test_a_child_that_never_answers_is_stopped_and_the_next_file_read(tmp_path, monkeypatch):
    begin = reading._start_child
    starts = []

    def slow():
        starts.append(1)
        if len(starts) > 1:
            return begin()
        return subprocess.Popen(
            [sys.executable, "-c", "import time; time.sleep(60)"], stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )

    monkeypatch.setattr(reading, "_start_child", slow)
    monkeypatch.setattr(reading, "seconds_for", lambda size: 0.2)
    monkeypatch.setattr(reading, "START_SECONDS", 0.1)
    files = [good_file(tmp_path, "a.csv"), good_file(tmp_path, "b.csv")]
    read = read_in_child(files[:1], known=KNOWN)
    assert read[0] == []
    assert "還沒讀完" in read[1][0].message
    monkeypatch.undo()
    assert len(read_in_child(files, known=KNOWN)[0]) == 2


def child_says(code):
    environment = {"PATH": os.environ["PATH"]}
    asked = [
        sys.executable,
        "-c",
        f"from data.rosters import child; child.limit_process(); child.limit_seconds(1)\n{code}",
    ]
    return subprocess.run(
        asked,
        env=environment,
        cwd=Path(precheck.__file__).parents[2],
        capture_output=True,
        text=True,
        check=False,
        timeout=30,
    )


@pytest.mark.skipif(sys.platform == "win32", reason="no such limits there")
def test_the_child_can_neither_write_a_file_nor_take_all_memory_nor_run_on(tmp_path):
    wrote = child_says(f"import os; os.write(os.open({str(tmp_path / 'x')!r}, os.O_CREAT | os.O_WRONLY), b'x')")
    assert "File too large" in wrote.stderr
    assert (tmp_path / "x").read_bytes() == b""
    assert "MemoryError" in child_says("bytearray(3 * 2**30)").stderr
    assert child_says("while True: pass").returncode != 0


def test_the_child_is_told_no_secret(tmp_path, monkeypatch):
    monkeypatch.setenv("LICHENG_SECRET", "geheim")
    monkeypatch.setenv("LICHENG_DATABASE_URL", "postgresql://u:p@h/d")
    child = reading._start_child()
    try:
        told = Path(f"/proc/{child.pid}/environ").read_bytes() if Path("/proc").exists() else b""
    finally:
        reading._stop(child)
    assert b"LICHENG" not in told
    assert b"geheim" not in told


def test_the_child_loads_no_pandas_and_no_numpy():
    code = "import sys; sys.modules['numpy'] = None; from data.rosters import child, parsing; print('pandas' in sys.modules)"
    assert child_says(code).stdout == "False\n"


def test_a_file_that_cannot_be_opened_is_a_problem_and_no_crash(tmp_path):
    tables, problems = read_in_child([tmp_path / "gone.csv", good_file(tmp_path)], known=KNOWN)
    assert len(tables) == 1
    assert problems[0].file_name == "gone.csv"
