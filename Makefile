PYTHON ?= python3.11
VENV := .venv
BIN := $(VENV)/bin

.PHONY: bench test browser check mutants docs reference clean

bench: $(VENV)/.ready  ## install, then run every available dataset with the default preset
	$(BIN)/python -m benchmarks.run --all $(ARGS)

test: $(VENV)/.ready browser  ## install, then run the tests
	$(BIN)/python -m pytest -n auto --dist worksteal $(ARGS)

browser:  ## whether the tests of the page can run; installs nothing
	@for name in chromium chromium-browser google-chrome google-chrome-stable; do command -v $$name >/dev/null && exit 0; done; \
	  echo "no Chromium here: the tests of the page will be skipped. To run them: apt-get install chromium (or dnf, brew)"

check: $(VENV)/.ready  ## lint and types
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

mutants: $(VENV)/.ready  ## change the code in one place at a time: do the tests notice?
	$(BIN)/python -m tests.mutation $(ARGS)

docs: $(VENV)/.ready  ## the page of all methods, from the registry
	$(BIN)/python -m benchmarks.catalogue docs

$(VENV)/.ready: pyproject.toml
	@command -v $(PYTHON) >/dev/null || { echo "Python 3.11 or newer is needed; name it with: make PYTHON=/path/to/python"; exit 1; }
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade pip
	$(BIN)/python -m pip install --quiet --editable '.[dev,page-test,medmnist]'
	touch $@

REFERENCE := results/reference-run
COMMON := $(foreach m,cross-entropy oversampling undersampling weighted-cross-entropy focal under-bagging,--method $(m))
FIVE := --seed 0 --seed 1 --seed 2 --seed 3 --seed 4
EXPLAIN := $(BIN)/python -m benchmarks.explain --results results/reference --ratio 10 --ratio 80 --seed 0 --seed 1
PROPOSED := --method '*scale-*-stage*'

reference: $(VENV)/.ready  ## make results/reference again; set IMBALANCE_DATA for the datasets that need it
	$(BIN)/python -m benchmarks.run --all --no-report --results $(REFERENCE)
	$(BIN)/python -m benchmarks.run --all --no-report --results $(REFERENCE) --comparison equal-footing $(COMMON) \
	  --method posthoc-logit-adjustment --method balanced-softmax
	$(BIN)/python -m benchmarks.reference $(REFERENCE) results/reference
	$(BIN)/python -m benchmarks.run --all --no-report --results $(REFERENCE)-five --dataset elpv --dataset 'dagm/1' \
	  $(FIVE) $(COMMON) $(PROPOSED)
	$(BIN)/python -m benchmarks.run --all --no-report --results $(REFERENCE)-five --dataset elpv --dataset 'dagm/1' \
	  $(FIVE) --method multiscale-two-stage --set 'method.multiscale-two-stage.source="textures"'
	$(BIN)/python -m benchmarks.run --all --no-report --results $(REFERENCE)-five --dataset elpv --dataset 'dagm/1' \
	  $(FIVE) --protocol few --minority 3,5,10,20 $(COMMON) --method posthoc-logit-adjustment --method multiscale-two-stage
	$(BIN)/python -m benchmarks.reference $(REFERENCE)-five results/reference/five-seeds
	$(EXPLAIN) --dataset textures
	test -z "$$IMBALANCE_DATA" || $(EXPLAIN) --dataset dagm/1
	rm -f results/reference/explain/*-panels.* results/reference/explain/*-images.csv # 24 MB; the command makes them

clean:
	rm -rf $(VENV) results/run
