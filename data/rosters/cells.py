"""Columns of text to typed columns: instants, dates, numbers; each says which cells it could not read."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from data.instants import DAY_US, TAIPEI_OFFSET_US

Bools = npt.NDArray[np.bool_]
Ints = npt.NDArray[np.int64]
LARGEST = 2**31 - 1  # what both databases can hold
NO_INSTANT = -(2**63)  # an empty cell
_INSTANT = (
    r"^(?P<y>[0-9]{2,4})[/.\-年](?P<m>[0-9]{1,2})[/.\-月](?P<d>[0-9]{1,2})日?"
    r"(?:[ T]*(?P<half>上午|下午|AM|PM|am|pm)?[ ]*(?P<H>[0-9]{1,2}):(?P<M>[0-9]{2})(?::(?P<S>[0-9]{2})(?:\.[0-9]+)?)?"
    r"(?: ?(?P<half2>AM|PM|am|pm))?)?$"
)
_SERIAL = r"^[0-9]{5}(?:\.[0-9]+)?$"
_FIRST_SERIAL, _LAST_SERIAL = 20_000, 80_000  # 1954 to 2119: what is beyond is another number
_SERIAL_TO_UNIX = 25_569  # days from a spreadsheet's day 0, 1899-12-30, to 1970-01-01
_WIDE_SIGNS = str.maketrans("／－．：", "/-.:")
_MONTH_DAYS = np.array([0, 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31])
_DIGITS = {"一": 1, "二": 2, "三": 3, "ㄧ": 1, "四": 4}


def parse_instants(column: pd.Series[str]) -> tuple[Ints, Ints, Bools]:
    """Read AD or ROC dates with or without a time, 24 h or 上午/下午, and dates that a spreadsheet left as a number.

    Such a serial number counts days from 1899-12-30: whole it is a day, with a fraction a second, to which it is rounded.
    Returns microseconds UTC (NO_INSTANT where empty), the length in microseconds of the unit the cell names (a day, a
    minute or a second), and which cells could not be read. ROC years are converted before the day is checked.
    """
    text = pa.array(column.to_numpy(), type=pa.string())
    if pc.any(pc.match_substring_regex(text, "[／－．：]")).as_py():
        text = pa.array([cell.translate(_WIDE_SIGNS) for cell in text.to_pylist()], type=pa.string())
    parts = pc.extract_regex(text, _INSTANT)
    matched = np.asarray(parts.is_valid())
    empty = (column == "").to_numpy()

    def number(name: str, default: int) -> Ints:
        field = pc.struct_field(parts, name)
        field = pc.if_else(pc.equal(pc.coalesce(field, pa.scalar("")), ""), str(default), field)
        return np.asarray(pc.fill_null(field, str(default)).cast(pa.int64()))

    def says(name: str, words: list[str]) -> Bools:
        return np.asarray(pc.fill_null(pc.is_in(pc.struct_field(parts, name), pa.array(words)), fill_value=False))

    year, month, day = number("y", 1), number("m", 1), number("d", 1)
    year = np.where(year < 1000, year + 1911, year)
    hour, minute, second = number("H", -1), number("M", -1), number("S", -1)
    morning = says("half", ["上午", "AM", "am"]) | says("half2", ["AM", "am"])
    afternoon = says("half", ["下午", "PM", "pm"]) | says("half2", ["PM", "pm"])
    hour = np.where(morning & (hour == 12), 0, hour)
    hour = np.where(afternoon & (hour >= 1) & (hour < 12), hour + 12, hour)
    leap = ((year % 4 == 0) & (year % 100 != 0)) | (year % 400 == 0)
    month_ok = (month >= 1) & (month <= 12)
    month_days = _MONTH_DAYS[np.where(month_ok, month, 1)] + (leap & (month == 2))
    good = matched & month_ok & (day >= 1) & (day <= month_days) & (year >= 1912) & (year < 2200)
    good &= (hour < 24) & (minute < 60) & (second < 60)
    months = (np.where(good, year, 1970) - 1970) * 12 + np.where(good, month, 1) - 1
    days = months.astype("datetime64[M]").astype("datetime64[D]").astype(np.int64) + np.where(good, day, 1) - 1
    clock = np.maximum(hour, 0) * 3600 + np.maximum(minute, 0) * 60 + np.maximum(second, 0)
    instants = days * DAY_US + clock * 1_000_000 - TAIPEI_OFFSET_US
    unit = np.where(hour < 0, DAY_US, np.where(second < 0, 60_000_000, 1_000_000))
    instants = np.where(good, instants, NO_INSTANT)
    if not (good | empty).all():
        good = good | _read_serials(text, instants, unit)
    return instants, unit, ~good & ~empty


def _read_serials(text: pa.Array, instants: Ints, unit: Ints) -> Bools:
    """Put the serial numbers among the cells into instants and unit, and return which cells were such."""
    number = pc.if_else(pc.match_substring_regex(text, _SERIAL), text, "0").cast(pa.float64())
    serial = np.asarray(number)
    is_serial = (serial >= _FIRST_SERIAL) & (serial <= _LAST_SERIAL)
    seconds = np.rint((serial - _SERIAL_TO_UNIX) * 86_400).astype(np.int64)
    instants[is_serial] = seconds[is_serial] * 1_000_000 - TAIPEI_OFFSET_US
    unit[is_serial] = np.where(serial == np.floor(serial), DAY_US, 1_000_000)[is_serial]
    return np.asarray(is_serial, dtype=np.bool_)


def map_unique(column: pd.Series[str], read: Callable[[str], Any]) -> tuple[pd.Series[Any], Bools]:
    """Apply a reader to each distinct cell once; it raises ValueError for a cell it cannot read."""
    values: dict[str, Any] = {}
    bad: set[str] = set()
    for text in column.unique():
        try:
            values[text] = read(text)
        except ValueError:
            bad.add(text)
            values[text] = None
    return column.map(values), column.isin(list(bad)).to_numpy()


def read_int(text: str) -> int:
    """Read a whole number; a workbook may have written 3 as 3.0."""
    text = text.removesuffix(".0")
    if not (text.isascii() and text.isdigit()) or int(text) > LARGEST:
        raise ValueError(text)
    return int(text)


def read_year(text: str) -> int:
    """Read a school year in ROC years: 113, or AD 2024."""
    year = read_int(text.removesuffix("學年度").removesuffix("學年"))
    year = year - 1911 if year > 1911 else year
    if not 90 <= year <= 200:
        raise ValueError(text)
    return year


def read_semester(text: str) -> int:
    """Read 1, 2, or 0 for the whole year."""
    for word, number in {"上": 1, "下": 2, "全": 0, "一": 1, "二": 2}.items():
        if text in {word, f"{word}學期", f"第{word}學期"}:
            return number
    semester = read_int(text)
    if semester not in {0, 1, 2}:
        raise ValueError(text)
    return semester


def read_grade(text: str) -> int:
    """Read 1, 一, 一年級, 高一; 0 stands for all grades."""
    text = text.removesuffix("年級").removeprefix("高")
    grade = _DIGITS[text] if text in _DIGITS else 0 if text in {"全部", "全"} else read_int(text)
    if not 0 <= grade <= 4:
        raise ValueError(text)
    return grade
