# syntax=docker/dockerfile:1
# The page: static files behind an unprivileged nginx. Built from the root of the repository:
#   docker build --file deploy/images/page.Dockerfile .
#
# No digest was read from its registry yet, so every base is a version tag: unpinned.

ARG NODE_VERSION=22
ARG NGINX_VERSION=1.28

# The files that come out are the same on every platform.
FROM --platform=$BUILDPLATFORM node:${NODE_VERSION}-bookworm-slim AS build
# unpinned
WORKDIR /src
COPY frontend/package.json frontend/package-lock.json frontend/.npmrc ./
RUN --mount=type=cache,target=/root/.npm npm ci --no-audit --no-fund
COPY frontend ./
RUN npm run build

FROM nginxinc/nginx-unprivileged:${NGINX_VERSION}-alpine
# unpinned
ARG VERSION=0.1.0
ARG REVISION=unknown
LABEL org.opencontainers.image.title="Duetime's page" \
      org.opencontainers.image.description="Register tasks, see them run, read what ran and how late" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}"
# Where browsers find the API, e.g. https://api.example.com; empty: on the page's host, port 3001.
ENV DUETIME_PAGE_API_URL="" \
    DUETIME_PAGE_LISTEN=8080 \
    NGINX_ENVSUBST_FILTER=^DUETIME_PAGE_
# The image's own start puts the variables in and writes /etc/nginx/conf.d/default.conf.
COPY deploy/images/page.conf.template /etc/nginx/templates/default.conf.template
COPY --from=build /src/dist /usr/share/nginx/html
USER 101:101
EXPOSE 8080
