# make setup | demo | zoo | test | check | lint | android-test | android-apk | android-screens |
# web | web-build | web-test. Each sets up .venv first if it is missing: the classic lane on Python
# 3.11, the current lane on 3.12 or 3.13. PYTHON=python3.13 chooses the interpreter, VENV=DIR another
# environment.
.PHONY: setup demo zoo test check lint clean android-test android-apk android-screens web web-build web-test
.DELETE_ON_ERROR:

# the first that runs (a pyenv shim may exist for a version that is not enabled)
SUPPORTED := import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))
PYTHON ?= $(shell for python in python3.11 python3.12 python3.13 python3 python; do \
  $$python -c '$(SUPPORTED)' 2>/dev/null && echo $$python && break; done)
VENV ?= .venv
BIN := $(VENV)/bin
LANE := import sys; from importlib.metadata import version; \
  print(("classic", "current")[sys.version_info >= (3, 12)], "lane: Python", \
  sys.version.split()[0] + ", TensorFlow", version("tensorflow"))

# silence TensorFlow's start-up messages; use oneDNN kernels, which are off by default on some CPUs
export TF_CPP_MIN_LOG_LEVEL ?= 3
export TF_ENABLE_ONEDNN_OPTS ?= 1

setup: $(VENV)/ready
	@$(BIN)/python -c '$(LANE)'

$(VENV)/ready: requirements.txt pyproject.toml
	@$(or $(PYTHON),false) -c '$(SUPPORTED)' 2>/dev/null || \
	  { echo "keras_matting needs Python 3.11, 3.12 or 3.13$(if $(PYTHON),; $(PYTHON) is not one of these). Install one, or run make PYTHON=/path/to/python3.11." >&2; exit 1; }
	@echo "Installing into $(VENV) (about 2 GB, takes a few minutes the first time) ..."
	@$(PYTHON) -m venv $(VENV) && $(BIN)/pip install -q -r requirements.txt && $(BIN)/pip install -q --no-deps -e . || \
	  { echo "Installing into $(VENV) failed for the reason above. Fix it (network? disk space?) and run make again." >&2; exit 1; }
	@touch $@

demo: setup
	PATH="$(abspath $(BIN)):$$PATH" bash recipes/demo.sh build/demo

zoo: setup
	PATH="$(abspath $(BIN)):$$PATH" bash recipes/zoo.sh build/zoo docs/zoo.md

test: setup
	TF_ENABLE_ONEDNN_OPTS=0 $(BIN)/python -m pytest

# what a change usually breaks, in under three minutes; tests/conftest.py lists the slow tests
check: lint
	TF_ENABLE_ONEDNN_OPTS=0 $(BIN)/python -m pytest -m "not slow"

# The app carries the networks of keras_matting/pretrained. Its tests also use small untrained files
# of every kind, and what `make demo` left.
SHIPPED := build/android/shipped
SMALL := build/android/small
DEMO = $(wildcard build/demo/golden/golden.json)
MADE_FROM := $(wildcard export/*.py keras_matting/*.py keras_matting/*/*.py keras_matting/*/*/*.py)
MAKE_FILES = rm -rf $(@D) && mkdir -p $(@D) && { TF_ENABLE_ONEDNN_OPTS=0 $(BIN)/python $< $(@D) 2>$(@D).log || { cat $(@D).log >&2; exit 1; }; }

$(SHIPPED)/golden.json: android_demo/tools/shipped_files.py $(VENV)/ready $(MADE_FROM) $(wildcard keras_matting/pretrained/*.json keras_matting/pretrained/*.tflite)
	@echo "Making golden vectors of the networks that ship ..."
	@$(MAKE_FILES)

$(SMALL)/golden.json: android_demo/tools/small_files.py $(VENV)/ready $(MADE_FROM)
	@echo "Making small .tflite files and their golden vectors (a minute) ..."
	@$(MAKE_FILES)

android-test: $(SMALL)/golden.json $(SHIPPED)/golden.json
	bash android_demo/desktop/fetch.sh test
	bash android_demo/desktop/test.sh $(CURDIR)/$(SMALL) $(CURDIR)/$(SHIPPED) $(if $(DEMO),$(CURDIR)/build/demo)

android-apk: $(SHIPPED)/golden.json
	bash android_demo/desktop/fetch.sh apk
	bash android_demo/desktop/apk.sh $(CURDIR)/$(SHIPPED)

android-screens: android-apk
	bash android_demo/desktop/screens.sh $$($(BIN)/python -c 'import skimage; print(skimage.__path__[0])')/data/astronaut.png

# The page for browsers: `web` serves it on this machine, `web-build` leaves build/web/site to upload.
WEB := build/web
NODE_MODULES := web_demo/node_modules/.package-lock.json

$(WEB)/data/networks.json: $(SMALL)/golden.json web_demo/tools/data.py keras_matting/pretrained/networks.json
	@echo "Collecting networks and golden vectors for the page (a minute) ..."
	@mkdir -p $(WEB)
	@TF_ENABLE_ONEDNN_OPTS=0 $(BIN)/python web_demo/tools/data.py $(SMALL) $(WEB)/data $(WEB)/reference 2>$(WEB)/data.log || { cat $(WEB)/data.log >&2; exit 1; }
	@touch $@

$(NODE_MODULES): web_demo/package-lock.json
	cd web_demo && npm ci --ignore-scripts --no-audit --no-fund

web-build: $(WEB)/data/networks.json $(NODE_MODULES)
	@node web_demo/build.mjs $(WEB)/site $(WEB)/data

web: web-build
	node web_demo/serve.mjs $(WEB)/site

web-test: web-build
	bash web_demo/test.sh

lint: setup
	$(BIN)/ruff check .
	$(BIN)/lint-imports --no-logo --no-cache

clean:
	rm -rf build .venv* android_demo/build web_demo/node_modules
