// Backups named by their time: one, or again and again; the oldest are removed.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/dustin/go-humanize"

	"fountain.coach/fountainai/internal/backupstore"
)

// backupRetry is the longest wait after a backup that failed.
const backupRetry = 5 * time.Minute

// backupEvery makes a backup at once and then again and again, until ctx ends.
// What goes wrong is told and tried again.
func backupEvery(ctx context.Context, stdout, stderr io.Writer, place string, options backupOptions) error {
	if options.every < time.Second || options.keep < 1 {
		return fmt.Errorf("--every %s --keep %d: want a second or more, and one backup or more", options.every, options.keep)
	}
	source, err := options.source()
	if err != nil {
		return err
	}
	store, err := backupstore.At(place, os.Getenv)
	if err != nil {
		return err
	}
	for {
		wait := options.every
		started := time.Now()
		report, err := backupRound(ctx, io.Discard, store, source, options.keep, started)
		switch {
		case ctx.Err() != nil:
			return nil
		case err != nil:
			wait = min(wait, backupRetry)
			fmt.Fprintf(stderr, "%s backup failed: %v; trying again in %s\n", timestamp(started), err, wait)
		default:
			fmt.Fprintf(stdout, "%s %s; next in %s\n", timestamp(started), report.line(), wait)
		}
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(time.Until(started.Add(wait))):
		}
	}
}

func timestamp(t time.Time) string { return t.UTC().Format(time.RFC3339) }

// backupRound makes one backup, which gets its name when it is complete, and
// removes the oldest ones if keep is not 0.
func backupRound(ctx context.Context, stderr io.Writer, store backupstore.Store, source databases, keep int, now time.Time) (backupReport, error) {
	var report backupReport
	if err := store.Clean(ctx, now); err != nil {
		return report, err
	}
	name := backupstore.Name(now)
	staged, err := store.Stage(ctx, name)
	if err != nil {
		return report, err
	}
	if report.manifest, err = copyAll(ctx, stderr, staged, source); err == nil {
		err = store.Publish(ctx, name, staged)
	}
	if err != nil {
		return report, errors.Join(err, os.RemoveAll(staged))
	}
	report.Backup = setPlace(store, name)
	if keep > 0 {
		// The backup itself is good; only the old ones are in the way.
		if report.Removed, err = prune(ctx, store, keep); err != nil {
			report.Warning = err.Error()
		}
	}
	return report, nil
}

// line says what a round has done.
func (r backupReport) line() string {
	line := fmt.Sprintf("backed up %d databases (%s) into %s", len(r.Databases), humanize.IBytes(uint64(r.size())), r.Backup)
	if len(r.Removed) > 0 {
		line += fmt.Sprintf(", removed %d old", len(r.Removed))
	}
	if r.Warning != "" {
		line += ", but old backups stay: " + r.Warning
	}
	return line
}

// prune removes the oldest complete backups beyond keep.
func prune(ctx context.Context, store backupstore.Store, keep int) (removed []string, err error) {
	names, err := completeBackups(ctx, store)
	if err != nil {
		return nil, err
	}
	for _, name := range names[:max(0, len(names)-keep)] {
		if err := store.Remove(ctx, name); err != nil {
			return removed, err
		}
		removed = append(removed, name)
	}
	return removed, nil
}
