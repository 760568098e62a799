package httpapi

import (
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"fountain.coach/fountainai/internal/replica"
	"fountain.coach/fountainai/internal/replica/replicatest"
)

// BenchmarkWritesWithReplica measures what a replica costs writes over 64
// connections. With and without take turns within one run, since machines have
// good and bad seconds; the ratio is of the medians.
func BenchmarkWritesWithReplica(b *testing.B) {
	const connections, turns = 64, 10
	places := map[string]func() replica.Settings{
		"folder": func() replica.Settings { return replica.Settings{URL: b.TempDir()} },
		"s3": func() replica.Settings {
			env := replicatest.S3Env(replicatest.S3(b))
			return replica.Settings{URL: "s3://" + replicatest.Bucket, Getenv: func(name string) string { return env[name] }}
		},
	}
	for kind, settings := range places {
		b.Run(kind, func(b *testing.B) {
			with, without := benchmarkedService(b, settings()), benchmarkedService(b, replica.Settings{})
			var replicated, plain []float64
			for range turns {
				plain = append(plain, writesPerSecond(b, without, connections, max(b.N/turns/2, 1)))
				replicated = append(replicated, writesPerSecond(b, with, connections, max(b.N/turns/2, 1)))
			}
			slices.Sort(plain)
			slices.Sort(replicated)
			b.ReportMetric(plain[turns/2], "plain-writes/s")
			b.ReportMetric(replicated[turns/2], "replicated-writes/s")
			b.ReportMetric(replicated[turns/2]/plain[turns/2], "ratio")
		})
	}
}

// benchmarkedService runs the test service on loopback and returns its address.
func benchmarkedService(b *testing.B, settings replica.Settings) string {
	instance, err := Open(b.Context(), testDefinition(), filepath.Join(b.TempDir(), "items.db"),
		Options{Logger: slog.New(slog.DiscardHandler), Replica: settings})
	if err != nil {
		b.Fatal(err)
	}
	server := httptest.NewServer(instance.API)
	b.Cleanup(func() {
		server.Close()
		_ = instance.Close()
	})
	return server.URL
}

// writesPerSecond makes count writes.
func writesPerSecond(b *testing.B, address string, connections, count int) float64 {
	client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: connections}}
	defer client.CloseIdleConnections()
	var left atomic.Int64
	left.Store(int64(count))
	var group sync.WaitGroup
	began := time.Now()
	for range connections {
		group.Go(func() {
			for left.Add(-1) >= 0 {
				answer, err := client.Post(address+"/items", "application/json", strings.NewReader(`{"name":"O Romeo, Romeo! wherefore art thou?"}`))
				if err != nil {
					b.Error(err)
					return
				}
				_, _ = io.Copy(io.Discard, answer.Body)
				if _ = answer.Body.Close(); answer.StatusCode != http.StatusCreated {
					b.Errorf("status %d", answer.StatusCode)
					return
				}
			}
		})
	}
	group.Wait()
	return float64(count) / time.Since(began).Seconds()
}
