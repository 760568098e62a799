package charts_test

import (
	"os"
	"testing"

	"fountain.coach/fountainai/internal/controlplane"
)

// cluster is a real API server that all tests of this package share.
var cluster = controlplane.NewShared(
	controlplane.Kong(), controlplane.CertManager(), controlplane.ExternalDNS(), controlplane.PrometheusOperator())

func TestMain(m *testing.M) { os.Exit(cluster.Run(m)) }
