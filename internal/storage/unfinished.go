// A copy of a database that is being made, or was when its maker was stopped.
package storage

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
)

// ErrUnfinished means that a database is a copy that is not whole.
var ErrUnfinished = errors.New("unfinished copy")

// unfinishedTable is in a database for as long as it is not whole.
const unfinishedTable = "storage_unfinished"

// refuseUnfinished keeps a service from taking half a copy for its database.
func (d dialect) refuseUnfinished(ctx context.Context, db queryer, name string) error {
	found, err := d.tableExists(ctx, db, unfinishedTable)
	if err != nil {
		return explain(err)
	}
	if found {
		return fmt.Errorf("%w: %s was being filled by fountain migrate; run the same command again to finish it", ErrUnfinished, name)
	}
	return nil
}

// unfinishedSuffix is what the name of a file has until its copy is whole.
const unfinishedSuffix = ".unfinished"

// refuseUnfinishedFile keeps a service from beginning an empty file where a copy
// is about to be.
func refuseUnfinishedFile(path string) error {
	if _, err := os.Stat(path); !errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if _, err := os.Stat(path + unfinishedSuffix); err != nil {
		return nil
	}
	return fmt.Errorf("%w: %s was being filled by fountain migrate; run the same command again to finish it, or remove the file",
		ErrUnfinished, path+unfinishedSuffix)
}
