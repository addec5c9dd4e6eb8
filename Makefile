# For everybody: `make demo`, `make test-quick` and `make test`. The rest is for those who
# change the code. Everything lives in .venv; nothing needs root.
PYTHON ?= python3
BIN := .venv/bin
STAMP := .venv/.installed

.DEFAULT_GOAL := help
.PHONY: help demo test test-quick check lint types docs dist lowest versions bench count bench-keys bench-logout bench-dpop coverage audit fuzz mutants soak clean

help:  ## list the targets
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## /  make \1\t/' | expand -t 20

$(STAMP): pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "jwtguard needs Python 3.11 or later: make PYTHON=python3.12 ..."; exit 1; }
	@echo "== building .venv (once; about a minute) =="
	@test -x $(BIN)/python || $(PYTHON) -m venv .venv
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --upgrade pip
	$(BIN)/python -m pip install --disable-pip-version-check -e '.[dev]'
	@touch $@

demo: $(STAMP)  ## the whole picture on loopback: issuer, API, site, stranger
	@$(BIN)/jwtguard demo

test: $(STAMP)  ## all tests that this machine can run
	@$(BIN)/python -m pytest -n auto --maxprocesses=4

test-quick: $(STAMP)  ## the tests without servers and slow ones
	@$(BIN)/python -m pytest -q -n auto -m "not slow" --hypothesis-profile=swift --ignore=tests/issuers --ignore=tests/browser

check: $(STAMP) lint types test coverage docs  ## the gate: format, lint, types, tests, coverage, docs

lint: $(STAMP)  ## format and lint
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .

types: $(STAMP)  ## mypy --strict
	$(BIN)/mypy

coverage: $(STAMP)  ## the quick tests with branch coverage of jwtguard/; fails unless core/ has 100 %
	@rm -f .coverage .coverage.*
	@$(BIN)/coverage run -m pytest -q -n auto -m "not slow" --hypothesis-profile=swift --ignore=tests/issuers --ignore=tests/browser
	@$(BIN)/coverage combine --quiet
	@$(BIN)/coverage report
	$(BIN)/coverage report --include='jwtguard/core/*' --fail-under=100

docs: $(STAMP)  ## the documentation, into docs/_build/html
	$(BIN)/sphinx-build -W --keep-going -q -b html docs docs/_build/html
	@echo "docs/_build/html/index.html"

dist: $(STAMP)  ## wheel and sdist, checked as the index would
	@rm -rf dist
	$(BIN)/python -m build --no-isolation --outdir dist
	$(BIN)/twine check --strict dist/*

lowest: $(STAMP)  ## the tests with the lowest versions that pyproject.toml allows
	$(BIN)/python tools/matrix.py lowest --ignore=tests/browser

versions: $(STAMP)  ## the tests on every Python from 3.11 that is here, with the newest of all
	$(BIN)/python tools/matrix.py pythons --ignore=tests/browser

.venv-bench/.installed: pyproject.toml benchmarks/requirements.txt
	@test -x .venv-bench/bin/python || $(PYTHON) -m venv .venv-bench
	.venv-bench/bin/python -m pip install --disable-pip-version-check -r benchmarks/requirements.txt -e '.[bench]'
	@touch $@

BENCH ?=

bench: .venv-bench/.installed  ## cost per request, beside other libraries; refreshes the page (BENCH=--short: a try)
	.venv-bench/bin/python -W ignore -m benchmarks $(BENCH)

count: $(STAMP)  ## instructions of a request; fails if they have grown by more than 5 %
	$(BIN)/python -m benchmarks.instructions

bench-keys: .venv-bench/.installed  ## key caches under load, ours beside others; refreshes the page
	.venv-bench/bin/python -m benchmarks.keys --json benchmarks/keys.json --plot docs/_static/keys-load.svg --page docs/benchmarks-keys.md

bench-logout: .venv-bench/.installed  ## how soon workers refuse a revoked token, and what a list costs; refreshes the page
	.venv-bench/bin/python -W ignore -m benchmarks.logout

bench-dpop: .venv-bench/.installed  ## what a DPoP proof costs, in bare ES256 checks; refreshes the page
	.venv-bench/bin/python -W ignore -m benchmarks.dpop

ATTACK := .venv/.attack
SECONDS ?= 60
SOAK ?= 600
CHILDREN ?= 1

$(ATTACK): $(STAMP)
	$(BIN)/python -m pip install --disable-pip-version-check -e '.[attack]'
	@touch $@

audit: $(ATTACK)  ## known holes in what is installed, where the advisory service is reached
	$(BIN)/pip-audit --skip-editable

fuzz: $(ATTACK)  ## look for crashes and forgeries; SECONDS=60 for each target
	nice $(BIN)/python -m tests.fuzz --seconds $(SECONDS)

mutants: $(ATTACK)  ## change core/ in thousands of ways: which changes does no test see, and why?
	nice $(BIN)/mutmut run --max-children $(CHILDREN)
	@$(BIN)/python tools/mutants.py

soak: $(STAMP)  ## ten minutes of good and hostile traffic; SOAK=600
	nice $(BIN)/python -m tests.soak --seconds $(SOAK)

clean:  ## remove what the other targets made
	rm -rf .venv .venv-bench .venvs dist docs/_build .mypy_cache .ruff_cache .pytest_cache .hypothesis .coverage .coverage.* .fuzz mutants
