# FountainAI. `make run` and `make test` are all a newcomer needs; `make help` lists the rest.
SHELL    := /bin/bash -o pipefail
SERVICES := centralsequence character scriptmanagement sessioncontext storyfactory
VERSION  ?= $(shell git describe --tags --always --dirty 2>/dev/null || echo devel)
LDFLAGS  := -s -w -X fountain.coach/fountainai/internal/httpapi.version=$(VERSION)
TOOL     := go tool -modfile=hack/tools/go.mod
FUZZTIME ?= 30s
SOAK     ?= 3m

# Everything is compiled in one way, so that the cache of the compiler holds it once;
# only the race detector needs cgo.
THEIRS             := $(GOFLAGS)
export CGO_ENABLED := 0
export GOFLAGS     := $(strip $(THEIRS) -trimpath)

.PHONY: help
help: ## List the targets
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## /{printf "  %-15s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

.PHONY: run
run: bin/fountain ## Build and run the whole stack on this machine
	bin/fountain up

.PHONY: bin/fountain
bin/fountain:
	go build -ldflags '$(LDFLAGS)' -o bin/fountain ./cmd/fountain

.PHONY: build
build: bin/fountain ## Build bin/fountain and the five services, static
	@for service in $(SERVICES); do \
		go build -ldflags '$(LDFLAGS)' -o bin/$$service ./services/$$service/cmd || exit 1; \
	done

IMAGE_BUILD ?= docker

.PHONY: images
images: ## Build the eight container images; IMAGE_BUILD=host needs no registry
	@VERSION='$(VERSION)' LDFLAGS='$(LDFLAGS)' hack/compose/images.sh $(IMAGE_BUILD)

.PHONY: test-compose
test-compose: ## Bring up docker-compose.yml for real and try to break it; needs Docker
	@VERSION='$(VERSION)' LDFLAGS='$(LDFLAGS)' hack/compose/test.sh

.PHONY: e2e
e2e: ## Make a kind cluster, install everything in it, try to break it; E2E names tests, as E2E="-test.run Operator"
	@hack/kind/tools.sh
	@go build -o bin/kind ./hack/kind && exec bin/kind e2e $(E2E)

.PHONY: kind-up
kind-up: ## Make a kind cluster to work with and load the images into it
	@hack/kind/tools.sh
	@go build -o bin/kind ./hack/kind && exec bin/kind up

.PHONY: kind-load
kind-load: ## Build the images again and load them into the cluster of kind-up
	@go build -o bin/kind ./hack/kind && exec bin/kind load

.PHONY: kind-down
kind-down: ## Remove the cluster of kind-up
	@go build -o bin/kind ./hack/kind && exec bin/kind down

# Packages that are compiled with the libraries of Kubernetes, or only look at files.
# With the race detector these libraries take as long again as all of the rest.
CLUSTER := /(charts|cmd|hack|manifests|monitoring|operator|internal/controlplane|internal/stackctl)(/|$$)
GOTEST  := $(TOOL) gotestsum --format standard-verbose -- -timeout 20m
RACE    := CGO_ENABLED=1 GOFLAGS='$(THEIRS)' $(GOTEST) -race
ESSENCE := { grep -Ev '^(=== (RUN|PAUSE|CONT|NAME)|--- PASS: [^ ]*/)' || true; }

.PHONY: test
test: lint drift controlplane ## Run everything that must hold: lint, generated code, all tests; services and gateway with the race detector
	$(RACE) $$(go list ./... | grep -Ev '$(CLUSTER)') 2>&1 | $(ESSENCE)
	$(GOTEST) $$(go list ./... | grep -E '$(CLUSTER)') 2>&1 | $(ESSENCE)

.PHONY: race
race: controlplane ## Run all tests with the race detector, the operator's too
	$(RACE) ./... 2>&1 | $(ESSENCE)

.PHONY: lint
lint: ## Check formatting and run the linters
	@unformatted=$$(gofmt -l .); if [ -n "$$unformatted" ]; then echo "gofmt these: $$unformatted"; exit 1; fi
	go vet ./...
	go vet -tags nostack,nomodel ./cmd/fountain
	go vet -tags e2e ./hack/kind/e2e
	$(TOOL) staticcheck ./...

.PHONY: generate
generate: $(SERVICES:%=generate-%) generate-operator generate-charts ## Rebuild what is made of other files: *.gen.go, the charts' schemas and READMEs

.PHONY: $(SERVICES:%=generate-%)
$(SERVICES:%=generate-%): generate-%:
	$(TOOL) oapi-codegen -config hack/generate/oapi-codegen.yaml -package $* -o services/$*/api.gen.go services/$*/openapi.yaml

.PHONY: generate-charts
generate-charts:
	go run ./hack/charts
	$(TOOL) helm-docs --log-level=error --chart-search-root=charts --template-files=./README.md.gotmpl --sort-values-order=file --skip-version-footer

.PHONY: generate-operator
generate-operator:
	rm -f operator/api/v1alpha1/deepcopy.gen.go
	$(TOOL) controller-gen object paths=./operator/api/... output:object:stdout > operator/deepcopy.new && mv operator/deepcopy.new operator/api/v1alpha1/deepcopy.gen.go
	$(TOOL) controller-gen crd paths=./operator/api/... output:crd:dir=charts/fountain-operator/crds
	$(TOOL) crd-ref-docs --source-path=operator/api --config=hack/generate/crd-ref-docs.yaml --renderer=markdown --output-path=operator/reference.new 2>/dev/null
	sed -e 's/Optional: \\{\\} <br \/>//' -e 's/^# API Reference$$/# FountainStack: every field/' operator/reference.new | cat -s > docs/fountainstack.md && rm operator/reference.new

.PHONY: charts
charts: ## Pack the charts into dist/
	@go run ./hack/controlplane helm >/dev/null
	helm=$$(go run ./hack/controlplane helm)/helm; for chart in $(SERVICES) fountainai fountain-operator; do $$helm package charts/$$chart --destination dist 2>/dev/null || exit 1; done

.PHONY: controlplane
controlplane: ## Build or fetch the API server, etcd, kubectl, helm and external-dns that the tests use
	@go run ./hack/controlplane

.PHONY: drift
drift: ## Fail if a generated file is not what its source makes
	@hack/drift.sh

.PHONY: bench
bench: ## Measure the services beside FastAPI and others and write docs/bench, some 15 minutes; BENCH passes flags, as BENCH="-only gateway"
	hack/bench/run.sh $(BENCH)

.PHONY: bench-go
bench-go: ## Run the Go benchmarks that stand beside the code
	go test -run '^$$' -bench . -benchmem ./...

.PHONY: fuzz
fuzz: ## Run every fuzz test for FUZZTIME
	hack/fuzz.sh $(FUZZTIME)

.PHONY: soak
soak: bin/fountain ## Run fountain up under load for SOAK, with crashes, a full disk, floods and more; needs root
	go build -o bin/soak ./hack/soak
	bin/soak -duration $(SOAK)

.PHONY: clean
clean: ## Remove what was built; data/ stays
	rm -rf bin
