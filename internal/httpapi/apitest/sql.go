// Looking at a service's database, and at SQLite's plans for its queries.
package apitest

import (
	"context"
	"regexp"
	"strconv"
	"strings"

	"fountain.coach/fountainai/internal/storage"
)

// Exec changes the database behind the service's back.
func (s *Service) Exec(statement string, arguments ...any) {
	s.t.Helper()
	err := s.Instance.DB.Write(context.Background(), func(_ context.Context, tx *storage.Tx) error {
		_, err := tx.Exec(statement, arguments...)
		return err
	})
	if err != nil {
		s.t.Fatalf("%s: %v", statement, err)
	}
}

// RefuseInserts makes every later INSERT into a table fail.
func (s *Service) RefuseInserts(table string) {
	s.t.Helper()
	if engine == storage.SQLite {
		s.Exec("CREATE TRIGGER full_" + table + " BEFORE INSERT ON " + table + " BEGIN SELECT RAISE(FAIL, 'full'); END")
		return
	}
	s.Exec("CREATE OR REPLACE FUNCTION refuse() RETURNS trigger AS $$ BEGIN RAISE EXCEPTION 'full'; END $$ LANGUAGE plpgsql")
	s.Exec("CREATE TRIGGER full_" + table + " BEFORE INSERT ON " + table + " FOR EACH ROW EXECUTE FUNCTION refuse()")
}

// Count runs a query for one number, on the connection that writes.
func (s *Service) Count(query string, arguments ...any) (number int64) {
	s.t.Helper()
	err := s.Instance.DB.Write(context.Background(), func(_ context.Context, tx *storage.Tx) error {
		return tx.QueryRow(query, arguments, &number)
	})
	if err != nil {
		s.t.Fatalf("%s: %v", query, err)
	}
	return number
}

// tables returns the names of the tables that only this service has, with those
// that refer to others before the others.
func (s *Service) tables() []string {
	s.t.Helper()
	const query = `SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%' AND name NOT LIKE 'goose_%'
		AND name NOT LIKE 'storage_%' AND name NOT LIKE 'sequence_%' AND name <> 'idempotency_keys' ORDER BY rowid DESC`
	names, err := storage.ReadValue(context.Background(), s.Instance.DB, func(tx *storage.Tx) ([]string, error) {
		if engine == storage.PostgreSQL {
			return s.Instance.DB.Tables(tx)
		}
		return storage.All(tx, query, nil, func(row func(dest ...any) error, name *string) error { return row(name) })
	})
	if err != nil || len(names) == 0 {
		s.t.Fatalf("tables: got %v, %v", names, err)
	}
	return names
}

var placeholder = regexp.MustCompile(`\$(\d+)`)

// Plan returns SQLite's plan for a statement, a step an item. Its arguments are
// null.
func (s *Service) Plan(statement string) []string {
	s.t.Helper()
	NeedsSQLite(s.t, "it looks at SQLite's plans")
	count := 0
	for _, match := range placeholder.FindAllStringSubmatch(statement, -1) {
		number, _ := strconv.Atoi(match[1])
		count = max(count, number)
	}
	steps, err := storage.ReadValue(context.Background(), s.Instance.DB, func(tx *storage.Tx) ([]string, error) {
		return storage.All(tx, "EXPLAIN QUERY PLAN "+statement, make([]any, count), func(row func(dest ...any) error, step *string) error {
			var id, parent, unused int
			return row(&id, &parent, &unused, step)
		})
	})
	if err != nil {
		s.t.Fatalf("%s: %v", statement, err)
	}
	return steps
}

// Searches fails the test unless the statement finds its rows by an index and,
// where order matters, in order: no table is scanned, nothing is sorted.
func (s *Service) Searches(statement string) {
	s.t.Helper()
	steps := s.Plan(statement)
	if len(steps) == 0 {
		s.t.Errorf("%s\n\tno plan", statement)
	}
	for _, step := range steps {
		if !strings.HasPrefix(step, "SEARCH ") || !strings.Contains(step, " USING ") {
			s.t.Errorf("%s\n\tplan: %s", statement, step)
		}
	}
}
