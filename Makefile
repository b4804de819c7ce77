# Everything that people do with Firstline. `make help` lists it.
.DEFAULT_GOAL := help
SHELL := /bin/bash
VENV := .venv
PY := $(VENV)/bin/python
ENVIRONMENT ?= dev
PYTEST := $(PY) -m pytest
UV_COMPILE = $(PY) -m uv pip compile --quiet --upgrade --generate-hashes --python-version 3.13 --no-emit-index-url --no-emit-find-links --custom-compile-command 'make lock'

help: ## List the commands
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-10s %s\n", $$1, $$2}'

setup: $(VENV)/.ready ## Create .venv with everything pinned (other commands do it by themselves)

# A Python 3.13 is found by name, through pyenv (.python-version), or brought by uv.
$(VENV)/.ready: requirements-dev.txt pyproject.toml
	@bash scripts/create-venv.sh $(VENV)
	@touch $@

demo: setup ## Fire alerts of every source at a local Firstline and tell each one's story
	@$(PY) -m local demo

test: setup ## Run every test, offline: make test [SEED=of an earlier order]
	@$(PY) -m tests $(if $(SEED),--seed $(SEED))

simulate: setup ## Run the whole of Firstline under a virtual clock with faults: make simulate [ARGS=--help]
	@$(PY) -m tests.simulation $(ARGS)

check: setup format-check lint types runbooks-check test ## Format, lint, types, runbooks, and every test: what CI runs

format: setup ## Format the code
	$(VENV)/bin/ruff format .
	$(VENV)/bin/ruff check --fix .

format-check: setup
	$(VENV)/bin/ruff format --check .

lint: setup
	$(VENV)/bin/ruff check .

types: setup
	$(VENV)/bin/mypy

templates: setup ## Check the template, its roles and the state machine
	$(PYTEST) tests/template

architecture: setup ## Write docs/architecture.md's picture, tables and items from the code
	$(VENV)/bin/python -m scripts.architecture

runbooks: setup ## Check the runbooks and render their SSM documents
	@$(VENV)/bin/firstline runbooks render

rehearse: setup ## Rehearse a runbook of mine/ or a shipped one on hosts with its faults: make rehearse RUNBOOK=its id
	@$(if $(RUNBOOK),,$(error Say which runbook: make rehearse RUNBOOK=low-disk))
	@FIRSTLINE_REHEARSE=$(RUNBOOK) $(PYTEST) tests/runbooks -k $(RUNBOOK)

runbooks-check: setup
	@$(VENV)/bin/firstline runbooks check
	@$(VENV)/bin/firstline rules check

bench: setup ## Print what Firstline costs (not a test): make bench [PART=a word of a title]
	@$(PY) -m tests.bench $(PART)

scan: setup ## Scan the templates with checkov and parliament, which come from the registry
	@bash scripts/scan.sh

cost: setup ## Count what each path and an idle month cost, and write docs/cost.md
	@$(PY) -m tests.bench costs

pictures: setup ## Take the pictures of the console that the docs show (needs chromium)
	@$(PY) -m tests.pictures

measure: setup ## Print how large the source is (not a test)
	@$(PY) scripts/measure.py

eval: setup ## Judge the labelled cases: make eval [RULES=rules.tsv] [ARGS=--help]
	@$(PY) -m evals $(if $(RULES),--rules $(RULES)) $(ARGS)

issuers: setup ## Renew the table of secrets' prefixes from the pinned public rules
	@$(PY) -m evals.redaction.issuers

build: setup ## Build the SAM application: make build ENVIRONMENT=dev|staging|prod
	bash scripts/build.sh $(ENVIRONMENT)

build-both: setup .cache/build/arm64/.built .cache/build/x86_64/.built ## Build for both architectures into .cache/build, where the tests of what is built look

# Only when something changed: whoever is offline keeps what was built.
BUILT_FROM := template.yaml observability.yaml samconfig.toml scripts/build.sh $(shell find layers functions runbooks statemachine -type f -not -name '*.pyc')
.cache/build/%/.built: $(BUILT_FROM)
	bash scripts/build.sh dev --build-dir .cache/build/$* --parameter-overrides "EnvironmentName=dev Architecture=$*"
	@touch $@

deploy: setup ## Build and deploy with SAM: make deploy ENVIRONMENT=dev|staging|prod [ARGS=--yes]
	@$(VENV)/bin/firstline deploy $(ENVIRONMENT) $(ARGS)

lock: setup ## Renew the pins (requirements*.txt) from the .in files
	$(UV_COMPILE) requirements-dev.in -o requirements-dev.txt
	for layer in core llm; do $(UV_COMPILE) -c requirements-dev.txt layers/$$layer/requirements.in -o layers/$$layer/requirements.txt; done

.PHONY: help setup demo test simulate check architecture format format-check lint types templates runbooks rehearse runbooks-check bench cost scan pictures measure eval build build-both deploy lock
