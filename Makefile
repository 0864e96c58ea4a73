# Two commands do everything on a machine with Python >= 3.11, pip, git and make:
#   make demo    a whole study on embedded pictures, and its report
#   make test    the tests

PYTHON ?= python3
BIN := .venv/bin
READY := .venv/.ready
OUT ?= runs/demo
PARALLEL := --numprocesses auto --maxprocesses 4 --dist loadfile

.PHONY: demo test test-long lint real bench lock clean
.DEFAULT_GOAL := demo

$(READY): requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit("Prunescope needs Python 3.11 or newer, not " + sys.version.split()[0] + ": run make PYTHON=python3.11" if sys.version_info < (3, 11) else 0)'
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --requirement requirements.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@touch $(READY)

demo: $(READY)
	$(BIN)/prunescope demo --out $(OUT)

test: $(READY)
	$(BIN)/python -m pytest -m "not slow and not long and not soak" $(PARALLEL)

test-long: $(READY)
	$(BIN)/python -m pytest -m "long and not slow and not soak" $(PARALLEL)

real: $(READY)
	$(BIN)/python -m pytest -m "(real or slow) and not soak"

soak: $(READY)
	$(BIN)/python -m pytest -m soak

lint: $(READY)
	$(BIN)/ruff check .
	$(BIN)/ruff check --isolated --select F821 --quiet src tests benchmarks
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python docs/site/build.py

bench: $(READY)
	@for benchmark in benchmarks/*.py; do $(BIN)/python $$benchmark || exit 1; done

# Pins the newest versions that pyproject.toml allows.
lock:
	$(PYTHON) -m venv build/lock
	build/lock/bin/python -m pip install --quiet --editable ".[dev,onnx]" setuptools
	build/lock/bin/python -m pip freeze --all --exclude-editable --exclude pip > requirements.lock

clean:
	rm -rf .venv build .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
