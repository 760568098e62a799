package storage

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"sync"
	"testing"
	"testing/fstest"

	"fountain.coach/fountainai/internal/storage/postgrestest"
)

// openServerAt opens a database on a server that is closed when the test ends.
func openServerAt(t testing.TB, databaseURL string) *DB {
	t.Helper()
	db, err := openAt(databaseURL)
	must(t, err)
	t.Cleanup(func() {
		if err := db.Close(); err != nil {
			t.Errorf("close: %v", err)
		}
	})
	return db
}

// replicas opens the database at databaseURL count times, each with connections
// of its own, as so many processes would.
func replicas(t testing.TB, databaseURL string, count int) []*DB {
	t.Helper()
	all := make([]*DB, count)
	for i := range all {
		all[i] = openServerAt(t, databaseURL)
	}
	return all
}

func TestServerURLs(t *testing.T) {
	for databaseURL, want := range map[string]string{
		"postgres://will:hamlet@db:x/y":                        "want postgres://USER@HOST:5432/DATABASE",
		"postgres://will:hamlet@db/x?search_path=a,b":          "want the name of one schema",
		"postgres://will:hamlet@db/x?search_path=Ab":           "want the name of one schema",
		"postgres://will:hamlet@db/x?pool_max_conns=1":         "from 2 to 1000",
		"postgres://will:hamlet@db/x?pool_max_conns=many":      "from 2 to 1000",
		"postgres://will:hamlet@db/x?sslmode=perhaps":          "sslmode is invalid",
		"postgres://will:hamlet@127.0.0.1:1/x?sslmode=disable": "connection refused",
		"postgres://will:@hamlet@db/x":                         "written %40 and %2F",
		"postgres://will:12/hamlet@db/x":                       "written %40 and %2F",
		"postgres://will:1@2/hamlet@db/x":                      "written %40 and %2F",
		"postgres://will:hamlet":                               "invalid port",
		"mysql://will:hamlet@db/x":                             "postgres://USER@HOST/DATABASE",
	} {
		_, err := Open(t.Context(), databaseURL, testMigrations(), Options{Logger: silent(), Service: "character"})
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got %v, want one that says %q", databaseURL, err, want)
		}
		if err != nil && strings.Contains(err.Error(), "hamlet") {
			t.Errorf("%s: the error tells the password: %v", databaseURL, err)
		}
	}
}

func TestServerSettings(t *testing.T) {
	p, connections, err := parsePostgres("postgres://will:hamlet@db:5433/plays?pool_max_conns=9&sslmode=disable", "character")
	must(t, err)
	if got := p.name(); got != "postgres://db:5433/plays?search_path=character" || connections != 9 {
		t.Errorf("got %s with %d connections", got, connections)
	}
	if p.config.Password != "hamlet" || p.config.RuntimeParams["pool_max_conns"] != "" {
		t.Errorf("got password %q, parameters %v", p.config.Password, p.config.RuntimeParams)
	}
	p, connections, err = parsePostgres("postgres://will:h%40m%2Flet?#@db/plays?search_path=mine&application_name=blue", "character")
	must(t, err)
	if p.schema != "mine" || connections != defaultConnections || p.config.Password != "h@m/let?#" {
		t.Errorf("got schema %s with %d connections, password %q", p.schema, connections, p.config.Password)
	}
	if got := p.config.RuntimeParams["application_name"]; got != "fountainai character blue" {
		t.Errorf("its connections are called %q", got)
	}
	t.Setenv("PGPASSWORD", "macbeth")
	if p, _, err = parsePostgres("postgres://will@db/plays", ""); err != nil || p.config.Password != "macbeth" || p.schema != "public" {
		t.Errorf("got password %q, schema %s, %v", p.config.Password, p.schema, err)
	}
}

func TestServerKeepsWrites(t *testing.T) {
	address := postgrestest.URL(t)
	db := openServerAt(t, address)
	if db.Engine() != PostgreSQL || !strings.HasPrefix(db.File(), "postgres:///tmp/") {
		t.Errorf("got %s at %s", db.Engine(), db.File())
	}
	store(t, db, 1, 2)
	failure := errors.New("failure")
	wantError(t, db.Write(t.Context(), func(ctx context.Context, tx *Tx) error {
		must(t, insertNumber(3)(ctx, tx))
		return failure
	}), failure)
	must(t, db.Write(t.Context(), func(ctx context.Context, tx *Tx) error {
		wantError(t, db.Write(ctx, func(ctx context.Context, tx *Tx) error {
			must(t, insertNumber(4)(ctx, tx))
			return failure
		}), failure)
		if err := db.Write(ctx, insertNumber(1)); !IsUnique(err) {
			t.Errorf("got %v, want that the number is there", err)
		}
		return db.Write(ctx, insertNumber(5))
	}))
	if err := db.Write(t.Context(), func(context.Context, *Tx) error { panic("at the disco") }); err == nil || !strings.Contains(err.Error(), "at the disco") {
		t.Errorf("got %v", err)
	}
	wantStored(t, db, 1, 2, 5)
	must(t, db.Close())
	again := openServerAt(t, address)
	wantStored(t, again, 1, 2, 5)
	if string(again.Secret()) != string(db.Secret()) || len(again.Secret()) != 32 {
		t.Error("the secret is not the same")
	}
	if size := again.Size(); size < 8192 {
		t.Errorf("the size is %d", size)
	}
	must(t, again.Probe(t.Context()))
	if rows, err := again.Rows(t.Context()); err != nil || fmt.Sprint(rows) != "map[lines:0 numbers:3]" {
		t.Errorf("got %v, %v", rows, err)
	}
	wantError(t, again.Backup(t.Context(), t.TempDir()+"/copy"), ErrNoFile)
	wantError(t, again.Fold(t.Context(), true), ErrNoFile)
	wantError(t, again.TrimLog(0), ErrNoFile)
	_, err := Open(t.Context(), address, testMigrations(), Options{Logger: silent(), Unfolded: true})
	wantError(t, err, ErrNoFile)
}

// A statement that fails ends its transaction: what passes over the error must
// not be told that it was kept.
func TestServerPassedOver(t *testing.T) {
	db := openServerAt(t, postgrestest.URL(t))
	store(t, db, 1)
	err := db.Write(t.Context(), func(ctx context.Context, tx *Tx) error {
		must(t, insertNumber(2)(ctx, tx))
		_ = insertNumber(1)(ctx, tx)
		return nil
	})
	if err == nil || !strings.Contains(err.Error(), "rolled back") {
		t.Errorf("got %v", err)
	}
	wantStored(t, db, 1)
	store(t, db, 3) // the connection is good for more
}

func TestServerClosed(t *testing.T) {
	db := openServerAt(t, postgrestest.URL(t))
	must(t, db.Close())
	wantError(t, db.Write(t.Context(), insertNumber(1)), ErrClosed)
	wantError(t, db.Read(t.Context(), func(*Tx) error { return nil }), ErrClosed)
	must(t, db.Close())
}

// A read sees one moment, also while others write.
func TestServerSnapshot(t *testing.T) {
	db := openServerAt(t, postgrestest.URL(t))
	must(t, db.Read(t.Context(), func(tx *Tx) error {
		before, err := numbersIn(tx)
		must(t, err)
		store(t, db, int64(len(before)+1))
		after, err := numbersIn(tx)
		if len(after) != len(before) {
			t.Errorf("got %v, then %v", before, after)
		}
		return err
	}))
	err := db.Read(t.Context(), func(tx *Tx) error { return insertNumber(9)(t.Context(), tx) })
	if err == nil || !strings.Contains(err.Error(), "read-only") {
		t.Errorf("a read wrote: %v", err)
	}
}

func TestServerOwner(t *testing.T) {
	address := postgrestest.URL(t)
	openAs := func(service string, migrations fs.FS) error {
		db, err := Open(t.Context(), address, migrations, Options{Logger: silent(), Service: service})
		if err != nil {
			return err
		}
		return db.Close()
	}
	must(t, openAs("character", testMigrations()))
	must(t, openAs("character", testMigrations()))
	err := openAs("storyfactory", testMigrations())
	if wantError(t, err, ErrForeign); !strings.Contains(err.Error(), "belongs to the service character, not to storyfactory") {
		t.Errorf("got %v", err)
	}
	newer := fstest.MapFS{
		"00001_lines.sql": {Data: []byte(linesMigration)},
		"00002_more.sql":  {Data: []byte("-- +goose Up\nCREATE TABLE more (id INTEGER PRIMARY KEY);\n")},
	}
	must(t, openAs("character", newer))
	wantError(t, openAs("character", testMigrations()), ErrNewer)
}

// A schema that holds tables of somebody else's is left alone.
func TestServerForeignTables(t *testing.T) {
	server := postgrestest.Shared(t)
	server.Exec(t, "DROP SCHEMA IF EXISTS diary, half CASCADE")
	server.Exec(t, "CREATE SCHEMA diary CREATE TABLE entries (id bigint)")
	_, err := Open(t.Context(), server.Schema("diary"), testMigrations(), Options{Logger: silent(), Service: "character"})
	wantError(t, err, ErrForeign)
	server.Exec(t, "CREATE SCHEMA half CREATE TABLE storage_unfinished (id bigint)")
	_, err = openAt(server.Schema("half"))
	wantError(t, err, ErrUnfinished)
}

// Replicas that start at once migrate once.
func TestServerStartsTogether(t *testing.T) {
	address := postgrestest.URL(t)
	const count = 8
	var all sync.WaitGroup
	secrets, failures := make([]string, count), make([]error, count)
	for i := range count {
		all.Go(func() {
			db, err := Open(t.Context(), address, testMigrations(), Options{Logger: silent(), Service: "character"})
			if failures[i] = err; err == nil {
				secrets[i] = string(db.Secret())
				failures[i] = db.Close()
			}
		})
	}
	all.Wait()
	must(t, errors.Join(failures...))
	for _, secret := range secrets {
		if secret != secrets[0] || secret == "" {
			t.Fatal("the replicas have different secrets")
		}
	}
}

func TestTranslate(t *testing.T) {
	const given = `CREATE TABLE a (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    key BLOB NOT NULL
) WITHOUT ROWID;
CREATE TABLE b (id INTEGER PRIMARY KEY);
CREATE INDEX a_by_name ON a (name, id);
CREATE INDEX a_by_key ON a (key, id);
`
	const want = `CREATE TABLE a (
    id BIGINT GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY,
    key BYTEA NOT NULL
);
CREATE TABLE b (id BIGINT PRIMARY KEY);
CREATE INDEX a_by_name ON a USING hash (name);
CREATE INDEX a_by_key ON a (key, id);
`
	files := translated{fstest.MapFS{"00001_a.sql": {Data: []byte(given)}, "README": {Data: []byte(given)}}}
	if got, err := fs.ReadFile(files, "00001_a.sql"); err != nil || string(got) != want {
		t.Errorf("got %v\n%s", err, got)
	}
	if got, err := fs.ReadFile(files, "README"); err != nil || string(got) != given {
		t.Errorf("got %v\n%s", err, got)
	}
}
