# `make` lists what there is. Everything works on a bare Debian 12 as root; elsewhere a sentence says what is missing.

ENV := tools/env
PYTEST := $(ENV) pytest
FAST := tests/unit tests/provider tests/attacks -m "not lab and not slow" -n 2 --dist loadfile --no-loadscope-reorder
WORKERS ?= 4

.DEFAULT_GOAL := help
.PHONY: docs pins help random setup checks lab-setup test unit pythons lint hosts demo clean

help: ## this list
	@sed -nE 's/^([a-z-]+):[^#]*## (.*)$$/\1\t\2/p' $(MAKEFILE_LIST) | expand -t 12

setup: ## get the Pulumi engine, restic and the virtual environment, where they are missing
	@tools/setup

# What the lab's hosts run in is the lab's own business: it finds or installs it.
lab-setup: setup
	@$(ENV) python -m lab setup

# Side by side what waits for nothing of the others: images are built while the fast tests run, and the other Pythons run
# beside the hosts, which wait for packages, logins and each other.
test: setup checks ## everything: the fast tests on two Pythons, lint, and the tests on real hosts in containers
	@$(MAKE) --no-print-directory -j3 --output-sync=target unit lint lab-setup
	@$(MAKE) --no-print-directory -j2 hosts pythons WHICH=--farthest

# More workers than cores: in half of a worker's time nothing is calculated on this machine (the table's last three columns).
hosts: setup # the tests on hosts alone
	$(PYTEST) tests -m "lab or slow" -n $(WORKERS) --dist loadfile --no-loadscope-reorder --durations 25 || $(ENV) python -m tests.again

checks: # what the tests look with, beside what is run anyway
	@tools/setup --checks

unit: checks ## only the fast tests, which need no host
	$(PYTEST) $(FAST)

# One cache a checkout: after a failure, tests/again.py reads there what failed on the checkout's own Python. What shellcheck
# says of a script is the same on each.
pythons: checks ## the fast tests on every other supported Python that this machine has
	@$(ENV) python -m tools.every_python $(WHICH) pytest $(FAST) -n 1 -k "not shellcheck" -q -rfE -p no:cacheprovider

ifdef DOUBLES
random: setup
	PYTHONHASHSEED=0 AEGIR_DOUBLE_STEPS=$(STEPS) AEGIR_RANDOM_SEED=$(SEED) $(PYTEST) tests/provider/test_random.py
else
random: lab-setup ## random edits, kills and drift, with content compared after each: STEPS=300 SEED=7 on hosts, DOUBLES=1 on doubles
	AEGIR_RANDOM_STEPS=$(STEPS) AEGIR_RANDOM_SEED=$(SEED) $(PYTEST) tests/integration/test_random.py
endif

lint: checks ## style, format, types, and the words of README and docs
	$(ENV) ruff check .
	$(ENV) ruff format --check .
	$(ENV) mypy
	MYPYPATH=examples/python-program/cloud $(ENV) mypy examples/python-program/__main__.py
	MYPYPATH=examples/python-program/cloud $(ENV) mypy examples/python-program/cloud/__main__.py
	$(ENV) mypy examples/plugin/plugin.py
	$(ENV) codespell README.md CHANGELOG.md CONTRIBUTING.md docs aegir_components demo lab pipelines tools
	$(ENV) python -m tools.prose

pins: ## newest versions in the requirements files, with hashes; it says what changed. KEEP=1: hashes alone
	@$(ENV) python -m tools.pins $(if $(KEEP),--keep)

# STACK=pack: three web servers as one, in virtual machines.
export AEGIR_DEMO_STACK := $(STACK)

ifdef DOWN
demo: setup
	@$(ENV) python -m demo --down
else
demo: lab-setup ## an estate on hosts in containers; PLATFORM=path: with your own code; STACK=pack: a pack; DOWN=1: take it down
	@$(ENV) python -m demo $(if $(PLATFORM),--platform "$(PLATFORM)")
endif

clean: setup ## take the demo and its hosts down
	@$(ENV) python -m demo --down

docs: checks ## the site of the documentation in .site, with its pictures drawn again where Graphviz is there
	@! command -v dot >/dev/null || dot -Tsvg docs/images/hub-and-spokes.dot -o docs/images/hub-and-spokes.svg
	NO_MKDOCS_2_WARNING=1 $(ENV) mkdocs build --strict --quiet
	@echo "read it with: python3 -m http.server --directory .site"
