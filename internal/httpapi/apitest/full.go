// What a service does when the disk that holds its database is full.
package apitest

import (
	"context"
	"fmt"
	"net/http"
	"testing"

	"fountain.coach/fountainai/internal/storage"
)

// changeable are the tables that operations change, by engine.
var changeable = map[storage.Engine]string{
	storage.SQLite: `SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%'
		AND name NOT LIKE 'storage_%' AND name NOT LIKE '%_version' AND name <> 'ballast' ORDER BY name`,
	storage.PostgreSQL: `SELECT tablename FROM pg_tables WHERE schemaname = current_schema()
		AND tablename NOT LIKE 'storage_%' AND tablename NOT LIKE '%_version' ORDER BY tablename`,
}

// FillDisk leaves the database no room to grow, and has every change need some:
// a small one could still find its place in pages that are half empty. A server,
// whose disk is not ours to fill, says of every change what it says when its disk
// is full. MakeRoom ends it.
func (s *Service) FillDisk() {
	s.t.Helper()
	if engine == storage.PostgreSQL {
		s.Exec(`CREATE OR REPLACE FUNCTION full_disk() RETURNS trigger LANGUAGE plpgsql AS
			$$ BEGIN RAISE EXCEPTION 'could not extend file: No space left on device' USING ERRCODE = 'disk_full'; END $$`)
		for _, name := range s.changeable() {
			s.Exec("CREATE TRIGGER heavy AFTER INSERT OR UPDATE OR DELETE ON " + name + " FOR EACH ROW EXECUTE FUNCTION full_disk()")
		}
		return
	}
	s.Exec("CREATE TABLE IF NOT EXISTS ballast (content BLOB)")
	for _, name := range s.changeable() {
		for _, event := range []string{"INSERT", "UPDATE", "DELETE"} {
			s.Exec(fmt.Sprintf(`CREATE TRIGGER IF NOT EXISTS heavy_%s_%s AFTER %[2]s ON %[1]s
				BEGIN INSERT INTO ballast VALUES (zeroblob(65536)); END`, name, event))
		}
	}
	s.pragma("max_page_count = 1") // SQLite makes it what the database has
}

func (s *Service) changeable() []string {
	s.t.Helper()
	names, err := storage.ReadValue(context.Background(), s.Instance.DB, func(tx *storage.Tx) ([]string, error) {
		return storage.All(tx, changeable[engine], nil, func(row func(dest ...any) error, name *string) error { return row(name) })
	})
	if err != nil || len(names) == 0 {
		s.t.Fatalf("tables: got %v, %v", names, err)
	}
	return names
}

// MakeRoom lets the database grow again.
func (s *Service) MakeRoom() {
	s.t.Helper()
	if engine == storage.PostgreSQL {
		s.Exec("DROP FUNCTION full_disk CASCADE")
		return
	}
	s.pragma("max_page_count = 1000000")
}

// pragma changes how SQLite's connection that writes behaves.
func (s *Service) pragma(pragma string) {
	s.t.Helper()
	err := s.Instance.DB.Write(context.Background(), func(_ context.Context, tx *storage.Tx) error {
		return tx.Query("PRAGMA "+pragma, nil, func(func(dest ...any) error) error { return nil })
	})
	if err != nil {
		s.t.Fatalf("%s: %v", pragma, err)
	}
}

// checkFullDisk: a full disk refuses every change as a whole, with 507 and
// without a time to come back at, for only a person can mend it. What is there
// can be read, and with room again the same request succeeds with the same key.
func checkFullDisk(t *testing.T, st Stage, calls []Call) {
	for _, c := range first(calls, func(c Call) bool { return c.Method != http.MethodGet }) {
		t.Run(c.Operation, func(t *testing.T) {
			s := st.Start(t)
			var headers []string
			if c.Method == http.MethodPost {
				headers = []string{"Idempotency-Key", "full"}
			}
			before := state(s, calls)
			s.FillDisk()
			for range 2 {
				answer := c.send(s, headers...).Refused(507, "storage_full", "").Problem("storage_full", "Free some space")
				if answer.Header.Get("Retry-After") != "" {
					t.Errorf("Retry-After: %s", answer.Header.Get("Retry-After"))
				}
				wantUnchanged(s, calls, before)
			}
			s.MakeRoom()
			if answer := c.send(s, headers...); answer.Status >= 300 || answer.Header.Get("Idempotency-Replayed") != "" {
				t.Errorf("with room again: got %d %s", answer.Status, answer.Body)
			}
		})
	}
}
