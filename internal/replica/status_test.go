package replica

import (
	"bytes"
	"errors"
	"io/fs"
	"log/slog"
	"strings"
	"testing"
)

// TestOneLine: a failure is told in one line, and is still what it was.
func TestOneLine(t *testing.T) {
	b := newBoard(folder(t.TempDir()))
	b.note(copying, errors.Join(fs.ErrPermission, errors.New("and another")))
	failure := b.read().Failure
	wantError(t, failure, fs.ErrPermission, "permission denied; and another")
	b.note(copying, nil)
	if failure := b.read().Failure; failure != nil {
		t.Errorf("got %v, want none", failure)
	}
}

// TestPanic: a panic of the library is an error, whose stack is in the log alone.
func TestPanic(t *testing.T) {
	var log bytes.Buffer
	r := &Replicator{logger: slog.New(slog.NewTextHandler(&log, nil))}
	err := r.guarded(func() error { panic("what now") })
	if err == nil || !strings.Contains(err.Error(), "what now") || strings.ContainsAny(err.Error(), "\n\t") {
		t.Errorf("got %v", err)
	}
	if !strings.Contains(log.String(), "status_test.go") {
		t.Errorf("the stack is not in the log: %s", log.String())
	}
}
