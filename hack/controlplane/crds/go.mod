// Modules of which only the CustomResourceDefinitions are read; nothing of them is built.
module fountain.coach/fountainai/hack/controlplane/crds

go 1.26.0

require (
	github.com/cert-manager/cert-manager v1.21.2
	github.com/prometheus-operator/prometheus-operator v0.85.0
)
