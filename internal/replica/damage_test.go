package replica

import (
	"bytes"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"fountain.coach/fountainai/internal/storage"
)

// TestDamagedReplica: a replica with a fault is refused whole; nothing is lost
// silently, and a time before the fault can still be had.
func TestDamagedReplica(t *testing.T) {
	type files []string // of level 0, by their numbers
	for name, test := range map[string]struct {
		spoil func(t *testing.T, level0 files)
		want  string
	}{
		"one is missing":       {func(t *testing.T, f files) { must(t, os.Remove(f[len(f)/2])) }, "missing"},
		"the first is missing": {func(t *testing.T, f files) { must(t, os.Remove(f[0])) }, "missing"},
		"one is cut short": {func(t *testing.T, f files) {
			info, err := os.Stat(f[len(f)/2])
			must(t, err)
			must(t, os.Truncate(f[len(f)/2], info.Size()/2))
		}, "cannot be read"},
		"one is empty": {func(t *testing.T, f files) { must(t, os.Truncate(f[len(f)/2], 0)) }, "size 0"},
		"a byte is flipped": {func(t *testing.T, f files) {
			content, err := os.ReadFile(f[len(f)-1])
			must(t, err)
			content[len(content)/2] ^= 0x55
			must(t, os.WriteFile(f[len(f)-1], content, 0o600))
		}, "cannot be read"},
		"the owner is nonsense": {func(t *testing.T, f files) {
			must(t, os.WriteFile(filepath.Join(filepath.Dir(f[0]), "..", "..", ownerFile), []byte("{"), 0o600))
		}, "damaged"},
	} {
		t.Run(name, func(t *testing.T) {
			settings := fast(t.TempDir(), nil)
			s := begin(t, newPath(t), settings, Nothing)
			for number := range 6 {
				s.write(t, number)
				s.reach(t)
			}
			must(t, s.end())
			level0, err := filepath.Glob(filepath.Join(settings.URL, service, "ltx", "0", "*.ltx"))
			must(t, err)
			slices.Sort(level0)
			if len(level0) < 5 {
				t.Fatalf("only %v", level0)
			}
			test.spoil(t, level0)
			path := newPath(t)
			_, err = Restore(t.Context(), settings, service, path, testMigrations())
			wantError(t, err, ErrUnreachable, test.want)
			settings.RestoreAt = time.Now()
			_, err = Restore(t.Context(), settings, service, path, testMigrations())
			wantError(t, err, ErrUnreachable, test.want)
			if !storage.IsEmpty(path) {
				t.Error("there is a database all the same")
			}
			left, _ := filepath.Glob(path + ".partial*")
			if len(left) > 0 {
				t.Errorf("%v is left", left)
			}
		})
	}
}

// TestHalfRestored: what a restore that was killed has left is no database.
func TestHalfRestored(t *testing.T) {
	settings := fast(t.TempDir(), nil)
	s := begin(t, newPath(t), settings, Nothing)
	s.write(t, 1, 2)
	s.reach(t)
	must(t, s.end())
	path := newPath(t)
	for _, left := range []string{".partial", ".partial.tmp", ".partial-wal", ".partial-shm"} {
		must(t, os.WriteFile(path+left, bytes.Repeat([]byte("half"), 1000), 0o600))
	}
	must(t, os.WriteFile(path, nil, 0o600)) // created, and never written to
	s = begin(t, path, settings, Restored)
	wantNumbers(t, s.DB, 1, 2)
	if left, _ := filepath.Glob(path + ".partial*"); len(left) > 0 {
		t.Errorf("%v is left", left)
	}
}
