# Everything a newcomer needs: `make demo` shows it, `make test` proves it.
PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
WINDLASS := $(BIN)/windlass
# Twice the cores: tests wait for servers and timeouts more than they compute.
JOBS   ?= $(shell $(PYTHON) -c "import os; print(2 * (os.cpu_count() or 2))")

# Bytecode is kept whatever the environment says: without it, each of a thousand processes compiles every module again.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: setup setup-dev demo test test-all test-interop check bench docs lock release-check tools manifests dashboards clean help

help:  ## this list
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 16

# A stamp per lock file: installing again is skipped until a lock changes.
$(VENV)/.base: requirements/base.lock pyproject.toml local/pyproject.toml
	@$(PYTHON) -c 'import sys; sys.version_info >= (3, 11) or sys.exit("windlass needs Python 3.11 or newer; this is " + sys.version.split()[0] + ". Try: make PYTHON=python3.12 ...")'
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --require-hashes -r requirements/base.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e . -e local
	@touch $@

$(VENV)/.dev: $(VENV)/.base requirements/dev.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --require-hashes -r requirements/dev.lock
	@touch $@

setup: $(VENV)/.base      ## make the virtual environment and install what is locked
setup-dev: $(VENV)/.dev   ## the same, with what the tests need

demo: $(VENV)/.base       ## embedded AWS, a sample estate, a first collection, live changes, the console
	@$(WINDLASS) demo

check: $(VENV)/.dev       ## lint, format, types, import contracts
	$(BIN)/ruff check src tests bench local tools
	$(BIN)/ruff format --check src tests bench local tools
	$(BIN)/mypy
	$(BIN)/lint-imports --no-cache

# The share of their examples that property tests and simulations try; `make test-all` tries all of them.
SHARE  ?= 0.1

test: $(VENV)/.dev        ## what CI runs: check beside every test that takes seconds
	@$(MAKE) --no-print-directory check >.check.log 2>&1 & check=$$!; \
	TEST_EXAMPLES_SHARE=$(SHARE) $(BIN)/python -m pytest -n $(JOBS) --dist worksteal -m "not slow and not interop"; tests=$$?; \
	wait $$check || { cat .check.log; exit 1; }; exit $$tests

test-all: check           ## everything but interop, the slow ones too
	$(BIN)/python -m pytest -n $(JOBS) --dist worksteal -m "not interop"

test-interop: $(VENV)/.dev ## tests against third-party servers; those not installed are skipped with a reason
	$(BIN)/python -m pytest -m interop -rs

bench: $(VENV)/.dev       ## every claim in the docs, measured here and now
	$(BIN)/python -m bench

docs: $(VENV)/.dev        ## renew the generated reference pages
	$(BIN)/python -m windlass.cli.reference docs/reference
	$(BIN)/python -m windlass_local.patch_list > docs/reference/moto-patches.md

UV_COMPILE = uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-annotate --no-header --no-emit-index-url
lock:                     ## renew requirements/*.lock (needs uv on the PATH)
	$(UV_COMPILE) pyproject.toml local/pyproject.toml requirements/build.in --extra server --extra clients --extra transforms --extra postgres --extra parquet --extra oidc --extra dev -o requirements/dev.lock
	$(UV_COMPILE) pyproject.toml local/pyproject.toml requirements/build.in --extra server --extra clients -c requirements/dev.lock -o requirements/base.lock
	$(UV_COMPILE) pyproject.toml requirements/build.in --extra server --extra clients --extra postgres --extra oidc -c requirements/dev.lock -o requirements/image.lock
	$(UV_COMPILE) pyproject.toml requirements/build.in --extra server --extra clients --extra postgres --extra transforms --extra parquet --extra oidc -c requirements/dev.lock -o requirements/image-full.lock
	$(UV_COMPILE) requirements/release.in -o requirements/release.lock
	$(BIN)/python -m windlass.deploy.distributions < requirements/dev.lock > src/windlass/deploy/lambda.lock.new
	mv src/windlass/deploy/lambda.lock.new src/windlass/deploy/lambda.lock

# Tools of the release check, in an environment of their own: what they need is not what Windlass needs.
.tools/release/.locked: requirements/release.lock
	@test -x .tools/release/bin/python || $(PYTHON) -m venv .tools/release
	.tools/release/bin/python -m pip install --quiet --disable-pip-version-check --no-deps --require-hashes -r $<
	@touch $@

release-check: $(VENV)/.base .tools/release/.locked  ## build both distributions and try them in clean environments; publishes nothing
	$(BIN)/python -m tools.release $(RELEASE)

TOOLS  ?=
tools:                    ## programs that tests skip without, into .tools/bin (TOOLS="helm hadolint" for some)
	@$(PYTHON) -m tools.programs $(TOOLS)

HELM ?= $(or $(wildcard .tools/bin/helm),helm)
MANIFESTS := postgresql-irsa-keda sqlite-pod-identity
manifests:                ## renew deploy/kubernetes/*.yaml from the chart (`make tools TOOLS=helm`)
	@for name in $(MANIFESTS); do \
	  { echo "# Rendered by \`make manifests\` from deploy/helm/windlass with ci/$$name.yaml: change those, not this."; \
	    $(HELM) template windlass deploy/helm/windlass --namespace windlass --kube-version 1.37.0 \
	      --values deploy/helm/windlass/ci/$$name.yaml | grep -v '^# Source: '; } > deploy/kubernetes/$$name.yaml || exit 1; \
	done

dashboards:               ## renew deploy/grafana/dashboards from their table
	$(PYTHON) deploy/grafana/build.py

clean:
	rm -rf $(VENV) .mypy_cache .ruff_cache .hypothesis dist
