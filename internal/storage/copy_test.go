package storage

import (
	"context"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"testing/fstest"

	"fountain.coach/fountainai/internal/storage/postgrestest"
)

// everyKind has all that a table of a service can have.
const everyKind = `-- +goose Up
CREATE TABLE children (
    child_id  INTEGER PRIMARY KEY AUTOINCREMENT,
    parent_id BIGINT REFERENCES parents (parent_id) ON DELETE CASCADE,
    name      TEXT,
    picture   BLOB ,
    good      BOOLEAN NOT NULL
);
CREATE TABLE parents (
    parent_id INTEGER PRIMARY KEY,
    name      TEXT NOT NULL
);
CREATE TABLE words (
    word   TEXT   NOT NULL,
    number BIGINT NOT NULL,
    PRIMARY KEY (word, number)
) WITHOUT ROWID;
`

// everyKindMigrations has the tables in the order that PostgreSQL wants, which a
// service's migrations keep to.
func everyKindMigrations() fs.FS {
	children, rest, _ := strings.Cut(strings.TrimPrefix(everyKind, "-- +goose Up\n"), "CREATE TABLE parents")
	return fstest.MapFS{"00001_all.sql": {Data: []byte("-- +goose Up\nCREATE TABLE parents" + rest + children)}}
}

func copyFrom(from, to string) Copy {
	return Copy{Service: "family", Migrations: everyKindMigrations(), From: from, To: to, Logger: silent()}
}

func openFamily(databaseURL string) (*DB, error) {
	return Open(context.Background(), databaseURL, everyKindMigrations(), Options{Logger: silent(), Service: "family"})
}

// family writes a database with rows of every kind, and closes it.
func family(t testing.TB, databaseURL string) {
	t.Helper()
	db, err := openFamily(databaseURL)
	must(t, err)
	must(t, db.Write(context.Background(), func(_ context.Context, tx *Tx) error {
		exec := func(query string, arguments ...any) {
			_, err := tx.Exec(query, arguments...)
			must(t, err)
		}
		for i := range int64(300) {
			exec("INSERT INTO parents (parent_id, name) VALUES ($1, $2)", 1000-i, strings.Repeat("Capulet é😀\n\t\\N", int(i%5)))
			exec("INSERT INTO children (parent_id, name, picture, good) VALUES ($1, $2, $3, $4)", 1000-i, fmt.Sprint("child ", i), []byte{0, byte(i), 255}, i%2 == 0)
		}
		exec("INSERT INTO children (parent_id, name, picture, good) VALUES ($1, $2, $3, $4)", nil, nil, nil, true)
		exec("INSERT INTO children (parent_id, name, picture, good) VALUES ($1, $2, $3, $4)", nil, "", []byte{}, false)
		exec("DELETE FROM children WHERE child_id = 302") // the highest is not given out again
		for i, word := range []string{"Zoo", "apple", "Äpfel", "ab", "a b", "aB", "", "a-b", "é", "z"} {
			exec("INSERT INTO words (word, number) VALUES ($1, $2)", word, -int64(i))
		}
		return nil
	}))
	must(t, db.Close())
}

// transfer copies a database whole.
func transfer(c Copy) (tables []CopiedTable, err error) {
	t, err := BeginCopy(context.Background(), c)
	if err != nil {
		return nil, err
	}
	defer func() {
		if closed := t.Close(); err == nil {
			err = closed
		}
	}()
	if tables, err = t.Run(context.Background()); err != nil {
		return nil, err
	}
	return tables, Finish(context.Background(), t)
}

// wantNextChild fails the test unless the next child gets the identifier.
func wantNextChild(t *testing.T, databaseURL string, want int64) {
	t.Helper()
	db, err := openFamily(databaseURL)
	must(t, err)
	got, err := WriteValue(t.Context(), db, func(tx *Tx) (id int64, err error) {
		return id, tx.QueryRow("INSERT INTO children (good) VALUES ($1) RETURNING child_id", []any{true}, &id)
	})
	must(t, err)
	if got != want {
		t.Errorf("the next child is %d, want %d", got, want)
	}
	must(t, db.Close())
}

// inEnglish makes a database that orders texts as dictionaries do. Before version 15
// those are a matter of the system's locales, and it orders them by bytes.
func inEnglish(t *testing.T, server *postgrestest.Server) (databaseURL string) {
	t.Helper()
	if server.Major(t) < 15 {
		return server.Database(t, "")
	}
	return server.Database(t, "TEMPLATE template0 LOCALE_PROVIDER icu ICU_LOCALE 'en-US'")
}

// There and back: each table is the same at every place, identifiers go on, and
// the secret that signs cursors is kept.
func TestCopyThereAndBack(t *testing.T) {
	folder := t.TempDir()
	first, server, second := filepath.Join(folder, "first.db"), inEnglish(t, postgrestest.Shared(t)), filepath.Join(folder, "second", "family.db")
	family(t, first)
	there, err := transfer(copyFrom(first, server))
	must(t, err)
	back, err := transfer(copyFrom(server, second))
	must(t, err)
	if fmt.Sprint(there) != fmt.Sprint(back) {
		t.Errorf("there\n%v\nand back\n%v", there, back)
	}
	rows := map[string]int64{}
	for _, table := range there {
		rows[table.Table] = table.Rows
	}
	if fmt.Sprint(rows) != "map[children:301 idempotency_keys:0 parents:300 sequence_numbers:0 sequence_scopes:0 storage_secret:1 words:10]" {
		t.Errorf("got %v", rows)
	}
	again, err := transfer(copyFrom(first, server)) // it is there already
	if must(t, err); fmt.Sprint(again) != fmt.Sprint(there) {
		t.Errorf("got\n%v\nwant\n%v", again, there)
	}
	must(t, Check(t.Context(), second))
	secrets := map[string]bool{}
	for _, place := range []string{first, server, second} {
		db, err := openFamily(place)
		must(t, err)
		secrets[string(db.Secret())] = true
		must(t, db.Close())
		wantNextChild(t, place, 303)
		wantNextChild(t, place, 304)
	}
	if len(secrets) != 1 {
		t.Error("the secret has changed")
	}
	wantFiles(t, filepath.Dir(second), "family.db", "family.db.lock")
}

// An empty database counts from one at the other end too.
func TestCopyEmpty(t *testing.T) {
	first, server := filepath.Join(t.TempDir(), "first.db"), postgrestest.URL(t)
	db, err := openFamily(first)
	must(t, err)
	must(t, db.Close())
	_, err = transfer(copyFrom(first, server))
	must(t, err)
	wantNextChild(t, server, 1)
}

func TestCopyRefuses(t *testing.T) {
	folder := t.TempDir()
	source := filepath.Join(folder, "source.db")
	family(t, source)
	refused := func(c Copy, want error, text string) {
		t.Helper()
		_, err := transfer(c)
		if wantError(t, err, want); !strings.Contains(err.Error(), text) {
			t.Errorf("got %v, want one that says %q", err, text)
		}
	}
	other := filepath.Join(folder, "other.db")
	store(t, openTestAt(t, other), 1)
	refused(copyFrom(other, filepath.Join(folder, "x.db")), ErrInUse, "other.db")
	refused(copyFrom(source, other), ErrInUse, "other.db")
	refused(copyFrom(filepath.Join(folder, "none.db"), filepath.Join(folder, "x.db")), fs.ErrNotExist, "none.db")

	server := postgrestest.URL(t)
	db, err := openFamily(server)
	must(t, err)
	refused(copyFrom(source, server), ErrInUse, "stop all its replicas")
	refused(copyFrom(server, filepath.Join(folder, "x.db")), ErrInUse, "stop all its replicas")
	must(t, db.Close())
	refused(copyFrom(source, server), ErrNotEmpty, "holds other content")
	foreign := copyFrom(source, postgrestest.URL(t))
	foreign.Service = "strangers"
	refused(foreign, ErrForeign, "family")

	newer := copyFrom(source, postgrestest.URL(t))
	migrations := everyKindMigrations().(fstest.MapFS)
	migrations["00002_more.sql"] = &fstest.MapFile{Data: []byte("-- +goose Up\nCREATE TABLE more (id INTEGER PRIMARY KEY);\n")}
	newer.Migrations = migrations
	refused(newer, ErrOlder, "start the service once")
	next, err := Open(t.Context(), source, migrations, Options{Logger: silent(), Service: "family"})
	must(t, err)
	must(t, next.Close())
	refused(copyFrom(source, postgrestest.URL(t)), ErrNewer, "schema version 2")
	if _, err := transfer(copyFrom(postgrestest.URL(t), filepath.Join(folder, "x.db"))); err == nil || !strings.Contains(err.Error(), "holds no database of family") {
		t.Errorf("got %v", err)
	}
}

// childTransfer copies and kills itself at a stage; paths is from, to and the
// stage's number, with spaces between.
func childTransfer(paths string) error {
	var from, to string
	var last, seen int
	if _, err := fmt.Sscan(paths, &from, &to, &last); err != nil {
		return err
	}
	stage = func(name string) {
		if seen++; seen == last {
			fmt.Fprint(os.Stdout, name)
			_ = syscall.Kill(os.Getpid(), syscall.SIGKILL)
			select {} // until the signal comes
		}
	}
	_, err := transfer(copyFrom(from, to))
	return err
}

// Killed at each of its stages, a copy leaves nothing that a service opens unless
// it is whole, and the next run makes it whole.
func TestCopyKilled(t *testing.T) {
	folder := t.TempDir()
	source := filepath.Join(folder, "source.db")
	family(t, source)
	onServer := postgrestest.URL(t)
	want, err := transfer(copyFrom(source, onServer))
	must(t, err)
	for _, direction := range []struct {
		name, from string
		to         func() string
	}{
		{"to a server", source, func() string { return postgrestest.URL(t) }},
		{"to a file", onServer, func() string { return filepath.Join(t.TempDir(), "target.db") }},
	} {
		t.Run(direction.name, func(t *testing.T) {
			stages := ""
			for last := 1; ; last++ {
				to := direction.to()
				output, err := childCommand(t, "transfer", fmt.Sprint(direction.from, " ", to, " ", last)).Output()
				if err == nil {
					break // there are no more stages
				}
				stages += string(output) + ", "
				whole := string(output) == "finished" || string(output) == "published"
				db, err := openFamily(to)
				if whole {
					must(t, err)
					must(t, db.Close())
				} else {
					wantError(t, err, ErrUnfinished)
				}
				got, err := transfer(copyFrom(direction.from, to))
				must(t, err)
				if fmt.Sprint(got) != fmt.Sprint(want) {
					t.Errorf("killed at %s and gone on with: got\n%v\nwant\n%v", output, got, want)
				}
				wantNextChild(t, to, 303)
			}
			if !strings.HasPrefix(stages, "begin, filled ") || !strings.Contains(stages, "filled children, ") || !strings.HasSuffix(stages, "verified, finished, ") && !strings.HasSuffix(stages, "verified, published, finished, ") {
				t.Errorf("the stages were %s", stages)
			}
		})
	}
}

// What a stopped run left that is no part of the copy is replaced.
func TestCopyReplacesLeftovers(t *testing.T) {
	folder := t.TempDir()
	source := filepath.Join(folder, "source.db")
	family(t, source)
	for _, to := range []string{postgrestest.URL(t), filepath.Join(folder, "target.db")} {
		c, err := BeginCopy(t.Context(), copyFrom(source, to))
		must(t, err)
		_, err = c.Run(t.Context())
		must(t, err)
		_, err = c.target.end().conn.ExecContext(t.Context(), "UPDATE words SET number = number + 1000")
		must(t, err)
		same := map[string]bool{}
		if err := c.verify(t.Context(), same); err == nil || !strings.Contains(err.Error(), "table words") {
			t.Errorf("got %v, want that the words differ", err)
		}
		must(t, c.Close())
		_, err = transfer(copyFrom(source, to))
		must(t, err)
	}
}
