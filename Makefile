# Everything a person does with this repository. `make` alone prints what there is.

SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help

PYTHON ?= python3
ARGS ?=
VENV := .venv
BIN := $(VENV)/bin
# What is built from a lock alone: no build tool is fetched, no source is compiled.
INSTALL := $(BIN)/python -m pip install -qq --disable-pip-version-check --no-compile \
	--only-binary :all: --require-hashes --no-deps
EDITABLE := $(BIN)/python -m pip install -qq --disable-pip-version-check \
	--no-build-isolation --no-deps --editable .

.PHONY: help
help: ## print the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | \
		awk -F '\t' '{ printf "  make %-8s %s\n", $$1, $$2 }'

.PHONY: run
run: $(VENV)/run.stamp ## start the sandbox; options in ARGS="…" (ARGS=--help lists them)
	@exec $(BIN)/gateway sandbox $(ARGS)

.PHONY: test
test: $(VENV)/dev.stamp ## run all tests in parallel on an embedded PostgreSQL; options in ARGS="…"
	@$(BIN)/pytest -n auto $(ARGS)

.PHONY: check
check: $(VENV)/dev.stamp ## lint, formatting, types, import contracts, house rules
	@$(BIN)/ruff check
	@$(BIN)/ruff format --check
	@$(BIN)/mypy
	@$(BIN)/lint-imports
	@$(BIN)/pytest -q -n auto tests/house

.PHONY: format
format: $(VENV)/dev.stamp ## put the code into the house's form
	@$(BIN)/ruff check --fix
	@$(BIN)/ruff format

.PHONY: bench
bench: $(VENV)/dev.stamp ## run the benchmarks; options in ARGS="…"
	@$(BIN)/python -m benchmarks $(ARGS)

# One resolution for everything; the smaller locks are cut out of the large one.
COMPILE := $(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes \
	--no-emit-index-url --no-emit-find-links --no-strip-markers --custom-compile-command "make lock"

.PHONY: demo
demo: $(VENV)/dev.stamp ## show what the gateway saves, as a table and a picture; options in ARGS="…"
	@$(BIN)/python -m benchmarks.reckless_and_careful $(ARGS)

.PHONY: lock
lock: $(VENV)/dev.stamp ## write the three locks anew; newer versions with ARGS=--upgrade
	@$(COMPILE) pyproject.toml --all-extras --group dev -o tests/requirements.lock \
		$(ARGS)
	@$(COMPILE) pyproject.toml --extra embedded --group build -c tests/requirements.lock \
		--no-annotate -o requirements-embedded.lock
	@$(COMPILE) pyproject.toml -c tests/requirements.lock --no-annotate -o requirements.lock

.PHONY: clean
clean: ## remove the environment, the sandbox and everything built
	rm -rf $(VENV) .sandbox build dist .mypy_cache .ruff_cache .pytest_cache .import_linter_cache \
		.hypothesis .coverage htmlcov
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

$(VENV)/made.stamp:
	@$(PYTHON) -c 'import sys; sys.exit("Python 3.11 or later is needed: make PYTHON=python3.12" \
		if sys.version_info < (3, 11) else 0)'
	@echo "setting up $(VENV), once; this takes about half a minute" >&2
	@$(PYTHON) -m venv $(VENV)
	@touch $@

# The tests' lock holds everything of the smaller one, so that either set-up serves `make run`.
$(VENV)/run.stamp: requirements-embedded.lock pyproject.toml | $(VENV)/made.stamp
	@$(INSTALL) -r requirements-embedded.lock
	@$(EDITABLE)
	@touch $@

$(VENV)/dev.stamp: tests/requirements.lock pyproject.toml | $(VENV)/made.stamp
	@$(INSTALL) -r tests/requirements.lock
	@$(EDITABLE)
	@touch $@ $(VENV)/run.stamp
