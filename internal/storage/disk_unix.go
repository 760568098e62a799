//go:build linux || darwin

package storage

import "golang.org/x/sys/unix"

// diskSpace returns the size of the file system that holds folder, and how much
// of it this process may still use.
func diskSpace(folder string) (size, free uint64) {
	var disk unix.Statfs_t
	if unix.Statfs(folder, &disk) != nil {
		return 0, 0
	}
	return disk.Blocks * uint64(disk.Bsize), disk.Bavail * uint64(disk.Bsize)
}
