package storage

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"syscall"
	"testing"
	"time"

	"fountain.coach/fountainai/internal/storage/postgrestest"
)

// backend returns the number of the server's process behind the connection.
func backend(t testing.TB, tx *Tx) (process int) {
	t.Helper()
	must(t, tx.QueryRow("SELECT pg_backend_pid()", nil, &process))
	return process
}

// writerProcess returns the process of the server that the next write gets.
func writerProcess(t testing.TB, db *DB) (process int) {
	t.Helper()
	must(t, db.Write(t.Context(), func(_ context.Context, tx *Tx) error {
		process = backend(t, tx)
		return nil
	}))
	return process
}

// stopProcess stops a process of the server, which then says nothing, until the test
// is over.
func stopProcess(t *testing.T, process int) {
	t.Helper()
	must(t, syscall.Kill(process, syscall.SIGSTOP))
	t.Cleanup(func() { _ = syscall.Kill(process, syscall.SIGCONT) })
}

// A write that does not get its lock in time leaves a connection that is good for
// the next.
func TestServerLockTimeout(t *testing.T) {
	address := postgrestest.URL(t)
	db, other := openServerAt(t, address+"&lock_timeout=100"), openServerAt(t, address)
	must(t, other.Write(t.Context(), func(_ context.Context, tx *Tx) error {
		_, err := tx.Exec("LOCK TABLE storage_probe IN EXCLUSIVE MODE")
		must(t, err)
		for range 2 {
			wantError(t, db.Write(t.Context(), insertNumber(1)), ErrUnavailable)
		}
		return nil
	}))
	store(t, db, 1)
	wantStored(t, db, 1)
}

// Two connections are enough, on a new schema too, and no more are kept.
func TestServerFewConnections(t *testing.T) {
	server := postgrestest.Shared(t)
	address := server.URL() + "&pool_max_conns=2&application_name=few"
	db, err := Open(t.Context(), address, testMigrations(), Options{Logger: silent(), Service: "character"})
	must(t, err)
	defer db.Close()
	store(t, db, 1)
	wantStored(t, db, 1)
	// Those that were closed are gone in a moment.
	for count := 0; count != 2; time.Sleep(time.Millisecond) {
		server.Value(t, "SELECT count(*) FROM pg_stat_activity WHERE application_name LIKE '%few'", &count)
	}
}

// What a server that does not answer is asked ends, in a savepoint too, and it is
// not asked again.
func TestServerSilent(t *testing.T) {
	db := openServerAt(t, postgrestest.URL(t))
	db.postgres.alone, db.postgres.together = "", "" // it would wait for the one that is stopped
	runs := 0
	err := db.Write(t.Context(), func(ctx context.Context, tx *Tx) error {
		runs++
		stopProcess(t, backend(t, tx))
		var cancel context.CancelFunc
		tx.ctx, cancel = context.WithTimeout(tx.ctx, 100*time.Millisecond)
		defer cancel()
		return db.Write(ctx, insertNumber(1))
	})
	if wantError(t, err, ErrUnavailable); runs != 1 {
		t.Errorf("it ran %d times", runs)
	}
}

// Two idle connections lead to processes that do not answer: a write finds that out
// with one of them.
func TestServerSilentFromTheBeginning(t *testing.T) {
	db := openServerAt(t, postgrestest.URL(t))
	var first, second int
	must(t, db.Write(t.Context(), func(_ context.Context, tx *Tx) error {
		first, second = backend(t, tx), writerProcess(t, db)
		return nil
	}))
	stopProcess(t, first)
	stopProcess(t, second)
	defer func(before time.Duration) { transactionTime = before }(transactionTime)
	transactionTime = 100 * time.Millisecond
	wantError(t, db.Write(t.Context(), insertNumber(1)), ErrUnavailable)
	if left := len(db.postgres.writes.idle); left != 1 {
		t.Errorf("of two connections %d are left", left)
	}
}

// On a server that only follows another, reads are answered, and writes are not.
func TestServerStandby(t *testing.T) {
	server := postgrestest.Start(t)
	address := server.URL()
	db := openServerAt(t, address)
	store(t, db, 1)
	must(t, db.Close())
	server.Standby(t)
	standby := openServerAt(t, address)
	wantStored(t, standby, 1)
	wantError(t, standby.Write(t.Context(), insertNumber(2)), ErrUnavailable)
}

// A connection that has been used for long is closed, and another one made.
func TestServerConnectionLife(t *testing.T) {
	db := openServerAt(t, postgrestest.URL(t))
	first := writerProcess(t, db)
	db.postgres.writes.idle[0].until = time.Now()
	last := writerProcess(t, db)
	if next := writerProcess(t, db); last != first || next == first {
		t.Errorf("three writes had the processes %d, %d, %d", first, last, next)
	}
}

// A program that builds its statements does not fill the server with them.
func TestServerStatements(t *testing.T) {
	db := openServerAt(t, postgrestest.URL(t))
	prepared := 0
	for i := range maxStatements + 50 {
		must(t, db.Read(t.Context(), func(tx *Tx) error {
			var number int
			must(t, tx.QueryRow(fmt.Sprint("SELECT ", i), nil, &number))
			return tx.QueryRow("SELECT count(*) FROM pg_prepared_statements", nil, &prepared)
		}))
	}
	if prepared > maxStatements {
		t.Errorf("%d statements are prepared", prepared)
	}
}

// The server's settings for strings are not those of the statements.
func TestServerBackslashes(t *testing.T) {
	server := postgrestest.Shared(t)
	address := server.Database(t, "")
	name, _, _ := strings.Cut(strings.TrimPrefix(address, "postgres://fountain@/"), "?")
	server.Exec(t, "ALTER DATABASE "+name+" SET standard_conforming_strings = off")
	db, err := Open(t.Context(), address, testMigrations(), Options{Logger: silent(), Service: "character"})
	must(t, err)
	must(t, db.Close())
}

// A server that says itself that it does not know is believed.
func TestServerUncertainAnswer(t *testing.T) {
	server := postgrestest.Shared(t)
	server.Exec(t, "DROP SCHEMA IF EXISTS uncertain CASCADE")
	db := openServerAt(t, server.Schema("uncertain"))
	server.Exec(t, "CREATE FUNCTION uncertain.fail() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN END'")
	server.Exec(t, `CREATE CONSTRAINT TRIGGER fail AFTER INSERT ON uncertain.numbers
		DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION uncertain.fail()`)
	for code, want := range map[string]error{"40003": ErrUncertain, "08007": ErrUncertain, "08006": ErrUnavailable, "40001": ErrUnavailable} {
		server.Exec(t, fmt.Sprintf(`CREATE OR REPLACE FUNCTION uncertain.fail() RETURNS trigger LANGUAGE plpgsql
			AS $$BEGIN RAISE EXCEPTION 'at the commit' USING ERRCODE = '%s'; END$$`, code))
		if err := db.Write(t.Context(), insertNumber(1)); !errors.Is(err, want) || want == ErrUnavailable && errors.Is(err, ErrUncertain) {
			t.Errorf("%s: got %v", code, err)
		}
	}
}
