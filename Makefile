# Two commands: `make repro` rebuilds every result, `make test` checks every promise.
# Each needs git, make and Python 3.11 or 3.12, and makes its own environment in .venv on first use.

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
.PHONY: help repro test lint seeds ladder table claims readme format environment clean

# One thread per process: faster for small models, and repeats agree to the last bit.
export OMP_NUM_THREADS := 1
# Forty stages are forty processes: each module is compiled once, when it is first imported, and kept.
export PYTHONDONTWRITEBYTECODE :=
export PATH := $(CURDIR)/.venv/bin:$(PATH)

READY := .venv/ready
TOOLS := .venv/tools
PIP := .venv/bin/python -m pip install --disable-pip-version-check --no-compile --constraint constraints.txt --editable
STARTED := $(shell date +%s)

help:    ## what can be made
	@sed -nE 's/^([a-z]+):.*## (.*)/  make \1 : \2/p' Makefile

repro: $(READY)    ## run the whole graph (what is up to date is left alone) and say what to look at
	@echo "== the graph of dvc.yaml with the values of params.yaml: \`dvc repro\`, independent stages side by side"
	@python -m flows.pipeline
	@echo
	@echo "== the graph is up to date, after $$(( $$(date +%s) - $(STARTED) )) s. Look at:"
	@echo "   data/report/index.html    tables, intervals and pictures on one page, no network needed"
	@echo "   data/report/report.md     the same tables as text"
	@echo "   dvc metrics show          the numbers alone;   dvc plots show draws them"
	@echo "   data/rivals/table.md      training-free rivals on the same host"
	@echo "   params.yaml               every value that can change them"

test: lint    ## format, lint, types, import contracts, then the tests
	@echo "== tests"
	@pytest --numprocesses auto --dist loadfile --no-loadscope-reorder
	@echo "== all checks passed, after $$(( $$(date +%s) - $(STARTED) )) s. The slow ones are opt-in: .venv/bin/pytest -m slow"

lint: $(TOOLS)    ## format, lint, types and import contracts only
	@echo "== format" && ruff format --check .
	@echo "== lint" && ruff check .
	@echo "== types" && mypy
	@echo "== import contracts" && lint-imports --no-logo

SEEDS ?= 0 1 2
seeds: $(READY)    ## the graph once for each of SEEDS, in clones that share the cache, and a table of the promises
	@python -m flows.seeds $(SEEDS)

ladder: $(READY)    ## HippoVLM's ladder of ablations with shortcut measures, three seeds, on a finished `make repro` (half an hour on a quiet core)
	@python -m flows.ladder

NAME ?= all
table: $(READY)    ## a table of the papers, ours beside what is reported: NAME=fusion, BASE=qwen3_vl, SEEDS="0 1", PLAN=1 only says what it takes
	@python -m flows.groups $(NAME) $(if $(BASE),--base $(BASE)) $(if $(filter command environment,$(origin SEEDS)),--seeds $(SEEDS)) $(if $(PLAN),--plan)

claims: $(READY)    ## the papers' claims over five seeds, each supported, contradicted or undecided (hours); PLAN=1 as above
	@python -m flows.claims $(if $(filter-out all,$(NAME)),$(NAME)) $(if $(PLAN),--plan)

readme: $(READY)    ## copy the results, the settled claims and what is declared into README.md
	@python -m codecsense.report.readme --report data/report --claims data/papers/claims.md --params params.yaml \
	    --commit $$(git rev-parse --short HEAD) README.md

format: $(TOOLS)    ## rewrite the code in the house format
	@ruff check --fix-only . && ruff format .

environment: $(TOOLS)    ## .venv alone

$(READY): pyproject.toml constraints.txt
	@echo "== environment: .venv with the versions of constraints.txt (a few minutes, once)"
	@python=""; \
	for candidate in $(PYTHON) python3.11 python3.12 python3 python; do \
	    if "$$candidate" -c 'import sys, venv, ensurepip; sys.exit(not (3, 11) <= sys.version_info[:2] < (3, 13))' 2>/dev/null; \
	    then python=$$candidate; break; fi; \
	done; \
	if [ -z "$$python" ]; then \
	    echo "no Python 3.11 or 3.12 with the venv module found; install one (on Debian: python3.11 python3.11-venv)" >&2; \
	    echo "or name it: make repro PYTHON=/path/to/python3.11" >&2; exit 1; \
	fi; \
	echo "   using $$("$$python" --version) ($$(command -v "$$python"))"; \
	.venv/bin/python -m pip --version >/dev/null 2>&1 || "$$python" -m venv --clear .venv
	@$(PIP) .
	@touch $(READY)

$(TOOLS): $(READY)
	@echo "== environment: what tests and checks need beside it"
	@$(PIP) '.[dev]'
	@touch $(TOOLS)

clean:    ## remove .venv and every result
	rm -rf .venv data
