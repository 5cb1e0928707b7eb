# syntax=docker/dockerfile:1
# One image with one file in it: the binary, which holds the web app and the manual. `docs/install.md` says how to run it.
# `--target backup` is the same binary beside the programs of PostgreSQL, without which a server on PostgreSQL makes no backups.

# The programs must be as new as the server that they dump, or newer.
ARG POSTGRES=17

FROM node:22-bookworm-slim AS web
WORKDIR /src/web
COPY web/package.json web/package-lock.json ./
# Not `npm ci`: it refuses a lock file that leaves out other platforms' optional binaries.
RUN --mount=type=cache,target=/root/.npm npm install --no-save --no-audit --no-fund
COPY web/ ./
RUN npm run build

FROM rust:1.95.0-bookworm AS server
# The image's own toolchain, not one more with the components that developers use.
ENV RUSTUP_TOOLCHAIN=1.95.0
WORKDIR /src
COPY Cargo.toml Cargo.lock ./
COPY .cargo/ .cargo/
COPY crates/ crates/
COPY xtask/ xtask/
COPY bench/ bench/
COPY fuzz/ fuzz/
COPY spec/ spec/
COPY docs/ docs/
COPY --from=web /src/web/dist/ web/dist/
# `docker build --build-arg COMMIT=$(git rev-parse --short HEAD)`: what build_info and the admin page say.
ARG COMMIT=unknown
RUN --mount=type=cache,target=/usr/local/cargo/registry --mount=type=cache,target=/src/target \
    WHEELHOUSE_BUILD_COMMIT="$COMMIT" cargo build --locked --release --package wheelhouse \
    && install -D target/release/wheelhouse /out/usr/local/bin/wheelhouse \
    && install -d -o 65532 -g 65532 -m 0700 /out/var/lib/wheelhouse

# Debian with PostgreSQL. It starts no database: what the base says of one is said anew here.
FROM postgres:${POSTGRES}-bookworm AS backup
LABEL org.opencontainers.image.title="Wheelhouse with the programs of PostgreSQL" \
      org.opencontainers.image.description="The operations control plane of a company in one binary." \
      org.opencontainers.image.licenses="Apache-2.0"
# The base has none of authorities' certificates: buckets and databases under TLS are known by them.
COPY --from=server /etc/ssl/certs/ca-certificates.crt /etc/ssl/certs/ca-certificates.crt
# As in the other image.
COPY --from=server --chown=65532:65532 /out/var/lib/ /var/lib/
COPY --from=server /out/usr/local/bin/wheelhouse /usr/local/bin/wheelhouse
USER 65532:65532
# The programs themselves before Debian's wrappers of the same names, which look for clusters that are not here.
ENV PATH=/usr/lib/postgresql/${PG_MAJOR}/bin:/usr/local/bin:/usr/bin:/bin \
    WHEELHOUSE_DATA_DIR=/var/lib/wheelhouse \
    WHEELHOUSE_SERVER_LISTEN=0.0.0.0:8080 \
    WHEELHOUSE_SERVER_METRICS_LISTEN=127.0.0.1:9090
VOLUME ["/var/lib/wheelhouse"]
EXPOSE 8080
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=5s --start-period=60s --retries=3 CMD ["/usr/local/bin/wheelhouse", "healthcheck"]
ENTRYPOINT ["/usr/local/bin/wheelhouse"]
CMD ["serve"]

# The C library, certificates of authorities, time zones and nothing else: no shell, no package manager.
FROM gcr.io/distroless/cc-debian12:nonroot
LABEL org.opencontainers.image.title="Wheelhouse" \
      org.opencontainers.image.description="The operations control plane of a company in one binary." \
      org.opencontainers.image.licenses="Apache-2.0"
# From its parent, so that owner and mode 0700 come along: a new volume takes both over.
COPY --from=server --chown=65532:65532 /out/var/lib/ /var/lib/
COPY --from=server /out/usr/local/bin/wheelhouse /usr/local/bin/wheelhouse
USER 65532:65532
# Probes have a port of their own inside the container, so that the health check also works when the front door speaks TLS.
ENV WHEELHOUSE_DATA_DIR=/var/lib/wheelhouse \
    WHEELHOUSE_SERVER_LISTEN=0.0.0.0:8080 \
    WHEELHOUSE_SERVER_METRICS_LISTEN=127.0.0.1:9090
VOLUME ["/var/lib/wheelhouse"]
EXPOSE 8080
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=5s --start-period=60s --retries=3 CMD ["/usr/local/bin/wheelhouse", "healthcheck"]
ENTRYPOINT ["/usr/local/bin/wheelhouse"]
CMD ["serve"]
