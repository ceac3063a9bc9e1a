# `make up` is all a newcomer needs; `make test` and `make lint` are what CI calls.
PYTHON ?= python3
VENV := .venv
RUN := $(VENV)/bin/python
PIP := $(RUN) -m pip install --quiet --disable-pip-version-check
DATABASE_FOR_CHECKS := DATABASE_URL=sqlite:///$(CURDIR)/var/checks.sqlite3

.PHONY: up install test lint bench clean

up: install
	@$(RUN) manage.py up

install: $(VENV)/installed

# By file: the tests of one share a running platform, a database server, a browser.
test: $(VENV)/installed-dev
	$(RUN) -m pytest -n auto --dist loadfile $(ARGS)

lint: $(VENV)/installed-dev
	$(RUN) -m ruff check .
	$(RUN) -m ruff format --check .
	$(RUN) -m mypy
	PYTHONPATH=platform $(VENV)/bin/lint-imports
	$(DATABASE_FOR_CHECKS) $(RUN) manage.py makemigrations --check --dry-run

bench: $(VENV)/installed-dev
	$(RUN) -m benchmarks

clean:
	rm -rf $(VENV) .pytest_cache .mypy_cache .ruff_cache

$(VENV)/bin/python:
	$(PYTHON) -m venv $(VENV)

# torch goes first: its CPU build is enough, and nothing else may pull another one in.
# The tracking library is installed like any other package, so its source is a reason to install anew.
$(VENV)/installed: requirements.txt $(shell find tracking -name '*.py' -o -name pyproject.toml) | $(VENV)/bin/python
	$(PIP) "$$(grep '^torch==' requirements.txt)"
	$(PIP) -r requirements.txt
	touch $@

$(VENV)/installed-dev: requirements-dev.txt $(VENV)/installed
	$(PIP) -r requirements-dev.txt
	touch $@
