# `make demo` and `make test` are all that is needed; both install what is missing, once.

PYTHON ?= python3
BIN := .venv/bin
INSTALLED := .venv/.installed
NODE := examples/node/node_modules
export FLWR_TELEMETRY_ENABLED = 0
export FLWR_DISABLE_UPDATE_CHECK = 1

# Python keeps what it compiled, whatever the surroundings say: tests start some hundred processes.
unexport PYTHONDONTWRITEBYTECODE

FUZZ_SECONDS ?= 60
LAWS := tests/property tests/adversarial

# Where tests write: in memory if there is room, since half of what they wait for is logs and journals
# that reach a disk at every step. A kill loses no more there; a power cut is no test either way.
ROOM := $(shell test -w /dev/shm && df --output=avail /dev/shm | awk 'END { if ($$1 > 2e6) print "/dev/shm" }')
export TMPDIR := $(or $(TMPDIR),$(ROOM),/tmp)

.PHONY: demo test browser-test wire install lint type imports unit processes in-process laws fuzz soak proto constraints

demo: $(INSTALLED)-demo
	$(BIN)/python -m examples.demo.run

# Three at a time on two cores, as the first mostly waits; each printed whole when it ends.
test: lint imports
	$(MAKE) --jobs=3 --keep-going --output-sync=target processes in-process laws type

# Needs the system's Chromium; as root on Debian it is installed if it is missing.
browser-test: $(INSTALLED)-browser
	.ci/chromium
	$(BIN)/python -m pytest tests/browser

# Needs Node and npm: the wire is linted, breaks nothing that stands, and another language speaks it.
wire: $(INSTALLED)-dev $(NODE)/.installed
	$(NODE)/.bin/buf lint
	$(NODE)/.bin/buf breaking --against ".git#ref=$$(git rev-parse -q --verify origin/main || git rev-parse HEAD)"
	$(BIN)/python -m pytest tests/node

$(NODE)/.installed: examples/node/package-lock.json
	npm ci --silent --no-fund --no-audit --prefix examples/node
	touch $@

install: $(INSTALLED)-dev

# torch first, by its exact version and by pip: any range would bring gigabytes that are not needed,
# and pip alone takes a wheel that lies on disk. The rest by uv, which is faster.
# Not compiled: Python compiles what is imported when it is, a small part of what is installed.
$(INSTALLED)-%: constraints.txt pyproject.toml
	test -x $(BIN)/python || $(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --no-compile --constraint constraints.txt torch==2.13.0 uv
	$(BIN)/uv pip install --quiet --python $(BIN)/python --system-certs --constraint constraints.txt --editable ".[$*]"
	touch $@

lint: $(INSTALLED)-dev
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .

type: $(INSTALLED)-dev
	nice $(BIN)/mypy

imports: $(INSTALLED)-dev
	$(BIN)/lint-imports

# Tests of real processes mostly wait, and have deadlines: one by one, beside all the others.
unit: $(INSTALLED)-dev
	$(MAKE) --jobs=3 --keep-going --output-sync=target processes in-process laws

# One thread of torch's, because the other core is taken; a test that needs two asks for them.
processes: $(INSTALLED)-dev
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest tests/integration tests/architecture

# Those that compute give way to those that wait, whose deadlines they would eat.
in-process: $(INSTALLED)-dev
	OMP_NUM_THREADS=1 nice $(BIN)/python -m pytest --ignore=tests/integration --ignore=tests/architecture \
		$(LAWS:%=--ignore=%)

# What must hold for whatever is drawn, and against whoever attacks.
laws: $(INSTALLED)-dev
	OMP_NUM_THREADS=1 nice $(BIN)/python -m pytest $(LAWS)

# Each target for so long, led by coverage; what is found stays in build/fuzz and is gone on from.
fuzz: $(INSTALLED)-fuzz
	targets=$$($(BIN)/python -m tests.fuzz.atheris_harness) && for target in $$targets; do \
		mkdir -p build/fuzz/$$target && \
		$(BIN)/python -m tests.fuzz.atheris_harness $$target build/fuzz/$$target -timeout=20 -len_control=0 \
			-artifact_prefix=build/fuzz/$$target- -max_total_time=$(FUZZ_SECONDS) || exit 1; \
	done

# Ten minutes in which nothing else should run: the server's memory is flat, every call is answered.
soak: $(INSTALLED)-dev
	$(BIN)/python -m benchmarks.soak --minutes 10 --calls-a-second 2000

# A test fails when the committed wire code is not what this makes.
proto: $(INSTALLED)-dev
	PATH="$(CURDIR)/$(BIN):$$PATH" $(BIN)/python -m grpc_tools.protoc -I. --python_out=. \
		--grpc_python_out=. --mypy_out=. --mypy_grpc_out=. protocols/wire/*.proto

constraints: $(INSTALLED)-browser
	echo "# Every package of every role, pinned: made by \`make constraints\`." > constraints.txt
	$(BIN)/python -m pip freeze --exclude-editable | sed 's/+cpu//' >> constraints.txt
