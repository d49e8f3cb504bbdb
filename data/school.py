"""The school's own settings: caps, response days, identity; defaults where the school has said nothing."""

from __future__ import annotations

from dataclasses import fields

from sqlalchemy import Connection, delete, insert, select

from data.models import Setting
from data.schema import SchoolSettings

FEWEST = 5  # a smaller group is somebody

MOST_YEARS = 10
# What a value may be: the least and the most of a number, how long a text. A slip of the pen must not look like a rule.
LIMITS = {
    "minimum_response_days": (0, 60), "upload_outcome_cap": (1, 999), "upload_performance_cap": (1, 999), "select_outcome_cap": (1, 999),
    "select_performance_cap": (1, 999), "suppression_size": (FEWEST, 100), "audit_retention_years": (1, MOST_YEARS),
    "objection_days": (1, 30),
}  # fmt: skip
LONGEST = 60
CHOICES = {"second_factor": ("off", "offered", "required"), "password_rules": ("standard", "public_school")}
_YES_OR_NO = {"yes": True, "no": False}


def read_settings(connection: Connection) -> SchoolSettings:
    """Return the settings in force."""
    stored = {row.key: row.value for row in connection.execute(select(Setting))}
    values: dict[str, str | int | bool | None] = {}
    for field in fields(SchoolSettings):
        if field.name in stored:
            values[field.name] = _typed(field.name, stored[field.name])
    return SchoolSettings(**values)  # type: ignore[arg-type]


def write_setting(connection: Connection, key: str, value: str) -> None:
    """Set one setting. Raises ValueError for an unknown key or a value that is no whole number where one is due."""
    if key not in {field.name for field in fields(SchoolSettings)}:
        known = "、".join(field.name for field in fields(SchoolSettings))
        raise ValueError(f"沒有「{key}」這項設定；可用的設定：{known}")
    _check(key, value)
    connection.execute(delete(Setting).where(Setting.key == key))
    connection.execute(insert(Setting).values(key=key, value=value))


def _check(key: str, value: str) -> None:
    number = _typed(key, value)
    if isinstance(number, str) and (len(value) > LONGEST or not value.isprintable()):
        raise ValueError(f"設定「{key}」最多 {LONGEST} 個字，而且要寫在同一行")
    if key in CHOICES and value not in CHOICES[key]:
        raise ValueError(f"設定「{key}」的值「{value}」請寫 {'、'.join(CHOICES[key])} 其中之一")
    low, high = LIMITS.get(key, (0, 0))
    if key in LIMITS and number is not None and (len(value) > 9 or not low <= int(value) <= high):
        raise ValueError(f"設定「{key}」請填 {low} 至 {high}")


def _typed(key: str, value: str) -> str | int | bool | None:
    if key == "keep_originals":
        if value not in _YES_OR_NO:
            raise ValueError(f"設定「{key}」的值「{value}」請寫 yes 或 no")
        return _YES_OR_NO[value]
    if not key.endswith(("_cap", "_days", "_size", "_years")):
        return value
    if value == "" and key.endswith("_cap"):
        return None
    if not (value.isascii() and value.isdigit()):
        raise ValueError(f"設定「{key}」的值「{value}」不是整數")
    if key == "audit_retention_years" and not 1 <= int(value) <= MOST_YEARS:
        raise ValueError(f"設定「{key}」請填 1 至 {MOST_YEARS} 年")
    if key == "suppression_size" and int(value) < FEWEST:
        raise ValueError(f"設定「{key}」不能小於 {FEWEST}")
    return int(value)
