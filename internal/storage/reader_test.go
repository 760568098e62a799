package storage

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/fstest"
	"time"

	"fountain.coach/fountainai/internal/storage/postgrestest"
)

func TestReadsAreSnapshots(t *testing.T) {
	db := openTest(t)
	store(t, db, 1)
	must(t, db.Read(t.Context(), func(tx *Tx) error {
		before, err := numbersIn(tx)
		must(t, err)
		store(t, db, 2)
		after, err := numbersIn(tx)
		must(t, err)
		if fmt.Sprint(before, after) != "[1] [1]" {
			t.Errorf("one read saw %v, then %v", before, after)
		}
		return nil
	}))
	wantStored(t, db, 1, 2)
}

func TestReadsCannotWrite(t *testing.T) {
	db := openTest(t)
	err := db.Read(t.Context(), func(tx *Tx) error {
		_, err := tx.Exec("INSERT INTO numbers (number) VALUES (1)")
		return err
	})
	if err == nil {
		t.Error("a read has written")
	}
	wantStored(t, db)
}

func TestReadsSurviveTrouble(t *testing.T) {
	db, err := Open(t.Context(), t.TempDir()+"/x.db", testMigrations(), Options{Logger: silent(), Readers: 2})
	must(t, err)
	defer db.Close()
	store(t, db, 1)
	for range 5 {
		func() {
			defer func() { _ = recover() }()
			_ = db.Read(t.Context(), func(tx *Tx) error {
				return tx.Query("SELECT number FROM numbers", nil, func(func(...any) error) error { panic("stage fright") })
			})
		}()
		_ = db.Read(t.Context(), func(tx *Tx) error {
			_, _ = tx.Exec("ROLLBACK")
			return nil
		})
	}
	wantStored(t, db, 1)
	if open := db.readers.pool.Stats().OpenConnections; open > 2 {
		t.Errorf("%d read connections are open; want at most 2", open)
	}
}

func TestReadersAreBounded(t *testing.T) {
	db, err := Open(t.Context(), t.TempDir()+"/x.db", testMigrations(), Options{Logger: silent(), Readers: 1})
	must(t, err)
	defer db.Close()
	must(t, db.Read(t.Context(), func(*Tx) error {
		impatient, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
		defer cancel()
		wantError(t, db.Read(impatient, func(*Tx) error { return nil }), context.DeadlineExceeded)
		return nil
	}))
	wantStored(t, db)
}

// Readers must always find the invariant that each write keeps.
func TestReadersAmidWriters(t *testing.T) {
	db := openTest(t)
	var writers, readers sync.WaitGroup
	done := make(chan struct{})
	for writer := range 4 {
		writers.Go(func() {
			for i := range 100 {
				pair := int64(writer*1000+i) * 2
				if err := db.Write(context.Background(), func(ctx context.Context, tx *Tx) error {
					return insertNumber(pair+1)(ctx, tx)
				}); err != nil {
					t.Error(err)
				}
				if err := db.Write(context.Background(), func(ctx context.Context, tx *Tx) error {
					if _, err := tx.Exec("DELETE FROM numbers WHERE number = $1", pair+1); err != nil {
						return err
					}
					return insertNumber(pair)(ctx, tx)
				}); err != nil {
					t.Error(err)
				}
			}
		})
	}
	for range 4 {
		readers.Go(func() {
			for {
				select {
				case <-done:
					return
				default:
				}
				counts := [2]int{}
				if err := db.Read(context.Background(), func(tx *Tx) error {
					for i := range counts {
						if err := tx.QueryRow("SELECT count(*) FROM numbers", nil, &counts[i]); err != nil {
							return err
						}
					}
					return nil
				}); err != nil || counts[0] != counts[1] {
					t.Errorf("one read counted %v, %v", counts, err)
				}
			}
		})
	}
	writers.Wait()
	close(done)
	readers.Wait()
	if got := len(stored(t, db)); got != 400 {
		t.Errorf("%d rows; want 400", got)
	}
}

// A statement while rows are being read is refused on both engines, and the
// transaction goes on afterwards.
func TestQueriesWithinQueries(t *testing.T) {
	for name, open := range map[string]func() *DB{
		"file":   func() *DB { return openTest(t) },
		"server": func() *DB { return openServerAt(t, postgrestest.URL(t)) },
	} {
		t.Run(name, func(t *testing.T) {
			db := open()
			store(t, db, 1, 2, 3)
			must(t, db.Write(t.Context(), func(ctx context.Context, tx *Tx) error {
				rows := 0
				must(t, tx.Query("SELECT number FROM numbers", nil, func(func(...any) error) error {
					rows++
					wantError(t, insertNumber(9)(ctx, tx), errReading)
					wantError(t, db.Write(ctx, insertNumber(9)), errReading)
					_, err := numbersIn(tx)
					wantError(t, err, errReading)
					return nil
				}))
				if rows != 3 {
					t.Errorf("got %d rows", rows)
				}
				return insertNumber(4)(ctx, tx)
			}))
			wantStored(t, db, 1, 2, 3, 4)
		})
	}
}

func TestStatementsAreBounded(t *testing.T) {
	db := openTest(t)
	for i := range 2 * maxStatements {
		must(t, db.Write(t.Context(), func(_ context.Context, tx *Tx) error {
			_, err := tx.Exec(fmt.Sprintf("INSERT INTO numbers (number) VALUES (%d)", i))
			return err
		}))
	}
	if got := len(db.writer.connection.statements); got > maxStatements+10 {
		t.Errorf("%d statements are kept; want about %d at most", got, maxStatements)
	}
}

func TestStatus(t *testing.T) {
	db := openTest(t)
	must(t, db.Probe(t.Context()))
	must(t, db.Probe(t.Context()))
	store(t, db, 1, 2)
	rows, err := db.Rows(t.Context())
	must(t, err)
	if got := fmt.Sprint(rows); got != "map[lines:0 numbers:2]" {
		t.Errorf("rows: %v", got)
	}
	if db.Size() < 4096 {
		t.Errorf("size: %d", db.Size())
	}
}

func TestSecretIsKept(t *testing.T) {
	db := openTest(t)
	must(t, db.Close())
	again := openTestAt(t, db.path)
	if len(db.Secret()) != 32 || string(db.Secret()) != string(again.Secret()) {
		t.Error("the secret has changed")
	}
	if string(openTest(t).Secret()) == string(db.Secret()) {
		t.Error("two databases have the same secret")
	}
}

func TestForeignKeys(t *testing.T) {
	migrations := fstest.MapFS{"00001_x.sql": {Data: []byte(`-- +goose Up
CREATE TABLE scripts (id INTEGER PRIMARY KEY);
CREATE TABLE scenes (id INTEGER PRIMARY KEY, script BIGINT NOT NULL REFERENCES scripts (id));`)}}
	db, err := Open(t.Context(), t.TempDir()+"/x.db", migrations, Options{Logger: silent()})
	must(t, err)
	defer db.Close()
	err = db.Write(t.Context(), func(_ context.Context, tx *Tx) error {
		_, err := tx.Exec("INSERT INTO scenes (script) VALUES ($1)", 7)
		return err
	})
	if !IsForeignKey(err) || IsUnique(err) || strings.Contains(fmt.Sprint(err), ErrUnavailable.Error()) {
		t.Errorf("got %v; want a foreign key error", err)
	}
}
