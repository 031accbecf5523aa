# make run    set up, run the pipeline, publish to MLflow, print a summary
# make recipe NAME=multi30k-de-en-attention    run recipes/NAME.txt as a DVC experiment
# make test   set up, run the tests; make test-slow adds kills, servers, browsers and whole pipelines
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
# DVC starts the stages through a shell: the environment's programs come first on its path.
export PATH := $(CURDIR)/$(BIN):$(PATH)
export DVC_NO_ANALYTICS := true
export MLFLOW_DISABLE_TELEMETRY := true
JOBS ?= 2

.PHONY: run recipe install test test-slow lint format ui pictures clean

run: install
	dvc repro
	seqlab sync
	seqlab summary

# A recipe is a list of parameters, one a line.
recipe: install
	dvc exp run --name $(NAME) $$(sed 's/^/-S /' recipes/$(NAME).txt)
	seqlab sync
	seqlab summary

install: $(VENV)/.installed

$(VENV)/.installed: requirements.txt pyproject.toml
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements.txt
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-build-isolation --no-deps --editable .
	touch $@

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
	mlflow ui --backend-store-uri sqlite:///mlflow.db

# The pictures of the README and the tutorial, from the runs of this working copy.
pictures: install
	python docs/pictures.py

clean:
	rm -rf $(VENV) .mypy_cache .pytest_cache .ruff_cache
