# Two commands matter: `make run` and `make test`. Both set up everything they need on a machine with python3 and make.
SHELL := /bin/sh
PY := .venv/bin/python
UV := .venv/bin/uv
# What a start reads is compiled once, when the packages are there, even where the environment says to keep no bytecode:
# each start would take two seconds longer.
COMPILE := PYTHONDONTWRITEBYTECODE= $(PY) -c "import app, stream"

.DEFAULT_GOAL := help
.PHONY: help run test model lint types pictures bench evaluate migrate seed lock audit nightly rasa clean

help: ## what there is to do
	@grep -E '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-10s %s\n", $$1, $$2}'

.venv/bin/uv:
	@python3 -c 'import sys; sys.exit("Python 3.11 or newer is needed, this is " + sys.version.split()[0]) if sys.version_info < (3, 11) else None'
	@echo "Making .venv"
	@python3 -m venv .venv
	@.venv/bin/python -m pip install --quiet --disable-pip-version-check uv

.venv/.service: requirements.txt | .venv/bin/uv
	@echo "Installing the service's packages"
	@$(UV) pip install --quiet --python $(PY) --require-hashes -r requirements.txt
	@$(COMPILE)
	@touch $@

.venv/.tests: requirements-dev.txt | .venv/bin/uv
	@echo "Installing the packages of the tests"
	@$(UV) pip install --quiet --python $(PY) --require-hashes -r requirements-dev.txt
	@$(COMPILE)
	@touch $@ .venv/.service

run: .venv/.service ## start the whole service on http://127.0.0.1:8000 and print its pages
	@exec $(PY) app.py

test: .venv/.tests ## all tests: units, a real Redis, a real PostgreSQL, a real browser
	@$(PY) -m tests.browser_setup
	@$(MAKE) --no-print-directory -j2 lint types model
	@exec $(PY) -m pytest -m "not nightly" -n 2 --dist loadfile

nightly: .venv/.tests ## the tests that take longer
	@$(PY) -m tests.browser_setup
	@$(MAKE) --no-print-directory model
	@exec $(PY) -m pytest -m nightly

model: .venv/.service ## the classifier the tests use, trained where the files have changed
	@$(PY) -m intents.train --folder var/model

lint: .venv/.tests ## ruff: style and likely faults
	@$(PY) -m ruff check .
	@$(PY) -m ruff format --check .

types: .venv/.tests ## mypy, strict on our own packages
	@$(PY) -m mypy

pictures: .venv/.tests ## pictures of every view of the console, light and dark, into docs/images/console
	@$(PY) -m tests.browser_setup
	@exec $(PY) -m tests.staff.screenshots

bench: .venv/.tests ## the callback's throughput beside its floors, as a table
	@exec $(PY) -m bench

evaluate: .venv/.service ## how well messages are understood, on the development set
	@exec $(PY) -m intents.evaluate

migrate: .venv/.service ## bring the database to the newest version
	@exec $(PY) -m records.migrate

seed: .venv/.service ## put the demo accounts and a village into the database; PEOPLE=2000: a whole city
	@exec $(PY) -m jobs.demo $(if $(PEOPLE),--people $(PEOPLE))

.venv-rasa/.ready: requirements-rasa.txt
	@python3 -c 'import sys; sys.exit(0 if sys.version_info[:2] == (3, 11) else "Rasa needs Python 3.11 exactly; make .venv-rasa with one")'
	@echo "Making .venv-rasa (1.8 GB; needs gcc)"
	@python3 -m venv .venv-rasa
	@.venv-rasa/bin/pip install --quiet --no-deps --ignore-requires-python -r requirements-rasa.txt
	@touch $@

rasa: .venv-rasa/.ready .venv/.service ## build, train and serve Rasa on 127.0.0.1:5005 (long)
	@$(PY) -m intents.rasa_domain --learnt var/rasa-nlu
	@RASA_TELEMETRY_ENABLED=false .venv-rasa/bin/rasa train nlu --nlu var/rasa-nlu --config intents/config.yml --domain intents/domain.yml --out var/rasa
	@RASA_TELEMETRY_ENABLED=false exec .venv-rasa/bin/rasa run --enable-api --interface 127.0.0.1 --port 5005 --model var/rasa

lock: | .venv/bin/uv ## pin requirements.in and requirements-dev.in anew, with hashes
	@for set in requirements requirements-dev; do \
	  $(UV) pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-annotate \
	    --custom-compile-command "make lock" $$set.in -o $$set.txt; done

audit: | .venv/bin/uv ## look the locked packages up in the public list of known faults (needs PyPI itself)
	@exec deploy/audit.sh

clean: ## remove what was built or made (not your data in var/)
	@rm -rf .venv .mypy_cache .ruff_cache .pytest_cache
