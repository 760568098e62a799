// What the tables of a database are made of, as its migrations say.
package storage

import (
	"context"
	"database/sql"
	"fmt"
	"io/fs"
	"log/slog"
	"slices"
	"strings"
)

// tableShape is a table as both engines have it.
type tableShape struct {
	name    string
	columns []columnShape
	// key are the columns of the primary key.
	key []columnShape
	// counter is the column that numbers the rows, "" if there is none.
	counter string
	parents []string
}

type columnShape struct {
	name string
	kind kind
}

// kind is what a column holds.
type kind byte

const (
	kindNumber kind = 'i'
	kindText   kind = 't'
	kindBlob   kind = 'b'
	kindTruth  kind = 'o'
)

// notCopied are the tables that every database keeps for itself.
var notCopied = []string{"storage_version", "service_version", "storage_owner", "storage_probe"}

// tableShapes returns the tables that the migrations make, those that others
// refer to before those.
func tableShapes(ctx context.Context, service fs.FS) ([]tableShape, error) {
	pool, err := sql.Open("sqlite", ":memory:")
	if err != nil {
		return nil, err
	}
	defer pool.Close()
	pool.SetMaxOpenConns(1) // each connection would have a memory of its own
	if err := sqliteDialect.migrate(ctx, pool, "in memory", service, slog.New(slog.DiscardHandler)); err != nil {
		return nil, err
	}
	return readShapes(ctx, pool)
}

func readShapes(ctx context.Context, pool *sql.DB) ([]tableShape, error) {
	names, err := collect(ctx, pool, sqliteDialect.allTables+" ORDER BY name")
	if err != nil {
		return nil, err
	}
	var tables []tableShape
	for _, row := range names {
		if name := row[0].(string); !slices.Contains(notCopied, name) {
			table, err := readShape(ctx, pool, name)
			if err != nil {
				return nil, err
			}
			tables = append(tables, table)
		}
	}
	return parentsFirst(tables), nil
}

func readShape(ctx context.Context, pool *sql.DB, name string) (tableShape, error) {
	table := tableShape{name: name}
	columns, err := collect(ctx, pool, "SELECT name, type, pk FROM pragma_table_info('"+name+"') ORDER BY pk, cid")
	if err != nil {
		return table, err
	}
	for _, row := range columns {
		column := columnShape{row[0].(string), kindOf(row[1].(string))}
		table.columns = append(table.columns, column)
		if row[2].(int64) > 0 {
			table.key = append(table.key, column)
		}
	}
	if len(table.key) == 0 {
		return table, fmt.Errorf("table %s has no key", name)
	}
	parents, err := collect(ctx, pool, "SELECT DISTINCT \"table\" FROM pragma_foreign_key_list('"+name+"')")
	if err != nil {
		return table, err
	}
	for _, row := range parents {
		table.parents = append(table.parents, row[0].(string))
	}
	made, err := collect(ctx, pool, "SELECT sql FROM sqlite_master WHERE name = '"+name+"'")
	if err == nil && strings.Contains(made[0][0].(string), "AUTOINCREMENT") {
		table.counter = table.key[0].name
	}
	return table, err
}

func kindOf(declared string) kind {
	switch declared {
	case "TEXT":
		return kindText
	case "BLOB":
		return kindBlob
	case "BOOLEAN":
		return kindTruth
	}
	return kindNumber
}

// parentsFirst orders tables so that each follows those that it refers to.
func parentsFirst(tables []tableShape) []tableShape {
	var ordered []tableShape
	placed := map[string]bool{}
	for len(ordered) < len(tables) {
		before := len(ordered)
		for _, table := range tables {
			waits := slices.ContainsFunc(table.parents, func(parent string) bool { return !placed[parent] && parent != table.name })
			if !placed[table.name] && !waits {
				placed[table.name] = true
				ordered = append(ordered, table)
			}
		}
		if len(ordered) == before {
			return tables // a circle, which no order suits
		}
	}
	return ordered
}

// collect returns the rows of a query.
func collect(ctx context.Context, pool queryer, query string, arguments ...any) ([][]any, error) {
	rows, err := pool.QueryContext(ctx, query, arguments...)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	names, err := rows.Columns()
	if err != nil {
		return nil, err
	}
	var all [][]any
	for rows.Next() {
		row, places := make([]any, len(names)), make([]any, len(names))
		for i := range row {
			places[i] = &row[i]
		}
		if err := rows.Scan(places...); err != nil {
			return nil, err
		}
		all = append(all, row)
	}
	return all, rows.Err()
}

// names lists the columns for a statement.
func (t tableShape) names() []string {
	names := make([]string, len(t.columns))
	for i, column := range t.columns {
		names[i] = column.name
	}
	return names
}
