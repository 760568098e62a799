// The API server goes away, others write at the same time, leaders are lost.
package main

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/url"
	"sync"
	"testing"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	coordinationv1 "k8s.io/api/coordination/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"fountain.coach/fountainai/operator/api/v1alpha1"
	"fountain.coach/fountainai/operator/manager"
)

// wire is the way to the API server, which can be cut.
type wire struct {
	listener net.Listener
	server   string
	mu       sync.Mutex
	cut      bool
	open     map[net.Conn]bool
}

// newWire returns a wire and a config that goes over it.
func newWire(t testing.TB, config *rest.Config) (*wire, *rest.Config) {
	t.Helper()
	address, err := url.Parse(config.Host)
	if err != nil || address.Host == "" {
		address = &url.URL{Host: config.Host}
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	w := &wire{listener: listener, server: address.Host, open: map[net.Conn]bool{}}
	t.Cleanup(func() { _ = listener.Close(); w.set(true) })
	go w.serve()
	over := rest.CopyConfig(config)
	over.Host = "https://" + listener.Addr().String()
	over.ServerName = address.Hostname()
	return w, over
}

func (w *wire) serve() {
	for {
		here, err := w.listener.Accept()
		if err != nil {
			return
		}
		there, err := net.Dial("tcp", w.server)
		if err != nil || !w.add(here, there) {
			_ = here.Close()
			continue
		}
		go func() { _, _ = io.Copy(there, here); _ = there.Close() }()
		go func() { _, _ = io.Copy(here, there); _ = here.Close() }()
	}
}

func (w *wire) add(ends ...net.Conn) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, end := range ends {
		w.open[end] = true
	}
	return !w.cut
}

// set cuts the wire, with all that is open, or mends it.
func (w *wire) set(cut bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.cut = cut
	if cut {
		for end := range w.open {
			_ = end.Close()
		}
		w.open = map[net.Conn]bool{}
	}
}

// TestTheAPIServerGoesAway in the middle of a change, for longer than requests
// wait. What was changed meanwhile is made up for.
func TestTheAPIServerGoesAway(t *testing.T) {
	b := newBench(t)
	stack := b.settled("story", v1alpha1.FountainStackSpec{})
	b.stop()
	direct := b.config
	w, over := newWire(t, b.config)
	b.config = over
	b.start()
	b.config = direct
	for i, pause := range []time.Duration{20 * time.Millisecond, time.Second, 3 * time.Second} {
		version := fmt.Sprintf("2.%d.0", i)
		b.change(stack, func(spec *v1alpha1.FountainStackSpec) { spec.Version = version })
		time.Sleep(pause / 10)
		w.set(true)
		if err := b.Delete(t.Context(), &corev1.Service{ObjectMeta: b.meta("story-character")}); err != nil {
			t.Fatal(err) // what nobody tells the operator
		}
		time.Sleep(pause)
		w.set(false)
		b.eventually(func() string {
			b.run("story")
			if n := b.images("story", version); n != 5 {
				return fmt.Sprintf("%d services have the version %s, want all", n, version)
			}
			if err := b.read(&corev1.Service{}, "story-character"); err != nil {
				return err.Error()
			}
			return b.condition("story", "Ready", "True", "Ready")()
		})
	}
}

// TestEverybodyWritesAtOnce: two operators without a leader, and others who
// change the same objects. When they stop, all is as the stack says, and
// nobody writes any more.
func TestEverybodyWritesAtOnce(t *testing.T) {
	b := newBench(t)
	stack := b.settled("story", v1alpha1.FountainStackSpec{})
	first := b.stop
	b.start()
	second := b.stop
	b.stop = func() { first(); second() }
	ctx, cancel := context.WithTimeout(t.Context(), 4*time.Second)
	defer cancel()
	var conflicts, theirs int
	var others sync.WaitGroup
	others.Go(func() {
		for i := 0; ctx.Err() == nil; i++ {
			set := &appsv1.StatefulSet{}
			if b.read(set, "story-character") != nil {
				continue
			}
			set.Spec.Template.Spec.Containers[0].Image = fmt.Sprintf("evil:%d", i)
			if err := b.Update(ctx, set); err != nil {
				conflicts++
			} else {
				theirs++
			}
		}
	})
	others.Go(func() {
		for i := 0; ctx.Err() == nil; i++ {
			latest := &v1alpha1.FountainStack{}
			if b.read(latest, "story") != nil {
				continue
			}
			latest.SetAnnotations(map[string]string{"note": fmt.Sprint(i)})
			_ = b.Update(ctx, latest)
		}
	})
	others.Go(func() {
		for ctx.Err() == nil {
			_ = b.Delete(ctx, &corev1.Service{ObjectMeta: b.meta("story-storyfactory")})
			b.run("story")
		}
	})
	others.Wait()
	if theirs == 0 {
		t.Fatal("nobody else wrote")
	}
	t.Logf("others wrote %d times, and met %d conflicts", theirs, conflicts)
	b.change(stack, func(spec *v1alpha1.FountainStackSpec) { spec.Version = "2.0.0" })
	b.eventually(func() string {
		b.run("story")
		if n := b.images("story", "2.0.0"); n != 5 {
			return fmt.Sprintf("%d services have the new version, want all", n)
		}
		if err := b.read(&corev1.Service{}, "story-storyfactory"); err != nil {
			return err.Error()
		}
		return b.condition("story", "Ready", "True", "Ready")()
	})
	b.rest() // and nobody goes on writing against the other
}

// replica is one of several operators of which one works at a time.
type replica struct {
	wire *wire
	stop context.CancelFunc
	done chan error
}

// replica starts an operator that takes part in the election.
func (b *bench) replica(namespace string) *replica {
	b.Helper()
	w, config := newWire(b.TB, b.config)
	m, err := manager.New(config, manager.Options{Version: "1.0.0", Namespaces: []string{b.namespace}, MetricsAddress: "0", ProbeAddress: "0",
		Concurrent: 2, QPS: 500, LeaderElection: true, LeaderNamespace: namespace, LeaseDuration: 3 * time.Second})
	if err != nil {
		b.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	r := &replica{wire: w, stop: cancel, done: make(chan error, 1)}
	go func() { r.done <- m.Start(ctx) }()
	return r
}

// TestALeaderIsLost: the leader loses the API server and ends; the other takes
// over and goes on. A leader that stops in order hands over at once.
func TestALeaderIsLost(t *testing.T) {
	b := newBench(t)
	b.stop()
	b.stop = func() {}
	first := b.replica("fountain-system")
	holder := b.holder("")
	second := b.replica("fountain-system")
	third := (*replica)(nil)
	defer func() {
		for _, r := range []*replica{first, second, third} {
			if r != nil {
				r.stop()
			}
		}
	}()
	stack := b.settled("story", v1alpha1.FountainStackSpec{})

	b.change(stack, func(spec *v1alpha1.FountainStackSpec) { spec.Version = "2.0.0" })
	b.eventually(func() string {
		if b.images("story", "2.0.0") == 0 {
			return "the upgrade has not begun"
		}
		return ""
	})
	first.wire.set(true)
	select {
	case err := <-first.done:
		if err == nil {
			t.Error("a leader that lost its lease ended as if all were well; its pod would not be restarted")
		}
	case <-time.After(20 * time.Second):
		t.Fatal("a leader that lost its lease goes on")
	}
	holder = b.holder(holder)
	b.eventually(func() string {
		b.run("story")
		if n := b.images("story", "2.0.0"); n != 5 {
			return fmt.Sprintf("%d services have the new version, want all", n)
		}
		return b.condition("story", "Ready", "True", "Ready")()
	})

	third = b.replica("fountain-system")
	second.stop()
	if err := <-second.done; err != nil {
		t.Errorf("a leader that was asked to stop ends with %v", err)
	}
	b.holder(holder)
	b.change(stack, func(spec *v1alpha1.FountainStackSpec) { spec.Version = "3.0.0" })
	b.eventually(func() string {
		b.run("story")
		if n := b.images("story", "3.0.0"); n != 5 {
			return fmt.Sprintf("%d services have the new version, want all", n)
		}
		return ""
	})
}

// holder waits until the lease is held by another than before, and returns who holds it.
func (b *bench) holder(before string) string {
	b.Helper()
	now := ""
	b.eventually(func() string {
		lease := &coordinationv1.Lease{}
		if err := b.Get(b.Context(), client.ObjectKey{Namespace: "fountain-system", Name: "fountain-operator.fountain.coach"}, lease); err != nil {
			return err.Error()
		}
		if lease.Spec.HolderIdentity != nil {
			now = *lease.Spec.HolderIdentity
		}
		if now == "" || now == before {
			return fmt.Sprintf("the lease is held by %q", now)
		}
		return ""
	})
	return now
}
