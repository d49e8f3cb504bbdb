"""Files in, tables of text out: workbooks by fastexcel, text files by a fixed ladder of encodings."""

from __future__ import annotations

import hashlib
import io
import warnings
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import fastexcel
import pandas as pd

from data.rosters.problems import Problem, RefusedError

WORKBOOKS = {".xlsx", ".xlsm", ".xls", ".ods"}
TEXTS = {".csv": ",", ".tsv": "\t", ".txt": "\t"}
# Strict and in this order, never a guess: a guesser took cp950 for Thai, and 堃喆煊珉 are in big5hkscs only.
ENCODINGS = ("utf-8-sig", "cp950", "big5hkscs")
MAX_BYTES = 100 * 2**20
MAX_EXPANDED_BYTES = 1024 * 2**20
_WIDE = {
    code: code - 0xFEE0
    for start, end in (("０", "９"), ("Ａ", "Ｚ"), ("ａ", "ｚ"))
    for code in range(ord(start), ord(end) + 1)
}
_WIDE[0x3000] = 0x20
_WIDE_PATTERN = "[０-９Ａ-Ｚａ-ｚ\u3000]"


@dataclass(frozen=True, slots=True)
class Table:
    """One sheet as text: columns are the headings, the index holds the row numbers that a person sees."""

    file_name: str
    sheet: str
    sha256: str
    frame: pd.DataFrame
    cover: Mapping[str, str] = field(default_factory=dict)
    heading_row: int = 1
    notes: tuple[str, ...] = ()


def find_files(paths: list[Path]) -> list[Path]:
    """Return the files named, and those in the folders named, sorted. Raises RefusedError for a path that is not there."""
    found: list[Path] = []
    for path in paths:
        if path.is_dir():
            found += [
                p for p in path.iterdir() if p.suffix.lower() in WORKBOOKS | TEXTS.keys() and p.name[:1] not in "~."
            ]
        elif path.is_file():
            found.append(path)
        else:
            raise RefusedError([Problem(path.name, message="找不到這個檔案或資料夾，請確認路徑")])
    if not found:
        raise RefusedError(
            [Problem(paths[0].name if paths else "", message="資料夾裡沒有可以匯入的檔案（xlsx、xls、ods、csv、tsv）")]
        )
    return sorted(found, key=lambda p: p.name)


def read_tables(path: Path) -> list[Table]:
    """Read every sheet that holds something. Raises RefusedError with one clear line when the file cannot be read."""
    suffix = path.suffix.lower()
    if path.stat().st_size > MAX_BYTES:
        raise RefusedError([Problem(path.name, message=f"檔案超過 {MAX_BYTES // 2**20} MB，請分成幾個檔案再匯入")])
    content = path.read_bytes()
    if suffix in WORKBOOKS:
        sheets = _read_workbook(path.name, content)
    elif suffix in TEXTS:
        sheets = [("", _read_text(path.name, content, separator=TEXTS[suffix]))]
    else:
        raise RefusedError(
            [Problem(path.name, message=f"不能匯入「{suffix or '沒有副檔名'}」的檔案，請另存為 xlsx、ods 或 csv")]
        )
    sha256 = hashlib.sha256(content).hexdigest()
    tables = [Table(path.name, sheet, sha256, clean_cells(frame)) for sheet, frame in sheets if len(frame)]
    if not tables:
        raise RefusedError([Problem(path.name, message="檔案裡沒有任何資料列，請重新從平臺匯出")])
    return tables


def clean_cells(frame: pd.DataFrame) -> pd.DataFrame:
    """Make full-width digits, Latin letters and spaces narrow and trim the ends; touch no other character."""
    cleaned = {}
    for name in frame.columns:
        column = frame[name].fillna("")
        if column.str.contains(_WIDE_PATTERN, regex=True).any():
            column = column.map(lambda text: text.translate(_WIDE))
        cleaned[name] = column.str.strip()
    frame = pd.DataFrame(cleaned, index=frame.index)
    filled = pd.Series(data=False, index=frame.index)
    for name in frame.columns:
        filled |= frame[name] != ""
    return frame if filled.all() else frame[filled]


def normalise_heading(text: object) -> str:
    return "" if text is None or text != text else "".join(str(text).translate(_WIDE).split())


def _with_header(rows: pd.DataFrame) -> pd.DataFrame:
    """Take the first row that is not blank as the headings; number the rest as the file does."""
    rows = rows.astype("str")
    blank = rows.isna().all(axis=1)
    if blank.all():
        return pd.DataFrame()
    first = int((~blank).to_numpy().argmax())
    names = [normalise_heading(cell) for cell in rows.iloc[first]]
    keep = [i for i, name in enumerate(names) if name]
    frame = rows.iloc[first + 1 :, keep]
    frame.columns = [names[i] for i in keep]
    frame.index = pd.RangeIndex(first + 2, len(rows) + 1)
    return frame.loc[:, ~frame.columns.duplicated()]


def _read_workbook(name: str, content: bytes) -> list[tuple[str, pd.DataFrame]]:
    unreadable = Problem(name, message="這不是可以讀取的活頁簿（內容與副檔名不符或檔案損壞），請重新匯出或另存新檔")
    if content[:2] == b"PK":
        try:
            with zipfile.ZipFile(io.BytesIO(content)) as archive:
                if sum(member.file_size for member in archive.infolist()) > MAX_EXPANDED_BYTES:
                    raise RefusedError([Problem(name, message="活頁簿解開後過大，拒絕讀取")])
                members = set(archive.namelist())
        except zipfile.BadZipFile:
            raise RefusedError([unreadable]) from None
        if not ({"xl/workbook.xml", "xl/workbook.bin"} & members or "content.xml" in members):
            raise RefusedError([unreadable])
    elif content[:4] != b"\xd0\xcf\x11\xe0":
        raise RefusedError([unreadable])
    try:
        book = fastexcel.read_excel(content)
        sheets = []
        for sheet_name in book.sheet_names:
            sheet = book.load_sheet(sheet_name, header_row=None, skip_rows=0, dtypes="string")
            if sheet.height:
                sheets.append((sheet_name, _with_header(sheet.to_arrow().to_pandas())))
        return sheets
    except fastexcel.FastExcelError:
        raise RefusedError([unreadable]) from None


def _read_text(name: str, content: bytes, *, separator: str) -> pd.DataFrame:
    for encoding in ENCODINGS:
        try:
            text = content.decode(encoding)
            break
        except UnicodeDecodeError:
            continue
    else:
        raise RefusedError(
            [Problem(name, message="文字編碼無法辨識（接受 UTF-8、Big5），請用試算表另存為 UTF-8 的 CSV")]
        )
    first_line = text.split("\n", 1)[0]
    if first_line.count("\t") > first_line.count(","):
        separator = "\t"
    if not text.strip() or "\0" in text:
        raise RefusedError([Problem(name, message="檔案是空的，或不是文字檔，請重新從平臺匯出")])
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", pd.errors.ParserWarning)  # cells beyond the headings would be dropped unsaid
            frame = pd.read_csv(
                io.StringIO(text),
                sep=separator,
                dtype="str",
                keep_default_na=False,
                skip_blank_lines=False,
                header=0,
                index_col=False,
            )
    except (pd.errors.ParserError, pd.errors.ParserWarning) as error:
        raise RefusedError(
            [Problem(name, message=f"欄位數前後不一，無法切成表格（{str(error).strip()[-60:]}）")]
        ) from None
    frame.columns = [normalise_heading(column) for column in frame.columns]
    frame.index = pd.RangeIndex(2, len(frame) + 2)
    return frame.loc[:, (frame.columns != "") & ~frame.columns.duplicated()]
