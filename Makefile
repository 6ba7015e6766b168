PYTHON ?= python3.11
VENV := .venv
BIN := $(VENV)/bin

.PHONY: bench test browser check faults mutants docs reference clean

bench: $(VENV)/.ready  ## install, then run every available dataset with the default preset
	$(BIN)/python -m benchmarks.run --all $(ARGS)

test: $(VENV)/.ready browser  ## install, then run the tests
	$(BIN)/python -m pytest -n auto --dist worksteal $(ARGS)

browser:  ## whether the tests of the page can run; installs nothing
	@for name in chromium chromium-browser google-chrome google-chrome-stable; do command -v $$name >/dev/null && exit 0; done; \
	  echo "no Chromium here: the tests of the page will be skipped. To run them: apt-get install chromium (or dnf, brew)"

check: $(VENV)/.ready  ## lint, types, what is unsafe in the code, and in the packages as far as the network is there
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/bandit -q -ll -r datasets methods benchmarks experiments
	$(BIN)/python -m pip check
	@said=$$(timeout 120 $(BIN)/pip-audit --local --skip-editable --progress-spinner off 2>&1); code=$$?; echo "$$said"; \
	  case "$$said" in *"Found "*" known vulnerabilit"*) echo "packages with known faults are named above"; exit 1;; esac; \
	  [ $$code = 0 ] || echo "the list of packages with known faults could not be reached, which is no error"

faults: $(VENV)/.ready  ## kills, images, settings, tampered files and plug-ins by the hundred, in ten minutes
	$(BIN)/python -m tests.faults $(ARGS)

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
THOROUGH := $(BIN)/python -m benchmarks.run --all --preset thorough --no-report --results $(REFERENCE)
named = $(foreach m,$(1),--method $(m))
COMMON := $(call named,cross-entropy oversampling undersampling weighted-cross-entropy focal under-bagging)
LEADING := $(COMMON) $(call named,logit-adjustment logit-adjustment-sam vs-loss sade remix class-balanced-focal \
  weight-balancing label-aware-smoothing sqrt-sampling linear-probe-adjusted few-defect-fusion)
TUNED := $(COMMON) $(call named,logit-adjustment vs-loss sade remix class-balanced-focal weight-balancing label-aware-smoothing \
  mixup linear-probe-adjusted padim few-defect-fusion)
OTHER_BACKBONE := $(COMMON) $(call named,logit-adjustment few-defect-fusion padim linear-probe-adjusted mixup sade)
CURVES := $(call named,cross-entropy oversampling smote logit-adjustment vs-loss class-balanced-focal crt mislas under-bagging \
  sade remix patchcore padim mahalanobis knn-distance linear-probe-adjusted linear-probe-balanced svm-probe few-defect-fusion)
MULTISCALE := $(call named,multiscale-two-stage multiscale-two-stage-adjusted multiscale-logit-adjustment)
SCRATCH := $(call named,multiscale-scratch singlescale-scratch)
BINARY := --dataset elpv --dataset textures --dataset dagm/1 --dataset magnetic_tile/defects
ENDS := --ratio 10 --ratio 80

reference: $(VENV)/.ready  ## make results/reference again, in some hours; set IMBALANCE_DATA for the datasets that need it
	$(THOROUGH)
	$(THOROUGH) $(BINARY) $(CURVES) --protocol few --minority 0,1,3,5,10,20,50
	$(THOROUGH) $(LEADING) $(ENDS) --steps 200 --steps 1800
	$(THOROUGH) $(MULTISCALE) $(ENDS) --seed 0 --seed 1 --steps 200 --steps 1800
	$(THOROUGH) --dataset elpv --dataset textures $(SCRATCH) --ratio 10 --seed 0 --seed 1 --steps 600 --steps 1800 --steps 5400
	$(THOROUGH) --dataset elpv --dataset textures $(TUNED) $(MULTISCALE) $(ENDS) --seed 0 --tune 8
	$(THOROUGH) --dataset dagm/1 --dataset magnetic_tile/defects $(TUNED) $(ENDS) --seed 0 --tune 8
	$(THOROUGH) $(BINARY) $(OTHER_BACKBONE) $(ENDS) --seed 0 --seed 1 --seed 2 --backbone tf_efficientnet_lite2
	$(THOROUGH) --dataset dagm/1 --dataset textures $(COMMON) $(MULTISCALE) $(ENDS) --seed 0 --seed 1 --comparison equal-footing
	$(BIN)/python -m benchmarks.reference $(REFERENCE) results/reference
	$(BIN)/python -m experiments.evidence > experiments/evidence.md

clean:
	rm -rf $(VENV) results/run
