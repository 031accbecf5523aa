# make run    set up, run the pipeline, publish to MLflow, print a summary
# make recipe NAME=multi30k-de-en-attention    run recipes/NAME.txt as a DVC experiment; with SEEDS=1,2,3 as three
# make test   set up, run the tests; make test-slow adds kills, servers, browsers and whole pipelines
# make bench  set up, run the benchmarks, add what they print to today's log in benchmarks/log; on a quiet machine
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
# DVC starts the stages through a shell: the environment's programs come first on its path.
export PATH := $(CURDIR)/$(BIN):$(PATH)
export DVC_NO_ANALYTICS := true
export MLFLOW_DISABLE_TELEMETRY := true
JOBS ?= 2

.PHONY: run recipe install test test-slow lint format ui pictures bench clean

run: install
	dvc repro
	seqlab sync
	seqlab summary

# A recipe is a list of parameters, one a line.
recipe: SETTINGS = $$(sed 's/^/-S /' recipes/$(NAME).txt)
recipe: install
ifdef SEEDS
	seqlab sweep --name $(NAME) $(SETTINGS) -S seed=$(SEEDS)
else
	dvc exp run --name $(NAME) $(SETTINGS)
endif
	seqlab sync
	seqlab summary

install: $(VENV)/.installed

$(VENV)/.installed: requirements.txt pyproject.toml
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements.txt
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-build-isolation --no-deps --editable .
	touch $@

# Tests train side by side; threads that spin while they wait would slow each other down.
test test-slow: export OMP_WAIT_POLICY ?= passive

test: install
	pytest -n $(JOBS) --dist loadgroup -m "not slow"

test-slow: install
	pytest -n $(JOBS) --dist loadgroup -m slow

lint: install
	ruff check
	ruff format --check
	mypy
	lint-imports

format: install
	ruff check --fix
	ruff format

ui: install
	seqlab ui

# The pictures of the README and the tutorial, from the runs of this working copy.
pictures: install
	python docs/pictures.py

# All, or those named: make bench BENCHMARKS=training
bench: install
	python -m benchmarks.run $(BENCHMARKS)

clean:
	rm -rf $(VENV) .mypy_cache .pytest_cache .ruff_cache
