# Everything is kept in this folder: .venv, labextension/node_modules, .cache.
# On a fresh Debian or Ubuntu, `make demo` and `make test` do all the set-up themselves.

PYTHON ?= $(shell for p in python3 python3.14 python3.13 python3.12 python3.11; do \
	$$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$p && break; done)
RUN := .venv/bin/python
TIERS := test-unit test-docs test-frameworks test-kernel test-server test-export test-models test-browser \
	test-frontend test-ordinary-user

.DEFAULT_GOAL := help
.PHONY: help demo test lint format lab bench docs soak setup clean need-python $(TIERS)

help: ## say what there is
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## /  make \1: /'
	@echo '  make $(TIERS): one part of the tests'

demo: need-python ## define an agent, export it, serve it, ask it: no key, no browser
	@$(PYTHON) scripts/setup.py demo
	@$(RUN) scripts/demo.py

test: need-python ## lint and all tests, then what ran, what did not, and why
	@$(PYTHON) scripts/setup.py test
	@$(RUN) scripts/check.py

lint: need-python ## style, types, layers, bundle sizes
	@$(PYTHON) scripts/setup.py test
	@$(RUN) scripts/check.py lint

$(TIERS): need-python
	@$(PYTHON) scripts/setup.py test
	@$(RUN) scripts/check.py $(@:test-%=%)

format: ## let the formatters have their way
	@.venv/bin/ruff check --fix --quiet .
	@.venv/bin/ruff format .
	@cd labextension && PATH="$(CURDIR)/.venv/bin:$$PATH" npm run --silent format

lab: need-python ## JupyterLab on the notebooks
	@$(PYTHON) scripts/setup.py lab
	@.venv/bin/jupyter lab $(if $(filter 0,$(shell id -u)),--allow-root) --notebook-dir=notebooks

bench: need-python ## measure, and write what was measured
	@$(PYTHON) scripts/setup.py test
	@set -e; for file in bench/*.py; do echo "== $$file"; $(RUN) $$file; done

docs: need-python ## the documentation site, in .cache/site
	@$(PYTHON) scripts/setup.py test
	@SKIP_JUPYTER_BUILDER=1 $(RUN) -m pip install --quiet --disable-pip-version-check -e ".[docs]"
	@NO_MKDOCS_2_WARNING=1 .venv/bin/mkdocs build --quiet && echo 'It is in .cache/site/index.html'

soak: need-python ## what takes long: hundreds of cycles, large streams
	@$(PYTHON) scripts/setup.py test
	@$(RUN) scripts/check.py soak

setup: need-python ## only the set-up
	@$(PYTHON) scripts/setup.py test

clean: ## remove what was built, downloaded and cached here
	rm -rf .venv .cache labextension/node_modules agentscope_runtime_nb/labextension \
		agentscope_runtime_nb/widgets/static dist build .pytest_cache .ruff_cache \
		.import_linter_cache .hypothesis

need-python:
	@test -n "$(PYTHON)" || { echo 'Python 3.11 or newer is needed, with its name in PYTHON=…' \
		'(Debian 12: apt install python3; Ubuntu 22.04: apt install python3.11)'; exit 1; }
