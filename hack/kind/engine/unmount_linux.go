package engine

import (
	"errors"
	"fmt"

	"github.com/moby/sys/mountinfo"
	"golang.org/x/sys/unix"
)

// unmount takes away what an engine has left mounted below its folder, the innermost first.
func unmount(folder string) error {
	mounts, err := mountinfo.GetMounts(mountinfo.PrefixFilter(folder))
	if err != nil {
		return err
	}
	for i := range mounts {
		place := mounts[len(mounts)-1-i].Mountpoint
		if err := unix.Unmount(place, unix.MNT_DETACH); err != nil && !errors.Is(err, unix.EINVAL) {
			return fmt.Errorf("cannot unmount %s: %w", place, err)
		}
	}
	return nil
}
