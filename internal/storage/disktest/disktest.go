//go:build linux

// Package disktest makes small file systems for tests that fill them.
package disktest

import (
	"syscall"
	"testing"
)

// Small mounts a file system of size, as "12m", until the test ends, and returns its folder. It skips a test that has no right
// to mount.
func Small(t testing.TB, size string) string {
	t.Helper()
	folder := t.TempDir()
	if err := syscall.Mount("tmpfs", folder, "tmpfs", 0, "size="+size); err != nil {
		t.Skipf("needs the right to mount a small file system: %v", err)
	}
	t.Cleanup(func() {
		if err := syscall.Unmount(folder, 0); err != nil {
			t.Errorf("unmount: %v", err)
		}
	})
	return folder
}
