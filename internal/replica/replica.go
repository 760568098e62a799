// Package replica keeps a copy of a service's database elsewhere, at most a second
// or so behind, and begins an empty volume with it. Litestream does the work,
// inside the process: it copies what is added to SQLite's write-ahead log, and
// alone folds that log into the database file.
//
// On a place (see Settings.URL) each service has a folder of its own, laid out as
// Litestream's own command lays it out, and in it a file that says whose it is.
package replica

import (
	"errors"
	"log/slog"
	"os"
	"strings"
	"time"
)

// Settings say where the replica is and what to begin an empty volume with. The
// zero value is no replica.
type Settings struct {
	// URL is s3://BUCKET/PREFIX, sftp://USER@HOST/PATH, file:///PATH or a path. The
	// replica of a service is in a folder of its name below that.
	URL string
	// RestoreAt begins an empty volume with the database as it was then; as it was
	// last if zero.
	RestoreAt time.Time
	// StartEmpty begins an empty volume with a new database where the replica
	// cannot be read. It is not written to if it then turns out to hold another's.
	StartEmpty bool
	// Advice says what to do where the replica cannot be read; what who starts a
	// service can do, if empty.
	Advice string
	// Getenv reads credentials from the environment; os.Getenv if nil.
	Getenv func(string) string
	// Interval is how often the replica is brought up to date; half a second if
	// zero, so that with the way to the replica no more than a second is missing.
	Interval time.Duration
	// Logger receives what happens; slog.Default if nil.
	Logger *slog.Logger
}

// The settings of a command line and the environment, in words.
const (
	URLFlag         = "replica-url"
	URLEnv          = "FOUNTAIN_REPLICA_URL"
	URLUsage        = "where a copy of the database is kept, a second or so behind: s3://BUCKET/PREFIX, sftp://USER@HOST/PATH or a path, below which each service has its own"
	RestoreAtFlag   = "replica-restore-at"
	RestoreAtEnv    = "FOUNTAIN_REPLICA_RESTORE_AT"
	RestoreAtUsage  = "begin an empty volume with the database as it was at this time (RFC 3339) instead of the last"
	StartEmptyFlag  = "replica-start-empty"
	StartEmptyEnv   = "FOUNTAIN_REPLICA_START_EMPTY"
	StartEmptyUsage = "true begins an empty volume with a new database if the replica cannot be read"
)

// ErrUnreachable means that the replica cannot be read, for now or at all, so that
// nobody knows what an empty volume is to begin with.
var ErrUnreachable = errors.New("the replica cannot be read")

// Parse makes Settings of their text, of which all may be empty: when is RFC 3339,
// empty true or false.
func Parse(address, when, empty string) (Settings, error) {
	settings := Settings{URL: strings.TrimSpace(address)}
	var err error
	if when != "" {
		if settings.RestoreAt, err = time.Parse(time.RFC3339, when); err != nil {
			return settings, errors.New("--replica-restore-at: a point in time is written as in RFC 3339, as 2026-11-25T20:30:00Z, or with an offset as 2026-11-25T21:30:00+01:00")
		}
		if settings.RestoreAt.After(time.Now()) {
			return settings, errors.New("--replica-restore-at: the point in time to restore has not come yet")
		}
	}
	switch empty {
	case "", "false":
	case "true":
		settings.StartEmpty = true
	default:
		return settings, errors.New("--replica-start-empty: want true or false")
	}
	if settings.URL == "" && (when != "" || settings.StartEmpty) {
		return settings, errors.New("--replica-restore-at and --replica-start-empty go with --replica-url")
	}
	return settings, nil
}

// On reports whether there is to be a replica.
func (s Settings) On() bool { return s.URL != "" }

func (s Settings) withDefaults() Settings {
	if s.Getenv == nil {
		s.Getenv = os.Getenv
	}
	if s.Advice == "" {
		s.Advice = "a new database would begin another history, so none is made: see to the replica, restore an earlier time, " +
			"or start without it (--" + StartEmptyFlag + " true, " + StartEmptyEnv + "=true)"
	}
	if s.Interval <= 0 {
		s.Interval = time.Second / 2
	}
	if s.Logger == nil {
		s.Logger = slog.Default()
	}
	return s
}
