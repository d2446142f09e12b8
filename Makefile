# Every command that a person or CI needs. `make` alone lists them.
PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin

.DEFAULT_GOAL := help
.PHONY: help demo test test-full lint types docs clean

help:  ## list the targets
	@awk -F':.*## ' '/^[a-z-]+:.*## /{printf "  %-10s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

demo: $(VENV)/demo.stamp  ## handwritten digits through the Verilog of an accelerator
	$(BIN)/python -m gemmule.tb demo

test: $(VENV)/test.stamp  ## golden models, benches and every tool that reads our files
	$(BIN)/python -m pytest -n 2 -m "not full"

test-full: $(VENV)/test.stamp  ## the same and the slower sweeps
	$(BIN)/python -m pytest -n 2

lint: $(VENV)/dev.stamp  ## style and plain mistakes
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(VENV)/dev.stamp  ## types of golden and gen
	mkdir -p build/links/gemmule
	for each in golden hw gen tb constraints; do ln -sfn ../../../$$each build/links/gemmule/$$each; done
	$(BIN)/python -m mypy -p gemmule.golden -p gemmule.gen

docs: $(VENV)/docs.stamp  ## the site, into build/docs/html; a warning is an error
	$(BIN)/python -m gemmule.gen.docs.site

clean:  ## remove what the other targets made
	rm -rf $(VENV) build dist *.egg-info .pytest_cache .ruff_cache .hypothesis

# One environment for all; a stamp for each set of extras that was installed into it.
$(VENV)/%.stamp: pyproject.toml | $(BIN)/python
	$(BIN)/python -m pip install --quiet --editable '.[$*]'
	touch $@

$(BIN)/python:
	$(PYTHON) -m venv $(VENV)
