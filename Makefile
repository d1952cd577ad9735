# `make` lists what there is. Everything works from a clean clone: it installs what it needs first.
SHELL := bash
PYTHON_BIN := .venv/bin/python
TRAFFIC ?= generated
SOURCE ?=
TESTS ?= tests
PROCESSES ?= 2

.DEFAULT_GOAL := help
.PHONY: help setup demo up down status test lint clean

help: ## Say what there is
	@grep -E '^[a-z]+:.*## ' Makefile | sed -E 's/^([a-z]+):.*## /  make \1\t/' | expand -t 16
	@echo
	@echo '  TRAFFIC=kuairand SOURCE=FOLDER  with demo: the KuaiRand log in place of generated traffic'
	@echo '  DB=postgres                     with up: PostgreSQL in the place of SQLite'
	@echo '  S3=moto SPARK=standalone        with up: a simulated S3, a Spark cluster'
	@echo '  PORT=8080                       with up: of Airflow; S3_PORT=9000, SPARK_PORT=7077; 0: any free one'
	@echo '  TESTS=tests/traffic             with test: only these; PROCESSES=2 at once, 0: in this one'
	@echo '  PYTHON=… TORCH_INDEX=…          with setup: see infra/setup.sh'

setup: ## Make .venv with the pinned requirements and a Java for Spark (once; then free)
	@bash infra/setup.sh

demo: setup ## Run the DAG daily_compression by Airflow on days of traffic; print what came of it
	@$(PYTHON_BIN) -m infra.demo --traffic '$(TRAFFIC)' --source '$(SOURCE)'

up: setup ## Bring up a lasting local Airflow, or what is missing of it; say its address and login
	@$(PYTHON_BIN) -m infra.stack up \
		$(if $(DB),--db '$(DB)') $(if $(S3),--s3 '$(S3)') $(if $(SPARK),--spark '$(SPARK)') \
		$(if $(PORT),--port '$(PORT)') $(if $(S3_PORT),--s3-port '$(S3_PORT)') \
		$(if $(SPARK_PORT),--spark-port '$(SPARK_PORT)')

down: setup ## End what `make up` started, and nothing else; its data stays
	@$(PYTHON_BIN) -m infra.stack down

status: setup ## Say what of it runs, and where the last reports are
	@$(PYTHON_BIN) -m infra.stack status

lint: setup ## Check style and types
	@$(PYTHON_BIN) -m ruff check .
	@$(PYTHON_BIN) -m ruff format --check --quiet .
	@$(PYTHON_BIN) -m mypy shark_core jobs dags infra

test: lint ## Check style and types, then run the tests
	@$(PYTHON_BIN) -m pytest -q --durations=10 \
		--numprocesses $(PROCESSES) --no-loadscope-reorder $(TESTS)

clean: ## Remove .venv, .demo, .stack and caches; never a lake of yours
	@[ ! -e .stack/state.json ] || { echo 'clean: the stack is up; `make down` first'; exit 1; }
	@rm -rf .venv .demo .stack .benchmarks .pytest_cache .hypothesis .mypy_cache .ruff_cache
	@rm -rf spark-warehouse metastore_db derby.log
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +
