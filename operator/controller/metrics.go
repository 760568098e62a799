package controller

import (
	"github.com/prometheus/client_golang/prometheus"
	"sigs.k8s.io/controller-runtime/pkg/metrics"
)

// How long rounds take is in controller-runtime's own
// controller_runtime_reconcile_time_seconds.
var (
	appliesTotal = prometheus.NewCounter(prometheus.CounterOpts{
		Name: "fountain_operator_applies_total", Help: "Objects that were applied.",
	})
	driftTotal = prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "fountain_operator_drift_corrections_total", Help: "Objects that somebody had changed and that were applied again.",
	}, []string{"kind"})
	prunedTotal = prometheus.NewCounter(prometheus.CounterOpts{
		Name: "fountain_operator_objects_pruned_total", Help: "Objects that were deleted because their stack no longer wants them.",
	})
)

func init() { metrics.Registry.MustRegister(appliesTotal, driftTotal, prunedTotal) }
