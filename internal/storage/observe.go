// What a database tells of its work: each commit as it is made, and the state
// of the moment.
package storage

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"time"
)

// Outcome is what became of a write.
type Outcome int

// The outcomes. Of all but Committed nothing was kept, but for a Failed one that
// ended with ErrUncertain, of which nobody knows.
const (
	Committed Outcome = iota
	// Refused writes returned an error of their own, as one that finds no row.
	Refused
	// Cancelled writes belong to callers that had given up before their turn.
	Cancelled
	// Full writes found no room on the disk.
	Full
	// Failed writes met any other trouble with the database.
	Failed
	outcomes
)

// Outcomes lists all outcomes.
func Outcomes() []Outcome { return []Outcome{Committed, Refused, Cancelled, Full, Failed} }

func (o Outcome) String() string {
	return [outcomes]string{"committed", "refused", "cancelled", "full", "failed"}[o]
}

// Commit is what a group of writes that shared a transaction came to.
type Commit struct {
	// Took is the time from BEGIN until the group was on disk, or given up.
	Took time.Duration
	// Writes counts the group's writes by Outcome. None of them is Committed
	// if the group is not.
	Writes [outcomes]int
}

// Observe has each told of every commit from now on, before those who wrote
// are answered. The writer waits for it: it must be quick, and must not use
// the database. On a server it is called from many goroutines. It replaces the
// one before.
func (db *DB) Observe(each func(Commit)) {
	if db.postgres != nil {
		db.postgres.observer.Store(&each)
		return
	}
	db.writer.observer.Store(&each)
}

// report tells the observer of the group, of whose writes each knows its error.
func (w *writer) report(took time.Duration) {
	observer := w.observer.Load()
	if observer == nil {
		return
	}
	commit := Commit{Took: took}
	for _, item := range w.group {
		commit.Writes[outcomeOf(item.err)]++
	}
	(*observer)(commit)
}

func outcomeOf(err error) Outcome {
	if err == nil {
		return Committed
	}
	switch err = explain(err); {
	case errors.Is(err, ErrFull):
		return Full
	// Before Cancelled: a database that does not answer in time has failed.
	case errors.Is(err, ErrUnavailable), errors.Is(err, ErrUncertain):
		return Failed
	case errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		return Cancelled
	}
	return Refused
}

// Stats is the state of a database at one moment.
type Stats struct {
	// Queued counts the writes that wait for the writer.
	Queued int
	// Reading counts the reads under way; there are at most MaxReading.
	Reading, MaxReading int
	// DelayedReads counts the reads since Open that had to wait because
	// MaxReading others were under way.
	DelayedReads uint64
	// SizeBytes is the size of the database file, WALBytes that of its
	// write-ahead log. On a server the former is that of the tables, as of a
	// moment ago, and what concerns files is 0.
	SizeBytes, WALBytes int64
	// DiskBytes is the size of the file system that holds the database,
	// DiskFreeBytes what the process may still use of it. Both are 0 where the
	// operating system does not tell.
	DiskBytes, DiskFreeBytes uint64
}

// Stats costs a few looks at the file system.
func (db *DB) Stats() Stats {
	if db.postgres != nil {
		return db.postgres.stats()
	}
	stats := Stats{
		Queued:       db.writer.queue.length(),
		Reading:      len(db.readers.slots),
		MaxReading:   cap(db.readers.slots),
		DelayedReads: db.readers.delayed.Load(),
		SizeBytes:    fileSize(db.path),
		WALBytes:     fileSize(db.path + "-wal"),
	}
	stats.DiskBytes, stats.DiskFreeBytes = diskSpace(filepath.Dir(db.path))
	return stats
}

// fileSize returns 0 for a file that is not there.
func fileSize(path string) int64 {
	info, err := os.Stat(path)
	if err != nil {
		return 0
	}
	return info.Size()
}
