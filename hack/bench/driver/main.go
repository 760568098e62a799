// Command driver writes characters into a SQLite file without HTTP: with the
// bare driver, a transaction each, or through the writer of internal/storage. It
// prints the line that load.lua prints.
package main

import (
	"context"
	"database/sql"
	"flag"
	"fmt"
	"log"
	"log/slog"
	"slices"
	"sync"
	"time"

	"fountain.coach/fountainai/internal/storage"
	"fountain.coach/fountainai/services/character"
)

const insert = `INSERT INTO characters (name, description, created_at, updated_at)
	VALUES ($1, $2, $3, $3) RETURNING character_id`

// write makes one row durable.
type write func(name string) error

func main() {
	mode := flag.String("mode", "alone", "alone: a transaction a row; grouped: the services' writer")
	clients := flag.Int("clients", 1, "goroutines at once")
	seconds := flag.Int("seconds", 3, "how long")
	database := flag.String("database", "", "file")
	flag.Parse()
	if err := run(*mode, *database, *clients, time.Duration(*seconds)*time.Second); err != nil {
		log.Fatal("driver: ", err)
	}
}

func run(mode, database string, clients int, length time.Duration) error {
	db, err := storage.Open(context.Background(), "file:"+database, character.Definition().Migrations,
		storage.Options{Service: "character", Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		return err
	}
	if mode == "grouped" {
		defer db.Close()
		return measure(grouped(db), clients, length)
	}
	if err := db.Close(); err != nil {
		return err
	}
	// A second connection would only wait for the lock of the first.
	pool, err := sql.Open("sqlite", "file:"+database+
		"?_pragma=journal_mode(WAL)&_pragma=synchronous(FULL)&_pragma=foreign_keys(ON)&_pragma=busy_timeout(10000)")
	if err != nil {
		return err
	}
	defer pool.Close()
	pool.SetMaxOpenConns(1)
	statement, err := pool.Prepare(insert)
	if err != nil {
		return err
	}
	defer statement.Close()
	return measure(alone(statement), clients, length)
}

// alone lets SQLite wrap each statement in a transaction of its own.
func alone(statement *sql.Stmt) write {
	return func(name string) error {
		var id int64
		return statement.QueryRow(name, "Somebody in a story.", time.Now().UnixMilli()).Scan(&id)
	}
}

func grouped(db *storage.DB) write {
	return func(name string) error {
		return db.Write(context.Background(), func(_ context.Context, tx *storage.Tx) error {
			var id int64
			return tx.QueryRow(insert, []any{name, "Somebody in a story.", time.Now().UnixMilli()}, &id)
		})
	}
}

// measure writes with several clients at once and prints what came of it.
func measure(run write, clients int, length time.Duration) error {
	began := time.Now()
	latencies := make([][]time.Duration, clients)
	failures := make([]error, clients)
	var group sync.WaitGroup
	for client := range clients {
		group.Go(func() {
			for i := 0; failures[client] == nil && time.Since(began) < length; i++ {
				before := time.Now()
				failures[client] = run(fmt.Sprintf("Character %d of %d", i, client))
				latencies[client] = append(latencies[client], time.Since(before))
			}
		})
	}
	group.Wait()
	took := time.Since(began)
	for _, err := range failures {
		if err != nil {
			return err
		}
	}
	all := slices.Concat(latencies...)
	slices.Sort(all)
	fmt.Printf("BENCH %d %d %d %d 0\n", len(all), took.Microseconds(), all[len(all)/2].Microseconds(), all[len(all)*99/100].Microseconds())
	return nil
}
