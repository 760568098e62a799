// Migrations: numbered SQL files, applied in order when a database is opened.
package storage

import (
	"context"
	"crypto/rand"
	"database/sql"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"strconv"
	"strings"

	"github.com/pressly/goose/v3"
	"github.com/pressly/goose/v3/database"
)

// ErrNewer means that a newer version of the program wrote the database.
var ErrNewer = errors.New("database is newer than this program")

//go:embed migrations/*.sql
var ownMigrations embed.FS

// migrate applies the tables of this package and those of the service, each
// set with a version of its own, so that neither renumbers the other.
func (d dialect) migrate(ctx context.Context, pool *sql.DB, path string, service fs.FS, logger *slog.Logger) error {
	sets, err := migrationSets(service)
	if err != nil {
		return err
	}
	for _, set := range sets {
		if err := d.migrateSet(ctx, pool, path, set, logger); err != nil {
			return err
		}
	}
	return nil
}

// migrationSet is numbered files, and the table that holds how many of them a
// database has seen.
type migrationSet struct {
	table string
	files fs.FS
}

func migrationSets(service fs.FS) ([]migrationSet, error) {
	own, err := fs.Sub(ownMigrations, "migrations")
	return []migrationSet{{"storage_version", own}, {"service_version", service}}, err
}

// compareVersion returns the version of a database and the newest one. It
// returns an error that wraps ErrNewer if this program does not know the former.
func (d dialect) compareVersion(ctx context.Context, db queryer, path string, set migrationSet) (found, newest int64, err error) {
	if newest, err = newestMigration(set.files); err != nil {
		return 0, 0, err
	}
	if found, err = d.schemaVersion(ctx, db, set.table); err != nil {
		return 0, 0, fmt.Errorf("read the schema version of %s: %w", path, explain(err))
	}
	if found > newest {
		err = fmt.Errorf("%w: %s has schema version %d, this program knows up to %d; run a newer version, or restore a backup made by this one",
			ErrNewer, path, found, newest)
	}
	return found, newest, err
}

func (d dialect) migrateSet(ctx context.Context, pool *sql.DB, path string, set migrationSet, logger *slog.Logger) error {
	found, newest, err := d.compareVersion(ctx, pool, path, set)
	if err != nil || found == newest {
		return err
	}
	store, err := database.NewStore(d.goose, set.table)
	if err != nil {
		return err
	}
	provider, err := goose.NewProvider("", pool, d.migrations(set.files), goose.WithStore(store), goose.WithDisableGlobalRegistry(true))
	if err != nil {
		return fmt.Errorf("read the migrations: %w", err)
	}
	if _, err := provider.Up(ctx); err != nil {
		return fmt.Errorf("bring %s from schema version %d to %d (nothing of the failed step is kept): %w", path, found, newest, explain(err))
	}
	logger.Info("database migrated", "database", path, "table", set.table, "from", found, "to", newest)
	return nil
}

// newestMigration returns the highest number that a file name in files begins
// with, as 3 for 00003_add_contexts.sql.
func newestMigration(files fs.FS) (int64, error) {
	names, err := fs.Glob(files, "*.sql")
	if err != nil || len(names) == 0 {
		return 0, errors.Join(err, errors.New("no migrations found"))
	}
	var newest int64
	for _, name := range names {
		number, _, _ := strings.Cut(name, "_")
		version, err := strconv.ParseInt(number, 10, 64)
		if err != nil {
			return 0, fmt.Errorf("migration %s: its name must begin with a number: %w", name, err)
		}
		newest = max(newest, version)
	}
	return newest, nil
}

// schemaVersion returns 0 for a database that has no version table yet.
func (d dialect) schemaVersion(ctx context.Context, db queryer, table string) (int64, error) {
	exists, err := d.tableExists(ctx, db, table)
	if err != nil || !exists {
		return 0, err
	}
	var version int64
	err = db.QueryRowContext(ctx, "SELECT coalesce(max(version_id), 0) FROM "+table).Scan(&version)
	return version, err
}

// loadSecret reads the database's secret, making it the first time.
func loadSecret(ctx context.Context, db *DB) ([]byte, error) {
	var secret []byte
	err := db.Read(ctx, func(tx *Tx) error {
		return tx.QueryRow("SELECT value FROM storage_secret WHERE name = $1", []any{"signing"}, &secret)
	})
	if !IsNoRows(err) {
		return secret, err
	}
	secret = make([]byte, 32)
	rand.Read(secret)
	err = db.Write(ctx, func(_ context.Context, tx *Tx) error {
		_, err := tx.Exec("INSERT INTO storage_secret (name, value) VALUES ($1, $2)", "signing", secret)
		return err
	})
	return secret, err
}
