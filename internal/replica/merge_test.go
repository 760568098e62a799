package replica

import (
	"crypto/rand"
	"testing"

	"github.com/benbjohnson/litestream"

	"fountain.coach/fountainai/internal/storage"
)

// TestMerge: files are merged and a snapshot is written, a large one in parts;
// what is restored of it is the same, with what came afterwards.
func TestMerge(t *testing.T) {
	for kind, settings := range places(t) {
		t.Run(kind, func(t *testing.T) {
			s := begin(t, newPath(t), settings, Nothing)
			for number := range 5 {
				s.write(t, number)
				s.reach(t)
			}
			noise := make([]byte, 3<<19) // nine MiB of text in the end, in more than one part
			rand.Read(noise)
			for range 3 {
				must(t, s.rewrite(t.Context(), "body || hex($1)", noise))
			}
			s.reach(t)
			must(t, s.follower.merge(t.Context()))
			for _, level := range []int{1, 2, 3, litestream.SnapshotLevel} {
				files, err := s.client.files(t.Context(), level, false)
				must(t, err)
				if len(files) != 1 || files[0].Size < partSize {
					t.Errorf("level %d has %v, want one large file", level, files)
				}
			}
			s.write(t, span(10, 15)...)
			s.reach(t)
			must(t, s.follower.merge(t.Context())) // too early for another
			var want int
			length := func(db *storage.DB) (bytes int) {
				must(t, db.Read(t.Context(), func(tx *storage.Tx) error {
					return tx.QueryRow("SELECT length(body) FROM lines WHERE number = 1", nil, &bytes)
				}))
				return bytes
			}
			want = length(s.DB)
			must(t, s.end())
			path := newPath(t)
			again := begin(t, path, settings, Restored)
			wantNumbers(t, again.DB, append(span(0, 4), span(10, 15)...)...)
			if got := length(again.DB); got != want {
				t.Errorf("the large text has %d bytes, want %d", got, want)
			}
		})
	}
}
