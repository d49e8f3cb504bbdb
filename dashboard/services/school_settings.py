"""The school's settings: what there is, what is in force, and changing them with a line in the log for each."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from datetime import datetime

from dashboard.services.store import Store
from data.audit import append
from data.db import raise_data_version, reading, writing
from data.instants import TAIPEI
from data.schema import SchoolSettings
from data.school import CHOICES, LIMITS, LONGEST, read_settings, write_setting

__all__ = ["LONGEST", "SettingView", "change_settings", "list_settings"]


@dataclass(frozen=True, slots=True)
class SettingView:
    """A setting as it is written: value and default as text, "" for a cap that is not set. limits: of a number; choices: of a word."""

    key: str
    value: str
    default: str
    limits: tuple[int, int] | None
    is_yes_or_no: bool
    choices: tuple[str, ...] = ()


def list_settings(store: Store) -> list[SettingView]:
    """Return every setting of the school in its order, with what is in force."""
    with reading(store.engine) as connection:
        now = read_settings(connection)
    return [
        SettingView(
            each.name, _written(getattr(now, each.name)), _written(each.default), LIMITS.get(each.name), isinstance(each.default, bool),
            CHOICES.get(each.name, ()),
        )
        for each in fields(SchoolSettings)
    ]  # fmt: skip


def change_settings(store: Store, values: Mapping[str, str], *, by: str) -> list[tuple[str, str, str]]:
    """Set settings, all or none; return key, old and new value of those that are others now.

    Raises ValueError for an unknown key or a bad value. Where nothing changes, no log and no cache hears of it.
    """
    with writing(store.engine) as connection:
        before = {each.name: _written(getattr(read_settings(connection), each.name)) for each in fields(SchoolSettings)}
        changed = []
        for key, value in values.items():
            write_setting(connection, key, value)
            if value != before[key]:
                changed.append((key, before[key], value))
        if not changed:
            return []
        raise_data_version(connection)
        for key, old, new in changed:
            detail = {"before": old, "after": new}
            append(
                connection, at=datetime.now(TAIPEI), actor=by, action="setting", about=f"setting:{key}", detail=detail
            )
    return changed


def _written(value: object) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return "" if value is None else str(value)
