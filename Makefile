# Everything from a fresh clone, with Python 3.11 or newer and make alone.

BIN := .venv/bin
# Without it nothing else is worth its while, so it is asked first.
GATE := tests/delivery/test_the_gate.py
FAST := not slow and not browser
# A test process that ends in the middle ends the run: another in its place may wait for ever.
PARALLEL := -n 2 --dist loadscope --max-worker-restart 0
PYTHON ?= $(shell for name in python3 python3.14 python3.13 python3.12 python3.11; do \
	$$name -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null \
	&& echo $$name && break; done)
MINUTES ?= 120
export PIP_DISABLE_PIP_VERSION_CHECK := 1

.NOTPARALLEL:
.PHONY: help run test test-fast test-rest test-elsewhere promises promises-long mutants model bench bench-quick lint format lock install clean

help: ## Say what there is
	@sed -n 's/^\([a-z-]*\):.*## /  make \1\t/p' Makefile | expand -t 20

run: install ## Start everything here and say where to look; Ctrl-C stops it (ARGS="--no-demo --port 8001")
	@exec $(BIN)/fpmail up $(ARGS)

test: test-fast test-rest ## Run every test: the fast ones first, stopping at the first red one

test-fast: install
	@$(BIN)/python -m tests.tools
	$(BIN)/python -m pytest -q -x $(GATE)
	$(BIN)/python -m pytest -q -x $(PARALLEL) -m "$(FAST)"

# A third beside the two cores' own: the slow ones wait more than they work. The longest come first, or
# the last of them would run alone.
test-rest: install
	$(BIN)/python -m pytest -q $(PARALLEL) -n 3 --no-loadscope-reorder -m "slow or browser"

test-elsewhere: install ## Run journeys and promises on Debian's PostgreSQL, Redis and RabbitMQ
	@tests/elsewhere.sh $(BIN)/python

promises: install ## Attack everything from a seed, in two to five minutes, and say whether it kept its word (ARGS="--seed 7")
	@$(BIN)/python -m tests.promises $(ARGS)

promises-long: install ## The same for MINUTES=120 by hand; adds its sums to docs/promises.md
	@$(BIN)/python -m tests.promises --report --minutes $(MINUTES) $(ARGS)

mutants: install ## Weaken the promise in each of its details; a named test must turn red (ARGS="M01 M17")
	$(BIN)/python -m tests.mutants $(ARGS)

model: install ## Let spin go through the model of the protocol, all of it (docs/model)
	@$(BIN)/python -m tests.promises.model

bench: install ## Measure everything beside other programs, in about an hour; draws docs/performance.md anew
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
	@echo "Making the environment in .venv; this takes a minute or a few, once." >&2
	@$(PYTHON) -m venv .venv >&2
	@$(BIN)/python -m pip install --quiet --require-hashes -r requirements.lock >&2
	@PYTHONWARNINGS=ignore $(BIN)/python -m pip install --quiet --no-deps --no-build-isolation -e . >&2
	@touch $@

clean: ## Remove what the tools wrote; the data in .data stays
	rm -rf .venv .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis *.egg-info
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
