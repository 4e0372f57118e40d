# make setup | demo | zoo | test | lint. Each sets up .venv first when it is missing.
.PHONY: setup demo zoo test lint clean
.DELETE_ON_ERROR:

PYTHON ?= $(shell command -v python3.11 || command -v python3 || echo python3.11)
BIN := .venv/bin

# TensorFlow's start-up chatter away; its oneDNN kernels on, which it leaves off on some processors
export TF_CPP_MIN_LOG_LEVEL ?= 3
export TF_ENABLE_ONEDNN_OPTS ?= 1

setup: .venv/ready

.venv/ready: requirements.txt pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info[:2] != (3, 11))' 2>/dev/null || \
	  { echo "keras_matting needs Python 3.11 and $(PYTHON) is not it: install it, or run make PYTHON=/path/to/python3.11." >&2; exit 1; }
	@echo "Installing into .venv (about 2 GB, some minutes the first time) ..."
	@$(PYTHON) -m venv .venv && $(BIN)/pip install -q -r requirements.txt && $(BIN)/pip install -q --no-deps -e . || \
	  { echo "The installation into .venv failed for the reason above: mend it (network? disk?) and run make again." >&2; exit 1; }
	@touch $@

demo: setup
	PATH="$(CURDIR)/$(BIN):$$PATH" bash recipes/demo.sh build/demo

zoo: setup
	$(BIN)/python -m export.zoo

test: setup
	TF_ENABLE_ONEDNN_OPTS=0 $(BIN)/python -m pytest

lint: setup
	$(BIN)/ruff check .

clean:
	rm -rf build .venv
