# A fresh machine needs make and Python 3.11 or newer, or uv, which brings its own Python.
#   make demo    install, then the whole way on a small made-up data set
#   make test    install with the tools, then the tests (TESTS='...' passes arguments to pytest)

VENV := .venv
BIN := $(VENV)/bin
# `uv --version`, not `command -v uv`: a shim that cannot run counts as none.
UV := $(shell uv --version >/dev/null 2>&1 && echo uv)
PYTHON ?= $(shell for p in python3 python3.13 python3.12 python3.11; do \
	$$p -c 'import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))' 2>/dev/null \
	&& echo $$p && break; done)

ifneq ($(UV),)
CREATE := uv venv --allow-existing --python '>=3.11' $(VENV)
INSTALL := uv pip install --python $(BIN)/python --constraints constraints.txt
else
CREATE := $(PYTHON) -m venv $(VENV)
INSTALL := $(BIN)/python -m pip install --constraint constraints.txt
endif

.PHONY: demo test

demo: $(VENV)/.installed
	$(BIN)/intarsia demo --out demo

# a process a core, and a file at a time: the fixtures of a file are made once
test: $(VENV)/.installed-dev
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest --numprocesses auto --dist loadfile $(TESTS)

$(BIN)/python:
	@test -n "$(UV)$(PYTHON)" || { echo "needs Python 3.11 or newer with venv, or uv" >&2; exit 2; }
	$(CREATE)

$(VENV)/.installed: pyproject.toml constraints.txt | $(BIN)/python
	$(INSTALL) --editable .
	touch $@

$(VENV)/.installed-dev: pyproject.toml constraints.txt | $(BIN)/python
	$(INSTALL) --editable '.[dev]'
	touch $@ $(VENV)/.installed
