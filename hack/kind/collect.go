// What a person needs to see of a cluster on which a test has failed.

package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// collect writes lists, descriptions, events and logs of a cluster into a folder, one file for each. Secrets are left out.
func collect(ctx context.Context, kubectl string, c cluster, folder string) error {
	if err := os.MkdirAll(folder, 0o755); err != nil {
		return err
	}
	ask := func(args ...string) ([]byte, error) {
		return exec.CommandContext(ctx, kubectl, append([]string{"--kubeconfig", c.kubeconfig}, args...)...).CombinedOutput()
	}
	var problems []error
	save := func(name string, args ...string) {
		output, err := ask(args...)
		if err != nil {
			output = fmt.Appendf(output, "\nkubectl %s: %v\n", strings.Join(args, " "), err)
		}
		problems = append(problems, os.WriteFile(filepath.Join(folder, name), output, 0o644))
	}
	save("objects.txt", "get", "all,pvc,pv,networkpolicies,jobs,cronjobs,ingresses", "-A", "-o", "wide")
	save("stacks.yaml", "get", "fountainstacks", "-A", "-o", "yaml")
	save("events.txt", "get", "events", "-A", "--sort-by=.lastTimestamp")
	save("nodes.txt", "describe", "nodes")
	save("pods.txt", "describe", "pods", "-A")
	pods, err := ask("get", "pods", "-A", "-o", `jsonpath={range .items[*]}{.metadata.namespace} {.metadata.name}{"\n"}{end}`)
	for line := range strings.Lines(string(pods)) {
		if namespace, name, found := strings.Cut(strings.TrimSpace(line), " "); found {
			save("log-"+namespace+"-"+name+".txt", "logs", "-n", namespace, name, "--all-containers", "--prefix")
			save("previous-log-"+namespace+"-"+name+".txt", "logs", "-n", namespace, name, "--all-containers", "--prefix", "--previous")
		}
	}
	return errors.Join(append(problems, err, c.provider().CollectLogs(c.name, filepath.Join(folder, "node")))...)
}
