# `make` lists what there is. Every target works from any folder: make -C <here> run
.DEFAULT_GOAL := help
SHELL := /bin/sh
CALLED_FROM := $(PWD)
PYTHON := .venv/bin/python
export STORY EXCHANGE JOURNAL CAMPAIGN CARRIER FROM TO TODAY RERUN REQUEST BY WHY SUBSCRIBER ON RECHARGE ARGS STOP N MINUTES DAYS KILLS SEED CALLED_FROM
export PYTHONPATH := $(CURDIR)/plugins
# With a place for OpenLineage events what emits them is installed as well.
RUNTIME := $(if $(OPENLINEAGE_URL)$(OPENLINEAGE_CONFIG)$(OPENLINEAGE__TRANSPORT__TYPE),lineage,runtime)
# Without compiled bytecode every process starts two to three times slower.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: help run check psql dbt warehouse upgrade override why report archive airflow test test-fast fuzz crash lint bench up down docs lock clean

help: ## this list
	@echo "make <target> [VARIABLE=value ...]"
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  \1|\2/p' $(MAKEFILE_LIST) | awk -F'|' '{ printf "%-12s %s\n", $$1, $$2 }'

run: ## play the sample story (STORY=long: 72 dates), or EXCHANGE=<folder> CAMPAIGN=<file.yml> FROM=<date> TO=<date>; RERUN=1
	@scripts/bootstrap $(RUNTIME)
	@$(PYTHON) -m laoyouhui_local.run

check: ## check CAMPAIGN=<file.yml>[:b.yml], or CARRIER=<file.yml>, or both together, before anything runs; docs/check.md
	@scripts/bootstrap runtime
	@$(PYTHON) -m laoyouhui_local.check

psql: ## open the warehouse of the story, or of EXCHANGE and CAMPAIGN
	@scripts/bootstrap runtime
	@$(PYTHON) -m laoyouhui_local.open psql

dbt: ## run dbt over the warehouse of the story, or of EXCHANGE and CAMPAIGN: ARGS="show --select recharge_decisions"
	@scripts/bootstrap runtime
	@$(PYTHON) -m laoyouhui_local.open dbt

warehouse: ## keep the embedded PostgreSQL running, for dbt, psql or an editor (STOP=1 ends it)
	@scripts/bootstrap runtime
	@$(PYTHON) -m laoyouhui_local.open warehouse

upgrade: ## upgrade the warehouse of an older release to this one (ARGS=--show: preview, ARGS=--sql: print the SQL)
	@scripts/bootstrap runtime
	@$(PYTHON) -m laoyouhui_local.open upgrade

override: ## request a manual override, REQUEST="give-up <file>" BY=<who> WHY=<why>, for the story, or EXCHANGE and CAMPAIGN; docs/manual-overrides.md
	@scripts/bootstrap runtime
	@$(PYTHON) -m laoyouhui_local.open override

report: ## write the summary report of the story, or of EXCHANGE and CAMPAIGN; docs/closing.md
	@scripts/bootstrap runtime
	@$(PYTHON) -m laoyouhui_local.open report

archive: ## write the report and the archive, which `sha256sum -c` verifies
	@scripts/bootstrap runtime
	@$(PYTHON) -m laoyouhui_local.open archive

why: ## explain SUBSCRIBER=<id>, all or ON=<date> or RECHARGE=<id>, in the story, or EXCHANGE and CAMPAIGN; docs/why.md
	@scripts/bootstrap runtime
	@$(PYTHON) -m laoyouhui_local.open why

airflow: ## open Airflow's page for the story, or for EXCHANGE and CAMPAIGN, until Ctrl-C
	@scripts/bootstrap $(RUNTIME)
	@$(PYTHON) -m laoyouhui_local.open airflow

test-fast: ## run the tests that take a minute: units, DAGs, unit tests of models
	@scripts/bootstrap dev
	@$(PYTHON) -m pytest -n auto --maxprocesses 4 --dist worksteal tests/unit tests/dags tests/integration/test_dbt_unit_tests.py

test: ## run every test
	@scripts/bootstrap dev
	@$(PYTHON) -m pytest -n auto --maxprocesses 4 --dist loadfile --no-loadscope-reorder

fuzz: ## fuzz the readers with random bytes, MINUTES=4, then play CAMPAIGNS=100 random campaigns, then DAYS=300 of random rows
	@scripts/bootstrap dev
	@scripts/fuzz
	@LAOYOUHUI_CAMPAIGNS=$(or $(CAMPAIGNS),100) $(PYTHON) -m pytest -q tests/campaign/test_any_campaign.py

crash: ## kill runs and servers at random, KILLS=200 times, and compare the result with an undisturbed run (SEED=1)
	@scripts/bootstrap dev
	@$(PYTHON) -m tests.crash

lint: ## run every linter
	@scripts/bootstrap dev
	@scripts/lint

bench: ## measure a month's biggest day of N=1000000 subscribers against a hand-written SQL script
	@scripts/bootstrap runtime
	@$(PYTHON) -m laoyouhui_local.bench

up: ## start the deployment of docker-compose.yml (STORY=1: play the sample story there)
	@deploy/up

down: ## stop the deployment; its data stays
	@docker compose down

docs: ## write the data dictionary
	@scripts/bootstrap runtime
	@$(PYTHON) scripts/data_dictionary

# From the index alone: of what further places of this machine hold, no file for other machines would be locked.
lock: ## lock the newest packages that requirements/*.in allow
	@scripts/bootstrap runtime
	@for name in uv runtime lineage dev fuzz; do \
		PIP_CONFIG_FILE=/dev/null PIP_FIND_LINKS= PIP_EXTRA_INDEX_URL= scripts/uv pip compile \
			--universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header \
			--no-annotate --upgrade --quiet --output-file requirements/$$name.txt requirements/$$name.in || exit 1; \
	done

clean: ## remove everything made here; your own EXCHANGE stays
	@scripts/clean
