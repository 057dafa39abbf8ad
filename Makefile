# Needs Python 3.11, make and git; everything else is fetched into .tools and .venv.

PYTHON ?= python3
BIN := .venv/bin
# Its own, because a make setup meanwhile would take mutmut out of the other one.
MUTATION := build/mutation-env
# Arguments for the command behind a target: make test ARGS="-k config"
ARGS ?=
# Compiled once, and not by each of the hundreds of processes that the tests start; some systems are set not to keep it.
unexport PYTHONDONTWRITEBYTECODE
export PYTHONPYCACHEPREFIX := $(CURDIR)/.tools/compiled
# How many make import creates.
USERS ?= 1000000
# make test COVERAGE=1 measures; make check always does.
COVERAGE ?=
# How many processes share the test suite; 0 is none but pytest itself, for a debugger.
WORKERS ?= 3

.DEFAULT_GOAL := help
.PHONY: help setup run test check bench import chaos soak fuzz mutate fmt docs screenshots static servers wheel clean

help: ## Show what there is
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-11s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

setup: ## Make the environment in .venv, exactly as uv.lock says
	@uv="$$($(PYTHON) deploy/bootstrap.py)" && UV_PROJECT_ENVIRONMENT=.venv "$$uv" sync --locked --all-extras --quiet

run: setup ## Watch leavers lose access in two sample targets (Ctrl-C ends it)
	@$(BIN)/scimbridge demo $(ARGS)

test: setup servers ## Run the test suite
	@$(BIN)/python -m pytest --numprocesses $(WORKERS) --dist loadfile --no-loadscope-reorder $(if $(COVERAGE),--cov --cov-report=) $(ARGS)

check: COVERAGE = 1
check: static test ## Everything CI asks: format, lint, types, layers, tests with coverage
	@$(BIN)/coverage report

bench: setup servers ## Measure against scim2-server and a Node.js server; prints ratios (ARGS="patch --quick": one, soon)
	@$(BIN)/python -m tests.bench $(ARGS)

import: setup servers ## Import many users over SCIM, and watch rate and memory (a million unless USERS=… says otherwise)
	@$(BIN)/python -m tests.bench import --users $(USERS) $(ARGS)

chaos: setup servers ## Kill, flush and break for longer than make test does (some 15 minutes)
	@CHAOS_FACTOR=4 CHAOS_LEAVERS=600 $(BIN)/python -m pytest tests/chaos $(ARGS)

soak: setup servers ## Play the model against the bridge for longer than make test does, on both stores (some 20 minutes)
	@SCIMBRIDGE_MACHINE=long $(BIN)/python -m pytest tests/services/test_machine.py $(ARGS)

fuzz: setup ## Ask the API whatever its document allows, and what not, for longer than make test does (some 5 minutes)
	@SCIMBRIDGE_FUZZ=50 $(BIN)/python -m pytest tests/api/test_fuzz.py --numprocesses $(WORKERS) $(ARGS)

mutate: ## Change the rules bit by bit, and see whether a test notices (ARGS="scimbridge/domain/plan.py": one file)
	@uv="$$($(PYTHON) deploy/bootstrap.py)" && UV_PROJECT_ENVIRONMENT=$(MUTATION) "$$uv" sync --locked --all-extras --group mutation --quiet
	@$(MUTATION)/bin/python -m tests.mutation $(ARGS)

fmt: setup ## Format, and fix what can be fixed by machine
	@$(BIN)/ruff format
	@$(BIN)/ruff check --fix

docs: setup ## Rewrite the parts of the documentation that come from the code
	@$(BIN)/python -m docs.generator

screenshots: setup servers ## Take pictures of the pages: all into build/screenshots, the README's into docs/screenshots
	@$(BIN)/python -m tests.browser.screenshots

static: setup ## The part of check that runs nothing: format, lint, types, layers
	@$(BIN)/ruff format --check
	@$(BIN)/ruff check
	@$(BIN)/mypy
	@$(BIN)/mypy deploy/bootstrap.py
	@rm -rf build/desk && $(BIN)/scimbridge connectors new desk --into build/desk >/dev/null && $(BIN)/mypy build/desk
	@$(BIN)/lint-imports --no-cache

servers: ## Install the servers that the tests start (root), or name what is missing
	@deploy/servers.sh

wheel: setup ## Build the wheel, and try it in an environment of its own
	@deploy/try_wheel.sh

clean: ## Remove what was made, the fetched uv included
	@rm -rf .venv .tools dist build .mypy_cache .ruff_cache .pytest_cache .hypothesis .coverage .coverage.*
