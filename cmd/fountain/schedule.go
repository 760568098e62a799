// fountain backup --every: backups on a schedule, the oldest removed.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"time"

	"github.com/dustin/go-humanize"
)

const (
	// backupName is the layout of the folder names: the time in UTC, so that
	// their order is the order in time.
	backupName = "20060102T150405Z"
	// backupRetry is the longest wait after a backup that failed.
	backupRetry = 5 * time.Minute
)

var (
	finishedBackup   = regexp.MustCompile(`^\d{8}T\d{6}Z$`)
	unfinishedBackup = regexp.MustCompile(`^\.\d{8}T\d{6}Z\.(partial|removed)$`)
)

// backupEvery makes a backup at once and then again and again, until ctx ends.
// What goes wrong is told and tried again.
func backupEvery(ctx context.Context, stdout, stderr io.Writer, dir string, options backupOptions) error {
	if options.every < time.Second || options.keep < 1 {
		return fmt.Errorf("--every %s --keep %d: want a second or more, and one backup or more", options.every, options.keep)
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	for {
		wait := options.every
		started := time.Now()
		line, err := backupRound(ctx, dir, options, started)
		switch {
		case ctx.Err() != nil:
			return nil
		case err != nil:
			wait = min(wait, backupRetry)
			fmt.Fprintf(stderr, "%s backup failed: %v; trying again in %s\n", timestamp(started), err, wait)
		default:
			fmt.Fprintf(stdout, "%s %s; next in %s\n", timestamp(started), line, wait)
		}
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(time.Until(started.Add(wait))):
		}
	}
}

func timestamp(t time.Time) string { return t.UTC().Format(time.RFC3339) }

// backupRound makes one backup, removes the oldest ones and says so in a line.
// A backup gets its name when it is complete.
func backupRound(ctx context.Context, dir string, options backupOptions, now time.Time) (string, error) {
	if err := removeLeftovers(dir); err != nil {
		return "", err
	}
	name := now.UTC().Format(backupName)
	partial, complete := filepath.Join(dir, "."+name+".partial"), filepath.Join(dir, name)
	m, err := copyAll(ctx, io.Discard, partial, options.data)
	if err == nil {
		err = os.Rename(partial, complete)
	}
	if err != nil {
		return "", errors.Join(err, os.RemoveAll(partial))
	}
	var size int64
	for _, c := range m.Databases {
		size += c.SizeBytes
	}
	line := fmt.Sprintf("backed up %d databases (%s) into %s", len(m.Databases), humanize.IBytes(uint64(size)), complete)
	removed, err := prune(dir, options.keep)
	if err != nil {
		// The backup itself is good; only the old ones are in the way.
		return fmt.Sprintf("%s, but old backups stay: %v", line, err), nil
	}
	if removed > 0 {
		line += fmt.Sprintf(", removed %d old", removed)
	}
	return line, nil
}

// completeBackups lists the names of the complete backups that a schedule made,
// the oldest first. Anything else in dir is not its business.
func completeBackups(dir string) ([]string, error) {
	entries, err := os.ReadDir(dir) // in order of names
	if err != nil {
		return nil, err
	}
	var names []string
	for _, entry := range entries {
		if !entry.IsDir() || !finishedBackup.MatchString(entry.Name()) {
			continue
		}
		if _, err := readManifest(filepath.Join(dir, entry.Name())); err == nil {
			names = append(names, entry.Name())
		}
	}
	slices.Sort(names)
	return names, nil
}

// prune removes the oldest backups beyond keep. The first step takes the name
// away, so that half a backup never looks like one.
func prune(dir string, keep int) (removed int, err error) {
	names, err := completeBackups(dir)
	if err != nil {
		return 0, err
	}
	for _, name := range names[:max(0, len(names)-keep)] {
		doomed := filepath.Join(dir, "."+name+".removed")
		if err := os.Rename(filepath.Join(dir, name), doomed); err != nil {
			return removed, err
		}
		if err := os.RemoveAll(doomed); err != nil {
			return removed, err
		}
		removed++
	}
	return removed, nil
}

// removeLeftovers removes what a crash has left half made or half removed.
func removeLeftovers(dir string) error {
	entries, err := os.ReadDir(dir)
	for _, entry := range entries {
		if unfinishedBackup.MatchString(entry.Name()) {
			err = errors.Join(err, os.RemoveAll(filepath.Join(dir, entry.Name())))
		}
	}
	return err
}
