# Pellucid: everything happens in this folder; its own Python environment is .venv.
#
#   make train      install, and train a small network on real handwritten digits
#   make test       install what the tests need, and run every check

# make test TORCH=1 also installs torch, for the tests that compare with it (large, so only on request).
TORCH ?=
# The Python to make .venv with; by default the first fitting one is taken.
PYTHON ?=
# How many processes share the tests.
PROCESSES ?= auto

PYTHONS = $(or $(PYTHON),python3 python3.14 python3.13 python3.12 python3.11 python)
IN_VENV = .venv/bin/python -m
TORCH_VERSION = 2.13.0

# A Python elsewhere must not reach into .venv, and pip must not reach out of it.
unexport PYTHONPATH PYTHONHOME PIP_USER PIP_TARGET PIP_PREFIX PIP_ROOT

# The tests start many processes, and what is not kept compiled each compiles anew: 1.1 s instead of 0.4.
unexport PYTHONDONTWRITEBYTECODE

# The theme announces its successor at every start.
export NO_MKDOCS_2_WARNING = 1

# Stamps in .venv say what is installed. They count only while .venv works and this folder has not been moved.
PLACE := $(shell pwd)
STAMPED := $(shell .venv/bin/python -c 'print(open(".venv/made").read().strip())' 2>/dev/null)
ifneq ($(STAMPED),$(PLACE))
.venv/made: anew
endif

# The products of small matrices that these networks need gain nothing from a second thread of NumPy's, and where
# another program takes a core its threads wait for each other: a step took 113 ms instead of 26.
export OPENBLAS_NUM_THREADS ?= 1

.DEFAULT_GOAL := help
.NOTPARALLEL:      # two pips at work in one environment would break it
.PHONY: help train test check docs clean anew

help:
	@echo 'make train   install into .venv and train a small network on real handwritten digits'
	@echo 'make test    install what the tests need and run every check (TORCH=1 adds the comparison with torch)'
	@echo 'make check   run every check with what is installed'
	@echo 'make docs    build the documentation into build/site'
	@echo 'make clean   remove .venv, build/ and all caches; runs/ is kept'

train: .venv/usual
	.venv/bin/pellucid train --data digits

test: .venv/dev $(if $(TORCH),.venv/torch)
	@$(MAKE) --no-print-directory check

# The one list of checks, the same here and in CI; the quick ones come first, and mypy and mkdocs, which take one
# processor each, side by side.
check:
	$(IN_VENV) ruff check .
	$(IN_VENV) ruff format --check .
	$(IN_VENV) mypy & types=$$!; $(IN_VENV) mkdocs build --strict; pages=$$?; wait $$types && exit $$pages
	$(IN_VENV) pytest --numprocesses $(PROCESSES) --maxprocesses 8 --dist worksteal

docs: .venv/dev
	$(IN_VENV) mkdocs build --strict
	@echo 'Open build/site/index.html'

clean:
	rm -rf .venv build dist site .mypy_cache .ruff_cache .pytest_cache .hypothesis
	find src tests -name __pycache__ -prune -exec rm -rf {} +

.venv/made:
	@.venv/bin/python -c 'import pip' 2>/dev/null || { \
	    for python in $(PYTHONS); do \
	        $$python -c 'import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && \
	        echo "Making .venv with $$python" && exec $$python -m venv --clear .venv; \
	    done; \
	    echo 'Pellucid needs Python 3.11 or newer with its venv module; none was found among: $(strip $(PYTHONS)).' >&2; \
	    echo 'Install one (on Debian and Ubuntu: python3 and python3-venv), or name yours: make train PYTHON=/path/to/python3' >&2; \
	    exit 1; }
	@pwd > $@

.venv/usual: .venv/made pyproject.toml
	@echo 'Installing Pellucid and what it needs into .venv (about 440 MB; a minute or so, once)'
	@$(IN_VENV) pip install --quiet --editable '.[images,plot]'
	@touch $@

.venv/dev: .venv/made pyproject.toml
	@echo 'Installing Pellucid and what its tests need into .venv (about 1 GB; some minutes, once)'
	@$(IN_VENV) pip install --quiet --no-compile --editable '.[dev]'
	@touch $@

.venv/torch: .venv/made
	$(IN_VENV) pip install --quiet --no-compile torch==$(TORCH_VERSION)
	@touch $@
