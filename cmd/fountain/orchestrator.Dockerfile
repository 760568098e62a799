# FountainAI orchestrator: the fountain command with its doors for models (ask,
# orchestrate, mcp), which its own image leaves out. Built from the sources:
#   docker build -f cmd/fountain/orchestrator.Dockerfile .
# or around a binary from this host (make images IMAGE_BUILD=host):
#   docker build -f cmd/fountain/orchestrator.Dockerfile --target host bin/images/orchestrator

FROM scratch AS base
ARG VERSION=devel
LABEL org.opencontainers.image.title="FountainAI orchestrator" \
      org.opencontainers.image.description="Web page, questions to a GPT model, and the Model Context Protocol, before a FountainAI" \
      org.opencontainers.image.version="$VERSION" \
      org.opencontainers.image.vendor="Fountain Coach" \
      org.opencontainers.image.licenses="Apache-2.0"
USER 65532:65532
WORKDIR /
EXPOSE 8000
ENTRYPOINT ["/orchestrator"]
CMD ["orchestrate"]
HEALTHCHECK --interval=5s --timeout=5s --start-period=10s --retries=3 \
    CMD ["/orchestrator", "healthcheck", "http://127.0.0.1:8000/livez"]

FROM base AS host
COPY LICENSE root[f]s /

FROM golang:1.26 AS build
WORKDIR /src
COPY go.mod go.sum ./
RUN go mod download
COPY . .
# The same in all Dockerfiles: what they share is compiled once.
RUN CGO_ENABLED=0 go build -trimpath -tags nostack,nomodel ./services/... ./cmd/...
ARG VERSION=devel
RUN CGO_ENABLED=0 go build -trimpath -tags nostack -ldflags "-s -w -X fountain.coach/fountainai/internal/httpapi.version=$VERSION" \
        -o /rootfs/orchestrator ./cmd/fountain \
    && mkdir -p /rootfs/etc/ssl/certs && cp /etc/ssl/certs/ca-certificates.crt /rootfs/etc/ssl/certs/

FROM base
COPY --from=build /rootfs /
COPY LICENSE /
