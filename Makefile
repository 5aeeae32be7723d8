# make run    set everything up and run the main experiment
# make test   set everything up and run linter, type check and tests
# make docs   set everything up and build the documentation: docs/build/index.html
# make benchmark   set everything up and measure speed and memory beside peers

.PHONY: run test docs benchmark clean

VENV := .venv
CANDIDATES := python3.13 python3.12 python3 python
NEW_ENOUGH = $(shell $(1) -c 'import sys; sys.exit(sys.version_info < (3, 12))' 2>/dev/null && command -v $(1))
PYTHON ?= $(firstword $(foreach name,$(CANDIDATES),$(call NEW_ENOUGH,$(name))))
PIP := $(VENV)/bin/python -m pip --quiet --disable-pip-version-check

run: $(VENV)/installed
	$(VENV)/bin/popsim run experiments/heart_failure_discharge.toml

test: $(VENV)/installed-test
	$(VENV)/bin/ruff check .
	$(VENV)/bin/ruff format --check .
	$(VENV)/bin/mypy
	$(VENV)/bin/pytest -n 2 --dist loadfile

docs: $(VENV)/installed-docs
	$(VENV)/bin/sphinx-build -W -n --keep-going --quiet docs docs/build

benchmark: $(VENV)/installed-benchmark
	$(VENV)/bin/python -m benchmarks

$(VENV)/bin/python:
	@test -n "$(PYTHON)" || { echo "popsim needs Python 3.12 or newer: install it, or name it as in 'make PYTHON=/path/to/python3.12 run'"; exit 1; }
	"$(PYTHON)" -m venv $(VENV)

$(VENV)/installed: pyproject.toml | $(VENV)/bin/python
	$(PIP) install --editable .
	@touch $@

$(VENV)/installed-test: pyproject.toml | $(VENV)/bin/python
	$(PIP) install --editable '.[test]'
	@touch $@ $(VENV)/installed

$(VENV)/installed-docs: pyproject.toml | $(VENV)/bin/python
	$(PIP) install --editable '.[docs]'
	@touch $@ $(VENV)/installed

$(VENV)/installed-benchmark: pyproject.toml | $(VENV)/bin/python
	$(PIP) install --editable '.[benchmark]'
	@touch $@ $(VENV)/installed

clean:
	rm -rf $(VENV)
