// Slowing a disk down: a limit of the kernel on what a process writes to it.
package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// throttle is a control group of the kernel, version 1 or 2, whose processes
// write to one device no more often than allowed.
type throttle struct {
	folder string
	// file and unlimited are where the limit is written, and what lifts it.
	file, unlimited string
	// format makes a limit of writes a second.
	format string
}

// newThrottle returns an error that says which control groups were looked for.
func newThrottle(device string) (*throttle, error) {
	number, err := os.ReadFile(filepath.Join("/sys/block", filepath.Base(device), "dev"))
	if err != nil {
		return nil, err
	}
	id, name := strings.TrimSpace(string(number)), "fountain-soak-"+strconv.Itoa(os.Getpid())
	kinds := []throttle{
		{"/sys/fs/cgroup/blkio", "blkio.throttle.write_iops_device", id + " 0", id + " %d"},
		{"/sys/fs/cgroup", "io.max", id + " wiops=max", id + " wiops=%d"},
	}
	var missing []error
	for _, t := range kinds {
		if t.file == "io.max" {
			// The groups below the root have a controller only if it gives it.
			_ = os.WriteFile(filepath.Join(t.folder, "cgroup.subtree_control"), []byte("+io"), 0o644)
		}
		t.folder = filepath.Join(t.folder, name)
		err := os.Mkdir(t.folder, 0o755)
		if err == nil {
			err = t.set(t.unlimited)
		}
		if err == nil {
			return &t, nil
		}
		_ = os.Remove(t.folder)
		missing = append(missing, err)
	}
	return nil, fmt.Errorf("no control group can slow the disk down: %w", errors.Join(missing...))
}

// add has the limit hold for a process.
func (t *throttle) add(pid int) error {
	return os.WriteFile(filepath.Join(t.folder, "cgroup.procs"), []byte(strconv.Itoa(pid)), 0o644)
}

// limit allows so many writes to the device a second.
func (t *throttle) limit(writes int) error { return t.set(fmt.Sprintf(t.format, writes)) }

func (t *throttle) lift() error { return t.set(t.unlimited) }

func (t *throttle) set(text string) error {
	return os.WriteFile(filepath.Join(t.folder, t.file), []byte(text), 0o644)
}

// close must be called when no process is in the group any more.
func (t *throttle) close() error { return errors.Join(t.lift(), os.Remove(t.folder)) }
