// Package manager sets up the process in which the controller runs: its cache,
// metrics, probes and leader election.
package manager

import (
	"cmp"
	"crypto/tls"
	"time"

	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/runtime"
	clientgoscheme "k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/rest"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/healthz"
	"sigs.k8s.io/controller-runtime/pkg/metrics/filters"
	metricsserver "sigs.k8s.io/controller-runtime/pkg/metrics/server"

	"fountain.coach/fountainai/operator/api/v1alpha1"
	"fountain.coach/fountainai/operator/controller"
)

// Options of an operator.
type Options struct {
	// Version is the tag of the images of stacks that name none.
	Version string
	// Namespaces to look after; none: all.
	Namespaces []string
	// MetricsAddress of the HTTPS endpoint of the metrics, which asks who is
	// there; "0": none.
	MetricsAddress string
	// ProbeAddress of /healthz and /readyz; "0": none.
	ProbeAddress string
	// LeaderElection lets one of several replicas work at a time.
	LeaderElection bool
	// LeaderNamespace holds the Lease; empty: the operator's own.
	LeaderNamespace string
	// LeaseDuration is how long a leader that is not heard of is waited for;
	// it gives up its work after two thirds of that. 0: 15 s.
	LeaseDuration time.Duration
	// Concurrent is how many stacks are worked on at once.
	Concurrent int
	// QPS is how many requests a second the API server is asked at most.
	QPS float32
}

// Scheme knows the types that the operator uses.
func Scheme() (*runtime.Scheme, error) {
	scheme := runtime.NewScheme()
	if err := clientgoscheme.AddToScheme(scheme); err != nil {
		return nil, err
	}
	return scheme, v1alpha1.AddToScheme(scheme)
}

// New makes a manager with the controller. Start runs it until its context ends.
func New(config *rest.Config, options Options) (ctrl.Manager, error) {
	scheme, err := Scheme()
	if err != nil {
		return nil, err
	}
	config = rest.CopyConfig(config)
	config.QPS, config.Burst = options.QPS, int(2*options.QPS)
	// Of all that is in the cluster, keep what belongs to a stack.
	ours := labels.SelectorFromSet(labels.Set{"app.kubernetes.io/part-of": "fountainai"})
	// The controller only reads what it gets from the cache, but for the stacks:
	// so the cache need not copy the rest for each look.
	shared, copied := true, false
	stores := cache.Options{
		DefaultLabelSelector:         ours,
		DefaultUnsafeDisableDeepCopy: &shared,
		ByObject:                     map[client.Object]cache.ByObject{&v1alpha1.FountainStack{}: {Label: labels.Everything(), UnsafeDisableDeepCopy: &copied}},
		DefaultTransform:             cache.TransformStripManagedFields(),
	}
	if len(options.Namespaces) > 0 {
		stores.DefaultNamespaces = map[string]cache.Config{}
		for _, namespace := range options.Namespaces {
			stores.DefaultNamespaces[namespace] = cache.Config{}
		}
	}
	grace := 20 * time.Second
	lease := cmp.Or(options.LeaseDuration, 15*time.Second)
	renew, retry := lease*2/3, lease*2/15
	manager, err := ctrl.NewManager(config, ctrl.Options{
		Scheme: scheme,
		Cache:  stores,
		Client: client.Options{Cache: &client.CacheOptions{Unstructured: true}},
		Metrics: metricsserver.Options{
			BindAddress: options.MetricsAddress, SecureServing: true, FilterProvider: filters.WithAuthenticationAndAuthorization,
			TLSOpts: []func(*tls.Config){func(c *tls.Config) { c.MinVersion = tls.VersionTLS12 }},
		},
		HealthProbeBindAddress:        options.ProbeAddress,
		LeaderElection:                options.LeaderElection,
		LeaderElectionID:              "fountain-operator.fountain.coach",
		LeaderElectionNamespace:       options.LeaderNamespace,
		LeaderElectionReleaseOnCancel: true,
		LeaseDuration:                 &lease,
		RenewDeadline:                 &renew,
		RetryPeriod:                   &retry,
		GracefulShutdownTimeout:       &grace,
	})
	if err != nil {
		return nil, err
	}
	if err := manager.AddHealthzCheck("alive", healthz.Ping); err != nil {
		return nil, err
	}
	if err := manager.AddReadyzCheck("ready", healthz.Ping); err != nil {
		return nil, err
	}
	return manager, controller.Setup(manager, options.Version, options.Concurrent)
}
