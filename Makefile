# Two commands for a newcomer: `make quickstart` and `make test`. `make check` is what CI adds.
PYTHON ?= $(shell command -v python3.11 || command -v python3)
VENV ?= .venv
BIN := $(VENV)/bin
INSTALL := $(BIN)/python -m pip install --quiet --constraint constraints.txt

.PHONY: quickstart test gate check benchmark clean

quickstart: $(VENV)/installed  ## score 200 networks and print the table; no data needed
	$(BIN)/untrained run nasbench201-quick --output quickstart

test: $(VENV)/developed  ## the whole test suite, one process of one thread a core
	env -u PYTHONDONTWRITEBYTECODE OMP_NUM_THREADS=1 $(BIN)/python -m pytest --numprocesses auto --maxprocesses 8 --dist worksteal

gate: $(VENV)/installed  ## golden scores, scores and correlations against the committed baseline
	$(BIN)/untrained check golden
	$(BIN)/untrained check nasbench201-gate

check: $(VENV)/developed  ## lint, types, layers, a smoke test of the built wheel, the site
	$(BIN)/tox run

benchmark: $(VENV)/developed  ## measured ratios to reference procedures
	$(BIN)/python -m pytest tests/benchmarks --benchmark-only

$(VENV)/python: pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade 'pip>=25.1'
	touch $@

# torch is named first and pinned, so that no other requirement pulls in another build of it
$(VENV)/installed: $(VENV)/python
	$(INSTALL) torch
	$(INSTALL) --editable .
	touch $@

$(VENV)/developed: $(VENV)/installed
	$(INSTALL) --group dev
	touch $@

clean:
	rm -rf $(VENV) build dist quickstart .tox .mypy_cache .ruff_cache .pytest_cache .hypothesis
