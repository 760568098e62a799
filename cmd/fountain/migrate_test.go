package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"fountain.coach/fountainai/internal/client"
	"fountain.coach/fountainai/internal/localstack"
	"fountain.coach/fountainai/internal/storage"
	"fountain.coach/fountainai/internal/storage/postgrestest"
)

// lighthouse is a screenplay that uses every element.
const lighthouse = "../../samples/the-lighthouse-keeper.fountain"

// startOn runs fountain up with its databases on a server.
func startOn(t *testing.T, database string) *runningStack {
	t.Helper()
	return startStackWith(t, upOptions{addr: "127.0.0.1:0", data: t.TempDir(), database: database, logFormat: "text", logLevel: "warn"})
}

// answers returns what lists and single resources of all services answer.
func (s *runningStack) answers(t *testing.T) string {
	t.Helper()
	var all strings.Builder
	for _, place := range []string{
		"centralsequence /sequence?scriptId=1&limit=1000", "character /characters?limit=1000", "character /actions?limit=1000",
		"character /spokenWords?limit=1000", "scriptmanagement /scripts", "scriptmanagement /scripts/1/sections",
		"scriptmanagement /scripts/1/transitions", "sessioncontext /sessions", "sessioncontext /contexts",
		"storyfactory /stories/1", "storyfactory /stories/1/elements?limit=1000",
	} {
		service, path, _ := strings.Cut(place, " ")
		var answer json.RawMessage
		if _, err := s.client(t).Do(t.Context(), client.Request{Service: service, Method: http.MethodGet, Path: path}, &answer); err != nil {
			t.Fatalf("%s: %v", place, err)
		}
		fmt.Fprintf(&all, "%s\n%s\n", place, answer)
	}
	return all.String()
}

// newScript creates a script and returns its identifier.
func (s *runningStack) newScript(t *testing.T) (id int64) {
	t.Helper()
	var script struct{ ScriptID int64 }
	request := client.Request{Service: "scriptmanagement", Method: http.MethodPost, Path: "/scripts", Body: map[string]string{"title": "Next"}}
	if _, err := s.client(t).Do(t.Context(), request, &script); err != nil {
		t.Fatal(err)
	}
	return script.ScriptID
}

func runMigrate(t *testing.T, from, to string) migrateReport {
	t.Helper()
	var output bytes.Buffer
	if err := migrate(t.Context(), &output, t.Output(), migrateOptions{from: from, to: to, json: true}); err != nil {
		t.Fatal(err)
	}
	var report migrateReport
	if err := json.Unmarshal(output.Bytes(), &report); err != nil || len(report.Databases) != len(serviceNames) {
		t.Fatalf("got %v: %s", err, output.Bytes())
	}
	return report
}

// TestMigrate: a stack moves to a server and back; it answers the same at each
// place, and goes on counting.
func TestMigrate(t *testing.T) {
	server := postgrestest.Start(t).Database(t, "")
	data := t.TempDir()
	s := startStack(t, data)
	if _, err := s.importFile(t, t.Context(), lighthouse); err != nil {
		t.Fatal(err)
	}
	want := s.answers(t)
	var output bytes.Buffer
	err := migrate(t.Context(), &output, t.Output(), migrateOptions{from: data, to: server})
	if err == nil || !strings.Contains(err.Error(), "is open in another process") {
		t.Errorf("from a stack that runs: got %v", err)
	}
	s.stop()
	there := runMigrate(t, data, server)

	s = startOn(t, server)
	if got := s.answers(t); got != want {
		t.Errorf("on the server: got\n%s\nwant\n%s", got, want)
	}
	err = migrate(t.Context(), &output, t.Output(), migrateOptions{from: server, to: t.TempDir()})
	if err == nil || !strings.Contains(err.Error(), "stop all its replicas") {
		t.Errorf("from a server in use: got %v", err)
	}
	s.stop()
	back := filepath.Join(t.TempDir(), "back")
	if report := runMigrate(t, server, back); fmt.Sprint(report) != fmt.Sprint(there) {
		t.Errorf("there\n%v\nand back\n%v", there, report)
	}
	for place, s := range map[string]*runningStack{"server": startOn(t, server), "file": startStack(t, back)} {
		if got := s.answers(t); got != want {
			t.Errorf("%s: got\n%s\nwant\n%s", place, got, want)
		}
		if id := s.newScript(t); id != 2 {
			t.Errorf("%s: the next script is %d", place, id)
		}
		if _, err := s.importFile(t, t.Context(), lighthouse); err != nil {
			t.Errorf("%s: importing again: %v", place, err)
		}
		s.stop()
	}
	if err := migrate(t.Context(), &output, t.Output(), migrateOptions{from: back, to: server}); err == nil || !strings.Contains(err.Error(), "holds other content") {
		t.Errorf("to a server with other content: got %v", err)
	}
	empty := postgrestest.Start(t).Database(t, "")
	if err := migrate(t.Context(), &output, t.Output(), migrateOptions{from: back, to: empty}); err != nil || !strings.Contains(output.String(), "every table is the same") {
		t.Errorf("got %v: %s", err, &output)
	}
}

// TestMigrateReplicated: a stack with a replica moves to a server, without what the
// replica has put into its databases, and back; the replica then goes on from there.
func TestMigrateReplicated(t *testing.T) {
	server, folder, data := postgrestest.Start(t).Database(t, ""), t.TempDir(), t.TempDir()
	s := replicated(t, data, folder, nil)
	s.addCharacter(t, "Juliet")
	want := s.rows(t)
	s.stop()
	runMigrate(t, data, server)
	s = startOn(t, server)
	requireRows(t, s.rows(t), want)
	s.addCharacter(t, "Romeo")
	s.stop()
	back := t.TempDir()
	// Of a database that was there once: it says nothing of the new one.
	place := storage.FollowerFolder(localstack.DatabasePath(back, "character"))
	if err := os.Mkdir(place, 0o700); err != nil {
		t.Fatal(err)
	}
	runMigrate(t, server, back)
	if _, err := os.Stat(place); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the place in the log of another database is still there: %v", err)
	}
	s = replicated(t, back, folder, nil)
	s.addCharacter(t, "Mercutio")
	want = s.rows(t)
	s.stop() // which sends the rest
	s = replicated(t, t.TempDir(), folder, nil)
	requireRows(t, s.rows(t), want)
	if got := want["character.characters"]; got != 3 {
		t.Errorf("got %d characters, want 3", got)
	}
}

func TestMigrateRefuses(t *testing.T) {
	for name, c := range map[string]struct{ from, to, want string }{
		"no folder":    {"nowhere", "postgres://x/y", "nowhere"},
		"empty folder": {t.TempDir(), "postgres://x/y", "no such file"},
		"other scheme": {t.TempDir(), "mysql://x/y", "--to takes a data folder"},
		"no source":    {"", "x", "--from takes a data folder"},
		"the same":     {"postgres://x/y", "postgres://x/y", "name another target"},
		"a schema":     {"postgres://x/y?search_path=character", "x", "leave search_path out"},
		"no such host": {"postgres://127.0.0.1:1/y?sslmode=disable", t.TempDir(), "connection refused"},
		"not a URL":    {"postgres://x:y:z/", t.TempDir(), "want postgres://"},
	} {
		t.Run(name, func(t *testing.T) {
			var output bytes.Buffer
			err := migrate(t.Context(), &output, t.Output(), migrateOptions{from: c.from, to: c.to})
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got %v, want one that says %q", err, c.want)
			}
		})
	}
}

// TestUpOnServer: two stacks on one server are one.
func TestUpOnServer(t *testing.T) {
	server := postgrestest.Start(t).Database(t, "")
	first, second := startOn(t, server), startOn(t, server)
	if _, err := first.importFile(t, t.Context(), lighthouse); err != nil {
		t.Fatal(err)
	}
	if got, want := second.answers(t), first.answers(t); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	for i, s := range []*runningStack{first, second, first} {
		if id := s.newScript(t); id != int64(i+2) {
			t.Errorf("script %d of the line is %d", i+2, id)
		}
	}
}
