package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"fountain.coach/fountainai/internal/httpapi"
	"fountain.coach/fountainai/internal/localstack"
	"fountain.coach/fountainai/internal/storage"
)

const testToken = "a-token-for-the-tests"

// handedOut runs the five services on the network, with snapshots, behind a
// server that takes their names as the first element of the path, so that one
// address stands for all. change, if not nil, may spoil an answer.
func handedOut(t *testing.T, change func(service string, response *http.Response) error) (from, data string) {
	t.Helper()
	data = t.TempDir()
	mux := http.NewServeMux()
	ctx, stop := context.WithCancel(context.Background())
	all := localstack.Definitions()
	done := make(chan error, len(all))
	for _, definition := range all {
		instance, err := httpapi.Open(t.Context(), definition, "file:"+databasePath(data, definition.Name),
			httpapi.Options{Logger: slog.New(slog.DiscardHandler), SnapshotToken: testToken})
		if err != nil {
			t.Fatal(err)
		}
		listener, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		go func() { done <- instance.Serve(ctx, listener) }()
		proxy := httputil.NewSingleHostReverseProxy(&url.URL{Scheme: "http", Host: listener.Addr().String()})
		proxy.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, slog.LevelError)
		if change != nil {
			proxy.ModifyResponse = func(response *http.Response) error { return change(definition.Name, response) }
		}
		mux.Handle("/"+definition.Name+"/", http.StripPrefix("/"+definition.Name, proxy))
	}
	server := httptest.NewServer(mux)
	t.Cleanup(func() {
		server.Close()
		stop()
		for range all {
			if err := <-done; err != nil {
				t.Error(err)
			}
		}
	})
	return server.URL + "/{service}", data
}

func TestBackupFromServices(t *testing.T) {
	from, _ := handedOut(t, nil)
	dir := t.TempDir()
	options := backupOptions{from: from, token: testToken, keep: 2, json: true}
	var output bytes.Buffer
	if err := backup(t.Context(), &output, io.Discard, dir, options); err != nil {
		t.Fatal(err)
	}
	var report backupReport
	if err := json.Unmarshal(output.Bytes(), &report); err != nil || len(report.Databases) != 5 || filepath.Dir(report.Backup) != dir {
		t.Errorf("got %+v, %v", report, err)
	}
	// The set is as one from files: it restores, and a stack runs on it.
	target := t.TempDir()
	if err := restore(t.Context(), io.Discard, io.Discard, at(t, dir), restoreOptions{data: target, backup: latest}); err != nil {
		t.Fatal(err)
	}
	startStack(t, target).rows(t)
}

// TestBackupFromServicesFails: whatever goes wrong with one service, there is no
// backup, and the error says which service and what.
func TestBackupFromServicesFails(t *testing.T) {
	body := func(response *http.Response, content io.Reader) error {
		response.Body = struct {
			io.Reader
			io.Closer
		}{content, response.Body}
		return nil
	}
	tests := []struct {
		name, token string
		change      func(*http.Response) error
		want        string
	}{
		{"wrong token", testToken + "x", func(*http.Response) error { return nil }, "FOUNTAIN_SNAPSHOT_TOKEN is not the one of this service"},
		{"a byte flipped", testToken, func(r *http.Response) error {
			content, err := io.ReadAll(r.Body)
			content[len(content)/2] ^= 1
			return errors.Join(err, body(r, bytes.NewReader(content)))
		}, "damaged"},
		{"cut short", testToken, func(r *http.Response) error { return body(r, io.LimitReader(r.Body, 1000)) }, "EOF"},
		{"no digest", testToken, func(r *http.Response) error { r.Header.Del("Repr-Digest"); return nil }, "Repr-Digest"},
		{"not there", testToken, func(*http.Response) error { return errors.New("gone") }, "502"},
		{"elsewhere", testToken, func(r *http.Response) error { r.StatusCode, r.Status = 302, "302 Found"; return nil }, "302"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			from, _ := handedOut(t, func(service string, response *http.Response) error {
				if service != "sessioncontext" {
					return nil
				}
				return test.change(response)
			})
			dir := t.TempDir()
			err := backup(t.Context(), io.Discard, io.Discard, dir, backupOptions{from: from, token: test.token, keep: 1})
			requireError(t, test.want, err)
			if test.token == testToken {
				requireError(t, "snapshot of sessioncontext", err)
			}
			if err != nil && strings.Contains(err.Error(), testToken) {
				t.Error("the token is in the error")
			}
			if left := list(t, dir); len(left) > 0 {
				t.Errorf("%v is left", left)
			}
		})
	}
}

// TestBackupFromMixedUpServices: an address that leads to another service.
func TestBackupFromMixedUpServices(t *testing.T) {
	from, _ := handedOut(t, nil)
	swapped := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		target := strings.ReplaceAll(from, "/{service}", strings.Replace(r.URL.Path, "sessioncontext", "character", 1))
		request, _ := http.NewRequestWithContext(r.Context(), http.MethodGet, target, nil)
		request.Header = r.Header
		response, err := http.DefaultTransport.RoundTrip(request)
		// Character is asked twice here, and gives one copy at a time.
		for err == nil && response.StatusCode == http.StatusTooManyRequests {
			_ = response.Body.Close()
			time.Sleep(10 * time.Millisecond)
			response, err = http.DefaultTransport.RoundTrip(request)
		}
		if err != nil {
			panic(http.ErrAbortHandler)
		}
		defer response.Body.Close()
		for name := range response.Header {
			w.Header().Set(name, response.Header.Get(name))
		}
		w.WriteHeader(response.StatusCode)
		_, _ = io.Copy(w, response.Body)
	}))
	defer swapped.Close()
	err := backup(t.Context(), io.Discard, io.Discard, t.TempDir(), backupOptions{from: swapped.URL + "/{service}", token: testToken, keep: 1})
	if requireError(t, "belongs to the service character, not to sessioncontext", err); !errors.Is(err, storage.ErrForeign) {
		t.Errorf("got %v", err)
	}
}

func TestStalledDownload(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Length", "1000")
		w.Header().Set("Repr-Digest", "sha-256=:AAAA:")
		_, _ = io.WriteString(w, "SQLite")
		_ = http.NewResponseController(w).Flush()
		<-r.Context().Done()
	}))
	defer server.Close()
	remote, err := newRemoteServices(server.URL+"/{service}", testToken, 0)
	if err != nil {
		t.Fatal(err)
	}
	remote.stall = 50 * time.Millisecond
	requireError(t, "nothing came for 50ms", remote.copyTo(t.Context(), t.TempDir(), func() {}))
}

// TestBackupWaitsForServices: the first connections are refused, as those of a new pod are where policies hold.
func TestBackupWaitsForServices(t *testing.T) {
	from, _ := handedOut(t, nil)
	for name, c := range map[string]struct {
		wait    time.Duration
		refusal error
		want    string
	}{
		"patient":           {time.Minute, syscall.ECONNREFUSED, ""},
		"impatient":         {0, syscall.ECONNREFUSED, "connection refused"},
		"another complaint": {time.Minute, nil, "broken"},
	} {
		t.Run(name, func(t *testing.T) {
			remote, err := newRemoteServices(from, testToken, c.wait)
			if err != nil {
				t.Fatal(err)
			}
			remaining := 2
			remote.client.Transport = &http.Transport{DialContext: func(ctx context.Context, network, address string) (net.Conn, error) {
				if remaining--; remaining < 0 {
					return new(net.Dialer).DialContext(ctx, network, address)
				}
				if c.refusal == nil {
					return nil, errors.New("broken")
				}
				return nil, &net.OpError{Op: "dial", Err: c.refusal}
			}}
			dir := t.TempDir()
			err = remote.copyTo(t.Context(), dir, func() {})
			if c.want != "" {
				requireError(t, c.want, err)
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if got := list(t, dir); len(got) != len(serviceNames) {
				t.Errorf("got %v", got)
			}
		})
	}
	err := backup(t.Context(), io.Discard, io.Discard, t.TempDir(), backupOptions{from: from, token: testToken, wait: -time.Second})
	requireError(t, "--wait -1s", err)
}

// TestBackupIsBrokenOff: a set of which the process was told to stop half way.
func TestBackupIsBrokenOff(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	from, _ := handedOut(t, func(service string, _ *http.Response) error {
		if service == "character" {
			cancel()
		}
		return nil
	})
	dir := t.TempDir()
	err := backup(ctx, io.Discard, io.Discard, dir, backupOptions{from: from, token: testToken, keep: 1})
	if !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
	if left := list(t, dir); len(left) > 0 {
		t.Errorf("%v is left", left)
	}
	// One that was killed leaves its folder, which is no backup and goes with the next.
	killed := filepath.Join(dir, ".20260101T000000Z.partial")
	if err := os.Mkdir(killed, 0o700); err != nil {
		t.Fatal(err)
	}
	requireError(t, "no complete backup", restore(t.Context(), io.Discard, io.Discard, at(t, dir), restoreOptions{data: t.TempDir()}))
}
