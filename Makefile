# Routelets: `make` lists the targets.

# The address that `make up` listens on.
LISTEN ?= 127.0.0.1:3000
# spin or embedded; by default Spin where it is installed and new enough.
RUNTIME ?= $(shell ./scripts/runtime)

# Variables of the application: name=value, several with blanks between them.
VARIABLES ?=
SETTINGS = $(VARIABLES:%=--variable %)
CORES := $(shell nproc 2>/dev/null || sysctl -n hw.ncpu 2>/dev/null || echo 2)

# The server that `make transcribe` uses.
URL ?= http://$(LISTEN)

# Containers: the image of the Dockerfile, its name, its address, and the engine: docker or podman.
TARGET ?= embedded
IMAGE ?= localhost/routelets:latest
PUBLISH ?= 127.0.0.1:8001
CONTAINER ?= routelets
BUILD ?=
ENGINE ?= $(shell ./scripts/engine)
# Images of podman's own format have no health check.
FORMAT = $(if $(findstring podman,$(ENGINE)),--format docker)
RUN = $(ENGINE) run --name $(CONTAINER) --publish $(PUBLISH):8001 --volume $(CONTAINER):/data --read-only --cap-drop ALL \
	--security-opt no-new-privileges --memory 512m

VENV := .venv
HOST := target/host/routelets
# Evaluated when it is needed: setup may have to install it.
HOST_TARGET = $(shell ./scripts/host-target)

.DEFAULT_GOAL := help
.PHONY: help setup setup-test build host up watch worker test lint bench functions models model evaluate recordings openapi transcribe new-route new-model test-models user oci clean \
	docker-all docker-build docker-start docker-stop docker-remove docker-clean docker-interactive test-image test-spin-image

help: ## List the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / && !seen[$$1]++ { printf "  make %-18s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

setup:
	@./scripts/setup

setup-test: setup
	@./scripts/setup test

host: setup
	./scripts/timed "build: the embedded host" cargo build --profile host $(HOST_TARGET:%=--target %) --package routelets --package oci
	@[ -z "$(HOST_TARGET)" ] || { mkdir -p target/host && \
		ln -f $(addprefix target/$(HOST_TARGET)/host/,routelets preinitialise health oci) target/host; }

functions: setup ## Bring the contracts of Python functions up to date
	@./scripts/functions/build --contracts

build: host models functions ## Build the components and the embedded host
	$(HOST_TARGET:%=CARGO_BUILD_TARGET=%) ./scripts/timed "build: the components" $(HOST) build

ifeq ($(RUNTIME),spin)
up: functions ## Build and serve; LISTEN=address, RUNTIME=spin|embedded, VARIABLES='name=value …'
	@./models/whisper/fetch
	spin build
	@./scripts/exposed $(LISTEN) $(VARIABLES)
	spin up --listen $(LISTEN) --variable job_concurrency=$(CORES) $(SETTINGS)

worker: setup ## Work on the jobs that are kept in Redis; VARIABLES='redis_url=…'
	@./models/whisper/fetch
	spin build -f spin.worker.toml
	spin up -f spin.worker.toml $(SETTINGS)
else
up: build ## Build and serve; LISTEN=address, RUNTIME=spin|embedded, VARIABLES='name=value …'
	$(HOST) compile
	$(HOST) up --listen $(LISTEN) --variable job_concurrency=$(CORES) $(SETTINGS)

worker: build ## Work on the jobs that are kept in Redis; VARIABLES='redis_url=…'
	$(HOST) compile --from spin.worker.toml
	$(HOST) up --from spin.worker.toml $(SETTINGS)
endif

watch: build ## Serve, and again after each change of a Python function, which is built alone
ifeq ($(RUNTIME),spin)
	spin watch --skip-build --listen $(LISTEN) $(SETTINGS)
else
	@python3 -B scripts/functions/watch.py $(LISTEN) --variable job_concurrency=$(CORES) $(SETTINGS)
endif

test: setup-test build ## Run every test
	./scripts/timed "build: the components of tests" \
		cargo build --release --target wasm32-wasip2 --package calculator --package call --package ctc-provider --package estimator --package function --package hearing --package interpreter --package model --package probe
	./scripts/test

lint: ## Check formatting, scripts, dependencies, and the code for every target and set of features
	@./scripts/setup lint
	./scripts/lint

bench: setup-test build ## Measure against the peers; writes bench/RESULTS.md; PARTS=… measures some only
	./bench/run $(PARTS)

models: setup ## Bring the speech model to .cache/models
	@./models/whisper/fetch

model: host ## Recognise with another model: make model MODEL=openai/whisper-base.en, or a folder
	@./scripts/model "$(MODEL)"

recordings: ## Fetch the recordings of people that `make evaluate` listens to
	@./models/whisper/recordings --all

evaluate: build ## Word error rates through the running app, into models/whisper/README.md
	@./models/whisper/evaluate

openapi: setup ## Write the OpenAPI document, and the manifests without speech
	cargo xtask openapi
	cargo xtask manifests

user: setup ## Print the entry of a user for the variable users, after asking for a password: make user NAME=ada
	@cargo xtask user "$(NAME)"

oci: build ## Write the application as the OCI artifact that Spin takes; FROM=spin.toml OUT=target/oci
	@./scripts/oci "$(or $(FROM),spin.toml)" "$(or $(OUT),target/oci)"

transcribe: ## Transcribe a folder: make transcribe DIR=recordings OUT=out.csv [URL=http://localhost:3000]
	@test -n "$(DIR)" && test -n "$(OUT)" || { echo "usage: make transcribe DIR=recordings OUT=out.csv" >&2; exit 2; }
	@./scripts/transcribe "$(DIR)" "$(OUT)" --url "$(URL)"

ifeq ($(LANGUAGE),python)
new-route: setup ## Add a component that answers GET /NAME: make new-route NAME=greet [LANGUAGE=python]
	@python3 scripts/functions/new.py "$(NAME)"
else
new-route: setup ## Add a component that answers GET /NAME: make new-route NAME=greet [LANGUAGE=python]
	cargo xtask new-route $(NAME)
	cargo fmt --package $(NAME)
	cargo xtask openapi
endif

new-model: setup ## Add a model that answers POST /NAME: make new-model NAME=diabetes ONNX=model.onnx SAMPLE=sample.json
	@./scripts/setup onnx
	@.cache/onnx/bin/python -B scripts/models/new.py "$(NAME)" "$(ONNX)" "$(SAMPLE)"

test-models: ## Train and export many models, and compare tract with ONNX Runtime
	@./scripts/models/test-matrix

docker-all: docker-build docker-start ## Build the image and start it; TARGET=embedded|spin, ENGINE=docker|podman

docker-build: ## Build the image; BUILD='--build-arg …'
	$(ENGINE) build $(FORMAT) --target $(TARGET) --build-arg REVISION=$$(git rev-parse HEAD) --tag $(IMAGE) $(BUILD) .

docker-start: docker-remove ## Start the image in the background, in place of what ran before; PUBLISH=address:port, VARIABLES='name=value …'
	$(RUN) --detach --restart always $(IMAGE) up $(SETTINGS)
	@echo "Serving http://$(PUBLISH), its state in the volume $(CONTAINER)"

docker-stop: ## Stop it
	$(ENGINE) stop $(CONTAINER)

docker-remove: ## Stop and remove it; its volume stays
	$(ENGINE) rm --force $(CONTAINER)

docker-clean: docker-remove ## Remove its volume and the image, too
	-$(ENGINE) volume rm $(CONTAINER)
	$(ENGINE) rmi --force $(IMAGE)

docker-interactive: ## Run the image in the foreground, until Ctrl-C; nothing is kept of it but the volume
	$(RUN) --rm --interactive --tty $(IMAGE) up $(SETTINGS)

test-image: build ## Build the image `embedded` and test it in containers; takes root and Debian's podman
	./scripts/test-image

test-spin-image: build ## Build the image `spin` and test it; takes Spin, on the PATH or as SPIN=path
	./scripts/test-spin-image

clean: ## Remove what was built
	cargo clean
	rm -rf .spin $(VENV)
