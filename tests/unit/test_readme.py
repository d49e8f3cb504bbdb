"""README says what the code has, no more and no less."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from dashboard.access.roles import Role
from dashboard.cli import app as command_line
from dashboard.settings import Settings
from data.metrics import all_metrics
from data.rosters.kinds import all_kinds

ROOT = Path(__file__).resolve().parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")


def listed(heading: str) -> set[str]:
    section = README.split(f"## {heading}", 1)[1].split("\n## ", 1)[0]
    return set(re.findall(r"^\| `([^`]+)` \|", section, re.MULTILINE))


def test_every_metric_is_listed_with_its_columns():
    assert listed("報表") == set(all_metrics())
    for metric in all_metrics().values():
        assert ",".join(metric.columns) in README


def test_every_roster_kind_is_listed_by_its_title():
    assert listed("名冊") == {kind.key for kind in all_kinds()}
    assert all(kind.title in README for kind in all_kinds())


def test_every_command_is_listed():
    names = {c.name or c.callback.__name__ for c in command_line.registered_commands} | {
        group.name for group in command_line.registered_groups
    }
    assert listed("命令列") == {f"licheng {name}" for name in names}


def test_every_page_is_listed_with_its_address():
    pages = [
        path
        for path in (ROOT / "dashboard" / "pages").glob("*.py")
        if path.name not in ("__init__.py", "not_found_404.py")
    ]
    addresses = {
        re.search(r'path(?:_template)?="([^"]+)"', path.read_text(encoding="utf-8")).group(1) for path in pages
    }
    assert listed("網頁") == addresses


def test_every_environment_variable_is_in_a_table_of_the_operations_page():
    page = (ROOT / "docs" / "operations.md").read_text(encoding="utf-8")
    rows = "\n".join(line.split(" | ")[0] for line in page.splitlines() if line.startswith("| `LICHENG_"))
    known = {f"LICHENG_{name.upper()}" for name in Settings.model_fields}
    assert set(re.findall(r"LICHENG_[A-Z_]+", rows)) == known
    assert set(re.findall(r"LICHENG_[A-Z_]+", page + README)) <= known


@pytest.mark.parametrize("role", list(Role))
def test_every_role_is_named(role):
    assert f"`{role.value}`" in README


def test_every_recipe_named_exists():
    recipes = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    assert set(re.findall(r"make ([a-z]+)", README)) <= recipes


def test_every_dependency_has_a_reason():
    lines = (ROOT / "pyproject.toml").read_text(encoding="utf-8").splitlines()
    bare = [line for line in lines if re.match(r'^  "[a-z][\w\[\]-]+>=', line) and "#" not in line]
    assert bare == []


def test_lock_files_hold_hashes_and_no_addresses():
    for name in ("requirements.lock", "requirements-dev.lock"):
        text = (ROOT / name).read_text(encoding="utf-8")
        assert "--hash=sha256:" in text
        assert "://" not in text


def test_a_second_factor_has_one_name():
    texts = [ROOT / "README.md", ROOT / "CHANGELOG.md", *(ROOT / "docs").rglob("*.md"), *(ROOT / "dashboard").rglob("*.html")]  # fmt: skip
    texts += (ROOT / "dashboard").rglob("*.py")
    others = re.compile("兩步驟驗證|兩階段驗證|二階段驗證|雙因素|雙重驗證")
    assert [path.name for path in texts if others.search(path.read_text(encoding="utf-8"))] == []
