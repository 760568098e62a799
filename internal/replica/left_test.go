// What uploads leave behind that did not come to their end.
package replica

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"fountain.coach/fountainai/internal/replica/replicatest"
)

// TestNothingIsLeft: an upload that is ended leaves nothing, wherever it was going.
func TestNothingIsLeft(t *testing.T) {
	for name, settings := range places(t) {
		t.Run(name, func(t *testing.T) {
			c, self := clientOf(t, settings, "one")
			must(t, self.write(t.Context(), c.at))
			ctx, cancel := context.WithCancel(t.Context())
			_, err := c.WriteLTXFile(ctx, 9, 7, 7, &interrupted{bytes.NewReader(ltxFile(t, make([]byte, 1<<20))), cancel})
			if err == nil {
				t.Fatal("it came to its end")
			}
			left, err := c.at.list(t.Context(), c.at.level(9), false)
			must(t, err)
			if len(left) > 0 {
				t.Errorf("%v is left", left)
			}
		})
	}
}

// TestLeftoversGo: what a process has left that was killed goes a day later.
func TestLeftoversGo(t *testing.T) {
	for _, kind := range []string{"folder", "sftp"} {
		t.Run(kind, func(t *testing.T) {
			settings := places(t)[kind]
			c := clientWithFile(t, settings, 0)
			parsed, err := url.Parse(settings.URL)
			must(t, err)
			folder := filepath.Join(parsed.Path, service, filepath.FromSlash(c.at.level(0)))
			of := func(age time.Duration) string {
				return filepath.Join(folder, fmt.Sprintf("8.ltx.%d.tmp", time.Now().Add(-age).UnixNano()))
			}
			old, young := of(25*time.Hour), of(23*time.Hour)
			must(t, os.WriteFile(old, []byte("half"), 0o600))
			must(t, os.WriteFile(young, []byte("half"), 0o600))
			files, err := c.files(t.Context(), 0, false)
			must(t, err)
			if len(files) != 1 {
				t.Errorf("got %v, want the whole one", files)
			}
			if _, err := os.Stat(old); !os.IsNotExist(err) {
				t.Errorf("the old one: %v", err)
			}
			if _, err := os.Stat(young); err != nil {
				t.Errorf("the young one may be under way: %v", err)
			}
		})
	}
}

// TestReadsApart: who does not want a file any more leaves the connection to others.
func TestReadsApart(t *testing.T) {
	host, env := replicatest.SFTP(t)
	c := clientWithFile(t, fast("sftp://fountain@"+host+t.TempDir(), env), 1<<20)
	ctx, cancel := context.WithCancel(t.Context())
	first, err := c.OpenLTXFile(ctx, 0, 7, 7, 0, 0)
	must(t, err)
	second, err := c.OpenLTXFile(t.Context(), 0, 7, 7, 0, 0)
	must(t, err)
	_, err = io.ReadFull(first, make([]byte, 1000))
	must(t, err)
	cancel()
	if _, err := first.Read(make([]byte, 1)); err == nil || !strings.Contains(err.Error(), "canceled") {
		t.Errorf("got %v", err)
	}
	must(t, first.Close())
	_, err = io.Copy(io.Discard, second)
	must(t, err)
	must(t, second.Close())
}
