package storage

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/stdlib"

	"fountain.coach/fountainai/internal/storage/postgrestest"
)

// connectAsService makes a connection as a service has them that opened its database
// long ago.
func connectAsService(t *testing.T, databaseURL string) (disconnect func()) {
	t.Helper()
	p, _, err := parsePostgres(databaseURL, "family")
	must(t, err)
	p.pool = stdlib.OpenDB(*p.config)
	must(t, p.pool.PingContext(t.Context()))
	return func() { must(t, p.pool.Close()) }
}

// awaitLocked waits until somebody waits for the lock of lockSchema.
func awaitLocked(t *testing.T, server *postgrestest.Server) {
	t.Helper()
	for waiting := false; !waiting; time.Sleep(time.Millisecond) {
		server.Value(t, "SELECT EXISTS (SELECT 1 FROM pg_locks WHERE locktype = 'advisory' AND NOT granted)", &waiting)
	}
}

// emptyDatabase returns the address of a new database, and a file to copy to it.
func emptyDatabase(t *testing.T, server *postgrestest.Server) (source, databaseURL string) {
	t.Helper()
	source = filepath.Join(t.TempDir(), "family.db")
	family(t, source)
	return source, server.Database(t, "")
}

// A service is seen whatever its connections are called.
func TestCopySeesServices(t *testing.T) {
	source, server := emptyDatabase(t, postgrestest.Shared(t))
	for name, c := range map[string]struct{ query, variable string }{
		"in the URL": {"&application_name=mine", "mine"}, "PGAPPNAME": {"", "mine"}, "as it is": {"", ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Setenv("PGAPPNAME", c.variable)
			disconnect := connectAsService(t, server+c.query)
			defer disconnect()
			_, err := BeginCopy(t.Context(), copyFrom(source, server))
			wantError(t, err, ErrInUse)
			_, err = BeginCopy(t.Context(), copyFrom(server, filepath.Join(t.TempDir(), "x.db")))
			wantError(t, err, ErrInUse)
			if hasSchema(t, server) {
				t.Error("a copy that was refused has made the schema")
			}
		})
	}
}

// hasSchema reports whether the database has the schema of the family.
func hasSchema(t *testing.T, databaseURL string) (has bool) {
	t.Helper()
	p, _, err := parsePostgres(databaseURL, "other")
	must(t, err)
	pool := stdlib.OpenDB(*p.config)
	defer pool.Close()
	must(t, pool.QueryRow("SELECT EXISTS (SELECT 1 FROM pg_namespace WHERE nspname = 'family')").Scan(&has))
	return has
}

// A schema is not copied to itself, however the way to it is written: the copy would
// wait for its own lock.
func TestCopyToItself(t *testing.T) {
	source, server := emptyDatabase(t, postgrestest.Shared(t))
	_, err := transfer(copyFrom(source, server))
	must(t, err)
	_, err = BeginCopy(t.Context(), copyFrom(server, strings.Replace(server, "postgres:", "postgresql:", 1)))
	if err == nil || !strings.Contains(err.Error(), "the source itself") {
		t.Errorf("got %v", err)
	}
}

// A copy does not wait for ever for another one.
func TestCopiesAtOnce(t *testing.T) {
	source, server := emptyDatabase(t, postgrestest.Shared(t))
	c, err := BeginCopy(t.Context(), copyFrom(source, server))
	must(t, err)
	defer func() { must(t, c.Close()) }()
	other := filepath.Join(t.TempDir(), "family.db")
	family(t, other)
	second := copyFrom(other, server)
	second.patience = 50 * time.Millisecond
	_, err = BeginCopy(t.Context(), second)
	wantError(t, err, ErrInUse)
}

// A service waits for as long as it takes, also if its statements may not.
func TestServicesWaitForTheLock(t *testing.T) {
	shared := postgrestest.Shared(t)
	_, server := emptyDatabase(t, shared)
	p, _, err := parsePostgres(server, "family")
	must(t, err)
	p.pool = stdlib.OpenDB(*p.config)
	defer p.pool.Close()
	ctx, cancel := context.WithCancel(t.Context())
	unlock, err := p.lockSchema(ctx, 0)
	must(t, err)
	ended := make(chan error)
	go func() {
		db, err := openFamily(server + "&lock_timeout=1")
		if err == nil {
			err = db.Close()
		}
		ended <- err
	}()
	awaitLocked(t, shared)
	select {
	case err := <-ended:
		t.Errorf("it did not wait: %v", err)
	case <-time.After(20 * time.Millisecond):
	}
	cancel()
	must(t, unlock()) // the end of ctx was no failure
	must(t, <-ended)
}

// A service that opens its database while the copy waits for it is seen.
func TestCopySeesWhoWasFirst(t *testing.T) {
	shared := postgrestest.Shared(t)
	source, server := emptyDatabase(t, shared)
	p, _, err := parsePostgres(server, "family")
	must(t, err)
	p.config.RuntimeParams["application_name"] = "a service that opens"
	p.pool = stdlib.OpenDB(*p.config)
	defer p.pool.Close()
	unlock, err := p.lockSchema(t.Context(), 0)
	must(t, err)
	ended := make(chan error)
	go func() {
		_, err := BeginCopy(context.Background(), copyFrom(source, server))
		ended <- err
	}()
	awaitLocked(t, shared)
	defer connectAsService(t, server)()
	must(t, unlock())
	wantError(t, <-ended, ErrInUse)
}

// A service that had no connection when the copy began is seen at its end, at the
// source as at the target.
func TestCopySeesWhoComesBack(t *testing.T) {
	source, server := emptyDatabase(t, postgrestest.Shared(t))
	back := filepath.Join(t.TempDir(), "back.db")
	for _, ends := range [][2]string{{source, server}, {server, back}} {
		c, err := BeginCopy(t.Context(), copyFrom(ends[0], ends[1]))
		must(t, err)
		_, err = c.Run(t.Context())
		must(t, err)
		disconnect := connectAsService(t, server)
		wantError(t, Finish(t.Context(), c), ErrInUse)
		disconnect()
		must(t, c.Close())
		_, err = openFamily(ends[1])
		wantError(t, err, ErrUnfinished)
		_, err = transfer(copyFrom(ends[0], ends[1]))
		must(t, err)
	}
}

// A service that starts meanwhile waits, and opens what is whole then.
func TestCopyKeepsServicesWaiting(t *testing.T) {
	shared := postgrestest.Shared(t)
	source, server := emptyDatabase(t, shared)
	c, err := BeginCopy(t.Context(), copyFrom(source, server))
	must(t, err)
	ended := make(chan error)
	go func() {
		db, err := openFamily(server)
		if err == nil {
			err = db.Close()
		}
		ended <- err
	}()
	awaitLocked(t, shared)
	_, err = c.Run(t.Context())
	must(t, err)
	must(t, Finish(t.Context(), c))
	must(t, c.Close())
	must(t, <-ended)
}

// Copies to one database become whole at once.
func TestCopiesFinishTogether(t *testing.T) {
	shared := postgrestest.Shared(t)
	_, server := emptyDatabase(t, shared)
	var all []*Transfer
	for _, service := range []string{"character", "family"} {
		c := copyFrom(filepath.Join(t.TempDir(), "source.db"), server)
		c.Service = service
		db, err := Open(t.Context(), c.From, c.Migrations, Options{Logger: silent(), Service: service})
		must(t, err)
		must(t, db.Close())
		begun, err := BeginCopy(t.Context(), c)
		must(t, err)
		defer begun.Close()
		_, err = begun.Run(t.Context())
		must(t, err)
		all = append(all, begun)
	}
	var marks []int
	stage = func(string) {
		var count int
		const query = "SELECT count(*) FROM pg_tables WHERE tablename = $1"
		must(t, all[0].target.end().conn.QueryRowContext(t.Context(), query, unfinishedTable).Scan(&count))
		marks = append(marks, count)
	}
	defer func() { stage = func(string) {} }()
	stage("before")
	if must(t, Finish(t.Context(), all...)); len(marks) != 3 || marks[0] != 2 || marks[1] != 0 {
		t.Errorf("before, and when one after the other was finished, %v were unfinished", marks)
	}
}

// A copy is not put beside the log of a file that is gone.
func TestCopyBesideLog(t *testing.T) {
	source := filepath.Join(t.TempDir(), "family.db")
	family(t, source)
	for _, suffix := range []string{"-wal", "-journal", "-shm"} {
		target := filepath.Join(t.TempDir(), "target.db")
		must(t, os.WriteFile(target+suffix, []byte("the newest part"), 0o600))
		_, err := BeginCopy(t.Context(), copyFrom(source, target))
		if wantError(t, err, ErrNotEmpty); !strings.Contains(err.Error(), "move it away") {
			t.Errorf("%s: got %v", suffix, err)
		}
		wantFiles(t, filepath.Dir(target), "target.db"+suffix, "target.db.lock")
		must(t, os.Remove(target+suffix))
		_, err = transfer(copyFrom(source, target))
		must(t, err)
	}
}
