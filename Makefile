# make run        set up, run the pipeline, publish to MLflow, print a summary
# make recipe     NAME=multi30k-de-en-attention: run recipes/NAME.txt as a DVC experiment; SEEDS=1,2,3: as three
# make ui         open MLflow where ratio, hidden size and BLEU are shown
# make check      say what is missing on this machine, and install nothing
# make test       set up, run the tests: some minutes
# make test-slow  the others: kills, servers, browsers and whole pipelines, half an hour
# make lint       what CI asks of the sources: ruff, mypy, import contracts
# make format     mend what ruff can mend
# make bench      run the benchmarks (BENCHMARKS=training: one), add what they print to today's log in benchmarks/log
# make pictures   the pictures of the pages, from the runs of this working copy and from docs/experiments
# make hashes     the digests of all pins, after a change of one
# make clean      remove .venv and caches
#
# The Python to make the environment with; whoever names one gets it, also where .venv is of another: make run PYTHON=python3.13
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
# As it was found: what .venv is made with is not in .venv.
FOUND_PATH := $(PATH)
# A make as old as macOS's looks for the first word of a line on its own path, not on the one that is exported here, unless
# the shell is another than it expects.
SHELL := /bin/bash
# DVC starts the stages through a shell: the environment's programs come first on its path.
export PATH := $(CURDIR)/$(BIN):$(PATH)
export DVC_NO_ANALYTICS := true
export MLFLOW_DISABLE_TELEMETRY := true
JOBS ?= 2
# Slow tests wait for queues and servers a third of their time.
SLOW_JOBS ?= 4

.PHONY: help run recipe check install install-dev test test-slow lint format ui pictures bench hashes clean

help:
	@sed -n 's/^# \(make .*\)/\1/p' Makefile

# Before DVC removes the results of the stages that are to run: are the parameters taken?
run: install
	@seqlab params >/dev/null
	dvc repro
	seqlab sync
	seqlab summary

# By the environment, where no shell reads them as more than text.
recipe: export NAME := $(value NAME)
recipe: export SEEDS := $(value SEEDS)
recipe: install
	seqlab recipe $(if $(SEEDS),--seeds="$$SEEDS") -- "$$NAME"
	seqlab sync
	seqlab summary

# Before anything is downloaded: is PYTHON one, is there what it takes, and is .venv still of use? Perl has a -c, too.
define PREREQUISITES
@command -v "$(firstword $(PYTHON))" >/dev/null || \
  { echo "seqlab: $(PYTHON) is not installed: install it, or name another Python, as in make run PYTHON=python3.13" >&2; exit 1; }
@test "$$($(PYTHON) -c 'print(40 + 2)' 2>/dev/null)" = 42 || \
  { echo "seqlab: $(PYTHON) is no Python, or does not start: name one, as in make run PYTHON=python3.13" >&2; exit 1; }
@$(PYTHON) src/seqlab/system/prerequisites.py $(VENV) $(if $(filter file,$(origin PYTHON)),,--asked-for)
endef

check install: export PATH := $(FOUND_PATH)
check:
	$(PREREQUISITES)

# What `make run` needs; and what `make test` and `make lint` need beside it. A stale .venv goes first; in a make of
# their own, since make would go on taking for installed what was removed.
install:
	$(PREREQUISITES) --installs
	@$(MAKE) --no-print-directory $(VENV)/.installed

install-dev: install
	@$(MAKE) --no-print-directory $(VENV)/.installed-dev

PIP_INSTALL := $(BIN)/python -m pip install --quiet --disable-pip-version-check

$(VENV)/.installed: requirements.txt requirements-torch.txt pyproject.toml
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(PIP_INSTALL) --no-deps --require-hashes -r requirements.txt
	$(PIP_INSTALL) -r requirements-torch.txt
	$(PIP_INSTALL) --no-build-isolation --no-deps --editable .
	touch $@

$(VENV)/.installed-dev: requirements-dev.txt $(VENV)/.installed
	$(PIP_INSTALL) --no-deps --require-hashes -r requirements-dev.txt
	touch $@

# Tests train side by side; threads that spin while they wait would slow each other down.
test test-slow: export OMP_WAIT_POLICY ?= passive

test: install-dev
	pytest -n $(JOBS) --dist loadgroup -m "not slow"

test-slow: install-dev
	pytest -n $(SLOW_JOBS) --dist loadgroup -m slow

lint: install-dev
	ruff check
	ruff format --check
	mypy
	lint-imports

format: install-dev
	ruff check --fix
	ruff format

ui: install
	seqlab ui

# The pictures of docs/, from the runs of this working copy and from docs/experiments.
pictures: install-dev
	python -m tools.pictures

# All, or those named: make bench BENCHMARKS=training
bench: install
	python -m benchmarks.run $(BENCHMARKS)

# After a change of a pin, a line NAME==VERSION: the digests of that version's files, on every system and Python.
PINS := requirements.txt requirements-dev.txt requirements-team.txt requirements-mecab.txt .github/requirements-audit.txt
hashes: install-dev
	set -e; for file in $(PINS); do \
	  sed -n '/^#/p' $$file >$$file.new; \
	  sed -n 's/^\([^# ]*==[^ ;]*\).*/\1/p' $$file | uv pip compile --quiet --no-config --no-deps --universal \
	    --python-version 3.11 --generate-hashes --no-annotate --no-header - >>$$file.new; \
	  mv $$file.new $$file; \
	done

clean:
	rm -rf $(VENV) .mypy_cache .pytest_cache .ruff_cache
