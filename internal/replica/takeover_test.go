// What a service had begun to send when another took its replica over.
package replica

import (
	"bytes"
	"context"
	"errors"
	"io"
	"io/fs"
	"net/http"
	"os"
	"testing"
	"time"

	"github.com/superfly/ltx"
)

// ltxFile is a file of Litestream's as far as a client looks into it: a header, and
// then what is given.
func ltxFile(t *testing.T, rest []byte) []byte {
	t.Helper()
	header, err := (&ltx.Header{
		Version: ltx.Version, Flags: ltx.HeaderFlagNoChecksum, PageSize: 4096, Commit: 1, MinTXID: 7, MaxTXID: 7,
		Timestamp: time.Now().UnixMilli(),
	}).MarshalBinary()
	must(t, err)
	return append(header, rest...)
}

// interrupted is a content while which something happens, before its end.
type interrupted struct {
	io.Reader
	happens func()
}

func (i *interrupted) Read(piece []byte) (int, error) {
	n, err := i.Reader.Read(piece)
	if err == io.EOF && i.happens != nil {
		i.happens()
		i.happens = nil
	}
	return n, err
}

// clientOf is a client that writes as instance to the place of settings.
func clientOf(t *testing.T, settings Settings, instance string) (*client, *owner) {
	t.Helper()
	at, err := placeAt(settings.URL, service, settings.Getenv)
	must(t, err)
	t.Cleanup(func() { _ = at.close() })
	self := &owner{Service: service, Lineage: "one", Instance: instance}
	return &client{at: at, mayWrite: func(ctx context.Context) error { return self.check(ctx, at) }}, self
}

// clientWithFile is a client that has written a file of size bytes, number 7 of level
// 0, to the place of settings.
func clientWithFile(t *testing.T, settings Settings, size int) *client {
	t.Helper()
	c, self := clientOf(t, settings, "one")
	must(t, self.write(t.Context(), c.at))
	_, err := c.WriteLTXFile(t.Context(), 0, 7, 7, bytes.NewReader(ltxFile(t, make([]byte, size))))
	must(t, err)
	return c
}

func content(t *testing.T, c *client, number ltx.TXID) []byte {
	t.Helper()
	file, err := c.OpenLTXFile(t.Context(), 0, number, number, 0, 0)
	must(t, err)
	defer file.Close()
	found, err := io.ReadAll(file)
	must(t, err)
	return found
}

// unconditional are settings of a bucket whose server refuses conditions as answer.
func unconditional(t *testing.T, answer int) Settings {
	return filtered(t, func(w http.ResponseWriter, r *http.Request) bool {
		conditional := r.Header.Get("If-None-Match") != ""
		if conditional {
			w.WriteHeader(answer)
		}
		return conditional
	})
}

// TestLateUpload: a file that was on the way when another took the replica over
// does not replace one of the other's of the same name.
func TestLateUpload(t *testing.T) {
	all := places(t)
	all["s3 without conditions"] = unconditional(t, http.StatusNotImplemented)
	for kind, settings := range all {
		for size, bytesAfter := range map[string]int{"small": 1000, "in parts": partSize + 1000} {
			t.Run(kind+" "+size, func(t *testing.T) {
				first, firstSelf := clientOf(t, settings, "first")
				must(t, firstSelf.write(t.Context(), first.at))
				second, secondSelf := clientOf(t, settings, "second")
				theirs := ltxFile(t, bytes.Repeat([]byte("second"), 100))
				late := &interrupted{bytes.NewReader(ltxFile(t, make([]byte, bytesAfter))), func() {
					must(t, secondSelf.write(t.Context(), second.at))
					_, err := second.WriteLTXFile(t.Context(), 0, 7, 7, bytes.NewReader(theirs))
					must(t, err)
				}}
				_, err := first.WriteLTXFile(t.Context(), 0, 7, 7, late)
				wantError(t, err, ErrSuperseded, "since")
				if !bytes.Equal(content(t, second, 7), theirs) {
					t.Error("the late file has replaced the other's")
				}
				files, err := second.at.list(t.Context(), second.at.level(0), false)
				must(t, err)
				if len(files) != 1 {
					t.Errorf("something is left: %v", files)
				}
			})
		}
	}
}

// TestOwnerReplaces: who owns the replica replaces a file that is there, as after
// an answer that was lost, or of who owned it before.
func TestOwnerReplaces(t *testing.T) {
	all := places(t)
	all["s3: not implemented"] = unconditional(t, http.StatusNotImplemented)
	all["s3: bad request"] = unconditional(t, http.StatusBadRequest)
	for kind, settings := range all {
		t.Run(kind, func(t *testing.T) {
			c, self := clientOf(t, settings, "one")
			must(t, self.write(t.Context(), c.at))
			for _, size := range []int{10, 2000, partSize + 7} {
				want := ltxFile(t, bytes.Repeat([]byte{'x'}, size))
				info, err := c.WriteLTXFile(t.Context(), 0, 7, 7, bytes.NewReader(want))
				must(t, err)
				if info.Size != int64(len(want)) || !bytes.Equal(content(t, c, 7), want) {
					t.Errorf("%d bytes: got %d, or others", len(want), info.Size)
				}
			}
		})
	}
}

// TestLateFile: a file of who wrote to the replica before arrives under the number
// that comes next. It is not taken for one of ours, which replaces it.
func TestLateFile(t *testing.T) {
	for kind, settings := range places(t) {
		t.Run(kind, func(t *testing.T) {
			s := begin(t, newPath(t), settings, Nothing)
			s.write(t, 1)
			s.reach(t)
			s.cancel()
			<-s.done
			must(t, s.follower.send(t.Context()))
			next := ltx.TXID(s.client.sent.Load() + 1)
			_, err := s.client.at.put(t.Context(), s.client.name(0, next, next), bytes.NewReader(ltxFile(t, nil)), time.Now(), anyway)
			must(t, err)
			s.follower.replica.SetPos(ltx.Pos{}) // as at the beginning, and after a failure
			s.write(t, 2)
			must(t, s.follower.copy(t.Context()))
			must(t, s.follower.send(t.Context()))
			s.write(t, 3)
			must(t, s.end())
			if got := restored(t, settings); len(got) != 3 {
				t.Errorf("the replica has %v, want 3 numbers", got)
			}
		})
	}
}

// TestRemovedUnderway: a replica that somebody removes while a file is on its way
// stays removed.
func TestRemovedUnderway(t *testing.T) {
	settings := fast(t.TempDir(), nil)
	c, self := clientOf(t, settings, "one")
	must(t, self.write(t.Context(), c.at))
	_, err := c.WriteLTXFile(t.Context(), 0, 7, 7, &interrupted{bytes.NewReader(ltxFile(t, nil)), func() {
		must(t, c.at.remove(t.Context(), []string{ownerFile}))
	}})
	if err == nil {
		t.Fatal("the file was written all the same")
	}
	if _, err := os.Stat(settings.URL + "/" + service + "/" + c.name(0, 7, 7)); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("got %v, want no file", err)
	}
}
