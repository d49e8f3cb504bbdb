# The recipes that people and CI call. A fresh machine needs Python 3.11, make and, for the tests, apt or a Chromium.
PYTHON ?= python3.11
VENV := .venv
BIN := $(VENV)/bin
PORT ?= 8050

.PHONY: run test lint bench thorough fuzz crash load screenshots lock clean

run: $(VENV)/run.stamp
	@test -f instance/licheng.sqlite || $(BIN)/licheng demo
	$(BIN)/licheng serve --port $(PORT)

test: $(VENV)/dev.stamp browser lint
	$(BIN)/python -m pytest -n auto --maxprocesses 4 --dist worksteal

# Everything, the tests that take long among it, with new and more examples for each property; an hour.
thorough: $(VENV)/dev.stamp browser
	$(BIN)/python -m pytest -n auto --maxprocesses 4 --dist worksteal -m "thorough or not thorough" --hypothesis-profile=thorough

lint: $(VENV)/dev.stamp
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

bench: $(VENV)/dev.stamp
	$(BIN)/python -m tests.bench

# Ten thousand mutated files, or as many as a minute takes.
fuzz: $(VENV)/dev.stamp
	$(BIN)/python -m tests.fuzz --files 10000 --seconds 60

# Imports killed at random moments, on both databases.
crash: $(VENV)/dev.stamp
	$(BIN)/python -m tests.crash --kills 200 --database sqlite
	$(BIN)/python -m tests.crash --kills 200 --database postgresql

# Fifty people of all roles on two workers for two minutes, each answer searched for what is not theirs.
load: $(VENV)/dev.stamp
	$(BIN)/python -m tests.load --users 50 --seconds 120

screenshots: $(VENV)/dev.stamp browser
	$(BIN)/python -m tests.browser.screenshots docs/screenshots

# Chromium and a Chinese font for the browser stories; nothing happens where a Chromium is there already.
.PHONY: browser
browser:
	@command -v chromium >/dev/null || command -v google-chrome >/dev/null || test -n "$$LICHENG_CHROMIUM" || \
	  { apt-get update -qq && apt-get install -y -qq --no-install-recommends chromium fonts-noto-cjk >/dev/null; }

# The lock files hold hashes and no addresses.
lock: $(VENV)/dev.stamp
	$(BIN)/pip install -q uv
	$(BIN)/uv pip compile -q pyproject.toml --universal --python-version 3.11 --generate-hashes --no-header --no-annotate -o requirements.lock
	$(BIN)/uv pip compile -q pyproject.toml --group dev --universal --python-version 3.11 --generate-hashes --no-header --no-annotate -o requirements-dev.lock

$(VENV)/run.stamp: requirements.lock pyproject.toml
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install -q --disable-pip-version-check --require-hashes -r requirements.lock
	$(BIN)/python -m pip install -q --disable-pip-version-check --no-deps -e .
	touch $@

$(VENV)/dev.stamp: requirements-dev.lock $(VENV)/run.stamp
	$(BIN)/python -m pip install -q --disable-pip-version-check --require-hashes -r requirements-dev.lock
	touch $@

clean:
	rm -rf $(VENV) build dist .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache
