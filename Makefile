# FountainAI. `make run` and `make test` are all a newcomer needs; `make help` lists the rest.
SERVICES := centralsequence character scriptmanagement sessioncontext storyfactory
VERSION  ?= $(shell git describe --tags --always --dirty 2>/dev/null || echo devel)
LDFLAGS  := -s -w -X fountain.coach/fountainai/internal/httpapi.version=$(VERSION)
TOOL     := go tool -modfile=hack/tools/go.mod

.PHONY: help
help: ## List the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## /{printf "  %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

.PHONY: generate
generate: $(SERVICES:%=generate-%) ## Rebuild every *.gen.go from its openapi.yaml

.PHONY: generate-%
generate-%: services/%/openapi.yaml
	$(TOOL) oapi-codegen -config hack/generate/oapi-codegen.yaml -package $* -o services/$*/api.gen.go services/$*/openapi.yaml
