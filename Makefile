# The commands of this project; `make help` lists them.
BIN := .venv/bin
.DEFAULT_GOAL := help
.PHONY: help setup setup-test run test lint format docs bench world conformance lock

help: ## show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-11s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup: ## install what is missing: Debian packages, .venv, server and client
	@tools/setup.sh run

setup-test:
	@tools/setup.sh test

run: ## the demo: a small cloud with passwords, Kerberos and X.509 (ARGS="--check" to end after the tour)
	@begun=$$(date +%s.%N); tools/setup.sh run && exec $(BIN)/gatestone demo --since $$begun $(ARGS)

test: setup-test ## run every check (PARTS="lint types" for some of them)
	@tools/setup.sh conformance
	@tools/setup.sh legacy
	@$(BIN)/python tools/checks.py $(PARTS)

lint: setup-test ## check style and types only
	@$(BIN)/python tools/checks.py lint format types

format: setup-test ## rewrite the code in the project's style
	@$(BIN)/ruff check --fix --quiet .
	@$(BIN)/ruff format .

docs: setup ## write the generated pages anew
	@$(BIN)/gatestone config reference >build/settings.md && mv build/settings.md docs/settings.md
	@$(BIN)/gatestone policy reference >build/policy-reference.md && mv build/policy-reference.md docs/policy-reference.md

bench: setup-test ## measure, print a table, write build/bench.json
	@$(BIN)/python -m tools.bench

world: setup-test ## a site of ten hosts loses parts of itself under load: table, build/world.json, build/world.png (as root)
	@$(BIN)/python -m tools.world $(ARGS)

conformance: setup-test ## run the field's own test suites for the Identity API (ARGS="test_region", ARGS="--help")
	@tools/setup.sh conformance
	@$(BIN)/python -m tools.conformance $(ARGS)

lock: ## write requirements/*.txt anew from requirements/*.in
	@tools/lock.sh
