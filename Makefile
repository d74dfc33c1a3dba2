# Everything from a fresh clone, with Python 3.11 or newer and make alone.

BIN := .venv/bin
FAST := not slow and not browser
# A test process that ends in the middle ends the run: another in its place may wait for ever.
PARALLEL := -n 2 --dist loadscope --max-worker-restart 0
PYTHON ?= $(shell for name in python3 python3.14 python3.13 python3.12 python3.11; do \
	$$name -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null \
	&& echo $$name && break; done)
export PIP_DISABLE_PIP_VERSION_CHECK := 1

.NOTPARALLEL:
.PHONY: help run test test-fast test-rest test-elsewhere bench bench-quick lint format lock install clean

help: ## Say what there is
	@sed -n 's/^\([a-z-]*\):.*## /  make \1\t/p' Makefile | expand -t 20

run: install ## Start everything here and say where to look; Ctrl-C stops it (ARGS="--no-demo --port 8001")
	@exec $(BIN)/fpmail up $(ARGS)

test: test-fast test-rest ## Run every test: the fast ones first, stopping at the first red one

test-fast: install
	@$(BIN)/python -m tests.tools
	$(BIN)/python -m pytest -q -x $(PARALLEL) -m "$(FAST)"

test-rest: install
	$(BIN)/python -m pytest -q -n 2 --dist load --max-worker-restart 0 -m browser
	$(BIN)/python -m pytest -q -m "slow and not browser"

test-elsewhere: install ## Run journeys and promises on Debian's PostgreSQL, Redis and RabbitMQ
	@tests/elsewhere.sh $(BIN)/python

bench: install ## Measure everything beside other programs, within an hour; draws docs/performance.md anew
	@$(BIN)/python -m bench --save

bench-quick: install ## The same in small, in five minutes; standard output is JSON alone
	@$(BIN)/python -m bench --quick --json

lint: install ## Check style, types and who may import whom
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/lint-imports

format: install ## Let ruff put the style right
	$(BIN)/ruff check --fix
	$(BIN)/ruff format

lock: install ## Pin every package by hash (ARGS=--upgrade for newer versions)
	CUSTOM_COMPILE_COMMAND="make lock" $(BIN)/pip-compile --quiet $(ARGS) --generate-hashes \
		--extra development --allow-unsafe --strip-extras --no-emit-index-url \
		--no-emit-find-links --no-emit-trusted-host --no-emit-options \
		--output-file requirements.lock pyproject.toml

install: .venv/installed ## Make the environment, once

.venv/installed: requirements.lock pyproject.toml
	@test -n "$(PYTHON)" || { echo "no Python 3.11 or newer found; name one: make PYTHON=/path/to/python3" >&2; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || { echo "$(PYTHON) cannot make environments; install what is missing: sudo apt-get install python3-venv" >&2; exit 1; }
	@echo "Making the environment in .venv; this takes a minute, once." >&2
	@$(PYTHON) -m venv .venv >&2
	@$(BIN)/python -m pip install --quiet --require-hashes -r requirements.lock >&2
	@PYTHONWARNINGS=ignore $(BIN)/python -m pip install --quiet --no-deps --no-build-isolation -e . >&2
	@touch $@

clean: ## Remove what the tools wrote; the data in .data stays
	rm -rf .venv .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis *.egg-info
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
