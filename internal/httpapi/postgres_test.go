package httpapi

import (
	"encoding/json"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/fstest"

	"fountain.coach/fountainai/internal/storage/postgrestest"
)

// TestOnServer: what operators see of a service whose database is on a server,
// and what clients see while that is gone.
func TestOnServer(t *testing.T) {
	server := postgrestest.Start(t)
	const token = "a-token-of-some-length"
	definition := testDefinition()
	definition.Migrations = fstest.MapFS{"00001_items.sql": {Data: []byte(strings.Replace(testMigration, "PRIMARY KEY", "PRIMARY KEY AUTOINCREMENT", 1))}}
	instance, err := Open(t.Context(), definition, server.URL(), Options{SnapshotToken: token, Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	defer instance.DB.Close()
	ask := func(method, path, body string, headers ...string) *httptest.ResponseRecorder {
		r := httptest.NewRequest(method, path, strings.NewReader(body))
		r.Header.Set("Content-Type", "application/json")
		for i := 0; i+1 < len(headers); i += 2 {
			r.Header.Set(headers[i], headers[i+1])
		}
		w := httptest.NewRecorder()
		instance.API.ServeHTTP(w, r)
		return w
	}
	var ready Readiness
	if err := json.Unmarshal(ask("GET", "/readyz?rows=true", "").Body.Bytes(), &ready); err != nil || ready.Database.Engine != "postgres" || ready.Database.SizeBytes == 0 {
		t.Errorf("got %+v, %v", ready, err)
	}
	if w := ask("GET", "/snapshot", "", "Authorization", "Bearer "+token); w.Code != http.StatusNotImplemented || !strings.Contains(w.Body.String(), "pg_dump") {
		t.Errorf("got %d %s", w.Code, w.Body)
	}
	if w := ask("GET", "/metrics", ""); !strings.Contains(w.Body.String(), "fountain_database_size_bytes{") {
		t.Errorf("got %d %s", w.Code, w.Body)
	}
	first := ask("POST", "/items", `{"name":"x"}`, "Idempotency-Key", "k")
	if first.Code != http.StatusCreated {
		t.Fatalf("got %d %s", first.Code, first.Body)
	}
	server.Kill()
	for _, path := range []string{"/items", "/readyz"} {
		if w := ask("GET", path, ""); w.Code != http.StatusServiceUnavailable || w.Header().Get("Retry-After") == "" {
			t.Errorf("GET %s without a server: got %d %s", path, w.Code, w.Body)
		}
	}
	if w := ask("POST", "/items", `{"name":"y"}`); w.Code != http.StatusServiceUnavailable || w.Header().Get("Retry-After") == "" || !strings.Contains(w.Body.String(), "storage_unavailable") {
		t.Errorf("POST without a server: got %d %s", w.Code, w.Body)
	}
	server.Restart(t)
	if w := ask("POST", "/items", `{"name":"x"}`, "Idempotency-Key", "k"); w.Code != first.Code || w.Body.String() != first.Body.String() || w.Header().Get(replayedHeader) != "true" {
		t.Errorf("the key after a restart: got %d %s, want %s", w.Code, w.Body, first.Body)
	}
	if w := ask("GET", "/readyz", ""); w.Code != http.StatusOK {
		t.Errorf("after a restart: got %d %s", w.Code, w.Body)
	}
}
