// Copying a whole database to another one, on either engine: row by row, with a
// digest of each table, so that what arrives can be held against what was there.
package storage

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"time"
)

var (
	// ErrNotEmpty means that a copy would go where there is something else.
	ErrNotEmpty = errors.New("the target is not empty")
	// ErrOlder means that an older version of the program wrote the database.
	ErrOlder = errors.New("database is older than this program")
	// ErrDiffers means that a copy is not what it was made of.
	ErrDiffers = errors.New("the copy differs")
)

// Copy says what is to be copied where.
type Copy struct {
	// Service is whose database it is, Migrations what makes its tables.
	Service    string
	Migrations fs.FS
	// From and To are a path of a SQLite file or the URL of a server.
	From, To string
	// Logger is told of migrations; slog.Default if nil.
	Logger *slog.Logger
	// Progress, if not nil, is told of rows as they are read; see Transfer.Work.
	Progress func(rows int)

	// from is which schema the source is, once it is open.
	from identity
	// patience is how long to wait for the lock of a schema on a server.
	patience time.Duration
}

// schemaPatience is longer than a service takes to make its tables.
const schemaPatience = 10 * time.Second

// CopiedTable is what a table came to.
type CopiedTable struct {
	Table string `json:"table"`
	Rows  int64  `json:"rows"`
	// SHA256 is the digest of the rows in the order of their keys, in hex. It
	// is the same on both engines.
	SHA256 string `json:"sha256"`
	// Counter is the highest identifier that was ever given out, 0 where the
	// table does not count.
	Counter int64 `json:"counter,omitempty"`
}

// Transfer is a copy under way. Nobody writes to either end meanwhile.
type Transfer struct {
	copy   Copy
	tables []tableShape
	source *copyEnd
	target copyTarget
	rows   int64
	found  []CopiedTable
}

// copyTarget is where a copy goes, on one of the engines. Until finish it is
// marked as unfinished, and no service takes it for its database.
type copyTarget interface {
	end() *copyEnd
	// isMarked reports whether the target is unfinished.
	isMarked() bool
	// fill inserts all rows in one transaction, and sets the table's counter.
	fill(ctx context.Context, table tableShape, rows *rowReader, counter int64) error
	// clear empties the tables, in the order given, in one transaction.
	clear(ctx context.Context, tables []tableShape) error
	// finish takes the mark away, on a server also those of others in the database.
	finish(ctx context.Context, all []*Transfer) error
	close() error
}

// BeginCopy opens both ends. It returns an error that wraps ErrInUse if a
// process has one of them open; ErrForeign, ErrNewer or ErrOlder if the source
// is not one that this program copies.
func BeginCopy(ctx context.Context, c Copy) (t *Transfer, err error) {
	if c.Logger == nil {
		c.Logger = slog.Default()
	}
	if c.Progress == nil {
		c.Progress = func(int) {}
	}
	c.patience = cmp.Or(c.patience, schemaPatience)
	t = &Transfer{copy: c}
	defer func() {
		if err != nil {
			err = errors.Join(err, t.Close())
			t = nil
		}
	}()
	if t.tables, err = tableShapes(ctx, c.Migrations); err != nil {
		return t, err
	}
	if t.source, err = openSource(ctx, c); err != nil {
		return t, fmt.Errorf("open the source: %w", err)
	}
	c.from = t.source.identity
	if err := t.source.check(ctx, c); err != nil {
		return t, err
	}
	for _, table := range t.tables {
		count, err := t.source.count(ctx, table)
		if err != nil {
			return t, err
		}
		t.rows += count
	}
	if t.target, err = openTarget(ctx, c); err != nil {
		return t, fmt.Errorf("open the target: %w", err)
	}
	return t, nil
}

// Work returns how many rows Progress will be told of if the copy begins anew:
// each is read twice, at the source and at the target.
func (t *Transfer) Work() int { return int(2 * t.rows) }

// Run copies what the target does not have yet and compares all of it. What an
// earlier run has copied stays if it is the same. It returns an error that wraps
// ErrNotEmpty if the target holds something else and is not unfinished.
func (t *Transfer) Run(ctx context.Context) ([]CopiedTable, error) {
	stage("begin")
	same, err := t.compareAll(ctx)
	if err != nil {
		return nil, err
	}
	if !t.target.isMarked() {
		if len(same) == len(t.tables) {
			return t.found, nil // it is there already
		}
		return nil, fmt.Errorf("%w: %s holds other content than %s; name an empty one", ErrNotEmpty, t.target.end().name, t.source.name)
	}
	if err := t.prepare(ctx, same); err != nil {
		return nil, err
	}
	for i, table := range t.tables {
		if same[table.name] {
			continue
		}
		if err := t.fill(ctx, table, t.found[i].Counter); err != nil {
			return nil, fmt.Errorf("copy table %s of %s: %w", table.name, t.source.name, explain(err))
		}
		stage("filled " + table.name)
	}
	return t.found, t.verify(ctx, same)
}

// compareAll reads the source, and those tables of the target that hold as many
// rows. It returns the tables that are the same.
func (t *Transfer) compareAll(ctx context.Context) (map[string]bool, error) {
	same := map[string]bool{}
	t.found = t.found[:0]
	for _, table := range t.tables {
		found, err := t.source.digest(ctx, table, t.copy.Progress)
		if err != nil {
			return nil, fmt.Errorf("read table %s of %s: %w", table.name, t.source.name, explain(err))
		}
		t.found = append(t.found, found)
		count, err := t.target.end().count(ctx, table)
		if err != nil {
			return nil, err
		}
		if count != found.Rows {
			continue
		}
		there, err := t.target.end().digest(ctx, table, func(int) {})
		if err != nil {
			return nil, err
		}
		if there == found {
			same[table.name] = true
			t.copy.Progress(int(found.Rows))
		}
	}
	return same, nil
}

// prepare empties the target if what an earlier run left there is not a part of
// this copy.
func (t *Transfer) prepare(ctx context.Context, same map[string]bool) error {
	for _, table := range t.tables {
		count, err := t.target.end().count(ctx, table)
		if err != nil {
			return err
		}
		if count == 0 || same[table.name] {
			continue
		}
		clear(same)
		return t.target.clear(ctx, t.tables)
	}
	return nil
}

func (t *Transfer) fill(ctx context.Context, table tableShape, counter int64) error {
	rows, err := t.source.read(ctx, table, func(int) {})
	if err != nil {
		return err
	}
	defer rows.close()
	return t.target.fill(ctx, table, rows, counter)
}

// verify reads what was copied from the target and compares it.
func (t *Transfer) verify(ctx context.Context, same map[string]bool) error {
	for i, table := range t.tables {
		if same[table.name] {
			continue
		}
		there, err := t.target.end().digest(ctx, table, t.copy.Progress)
		if err != nil {
			return err
		}
		if there != t.found[i] {
			return fmt.Errorf("%w: table %s has %+v in %s and %+v in %s", ErrDiffers, table.name, t.found[i], t.source.name, there, t.target.end().name)
		}
	}
	stage("verified")
	return nil
}

// Finish makes the targets of all transfers databases that services open, those in one
// database of a server at once. Run must have ended well for each before.
//
// It returns an error that wraps ErrInUse, and has changed nothing, if a service that
// was not seen when they began is connected to one of their ends.
func Finish(ctx context.Context, all ...*Transfer) error {
	for _, t := range all {
		for _, end := range []*copyEnd{t.source, t.target.end()} {
			if err := end.refuseUsed(ctx, t.copy.Service); err != nil {
				return err
			}
		}
	}
	for _, t := range all {
		if t.target.isMarked() {
			if err := t.target.finish(ctx, all); err != nil {
				return fmt.Errorf("finish %s: %w", t.target.end().name, explain(err))
			}
		}
		stage("finished")
	}
	return nil
}

// Close lets both ends go. What is not finished stays as it is, to be gone on
// with.
func (t *Transfer) Close() error {
	var failures []error
	if t.source != nil {
		failures = append(failures, t.source.close())
	}
	if t.target != nil {
		failures = append(failures, t.target.close())
	}
	return errors.Join(failures...)
}

// stage is told how far a copy is; tests stop it there.
var stage = func(string) {}
