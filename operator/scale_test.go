// Many stacks in one cluster: what they cost when they are made, when the
// operator starts, and when nothing happens.
package main

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"testing"
	"time"

	"k8s.io/client-go/rest"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"fountain.coach/fountainai/operator/api/v1alpha1"
)

// TestManyStacksAtRest: no write at all once they are ready. FOUNTAIN_STACKS
// says how many; the benchmark takes 500.
func TestManyStacksAtRest(t *testing.T) {
	n := number(t, "FOUNTAIN_STACKS", 12)
	b := newBench(t)
	b.manyStacks(n)
	b.rest()
	before := b.writes.Load()
	b.touch(n)
	b.stop()
	b.start()
	time.Sleep(3 * time.Second)
	if writes := b.writes.Load() - before; writes != 0 {
		t.Errorf("%d writes of the operator with %d stacks at rest, want none", writes, n)
	}
}

func number(t testing.TB, variable string, otherwise int) int {
	n, err := strconv.Atoi(cmp.Or(os.Getenv(variable), strconv.Itoa(otherwise)))
	if err != nil || n < 1 {
		t.Fatalf("%s must be a number of stacks: %v", variable, err)
	}
	return n
}

// manyStacks makes n stacks and waits until all are ready.
func (b *bench) manyStacks(n int) {
	b.Helper()
	for i := range n {
		b.stack(fmt.Sprintf("s%d", i), v1alpha1.FountainStackSpec{})
	}
	b.allReady(n, time.Duration(n)*2*time.Second+30*time.Second)
}

// allReady plays the kubelet for n stacks until all are ready.
func (b *bench) allReady(n int, patience time.Duration) {
	b.Helper()
	for deadline := time.Now().Add(patience); ; time.Sleep(200 * time.Millisecond) {
		var left []string
		var stacks v1alpha1.FountainStackList
		if err := b.List(b.Context(), &stacks, client.InNamespace(b.namespace)); err != nil {
			b.Fatal(err)
		}
		for _, stack := range stacks.Items {
			if stack.Status.Ready == "5/5" && b.condition(stack.Name, "Ready", "True", "Ready")() == "" {
				continue
			}
			left = append(left, stack.Name)
		}
		if len(left) == 0 && len(stacks.Items) == n {
			return
		}
		if time.Now().After(deadline) {
			b.Fatalf("%d of %d stacks are not ready after %s", len(left), n, patience)
		}
		for _, name := range left {
			b.runLoose(name)
		}
	}
}

// runLoose makes ready what there is of a stack.
func (b *bench) runLoose(name string) {
	b.Helper()
	sets, ingresses := b.partsOf(name)
	for i := range sets {
		_ = b.runSet(&sets[i])
	}
	for i := range ingresses {
		_ = b.address(&ingresses[i])
	}
}

// touch lets the operator look at every stack again.
func (b *bench) touch(n int) {
	b.Helper()
	for i := range n {
		stack := &v1alpha1.FountainStack{}
		if err := b.read(stack, fmt.Sprintf("s%d", i)); err != nil {
			b.Fatal(err)
		}
		patch := client.MergeFrom(stack.DeepCopy())
		stack.SetAnnotations(map[string]string{"look": time.Now().String()})
		if err := b.Patch(b.Context(), stack, patch); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkStacks reports what FOUNTAIN_STACKS (500) stacks cost an operator
// that runs as a process of its own: seconds until all are ready, CPU for a
// stack that is made, for one that is looked at after a start, and for one
// that is looked at again; writes at rest; memory in all and for each stack.
func BenchmarkStacks(b *testing.B) {
	n := number(b, "FOUNTAIN_STACKS", 500)
	bench := newBench(b)
	bench.stop()
	bench.stop = func() {}
	for b.Loop() {
		p := bench.process(bench.config)
		idle := p.memory()
		begun := time.Now()
		bench.manyStacks(n)
		b.ReportMetric(time.Since(begun).Seconds(), "s-until-ready")
		p.settle()
		b.ReportMetric(p.cpu()*1000/float64(n), "CPU-ms/made")
		p.end()

		p = bench.process(bench.config)
		p.settle()
		b.ReportMetric(p.cpu()*1000/float64(n), "CPU-ms/started")
		before, writes := p.cpu(), bench.apiWrites()
		bench.touch(n)
		p.settle()
		b.ReportMetric((p.cpu()-before)*1000/float64(n), "CPU-ms/unchanged")
		b.ReportMetric(bench.apiWrites()-writes-float64(n), "writes-at-rest")
		b.ReportMetric(p.memory()/1e6, "MB")
		b.ReportMetric((p.memory()-idle)/1e6/float64(n), "MB/stack")
		p.end()
	}
	b.ReportMetric(0, "ns/op")
}

// process is an operator that runs by itself.
type process struct {
	b   testing.TB
	cmd *exec.Cmd
}

var operatorBinary = built(".")

func (b *bench) process(config *rest.Config) *process {
	b.Helper()
	binary, err := operatorBinary()
	if err != nil {
		b.Fatal(err)
	}
	cmd := exec.CommandContext(context.Background(), binary, "--namespaces", b.namespace, "--leader-elect=false", "--metrics-address", "0", "--probe-address", "0", "--stack-version", "1.0.0", "--qps", "500")
	cmd.Env = append(os.Environ(), "KUBECONFIG="+cluster.Start(b.TB).KubeconfigFor(b.TB, config))
	var log bytes.Buffer
	cmd.Stderr = &log
	if err := cmd.Start(); err != nil {
		b.Fatal(err)
	}
	p := &process{b.TB, cmd}
	b.Cleanup(func() { _ = cmd.Process.Kill() })
	time.Sleep(3 * time.Second)
	return p
}

func (p *process) end() {
	_ = p.cmd.Process.Signal(os.Interrupt)
	_ = p.cmd.Wait()
}

// settle waits until the process has had nothing to do for two seconds.
func (p *process) settle() {
	for quiet, last := 0, p.cpu(); quiet < 4; time.Sleep(500 * time.Millisecond) {
		now := p.cpu()
		if quiet++; now-last > 0.02 {
			quiet = 0
		}
		last = now
	}
}

// cpu returns the seconds of CPU that the process has used, as proc_pid_stat(5) tells.
func (p *process) cpu() float64 {
	content, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", p.cmd.Process.Pid))
	if err != nil {
		p.b.Fatal(err)
	}
	fields := strings.Fields(string(content[bytes.LastIndexByte(content, ')')+1:]))
	user, _ := strconv.ParseFloat(fields[11], 64)
	system, _ := strconv.ParseFloat(fields[12], 64)
	return (user + system) / 100
}

// memory returns the bytes of the process that are in memory.
func (p *process) memory() float64 {
	content, err := os.ReadFile(fmt.Sprintf("/proc/%d/statm", p.cmd.Process.Pid))
	if err != nil {
		p.b.Fatal(err)
	}
	pages, _ := strconv.ParseFloat(strings.Fields(string(content))[1], 64)
	return pages * float64(os.Getpagesize())
}

// apiWrites returns how many writes the API server has answered, but those of
// events, leases and reviews.
func (b *bench) apiWrites() float64 {
	b.Helper()
	text := cluster.Start(b.TB).Run(b.TB, "kubectl", "get", "--raw", "/metrics")
	sum := 0.0
	for line := range strings.Lines(text) {
		if !strings.HasPrefix(line, "apiserver_request_total{") || strings.Contains(line, `resource="events"`) ||
			strings.Contains(line, `resource="leases"`) || strings.Contains(line, "reviews\"") {
			continue
		}
		for _, verb := range []string{"POST", "PUT", "PATCH", "APPLY", "DELETE"} {
			if strings.Contains(line, `verb="`+verb+`"`) {
				value, _ := strconv.ParseFloat(strings.TrimSpace(line[strings.LastIndexByte(line, '}')+1:]), 64)
				sum += value
			}
		}
	}
	return sum
}
