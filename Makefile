# Everything that a fresh clone needs: make demo, make test, make lint.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready

.DEFAULT_GOAL := help
.PHONY: help env demo test lint docs clean

help:
	@echo "make demo   run bn2gn on a copy of the sample repository"
	@echo "make test   every test"
	@echo "make lint   ruff, strict mypy and the direction of imports"
	@echo "make docs   regenerate docs/rules.md from the rules"
	@echo "make clean  remove the environment and caches"

# Built once, and again when a dependency changes. The stamp is written last, so
# that an installation broken off in the middle is taken up by the next run.
$(READY): pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 10))' || \
	  { echo "bn2gn needs Python 3.10 or later; name one: make PYTHON=python3.11" >&2; exit 2; }
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable '.[dev]'
	@touch $@

env: $(READY)

demo: $(READY)
	@PATH="$(CURDIR)/$(BIN):$$PATH" fixtures/demo.sh

test: $(READY)
	@$(BIN)/pytest -n auto --dist loadfile

lint: $(READY)
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports --no-cache --no-logo

docs: $(READY)
	@$(BIN)/python -m bn2gn_codemod.rules docs/rules.md

clean:
	rm -rf $(VENV) .pytest_cache .mypy_cache .ruff_cache .hypothesis build dist
