package httpapi

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"fountain.coach/fountainai/internal/storage"
)

const testToken = "correct-horse-battery"

// fetchSnapshot reads a snapshot over the network into a new file.
func fetchSnapshot(t *testing.T, address string) (file string, response *http.Response) {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, address+"/snapshot", nil)
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Authorization", "Bearer "+testToken)
	response, err = http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	content, err := io.ReadAll(response.Body)
	if err != nil || response.StatusCode != http.StatusOK {
		t.Fatalf("got %s: %v", response.Status, err)
	}
	sum := sha256.Sum256(content)
	if got, want := response.Header.Get("Repr-Digest"), "sha-256=:"+base64.StdEncoding.EncodeToString(sum[:])+":"; got != want {
		t.Errorf("Repr-Digest: got %s, want %s", got, want)
	}
	if response.ContentLength != int64(len(content)) {
		t.Errorf("Content-Length: got %d, want %d", response.ContentLength, len(content))
	}
	file = filepath.Join(t.TempDir(), "copy.db")
	if err := os.WriteFile(file, content, 0o600); err != nil {
		t.Fatal(err)
	}
	return file, response
}

func noCopiesBeside(t *testing.T, path string) {
	t.Helper()
	left, err := filepath.Glob(path + ".snapshot-*")
	if err != nil || len(left) > 0 {
		t.Errorf("left behind: %v, %v", left, err)
	}
}

func TestSnapshot(t *testing.T) {
	s := newTestAPI(t, Options{SnapshotToken: testToken})
	s.fill(3)
	file, response := fetchSnapshot(t, s.newServer(nil).URL)
	for name, want := range map[string]string{"Content-Type": "application/vnd.sqlite3", "Cache-Control": "no-store"} {
		if got := response.Header.Get(name); got != want {
			t.Errorf("%s: got %s, want %s", name, got, want)
		}
	}
	if err := storage.CheckService(t.Context(), file, "items", testMigrations()); err != nil {
		t.Error(err)
	}
	copied := openTestAPI(t, file, Options{})
	if rows, err := copied.db.Rows(t.Context()); err != nil || rows["items"] != 3 {
		t.Errorf("got %v, %v", rows, err)
	}
	noCopiesBeside(t, s.path)
	if strings.Contains(s.log.String(), testToken) {
		t.Error("the token is in the log")
	}
	if !strings.Contains(s.log.String(), `"msg":"snapshot sent"`) {
		t.Errorf("the log does not tell of it: %s", s.log)
	}
}

func TestSnapshotIsRefused(t *testing.T) {
	tests := []struct {
		name, token, authorization string
		status                     int
		code                       string
	}{
		{"not configured", "", "Bearer " + testToken, 404, "no_such_path"},
		{"no token", testToken, "", 401, "unauthorized"},
		{"empty token", testToken, "Bearer ", 401, "unauthorized"},
		{"wrong token", testToken, "Bearer " + testToken + "x", 401, "unauthorized"},
		{"wrong scheme", testToken, "Basic " + testToken, 401, "unauthorized"},
		{"bare token", testToken, testToken, 401, "unauthorized"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			s := newTestAPI(t, Options{SnapshotToken: test.token})
			w := s.do("GET", "/snapshot", "", "Authorization", test.authorization)
			if p := problemOf(t, w); w.Code != test.status || p.Code != test.code {
				t.Errorf("got %d %s", w.Code, w.Body)
			}
			if got := w.Header().Get("WWW-Authenticate"); (got == "Bearer") != (test.status == 401) {
				t.Errorf("WWW-Authenticate: got %q", got)
			}
			if strings.Contains(s.log.String(), testToken) {
				t.Error("the token is in the log")
			}
		})
	}
}

func TestSnapshotToken(t *testing.T) {
	for token, want := range map[string]string{
		strings.Repeat("x", 15): "needs 16 or more", strings.Repeat("x", 15) + " ": "needs 16 or more",
		"with spaces in the token": "printable", strings.Repeat("x", 16): "",
	} {
		env := map[string]string{snapshotTokenEnv: token, "FOUNTAIN_DATABASE_URL": "file:" + filepath.Join(t.TempDir(), "x.db"), "FOUNTAIN_ADDR": "127.0.0.1:0"}
		patience := 20 * time.Second
		if want == "" {
			patience = 300 * time.Millisecond // it starts, and is to stop
		}
		ctx, stop := context.WithTimeout(t.Context(), patience)
		defer stop()
		var stderr strings.Builder
		code := command(ctx, testDefinition(), nil, nil, func(name string) string { return env[name] }, io.Discard, &stderr)
		if want != "" && (code != 1 || !strings.Contains(stderr.String(), want)) {
			t.Errorf("%q: got %d, %s", token, code, stderr.String())
		}
		if want == "" && strings.Contains(stderr.String(), snapshotTokenEnv) {
			t.Errorf("%q: %s", token, stderr.String())
		}
		if strings.Contains(stderr.String(), token) {
			t.Errorf("the token is told: %s", stderr.String())
		}
	}
}

// largeTestAPI has more in its database than the buffers of a connection hold.
func largeTestAPI(t *testing.T) *testAPI {
	t.Helper()
	s := newTestAPI(t, Options{SnapshotToken: testToken})
	err := s.db.Write(t.Context(), func(_ context.Context, tx *storage.Tx) error {
		_, err := tx.Exec("INSERT INTO items (name) VALUES (hex(zeroblob(8000000)))")
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// beginSnapshot asks for a snapshot on a connection that is not read further
// than the first line of the answer.
func beginSnapshot(t *testing.T, address string) net.Conn {
	t.Helper()
	connection, err := net.Dial("tcp", strings.TrimPrefix(address, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { connection.Close() })
	fmt.Fprintf(connection, "GET /snapshot HTTP/1.1\r\nHost: x\r\nAuthorization: bearer %s\r\n\r\n", testToken)
	start := make([]byte, len("HTTP/1.1 200"))
	if _, err := io.ReadFull(connection, start); err != nil || string(start) != "HTTP/1.1 200" {
		t.Fatalf("got %q, %v", start, err)
	}
	return connection
}

func TestOneSnapshotAtATime(t *testing.T) {
	s := largeTestAPI(t)
	first := beginSnapshot(t, s.newServer(nil).URL)
	w := s.do("GET", "/snapshot", "", "Authorization", "Bearer "+testToken)
	if w.Code != http.StatusTooManyRequests || problemOf(t, w).Code != "snapshot_under_way" || w.Header().Get("Retry-After") == "" {
		t.Errorf("got %d %s", w.Code, w.Body)
	}
	first.Close() // the client has gone: the next may
	waitUntil(t, "the end of the first", func() bool {
		return s.do("HEAD", "/snapshot", "", "Authorization", "Bearer "+testToken).Code == http.StatusOK
	})
	noCopiesBeside(t, s.path)
}

// TestLongSnapshot: the download may take longer than any other answer.
func TestLongSnapshot(t *testing.T) {
	s := largeTestAPI(t)
	server := s.newServer(func(server *http.Server) {
		server.ReadTimeout, server.WriteTimeout = 200*time.Millisecond, 200*time.Millisecond
	})
	connection := beginSnapshot(t, server.URL)
	time.Sleep(600 * time.Millisecond) // the server writes into full buffers meanwhile
	rest, err := io.ReadAll(io.LimitReader(connection, 16_000_000))
	if err != nil || len(rest) != 16_000_000 {
		t.Errorf("got %d bytes: %v", len(rest), err)
	}
}

func TestSnapshotAmidWrites(t *testing.T) {
	s := newTestAPI(t, Options{SnapshotToken: testToken})
	server := s.newServer(nil)
	var stop atomic.Bool
	var sure atomic.Int64
	var writers sync.WaitGroup
	writers.Go(func() {
		for i := int64(1); !stop.Load(); i++ {
			// Two rows a write: half of one would be seen.
			err := s.db.Write(context.Background(), func(_ context.Context, tx *storage.Tx) error {
				_, err := tx.Exec("INSERT INTO items (name) VALUES ($1), ($1)", fmt.Sprint(i))
				return err
			})
			if err != nil {
				t.Error(err)
				return
			}
			sure.Store(i)
		}
	})
	for range 5 {
		before := sure.Load()
		file, _ := fetchSnapshot(t, server.URL)
		if err := storage.Check(t.Context(), file); err != nil {
			t.Error(err)
		}
		rows, err := openTestAPI(t, file, Options{}).db.Rows(t.Context())
		if got := rows["items"]; err != nil || got%2 != 0 || got < 2*before {
			t.Errorf("got %d rows, want an even number of at least %d: %v", got, 2*before, err)
		}
	}
	stop.Store(true)
	writers.Wait()
}
