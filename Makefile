# Routelets: `make` lists what there is.

# Where `make up` serves.
LISTEN ?= 127.0.0.1:3000
# spin or embedded; by default Spin where it is installed and new enough.
RUNTIME ?= $(shell ./scripts/runtime)

# Variables of the application: name=value, several with blanks between them.
VARIABLES ?=
SETTINGS = $(VARIABLES:%=--variable %)
CORES := $(shell nproc 2>/dev/null || sysctl -n hw.ncpu 2>/dev/null || echo 2)

# What `make transcribe` asks.
URL ?= http://$(LISTEN)

VENV := .venv
HOST := target/host/routelets

.DEFAULT_GOAL := help
.PHONY: help setup setup-test build host up worker test lint bench model train evaluate openapi transcribe new-route oci clean

help: ## List the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

setup:
	@./scripts/setup

setup-test: setup
	@./scripts/setup test

host: setup
	cargo build --profile host --package routelets --package oci

build: host ## Build the components and the embedded host
	$(HOST) build
	$(HOST) build --from spin.worker.toml --component-id worker

ifeq ($(RUNTIME),spin)
up: setup ## Build and serve; LISTEN=address, RUNTIME=spin|embedded, VARIABLES='name=value …'
	spin build
	spin up --listen $(LISTEN) --variable job_concurrency=$(CORES) $(SETTINGS)

worker: setup ## Work on the jobs that are kept in Redis; VARIABLES='redis_url=…'
	spin build -f spin.worker.toml
	spin up -f spin.worker.toml $(SETTINGS)
else
up: build ## Build and serve; LISTEN=address, RUNTIME=spin|embedded, VARIABLES='name=value …'
	$(HOST) up --listen $(LISTEN) --variable job_concurrency=$(CORES) $(SETTINGS)

worker: build ## Work on the jobs that are kept in Redis; VARIABLES='redis_url=…'
	$(HOST) up --from spin.worker.toml $(SETTINGS)
endif

test: setup-test build ## Run every test
	cargo build --release --target wasm32-wasip2 --package logits --package probe
	./scripts/test

lint: setup ## Check formatting, lints and documentation
	cargo fmt --check
	cargo clippy --workspace --all-targets -- -D warnings
	RUSTDOCFLAGS="-D warnings" cargo doc --workspace --no-deps --document-private-items

bench: setup-test build ## Measure against the peers; writes bench/RESULTS.md
	./bench/run

model: host ## Recognise with another model: make model MODEL=facebook/wav2vec2-base-960h, or a folder
	@onnx=$$(./models/speech/wav2vec2 "$(MODEL)") && ONNX=$$onnx $(HOST) build --component-id recognizer && \
		echo "Serve it: make up ONNX=$$onnx"

train: ## Train the bundled speech model; MINUTES=240
	./models/speech/run train $(MINUTES)

evaluate: build ## Word error rates through the running app, into the model card
	./models/speech/run evaluate

openapi: setup ## Write the OpenAPI document anew
	cargo xtask openapi

oci: build ## Write the application as the OCI artifact that Spin takes; FROM=spin.toml OUT=target/oci
	@./scripts/oci "$(or $(FROM),spin.toml)" "$(or $(OUT),target/oci)"

transcribe: ## Transcribe a folder: make transcribe DIR=recordings OUT=out.csv [URL=http://localhost:3000]
	@test -n "$(DIR)" && test -n "$(OUT)" || { echo "usage: make transcribe DIR=recordings OUT=out.csv" >&2; exit 2; }
	@./scripts/transcribe "$(DIR)" "$(OUT)" --url "$(URL)"

new-route: setup ## Add a component that answers GET /NAME: make new-route NAME=greet
	cargo xtask new-route $(NAME)
	cargo fmt --package $(NAME)
	cargo xtask openapi

clean: ## Remove what was built
	cargo clean
	rm -rf .spin $(VENV)
