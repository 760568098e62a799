// Reads and writes that return a value.
package storage

import "context"

// WriteValue is DB.Write for a function that returns a value.
func WriteValue[T any](ctx context.Context, db *DB, run func(tx *Tx) (T, error)) (T, error) {
	var value T
	err := db.Write(ctx, func(_ context.Context, tx *Tx) (err error) {
		value, err = run(tx)
		return err
	})
	return value, err
}

// ReadValue is DB.Read for a function that returns a value.
func ReadValue[T any](ctx context.Context, db *DB, run func(tx *Tx) (T, error)) (T, error) {
	var value T
	err := db.Read(ctx, func(tx *Tx) (err error) {
		value, err = run(tx)
		return err
	})
	return value, err
}
