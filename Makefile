# make setup | demo | zoo | test | lint | android-test | android-apk | android-screens. Each sets up
# .venv first when it is missing.
.PHONY: setup demo zoo test lint clean android-test android-apk android-screens
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
	PATH="$(CURDIR)/$(BIN):$$PATH" bash recipes/zoo.sh build/zoo docs/zoo.md

test: setup
	TF_ENABLE_ONEDNN_OPTS=0 $(BIN)/python -m pytest

# The app on what `make demo` left, and always on small untrained files of every kind.
SMALL := build/android/small
DEMO = $(wildcard build/demo/golden/golden.json)
MADE_FROM := $(wildcard android_demo/tools/small_files.py export/*.py keras_matting/*/*.py)

$(SMALL)/golden.json: .venv/ready $(MADE_FROM)
	@echo "Making small .tflite files and their golden vectors (a minute) ..."
	@rm -rf $(SMALL)
	@mkdir -p build/android
	@TF_ENABLE_ONEDNN_OPTS=0 $(BIN)/python android_demo/tools/small_files.py $(SMALL) 2>build/android/small.log || { cat build/android/small.log >&2; exit 1; }

android-test: $(SMALL)/golden.json
	bash android_demo/desktop/fetch.sh test
	bash android_demo/desktop/test.sh $(CURDIR)/$(SMALL) $(if $(DEMO),$(CURDIR)/build/demo)

android-apk: $(if $(DEMO),,$(SMALL)/golden.json)
	@$(if $(DEMO),true,echo "build/demo has no golden vectors (make demo): the APK gets the small untrained networks.")
	bash android_demo/desktop/fetch.sh apk
	bash android_demo/desktop/apk.sh $(CURDIR)/$(if $(DEMO),build/demo,$(SMALL))

android-screens: android-apk
	bash android_demo/desktop/screens.sh $$($(BIN)/python -c 'import skimage; print(skimage.__path__[0])')/data/astronaut.png

lint: setup
	$(BIN)/ruff check .

clean:
	rm -rf build .venv android_demo/build
