package main

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// missing is a server that answers everything with 404, as the gateway does for
// hosts that it does not know.
func missing(t *testing.T, headerTime time.Duration) string {
	t.Helper()
	server := httptest.NewUnstartedServer(http.NotFoundHandler())
	server.Config.ReadHeaderTimeout = headerTime
	server.Start()
	t.Cleanup(server.Close)
	return server.Listener.Addr().String()
}

// TestSlowSenders tells a server that cuts slow clients off from one that does not.
func TestSlowSenders(t *testing.T) {
	for _, cuts := range []bool{true, false} {
		headerTime := time.Duration(0)
		if cuts {
			headerTime = 50 * time.Millisecond
		}
		var s slowSenders
		if err := s.start(t.Context(), missing(t, headerTime), 3, "GET / HTTP/1.1\r\nX-Slow: ", 2*time.Second); err != nil {
			t.Fatal(err)
		}
		s.all.Wait()
		if all := s.cut.Load() == 3; all != cuts || s.cut.Load()+s.alive.Load() != 3 {
			t.Errorf("a server that cuts: %v: %d cut off, %d alive", cuts, s.cut.Load(), s.alive.Load())
		}
	}
}

func TestIdlers(t *testing.T) {
	address := missing(t, 0)
	var idle idlers
	if err := idle.fill(t.Context(), address, 150); err != nil {
		t.Fatal(err)
	}
	if len(idle.open) != 150 {
		t.Errorf("%d are open", len(idle.open))
	}
	if err := idle.askSome(); err != nil {
		t.Error(err)
	}
	_ = idle.open[100].Close()
	if err := idle.askSome(); err == nil {
		t.Error("a connection that was closed is taken for open")
	}
	idle.close()
	if opened := flood(t.Context(), address, 100*time.Millisecond); opened == 0 {
		t.Error("the flood opened nothing")
	}
}

// TestNoDisk: without the means for a disk the run fails, says how to do without,
// and leaves nothing behind.
func TestNoDisk(t *testing.T) {
	temporary := t.TempDir()
	t.Setenv("TMPDIR", temporary)
	t.Setenv("PATH", t.TempDir()) // no mkfs.ext4 there, nor anything else
	t.Setenv(noLoop, "")
	t.Chdir(filepath.Join("..", ".."))
	binary := filepath.Join(t.TempDir(), "fountain")
	if err := os.WriteFile(binary, nil, 0o700); err != nil {
		t.Fatal(err)
	}
	o := options{binary: binary, duration: time.Minute, clients: 1, diskMiB: 256, idle: 1}
	if _, err := newSoak(context.Background(), o); err == nil || !strings.Contains(err.Error(), noLoop+"=1") {
		t.Errorf("got %v", err)
	}
	left, err := os.Open(temporary)
	if err != nil {
		t.Fatal(err)
	}
	defer left.Close()
	if names, err := left.Readdirnames(1); !errors.Is(err, io.EOF) {
		t.Errorf("left behind: %v %v", names, err)
	}
	// Allowed to do without, it gets as far as the compiler, which is not there
	// either.
	t.Setenv(noLoop, "1")
	if _, err := newSoak(context.Background(), o); err == nil || !strings.Contains(err.Error(), "go env") {
		t.Errorf("with %s=1: got %v", noLoop, err)
	}
}
