"""HTML attributes that Python cannot spell as keywords: aria-…, data-…, and those that are left out when empty."""

from typing import Any


def aria(**names: str) -> dict[str, Any]:
    """Write aria attributes: aria(labelledby="x") is {"aria-labelledby": "x"}; empty ones are left out."""
    return {f"aria-{name}": value for name, value in names.items() if value}


def data(**names: str) -> dict[str, Any]:
    """Write data attributes: data(nav_toggle="") is {"data-nav-toggle": ""}; an empty one is a mark and stays."""
    return {f"data-{name.replace('_', '-')}": value for name, value in names.items()}


def given(**names: Any) -> dict[str, Any]:
    """Leave out what is empty: Dash takes id="" for an id."""
    return {name: value for name, value in names.items() if value not in ("", None)}
