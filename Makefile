# Every target sets up what it needs in .venv; the second call finds it there.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
# Processes that the tests run in; each takes about 3 GB.
WORKERS ?= 2
# Of make fuzz: how long, and which damage.
MINUTES ?= 2
SEED ?= 0
export TF_CPP_MIN_LOG_LEVEL ?= 2

.PHONY: demo test coverage lint fuzz docs docs-links bench test-lowest clean

demo: $(VENV)/.run  ## the main job: simulate, train, evaluate, export (about 8 minutes)
	$(BIN)/python -m examples.demo --out runs/demo --overwrite

test: $(VENV)/.dev  ## what CI runs
	$(BIN)/python -m pytest -n $(WORKERS) --dist loadfile $(TESTS)

coverage: $(VENV)/.dev  ## the tests, and which lines they do not run; a third slower
	$(MAKE) test TESTS="--cov=keras_seismic --cov-report=term:skip-covered $(TESTS)"

lint: $(VENV)/.dev  ## format, rules, types, layers
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-logo

fuzz: $(VENV)/.dev  ## damaged files, answers and writers: do the promises of docs/trust.md hold?
	$(BIN)/python -m tests.fuzz --minutes $(MINUTES) --seed $(SEED)

docs: $(VENV)/.docs  ## the documentation in build/docs/html; warnings and broken links are errors
	$(BIN)/sphinx-build -W --keep-going -q -b html docs build/docs/html

docs-links: $(VENV)/.docs  ## links to other sites as well: needs a network, runs no example
	GALLERY=none $(BIN)/sphinx-build -W --keep-going -q -b linkcheck docs build/docs/links

bench: $(VENV)/.benchmark  ## every benchmark, a few minutes each, some up to an hour, accuracy six
	set -e; for program in benchmarks/[!_]*.py; do \
		$(BIN)/python -m benchmarks.$$(basename $$program .py); done

test-lowest: ## the tests on the oldest supported dependencies
	$(PYTHON) -m venv .venv-lowest
	.venv-lowest/bin/pip install --quiet uv
	.venv-lowest/bin/uv pip install --python .venv-lowest/bin/python --quiet \
		--compile-bytecode --resolution lowest-direct -e '.[dev]'
	.venv-lowest/bin/python -m pytest $(TESTS)

clean:  ## remove environments and caches; runs stay
	rm -rf $(VENV) .venv-lowest build docs/gallery docs/reference/generated *.egg-info .pytest_cache .ruff_cache .mypy_cache .import_linter_cache

$(BIN)/python:
	$(PYTHON) -c "import sys; assert sys.version_info >= (3, 11), 'Python 3.11 or newer is needed'"
	$(PYTHON) -m venv $(VENV)

$(VENV)/.run: setup.cfg pyproject.toml | $(BIN)/python
	$(BIN)/pip install --quiet --disable-pip-version-check -e '.[onnx,segy,plot]'
	touch $@

$(VENV)/.dev: setup.cfg pyproject.toml | $(BIN)/python
	$(BIN)/pip install --quiet --disable-pip-version-check -e '.[dev]'
	touch $@

$(VENV)/.docs: setup.cfg pyproject.toml | $(BIN)/python
	$(BIN)/pip install --quiet --disable-pip-version-check -e '.[docs]'
	touch $@

$(VENV)/.benchmark: setup.cfg pyproject.toml | $(BIN)/python
	$(BIN)/pip install --quiet --disable-pip-version-check -e '.[dev,benchmark]'
	touch $@
