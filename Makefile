PYTHON ?= python3.11
VENV := .venv
BIN := $(VENV)/bin

.PHONY: bench test check reference clean

bench: $(VENV)/.ready  ## install, then run every available dataset with the default preset
	$(BIN)/python -m benchmarks.run --all $(ARGS)

test: $(VENV)/.ready  ## install, then run the tests
	$(BIN)/python -m pytest -n auto $(ARGS)

check: $(VENV)/.ready  ## lint and types
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

$(VENV)/.ready: pyproject.toml
	command -v $(PYTHON) >/dev/null || { echo "Python 3.11 or newer is needed; name it with: make PYTHON=/path/to/python"; exit 1; }
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade pip
	$(BIN)/python -m pip install --quiet --editable '.[dev,page-test,medmnist]'
	touch $@

clean:
	rm -rf $(VENV) results/run
