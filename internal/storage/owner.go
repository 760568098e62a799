// Whose database it is: the service's name is kept in it, and no other service
// opens it, restores it, or migrates it into something that is neither's.
package storage

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"

	"github.com/pressly/goose/v3"
	"github.com/pressly/goose/v3/database"
)

// ErrForeign means that the database belongs to another service.
var ErrForeign = errors.New("database of another service")

// queryer is a connection or a pool of them.
type queryer interface {
	QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
	QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row
}

// CheckService returns an error that wraps ErrForeign if the database file at
// path is not the named service's, whose migrations are given, and one that
// wraps ErrNewer if a newer version wrote it.
func CheckService(ctx context.Context, path, service string, migrations fs.FS) error {
	snapshot, err := OpenSnapshot(ctx, path)
	if err != nil {
		return err
	}
	err = sqliteDialect.checkOwner(ctx, snapshot.conn, path, service, migrations)
	if err == nil {
		err = sqliteDialect.checkVersions(ctx, snapshot.conn, path, migrations)
	}
	return errors.Join(err, snapshot.Close())
}

func (d dialect) checkVersions(ctx context.Context, db queryer, path string, migrations fs.FS) error {
	sets, err := migrationSets(migrations)
	if err != nil {
		return err
	}
	for _, set := range sets {
		if _, _, err := d.compareVersion(ctx, db, path, set); err != nil {
			return err
		}
	}
	return nil
}

// checkOwner compares the name in the database with the service's. A database
// from before there was a name, or a new one, is told by its tables.
func (d dialect) checkOwner(ctx context.Context, db queryer, path, service string, migrations fs.FS) error {
	owner, err := d.readOwner(ctx, db)
	if err != nil {
		return fmt.Errorf("read the owner of %s: %w", path, explain(err))
	}
	switch owner {
	case service:
		return nil
	case "":
		return d.checkTables(ctx, db, path, service, migrations)
	}
	return fmt.Errorf("%w: %s belongs to the service %s, not to %s; name another database, or start %s with this one",
		ErrForeign, path, owner, service, owner)
}

// readOwner returns "" for a database that has no name in it yet.
func (d dialect) readOwner(ctx context.Context, db queryer) (string, error) {
	exists, err := d.tableExists(ctx, db, "storage_owner")
	if err != nil || !exists {
		return "", err
	}
	var owner string
	err = db.QueryRowContext(ctx, "SELECT service FROM storage_owner WHERE id = 1").Scan(&owner)
	if IsNoRows(err) {
		return "", nil
	}
	return owner, err
}

func (d dialect) tableExists(ctx context.Context, db queryer, table string) (bool, error) {
	var count int
	err := db.QueryRowContext(ctx, d.hasTable, table).Scan(&count)
	return count > 0, err
}

// checkTables looks for the tables that the service's migrations make. Further
// ones, as tools for replication leave them, do no harm beside those.
func (d dialect) checkTables(ctx context.Context, db queryer, path, service string, migrations fs.FS) error {
	found, err := d.tables(ctx, db)
	if err != nil || len(found) == 0 {
		return explain(err)
	}
	version, err := d.schemaVersion(ctx, db, "service_version")
	if err != nil {
		return explain(err)
	}
	wanted, err := tablesAt(ctx, migrations, version)
	if err != nil {
		return err
	}
	for _, table := range wanted {
		if !slices.Contains(found, table) {
			return fmt.Errorf("%w: %s has no table %s and so is not of the service %s; what it has is %s",
				ErrForeign, path, table, service, strings.Join(found, ", "))
		}
	}
	if len(wanted) == 0 {
		return fmt.Errorf("%w: %s holds tables that are not of the service %s: %s", ErrForeign, path, service, strings.Join(found, ", "))
	}
	return nil
}

func (d dialect) tables(ctx context.Context, db queryer) ([]string, error) {
	rows, err := db.QueryContext(ctx, d.serviceTables())
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var names []string
	for rows.Next() {
		var name string
		if err := rows.Scan(&name); err != nil {
			return nil, err
		}
		names = append(names, name)
	}
	return names, rows.Err()
}

// tablesAt returns the tables that the migrations up to version make, or all of
// them make if there are no more.
func tablesAt(ctx context.Context, migrations fs.FS, version int64) ([]string, error) {
	newest, err := newestMigration(migrations)
	if err != nil || version == 0 {
		return nil, err
	}
	pool, err := sql.Open("sqlite", ":memory:")
	if err != nil {
		return nil, err
	}
	defer pool.Close()
	pool.SetMaxOpenConns(1) // each connection would have a memory of its own
	store, err := database.NewStore(goose.DialectSQLite3, "service_version")
	if err != nil {
		return nil, err
	}
	provider, err := goose.NewProvider("", pool, migrations, goose.WithStore(store), goose.WithDisableGlobalRegistry(true))
	if err != nil {
		return nil, fmt.Errorf("read the migrations: %w", err)
	}
	if _, err := provider.UpTo(ctx, min(version, newest)); err != nil {
		return nil, fmt.Errorf("find the tables of schema version %d: %w", version, err)
	}
	return sqliteDialect.tables(ctx, pool)
}

// markOwner keeps the service's name in a database that has none.
func (d dialect) markOwner(ctx context.Context, pool *sql.DB, path, service string) error {
	const mark = "INSERT INTO storage_owner (id, service) VALUES (1, $1) ON CONFLICT (id) DO NOTHING"
	if owner, err := d.readOwner(ctx, pool); err != nil || owner != "" {
		return explain(err)
	}
	if _, err := pool.ExecContext(ctx, mark, service); err != nil {
		return fmt.Errorf("mark %s as the database of %s: %w", path, service, explain(err))
	}
	return nil
}
