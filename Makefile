# The two commands of the README are `make lab` and `make test`; the rest are their parts.
# All of it works from a clean clone, as root or not; nothing is installed outside .venv
# except Debian's chromium, and that only by root.

# Another environment that happens to be active must not leak into this one.
unexport VIRTUAL_ENV

VENV ?= .venv
PYTHON ?= python3
BIN := $(VENV)/bin
RUN := $(BIN)/python
STAMP := $(VENV)/.installed
ROOT_FLAG := $(shell [ "$$(id -u)" = 0 ] && echo --allow-root)
PYTEST := $(RUN) -m pytest

# How long each fuzz target runs in `make test`, and in `make fuzz`.
FUZZ_CI_SECONDS ?= 60
FUZZ_SECONDS ?= 3600

.PHONY: lab demo test install lint types imports unit integration notebooks toolchains browser \
        lowest binder fuzz-ci fuzz peers interop wheel front-end bench clean

lab: install ## JupyterLab on the quickstart notebook
	$(BIN)/jupyter lab $(ROOT_FLAG) notebooks/00-quickstart.ipynb

demo: install ## the same journey without a browser, printing what it did
	$(RUN) -m workbench demo

test: install lint types imports unit integration notebooks toolchains browser binder lowest \
      fuzz-ci ## everything

install: $(STAMP)

# The front end is built by the package's own build hook, so a change of its sources reinstalls.
$(STAMP): pyproject.toml $(shell git ls-files extensions 2>/dev/null)
	PYTHON="$(PYTHON)" sh .ci/venv "$(VENV)"
	$(BIN)/pip install --quiet --editable '.[test]'
	touch $@

lint: install
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: install
	$(BIN)/pyright --pythonpath $(RUN)

imports: install
	$(BIN)/lint-imports

unit: install
	$(PYTEST) tests/unit tests/fuzz -q -n 2

integration: install
	$(PYTEST) tests/integration -q

notebooks: install
	$(PYTEST) tests/notebooks -q

toolchains: install ## components of Python old and new, of JavaScript, of Rust and C where they are found
	sh tests/toolchains/install $(RUN)
	$(PYTEST) tests/toolchains -q

browser: install
	sh .ci/system-packages
	npm --prefix extensions ci --no-audit --no-fund --loglevel=error # with the compiler: types too
	$(PYTEST) tests/browser -q

binder: install
	$(PYTEST) tests/binder -q

lowest: ## the lower bounds of pyproject.toml, really installed
	PYTHON="$(PYTHON)" sh .ci/venv .venv-lowest
	.venv-lowest/bin/python .ci/lowest.py .venv-lowest/bin/pip
	.venv-lowest/bin/python -m pytest tests/unit tests/integration -q -n 2 --dist loadfile -m "not slow"

fuzz-ci: install ## every fuzz target for a minute
	$(RUN) -m tests.fuzz --seconds $(FUZZ_CI_SECONDS) --jobs 4

fuzz: install ## every fuzz target for an hour, or make fuzz FUZZ="jwt manifest" FUZZ_SECONDS=36000
	WORKBENCH_EXPLORE=1 $(RUN) -m tests.fuzz --seconds $(FUZZ_SECONDS) $(FUZZ)

peers: ## the real wash, wadm, host and secrets backend, into a cache folder; half an hour
	tests/interop/peers/build

interop: install ## against those; no part of `make test`
	$(PYTEST) tests/interop -q

wheel: install ## dist/*.whl with the built front end
	$(RUN) -m build --wheel

front-end: ## build the widget and the JupyterLab extension by hand
	$(PYTHON) extensions/build_hook.py

bench: install ## every figure of benchmarks/README.md, beside a calibration in the same run
	for file in benchmarks/*.py; do $(RUN) -m benchmarks.$$(basename $$file .py) || exit 1; done

clean:
	rm -rf .venv .venv-lowest build dist workbench/notebook/static workbench/labextension
