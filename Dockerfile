# syntax=docker/dockerfile:1
# One image for every service: the command says which (`api`, `timer`, `executor`, `log-projector`,
# `topics apply`, and `run` for the embedded system). They share all but a few kilobytes of their
# packages, so an image each would be four builds, four scans and four pulls for no gain.
#
# No digest was read from its registry yet, so every base is a version tag: unpinned.

ARG PYTHON_VERSION=3.11
ARG UV_VERSION=0.13.9

FROM ghcr.io/astral-sh/uv:${UV_VERSION} AS uv
# unpinned

# The interpreter and the C library that the tests and the benchmarks ran on.
FROM python:${PYTHON_VERSION}-slim-bookworm AS build
# unpinned
COPY --from=uv /uv /usr/local/bin/uv
ENV UV_COMPILE_BYTECODE=1 \
    UV_LINK_MODE=copy \
    UV_PROJECT_ENVIRONMENT=/app/.venv
# `image`, or `image-msk` with Amazon's signer (AWS_MSK_IAM), which is as large as all the rest.
ARG GROUP=image
WORKDIR /src

# Third parties first: this layer changes with the lock alone.
COPY pyproject.toml uv.lock ./
COPY shared/pyproject.toml shared/
COPY services/api/pyproject.toml services/api/
COPY services/timer/pyproject.toml services/timer/
COPY services/executor/pyproject.toml services/executor/
COPY services/log-projector/pyproject.toml services/log-projector/
COPY embedded/pyproject.toml embedded/
RUN --mount=type=cache,target=/root/.cache/uv \
    uv sync --locked --no-default-groups --only-group "${GROUP}" --no-install-workspace

COPY shared/src shared/src
COPY services services
COPY embedded/src embedded/src
RUN --mount=type=cache,target=/root/.cache/uv \
    uv sync --locked --no-default-groups --only-group "${GROUP}" --no-editable \
    && mkdir /state

FROM python:${PYTHON_VERSION}-slim-bookworm
# unpinned
ARG VERSION=0.1.0
ARG REVISION=unknown
LABEL org.opencontainers.image.title="Duetime" \
      org.opencontainers.image.description="Starts what you register, at its time, and shows what ran, how late and why" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}"
# The state directory is that of `run`; a service of the distributed system writes nothing there.
ENV PATH=/app/.venv/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    XDG_STATE_HOME=/var/lib
COPY --from=build --chown=65532:65532 /state /var/lib/duetime
COPY --from=build /app/.venv /app/.venv
# A number, so that Kubernetes can see that it is not root's.
USER 65532:65532
# The api, and what every process tells of its health.
EXPOSE 3001 9464
# No shell between the signal and the process: SIGTERM drains it.
STOPSIGNAL SIGTERM
ENTRYPOINT ["duetime"]
CMD ["--help"]
