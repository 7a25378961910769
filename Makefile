# Everything that a developer or CI runs. A fresh machine needs python3 (3.11 or later, with venv
# and pip), make and git; `make test-real` also uses what .ci/run installs.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
# Two workers: more only wait for each other on the machines that CI gives.
WORKERS ?= 2

.PHONY: help demo test test-real bench docs check lint types coverage lock clients real-clients real-parts clean

help:
	@echo "make demo       set up, and tell the whole story in the sandbox"
	@echo "make test       set up, and run the tests"
	@echo "make test-real  the tests that need more than Python packages, and the other Pythons"
	@echo "make check      lint, types, and the coverage of the last make test"
	@echo "make docs       draw the picture of the demo, build the site"
	@echo "make bench      what a stored credential costs, as ratios"
	@echo "make clean      remove all that was made"

$(VENV)/.run: pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit("gatepass needs Python 3.11 or later, this is " + sys.version.split()[0] + ": set PYTHON=") if sys.version_info < (3, 11) else None'
	@echo "setting up $(VENV) ..."
	@$(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install --quiet --upgrade "pip>=25.1"
	@$(BIN)/python -m pip install --quiet --editable .
	@touch $@

$(VENV)/.test: $(VENV)/.run
	@$(BIN)/python -m pip install --quiet --group test --group lint
	@touch $@

$(VENV)/.real: $(VENV)/.test
	@$(BIN)/python -m pip install --quiet --group real --group docs
	@touch $@

demo: $(VENV)/.run
	@$(BIN)/gatepass demo

clients: $(VENV)/.test
	@$(BIN)/python tests/clients/provision.py
	@$(BIN)/python tests/delivery/wheelhouse.py
	@$(BIN)/python tests/delivery/locked.py

# Environments that only the tests marked `real` need.
real-clients: clients
	@$(BIN)/python tests/clients/provision.py --real

test: $(VENV)/.test clients
	@rm -f .coverage .coverage.*
	@$(BIN)/coverage run -m pytest -n $(WORKERS) -m "not real"

# Node.js, an OpenID provider and what drives a browser, for the tests marked `real`.
real-parts: $(VENV)/.real
	@$(BIN)/python tests/provider/provision.py
	@$(BIN)/python tests/delivery/actionlint/provision.py
	@$(BIN)/python tests/delivery/gitlab/provision.py
	@$(BIN)/python tests/delivery/base.py

test-real: $(VENV)/.test real-clients real-parts
	@$(BIN)/python tests/real.py

# What the action, the template and the container install: the newest versions, with their hashes.
lock: $(VENV)/.test
	@$(BIN)/python tests/clients/provision.py uv
	@$(BIN)/python actions/lock.py

$(VENV)/.docs: $(VENV)/.run
	@$(BIN)/python -m pip install --quiet --group docs
	@touch $@

docs: $(VENV)/.docs
	@$(BIN)/python tools/picture.py
	@NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict

bench: $(VENV)/.run
	@$(BIN)/python bench/warm.py

check: lint types coverage

lint: $(VENV)/.test
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .

types: $(VENV)/.test
	@$(BIN)/mypy

# Measures what `make test` ran, and runs it where it hasn't.
coverage: $(VENV)/.test
	@ls .coverage.* >/dev/null 2>&1 || test -f .coverage || $(MAKE) --no-print-directory test
	@ls .coverage.* >/dev/null 2>&1 && $(BIN)/coverage combine --quiet || true
	@$(BIN)/coverage report

clean:
	@rm -rf $(VENV) .tools build dist site .coverage .coverage.* htmlcov .pytest_cache .mypy_cache .ruff_cache .hypothesis
