package storage

import (
	"context"
	"database/sql/driver"
	"testing"
)

func BenchmarkMicro(b *testing.B) {
	db := openTest(b, Options{})
	c := db.writer.connection
	must(b, c.exec("BEGIN IMMEDIATE"))
	b.Run("sp-sql", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			c.exec("SAVEPOINT s0")
			c.exec("RELEASE s0")
		}
	})
	var sp, rel driver.StmtExecContext
	c.conn.Raw(func(x any) error {
		s, _ := x.(driver.ConnPrepareContext).PrepareContext(context.Background(), "SAVEPOINT s0")
		sp = s.(driver.StmtExecContext)
		s, _ = x.(driver.ConnPrepareContext).PrepareContext(context.Background(), "RELEASE s0")
		rel = s.(driver.StmtExecContext)
		return nil
	})
	ctx := context.Background()
	b.Run("sp-raw", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			sp.ExecContext(ctx, nil)
			rel.ExecContext(ctx, nil)
		}
	})
	b.Run("insert-sql", func(b *testing.B) {
		b.ReportAllocs()
		tx := &Tx{connection: c}
		for b.Loop() {
			tx.Exec(benchInsert, 5, "INT. THEATRE - NIGHT", benchBody)
		}
	})
	var ins driver.StmtExecContext
	c.conn.Raw(func(x any) error {
		s, _ := x.(driver.ConnPrepareContext).PrepareContext(context.Background(), benchInsert)
		ins = s.(driver.StmtExecContext)
		return nil
	})
	b.Run("insert-raw", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			ins.ExecContext(ctx, []driver.NamedValue{{Ordinal: 1, Value: int64(5)}, {Ordinal: 2, Value: "INT. THEATRE - NIGHT"}, {Ordinal: 3, Value: benchBody}})
		}
	})
	b.Run("sp-insert-rel-raw", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			sp.ExecContext(ctx, nil)
			ins.ExecContext(ctx, []driver.NamedValue{{Ordinal: 1, Value: int64(5)}, {Ordinal: 2, Value: "INT. THEATRE - NIGHT"}, {Ordinal: 3, Value: benchBody}})
			rel.ExecContext(ctx, nil)
		}
	})
	must(b, c.exec("ROLLBACK"))
	b.Run("begin-rollback-sql", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			c.exec("BEGIN")
			c.exec("ROLLBACK")
		}
	})
	b.Run("read1", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			db.Read(ctx, func(tx *Tx) error {
				var s string
				return tx.QueryRow("SELECT heading FROM lines WHERE id = $1", []any{5}, &s)
			})
		}
	})
	b.Run("read1-nobegin", func(b *testing.B) {
		b.ReportAllocs()
		tx := &Tx{connection: c}
		for b.Loop() {
			var s string
			tx.QueryRow("SELECT heading FROM lines WHERE id = $1", []any{5}, &s)
		}
	})
}
