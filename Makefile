# `make` lists what there is. Everything works from a clean clone: it installs what it needs first.
SHELL := bash
PYTHON_BIN := .venv/bin/python
TRAFFIC ?= generated
SOURCE ?=
TESTS ?= tests

.DEFAULT_GOAL := help
.PHONY: help setup demo test lint clean

help: ## Say what there is
	@grep -E '^[a-z]+:.*## ' Makefile | sed -E 's/^([a-z]+):.*## /  make \1\t/' | expand -t 16
	@echo
	@echo '  TRAFFIC=kuairand SOURCE=FOLDER  with demo: the KuaiRand log in place of generated traffic'
	@echo '  TESTS=tests/traffic             with test: only these'
	@echo '  PYTHON=… TORCH_INDEX=…          with setup: see infra/setup.sh'

setup: ## Make .venv with the pinned requirements and a Java for Spark (once; then free)
	@bash infra/setup.sh

demo: setup ## Run the DAG daily_compression by Airflow on days of traffic; print what came of it
	@$(PYTHON_BIN) -m infra.demo --traffic '$(TRAFFIC)' --source '$(SOURCE)'

lint: setup ## Check style and types
	@$(PYTHON_BIN) -m ruff check .
	@$(PYTHON_BIN) -m ruff format --check --quiet .
	@$(PYTHON_BIN) -m mypy shark_core jobs dags infra

test: lint ## Check style and types, then run the tests
	@$(PYTHON_BIN) -m pytest -q --durations=10 $(TESTS)

clean: ## Remove .venv, .demo and caches; never a lake of yours
	@rm -rf .venv .demo .benchmarks .pytest_cache .hypothesis .mypy_cache .ruff_cache
	@rm -rf spark-warehouse metastore_db derby.log
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +
