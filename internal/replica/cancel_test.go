// Whoever stops a service does not wait for a server that hangs.
package replica

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"fountain.coach/fountainai/internal/replica/replicatest"
)

// TestListEnds: the listing with the times of objects ends with its context.
func TestListEnds(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	settings := filtered(t, func(_ http.ResponseWriter, r *http.Request) bool {
		if r.Method != http.MethodHead || !strings.HasSuffix(r.URL.Path, ".ltx") {
			return false
		}
		cancel()
		<-r.Context().Done()
		return true
	})
	c := clientWithFile(t, settings, 0)
	if _, err := c.files(ctx, 0, true); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v, want that it was told to stop", err)
	}
}

// TestReadEnds: a file that is being read ends with its context.
func TestReadEnds(t *testing.T) {
	host, env := replicatest.SFTP(t)
	proxy := replicatest.NewProxy(t, host)
	_, known, _ := strings.Cut(env["FOUNTAIN_SFTP_KNOWN_HOSTS"], " ")
	env["FOUNTAIN_SFTP_KNOWN_HOSTS"] = "[127.0.0.1]:" + proxy.Address[strings.LastIndex(proxy.Address, ":")+1:] + " " + known
	c := clientWithFile(t, fast("sftp://fountain@"+proxy.Address+t.TempDir(), env), 1<<20)
	ctx, cancel := context.WithCancel(t.Context())
	file, err := c.OpenLTXFile(ctx, 0, 7, 7, 0, 0)
	must(t, err)
	_, err = io.ReadFull(file, make([]byte, 1000))
	must(t, err)
	proxy.Turn(replicatest.Stalled)
	ended := make(chan error, 1)
	go func() {
		_, err := io.Copy(io.Discard, file)
		ended <- err
	}()
	time.AfterFunc(50*time.Millisecond, cancel)
	select {
	case err := <-ended:
		if err == nil {
			t.Error("all was read, though nothing came")
		}
	case <-time.After(patience / 2):
		t.Error("the read goes on")
	}
	_ = file.Close()
}
