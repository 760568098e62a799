// How fast the database is: what a commit costs, alone and shared, and a page.
package storage

import (
	"context"
	"database/sql"
	"fmt"
	"path/filepath"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// A row of the size that services write, about 200 bytes.
const benchInsert = `INSERT INTO lines (script, heading, body) VALUES ($1, $2, $3)`

const benchBody = "She turns the last page, looks up, and finds the house lights on. Nobody is left but the usher, " +
	"who has been waiting at the back with his coat over his arm, as he does every night."

// BenchmarkBareDriver is the yardstick for BenchmarkWrite: 64 rows a commit
// from one goroutine through database/sql alone.
func BenchmarkBareDriver(b *testing.B) {
	const group = 64
	db := openTest(b)
	pool, err := openPool(db.path, "mode=rw", writable...)
	must(b, err)
	defer pool.Close()
	conn, err := pool.Conn(b.Context())
	must(b, err)
	defer conn.Close()
	insert, err := conn.PrepareContext(b.Context(), benchInsert)
	must(b, err)
	defer insert.Close()
	commits := 0
	for done := 0; done < b.N; commits++ {
		done += bareCommit(b, conn, insert, min(group, b.N-done))
	}
	reportRates(b, commits)
}

func bareCommit(b *testing.B, conn *sql.Conn, insert *sql.Stmt, rows int) int {
	tx, err := conn.BeginTx(b.Context(), nil)
	must(b, err)
	inTx := tx.Stmt(insert)
	for i := range rows {
		_, err := inTx.Exec(i, "INT. THEATRE - NIGHT", benchBody)
		must(b, err)
	}
	must(b, tx.Commit())
	return rows
}

func reportRates(b *testing.B, commits int) {
	seconds := b.Elapsed().Seconds()
	b.ReportMetric(float64(b.N)/seconds, "writes/s")
	b.ReportMetric(float64(commits)/seconds, "commits/s")
}

func BenchmarkWrite(b *testing.B) {
	for _, writers := range []int{1, 8, 64, 256} {
		b.Run(fmt.Sprintf("writers=%d", writers), func(b *testing.B) { benchmarkWrite(b, writers) })
	}
}

func benchmarkWrite(b *testing.B, writers int) {
	db := openTest(b)
	commits := countCommits(b, db)
	latencies := make([]time.Duration, b.N)
	var next atomic.Int64
	var group sync.WaitGroup
	b.ReportAllocs()
	b.ResetTimer()
	for range writers {
		group.Go(func() {
			for i := next.Add(1) - 1; i < int64(b.N); i = next.Add(1) - 1 {
				began := time.Now()
				err := db.Write(context.Background(), func(_ context.Context, tx *Tx) error {
					_, err := tx.Exec(benchInsert, i, "INT. THEATRE - NIGHT", benchBody)
					return err
				})
				if err != nil {
					b.Error(err)
				}
				latencies[i] = time.Since(began)
			}
		})
	}
	group.Wait()
	b.StopTimer()
	reportRates(b, int(commits.Load()))
	slices.Sort(latencies)
	b.ReportMetric(float64(latencies[b.N/2].Microseconds()), "p50-µs")
	b.ReportMetric(float64(latencies[b.N*99/100].Microseconds()), "p99-µs")
}

func BenchmarkRead(b *testing.B) {
	for _, rows := range []int{1e3, 1e6} {
		db := openTest(b)
		fillLines(b, db, rows)
		b.Run(fmt.Sprintf("rows=%d", rows), func(b *testing.B) { benchmarkRead(b, db, rows) })
		b.Run(fmt.Sprintf("rows=%d/parallel", rows), func(b *testing.B) { benchmarkReadParallel(b, db, rows) })
	}
}

func fillLines(b *testing.B, db *DB, rows int) {
	const chunk = 10_000
	for begun := 0; begun < rows; begun += chunk {
		must(b, db.Write(b.Context(), func(_ context.Context, tx *Tx) error {
			for i := range min(chunk, rows-begun) {
				if _, err := tx.Exec(benchInsert, begun+i, "INT. THEATRE - NIGHT", benchBody); err != nil {
					return err
				}
			}
			return nil
		}))
	}
}

type line struct {
	id, script    int64
	heading, body string
}

func readPage(ctx context.Context, db *DB, after int) (page []line, err error) {
	err = db.Read(ctx, func(tx *Tx) error {
		page, err = All(tx, "SELECT id, script, heading, body FROM lines WHERE id > $1 ORDER BY id LIMIT 100", []any{after},
			func(row func(dest ...any) error, l *line) error {
				return row(&l.id, &l.script, &l.heading, &l.body)
			})
		return err
	})
	return page, err
}

func benchmarkRead(b *testing.B, db *DB, rows int) {
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		checkPage(b, db, i, rows)
	}
}

func benchmarkReadParallel(b *testing.B, db *DB, rows int) {
	var count atomic.Int64
	b.RunParallel(func(p *testing.PB) {
		for p.Next() {
			checkPage(b, db, int(count.Add(1)), rows)
		}
	})
}

// checkPage reads from a place that moves about, so that not one page of the
// file serves every round.
func checkPage(b *testing.B, db *DB, round, rows int) {
	page, err := readPage(context.Background(), db, round*7919%(rows-100))
	if err != nil || len(page) != 100 {
		b.Errorf("got %d rows, %v; want 100", len(page), err)
	}
}

func BenchmarkOpen(b *testing.B) {
	quiet := Options{Logger: silent()}
	b.Run("cold", func(b *testing.B) {
		folder := b.TempDir()
		for i := 0; b.Loop(); i++ {
			db, err := Open(b.Context(), filepath.Join(folder, fmt.Sprint(i), "x.db"), testMigrations(), quiet)
			must(b, err)
			must(b, db.Close())
		}
	})
	b.Run("warm", func(b *testing.B) {
		path := filepath.Join(b.TempDir(), "x.db")
		for b.Loop() {
			db, err := Open(b.Context(), path, testMigrations(), quiet)
			must(b, err)
			must(b, db.Close())
		}
	})
}
