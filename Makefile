# Two commands do everything on a machine with Python >= 3.11, pip, git and make:
#   make demo    a whole study on embedded pictures, and its report
#   make test    the tests

PYTHON ?= python3
BIN := .venv/bin
READY := .venv/.ready
OUT ?= runs/demo
PARALLEL := --numprocesses auto --maxprocesses 4 --dist loadfile

.PHONY: demo test test-long test-all lint real bench lowest package lock clean
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

test-all: $(READY)
	$(BIN)/python -m pytest -m "not slow and not soak" $(PARALLEL)

real: $(READY)
	$(BIN)/python -m pytest -m "(real or slow) and not soak" --timeout 0

soak: $(READY)
	$(BIN)/python -m pytest -m soak --timeout 0

lint: $(READY)
	$(BIN)/ruff check .
	$(BIN)/ruff check --isolated --select F821 --quiet src tests benchmarks
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python docs/site/build.py

bench: $(READY)
	@for benchmark in benchmarks/*.py; do $(BIN)/python $$benchmark || exit 1; done

# The tests with the lowest versions that pyproject.toml allows. The libraries that check shapes differ
# between versions in what they take, so there no shape is checked.
lowest:
	$(PYTHON) -m venv build/lowest
	build/lowest/bin/python -m pip install --quiet uv
	build/lowest/bin/uv pip install --quiet --python build/lowest/bin/python --resolution lowest-direct --editable ".[coco,dev,onnx]"
	build/lowest/bin/python -m pytest --override-ini addopts=--import-mode=importlib -m "not slow and not long and not soak" $(PARALLEL)

# Builds dist/*.tar.gz, and from it dist/*.whl.
package:
	$(PYTHON) -m venv build/package
	build/package/bin/python -m pip install --quiet build
	build/package/bin/python -m build

# Pins the newest versions that pyproject.toml allows.
lock:
	$(PYTHON) -m venv build/lock
	build/lock/bin/python -m pip install --quiet --editable ".[coco,dev,onnx,ray,segment,words]" setuptools
	build/lock/bin/python -m pip freeze --all --exclude-editable --exclude pip > requirements.lock

clean:
	rm -rf .venv build .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
