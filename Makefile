# One recipe for each habit. `make help` lists them.
#   ROUND=v5.1        environment with that round's LoadGen, in .venv-v5.1
#   PLATFORM=cpu|cuda the engine to install; found by itself if left out
#   PYTHON=python3.12 the interpreter to build the environment from
#   ARGS="-k ledger"  passed on to pytest or sut

SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c

ROUND ?=
PLATFORM ?= auto
PYTHON ?= $(or $(shell command -v python3.11),$(shell command -v python3))
ARGS ?=

VENV := .venv$(if $(ROUND),-$(ROUND))
BIN := $(VENV)/bin
PACKAGES := sut qsl audit scripts
AUDIT := build/audit
ROUNDS := $(basename $(notdir $(wildcard user_confs/rounds/*.yaml)))
MADE_MODELS := models/smollm2-135m models/llama-tiny-dummy
# Left out of the lock: what the engine pins itself and differently for CPU and CUDA, LoadGen
# (a round's file names its release), and what pip manages for itself.
UNLOCKED := torch|torchvision|torchaudio|torchcodec|triton|intel-.*|apache-tvm-ffi|vllm.*|mlcommons.loadgen|sut.mlperf|pip|setuptools

# What runs LoadGen or an engine has the machine to itself; the rest goes side by side.
ALONE := tests/integration
# What a run of them costs, test by test: `make test` is to take 20 minutes at most.
DEAREST := --durations 25 --durations-min 5
# Who selects tests with ARGS may select none of one part: pytest's code 5.
NONE = $(if $(ARGS),|| [ $$? -eq 5 ])
TOGETHER := tests/unit tests/property --numprocesses 2 --dist worksteal

.DEFAULT_GOAL := help
.PHONY: help setup models reference test test-all test-gpu mutants fuzz lint format docs benchmark
.PHONY: overhead bench soak lock audit-packages provoke clean

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "make %-15s %s\n", $$1, $$2}' $(firstword $(MAKEFILE_LIST))

setup: ## make .venv, install the project and the engine that fits, make the small models
	@$(PYTHON) -m scripts.setup_env --venv $(VENV) --platform $(PLATFORM) $(if $(ROUND),--round $(ROUND))

models: setup ## make the small models, on a machine with a GPU too
	@$(BIN)/python -m scripts.make_small_model
	@$(BIN)/python -m scripts.make_dummy_model

reference: models ## what the small model's accuracy is held to, by transformers (ARGS=--check)
	@$(BIN)/python -m scripts.make_reference $(ARGS)

test: models ## unit, property and integration tests: at most 20 minutes on two cores
	$(BIN)/python -m pytest --require-models $(TOGETHER) -m "not slow and not gpu" $(ARGS) $(NONE)
	$(BIN)/python -m pytest --require-models $(ALONE) -m "not slow and not gpu" $(DEAREST) $(ARGS) $(NONE)

test-all: models ## every test; those marked gpu run where an NVIDIA driver answers
	$(BIN)/python -m pytest --require-models $(TOGETHER) $(ARGS) $(NONE)
	$(BIN)/python -m pytest --require-models $(ALONE) $(ARGS) $(NONE)

test-gpu: models ## the tests that need a card, alone; scripts/gpu_evidence.sh brings all of it home
	$(BIN)/python -m pytest --require-models -m gpu tests/integration $(ARGS)

mutants: models ## which small changes to the sources no test sees (ARGS="--sample 300 --seed 1")
	$(BIN)/python -m scripts.mutants $(ARGS)

fuzz: models ## bytes that nobody would write, to every reader (ARGS="--seconds 60 yaml")
	$(BIN)/python -m pip install --quiet --disable-pip-version-check atheris==3.0.0
	$(BIN)/python -m tests.fuzz $(ARGS)

lint: setup ## ruff format --check, ruff check, lengths, mypy, lint-imports, the site without a warning
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/python -m scripts.check_lengths
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python -m scripts.site

docs: setup ## the documents as a site in build/site, with reference pages made of the code
	$(BIN)/python -m scripts.site $(ARGS)

format: setup ## rewrite the sources in the one format, and mend what ruff can mend
	$(BIN)/ruff check --fix-only --quiet .
	$(BIN)/ruff format .

# A result that is not VALID, bad input, an engine that did not start and Ctrl-C have said why
# already: make ends with that, and not with an error line of its own. So its exit code is 0
# then. What has to read the verdict calls python -m sut.main, whose exit code tells it.
# Any other code is a crash, and stays make's error. Ctrl-C is the harness's to answer: the shell
# only waits for it.
benchmark: setup ## quick benchmark, Offline and Server, on this machine
	$(info $(BIN)/python -m sut.main $(ARGS))
	@trap : INT; code=0; $(BIN)/python -m sut.main $(ARGS) || code=$$?; \
	case $$code in \
	    0) ;; \
	    1) echo "make benchmark: not VALID (exit code 1); the reason stands above." ;; \
	    2) echo "make benchmark: bad input (exit code 2); what to change stands above." ;; \
	    3) echo "make benchmark: no engine (exit code 3); the reason stands above." ;; \
	    130) echo "make benchmark: interrupted (exit code 130)." ;; \
	    *) exit $$code ;; \
	esac

overhead: setup ## the harness against the raw engine and against no engine
	$(BIN)/python -m sut.main bench engine --system cpu-dummy --dataset synthetic $(ARGS)
	$(BIN)/python -m sut.main bench harness $(ARGS)

soak: models ## half an hour of Server: memory, files, first tokens (ARGS="dummy --minutes 30")
	$(BIN)/python -m scripts.soak $(or $(ARGS),null)

bench: models ## every benchmark in turn, five rounds, into docs/measurements (ARGS="--only engine")
	$(BIN)/python -m scripts.bench $(ARGS)

lock: setup ## rewrite constraints.txt from what is installed in .venv, and its hashes
	@grep '^#' constraints.txt > constraints.txt.new
	@$(BIN)/python -m pip --disable-pip-version-check list --format=freeze --exclude-editable \
	    | grep -viE '^($(UNLOCKED))==' >> constraints.txt.new
	@mv constraints.txt.new constraints.txt
	$(BIN)/python -m scripts.lock_hashes

# It asks PyPI, and fails where PyPI does not know a package or does not answer: nothing is audited then.
audit-packages: ## known weaknesses of the locked packages, by pip-audit
	$(PYTHON) -m venv $(AUDIT)
	$(AUDIT)/bin/python -m pip install --quiet --disable-pip-version-check pip-audit==2.10.1
	$(AUDIT)/bin/pip-audit --requirement constraints.txt --no-deps --disable-pip --strict

provoke: setup ## faults and hostile inputs, and docs/reliability-table.md (ARGS="--only 'signal/*'")
	$(BIN)/python -m scripts.provoke $(ARGS)
	$(BIN)/python -m scripts.provoke --table

clean: ## remove what make made: environments, the small models, caches; never results/
	rm -rf .venv .venv-quantize $(addprefix .venv-,$(ROUNDS)) .setup build $(wildcard *.egg-info)
	rm -rf .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
	rm -rf $(MADE_MODELS)
	@rmdir models 2> /dev/null || true
	find $(PACKAGES) tests -name __pycache__ -prune -exec rm -rf {} +
