// Command operator looks after FountainStacks.
package main

import (
	"flag"
	"log/slog"
	"os"
	"strings"

	"github.com/go-logr/logr"
	ctrl "sigs.k8s.io/controller-runtime"

	"fountain.coach/fountainai/operator/manager"
)

// version of the operator and of the images it gives to stacks that name none;
// the build sets it.
var version = "0.1.0"

func main() {
	var options manager.Options
	var namespaces string
	flag.StringVar(&options.Version, "stack-version", version, "tag of the images of stacks that name none")
	flag.StringVar(&namespaces, "namespaces", "", "namespaces to look after, separated by commas; empty: all")
	flag.StringVar(&options.MetricsAddress, "metrics-address", ":8443", "address of the metrics, over HTTPS, for those who may get /metrics; 0: none")
	flag.StringVar(&options.ProbeAddress, "probe-address", ":8081", "address of /healthz and /readyz")
	flag.BoolVar(&options.LeaderElection, "leader-elect", true, "let one of several replicas work at a time")
	flag.StringVar(&options.LeaderNamespace, "leader-namespace", "", "namespace of the Lease; empty: the operator's own")
	flag.IntVar(&options.Concurrent, "concurrent", 4, "stacks to work on at once")
	qps := flag.Float64("qps", 200, "requests a second to the API server at most")
	flag.Parse()
	options.QPS = float32(*qps)
	if namespaces != "" {
		options.Namespaces = strings.Split(namespaces, ",")
	}
	log := slog.New(slog.NewJSONHandler(os.Stderr, nil))
	ctrl.SetLogger(logr.FromSlogHandler(log.Handler()))
	if err := run(options); err != nil {
		log.Error("the operator ends", "error", err)
		os.Exit(1)
	}
}

func run(options manager.Options) error {
	config, err := ctrl.GetConfig()
	if err != nil {
		return err
	}
	m, err := manager.New(config, options)
	if err != nil {
		return err
	}
	return m.Start(ctrl.SetupSignalHandler())
}
