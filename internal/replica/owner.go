// Whose replica it is: a file in it names the service, the history that its
// database is part of, and the process that writes to it.
package replica

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"strings"
	"time"
)

var (
	// ErrForeign means that the replica holds the history of another database.
	ErrForeign = errors.New("replica of another database")
	// ErrSuperseded means that another process has taken the replica over.
	ErrSuperseded = errors.New("replica taken over by another process")
)

// ownerFile is beside the folders of the levels.
const ownerFile = "owner.json"

// owner is what the file says.
type owner struct {
	Service string `json:"service"`
	// Lineage is storage.DB.Lineage of the database.
	Lineage string `json:"lineage"`
	// Instance is a process that writes to the replica, made anew at each start.
	Instance string    `json:"instance"`
	Host     string    `json:"host"`
	Since    time.Time `json:"since"`
}

// readOwner returns nil if nobody has written to the replica yet.
func readOwner(ctx context.Context, at place) (*owner, error) {
	// A missing file is told from a missing replica.
	if _, err := at.list(ctx, at.level(0), false); err != nil {
		return nil, err
	}
	return loadOwner(ctx, at)
}

func loadOwner(ctx context.Context, at place) (*owner, error) {
	ctx, cancel := context.WithTimeout(ctx, smallTalk)
	defer cancel()
	file, err := at.open(ctx, ownerFile, 0, 0)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	content, err := io.ReadAll(io.LimitReader(file, 64<<10))
	if err := errors.Join(err, file.Close()); err != nil {
		return nil, why(ctx, err)
	}
	var found owner
	if err := json.Unmarshal(content, &found); err != nil || found.Service == "" {
		return nil, fmt.Errorf("%s/%s is damaged: it does not say whose replica this is; choose an address where nothing is yet, or move what is there away", at, ownerFile)
	}
	return &found, nil
}

func (o *owner) write(ctx context.Context, at place) error {
	content, err := json.Marshal(o)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, smallTalk)
	defer cancel()
	_, err = at.put(ctx, ownerFile, strings.NewReader(string(content)+"\n"), time.Now(), anyway)
	return err
}

// checkService refuses the replica of another service.
func (o *owner) checkService(at place, service string) error {
	if o == nil || o.Service == service {
		return nil
	}
	return fmt.Errorf("%w: %s belongs to the service %s, not to %s; give each service an address of its own", ErrForeign, at, o.Service, service)
}

// checkLineage refuses the replica of another database of the same service, and one
// of which nobody says whose it is. Both may still be blank.
func (o *owner) checkLineage(at place, lineage string) error {
	switch {
	case o == nil:
		return fmt.Errorf("%w: %s holds files, but no %s that says whose; choose an address where nothing is yet, or move what is there away",
			ErrForeign, at, ownerFile)
	case o.Lineage == lineage:
		return nil
	}
	return fmt.Errorf("%w: %s holds the history of another database of the service %s; choose an address where nothing is yet, or move what is there away",
		ErrForeign, at, o.Service)
}

// check refuses to go on if another process has written its name since.
func (o *owner) check(ctx context.Context, at place) error {
	found, err := loadOwner(ctx, at)
	if err != nil {
		return err
	}
	return o.isNamedBy(found, at)
}

// isNamedBy returns why found, what the replica says, does not name this process.
func (o *owner) isNamedBy(found *owner, at place) error {
	switch {
	case found == nil:
		return fmt.Errorf("%s/%s is gone: somebody has removed the replica; restart the service to begin it anew", at, ownerFile)
	case found.Instance != o.Instance:
		return fmt.Errorf("%w: one on %s writes to %s since %s; two services must not share a replica: stop one, and give it an empty volume to begin with what the other has",
			ErrSuperseded, found.Host, at, found.Since.Format(time.RFC3339))
	}
	return nil
}
