"""How numbers are written: percentages floored, 「—」 where nothing is expected, thousands separated, n/N always."""

import math
from typing import Final

import pandas as pd

from dashboard.components.words import aside

NOTHING: Final = "—"


def _missing(value: object) -> bool:
    return value is None or bool(pd.isna(value))


def count(value: float | None) -> str:
    """Write a whole number: 2660 is 「2,660」, nothing known is 「—」."""
    return NOTHING if value is None or _missing(value) else f"{int(value):,}"


def percent(numerator: int | None, denominator: int | None, *, decimals: int = 0) -> str:
    """Write numerator / denominator as a percentage, floored: 358/359 is 99 % or 99.7 %, never 100 %.

    Tiles take no decimals, tables one. Nothing expected (0) or nothing known is 「—」, never 0 % and never 100 %.
    """
    if numerator is None or denominator is None or _missing(numerator) or _missing(denominator) or denominator == 0:
        return NOTHING
    scale: int = 10**decimals
    whole, rest = divmod(int(numerator) * 100 * scale // int(denominator), scale)
    return f"{whole}.{rest:0{decimals}d}%" if decimals else f"{whole}%"


def percent_of_rate(rate: float | None, *, decimals: int = 0) -> str:
    """Write a fraction between 0 and 1 as a floored percentage; NA is 「—」.

    Prefer `percent` where the counts are at hand. The 1e-9 takes back what binary fractions lose (0.57 * 100 is 56.999…).
    """
    if rate is None or _missing(rate):
        return NOTHING
    scale: int = 10**decimals
    return f"{math.floor(rate * 100 * scale + 1e-9) / scale:.{decimals}f}%"


def fraction(numerator: int | None, denominator: int | None) -> str:
    """Write n/N with thousands separated: 「1,980/2,660」; 「—」 for a part that is not known."""
    return f"{count(numerator)}/{count(denominator)}"


def share_of(numerator: int, denominator: int) -> str:
    """Write n/N with its percentage behind it: 「33/38（86%）」."""
    return fraction(numerator, denominator) + aside(percent(numerator, denominator))


def days(value: float | None, *, decimals: int = 0) -> str:
    """Write a number of days without its unit, rounded half up; NA is 「—」."""
    if value is None or _missing(value):
        return NOTHING
    return f"{math.floor(value * 10**decimals + 0.5) / 10**decimals:,.{decimals}f}"
