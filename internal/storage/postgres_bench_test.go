package storage

import (
	"context"
	"sync/atomic"
	"testing"

	"fountain.coach/fountainai/internal/storage/postgrestest"
)

// BenchmarkServerWrite: sixteen clients of three replicas each count in a line
// of their own, or all in one.
func BenchmarkServerWrite(b *testing.B) {
	for name, lines := range map[string]int64{"apart": 1 << 30, "one line": 1} {
		b.Run(name, func(b *testing.B) {
			all := replicas(b, postgrestest.URL(b), 3)
			var next atomic.Int64
			const count = `INSERT INTO sequence_scopes (scope_id, last_number) VALUES ($1, 1)
				ON CONFLICT (scope_id) DO UPDATE SET last_number = sequence_scopes.last_number + 1 RETURNING last_number`
			b.SetParallelism(8)
			b.RunParallel(func(pb *testing.PB) {
				client := next.Add(1)
				db := all[client%3]
				for i := int64(0); pb.Next(); i++ {
					err := db.Write(context.Background(), func(_ context.Context, tx *Tx) error {
						var number, scope int64 = 0, (client<<20 + i) % lines
						if err := tx.QueryRow(count, []any{scope}, &number); err != nil {
							return err
						}
						_, err := tx.Exec("INSERT INTO sequence_numbers (scope_id, sequence_number) VALUES ($1, $2)", scope, number)
						return err
					})
					if err != nil {
						b.Error(err)
					}
				}
			})
		})
	}
}
