//go:build !linux

package engine

// unmount has nothing to do: dockerd runs on Linux alone.
func unmount(string) error { return nil }
