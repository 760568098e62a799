package httpapi

import (
	"bytes"
	"encoding/json"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"fountain.coach/fountainai/internal/replica"
	"fountain.coach/fountainai/internal/replica/replicatest"
	"fountain.coach/fountainai/internal/storage"
)

// openReplicated opens the test service with a replica.
func openReplicated(t *testing.T, path string, settings replica.Settings) (*Instance, error) {
	t.Helper()
	instance, err := Open(t.Context(), testDefinition(), path, Options{Logger: slog.New(slog.DiscardHandler), Replica: settings})
	if err == nil {
		t.Cleanup(func() { _ = instance.Close() })
	}
	return instance, err
}

// told returns what the service says at a path.
func told(t *testing.T, instance *Instance, path string) *httptest.ResponseRecorder {
	t.Helper()
	recorder := httptest.NewRecorder()
	instance.API.ServeHTTP(recorder, httptest.NewRequest(http.MethodGet, path, nil))
	return recorder
}

// awaitReady waits until /readyz satisfies done, and returns its status and body.
func awaitReady(t *testing.T, instance *Instance, done func(code int, ready Readiness) bool) {
	t.Helper()
	for deadline := time.Now().Add(time.Minute); ; time.Sleep(10 * time.Millisecond) {
		got := told(t, instance, "/readyz")
		var ready Readiness
		_ = json.Unmarshal(got.Body.Bytes(), &ready) // a problem has other members
		if done(got.Code, ready) {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("/readyz says %d %s", got.Code, got.Body)
		}
	}
}

// TestReplicaIsTold: how the replica is stands in /readyz and in the metrics, and
// that it is away makes nobody unready.
func TestReplicaIsTold(t *testing.T) {
	proxy := replicatest.NewProxy(t, strings.TrimPrefix(replicatest.S3(t), "http://"))
	env := replicatest.S3Env("http://" + proxy.Address)
	instance, err := openReplicated(t, filepath.Join(t.TempDir(), "items.db"), replica.Settings{
		URL: "s3://" + replicatest.Bucket, Getenv: func(name string) string { return env[name] }, Interval: 20 * time.Millisecond,
	})
	if err != nil {
		t.Fatal(err)
	}
	awaitReady(t, instance, func(code int, ready Readiness) bool {
		r := ready.Replica
		return code == http.StatusOK && r.State == replica.Following && r.LastSync != nil && r.Error == "" && r.Place == "s3://replicas/items"
	})
	if got := told(t, instance, "/metrics").Body.String(); !strings.Contains(got, `fountain_replica_following{service="items"} 1`) {
		t.Error("the metrics do not say that the replica follows")
	}
	proxy.Turn(replicatest.Cut)
	awaitReady(t, instance, func(code int, ready Readiness) bool {
		if code != http.StatusOK {
			t.Fatalf("the service is unready, with %d, because its replica is away", code)
		}
		return ready.Replica.Error != "" && ready.Replica.PendingBytes > 0 && ready.Replica.PendingTransactions > 0 && ready.Replica.SecondsBehind > 0
	})
	got := told(t, instance, "/metrics").Body.String()
	if strings.Contains(got, "fountain_replica_errors_total{service=\"items\"} 0\n") || strings.Contains(got, "fountain_replica_pending_bytes{service=\"items\"} 0\n") {
		t.Errorf("the metrics tell of no failure:\n%s", got)
	}
	proxy.Turn(replicatest.Open)
	awaitReady(t, instance, func(_ int, ready Readiness) bool { return ready.Replica.Error == "" })
}

func TestWithoutReplicaNothingIsTold(t *testing.T) {
	instance, err := openReplicated(t, filepath.Join(t.TempDir(), "items.db"), replica.Settings{})
	if err != nil {
		t.Fatal(err)
	}
	if got := told(t, instance, "/readyz").Body.String(); strings.Contains(got, "replica") {
		t.Errorf("/readyz says %s", got)
	}
	if got := told(t, instance, "/metrics").Body.String(); strings.Contains(got, "fountain_replica") {
		t.Error("there are metrics of a replica")
	}
}

// TestSupersededIsUnready: what such a service took would be in no copy.
func TestSupersededIsUnready(t *testing.T) {
	settings := replica.Settings{URL: t.TempDir(), Interval: 20 * time.Millisecond}
	first, err := openReplicated(t, filepath.Join(t.TempDir(), "items.db"), settings)
	if err != nil {
		t.Fatal(err)
	}
	awaitReady(t, first, func(_ int, ready Readiness) bool { return ready.Replica.LastSync != nil })
	second, err := openReplicated(t, filepath.Join(t.TempDir(), "items.db"), settings)
	if err != nil {
		t.Fatal(err)
	}
	awaitReady(t, second, func(_ int, ready Readiness) bool { return ready.Replica.LastSync != nil })
	awaitReady(t, first, func(code int, _ Readiness) bool { return code == http.StatusServiceUnavailable })
	if got := told(t, first, "/readyz").Body.String(); !strings.Contains(got, "stop one") {
		t.Errorf("/readyz does not say what to do: %s", got)
	}
}

// TestSnapshotWithReplica: GET /snapshot hands out a whole copy meanwhile.
func TestSnapshotWithReplica(t *testing.T) {
	instance, err := Open(t.Context(), testDefinition(), filepath.Join(t.TempDir(), "items.db"), Options{
		Logger: slog.New(slog.DiscardHandler), SnapshotToken: "a-token-for-the-tests",
		Replica: replica.Settings{URL: t.TempDir(), Interval: 20 * time.Millisecond},
	})
	if err != nil {
		t.Fatal(err)
	}
	defer instance.Close()
	awaitReady(t, instance, func(_ int, ready Readiness) bool { return ready.Replica.LastSync != nil })
	request := httptest.NewRequest(http.MethodGet, "/snapshot", nil)
	request.Header.Set("Authorization", "Bearer a-token-for-the-tests")
	recorder := httptest.NewRecorder()
	instance.API.ServeHTTP(recorder, request)
	copied := filepath.Join(t.TempDir(), "copy.db")
	if err := os.WriteFile(copied, recorder.Body.Bytes(), 0o600); err != nil || recorder.Code != http.StatusOK {
		t.Fatalf("status %d, %v", recorder.Code, err)
	}
	if err := storage.CheckService(t.Context(), copied, "items", testMigrations()); err != nil {
		t.Error(err)
	}
	if err := storage.Check(t.Context(), copied); err != nil {
		t.Error(err)
	}
}

// TestMainWithReplica: the settings of the command line, and what it says of a
// replica that is not there yet, that is there, and that cannot be read.
func TestMainWithReplica(t *testing.T) {
	folder := t.TempDir()
	t.Setenv(replica.URLEnv, folder)
	volume := func() string { return filepath.Join(t.TempDir(), "items.db") }
	service := startChild(t, volume())
	w := &write{name: "kept"}
	if _, err := w.send(http.DefaultClient, service.url); err != nil {
		t.Fatal(err)
	}
	if code := service.end(t, syscall.SIGTERM); code != 0 {
		t.Errorf("got exit code %d", code)
	}
	c := &crashTest{T: t, path: volume()}
	again := startChild(t, c.path)
	again.end(t, syscall.SIGKILL)
	if found := c.names(); found["kept"] != 1 {
		t.Errorf("the service that began with the replica has %v", found)
	}
	for want, flags := range map[string][]string{
		"FOUNTAIN_REPLICA_START_EMPTY": {"--replica-url", filepath.Join(folder, "gone", "away")},
		"nothing from before":          {"--replica-restore-at", "2001-01-01T00:00:00Z"},
		"RFC 3339":                     {"--replica-restore-at", "yesterday"},
	} {
		var stderr bytes.Buffer
		arguments := append([]string{"--addr", "127.0.0.1:0", "--database", volume()}, flags...)
		code := command(t.Context(), testDefinition(), nil, arguments, os.Getenv, &stderr, &stderr)
		if code == 0 || !strings.Contains(stderr.String(), want) {
			t.Errorf("%v: exit code %d, %s", flags, code, &stderr)
		}
	}
}
