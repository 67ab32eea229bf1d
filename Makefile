# `make help` lists what there is. Every target sets up what it needs: python3 (3.11 or newer) is enough.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.ready

.PHONY: help setup demo up test test-real test-long lint fmt check bench lock

help: ## Show this list
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## /\1\t/' | expand -t 14

$(STAMP): requirements.txt pyproject.toml
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Hotwash needs Python 3.11 or newer; name one with make PYTHON=...")'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.txt
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	touch $(STAMP)

setup: $(STAMP) ## Create the environment from the locked, hash-checked requirements

demo: $(STAMP) ## Play a whole incident, from the alert to the last action item (KEEP=1 leaves it running)
	$(BIN)/hotwash demo $(if $(KEEP),--keep)

up: $(STAMP) ## Start engine, store, workers and API on this machine
	$(BIN)/hotwash up

# Three at a time on two cores: half of what a test takes is waiting for an engine, a process or a mail.
test: $(STAMP) ## Run every test that needs nothing but Python
	$(BIN)/python -m pytest -q -n 3 --dist loadfile --no-loadscope-reorder -m "not real and not long"

# The Debian package and a program of it, each. The tests start children of their own and need no service of the system.
REAL := chromium:chromium prometheus:prometheus prometheus-alertmanager:prometheus-alertmanager haproxy:haproxy nginx-light:nginx redis-server:redis-server \
	openssh-server:sshd openssh-client:ssh stress-ng:stress-ng nftables:nft iproute2:tc faketime:faketime openssl:openssl
test-real: $(STAMP) ## Run the tests that need Debian's Chromium, PostgreSQL, HAProxy … (installed when run as root)
	@missing="$(if $(wildcard /usr/lib/postgresql/*/bin/pg_ctl),,postgresql)"; \
	for pair in $(REAL); do command -v $${pair#*:} >/dev/null || missing="$$missing $${pair%:*}"; done; \
	[ -z "$$missing" ] || { [ "$$(id -u)" = 0 ] && apt-get update -q && apt-get install -y -q $$missing; } || { echo "test-real needs: apt-get install $$missing"; exit 1; }
	$(BIN)/python -m pytest -q -n 2 --dist loadfile --no-loadscope-reorder -m "real and not long"

test-long: $(STAMP) ## Run the tests that take minutes: a worker killed at every boundary of a run
	$(BIN)/python -m pytest -q -m long -o faulthandler_timeout=2400

lint: $(STAMP) ## Ruff, mypy and the layer contracts
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

fmt: $(STAMP) ## Format and mend what can be mended
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

check: lint test test-real demo ## All that CI runs

bench: $(STAMP) ## Measure against the bare engine of the same run
	$(BIN)/python -m benchmarks

lock: $(STAMP) ## Renew requirements.txt from pyproject.toml (needs uv)
	uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header --group dev pyproject.toml -o requirements.txt
