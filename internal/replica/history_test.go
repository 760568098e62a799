// One replica, several histories: they must not be mixed.
package replica

import (
	"errors"
	"maps"
	"os"
	"path/filepath"
	"testing"
	"time"

	"fountain.coach/fountainai/internal/replica/replicatest"
)

// TestReturnsAfterAnother: a service whose replica lacks what it wrote last comes
// back when another, which began with the replica, has written to it. The replica
// then is what the first has, and before that what the other had.
func TestReturnsAfterAnother(t *testing.T) {
	proxy, settings := proxied(t)
	path := newPath(t)
	first := begin(t, path, settings, Nothing)
	first.write(t, 1)
	first.await(t, "nothing waits", func(s Status) bool { return !s.Synced.IsZero() && s.Transactions == 0 })
	proxy.Turn(replicatest.Cut)
	for number := range 8 { // more steps than the other will make
		before := first.Status().Transactions
		first.write(t, 10+number)
		first.await(t, "the step is copied", func(s Status) bool { return s.Transactions > before })
	}
	if err := first.end(); err == nil {
		t.Fatal("the replica got what was written while it was away")
	}
	proxy.Turn(replicatest.Open)
	second := begin(t, newPath(t), settings, Restored)
	for _, number := range []int{100, 101} {
		second.write(t, number)
		second.reach(t)
	}
	others := numbers(t, second.DB)
	must(t, second.end())
	time.Sleep(10 * time.Millisecond) // times in the replica are whole milliseconds
	then := time.Now()
	time.Sleep(10 * time.Millisecond)

	again := begin(t, path, settings, Kept)
	again.write(t, 1000)
	again.reach(t)
	want := numbers(t, again.DB)
	must(t, again.end())
	if got := restored(t, settings); !maps.Equal(got, want) {
		t.Errorf("the replica has %v, the service %v", got, want)
	}
	settings.RestoreAt = then
	if got := restored(t, settings); !maps.Equal(got, others) {
		t.Errorf("before that the replica had %v, the other service %v", got, others)
	}
}

// TestDoesNotTakeBack: a service that begins to follow anew, after a failure, finds
// that another has taken its replica over, and leaves it alone.
func TestDoesNotTakeBack(t *testing.T) {
	settings := fast(t.TempDir(), nil)
	first := begin(t, newPath(t), settings, Nothing)
	first.write(t, 1)
	first.reach(t)
	first.cancel()
	<-first.done
	first.detach(errors.New("what is here cannot be used"))
	second := begin(t, newPath(t), settings, Restored)
	second.write(t, 2)
	second.reach(t)
	wantError(t, first.attach(t.Context()), ErrSuperseded, "since")
	second.write(t, 3)
	second.reach(t)
	must(t, second.end())
	_ = first.end()
	if got := restored(t, settings); len(got) != 3 {
		t.Errorf("the replica has %v, want what the second wrote", got)
	}
}

// TestNobodysFiles: files without a word of whose they are belong to somebody.
func TestNobodysFiles(t *testing.T) {
	folder := t.TempDir()
	settings := fast(folder, nil)
	other := begin(t, newPath(t), settings, Nothing)
	other.write(t, 1)
	other.reach(t)
	must(t, other.end())
	must(t, os.Remove(filepath.Join(folder, service, ownerFile)))
	path := newPath(t)
	elsewhere := begin(t, path, fast(t.TempDir(), nil), Nothing)
	must(t, elsewhere.end())
	_, _, err := open(t.Context(), path, settings)
	wantError(t, err, ErrForeign, ownerFile)
}
