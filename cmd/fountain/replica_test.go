package main

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"fountain.coach/fountainai/internal/client"
)

// replicated is a fountain up with a replica in a folder.
func replicated(t *testing.T, data, folder string, more func(*upOptions)) *runningStack {
	t.Helper()
	options := upOptions{addr: "127.0.0.1:0", data: data, logFormat: "text", logLevel: "error", replica: replicaFlags{address: folder}}
	if more != nil {
		more(&options)
	}
	return startStackWith(t, options)
}

func (s *runningStack) addCharacter(t *testing.T, name string) {
	t.Helper()
	body := map[string]string{"name": name, "description": ""}
	if _, err := s.client(t).Do(t.Context(), client.Request{Service: "character", Method: http.MethodPost, Path: "/characters", Body: body}, nil); err != nil {
		t.Fatal(err)
	}
}

// TestUpWithReplica: a stack that lost its data folder begins with the replica,
// a time of its choice can be had, and fountain restore has the same in files.
func TestUpWithReplica(t *testing.T) {
	folder, data := t.TempDir(), filepath.Join(t.TempDir(), "data")
	s := replicated(t, data, folder, nil)
	report, err := s.importFile(t, t.Context(), plays(t)[0])
	if err != nil {
		t.Fatal(err)
	}
	want := s.rows(t)
	s.stop() // which sends the rest
	moment := time.Now().UTC()
	s = replicated(t, data, folder, nil)
	s.addCharacter(t, "Too late")
	s.stop()
	for _, name := range serviceNames {
		if _, err := os.Stat(filepath.Join(folder, name, "owner.json")); err != nil {
			t.Errorf("%s has no replica of its own: %v", name, err)
		}
	}

	if err := os.RemoveAll(data); err != nil {
		t.Fatal(err)
	}
	s = replicated(t, data, folder, nil)
	if got := s.rows(t); got["character.characters"] != want["character.characters"]+1 {
		t.Errorf("got %v", got)
	}
	requireSame(t, s.exported(t, report.ScriptID), parseFile(t, plays(t)[0]))
	s.stop()

	at := moment.Format(time.RFC3339Nano)
	restored := filepath.Join(t.TempDir(), "restored")
	output, err := run(t, "restore", folder, "--replica", "--at", at, "--data", restored, "--json")
	var reports []replicaReport
	if err != nil || json.Unmarshal([]byte(output), &reports) != nil || len(reports) != 5 || !reports[0].Restored {
		t.Fatalf("%v: %s", err, output)
	}
	s = startStack(t, restored)
	requireRows(t, s.rows(t), want)
	s.stop()

	// An earlier time, in a stack of its own that goes on from there elsewhere.
	s = replicated(t, filepath.Join(t.TempDir(), "again"), folder, func(o *upOptions) { o.replica.when = at })
	requireRows(t, s.rows(t), want)
	var table bytes.Buffer
	if err := status(t.Context(), &table, s.remote); err != nil || !strings.Contains(table.String(), " s behind") {
		t.Errorf("fountain status says nothing of the replica: %v\n%s", err, &table)
	}
}

// TestBackupWithReplica: fountain backup copies databases that are replicated,
// and what it copied can be put into their place.
func TestBackupWithReplica(t *testing.T) {
	folder, data, dir := t.TempDir(), t.TempDir(), filepath.Join(t.TempDir(), "backup")
	s := replicated(t, data, folder, nil)
	s.addCharacter(t, "Juliet")
	want := s.rows(t)
	if err := backup(t.Context(), io.Discard, io.Discard, dir, backupOptions{data: data}); err != nil {
		t.Fatal(err)
	}
	s.addCharacter(t, "Too late")
	s.stop()
	if err := restore(t.Context(), io.Discard, io.Discard, at(t, dir), restoreOptions{data: data, force: true}); err != nil {
		t.Fatal(err)
	}
	s = replicated(t, data, folder, nil)
	requireRows(t, s.rows(t), want)
	s.addCharacter(t, "Romeo")
	s.stop()
	empty := filepath.Join(t.TempDir(), "empty")
	s = replicated(t, empty, folder, nil)
	if got := s.rows(t); got["character.characters"] != want["character.characters"]+1 {
		t.Errorf("got %v", got)
	}
}

func TestReplicaRefuses(t *testing.T) {
	folder := t.TempDir()
	s := replicated(t, t.TempDir(), folder, nil)
	taken := t.TempDir()
	startStack(t, taken).stop()
	s.stop()
	for name, test := range map[string]struct {
		arguments []string
		want      string
	}{
		"no replica":       {[]string{"restore", t.TempDir(), "--replica", "--data", filepath.Join(t.TempDir(), "new")}, "holds no replica"},
		"no folder":        {[]string{"restore", filepath.Join(folder, "no", "where"), "--replica", "--data", filepath.Join(t.TempDir(), "new")}, "make it, or mount its disk"},
		"its own advice":   {[]string{"restore", filepath.Join(folder, "no", "where"), "--replica", "--data", filepath.Join(t.TempDir(), "new")}, "earlier time with --at"},
		"a database":       {[]string{"restore", folder, "--replica", "--data", taken}, "exists"},
		"a time":           {[]string{"restore", folder, "--replica", "--at", "noon", "--data", filepath.Join(t.TempDir(), "new")}, "--at: a point in time"},
		"a time alone":     {[]string{"restore", folder, "--at", "2026-01-02T03:04:05Z"}, "--at goes with --replica"},
		"with force":       {[]string{"restore", folder, "--replica", "--force"}, "force"},
		"no such service":  {[]string{"restore", folder, "--replica", "--service", "play", "--database", "x.db"}, "no service play"},
		"an address":       {[]string{"up", "--replica-url", "gs://x"}, "want s3://"},
		"leave without it": {[]string{"up", "--replica-start-empty", "true"}, "go with --replica-url"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := run(t, test.arguments...)
			requireError(t, test.want, err)
			if test.arguments[0] == "restore" && strings.Contains(err.Error(), "start-empty") {
				t.Errorf("the advice is for a start: %v", err)
			}
		})
	}
}
