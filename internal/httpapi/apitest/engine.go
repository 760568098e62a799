// Which database the tests run on: all of them run on each.
package apitest

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"fountain.coach/fountainai/internal/storage"
	"fountain.coach/fountainai/internal/storage/postgrestest"
)

// engineEnv limits a run to one engine, sqlite or postgres.
const engineEnv = "FOUNTAIN_TEST_ENGINE"

// engine is what the services of the tests that now run are on.
var engine = storage.SQLite

// OnBoth runs the tests of a package on SQLite and then, if those pass, on
// PostgreSQL, each followed by check, and returns the exit code. Fuzzing and
// lists of tests are for SQLite alone; so are benchmarks, which hack/bench
// compares. The variable FOUNTAIN_TEST_ENGINE limits it to one engine.
func OnBoth(m *testing.M, check func() int) int {
	flag.Parse()
	defer postgrestest.Stop()
	only := storage.Engine(os.Getenv(engineEnv))
	for _, engine = range []storage.Engine{storage.SQLite, storage.PostgreSQL} {
		if only != "" && only != engine || only == "" && engine == storage.PostgreSQL && !wantsServer() {
			continue
		}
		fmt.Println("on", engine)
		code := m.Run()
		if code == 0 {
			code = check()
		}
		if code != 0 {
			return code
		}
	}
	return 0
}

// wantsServer reports whether the tests run on PostgreSQL too.
func wantsServer() bool {
	for _, name := range []string{"test.list", "test.fuzz", "test.bench"} {
		if value := flag.Lookup(name); value != nil && value.Value.String() != "" {
			return false
		}
	}
	skip, err := postgrestest.Available()
	if skip {
		fmt.Println("not on PostgreSQL:", err)
	}
	return !skip
}

// newDatabase returns the URL of a database that nobody else has.
func newDatabase(t testing.TB, name string) string {
	t.Helper()
	if engine == storage.PostgreSQL {
		return postgrestest.URL(t)
	}
	return "file:" + filepath.Join(t.TempDir(), name+".db")
}

// NeedsSQLite skips a test on PostgreSQL, where why says what it cannot be.
func NeedsSQLite(t testing.TB, why string) {
	t.Helper()
	if engine != storage.SQLite {
		t.Skip("on SQLite only:", why)
	}
}
