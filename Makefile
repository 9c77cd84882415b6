# Every command sets up what it needs; `make help` lists them.
.DEFAULT_GOAL := help
.PHONY: help demo test test-fast check docs bench bench-routing build walk differential soak load faults mutants lock release clean setup
PORT ?= 8787
OPEN ?= 1
export PORT OPEN
# What a user has installed, or activated, is not ours to use or to change.
unexport VIRTUAL_ENV PYTHONPATH PYTHONHOME
PYTHON_IN_VENV := .venv/bin/python

help: ## list the commands
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | awk -F ':.*## ' '{sub(/:.*/, "", $$1); printf "  make %-13s %s\n", $$1, $$2}'

setup:
	@wasm-build/setup.sh

demo: build ## start the orchestrator with five upstreams and the inspector (PORT=8787, OPEN=0 opens no browser)
	@exec $(PYTHON_IN_VENV) -m sporewright.cli demo --port $(PORT)

test: build ## build, then run every test: CPython, TypeScript, and end to end in real browsers
	@echo "test: CPython"
	@$(PYTHON_IN_VENV) -m pytest -q -n auto --maxprocesses 8 $(COVERING) --cov
	@POSTGRESQL=$$(wasm-build/postgresql.sh) && export POSTGRESQL && \
	  $(PYTHON_IN_VENV) -m pytest -q -n auto --maxprocesses 8 tests $(COVERING:%=--ignore=%)
	@$(PYTHON_IN_VENV) -m pytest -q docs
	@echo "test: TypeScript"
	@cd web && npm test --silent
	@echo "test: Python beside TypeScript"
	@$(PYTHON_IN_VENV) -m tests.differential 20000 0
	@CHROMIUM=$$(wasm-build/browser.sh) && FIREFOX=$$(wasm-build/browser.sh firefox) && WEBKIT=$$(wasm-build/browser.sh webkit) && \
	  export CHROMIUM FIREFOX WEBKIT && echo "test: end to end with $$CHROMIUM $$FIREFOX $$WEBKIT" && \
	  $(PYTHON_IN_VENV) -m pytest -q -n auto --maxprocesses 2 --dist loadfile e2e

# What proves core and policy, line by line. Counting lines takes three times as long, so nothing else is counted.
COVERING := tests/core tests/policy tests/conformance
# What needs a built page, real processes or minutes of random tries; and what `make check` runs.
SLOW := $(addprefix tests/,architecture build demo differential hostile laws simulate core/test_live_machine.py \
  core/test_columnar_fold.py core/test_columnar_rollup.py core/test_store.py device/test_native.py device/test_typescript.py \
  device/test_transport_faults.py device/test_slept.py learning/test_cells.py server/test_cli.py server/test_kill.py server/test_store.py \
  server/test_hostile_sockets.py server/test_fencing.py server/test_server_faults.py \
  server/test_tenants.py)
test-fast: setup ## the inner loop, under two minutes: tests without a browser, fewer random examples
	@$(PYTHON_IN_VENV) -m sporewright.device.typescript web/src/generated
	@$(PYTHON_IN_VENV) -m pytest -q tests docs $(SLOW:%=--ignore=%) --hypothesis-profile=fast
	@cd web && npm test --silent

check: setup ## format, lint, types, import layers, and the documentation's links and references
	@.venv/bin/ruff format --check .
	@.venv/bin/ruff check .
	@.venv/bin/mypy
	@$(PYTHON_IN_VENV) -m sporewright.device.typescript web/src/generated
	@$(PYTHON_IN_VENV) -m pytest -q tests/architecture
	@cd web && npm run --silent check
	@$(MAKE) --no-print-directory docs

docs: setup ## build the documentation into site/; a dead link or reference fails
	@$(PYTHON_IN_VENV) -m sporewright.device.typescript web/src/generated
	@$(PYTHON_IN_VENV) -m tools.docs

bench: build ## print the tables of speed, as ratios (a quick look: SIZES="10 100" VISITS=1 CALLS=300; a part: ONLY="tables fetch start")
	@CHROMIUM=$$(wasm-build/browser.sh) && export CHROMIUM && $(PYTHON_IN_VENV) -m e2e.bench.run \
	  $(if $(SIZES),--sizes $(SIZES)) $(if $(VISITS),--visits $(VISITS)) $(if $(CALLS),--calls $(CALLS)) $(if $(ONLY),--only $(ONLY))

bench-routing: setup ## print what learning is worth: regret against baselines on real measurements (QUICK=1; PARTS="ground scenarios fleet tasks sensitivity")
	@$(PYTHON_IN_VENV) -m sporewright.simulate.bench $(if $(SEEDS),--seeds $(SEEDS)) $(if $(PARTS),--parts $(PARTS))

load: setup ## how a server bears up under devices that push once a second, as a table (SHAPES="500x100 1000x100" SECONDS=20)
	@$(PYTHON_IN_VENV) -m tests.server.load $(SHAPES) $(if $(SECONDS),--seconds $(SECONDS))

build: setup ## everything a page needs, in web/dist/
	@$(PYTHON_IN_VENV) wasm-build/build.py

walk: setup ## random steps, every live queue compared with the plain rules after each (STEPS=1000000 SEED=0)
	@$(PYTHON_IN_VENV) -m tests.core.live_driver $(or $(STEPS),1000000) $(or $(SEED),0)

differential: build ## random calls and answers through Python's interpreters and the page's, compared (COUNT=20000 SEED=0)
	@$(PYTHON_IN_VENV) -m tests.differential $(or $(COUNT),20000) $(or $(SEED),0)

soak: build ## ten thousand routed requests in one page over providers that come and go (REQUESTS=10000 SEED=1)
	@CHROMIUM=$$(wasm-build/browser.sh) && export CHROMIUM && \
	  SOAK_REQUESTS=$(or $(REQUESTS),10000) SOAK_SEED=$(or $(SEED),1) $(PYTHON_IN_VENV) -m pytest -q -s e2e/test_soak.py

faults: build ## print what comes of each byte-level fault of a provider, natively and in a page (ONLY=part of a name, WRITE=1: keep it)
	@CHROMIUM=$$(wasm-build/browser.sh) && export CHROMIUM && $(PYTHON_IN_VENV) -m e2e.faults.run \
	  $(if $(ONLY),--only "$(ONLY)") $(if $(WRITE),--write)

mutants: setup ## break core/ and policy/ on purpose, 700 seeded changes; list what the corpus does not notice (COUNT=, SEED=, TESTS=)
	@tests/mutation/run.sh

lock: ## resolve requirements.lock anew from pyproject.toml (UPGRADE=1 takes the newest of everything)
	@wasm-build/setup.sh lock $(if $(UPGRADE),--upgrade)

release: setup ## check, build and note the release VERSION=1.2.3; DRY=0 also tests, writes the version, commits and tags
	@$(PYTHON_IN_VENV) -m tools.release "$(VERSION)" $(if $(filter 0,$(DRY)),--for-real)

clean: ## remove what was built or installed here
	@rm -rf .venv web/node_modules web/dist web/src/generated wasm-build/cache wasm-build/out .mutants e2e/artifacts site .cache dist
	@rm -rf docs/reference/cli.md docs/reference/typescript
	@rm -rf .pytest_cache .mypy_cache .ruff_cache .hypothesis
