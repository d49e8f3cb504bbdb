"""HTML attributes that Python cannot spell as keywords: aria-…, data-…, and those that are left out when empty."""

from typing import Any


def aria(**names: str) -> dict[str, Any]:
    """Write aria attributes, empty ones left out: `labelledby="x"` becomes {"aria-labelledby": "x"}."""
    return {f"aria-{name}": value for name, value in names.items() if value}


def data(**names: str) -> dict[str, Any]:
    """Write data attributes, empty ones kept as marks: `nav_toggle=""` becomes {"data-nav-toggle": ""}."""
    return {f"data-{name.replace('_', '-')}": value for name, value in names.items()}


def given(**names: Any) -> dict[str, Any]:
    """Leave out what is empty: Dash takes id="" for an id."""
    return {name: value for name, value in names.items() if value not in ("", None)}
